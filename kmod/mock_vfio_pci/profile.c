// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: profiles, the kinds of devices that functions are made from,
 * and which combinations of properties make sense.
 */
#include <linux/log2.h>
#include <linux/vfio.h>

#include "mock.h"

#define MOCK_CLASS_OTHER	0x088000
#define MOCK_CLASS_ETHERNET	0x020000
#define MOCK_CLASS_3D		0x030200

#define MOCK_MIG_STOP	VFIO_MIGRATION_STOP_COPY
#define MOCK_MIG_ALL	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | \
			 VFIO_MIGRATION_PRE_COPY)

/**
 * struct mock_profile - a kind of device
 * @name: what it is asked for by
 * @conf: its properties
 */
struct mock_profile {
	const char *name;
	struct mock_conf conf;
};

/* What is not a column is common to all. */
#define MOCK_PROFILE(_name, _device, _class, _mem, _bar, _msix, _intx, _vfs, _log, _mig) \
	{ .name = _name, .conf = {					\
		.vendor = MOCK_VFIO_VENDOR_ID, .device = _device,	\
		.subvendor = MOCK_VFIO_VENDOR_ID, .subdevice = _device,	\
		.class = MOCK_CLASS_##_class, .revision = 1,		\
		.intx = _intx, .msi = MOCK_MSI_VECTORS_MAX, .msix = _msix, \
		.vfs = _vfs, .mig = _mig, .dirty_log = _log,		\
		.mem_size = _mem, .bar_size = _bar,			\
	} }

#define DEV	MOCK_VFIO_DEVICE_ID
#define PF	MOCK_VFIO_PF_DEVICE_ID
#define NO_P2P	(MOCK_MIG_ALL & ~VFIO_MIGRATION_P2P)
#define NO_PRE	(MOCK_MIG_ALL & ~VFIO_MIGRATION_PRE_COPY)

static const struct mock_profile mock_profiles[] = {
	/*           name              id   class     memory   BAR      MSI-X INTx VFs log migration */
	MOCK_PROFILE("default",        DEV, OTHER,    SZ_1M,   SZ_1M,   16, 1, 0,   1, MOCK_MIG_ALL),
	MOCK_PROFILE("nic-like",       DEV, ETHERNET, SZ_64K,  SZ_64K,  64, 1, 0,   1, MOCK_MIG_ALL),
	MOCK_PROFILE("gpu-like",       DEV, 3D,       SZ_4G,   SZ_256M, 32, 1, 0,   0, MOCK_MIG_ALL),
	MOCK_PROFILE("large",          DEV, 3D,       SZ_16G,  SZ_256M, 32, 1, 0,   1, MOCK_MIG_ALL),
	MOCK_PROFILE("tiny",           DEV, OTHER,    SZ_4K,   SZ_4K,   1,  1, 0,   1, MOCK_MIG_ALL),
	MOCK_PROFILE("no-precopy",     DEV, OTHER,    SZ_1M,   SZ_1M,   16, 1, 0,   1, NO_PRE),
	MOCK_PROFILE("no-p2p",         DEV, OTHER,    SZ_1M,   SZ_1M,   16, 1, 0,   1, NO_P2P),
	MOCK_PROFILE("stop-copy-only", DEV, OTHER,    SZ_1M,   SZ_1M,   16, 1, 0,   0, MOCK_MIG_STOP),
	MOCK_PROFILE("non-migratable", DEV, OTHER,    SZ_1M,   SZ_1M,   16, 1, 0,   0, 0),
	MOCK_PROFILE("no-intx",        DEV, OTHER,    SZ_1M,   SZ_1M,   16, 0, 0,   1, MOCK_MIG_ALL),
	MOCK_PROFILE("sriov",          PF,  ETHERNET, SZ_1M,   SZ_1M,   16, 1, 8,   1, MOCK_MIG_ALL),
};

/**
 * mock_profile_find - the properties that a profile stands for
 * @name: of the profile
 * @canonical: on return, the same, to be kept
 *
 * Return: the properties, NULL if there is no such profile.
 */
const struct mock_conf *mock_profile_find(const char *name,
					  const char **canonical)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mock_profiles); i++) {
		if (strcmp(mock_profiles[i].name, name))
			continue;
		*canonical = mock_profiles[i].name;
		return &mock_profiles[i].conf;
	}
	return NULL;
}

static bool mock_size_ok(u64 size, u64 max)
{
	return is_power_of_2(size) && size >= MOCK_MEM_SIZE_MIN && size <= max;
}

/**
 * mock_conf_wrong - is there anything about a device that cannot be?
 * @conf: its properties
 * @attr: on return, the netlink attribute of what is wrong
 *
 * Return: what is wrong, for people; NULL if nothing is.
 */
const char *mock_conf_wrong(const struct mock_conf *conf, unsigned int *attr)
{
	*attr = MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE;
	if (!mock_size_ok(conf->mem_size, MOCK_MEM_SIZE_MAX))
		return "must be a power of two from 4 KiB to 16 GiB";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE;
	if (!mock_size_ok(conf->bar_size, conf->mem_size))
		return "must be a power of two from 4 KiB to mem-size";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_MSI_VECTORS;
	if (conf->msi && (!is_power_of_2(conf->msi) ||
			  conf->msi > MOCK_MSI_VECTORS_MAX))
		return "must be 0 or a power of two up to 32";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_MSIX_VECTORS;
	if (conf->msix > MOCK_MSIX_VECTORS_MAX)
		return "must be at most 2048";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_TOTAL_VFS;
	if (conf->vfs > MOCK_VFS_MAX)
		return "must be at most 128";
	if (conf->vfs * mock_irq_bar_size(conf) > MOCK_VF_BARS_MAX)
		return "too much, times msix-vectors";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_MIGRATION;
	if (conf->mig && !(conf->mig & VFIO_MIGRATION_STOP_COPY))
		return "anything else needs stop-copy";
	*attr = MOCK_VFIO_PCI_A_FUNCTION_VENDOR_ID;
	if (!conf->vendor || conf->vendor == 0xffff)
		return "no vendor has this id";
	return NULL;
}

/**
 * mock_conf_is_native - are these the ids that the module's drivers look for?
 * @conf: properties of a device
 */
bool mock_conf_is_native(const struct mock_conf *conf)
{
	if (conf->vendor != MOCK_VFIO_VENDOR_ID)
		return false;
	if (conf->vfs)
		return conf->device == MOCK_VFIO_PF_DEVICE_ID;
	return conf->device == MOCK_VFIO_DEVICE_ID ||
	       conf->device == MOCK_VFIO_VF_DEVICE_ID;
}

/**
 * mock_conf_set_vfs - make a device a physical function, or not
 * @conf: its properties, of which the device id follows
 * @vfs: number of virtual functions, 0 for an ordinary device
 */
void mock_conf_set_vfs(struct mock_conf *conf, u32 vfs)
{
	conf->vfs = vfs;
	conf->device = vfs ? MOCK_VFIO_PF_DEVICE_ID : MOCK_VFIO_DEVICE_ID;
}
