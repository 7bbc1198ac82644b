/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the library reports failure: it never prints.  Functions return 0 or a
 * negative errno and fill in a struct vfm_error for whoever talks to a human.
 */
#ifndef VFM_ERROR_H
#define VFM_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/**
 * enum vfm_kind - what an error means for the caller
 * @VFM_FAILED: this attempt failed, another one may work
 * @VFM_INCOMPATIBLE: the two sides do not fit, trying again is no use
 * @VFM_CANCELLED: the user asked to stop
 * @VFM_DEVICE_ERROR: the device is in ERROR, only a reset helps
 */
enum vfm_kind {
	VFM_FAILED,
	VFM_INCOMPATIBLE,
	VFM_CANCELLED,
	VFM_DEVICE_ERROR,
};

/**
 * struct vfm_error - one failure
 * @code: errno, positive
 * @kind: what it means
 * @has_offset: @offset is a position in the migration stream
 * @offset: where in the stream
 * @where: device, file or peer; empty if @has_offset says it all
 * @text: what was found and what was expected
 * @hint: what to do about it, or empty
 */
struct vfm_error {
	int code;
	enum vfm_kind kind;
	bool has_offset;
	uint64_t offset;
	char where[128];
	char text[384];
	char hint[256];
};

/* All return -code. */
int vfm_fail(struct vfm_error *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int vfm_fail_at(struct vfm_error *e, int code, uint64_t offset,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Like vfm_fail() with the current errno and its text appended. */
int vfm_fail_errno(struct vfm_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* These add to an error that is already set; they return -e->code. */
int vfm_error_where(struct vfm_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int vfm_error_hint(struct vfm_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int vfm_error_kind(struct vfm_error *e, enum vfm_kind kind);

#endif
