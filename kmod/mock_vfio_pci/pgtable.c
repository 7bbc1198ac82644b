// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the I/O page table that the functions' DMA really walks.
 *
 * Four levels of 512 entries over 48 bits; an entry of the lower three may be
 * a leaf, for 1 GiB, 2 MiB or 4 KiB.  Those who change a table take its mutex.
 * DMA walks without the mutex, but under pt->dma for reading; so a table page
 * may be freed, and an unmapping may be called finished, once pt->dma could be
 * taken for writing.
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "mock.h"

#define PTE_PRESENT	BIT_ULL(0)
#define PTE_READ	BIT_ULL(1)
#define PTE_WRITE	BIT_ULL(2)
#define PTE_LEAF	BIT_ULL(3)
#define PTE_ADDR	GENMASK_ULL(51, 12)

#define MOCK_PT_LEVELS	4
#define MOCK_PT_ENTRIES	512

static unsigned int level_shift(int level)
{
	return PAGE_SHIFT + 9 * level;
}

static u64 *pte_at(u64 *table, u64 iova, int level)
{
	return table + ((iova >> level_shift(level)) & (MOCK_PT_ENTRIES - 1));
}

static u64 *pte_table(u64 pte)
{
	return phys_to_virt(pte & PTE_ADDR);
}

static int pgsize_level(size_t pgsize)
{
	return (ilog2(pgsize) - PAGE_SHIFT) / 9;
}

static u64 *table_alloc(gfp_t gfp)
{
	return (u64 *)get_zeroed_page(gfp);
}

static void table_free(u64 *table, int level)
{
	int i;

	for (i = 0; level && i < MOCK_PT_ENTRIES; i++)
		if ((table[i] & PTE_PRESENT) && !(table[i] & PTE_LEAF))
			table_free(pte_table(table[i]), level - 1);
	free_page((unsigned long)table);
}

static bool table_is_empty(const u64 *table, int level)
{
	int i;

	for (i = 0; i < MOCK_PT_ENTRIES; i++) {
		if (!(table[i] & PTE_PRESENT))
			continue;
		if ((table[i] & PTE_LEAF) || !level ||
		    !table_is_empty(pte_table(table[i]), level - 1))
			return false;
	}
	return true;
}

/**
 * mock_pt_init - an empty page table
 * @pt: to be initialized
 *
 * Return: 0 or -ENOMEM.
 */
int mock_pt_init(struct mock_pt *pt)
{
	mutex_init(&pt->lock);
	init_rwsem(&pt->dma);
	pt->top = table_alloc(GFP_KERNEL_ACCOUNT);
	return pt->top ? 0 : -ENOMEM;
}

/**
 * mock_pt_destroy - opposite of mock_pt_init()
 * @pt: no longer in use
 */
void mock_pt_destroy(struct mock_pt *pt)
{
	table_free(pt->top, MOCK_PT_LEVELS - 1);
	mutex_destroy(&pt->lock);
}

/**
 * mock_pt_sync - wait for DMA that may use a translation just removed
 * @pt: the table
 *
 * Context: may sleep.
 */
void mock_pt_sync(struct mock_pt *pt)
{
	down_write(&pt->dma);
	up_write(&pt->dma);
}

/* The entry for iova at a level, with the tables above it made as needed. */
static u64 *pte_for_map(struct mock_pt *pt, u64 iova, int level, gfp_t gfp)
{
	u64 *table = pt->top, *pte, *next;
	int l;

	for (l = MOCK_PT_LEVELS - 1; l > level; l--) {
		pte = pte_at(table, iova, l);
		if (*pte & PTE_LEAF)
			return ERR_PTR(-EEXIST);
		if (!(*pte & PTE_PRESENT)) {
			next = table_alloc(gfp);
			if (!next)
				return ERR_PTR(-ENOMEM);
			smp_store_release(pte, virt_to_phys(next) | PTE_PRESENT);
		}
		table = pte_table(*pte);
	}
	return pte_at(table, iova, level);
}

/* Where a large page goes a table may be left over, empty, from small ones. */
static int pte_drop_empty_table(struct mock_pt *pt, u64 *pte, int level)
{
	u64 *table = pte_table(*pte);

	if ((*pte & PTE_LEAF) || !table_is_empty(table, level - 1))
		return -EEXIST;
	down_write(&pt->dma);
	WRITE_ONCE(*pte, 0);
	up_write(&pt->dma);
	table_free(table, level - 1);
	return 0;
}

/**
 * mock_pt_map - map one page
 * @pt: the table
 * @iova: where, aligned to @pgsize
 * @paddr: to what, aligned to @pgsize
 * @pgsize: one of MOCK_PT_PGSIZES
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @gfp: for table pages
 *
 * Return: 0, -EEXIST or -ENOMEM.
 */
int mock_pt_map(struct mock_pt *pt, u64 iova, u64 paddr, size_t pgsize,
		int prot, gfp_t gfp)
{
	const int level = pgsize_level(pgsize);
	u64 *pte;
	int ret = 0;

	mutex_lock(&pt->lock);
	pte = pte_for_map(pt, iova, level, gfp);
	if (IS_ERR(pte))
		ret = PTR_ERR(pte);
	else if (*pte & PTE_PRESENT)
		ret = pte_drop_empty_table(pt, pte, level);
	if (!ret)
		smp_store_release(pte, paddr | PTE_PRESENT | PTE_LEAF |
				  (prot & IOMMU_READ ? PTE_READ : 0) |
				  (prot & IOMMU_WRITE ? PTE_WRITE : 0));
	mutex_unlock(&pt->lock);
	return ret;
}

/* The leaf that covers iova, and its level; NULL if there is none. */
static u64 *pte_find(const struct mock_pt *pt, u64 iova, int *level)
{
	u64 *table = pt->top;
	u64 *pte, val;
	int l;

	for (l = MOCK_PT_LEVELS - 1; l >= 0; l--) {
		pte = pte_at(table, iova, l);
		val = smp_load_acquire(pte);
		if (!(val & PTE_PRESENT))
			return NULL;
		if (val & PTE_LEAF) {
			*level = l;
			return pte;
		}
		table = pte_table(val);
	}
	return NULL;
}

/**
 * mock_pt_unmap - unmap one page
 * @pt: the table
 * @iova: an address in it
 * @pgsize: its size, as far as the caller knows
 *
 * DMA may still use the translation until mock_pt_sync().
 *
 * Return: bytes unmapped, which is more than @pgsize if a larger page lies
 * there, and 0 if none.
 */
size_t mock_pt_unmap(struct mock_pt *pt, u64 iova, size_t pgsize)
{
	size_t size = 0;
	int level;
	u64 *pte;

	mutex_lock(&pt->lock);
	pte = pte_find(pt, iova, &level);
	if (pte) {
		WRITE_ONCE(*pte, 0);
		size = 1UL << level_shift(level);
	}
	mutex_unlock(&pt->lock);
	return size;
}

/**
 * mock_pt_walk - translate
 * @pt: the table
 * @iova: the address
 * @prot: what is to be done there, IOMMU_READ and/or IOMMU_WRITE, or 0
 * @paddr: the physical address
 * @len: on return, bytes from there to the end of the page
 *
 * Context: under pt->dma, or where nothing is unmapped meanwhile.
 * Return: 0, -ENOENT if nothing is mapped, -EACCES if not for @prot.
 */
int mock_pt_walk(const struct mock_pt *pt, u64 iova, int prot, u64 *paddr,
		 size_t *len)
{
	u64 *pte, val, offset;
	int level;

	if (iova >> MOCK_PT_BITS)
		return -ENOENT;
	pte = pte_find(pt, iova, &level);
	val = pte ? READ_ONCE(*pte) : 0;
	if (!(val & PTE_PRESENT))
		return -ENOENT;
	if (((prot & IOMMU_READ) && !(val & PTE_READ)) ||
	    ((prot & IOMMU_WRITE) && !(val & PTE_WRITE)))
		return -EACCES;
	offset = iova & ((1ULL << level_shift(level)) - 1);
	*paddr = (val & PTE_ADDR) + offset;
	*len = (1ULL << level_shift(level)) - offset;
	return 0;
}
