/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any device that VFIO has, not only a mock function.  Errors are returned as
 * negative numbers; what went wrong is said on the error output.
 */
#ifndef VT_ANYDEV_H
#define VT_ANYDEV_H

#include <limits.h>

#include "vt.h"

#define VT_ANY_NAME	64

/**
 * struct vt_any - what sysfs says of a device
 * @name: its name on its bus: a PCI address, an mdev's UUID
 * @path: its folder
 * @driver: its driver, or empty
 * @module: that one's module, or empty
 * @group: IOMMU group, or -1
 * @cdev: its VFIO character device, or empty
 */
struct vt_any {
	char name[VT_ANY_NAME];
	char path[PATH_MAX];
	char driver[VT_ANY_NAME];
	char module[VT_ANY_NAME];
	int group;
	char cdev[VT_ANY_NAME];
};

int vt_any_find(const char *which, struct vt_any *any);
int vt_any_open(const struct vt_any *any, enum vt_backend backend,
		struct vt_dev *dev);
void vt_any_close(struct vt_dev *dev);

#endif
