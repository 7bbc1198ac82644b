// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: what happens to functions, told to whoever listens.
 *
 * Every event has a number, also if nobody listens, so that a reader can tell
 * that he has missed some.  Numbers are given, and messages sent, under one lock:
 * they arrive in the order of their numbers.
 */
#include <net/net_namespace.h>

#include "nl.h"
#include "vfio.h"

#define EVENT_A(_name)	MOCK_VFIO_PCI_A_EVENT_##_name

static_assert((int)MOCK_VFIO_PCI_STATE_PRE_COPY_P2P ==
	      (int)VFIO_DEVICE_STATE_PRE_COPY_P2P);

/* Held while a message is made, which may wait for memory; innermost. */
static DEFINE_MUTEX(mock_events_lock);
static u64 mock_events_seq;
static bool mock_events_offered;

static int mock_event_put_who(struct sk_buff *msg, const struct mock_fn *fn)
{
	char address[MOCK_ADDRESS_SIZE];

	mock_nl_address(fn, address);
	if (nla_put_uint(msg, EVENT_A(SEQ), mock_events_seq) ||
	    nla_put_uint(msg, EVENT_A(TIME), ktime_get_ns()) ||
	    (fn->name[0] && nla_put_string(msg, EVENT_A(NAME), fn->name)) ||
	    nla_put_string(msg, EVENT_A(ADDRESS), address))
		return -EMSGSIZE;
	return 0;
}

static int mock_event_put_state(struct sk_buff *msg,
				const struct vfio_mig_event *event)
{
	if (nla_put_u32(msg, EVENT_A(FROM), event->from) ||
	    nla_put_u32(msg, EVENT_A(STATE), event->state))
		return -EMSGSIZE;
	if (event->type == VFIO_MIG_RESET)
		return 0;
	if (nla_put_u32(msg, EVENT_A(TO), event->to))
		return -EMSGSIZE;
	return nla_put_uint(msg, EVENT_A(NS), event->ns);
}

static int mock_event_put_session(struct sk_buff *msg,
				  const struct vfio_mig_event *event)
{
	if (nla_put_u32(msg, EVENT_A(SESSION), event->loading ?
			MOCK_VFIO_PCI_SESSION_LOAD : MOCK_VFIO_PCI_SESSION_SAVE))
		return -EMSGSIZE;
	return event->type == VFIO_MIG_SESSION_ENDED ?
	       nla_put_uint(msg, EVENT_A(BYTES), event->bytes) : 0;
}

static int mock_event_put_mig(struct sk_buff *msg,
			      const struct vfio_mig_event *event)
{
	const bool state = event->type == VFIO_MIG_STATE_CHANGED ||
			   event->type == VFIO_MIG_RESET;

	if (event->error && nla_put_u32(msg, EVENT_A(ERROR), -event->error))
		return -EMSGSIZE;
	return state ? mock_event_put_state(msg, event) :
		       mock_event_put_session(msg, event);
}

/* What cannot be sent is missed by all, as its number tells. */
static void mock_event_multicast(u8 cmd, const struct mock_fn *fn,
				 const struct vfio_mig_event *event)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;

	if (!msg)
		return;
	hdr = genlmsg_put(msg, 0, 0, &mock_vfio_pci_nl_family, 0, cmd);
	if (!hdr || mock_event_put_who(msg, fn) ||
	    (event && mock_event_put_mig(msg, event))) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast(&mock_vfio_pci_nl_family, msg, 0,
			  MOCK_VFIO_PCI_NLGRP_EVENTS, GFP_KERNEL);
}

static void mock_event(u8 cmd, const struct mock_fn *fn,
		       const struct vfio_mig_event *event)
{
	mutex_lock(&mock_events_lock);
	mock_events_seq++;
	if (mock_events_offered &&
	    genl_has_listeners(&mock_vfio_pci_nl_family, &init_net,
			       MOCK_VFIO_PCI_NLGRP_EVENTS))
		mock_event_multicast(cmd, fn, event);
	mutex_unlock(&mock_events_lock);
}

/**
 * mock_event_added - there is a new function
 * @fn: the function, which can be found
 *
 * Context: may sleep.
 */
void mock_event_added(const struct mock_fn *fn)
{
	mock_event(MOCK_VFIO_PCI_CMD_FUNCTION_ADDED, fn, NULL);
}

/**
 * mock_event_removed - a function is gone
 * @fn: the function, which cannot be found any more
 *
 * Context: may sleep.
 */
void mock_event_removed(const struct mock_fn *fn)
{
	mock_event(MOCK_VFIO_PCI_CMD_FUNCTION_REMOVED, fn, NULL);
}

/**
 * mock_event_mig - something has happened in a migration
 * @fn: the function
 * @event: what
 *
 * Context: vfio_mig_ops.notify.
 */
void mock_event_mig(const struct mock_fn *fn, const struct vfio_mig_event *event)
{
	static const u8 cmds[] = {
		[VFIO_MIG_STATE_CHANGED] = MOCK_VFIO_PCI_CMD_STATE_CHANGED,
		[VFIO_MIG_SESSION_BEGUN] = MOCK_VFIO_PCI_CMD_SESSION_BEGUN,
		[VFIO_MIG_SESSION_ENDED] = MOCK_VFIO_PCI_CMD_SESSION_ENDED,
		[VFIO_MIG_RESET] = MOCK_VFIO_PCI_CMD_DEVICE_RESET,
	};

	mock_event(cmds[event->type], fn, event);
}

/**
 * mock_events_offer - there is a family to send events by, or no more
 * @offered: which of the two; when false, none is being sent any more
 */
void mock_events_offer(bool offered)
{
	mutex_lock(&mock_events_lock);
	mock_events_offered = offered;
	mutex_unlock(&mock_events_lock);
}
