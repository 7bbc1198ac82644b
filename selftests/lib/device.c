// SPDX-License-Identifier: GPL-2.0-or-later
/* A device, opened by its group or by its character device. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vfio_compat.h"
#include "vt.h"

static void vt_die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	exit(1);
}

bool vt_has_backend(enum vt_backend backend)
{
	return backend == VT_LEGACY || access("/dev/iommu", F_OK) == 0;
}

/* In sysfs: a PCI function's address has a colon, a platform device's name not. */
static void vt_sysfs(const char *name, const char *attr, char path[512])
{
	snprintf(path, 512, "/sys/bus/%s/devices/%s/%s",
		 strchr(name, ':') ? "pci" : "platform", name, attr);
}

static int vt_group_nr(const char *name)
{
	char path[512], target[PATH_MAX];
	ssize_t n;

	vt_sysfs(name, "iommu_group", path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		vt_die(path);
	target[n] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

static void vt_open_legacy(struct vt_dev *dev, const char *name)
{
	char path[64];

	dev->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/dev/vfio/%d", vt_group_nr(name));
	dev->group = open(path, O_RDWR | O_CLOEXEC);
	if (dev->container < 0 || dev->group < 0)
		vt_die(path);
	if (ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &dev->container) ||
	    ioctl(dev->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		vt_die("container");
	dev->fd = ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (dev->fd < 0)
		vt_die("VFIO_GROUP_GET_DEVICE_FD");
}

static void vt_cdev_path(const char *name, char path[512])
{
	struct dirent *entry;
	DIR *dir;

	vt_sysfs(name, "vfio-dev", path);
	dir = opendir(path);
	if (!dir)
		vt_die(path);
	while ((entry = readdir(dir)) != NULL)
		if (!strncmp(entry->d_name, "vfio", 4))
			snprintf(path, 512, "/dev/vfio/devices/%s", entry->d_name);
	closedir(dir);
}

/* In the iommufd and the address space of @beside, if that is not NULL. */
static void vt_open_iommufd(struct vt_dev *dev, const char *name,
			    const struct vt_dev *beside)
{
	struct vfm_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfm_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct vfm_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	char path[512];

	vt_cdev_path(name, path);
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	dev->container = beside ? dup(beside->container) :
				  open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (dev->fd < 0 || dev->container < 0)
		vt_die(path);
	bind.iommufd = dev->container;
	if (ioctl(dev->fd, VFM_DEVICE_BIND_IOMMUFD, &bind) ||
	    (!beside && ioctl(dev->container, VFM_IOMMU_IOAS_ALLOC, &alloc)))
		vt_die("iommufd");
	dev->devid = bind.out_devid;
	dev->ioas = beside ? beside->ioas : alloc.out_ioas_id;
	attach.pt_id = dev->ioas;
	if (ioctl(dev->fd, VFM_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		vt_die("VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static int vt_map_iommufd(struct vt_dev *dev, void *va, uint64_t iova,
			  size_t size, bool write)
{
	struct vfm_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = VFM_IOMMU_MAP_FIXED_IOVA | VFM_IOMMU_MAP_READABLE |
			 (write ? VFM_IOMMU_MAP_WRITEABLE : 0),
		.ioas_id = dev->ioas,
		.user_va = (uintptr_t)va, .length = size, .iova = iova,
	};

	return ioctl(dev->container, VFM_IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

int vt_map(struct vt_dev *dev, void *va, uint64_t iova, size_t size, bool write)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (write ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)va, .iova = iova, .size = size,
	};

	if (dev->backend == VT_IOMMUFD)
		return vt_map_iommufd(dev, va, iova, size, write);
	return ioctl(dev->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vt_unmap(struct vt_dev *dev, uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = size,
	};
	struct vfm_iommu_ioas_unmap ioas = {
		.size = sizeof(ioas), .ioas_id = dev->ioas,
		.iova = iova, .length = size,
	};

	if (dev->backend == VT_IOMMUFD)
		return ioctl(dev->container, VFM_IOMMU_IOAS_UNMAP, &ioas) ?
		       -errno : 0;
	return ioctl(dev->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

uint64_t vt_region(struct vt_dev *dev, unsigned int index,
		   struct vfio_region_info *info)
{
	*info = (struct vfio_region_info) {
		.argsz = sizeof(*info), .index = index,
	};
	if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, info))
		vt_die("VFIO_DEVICE_GET_REGION_INFO");
	return info->offset;
}

static void vt_map_mem(struct vt_dev *dev)
{
	struct vfio_region_info info;
	uint64_t offset = vt_region(dev, MOCK_VFIO_BAR_MEM, &info);

	dev->mem_size = info.size;
	dev->mem = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			dev->fd, offset);
	if (dev->mem == MAP_FAILED)
		vt_die("mmap of device memory");
}

/* Only the descriptors, for a driver that cannot show the BARs. */
void vt_open_bare(struct vt_dev *dev, const char *name, enum vt_backend backend)
{
	*dev = (struct vt_dev) { .group = -1, .backend = backend };
	if (backend == VT_IOMMUFD)
		vt_open_iommufd(dev, name, NULL);
	else
		vt_open_legacy(dev, name);
}

void vt_open_bdf(struct vt_dev *dev, const char *bdf, enum vt_backend backend)
{
	vt_open_bare(dev, bdf, backend);
	vt_map_mem(dev);
	dev->ram = mmap(NULL, VT_RAM_SIZE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (dev->ram == MAP_FAILED ||
	    vt_map(dev, dev->ram, VT_RAM_IOVA, VT_RAM_SIZE, true))
		vt_die("guest memory");
	vt_enable(dev, true);
}

/*
 * With an iommufd, in the one of @first, whose guest memory it then shares; by
 * its group otherwise, in a container of its own.
 */
void vt_open_beside(struct vt_dev *dev, const char *bdf,
		    const struct vt_dev *first)
{
	if (first->backend == VT_LEGACY) {
		vt_open_bdf(dev, bdf, VT_LEGACY);
		return;
	}
	*dev = (struct vt_dev) { .group = -1, .backend = VT_IOMMUFD };
	vt_open_iommufd(dev, bdf, first);
	vt_map_mem(dev);
	dev->ram = first->ram;
	dev->ram_shared = true;
	vt_enable(dev, true);
}

void vt_open(struct vt_dev *dev, unsigned int nr, enum vt_backend backend)
{
	char bdf[32];

	vt_bdf(nr, bdf);
	vt_open_bdf(dev, bdf, backend);
}

void vt_close(struct vt_dev *dev)
{
	if (dev->mem)
		munmap(dev->mem, dev->mem_size);
	close(dev->fd);
	if (dev->group >= 0)
		close(dev->group);
	close(dev->container);
	if (dev->ram && !dev->ram_shared)
		munmap(dev->ram, VT_RAM_SIZE);
}

void vt_enable(struct vt_dev *dev, bool master)
{
	struct vfio_region_info info;
	uint64_t offset = vt_region(dev, VFIO_PCI_CONFIG_REGION_INDEX, &info);
	uint16_t command = PCI_COMMAND_MEMORY | (master ? PCI_COMMAND_MASTER : 0);

	if (pwrite(dev->fd, &command, 2, offset + PCI_COMMAND) != 2)
		vt_die("PCI_COMMAND");
}

int vt_irq_eventfds(struct vt_dev *dev, unsigned int index, unsigned int count,
		    int *fds)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + count * sizeof(int));
	int ret;

	set->argsz = sizeof(*set) + count * sizeof(int);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = count;
	memcpy(set->data, fds, count * sizeof(int));
	ret = ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
	free(set);
	return ret;
}

int vt_irq_action(struct vt_dev *dev, unsigned int index, uint32_t flags)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set), .index = index, .count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | flags,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &set) ? -errno : 0;
}
