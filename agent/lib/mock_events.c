// SPDX-License-Identifier: GPL-2.0-or-later
/* Listening to what happens to mock functions. */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "mock_events.h"
#include "mock_nl.h"

#define EVENT(name)	MOCK_VFIO_PCI_A_EVENT_##name
/* An event has less than 200 bytes. */
#define EVENT_MAX	4096

int vfm_mock_monitor_open(struct vfm_mock_monitor *mon, struct vfm_error *e)
{
	int ret = vfm_mnl_open(&mon->m, &vfm_mock_family, e);

	mon->next = 0;
	if (ret)
		return ret;
	ret = vfm_mnl_join(&mon->m, MOCK_VFIO_PCI_MCGRP_EVENTS, e);
	if (ret)
		vfm_mnl_close(&mon->m);
	return ret;
}

void vfm_mock_monitor_close(struct vfm_mock_monitor *mon)
{
	vfm_mnl_close(&mon->m);
}

int vfm_mock_monitor_fd(const struct vfm_mock_monitor *mon)
{
	return mnl_socket_get_fd(mon->m.nl);
}

static int text_of(const struct nlattr *a, char text[MOCK_VFIO_PCI_NAME_MAX + 1])
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) ||
	    strlen(mnl_attr_get_str(a)) > MOCK_VFIO_PCI_NAME_MAX)
		return MNL_CB_ERROR;
	strcpy(text, mnl_attr_get_str(a));
	return MNL_CB_OK;
}

static int event_attr(const struct nlattr *a, void *data)
{
	const uint16_t type = mnl_attr_get_type(a);
	struct vfm_mock_event *event = data;

	if (type == EVENT(NAME))
		return text_of(a, event->name);
	if (type == EVENT(ADDRESS))
		return text_of(a, event->address);
	if (!type || type > MOCK_VFIO_PCI_A_EVENT_MAX)
		return MNL_CB_OK;
	if (vfm_mnl_number(a, &event->values[type]))
		return MNL_CB_ERROR;
	event->given |= 1U << type;
	return MNL_CB_OK;
}

static int take_apart(struct vfm_mock_monitor *mon, const struct nlmsghdr *n,
		      int len, struct vfm_mock_event *event, struct vfm_error *e)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(n);
	uint64_t seq;

	if (!mnl_nlmsg_ok(n, len) || n->nlmsg_type != mon->m.id ||
	    mnl_nlmsg_get_payload_len(n) < GENL_HDRLEN ||
	    mnl_attr_parse(n, GENL_HDRLEN, event_attr, event) < 0 ||
	    !(event->given & 1U << EVENT(SEQ)))
		return vfm_fail(e, EPROTO, "the kernel has sent a malformed event");
	seq = event->values[EVENT(SEQ)];
	event->command = g->cmd;
	event->lost = mon->next ? seq - mon->next : 0;
	mon->next = seq + 1;
	return 0;
}

int vfm_mock_monitor_next(struct vfm_mock_monitor *mon,
			  struct vfm_mock_event *event, struct vfm_error *e)
{
	_Alignas(struct nlmsghdr) char buf[EVENT_MAX];
	ssize_t n;

	memset(event, 0, sizeof(*event));
	n = mnl_socket_recvfrom(mon->m.nl, buf, sizeof(buf));
	if (n >= 0)
		return take_apart(mon, (struct nlmsghdr *)buf, n, event, e);
	if (errno != ENOBUFS)
		return vfm_fail_errno(e, "cannot receive an event");
	event->command = VFM_MOCK_OVERRUN;
	return 0;
}
