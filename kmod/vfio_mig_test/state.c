// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: the state of a device as a stream, see vfio_mig_test.h.
 */
#include "test.h"

/**
 * mig_test_save_begin - put the state on its way out
 * @t: the device, locked
 */
void mig_test_save_begin(struct mig_test *t)
{
	t->save = (struct mig_test_save) {
		.seed = t->control.seed, .size = t->control.size,
	};
}

/**
 * mig_test_save_limit - the word at which there is nothing more to offer now
 * @t: the device, locked
 */
u64 mig_test_save_limit(const struct mig_test *t)
{
	const struct vfio_mig_test_control *c = &t->control;
	const u64 end = vfio_mig_test_words(t->save.size);

	return t->stopped ? end : min((c->initial + c->dirty) / sizeof(u64), end);
}

/**
 * mig_test_save_words - the next words of the stream
 * @s: the state on its way out
 * @words: where they go
 * @n: at most so many
 *
 * Return: how many; 0 at the end.
 */
size_t mig_test_save_words(struct mig_test_save *s, u64 *words, size_t n)
{
	const u64 left = vfio_mig_test_words(s->size) - s->next;
	size_t i;

	n = min_t(u64, n, left);
	for (i = 0; i < n; i++, s->next++) {
		words[i] = i + 1 == left ? s->sum :
			   vfio_mig_test_word(s->seed, s->size, s->next);
		s->sum = vfio_mig_test_sum(s->sum, words[i]);
	}
	return n;
}

static int mig_test_load_word(struct mig_test_load *l, u64 word)
{
	const u64 last = vfio_mig_test_words(l->size) - 1;
	bool ok;

	switch (l->next) {
	case 0:
		ok = word == VFIO_MIG_TEST_MAGIC;
		break;
	case 1:
		ok = word <= U32_MAX;
		l->seed = word;
		break;
	case 2:
		ok = word <= VFIO_MIG_TEST_SIZE_MAX && word % sizeof(u64) == 0;
		l->size = ok ? word : 0;
		break;
	default:
		ok = l->next < last || (l->next == last && word == l->sum);
	}
	if (!ok)
		return -EINVAL;
	l->sum = vfio_mig_test_sum(l->sum, word);
	l->next++;
	return 0;
}

/**
 * mig_test_load_words - the next words of a stream have come
 * @l: the state on its way in
 * @words: these
 * @n: how many
 *
 * Return: 0, or -EINVAL.
 */
int mig_test_load_words(struct mig_test_load *l, const u64 *words, size_t n)
{
	int ret = 0;

	for (; n && !ret; n--)
		ret = mig_test_load_word(l, *words++);
	return ret;
}

/**
 * mig_test_load_is_whole - has the stream come to its end?
 * @l: the state on its way in
 * @len: bytes of the stream
 */
bool mig_test_load_is_whole(const struct mig_test_load *l, u64 len)
{
	return l->next > 2 && l->next == vfio_mig_test_words(l->size) &&
	       len == l->next * sizeof(u64);
}
