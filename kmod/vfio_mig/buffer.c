// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: a growing list of pages that holds a device state.
 *
 * Every page but the last is full.  The caller serializes; pages that were
 * handed out by vfio_mig_buf_get_page() stay valid without any lock.
 */
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "internal.h"

#define VFIO_MIG_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

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

static u64 vfio_mig_buf_left(const struct vfio_mig_buf *buf)
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
	unsigned long index = buf->start >> PAGE_SHIFT;
	struct page *page;

	for (; index < start >> PAGE_SHIFT; index++) {
		page = xa_erase(&buf->pages, index);
		if (page)
			put_page(page);
	}
	buf->start = start;
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

/**
 * vfio_mig_buf_add_page - append a page without copying it
 * @buf: the buffer; its last page must be full
 * @page: its reference goes to the buffer, unless this fails
 * @len: bytes of data in it
 *
 * Return: 0, -EFBIG beyond the maximum, or -ENOMEM.
 */
int vfio_mig_buf_add_page(struct vfio_mig_buf *buf, struct page *page,
			  size_t len)
{
	int ret;

	if (len > vfio_mig_buf_left(buf))
		return -EFBIG;
	ret = xa_err(xa_store(&buf->pages, buf->len >> PAGE_SHIFT, page,
			      VFIO_MIG_GFP));
	if (!ret)
		buf->len += len;
	return ret;
}

/* Append bytes that fit in the last page, at most vfio_mig_buf_tail_room(). */
static void vfio_mig_buf_fill_tail(struct vfio_mig_buf *buf, const void *data,
				   size_t len)
{
	struct page *page = xa_load(&buf->pages, buf->len >> PAGE_SHIFT);

	memcpy_to_page(page, offset_in_page(buf->len), data, len);
	buf->len += len;
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
	struct page *page;
	size_t n;
	int ret;

	if (len > vfio_mig_buf_left(buf))
		return -EFBIG;
	n = min(len, vfio_mig_buf_tail_room(buf));
	if (n)
		vfio_mig_buf_fill_tail(buf, data, n);

	for (data += n, len -= n; len; data += n, len -= n) {
		page = alloc_page(VFIO_MIG_GFP);
		if (!page)
			return -ENOMEM;
		n = min_t(size_t, len, PAGE_SIZE);
		memcpy_to_page(page, 0, data, n);
		ret = vfio_mig_buf_add_page(buf, page, n);
		if (ret) {
			put_page(page);
			return ret;
		}
	}
	return 0;
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
 * vfio_mig_buf_get_page - the page at an offset
 * @buf: the buffer
 * @offset: below the buffer's length
 *
 * Return: the page, with a reference for the caller.
 */
struct page *vfio_mig_buf_get_page(const struct vfio_mig_buf *buf, u64 offset)
{
	struct page *page;

	page = xa_load((struct xarray *)&buf->pages, offset >> PAGE_SHIFT);
	get_page(page);
	return page;
}
