// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stand-alone agent as a VMM: it opens the device, gives it guest RAM and a
 * guest, moves it, and tells what happened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fingerprint.h"
#include "migration.h"
#include "out.h"
#include "ram.h"
#include "session.h"
#include "workload.h"

#define CONNECT_MS	10000
#define ACCEPT_MS	60000

struct session {
	const struct session_kind *kind;
	const struct options *o;
	const char *uri;
	struct vfm_device dev;
	struct vfm_pci *pci;
	struct ram ram;
	struct workload work;
	struct vfm_channel channel;
	struct vfm_migration m;
	bool migrated;
};

static int quiescent(void *ctx, struct vfm_error *e)
{
	struct session *s = ctx;
	int ret = s->o->workload ? workload_quiescent(&s->work, e) : 0;

	if (!ret && s->o->fingerprint)
		ret = fingerprint_write(s->o->fingerprint, s->pci, e);
	return ret;
}

static int cannot_migrate(struct session *s, struct vfm_error *e)
{
	vfm_fail(e, ENOTTY, "its driver does not support migration");
	vfm_error_where(e, "%s", s->dev.name);
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

static int open_device(struct session *s, struct vfm_error *e)
{
	int ret = vfm_open(&s->dev, s->o->args[0], s->o->backend, e);

	if (ret)
		return ret;
	if (!(s->dev.mig_flags & VFIO_MIGRATION_STOP_COPY))
		return cannot_migrate(s, e);
	if (!vfm_is_pci(&s->dev))
		return 0;
	s->pci = calloc(1, sizeof(*s->pci));
	if (!s->pci)
		return vfm_fail(e, ENOMEM, "no memory");
	return vfm_pci_init(s->pci, &s->dev, e);
}

static int open_ram(struct session *s, struct vfm_error *e)
{
	int ret;

	if (!s->o->ram)
		return 0;
	ret = ram_open(&s->ram, s->o->ram, e);
	return ret ? ret : vfm_dma_map(&s->dev, s->ram.va, s->ram.iova,
				       s->ram.size, e);
}

static int start_work(struct session *s, struct vfm_error *e)
{
	if (!s->o->workload)
		return 0;
	s->work.cancel_fd = cancel_fd;
	s->work.timeout_ms = s->o->timeout_ms;
	return workload_start(&s->work, s->pci, &s->ram, e);
}

static int open_channel(struct session *s, struct vfm_error *e)
{
	bool in = s->kind->receiving;
	struct vfm_patience p = {
		.timeout_ms = s->o->connect_ms ? s->o->connect_ms :
			in ? ACCEPT_MS : CONNECT_MS,
		.cancel_fd = cancel_fd,
	};

	return in ? vfm_accept(&s->channel, s->uri, &p, e) :
		vfm_connect(&s->channel, s->uri, &p, e);
}

static int move(struct session *s, struct vfm_error *e)
{
	bool in = s->kind->receiving;
	const char *machine = s->o->machine;
	int ret;

	s->m = (struct vfm_migration) {
		.dev = &s->dev,
		.pci = s->pci,
		.channel = &s->channel,
		.machine = in && !strcmp(machine, "any") ? NULL : machine,
		.section.idstr = s->o->idstr,
		.timeout_ms = s->o->timeout_ms,
		.cancel_fd = cancel_fd,
		.keep_running = s->kind->snapshot,
		.no_precopy = s->o->no_precopy,
		.quiescent = quiescent,
		.ctx = s,
	};
	ret = in ? vfm_receive(&s->m, e) : vfm_migrate(&s->m, e);
	vfm_channel_close(&s->channel);
	s->migrated = !ret;
	return ret;
}

static int (* const steps[])(struct session *s, struct vfm_error *e) = {
	open_device, open_ram, start_work, open_channel, move,
};

/*
 * Wherever the device runs now with our guest, its work has to go on: at the
 * destination, after a snapshot, and at a source whose migration failed.
 */
static int go_on(struct session *s, struct vfm_error *e)
{
	bool ours = s->dev.fd >= 0 && s->work.running &&
		s->dev.state == VFIO_DEVICE_STATE_RUNNING && !s->m.was_reset;

	return ours ? workload_finish(&s->work, e) : 0;
}

static void print_steps(struct session *s, struct out *out)
{
	const struct vfm_step *t;
	unsigned int i;

	if (!s->dev.nr_steps)
		return;
	out_array(out, "transitions");
	for (i = 0; i < s->dev.nr_steps; i++) {
		t = &s->dev.steps[i];
		out_line(out, NULL);
		out_text(out, "from", vfm_state_name(t->from));
		out_text(out, "to", vfm_state_name(t->to));
		out_ns(out, out->json ? "duration_ns" : "in",
		       t->end_ns - t->begin_ns);
		if (t->failed)
			out_text(out, "failed", strerror(t->failed));
		out_end(out);
	}
	out_end(out);
}

static void print_bytes(struct session *s, struct out *out)
{
	const struct vfm_bytes *b = &s->m.bytes;

	out_line(out, "bytes");
	out_u64(out, "total", s->m.stream_bytes);
	out_u64(out, "device_state", b->data);
	if (!s->kind->receiving)
		out_u64(out, "pre_copy", s->m.precopy_bytes);
	out_u64(out, "data_records", b->data_records);
	out_u64(out, "config", b->config);
	out_u64(out, "tags", b->tags);
	out_u64(out, "framing", b->framing);
	out_end(out);
}

/* Of a source: until it was confirmed; of a destination: its own share. */
static void print_downtime(struct session *s, struct out *out)
{
	if (!s->migrated || !s->m.pause_ns)
		return;
	out_ns(out, out->json ? "downtime_ns" : "downtime",
	       s->m.resume_ns - s->m.pause_ns);
	if (s->o->workload || s->o->fingerprint)
		out_ns(out, out->json ? "proof_ns" : "of it for proofs",
		       s->m.proof_ns);
	if (!out->json)
		return;
	out_u64(out, "paused_at_ns", s->m.pause_ns);
	out_u64(out, "resumed_at_ns", s->m.resume_ns);
}

static const char *result(const struct session *s, const struct vfm_error *e)
{
	static const char * const names[] = {
		"failed", "incompatible", "cancelled", "device-error",
	};

	if (e)
		return names[e->kind];
	return s->migrated ? "done" : "failed";
}

static void print_all(struct session *s, struct out *out,
		      const struct vfm_error *e)
{
	out_object(out, NULL);
	out_text(out, "command", s->kind->command);
	out_text(out, "device", s->dev.name);
	out_text(out, "uri", s->uri);
	out_text(out, "result", result(s, e));
	if (s->dev.fd >= 0) {
		out_text(out, "backend", vfm_backend_names[s->dev.backend]);
		out_text(out, "state", vfm_state_name(s->dev.state));
	}
	if (s->m.was_reset)
		out_bool(out, "device_was_reset", true);
	if (s->m.machine_seen[0] && s->migrated)
		out_text(out, "machine", s->m.machine_seen);
	print_steps(s, out);
	if (s->m.stream_bytes)
		print_bytes(s, out);
	print_downtime(s, out);
	if (s->o->workload)
		workload_report(&s->work, out);
	if (e)
		out_error(out, e);
	out_end(out);
}

/* Standard output may be taken by the stream. */
static void report(struct session *s, const struct vfm_error *e)
{
	bool taken = !s->kind->receiving && !strcmp(s->uri, "-");
	struct out out;

	out_init(&out, taken ? stderr : stdout, s->o->json);
	print_all(s, &out, e);
}

static void close_all(struct session *s)
{
	workload_close(&s->work);
	if (s->pci)
		vfm_pci_exit(s->pci);
	free(s->pci);
	vfm_close(&s->dev);
	ram_close(&s->ram);
}

static int run(struct session *s)
{
	struct vfm_error e, later;
	int ret = 0, code;
	size_t i;

	for (i = 0; !ret && i < sizeof(steps) / sizeof(*steps); i++)
		ret = steps[i](s, &e);
	/* Cancelling the migration must not cancel this check. */
	s->work.cancel_fd = ret == -ECANCELED ? -1 : cancel_fd;
	if (go_on(s, ret ? &later : &e)) {
		if (ret)
			out_complain(s->kind->command, &later);
		else
			ret = -e.code;
	}
	code = ret ? exit_code(&e) : EXIT_DONE;
	if (ret)
		out_complain(s->kind->command, &e);
	report(s, ret ? &e : NULL);
	close_all(s);
	return code;
}

/* Mistakes in the command line, before anything is opened. */
static int check_options(struct session *s, const struct options *o)
{
	struct vfm_error e;

	if (o->workload && workload_parse(&s->work, o->workload, &e))
		return usage_error("%s", e.text);
	if (o->workload && s->work.goes_on != s->kind->receiving)
		return usage_error("--workload %s: %s", o->workload,
				   s->kind->receiving ?
				   "the destination can only continue" :
				   "only a destination can continue");
	if (o->workload && !o->ram)
		return usage_error("--workload needs --ram");
	if (!s->kind->receiving && !strcmp(o->machine, "any"))
		return usage_error("--machine any is for the receiving side");
	return -1;
}

int session_run(const struct session_kind *kind, const struct options *o)
{
	struct session s = { .kind = kind, .o = o, .dev.fd = -1 };
	int ret = check_options(&s, o);

	s.uri = o->nr_args > 1 ? o->args[1] : kind->uri;
	s.channel.fd = -1;
	s.dev.group_fd = -1;
	s.dev.iommu_fd = -1;
	strncpy(s.dev.name, o->args[0], sizeof(s.dev.name) - 1);
	return ret < 0 ? run(&s) : ret;
}
