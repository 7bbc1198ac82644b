// SPDX-License-Identifier: GPL-2.0-or-later
/* mock monitor: what happens to functions of the module, a line an event. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "device.h"
#include "mock_events.h"
#include "number.h"
#include "options.h"
#include "out.h"

#define EVENT(name)	MOCK_VFIO_PCI_A_EVENT_##name

/**
 * struct watch - what a user wants of "mock monitor"
 * @events: how many, 0 if there is no end
 * @wait_ms: how long at most, -1 if for ever
 * @start: when it began, nanoseconds
 */
struct watch {
	uint64_t events;
	int wait_ms;
	uint64_t start;
};

static int watch_words(struct watch *w, int n, char *const *words)
{
	int i, ret;

	for (i = 0; i + 1 < n; i += 2) {
		if (!strcmp(words[i], "wait")) {
			ret = parse_seconds("wait", words[i + 1], &w->wait_ms);
			if (ret >= 0)
				return ret;
		} else if (strcmp(words[i], "count")) {
			break;
		} else if (vfm_parse_number(words[i + 1], strlen(words[i + 1]),
					    10, &w->events) || !w->events) {
			return usage_error("mock monitor: count %s: a number of events expected",
					   words[i + 1]);
		}
	}
	if (i < n)
		return usage_error("mock monitor: %s: count EVENTS or wait SECONDS expected",
				   words[i]);
	return -1;
}

/* --- a line ----------------------------------------------------------- */

static const char *const events[] = {
	[MOCK_VFIO_PCI_CMD_FUNCTION_ADDED] = "function-added",
	[MOCK_VFIO_PCI_CMD_FUNCTION_REMOVED] = "function-removed",
	[MOCK_VFIO_PCI_CMD_STATE_CHANGED] = "state-changed",
	[MOCK_VFIO_PCI_CMD_SESSION_BEGUN] = "session-begun",
	[MOCK_VFIO_PCI_CMD_SESSION_ENDED] = "session-ended",
	[MOCK_VFIO_PCI_CMD_DEVICE_RESET] = "device-reset",
};

static bool has(const struct vfm_mock_event *event, unsigned int attr)
{
	return event->given & 1U << attr;
}

static void print_state(struct out *out, const struct vfm_mock_event *event,
			const char *word, unsigned int attr)
{
	if (has(event, attr))
		out_text(out, word, vfm_state_name(event->values[attr]));
}

static void print_time(struct out *out, uint64_t ns)
{
	if (out->json)
		out_u64(out, "time", ns);
	else
		out_textf(out, NULL, "%llu.%06llu",
			  (unsigned long long)(ns / 1000000000),
			  (unsigned long long)(ns / 1000 % 1000000));
}

static void print_session(struct out *out, const struct vfm_mock_event *event)
{
	if (has(event, EVENT(SESSION)))
		out_text(out, "session", event->values[EVENT(SESSION)] ==
			 MOCK_VFIO_PCI_SESSION_LOAD ? "load" : "save");
	if (has(event, EVENT(BYTES)))
		out_u64(out, "bytes", event->values[EVENT(BYTES)]);
}

static void print_event(struct out *out, const struct vfm_mock_event *event)
{
	const size_t known = sizeof(events) / sizeof(*events);
	const char *what = event->command < known ? events[event->command] : NULL;

	out_line(out, NULL);
	print_time(out, event->values[EVENT(TIME)]);
	out_text(out, out->json ? "event" : NULL, what ? what : "unknown");
	out_u64(out, "seq", event->values[EVENT(SEQ)]);
	if (event->name[0])
		out_text(out, "name", event->name);
	out_text(out, "address", event->address);
	print_state(out, event, "from", EVENT(FROM));
	print_state(out, event, "to", EVENT(TO));
	print_state(out, event, "state", EVENT(STATE));
	print_session(out, event);
	if (has(event, EVENT(NS)))
		out_ns(out, out->json ? "ns" : "took", event->values[EVENT(NS)]);
	if (has(event, EVENT(ERROR)))
		out_text(out, "error", strerror(event->values[EVENT(ERROR)]));
	if (out->json && has(event, EVENT(ERROR)))
		out_u64(out, "errno", event->values[EVENT(ERROR)]);
	out_end(out);
}

/* How many is not known before the next one has come. */
static void print_lost(struct out *out, uint64_t lost)
{
	out_line(out, NULL);
	out_text(out, out->json ? "event" : NULL, "lost");
	if (lost)
		out_u64(out, "events", lost);
	out_end(out);
}

static void print_listening(struct out *out)
{
	out_line(out, NULL);
	out_text(out, out->json ? "event" : NULL, "listening");
	out_end(out);
}

/* --- the loop --------------------------------------------------------- */

static int left_ms(const struct watch *w)
{
	uint64_t gone = (vfm_now_ns() - w->start) / 1000000;

	if (w->wait_ms < 0)
		return -1;
	return gone < (uint64_t)w->wait_ms ? w->wait_ms - (int)gone : 0;
}

/* Return: -1 if there is an event, else the exit code. */
static int await(const struct vfm_mock_monitor *mon, const struct watch *w)
{
	struct pollfd fds[] = {
		{ .fd = vfm_mock_monitor_fd(mon), .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },
		/* Whoever reads what we print may have enough of it. */
		{ .fd = STDOUT_FILENO },
	};
	int n;

	do
		n = poll(fds, 3, left_ms(w));
	while (n < 0 && errno == EINTR);
	if (fds[1].revents || fds[2].revents)
		return EXIT_DONE;
	if (n > 0)
		return -1;
	return w->events ? EXIT_FAILED : EXIT_DONE;
}

/* Return: how many events it counts for. */
static unsigned int print_next(struct out *out, const struct vfm_mock_event *event)
{
	if (event->command == VFM_MOCK_OVERRUN) {
		print_lost(out, 0);
		return 0;
	}
	if (event->lost)
		print_lost(out, event->lost);
	print_event(out, event);
	return 1;
}

static int monitor(const struct options *o, struct vfm_mock_monitor *mon,
		   const struct watch *w)
{
	struct vfm_mock_event event;
	struct vfm_error e;
	uint64_t seen = 0;
	struct out out;
	int ret;

	out_init(&out, stdout, o->json);
	print_listening(&out);
	while (!ferror(stdout)) {
		if (w->events && seen >= w->events)
			return EXIT_DONE;
		ret = await(mon, w);
		if (ret >= 0)
			return ret;
		if (vfm_mock_monitor_next(mon, &event, &e))
			return command_failed(o, "mock monitor", &e);
		seen += print_next(&out, &event);
	}
	return EXIT_DONE;
}

int cmd_mock_monitor(const struct options *o)
{
	struct watch w = { .wait_ms = -1, .start = vfm_now_ns() };
	struct vfm_mock_monitor mon;
	struct vfm_error e;
	int ret = watch_words(&w, o->nr_args, o->args);

	if (ret >= 0)
		return ret;
	if (vfm_mock_monitor_open(&mon, &e))
		return command_failed(o, "mock monitor", &e);
	ret = monitor(o, &mon, &w);
	vfm_mock_monitor_close(&mon);
	return ret;
}
