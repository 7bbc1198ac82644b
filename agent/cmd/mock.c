// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mock add | del | show: the functions that the module mock_vfio_pci makes.
 * What drives one as a guest's driver does is in mock_driver.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mock_ctl.h"
#include "options.h"
#include "out.h"

#define NO_WAIT	0

static void print_prop(struct out *out, const struct vfm_mock_conf *c,
		       const struct vfm_mock_prop *p)
{
	uint64_t v = p->kind == VFM_MOCK_TEXT ? 0 : vfm_mock_number(c, p);
	char buf[64];

	switch (p->kind) {
	case VFM_MOCK_TEXT:
		out_text(out, p->word, vfm_mock_text(c, p));
		break;
	case VFM_MOCK_COUNT:
		out_u64(out, p->word, v);
		break;
	case VFM_MOCK_HEX:
		/* A class is three bytes, in an attribute of four. */
		out_textf(out, p->word, "0x%0*llx",
			  p->bytes == 4 ? 6 : 2 * p->bytes,
			  (unsigned long long)v);
		break;
	case VFM_MOCK_BYTES:
		out_bytes(out, p->word, v);
		break;
	case VFM_MOCK_SWITCH:
		out_switch(out, p->word, v);
		break;
	case VFM_MOCK_CAPS:
		out_text(out, p->word, vfm_mock_caps_text(v, buf, sizeof(buf)));
		break;
	}
}

static void print_function(struct out *out, const struct vfm_mock_conf *c)
{
	unsigned int i;

	out_line(out, NULL);
	for (i = 0; i < vfm_mock_nr_props; i++)
		if (c->given & 1U << vfm_mock_props[i].attr)
			print_prop(out, c, &vfm_mock_props[i]);
	out_end(out);
}

/* --- add -------------------------------------------------------------- */

static int if_missing(struct vfm_mock_conf *c, struct vfm_error *e)
{
	int ret = vfm_mock_get(c->name, c, e);

	if (ret != -ENOENT)
		return ret;
	ret = vfm_mock_new(c, c, e);
	/* Somebody was quicker. */
	if (ret == -EEXIST && !vfm_mock_get(c->name, c, e))
		ret = 0;
	return ret;
}

static int replace(struct vfm_mock_conf *c, int timeout_ms, struct vfm_error *e)
{
	struct vfm_patience wait = { timeout_ms, cancel_fd };
	int ret = vfm_mock_del(c->name, false, &wait, e);

	return ret && ret != -ENOENT ? ret : vfm_mock_new(c, c, e);
}

static int add(struct vfm_mock_conf *c, struct vfm_error *e)
{
	int ret = vfm_mock_new(c, c, e);

	if (ret == -EEXIST && c->given & VFM_MOCK_NAME && !e->hint[0])
		vfm_error_hint(e, "--if-missing takes the one there is, --replace removes it first");
	return ret;
}

static int bad_words(const char *command, const struct vfm_error *e)
{
	return usage_error("%s: %s%s%s", command, e->text, e->hint[0] ? "; " : "",
			   e->hint);
}

int cmd_mock_add(const struct options *o)
{
	struct vfm_mock_conf conf;
	struct vfm_error e;
	struct out out;
	int ret;

	if (vfm_mock_conf_words(&conf, o->nr_args, o->args, &e))
		return bad_words("mock add", &e);
	if (o->if_missing && o->replace)
		return usage_error("mock add: --if-missing or --replace, not both");
	if ((o->if_missing || o->replace) && !(conf.given & VFM_MOCK_NAME))
		return usage_error("mock add: --if-missing and --replace need a NAME");
	ret = o->if_missing ? if_missing(&conf, &e) :
		o->replace ? replace(&conf, o->timeout_ms, &e) : add(&conf, &e);
	if (ret)
		return command_failed(o, "mock add", &e);
	out_init(&out, stdout, o->json);
	/* For scripts: BDF=$(vfio-agent mock add) */
	if (o->json)
		print_function(&out, &conf);
	else
		out_text(&out, NULL, conf.address);
	return EXIT_DONE;
}

/* --- del -------------------------------------------------------------- */

/**
 * struct removal - what a user wants of "mock del"
 * @surprise: as if it was pulled out
 * @wait_ms: how long to wait for the end, NO_WAIT if not at all
 */
struct removal {
	bool surprise;
	int wait_ms;
};

static int del_words(struct removal *r, int n, char *const *words)
{
	int i, ret;

	for (i = 0; i < n; i++) {
		if (!strcmp(words[i], "surprise")) {
			r->surprise = true;
		} else if (!strcmp(words[i], "no-wait")) {
			r->wait_ms = NO_WAIT;
		} else if (!strcmp(words[i], "wait") && i + 1 < n) {
			ret = parse_seconds("wait", words[++i], &r->wait_ms);
			if (ret >= 0)
				return ret;
		} else {
			return usage_error("mock del: %s: surprise, no-wait or wait SECONDS expected",
					   words[i]);
		}
	}
	return -1;
}

static int print_removal(const struct options *o, const char *which)
{
	struct vfm_mock_conf conf;
	struct vfm_error e;
	struct out out;

	/* No news is good news, for people. */
	if (!o->json)
		return EXIT_DONE;
	out_init(&out, stdout, true);
	out_object(&out, NULL);
	out_text(&out, "removed", which);
	out_bool(&out, "gone", vfm_mock_get(which, &conf, &e) == -ENOENT);
	out_end(&out);
	return EXIT_DONE;
}

int cmd_mock_del(const struct options *o)
{
	struct removal r = { .wait_ms = o->timeout_ms };
	struct vfm_patience wait = { .cancel_fd = cancel_fd };
	const char *which = o->args[0];
	struct vfm_error e;
	int ret = del_words(&r, o->nr_args - 1, o->args + 1);

	if (ret >= 0)
		return ret;
	wait.timeout_ms = r.wait_ms;
	if (vfm_mock_del(which, r.surprise, r.wait_ms == NO_WAIT ? NULL : &wait,
			 &e))
		return command_failed(o, "mock del", &e);
	return print_removal(o, which);
}

/* --- show ------------------------------------------------------------- */

static int show_all(const struct options *o)
{
	struct vfm_mock_conf *all;
	struct vfm_error e;
	unsigned int n, i;
	struct out out;

	if (vfm_mock_list(&all, &n, &e))
		return command_failed(o, "mock show", &e);
	out_init(&out, stdout, o->json);
	out_array(&out, NULL);
	for (i = 0; i < n; i++)
		print_function(&out, &all[i]);
	out_end(&out);
	free(all);
	return EXIT_DONE;
}

int cmd_mock_show(const struct options *o)
{
	struct vfm_mock_conf conf;
	struct vfm_error e;
	struct out out;

	if (!o->nr_args)
		return show_all(o);
	if (vfm_mock_get(o->args[0], &conf, &e))
		return command_failed(o, "mock show", &e);
	out_init(&out, stdout, o->json);
	print_function(&out, &conf);
	return EXIT_DONE;
}
