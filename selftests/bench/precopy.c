// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a change costs in a pre-copy: of a device with all of its memory in use
 * some pages are written, and read again.  Sent again should be these and no
 * more, at the price of the same bytes in the first round.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "lib/vt.h"
#include "mock_conf.h"
#include "vfio_compat.h"

#define MEM	(64ul << 20)
#define RUNS	7

static char buf[1 << 20];

static void die(const char *what)
{
	fprintf(stderr, "# precopy: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Read up to the end for the moment; Return: bytes. */
static size_t drain(int fd)
{
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		done += n;
	if (!n || errno != ENOMSG)
		die("read");
	return done;
}

/* Pages far from each other, so that each is a record of its own. */
static void dirty(struct vt_dev *dev, unsigned int pages, uint8_t val)
{
	const size_t step = MEM / pages;
	unsigned int i;

	for (i = 0; i < pages; i++)
		dev->mem[i * step] = val;
}

static void report(unsigned int pages, size_t sent, uint64_t ns,
		   double first_ns_per_byte)
{
	printf("bench precopy %.3f of the bytes dirtied were sent again, %u pages\n",
	       (double)sent / ((size_t)pages * VT_PAGE), pages);
	printf("bench precopy %.3f of the first round's time, per byte sent again, %u pages\n",
	       (double)ns / sent / first_ns_per_byte, pages);
}

static void round_of(struct vt_dev *dev, int fd, unsigned int pages,
		     double first_ns_per_byte)
{
	uint64_t ns[RUNS], begin;
	size_t sent = 0;
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		dirty(dev, pages, i + 1);
		begin = bench_now();
		sent = drain(fd);
		ns[i] = bench_now() - begin;
	}
	report(pages, sent, bench_median(ns, RUNS), first_ns_per_byte);
}

int main(void)
{
	static const unsigned int counts[] = { 1, 16, 256, 4096 };
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE | VFM_MOCK_MEM_SIZE,
		.profile = "default", .mem_size = MEM,
	};
	struct vt_dev dev;
	char bdf[32];
	uint64_t begin;
	unsigned int i;
	double first;
	int fd;

	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	vt_enable(&dev, true);
	memset(dev.mem, 0x5a, MEM);
	errno = -vt_set_state(&dev, VFM_STATE_PRE_COPY, &fd);
	if (errno)
		die("PRE_COPY");
	begin = bench_now();
	i = drain(fd);
	first = (double)(bench_now() - begin) / i;
	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		round_of(&dev, fd, counts[i], first);
	close(fd);
	vt_close(&dev);
	vt_fn_del(bdf);
	return 0;
}
