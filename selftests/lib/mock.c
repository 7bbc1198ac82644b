// SPDX-License-Identifier: GPL-2.0-or-later
/* What a driver of a mock function does: registers, descriptors, traffic. */
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vt.h"

static uint64_t vt_regs_offset(void)
{
	return (uint64_t)MOCK_VFIO_BAR_REGS << 40;
}

static void vt_reg(struct vt_dev *dev, uint32_t reg, void *val, size_t len,
		   bool write)
{
	const uint64_t offset = vt_regs_offset() + reg;
	ssize_t n = write ? pwrite(dev->fd, val, len, offset) :
			    pread(dev->fd, val, len, offset);

	if (n == (ssize_t)len)
		return;
	fprintf(stderr, "# register 0x%x: %zd\n", reg, n);
	exit(1);
}

uint32_t vt_read32(struct vt_dev *dev, uint32_t reg)
{
	uint32_t val;

	vt_reg(dev, reg, &val, sizeof(val), false);
	return le32toh(val);
}

uint64_t vt_read64(struct vt_dev *dev, uint32_t reg)
{
	uint64_t val;

	vt_reg(dev, reg, &val, sizeof(val), false);
	return le64toh(val);
}

void vt_write32(struct vt_dev *dev, uint32_t reg, uint32_t val)
{
	val = htole32(val);
	vt_reg(dev, reg, &val, sizeof(val), true);
}

void vt_write64(struct vt_dev *dev, uint32_t reg, uint64_t val)
{
	val = htole64(val);
	vt_reg(dev, reg, &val, sizeof(val), true);
}

/* The ring lies at the begin of the guest's memory. */
void vt_ring_start(struct vt_dev *dev, uint32_t size)
{
	vt_write64(dev, MOCK_VFIO_REG_DMA_RING, VT_RAM_IOVA);
	vt_write32(dev, MOCK_VFIO_REG_DMA_SIZE, size);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE);
}

struct mock_vfio_desc *vt_desc(struct vt_dev *dev, uint32_t n)
{
	struct mock_vfio_desc *desc = (struct mock_vfio_desc *)dev->ram + n;

	memset(desc, 0, sizeof(*desc));
	return desc;
}

static bool vt_dma_idle(void *arg)
{
	struct vt_dev *dev = arg;
	uint32_t status = vt_read32(dev, MOCK_VFIO_REG_STATUS);

	return !(status & MOCK_VFIO_STATUS_DMA_BUSY) ||
	       (status & MOCK_VFIO_STATUS_DMA_ERROR);
}

/* Run the next n descriptors; the status of the last one. */
uint32_t vt_submit(struct vt_dev *dev, uint32_t n)
{
	const struct mock_vfio_desc *ring = (struct mock_vfio_desc *)dev->ram;
	const uint32_t tail = vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL) + n;
	const uint32_t size = vt_read32(dev, MOCK_VFIO_REG_DMA_SIZE);

	vt_write32(dev, MOCK_VFIO_REG_DMA_TAIL, tail);
	if (!vt_wait_until(vt_dma_idle, dev, 20000))
		return MOCK_VFIO_DMA_PENDING;
	return le32toh(*(volatile uint32_t *)&ring[(tail - 1) % size].status);
}

/* From the guest's memory to the device's and back, whatever there was before. */
bool vt_works(struct vt_dev *dev)
{
	uint8_t *out = dev->ram + (2u << 20), *in = out + VT_PAGE;
	const uint64_t iova = VT_RAM_IOVA + (2u << 20);
	struct mock_vfio_desc *desc;
	unsigned int i;

	for (i = 0; i < VT_PAGE; i++)
		out[i] = (uint8_t)(i * 31 + (uintptr_t)dev->fd);
	memset(in, 0, VT_PAGE);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	vt_ring_start(dev, 2);
	desc = vt_desc(dev, 0);
	desc->op = htole32(MOCK_VFIO_OP_TO_DEVICE);
	desc->length = htole32(VT_PAGE);
	desc->src = htole64(iova);
	desc = vt_desc(dev, 1);
	desc->op = htole32(MOCK_VFIO_OP_TO_GUEST);
	desc->length = htole32(VT_PAGE);
	desc->dst = htole64(iova + VT_PAGE);
	return vt_submit(dev, 2) == MOCK_VFIO_DMA_OK && !memcmp(in, out, VT_PAGE);
}

/* Guest window in the second MiB, device window in the last quarter. */
void vt_traffic_start(struct vt_dev *dev, uint32_t control, uint32_t period)
{
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_IOVA, VT_RAM_IOVA + (1u << 20));
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_SLOTS, 64);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_STRIDE, 64);
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_MEM, dev->mem_size / 4 * 3);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS, 64);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_PERIOD, period);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL,
		   control | MOCK_VFIO_TRAFFIC_ENABLE);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE);
}

/* Something in the scratch words and in every third page of device memory. */
void vt_pattern(struct vt_dev *dev, uint32_t seed)
{
	size_t page, i;
	uint32_t *word;

	for (i = 0; i < MOCK_VFIO_NR_SCRATCH; i++)
		vt_write32(dev, MOCK_VFIO_REG_SCRATCH + 4 * i, seed + i);
	for (page = seed % 3; page < dev->mem_size / VT_PAGE; page += 3) {
		word = (uint32_t *)(dev->mem + page * VT_PAGE);
		for (i = 0; i < VT_PAGE / 4; i++)
			word[i] = htole32((uint32_t)(page * 2654435761u + i * seed));
	}
}

uint32_t vt_crc32(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t crc = ~0u;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static int64_t vt_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

bool vt_wait_until(bool (*done)(void *arg), void *arg, int msec)
{
	const int64_t end = vt_now_ms() + msec;

	while (!done(arg)) {
		if (vt_now_ms() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Wait for an eventfd; its count, 0 if none came. */
int vt_event_count(int fd, int msec)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t count;

	if (poll(&pfd, 1, msec) != 1 || read(fd, &count, 8) != 8)
		return 0;
	return count;
}
