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
 * @err: first error; later transfers and the commit fail with it
 * @precopy: the device still runs: the end of the data is for the moment only
 * @initial: bytes of the stream that hold what there was at the beginning
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
	bool precopy;
	u64 initial;
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

static int vfio_mig_session_state(const struct vfio_mig_session *s)
{
	return s->mig ? s->err : -ENODEV;
}

/* Bytes to be read, whether they are in the buffer or the driver has them. */
static void vfio_mig_session_size(struct vfio_mig_session *s, u64 *initial,
				  u64 *dirty)
{
	const u64 pos = READ_ONCE(s->pos);
	const u64 unread = pos < s->initial ? s->initial - pos : 0;

	s->mig->ops->precopy_size(s->mig, initial, dirty);
	*initial += unread;
	*dirty += s->buf.len - pos - unread;
}

/* In pre-copy: have the driver add what there is to be read now. */
static int vfio_mig_session_fill(struct vfio_mig_session *s)
{
	u64 initial, dirty;

	s->mig->ops->precopy_size(s->mig, &initial, &dirty);
	s->err = s->mig->ops->precopy_fill(s->mig, &s->buf);
	if (initial)
		s->initial = s->buf.len;
	if (s->err)
		return s->err;
	return s->pos < s->buf.len ? 0 : -ENOMSG;
}

/* The device is stopped: have the driver add the next piece, if there is one. */
static int vfio_mig_session_fill_last(struct vfio_mig_session *s)
{
	if (s->mig->ops->save_fill)
		s->err = s->mig->ops->save_fill(s->mig, &s->buf);
	return s->err;
}

/* With the lock held.  Return: 0, also at the end for good; or an error. */
static int vfio_mig_session_prepare_read(struct vfio_mig_session *s)
{
	int ret = vfio_mig_session_state(s);

	if (ret)
		return ret;
	vfio_mig_buf_consume(&s->buf, s->pos);
	if (s->pos < s->buf.len)
		return 0;
	return s->precopy ? vfio_mig_session_fill(s) :
			    vfio_mig_session_fill_last(s);
}

/* The page at the reader's position, with a reference; NULL at the end. */
static struct page *vfio_mig_session_next_page(struct vfio_mig_session *s,
					       size_t *len)
{
	struct page *page = NULL;
	int ret;

	mutex_lock(&s->lock);
	ret = vfio_mig_session_prepare_read(s);
	if (ret) {
		page = ERR_PTR(ret);
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
	WRITE_ONCE(s->pos, s->pos + done);
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
	if (!ret)
		ret = s->err = vfio_mig_buf_append(&s->buf, s->bounce, len);
	if (!ret)
		ret = vfio_mig_session_check(s);
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

/* The end for good is readable, the end for the moment is not. */
static bool vfio_mig_session_is_readable(struct vfio_mig_session *s)
{
	u64 initial, dirty;

	if (vfio_mig_session_state(s) || !s->precopy)
		return true;
	vfio_mig_session_size(s, &initial, &dirty);
	return initial || dirty;
}

static __poll_t vfio_mig_session_poll(struct file *filp, poll_table *wait)
{
	struct vfio_mig_session *s = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &s->wait, wait);
	mutex_lock(&s->lock);
	if (!(filp->f_mode & FMODE_READ))
		mask = EPOLLOUT | EPOLLWRNORM;
	else if (vfio_mig_session_is_readable(s))
		mask = EPOLLIN | EPOLLRDNORM;
	if (vfio_mig_session_state(s))
		mask |= EPOLLERR | EPOLLRDHUP;
	mutex_unlock(&s->lock);
	return mask;
}

static int vfio_mig_session_precopy_info(struct vfio_mig_session *s,
					 struct vfio_precopy_info *info)
{
	int ret;

	mutex_lock(&s->lock);
	ret = vfio_mig_session_state(s);
	if (!ret && !s->precopy)
		ret = -EINVAL;
	if (!ret)
		vfio_mig_session_size(s, &info->initial_bytes, &info->dirty_bytes);
	mutex_unlock(&s->lock);
	return ret;
}

/* The reply has no flags: the caller's are not echoed, and none are set yet. */
static long vfio_mig_session_ioctl(struct file *filp, unsigned int cmd,
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
	ret = vfio_mig_session_precopy_info(filp->private_data, &info);
	if (ret)
		return ret;
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
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
	.unlocked_ioctl = vfio_mig_session_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
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
	spin_lock(&s->mig->reset_lock);
	s->mig->session = s;
	spin_unlock(&s->mig->reset_lock);
	return filp;
}

static struct file *vfio_mig_session_new_saving(struct vfio_mig *mig,
						bool precopy)
{
	struct vfio_mig_session *s = vfio_mig_session_alloc(mig, U64_MAX);
	struct file *filp;
	int ret;

	if (IS_ERR(s))
		return ERR_CAST(s);
	s->precopy = precopy;
	ret = precopy ? mig->ops->precopy_begin(mig) :
			mig->ops->save(mig, &s->buf);
	if (ret) {
		filp = ERR_PTR(ret);
		goto err_put;
	}
	filp = vfio_mig_session_file(s, "[vfio-mig-save]", &vfio_mig_save_fops,
				     O_RDONLY);
	if (!IS_ERR(filp))
		return filp;
	if (precopy)
		mig->ops->precopy_end(mig);
err_put:
	vfio_mig_session_put(s);
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
	return vfio_mig_session_new_saving(mig, false);
}

/**
 * vfio_mig_session_new_precopy - note what changes, hand out a file to read it
 * @mig: the device's migration, state mutex held, no session open
 *
 * Return: the file, or an error pointer; then nothing is left behind.
 */
struct file *vfio_mig_session_new_precopy(struct vfio_mig *mig)
{
	return vfio_mig_session_new_saving(mig, true);
}

/**
 * vfio_mig_session_finish_precopy - append the rest; the end is one for good now
 * @s: the session, the device stopped and its state mutex held
 *
 * Return: 0 or an error, which the reader gets as well: part of the rest may be
 * in the stream.
 */
int vfio_mig_session_finish_precopy(struct vfio_mig_session *s)
{
	mutex_lock(&s->lock);
	if (!s->err)
		s->err = s->mig->ops->save(s->mig, &s->buf);
	if (!s->err)
		s->precopy = false;
	mutex_unlock(&s->lock);
	wake_up_all(&s->wait);
	return s->err;
}

/**
 * vfio_mig_session_wake - a reader that polls should look again
 * @s: the session
 */
void vfio_mig_session_wake(struct vfio_mig_session *s)
{
	wake_up_all(&s->wait);
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
