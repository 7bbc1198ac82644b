// SPDX-License-Identifier: GPL-2.0-or-later
/* The config state of a PCI device as bytes of a stream. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stddef.h>
#include <string.h>

#include "bytes.h"
#include "pci_state.h"

uint8_t vfm_pci_find_cap(const uint8_t *config, uint8_t id)
{
	uint8_t at = config[PCI_CAPABILITY_LIST] & ~3;
	int hops;

	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return 0;
	/* 48 capabilities fill the space: a longer list is a loop. */
	for (hops = 0; at >= PCI_STD_HEADER_SIZEOF && hops < 48; hops++) {
		if (config[at] == id)
			return at;
		at = config[at + 1] & ~3;
	}
	return 0;
}

uint16_t vfm_pci_msix_vectors(const uint8_t *config)
{
	uint8_t cap = vfm_pci_find_cap(config, PCI_CAP_ID_MSIX);

	/* The last dword of the space has no room for the capability. */
	if (!cap || cap > VFM_PCI_CONFIG_SMALL - PCI_CAP_MSIX_SIZEOF)
		return 0;
	return (vfm_get_le(config + cap + PCI_MSIX_FLAGS, 2) &
		PCI_MSIX_FLAGS_QSIZE) + 1;
}

int vfm_pci_mismatch(const uint8_t *ours, const uint8_t *theirs, uint16_t size,
		     const struct vfm_pci_masks *m)
{
	int i;

	for (i = 0; i < size; i++)
		if ((ours[i] ^ theirs[i]) & m->cmask[i] & ~m->wmask[i] &
		    ~m->w1cmask[i])
			return i;
	return -1;
}

static uint32_t pba_bytes(const struct vfm_pci_state *s)
{
	return (s->vectors + 7) / 8;
}

uint32_t vfm_pci_state_bytes(const struct vfm_pci_state *s)
{
	/* A device that is not PCI has no config state at all. */
	if (!s->size)
		return 0;
	return 4 + s->size + 16 + s->vectors * VFM_MSIX_ENTRY + pba_bytes(s);
}

int vfm_pci_put(struct vfm_writer *w, const struct vfm_pci_state *s,
		struct vfm_error *e)
{
	int ret, i;

	if (!s->size)
		return 0;
	ret = vfm_write_be(w, VFM_PCI_STATE_VERSION, 4, e);
	if (!ret)
		ret = vfm_write(w, s->config, s->size, e);
	for (i = 0; !ret && i < 4; i++)
		ret = vfm_write_be(w, s->intx[i], 4, e);
	if (!ret)
		ret = vfm_write(w, s->msix, s->vectors * VFM_MSIX_ENTRY, e);
	if (!ret)
		ret = vfm_write(w, s->pba, pba_bytes(s), e);
	return ret;
}

static int get_version(struct vfm_reader *r, struct vfm_error *e)
{
	uint64_t at = r->offset;
	uint32_t version;
	int ret = vfm_read_be32(r, &version, "the PCI device version", e);

	if (ret || version <= VFM_PCI_STATE_VERSION)
		return ret;
	vfm_fail_at(e, EPROTONOSUPPORT, at,
		    "PCI device version %u, at most %d is known", version,
		    VFM_PCI_STATE_VERSION);
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

static int check_config(uint64_t at, const struct vfm_pci_state *s,
			const struct vfm_pci_state *ours,
			const struct vfm_pci_masks *m, struct vfm_error *e)
{
	int i = vfm_pci_mismatch(ours->config, s->config, s->size, m);

	if (i < 0)
		return 0;
	vfm_fail_at(e, EXDEV, at + i,
		    "PCI config byte 0x%03x is 0x%02x, this device has 0x%02x (compared bits 0x%02x)",
		    i, s->config[i], ours->config[i],
		    m->cmask[i] & ~m->wmask[i] & ~m->w1cmask[i]);
	vfm_error_kind(e, VFM_INCOMPATIBLE);
	return vfm_error_hint(e, "use a destination device of the same kind");
}

static int get_config(struct vfm_reader *r, struct vfm_pci_state *s,
		      const struct vfm_pci_state *ours,
		      const struct vfm_pci_masks *m, struct vfm_error *e)
{
	uint64_t at = r->offset;
	int ret = vfm_read(r, s->config, s->size, "PCI config space", e);

	if (!ret && ours)
		ret = check_config(at, s, ours, m, e);
	return ret;
}

static int get_intx(struct vfm_reader *r, struct vfm_pci_state *s,
		    struct vfm_error *e)
{
	uint64_t at;
	int ret, i;

	for (i = 0; i < 4; i++) {
		at = r->offset;
		ret = vfm_read_be32(r, &s->intx[i], "the INTx pins", e);
		if (ret)
			return ret;
		if (s->intx[i] > 1)
			return vfm_fail_at(e, EINVAL, at,
					   "INTx pin %c is %u, 0 or 1 expected",
					   'A' + i, s->intx[i]);
	}
	return 0;
}

int vfm_pci_get(struct vfm_reader *r, struct vfm_pci_state *s, uint16_t size,
		const struct vfm_pci_state *ours,
		const struct vfm_pci_masks *m, struct vfm_error *e)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->size = size;
	if (!size)
		return 0;
	ret = get_version(r, e);
	if (!ret)
		ret = get_config(r, s, ours, m, e);
	if (!ret)
		ret = get_intx(r, s, e);
	if (ret)
		return ret;
	s->vectors = vfm_pci_msix_vectors(s->config);
	ret = vfm_read(r, s->msix, s->vectors * VFM_MSIX_ENTRY,
		       "the MSI-X table", e);
	if (!ret)
		ret = vfm_read(r, s->pba, pba_bytes(s),
			       "the MSI-X pending bits", e);
	return ret;
}
