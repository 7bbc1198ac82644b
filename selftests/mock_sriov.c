// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Physical functions and their virtual functions, as the PCI core makes them:
 * what management software looks for, where they are, and what a VF can.
 * How they go is in mock_sriov_life.c, who may open a VF in mock_sriov_token.c.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/sriov.h"
#include "lib/vt.h"

#define VFS		8
#define VFS_MAX		128
#define MIB		(1ull << 20)

FIXTURE(sriov) {
	char pf[32];
};

FIXTURE_SETUP(sriov)
{
	vt_pf_new(self->pf);
}

FIXTURE_TEARDOWN(sriov)
{
	if (vt_fn_exists(self->pf))
		vt_fn_del(self->pf);
}

static void pf_conf(struct vfm_mock_conf *conf, unsigned int slot,
		    unsigned int vfs)
{
	*conf = (struct vfm_mock_conf) {
		.given = VFM_MOCK_PROFILE | VFM_MOCK_SLOT | VFM_MOCK_TOTAL_VFS,
		.profile = "tiny", .slot = slot, .total_vfs = vfs,
	};
}

static int try_new(const struct vfm_mock_conf *conf)
{
	struct vfm_mock_conf made;
	struct vfm_error e;

	return vfm_mock_new(conf, &made, &e) ? e.code : 0;
}

TEST_F(sriov, a_pf_says_what_it_can_have)
{
	struct vfm_mock_conf conf;
	struct vfm_error e;

	EXPECT_EQ(0x4d4f, vt_pci_number(self->pf, "vendor"));
	EXPECT_EQ(0x0002, vt_pci_number(self->pf, "device"));
	EXPECT_EQ(VFS, vt_pci_number(self->pf, "sriov_totalvfs"));
	EXPECT_EQ(0, vt_pci_number(self->pf, "sriov_numvfs"));
	EXPECT_EQ(1, vt_pci_number(self->pf, "sriov_stride"));
	EXPECT_TRUE(vt_pci_is(self->pf, "sriov_vf_device", "3"));
	EXPECT_TRUE(vt_pci_links_to(self->pf, "driver", "mock_pf"));
	EXPECT_FALSE(vt_pci_has(self->pf, "virtfn0"));
	ASSERT_EQ(0, vfm_mock_get(self->pf, &conf, &e));
	EXPECT_EQ(VFS, conf.total_vfs);
	EXPECT_EQ(7, conf.migration);
}

static void expect_bars(struct __test_metadata *_metadata, const char *pf,
			unsigned int nr)
{
	static const struct { int bar; uint64_t size; } bars[] = {
		{ MOCK_VFIO_BAR_REGS, 4096 }, { MOCK_VFIO_BAR_MEM, MIB },
		{ MOCK_VFIO_BAR_MSIX, 4096 },
	};
	struct vt_resource vf, all;
	char bdf[32];
	int i;

	vt_vf_bdf(pf, nr, bdf);
	for (i = 0; i < 3; i++) {
		vt_pci_resource(bdf, bars[i].bar, &vf);
		/* The PF's own six, its ROM, and then those of the VFs. */
		vt_pci_resource(pf, 7 + bars[i].bar, &all);
		EXPECT_EQ(bars[i].size, vf.end - vf.start + 1);
		EXPECT_EQ(VFS * bars[i].size, all.end - all.start + 1);
		EXPECT_EQ(all.start + nr * bars[i].size, vf.start);
	}
}

static void expect_vf(struct __test_metadata *_metadata, const char *pf,
		      unsigned int nr)
{
	uint8_t config[64];
	char bdf[32];

	vt_vf_bdf(pf, nr, bdf);
	EXPECT_TRUE(vt_pci_links_to(bdf, "physfn", pf));
	EXPECT_TRUE(vt_pci_links_to(bdf, "driver", "mock_vfio_pci"));
	EXPECT_EQ(0x4d4f, vt_pci_number(bdf, "vendor"));
	EXPECT_EQ(0x0003, vt_pci_number(bdf, "device"));
	EXPECT_EQ(0x4d4f, vt_pci_number(bdf, "subsystem_vendor"));
	EXPECT_EQ(0x0002, vt_pci_number(bdf, "subsystem_device"));
	EXPECT_EQ(0x020000, vt_pci_number(bdf, "class"));
	EXPECT_FALSE(vt_pci_has(bdf, "sriov_totalvfs"));
	vt_pci_config(bdf, config, sizeof(config));
	EXPECT_EQ(0xffff, config[0] | config[1] << 8);
	EXPECT_EQ(0xffff, config[2] | config[3] << 8);
	EXPECT_EQ(0, config[PCI_INTERRUPT_PIN]);
	EXPECT_EQ(0, config[PCI_HEADER_TYPE]);
	EXPECT_EQ(0, config[PCI_COMMAND] & PCI_COMMAND_MEMORY);
	expect_bars(_metadata, pf, nr);
}

static bool groups_differ(const char *pf, unsigned int n)
{
	char bdf[32];
	int group[VFS + 1];
	unsigned int i, j;

	group[n] = vt_pci_group(pf);
	for (i = 0; i < n; i++) {
		vt_vf_bdf(pf, i, bdf);
		group[i] = vt_pci_group(bdf);
	}
	for (i = 0; i <= n; i++)
		for (j = 0; j < i; j++)
			if (group[i] == group[j])
				return false;
	return true;
}

TEST_F(sriov, numvfs_makes_that_many_vfs)
{
	unsigned int i;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 3));
	EXPECT_EQ(3, vt_pci_number(self->pf, "sriov_numvfs"));
	for (i = 0; i < 3; i++)
		expect_vf(_metadata, self->pf, i);
	EXPECT_FALSE(vt_pci_has(self->pf, "virtfn3"));
	EXPECT_TRUE(groups_differ(self->pf, 3));
	EXPECT_EQ(-EBUSY, vt_set_numvfs(self->pf, 4));
	EXPECT_EQ(0, vt_set_numvfs(self->pf, 3));
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 0));
	EXPECT_FALSE(vt_pci_has(self->pf, "virtfn0"));
	EXPECT_EQ(-ERANGE, vt_set_numvfs(self->pf, VFS + 1));
	EXPECT_EQ(0, vt_pci_number(self->pf, "sriov_numvfs"));
}

/* What is not enabled is not there either for somebody who looks himself. */
TEST_F(sriov, a_rescan_finds_neither_enabled_nor_disabled_vfs)
{
	const int before = vt_pci_count();

	vt_write_file("/sys/bus/pci/rescan", "1");
	EXPECT_EQ(before, vt_pci_count());
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_write_file("/sys/bus/pci/rescan", "1");
	EXPECT_EQ(before + 2, vt_pci_count());
}

TEST_F(sriov, vfs_get_no_driver_without_autoprobe)
{
	char bdf[32];

	vt_pci_write(self->pf, "sriov_drivers_autoprobe", "0");
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 1));
	vt_vf_bdf(self->pf, 0, bdf);
	EXPECT_FALSE(vt_pci_has(bdf, "driver"));
	vt_pci_write(bdf, "driver_override", "mock_vfio_pci");
	vt_write_file("/sys/bus/pci/drivers/mock_vfio_pci/bind", bdf);
	EXPECT_TRUE(vt_pci_links_to(bdf, "driver", "mock_vfio_pci"));
}

/* Of guest memory to the begin of device memory. */
static uint32_t dma(struct vt_dev *dev, uint8_t val)
{
	struct mock_vfio_desc *desc;

	memset(dev->ram + 0x10000, val, VT_PAGE);
	vt_ring_start(dev, 8);
	desc = vt_desc(dev, 0);
	desc->op = htole32(MOCK_VFIO_OP_TO_DEVICE);
	desc->length = htole32(VT_PAGE);
	desc->src = htole64(VT_RAM_IOVA + 0x10000);
	desc->flags = htole32(MOCK_VFIO_DESC_IRQ);
	desc->vector = htole32(5);
	return vt_submit(dev, 1);
}

static void msix_on(struct vt_dev *dev, int fds[16])
{
	int i;

	for (i = 0; i < 16; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 16, fds))
		exit(1);
}

/* Two at a time, so that what one does shows if it comes out at the other. */
TEST_F(sriov, vfs_are_devices_of_their_own)
{
	struct vt_dev vf[2];
	int fds[2][16], i;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	for (i = 0; i < 2; i++) {
		vt_open_vf(&vf[i], self->pf, i);
		msix_on(&vf[i], fds[i]);
		EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&vf[i], MOCK_VFIO_REG_MAGIC));
		EXPECT_EQ(16, vt_read32(&vf[i], MOCK_VFIO_REG_VECTORS));
		EXPECT_EQ(MIB, vf[i].mem_size);
		vt_write32(&vf[i], MOCK_VFIO_REG_SCRATCH, 0x100 + i);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0x100 + i, vt_read32(&vf[i], MOCK_VFIO_REG_SCRATCH));
		EXPECT_EQ(MOCK_VFIO_DMA_OK, dma(&vf[i], 0x11 + i));
		EXPECT_EQ(1, vt_event_count(fds[i][5], 5000));
		EXPECT_EQ(0, vt_event_count(fds[!i][5], 20));
		EXPECT_EQ(0, vt_event_count(fds[i][4], 0));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0x11 + i, vf[i].mem[0]);
		EXPECT_EQ(0x11 + i, vf[i].mem[VT_PAGE - 1]);
		EXPECT_EQ(0, vf[i].mem[VT_PAGE]);
		vt_close(&vf[i]);
	}
}

TEST_F(sriov, the_bus_mastering_of_a_vf_is_its_own)
{
	struct vt_dev vf[2];
	int i;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	for (i = 0; i < 2; i++)
		vt_open_vf(&vf[i], self->pf, i);
	vt_enable(&vf[0], false);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, dma(&vf[1], 1));
	vt_ring_start(&vf[0], 8);
	vt_desc(&vf[0], 0);
	vt_write32(&vf[0], MOCK_VFIO_REG_DMA_TAIL, 1);
	usleep(50000);
	EXPECT_EQ(0, vt_read32(&vf[0], MOCK_VFIO_REG_DMA_HEAD));
	for (i = 0; i < 2; i++)
		vt_close(&vf[i]);
}

/* In the middle of traffic, whose sequence must go on in the other. */
static void migrate(struct __test_metadata *_metadata, struct vt_dev *a,
		    struct vt_dev *b)
{
	struct vt_state state;
	uint64_t seq;

	EXPECT_EQ(7, vt_migration_flags(a));
	vt_pattern(a, 5);
	vt_traffic_start(a, MOCK_VFIO_TRAFFIC_MEM, 100);
	usleep(20000);
	vt_save(a, &state);
	seq = vt_read64(a, MOCK_VFIO_REG_TRAFFIC_SEQ);
	EXPECT_LT(0, seq);
	ASSERT_EQ(0, vt_load(b, &state));
	EXPECT_EQ(seq, vt_read64(b, MOCK_VFIO_REG_TRAFFIC_SEQ));
	EXPECT_EQ(5, vt_read32(b, MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(0, memcmp(a->mem, b->mem, a->mem_size));
	ASSERT_EQ(0, vt_set_state(b, VFIO_DEVICE_STATE_RUNNING, NULL));
	usleep(50000);
	EXPECT_LT(seq, vt_read64(b, MOCK_VFIO_REG_TRAFFIC_SEQ));
	vt_state_free(&state);
}

TEST_F(sriov, a_vf_migrates_to_its_sibling)
{
	struct vt_dev a, b;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_open_vf(&a, self->pf, 0);
	vt_open_vf(&b, self->pf, 1);
	migrate(_metadata, &a, &b);
	vt_close(&a);
	vt_close(&b);
}

TEST_F(sriov, a_vf_migrates_to_a_vf_of_another_pf_only)
{
	struct vt_dev a, b, plain;
	struct vt_state state;
	char pf[32];

	vt_pf_new(pf);
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 1));
	ASSERT_EQ(0, vt_set_numvfs(pf, 2));
	vt_open_vf(&a, self->pf, 0);
	vt_open_vf(&b, pf, 1);
	migrate(_metadata, &a, &b);
	vt_open(&plain, 0, VT_LEGACY);
	vt_save(&a, &state);
	EXPECT_EQ(-EXDEV, vt_load(&plain, &state));
	vt_state_free(&state);
	vt_close(&plain);
	vt_close(&a);
	vt_close(&b);
	vt_fn_del(pf);
}

TEST_F(sriov, a_reset_of_a_vf_is_for_that_one)
{
	struct vt_dev vf[2];
	int i;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	for (i = 0; i < 2; i++) {
		vt_open_vf(&vf[i], self->pf, i);
		vt_write32(&vf[i], MOCK_VFIO_REG_SCRATCH, 7);
		vf[i].mem[0] = 7;
	}
	ASSERT_EQ(0, vt_reset(&vf[0]));
	EXPECT_EQ(0, vt_read32(&vf[0], MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(0, vf[0].mem[0]);
	EXPECT_EQ(7, vt_read32(&vf[1], MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(7, vf[1].mem[0]);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, dma(&vf[1], 1));
	for (i = 0; i < 2; i++)
		vt_close(&vf[i]);
}

/*
 * As with real ones: the PCI core enables the VFs again, but what they were is
 * lost, and bus mastering too, until their users reset them.
 */
TEST_F(sriov, a_reset_of_the_pf_resets_its_vfs)
{
	const char *pf = self->pf;
	struct vt_dev vf;
	int fds[16];

	ASSERT_EQ(0, vt_set_numvfs(pf, 2));
	vt_open_vf(&vf, pf, 1);
	msix_on(&vf, fds);
	vt_write32(&vf, MOCK_VFIO_REG_SCRATCH, 7);
	vf.mem[0] = 7;
	vt_pci_write(pf, "reset", "1");
	EXPECT_EQ(2, vt_pci_number(pf, "sriov_numvfs"));
	EXPECT_EQ(0, vt_read32(&vf, MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(0, vf.mem[0]);
	vt_ring_start(&vf, 8);
	vt_desc(&vf, 0);
	vt_write32(&vf, MOCK_VFIO_REG_DMA_TAIL, 1);
	usleep(50000);
	EXPECT_EQ(0, vt_read32(&vf, MOCK_VFIO_REG_DMA_HEAD));
	ASSERT_EQ(0, vt_reset(&vf));
	vt_enable(&vf, true);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, dma(&vf, 9));
	EXPECT_EQ(9, vf.mem[0]);
	EXPECT_EQ(1, vt_event_count(fds[5], 5000));
	vt_close(&vf);
}

TEST_F(sriov, vfs_cannot_be_reset_as_a_slot)
{
	char bdf[32];

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 1));
	vt_vf_bdf(self->pf, 0, bdf);
	EXPECT_TRUE(vt_pci_is(bdf, "reset_method", "flr"));
}

TEST_F(sriov, foreign_ids_are_driven_all_the_same)
{
	struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE | VFM_MOCK_VENDOR | VFM_MOCK_DEVICE,
		.profile = "sriov", .vendor = 0x8086, .device = 0x10c9,
	};
	char pf[32], bdf[32];

	vt_fn_new(&conf, pf);
	EXPECT_TRUE(vt_pci_links_to(pf, "driver", "mock_pf"));
	ASSERT_EQ(0, vt_set_numvfs(pf, 1));
	vt_vf_bdf(pf, 0, bdf);
	EXPECT_EQ(0x8086, vt_pci_number(bdf, "vendor"));
	EXPECT_EQ(0x10ca, vt_pci_number(bdf, "device"));
	EXPECT_TRUE(vt_pci_links_to(bdf, "driver", "mock_vfio_pci"));
	vt_fn_del(pf);
}

TEST_F(sriov, total_vfs_makes_a_pf_of_any_profile)
{
	struct vfm_mock_conf conf;
	char pf[32], bdf[32];
	struct vt_dev vf;

	pf_conf(&conf, 70, VFS_MAX);
	vt_fn_new(&conf, pf);
	EXPECT_EQ(0x0002, vt_pci_number(pf, "device"));
	ASSERT_EQ(0, vt_set_numvfs(pf, VFS_MAX));
	vt_vf_bdf(pf, VFS_MAX - 1, bdf);
	vt_open_bdf(&vf, bdf, VT_LEGACY);
	EXPECT_EQ(4096, vf.mem_size);
	EXPECT_EQ(MOCK_VFIO_DMA_OK, dma(&vf, 3));
	vt_close(&vf);
	vt_fn_del(pf);
}

TEST_F(sriov, what_cannot_be_is_refused)
{
	struct vfm_mock_conf conf;

	pf_conf(&conf, 70, VFS_MAX + 1);
	EXPECT_NE(0, try_new(&conf));
	pf_conf(&conf, 70, VFS_MAX);
	conf.given |= VFM_MOCK_MSIX;
	conf.msix = 2048;
	EXPECT_EQ(EINVAL, try_new(&conf));
	/* The last slot of a bridge has no room behind it. */
	pf_conf(&conf, 95, 1);
	EXPECT_EQ(ENOSPC, try_new(&conf));
	pf_conf(&conf, 94, 9);
	EXPECT_EQ(ENOSPC, try_new(&conf));
}

/* Slot 64 is the first one of the third bridge. */
TEST_F(sriov, pfs_and_their_vfs_keep_their_places)
{
	struct vfm_mock_conf conf;
	char a[32], b[32], c[32], bdf[32];

	pf_conf(&conf, 64, 9);
	vt_fn_new(&conf, a);
	pf_conf(&conf, 66, 0);
	EXPECT_EQ(ENOSPC, try_new(&conf));
	conf.given |= VFM_MOCK_NUMBER;
	EXPECT_EQ(EBUSY, try_new(&conf));
	/* A second port of the same device. */
	pf_conf(&conf, 64, 8);
	conf.given |= VFM_MOCK_NUMBER;
	conf.number = 1;
	vt_fn_new(&conf, b);
	pf_conf(&conf, 68, 0);
	vt_fn_new(&conf, c);
	ASSERT_EQ(0, vt_set_numvfs(a, 9));
	ASSERT_EQ(0, vt_set_numvfs(b, 8));
	vt_vf_bdf(a, 8, bdf);
	EXPECT_STREQ("03:02.0", bdf + 5);
	vt_vf_bdf(b, 0, bdf);
	EXPECT_STREQ("03:03.0", bdf + 5);
	EXPECT_STREQ("03:04.0", c + 5);
	vt_fn_del(a);
	EXPECT_EQ(8, vt_pci_number(b, "sriov_numvfs"));
	pf_conf(&conf, 66, 0);
	vt_fn_new(&conf, a);
	vt_fn_del(a);
	vt_fn_del(b);
	vt_fn_del(c);
}

TEST_HARNESS_MAIN
