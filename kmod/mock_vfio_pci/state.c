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
/* Room in a stream for optional records that a newer version may add. */
#define MOCK_OPTIONAL_MAX	SZ_64K

/**
 * struct mock_saver - a stream in the making
 * @mv: the device
 * @buf: the stream
 * @payload: of the next record
 * @len: bytes in @payload
 * @records: written so far
 */
struct mock_saver {
	struct mock_vfio *mv;
	struct vfio_mig_buf *buf;
	u8 *payload;
	u32 len;
	u32 records;
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

static int mock_save_header(struct mock_saver *s)
{
	struct mock_vfio_state_header h = {
		.magic = cpu_to_le32(MOCK_VFIO_STATE_MAGIC),
		.major = cpu_to_le16(MOCK_VFIO_STATE_MAJOR),
		.minor = cpu_to_le16(MOCK_VFIO_STATE_MINOR),
		.vendor = cpu_to_le16(mock_cfg_word(s->mv->fn, PCI_VENDOR_ID)),
		.device = cpu_to_le16(mock_cfg_word(s->mv->fn, PCI_DEVICE_ID)),
		.vectors = cpu_to_le32(s->mv->fn->irq.vectors),
		.mem_size = cpu_to_le64(s->mv->fn->dev.mem.size),
	};

	h.crc = cpu_to_le32(mock_state_crc(&h, offsetof(typeof(h), crc)));
	return vfio_mig_buf_append(s->buf, &h, sizeof(h));
}

static int mock_save_record(struct mock_saver *s, enum mock_vfio_record_type type)
{
	struct mock_vfio_state_record r = {
		.magic = cpu_to_le32(MOCK_VFIO_RECORD_MAGIC),
		.type = cpu_to_le32(type),
		.seq = cpu_to_le32(s->records++),
		.length = cpu_to_le32(s->len),
		.payload_crc = cpu_to_le32(mock_state_crc(s->payload, s->len)),
	};
	int ret;

	r.crc = cpu_to_le32(mock_state_crc(&r, offsetof(typeof(r), crc)));
	ret = vfio_mig_buf_append(s->buf, &r, sizeof(r));
	if (!ret)
		ret = vfio_mig_buf_append(s->buf, s->payload, s->len);
	s->len = 0;
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

static int mock_save_regs(struct mock_saver *s)
{
	const struct mock_regs *regs = &s->mv->fn->dev.regs;
	struct mock_vfio_state_regs *out = (void *)s->payload;
	int i;

	s->len = struct_size(out, pending, mock_pending_words(s->mv->fn));
	memset(out, 0, s->len);
#define SAVE32(field)	(out->field = cpu_to_le32(regs->field))
#define SAVE64(field)	(out->field = cpu_to_le64(regs->field))
	MOCK_STATE_FIELDS(SAVE32, SAVE64);
#undef SAVE32
#undef SAVE64
	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		out->scratch[i] = cpu_to_le32(regs->scratch[i]);
	mock_save_pending(s->mv->fn, out);
	return mock_save_record(s, MOCK_VFIO_RECORD_REGS);
}

static int mock_save_page(struct mock_saver *s, u64 offset,
			  const struct page *page)
{
	struct mock_vfio_state_mem *mem = (void *)s->payload;
	const u64 next = le64_to_cpu(mem->offset) + s->len - sizeof(*mem);
	int ret;

	if (s->len && (next != offset ||
		       s->len >= MOCK_RECORD_PAGES * PAGE_SIZE)) {
		ret = mock_save_record(s, MOCK_VFIO_RECORD_MEM);
		if (ret)
			return ret;
	}
	if (!s->len) {
		mem->offset = cpu_to_le64(offset);
		s->len = sizeof(*mem);
	}
	memcpy(s->payload + s->len, page_address(page), PAGE_SIZE);
	s->len += PAGE_SIZE;
	return 0;
}

static int mock_save_mem(struct mock_saver *s)
{
	unsigned long index;
	struct page *page;
	int ret;

	xa_for_each(&s->mv->fn->dev.mem.pages, index, page) {
		/* What is left out is zero. */
		if (!memchr_inv(page_address(page), 0, PAGE_SIZE))
			continue;
		ret = mock_save_page(s, (u64)index << PAGE_SHIFT, page);
		if (ret)
			return ret;
	}
	return s->len ? mock_save_record(s, MOCK_VFIO_RECORD_MEM) : 0;
}

static int mock_save_end(struct mock_saver *s)
{
	struct mock_vfio_state_end *end = (void *)s->payload;

	s->len = sizeof(*end);
	end->records = cpu_to_le32(s->records);
	end->reserved = 0;
	end->bytes = cpu_to_le64(s->buf->len + s->len +
				 sizeof(struct mock_vfio_state_record));
	return mock_save_record(s, MOCK_VFIO_RECORD_END);
}

/**
 * mock_state_save - append the whole state to a buffer
 * @mv: the device, stopped
 * @buf: the buffer
 *
 * Return: 0 or -ENOMEM.
 */
int mock_state_save(struct mock_vfio *mv, struct vfio_mig_buf *buf)
{
	struct mock_saver s = { .mv = mv, .buf = buf };
	int ret;

	s.payload = kvmalloc(MOCK_VFIO_RECORD_LENGTH_MAX, GFP_KERNEL_ACCOUNT);
	if (!s.payload)
		return -ENOMEM;
	mutex_lock(&mv->fn->dev.lock);
	ret = mock_save_header(&s);
	if (!ret)
		ret = mock_save_regs(&s);
	if (!ret)
		ret = mock_save_mem(&s);
	if (!ret)
		ret = mock_save_end(&s);
	mutex_unlock(&mv->fn->dev.lock);
	kvfree(s.payload);
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
 * mock_state_size - estimate of what mock_state_save() would write
 * @mv: the device
 *
 * Return: bytes, an upper bound if the device is stopped.
 */
u64 mock_state_size(struct mock_vfio *mv)
{
	const u64 used = mock_mem_used(&mv->fn->dev.mem);

	return mock_state_bytes(mv, used, used >> PAGE_SHIFT);
}

/**
 * mock_state_max - bytes of the longest stream that the device would take
 * @mv: the device
 */
u64 mock_state_max(struct mock_vfio *mv)
{
	const u64 size = mv->fn->dev.mem.size;

	return mock_state_bytes(mv, size, size >> PAGE_SHIFT) +
	       MOCK_OPTIONAL_MAX;
}
