/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VFIO devices this host has, according to sysfs and /proc. */
#ifndef VFM_FIND_H
#define VFM_FIND_H

#include <stdbool.h>

#include "error.h"

/**
 * struct vfm_found - a device bound to a VFIO driver
 * @name: sysfs name, for PCI the address domain:bus:slot.function
 * @sysfs: its folder
 * @driver: driver's name, or empty
 * @group: IOMMU group number, -1 if unknown
 * @cdev: character device /dev/vfio/devices/..., empty if there is none
 * @vendor: PCI id, 0 if it is no PCI device
 * @device: PCI id
 */
struct vfm_found {
	char name[64];
	char sysfs[256];
	char driver[64];
	int group;
	char cdev[64];
	unsigned int vendor;
	unsigned int device;
};

/* Find by PCI address, sysfs path or /dev/vfio/devices/vfioN. */
int vfm_find(const char *spec, struct vfm_found *f, struct vfm_error *e);

/* Every device, in the order of their names; @f is for the caller to free. */
int vfm_find_all(struct vfm_found **f, unsigned int *n, struct vfm_error *e);

/* Does any process have the device or its group open? (as far as /proc shows) */
bool vfm_in_use(const struct vfm_found *f);

#endif
