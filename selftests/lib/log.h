/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DMA logging of a device.  What the functions return is what the kernel said. */
#ifndef LOG_H
#define LOG_H

#include "vt.h"

/* Bits of a bitmap as a report fills it. */
#define LOG_WORDS(bits)	(((bits) + 63) / 64)

typedef struct vfio_device_feature_dma_logging_range log_range;

bool log_possible(void);
int log_probe(struct vt_dev *dev, unsigned int feature);
int log_start(struct vt_dev *dev, uint64_t *page_size, const log_range *ranges,
	      uint32_t n);
int log_start_one(struct vt_dev *dev, uint64_t page_size, uint64_t iova,
		  uint64_t length);
int log_stop(struct vt_dev *dev);
int log_report(struct vt_dev *dev, uint64_t iova, uint64_t length,
	       uint64_t page_size, uint64_t *bitmap);
bool log_bit(const uint64_t *bitmap, uint64_t nr);
uint64_t log_count(const uint64_t *bitmap, uint64_t bits);

#endif
