// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The source of a migration, a table of steps.  Whatever fails, the device
 * runs again, unless the destination has confirmed that it does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bytes.h"
#include "migration.h"
#include "return_path.h"
#include "vfio_compat.h"

/* So much may be left for the pause; a device that never comes below it gets
 * this many times the size of its state for its pre-copy. */
#define PRECOPY_ENOUGH	(256U << 10)
#define PRECOPY_TIMES	8

struct source {
	struct vfm_migration *m;
	struct vfm_writer w;
	struct vfm_return_path rp;
	int data_fd;
	bool precopy;
	uint64_t precopy_max;
	uint8_t *buf;
	size_t size;
	uint32_t full_size;
};

int vfm_quiescent(struct vfm_migration *m, struct vfm_error *e)
{
	uint64_t begin = vfm_now_ns();
	int ret = m->quiescent ? m->quiescent(m->ctx, e) : 0;

	m->proof_ns = vfm_now_ns() - begin;
	return ret;
}

static int announce(struct source *s, struct vfm_error *e)
{
	static const uint8_t ping[4] = { 0, 0, 0, VFM_PING_VALUE };
	struct vfm_migration *m = s->m;
	int ret = vfm_put_header(&s->w, m->machine, e);

	if (!ret && m->channel->duplex)
		ret = vfm_put_command(&s->w, VFM_CMD_OPEN_RETURN_PATH, NULL, 0,
				      e);
	if (!ret && m->channel->duplex)
		ret = vfm_put_command(&s->w, VFM_CMD_PING, ping, 4, e);
	if (!ret)
		ret = vfm_put_section(&s->w, VFM_SECTION_START, &m->section, e);
	if (!ret)
		ret = vfm_put_tag(&s->w, VFM_TAG_SETUP, e);
	if (!ret)
		ret = vfm_put_tag(&s->w, VFM_TAG_EOS, e);
	if (!ret)
		ret = vfm_put_footer(&s->w, &m->section, e);
	if (!ret)
		ret = vfm_flush(&s->w, e);
	m->bytes.tags += 16;
	return ret;
}

/* QEMU reads by the size that the device expects, a mebibyte at most. */
static int make_buffer(struct source *s, struct vfm_error *e)
{
	uint64_t size = 0;
	int ret = vfm_data_size(s->m->dev, &size, e);

	if (ret && e->code != ENOTTY && e->code != EINVAL)
		return ret;
	s->size = !size || size > VFM_DATA_MAX ? VFM_DATA_MAX : size;
	s->precopy_max = PRECOPY_TIMES * (size + PRECOPY_ENOUGH);
	s->buf = malloc(s->size);
	return s->buf ? 0 : vfm_fail(e, ENOMEM, "no memory for device state");
}

/* As QEMU does: with pre-copy the device goes on in its session to STOP_COPY. */
static int stop(struct source *s, struct vfm_error *e)
{
	struct vfm_device *d = s->m->dev;
	int ret = 0;

	s->m->pause_ns = vfm_now_ns();
	if (d->mig_flags & VFIO_MIGRATION_P2P)
		ret = vfm_set_state(d, s->precopy ? VFM_STATE_PRE_COPY_P2P :
				    VFIO_DEVICE_STATE_RUNNING_P2P, NULL, e);
	if (!ret)
		ret = vfm_set_state(d, s->precopy ? VFIO_DEVICE_STATE_STOP_COPY :
				    VFIO_DEVICE_STATE_STOP, NULL, e);
	if (!ret)
		ret = vfm_put_command(&s->w, VFM_CMD_SWITCHOVER_START, NULL, 0,
				      e);
	return ret ? ret : vfm_flush(&s->w, e);
}

/* Returns the bytes read, 0 at the end of the device's state. */
static ssize_t read_state(struct source *s, struct vfm_error *e)
{
	struct vfm_io io = {
		s->data_fd, s->m->cancel_fd, s->m->timeout_ms, 0,
	};
	ssize_t n;
	int ret;

	do {
		ret = vfm_io_wait(&io, POLLIN, e);
		if (ret == -ETIMEDOUT)
			vfm_fail(e, ETIMEDOUT, "the device gave no state for %d seconds",
				 io.timeout_ms / 1000);
		if (ret)
			return vfm_error_where(e, "%s", s->m->dev->name);
		n = read(s->data_fd, s->buf, s->size);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n >= 0 || errno == ENOMSG)
		return n < 0 ? 0 : n;
	vfm_fail_errno(e, "cannot read the device state");
	return vfm_error_where(e, "%s", s->m->dev->name);
}

static int peer_alive(struct source *s, struct vfm_error *e)
{
	return s->m->channel->duplex ? vfm_rp_poll(&s->rp, e) : 0;
}

/* One DATA record.  Returns its bytes, 0 if there is no more, or an error. */
static ssize_t send_record(struct source *s, struct vfm_error *e)
{
	ssize_t n = read_state(s, e);
	int ret;

	if (n <= 0)
		return n;
	ret = vfm_put_data(&s->w, s->buf, n, e);
	if (!ret)
		ret = peer_alive(s, e);
	if (ret)
		return ret;
	s->m->bytes.tags += 16;
	s->m->bytes.data += n;
	s->m->bytes.data_records++;
	return n;
}

static int send_data(struct source *s, struct vfm_error *e)
{
	ssize_t n;

	do {
		n = send_record(s, e);
	} while (n > 0);
	return n;
}

static int begin_precopy(struct source *s, struct vfm_error *e)
{
	struct vfm_migration *m = s->m;
	int ret;

	s->precopy = !m->no_precopy && !m->keep_running &&
		(m->dev->mig_flags & VFM_MIGRATION_PRE_COPY);
	if (!s->precopy)
		return 0;
	ret = vfm_set_state(m->dev, VFM_STATE_PRE_COPY, &s->data_fd, e);
	if (ret || s->data_fd >= 0)
		return ret;
	return vfm_fail(e, EBADF, "PRE_COPY gave no data descriptor");
}

/* A PART section; QEMU puts one record in each. */
static ssize_t send_part(struct source *s, struct vfm_error *e)
{
	const struct vfm_section *name = &s->m->section;
	int ret = vfm_put_section(&s->w, VFM_SECTION_PART, name, e);
	ssize_t n = ret ? ret : send_record(s, e);

	if (n < 0)
		return n;
	ret = vfm_put_tag(&s->w, VFM_TAG_EOS, e);
	if (!ret)
		ret = vfm_put_footer(&s->w, name, e);
	if (!ret)
		ret = vfm_flush(&s->w, e);
	s->m->bytes.tags += 8;
	s->m->precopy_bytes += n;
	return ret ? ret : n;
}

/*
 * Is it worth to send more while the device runs?  Some drivers produce more
 * only when they are asked this.  Returns 1 or 0, or an error.
 */
static int wants_precopy(struct source *s, struct vfm_error *e)
{
	struct vfm_precopy_info info = { .argsz = sizeof(info) };

	if (ioctl(s->data_fd, VFM_MIG_GET_PRECOPY_INFO, &info)) {
		vfm_fail_errno(e, "cannot get the size of the pre-copy data");
		return vfm_error_where(e, "%s", s->m->dev->name);
	}
	return info.initial_bytes || (info.dirty_bytes > PRECOPY_ENOUGH &&
				      s->m->precopy_bytes < s->precopy_max);
}

static int precopy(struct source *s, struct vfm_error *e)
{
	ssize_t n = 1;
	int ret = s->precopy;

	while (ret > 0 && n > 0) {
		ret = wants_precopy(s, e);
		if (ret > 0)
			n = send_part(s, e);
	}
	return ret < 0 ? ret : n < 0 ? n : 0;
}

static int send_state(struct source *s, struct vfm_error *e)
{
	const struct vfm_section *name = &s->m->section;
	int ret = 0;

	if (!s->precopy)
		ret = vfm_set_state(s->m->dev, VFIO_DEVICE_STATE_STOP_COPY,
				    &s->data_fd, e);
	if (!ret && s->data_fd < 0)
		ret = vfm_fail(e, EBADF, "STOP_COPY gave no data descriptor");
	if (!ret)
		ret = vfm_put_section(&s->w, VFM_SECTION_END, name, e);
	if (!ret)
		ret = send_data(s, e);
	if (!ret)
		ret = vfm_put_tag(&s->w, VFM_TAG_EOS, e);
	s->m->bytes.tags += 8;
	return ret ? ret : vfm_put_footer(&s->w, name, e);
}

static int send_config(struct source *s, struct vfm_error *e)
{
	static const struct vfm_pci_state none;
	const struct vfm_pci_state *state = s->m->pci ? &s->m->pci->state :
		&none;
	int ret = vfm_put_full(&s->w, &s->m->section, state, &s->full_size, e);

	s->m->bytes.tags += 16;
	s->m->bytes.config += vfm_pci_state_bytes(state);
	return ret;
}

static int end_stream(struct source *s, struct vfm_error *e)
{
	int ret = vfm_put_end(&s->w, s->m->machine, &s->m->section,
			      s->full_size, e);

	if (!ret)
		ret = vfm_flush(&s->w, e);
	return ret ? ret : vfm_channel_sync(s->m->channel, e);
}

static void close_data(struct source *s)
{
	if (s->data_fd >= 0)
		close(s->data_fd);
	s->data_fd = -1;
}

static int end_session(struct source *s, struct vfm_error *e)
{
	int ret = vfm_set_state(s->m->dev, VFIO_DEVICE_STATE_STOP, NULL, e);

	close_data(s);
	return ret ? ret : vfm_quiescent(s->m, e);
}

static int run(struct vfm_device *d, struct vfm_error *e)
{
	int ret = 0;

	if (d->mig_flags & VFIO_MIGRATION_P2P)
		ret = vfm_set_state(d, VFIO_DEVICE_STATE_RUNNING_P2P, NULL, e);
	return ret ? ret : vfm_set_state(d, VFIO_DEVICE_STATE_RUNNING, NULL, e);
}

static int confirm(struct source *s, struct vfm_error *e)
{
	int ret = 0;

	if (s->m->channel->duplex)
		ret = vfm_rp_confirm(&s->rp, e);
	if (!ret && s->m->keep_running)
		ret = run(s->m->dev, e);
	s->m->resume_ns = vfm_now_ns();
	return ret;
}

static int (* const steps[])(struct source *s, struct vfm_error *e) = {
	make_buffer, begin_precopy, announce, precopy, stop, send_state, send_config, end_stream,
	end_session, confirm,
};

/* A destination that closes its end may have said why before. */
static void ask_why(struct source *s, struct vfm_error *e)
{
	struct vfm_error why;

	if (!s->m->channel->duplex || s->rp.shut ||
	    (e->code != EPIPE && e->code != ECONNRESET))
		return;
	s->rp.r.io.timeout_ms = 1000;
	if (vfm_rp_confirm(&s->rp, &why) && s->rp.shut)
		*e = why;
}

/* Back to RUNNING; the first error stays the one that is told. */
static void resume(struct source *s, struct vfm_error *e)
{
	struct vfm_device *d = s->m->dev;
	struct vfm_error again;

	close_data(s);
	if (d->state == VFIO_DEVICE_STATE_RUNNING)
		return;
	if (d->state != VFIO_DEVICE_STATE_ERROR && !run(d, &again))
		return;
	e->kind = VFM_DEVICE_ERROR;
	vfm_error_hint(e, "the source device is in %s and does not run: reset it",
		       vfm_state_name(d->state));
}

static int open_streams(struct source *s, struct vfm_error *e)
{
	struct vfm_io io = {
		s->m->channel->fd, s->m->cancel_fd, s->m->timeout_ms, 0,
	};
	int ret = vfm_writer_init(&s->w, &io, VFM_STREAM_BUFFER, e);

	return ret ? ret : vfm_rp_init(&s->rp, &io, e);
}

int vfm_migrate(struct vfm_migration *m, struct vfm_error *e)
{
	struct source s = { .m = m, .data_fd = -1 };
	int ret = open_streams(&s, e);
	size_t i;

	for (i = 0; !ret && i < sizeof(steps) / sizeof(*steps); i++)
		ret = steps[i](&s, e);
	m->stream_bytes = s.w.offset;
	m->bytes.framing = s.w.offset - m->bytes.tags - m->bytes.data -
		m->bytes.config;
	if (ret) {
		ask_why(&s, e);
		resume(&s, e);
	}
	free(s.buf);
	vfm_writer_free(&s.w);
	vfm_rp_free(&s.rp);
	return ret;
}
