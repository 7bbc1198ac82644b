// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: the state machine.
 *
 * vfio core says which way to go (vfio_mig_get_next_state()); what an arc does
 * stands in one table here.  Requests that core's function must not be asked
 * about are answered first: from ERROR it warns, to a state the device lacks
 * it is a waste, and before Linux 7.2 it never returns for blocked ones.
 */
#include <linux/file.h>
#include <linux/fs.h>

#include "internal.h"

/* An arc that opens no session: ERR_PTR(0) is NULL. */
static struct file *call(struct vfio_mig *mig, int (*op)(struct vfio_mig *mig))
{
	return op ? ERR_PTR(op(mig)) : NULL;
}

static struct file *arc_p2p_begin(struct vfio_mig *mig)
{
	return call(mig, mig->ops->p2p_begin);
}

static struct file *arc_p2p_end(struct vfio_mig *mig)
{
	return call(mig, mig->ops->p2p_end);
}

static struct file *arc_stop(struct vfio_mig *mig)
{
	return call(mig, mig->ops->stop);
}

static struct file *arc_start(struct vfio_mig *mig)
{
	return call(mig, mig->ops->start);
}

static struct file *arc_save_end(struct vfio_mig *mig)
{
	vfio_mig_end_session(mig);
	return call(mig, mig->ops->save_end);
}

static struct file *arc_precopy_end(struct vfio_mig *mig)
{
	vfio_mig_end_session(mig);
	mig->ops->precopy_end(mig);
	return NULL;
}

/* The session goes on.  A device that was stopped for nothing runs again. */
static struct file *arc_finish_precopy(struct vfio_mig *mig)
{
	struct file *ret = call(mig, mig->ops->stop);
	int err;

	if (IS_ERR(ret))
		return ret;
	err = vfio_mig_session_finish_precopy(mig->session);
	if (err && mig->ops->start && mig->ops->start(mig))
		vfio_mig_set_error(mig);
	return ERR_PTR(err);
}

static struct file *arc_load_begin(struct vfio_mig *mig)
{
	struct file *ret = call(mig, mig->ops->load_begin);

	return IS_ERR(ret) ? ret : vfio_mig_session_new_load(mig);
}

static struct file *arc_load_end(struct vfio_mig *mig)
{
	int ret = vfio_mig_session_commit(mig->session);

	if (ret)
		return ERR_PTR(ret);
	vfio_mig_end_session(mig);
	if (mig->ops->load_end)
		mig->ops->load_end(mig);
	return NULL;
}

static const struct vfio_mig_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	struct file *(*take)(struct vfio_mig *mig);
} vfio_mig_arcs[] = {
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P, arc_p2p_begin },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_RUNNING, arc_p2p_end },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_STOP, arc_stop },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING_P2P, arc_start },
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_STOP, arc_stop },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING, arc_start },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY,
	  vfio_mig_session_new_save },
	{ VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_STOP, arc_save_end },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RESUMING, arc_load_begin },
	{ VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_STOP, arc_load_end },
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_PRE_COPY,
	  vfio_mig_session_new_precopy },
	{ VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_RUNNING, arc_precopy_end },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_PRE_COPY_P2P,
	  vfio_mig_session_new_precopy },
	{ VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_RUNNING_P2P,
	  arc_precopy_end },
	{ VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P,
	  arc_p2p_begin },
	{ VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_PRE_COPY, arc_p2p_end },
	{ VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_STOP_COPY,
	  arc_finish_precopy },
	{ VFIO_DEVICE_STATE_PRE_COPY_P2P, VFIO_DEVICE_STATE_STOP_COPY,
	  arc_finish_precopy },
};

static const struct vfio_mig_arc *
vfio_mig_find_arc(enum vfio_device_mig_state from, enum vfio_device_mig_state to)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vfio_mig_arcs); i++)
		if (vfio_mig_arcs[i].from == from && vfio_mig_arcs[i].to == to)
			return &vfio_mig_arcs[i];
	return NULL;
}

/* One arc.  On error the state is what it was, or ERROR. */
static struct file *vfio_mig_step(struct vfio_mig *mig,
				  enum vfio_device_mig_state to)
{
	const struct vfio_mig_arc *arc = vfio_mig_find_arc(mig->state, to);
	struct file *filp;
	int ret;

	if (WARN_ON_ONCE(!arc))
		return ERR_PTR(-EINVAL);
	if (mig->ops->step) {
		ret = mig->ops->step(mig, mig->state, to);
		if (ret)
			return ERR_PTR(ret);
	}
	filp = arc->take(mig);
	if (!IS_ERR(filp))
		mig->state = to;
	return filp;
}

static bool vfio_mig_has_state(const struct vfio_mig *mig,
			       enum vfio_device_mig_state state)
{
	const u32 flags = mig->vdev->migration_flags;

	switch (state) {
	case VFIO_DEVICE_STATE_STOP:
	case VFIO_DEVICE_STATE_RUNNING:
	case VFIO_DEVICE_STATE_STOP_COPY:
	case VFIO_DEVICE_STATE_RESUMING:
		return true;
	case VFIO_DEVICE_STATE_RUNNING_P2P:
		return flags & VFIO_MIGRATION_P2P;
	case VFIO_DEVICE_STATE_PRE_COPY:
		return flags & VFIO_MIGRATION_PRE_COPY;
	case VFIO_DEVICE_STATE_PRE_COPY_P2P:
		return (flags & VFIO_MIGRATION_PRE_COPY) &&
		       (flags & VFIO_MIGRATION_P2P);
	default:
		return false;
	}
}

static bool vfio_mig_is_blocked(const struct vfio_mig *mig,
				enum vfio_device_mig_state new_state)
{
	if (mig->state == VFIO_DEVICE_STATE_ERROR)
		return true;
	return mig->state == VFIO_DEVICE_STATE_STOP_COPY &&
	       (new_state == VFIO_DEVICE_STATE_PRE_COPY ||
		new_state == VFIO_DEVICE_STATE_PRE_COPY_P2P);
}

static struct file *vfio_mig_walk_locked(struct vfio_mig *mig,
					 enum vfio_device_mig_state new_state)
{
	enum vfio_device_mig_state next;
	struct file *filp = NULL;
	int ret;

	if (!vfio_mig_has_state(mig, new_state) ||
	    vfio_mig_is_blocked(mig, new_state))
		return ERR_PTR(-EINVAL);

	while (mig->state != new_state) {
		if (WARN_ON_ONCE(filp)) {
			fput(filp);
			return ERR_PTR(-EINVAL);
		}
		ret = vfio_mig_get_next_state(mig->vdev, mig->state, new_state,
					      &next);
		if (ret)
			return ERR_PTR(ret);
		filp = vfio_mig_step(mig, next);
		if (IS_ERR(filp))
			return filp;
	}
	return filp;
}

/**
 * vfio_mig_set_state - vfio_migration_ops.migration_set_state
 * @vdev: the device
 * @new_state: where to go
 *
 * Return: the data file if the last arc opened a session, NULL if not, an
 * error pointer if an arc was refused or failed; then the device is in the
 * last state reached, or in ERROR.
 */
struct file *vfio_mig_set_state(struct vfio_device *vdev,
				enum vfio_device_mig_state new_state)
{
	struct vfio_mig *mig = vfio_mig_of(vdev);
	struct file *filp;

	vfio_mig_lock(mig);
	filp = vfio_mig_walk_locked(mig, new_state);
	vfio_mig_unlock(mig);
	return filp;
}
