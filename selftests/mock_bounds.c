// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accesses that no driver makes: every register, every byte of configuration
 * space and every region with all sizes and alignments, over the ends and far
 * beyond, with nonsense written everywhere.  The device survives, and works.
 * The nonsense comes from a seed that is printed; VT_SEED repeats it.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

static const unsigned int sizes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 16, 64 };

#define NR_SIZES	(sizeof(sizes) / sizeof(*sizes))
#define SMALL		64

FIXTURE(bounds) {
	struct vt_dev dev;
	unsigned int seed;
};

FIXTURE_SETUP(bounds)
{
	const char *env = getenv("VT_SEED");

	self->seed = env ? strtoul(env, NULL, 0) : (unsigned int)time(NULL);
	vt_open(&self->dev, 0, VT_LEGACY);
}

FIXTURE_TEARDOWN(bounds)
{
	vt_close(&self->dev);
}

static uint64_t region(unsigned int index)
{
	return (uint64_t)index << 40;
}

static bool recovers(struct vt_dev *dev)
{
	if (vt_set_power(dev, 0) || vt_reset(dev))
		return false;
	vt_enable(dev, true);
	return vt_get_state(dev) == VFIO_DEVICE_STATE_RUNNING && vt_works(dev);
}

/* Bytes of [at, at + len) that are inside of size. */
static ssize_t inside(uint64_t at, size_t len, uint64_t size)
{
	if (at >= size)
		return -1;
	return len < size - at ? len : size - at;
}

/* A read of any shape shows the bytes that reads of four show. */
TEST_F_TIMEOUT(bounds, registers_can_be_read_in_every_way, 200)
{
	struct vt_dev *dev = &self->dev;
	uint8_t all[MOCK_VFIO_REGS_SIZE + SMALL], data[SMALL];
	unsigned int at, i;

	vt_pattern(dev, 12345);
	for (at = 0; at < MOCK_VFIO_REGS_SIZE; at += 4)
		ASSERT_EQ(4, pread(dev->fd, all + at, 4, at));
	for (at = 0; at < MOCK_VFIO_REGS_SIZE + SMALL; at++) {
		/* past the registers there is nothing that differs */
		if (at > 0x200 && at < MOCK_VFIO_REGS_SIZE - 80)
			continue;
		for (i = 0; i < NR_SIZES; i++) {
			const ssize_t n = inside(at, sizes[i], MOCK_VFIO_REGS_SIZE);

			ASSERT_EQ(n, pread(dev->fd, data, sizes[i], at))
				TH_LOG("0x%x, %u bytes", at, sizes[i]);
			if (n > 0)
				ASSERT_EQ(0, memcmp(data, all + at, n))
					TH_LOG("0x%x, %u bytes", at, sizes[i]);
		}
	}
}

static void random_bytes(uint8_t *data, size_t len, unsigned int *seed)
{
	while (len--)
		data[len] = rand_r(seed) % 4 ? rand_r(seed) : rand_r(seed) % 2 * 255;
}

/* An odd write is refused as a whole, unless it is long: then in its last piece. */
TEST_F_TIMEOUT(bounds, registers_can_be_written_in_every_way, 200)
{
	struct vt_dev *dev = &self->dev;
	unsigned int at, i, offset, seed = self->seed;
	uint8_t data[SMALL];
	ssize_t n;

	TH_LOG("VT_SEED=%u", seed);
	for (offset = 0; offset < MOCK_VFIO_REGS_SIZE + SMALL; offset++) {
		at = offset;
		if (at > 0x200 && at < MOCK_VFIO_REGS_SIZE - 80)
			continue;
		for (i = 0; i < NR_SIZES; i++) {
			random_bytes(data, sizeof(data), &seed);
			n = inside(at, sizes[i], MOCK_VFIO_REGS_SIZE);
			if (n > 0 && ((at | n) & 3))
				n = -1;
			errno = 0;
			ASSERT_EQ(n, pwrite(dev->fd, data, sizes[i], at))
				TH_LOG("0x%x, %u bytes", at, sizes[i]);
			if (n < 0)
				ASSERT_EQ(EINVAL, errno);
		}
	}
	EXPECT_TRUE(recovers(dev));
}

/* Whole configurations of nonsense, with the engine on and bus mastering. */
TEST_F_TIMEOUT(bounds, nonsense_in_all_registers_at_once, 200)
{
	struct vt_dev *dev = &self->dev;
	unsigned int seed = self->seed, round, i;
	uint8_t data[0x200];

	TH_LOG("VT_SEED=%u", seed);
	for (round = 0; round < 100; round++) {
		random_bytes(data, sizeof(data), &seed);
		for (i = 0; i < sizeof(data); i += 4)
			ASSERT_EQ(4, pwrite(dev->fd, data + i, 4, i));
		vt_write32(dev, MOCK_VFIO_REG_DMA_SIZE, 1 << rand_r(&seed) % 17);
		vt_write64(dev, MOCK_VFIO_REG_DMA_RING,
			   round % 2 ? VT_RAM_IOVA + rand_r(&seed) % VT_RAM_SIZE :
				       (uint64_t)rand_r(&seed) << 33);
		vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL, 15);
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE);
		random_bytes(dev->ram, 64 * 256, &seed);
		vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, rand_r(&seed) % 300);
		usleep(1000);
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	}
	EXPECT_TRUE(recovers(dev));
}

TEST_F_TIMEOUT(bounds, device_memory_at_every_alignment_and_over_the_end, 200)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t end = dev->mem_size, bar = region(MOCK_VFIO_BAR_MEM);
	const uint64_t places[] = { 0, VT_PAGE - 70, end / 2 - 70, end - 70 };
	uint8_t out[SMALL], in[SMALL];
	unsigned int seed = self->seed, p, at, i;

	for (p = 0; p < 4; p++) {
		for (at = 0; at < 80; at++) {
			for (i = 0; i < NR_SIZES; i++) {
				const uint64_t pos = places[p] + at;
				const ssize_t n = inside(pos, sizes[i], end);

				random_bytes(out, SMALL, &seed);
				ASSERT_EQ(n, pwrite(dev->fd, out, sizes[i], bar + pos));
				ASSERT_EQ(n, pread(dev->fd, in, sizes[i], bar + pos));
				if (n <= 0)
					continue;
				ASSERT_EQ(0, memcmp(in, out, n));
				ASSERT_EQ(0, memcmp(dev->mem + pos, out, n));
			}
		}
	}
	EXPECT_TRUE(recovers(dev));
}

TEST_F(bounds, lengths_beyond_the_end_are_cut_there)
{
	static const unsigned int bars[] = {
		MOCK_VFIO_BAR_REGS, MOCK_VFIO_BAR_MEM, MOCK_VFIO_BAR_MSIX,
	};
	struct vt_dev *dev = &self->dev;
	const size_t huge = 0x7ffff000;
	struct vfio_region_info info;
	uint8_t *data;
	size_t i;

	data = mmap(NULL, huge, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, data);
	for (i = 0; i < 3; i++) {
		vt_region(dev, bars[i], &info);
		EXPECT_EQ(info.size, pread(dev->fd, data, huge, info.offset));
		EXPECT_EQ(12, pread(dev->fd, data, huge,
				    info.offset + info.size - 12));
		EXPECT_EQ(info.size, pwrite(dev->fd, data, huge, info.offset));
		EXPECT_EQ(12, pwrite(dev->fd, data, huge,
				     info.offset + info.size - 12));
		EXPECT_EQ(0, pread(dev->fd, data, 0, info.offset));
		EXPECT_EQ(0, pwrite(dev->fd, data, 0, info.offset));
	}
	munmap(data, huge);
	EXPECT_TRUE(recovers(dev));
}

TEST_F(bounds, offsets_that_are_no_region_are_refused)
{
	static const uint64_t offsets[] = {
		1ull << 40, 3ull << 40, 5ull << 40, 9ull << 40, 10ull << 40,
		0xffffull << 40, 1ull << 62, (1ull << 63) - 8, 1ull << 63,
		~0ull << 40, ~0ull - 3,
		(1ull << 40) - 4, MOCK_VFIO_REGS_SIZE, 0xffffffff, 1ull << 32,
		(2ull << 40) + (1ull << 39), (4ull << 40) + 4096,
		(4ull << 40) + 0x80000000, (7ull << 40) + 4096,
		(7ull << 40) + 0x100000000,
	};
	struct vt_dev *dev = &self->dev;
	uint8_t data[8] = {};
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		EXPECT_EQ(-1, pread(dev->fd, data, 4, offsets[i]))
			TH_LOG("read 0x%llx", (unsigned long long)offsets[i]);
		EXPECT_EQ(-1, pwrite(dev->fd, data, 4, offsets[i]))
			TH_LOG("write 0x%llx", (unsigned long long)offsets[i]);
	}
	EXPECT_TRUE(recovers(dev));
}

static bool maps(struct vt_dev *dev, uint64_t at, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, dev->fd, at);

	if (p != MAP_FAILED)
		munmap(p, len);
	return p != MAP_FAILED;
}

TEST_F(bounds, mappings_that_are_not_inside_device_memory_are_refused)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t bar = region(MOCK_VFIO_BAR_MEM);
	const size_t size = dev->mem_size;
	unsigned int i;

	EXPECT_TRUE(maps(dev, bar, size));
	EXPECT_TRUE(maps(dev, bar + size - VT_PAGE, VT_PAGE));
	EXPECT_FALSE(maps(dev, bar, size + VT_PAGE));
	EXPECT_FALSE(maps(dev, bar + size, VT_PAGE));
	EXPECT_FALSE(maps(dev, bar + VT_PAGE, size));
	EXPECT_FALSE(maps(dev, bar + (1ull << 40) - VT_PAGE, VT_PAGE));
	EXPECT_FALSE(maps(dev, bar + (1ull << 40) - VT_PAGE, 2 * VT_PAGE));
	EXPECT_FALSE(maps(dev, bar, 1ull << 41));
	EXPECT_FALSE(maps(dev, bar + (1ull << 62), VT_PAGE));
	EXPECT_FALSE(maps(dev, -(uint64_t)VT_PAGE, VT_PAGE));
	for (i = 0; i < 12; i++)
		if (i != MOCK_VFIO_BAR_MEM)
			EXPECT_FALSE(maps(dev, region(i), VT_PAGE));
}

TEST_F_TIMEOUT(bounds, configuration_space_can_be_read_in_every_way, 200)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t cfg = region(VFIO_PCI_CONFIG_REGION_INDEX);
	uint8_t all[4096], data[SMALL];
	unsigned int at, i;
	ssize_t n;

	for (at = 0; at < 4096; at++)
		ASSERT_EQ(1, pread(dev->fd, all + at, 1, cfg + at));
	for (at = 0; at < 4096; at++) {
		if (at > 0x180 && at < 4096 - 80 && at % 61)
			continue;
		for (i = 0; i < NR_SIZES; i++) {
			n = pread(dev->fd, data, sizes[i], cfg + at);
			if (at + sizes[i] > 4096) {
				ASSERT_EQ(-1, n);
				continue;
			}
			ASSERT_EQ(sizes[i], n);
			ASSERT_EQ(0, memcmp(data, all + at, n))
				TH_LOG("0x%x, %u bytes", at, sizes[i]);
		}
	}
}

/* Power state, function level reset, bus mastering, all of it, at any moment. */
TEST_F_TIMEOUT(bounds, nonsense_in_configuration_space, 200)
{
	static const unsigned int widths[] = { 4, 2, 1 };
	struct vt_dev *dev = &self->dev;
	const uint64_t cfg = region(VFIO_PCI_CONFIG_REGION_INDEX);
	unsigned int seed = self->seed, at, i;
	uint8_t data[4];

	TH_LOG("VT_SEED=%u", seed);
	memset(data, 0xff, sizeof(data));
	for (i = 0; i < 3; i++) {
		for (at = 0; at < 0x200; at += widths[i])
			ASSERT_EQ(widths[i], pwrite(dev->fd, data, widths[i], cfg + at))
				TH_LOG("0x%x", at);
		EXPECT_TRUE(recovers(dev));
	}
	for (i = 0; i < 1500; i++) {
		at = rand_r(&seed) % 0x120;
		random_bytes(data, sizeof(data), &seed);
		pwrite(dev->fd, data, 1 + rand_r(&seed) % 4, cfg + at);
	}
	EXPECT_EQ(MOCK_VFIO_VENDOR_ID, vt_cfg_read(dev, PCI_VENDOR_ID, 2));
	EXPECT_TRUE(recovers(dev));
	vt_close(dev);
	vt_open(dev, 0, VT_LEGACY);
	EXPECT_TRUE(vt_works(dev));
}

/* The largest table: its BAR is larger than a page. */
TEST(the_msix_bar_of_2048_vectors_is_read_only)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_MSIX, .msix = 2048,
	};
	static uint8_t before[65536], after[65536], ones[65536];
	struct vfio_region_info info;
	struct vt_dev dev;
	char bdf[32];
	size_t i;

	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	vt_region(&dev, MOCK_VFIO_BAR_MSIX, &info);
	ASSERT_EQ(sizeof(before), info.size);
	ASSERT_EQ(info.size, pread(dev.fd, before, info.size, info.offset));
	for (i = 0; i < 2048; i++)
		ASSERT_EQ(PCI_MSIX_ENTRY_CTRL_MASKBIT, before[16 * i + 12]);
	memset(ones, 0xff, sizeof(ones));
	EXPECT_EQ(info.size, pwrite(dev.fd, ones, info.size, info.offset));
	EXPECT_EQ(3, pwrite(dev.fd, ones, 3, info.offset + 2047 * 16 + 11));
	ASSERT_EQ(info.size, pread(dev.fd, after, info.size, info.offset));
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
	vt_close(&dev);
	vt_fn_del(bdf);
}

TEST_HARNESS_MAIN
