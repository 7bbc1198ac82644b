// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: the set of pages that a device has written.
 *
 * A sparse bitmap: what it takes in memory and time goes by the pages that are
 * dirty, not by the ranges that are watched.  Whoever marks takes no lock that
 * is not there for nanoseconds and does not sleep, so memory for a new chunk
 * may be missing; then a part of the range, of which each has up to
 * BITS_PER_LONG, becomes dirty as a whole: more than was written, but no page
 * is ever lost.
 *
 * Marking runs against taking without a common lock.  A bit is set first, the
 * chunk's mark after it; whoever takes clears the mark first, the bits after
 * it.  So either it finds the bit, or the mark is set again.
 */
#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/interval_tree.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dirty_map.h"

#define CHUNK_WORDS	BITS_TO_LONGS(VFIO_MIG_CHUNK_BITS)
#define CHUNK_DIRTY	XA_MARK_0

/* Whoever marks may hold any lock, and can do without. */
#define CHUNK_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/**
 * struct vfio_mig_dirty_chunk - part of the bitmap
 * @words: a bit for each page
 */
struct vfio_mig_dirty_chunk {
	atomic_long_t words[CHUNK_WORDS];
};

/* Of its own for tests, which can make it fail. */
static struct kmem_cache *chunk_cache;

/**
 * vfio_mig_dirty_cache_create - before the first map
 *
 * Return: 0, or -ENOMEM.
 */
int vfio_mig_dirty_cache_create(void)
{
	chunk_cache = KMEM_CACHE(vfio_mig_dirty_chunk, SLAB_ACCOUNT | SLAB_NO_MERGE);
	return chunk_cache ? 0 : -ENOMEM;
}

/**
 * vfio_mig_dirty_cache_destroy - after the last map
 */
void vfio_mig_dirty_cache_destroy(void)
{
	kmem_cache_destroy(chunk_cache);
}

/**
 * vfio_mig_dirty_page_size - choose the page size of a log
 * @sizes: those that are possible
 * @hint: the one that is wished for
 *
 * The largest that is not above the hint, for a finer log says more; the
 * smallest if all are above it.
 *
 * Return: the page size, 0 for a hint that is no page size.
 */
u64 vfio_mig_dirty_page_size(u64 sizes, u64 hint)
{
	const u64 below = sizes & (hint | (hint - 1));

	if (!is_power_of_2(hint))
		return 0;
	return below ? rounddown_pow_of_two(below) : sizes & -sizes;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_page_size);

/*
 * The core lets ranges of no length through; the one at address 0 looks as if
 * it was all there is, which no range can be.
 */
static bool tree_is_sane(struct rb_root_cached *tree)
{
	struct interval_tree_node *node;

	for (node = interval_tree_iter_first(tree, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))
		if (node->start > node->last || node->last == ULONG_MAX)
			return false;
	return true;
}

static void range_init(struct vfio_mig_log_range *r,
		       const struct interval_tree_node *node, unsigned int shift)
{
	r->first = node->start;
	r->last = node->last;
	r->part_shift = shift + VFIO_MIG_CHUNK_SHIFT;
	while ((r->last >> r->part_shift) - (r->first >> r->part_shift) >=
	       BITS_PER_LONG)
		r->part_shift++;
}

/**
 * vfio_mig_dirty_map_new - nothing is dirty
 * @tree: interval tree of the ranges that are asked for; may be changed
 * @nodes: number of them, at least 1
 * @max: most ranges that can be had: those with the smallest gaps between them
 *	 become one
 * @page_size: what a bit stands for, a power of two
 *
 * Context: process; what is marked later is charged to the caller, too.
 * Return: the map, or an error pointer: -EINVAL for ranges that cannot be,
 * -ENOMEM.
 */
struct vfio_mig_dirty_map *vfio_mig_dirty_map_new(struct rb_root_cached *tree,
						  u32 nodes, u32 max,
						  u64 page_size)
{
	struct interval_tree_node *node;
	struct vfio_mig_dirty_map *map;
	u32 i;

	if (!tree_is_sane(tree))
		return ERR_PTR(-EINVAL);
	if (nodes > max) {
		vfio_combine_iova_ranges(tree, nodes, max);
		nodes = max;
	}
	map = kzalloc(struct_size(map, ranges, nodes),
		      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!map)
		return ERR_PTR(-ENOMEM);
	xa_init_flags(&map->chunks, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	map->shift = ilog2(page_size);
	map->memcg = get_mem_cgroup_from_mm(current->mm);
	map->nr = nodes;
	node = interval_tree_iter_first(tree, 0, ULONG_MAX);
	for (i = 0; i < nodes; i++) {
		range_init(&map->ranges[i], node, map->shift);
		node = interval_tree_iter_next(node, 0, ULONG_MAX);
	}
	return map;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_new);

/**
 * vfio_mig_dirty_map_free - opposite of vfio_mig_dirty_map_new()
 * @map: the map, that nobody uses any more
 */
void vfio_mig_dirty_map_free(struct vfio_mig_dirty_map *map)
{
	struct vfio_mig_dirty_chunk *chunk;
	unsigned long index;

	xa_for_each(&map->chunks, index, chunk) {
		kmem_cache_free(chunk_cache, chunk);
		cond_resched();
	}
	xa_destroy(&map->chunks);
	mem_cgroup_put(map->memcg);
	kfree(map);
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_free);

/* The first range that does not end before @iova, or the end of the array. */
static struct vfio_mig_log_range *range_from(struct vfio_mig_dirty_map *map,
					     u64 iova)
{
	u32 low = 0, high = map->nr, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (map->ranges[mid].last < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return map->ranges + low;
}

#define for_each_range_in(r, map, iova, last)				\
	for (r = range_from(map, iova);					\
	     r < (map)->ranges + (map)->nr && r->first <= (last); r++)

/**
 * vfio_mig_dirty_map_covers - would all writes to a place have been marked?
 * @map: the map
 * @iova: the place
 * @len: bytes, at least 1; no overflow
 */
bool vfio_mig_dirty_map_covers(struct vfio_mig_dirty_map *map, u64 iova, u64 len)
{
	const u64 last = iova + len - 1;
	struct vfio_mig_log_range *r;

	for_each_range_in(r, map, iova, iova) {
		if (r->last >= last)
			return true;
		iova = r->last + 1;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_covers);

/* Bits of the word whose first page is @base that are pages from @first on. */
static unsigned long word_mask(u64 base, u64 first, u64 end)
{
	const u64 low = max(first, base);
	const u64 high = min(end, base + BITS_PER_LONG);

	return low < high ? GENMASK(high - base - 1, low - base) : 0;
}

static void chunk_set_dirty(struct vfio_mig_dirty_map *map, unsigned long index)
{
	unsigned long flags;

	xa_lock_irqsave(&map->chunks, flags);
	__xa_set_mark(&map->chunks, index, CHUNK_DIRTY);
	xa_unlock_irqrestore(&map->chunks, flags);
}

static void chunk_clear_dirty(struct vfio_mig_dirty_map *map, unsigned long index)
{
	unsigned long flags;

	xa_lock_irqsave(&map->chunks, flags);
	__xa_clear_mark(&map->chunks, index, CHUNK_DIRTY);
	xa_unlock_irqrestore(&map->chunks, flags);
}

static struct vfio_mig_dirty_chunk *chunk_new(struct vfio_mig_dirty_map *map,
					      unsigned long index)
{
	struct vfio_mig_dirty_chunk *chunk, *other;
	unsigned long flags;

	chunk = kmem_cache_zalloc(chunk_cache, CHUNK_GFP);
	if (!chunk)
		return NULL;
	xa_lock_irqsave(&map->chunks, flags);
	other = __xa_cmpxchg(&map->chunks, index, NULL, chunk, CHUNK_GFP);
	xa_unlock_irqrestore(&map->chunks, flags);
	if (!other)
		return chunk;
	kmem_cache_free(chunk_cache, chunk);
	return xa_is_err(other) ? NULL : other;
}

static struct vfio_mig_dirty_chunk *chunk_get(struct vfio_mig_dirty_map *map,
					      unsigned long index)
{
	struct vfio_mig_dirty_chunk *chunk = xa_load(&map->chunks, index);
	struct mem_cgroup *old;

	if (chunk)
		return chunk;
	old = set_active_memcg(map->memcg);
	chunk = chunk_new(map, index);
	set_active_memcg(old);
	return chunk;
}

/*
 * The operations on the words are full barriers: what was written before is
 * there once a bit is, and the mark is looked at after the bits are.
 */
static void chunk_mark(struct vfio_mig_dirty_map *map, unsigned long index,
		       struct vfio_mig_dirty_chunk *chunk, u64 first, u64 end)
{
	const u64 base = (u64)index << VFIO_MIG_CHUNK_SHIFT;
	const u64 stop = min(end, base + VFIO_MIG_CHUNK_BITS);
	u64 word = round_down(first, BITS_PER_LONG);

	for (; word < stop; word += BITS_PER_LONG)
		atomic_long_fetch_or(word_mask(word, first, stop),
				     &chunk->words[(word - base) / BITS_PER_LONG]);
	if (!xa_get_mark(&map->chunks, index, CHUNK_DIRTY))
		chunk_set_dirty(map, index);
}

/* Without memory: more than was asked for is dirty. */
static void range_mark_parts(struct vfio_mig_log_range *r, u64 iova, u64 last)
{
	const u64 first_part = r->first >> r->part_shift;
	u64 part = iova >> r->part_shift;

	for (; part <= last >> r->part_shift; part++) {
		smp_mb__before_atomic(); /* what was written is there first */
		set_bit(part - first_part, &r->parts);
	}
}

static void range_mark(struct vfio_mig_dirty_map *map,
		       struct vfio_mig_log_range *r, u64 iova, u64 last)
{
	const u64 end = (last >> map->shift) + 1;
	u64 page = iova >> map->shift;
	struct vfio_mig_dirty_chunk *chunk;
	unsigned long index;

	for (; page < end; page = (u64)(index + 1) << VFIO_MIG_CHUNK_SHIFT) {
		index = page >> VFIO_MIG_CHUNK_SHIFT;
		chunk = chunk_get(map, index);
		if (!chunk) {
			range_mark_parts(r, max(iova, page << map->shift), last);
			return;
		}
		chunk_mark(map, index, chunk, page, end);
	}
}

/**
 * vfio_mig_dirty_map_mark - something was written
 * @map: the map
 * @iova: where; what is outside of the ranges is ignored
 * @len: bytes
 *
 * Context: any but NMI.
 */
void vfio_mig_dirty_map_mark(struct vfio_mig_dirty_map *map, u64 iova, u64 len)
{
	const u64 last = iova + min(len - 1, U64_MAX - iova);
	struct vfio_mig_log_range *r;

	if (!len)
		return;
	for_each_range_in(r, map, iova, last)
		range_mark(map, r, max(iova, r->first), min(last, r->last));
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_mark);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * vfio_mig_dirty_map_mark_parts - the same, as if there was no memory
 * @map: the map
 * @iova: where
 * @len: bytes, at least 1; no overflow
 */
void vfio_mig_dirty_map_mark_parts(struct vfio_mig_dirty_map *map, u64 iova,
				   u64 len)
{
	const u64 last = iova + len - 1;
	struct vfio_mig_log_range *r;

	for_each_range_in(r, map, iova, last)
		range_mark_parts(r, max(iova, r->first), min(last, r->last));
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_mark_parts);
#endif

/**
 * struct taking - a report that is made
 * @map: of this map
 * @iova: first address that is asked for
 * @last: last one
 * @first_page: first page that is cleared
 * @end_page: the one after the last one that is
 * @fn: to be told
 * @arg: of @fn
 */
struct taking {
	struct vfio_mig_dirty_map *map;
	u64 iova;
	u64 last;
	u64 first_page;
	u64 end_page;
	vfio_mig_dirty_fn fn;
	void *arg;
};

static void tell(const struct taking *t, u64 first, u64 last)
{
	first = max(first, t->iova);
	last = min(last, t->last);
	if (first <= last)
		t->fn(t->arg, first, last - first + 1);
}

static bool is_watched(struct vfio_mig_dirty_map *map, u64 first, u64 last)
{
	struct vfio_mig_log_range *r;

	for_each_range_in(r, map, first, last)
		return true;
	return false;
}

/*
 * A page of which only a part is asked for is dirty, but stays so: else the
 * other part would be lost.  What is not watched is no such part.
 */
static void taking_init_pages(struct taking *t)
{
	const u64 in_page = (1ULL << t->map->shift) - 1;

	t->first_page = t->iova >> t->map->shift;
	if ((t->iova & in_page) &&
	    is_watched(t->map, t->iova & ~in_page, t->iova - 1))
		t->first_page++;
	t->end_page = t->last >> t->map->shift;
	if ((t->last & in_page) == in_page ||
	    !is_watched(t->map, t->last + 1, t->last | in_page))
		t->end_page++;
}

/* Return: is there anything left in the chunk? */
static bool chunk_take_words(const struct taking *t, u64 base,
			     struct vfio_mig_dirty_chunk *chunk,
			     unsigned long *bits)
{
	const u64 first = t->iova >> t->map->shift;
	const u64 end = (t->last >> t->map->shift) + 1;
	unsigned long take, left = 0;
	unsigned int i;

	for (i = 0; i < CHUNK_WORDS; i++, base += BITS_PER_LONG) {
		take = word_mask(base, t->first_page, t->end_page);
		bits[i] = take ? atomic_long_fetch_andnot(take, &chunk->words[i]) :
				 atomic_long_read(&chunk->words[i]);
		left |= bits[i] & ~take;
		bits[i] &= word_mask(base, first, end);
	}
	return left;
}

static void chunk_take(const struct taking *t, unsigned long index,
		       struct vfio_mig_dirty_chunk *chunk)
{
	const u64 base = (u64)index << VFIO_MIG_CHUNK_SHIFT;
	const unsigned int shift = t->map->shift;
	DECLARE_BITMAP(bits, VFIO_MIG_CHUNK_BITS);
	unsigned int from, to;

	chunk_clear_dirty(t->map, index);
	smp_mb(); /* pairs with the barrier in chunk_mark() */
	if (chunk_take_words(t, base, chunk, bits))
		chunk_set_dirty(t->map, index);
	for_each_set_bitrange(from, to, bits, VFIO_MIG_CHUNK_BITS)
		tell(t, (base + from) << shift, ((base + to) << shift) - 1);
}

static void range_take_parts(const struct taking *t, struct vfio_mig_log_range *r)
{
	const unsigned long parts = READ_ONCE(r->parts);
	const u64 first_part = r->first >> r->part_shift;
	unsigned int i;
	u64 first, last;

	for_each_set_bit(i, &parts, BITS_PER_LONG) {
		first = max((first_part + i) << r->part_shift, r->first);
		last = min(((first_part + i + 1) << r->part_shift) - 1, r->last);
		if (t->iova <= first && last <= t->last)
			test_and_clear_bit(i, &r->parts);
		tell(t, first, last);
	}
}

/**
 * vfio_mig_dirty_map_take - say what is dirty, and that it no longer is
 * @map: the map
 * @iova: of what is asked for
 * @len: bytes, at least 1; no overflow; all of it is covered
 * @fn: told of all dirty pages in there, possibly more than once, cut to what is
 *	asked for
 * @arg: of @fn
 *
 * What is marked meanwhile is dirty now or the next time.
 *
 * Context: process; the callers are serialized.
 */
void vfio_mig_dirty_map_take(struct vfio_mig_dirty_map *map, u64 iova, u64 len,
			     vfio_mig_dirty_fn fn, void *arg)
{
	struct taking t = {
		.map = map, .iova = iova, .last = iova + len - 1,
		.fn = fn, .arg = arg,
	};
	const unsigned int shift = map->shift + VFIO_MIG_CHUNK_SHIFT;
	unsigned long index = iova >> shift;
	struct vfio_mig_dirty_chunk *chunk;
	struct vfio_mig_log_range *r;

	taking_init_pages(&t);
	for (chunk = xa_find(&map->chunks, &index, t.last >> shift, CHUNK_DIRTY);
	     chunk;
	     chunk = xa_find_after(&map->chunks, &index, t.last >> shift,
				   CHUNK_DIRTY)) {
		chunk_take(&t, index, chunk);
		cond_resched();
	}
	for_each_range_in(r, map, iova, t.last)
		range_take_parts(&t, r);
}
EXPORT_SYMBOL_IF_KUNIT(vfio_mig_dirty_map_take);
