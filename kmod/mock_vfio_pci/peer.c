// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: device memory as the target of other functions' DMA.
 *
 * Users map device memory by its frame numbers, and VFIO takes no reference for
 * such a mapping, neither when it hands the frame to an IOMMU nor later.  So
 * every page of device memory is known here by its frame: an I/O page table
 * that maps it holds it, and a page whose function is gone is an orphan which
 * answers no DMA and stays until the last table has let go of it.
 *
 * That is a little later than its unmapping: after it VFIO still looks whether
 * the page is reserved, to see whether it has to unpin it.  What was unmapped
 * and synced is therefore let go by the table's next change, or with the table;
 * VFIO has done with the page by then, under its lock.
 *
 * DMA holds the lock here while it uses a page, so it does not outlast the page's
 * function nor, see mock_peer_sync(), the function's will to answer.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "mock.h"

#define MOCK_PEERS_IDLE	XA_MARK_0

/**
 * struct mock_peer - a page of device memory
 * @page: that page, marked reserved
 * @mem: what it is part of, NULL for an orphan; changed under mock_peer_lock
 * @index: its number in @mem
 * @users: @mem and the page tables that hold it, under the lock of mock_peers
 */
struct mock_peer {
	struct page *page;
	struct mock_mem *mem;
	unsigned long index;
	unsigned int users;
};

/* By frame number. */
static DEFINE_XARRAY_FLAGS(mock_peers, XA_FLAGS_ACCOUNT);
static DECLARE_RWSEM(mock_peer_lock);

/**
 * mock_peer_add - a new page of device memory
 * @mem: device memory
 * @index: number of the page
 * @page: the page, belongs to mock_peer_del() from now on
 *
 * Return: 0, or -ENOMEM.
 */
int mock_peer_add(struct mock_mem *mem, unsigned long index, struct page *page)
{
	struct mock_peer *peer;
	int ret;

	peer = kmalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!peer)
		return -ENOMEM;
	*peer = (struct mock_peer) {
		.page = page, .mem = mem, .index = index, .users = 1,
	};
	SetPageReserved(page);
	ret = xa_insert(&mock_peers, page_to_pfn(page), peer,
			GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!ret)
		return 0;
	ClearPageReserved(page);
	kfree(peer);
	return ret;
}

static void mock_peer_free(struct mock_peer *peer)
{
	ClearPageReserved(peer->page);
	__free_page(peer->page);
	kfree(peer);
}

static bool mock_peer_get(unsigned long pfn)
{
	struct mock_peer *peer;

	xa_lock(&mock_peers);
	peer = xa_load(&mock_peers, pfn);
	if (peer)
		peer->users++;
	xa_unlock(&mock_peers);
	return peer;
}

static void mock_peer_put(unsigned long pfn)
{
	struct mock_peer *peer;
	bool last;

	xa_lock(&mock_peers);
	peer = xa_load(&mock_peers, pfn);
	last = --peer->users == 0;
	if (last)
		__xa_erase(&mock_peers, pfn);
	xa_unlock(&mock_peers);
	if (last)
		mock_peer_free(peer);
}

/**
 * mock_peer_del - a page of device memory is no longer part of it
 * @page: the page; freed as soon as no page table holds it
 *
 * When this returns, no DMA uses it.
 *
 * Context: may sleep.
 */
void mock_peer_del(struct page *page)
{
	const unsigned long pfn = page_to_pfn(page);
	struct mock_peer *peer;

	down_write(&mock_peer_lock);
	peer = xa_load(&mock_peers, pfn);
	peer->mem = NULL;
	up_write(&mock_peer_lock);
	mock_peer_put(pfn);
}

/**
 * mock_peer_sync - wait for DMA that may have found a function answering
 *
 * Context: may sleep.
 */
void mock_peer_sync(void)
{
	down_write(&mock_peer_lock);
	up_write(&mock_peer_lock);
}

/**
 * mock_peer_begin - DMA to device memory begins
 *
 * Context: may sleep; under a page table's dma lock.
 */
void mock_peer_begin(void)
{
	down_read(&mock_peer_lock);
}

/**
 * mock_peer_end - opposite of mock_peer_begin()
 */
void mock_peer_end(void)
{
	up_read(&mock_peer_lock);
}

static bool mock_peer_answers(const struct mock_mem *mem)
{
	const struct mock_fn *fn = container_of(mem, struct mock_fn, dev.mem);

	return READ_ONCE(fn->dev.level) != MOCK_STOPPED &&
	       mock_cfg_decodes_memory(fn);
}

/**
 * mock_peer_find - whose memory is it?
 * @paddr: in a page of device memory that the caller's page table holds
 * @offset: where in device memory
 *
 * Context: between mock_peer_begin() and mock_peer_end().
 * Return: the device memory; NULL if nobody answers there.
 */
struct mock_mem *mock_peer_find(u64 paddr, u64 *offset)
{
	struct mock_peer *peer = xa_load(&mock_peers, PHYS_PFN(paddr));

	if (!peer->mem || !mock_peer_answers(peer->mem))
		return NULL;
	*offset = ((u64)peer->index << PAGE_SHIFT) + offset_in_page(paddr);
	return peer->mem;
}

/**
 * mock_peers_init - a page table that holds no device memory
 * @peers: part of the page table
 */
void mock_peers_init(struct mock_peers *peers)
{
	xa_init_flags(&peers->pages, XA_FLAGS_ACCOUNT);
	peers->synced = false;
}

/**
 * mock_peers_destroy - let go of all device memory
 * @peers: part of a page table that goes away
 */
void mock_peers_destroy(struct mock_peers *peers)
{
	unsigned long pfn;
	void *count;

	xa_for_each(&peers->pages, pfn, count)
		mock_peer_put(pfn);
	xa_destroy(&peers->pages);
}

/* How often the table maps the page, by n more.  Return: did it hold it? */
static bool mock_peers_count(struct mock_peers *peers, unsigned long pfn, long n)
{
	void *entry;

	xa_lock(&peers->pages);
	entry = xa_load(&peers->pages, pfn);
	if (entry) {
		n += xa_to_value(entry);
		/* Takes the place of an entry, so it needs no memory. */
		__xa_store(&peers->pages, pfn, xa_mk_value(n), 0);
		if (n)
			__xa_clear_mark(&peers->pages, pfn, MOCK_PEERS_IDLE);
		else
			__xa_set_mark(&peers->pages, pfn, MOCK_PEERS_IDLE);
	}
	xa_unlock(&peers->pages);
	return entry;
}

/**
 * mock_peers_get - a page table is about to map a page of device memory
 * @peers: part of the page table
 * @pfn: any frame
 * @gfp: for what it takes to remember
 *
 * Return: 0, -ENOENT if the frame is not device memory, -ENOMEM.
 */
int mock_peers_get(struct mock_peers *peers, unsigned long pfn, gfp_t gfp)
{
	int ret;

	do {
		if (mock_peers_count(peers, pfn, 1))
			return 0;
		if (!mock_peer_get(pfn))
			return -ENOENT;
		ret = xa_insert(&peers->pages, pfn, xa_mk_value(1), gfp);
		if (ret)
			mock_peer_put(pfn);
	} while (ret == -EBUSY);
	return ret;
}

/**
 * mock_peers_put - a page table no longer maps a page as often
 * @peers: part of the page table
 * @pfn: the frame
 */
void mock_peers_put(struct mock_peers *peers, unsigned long pfn)
{
	mock_peers_count(peers, pfn, -1);
}

/**
 * mock_peers_synced - no DMA uses what was unmapped up to now
 * @peers: part of the page table
 */
void mock_peers_synced(struct mock_peers *peers)
{
	if (xa_marked(&peers->pages, MOCK_PEERS_IDLE))
		WRITE_ONCE(peers->synced, true);
}

/**
 * mock_peers_sweep - let go of what was unmapped before the last sync
 * @peers: part of a page table that is about to be changed, under its lock
 */
void mock_peers_sweep(struct mock_peers *peers)
{
	unsigned long pfn;
	void *count;

	if (!READ_ONCE(peers->synced))
		return;
	WRITE_ONCE(peers->synced, false);
	xa_for_each_marked(&peers->pages, pfn, count, MOCK_PEERS_IDLE) {
		/* Unless it is about to be mapped again. */
		if (xa_cmpxchg(&peers->pages, pfn, xa_mk_value(0), NULL, 0) ==
		    xa_mk_value(0))
			mock_peer_put(pfn);
	}
}
