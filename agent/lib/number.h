/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that people write. */
#ifndef VFM_NUMBER_H
#define VFM_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Both take all of @n characters or return -EINVAL.  @base as for strtoull(3);
 * no sign, no space.
 */
int vfm_parse_number(const char *text, size_t n, int base, uint64_t *v);
/* With an optional suffix K, M or G. */
int vfm_parse_size(const char *text, size_t n, uint64_t *v);

#endif
