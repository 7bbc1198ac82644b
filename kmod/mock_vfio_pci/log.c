// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: DMA logging of the variant driver.
 *
 * What is limited here is so for the sake of users, who are to meet what they
 * meet with hardware: a few page sizes, and fewer ranges than can be asked for.
 *
 * A reset does not concern the log: it is kept by the driver, and what the
 * device wrote before the reset is in memory.
 */
#include <linux/sizes.h>

#include "vfio.h"

#define MOCK_LOG_RANGES	32

static struct mock_vfio *log_to_mock(struct vfio_mig_log *log)
{
	return container_of(log, struct mock_vfio, log);
}

static void mock_log_wrote(struct mock_dma_watch *watch, u64 iova, u64 len)
{
	struct mock_vfio *mv = container_of(watch, struct mock_vfio, dma_watch);

	vfio_mig_log_mark(&mv->log, iova, len);
}

static int mock_log_start(struct vfio_mig_log *log,
			  const struct vfio_mig_log_range *ranges, u32 nr,
			  u64 page_size)
{
	struct mock_vfio *mv = log_to_mock(log);

	mock_dma_watch(mv->fn, &mv->dma_watch);
	return 0;
}

static void mock_log_stop(struct vfio_mig_log *log)
{
	mock_dma_watch(log_to_mock(log)->fn, NULL);
}

static const struct vfio_mig_log_ops mock_log_ops = {
	.page_sizes = SZ_4K | SZ_64K | SZ_2M,
	.max_ranges = MOCK_LOG_RANGES,
	.start = mock_log_start,
	.stop = mock_log_stop,
};

/**
 * mock_log_init - let a function log what it writes by DMA
 * @mv: the function, not yet registered, of a kind that can
 *
 * Return: 0 or an error.
 */
int mock_log_init(struct mock_vfio *mv)
{
	mv->dma_watch.wrote = mock_log_wrote;
	return vfio_mig_log_init(&mv->log, &mv->core.vdev, &mock_log_ops);
}
