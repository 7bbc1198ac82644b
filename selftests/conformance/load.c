// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is loaded.  "If the user provided data is found to be incomplete,
 * inconsistent, or otherwise invalid, the migration driver must fail the
 * SET_STATE ioctl and optionally go to the ERROR state".  "To abort a RESUMING
 * session the device must be reset."
 *
 * A stream is opaque, so only these are tried: none of it, a part of it, and a
 * first byte that is another.  If a driver takes that byte for data, all is well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mc.h"

/* After a load that failed: in one of two states, and a reset leads out. */
static void is_left_in_order(struct mc *mc, bool combination)
{
	const int state = vt_get_state(&mc->dev);

	mc_ok(mc, MC_MUST, state == MC_RESUMING ||
	      state == VFIO_DEVICE_STATE_ERROR || (combination && state == MC_STOP),
	      "then the state is %s", vt_state_name(state));
	mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev));
	mc_is(mc, MC_MUST, "state after the reset", MC_RUNNING,
	      vt_get_state(&mc->dev));
	mc_loads(mc, "a good stream after a bad one", &mc->stream);
}

static void refuses_part(struct mc *mc, size_t len, int to)
{
	int ret;

	if (len >= mc->stream.len)
		return;
	ret = mc_load(mc, &mc->stream, len, 1 << 20, 1 << 20, to);
	mc_ok(mc, MC_MUST, ret < 0, "%zu of %zu bytes are accepted", len,
	      mc->stream.len);
	if (ret < 0)
		is_left_in_order(mc, to != MC_STOP);
}

static void loads_what_it_saved(struct mc *mc, const struct mc_rule *rule)
{
	if (!mc_need_stream(mc))
		return;
	mc_loads(mc, "load", &mc->stream);
	mc_loads(mc, "load once more", &mc->stream);
}

static void refuses_nothing_at_all(struct mc *mc, const struct mc_rule *rule)
{
	if (mc_need_stream(mc))
		refuses_part(mc, 0, MC_STOP);
}

static void refuses_a_part(struct mc *mc, const struct mc_rule *rule)
{
	if (!mc_need_stream(mc))
		return;
	refuses_part(mc, 1, MC_STOP);
	refuses_part(mc, mc->stream.len / 2, MC_STOP);
	refuses_part(mc, mc->stream.len - 1, MC_STOP);
}

static void refuses_it_in_a_combination(struct mc *mc, const struct mc_rule *rule)
{
	if (mc_need_stream(mc))
		refuses_part(mc, mc->stream.len - 1, MC_RUNNING);
}

/* The driver has found that data invalid, it said so; it must not forget it. */
static void remembers_a_failed_write(struct mc *mc, const struct mc_rule *rule)
{
	int fd;
	long n;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_RESUMING, &fd))
		return;
	mc->stream.data[0] ^= 0xff;
	n = mc_write(fd, mc->stream.data, mc->stream.len);
	mc->stream.data[0] ^= 0xff;
	if (n < 0)
		mc_ok(mc, MC_MUST, vt_set_state(&mc->dev, MC_STOP, NULL) < 0,
		      "write: %s, and then it is accepted", strerrorname_np(-n));
	else
		mc_note("no write failed, %s",
			vt_set_state(&mc->dev, MC_STOP, NULL) ?
			"RESUMING -> STOP did" : "nor did RESUMING -> STOP");
	close(fd);
}

static void reset_aborts(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_RESUMING, &fd))
		return;
	mc_ok(mc, MC_MUST, mc_write(fd, mc->stream.data, mc->stream.len) >= 0,
	      "write failed");
	mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev));
	mc_is(mc, MC_MUST, "state", MC_RUNNING, vt_get_state(&mc->dev));
	mc_is_dead(mc, fd, false);
	close(fd);
}

static const struct mc_rule rules[] = {
	{ "a device loads what it has saved", loads_what_it_saved },
	{ "an empty stream is refused", refuses_nothing_at_all },
	{ "a truncated stream is refused", refuses_a_part },
	{ "a truncated stream is refused on the way to RUNNING",
	  refuses_it_in_a_combination },
	{ "a load of which a write failed is refused", remembers_a_failed_write },
	{ "a reset aborts a load", reset_aborts },
};

void mc_add_load_rules(struct mc *mc)
{
	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
}
