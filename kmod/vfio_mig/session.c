// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: sessions, the objects behind a data_fd.
 *
 * A session is an object of its own, held by its file and by the device.  When
 * the state machine leaves the transfer state, at a reset, or when the device
 * goes away, the device cuts the session off under @lock; from then on the
 * file operations find nothing of the device and answer ENODEV.
 *
 * Two locks.  @io_lock is held across copies from and to user memory, which
 * may fault, wait for a mapped BAR, and so for a reset to end: nothing that
 * runs in a reset may take it.  It serializes users of a file, for stream
 * files have no lock for the position.  @lock protects what the device and
 * the file share; nothing faults under it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>

#include "internal.h"
#include "trace.h"

static atomic64_t vfio_mig_session_ids;

static void vfio_mig_session_free(struct kref *ref)
{
	struct vfio_mig_session *s =
		container_of(ref, struct vfio_mig_session, ref);

	vfio_mig_buf_destroy(&s->buf);
	release_pages(s->batch, s->nr);
	mem_cgroup_put(s->memcg);
	mutex_destroy(&s->lock);
	mutex_destroy(&s->io_lock);
	kfree(s->bounce);
	kfree(s);
}

/**
 * vfio_mig_session_put - drop a reference
 * @s: the session
 */
void vfio_mig_session_put(struct vfio_mig_session *s)
{
	kref_put(&s->ref, vfio_mig_session_free);
}

/**
 * vfio_mig_session_get - the open session of a device
 * @mig: the device's migration
 *
 * Context: any lock but the session's may be held.
 * Return: the session with a reference, or NULL.
 */
struct vfio_mig_session *vfio_mig_session_get(struct vfio_mig *mig)
{
	struct vfio_mig_session *s;

	spin_lock(&mig->reset_lock);
	s = mig->session;
	if (s)
		kref_get(&s->ref);
	spin_unlock(&mig->reset_lock);
	return s;
}

/**
 * vfio_mig_session_lock_io - become the one user of the file
 * @s: the session
 * @iocb: what wants to read or write
 *
 * Return: 0, -EAGAIN if it must not wait, or -EINTR.
 */
int vfio_mig_session_lock_io(struct vfio_mig_session *s,
			     const struct kiocb *iocb)
{
	if (iocb->ki_flags & IOCB_NOWAIT || iocb->ki_filp->f_flags & O_NONBLOCK)
		return mutex_trylock(&s->io_lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&s->io_lock);
}

/**
 * vfio_mig_session_state - may anything be transferred?
 * @s: the session, its lock held
 *
 * Return: 0, -ENODEV after its end, or its first error.
 */
int vfio_mig_session_state(const struct vfio_mig_session *s)
{
	return s->mig ? s->err : -ENODEV;
}

/**
 * vfio_mig_session_wake - whoever waits for data should look again
 * @s: the session
 *
 * Context: any.
 */
void vfio_mig_session_wake(struct vfio_mig_session *s)
{
	atomic_inc(&s->events);
	wake_up_all(&s->wait);
}

static struct vfio_mig_session *
vfio_mig_session_alloc(struct vfio_mig *mig, enum vfio_device_mig_state state)
{
	const struct vfio_mig_ops *ops = mig->ops;
	struct vfio_mig_session *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	s->loading = state == VFIO_DEVICE_STATE_RESUMING;
	s->direct = s->loading ? ops->load_write : ops->save_read;
	s->queued = !s->loading && !s->direct && ops->queue_max;
	s->precopy = !s->loading && state != VFIO_DEVICE_STATE_STOP_COPY;
	s->mig = mig;
	s->id = atomic64_inc_return(&vfio_mig_session_ids);
	kref_init(&s->ref);
	mutex_init(&s->io_lock);
	mutex_init(&s->lock);
	init_waitqueue_head(&s->wait);
	vfio_mig_buf_init(&s->buf, s->loading && ops->load_max ?
			  ops->load_max(mig) : U64_MAX);
	s->memcg = get_mem_cgroup_from_mm(current->mm);
	return s;
}

static struct file *vfio_mig_session_file(struct vfio_mig_session *s)
{
	struct file *filp;

	if (s->loading)
		filp = anon_inode_getfile("[vfio-mig-load]", &vfio_mig_load_fops,
					  s, O_WRONLY);
	else
		filp = anon_inode_getfile("[vfio-mig-save]", &vfio_mig_save_fops,
					  s, O_RDONLY);
	if (!IS_ERR(filp))
		stream_open(filp->f_inode, filp);
	return filp;
}

/**
 * vfio_mig_session_open - a session and its file, with no data in it yet
 * @mig: the device's migration, state mutex held, no session open
 * @state: the transfer state that will be entered
 *
 * Called before the hardware is asked for anything, so that nothing is left to
 * fail afterwards.
 *
 * Return: the file, or an error pointer; then nothing is left behind.
 */
struct file *vfio_mig_session_open(struct vfio_mig *mig,
				   enum vfio_device_mig_state state)
{
	struct vfio_mig_session *s = vfio_mig_session_alloc(mig, state);
	struct vfio_mig_event event = { .type = VFIO_MIG_SESSION_BEGUN };
	struct file *filp;

	if (!s)
		return ERR_PTR(-ENOMEM);
	filp = vfio_mig_session_file(s);
	if (IS_ERR(filp)) {
		vfio_mig_session_put(s);
		return filp;
	}
	/* The first reference is the file's, this one the device's. */
	kref_get(&s->ref);
	spin_lock(&mig->reset_lock);
	mig->session = s;
	spin_unlock(&mig->reset_lock);
	mig->stats.sessions++;
	trace_vfio_mig_session_open(mig->vdev, s->id, state);
	event.loading = s->loading;
	vfio_mig_notify(mig, &event);
	return filp;
}

/**
 * vfio_mig_session_save - have the driver append the state of a stopped device
 * @s: the session, the device's state mutex held
 *
 * After a pre-copy, the rest of it; the end of the data is one for good now.
 *
 * Return: 0 or an error, which the reader gets as well: part of the data may be
 * in the stream.
 */
int vfio_mig_session_save(struct vfio_mig_session *s)
{
	mutex_lock(&s->lock);
	s->produced = false;
	s->produce_err = 0;
	if (!s->err && s->mig->ops->save)
		s->err = s->mig->ops->save(s->mig, &s->buf);
	if (!s->err)
		s->precopy = false;
	mutex_unlock(&s->lock);
	vfio_mig_session_wake(s);
	return s->err;
}

/**
 * vfio_mig_session_commit - give the loaded state to the device
 * @s: a loading session, the device's state mutex held
 *
 * Return: 0; else the first error of the session, which stays.
 */
int vfio_mig_session_commit(struct vfio_mig_session *s)
{
	mutex_lock(&s->lock);
	if (!s->err)
		s->err = s->mig->ops->load(s->mig, &s->buf);
	mutex_unlock(&s->lock);
	return s->err;
}

/**
 * vfio_mig_session_count - add what went through a session
 * @s: the session, its device's state mutex held
 * @stats: to these numbers
 */
void vfio_mig_session_count(const struct vfio_mig_session *s,
			    struct vfio_mig_stats *stats)
{
	const u64 bytes = READ_ONCE(s->pos), calls = READ_ONCE(s->calls);

	if (s->loading) {
		stats->writes += calls;
		stats->bytes_written += bytes;
	} else {
		stats->reads += calls;
		stats->bytes_read += bytes;
	}
}

/**
 * vfio_mig_session_end - cut the session off its device
 * @s: the session; the device's reference is dropped
 *
 * Frees the data at once, whoever still holds the file; but for a batch of pages
 * that a reader may be copying from.
 *
 * Context: may sleep, but never waits for a user of the file.
 */
void vfio_mig_session_end(struct vfio_mig_session *s)
{
	struct vfio_mig_event event = { .type = VFIO_MIG_SESSION_ENDED };
	struct vfio_mig *mig = s->mig;

	vfio_mig_session_count(s, &mig->stats);
	mutex_lock(&s->lock);
	trace_vfio_mig_session_end(s->mig->vdev, s->id, READ_ONCE(s->pos), s->err);
	event.loading = s->loading;
	event.bytes = READ_ONCE(s->pos);
	event.error = s->err;
	s->mig = NULL;
	vfio_mig_buf_destroy(&s->buf);
	mutex_unlock(&s->lock);
	vfio_mig_session_wake(s);
	vfio_mig_session_put(s);
	vfio_mig_notify(mig, &event);
}
