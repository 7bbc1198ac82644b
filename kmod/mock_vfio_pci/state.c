// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the device state as a stream; writing it.
 *
 * The format is described in <linux/mock_vfio_pci.h>.
 */
#include <linux/crc32.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "vfio.h"
#include "state.h"

/* Pages in a record, so that it stays below its limit. */
#define MOCK_RECORD_PAGES	((MOCK_VFIO_RECORD_LENGTH_MAX - \
				  sizeof(struct mock_vfio_state_mem)) / PAGE_SIZE)
/* Pages that are added to the stream when a reader wants more. */
#define MOCK_FILL_PAGES		256

/**
 * struct mock_writer - what one call adds to a stream
 * @mv: the device
 * @buf: the stream
 * @payload: of the next record
 * @len: bytes in @payload
 * @pages: how many pages may still be added
 */
struct mock_writer {
	struct mock_vfio *mv;
	struct vfio_mig_buf *buf;
	u8 *payload;
	u32 len;
	unsigned long pages;
};

/**
 * mock_state_crc - CRC-32 as zlib's crc32()
 * @data: over this
 * @len: bytes
 */
u32 mock_state_crc(const void *data, size_t len)
{
	return ~crc32_le(~0U, data, len);
}

static int mock_save_header(struct mock_writer *w)
{
	struct mock_vfio_state_header h = {
		.magic = cpu_to_le32(MOCK_VFIO_STATE_MAGIC),
		.major = cpu_to_le16(MOCK_VFIO_STATE_MAJOR),
		.minor = cpu_to_le16(MOCK_VFIO_STATE_MINOR),
		.vendor = cpu_to_le16(w->mv->fn->conf.vendor),
		.device = cpu_to_le16(w->mv->fn->conf.device),
		.vectors = cpu_to_le32(w->mv->fn->irq.vectors),
		.mem_size = cpu_to_le64(w->mv->fn->dev.mem.size),
		.bar_size = cpu_to_le64(w->mv->fn->dev.mem.window),
	};

	if (w->mv->saver.begun)
		return 0;
	w->mv->saver.begun = true;
	h.crc = cpu_to_le32(mock_state_crc(&h, offsetof(typeof(h), crc)));
	return vfio_mig_buf_append(w->buf, &h, sizeof(h));
}

static int mock_save_record(struct mock_writer *w, enum mock_vfio_record_type type)
{
	struct mock_vfio_state_record r = {
		.magic = cpu_to_le32(MOCK_VFIO_RECORD_MAGIC),
		.type = cpu_to_le32(type),
		.seq = cpu_to_le32(w->mv->saver.records++),
		.length = cpu_to_le32(w->len),
		.payload_crc = cpu_to_le32(mock_state_crc(w->payload, w->len)),
	};
	int ret;

	r.crc = cpu_to_le32(mock_state_crc(&r, offsetof(typeof(r), crc)));
	ret = vfio_mig_buf_append(w->buf, &r, sizeof(r));
	if (!ret)
		ret = vfio_mig_buf_append(w->buf, w->payload, w->len);
	w->len = 0;
	return ret;
}

static void mock_save_pending(const struct mock_fn *fn,
			      struct mock_vfio_state_regs *out)
{
	u32 v;

	out->pending_words = cpu_to_le32(mock_pending_words(fn));
	for_each_set_bit(v, mock_irq_pending(fn), fn->irq.vectors)
		out->pending[v / 32] |= cpu_to_le32(BIT(v % 32));
}

static int mock_save_regs(struct mock_writer *w)
{
	const struct mock_regs *regs = &w->mv->fn->dev.regs;
	struct mock_vfio_state_regs *out = (void *)w->payload;
	int i;

	w->len = struct_size(out, pending, mock_pending_words(w->mv->fn));
	memset(out, 0, w->len);
#define SAVE32(field)	(out->field = cpu_to_le32(regs->field))
#define SAVE64(field)	(out->field = cpu_to_le64(regs->field))
	MOCK_STATE_FIELDS(SAVE32, SAVE64);
#undef SAVE32
#undef SAVE64
	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		out->scratch[i] = cpu_to_le32(regs->scratch[i]);
	mock_save_pending(w->mv->fn, out);
	return mock_save_record(w, MOCK_VFIO_RECORD_REGS);
}

static int mock_save_flush(struct mock_writer *w)
{
	return w->len ? mock_save_record(w, MOCK_VFIO_RECORD_MEM) : 0;
}

static int mock_save_page(struct mock_writer *w, u64 offset,
			  const struct page *page)
{
	struct mock_vfio_state_mem *mem = (void *)w->payload;
	int ret;

	if (w->len && (le64_to_cpu(mem->offset) + w->len - sizeof(*mem) != offset ||
		       w->len >= MOCK_RECORD_PAGES * PAGE_SIZE)) {
		ret = mock_save_flush(w);
		if (ret)
			return ret;
	}
	if (!w->len) {
		mem->offset = cpu_to_le64(offset);
		w->len = sizeof(*mem);
	}
	memcpy(w->payload + w->len, page_address(page), PAGE_SIZE);
	w->len += PAGE_SIZE;
	w->pages--;
	return 0;
}

/* What there was at the beginning; what is left out is zero. */
static int mock_save_initial(struct mock_writer *w)
{
	struct mock_saver *s = &w->mv->saver;
	struct mock_mem *mem = &w->mv->fn->dev.mem;
	struct page *page;
	int ret = 0;

	while (w->pages && !ret) {
		page = mock_mem_next_used(mem, &s->cursor);
		s->initial = page;
		if (!page)
			break;
		mock_mem_clean(mem, s->cursor);
		if (memchr_inv(page_address(page), 0, PAGE_SIZE))
			ret = mock_save_page(w, (u64)s->cursor << PAGE_SHIFT, page);
		s->cursor++;
		s->passed++;
		cond_resched();
	}
	return ret ? ret : mock_save_flush(w);
}

/* What has changed since it was sent. */
static int mock_save_dirty(struct mock_writer *w)
{
	struct mock_mem *mem = &w->mv->fn->dev.mem;
	unsigned long index = 0;
	struct page *page;
	int ret = 0;

	while (w->pages && !ret) {
		page = mock_mem_next_dirty(mem, &index);
		if (!page)
			break;
		ret = mock_save_page(w, (u64)index << PAGE_SHIFT, page);
		mock_count(w->mv->fn, MOCK_PAGES_RESENT, 1);
		index++;
	}
	return ret ? ret : mock_save_flush(w);
}

static int mock_save_mem(struct mock_writer *w)
{
	int ret = 0;

	if (w->mv->saver.initial)
		ret = mock_save_initial(w);
	if (!ret && !w->mv->saver.initial)
		ret = mock_save_dirty(w);
	return ret;
}

static int mock_save_end(struct mock_writer *w)
{
	struct mock_vfio_state_end *end = (void *)w->payload;

	w->len = sizeof(*end);
	end->records = cpu_to_le32(w->mv->saver.records);
	end->reserved = 0;
	end->bytes = cpu_to_le64(w->buf->len + w->len +
				 sizeof(struct mock_vfio_state_record));
	w->mv->saver.ended = true;
	return mock_save_record(w, MOCK_VFIO_RECORD_END);
}

static int mock_writer_init(struct mock_writer *w, struct mock_vfio *mv,
			    struct vfio_mig_buf *buf)
{
	*w = (struct mock_writer) {
		.mv = mv, .buf = buf, .pages = MOCK_FILL_PAGES,
	};
	w->payload = kvmalloc(MOCK_VFIO_RECORD_LENGTH_MAX, GFP_KERNEL_ACCOUNT);
	return w->payload ? 0 : -ENOMEM;
}

/**
 * mock_state_begin - a new stream, nothing is written of it
 * @mv: the device
 */
void mock_state_begin(struct mock_vfio *mv)
{
	mv->saver = (struct mock_saver) { .initial = true };
}

/**
 * mock_state_fill - append some of what a reader in pre-copy does not have yet
 * @mv: the device, its memory watched
 * @buf: the stream
 *
 * Return: 0 or -ENOMEM.
 */
int mock_state_fill(struct mock_vfio *mv, struct vfio_mig_buf *buf)
{
	struct mock_writer w;
	int ret;

	ret = mock_writer_init(&w, mv, buf);
	if (!ret)
		ret = mock_save_header(&w);
	if (!ret)
		ret = mock_save_mem(&w);
	kvfree(w.payload);
	return ret;
}

/**
 * mock_state_left - estimate what mock_state_fill() has still to append
 * @mv: the device, its memory watched
 * @initial: bytes of what there was at the beginning; pages that were written for
 *	     the first time since then count as such, too
 * @dirty: bytes of what has changed since
 */
void mock_state_left(struct mock_vfio *mv, u64 *initial, u64 *dirty)
{
	struct mock_mem *mem = &mv->fn->dev.mem;
	const unsigned long used = READ_ONCE(mem->used);

	*initial = 0;
	*dirty = 0;
	if (!mv->saver.initial) {
		*dirty = (u64)READ_ONCE(mem->dirty) * PAGE_SIZE;
		return;
	}
	*initial = sizeof(struct mock_vfio_state_header) +
		   (used - min(used, mv->saver.passed)) * PAGE_SIZE;
}

/* With room for a page left, all of memory is in the stream. */
static int mock_save_rest(struct mock_writer *w)
{
	int ret = mock_save_header(w);

	if (!ret)
		ret = mock_save_mem(w);
	if (!ret && w->pages)
		ret = mock_save_regs(w);
	if (!ret && w->pages)
		ret = mock_save_end(w);
	return ret;
}

/**
 * mock_state_fill_last - append some of the rest of the state, nothing at its end
 * @mv: the device, stopped, its memory watched
 * @buf: the stream
 *
 * Return: 0 or -ENOMEM.
 */
int mock_state_fill_last(struct mock_vfio *mv, struct vfio_mig_buf *buf)
{
	struct mock_writer w;
	int ret;

	if (mv->saver.ended)
		return 0;
	ret = mock_writer_init(&w, mv, buf);
	if (ret)
		return ret;
	mutex_lock(&mv->fn->dev.lock);
	ret = mock_save_rest(&w);
	mutex_unlock(&mv->fn->dev.lock);
	kvfree(w.payload);
	return ret;
}

/* Bytes of a stream with that much memory in it, in records as small as may be. */
static u64 mock_state_bytes(struct mock_vfio *mv, u64 mem, u64 mem_records)
{
	const u64 record = sizeof(struct mock_vfio_state_record);

	return sizeof(struct mock_vfio_state_header) +
	       record + sizeof(struct mock_vfio_state_regs) +
	       4 * mock_pending_words(mv->fn) +
	       mem + mem_records * (record + sizeof(struct mock_vfio_state_mem)) +
	       record + sizeof(struct mock_vfio_state_end);
}

/**
 * mock_state_size - estimate of what STOP_COPY would deliver now
 * @mv: the device
 *
 * Return: bytes, an upper bound if the device is stopped: pages that were written
 * but are zero are not looked for.  In pre-copy what the reader does not have yet.
 */
u64 mock_state_size(struct mock_vfio *mv)
{
	struct mock_mem *mem = &mv->fn->dev.mem;
	u64 initial, dirty = 0;

	if (mem->watch)
		mock_state_left(mv, &initial, &dirty);
	else
		initial = (u64)READ_ONCE(mem->used) * PAGE_SIZE;
	return mock_state_bytes(mv, initial + dirty,
				(initial + dirty) >> PAGE_SHIFT);
}
