// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the device state as a stream; checking and taking it.
 *
 * The stream is verified record by record while it comes in, so that a bad one
 * is refused by the write that completes the bad part, and is applied only
 * when the end record has been verified too.
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
	if (le16_to_cpu(h->vendor) != mock_cfg_word(fn, PCI_VENDOR_ID) ||
	    le16_to_cpu(h->device) != mock_cfg_word(fn, PCI_DEVICE_ID) ||
	    le32_to_cpu(h->vectors) != fn->irq.vectors ||
	    le64_to_cpu(h->mem_size) != fn->dev.mem.size)
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
	    stride % sizeof(struct mock_vfio_slot) || stride > SZ_4K)
		return -EBADMSG;
	mv->loader.has_regs = true;
	return mock_verify_pending(mv->fn, in);
}

static int mock_verify_mem(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	const struct mock_vfio_state_mem *in = (const void *)payload;
	u64 offset;

	if (!mv->loader.has_regs || len <= sizeof(*in) ||
	    (len - sizeof(*in)) % PAGE_SIZE)
		return -EBADMSG;
	len -= sizeof(*in);
	offset = le64_to_cpu(in->offset);
	if (offset % PAGE_SIZE || offset < mv->loader.mem_next ||
	    !mock_mem_has(&mv->fn->dev.mem, offset, len))
		return -EBADMSG;
	mv->loader.mem_next = offset + len;
	return 0;
}

static int mock_verify_end(struct mock_vfio *mv, const u8 *payload, u32 len)
{
	const struct mock_vfio_state_end *in = (const void *)payload;
	struct mock_loader *l = &mv->loader;

	if (!l->has_regs || len != sizeof(*in) ||
	    le32_to_cpu(in->records) != l->records ||
	    le64_to_cpu(in->bytes) !=
	    l->pos + sizeof(struct mock_vfio_state_record) + len)
		return -EBADMSG;
	l->ended = true;
	return 0;
}

static int mock_verify_payload(struct mock_vfio *mv,
			       const struct mock_vfio_state_record *r,
			       const u8 *payload)
{
	const u32 len = le32_to_cpu(r->length);

	if (le32_to_cpu(r->payload_crc) != mock_state_crc(payload, len))
		return -EBADMSG;
	switch (le32_to_cpu(r->type)) {
	case MOCK_VFIO_RECORD_REGS:
		if (mv->loader.records)
			return -EBADMSG;
		return mock_verify_regs(mv, payload, len);
	case MOCK_VFIO_RECORD_MEM:
		return mock_verify_mem(mv, payload, len);
	case MOCK_VFIO_RECORD_END:
		return mock_verify_end(mv, payload, len);
	}
	return le32_to_cpu(r->flags) & MOCK_VFIO_RECORD_OPTIONAL ?
	       0 : -EPROTONOSUPPORT;
}

/* One record.  Return: 1 if it was there, 0 if more must come, or an error. */
static int mock_verify_next(struct mock_vfio *mv, const struct vfio_mig_buf *buf)
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
	ret = mock_verify_payload(mv, &r, payload);
	kvfree(payload);
	if (ret)
		return ret;
	l->pos += sizeof(r) + le32_to_cpu(r.length);
	l->records++;
	return 1;
}

/**
 * mock_state_verify - look at what has come of a stream
 * @mv: the device, RESUMING
 * @buf: the stream from its begin
 *
 * Return: 0 if nothing is wrong so far, or an error.
 */
int mock_state_verify(struct mock_vfio *mv, const struct vfio_mig_buf *buf)
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
		ret = mock_verify_next(mv, buf);
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
	mock_apply_pending(fn, in);
	mock_dev_update_intx(fn);
}

/* For a MEM record: have its pages exist, or fill them; both keep the order. */
static int mock_apply_mem(struct mock_fn *fn, const u8 *payload, u32 len,
			  bool fill)
{
	const struct mock_vfio_state_mem *in = (const void *)payload;
	const u64 offset = le64_to_cpu(in->offset);
	u32 done;

	payload += sizeof(*in);
	len -= sizeof(*in);
	if (fill)
		return mock_mem_write(&fn->dev.mem, offset, payload, len);
	for (done = 0; done < len; done += PAGE_SIZE)
		if (!mock_mem_page(&fn->dev.mem, offset + done, true))
			return -ENOMEM;
	return 0;
}

/* Walk the verified records; @fill false: only what can fail. */
static int mock_apply_records(struct mock_fn *fn, const struct vfio_mig_buf *buf,
			      u8 *payload, bool fill)
{
	struct mock_vfio_state_record r;
	u64 pos = sizeof(struct mock_vfio_state_header);
	u32 len;
	int ret = 0;

	for (; pos < buf->len && !ret; pos += sizeof(r) + len) {
		vfio_mig_buf_read(buf, pos, &r, sizeof(r));
		len = le32_to_cpu(r.length);
		vfio_mig_buf_read(buf, pos + sizeof(r), payload, len);
		if (le32_to_cpu(r.type) == MOCK_VFIO_RECORD_MEM)
			ret = mock_apply_mem(fn, payload, len, fill);
		else if (fill && le32_to_cpu(r.type) == MOCK_VFIO_RECORD_REGS)
			mock_apply_regs(fn, (void *)payload);
	}
	return ret;
}

/**
 * mock_state_apply - take a state
 * @mv: the device, RESUMING
 * @buf: a stream on which mock_state_verify() has found nothing wrong
 *
 * Return: 0; -ENODATA if the stream is not complete, or -ENOMEM; then the
 * device is as it was.
 */
int mock_state_apply(struct mock_vfio *mv, const struct vfio_mig_buf *buf)
{
	struct mock_fn *fn = mv->fn;
	u8 *payload;
	int ret;

	if (!mv->loader.ended)
		return -ENODATA;
	payload = kvmalloc(MOCK_VFIO_RECORD_LENGTH_MAX, GFP_KERNEL_ACCOUNT);
	if (!payload)
		return -ENOMEM;
	mutex_lock(&fn->dev.lock);
	ret = mock_apply_records(fn, buf, payload, false);
	if (!ret) {
		mock_mem_clear(&fn->dev.mem);
		mock_apply_records(fn, buf, payload, true);
	}
	mutex_unlock(&fn->dev.lock);
	kvfree(payload);
	return ret;
}
