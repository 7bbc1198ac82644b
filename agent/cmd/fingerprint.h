/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include "pci.h"

/*
 * Write what has to be equal at source and destination to @path, as JSON: equal
 * devices make equal files.  The device has to be stopped.
 */
int fingerprint_write(const char *path, struct vfm_pci *p,
		      struct vfm_error *e);

#endif
