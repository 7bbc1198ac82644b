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

#define MOCK_MIG_ALL	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | \
			 VFIO_MIGRATION_PRE_COPY)

/* What all have in common. */
#define MOCK_CONF_ID(_id, _size, _msix, _mig)		\
	.vendor = MOCK_VFIO_VENDOR_ID,			\
	.device = _id,					\
	.subvendor = MOCK_VFIO_VENDOR_ID,		\
	.subdevice = _id,				\
	.revision = 1,					\
	.msi = MOCK_MSI_VECTORS_MAX,			\
	.msix = _msix,					\
	.mem_size = _size,				\
	.bar_size = _size,				\
	.mig = _mig

#define MOCK_CONF(_size, _msix, _mig)			\
	MOCK_CONF_ID(MOCK_VFIO_DEVICE_ID, _size, _msix, _mig)

/**
 * struct mock_profile - a kind of device
 * @name: what it is asked for by
 * @conf: its properties
 */
struct mock_profile {
	const char *name;
	struct mock_conf conf;
};

static const struct mock_profile mock_profiles[] = {
	{ "default", { MOCK_CONF(SZ_1M, 16, MOCK_MIG_ALL),
		       .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "nic-like", { MOCK_CONF(SZ_64K, 64, MOCK_MIG_ALL),
			.class = MOCK_CLASS_ETHERNET, .intx = true } },
	{ "gpu-like", { MOCK_CONF(SZ_4G, 32, MOCK_MIG_ALL),
			.class = MOCK_CLASS_3D, .intx = true } },
	{ "tiny", { MOCK_CONF(SZ_4K, 1, MOCK_MIG_ALL),
		    .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "no-precopy", { MOCK_CONF(SZ_1M, 16, VFIO_MIGRATION_STOP_COPY |
				    VFIO_MIGRATION_P2P),
			  .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "no-p2p", { MOCK_CONF(SZ_1M, 16, VFIO_MIGRATION_STOP_COPY |
				VFIO_MIGRATION_PRE_COPY),
		      .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "stop-copy-only", { MOCK_CONF(SZ_1M, 16, VFIO_MIGRATION_STOP_COPY),
			      .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "non-migratable", { MOCK_CONF(SZ_1M, 16, 0),
			      .class = MOCK_CLASS_OTHER, .intx = true } },
	{ "no-intx", { MOCK_CONF(SZ_1M, 16, MOCK_MIG_ALL),
		       .class = MOCK_CLASS_OTHER } },
	{ "sriov", { MOCK_CONF_ID(MOCK_VFIO_PF_DEVICE_ID, SZ_1M, 16,
				  MOCK_MIG_ALL),
		     .class = MOCK_CLASS_ETHERNET, .intx = true, .vfs = 8 } },
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
 *
 * Return: what is wrong, for people; NULL if nothing is.
 */
const char *mock_conf_wrong(const struct mock_conf *conf)
{
	if (!mock_size_ok(conf->mem_size, MOCK_MEM_SIZE_MAX))
		return "mem-size must be a power of two from 4 KiB to 16 GiB";
	if (!mock_size_ok(conf->bar_size, conf->mem_size))
		return "bar-size must be a power of two from 4 KiB to mem-size";
	if (conf->msi && (!is_power_of_2(conf->msi) ||
			  conf->msi > MOCK_MSI_VECTORS_MAX))
		return "msi-vectors must be 0 or a power of two up to 32";
	if (conf->msix > MOCK_MSIX_VECTORS_MAX)
		return "msix-vectors must be at most 2048";
	if (conf->vfs > MOCK_VFS_MAX)
		return "total-vfs must be at most 128";
	if (conf->vfs * mock_irq_bar_size(conf) > MOCK_VF_BARS_MAX)
		return "total-vfs times msix-vectors is too much";
	if (conf->mig && !(conf->mig & VFIO_MIGRATION_STOP_COPY))
		return "migration of any kind needs stop-copy";
	if (!conf->vendor || conf->vendor == 0xffff)
		return "no device has this vendor-id";
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
