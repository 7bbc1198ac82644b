// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: a state that goes straight to and from the user's memory.
 */
#include <linux/cleanup.h>
#include <linux/uio.h>

#include "test.h"

/* Some words in the chunk for a reader, if it has read all that were. */
static void test_refill(struct mig_test *t)
{
	const u64 limit = mig_test_save_limit(t);
	u64 n = limit - min(limit, t->save.next);

	if (t->rest)
		return;
	n = mig_test_save_words(&t->save, t->chunk, min(n, MIG_TEST_CHUNK));
	t->rest = t->rest_end = n * sizeof(u64);
}

/**
 * mig_test_save_read - copy what there is to the reader
 * @mig: of the device
 * @to: the reader's memory
 *
 * Return: see struct vfio_mig_ops.
 */
ssize_t mig_test_save_read(struct vfio_mig *mig, struct iov_iter *to)
{
	struct mig_test *t = mig_to_test(mig);
	ssize_t done = 0;
	size_t n;

	guard(mutex)(&t->lock);
	if (t->control.flags & VFIO_MIG_TEST_HOLD)
		return -EAGAIN;
	for (; iov_iter_count(to); done += n) {
		test_refill(t);
		if (!t->rest)
			return done || t->stopped ? done : -ENOMSG;
		n = copy_to_iter((void *)t->chunk + t->rest_end - t->rest,
				 t->rest, to);
		t->rest -= n;
		if (!n)
			return done ? done : -EFAULT;
	}
	return done;
}

/**
 * mig_test_load_write - take what the writer has
 * @mig: of the device
 * @from: the writer's memory
 *
 * Return: see struct vfio_mig_ops.
 */
ssize_t mig_test_load_write(struct vfio_mig *mig, struct iov_iter *from)
{
	struct mig_test *t = mig_to_test(mig);
	struct mig_test_load *l = t->load;
	const size_t old = l->bytes % sizeof(u64);
	size_t n, words;
	int ret;

	ret = mig_test_call(t, VFIO_MIG_TEST_LOAD_CHECK);
	if (ret)
		return ret;
	n = copy_from_iter((void *)l->chunk + old, sizeof(l->chunk) - old, from);
	if (!n)
		return -EFAULT;
	l->bytes += n;
	words = (old + n) / sizeof(u64);
	ret = mig_test_load_words(l, l->chunk, words);
	l->chunk[0] = l->chunk[words % MIG_TEST_CHUNK];
	return ret ? ret : n;
}
