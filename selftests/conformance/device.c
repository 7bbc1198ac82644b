// SPDX-License-Identifier: GPL-2.0-or-later
/* The device under test: what it offers, and how its states are entered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mc.h"

/* @argsz as the caller wants it, whatever @len is.  Return: 0 or an error. */
int mc_feature(struct mc *mc, uint32_t argsz, uint32_t flags, void *data,
	       size_t len)
{
	struct vfio_device_feature *f = calloc(1, sizeof(*f) + len);
	int ret;

	f->argsz = argsz;
	f->flags = flags;
	memcpy(f->data, data, len);
	ret = ioctl(mc->dev.fd, VFIO_DEVICE_FEATURE, f) ? -errno : 0;
	memcpy(data, f->data, len);
	free(f);
	return ret;
}

static bool mc_offers(struct mc *mc, uint32_t feature)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f),
		.flags = VFIO_DEVICE_FEATURE_PROBE | feature,
	};

	return ioctl(mc->dev.fd, VFIO_DEVICE_FEATURE, &f) == 0;
}

/* Open the device and ask what it has.  Return: 0 or an error. */
int mc_probe(struct mc *mc)
{
	struct vfio_device_feature_migration mig = {};
	int ret = vt_any_open(&mc->any, mc->backend, &mc->dev);

	if (ret)
		return ret;
	ret = mc_feature(mc, 16, VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_MIGRATION, &mig, sizeof(mig));
	if (ret)
		return ret;
	mc->flags = mig.flags;
	mc->has = mig.flags & (MC_HAS_P2P | MC_HAS_PRE_COPY);
	if (mc_offers(mc, VFIO_DEVICE_FEATURE_DMA_LOGGING_START))
		mc->has |= MC_HAS_LOGGING;
	if (mc_offers(mc, MC_FEATURE_PRECOPY_INFO_V2))
		mc->has |= MC_HAS_PRECOPY_V2;
	return 0;
}

bool mc_reopen(struct mc *mc)
{
	vt_any_close(&mc->dev);
	return mc_is(mc, MC_MUST, "open again", 0,
		     vt_any_open(&mc->any, mc->backend, &mc->dev));
}

/* By the flags, as the comment at VFIO_DEVICE_FEATURE_MIGRATION has it. */
bool mc_state_exists(const struct mc *mc, int state)
{
	switch (state) {
	case MC_RUNNING_P2P:
		return mc->has & MC_HAS_P2P;
	case MC_PRE_COPY:
		return mc->has & MC_HAS_PRE_COPY;
	case MC_PRE_COPY_P2P:
		return (mc->has & MC_HAS_P2P) && (mc->has & MC_HAS_PRE_COPY);
	case VFIO_DEVICE_STATE_ERROR:
	case MC_STOP:
	case MC_RUNNING:
	case MC_STOP_COPY:
	case MC_RESUMING:
		return true;
	}
	return false;
}

static bool mc_in_saving_group(int state)
{
	return state == MC_STOP_COPY || state == MC_PRE_COPY ||
	       state == MC_PRE_COPY_P2P;
}

/*
 * "PRE_COPY, PRE_COPY_P2P and STOP_COPY form the saving group of states which
 * share a data transfer session"; STOP -> RESUMING begins one as well.
 */
bool mc_opens_session(int from, int to)
{
	if (to == MC_RESUMING)
		return from != MC_RESUMING;
	return mc_in_saving_group(to) && !mc_in_saving_group(from);
}

/* By a reset; the descriptor, -1 if there is none, is the caller's. */
bool mc_enter(struct mc *mc, int state, int *fd)
{
	int ret;

	*fd = -1;
	if (!mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0, vt_reset(&mc->dev)))
		return false;
	ret = vt_set_state(&mc->dev, state, fd);
	return mc_ok(mc, MC_MUST, !ret, "RUNNING -> %s: %s",
		     vt_state_name(state), strerror(-ret)) &&
	       mc_ok(mc, MC_MUST, *fd >= 0 || !mc_opens_session(MC_RUNNING, state),
		     "RUNNING -> %s: no data_fd", vt_state_name(state));
}

void mc_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
