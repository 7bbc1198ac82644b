// SPDX-License-Identifier: GPL-2.0-or-later
/* Recursive descent over a JSON text, depth bounded, nothing allocated. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

struct parser {
	const char *p;
	const char *end;
	vfm_json_value call;
	void *ctx;
	unsigned int depth;
	char path[256];
};

static int value(struct parser *j);

static void space(struct parser *j)
{
	while (j->p < j->end && memchr(" \t\r\n", *j->p, 4))
		j->p++;
}

static bool next_is(struct parser *j, char c)
{
	space(j);
	if (j->p == j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

static int report(struct parser *j, const char *text, const char *end)
{
	return j->call ? j->call(j->ctx, j->path, text, end - text) : 0;
}

static bool hex4(const char *p, const char *end)
{
	int i;

	if (end - p < 4)
		return false;
	for (i = 0; i < 4; i++)
		if (!p[i] || !strchr("0123456789abcdefABCDEF", p[i]))
			return false;
	return true;
}

/* One escape sequence after the backslash; returns its length or 0. */
static int escape(const char *p, const char *end)
{
	if (p == end || !*p || !strchr("\"\\/bfnrtu", *p))
		return 0;
	if (*p != 'u')
		return 1;
	return hex4(p + 1, end) ? 5 : 0;
}

/* The opening quote is consumed; @text gets what is between the quotes. */
static int string(struct parser *j, const char **text, size_t *n)
{
	int len;

	*text = j->p;
	for (; j->p < j->end && *j->p != '"'; j->p++) {
		if ((unsigned char)*j->p < 0x20)
			return -EINVAL;
		if (*j->p != '\\')
			continue;
		len = escape(j->p + 1, j->end);
		if (!len)
			return -EINVAL;
		j->p += len;
	}
	if (j->p == j->end)
		return -EINVAL;
	*n = j->p++ - *text;
	return 0;
}

static bool digits(struct parser *j)
{
	const char *start = j->p;

	while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
		j->p++;
	return j->p > start;
}

static bool here(struct parser *j, const char *set)
{
	return j->p < j->end && *j->p && strchr(set, *j->p);
}

static int number(struct parser *j)
{
	const char *start = j->p, *first;

	if (here(j, "-"))
		j->p++;
	first = j->p;
	if (!digits(j) || (*first == '0' && j->p > first + 1))
		return -EINVAL;
	if (here(j, ".")) {
		j->p++;
		if (!digits(j))
			return -EINVAL;
	}
	if (here(j, "eE")) {
		j->p++;
		if (here(j, "+-"))
			j->p++;
		if (!digits(j))
			return -EINVAL;
	}
	return report(j, start, j->p);
}

static int literal(struct parser *j)
{
	static const char * const words[] = { "true", "false", "null" };
	size_t i, n;

	for (i = 0; i < 3; i++) {
		n = strlen(words[i]);
		if ((size_t)(j->end - j->p) < n || memcmp(j->p, words[i], n))
			continue;
		j->p += n;
		return report(j, j->p - n, j->p);
	}
	return number(j);
}

static int member(struct parser *j)
{
	size_t n, used = strlen(j->path);
	const char *key;
	int ret;

	if (!next_is(j, '"') || string(j, &key, &n) || !next_is(j, ':'))
		return -EINVAL;
	if (used + n + 2 > sizeof(j->path))
		return -EINVAL;
	snprintf(j->path + used, sizeof(j->path) - used, "%s%.*s",
		 used ? "." : "", (int)n, key);
	ret = value(j);
	j->path[used] = 0;
	return ret;
}

static int element(struct parser *j, unsigned int i)
{
	size_t used = strlen(j->path);
	int ret;

	if (used + 14 > sizeof(j->path))
		return -EINVAL;
	snprintf(j->path + used, sizeof(j->path) - used, "[%u]", i);
	ret = value(j);
	j->path[used] = 0;
	return ret;
}

static int container(struct parser *j, bool object)
{
	char close = object ? '}' : ']';
	unsigned int i = 0;
	int ret;

	if (++j->depth > VFM_JSON_DEPTH)
		return -EINVAL;
	if (!next_is(j, close)) {
		do {
			ret = object ? member(j) : element(j, i++);
			if (ret)
				return ret;
		} while (next_is(j, ','));
		if (!next_is(j, close))
			return -EINVAL;
	}
	j->depth--;
	return 0;
}

static int value(struct parser *j)
{
	const char *text;
	size_t n;
	int ret;

	if (next_is(j, '{'))
		return container(j, true);
	if (next_is(j, '['))
		return container(j, false);
	if (!next_is(j, '"'))
		return literal(j);
	ret = string(j, &text, &n);
	return ret ? ret : report(j, text, text + n);
}

int vfm_json_walk(const char *text, size_t n, vfm_json_value call, void *ctx,
		  size_t *at)
{
	struct parser j = {
		.p = text, .end = text + n, .call = call, .ctx = ctx,
	};
	int ret = value(&j);

	if (!ret) {
		space(&j);
		ret = j.p == j.end ? 0 : -EINVAL;
	}
	*at = j.p - text;
	return ret;
}
