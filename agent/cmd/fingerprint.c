// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything about a stopped device that a migration must not change.  Of any
 * PCI device: config space as the guest sees it, and MSI-X.  Of a mock function
 * also its registers and its memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "fingerprint.h"
#include "mock_driver.h"
#include "out.h"

#define NR_CHUNKS	256

static uint64_t fnv1a(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static void hex(struct out *out, const char *key, const uint8_t *p, size_t n)
{
	char text[2 * 64 + 1] = "";
	size_t i;

	for (i = 0; i < n && i < 64; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	out_text(out, key, text);
}

static int config(struct out *out, struct vfm_pci *p, struct vfm_error *e)
{
	uint8_t row[16];
	unsigned int at;
	char key[8];
	uint32_t v;
	int ret = 0;

	out_object(out, "config");
	for (at = 0; !ret && at < p->state.size; at += 4) {
		ret = vfm_pci_read(p, at, 4, &v, e);
		vfm_put_le(row + at % 16, v, 4);
		if (at % 16 < 12)
			continue;
		snprintf(key, sizeof(key), "%03x", at & ~15U);
		if (vfm_get_le(row, 8) || vfm_get_le(row + 8, 8))
			hex(out, key, row, sizeof(row));
	}
	out_end(out);
	return ret;
}

static void msix(struct out *out, const struct vfm_pci *p)
{
	unsigned int v;

	out_object(out, "msix");
	out_bool(out, "enabled", vfm_pci_msix_enabled(p));
	out_array(out, "table");
	for (v = 0; v < p->state.vectors; v++)
		hex(out, NULL, p->state.msix + v * VFM_MSIX_ENTRY,
		    VFM_MSIX_ENTRY);
	out_end(out);
	out_end(out);
}

static int registers(struct out *out, struct mock *m, struct vfm_error *e)
{
	uint8_t regs[MOCK_VFIO_REGS_SIZE];
	unsigned int at;
	char key[8];
	int ret = vfm_region_read(m->pci->dev, &m->regs, 0, regs, sizeof(regs),
				  e);

	if (ret)
		return ret;
	out_object(out, "registers");
	for (at = 0; at < sizeof(regs); at += 4) {
		snprintf(key, sizeof(key), "%03x", at);
		if (vfm_get_le(regs + at, 4))
			out_textf(out, key, "%08x",
				  (unsigned int)vfm_get_le(regs + at, 4));
	}
	out_end(out);
	out_u64(out, "sequence",
		vfm_get_le(regs + MOCK_VFIO_REG_TRAFFIC_SEQ, 8));
	return 0;
}

static void memory(struct out *out, const struct mock *m)
{
	uint64_t chunk = (m->mem_size / NR_CHUNKS + 4095) & ~4095ULL;
	uint64_t at, n;
	char key[24];

	out_object(out, "memory");
	out_u64(out, "bytes", m->mem_size);
	out_textf(out, "crc32", "%08x", vfm_crc32(0, m->mem, m->mem_size));
	out_object(out, "fnv1a");
	for (at = 0; at < m->mem_size; at += chunk) {
		n = m->mem_size - at < chunk ? m->mem_size - at : chunk;
		snprintf(key, sizeof(key), "%" PRIx64, at);
		out_textf(out, key, "%016" PRIx64, fnv1a(m->mem + at, n));
	}
	out_end(out);
	out_end(out);
}

/* With memory decoding off nobody can look, neither there nor here. */
static int mock_part(struct out *out, struct vfm_pci *p, struct vfm_error *e)
{
	struct mock m;
	int ret;

	if (!mock_is_one(p) ||
	    !(p->state.config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
		return 0;
	ret = mock_open(&m, p, e);
	if (!ret)
		ret = registers(out, &m, e);
	if (!ret)
		memory(out, &m);
	mock_close(&m);
	return ret;
}

int fingerprint_write(const char *path, struct vfm_pci *p,
		      struct vfm_error *e)
{
	FILE *f = fopen(path, "we");
	struct out out;
	int ret = 0;

	if (!f) {
		vfm_fail_errno(e, "cannot write the fingerprint");
		return vfm_error_where(e, "%s", path);
	}
	out_init(&out, f, true);
	out_object(&out, NULL);
	if (p) {
		ret = config(&out, p, e);
		msix(&out, p);
	}
	if (p && !ret)
		ret = mock_part(&out, p, e);
	out_end(&out);
	if ((ferror(f) | fclose(f)) && !ret)
		ret = vfm_fail(e, EIO, "cannot write the fingerprint %s", path);
	return ret;
}
