// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each profile is the device that it says it is, and what it offers for
 * migration works: state by state, and its state in another of its kind.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define STOP_COPY	VFIO_MIGRATION_STOP_COPY
#define P2P		VFIO_MIGRATION_P2P
#define PRE_COPY	VFM_MIGRATION_PRE_COPY

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

FIXTURE(profile) {
	struct vt_dev dev;
};

FIXTURE_VARIANT(profile) {
	const char *name;
	int flags;
	uint64_t mem_size;
	unsigned int msix;
	unsigned int intx;
	uint32_t class;
};

#define PROFILE(_id, _name, _flags, _mem, _msix, _intx, _class)	\
	FIXTURE_VARIANT_ADD(profile, _id) {				\
		.name = _name, .flags = _flags, .mem_size = _mem,	\
		.msix = _msix, .intx = _intx, .class = _class,		\
	}

PROFILE(default_, "default", STOP_COPY | P2P | PRE_COPY, MIB, 16, 1, 0x088000);
PROFILE(nic_like, "nic-like", STOP_COPY | P2P | PRE_COPY, 64 * KIB, 64, 1, 0x020000);
PROFILE(gpu_like, "gpu-like", STOP_COPY | P2P | PRE_COPY, 4 * GIB, 32, 1, 0x030200);
PROFILE(large, "large", STOP_COPY | P2P | PRE_COPY, 16 * GIB, 32, 1, 0x030200);
PROFILE(tiny, "tiny", STOP_COPY | P2P | PRE_COPY, 4 * KIB, 1, 1, 0x088000);
PROFILE(no_precopy, "no-precopy", STOP_COPY | P2P, MIB, 16, 1, 0x088000);
PROFILE(no_p2p, "no-p2p", STOP_COPY | PRE_COPY, MIB, 16, 1, 0x088000);
PROFILE(stop_copy_only, "stop-copy-only", STOP_COPY, MIB, 16, 1, 0x088000);
PROFILE(non_migratable, "non-migratable", 0, MIB, 16, 1, 0x088000);
PROFILE(no_intx, "no-intx", STOP_COPY | P2P | PRE_COPY, MIB, 16, 0, 0x088000);

FIXTURE_SETUP(profile)
{
	if (vt_module_loaded("mock_vfio_pci"))
		ASSERT_EQ(0, vt_rmmod("mock_vfio_pci"));
	ASSERT_TRUE(vt_insmod_profile(2, variant->name));
	vt_open(&self->dev, 0, VT_LEGACY);
}

FIXTURE_TEARDOWN(profile)
{
	vt_close(&self->dev);
}

static uint32_t config32(struct vt_dev *dev, unsigned int where)
{
	struct vfio_region_info info;
	uint64_t at = vt_region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info) + where;
	uint32_t val = 0;

	if (pread(dev->fd, &val, 4, at) != 4)
		exit(1);
	return le32toh(val);
}

static unsigned int irq_count(struct vt_dev *dev, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	return ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) ? 0 : info.count;
}

TEST_F(profile, is_the_device_that_it_says_it_is)
{
	struct vt_dev *dev = &self->dev;

	EXPECT_EQ(variant->class, config32(dev, PCI_CLASS_REVISION) >> 8);
	EXPECT_EQ(0x00014d4f, config32(dev, PCI_VENDOR_ID));
	EXPECT_EQ(variant->mem_size, vt_read64(dev, MOCK_VFIO_REG_MEM_SIZE));
	EXPECT_EQ(variant->msix, vt_read32(dev, MOCK_VFIO_REG_VECTORS));
	EXPECT_EQ(variant->msix, irq_count(dev, VFIO_PCI_MSIX_IRQ_INDEX));
	EXPECT_EQ(32, irq_count(dev, VFIO_PCI_MSI_IRQ_INDEX));
	EXPECT_EQ(variant->intx, irq_count(dev, VFIO_PCI_INTX_IRQ_INDEX));
}

static bool offered(int flags, uint32_t state)
{
	switch (state) {
	case VFIO_DEVICE_STATE_STOP:
	case VFIO_DEVICE_STATE_RUNNING:
	case VFIO_DEVICE_STATE_STOP_COPY:
	case VFIO_DEVICE_STATE_RESUMING:
		return flags & STOP_COPY;
	case VFIO_DEVICE_STATE_RUNNING_P2P:
		return flags & P2P;
	case VFM_STATE_PRE_COPY:
		return flags & PRE_COPY;
	case VFM_STATE_PRE_COPY_P2P:
		return (flags & PRE_COPY) && (flags & P2P);
	}
	return false;
}

TEST_F(profile, has_the_states_that_it_offers_and_no_others)
{
	struct vt_dev *dev = &self->dev;
	const int expected = variant->flags ? variant->flags : -ENOTTY;
	uint32_t state;
	int ret;

	EXPECT_EQ(expected, vt_migration_flags(dev));
	for (state = 0; state < 9; state++) {
		ret = vt_set_state(dev, state, NULL);
		if (!variant->flags) {
			EXPECT_EQ(-ENOTTY, ret);
			continue;
		}
		EXPECT_EQ(offered(variant->flags, state) ? 0 : -EINVAL, ret)
			TH_LOG("%s", vt_state_name(state));
		EXPECT_EQ(0, vt_reset(dev));
		EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(dev));
	}
}

static void touch(struct vt_dev *dev, size_t at, uint32_t val)
{
	*(uint32_t *)(dev->mem + at) = val;
}

/* First and last page, the latter written while the former is read. */
static void save_by_precopy(struct vt_dev *dev, struct vt_state *state)
{
	uint8_t *data = malloc(1 << 20);
	ssize_t n, len;
	int fd = -1;

	if (vt_set_state(dev, VFM_STATE_PRE_COPY, &fd))
		exit(1);
	len = read(fd, data, 1 << 20);
	touch(dev, dev->mem_size - 4, 0x2222);
	if (len <= 0 || vt_set_state(dev, VFIO_DEVICE_STATE_STOP_COPY, NULL) ||
	    vt_read_all(fd, state))
		exit(1);
	n = state->len;
	state->data = realloc(state->data, n + len);
	memmove(state->data + len, state->data, n);
	memcpy(state->data, data, len);
	state->len += len;
	close(fd);
	free(data);
}

TEST_F(profile, hands_its_state_to_another_of_its_kind)
{
	struct vt_dev *a = &self->dev, b;
	struct vt_state state = {};

	if (!variant->flags) {
		EXPECT_EQ(-ENOTTY, vt_set_state(a, VFIO_DEVICE_STATE_STOP_COPY,
						NULL));
		return;
	}
	vt_open(&b, 1, VT_LEGACY);
	vt_write32(a, MOCK_VFIO_REG_SCRATCH, 0x3333);
	touch(a, 0, 0x1111);
	if (variant->flags & PRE_COPY) {
		save_by_precopy(a, &state);
	} else {
		touch(a, a->mem_size - 4, 0x2222);
		vt_save(a, &state);
	}
	EXPECT_LT(state.len, 64 * KIB);
	ASSERT_EQ(0, vt_load(&b, &state));
	ASSERT_EQ(0, vt_set_state(&b, VFIO_DEVICE_STATE_RUNNING, NULL));
	EXPECT_EQ(0x3333, vt_read32(&b, MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(0x1111, *(uint32_t *)b.mem);
	EXPECT_EQ(0x2222, *(uint32_t *)(b.mem + b.mem_size - 4));
	vt_ring_start(&b, 8);
	vt_desc(&b, 0)->op = htole32(MOCK_VFIO_OP_NOP);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(&b, 1));
	vt_state_free(&state);
	vt_close(&b);
}

TEST_F(profile, moves_data_whatever_it_offers)
{
	struct vt_dev *dev = &self->dev;
	struct mock_vfio_desc *desc;

	dev->ram[0x10000] = 0x5a;
	vt_ring_start(dev, 8);
	desc = vt_desc(dev, 0);
	desc->op = htole32(MOCK_VFIO_OP_TO_DEVICE);
	desc->length = htole32(16);
	desc->src = htole64(VT_RAM_IOVA + 0x10000);
	desc->dst = htole64(vt_read64(dev, MOCK_VFIO_REG_MEM_SIZE) - 16);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	desc = vt_desc(dev, 1);
	desc->op = htole32(MOCK_VFIO_OP_TO_GUEST);
	desc->length = htole32(16);
	desc->src = htole64(vt_read64(dev, MOCK_VFIO_REG_MEM_SIZE) - 16);
	desc->dst = htole64(VT_RAM_IOVA + 0x20000);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_EQ(0x5a, dev->ram[0x20000]);
}

TEST_HARNESS_MAIN
