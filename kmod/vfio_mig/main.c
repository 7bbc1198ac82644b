// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: what a driver calls, the state mutex and the deferred reset.
 *
 * A reset can arrive from a path that holds vfio-pci-core's memory_lock, which
 * the fault handler of a mapped BAR takes below the mm's lock.  So the path
 * must not wait for the state mutex: it leaves a flag if the mutex is taken,
 * and whoever releases the mutex finds the flag and does the work.
 */
#include <linux/cleanup.h>
#include <linux/module.h>

#include "dirty_map.h"
#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * vfio_mig_end_session - cut the open data_fd session, if any, off the device
 * @mig: the device's migration, state mutex held
 */
void vfio_mig_end_session(struct vfio_mig *mig)
{
	struct vfio_mig_session *session = mig->session;

	if (!session)
		return;
	spin_lock(&mig->reset_lock);
	mig->session = NULL;
	spin_unlock(&mig->reset_lock);
	vfio_mig_session_end(session);
}

/**
 * vfio_mig_drop_session - end the session, and what the driver keeps for it
 * @mig: the device's migration, state mutex held
 */
void vfio_mig_drop_session(struct vfio_mig *mig)
{
	const bool loading = mig->session && mig->session->loading;

	vfio_mig_end_session(mig);
	if (loading && mig->ops->load_end)
		mig->ops->load_end(mig);
}

/**
 * vfio_mig_wake - there is something to read again
 * @mig: the device's migration
 *
 * For a driver in PRE_COPY that had nothing more to append, and has now; and for
 * one whose @ops->save_read has answered -EAGAIN.
 *
 * Context: any but interrupts; any lock but the state mutex may be held.
 */
void vfio_mig_wake(struct vfio_mig *mig)
{
	spin_lock(&mig->reset_lock);
	if (mig->session)
		vfio_mig_session_wake(mig->session);
	spin_unlock(&mig->reset_lock);
}
EXPORT_SYMBOL_GPL(vfio_mig_wake);

/**
 * vfio_mig_precopy_reinit - there are new initial data
 * @mig: the device's migration
 *
 * For a device that was reconfigured in PRE_COPY and will have to send what the
 * other side needs first once more: @ops->precopy_size reports that as initial
 * from before this is called.  Users who have opted in to version 2 of the
 * pre-copy information see VFIO_PRECOPY_INFO_REINIT once, for others it is dirty.
 *
 * Context: as vfio_mig_wake().
 */
void vfio_mig_precopy_reinit(struct vfio_mig *mig)
{
	spin_lock(&mig->reset_lock);
	if (mig->session) {
		WRITE_ONCE(mig->session->late_initial, true);
		WRITE_ONCE(mig->session->reinit, true);
		vfio_mig_session_wake(mig->session);
	}
	spin_unlock(&mig->reset_lock);
}
EXPORT_SYMBOL_GPL(vfio_mig_precopy_reinit);

/* RUNNING, and nothing of what was. */
static void vfio_mig_start_over(struct vfio_mig *mig,
				enum vfio_mig_event_type why)
{
	const struct vfio_mig_event event = {
		.type = why, .from = mig->state, .to = VFIO_DEVICE_STATE_RUNNING,
		.state = VFIO_DEVICE_STATE_RUNNING,
	};

	vfio_mig_drop_session(mig);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	if (mig->ops->reset)
		mig->ops->reset(mig);
	if (why == VFIO_MIG_RESET || event.from != event.to)
		vfio_mig_notify(mig, &event);
}

static void vfio_mig_do_reset(struct vfio_mig *mig)
{
	trace_vfio_mig_reset(mig->vdev, mig->state);
	mig->stats.resets++;
	vfio_mig_start_over(mig, VFIO_MIG_RESET);
}

/**
 * vfio_mig_lock - take the state mutex
 * @mig: the device's migration
 *
 * Context: may sleep.
 */
void vfio_mig_lock(struct vfio_mig *mig)
{
	mutex_lock(&mig->state_mutex);
}

/**
 * vfio_mig_unlock - release the state mutex and do a reset that came meanwhile
 * @mig: the device's migration
 *
 * The mutex is released under the reset lock: a reset after the test of the
 * flag would find the mutex taken, leave the flag, and nobody would see it.
 */
void vfio_mig_unlock(struct vfio_mig *mig)
{
	for (;;) {
		spin_lock(&mig->reset_lock);
		if (!mig->deferred_reset)
			break;
		mig->deferred_reset = false;
		spin_unlock(&mig->reset_lock);
		vfio_mig_do_reset(mig);
	}
	mutex_unlock(&mig->state_mutex);
	spin_unlock(&mig->reset_lock);
}

/**
 * vfio_mig_reset_done - the device was reset
 * @mig: the device's migration
 *
 * For every kind of reset (VFIO_DEVICE_RESET, FLR, hot reset, error recovery):
 * open sessions end, the state is RUNNING again, @ops->reset has been or will
 * be called before the state mutex is free.
 *
 * Context: may sleep; any lock but the state mutex may be held.
 */
void vfio_mig_reset_done(struct vfio_mig *mig)
{
	spin_lock(&mig->reset_lock);
	mig->deferred_reset = true;
	if (!mutex_trylock(&mig->state_mutex)) {
		spin_unlock(&mig->reset_lock);
		return;
	}
	spin_unlock(&mig->reset_lock);
	vfio_mig_unlock(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_reset_done);

/**
 * vfio_mig_set_error - the device is in no state that can be named
 * @mig: the device's migration
 *
 * For callbacks that fail and cannot restore the state they started from: they
 * return an error as well.  The session, if one is open, ends.  Only a reset leads
 * out.
 *
 * Context: from a callback of struct vfio_mig_ops, state mutex held.
 */
void vfio_mig_set_error(struct vfio_mig *mig)
{
	lockdep_assert_held(&mig->state_mutex);
	mig->state = VFIO_DEVICE_STATE_ERROR;
}
EXPORT_SYMBOL_GPL(vfio_mig_set_error);

/**
 * vfio_mig_open - the device is opened
 * @mig: the device's migration
 *
 * Nothing of an earlier user remains: state RUNNING, no session.
 *
 * Context: from vfio_device_ops.open_device, after the hardware works.
 */
void vfio_mig_open(struct vfio_mig *mig)
{
	vfio_mig_lock(mig);
	vfio_mig_start_over(mig, VFIO_MIG_STATE_CHANGED);
	vfio_mig_unlock(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_open);

/**
 * vfio_mig_close - the last user has closed the device
 * @mig: the device's migration
 *
 * Data descriptors that are still open answer ENODEV from here on.
 *
 * Context: from vfio_device_ops.close_device, before the hardware is disabled.
 */
void vfio_mig_close(struct vfio_mig *mig)
{
	vfio_mig_lock(mig);
	vfio_mig_start_over(mig, VFIO_MIG_STATE_CHANGED);
	vfio_mig_unlock(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_close);

static int vfio_mig_get_state(struct vfio_device *vdev,
			      enum vfio_device_mig_state *state)
{
	struct vfio_mig *mig = vfio_mig_of(vdev);

	vfio_mig_lock(mig);
	*state = mig->state;
	vfio_mig_unlock(mig);
	return 0;
}

/* QEMU sizes a buffer by the answer and fails on an empty one: never 0. */
static int vfio_mig_get_data_size(struct vfio_device *vdev, unsigned long *size)
{
	struct vfio_mig *mig = vfio_mig_of(vdev);

	vfio_mig_lock(mig);
	*size = max_t(u64, mig->ops->data_size(mig), 1);
	vfio_mig_unlock(mig);
	return 0;
}

static bool vfio_mig_can_save(const struct vfio_mig_ops *ops)
{
	return ops->save || ops->save_fill || ops->save_read || ops->queue_max;
}

static bool vfio_mig_can_load(const struct vfio_mig_ops *ops)
{
	return ops->load && (ops->load_max || ops->load_write);
}

static bool vfio_mig_can_precopy(const struct vfio_mig_ops *ops)
{
	return ops->precopy_begin && ops->precopy_end && ops->precopy_size &&
	       (ops->precopy_fill || ops->save_read);
}

static bool vfio_mig_ops_valid(const struct vfio_mig_ops *ops, u32 flags)
{
	const u32 known = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
			  VFIO_MIGRATION_PRE_COPY;

	if (!(flags & VFIO_MIGRATION_STOP_COPY) || (flags & ~known))
		return false;
	if ((flags & VFIO_MIGRATION_PRE_COPY) && !vfio_mig_can_precopy(ops))
		return false;
	return vfio_mig_can_save(ops) && vfio_mig_can_load(ops) && ops->data_size;
}

/**
 * vfio_mig_init - make a vfio_device migratable
 * @mig: to be initialized; lives as long as @vdev
 * @vdev: the device, not yet registered
 * @ops: the driver's callbacks
 * @flags: VFIO_MIGRATION_STOP_COPY, optionally with VFIO_MIGRATION_P2P and
 *	   VFIO_MIGRATION_PRE_COPY
 *
 * Context: from vfio_device_ops.init.
 * Return: 0, or -EINVAL for missing callbacks or flags that are not supported.
 */
int vfio_mig_init(struct vfio_mig *mig, struct vfio_device *vdev,
		  const struct vfio_mig_ops *ops, u32 flags)
{
	if (!vfio_mig_ops_valid(ops, flags))
		return -EINVAL;

	mutex_init(&mig->state_mutex);
	spin_lock_init(&mig->reset_lock);
	mig->vdev = vdev;
	mig->ops = ops;
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mig->session = NULL;
	mig->deferred_reset = false;
	memset(&mig->stats, 0, sizeof(mig->stats));
	mig->debugfs = NULL;
	mig->faults = NULL;
	mig->core_ops.migration_set_state = vfio_mig_set_state;
	mig->core_ops.migration_get_state = vfio_mig_get_state;
	mig->core_ops.migration_get_data_size = vfio_mig_get_data_size;

	vdev->migration_flags = flags;
	vdev->mig_ops = &mig->core_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_mig_init);

/**
 * vfio_mig_destroy - opposite of vfio_mig_init()
 * @mig: the device's migration
 *
 * Context: from vfio_device_ops.release.
 */
void vfio_mig_destroy(struct vfio_mig *mig)
{
	WARN_ON(mig->session);
	vfio_mig_fault_free(mig);
	mutex_destroy(&mig->state_mutex);
}
EXPORT_SYMBOL_GPL(vfio_mig_destroy);

static int __init vfio_mig_module_init(void)
{
	int ret = vfio_mig_dirty_cache_create();

	if (ret)
		return ret;
	vfio_mig_debugfs_init();
	return 0;
}
module_init(vfio_mig_module_init);

static void __exit vfio_mig_module_exit(void)
{
	vfio_mig_debugfs_exit();
	vfio_mig_dirty_cache_destroy();
}
module_exit(vfio_mig_module_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Migration scaffold for VFIO drivers");
