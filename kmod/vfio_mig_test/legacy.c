// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: a device whose migration is written by hand, in the shape of
 * drivers that were there before the library.  It is wrong on purpose, so that
 * the tests that find nothing with the library are seen to find something here:
 *
 *  - what was loaded is taken as it is: cut off, refused before, of any size (5,
 *    6, 12 of Documentation/driver-bugs.rst)
 *  - the end for the moment looks like the one for good, and the precopy info
 *    answers whatever it is asked, with the flags of the question (7, 8)
 *  - a session is stored before all that can fail has been done (9)
 *  - nothing happens at open and close (11, 15)
 *  - any refused request ends the sessions (13)
 *  - what was copied before a fault is lost (14)
 *  - the size of the data is the hardware's answer, even 0 (19)
 *
 * What would crash or hang the kernel is left out.  STOP_COPY and PRE_COPY, no
 * P2P.  Sessions are kept on a list until the device goes, so that what is lost
 * can be counted, and is not lost for the kernel.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "test.h"

#define LEGACY_MAX	65536

/**
 * struct legacy_session - a data_fd
 * @list: all of the device
 * @t: the device; the file holds a reference
 * @lock: protects the members below
 * @disabled: the device has no use for it any more
 * @data: LEGACY_MAX bytes
 * @len: of them, that were written or can be read
 * @pos: of them, that were read
 */
struct legacy_session {
	struct list_head list;
	struct mig_test *t;
	struct mutex lock;
	bool disabled;
	u8 *data;
	size_t len;
	size_t pos;
};

/**
 * struct mig_test_legacy - the migration of a device
 * @state_mutex: protects all of it
 * @state: where the device is
 * @session: the last one, or NULL
 * @sessions: all there were
 * @matched: the header of a load was seen and is right
 * @size: from that header
 */
struct mig_test_legacy {
	struct mutex state_mutex;
	enum vfio_device_mig_state state;
	struct legacy_session *session;
	struct list_head sessions;
	bool matched;
	u32 size;
};

static struct mig_test *legacy_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct mig_test, vdev);
}

static ssize_t legacy_read(struct file *filp, char __user *buf, size_t len,
			   loff_t *pos)
{
	struct legacy_session *s = filp->private_data;
	size_t done, n;

	guard(mutex)(&s->lock);
	if (s->disabled)
		return -ENODEV;
	len = min(len, s->len - s->pos);
	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		if (copy_to_user(buf + done, s->data + s->pos, n))
			return -EFAULT;
		s->pos += n;
	}
	return done;
}

/* With @s locked. */
static int legacy_match(struct mig_test_legacy *l, struct legacy_session *s)
{
	const u64 *words = (const u64 *)s->data;

	if (l->matched || s->len < 3 * sizeof(u64))
		return 0;
	l->size = words[2];
	if (words[0] != VFIO_MIG_TEST_MAGIC || l->size > LEGACY_MAX / 2)
		return -EFAULT;
	l->matched = true;
	return 0;
}

static ssize_t legacy_write(struct file *filp, const char __user *buf,
			    size_t len, loff_t *pos)
{
	struct legacy_session *s = filp->private_data;
	int ret;

	guard(mutex)(&s->lock);
	if (s->disabled)
		return -ENODEV;
	if (len > LEGACY_MAX - s->len)
		return -ENOMEM;
	if (copy_from_user(s->data + s->len, buf, len))
		return -EFAULT;
	s->len += len;
	ret = legacy_match(s->t->legacy, s);
	return ret ? ret : len;
}

static long legacy_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct legacy_session *s = filp->private_data;
	struct vfio_precopy_info info;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, sizeof(info)))
		return -EFAULT;
	scoped_guard(mutex, &s->lock) {
		info.initial_bytes = s->len - s->pos;
		info.dirty_bytes = 0;
	}
	return copy_to_user((void __user *)arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static int legacy_release(struct inode *inode, struct file *filp)
{
	struct legacy_session *s = filp->private_data;

	put_device(&s->t->vdev.device);
	return 0;
}

static const struct file_operations legacy_fops = {
	.owner = THIS_MODULE,
	.read = legacy_read,
	.write = legacy_write,
	.unlocked_ioctl = legacy_ioctl,
	.release = legacy_release,
};

static void legacy_disable(struct mig_test_legacy *l)
{
	if (!l->session)
		return;
	scoped_guard(mutex, &l->session->lock)
		l->session->disabled = true;
	l->session = NULL;
}

static struct legacy_session *legacy_session_new(struct mig_test *t)
{
	struct legacy_session *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->data = kvzalloc(LEGACY_MAX, GFP_KERNEL);
	if (!s->data) {
		kfree(s);
		return ERR_PTR(-ENOMEM);
	}
	mutex_init(&s->lock);
	s->t = t;
	list_add(&s->list, &t->legacy->sessions);
	scoped_guard(mutex, &t->lock)
		t->status.sessions_lost += t->legacy->session != NULL;
	t->legacy->session = s;
	return s;
}

/* A session for an arc on which the hardware does @op. */
static struct file *legacy_begin(struct mig_test *t, enum vfio_mig_test_op op)
{
	struct legacy_session *s = legacy_session_new(t);
	struct file *filp;
	int ret;

	if (IS_ERR(s))
		return ERR_CAST(s);
	ret = mig_test_call(t, op);
	if (ret)
		return ERR_PTR(ret);
	filp = anon_inode_getfile("[vfio-mig-legacy]", &legacy_fops, s, O_RDWR);
	if (IS_ERR(filp))
		return filp;
	get_device(&t->vdev.device);
	stream_open(filp->f_inode, filp);
	return filp;
}

/* Make the stream readable up to @end; the session's file is not used yet. */
static int legacy_show(struct mig_test *t, u64 end)
{
	struct legacy_session *s = t->legacy->session;
	size_t n;

	guard(mutex)(&t->lock);
	guard(mutex)(&s->lock);
	do {
		n = mig_test_save_words(&t->save, (u64 *)(s->data + s->len),
					min_t(u64, LEGACY_MAX, end) / sizeof(u64) -
					s->len / sizeof(u64));
		s->len += n * sizeof(u64);
	} while (n);
	return 0;
}

static struct file *legacy_save(struct mig_test *t, enum vfio_mig_test_op op,
				u64 end)
{
	struct file *filp = legacy_begin(t, op);

	if (IS_ERR(filp))
		return filp;
	scoped_guard(mutex, &t->lock)
		mig_test_save_begin(t);
	legacy_show(t, end);
	return filp;
}

static int legacy_load(struct mig_test *t)
{
	const u64 *words = (const u64 *)t->legacy->session->data;

	guard(mutex)(&t->lock);
	t->control.seed = words[1];
	t->control.size = round_down(t->legacy->size, sizeof(u64));
	t->status.loads_applied++;
	return 0;
}

#define ARC(from, to)	((from) << 4 | (to))

static struct file *legacy_step(struct mig_test *t,
				enum vfio_device_mig_state from,
				enum vfio_device_mig_state to)
{
	switch (ARC(from, to)) {
	case ARC(VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_STOP):
		return ERR_PTR(mig_test_call(t, VFIO_MIG_TEST_STOP));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING):
		return ERR_PTR(mig_test_call(t, VFIO_MIG_TEST_START));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY):
		return legacy_save(t, VFIO_MIG_TEST_SAVE, LEGACY_MAX);
	case ARC(VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_PRE_COPY):
		return legacy_save(t, VFIO_MIG_TEST_PRECOPY_BEGIN,
				   t->control.initial + t->control.dirty);
	case ARC(VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_STOP_COPY):
		return ERR_PTR(legacy_show(t, LEGACY_MAX));
	case ARC(VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RESUMING):
		return legacy_begin(t, VFIO_MIG_TEST_LOAD_BEGIN);
	case ARC(VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_STOP):
		legacy_load(t);
		fallthrough;
	case ARC(VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_STOP):
	case ARC(VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_RUNNING):
		legacy_disable(t->legacy);
		return NULL;
	default:
		return ERR_PTR(-EINVAL);
	}
}

/* What vfio core's function does not come back from, before Linux 7.2. */
static bool legacy_hangs(const struct mig_test_legacy *l,
			 enum vfio_device_mig_state to)
{
	return l->state == VFIO_DEVICE_STATE_STOP_COPY &&
	       to == VFIO_DEVICE_STATE_PRE_COPY;
}

static struct file *legacy_set_state(struct vfio_device *vdev,
				     enum vfio_device_mig_state to)
{
	struct mig_test *t = legacy_of(vdev);
	struct mig_test_legacy *l = t->legacy;
	enum vfio_device_mig_state next;
	struct file *filp = NULL;
	int ret;

	guard(mutex)(&l->state_mutex);
	while (l->state != to && !IS_ERR(filp)) {
		ret = legacy_hangs(l, to) ? -EINVAL :
		      vfio_mig_get_next_state(vdev, l->state, to, &next);
		if (ret) {
			legacy_disable(l);
			return ERR_PTR(ret);
		}
		filp = legacy_step(t, l->state, next);
		if (!IS_ERR(filp))
			l->state = next;
	}
	return filp;
}

static int legacy_get_state(struct vfio_device *vdev,
			    enum vfio_device_mig_state *state)
{
	struct mig_test_legacy *l = legacy_of(vdev)->legacy;

	guard(mutex)(&l->state_mutex);
	*state = l->state;
	return 0;
}

static int legacy_data_size(struct vfio_device *vdev, unsigned long *size)
{
	*size = legacy_of(vdev)->control.data_size;
	return 0;
}

static const struct vfio_migration_ops legacy_ops = {
	.migration_set_state = legacy_set_state,
	.migration_get_state = legacy_get_state,
	.migration_get_data_size = legacy_data_size,
};

static int legacy_init(struct mig_test *t, u32 flags)
{
	struct mig_test_legacy *l = kzalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	mutex_init(&l->state_mutex);
	INIT_LIST_HEAD(&l->sessions);
	l->state = VFIO_DEVICE_STATE_RUNNING;
	t->legacy = l;
	t->vdev.migration_flags = VFIO_MIGRATION_STOP_COPY |
				  VFIO_MIGRATION_PRE_COPY;
	t->vdev.mig_ops = &legacy_ops;
	return 0;
}

static void legacy_destroy(struct mig_test *t)
{
	struct legacy_session *s, *next;

	list_for_each_entry_safe(s, next, &t->legacy->sessions, list) {
		kvfree(s->data);
		kfree(s);
	}
	kfree(t->legacy);
}

static void legacy_nothing(struct mig_test *t)
{
}

static void legacy_reset(struct mig_test *t)
{
	guard(mutex)(&t->legacy->state_mutex);
	legacy_disable(t->legacy);
	t->legacy->state = VFIO_DEVICE_STATE_RUNNING;
}

const struct mig_test_kind mig_test_legacy_kind = {
	.init = legacy_init,
	.destroy = legacy_destroy,
	.open = legacy_nothing,
	.close = legacy_nothing,
	.reset = legacy_reset,
	.changed = legacy_nothing,
};
