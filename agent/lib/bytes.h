/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integers in memory of a given byte order, and the clock. */
#ifndef VFM_BYTES_H
#define VFM_BYTES_H

#include <stdint.h>
#include <string.h>
#include <time.h>

static inline uint64_t vfm_get_be(const void *p, unsigned int bytes)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | *b++;
	return v;
}

static inline void vfm_put_be(void *p, uint64_t v, unsigned int bytes)
{
	uint8_t *b = p;

	while (bytes--) {
		b[bytes] = v;
		v >>= 8;
	}
}

static inline uint64_t vfm_get_le(const void *p, unsigned int bytes)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | b[bytes];
	return v;
}

static inline void vfm_put_le(void *p, uint64_t v, unsigned int bytes)
{
	uint8_t *b = p;

	for (; bytes; bytes--, v >>= 8)
		*b++ = v;
}

static inline uint64_t vfm_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

#endif
