// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long mapping and unmapping memory for DMA takes: of one device, or of two
 * in turns and compared.  Both have to be bound to a VFIO driver.
 *
 *   map BDF [BDF]
 *
 * Prints the medians as comments and, with two devices, lines
 * "bench NAME RATIO UNIT" with the time of the first over that of the second.
 * What pinning the pages costs is in both.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bench.h"
#include "device.h"

#define RUNS		31
#define IOVA		(1ull << 32)
#define SMALL_SIZE	(8u << 20)
#define HUGE_SIZE	(32u << 20)

/**
 * struct bench - what is mapped
 * @name: of it
 * @page: bytes of a page of it
 * @size: bytes of all of it
 * @flags: for mmap()
 */
struct bench {
	const char *name;
	size_t page;
	size_t size;
	int flags;
};

static const struct bench benches[] = {
	{ "4k", 4096, SMALL_SIZE, 0 },
	{ "2m", 2 << 20, HUGE_SIZE, MAP_HUGETLB },
};

/**
 * struct times - of one device
 * @map: nanoseconds of each run
 * @unmap: likewise
 */
struct times {
	uint64_t map[RUNS];
	uint64_t unmap[RUNS];
};

static void die(const struct vfm_error *e)
{
	fprintf(stderr, "map: %s: %s\n", e->where, e->text);
	exit(1);
}

static void run_once(struct vfm_device *d, const struct bench *b, void *va,
		     struct times *t, unsigned int i)
{
	struct vfm_error e = {};
	uint64_t begin = bench_now();

	if (vfm_dma_map(d, va, IOVA, b->size, &e))
		die(&e);
	t->map[i] = bench_now() - begin;
	begin = bench_now();
	if (vfm_dma_unmap(d, IOVA, b->size, &e))
		die(&e);
	t->unmap[i] = bench_now() - begin;
}

static void *memory(const struct bench *b)
{
	uint8_t *va = mmap(NULL, b->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | b->flags, -1, 0);
	size_t i;

	if (va == MAP_FAILED) {
		printf("# %s: no memory: %s\n", b->name, strerror(errno));
		return NULL;
	}
	madvise(va, b->size, MADV_NOHUGEPAGE);
	/* From the end, so that small pages are not one large piece by chance. */
	for (i = b->size; i; i -= b->page)
		va[i - b->page] = 1;
	return va;
}

static void run(struct vfm_device *devs, int n, const struct bench *b)
{
	static struct times times[2];
	uint64_t map[2], unmap[2];
	void *va = memory(b);
	unsigned int i;
	int d;

	if (!va)
		return;
	for (i = 0; i < RUNS; i++)
		for (d = 0; d < n; d++)
			run_once(&devs[d], b, va, &times[d], i);
	munmap(va, b->size);
	for (d = 0; d < n; d++) {
		map[d] = bench_median(times[d].map, RUNS);
		unmap[d] = bench_median(times[d].unmap, RUNS);
		printf("# %s %s: map %.0f ns, unmap %.0f ns a page\n", b->name,
		       devs[d].name, (double)map[d] * b->page / b->size,
		       (double)unmap[d] * b->page / b->size);
	}
	if (n < 2)
		return;
	printf("bench map_%s %.3f of the time of %s\n", b->name,
	       (double)map[0] / map[1], devs[1].name);
	printf("bench unmap_%s %.3f of the time of %s\n", b->name,
	       (double)unmap[0] / unmap[1], devs[1].name);
}

static void reserve_huge_pages(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!f)
		return;
	fprintf(f, "%u", HUGE_SIZE >> 21);
	fclose(f);
}

int main(int argc, char **argv)
{
	struct vfm_device devs[2];
	struct vfm_error e = {};
	unsigned int i;
	int d;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: map BDF [BDF]\n");
		return 2;
	}
	for (d = 0; d < argc - 1; d++)
		if (vfm_open(&devs[d], argv[d + 1], VFM_BACKEND_LEGACY, &e))
			die(&e);
	reserve_huge_pages();
	for (i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		run(devs, argc - 1, &benches[i]);
	while (d--)
		vfm_close(&devs[d]);
	return 0;
}
