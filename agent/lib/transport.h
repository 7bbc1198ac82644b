/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a stream goes to or comes from, by URI. */
#ifndef VFM_TRANSPORT_H
#define VFM_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/**
 * struct vfm_channel - an open end of a stream
 * @fd: the descriptor
 * @duplex: the other direction exists as well: there is a return path
 * @file: a regular file, to be synced when it is complete
 * @owned: close @fd at the end
 */
struct vfm_channel {
	int fd;
	bool duplex;
	bool file;
	bool owned;
};

/**
 * struct vfm_patience - how long to try
 * @timeout_ms: for a peer to appear, -1 for ever
 * @cancel_fd: readable when the user wants to stop, or -1
 */
struct vfm_patience {
	int timeout_ms;
	int cancel_fd;
};

/*
 * unix:PATH, tcp:HOST:PORT, fd:N, file:PATH[,offset=N], or - for standard
 * output; a peer that does not listen yet is tried again.
 */
int vfm_connect(struct vfm_channel *c, const char *uri,
		const struct vfm_patience *p, struct vfm_error *e);
/* The same URIs for reading; sockets listen for one peer. */
int vfm_accept(struct vfm_channel *c, const char *uri,
	       const struct vfm_patience *p, struct vfm_error *e);
/* Everything written is on its way, or on disk. */
int vfm_channel_sync(struct vfm_channel *c, struct vfm_error *e);
void vfm_channel_close(struct vfm_channel *c);

#endif
