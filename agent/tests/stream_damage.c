// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the tests: where things are in a migration stream with one vfio section,
 * and copies of it that are damaged.
 *
 *	stream_damage list FILE			OFFSET LENGTH NAME, a line a field
 *	stream_damage flip FILE OFFSET BIT	to standard output, one bit changed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/mock_vfio_pci.h>

#include "bytes.h"
#include "pci_state.h"
#include "section.h"

static uint8_t *bytes;
static size_t size, at;

/* Device state, put together from the DATA records. */
static struct piece {
	size_t in_state, in_stream, n;
} pieces[64];
static size_t nr_pieces, state_size;
static uint8_t *state;

static void die(const char *text)
{
	fprintf(stderr, "stream_damage: %s at 0x%zx\n", text, at);
	exit(1);
}

static const uint8_t *field(size_t n, const char *name)
{
	if (n > size - at)
		die("the stream ends");
	if (n)
		printf("%zu %zu %s\n", at, n, name);
	at += n;
	return bytes + at - n;
}

static uint64_t number(size_t n, const char *name)
{
	return vfm_get_be(field(n, name), n);
}

static void keep(const uint8_t *p, size_t n)
{
	if (nr_pieces == sizeof(pieces) / sizeof(*pieces))
		die("too many DATA records");
	pieces[nr_pieces++] = (struct piece){ state_size, p - bytes, n };
	state = realloc(state, state_size + n);
	memcpy(state + state_size, p, n);
	state_size += n;
}

static void config(void)
{
	const uint8_t *c;
	uint16_t vectors;

	field(4, "pci-version");
	c = field(4096, "pci-config");
	field(16, "pci-intx");
	vectors = vfm_pci_msix_vectors(c);
	field(vectors * VFM_MSIX_ENTRY, "pci-msix");
	field((vectors + 7) / 8, "pci-pba");
}

static void body(void)
{
	uint64_t tag, n;

	while ((tag = number(8, "tag")) != VFM_TAG_EOS) {
		if (tag == VFM_TAG_DATA) {
			n = number(8, "data-length");
			keep(field(n, "data"), n);
		} else if (tag == VFM_TAG_CONFIG) {
			config();
		} else if (tag != VFM_TAG_SETUP) {
			die("unknown tag");
		}
	}
}

static void section(uint8_t type)
{
	field(4, "section-id");
	if (type == VFM_SECTION_START || type == VFM_SECTION_FULL) {
		field(number(1, "idstr-length"), "idstr");
		field(4, "instance");
		field(4, "section-version");
	}
	body();
	field(1, "footer");
	field(4, "footer-id");
}

static void elements(void)
{
	uint8_t type;

	while ((type = number(1, "element"))) {
		if (type == 8) {
			field(2, "command");
			field(number(2, "command-length"), "command-data");
		} else {
			section(type);
		}
	}
}

/* A field of the device state, at its place in the stream. */
static void state_field(size_t in_state, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < nr_pieces; i++)
		if (in_state >= pieces[i].in_state &&
		    in_state < pieces[i].in_state + pieces[i].n)
			printf("%zu %zu %s\n", pieces[i].in_stream + in_state -
			       pieces[i].in_state, n, name);
}

/* One record of each type, and its header's fields. */
static void record(size_t p, uint32_t type, uint32_t length)
{
	static unsigned int seen;
	char name[40];

	if (type > 31 || seen & 1U << type)
		return;
	seen |= 1U << type;
	snprintf(name, sizeof(name), "state-record-%u", type);
	state_field(p, sizeof(struct mock_vfio_state_record), name);
	state_field(p + 4, 4, "state-record-type");
	state_field(p + 16, 4, "state-record-length");
	snprintf(name, sizeof(name), "state-payload-%u", type);
	state_field(p + sizeof(struct mock_vfio_state_record), length, name);
}

static void device_state(void)
{
	size_t p = sizeof(struct mock_vfio_state_header), n;

	if (state_size < p ||
	    vfm_get_le(state, 4) != MOCK_VFIO_STATE_MAGIC)
		return;
	state_field(0, 4, "state-magic");
	state_field(4, 2, "state-major");
	state_field(8, 4, "state-identity");
	state_field(28, 4, "state-crc");
	while (p + sizeof(struct mock_vfio_state_record) <= state_size) {
		n = vfm_get_le(state + p + 16, 4);
		record(p, vfm_get_le(state + p + 4, 4), n);
		p += sizeof(struct mock_vfio_state_record) + n;
	}
}

static void list(void)
{
	field(4, "magic");
	field(4, "version");
	field(1, "configuration");
	field(number(4, "machine-length"), "machine");
	elements();
	field(1, "vmdesc-type");
	field(number(4, "vmdesc-length"), "vmdesc");
	device_state();
}

static void load(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t room = 64 << 20;

	bytes = malloc(room);
	if (!f || !bytes)
		die("cannot read the file");
	size = fread(bytes, 1, room, f);
	fclose(f);
}

int main(int argc, char **argv)
{
	size_t where;

	if (argc == 3 && !strcmp(argv[1], "list")) {
		load(argv[2]);
		list();
		return 0;
	}
	if (argc != 5 || strcmp(argv[1], "flip"))
		die("usage: stream_damage list FILE | flip FILE OFFSET BIT");
	load(argv[2]);
	where = strtoull(argv[3], NULL, 0);
	if (where >= size)
		die("the offset is beyond the file");
	bytes[where] ^= 1 << (atoi(argv[4]) & 7);
	return fwrite(bytes, 1, size, stdout) == size ? 0 : 1;
}
