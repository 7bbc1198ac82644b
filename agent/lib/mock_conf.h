/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a mock function is: its properties as a struct, as words that people
 * write, and as netlink attributes.  Nothing here talks to a kernel.
 */
#ifndef VFM_MOCK_CONF_H
#define VFM_MOCK_CONF_H

#include <libmnl/libmnl.h>
#include <linux/mock_vfio_pci_nl.h>
#include <stdint.h>

#include "error.h"

/* Which properties a struct vfm_mock_conf has: bits by netlink attribute. */
enum vfm_mock_given {
	VFM_MOCK_NAME = 1 << MOCK_VFIO_PCI_A_FUNCTION_NAME,
	VFM_MOCK_PROFILE = 1 << MOCK_VFIO_PCI_A_FUNCTION_PROFILE,
	VFM_MOCK_ADDRESS = 1 << MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
	VFM_MOCK_SLOT = 1 << MOCK_VFIO_PCI_A_FUNCTION_SLOT,
	VFM_MOCK_NUMBER = 1 << MOCK_VFIO_PCI_A_FUNCTION_NUMBER,
	VFM_MOCK_VENDOR = 1 << MOCK_VFIO_PCI_A_FUNCTION_VENDOR_ID,
	VFM_MOCK_DEVICE = 1 << MOCK_VFIO_PCI_A_FUNCTION_DEVICE_ID,
	VFM_MOCK_SUBVENDOR = 1 << MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_VENDOR_ID,
	VFM_MOCK_SUBDEVICE = 1 << MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_ID,
	VFM_MOCK_CLASS = 1 << MOCK_VFIO_PCI_A_FUNCTION_CLASS,
	VFM_MOCK_REVISION = 1 << MOCK_VFIO_PCI_A_FUNCTION_REVISION,
	VFM_MOCK_MEM_SIZE = 1 << MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE,
	VFM_MOCK_BAR_SIZE = 1 << MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE,
	VFM_MOCK_MSI = 1 << MOCK_VFIO_PCI_A_FUNCTION_MSI_VECTORS,
	VFM_MOCK_MSIX = 1 << MOCK_VFIO_PCI_A_FUNCTION_MSIX_VECTORS,
	VFM_MOCK_INTX = 1 << MOCK_VFIO_PCI_A_FUNCTION_INTX,
	VFM_MOCK_MIGRATION = 1 << MOCK_VFIO_PCI_A_FUNCTION_MIGRATION,
	VFM_MOCK_TOTAL_VFS = 1 << MOCK_VFIO_PCI_A_FUNCTION_TOTAL_VFS,
	VFM_MOCK_DIRTY_LOG = 1 << MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG,
};

/**
 * struct vfm_mock_conf - properties of a mock function
 * @given: which of them, VFM_MOCK_* bits; the kernel chooses the others
 * @name: unique name
 * @profile: kind of device, from which it takes what is not given
 * @address: PCI address; only the kernel says it
 * @slot: bridge * 32 + device number
 * @number: function number in the slot
 * @vendor: PCI id
 * @device: PCI id
 * @subvendor: PCI id
 * @subdevice: PCI id
 * @class: PCI class, three bytes
 * @revision: PCI revision
 * @mem_size: bytes of device memory
 * @bar_size: bytes of the BAR that shows it
 * @msi: MSI vectors
 * @msix: MSI-X vectors
 * @intx: has an interrupt pin
 * @migration: enum mock_vfio_pci_migration bits
 * @total_vfs: virtual functions
 * @dirty_log: can log what it writes by DMA
 */
struct vfm_mock_conf {
	uint32_t given;
	char name[MOCK_VFIO_PCI_NAME_MAX + 1];
	char profile[MOCK_VFIO_PCI_NAME_MAX + 1];
	char address[MOCK_VFIO_PCI_NAME_MAX + 1];
	uint64_t slot;
	uint64_t number;
	uint64_t vendor;
	uint64_t device;
	uint64_t subvendor;
	uint64_t subdevice;
	uint64_t class;
	uint64_t revision;
	uint64_t mem_size;
	uint64_t bar_size;
	uint64_t msi;
	uint64_t msix;
	uint64_t intx;
	uint64_t migration;
	uint64_t total_vfs;
	uint64_t dirty_log;
};

/* How people write a property. */
enum vfm_mock_kind {
	VFM_MOCK_TEXT,
	VFM_MOCK_COUNT,		/* decimal, or as in C */
	VFM_MOCK_HEX,		/* hexadecimal, with 0x or without */
	VFM_MOCK_BYTES,		/* with a suffix K, M or G */
	VFM_MOCK_SWITCH,	/* on or off */
	VFM_MOCK_CAPS,		/* none, or names with commas between */
};

/**
 * struct vfm_mock_prop - a property
 * @word: the agent's word for it
 * @name: the netlink spec's, in which the kernel's messages speak
 * @attr: netlink attribute
 * @kind: how it is written
 * @bytes: of the attribute's number; 8: the attribute has 4 or 8
 * @offset: in struct vfm_mock_conf
 */
struct vfm_mock_prop {
	const char *word;
	const char *name;
	uint16_t attr;
	enum vfm_mock_kind kind;
	uint8_t bytes;
	uint16_t offset;
};

extern const struct vfm_mock_prop vfm_mock_props[];
extern const unsigned int vfm_mock_nr_props;

const char *vfm_mock_text(const struct vfm_mock_conf *c,
			  const struct vfm_mock_prop *p);
uint64_t vfm_mock_number(const struct vfm_mock_conf *c,
			 const struct vfm_mock_prop *p);
/* "none", or as in "stop-copy,p2p". */
const char *vfm_mock_caps_text(uint64_t migration, char *buf, size_t n);

/* [NAME] and then pairs of a property's word and its value. */
int vfm_mock_conf_words(struct vfm_mock_conf *c, int n, char *const *words,
			struct vfm_error *e);
/* Add what is given to a request with room for @size bytes in all. */
int vfm_mock_conf_put(const struct vfm_mock_conf *c, struct nlmsghdr *n,
		      size_t size, struct vfm_error *e);
/* Take a message of the kernel apart; unknown attributes are left alone. */
int vfm_mock_conf_get(struct vfm_mock_conf *c, const struct nlmsghdr *n,
		      struct vfm_error *e);
/* Word for an attribute, NULL if it has none. */
const char *vfm_mock_attr_word(unsigned int type);

#endif
