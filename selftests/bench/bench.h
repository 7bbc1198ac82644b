/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the benchmarks share: a clock and a median. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static inline uint64_t bench_median(uint64_t *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), bench_compare);
	return values[n / 2];
}

#endif
