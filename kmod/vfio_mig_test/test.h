/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of vfio_mig_test.ko share. */
#ifndef MIG_TEST_H
#define MIG_TEST_H

#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "vfio_mig.h"
#include "vfio_mig_test.h"

struct iov_iter;
struct mig_test;
struct mig_test_legacy;

#define MIG_TEST_CHUNK	(PAGE_SIZE / sizeof(u64))

/**
 * struct mig_test_kind - whose migration a device has
 * @init: make it migratable, before it is registered
 * @destroy: opposite of @init
 * @open: the device is opened
 * @close: the last user has closed it
 * @reset: the user resets it
 * @changed: the control was written
 */
struct mig_test_kind {
	int (*init)(struct mig_test *t, u32 flags);
	void (*destroy)(struct mig_test *t);
	void (*open)(struct mig_test *t);
	void (*close)(struct mig_test *t);
	void (*reset)(struct mig_test *t);
	void (*changed)(struct mig_test *t);
};

extern const struct mig_test_kind mig_test_kind;
extern const struct mig_test_kind mig_test_queue_kind;
extern const struct mig_test_kind mig_test_direct_kind;
extern const struct mig_test_kind mig_test_legacy_kind;

/**
 * struct mig_test_save - a state on its way out
 * @seed: of the state
 * @size: of the state
 * @next: the next word of the stream
 * @sum: of the words before
 */
struct mig_test_save {
	u32 seed;
	u64 size;
	u64 next;
	u64 sum;
};

/**
 * struct mig_test_load - a state on its way in
 * @seed: of the state
 * @size: of the state
 * @next: words of the stream that were understood
 * @sum: of these
 * @bytes: that have come, of a direct load
 * @chunk: where words are copied to
 */
struct mig_test_load {
	u32 seed;
	u64 size;
	u64 next;
	u64 sum;
	u64 bytes;
	u64 chunk[MIG_TEST_CHUNK];
};

/**
 * struct mig_test - a device
 * @vdev: for vfio
 * @mig: for the library
 * @ops: the same
 * @kind: who does the migration
 * @legacy: for the legacy kind
 * @mem_lock: what memory_lock is for vfio-pci-core: a reset holds it for
 *	      writing, the fault handler of a mapping of @mem takes it for reading
 * @mem: VFIO_MIG_TEST_MEM_SIZE bytes
 * @lock: protects the members below; no other lock is taken under it
 * @control: what the user has asked for
 * @status: what has become of it
 * @matched: calls that @control's failure is about
 * @saving: the hardware notes what changes, or holds its state for @save
 * @stopped: it holds its state: there is an end
 * @save: the state on its way out
 * @load: the state on its way in, or NULL
 * @chunk: where words for @save are made
 * @rest: bytes at the end of @chunk that a direct reader has still to get, and
 * @rest_end: where they end
 * @produce: the producer
 * @piece: where it makes words; its own
 */
struct mig_test {
	struct vfio_device vdev;
	struct vfio_mig mig;
	struct vfio_mig_ops ops;
	const struct mig_test_kind *kind;
	struct mig_test_legacy *legacy;
	struct rw_semaphore mem_lock;
	void *mem;

	struct mutex lock;
	struct vfio_mig_test_control control;
	struct vfio_mig_test_status status;
	u32 matched;
	bool saving;
	bool stopped;
	struct mig_test_save save;
	struct mig_test_load *load;
	u64 chunk[MIG_TEST_CHUNK];
	size_t rest;
	size_t rest_end;

	struct work_struct produce;
	u64 piece[MIG_TEST_CHUNK];
};

static inline struct mig_test *mig_to_test(struct vfio_mig *mig)
{
	return container_of(mig, struct mig_test, mig);
}

/* device.c */
extern const struct vfio_device_ops mig_test_vfio_ops;

/* control.c */
void mig_test_control_init(struct mig_test *t);
ssize_t mig_test_control_read(struct mig_test *t, char __user *buf, size_t len);
ssize_t mig_test_control_write(struct mig_test *t, const char __user *buf,
			       size_t len);
ssize_t mig_test_status_read(struct mig_test *t, char __user *buf, size_t len);
int mig_test_call(struct mig_test *t, enum vfio_mig_test_op op);
int mig_test_step(struct mig_test *t, enum vfio_device_mig_state from,
		  enum vfio_device_mig_state to);
void mig_test_note(struct mig_test *t, enum vfio_mig_test_op op);
void mig_test_level(struct mig_test *t, u32 level);

/* queue.c */
void mig_test_produce(struct work_struct *work);
void mig_test_queue_room(struct vfio_mig *mig);

/* direct.c */
ssize_t mig_test_save_read(struct vfio_mig *mig, struct iov_iter *to);
ssize_t mig_test_load_write(struct vfio_mig *mig, struct iov_iter *from);

/* state.c */
void mig_test_save_begin(struct mig_test *t);
u64 mig_test_save_limit(const struct mig_test *t);
size_t mig_test_save_words(struct mig_test_save *s, u64 *words, size_t n);
int mig_test_load_words(struct mig_test_load *l, const u64 *words, size_t n);
bool mig_test_load_is_whole(const struct mig_test_load *l, u64 len);

#endif /* MIG_TEST_H */
