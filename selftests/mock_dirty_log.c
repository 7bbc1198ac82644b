// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA logging: a page that the device writes is reported, once, whatever is
 * asked for and whatever goes wrong; and one that it does not write is not.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/log.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)
#define TIB	(1024 * GIB)

/* Behind the ring, which the device writes for each descriptor. */
#define AREA		(64 * KIB)
#define AREA_IOVA	(VT_RAM_IOVA + AREA)
#define AREA_SIZE	(VT_RAM_SIZE - AREA)
#define AREA_PAGES	(AREA_SIZE / VT_PAGE)
#define RING		32u

/* What the device can; see the module's documentation. */
#define DEVICE_RANGES	32u
#define CACHE		"vfio_mig_dirty_chunk"

static __attribute__((constructor)) void need_iova_bitmap(void)
{
	if (log_possible())
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel has no iova_bitmap\n");
	exit(4);
}

FIXTURE(log) {
	struct vt_dev dev;
	uint64_t bits[LOG_WORDS(VT_RAM_SIZE / VT_PAGE)];
};

FIXTURE_VARIANT(log) {
	enum vt_backend backend;
};

FIXTURE_VARIANT_ADD(log, legacy) {
	.backend = VT_LEGACY,
};

FIXTURE_VARIANT_ADD(log, iommufd) {
	.backend = VT_IOMMUFD,
};

FIXTURE_SETUP(log)
{
	vt_open(&self->dev, 0, variant->backend);
	vt_ring_start(&self->dev, RING);
}

FIXTURE_TEARDOWN(log)
{
	vt_close(&self->dev);
}

/* --- what the device does, and what it says ----------------------------- */

static void describe_fill(struct vt_dev *dev, uint32_t slot, uint64_t iova,
			  uint32_t len)
{
	struct mock_vfio_desc *desc = vt_desc(dev, slot % RING);

	desc->op = htole32(MOCK_VFIO_OP_FILL_GUEST);
	desc->length = htole32(len);
	desc->dst = htole64(iova);
	desc->pattern = htole64(0x0101010101010101ull * (slot + 1));
}

static uint32_t dma_write(struct vt_dev *dev, uint64_t iova, uint32_t len)
{
	describe_fill(dev, vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL), iova, len);
	return vt_submit(dev, 1);
}

/* Of the area, in 4 KiB pages, into a bitmap that was empty. */
static int report_area(struct vt_dev *dev, uint64_t *bits)
{
	memset(bits, 0, AREA_PAGES / 8);
	return log_report(dev, AREA_IOVA, AREA_SIZE, VT_PAGE, bits);
}

/* Are these pages of the area dirty, and no others? */
static bool area_is(struct vt_dev *dev, uint64_t *bits, uint64_t first,
		    uint64_t n)
{
	uint64_t i;

	if (report_area(dev, bits) || log_count(bits, AREA_PAGES) != n)
		return false;
	for (i = first; i < first + n; i++)
		if (!log_bit(bits, i))
			return false;
	return true;
}

static bool area_is_clean(struct vt_dev *dev, uint64_t *bits)
{
	return area_is(dev, bits, 0, 0);
}

/* --- what is logged ------------------------------------------------------ */

TEST_F(log, reports_each_written_page_once)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, dma_write(dev, AREA_IOVA + 7 * VT_PAGE, 1));
	EXPECT_TRUE(area_is(dev, self->bits, 7, 1));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
	dma_write(dev, AREA_IOVA + 7 * VT_PAGE + 4095, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 7, 1));
	dma_write(dev, AREA_IOVA + 7 * VT_PAGE + 4095, 2);
	EXPECT_TRUE(area_is(dev, self->bits, 7, 2));
	dma_write(dev, AREA_IOVA + 100 * VT_PAGE, 300 * VT_PAGE);
	EXPECT_TRUE(area_is(dev, self->bits, 100, 300));
	dma_write(dev, AREA_IOVA, AREA_SIZE);
	EXPECT_TRUE(area_is(dev, self->bits, 0, AREA_PAGES));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

TEST_F(log, reports_the_ring_that_completions_are_written_to)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, VT_RAM_IOVA, VT_RAM_SIZE));
	vt_desc(dev, 0)->op = htole32(MOCK_VFIO_OP_NOP);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_EQ(0, log_report(dev, VT_RAM_IOVA, VT_RAM_SIZE, VT_PAGE, self->bits));
	EXPECT_EQ(1, self->bits[0]);
	EXPECT_EQ(1, log_count(self->bits, VT_RAM_SIZE / VT_PAGE));
}

TEST_F(log, does_not_report_what_is_read)
{
	struct vt_dev *dev = &self->dev;
	struct mock_vfio_desc *desc;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	desc = vt_desc(dev, 0);
	desc->op = htole32(MOCK_VFIO_OP_TO_DEVICE);
	desc->length = htole32(64 * KIB);
	desc->src = htole64(AREA_IOVA);
	desc = vt_desc(dev, 1);
	desc->op = htole32(MOCK_VFIO_OP_DIGEST_GUEST);
	desc->length = htole32(64 * KIB);
	desc->src = htole64(AREA_IOVA);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 2));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
	desc = vt_desc(dev, 2);
	desc->op = htole32(MOCK_VFIO_OP_COPY);
	desc->length = htole32(64 * KIB);
	desc->src = htole64(AREA_IOVA);
	desc->dst = htole64(AREA_IOVA + 64 * VT_PAGE);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_TRUE(area_is(dev, self->bits, 64, 16));
	desc = vt_desc(dev, 3);
	desc->op = htole32(MOCK_VFIO_OP_TO_GUEST);
	desc->length = htole32(64 * KIB);
	desc->dst = htole64(AREA_IOVA + 128 * VT_PAGE);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_TRUE(area_is(dev, self->bits, 128, 16));
}

static bool ticks_are_done(void *arg)
{
	return vt_read64(arg, MOCK_VFIO_REG_TRAFFIC_SEQ) >= 40;
}

TEST_F(log, reports_what_the_traffic_generator_writes)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_IOVA, AREA_IOVA + 200 * VT_PAGE);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_SLOTS, 20);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_STRIDE, VT_PAGE);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_PERIOD, 100);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL,
		   MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_ENABLE);
	ASSERT_TRUE(vt_wait_until(ticks_are_done, dev, 20000));
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL, 0);
	EXPECT_TRUE(area_is(dev, self->bits, 200, 20));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

TEST_F(log, reports_what_came_before_a_fault)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t end = VT_RAM_IOVA + VT_RAM_SIZE;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE + MIB));
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, dma_write(dev, end - VT_PAGE, 2 * VT_PAGE));
	EXPECT_TRUE(area_is(dev, self->bits, AREA_PAGES - 1, 1));
	EXPECT_EQ(0, log_report(dev, end, MIB, VT_PAGE, self->bits));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

/* The log is of addresses: the device does not know what stands behind them. */
TEST_F(log, reports_writes_to_another_function)
{
	struct vt_dev *dev = &self->dev, peer;
	uint64_t bits[4] = {};

	if (variant->backend == VT_IOMMUFD)
		return;	/* it does not map BARs */
	vt_open(&peer, 1, VT_LEGACY);
	ASSERT_EQ(0, vt_map(dev, peer.mem, TIB, MIB, true));
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, TIB, MIB));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, dma_write(dev, TIB + 3 * VT_PAGE, 8));
	EXPECT_EQ(1, peer.mem[3 * VT_PAGE] != 0);
	EXPECT_EQ(0, log_report(dev, TIB, MIB, VT_PAGE, bits));
	EXPECT_EQ(8, bits[0]);
	EXPECT_EQ(1, log_count(bits, 256));
	vt_close(&peer);
}

/* --- ranges and page sizes ------------------------------------------------ */

TEST_F(log, chooses_a_page_size_not_above_the_hint_if_it_can)
{
	static const uint64_t sizes[][2] = {
		{ 1, 4 * KIB }, { 512, 4 * KIB }, { 4 * KIB, 4 * KIB },
		{ 8 * KIB, 4 * KIB }, { 32 * KIB, 4 * KIB },
		{ 64 * KIB, 64 * KIB }, { MIB, 64 * KIB }, { 2 * MIB, 2 * MIB },
		{ GIB, 2 * MIB }, { 512 * GIB, 2 * MIB },
	};
	const log_range range = { .iova = TIB, .length = TIB };
	struct vt_dev *dev = &self->dev;
	uint64_t size;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size = sizes[i][0];
		ASSERT_EQ(0, log_start(dev, &size, &range, 1));
		EXPECT_EQ(sizes[i][1], size) TH_LOG("hint %llu",
				(unsigned long long)sizes[i][0]);
		ASSERT_EQ(0, log_stop(dev));
	}
}

TEST_F(log, reports_all_of_a_large_page)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, 64 * KIB, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 35 * VT_PAGE, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 32, 16));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

/* Else the part that was not asked for would be lost. */
TEST_F(log, keeps_a_large_page_of_which_a_part_was_asked_for)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t page = AREA_IOVA + 32 * VT_PAGE;

	ASSERT_EQ(0, log_start_one(dev, 64 * KIB, AREA_IOVA, AREA_SIZE));
	dma_write(dev, page, 1);
	EXPECT_EQ(0, log_report(dev, page + 15 * VT_PAGE, VT_PAGE, VT_PAGE,
				self->bits));
	EXPECT_EQ(1, self->bits[0]);
	EXPECT_TRUE(area_is(dev, self->bits, 32, 16));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

TEST_F(log, reports_in_any_page_size)
{
	static const uint64_t sizes[] = {
		4 * KIB, 8 * KIB, 64 * KIB, MIB, 2 * MIB, 4 * MIB, GIB,
	};
	struct vt_dev *dev = &self->dev;
	const uint64_t at = 3 * MIB + 5 * VT_PAGE;
	size_t i;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		dma_write(dev, AREA_IOVA + at, 2);
		memset(self->bits, 0, sizeof(self->bits));
		EXPECT_EQ(0, log_report(dev, AREA_IOVA, AREA_SIZE, sizes[i],
					self->bits));
		EXPECT_EQ(1, log_count(self->bits, AREA_PAGES));
		EXPECT_TRUE(log_bit(self->bits, at / sizes[i]));
		EXPECT_TRUE(area_is_clean(dev, self->bits));
	}
}

TEST_F(log, never_clears_a_bit_of_the_user)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t mine = 0x8000000000000100ull;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 3 * VT_PAGE, 1);
	self->bits[0] = mine;
	self->bits[2] = mine;
	EXPECT_EQ(0, log_report(dev, AREA_IOVA, AREA_SIZE, VT_PAGE, self->bits));
	EXPECT_EQ(mine | 8, self->bits[0]);
	EXPECT_EQ(mine, self->bits[2]);
	EXPECT_EQ(5, log_count(self->bits, AREA_PAGES));
}

TEST_F(log, clears_only_what_was_asked_for)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 10 * VT_PAGE, 10 * VT_PAGE);
	EXPECT_EQ(0, log_report(dev, AREA_IOVA, 15 * VT_PAGE, VT_PAGE, self->bits));
	EXPECT_EQ(0x7c00, self->bits[0]);
	EXPECT_TRUE(area_is(dev, self->bits, 15, 5));
}

#define MANY	256u

/* Ranges of two pages, with one page between them, two behind each eighth. */
static void many_ranges(log_range *ranges, uint64_t iova)
{
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		ranges[i] = (log_range) { .iova = iova, .length = 2 * VT_PAGE };
		iova += (i % 8 == 7 ? 4 : 3) * VT_PAGE;
	}
}

TEST_F(log, takes_as_many_ranges_as_can_be_given)
{
	struct vt_dev *dev = &self->dev;
	log_range ranges[MANY];
	uint64_t size = VT_PAGE;
	unsigned int i;

	many_ranges(ranges, AREA_IOVA);
	ASSERT_EQ(0, log_start(dev, &size, ranges, MANY));
	for (i = 0; i < MANY; i++) {
		if (i % 5 == 0)
			dma_write(dev, ranges[i].iova + VT_PAGE, 1);
	}
	for (i = 0; i < MANY; i++) {
		self->bits[0] = 0;
		EXPECT_EQ(0, log_report(dev, ranges[i].iova, 2 * VT_PAGE, VT_PAGE,
					self->bits));
		EXPECT_EQ(i % 5 ? 0 : 2, self->bits[0]);
	}
}

/* 256 become 32: those eight that have a page between them one each. */
TEST_F(log, joins_ranges_with_the_smallest_gaps)
{
	struct vt_dev *dev = &self->dev;
	log_range ranges[MANY];
	uint64_t size = VT_PAGE, gap;
	unsigned int i;

	many_ranges(ranges, AREA_IOVA);
	ASSERT_EQ(0, log_start(dev, &size, ranges, MANY));
	for (i = 0; i < MANY; i++) {
		gap = ranges[i].iova + 2 * VT_PAGE;
		self->bits[0] = 0;
		if (i % 8 == 7) {
			EXPECT_EQ(-EINVAL, log_report(dev, gap, VT_PAGE, VT_PAGE,
						      self->bits));
			continue;
		}
		dma_write(dev, gap, 1);
		EXPECT_EQ(0, log_report(dev, gap, VT_PAGE, VT_PAGE, self->bits));
		EXPECT_EQ(1, self->bits[0]);
	}
	ASSERT_EQ(0, log_stop(dev));
	/* As many as it can take are taken as they are. */
	ASSERT_EQ(0, log_start(dev, &size, ranges, DEVICE_RANGES));
	EXPECT_EQ(-EINVAL, log_report(dev, ranges[0].iova + 2 * VT_PAGE, VT_PAGE,
				      VT_PAGE, self->bits));
}

TEST_F(log, reports_across_ranges_that_touch)
{
	struct vt_dev *dev = &self->dev;
	const log_range ranges[] = {
		{ .iova = AREA_IOVA + MIB, .length = AREA_SIZE - MIB },
		{ .iova = AREA_IOVA, .length = MIB },
	};
	uint64_t size = VT_PAGE;

	ASSERT_EQ(0, log_start(dev, &size, ranges, 2));
	dma_write(dev, AREA_IOVA + MIB - 1, 2);
	EXPECT_TRUE(area_is(dev, self->bits, 255, 2));
}

/* Chunks of the log that exist; what a CPU has in stock counts as well. */
static long chunks(void)
{
	char line[256];
	long n = -1;
	FILE *f = fopen("/proc/slabinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, CACHE " %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static unsigned long resident(void *va, size_t size)
{
	unsigned char *vec = calloc(1, size / VT_PAGE);
	unsigned long i, n = 0;

	if (mincore(va, size, vec))
		exit(1);
	for (i = 0; i < size / VT_PAGE; i++)
		n += vec[i] & 1;
	free(vec);
	return n;
}

/* In full it would be 32 MiB on each side: 65536 chunks, 8192 pages. */
TEST_F(log, of_a_tebibyte_costs_what_is_dirty)
{
	struct vt_dev *dev = &self->dev;
	const size_t size = TIB / VT_PAGE / 8;
	const uint64_t far = TIB - MIB;
	uint64_t *bits = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *va = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long before = chunks();

	ASSERT_NE(MAP_FAILED, bits);
	ASSERT_EQ(0, madvise(bits, size, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, vt_map(dev, va, far, MIB, true));
	ASSERT_LE(0, before);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, 0, TIB));
	dma_write(dev, AREA_IOVA, 1);
	dma_write(dev, far + MIB - 1, 1);
	EXPECT_GT(before + 256, chunks());
	EXPECT_EQ(0, log_report(dev, 0, TIB, VT_PAGE, bits));
	EXPECT_GT(before + 256, chunks());
	/* The kernel takes hold of 2 MiB of the bitmap where it writes a bit. */
	EXPECT_GE(2 * 512, resident(bits, size));
	EXPECT_TRUE(log_bit(bits, VT_RAM_IOVA / VT_PAGE));
	EXPECT_TRUE(log_bit(bits, AREA_IOVA / VT_PAGE));
	EXPECT_TRUE(log_bit(bits, TIB / VT_PAGE - 1));
	EXPECT_EQ(3, log_count(bits, 64 * KIB) +
		     log_count(bits + size / 8 - 64, 64 * 64));
	memset(bits, 0, VT_PAGE);
	bits[size / 8 - 1] = 0;
	EXPECT_EQ(0, log_report(dev, 0, TIB, VT_PAGE, bits));
	EXPECT_EQ(0, log_count(bits, TIB / VT_PAGE));
	munmap(bits, size);
}

/* --- what cannot be asked for ---------------------------------------------- */

static int start(struct vt_dev *dev, uint64_t size, uint64_t a, uint64_t a_len,
		 uint64_t b, uint64_t b_len)
{
	const log_range ranges[] = { { .iova = a, .length = a_len },
				     { .iova = b, .length = b_len } };

	return log_start(dev, &size, ranges, b_len ? 2 : 1);
}

TEST_F(log, refuses_to_start_with_what_cannot_be)
{
	struct vt_dev *dev = &self->dev;
	log_range ranges[MANY + 1];
	uint64_t size = VT_PAGE;
	unsigned int i;

	for (i = 0; i <= MANY; i++)
		ranges[i] = (log_range) { .iova = i * MIB, .length = VT_PAGE };
	EXPECT_EQ(-EINVAL, log_start(dev, &size, ranges, 0));
	EXPECT_EQ(-E2BIG, log_start(dev, &size, ranges, MANY + 1));
	EXPECT_EQ(-EFAULT, log_start(dev, &size, (void *)1, 1));
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, 512, VT_PAGE, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, 0, VT_PAGE + 512, 0, 0));
	EXPECT_EQ(-EOVERFLOW, start(dev, VT_PAGE, -(2 * MIB), 4 * MIB, 0, 0));
	EXPECT_EQ(-EOVERFLOW, start(dev, VT_PAGE, -MIB, MIB, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, MIB, 2 * MIB, 2 * MIB, MIB));
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, MIB, MIB, MIB, MIB));
	/* What the core lets through. */
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, VT_PAGE, MIB, 0, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, 0, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, 3, 4 * MIB, 4 * MIB, 0, 0));
	EXPECT_EQ(-EINVAL, start(dev, 3 * VT_PAGE, 16 * MIB, 16 * MIB, 0, 0));
	/* None of it has left anything behind. */
	EXPECT_EQ(-EINVAL, report_area(dev, self->bits));
	EXPECT_EQ(0, log_start(dev, &size, ranges, MANY));
}

TEST_F(log, takes_the_last_addresses_there_are)
{
	struct vt_dev *dev = &self->dev;

	EXPECT_EQ(0, log_start_one(dev, VT_PAGE, 0ull - 2 * MIB, MIB));
	EXPECT_EQ(0, log_report(dev, 0ull - 2 * MIB, MIB, VT_PAGE, self->bits));
	EXPECT_EQ(0, log_stop(dev));
	EXPECT_EQ(0, log_start_one(dev, VT_PAGE, 0, 0ull - VT_PAGE));
	dma_write(dev, AREA_IOVA, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 0, 1));
}

TEST_F(log, refuses_to_report_what_it_has_not_watched)
{
	struct vt_dev *dev = &self->dev;
	uint64_t *bits = self->bits;
	const uint64_t end = AREA_IOVA + MIB;

	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, MIB, VT_PAGE, bits));
	ASSERT_EQ(0, start(dev, VT_PAGE, AREA_IOVA, MIB, end + MIB, MIB));
	dma_write(dev, AREA_IOVA + 9 * VT_PAGE, 1);
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA - VT_PAGE, MIB, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, 2 * MIB, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, 3 * MIB, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, end, VT_PAGE, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, 0, 0ull - VT_PAGE, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, 0, VT_PAGE, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, MIB, 2048, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, MIB, 0, bits));
	EXPECT_EQ(-EINVAL, log_report(dev, AREA_IOVA, MIB, 3 * VT_PAGE, bits));
	EXPECT_EQ(-EOVERFLOW, log_report(dev, -MIB, 2 * MIB, VT_PAGE, bits));
	EXPECT_EQ(0, log_count(bits, AREA_PAGES));
	/* And nothing was lost. */
	EXPECT_EQ(0, log_report(dev, AREA_IOVA, MIB, VT_PAGE, bits));
	EXPECT_EQ(1 << 9, bits[0]);
}

/*
 * Of Linux up to 7.3 at least iova_bitmap_set() does not say when it cannot
 * write: such a report succeeds.  Where it says so the log is corrupt.
 */
TEST_F(log, survives_a_report_to_nowhere)
{
	struct vt_dev *dev = &self->dev;
	int ret;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 9 * VT_PAGE, 1);
	ret = log_report(dev, AREA_IOVA, AREA_SIZE, VT_PAGE, (void *)8);
	if (ret) {
		EXPECT_EQ(-EFAULT, ret);
		EXPECT_EQ(-EIO, report_area(dev, self->bits));
		ASSERT_EQ(0, log_stop(dev));
		ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	} else {
		TH_LOG("the kernel does not tell");
	}
	dma_write(dev, AREA_IOVA + 10 * VT_PAGE, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 10, 1));
}

/* --- begin and end ---------------------------------------------------------- */

TEST_F(log, starts_once_and_stops_at_any_time)
{
	struct vt_dev *dev = &self->dev;

	EXPECT_EQ(0, log_stop(dev));
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 4 * VT_PAGE, 1);
	EXPECT_EQ(-EINVAL, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	EXPECT_TRUE(area_is(dev, self->bits, 4, 1));
	dma_write(dev, AREA_IOVA + 5 * VT_PAGE, 1);
	EXPECT_EQ(0, log_stop(dev));
	EXPECT_EQ(-EINVAL, report_area(dev, self->bits));
	EXPECT_EQ(0, log_stop(dev));
	dma_write(dev, AREA_IOVA + 6 * VT_PAGE, 1);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

TEST_F(log, is_forgotten_when_the_device_is_closed)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA, AREA_SIZE);
	vt_close(dev);
	vt_open(dev, 0, variant->backend);
	vt_ring_start(dev, RING);
	EXPECT_EQ(-EINVAL, report_area(dev, self->bits));
	dma_write(dev, AREA_IOVA, VT_PAGE);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
}

TEST_F(log, outlives_a_reset)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 4 * VT_PAGE, 1);
	ASSERT_EQ(0, vt_reset(dev));
	vt_enable(dev, true);
	vt_ring_start(dev, RING);
	dma_write(dev, AREA_IOVA + 5 * VT_PAGE, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 4, 2));
}

TEST_F(log, has_nothing_to_do_with_the_migration_state)
{
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	dma_write(dev, AREA_IOVA + 4 * VT_PAGE, 1);
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_STOP_COPY, NULL));
	EXPECT_TRUE(area_is(dev, self->bits, 4, 1));
	ASSERT_EQ(0, log_stop(dev));
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	dma_write(dev, AREA_IOVA + 5 * VT_PAGE, 1);
	EXPECT_TRUE(area_is(dev, self->bits, 5, 1));
}

/* --- while the device is at work --------------------------------------------- */

/* Take over the pages that the log names; how many. */
static uint64_t copy_dirty(struct vt_dev *dev, uint64_t *bits, uint8_t *copy)
{
	uint64_t i;

	if (report_area(dev, bits))
		exit(1);
	for (i = 0; i < AREA_PAGES; i++)
		if (log_bit(bits, i))
			memcpy(copy + i * VT_PAGE, dev->ram + AREA + i * VT_PAGE,
			       VT_PAGE);
	return log_count(bits, AREA_PAGES);
}

static void keep_busy(struct vt_dev *dev, uint32_t *next)
{
	uint32_t tail = vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL);

	while (tail - vt_read32(dev, MOCK_VFIO_REG_DMA_HEAD) < RING / 2) {
		describe_fill(dev, tail++, AREA_IOVA + rand() % (AREA_SIZE / 2),
			      1 + rand() % (256 * KIB));
		(*next)++;
		vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, tail);
	}
}

static void start_traffic(struct vt_dev *dev)
{
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_IOVA, AREA_IOVA + AREA_SIZE / 2);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_SLOTS, 64);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_STRIDE, VT_PAGE);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_PERIOD, 20);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL,
		   MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_ENABLE);
}

/*
 * As live migration does it: everything once, then what is dirty, until the
 * device stops, and then once more.  A page that was never named shows.
 */
static void copy_rounds(struct __test_metadata *_metadata, struct vt_dev *dev,
			uint64_t *bits, unsigned int rounds)
{
	uint8_t *copy = malloc(AREA_SIZE);
	uint64_t dirty = 0;
	uint32_t next = 0;

	start_traffic(dev);
	keep_busy(dev, &next);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	memcpy(copy, dev->ram + AREA, AREA_SIZE);
	while (rounds--) {
		keep_busy(dev, &next);
		dirty += copy_dirty(dev, bits, copy);
	}
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL));
	copy_dirty(dev, bits, copy);
	EXPECT_TRUE(area_is_clean(dev, bits));
	EXPECT_EQ(0, memcmp(copy, dev->ram + AREA, AREA_SIZE));
	EXPECT_LT(100, dirty);
	EXPECT_LT(20, next);
	EXPECT_LT(20, vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ));
	free(copy);
}

TEST_F_TIMEOUT(log, leads_to_an_identical_copy, 120)
{
	copy_rounds(_metadata, &self->dev, self->bits, 300);
}

#define LUMP	(64u * 1024)

/* In a large page, where the device writes that much in one go. */
static uint8_t *map_large(struct vt_dev *dev, uint64_t iova)
{
	uint8_t *va = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	va = (uint8_t *)(((uintptr_t)va + 2 * MIB - 1) & ~(2 * MIB - 1));
	if (madvise(va, 2 * MIB, MADV_HUGEPAGE))
		return NULL;
	memset(va, 0, 2 * MIB);
	return vt_map(dev, va, iova, 2 * MIB, true) ? NULL : va;
}

/* One descriptor for each lump, and no lump twice. */
static void fill_lumps(struct vt_dev *dev, uint64_t iova, uint32_t round)
{
	unsigned int i;

	for (i = 0; i < RING; i++) {
		describe_fill(dev, i, iova + i * LUMP, LUMP);
		((struct mock_vfio_desc *)dev->ram)[i].pattern ^= htole64(round);
	}
	vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, (round + 1) * RING);
}

/*
 * A page that is named before it is written is copied too early, and nobody
 * comes back for it: each write of a round is the last one to its pages.  The
 * status in the ring says when it is over without waiting for the device.
 */
TEST_F_TIMEOUT(log, names_a_page_after_it_was_written, 120)
{
	struct vt_dev *dev = &self->dev;
	const volatile struct mock_vfio_desc *ring =
		(struct mock_vfio_desc *)dev->ram;
	uint8_t *ram = map_large(dev, TIB), *copy = calloc(1, RING * LUMP);
	unsigned int round, page, wrong = 0;
	bool done;

	ASSERT_NE(NULL, ram);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, TIB, RING * LUMP));
	for (round = 0; round < 100; round++) {
		fill_lumps(dev, TIB, round);
		do {
			done = le32toh(ring[RING - 1].status) !=
			       MOCK_VFIO_DMA_PENDING;
			memset(self->bits, 0, sizeof(self->bits));
			ASSERT_EQ(0, log_report(dev, TIB, RING * LUMP, VT_PAGE,
						self->bits));
			for (page = 0; page < RING * LUMP / VT_PAGE; page++)
				if (log_bit(self->bits, page))
					memcpy(copy + page * VT_PAGE,
					       ram + page * VT_PAGE, VT_PAGE);
		} while (!done);
		wrong += !!memcmp(copy, ram, RING * LUMP);
	}
	EXPECT_EQ(0, wrong);
	free(copy);
}

/* --- without memory ------------------------------------------------------------ */

#define FAULT	"/sys/kernel/debug/failslab/"

/* Allocations of the log fail, with this probability, and no others. */
static bool starve(const char *percent)
{
	return !vt_try_write_file(FAULT "cache-filter", "Y") &&
	       !vt_try_write_file(FAULT "task-filter", "N") &&
	       !vt_try_write_file(FAULT "verbose", "0") &&
	       !vt_try_write_file(FAULT "interval", "1") &&
	       !vt_try_write_file(FAULT "times", "-1") &&
	       !vt_try_write_file("/sys/kernel/slab/" CACHE "/failslab", "1") &&
	       !vt_try_write_file(FAULT "probability", percent);
}

static void feed(void)
{
	vt_write_file(FAULT "probability", "0");
	vt_write_file("/sys/kernel/slab/" CACHE "/failslab", "0");
	vt_write_file(FAULT "cache-filter", "N");
}

TEST_F(log, loses_nothing_without_memory)
{
	struct vt_dev *dev = &self->dev;
	uint64_t n;

	if (access(FAULT, F_OK))
		SKIP(return, "this kernel has no fault injection");
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, 0, TIB));
	ASSERT_TRUE(starve("100"));
	dma_write(dev, AREA_IOVA + 300 * VT_PAGE, 5 * VT_PAGE);
	EXPECT_EQ(0, report_area(dev, self->bits));
	feed();
	for (n = 300; n < 305; n++)
		EXPECT_TRUE(log_bit(self->bits, n));
	/* More than was written; it stays so unless all of it is asked for. */
	EXPECT_TRUE(area_is(dev, self->bits, 0, AREA_PAGES));
	memset(self->bits, 0, sizeof(self->bits));
	EXPECT_EQ(0, log_report(dev, 64 * GIB, MIB, VT_PAGE, self->bits));
	EXPECT_EQ(0, log_count(self->bits, 256));
	ASSERT_EQ(0, log_stop(dev));
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, AREA_IOVA, AREA_SIZE));
	ASSERT_TRUE(starve("100"));
	dma_write(dev, AREA_IOVA + 300 * VT_PAGE, 5 * VT_PAGE);
	feed();
	EXPECT_TRUE(area_is(dev, self->bits, 0, AREA_PAGES));
	EXPECT_TRUE(area_is_clean(dev, self->bits));
	dma_write(dev, AREA_IOVA + 300 * VT_PAGE, 5 * VT_PAGE);
	EXPECT_TRUE(area_is(dev, self->bits, 300, 5));
}

TEST_F_TIMEOUT(log, leads_to_an_identical_copy_without_memory, 120)
{
	if (access(FAULT, F_OK))
		SKIP(return, "this kernel has no fault injection");
	ASSERT_TRUE(starve("100"));
	copy_rounds(_metadata, &self->dev, self->bits, 100);
	feed();
}

/* --- anything ------------------------------------------------------------------- */

/**
 * struct model - what the log should say, in 4 KiB pages of the guest's memory
 * @shift: of its own page size
 * @watched: the page is in a range
 * @dirty: log page that it is in is
 */
struct model {
	unsigned int shift;
	bool watched[VT_RAM_SIZE / VT_PAGE];
	bool dirty[(VT_RAM_IOVA + VT_RAM_SIZE) / VT_PAGE];
};

static const uint64_t base = VT_RAM_IOVA / VT_PAGE;
#define PAGES	(VT_RAM_SIZE / VT_PAGE)

static uint64_t log_page(const struct model *m, uint64_t page)
{
	return ((base + page) * VT_PAGE) >> m->shift;
}

static void model_write(struct model *m, uint64_t page, uint64_t n)
{
	for (; n; page++, n--)
		if (m->watched[page])
			m->dirty[log_page(m, page)] = true;
}

/* Is each watched part of a log page in what was asked for? */
static bool model_all_asked(const struct model *m, uint64_t lp, uint64_t first,
			    uint64_t n)
{
	uint64_t page;

	for (page = 0; page < PAGES; page++)
		if (m->watched[page] && log_page(m, page) == lp &&
		    (page < first || page >= first + n))
			return false;
	return true;
}

static bool model_agrees(struct model *m, const uint64_t *bits, uint64_t first,
			 uint64_t n)
{
	uint64_t i, lp;

	for (i = 0; i < n; i++)
		if (log_bit(bits, i) != m->dirty[log_page(m, first + i)])
			return false;
	for (lp = log_page(m, first); lp <= log_page(m, first + n - 1); lp++)
		if (model_all_asked(m, lp, first, n))
			m->dirty[lp] = false;
	return true;
}

static unsigned int random_ranges(struct model *m, log_range *ranges)
{
	uint64_t page = 1 + rand() % 32, len;
	unsigned int n;

	for (n = 0; n < DEVICE_RANGES && page < PAGES; n++) {
		len = 1 + rand() % 64;
		if (len > PAGES - page)
			len = PAGES - page;
		ranges[n] = (log_range) { .iova = VT_RAM_IOVA + page * VT_PAGE,
					  .length = len * VT_PAGE };
		memset(m->watched + page, true, len);
		page += len + rand() % 16;
	}
	return n;
}

static void random_step(struct __test_metadata *_metadata, struct vt_dev *dev,
			struct model *m, uint64_t *bits)
{
	const uint64_t first = 16 + rand() % (PAGES - 16);
	uint64_t n = 1 + rand() % 48, i;

	if (n > PAGES - first)
		n = PAGES - first;
	if (rand() % 3) {
		ASSERT_EQ(MOCK_VFIO_DMA_OK,
			  dma_write(dev, VT_RAM_IOVA + first * VT_PAGE,
				    n * VT_PAGE));
		model_write(m, first, n);
		model_write(m, 0, 1);
		return;
	}
	for (i = 0; i < n && m->watched[first + i]; i++)
		;
	memset(bits, 0, VT_RAM_SIZE / VT_PAGE / 8);
	ASSERT_EQ(i < n ? -EINVAL : 0,
		  log_report(dev, VT_RAM_IOVA + first * VT_PAGE, n * VT_PAGE,
			     VT_PAGE, bits));
	if (i == n)
		ASSERT_TRUE(model_agrees(m, bits, first, n));
}

TEST_F_TIMEOUT(log, is_what_a_simple_model_says, 120)
{
	static const unsigned int shifts[] = { 12, 16, 21 };
	struct vt_dev *dev = &self->dev;
	const unsigned int seed = getpid();
	log_range ranges[DEVICE_RANGES];
	struct model *m = malloc(sizeof(*m));
	uint64_t size;
	unsigned int round, i, n;

	TH_LOG("seed %u", seed);
	srand(seed);
	for (round = 0; round < 12; round++) {
		memset(m, 0, sizeof(*m));
		m->shift = shifts[round % 3];
		n = random_ranges(m, ranges);
		size = VT_PAGE;
		if (round % 3) {	/* one range, as large pages want it */
			memset(m->watched, false, sizeof(m->watched));
			ranges[0].iova = VT_RAM_IOVA + MIB;
			ranges[0].length = 2 * MIB;
			memset(m->watched + 256, true, 512);
			size = 1ull << m->shift;
			n = 1;
		}
		ASSERT_EQ(0, log_start(dev, &size, ranges, n));
		ASSERT_EQ(1ull << m->shift, size);
		for (i = 0; i < 120; i++)
			random_step(_metadata, dev, m, self->bits);
		ASSERT_EQ(0, log_stop(dev));
	}
	free(m);
}

TEST_HARNESS_MAIN
