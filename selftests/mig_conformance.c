// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does a device do what <linux/vfio.h> says of migration?  For any device that
 * VFIO has; without -d for the first mock function.
 *
 * kselftest_harness.h takes no options of a test's own, and its tests are known
 * when it is compiled; what applies here depends on the device.  So this has its
 * own list of rules, in conformance/, and uses kselftest.h for the results.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/mc.h"
#include "kselftest.h"

/* For a driver that does not return, or a reader that is never served. */
#define RULE_SECONDS	120

/**
 * struct options - the command line
 * @device: which one, NULL for a mock function
 * @backend: how to open it
 * @pattern: run the rules whose names it fits
 * @list: print their names only
 * @strict: deviations are failures
 * @blocked: ask for what kernels before 7.2 do not return from
 */
struct options {
	const char *device;
	enum vt_backend backend;
	const char *pattern;
	bool list;
	bool strict;
	bool blocked;
};

static const char usage_text[] =
	"Usage: mig_conformance [OPTION]...\n"
	"Does a VFIO device keep to the migration uAPI?  Its state is lost.\n"
	"\n"
	"  -d, --device=DEVICE    PCI address, UUID of an mdev, or path in /sys; bound\n"
	"                         to its VFIO driver.  Without it a mock function\n"
	"                         is tested, as with -s\n"
	"  -b, --backend=BACKEND  legacy (group and container, default) or iommufd\n"
	"  -l, --list             print the names of the rules that apply to the device\n"
	"  -t, --test=NAME        only rules of that name; may have *, ? and [..]\n"
	"  -s, --strict           deviations are failures\n"
	"      --blocked          ask for STOP_COPY -> PRE_COPY even if the kernel is\n"
	"                         older than 7.2: most drivers never return from it,\n"
	"                         and the device is lost until the next boot\n"
	"  -h, --help             this text\n"
	"\n"
	"Exit status: 0 no rule is broken, 1 one is or something went wrong, 4 there is\n"
	"nothing to test.\n";

static void usage(int status)
{
	fputs(usage_text, status ? stderr : stdout);
	exit(status);
}

static enum vt_backend parse_backend(const char *name)
{
	if (!strcmp(name, "iommufd"))
		return VT_IOMMUFD;
	if (strcmp(name, "legacy"))
		usage(KSFT_FAIL);
	return VT_LEGACY;
}

static void parse_one(struct options *o, int c)
{
	switch (c) {
	case 'd':
		o->device = optarg;
		break;
	case 'b':
		o->backend = parse_backend(optarg);
		break;
	case 'l':
		o->list = true;
		break;
	case 't':
		o->pattern = optarg;
		break;
	case 's':
		o->strict = true;
		break;
	case 'B':
		o->blocked = true;
		break;
	default:
		usage(c == 'h' ? KSFT_PASS : KSFT_FAIL);
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "backend", required_argument, NULL, 'b' },
		{ "list", no_argument, NULL, 'l' },
		{ "test", required_argument, NULL, 't' },
		{ "strict", no_argument, NULL, 's' },
		{ "blocked", no_argument, NULL, 'B' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	*o = (struct options) { .backend = VT_LEGACY };
	optind = 1;
	while ((c = getopt_long(argc, argv, "d:b:lt:sh", longs, NULL)) >= 0)
		parse_one(o, c);
	if (optind < argc)
		usage(KSFT_FAIL);
}

/* Called before main(), as the modules are loaded then. */
bool vt_wants_mock(int argc, char **argv)
{
	struct options o;

	parse(argc, argv, &o);
	return !o.device;
}

/*
 * Drivers that follow the core's helper blindly hang before 7.2; those on the
 * scaffold do not, whatever the kernel.
 */
static bool may_ask_blocked(const struct vt_any *any)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/vfio_mig/holders/%s", any->module);
	return ksft_min_kernel_version(7, 2) ||
	       (any->module[0] && !access(path, F_OK));
}

static void find_device(const struct options *o, struct mc *mc)
{
	char bdf[32];
	int ret;

	if (!o->device)
		vt_bdf(0, bdf);
	if (vt_any_find(o->device ? o->device : bdf, &mc->any))
		ksft_exit_fail_msg("there is no such device\n");
	mc->backend = o->backend;
	mc->ask_blocked = o->blocked || may_ask_blocked(&mc->any);
	if (o->backend == VT_IOMMUFD &&
	    (!mc->any.cdev[0] || access("/dev/iommu", F_OK)))
		ksft_exit_skip("this kernel or device is without iommufd\n");
	ret = mc_probe(mc);
	if (ret == -ENOTTY)
		ksft_exit_skip("%s has no migration\n", mc->any.name);
	if (ret)
		ksft_exit_fail_msg("%s: %s\n", mc->any.name, strerror(-ret));
}

static void list_rules(struct mc *mc)
{
	mc_add_feature_rules(mc);
	mc_add_fsm_rules(mc);
	mc_add_session_rules(mc);
	mc_add_data_fd_rules(mc);
	mc_add_load_rules(mc);
	mc_add_precopy_rules(mc);
	mc_add_reset_rules(mc);
	mc_add_logging_rules(mc);
}

static bool is_wanted(const struct options *o, const struct mc_rule *rule)
{
	return !o->pattern || !fnmatch(o->pattern, rule->name, 0);
}

static unsigned int count_wanted(const struct options *o, const struct mc *mc)
{
	unsigned int i, n = 0;

	for (i = 0; i < mc->nr_rules; i++) {
		if (!is_wanted(o, &mc->rules[i]))
			continue;
		if (o->list)
			printf("%s\n", mc->rules[i].name);
		n++;
	}
	return n;
}

static void too_long(int sig)
{
	static const char text[] = "Bail out! the rule does not come to its end\n";

	if (write(STDOUT_FILENO, text, sizeof(text) - 1) >= 0)
		_exit(KSFT_FAIL);
	_exit(KSFT_FAIL);
}

/* Each rule on a device that is in RUNNING and has nothing of the one before. */
static void run_rule(const struct options *o, struct mc *mc,
		     const struct mc_rule *rule)
{
	mc->rule = rule;
	mc->failed = mc->deviates = false;
	mc->skip = NULL;
	alarm(RULE_SECONDS);
	if (mc_reopen(mc) &&
	    mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev)))
		rule->run(mc, rule);
	alarm(0);
	if (mc->failed || (o->strict && mc->deviates))
		ksft_test_result_code(KSFT_FAIL, rule->name, NULL);
	else if (mc->skip)
		ksft_test_result_code(KSFT_SKIP, rule->name, "%s", mc->skip);
	else
		ksft_test_result_code(KSFT_PASS, rule->name, NULL);
}

static void run_rules(const struct options *o, struct mc *mc)
{
	unsigned int i, deviations = 0;

	ksft_print_msg("%s, driver %s, by %s: flags %llu, %u rules do not apply\n",
		       mc->any.name, mc->any.driver,
		       o->backend == VT_IOMMUFD ? "iommufd" : "group",
		       (unsigned long long)mc->flags, mc->left_out);
	for (i = 0; i < mc->nr_rules; i++) {
		if (!is_wanted(o, &mc->rules[i]))
			continue;
		run_rule(o, mc, &mc->rules[i]);
		deviations += mc->deviates;
	}
	ksft_print_msg("%u rules with a deviation\n", deviations);
}

int main(int argc, char **argv)
{
	struct mc mc = {};
	struct options o;
	unsigned int wanted;

	parse(argc, argv, &o);
	o.strict |= !o.device;
	if (!o.list)
		ksft_print_header();
	find_device(&o, &mc);
	list_rules(&mc);
	wanted = count_wanted(&o, &mc);
	if (o.list)
		return KSFT_PASS;
	if (!wanted)
		ksft_exit_skip("no rule of that name applies to this device\n");
	ksft_set_plan(wanted);
	signal(SIGALRM, too_long);
	run_rules(&o, &mc);
	vt_any_close(&mc.dev);
	ksft_finished();
}
