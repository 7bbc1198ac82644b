// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the arcs of the migration state machine, in terms of what the
 * device model can do: run at a level, show its state, take a state.
 */
#include "vfio.h"

static struct mock_vfio *mig_to_mock(struct vfio_mig *mig)
{
	return container_of(mig, struct mock_vfio, mig);
}

static int mock_mig_p2p_begin(struct vfio_mig *mig)
{
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_P2P);
	return 0;
}

static int mock_mig_p2p_end(struct vfio_mig *mig)
{
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_RUNNING);
	return 0;
}

/* STOP is left for RUNNING_P2P, in which the device answers but starts nothing. */
static int mock_mig_start(struct vfio_mig *mig)
{
	struct mock_fn *fn = mig_to_mock(mig)->fn;

	mock_dev_set_level(fn, fn->conf.mig & VFIO_MIGRATION_P2P ?
			   MOCK_P2P : MOCK_RUNNING);
	return 0;
}

static int mock_mig_stop(struct vfio_mig *mig)
{
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_STOPPED);
	return 0;
}

static struct mock_vfio *mem_to_mock(struct mock_mem *mem)
{
	struct mock_fn *fn = container_of(mem, struct mock_fn, dev.mem);

	return container_of(dev_get_drvdata(&fn->pdev->dev), struct mock_vfio,
			    core);
}

static void mock_mig_dirtied(struct mock_mem *mem)
{
	vfio_mig_wake(&mem_to_mock(mem)->mig);
}

static void mock_mig_protect(struct mock_mem *mem, u64 offset, u64 len)
{
	mock_bar_protect(mem_to_mock(mem), offset, len);
}

static const struct mock_watch mock_mig_watch = {
	.dirtied = mock_mig_dirtied,
	.protect = mock_mig_protect,
};

static int mock_mig_precopy_begin(struct vfio_mig *mig)
{
	struct mock_vfio *mv = mig_to_mock(mig);

	mock_state_begin(mv);
	mock_mem_watch(&mv->fn->dev.mem, &mock_mig_watch);
	return 0;
}

static void mock_mig_precopy_end(struct vfio_mig *mig)
{
	mock_mem_unwatch(&mig_to_mock(mig)->fn->dev.mem);
}

static int mock_mig_precopy_fill(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	return mock_state_fill(mig_to_mock(mig), buf);
}

static void mock_mig_precopy_size(struct vfio_mig *mig, u64 *initial, u64 *dirty)
{
	mock_state_left(mig_to_mock(mig), initial, dirty);
}

/*
 * After a pre-copy its stream goes on.  The device stands still, but its user
 * need not: what is written before all was sent is sent once more.
 */
static int mock_mig_save(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	return mig_to_mock(mig)->fn->dev.mem.watch ? 0 : mock_mig_precopy_begin(mig);
}

static int mock_mig_save_fill(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	return mock_state_fill_last(mig_to_mock(mig), buf);
}

static int mock_mig_save_end(struct vfio_mig *mig)
{
	mock_mig_precopy_end(mig);
	return 0;
}

static int mock_mig_load_begin(struct vfio_mig *mig)
{
	mock_load_begin(mig_to_mock(mig));
	return 0;
}

static int mock_mig_load_check(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	return mock_load_verify(mig_to_mock(mig), buf);
}

static int mock_mig_load(struct vfio_mig *mig, const struct vfio_mig_buf *buf)
{
	return mock_load_apply(mig_to_mock(mig));
}

static void mock_mig_load_end(struct vfio_mig *mig)
{
	mock_load_end(mig_to_mock(mig));
}

static void mock_mig_reset(struct vfio_mig *mig)
{
	mock_mig_precopy_end(mig);
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_RUNNING);
}

static u64 mock_mig_data_size(struct vfio_mig *mig)
{
	return mock_state_size(mig_to_mock(mig));
}

/* A record at a time is looked at, whatever the length of the stream. */
static u64 mock_mig_load_max(struct vfio_mig *mig)
{
	return sizeof(struct mock_vfio_state_header) +
	       sizeof(struct mock_vfio_state_record) +
	       MOCK_VFIO_RECORD_LENGTH_MAX + PAGE_SIZE;
}

static void mock_mig_notify(struct vfio_mig *mig,
			    const struct vfio_mig_event *event)
{
	mock_event_mig(mig_to_mock(mig)->fn, event);
}

static const struct vfio_mig_ops mock_mig_ops = {
	.p2p_begin = mock_mig_p2p_begin,
	.p2p_end = mock_mig_p2p_end,
	.stop = mock_mig_stop,
	.start = mock_mig_start,
	.precopy_begin = mock_mig_precopy_begin,
	.precopy_end = mock_mig_precopy_end,
	.precopy_fill = mock_mig_precopy_fill,
	.precopy_size = mock_mig_precopy_size,
	.save = mock_mig_save,
	.save_fill = mock_mig_save_fill,
	.save_end = mock_mig_save_end,
	.load_begin = mock_mig_load_begin,
	.load_check = mock_mig_load_check,
	.load = mock_mig_load,
	.load_end = mock_mig_load_end,
	.reset = mock_mig_reset,
	.data_size = mock_mig_data_size,
	.load_max = mock_mig_load_max,
	.notify = mock_mig_notify,
};

/**
 * mock_migration_init - make a function migratable
 * @mv: the function, not yet registered, of a kind that can be
 *
 * Return: 0 or an error.
 */
int mock_migration_init(struct mock_vfio *mv)
{
	return vfio_mig_init(&mv->mig, &mv->core.vdev, &mock_mig_ops,
			     mv->fn->conf.mig);
}
