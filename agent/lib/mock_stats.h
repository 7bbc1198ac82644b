/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What functions of the mock_vfio_pci module have done. */
#ifndef VFM_MOCK_STATS_H
#define VFM_MOCK_STATS_H

#include <linux/mock_vfio_pci_nl.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* More than the state machine has. */
#define VFM_MOCK_ARCS	32

/**
 * struct vfm_mock_arc - an arc of the migration state machine
 * @from: state left
 * @to: state entered
 * @taken: how often it was
 * @failed: how often it failed
 * @ns: nanoseconds of all that were taken
 * @max_ns: nanoseconds of the longest
 */
struct vfm_mock_arc {
	uint32_t from;
	uint32_t to;
	uint64_t taken;
	uint64_t failed;
	uint64_t ns;
	uint64_t max_ns;
};

/**
 * struct vfm_mock_vector - an interrupt
 * @number: which
 * @interrupts: how often it was delivered
 */
struct vfm_mock_vector {
	uint32_t number;
	uint64_t interrupts;
};

/**
 * struct vfm_mock_stats - the counters of a function
 * @name: its name, empty for virtual functions
 * @address: its PCI address
 * @given: which of @values there are, bits by netlink attribute
 * @values: counters by netlink attribute, MOCK_VFIO_PCI_A_STATS_*
 * @nr_arcs: how many of @arcs there are
 * @arcs: those that were taken or have failed
 */
struct vfm_mock_stats {
	char name[MOCK_VFIO_PCI_NAME_MAX + 1];
	char address[MOCK_VFIO_PCI_NAME_MAX + 1];
	uint32_t given;
	uint64_t values[MOCK_VFIO_PCI_A_STATS_MAX + 1];
	unsigned int nr_arcs;
	struct vfm_mock_arc arcs[VFM_MOCK_ARCS];
};

/**
 * struct vfm_mock_counter - how a counter is called
 * @word: in JSON; with blanks for people
 * @attr: netlink attribute
 */
struct vfm_mock_counter {
	const char *word;
	uint16_t attr;
};

/* In the order in which they are printed; without the state. */
extern const struct vfm_mock_counter vfm_mock_counters[];
extern const unsigned int vfm_mock_nr_counters;

/* Functions are named and errors said as in mock_ctl.h. */
int vfm_mock_stats(const char *which, struct vfm_mock_stats *s,
		   struct vfm_error *e);
/* Set them to zero; @s gets what they were. */
int vfm_mock_stats_zero(const char *which, struct vfm_mock_stats *s,
			struct vfm_error *e);
/* Of all functions, in the order of addresses; @all is the caller's to free. */
int vfm_mock_stats_list(struct vfm_mock_stats **all, unsigned int *n,
			struct vfm_error *e);
/* Those that were delivered, in order; @all is the caller's to free. */
int vfm_mock_vectors(const char *which, struct vfm_mock_vector **all,
		     unsigned int *n, struct vfm_error *e);

#endif
