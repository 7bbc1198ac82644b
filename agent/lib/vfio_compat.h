/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the VFIO and IOMMUFD interfaces that are newer than the headers
 * of Debian 12 (Linux 6.1), under names of our own.
 */
#ifndef VFM_VFIO_COMPAT_H
#define VFM_VFIO_COMPAT_H

#include <linux/types.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#define VFM_STATE_PRE_COPY		6
#define VFM_STATE_PRE_COPY_P2P		7
#define VFM_MIGRATION_PRE_COPY		(1 << 2)
#define VFM_FEATURE_MIG_DATA_SIZE	9

struct vfm_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

#define VFM_MIG_GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

struct vfm_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};

struct vfm_attach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
};

#define VFM_DEVICE_BIND_IOMMUFD		_IO(VFIO_TYPE, VFIO_BASE + 18)
#define VFM_DEVICE_ATTACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 19)

struct vfm_iommu_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

struct vfm_iommu_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 reserved;
	__aligned_u64 user_va;
	__aligned_u64 length;
	__aligned_u64 iova;
};

struct vfm_iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};

struct vfm_iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

struct vfm_iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 reserved;
	__u32 data_type;
	__u32 data_len;
	__aligned_u64 data_uptr;
};

#define VFM_HWPT_ALLOC_NEST_PARENT	(1 << 0)
#define VFM_HWPT_ALLOC_DIRTY_TRACKING	(1 << 1)

struct vfm_iommu_hwpt_set_dirty_tracking {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 reserved;
};

#define VFM_HWPT_DIRTY_TRACKING_ENABLE	1

struct vfm_iommu_hwpt_get_dirty_bitmap {
	__u32 size;
	__u32 hwpt_id;
	__u32 flags;
	__u32 reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 data;
};

#define VFM_HWPT_GET_DIRTY_NO_CLEAR	1

#define VFM_IOMMU_MAP_FIXED_IOVA	(1 << 0)
#define VFM_IOMMU_MAP_WRITEABLE		(1 << 1)
#define VFM_IOMMU_MAP_READABLE		(1 << 2)

#define VFM_IOMMU_IOAS_ALLOC		_IO(VFIO_TYPE, 0x81)
#define VFM_IOMMU_IOAS_MAP		_IO(VFIO_TYPE, 0x85)
#define VFM_IOMMU_IOAS_UNMAP		_IO(VFIO_TYPE, 0x86)
#define VFM_IOMMU_HWPT_ALLOC		_IO(VFIO_TYPE, 0x89)
#define VFM_IOMMU_HWPT_SET_DIRTY	_IO(VFIO_TYPE, 0x8b)
#define VFM_IOMMU_HWPT_GET_DIRTY	_IO(VFIO_TYPE, 0x8c)
#define VFM_IOMMU_IOAS_MAP_FILE		_IO(VFIO_TYPE, 0x8f)

#endif
