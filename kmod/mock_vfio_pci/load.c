// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the device state as a stream; checking and taking it.
 *
 * The stream is verified record by record while it comes in, so that a bad one
 * is refused by the write that completes the bad part.  What is verified is kept
 * aside, each page of device memory once however often it comes, and is applied
 * only when the end record has been verified too.  Where the device has no page
 * yet it gets the one that was kept, so that a new device needs no memory twice.
 *
 * Errors: -EBADMSG for damage of any kind, -EPROTONOSUPPORT for a version or a
 * mandatory record that is not known, -EXDEV for the state of a device of other
 * identity or geometry, -EFBIG for data after the end, -ENODATA for a stream
 * that stops before its end.
 */
#include <linux/crc32.h>
#include <linux/log2.h>
#include <linux/mm.h>

#include "state.h"
#include "vfio.h"

/* The page is the device's own now. */
#define MOCK_LOAD_GIVEN		XA_MARK_0

static int mock_verify_header(struct mock_vfio *mv,
			      const struct mock_vfio_state_header *h)
{
	const struct mock_fn *fn = mv->fn;

	if (le32_to_cpu(h->magic) != MOCK_VFIO_STATE_MAGIC ||
	    le32_to_cpu(h->crc) !=
	    mock_state_crc(h, offsetof(typeof(*h), crc)))
		return -EBADMSG;
	if (le16_to_cpu(h->major) != MOCK_VFIO_STATE_MAJOR)
		return -EPROTONOSUPPORT;
	if (le16_to_cpu(h->vendor) != fn->conf.vendor ||
	    le16_to_cpu(h->device) != fn->conf.device ||
	    le32_to_cpu(h->vectors) != fn->irq.vectors ||
	    le64_to_cpu(h->mem_size) != fn->dev.mem.size ||
	    le64_to_cpu(h->bar_size) != fn->dev.mem.window)
		return -EXDEV;
	return 0;
}

static int mock_verify_record(const struct mock_loader *l,
			      const struct mock_vfio_state_record *r)
{
	if (le32_to_cpu(r->magic) != MOCK_VFIO_RECORD_MAGIC ||
	    le32_to_cpu(r->crc) !=
	    mock_state_crc(r, offsetof(typeof(*r), crc)) ||
	    le32_to_cpu(r->seq) != l->records ||
	    le32_to_cpu(r->length) > MOCK_VFIO_RECORD_LENGTH_MAX)
		return -EBADMSG;
	return 0;
}

static int mock_verify_pending(const struct mock_fn *fn,
			       const struct mock_vfio_state_regs *in)
{
	const u32 words = mock_pending_words(fn);
	const u32 rest = fn->irq.vectors % 32;

	if (le32_to_cpu(in->pending_words) != words)
		return -EBADMSG;
	if (rest && (le32_to_cpu(in->pending[words - 1]) & ~(BIT(rest) - 1)))
		return -EBADMSG;
	return 0;
}

/* Only what the device itself could have in its registers. */
static int mock_verify_regs(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	const struct mock_vfio_state_regs *in = (const void *)payload;
	const u32 size = le32_to_cpu(in->dma_size);
	const u32 stride = le32_to_cpu(in->traffic_stride);

	if (len != struct_size(in, pending, mock_pending_words(mv->fn)))
		return -EBADMSG;
	if ((le32_to_cpu(in->control) & ~MOCK_VFIO_CONTROL_ENABLE) ||
	    (le32_to_cpu(in->irq_status) & ~MOCK_VFIO_IRQ_ALL) ||
	    (le32_to_cpu(in->irq_enable) & ~MOCK_VFIO_IRQ_ALL) ||
	    le32_to_cpu(in->dma_error) > 1 ||
	    (size && (!is_power_of_2(size) || size > MOCK_VFIO_DMA_SIZE_MAX)) ||
	    stride % sizeof(struct mock_vfio_slot) || stride > SZ_4K ||
	    !mock_aperture_fits(&mv->fn->dev.mem, le64_to_cpu(in->mem_aperture)))
		return -EBADMSG;
	return mock_verify_pending(mv->fn, in);
}

static int mock_load_regs(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	int ret = mv->loader.regs ? -EBADMSG : mock_verify_regs(mv, payload, len);

	if (ret)
		return ret;
	mv->loader.regs = kmemdup(payload, len, GFP_KERNEL_ACCOUNT);
	return mv->loader.regs ? 0 : -ENOMEM;
}

static int mock_load_page(struct xarray *pages, u64 offset, const u8 *data)
{
	struct page *page = xa_load(pages, offset >> PAGE_SHIFT);
	int ret;

	if (!page) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!page)
			return -ENOMEM;
		ret = xa_err(xa_store(pages, offset >> PAGE_SHIFT, page,
				      GFP_KERNEL_ACCOUNT));
		if (ret) {
			put_page(page);
			return ret;
		}
	}
	memcpy(page_address(page), data, PAGE_SIZE);
	return 0;
}

static int mock_load_mem(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	const struct mock_vfio_state_mem *in = (const void *)payload;
	const u64 offset = len < sizeof(*in) ? 0 : le64_to_cpu(in->offset);
	u32 done;
	int ret;

	if (len <= sizeof(*in) || (len - sizeof(*in)) % PAGE_SIZE)
		return -EBADMSG;
	payload += sizeof(*in);
	len -= sizeof(*in);
	if (offset % PAGE_SIZE || !mock_mem_has(&mv->fn->dev.mem, offset, len))
		return -EBADMSG;
	for (done = 0; done < len; done += PAGE_SIZE) {
		ret = mock_load_page(&mv->loader.pages, offset + done,
				     payload + done);
		if (ret)
			return ret;
	}
	return 0;
}

static int mock_load_last(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	const struct mock_vfio_state_end *in = (const void *)payload;
	struct mock_loader *l = &mv->loader;

	if (!l->regs || len != sizeof(*in) ||
	    le32_to_cpu(in->records) != l->records ||
	    le64_to_cpu(in->bytes) !=
	    l->pos + sizeof(struct mock_vfio_state_record) + len)
		return -EBADMSG;
	l->ended = true;
	return 0;
}

static int mock_load_payload(struct mock_vfio *mv,
			       const struct mock_vfio_state_record *r,
			       const u8 *payload)
{
	const u32 len = le32_to_cpu(r->length);

	if (le32_to_cpu(r->payload_crc) != mock_state_crc(payload, len))
		return -EBADMSG;
	switch (le32_to_cpu(r->type)) {
	case MOCK_VFIO_RECORD_REGS:
		return mock_load_regs(mv, payload, len);
	case MOCK_VFIO_RECORD_MEM:
		return mock_load_mem(mv, payload, len);
	case MOCK_VFIO_RECORD_END:
		return mock_load_last(mv, payload, len);
	}
	return le32_to_cpu(r->flags) & MOCK_VFIO_RECORD_OPTIONAL ?
	       0 : -EPROTONOSUPPORT;
}

/* One record.  Return: 1 if it was there, 0 if more must come, or an error. */
static int mock_load_next(struct mock_vfio *mv, struct vfio_mig_buf *buf)
{
	struct mock_loader *l = &mv->loader;
	struct mock_vfio_state_record r;
	u8 *payload;
	int ret;

	if (l->ended)
		return l->pos < buf->len ? -EFBIG : 0;
	if (vfio_mig_buf_read(buf, l->pos, &r, sizeof(r)))
		return 0;
	ret = mock_verify_record(l, &r);
	if (ret)
		return ret;
	if (buf->len - l->pos - sizeof(r) < le32_to_cpu(r.length))
		return 0;
	payload = kvmalloc(MOCK_VFIO_RECORD_LENGTH_MAX, GFP_KERNEL_ACCOUNT);
	if (!payload)
		return -ENOMEM;
	vfio_mig_buf_read(buf, l->pos + sizeof(r), payload,
			  le32_to_cpu(r.length));
	ret = mock_load_payload(mv, &r, payload);
	kvfree(payload);
	if (ret)
		return ret;
	l->pos += sizeof(r) + le32_to_cpu(r.length);
	l->records++;
	vfio_mig_buf_consume(buf, l->pos);
	return 1;
}

/**
 * mock_load_begin - a new stream, nothing has come of it
 * @mv: the device
 */
void mock_load_begin(struct mock_vfio *mv)
{
	memset(&mv->loader, 0, sizeof(mv->loader));
	xa_init_flags(&mv->loader.pages, XA_FLAGS_ACCOUNT);
	mutex_lock(&mv->fn->dev.lock);
	mv->loader.resets = mv->fn->dev.resets;
	mutex_unlock(&mv->fn->dev.lock);
}

/**
 * mock_load_end - drop what is kept of a stream
 * @mv: the device
 */
void mock_load_end(struct mock_vfio *mv)
{
	unsigned long index;
	struct page *page;

	xa_for_each(&mv->loader.pages, index, page) {
		put_page(page);
		cond_resched();
	}
	xa_destroy(&mv->loader.pages);
	kfree(mv->loader.regs);
	mv->loader.regs = NULL;
}

/**
 * mock_load_verify - look at what has come of a stream
 * @mv: the device, RESUMING
 * @buf: the stream from where it was consumed last
 *
 * Return: 0 if nothing is wrong so far, or an error.
 */
int mock_load_verify(struct mock_vfio *mv, struct vfio_mig_buf *buf)
{
	struct mock_loader *l = &mv->loader;
	struct mock_vfio_state_header h;
	int ret;

	if (!l->pos) {
		if (vfio_mig_buf_read(buf, 0, &h, sizeof(h)))
			return 0;
		ret = mock_verify_header(mv, &h);
		if (ret)
			return ret;
		l->pos = sizeof(h);
	}
	do {
		ret = mock_load_next(mv, buf);
	} while (ret > 0);
	return ret;
}

static void mock_apply_pending(struct mock_fn *fn,
			       const struct mock_vfio_state_regs *in)
{
	unsigned long *pending = mock_irq_pending(fn);
	u32 v;

	for (v = 0; v < fn->irq.vectors; v++)
		__assign_bit(v, pending, le32_to_cpu(in->pending[v / 32]) &
			     BIT(v % 32));
}

static void mock_apply_regs(struct mock_fn *fn,
			    const struct mock_vfio_state_regs *in)
{
	struct mock_regs *regs = &fn->dev.regs;
	int i;

#define LOAD32(field)	(regs->field = le32_to_cpu(in->field))
#define LOAD64(field)	(regs->field = le64_to_cpu(in->field))
	MOCK_STATE_FIELDS(LOAD32, LOAD64);
#undef LOAD32
#undef LOAD64
	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		regs->scratch[i] = le32_to_cpu(in->scratch[i]);
	mock_aperture_move(&fn->dev.mem, regs->mem_aperture);
	mock_apply_pending(fn, in);
	mock_dev_update_intx(fn);
}

/* The pages that the device got, as if they did not exist; they stay with it. */
static void mock_apply_undo(struct mock_vfio *mv)
{
	unsigned long index;
	struct page *page;

	xa_for_each_marked(&mv->loader.pages, index, page, MOCK_LOAD_GIVEN) {
		clear_page(page_address(page));
		xa_erase(&mv->loader.pages, index);
		cond_resched();
	}
}

/* What can fail: the device gets the pages where it has none. */
static int mock_apply_prepare(struct mock_vfio *mv)
{
	struct mock_mem *mem = &mv->fn->dev.mem;
	unsigned long index;
	struct page *page;
	int ret;

	xa_for_each(&mv->loader.pages, index, page) {
		ret = mock_mem_give(mem, index, page);
		if (ret < 0) {
			mock_apply_undo(mv);
			return ret;
		}
		if (ret)
			xa_set_mark(&mv->loader.pages, index, MOCK_LOAD_GIVEN);
		cond_resched();
	}
	return 0;
}

/* What the device had before is zero where the state has nothing. */
static void mock_apply_mem(struct mock_vfio *mv)
{
	struct xarray *pages = &mv->loader.pages;
	unsigned long index;
	struct page *page;

	mock_mem_clear(&mv->fn->dev.mem, pages);
	xa_for_each(pages, index, page) {
		if (xa_get_mark(pages, index, MOCK_LOAD_GIVEN))
			xa_erase(pages, index);
		else
			mock_mem_write(&mv->fn->dev.mem, (u64)index << PAGE_SHIFT,
				       page_address(page), PAGE_SIZE);
		cond_resched();
	}
}

/**
 * mock_load_apply - take the state
 * @mv: the device, RESUMING, nothing wrong with the stream so far
 *
 * A reset that has come after the load began, but whose news are still waiting
 * for the state mutex, has the last word: nothing may be applied on top of it.
 *
 * Return: 0; -ENODATA if the stream is not complete, -ENODEV if the device was
 * reset meanwhile, or -ENOMEM; then the device is as it was.
 */
int mock_load_apply(struct mock_vfio *mv)
{
	int ret;

	if (!mv->loader.ended)
		return -ENODATA;
	ret = mock_apply_prepare(mv);
	if (ret)
		return ret;
	mutex_lock(&mv->fn->dev.lock);
	if (mv->loader.resets != mv->fn->dev.resets) {
		mock_apply_undo(mv);
		ret = -ENODEV;
	} else {
		mock_apply_mem(mv);
		mock_apply_regs(mv->fn, mv->loader.regs);
	}
	mutex_unlock(&mv->fn->dev.lock);
	return ret;
}
