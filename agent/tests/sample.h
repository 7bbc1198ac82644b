/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worked example of a stream: one device at slot 4, id 42, 3 vectors. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "qevm.h"

#define SAMPLE_BYTES	0x129a
#define SAMPLE_MACHINE	"pc-q35-10.2"

static const struct vfm_section sample_section = {
	.idstr = "0000:00:04.0/vfio", .id = 42,
};

/* Config space with an MSI-X capability of 3 vectors at 0x40. */
static inline void sample_state(struct vfm_pci_state *s)
{
	memset(s, 0, sizeof(*s));
	s->size = 4096;
	s->vectors = 3;
	memcpy(s->config, "\x56\x4d\x01\x00\x06\x04\x10\x00", 8);
	s->config[0x34] = 0x40;
	memcpy(s->config + 0x40, "\x11\x00\x02\x80", 4);
	memset(s->msix, 0x5a, 3 * VFM_MSIX_ENTRY);
	s->intx[1] = 1;
	s->pba[0] = 5;
}

static inline int sample_part(struct vfm_writer *w, const char *data,
			      uint64_t end, struct vfm_error *e)
{
	return vfm_put_section(w, VFM_SECTION_PART, &sample_section, e) ||
		vfm_put_data(w, data, strlen(data), e) ||
		vfm_put_tag(w, end, e) || vfm_put_footer(w, &sample_section, e);
}

static inline int sample_write(struct vfm_writer *w, struct vfm_error *e)
{
	const struct vfm_section *s = &sample_section;
	struct vfm_pci_state *state = malloc(sizeof(*state));
	uint32_t size;
	int ret;

	sample_state(state);
	ret = vfm_put_header(w, SAMPLE_MACHINE, e) ||
		vfm_put_section(w, VFM_SECTION_START, s, e) ||
		vfm_put_tag(w, VFM_TAG_SETUP, e) ||
		vfm_put_tag(w, VFM_TAG_EOS, e) || vfm_put_footer(w, s, e) ||
		sample_part(w, "hello", VFM_TAG_EOS, e) ||
		sample_part(w, "abc", VFM_TAG_INIT_SENT, e) ||
		vfm_put_command(w, VFM_CMD_SWITCHOVER_START, NULL, 0, e) ||
		vfm_put_section(w, VFM_SECTION_END, s, e) ||
		vfm_put_data(w, "WXYZ", 4, e) || vfm_put_data(w, "..", 2, e) ||
		vfm_put_tag(w, VFM_TAG_EOS, e) || vfm_put_footer(w, s, e) ||
		vfm_put_full(w, s, state, &size, e) ||
		vfm_put_end(w, SAMPLE_MACHINE, s, size, e) || vfm_flush(w, e);
	free(state);
	return ret;
}

/* A memory file that holds @n bytes of @p. */
static inline int sample_file(const void *p, size_t n)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	if (fd >= 0 && n && write(fd, p, n) != (ssize_t)n)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Write the sample and read it back as bytes; @chunk bytes a system call. */
static inline uint8_t *sample_bytes(size_t chunk, size_t *n)
{
	struct vfm_io io = { sample_file(NULL, 0), -1, 1000, chunk };
	uint8_t *bytes = calloc(1, 2 * SAMPLE_BYTES);
	struct vfm_writer w;
	struct vfm_error e;

	if (vfm_writer_init(&w, &io, 4096, &e) || sample_write(&w, &e))
		abort();
	vfm_writer_free(&w);
	*n = pread(io.fd, bytes, 2 * SAMPLE_BYTES, 0);
	close(io.fd);
	return bytes;
}

/* What came out of a stream. */
struct sample_result {
	int ret;
	struct vfm_error e;
	char data[64];
	size_t n;
	unsigned int starts;
	unsigned int configs;
	unsigned int commands;
	uint64_t end;
	struct vfm_pci_state state;
};

static inline int sample_start(void *ctx, struct vfm_error *e)
{
	(void)e;
	((struct sample_result *)ctx)->starts++;
	return 0;
}

static inline int sample_data(void *ctx, const void *p, size_t n,
			      struct vfm_error *e)
{
	struct sample_result *r = ctx;

	if (n > sizeof(r->data) - r->n)
		return vfm_fail(e, EFBIG, "more data than the sample has");
	memcpy(r->data + r->n, p, n);
	r->n += n;
	return 0;
}

static inline int sample_config(void *ctx, const struct vfm_pci_state *s,
				struct vfm_error *e)
{
	struct sample_result *r = ctx;

	(void)e;
	r->configs++;
	r->state = *s;
	return 0;
}

static inline int sample_command(void *ctx, uint16_t cmd, uint32_t value,
				 struct vfm_error *e)
{
	(void)cmd;
	(void)value;
	(void)e;
	((struct sample_result *)ctx)->commands++;
	return 0;
}

static inline void sample_load(const void *p, size_t n, size_t chunk,
			       struct sample_result *r)
{
	static const struct vfm_load_ops ops = {
		sample_start, sample_data, sample_config, sample_command,
	};
	struct vfm_load l = {
		.machine = SAMPLE_MACHINE, .idstr = sample_section.idstr,
		.config_size = 4096, .switchover_ack = true, .ops = &ops,
		.ctx = r,
	};
	struct vfm_io io = { sample_file(p, n), -1, 1000, chunk };
	struct vfm_pci_state *ours = malloc(sizeof(*ours));
	struct vfm_pci_masks *masks = malloc(sizeof(*masks));
	struct vfm_reader reader;

	memset(r, 0, sizeof(*r));
	sample_state(ours);
	vfm_pci_derive_masks(ours->config, 4096, masks);
	l.pci = ours;
	l.masks = masks;
	if (vfm_reader_init(&reader, &io, 4096, &r->e))
		abort();
	r->ret = vfm_load_stream(&reader, &l, &r->e);
	r->end = reader.offset;
	vfm_reader_free(&reader);
	free(ours);
	free(masks);
	close(io.fd);
}

#endif
