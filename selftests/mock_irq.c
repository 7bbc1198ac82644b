// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts of a mock function, as vfio-pci-core hands them out: INTx with all
 * its masks, MSI and MSI-X with any number of vectors, errors, and the request
 * to let the function go.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define ERR	VFIO_PCI_ERR_IRQ_INDEX
#define REQ	VFIO_PCI_REQ_IRQ_INDEX

#define MANY	2048
#define COMES	5000	/* milliseconds */
#define NEVER	20

FIXTURE(irq) {
	struct vt_dev dev;
	int fds[32];
};

FIXTURE_SETUP(irq)
{
	int i;

	vt_open(&self->dev, 0, VT_LEGACY);
	for (i = 0; i < 32; i++)
		self->fds[i] = vt_eventfd();
}

FIXTURE_TEARDOWN(irq)
{
	int i;

	vt_close(&self->dev);
	for (i = 0; i < 32; i++)
		close(self->fds[i]);
}

static void raise_vector(struct vt_dev *dev, uint32_t vector)
{
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, vector);
}

/* Does a vector reach its own descriptor, once, and no other? */
static bool only_signals(struct vt_dev *dev, uint32_t vector, const int *fds,
			 int count, int which)
{
	int i;

	raise_vector(dev, vector);
	for (i = 0; i < count; i++)
		if (vt_event_count(fds[i], i == which ? COMES : 0) != (i == which))
			return false;
	return true;
}

TEST_F(irq, msi_has_any_number_of_vectors_up_to_32)
{
	static const int counts[] = { 1, 2, 3, 4, 5, 8, 16, 31, 32 };
	struct vt_dev *dev = &self->dev;
	size_t i;
	int v;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, MSI, counts[i], self->fds));
		for (v = 0; v < counts[i]; v++)
			EXPECT_TRUE(only_signals(dev, v, self->fds, 32, v))
				TH_LOG("vector %d of %d", v, counts[i]);
		ASSERT_EQ(0, vt_irq_off(dev, MSI));
		raise_vector(dev, 0);
		EXPECT_EQ(0, vt_event_count(self->fds[0], 0));
	}
	EXPECT_EQ(-EINVAL, vt_irq_eventfds(dev, MSI, 33, self->fds));
}

TEST_F(irq, an_msi_vector_that_is_masked_waits)
{
	struct vt_dev *dev = &self->dev;
	unsigned int cap = vt_cfg_cap(dev, PCI_CAP_ID_MSI);

	ASSERT_EQ(0, vt_irq_eventfds(dev, MSI, 8, self->fds));
	ASSERT_EQ(0, vt_cfg_write(dev, cap + PCI_MSI_MASK_64, 1 << 5, 4));
	raise_vector(dev, 5);
	raise_vector(dev, 5);
	EXPECT_EQ(0, vt_event_count(self->fds[5], NEVER));
	EXPECT_EQ(1u << 5, vt_cfg_read(dev, cap + PCI_MSI_PENDING_64, 4));
	EXPECT_TRUE(only_signals(dev, 4, self->fds, 8, 4));
	ASSERT_EQ(0, vt_cfg_write(dev, cap + PCI_MSI_MASK_64, 0, 4));
	EXPECT_EQ(1, vt_event_count(self->fds[5], COMES));
	EXPECT_EQ(0, vt_event_count(self->fds[5], NEVER));
	EXPECT_EQ(0, vt_cfg_read(dev, cap + PCI_MSI_PENDING_64, 4));
}

static void allow_many_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < MANY + 64)
		limit.rlim_max = MANY + 64;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

FIXTURE(many) {};
FIXTURE_SETUP(many) {}
FIXTURE_TEARDOWN(many) {}

/* In an order that is not ascending; a stray event shows as a second one. */
TEST_F_TIMEOUT(many, msix_vectors_2048_each_its_own, 200)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_MSIX, .msix = MANY,
	};
	struct vt_dev dev;
	char bdf[32];
	int *fds, i;

	allow_many_files();
	fds = calloc(MANY, sizeof(int));
	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	for (i = 0; i < MANY; i++)
		fds[i] = vt_eventfd();
	ASSERT_EQ(0, vt_irq_eventfds(&dev, MSIX, MANY, fds));
	for (i = 0; i < MANY; i++) {
		const int v = i * 997 % MANY;

		raise_vector(&dev, v);
		ASSERT_EQ(1, vt_event_count(fds[v], COMES));
	}
	raise_vector(&dev, MANY);
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, vt_event_count(fds[i], 0));
		close(fds[i]);
	}
	vt_close(&dev);
	vt_fn_del(bdf);
	free(fds);
}

/* Vector 0 goes on all the time, and misses nothing. */
TEST_F(irq, msix_vectors_come_and_go_while_others_fire)
{
	struct vt_dev *dev = &self->dev;
	struct vfio_irq_info info;
	uint64_t events = 0, seq;
	int round, v, n;

	ASSERT_EQ(0, vt_irq_info(dev, MSIX, &info));
	EXPECT_EQ(16, info.count);
	EXPECT_FALSE(info.flags & VFIO_IRQ_INFO_NORESIZE);
	ASSERT_EQ(0, vt_irq_eventfds(dev, MSIX, 1, self->fds));
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_IRQ, 200);
	for (round = 0; round < 5; round++) {
		for (v = 1; v < 16; v++) {
			ASSERT_EQ(0, vt_irq_one(dev, MSIX, v, self->fds[v]));
			raise_vector(dev, v);
			EXPECT_EQ(1, vt_event_count(self->fds[v], COMES));
		}
		for (v = 1; v < 16; v++)
			ASSERT_EQ(0, vt_irq_one(dev, MSIX, (v * 7) % 16 ?: 1, -1));
		for (v = 1; v < 16; v++)
			EXPECT_EQ(0, vt_event_count(self->fds[v], 0));
	}
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
	while ((n = vt_event_count(self->fds[0], 100)) > 0)
		events += n;
	EXPECT_LT(0, seq);
	EXPECT_EQ(seq, events);
}

TEST_F(irq, an_msix_vector_that_nobody_has_enabled_waits)
{
	struct vt_dev *dev = &self->dev;
	const uint64_t pba = ((uint64_t)MOCK_VFIO_BAR_MSIX << 40) + 2048;
	uint8_t pending[2] = {};

	ASSERT_EQ(0, vt_irq_eventfds(dev, MSIX, 1, self->fds));
	raise_vector(dev, 9);
	ASSERT_EQ(2, pread(dev->fd, pending, 2, pba));
	EXPECT_EQ(2, pending[1]);
	ASSERT_EQ(0, vt_irq_one(dev, MSIX, 9, self->fds[9]));
	EXPECT_EQ(1, vt_event_count(self->fds[9], COMES));
	ASSERT_EQ(2, pread(dev->fd, pending, 2, pba));
	EXPECT_EQ(0, pending[1]);
	ASSERT_EQ(0, vt_irq_one(dev, MSIX, 9, -1));
	raise_vector(dev, 9);
	EXPECT_EQ(0, vt_event_count(self->fds[9], NEVER));
	ASSERT_EQ(0, vt_irq_one(dev, MSIX, 9, self->fds[9]));
	EXPECT_EQ(1, vt_event_count(self->fds[9], COMES));
}

static void assert_pin(struct vt_dev *dev)
{
	vt_write32(dev, MOCK_VFIO_REG_IRQ_ENABLE, MOCK_VFIO_IRQ_TRIGGER);
	raise_vector(dev, 0);
}

static void release_pin(struct vt_dev *dev)
{
	vt_write32(dev, MOCK_VFIO_REG_IRQ_ACK, MOCK_VFIO_IRQ_ALL);
}

static int mask(struct vt_dev *dev)
{
	return vt_irq_action(dev, INTX, VFIO_IRQ_SET_ACTION_MASK);
}

static int unmask(struct vt_dev *dev)
{
	return vt_irq_action(dev, INTX, VFIO_IRQ_SET_ACTION_UNMASK);
}

TEST_F(irq, intx_can_be_masked_and_unmasked)
{
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0];
	struct vfio_irq_info info;

	ASSERT_EQ(0, vt_irq_info(dev, INTX, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
		  VFIO_IRQ_INFO_AUTOMASKED, info.flags);
	ASSERT_EQ(0, vt_irq_eventfds(dev, INTX, 1, &fd));
	ASSERT_EQ(0, mask(dev));
	assert_pin(dev);
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	EXPECT_TRUE(vt_cfg_read(dev, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, unmask(dev));
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	/* It has masked itself; still asserted, it comes again and again. */
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	ASSERT_EQ(0, unmask(dev));
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	release_pin(dev);
	EXPECT_FALSE(vt_cfg_read(dev, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, unmask(dev));
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	assert_pin(dev);
	EXPECT_EQ(1, vt_event_count(fd, COMES));
}

static void signal_eventfd(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, 8) != 8)
		abort();
}

TEST_F(irq, intx_can_be_unmasked_by_an_eventfd)
{
	const uint32_t how = VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_UNMASK;
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0], ack = self->fds[1], none = -1, i;

	ASSERT_EQ(0, vt_irq_eventfds(dev, INTX, 1, &fd));
	ASSERT_EQ(0, vt_set_irqs(dev, INTX, 0, 1, how, &ack, sizeof(ack)));
	assert_pin(dev);
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(1, vt_event_count(fd, COMES));
		signal_eventfd(ack);
	}
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	release_pin(dev);
	signal_eventfd(ack);
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	assert_pin(dev);
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	ASSERT_EQ(0, vt_set_irqs(dev, INTX, 0, 1, how, &none, sizeof(none)));
	signal_eventfd(ack);
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
}

TEST_F(irq, intx_can_be_disabled_in_the_command_register)
{
	const uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0];

	ASSERT_EQ(0, vt_irq_eventfds(dev, INTX, 1, &fd));
	ASSERT_EQ(0, vt_cfg_write(dev, PCI_COMMAND, on | PCI_COMMAND_INTX_DISABLE, 2));
	assert_pin(dev);
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	ASSERT_EQ(0, vt_cfg_write(dev, PCI_COMMAND, on, 2));
	EXPECT_EQ(1, vt_event_count(fd, COMES));
}

TEST(a_function_without_a_pin_has_no_intx)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "no-intx",
	};
	int fd = vt_eventfd();
	struct vfio_irq_info info;
	struct vt_dev dev;
	char bdf[32];

	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	EXPECT_EQ(0, vt_irq_info(&dev, INTX, &info));
	EXPECT_EQ(0, info.count);
	EXPECT_EQ(0, vt_cfg_read(&dev, PCI_INTERRUPT_PIN, 1));
	EXPECT_EQ(-EINVAL, vt_irq_eventfds(&dev, INTX, 1, &fd));
	assert_pin(&dev);
	EXPECT_FALSE(vt_cfg_read(&dev, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	ASSERT_EQ(0, vt_irq_eventfds(&dev, MSIX, 1, &fd));
	raise_vector(&dev, 0);
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	vt_close(&dev);
	vt_fn_del(bdf);
	close(fd);
}

TEST(a_function_may_have_no_messages)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_MSI | VFM_MOCK_MSIX,
	};
	struct vfio_region_info region;
	int fd = vt_eventfd();
	struct vfio_irq_info info;
	struct vt_dev dev;
	char bdf[32];

	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	EXPECT_EQ(0, vt_irq_info(&dev, MSI, &info));
	EXPECT_EQ(0, info.count);
	EXPECT_EQ(0, vt_irq_info(&dev, MSIX, &info));
	EXPECT_EQ(0, info.count);
	vt_region(&dev, MOCK_VFIO_BAR_MSIX, &region);
	EXPECT_EQ(0, region.size);
	EXPECT_EQ(0, region.flags);
	EXPECT_EQ(-EINVAL, vt_irq_eventfds(&dev, MSIX, 1, &fd));
	ASSERT_EQ(0, vt_irq_eventfds(&dev, INTX, 1, &fd));
	assert_pin(&dev);
	EXPECT_EQ(1, vt_event_count(fd, COMES));
	vt_close(&dev);
	vt_fn_del(bdf);
	close(fd);
}

static void raise_any(struct vt_dev *dev, unsigned int index)
{
	if (index == INTX)
		assert_pin(dev);
	else
		raise_vector(dev, 0);
}

TEST_F(irq, one_kind_at_a_time_and_all_in_turn)
{
	static const unsigned int kinds[] = { INTX, MSI, MSIX, MSI, INTX, MSIX };
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, kinds[i], 1, &fd));
		EXPECT_EQ(-EINVAL, vt_irq_eventfds(dev, (kinds[i] + 1) % 3, 1, &fd));
		raise_any(dev, kinds[i]);
		EXPECT_EQ(1, vt_event_count(fd, COMES));
		ASSERT_EQ(0, vt_irq_off(dev, kinds[i]));
		raise_any(dev, kinds[i]);
		EXPECT_EQ(0, vt_event_count(fd, NEVER));
		release_pin(dev);
	}
}

/* Loopback: the user has the kernel signal his own descriptor. */
TEST_F(irq, triggers_can_be_tried_out)
{
	static const unsigned int kinds[] = { INTX, MSI, MSIX };
	const uint8_t bools[] = { 0, 1, 0, 1 };
	struct vt_dev *dev = &self->dev;
	int *fds = self->fds, i, v;

	for (i = 0; i < 3; i++) {
		const int count = kinds[i] == INTX ? 1 : 4;

		ASSERT_EQ(0, vt_irq_eventfds(dev, kinds[i], count, fds));
		EXPECT_EQ(0, vt_set_irqs(dev, kinds[i], 0, count,
					 VFIO_IRQ_SET_DATA_NONE |
					 VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0));
		for (v = 0; v < count; v++)
			EXPECT_EQ(1, vt_event_count(fds[v], COMES));
		EXPECT_EQ(0, vt_set_irqs(dev, kinds[i], 0, count,
					 VFIO_IRQ_SET_DATA_BOOL |
					 VFIO_IRQ_SET_ACTION_TRIGGER, bools, count));
		for (v = 0; v < count; v++)
			EXPECT_EQ(bools[v], vt_event_count(fds[v], 0));
		ASSERT_EQ(0, vt_irq_off(dev, kinds[i]));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, i ? REQ : ERR, 1, fds));
		EXPECT_EQ(0, vt_irq_action(dev, i ? REQ : ERR,
					   VFIO_IRQ_SET_ACTION_TRIGGER));
		EXPECT_EQ(1, vt_event_count(fds[0], COMES));
	}
}

/* The kernel is not done with the error when its user hears of it: EAGAIN. */
static bool is_reset(void *dev)
{
	return vt_reset(dev) == 0;
}

TEST_F(irq, an_error_of_the_device_reaches_its_user)
{
	static const uint32_t states[] = {
		VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P,
		VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY,
		VFIO_DEVICE_STATE_RESUMING,
	};
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0], none = -1;
	struct vfio_irq_info info;
	size_t i;

	ASSERT_EQ(0, vt_irq_info(dev, ERR, &info));
	EXPECT_EQ(1, info.count);
	vt_write32(dev, MOCK_VFIO_REG_ERROR_TRIGGER, 1);
	ASSERT_EQ(0, vt_irq_eventfds(dev, ERR, 1, &fd));
	vt_event_count(fd, NEVER);
	for (i = 0; i < sizeof(states) / sizeof(*states); i++) {
		ASSERT_EQ(0, vt_set_state(dev, states[i], NULL));
		vt_write32(dev, MOCK_VFIO_REG_ERROR_TRIGGER, 1);
		EXPECT_EQ(1, vt_event_count(fd, COMES));
		EXPECT_EQ(states[i], vt_get_state(dev));
		EXPECT_TRUE(vt_wait_until(is_reset, dev, COMES));
	}
	EXPECT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_ERROR_TRIGGER));
	ASSERT_EQ(0, vt_irq_eventfds(dev, ERR, 1, &none));
	vt_write32(dev, MOCK_VFIO_REG_ERROR_TRIGGER, 1);
	EXPECT_EQ(0, vt_event_count(fd, NEVER));
	EXPECT_TRUE(vt_works(dev));
}

/* By another program: the writer waits until the function was let go. */
static pid_t remove_in_background(const char *bdf)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("sh", "sh", "-c", "echo 1 >/sys/bus/pci/devices/$0/remove",
		       bdf, NULL);
		_exit(127);
	}
	return pid;
}

static bool is_there(const char *bdf)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	return access(path, F_OK) == 0;
}

TEST(removal_asks_the_user_and_waits_for_him)
{
	const struct vfm_mock_conf conf = {};
	int fd = vt_eventfd(), by_sysfs, status;
	struct vfm_error e;
	struct vt_dev dev;
	char bdf[32];
	pid_t pid = 0;

	for (by_sysfs = 0; by_sysfs < 2; by_sysfs++) {
		vt_fn_new(&conf, bdf);
		vt_open_bdf(&dev, bdf, VT_LEGACY);
		ASSERT_EQ(0, vt_irq_eventfds(&dev, REQ, 1, &fd));
		EXPECT_EQ(0, vt_event_count(fd, NEVER));
		if (by_sysfs)
			pid = remove_in_background(bdf);
		else
			ASSERT_EQ(0, vfm_mock_del(bdf, false, NULL, &e));
		EXPECT_LT(0, vt_event_count(fd, COMES));
		EXPECT_TRUE(is_there(bdf));
		EXPECT_TRUE(vt_works(&dev));
		vt_close(&dev);
		if (by_sysfs) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			ASSERT_EQ(0, vfm_mock_del(bdf, false, NULL, &e));
		}
		EXPECT_TRUE(vt_fn_goes(bdf));
		EXPECT_FALSE(is_there(bdf));
	}
	close(fd);
}

struct stepper {
	struct vt_dev *dev;
	int steps;
	int failed;
};

static void *stop_and_go(void *arg)
{
	struct stepper *s = arg;
	int i;

	for (i = 0; i < s->steps; i++) {
		if (vt_set_state(s->dev, VFIO_DEVICE_STATE_STOP, NULL) ||
		    vt_set_state(s->dev, VFIO_DEVICE_STATE_RUNNING, NULL))
			s->failed++;
		usleep(500);
	}
	return NULL;
}

TEST_F(irq, none_is_lost_or_repeated_over_stop_and_run)
{
	static const unsigned int kinds[] = { MSI, MSIX };
	struct vt_dev *dev = &self->dev;
	struct stepper s = { .dev = dev, .steps = 60 };
	uint64_t events, seq;
	pthread_t thread;
	int i, n;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, kinds[i], 1, self->fds));
		vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_IRQ, 100);
		ASSERT_EQ(0, pthread_create(&thread, NULL, stop_and_go, &s));
		pthread_join(thread, NULL);
		EXPECT_EQ(0, s.failed);
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
		seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
		for (events = 0; (n = vt_event_count(self->fds[0], 100)) > 0;)
			events += n;
		EXPECT_LT(0, seq);
		EXPECT_EQ(seq, events);
		ASSERT_EQ(0, vt_irq_off(dev, kinds[i]));
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	}
}

/* Each kind: raised while stopped it comes, once, when the device runs. */
TEST_F(irq, what_is_raised_while_stopped_comes_later)
{
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0];
	unsigned int kind;

	for (kind = INTX; kind <= MSIX; kind++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, kind, 1, &fd));
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL));
		raise_any(dev, kind);
		EXPECT_EQ(0, vt_event_count(fd, NEVER));
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RUNNING, NULL));
		EXPECT_EQ(1, vt_event_count(fd, COMES));
		EXPECT_EQ(0, vt_event_count(fd, NEVER));
		release_pin(dev);
		ASSERT_EQ(0, vt_irq_off(dev, kind));
	}
}

TEST_F(irq, work_again_after_a_reset_without_being_set_anew)
{
	struct vt_dev *dev = &self->dev;
	int fd = self->fds[0];
	unsigned int kind;

	for (kind = INTX; kind <= MSIX; kind++) {
		ASSERT_EQ(0, vt_irq_eventfds(dev, kind, 1, &fd));
		ASSERT_EQ(0, vt_reset(dev));
		vt_enable(dev, true);
		raise_any(dev, kind);
		EXPECT_EQ(1, vt_event_count(fd, COMES)) TH_LOG("kind %u", kind);
		release_pin(dev);
		ASSERT_EQ(0, vt_irq_off(dev, kind));
	}
}

TEST_HARNESS_MAIN
