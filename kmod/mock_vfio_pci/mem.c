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
 * While somebody watches, pages that are written are marked dirty, always after
 * the write.  Who wants to copy a page cleans it first: a write that comes too late for the
 * copy marks the page again.  Writes through a mapping are noticed by the fault
 * of a write-protected page, which the watcher's protect() brings about.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "mock.h"

#define MOCK_MEM_DIRTY	XA_MARK_0

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

	xa_for_each(&mem->pages, index, page)
		mock_peer_del(page);
	xa_destroy(&mem->pages);
}

static struct page *mock_mem_new_page(struct mock_mem *mem, unsigned long index)
{
	struct page *page, *old;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		return NULL;
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

/**
 * mock_mem_clear - all of device memory reads as zero
 * @mem: device memory; users may have it mapped
 */
void mock_mem_clear(struct mock_mem *mem)
{
	unsigned long index;
	struct page *page;

	xa_for_each(&mem->pages, index, page) {
		clear_page(page_address(page));
		mock_mem_dirty(mem, (u64)index << PAGE_SHIFT);
	}
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
 */
void mock_mem_unwatch(struct mock_mem *mem)
{
	unsigned long index;
	struct page *page;

	xa_lock(&mem->pages);
	mem->watch = NULL;
	mem->dirty = 0;
	xa_for_each_marked(&mem->pages, index, page, MOCK_MEM_DIRTY)
		__xa_clear_mark(&mem->pages, index, MOCK_MEM_DIRTY);
	xa_unlock(&mem->pages);
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

	smp_mb(); /* the data before the look at who watches */
	if (!READ_ONCE(mem->watch))
		return;
	xa_lock(&mem->pages);
	if (mem->watch && !xa_get_mark(&mem->pages, index, MOCK_MEM_DIRTY)) {
		__xa_set_mark(&mem->pages, index, MOCK_MEM_DIRTY);
		/* Under the lock: another function's DMA may outlast the watch. */
		if (mem->dirty++ == 0)
			mem->watch->dirtied(mem);
	}
	xa_unlock(&mem->pages);
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
 * mock_mem_used - bytes in pages that are not all zero
 * @mem: device memory
 */
u64 mock_mem_used(struct mock_mem *mem)
{
	unsigned long index;
	struct page *page;
	u64 used = 0;

	xa_for_each(&mem->pages, index, page)
		if (memchr_inv(page_address(page), 0, PAGE_SIZE))
			used += PAGE_SIZE;
	return used;
}
