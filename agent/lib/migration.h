/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device's way out of one VMM and into another. */
#ifndef VFM_MIGRATION_H
#define VFM_MIGRATION_H

#include "pci.h"
#include "qevm.h"
#include "transport.h"

/**
 * struct vfm_migration - one run, as source or as destination
 * @dev: the device, open
 * @pci: its PCI side, NULL if it has none
 * @channel: where the stream goes to or comes from
 * @machine: machine name; at the destination NULL for any
 * @section: name of the section (and its number, at the source)
 * @timeout_ms: longest silence of the peer
 * @cancel_fd: readable when the user wants to stop, or -1
 * @keep_running: the source goes on afterwards: a snapshot
 * @no_precopy: the source stops the device before it reads anything
 * @quiescent: called while the device is in STOP: at the source after its
 *	       state was read, at the destination before it runs; an error
 *	       ends the migration.  May be NULL.
 * @ctx: argument of @quiescent
 *
 * Results:
 * @bytes: of the stream, by purpose
 * @precopy_bytes: device state that was sent while the source ran
 * @stream_bytes: the sum
 * @pause_ns: clock when the source left RUNNING, or when the destination heard of it
 * @resume_ns: clock when the source was confirmed, or the destination was RUNNING
 * @proof_ns: time spent in @quiescent, part of the pause
 * @machine_seen: the destination: what the stream says
 * @was_reset: the destination reset the device after a failure
 */
struct vfm_migration {
	struct vfm_device *dev;
	struct vfm_pci *pci;
	struct vfm_channel *channel;
	const char *machine;
	struct vfm_section section;
	int timeout_ms;
	int cancel_fd;
	bool keep_running;
	bool no_precopy;
	int (*quiescent)(void *ctx, struct vfm_error *e);
	void *ctx;

	struct vfm_bytes bytes;
	uint64_t precopy_bytes;
	uint64_t stream_bytes;
	uint64_t pause_ns;
	uint64_t resume_ns;
	uint64_t proof_ns;
	char machine_seen[256];
	bool was_reset;
};

/* For the library's own use: call @quiescent, if there is one. */
int vfm_quiescent(struct vfm_migration *m, struct vfm_error *e);

/*
 * Send.  After success the device is in STOP (RUNNING with @keep_running), and
 * a peer that can answer has confirmed.  After a failure it is in RUNNING again
 * unless @e->kind says VFM_DEVICE_ERROR.
 */
int vfm_migrate(struct vfm_migration *m, struct vfm_error *e);

/*
 * Receive.  After success the device is in RUNNING with the new state; after a
 * failure it was reset and is in RUNNING with none, unless @e->kind says
 * VFM_DEVICE_ERROR.
 */
int vfm_receive(struct vfm_migration *m, struct vfm_error *e);

#endif
