// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI side of a device: what the guest sees and what the kernel is told. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bytes.h"
#include "pci.h"

/* BARs hold host addresses when the device is opened: not for a guest. */
static void clear_bars(struct vfm_pci *p)
{
	uint8_t *c = p->state.config;
	unsigned int at, keep;
	bool high = false;

	for (at = PCI_BASE_ADDRESS_0; at <= PCI_BASE_ADDRESS_5; at += 4) {
		keep = high ? 0 : c[at] & PCI_BASE_ADDRESS_SPACE_IO ? 0x3 : 0xf;
		high = (c[at] & keep & PCI_BASE_ADDRESS_MEM_TYPE_64) &&
			keep == 0xf;
		vfm_put_le(c + at, c[at] & keep, 4);
	}
	vfm_put_le(c + PCI_ROM_ADDRESS, 0, 4);
}

static void mask_all_vectors(struct vfm_pci *p)
{
	unsigned int v;

	for (v = 0; v < p->state.vectors; v++)
		vfm_pci_msix_entry(p, v, 0, 0, true);
}

int vfm_pci_init(struct vfm_pci *p, struct vfm_device *d, struct vfm_error *e)
{
	int ret;

	memset(p, 0, sizeof(*p));
	memset(p->fds, 0xff, sizeof(p->fds));
	p->dev = d;
	p->irq_index = -1;
	ret = vfm_region_get(d, VFIO_PCI_CONFIG_REGION_INDEX, &p->config, e);
	if (ret)
		return ret;
	p->state.size = p->config.size == VFM_PCI_CONFIG_SMALL ?
		VFM_PCI_CONFIG_SMALL : VFM_PCI_CONFIG_SIZE;
	ret = vfm_region_read(d, &p->config, 0, p->state.config, p->state.size,
			      e);
	if (ret)
		return ret;
	p->state.vectors = vfm_pci_msix_vectors(p->state.config);
	vfm_pci_derive_masks(p->state.config, p->state.size, &p->masks);
	clear_bars(p);
	mask_all_vectors(p);
	return 0;
}

void vfm_pci_exit(struct vfm_pci *p)
{
	unsigned int v;

	if (!p->dev)
		return;
	vfm_pci_quiet(p);
	for (v = 0; v < VFM_PCI_VECTORS; v++)
		if (p->fds[v] >= 0)
			close(p->fds[v]);
	memset(p->fds, 0xff, sizeof(p->fds));
}

void vfm_pci_msix_entry(struct vfm_pci *p, unsigned int vector,
			uint64_t address, uint32_t data, bool masked)
{
	uint8_t *entry = p->state.msix + vector * VFM_MSIX_ENTRY;

	vfm_put_le(entry, address, 8);
	vfm_put_le(entry + PCI_MSIX_ENTRY_DATA, data, 4);
	vfm_put_le(entry + PCI_MSIX_ENTRY_VECTOR_CTRL,
		   masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0, 4);
}

bool vfm_pci_msix_masked(const struct vfm_pci *p, unsigned int vector)
{
	return p->state.msix[vector * VFM_MSIX_ENTRY +
			     PCI_MSIX_ENTRY_VECTOR_CTRL] &
		PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* Message control of a capability, 0 without it. */
static unsigned int cap_flags(const struct vfm_pci *p, uint8_t id)
{
	uint8_t cap = vfm_pci_find_cap(p->state.config, id);

	return cap ? vfm_get_le(p->state.config + cap + 2, 2) : 0;
}

bool vfm_pci_msix_enabled(const struct vfm_pci *p)
{
	return cap_flags(p, PCI_CAP_ID_MSIX) & PCI_MSIX_FLAGS_ENABLE;
}

int vfm_pci_irq_fd(struct vfm_pci *p, unsigned int vector,
		   struct vfm_error *e)
{
	if (p->fds[vector] < 0)
		p->fds[vector] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fds[vector] < 0)
		return vfm_fail_errno(e, "cannot make an eventfd");
	return p->fds[vector];
}

static int irq_on(struct vfm_pci *p, int index, unsigned int n,
		  struct vfm_error *e)
{
	int fds[VFM_PCI_VECTORS];
	bool msix = index == VFIO_PCI_MSIX_IRQ_INDEX;
	bool none = msix && cap_flags(p, PCI_CAP_ID_MSIX) &
		PCI_MSIX_FLAGS_MASKALL;
	unsigned int v;
	int ret;

	for (v = 0; v < n; v++) {
		fds[v] = -1;
		if (none || (msix && vfm_pci_msix_masked(p, v)))
			continue;
		fds[v] = vfm_pci_irq_fd(p, v, e);
		if (fds[v] < 0)
			return fds[v];
	}
	ret = vfm_irq_enable(p->dev, index, fds, n, e);
	if (!ret)
		p->irq_index = index;
	return ret;
}

/* Tell the kernel what the guest's config space says about interrupts. */
static int update_irqs(struct vfm_pci *p, struct vfm_error *e)
{
	unsigned int msi = cap_flags(p, PCI_CAP_ID_MSI);
	bool on_msix = vfm_pci_msix_enabled(p);
	int want = on_msix ? VFIO_PCI_MSIX_IRQ_INDEX :
		msi & PCI_MSI_FLAGS_ENABLE ? VFIO_PCI_MSI_IRQ_INDEX : -1;

	if (p->irq_index >= 0 && p->irq_index != want)
		vfm_pci_quiet(p);
	if (want < 0)
		return 0;
	return irq_on(p, want, on_msix ? p->state.vectors :
		      1U << ((msi & PCI_MSI_FLAGS_QSIZE) >> 4), e);
}

void vfm_pci_quiet(struct vfm_pci *p)
{
	struct vfm_error ignored;

	if (p->irq_index >= 0)
		vfm_irq_disable(p->dev, p->irq_index, &ignored);
	p->irq_index = -1;
}

static int bad_access(struct vfm_pci *p, unsigned int at, unsigned int n,
		      struct vfm_error *e)
{
	if ((n == 1 || n == 2 || n == 4) && !(at & (n - 1)) &&
	    at + n <= p->state.size)
		return 0;
	return vfm_fail(e, EINVAL, "config access of %u bytes at 0x%x", n, at);
}

int vfm_pci_read(struct vfm_pci *p, unsigned int at, unsigned int n,
		 uint32_t *v, struct vfm_error *e)
{
	uint8_t b[4] = { 0 };
	unsigned int i;
	int ret = bad_access(p, at, n, e);

	if (!ret)
		ret = vfm_region_read(p->dev, &p->config, at, b, n, e);
	for (i = 0; !ret && i < n; i++)
		b[i] = (b[i] & ~p->masks.emulated[at + i]) |
			(p->state.config[at + i] & p->masks.emulated[at + i]);
	*v = vfm_get_le(b, 4);
	return ret;
}

static bool all_emulated(const struct vfm_pci *p, unsigned int at,
			 unsigned int n)
{
	while (n--)
		if (p->masks.wmask[at + n] & ~p->masks.emulated[at + n])
			return false;
	return true;
}

int vfm_pci_write(struct vfm_pci *p, unsigned int at, unsigned int n,
		  uint32_t v, struct vfm_error *e)
{
	uint8_t *c = p->state.config + at, b[4];
	unsigned int i;
	int ret = bad_access(p, at, n, e);

	if (ret)
		return ret;
	vfm_put_le(b, v, 4);
	for (i = 0; i < n; i++)
		c[i] = (c[i] & ~p->masks.wmask[at + i]) |
			(b[i] & p->masks.wmask[at + i]);
	if (!all_emulated(p, at, n))
		ret = vfm_region_write(p->dev, &p->config, at, c, n, e);
	return ret ? ret : update_irqs(p, e);
}

int vfm_pci_load(struct vfm_pci *p, const struct vfm_pci_state *s,
		 struct vfm_error *e)
{
	int ret;

	p->state = *s;
	ret = vfm_region_write(p->dev, &p->config, PCI_COMMAND,
			       p->state.config + PCI_COMMAND, 2, e);
	return ret ? ret : update_irqs(p, e);
}
