// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the DMA engine, which runs the descriptors of a ring in the
 * guest's memory one after the other.
 *
 * All of it runs under the device's lock, from the device's work.
 */
#include <linux/crc32.h>
#include <linux/log2.h>
#include <linux/mm.h>

#include "mock.h"

/**
 * struct mock_xfer - a descriptor in work
 * @fn: the function
 * @desc: as read from the ring
 * @src: begin of the piece that is done next
 * @dst: likewise
 * @phase: offset of that piece, for the pattern
 * @crc: digest so far
 * @page: one page to pass data through
 */
struct mock_xfer {
	struct mock_fn *fn;
	struct mock_vfio_desc desc;
	u64 src;
	u64 dst;
	u64 phase;
	u32 crc;
	void *page;
};

/**
 * mock_dma_access - move bytes, and count it if they cannot be moved
 * @fn: the function, its device lock held
 * @iova: in the guest's memory
 * @data: to or from here
 * @len: bytes
 * @write: to the guest
 *
 * Return: 0 or -EFAULT.
 */
int mock_dma_access(struct mock_fn *fn, u64 iova, void *data, size_t len,
		    bool write)
{
	struct mock_regs *regs = &fn->dev.regs;

	if (mock_cfg_can_dma(fn) &&
	    !mock_iommu_access(fn, iova, data, len, write)) {
		regs->dma_bytes += len;
		return 0;
	}
	regs->dma_faults++;
	regs->dma_fault_iova = iova;
	return -EFAULT;
}

/* Device memory between a page of it and the guest; never crosses a page. */
static int mock_xfer_device(struct mock_xfer *x, u64 iova, u64 offset,
			    size_t len, bool to_guest)
{
	struct mock_mem *mem = &x->fn->dev.mem;
	struct page *page = mock_mem_page(mem, offset, !to_guest);
	void *data;
	int ret;

	if (!page && !to_guest)
		return -ENOMEM;
	data = page ? page_address(page) : page_address(ZERO_PAGE(0));
	ret = mock_dma_access(x->fn, iova, data + offset_in_page(offset), len,
			      to_guest);
	if (!to_guest)
		mock_mem_dirty(mem, offset);
	return ret;
}

static void mock_xfer_pattern(struct mock_xfer *x, size_t len)
{
	const u8 *pattern = (const u8 *)&x->desc.pattern;
	u8 *data = x->page;
	size_t i;

	for (i = 0; i < len; i++)
		data[i] = pattern[(x->phase + i) % sizeof(x->desc.pattern)];
}

static int op_nop(struct mock_xfer *x, size_t len)
{
	return 0;
}

static int op_to_device(struct mock_xfer *x, size_t len)
{
	return mock_xfer_device(x, x->src, x->dst, len, false);
}

static int op_to_guest(struct mock_xfer *x, size_t len)
{
	return mock_xfer_device(x, x->dst, x->src, len, true);
}

static int op_copy(struct mock_xfer *x, size_t len)
{
	int ret = mock_dma_access(x->fn, x->src, x->page, len, false);

	return ret ? ret : mock_dma_access(x->fn, x->dst, x->page, len, true);
}

static int op_fill_device(struct mock_xfer *x, size_t len)
{
	mock_xfer_pattern(x, len);
	return mock_mem_write(&x->fn->dev.mem, x->dst, x->page, len);
}

static int op_fill_guest(struct mock_xfer *x, size_t len)
{
	mock_xfer_pattern(x, len);
	return mock_dma_access(x->fn, x->dst, x->page, len, true);
}

static int op_digest_device(struct mock_xfer *x, size_t len)
{
	int ret = mock_mem_read(&x->fn->dev.mem, x->src, x->page, len);

	x->crc = crc32_le(x->crc, x->page, len);
	return ret;
}

static int op_digest_guest(struct mock_xfer *x, size_t len)
{
	int ret = mock_dma_access(x->fn, x->src, x->page, len, false);

	x->crc = crc32_le(x->crc, x->page, len);
	return ret;
}

/**
 * struct mock_op - an operation of the engine
 * @piece: do up to a page of it; crosses no page boundary of device memory
 * @src_device: src is an offset in device memory
 * @dst_device: dst is one
 * @digests: result is the digest
 */
struct mock_op {
	int (*piece)(struct mock_xfer *x, size_t len);
	bool src_device;
	bool dst_device;
	bool digests;
};

static const struct mock_op mock_ops[MOCK_VFIO_NR_OPS] = {
	[MOCK_VFIO_OP_NOP] = { .piece = op_nop },
	[MOCK_VFIO_OP_TO_DEVICE] = { .piece = op_to_device, .dst_device = true },
	[MOCK_VFIO_OP_TO_GUEST] = { .piece = op_to_guest, .src_device = true },
	[MOCK_VFIO_OP_COPY] = { .piece = op_copy },
	[MOCK_VFIO_OP_FILL_DEVICE] = { .piece = op_fill_device, .dst_device = true },
	[MOCK_VFIO_OP_FILL_GUEST] = { .piece = op_fill_guest },
	[MOCK_VFIO_OP_DIGEST_DEVICE] = { .piece = op_digest_device,
					 .src_device = true, .digests = true },
	[MOCK_VFIO_OP_DIGEST_GUEST] = { .piece = op_digest_guest, .digests = true },
};

static enum mock_vfio_dma_status mock_xfer_check(const struct mock_xfer *x,
						 u32 len)
{
	const u32 op = le32_to_cpu(x->desc.op);
	const struct mock_mem *mem = &x->fn->dev.mem;

	if (op >= MOCK_VFIO_NR_OPS)
		return MOCK_VFIO_DMA_BAD_OP;
	if (len > MOCK_VFIO_DMA_LENGTH_MAX ||
	    (mock_ops[op].src_device && !mock_mem_has(mem, x->src, len)) ||
	    (mock_ops[op].dst_device && !mock_mem_has(mem, x->dst, len)))
		return MOCK_VFIO_DMA_RANGE;
	return MOCK_VFIO_DMA_OK;
}

/* Up to the next page boundary of device memory, on whichever side it is. */
static size_t mock_xfer_piece(const struct mock_xfer *x, const struct mock_op *op,
			      size_t len)
{
	len = min_t(size_t, len, PAGE_SIZE);
	if (op->src_device)
		len = min_t(size_t, len, PAGE_SIZE - offset_in_page(x->src));
	if (op->dst_device)
		len = min_t(size_t, len, PAGE_SIZE - offset_in_page(x->dst));
	return len;
}

static enum mock_vfio_dma_status mock_xfer_run(struct mock_xfer *x)
{
	u32 len = le32_to_cpu(x->desc.length);
	enum mock_vfio_dma_status status = mock_xfer_check(x, len);
	const struct mock_op *op;
	size_t n;

	if (status != MOCK_VFIO_DMA_OK)
		return status;
	op = &mock_ops[le32_to_cpu(x->desc.op)];
	x->crc = ~0U;
	for (; len; len -= n, x->src += n, x->dst += n, x->phase += n) {
		n = mock_xfer_piece(x, op, len);
		if (op->piece(x, n))
			return MOCK_VFIO_DMA_FAULT;
	}
	if (op->digests)
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

static int mock_xfer(struct mock_fn *fn, u64 iova, void *page)
{
	struct mock_xfer x = { .fn = fn, .page = page };
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
	void *page = (void *)__get_free_page(GFP_KERNEL);
	int ret = -ENOMEM;

	if (page)
		ret = mock_xfer(fn, regs->dma_ring +
				slot * sizeof(struct mock_vfio_desc), page);
	free_page((unsigned long)page);
	if (!ret) {
		regs->dma_head++;
		return;
	}
	regs->dma_error = 1;
	mock_dev_cause(fn, MOCK_VFIO_IRQ_ERROR);
}
