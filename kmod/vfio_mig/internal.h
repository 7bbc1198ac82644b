/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of vfio_mig.ko share. */
#ifndef VFIO_MIG_INTERNAL_H
#define VFIO_MIG_INTERNAL_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/wait.h>

#include "vfio_mig.h"

struct file;
struct file_operations;
struct kiocb;
struct mem_cgroup;
struct page;

/* Pages that are moved at a time, with one turn of the session's lock. */
#define VFIO_MIG_BATCH	32

/**
 * struct vfio_mig_session - one saving or loading of a device state
 * @id: number, for tracing
 * @ref: held by the file, by the device, and by a producer that adds data
 * @io_lock: serializes readers or writers; held across copies from and to user
 *	     memory, so nothing that runs in a reset may take it
 * @pos: bytes read or written so far, under @io_lock
 * @calls: reads, splices or writes so far, under @io_lock
 * @batch: pages on their way: for a reader, taken out of @buf; under @io_lock
 * @nr: pages in @batch of a reader, under @io_lock
 * @taken: end of what was taken out of @buf, in bytes of the stream, under @io_lock
 * @bounce: where a write that does not start a page is copied to first, once
 *	    there was one; under @io_lock
 * @loading: the file is written to
 * @direct: the driver copies; @buf is not used
 * @queued: a producer adds data
 * @memcg: of the task that opened the session, for what others add to it
 * @lock: protects the members below; nothing faults under it
 * @mig: the device, NULL once the session was cut off
 * @err: first error; later transfers and the commit fail with it
 * @precopy: the device still runs: the end of the data is for the moment only
 * @produced: the asynchronous producer has ended
 * @produce_err: what readers get behind its data
 * @crowded: the producer was told that the queue is full
 * @dry: a pass-through driver had nothing when @events was @dry_at
 * @dry_at: see @dry
 * @late_initial: what is initial now was not at the beginning
 * @initial: bytes of the stream that hold what there was at the beginning
 * @buf: the data
 * @reinit: new initial data that the reader was not told of; no lock
 * @events: changes whenever a reader should look again; no lock
 * @wait: for poll, and for readers of an empty queue
 */
struct vfio_mig_session {
	u64 id;
	struct kref ref;
	struct mutex io_lock;
	u64 pos;
	u64 calls;
	struct page *batch[VFIO_MIG_BATCH];
	unsigned int nr;
	u64 taken;
	void *bounce;
	bool loading;
	bool direct;
	bool queued;
	struct mem_cgroup *memcg;

	struct mutex lock;
	struct vfio_mig *mig;
	int err;
	bool precopy;
	bool produced;
	int produce_err;
	bool crowded;
	bool dry;
	int dry_at;
	bool late_initial;
	u64 initial;
	struct vfio_mig_buf buf;

	bool reinit;
	atomic_t events;
	wait_queue_head_t wait;
};

static inline struct vfio_mig *vfio_mig_of(struct vfio_device *vdev)
{
	return container_of(vdev->mig_ops, struct vfio_mig, core_ops);
}

/* Context: state mutex held. */
static inline void vfio_mig_notify(struct vfio_mig *mig,
				   const struct vfio_mig_event *event)
{
	if (mig->ops->notify)
		mig->ops->notify(mig, event);
}

/* main.c */
void vfio_mig_end_session(struct vfio_mig *mig);
void vfio_mig_drop_session(struct vfio_mig *mig);
void vfio_mig_lock(struct vfio_mig *mig);
void vfio_mig_unlock(struct vfio_mig *mig);

/* fsm.c */
struct file *vfio_mig_set_state(struct vfio_device *vdev,
				enum vfio_device_mig_state new_state);

/* debugfs.c */
void vfio_mig_debugfs_init(void);
void vfio_mig_debugfs_exit(void);

/* fault.c */
enum vfio_mig_fault_point {
	VFIO_MIG_FAULT_ARC,
	VFIO_MIG_FAULT_READ,
	VFIO_MIG_FAULT_WRITE,
	VFIO_MIG_FAULT_PRECOPY_INFO,
};

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
int vfio_mig_fault(struct vfio_mig *mig, enum vfio_mig_fault_point point);
void vfio_mig_fault_add(struct vfio_mig *mig);
void vfio_mig_fault_free(struct vfio_mig *mig);
#else
static inline int vfio_mig_fault(struct vfio_mig *mig,
				 enum vfio_mig_fault_point point)
{
	return 0;
}

static inline void vfio_mig_fault_add(struct vfio_mig *mig)
{
}

static inline void vfio_mig_fault_free(struct vfio_mig *mig)
{
}
#endif

/* session.c */
struct file *vfio_mig_session_open(struct vfio_mig *mig,
				   enum vfio_device_mig_state state);
int vfio_mig_session_save(struct vfio_mig_session *s);
int vfio_mig_session_commit(struct vfio_mig_session *s);
void vfio_mig_session_end(struct vfio_mig_session *s);
struct vfio_mig_session *vfio_mig_session_get(struct vfio_mig *mig);
void vfio_mig_session_put(struct vfio_mig_session *s);
int vfio_mig_session_state(const struct vfio_mig_session *s);
void vfio_mig_session_count(const struct vfio_mig_session *s,
			    struct vfio_mig_stats *stats);
void vfio_mig_session_wake(struct vfio_mig_session *s);
int vfio_mig_session_lock_io(struct vfio_mig_session *s,
			     const struct kiocb *iocb);

/* save.c */
void vfio_mig_save_ask(struct vfio_mig_session *s, u64 *initial, u64 *dirty);
extern const struct file_operations vfio_mig_save_fops;

/* load.c */
extern const struct file_operations vfio_mig_load_fops;

/* buffer.c */
void vfio_mig_buf_init(struct vfio_mig_buf *buf, u64 max);
void vfio_mig_buf_destroy(struct vfio_mig_buf *buf);
u64 vfio_mig_buf_left(const struct vfio_mig_buf *buf);
size_t vfio_mig_buf_tail_room(const struct vfio_mig_buf *buf);
unsigned int vfio_mig_buf_take_pages(struct vfio_mig_buf *buf,
				     struct page **pages, unsigned int max);

#endif /* VFIO_MIG_INTERNAL_H */
