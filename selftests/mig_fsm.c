// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The migration state machine: every pair of states against a table written
 * from the text of <linux/vfio.h>, and what must not change anything.
 */
#include <errno.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define S	VFIO_DEVICE_STATE_STOP
#define R	VFIO_DEVICE_STATE_RUNNING
#define SC	VFIO_DEVICE_STATE_STOP_COPY
#define RS	VFIO_DEVICE_STATE_RESUMING
#define RP	VFIO_DEVICE_STATE_RUNNING_P2P
#define PC	6
#define PP	7

FIXTURE(fsm) {
	struct vt_dev dev;
	struct vt_state state;
};

FIXTURE_SETUP(fsm)
{
	vt_open(&self->dev, 0, VT_LEGACY);
	vt_pattern(&self->dev, 3);
	vt_save(&self->dev, &self->state);
	ASSERT_EQ(0, vt_reset(&self->dev));
}

FIXTURE_TEARDOWN(fsm)
{
	vt_state_free(&self->state);
	vt_close(&self->dev);
}

/* From RUNNING to a state, by way of a reset. */
static int enter(struct vt_dev *dev, uint32_t state, int *fd)
{
	int ret = vt_reset(dev);

	*fd = -1;
	return ret || state == R ? ret : vt_set_state(dev, state, fd);
}

/* 1: reached, with a data_fd; 0: reached, without. */
static const struct {
	uint32_t from, to;
	int has_fd;
} pairs[] = {
	{ R, R, 0 },  { R, S, 0 },  { R, SC, 1 },  { R, RS, 1 },  { R, RP, 0 },
	{ S, R, 0 },  { S, S, 0 },  { S, SC, 1 },  { S, RS, 1 },  { S, RP, 0 },
	{ SC, R, 0 }, { SC, S, 0 }, { SC, SC, 0 }, { SC, RS, 1 }, { SC, RP, 0 },
	{ RS, R, 0 }, { RS, S, 0 }, { RS, SC, 1 }, { RS, RS, 0 }, { RS, RP, 0 },
	{ RP, R, 0 }, { RP, S, 0 }, { RP, SC, 1 }, { RP, RS, 1 }, { RP, RP, 0 },
};

TEST_F(fsm, device_starts_running_with_stop_copy_and_p2p)
{
	EXPECT_EQ(R, vt_get_state(&self->dev));
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P,
		  vt_migration_flags(&self->dev));
}

TEST_F(fsm, every_pair_of_states_is_reached_as_the_uapi_says)
{
	int from_fd, fd;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		TH_LOG("%s -> %s", vt_state_name(pairs[i].from),
		       vt_state_name(pairs[i].to));
		ASSERT_EQ(0, enter(&self->dev, pairs[i].from, &from_fd));
		if (pairs[i].from == RS)
			ASSERT_EQ(0, vt_write_all(from_fd, self->state.data,
						  self->state.len, 1 << 20));
		ASSERT_EQ(0, vt_set_state(&self->dev, pairs[i].to, &fd));
		EXPECT_EQ(pairs[i].to, vt_get_state(&self->dev));
		EXPECT_EQ(pairs[i].has_fd, fd >= 0);
		if (!pairs[i].has_fd)
			EXPECT_EQ(-1, fd);
		if (fd >= 0)
			close(fd);
		if (from_fd >= 0)
			close(from_fd);
	}
}

TEST_F(fsm, unsupported_and_unknown_states_are_refused_and_change_nothing)
{
	static const uint32_t froms[] = { R, S, SC, RS, RP };
	static const uint32_t tos[] = { VFIO_DEVICE_STATE_ERROR, PC, PP, 8, ~0u };
	size_t i, j;
	int from_fd, fd;

	for (i = 0; i < 5; i++) {
		for (j = 0; j < 5; j++) {
			ASSERT_EQ(0, enter(&self->dev, froms[i], &from_fd));
			EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, tos[j], &fd));
			EXPECT_EQ(froms[i], vt_get_state(&self->dev));
			if (from_fd >= 0)
				close(from_fd);
		}
	}
}

/* 6.12 to 7.1: a driver that asks vfio core about this never returns. */
TEST_F(fsm, stop_copy_to_pre_copy_returns)
{
	int fd;

	ASSERT_EQ(0, enter(&self->dev, SC, &fd));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, PC, NULL));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, PP, NULL));
	close(fd);
}

TEST_F(fsm, a_failed_arc_in_a_path_leaves_the_state_reached)
{
	static const uint32_t tos[] = { R, S, SC, RP };
	int fd, ret;
	size_t i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, enter(&self->dev, RS, &fd));
		ret = vt_set_state(&self->dev, tos[i], NULL);
		EXPECT_EQ(-ENODATA, ret);
		EXPECT_EQ(RS, vt_get_state(&self->dev));
		close(fd);
	}
}

TEST_F(fsm, reset_leads_to_running_from_every_state)
{
	static const uint32_t froms[] = { R, S, SC, RS, RP };
	size_t i;
	int fd;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, enter(&self->dev, froms[i], &fd));
		ASSERT_EQ(0, vt_reset(&self->dev));
		EXPECT_EQ(R, vt_get_state(&self->dev));
		if (fd >= 0)
			close(fd);
	}
}

TEST_F(fsm, nothing_of_a_user_is_left_at_the_next_open)
{
	int fd;

	ASSERT_EQ(0, enter(&self->dev, RS, &fd));
	close(fd);
	vt_close(&self->dev);
	vt_open(&self->dev, 0, VT_LEGACY);
	EXPECT_EQ(R, vt_get_state(&self->dev));
	EXPECT_EQ(0, vt_read32(&self->dev, MOCK_VFIO_REG_SCRATCH));
	EXPECT_EQ(0, self->dev.mem[0]);
}

TEST_F(fsm, data_size_is_never_zero_and_bounds_the_stream)
{
	struct vt_state state;
	int64_t size;

	size = vt_data_size(&self->dev);
	EXPECT_LT(0, size);
	vt_pattern(&self->dev, 5);
	EXPECT_LT(size, vt_data_size(&self->dev));
	ASSERT_EQ(0, vt_set_state(&self->dev, S, NULL));
	size = vt_data_size(&self->dev);
	vt_save(&self->dev, &state);
	EXPECT_LE((int64_t)state.len, size);
	EXPECT_GT((int64_t)state.len, size / 2);
	vt_state_free(&state);
}

TEST_HARNESS_MAIN
