// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a user of vfio-pci does with any device: configuration space, interrupts,
 * power management and resets.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "vt.h"

#define VT_CONFIG	((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)

uint32_t vt_cfg_read(struct vt_dev *dev, unsigned int where, unsigned int size)
{
	uint32_t val = 0;

	if (pread(dev->fd, &val, size, VT_CONFIG + where) == (ssize_t)size)
		return val;
	fprintf(stderr, "# config 0x%x: %s\n", where, strerror(errno));
	exit(1);
}

int vt_cfg_write(struct vt_dev *dev, unsigned int where, uint32_t val,
		 unsigned int size)
{
	return pwrite(dev->fd, &val, size, VT_CONFIG + where) == (ssize_t)size ?
	       0 : -errno;
}

/* Offset of a capability, 0 if the function has none of this id. */
unsigned int vt_cfg_cap(struct vt_dev *dev, uint8_t id)
{
	unsigned int where = vt_cfg_read(dev, PCI_CAPABILITY_LIST, 1);

	while (where && vt_cfg_read(dev, where, 1) != id)
		where = vt_cfg_read(dev, where + PCI_CAP_LIST_NEXT, 1);
	return where;
}

int vt_set_power(struct vt_dev *dev, unsigned int state)
{
	return vt_cfg_write(dev, vt_cfg_cap(dev, PCI_CAP_ID_PM) + PCI_PM_CTRL,
			    state, 2);
}

int vt_flr(struct vt_dev *dev)
{
	const unsigned int ctl = vt_cfg_cap(dev, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	return vt_cfg_write(dev, ctl, PCI_EXP_DEVCTL_BCR_FLR, 2);
}

/* Low power, with an eventfd that says that it has ended, or -1. */
int vt_low_power(struct vt_dev *dev, int wakeup)
{
	struct {
		struct vfio_device_feature f;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} arg = {
		.f.argsz = sizeof(arg.f),
		.f.flags = VFIO_DEVICE_FEATURE_SET |
			   VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
		.entry.wakeup_eventfd = wakeup,
	};

	if (wakeup >= 0) {
		arg.f.argsz = sizeof(arg);
		arg.f.flags = VFIO_DEVICE_FEATURE_SET |
			      VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
	}
	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &arg) ? -errno : 0;
}

int vt_low_power_exit(struct vt_dev *dev)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
	};

	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &f) ? -errno : 0;
}

int vt_set_irqs(struct vt_dev *dev, unsigned int index, unsigned int start,
		unsigned int count, uint32_t flags, const void *data, size_t len)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + len);
	int ret;

	set->argsz = sizeof(*set) + len;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	memcpy(set->data, data, len);
	ret = ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
	free(set);
	return ret;
}

/* One vector, which others of its kind may be enabled beside; -1 to remove it. */
int vt_irq_one(struct vt_dev *dev, unsigned int index, unsigned int vector,
	       int fd)
{
	return vt_set_irqs(dev, index, vector, 1, VFIO_IRQ_SET_DATA_EVENTFD |
			   VFIO_IRQ_SET_ACTION_TRIGGER, &fd, sizeof(fd));
}

int vt_irq_off(struct vt_dev *dev, unsigned int index)
{
	return vt_set_irqs(dev, index, 0, 0, VFIO_IRQ_SET_DATA_NONE |
			   VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
}

int vt_irq_info(struct vt_dev *dev, unsigned int index,
		struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info) { .argsz = sizeof(*info), .index = index };
	return ioctl(dev->fd, VFIO_DEVICE_GET_IRQ_INFO, info) ? -errno : 0;
}

int vt_eventfd(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd >= 0)
		return fd;
	perror("# eventfd");
	exit(1);
}

static __thread sigjmp_buf vt_jump;
static __thread volatile bool vt_may_jump;

static void vt_on_sigbus(int sig)
{
	if (vt_may_jump)
		siglongjmp(vt_jump, 1);
	signal(sig, SIG_DFL);
}

/* Add one to a byte of a mapping; false if it does not answer. */
bool vt_touch(volatile uint8_t *mem)
{
	static const struct sigaction action = { .sa_handler = vt_on_sigbus };
	bool answered = false;

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(vt_jump, 1) == 0) {
		vt_may_jump = true;
		(*mem)++;
		answered = true;
	}
	vt_may_jump = false;
	return answered;
}

/* Does the register BAR answer? */
bool vt_answers(struct vt_dev *dev)
{
	uint32_t magic = 0;

	return pread(dev->fd, &magic, 4, 0) == 4 && magic == MOCK_VFIO_MAGIC;
}

/* An iommufd user says with no groups that the functions are all his own. */
int vt_hot_reset(struct vt_dev *dev, unsigned int count, const int *groups)
{
	struct {
		struct vfio_pci_hot_reset h;
		int32_t groups[4];
	} arg = { .h.argsz = sizeof(arg), .h.count = count };

	memcpy(arg.groups, groups, count * sizeof(int32_t));
	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &arg) ? -errno : 0;
}

/* A function alone in its slot, reset by whatever shows that it is ours. */
int vt_hot_reset_alone(struct vt_dev *dev)
{
	return vt_hot_reset(dev, dev->group >= 0, &dev->group);
}
