// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the DMA engine, which runs the descriptors of a ring in the
 * guest's memory one after the other.
 *
 * All of it runs under the device's lock, from the device's work.
 */
#include <linux/bitops.h>
#include <linux/crc32.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "mock.h"

/* Translations are held for that many bytes; an unmapping may have to wait. */
#define MOCK_DMA_PIECE	SZ_64K

struct mock_xfer;

/**
 * struct mock_op - an operation of the engine
 * @run: do it for memory at src (if it is read) and dst (if it is written)
 * @reads: there is a source
 * @writes: there is a destination
 * @src_device: src is an offset in device memory
 * @dst_device: dst is one
 * @digests: result is the digest
 */
struct mock_op {
	void (*run)(struct mock_xfer *x, void *dst, const void *src, size_t len);
	bool reads;
	bool writes;
	bool src_device;
	bool dst_device;
	bool digests;
};

/**
 * struct mock_xfer - a descriptor in work
 * @fn: the function
 * @op: what is asked for
 * @desc: as read from the ring
 * @io: access to the guest's memory, while a piece is done
 * @src: begin of what is done next
 * @dst: likewise
 * @phase: bytes done, for the pattern
 * @crc: digest so far
 */
struct mock_xfer {
	struct mock_fn *fn;
	const struct mock_op *op;
	struct mock_vfio_desc desc;
	struct mock_io io;
	u64 src;
	u64 dst;
	u64 phase;
	u32 crc;
};

static int mock_dma_fault(struct mock_fn *fn, u64 iova)
{
	fn->dev.regs.dma_faults++;
	mock_count(fn, MOCK_DMA_FAULTS, 1);
	fn->dev.regs.dma_fault_iova = iova;
	return -EFAULT;
}

static void mock_dma_moved(struct mock_fn *fn, size_t n, bool write)
{
	fn->dev.regs.dma_bytes += n;
	mock_count(fn, write ? MOCK_DMA_BYTES_WRITTEN : MOCK_DMA_BYTES_READ, n);
}

/* Return: 0, or -EFAULT, which has been counted. */
static int mock_dma_begin(struct mock_io *io, struct mock_fn *fn, u64 iova)
{
	if (mock_cfg_can_dma(fn) && !mock_io_begin(io, fn))
		return 0;
	return mock_dma_fault(fn, iova);
}

static int mock_dma_map(struct mock_io *io, u64 iova, bool write,
			struct mock_span *span)
{
	if (!mock_io_map(io, iova, write ? IOMMU_WRITE : IOMMU_READ, span))
		return 0;
	return mock_dma_fault(io->fn, iova);
}

/*
 * After the data, and before the driver hears of it.  Whatever stands behind the
 * address, be it another function's memory.
 */
static void mock_dma_wrote(struct mock_io *io, u64 iova,
			   const struct mock_span *span, size_t len)
{
	mock_io_wrote(io, span);
	if (io->fn->dma_watch)
		io->fn->dma_watch->wrote(io->fn->dma_watch, iova, len);
}

/**
 * mock_dma_watch - say who wants to know what DMA writes
 * @fn: the function
 * @watch: is told of all writes that begin after this returns; NULL if nobody
 *
 * When this returns, who was told before is not being told any more.
 *
 * Context: may sleep.
 */
void mock_dma_watch(struct mock_fn *fn, struct mock_dma_watch *watch)
{
	down_write(&fn->domain_lock);
	fn->dma_watch = watch;
	up_write(&fn->domain_lock);
}

/**
 * mock_dma_access - move bytes, and count it if they cannot be moved
 * @fn: the function, its device lock held
 * @iova: in the guest's memory
 * @data: to or from here
 * @len: bytes, not many
 * @write: to the guest
 *
 * Context: may sleep.
 * Return: 0, or -EFAULT if part of it is not mapped so; what comes before that
 * part has been done.
 */
int mock_dma_access(struct mock_fn *fn, u64 iova, void *data, size_t len,
		    bool write)
{
	struct mock_span span;
	struct mock_io io;
	size_t n;
	int ret;

	ret = mock_dma_begin(&io, fn, iova);
	if (ret)
		return ret;
	for (; len; iova += n, data += n, len -= n) {
		ret = mock_dma_map(&io, iova, write, &span);
		if (ret)
			break;
		n = min(len, span.len);
		memcpy(write ? span.data : data, write ? data : span.data, n);
		if (write)
			mock_dma_wrote(&io, iova, &span, n);
		mock_dma_moved(fn, n, write);
	}
	mock_io_end(&io);
	return ret;
}

/* Two iovas may be the same memory, so the pieces may overlap. */
static void op_move(struct mock_xfer *x, void *dst, const void *src, size_t len)
{
	if (dst + len <= src || src + len <= dst)
		memcpy(dst, src, len);
	else
		memmove(dst, src, len);
}

/* The pattern as it goes on after so many bytes. */
static u64 mock_xfer_pattern(const struct mock_xfer *x, u64 phase)
{
	return ror64(le64_to_cpu(x->desc.pattern), phase % 8 * 8);
}

static void op_fill(struct mock_xfer *x, void *dst, const void *src, size_t len)
{
	const size_t head = min_t(size_t, len, -(uintptr_t)dst % 8);
	const size_t words = (len - head) / 8;
	__le64 pattern = cpu_to_le64(mock_xfer_pattern(x, x->phase));

	memcpy(dst, &pattern, head);
	pattern = cpu_to_le64(mock_xfer_pattern(x, x->phase + head));
	memset64(dst + head, (__force u64)pattern, words);
	memcpy(dst + head + words * 8, &pattern, len - head - words * 8);
}

static void op_digest(struct mock_xfer *x, void *dst, const void *src, size_t len)
{
	x->crc = crc32_le(x->crc, src, len);
}

static const struct mock_op mock_ops[MOCK_VFIO_NR_OPS] = {
	[MOCK_VFIO_OP_NOP] = { },
	[MOCK_VFIO_OP_TO_DEVICE] = { .run = op_move, .reads = true,
				     .writes = true, .dst_device = true },
	[MOCK_VFIO_OP_TO_GUEST] = { .run = op_move, .reads = true,
				    .writes = true, .src_device = true },
	[MOCK_VFIO_OP_COPY] = { .run = op_move, .reads = true, .writes = true },
	[MOCK_VFIO_OP_FILL_DEVICE] = { .run = op_fill, .writes = true,
				       .dst_device = true },
	[MOCK_VFIO_OP_FILL_GUEST] = { .run = op_fill, .writes = true },
	[MOCK_VFIO_OP_DIGEST_DEVICE] = { .run = op_digest, .reads = true,
					 .src_device = true, .digests = true },
	[MOCK_VFIO_OP_DIGEST_GUEST] = { .run = op_digest, .reads = true,
					.digests = true },
};

static enum mock_vfio_dma_status mock_xfer_check(struct mock_xfer *x, u32 len)
{
	const u32 op = le32_to_cpu(x->desc.op);
	const struct mock_mem *mem = &x->fn->dev.mem;

	if (op >= MOCK_VFIO_NR_OPS)
		return MOCK_VFIO_DMA_BAD_OP;
	x->op = &mock_ops[op];
	if (len > MOCK_VFIO_DMA_LENGTH_MAX ||
	    (x->op->src_device && !mock_mem_has(mem, x->src, len)) ||
	    (x->op->dst_device && !mock_mem_has(mem, x->dst, len)))
		return MOCK_VFIO_DMA_RANGE;
	return MOCK_VFIO_DMA_OK;
}

/* Does the operation touch the guest's memory, and where first? */
static bool mock_xfer_guest(const struct mock_xfer *x, u64 *iova)
{
	const bool src = x->op->reads && !x->op->src_device;

	*iova = src ? x->src : x->dst;
	return src || (x->op->writes && !x->op->dst_device);
}

/* Device memory that is about to be written, which must be there. */
static int mock_xfer_create(struct mock_xfer *x, size_t len)
{
	u64 at;

	if (!x->op->dst_device)
		return 0;
	for (at = x->dst & PAGE_MASK; at < x->dst + len; at += PAGE_SIZE)
		if (!mock_mem_page(&x->fn->dev.mem, at, true))
			return -ENOMEM;
	return 0;
}

/* What is not there reads as zero. */
static void mock_xfer_device(struct mock_xfer *x, u64 offset,
			     struct mock_span *span)
{
	struct page *page = mock_mem_page(&x->fn->dev.mem, offset, false);

	span->data = page_address(page ? page : ZERO_PAGE(0)) +
		     offset_in_page(offset);
	span->len = PAGE_SIZE - offset_in_page(offset);
}

static int mock_xfer_side(struct mock_xfer *x, bool write,
			  struct mock_span *span, size_t *len)
{
	const u64 at = write ? x->dst : x->src;
	int ret = 0;

	if (!(write ? x->op->writes : x->op->reads))
		return 0;
	if (write ? x->op->dst_device : x->op->src_device)
		mock_xfer_device(x, at, span);
	else
		ret = mock_dma_map(&x->io, at, write, span);
	if (!ret)
		*len = min(*len, span->len);
	return ret;
}

static void mock_xfer_wrote(struct mock_xfer *x, const struct mock_span *span,
			    size_t len)
{
	if (x->op->dst_device)
		mock_mem_dirty(&x->fn->dev.mem, x->dst);
	else
		mock_dma_wrote(&x->io, x->dst, span, len);
}

/* Each side of guest memory counts. */
static void mock_xfer_advance(struct mock_xfer *x, size_t n)
{
	if (x->op->reads && !x->op->src_device)
		mock_dma_moved(x->fn, n, false);
	if (x->op->writes && !x->op->dst_device)
		mock_dma_moved(x->fn, n, true);
	x->src += n;
	x->dst += n;
	x->phase += n;
}

/* Memory that lies together on both sides, at a time. */
static int mock_xfer_spans(struct mock_xfer *x, size_t len)
{
	struct mock_span src = {}, dst = {};
	size_t n;
	int ret;

	for (; len; len -= n) {
		n = len;
		ret = mock_xfer_side(x, false, &src, &n);
		if (!ret)
			ret = mock_xfer_side(x, true, &dst, &n);
		if (ret)
			return ret;
		x->op->run(x, dst.data, src.data, n);
		if (x->op->writes)
			mock_xfer_wrote(x, &dst, n);
		mock_xfer_advance(x, n);
	}
	return 0;
}

static int mock_xfer_piece(struct mock_xfer *x, size_t len)
{
	u64 iova;
	int ret;

	ret = mock_xfer_create(x, len);
	if (ret || !mock_xfer_guest(x, &iova))
		return ret ? ret : mock_xfer_spans(x, len);
	ret = mock_dma_begin(&x->io, x->fn, iova);
	if (ret)
		return ret;
	ret = mock_xfer_spans(x, len);
	mock_io_end(&x->io);
	return ret;
}

static enum mock_vfio_dma_status mock_xfer_run(struct mock_xfer *x)
{
	u32 len = le32_to_cpu(x->desc.length);
	enum mock_vfio_dma_status status = mock_xfer_check(x, len);
	u32 n;

	if (status != MOCK_VFIO_DMA_OK || !x->op->run)
		return status;
	x->crc = ~0U;
	for (; len; len -= n) {
		n = min_t(u32, len, MOCK_DMA_PIECE);
		if (mock_xfer_piece(x, n))
			return MOCK_VFIO_DMA_FAULT;
		cond_resched();
	}
	if (x->op->digests)
		x->desc.result = cpu_to_le64(~x->crc);
	return MOCK_VFIO_DMA_OK;
}

/* The result first, the status last: the guest polls the status. */
static int mock_xfer_write_back(struct mock_xfer *x, u64 iova,
				enum mock_vfio_dma_status status)
{
	int ret;

	x->desc.status = cpu_to_le32(status);
	ret = mock_dma_access(x->fn,
			      iova + offsetof(struct mock_vfio_desc, result),
			      &x->desc.result, sizeof(x->desc.result), true);
	if (ret)
		return ret;
	smp_wmb(); /* the guest may run on another CPU */
	return mock_dma_access(x->fn,
			       iova + offsetof(struct mock_vfio_desc, status),
			       &x->desc.status, sizeof(x->desc.status), true);
}

static int mock_xfer(struct mock_fn *fn, u64 iova)
{
	struct mock_xfer x = { .fn = fn };
	int ret;

	ret = mock_dma_access(fn, iova, &x.desc, sizeof(x.desc), false);
	if (ret)
		return ret;
	x.src = le64_to_cpu(x.desc.src);
	x.dst = le64_to_cpu(x.desc.dst);
	ret = mock_xfer_write_back(&x, iova, mock_xfer_run(&x));
	if (ret)
		return ret;
	fn->dev.regs.dma_done++;
	mock_count(fn, MOCK_DMA_DESCRIPTORS, 1);
	mock_dev_cause(fn, MOCK_VFIO_IRQ_DMA);
	if (le32_to_cpu(x.desc.flags) & MOCK_VFIO_DESC_IRQ)
		mock_irq_raise(fn, le32_to_cpu(x.desc.vector));
	return 0;
}

/**
 * mock_dma_pending - is there a descriptor to run?
 * @fn: the function, its device lock held
 */
bool mock_dma_pending(const struct mock_fn *fn)
{
	const struct mock_regs *regs = &fn->dev.regs;

	return regs->dma_size && !regs->dma_error &&
	       regs->dma_head != regs->dma_tail;
}

/**
 * mock_dma_run_one - run the next descriptor
 * @fn: the function, its device lock held, a descriptor pending
 */
void mock_dma_run_one(struct mock_fn *fn)
{
	struct mock_regs *regs = &fn->dev.regs;
	const u32 slot = regs->dma_head & (regs->dma_size - 1);

	if (!mock_xfer(fn, regs->dma_ring +
		       slot * sizeof(struct mock_vfio_desc))) {
		regs->dma_head++;
		return;
	}
	regs->dma_error = 1;
	mock_dev_cause(fn, MOCK_VFIO_IRQ_ERROR);
}
