// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	uapi/netlink/mock_vfio_pci.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: selftests/host/ynl.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/mock_vfio_pci_nl.h>

/* Integer value ranges */
static const struct netlink_range_validation mock_vfio_pci_a_function_vendor_id_range = {
	.max	= 65534ULL,
};

static const struct netlink_range_validation mock_vfio_pci_a_function_class_range = {
	.max	= 16777215ULL,
};

/* MOCK_VFIO_PCI_CMD_FUNCTION_GET - do */
static const struct nla_policy mock_vfio_pci_function_get_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS] = { .type = NLA_NUL_STRING, },
};

/* MOCK_VFIO_PCI_CMD_FUNCTION_NEW - do */
static const struct nla_policy mock_vfio_pci_function_new_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_PROFILE] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_SLOT] = NLA_POLICY_MAX(NLA_U32, 255),
	[MOCK_VFIO_PCI_A_FUNCTION_NUMBER] = NLA_POLICY_MAX(NLA_U32, 7),
	[MOCK_VFIO_PCI_A_FUNCTION_VENDOR_ID] = NLA_POLICY_FULL_RANGE(NLA_U16, &mock_vfio_pci_a_function_vendor_id_range),
	[MOCK_VFIO_PCI_A_FUNCTION_DEVICE_ID] = { .type = NLA_U16, },
	[MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_VENDOR_ID] = { .type = NLA_U16, },
	[MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_ID] = { .type = NLA_U16, },
	[MOCK_VFIO_PCI_A_FUNCTION_CLASS] = NLA_POLICY_FULL_RANGE(NLA_U32, &mock_vfio_pci_a_function_class_range),
	[MOCK_VFIO_PCI_A_FUNCTION_REVISION] = { .type = NLA_U8, },
	[MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE] = { .type = NLA_UINT, },
	[MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE] = { .type = NLA_UINT, },
	[MOCK_VFIO_PCI_A_FUNCTION_MSI_VECTORS] = NLA_POLICY_MAX(NLA_U32, 32),
	[MOCK_VFIO_PCI_A_FUNCTION_MSIX_VECTORS] = NLA_POLICY_MAX(NLA_U32, 2048),
	[MOCK_VFIO_PCI_A_FUNCTION_INTX] = NLA_POLICY_MAX(NLA_U8, 1),
	[MOCK_VFIO_PCI_A_FUNCTION_MIGRATION] = NLA_POLICY_MASK(NLA_U32, 0x7),
	[MOCK_VFIO_PCI_A_FUNCTION_TOTAL_VFS] = NLA_POLICY_MAX(NLA_U32, 128),
	[MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* MOCK_VFIO_PCI_CMD_FUNCTION_DEL - do */
static const struct nla_policy mock_vfio_pci_function_del_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_SURPRISE + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS] = { .type = NLA_NUL_STRING, },
	[MOCK_VFIO_PCI_A_FUNCTION_SURPRISE] = { .type = NLA_FLAG, },
};

/* MOCK_VFIO_PCI_CMD_STATS_GET - do */
static const struct nla_policy mock_vfio_pci_stats_get_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS] = { .type = NLA_NUL_STRING, },
};

/* MOCK_VFIO_PCI_CMD_STATS_ZERO - do */
static const struct nla_policy mock_vfio_pci_stats_zero_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS] = { .type = NLA_NUL_STRING, },
};

/* MOCK_VFIO_PCI_CMD_VECTOR_GET - dump */
static const struct nla_policy mock_vfio_pci_vector_get_nl_policy[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS + 1] = {
	[MOCK_VFIO_PCI_A_FUNCTION_NAME] = { .type = NLA_NUL_STRING, .len = MOCK_VFIO_PCI_NAME_MAX, },
	[MOCK_VFIO_PCI_A_FUNCTION_ADDRESS] = { .type = NLA_NUL_STRING, },
};

/* Ops table for mock_vfio_pci */
static const struct genl_split_ops mock_vfio_pci_nl_ops[] = {
	{
		.cmd		= MOCK_VFIO_PCI_CMD_FUNCTION_GET,
		.doit		= mock_vfio_pci_nl_function_get_doit,
		.policy		= mock_vfio_pci_function_get_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MOCK_VFIO_PCI_CMD_FUNCTION_GET,
		.dumpit	= mock_vfio_pci_nl_function_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MOCK_VFIO_PCI_CMD_FUNCTION_NEW,
		.doit		= mock_vfio_pci_nl_function_new_doit,
		.policy		= mock_vfio_pci_function_new_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MOCK_VFIO_PCI_CMD_FUNCTION_DEL,
		.doit		= mock_vfio_pci_nl_function_del_doit,
		.policy		= mock_vfio_pci_function_del_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_SURPRISE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MOCK_VFIO_PCI_CMD_STATS_GET,
		.doit		= mock_vfio_pci_nl_stats_get_doit,
		.policy		= mock_vfio_pci_stats_get_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= MOCK_VFIO_PCI_CMD_STATS_GET,
		.dumpit	= mock_vfio_pci_nl_stats_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= MOCK_VFIO_PCI_CMD_STATS_ZERO,
		.doit		= mock_vfio_pci_nl_stats_zero_doit,
		.policy		= mock_vfio_pci_stats_zero_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= MOCK_VFIO_PCI_CMD_VECTOR_GET,
		.dumpit		= mock_vfio_pci_nl_vector_get_dumpit,
		.policy		= mock_vfio_pci_vector_get_nl_policy,
		.maxattr	= MOCK_VFIO_PCI_A_FUNCTION_ADDRESS,
		.flags		= GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group mock_vfio_pci_nl_mcgrps[] = {
	[MOCK_VFIO_PCI_NLGRP_EVENTS] = { "events", },
};

struct genl_family mock_vfio_pci_nl_family __ro_after_init = {
	.name		= MOCK_VFIO_PCI_FAMILY_NAME,
	.version	= MOCK_VFIO_PCI_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= mock_vfio_pci_nl_ops,
	.n_split_ops	= ARRAY_SIZE(mock_vfio_pci_nl_ops),
	.mcgrps		= mock_vfio_pci_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(mock_vfio_pci_nl_mcgrps),
};
