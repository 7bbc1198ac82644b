// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mock function as a device: its BARs, DMA engine, interrupts and traffic.
 * Opened by its group here, by its character device in mock_device_iommufd.c.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#ifndef MOCK_BACKEND
#define MOCK_BACKEND	VT_LEGACY
#endif

FIXTURE(mock) {
	struct vt_dev dev;
};

FIXTURE_SETUP(mock)
{
	vt_open(&self->dev, 0, MOCK_BACKEND);
}

FIXTURE_TEARDOWN(mock)
{
	vt_close(&self->dev);
}

static uint64_t bar(unsigned int index)
{
	return (uint64_t)index << 40;
}

TEST_F(mock, has_the_regions_that_the_header_says)
{
	struct vfio_region_info info;

	EXPECT_EQ(bar(0), vt_region(&self->dev, MOCK_VFIO_BAR_REGS, &info));
	EXPECT_EQ(MOCK_VFIO_REGS_SIZE, info.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
		  info.flags);
	vt_region(&self->dev, MOCK_VFIO_BAR_MEM, &info);
	EXPECT_EQ(vt_read64(&self->dev, MOCK_VFIO_REG_MEM_SIZE), info.size);
	EXPECT_TRUE(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	vt_region(&self->dev, MOCK_VFIO_BAR_MSIX, &info);
	EXPECT_EQ(4096, info.size);
	EXPECT_FALSE(info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	vt_region(&self->dev, 1, &info);
	EXPECT_EQ(0, info.size);
}

TEST_F(mock, registers_keep_what_the_header_says_they_keep)
{
	struct vt_dev *dev = &self->dev;
	unsigned int i;

	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(dev, MOCK_VFIO_REG_MAGIC));
	EXPECT_EQ(MOCK_VFIO_VERSION, vt_read32(dev, MOCK_VFIO_REG_VERSION));
	EXPECT_EQ(16, vt_read32(dev, MOCK_VFIO_REG_VECTORS));
	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		vt_write32(dev, MOCK_VFIO_REG_SCRATCH + 4 * i, ~i);
	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		EXPECT_EQ(~i, vt_read32(dev, MOCK_VFIO_REG_SCRATCH + 4 * i));
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_IOVA, 0x123456789abcdef0ull);
	EXPECT_EQ(0x12345678u, vt_read32(dev, MOCK_VFIO_REG_TRAFFIC_IOVA + 4));
	vt_write32(dev, MOCK_VFIO_REG_MAGIC, 1);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_SEQ, 1);
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(dev, MOCK_VFIO_REG_MAGIC));
	EXPECT_EQ(0, vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ));
	vt_write32(dev, MOCK_VFIO_REG_DMA_SIZE, 3);
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_DMA_SIZE));
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_STRIDE, 24);
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_TRAFFIC_STRIDE));
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_SCRATCH));
}

TEST_F(mock, accesses_out_of_bounds_or_unaligned_are_refused)
{
	static const unsigned int bars[] = { 0, 2, 4 };
	void *nowhere = mmap(NULL, VT_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_region_info info;
	uint8_t data[16];
	size_t i;

	for (i = 0; i < 3; i++) {
		const uint64_t at = bar(bars[i]);

		vt_region(&self->dev, bars[i], &info);
		EXPECT_EQ(4, pread(self->dev.fd, data, 16, at + info.size - 4));
		EXPECT_EQ(-1, pread(self->dev.fd, data, 4, at + info.size));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, pwrite(self->dev.fd, data, 4, at + info.size));
		EXPECT_EQ(-1, pread(self->dev.fd, data, 4, at + (1ull << 40) - 4));
		EXPECT_EQ(3, pread(self->dev.fd, data, 3, at + 5));
	}
	EXPECT_EQ(-1, pwrite(self->dev.fd, data, 4, bar(0) + 0x42));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->dev.fd, data, 3, bar(0) + 0x40));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(self->dev.fd, data, 4, bar(1)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-1, pread(self->dev.fd, nowhere, 4, bar(bars[i])));
		EXPECT_EQ(EFAULT, errno);
	}
	munmap(nowhere, VT_PAGE);
}

TEST_F(mock, only_device_memory_can_be_mapped)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t size = self->dev.mem_size;
	int fd = self->dev.fd;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_SHARED, fd, bar(0)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_SHARED, fd, bar(4)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_PRIVATE, fd, bar(2)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 8192, rw, MAP_SHARED, fd,
				   bar(2) + size - 4096));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_SHARED, fd, bar(2) + size));
}

TEST_F(mock, device_memory_is_one_for_mmap_and_read_and_write)
{
	uint32_t val = 0x11223344;
	const size_t at = 3 * VT_PAGE - 2;

	ASSERT_EQ(4, pwrite(self->dev.fd, &val, 4, bar(2) + at));
	EXPECT_EQ(0, memcmp(self->dev.mem + at, &val, 4));
	self->dev.mem[at] = 9;
	ASSERT_EQ(4, pread(self->dev.fd, &val, 4, bar(2) + at));
	EXPECT_EQ(0x11223309u, val);
	ASSERT_EQ(4, pread(self->dev.fd, &val, 4, bar(2) + 100 * VT_PAGE));
	EXPECT_EQ(0, val);
}

static sigjmp_buf jump;

static void on_sigbus(int sig)
{
	siglongjmp(jump, 1);
}

static bool touches(volatile uint8_t *mem)
{
	if (sigsetjmp(jump, 1))
		return false;
	mem[0]++;
	return true;
}

TEST_F(mock, bars_answer_only_while_memory_decoding_is_on)
{
	uint16_t off = PCI_COMMAND_MASTER;
	struct vfio_region_info info;
	uint32_t val;

	signal(SIGBUS, on_sigbus);
	EXPECT_TRUE(touches(self->dev.mem));
	vt_region(&self->dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	ASSERT_EQ(2, pwrite(self->dev.fd, &off, 2, info.offset + PCI_COMMAND));
	EXPECT_FALSE(touches(self->dev.mem));
	EXPECT_EQ(-1, pread(self->dev.fd, &val, 4, bar(0)));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pread(self->dev.fd, &val, 4, bar(2)));
	vt_enable(&self->dev, true);
	EXPECT_TRUE(touches(self->dev.mem));
	EXPECT_EQ(2, self->dev.mem[0]);
}

/* Reset zaps the mapping; the next touch must bring it back. */
TEST_F(mock, the_mapping_of_device_memory_survives_a_reset)
{
	self->dev.mem[5] = 1;
	ASSERT_EQ(0, vt_reset(&self->dev));
	vt_enable(&self->dev, true);
	EXPECT_EQ(0, self->dev.mem[5]);
	self->dev.mem[5] = 2;
	EXPECT_EQ(2, self->dev.mem[5]);
}

TEST_F(mock, the_msix_table_is_read_only_for_users)
{
	uint32_t val = 0xffffffff, before, after;

	ASSERT_EQ(4, pread(self->dev.fd, &before, 4, bar(4) + 12));
	EXPECT_EQ(1, before);
	EXPECT_EQ(4, pwrite(self->dev.fd, &val, 4, bar(4) + 12));
	ASSERT_EQ(4, pread(self->dev.fd, &after, 4, bar(4) + 12));
	EXPECT_EQ(before, after);
}

static struct mock_vfio_desc *fill_desc(struct vt_dev *dev, uint32_t n,
					uint32_t op, uint32_t length,
					uint64_t src, uint64_t dst)
{
	struct mock_vfio_desc *desc = vt_desc(dev, n);

	desc->op = htole32(op);
	desc->length = htole32(length);
	desc->src = htole64(src);
	desc->dst = htole64(dst);
	return desc;
}

#define GUEST		(VT_RAM_IOVA + 0x10000)
#define GUEST_PTR(dev)	((dev)->ram + 0x10000)

/* Odd offsets and lengths, so that pieces meet page borders on both sides. */
TEST_F(mock, dma_moves_every_byte_both_ways)
{
	struct vt_dev *dev = &self->dev;
	const uint32_t len = 5 * VT_PAGE + 123;
	uint8_t *guest = GUEST_PTR(dev);
	uint32_t i;

	for (i = 0; i < len; i++)
		guest[i + 77] = i * 7 + 1;
	vt_ring_start(dev, 8);
	fill_desc(dev, 0, MOCK_VFIO_OP_TO_DEVICE, len, GUEST + 77, 4001);
	fill_desc(dev, 1, MOCK_VFIO_OP_TO_GUEST, len, 4001, GUEST + 0x20003);
	fill_desc(dev, 2, MOCK_VFIO_OP_COPY, len, GUEST + 77, GUEST + 0x40005);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 3));
	EXPECT_EQ(0, memcmp(dev->mem + 4001, guest + 77, len));
	EXPECT_EQ(0, memcmp(guest + 0x20003, guest + 77, len));
	EXPECT_EQ(0, memcmp(guest + 0x40005, guest + 77, len));
	EXPECT_EQ(0, dev->mem[4000]);
	EXPECT_EQ(0, dev->mem[4001 + len]);
	EXPECT_EQ(3, vt_read64(dev, MOCK_VFIO_REG_DMA_DONE));
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_DMA_FAULTS));
}

TEST_F(mock, dma_fills_and_digests)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t pattern = htole64(0x8877665544332211ull);
	struct mock_vfio_desc *desc[4];
	uint32_t i;

	vt_ring_start(dev, 8);
	desc[0] = fill_desc(dev, 0, MOCK_VFIO_OP_FILL_DEVICE, 10001, 0, 1000);
	desc[1] = fill_desc(dev, 1, MOCK_VFIO_OP_FILL_GUEST, 10001, 0, GUEST + 1);
	desc[2] = fill_desc(dev, 2, MOCK_VFIO_OP_DIGEST_DEVICE, 20000, 0, 0);
	desc[3] = fill_desc(dev, 3, MOCK_VFIO_OP_DIGEST_GUEST, 20000, GUEST, 0);
	desc[0]->pattern = desc[1]->pattern = pattern;
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 4));
	for (i = 0; i < 10001; i++) {
		ASSERT_EQ(i % 8 * 0x11 + 0x11, dev->mem[1000 + i]);
		ASSERT_EQ(i % 8 * 0x11 + 0x11, GUEST_PTR(dev)[1 + i]);
	}
	EXPECT_EQ(vt_crc32(dev->mem, 20000), le64toh(desc[2]->result));
	EXPECT_EQ(vt_crc32(GUEST_PTR(dev), 20000), le64toh(desc[3]->result));
}

TEST_F(mock, bad_descriptors_get_a_status_and_touch_nothing)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t end = dev->mem_size;

	vt_ring_start(dev, 16);
	fill_desc(dev, 0, MOCK_VFIO_NR_OPS, 16, 0, 0);
	EXPECT_EQ(MOCK_VFIO_DMA_BAD_OP, vt_submit(dev, 1));
	fill_desc(dev, 1, MOCK_VFIO_OP_TO_DEVICE, 16, GUEST, end - 15);
	EXPECT_EQ(MOCK_VFIO_DMA_RANGE, vt_submit(dev, 1));
	fill_desc(dev, 2, MOCK_VFIO_OP_TO_GUEST, 16, ~7ull, GUEST);
	EXPECT_EQ(MOCK_VFIO_DMA_RANGE, vt_submit(dev, 1));
	fill_desc(dev, 3, MOCK_VFIO_OP_COPY, MOCK_VFIO_DMA_LENGTH_MAX + 1,
		  GUEST, GUEST);
	EXPECT_EQ(MOCK_VFIO_DMA_RANGE, vt_submit(dev, 1));
	fill_desc(dev, 4, MOCK_VFIO_OP_TO_DEVICE, 16, 0x10, 0);
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, vt_submit(dev, 1));
	EXPECT_EQ(1, vt_read32(dev, MOCK_VFIO_REG_DMA_FAULTS));
	EXPECT_EQ(0x10, vt_read64(dev, MOCK_VFIO_REG_DMA_FAULT_IOVA));
	fill_desc(dev, 5, MOCK_VFIO_OP_TO_GUEST, 16, 0, ~0ull << 48);
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, vt_submit(dev, 1));
	EXPECT_EQ(MOCK_VFIO_DMA_OK, (fill_desc(dev, 6, MOCK_VFIO_OP_NOP, 0, 0, 0),
				     vt_submit(dev, 1)));
}

TEST_F(mock, an_unmapped_ring_stops_the_engine_with_an_error)
{
	struct vt_dev *dev = &self->dev;

	vt_ring_start(dev, 8);
	vt_write64(dev, MOCK_VFIO_REG_DMA_RING, 0x40);
	vt_submit(dev, 1);
	EXPECT_TRUE(vt_read32(dev, MOCK_VFIO_REG_STATUS) &
		    MOCK_VFIO_STATUS_DMA_ERROR);
	EXPECT_TRUE(vt_read32(dev, MOCK_VFIO_REG_IRQ_STATUS) &
		    MOCK_VFIO_IRQ_ERROR);
	vt_ring_start(dev, 8);
	fill_desc(dev, 0, MOCK_VFIO_OP_NOP, 0, 0, 0);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
}

TEST_F(mock, read_only_mappings_are_enforced)
{
	struct vt_dev *dev = &self->dev;
	uint8_t *ro = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ro[0] = 42;
	ASSERT_EQ(0, vt_map(dev, ro, 0x80000000ull, VT_PAGE, false));
	vt_ring_start(dev, 8);
	fill_desc(dev, 0, MOCK_VFIO_OP_TO_DEVICE, 16, 0x80000000ull, 0);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_EQ(42, dev->mem[0]);
	fill_desc(dev, 1, MOCK_VFIO_OP_TO_GUEST, 16, 64, 0x80000000ull);
	EXPECT_EQ(MOCK_VFIO_DMA_FAULT, vt_submit(dev, 1));
	EXPECT_EQ(42, ro[0]);
	munmap(ro, VT_PAGE);
}

/* vfio_iommu_type1 maps a BAR; iommufd takes memory only. */
TEST_F(mock, device_memory_is_a_target_for_dma_touched_or_not)
{
	const int refused = MOCK_BACKEND == VT_LEGACY ? 0 : -EFAULT;
	struct vt_dev *dev = &self->dev;
	const uint64_t iova = 0x80000000ull;
	struct mock_vfio_desc *desc;
	volatile uint8_t *mem;

	mem = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
		   bar(MOCK_VFIO_BAR_MEM));
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(0, mem[VT_PAGE]);	/* the page before it is untouched */
	EXPECT_EQ(refused, vt_map(dev, (void *)mem, iova, 2 * VT_PAGE, true));
	if (!refused) {
		vt_ring_start(dev, 4);
		desc = vt_desc(dev, 0);
		desc->op = htole32(MOCK_VFIO_OP_FILL_GUEST);
		desc->dst = htole64(iova);
		desc->length = htole32(2 * VT_PAGE);
		desc->pattern = htole64(0x4242424242424242ull);
		EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
		EXPECT_EQ(0x42, mem[0]);
		EXPECT_EQ(0x42, mem[2 * VT_PAGE - 1]);
		EXPECT_EQ(0, vt_unmap(dev, iova, 2 * VT_PAGE));
	}
	munmap((void *)mem, 2 * VT_PAGE);
}

TEST_F(mock, unmapped_memory_is_out_of_reach_at_once)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t iova = 0x90000000ull;
	uint8_t *ram = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i;

	ASSERT_EQ(0, vt_map(dev, ram, iova, 4 << 20, true));
	ASSERT_EQ(0, vt_unmap(dev, iova, 4 << 20));
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_DMA, 100);
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_IOVA, iova);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vt_map(dev, ram, iova, 4 << 20, true));
		usleep(2000);
		ASSERT_EQ(0, vt_unmap(dev, iova, 4 << 20));
		memset(ram, 0, VT_PAGE);
		usleep(2000);
		EXPECT_EQ(0, ram[0] | ram[64] | ram[128]);
	}
	EXPECT_LT(0, vt_read32(dev, MOCK_VFIO_REG_DMA_FAULTS));
	munmap(ram, 4 << 20);
}

TEST_F(mock, without_bus_master_there_is_no_dma)
{
	struct vt_dev *dev = &self->dev;

	vt_ring_start(dev, 8);
	fill_desc(dev, 0, MOCK_VFIO_OP_NOP, 0, 0, 0);
	vt_enable(dev, false);
	vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, 1);
	usleep(50000);
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_DMA_HEAD));
	vt_enable(dev, true);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 0));
	EXPECT_EQ(1, vt_read32(dev, MOCK_VFIO_REG_DMA_HEAD));
}

TEST_F(mock, every_msix_vector_is_its_own)
{
	struct vt_dev *dev = &self->dev;
	int fds[16], i, j;

	for (i = 0; i < 16; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 16, fds));
	for (i = 0; i < 16; i++) {
		vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, i);
		for (j = 0; j < 16; j++)
			EXPECT_EQ(i == j, vt_event_count(fds[j], i == j ? 5000 : 0));
	}
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 16);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, ~0u);
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(0, vt_event_count(fds[i], 0));
		close(fds[i]);
	}
}

TEST_F(mock, msi_has_32_vectors)
{
	struct vt_dev *dev = &self->dev;
	int fds[32], i;

	for (i = 0; i < 32; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSI_IRQ_INDEX, 32, fds));
	for (i = 0; i < 16; i++) {
		vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, i);
		EXPECT_EQ(1, vt_event_count(fds[i], 5000));
		EXPECT_EQ(0, vt_event_count(fds[i ^ 1], 0));
	}
	for (i = 0; i < 32; i++)
		close(fds[i]);
}

TEST_F(mock, intx_is_masked_by_itself_and_fires_again_while_asserted)
{
	struct vt_dev *dev = &self->dev;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_INTX_IRQ_INDEX, 1, &fd));
	vt_write32(dev, MOCK_VFIO_REG_IRQ_ENABLE, MOCK_VFIO_IRQ_TRIGGER);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	EXPECT_EQ(1, vt_event_count(fd, 5000));
	EXPECT_EQ(0, vt_event_count(fd, 20));
	ASSERT_EQ(0, vt_irq_action(dev, VFIO_PCI_INTX_IRQ_INDEX,
				   VFIO_IRQ_SET_ACTION_UNMASK));
	EXPECT_EQ(1, vt_event_count(fd, 5000));
	vt_write32(dev, MOCK_VFIO_REG_IRQ_ACK, MOCK_VFIO_IRQ_TRIGGER);
	ASSERT_EQ(0, vt_irq_action(dev, VFIO_PCI_INTX_IRQ_INDEX,
				   VFIO_IRQ_SET_ACTION_UNMASK));
	EXPECT_EQ(0, vt_event_count(fd, 20));
	close(fd);
}

TEST_F(mock, descriptors_signal_the_vector_they_name)
{
	struct vt_dev *dev = &self->dev;
	struct mock_vfio_desc *desc;
	int fds[4], i;

	for (i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 4, fds));
	vt_ring_start(dev, 8);
	desc = fill_desc(dev, 0, MOCK_VFIO_OP_NOP, 0, 0, 0);
	desc->flags = htole32(MOCK_VFIO_DESC_IRQ);
	desc->vector = htole32(3);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_EQ(1, vt_event_count(fds[3], 5000));
	EXPECT_EQ(0, vt_event_count(fds[0], 0));
	for (i = 0; i < 4; i++)
		close(fds[i]);
}

static bool slot_is(const void *base, uint32_t slot, uint64_t seq)
{
	const struct mock_vfio_slot *s = base + slot * 64;

	return le64toh(s->seq) == seq && le64toh(s->check) == ~seq;
}

TEST_F(mock, traffic_loses_and_repeats_nothing)
{
	struct vt_dev *dev = &self->dev;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t seq, events = 0, s;

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd));
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM |
			 MOCK_VFIO_TRAFFIC_IRQ, 100);
	while (events < 500)
		events += vt_event_count(fd, 5000);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
	while ((s = vt_event_count(fd, 50)) > 0)
		events += s;
	EXPECT_EQ(seq, events);
	for (s = seq; s > seq - 64; s--) {
		EXPECT_TRUE(slot_is(dev->ram + (1 << 20), (s - 1) % 64, s));
		EXPECT_TRUE(slot_is(dev->mem + dev->mem_size / 4 * 3,
				    (s - 1) % 64, s));
	}
	close(fd);
}

/* The clock is armed by whoever takes a tick, next to the one that rang. */
TEST_F_TIMEOUT(mock, traffic_never_stalls, 180)
{
	struct vt_dev *dev = &self->dev;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), n, events = 0;

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd));
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_IRQ, MOCK_VFIO_TRAFFIC_PERIOD_MIN);
	while (events < 25000) {
		n = vt_event_count(fd, 5000);
		ASSERT_LT(0, n) TH_LOG("after %d ticks", events);
		events += n;
	}
	close(fd);
}

TEST_F(mock, stopped_means_no_dma_no_interrupt_no_change)
{
	static const uint32_t states[] = {
		VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_STOP,
	};
	struct vt_dev *dev = &self->dev;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), i;
	uint64_t seq;

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd));
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_IRQ, 100);
	for (i = 0; i < 2; i++) {
		ASSERT_LT(0, vt_event_count(fd, 5000));
		ASSERT_EQ(0, vt_set_state(dev, states[i], NULL));
		seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
		vt_event_count(fd, 0);
		EXPECT_EQ(0, vt_event_count(fd, 30));
		EXPECT_EQ(seq, vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ));
		EXPECT_EQ(states[i] != VFIO_DEVICE_STATE_STOP,
			  vt_read32(dev, MOCK_VFIO_REG_STATUS) &
			  MOCK_VFIO_STATUS_RUNNING);
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	}
	EXPECT_LT(0, vt_event_count(fd, 5000));
	close(fd);
}

/* A vector raised while the device is stopped is neither lost nor early. */
TEST_F(mock, an_interrupt_of_a_stopped_device_waits)
{
	struct vt_dev *dev = &self->dev;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd));
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL));
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	EXPECT_EQ(0, vt_event_count(fd, 30));
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	EXPECT_EQ(1, vt_event_count(fd, 5000));
	close(fd);
}

TEST_HARNESS_MAIN
