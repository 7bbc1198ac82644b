// SPDX-License-Identifier: GPL-2.0-or-later
/* Filling in a struct vfm_error. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

static void set(struct vfm_error *e, int code, const char *fmt, va_list ap)
{
	memset(e, 0, sizeof(*e));
	e->code = code ? code : EIO;
	e->kind = code == ECANCELED ? VFM_CANCELLED : VFM_FAILED;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int vfm_fail(struct vfm_error *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	return -e->code;
}

int vfm_fail_at(struct vfm_error *e, int code, uint64_t offset,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	e->has_offset = true;
	e->offset = offset;
	return -e->code;
}

int vfm_fail_errno(struct vfm_error *e, const char *fmt, ...)
{
	int code = errno;
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	set(e, code, fmt, ap);
	va_end(ap);
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s",
		 strerror(e->code));
	return -e->code;
}

int vfm_error_where(struct vfm_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->where, sizeof(e->where), fmt, ap);
	va_end(ap);
	return -e->code;
}

int vfm_error_hint(struct vfm_error *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -e->code;
}

int vfm_error_kind(struct vfm_error *e, enum vfm_kind kind)
{
	e->kind = kind;
	return -e->code;
}
