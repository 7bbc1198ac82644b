// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: reading a device state: read, splice, poll, and how much is left.
 *
 * Pages are taken out of the buffer under the session's lock, some at a time,
 * and copied, or given to a pipe, without it.  The end of the data has three
 * meanings: for the moment, while the device runs (ENOMSG); not yet, while a
 * producer is at work (the reader waits); for good (0).
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pipe_fs_i.h>
#include <linux/poll.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "../compat.h"
#include "internal.h"
#include "trace.h"

/**
 * vfio_mig_save_ask - what the driver has still to append
 * @s: a session in pre-copy, its lock held
 * @initial: bytes of what there was at the beginning
 * @dirty: bytes of what has changed since
 *
 * To users who do not know of late initial data these are changes like others:
 * their initial_bytes must only fall.
 */
void vfio_mig_save_ask(struct vfio_mig_session *s, u64 *initial, u64 *dirty)
{
	struct vfio_device *vdev = s->mig->vdev;

	*initial = 0;
	*dirty = 0;
	s->mig->ops->precopy_size(s->mig, initial, dirty);
	if (!s->late_initial || compat_precopy_info_v2(vdev))
		return;
	*dirty += *initial;
	*initial = 0;
}

/* Bytes to be read, whether they are in the buffer or the driver has them. */
static void vfio_mig_save_size(struct vfio_mig_session *s, u64 *initial,
			       u64 *dirty)
{
	const u64 pos = READ_ONCE(s->pos);
	const u64 unread = pos < s->initial ? s->initial - pos : 0;

	vfio_mig_save_ask(s, initial, dirty);
	if (s->direct)
		return;
	*initial += unread;
	*dirty += s->buf.len - pos - unread;
}

/* In pre-copy: have the driver add what there is to be read now. */
static int vfio_mig_save_fill(struct vfio_mig_session *s)
{
	u64 initial, dirty;

	vfio_mig_save_ask(s, &initial, &dirty);
	s->err = s->mig->ops->precopy_fill(s->mig, &s->buf);
	if (initial)
		s->initial = s->buf.len;
	if (s->err)
		return s->err;
	return s->buf.start < s->buf.len ? 0 : -ENOMSG;
}

/* The device is stopped: the next piece, or wait for its producer, or the end. */
static int vfio_mig_save_fill_last(struct vfio_mig_session *s)
{
	const struct vfio_mig_ops *ops = s->mig->ops;

	if (ops->save_fill)
		s->err = ops->save_fill(s->mig, &s->buf);
	if (s->err || s->buf.start < s->buf.len)
		return s->err;
	if (s->queued && !s->produced)
		return -EAGAIN;
	s->err = s->produce_err;
	return s->err;
}

/*
 * With the lock held: take pages out of the buffer, which is filled first if it is
 * empty.  Return: 0, also at the end for good; or an error.
 */
static int vfio_mig_save_take(struct vfio_mig_session *s)
{
	int ret = 0;

	if (s->buf.start == s->buf.len)
		ret = s->precopy ? vfio_mig_save_fill(s) :
				   vfio_mig_save_fill_last(s);
	if (ret)
		return ret;
	s->nr = vfio_mig_buf_take_pages(&s->buf, s->batch, VFIO_MIG_BATCH);
	s->taken = s->buf.start;
	return 0;
}

/* See that there is a batch.  Return: bytes of it to be read, or an error. */
static ssize_t vfio_mig_save_batch(struct vfio_mig_session *s)
{
	int ret;

	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	if (!ret)
		ret = s->err = vfio_mig_fault(s->mig, VFIO_MIG_FAULT_READ);
	if (!ret && s->pos == s->taken)
		ret = vfio_mig_save_take(s);
	mutex_unlock(&s->lock);
	return ret ? ret : s->taken - s->pos;
}

/* The page of the batch that is at a position of the stream. */
static struct page *vfio_mig_save_page(const struct vfio_mig_session *s, u64 pos)
{
	return s->batch[s->nr - 1 - (((s->taken - 1) >> PAGE_SHIFT) -
				     (pos >> PAGE_SHIFT))];
}

/*
 * Bytes were read.  A producer that was turned away can come again; it looks at
 * the position under the lock, so either it sees this one or we see it waiting.
 */
static void vfio_mig_save_advance(struct vfio_mig_session *s, size_t len)
{
	WRITE_ONCE(s->pos, s->pos + len);
	if (s->pos == s->taken) {
		release_pages(s->batch, s->nr);
		s->nr = 0;
	}
	if (!s->queued)
		return;
	mutex_lock(&s->lock);
	if (s->mig && s->crowded) {
		s->crowded = false;
		if (s->mig->ops->queue_room)
			s->mig->ops->queue_room(s->mig);
	}
	mutex_unlock(&s->lock);
}

/* Bytes from a position on, at most @len, that lie side by side in one piece. */
static size_t vfio_mig_save_run(const struct vfio_mig_session *s, u64 pos,
				size_t len)
{
	struct page *page = vfio_mig_save_page(s, pos), *next;
	const struct page *piece = compound_head(page);
	size_t n = PAGE_SIZE - offset_in_page(pos);

	for (; n < len; n += PAGE_SIZE) {
		next = vfio_mig_save_page(s, pos + n);
		if (next != ++page || compound_head(next) != piece)
			break;
	}
	return min(n, len);
}

/* Up to a batch of pages.  Return: bytes read, 0 at the end, or an error. */
static ssize_t vfio_mig_save_read_batch(struct vfio_mig_session *s,
					struct iov_iter *to)
{
	size_t done = 0, want, n;
	ssize_t len;
	u64 pos;

	len = vfio_mig_save_batch(s);
	if (len <= 0)
		return len;
	len = min_t(size_t, len, iov_iter_count(to));
	while (done < len) {
		pos = s->pos + done;
		want = vfio_mig_save_run(s, pos, len - done);
		n = copy_page_to_iter(vfio_mig_save_page(s, pos),
				      offset_in_page(pos), want, to);
		done += n;
		if (n < want)
			break;
	}
	vfio_mig_save_advance(s, done);
	return done ? done : -EFAULT;
}

/* The driver's answer, which must not have waited for user memory. */
static ssize_t vfio_mig_save_call_driver(struct vfio_mig_session *s,
					 struct iov_iter *to)
{
	ssize_t n;

	mutex_lock(&s->lock);
	n = vfio_mig_session_state(s);
	if (!n)
		n = s->err = vfio_mig_fault(s->mig, VFIO_MIG_FAULT_READ);
	if (!n) {
		s->dry_at = atomic_read(&s->events);
		pagefault_disable();
		n = s->mig->ops->save_read(s->mig, to);
		pagefault_enable();
		s->dry = n == -EAGAIN;
		if (n < 0 && n != -EAGAIN && n != -ENOMSG && n != -EFAULT)
			s->err = n;
	}
	mutex_unlock(&s->lock);
	return n;
}

static ssize_t vfio_mig_save_read_direct(struct vfio_mig_session *s,
					 struct iov_iter *to)
{
	size_t want;
	ssize_t n;

	for (;;) {
		n = vfio_mig_save_call_driver(s, to);
		if (n != -EFAULT)
			break;
		want = min_t(size_t, iov_iter_count(to), PAGE_SIZE);
		if (fault_in_iov_iter_writeable(to, want) == want ||
		    fatal_signal_pending(current))
			break;
		cond_resched();
	}
	if (n > 0)
		vfio_mig_save_advance(s, n);
	return n;
}

/* A piece, once there is one.  Return: bytes, 0 at the end, or an error. */
static ssize_t vfio_mig_save_read_some(struct vfio_mig_session *s,
				       struct iov_iter *to, bool wait)
{
	ssize_t n;
	int seen;

	for (;;) {
		seen = atomic_read(&s->events);
		n = s->direct ? vfio_mig_save_read_direct(s, to) :
				vfio_mig_save_read_batch(s, to);
		if (n != -EAGAIN || !wait)
			return n;
		n = wait_event_interruptible(s->wait,
					     atomic_read(&s->events) != seen);
		if (n)
			return n;
	}
}

static bool vfio_mig_save_may_wait(const struct kiocb *iocb)
{
	return !(iocb->ki_flags & IOCB_NOWAIT) &&
	       !(iocb->ki_filp->f_flags & O_NONBLOCK);
}

static ssize_t vfio_mig_save_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct vfio_mig_session *s = iocb->ki_filp->private_data;
	ssize_t done = 0, n;

	n = vfio_mig_session_lock_io(s, iocb);
	if (n)
		return n;
	while (iov_iter_count(to)) {
		n = vfio_mig_save_read_some(s, to,
					    !done && vfio_mig_save_may_wait(iocb));
		if (n <= 0)
			break;
		done += n;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	n = done ? done : n;
	WRITE_ONCE(s->calls, s->calls + 1);
	trace_vfio_mig_read(s->id, s->pos, n);
	mutex_unlock(&s->io_lock);
	return n;
}

static void vfio_mig_save_spd_release(struct splice_pipe_desc *spd,
				      unsigned int i)
{
	put_page(spd->pages[i]);
}

/* Give up to a batch of pages to a pipe as they are. */
static ssize_t vfio_mig_save_splice_batch(struct vfio_mig_session *s,
					  struct pipe_inode_info *pipe,
					  size_t len)
{
	struct partial_page partial[VFIO_MIG_BATCH] = {};
	struct page *pages[VFIO_MIG_BATCH];
	struct splice_pipe_desc spd = {
		.pages = pages,
		.partial = partial,
		.nr_pages_max = VFIO_MIG_BATCH,
		.ops = &nosteal_pipe_buf_ops,
		.spd_release = vfio_mig_save_spd_release,
	};
	struct partial_page *part;
	u64 pos, end;
	ssize_t n;

	n = vfio_mig_save_batch(s);
	if (n <= 0)
		return n;
	end = s->pos + min_t(size_t, n, len);
	for (pos = s->pos; pos < end; pos += part->len) {
		part = &partial[spd.nr_pages];
		part->offset = offset_in_page(pos);
		part->len = min_t(u64, end - pos, PAGE_SIZE - part->offset);
		pages[spd.nr_pages] = vfio_mig_save_page(s, pos);
		get_page(pages[spd.nr_pages++]);
	}
	n = splice_to_pipe(pipe, &spd);
	if (n > 0)
		vfio_mig_save_advance(s, n);
	return n;
}

static ssize_t vfio_mig_save_splice_some(struct vfio_mig_session *s,
					 struct pipe_inode_info *pipe,
					 size_t len, bool wait)
{
	ssize_t n;
	int seen;

	for (;;) {
		seen = atomic_read(&s->events);
		n = vfio_mig_save_splice_batch(s, pipe, len);
		if (n != -EAGAIN || !wait)
			return n;
		n = wait_event_interruptible(s->wait,
					     atomic_read(&s->events) != seen);
		if (n)
			return n;
	}
}

/*
 * The buffer's pages go to the pipe without a copy: nobody writes to a page once
 * it was appended, but behind its last byte.
 */
static ssize_t vfio_mig_save_splice(struct file *filp, loff_t *ppos,
				    struct pipe_inode_info *pipe, size_t len,
				    unsigned int flags)
{
	struct vfio_mig_session *s = filp->private_data;
	const bool wait = !(flags & SPLICE_F_NONBLOCK) &&
			  !(filp->f_flags & O_NONBLOCK);
	ssize_t done = 0, n;

	if (s->direct)
		return copy_splice_read(filp, ppos, pipe, len, flags);
	if (!wait)
		n = mutex_trylock(&s->io_lock) ? 0 : -EAGAIN;
	else
		n = mutex_lock_interruptible(&s->io_lock);
	if (n)
		return n;
	while (done < len &&
	       !pipe_full(pipe->head, pipe->tail, pipe->max_usage)) {
		n = vfio_mig_save_splice_some(s, pipe, len - done, wait && !done);
		if (n <= 0)
			break;
		done += n;
	}
	n = done ? done : n;
	WRITE_ONCE(s->calls, s->calls + 1);
	trace_vfio_mig_splice(s->id, s->pos, n);
	mutex_unlock(&s->io_lock);
	return n;
}

/* The end for good is readable; the end for the moment, or not yet, is not. */
static bool vfio_mig_save_is_readable(struct vfio_mig_session *s)
{
	u64 initial, dirty;

	if (vfio_mig_session_state(s))
		return true;
	if (s->precopy) {
		vfio_mig_save_size(s, &initial, &dirty);
		return initial || dirty;
	}
	if (s->direct)
		return !s->dry || s->dry_at != atomic_read(&s->events);
	return s->produced || !s->queued || READ_ONCE(s->pos) < s->buf.len;
}

static __poll_t vfio_mig_save_poll(struct file *filp, poll_table *wait)
{
	struct vfio_mig_session *s = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &s->wait, wait);
	mutex_lock(&s->lock);
	if (vfio_mig_save_is_readable(s))
		mask = EPOLLIN | EPOLLRDNORM;
	if (vfio_mig_session_state(s))
		mask |= EPOLLERR | EPOLLRDHUP;
	mutex_unlock(&s->lock);
	return mask;
}

/* What was not read of the old is to be read before the new, so it is as initial. */
static void vfio_mig_save_reinit(struct vfio_mig_session *s,
				 struct vfio_precopy_info *info)
{
	if (!compat_precopy_info_v2(s->mig->vdev))
		return;
	s->initial = s->buf.len;
	info->flags |= VFIO_PRECOPY_INFO_REINIT;
}

static int vfio_mig_save_precopy_info(struct vfio_mig_session *s,
				      struct vfio_precopy_info *info)
{
	int ret;

	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	if (!ret && !s->precopy)
		ret = -EINVAL;
	if (!ret)
		ret = vfio_mig_fault(s->mig, VFIO_MIG_FAULT_PRECOPY_INFO);
	if (!ret) {
		if (xchg(&s->reinit, false))
			vfio_mig_save_reinit(s, info);
		vfio_mig_save_size(s, &info->initial_bytes, &info->dirty_bytes);
		s->mig->stats.precopy_queries++;
	}
	mutex_unlock(&s->lock);
	trace_vfio_mig_precopy_info(s->id, info->initial_bytes,
				    info->dirty_bytes, info->flags, ret);
	return ret;
}

/* The caller's flags are not echoed. */
static long vfio_mig_save_ioctl(struct file *filp, unsigned int cmd,
				unsigned long arg)
{
	const size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vfio_precopy_info info;
	int ret;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = 0;
	ret = vfio_mig_save_precopy_info(filp->private_data, &info);
	if (ret)
		return ret;
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

static int vfio_mig_save_release(struct inode *inode, struct file *filp)
{
	vfio_mig_session_put(filp->private_data);
	return 0;
}

const struct file_operations vfio_mig_save_fops = {
	.owner = THIS_MODULE,
	.read_iter = vfio_mig_save_read,
	.splice_read = vfio_mig_save_splice,
	.unlocked_ioctl = vfio_mig_save_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = vfio_mig_save_poll,
	.release = vfio_mig_save_release,
};
