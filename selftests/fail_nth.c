// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation and every copy from or to user memory fails once: an
 * operation is repeated, each time with the next one of them made to fail, until
 * it comes through without meeting a failure.  It may fail, but it must clean up behind it: afterwards the same
 * works, and the kernel's log, KASAN and kmemleak have nothing to say.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/log.h"
#include "lib/mig_test.h"
#include "lib/vt.h"
#include "vfio_compat.h"

static int nth_fd = -1;

/* Silently; fail-nth chooses the task. */
static bool prepare(void)
{
	static const char *const files[][2] = {
		{ "failslab/verbose", "0" },
		{ "failslab/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_usercopy/verbose", "0" },
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", files[i][0]);
		if (vt_try_write_file(path, files[i][1]))
			return false;
	}
	return true;
}

static __attribute__((constructor)) void need_fault_injection(void)
{
	if (access("/proc/thread-self/fail-nth", F_OK) == 0) {
		mt_load();
		return;
	}
	printf("TAP version 13\n1..0 # SKIP this kernel has no fault injection\n");
	exit(4);
}

static bool arm(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	return pwrite(nth_fd, text, len, 0) == len;
}

/*
 * Copies from and to user memory count as well.  If it is only the reading of
 * the rest that fails, the operation has not met a failure.
 * Return: true if it has.
 */
static bool disarm(void)
{
	char text[16] = {};
	bool failed = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 &&
		      atoi(text) == 0;

	while (!arm(0))
		;
	return failed;
}

/* The number of failures met; -1 if the operation does not work without any. */
static int walk(int (*op)(void *arg), void *arg, int limit)
{
	bool failed = true;
	int n, ret = 0;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		return -1;
	for (n = 1; failed && n < limit; n++) {
		if (!arm(n))
			return -1;
		ret = op(arg);
		failed = disarm();
	}
	close(nth_fd);
	if (ret || failed)
		printf("# %d after %d failures\n", ret, n);
	return ret || failed ? -1 : n - 2;
}

FIXTURE(fail_nth) {
	struct vt_dev dev;
	struct vt_state state;
};

FIXTURE_SETUP(fail_nth)
{
	ASSERT_TRUE(prepare());
	vt_open(&self->dev, 0, VT_LEGACY);
	memset(self->dev.mem + 3 * VT_PAGE, 1, 2 * VT_PAGE);
	memset(self->dev.mem + 9 * VT_PAGE, 2, VT_PAGE);
	vt_save(&self->dev, &self->state);
}

FIXTURE_TEARDOWN(fail_nth)
{
	vt_state_free(&self->state);
	vt_close(&self->dev);
}

static int op_save(void *arg)
{
	struct vt_dev *dev = arg;
	char data[4096];
	int fd, ret;

	/* the last time it may have been reached without a descriptor */
	ret = vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL);
	if (!ret)
		ret = vt_set_state(dev, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	if (ret)
		return ret;
	ret = read(fd, data, sizeof(data)) > 0 ? 0 : -errno;
	close(fd);
	return ret;
}

TEST_F_TIMEOUT(fail_nth, saving, 180)
{
	const int n = walk(op_save, &self->dev, 5000);

	TH_LOG("%d points of failure", n);
	EXPECT_LT(5, n);
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_RUNNING, NULL));
}

struct load {
	struct vt_dev *dev;
	const struct vt_state *state;
};

static int op_load(void *arg)
{
	struct load *l = arg;
	int ret = vt_load(l->dev, l->state);

	/* the way out of RESUMING after a failure */
	if (ret)
		ioctl(l->dev->fd, VFIO_DEVICE_RESET);
	return ret;
}

TEST_F_TIMEOUT(fail_nth, loading, 180)
{
	struct load l = { &self->dev, &self->state };
	int n = walk(op_load, &l, 5000);

	TH_LOG("%d points of failure", n);
	EXPECT_LT(5, n);
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vt_load(&self->dev, &self->state));
}

static int op_dma(void *arg)
{
	struct vt_dev *dev = arg;
	void *va = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int ret;

	if (va == MAP_FAILED)
		return -ENOMEM;
	ret = vt_map(dev, va, 1ull << 40, 1 << 20, true);
	if (!ret) {
		ret = vt_unmap(dev, 1ull << 40, 1 << 20);
		if (ret)
			vt_unmap(dev, 1ull << 40, 1 << 20);
	}
	munmap(va, 1 << 20);
	return ret;
}

TEST_F_TIMEOUT(fail_nth, mapping_for_dma, 180)
{
	const int n = walk(op_dma, &self->dev, 5000);

	TH_LOG("%d points of failure", n);
	EXPECT_LT(2, n);
}

#define LOG_IOVA	(VT_RAM_IOVA + (1u << 20))
#define LOG_PAGES	64u

static int op_log(void *arg)
{
	struct vt_dev *dev = arg;
	int ret = log_start_one(dev, VT_PAGE, LOG_IOVA, LOG_PAGES * VT_PAGE);

	/* What failed must not have started, or the next time is refused. */
	if (ret)
		return ret;
	ret = log_stop(dev);
	if (ret)
		log_stop(dev);
	return ret;
}

TEST_F_TIMEOUT(fail_nth, starting_the_dirty_log, 180)
{
	const int n = walk(op_log, &self->dev, 5000);

	TH_LOG("%d points of failure", n);
	EXPECT_LT(2, n);
}

struct report {
	struct vt_dev *dev;
	uint64_t *bits;
};

static int op_report(void *arg)
{
	struct report *r = arg;

	return log_report(r->dev, LOG_IOVA, LOG_PAGES * VT_PAGE, VT_PAGE, r->bits);
}

/* A page that was not reported for want of memory is the next time. */
TEST_F_TIMEOUT(fail_nth, reporting_the_dirty_log, 180)
{
	struct vt_dev *dev = &self->dev;
	struct mock_vfio_desc *desc;
	uint64_t bits = 0;
	struct report r = { dev, &bits };

	vt_reset(dev);
	vt_enable(dev, true);
	vt_ring_start(dev, 8);
	ASSERT_EQ(0, log_start_one(dev, VT_PAGE, LOG_IOVA, LOG_PAGES * VT_PAGE));
	desc = vt_desc(dev, 0);
	desc->op = htole32(MOCK_VFIO_OP_FILL_GUEST);
	desc->length = htole32(3 * VT_PAGE);
	desc->dst = htole64(LOG_IOVA + 7 * VT_PAGE);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 1));
	EXPECT_LT(2, walk(op_report, &r, 5000));
	EXPECT_EQ(7 << 7, bits);
}

/* All arcs that open a session, on hardware that counts what was begun. */
static int op_open_sessions(void *arg)
{
	static const uint32_t states[] = {
		VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_RESUMING,
		VFM_STATE_PRE_COPY, VFM_STATE_PRE_COPY_P2P,
	};
	struct vt_dev *dev = arg;
	int ret = 0;
	size_t i;

	for (i = 0; i < 4 && !ret; i++) {
		ret = vt_set_state(dev, states[i], NULL);
		vt_reset(dev);
	}
	return ret;
}

TEST_F_TIMEOUT(fail_nth, opening_sessions_of_the_scaffold, 180)
{
	struct vt_dev dev;
	int n;

	mt_open(&dev, MT_ALL);
	n = walk(op_open_sessions, &dev, 5000);
	TH_LOG("%d points of failure", n);
	EXPECT_LT(12, n);
	EXPECT_TRUE(mt_is_clean(&dev));
	vt_close(&dev);
}

TEST_HARNESS_MAIN
