// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: data that a producer adds while a reader takes them.
 *
 * For devices that deliver their state in pieces, when they have them: the
 * driver's interrupt thread or work pushes what has come, up to ops->queue_max
 * bytes ahead of the reader, and is called when there is room again.  What it
 * pushes is charged to the task that opened the session.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "internal.h"

/* The session's lock held.  Return: 0 if @len bytes may be added. */
static int vfio_mig_queue_admit(struct vfio_mig_session *s, size_t len)
{
	const u64 waiting = s->buf.len - READ_ONCE(s->pos);
	const int ret = vfio_mig_session_state(s);

	if (ret)
		return ret;
	if (!s->queued || s->produced)
		return -EINVAL;
	if (!waiting || waiting + len <= s->mig->ops->queue_max)
		return 0;
	s->crowded = true;
	return -EAGAIN;
}

/* Of what there was at the beginning, as long as the driver has some of that. */
static bool vfio_mig_queue_is_initial(struct vfio_mig_session *s)
{
	u64 initial, dirty;

	if (!s->precopy)
		return false;
	vfio_mig_save_ask(s, &initial, &dirty);
	return initial;
}

static int vfio_mig_queue_add(struct vfio_mig_session *s, const void *data,
			      struct page *page, size_t len)
{
	const bool initial = vfio_mig_queue_is_initial(s);
	struct mem_cgroup *old;
	int ret;

	old = set_active_memcg(s->memcg);
	ret = page ? vfio_mig_buf_add_page(&s->buf, page, len) :
		     vfio_mig_buf_append(&s->buf, data, len);
	set_active_memcg(old);
	if (ret)
		s->err = ret;
	if (initial)
		s->initial = s->buf.len;
	return ret;
}

static int vfio_mig_queue_push(struct vfio_mig *mig, const void *data,
			       struct page *page, size_t len)
{
	struct vfio_mig_session *s = vfio_mig_session_get(mig);
	int ret;

	if (!s)
		return -ENODEV;
	mutex_lock(&s->lock);
	ret = vfio_mig_queue_admit(s, len);
	if (!ret)
		ret = vfio_mig_queue_add(s, data, page, len);
	mutex_unlock(&s->lock);
	if (ret != -EAGAIN)
		vfio_mig_session_wake(s);
	vfio_mig_session_put(s);
	return ret;
}

/**
 * vfio_mig_push - add data that the device has delivered
 * @mig: the device's migration; @ops->queue_max is set
 * @data: the bytes
 * @len: how many; alone in the queue it may be longer than @ops->queue_max
 *
 * Context: process; any lock may be held but the state mutex's holder must not
 * wait for this: not from a callback that is called with the session's lock.
 * Return: 0; -EAGAIN if the queue is full, and @ops->queue_room will be called;
 * -ENODEV if no session is open any more; -EINVAL if it does not save, or after
 * vfio_mig_push_end(); another error, which the reader gets as well.
 */
int vfio_mig_push(struct vfio_mig *mig, const void *data, size_t len)
{
	return vfio_mig_queue_push(mig, data, NULL, len);
}
EXPORT_SYMBOL_GPL(vfio_mig_push);

/**
 * vfio_mig_push_page - add a page that the device has filled, without a copy
 * @mig: the device's migration; @ops->queue_max is set
 * @page: its reference goes to the library if this succeeds; nobody writes to it
 *	  any more
 * @len: bytes of data in it; only the last page may be short
 *
 * Context: as vfio_mig_push().
 * Return: as vfio_mig_push().
 */
int vfio_mig_push_page(struct vfio_mig *mig, struct page *page, size_t len)
{
	return vfio_mig_queue_push(mig, NULL, page, len);
}
EXPORT_SYMBOL_GPL(vfio_mig_push_page);

/**
 * vfio_mig_push_end - the device has delivered all of its state, or failed to
 * @mig: the device's migration; it is in STOP_COPY, or on the way
 * @err: 0, or what readers get after the data that are in the queue
 *
 * Context: as vfio_mig_push().
 */
void vfio_mig_push_end(struct vfio_mig *mig, int err)
{
	struct vfio_mig_session *s = vfio_mig_session_get(mig);

	if (!s)
		return;
	mutex_lock(&s->lock);
	s->produced = true;
	s->produce_err = err;
	mutex_unlock(&s->lock);
	vfio_mig_session_wake(s);
	vfio_mig_session_put(s);
}
EXPORT_SYMBOL_GPL(vfio_mig_push_end);
