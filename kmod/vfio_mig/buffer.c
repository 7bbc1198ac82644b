// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: a growing list of pages that holds a device state.
 *
 * Every page but the last is full.  The caller serializes; pages that were taken
 * out by vfio_mig_buf_take_pages() stay valid without any lock.
 */
#include <kunit/visibility.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include "internal.h"

#define VFIO_MIG_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/* Pages that are allocated at once, as a power of two, if there are as many to fill. */
#define VFIO_MIG_PIECE_ORDER	4

/**
 * vfio_mig_buf_init - an empty buffer
 * @buf: to be initialized
 * @max: most bytes it may hold
 */
void vfio_mig_buf_init(struct vfio_mig_buf *buf, u64 max)
{
	xa_init_flags(&buf->pages, XA_FLAGS_ACCOUNT);
	buf->start = 0;
	buf->len = 0;
	buf->max = max;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_buf_init);

/**
 * vfio_mig_buf_destroy - drop all data
 * @buf: empty and usable afterwards
 */
void vfio_mig_buf_destroy(struct vfio_mig_buf *buf)
{
	unsigned long index;
	struct page *page;

	xa_for_each(&buf->pages, index, page)
		put_page(page);
	xa_destroy(&buf->pages);
	buf->start = 0;
	buf->len = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_buf_destroy);

/**
 * vfio_mig_buf_left - bytes that may still be added
 * @buf: the buffer
 */
u64 vfio_mig_buf_left(const struct vfio_mig_buf *buf)
{
	return buf->max - (buf->len - buf->start);
}

/**
 * vfio_mig_buf_consume - free what is not needed any more
 * @buf: the buffer
 * @start: bytes before this are not needed, up to the buffer's length
 *
 * Context: any in which the buffer is serialized.
 */
void vfio_mig_buf_consume(struct vfio_mig_buf *buf, u64 start)
{
	XA_STATE(xas, &buf->pages, buf->start >> PAGE_SHIFT);
	const unsigned long end = start >> PAGE_SHIFT;
	struct page *page;

	buf->start = start;
	if (xas.xa_index >= end)
		return;
	xas_lock(&xas);
	xas_for_each(&xas, page, end - 1) {
		xas_store(&xas, NULL);
		put_page(page);
	}
	xas_unlock(&xas);
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_consume);

/**
 * vfio_mig_buf_tail_room - bytes that fit in the last page
 * @buf: the buffer
 */
size_t vfio_mig_buf_tail_room(const struct vfio_mig_buf *buf)
{
	return -buf->len & (PAGE_SIZE - 1);
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_buf_tail_room);

/**
 * vfio_mig_buf_add_page - append a page without copying it
 * @buf: the buffer; its last page must be full
 * @page: its reference goes to the buffer, unless this fails; nobody writes to it
 *	  any more
 * @len: bytes of data in it
 *
 * Context: may sleep.
 * Return: 0, -EINVAL if the last page is not full, -EFBIG beyond the maximum,
 * or -ENOMEM.
 */
int vfio_mig_buf_add_page(struct vfio_mig_buf *buf, struct page *page,
			  size_t len)
{
	int ret;

	if (vfio_mig_buf_tail_room(buf) || !len || len > PAGE_SIZE)
		return -EINVAL;
	if (len > vfio_mig_buf_left(buf))
		return -EFBIG;
	ret = xa_err(xa_store(&buf->pages, buf->len >> PAGE_SHIFT, page,
			      VFIO_MIG_GFP));
	if (!ret)
		buf->len += len;
	return ret;
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_add_page);

/* Append bytes that fit in the last page, at most vfio_mig_buf_tail_room(). */
static void vfio_mig_buf_fill_tail(struct vfio_mig_buf *buf, const void *data,
				   size_t len)
{
	struct page *page = xa_load(&buf->pages, buf->len >> PAGE_SHIFT);

	memcpy_to_page(page, offset_in_page(buf->len), data, len);
	buf->len += len;
}

/*
 * New pages, in one piece where that can be had: it is got and freed at once.
 * Each page has a reference of its own, and the piece lives as long as any of them.
 */
static struct page *vfio_mig_buf_alloc(size_t len, gfp_t zero, unsigned int *nr)
{
	const unsigned int order = min(ilog2(max(len >> PAGE_SHIFT, 1UL)),
				       VFIO_MIG_PIECE_ORDER);
	struct page *page = NULL;

	*nr = 1 << order;
	if (order)
		page = alloc_pages(VFIO_MIG_GFP | zero | __GFP_COMP |
				   __GFP_NORETRY, order);
	if (page) {
		page_ref_add(page, *nr - 1);
		return page;
	}
	*nr = 1;
	return alloc_page(VFIO_MIG_GFP | zero);
}

/*
 * Append a piece of new pages with some of the data, or zeros without any.
 * Return: bytes that were appended, or an error.
 */
static ssize_t vfio_mig_buf_add_piece(struct vfio_mig_buf *buf, const void *data,
				      size_t len)
{
	unsigned int nr, i;
	struct page *pages;
	size_t done, n;
	int ret = 0;

	pages = vfio_mig_buf_alloc(len, data ? 0 : __GFP_ZERO, &nr);
	if (!pages)
		return -ENOMEM;
	for (i = 0, done = 0; i < nr; i++, done += n) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		if (data)
			memcpy_to_page(pages + i, 0, data + done, n);
		ret = vfio_mig_buf_add_page(buf, pages + i, n);
		if (ret)
			break;
	}
	for (; i < nr; i++)
		put_page(pages + i);
	return ret ? ret : done;
}

static int vfio_mig_buf_add(struct vfio_mig_buf *buf, const void *data, size_t len)
{
	ssize_t n;

	for (; len; len -= n) {
		n = vfio_mig_buf_add_piece(buf, data, len);
		if (n < 0)
			return n;
		data = data ? data + n : NULL;
	}
	return 0;
}

/**
 * vfio_mig_buf_append - append bytes
 * @buf: the buffer
 * @data: the bytes
 * @len: how many
 *
 * Context: may sleep.
 * Return: 0, -EFBIG beyond the buffer's maximum, or -ENOMEM; on error part of
 * the data may have been appended.
 */
int vfio_mig_buf_append(struct vfio_mig_buf *buf, const void *data, size_t len)
{
	size_t n;

	if (len > vfio_mig_buf_left(buf))
		return -EFBIG;
	n = min(len, vfio_mig_buf_tail_room(buf));
	if (n)
		vfio_mig_buf_fill_tail(buf, data, n);
	return vfio_mig_buf_add(buf, data + n, len - n);
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_append);

/**
 * vfio_mig_buf_read - copy bytes out of a buffer
 * @buf: the buffer
 * @offset: from where
 * @data: to where
 * @len: how many
 *
 * Return: 0, or -ENODATA if the buffer does not hold them all (any more).
 */
int vfio_mig_buf_read(const struct vfio_mig_buf *buf, u64 offset, void *data,
		      size_t len)
{
	struct page *page;
	size_t n;

	if (offset < buf->start || offset > buf->len || len > buf->len - offset)
		return -ENODATA;
	for (; len; offset += n, data += n, len -= n) {
		page = xa_load((struct xarray *)&buf->pages, offset >> PAGE_SHIFT);
		n = min_t(size_t, len, PAGE_SIZE - offset_in_page(offset));
		memcpy_from_page(data, page, offset_in_page(offset), n);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_read);

/**
 * vfio_mig_buf_take_pages - take pages out of the front of a buffer
 * @buf: the buffer
 * @pages: where to
 * @max: most pages, at least one
 *
 * From the page with the buffer's start on; of the last one, if it is not full and
 * will get more data, only what there is now: it stays where it is as well.
 *
 * Return: number of pages, each with a reference for the caller; the buffer
 * starts behind them now.
 */
unsigned int vfio_mig_buf_take_pages(struct vfio_mig_buf *buf,
				     struct page **pages, unsigned int max)
{
	const unsigned long first = buf->start >> PAGE_SHIFT;
	XA_STATE(xas, &buf->pages, first);
	struct page *page;
	unsigned int n = 0;

	if (buf->start == buf->len)
		return 0;
	xas_lock(&xas);
	xas_for_each(&xas, page, first + max - 1) {
		pages[n++] = page;
		if (xas.xa_index < buf->len >> PAGE_SHIFT)
			xas_store(&xas, NULL);
		else
			get_page(page);
	}
	xas_unlock(&xas);
	buf->start = min(buf->len, (u64)(first + n) << PAGE_SHIFT);
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_buf_take_pages);

/**
 * vfio_mig_buf_extend - append zeros, to be overwritten in place
 * @buf: the buffer
 * @len: how many
 *
 * With vfio_mig_buf_map() or vfio_mig_buf_sg() for data that a device or its
 * firmware delivers into one piece of memory.
 *
 * Context: may sleep.
 * Return: 0, -EFBIG beyond the buffer's maximum, or -ENOMEM; then part of the
 * zeros may have been appended.
 */
int vfio_mig_buf_extend(struct vfio_mig_buf *buf, size_t len)
{
	struct page *page;
	size_t n;

	if (len > vfio_mig_buf_left(buf))
		return -EFBIG;
	n = min(len, vfio_mig_buf_tail_room(buf));
	if (n) {
		page = xa_load(&buf->pages, buf->len >> PAGE_SHIFT);
		memzero_page(page, offset_in_page(buf->len), n);
		buf->len += n;
	}
	return vfio_mig_buf_add(buf, NULL, len - n);
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_extend);

/* All pages of a part, with the buffer's references, in an array to be freed. */
static struct page **vfio_mig_buf_page_array(const struct vfio_mig_buf *buf,
					     u64 offset, size_t len,
					     unsigned int *nr)
{
	struct page **pages;
	unsigned int i;

	if (!len || offset < buf->start || offset > buf->len ||
	    len > buf->len - offset)
		return ERR_PTR(-ENODATA);
	*nr = ((offset + len - 1) >> PAGE_SHIFT) - (offset >> PAGE_SHIFT) + 1;
	pages = kvmalloc_array(*nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < *nr; i++)
		pages[i] = xa_load((struct xarray *)&buf->pages,
				   (offset >> PAGE_SHIFT) + i);
	return pages;
}

/**
 * vfio_mig_buf_map - see part of a buffer as one piece of memory
 * @buf: the buffer
 * @offset: first byte
 * @len: bytes
 *
 * Context: may sleep.
 * Return: address of the first byte, until vfio_mig_buf_unmap() and only as long
 * as the buffer has the part; -ENODATA if it has not, or -ENOMEM.
 */
void *vfio_mig_buf_map(const struct vfio_mig_buf *buf, u64 offset, size_t len)
{
	struct page **pages;
	unsigned int nr;
	void *addr;

	pages = vfio_mig_buf_page_array(buf, offset, len, &nr);
	if (IS_ERR(pages))
		return pages;
	addr = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	return addr ? addr + offset_in_page(offset) : ERR_PTR(-ENOMEM);
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_map);

/**
 * vfio_mig_buf_unmap - opposite of vfio_mig_buf_map()
 * @addr: what that returned
 *
 * Context: may sleep.
 */
void vfio_mig_buf_unmap(void *addr)
{
	vunmap((void *)((unsigned long)addr & PAGE_MASK));
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_unmap);

/**
 * vfio_mig_buf_sg - a scatter list of part of a buffer, for DMA
 * @buf: the buffer
 * @offset: first byte
 * @len: bytes
 * @sgt: to be made; sg_free_table() is the caller's, before the buffer loses the part
 *
 * Context: may sleep.
 * Return: 0, -ENODATA if the buffer has not got the part, or -ENOMEM.
 */
int vfio_mig_buf_sg(const struct vfio_mig_buf *buf, u64 offset, size_t len,
		    struct sg_table *sgt)
{
	struct page **pages;
	unsigned int nr;
	int ret;

	pages = vfio_mig_buf_page_array(buf, offset, len, &nr);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	ret = sg_alloc_table_from_pages(sgt, pages, nr, offset_in_page(offset),
					len, GFP_KERNEL_ACCOUNT);
	kvfree(pages);
	return ret;
}
EXPORT_SYMBOL_GPL(vfio_mig_buf_sg);
