/* SPDX-License-Identifier: GPL-2.0-only */
/* What writing and loading of the device state share. */
#ifndef MOCK_VFIO_PCI_STATE_H
#define MOCK_VFIO_PCI_STATE_H

#include "mock.h"

/* Registers that appear under the same name in struct mock_vfio_state_regs. */
#define MOCK_STATE_FIELDS(F32, F64)	\
	do {				\
		F32(control);		\
		F32(irq_status);	\
		F32(irq_enable);	\
		F32(dma_error);		\
		F64(dma_ring);		\
		F32(dma_size);		\
		F32(dma_head);		\
		F32(dma_tail);		\
		F32(dma_faults);	\
		F64(dma_fault_iova);	\
		F64(dma_done);		\
		F64(dma_bytes);		\
		F64(traffic_iova);	\
		F64(traffic_mem);	\
		F64(traffic_seq);	\
		F64(mem_aperture);	\
		F32(mem_aperture_low);	\
		F32(traffic_control);	\
		F32(traffic_period);	\
		F32(traffic_slots);	\
		F32(traffic_stride);	\
		F32(traffic_mem_slots);	\
		F32(traffic_vector);	\
		F32(traffic_dma_every);	\
		F32(traffic_mem_every);	\
		F32(traffic_irq_every);	\
		F32(traffic_vectors);	\
	} while (0)

static inline u32 mock_pending_words(const struct mock_fn *fn)
{
	return DIV_ROUND_UP(fn->irq.vectors, 32);
}

u32 mock_state_crc(const void *data, size_t len);

#endif /* MOCK_VFIO_PCI_STATE_H */
