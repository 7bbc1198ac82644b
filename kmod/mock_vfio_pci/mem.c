// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: device memory.
 *
 * A page exists once it was written or mapped; what was never touched reads as
 * zero and costs nothing.  Pages are marked reserved: users map them by their
 * frame number, and vfio must not take such a page for one that it has pinned.
 * A page stays until the function goes away, so nobody of the function itself
 * needs a lock to use it; for all others see peer.c.
 *
 * Pages that are written are marked used, until all of the memory is cleared, and
 * while somebody watches dirty as well, always after the write.  Who wants to copy
 * a page cleans it first: a write that comes too late for the copy marks the page
 * again.  Writes through a mapping are noticed by the fault of a page that is not
 * mapped, or write-protected, which the watcher's protect() brings about.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "mock.h"

#define MOCK_MEM_DIRTY	XA_MARK_0
#define MOCK_MEM_USED	XA_MARK_1

/**
 * mock_mem_init - device memory without any page
 * @mem: to be initialized
 * @size: bytes, multiple of PAGE_SIZE
 */
void mock_mem_init(struct mock_mem *mem, u64 size)
{
	xa_init_flags(&mem->pages, XA_FLAGS_ACCOUNT);
	mem->size = size;
}

/**
 * mock_mem_destroy - free all pages
 * @mem: no longer mapped or used by anyone
 */
void mock_mem_destroy(struct mock_mem *mem)
{
	unsigned long index;
	struct page *page;

	xa_for_each(&mem->pages, index, page) {
		mock_peer_del(page);
		cond_resched();
	}
	xa_destroy(&mem->pages);
}

/* Return: the page that is there now, NULL without memory; if not @page that goes. */
static struct page *mock_mem_insert(struct mock_mem *mem, unsigned long index,
				    struct page *page)
{
	struct page *old;

	if (mock_peer_add(mem, index, page)) {
		__free_page(page);
		return NULL;
	}
	old = xa_cmpxchg(&mem->pages, index, NULL, page, GFP_KERNEL_ACCOUNT);
	if (!old)
		return page;
	mock_peer_del(page);
	return xa_is_err(old) ? NULL : old;
}

static struct page *mock_mem_new_page(struct mock_mem *mem, unsigned long index)
{
	struct page *page;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	return page ? mock_mem_insert(mem, index, page) : NULL;
}

/**
 * mock_mem_give - make a page part of device memory, if there is none yet
 * @mem: device memory
 * @index: number of the page
 * @page: one of alloc_page(), not shared; belongs to the memory if it is taken
 *
 * Context: may sleep.
 * Return: 1 if it was taken, 0 if there is one, -ENOMEM.
 */
int mock_mem_give(struct mock_mem *mem, unsigned long index, struct page *page)
{
	struct page *there;

	get_page(page);
	there = mock_mem_insert(mem, index, page);
	if (there != page)
		return there ? 0 : -ENOMEM;
	put_page(page);
	mock_mem_dirty(mem, (u64)index << PAGE_SHIFT);
	return 1;
}

/**
 * mock_mem_page - the page at an offset
 * @mem: device memory
 * @offset: below its size
 * @create: make it if it does not exist
 *
 * Context: may sleep if @create.
 * Return: the page; NULL if there is none, or no memory to create it.
 */
struct page *mock_mem_page(struct mock_mem *mem, u64 offset, bool create)
{
	const unsigned long index = offset >> PAGE_SHIFT;
	struct page *page = xa_load(&mem->pages, index);

	return page || !create ? page : mock_mem_new_page(mem, index);
}

/**
 * mock_mem_has - is a range inside device memory?
 * @mem: device memory
 * @offset: begin
 * @len: bytes
 */
bool mock_mem_has(const struct mock_mem *mem, u64 offset, u64 len)
{
	return offset <= mem->size && len <= mem->size - offset;
}

/**
 * mock_mem_write - write device memory
 * @mem: device memory
 * @offset: where; the range is inside
 * @data: what
 * @len: bytes
 *
 * Return: 0 or -ENOMEM.
 */
int mock_mem_write(struct mock_mem *mem, u64 offset, const void *data,
		   size_t len)
{
	struct page *page;
	size_t n;

	for (; len; offset += n, data += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		page = mock_mem_page(mem, offset, true);
		if (!page)
			return -ENOMEM;
		memcpy(page_address(page) + offset_in_page(offset), data, n);
		mock_mem_dirty(mem, offset);
	}
	return 0;
}

/**
 * mock_mem_read - read device memory
 * @mem: device memory
 * @offset: where; the range is inside
 * @data: to here
 * @len: bytes
 *
 * Return: 0.
 */
int mock_mem_read(struct mock_mem *mem, u64 offset, void *data, size_t len)
{
	struct page *page;
	size_t n;

	for (; len; offset += n, data += n, len -= n) {
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		page = mock_mem_page(mem, offset, false);
		if (page)
			memcpy(data, page_address(page) + offset_in_page(offset), n);
		else
			memset(data, 0, n);
	}
	return 0;
}

/* Under the lock of the pages. */
static void mock_mem_use(struct mock_mem *mem, unsigned long index)
{
	if (xa_get_mark(&mem->pages, index, MOCK_MEM_USED))
		return;
	__xa_set_mark(&mem->pages, index, MOCK_MEM_USED);
	WRITE_ONCE(mem->used, mem->used + 1);
}

/* Before the page is cleared: a write that comes too late for that marks it. */
static void mock_mem_unuse(struct mock_mem *mem, unsigned long index)
{
	xa_lock(&mem->pages);
	__xa_clear_mark(&mem->pages, index, MOCK_MEM_USED);
	WRITE_ONCE(mem->used, mem->used - 1);
	xa_unlock(&mem->pages);
}

static void mock_mem_mark(struct mock_mem *mem, unsigned long index, bool used)
{
	xa_lock(&mem->pages);
	if (used)
		mock_mem_use(mem, index);
	if (mem->watch && !xa_get_mark(&mem->pages, index, MOCK_MEM_DIRTY)) {
		__xa_set_mark(&mem->pages, index, MOCK_MEM_DIRTY);
		/* Under the lock: another function's DMA may outlast the watch. */
		if (mem->dirty++ == 0)
			mem->watch->dirtied(mem);
	}
	xa_unlock(&mem->pages);
}

/**
 * mock_mem_clear - all of device memory reads as zero
 * @mem: device memory; users may have it mapped
 * @keep: pages with an entry here are left alone; may be NULL
 *
 * Costs what was used of it since it was zero last.  The pages stay, for those
 * who read and write have no lock; mappings go, so that the next write is noted.
 *
 * Context: may sleep.
 */
void mock_mem_clear(struct mock_mem *mem, struct xarray *keep)
{
	unsigned long index;
	struct page *page;

	down_write(&mem->map_lock);
	if (mem->zap)
		mem->zap(mem);
	xa_for_each_marked(&mem->pages, index, page, MOCK_MEM_USED) {
		if (keep && xa_load(keep, index))
			continue;
		mock_mem_unuse(mem, index);
		clear_page(page_address(page));
		mock_mem_mark(mem, index, false);
		cond_resched();
	}
	up_write(&mem->map_lock);
}

/**
 * mock_mem_watch - note changes from here on; no page is dirty
 * @mem: device memory
 * @watch: who wants to know
 *
 * Context: may sleep.
 */
void mock_mem_watch(struct mock_mem *mem, const struct mock_watch *watch)
{
	xa_lock(&mem->pages);
	mem->watch = watch;
	xa_unlock(&mem->pages);
	smp_mb(); /* before any page is copied; pairs with mock_mem_dirty() */
	watch->protect(mem, 0, mem->size);
}

/**
 * mock_mem_unwatch - no more interest in changes
 * @mem: device memory
 *
 * Context: may sleep.
 */
void mock_mem_unwatch(struct mock_mem *mem)
{
	unsigned long index;
	struct page *page;

	xa_lock(&mem->pages);
	mem->watch = NULL;
	mem->dirty = 0;
	xa_unlock(&mem->pages);
	/* Nobody marks any more; there may be too many for one hold of the lock. */
	xa_for_each_marked(&mem->pages, index, page, MOCK_MEM_DIRTY) {
		xa_clear_mark(&mem->pages, index, MOCK_MEM_DIRTY);
		cond_resched();
	}
}

/**
 * mock_mem_dirty - a page has been written, or is about to be through a mapping
 * @mem: device memory
 * @offset: in that page, which exists
 *
 * Context: process, no sleeping.
 */
void mock_mem_dirty(struct mock_mem *mem, u64 offset)
{
	const unsigned long index = offset >> PAGE_SHIFT;

	smp_mb(); /* the data before the look at who cares */
	if (READ_ONCE(mem->watch) ||
	    !xa_get_mark(&mem->pages, index, MOCK_MEM_USED))
		mock_mem_mark(mem, index, true);
}

/**
 * mock_mem_clean - a page is about to be copied
 * @mem: watched device memory
 * @index: of the page
 *
 * Context: may sleep.
 * Return: true if it was dirty.
 */
bool mock_mem_clean(struct mock_mem *mem, unsigned long index)
{
	bool dirty;

	xa_lock(&mem->pages);
	dirty = xa_get_mark(&mem->pages, index, MOCK_MEM_DIRTY);
	if (dirty) {
		__xa_clear_mark(&mem->pages, index, MOCK_MEM_DIRTY);
		mem->dirty--;
	}
	xa_unlock(&mem->pages);
	if (dirty)
		mem->watch->protect(mem, (u64)index << PAGE_SHIFT, PAGE_SIZE);
	return dirty;
}

/**
 * mock_mem_next_dirty - find a dirty page and clean it
 * @mem: watched device memory
 * @index: where to begin; where it was found
 *
 * Return: the page, or NULL.
 */
struct page *mock_mem_next_dirty(struct mock_mem *mem, unsigned long *index)
{
	struct page *page = xa_find(&mem->pages, index, ULONG_MAX,
				    MOCK_MEM_DIRTY);

	if (page)
		mock_mem_clean(mem, *index);
	return page;
}

/**
 * mock_mem_next_used - find a page that may have something in it
 * @mem: device memory
 * @index: where to begin; where it was found
 *
 * Return: the page, or NULL.
 */
struct page *mock_mem_next_used(struct mock_mem *mem, unsigned long *index)
{
	return xa_find(&mem->pages, index, ULONG_MAX, MOCK_MEM_USED);
}
