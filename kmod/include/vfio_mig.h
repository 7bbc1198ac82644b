/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_mig: a library for VFIO drivers of migratable devices.
 *
 * A driver embeds a struct vfio_mig in its device, fills a struct vfio_mig_ops
 * with what its hardware does at each step, and calls vfio_mig_init() before
 * it registers the vfio_device.  The library supplies the vfio_migration_ops,
 * walks the state machine of <linux/vfio.h>, owns the data_fd files and their
 * data, and orders all of this against resets and the end of the device.
 *
 * What lives here is the whole interface for a driver; nothing of PCI.
 */
#ifndef VFIO_MIG_H
#define VFIO_MIG_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

struct vfio_mig;
struct vfio_mig_session;

/**
 * struct vfio_mig_buf - bytes of a device state, in pages
 * @pages: page n holds the bytes from n * PAGE_SIZE
 * @start: bytes before this are not needed any more, and may be gone
 * @len: bytes that were ever added
 * @max: most bytes between @start and @len
 *
 * All memory is charged to the task that adds it.  The owner serializes.
 */
struct vfio_mig_buf {
	struct xarray pages;
	u64 start;
	u64 len;
	u64 max;
};

int vfio_mig_buf_append(struct vfio_mig_buf *buf, const void *data, size_t len);
int vfio_mig_buf_read(const struct vfio_mig_buf *buf, u64 offset, void *data,
		      size_t len);
void vfio_mig_buf_consume(struct vfio_mig_buf *buf, u64 start);

/**
 * struct vfio_mig_ops - what a driver's hardware does
 * @step: called first on every arc, with the state left and the state entered;
 *	  for drivers whose hardware wants to be told of the states themselves
 * @p2p_begin: RUNNING -> RUNNING_P2P: start no more DMA that may reach another
 *	       device; what was started is done when this returns
 * @p2p_end: RUNNING_P2P -> RUNNING
 * @stop: -> STOP, from RUNNING_P2P or, for devices without P2P, from RUNNING:
 *	  no DMA, no interrupt, no change of internal state from here on
 * @start: STOP -> RUNNING_P2P, or RUNNING for devices without P2P
 * @precopy_begin: -> PRE_COPY or PRE_COPY_P2P: from here on note what changes
 * @precopy_end: PRE_COPY -> RUNNING or PRE_COPY_P2P -> RUNNING_P2P: no more
 *		 interest in changes; the session has ended
 * @precopy_fill: the reader has come to the end: append some more data, of which
 *		  there is a useful piece at a time; nothing if there is none now.
 *		  Called with the session's lock held: no faulting on user memory
 * @precopy_size: bytes that @precopy_fill has still to append: of what there was
 *		  at the beginning, and of what has changed since.  Called as
 *		  @precopy_fill
 * @save: STOP -> STOP_COPY: append the complete state to @buf; after a pre-copy
 *	  what its data do not hold.  With @save_fill: as much of that as is useful
 *	  now, or nothing
 * @save_fill: the reader has come to the end of what @save has appended, and then
 *	       of each piece: append the next one; nothing at the end of the state.
 *	       For states that shall not lie in memory as a whole.  An error is the
 *	       reader's, for the rest of the session.  Called as @precopy_fill
 * @save_end: STOP_COPY -> STOP: the data was read, or nobody wants it any more;
 *	      the session has ended, even if this fails
 * @load_begin: STOP -> RESUMING
 * @load_check: more of the stream has come; what the driver has understood it
 *		may keep and take out with vfio_mig_buf_consume().  An error fails
 *		this and all later writes, and the commit.  Called with the
 *		session's lock held: no faulting on user memory
 * @load: RESUMING -> STOP: the stream has ended: verify it as a whole, then apply
 *	  it.  On error nothing may have been applied, and the device stays in
 *	  RESUMING
 * @load_end: RESUMING was left, by @load or by a reset: drop what was kept
 * @reset: the device was reset: forget what belongs to a migration; it is in
 *	   RUNNING now.  Called with the state mutex held, possibly under locks
 *	   of vfio-pci-core, so it must not touch user memory.
 * @data_size: bytes that STOP_COPY would deliver now, an estimate
 * @load_max: most bytes of a stream that may wait for @load_check
 *
 * All are optional but @save, @load, @data_size, @load_max, and the four for
 * pre-copy if the device offers it.  All may sleep
 * and are called with the state mutex of @mig held, unless it says otherwise.
 * An arc whose callback fails is not taken: the device is in the state that it
 * would have left, unless the callback has called vfio_mig_set_error().
 */
struct vfio_mig_ops {
	int (*step)(struct vfio_mig *mig, enum vfio_device_mig_state from,
		    enum vfio_device_mig_state to);
	int (*p2p_begin)(struct vfio_mig *mig);
	int (*p2p_end)(struct vfio_mig *mig);
	int (*stop)(struct vfio_mig *mig);
	int (*start)(struct vfio_mig *mig);
	int (*precopy_begin)(struct vfio_mig *mig);
	void (*precopy_end)(struct vfio_mig *mig);
	int (*precopy_fill)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	void (*precopy_size)(struct vfio_mig *mig, u64 *initial, u64 *dirty);
	int (*save)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	int (*save_fill)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	int (*save_end)(struct vfio_mig *mig);
	int (*load_begin)(struct vfio_mig *mig);
	int (*load_check)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	int (*load)(struct vfio_mig *mig, const struct vfio_mig_buf *buf);
	void (*load_end)(struct vfio_mig *mig);
	void (*reset)(struct vfio_mig *mig);
	u64 (*data_size)(struct vfio_mig *mig);
	u64 (*load_max)(struct vfio_mig *mig);
};

/**
 * struct vfio_mig - migration of one device
 * @vdev: the device
 * @ops: the driver's callbacks
 * @core_ops: what vfio core calls; also how the library finds this struct
 * @state_mutex: protects @state and @session, and orders the callbacks
 * @state: where the device is
 * @session: the open data_fd session, or NULL
 * @reset_lock: protects @deferred_reset, the release of @state_mutex, and
 *		@session against its end for those without the mutex
 * @deferred_reset: a reset happened while @state_mutex was held; whoever
 *		    releases it does the work
 *
 * The members are the library's own; a driver reads none of them.
 */
struct vfio_mig {
	struct vfio_device *vdev;
	const struct vfio_mig_ops *ops;
	struct vfio_migration_ops core_ops;
	struct mutex state_mutex;
	enum vfio_device_mig_state state;
	struct vfio_mig_session *session;
	spinlock_t reset_lock;
	bool deferred_reset;
};

int vfio_mig_init(struct vfio_mig *mig, struct vfio_device *vdev,
		  const struct vfio_mig_ops *ops, u32 flags);
void vfio_mig_destroy(struct vfio_mig *mig);
void vfio_mig_open(struct vfio_mig *mig);
void vfio_mig_close(struct vfio_mig *mig);
void vfio_mig_reset_done(struct vfio_mig *mig);
void vfio_mig_set_error(struct vfio_mig *mig);
void vfio_mig_precopy_wake(struct vfio_mig *mig);

#endif /* VFIO_MIG_H */
