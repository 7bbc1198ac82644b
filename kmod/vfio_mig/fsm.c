// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: the state machine.
 *
 * vfio core says which way to go (vfio_mig_get_next_state()); what an arc does
 * stands in one table here.  Requests that core's function must not be asked
 * about are answered first: from ERROR it warns, to a state the device lacks
 * it is a waste, and before Linux 7.2 it never returns for blocked ones.
 */
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>

#include "internal.h"
#include "trace.h"

static int call(struct vfio_mig *mig, int (*op)(struct vfio_mig *mig))
{
	return op ? op(mig) : 0;
}

static int arc_p2p_begin(struct vfio_mig *mig)
{
	return call(mig, mig->ops->p2p_begin);
}

static int arc_p2p_end(struct vfio_mig *mig)
{
	return call(mig, mig->ops->p2p_end);
}

static int arc_stop(struct vfio_mig *mig)
{
	return call(mig, mig->ops->stop);
}

static int arc_start(struct vfio_mig *mig)
{
	return call(mig, mig->ops->start);
}

static int arc_save(struct vfio_mig *mig)
{
	return vfio_mig_session_save(mig->session);
}

static int arc_save_end(struct vfio_mig *mig)
{
	vfio_mig_drop_session(mig);
	return call(mig, mig->ops->save_end);
}

static int arc_precopy_begin(struct vfio_mig *mig)
{
	return mig->ops->precopy_begin(mig);
}

static int arc_precopy_end(struct vfio_mig *mig)
{
	vfio_mig_drop_session(mig);
	mig->ops->precopy_end(mig);
	return 0;
}

/* The session goes on.  A device that was stopped for nothing runs again. */
static int arc_finish_precopy(struct vfio_mig *mig)
{
	int ret = call(mig, mig->ops->stop);

	if (ret)
		return ret;
	ret = vfio_mig_session_save(mig->session);
	if (ret && mig->state != VFIO_DEVICE_STATE_ERROR &&
	    call(mig, mig->ops->start))
		vfio_mig_set_error(mig);
	return ret;
}

static int arc_load_begin(struct vfio_mig *mig)
{
	return call(mig, mig->ops->load_begin);
}

static int arc_load_end(struct vfio_mig *mig)
{
	int ret = vfio_mig_session_commit(mig->session);

	if (!ret)
		vfio_mig_drop_session(mig);
	return ret;
}

static const struct vfio_mig_arc {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
	int (*take)(struct vfio_mig *mig);
	bool opens;
} vfio_mig_arcs[] = {
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P, arc_p2p_begin },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_RUNNING, arc_p2p_end },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_STOP, arc_stop },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING_P2P, arc_start },
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_STOP, arc_stop },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RUNNING, arc_start },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_STOP_COPY, arc_save, true },
	{ VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_STOP, arc_save_end },
	{ VFIO_DEVICE_STATE_STOP, VFIO_DEVICE_STATE_RESUMING, arc_load_begin, true },
	{ VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_STOP, arc_load_end },
	{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_PRE_COPY,
	  arc_precopy_begin, true },
	{ VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_RUNNING, arc_precopy_end },
	{ VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_PRE_COPY_P2P,
	  arc_precopy_begin, true },
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

static_assert(ARRAY_SIZE(vfio_mig_arcs) == VFIO_MIG_NR_ARCS);

/**
 * vfio_mig_arc_ends - the states that an arc leads from and to
 * @nr: of the arc, in the order of the table
 * @from: state left
 * @to: state entered
 *
 * Context: any.
 */
void vfio_mig_arc_ends(unsigned int nr, enum vfio_device_mig_state *from,
		       enum vfio_device_mig_state *to)
{
	*from = vfio_mig_arcs[nr].from;
	*to = vfio_mig_arcs[nr].to;
}
EXPORT_SYMBOL_GPL(vfio_mig_arc_ends);

static const struct vfio_mig_arc *
vfio_mig_find_arc(enum vfio_device_mig_state from, enum vfio_device_mig_state to)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vfio_mig_arcs); i++)
		if (vfio_mig_arcs[i].from == from && vfio_mig_arcs[i].to == to)
			return &vfio_mig_arcs[i];
	return NULL;
}

/*
 * What the hardware does.  A driver that is told of the states themselves is told
 * as well that one was not entered after all.
 */
static int vfio_mig_take_arc(struct vfio_mig *mig, const struct vfio_mig_arc *arc)
{
	const struct vfio_mig_ops *ops = mig->ops;
	int ret;

	if (ops->step) {
		ret = ops->step(mig, arc->from, arc->to);
		if (ret)
			return ret;
	}
	ret = arc->take(mig);
	if (!ret && mig->state == VFIO_DEVICE_STATE_ERROR)
		return -EIO;
	if (ret && ops->step && mig->state != VFIO_DEVICE_STATE_ERROR &&
	    ops->step(mig, arc->to, arc->from))
		vfio_mig_set_error(mig);
	return ret;
}

static void vfio_mig_count_arc(struct vfio_mig *mig,
			       const struct vfio_mig_arc *arc, int ret, u64 ns)
{
	struct vfio_mig_arc_stats *stats = &mig->stats.arcs[arc - vfio_mig_arcs];

	trace_vfio_mig_arc(mig->vdev, arc->from, arc->to, ret, ns);
	if (ret) {
		stats->failed++;
		return;
	}
	stats->taken++;
	stats->ns += ns;
	stats->max_ns = max(stats->max_ns, ns);
}

static void vfio_mig_notify_arc(struct vfio_mig *mig,
				const struct vfio_mig_arc *arc, int ret, u64 ns)
{
	const struct vfio_mig_event event = {
		.type = VFIO_MIG_STATE_CHANGED, .from = arc->from, .to = arc->to,
		.state = mig->state, .ns = ns, .error = ret,
	};

	vfio_mig_notify(mig, &event);
}

/* One arc.  On error the state is what it was, or ERROR, without a session. */
static struct file *vfio_mig_step(struct vfio_mig *mig,
				  const struct vfio_mig_arc *arc)
{
	struct file *filp = NULL;
	int ret;

	if (arc->opens) {
		filp = vfio_mig_session_open(mig, arc->to);
		if (IS_ERR(filp))
			return filp;
	}
	ret = vfio_mig_take_arc(mig, arc);
	if (!ret) {
		mig->state = arc->to;
		return filp;
	}
	if (filp) {
		vfio_mig_end_session(mig);
		fput(filp);
	} else if (mig->state == VFIO_DEVICE_STATE_ERROR) {
		vfio_mig_drop_session(mig);
	}
	return ERR_PTR(ret);
}

static struct file *vfio_mig_timed_step(struct vfio_mig *mig,
					enum vfio_device_mig_state to)
{
	const struct vfio_mig_arc *arc = vfio_mig_find_arc(mig->state, to);
	const u64 begin = ktime_get_ns();
	struct file *filp;
	u64 ns;
	int ret;

	if (WARN_ON_ONCE(!arc))
		return ERR_PTR(-EINVAL);
	ret = vfio_mig_fault(mig, VFIO_MIG_FAULT_ARC);
	filp = ret ? ERR_PTR(ret) : vfio_mig_step(mig, arc);
	ns = ktime_get_ns() - begin;
	vfio_mig_count_arc(mig, arc, PTR_ERR_OR_ZERO(filp), ns);
	vfio_mig_notify_arc(mig, arc, PTR_ERR_OR_ZERO(filp), ns);
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
	    vfio_mig_is_blocked(mig, new_state)) {
		mig->stats.refused++;
		return ERR_PTR(-EINVAL);
	}

	while (mig->state != new_state) {
		if (WARN_ON_ONCE(filp)) {
			fput(filp);
			return ERR_PTR(-EINVAL);
		}
		ret = vfio_mig_get_next_state(mig->vdev, mig->state, new_state,
					      &next);
		if (ret)
			return ERR_PTR(ret);
		filp = vfio_mig_timed_step(mig, next);
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
