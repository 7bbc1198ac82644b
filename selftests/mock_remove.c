// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that go while they are used: unplugged with notice or pulled out,
 * in every migration state, with DMA running; and functions that are given to
 * the stock vfio-pci, which cannot serve their BARs.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define ERR	VFIO_PCI_ERR_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX
#define COMES	5000	/* milliseconds */

FIXTURE(leave) {
	struct vt_dev dev;
	char bdf[32];
	int err;
	int req;
};

FIXTURE_VARIANT(leave) {
	uint32_t state;
};

FIXTURE_VARIANT_ADD(leave, running) { .state = VFIO_DEVICE_STATE_RUNNING };
FIXTURE_VARIANT_ADD(leave, p2p) { .state = VFIO_DEVICE_STATE_RUNNING_P2P };
FIXTURE_VARIANT_ADD(leave, stop) { .state = VFIO_DEVICE_STATE_STOP };
FIXTURE_VARIANT_ADD(leave, stop_copy) { .state = VFIO_DEVICE_STATE_STOP_COPY };
FIXTURE_VARIANT_ADD(leave, resuming) { .state = VFIO_DEVICE_STATE_RESUMING };
FIXTURE_VARIANT_ADD(leave, pre_copy) { .state = VFM_STATE_PRE_COPY };
FIXTURE_VARIANT_ADD(leave, pre_copy_p2p) { .state = VFM_STATE_PRE_COPY_P2P };

FIXTURE_SETUP(leave)
{
	const struct vfm_mock_conf conf = {};

	vt_fn_new(&conf, self->bdf);
	vt_open_bdf(&self->dev, self->bdf, VT_LEGACY);
	self->err = vt_eventfd();
	self->req = vt_eventfd();
	ASSERT_EQ(0, vt_irq_eventfds(&self->dev, ERR, 1, &self->err));
	ASSERT_EQ(0, vt_irq_eventfds(&self->dev, REQ, 1, &self->req));
	vt_traffic_start(&self->dev, MOCK_VFIO_TRAFFIC_DMA |
			 MOCK_VFIO_TRAFFIC_MEM | MOCK_VFIO_TRAFFIC_IRQ, 50);
}

FIXTURE_TEARDOWN(leave)
{
	close(self->err);
	close(self->req);
}

static int begin_removal(const char *bdf, bool surprise)
{
	struct vfm_error e;

	return vfm_mock_del(bdf, surprise, NULL, &e);
}

static bool data_fd_is_dead(int fd, uint32_t state)
{
	char byte = 0;
	ssize_t n = state == VFIO_DEVICE_STATE_RESUMING ? write(fd, &byte, 1) :
							  read(fd, &byte, 1);

	return n == -1 && errno == ENODEV;
}

TEST_F(leave, with_notice_it_works_until_it_is_closed)
{
	struct vt_dev *dev = &self->dev;
	int fd = -1;

	ASSERT_EQ(0, vt_set_state(dev, variant->state, &fd));
	ASSERT_EQ(0, begin_removal(self->bdf, false));
	EXPECT_LT(0, vt_event_count(self->req, COMES));
	EXPECT_EQ(0, vt_event_count(self->err, 20));
	EXPECT_TRUE(vt_fn_exists(self->bdf));
	EXPECT_EQ(variant->state, vt_get_state(dev));
	EXPECT_TRUE(vt_answers(dev));
	EXPECT_TRUE(vt_touch(dev->mem));
	if (fd >= 0)
		EXPECT_FALSE(data_fd_is_dead(fd, variant->state));
	if (variant->state == VFIO_DEVICE_STATE_RUNNING)
		EXPECT_TRUE(vt_works(dev));
	vt_close(dev);
	EXPECT_TRUE(vt_fn_goes(self->bdf));
	if (fd >= 0) {
		EXPECT_TRUE(data_fd_is_dead(fd, variant->state));
		close(fd);
	}
}

static bool config_is_gone(struct vt_dev *dev)
{
	uint16_t status = 0;
	ssize_t n = pread(dev->fd, &status, 2,
			  ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) +
			  PCI_STATUS);

	return n < 0 || (n == 2 && status == 0xffff);
}

static bool memory_is_gone(void *dev)
{
	return !vt_touch(((struct vt_dev *)dev)->mem + VT_PAGE);
}

TEST_F(leave, pulled_out_it_answers_nothing_and_can_be_closed)
{
	struct vt_dev *dev = &self->dev;
	uint64_t *slots = (uint64_t *)(dev->ram + (1 << 20));
	uint64_t before[64 * 8];
	int fd = -1;

	EXPECT_TRUE(vt_touch(dev->mem + VT_PAGE));
	ASSERT_EQ(0, vt_set_state(dev, variant->state, &fd));
	ASSERT_EQ(0, begin_removal(self->bdf, true));
	EXPECT_FALSE(vt_answers(dev));
	EXPECT_LT(0, vt_event_count(self->err, COMES));
	EXPECT_LT(0, vt_event_count(self->req, COMES));
	EXPECT_TRUE(memory_is_gone(dev));
	EXPECT_TRUE(config_is_gone(dev));
	memcpy(before, slots, sizeof(before));
	usleep(20000);
	EXPECT_EQ(0, memcmp(before, slots, sizeof(before)));
	/* These may fail or not, but end. */
	vt_reset(dev);
	vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL);
	vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL);
	vt_cfg_write(dev, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	EXPECT_FALSE(vt_answers(dev));
	EXPECT_TRUE(memory_is_gone(dev));
	vt_close(dev);
	EXPECT_TRUE(vt_fn_goes(self->bdf));
	if (fd >= 0) {
		EXPECT_TRUE(data_fd_is_dead(fd, variant->state));
		close(fd);
	}
}

FIXTURE(busy) {};
FIXTURE_SETUP(busy) {}
FIXTURE_TEARDOWN(busy) {}

struct worker {
	struct vt_dev *dev;
	volatile bool stop;
	unsigned int nr;
};

static void *work(void *arg)
{
	const uint32_t one = 1;
	struct worker *w = arg;
	uint8_t data[4096];

	while (!w->stop) {
		if (pread(w->dev->fd, data, 512, 0) < 0)
			usleep(10);
		if (pwrite(w->dev->fd, &one, 4, MOCK_VFIO_REG_ERROR_TRIGGER) < 0)
			usleep(10);
		vt_touch(w->dev->mem + VT_PAGE * (w->nr++ % 200));
		if (pread(w->dev->fd, data, 4096, 2ull << 40) < 0)
			usleep(10);
		vt_set_state(w->dev, 1 + w->nr % 7, NULL);
		if (w->nr % 8 == 0)
			vt_reset(w->dev);
	}
	return NULL;
}

/* Errors are reported and the device is used by two threads all the time. */
TEST_F_TIMEOUT(busy, functions_go_in_the_middle_of_everything, 120)
{
	const struct vfm_mock_conf conf = {};
	struct worker w[2];
	pthread_t threads[2];
	struct vt_dev dev;
	char bdf[32];
	int i, t, req;

	for (i = 0; i < 6; i++) {
		vt_fn_new(&conf, bdf);
		vt_open_bdf(&dev, bdf, VT_LEGACY);
		req = vt_eventfd();
		ASSERT_EQ(0, vt_irq_eventfds(&dev, REQ, 1, &req));
		vt_traffic_start(&dev, MOCK_VFIO_TRAFFIC_DMA |
				 MOCK_VFIO_TRAFFIC_MEM, 50);
		for (t = 0; t < 2; t++) {
			w[t] = (struct worker) { .dev = &dev, .nr = t };
			ASSERT_EQ(0, pthread_create(&threads[t], NULL, work, &w[t]));
		}
		usleep(20000);
		ASSERT_EQ(0, begin_removal(bdf, i % 2));
		EXPECT_LT(0, vt_event_count(req, COMES));
		usleep(20000);
		for (t = 0; t < 2; t++)
			w[t].stop = true;
		for (t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
		vt_close(&dev);
		close(req);
		EXPECT_TRUE(vt_fn_goes(bdf));
	}
}

static void set_driver(const char *bdf, const char *override, const char *driver)
{
	char path[96], real[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf);
	vt_write_file(path, override);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", bdf);
	vt_write_file(path, bdf);
	vt_write_file("/sys/bus/pci/drivers_probe", bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
	if (realpath(path, real) && !strcmp(strrchr(real, '/') + 1, driver))
		return;
	fprintf(stderr, "# %s is not bound to %s\n", bdf, driver);
	exit(1);
}

FIXTURE(stock) {
	struct vt_dev dev;
	char bdf[32];
};

FIXTURE_VARIANT(stock) {
	enum vt_backend backend;
};

FIXTURE_VARIANT_ADD(stock, group) { .backend = VT_LEGACY };
FIXTURE_VARIANT_ADD(stock, iommufd) { .backend = VT_IOMMUFD };

FIXTURE_SETUP(stock)
{
	const char *const modprobe[] = { "modprobe", "vfio-pci", NULL };
	const struct vfm_mock_conf conf = {};

	if (!vt_has_backend(variant->backend))
		SKIP(return, "no iommufd in this kernel");
	if (access("/sys/bus/pci/drivers/vfio-pci", F_OK) && vt_run(modprobe))
		SKIP(return, "no vfio-pci for this kernel");
	vt_fn_new(&conf, self->bdf);
	set_driver(self->bdf, "vfio-pci", "vfio-pci");
	vt_open_bare(&self->dev, self->bdf, variant->backend);
}

FIXTURE_TEARDOWN(stock)
{
	vt_close(&self->dev);
	vt_fn_del(self->bdf);
}

TEST_F(stock, bars_are_there_but_do_not_answer)
{
	static const unsigned int bars[] = {
		MOCK_VFIO_BAR_REGS, MOCK_VFIO_BAR_MEM, MOCK_VFIO_BAR_MSIX,
	};
	struct vt_dev *dev = &self->dev;
	struct vfio_region_info info;
	uint32_t val = 0;
	size_t i;

	ASSERT_EQ(0, vt_cfg_write(dev, PCI_COMMAND, PCI_COMMAND_MEMORY, 2));
	for (i = 0; i < 3; i++) {
		vt_region(dev, bars[i], &info);
		EXPECT_LT(0, info.size);
		EXPECT_EQ(-1, pread(dev->fd, &val, 4, info.offset));
		EXPECT_EQ(-1, pwrite(dev->fd, &val, 4, info.offset));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, VT_PAGE, PROT_READ, MAP_SHARED,
					   dev->fd, info.offset));
	}
}

TEST_F(stock, the_rest_of_the_function_works)
{
	struct vt_dev *dev = &self->dev;
	int fd = vt_eventfd();
	uint8_t *ram;

	EXPECT_EQ(MOCK_VFIO_VENDOR_ID, vt_cfg_read(dev, PCI_VENDOR_ID, 2));
	EXPECT_EQ(0, vt_reset(dev));
	EXPECT_EQ(0, vt_flr(dev));
	EXPECT_EQ(0, vt_set_power(dev, 3));
	EXPECT_EQ(0, vt_set_power(dev, 0));
	EXPECT_EQ(-ENOTTY, vt_get_state(dev));
	ram = mmap(NULL, VT_PAGE * 16, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	EXPECT_EQ(0, vt_map(dev, ram, VT_RAM_IOVA, VT_PAGE * 16, true));
	EXPECT_EQ(0, vt_unmap(dev, VT_RAM_IOVA, VT_PAGE * 16));
	munmap(ram, VT_PAGE * 16);
	EXPECT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSI_IRQ_INDEX, 1, &fd));
	EXPECT_EQ(0, vt_irq_action(dev, VFIO_PCI_MSI_IRQ_INDEX,
				   VFIO_IRQ_SET_ACTION_TRIGGER));
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	close(fd);
}

TEST_F(stock, it_hears_of_the_end)
{
	struct vt_dev *dev = &self->dev;
	int err = vt_eventfd(), req = vt_eventfd();

	ASSERT_EQ(0, vt_irq_eventfds(dev, ERR, 1, &err));
	ASSERT_EQ(0, vt_irq_eventfds(dev, REQ, 1, &req));
	ASSERT_EQ(0, begin_removal(self->bdf, true));
	EXPECT_LT(0, vt_event_count(err, COMES));
	EXPECT_LT(0, vt_event_count(req, COMES));
	vt_close(dev);
	EXPECT_TRUE(vt_fn_goes(self->bdf));
	close(err);
	close(req);
	/* for the teardown */
	vt_fn_new(&(struct vfm_mock_conf) {}, self->bdf);
	vt_open_bare(dev, self->bdf, variant->backend);
}

TEST_F(stock, and_back_to_the_variant_driver)
{
	struct vt_dev *dev = &self->dev;

	vt_close(dev);
	set_driver(self->bdf, "\n", "mock_vfio_pci");
	vt_open_bdf(dev, self->bdf, variant->backend);
	EXPECT_TRUE(vt_works(dev));
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(dev));
}

TEST_HARNESS_MAIN
