// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams that stall or break, JSON, checksums, PCI masks. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32.h"
#include "json.h"
#include "number.h"
#include "pci_state.h"
#include "stream.h"
#include "tap.h"
#include "transport.h"

static void test_silence(void)
{
	struct vfm_reader r;
	struct vfm_error e;
	uint64_t start = vfm_now_ns();
	int fds[2];
	char c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	vfm_reader_init(&r, &(struct vfm_io){ fds[0], -1, 100, 0 }, 64, &e);
	ok(vfm_read(&r, &c, 1, "x", &e) == -ETIMEDOUT,
	   "a silent peer is an error");
	ok(vfm_now_ns() - start < 5000000000ULL, "and not after ages");
	vfm_reader_free(&r);
	close(fds[0]);
	close(fds[1]);
}

static void test_cancel(void)
{
	struct vfm_io io = { .timeout_ms = -1 };
	struct vfm_reader r;
	struct vfm_error e;
	int fds[2];
	char c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	io.fd = fds[0];
	io.cancel_fd = eventfd(1, 0);
	vfm_reader_init(&r, &io, 64, &e);
	ok(vfm_read(&r, &c, 1, "x", &e) == -ECANCELED &&
	   e.kind == VFM_CANCELLED, "a cancelled wait ends");
	vfm_reader_free(&r);
	close(io.cancel_fd);
	close(fds[0]);
	close(fds[1]);
}

/* A peer that does not read blocks nobody for longer than the timeout. */
static void test_stuck(bool pipe_too)
{
	struct vfm_writer w;
	struct vfm_error e;
	char *big = calloc(1, 8 << 20);
	int fds[2];

	if (pipe_too ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	vfm_writer_init(&w, &(struct vfm_io){ fds[1], -1, 100, 0 }, 64, &e);
	ok(vfm_write(&w, big, 8 << 20, &e) == -ETIMEDOUT,
	   "a peer that does not read is an error (%s)",
	   pipe_too ? "pipe" : "socket");
	close(fds[0]);
	ok(vfm_write(&w, big, 8 << 20, &e) == -EPIPE,
	   "a peer that is gone is an error, not a signal");
	vfm_writer_free(&w);
	close(fds[1]);
	free(big);
}

static void test_end(void)
{
	struct vfm_reader r;
	struct vfm_error e;
	uint32_t v;
	int fds[2];

	if (pipe(fds) || write(fds[1], "abcdef", 6) != 6)
		abort();
	close(fds[1]);
	vfm_reader_init(&r, &(struct vfm_io){ fds[0], -1, 100, 1 }, 4, &e);
	ok(!vfm_read_be32(&r, &v, "x", &e) && v == 0x61626364,
	   "big-endian, over single bytes");
	ok(vfm_read_be32(&r, &v, "y", &e) == -ENODATA && e.has_offset &&
	   e.offset == 6 && strstr(e.text, "y (2 more"),
	   "an early end says where, in what and how much is missing");
	vfm_reader_free(&r);
	close(fds[0]);
}

static int join(void *ctx, const char *path, const char *text, size_t n)
{
	char *all = ctx;

	sprintf(all + strlen(all), "%s=%.*s;", path, (int)n, text);
	return 0;
}

static bool is_json(const char *text)
{
	size_t at;

	return !vfm_json_walk(text, strlen(text), NULL, NULL, &at);
}

static void test_json(void)
{
	static const char text[] =
		" {\"a\": [1, {\"b\": \"x\\\"y\"}, []], \"c\": true, \"d\":-1.5e+3}";
	static const char * const bad[] = {
		"", "{", "{\"a\"}", "[1,]", "[1 2]", "01", "1.", "\"a", "tru",
		"{\"a\":1}x", "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "-", "[",
	};
	char all[256] = "", deep[200];
	size_t i, at;

	ok(!vfm_json_walk(text, strlen(text), join, all, &at) &&
	   !strcmp(all, "a[0]=1;a[1].b=x\\\"y;c=true;d=-1.5e+3;"),
	   "a JSON text is walked with its paths");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!is_json(bad[i]), "not JSON: %s",
		   i == 12 ? "a raw newline in a string" : bad[i]);
	memset(deep, '[', sizeof(deep));
	ok(vfm_json_walk(deep, sizeof(deep), NULL, NULL, &at) == -EINVAL,
	   "a deeply nested text is refused");
}

static void test_crc(void)
{
	ok(vfm_crc32(0, "123456789", 9) == 0xcbf43926,
	   "the CRC-32 of the usual check string");
	ok(vfm_crc32(vfm_crc32(0, "1234", 4), "56789", 5) == 0xcbf43926,
	   "the same in two pieces");
}

static void test_numbers(void)
{
	static const struct { const char *text; uint64_t v; } sizes[] = {
		{ "0", 0 }, { "4096", 4096 }, { "64K", 65536 }, { "64k", 65536 },
		{ "1M", 1 << 20 }, { "16G", 16ULL << 30 }, { "0x10K", 16384 },
		{ "17179869183G", 17179869183ULL << 30 },
	};
	static const char * const bad[] = {
		"", "K", "-1", "+1", " 1", "1 ", "1KK", "1T", "1.5M", "x",
		"18446744073709551616", "17179869184G", "0x", "1K1",
	};
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		ok(!vfm_parse_size(sizes[i].text, strlen(sizes[i].text), &v) &&
		   v == sizes[i].v, "a size: %s", sizes[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(vfm_parse_size(bad[i], strlen(bad[i]), &v), "no size: \"%s\"",
		   bad[i]);
	ok(!vfm_parse_number("ffe", 2, 16, &v) && v == 0xff,
	   "a number is no longer than said");
}

static void test_masks(void)
{
	uint8_t ours[4096] = { 0x56, 0x4d, 1, 0 }, theirs[4096];
	struct vfm_pci_masks m;
	/* offset, bit, has to be equal */
	static const struct { int at, bit; bool fixed; } rules[] = {
		{ PCI_VENDOR_ID, 1, true }, { PCI_CLASS_REVISION, 1, true },
		{ PCI_STATUS, PCI_STATUS_CAP_LIST, true },
		{ PCI_COMMAND, PCI_COMMAND_MASTER, false },
		{ PCI_INTERRUPT_LINE, 1, false },
		{ PCI_BASE_ADDRESS_0, 4, true },
		{ PCI_BASE_ADDRESS_0, 0x10, false },
		{ PCI_SUBSYSTEM_ID, 1, true },
		{ 0x40, 1, true },		/* capability id */
		{ 0x42, 1, true },		/* table size */
		{ 0x43, 0x80, false },		/* MSI-X enable */
		{ 0x50, 1, true }, { 0x52, 1, false }, { 0x54, 1, false },
		{ 0x104, 1, true }, { 0x100, 1, true },
	};
	size_t i;

	ours[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	ours[PCI_CAPABILITY_LIST] = 0x40;
	memcpy(ours + 0x40, "\x11\x50\x02\x80", 4);
	memcpy(ours + 0x50, "\x05\x00\x80\x01", 4);
	memcpy(ours + 0x100, "\x03\x00\x01\x00", 4);
	vfm_pci_derive_masks(ours, 4096, &m);
	ok(vfm_pci_msix_vectors(ours) == 3, "the size of the MSI-X table");
	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		memcpy(theirs, ours, sizeof(ours));
		theirs[rules[i].at] ^= rules[i].bit;
		ok(vfm_pci_mismatch(ours, theirs, 4096, &m) ==
		   (rules[i].fixed ? rules[i].at : -1),
		   "config 0x%x bit 0x%x %s", rules[i].at, rules[i].bit,
		   rules[i].fixed ? "has to match" : "is the guest's");
	}
	/* a list that loops */
	ours[0x41] = 0x40;
	vfm_pci_derive_masks(ours, 4096, &m);
	ok(!vfm_pci_find_cap(ours, 0x77), "a capability loop ends");
}

static void test_uris(void)
{
	struct vfm_patience p = { 100, -1 };
	static const char * const bad[] = {
		"", "tcp:", "tcp:host", "unix:", "fd:", "fd:x", "fd:999",
		"fd:-1", "bogus:x", "file:/nonexistent/x",
		"file:/dev/null,offset=x", "file:/dev/null,offset=1Q",
	};
	struct vfm_channel c;
	struct vfm_error e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(vfm_connect(&c, bad[i], &p, &e) < 0 && e.text[0] &&
		   c.fd < 0, "not a place for a stream: \"%s\"", bad[i]);
	ok(vfm_connect(&c, "unix:/nonexistent/socket", &p, &e) == -ENOENT,
	   "nobody listens: gives up after a while");
	ok(vfm_accept(&c, "tcp:127.0.0.1:0", &p, &e) == -ETIMEDOUT,
	   "nobody connects: gives up after a while");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_silence();
	test_cancel();
	test_stuck(false);
	test_stuck(true);
	test_end();
	test_json();
	test_crc();
	test_numbers();
	test_masks();
	test_uris();
	return tap_end();
}
