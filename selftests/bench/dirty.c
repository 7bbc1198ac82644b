// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a report of the dirty log costs: it should go by the pages that are
 * dirty, not by the range that is asked for.
 *
 * Sparse: 64 dirty pages, evenly across the range.  Dense: the whole range, but no
 * more than 128 MiB of it, for it takes an emulator long to write more.  The
 * memory behind is always the same 2 MiB.
 *
 *   dirty [RUNS]
 *
 * Prints lines "bench NAME RATIO TEXT", and what they were made of as comments.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "lib/log.h"

#define MIB		(1ull << 20)
#define GIB		(1ull << 30)
#define TIB		(1ull << 40)
#define DENSE_MAX	(128 * MIB)
#define BASE		(16 * TIB)
#define BUFFER		(2 * MIB)
#define SPARSE		64u
#define RING		32u
#define RUNS_MAX	99

/**
 * struct size - a range that is asked for
 * @name: of it
 * @bytes: how long it is
 * @sparse: nanoseconds for the sparse set, median
 * @dense: for the dense one
 */
struct size {
	const char *name;
	uint64_t bytes;
	uint64_t sparse;
	uint64_t dense;
};

static struct size sizes[] = {
	{ .name = "1M", .bytes = MIB },
	{ .name = "1G", .bytes = GIB },
	{ .name = "64G", .bytes = 64 * GIB },
	{ .name = "1T", .bytes = TIB },
};

#define NR_SIZES	(sizeof(sizes) / sizeof(*sizes))

static uint8_t *buffer;
static uint64_t *bits;

static void die(const char *what, int ret)
{
	fprintf(stderr, "dirty: %s: %s\n", what, strerror(-ret));
	exit(1);
}

static void check(const char *what, int ret)
{
	if (ret)
		die(what, ret);
}

static uint64_t pages_dense(const struct size *s)
{
	return (s->bytes < DENSE_MAX ? s->bytes : DENSE_MAX) / VT_PAGE;
}

static void write_guest(struct vt_dev *dev, uint64_t iova, uint32_t len)
{
	struct mock_vfio_desc *desc;

	desc = vt_desc(dev, vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL) % RING);
	desc->op = htole32(MOCK_VFIO_OP_FILL_GUEST);
	desc->length = htole32(len);
	desc->dst = htole64(iova);
	if (vt_submit(dev, 1) != MOCK_VFIO_DMA_OK)
		die("a descriptor failed", 0);
}

static void make_sparse(struct vt_dev *dev, const struct size *s)
{
	unsigned int i;

	for (i = 0; i < SPARSE; i++)
		write_guest(dev, BASE + s->bytes / SPARSE * i, 8);
}

static void make_dense(struct vt_dev *dev, const struct size *s)
{
	const uint64_t end = pages_dense(s) * VT_PAGE;
	uint64_t at;

	for (at = 0; at < end; at += MIB)
		write_guest(dev, BASE + at, MIB);
}

/* Pages that a set needs, all of them the same memory. */
static void map_once(struct vt_dev *dev, uint64_t iova, uint64_t len, bool map)
{
	check("map", map ? vt_map(dev, buffer, iova, len, true) :
			   vt_unmap(dev, iova, len));
}

static void map_sparse(struct vt_dev *dev, const struct size *s, bool map)
{
	unsigned int i;

	for (i = 0; i < SPARSE; i++)
		map_once(dev, BASE + s->bytes / SPARSE * i, VT_PAGE, map);
}

static void map_dense(struct vt_dev *dev, const struct size *s, bool map)
{
	const uint64_t end = pages_dense(s) * VT_PAGE;
	const uint64_t step = end < BUFFER ? end : BUFFER;
	uint64_t at;

	for (at = 0; at < end; at += step)
		map_once(dev, BASE + at, step, map);
}

static uint64_t time_report(struct vt_dev *dev, const struct size *s,
			    uint64_t expected)
{
	const uint64_t pages = s->bytes / VT_PAGE;
	uint64_t begin, ns;

	memset(bits, 0, (pages + 7) / 8);
	begin = bench_now();
	check("report", log_report(dev, BASE, s->bytes, VT_PAGE, bits));
	ns = bench_now() - begin;
	if (log_count(bits, pages) != expected)
		die("not what was written", 0);
	return ns;
}

static uint64_t run(struct vt_dev *dev, const struct size *s, unsigned int runs,
		    void (*make)(struct vt_dev *dev, const struct size *s),
		    uint64_t expected)
{
	uint64_t ns[RUNS_MAX];
	unsigned int i;

	/* The first one finds neither the log nor the bitmap allocated. */
	for (i = 0; i <= runs; i++) {
		make(dev, s);
		ns[i ? i - 1 : 0] = time_report(dev, s, expected);
	}
	return bench_median(ns, runs);
}

static void run_size(struct vt_dev *dev, struct size *s, unsigned int runs)
{
	check("start", log_start_one(dev, VT_PAGE, BASE, s->bytes));
	map_sparse(dev, s, true);
	s->sparse = run(dev, s, runs, make_sparse, SPARSE);
	map_sparse(dev, s, false);
	map_dense(dev, s, true);
	s->dense = run(dev, s, runs, make_dense, pages_dense(s));
	map_dense(dev, s, false);
	check("stop", log_stop(dev));
	printf("# %s: %u pages %.1f us, %llu pages %.1f us\n", s->name, SPARSE,
	       s->sparse / 1e3, (unsigned long long)pages_dense(s),
	       s->dense / 1e3);
}

static void print_ratios(void)
{
	const struct size *small = &sizes[0], *s;
	double page;

	for (s = sizes + 1; s < sizes + NR_SIZES; s++) {
		page = (double)small->dense / pages_dense(small);
		printf("bench dirty_%s %.3f of the time for 1 MiB, 64 dirty pages in each\n",
		       s->name, (double)s->sparse / small->sparse);
		printf("bench dirty_%s %.3f of the time per page for 1 MiB, up to 128 MiB dirty\n",
		       s->name, (double)s->dense / pages_dense(s) / page);
	}
}

int main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 3, i;
	struct vt_dev dev;

	if (!runs || runs > RUNS_MAX) {
		fprintf(stderr, "usage: dirty [RUNS]\n");
		return 2;
	}
	if (!log_possible()) {
		fprintf(stderr, "# dirty: this kernel has no iova_bitmap\n");
		return 4;
	}
	vt_open(&dev, 0, VT_LEGACY);
	vt_ring_start(&dev, RING);
	buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	bits = mmap(NULL, TIB / VT_PAGE / 8, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED || bits == MAP_FAILED)
		die("no memory", 0);
	for (i = 0; i < NR_SIZES; i++)
		run_size(&dev, &sizes[i], runs);
	print_ratios();
	vt_close(&dev);
	return 0;
}
