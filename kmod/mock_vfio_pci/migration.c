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

static int mock_mig_stop(struct vfio_mig *mig)
{
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_STOPPED);
	return 0;
}

static int mock_mig_save(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	return mock_state_save(mig_to_mock(mig), buf);
}

static int mock_mig_load_begin(struct vfio_mig *mig)
{
	struct mock_vfio *mv = mig_to_mock(mig);

	memset(&mv->loader, 0, sizeof(mv->loader));
	return 0;
}

static int mock_mig_load_check(struct vfio_mig *mig,
			       const struct vfio_mig_buf *buf)
{
	return mock_state_verify(mig_to_mock(mig), buf);
}

static int mock_mig_load(struct vfio_mig *mig, const struct vfio_mig_buf *buf)
{
	return mock_state_apply(mig_to_mock(mig), buf);
}

static void mock_mig_reset(struct vfio_mig *mig)
{
	mock_dev_set_level(mig_to_mock(mig)->fn, MOCK_RUNNING);
}

static u64 mock_mig_data_size(struct vfio_mig *mig)
{
	return mock_state_size(mig_to_mock(mig));
}

static u64 mock_mig_load_max(struct vfio_mig *mig)
{
	return mock_state_max(mig_to_mock(mig));
}

/* STOP is left for RUNNING_P2P, in which the device answers but starts nothing. */
static const struct vfio_mig_ops mock_mig_ops = {
	.p2p_begin = mock_mig_p2p_begin,
	.p2p_end = mock_mig_p2p_end,
	.stop = mock_mig_stop,
	.start = mock_mig_p2p_begin,
	.save = mock_mig_save,
	.load_begin = mock_mig_load_begin,
	.load_check = mock_mig_load_check,
	.load = mock_mig_load,
	.reset = mock_mig_reset,
	.data_size = mock_mig_data_size,
	.load_max = mock_mig_load_max,
};

/**
 * mock_migration_init - make a function migratable
 * @mv: the function, not yet registered
 *
 * Return: 0 or an error.
 */
int mock_migration_init(struct mock_vfio *mv)
{
	return vfio_mig_init(&mv->mig, &mv->core.vdev, &mock_mig_ops,
			     VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P);
}
