// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which bits of config space have to be equal at source and destination.
 *
 * In the header: identity, layout and the kind of each BAR.  Of each
 * capability: all of it, but for what a guest writes, what the device changes
 * on its own, and vendor specific content.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "bytes.h"
#include "pci_state.h"

enum rule_kind {
	COMPARE,	/* has to be equal */
	WRITABLE,	/* the guest's */
	VMM,		/* the guest's, kept by the VMM */
	CLEARABLE,	/* write 1 to clear */
	IGNORE,		/* the device's, not compared */
};

struct rule {
	uint8_t cap;
	uint8_t offset;
	uint8_t bytes;
	uint64_t bits;
	enum rule_kind kind;
};

#define ALL	(~0ULL)
#define COMMAND_BITS	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | \
			 PCI_COMMAND_MASTER | PCI_COMMAND_SERR | \
			 PCI_COMMAND_INTX_DISABLE)
#define STATUS_ERRORS	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | \
			 PCI_STATUS_REC_TARGET_ABORT | \
			 PCI_STATUS_REC_MASTER_ABORT | \
			 PCI_STATUS_SIG_SYSTEM_ERROR | \
			 PCI_STATUS_DETECTED_PARITY)

static const struct rule header_rules[] = {
	{ 0, PCI_VENDOR_ID, 4, ALL, COMPARE },
	{ 0, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, COMPARE },
	{ 0, PCI_CLASS_REVISION, 4, ALL, COMPARE },
	{ 0, PCI_HEADER_TYPE, 1, ALL, COMPARE },
	{ 0, PCI_SUBSYSTEM_VENDOR_ID, 4, ALL, COMPARE },
	{ 0, PCI_CAPABILITY_LIST, 1, ALL, COMPARE },
	{ 0, PCI_INTERRUPT_PIN, 1, ALL, COMPARE },
	{ 0, PCI_COMMAND, 2, COMMAND_BITS, WRITABLE },
	{ 0, PCI_STATUS, 2, STATUS_ERRORS, CLEARABLE },
	{ 0, PCI_CACHE_LINE_SIZE, 1, ALL, VMM },
	{ 0, PCI_INTERRUPT_LINE, 1, ALL, VMM },
};

static const struct rule cap_rules[] = {
	{ PCI_CAP_ID_PM, PCI_PM_CTRL, 2,
	  PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE, WRITABLE },
	{ PCI_CAP_ID_PM, PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_STATUS, CLEARABLE },
	{ PCI_CAP_ID_VPD, PCI_VPD_ADDR, 2, ALL, WRITABLE },
	{ PCI_CAP_ID_VPD, PCI_VPD_DATA, 4, ALL, IGNORE },
	{ PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS, 2,
	  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, VMM },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, 2, ALL, WRITABLE },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVSTA, 2, ALL, IGNORE },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKCTL, 2, ALL, WRITABLE },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKSTA, 2, ALL, IGNORE },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, 2, ALL, WRITABLE },
	{ PCI_CAP_ID_EXP, PCI_EXP_DEVSTA2, 2, ALL, IGNORE },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKCTL2, 2, ALL, WRITABLE },
	{ PCI_CAP_ID_EXP, PCI_EXP_LNKSTA2, 2, ALL, IGNORE },
	{ PCI_CAP_ID_AF, PCI_AF_CTRL, 1, ALL, WRITABLE },
	{ PCI_CAP_ID_AF, PCI_AF_STATUS, 1, ALL, IGNORE },
};

static void mark(struct vfm_pci_masks *m, unsigned int at, uint8_t bits,
		 enum rule_kind kind)
{
	if (at >= VFM_PCI_CONFIG_SIZE)
		return;
	if (kind == COMPARE)
		m->cmask[at] |= bits;
	if (kind == IGNORE)
		m->cmask[at] &= ~bits;
	if (kind == WRITABLE || kind == VMM)
		m->wmask[at] |= bits;
	if (kind == VMM)
		m->emulated[at] |= bits;
	if (kind == CLEARABLE)
		m->w1cmask[at] |= bits;
}

static void apply(struct vfm_pci_masks *m, unsigned int base,
		  const struct rule *r)
{
	int i;

	for (i = 0; i < r->bytes; i++)
		mark(m, base + r->offset + i, r->bits >> 8 * i, r->kind);
}

static void bars(const uint8_t *config, struct vfm_pci_masks *m)
{
	unsigned int at, type;
	bool high = false;

	for (at = PCI_BASE_ADDRESS_0; at <= PCI_BASE_ADDRESS_5; at += 4) {
		type = high ? 0 : config[at] & PCI_BASE_ADDRESS_SPACE_IO ?
			(unsigned int)~PCI_BASE_ADDRESS_IO_MASK :
			(unsigned int)~PCI_BASE_ADDRESS_MEM_MASK;
		memset(m->cmask + at, 0xff, 4);
		memset(m->emulated + at, 0xff, 4);
		memset(m->wmask + at, 0xff, 4);
		m->wmask[at] = ~type;
		high = !high && !(config[at] & PCI_BASE_ADDRESS_SPACE_IO) &&
			(config[at] & PCI_BASE_ADDRESS_MEM_TYPE_64);
	}
	memset(m->wmask + PCI_ROM_ADDRESS, 0xff, 4);
	memset(m->emulated + PCI_ROM_ADDRESS, 0xff, 4);
}

/* All of MSI but the identity is an address, data or a mask of the guest. */
static void msi(const uint8_t *config, unsigned int at,
		struct vfm_pci_masks *m)
{
	unsigned int flags = vfm_get_le(config + at + PCI_MSI_FLAGS, 2);
	unsigned int i, size = 10;

	if (flags & PCI_MSI_FLAGS_64BIT)
		size += 4;
	if (flags & PCI_MSI_FLAGS_MASKBIT)
		size += 10;
	mark(m, at + PCI_MSI_FLAGS,
	     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, VMM);
	for (i = PCI_MSI_ADDRESS_LO; i < size; i++)
		mark(m, at + i, 0xff, VMM);
}

static void capability(const uint8_t *config, unsigned int at,
		       unsigned int end, struct vfm_pci_masks *m)
{
	unsigned int i, id = config[at];

	if (id == PCI_CAP_ID_VNDR)
		end = at + 3 < end ? at + 3 : end;
	for (i = at; i < end; i++)
		mark(m, i, 0xff, COMPARE);
	if (id == PCI_CAP_ID_MSI)
		msi(config, at, m);
	for (i = 0; i < sizeof(cap_rules) / sizeof(*cap_rules); i++)
		if (cap_rules[i].cap == id)
			apply(m, at, &cap_rules[i]);
}

/* A capability ends where the next one in memory, not in the list, begins. */
static unsigned int capability_end(const uint8_t *config, unsigned int at)
{
	unsigned int other = config[PCI_CAPABILITY_LIST] & ~3;
	unsigned int end = VFM_PCI_CONFIG_SMALL;
	int hops;

	for (hops = 0; other >= PCI_STD_HEADER_SIZEOF && hops < 48; hops++) {
		if (other > at && other < end)
			end = other;
		other = config[other + 1] & ~3;
	}
	return end;
}

static void capabilities(const uint8_t *config, struct vfm_pci_masks *m)
{
	unsigned int at = config[PCI_CAPABILITY_LIST] & ~3;
	int hops;

	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	for (hops = 0; at >= PCI_STD_HEADER_SIZEOF && hops < 48; hops++) {
		capability(config, at, capability_end(config, at), m);
		at = config[at + 1] & ~3;
	}
}

static bool only_header(unsigned int id)
{
	return id == PCI_EXT_CAP_ID_ERR || id == PCI_EXT_CAP_ID_VNDR;
}

static void extended(const uint8_t *config, struct vfm_pci_masks *m)
{
	unsigned int at = VFM_PCI_CONFIG_SMALL, end, next;
	uint32_t header;
	int hops;

	for (hops = 0; hops < 960 && at; hops++) {
		header = vfm_get_le(config + at, 4);
		next = PCI_EXT_CAP_NEXT(header);
		if (!header || (next && next <= at))
			return;
		end = only_header(PCI_EXT_CAP_ID(header)) ? at + 4 :
			next ? next : VFM_PCI_CONFIG_SIZE;
		memset(m->cmask + at, 0xff, end - at);
		at = next;
	}
}

void vfm_pci_derive_masks(const uint8_t *config, uint16_t size,
			  struct vfm_pci_masks *m)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < sizeof(header_rules) / sizeof(*header_rules); i++)
		apply(m, 0, &header_rules[i]);
	bars(config, m);
	capabilities(config, m);
	if (size == VFM_PCI_CONFIG_SIZE)
		extended(config, m);
}
