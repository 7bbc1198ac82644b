/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A strict reader of one JSON text in memory; see RFC 8259. */
#ifndef VFM_JSON_H
#define VFM_JSON_H

#include <stddef.h>

#define VFM_JSON_DEPTH	32

/*
 * Called for each string, number and literal.  @path is like
 * "devices[0].name"; @text is the value, a string without its quotes and with
 * its escapes left alone.  A result other than 0 ends the walk.
 */
typedef int (*vfm_json_value)(void *ctx, const char *path, const char *text,
			      size_t n);

/*
 * Walk @text.  Returns 0, the callback's result, or -EINVAL if it is not JSON;
 * @at then tells where.  @call may be NULL to check only.
 */
int vfm_json_walk(const char *text, size_t n, vfm_json_value call, void *ctx,
		  size_t *at);

#endif
