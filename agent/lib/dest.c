// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The destination of a migration.  It confirms when the device has accepted
 * its whole state, and only then lets it run; whatever fails before, the device
 * is reset.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "migration.h"
#include "return_path.h"

#define LINGER_MS	1000

struct dest {
	struct vfm_migration *m;
	struct vfm_io io;
	struct vfm_reader r;
	struct vfm_pci_state *config;
	int data_fd;
	uint64_t written;
	bool return_path;
	bool confirmed;
};

static int start(void *ctx, struct vfm_error *e)
{
	struct dest *d = ctx;
	int ret = vfm_set_state(d->m->dev, VFIO_DEVICE_STATE_RESUMING,
				&d->data_fd, e);

	if (!ret && d->data_fd < 0)
		ret = vfm_fail(e, EBADF, "RESUMING gave no data descriptor");
	return ret;
}

static const struct reason {
	int code;
	enum vfm_kind kind;
	const char *text;
} reasons[] = {
	{ EBADMSG, VFM_FAILED, "it is damaged" },
	{ EPROTONOSUPPORT, VFM_INCOMPATIBLE,
	  "its version or a part of it is unknown to this driver" },
	{ EXDEV, VFM_INCOMPATIBLE, "it is of another kind of device" },
	{ EFBIG, VFM_FAILED, "data follows its end" },
	{ ENODATA, VFM_FAILED, "it is truncated" },
};

static const struct reason *find_reason(int code)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].code == code)
			return &reasons[i];
	return NULL;
}

static int state_refused(struct dest *d, struct vfm_error *e)
{
	int code = errno;
	const struct reason *r = find_reason(code);

	vfm_fail_errno(e, "the device refused its state near byte %llu of it%s%s",
		       (unsigned long long)d->written, r ? ", " : "",
		       r ? r->text : "");
	if (r)
		e->kind = r->kind;
	return vfm_error_where(e, "%s", d->m->dev->name);
}

static ssize_t write_some(struct dest *d, const void *p, size_t n,
			  struct vfm_error *e)
{
	struct vfm_io io = {
		d->data_fd, d->m->cancel_fd, d->m->timeout_ms, 0,
	};
	ssize_t done;
	int ret;

	do {
		ret = vfm_io_wait(&io, POLLOUT, e);
		if (ret)
			return vfm_error_where(e, "%s", d->m->dev->name);
		done = write(d->data_fd, p, n);
	} while (done < 0 && (errno == EINTR || errno == EAGAIN));
	if (!done)
		errno = EIO;
	return done > 0 ? done : state_refused(d, e);
}

static int data(void *ctx, const void *p, size_t n, struct vfm_error *e)
{
	struct dest *d = ctx;
	ssize_t done;

	while (n) {
		done = write_some(d, p, n, e);
		if (done < 0)
			return done;
		d->written += done;
		p = (const char *)p + done;
		n -= done;
	}
	return 0;
}

static int config(void *ctx, const struct vfm_pci_state *s,
		  struct vfm_error *e)
{
	struct dest *d = ctx;

	(void)e;
	*d->config = *s;
	return 0;
}

static int no_return_path(struct dest *d, struct vfm_error *e)
{
	return vfm_fail_at(e, EPROTO, d->r.offset,
			   "the stream wants a return path, but it came %s",
			   d->m->channel->duplex ? "twice" : "one way only");
}

static int command(void *ctx, uint16_t cmd, uint32_t value,
		   struct vfm_error *e)
{
	struct dest *d = ctx;

	if (cmd == VFM_CMD_OPEN_RETURN_PATH) {
		if (!d->m->channel->duplex || d->return_path)
			return no_return_path(d, e);
		d->return_path = true;
	}
	if (cmd == VFM_CMD_PING) {
		if (!d->return_path)
			return vfm_fail_at(e, EPROTO, d->r.offset,
					   "a ping without a return path");
		return vfm_rp_pong(&d->io, value, e);
	}
	if (cmd == VFM_CMD_SWITCHOVER_START)
		d->m->pause_ns = vfm_now_ns();
	return 0;
}

static const struct vfm_load_ops load_ops = {
	.start = start,
	.data = data,
	.config = config,
	.command = command,
};

static int load(struct dest *d, struct vfm_error *e)
{
	struct vfm_migration *m = d->m;
	struct vfm_load l = {
		.machine = m->machine,
		.idstr = m->section.idstr,
		.config_size = m->pci ? m->pci->state.size : 0,
		.pci = m->pci ? &m->pci->state : NULL,
		.masks = m->pci ? &m->pci->masks : NULL,
		.ops = &load_ops,
		.ctx = d,
	};
	int ret = vfm_load_stream(&d->r, &l, e);

	m->bytes = l.bytes;
	m->stream_bytes = d->r.offset;
	memcpy(m->machine_seen, l.machine_seen, sizeof(m->machine_seen));
	return ret;
}

static int trailing(struct dest *d, struct vfm_error *e)
{
	return vfm_fail_at(e, EFBIG, d->r.offset,
			   "data after the end of the stream");
}

/*
 * Nothing may follow.  A source that waits for the return path keeps its end
 * open and silent; any other closes it.
 */
static int check_end(struct dest *d, struct vfm_error *e)
{
	const void *p;
	ssize_t n;
	char c;

	if (d->r.pos < d->r.end)
		return trailing(d, e);
	if (!d->return_path) {
		n = vfm_borrow(&d->r, &p, 1, e);
		return n > 0 ? trailing(d, e) : n;
	}
	n = recv(d->io.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n > 0)
		return trailing(d, e);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return vfm_fail_at(e, ECONNRESET, d->r.offset,
			   "the source closed the connection before it was told the result");
}

static void close_data(struct dest *d)
{
	if (d->data_fd >= 0)
		close(d->data_fd);
	d->data_fd = -1;
}

/* RESUMING -> STOP, where the device takes or refuses its state as a whole. */
static int commit(struct dest *d, struct vfm_error *e)
{
	const struct reason *r;
	int ret;

	close_data(d);
	ret = vfm_set_state(d->m->dev, VFIO_DEVICE_STATE_STOP, NULL, e);
	if (!ret)
		return 0;
	r = find_reason(e->code);
	if (r)
		e->kind = r->kind;
	e->has_offset = true;
	e->offset = d->r.offset;
	return ret;
}

static int apply(struct dest *d, struct vfm_error *e)
{
	int ret = 0;

	if (d->m->pci)
		ret = vfm_pci_load(d->m->pci, d->config, e);
	if (!ret)
		ret = commit(d, e);
	return ret ? ret : vfm_quiescent(d->m, e);
}

/* Not before the source knows that it has lost the device. */
static int confirm(struct dest *d, struct vfm_error *e)
{
	int ret = check_end(d, e);

	if (!ret && d->return_path)
		ret = vfm_rp_shut(&d->io, 0, e);
	d->confirmed = !ret;
	return ret;
}

static int run(struct vfm_migration *m, struct vfm_error *e)
{
	struct vfm_device *d = m->dev;
	int ret = 0;

	if (d->mig_flags & VFIO_MIGRATION_P2P)
		ret = vfm_set_state(d, VFIO_DEVICE_STATE_RUNNING_P2P, NULL, e);
	if (!ret)
		ret = vfm_set_state(d, VFIO_DEVICE_STATE_RUNNING, NULL, e);
	m->resume_ns = vfm_now_ns();
	return ret;
}

/*
 * Closing a socket with unread data would take the refusal away from the
 * source: let it finish, for a moment.
 */
static void refuse(struct dest *d)
{
	struct vfm_io io = { d->io.fd, -1, LINGER_MS, 0 };
	uint64_t end = vfm_now_ns() + LINGER_MS * 1000000ULL;
	struct vfm_error ignored;

	if (!d->return_path || vfm_rp_shut(&io, 1, &ignored))
		return;
	shutdown(io.fd, SHUT_WR);
	while (vfm_now_ns() < end && !vfm_io_wait(&io, POLLIN, &ignored))
		if (read(io.fd, d->r.buf, d->r.size) <= 0)
			return;
}

static void abandon(struct dest *d, struct vfm_error *e)
{
	struct vfm_device *dev = d->m->dev;
	struct vfm_error again;

	close_data(d);
	/* The source has given it up: this is the only copy of the state. */
	if (d->confirmed) {
		e->kind = VFM_DEVICE_ERROR;
		vfm_error_hint(e, "the device has its state, but is in %s",
			       vfm_state_name(dev->state));
		return;
	}
	if (d->m->pci)
		vfm_pci_quiet(d->m->pci);
	d->m->was_reset = !vfm_reset(dev, &again);
	if (!d->m->was_reset || dev->state != VFIO_DEVICE_STATE_RUNNING) {
		e->kind = VFM_DEVICE_ERROR;
		vfm_error_hint(e, "the device is in %s: reset it",
			       vfm_state_name(dev->state));
	}
	refuse(d);
}

static int receive(struct dest *d, struct vfm_error *e)
{
	int ret = load(d, e);

	if (!ret)
		ret = check_end(d, e);
	if (!ret)
		ret = apply(d, e);
	if (!ret)
		ret = confirm(d, e);
	return ret ? ret : run(d->m, e);
}

int vfm_receive(struct vfm_migration *m, struct vfm_error *e)
{
	struct dest d = {
		.m = m,
		.io = { m->channel->fd, m->cancel_fd, m->timeout_ms, 0 },
		.data_fd = -1,
	};
	int ret = vfm_reader_init(&d.r, &d.io, VFM_STREAM_BUFFER, e);

	d.config = calloc(1, sizeof(*d.config));
	if (!ret && !d.config)
		ret = vfm_fail(e, ENOMEM, "no memory for the config state");
	if (!ret) {
		ret = receive(&d, e);
		if (ret)
			abandon(&d, e);
	}
	vfm_reader_free(&d.r);
	free(d.config);
	return ret;
}
