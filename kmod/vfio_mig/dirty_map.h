/* SPDX-License-Identifier: GPL-2.0-only */
/* The data structure behind dirty_log.c; knows nothing of VFIO devices. */
#ifndef VFIO_MIG_DIRTY_MAP_H
#define VFIO_MIG_DIRTY_MAP_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "vfio_mig_log.h"

struct mem_cgroup;
struct rb_root_cached;

/* Bits that are allocated together. */
#define VFIO_MIG_CHUNK_SHIFT	12
#define VFIO_MIG_CHUNK_BITS	(1UL << VFIO_MIG_CHUNK_SHIFT)

/**
 * struct vfio_mig_dirty_map - which pages were written
 * @chunks: bitmaps of VFIO_MIG_CHUNK_BITS pages each, made when a first page is
 *	    marked; marked themselves while there may be a bit in them
 * @shift: bits of an address within a page
 * @memcg: who pays for @chunks
 * @nr: number of @ranges
 * @ranges: what can be marked, in ascending order, not overlapping
 */
struct vfio_mig_dirty_map {
	struct xarray chunks;
	unsigned int shift;
	struct mem_cgroup *memcg;
	u32 nr;
	struct vfio_mig_log_range ranges[] __counted_by(nr);
};

/* Told of each run of dirty pages. */
typedef void (*vfio_mig_dirty_fn)(void *arg, u64 iova, u64 len);

int vfio_mig_dirty_cache_create(void);
void vfio_mig_dirty_cache_destroy(void);

u64 vfio_mig_dirty_page_size(u64 sizes, u64 hint);
struct vfio_mig_dirty_map *vfio_mig_dirty_map_new(struct rb_root_cached *tree,
						  u32 nodes, u32 max,
						  u64 page_size);
void vfio_mig_dirty_map_free(struct vfio_mig_dirty_map *map);
bool vfio_mig_dirty_map_covers(struct vfio_mig_dirty_map *map, u64 iova, u64 len);
void vfio_mig_dirty_map_mark(struct vfio_mig_dirty_map *map, u64 iova, u64 len);
void vfio_mig_dirty_map_mark_parts(struct vfio_mig_dirty_map *map, u64 iova,
				   u64 len);
void vfio_mig_dirty_map_take(struct vfio_mig_dirty_map *map, u64 iova, u64 len,
			     vfio_mig_dirty_fn fn, void *arg);

#endif /* VFIO_MIG_DIRTY_MAP_H */
