// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIO_DEVICE_RESET "must be used to return the device_state back to RUNNING",
 * and what the next user of the device finds.
 */
#include <unistd.h>

#include "mc.h"

static bool has_session(int state)
{
	return mc_opens_session(MC_RUNNING, state);
}

static void reset_leads_to_running(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev));
	mc_is(mc, MC_MUST, "state", MC_RUNNING, vt_get_state(&mc->dev));
	if (has_session(rule->a))
		mc_is_dead(mc, fd, rule->a != MC_RESUMING);
	mc_close(fd);
}

/*
 * The text says nothing about close and open, but that in these states there is
 * a session: it went with the descriptors, so a state that has one would be a
 * lie (and in the driver a pointer to nothing).  What STOP means to a user who
 * has just opened the device is not said, though no other driver does that.
 */
static void open_finds_running(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_close(fd);
	if (!mc_reopen(mc))
		return;
	mc_is(mc, has_session(rule->a) ? MC_MUST : MC_SHOULD, "state", MC_RUNNING,
	      vt_get_state(&mc->dev));
	mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev));
	mc_is(mc, MC_MUST, "state after a reset", MC_RUNNING,
	      vt_get_state(&mc->dev));
}

void mc_add_reset_rules(struct mc *mc)
{
	struct mc_rule rule = {};

	for (rule.a = MC_STOP; rule.a < MC_NR_STATES; rule.a++) {
		if (!mc_state_exists(mc, rule.a)) {
			mc->left_out += 2;
			continue;
		}
		rule.run = reset_leads_to_running;
		mc_add(mc, &rule, "a reset in %s leads to RUNNING%s",
		       vt_state_name(rule.a),
		       has_session(rule.a) ? " and ends the session" : "");
		rule.run = open_finds_running;
		mc_add(mc, &rule, "a device closed in %s is RUNNING when opened",
		       vt_state_name(rule.a));
	}
}
