// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: a VFIO device that is nothing but regions, a reset, and what
 * its kind adds.
 */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/platform_device.h>

#include "test.h"

static struct mig_test *vdev_to_test(struct vfio_device *vdev)
{
	return container_of(vdev, struct mig_test, vdev);
}

static int test_dev_init(struct vfio_device *vdev)
{
	struct platform_device *pdev = to_platform_device(vdev->dev);
	struct mig_test *t = vdev_to_test(vdev);
	int ret;

	t->kind = (void *)platform_get_device_id(pdev)->driver_data;
	init_rwsem(&t->mem_lock);
	mig_test_control_init(t);
	t->mem = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP,
					  get_order(VFIO_MIG_TEST_MEM_SIZE));
	if (!t->mem)
		return -ENOMEM;
	ret = t->kind->init(t, pdev->id);
	if (ret)
		free_pages((unsigned long)t->mem,
			   get_order(VFIO_MIG_TEST_MEM_SIZE));
	return ret;
}

static void test_dev_release(struct vfio_device *vdev)
{
	struct mig_test *t = vdev_to_test(vdev);

	t->kind->destroy(t);
	free_pages((unsigned long)t->mem, get_order(VFIO_MIG_TEST_MEM_SIZE));
	mutex_destroy(&t->lock);
}

static int test_dev_open(struct vfio_device *vdev)
{
	struct mig_test *t = vdev_to_test(vdev);

	t->kind->open(t);
	return 0;
}

static void test_dev_close(struct vfio_device *vdev)
{
	struct mig_test *t = vdev_to_test(vdev);

	t->kind->close(t);
}

static ssize_t test_dev_read(struct vfio_device *vdev, char __user *buf,
			     size_t len, loff_t *pos)
{
	struct mig_test *t = vdev_to_test(vdev);

	switch (*pos) {
	case VFIO_MIG_TEST_CONTROL:
		return mig_test_control_read(t, buf, len);
	case VFIO_MIG_TEST_STATUS:
		return mig_test_status_read(t, buf, len);
	default:
		return -EINVAL;
	}
}

static ssize_t test_dev_write(struct vfio_device *vdev, const char __user *buf,
			      size_t len, loff_t *pos)
{
	if (*pos != VFIO_MIG_TEST_CONTROL)
		return -EINVAL;
	return mig_test_control_write(vdev_to_test(vdev), buf, len);
}

static long test_dev_ioctl(struct vfio_device *vdev, unsigned int cmd,
			   unsigned long arg)
{
	struct mig_test *t = vdev_to_test(vdev);

	if (cmd != VFIO_DEVICE_RESET)
		return -ENOTTY;
	t->kind->reset(t);
	return 0;
}

static vm_fault_t test_dev_fault(struct vm_fault *vmf)
{
	struct mig_test *t = vmf->vma->vm_private_data;
	const pgoff_t page = vmf->pgoff - (VFIO_MIG_TEST_MEM >> PAGE_SHIFT);

	guard(rwsem_read)(&t->mem_lock);
	return vmf_insert_pfn(vmf->vma, vmf->address,
			      (__pa(t->mem) >> PAGE_SHIFT) + page);
}

static const struct vm_operations_struct test_dev_vm_ops = {
	.fault = test_dev_fault,
};

static int test_dev_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff != VFIO_MIG_TEST_MEM >> PAGE_SHIFT ||
	    vma->vm_end - vma->vm_start > VFIO_MIG_TEST_MEM_SIZE ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = vdev_to_test(vdev);
	vma->vm_ops = &test_dev_vm_ops;
	return 0;
}

const struct vfio_device_ops mig_test_vfio_ops = {
	.name = VFIO_MIG_TEST_NAME,
	.init = test_dev_init,
	.release = test_dev_release,
	.open_device = test_dev_open,
	.close_device = test_dev_close,
	.read = test_dev_read,
	.write = test_dev_write,
	.ioctl = test_dev_ioctl,
	.mmap = test_dev_mmap,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};
