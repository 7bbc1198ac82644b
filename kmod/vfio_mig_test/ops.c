// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: devices whose migration is the library's.
 *
 * The callbacks fail when the user wants it.  One that fails has done nothing;
 * one that is called when it makes no sense is counted.
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "test.h"

#define MIG_TEST_FLAGS_ALL	(VFIO_MIGRATION_STOP_COPY | \
				 VFIO_MIGRATION_P2P | VFIO_MIGRATION_PRE_COPY)

static int test_step(struct vfio_mig *mig, enum vfio_device_mig_state from,
		     enum vfio_device_mig_state to)
{
	return mig_test_step(mig_to_test(mig), from, to);
}

static int test_run_at(struct vfio_mig *mig, enum vfio_mig_test_op op, u32 level)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, op);

	if (!ret)
		mig_test_level(t, level);
	return ret;
}

static int test_p2p_begin(struct vfio_mig *mig)
{
	return test_run_at(mig, VFIO_MIG_TEST_P2P_BEGIN, VFIO_MIG_TEST_P2P);
}

static int test_p2p_end(struct vfio_mig *mig)
{
	return test_run_at(mig, VFIO_MIG_TEST_P2P_END, VFIO_MIG_TEST_RUNNING);
}

static int test_stop(struct vfio_mig *mig)
{
	return test_run_at(mig, VFIO_MIG_TEST_STOP, VFIO_MIG_TEST_STOPPED);
}

static int test_start(struct vfio_mig *mig)
{
	const u32 flags = mig_to_test(mig)->vdev.migration_flags;

	return test_run_at(mig, VFIO_MIG_TEST_START,
			   flags & VFIO_MIGRATION_P2P ? VFIO_MIG_TEST_P2P :
							VFIO_MIG_TEST_RUNNING);
}

/* Locked. */
static void test_saving_begins(struct mig_test *t)
{
	t->status.misuse += t->saving;
	t->status.saves_begun++;
	t->status.pushed = 0;
	t->status.turned_away = 0;
	t->saving = true;
	t->stopped = false;
	mig_test_save_begin(t);
}

/* Locked. */
static void test_saving_ends(struct mig_test *t)
{
	t->status.misuse += !t->saving;
	t->status.saves_ended++;
	t->saving = false;
	t->rest = 0;
}

/* A page with the next words.  Locked. */
static int test_append_page(struct mig_test *t, struct vfio_mig_buf *buf,
			    size_t n)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
	int ret;

	if (!page)
		return -ENOMEM;
	n = mig_test_save_words(&t->save, page_address(page), n);
	ret = vfio_mig_buf_add_page(buf, page, n * sizeof(u64));
	if (ret)
		put_page(page);
	return ret;
}

/* The next words, written where they will be read.  Locked. */
static int test_append_flat(struct mig_test *t, struct vfio_mig_buf *buf,
			    size_t n)
{
	const u64 offset = buf->len;
	void *words;
	int ret;

	ret = vfio_mig_buf_extend(buf, n * sizeof(u64));
	if (ret)
		return ret;
	words = vfio_mig_buf_map(buf, offset, n * sizeof(u64));
	if (IS_ERR(words))
		return PTR_ERR(words);
	mig_test_save_words(&t->save, words, n);
	vfio_mig_buf_unmap(words);
	return 0;
}

static int test_append_copy(struct mig_test *t, struct vfio_mig_buf *buf,
			    size_t n)
{
	n = mig_test_save_words(&t->save, t->chunk, n);
	return vfio_mig_buf_append(buf, t->chunk, n * sizeof(u64));
}

/* Append words to @buf, up to the word number @end of the stream.  Locked. */
static int test_append(struct mig_test *t, struct vfio_mig_buf *buf, u64 end)
{
	u64 left, n;
	int ret = 0;

	end = min(end, mig_test_save_limit(t));
	while (!ret && t->save.next < end) {
		left = end - t->save.next;
		n = min(left, MIG_TEST_CHUNK - offset_in_page(buf->len) / sizeof(u64));
		if (t->control.buffer == VFIO_MIG_TEST_FLAT)
			ret = test_append_flat(t, buf, left);
		else if (t->control.buffer == VFIO_MIG_TEST_PAGES &&
			 !offset_in_page(buf->len))
			ret = test_append_page(t, buf, n);
		else
			ret = test_append_copy(t, buf, n);
	}
	return ret;
}

static u64 test_piece_end(const struct mig_test *t)
{
	return t->save.next + t->control.piece / sizeof(u64);
}

static int test_precopy_begin(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_PRECOPY_BEGIN);

	if (ret)
		return ret;
	guard(mutex)(&t->lock);
	test_saving_begins(t);
	if (t->ops.queue_max)
		schedule_work(&t->produce);
	return 0;
}

static void test_precopy_end(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);

	cancel_work_sync(&t->produce);
	guard(mutex)(&t->lock);
	mig_test_note(t, VFIO_MIG_TEST_PRECOPY_END);
	test_saving_ends(t);
}

static int test_precopy_fill(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_PRECOPY_FILL);

	if (ret || t->ops.queue_max)
		return ret;
	guard(mutex)(&t->lock);
	return test_append(t, buf, test_piece_end(t));
}

static void test_precopy_size(struct vfio_mig *mig, u64 *initial, u64 *dirty)
{
	struct mig_test *t = mig_to_test(mig);
	u64 done, left, limit;

	guard(mutex)(&t->lock);
	done = t->save.next * sizeof(u64) - t->rest;
	limit = mig_test_save_limit(t) * sizeof(u64);
	left = limit > done ? limit - done : 0;
	*initial = t->control.initial > done ?
		   min(t->control.initial - done, left) : 0;
	*dirty = left - *initial;
}

static int test_save(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_SAVE);

	if (ret)
		return ret;
	guard(mutex)(&t->lock);
	t->status.misuse += t->status.level != VFIO_MIG_TEST_STOPPED;
	if (!t->saving)
		test_saving_begins(t);
	t->stopped = true;
	if (t->ops.queue_max)
		schedule_work(&t->produce);
	if (t->ops.queue_max || t->ops.save_read ||
	    t->control.flags & VFIO_MIG_TEST_PIECES)
		return 0;
	return test_append(t, buf, U64_MAX);
}

static int test_save_fill(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_SAVE_FILL);

	if (ret || t->ops.queue_max)
		return ret;
	guard(mutex)(&t->lock);
	return test_append(t, buf, test_piece_end(t));
}

static int test_save_end(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_SAVE_END);

	if (ret)
		return ret;
	cancel_work_sync(&t->produce);
	guard(mutex)(&t->lock);
	test_saving_ends(t);
	return 0;
}

static int test_load_begin(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);
	struct mig_test_load *load;
	int ret = mig_test_call(t, VFIO_MIG_TEST_LOAD_BEGIN);

	if (ret)
		return ret;
	load = kzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT);
	if (!load)
		return -ENOMEM;
	guard(mutex)(&t->lock);
	t->status.misuse += t->load != NULL;
	t->status.loads_begun++;
	t->load = load;
	return 0;
}

/* Understand as much of a stream as there are whole words. */
static int test_understand(struct mig_test_load *l,
			   const struct vfio_mig_buf *buf)
{
	u64 offset;
	size_t n;
	int ret = 0;

	while (!ret) {
		offset = l->next * sizeof(u64);
		n = min_t(u64, (buf->len - offset) / sizeof(u64),
			  MIG_TEST_CHUNK);
		if (!n)
			break;
		ret = vfio_mig_buf_read(buf, offset, l->chunk, n * sizeof(u64));
		if (!ret)
			ret = mig_test_load_words(l, l->chunk, n);
	}
	return ret;
}

static int test_load_check(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct mig_test *t = mig_to_test(mig);
	int ret = mig_test_call(t, VFIO_MIG_TEST_LOAD_CHECK);

	if (ret || t->control.flags & VFIO_MIG_TEST_ACCUMULATE)
		return ret;
	ret = test_understand(t->load, buf);
	vfio_mig_buf_consume(buf, t->load->next * sizeof(u64));
	return ret;
}

static int test_load(struct vfio_mig *mig, const struct vfio_mig_buf *buf)
{
	struct mig_test *t = mig_to_test(mig);
	struct mig_test_load *l = t->load;
	int ret = mig_test_call(t, VFIO_MIG_TEST_LOAD);

	if (!ret && !t->ops.load_write)
		ret = test_understand(l, buf);
	if (ret)
		return ret;
	if (!mig_test_load_is_whole(l, t->ops.load_write ? l->bytes : buf->len))
		return -ENODATA;
	guard(mutex)(&t->lock);
	t->control.seed = l->seed;
	t->control.size = l->size;
	t->status.loads_applied++;
	return 0;
}

static void test_load_end(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);

	guard(mutex)(&t->lock);
	mig_test_note(t, VFIO_MIG_TEST_LOAD_END);
	t->status.misuse += !t->load;
	t->status.loads_ended++;
	kfree(t->load);
	t->load = NULL;
}

static void test_reset(struct vfio_mig *mig)
{
	struct mig_test *t = mig_to_test(mig);

	cancel_work_sync(&t->produce);
	guard(mutex)(&t->lock);
	mig_test_note(t, VFIO_MIG_TEST_RESET);
	t->status.level = VFIO_MIG_TEST_RUNNING;
	if (t->saving)
		test_saving_ends(t);
}

static u64 test_data_size(struct vfio_mig *mig)
{
	return READ_ONCE(mig_to_test(mig)->control.data_size);
}

static u64 test_load_max(struct vfio_mig *mig)
{
	return READ_ONCE(mig_to_test(mig)->control.load_max);
}

static const struct vfio_mig_ops mig_test_ops = {
	.step = test_step,
	.p2p_begin = test_p2p_begin,
	.p2p_end = test_p2p_end,
	.stop = test_stop,
	.start = test_start,
	.precopy_begin = test_precopy_begin,
	.precopy_end = test_precopy_end,
	.precopy_fill = test_precopy_fill,
	.precopy_size = test_precopy_size,
	.save = test_save,
	.save_fill = test_save_fill,
	.save_end = test_save_end,
	.load_begin = test_load_begin,
	.load_check = test_load_check,
	.load = test_load,
	.load_end = test_load_end,
	.reset = test_reset,
	.data_size = test_data_size,
	.load_max = test_load_max,
};

static int mig_test_init_ops(struct mig_test *t, u32 flags)
{
	INIT_WORK(&t->produce, mig_test_produce);
	return vfio_mig_init(&t->mig, &t->vdev, &t->ops, flags);
}

static int mig_test_init(struct mig_test *t, u32 flags)
{
	t->ops = mig_test_ops;
	return mig_test_init_ops(t, flags);
}

static int mig_test_init_queue(struct mig_test *t, u32 flags)
{
	t->ops = mig_test_ops;
	t->ops.save_fill = NULL;
	t->ops.queue_max = VFIO_MIG_TEST_QUEUE_MAX;
	t->ops.queue_room = mig_test_queue_room;
	return mig_test_init_ops(t, MIG_TEST_FLAGS_ALL);
}

static int mig_test_init_direct(struct mig_test *t, u32 flags)
{
	t->ops = mig_test_ops;
	t->ops.precopy_fill = NULL;
	t->ops.save_fill = NULL;
	t->ops.save_read = mig_test_save_read;
	t->ops.load_check = NULL;
	t->ops.load_max = NULL;
	t->ops.load_write = mig_test_load_write;
	return mig_test_init_ops(t, MIG_TEST_FLAGS_ALL);
}

static void mig_test_destroy(struct mig_test *t)
{
	cancel_work_sync(&t->produce);
	vfio_mig_destroy(&t->mig);
}

static void mig_test_open(struct mig_test *t)
{
	vfio_mig_open(&t->mig);
}

static void mig_test_close(struct mig_test *t)
{
	vfio_mig_close(&t->mig);
}

/* As vfio-pci-core does it: no mapping outlives a reset, none is made in it. */
static void mig_test_reset(struct mig_test *t)
{
	guard(rwsem_write)(&t->mem_lock);
	unmap_mapping_range(t->vdev.inode->i_mapping, VFIO_MIG_TEST_MEM,
			    VFIO_MIG_TEST_MEM_SIZE, true);
	vfio_mig_reset_done(&t->mig);
}

/* There may be more to read, or the producer may go on. */
static void mig_test_changed(struct mig_test *t)
{
	bool reinit;

	scoped_guard(mutex, &t->lock) {
		reinit = t->control.flags & VFIO_MIG_TEST_REINIT;
		if (t->ops.queue_max && t->saving)
			schedule_work(&t->produce);
	}
	if (reinit)
		vfio_mig_precopy_reinit(&t->mig);
	vfio_mig_wake(&t->mig);
}

const struct mig_test_kind mig_test_kind = {
	.init = mig_test_init,
	.destroy = mig_test_destroy,
	.open = mig_test_open,
	.close = mig_test_close,
	.reset = mig_test_reset,
	.changed = mig_test_changed,
};

const struct mig_test_kind mig_test_queue_kind = {
	.init = mig_test_init_queue,
	.destroy = mig_test_destroy,
	.open = mig_test_open,
	.close = mig_test_close,
	.reset = mig_test_reset,
	.changed = mig_test_changed,
};

const struct mig_test_kind mig_test_direct_kind = {
	.init = mig_test_init_direct,
	.destroy = mig_test_destroy,
	.open = mig_test_open,
	.close = mig_test_close,
	.reset = mig_test_reset,
	.changed = mig_test_changed,
};
