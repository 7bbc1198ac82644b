// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which arcs end a session and which keep it, on the way of a combination too:
 * "The PRE_COPY arc will terminate a data transfer session", "Moving between
 * these states ... does not terminate or otherwise affect the associated fd".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mc.h"

/* a: from, b: to.  A path that leaves the group of states on its way. */
static void ends(struct mc *mc, const struct mc_rule *rule)
{
	int fd, next = -1;

	if (rule->a == MC_RESUMING && !mc_need_stream(mc))
		return;
	if (!mc_enter(mc, rule->a, &fd))
		return;
	if (rule->a == MC_RESUMING)
		mc_is(mc, MC_MUST, "write in RESUMING", 0,
		      vt_write_all(fd, mc->stream.data, mc->stream.len, 1 << 20));
	if (mc_is(mc, MC_MUST, "state change", 0,
		  vt_set_state(&mc->dev, rule->b, &next)))
		mc_is_dead(mc, fd, rule->a != MC_RESUMING);
	mc_close(next);
	mc_close(fd);
}

/* The rest of a session that has come to STOP_COPY: what it delivered loads. */
static void arrives(struct mc *mc, int fd, struct vt_state *s)
{
	mc_is(mc, MC_MUST, "read in STOP_COPY", 0,
	      mc_read_rest(fd, s, 1 << 20, 1 << 20));
	mc_loads(mc, "load of what was read", s);
}

/* Half of the data that there is now, so that none is waited for. */
static void read_some(struct mc *mc, int fd, struct vt_state *s)
{
	uint8_t *data = malloc(4096);
	long n = mc_read(fd, data, 4096);

	s->data = data;
	s->len = n > 0 ? n : 0;
	mc_ok(mc, MC_MUST, n >= 0 || n == -ENOMSG, "read in PRE_COPY: %s",
	      strerror(-n));
}

static void keeps(struct mc *mc, const int *path, size_t n)
{
	struct vt_state s = {};
	int fd, none;
	size_t i;

	if (!mc_enter(mc, path[0], &fd))
		return;
	read_some(mc, fd, &s);
	for (i = 1; i < n; i++) {
		mc_is(mc, MC_MUST, vt_state_name(path[i]), 0,
		      vt_set_state(&mc->dev, path[i], &none));
		mc_is(mc, MC_MUST, "data_fd", -1, none);
	}
	arrives(mc, fd, &s);
	mc_close(fd);
	vt_state_free(&s);
}

static void keeps_it_to_stop_copy(struct mc *mc, const struct mc_rule *rule)
{
	static const int path[] = { MC_PRE_COPY, MC_STOP_COPY };

	keeps(mc, path, 2);
}

static void keeps_it_by_p2p(struct mc *mc, const struct mc_rule *rule)
{
	static const int path[] = {
		MC_PRE_COPY, MC_PRE_COPY_P2P, MC_PRE_COPY, MC_PRE_COPY_P2P,
		MC_STOP_COPY,
	};

	keeps(mc, path, 5);
}

static void keeps_it_from_p2p(struct mc *mc, const struct mc_rule *rule)
{
	static const int path[] = { MC_PRE_COPY_P2P, MC_STOP_COPY };

	keeps(mc, path, 2);
}

/* A request for the state that it is in is no reason to lose a session. */
static void survives_the_same_state(struct mc *mc, const struct mc_rule *rule)
{
	struct vt_state s = {};
	int fd, none;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_STOP_COPY, &fd))
		return;
	mc_is(mc, MC_MUST, "STOP_COPY -> STOP_COPY", 0,
	      vt_set_state(&mc->dev, MC_STOP_COPY, &none));
	mc_is(mc, MC_MUST, "read", 0, mc_read_rest(fd, &s, 1 << 20, 1 << 20));
	mc_is_stream(mc, "load of what was read", &s);
	mc_close(fd);
	vt_state_free(&s);
}

static void old_is_not_the_new(struct mc *mc, const struct mc_rule *rule)
{
	struct vt_state s = {};
	int old, new;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_STOP_COPY, &old))
		return;
	mc_is(mc, MC_MUST, "STOP", 0, vt_set_state(&mc->dev, MC_STOP, NULL));
	mc_is(mc, MC_MUST, "STOP_COPY", 0,
	      vt_set_state(&mc->dev, MC_STOP_COPY, &new));
	mc_is_dead(mc, old, true);
	mc_close(old);
	mc_is(mc, MC_MUST, "read", 0, mc_read_rest(new, &s, 1 << 20, 1 << 20));
	mc_is_stream(mc, "load of the new one's", &s);
	mc_close(new);
	vt_state_free(&s);
}

#define PRE	MC_HAS_PRE_COPY
#define PRE_P2P	(MC_HAS_PRE_COPY | MC_HAS_P2P)

static const struct mc_rule rules[] = {
	{ "STOP_COPY -> STOP ends the session", ends, 0, MC_STOP_COPY, MC_STOP },
	{ "STOP_COPY -> RESUMING ends the session", ends, 0,
	  MC_STOP_COPY, MC_RESUMING },
	{ "RESUMING -> STOP ends the session", ends, 0, MC_RESUMING, MC_STOP },
	{ "RESUMING -> STOP_COPY ends the session", ends, 0,
	  MC_RESUMING, MC_STOP_COPY },
	{ "PRE_COPY -> RUNNING ends the session", ends, PRE,
	  MC_PRE_COPY, MC_RUNNING },
	{ "PRE_COPY -> STOP ends the session", ends, PRE, MC_PRE_COPY, MC_STOP },
	{ "PRE_COPY -> RESUMING ends the session", ends, PRE,
	  MC_PRE_COPY, MC_RESUMING },
	{ "PRE_COPY_P2P -> RUNNING_P2P ends the session", ends, PRE_P2P,
	  MC_PRE_COPY_P2P, MC_RUNNING_P2P },
	{ "PRE_COPY_P2P -> STOP ends the session", ends, PRE_P2P,
	  MC_PRE_COPY_P2P, MC_STOP },
	{ "PRE_COPY -> STOP_COPY keeps the session", keeps_it_to_stop_copy, PRE },
	{ "PRE_COPY <-> PRE_COPY_P2P -> STOP_COPY keeps the session",
	  keeps_it_by_p2p, PRE_P2P },
	{ "PRE_COPY_P2P -> STOP_COPY keeps the session", keeps_it_from_p2p,
	  PRE_P2P },
	{ "STOP_COPY -> STOP_COPY keeps the session", survives_the_same_state },
	{ "the descriptor of an old session does not reach a new one",
	  old_is_not_the_new },
};

void mc_add_session_rules(struct mc *mc)
{
	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
}
