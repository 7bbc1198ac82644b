/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's migration container, version 3: writing it and reading it strictly. */
#ifndef VFM_QEVM_H
#define VFM_QEVM_H

#include "section.h"

#define VFM_QEVM_MAGIC		0x5145564dU	/* "QEVM" */
#define VFM_QEVM_VERSION	3
#define VFM_VMDESC_MAX		(1U << 20)

#define VFM_CMD_OPEN_RETURN_PATH	1
#define VFM_CMD_PING			2
#define VFM_CMD_SWITCHOVER_START	11

#define VFM_RP_SHUT	1
#define VFM_RP_PONG	2

/**
 * struct vfm_section - how a device is called in a stream
 * @idstr: "<path>/vfio"
 * @id: number that ties its sections together
 */
struct vfm_section {
	const char *idstr;
	uint32_t id;
};

int vfm_put_header(struct vfm_writer *w, const char *machine,
		   struct vfm_error *e);
int vfm_put_command(struct vfm_writer *w, uint16_t command, const void *data,
		    uint16_t n, struct vfm_error *e);
int vfm_put_section(struct vfm_writer *w, enum vfm_section_type type,
		    const struct vfm_section *s, struct vfm_error *e);
int vfm_put_footer(struct vfm_writer *w, const struct vfm_section *s,
		   struct vfm_error *e);
/* The whole FULL section; @size gets the length of its body. */
int vfm_put_full(struct vfm_writer *w, const struct vfm_section *s,
		 const struct vfm_pci_state *state, uint32_t *size,
		 struct vfm_error *e);
/* EOF and VMDESC. */
int vfm_put_end(struct vfm_writer *w, const char *machine,
		const struct vfm_section *s, uint32_t full_size,
		struct vfm_error *e);

/* Read a stream up to and with its VMDESC. */
int vfm_load_stream(struct vfm_reader *r, struct vfm_load *l,
		    struct vfm_error *e);

#endif
