/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the control plane share. */
#ifndef MOCK_VFIO_PCI_NL_H
#define MOCK_VFIO_PCI_NL_H

#include "mock.h"
#include "netlink-gen.h"

#define FN_A(_name)	MOCK_VFIO_PCI_A_FUNCTION_##_name

/* "f000:01:00.0", and room for more than there is. */
#define MOCK_ADDRESS_SIZE	24

extern struct mock_host *mock_nl_host;

/* netlink.c */
void mock_nl_address(const struct mock_fn *fn, char address[MOCK_ADDRESS_SIZE]);
struct mock_fn *mock_nl_find(const struct genl_info *info,
			     struct mock_fn *(*at)(struct mock_host *host,
						   unsigned int place));

#endif /* MOCK_VFIO_PCI_NL_H */
