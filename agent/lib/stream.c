// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffered reading and writing with offsets, bounded in memory and in time. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "stream.h"

static int remaining_ms(const struct vfm_io *io, uint64_t start)
{
	uint64_t gone = (vfm_now_ns() - start) / 1000000;

	if (io->timeout_ms < 0)
		return -1;
	return gone >= (uint64_t)io->timeout_ms ? 0 : io->timeout_ms - gone;
}

int vfm_io_wait(const struct vfm_io *io, short events, struct vfm_error *e)
{
	struct pollfd p[2] = {
		{ .fd = io->fd, .events = events },
		{ .fd = io->cancel_fd, .events = POLLIN },
	};
	uint64_t start = vfm_now_ns();
	int n;

	do {
		n = poll(p, 2, remaining_ms(io, start));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return vfm_fail_errno(e, "cannot wait for the stream");
	if (p[1].revents)
		return vfm_fail(e, ECANCELED, "cancelled");
	if (p[0].revents)
		return 0;
	vfm_fail(e, ETIMEDOUT, "the peer was silent for %d seconds",
		 io->timeout_ms / 1000);
	return vfm_error_hint(e, "look at the peer, or give it longer with --timeout");
}

static size_t chunk(const struct vfm_io *io, size_t n)
{
	return io->max_chunk && n > io->max_chunk ? io->max_chunk : n;
}

int vfm_reader_init(struct vfm_reader *r, const struct vfm_io *io, size_t size,
		    struct vfm_error *e)
{
	memset(r, 0, sizeof(*r));
	r->io = *io;
	r->size = size;
	r->buf = malloc(size);
	return r->buf ? 0 : vfm_fail(e, ENOMEM, "no memory for a stream buffer");
}

void vfm_reader_free(struct vfm_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

/* Returns the number of bytes that arrived, 0 at the end of the stream. */
static ssize_t fill(struct vfm_reader *r, struct vfm_error *e)
{
	ssize_t n;
	int ret;

	r->pos = 0;
	r->end = 0;
	do {
		ret = vfm_io_wait(&r->io, POLLIN, e);
		if (ret) {
			e->has_offset = true;
			e->offset = r->offset;
			return ret;
		}
		n = read(r->io.fd, r->buf, chunk(&r->io, r->size));
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0) {
		vfm_fail_errno(e, "cannot read the stream");
		e->has_offset = true;
		e->offset = r->offset;
		return -e->code;
	}
	r->end = n;
	return n;
}

ssize_t vfm_borrow(struct vfm_reader *r, const void **p, size_t max,
		   struct vfm_error *e)
{
	ssize_t n = r->end - r->pos;

	if (!n)
		n = fill(r, e);
	if (n <= 0)
		return n;
	*p = r->buf + r->pos;
	return (size_t)n < max ? (size_t)n : max;
}

void vfm_consume(struct vfm_reader *r, size_t n)
{
	r->pos += n;
	r->offset += n;
}

int vfm_read(struct vfm_reader *r, void *to, size_t n, const char *what,
	     struct vfm_error *e)
{
	const void *p;
	ssize_t got;

	while (n) {
		got = vfm_borrow(r, &p, n, e);
		if (got < 0)
			return got;
		if (!got)
			return vfm_fail_at(e, ENODATA, r->offset,
					   "the stream ends here, in or before %s (%zu more bytes expected)",
					   what, n);
		memcpy(to, p, got);
		vfm_consume(r, got);
		to = (uint8_t *)to + got;
		n -= got;
	}
	return 0;
}

static int read_be(struct vfm_reader *r, uint64_t *v, unsigned int bytes,
		   const char *what, struct vfm_error *e)
{
	uint8_t b[8];
	int ret = vfm_read(r, b, bytes, what, e);

	if (!ret)
		*v = vfm_get_be(b, bytes);
	return ret;
}

int vfm_read_u8(struct vfm_reader *r, uint8_t *v, const char *what,
		struct vfm_error *e)
{
	return vfm_read(r, v, 1, what, e);
}

int vfm_read_be16(struct vfm_reader *r, uint16_t *v, const char *what,
		  struct vfm_error *e)
{
	uint64_t x = 0;
	int ret = read_be(r, &x, 2, what, e);

	*v = x;
	return ret;
}

int vfm_read_be32(struct vfm_reader *r, uint32_t *v, const char *what,
		  struct vfm_error *e)
{
	uint64_t x = 0;
	int ret = read_be(r, &x, 4, what, e);

	*v = x;
	return ret;
}

int vfm_read_be64(struct vfm_reader *r, uint64_t *v, const char *what,
		  struct vfm_error *e)
{
	uint64_t x = 0;
	int ret = read_be(r, &x, 8, what, e);

	*v = x;
	return ret;
}

int vfm_read_str8(struct vfm_reader *r, char *to, const char *what,
		  struct vfm_error *e)
{
	uint8_t n;
	int ret = vfm_read_u8(r, &n, what, e);

	if (!ret)
		ret = vfm_read(r, to, n, what, e);
	if (!ret)
		to[n] = 0;
	return ret;
}

int vfm_writer_init(struct vfm_writer *w, const struct vfm_io *io, size_t size,
		    struct vfm_error *e)
{
	struct stat st;

	memset(w, 0, sizeof(*w));
	w->io = *io;
	w->size = size;
	if (fstat(io->fd, &st))
		return vfm_fail_errno(e, "descriptor %d", io->fd);
	w->socket = S_ISSOCK(st.st_mode);
	w->pipe = S_ISFIFO(st.st_mode);
	w->buf = malloc(size);
	return w->buf ? 0 : vfm_fail(e, ENOMEM, "no memory for a stream buffer");
}

void vfm_writer_free(struct vfm_writer *w)
{
	free(w->buf);
	w->buf = NULL;
}

/*
 * A ready pipe takes PIPE_BUF bytes without blocking; O_NONBLOCK would be
 * seen by everyone who shares it.
 */
static ssize_t write_some(struct vfm_writer *w, const void *p, size_t n)
{
	n = chunk(&w->io, n);
	if (w->socket)
		return send(w->io.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (w->pipe && n > PIPE_BUF)
		n = PIPE_BUF;
	return write(w->io.fd, p, n);
}

static int write_all(struct vfm_writer *w, const uint8_t *p, size_t n,
		     struct vfm_error *e)
{
	ssize_t done;
	int ret;

	while (n) {
		ret = vfm_io_wait(&w->io, POLLOUT, e);
		if (ret)
			return ret;
		done = write_some(w, p, n);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return vfm_fail_errno(e, "cannot write the stream");
		if (done > 0) {
			p += done;
			n -= done;
		}
	}
	return 0;
}

int vfm_flush(struct vfm_writer *w, struct vfm_error *e)
{
	int ret = write_all(w, w->buf, w->used, e);

	w->used = 0;
	return ret;
}

int vfm_write(struct vfm_writer *w, const void *from, size_t n,
	      struct vfm_error *e)
{
	int ret = 0;

	if (!n)
		return 0;
	if (n > w->size - w->used)
		ret = vfm_flush(w, e);
	if (ret)
		return ret;
	w->offset += n;
	if (n > w->size)
		return write_all(w, from, n, e);
	memcpy(w->buf + w->used, from, n);
	w->used += n;
	return 0;
}

int vfm_write_be(struct vfm_writer *w, uint64_t v, unsigned int bytes,
		 struct vfm_error *e)
{
	uint8_t b[8];

	vfm_put_be(b, v, bytes);
	return vfm_write(w, b, bytes, e);
}

int vfm_write_str8(struct vfm_writer *w, const char *text,
		   struct vfm_error *e)
{
	size_t n = strlen(text);
	int ret;

	if (n > 255)
		return vfm_fail(e, EINVAL, "name of %zu bytes, at most 255 fit",
				n);
	ret = vfm_write_be(w, n, 1, e);
	return ret ? ret : vfm_write(w, text, n, e);
}
