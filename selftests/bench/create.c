// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What one more function costs: 1,024 of them are made one by one, and the last
 * 64 are compared with the first 64; then they are removed the same way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "lib/vt.h"
#include "mock_conf.h"

#define FUNCTIONS	1024
#define SAMPLE		64

static char bdfs[FUNCTIONS][32];
static uint64_t created[FUNCTIONS];
static uint64_t removed[FUNCTIONS];

static void report(const char *name, uint64_t *times, const char *what)
{
	const uint64_t first = bench_median(times, SAMPLE);
	const uint64_t last = bench_median(times + FUNCTIONS - SAMPLE, SAMPLE);

	printf("# %s: first %llu us, last %llu us\n", name,
	       (unsigned long long)first / 1000, (unsigned long long)last / 1000);
	printf("bench %s %.3f of the first %d, per function, the last %d to be %s of %d\n",
	       name, (double)last / first, SAMPLE, SAMPLE, what, FUNCTIONS);
}

int main(void)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "tiny",
	};
	unsigned int i;
	uint64_t begin;

	for (i = 0; i < FUNCTIONS; i++) {
		begin = bench_now();
		vt_fn_new(&conf, bdfs[i]);
		created[i] = bench_now() - begin;
	}
	for (i = 0; i < FUNCTIONS; i++) {
		begin = bench_now();
		vt_fn_del(bdfs[i]);
		removed[i] = bench_now() - begin;
	}
	report("create", created, "made");
	report("remove", removed, "removed");
	return 0;
}
