// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the DMA engine moves memory, against memcpy() of the same pages.
 * Runs of both alternate, and each is given as its median.
 *
 *   dma [RUNS]
 *
 * Prints lines "bench NAME RATIO UNIT", and what they were made of as comments.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "lib/vt.h"

#define RING		32u
#define LENGTH		(1u << 20)
#define IOVA		(1ull << 40)
#define SIZE		((size_t)RING * LENGTH)
#define RUNS_MAX	999

/**
 * struct bench - a kind of descriptor
 * @name: of it
 * @op: which
 * @to_mem: the destination is device memory, always the same
 */
struct bench {
	const char *name;
	uint32_t op;
	bool to_mem;
};

static const struct bench benches[] = {
	{ "dma_copy", MOCK_VFIO_OP_COPY, false },
	{ "dma_to_device", MOCK_VFIO_OP_TO_DEVICE, true },
};

static uint8_t *guest;

/* Half of the guest's memory is source, half destination. */
static void fill_ring(struct vt_dev *dev, const struct bench *b)
{
	struct mock_vfio_desc *desc;
	uint32_t i;

	vt_ring_start(dev, RING);
	for (i = 0; i < RING; i++) {
		desc = vt_desc(dev, i);
		desc->op = htole32(b->op);
		desc->length = htole32(LENGTH);
		desc->src = htole64(IOVA + (uint64_t)i * LENGTH);
		desc->dst = htole64(b->to_mem ? 0 : IOVA + SIZE + (uint64_t)i * LENGTH);
	}
}

static uint64_t time_engine(struct vt_dev *dev)
{
	const volatile struct mock_vfio_desc *last =
		(struct mock_vfio_desc *)dev->ram + RING - 1;
	uint32_t status;
	uint64_t begin;

	((struct mock_vfio_desc *)dev->ram)[RING - 1].status = 0;
	begin = bench_now();
	vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL,
		   vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL) + RING);
	while ((status = le32toh(last->status)) == MOCK_VFIO_DMA_PENDING)
		;
	if (status == MOCK_VFIO_DMA_OK)
		return bench_now() - begin;
	fprintf(stderr, "dma: a descriptor failed: %u\n", status);
	exit(1);
}

static uint64_t time_memcpy(struct vt_dev *dev, const struct bench *b)
{
	const uint64_t begin = bench_now();
	uint32_t i;

	for (i = 0; i < RING; i++)
		memcpy(b->to_mem ? dev->mem : guest + SIZE + (size_t)i * LENGTH,
		       guest + (size_t)i * LENGTH, LENGTH);
	return bench_now() - begin;
}

static void run(struct vt_dev *dev, const struct bench *b, unsigned int runs)
{
	uint64_t engine[RUNS_MAX], copy[RUNS_MAX], e, c;
	unsigned int i;

	fill_ring(dev, b);
	time_engine(dev);
	time_memcpy(dev, b);
	for (i = 0; i < runs; i++) {
		engine[i] = time_engine(dev);
		copy[i] = time_memcpy(dev, b);
	}
	e = bench_median(engine, runs);
	c = bench_median(copy, runs);
	printf("# %s: engine %.0f MiB/s, memcpy %.0f MiB/s\n", b->name,
	       (double)SIZE / (1 << 20) / (e / 1e9),
	       (double)SIZE / (1 << 20) / (c / 1e9));
	printf("bench %s %.3f of memcpy throughput\n", b->name, (double)c / e);
}

int main(int argc, char **argv)
{
	unsigned int runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 15, i;
	struct vt_dev dev;

	if (!runs || runs > RUNS_MAX) {
		fprintf(stderr, "usage: dma [RUNS]\n");
		return 2;
	}
	vt_open(&dev, 0, VT_LEGACY);
	guest = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (guest == MAP_FAILED || vt_map(&dev, guest, IOVA, 2 * SIZE, true)) {
		fprintf(stderr, "dma: no memory\n");
		return 1;
	}
	for (i = 0; i < sizeof(benches) / sizeof(*benches); i++)
		run(&dev, &benches[i], runs);
	vt_close(&dev);
	return 0;
}
