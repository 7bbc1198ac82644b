/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bodies of a "<path>/vfio" section: records that begin with a tag. */
#ifndef VFM_SECTION_H
#define VFM_SECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "pci_state.h"
#include "stream.h"

#define VFM_TAG(n)		(0xffffffffef100000ULL | (n))
#define VFM_TAG_EOS		VFM_TAG(1)
#define VFM_TAG_CONFIG		VFM_TAG(2)
#define VFM_TAG_SETUP		VFM_TAG(3)
#define VFM_TAG_DATA		VFM_TAG(4)
#define VFM_TAG_INIT_SENT	VFM_TAG(5)
#define VFM_TAG_LOAD_READY	VFM_TAG(6)

#define VFM_SECTION_VERSION	1
/* QEMU reads a device by so many bytes at most; each read is a DATA record. */
#define VFM_DATA_MAX		(1U << 20)

enum vfm_section_type {
	VFM_SECTION_START = 1,
	VFM_SECTION_PART,
	VFM_SECTION_END,
	VFM_SECTION_FULL,
};

/**
 * struct vfm_bytes - bytes of a stream by what they are for
 * @framing: container: header, section headers, footers, commands, vmdesc
 * @tags: tags and lengths of the vfio records
 * @data: device state
 * @config: PCI config state
 * @data_records: number of DATA records
 */
struct vfm_bytes {
	uint64_t framing;
	uint64_t tags;
	uint64_t data;
	uint64_t config;
	uint64_t data_records;
};

/**
 * struct vfm_load_ops - the consumer of a stream; each may be NULL
 * @start: a device's START: be ready for data
 * @data: @n bytes of device state; @e has no offset yet, the caller adds it
 * @config: the PCI config state
 * @command: a COMMAND; @value is the argument of a PING
 */
struct vfm_load_ops {
	int (*start)(void *ctx, struct vfm_error *e);
	int (*data)(void *ctx, const void *p, size_t n, struct vfm_error *e);
	int (*config)(void *ctx, const struct vfm_pci_state *s,
		      struct vfm_error *e);
	int (*command)(void *ctx, uint16_t command, uint32_t value,
		       struct vfm_error *e);
};

/**
 * struct vfm_load - reading a stream
 * @machine: name that the configuration has to carry, NULL for any
 * @idstr: name that the vfio section has to carry
 * @config_size: bytes of PCI config space
 * @pci: our PCI state to compare with, or NULL
 * @masks: what to compare
 * @switchover_ack: INIT_DATA_SENT is welcome
 * @ops: who gets the content
 * @ctx: its argument
 * @bytes: what came in so far
 * @machine_seen: the name in the configuration
 */
struct vfm_load {
	const char *machine;
	const char *idstr;
	uint16_t config_size;
	const struct vfm_pci_state *pci;
	const struct vfm_pci_masks *masks;
	bool switchover_ack;
	const struct vfm_load_ops *ops;
	void *ctx;
	struct vfm_bytes bytes;
	char machine_seen[256];
	/* private to section.c and qevm.c */
	struct vfm_pci_state *state;
	uint32_t id;
	uint64_t full_size;
	bool started;
	bool ended;
	bool full;
};

int vfm_put_tag(struct vfm_writer *w, uint64_t tag, struct vfm_error *e);
int vfm_put_data(struct vfm_writer *w, const void *p, uint32_t n,
		 struct vfm_error *e);

/* Read the body of one section of type @type. */
int vfm_section_body(struct vfm_reader *r, struct vfm_load *l,
		     enum vfm_section_type type, struct vfm_error *e);

#endif
