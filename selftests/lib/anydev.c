// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any VFIO device, found through sysfs: a PCI function, a mediated device or
 * what else has an IOMMU group.  Nothing here exits: the device is somebody
 * else's, and what is wrong with it has to be said.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "anydev.h"
#include "vfio_compat.h"

static int vt_any_fails(const char *what)
{
	const int err = errno ? errno : EINVAL;

	fprintf(stderr, "# %s: %s\n", what, strerror(err));
	return -err;
}

/* The last part of what a link in the device's folder points to. */
static bool vt_any_link(const struct vt_any *any, const char *attr,
			char name[VT_ANY_NAME])
{
	char path[PATH_MAX + 32], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", any->path, attr);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	snprintf(name, VT_ANY_NAME, "%.63s", strrchr(target, '/') + 1);
	return true;
}

/* The first path that a pattern fits, links followed. */
static bool vt_any_glob(const char *pattern, char path[PATH_MAX])
{
	bool found = false;
	glob_t g;

	if (glob(pattern, 0, NULL, &g) == 0) {
		found = realpath(g.gl_pathv[0], path) != NULL;
		globfree(&g);
	}
	return found;
}

/* A path, or a name on some bus; a PCI address without its domain will do. */
static bool vt_any_path(const char *which, char path[PATH_MAX])
{
	char pattern[PATH_MAX];

	if (which[0] == '/')
		return realpath(which, path) != NULL;
	snprintf(pattern, sizeof(pattern), "/sys/bus/*/devices/%s", which);
	if (vt_any_glob(pattern, path))
		return true;
	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/0000:%s", which);
	return vt_any_glob(pattern, path);
}

int vt_any_find(const char *which, struct vt_any *any)
{
	char group[VT_ANY_NAME], cdev[PATH_MAX], pattern[PATH_MAX + 32];

	*any = (struct vt_any) { .group = -1 };
	if (!vt_any_path(which, any->path)) {
		errno = ENODEV;
		return vt_any_fails(which);
	}
	snprintf(any->name, VT_ANY_NAME, "%.63s", strrchr(any->path, '/') + 1);
	vt_any_link(any, "driver", any->driver);
	vt_any_link(any, "driver/module", any->module);
	if (vt_any_link(any, "iommu_group", group))
		any->group = atoi(group);
	snprintf(pattern, sizeof(pattern), "%s/vfio-dev/vfio*", any->path);
	if (vt_any_glob(pattern, cdev))
		snprintf(any->cdev, sizeof(any->cdev), "/dev/vfio/devices/%.32s",
			 strrchr(cdev, '/') + 1);
	return 0;
}

static int vt_any_open_legacy(const struct vt_any *any, struct vt_dev *dev)
{
	char path[64];

	dev->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (dev->container < 0)
		return vt_any_fails("/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%d", any->group);
	dev->group = open(path, O_RDWR | O_CLOEXEC);
	if (dev->group < 0)
		return vt_any_fails(path);
	if (ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &dev->container) ||
	    ioctl(dev->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return vt_any_fails("container");
	dev->fd = ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, any->name);
	return dev->fd < 0 ? vt_any_fails("VFIO_GROUP_GET_DEVICE_FD") : 0;
}

static int vt_any_open_iommufd(const struct vt_any *any, struct vt_dev *dev)
{
	struct vfm_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfm_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfm_attach_iommufd_pt attach = { .argsz = sizeof(attach) };

	dev->fd = open(any->cdev, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		return vt_any_fails(any->cdev);
	dev->container = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (dev->container < 0)
		return vt_any_fails("/dev/iommu");
	bind.iommufd = dev->container;
	if (ioctl(dev->fd, VFM_DEVICE_BIND_IOMMUFD, &bind) ||
	    ioctl(dev->container, VFM_IOMMU_IOAS_ALLOC, &alloc))
		return vt_any_fails("iommufd");
	dev->devid = bind.out_devid;
	dev->ioas = attach.pt_id = alloc.out_ioas_id;
	if (ioctl(dev->fd, VFM_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return vt_any_fails("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	return 0;
}

void vt_any_close(struct vt_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	if (dev->group >= 0)
		close(dev->group);
	if (dev->container >= 0)
		close(dev->container);
	dev->fd = dev->group = dev->container = -1;
}

int vt_any_open(const struct vt_any *any, enum vt_backend backend,
		struct vt_dev *dev)
{
	int ret;

	*dev = (struct vt_dev) {
		.fd = -1, .group = -1, .container = -1, .backend = backend,
	};
	ret = backend == VT_IOMMUFD ? vt_any_open_iommufd(any, dev) :
				      vt_any_open_legacy(any, dev);
	if (ret)
		vt_any_close(dev);
	return ret;
}
