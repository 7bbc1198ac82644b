/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vfio_mig_test: what a test program and the module have in common.
 *
 * Each device is a VFIO device whose hardware does what the test program has
 * written into its control region, and tells in its status region what it was
 * asked to do.  All numbers are in the byte order of the machine: a state of
 * such a device never leaves it.
 */
#ifndef VFIO_MIG_TEST_H
#define VFIO_MIG_TEST_H

#include <linux/types.h>

/*
 * Platform devices, so their groups are in /sys/bus/platform/devices: one for
 * each set of migration flags, "vfio_mig_test.FLAGS"; one with all flags whose
 * state comes from a producer, and one whose state goes straight to and from the
 * user; and one whose migration is not the library's but in the shape of drivers
 * that were there before it.
 */
#define VFIO_MIG_TEST_NAME	"vfio_mig_test"
#define VFIO_MIG_TEST_QUEUE	"vfio_mig_queue"
#define VFIO_MIG_TEST_DIRECT	"vfio_mig_direct"
#define VFIO_MIG_TEST_LEGACY	"vfio_mig_legacy"

/*
 * Regions of the device descriptor: the control is read and written as a whole,
 * the status is read as a whole, the memory is mmapped only.
 */
#define VFIO_MIG_TEST_REGION(n)	((__u64)(n) << 40)
#define VFIO_MIG_TEST_CONTROL	VFIO_MIG_TEST_REGION(0)
#define VFIO_MIG_TEST_STATUS	VFIO_MIG_TEST_REGION(1)
#define VFIO_MIG_TEST_MEM	VFIO_MIG_TEST_REGION(2)
#define VFIO_MIG_TEST_MEM_SIZE	65536

/* What the hardware can be asked for: the members of struct vfio_mig_ops. */
enum vfio_mig_test_op {
	VFIO_MIG_TEST_ANY,
	VFIO_MIG_TEST_STEP,
	VFIO_MIG_TEST_P2P_BEGIN,
	VFIO_MIG_TEST_P2P_END,
	VFIO_MIG_TEST_STOP,
	VFIO_MIG_TEST_START,
	VFIO_MIG_TEST_PRECOPY_BEGIN,
	VFIO_MIG_TEST_PRECOPY_END,
	VFIO_MIG_TEST_PRECOPY_FILL,
	VFIO_MIG_TEST_SAVE,
	VFIO_MIG_TEST_SAVE_FILL,
	VFIO_MIG_TEST_SAVE_END,
	VFIO_MIG_TEST_LOAD_BEGIN,
	VFIO_MIG_TEST_LOAD_CHECK,
	VFIO_MIG_TEST_LOAD,
	VFIO_MIG_TEST_LOAD_END,
	VFIO_MIG_TEST_RESET,
};

/* The hardware calls vfio_mig_set_error() before it fails. */
#define VFIO_MIG_TEST_SET_ERROR		(1 << 0)
/* The state is made piece by piece, by save_fill, not as a whole by save. */
#define VFIO_MIG_TEST_PIECES		(1 << 1)
/* A stream is looked at when it has ended, not as it comes. */
#define VFIO_MIG_TEST_ACCUMULATE	(1 << 2)
/* The producer, or the hardware behind a direct read, is busy with something else. */
#define VFIO_MIG_TEST_HOLD		(1 << 3)
/* Not a state of the hardware: what is initial now is new. */
#define VFIO_MIG_TEST_REINIT		(1 << 4)

/* How data get into the library's buffer. */
enum vfio_mig_test_buffer {
	VFIO_MIG_TEST_APPEND,	/* copied */
	VFIO_MIG_TEST_PAGES,	/* pages of the driver's, given away */
	VFIO_MIG_TEST_FLAT,	/* written in place, as one piece of memory */
};

/* Bytes that the producer may be ahead of the reader. */
#define VFIO_MIG_TEST_QUEUE_MAX		65536

/**
 * struct vfio_mig_test_control - what the hardware is, and what it shall do
 * @seed: with @size, the state of the device; a load changes both
 * @flags: VFIO_MIG_TEST_*
 * @size: bytes of payload of the state, a multiple of 8
 * @load_max: answer to load_max
 * @data_size: answer to data_size
 * @initial: bytes at the beginning of the stream that pre-copy has to offer
 * @dirty: bytes after these that have been changed since; more wakes a reader
 * @piece: most bytes that precopy_fill, save_fill and the producer append at a time
 * @fail_op: the callback that fails; or ANY: whichever it is
 * @fail_at: how many-th call of it since this was written; 0: none
 * @fail_times: calls that fail from there on
 * @fail_errno: what with
 * @buffer: enum vfio_mig_test_buffer
 * @end_errno: what the producer ends with
 * @reserved: 0
 *
 * Writing it empties the log.
 */
struct vfio_mig_test_control {
	__u32 seed;
	__u32 flags;
	__aligned_u64 size;
	__aligned_u64 load_max;
	__aligned_u64 data_size;
	__aligned_u64 initial;
	__aligned_u64 dirty;
	__u32 piece;
	__u32 fail_op;
	__u32 fail_at;
	__u32 fail_times;
	__u32 fail_errno;
	__u32 buffer;
	__u32 end_errno;
	__u32 reserved;
};

#define VFIO_MIG_TEST_SIZE_MAX	(64 << 20)

/**
 * struct vfio_mig_test_call - a callback that was called
 * @op: which
 * @from: of a step: the state left
 * @to: of a step: the state entered
 * @failed: it was made to fail
 */
struct vfio_mig_test_call {
	__u8 op;
	__u8 from;
	__u8 to;
	__u8 failed;
};

#define VFIO_MIG_TEST_LOG_MAX	128

/* How the hardware runs. */
#define VFIO_MIG_TEST_RUNNING	0
#define VFIO_MIG_TEST_P2P	1
#define VFIO_MIG_TEST_STOPPED	2

/**
 * struct vfio_mig_test_status - what became of it
 * @level: how the hardware runs now
 * @misuse: callbacks that were called out of order, or a second time
 * @saves_begun: by precopy_begin, or by save without a pre-copy
 * @saves_ended: by precopy_end, save_end or reset
 * @loads_begun: by load_begin
 * @loads_ended: by load_end
 * @loads_applied: by load
 * @sessions_lost: legacy only: sessions that nobody will ever end
 * @pushed: bytes that the producer got rid of since the saving began
 * @turned_away: how often it was told then that there is no room
 * @failed: callbacks that were made to fail since the control was written
 * @calls: callbacks since then
 * @log: the first of them
 */
struct vfio_mig_test_status {
	__u32 level;
	__u32 misuse;
	__u32 saves_begun;
	__u32 saves_ended;
	__u32 loads_begun;
	__u32 loads_ended;
	__u32 loads_applied;
	__u32 sessions_lost;
	__u32 pushed;
	__u32 turned_away;
	__u32 failed;
	__u32 calls;
	struct vfio_mig_test_call log[VFIO_MIG_TEST_LOG_MAX];
};

/*
 * A state as a stream, in words of 8 bytes: magic and seed, the size of the
 * payload in bytes, the payload, and a sum of all of these.
 */
#define VFIO_MIG_TEST_MAGIC	0x3174736574676976ull
#define VFIO_MIG_TEST_EXTRA	4	/* words that are not payload */

static inline __u64 vfio_mig_test_words(__u64 size)
{
	return size / 8 + VFIO_MIG_TEST_EXTRA;
}

/* The word number @n of the stream, which is not the last one. */
static inline __u64 vfio_mig_test_word(__u32 seed, __u64 size, __u64 n)
{
	switch (n) {
	case 0:
		return VFIO_MIG_TEST_MAGIC;
	case 1:
		return seed;
	case 2:
		return size;
	default:
		return (n ^ seed) * 0x9e3779b97f4a7c15ull;
	}
}

static inline __u64 vfio_mig_test_sum(__u64 sum, __u64 word)
{
	return (sum ^ word) * 0x100000001b3ull;
}

#endif /* VFIO_MIG_TEST_H */
