// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-agent: which command, and signals. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "options.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

int cancel_fd = -1;

static const struct command commands[] = {
	{ "device list", "", "VFIO devices of this host", 0, 0, 0,
	  cmd_device_list },
	{ "device info", "DEV", "regions, interrupts, migration features", 1, 1,
	  OPT_BACKEND, cmd_device_info },
	{ "device state", "DEV", "migration state", 1, 1, OPT_BACKEND,
	  cmd_device_state },
	{ "device reset", "DEV", "reset it", 1, 1, OPT_BACKEND,
	  cmd_device_reset },
	{ "mock add", "[NAME] [PROPERTY VALUE]...", "make a mock_vfio_pci function",
	  0, INT_MAX, OPT_ADD, cmd_mock_add },
	{ "mock del", "NAME|ADDRESS [surprise] [no-wait|wait SECONDS]",
	  "remove one", 1, 5, 0, cmd_mock_del },
	{ "mock show", "[NAME|ADDRESS]", "mock functions and what they are", 0, 1,
	  0, cmd_mock_show },
	{ "mock stats", "[NAME|ADDRESS]", "what they have done", 0, 1, OPT_ZERO,
	  cmd_mock_stats },
	{ "mock monitor", "[count EVENTS] [wait SECONDS]",
	  "what happens to them, as it happens", 0, 4, 0, cmd_mock_monitor },
	{ "save", "DEV [URI]", "write its state as a migration stream", 1, 2,
	  OPT_BACKEND | OPT_STREAM, cmd_save },
	{ "load", "DEV [URI]", "read its state from a migration stream", 1, 2,
	  OPT_BACKEND | OPT_STREAM, cmd_load },
	{ "migrate", "DEV URI", "send it to another agent or VMM", 2, 2,
	  OPT_BACKEND | OPT_STREAM, cmd_migrate },
	{ "receive", "DEV URI", "take over from another agent or VMM", 2, 2,
	  OPT_BACKEND | OPT_STREAM, cmd_receive },
};

static int help(void)
{
	size_t i;

	puts("usage: vfio-agent [OPTION]... COMMAND [ARGUMENT]...\n\nCommands:");
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf("  %-13s %-10s%s%s\n", commands[i].name,
		       commands[i].args, strlen(commands[i].args) > 10 ?
		       "\n                           " : " ", commands[i].about);
	puts("\nDEV: PCI address, sysfs path, /dev/vfio/devices/vfioN or fd:N\n"
	     "URI: unix:PATH, tcp:HOST:PORT, fd:N, file:PATH[,offset=N] or -\n\n"
	     "Options:\n"
	     "  -j, --json             print JSON\n"
	     "  --backend NAME         auto, legacy or iommufd\n"
	     "  --timeout SECONDS      longest silence of the peer (30)\n"
	     "  --connect-timeout SECONDS  wait for the peer (10, receiving 60)\n"
	     "  --idstr NAME           section name (0000:00:04.0/vfio)\n"
	     "  --machine NAME         machine name (pc-q35-10.2); any: do not compare\n"
	     "  --ram SIZE[,path=FILE][,iova=N]  guest RAM\n"
	     "  --workload SPEC        traffic[,...] or continue[,...]\n"
	     "  --fingerprint FILE     write down what has to be equal\n"
	     "  --pre-copy on|off      read the device while it runs, if it can (on)\n"
	     "  --if-missing           mock add: the function may exist already\n"
	     "  --replace              mock add: remove it first if it exists\n"
	     "  --zero                 mock stats: then set the counters to zero\n"
	     "  -h, --help   -V, --version\n\n"
	     "Exit: 0 done, 1 failed and the source runs, 2 usage, 3 incompatible,\n"
	     "      4 device in ERROR, 5 cancelled");
	return EXIT_DONE;
}

static void cancel(int signal)
{
	uint64_t one = 1;
	int saved = errno;

	(void)signal;
	if (write(cancel_fd, &one, sizeof(one)) < 0)
		_exit(EXIT_CANCELLED);
	errno = saved;
}

/* No SA_RESTART: a read that blocks in a driver has to end, too. */
static int catch_signals(void)
{
	struct sigaction sa = { .sa_handler = cancel };

	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
	if (cancel_fd < 0 || sigaction(SIGINT, &sa, NULL) ||
	    sigaction(SIGTERM, &sa, NULL)) {
		perror("vfio-agent");
		return EXIT_FAILED;
	}
	return -1;
}

/* Words that @name takes from @o, 0 if it is another command. */
static int matches(const char *name, const struct options *o)
{
	const char *space = strchr(name, ' ');

	if (!space)
		return o->nr_args && !strcmp(o->args[0], name);
	return o->nr_args > 1 && !strcmp(o->args[1], space + 1) &&
		strlen(o->args[0]) == (size_t)(space - name) &&
		!strncmp(o->args[0], name, space - name) ? 2 : 0;
}

static int dispatch(struct options *o, unsigned int given)
{
	const struct command *c;
	size_t i;
	int n;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		c = &commands[i];
		n = matches(c->name, o);
		if (!n)
			continue;
		o->args += n;
		o->nr_args -= n;
		if (o->nr_args < c->min_args || o->nr_args > c->max_args)
			return usage_error("usage: vfio-agent %s %s", c->name,
					   c->args);
		if (given & ~c->takes)
			return usage_error("%s does not take one of these options",
					   c->name);
		return c->run(o);
	}
	return usage_error(o->nr_args ? "unknown command" : "no command");
}

int main(int argc, char **argv)
{
	unsigned int given;
	struct options o;
	int ret = options_parse(&o, argc, argv, &given);

	if (ret == 'h')
		return help();
	if (ret == 'V')
		return puts("vfio-agent " VERSION) < 0;
	if (ret < 0)
		ret = catch_signals();
	return ret < 0 ? dispatch(&o, given) : ret;
}
