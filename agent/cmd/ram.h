/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of the guest that the stand-alone agent plays. */
#ifndef RAM_H
#define RAM_H

#include "device.h"

/**
 * struct ram - guest RAM
 * @va: where the agent sees it
 * @size: bytes
 * @iova: where the device sees it
 * @shared: it is a file: source and destination may have the same
 */
struct ram {
	void *va;
	uint64_t size;
	uint64_t iova;
	bool shared;
};

/* @spec: SIZE[,path=FILE][,iova=N] */
int ram_open(struct ram *r, const char *spec, struct vfm_error *e);
void ram_close(struct ram *r);

#endif
