/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the variant driver share. */
#ifndef MOCK_VFIO_PCI_VFIO_H
#define MOCK_VFIO_PCI_VFIO_H

#include <linux/vfio_pci_core.h>

#include "mock.h"
#include "vfio_mig.h"
#include "vfio_mig_log.h"

/**
 * struct mock_saver - how much of a stream is written
 * @begun: the header is
 * @initial: not all of what there was at the beginning is
 * @ended: the end record is
 * @cursor: the first page of @initial that is not
 * @passed: number of pages before @cursor
 * @records: number of records
 */
struct mock_saver {
	bool begun;
	bool initial;
	bool ended;
	unsigned long cursor;
	unsigned long passed;
	u32 records;
};

/**
 * struct mock_loader - what is verified of a stream
 * @pos: bytes
 * @records: number of records
 * @regs: payload of the record with the registers, NULL until it has come
 * @pages: pages of device memory as they will be
 * @ended: the end record has come
 * @resets: of the device, when this began
 */
struct mock_loader {
	u64 pos;
	u32 records;
	struct mock_vfio_state_regs *regs;
	struct xarray pages;
	bool ended;
	unsigned int resets;
};

/**
 * struct mock_vfio - a function as a VFIO device
 * @core: vfio-pci-core's part, first
 * @mig: the scaffold's part
 * @log: its part for DMA logging
 * @dma_watch: tells @log
 * @fn: the function
 * @saver: state of PRE_COPY and STOP_COPY
 * @loader: state of RESUMING
 * @users: of mock_vfio_get() that have not put it yet
 */
struct mock_vfio {
	struct vfio_pci_core_device core;
	struct vfio_mig mig;
	struct vfio_mig_log log;
	struct mock_dma_watch dma_watch;
	struct mock_fn *fn;
	struct mock_saver saver;
	struct mock_loader loader;
	atomic_t users;
};

static inline struct mock_vfio *to_mock_vfio(struct vfio_device *vdev)
{
	return container_of(vdev, struct mock_vfio, core.vdev);
}

/* vfio.c */
struct mock_vfio *mock_vfio_get(struct mock_fn *fn);
void mock_vfio_put(struct mock_vfio *mv);

/* bars.c */
#ifdef COMPAT_HAS_REGION_INFO_CAPS
int mock_bar_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			 struct vfio_info_cap *caps);
#else
long mock_bar_ioctl(struct vfio_device *vdev, unsigned int cmd,
		    unsigned long arg);
#endif
ssize_t mock_bar_read(struct vfio_device *vdev, char __user *buf, size_t count,
		      loff_t *ppos);
ssize_t mock_bar_write(struct vfio_device *vdev, const char __user *buf,
		       size_t count, loff_t *ppos);
int mock_bar_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
void mock_bar_unmap(struct mock_vfio *mv);
void mock_bar_protect(struct mock_vfio *mv, u64 offset, u64 len);
void mock_bar_zap(struct mock_vfio *mv);

/* migration.c */
int mock_migration_init(struct mock_vfio *mv);

/* log.c */
int mock_log_init(struct mock_vfio *mv);

/* state.c */
void mock_state_begin(struct mock_vfio *mv);
int mock_state_fill(struct mock_vfio *mv, struct vfio_mig_buf *buf);
void mock_state_left(struct mock_vfio *mv, u64 *initial, u64 *dirty);
int mock_state_fill_last(struct mock_vfio *mv, struct vfio_mig_buf *buf);
u64 mock_state_size(struct mock_vfio *mv);

/* load.c */
void mock_load_begin(struct mock_vfio *mv);
int mock_load_verify(struct mock_vfio *mv, struct vfio_mig_buf *buf);
int mock_load_apply(struct mock_vfio *mv);
void mock_load_end(struct mock_vfio *mv);

/* events.c */
void mock_event_mig(const struct mock_fn *fn, const struct vfio_mig_event *event);

#endif /* MOCK_VFIO_PCI_VFIO_H */
