// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the software IOMMU in front of the functions.
 *
 * A driver of the kernel's IOMMU API whose "hardware" is mock_iommu_access():
 * every byte that a function moves goes through the page table that the API
 * has set up.  Outside of a paging domain all DMA faults: the module never
 * reaches beyond memory that a user has mapped for it.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/property.h>
#include <linux/slab.h>

#include "mock.h"
#include "../compat.h"

/**
 * struct mock_domain - a paging domain
 * @domain: the IOMMU core's part
 * @pt: the page table
 */
struct mock_domain {
	struct iommu_domain domain;
	struct mock_pt pt;
};

static struct iommu_device mock_iommu;
static struct fwnode_handle *mock_iommu_fwnode;
static struct iommu_ops *mock_iommu_heap_ops;

static struct mock_domain *to_mock_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

/* When this returns, no DMA uses the domain of before. */
static void mock_iommu_set_domain(struct device *dev, struct mock_pt *pt)
{
	struct mock_fn *fn = mock_fn_of(to_pci_dev(dev));

	down_write(&fn->domain_lock);
	fn->domain = pt;
	up_write(&fn->domain_lock);
}

static int mock_paging_attach(struct iommu_domain *domain,
			      struct device *dev COMPAT_ATTACH_OLD)
{
	mock_iommu_set_domain(dev, &to_mock_domain(domain)->pt);
	return 0;
}

static int mock_blocked_attach(struct iommu_domain *domain,
			       struct device *dev COMPAT_ATTACH_OLD)
{
	mock_iommu_set_domain(dev, NULL);
	return 0;
}

/*
 * DMA is done through the kernel's own mapping of memory.  A user may also map
 * a real device's BAR, which is not there: that is translated, but faults.
 * Ordinary memory is not reserved, so the slow look-up is for the others only.
 */
static bool mock_paddr_is_memory(phys_addr_t paddr)
{
	const unsigned long pfn = PHYS_PFN(paddr);

	return pfn_valid(pfn) && (!PageReserved(pfn_to_page(pfn)) ||
				  page_is_ram(pfn));
}

static int mock_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_pt *pt = &to_mock_domain(domain)->pt;
	int ret = 0;

	for (; pgcount; pgcount--, iova += pgsize, paddr += pgsize) {
		ret = mock_pt_map(pt, iova, paddr, pgsize,
				  mock_paddr_is_memory(paddr) ? prot : 0, gfp);
		if (ret)
			break;
		*mapped += pgsize;
	}
	return ret;
}

static size_t mock_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct mock_pt *pt = &to_mock_domain(domain)->pt;
	size_t done = 0, size;

	while (done < pgsize * pgcount) {
		size = mock_pt_unmap(pt, iova + done, pgsize);
		if (!size)
			break;
		done += size;
	}
	return done;
}

static void mock_flush_all(struct iommu_domain *domain)
{
	mock_pt_sync(&to_mock_domain(domain)->pt);
}

static void mock_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	mock_flush_all(domain);
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	size_t len;
	u64 paddr;

	return mock_pt_walk(&to_mock_domain(domain)->pt, iova, 0, &paddr,
			    &len) ? 0 : paddr;
}

/* DMA here is a copy by a CPU: it cannot be anything but coherent. */
static bool mock_enforce_coherency(struct iommu_domain *domain)
{
	return true;
}

static void mock_domain_free(struct iommu_domain *domain)
{
	struct mock_domain *md = to_mock_domain(domain);

	mock_pt_destroy(&md->pt);
	kfree(md);
}

static const struct iommu_domain_ops mock_paging_ops = {
	.attach_dev = mock_paging_attach,
	.map_pages = mock_map_pages,
	.unmap_pages = mock_unmap_pages,
	.flush_iotlb_all = mock_flush_all,
	.iotlb_sync = mock_iotlb_sync,
	.iova_to_phys = mock_iova_to_phys,
	.enforce_cache_coherency = mock_enforce_coherency,
	.free = mock_domain_free,
};

static const struct iommu_domain_ops mock_blocked_ops = {
	.attach_dev = mock_blocked_attach,
};

static struct iommu_domain mock_blocked_domain = {
	.type = IOMMU_DOMAIN_BLOCKED,
	.ops = &mock_blocked_ops,
};

/* The default domain: no kernel driver does DMA with a function. */
static struct iommu_domain mock_identity_domain = {
	.type = IOMMU_DOMAIN_IDENTITY,
	.ops = &mock_blocked_ops,
};

static struct iommu_domain *mock_domain_alloc(struct device *dev)
{
	struct mock_domain *md = kzalloc(sizeof(*md), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!md)
		return ERR_PTR(-ENOMEM);
	ret = mock_pt_init(&md->pt);
	if (ret) {
		kfree(md);
		return ERR_PTR(ret);
	}
	md->domain.type = IOMMU_DOMAIN_UNMANAGED;
	md->domain.ops = &mock_paging_ops;
	md->domain.pgsize_bitmap = MOCK_PT_PGSIZES;
	md->domain.geometry.aperture_end = (1ULL << MOCK_PT_BITS) - 1;
	md->domain.geometry.force_aperture = true;
	return &md->domain;
}

static bool mock_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       cap == IOMMU_CAP_ENFORCE_CACHE_COHERENCY;
}

static struct iommu_device *mock_iommu_probe(struct device *dev)
{
	if (!dev_is_pci(dev) || !mock_fn_of(to_pci_dev(dev)))
		return ERR_PTR(-ENODEV);
	return &mock_iommu;
}

static int mock_iommu_def_domain(struct device *dev)
{
	return IOMMU_DOMAIN_IDENTITY;
}

static const struct iommu_ops mock_iommu_ops = {
	.capable = mock_iommu_capable,
	.domain_alloc_paging = mock_domain_alloc,
	.probe_device = mock_iommu_probe,
	.device_group = generic_device_group,
	.def_domain_type = mock_iommu_def_domain,
	.identity_domain = &mock_identity_domain,
	.blocked_domain = &mock_blocked_domain,
	.release_domain = &mock_blocked_domain,
	.default_domain_ops = &mock_paging_ops,
};

/**
 * mock_iommu_init - register the IOMMU
 *
 * The IOMMU core takes a reference of the module that owns the operations for
 * each device, which would pin this module as long as its own functions exist;
 * operations that lie in a module but have no owner it refuses.  Hence the
 * copy on the heap; the module's exit removes the functions first.
 *
 * The firmware node keeps other devices from being taken for ours.
 *
 * Return: 0 or an error.
 */
int mock_iommu_init(void)
{
	int ret = -ENOMEM;

	mock_iommu_heap_ops = kmemdup(&mock_iommu_ops, sizeof(mock_iommu_ops),
				      GFP_KERNEL);
	if (!mock_iommu_heap_ops)
		return -ENOMEM;
	mock_iommu_fwnode = fwnode_create_software_node(NULL, NULL);
	if (IS_ERR(mock_iommu_fwnode)) {
		ret = PTR_ERR(mock_iommu_fwnode);
		goto err_ops;
	}
	mock_iommu.fwnode = mock_iommu_fwnode;
	ret = iommu_device_sysfs_add(&mock_iommu, NULL, NULL, "mock_vfio_pci");
	if (ret)
		goto err_node;
	ret = iommu_device_register(&mock_iommu, mock_iommu_heap_ops, NULL);
	if (ret)
		goto err_sysfs;
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&mock_iommu);
err_node:
	fwnode_remove_software_node(mock_iommu_fwnode);
err_ops:
	kfree(mock_iommu_heap_ops);
	return ret;
}

/**
 * mock_iommu_exit - opposite of mock_iommu_init()
 *
 * No function exists any more.
 */
void mock_iommu_exit(void)
{
	iommu_device_unregister(&mock_iommu);
	iommu_device_sysfs_remove(&mock_iommu);
	fwnode_remove_software_node(mock_iommu_fwnode);
	kfree(mock_iommu_heap_ops);
}

static struct iommu_fwspec *mock_iommu_fwspec(struct pci_dev *pdev)
{
	struct iommu_fwspec *spec = kzalloc(struct_size(spec, ids, 1), GFP_KERNEL);

	if (!spec)
		return NULL;
	spec->iommu_fwnode = fwnode_handle_get(mock_iommu_fwnode);
	spec->num_ids = 1;
	spec->ids[0] = pdev->devfn;
	return spec;
}

/**
 * mock_iommu_add - say that a device is behind our IOMMU
 * @pdev: one of our functions, before the IOMMU core has looked at it
 *
 * What iommu_fwspec_init() does; but that wants a lock of the IOMMU core, which
 * is not exported and is for devices that others can see already.  The core
 * frees all of it with the device.
 *
 * Return: 0 or -ENOMEM.
 */
int mock_iommu_add(struct pci_dev *pdev)
{
	struct iommu_fwspec *spec = mock_iommu_fwspec(pdev);
	struct dev_iommu *param = kzalloc(sizeof(*param), GFP_KERNEL);

	if (!param || !spec) {
		if (spec)
			fwnode_handle_put(spec->iommu_fwnode);
		kfree(spec);
		kfree(param);
		return -ENOMEM;
	}
	mutex_init(&param->lock);
	pdev->dev.iommu = param;
	dev_iommu_fwspec_set(&pdev->dev, spec);
	return 0;
}

/* One page.  Return: bytes copied, or an error. */
static ssize_t mock_iommu_copy(struct mock_pt *pt, u64 iova, void *data,
			       size_t len, bool write)
{
	size_t room;
	u64 paddr;
	int ret;

	down_read(&pt->dma);
	ret = mock_pt_walk(pt, iova, write ? IOMMU_WRITE : IOMMU_READ, &paddr,
			   &room);
	if (!ret) {
		len = min(len, room);
		if (write)
			memcpy(phys_to_virt(paddr), data, len);
		else
			memcpy(data, phys_to_virt(paddr), len);
	}
	up_read(&pt->dma);
	return ret ? ret : len;
}

/**
 * mock_iommu_access - a function reads or writes memory
 * @fn: the function
 * @iova: where, in its address space
 * @data: from or to here
 * @len: bytes
 * @write: to memory
 *
 * Context: may sleep.
 * Return: 0, or -EFAULT if part of it is not mapped so; what comes before that
 * part has been done.
 */
int mock_iommu_access(struct mock_fn *fn, u64 iova, void *data, size_t len,
		      bool write)
{
	ssize_t n = 0;

	down_read(&fn->domain_lock);
	if (!fn->domain)
		n = -ENODEV;
	for (; len && n >= 0; iova += n, data += n, len -= n) {
		n = mock_iommu_copy(fn->domain, iova, data, len, write);
		if (n < 0)
			break;
	}
	up_read(&fn->domain_lock);
	return n < 0 ? -EFAULT : 0;
}
