// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ways of the library to take a state from a driver and to give it one: the
 * reader sees the same stream, whatever the way and however it is cut up.
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

#define STOP		VFIO_DEVICE_STATE_STOP
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define PRE_COPY	VFM_STATE_PRE_COPY

#define SEED		7
#define SIZE		20000
#define SMALL		2000
#define BIG		(1 << 20)
#define STREAM_MAX	(BIG + 4096)

#define FEATURE_PRECOPY_INFO_V2	12
#define PRECOPY_INFO_REINIT	1

static __attribute__((constructor)) void load(void)
{
	mt_load();
}

static uint64_t stream_len(uint64_t size)
{
	return vfio_mig_test_words(size) * 8;
}

static void control(struct vt_dev *dev, uint64_t size, uint32_t buffer,
		    uint32_t flags)
{
	struct vfio_mig_test_control c;

	mt_defaults(dev);
	mt_get(dev, &c);
	c.size = size;
	c.buffer = buffer;
	c.flags = flags;
	mt_set(dev, &c);
}

static void set_flags(struct vt_dev *dev, uint32_t flags)
{
	struct vfio_mig_test_control c;

	mt_get(dev, &c);
	c.flags = flags;
	mt_set(dev, &c);
}

static ssize_t read_err(int fd, void *data, size_t len)
{
	ssize_t n = read(fd, data, len);

	return n < 0 ? -errno : n;
}

static short poll_for(int fd, int msec)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, msec) < 0 ? -1 : pfd.revents;
}

/* --- all ways ----------------------------------------------------------- */

FIXTURE(way) {
	struct vt_dev dev;
	struct vt_state in;
};

FIXTURE_VARIANT(way) {
	unsigned int device;
	uint32_t buffer;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(way, append) { MT_ALL, VFIO_MIG_TEST_APPEND };
FIXTURE_VARIANT_ADD(way, append_pieces) {
	MT_ALL, VFIO_MIG_TEST_APPEND, VFIO_MIG_TEST_PIECES
};
FIXTURE_VARIANT_ADD(way, pages) { MT_ALL, VFIO_MIG_TEST_PAGES };
FIXTURE_VARIANT_ADD(way, flat) { MT_ALL, VFIO_MIG_TEST_FLAT };
FIXTURE_VARIANT_ADD(way, queue) { MT_QUEUE, VFIO_MIG_TEST_APPEND };
FIXTURE_VARIANT_ADD(way, queue_pages) { MT_QUEUE, VFIO_MIG_TEST_PAGES };
FIXTURE_VARIANT_ADD(way, direct) { MT_DIRECT };

FIXTURE_SETUP(way)
{
	mt_open(&self->dev, variant->device);
	control(&self->dev, SIZE, variant->buffer, variant->flags);
	self->in = (struct vt_state) { malloc(STREAM_MAX) };
}

FIXTURE_TEARDOWN(way)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	vt_state_free(&self->in);
	vt_close(&self->dev);
}

/* Up to the end, whichever it is, in pieces of @chunk. */
static int read_chunks(int fd, struct vt_state *in, size_t chunk)
{
	ssize_t n;

	for (;;) {
		n = STREAM_MAX - in->len;
		n = read_err(fd, in->data + in->len, n < chunk ? n : chunk);
		if (n <= 0)
			return n;
		in->len += n;
	}
}

TEST_F(way, any_segmentation_reads_the_same)
{
	static const size_t chunks[] = { 1, 7, 8, 4095, 4097, 65536, STREAM_MAX };
	uint64_t size;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		size = chunks[i] > 100 ? BIG : SMALL;
		control(&self->dev, size, variant->buffer, variant->flags);
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
		self->in.len = 0;
		EXPECT_EQ(0, read_chunks(fd, &self->in, chunks[i]));
		EXPECT_TRUE(mt_is_stream(&self->in, SEED, size));
		EXPECT_EQ(0, read(fd, self->in.data, 1));
		close(fd);
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	}
}

TEST_F(way, any_segmentation_is_written_the_same)
{
	static const size_t chunks[] = { 1, 7, 8, 4095, 4097, 65536, STREAM_MAX };
	struct vfio_mig_test_control c;
	struct vt_state out;
	uint64_t size;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		size = chunks[i] > 100 ? BIG : SMALL;
		mt_defaults(&self->dev);
		mt_stream(&out, 100 + i, size);
		ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
		EXPECT_EQ(0, vt_write_all(fd, out.data, out.len, chunks[i]));
		EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
		mt_get(&self->dev, &c);
		EXPECT_EQ(100 + i, c.seed);
		EXPECT_EQ(size, c.size);
		vt_state_free(&out);
		close(fd);
	}
}

/* What pre-copy delivers and what is left for STOP_COPY are one stream. */
TEST_F(way, pre_copy_goes_on_in_stop_copy)
{
	int fd, ret = 0;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	while (self->in.len < 10000 && (!ret || ret == -ENOMSG)) {
		EXPECT_EQ(POLLIN, poll_for(fd, -1));
		ret = read_chunks(fd, &self->in, 1000);
	}
	EXPECT_EQ(-ENOMSG, ret);
	EXPECT_EQ(10000, self->in.len);
	EXPECT_EQ(-ENOMSG, read_err(fd, self->in.data, 1));
	EXPECT_EQ(0, poll_for(fd, 0));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, NULL));
	EXPECT_EQ(0, read_chunks(fd, &self->in, 1000));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
	close(fd);
}

TEST_F(way, pre_copy_wakes_who_polls)
{
	struct vfio_mig_test_control c;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	while (self->in.len < 10000)
		read_chunks(fd, &self->in, 4096);
	EXPECT_EQ(0, poll_for(fd, 0));
	mt_get(&self->dev, &c);
	c.dirty += 3000;
	mt_set(&self->dev, &c);
	EXPECT_EQ(POLLIN, poll_for(fd, -1));
	while (self->in.len < 13000)
		read_chunks(fd, &self->in, 4096);
	EXPECT_EQ(0, poll_for(fd, 0));
	close(fd);
}

TEST_F(way, splicing_reads_the_same)
{
	int fd, pipes[2];
	ssize_t n, got;

	control(&self->dev, BIG, variant->buffer, variant->flags);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	self->in.len = read(fd, self->in.data, 100);
	while ((n = splice(fd, NULL, pipes[1], NULL, BIG, 0)) > 0)
		for (; n > 0; n -= got, self->in.len += got) {
			got = read(pipes[0], self->in.data + self->in.len, n);
			ASSERT_LT(0, got);
		}
	EXPECT_EQ(0, n);
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, BIG));
	close(fd);
}

/* What is in the pipe stays what it was, although its session has ended. */
TEST_F(way, spliced_data_outlive_the_session)
{
	struct vt_state want;
	int fd, pipes[2];
	ssize_t n;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	n = splice(fd, NULL, pipes[1], NULL, SIZE, 0);
	ASSERT_LT(0, n);
	ASSERT_EQ(0, vt_reset(&self->dev));
	close(fd);
	ASSERT_EQ(n, read(pipes[0], self->in.data, n));
	mt_stream(&want, SEED, SIZE);
	EXPECT_EQ(0, memcmp(want.data, self->in.data, n));
	vt_state_free(&want);
}

TEST_F(way, faults_of_user_memory_lose_nothing)
{
	uint8_t *two = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *untouched = mmap(NULL, BIG, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_mig_test_control c;
	struct vt_state out;
	int fd;

	ASSERT_EQ(0, munmap(two + VT_PAGE, VT_PAGE));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	while (self->in.len < VT_PAGE)
		self->in.len += read(fd, two + self->in.len, 2 * VT_PAGE);
	EXPECT_EQ(VT_PAGE, self->in.len);
	EXPECT_EQ(-EFAULT, read_err(fd, two + VT_PAGE, 1));
	memcpy(self->in.data, two, VT_PAGE);
	EXPECT_EQ(0, read_chunks(fd, &self->in, 100000));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
	close(fd);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));

	/* pages that are not there yet, and come when they are faulted in */
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_LT(0, read(fd, untouched, BIG));
	EXPECT_EQ(0, memcmp(untouched, self->in.data, 8));
	close(fd);
	munmap(untouched, BIG);

	mt_stream(&out, 100, SIZE);
	memcpy(two, out.data, VT_PAGE);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_EQ(VT_PAGE, write(fd, two, 2 * VT_PAGE));
	EXPECT_EQ(-1, write(fd, two + VT_PAGE, 1));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, vt_write_all(fd, out.data + VT_PAGE, out.len - VT_PAGE, BIG));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	mt_get(&self->dev, &c);
	EXPECT_EQ(100, c.seed);
	vt_state_free(&out);
	close(fd);
	munmap(two, VT_PAGE);
}

struct resetter {
	struct vt_dev *dev;
	volatile bool stop;
	unsigned int turns;
};

static void *resets(void *arg)
{
	struct resetter *r = arg;

	for (; !r->stop; r->turns++)
		vt_reset(r->dev);
	return NULL;
}

TEST_F(way, resets_deadlock_with_no_transfer_from_or_to_mapped_memory)
{
	struct resetter r = { .dev = &self->dev };
	unsigned int i, moved = 0;
	pthread_t thread;
	int fd;

	ASSERT_EQ(0, pthread_create(&thread, NULL, resets, &r));
	for (i = 0; i < 40 || ((!moved || !r.turns) && i < 100000); i++) {
		if (vt_set_state(&self->dev, i % 2 ? RESUMING : STOP_COPY, &fd) ||
		    fd < 0)
			continue;
		if (i % 2)
			moved += write(fd, self->dev.mem, 65536) > 0;
		else
			moved += read(fd, self->dev.mem, 65536) > 0;
		close(fd);
	}
	r.stop = true;
	pthread_join(thread, NULL);
	EXPECT_LT(0, r.turns);
	EXPECT_LT(0, moved);
}

/* --- readers that wait ---------------------------------------------------- */

/* The data will come, but not yet: both kinds of devices that have that. */
FIXTURE(waiting) {
	struct vt_dev dev;
	struct vt_state in;
	int fd;
};

FIXTURE_VARIANT(waiting) {
	unsigned int device;
};

FIXTURE_VARIANT_ADD(waiting, queue) { MT_QUEUE };
FIXTURE_VARIANT_ADD(waiting, direct) { MT_DIRECT };

FIXTURE_SETUP(waiting)
{
	mt_open(&self->dev, variant->device);
	set_flags(&self->dev, VFIO_MIG_TEST_HOLD);
	self->in = (struct vt_state) { malloc(STREAM_MAX) };
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &self->fd));
}

FIXTURE_TEARDOWN(waiting)
{
	close(self->fd);
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	vt_state_free(&self->in);
	vt_close(&self->dev);
}

TEST_F(waiting, nonblocking_readers_are_told_to_come_again)
{
	char byte;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, read_err(self->fd, &byte, 1));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	set_flags(&self->dev, 0);
	while (read_chunks(self->fd, &self->in, 4096) == -EAGAIN)
		EXPECT_EQ(POLLIN, poll_for(self->fd, -1));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
}

struct reader {
	int fd;
	int ret;
	struct vt_state *in;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	r->ret = read_chunks(r->fd, r->in, 4096);
	return NULL;
}

TEST_F(waiting, others_get_the_data_when_they_come)
{
	struct reader r = { self->fd, 1, &self->in };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all, &r));
	usleep(20000);
	EXPECT_EQ(1, r.ret);
	set_flags(&self->dev, 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, r.ret);
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
}

TEST_F(waiting, the_end_of_the_session_ends_the_wait)
{
	struct reader r = { self->fd, 1, &self->in };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all, &r));
	usleep(20000);
	ASSERT_EQ(0, vt_reset(&self->dev));
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENODEV, r.ret);
}

static void nothing(int signal)
{
}

TEST_F(waiting, a_signal_ends_the_wait_and_loses_nothing)
{
	const struct sigaction action = { .sa_handler = nothing };
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	EXPECT_EQ(-EINTR, read_chunks(self->fd, &self->in, 4096));
	timer = (struct itimerval) {};
	setitimer(ITIMER_REAL, &timer, NULL);
	set_flags(&self->dev, 0);
	EXPECT_EQ(0, read_chunks(self->fd, &self->in, 4096));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
}

/* --- producers ------------------------------------------------------------ */

FIXTURE(producer) {
	struct vt_dev dev;
	struct vt_state in;
};

FIXTURE_SETUP(producer)
{
	mt_open(&self->dev, MT_QUEUE);
	self->in = (struct vt_state) { malloc(STREAM_MAX) };
}

FIXTURE_TEARDOWN(producer)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	vt_state_free(&self->in);
	vt_close(&self->dev);
}

static bool is_turned_away(void *dev)
{
	struct vfio_mig_test_status s;

	mt_status(dev, &s);
	return s.turned_away > 0;
}

TEST_F(producer, is_turned_away_when_it_is_too_far_ahead)
{
	struct vfio_mig_test_status s;
	int fd;

	control(&self->dev, BIG, VFIO_MIG_TEST_APPEND, 0);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_TRUE(vt_wait_until(is_turned_away, &self->dev, 20000));
	mt_status(&self->dev, &s);
	EXPECT_EQ(VFIO_MIG_TEST_QUEUE_MAX, s.pushed);
	while (self->in.len < stream_len(BIG)) {
		self->in.len += read(fd, self->in.data + self->in.len, 1000);
		mt_status(&self->dev, &s);
		EXPECT_GE(self->in.len + VFIO_MIG_TEST_QUEUE_MAX, s.pushed);
	}
	EXPECT_EQ(0, read(fd, self->in.data, 1));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, BIG));
	close(fd);
}

TEST_F(producer, that_fails_at_its_end_is_heard_behind_its_data)
{
	struct vfio_mig_test_control c;
	int fd;

	mt_get(&self->dev, &c);
	c.end_errno = EBADMSG;
	mt_set(&self->dev, &c);
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(-EBADMSG, read_chunks(fd, &self->in, 4096));
	EXPECT_TRUE(mt_is_stream(&self->in, SEED, SIZE));
	EXPECT_EQ(-EBADMSG, read_err(fd, self->in.data, 1));
	EXPECT_TRUE(poll_for(fd, 0) & POLLERR);
	close(fd);
}

TEST_F(producer, is_stopped_by_the_end_of_its_session)
{
	int i, fd;

	control(&self->dev, BIG, VFIO_MIG_TEST_PAGES, 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, vt_set_state(&self->dev, i % 2 ? PRE_COPY : STOP_COPY,
					  &fd));
		if (i % 3)
			read_err(fd, self->in.data, 10000);
		ASSERT_EQ(0, i % 5 ? vt_reset(&self->dev) :
			     vt_set_state(&self->dev, STOP, NULL));
		close(fd);
		ASSERT_EQ(0, vt_reset(&self->dev));
	}
}

/* --- new initial data ------------------------------------------------------ */

FIXTURE(reinit) {
	struct vt_dev dev;
	int fd;
};

FIXTURE_SETUP(reinit)
{
	mt_open(&self->dev, MT_ALL);
	self->fd = -1;
}

FIXTURE_TEARDOWN(reinit)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	close(self->fd);
	vt_close(&self->dev);
}

static int opt_in(struct vt_dev *dev)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_SET | FEATURE_PRECOPY_INFO_V2,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &f) ? -errno : 0;
}

/* PRE_COPY, all that there was is read, and then there is new initial data. */
static int reinitialize(struct vt_dev *dev, int *fd)
{
	struct vt_state in = { malloc(STREAM_MAX) };
	struct vfio_mig_test_control c;
	int ret = vt_set_state(dev, PRE_COPY, fd);

	if (!ret)
		ret = read_chunks(*fd, &in, 4096);
	vt_state_free(&in);
	mt_get(dev, &c);
	c.initial = 12000;
	c.flags = VFIO_MIG_TEST_REINIT;
	mt_set(dev, &c);
	return ret == -ENOMSG ? 0 : ret;
}

static bool info_is(int fd, uint32_t flags, uint64_t initial, uint64_t dirty)
{
	struct vfm_precopy_info info = { sizeof(info), .flags = ~0u };

	if (ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info))
		return false;
	if (info.flags == flags && info.initial_bytes == initial &&
	    info.dirty_bytes == dirty)
		return true;
	printf("# flags %x, initial %llu, dirty %llu\n", info.flags,
	       (unsigned long long)info.initial_bytes,
	       (unsigned long long)info.dirty_bytes);
	return false;
}

TEST_F(reinit, is_just_dirty_for_those_who_do_not_know_of_it)
{
	ASSERT_EQ(0, reinitialize(&self->dev, &self->fd));
	EXPECT_TRUE(info_is(self->fd, 0, 0, 4000));
	EXPECT_EQ(POLLIN, poll_for(self->fd, 0));
}

TEST_F(reinit, is_told_once_to_those_who_have_opted_in)
{
	int ret = opt_in(&self->dev);

	if (ret == -ENOTTY)
		SKIP(return, "this kernel has no version 2 of the pre-copy info");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, reinitialize(&self->dev, &self->fd));
	EXPECT_TRUE(info_is(self->fd, PRECOPY_INFO_REINIT, 2000, 2000));
	EXPECT_TRUE(info_is(self->fd, 0, 2000, 2000));
}

/* Point 8 of the bugs: the opting in belongs to one open of the device. */
TEST_F(reinit, opting_in_is_forgotten_at_close)
{
	int ret = opt_in(&self->dev);

	if (ret == -ENOTTY)
		SKIP(return, "this kernel has no version 2 of the pre-copy info");
	ASSERT_EQ(0, ret);
	vt_close(&self->dev);
	mt_open(&self->dev, MT_ALL);
	ASSERT_EQ(0, reinitialize(&self->dev, &self->fd));
	EXPECT_TRUE(info_is(self->fd, 0, 0, 4000));
}

TEST_HARNESS_MAIN
