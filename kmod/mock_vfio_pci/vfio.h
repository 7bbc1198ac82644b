/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the variant driver share. */
#ifndef MOCK_VFIO_PCI_VFIO_H
#define MOCK_VFIO_PCI_VFIO_H

#include <linux/vfio_pci_core.h>

#include "mock.h"
#include "vfio_mig.h"

/**
 * struct mock_loader - how much of a loading stream is verified
 * @pos: bytes
 * @records: number of records
 * @mem_next: device memory below this has been described
 * @has_regs: the registers have come
 * @ended: the end record has come
 */
struct mock_loader {
	u64 pos;
	u32 records;
	u64 mem_next;
	bool has_regs;
	bool ended;
};

/**
 * struct mock_vfio - a function as a VFIO device
 * @core: vfio-pci-core's part, first
 * @mig: the scaffold's part
 * @fn: the function
 * @loader: state of RESUMING
 */
struct mock_vfio {
	struct vfio_pci_core_device core;
	struct vfio_mig mig;
	struct mock_fn *fn;
	struct mock_loader loader;
};

static inline struct mock_vfio *to_mock_vfio(struct vfio_device *vdev)
{
	return container_of(vdev, struct mock_vfio, core.vdev);
}

/* bars.c */
#ifdef COMPAT_HAS_REGION_INFO_CAPS
int mock_bar_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			 struct vfio_info_cap *caps);
#else
long mock_bar_ioctl(struct vfio_device *vdev, unsigned int cmd,
		    unsigned long arg);
#endif
ssize_t mock_bar_read(struct vfio_device *vdev, char __user *buf, size_t count,
		      loff_t *ppos);
ssize_t mock_bar_write(struct vfio_device *vdev, const char __user *buf,
		       size_t count, loff_t *ppos);
int mock_bar_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/* migration.c */
int mock_migration_init(struct mock_vfio *mv);

/* state.c */
int mock_state_save(struct mock_vfio *mv, struct vfio_mig_buf *buf);
u64 mock_state_size(struct mock_vfio *mv);
u64 mock_state_max(struct mock_vfio *mv);

/* load.c */
int mock_state_verify(struct mock_vfio *mv, const struct vfio_mig_buf *buf);
int mock_state_apply(struct mock_vfio *mv, const struct vfio_mig_buf *buf);

#endif /* MOCK_VFIO_PCI_VFIO_H */
