// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library on hardware that fails at will: for each set of migration flags,
 * every pair of states takes exactly the arcs of the uAPI's text, each with the
 * callbacks that vfio_mig.h promises; and wherever one of these fails, the
 * device is where it says it is, nothing is half open, and it can go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/mig_test.h"

enum { ERROR, S, R, SC, RS, RP, PC, PP, NR_STATES };

#define CALLS_MAX	32

static __attribute__((constructor)) void load(void)
{
	mt_load();
}

FIXTURE(scaffold) {
	struct vt_dev dev;
};

/*
 * The way from a state (row) to another (column): the states entered; "!" for a
 * request to be refused.  From the text and the figures of <linux/vfio.h>: the
 * shortest way, on which no saving state lies in between but those of the
 * session that goes on.
 */
FIXTURE_VARIANT(scaffold) {
	unsigned int flags;
	const char *paths[NR_STATES][NR_STATES];
};

FIXTURE_VARIANT_ADD(scaffold, stop_copy) {
	.flags = 1,
	.paths = {
		[R] = { [S] = "S", [SC] = "S SC", [RS] = "S RS" },
		[S] = { [R] = "R", [SC] = "SC", [RS] = "RS" },
		[SC] = { [S] = "S", [R] = "S R", [RS] = "S RS" },
		[RS] = { [S] = "S", [R] = "S R", [SC] = "S SC" },
	},
};

FIXTURE_VARIANT_ADD(scaffold, stop_copy_p2p) {
	.flags = 3,
	.paths = {
		[R] = { [S] = "RP S", [SC] = "RP S SC", [RS] = "RP S RS",
			[RP] = "RP" },
		[S] = { [R] = "RP R", [SC] = "SC", [RS] = "RS", [RP] = "RP" },
		[SC] = { [S] = "S", [R] = "S RP R", [RS] = "S RS",
			 [RP] = "S RP" },
		[RS] = { [S] = "S", [R] = "S RP R", [SC] = "S SC",
			 [RP] = "S RP" },
		[RP] = { [S] = "S", [R] = "R", [SC] = "S SC", [RS] = "S RS" },
	},
};

FIXTURE_VARIANT_ADD(scaffold, stop_copy_precopy) {
	.flags = 5,
	.paths = {
		[R] = { [S] = "S", [SC] = "S SC", [RS] = "S RS", [PC] = "PC" },
		[S] = { [R] = "R", [SC] = "SC", [RS] = "RS", [PC] = "R PC" },
		[SC] = { [S] = "S", [R] = "S R", [RS] = "S RS" },
		[RS] = { [S] = "S", [R] = "S R", [SC] = "S SC",
			 [PC] = "S R PC" },
		[PC] = { [S] = "R S", [R] = "R", [SC] = "SC",
			 [RS] = "R S RS" },
	},
};

FIXTURE_VARIANT_ADD(scaffold, stop_copy_p2p_precopy) {
	.flags = 7,
	.paths = {
		[R] = { [S] = "RP S", [SC] = "RP S SC", [RS] = "RP S RS",
			[RP] = "RP", [PC] = "PC", [PP] = "RP PP" },
		[S] = { [R] = "RP R", [SC] = "SC", [RS] = "RS", [RP] = "RP",
			[PC] = "RP R PC", [PP] = "RP PP" },
		[SC] = { [S] = "S", [R] = "S RP R", [RS] = "S RS",
			 [RP] = "S RP" },
		[RS] = { [S] = "S", [R] = "S RP R", [SC] = "S SC",
			 [RP] = "S RP", [PC] = "S RP R PC", [PP] = "S RP PP" },
		[RP] = { [S] = "S", [R] = "R", [SC] = "S SC", [RS] = "S RS",
			 [PC] = "R PC", [PP] = "PP" },
		[PC] = { [S] = "R RP S", [R] = "R", [SC] = "PP SC",
			 [RS] = "R RP S RS", [RP] = "R RP", [PP] = "PP" },
		[PP] = { [S] = "RP S", [R] = "RP R", [SC] = "SC",
			 [RS] = "RP S RS", [RP] = "RP", [PC] = "PC" },
	},
};

FIXTURE_SETUP(scaffold)
{
	mt_open(&self->dev, variant->flags);
	ASSERT_EQ(variant->flags, vt_migration_flags(&self->dev));
}

FIXTURE_TEARDOWN(scaffold)
{
	EXPECT_EQ(0, vt_reset(&self->dev));
	EXPECT_TRUE(mt_is_clean(&self->dev));
	vt_close(&self->dev);
}

/* What the hardware is asked for on an arc, after the step. */
static const struct arc {
	uint8_t from, to;
	bool opens;
	uint8_t ops[2];
} arcs[] = {
	{ R, RP, .ops = { VFIO_MIG_TEST_P2P_BEGIN } },
	{ RP, R, .ops = { VFIO_MIG_TEST_P2P_END } },
	{ R, S, .ops = { VFIO_MIG_TEST_STOP } },
	{ RP, S, .ops = { VFIO_MIG_TEST_STOP } },
	{ S, R, .ops = { VFIO_MIG_TEST_START } },
	{ S, RP, .ops = { VFIO_MIG_TEST_START } },
	{ S, SC, true, { VFIO_MIG_TEST_SAVE } },
	{ SC, S, .ops = { VFIO_MIG_TEST_SAVE_END } },
	{ S, RS, true, { VFIO_MIG_TEST_LOAD_BEGIN } },
	{ RS, S, .ops = { VFIO_MIG_TEST_LOAD, VFIO_MIG_TEST_LOAD_END } },
	{ R, PC, true, { VFIO_MIG_TEST_PRECOPY_BEGIN } },
	{ PC, R, .ops = { VFIO_MIG_TEST_PRECOPY_END } },
	{ RP, PP, true, { VFIO_MIG_TEST_PRECOPY_BEGIN } },
	{ PP, RP, .ops = { VFIO_MIG_TEST_PRECOPY_END } },
	{ PC, PP, .ops = { VFIO_MIG_TEST_P2P_BEGIN } },
	{ PP, PC, .ops = { VFIO_MIG_TEST_P2P_END } },
	{ PC, SC, .ops = { VFIO_MIG_TEST_STOP, VFIO_MIG_TEST_SAVE } },
	{ PP, SC, .ops = { VFIO_MIG_TEST_STOP, VFIO_MIG_TEST_SAVE } },
};

static const struct arc *find_arc(unsigned int from, unsigned int to)
{
	size_t i;

	for (i = 0; i < sizeof(arcs) / sizeof(arcs[0]); i++)
		if (arcs[i].from == from && arcs[i].to == to)
			return &arcs[i];
	printf("# no arc %s -> %s\n", vt_state_name(from), vt_state_name(to));
	exit(1);
}

/* Callbacks, each with the arc on which it is called. */
struct calls {
	unsigned int n;
	struct vfio_mig_test_call call[CALLS_MAX];
	const struct arc *arc[CALLS_MAX];
	bool opens;
};

static void add_call(struct calls *c, const struct arc *arc, unsigned int op)
{
	c->call[c->n] = (struct vfio_mig_test_call) { .op = op };
	if (op == VFIO_MIG_TEST_STEP) {
		c->call[c->n].from = arc->from;
		c->call[c->n].to = arc->to;
	}
	c->arc[c->n++] = arc;
}

static unsigned int state_of(const char *word, size_t len)
{
	static const char *const names[NR_STATES] = {
		"ERROR", "S", "R", "SC", "RS", "RP", "PC", "PP",
	};
	unsigned int i;

	for (i = 0; i < NR_STATES; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], word, len))
			return i;
	exit(1);
}

/* The callbacks of a path, in their order. */
static void calls_of(struct calls *c, unsigned int from, const char *path)
{
	const struct arc *arc;
	unsigned int to;
	size_t len;

	*c = (struct calls) {};
	for (; path && *path; path += len + strspn(path + len, " ")) {
		len = strcspn(path, " ");
		to = state_of(path, len);
		arc = find_arc(from, to);
		add_call(c, arc, VFIO_MIG_TEST_STEP);
		add_call(c, arc, arc->ops[0]);
		if (arc->ops[1])
			add_call(c, arc, arc->ops[1]);
		c->opens = arc->opens;
		from = to;
	}
}

static bool has_state(unsigned int flags, unsigned int state)
{
	const unsigned int needs[NR_STATES] = {
		[RP] = VFIO_MIGRATION_P2P, [PC] = 4,
		[PP] = VFIO_MIGRATION_P2P | 4,
	};

	return state != ERROR && (flags & needs[state]) == needs[state];
}

static void print_calls(const char *what, const struct vfio_mig_test_call *call,
			unsigned int n)
{
	printf("# %s:", what);
	for (; n; n--, call++) {
		printf(" %s", mt_op_name(call->op));
		if (call->op == VFIO_MIG_TEST_STEP)
			printf("(%s,%s)", vt_state_name(call->from),
			       vt_state_name(call->to));
		printf("%s", call->failed ? "!" : "");
	}
	printf("\n");
}

static bool saw(struct vt_dev *dev, const struct calls *want)
{
	struct vfio_mig_test_status s;

	mt_status(dev, &s);
	if (s.calls == want->n &&
	    !memcmp(s.log, want->call, want->n * sizeof(s.log[0])))
		return true;
	print_calls("wanted", want->call, want->n);
	print_calls("called", s.log, s.calls < CALLS_MAX ? s.calls : CALLS_MAX);
	return false;
}

/* Is a request answered like that, and what did the hardware see of it? */
static bool request_is_right(struct vt_dev *dev, unsigned int to, int want_ret,
			     unsigned int want_state, const struct calls *want)
{
	int fd = -1, ret = vt_set_state(dev, to, &fd), state = vt_get_state(dev);
	const bool want_fd = !ret && want->opens;
	bool right = ret == want_ret && state == (int)want_state &&
		     (want_fd ? fd >= 0 : ret == -EINVAL || fd == -1);

	if (!right)
		printf("# %d, in %s, fd %d\n", ret, vt_state_name(state), fd);
	if (fd >= 0)
		close(fd);
	return saw(dev, want) && right;
}

static bool pair_is_right(struct vt_dev *dev, unsigned int from,
			  unsigned int to, const char *path)
{
	const bool refused = !path && from != to;
	struct calls want;
	bool right;
	int fd;

	if (mt_enter(dev, from, &fd))
		return false;
	mt_defaults(dev);
	calls_of(&want, from, path);
	right = request_is_right(dev, to, refused ? -EINVAL : 0,
				 refused ? from : to, &want);
	if (!right)
		printf("# %s -> %s\n", vt_state_name(from), vt_state_name(to));
	close(fd);
	return right;
}

TEST_F(scaffold, every_pair_of_states_takes_the_arcs_of_the_uapi)
{
	unsigned int from, to;

	for (from = S; from < NR_STATES; from++)
		for (to = ERROR; to < NR_STATES && has_state(variant->flags, from); to++)
			EXPECT_TRUE(pair_is_right(&self->dev, from, to,
						  variant->paths[from][to]));
}

TEST_F(scaffold, no_request_leads_out_of_error)
{
	struct calls none = {};
	unsigned int to;

	mt_fail(&self->dev, VFIO_MIG_TEST_ANY, 1, EIO, VFIO_MIG_TEST_SET_ERROR);
	ASSERT_EQ(-EIO, vt_set_state(&self->dev, S, NULL));
	mt_defaults(&self->dev);
	for (to = ERROR; to < NR_STATES; to++)
		EXPECT_TRUE(request_is_right(&self->dev, to, -EINVAL, ERROR, &none));
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(R, vt_get_state(&self->dev));
}

static bool can_fail(unsigned int op)
{
	return op != VFIO_MIG_TEST_PRECOPY_END && op != VFIO_MIG_TEST_LOAD_END;
}

/*
 * What is called when the call number @i fails: what was done is taken back, or,
 * for a device in ERROR, what is kept for a load is dropped.
 */
static void cut_calls(struct calls *c, unsigned int i, bool error)
{
	const struct arc *arc = c->arc[i];
	const struct arc back = { .from = arc->to, .to = arc->from };

	c->n = i + 1;
	c->call[i].failed = 1;
	c->opens = false;
	if (error) {
		if (arc->from == RS)
			add_call(c, arc, VFIO_MIG_TEST_LOAD_END);
		return;
	}
	if (c->call[i].op == VFIO_MIG_TEST_STEP)
		return;
	if (c->call[i].op == arc->ops[1] && arc->ops[0] == VFIO_MIG_TEST_STOP)
		add_call(c, arc, VFIO_MIG_TEST_START);
	add_call(c, &back, VFIO_MIG_TEST_STEP);
}

/* A stream with a failure in its middle fails for the rest of its session. */
static bool is_sticky(const struct calls *c, unsigned int i)
{
	return c->call[i].op == VFIO_MIG_TEST_LOAD ||
	       (c->call[i].op == VFIO_MIG_TEST_SAVE && c->arc[i]->from != S);
}

struct failure {
	struct vt_dev *dev;
	unsigned int from, to;
	const char *path;
	uint32_t flags;
};

/* The number of a call among those that can fail, from 1. */
static unsigned int nth(const struct calls *c, unsigned int i)
{
	unsigned int n = 0;

	for (; i < CALLS_MAX; i--)
		n += can_fail(c->call[i].op);
	return n;
}

/* Nothing fails any more: the same request again, and then a reset. */
static bool goes_on(const struct failure *f, unsigned int state, bool sticky)
{
	int want = state == ERROR ? -EINVAL : sticky ? -EIO : 0, ret;

	mt_defaults(f->dev);
	ret = vt_set_state(f->dev, f->to, NULL);
	if (ret != want)
		printf("# again: %d\n", ret);
	return ret == want && !vt_reset(f->dev) &&
	       vt_get_state(f->dev) == R && mt_is_clean(f->dev);
}

static bool failure_is_right(const struct failure *f, unsigned int i)
{
	unsigned int state;
	struct calls want;
	bool right, sticky;
	int fd;

	if (mt_enter(f->dev, f->from, &fd))
		return false;
	calls_of(&want, f->from, f->path);
	mt_defaults(f->dev);
	mt_fail(f->dev, VFIO_MIG_TEST_ANY, nth(&want, i), EIO, f->flags);
	state = f->flags ? ERROR : want.arc[i]->from;
	sticky = is_sticky(&want, i);
	cut_calls(&want, i, f->flags);
	right = request_is_right(f->dev, f->to, -EIO, state, &want);
	right &= goes_on(f, state, sticky);
	if (!right)
		printf("# %s -> %s, call %u\n", vt_state_name(f->from),
		       vt_state_name(f->to), i);
	close(fd);
	return right;
}

static unsigned int walk_failures(struct failure *f)
{
	unsigned int i, wrong = 0;
	struct calls calls;

	calls_of(&calls, f->from, f->path);
	for (i = 0; i < calls.n; i++)
		if (can_fail(calls.call[i].op))
			wrong += !failure_is_right(f, i);
	return wrong;
}

static unsigned int walk_pairs(struct failure *f, const char *const paths[][NR_STATES])
{
	unsigned int wrong = 0;

	for (f->from = S; f->from < NR_STATES; f->from++)
		for (f->to = S; f->to < NR_STATES; f->to++) {
			f->path = paths[f->from][f->to];
			wrong += walk_failures(f);
		}
	return wrong;
}

TEST_F(scaffold, a_callback_that_fails_anywhere_leaves_the_state_reached)
{
	struct failure f = { &self->dev };

	EXPECT_EQ(0, walk_pairs(&f, variant->paths));
}

TEST_F(scaffold, a_callback_that_fails_for_good_leaves_error_and_only_that)
{
	struct failure f = { &self->dev, .flags = VFIO_MIG_TEST_SET_ERROR };

	EXPECT_EQ(0, walk_pairs(&f, variant->paths));
}

/* The hardware neither does what it shall nor takes the step back. */
TEST_F(scaffold, a_step_that_cannot_be_taken_back_leads_to_error)
{
	struct vfio_mig_test_control control;

	mt_get(&self->dev, &control);
	control.fail_op = VFIO_MIG_TEST_ANY;
	control.fail_at = 2;
	control.fail_times = 2;
	control.fail_errno = EIO;
	mt_set(&self->dev, &control);
	EXPECT_EQ(-EIO, vt_set_state(&self->dev, S, NULL));
	EXPECT_EQ(ERROR, vt_get_state(&self->dev));
	ASSERT_EQ(0, vt_reset(&self->dev));
	mt_defaults(&self->dev);
	EXPECT_EQ(0, vt_set_state(&self->dev, S, NULL));
}

/* The arc has happened when the descriptor cannot be handed out. */
static bool survives_full_table(struct vt_dev *dev, unsigned int from,
				unsigned int to)
{
	struct rlimit old, none;
	int fd, ret;

	if (mt_enter(dev, from, &fd))
		return false;
	if (fd >= 0)
		close(fd);
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = vt_set_state(dev, to, &fd);
	setrlimit(RLIMIT_NOFILE, &old);
	if (ret == -EMFILE && vt_get_state(dev) == (int)to &&
	    !vt_reset(dev) && mt_is_clean(dev) && !mt_enter(dev, to, &fd) &&
	    fd >= 0)
		return close(fd) == 0;
	printf("# %s -> %s: %d\n", vt_state_name(from), vt_state_name(to), ret);
	return false;
}

TEST_F(scaffold, a_full_descriptor_table_leaves_a_usable_device)
{
	size_t i;

	for (i = 0; i < sizeof(arcs) / sizeof(arcs[0]); i++)
		if (arcs[i].opens && has_state(variant->flags, arcs[i].from) &&
		    has_state(variant->flags, arcs[i].to))
			EXPECT_TRUE(survives_full_table(&self->dev, arcs[i].from,
							arcs[i].to));
}

/* Left in any state, with its session open: the next user finds nothing of it. */
TEST_F(scaffold, closing_ends_everything_in_every_state)
{
	unsigned int from;
	char byte;
	int fd;

	for (from = S; from < NR_STATES; from++) {
		if (!has_state(variant->flags, from))
			continue;
		ASSERT_EQ(0, mt_enter(&self->dev, from, &fd));
		vt_close(&self->dev);
		if (fd >= 0) {
			EXPECT_EQ(-1, from == RS ? write(fd, "", 1) :
						   read(fd, &byte, 1));
			EXPECT_EQ(ENODEV, errno);
			close(fd);
		}
		mt_open(&self->dev, variant->flags);
		EXPECT_EQ(R, vt_get_state(&self->dev));
		EXPECT_TRUE(mt_is_clean(&self->dev));
	}
}

TEST_HARNESS_MAIN
