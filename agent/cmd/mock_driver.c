// SPDX-License-Identifier: GPL-2.0-or-later
/* Access to the registers and the memory of a mock function. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/mman.h>

#include "bytes.h"
#include "mock_driver.h"

bool mock_is_one(const struct vfm_pci *p)
{
	return vfm_get_le(p->state.config + PCI_VENDOR_ID, 2) ==
		MOCK_VFIO_VENDOR_ID &&
		vfm_get_le(p->state.config + PCI_DEVICE_ID, 2) ==
		MOCK_VFIO_DEVICE_ID;
}

int mock_get(struct mock *m, unsigned int reg, unsigned int bytes, uint64_t *v,
	     struct vfm_error *e)
{
	uint8_t b[8];
	int ret = vfm_region_read(m->pci->dev, &m->regs, reg, b, bytes, e);

	*v = ret ? 0 : vfm_get_le(b, bytes);
	return ret;
}

int mock_put(struct mock *m, unsigned int reg, unsigned int bytes, uint64_t v,
	     struct vfm_error *e)
{
	uint8_t b[8];

	vfm_put_le(b, v, bytes);
	return vfm_region_write(m->pci->dev, &m->regs, reg, b, bytes, e);
}

static int no_mock(struct mock *m, struct vfm_error *e)
{
	vfm_fail(e, ENODEV, "it is no mock_vfio_pci function of version %u",
		 MOCK_VFIO_VERSION >> 16);
	vfm_error_where(e, "%s", m->pci->dev->name);
	vfm_error_hint(e, "--workload works with mock functions only");
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

static int identify(struct mock *m, struct vfm_error *e)
{
	uint64_t magic, version, vectors;
	int ret = mock_get(m, MOCK_VFIO_REG_MAGIC, 4, &magic, e);

	if (!ret)
		ret = mock_get(m, MOCK_VFIO_REG_VERSION, 4, &version, e);
	if (!ret)
		ret = mock_get(m, MOCK_VFIO_REG_VECTORS, 4, &vectors, e);
	if (!ret)
		ret = mock_get(m, MOCK_VFIO_REG_MEM_SIZE, 8, &m->mem_size, e);
	if (ret)
		return ret;
	m->vectors = vectors;
	if (magic != MOCK_VFIO_MAGIC ||
	    version >> 16 != MOCK_VFIO_VERSION >> 16 ||
	    vectors > VFM_PCI_VECTORS)
		return no_mock(m, e);
	return 0;
}

int mock_open(struct mock *m, struct vfm_pci *p, struct vfm_error *e)
{
	struct vfm_region mem;
	int ret;

	memset(m, 0, sizeof(*m));
	m->pci = p;
	if (!mock_is_one(p))
		return no_mock(m, e);
	ret = vfm_region_get(p->dev, MOCK_VFIO_BAR_REGS, &m->regs, e);
	if (!ret)
		ret = identify(m, e);
	if (!ret)
		ret = vfm_region_get(p->dev, MOCK_VFIO_BAR_MEM, &mem, e);
	if (ret)
		return ret;
	if (mem.size < m->mem_size)
		m->mem_size = mem.size;
	m->mem = vfm_region_map(p->dev, &mem, e);
	return m->mem ? 0 : -e->code;
}

void mock_close(struct mock *m)
{
	if (m->mem)
		munmap(m->mem, m->mem_size);
	m->mem = NULL;
}
