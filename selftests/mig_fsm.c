// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The migration state machine: every pair of states against a table written
 * from the text of <linux/vfio.h>, and what must not change anything.
 */
#include <errno.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

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

static const uint32_t states[] = { R, S, SC, RS, RP, PC, PP };
#define NR_STATES	7

/*
 * Rows: from; columns: to; both in the order above.  1: reached, with a new
 * data_fd; 0: reached, without; -1: blocked.
 */
static const int pairs[NR_STATES][NR_STATES] = {
	/*        R  S SC RS RP  PC  PP */
	/* R */	{ 0, 0, 1, 1, 0,  1,  1 },
	/* S */	{ 0, 0, 1, 1, 0,  1,  1 },
	/* SC */{ 0, 0, 0, 1, 0, -1, -1 },
	/* RS */{ 0, 0, 1, 0, 0,  1,  1 },
	/* RP */{ 0, 0, 1, 1, 0,  1,  1 },
	/* PC */{ 0, 0, 0, 1, 0,  0,  0 },
	/* PP */{ 0, 0, 0, 1, 0,  0,  0 },
};

TEST_F(fsm, device_starts_running_with_all_flags)
{
	EXPECT_EQ(R, vt_get_state(&self->dev));
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
		  VFM_MIGRATION_PRE_COPY, vt_migration_flags(&self->dev));
}

/* Return: true if the pair does what the table says. */
static bool pair_is_right(struct vt_dev *dev, const struct vt_state *state,
			  uint32_t from, uint32_t to, int want)
{
	int from_fd, fd = -1, ret;
	bool right;

	if (enter(dev, from, &from_fd))
		return false;
	if (from == RS)
		vt_write_all(from_fd, state->data, state->len, 1 << 20);
	ret = vt_set_state(dev, to, &fd);
	if (want < 0)
		right = ret == -EINVAL && vt_get_state(dev) == (int)from;
	else
		right = ret == 0 && vt_get_state(dev) == (int)to &&
			(want ? fd >= 0 : fd == -1);
	if (!right)
		printf("# %s -> %s: %d, fd %d\n", vt_state_name(from),
		       vt_state_name(to), ret, fd);
	if (fd >= 0)
		close(fd);
	if (from_fd >= 0)
		close(from_fd);
	return right;
}

TEST_F(fsm, every_pair_of_states_is_reached_as_the_uapi_says)
{
	size_t from, to;

	for (from = 0; from < NR_STATES; from++)
		for (to = 0; to < NR_STATES; to++)
			EXPECT_TRUE(pair_is_right(&self->dev, &self->state,
						  states[from], states[to],
						  pairs[from][to]));
}

TEST_F(fsm, unknown_states_are_refused_and_change_nothing)
{
	static const uint32_t tos[] = { VFIO_DEVICE_STATE_ERROR, 8, ~0u };
	size_t from, to;

	for (from = 0; from < NR_STATES; from++)
		for (to = 0; to < 3; to++)
			EXPECT_TRUE(pair_is_right(&self->dev, &self->state,
						  states[from], tos[to], -1));
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
	static const uint32_t tos[] = { R, S, SC, RP, PC, PP };
	int fd, ret;
	size_t i;

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, enter(&self->dev, RS, &fd));
		ret = vt_set_state(&self->dev, tos[i], NULL);
		EXPECT_EQ(-ENODATA, ret);
		EXPECT_EQ(RS, vt_get_state(&self->dev));
		close(fd);
	}
}

TEST_F(fsm, reset_leads_to_running_from_every_state)
{
	size_t i;
	int fd;

	for (i = 0; i < NR_STATES; i++) {
		ASSERT_EQ(0, enter(&self->dev, states[i], &fd));
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
