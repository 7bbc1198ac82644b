// SPDX-License-Identifier: GPL-2.0-only
/* vfio_mig: tests of the buffers that hold device states. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/random.h>

#include "internal.h"

#define SIZE	(5 * PAGE_SIZE)

/**
 * struct sample - a buffer and what was put into it
 * @buf: the buffer
 * @data: the bytes
 * @out: room for them
 */
struct sample {
	struct vfio_mig_buf buf;
	u8 data[SIZE];
	u8 out[SIZE];
};

static int sample_init(struct kunit *test)
{
	struct sample *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	test->priv = s;
	get_random_bytes(s->data, SIZE);
	vfio_mig_buf_init(&s->buf, SIZE);
	return 0;
}

static void sample_exit(struct kunit *test)
{
	struct sample *s = test->priv;

	vfio_mig_buf_destroy(&s->buf);
}

static void expect_bytes(struct kunit *test, u64 from, size_t len)
{
	struct sample *s = test->priv;

	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_read(&s->buf, from, s->out, len));
	KUNIT_EXPECT_MEMEQ(test, s->data + from, s->out, len);
}

/* In pieces of all lengths, across pages. */
static void test_pieces(struct kunit *test)
{
	struct sample *s = test->priv;
	size_t at, n;

	for (at = 0; at < SIZE; at += n) {
		n = min_t(size_t, SIZE - at, 1 + get_random_u32_below(2 * PAGE_SIZE));
		KUNIT_ASSERT_EQ(test, 0,
				vfio_mig_buf_append(&s->buf, s->data + at, n));
		KUNIT_EXPECT_EQ(test, at + n, s->buf.len);
	}
	expect_bytes(test, 0, SIZE);
	for (at = 0; at < SIZE; at += n) {
		n = min_t(size_t, SIZE - at, 1 + get_random_u32_below(2 * PAGE_SIZE));
		expect_bytes(test, at, n);
	}
}

static void test_page_ends(struct kunit *test)
{
	struct sample *s = test->priv;

	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_tail_room(&s->buf));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, 1));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE - 1, vfio_mig_buf_tail_room(&s->buf));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data + 1,
						     PAGE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_tail_room(&s->buf));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data + PAGE_SIZE,
						     PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_tail_room(&s->buf));
	expect_bytes(test, 0, 2 * PAGE_SIZE);
	expect_bytes(test, PAGE_SIZE - 1, 2);
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, 0));
	KUNIT_EXPECT_EQ(test, 2 * PAGE_SIZE, s->buf.len);
}

static void test_limit(struct kunit *test)
{
	struct sample *s = test->priv;

	KUNIT_EXPECT_EQ(test, -EFBIG,
			vfio_mig_buf_append(&s->buf, s->data, SIZE + 1));
	KUNIT_EXPECT_EQ(test, -EFBIG,
			vfio_mig_buf_append(&s->buf, s->data, SIZE_MAX));
	KUNIT_EXPECT_EQ(test, 0, s->buf.len);
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, SIZE));
	KUNIT_EXPECT_EQ(test, -EFBIG, vfio_mig_buf_append(&s->buf, s->data, 1));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, 0));
	/* What is consumed makes room, byte by byte. */
	vfio_mig_buf_consume(&s->buf, 10);
	KUNIT_EXPECT_EQ(test, -EFBIG, vfio_mig_buf_append(&s->buf, s->data, 11));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, 10));
	KUNIT_EXPECT_EQ(test, -EFBIG, vfio_mig_buf_append(&s->buf, s->data, 1));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_read(&s->buf, SIZE, s->out, 10));
	KUNIT_EXPECT_MEMEQ(test, s->data, s->out, 10);
}

static void test_read_bounds(struct kunit *test)
{
	struct sample *s = test->priv;
	const struct vfio_mig_buf *buf = &s->buf;

	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_read(buf, 0, s->out, 0));
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, 0, s->out, 1));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, 100));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_read(buf, 99, s->out, 1));
	KUNIT_EXPECT_EQ(test, 0, vfio_mig_buf_read(buf, 100, s->out, 0));
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, 99, s->out, 2));
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, 101, s->out, 0));
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, 50, s->out, SIZE_MAX));
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, U64_MAX, s->out, 2));
	vfio_mig_buf_consume(&s->buf, 50);
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(buf, 49, s->out, 1));
	expect_bytes(test, 50, 50);
}

static unsigned int pages_of(struct vfio_mig_buf *buf)
{
	struct page *page;
	unsigned long i;
	unsigned int n = 0;

	xa_for_each(&buf->pages, i, page)
		n++;
	return n;
}

static void test_consume(struct kunit *test)
{
	struct sample *s = test->priv;

	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, SIZE - 1));
	KUNIT_EXPECT_EQ(test, 5, pages_of(&s->buf));
	vfio_mig_buf_consume(&s->buf, PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, 5, pages_of(&s->buf));
	vfio_mig_buf_consume(&s->buf, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 4, pages_of(&s->buf));
	vfio_mig_buf_consume(&s->buf, 3 * PAGE_SIZE + 7);
	KUNIT_EXPECT_EQ(test, 2, pages_of(&s->buf));
	expect_bytes(test, 3 * PAGE_SIZE + 7, 2 * PAGE_SIZE - 8);
	/* The last page has room still. */
	vfio_mig_buf_consume(&s->buf, SIZE - 1);
	KUNIT_EXPECT_EQ(test, 1, pages_of(&s->buf));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data + SIZE - 1, 1));
	expect_bytes(test, SIZE - 1, 1);
	vfio_mig_buf_consume(&s->buf, SIZE);
	KUNIT_EXPECT_EQ(test, 0, pages_of(&s->buf));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, SIZE));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_read(&s->buf, SIZE, s->out, SIZE));
	KUNIT_EXPECT_MEMEQ(test, s->data, s->out, SIZE);
}

static void test_destroy(struct kunit *test)
{
	struct sample *s = test->priv;

	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, SIZE));
	vfio_mig_buf_consume(&s->buf, PAGE_SIZE);
	vfio_mig_buf_destroy(&s->buf);
	KUNIT_EXPECT_EQ(test, 0, s->buf.len);
	KUNIT_EXPECT_EQ(test, -ENODATA, vfio_mig_buf_read(&s->buf, 0, s->out, 1));
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_append(&s->buf, s->data, SIZE));
	expect_bytes(test, 0, SIZE);
}

/* Pages that come and go as they are. */
static void test_pages(struct kunit *test)
{
	struct sample *s = test->priv;
	struct page *page = alloc_page(GFP_KERNEL), *same;

	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page_address(page), s->data, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, 0, vfio_mig_buf_add_page(&s->buf, page, PAGE_SIZE - 8));
	expect_bytes(test, 0, PAGE_SIZE - 8);
	KUNIT_EXPECT_EQ(test, 8, vfio_mig_buf_tail_room(&s->buf));
	/* It is not full, so the buffer keeps it as well. */
	KUNIT_ASSERT_EQ(test, 1, vfio_mig_buf_take_pages(&s->buf, &same, 1));
	KUNIT_EXPECT_PTR_EQ(test, page, same);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE - 8, s->buf.start);
	vfio_mig_buf_destroy(&s->buf);
	/* Ours still. */
	KUNIT_EXPECT_MEMEQ(test, s->data, page_address(same), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vfio_mig_buf_add_page(&s->buf, same, PAGE_SIZE + 1));
	put_page(same);
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE(test_pieces),
	KUNIT_CASE(test_page_ends),
	KUNIT_CASE(test_limit),
	KUNIT_CASE(test_read_bounds),
	KUNIT_CASE(test_consume),
	KUNIT_CASE(test_destroy),
	KUNIT_CASE(test_pages),
	{}
};

static struct kunit_suite buffer_suite = {
	.name = "vfio_mig_buf",
	.init = sample_init,
	.exit = sample_exit,
	.test_cases = buffer_cases,
};

kunit_test_suites(&buffer_suite);
