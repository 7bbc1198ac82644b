/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Driving a mock_vfio_pci function as a guest's driver does. */
#ifndef MOCK_DRIVER_H
#define MOCK_DRIVER_H

#include <linux/mock_vfio_pci.h>

#include "pci.h"

/**
 * struct mock - a mock function
 * @pci: its PCI side
 * @regs: the register BAR
 * @mem: device memory, mapped
 * @mem_size: bytes of it
 * @vectors: MSI-X vectors
 */
struct mock {
	struct vfm_pci *pci;
	struct vfm_region regs;
	uint8_t *mem;
	uint64_t mem_size;
	uint32_t vectors;
};

/* Is it one, by its PCI ids? */
bool mock_is_one(const struct vfm_pci *p);
/* Memory decoding has to be on. */
int mock_open(struct mock *m, struct vfm_pci *p, struct vfm_error *e);
void mock_close(struct mock *m);
/* 4 or 8 bytes. */
int mock_get(struct mock *m, unsigned int reg, unsigned int bytes, uint64_t *v,
	     struct vfm_error *e);
int mock_put(struct mock *m, unsigned int reg, unsigned int bytes, uint64_t v,
	     struct vfm_error *e);

#endif
