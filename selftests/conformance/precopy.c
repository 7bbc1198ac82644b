// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pre-copy, by the comment at VFIO_MIG_GET_PRECOPY_INFO.  Where that says
 * "should", drivers of the kernel do otherwise (most return 0 at the temporary
 * end, most have no poll), and a user has to cope: these are deviations.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mc.h"

#define REINIT		1u
#define NO_IOCTL	_IO(VFIO_TYPE, VFIO_BASE + 99)

/* A device that is busy all by itself may never come to an end in PRE_COPY. */
#define MANY_READS	4096

static int info(int fd, uint32_t flags, struct vfm_precopy_info *i)
{
	*i = (struct vfm_precopy_info) { .argsz = sizeof(*i), .flags = flags };
	return ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, i) ? -errno : 0;
}

static void refuses_small_argsz(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info i;
	uint32_t argsz;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	for (argsz = 0; argsz < sizeof(i); argsz++) {
		i = (struct vfm_precopy_info) { .argsz = argsz };
		mc_is(mc, MC_MUST, "small argsz", -EINVAL,
		      ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &i) ? -errno : 0);
	}
	close(fd);
}

static void refuses_other_ioctls(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info i = { .argsz = sizeof(i) };
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_is(mc, MC_MUST, "another ioctl", -ENOTTY,
	      ioctl(fd, NO_IOCTL, &i) ? -errno : 0);
	close(fd);
}

/* "kernel driver should return -EINVAL from any other migration state" */
static void is_for_precopy_only(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info i;
	int fd, ret;

	if (!mc_enter(mc, MC_PRE_COPY, &fd))
		return;
	mc_is(mc, MC_MUST, "PRE_COPY", 0, info(fd, 0, &i));
	mc_is(mc, MC_MUST, "STOP_COPY", 0,
	      vt_set_state(&mc->dev, MC_STOP_COPY, NULL));
	ret = info(fd, 0, &i);
	if (mc_ok(mc, MC_MUST, ret < 0, "it succeeds in STOP_COPY"))
		mc_is(mc, MC_SHOULD, "in STOP_COPY", -EINVAL, ret);
	mc_is(mc, MC_MUST, "STOP", 0, vt_set_state(&mc->dev, MC_STOP, NULL));
	/* The session is gone, and the state is wrong: either may be said. */
	ret = info(fd, 0, &i);
	mc_ok(mc, MC_MUST, ret == -EINVAL || ret == -ENODEV, "in STOP: %d", ret);
	close(fd);
}

static void is_for_precopy_of_its_own(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info i;
	int old, new;

	if (!mc_enter(mc, MC_PRE_COPY, &old) || !mc_enter(mc, MC_PRE_COPY, &new))
		return;
	mc_ok(mc, MC_MUST, info(old, 0, &i) < 0, "the old one still answers");
	mc_is(mc, MC_MUST, "the new one", 0, info(new, 0, &i));
	close(old);
	close(new);
}

/* "This field should have a non-zero initial value", "starts at zero" */
static void starts_as_it_should(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info i;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	mc_is(mc, MC_MUST, "VFIO_MIG_GET_PRECOPY_INFO", 0, info(fd, 0, &i));
	mc_ok(mc, MC_SHOULD, i.initial_bytes > 0, "initial_bytes is 0");
	mc_is(mc, MC_SHOULD, "dirty_bytes", 0, i.dirty_bytes);
	/* Without the opt-in the field is reserved: it may be what was given. */
	if (info(fd, ~0u, &i) == 0 && i.flags)
		mc_note("flags that were given come back: 0x%x", i.flags);
	close(fd);
}

/* Read to the end.  Return: the result of the last read; an end is 0 or an error. */
static long drain(int fd, unsigned int reads)
{
	uint8_t *data = malloc(1 << 20);
	long n = 1;

	while (n > 0 && reads--)
		n = mc_read(fd, data, 1 << 20);
	free(data);
	return n;
}

/* "and decrease as migration data is read from the device" */
static void falls_with_reads(struct mc *mc, const struct mc_rule *rule)
{
	struct vfm_precopy_info before, after;
	uint8_t data[4096];
	int fd;

	if (!mc_enter(mc, MC_PRE_COPY, &fd))
		return;
	if (info(fd, 0, &before) || !before.initial_bytes) {
		mc->skip = "there are no initial_bytes";
	} else {
		mc_ok(mc, MC_MUST, mc_read(fd, data, sizeof(data)) > 0,
		      "there is nothing to read");
		info(fd, 0, &after);
		mc_ok(mc, MC_SHOULD, after.initial_bytes < before.initial_bytes,
		      "%llu before, %llu after a read",
		      (unsigned long long)before.initial_bytes,
		      (unsigned long long)after.initial_bytes);
		drain(fd, MANY_READS);
		info(fd, 0, &after);
		mc_is(mc, MC_SHOULD, "initial_bytes at the end", 0,
		      after.initial_bytes);
	}
	close(fd);
}

/* An end for the moment; "the kernel driver should return ENOMSG from read()" */
static void end_is_enomsg(struct mc *mc, const struct mc_rule *rule)
{
	long n;
	int fd;

	if (!mc_enter(mc, rule->a, &fd))
		return;
	n = drain(fd, MANY_READS);
	if (n > 0)
		mc->skip = "this device never comes to an end";
	else if (mc_ok(mc, MC_MUST, n == 0 || n == -ENOMSG, "read: %s",
		       strerrorname_np(-n)))
		mc_is(mc, MC_SHOULD, "read", -ENOMSG, n);
	close(fd);
}

/* "Userspace can wait for more data (which may never come) by using poll." */
static void poll_waits(struct mc *mc, const struct mc_rule *rule)
{
	struct pollfd pfd = { .events = POLLIN };
	struct vfm_precopy_info i;
	char byte;

	if (!mc_enter(mc, MC_PRE_COPY, &pfd.fd))
		return;
	if (info(pfd.fd, 0, &i) == 0 && i.initial_bytes)
		mc_ok(mc, MC_SHOULD, poll(&pfd, 1, 0) == 1 &&
		      (pfd.revents & POLLIN), "not readable, but there is data");
	if (drain(pfd.fd, MANY_READS) <= 0)
		mc_ok(mc, MC_SHOULD, poll(&pfd, 1, 0) == 0 ||
		      mc_read(pfd.fd, &byte, 1) == 1,
		      "readable, but there is no data");
	else
		mc->skip = "this device never comes to an end";
	close(pfd.fd);
}

static void stop_copy_delivers_the_rest(struct mc *mc, const struct mc_rule *rule)
{
	int fd;

	if (!mc_enter(mc, MC_PRE_COPY, &fd))
		return;
	drain(fd, MANY_READS);
	mc_is(mc, MC_MUST, "STOP_COPY", 0,
	      vt_set_state(&mc->dev, MC_STOP_COPY, NULL));
	mc_is(mc, MC_MUST, "the end", 0, drain(fd, UINT_MAX));
	mc_is(mc, MC_MUST, "the end again", 0, drain(fd, 1));
	close(fd);
}

static uint32_t flags_for(struct mc *mc, uint32_t given)
{
	struct vfm_precopy_info i = {};
	int fd;

	if (!mc_enter(mc, MC_PRE_COPY, &fd))
		return ~0u;
	mc_is(mc, MC_MUST, "VFIO_MIG_GET_PRECOPY_INFO", 0, info(fd, given, &i));
	close(fd);
	return i.flags;
}

static bool opt_in(struct mc *mc)
{
	char none;

	return mc_is(mc, MC_MUST, "SET of MIG_PRECOPY_INFOv2", 0,
		     mc_feature(mc, 8, VFIO_DEVICE_FEATURE_SET |
				MC_FEATURE_PRECOPY_INFO_V2, &none, 0));
}

/* "REINIT can be reported only after userspace opts in" */
static void no_reinit_without_opt_in(struct mc *mc, const struct mc_rule *rule)
{
	mc_ok(mc, MC_MUST, !(flags_for(mc, 0) & REINIT), "REINIT is set");
}

/* With the opt-in the field is an output. */
static void flags_are_an_output(struct mc *mc, const struct mc_rule *rule)
{
	if (opt_in(mc))
		mc_is(mc, MC_MUST, "flags but REINIT", 0,
		      flags_for(mc, ~0u) & ~REINIT);
}

/* vfio_df_device_last_close(); a reset, on the other hand, is no end of it. */
static void opt_in_is_forgotten(struct mc *mc, const struct mc_rule *rule)
{
	const uint32_t before = flags_for(mc, ~0u);

	if (!opt_in(mc) || !mc_reopen(mc))
		return;
	mc_is(mc, MC_MUST, "flags after the next open", before,
	      flags_for(mc, ~0u));
	mc_ok(mc, MC_MUST, !(flags_for(mc, 0) & REINIT), "REINIT is set");
}

static void no_opt_in_without_precopy(struct mc *mc, const struct mc_rule *rule)
{
	const int ret = mc_feature(mc, 8, VFIO_DEVICE_FEATURE_PROBE |
				   MC_FEATURE_PRECOPY_INFO_V2, "", 0);

	mc_ok(mc, MC_MUST, ret == -EINVAL || ret == -ENOTTY, "PROBE: %d", ret);
}

#define PRE	MC_HAS_PRE_COPY
#define PRE_P2P	(MC_HAS_PRE_COPY | MC_HAS_P2P)
#define V2	(MC_HAS_PRE_COPY | MC_HAS_PRECOPY_V2)

static const struct mc_rule rules[] = {
	{ "VFIO_MIG_GET_PRECOPY_INFO with a small argsz fails with EINVAL",
	  refuses_small_argsz, PRE, MC_PRE_COPY },
	{ "another ioctl of data_fd in PRE_COPY fails with ENOTTY",
	  refuses_other_ioctls, PRE, MC_PRE_COPY },
	{ "another ioctl of data_fd in STOP_COPY fails with ENOTTY",
	  refuses_other_ioctls, 0, MC_STOP_COPY },
	{ "another ioctl of data_fd in RESUMING fails with ENOTTY",
	  refuses_other_ioctls, 0, MC_RESUMING },
	{ "VFIO_MIG_GET_PRECOPY_INFO is for the PRE_COPY states only",
	  is_for_precopy_only, PRE },
	{ "VFIO_MIG_GET_PRECOPY_INFO is for the present session only",
	  is_for_precopy_of_its_own, PRE },
	{ "in PRE_COPY initial_bytes starts above 0, dirty_bytes at 0",
	  starts_as_it_should, PRE, MC_PRE_COPY },
	{ "in PRE_COPY_P2P initial_bytes starts above 0, dirty_bytes at 0",
	  starts_as_it_should, PRE_P2P, MC_PRE_COPY_P2P },
	{ "initial_bytes falls with what is read", falls_with_reads, PRE },
	{ "the end of the data in PRE_COPY is ENOMSG", end_is_enomsg, PRE,
	  MC_PRE_COPY },
	{ "the end of the data in PRE_COPY_P2P is ENOMSG", end_is_enomsg, PRE_P2P,
	  MC_PRE_COPY_P2P },
	{ "poll in PRE_COPY tells whether there is data", poll_waits, PRE },
	{ "after PRE_COPY, the end of the data in STOP_COPY is 0",
	  stop_copy_delivers_the_rest, PRE },
	{ "REINIT is not reported to whom did not ask for it",
	  no_reinit_without_opt_in, PRE },
	{ "with MIG_PRECOPY_INFOv2, flags are an output", flags_are_an_output, V2 },
	{ "MIG_PRECOPY_INFOv2 is forgotten at the last close",
	  opt_in_is_forgotten, V2 },
};

static const struct mc_rule rules_without[] = {
	{ "without PRE_COPY there is no MIG_PRECOPY_INFOv2",
	  no_opt_in_without_precopy },
};

void mc_add_precopy_rules(struct mc *mc)
{
	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
	if (!(mc->has & MC_HAS_PRE_COPY))
		mc_add_table(mc, rules_without, 1);
}
