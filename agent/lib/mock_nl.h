/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that speak to the netlink family mock-vfio-pci share. */
#ifndef VFM_MOCK_NL_H
#define VFM_MOCK_NL_H

#include "mnl.h"

extern const struct vfm_mnl_family vfm_mock_family;

/* Say in a request which function it is about. */
int vfm_mock_put_which(struct vfm_mnl *m, struct nlmsghdr *n, const char *which,
		       struct vfm_error *e);
/* Add to an error whom it is about, and what to do where that is clear. */
int vfm_mock_about(const char *which, int ret, struct vfm_error *e);

#endif
