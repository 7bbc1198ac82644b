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

struct dentry;
struct iov_iter;
struct page;
struct sg_table;
struct vfio_mig;
struct vfio_mig_faults;
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
int vfio_mig_buf_add_page(struct vfio_mig_buf *buf, struct page *page,
			  size_t len);
int vfio_mig_buf_extend(struct vfio_mig_buf *buf, size_t len);
void *vfio_mig_buf_map(const struct vfio_mig_buf *buf, u64 offset, size_t len);
void vfio_mig_buf_unmap(void *addr);
int vfio_mig_buf_sg(const struct vfio_mig_buf *buf, u64 offset, size_t len,
		    struct sg_table *sgt);

/**
 * enum vfio_mig_event_type - what has happened
 * @VFIO_MIG_STATE_CHANGED: an arc was taken, or has failed; or, without an arc, the
 *			    device was opened or closed and is in RUNNING now
 * @VFIO_MIG_SESSION_BEGUN: there is a data_fd; the arc that opens it comes next
 * @VFIO_MIG_SESSION_ENDED: the data_fd is cut off from the device; what has ended it
 *			    comes next
 * @VFIO_MIG_RESET: the device was reset and is in RUNNING
 */
enum vfio_mig_event_type {
	VFIO_MIG_STATE_CHANGED,
	VFIO_MIG_SESSION_BEGUN,
	VFIO_MIG_SESSION_ENDED,
	VFIO_MIG_RESET,
};

/**
 * struct vfio_mig_event - something that has happened
 * @type: what
 * @from: state left, of a change of state or a reset
 * @to: state asked for, likewise
 * @state: state that the device is in now, likewise
 * @ns: nanoseconds that an arc has taken
 * @loading: the session is for loading
 * @bytes: that went through the data_fd, at the session's end
 * @error: 0 or the error of the arc, or the first of the session
 */
struct vfio_mig_event {
	enum vfio_mig_event_type type;
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	enum vfio_device_mig_state state;
	u64 ns;
	bool loading;
	u64 bytes;
	int error;
};

/**
 * struct vfio_mig_ops - what a driver's hardware does
 * @step: called first on every arc, with the state left and the state entered;
 *	  for drivers whose hardware wants to be told of the states themselves.
 *	  Called once more, with the two exchanged, if what follows fails; an error
 *	  of that leads to ERROR
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
 * @precopy_size: bytes that @precopy_fill (or @save_read, or the producer) has
 *		  still to deliver: of what there was at the beginning, and of what
 *		  has changed since; both are 0 when called.  Called as @precopy_fill
 * @save: STOP -> STOP_COPY: append the complete state to @buf; after a pre-copy
 *	  what its data do not hold.  With @save_fill: as much of that as is useful
 *	  now, or nothing; with @queue_max: set the producer going.  Called as
 *	  @precopy_fill
 * @save_fill: the reader has come to the end of what @save has appended, and then
 *	       of each piece: append the next one; nothing at the end of the state.
 *	       For states that shall not lie in memory as a whole.  An error is the
 *	       reader's, for the rest of the session.  Called as @precopy_fill
 * @save_read: pass-through: there is no buffer, the driver copies to the reader
 *	       itself with copy_to_iter(), and takes from its device only what it has
 *	       copied.  Return: bytes; 0 at the end; -ENOMSG at the end for the moment,
 *	       in pre-copy; -EAGAIN if the reader shall wait for vfio_mig_wake();
 *	       -EFAULT if nothing could be copied, for page faults are off: the
 *	       library sees to the page and calls again.  Called as @precopy_fill
 * @save_end: STOP_COPY -> STOP: the data was read, or nobody wants it any more;
 *	      the session has ended, even if this fails
 * @queue_max: data come by vfio_mig_push(); at most so many bytes ahead of the
 *	       reader.  In STOP_COPY the reader waits until vfio_mig_push_end()
 * @queue_room: the reader has made room in a queue that was full.  Called as
 *		@precopy_fill, so push from elsewhere
 * @load_begin: STOP -> RESUMING
 * @load_check: more of the stream has come; what the driver has understood it
 *		may keep and take out with vfio_mig_buf_consume().  An error fails
 *		this and all later writes, and the commit.  Called with the
 *		session's lock held: no faulting on user memory
 * @load_write: pass-through: there is no buffer, the driver copies from the writer
 *		itself with copy_from_iter().  Return: bytes, at least one; -EFAULT as
 *		for @save_read; another error fails all later writes, and the commit.
 *		Called as @load_check
 * @load: RESUMING -> STOP: the stream has ended: verify it as a whole, then apply
 *	  it.  On error nothing may have been applied, and the device stays in
 *	  RESUMING.  Called as @load_check
 * @load_end: RESUMING was left, by @load, by a reset or for ERROR: drop what was
 *	      kept
 * @reset: the device was reset: forget what belongs to a migration; it is in
 *	   RUNNING now.  Called with the state mutex held, possibly under locks
 *	   of vfio-pci-core, so it must not touch user memory.
 * @data_size: bytes that STOP_COPY would deliver now, an estimate
 * @load_max: most bytes of a stream that may wait for @load_check
 * @notify: something has happened that somebody may want to be told of; not to act
 *	    on it.  Called in the order in which things happen, with the state mutex
 *	    held, possibly under locks of vfio-pci-core: it must not touch user memory
 *	    nor wait for anybody
 *
 * Needed are a way to save (@save, @save_fill, @save_read or @queue_max), @load,
 * @load_max or @load_write, @data_size, and for a device that offers pre-copy
 * @precopy_begin, @precopy_end, @precopy_size and @precopy_fill or @save_read.
 * Others that are missing mean that there is nothing to do.  All may sleep and are
 * called with the state mutex of @mig held, unless it says otherwise; those with the
 * session's lock may run without the mutex, but never at the same time as another of
 * them, nor after the session's end.
 *
 * When a session is to be opened, it is there before the callbacks of the arc.
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
	ssize_t (*save_read)(struct vfio_mig *mig, struct iov_iter *to);
	int (*save_end)(struct vfio_mig *mig);
	u64 queue_max;
	void (*queue_room)(struct vfio_mig *mig);
	int (*load_begin)(struct vfio_mig *mig);
	int (*load_check)(struct vfio_mig *mig, struct vfio_mig_buf *buf);
	ssize_t (*load_write)(struct vfio_mig *mig, struct iov_iter *from);
	int (*load)(struct vfio_mig *mig, const struct vfio_mig_buf *buf);
	void (*load_end)(struct vfio_mig *mig);
	void (*reset)(struct vfio_mig *mig);
	u64 (*data_size)(struct vfio_mig *mig);
	u64 (*load_max)(struct vfio_mig *mig);
	void (*notify)(struct vfio_mig *mig, const struct vfio_mig_event *event);
};

#define VFIO_MIG_NR_ARCS	18

/**
 * struct vfio_mig_arc_stats - what became of the requests for one arc
 * @taken: how often it was
 * @failed: how often a callback failed, or memory
 * @ns: nanoseconds of all that were taken, together
 * @max_ns: nanoseconds of the longest
 */
struct vfio_mig_arc_stats {
	u64 taken;
	u64 failed;
	u64 ns;
	u64 max_ns;
};

/**
 * struct vfio_mig_stats - what a device's migration has done since vfio_mig_init(),
 * or since vfio_mig_stats_zero()
 * @arcs: by arc, in the order of the library's table
 * @refused: requests that the state machine has no way for
 * @resets: of the device
 * @sessions: that were opened
 * @reads: reads and splices of a data_fd
 * @bytes_read: by them
 * @writes: of a data_fd
 * @bytes_written: by them
 * @precopy_queries: VFIO_MIG_GET_PRECOPY_INFO
 *
 * Under the state mutex, but @precopy_queries, which belongs to the open session's
 * lock.  What goes through a session is added at its end.
 */
struct vfio_mig_stats {
	struct vfio_mig_arc_stats arcs[VFIO_MIG_NR_ARCS];
	u64 refused;
	u64 resets;
	u64 sessions;
	u64 reads;
	u64 bytes_read;
	u64 writes;
	u64 bytes_written;
	u64 precopy_queries;
};

/**
 * struct vfio_mig_stats_now - the counters, and what goes with them
 * @stats: the counters
 * @state: where the device is
 * @open: a session is open
 */
struct vfio_mig_stats_now {
	struct vfio_mig_stats stats;
	enum vfio_device_mig_state state;
	bool open;
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
 * @stats: counters
 * @debugfs: their directory, or NULL
 * @faults: what shall fail, or NULL
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
	struct vfio_mig_stats stats;
	struct dentry *debugfs;
	struct vfio_mig_faults *faults;
};

int vfio_mig_init(struct vfio_mig *mig, struct vfio_device *vdev,
		  const struct vfio_mig_ops *ops, u32 flags);
void vfio_mig_destroy(struct vfio_mig *mig);
void vfio_mig_open(struct vfio_mig *mig);
void vfio_mig_close(struct vfio_mig *mig);
void vfio_mig_stats_get(struct vfio_mig *mig, struct vfio_mig_stats_now *now);
void vfio_mig_stats_zero(struct vfio_mig *mig, struct vfio_mig_stats_now *before);
void vfio_mig_arc_ends(unsigned int nr, enum vfio_device_mig_state *from,
		       enum vfio_device_mig_state *to);
void vfio_mig_debugfs_add(struct vfio_mig *mig);
void vfio_mig_debugfs_remove(struct vfio_mig *mig);
void vfio_mig_reset_done(struct vfio_mig *mig);
void vfio_mig_set_error(struct vfio_mig *mig);
void vfio_mig_wake(struct vfio_mig *mig);
void vfio_mig_precopy_reinit(struct vfio_mig *mig);
int vfio_mig_push(struct vfio_mig *mig, const void *data, size_t len);
int vfio_mig_push_page(struct vfio_mig *mig, struct page *page, size_t len);
void vfio_mig_push_end(struct vfio_mig *mig, int err);

#endif /* VFIO_MIG_H */
