// SPDX-License-Identifier: GPL-2.0-or-later
/* The migration uAPI of a device. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio_compat.h"
#include "vt.h"

static int vt_feature(struct vt_dev *dev, uint32_t flags, void *data, size_t len)
{
	struct vfio_device_feature *f = calloc(1, sizeof(*f) + len);
	int ret;

	f->argsz = sizeof(*f) + len;
	f->flags = flags;
	memcpy(f->data, data, len);
	ret = ioctl(dev->fd, VFIO_DEVICE_FEATURE, f) ? -errno : 0;
	memcpy(data, f->data, len);
	free(f);
	return ret;
}

const char *vt_state_name(uint32_t state)
{
	static const char *const names[] = {
		"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING",
		"RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P",
	};

	return state < 8 ? names[state] : "?";
}

int vt_get_state(struct vt_dev *dev)
{
	struct vfio_device_feature_mig_state mig = {};
	int ret = vt_feature(dev, VFIO_DEVICE_FEATURE_GET |
			     VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			     &mig, sizeof(mig));

	return ret ? ret : (int)mig.device_state;
}

/* The descriptor goes to *data_fd, or is closed if that is NULL. */
int vt_set_state(struct vt_dev *dev, uint32_t state, int *data_fd)
{
	struct vfio_device_feature_mig_state mig = {
		.device_state = state, .data_fd = -2,
	};
	int ret = vt_feature(dev, VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			     &mig, sizeof(mig));

	if (data_fd)
		*data_fd = mig.data_fd;
	else if (!ret && mig.data_fd >= 0)
		close(mig.data_fd);
	return ret;
}

int vt_migration_flags(struct vt_dev *dev)
{
	struct vfio_device_feature_migration mig = {};
	int ret = vt_feature(dev, VFIO_DEVICE_FEATURE_GET |
			     VFIO_DEVICE_FEATURE_MIGRATION, &mig, sizeof(mig));

	return ret ? ret : (int)mig.flags;
}

int64_t vt_data_size(struct vt_dev *dev)
{
	uint64_t size = 0;
	int ret = vt_feature(dev, VFIO_DEVICE_FEATURE_GET |
			     VFM_FEATURE_MIG_DATA_SIZE, &size, sizeof(size));

	return ret ? ret : (int64_t)size;
}

int vt_reset(struct vt_dev *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vt_read_all(int fd, struct vt_state *state)
{
	size_t size = 1 << 20;
	ssize_t n;

	state->data = malloc(size);
	state->len = 0;
	while ((n = read(fd, state->data + state->len, size - state->len)) > 0) {
		state->len += n;
		if (state->len == size)
			state->data = realloc(state->data, size *= 2);
	}
	return n < 0 ? -errno : 0;
}

/* Take the state; the device is in STOP afterwards. */
void vt_save(struct vt_dev *dev, struct vt_state *state)
{
	int fd, ret;

	ret = vt_set_state(dev, VFIO_DEVICE_STATE_STOP_COPY, &fd);
	if (!ret) {
		ret = vt_read_all(fd, state);
		close(fd);
	}
	if (!ret)
		ret = vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL);
	if (!ret)
		return;
	fprintf(stderr, "# save: %s\n", strerror(-ret));
	exit(1);
}

int vt_write_all(int fd, const void *data, size_t len, size_t chunk)
{
	const uint8_t *p = data;
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = write(fd, p, len < chunk ? len : chunk);
		if (n < 0)
			return -errno;
	}
	return 0;
}

/* RESUMING, all of the state, STOP.  On error the device is in RESUMING. */
int vt_load(struct vt_dev *dev, const struct vt_state *state)
{
	int fd, ret;

	ret = vt_set_state(dev, VFIO_DEVICE_STATE_RESUMING, &fd);
	if (ret)
		return ret;
	ret = vt_write_all(fd, state->data, state->len, 1 << 20);
	close(fd);
	return ret ? ret : vt_set_state(dev, VFIO_DEVICE_STATE_STOP, NULL);
}

void vt_state_free(struct vt_state *state)
{
	free(state->data);
	*state = (struct vt_state) {};
}
