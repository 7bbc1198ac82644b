// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of rules, and what a rule says of what it found. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mc.h"

/* Rules that mean nothing on this device are only counted. */
void mc_add(struct mc *mc, const struct mc_rule *rule, const char *fmt, ...)
{
	struct mc_rule *added;
	va_list ap;
	char *name;

	if (rule->needs & ~mc->has) {
		mc->left_out++;
		return;
	}
	mc->rules = realloc(mc->rules, (mc->nr_rules + 1) * sizeof(*mc->rules));
	va_start(ap, fmt);
	if (!mc->rules || vasprintf(&name, fmt, ap) < 0)
		abort();
	va_end(ap);
	added = &mc->rules[mc->nr_rules++];
	*added = *rule;
	added->name = name;
}

void mc_add_table(struct mc *mc, const struct mc_rule *rules, size_t n)
{
	for (; n--; rules++)
		mc_add(mc, rules, "%s", rules->name);
}

static void mc_says(struct mc *mc, enum mc_level level, const char *fmt,
		    va_list ap)
{
	if (level == MC_MUST) {
		mc->failed = true;
		printf("# ");
	} else {
		mc->deviates = true;
		printf("# deviation: %s: ", mc->rule->name);
	}
	vprintf(fmt, ap);
	printf("\n");
}

/* Return: @cond; if that is false, the text says what is wrong. */
bool mc_ok(struct mc *mc, enum mc_level level, bool cond, const char *fmt, ...)
{
	va_list ap;

	if (cond)
		return true;
	va_start(ap, fmt);
	mc_says(mc, level, fmt, ap);
	va_end(ap);
	return false;
}

/* A result of a call: what it is, or the name of the error if it is negative. */
static const char *mc_number(long n, char buf[32])
{
	const char *name = n < 0 ? strerrorname_np(-n) : NULL;

	if (name)
		return name;
	snprintf(buf, 32, "%ld", n);
	return buf;
}

bool mc_is(struct mc *mc, enum mc_level level, const char *what, long want,
	   long got)
{
	char a[32], b[32];

	return mc_ok(mc, level, want == got, "%s: expected %s, got %s", what,
		     mc_number(want, a), mc_number(got, b));
}

/* For what no rule says anything about, and a reader may want to know. */
void mc_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# note: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}
