/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_mig: a log of the memory that a device writes by DMA.
 *
 * A driver embeds a struct vfio_mig_log in its device and calls
 * vfio_mig_log_init() before it registers the vfio_device.  The library supplies
 * the vfio_log_ops; the driver says of each DMA write what it wrote, or has
 * hardware with a log of its own that it folds in when asked.  Independent of
 * struct vfio_mig, as logging is of the migration state.
 */
#ifndef VFIO_MIG_LOG_H
#define VFIO_MIG_LOG_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vfio.h>

struct vfio_mig_dirty_map;
struct vfio_mig_log;

/**
 * struct vfio_mig_log_range - I/O virtual addresses whose writes are logged
 * @first: the first one
 * @last: the last one
 */
struct vfio_mig_log_range {
	u64 first;
	u64 last;
	/* private: what to do without memory, see dirty_map.c */
	unsigned int part_shift;
	unsigned long parts;
};

/**
 * struct vfio_mig_log_ops - what a driver's hardware does
 * @page_sizes: bytes of memory that one bit of the log can stand for, all
 *		powers of two that are possible, below 2^48
 * @max_ranges: most ranges that the hardware can watch at a time, at least 1
 * @start: log all writes that begin after this returns; @ranges are in
 *	   ascending order and stay valid until @stop
 * @stop: no write needs to be logged any more; when this returns, @sync is not
 *	  going on
 * @sync: a report is about to be made for this range: say by vfio_mig_log_mark()
 *	  what the hardware's own log has for it, and clear that.  An error is
 *	  the reporter's, and that of all later reports
 *
 * The callbacks are optional; a driver that sees all writes itself needs none.
 * They may sleep, and are called one at a time, with a mutex of the log held:
 * no faulting on user memory, no waiting for a reset.
 */
struct vfio_mig_log_ops {
	u64 page_sizes;
	u32 max_ranges;
	int (*start)(struct vfio_mig_log *log,
		     const struct vfio_mig_log_range *ranges, u32 nr,
		     u64 page_size);
	void (*stop)(struct vfio_mig_log *log);
	int (*sync)(struct vfio_mig_log *log, u64 iova, u64 len);
};

/**
 * struct vfio_mig_log - dirty log of one device
 * @ops: the driver's properties and callbacks
 * @core_ops: what vfio core calls; also how the library finds this struct
 * @lock: serializes those who start, stop and report
 * @map: what was written, NULL while logging is off; changed under @lock
 * @lost: @map is incomplete, and reports have to fail
 *
 * The members are the library's own; a driver reads none of them.
 */
struct vfio_mig_log {
	const struct vfio_mig_log_ops *ops;
	struct vfio_log_ops core_ops;
	struct mutex lock;
	struct vfio_mig_dirty_map __rcu *map;
	bool lost;
};

int vfio_mig_log_init(struct vfio_mig_log *log, struct vfio_device *vdev,
		      const struct vfio_mig_log_ops *ops);
void vfio_mig_log_destroy(struct vfio_mig_log *log);
void vfio_mig_log_close(struct vfio_mig_log *log);
void vfio_mig_log_lost(struct vfio_mig_log *log);
void vfio_mig_log_mark(struct vfio_mig_log *log, u64 iova, u64 len);

#endif /* VFIO_MIG_LOG_H */
