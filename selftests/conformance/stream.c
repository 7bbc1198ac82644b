// SPDX-License-Identifier: GPL-2.0-or-later
/* Streams: taken from the device, given back to it, in pieces of many sizes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mc.h"

/* Of a large state only that much is moved in small pieces. */
#define MC_SMALL_BYTES	4096

long mc_read(int fd, void *data, size_t len)
{
	const ssize_t n = read(fd, data, len);

	return n < 0 ? -errno : n;
}

long mc_write(int fd, const void *data, size_t len)
{
	const ssize_t n = write(fd, data, len);

	return n < 0 ? -errno : n;
}

static size_t mc_piece(size_t pos, size_t small, size_t bound)
{
	return pos < MC_SMALL_BYTES ? small : bound;
}

/*
 * Append all there is to @s, up to an end of either kind: @small bytes at a time
 * first, @bound later.  Return: 0, -ENOMSG or another error.
 */
int mc_read_rest(int fd, struct vt_state *s, size_t small, size_t bound)
{
	size_t size;
	long n;

	do {
		size = mc_piece(s->len, small, bound);
		s->data = realloc(s->data, s->len + size);
		if (!s->data)
			abort();
		n = mc_read(fd, s->data + s->len, size);
		if (n > 0)
			s->len += n;
	} while (n > 0);
	return n;
}

/* Have mc->stream.  The device is in RUNNING afterwards. */
bool mc_need_stream(struct mc *mc)
{
	bool good;
	int fd;

	if (mc->stream.data)
		return mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0,
			     vt_reset(&mc->dev));
	if (!mc_enter(mc, MC_STOP_COPY, &fd))
		return false;
	good = mc_is(mc, MC_MUST, "read in STOP_COPY", 0,
		     mc_read_rest(fd, &mc->stream, 1 << 20, 1 << 20)) &&
	       mc_ok(mc, MC_MUST, mc->stream.len, "the stream is empty");
	close(fd);
	if (!good)
		vt_state_free(&mc->stream);
	return good && mc_is(mc, MC_MUST, "VFIO_DEVICE_RESET", 0,
			     vt_reset(&mc->dev));
}

static int mc_write_pieces(int fd, const struct vt_state *s, size_t len,
			   size_t small, size_t bound)
{
	size_t pos = 0, size;
	long n;

	while (pos < len) {
		size = mc_piece(pos, small, bound);
		n = mc_write(fd, s->data + pos, size < len - pos ? size : len - pos);
		if (n < 0)
			return n;
		pos += n;
	}
	return 0;
}

/*
 * From RUNNING to RESUMING, the first @len bytes of @s, and on to @to.
 * Return: 0 or the error of the arc; a write must not fail if all is written.
 */
int mc_load(struct mc *mc, const struct vt_state *s, size_t len, size_t small,
	    size_t bound, int to)
{
	int fd, ret;

	if (!mc_enter(mc, MC_RESUMING, &fd))
		return -EIO;
	ret = mc_write_pieces(fd, s, len, small, bound);
	mc_ok(mc, MC_MUST, !ret || len < s->len, "write in RESUMING: %s",
	      strerror(-ret));
	ret = vt_set_state(&mc->dev, to, NULL);
	close(fd);
	return ret;
}

void mc_loads(struct mc *mc, const char *what, const struct vt_state *s)
{
	if (mc_is(mc, MC_MUST, what, 0,
		  mc_load(mc, s, s->len, 1 << 20, 1 << 20, MC_STOP)))
		mc_is(mc, MC_MUST, "STOP -> RUNNING after the load", 0,
		      vt_set_state(&mc->dev, MC_RUNNING, NULL));
}

/*
 * It has to load.  That two sessions of a stopped device deliver the same bytes
 * is not promised, the stream is opaque; but where they usually do, a stream
 * that is not the same has lost something.
 */
void mc_is_stream(struct mc *mc, const char *what, const struct vt_state *s)
{
	mc_ok(mc, MC_SHOULD, s->len == mc->stream.len &&
	      !memcmp(s->data, mc->stream.data, s->len),
	      "%s: not the bytes of another session", what);
	mc_loads(mc, what, s);
}

/*
 * The session was terminated.  The text does not name the error; ENODEV is what
 * all drivers in the kernel say.  Data, or an end that looks as if the state
 * were complete, would be worse than another error.
 */
void mc_is_dead(struct mc *mc, int fd, bool saving)
{
	char byte = 0;
	const long n = saving ? mc_read(fd, &byte, 1) : mc_write(fd, &byte, 1);
	const char *what = saving ? "read after the end of the session" :
				    "write after the end of the session";

	if (mc_ok(mc, MC_MUST, n < 0, "%s: %ld", what, n))
		mc_is(mc, MC_SHOULD, what, -ENODEV, n);
}
