/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to functions of the mock_vfio_pci module, as it happens. */
#ifndef VFM_MOCK_EVENTS_H
#define VFM_MOCK_EVENTS_H

#include <linux/mock_vfio_pci_nl.h>
#include <stdbool.h>
#include <stdint.h>

#include "mnl.h"
#include "transport.h"

/* The kernel has thrown events away, for we were too slow. */
#define VFM_MOCK_OVERRUN	0

/**
 * struct vfm_mock_event - something that has happened
 * @command: what: a MOCK_VFIO_PCI_CMD_*, or VFM_MOCK_OVERRUN
 * @lost: events directly before this one that did not come
 * @given: which of @values there are, bits by netlink attribute
 * @values: numbers by netlink attribute, MOCK_VFIO_PCI_A_EVENT_*
 * @name: name of the function, empty for virtual functions
 * @address: its PCI address
 */
struct vfm_mock_event {
	uint8_t command;
	uint64_t lost;
	uint32_t given;
	uint64_t values[MOCK_VFIO_PCI_A_EVENT_MAX + 1];
	char name[MOCK_VFIO_PCI_NAME_MAX + 1];
	char address[MOCK_VFIO_PCI_NAME_MAX + 1];
};

/**
 * struct vfm_mock_monitor - a listener
 * @m: its socket
 * @next: number of the event that has to come next, 0 if none has come yet
 */
struct vfm_mock_monitor {
	struct vfm_mnl m;
	uint64_t next;
};

/* From when it returns on every event is received, or known to be lost. */
int vfm_mock_monitor_open(struct vfm_mock_monitor *mon, struct vfm_error *e);
void vfm_mock_monitor_close(struct vfm_mock_monitor *mon);
/* Readable when there is an event. */
int vfm_mock_monitor_fd(const struct vfm_mock_monitor *mon);
/* The next event; waits for it.  An overrun is an event, too. */
int vfm_mock_monitor_next(struct vfm_mock_monitor *mon,
			  struct vfm_mock_event *event, struct vfm_error *e);

#endif
