// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: writing a device state.
 *
 * Pages are filled while they are private, some at a time, and then added to the
 * buffer under the session's lock, where the driver has a look at them.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "internal.h"
#include "trace.h"

/* Under the lock: may data be added? */
static int vfio_mig_load_admit(struct vfio_mig_session *s)
{
	const int ret = vfio_mig_session_state(s);

	if (ret)
		return ret;
	s->err = vfio_mig_fault(s->mig, VFIO_MIG_FAULT_WRITE);
	return s->err;
}

/* Under the lock: data have come, let the driver have a look at them. */
static int vfio_mig_load_check(struct vfio_mig_session *s)
{
	const struct vfio_mig_ops *ops = s->mig->ops;

	if (!s->err && ops->load_check)
		s->err = ops->load_check(s->mig, &s->buf);
	return s->err;
}

/* Fill the rest of the last page; it is shared, so the copy goes by a bounce. */
static ssize_t vfio_mig_load_tail(struct vfio_mig_session *s,
				  struct iov_iter *from, size_t room)
{
	size_t len;
	int ret;

	if (!s->bounce)
		s->bounce = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!s->bounce)
		return -ENOMEM;
	len = copy_from_iter(s->bounce, room, from);
	if (!len)
		return -EFAULT;
	mutex_lock(&s->lock);
	ret = vfio_mig_load_admit(s);
	if (!ret) {
		s->err = vfio_mig_buf_append(&s->buf, s->bounce, len);
		ret = vfio_mig_load_check(s);
	}
	mutex_unlock(&s->lock);
	return ret ? ret : len;
}

/* New pages with data.  Return: bytes in the first @nr pages, or an error. */
static ssize_t vfio_mig_load_copy(struct vfio_mig_session *s,
				  struct iov_iter *from, unsigned int *nr)
{
	size_t done = 0, n;
	struct page *page;

	for (*nr = 0; *nr < VFIO_MIG_BATCH && iov_iter_count(from); done += n) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!page)
			return done ? done : -ENOMEM;
		n = copy_page_from_iter(page, 0, PAGE_SIZE, from);
		if (!n) {
			put_page(page);
			return done ? done : -EFAULT;
		}
		s->batch[(*nr)++] = page;
		if (n < PAGE_SIZE)
			return done + n;
	}
	return done;
}

/*
 * The driver may have to look at some pages before there is room for more.
 * Return: 0, or the error that the session ends with; pages that were not added
 * are left to the caller.
 */
static int vfio_mig_load_add(struct vfio_mig_session *s, size_t len,
			     unsigned int nr, unsigned int *added)
{
	size_t n;

	for (; *added < nr && !s->err; len -= n, (*added)++) {
		n = min_t(size_t, len, PAGE_SIZE);
		if (n > vfio_mig_buf_left(&s->buf) && vfio_mig_load_check(s))
			break;
		s->err = vfio_mig_buf_add_page(&s->buf, s->batch[*added], n);
		if (s->err)
			break;
	}
	return vfio_mig_load_check(s);
}

/* A batch of pages.  Return: bytes taken, or an error. */
static ssize_t vfio_mig_load_pages(struct vfio_mig_session *s,
				   struct iov_iter *from)
{
	unsigned int nr, added = 0;
	ssize_t len;
	int ret;

	len = vfio_mig_load_copy(s, from, &nr);
	if (len < 0)
		return len;
	mutex_lock(&s->lock);
	ret = vfio_mig_load_admit(s);
	if (!ret)
		ret = vfio_mig_load_add(s, len, nr, &added);
	mutex_unlock(&s->lock);
	release_pages(s->batch + added, nr - added);
	return ret ? ret : len;
}

/* The driver takes what it can without waiting for user memory. */
static ssize_t vfio_mig_load_call_driver(struct vfio_mig_session *s,
					 struct iov_iter *from)
{
	ssize_t n;

	mutex_lock(&s->lock);
	n = vfio_mig_load_admit(s);
	if (!n) {
		pagefault_disable();
		n = s->mig->ops->load_write(s->mig, from);
		pagefault_enable();
		if (n < 0 && n != -EFAULT)
			s->err = n;
	}
	mutex_unlock(&s->lock);
	return n;
}

static ssize_t vfio_mig_load_direct(struct vfio_mig_session *s,
				    struct iov_iter *from)
{
	size_t want;
	ssize_t n;

	for (;;) {
		n = vfio_mig_load_call_driver(s, from);
		if (n != -EFAULT)
			return n ? n : -EIO;
		want = min_t(size_t, iov_iter_count(from), PAGE_SIZE);
		if (fault_in_iov_iter_readable(from, want) == want ||
		    fatal_signal_pending(current))
			return n;
		cond_resched();
	}
}

static ssize_t vfio_mig_load_some(struct vfio_mig_session *s,
				  struct iov_iter *from)
{
	/* All that was written is in the buffer, so this is the room of its last page. */
	const size_t room = -s->pos & (PAGE_SIZE - 1);

	if (s->direct)
		return vfio_mig_load_direct(s, from);
	return room ? vfio_mig_load_tail(s, from, room) :
		      vfio_mig_load_pages(s, from);
}

static ssize_t vfio_mig_load_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct vfio_mig_session *s = iocb->ki_filp->private_data;
	ssize_t done = 0, n;

	n = vfio_mig_session_lock_io(s, iocb);
	if (n)
		return n;
	while (iov_iter_count(from)) {
		n = vfio_mig_load_some(s, from);
		if (n < 0)
			break;
		done += n;
		WRITE_ONCE(s->pos, s->pos + n);
		if (signal_pending(current))
			break;
		cond_resched();
	}
	n = done ? done : n;
	WRITE_ONCE(s->calls, s->calls + 1);
	trace_vfio_mig_write(s->id, s->pos, n);
	mutex_unlock(&s->io_lock);
	return n;
}

static __poll_t vfio_mig_load_poll(struct file *filp, poll_table *wait)
{
	struct vfio_mig_session *s = filp->private_data;
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	poll_wait(filp, &s->wait, wait);
	mutex_lock(&s->lock);
	if (vfio_mig_session_state(s))
		mask |= EPOLLERR | EPOLLRDHUP;
	mutex_unlock(&s->lock);
	return mask;
}

static int vfio_mig_load_release(struct inode *inode, struct file *filp)
{
	vfio_mig_session_put(filp->private_data);
	return 0;
}

const struct file_operations vfio_mig_load_fops = {
	.owner = THIS_MODULE,
	.write_iter = vfio_mig_load_write,
	.splice_write = iter_file_splice_write,
	.poll = vfio_mig_load_poll,
	.release = vfio_mig_load_release,
};
