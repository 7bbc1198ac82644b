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
 * @len: bytes in it
 * @max: most bytes that it may ever hold
 *
 * All memory is charged to the task that adds it.  The owner serializes.
 */
struct vfio_mig_buf {
	struct xarray pages;
	u64 len;
	u64 max;
};

int vfio_mig_buf_append(struct vfio_mig_buf *buf, const void *data, size_t len);
int vfio_mig_buf_read(const struct vfio_mig_buf *buf, u64 offset, void *data,
		      size_t len);

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
 * @save: STOP -> STOP_COPY: append the complete state to @buf
 * @save_end: STOP_COPY -> STOP: the data was read, or nobody wants it any more
 * @load_begin: STOP -> RESUMING
 * @load_check: more of the stream has come, @buf holds all of it so far; an
 *		error fails this and all later writes, and the commit.  Called
 *		with the session's lock held: no faulting on user memory.
 * @load: RESUMING -> STOP: verify @buf as a whole, then apply it.  On error
 *	  nothing may have been applied, and the device stays in RESUMING.
 * @reset: the device was reset: forget what belongs to a migration; it is in
 *	   RUNNING now.  Called with the state mutex held, possibly under locks
 *	   of vfio-pci-core, so it must not touch user memory.
 * @data_size: bytes that STOP_COPY would deliver now, an estimate
 * @load_max: most bytes that a stream for this device can have
 *
 * All are optional but @save, @load, @data_size and @load_max.  All may sleep
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
	int (*save)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	int (*save_end)(struct vfio_mig *mig);
	int (*load_begin)(struct vfio_mig *mig);
	int (*load_check)(struct vfio_mig *mig, const struct vfio_mig_buf *buf);
	int (*load)(struct vfio_mig *mig, const struct vfio_mig_buf *buf);
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
 * @reset_lock: protects @deferred_reset, and the release of @state_mutex
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

#endif /* VFIO_MIG_H */
