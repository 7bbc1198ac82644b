/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages from destination to source, on the way back of a socket. */
#ifndef VFM_RETURN_PATH_H
#define VFM_RETURN_PATH_H

#include "stream.h"

#define VFM_PING_VALUE	1

struct vfm_return_path {
	struct vfm_reader r;
	bool pong;	/* the answer to our ping is here */
	bool shut;	/* the destination has said its last word: */
	uint32_t status;
};

int vfm_rp_init(struct vfm_return_path *rp, const struct vfm_io *io,
		struct vfm_error *e);
void vfm_rp_free(struct vfm_return_path *rp);
/* Take what is there without waiting; fails if the peer gave up. */
int vfm_rp_poll(struct vfm_return_path *rp, struct vfm_error *e);
/* Wait for the last word; fails unless it is "success". */
int vfm_rp_confirm(struct vfm_return_path *rp, struct vfm_error *e);

/* The destination's side. */
int vfm_rp_pong(const struct vfm_io *io, uint32_t value, struct vfm_error *e);
int vfm_rp_shut(const struct vfm_io *io, uint32_t status,
		struct vfm_error *e);

#endif
