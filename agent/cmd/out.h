/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one place that prints: the same calls make text or JSON. */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

#define OUT_DEPTH	8

/**
 * struct out - where results go and how
 * @f: the file
 * @json: JSON instead of text
 * @depth: open objects and arrays
 * @levels: of each, how it is printed and whether it has members already
 */
struct out {
	FILE *f;
	bool json;
	unsigned int depth;
	struct {
		char close;
		bool line;
		bool used;
	} levels[OUT_DEPTH];
};

void out_init(struct out *o, FILE *f, bool json);
/* @key is NULL for the outermost object and for elements of an array. */
void out_object(struct out *o, const char *key);
/* An object that is one line of text. */
void out_line(struct out *o, const char *key);
void out_array(struct out *o, const char *key);
void out_end(struct out *o);

void out_text(struct out *o, const char *key, const char *text);
void out_textf(struct out *o, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void out_u64(struct out *o, const char *key, uint64_t v);
void out_bool(struct out *o, const char *key, bool v);
/* Bytes: a number in JSON, with the largest suffix that fits for people. */
void out_bytes(struct out *o, const char *key, uint64_t v);
/* Like out_bool(), but on or off for people. */
void out_switch(struct out *o, const char *key, bool v);
/* Nanoseconds: a number in JSON, milliseconds for people. */
void out_ns(struct out *o, const char *key, uint64_t ns);

/* An error as a member of the open object; for JSON only. */
void out_error(struct out *o, const struct vfm_error *e);
/* An error for people, on standard error. */
void out_complain(const char *command, const struct vfm_error *e);

#endif
