/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	uapi/netlink/mock_vfio_pci.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: selftests/host/ynl.sh */

#ifndef _LINUX_MOCK_VFIO_PCI_GEN_H
#define _LINUX_MOCK_VFIO_PCI_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/mock_vfio_pci_nl.h>

int mock_vfio_pci_nl_function_get_doit(struct sk_buff *skb,
				       struct genl_info *info);
int mock_vfio_pci_nl_function_get_dumpit(struct sk_buff *skb,
					 struct netlink_callback *cb);
int mock_vfio_pci_nl_function_new_doit(struct sk_buff *skb,
				       struct genl_info *info);
int mock_vfio_pci_nl_function_del_doit(struct sk_buff *skb,
				       struct genl_info *info);
int mock_vfio_pci_nl_stats_get_doit(struct sk_buff *skb,
				    struct genl_info *info);
int mock_vfio_pci_nl_stats_get_dumpit(struct sk_buff *skb,
				      struct netlink_callback *cb);
int mock_vfio_pci_nl_stats_zero_doit(struct sk_buff *skb,
				     struct genl_info *info);
int mock_vfio_pci_nl_vector_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb);

enum {
	MOCK_VFIO_PCI_NLGRP_EVENTS,
};

extern struct genl_family mock_vfio_pci_nl_family;

#endif /* _LINUX_MOCK_VFIO_PCI_GEN_H */
