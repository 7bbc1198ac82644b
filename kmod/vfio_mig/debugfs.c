// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig: counters in debugfs, and the directories of faults.
 *
 * Beside vfio's own files of the device (vfio/DEVICE/) where the kernel has them,
 * else in a directory of the library (vfio_mig/DEVICE/).
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "internal.h"

static struct dentry *vfio_mig_debugfs_root;

static const char * const vfio_mig_state_texts[] = {
	[VFIO_DEVICE_STATE_ERROR] = "ERROR",
	[VFIO_DEVICE_STATE_STOP] = "STOP",
	[VFIO_DEVICE_STATE_RUNNING] = "RUNNING",
	[VFIO_DEVICE_STATE_STOP_COPY] = "STOP_COPY",
	[VFIO_DEVICE_STATE_RESUMING] = "RESUMING",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "RUNNING_P2P",
	[VFIO_DEVICE_STATE_PRE_COPY] = "PRE_COPY",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "PRE_COPY_P2P",
};

static int arcs_show(struct seq_file *m, void *unused)
{
	struct vfio_mig *mig = m->private;
	enum vfio_device_mig_state from, to;
	const struct vfio_mig_arc_stats *arc;
	unsigned int i;

	seq_puts(m, "# from to taken failed total_ns longest_ns\n");
	vfio_mig_lock(mig);
	for (i = 0; i < VFIO_MIG_NR_ARCS; i++) {
		arc = &mig->stats.arcs[i];
		vfio_mig_arc_ends(i, &from, &to);
		seq_printf(m, "%s %s %llu %llu %llu %llu\n",
			   vfio_mig_state_texts[from], vfio_mig_state_texts[to],
			   arc->taken, arc->failed, arc->ns, arc->max_ns);
	}
	vfio_mig_unlock(mig);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(arcs);

static int counters_show(struct seq_file *m, void *unused)
{
	struct vfio_mig *mig = m->private;
	struct vfio_mig_stats *stats;

	stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	if (!stats)
		return -ENOMEM;
	vfio_mig_lock(mig);
	*stats = mig->stats;
	if (mig->session)
		vfio_mig_session_count(mig->session, stats);
	seq_printf(m, "state %s\n", vfio_mig_state_texts[mig->state]);
	seq_printf(m, "session_open %d\n", !!mig->session);
	vfio_mig_unlock(mig);
	seq_printf(m, "sessions %llu\n", stats->sessions);
	seq_printf(m, "resets %llu\n", stats->resets);
	seq_printf(m, "refused %llu\n", stats->refused);
	seq_printf(m, "reads %llu\n", stats->reads);
	seq_printf(m, "bytes_read %llu\n", stats->bytes_read);
	seq_printf(m, "writes %llu\n", stats->writes);
	seq_printf(m, "bytes_written %llu\n", stats->bytes_written);
	seq_printf(m, "precopy_queries %llu\n", stats->precopy_queries);
	kfree(stats);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

static struct dentry *vfio_mig_debugfs_parent(struct vfio_mig *mig)
{
#ifdef CONFIG_VFIO_DEBUGFS
	return debugfs_create_dir("vfio_mig", mig->vdev->debug_root);
#else
	return debugfs_create_dir(dev_name(mig->vdev->dev),
				  vfio_mig_debugfs_root);
#endif
}

/**
 * vfio_mig_debugfs_add - show a device's counters
 * @mig: the device's migration, its vfio_device registered
 *
 * Context: may sleep.
 */
void vfio_mig_debugfs_add(struct vfio_mig *mig)
{
	mig->debugfs = vfio_mig_debugfs_parent(mig);
	debugfs_create_file("arcs", 0400, mig->debugfs, mig, &arcs_fops);
	debugfs_create_file("counters", 0400, mig->debugfs, mig, &counters_fops);
	vfio_mig_fault_add(mig);
}
EXPORT_SYMBOL_GPL(vfio_mig_debugfs_add);

/**
 * vfio_mig_debugfs_remove - opposite of vfio_mig_debugfs_add()
 * @mig: the device's migration, its vfio_device still registered
 *
 * Context: may sleep, waits for readers.
 */
void vfio_mig_debugfs_remove(struct vfio_mig *mig)
{
	debugfs_remove(mig->debugfs);
	mig->debugfs = NULL;
}
EXPORT_SYMBOL_GPL(vfio_mig_debugfs_remove);

/**
 * vfio_mig_debugfs_init - the library's own directory
 */
void vfio_mig_debugfs_init(void)
{
	if (!IS_ENABLED(CONFIG_VFIO_DEBUGFS))
		vfio_mig_debugfs_root = debugfs_create_dir("vfio_mig", NULL);
}

/**
 * vfio_mig_debugfs_exit - opposite of vfio_mig_debugfs_init()
 */
void vfio_mig_debugfs_exit(void)
{
	debugfs_remove(vfio_mig_debugfs_root);
}
