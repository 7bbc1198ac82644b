// SPDX-License-Identifier: GPL-2.0-or-later
/* The DMA logging uAPI of a device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "log.h"

/* In the kernel's own words: without this function nothing can be reported. */
bool log_possible(void)
{
	char line[256];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " iova_bitmap_set\n");
	if (f)
		fclose(f);
	return found;
}

int log_probe(struct vt_dev *dev, unsigned int feature)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_PROBE | feature,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &f) ? -errno : 0;
}

int log_start(struct vt_dev *dev, uint64_t *page_size, const log_range *ranges,
	      uint32_t n)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_dma_logging_control c;
	} arg = {
		.f.argsz = sizeof(arg),
		.f.flags = VFIO_DEVICE_FEATURE_SET |
			   VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
		.c.page_size = *page_size,
		.c.num_ranges = n,
		.c.ranges = (uintptr_t)ranges,
	};

	if (ioctl(dev->fd, VFIO_DEVICE_FEATURE, &arg))
		return -errno;
	*page_size = arg.c.page_size;
	return 0;
}

int log_start_one(struct vt_dev *dev, uint64_t page_size, uint64_t iova,
		  uint64_t length)
{
	const log_range range = { .iova = iova, .length = length };

	return log_start(dev, &page_size, &range, 1);
}

int log_stop(struct vt_dev *dev)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &f) ? -errno : 0;
}

int log_report(struct vt_dev *dev, uint64_t iova, uint64_t length,
	       uint64_t page_size, uint64_t *bitmap)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_feature_dma_logging_report r;
	} arg = {
		.f.argsz = sizeof(arg),
		.f.flags = VFIO_DEVICE_FEATURE_GET |
			   VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
		.r.iova = iova,
		.r.length = length,
		.r.page_size = page_size,
		.r.bitmap = (uintptr_t)bitmap,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &arg) ? -errno : 0;
}

bool log_bit(const uint64_t *bitmap, uint64_t nr)
{
	return bitmap[nr / 64] >> nr % 64 & 1;
}

uint64_t log_count(const uint64_t *bitmap, uint64_t bits)
{
	uint64_t i, n = 0;

	for (i = 0; i < LOG_WORDS(bits); i++)
		n += __builtin_popcountll(bitmap[i]);
	return n;
}
