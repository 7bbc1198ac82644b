/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mc: what the rules of mig_conformance share.
 *
 * A rule is a function with a name; it is run on an open device in RUNNING and
 * may leave the device in any state.  It says what it expects at one of two
 * levels:
 *
 *   must	the text of <linux/vfio.h> requires it, or the kernel's core does
 *		it itself, or a device without it loses a guest's state
 *   should	the text says "should" or is silent, and users (QEMU first of
 *		all) or the other drivers count on it: a deviation
 *
 * Nothing in here knows what the device is.
 */
#ifndef MC_H
#define MC_H

#include "lib/anydev.h"
#include "vfio_compat.h"

#define MC_STOP		VFIO_DEVICE_STATE_STOP
#define MC_RUNNING	VFIO_DEVICE_STATE_RUNNING
#define MC_STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define MC_RESUMING	VFIO_DEVICE_STATE_RESUMING
#define MC_RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define MC_PRE_COPY	VFM_STATE_PRE_COPY
#define MC_PRE_COPY_P2P	VFM_STATE_PRE_COPY_P2P
#define MC_NR_STATES	8

#define MC_FEATURE_PRECOPY_INFO_V2	12

/* What a device may have: the flags of MIGRATION, and these. */
#define MC_HAS_P2P		VFIO_MIGRATION_P2P
#define MC_HAS_PRE_COPY		VFM_MIGRATION_PRE_COPY
#define MC_HAS_LOGGING		(1 << 16)
#define MC_HAS_PRECOPY_V2	(1 << 17)

enum mc_level { MC_SHOULD, MC_MUST };

struct mc;

/**
 * struct mc_rule - one line of the result
 * @name: what has to be so
 * @run: find out
 * @needs: MC_HAS_* without which it means nothing
 * @a: for @run; a state or an index
 * @b: likewise
 */
struct mc_rule {
	const char *name;
	void (*run)(struct mc *mc, const struct mc_rule *rule);
	unsigned int needs;
	int a;
	int b;
};

/**
 * struct mc - a device under test
 * @any: which one
 * @backend: how to open it
 * @dev: it, open
 * @flags: of MIGRATION
 * @has: these, and MC_HAS_*
 * @ask_blocked: may be asked for STOP_COPY -> PRE_COPY (see fsm.c)
 * @stream: a stream that it delivered, taken when first needed
 * @rules: those that apply
 * @nr_rules: how many
 * @left_out: how many do not
 * @rule: the one that runs
 * @failed: it has failed
 * @deviates: it has a deviation
 * @skip: it could not be tried, for this reason
 */
struct mc {
	struct vt_any any;
	enum vt_backend backend;
	struct vt_dev dev;
	uint64_t flags;
	unsigned int has;
	bool ask_blocked;
	struct vt_state stream;
	struct mc_rule *rules;
	unsigned int nr_rules;
	unsigned int left_out;

	const struct mc_rule *rule;
	bool failed;
	bool deviates;
	const char *skip;
};

/* device.c: the device and its states */
int mc_probe(struct mc *mc);
bool mc_reopen(struct mc *mc);
int mc_feature(struct mc *mc, uint32_t argsz, uint32_t flags, void *data,
	       size_t len);
bool mc_state_exists(const struct mc *mc, int state);
bool mc_opens_session(int from, int to);
bool mc_enter(struct mc *mc, int state, int *fd);
void mc_close(int fd);

/* expect.c: rules and what they find */
void mc_add(struct mc *mc, const struct mc_rule *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void mc_add_table(struct mc *mc, const struct mc_rule *rules, size_t n);
bool mc_ok(struct mc *mc, enum mc_level level, bool cond, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool mc_is(struct mc *mc, enum mc_level level, const char *what, long want,
	   long got);
void mc_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* stream.c: streams, read and written in many ways */
long mc_read(int fd, void *data, size_t len);
long mc_write(int fd, const void *data, size_t len);
int mc_read_rest(int fd, struct vt_state *s, size_t small, size_t bound);
bool mc_need_stream(struct mc *mc);
int mc_load(struct mc *mc, const struct vt_state *s, size_t len, size_t small,
	    size_t bound, int to);
void mc_loads(struct mc *mc, const char *what, const struct vt_state *s);
void mc_is_stream(struct mc *mc, const char *what, const struct vt_state *s);
void mc_is_dead(struct mc *mc, int fd, bool saving);

/* The tables of rules. */
void mc_add_feature_rules(struct mc *mc);
void mc_add_fsm_rules(struct mc *mc);
void mc_add_session_rules(struct mc *mc);
void mc_add_data_fd_rules(struct mc *mc);
void mc_add_load_rules(struct mc *mc);
void mc_add_precopy_rules(struct mc *mc);
void mc_add_reset_rules(struct mc *mc);
void mc_add_logging_rules(struct mc *mc);

#endif
