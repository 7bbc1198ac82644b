// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The descriptor, by the comment at struct vfio_device_feature_mig_state; the end
 * of the stream by the one at VFIO_MIG_GET_PRECOPY_INFO.  That it closes on exec,
 * goes one way and has no position is how the core and stream_open() make it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mc.h"

/* a: the state that opens it, here and below. */
static void closes_on_exec(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_is(mc, MC_MUST, "F_GETFD", FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
}

/* anon_inode_getfile() with O_RDONLY or O_WRONLY: the VFS answers. */
static void goes_one_way(struct mc *mc, const struct mc_rule *rule)
{
	char byte = 0;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	if (rule->a == MC_RESUMING)
		mc_is(mc, MC_MUST, "read", -EBADF, mc_read(fd, &byte, 1));
	else
		mc_is(mc, MC_MUST, "write", -EBADF, mc_write(fd, &byte, 1));
	close(fd);
}

/* It is a stream, so it has no position that could be given or set. */
static void has_no_position(struct mc *mc, const struct mc_rule *rule)
{
	const bool saving = rule->a != MC_RESUMING;
	char byte = 0;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_is(mc, MC_MUST, "lseek", -ESPIPE,
	      lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0);
	mc_is(mc, MC_MUST, saving ? "pread" : "pwrite", -ESPIPE,
	      (saving ? pread(fd, &byte, 1, 0) : pwrite(fd, &byte, 1, 0)) < 0 ?
	      -errno : 0);
	close(fd);
}

static bool is_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN);
}

/*
 * "signaled in the usual way by read() always returning 0 and poll always
 * returning readable.  ENOMSG may not be returned in STOP_COPY."
 */
static void end_is_permanent(struct mc *mc, const struct mc_rule *rule)
{
	struct vt_state s = {};
	char byte;
	int fd, i;

	if (!mc_enter(mc, MC_STOP_COPY, &fd))
		return;
	mc_is(mc, MC_MUST, "read", 0, mc_read_rest(fd, &s, 1 << 20, 1 << 20));
	for (i = 0; i < 3; i++)
		mc_is(mc, MC_MUST, "read at the end", 0, mc_read(fd, &byte, 1));
	mc_ok(mc, MC_MUST, is_readable(fd), "poll does not say so");
	vt_state_free(&s);
	close(fd);
}

static void close_changes_nothing(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	close(fd);
	mc_is(mc, MC_MUST, "state", rule->a, vt_get_state(&mc->dev));
}

static void read_in_pieces(struct mc *mc, size_t small, size_t bound)
{
	struct vt_state s = {};
	int fd;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_STOP_COPY, &fd))
		return;
	mc_is(mc, MC_MUST, "read", 0, mc_read_rest(fd, &s, small, bound));
	close(fd);
	mc_is_stream(mc, "load of what was read", &s);
	vt_state_free(&s);
}

static void reads_in_any_pieces(struct mc *mc, const struct mc_rule *rule)
{
	read_in_pieces(mc, 1, 65536);
	read_in_pieces(mc, 7, 4095);
	read_in_pieces(mc, 4097, 4097);
}

/* "The user is not required to preserve buffer segmentation when writing" */
static void writes_in_any_pieces(struct mc *mc, const struct mc_rule *rule)
{
	static const size_t sizes[][2] = {
		{ 1, 65536 }, { 7, 4095 }, { 4097, 4097 },
	};
	size_t i;

	if (!mc_need_stream(mc))
		return;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		mc_ok(mc, MC_MUST, !mc_load(mc, &mc->stream, mc->stream.len,
					    sizes[i][0], sizes[i][1], MC_STOP),
		      "pieces of %zu and %zu bytes do not load",
		      sizes[i][0], sizes[i][1]);
}

/* A reader must not have to wait; if there is nothing yet, that is EAGAIN. */
static void reads_without_blocking(struct mc *mc, const struct mc_rule *rule)
{
	struct vt_state s = {};
	int fd, ret;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_STOP_COPY, &fd))
		return;
	mc_is(mc, MC_MUST, "O_NONBLOCK", 0, fcntl(fd, F_SETFL, O_NONBLOCK));
	while ((ret = mc_read_rest(fd, &s, 1 << 20, 1 << 20)) == -EAGAIN)
		poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, -1);
	mc_is(mc, MC_MUST, "read", 0, ret);
	close(fd);
	mc_is_stream(mc, "load of what was read", &s);
	vt_state_free(&s);
}

/* Some bytes by another process; they come back by a pipe. */
static long read_in_child(int fd, void *data, size_t len)
{
	int pipes[2], status;
	pid_t pid;
	long n;

	if (pipe(pipes))
		return -errno;
	pid = fork();
	if (pid == 0) {
		n = mc_read(fd, data, len);
		_exit(n < 0 || mc_write(pipes[1], data, n) != n);
	}
	waitpid(pid, &status, 0);
	close(pipes[1]);
	n = status ? -EIO : mc_read(pipes[0], data, len);
	close(pipes[0]);
	return n;
}

static void is_shared(struct mc *mc, const struct mc_rule *rule)
{
	struct vt_state s = { .data = malloc(48) };
	int fd, copy;
	long n;

	if (!mc_need_stream(mc) || !mc_enter(mc, MC_STOP_COPY, &fd))
		goto out;
	copy = dup(fd);
	n = mc_read(fd, s.data, 5);
	if (mc_ok(mc, MC_MUST, n > 0, "first read: %ld", n)) {
		s.len = n;
		n = read_in_child(copy, s.data + s.len, 5);
	}
	if (mc_ok(mc, MC_MUST, n > 0, "read in another process: %ld", n)) {
		s.len += n;
		close(fd);
		mc_is(mc, MC_MUST, "read of a copy", 0,
		      mc_read_rest(copy, &s, 1 << 20, 1 << 20));
		mc_is_stream(mc, "load of what was read", &s);
		fd = -1;
	}
	close(copy);
	mc_close(fd);
out:
	vt_state_free(&s);
}

static void outlives_the_device(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	vt_any_close(&mc->dev);
	mc_is_dead(mc, fd, rule->a != MC_RESUMING);
	mc_reopen(mc);
	mc_is_dead(mc, fd, rule->a != MC_RESUMING);
	close(fd);
}

static int set_state_without_room(struct mc *mc, int state)
{
	struct rlimit old, none;
	int fd, ret;

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = vt_set_state(&mc->dev, state, &fd);
	setrlimit(RLIMIT_NOFILE, &old);
	return ret;
}

/*
 * "If this function fails then current device_state may be the original operating
 * state or some other state along the combination transition path."  The arcs
 * are through when the core looks for a descriptor.
 */
static void full_table_is_survived(struct mc *mc, const struct mc_rule *rule)
{
	int fd, state;

	mc_is(mc, MC_MUST, "SET with a full table", -EMFILE,
	      set_state_without_room(mc, rule->a));
	state = vt_get_state(&mc->dev);
	mc_ok(mc, MC_MUST, state >= 0 && state < MC_NR_STATES &&
	      mc_state_exists(mc, state), "GET afterwards: %d", state);
	if (rule->a != MC_RESUMING && state != VFIO_DEVICE_STATE_ERROR)
		mc_is(mc, MC_MUST, "back to RUNNING", 0,
		      vt_set_state(&mc->dev, MC_RUNNING, NULL));
	if (mc_enter(mc, rule->a, &fd))
		close(fd);
}

#define PRE	MC_HAS_PRE_COPY

static const struct mc_rule rules[] = {
	{ "a saving data_fd closes on exec", closes_on_exec, 0, MC_STOP_COPY },
	{ "a loading data_fd closes on exec", closes_on_exec, 0, MC_RESUMING },
	{ "a saving data_fd cannot be written", goes_one_way, 0, MC_STOP_COPY },
	{ "a loading data_fd cannot be read", goes_one_way, 0, MC_RESUMING },
	{ "a saving data_fd has no position", has_no_position, 0, MC_STOP_COPY },
	{ "a loading data_fd has no position", has_no_position, 0, MC_RESUMING },
	{ "the end of the stream in STOP_COPY is permanent", end_is_permanent },
	{ "closing data_fd in STOP_COPY does not change the state",
	  close_changes_nothing, 0, MC_STOP_COPY },
	{ "closing data_fd in RESUMING does not change the state",
	  close_changes_nothing, 0, MC_RESUMING },
	{ "closing data_fd in PRE_COPY does not change the state",
	  close_changes_nothing, PRE, MC_PRE_COPY },
	{ "a stream can be read in any pieces", reads_in_any_pieces },
	{ "a stream can be written in any pieces", writes_in_any_pieces },
	{ "a stream can be read without blocking", reads_without_blocking },
	{ "dup and fork share the stream", is_shared },
	{ "a saving data_fd outlives the device, and is dead", outlives_the_device,
	  0, MC_STOP_COPY },
	{ "a loading data_fd outlives the device, and is dead",
	  outlives_the_device, 0, MC_RESUMING },
	{ "a data_fd of PRE_COPY outlives the device, and is dead",
	  outlives_the_device, PRE, MC_PRE_COPY },
	{ "a full descriptor table is survived on the way to STOP_COPY",
	  full_table_is_survived, 0, MC_STOP_COPY },
	{ "a full descriptor table is survived on the way to RESUMING",
	  full_table_is_survived, 0, MC_RESUMING },
	{ "a full descriptor table is survived on the way to PRE_COPY",
	  full_table_is_survived, PRE, MC_PRE_COPY },
};

void mc_add_data_fd_rules(struct mc *mc)
{
	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
}
