// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading QEMU's migration container.  A section has no length, so nothing can
 * be skipped: what is not a vfio section of ours is refused by its name.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "qevm.h"
#include "qevm_private.h"

static int header(struct vfm_reader *r, struct vfm_error *e)
{
	uint32_t magic, version;
	int ret = vfm_read_be32(r, &magic, "the magic number", e);

	if (ret)
		return ret;
	if (magic != VFM_QEVM_MAGIC)
		return vfm_fail_at(e, EINVAL, 0,
				   "not a migration stream: magic 0x%08x, 0x%08x (\"QEVM\") expected",
				   magic, VFM_QEVM_MAGIC);
	ret = vfm_read_be32(r, &version, "the stream version", e);
	if (ret || version == VFM_QEVM_VERSION)
		return ret;
	vfm_fail_at(e, EPROTONOSUPPORT, 4, "stream version %u, %d expected",
		    version, VFM_QEVM_VERSION);
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

/* Text from a stream goes to messages: nothing unprintable may get there. */
static void clean(char *text)
{
	for (; *text; text++)
		if (!isprint((unsigned char)*text))
			*text = '?';
}

static int other_machine(struct vfm_load *l, uint64_t at, struct vfm_error *e)
{
	clean(l->machine_seen);
	vfm_fail_at(e, EXDEV, at, "machine \"%s\", \"%s\" expected",
		    l->machine_seen, l->machine);
	vfm_error_kind(e, VFM_INCOMPATIBLE);
	return vfm_error_hint(e, "give the same --machine on both sides, or --machine any here");
}

static int configuration(struct vfm_reader *r, struct vfm_load *l,
			 struct vfm_error *e)
{
	uint64_t at;
	uint32_t n;
	uint8_t type;
	int ret = vfm_read_u8(r, &type, "the configuration", e);

	if (ret)
		return ret;
	if (type != QEVM_CONFIGURATION)
		return vfm_fail_at(e, EINVAL, r->offset - 1,
				   "byte 0x%02x, 0x07 (configuration) expected",
				   type);
	at = r->offset;
	ret = vfm_read_be32(r, &n, "the length of the machine name", e);
	if (ret)
		return ret;
	if (n > 255)
		return vfm_fail_at(e, EINVAL, at,
				   "machine name of %u bytes, at most 255 expected",
				   n);
	ret = vfm_read(r, l->machine_seen, n, "the machine name", e);
	if (ret)
		return ret;
	l->machine_seen[n] = 0;
	if (l->machine && (strlen(l->machine) != n ||
			   memcmp(l->machine, l->machine_seen, n)))
		return other_machine(l, at + 4, e);
	return 0;
}

static int footer(struct vfm_reader *r, struct vfm_load *l,
		  struct vfm_error *e)
{
	uint8_t type;
	uint32_t id;
	int ret = vfm_read_u8(r, &type, "a section footer", e);

	if (ret)
		return ret;
	if (type != QEVM_FOOTER)
		return vfm_fail_at(e, EINVAL, r->offset - 1,
				   "byte 0x%02x, section footer 0x7e expected",
				   type);
	ret = vfm_read_be32(r, &id, "a section footer", e);
	if (ret || id == l->id)
		return ret;
	return vfm_fail_at(e, EINVAL, r->offset - 4,
			   "section footer with id %u, %u expected", id,
			   l->id);
}

static int unknown_section(struct vfm_load *l, uint64_t at, char *idstr,
			   uint32_t instance, struct vfm_error *e)
{
	clean(idstr);
	vfm_fail_at(e, EOPNOTSUPP, at,
		    "section \"%s\" instance %u, only \"%s\" instance 0 can be loaded",
		    idstr, instance, l->idstr);
	vfm_error_kind(e, VFM_INCOMPATIBLE);
	return vfm_error_hint(e, "give the section's name with --idstr; a stream with more than one device's section cannot be loaded");
}

/* Name, instance and version of a START or FULL. */
static int announcement(struct vfm_reader *r, struct vfm_load *l,
			struct vfm_error *e)
{
	uint64_t at = r->offset;
	uint32_t instance, version;
	char idstr[256];
	int ret = vfm_read_str8(r, idstr, "a section name", e);

	if (!ret)
		ret = vfm_read_be32(r, &instance, "a section instance", e);
	if (!ret)
		ret = vfm_read_be32(r, &version, "a section version", e);
	if (ret)
		return ret;
	if (strcmp(idstr, l->idstr) || instance)
		return unknown_section(l, at, idstr, instance, e);
	/* QEMU has known no version but 1 and writes no other. */
	if (version == VFM_SECTION_VERSION)
		return 0;
	vfm_fail_at(e, EPROTONOSUPPORT, r->offset - 4,
		    "section \"%s\" version %u, %d expected", l->idstr,
		    version, VFM_SECTION_VERSION);
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

static int section_order(struct vfm_load *l, enum vfm_section_type type,
			 uint64_t at, struct vfm_error *e)
{
	if (type == VFM_SECTION_START && l->started)
		return vfm_fail_at(e, EINVAL, at, "a second START section");
	if (type != VFM_SECTION_START && !l->started)
		return vfm_fail_at(e, EINVAL, at,
				   "section type %u before a START section",
				   type);
	if (type == VFM_SECTION_FULL && !l->ended)
		return vfm_fail_at(e, EINVAL, at,
				   "a FULL section before the END section");
	if (type == VFM_SECTION_FULL && l->full)
		return vfm_fail_at(e, EINVAL, at, "a second FULL section");
	if ((type == VFM_SECTION_PART || type == VFM_SECTION_END) && l->ended)
		return vfm_fail_at(e, EINVAL, at,
				   "section type %u after the END section",
				   type);
	return 0;
}

static int section(struct vfm_reader *r, struct vfm_load *l,
		   enum vfm_section_type type, struct vfm_error *e)
{
	uint64_t at = r->offset - 1;
	uint32_t id;
	int ret = vfm_read_be32(r, &id, "a section id", e);

	if (ret)
		return ret;
	if (type == VFM_SECTION_START && !l->started)
		l->id = id;
	if (l->started && id != l->id)
		return vfm_fail_at(e, EINVAL, at + 1,
				   "section id %u, %u expected", id, l->id);
	if (type == VFM_SECTION_START || type == VFM_SECTION_FULL)
		ret = announcement(r, l, e);
	if (!ret)
		ret = section_order(l, type, at, e);
	if (!ret)
		ret = vfm_section_body(r, l, type, e);
	if (!ret)
		ret = footer(r, l, e);
	l->started |= type == VFM_SECTION_START;
	l->ended |= type == VFM_SECTION_END;
	l->full |= type == VFM_SECTION_FULL;
	return ret;
}

static int command_length(uint16_t command)
{
	if (command == VFM_CMD_PING)
		return 4;
	if (command == VFM_CMD_OPEN_RETURN_PATH ||
	    command == VFM_CMD_SWITCHOVER_START)
		return 0;
	return -1;
}

static int command(struct vfm_reader *r, struct vfm_load *l,
		   struct vfm_error *e)
{
	uint64_t at = r->offset;
	uint32_t value = 0;
	uint16_t cmd, n;
	int ret = vfm_read_be16(r, &cmd, "a command", e);

	if (!ret)
		ret = vfm_read_be16(r, &n, "the length of a command", e);
	if (ret)
		return ret;
	if (command_length(cmd) < 0)
		return vfm_fail_at(e, EOPNOTSUPP, at,
				   "command %u (length %u) is not supported",
				   cmd, n);
	if (n != command_length(cmd))
		return vfm_fail_at(e, EINVAL, at + 2,
				   "command %u of length %u, %d expected", cmd,
				   n, command_length(cmd));
	if (n)
		ret = vfm_read_be32(r, &value, "the value of a ping", e);
	if (ret || !l->ops->command)
		return ret;
	return l->ops->command(l->ctx, cmd, value, e);
}

static int subsection(struct vfm_reader *r, struct vfm_error *e)
{
	uint64_t at = r->offset - 1;
	char name[256];
	int ret = vfm_read_str8(r, name, "a subsection name", e);

	if (ret)
		return ret;
	clean(name);
	vfm_fail_at(e, EOPNOTSUPP, at, "subsection \"%s\" is not supported",
		    name);
	vfm_error_kind(e, VFM_INCOMPATIBLE);
	return vfm_error_hint(e, "turn the capability off at the source");
}

/* Returns 1 at EOF. */
static int element(struct vfm_reader *r, struct vfm_load *l,
		   struct vfm_error *e)
{
	uint8_t type;
	int ret = vfm_read_u8(r, &type, "the next section", e);

	if (ret)
		return ret;
	switch (type) {
	case QEVM_EOF:
		return 1;
	case VFM_SECTION_START ... VFM_SECTION_FULL:
		return section(r, l, type, e);
	case QEVM_SUBSECTION:
		return subsection(r, e);
	case QEVM_COMMAND:
		return command(r, l, e);
	}
	return vfm_fail_at(e, EINVAL, r->offset - 1,
			   "byte 0x%02x, the begin of a section, command or end expected",
			   type);
}

/* What the walk over the vmdesc has found. */
struct described {
	const struct vfm_load *l;
	unsigned int seen;
	bool wrong;
};

static bool same(const char *text, size_t n, const char *expected)
{
	return strlen(expected) == n && !memcmp(text, expected, n);
}

static int described_value(void *ctx, const char *path, const char *text,
			   size_t n)
{
	struct described *d = ctx;
	char size[24];

	snprintf(size, sizeof(size), "%" PRIu64, d->l->full_size);
	if (!strcmp(path, "page_size"))
		d->seen |= 1;
	else if (!strcmp(path, "devices[0].name"))
		d->seen |= same(text, n, d->l->idstr) ? 2 : 0;
	else if (!strcmp(path, "devices[0].instance_id"))
		d->seen |= same(text, n, "0") ? 4 : 0;
	else if (!strcmp(path, "devices[0].size"))
		d->seen |= same(text, n, size) ? 8 : 0;
	else if (!strncmp(path, "devices[1]", 10))
		d->wrong = true;
	return 0;
}

static int check_vmdesc(const char *json, uint32_t n, uint64_t at,
			const struct vfm_load *l, struct vfm_error *e)
{
	struct described d = { .l = l };
	size_t bad;

	if (vfm_json_walk(json, n, described_value, &d, &bad))
		return vfm_fail_at(e, EINVAL, at + bad,
				   "the vmdescription is not valid JSON");
	if (d.seen != 15 || d.wrong)
		return vfm_fail_at(e, EINVAL, at,
				   "the vmdescription does not describe section \"%s\" with %" PRIu64 " bytes",
				   l->idstr, l->full_size);
	return 0;
}

static int vmdesc(struct vfm_reader *r, struct vfm_load *l,
		  struct vfm_error *e)
{
	uint64_t at = r->offset;
	uint8_t type;
	uint32_t n;
	char *json;
	int ret = vfm_read_u8(r, &type, "the vmdescription", e);

	if (!ret && type != QEVM_VMDESC)
		return vfm_fail_at(e, EINVAL, at,
				   "byte 0x%02x, 0x06 (vmdescription) expected",
				   type);
	if (!ret)
		ret = vfm_read_be32(r, &n, "the length of the vmdescription", e);
	if (ret)
		return ret;
	if (n > VFM_VMDESC_MAX)
		return vfm_fail_at(e, EMSGSIZE, at + 1,
				   "vmdescription of %u bytes, at most %u expected",
				   n, VFM_VMDESC_MAX);
	json = malloc(n + 1);
	if (!json)
		return vfm_fail(e, ENOMEM, "no memory for the vmdescription");
	ret = vfm_read(r, json, n, "the vmdescription", e);
	if (!ret)
		ret = check_vmdesc(json, n, at + 5, l, e);
	free(json);
	return ret;
}

static int complete(struct vfm_reader *r, struct vfm_load *l,
		    struct vfm_error *e)
{
	if (l->started && l->ended && l->full)
		return 0;
	return vfm_fail_at(e, EINVAL, r->offset - 1,
			   "end of the sections, but section \"%s\" has no %s part",
			   l->idstr, !l->started ? "START" :
			   !l->ended ? "END" : "FULL");
}

static int walk(struct vfm_reader *r, struct vfm_load *l, struct vfm_error *e)
{
	int ret = header(r, e);

	if (!ret)
		ret = configuration(r, l, e);
	while (!ret)
		ret = element(r, l, e);
	if (ret < 0)
		return ret;
	ret = complete(r, l, e);
	if (!ret)
		ret = vmdesc(r, l, e);
	if (!ret && l->ops->config)
		ret = l->ops->config(l->ctx, l->state, e);
	return ret;
}

int vfm_load_stream(struct vfm_reader *r, struct vfm_load *l,
		    struct vfm_error *e)
{
	int ret;

	l->state = calloc(1, sizeof(*l->state));
	if (!l->state)
		return vfm_fail(e, ENOMEM, "no memory for the config state");
	ret = walk(r, l, e);
	l->bytes.framing = r->offset - l->bytes.tags - l->bytes.data -
		l->bytes.config;
	free(l->state);
	l->state = NULL;
	return ret;
}
