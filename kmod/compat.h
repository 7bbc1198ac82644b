/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows kernel versions: each difference between the
 * oldest supported kernel (6.12) and the newest is named by its feature.
 */
#ifndef VFIO_MIG_COMPAT_H
#define VFIO_MIG_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/pci.h>
#include <linux/version.h>

/* hrtimer_setup() sets the callback; before, it was assigned by hand. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void compat_hrtimer_setup(struct hrtimer *timer,
					enum hrtimer_restart (*fn)(struct hrtimer *),
					clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#else
#define compat_hrtimer_setup	hrtimer_setup
#endif

/* A device whose BARs the host must not map says so to vfio-pci-core. */
static inline void compat_bars_not_mappable(struct pci_dev *pdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	pdev->non_mappable_bars = 1;
#endif
}

/* An iommu driver's attach_dev() learns the domain that it replaces. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define COMPAT_ATTACH_OLD	, struct iommu_domain *old
#else
#define COMPAT_ATTACH_OLD
#endif

/* Paging domains with flags, for iommufd; it once passed a parent as well. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define COMPAT_DOMAIN_ALLOC_FLAGS	domain_alloc_paging_flags
#define COMPAT_ALLOC_PARENT
#else
#define COMPAT_DOMAIN_ALLOC_FLAGS	domain_alloc_user
#define COMPAT_ALLOC_PARENT	, struct iommu_domain *parent
#endif

/* Domain numbers of emulated host bridges are handed out by the PCI core. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define COMPAT_HAS_EMUL_DOMAIN_NR	1
#endif

/* The region info of a vfio device is an operation of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define COMPAT_HAS_REGION_INFO_CAPS	1
#endif

/* VF tokens can come by VFIO_DEVICE_BIND_IOMMUFD; the op is mandatory. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define COMPAT_HAS_MATCH_TOKEN_UUID	1
#endif

/* A user can opt in to version 2 of the pre-copy information. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#define compat_precopy_info_v2(vdev)	((vdev)->precopy_info_v2)
#else
#define compat_precopy_info_v2(vdev)	((void)(vdev), false)
#define VFIO_PRECOPY_INFO_REINIT	(1 << 0)
#endif

/*
 * Before 7.2 vfio_mig_get_next_state() does not terminate for a request that
 * the state machine blocks; the scaffold answers these itself on any kernel.
 */

#endif /* VFIO_MIG_COMPAT_H */
