// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: sessions, the files behind a data_fd.
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
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "internal.h"

/**
 * struct vfio_mig_session - one saving or loading of a device state
 * @ref: held by the file and by the device
 * @io_lock: serializes readers or writers
 * @pos: bytes read so far, under @io_lock
 * @bounce: where a write that does not start a page is copied to first
 * @lock: protects the members below
 * @mig: the device, NULL once the session was cut off
 * @err: first error of a loading session; later writes and the commit fail
 * @buf: the data
 * @wait: for poll
 */
struct vfio_mig_session {
	struct kref ref;
	struct mutex io_lock;
	u64 pos;
	void *bounce;

	struct mutex lock;
	struct vfio_mig *mig;
	int err;
	struct vfio_mig_buf buf;
	wait_queue_head_t wait;
};

static void vfio_mig_session_free(struct kref *ref)
{
	struct vfio_mig_session *s =
		container_of(ref, struct vfio_mig_session, ref);

	vfio_mig_buf_destroy(&s->buf);
	mutex_destroy(&s->lock);
	mutex_destroy(&s->io_lock);
	kfree(s->bounce);
	kfree(s);
}

static void vfio_mig_session_put(struct vfio_mig_session *s)
{
	kref_put(&s->ref, vfio_mig_session_free);
}

static int vfio_mig_session_lock_io(struct vfio_mig_session *s,
				    const struct kiocb *iocb)
{
	if (iocb->ki_flags & IOCB_NOWAIT || iocb->ki_filp->f_flags & O_NONBLOCK)
		return mutex_trylock(&s->io_lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&s->io_lock);
}

/* The page at the reader's position, with a reference; NULL at the end. */
static struct page *vfio_mig_session_next_page(struct vfio_mig_session *s,
					       size_t *len)
{
	struct page *page = NULL;

	mutex_lock(&s->lock);
	if (!s->mig) {
		page = ERR_PTR(-ENODEV);
	} else if (s->pos < s->buf.len) {
		page = vfio_mig_buf_get_page(&s->buf, s->pos);
		*len = min_t(u64, s->buf.len - s->pos,
			     PAGE_SIZE - offset_in_page(s->pos));
	}
	mutex_unlock(&s->lock);
	return page;
}

/* Up to one page.  Return: bytes read, 0 at the end, or an error. */
static ssize_t vfio_mig_session_read_page(struct vfio_mig_session *s,
					  struct iov_iter *to)
{
	struct page *page;
	size_t len, done;

	page = vfio_mig_session_next_page(s, &len);
	if (IS_ERR_OR_NULL(page))
		return PTR_ERR(page);
	len = min(len, iov_iter_count(to));
	done = copy_page_to_iter(page, offset_in_page(s->pos), len, to);
	put_page(page);
	s->pos += done;
	return done ? done : -EFAULT;
}

static ssize_t vfio_mig_session_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct vfio_mig_session *s = iocb->ki_filp->private_data;
	ssize_t done = 0, n = 0;

	n = vfio_mig_session_lock_io(s, iocb);
	if (n)
		return n;
	while (iov_iter_count(to)) {
		n = vfio_mig_session_read_page(s, to);
		if (n <= 0)
			break;
		done += n;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	mutex_unlock(&s->io_lock);
	return done ? done : n;
}

/* Under the lock: the data has come, let the driver have a look at it. */
static int vfio_mig_session_check(struct vfio_mig_session *s)
{
	const struct vfio_mig_ops *ops = s->mig->ops;

	if (ops->load_check)
		s->err = ops->load_check(s->mig, &s->buf);
	return s->err;
}

static int vfio_mig_session_state(const struct vfio_mig_session *s)
{
	return s->mig ? s->err : -ENODEV;
}

/* Fill the rest of the last page; it is shared, so the copy goes by a bounce. */
static ssize_t vfio_mig_session_write_tail(struct vfio_mig_session *s,
					   struct iov_iter *from, size_t room)
{
	size_t len = copy_from_iter(s->bounce, room, from);
	int ret;

	if (!len)
		return -EFAULT;
	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	if (!ret && len > s->buf.max - s->buf.len)
		ret = s->err = -EFBIG;
	if (!ret) {
		vfio_mig_buf_fill_tail(&s->buf, s->bounce, len);
		ret = vfio_mig_session_check(s);
	}
	mutex_unlock(&s->lock);
	return ret ? ret : len;
}

/* Start a new page, filled while it is still private. */
static ssize_t vfio_mig_session_write_page(struct vfio_mig_session *s,
					   struct iov_iter *from)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	size_t len;
	int ret;

	if (!page)
		return -ENOMEM;
	len = copy_page_from_iter(page, 0, PAGE_SIZE, from);
	if (!len) {
		put_page(page);
		return -EFAULT;
	}
	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	if (!ret) {
		ret = vfio_mig_buf_add_page(&s->buf, page, len);
		if (ret) {
			s->err = ret;
			put_page(page);
		} else {
			ret = vfio_mig_session_check(s);
		}
	} else {
		put_page(page);
	}
	mutex_unlock(&s->lock);
	return ret ? ret : len;
}

/* Up to one page.  The state is looked at first, so that no copy is wasted. */
static ssize_t vfio_mig_session_write_some(struct vfio_mig_session *s,
					   struct iov_iter *from)
{
	size_t room;
	int ret;

	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	room = vfio_mig_buf_tail_room(&s->buf);
	mutex_unlock(&s->lock);
	if (ret)
		return ret;
	if (room)
		return vfio_mig_session_write_tail(s, from, room);
	return vfio_mig_session_write_page(s, from);
}

static ssize_t vfio_mig_session_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct vfio_mig_session *s = iocb->ki_filp->private_data;
	ssize_t done = 0, n;

	n = vfio_mig_session_lock_io(s, iocb);
	if (n)
		return n;
	while (iov_iter_count(from)) {
		n = vfio_mig_session_write_some(s, from);
		if (n < 0)
			break;
		done += n;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	mutex_unlock(&s->io_lock);
	return done ? done : n;
}

/* Both directions are always ready: a state is complete when it is handed out. */
static __poll_t vfio_mig_session_poll(struct file *filp, poll_table *wait)
{
	struct vfio_mig_session *s = filp->private_data;
	__poll_t mask;

	poll_wait(filp, &s->wait, wait);
	mask = filp->f_mode & FMODE_READ ? EPOLLIN | EPOLLRDNORM :
					   EPOLLOUT | EPOLLWRNORM;
	mutex_lock(&s->lock);
	if (vfio_mig_session_state(s))
		mask |= EPOLLERR | EPOLLRDHUP;
	mutex_unlock(&s->lock);
	return mask;
}

static int vfio_mig_session_release(struct inode *inode, struct file *filp)
{
	vfio_mig_session_put(filp->private_data);
	return 0;
}

static const struct file_operations vfio_mig_save_fops = {
	.owner = THIS_MODULE,
	.read_iter = vfio_mig_session_read,
	.splice_read = copy_splice_read,
	.poll = vfio_mig_session_poll,
	.release = vfio_mig_session_release,
};

static const struct file_operations vfio_mig_load_fops = {
	.owner = THIS_MODULE,
	.write_iter = vfio_mig_session_write,
	.splice_write = iter_file_splice_write,
	.poll = vfio_mig_session_poll,
	.release = vfio_mig_session_release,
};

static struct vfio_mig_session *vfio_mig_session_alloc(struct vfio_mig *mig,
						       u64 max)
{
	struct vfio_mig_session *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->bounce = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
	if (!s->bounce) {
		kfree(s);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&s->ref);
	mutex_init(&s->io_lock);
	mutex_init(&s->lock);
	init_waitqueue_head(&s->wait);
	vfio_mig_buf_init(&s->buf, max);
	s->mig = mig;
	return s;
}

/* The file takes a reference of its own; the caller's stays with the device. */
static struct file *vfio_mig_session_file(struct vfio_mig_session *s,
					  const char *name,
					  const struct file_operations *fops,
					  int flags)
{
	struct file *filp = anon_inode_getfile(name, fops, s, flags);

	if (IS_ERR(filp))
		return filp;
	kref_get(&s->ref);
	stream_open(filp->f_inode, filp);
	s->mig->session = s;
	return filp;
}

/**
 * vfio_mig_session_new_save - take the state of the device, hand out its file
 * @mig: the device's migration, state mutex held, no session open
 *
 * Return: the file, or an error pointer; then nothing is left behind.
 */
struct file *vfio_mig_session_new_save(struct vfio_mig *mig)
{
	struct vfio_mig_session *s = vfio_mig_session_alloc(mig, U64_MAX);
	struct file *filp;
	int ret;

	if (IS_ERR(s))
		return ERR_CAST(s);
	ret = mig->ops->save(mig, &s->buf);
	if (ret) {
		filp = ERR_PTR(ret);
		goto err_put;
	}
	filp = vfio_mig_session_file(s, "[vfio-mig-save]", &vfio_mig_save_fops,
				     O_RDONLY);
	if (IS_ERR(filp))
		goto err_put;
	return filp;

err_put:
	vfio_mig_session_put(s);
	return filp;
}

/**
 * vfio_mig_session_new_load - hand out a file to write a state to
 * @mig: the device's migration, state mutex held, no session open
 *
 * Return: the file, or an error pointer; then nothing is left behind.
 */
struct file *vfio_mig_session_new_load(struct vfio_mig *mig)
{
	struct vfio_mig_session *s;
	struct file *filp;

	s = vfio_mig_session_alloc(mig, mig->ops->load_max(mig));
	if (IS_ERR(s))
		return ERR_CAST(s);
	filp = vfio_mig_session_file(s, "[vfio-mig-load]", &vfio_mig_load_fops,
				     O_WRONLY);
	if (IS_ERR(filp))
		vfio_mig_session_put(s);
	return filp;
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
 * vfio_mig_session_end - cut the session off its device
 * @s: the session; the device's reference is dropped
 *
 * Frees the data at once, whoever still holds the file.
 *
 * Context: may sleep, but never waits for a user of the file.
 */
void vfio_mig_session_end(struct vfio_mig_session *s)
{
	mutex_lock(&s->lock);
	s->mig = NULL;
	vfio_mig_buf_destroy(&s->buf);
	mutex_unlock(&s->lock);
	wake_up_all(&s->wait);
	vfio_mig_session_put(s);
}
