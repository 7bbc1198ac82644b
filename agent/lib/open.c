// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening a device by either of VFIO's two ways, and guest RAM for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "find.h"

const char * const vfm_backend_names[] = { "auto", "legacy", "iommufd", "fd" };

static int in_use(struct vfm_error *e)
{
	if (e->code == EBUSY)
		vfm_error_hint(e, "another process has the device or its group open");
	return -e->code;
}

static int open_group(struct vfm_device *d, int group, struct vfm_error *e)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	d->group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->group_fd < 0) {
		vfm_fail_errno(e, "cannot open %s", path);
		return in_use(e);
	}
	if (ioctl(d->group_fd, VFIO_GROUP_GET_STATUS, &status))
		return vfm_fail_errno(e, "cannot get the status of %s", path);
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	vfm_fail(e, EBUSY, "IOMMU group %d is not viable", group);
	return vfm_error_hint(e, "bind all devices of the group to VFIO drivers");
}

static int open_container(struct vfm_device *d, struct vfm_error *e)
{
	d->iommu_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (d->iommu_fd < 0)
		return vfm_fail_errno(e, "cannot open /dev/vfio/vfio");
	if (ioctl(d->iommu_fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return vfm_fail(e, EPROTONOSUPPORT, "unknown VFIO version");
	if (ioctl(d->iommu_fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0) {
		vfm_fail(e, ENODEV, "the container has no type1v2 IOMMU");
		return vfm_error_hint(e, "modprobe vfio_iommu_type1");
	}
	if (ioctl(d->group_fd, VFIO_GROUP_SET_CONTAINER, &d->iommu_fd))
		return vfm_fail_errno(e, "cannot put the group into a container");
	if (ioctl(d->iommu_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return vfm_fail_errno(e, "cannot use the type1v2 IOMMU");
	return 0;
}

static int open_legacy(struct vfm_device *d, const struct vfm_found *f,
		       struct vfm_error *e)
{
	int ret;

	if (f->group < 0)
		return vfm_fail(e, ENODEV, "it has no IOMMU group");
	ret = open_group(d, f->group, e);
	if (!ret)
		ret = open_container(d, e);
	if (ret)
		return ret;
	d->fd = ioctl(d->group_fd, VFIO_GROUP_GET_DEVICE_FD, f->name);
	if (d->fd >= 0)
		return 0;
	vfm_fail_errno(e, "cannot get the device from group %d", f->group);
	return in_use(e);
}

static int attach_ioas(struct vfm_device *d, struct vfm_error *e)
{
	struct vfm_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfm_attach_iommufd_pt attach = { .argsz = sizeof(attach) };

	if (ioctl(d->iommu_fd, VFM_IOMMU_IOAS_ALLOC, &alloc))
		return vfm_fail_errno(e, "cannot allocate an address space");
	d->ioas = alloc.out_ioas_id;
	attach.pt_id = d->ioas;
	if (ioctl(d->fd, VFM_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return vfm_fail_errno(e, "cannot attach the address space");
	return 0;
}

static int open_iommufd(struct vfm_device *d, const struct vfm_found *f,
			struct vfm_error *e)
{
	struct vfm_bind_iommufd bind = { .argsz = sizeof(bind) };

	if (!f->cdev[0]) {
		vfm_fail(e, ENODEV, "it has no character device");
		return vfm_error_hint(e, "this needs a kernel with CONFIG_VFIO_DEVICE_CDEV; or use --backend legacy");
	}
	d->iommu_fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (d->iommu_fd < 0)
		return vfm_fail_errno(e, "cannot open /dev/iommu");
	d->fd = open(f->cdev, O_RDWR | O_CLOEXEC);
	if (d->fd < 0) {
		vfm_fail_errno(e, "cannot open %s", f->cdev);
		return in_use(e);
	}
	bind.iommufd = d->iommu_fd;
	if (ioctl(d->fd, VFM_DEVICE_BIND_IOMMUFD, &bind)) {
		vfm_fail_errno(e, "cannot bind it to the iommufd");
		return in_use(e);
	}
	return attach_ioas(d, e);
}

static int open_found(struct vfm_device *d, const struct vfm_found *f,
		      struct vfm_error *e)
{
	if (d->backend == VFM_BACKEND_AUTO)
		d->backend = f->cdev[0] && !access("/dev/iommu", F_OK) ?
			VFM_BACKEND_IOMMUFD : VFM_BACKEND_LEGACY;
	return d->backend == VFM_BACKEND_IOMMUFD ? open_iommufd(d, f, e) :
		open_legacy(d, f, e);
}

static int open_fd(struct vfm_device *d, const char *number,
		   struct vfm_error *e)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (!*number || *end || fd < 0 || fcntl(fd, F_GETFD) < 0)
		return vfm_fail(e, EBADF, "no open descriptor");
	d->backend = VFM_BACKEND_FD;
	d->fd = fd;
	return 0;
}

static int open_any(struct vfm_device *d, const char *spec,
		    struct vfm_error *e)
{
	struct vfm_found f;
	int ret;

	if (!strncmp(spec, "fd:", 3))
		return open_fd(d, spec + 3, e);
	ret = vfm_find(spec, &f, e);
	if (ret)
		return ret;
	snprintf(d->name, sizeof(d->name), "%s", f.name);
	snprintf(d->sysfs, sizeof(d->sysfs), "%s", f.sysfs);
	return open_found(d, &f, e);
}

static int query(struct vfm_device *d, struct vfm_error *e)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct {
		struct vfio_device_feature h;
		struct vfio_device_feature_migration m;
	} f = {
		.h.argsz = sizeof(f),
		.h.flags = VFIO_DEVICE_FEATURE_GET |
			   VFIO_DEVICE_FEATURE_MIGRATION,
	};

	if (ioctl(d->fd, VFIO_DEVICE_GET_INFO, &info))
		return vfm_fail_errno(e, "not a VFIO device");
	d->flags = info.flags;
	d->nr_regions = info.num_regions;
	d->nr_irqs = info.num_irqs;
	if (!ioctl(d->fd, VFIO_DEVICE_FEATURE, &f))
		d->mig_flags = f.m.flags;
	else if (errno != ENOTTY)
		return vfm_fail_errno(e, "cannot ask for its migration features");
	return d->mig_flags ? vfm_get_state(d, e) : 0;
}

int vfm_open(struct vfm_device *d, const char *spec, enum vfm_backend backend,
	     struct vfm_error *e)
{
	int ret;

	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", spec);
	d->fd = -1;
	d->group_fd = -1;
	d->iommu_fd = -1;
	d->backend = backend;
	ret = open_any(d, spec, e);
	if (!ret)
		ret = query(d, e);
	if (!ret)
		return 0;
	if (!e->where[0])
		vfm_error_where(e, "%s", d->name);
	vfm_close(d);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vfm_close(struct vfm_device *d)
{
	close_fd(&d->fd);
	close_fd(&d->group_fd);
	close_fd(&d->iommu_fd);
}

static int dma_failed(struct vfm_device *d, const char *what, uint64_t iova,
		      struct vfm_error *e)
{
	vfm_fail_errno(e, "cannot %s guest RAM at iova 0x%llx", what,
		       (unsigned long long)iova);
	return vfm_error_where(e, "%s", d->name);
}

static int legacy_map(struct vfm_device *d, void *va, uint64_t iova,
		      uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};

	return ioctl(d->iommu_fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int iommufd_map(struct vfm_device *d, void *va, uint64_t iova,
		       uint64_t size)
{
	struct vfm_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = VFM_IOMMU_MAP_FIXED_IOVA | VFM_IOMMU_MAP_WRITEABLE |
			 VFM_IOMMU_MAP_READABLE,
		.ioas_id = d->ioas,
		.user_va = (uintptr_t)va,
		.length = size,
		.iova = iova,
	};

	return ioctl(d->iommu_fd, VFM_IOMMU_IOAS_MAP, &map);
}

int vfm_dma_map(struct vfm_device *d, void *va, uint64_t iova, uint64_t size,
		struct vfm_error *e)
{
	int ret;

	if (d->backend == VFM_BACKEND_FD)
		return vfm_fail(e, EOPNOTSUPP,
				"the mappings of a descriptor that was handed in are its owner's");
	ret = d->backend == VFM_BACKEND_IOMMUFD ?
		iommufd_map(d, va, iova, size) : legacy_map(d, va, iova, size);
	return ret ? dma_failed(d, "map", iova, e) : 0;
}

int vfm_dma_unmap(struct vfm_device *d, uint64_t iova, uint64_t size,
		  struct vfm_error *e)
{
	struct vfio_iommu_type1_dma_unmap legacy = {
		.argsz = sizeof(legacy), .iova = iova, .size = size,
	};
	struct vfm_iommu_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas_id = d->ioas,
		.iova = iova, .length = size,
	};
	int ret;

	ret = d->backend == VFM_BACKEND_IOMMUFD ?
		ioctl(d->iommu_fd, VFM_IOMMU_IOAS_UNMAP, &unmap) :
		ioctl(d->iommu_fd, VFIO_IOMMU_UNMAP_DMA, &legacy);
	return ret ? dma_failed(d, "unmap", iova, e) : 0;
}
