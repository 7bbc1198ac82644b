// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the I/O page table that the functions' DMA really walks.
 *
 * Four levels of 512 entries over 48 bits; an entry of the lower three may be
 * a leaf, for 1 GiB, 2 MiB or 4 KiB.  Those who change a table, or read what
 * is dirty, take its mutex.  DMA walks without the mutex, but under pt->dma for
 * reading; so an unmapping may be called finished once pt->dma could be taken for
 * writing.  Table pages are freed after that and a grace period of RCU, for those
 * who only look.
 *
 * A table page counts its entries in use (page_private), and goes with the last
 * one.  Only the top is there always, so no table is ever found empty.
 *
 * DMA touches an entry for one thing only, to set its dirty bit.  It does so
 * after the data is written: who finds a page clean, or has just cleaned it,
 * and then copies it, has either copied that data or will find the page dirty
 * the next time.
 */
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/vmstat.h>

#include "mock.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_READ	BIT_ULL(1)
#define PTE_WRITE	BIT_ULL(2)
#define PTE_LEAF	BIT_ULL(3)
#define PTE_DIRTY	BIT_ULL(4)
#define PTE_PEER	BIT_ULL(5)	/* another function's device memory */
#define PTE_ADDR	GENMASK_ULL(51, 12)

#define MOCK_PT_LEVELS	4
#define MOCK_PT_ENTRIES	512

static unsigned int level_shift(int level)
{
	return PAGE_SHIFT + 9 * level;
}

static u64 level_size(int level)
{
	return 1ULL << level_shift(level);
}

static unsigned int entry_index(u64 iova, int level)
{
	return (iova >> level_shift(level)) & (MOCK_PT_ENTRIES - 1);
}

static u64 *pte_table(u64 pte)
{
	return phys_to_virt(pte & PTE_ADDR);
}

static int pgsize_level(size_t pgsize)
{
	return (ilog2(pgsize) - PAGE_SHIFT) / 9;
}

static bool pt_covers(u64 iova, u64 size)
{
	return size <= 1ULL << MOCK_PT_BITS &&
	       iova <= (1ULL << MOCK_PT_BITS) - size;
}

/* Shown to the administrator as what other IOMMUs' tables are shown as. */
static void table_account(struct page *page, int n)
{
	mod_node_page_state(page_pgdat(page), NR_IOMMU_PAGES, n);
	mod_node_page_state(page_pgdat(page), NR_SECONDARY_PAGETABLE, n);
}

static u64 *table_alloc(gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_ZERO);

	if (!page)
		return NULL;
	set_page_private(page, 0);
	table_account(page, 1);
	return page_address(page);
}

static void table_free(struct page *page)
{
	set_page_private(page, 0);
	__free_page(page);
}

static void table_free_rcu(struct rcu_head *head)
{
	table_free(container_of(head, struct page, rcu_head));
}

/* No DMA uses them any more, but mock_pt_phys() may. */
static void table_free_list(struct list_head *list)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru) {
		table_account(page, -1);
		call_rcu(&page->rcu_head, table_free_rcu);
	}
}

static void table_count(u64 *table, long n)
{
	struct page *page = virt_to_page(table);

	set_page_private(page, page_private(page) + n);
}

static bool table_is_empty(u64 *table)
{
	return !page_private(virt_to_page(table));
}

/**
 * mock_pt_init - an empty page table
 * @pt: to be initialized
 *
 * Return: 0 or -ENOMEM.
 */
int mock_pt_init(struct mock_pt *pt)
{
	pt->top = table_alloc(GFP_KERNEL_ACCOUNT);
	if (!pt->top)
		return -ENOMEM;
	mutex_init(&pt->lock);
	init_rwsem(&pt->dma);
	INIT_LIST_HEAD(&pt->unlinked);
	mock_peers_init(&pt->peers);
	pt->track = false;
	return 0;
}

/**
 * mock_pt_destroy - opposite of mock_pt_init()
 * @pt: no longer in use
 */
void mock_pt_destroy(struct mock_pt *pt)
{
	mock_pt_unmap(pt, 0, 1ULL << MOCK_PT_BITS);
	table_free_list(&pt->unlinked);
	table_account(virt_to_page(pt->top), -1);
	table_free(virt_to_page(pt->top));
	mock_peers_destroy(&pt->peers);
	mutex_destroy(&pt->lock);
}

/**
 * mock_pt_sync - wait for DMA that may use a translation just removed
 * @pt: the table
 *
 * Tables that were unlinked before are freed; none is found by a walk that
 * begins after that.
 *
 * Context: may sleep.
 */
void mock_pt_sync(struct mock_pt *pt)
{
	LIST_HEAD(unlinked);

	mutex_lock(&pt->lock);
	list_splice_init(&pt->unlinked, &unlinked);
	mutex_unlock(&pt->lock);
	down_write(&pt->dma);
	up_write(&pt->dma);
	table_free_list(&unlinked);
	mock_peers_synced(&pt->peers);
}

/**
 * struct pt_range - what is done to a part of a table
 * @pt: the table
 * @iova: first address
 * @last: last address
 * @unmapped: bytes that were mapped there
 * @dirty: where to note what is dirty
 * @clear: clean it
 */
struct pt_range {
	struct mock_pt *pt;
	u64 iova;
	u64 last;
	u64 unmapped;
	struct iommu_dirty_bitmap *dirty;
	bool clear;
};

/* Entries of a table that begins at base and has any of the range. */
static void range_entries(const struct pt_range *r, u64 base, int level,
			  unsigned int *first, unsigned int *last)
{
	const u64 end = base + level_size(level + 1) - 1;

	*first = r->iova > base ? entry_index(r->iova, level) : 0;
	*last = r->last < end ? entry_index(r->last, level) : MOCK_PT_ENTRIES - 1;
}

static void unmap_leaf(struct pt_range *r, u64 *pte, int level)
{
	const u64 old = xchg(pte, 0);

	if (old & PTE_PEER)
		mock_peers_put(&r->pt->peers, PHYS_PFN(old & PTE_ADDR));
	r->unmapped += level_size(level);
}

static void unmap_table(struct pt_range *r, u64 *table, u64 base, int level)
{
	unsigned int i, last;
	u64 *sub;

	range_entries(r, base, level, &i, &last);
	for (; i <= last && !table_is_empty(table); i++) {
		if (!(READ_ONCE(table[i]) & PTE_PRESENT))
			continue;
		if (table[i] & PTE_LEAF) {
			unmap_leaf(r, &table[i], level);
			table_count(table, -1);
			continue;
		}
		sub = pte_table(table[i]);
		unmap_table(r, sub, base + i * level_size(level), level - 1);
		if (!table_is_empty(sub))
			continue;
		WRITE_ONCE(table[i], 0);
		table_count(table, -1);
		list_add(&virt_to_page(sub)->lru, &r->pt->unlinked);
	}
}

static void unmap_range(struct pt_range *r)
{
	lockdep_assert_held(&r->pt->lock);
	unmap_table(r, r->pt->top, 0, MOCK_PT_LEVELS - 1);
}

/**
 * mock_pt_unmap - unmap whatever is mapped in a range
 * @pt: the table
 * @iova: its begin
 * @size: bytes
 *
 * A larger page that reaches into the range goes as a whole.  DMA may still use
 * the translations until mock_pt_sync().  Costs what is mapped, not @size.
 *
 * Return: bytes unmapped.
 */
size_t mock_pt_unmap(struct mock_pt *pt, u64 iova, u64 size)
{
	struct pt_range r = { .pt = pt, .iova = iova, .last = iova + size - 1 };

	if (!size || !pt_covers(iova, size))
		return 0;
	mutex_lock(&pt->lock);
	mock_peers_sweep(&pt->peers);
	unmap_range(&r);
	mutex_unlock(&pt->lock);
	return r.unmapped;
}

/* The table of a level for iova, with those above it made as needed. */
static u64 *table_for_map(struct mock_pt *pt, u64 iova, int level, gfp_t gfp)
{
	u64 *table = pt->top, *pte, *next;
	int l;

	for (l = MOCK_PT_LEVELS - 1; l > level; l--) {
		pte = table + entry_index(iova, l);
		if (*pte & PTE_LEAF)
			return ERR_PTR(-EEXIST);
		if (!(*pte & PTE_PRESENT)) {
			next = table_alloc(gfp);
			if (!next)
				return ERR_PTR(-ENOMEM);
			smp_store_release(pte, virt_to_phys(next) | PTE_PRESENT);
			table_count(table, 1);
		}
		table = pte_table(*pte);
	}
	return table;
}

static u64 leaf_flags(int prot)
{
	return PTE_PRESENT | PTE_LEAF | (prot & IOMMU_READ ? PTE_READ : 0) |
	       (prot & IOMMU_WRITE ? PTE_WRITE : 0) |
	       (prot & MOCK_PT_PEER ? PTE_PEER : 0);
}

/* Up to count entries, up to the end of the table.  Return: how many. */
static size_t table_fill(u64 *table, u64 iova, int level, u64 pte, size_t count)
{
	unsigned int i = entry_index(iova, level);
	size_t n;

	count = min_t(size_t, count, MOCK_PT_ENTRIES - i);
	for (n = 0; n < count && !(table[i] & PTE_PRESENT); n++, i++) {
		smp_store_release(&table[i], pte);
		pte += level_size(level);
	}
	table_count(table, n);
	return n;
}

static int map_run(struct mock_pt *pt, u64 iova, u64 pte, int level,
		   size_t count, gfp_t gfp, size_t *mapped)
{
	u64 *table = table_for_map(pt, iova, level, gfp);
	size_t n;

	if (IS_ERR(table))
		return PTR_ERR(table);
	n = table_fill(table, iova, level, pte, count);
	*mapped += n << level_shift(level);
	return n ? 0 : -EEXIST;
}

/* Tables that were made on the way to one that could not be. */
static void map_undo(struct mock_pt *pt, u64 iova)
{
	struct pt_range r = { .pt = pt, .iova = iova, .last = iova };

	unmap_range(&r);
}

/**
 * mock_pt_map - map a run of pages
 * @pt: the table
 * @iova: where, aligned to @pgsize
 * @paddr: to what, aligned to @pgsize
 * @pgsize: one of MOCK_PT_PGSIZES
 * @pgcount: pages
 * @prot: IOMMU_READ, IOMMU_WRITE, and MOCK_PT_PEER for device memory
 * @gfp: for table pages
 * @mapped: bytes that have been mapped are added to it, also upon error
 *
 * Return: 0, -EEXIST, -ENOMEM, or -ERANGE beyond MOCK_PT_BITS.
 */
int mock_pt_map(struct mock_pt *pt, u64 iova, u64 paddr, size_t pgsize,
		size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	const u64 pte = paddr | leaf_flags(prot);
	const size_t size = pgsize * pgcount;
	size_t done = 0;
	int ret = 0;

	if (!pt_covers(iova, size))
		return -ERANGE;
	mutex_lock(&pt->lock);
	mock_peers_sweep(&pt->peers);
	while (done < size && !ret)
		ret = map_run(pt, iova + done, pte + done, pgsize_level(pgsize),
			      (size - done) / pgsize, gfp, &done);
	if (ret == -ENOMEM)
		map_undo(pt, iova + done);
	mutex_unlock(&pt->lock);
	if (ret == -ENOMEM)
		mock_pt_sync(pt);
	*mapped += done;
	return ret;
}

/* The leaf that covers iova, its value and level; NULL if there is none. */
static u64 *pte_find(const struct mock_pt *pt, u64 iova, u64 *val, int *level)
{
	u64 *table = pt->top, *pte;
	int l;

	for (l = MOCK_PT_LEVELS - 1; l >= 0; l--) {
		pte = table + entry_index(iova, l);
		*val = smp_load_acquire(pte);
		if (!(*val & PTE_PRESENT))
			return NULL;
		if (*val & PTE_LEAF) {
			*level = l;
			return pte;
		}
		table = pte_table(*val);
	}
	return NULL;
}

/**
 * mock_pt_walk - translate
 * @pt: the table
 * @iova: the address
 * @prot: what is to be done there, IOMMU_READ and/or IOMMU_WRITE, or 0
 * @leaf: the translation, valid as long as the caller holds pt->dma
 *
 * Context: under pt->dma.
 * Return: 0, -ENOENT if nothing is mapped, -EACCES if not for @prot.
 */
int mock_pt_walk(const struct mock_pt *pt, u64 iova, int prot,
		 struct mock_leaf *leaf)
{
	u64 val, offset;
	int level;

	lockdep_assert_held_read(&pt->dma);
	if (iova >> MOCK_PT_BITS)
		return -ENOENT;
	leaf->pte = pte_find(pt, iova, &val, &level);
	if (!leaf->pte)
		return -ENOENT;
	if (((prot & IOMMU_READ) && !(val & PTE_READ)) ||
	    ((prot & IOMMU_WRITE) && !(val & PTE_WRITE)))
		return -EACCES;
	offset = iova & (level_size(level) - 1);
	leaf->paddr = (val & PTE_ADDR) + offset;
	leaf->len = level_size(level) - offset;
	leaf->peer = val & PTE_PEER;
	return 0;
}

/**
 * mock_pt_phys - what an address is mapped to, for those who only want to know
 * @pt: the table
 * @iova: the address
 *
 * Context: any.
 * Return: the physical address, 0 if nothing is mapped.
 */
u64 mock_pt_phys(const struct mock_pt *pt, u64 iova)
{
	u64 val, paddr = 0;
	int level;

	if (iova >> MOCK_PT_BITS)
		return 0;
	rcu_read_lock();
	if (pte_find(pt, iova, &val, &level))
		paddr = (val & PTE_ADDR) + (iova & (level_size(level) - 1));
	rcu_read_unlock();
	return paddr;
}

/**
 * mock_pt_mark_dirty - note that a page has been written
 * @leaf: its translation
 *
 * If the page is unmapped meanwhile nobody wants to know any more.
 *
 * Context: under pt->dma, after the write.
 */
void mock_pt_mark_dirty(const struct mock_leaf *leaf)
{
	u64 old;

	/* The data before the look at the bit; pairs with the clearing. */
	smp_mb();
	old = READ_ONCE(*leaf->pte);
	do {
		if (!(old & PTE_PRESENT) || (old & PTE_DIRTY))
			return;
	} while (!try_cmpxchg(leaf->pte, &old, old | PTE_DIRTY));
}

/**
 * mock_pt_track_dirty - note what DMA writes, or no longer
 * @pt: the table
 * @on: from the return of this function on
 *
 * Context: may sleep.
 */
void mock_pt_track_dirty(struct mock_pt *pt, bool on)
{
	down_write(&pt->dma);
	pt->track = on;
	up_write(&pt->dma);
}

/*
 * A page that the range has only a part of stays dirty: it is one bit for all
 * of the page, and the rest of it has not been reported.
 */
static void dirty_leaf(struct pt_range *r, u64 *pte, u64 base, int level)
{
	const u64 end = base + level_size(level) - 1;
	const u64 iova = max(base, r->iova), last = min(end, r->last);
	u64 old = READ_ONCE(*pte);

	if (!(old & PTE_DIRTY))
		return;
	if (r->clear && iova == base && last == end)
		while (!try_cmpxchg(pte, &old, old & ~PTE_DIRTY))
			;
	iommu_dirty_bitmap_record(r->dirty, iova, last - iova + 1);
}

static void dirty_table(struct pt_range *r, u64 *table, u64 base, int level)
{
	unsigned int i, last;
	u64 at;

	range_entries(r, base, level, &i, &last);
	for (; i <= last; i++) {
		if (!(table[i] & PTE_PRESENT))
			continue;
		at = base + i * level_size(level);
		if (table[i] & PTE_LEAF)
			dirty_leaf(r, &table[i], at, level);
		else
			dirty_table(r, pte_table(table[i]), at, level - 1);
	}
}

/**
 * mock_pt_read_dirty - report what has been written in a range
 * @pt: the table
 * @iova: its begin
 * @size: bytes
 * @clear: what was reported is clean from then on
 * @dirty: where to
 *
 * Costs what is mapped, not @size.
 *
 * Context: may sleep, and touch user memory.
 */
void mock_pt_read_dirty(struct mock_pt *pt, u64 iova, u64 size, bool clear,
			struct iommu_dirty_bitmap *dirty)
{
	struct pt_range r = {
		.pt = pt, .iova = iova, .last = iova + size - 1,
		.dirty = dirty, .clear = clear,
	};

	if (!size || !pt_covers(iova, size))
		return;
	mutex_lock(&pt->lock);
	dirty_table(&r, pt->top, 0, MOCK_PT_LEVELS - 1);
	mutex_unlock(&pt->lock);
}
