// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bugs that real migration drivers had, by the numbers of
 * Documentation/driver-bugs.rst: with the library they are not there.  Where it
 * can be shown, the same is done to a driver in the shape of those, and the bug is
 * there; what would crash or hang the kernel is not shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/mig_test.h"
#include "vfio_compat.h"

#define ERROR		VFIO_DEVICE_STATE_ERROR
#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define PRE_COPY	VFM_STATE_PRE_COPY
#define PRE_COPY_P2P	VFM_STATE_PRE_COPY_P2P

#define DRIVER		"/sys/bus/platform/drivers/" VFIO_MIG_TEST_NAME

/* What the streams hold; the device itself begins with seed 7, see mt_defaults(). */
#define SEED		99
#define SIZE		20000

static __attribute__((constructor)) void load(void)
{
	mt_load();
}

/* A device of the library's, with all the states there are. */
FIXTURE(scaffold) {
	struct vt_dev dev;
	struct vt_state stream;
};

FIXTURE_SETUP(scaffold)
{
	mt_open(&self->dev, MT_ALL);
	mt_stream(&self->stream, SEED, SIZE);
}

FIXTURE_TEARDOWN(scaffold)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(RUNNING, vt_get_state(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	vt_state_free(&self->stream);
	vt_close(&self->dev);
}

/* The one with the bugs.  Bound anew, for some of them outlive user and reset. */
FIXTURE(legacy_shape) {
	struct vt_dev dev;
	struct vt_state stream;
};

FIXTURE_SETUP(legacy_shape)
{
	vt_write_file(DRIVER "/unbind", VFIO_MIG_TEST_LEGACY);
	vt_write_file(DRIVER "/bind", VFIO_MIG_TEST_LEGACY);
	mt_open(&self->dev, MT_LEGACY);
	mt_stream(&self->stream, SEED, SIZE);
}

FIXTURE_TEARDOWN(legacy_shape)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	vt_state_free(&self->stream);
	vt_close(&self->dev);
}

static uint32_t seed_of(struct vt_dev *dev)
{
	struct vfio_mig_test_control control;

	mt_get(dev, &control);
	return control.seed;
}

/* RESUMING, @len bytes of @data, STOP.  Return: what the last of these said. */
static int load_bytes(struct vt_dev *dev, const void *data, size_t len)
{
	int fd, ret = vt_reset(dev);

	if (!ret)
		ret = vt_set_state(dev, RESUMING, &fd);
	if (ret)
		return ret;
	vt_write_all(fd, data, len, len);
	close(fd);
	return vt_set_state(dev, STOP, NULL);
}

static ssize_t read_err(int fd, void *data, size_t len)
{
	ssize_t n = read(fd, data, len);

	return n < 0 ? -errno : n;
}

static ssize_t write_err(int fd, const void *data, size_t len)
{
	ssize_t n = write(fd, data, len);

	return n < 0 ? -errno : n;
}

/* Others that disturb a test, until it is done. */
struct others {
	struct vt_dev *dev;
	int fd;
	pthread_barrier_t *start;
	volatile bool stop;
	unsigned int turns;
};

static void *resets(void *arg)
{
	struct others *o = arg;

	for (; !o->stop; o->turns++)
		vt_reset(o->dev);
	return NULL;
}

/* --- 1 ----------------------------------------------------------------- */

/*
 * A reset holds the lock that the fault handler of mapped memory takes, as with
 * the BARs of vfio-pci-core.  Whoever waits in that handler in the middle of a
 * transfer must hold nothing that a reset waits for.
 */
TEST_F(scaffold, p01_resets_deadlock_with_no_transfer_from_or_to_mapped_memory)
{
	struct others o = { .dev = &self->dev };
	unsigned int i, moved = 0;
	pthread_t thread;
	int fd;

	ASSERT_EQ(0, pthread_create(&thread, NULL, resets, &o));
	for (i = 0; i < 300 || ((!moved || !o.turns) && i < 100000); i++) {
		if (vt_set_state(&self->dev, i % 2 ? RESUMING : STOP_COPY, &fd) ||
		    fd < 0)
			continue;
		if (i % 2)
			moved += write(fd, self->dev.mem, 65536) > 0;
		else
			moved += read(fd, self->dev.mem, 65536) > 0;
		close(fd);
	}
	o.stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(0, o.turns);
	EXPECT_LT(0, moved);
}

/* --- 2 ----------------------------------------------------------------- */

static bool fd_is_dead(int fd, bool saving)
{
	struct vfm_precopy_info info = { .argsz = sizeof(info) };
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	char byte = 0;
	int ret;

	ret = ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info) ? -errno : 0;
	return (saving ? read_err(fd, &byte, 1) : write_err(fd, &byte, 1)) ==
	       -ENODEV && ret == (saving ? -ENODEV : -ENOTTY) &&
	       poll(&pfd, 1, 0) == 1 && pfd.revents & POLLERR;
}

TEST_F(scaffold, p02_a_data_fd_outlives_its_device_and_the_driver)
{
	static const uint32_t states[] = { STOP_COPY, RESUMING, PRE_COPY };
	int fds[3];
	size_t i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_reset(&self->dev));
		ASSERT_EQ(0, vt_set_state(&self->dev, states[i], &fds[i]));
	}
	vt_close(&self->dev);
	ASSERT_EQ(0, vt_rmmod("vfio_mig_test"));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(fd_is_dead(fds[i], states[i] != RESUMING));
		close(fds[i]);
	}
	ASSERT_TRUE(vt_insmod_test());
	mt_open(&self->dev, MT_ALL);
}

/* --- 3 ----------------------------------------------------------------- */

static void *writes(void *arg)
{
	struct others *o = arg;
	uint8_t data[4096] = {};
	ssize_t n;

	do {
		n = write_err(o->fd, data, sizeof(data));
		o->turns++;
	} while (n != -ENODEV);
	return NULL;
}

/* The writer is in the middle of it when the session goes. */
TEST_F(scaffold, p03_writes_while_and_after_the_load_ends_are_refused)
{
	struct others o = { .dev = &self->dev };
	pthread_t thread;
	int i, ret;

	for (i = 0; i < 50; i++) {
		o.turns = 0;
		ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &o.fd));
		ASSERT_EQ(0, vt_write_all(o.fd, self->stream.data,
					  self->stream.len, 65536));
		ASSERT_EQ(0, pthread_create(&thread, NULL, writes, &o));
		ret = vt_set_state(&self->dev, STOP, NULL);
		EXPECT_TRUE(ret == 0 || ret == -EINVAL || ret == -ENODATA);
		ASSERT_EQ(0, vt_reset(&self->dev));
		pthread_join(thread, NULL);
		EXPECT_LT(0, o.turns);
		EXPECT_EQ(-ENODEV, write_err(o.fd, "", 1));
		close(o.fd);
	}
}

/* --- 4 ----------------------------------------------------------------- */

static void *reads(void *arg)
{
	struct others *o = arg;
	uint8_t data[104];
	ssize_t n;

	pthread_barrier_wait(o->start);
	while ((n = read(o->fd, data, sizeof(data))) > 0)
		o->turns += n;
	return NULL;
}

#define READERS	4

/* All at once.  Return: bytes that they got together. */
static uint64_t read_together(int fd)
{
	struct others o[READERS] = {};
	pthread_t threads[READERS];
	pthread_barrier_t start;
	uint64_t bytes = 0;
	unsigned int i;

	pthread_barrier_init(&start, NULL, READERS);
	for (i = 0; i < READERS; i++) {
		o[i] = (struct others) { .fd = fd, .start = &start };
		pthread_create(&threads[i], NULL, reads, &o[i]);
	}
	for (i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		bytes += o[i].turns;
	}
	return bytes;
}

TEST_F(scaffold, p04_readers_share_a_data_fd)
{
	struct vfio_mig_test_control control;
	int fd;

	mt_get(&self->dev, &control);
	control.size = 1 << 20;
	mt_set(&self->dev, &control);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(vfio_mig_test_words(1 << 20) * 8, read_together(fd));
	close(fd);
}

TEST_F(scaffold, p04_writers_share_a_data_fd)
{
	struct others o = { .dev = &self->dev };
	pthread_t threads[4];
	unsigned int i;

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &o.fd));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, writes, &o));
	EXPECT_GT(0, vt_set_state(&self->dev, STOP, NULL));
	ASSERT_EQ(0, vt_reset(&self->dev));
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	close(o.fd);
}

/* --- 5 ----------------------------------------------------------------- */

TEST_F(scaffold, p05_a_truncated_load_is_refused)
{
	const size_t len = self->stream.len;
	const size_t cuts[] = { 0, 1, 8, 20, 24, len / 2, len - 8, len - 1 };
	size_t i;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		EXPECT_EQ(-ENODATA, load_bytes(&self->dev, self->stream.data, cuts[i]));
		EXPECT_EQ(RESUMING, vt_get_state(&self->dev));
		EXPECT_EQ(7, seed_of(&self->dev));
	}
	EXPECT_EQ(0, load_bytes(&self->dev, self->stream.data, len));
	EXPECT_EQ(SEED, seed_of(&self->dev));
}

TEST_F(legacy_shape, p05_a_truncated_load_is_accepted)
{
	EXPECT_EQ(0, load_bytes(&self->dev, self->stream.data,
				self->stream.len / 2));
	EXPECT_EQ(SEED, seed_of(&self->dev));
}

/* --- 6 ----------------------------------------------------------------- */

/* A header that is wrong, then all of a state that is right. */
static int load_after_bad_header(struct vt_dev *dev, const struct vt_state *s,
				 ssize_t *bad, int *good)
{
	const uint64_t header[3] = { 1, 2, 3 };
	int fd, ret;

	ret = vt_set_state(dev, RESUMING, &fd);
	if (ret)
		return ret;
	*bad = write_err(fd, header, sizeof(header));
	*good = vt_write_all(fd, s->data, s->len, 65536);
	close(fd);
	return vt_set_state(dev, STOP, NULL);
}

TEST_F(scaffold, p06_a_load_that_was_bad_once_stays_bad)
{
	ssize_t bad = 0;
	int good = 0;

	EXPECT_EQ(-EINVAL, load_after_bad_header(&self->dev, &self->stream, &bad,
						 &good));
	EXPECT_EQ(-EINVAL, bad);
	EXPECT_EQ(-EINVAL, good);
	EXPECT_EQ(RESUMING, vt_get_state(&self->dev));
	EXPECT_EQ(7, seed_of(&self->dev));
}

TEST_F(legacy_shape, p06_a_load_that_was_bad_once_is_accepted)
{
	ssize_t bad = 0;
	int good = 0;

	EXPECT_EQ(0, load_after_bad_header(&self->dev, &self->stream, &bad, &good));
	EXPECT_EQ(-EFAULT, bad);
	EXPECT_EQ(-EFAULT, good);
}

/* The driver has said so once, and would not say it again. */
TEST_F(scaffold, p06_what_the_driver_has_refused_is_never_loaded)
{
	int fd;

	mt_fail(&self->dev, VFIO_MIG_TEST_LOAD_CHECK, 1, EBADMSG, 0);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_EQ(-EBADMSG, write_err(fd, self->stream.data, self->stream.len));
	EXPECT_EQ(-EBADMSG, write_err(fd, self->stream.data, self->stream.len));
	EXPECT_EQ(-EBADMSG, vt_set_state(&self->dev, STOP, NULL));
	EXPECT_EQ(RESUMING, vt_get_state(&self->dev));
	EXPECT_EQ(7, seed_of(&self->dev));
	close(fd);
}

/* --- 7 ----------------------------------------------------------------- */

static short poll_now(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -1 : pfd.revents;
}

static int64_t drain(int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read_err(fd, data, sizeof(data))) > 0)
		;
	return n;
}

TEST_F(scaffold, p07_the_end_for_the_moment_is_told_from_the_one_for_good)
{
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	EXPECT_EQ(POLLIN, poll_now(fd));
	EXPECT_EQ(-ENOMSG, drain(fd));
	EXPECT_EQ(-ENOMSG, drain(fd));
	EXPECT_EQ(0, poll_now(fd));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, NULL));
	EXPECT_EQ(POLLIN, poll_now(fd));
	EXPECT_EQ(0, drain(fd));
	EXPECT_EQ(0, drain(fd));
	EXPECT_EQ(POLLIN, poll_now(fd));
	close(fd);
}

TEST_F(legacy_shape, p07_the_end_for_the_moment_looks_like_the_one_for_good)
{
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	EXPECT_EQ(0, drain(fd));
	EXPECT_EQ(POLLIN, poll_now(fd));
	close(fd);
}

/* --- 8 ----------------------------------------------------------------- */

static int precopy_info(int fd, struct vfm_precopy_info *info)
{
	return ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, info) ? -errno : 0;
}

TEST_F(scaffold, p08_precopy_info_echoes_nothing_and_checks_everything)
{
	struct vfm_precopy_info info = { sizeof(info), .flags = ~0u };
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	ASSERT_EQ(0, precopy_info(fd, &info));
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(8000, info.initial_bytes);
	EXPECT_EQ(2000, info.dirty_bytes);
	info.argsz = sizeof(info) - 1;
	EXPECT_EQ(-EINVAL, precopy_info(fd, &info));
	EXPECT_EQ(-EFAULT, precopy_info(fd, NULL));
	EXPECT_EQ(-1, ioctl(fd, VFIO_DEVICE_RESET));
	EXPECT_EQ(ENOTTY, errno);
	info.argsz = sizeof(info);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, NULL));
	EXPECT_EQ(-EINVAL, precopy_info(fd, &info));
	close(fd);
}

TEST_F(legacy_shape, p08_precopy_info_echoes_flags_and_answers_anything)
{
	struct vfm_precopy_info info = { .argsz = 0, .flags = ~0u };
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(0, precopy_info(fd, &info));
	EXPECT_EQ(~0u, info.flags);
	close(fd);
}

/* --- 9 ----------------------------------------------------------------- */

/* An arc that opens a session fails, and is requested once more. */
static int fail_then_retry(struct vt_dev *dev, uint32_t state, uint32_t op)
{
	int fd, ret;

	mt_fail(dev, op, 1, ENOSPC, 0);
	ret = vt_set_state(dev, state, &fd);
	if (ret != -ENOSPC || fd != -1)
		return -1;
	ret = vt_set_state(dev, state, &fd);
	if (!ret)
		close(fd);
	return ret;
}

TEST_F(scaffold, p09_a_failed_arc_leaves_nothing_behind)
{
	struct vfio_mig_test_status before, after;

	mt_status(&self->dev, &before);
	EXPECT_EQ(0, fail_then_retry(&self->dev, RESUMING, VFIO_MIG_TEST_LOAD_BEGIN));
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(0, fail_then_retry(&self->dev, STOP_COPY, VFIO_MIG_TEST_SAVE));
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(0, fail_then_retry(&self->dev, PRE_COPY,
				     VFIO_MIG_TEST_PRECOPY_BEGIN));
	ASSERT_EQ(0, vt_reset(&self->dev));
	mt_status(&self->dev, &after);
	EXPECT_EQ(before.loads_begun + 1, after.loads_begun);
	EXPECT_EQ(before.saves_begun + 2, after.saves_begun);
	EXPECT_TRUE(mt_is_clean(&self->dev));
}

TEST_F(legacy_shape, p09_a_failed_arc_leaves_its_session_behind)
{
	struct vfio_mig_test_status before, after;

	mt_status(&self->dev, &before);
	EXPECT_EQ(0, fail_then_retry(&self->dev, RESUMING, VFIO_MIG_TEST_LOAD_BEGIN));
	mt_status(&self->dev, &after);
	EXPECT_EQ(before.sessions_lost + 1, after.sessions_lost);
}

/* --- 10 ---------------------------------------------------------------- */

/* Core's helper would warn, which ends the test host. */
TEST_F(scaffold, p10_only_a_reset_leads_out_of_error)
{
	uint32_t to;

	mt_fail(&self->dev, VFIO_MIG_TEST_STOP, 1, EIO, VFIO_MIG_TEST_SET_ERROR);
	EXPECT_EQ(-EIO, vt_set_state(&self->dev, STOP, NULL));
	for (to = ERROR; to <= PRE_COPY_P2P; to++) {
		EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, to, NULL));
		EXPECT_EQ(ERROR, vt_get_state(&self->dev));
	}
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(RUNNING, vt_get_state(&self->dev));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
}

/* --- 11 ---------------------------------------------------------------- */

/* The user before has left the device in RESUMING, with a header it took. */
static int leave_in_resuming(struct vt_dev *dev, const struct vt_state *s,
			     unsigned int flags)
{
	int fd, ret = vt_set_state(dev, RESUMING, &fd);

	if (ret)
		return ret;
	ret = vt_write_all(fd, s->data, 24, 24);
	vt_close(dev);
	close(fd);
	mt_open(dev, flags);
	return ret;
}

TEST_F(scaffold, p11_nothing_of_a_user_is_left_for_the_next)
{
	ssize_t bad = 0;
	int good = 0;

	ASSERT_EQ(0, leave_in_resuming(&self->dev, &self->stream, MT_ALL));
	EXPECT_EQ(RUNNING, vt_get_state(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	EXPECT_EQ(-EINVAL, load_after_bad_header(&self->dev, &self->stream, &bad,
						 &good));
	EXPECT_EQ(-EINVAL, bad);
}

TEST_F(legacy_shape, p11_the_next_user_finds_the_state_and_a_match)
{
	ssize_t bad = 0;
	int good = 0;

	ASSERT_EQ(0, leave_in_resuming(&self->dev, &self->stream, MT_LEGACY));
	EXPECT_EQ(RESUMING, vt_get_state(&self->dev));
	ASSERT_EQ(0, vt_reset(&self->dev));
	load_after_bad_header(&self->dev, &self->stream, &bad, &good);
	EXPECT_EQ(24, bad);
}

/* --- 12 ---------------------------------------------------------------- */

static int load_of_size(struct vt_dev *dev, const struct vt_state *s,
			uint64_t size)
{
	memcpy(s->data + 16, &size, sizeof(size));
	return load_bytes(dev, s->data, s->len);
}

TEST_F(scaffold, p12_no_size_is_too_large_to_be_refused)
{
	static const uint64_t sizes[] = {
		(1ull << 32) + SIZE, ~0ull, ~7ull, ~0ull - 31, 1ull << 63, SIZE + 1,
	};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		EXPECT_EQ(-EINVAL, load_of_size(&self->dev, &self->stream, sizes[i]));
	EXPECT_EQ(7, seed_of(&self->dev));
}

TEST_F(scaffold, p12_what_waits_for_the_driver_is_bounded)
{
	struct vfio_mig_test_control control;
	char *data = calloc(1, 65536);
	int fd;

	mt_get(&self->dev, &control);
	control.flags = VFIO_MIG_TEST_ACCUMULATE;
	control.load_max = 3 * 4096;
	mt_set(&self->dev, &control);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_GE(3 * 4096, write_err(fd, data, 65536));
	EXPECT_EQ(-EFBIG, write_err(fd, data, 1));
	EXPECT_EQ(-EFBIG, vt_set_state(&self->dev, STOP, NULL));
	close(fd);
	free(data);
}

TEST_F(legacy_shape, p12_a_size_of_more_than_32_bits_is_cut)
{
	struct vfio_mig_test_control control;

	EXPECT_EQ(0, load_of_size(&self->dev, &self->stream, (1ull << 32) + 4096));
	mt_get(&self->dev, &control);
	EXPECT_GT(65536, control.size);
}

/* --- 13 ---------------------------------------------------------------- */

TEST_F(scaffold, p13_an_invalid_request_changes_nothing)
{
	static const uint32_t bad[] = { ERROR, 8, ~0u, PRE_COPY, PRE_COPY_P2P };
	struct vt_state state;
	size_t i;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, bad[i], NULL));
		EXPECT_EQ(STOP_COPY, vt_get_state(&self->dev));
	}
	ASSERT_EQ(0, vt_read_all(fd, &state));
	EXPECT_TRUE(mt_is_stream(&state, 7, SIZE));
	vt_state_free(&state);
	close(fd);
}

TEST_F(legacy_shape, p13_an_invalid_request_ends_the_session)
{
	char byte;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, ERROR, NULL));
	EXPECT_EQ(STOP_COPY, vt_get_state(&self->dev));
	EXPECT_EQ(-ENODEV, read_err(fd, &byte, 1));
	close(fd);
}

/* --- 14 ---------------------------------------------------------------- */

/* Two pages of memory, the second of which is not there. */
static uint8_t *half_a_buffer(void)
{
	uint8_t *two = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(two + VT_PAGE, VT_PAGE);
	return two;
}

TEST_F(scaffold, p14_a_copy_that_stops_short_loses_nothing)
{
	uint8_t *two = half_a_buffer(), *data = malloc(65536);
	struct vt_state rest, all = { .data = data };
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(VT_PAGE, read_err(fd, two, 2 * VT_PAGE));
	EXPECT_EQ(-EFAULT, read_err(fd, two + VT_PAGE, 1));
	ASSERT_EQ(0, vt_read_all(fd, &rest));
	close(fd);
	all.len = VT_PAGE + rest.len;
	memcpy(data, two, VT_PAGE);
	memcpy(data + VT_PAGE, rest.data, rest.len);
	EXPECT_TRUE(mt_is_stream(&all, 7, SIZE));
	vt_state_free(&rest);
	vt_state_free(&all);

	memcpy(two, self->stream.data, VT_PAGE);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_EQ(VT_PAGE, write_err(fd, two, 2 * VT_PAGE));
	EXPECT_EQ(-EFAULT, write_err(fd, two + VT_PAGE, 1));
	ASSERT_EQ(0, vt_write_all(fd, self->stream.data + VT_PAGE,
				  self->stream.len - VT_PAGE, 65536));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	EXPECT_EQ(SEED, seed_of(&self->dev));
	close(fd);
	munmap(two, VT_PAGE);
}

TEST_F(scaffold, p14_any_segmentation_gives_the_same_state)
{
	static const size_t chunks[] = { 1, 3, 8, 4095, 4096, 4097, 65536 };
	struct vt_state in;
	ssize_t n;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		mt_defaults(&self->dev);
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
		in = (struct vt_state) { malloc(1 << 17) };
		while ((n = read(fd, in.data + in.len, chunks[i])) > 0)
			in.len += n;
		EXPECT_TRUE(mt_is_stream(&in, 7, SIZE));
		vt_state_free(&in);
		close(fd);

		ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
		EXPECT_EQ(0, vt_write_all(fd, self->stream.data,
					  self->stream.len, chunks[i]));
		EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
		EXPECT_EQ(SEED, seed_of(&self->dev));
		close(fd);
	}
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	signals++;
}

/* SIGALRM as often as the machine can, without SA_RESTART; 0 to end it. */
static void alarms(unsigned int usec)
{
	const struct sigaction action = { .sa_handler = count_signal };
	const struct itimerval timer = { { 0, usec }, { 0, usec } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* To the end, signals or not.  Return: the reads that a signal cut short. */
static unsigned int read_through_signals(int fd, struct vt_state *in, size_t max)
{
	unsigned int cut = 0;
	ssize_t n;

	in->len = 0;
	do {
		n = read_err(fd, in->data + in->len, max - in->len);
		in->len += n > 0 ? n : 0;
		cut += n == -EINTR || (n > 0 && in->len < max);
	} while (n > 0 || n == -EINTR);
	return cut;
}

TEST_F(scaffold, p14_signals_in_mid_transfer_lose_nothing)
{
	const uint64_t size = 1 << 20;
	const size_t len = vfio_mig_test_words(size) * 8;
	struct vfio_mig_test_control control;
	struct vt_state in = { malloc(len) };
	unsigned int i, cut = 0;
	int fd;

	mt_get(&self->dev, &control);
	control.size = size;
	mt_set(&self->dev, &control);
	for (i = 0; i < 2000 && !cut; i++) {
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
		alarms(100);
		cut = read_through_signals(fd, &in, len);
		alarms(0);
		EXPECT_TRUE(mt_is_stream(&in, 7, size));
		close(fd);
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	}
	TH_LOG("%u of %u reads cut short by %d signals", cut, i, (int)signals);
	EXPECT_LT(0, cut);
	vt_state_free(&in);
}

TEST_F(legacy_shape, p14_what_was_copied_before_a_fault_is_lost)
{
	uint8_t *two = half_a_buffer();
	struct vt_state rest;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(-EFAULT, read_err(fd, two, 2 * VT_PAGE));
	ASSERT_EQ(0, vt_read_all(fd, &rest));
	EXPECT_GT(self->stream.len, rest.len);
	vt_state_free(&rest);
	close(fd);
}

/* --- 15 ---------------------------------------------------------------- */

TEST_F(scaffold, p15_closing_the_device_ends_its_session)
{
	static const uint32_t states[] = { STOP_COPY, RESUMING, PRE_COPY };
	size_t i;
	int fd;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_set_state(&self->dev, states[i], &fd));
		vt_close(&self->dev);
		EXPECT_TRUE(fd_is_dead(fd, states[i] != RESUMING));
		close(fd);
		mt_open(&self->dev, MT_ALL);
		EXPECT_TRUE(mt_is_clean(&self->dev));
	}
}

TEST_F(legacy_shape, p15_a_session_goes_on_without_its_device)
{
	char byte;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	vt_close(&self->dev);
	EXPECT_EQ(1, read_err(fd, &byte, 1));
	close(fd);
	mt_open(&self->dev, MT_LEGACY);
}

/* --- 16 ---------------------------------------------------------------- */

/* Every region at its end and beyond; mock_bounds has the rest. */
TEST(p16_no_access_goes_beyond_a_region)
{
	struct vfio_region_info info;
	struct vt_dev dev;
	unsigned int i;
	char data[16];

	vt_open(&dev, 0, VT_LEGACY);
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		if (i == VFIO_PCI_VGA_REGION_INDEX)
			continue;
		vt_region(&dev, i, &info);
		EXPECT_GE(0, pread(dev.fd, data, 1, info.offset + info.size));
		EXPECT_GE(0, pread(dev.fd, data, 4, info.offset + (1ull << 39)));
		EXPECT_GE(0, pwrite(dev.fd, data, 1, info.offset + info.size));
		if (!(info.flags & VFIO_REGION_INFO_FLAG_READ))
			continue;
		EXPECT_GE(3, pread(dev.fd, data, 16, info.offset + info.size - 3));
		EXPECT_GE(1, pread(dev.fd, data, 8, info.offset + info.size - 1));
	}
	vt_close(&dev);
}

/* --- 17 ---------------------------------------------------------------- */

TEST_F(scaffold, p17_a_blocked_arc_returns)
{
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, PRE_COPY, NULL));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, PRE_COPY_P2P, NULL));
	EXPECT_EQ(STOP_COPY, vt_get_state(&self->dev));
	close(fd);
}

/* --- 18 ---------------------------------------------------------------- */

TEST_F(scaffold, p18_pre_copy_to_stop_ends_the_session_and_runs_in_between)
{
	static const struct vfio_mig_test_call want[] = {
		{ VFIO_MIG_TEST_STEP, PRE_COPY, RUNNING },
		{ VFIO_MIG_TEST_PRECOPY_END },
		{ VFIO_MIG_TEST_STEP, RUNNING, RUNNING_P2P },
		{ VFIO_MIG_TEST_P2P_BEGIN },
		{ VFIO_MIG_TEST_STEP, RUNNING_P2P, STOP },
		{ VFIO_MIG_TEST_STOP },
	};
	struct vfio_mig_test_status status;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	mt_defaults(&self->dev);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	mt_status(&self->dev, &status);
	ASSERT_EQ(6, status.calls);
	EXPECT_EQ(0, memcmp(want, status.log, sizeof(want)));
	EXPECT_TRUE(fd_is_dead(fd, true));
	close(fd);
}

/* --- 19 ---------------------------------------------------------------- */

static void say_no_data(struct vt_dev *dev)
{
	struct vfio_mig_test_control control;

	mt_get(dev, &control);
	control.data_size = 0;
	mt_set(dev, &control);
}

TEST_F(scaffold, p19_the_data_size_is_never_zero)
{
	static const uint32_t states[] = {
		RUNNING, STOP, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY,
		PRE_COPY_P2P,
	};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		ASSERT_EQ(0, mt_enter(&self->dev, states[i], &fd));
		say_no_data(&self->dev);
		EXPECT_LT(0, vt_data_size(&self->dev));
		close(fd);
	}
}

TEST_F(legacy_shape, p19_the_data_size_can_be_zero)
{
	say_no_data(&self->dev);
	EXPECT_EQ(0, vt_data_size(&self->dev));
}

TEST_HARNESS_MAIN
