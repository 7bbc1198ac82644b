// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsing the options that all commands share. */
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "out.h"
#include "stream.h"

enum {
	BACKEND = 256,
	TIMEOUT,
	CONNECT_TIMEOUT,
	IDSTR,
	MACHINE,
	RAM,
	WORKLOAD,
	FINGERPRINT,
	PRE_COPY,
	IF_MISSING,
	REPLACE,
	ZERO,
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "backend", required_argument, NULL, BACKEND },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "connect-timeout", required_argument, NULL, CONNECT_TIMEOUT },
	{ "idstr", required_argument, NULL, IDSTR },
	{ "machine", required_argument, NULL, MACHINE },
	{ "ram", required_argument, NULL, RAM },
	{ "workload", required_argument, NULL, WORKLOAD },
	{ "fingerprint", required_argument, NULL, FINGERPRINT },
	{ "pre-copy", required_argument, NULL, PRE_COPY },
	{ "if-missing", no_argument, NULL, IF_MISSING },
	{ "replace", no_argument, NULL, REPLACE },
	{ "zero", no_argument, NULL, ZERO },
	{ 0 },
};

int usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("vfio-agent: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see vfio-agent --help\n", stderr);
	return EXIT_USAGE;
}

int exit_code(const struct vfm_error *e)
{
	static const int codes[] = {
		[VFM_FAILED] = EXIT_FAILED,
		[VFM_INCOMPATIBLE] = EXIT_INCOMPATIBLE,
		[VFM_CANCELLED] = EXIT_CANCELLED,
		[VFM_DEVICE_ERROR] = EXIT_DEVICE_ERROR,
	};

	return codes[e->kind];
}

int command_failed(const struct options *o, const char *command,
		   const struct vfm_error *e)
{
	struct out out;

	out_complain(command, e);
	if (o->json) {
		out_init(&out, stdout, true);
		out_object(&out, NULL);
		out_text(&out, "command", command);
		out_error(&out, e);
		out_end(&out);
	}
	return exit_code(e);
}

int parse_seconds(const char *name, const char *text, int *ms)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (!*text || *end || v < 1 || v > INT_MAX / 1000)
		return usage_error("%s %s: seconds from 1 to %d expected",
				   name, text, INT_MAX / 1000);
	*ms = v * 1000;
	return -1;
}

static int parse_backend(const char *text, enum vfm_backend *b)
{
	for (*b = VFM_BACKEND_AUTO; *b < VFM_BACKEND_FD; (*b)++)
		if (!strcmp(text, vfm_backend_names[*b]))
			return -1;
	return usage_error("--backend %s: auto, legacy or iommufd expected",
			   text);
}

static int parse_name(const char *name, const char *text, const char **to)
{
	if (!*text || strlen(text) > 255 || strpbrk(text, "\"\\"))
		return usage_error("--%s: 1 to 255 characters without quotes and backslashes expected",
				   name);
	*to = text;
	return -1;
}

static int parse_switch(const char *name, const char *text, bool *off)
{
	*off = !strcmp(text, "off");
	if (*off || !strcmp(text, "on"))
		return -1;
	return usage_error("--%s %s: on or off expected", name, text);
}

static int set_option(struct options *o, int c, const char *value)
{
	switch (c) {
	case BACKEND:
		return parse_backend(value, &o->backend);
	case TIMEOUT:
		return parse_seconds("--timeout", value, &o->timeout_ms);
	case CONNECT_TIMEOUT:
		return parse_seconds("--connect-timeout", value, &o->connect_ms);
	case IDSTR:
		return parse_name("idstr", value, &o->idstr);
	case MACHINE:
		return parse_name("machine", value, &o->machine);
	case RAM:
		o->ram = value;
		return -1;
	case WORKLOAD:
		o->workload = value;
		return -1;
	case FINGERPRINT:
		o->fingerprint = value;
		return -1;
	case PRE_COPY:
		return parse_switch("pre-copy", value, &o->no_precopy);
	case IF_MISSING:
		o->if_missing = true;
		return -1;
	case REPLACE:
		o->replace = true;
		return -1;
	case ZERO:
		o->zero = true;
		return -1;
	}
	return EXIT_USAGE;
}

static unsigned int option_group(int c)
{
	switch (c) {
	case BACKEND:
		return OPT_BACKEND;
	case IF_MISSING:
	case REPLACE:
		return OPT_ADD;
	case ZERO:
		return OPT_ZERO;
	}
	return OPT_STREAM;
}

int options_parse(struct options *o, int argc, char **argv,
		  unsigned int *given)
{
	int c, ret = -1;

	memset(o, 0, sizeof(*o));
	o->timeout_ms = VFM_TIMEOUT_MS;
	o->idstr = "0000:00:04.0/vfio";
	o->machine = "pc-q35-10.2";
	*given = 0;
	opterr = 0;
	while (ret < 0 && (c = getopt_long(argc, argv, "jhV", long_options,
					   NULL)) != -1) {
		if (c == 'j') {
			o->json = true;
			continue;
		}
		if (c == 'h' || c == 'V')
			return c;
		if (c == '?')
			return usage_error("%s: unknown option or missing value",
					   argv[optind - 1]);
		*given |= option_group(c);
		ret = set_option(o, c, optarg);
	}
	o->args = argv + optind;
	o->nr_args = argc - optind;
	return ret;
}
