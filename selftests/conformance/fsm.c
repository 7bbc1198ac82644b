// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state machine, by the comment at enum vfio_device_mig_state: every pair of
 * states, also those that the device lacks, and ERROR as a target.
 *
 * Before Linux 7.2 the core's vfio_mig_get_next_state() does not return when it
 * is asked for STOP_COPY -> PRE_COPY or PRE_COPY_P2P by a driver that has these
 * states, and the driver's lock is held meanwhile: the device is lost until the
 * machine is booted again.  So that is only asked with a newer kernel, of a
 * driver that is built on vfio_mig, which answers it itself, or if the user says
 * that it is safe (mc->ask_blocked).
 */
#include <errno.h>
#include <string.h>

#include "mc.h"

static const int states[] = {
	MC_RUNNING, MC_STOP, MC_STOP_COPY, MC_RESUMING, MC_RUNNING_P2P,
	MC_PRE_COPY, MC_PRE_COPY_P2P, VFIO_DEVICE_STATE_ERROR,
};

#define NR_STATES	(sizeof(states) / sizeof(*states))

/*
 * Rows: from; columns: to; both in the order above, for a device with all
 * states.  1: reached, with a new data_fd; 0: reached, without; -1: refused.
 *
 * - every arc into STOP_COPY, PRE_COPY or PRE_COPY_P2P from outside of these
 *   begins a session, arcs among them keep it;
 * - STOP_COPY -> PRE_COPY and -> PRE_COPY_P2P "are not permitted";
 * - "ERROR cannot be specified as a device state";
 * - all other pairs are combinations of arcs; none is left to be refused;
 * - the state that the device is in is reached by no arc at all.
 */
static const int pairs[][NR_STATES] = {
	/*                  R  S SC RS RP  PC  PP ERR */
	/* RUNNING */	  { 0, 0, 1, 1, 0,  1,  1, -1 },
	/* STOP */	  { 0, 0, 1, 1, 0,  1,  1, -1 },
	/* STOP_COPY */	  { 0, 0, 0, 1, 0, -1, -1, -1 },
	/* RESUMING */	  { 0, 0, 1, 0, 0,  1,  1, -1 },
	/* RUNNING_P2P */ { 0, 0, 1, 1, 0,  1,  1, -1 },
	/* PRE_COPY */	  { 0, 0, 0, 1, 0,  0,  0, -1 },
	/* PRE_COPY_P2P */{ 0, 0, 0, 1, 0,  0,  0, -1 },
};

#define NR_FROM		(sizeof(pairs) / sizeof(*pairs))

/*
 * For this device's flags: "The optional states cannot be used with SET_STATE if
 * the device does not support them", and the others are reached as if it did.
 */
static int pair_wanted(const struct mc *mc, unsigned int from, unsigned int to)
{
	return mc_state_exists(mc, states[to]) ? pairs[from][to] : -1;
}

/* In @from, with a state written if that is RESUMING.  Return: the data_fd. */
static bool pair_begins(struct mc *mc, int from, int *fd)
{
	if (from == MC_RESUMING && !mc_need_stream(mc))
		return false;
	if (!mc_enter(mc, from, fd))
		return false;
	return from != MC_RESUMING ||
	       mc_is(mc, MC_MUST, "write in RESUMING", 0,
		     vt_write_all(*fd, mc->stream.data, mc->stream.len, 1 << 20));
}

static bool loops_in_old_kernels(const struct mc *mc, int from, int to)
{
	return from == MC_STOP_COPY && mc_state_exists(mc, to) &&
	       (to == MC_PRE_COPY || to == MC_PRE_COPY_P2P);
}

static void check_pair(struct mc *mc, int from, int to, int want)
{
	int from_fd, fd, ret;

	if (!pair_begins(mc, from, &from_fd))
		return;
	ret = vt_set_state(&mc->dev, to, &fd);
	mc_is(mc, MC_MUST, "result", want < 0 ? -EINVAL : 0, ret);
	mc_is(mc, MC_MUST, "state", want < 0 ? from : to, vt_get_state(&mc->dev));
	if (want > 0)
		mc_ok(mc, MC_MUST, fd >= 0, "data_fd is %d", fd);
	else
		mc_is(mc, MC_MUST, "data_fd", -1, fd);
	mc_close(fd);
	mc_close(from_fd);
}

static void pair_is_right(struct mc *mc, const struct mc_rule *rule)
{
	const int from = states[rule->a], to = states[rule->b];

	if (loops_in_old_kernels(mc, from, to) && !mc->ask_blocked)
		mc->skip = "may never return before Linux 7.2: see --blocked";
	else
		check_pair(mc, from, to, pair_wanted(mc, rule->a, rule->b));
}

static void refuses_numbers_beyond(struct mc *mc, const struct mc_rule *rule)
{
	check_pair(mc, rule->a, MC_NR_STATES, -1);
	check_pair(mc, rule->a, 255, -1);
	check_pair(mc, rule->a, -1, -1);
}

static void get_has_no_data_fd(struct mc *mc, const struct mc_rule *rule)
{
	struct vfio_device_feature_mig_state mig;
	unsigned int i;
	int fd;

	for (i = 0; i < NR_FROM; i++) {
		if (!mc_state_exists(mc, states[i]) ||
		    !mc_enter(mc, states[i], &fd))
			continue;
		mig = (struct vfio_device_feature_mig_state) { .data_fd = 77 };
		mc_is(mc, MC_MUST, "GET", 0,
		      mc_feature(mc, 16, VFIO_DEVICE_FEATURE_GET |
				 VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
				 &mig, sizeof(mig)));
		mc_is(mc, MC_MUST, "state", states[i], mig.device_state);
		mc_is(mc, MC_MUST, "data_fd", -1, mig.data_fd);
		mc_close(fd);
	}
}

static void data_size_is_told(struct mc *mc, const struct mc_rule *rule)
{
	int64_t size;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	size = vt_data_size(&mc->dev);
	mc_ok(mc, MC_MUST, size >= 0, "%s", strerror(-size));
	/* QEMU allocates that much and takes a failure of it for one of memory. */
	mc_ok(mc, MC_SHOULD, size != 0, "it is 0");
	mc_close(fd);
}

static void add_pairs_from(struct mc *mc, unsigned int from)
{
	static const char *const does[] = {
		"is refused", "opens no data_fd", "opens a data_fd",
	};
	struct mc_rule rule = { .run = pair_is_right, .a = from };

	for (rule.b = 0; rule.b < (int)NR_STATES; rule.b++)
		mc_add(mc, &rule, "%s -> %s %s", vt_state_name(states[from]),
		       vt_state_name(states[rule.b]),
		       does[pair_wanted(mc, from, rule.b) + 1]);
}

static const struct mc_rule rules[] = {
	{ "GET tells the state, and data_fd -1, in every state",
	  get_has_no_data_fd },
};

void mc_add_fsm_rules(struct mc *mc)
{
	struct mc_rule rule = {};
	unsigned int i;

	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
	for (i = 0; i < NR_FROM; i++) {
		if (!mc_state_exists(mc, states[i])) {
			mc->left_out += NR_STATES + 2;
			continue;
		}
		add_pairs_from(mc, i);
		rule.a = states[i];
		rule.run = refuses_numbers_beyond;
		mc_add(mc, &rule, "%s -> a number beyond the states is refused",
		       vt_state_name(rule.a));
		rule.run = data_size_is_told;
		mc_add(mc, &rule, "MIG_DATA_SIZE is told in %s",
		       vt_state_name(rule.a));
	}
}
