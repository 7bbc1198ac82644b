/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "device.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	/* the source runs */
	EXIT_USAGE = 2,
	EXIT_INCOMPATIBLE = 3,
	EXIT_DEVICE_ERROR = 4,
	EXIT_CANCELLED = 5,
};

/* Bits of the options that a command takes. */
#define OPT_BACKEND	(1U << 0)
#define OPT_STREAM	(1U << 1)
#define OPT_ADD		(1U << 2)
#define OPT_ZERO	(1U << 3)

/**
 * struct options - what the user asked for
 * @json: print JSON
 * @backend: how to open devices
 * @timeout_ms: longest silence of a peer
 * @connect_ms: how long to wait for a peer, 0 for the command's default
 * @idstr: name of the section
 * @machine: machine name in the stream
 * @ram: guest RAM, NULL for none
 * @workload: what the guest does, NULL for nothing
 * @fingerprint: file for what has to be equal, NULL for none
 * @no_precopy: stop the device before anything is sent
 * @if_missing: make nothing that exists already
 * @replace: remove first what exists already
 * @zero: set counters to zero after they were printed
 * @args: words that are left
 * @nr_args: how many
 */
struct options {
	bool json;
	enum vfm_backend backend;
	int timeout_ms;
	int connect_ms;
	const char *idstr;
	const char *machine;
	const char *ram;
	const char *workload;
	const char *fingerprint;
	bool no_precopy;
	bool if_missing;
	bool replace;
	bool zero;
	char **args;
	int nr_args;
};

/**
 * struct command - a row of the dispatch table
 * @name: first word, and second of an object's commands
 * @args: for the usage text
 * @about: one line
 * @min_args: words after the name
 * @max_args: likewise
 * @takes: OPT_*
 * @run: returns an exit code
 */
struct command {
	const char *name;
	const char *args;
	const char *about;
	int min_args;
	int max_args;
	unsigned int takes;
	int (*run)(const struct options *o);
};

/* Returns -1, or an exit code if that was all. */
int options_parse(struct options *o, int argc, char **argv,
		  unsigned int *given);
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns -1, or an exit code after a complaint; @ms gets milliseconds. */
int parse_seconds(const char *name, const char *text, int *ms);
/* The exit code that goes with an error. */
int exit_code(const struct vfm_error *e);
/* Complain about @e, in JSON as well if that was asked for; its exit code. */
int command_failed(const struct options *o, const char *command,
		   const struct vfm_error *e);

/* Readable once SIGINT or SIGTERM has come. */
extern int cancel_fd;

int cmd_device_list(const struct options *o);
int cmd_device_info(const struct options *o);
int cmd_device_state(const struct options *o);
int cmd_device_reset(const struct options *o);
int cmd_mock_add(const struct options *o);
int cmd_mock_del(const struct options *o);
int cmd_mock_show(const struct options *o);
int cmd_mock_stats(const struct options *o);
int cmd_mock_monitor(const struct options *o);
int cmd_save(const struct options *o);
int cmd_load(const struct options *o);
int cmd_migrate(const struct options *o);
int cmd_receive(const struct options *o);

#endif
