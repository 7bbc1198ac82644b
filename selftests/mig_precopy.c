// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pre-copy: what changes while it is read is sent again, and only that; the end
 * of the data is one for the moment; and what arrives is what there is.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define PRE_COPY	VFM_STATE_PRE_COPY
#define PRE_COPY_P2P	VFM_STATE_PRE_COPY_P2P

#define GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

/* Enough for many times the device's memory. */
#define STREAM_MAX		(32 << 20)
#define ROUND_MAX		(1 << 20)

struct precopy_info {
	uint32_t argsz;
	uint32_t flags;
	uint64_t initial_bytes;
	uint64_t dirty_bytes;
};

FIXTURE(precopy) {
	struct vt_dev a, b;
	struct vt_state stream;
	int fd;
};

/* A has something in every third page, is in PRE_COPY, nothing is read yet. */
FIXTURE_SETUP(precopy)
{
	vt_open(&self->a, 0, VT_LEGACY);
	vt_open(&self->b, 1, VT_LEGACY);
	vt_pattern(&self->a, 9);
	self->stream.data = malloc(STREAM_MAX);
	self->stream.len = 0;
	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY, &self->fd));
}

FIXTURE_TEARDOWN(precopy)
{
	close(self->fd);
	vt_state_free(&self->stream);
	vt_close(&self->b);
	vt_close(&self->a);
}

/*
 * Read to the end, whichever kind, or until there are @max bytes more: a device
 * that is quicker than its reader has no end.  Return: bytes, or an error.
 */
static long drain_some(int fd, struct vt_state *stream, size_t max)
{
	const size_t before = stream->len;
	ssize_t n = 0;

	while (stream->len < STREAM_MAX - (1 << 16) && stream->len - before < max &&
	       (n = read(fd, stream->data + stream->len, 1 << 16)) > 0)
		stream->len += n;
	if (n < 0 && errno != ENOMSG)
		return -errno;
	return stream->len - before;
}

static long drain(int fd, struct vt_state *stream)
{
	return drain_some(fd, stream, STREAM_MAX);
}

static int info(int fd, uint64_t *initial, uint64_t *dirty)
{
	struct precopy_info i = { .argsz = sizeof(i), .flags = ~0u };

	if (ioctl(fd, GET_PRECOPY_INFO, &i))
		return -errno;
	*initial = i.initial_bytes;
	*dirty = i.dirty_bytes;
	return i.flags;
}

/* The rest by STOP_COPY, all of it into b. */
static bool arrives(struct vt_dev *a, struct vt_dev *b, int fd,
		    struct vt_state *stream)
{
	int none;

	return vt_set_state(a, STOP_COPY, &none) == 0 && none == -1 &&
	       drain(fd, stream) > 0 && read(fd, &none, 1) == 0 &&
	       vt_set_state(a, STOP, NULL) == 0 && vt_load(b, stream) == 0 &&
	       !memcmp(a->mem, b->mem, a->mem_size) &&
	       vt_read32(a, MOCK_VFIO_REG_SCRATCH) ==
	       vt_read32(b, MOCK_VFIO_REG_SCRATCH);
}

TEST_F(precopy, end_is_enomsg_and_poll_waits)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN };
	char byte;

	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_LT(86 * 4096, drain(self->fd, &self->stream));
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(ENOMSG, errno);
	EXPECT_EQ(0, poll(&pfd, 1, 20));
	self->a.mem[0]++;
	EXPECT_EQ(1, poll(&pfd, 1, 1000));
	EXPECT_EQ(POLLIN, pfd.revents);
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
}

struct toucher {
	struct vt_dev *dev;
	int usec;
};

static void *touch_later(void *arg)
{
	struct toucher *t = arg;

	usleep(t->usec);
	t->dev->mem[4096]++;
	return NULL;
}

TEST_F(precopy, a_change_wakes_a_poller)
{
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN };
	struct toucher t = { &self->a, 50000 };
	pthread_t thread;

	ASSERT_LT(0, drain(self->fd, &self->stream));
	ASSERT_EQ(0, pthread_create(&thread, NULL, touch_later, &t));
	EXPECT_EQ(1, poll(&pfd, 1, 10000));
	pthread_join(thread, NULL);
}

TEST_F(precopy, info_counts_down_and_echoes_nothing)
{
	uint64_t initial = 0, dirty = 0, before;

	EXPECT_EQ(0, info(self->fd, &initial, &dirty));
	EXPECT_LT(86 * 4096, initial);
	EXPECT_EQ(0, dirty);
	before = initial;
	ASSERT_EQ(4096, read(self->fd, self->stream.data, 4096));
	self->stream.len = 4096;
	EXPECT_EQ(0, info(self->fd, &initial, &dirty));
	EXPECT_GT(before, initial);
	EXPECT_LT(0, initial);
	ASSERT_LT(0, drain(self->fd, &self->stream));
	EXPECT_EQ(0, info(self->fd, &initial, &dirty));
	EXPECT_EQ(0, initial);
	EXPECT_EQ(0, dirty);
	memset(self->a.mem, 1, 3 * 4096);
	EXPECT_EQ(0, info(self->fd, &initial, &dirty));
	EXPECT_EQ(0, initial);
	EXPECT_EQ(3 * 4096, dirty);
}

/* A VMM decides by it when to stop the device. */
TEST_F(precopy, data_size_is_what_stop_copy_will_deliver)
{
	int64_t size;

	EXPECT_LT(86 * 4096, vt_data_size(&self->a));
	ASSERT_LT(0, drain(self->fd, &self->stream));
	size = vt_data_size(&self->a);
	EXPECT_LT(0, size);
	EXPECT_GT(4096, size);
	memset(self->a.mem, 1, 5 * 4096);
	EXPECT_LT(size + 5 * 4096, vt_data_size(&self->a));
	EXPECT_GT(size + 6 * 4096, vt_data_size(&self->a));
	self->stream.len = 0;
	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, NULL));
	size = drain(self->fd, &self->stream);
	EXPECT_LT(5 * 4096, size);
	EXPECT_GT(6 * 4096, size);
}

TEST_F(precopy, info_is_for_precopy_states_only)
{
	struct precopy_info small = { .argsz = 8 };
	uint64_t initial, dirty;

	EXPECT_EQ(-1, ioctl(self->fd, GET_PRECOPY_INFO, &small));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IO(VFIO_TYPE, VFIO_BASE + 99), &small));
	EXPECT_EQ(ENOTTY, errno);
	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY_P2P, NULL));
	EXPECT_EQ(0, info(self->fd, &initial, &dirty));
	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, NULL));
	EXPECT_EQ(-EINVAL, info(self->fd, &initial, &dirty));
	ASSERT_EQ(0, vt_reset(&self->a));
	EXPECT_EQ(-ENODEV, info(self->fd, &initial, &dirty));
}

/* By each way that device memory can be written. */
TEST_F(precopy, what_changes_is_sent_again_and_only_that)
{
	const uint64_t mem = (uint64_t)MOCK_VFIO_BAR_MEM << 40;
	struct mock_vfio_desc *desc;
	uint32_t word = 0x600d;

	ASSERT_LT(0, drain(self->fd, &self->stream));
	self->a.mem[7 * 4096 + 1] ^= 1;			/* mmap */
	EXPECT_EQ(4096 + 40, drain(self->fd, &self->stream));
	self->a.mem[7 * 4096 + 2] ^= 1;			/* ... once more */
	EXPECT_EQ(4096 + 40, drain(self->fd, &self->stream));
	ASSERT_EQ(4, pwrite(self->a.fd, &word, 4, mem + 11 * 4096 - 2));
	EXPECT_EQ(2 * 4096 + 40, drain(self->fd, &self->stream));
	vt_ring_start(&self->a, 8);
	desc = vt_desc(&self->a, 0);
	desc->op = htole32(MOCK_VFIO_OP_TO_DEVICE);
	desc->length = htole32(4096);
	desc->src = htole64(VT_RAM_IOVA);
	desc->dst = htole64(20 * 4096 + 5);
	desc = vt_desc(&self->a, 1);
	desc->op = htole32(MOCK_VFIO_OP_FILL_DEVICE);
	desc->length = htole32(8);
	desc->dst = htole64(100 * 4096);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(&self->a, 2));
	EXPECT_EQ(2 * 4096 + 40 + 4096 + 40, drain(self->fd, &self->stream));
	EXPECT_EQ(0, drain(self->fd, &self->stream));
	word = self->a.mem[7 * 4096];			/* reading is no change */
	EXPECT_EQ(0, drain(self->fd, &self->stream));
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
}

TEST_F(precopy, a_page_that_becomes_zero_is_sent)
{
	ASSERT_LT(0, drain(self->fd, &self->stream));
	memset(self->a.mem, 0, self->a.mem_size);
	ASSERT_LT(0, drain(self->fd, &self->stream));
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
	EXPECT_EQ(0, self->b.mem[0]);
}

TEST_F(precopy, it_may_end_before_anything_was_read)
{
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
}

TEST_F(precopy, leaving_it_ends_the_session_and_a_new_one_starts_over)
{
	struct vt_state again = { malloc(STREAM_MAX), 0 };
	char byte;
	int fd;

	ASSERT_LT(0, drain(self->fd, &self->stream));
	ASSERT_EQ(0, vt_set_state(&self->a, RUNNING, NULL));
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	self->a.mem[0]++;
	ASSERT_EQ(0, vt_set_state(&self->a, RUNNING_P2P, NULL));
	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY_P2P, &fd));
	EXPECT_EQ((long)self->stream.len, drain(fd, &again));
	EXPECT_TRUE(arrives(&self->a, &self->b, fd, &again));
	close(fd);
	vt_state_free(&again);
}

/* Traffic in both memories all the time, several rounds, no tick lost. */
TEST_F(precopy, a_busy_device_arrives_whole)
{
	int irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), round;
	uint64_t seq, events = 0;

	ASSERT_EQ(0, vt_irq_eventfds(&self->a, VFIO_PCI_MSIX_IRQ_INDEX, 1, &irq));
	vt_traffic_start(&self->a, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM |
			 MOCK_VFIO_TRAFFIC_IRQ, 100);
	for (round = 0; round < 20; round++) {
		events += vt_event_count(irq, 5000);
		memset(self->a.mem + round * 4096, round, 5000);
		ASSERT_LT(0, drain_some(self->fd, &self->stream, ROUND_MAX));
	}
	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY_P2P, NULL));
	seq = vt_read64(&self->a, MOCK_VFIO_REG_TRAFFIC_SEQ);
	ASSERT_LE(0, drain(self->fd, &self->stream));
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
	EXPECT_EQ(seq, vt_read64(&self->b, MOCK_VFIO_REG_TRAFFIC_SEQ));
	while ((round = vt_event_count(irq, 20)) > 0)
		events += round;
	EXPECT_EQ(seq, events);
	close(irq);
}

struct writer {
	struct vt_dev *dev;
	volatile bool stop;
};

static void *write_all_the_time(void *arg)
{
	struct writer *w = arg;
	uint32_t i;

	for (i = 1; !w->stop; i++)
		*(volatile uint32_t *)(w->dev->mem + i * 4 % w->dev->mem_size) = i;
	return NULL;
}

static void *read_all_the_time(void *arg)
{
	struct writer *w = arg;
	size_t i;

	for (i = 0; !w->stop; i++)
		(void)*(volatile uint8_t *)(w->dev->mem +
					    i * VT_PAGE % w->dev->mem_size);
	return NULL;
}

/*
 * Another thread writes through the mapping while pages are copied, and a third
 * one has pages mapped read-only again as soon as they are clean.
 */
TEST_F_TIMEOUT(precopy, no_write_through_a_mapping_slips_by, 120)
{
	struct writer w = { .dev = &self->a };
	pthread_t thread, reader;
	ssize_t n;

	ASSERT_EQ(0, pthread_create(&reader, NULL, read_all_the_time, &w));
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_all_the_time, &w));
	while (self->stream.len < STREAM_MAX / 4) {
		n = read(self->fd, self->stream.data + self->stream.len, 1 << 16);
		if (n > 0)
			self->stream.len += n;
		else if (errno != ENOMSG)
			break;
	}
	EXPECT_LE(STREAM_MAX / 4, self->stream.len);
	w.stop = true;
	pthread_join(thread, NULL);
	pthread_join(reader, NULL);
	EXPECT_TRUE(arrives(&self->a, &self->b, self->fd, &self->stream));
}

TEST_F(precopy, reset_ends_it)
{
	char byte;

	ASSERT_EQ(1, read(self->fd, &byte, 1));
	ASSERT_EQ(0, vt_reset(&self->a));
	EXPECT_EQ(-1, read(self->fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(RUNNING, vt_get_state(&self->a));
	self->a.mem[0]++;
	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY, NULL));
}

TEST_HARNESS_MAIN
