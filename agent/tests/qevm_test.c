// SPDX-License-Identifier: GPL-2.0-or-later
/* The container and the vfio section: round trip, every cut, every flip. */
#include <errno.h>
#include <stdio.h>

#include "sample.h"
#include "tap.h"

/* The bytes that the format's description shows, to the letter. */
static const struct {
	size_t at;
	const char *hex;
} shown[] = {
	{ 0x0000, "5145564d0000000307000000 0b70632d7133352d31302e32" },
	{ 0x0018, "010000002a11303030303a30303a30342e302f7666696f000000"
		  "0000000001ffffffffef100003ffffffffef1000017e0000002a" },
	{ 0x004c, "020000002affffffffef1000040000000000000005"
		  "68656c6c6fffffffffef1000017e0000002a" },
	{ 0x0073, "020000002affffffffef1000040000000000000003"
		  "616263ffffffffef1000057e0000002a" },
	{ 0x0098, "08000b0000" },
	{ 0x009d, "030000002affffffffef1000040000000000000004"
		  "5758595affffffffef10000400000000000000022e2e"
		  "ffffffffef1000017e0000002a" },
	{ 0x00d5, "040000002a11303030303a30303a30342e302f7666696f000000"
		  "0000000001ffffffffef10000200000002" },
	{ 0x1141, "ffffffffef1000017e0000002a" },
	{ 0x114e, "0006000001467b22636f6e66696775 72" },
};

static const char vmdesc[] =
	"{\"configuration\": {\"vmsd_name\": \"configuration\", \"version\": 1, "
	"\"fields\": [{\"name\": \"len\", \"type\": \"uint32\", \"size\": 4}, "
	"{\"name\": \"name\", \"type\": \"buffer\", \"size\": 11}]}, "
	"\"page_size\": 4096, \"devices\": [{\"name\": "
	"\"0000:00:04.0/vfio\", \"instance_id\": 0, \"size\": 4181, "
	"\"fields\": [{\"name\": \"data\", \"size\": 4181, "
	"\"type\": \"buffer\"}]}]}";

static bool same_hex(const uint8_t *p, const char *hex)
{
	unsigned int v;
	int n;

	for (; *hex; hex += n) {
		if (sscanf(hex, " %2x%n", &v, &n) != 1)
			return false;
		if (*p++ != v)
			return false;
	}
	return true;
}

static void test_bytes(const uint8_t *bytes, size_t n)
{
	size_t i;

	ok(n == SAMPLE_BYTES, "the worked example has 0x%x bytes",
	   SAMPLE_BYTES);
	for (i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		ok(same_hex(bytes + shown[i].at, shown[i].hex),
		   "bytes from 0x%zx are as described", shown[i].at);
	ok(!memcmp(bytes + 0x1154, vmdesc, strlen(vmdesc)) &&
	   0x1154 + strlen(vmdesc) == n, "the vmdescription is as described");
}

static bool result_good(const struct sample_result *r)
{
	struct vfm_pci_state *s = malloc(sizeof(*s));
	bool good;

	sample_state(s);
	good = !r->ret && r->starts == 1 && r->configs == 1 &&
		r->commands == 1 && r->n == 14 && r->end == SAMPLE_BYTES &&
		!memcmp(r->data, "helloabcWXYZ..", 14) &&
		!memcmp(s, &r->state, sizeof(*s));
	free(s);
	return good;
}

static void test_segmentation(const uint8_t *bytes, size_t n)
{
	static const size_t chunks[] = { 0, 1, 2, 3, 7, 4095 };
	struct sample_result r;
	uint8_t *again;
	size_t i, m;

	for (i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		sample_load(bytes, n, chunks[i], &r);
		ok(result_good(&r), "reads the same in pieces of %zu",
		   chunks[i]);
		again = sample_bytes(chunks[i], &m);
		ok(m == n && !memcmp(bytes, again, n),
		   "writes the same in pieces of %zu", chunks[i]);
		free(again);
	}
}

static void test_truncation(const uint8_t *bytes, size_t n)
{
	struct sample_result r;
	size_t cut, accepted = 0, misplaced = 0;

	for (cut = 0; cut < n; cut++) {
		sample_load(bytes, cut, 0, &r);
		accepted += !r.ret;
		misplaced += r.ret && (!r.e.has_offset || r.e.offset > cut ||
				       r.e.code != ENODATA);
	}
	ok(!accepted, "no cut stream is accepted (%zu of %zu are)", accepted, n);
	ok(!misplaced, "each says ENODATA and where (%zu do not)", misplaced);
}

/* May this bit change without anyone noticing? */
static bool free_to_change(size_t at, uint8_t bit)
{
	static struct vfm_pci_masks m;
	static struct vfm_pci_state s;
	size_t config = 0x100;

	if (!s.size) {
		sample_state(&s);
		vfm_pci_derive_masks(s.config, 4096, &m);
	}
	/* opaque device state: its checksums are the driver's business */
	if ((at >= 0x61 && at < 0x66) || (at >= 0x88 && at < 0x8b) ||
	    (at >= 0xb2 && at < 0xb6) || (at >= 0xc6 && at < 0xc8))
		return true;
	/* END_OF_STATE or INIT_DATA_SENT, both may end a PART */
	if ((at == 0x6d || at == 0x92) && bit == 4)
		return true;
	/* PCI version 0 is as good as 2 */
	if (at == 0xff && bit == 2)
		return true;
	if (at >= config && at < config + 4096)
		return !(m.cmask[at - config] & bit) ||
			((m.wmask[at - config] | m.w1cmask[at - config]) & bit);
	/* pin levels 0 and 1, the table, pending bits */
	if (at >= config + 4096 && at < config + 4096 + 16)
		return bit == 1 && (at - config) % 4 == 3;
	if (at >= config + 4096 + 16 && at < config + 4096 + 16 + 49)
		return true;
	/* inside the vmdescription only what matters is compared */
	return at >= 0x1154;
}

static void test_flips(uint8_t *bytes, size_t n)
{
	size_t at, missed = 0, wrong = 0, vague = 0;
	struct sample_result r;
	int bit;

	for (at = 0; at < n; at++) {
		for (bit = 0; bit < 8; bit++) {
			bytes[at] ^= 1 << bit;
			sample_load(bytes, n, 0, &r);
			bytes[at] ^= 1 << bit;
			if (!r.ret && !free_to_change(at, 1 << bit)) {
				printf("# bit %d of byte 0x%zx\n", bit, at);
				missed++;
			}
			wrong += r.ret && at < 0x1154 &&
				free_to_change(at, 1 << bit);
			vague += r.ret && !r.e.has_offset;
		}
	}
	ok(!missed, "every flipped bit that matters is noticed (%zu are not)",
	   missed);
	ok(!wrong, "no other is objected to (%zu are)", wrong);
	ok(!vague, "each refusal has its offset (%zu do not)", vague);
}

static void test_describe(uint8_t *bytes, size_t n)
{
	struct sample_result r;
	char *size = memmem(bytes + 0x1154, n - 0x1154, "\"size\": 4181", 12);

	size[9] = '7';
	sample_load(bytes, n, 0, &r);
	ok(r.ret == -EINVAL && r.e.offset == 0x1154,
	   "a vmdescription with another size is refused");
	size[9] = '1';
	bytes[0x1154] = '[';
	sample_load(bytes, n, 0, &r);
	ok(r.ret == -EINVAL && r.e.offset >= 0x1154,
	   "a vmdescription that is not JSON is refused");
	bytes[0x1154] = '{';
}

static void test_names(uint8_t *bytes, size_t n)
{
	struct sample_result r;

	memcpy(bytes + 0x1d, "\x03ram", 4);
	sample_load(bytes, n, 0, &r);
	ok(r.ret && strstr(r.e.text, "\"ram\"") &&
	   r.e.kind == VFM_INCOMPATIBLE && r.e.offset == 0x1d,
	   "section \"ram\" is refused by name");
	memcpy(bytes + 0x1d, "\x11" "000", 4);
	bytes[0x0d] = 'x';
	sample_load(bytes, n, 0, &r);
	ok(r.ret && strstr(r.e.text, "xc-q35") &&
	   r.e.kind == VFM_INCOMPATIBLE, "another machine is refused by name");
	bytes[0x0d] = 'p';
}

/* A DATA record of no bytes is what version 1 of the protocol wrote. */
static void test_empty_data(const uint8_t *bytes, size_t n)
{
	static const uint8_t empty[16] = "\xff\xff\xff\xff\xef\x10\x00\x04";
	uint8_t *longer = malloc(n + 16);
	struct sample_result r;

	memcpy(longer, bytes, 0x51);
	memcpy(longer + 0x51, empty, 16);
	memcpy(longer + 0x61, bytes + 0x51, n - 0x51);
	sample_load(longer, n + 16, 0, &r);
	ok(!r.ret && r.n == 14, "a DATA record of 0 bytes is accepted");
	free(longer);
}

/* The stream with @n bytes at @at replaced by @m bytes of @by. */
static void spliced(const uint8_t *bytes, size_t size, size_t at, size_t n,
		    const void *by, size_t m, struct sample_result *r)
{
	uint8_t *other = malloc(size + m);

	memcpy(other, bytes, at);
	memcpy(other + at, by, m);
	memcpy(other + at + m, bytes + at + n, size - at - n);
	sample_load(other, size - n + m, 0, r);
	free(other);
}

static void test_sizes(const uint8_t *bytes, size_t n)
{
	struct sample_result r;

	spliced(bytes, n, 0x59, 8, "\0\0\0\0\0\x10\0\1", 8, &r);
	ok(r.ret == -EMSGSIZE && r.e.offset == 0x59,
	   "a DATA record beyond 1 MiB is refused");
	spliced(bytes, n, 0x1150, 4, "\0\x10\0\1", 4, &r);
	ok(r.ret == -EMSGSIZE && r.e.offset == 0x1150,
	   "a vmdescription beyond 1 MiB is refused");
}

/* Sections in another order, missing or twice. */
static void test_order(const uint8_t *bytes, size_t n)
{
	const size_t start = 0x18, part = 0x4c, end = 0x9d, full = 0xd5,
		eof = 0x114e;
	static const char * const what[] = {
		"START", "PART, END and FULL", "END", "FULL",
	};
	const size_t cuts[][2] = {
		{ start, part }, { part, eof }, { end, full }, { full, eof },
	};
	struct sample_result r;
	size_t i;

	for (i = 0; i < 4; i++) {
		spliced(bytes, n, cuts[i][0], cuts[i][1] - cuts[i][0], "", 0,
			&r);
		ok(r.ret == -EINVAL && r.e.has_offset,
		   "a stream without %s is refused", what[i]);
	}
	spliced(bytes, n, part, 0, bytes + start, part - start, &r);
	ok(r.ret == -EINVAL && r.e.offset == part, "a second START is refused");
	spliced(bytes, n, full, 0, bytes + end, full - end, &r);
	ok(r.ret == -EINVAL && r.e.offset == full, "a second END is refused");
	spliced(bytes, n, full, 0, bytes + part, 0x27, &r);
	ok(r.ret == -EINVAL && r.e.offset == full,
	   "a PART after the END is refused");
	spliced(bytes, n, end, 0, bytes + full, eof - full, &r);
	ok(r.ret == -EINVAL && r.e.offset == end,
	   "a FULL before the END is refused");
	spliced(bytes, n, eof, 0, bytes + full, eof - full, &r);
	ok(r.ret == -EINVAL && r.e.offset == eof, "a second FULL is refused");
}

int main(void)
{
	size_t n;
	uint8_t *bytes = sample_bytes(0, &n);

	test_bytes(bytes, n);
	test_segmentation(bytes, n);
	test_truncation(bytes, n);
	test_flips(bytes, n);
	test_describe(bytes, n);
	test_names(bytes, n);
	test_empty_data(bytes, n);
	test_sizes(bytes, n);
	test_order(bytes, n);
	free(bytes);
	return tap_end();
}
