// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: the counters, for drivers that show them.  They are counted where
 * things happen.
 */
#include <linux/export.h>

#include "internal.h"

/*
 * What went through the open session is added at its end, as a whole; what is told
 * of it now must be taken off then, so these begin below zero.
 */
static void vfio_mig_stats_restart(struct vfio_mig_stats *stats,
				   const struct vfio_mig_stats *told)
{
	*stats = (struct vfio_mig_stats) {
		.reads = stats->reads - told->reads,
		.bytes_read = stats->bytes_read - told->bytes_read,
		.writes = stats->writes - told->writes,
		.bytes_written = stats->bytes_written - told->bytes_written,
	};
}

/* The lock of the session is for the queries. */
static void vfio_mig_stats_copy(struct vfio_mig *mig,
				struct vfio_mig_stats_now *now, bool zero)
{
	struct vfio_mig_session *s = mig->session;

	if (s)
		mutex_lock(&s->lock);
	now->stats = mig->stats;
	if (s)
		vfio_mig_session_count(s, &now->stats);
	if (zero)
		vfio_mig_stats_restart(&mig->stats, &now->stats);
	if (s)
		mutex_unlock(&s->lock);
	now->state = mig->state;
	now->open = s;
}

/**
 * vfio_mig_stats_get - what a device's migration has done
 * @mig: the device's migration
 * @now: filled in, all of it at one moment between two arcs
 *
 * Context: may sleep; waits for an arc that is being taken.
 */
void vfio_mig_stats_get(struct vfio_mig *mig, struct vfio_mig_stats_now *now)
{
	vfio_mig_lock(mig);
	vfio_mig_stats_copy(mig, now, false);
	vfio_mig_unlock(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_stats_get);

/**
 * vfio_mig_stats_zero - begin to count anew
 * @mig: the device's migration
 * @before: what there was; nothing is counted in both, nor in neither
 *
 * Context: as vfio_mig_stats_get().
 */
void vfio_mig_stats_zero(struct vfio_mig *mig, struct vfio_mig_stats_now *before)
{
	vfio_mig_lock(mig);
	vfio_mig_stats_copy(mig, before, true);
	vfio_mig_unlock(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_stats_zero);
