/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMM's side of a PCI device: the copy of config space and of the MSI-X
 * table that a guest sees, and the interrupts enabled accordingly.
 */
#ifndef VFM_PCI_H
#define VFM_PCI_H

#include "device.h"
#include "pci_state.h"

/**
 * struct vfm_pci - the PCI side of an open device
 * @dev: the device
 * @config: its config region
 * @state: what the guest sees, and what a stream carries
 * @masks: meaning of the bits of config space
 * @fds: one eventfd a vector, made when first asked for
 * @irq_index: enabled interrupt type, -1 for none
 */
struct vfm_pci {
	struct vfm_device *dev;
	struct vfm_region config;
	struct vfm_pci_state state;
	struct vfm_pci_masks masks;
	int fds[VFM_PCI_VECTORS];
	int irq_index;
};

int vfm_pci_init(struct vfm_pci *p, struct vfm_device *d, struct vfm_error *e);
void vfm_pci_exit(struct vfm_pci *p);

/* Config space as the guest sees it; @n is 1, 2 or 4. */
int vfm_pci_read(struct vfm_pci *p, unsigned int at, unsigned int n,
		 uint32_t *v, struct vfm_error *e);
/* The guest writes config space; enables or disables interrupts with it. */
int vfm_pci_write(struct vfm_pci *p, unsigned int at, unsigned int n,
		  uint32_t v, struct vfm_error *e);
/* The guest programs an MSI-X vector; takes effect when MSI-X is enabled. */
void vfm_pci_msix_entry(struct vfm_pci *p, unsigned int vector,
			uint64_t address, uint32_t data, bool masked);
bool vfm_pci_msix_masked(const struct vfm_pci *p, unsigned int vector);
bool vfm_pci_msix_enabled(const struct vfm_pci *p);
/* The eventfd of a vector. */
int vfm_pci_irq_fd(struct vfm_pci *p, unsigned int vector,
		   struct vfm_error *e);

/* Take over the state from a stream. */
int vfm_pci_load(struct vfm_pci *p, const struct vfm_pci_state *s,
		 struct vfm_error *e);
/* Interrupts off, for a device that is about to be reset. */
void vfm_pci_quiet(struct vfm_pci *p);

#endif
