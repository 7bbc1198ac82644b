// SPDX-License-Identifier: GPL-2.0-or-later
/* The return path: big-endian type, length, data. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "bytes.h"
#include "qevm.h"
#include "return_path.h"

int vfm_rp_init(struct vfm_return_path *rp, const struct vfm_io *io,
		struct vfm_error *e)
{
	memset(rp, 0, sizeof(*rp));
	return vfm_reader_init(&rp->r, io, 4096, e);
}

void vfm_rp_free(struct vfm_return_path *rp)
{
	vfm_reader_free(&rp->r);
}

/* Offsets in the return path would be taken for ones of the stream. */
static int on_return_path(struct vfm_error *e)
{
	e->has_offset = false;
	vfm_error_where(e, "return path");
	return vfm_error_hint(e, "see what the destination says");
}

static int refused(struct vfm_return_path *rp, struct vfm_error *e)
{
	vfm_fail(e, ECONNABORTED, "the destination refused (status %u)",
		 rp->status);
	return on_return_path(e);
}

static int message(struct vfm_return_path *rp, struct vfm_error *e)
{
	uint16_t type, n;
	uint32_t value = 0;
	int ret = vfm_read_be16(&rp->r, &type, "the destination's answer", e);

	if (!ret)
		ret = vfm_read_be16(&rp->r, &n, "the destination's answer", e);
	if (!ret && n == 4)
		ret = vfm_read_be32(&rp->r, &value, "the destination's answer",
				    e);
	if (ret)
		return on_return_path(e);
	if (type == VFM_RP_PONG && n == 4 && value == VFM_PING_VALUE) {
		rp->pong = true;
		return 0;
	}
	if (type != VFM_RP_SHUT || n != 4) {
		vfm_fail(e, EPROTO, "message type %u, length %u, value %u is not expected",
			 type, n, value);
		return on_return_path(e);
	}
	rp->shut = true;
	rp->status = value;
	return value ? refused(rp, e) : 0;
}

static bool readable(struct vfm_return_path *rp)
{
	struct pollfd p = { .fd = rp->r.io.fd, .events = POLLIN };

	return rp->r.pos < rp->r.end || poll(&p, 1, 0) > 0;
}

int vfm_rp_poll(struct vfm_return_path *rp, struct vfm_error *e)
{
	int ret = 0;

	while (!ret && !rp->shut && readable(rp))
		ret = message(rp, e);
	if (ret || !rp->shut)
		return ret;
	vfm_fail(e, EPROTO, "the destination ended before the stream did");
	return on_return_path(e);
}

int vfm_rp_confirm(struct vfm_return_path *rp, struct vfm_error *e)
{
	int ret = 0;

	while (!ret && !rp->shut)
		ret = message(rp, e);
	if (ret || rp->pong)
		return ret;
	vfm_fail(e, EPROTO, "the destination did not answer the ping");
	return on_return_path(e);
}

static int send_message(const struct vfm_io *io, uint16_t type,
			uint32_t value, struct vfm_error *e)
{
	struct vfm_writer w;
	int ret = vfm_writer_init(&w, io, 64, e);

	if (!ret)
		ret = vfm_write_be(&w, type, 2, e);
	if (!ret)
		ret = vfm_write_be(&w, 4, 2, e);
	if (!ret)
		ret = vfm_write_be(&w, value, 4, e);
	if (!ret)
		ret = vfm_flush(&w, e);
	vfm_writer_free(&w);
	return ret ? on_return_path(e) : 0;
}

int vfm_rp_pong(const struct vfm_io *io, uint32_t value, struct vfm_error *e)
{
	return send_message(io, VFM_RP_PONG, value, e);
}

int vfm_rp_shut(const struct vfm_io *io, uint32_t status,
		struct vfm_error *e)
{
	return send_message(io, VFM_RP_SHUT, status, e);
}
