// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A driver of the mock function for the kernel's own VFIO selftests, in the form
 * that their library (tools/testing/selftests/vfio/lib) wants: it copies memory
 * by the function's DMA engine and raises one of its vectors.
 *
 * It is not built in this tree but added to a copy of the library: see
 * host/kernel_vfio.sh.  There it is one of several, and each is asked about each
 * device.
 */
#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/compiler.h>
#include <linux/mock_vfio_pci.h>
#include <linux/pci_regs.h>

#include <libvfio.h>

/*
 * The kernel's test gives memcpy_storm 60 seconds and asks for as many copies as
 * the driver offers.  The function is software: it copies at the pace of one
 * CPU, which may be an emulated one with KASAN.  So it is not the whole of the
 * device's limit (MOCK_VFIO_DMA_SIZE_MAX copies of MOCK_VFIO_DMA_LENGTH_MAX) but
 * what takes some seconds at such a pace.
 */
#define MOCK_MEMCPY_SIZE	(1U << 20)
#define MOCK_MEMCPY_COUNT	256U

/* A ring that the test above fills to the last place. */
#define MOCK_RING_SIZE		MOCK_MEMCPY_COUNT

#define MOCK_STUCK_SECONDS	10
#define MOCK_VSEC_MAGIC		8	/* in the vendor specific capability */

/**
 * struct mock_state - lies in the driver's region
 * @ring: what the device sees
 * @first: number of the first descriptor of the latest memcpy_start()
 * @tail: one past its last; free-running
 */
struct mock_state {
	struct mock_vfio_desc ring[MOCK_RING_SIZE];
	u32 first;
	u32 tail;
};

static struct mock_state *to_mock_state(struct vfio_pci_device *device)
{
	return device->driver.region.vaddr;
}

/* The registers cannot be mapped, so the library has no address for them. */
static bool mock_try_read(struct vfio_pci_device *device, u32 reg, void *val,
			  size_t len)
{
	const struct vfio_region_info *info =
		&device->bars[MOCK_VFIO_BAR_REGS].info;

	return pread(device->fd, val, len, info->offset + reg) == (ssize_t)len;
}

static u32 mock_read32(struct vfio_pci_device *device, u32 reg)
{
	u32 val;

	VFIO_ASSERT_TRUE(mock_try_read(device, reg, &val, sizeof(val)),
			 "mock: cannot read register 0x%x\n", reg);
	return le32toh(val);
}

static u64 mock_read64(struct vfio_pci_device *device, u32 reg)
{
	u64 val;

	VFIO_ASSERT_TRUE(mock_try_read(device, reg, &val, sizeof(val)),
			 "mock: cannot read register 0x%x\n", reg);
	return le64toh(val);
}

static void mock_write(struct vfio_pci_device *device, u32 reg, const void *val,
		       size_t len)
{
	const u64 offset = device->bars[MOCK_VFIO_BAR_REGS].info.offset + reg;

	VFIO_ASSERT_EQ(pwrite(device->fd, val, len, offset), (ssize_t)len,
		       "mock: cannot write register 0x%x\n", reg);
}

static void mock_write32(struct vfio_pci_device *device, u32 reg, u32 val)
{
	val = htole32(val);
	mock_write(device, reg, &val, sizeof(val));
}

static void mock_write64(struct vfio_pci_device *device, u32 reg, u64 val)
{
	val = htole64(val);
	mock_write(device, reg, &val, sizeof(val));
}

/* Some other vendor's function may have the same capability, but not our word. */
static bool mock_has_vsec(struct vfio_pci_device *device)
{
	u32 pos = PCI_CFG_SPACE_SIZE, left = PCI_CFG_SPACE_EXP_SIZE / 8, header;

	if (device->config_space.size < PCI_CFG_SPACE_EXP_SIZE)
		return false;
	while (pos >= PCI_CFG_SPACE_SIZE &&
	       pos <= PCI_CFG_SPACE_EXP_SIZE - MOCK_VSEC_MAGIC - 4 && left--) {
		header = vfio_pci_config_readl(device, pos);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_VNDR &&
		    vfio_pci_config_readl(device, pos + MOCK_VSEC_MAGIC) ==
		    MOCK_VFIO_MAGIC)
			return true;
		pos = PCI_EXT_CAP_NEXT(header);
	}
	return false;
}

/*
 * Ids of a mock function may be anything, so its capability says that it is one.
 * Reading registers of something else could do harm: they come last.
 */
static int mock_probe(struct vfio_pci_device *device)
{
	const struct vfio_pci_bar *bar = &device->bars[MOCK_VFIO_BAR_REGS];
	u32 word;

	if (!vfio_pci_device_match(device, MOCK_VFIO_VENDOR_ID,
				   MOCK_VFIO_DEVICE_ID) &&
	    !mock_has_vsec(device))
		return -EINVAL;
	if (bar->vaddr || bar->info.size != MOCK_VFIO_REGS_SIZE)
		return -EINVAL;
	if (!mock_try_read(device, MOCK_VFIO_REG_MAGIC, &word, sizeof(word)) ||
	    le32toh(word) != MOCK_VFIO_MAGIC)
		return -EINVAL;
	word = mock_read32(device, MOCK_VFIO_REG_VERSION);
	if (word >> 16 == MOCK_VFIO_VERSION >> 16)
		return 0;
	dev_err(device, "mock: version %u.%u is not known\n", word >> 16,
		word & 0xffff);
	return -EINVAL;
}

/* Also the way out of an error: whatever the engine was at is forgotten. */
static void mock_ring_start(struct vfio_pci_device *device)
{
	struct mock_state *state = to_mock_state(device);

	memset(state, 0, sizeof(*state));
	mock_write64(device, MOCK_VFIO_REG_DMA_RING,
		     to_iova(device, state->ring));
	mock_write32(device, MOCK_VFIO_REG_DMA_SIZE, MOCK_RING_SIZE);
}

/* The last vector: a driver that raises just any would be found out. */
static void mock_irq_start(struct vfio_pci_device *device)
{
	const u32 vectors = mock_read32(device, MOCK_VFIO_REG_VECTORS);

	VFIO_ASSERT_GT(vectors, 0);
	VFIO_ASSERT_EQ(vectors, device->msix_info.count);
	vfio_pci_msix_enable(device, 0, vectors);
	device->driver.msi = vectors - 1;
}

static void mock_init(struct vfio_pci_device *device)
{
	VFIO_ASSERT_GE(device->driver.region.size, sizeof(struct mock_state));
	VFIO_ASSERT_TRUE(mock_read32(device, MOCK_VFIO_REG_FEATURES) &
			 MOCK_VFIO_FEATURE_DMA, "mock: no DMA engine\n");

	vfio_pci_config_writew(device, PCI_COMMAND,
			       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			       PCI_COMMAND_INTX_DISABLE);
	mock_write32(device, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	mock_ring_start(device);
	mock_irq_start(device);
	mock_write32(device, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE);

	device->driver.max_memcpy_size = MOCK_MEMCPY_SIZE;
	device->driver.max_memcpy_count = MOCK_MEMCPY_COUNT;
}

static void mock_remove(struct vfio_pci_device *device)
{
	mock_write32(device, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	vfio_pci_cmd_clear(device, PCI_COMMAND_MASTER);
	vfio_pci_msix_disable(device);
}

static struct mock_vfio_desc *mock_desc(struct mock_state *state, u32 number)
{
	return &state->ring[number % MOCK_RING_SIZE];
}

static void mock_memcpy_start(struct vfio_pci_device *device, iova_t src,
			      iova_t dst, u64 size, u64 count)
{
	struct mock_state *state = to_mock_state(device);

	state->first = state->tail;
	for (; count; count--, state->tail++)
		*mock_desc(state, state->tail) = (struct mock_vfio_desc) {
			.op = htole32(MOCK_VFIO_OP_COPY),
			.length = htole32(size),
			.src = htole64(src),
			.dst = htole64(dst),
			.status = htole32(MOCK_VFIO_DMA_PENDING),
		};
	mock_write32(device, MOCK_VFIO_REG_DMA_TAIL, state->tail);
}

/* Return: true if the engine has nothing more to do, false if it is stuck. */
static bool mock_wait_idle(struct vfio_pci_device *device)
{
	time_t last = time(NULL);
	u32 status, head, before = 0;

	for (;;) {
		status = mock_read32(device, MOCK_VFIO_REG_STATUS);
		if (status & MOCK_VFIO_STATUS_DMA_ERROR)
			return false;
		if (!(status & MOCK_VFIO_STATUS_DMA_BUSY))
			return true;
		head = mock_read32(device, MOCK_VFIO_REG_DMA_HEAD);
		if (head != before)
			last = time(NULL);
		before = head;
		if (time(NULL) - last > MOCK_STUCK_SECONDS)
			return false;
		usleep(100);
	}
}

static void mock_report(struct vfio_pci_device *device, u32 number, u32 status)
{
	dev_err(device, "mock: copy %u failed: status %u, STATUS 0x%x, %u faults, last at 0x%llx\n",
		number, status, mock_read32(device, MOCK_VFIO_REG_STATUS),
		mock_read32(device, MOCK_VFIO_REG_DMA_FAULTS),
		(unsigned long long)mock_read64(device,
						MOCK_VFIO_REG_DMA_FAULT_IOVA));
}

static int mock_memcpy_wait(struct vfio_pci_device *device)
{
	struct mock_state *state = to_mock_state(device);
	const bool idle = mock_wait_idle(device);
	u32 number, status;
	int ret = 0;

	for (number = state->first; number != state->tail && !ret; number++) {
		status = le32toh(READ_ONCE(mock_desc(state, number)->status));
		if (status == MOCK_VFIO_DMA_OK)
			continue;
		mock_report(device, number - state->first, status);
		ret = -1;
	}
	if (!idle)
		mock_ring_start(device);
	return idle ? ret : -1;
}

static void mock_send_msi(struct vfio_pci_device *device)
{
	mock_write32(device, MOCK_VFIO_REG_IRQ_TRIGGER, device->driver.msi);
}

/*
 * The library opens the device with iommufd where a test does not say how, and
 * fails where there is none.  A container serves such a test as well.
 */
static void __attribute__((constructor)) mock_default_mode(void)
{
	if (access("/dev/iommu", F_OK))
		default_iommu_mode = MODE_VFIO_TYPE1V2_IOMMU;
}

struct vfio_pci_driver_ops mock_ops = {
	.name = "mock",
	.probe = mock_probe,
	.init = mock_init,
	.remove = mock_remove,
	.memcpy_start = mock_memcpy_start,
	.memcpy_wait = mock_memcpy_wait,
	.send_msi = mock_send_msi,
};
