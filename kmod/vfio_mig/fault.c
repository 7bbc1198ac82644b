// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: failures on demand, by the kernel's fault injection.
 *
 * Where the kernel has it, each device has directories fail_POINT beside its
 * counters, with the files that Documentation/fault-injection/ of the kernel
 * explains.  What is made to fail fails with EIO, as a broken device would.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static const char * const vfio_mig_fault_names[] = {
	[VFIO_MIG_FAULT_ARC] = "fail_arc",
	[VFIO_MIG_FAULT_READ] = "fail_read",
	[VFIO_MIG_FAULT_WRITE] = "fail_write",
	[VFIO_MIG_FAULT_PRECOPY_INFO] = "fail_precopy_info",
};

/**
 * struct vfio_mig_faults - what shall fail
 * @attrs: by point
 */
struct vfio_mig_faults {
	struct fault_attr attrs[ARRAY_SIZE(vfio_mig_fault_names)];
};

/**
 * vfio_mig_fault - shall this fail?
 * @mig: the device's migration
 * @point: what is about to be done
 *
 * Context: state mutex or the session's lock held.
 * Return: 0 or -EIO.
 */
int vfio_mig_fault(struct vfio_mig *mig, enum vfio_mig_fault_point point)
{
	struct vfio_mig_faults *faults = READ_ONCE(mig->faults);

	if (!faults || !should_fail(&faults->attrs[point], 1))
		return 0;
	trace_vfio_mig_fault(mig->vdev, point, -EIO);
	return -EIO;
}

/**
 * vfio_mig_fault_add - let a device's migration be made to fail
 * @mig: the device's migration, with a directory in debugfs
 *
 * Without memory there is just nothing that can be asked for.
 */
void vfio_mig_fault_add(struct vfio_mig *mig)
{
	struct vfio_mig_faults *faults = kzalloc(sizeof(*faults), GFP_KERNEL);
	unsigned int i;

	if (!faults)
		return;
	for (i = 0; i < ARRAY_SIZE(faults->attrs); i++) {
		faults->attrs[i] = (struct fault_attr)FAULT_ATTR_INITIALIZER;
		faults->attrs[i].verbose = 0;
		fault_create_debugfs_attr(vfio_mig_fault_names[i], mig->debugfs,
					  &faults->attrs[i]);
	}
	WRITE_ONCE(mig->faults, faults);
}

/**
 * vfio_mig_fault_free - opposite of vfio_mig_fault_add()
 * @mig: the device's migration, that nobody uses any more
 */
void vfio_mig_fault_free(struct vfio_mig *mig)
{
	kfree(mig->faults);
}
