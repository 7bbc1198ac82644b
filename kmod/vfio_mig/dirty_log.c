// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: DMA logging, between vfio core, a driver and dirty_map.c.
 *
 * Marking finds the map under RCU and takes no lock, so that DMA pays next to
 * nothing while logging is off.
 *
 * Reporting writes to user memory, which may wait for the mm's lock and in a
 * fault handler for locks of vfio-pci-core.  So the log's mutex is above them,
 * and a reset must not take it; see vfio_mig_log_lost().
 */
#include <linux/cleanup.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "dirty_map.h"
#include "internal.h"
#include "trace.h"

static struct vfio_mig_log *vfio_mig_log_of(struct vfio_device *vdev)
{
	return container_of(vdev->log_ops, struct vfio_mig_log, core_ops);
}

static struct vfio_mig_dirty_map *vfio_mig_log_map(struct vfio_mig_log *log)
{
	return rcu_dereference_protected(log->map, lockdep_is_held(&log->lock));
}

static void vfio_mig_log_drop(struct vfio_mig_log *log)
{
	struct vfio_mig_dirty_map *map = vfio_mig_log_map(log);

	RCU_INIT_POINTER(log->map, NULL);
	synchronize_rcu();
	vfio_mig_dirty_map_free(map);
}

static int vfio_mig_log_begin(struct vfio_mig_log *log,
			      struct vfio_mig_dirty_map *map)
{
	int ret = 0;

	WRITE_ONCE(log->lost, false);
	rcu_assign_pointer(log->map, map);
	/*
	 * Who did not see the map has not marked what it wrote; but then it is
	 * there for the user, who reads it after this, to be seen.
	 */
	synchronize_rcu();
	if (log->ops->start)
		ret = log->ops->start(log, map->ranges, map->nr,
				      1ULL << map->shift);
	if (ret)
		vfio_mig_log_drop(log);
	return ret;
}

static int vfio_mig_log_start(struct vfio_device *vdev,
			      struct rb_root_cached *ranges, u32 nnodes,
			      u64 *page_size)
{
	struct vfio_mig_log *log = vfio_mig_log_of(vdev);
	const u64 size = vfio_mig_dirty_page_size(log->ops->page_sizes,
						  *page_size);
	struct vfio_mig_dirty_map *map;
	int ret;

	if (!size)
		return -EINVAL;
	guard(mutex)(&log->lock);
	if (vfio_mig_log_map(log))
		return -EINVAL;
	map = vfio_mig_dirty_map_new(ranges, nnodes, log->ops->max_ranges, size);
	if (IS_ERR(map))
		return PTR_ERR(map);
	ret = vfio_mig_log_begin(log, map);
	if (!ret)
		*page_size = size;
	return ret;
}

/**
 * vfio_mig_log_close - the last user has closed the device
 * @log: the log, started or not
 *
 * Logging is off, and what was logged is forgotten.
 *
 * Context: from vfio_device_ops.close_device, before the hardware is disabled.
 */
void vfio_mig_log_close(struct vfio_mig_log *log)
{
	guard(mutex)(&log->lock);
	if (!vfio_mig_log_map(log))
		return;
	if (log->ops->stop)
		log->ops->stop(log);
	vfio_mig_log_drop(log);
}
EXPORT_SYMBOL_GPL(vfio_mig_log_close);

static int vfio_mig_log_stop(struct vfio_device *vdev)
{
	vfio_mig_log_close(vfio_mig_log_of(vdev));
	return 0;
}

/**
 * struct vfio_mig_log_listener - who gets a report
 * @bitmap: the user's
 * @bytes: that were said to be dirty
 */
struct vfio_mig_log_listener {
	struct iova_bitmap *bitmap;
	u64 bytes;
};

static void vfio_mig_log_tell(void *arg, u64 iova, u64 len)
{
	struct vfio_mig_log_listener *listener = arg;

	iova_bitmap_set(listener->bitmap, iova, len);
	listener->bytes += len;
}

/*
 * What cannot be asked for changes nothing.  But once the log may have been
 * cleared for a user who learns of an error only, it is not complete any more.
 */
static int vfio_mig_log_report(struct vfio_mig_log *log, u64 iova, u64 len,
			       struct vfio_mig_log_listener *listener)
{
	struct vfio_mig_dirty_map *map = vfio_mig_log_map(log);
	int ret;

	if (!map || !len || !vfio_mig_dirty_map_covers(map, iova, len))
		return -EINVAL;
	if (READ_ONCE(log->lost))
		return -EIO;
	if (log->ops->sync) {
		ret = log->ops->sync(log, iova, len);
		if (ret) {
			vfio_mig_log_lost(log);
			return ret;
		}
	}
	vfio_mig_dirty_map_take(map, iova, len, vfio_mig_log_tell, listener);
	return READ_ONCE(log->lost) ? -EIO : 0;
}

static int vfio_mig_log_read_and_clear(struct vfio_device *vdev,
				       unsigned long iova, unsigned long length,
				       struct iova_bitmap *dirty)
{
	struct vfio_mig_log *log = vfio_mig_log_of(vdev);
	struct vfio_mig_log_listener listener = { .bitmap = dirty };
	int ret;

	guard(mutex)(&log->lock);
	ret = vfio_mig_log_report(log, iova, length, &listener);
	trace_vfio_mig_dirty_report(vdev, iova, length, listener.bytes, ret);
	return ret;
}

/**
 * vfio_mig_log_lost - the log is incomplete
 * @log: the log, started or not
 *
 * For a driver whose hardware has lost its log, by a reset, an overflow or an
 * error: all reports fail until logging is stopped and started again.
 *
 * Context: any.
 */
void vfio_mig_log_lost(struct vfio_mig_log *log)
{
	WRITE_ONCE(log->lost, true);
}
EXPORT_SYMBOL_GPL(vfio_mig_log_lost);

/**
 * vfio_mig_log_mark - the device has written memory
 * @log: the log, started or not
 * @iova: where; what is not watched is ignored
 * @len: bytes
 *
 * To be called after the data are written, for a page that is reported before
 * would be copied too early and never again; and before the device says that it
 * is done, for whoever hears of it may ask for the log.  No page is ever lost:
 * if there is no memory, more than what was written is dirty.
 *
 * Context: any but NMI; takes no lock that is held for long.
 */
void vfio_mig_log_mark(struct vfio_mig_log *log, u64 iova, u64 len)
{
	struct vfio_mig_dirty_map *map;

	/* Also while logging is off, see vfio_mig_log_begin(). */
	guard(rcu)();
	map = rcu_dereference(log->map);
	if (map)
		vfio_mig_dirty_map_mark(map, iova, len);
}
EXPORT_SYMBOL_GPL(vfio_mig_log_mark);

/**
 * vfio_mig_log_init - offer DMA logging
 * @log: to be initialized; lives as long as @vdev
 * @vdev: the device, not yet registered
 * @ops: the driver's properties and callbacks
 *
 * In kernels without iova_bitmap (CONFIG_IOMMUFD_DRIVER) vfio core would let
 * logging be started, but not reported: there the device does not offer it, and
 * the other functions do nothing.
 *
 * Context: from vfio_device_ops.init.
 * Return: 0, or -EINVAL for properties that cannot be.
 */
int vfio_mig_log_init(struct vfio_mig_log *log, struct vfio_device *vdev,
		      const struct vfio_mig_log_ops *ops)
{
	if (!ops->page_sizes || ops->page_sizes >> 48 || !ops->max_ranges)
		return -EINVAL;
	mutex_init(&log->lock);
	RCU_INIT_POINTER(log->map, NULL);
	log->ops = ops;
	log->lost = false;
	log->core_ops.log_start = vfio_mig_log_start;
	log->core_ops.log_stop = vfio_mig_log_stop;
	log->core_ops.log_read_and_clear = vfio_mig_log_read_and_clear;
	if (IS_ENABLED(CONFIG_IOMMUFD_DRIVER))
		vdev->log_ops = &log->core_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_mig_log_init);

/**
 * vfio_mig_log_destroy - opposite of vfio_mig_log_init()
 * @log: the log, closed
 *
 * Context: from vfio_device_ops.release.
 */
void vfio_mig_log_destroy(struct vfio_mig_log *log)
{
	WARN_ON(rcu_access_pointer(log->map));
	mutex_destroy(&log->lock);
}
EXPORT_SYMBOL_GPL(vfio_mig_log_destroy);

MODULE_INFO(import_ns, "IOMMUFD");	/* for iova_bitmap_set() */
