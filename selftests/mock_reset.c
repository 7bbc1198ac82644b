// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every kind of reset and every low-power state, in every migration state.  A
 * reset ends in RUNNING, with nothing left of registers, memory and sessions; a
 * device that sleeps does nothing, answers nothing, and wakes up as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

static const uint32_t states[] = {
	VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P,
	VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY,
	VFIO_DEVICE_STATE_RESUMING, VFM_STATE_PRE_COPY, VFM_STATE_PRE_COPY_P2P,
};

#define NR_STATES	(sizeof(states) / sizeof(*states))
#define PAGE_1		(5 * VT_PAGE)

static int reset_by_ioctl(struct vt_dev *dev, const char *bdf)
{
	return vt_reset(dev);
}

static int reset_by_config(struct vt_dev *dev, const char *bdf)
{
	return vt_flr(dev);
}

static int reset_by_slot(struct vt_dev *dev, const char *bdf)
{
	return vt_hot_reset_alone(dev);
}

static int reset_by_sysfs(struct vt_dev *dev, const char *bdf)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", bdf);
	return vt_try_write_file(path, "1");
}

static void bridge_path(const char *bdf, const char *file, char path[128])
{
	char real[512], *end;

	snprintf(path, 128, "/sys/bus/pci/devices/%s", bdf);
	if (!realpath(path, real))
		exit(1);
	end = strrchr(real, '/');
	*end = '\0';
	snprintf(path, 128, "/sys/bus/pci/devices/%s/%s", strrchr(real, '/') + 1,
		 file);
}

/* Where there is no such file nobody tells the drivers of such a reset. */
static int reset_by_bridge(struct vt_dev *dev, const char *bdf)
{
	char path[128];

	bridge_path(bdf, "reset_subordinate", path);
	return vt_try_write_file(path, "1");
}

FIXTURE(reset) {
	struct vt_dev dev;
	char bdf[32];
};

FIXTURE_VARIANT(reset) {
	int (*reset)(struct vt_dev *dev, const char *bdf);
	enum vt_backend backend;
	bool may_lack;
};

FIXTURE_VARIANT_ADD(reset, ioctl) { .reset = reset_by_ioctl };
FIXTURE_VARIANT_ADD(reset, function_level_by_config) {
	.reset = reset_by_config,
};
FIXTURE_VARIANT_ADD(reset, hot_with_its_group) { .reset = reset_by_slot };
FIXTURE_VARIANT_ADD(reset, hot_with_its_iommufd) {
	.reset = reset_by_slot, .backend = VT_IOMMUFD,
};
FIXTURE_VARIANT_ADD(reset, sysfs) { .reset = reset_by_sysfs };
FIXTURE_VARIANT_ADD(reset, secondary_bus) {
	.reset = reset_by_bridge, .may_lack = true,
};

FIXTURE_SETUP(reset)
{
	char path[128];

	vt_bdf(0, self->bdf);
	bridge_path(self->bdf, "reset_subordinate", path);
	if (!vt_has_backend(variant->backend))
		SKIP(return, "no iommufd in this kernel");
	if (variant->may_lack && access(path, F_OK))
		SKIP(return, "bridges have no such file in this kernel");
	vt_open_bdf(&self->dev, self->bdf, variant->backend);
}

FIXTURE_TEARDOWN(reset)
{
	vt_close(&self->dev);
}

static bool data_fd_is_dead(int fd, uint32_t state)
{
	char byte = 0;
	ssize_t n;

	if (fd < 0)
		return true;
	n = state == VFIO_DEVICE_STATE_RESUMING ? write(fd, &byte, 1) :
						  read(fd, &byte, 1);
	return n == -1 && errno == ENODEV;
}

static void use(struct vt_dev *dev)
{
	vt_pattern(dev, 7);
	dev->mem[PAGE_1] = 1;
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM |
			 MOCK_VFIO_TRAFFIC_IRQ, 500);
}

static bool is_zero(struct vt_dev *dev)
{
	size_t at;

	if (vt_read32(dev, MOCK_VFIO_REG_SCRATCH) ||
	    vt_read32(dev, MOCK_VFIO_REG_CONTROL) ||
	    vt_read32(dev, MOCK_VFIO_REG_TRAFFIC_CONTROL) ||
	    vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ))
		return false;
	for (at = 0; at < dev->mem_size; at += 64)
		if (dev->mem[at])
			return false;
	return true;
}

TEST_F_TIMEOUT(reset, ends_in_running_with_nothing_left, 60)
{
	struct vt_dev *dev = &self->dev;
	int fd, irq = vt_eventfd();
	size_t i;

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &irq));
	for (i = 0; i < NR_STATES; i++) {
		use(dev);
		fd = -1;
		ASSERT_EQ(0, vt_set_state(dev, states[i], &fd));
		ASSERT_EQ(0, variant->reset(dev, self->bdf))
			TH_LOG("in %s", vt_state_name(states[i]));
		EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(dev));
		EXPECT_TRUE(data_fd_is_dead(fd, states[i]));
		if (fd >= 0)
			close(fd);
		EXPECT_TRUE(is_zero(dev)) TH_LOG("in %s", vt_state_name(states[i]));
		EXPECT_TRUE(vt_read32(dev, MOCK_VFIO_REG_STATUS) &
			    MOCK_VFIO_STATUS_RUNNING);
		EXPECT_TRUE(vt_works(dev));
		vt_event_count(irq, 0);
		vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
		EXPECT_EQ(1, vt_event_count(irq, 5000));
	}
	close(irq);
}

static int open_raw_config(const char *bdf)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	if (fd < 0)
		exit(1);
	return fd;
}

/*
 * The address of a message that is off: the one thing that a reset clears, the
 * kernel does not restore, and the driver has no part in.
 */
static bool mark_hardware(struct vt_dev *dev, const char *bdf)
{
	const unsigned int where = vt_cfg_cap(dev, PCI_CAP_ID_MSI) +
				   PCI_MSI_ADDRESS_LO;
	const int fd = open_raw_config(bdf);
	const uint32_t mark = 0x12345678;
	bool marked = pwrite(fd, &mark, 4, where) == 4;

	close(fd);
	return marked;
}

static bool hardware_is_marked(struct vt_dev *dev, const char *bdf)
{
	const unsigned int where = vt_cfg_cap(dev, PCI_CAP_ID_MSI) +
				   PCI_MSI_ADDRESS_LO;
	const int fd = open_raw_config(bdf);
	uint32_t val = 0;

	if (pread(fd, &val, 4, where) != 4)
		exit(1);
	close(fd);
	return val == 0x12345678;
}

TEST_F(reset, reaches_the_hardware)
{
	ASSERT_TRUE(mark_hardware(&self->dev, self->bdf));
	ASSERT_TRUE(hardware_is_marked(&self->dev, self->bdf));
	ASSERT_EQ(0, variant->reset(&self->dev, self->bdf));
	EXPECT_FALSE(hardware_is_marked(&self->dev, self->bdf));
}

/* Nothing that the reset has found half done may block the next migration. */
TEST_F_TIMEOUT(reset, leaves_a_device_that_can_be_migrated, 60)
{
	struct vt_dev *dev = &self->dev;
	struct vt_state state;
	size_t i;

	for (i = 0; i < NR_STATES; i++) {
		ASSERT_EQ(0, vt_set_state(dev, states[i], NULL));
		ASSERT_EQ(0, variant->reset(dev, self->bdf));
		vt_write32(dev, MOCK_VFIO_REG_SCRATCH, i + 1);
		dev->mem[PAGE_1] = i + 1;
		vt_save(dev, &state);
		ASSERT_EQ(0, variant->reset(dev, self->bdf));
		ASSERT_EQ(0, vt_load(dev, &state));
		EXPECT_EQ(i + 1, vt_read32(dev, MOCK_VFIO_REG_SCRATCH));
		EXPECT_EQ(i + 1, dev->mem[PAGE_1]);
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
		vt_state_free(&state);
	}
}

TEST_F(reset, wakes_a_device_that_sleeps)
{
	struct vt_dev *dev = &self->dev;

	use(dev);
	ASSERT_EQ(0, vt_set_power(dev, 3));
	ASSERT_FALSE(vt_answers(dev));
	ASSERT_EQ(0, variant->reset(dev, self->bdf));
	/* vfio-pci-core knows; who resets behind its back has to say it. */
	ASSERT_EQ(0, vt_set_power(dev, 0));
	EXPECT_TRUE(vt_answers(dev));
	EXPECT_TRUE(is_zero(dev));
	EXPECT_TRUE(vt_works(dev));
}

/* A reset of the bus that no driver hears of: hardware only. */
TEST(a_raw_secondary_bus_reset_reaches_all_functions_below)
{
	const int backend = VT_LEGACY;
	struct vt_dev a, b;
	uint16_t control;
	char bdf[32], path[128];
	int fd;

	vt_bdf(0, bdf);
	bridge_path(bdf, "config", path);
	vt_open(&a, 0, backend);
	vt_open(&b, 1, backend);
	use(&a);
	use(&b);
	fd = open(path, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(2, pread(fd, &control, 2, PCI_BRIDGE_CONTROL));
	control |= PCI_BRIDGE_CTL_BUS_RESET;
	ASSERT_EQ(2, pwrite(fd, &control, 2, PCI_BRIDGE_CONTROL));
	control &= ~PCI_BRIDGE_CTL_BUS_RESET;
	ASSERT_EQ(2, pwrite(fd, &control, 2, PCI_BRIDGE_CONTROL));
	close(fd);
	EXPECT_FALSE(vt_answers(&a));
	EXPECT_FALSE(vt_answers(&b));
	EXPECT_FALSE(vt_touch(b.mem + VT_PAGE * 3));
	ASSERT_EQ(0, vt_reset(&a));
	ASSERT_EQ(0, vt_reset(&b));
	vt_enable(&a, true);
	vt_enable(&b, true);
	EXPECT_TRUE(is_zero(&a));
	EXPECT_TRUE(is_zero(&b));
	EXPECT_TRUE(vt_works(&a) && vt_works(&b));
	vt_close(&a);
	vt_close(&b);
}

FIXTURE(hot) {
	struct vt_dev dev[2];
	char bdf[2][32];
};

FIXTURE_VARIANT(hot) {
	enum vt_backend backend;
};

FIXTURE_VARIANT_ADD(hot, groups) { .backend = VT_LEGACY };
FIXTURE_VARIANT_ADD(hot, iommufd) { .backend = VT_IOMMUFD };

/* Two functions of one slot, each in a group of its own. */
FIXTURE_SETUP(hot)
{
	struct vfm_mock_conf conf = {
		.given = VFM_MOCK_SLOT | VFM_MOCK_NUMBER, .slot = 40,
	};
	int i;

	if (!vt_has_backend(variant->backend))
		SKIP(return, "no iommufd in this kernel");
	for (i = 0; i < 2; i++) {
		conf.number = i * 3;
		vt_fn_new(&conf, self->bdf[i]);
	}
	vt_open_bdf(&self->dev[0], self->bdf[0], variant->backend);
}

FIXTURE_TEARDOWN(hot)
{
	vt_close(&self->dev[0]);
	vt_fn_del(self->bdf[0]);
	vt_fn_del(self->bdf[1]);
}

struct hot_info {
	struct vfio_pci_hot_reset_info info;
	struct vfio_pci_dependent_device devices[8];
};

static int get_hot_info(struct vt_dev *dev, unsigned int room,
			struct hot_info *hot)
{
	memset(hot, 0, sizeof(*hot));
	hot->info.argsz = sizeof(hot->info) + room * sizeof(hot->devices[0]);
	return ioctl(dev->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, hot) ?
	       -errno : 0;
}

TEST_F(hot, info_names_the_functions_of_the_slot)
{
	struct hot_info hot;

	EXPECT_EQ(-ENOSPC, get_hot_info(&self->dev[0], 1, &hot));
	EXPECT_EQ(2, hot.info.count);
	ASSERT_EQ(0, get_hot_info(&self->dev[0], 8, &hot));
	ASSERT_EQ(2, hot.info.count);
	EXPECT_EQ(PCI_DEVFN(40 % 32, 0), hot.devices[0].devfn);
	EXPECT_EQ(PCI_DEVFN(40 % 32, 3), hot.devices[1].devfn);
	EXPECT_EQ(2, hot.devices[0].bus);
	EXPECT_NE(hot.devices[0].group_id, hot.devices[1].group_id);
}

/* What shows that the caller has all functions: their groups, or his iommufd. */
static int hot_reset(struct vt_dev *dev, int count)
{
	const int groups[] = { dev[0].group, dev[1].group };

	return vt_hot_reset(&dev[0], dev[0].group < 0 ? 0 : count, groups);
}

TEST_F(hot, is_refused_to_who_has_not_all_functions)
{
	vt_write32(&self->dev[0], MOCK_VFIO_REG_SCRATCH, 5);
	EXPECT_GT(0, hot_reset(self->dev, 1));
	vt_open_bdf(&self->dev[1], self->bdf[1], variant->backend);
	vt_write32(&self->dev[1], MOCK_VFIO_REG_SCRATCH, 6);
	EXPECT_EQ(-EINVAL, hot_reset(self->dev, 1));
	EXPECT_EQ(5, vt_read32(&self->dev[0], MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(6, vt_read32(&self->dev[1], MOCK_VFIO_REG_SCRATCH));
	vt_close(&self->dev[1]);
}

TEST_F(hot, resets_all_functions_for_who_has_them)
{
	struct vt_dev *dev = self->dev;
	int fd[2], i;
	size_t s;

	vt_open_beside(&dev[1], self->bdf[1], &dev[0]);
	for (s = 0; s < NR_STATES; s++) {
		for (i = 0; i < 2; i++) {
			ASSERT_TRUE(mark_hardware(&dev[i], self->bdf[i]));
			use(&dev[i]);
			fd[i] = -1;
			ASSERT_EQ(0, vt_set_state(&dev[i],
						  states[(s + i) % NR_STATES], &fd[i]));
		}
		ASSERT_EQ(0, hot_reset(dev, 2));
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&dev[i]));
			EXPECT_TRUE(data_fd_is_dead(fd[i], states[(s + i) % NR_STATES]));
			if (fd[i] >= 0)
				close(fd[i]);
			EXPECT_TRUE(is_zero(&dev[i]));
			EXPECT_FALSE(hardware_is_marked(&dev[i], self->bdf[i]));
			EXPECT_TRUE(vt_works(&dev[i]));
		}
	}
	vt_close(&dev[1]);
}

static bool is_suspended(void *bdf)
{
	char path[96], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status",
		 (char *)bdf);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		exit(1);
	close(fd);
	return !strncmp(text, "suspended", 9);
}

/* Low power is what the kernel's runtime power management does with idle devices. */
static bool has_runtime_pm(const char *bdf)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status",
		 bdf);
	return access(path, F_OK) == 0;
}

FIXTURE(sleep) {
	struct vt_dev dev;
	char bdf[32];
};

FIXTURE_VARIANT(sleep) {
	bool d3hot;
};

FIXTURE_VARIANT_ADD(sleep, d3hot) { .d3hot = true };
FIXTURE_VARIANT_ADD(sleep, low_power) { .d3hot = false };

FIXTURE_SETUP(sleep)
{
	vt_bdf(0, self->bdf);
	if (!variant->d3hot && !has_runtime_pm(self->bdf))
		SKIP(return, "no runtime power management in this kernel");
	vt_open_bdf(&self->dev, self->bdf, VT_LEGACY);
}

FIXTURE_TEARDOWN(sleep)
{
	vt_close(&self->dev);
}

static int fall_asleep(struct vt_dev *dev, char *bdf, bool d3hot)
{
	int ret;

	if (d3hot)
		return vt_set_power(dev, 3);
	ret = vt_low_power(dev, -1);
	if (!ret && !vt_wait_until(is_suspended, bdf, 5000))
		ret = -ETIMEDOUT;
	return ret;
}

static int wake_up(struct vt_dev *dev, bool d3hot)
{
	return d3hot ? vt_set_power(dev, 0) : vt_low_power_exit(dev);
}

/* Even traffic, which stands still while the device sleeps, has no gap. */
TEST_F_TIMEOUT(sleep, and_wake_up_as_before, 60)
{
	struct vt_dev *dev = &self->dev;
	uint64_t *slots = (uint64_t *)(dev->ram + (1 << 20));
	struct mock_vfio_slot before[64 * 4];
	size_t i;
	int fd;

	for (i = 0; i < NR_STATES; i++) {
		use(dev);
		fd = -1;
		ASSERT_EQ(0, vt_set_state(dev, states[i], &fd));
		ASSERT_EQ(0, fall_asleep(dev, self->bdf, variant->d3hot));
		EXPECT_FALSE(vt_answers(dev));
		EXPECT_FALSE(vt_touch(dev->mem + PAGE_1));
		/* RAM stays as it is: no DMA */
		memcpy(before, slots, sizeof(before));
		usleep(20000);
		EXPECT_EQ(0, memcmp(before, slots, sizeof(before)));
		EXPECT_EQ(states[i], vt_get_state(dev));
		ASSERT_EQ(0, wake_up(dev, variant->d3hot));
		EXPECT_TRUE(vt_answers(dev));
		EXPECT_TRUE(vt_touch(dev->mem + PAGE_1));
		EXPECT_EQ(2, dev->mem[PAGE_1]) TH_LOG("%s", vt_state_name(states[i]));
		EXPECT_EQ(7, vt_read32(dev, MOCK_VFIO_REG_SCRATCH));
		EXPECT_EQ(states[i], vt_get_state(dev));
		if (fd >= 0) {
			EXPECT_FALSE(data_fd_is_dead(fd, states[i]));
			close(fd);
		}
		ASSERT_EQ(0, vt_reset(dev));
	}
}

static bool traffic_moves(void *arg)
{
	static uint64_t last;
	const uint64_t seq = vt_read64(arg, MOCK_VFIO_REG_TRAFFIC_SEQ);
	const bool moves = last && seq > last;

	last = seq;
	return moves;
}

TEST_F(sleep, and_the_work_goes_on)
{
	struct vt_dev *dev = &self->dev;

	use(dev);
	ASSERT_EQ(0, fall_asleep(dev, self->bdf, variant->d3hot));
	ASSERT_EQ(0, wake_up(dev, variant->d3hot));
	EXPECT_TRUE(vt_wait_until(traffic_moves, dev, 5000));
}

/* The state machine does not need the BARs; a state is taken and given asleep. */
TEST_F_TIMEOUT(sleep, does_not_stop_a_migration, 60)
{
	struct vt_dev *dev = &self->dev;
	struct vt_state state;

	use(dev);
	ASSERT_EQ(0, fall_asleep(dev, self->bdf, variant->d3hot));
	vt_save(dev, &state);
	ASSERT_EQ(0, wake_up(dev, variant->d3hot));
	ASSERT_EQ(0, vt_reset(dev));
	ASSERT_EQ(0, fall_asleep(dev, self->bdf, variant->d3hot));
	ASSERT_EQ(0, vt_load(dev, &state));
	ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	ASSERT_EQ(0, wake_up(dev, variant->d3hot));
	EXPECT_EQ(7, vt_read32(dev, MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(1, dev->mem[PAGE_1]);
	EXPECT_TRUE(vt_wait_until(traffic_moves, dev, 5000));
	vt_state_free(&state);
}

TEST_F(sleep, and_be_closed)
{
	ASSERT_EQ(0, fall_asleep(&self->dev, self->bdf, variant->d3hot));
	vt_close(&self->dev);
	vt_open_bdf(&self->dev, self->bdf, VT_LEGACY);
	EXPECT_TRUE(vt_works(&self->dev));
}

/* Whatever the user asks of the device wakes it, and the eventfd says so. */
TEST(low_power_with_a_wakeup_eventfd_ends_at_any_access)
{
	struct vt_dev dev;
	char bdf[32];
	int fd = vt_eventfd();

	vt_bdf(0, bdf);
	if (!has_runtime_pm(bdf))
		SKIP(return, "no runtime power management in this kernel");
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	ASSERT_EQ(0, vt_low_power(&dev, fd));
	ASSERT_TRUE(vt_wait_until(is_suspended, bdf, 5000));
	EXPECT_EQ(0, vt_event_count(fd, 20));
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&dev));
	EXPECT_EQ(1, vt_event_count(fd, 5000));
	EXPECT_TRUE(vt_answers(&dev));
	EXPECT_TRUE(vt_works(&dev));
	vt_close(&dev);
	close(fd);
}

TEST_HARNESS_MAIN
