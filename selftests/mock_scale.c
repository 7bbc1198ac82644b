// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many functions on one host: made and removed in any order while two others
 * run traffic, what an idle one costs, and what it costs to make one.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define PLACES		(256 * 8)
#define IDLE_MAX	(64 << 10)

/* With KASAN all takes long and allocations are padded: fewer functions. */
static bool is_debug_kernel(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_report\n") != NULL;
	if (f)
		fclose(f);
	return found;
}

static unsigned int choose_seed(void)
{
	const char *env = getenv("VT_SEED");

	return env ? strtoul(env, NULL, 0) : (unsigned int)time(NULL);
}

static void shuffle(unsigned int *list, unsigned int n, unsigned int *seed)
{
	unsigned int i, j, swap;

	for (i = 0; i < n; i++)
		list[i] = i;
	while (n > 1) {
		j = rand_r(seed) % n--;
		swap = list[j];
		list[j] = list[n];
		list[n] = swap;
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Free memory, and what is as good as free once caches are dropped, in bytes. */
static int64_t free_memory(void)
{
	long long kib = 0, total = 0;
	char line[128];
	FILE *f;

	sync();
	vt_try_write_file("/proc/sys/vm/drop_caches", "3");
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %lld", &kib) == 1 ||
		    sscanf(line, "SReclaimable: %lld", &kib) == 1 ||
		    sscanf(line, "Cached: %lld", &kib) == 1)
			total += kib;
	if (f)
		fclose(f);
	return total * 1024;
}

static unsigned int count_functions(void)
{
	struct vfm_mock_conf *all;
	struct vfm_error e;
	unsigned int n = 0;

	if (vfm_mock_list(&all, &n, &e))
		return 0;
	free(all);
	return n;
}

static bool only_two_are_left(void *arg)
{
	return count_functions() == 2;
}

FIXTURE(scale) {
	struct vt_dev busy[2];
	unsigned int count;
	unsigned int seed;
	char (*bdf)[32];
};

FIXTURE_SETUP(scale)
{
	unsigned int i;

	self->count = is_debug_kernel() ? 128 : 1022;
	self->seed = choose_seed();
	self->bdf = calloc(self->count, 32);
	for (i = 0; i < 2; i++) {
		vt_open(&self->busy[i], i, VT_LEGACY);
		vt_traffic_start(&self->busy[i], MOCK_VFIO_TRAFFIC_DMA |
				 MOCK_VFIO_TRAFFIC_MEM, 1000);
	}
}

FIXTURE_TEARDOWN(scale)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		vt_close(&self->busy[i]);
	free(self->bdf);
}

/* The last ticks are all there, and say so in RAM. */
static bool traffic_is_whole(struct vt_dev *dev, uint64_t at_least)
{
	const struct mock_vfio_slot *slot;
	uint64_t seq, s;

	vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
	if (seq < at_least || seq < 64)
		return false;
	for (s = seq; s > seq - 64; s--) {
		slot = (void *)(dev->ram + (1 << 20) + (s - 1) % 64 * 64);
		if (le64toh(slot->seq) != s || le64toh(slot->check) != ~s)
			return false;
	}
	return true;
}

static bool can_be_used(const char *bdf)
{
	struct vt_dev dev;
	bool works;

	vt_open_bdf(&dev, bdf, VT_LEGACY);
	works = vt_works(&dev);
	vt_close(&dev);
	return works;
}

TEST_F_TIMEOUT(scale, functions_come_and_go_in_any_order, 400)
{
	struct vfm_mock_conf conf = {
		.given = VFM_MOCK_SLOT | VFM_MOCK_NUMBER,
	};
	unsigned int places[PLACES], order[PLACES], seed = self->seed, i, n;
	struct vfm_mock_conf made;
	struct vfm_error e;
	uint64_t seq[2];

	TH_LOG("VT_SEED=%u, %u functions", seed, self->count + 2);
	shuffle(places, PLACES, &seed);
	for (i = 0, n = 0; n < self->count; i++) {
		conf.slot = places[i] / 8;
		conf.number = places[i] % 8;
		if (vfm_mock_new(&conf, &made, &e)) {
			/* the two that run are somewhere, too */
			ASSERT_EQ(EBUSY, e.code) TH_LOG("%s", e.text);
			continue;
		}
		snprintf(self->bdf[n++], 32, "%s", made.address);
	}
	EXPECT_EQ(self->count + 2, count_functions());
	for (i = 0; i < self->count; i += 1 + self->count / 16)
		EXPECT_TRUE(can_be_used(self->bdf[i]));
	for (i = 0; i < 2; i++)
		seq[i] = vt_read64(&self->busy[i], MOCK_VFIO_REG_TRAFFIC_SEQ);
	shuffle(order, self->count, &seed);
	for (i = 0; i < self->count; i++)
		ASSERT_EQ(0, vfm_mock_del(self->bdf[order[i]], i % 16 == 0, NULL, &e));
	EXPECT_TRUE(vt_wait_until(only_two_are_left, NULL, 200000));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(traffic_is_whole(&self->busy[i], seq[i] + 1));
}

/* Also that the last ones do not take longer than the first: to be looked at. */
TEST_F_TIMEOUT(scale, an_idle_function_costs_less_than_64_KiB, 400)
{
	const unsigned int n = 512, part = 64;
	const struct vfm_mock_conf conf = {};
	double begin = 0, first = 0, last = 0;
	int64_t before, after;
	struct vfm_error e;
	unsigned int i;

	if (is_debug_kernel())
		SKIP(return, "with KASAN every allocation is larger");
	/* what is made once, for the first on a bridge, is not what is asked for */
	before = free_memory();
	begin = seconds();
	for (i = 0; i < n; i++) {
		vt_fn_new(&conf, self->bdf[i]);
		if (i + 1 == part)
			first = seconds() - begin;
		if (i + 1 == n - part)
			begin = seconds();
	}
	last = seconds() - begin;
	after = free_memory();
	TH_LOG("%lld bytes an idle function", (long long)(before - after) / n);
	TH_LOG("first %u: %.0f ms each, last %u: %.0f ms each", part,
	       first * 1000 / part, part, last * 1000 / part);
	EXPECT_LT(0, before - after);
	EXPECT_GT(IDLE_MAX, (before - after) / n);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, vfm_mock_del(self->bdf[i], false, NULL, &e));
	EXPECT_TRUE(vt_wait_until(only_two_are_left, NULL, 200000));
}

TEST_HARNESS_MAIN
