// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events of mock functions: all that happens is told, once, in order, with numbers
 * that show what was missed.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "mock_events.h"
#include "vfio_compat.h"

#define COMES	10000	/* milliseconds */
#define NEVER	50
#define FLOOD	40

#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP		VFIO_DEVICE_STATE_STOP
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define PRE_COPY	VFM_STATE_PRE_COPY
#define PRE_COPY_P2P	VFM_STATE_PRE_COPY_P2P

#define VALUE(event, name)	((event).values[MOCK_VFIO_PCI_A_EVENT_##name])
#define HAS(event, name)	((event).given & 1u << MOCK_VFIO_PCI_A_EVENT_##name)

FIXTURE(events) {
	struct vt_dev dev;
	char bdf[32];
	struct vfm_mock_monitor mon;
};

FIXTURE_SETUP(events)
{
	struct vfm_error e;

	vt_bdf(0, self->bdf);
	vt_open_bdf(&self->dev, self->bdf, VT_LEGACY);
	ASSERT_EQ(0, vfm_mock_monitor_open(&self->mon, &e)) TH_LOG("%s", e.text);
}

FIXTURE_TEARDOWN(events)
{
	vfm_mock_monitor_close(&self->mon);
	vt_close(&self->dev);
}

static bool there_is_one(struct vfm_mock_monitor *mon, int msec)
{
	struct pollfd pfd = { .fd = vfm_mock_monitor_fd(mon), .events = POLLIN };

	return poll(&pfd, 1, msec) == 1;
}

/* The next event, which must be of this kind and follow the one before. */
static struct vfm_mock_event next(struct __test_metadata *_metadata,
				  struct vfm_mock_monitor *mon, uint8_t command)
{
	struct vfm_mock_event event = { 0 };
	struct vfm_error e;

	ASSERT_TRUE(there_is_one(mon, COMES)) TH_LOG("no event, expected %d", command);
	ASSERT_EQ(0, vfm_mock_monitor_next(mon, &event, &e)) TH_LOG("%s", e.text);
	EXPECT_EQ(command, event.command);
	EXPECT_EQ(0, event.lost);
	return event;
}

#define NEXT(name)	next(_metadata, &self->mon, MOCK_VFIO_PCI_CMD_##name)

static void expect_arc(struct __test_metadata *_metadata,
		       struct vfm_mock_monitor *mon, const char *bdf,
		       uint32_t from, uint32_t to)
{
	struct vfm_mock_event event = next(_metadata, mon,
					   MOCK_VFIO_PCI_CMD_STATE_CHANGED);

	EXPECT_STREQ(bdf, event.address);
	EXPECT_EQ(from, VALUE(event, FROM));
	EXPECT_EQ(to, VALUE(event, TO));
	EXPECT_EQ(to, VALUE(event, STATE));
	EXPECT_FALSE(HAS(event, ERROR));
}

#define ARC(from, to)	expect_arc(_metadata, &self->mon, self->bdf, from, to)

static void expect_session(struct __test_metadata *_metadata,
			   struct vfm_mock_monitor *mon, uint8_t command,
			   uint32_t kind, uint64_t bytes)
{
	struct vfm_mock_event event = next(_metadata, mon, command);

	EXPECT_EQ(kind, VALUE(event, SESSION));
	EXPECT_EQ(bytes, VALUE(event, BYTES));
	EXPECT_FALSE(HAS(event, ERROR));
}

#define BEGUN(kind)							\
	expect_session(_metadata, &self->mon, MOCK_VFIO_PCI_CMD_SESSION_BEGUN, \
		       MOCK_VFIO_PCI_SESSION_##kind, 0)
#define ENDED(kind, bytes)						\
	expect_session(_metadata, &self->mon, MOCK_VFIO_PCI_CMD_SESSION_ENDED, \
		       MOCK_VFIO_PCI_SESSION_##kind, bytes)
#define NOTHING_MORE()	EXPECT_FALSE(there_is_one(&self->mon, NEVER))

TEST_F(events, a_whole_migration_in_order)
{
	struct vt_state state;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, &fd));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, NULL));
	ASSERT_EQ(0, vt_read_all(fd, &state));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	close(fd);
	ASSERT_EQ(0, vt_load(&self->dev, &state));
	ASSERT_EQ(0, vt_set_state(&self->dev, RUNNING, NULL));

	BEGUN(SAVE);
	ARC(RUNNING, PRE_COPY);
	ARC(PRE_COPY, PRE_COPY_P2P);
	ARC(PRE_COPY_P2P, STOP_COPY);
	ENDED(SAVE, state.len);
	ARC(STOP_COPY, STOP);
	BEGUN(LOAD);
	ARC(STOP, RESUMING);
	ENDED(LOAD, state.len);
	ARC(RESUMING, STOP);
	ARC(STOP, RUNNING_P2P);
	ARC(RUNNING_P2P, RUNNING);
	NOTHING_MORE();
	vt_state_free(&state);
}

TEST_F(events, an_arc_that_fails_says_so)
{
	const char garbage[512] = "garbage";
	struct vfm_mock_event event;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	ASSERT_EQ(-EBADMSG, vt_write_all(fd, garbage, sizeof(garbage), 512));
	ASSERT_EQ(-EBADMSG, vt_set_state(&self->dev, STOP, NULL));
	ASSERT_EQ(0, vt_reset(&self->dev));
	close(fd);
	ARC(RUNNING, RUNNING_P2P);
	ARC(RUNNING_P2P, STOP);
	BEGUN(LOAD);
	ARC(STOP, RESUMING);
	event = NEXT(STATE_CHANGED);
	EXPECT_EQ(RESUMING, VALUE(event, FROM));
	EXPECT_EQ(STOP, VALUE(event, TO));
	EXPECT_EQ(RESUMING, VALUE(event, STATE));
	EXPECT_EQ(EBADMSG, VALUE(event, ERROR));
	event = NEXT(SESSION_ENDED);
	EXPECT_EQ(MOCK_VFIO_PCI_SESSION_LOAD, VALUE(event, SESSION));
	EXPECT_EQ(EBADMSG, VALUE(event, ERROR));
	event = NEXT(DEVICE_RESET);
	EXPECT_EQ(RESUMING, VALUE(event, FROM));
	EXPECT_EQ(RUNNING, VALUE(event, STATE));
	NOTHING_MORE();
}

TEST_F(events, a_reset_ends_a_session_first)
{
	struct vfm_mock_event event;

	ASSERT_EQ(0, vt_set_state(&self->dev, PRE_COPY, NULL));
	ASSERT_EQ(0, vt_reset(&self->dev));
	BEGUN(SAVE);
	ARC(RUNNING, PRE_COPY);
	ENDED(SAVE, 0);
	event = NEXT(DEVICE_RESET);
	EXPECT_STREQ(self->bdf, event.address);
	EXPECT_EQ(PRE_COPY, VALUE(event, FROM));
	EXPECT_EQ(RUNNING, VALUE(event, STATE));
	NOTHING_MORE();
}

/* Opening resets it, as VFIO does with any device. */
TEST_F(events, closing_a_stopped_device_is_a_change_of_state)
{
	struct vt_dev other;

	vt_bdf(1, self->bdf);
	vt_open_bdf(&other, self->bdf, VT_LEGACY);
	ASSERT_EQ(0, vt_set_state(&other, STOP, NULL));
	vt_close(&other);
	NEXT(DEVICE_RESET);
	ARC(RUNNING, RUNNING_P2P);
	ARC(RUNNING_P2P, STOP);
	ARC(STOP, RUNNING);
	NOTHING_MORE();
}

TEST_F(events, functions_come_and_go)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_NAME | VFM_MOCK_PROFILE,
		.name = "visitor", .profile = "tiny",
	};
	struct vfm_mock_event event;
	struct vfm_mock_conf made;
	struct vfm_error e;
	char bdf[32];

	vt_fn_new(&conf, bdf);
	event = NEXT(FUNCTION_ADDED);
	EXPECT_STREQ("visitor", event.name);
	EXPECT_STREQ(bdf, event.address);
	EXPECT_EQ(-EEXIST, vfm_mock_new(&conf, &made, &e));
	vt_fn_del(bdf);
	event = NEXT(FUNCTION_REMOVED);
	EXPECT_STREQ("visitor", event.name);
	EXPECT_STREQ(bdf, event.address);
	NOTHING_MORE();
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

TEST_F(events, the_time_is_monotonic)
{
	uint64_t before = now_ns(), after;
	struct vfm_mock_event event;
	int i;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	after = now_ns();
	for (i = 0; i < 2; i++) {
		event = NEXT(STATE_CHANGED);
		EXPECT_LE(before, VALUE(event, TIME));
		EXPECT_GE(after, VALUE(event, TIME));
		EXPECT_GE(VALUE(event, TIME) - before, VALUE(event, NS));
		before = VALUE(event, TIME);
	}
}

TEST_F(events, all_who_listen_hear_the_same)
{
	struct vfm_mock_event a, b;
	struct vfm_mock_monitor second;
	struct vfm_error e;

	ASSERT_EQ(0, vfm_mock_monitor_open(&second, &e));
	ASSERT_EQ(0, vt_reset(&self->dev));
	a = NEXT(DEVICE_RESET);
	b = next(_metadata, &second, MOCK_VFIO_PCI_CMD_DEVICE_RESET);
	EXPECT_EQ(0, memcmp(&a, &b, sizeof(a)));
	vfm_mock_monitor_close(&second);
}

TEST_F(events, what_nobody_hears_is_numbered_all_the_same)
{
	struct vfm_mock_event event;
	struct vfm_error e;
	uint64_t seq;

	ASSERT_EQ(0, vt_reset(&self->dev));
	event = NEXT(DEVICE_RESET);
	seq = VALUE(event, SEQ);
	vfm_mock_monitor_close(&self->mon);
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vfm_mock_monitor_open(&self->mon, &e));
	ASSERT_EQ(0, vt_reset(&self->dev));
	event = NEXT(DEVICE_RESET);
	EXPECT_EQ(seq + 3, VALUE(event, SEQ));
}

/* Four events a round; the last of all is read after there was room again. */
TEST_F(events, a_slow_reader_learns_what_he_has_lost)
{
	uint64_t first = 0, last = 0, lost = 0, heard = 0, overruns = 0;
	struct vfm_mock_event event;
	struct vfm_error e;
	int i, least = 1;

	ASSERT_EQ(0, setsockopt(vfm_mock_monitor_fd(&self->mon), SOL_SOCKET,
				SO_RCVBUF, &least, sizeof(least)));
	for (i = 0; i < FLOOD; i++) {
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
		ASSERT_EQ(0, vt_set_state(&self->dev, RUNNING, NULL));
	}
	while (there_is_one(&self->mon, NEVER) || !last) {
		ASSERT_EQ(0, vfm_mock_monitor_next(&self->mon, &event, &e));
		if (event.command == VFM_MOCK_OVERRUN) {
			overruns++;
			continue;
		}
		EXPECT_EQ(0, event.lost);
		heard++;
		last = VALUE(event, SEQ);
		first = first ?: last;
	}
	EXPECT_EQ(1, overruns);
	EXPECT_LT(heard, 4 * FLOOD);
	EXPECT_EQ(heard, last - first + 1);

	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_TRUE(there_is_one(&self->mon, COMES));
	ASSERT_EQ(0, vfm_mock_monitor_next(&self->mon, &event, &e));
	lost = event.lost;
	EXPECT_EQ(MOCK_VFIO_PCI_CMD_DEVICE_RESET, event.command);
	EXPECT_EQ(4 * FLOOD, heard + lost);
	EXPECT_EQ(first + 4 * FLOOD, VALUE(event, SEQ));
}

TEST_HARNESS_MAIN
