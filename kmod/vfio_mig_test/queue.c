// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: a producer that delivers the state on its own.
 */
#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "test.h"

/*
 * The next words, not beyond the end of a page, without having them gone yet.
 * Return: how many; 0 if there are none, with @end true if there will be none.
 */
static size_t test_next_words(struct mig_test *t, struct mig_test_save *next,
			      bool *end)
{
	u64 limit, n;

	guard(mutex)(&t->lock);
	*end = false;
	if (!t->saving || t->control.flags & VFIO_MIG_TEST_HOLD)
		return 0;
	*next = t->save;
	limit = mig_test_save_limit(t);
	n = min3(limit - min(limit, next->next), t->control.piece / sizeof(u64),
		 MIG_TEST_CHUNK - next->next % MIG_TEST_CHUNK);
	*end = !n && t->stopped;
	return mig_test_save_words(next, t->piece, n);
}

/* By a page, if they are to begin one. */
static int test_push(struct mig_test *t, u64 offset, size_t len)
{
	struct page *page;
	int ret;

	if (READ_ONCE(t->control.buffer) != VFIO_MIG_TEST_PAGES ||
	    offset_in_page(offset))
		return vfio_mig_push(&t->mig, t->piece, len);
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	memcpy(page_address(page), t->piece, len);
	ret = vfio_mig_push_page(&t->mig, page, len);
	if (ret)
		put_page(page);
	return ret;
}

/* Return: true if there is more to be done. */
static bool test_produce_one(struct mig_test *t)
{
	struct mig_test_save next;
	size_t len;
	bool end;
	int ret;

	len = test_next_words(t, &next, &end) * sizeof(u64);
	if (end)
		vfio_mig_push_end(&t->mig, -READ_ONCE(t->control.end_errno));
	if (!len)
		return false;
	ret = test_push(t, next.next * sizeof(u64) - len, len);
	guard(mutex)(&t->lock);
	t->status.turned_away += ret == -EAGAIN;
	if (ret)
		return false;
	t->save = next;
	t->status.pushed += len;
	return true;
}

/**
 * mig_test_produce - push what there is, as long as there is room for it
 * @work: of the device
 */
void mig_test_produce(struct work_struct *work)
{
	struct mig_test *t = container_of(work, struct mig_test, produce);

	while (test_produce_one(t))
		;
}

/**
 * mig_test_queue_room - there is room again
 * @mig: of the device
 */
void mig_test_queue_room(struct vfio_mig *mig)
{
	schedule_work(&mig_to_test(mig)->produce);
}
