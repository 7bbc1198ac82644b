// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The software IOMMU: what its tables cost, page sizes, unmapping under DMA,
 * faults, and DMA into another function's memory.  By containers here;
 * mock_iommu_iommufd.c takes the tests of what does not depend on that.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#ifndef MOCK_BACKEND
#define MOCK_BACKEND	VT_LEGACY
#endif

#define KIB		1024ull
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define TIB		(1024 * GIB)
#define HUGE_IOVA	(2 * TIB)
#define RING		16u

#define GUEST		(VT_RAM_IOVA + 0x10000)
#define GUEST_PTR(dev)	((dev)->ram + 0x10000)

static uint32_t submit(struct vt_dev *dev, uint32_t op, uint64_t src,
		       uint64_t dst, uint32_t length, uint64_t pattern)
{
	const uint32_t n = vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL) % RING;
	struct mock_vfio_desc *desc = vt_desc(dev, n);

	desc->op = htole32(op);
	desc->length = htole32(length);
	desc->src = htole64(src);
	desc->dst = htole64(dst);
	desc->pattern = htole64(pattern);
	return vt_submit(dev, 1);
}

/* A number in a file of "name number" lines, -1 if it is not there. */
static long long number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	char word[128];
	long long val, found = -1;

	while (f && fscanf(f, "%127s %lld", word, &val) == 2)
		if (!strcmp(word, name))
			found = val;
	if (f)
		fclose(f);
	return found;
}

/* Pages of all I/O page tables; exact, for the CPUs' shares are added up. */
static long long table_pages(void)
{
	vt_try_write_file("/proc/sys/vm/stat_refresh", "1");
	return number_in("/proc/vmstat", "nr_iommu_pages");
}

FIXTURE(iommu) {
	struct vt_dev dev;
};

FIXTURE_SETUP(iommu)
{
	vt_open(&self->dev, 0, MOCK_BACKEND);
	vt_ring_start(&self->dev, RING);
}

FIXTURE_TEARDOWN(iommu)
{
	vt_close(&self->dev);
}

/* 4 KiB at each GiB of a TiB: two tables each, and one for each 512 GiB. */
TEST_F_TIMEOUT(iommu, tables_go_with_what_they_map, 120)
{
	uint8_t *page = self->dev.ram;
	const long long before = table_pages();
	unsigned int round, i;

	ASSERT_LT(0, before);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 1024; i++)
			ASSERT_EQ(0, vt_map(&self->dev, page, TIB + i * GIB,
					    VT_PAGE, true));
		EXPECT_EQ(2 * 1024 + 2, table_pages() - before);
		for (i = 0; i < 1024; i++)
			ASSERT_EQ(0, vt_unmap(&self->dev, TIB + i * GIB, VT_PAGE));
		ASSERT_EQ(before, table_pages());
	}
}

/* One call for all of it, most of which is not mapped. */
TEST_F(iommu, a_large_range_with_little_in_it_is_unmapped_at_once)
{
	const long long before = table_pages();
	unsigned int i;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, vt_map(&self->dev, self->dev.ram,
				    TIB + i * 16 * GIB + i * 3 * VT_PAGE,
				    VT_PAGE, true));
	ASSERT_EQ(0, vt_unmap(&self->dev, TIB, TIB));
	EXPECT_EQ(before, table_pages());
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT,
		  submit(&self->dev, MOCK_VFIO_OP_FILL_GUEST, 0,
			 TIB + 16 * GIB + 3 * VT_PAGE, 1, 0));
}

TEST_F(iommu, what_is_unmapped_can_be_mapped_otherwise)
{
	struct vt_dev *dev = &self->dev;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vt_map(dev, dev->ram + i * VT_PAGE, TIB, VT_PAGE, true));
		ASSERT_EQ(MOCK_VFIO_DMA_OK,
			  submit(dev, MOCK_VFIO_OP_TO_GUEST, 0, TIB + 64 * RING, 8, 0));
		ASSERT_EQ(0, vt_unmap(dev, TIB, VT_PAGE));
		ASSERT_EQ(0, vt_map(dev, dev->ram, TIB, 4 * MIB, true));
		ASSERT_EQ(MOCK_VFIO_DMA_OK,
			  submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0, TIB + 3 * MIB, 8, i));
		EXPECT_EQ(i, dev->ram[3 * MIB]);
		ASSERT_EQ(0, vt_unmap(dev, TIB, 4 * MIB));
	}
}

static uint8_t *huge_pages(size_t size, int shift)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED |
		       MAP_ANONYMOUS | MAP_HUGETLB | shift << MAP_HUGE_SHIFT, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	memset(p, 0, size);
	return p;
}

static uint8_t *huge_2m(size_t size)
{
	vt_try_write_file("/proc/sys/vm/nr_hugepages", "16");
	return huge_pages(size, 21);
}

TEST_F(iommu, large_pages_need_no_small_tables)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *huge = huge_2m(8 * MIB);
	const long long before = table_pages();

	if (!huge)
		SKIP(return, "no pages of 2 MiB");
	ASSERT_EQ(0, vt_map(dev, huge, HUGE_IOVA, 8 * MIB, true));
	EXPECT_EQ(2, table_pages() - before);
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
			 HUGE_IOVA + 2 * MIB - 3, 4 * MIB + 6, ~0ull));
	EXPECT_EQ(0, huge[2 * MIB - 4]);
	EXPECT_EQ(0xff, huge[2 * MIB - 3]);
	EXPECT_EQ(0xff, huge[6 * MIB + 2]);
	EXPECT_EQ(0, huge[6 * MIB + 3]);
	ASSERT_EQ(0, vt_unmap(dev, HUGE_IOVA, 8 * MIB));
	EXPECT_EQ(before, table_pages());
	munmap(huge, 8 * MIB);
}

TEST_F(iommu, a_page_of_a_gigabyte_needs_one_table)
{
	struct vt_dev *dev = &self->dev;
	const long long before = table_pages();
	uint8_t *huge;

	/* The test host sets one aside while it boots; later there is none. */
	huge = huge_pages(GIB, 30);
	if (!huge)
		SKIP(return, "no page of 1 GiB");
	ASSERT_EQ(0, vt_map(dev, huge, HUGE_IOVA, GIB, true));
	EXPECT_EQ(1, table_pages() - before);
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
			 HUGE_IOVA + GIB - 8, 8, 0x1122334455667788ull));
	EXPECT_EQ(0x88, huge[GIB - 8]);
	ASSERT_EQ(0, vt_unmap(dev, HUGE_IOVA, GIB));
	EXPECT_EQ(before, table_pages());
	munmap(huge, GIB);
}

TEST_F(iommu, large_pages_can_be_read_only)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *huge = huge_2m(2 * MIB);

	if (!huge)
		SKIP(return, "no pages of 2 MiB");
	huge[MIB] = 42;
	ASSERT_EQ(0, vt_map(dev, huge, HUGE_IOVA, 2 * MIB, false));
	EXPECT_EQ(MOCK_VFIO_DMA_OK, submit(dev, MOCK_VFIO_OP_TO_DEVICE,
					   HUGE_IOVA + MIB, 0, 1, 0));
	EXPECT_EQ(42, dev->mem[0]);
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, submit(dev, MOCK_VFIO_OP_FILL_GUEST, 0,
					      HUGE_IOVA + MIB, 1, 1));
	EXPECT_EQ(42, huge[MIB]);
	ASSERT_EQ(0, vt_unmap(dev, HUGE_IOVA, 2 * MIB));
	munmap(huge, 2 * MIB);
}

/* Long descriptors, one after the other, as fast as they go and without end. */
static void start_writing(struct vt_dev *dev, uint64_t iova, uint32_t length)
{
	struct mock_vfio_desc *desc;
	uint32_t i;

	memset(dev->ram + MIB, 0xff, length);
	vt_ring_start(dev, RING);
	for (i = 0; i < RING; i++) {
		desc = vt_desc(dev, i);
		desc->op = htole32(MOCK_VFIO_OP_COPY);
		desc->length = htole32(length);
		desc->src = htole64(VT_RAM_IOVA + MIB);
		desc->dst = htole64(iova);
	}
	vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, 1u << 24);
}

static bool is_zero(const uint8_t *p, size_t size)
{
	return !p[0] && !memcmp(p, p + 1, size - 1);
}

/*
 * The engine is at the end of the mapping, which goes last: an unmap that does not
 * wait for it returns while it writes.
 */
static void unmap_while_writing(struct __test_metadata *_metadata,
				struct vt_dev *dev, uint8_t *mem, size_t size)
{
	const size_t tail = 64 * KIB;
	uint8_t *end = mem + size - tail;
	unsigned int round, busy = 0;

	for (round = 0; round < 100; round++) {
		ASSERT_EQ(0, vt_map(dev, mem, HUGE_IOVA, size, true));
		start_writing(dev, HUGE_IOVA + size - tail, tail);
		while (!*(volatile uint8_t *)end)
			;
		ASSERT_EQ(0, vt_unmap(dev, HUGE_IOVA, size));
		memset(end, 0, tail);
		busy += vt_read32(dev, MOCK_VFIO_REG_STATUS) &
			MOCK_VFIO_STATUS_DMA_BUSY;
		usleep(500);
		EXPECT_TRUE(is_zero(end, tail));
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	}
	EXPECT_LT(0, busy);
}

TEST_F_TIMEOUT(iommu, after_an_unmap_no_dma_comes_through, 120)
{
	uint8_t *mem = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	unmap_while_writing(_metadata, &self->dev, mem, MIB);
	munmap(mem, MIB);
}

TEST_F_TIMEOUT(iommu, after_an_unmap_no_dma_comes_through_large_pages, 120)
{
	uint8_t *mem = huge_2m(8 * MIB);

	if (!mem)
		SKIP(return, "no pages of 2 MiB");
	unmap_while_writing(_metadata, &self->dev, mem, 8 * MIB);
	munmap(mem, 8 * MIB);
}

TEST_F(iommu, a_fault_names_its_address_and_what_came_before_is_done)
{
	struct vt_dev *dev = &self->dev;
	uint64_t bytes;

	ASSERT_EQ(0, vt_map(dev, dev->ram + MIB, TIB, VT_PAGE, true));
	memset(dev->mem, 7, 300);
	bytes = vt_read64(dev, MOCK_VFIO_REG_DMA_BYTES);
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, submit(dev, MOCK_VFIO_OP_TO_GUEST, 0,
					      TIB + 4000, 200, 0));
	EXPECT_EQ(1, vt_read32(dev, MOCK_VFIO_REG_DMA_FAULTS));
	EXPECT_EQ(TIB + VT_PAGE, vt_read64(dev, MOCK_VFIO_REG_DMA_FAULT_IOVA));
	EXPECT_EQ(7, dev->ram[MIB + 4095]);
	EXPECT_EQ(0, dev->ram[MIB + 3999]);
	/* The descriptor, what was moved, the result, the status. */
	EXPECT_EQ(64 + 96 + 8 + 4,
		  vt_read64(dev, MOCK_VFIO_REG_DMA_BYTES) - bytes);
}

static bool read_contains(int fd, const char *text)
{
	static char buf[1 << 16];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0) {
		buf[len + n] = '\0';
		if (strstr(buf + len, text))
			return true;
	}
	return false;
}

/* The line is rate-limited: another test may have used up what is allowed. */
TEST_F(iommu, faults_are_in_the_kernel_log)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK), i;
	bool found = false;
	char text[64];

	ASSERT_LE(0, fd);
	lseek(fd, 0, SEEK_END);
	for (i = 0; i < 20 && !found; i++) {
		snprintf(text, sizeof(text), "write at iova 0x%llx: not mapped",
			 3 * TIB + i);
		submit(&self->dev, MOCK_VFIO_OP_FILL_GUEST, 0, 3 * TIB + i, 1, 0);
		found = read_contains(fd, text);
		if (!found)
			usleep(500000);
	}
	EXPECT_TRUE(found);
	close(fd);
}

TEST_F(iommu, faults_are_a_trace_event)
{
	const char *on = "/sys/kernel/tracing/events/iommu/io_page_fault/enable";
	char text[64];
	int fd;

	mount("none", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if (vt_try_write_file(on, "1"))
		SKIP(return, "no tracing");
	vt_write_file("/sys/kernel/tracing/trace", "");
	submit(&self->dev, MOCK_VFIO_OP_FILL_GUEST, 0, 3 * TIB + 0x123, 1, 0);
	vt_write_file(on, "0");
	fd = open("/sys/kernel/tracing/trace", O_RDONLY);
	snprintf(text, sizeof(text), "iova=0x%016llx", 3 * TIB + 0x123);
	EXPECT_TRUE(read_contains(fd, text));
	close(fd);
}

/* What the engine should do, done with one byte after the other. */
static void model(uint8_t *dst, const uint8_t *src, uint32_t op, uint32_t len,
		  uint64_t pattern)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		dst[i] = op == MOCK_VFIO_OP_FILL_GUEST ?
			 pattern >> i % 8 * 8 : src[i];
}

TEST_F_TIMEOUT(iommu, any_address_and_length_is_moved_exactly, 120)
{
	struct vt_dev *dev = &self->dev;
	const size_t half = 512 * KIB;
	uint8_t *guest = dev->ram + MIB, *want = malloc(2 * half);
	uint32_t op, len, src, dst, i;
	uint64_t pattern;

	srandom(1);
	for (i = 0; i < half; i++)
		guest[i] = random();
	memcpy(want, guest, 2 * half);
	for (i = 0; i < 200; i++) {
		op = i & 1 ? MOCK_VFIO_OP_FILL_GUEST : MOCK_VFIO_OP_COPY;
		len = random() % (i % 10 ? 100 : half / 2);
		src = random() % (half - len);
		dst = half + random() % (half - len);
		pattern = (uint64_t)random() << 33 ^ random();
		model(want + dst, want + src, op, len, pattern);
		ASSERT_EQ(MOCK_VFIO_DMA_OK,
			  submit(dev, op, VT_RAM_IOVA + MIB + src,
				 VT_RAM_IOVA + MIB + dst, len, pattern));
		ASSERT_EQ(0, memcmp(want, guest, 2 * half)) TH_LOG("op %u", i);
	}
	free(want);
}

#ifndef MOCK_NO_PEERS

#define PEER		(3 * TIB)

/* b's memory is mapped for a. */
FIXTURE(p2p) {
	struct vt_dev a, b;
};

FIXTURE_SETUP(p2p)
{
	vt_open(&self->a, 0, VT_LEGACY);
	vt_open(&self->b, 1, VT_LEGACY);
	ASSERT_EQ(0, vt_map(&self->a, self->b.mem, PEER, self->b.mem_size, true));
	vt_ring_start(&self->a, RING);
}

FIXTURE_TEARDOWN(p2p)
{
	vt_close(&self->b);
	vt_close(&self->a);
}

static uint32_t poke(struct vt_dev *a, uint64_t offset, uint64_t val)
{
	return submit(a, MOCK_VFIO_OP_FILL_GUEST, 0, PEER + offset, 8, val);
}

static uint64_t peek(struct vt_dev *b, uint64_t offset)
{
	return le64toh(*(volatile uint64_t *)(b->mem + offset));
}

TEST_F(p2p, data_moves_both_ways)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	const uint32_t len = 3 * VT_PAGE;
	uint32_t i;

	for (i = 0; i < len; i++)
		GUEST_PTR(a)[i] = i * 13 + 1;
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(a, MOCK_VFIO_OP_COPY, GUEST, PEER + 1001, len, 0));
	EXPECT_EQ(0, memcmp(b->mem + 1001, GUEST_PTR(a), len));
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(a, MOCK_VFIO_OP_TO_DEVICE, PEER + 1001, 5, len, 0));
	EXPECT_EQ(0, memcmp(a->mem + 5, GUEST_PTR(a), len));
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(a, MOCK_VFIO_OP_COPY, PEER + 1001, PEER + 0x20000, len, 0));
	EXPECT_EQ(0, memcmp(b->mem + 0x20000, GUEST_PTR(a), len));
}

TEST_F(p2p, a_function_may_be_its_own_target)
{
	struct vt_dev *a = &self->a;

	ASSERT_EQ(0, vt_map(a, a->mem, PEER + GIB, a->mem_size, true));
	a->mem[100] = 42;
	ASSERT_EQ(MOCK_VFIO_DMA_OK,
		  submit(a, MOCK_VFIO_OP_TO_GUEST, 100, PEER + GIB + 9000, 1, 0));
	EXPECT_EQ(42, a->mem[9000]);
}

#define PIECE	(1 << 16)

/* Read a piece.  Return: bytes, 0 at an end of either kind, or an error. */
static long take(int fd, struct vt_state *stream)
{
	ssize_t n;

	if (stream->len > 32 * MIB - PIECE)
		return -ENOSPC;
	n = read(fd, stream->data + stream->len, PIECE);
	if (n < 0)
		return errno == ENOMSG ? 0 : -errno;
	stream->len += n;
	return n;
}

/* Read to the end, whichever kind.  Return: bytes, or an error. */
static long drain(int fd, struct vt_state *stream)
{
	const size_t before = stream->len;
	long n;

	while ((n = take(fd, stream)) > 0)
		;
	return n < 0 ? n : (long)(stream->len - before);
}

/* The rest of b's state, and all of it into a, which has no part in it now. */
static bool arrives(struct vt_dev *a, struct vt_dev *b, int fd,
		    struct vt_state *stream)
{
	return vt_set_state(b, VFIO_DEVICE_STATE_STOP_COPY, NULL) == 0 &&
	       drain(fd, stream) > 0 &&
	       vt_set_state(b, VFIO_DEVICE_STATE_STOP, NULL) == 0 &&
	       vt_set_state(a, VFIO_DEVICE_STATE_RUNNING, NULL) == 0 &&
	       vt_load(a, stream) == 0 && !memcmp(a->mem, b->mem, a->mem_size);
}

TEST_F(p2p, precopy_of_the_target_notices_each_write)
{
	struct vt_state stream = { malloc(32 * MIB), 0 };
	struct pollfd pfd = { .events = POLLIN };
	struct vt_dev *a = &self->a, *b = &self->b;

	vt_pattern(b, 3);
	ASSERT_EQ(0, vt_set_state(b, VFM_STATE_PRE_COPY, &pfd.fd));
	ASSERT_LT(0, drain(pfd.fd, &stream));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 5 * VT_PAGE + 8, 1));
	EXPECT_EQ(1, poll(&pfd, 1, 5000));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 9 * VT_PAGE - 4, 2));
	EXPECT_EQ(VT_PAGE + 40 + 2 * VT_PAGE + 40, drain(pfd.fd, &stream));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 5 * VT_PAGE + 8, 3));
	EXPECT_EQ(VT_PAGE + 40, drain(pfd.fd, &stream));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, submit(a, MOCK_VFIO_OP_TO_DEVICE,
					   PEER, 0, 5 * VT_PAGE, 0));
	EXPECT_EQ(0, drain(pfd.fd, &stream));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 7 * VT_PAGE, 4));
	EXPECT_TRUE(arrives(a, b, pfd.fd, &stream));
	close(pfd.fd);
	vt_state_free(&stream);
}

/* a writes into b's memory all the time, 64 slots a page apart. */
static void traffic_to_peer(struct vt_dev *a)
{
	vt_traffic_start(a, MOCK_VFIO_TRAFFIC_DMA, MOCK_VFIO_TRAFFIC_PERIOD_MIN);
	vt_write32(a, MOCK_VFIO_REG_TRAFFIC_STRIDE, 4096);
	vt_write64(a, MOCK_VFIO_REG_TRAFFIC_IOVA, PEER);
}

static bool target_is_written(void *arg)
{
	struct vt_dev *b = arg;

	return peek(b, 63 * VT_PAGE) != 0;
}

TEST_F_TIMEOUT(p2p, a_target_that_is_written_all_the_time_arrives_whole, 120)
{
	struct vt_state stream = { malloc(32 * MIB), 0 };
	struct vt_dev *a = &self->a, *b = &self->b;
	int fd, i;

	traffic_to_peer(a);
	ASSERT_TRUE(vt_wait_until(target_is_written, b, 5000));
	ASSERT_EQ(0, vt_set_state(b, VFM_STATE_PRE_COPY, &fd));
	/* The writer may be faster than the reader, so not to the end. */
	for (i = 0; i < 50; i++) {
		ASSERT_LE(0, take(fd, &stream));
		usleep(1000);
	}
	ASSERT_EQ(0, vt_set_state(a, VFIO_DEVICE_STATE_RUNNING_P2P, NULL));
	vt_write32(a, MOCK_VFIO_REG_CONTROL, 0);
	EXPECT_TRUE(arrives(a, b, fd, &stream));
	close(fd);
	vt_state_free(&stream);
}

TEST_F(p2p, a_target_that_does_not_decode_does_not_answer)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	uint16_t off = PCI_COMMAND_MASTER;
	struct vfio_region_info info;
	uint32_t faults;

	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 0, 1));
	faults = vt_read32(a, MOCK_VFIO_REG_DMA_FAULTS);
	vt_region(b, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	ASSERT_EQ(2, pwrite(b->fd, &off, 2, info.offset + PCI_COMMAND));
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, poke(a, 64, 2));
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, submit(a, MOCK_VFIO_OP_TO_DEVICE, PEER + 128,
					      0, 8, 0));
	EXPECT_EQ(faults + 2, vt_read32(a, MOCK_VFIO_REG_DMA_FAULTS));
	EXPECT_EQ(PEER + 128, vt_read64(a, MOCK_VFIO_REG_DMA_FAULT_IOVA));
	vt_enable(b, true);
	EXPECT_EQ(1, peek(b, 0));
	EXPECT_EQ(0, peek(b, 64));
	EXPECT_EQ(MOCK_VFIO_DMA_OK, poke(a, 64, 3));
	EXPECT_EQ(3, peek(b, 64));
}

static int pm_offset(struct vt_dev *dev, uint64_t config)
{
	uint8_t at = 0, id = 0;

	if (pread(dev->fd, &at, 1, config + PCI_CAPABILITY_LIST) != 1)
		return -1;
	while (at && pread(dev->fd, &id, 1, config + at) == 1 &&
	       id != PCI_CAP_ID_PM)
		if (pread(dev->fd, &at, 1, config + at + 1) != 1)
			return -1;
	return at ? at : -1;
}

TEST_F(p2p, a_target_in_d3_does_not_answer)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	struct vfio_region_info info;
	uint16_t d3 = 3, d0 = 0;
	int pm;

	vt_region(b, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	pm = pm_offset(b, info.offset);
	ASSERT_LT(0, pm);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, poke(a, 0, 1));
	ASSERT_EQ(2, pwrite(b->fd, &d3, 2, info.offset + pm + PCI_PM_CTRL));
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, poke(a, 0, 2));
	ASSERT_EQ(2, pwrite(b->fd, &d0, 2, info.offset + pm + PCI_PM_CTRL));
	vt_enable(b, true);
	EXPECT_NE(2, peek(b, 0));
	EXPECT_EQ(MOCK_VFIO_DMA_OK, poke(a, 0, 3));
	EXPECT_EQ(3, peek(b, 0));
}

TEST_F(p2p, in_p2p_states_the_target_answers_and_the_initiator_starts_nothing)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	uint64_t seq;

	ASSERT_EQ(0, vt_set_state(b, VFIO_DEVICE_STATE_RUNNING_P2P, NULL));
	EXPECT_EQ(MOCK_VFIO_DMA_OK, poke(a, 0, 1));
	EXPECT_EQ(1, peek(b, 0));
	traffic_to_peer(a);
	ASSERT_TRUE(vt_wait_until(target_is_written, b, 5000));
	ASSERT_EQ(0, vt_set_state(a, VFIO_DEVICE_STATE_RUNNING_P2P, NULL));
	seq = vt_read64(a, MOCK_VFIO_REG_TRAFFIC_SEQ);
	memset(b->mem, 0, 64 * VT_PAGE);
	usleep(50000);
	EXPECT_TRUE(is_zero(b->mem, 64 * VT_PAGE));
	EXPECT_EQ(seq, vt_read64(a, MOCK_VFIO_REG_TRAFFIC_SEQ));
	ASSERT_EQ(0, vt_set_state(a, VFIO_DEVICE_STATE_RUNNING, NULL));
	EXPECT_TRUE(vt_wait_until(target_is_written, b, 5000));
	EXPECT_EQ(0, vt_read32(a, MOCK_VFIO_REG_DMA_FAULTS));
}

/* From the return of the state change on. */
TEST_F(p2p, a_stopped_target_does_not_change)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	uint8_t *before = malloc(b->mem_size);
	unsigned int i;

	traffic_to_peer(a);
	for (i = 0; i < 50; i++) {
		ASSERT_TRUE(vt_wait_until(target_is_written, b, 5000));
		ASSERT_EQ(0, vt_set_state(b, VFIO_DEVICE_STATE_STOP, NULL));
		memcpy(before, b->mem, b->mem_size);
		usleep(1000);
		EXPECT_EQ(0, memcmp(before, b->mem, b->mem_size));
		ASSERT_EQ(0, vt_set_state(b, VFIO_DEVICE_STATE_RUNNING, NULL));
	}
	EXPECT_LT(0, vt_read32(a, MOCK_VFIO_REG_DMA_FAULTS));
	free(before);
}

static bool goes_on(void *arg)
{
	static uint64_t first;
	const uint64_t seq = vt_read64(arg, MOCK_VFIO_REG_TRAFFIC_SEQ);

	if (!first)
		first = seq;
	return seq > first + 100;
}

/*
 * The mapping stays, for VFIO does not know whose memory it is.  Whether the
 * target still answers depends on what VFIO leaves in its configuration.
 */
TEST_F(p2p, the_target_may_be_closed_and_removed_under_dma)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	char bdf[32], path[128];

	vt_bdf(1, bdf);
	traffic_to_peer(a);
	ASSERT_TRUE(vt_wait_until(target_is_written, b, 5000));
	vt_close(b);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	vt_write_file(path, "1");
	EXPECT_TRUE(vt_wait_until(goes_on, a, 10000));
	EXPECT_EQ(0, vt_unmap(a, PEER, b->mem_size));
	vt_write_file("/sys/bus/pci/rescan", "1");
	vt_open(b, 1, VT_LEGACY);
	ASSERT_EQ(0, vt_map(a, b->mem, PEER, b->mem_size, true));
	EXPECT_TRUE(vt_wait_until(target_is_written, b, 5000));
}

/* Mapping, unmapping, DMA and reset at once. */
TEST_F_TIMEOUT(p2p, everything_may_happen_at_once, 120)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	unsigned int i;

	traffic_to_peer(a);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, vt_unmap(a, PEER, b->mem_size));
		ASSERT_EQ(0, vt_map(a, b->mem, PEER, b->mem_size, i & 1));
		if (i % 8 == 0) {
			ASSERT_EQ(0, vt_reset(b));
			vt_enable(b, true);
		}
	}
	ASSERT_EQ(0, vt_unmap(a, PEER, b->mem_size));
	ASSERT_EQ(0, vt_map(a, b->mem, PEER, b->mem_size, true));
	ASSERT_EQ(0, vt_reset(b));
	vt_enable(b, true);
	EXPECT_TRUE(vt_wait_until(target_is_written, b, 5000));
}

#endif

#ifndef MOCK_NO_MAIN
TEST_HARNESS_MAIN
#endif
