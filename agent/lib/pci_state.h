/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a migration stream says about the PCI side of a device: config space,
 * INTx pins, MSI-X table and pending bits.  Nothing here touches a device.
 */
#ifndef VFM_PCI_STATE_H
#define VFM_PCI_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "stream.h"

#define VFM_PCI_CONFIG_SMALL	256
#define VFM_PCI_CONFIG_SIZE	4096
#define VFM_PCI_VECTORS		2048
#define VFM_MSIX_ENTRY		16
#define VFM_PCI_STATE_VERSION	2

/**
 * struct vfm_pci_state - the config state of a section
 * @size: bytes of config space, 256 or 4096
 * @vectors: size of the MSI-X table, 0 without MSI-X
 * @config: config space
 * @intx: level of the pins A..D
 * @msix: table as in the BAR, little-endian
 * @pba: bit v % 8 of byte v / 8: vector v is pending
 */
struct vfm_pci_state {
	uint16_t size;
	uint16_t vectors;
	uint8_t config[VFM_PCI_CONFIG_SIZE];
	uint32_t intx[4];
	uint8_t msix[VFM_PCI_VECTORS * VFM_MSIX_ENTRY];
	uint8_t pba[VFM_PCI_VECTORS / 8];
};

/**
 * struct vfm_pci_masks - which bits of config space mean what
 * @cmask: bits that have to be equal on both sides
 * @wmask: bits that the guest may write, excepted from @cmask
 * @w1cmask: bits that the guest clears by writing 1, excepted as well
 * @emulated: bits whose truth is the VMM's copy, not the device
 */
struct vfm_pci_masks {
	uint8_t cmask[VFM_PCI_CONFIG_SIZE];
	uint8_t wmask[VFM_PCI_CONFIG_SIZE];
	uint8_t w1cmask[VFM_PCI_CONFIG_SIZE];
	uint8_t emulated[VFM_PCI_CONFIG_SIZE];
};

/* Offset of capability @id in the first 256 bytes, 0 if there is none. */
uint8_t vfm_pci_find_cap(const uint8_t *config, uint8_t id);
/* Size of the MSI-X table according to config space, 0 without MSI-X. */
uint16_t vfm_pci_msix_vectors(const uint8_t *config);

/* What has to match, from the layout of @config (@size bytes of it). */
void vfm_pci_derive_masks(const uint8_t *config, uint16_t size,
			  struct vfm_pci_masks *m);
/* First offset at which @theirs does not fit @ours, or -1. */
int vfm_pci_mismatch(const uint8_t *ours, const uint8_t *theirs, uint16_t size,
		     const struct vfm_pci_masks *m);

/* Bytes that vfm_pci_put() writes. */
uint32_t vfm_pci_state_bytes(const struct vfm_pci_state *s);
int vfm_pci_put(struct vfm_writer *w, const struct vfm_pci_state *s,
		struct vfm_error *e);
/*
 * Read a state with a config space of @size bytes.  With @ours, refuse what
 * does not fit it.
 */
int vfm_pci_get(struct vfm_reader *r, struct vfm_pci_state *s, uint16_t size,
		const struct vfm_pci_state *ours,
		const struct vfm_pci_masks *m, struct vfm_error *e);

#endif
