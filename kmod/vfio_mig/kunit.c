// SPDX-License-Identifier: GPL-2.0-only
/* vfio_mig: tests of the dirty log, without a device. */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "dirty_map.h"

#define MAX_RANGES	8

/**
 * struct ranges - what the core hands to a driver
 * @root: interval tree
 * @nodes: its nodes
 * @nr: number of them
 */
struct ranges {
	struct rb_root_cached root;
	struct interval_tree_node nodes[MAX_RANGES];
	u32 nr;
};

static void ranges_add(struct ranges *r, unsigned long first, unsigned long last)
{
	r->nodes[r->nr].start = first;
	r->nodes[r->nr].last = last;
	interval_tree_insert(&r->nodes[r->nr++], &r->root);
}

static void map_free(void *map)
{
	vfio_mig_dirty_map_free(map);
}

static struct vfio_mig_dirty_map *map_of(struct kunit *test, struct ranges *r,
					 u32 max, u64 page_size)
{
	struct vfio_mig_dirty_map *map;

	map = vfio_mig_dirty_map_new(&r->root, r->nr, max, page_size);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, map);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, map_free, map));
	return map;
}

static struct vfio_mig_dirty_map *map_one(struct kunit *test, u64 first,
					  u64 last, u64 page_size)
{
	struct ranges r = {};

	ranges_add(&r, first, last);
	return map_of(test, &r, MAX_RANGES, page_size);
}

/* What was told of a map, as one run: first and last address, bytes in all. */
struct told {
	u64 first;
	u64 last;
	u64 bytes;
	u32 runs;
};

static void tell(void *arg, u64 iova, u64 len)
{
	struct told *t = arg;

	t->first = t->runs ? min(t->first, iova) : iova;
	t->last = max(t->last, iova + len - 1);
	t->bytes += len;
	t->runs++;
}

static struct told take(struct vfio_mig_dirty_map *map, u64 first, u64 last)
{
	struct told t = {};

	vfio_mig_dirty_map_take(map, first, last - first + 1, tell, &t);
	return t;
}

#define EXPECT_TAKE(_test, _map, _from, _to, _first, _last)		\
	do {								\
		struct told _t = take(_map, _from, _to);		\
									\
		KUNIT_EXPECT_EQ(_test, 1, _t.runs);			\
		KUNIT_EXPECT_EQ(_test, (u64)(_first), _t.first);	\
		KUNIT_EXPECT_EQ(_test, (u64)(_last), _t.last);		\
	} while (0)

#define EXPECT_CLEAN(_test, _map, _from, _to)				\
	KUNIT_EXPECT_EQ(_test, 0, take(_map, _from, _to).runs)

/* --- page size, ranges ---------------------------------------------------- */

static void test_page_size(struct kunit *test)
{
	const u64 sizes = SZ_4K | SZ_64K | SZ_2M;

	KUNIT_EXPECT_EQ(test, SZ_4K, vfio_mig_dirty_page_size(sizes, 1));
	KUNIT_EXPECT_EQ(test, SZ_4K, vfio_mig_dirty_page_size(sizes, SZ_2K));
	KUNIT_EXPECT_EQ(test, SZ_4K, vfio_mig_dirty_page_size(sizes, SZ_4K));
	KUNIT_EXPECT_EQ(test, SZ_4K, vfio_mig_dirty_page_size(sizes, SZ_32K));
	KUNIT_EXPECT_EQ(test, SZ_64K, vfio_mig_dirty_page_size(sizes, SZ_64K));
	KUNIT_EXPECT_EQ(test, SZ_64K, vfio_mig_dirty_page_size(sizes, SZ_1M));
	KUNIT_EXPECT_EQ(test, SZ_2M, vfio_mig_dirty_page_size(sizes, SZ_2M));
	KUNIT_EXPECT_EQ(test, SZ_2M, vfio_mig_dirty_page_size(sizes, BIT_ULL(63)));
	KUNIT_EXPECT_EQ(test, SZ_2M, vfio_mig_dirty_page_size(SZ_2M, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_dirty_page_size(sizes, 0));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_dirty_page_size(sizes, 3 * SZ_4K));
}

static void expect_refused(struct kunit *test, unsigned long first,
			   unsigned long last)
{
	struct vfio_mig_dirty_map *map;
	struct ranges r = {};

	ranges_add(&r, SZ_1G, SZ_1G + SZ_4K - 1);
	ranges_add(&r, first, last);
	map = vfio_mig_dirty_map_new(&r.root, r.nr, 1, SZ_4K);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR_OR_ZERO(map));
	if (!IS_ERR(map))
		vfio_mig_dirty_map_free(map);
}

/* As the core makes them of a length of 0. */
static void test_empty_range(struct kunit *test)
{
	expect_refused(test, SZ_1M, SZ_1M - 1);
	expect_refused(test, 0, ULONG_MAX);
}

static void expect_range(struct kunit *test, struct vfio_mig_dirty_map *map,
			 u32 i, u64 first, u64 last)
{
	KUNIT_EXPECT_EQ(test, first, map->ranges[i].first);
	KUNIT_EXPECT_EQ(test, last, map->ranges[i].last);
}

/* Gaps of 2, 1, 8 and 4 pages, in this order; given in another. */
static void gap_ranges(struct ranges *r)
{
	static const u16 pages[] = { 25, 10, 0, 12, 21 };
	u32 i;

	*r = (struct ranges) {};
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		ranges_add(r, pages[i] * SZ_4K, (pages[i] + 1) * SZ_4K - 1);
}

static void test_combine(struct kunit *test)
{
	struct vfio_mig_dirty_map *map;
	struct ranges r;

	gap_ranges(&r);
	map = map_of(test, &r, 5, SZ_4K);
	KUNIT_EXPECT_EQ(test, 5, map->nr);
	expect_range(test, map, 0, 0, SZ_4K - 1);
	expect_range(test, map, 4, 25 * SZ_4K, 26 * SZ_4K - 1);
	gap_ranges(&r);
	map = map_of(test, &r, 3, SZ_4K);
	KUNIT_ASSERT_EQ(test, 3, map->nr);
	expect_range(test, map, 0, 0, SZ_4K - 1);
	expect_range(test, map, 1, 10 * SZ_4K, 13 * SZ_4K - 1);
	expect_range(test, map, 2, 21 * SZ_4K, 26 * SZ_4K - 1);
	gap_ranges(&r);
	map = map_of(test, &r, 1, SZ_4K);
	KUNIT_ASSERT_EQ(test, 1, map->nr);
	expect_range(test, map, 0, 0, 26 * SZ_4K - 1);
}

static void test_covers(struct kunit *test)
{
	struct vfio_mig_dirty_map *map;
	struct ranges r = {};

	ranges_add(&r, SZ_1M, SZ_2M - 1);
	ranges_add(&r, SZ_2M, 3 * SZ_1M - 1);
	ranges_add(&r, SZ_4M, SZ_4M + 4);
	map = map_of(test, &r, MAX_RANGES, SZ_4K);
	KUNIT_EXPECT_TRUE(test, vfio_mig_dirty_map_covers(map, SZ_1M, SZ_2M));
	KUNIT_EXPECT_TRUE(test, vfio_mig_dirty_map_covers(map, SZ_1M, 1));
	KUNIT_EXPECT_TRUE(test, vfio_mig_dirty_map_covers(map, SZ_2M - 1, 2));
	KUNIT_EXPECT_TRUE(test, vfio_mig_dirty_map_covers(map, SZ_4M, 5));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, SZ_4M, 6));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, SZ_1M - 1, 2));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, SZ_1M, SZ_2M + 1));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, SZ_1M, SZ_4M));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, 3 * SZ_1M, 1));
	KUNIT_EXPECT_FALSE(test, vfio_mig_dirty_map_covers(map, SZ_8M, 1));
}

/* --- marking and taking ----------------------------------------------------- */

static void test_mark(struct kunit *test)
{
	struct vfio_mig_dirty_map *map = map_one(test, SZ_1M, SZ_1G - 1, SZ_4K);
	const u64 chunk = VFIO_MIG_CHUNK_BITS * SZ_4K;
	const u64 last = SZ_1G - 1;

	EXPECT_CLEAN(test, map, SZ_1M, last);
	vfio_mig_dirty_map_mark(map, SZ_2M + 5, 0);
	EXPECT_CLEAN(test, map, SZ_1M, last);
	vfio_mig_dirty_map_mark(map, SZ_2M + 5, 1);
	EXPECT_TAKE(test, map, SZ_1M, last, SZ_2M, SZ_2M + SZ_4K - 1);
	EXPECT_CLEAN(test, map, SZ_1M, last);
	vfio_mig_dirty_map_mark(map, SZ_2M - 1, 2);
	EXPECT_TAKE(test, map, SZ_1M, last, SZ_2M - SZ_4K, SZ_2M + SZ_4K - 1);
	/* Across words, and from chunk to chunk in two runs. */
	vfio_mig_dirty_map_mark(map, SZ_4M - 10 * SZ_4K, 200 * SZ_4K);
	EXPECT_TAKE(test, map, SZ_1M, last, SZ_4M - 10 * SZ_4K,
		    SZ_4M + 190 * SZ_4K - 1);
	vfio_mig_dirty_map_mark(map, chunk - 1, 2 + chunk);
	KUNIT_EXPECT_EQ(test, chunk + 2 * SZ_4K, take(map, SZ_1M, last).bytes);
	EXPECT_CLEAN(test, map, SZ_1M, last);
}

static void test_mark_outside(struct kunit *test)
{
	struct vfio_mig_dirty_map *map = map_one(test, SZ_1M, SZ_2M - 1, SZ_4K);

	vfio_mig_dirty_map_mark(map, 0, SZ_1M);
	vfio_mig_dirty_map_mark(map, SZ_2M, SZ_1M);
	vfio_mig_dirty_map_mark(map, U64_MAX, 1);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->chunks));
	vfio_mig_dirty_map_mark(map, 0, SZ_1M + 1);
	EXPECT_TAKE(test, map, SZ_1M, SZ_2M - 1, SZ_1M, SZ_1M + SZ_4K - 1);
	/* A device that lies about the end. */
	vfio_mig_dirty_map_mark(map, SZ_2M - 1, U64_MAX);
	EXPECT_TAKE(test, map, SZ_1M, SZ_2M - 1, SZ_2M - SZ_4K, SZ_2M - 1);
	vfio_mig_dirty_map_mark(map, 0, U64_MAX);
	EXPECT_TAKE(test, map, SZ_1M, SZ_2M - 1, SZ_1M, SZ_2M - 1);
}

static void test_take_some(struct kunit *test)
{
	struct vfio_mig_dirty_map *map = map_one(test, 0, SZ_1G - 1, SZ_4K);

	vfio_mig_dirty_map_mark(map, 10 * SZ_4K, 100 * SZ_4K);
	EXPECT_TAKE(test, map, 20 * SZ_4K, 30 * SZ_4K - 1, 20 * SZ_4K,
		    30 * SZ_4K - 1);
	EXPECT_CLEAN(test, map, 20 * SZ_4K, 30 * SZ_4K - 1);
	EXPECT_TAKE(test, map, 0, 30 * SZ_4K - 1, 10 * SZ_4K, 20 * SZ_4K - 1);
	EXPECT_TAKE(test, map, 0, SZ_1G - 1, 30 * SZ_4K, 110 * SZ_4K - 1);
	EXPECT_CLEAN(test, map, 0, SZ_1G - 1);
}

/* Half of a page is asked for: it is dirty, and stays so for the other half. */
static void test_take_part(struct kunit *test)
{
	struct vfio_mig_dirty_map *map = map_one(test, 0, SZ_1G - 1, SZ_2M);

	vfio_mig_dirty_map_mark(map, SZ_2M, 1);
	EXPECT_TAKE(test, map, 3 * SZ_1M, SZ_8M, 3 * SZ_1M, SZ_4M - 1);
	EXPECT_TAKE(test, map, 0, 3 * SZ_1M - 1, SZ_2M, 3 * SZ_1M - 1);
	EXPECT_TAKE(test, map, 3 * SZ_1M, 3 * SZ_1M, 3 * SZ_1M, 3 * SZ_1M);
	EXPECT_TAKE(test, map, SZ_2M, SZ_4M - 1, SZ_2M, SZ_4M - 1);
	EXPECT_CLEAN(test, map, 0, SZ_1G - 1);
	vfio_mig_dirty_map_mark(map, 0, 1);
	EXPECT_TAKE(test, map, 1, 2, 1, 2);
	EXPECT_TAKE(test, map, 0, SZ_2M - 1, 0, SZ_2M - 1);
	EXPECT_CLEAN(test, map, 0, SZ_2M - 1);
}

/* What is not watched need not be asked for. */
static void test_take_edges(struct kunit *test)
{
	struct vfio_mig_dirty_map *map;
	struct ranges r = {};

	ranges_add(&r, SZ_1M, 5 * SZ_1M - 1);
	ranges_add(&r, 5 * SZ_1M + SZ_4K, SZ_8M - 1);
	map = map_of(test, &r, MAX_RANGES, SZ_2M);
	vfio_mig_dirty_map_mark(map, SZ_1M, 1);
	EXPECT_TAKE(test, map, SZ_1M, 5 * SZ_1M - 1, SZ_1M, SZ_2M - 1);
	EXPECT_CLEAN(test, map, SZ_1M, 5 * SZ_1M - 1);
	/* The page at 4 MiB is watched in both ranges. */
	vfio_mig_dirty_map_mark(map, 5 * SZ_1M - 1, 1);
	EXPECT_TAKE(test, map, SZ_1M, 5 * SZ_1M - 1, SZ_4M, 5 * SZ_1M - 1);
	EXPECT_TAKE(test, map, 5 * SZ_1M + SZ_4K, SZ_8M - 1, 5 * SZ_1M + SZ_4K,
		    6 * SZ_1M - 1);
	EXPECT_TAKE(test, map, SZ_1M, 5 * SZ_1M - 1, SZ_4M, 5 * SZ_1M - 1);
}

/* Without memory: parts of 1/64 of the range here. */
static void test_parts(struct kunit *test)
{
	struct vfio_mig_dirty_map *map = map_one(test, 0, SZ_1G * 64ULL - 1, SZ_4K);
	const u64 last = SZ_1G * 64ULL - 1;

	vfio_mig_dirty_map_mark_parts(map, 5ULL * SZ_1G + 7, 1);
	KUNIT_EXPECT_TRUE(test, xa_empty(&map->chunks));
	EXPECT_CLEAN(test, map, 0, 5ULL * SZ_1G - 1);
	EXPECT_CLEAN(test, map, 6ULL * SZ_1G, last);
	EXPECT_TAKE(test, map, 5ULL * SZ_1G + SZ_1M, last, 5ULL * SZ_1G + SZ_1M,
		    6ULL * SZ_1G - 1);
	EXPECT_TAKE(test, map, 0, last, 5ULL * SZ_1G, 6ULL * SZ_1G - 1);
	EXPECT_CLEAN(test, map, 0, last);
	vfio_mig_dirty_map_mark_parts(map, 6ULL * SZ_1G - 1, 2);
	KUNIT_EXPECT_EQ(test, 2ULL * SZ_1G, take(map, 0, last).bytes);
	EXPECT_CLEAN(test, map, 0, last);
}

/* A range that begins and ends in the middle of a part. */
static void test_parts_edges(struct kunit *test)
{
	const u64 first = SZ_1G - 5 * SZ_4K, last = 9ULL * SZ_1G + SZ_4K - 1;
	struct vfio_mig_dirty_map *map = map_one(test, first, last, SZ_4K);

	vfio_mig_dirty_map_mark_parts(map, first, 1);
	KUNIT_EXPECT_EQ(test, first, take(map, first, last).first);
	EXPECT_CLEAN(test, map, first, last);
	vfio_mig_dirty_map_mark_parts(map, last, 1);
	KUNIT_EXPECT_EQ(test, last, take(map, first, last).last);
	EXPECT_CLEAN(test, map, first, last);
	vfio_mig_dirty_map_mark_parts(map, first, last - first + 1);
	KUNIT_EXPECT_EQ(test, last - first + 1, take(map, first, last).bytes);
	EXPECT_CLEAN(test, map, first, last);
}

static unsigned int chunks_of(struct vfio_mig_dirty_map *map)
{
	unsigned long index;
	unsigned int n = 0;
	void *chunk;

	xa_for_each(&map->chunks, index, chunk)
		n++;
	return n;
}

static void test_sparse(struct kunit *test)
{
	const u64 last = BIT_ULL(63) - 1;
	struct vfio_mig_dirty_map *map = map_one(test, 0, last, SZ_4K);

	vfio_mig_dirty_map_mark(map, 0, 1);
	vfio_mig_dirty_map_mark(map, BIT_ULL(40), 1);
	vfio_mig_dirty_map_mark(map, last, 1);
	KUNIT_EXPECT_EQ(test, 3, chunks_of(map));
	KUNIT_EXPECT_EQ(test, 3, take(map, 0, last).runs);
	EXPECT_CLEAN(test, map, 0, last);
}

/* --- against a model ---------------------------------------------------------- */

#define MODEL_PAGES	(3 * VFIO_MIG_CHUNK_BITS)

static void tell_model(void *arg, u64 iova, u64 len)
{
	bitmap_set(arg, iova / SZ_4K, len / SZ_4K);
}

static void test_random(struct kunit *test)
{
	const size_t bytes = BITS_TO_LONGS(MODEL_PAGES) * sizeof(long);
	unsigned long *model = kunit_kzalloc(test, bytes, GFP_KERNEL);
	unsigned long *seen = kunit_kzalloc(test, bytes, GFP_KERNEL);
	unsigned long *want = kunit_kzalloc(test, bytes, GFP_KERNEL);
	struct vfio_mig_dirty_map *map;
	unsigned int i, first, n;

	KUNIT_ASSERT_TRUE(test, model && seen && want);
	map = map_one(test, 0, MODEL_PAGES * SZ_4K - 1, SZ_4K);
	for (i = 0; i < 2000; i++) {
		first = get_random_u32_below(MODEL_PAGES);
		n = 1 + get_random_u32_below(min(MODEL_PAGES - first, 600));
		if (i % 3) {
			vfio_mig_dirty_map_mark(map, first * SZ_4K, n * SZ_4K);
			bitmap_set(model, first, n);
			continue;
		}
		bitmap_zero(seen, MODEL_PAGES);
		bitmap_zero(want, MODEL_PAGES);
		bitmap_set(want, first, n);
		bitmap_and(want, want, model, MODEL_PAGES);
		vfio_mig_dirty_map_take(map, first * SZ_4K, n * SZ_4K,
					tell_model, seen);
		KUNIT_ASSERT_TRUE(test, bitmap_equal(want, seen, MODEL_PAGES));
		bitmap_clear(model, first, n);
	}
}

#define RACE_PAGES	64
#define RACE_ROUNDS	3000

/**
 * struct race - one marks, another takes
 * @map: the same
 * @go: the round that the marker shall do
 * @done: the last one that it has done
 * @count: for each page, in which round it was written
 * @copy: the same as the taker knows it
 */
struct race {
	struct vfio_mig_dirty_map *map;
	atomic_t go;
	atomic_t done;
	u32 count[RACE_PAGES];
	u32 copy[RACE_PAGES];
};

/* Each page in a word of its own, all in one chunk. */
static u64 race_iova(unsigned int page)
{
	return (u64)page * BITS_PER_LONG * SZ_4K;
}

static int race_mark(void *arg)
{
	struct race *r = arg;
	unsigned int page;
	int round;

	while (!kthread_should_stop()) {
		round = atomic_read_acquire(&r->go);
		if (round == atomic_read(&r->done)) {
			cond_resched();
			continue;
		}
		for (page = 0; page < RACE_PAGES; page++) {
			WRITE_ONCE(r->count[page], round);
			vfio_mig_dirty_map_mark(r->map, race_iova(page), 1);
		}
		atomic_set_release(&r->done, round);
	}
	return 0;
}

static void race_tell(void *arg, u64 iova, u64 len)
{
	const u64 page = iova / race_iova(1);
	struct race *r = arg;

	r->copy[page] = READ_ONCE(r->count[page]);
}

static void race_take(struct race *r)
{
	vfio_mig_dirty_map_take(r->map, 0, race_iova(RACE_PAGES), race_tell, r);
}

/* No mark comes after the last one of a round that would make good for it. */
static bool race_round(struct race *r, int round)
{
	atomic_set_release(&r->go, round);
	while (atomic_read_acquire(&r->done) != round)
		race_take(r);
	race_take(r);
	return !memcmp(r->count, r->copy, sizeof(r->count));
}

static void test_race(struct kunit *test)
{
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct task_struct *task;
	int round = 1;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->map = map_one(test, 0, race_iova(RACE_PAGES) - 1, SZ_4K);
	task = kthread_run(race_mark, r, "race_mark");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	while (round <= RACE_ROUNDS && race_round(r, round))
		round++;
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, RACE_ROUNDS + 1, round);
}

static struct kunit_case map_cases[] = {
	KUNIT_CASE(test_page_size),
	KUNIT_CASE(test_empty_range),
	KUNIT_CASE(test_combine),
	KUNIT_CASE(test_covers),
	KUNIT_CASE(test_mark),
	KUNIT_CASE(test_mark_outside),
	KUNIT_CASE(test_take_some),
	KUNIT_CASE(test_take_part),
	KUNIT_CASE(test_take_edges),
	KUNIT_CASE(test_parts),
	KUNIT_CASE(test_parts_edges),
	KUNIT_CASE(test_sparse),
	KUNIT_CASE(test_random),
	KUNIT_CASE_SLOW(test_race),
	{}
};

static struct kunit_suite map_suite = {
	.name = "vfio_mig_dirty_map",
	.test_cases = map_cases,
};

/* --- a driver with a log in hardware -------------------------------------------- */

/**
 * struct fake - a device
 * @vdev: as far as it is needed
 * @log: the log
 * @started: by @log
 * @nr: number of ranges that it was given
 * @page_size: likewise
 * @start_error: what starting ends with
 * @sync_error: what a sync ends with
 * @dirty: address that the hardware has written, 0 for none
 */
struct fake {
	struct vfio_device vdev;
	struct vfio_mig_log log;
	bool started;
	u32 nr;
	u64 page_size;
	int start_error;
	int sync_error;
	u64 dirty;
};

static struct fake *fake_of(struct vfio_mig_log *log)
{
	return container_of(log, struct fake, log);
}

static int fake_start(struct vfio_mig_log *log,
		      const struct vfio_mig_log_range *ranges, u32 nr,
		      u64 page_size)
{
	struct fake *f = fake_of(log);

	f->nr = nr;
	f->page_size = page_size;
	f->started = !f->start_error;
	return f->start_error;
}

static void fake_stop(struct vfio_mig_log *log)
{
	fake_of(log)->started = false;
}

static int fake_sync(struct vfio_mig_log *log, u64 iova, u64 len)
{
	struct fake *f = fake_of(log);

	if (f->dirty)
		vfio_mig_log_mark(log, f->dirty, 1);
	f->dirty = 0;
	return f->sync_error;
}

static const struct vfio_mig_log_ops fake_ops = {
	.page_sizes = SZ_4K | SZ_64K,
	.max_ranges = 2,
	.start = fake_start,
	.stop = fake_stop,
	.sync = fake_sync,
};

static int log_init(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_log_init(&f->log, &f->vdev, &fake_ops));
	if (!f->vdev.log_ops)
		kunit_skip(test, "this kernel has no iova_bitmap");
	return 0;
}

static void log_exit(struct kunit *test)
{
	struct fake *f = test->priv;

	vfio_mig_log_close(&f->log);
	vfio_mig_log_destroy(&f->log);
}

static int start(struct fake *f, u64 page_size)
{
	struct ranges r = {};

	ranges_add(&r, 0, SZ_64K - 1);
	ranges_add(&r, SZ_1M, SZ_2M - 1);
	ranges_add(&r, SZ_8M, SZ_16M - 1);
	return f->vdev.log_ops->log_start(&f->vdev, &r.root, r.nr, &page_size);
}

/* Of pages that are clean; others need a bitmap. */
static int report(struct fake *f, u64 iova, u64 len)
{
	return f->vdev.log_ops->log_read_and_clear(&f->vdev, iova, len, NULL);
}

static void test_log_start(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, SZ_8M, SZ_64K));
	KUNIT_EXPECT_EQ(test, -EINVAL, start(f, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, start(f, 3));
	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_1M));
	KUNIT_EXPECT_TRUE(test, f->started);
	KUNIT_EXPECT_EQ(test, 2, f->nr);
	KUNIT_EXPECT_EQ(test, SZ_64K, f->page_size);
	KUNIT_EXPECT_EQ(test, -EINVAL, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, report(f, 0, SZ_2M));
	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, 0, SZ_4M));
	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, 0, 0));
	KUNIT_EXPECT_EQ(test, 0, f->vdev.log_ops->log_stop(&f->vdev));
	KUNIT_EXPECT_FALSE(test, f->started);
	KUNIT_EXPECT_EQ(test, 0, f->vdev.log_ops->log_stop(&f->vdev));
	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, SZ_8M, SZ_64K));
}

static void test_log_start_fails(struct kunit *test)
{
	struct fake *f = test->priv;

	f->start_error = -EIO;
	KUNIT_EXPECT_EQ(test, -EIO, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, SZ_8M, SZ_64K));
	f->start_error = 0;
	KUNIT_EXPECT_EQ(test, 0, start(f, SZ_4K));
}

/* An error may have cost pages: no report is to be believed after it. */
static void test_log_sticky(struct kunit *test)
{
	struct fake *f = test->priv;

	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, report(f, SZ_8M, SZ_64K));
	f->sync_error = -ETIMEDOUT;
	/* This one is refused before anything happens. */
	KUNIT_EXPECT_EQ(test, -EINVAL, report(f, SZ_4M, SZ_64K));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, report(f, SZ_8M, SZ_64K));
	f->sync_error = 0;
	KUNIT_EXPECT_EQ(test, -EIO, report(f, SZ_8M, SZ_64K));
	KUNIT_EXPECT_EQ(test, -EIO, report(f, 0, SZ_64K));
	vfio_mig_log_close(&f->log);
	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, report(f, SZ_8M, SZ_64K));
}

static void test_log_lost(struct kunit *test)
{
	struct fake *f = test->priv;

	vfio_mig_log_lost(&f->log);
	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, report(f, SZ_8M, SZ_64K));
	vfio_mig_log_lost(&f->log);
	KUNIT_EXPECT_EQ(test, -EIO, report(f, SZ_8M, SZ_64K));
	KUNIT_EXPECT_EQ(test, -EINVAL, start(f, SZ_4K));
	vfio_mig_log_close(&f->log);
	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0, report(f, SZ_8M, SZ_64K));
}

/* What the hardware knows is in the report that it is asked for. */
static void test_log_sync(struct kunit *test)
{
	struct fake *f = test->priv;
	struct iova_bitmap *bitmap;
	unsigned long user;
	u64 bits = 0;

	user = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(user) || !user);
	KUNIT_ASSERT_EQ(test, 0, start(f, SZ_4K));
	f->dirty = SZ_8M + 5 * SZ_4K;
	bitmap = iova_bitmap_alloc(SZ_8M, SZ_64K, SZ_4K, (u64 __user *)user);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bitmap);
	KUNIT_EXPECT_EQ(test, 0,
			f->vdev.log_ops->log_read_and_clear(&f->vdev, SZ_8M,
							    SZ_64K, bitmap));
	iova_bitmap_free(bitmap);
	KUNIT_ASSERT_EQ(test, 0, copy_from_user(&bits, (void __user *)user, 8));
	KUNIT_EXPECT_EQ(test, 1 << 5, bits);
	KUNIT_EXPECT_EQ(test, 0, report(f, SZ_8M, SZ_64K));
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(test_log_start),
	KUNIT_CASE(test_log_start_fails),
	KUNIT_CASE(test_log_sticky),
	KUNIT_CASE(test_log_lost),
	KUNIT_CASE(test_log_sync),
	{}
};

static struct kunit_suite log_suite = {
	.name = "vfio_mig_log",
	.init = log_init,
	.exit = log_exit,
	.test_cases = log_cases,
};

kunit_test_suites(&map_suite, &log_suite);

MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_INFO(import_ns, "IOMMUFD");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Tests of the migration scaffold for VFIO drivers");
