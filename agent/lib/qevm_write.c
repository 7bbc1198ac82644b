// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing QEMU's migration container. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "qevm.h"
#include "qevm_private.h"

int vfm_put_header(struct vfm_writer *w, const char *machine,
		   struct vfm_error *e)
{
	int ret = vfm_write_be(w, VFM_QEVM_MAGIC, 4, e);

	if (!ret)
		ret = vfm_write_be(w, VFM_QEVM_VERSION, 4, e);
	if (!ret)
		ret = vfm_write_be(w, QEVM_CONFIGURATION, 1, e);
	if (!ret)
		ret = vfm_write_be(w, strlen(machine), 4, e);
	return ret ? ret : vfm_write(w, machine, strlen(machine), e);
}

int vfm_put_command(struct vfm_writer *w, uint16_t command, const void *data,
		    uint16_t n, struct vfm_error *e)
{
	int ret = vfm_write_be(w, QEVM_COMMAND, 1, e);

	if (!ret)
		ret = vfm_write_be(w, command, 2, e);
	if (!ret)
		ret = vfm_write_be(w, n, 2, e);
	return ret ? ret : vfm_write(w, data, n, e);
}

int vfm_put_section(struct vfm_writer *w, enum vfm_section_type type,
		    const struct vfm_section *s, struct vfm_error *e)
{
	int ret = vfm_write_be(w, type, 1, e);

	if (!ret)
		ret = vfm_write_be(w, s->id, 4, e);
	if (ret || type == VFM_SECTION_PART || type == VFM_SECTION_END)
		return ret;
	ret = vfm_write_str8(w, s->idstr, e);
	if (!ret)
		ret = vfm_write_be(w, 0, 4, e);
	return ret ? ret : vfm_write_be(w, VFM_SECTION_VERSION, 4, e);
}

int vfm_put_footer(struct vfm_writer *w, const struct vfm_section *s,
		   struct vfm_error *e)
{
	int ret = vfm_write_be(w, QEVM_FOOTER, 1, e);

	return ret ? ret : vfm_write_be(w, s->id, 4, e);
}

int vfm_put_full(struct vfm_writer *w, const struct vfm_section *s,
		 const struct vfm_pci_state *state, uint32_t *size,
		 struct vfm_error *e)
{
	int ret = vfm_put_section(w, VFM_SECTION_FULL, s, e);

	*size = 8 + vfm_pci_state_bytes(state) + 8;
	if (!ret)
		ret = vfm_put_tag(w, VFM_TAG_CONFIG, e);
	if (!ret)
		ret = vfm_pci_put(w, state, e);
	if (!ret)
		ret = vfm_put_tag(w, VFM_TAG_EOS, e);
	return ret ? ret : vfm_put_footer(w, s, e);
}

/* Spaces and order as QEMU has them. */
static int vmdesc(char *to, size_t n, const char *machine,
		  const struct vfm_section *s, uint32_t size)
{
	return snprintf(to, n,
		"{\"configuration\": {\"vmsd_name\": \"configuration\", "
		"\"version\": 1, \"fields\": [{\"name\": \"len\", "
		"\"type\": \"uint32\", \"size\": 4}, {\"name\": \"name\", "
		"\"type\": \"buffer\", \"size\": %zu}]}, \"page_size\": 4096, "
		"\"devices\": [{\"name\": \"%s\", \"instance_id\": 0, "
		"\"size\": %u, \"fields\": [{\"name\": \"data\", "
		"\"size\": %u, \"type\": \"buffer\"}]}]}",
		strlen(machine), s->idstr, size, size);
}

int vfm_put_end(struct vfm_writer *w, const char *machine,
		const struct vfm_section *s, uint32_t full_size,
		struct vfm_error *e)
{
	char json[1024];
	int n = vmdesc(json, sizeof(json), machine, s, full_size);
	int ret = vfm_write_be(w, QEVM_EOF, 1, e);

	if (!ret)
		ret = vfm_write_be(w, QEVM_VMDESC, 1, e);
	if (!ret)
		ret = vfm_write_be(w, n, 4, e);
	return ret ? ret : vfm_write(w, json, n, e);
}
