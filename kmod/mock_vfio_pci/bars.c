// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the BARs as regions of the VFIO device.
 *
 * vfio-pci-core cannot map what is not there, so all access to the three BARs
 * is served here: registers by calls into the device model, device memory by
 * its pages, as the aperture shows them, the MSI-X table read-only, for the host
 * programs it.
 */
#include <linux/mm.h>
#include <linux/pm_runtime.h>
#include <linux/uaccess.h>

#include "../compat.h"
#include "vfio.h"

#define MOCK_REG_CHUNK	64

static bool mock_bar_is_ours(unsigned int index)
{
	return index == MOCK_VFIO_BAR_REGS || index == MOCK_VFIO_BAR_MEM ||
	       index == MOCK_VFIO_BAR_MSIX;
}

static void mock_bar_fill_info(struct mock_vfio *mv,
			       struct vfio_region_info *info)
{
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(info->index);
	info->size = pci_resource_len(mv->core.pdev, info->index);
	info->flags = 0;
	if (info->size)
		info->flags = VFIO_REGION_INFO_FLAG_READ |
			      VFIO_REGION_INFO_FLAG_WRITE;
	if (info->index == MOCK_VFIO_BAR_MEM)
		info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

#ifdef COMPAT_HAS_REGION_INFO_CAPS
/**
 * mock_bar_region_info - vfio_device_ops.get_region_info_caps
 * @vdev: the device
 * @info: index in, the rest out
 * @caps: none are added for our BARs
 *
 * Return: 0 or an error.
 */
int mock_bar_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			 struct vfio_info_cap *caps)
{
	if (!mock_bar_is_ours(info->index))
		return vfio_pci_ioctl_get_region_info(vdev, info, caps);
	mock_bar_fill_info(to_mock_vfio(vdev), info);
	return 0;
}
#else
/**
 * mock_bar_ioctl - vfio_device_ops.ioctl
 * @vdev: the device
 * @cmd: all but VFIO_DEVICE_GET_REGION_INFO of our BARs go to the core
 * @arg: its argument
 *
 * Return: 0 or an error.
 */
long mock_bar_ioctl(struct vfio_device *vdev, unsigned int cmd,
		    unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info = {};

	if (cmd != VFIO_DEVICE_GET_REGION_INFO)
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	if (!mock_bar_is_ours(info.index))
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	info.argsz = minsz;
	info.cap_offset = 0;
	mock_bar_fill_info(to_mock_vfio(vdev), &info);
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}
#endif

/* With memory_lock held: a reset or a disabled BAR has its mappings zapped. */
static bool mock_bar_answers(struct mock_vfio *mv)
{
	return !mv->core.pm_runtime_engaged && mock_cfg_decodes_memory(mv->fn);
}

static int mock_regs_io(struct mock_vfio *mv, void *data, size_t len, u64 pos,
			bool write)
{
	int ret = -EIO;

	down_read(&mv->core.memory_lock);
	if (mock_bar_answers(mv)) {
		ret = 0;
		if (write)
			ret = mock_reg_write(mv->fn, pos, data, len);
		else
			mock_reg_read(mv->fn, pos, data, len);
	}
	up_read(&mv->core.memory_lock);
	return ret;
}

/* User memory is touched without any lock held: it may be a BAR itself. */
static ssize_t mock_regs_rw(struct mock_vfio *mv, char __user *buf,
			    size_t count, u64 pos, bool write)
{
	u8 data[MOCK_REG_CHUNK];
	size_t len = min(count, sizeof(data));
	int ret;

	if (write && copy_from_user(data, buf, len))
		return -EFAULT;
	ret = mock_regs_io(mv, data, len, pos, write);
	if (ret)
		return ret;
	if (!write && copy_to_user(buf, data, len))
		return -EFAULT;
	return len;
}

static bool mock_bar_may_access(struct mock_vfio *mv)
{
	bool answers;

	down_read(&mv->core.memory_lock);
	answers = mock_bar_answers(mv);
	up_read(&mv->core.memory_lock);
	return answers;
}

/* Up to a page.  Pages stay for the life of the function, so no lock is held. */
static ssize_t mock_mem_rw(struct mock_vfio *mv, char __user *buf, size_t count,
			   u64 pos, bool write)
{
	const size_t len = min_t(size_t, count, PAGE_SIZE - offset_in_page(pos));
	struct mock_mem *mem = &mv->fn->dev.mem;
	struct page *page;
	unsigned long left;

	if (!mock_bar_may_access(mv))
		return -EIO;
	pos += READ_ONCE(mem->base);
	page = mock_mem_page(mem, pos, write);
	if (write && !page)
		return -ENOMEM;
	if (write) {
		left = copy_from_user(page_address(page) + offset_in_page(pos),
				      buf, len);
		mock_mem_dirty(mem, pos);
	} else if (page) {
		left = copy_to_user(buf, page_address(page) +
				    offset_in_page(pos), len);
	} else {
		left = clear_user(buf, len);
	}
	return left ? -EFAULT : len;
}

/* The host owns the table: what a user writes is dropped, as in vfio-pci-core. */
static ssize_t mock_msix_rw(struct mock_vfio *mv, char __user *buf, size_t count,
			    u64 pos, bool write)
{
	if (!mock_bar_may_access(mv))
		return -EIO;
	if (!write && copy_to_user(buf, mv->fn->irq.bar + pos, count))
		return -EFAULT;
	return count;
}

static ssize_t mock_bar_rw_some(struct mock_vfio *mv, unsigned int index,
				char __user *buf, size_t count, u64 pos,
				bool write)
{
	switch (index) {
	case MOCK_VFIO_BAR_REGS:
		return mock_regs_rw(mv, buf, count, pos, write);
	case MOCK_VFIO_BAR_MEM:
		return mock_mem_rw(mv, buf, count, pos, write);
	default:
		return mock_msix_rw(mv, buf, count, pos, write);
	}
}

static ssize_t mock_bar_rw(struct mock_vfio *mv, unsigned int index,
			   char __user *buf, size_t count, loff_t *ppos,
			   bool write)
{
	const u64 size = pci_resource_len(mv->core.pdev, index);
	u64 pos = *ppos & VFIO_PCI_OFFSET_MASK;
	ssize_t done = 0, n = 0;

	if (pos >= size)
		return -EINVAL;
	count = min_t(u64, count, size - pos);
	for (; count; count -= n, pos += n, buf += n, done += n) {
		n = mock_bar_rw_some(mv, index, buf, count, pos, write);
		if (n < 0 || signal_pending(current))
			break;
		cond_resched();
	}
	if (n > 0 && count)	/* a signal came after a piece was done */
		done += n;
	*ppos += done;
	return done ? done : n;
}

static ssize_t mock_vfio_rw(struct vfio_device *vdev, char __user *buf,
			    size_t count, loff_t *ppos, bool write)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);
	const unsigned int index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct device *dev = &mv->core.pdev->dev;
	ssize_t ret;

	ret = pm_runtime_resume_and_get(dev);
	if (ret < 0)
		return -EIO;
	ret = mock_bar_rw(mv, index, buf, count, ppos, write);
	pm_runtime_put(dev);
	return ret;
}

/**
 * mock_bar_read - vfio_device_ops.read
 * @vdev: the device
 * @buf: to here
 * @count: bytes
 * @ppos: region and offset
 *
 * Return: bytes read or an error; -EIO while the BARs do not answer.
 */
ssize_t mock_bar_read(struct vfio_device *vdev, char __user *buf, size_t count,
		      loff_t *ppos)
{
	if (!mock_bar_is_ours(VFIO_PCI_OFFSET_TO_INDEX(*ppos)))
		return vfio_pci_core_read(vdev, buf, count, ppos);
	return count ? mock_vfio_rw(vdev, buf, count, ppos, false) : 0;
}

/**
 * mock_bar_write - vfio_device_ops.write
 * @vdev: the device
 * @buf: from here
 * @count: bytes
 * @ppos: region and offset
 *
 * Return: bytes written or an error; -EIO while the BARs do not answer.
 */
ssize_t mock_bar_write(struct vfio_device *vdev, const char __user *buf,
		       size_t count, loff_t *ppos)
{
	if (!mock_bar_is_ours(VFIO_PCI_OFFSET_TO_INDEX(*ppos)))
		return vfio_pci_core_write(vdev, buf, count, ppos);
	return count ? mock_vfio_rw(vdev, (char __user *)buf, count, ppos, true) :
		       0;
}

static u64 mock_bar_fault_offset(const struct vm_fault *vmf)
{
	const struct vm_area_struct *vma = vmf->vma;

	return (((u64)vma->vm_pgoff << PAGE_SHIFT) & VFIO_PCI_OFFSET_MASK) +
	       ((vmf->address & PAGE_MASK) - vma->vm_start);
}

/*
 * vfio_iommu_type1 maps what one fault has made writable, else it fails.  So a
 * page is mapped for writing at once, but for a read while changes are noted.
 */
static bool mock_bar_fault_writes(const struct vm_fault *vmf,
				  const struct mock_mem *mem)
{
	return vmf->vma->vm_flags & VM_WRITE &&
	       (vmf->flags & FAULT_FLAG_WRITE || !READ_ONCE(mem->watch));
}

/*
 * With map_lock held: the aperture stays where it is, and for a write the page
 * is dirty before anyone who cleans it can get between.
 */
static vm_fault_t mock_bar_insert(struct mock_mem *mem, struct vm_fault *vmf)
{
	const u64 offset = mem->base + mock_bar_fault_offset(vmf);
	struct vm_area_struct *vma = vmf->vma;
	struct page *page = mock_mem_page(mem, offset, true);
	pgprot_t prot = vma->vm_page_prot;

	if (!page)
		return VM_FAULT_OOM;
	if (mock_bar_fault_writes(vmf, mem)) {
		mock_mem_dirty(mem, offset);
		prot = vm_get_page_prot(vma->vm_flags);
	}
	return vmf_insert_pfn_prot(vma, vmf->address, page_to_pfn(page), prot);
}

static vm_fault_t mock_bar_fault(struct vm_fault *vmf)
{
	struct mock_vfio *mv = vmf->vma->vm_private_data;
	struct mock_mem *mem = &mv->fn->dev.mem;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&mv->core.memory_lock);
	if (mock_bar_answers(mv)) {
		down_read(&mem->map_lock);
		ret = mock_bar_insert(mem, vmf);
		up_read(&mem->map_lock);
	}
	up_read(&mv->core.memory_lock);
	return ret;
}

static void mock_bar_zap_range(struct mock_vfio *mv, u64 offset, u64 len)
{
	unmap_mapping_range(mv->core.vdev.inode->i_mapping,
			    VFIO_PCI_INDEX_TO_OFFSET(MOCK_VFIO_BAR_MEM) + offset,
			    len, true);
}

/*
 * A write meets a page that is mapped read-only.  If the entry were only made
 * writable, as the caller would do, then somebody could clean the page or move
 * the aperture and back in between, and the same entry be there again: the write
 * would go unnoticed.  So it is mapped anew; the lock is held for writing, lest a
 * reader brings the old entry back in between, again and again.
 */
static vm_fault_t mock_bar_mkwrite(struct vm_fault *vmf)
{
	struct mock_vfio *mv = vmf->vma->vm_private_data;
	struct mock_mem *mem = &mv->fn->dev.mem;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&mv->core.memory_lock);
	if (mock_bar_answers(mv)) {
		down_write(&mem->map_lock);
		mock_bar_zap_range(mv, mock_bar_fault_offset(vmf), PAGE_SIZE);
		ret = mock_bar_insert(mem, vmf);
		up_write(&mem->map_lock);
	}
	up_read(&mv->core.memory_lock);
	return ret;
}

static const struct vm_operations_struct mock_bar_vm_ops = {
	.fault = mock_bar_fault,
	.pfn_mkwrite = mock_bar_mkwrite,
};

/**
 * mock_bar_protect - have the next access through a mapping fault
 * @mv: the device
 * @offset: in device memory
 * @len: bytes
 *
 * What the aperture does not show is not mapped.
 *
 * Context: may sleep; under no lock that a fault handler takes.
 */
void mock_bar_protect(struct mock_vfio *mv, u64 offset, u64 len)
{
	struct mock_mem *mem = &mv->fn->dev.mem;
	u64 begin, end;

	down_write(&mem->map_lock);
	begin = max(offset, mem->base);
	end = min(offset + len, mem->base + mem->window);
	if (begin < end)
		mock_bar_zap_range(mv, begin - mem->base, end - begin);
	up_write(&mem->map_lock);
}

/**
 * mock_bar_zap - undo all mappings
 * @mv: the device, map_lock of its memory held for writing
 *
 * Context: may sleep; under no lock that a fault handler takes but that one.
 */
void mock_bar_zap(struct mock_vfio *mv)
{
	mock_bar_zap_range(mv, 0, mv->fn->dev.mem.window);
}

/**
 * mock_bar_unmap - have the next access through any mapping fault
 * @mv: the device
 *
 * Context: as mock_bar_protect().
 */
void mock_bar_unmap(struct mock_vfio *mv)
{
	down_write(&mv->fn->dev.mem.map_lock);
	mock_bar_zap(mv);
	up_write(&mv->fn->dev.mem.map_lock);
}

/**
 * mock_bar_mmap - vfio_device_ops.mmap
 * @vdev: the device
 * @vma: a shared mapping of any part of the device memory BAR
 *
 * Return: 0, or -EINVAL for anything else.
 */
int mock_bar_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);
	const u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;
	const u64 end = (pos & VFIO_PCI_OFFSET_MASK) + vma->vm_end - vma->vm_start;

	if (VFIO_PCI_OFFSET_TO_INDEX(pos) != MOCK_VFIO_BAR_MEM ||
	    !(vma->vm_flags & VM_SHARED) || end > mv->fn->dev.mem.window)
		return -EINVAL;
	vma->vm_private_data = mv;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &mock_bar_vm_ops;
	return 0;
}
