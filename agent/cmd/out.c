// SPDX-License-Identifier: GPL-2.0-or-later
/* Text and JSON from the same calls. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "out.h"

void out_init(struct out *o, FILE *f, bool json)
{
	memset(o, 0, sizeof(*o));
	o->f = f;
	o->json = json;
}

static void quoted(struct out *o, const char *text)
{
	fputc('"', o->f);
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20)
			fprintf(o->f, "\\u%04x", *text);
		else if (*text == '"' || *text == '\\')
			fprintf(o->f, "\\%c", *text);
		else
			fputc(*text, o->f);
	}
	fputc('"', o->f);
}

static void json_key(struct out *o, const char *key)
{
	if (o->depth && o->levels[o->depth - 1].used)
		fputc(',', o->f);
	if (key) {
		quoted(o, key);
		fputc(':', o->f);
	}
}

static void indent(struct out *o)
{
	unsigned int n;

	for (n = 1; n < o->depth; n++)
		fputs("  ", o->f);
}

static void words(struct out *o, const char *key)
{
	for (; *key; key++)
		fputc(*key == '_' ? ' ' : *key, o->f);
}

static void text_key(struct out *o, const char *key)
{
	bool line = o->depth && o->levels[o->depth - 1].line;

	if (!line)
		indent(o);
	else if (o->levels[o->depth - 1].used)
		fputs("  ", o->f);
	if (key) {
		words(o, key);
		fputs(line ? " " : ": ", o->f);
	}
}

static void begin(struct out *o, const char *key)
{
	if (o->json)
		json_key(o, key);
	else
		text_key(o, key);
	if (o->depth)
		o->levels[o->depth - 1].used = true;
}

static void finish(struct out *o)
{
	if (!o->json && !(o->depth && o->levels[o->depth - 1].line))
		fputc('\n', o->f);
}

static void open_level(struct out *o, const char *key, char open, char close,
		       bool line)
{
	if (o->json) {
		begin(o, key);
		fputc(open, o->f);
	} else if (line) {
		begin(o, key);
	} else if (key) {
		indent(o);
		words(o, key);
		fputs(":\n", o->f);
	}
	o->levels[o->depth].close = close;
	o->levels[o->depth].line = line;
	o->levels[o->depth].used = false;
	o->depth++;
}

void out_object(struct out *o, const char *key)
{
	open_level(o, key, '{', '}', false);
}

void out_line(struct out *o, const char *key)
{
	open_level(o, key, '{', '}', true);
}

void out_array(struct out *o, const char *key)
{
	open_level(o, key, '[', ']', false);
}

void out_end(struct out *o)
{
	bool line = o->levels[--o->depth].line;

	if (o->json)
		fputc(o->levels[o->depth].close, o->f);
	if ((!o->json && line) || (o->json && !o->depth))
		fputc('\n', o->f);
	if (!o->depth)
		fflush(o->f);
}

void out_text(struct out *o, const char *key, const char *text)
{
	begin(o, key);
	if (o->json)
		quoted(o, text);
	else
		fputs(text, o->f);
	finish(o);
}

void out_textf(struct out *o, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_text(o, key, text);
}

void out_u64(struct out *o, const char *key, uint64_t v)
{
	begin(o, key);
	fprintf(o->f, "%" PRIu64, v);
	finish(o);
}

static void either(struct out *o, const char *key, bool v, const char *yes,
		   const char *no)
{
	begin(o, key);
	fputs(o->json ? v ? "true" : "false" : v ? yes : no, o->f);
	finish(o);
}

void out_bool(struct out *o, const char *key, bool v)
{
	either(o, key, v, "yes", "no");
}

void out_switch(struct out *o, const char *key, bool v)
{
	either(o, key, v, "on", "off");
}

void out_bytes(struct out *o, const char *key, uint64_t v)
{
	static const char units[] = "KMG";
	unsigned int n = 0;

	begin(o, key);
	while (!o->json && n < 3 && v && !(v & 1023)) {
		v >>= 10;
		n++;
	}
	fprintf(o->f, "%" PRIu64 "%.*s", v, !!n, n ? &units[n - 1] : "");
	finish(o);
}

void out_ns(struct out *o, const char *key, uint64_t ns)
{
	begin(o, key);
	if (o->json)
		fprintf(o->f, "%" PRIu64, ns);
	else
		fprintf(o->f, "%.3f ms", ns / 1e6);
	finish(o);
}

static const char * const kinds[] = {
	"failed", "incompatible", "cancelled", "device-error",
};

void out_error(struct out *o, const struct vfm_error *e)
{
	if (!o->json)
		return;
	out_object(o, "error");
	out_text(o, "kind", kinds[e->kind]);
	out_u64(o, "errno", e->code);
	if (e->has_offset)
		out_u64(o, "offset", e->offset);
	if (e->where[0])
		out_text(o, "where", e->where);
	out_text(o, "reason", e->text);
	if (e->hint[0])
		out_text(o, "hint", e->hint);
	out_end(o);
}

void out_complain(const char *command, const struct vfm_error *e)
{
	fprintf(stderr, "vfio-agent: %s: ", command);
	if (e->where[0])
		fprintf(stderr, "%s: ", e->where);
	if (e->has_offset)
		fprintf(stderr, "stream offset %" PRIu64 " (0x%" PRIx64 "): ",
			e->offset, e->offset);
	fprintf(stderr, "%s%s%s\n", e->text, e->hint[0] ? "; " : "", e->hint);
}
