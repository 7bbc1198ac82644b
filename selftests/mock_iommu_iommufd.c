// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tests of mock_iommu.c on a function that was opened through iommufd, and
 * what only that can: dirty tracking, and memory that is given as a file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/vt.h"

static __attribute__((constructor)) void need_iommufd(void)
{
	if (vt_has_backend(VT_IOMMUFD))
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel is built without iommufd\n");
	exit(4);
}

#define MOCK_BACKEND	VT_IOMMUFD
#define MOCK_NO_MAIN
#define MOCK_NO_PEERS
#include "mock_iommu.c"

#define PAGES		(VT_RAM_SIZE / VT_PAGE)

/* ram is replaced by memory whose pages are no two together, so none is large. */
FIXTURE(dirty) {
	struct vt_dev dev;
	uint32_t hwpt;
};

static uint32_t hwpt_alloc(struct vt_dev *dev, uint32_t flags)
{
	struct vfm_iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc), .flags = flags, .dev_id = dev->devid,
		.pt_id = dev->ioas,
	};

	errno = 0;
	if (ioctl(dev->container, VFM_IOMMU_HWPT_ALLOC, &alloc))
		return 0;
	return alloc.out_hwpt_id;
}

static int hwpt_attach(struct vt_dev *dev, uint32_t hwpt)
{
	struct vfm_attach_iommufd_pt attach = {
		.argsz = sizeof(attach), .pt_id = hwpt,
	};

	return ioctl(dev->fd, VFM_DEVICE_ATTACH_IOMMUFD_PT, &attach) ? -errno : 0;
}

static int track(struct vt_dev *dev, uint32_t hwpt, bool on)
{
	struct vfm_iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set), .hwpt_id = hwpt,
		.flags = on ? VFM_HWPT_DIRTY_TRACKING_ENABLE : 0,
	};

	return ioctl(dev->container, VFM_IOMMU_HWPT_SET_DIRTY, &set) ? -errno : 0;
}

static int get_dirty(struct vt_dev *dev, uint32_t hwpt, uint64_t iova,
		     uint64_t length, uint64_t page_size, bool clear, void *bits)
{
	struct vfm_iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get), .hwpt_id = hwpt,
		.flags = clear ? 0 : VFM_HWPT_GET_DIRTY_NO_CLEAR,
		.iova = iova, .length = length, .page_size = page_size,
		.data = (uintptr_t)bits,
	};
	const uint64_t bytes = (length / page_size + 63) / 64 * 8;

	memset(bits, 0, bytes);
	return ioctl(dev->container, VFM_IOMMU_HWPT_GET_DIRTY, &get) ? -errno : 0;
}

static bool bit(const uint64_t *bits, uint64_t n)
{
	return bits[n / 64] >> n % 64 & 1;
}

static unsigned int count_bits(const uint64_t *bits, uint64_t n)
{
	unsigned int count = 0;

	while (n--)
		count += bit(bits, n);
	return count;
}

FIXTURE_SETUP(dirty)
{
	struct vt_dev *dev = &self->dev;
	int i;

	vt_open(dev, 0, VT_IOMMUFD);
	ASSERT_EQ(0, vt_unmap(dev, VT_RAM_IOVA, VT_RAM_SIZE));
	munmap(dev->ram, VT_RAM_SIZE);
	dev->ram = mmap(NULL, VT_RAM_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = PAGES - 1; i >= 0; i -= 2)
		dev->ram[i * VT_PAGE] = 0;
	ASSERT_EQ(0, vt_map(dev, dev->ram, VT_RAM_IOVA, VT_RAM_SIZE, true));
	self->hwpt = hwpt_alloc(dev, VFM_HWPT_ALLOC_DIRTY_TRACKING);
	ASSERT_NE(0, self->hwpt);
	ASSERT_EQ(0, hwpt_attach(dev, self->hwpt));
	vt_ring_start(dev, RING);
	ASSERT_EQ(0, track(dev, self->hwpt, true));
}

FIXTURE_TEARDOWN(dirty)
{
	vt_close(&self->dev);
}

/* All of ram, by 4 KiB. */
static int ram_dirty(struct vt_dev *dev, uint32_t hwpt, bool clear,
		     uint64_t *bits)
{
	return get_dirty(dev, hwpt, VT_RAM_IOVA, VT_RAM_SIZE, VT_PAGE, clear, bits);
}

/* Page 0 has the ring, in which the device writes statuses. */
TEST_F(dirty, exactly_the_pages_that_were_written)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bits[PAGES / 64], want[PAGES / 64] = { 1 };
	unsigned int i, n;

	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
	EXPECT_EQ(0, count_bits(bits, PAGES));
	srandom(7);
	for (i = 0; i < 100; i++) {
		n = 16 + random() % (PAGES - 17);
		ASSERT_EQ(MOCK_VFIO_DMA_OK,
			  submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
				 VT_RAM_IOVA + n * VT_PAGE + 4090, i % 3 ? 6 : 7, i));
		want[n / 64] |= 1ull << n % 64;
		if (i % 3 == 0)
			want[(n + 1) / 64] |= 1ull << (n + 1) % 64;
	}
	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
	EXPECT_EQ(0, memcmp(want, bits, sizeof(bits)));
	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
	EXPECT_EQ(0, count_bits(bits, PAGES));
}

TEST_F(dirty, reading_a_page_is_no_write)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bits[PAGES / 64];

	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_TO_DEVICE, GUEST, 0,
					   10 * VT_PAGE, 0));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_DIGEST_GUEST, GUEST, 0,
					   10 * VT_PAGE, 0));
	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
	EXPECT_EQ(1, count_bits(bits, PAGES));
	EXPECT_TRUE(bit(bits, 0));
}

TEST_F(dirty, without_clearing_it_stays_and_after_it_is_dirtied_again)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bits[PAGES / 64];
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
						   GUEST, 1, i));
		ASSERT_EQ(0, ram_dirty(dev, self->hwpt, false, bits));
		EXPECT_EQ(2, count_bits(bits, PAGES));
		EXPECT_TRUE(bit(bits, 16));
		ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
		EXPECT_TRUE(bit(bits, 16));
		ASSERT_EQ(0, ram_dirty(dev, self->hwpt, false, bits));
		EXPECT_EQ(0, count_bits(bits, PAGES));
	}
}

TEST_F(dirty, bits_for_larger_pages_say_that_any_of_them_is)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bits[PAGES / 64];

	submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0, VT_RAM_IOVA + 37 * VT_PAGE, 1, 0);
	submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0, VT_RAM_IOVA + 1000 * VT_PAGE, 1, 0);
	ASSERT_EQ(0, get_dirty(dev, self->hwpt, VT_RAM_IOVA, VT_RAM_SIZE, 64 * KIB,
			       false, bits));
	EXPECT_EQ(1 | 1 << 2 | 1ull << 1000 / 16, bits[0]);
	ASSERT_EQ(0, get_dirty(dev, self->hwpt, VT_RAM_IOVA, VT_RAM_SIZE, MIB,
			       false, bits));
	EXPECT_EQ(1 | 1 << 3, bits[0]);
	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, false, bits));
	EXPECT_EQ(3, count_bits(bits, PAGES));
}

TEST_F(dirty, tracking_begins_clean_and_ends)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bits[PAGES / 64];

	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
					   GUEST, 1, 0));
	ASSERT_EQ(0, track(dev, self->hwpt, false));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
					   GUEST + 4096, 1, 0));
	ASSERT_EQ(0, track(dev, self->hwpt, true));
	ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
	EXPECT_EQ(0, count_bits(bits, PAGES));
}

/* One bit for all of it; a part of it that is asked for alone loses nothing. */
TEST_F(dirty, a_large_page_is_dirty_as_a_whole)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *huge = huge_2m(4 * MIB);
	uint64_t bits[1024 / 64];

	if (!huge)
		SKIP(return, "no pages of 2 MiB");
	ASSERT_EQ(0, vt_map(dev, huge, HUGE_IOVA, 4 * MIB, true));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
					   HUGE_IOVA + 3 * MIB, 1, 1));
	ASSERT_EQ(0, get_dirty(dev, self->hwpt, HUGE_IOVA + 2 * MIB, MIB, VT_PAGE,
			       true, bits));
	EXPECT_EQ(256, count_bits(bits, 256));
	ASSERT_EQ(0, get_dirty(dev, self->hwpt, HUGE_IOVA, 4 * MIB, VT_PAGE, true,
			       bits));
	EXPECT_EQ(512, count_bits(bits, 1024));
	EXPECT_TRUE(bit(bits, 512));
	ASSERT_EQ(0, get_dirty(dev, self->hwpt, HUGE_IOVA, 4 * MIB, 2 * MIB, true,
			       bits));
	EXPECT_EQ(0, bits[0] & 3);
	munmap(huge, 4 * MIB);
}

/* 512 mappings of one large page, side by side, at the begin of a TiB. */
TEST_F_TIMEOUT(dirty, a_terabyte_with_little_in_it_is_read_quickly, 60)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *huge = huge_2m(2 * MIB);
	uint64_t *bits = calloc(1, TIB / (2 * MIB) / 8);
	struct timespec begin, end;
	unsigned int i;

	if (!huge)
		SKIP(return, "no pages of 2 MiB");
	for (i = 0; i < 512; i++)
		ASSERT_EQ(0, vt_map(dev, huge, HUGE_IOVA + i * 2 * MIB, 2 * MIB, true));
	submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0, HUGE_IOVA + 77 * 2 * MIB + 5, 1, 1);
	submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0, HUGE_IOVA + 511 * 2 * MIB, 1, 1);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	get_dirty(dev, self->hwpt, HUGE_IOVA, TIB, 2 * MIB, true, bits);
	clock_gettime(CLOCK_MONOTONIC, &end);
	EXPECT_EQ(2, count_bits(bits, TIB / (2 * MIB)));
	EXPECT_TRUE(bit(bits, 77));
	EXPECT_TRUE(bit(bits, 511));
	EXPECT_GT(2, end.tv_sec - begin.tv_sec);
	free(bits);
	munmap(huge, 2 * MIB);
}

/* Copy to the mirror what is reported; at the end both must be equal. */
static void copy_dirty(const uint8_t *ram, uint8_t *mirror, const uint64_t *bits)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (bit(bits, i))
			memcpy(mirror + i * VT_PAGE, ram + i * VT_PAGE, VT_PAGE);
}

/* Copies of copies of what changes, so that most writes change something. */
static void busy_ring(struct vt_dev *dev)
{
	struct mock_vfio_desc *desc;
	uint32_t i;

	for (i = 0; i < RING; i++) {
		desc = vt_desc(dev, i);
		desc->op = htole32(i % 4 ? MOCK_VFIO_OP_COPY : MOCK_VFIO_OP_TO_GUEST);
		desc->length = htole32(40 * VT_PAGE + i);
		desc->src = htole64(i % 4 ? GUEST + (i - 1) * 50 * VT_PAGE : 0);
		desc->dst = htole64(GUEST + i * 50 * VT_PAGE + 100 + i);
	}
}

TEST_F_TIMEOUT(dirty, no_write_is_ever_missed, 120)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *mirror = malloc(VT_RAM_SIZE);
	uint64_t bits[PAGES / 64];
	unsigned int round, i, reported = 0;

	busy_ring(dev);
	memcpy(mirror, dev->ram, VT_RAM_SIZE);
	for (round = 0; round < 60; round++) {
		for (i = 0; i < 10; i++) {
			memset(dev->mem, round * 10 + i, 64 * VT_PAGE);
			vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL,
				   vt_read32(dev, MOCK_VFIO_REG_DMA_HEAD) + RING);
			ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
			copy_dirty(dev->ram, mirror, bits);
		}
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING_P2P, NULL));
		ASSERT_EQ(0, ram_dirty(dev, self->hwpt, true, bits));
		copy_dirty(dev->ram, mirror, bits);
		reported += count_bits(bits, PAGES);
		ASSERT_EQ(0, memcmp(dev->ram, mirror, VT_RAM_SIZE));
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	}
	EXPECT_LT(0, reported);
	free(mirror);
}

TEST_F(dirty, only_what_is_offered_can_be_asked_for)
{
	struct vt_dev *dev = &self->dev;
	uint32_t plain = hwpt_alloc(dev, 0);
	uint64_t bits[PAGES / 64];

	ASSERT_NE(0, plain);
	EXPECT_EQ(-EOPNOTSUPP, track(dev, plain, true));
	EXPECT_EQ(-EOPNOTSUPP, ram_dirty(dev, plain, true, bits));
	EXPECT_EQ(0, hwpt_alloc(dev, VFM_HWPT_ALLOC_NEST_PARENT));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(0, hwpt_alloc(dev, VFM_HWPT_ALLOC_DIRTY_TRACKING |
				VFM_HWPT_ALLOC_NEST_PARENT));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

TEST_F(iommu, a_file_can_be_the_memory)
{
	struct vt_dev *dev = &self->dev;
	struct vfm_iommu_ioas_map_file map = {
		.size = sizeof(map), .ioas_id = dev->ioas,
		.flags = VFM_IOMMU_MAP_FIXED_IOVA | VFM_IOMMU_MAP_READABLE |
			 VFM_IOMMU_MAP_WRITEABLE,
		.start = VT_PAGE, .length = MIB, .iova = TIB,
	};
	char word[8];

	map.fd = memfd_create("ram", 0);
	ASSERT_EQ(0, ftruncate(map.fd, 4 * MIB));
	ASSERT_EQ(8, pwrite(map.fd, "original", 8, VT_PAGE));
	ASSERT_EQ(0, ioctl(dev->container, VFM_IOMMU_IOAS_MAP_FILE, &map));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_COPY, TIB,
					   TIB + 0x8000, 8, 0));
	ASSERT_EQ(8, pread(map.fd, word, 8, VT_PAGE + 0x8000));
	EXPECT_EQ(0, memcmp(word, "original", 8));
	close(map.fd);
}

TEST_HARNESS_MAIN
