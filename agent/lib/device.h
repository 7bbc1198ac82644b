/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VFIO device: opening, regions, interrupts, migration states, guest RAM. */
#ifndef VFM_DEVICE_H
#define VFM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "vfio_compat.h"

enum vfm_backend {
	VFM_BACKEND_AUTO,
	VFM_BACKEND_LEGACY,	/* group and container */
	VFM_BACKEND_IOMMUFD,	/* character device and /dev/iommu */
	VFM_BACKEND_FD,		/* handed in, its owner keeps the IOMMU */
};

extern const char * const vfm_backend_names[];

#define VFM_NR_STEPS	32

/**
 * struct vfm_step - a change of the migration state
 * @from: state before
 * @to: state requested
 * @begin_ns: clock before the ioctl
 * @end_ns: and after
 * @failed: errno, 0 if it worked
 */
struct vfm_step {
	uint32_t from;
	uint32_t to;
	uint64_t begin_ns;
	uint64_t end_ns;
	int failed;
};

/**
 * struct vfm_device - an open device
 * @name: for messages
 * @sysfs: its folder, or empty
 * @fd: the device
 * @backend: how it was opened
 * @flags: VFIO_DEVICE_FLAGS_*
 * @nr_regions: number of regions
 * @nr_irqs: number of interrupt types
 * @mig_flags: VFIO_MIGRATION_*, 0 if the driver cannot migrate
 * @state: migration state as of the last change or vfm_get_state()
 * @steps: changes of state so far
 * @nr_steps: how many
 * @group_fd: private
 * @iommu_fd: container or iommufd, -1 if handed in
 * @ioas: private
 */
struct vfm_device {
	char name[128];
	char sysfs[256];
	int fd;
	enum vfm_backend backend;
	uint32_t flags;
	uint32_t nr_regions;
	uint32_t nr_irqs;
	uint64_t mig_flags;
	uint32_t state;
	struct vfm_step steps[VFM_NR_STEPS];
	unsigned int nr_steps;
	int group_fd;
	int iommu_fd;
	uint32_t ioas;
};

/**
 * struct vfm_region - a region and its capabilities
 * @index: which one
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @size: bytes, 0 if it is not there
 * @offset: in the device's descriptor
 * @type: of a device specific region, 0 if it is none
 * @subtype: likewise
 * @sparse: areas that can be mapped, @nr_sparse of them
 * @nr_sparse: 0 if the whole region can (or cannot) be
 */
struct vfm_region {
	uint32_t index;
	uint32_t flags;
	uint64_t size;
	uint64_t offset;
	uint32_t type;
	uint32_t subtype;
	struct {
		uint64_t offset;
		uint64_t size;
	} sparse[16];
	unsigned int nr_sparse;
};

/*
 * @spec: PCI address, sysfs path, /dev/vfio/devices/vfioN or fd:N.
 * Opening the first descriptor of a device resets it.
 */
int vfm_open(struct vfm_device *d, const char *spec, enum vfm_backend backend,
	     struct vfm_error *e);
void vfm_close(struct vfm_device *d);
bool vfm_is_pci(const struct vfm_device *d);

int vfm_region_get(struct vfm_device *d, uint32_t index, struct vfm_region *r,
		   struct vfm_error *e);
/* Whole transfers; an end before @n bytes is an error. */
int vfm_region_read(struct vfm_device *d, const struct vfm_region *r,
		    uint64_t at, void *to, size_t n, struct vfm_error *e);
int vfm_region_write(struct vfm_device *d, const struct vfm_region *r,
		     uint64_t at, const void *from, size_t n,
		     struct vfm_error *e);
void *vfm_region_map(struct vfm_device *d, const struct vfm_region *r,
		     struct vfm_error *e);

int vfm_irq_get(struct vfm_device *d, uint32_t index,
		struct vfio_irq_info *info, struct vfm_error *e);
/* One eventfd a vector, -1 for none. */
int vfm_irq_enable(struct vfm_device *d, uint32_t index, const int *fds,
		   uint32_t n, struct vfm_error *e);
int vfm_irq_disable(struct vfm_device *d, uint32_t index,
		    struct vfm_error *e);

const char *vfm_state_name(uint32_t state);
int vfm_get_state(struct vfm_device *d, struct vfm_error *e);
/*
 * @data_fd gets the new descriptor or -1; NULL if none may come.  After a
 * failure d->state is what the device says it is in.
 */
int vfm_set_state(struct vfm_device *d, uint32_t state, int *data_fd,
		  struct vfm_error *e);
int vfm_data_size(struct vfm_device *d, uint64_t *bytes, struct vfm_error *e);
/* Does the device know feature @n? */
bool vfm_has_feature(struct vfm_device *d, uint32_t n);
int vfm_reset(struct vfm_device *d, struct vfm_error *e);

/* Guest RAM; a handed-in device has its mappings from its owner. */
int vfm_dma_map(struct vfm_device *d, void *va, uint64_t iova, uint64_t size,
		struct vfm_error *e);
int vfm_dma_unmap(struct vfm_device *d, uint64_t iova, uint64_t size,
		  struct vfm_error *e);

#endif
