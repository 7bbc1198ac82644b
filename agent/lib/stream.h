/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Buffered byte streams over a descriptor.  Every wait ends: with data, with
 * the peer's end, after the timeout, or when the cancel descriptor is readable.
 */
#ifndef VFM_STREAM_H
#define VFM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define VFM_STREAM_BUFFER	(1U << 20)
#define VFM_TIMEOUT_MS		30000

/**
 * struct vfm_io - a descriptor and how to wait for it
 * @fd: the descriptor, not owned
 * @cancel_fd: readable when the user wants to stop, or -1
 * @timeout_ms: longest silence of the peer, -1 for none
 * @max_chunk: at most so many bytes a system call, 0 for no limit
 */
struct vfm_io {
	int fd;
	int cancel_fd;
	int timeout_ms;
	size_t max_chunk;
};

/* Wait until @fd of @io is ready for @events (POLLIN, POLLOUT). */
int vfm_io_wait(const struct vfm_io *io, short events, struct vfm_error *e);

struct vfm_reader {
	struct vfm_io io;
	uint8_t *buf;
	size_t size;
	size_t pos;
	size_t end;
	uint64_t offset;	/* of buf[pos] in the stream */
};

int vfm_reader_init(struct vfm_reader *r, const struct vfm_io *io, size_t size,
		    struct vfm_error *e);
void vfm_reader_free(struct vfm_reader *r);
/* @what names the field for the message about a stream that ends in it. */
int vfm_read(struct vfm_reader *r, void *to, size_t n, const char *what,
	     struct vfm_error *e);
int vfm_read_u8(struct vfm_reader *r, uint8_t *v, const char *what,
		struct vfm_error *e);
int vfm_read_be16(struct vfm_reader *r, uint16_t *v, const char *what,
		  struct vfm_error *e);
int vfm_read_be32(struct vfm_reader *r, uint32_t *v, const char *what,
		  struct vfm_error *e);
int vfm_read_be64(struct vfm_reader *r, uint64_t *v, const char *what,
		  struct vfm_error *e);
/* Length byte and text; @to gets a NUL and must hold 256 bytes. */
int vfm_read_str8(struct vfm_reader *r, char *to, const char *what,
		  struct vfm_error *e);
/*
 * Borrow up to @max buffered bytes, at least one; 0 at the end of the stream.
 * vfm_consume() them before the next call.
 */
ssize_t vfm_borrow(struct vfm_reader *r, const void **p, size_t max,
		   struct vfm_error *e);
void vfm_consume(struct vfm_reader *r, size_t n);

struct vfm_writer {
	struct vfm_io io;
	uint8_t *buf;
	size_t size;
	size_t used;
	uint64_t offset;	/* of the next byte put */
	bool socket;
	bool pipe;
};

int vfm_writer_init(struct vfm_writer *w, const struct vfm_io *io, size_t size,
		    struct vfm_error *e);
void vfm_writer_free(struct vfm_writer *w);
int vfm_write(struct vfm_writer *w, const void *from, size_t n,
	      struct vfm_error *e);
int vfm_write_be(struct vfm_writer *w, uint64_t v, unsigned int bytes,
		 struct vfm_error *e);
int vfm_write_str8(struct vfm_writer *w, const char *text,
		   struct vfm_error *e);
int vfm_flush(struct vfm_writer *w, struct vfm_error *e);

#endif
