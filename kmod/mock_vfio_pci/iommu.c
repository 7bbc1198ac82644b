// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the software IOMMU in front of the functions.
 *
 * A driver of the kernel's IOMMU API whose "hardware" is mock_io_map(): every
 * byte that a function moves goes through the page table that the API
 * has set up.  Outside of a paging domain all DMA faults: the module never
 * reaches beyond memory that a user has mapped for it.
 */
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/property.h>
#include <linux/slab.h>

#include <uapi/linux/iommufd.h>

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
 * DMA is done through the kernel's own mapping of memory, so it must be sure
 * that what is mapped is the user's: pages that the caller has pinned.  A frame
 * that VFIO has read from a process's page table may be another's by now.
 *
 * The first frame is memory, and callers put only such behind it.
 */
static bool mock_is_pinned(unsigned long pfn, unsigned long count)
{
	struct folio *folio;
	unsigned long n;

	for (; count; pfn += n, count -= n) {
		folio = page_folio(pfn_to_page(pfn));
		if (folio_test_reserved(folio) || !folio_maybe_dma_pinned(folio))
			return false;
		n = folio_nr_pages(folio) -
		    folio_page_idx(folio, pfn_to_page(pfn));
		n = min(n, count);
	}
	return true;
}

/* Device memory, the page of zeros, or a frame that is mapped but not there. */
static int mock_map_reserved(struct mock_pt *pt, u64 iova, unsigned long pfn,
			     int prot, gfp_t gfp, size_t *mapped)
{
	int peer = mock_peers_get(&pt->peers, pfn, gfp), ret;

	if (!peer)
		prot |= MOCK_PT_PEER;
	else if (peer != -ENOENT)
		return peer;
	else if (pfn != page_to_pfn(ZERO_PAGE(0)))
		prot = 0;
	ret = mock_pt_map(pt, iova, PFN_PHYS(pfn), SZ_4K, 1, prot, gfp, mapped);
	if (ret && !peer)
		mock_peers_put(&pt->peers, pfn);
	return ret;
}

/* Each page may be another's: a run is contiguous by chance only. */
static int mock_map_each(struct mock_pt *pt, u64 iova, unsigned long pfn,
			 size_t size, int prot, gfp_t gfp, size_t *mapped)
{
	size_t done = 0;
	int ret = 0;

	while (done < size && !ret)
		ret = mock_map_reserved(pt, iova + done, pfn + PHYS_PFN(done),
					prot, gfp, &done);
	*mapped += done;
	return ret;
}

/*
 * A user may also map a real device's BAR, or one that is no longer there: that
 * is translated, but faults.
 */
static int mock_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_pt *pt = &to_mock_domain(domain)->pt;
	const unsigned long pfn = PHYS_PFN(paddr);
	const size_t size = pgsize * pgcount;

	const bool memory = pfn_valid(pfn);

	if (memory && PageReserved(pfn_to_page(pfn)))
		return mock_map_each(pt, iova, pfn, size, prot, gfp, mapped);
	if (!memory || !mock_is_pinned(pfn, PHYS_PFN(size)))
		prot = 0;
	return mock_pt_map(pt, iova, paddr, pgsize, pgcount, prot, gfp, mapped);
}

static size_t mock_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	const size_t size = pgsize * pgcount;

	/* The core syncs only what was gathered. */
	iommu_iotlb_gather_add_range(gather, iova, size);
	return mock_pt_unmap(&to_mock_domain(domain)->pt, iova, size);
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
	return mock_pt_phys(&to_mock_domain(domain)->pt, iova);
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

static int mock_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	mock_pt_track_dirty(&to_mock_domain(domain)->pt, enable);
	return 0;
}

/* Without a bitmap it is the cleaning before tracking begins. */
static int mock_read_and_clear_dirty(struct iommu_domain *domain,
				     unsigned long iova, size_t size,
				     unsigned long flags,
				     struct iommu_dirty_bitmap *dirty)
{
	struct mock_pt *pt = &to_mock_domain(domain)->pt;

	if (dirty->bitmap && !READ_ONCE(pt->track))
		return -EINVAL;
	mock_pt_read_dirty(pt, iova, size, !(flags & IOMMU_DIRTY_NO_CLEAR),
			   dirty);
	return 0;
}

static const struct iommu_dirty_ops mock_dirty_ops = {
	.set_dirty_tracking = mock_set_dirty_tracking,
	.read_and_clear_dirty = mock_read_and_clear_dirty,
};

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

/* iommufd's; all that a user can ask for is dirty tracking. */
static struct iommu_domain *mock_domain_alloc_flags(struct device *dev, u32 flags
						    COMPAT_ALLOC_PARENT,
						    const struct iommu_user_data *user_data)
{
	struct iommu_domain *domain;

	if ((flags & ~IOMMU_HWPT_ALLOC_DIRTY_TRACKING) || user_data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = mock_domain_alloc(dev);
	if (!IS_ERR(domain) && flags)
		domain->dirty_ops = &mock_dirty_ops;
	return domain;
}

static bool mock_iommu_capable(struct device *dev, enum iommu_cap cap)
{
	return cap == IOMMU_CAP_CACHE_COHERENCY ||
	       cap == IOMMU_CAP_ENFORCE_CACHE_COHERENCY ||
	       cap == IOMMU_CAP_DIRTY_TRACKING;
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
	.COMPAT_DOMAIN_ALLOC_FLAGS = mock_domain_alloc_flags,
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
	rcu_barrier();	/* page tables */
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

/**
 * mock_io_begin - a function is about to access memory
 * @io: to be initialized
 * @fn: the function
 *
 * Until mock_io_end() nothing that was translated goes away; keep it short, for
 * whoever unmaps has to wait.
 *
 * Context: may sleep.
 * Return: 0, or -ENODEV if it is cut off from all memory.
 */
int mock_io_begin(struct mock_io *io, struct mock_fn *fn)
{
	down_read(&fn->domain_lock);
	if (!fn->domain) {
		up_read(&fn->domain_lock);
		return -ENODEV;
	}
	*io = (struct mock_io) { .fn = fn, .pt = fn->domain };
	down_read(&io->pt->dma);
	return 0;
}

/**
 * mock_io_end - opposite of mock_io_begin()
 * @io: the access
 */
void mock_io_end(struct mock_io *io)
{
	if (io->peers)
		mock_peer_end();
	up_read(&io->pt->dma);
	up_read(&io->fn->domain_lock);
}

static int mock_io_peer(struct mock_io *io, struct mock_span *span)
{
	if (!io->peers)
		mock_peer_begin();
	io->peers = true;
	span->mem = mock_peer_find(span->leaf.paddr, &span->offset);
	return span->mem ? 0 : -ENXIO;
}

/* As long as the function has a domain, the PCI core has the function. */
static void mock_io_report(const struct mock_io *io, u64 iova, int prot, int err)
{
	struct mock_domain *md = container_of(io->pt, struct mock_domain, pt);
	struct device *dev = &io->fn->pdev->dev;
	const bool write = prot & IOMMU_WRITE;

	report_iommu_fault(&md->domain, dev, iova,
			   write ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ);
	dev_warn_ratelimited(dev, "DMA fault: %s at iova 0x%llx: %s\n",
			     write ? "write" : "read", iova,
			     err == -ENOENT ? "not mapped" :
			     err == -EACCES ? "not allowed" : "no answer");
}

/**
 * mock_io_map - translate
 * @io: the access
 * @iova: where
 * @prot: IOMMU_READ or IOMMU_WRITE
 * @span: what is there; after a write it goes to mock_io_wrote()
 *
 * Return: 0, or what made it a fault, which has been reported: -ENOENT and
 * -EACCES of mock_pt_walk(), -ENXIO for another function that does not answer.
 */
int mock_io_map(struct mock_io *io, u64 iova, int prot, struct mock_span *span)
{
	int ret;

	span->mem = NULL;
	ret = mock_pt_walk(io->pt, iova, prot, &span->leaf);
	if (!ret && span->leaf.peer)
		ret = mock_io_peer(io, span);
	if (ret) {
		mock_io_report(io, iova, prot, ret);
		return ret;
	}
	span->data = phys_to_virt(span->leaf.paddr);
	span->len = span->leaf.len;
	return 0;
}

/**
 * mock_io_wrote - a function has written memory
 * @io: the access
 * @span: all or part of it was written
 *
 * Of memory larger than a page of the table all is noted as dirty.
 */
void mock_io_wrote(struct mock_io *io, const struct mock_span *span)
{
	if (io->pt->track)
		mock_pt_mark_dirty(&span->leaf);
	if (span->mem)
		mock_mem_dirty(span->mem, span->offset);
}

MODULE_INFO(import_ns, "IOMMUFD");	/* for iova_bitmap_set() */
