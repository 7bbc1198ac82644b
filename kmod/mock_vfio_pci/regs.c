// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the register BAR.
 *
 * Plain registers are rows of a table; those that compute their value or do
 * something when written have a case of their own.
 */
#include <linux/log2.h>

#include "mock.h"

/**
 * struct mock_reg - a register that is kept in struct mock_regs
 * @offset: in the BAR
 * @words: 4-byte words
 * @writable: by plain assignment
 * @field: offset in struct mock_regs
 */
struct mock_reg {
	u16 offset;
	u16 words;
	bool writable;
	u16 field;
};

#define MOCK_REG(_reg, _words, _writable, _field) {		\
	.offset = MOCK_VFIO_REG_##_reg,				\
	.words = _words,					\
	.writable = _writable,					\
	.field = offsetof(struct mock_regs, _field),		\
}

static const struct mock_reg mock_reg_table[] = {
	MOCK_REG(CONTROL, 1, false, control),
	MOCK_REG(IRQ_STATUS, 1, false, irq_status),
	MOCK_REG(IRQ_ENABLE, 1, false, irq_enable),
	MOCK_REG(MEM_APERTURE, 2, false, mem_aperture),
	MOCK_REG(SCRATCH, MOCK_VFIO_NR_SCRATCH, true, scratch),
	MOCK_REG(DMA_RING, 2, true, dma_ring),
	MOCK_REG(DMA_SIZE, 1, false, dma_size),
	MOCK_REG(DMA_HEAD, 1, false, dma_head),
	MOCK_REG(DMA_TAIL, 1, true, dma_tail),
	MOCK_REG(DMA_DONE, 2, false, dma_done),
	MOCK_REG(DMA_BYTES, 2, false, dma_bytes),
	MOCK_REG(DMA_FAULTS, 1, false, dma_faults),
	MOCK_REG(DMA_FAULT_IOVA, 2, false, dma_fault_iova),
	MOCK_REG(TRAFFIC_CONTROL, 1, true, traffic_control),
	MOCK_REG(TRAFFIC_PERIOD, 1, true, traffic_period),
	MOCK_REG(TRAFFIC_IOVA, 2, true, traffic_iova),
	MOCK_REG(TRAFFIC_SLOTS, 1, true, traffic_slots),
	MOCK_REG(TRAFFIC_STRIDE, 1, false, traffic_stride),
	MOCK_REG(TRAFFIC_MEM, 2, true, traffic_mem),
	MOCK_REG(TRAFFIC_MEM_SLOTS, 1, true, traffic_mem_slots),
	MOCK_REG(TRAFFIC_VECTOR, 1, true, traffic_vector),
	MOCK_REG(TRAFFIC_SEQ, 2, false, traffic_seq),
	MOCK_REG(TRAFFIC_DMA_EVERY, 1, true, traffic_dma_every),
	MOCK_REG(TRAFFIC_MEM_EVERY, 1, true, traffic_mem_every),
	MOCK_REG(TRAFFIC_IRQ_EVERY, 1, true, traffic_irq_every),
	MOCK_REG(TRAFFIC_VECTORS, 1, true, traffic_vectors),
};

static u32 *mock_reg_find(struct mock_fn *fn, u32 offset, bool *writable)
{
	const struct mock_reg *reg;

	for (reg = mock_reg_table;
	     reg < mock_reg_table + ARRAY_SIZE(mock_reg_table); reg++) {
		if (offset < reg->offset || offset >= reg->offset + 4 * reg->words)
			continue;
		*writable = reg->writable;
		return (void *)&fn->dev.regs + reg->field + (offset - reg->offset);
	}
	return NULL;
}

static u32 mock_reg_status(const struct mock_fn *fn)
{
	const struct mock_regs *regs = &fn->dev.regs;
	u32 status = 0;

	if (fn->dev.level != MOCK_STOPPED)
		status |= MOCK_VFIO_STATUS_RUNNING;
	if (regs->dma_head != regs->dma_tail)
		status |= MOCK_VFIO_STATUS_DMA_BUSY;
	if (mock_traffic_active(fn) && (regs->control & MOCK_VFIO_CONTROL_ENABLE))
		status |= MOCK_VFIO_STATUS_TRAFFIC;
	if (regs->dma_error)
		status |= MOCK_VFIO_STATUS_DMA_ERROR;
	return status;
}

static u32 mock_reg_features(const struct mock_fn *fn)
{
	u32 features = MOCK_VFIO_FEATURE_DMA | MOCK_VFIO_FEATURE_TRAFFIC;

	if (fn->dev.mem.window < fn->dev.mem.size)
		features |= MOCK_VFIO_FEATURE_APERTURE;
	return features;
}

static u32 mock_reg_read32(struct mock_fn *fn, u32 offset)
{
	bool writable;
	u32 *reg;

	switch (offset) {
	case MOCK_VFIO_REG_MAGIC:
		return MOCK_VFIO_MAGIC;
	case MOCK_VFIO_REG_VERSION:
		return MOCK_VFIO_VERSION;
	case MOCK_VFIO_REG_FEATURES:
		return mock_reg_features(fn);
	case MOCK_VFIO_REG_VECTORS:
		return fn->conf.msix;
	case MOCK_VFIO_REG_MEM_SIZE:
		return lower_32_bits(fn->dev.mem.size);
	case MOCK_VFIO_REG_MEM_SIZE + 4:
		return upper_32_bits(fn->dev.mem.size);
	case MOCK_VFIO_REG_STATUS:
		return mock_reg_status(fn);
	}
	reg = mock_reg_find(fn, offset, &writable);
	return reg ? *reg : 0;
}

/* A new ring starts empty and without error. */
static void mock_reg_set_dma_size(struct mock_fn *fn, u32 val)
{
	struct mock_regs *regs = &fn->dev.regs;

	if (val && (!is_power_of_2(val) || val > MOCK_VFIO_DMA_SIZE_MAX))
		val = 0;
	regs->dma_size = val;
	regs->dma_head = 0;
	regs->dma_tail = 0;
	regs->dma_error = 0;
}

static void mock_reg_set_stride(struct mock_fn *fn, u32 val)
{
	if (val % sizeof(struct mock_vfio_slot) == 0 && val && val <= SZ_4K)
		fn->dev.regs.traffic_stride = val;
}

/* Both halves count at once.  If they cannot be, the low one is forgotten too. */
static void mock_reg_set_aperture(struct mock_fn *fn, u32 high)
{
	struct mock_regs *regs = &fn->dev.regs;
	const u64 base = (u64)high << 32 | regs->mem_aperture_low;

	if (mock_aperture_fits(&fn->dev.mem, base)) {
		regs->mem_aperture = base;
		mock_aperture_move(&fn->dev.mem, base);
	}
	regs->mem_aperture_low = lower_32_bits(regs->mem_aperture);
}

static void mock_reg_trigger(struct mock_fn *fn, u32 vector)
{
	mock_dev_cause(fn, MOCK_VFIO_IRQ_TRIGGER);
	mock_irq_raise(fn, vector);
}

static void mock_reg_write32(struct mock_fn *fn, u32 offset, u32 val)
{
	bool writable;
	u32 *reg;

	switch (offset) {
	case MOCK_VFIO_REG_CONTROL:
		if (val & MOCK_VFIO_CONTROL_RESET) {
			mock_count(fn, MOCK_REGISTER_RESETS, 1);
			mock_dev_reset_locked(fn);
		}
		WRITE_ONCE(fn->dev.regs.control, val & MOCK_VFIO_CONTROL_ENABLE);
		return;
	case MOCK_VFIO_REG_IRQ_ACK:
		fn->dev.regs.irq_status &= ~val;
		mock_dev_update_intx(fn);
		return;
	case MOCK_VFIO_REG_IRQ_ENABLE:
		fn->dev.regs.irq_enable = val & MOCK_VFIO_IRQ_ALL;
		mock_dev_update_intx(fn);
		return;
	case MOCK_VFIO_REG_IRQ_TRIGGER:
		mock_reg_trigger(fn, val);
		return;
	case MOCK_VFIO_REG_ERROR_TRIGGER:
		mock_err_report(fn);
		return;
	case MOCK_VFIO_REG_MEM_APERTURE:
		fn->dev.regs.mem_aperture_low = val;
		return;
	case MOCK_VFIO_REG_MEM_APERTURE + 4:
		mock_reg_set_aperture(fn, val);
		return;
	case MOCK_VFIO_REG_DMA_SIZE:
		mock_reg_set_dma_size(fn, val);
		return;
	case MOCK_VFIO_REG_TRAFFIC_STRIDE:
		mock_reg_set_stride(fn, val);
		return;
	}
	reg = mock_reg_find(fn, offset, &writable);
	if (reg && writable)
		*reg = val;
}

/**
 * mock_reg_read - read from the register BAR
 * @fn: the function
 * @offset: any
 * @data: to here
 * @len: any; the range is inside the BAR
 *
 * Context: may sleep.
 */
void mock_reg_read(struct mock_fn *fn, u64 offset, void *data, size_t len)
{
	__le32 word;
	size_t n;

	mutex_lock(&fn->dev.lock);
	for (; len; offset += n, data += n, len -= n) {
		word = cpu_to_le32(mock_reg_read32(fn, offset & ~3ULL));
		n = min_t(size_t, len, 4 - (offset & 3));
		memcpy(data, (u8 *)&word + (offset & 3), n);
	}
	mutex_unlock(&fn->dev.lock);
}

/**
 * mock_reg_write - write to the register BAR
 * @fn: the function
 * @offset: multiple of 4
 * @data: from here
 * @len: multiple of 4; the range is inside the BAR
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL if not aligned.
 */
int mock_reg_write(struct mock_fn *fn, u64 offset, const void *data, size_t len)
{
	__le32 word;

	if ((offset | len) & 3)
		return -EINVAL;
	mutex_lock(&fn->dev.lock);
	for (; len; offset += 4, data += 4, len -= 4) {
		memcpy(&word, data, 4);
		mock_reg_write32(fn, offset, le32_to_cpu(word));
	}
	mutex_unlock(&fn->dev.lock);
	mock_dev_kick(fn);
	return 0;
}
