// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading a state: the whole stream is verified before any of it is applied,
 * and whatever is wrong with it fails the load for good.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define RESUMING	VFIO_DEVICE_STATE_RESUMING

#define HEADER		sizeof(struct mock_vfio_state_header)
#define RECORD		sizeof(struct mock_vfio_state_record)

FIXTURE(load) {
	struct vt_dev dev;
	struct vt_state state;
	uint32_t crc;
};

/* A state with some runs of memory; the device itself is as after a reset. */
FIXTURE_SETUP(load)
{
	size_t page;

	vt_open(&self->dev, 0, VT_LEGACY);
	for (page = 0; page < 20; page++)
		memset(self->dev.mem + page * 3 / 2 * VT_PAGE, page + 1, VT_PAGE);
	vt_write32(&self->dev, MOCK_VFIO_REG_SCRATCH, 0x5eed);
	self->crc = vt_crc32(self->dev.mem, self->dev.mem_size);
	vt_save(&self->dev, &self->state);
	ASSERT_EQ(0, vt_reset(&self->dev));
}

FIXTURE_TEARDOWN(load)
{
	vt_state_free(&self->state);
	vt_close(&self->dev);
}

static struct vt_state copy_of(const struct vt_state *state, size_t extra)
{
	struct vt_state copy = { calloc(1, state->len + extra), state->len };

	memcpy(copy.data, state->data, state->len);
	return copy;
}

/* Offset of the n-th record; the length of the stream beyond the last. */
static size_t record_at(const struct vt_state *state, size_t n)
{
	const struct mock_vfio_state_record *r;
	size_t pos = HEADER;

	for (; n && pos < state->len; n--) {
		r = (void *)(state->data + pos);
		pos += RECORD + le32toh(r->length);
	}
	return pos;
}

/* Offset of the first record of a type. */
static size_t record_of(const struct vt_state *state, uint32_t type)
{
	const struct mock_vfio_state_record *r;
	size_t n = 0, pos;

	do {
		pos = record_at(state, n++);
		r = (void *)(state->data + pos);
	} while (pos < state->len && le32toh(r->type) != type);
	return pos;
}

/* Bytes from here to the next one worth a test: few of the plain memory. */
static size_t step_at(const struct vt_state *state, size_t pos)
{
	const struct mock_vfio_state_record *r;
	size_t at = HEADER;

	if (pos < HEADER)
		return 1;
	for (;; at += RECORD + le32toh(r->length)) {
		r = (void *)(state->data + at);
		if (pos < at + RECORD + le32toh(r->length))
			break;
	}
	return le32toh(r->type) == MOCK_VFIO_RECORD_MEM &&
	       pos > at + RECORD + 16 &&
	       pos + 1021 < at + RECORD + le32toh(r->length) ? 1021 : 1;
}

static void seal_header(struct vt_state *state)
{
	struct mock_vfio_state_header *h = (void *)state->data;

	h->crc = htole32(vt_crc32(h, offsetof(typeof(*h), crc)));
}

static void seal_record(struct vt_state *state, size_t pos)
{
	struct mock_vfio_state_record *r = (void *)(state->data + pos);

	r->payload_crc = htole32(vt_crc32(r + 1, le32toh(r->length)));
	r->crc = htole32(vt_crc32(r, offsetof(typeof(*r), crc)));
}

/*
 * The load fails with the error, stays failed, has changed nothing that can be
 * seen, and a reset makes the device usable.
 */
static bool refused(struct vt_dev *dev, const struct vt_state *state, int err)
{
	int fd, ret, again;
	bool ok;

	if (vt_set_state(dev, RESUMING, &fd))
		return false;
	ret = vt_write_all(fd, state->data, state->len, 1 << 20);
	again = vt_set_state(dev, STOP, NULL);
	if (!ret)
		ret = again;
	ok = ret == err && again == err && vt_get_state(dev) == RESUMING &&
	     (err == -ENODATA || write(fd, "", 1) == -1) &&
	     vt_read32(dev, MOCK_VFIO_REG_SCRATCH) == 0 && dev->mem[0] == 0;
	if (!ok)
		printf("# write or commit %d, commit %d, wanted %d\n", ret,
		       again, err);
	close(fd);
	return ok && vt_reset(dev) == 0 && vt_get_state(dev) == RUNNING;
}

static bool accepted(struct vt_dev *dev, const struct vt_state *state,
		     uint32_t crc, size_t chunk)
{
	int fd, ret;

	if (vt_set_state(dev, RESUMING, &fd))
		return false;
	ret = vt_write_all(fd, state->data, state->len, chunk);
	close(fd);
	if (!ret)
		ret = vt_set_state(dev, STOP, NULL);
	if (ret)
		printf("# refused: %d\n", ret);
	return !ret && vt_read32(dev, MOCK_VFIO_REG_SCRATCH) == 0x5eed &&
	       vt_crc32(dev->mem, dev->mem_size) == crc && vt_reset(dev) == 0;
}

TEST_F(load, segmentation_does_not_matter)
{
	static const size_t chunks[] = { 1, 3, 31, 4095, 4096, 4097, 1 << 20 };
	size_t i;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++)
		EXPECT_TRUE(accepted(&self->dev, &self->state, self->crc,
				     chunks[i]));
}

TEST_F(load, replaces_what_was_there)
{
	memset(self->dev.mem + self->dev.mem_size - VT_PAGE, 0xff, VT_PAGE);
	vt_write32(&self->dev, MOCK_VFIO_REG_SCRATCH + 4, 99);
	EXPECT_TRUE(accepted(&self->dev, &self->state, self->crc, 1 << 20));
}

/* Every byte of the headers and registers, and a sample of the memory. */
TEST_F_TIMEOUT(load, any_flipped_bit_is_found, 120)
{
	struct vt_state bad = copy_of(&self->state, 0);
	size_t pos;

	for (pos = 0; pos < bad.len; pos += step_at(&self->state, pos)) {
		bad.data[pos] ^= 1 << pos % 8;
		EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG))
			TH_LOG("byte %zu of %zu", pos, bad.len);
		bad.data[pos] ^= 1 << pos % 8;
	}
	EXPECT_TRUE(accepted(&self->dev, &bad, self->crc, 1 << 20));
	vt_state_free(&bad);
}

TEST_F(load, a_truncated_stream_is_refused)
{
	struct vt_state cut = self->state;
	size_t n, border;
	int d;

	for (n = 0; cut.len; n++) {
		border = record_at(&self->state, n);
		for (d = -1; d <= 1; d++) {
			cut.len = border + d;
			if (cut.len >= self->state.len)
				continue;
			EXPECT_TRUE(refused(&self->dev, &cut, -ENODATA))
				TH_LOG("cut at %zu", cut.len);
		}
		if (border == self->state.len)
			break;
	}
	cut.len = 0;
	EXPECT_TRUE(refused(&self->dev, &cut, -ENODATA));
}

TEST_F(load, nothing_may_follow_the_end)
{
	struct vt_state more = copy_of(&self->state, VT_PAGE);

	more.len += 1;
	EXPECT_TRUE(refused(&self->dev, &more, -EFBIG));
	more.len += VT_PAGE - 1;
	EXPECT_TRUE(refused(&self->dev, &more, -EFBIG));
	vt_state_free(&more);
}

TEST_F(load, repeated_and_reordered_records_are_refused)
{
	const size_t first = record_at(&self->state, 1);
	const size_t second = record_at(&self->state, 2);
	const size_t third = record_at(&self->state, 3);
	struct vt_state bad = copy_of(&self->state, 1 << 20);
	const uint8_t *good = self->state.data;

	/* the first memory record twice */
	memcpy(bad.data + second, good + first, self->state.len - first);
	bad.len += second - first;
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));

	/* the two swapped */
	memcpy(bad.data + first, good + second, third - second);
	memcpy(bad.data + first + third - second, good + first, second - first);
	memcpy(bad.data + third, good + third, self->state.len - third);
	bad.len = self->state.len;
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));

	/* one left out */
	memcpy(bad.data + first, good + second, self->state.len - second);
	bad.len -= second - first;
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	vt_state_free(&bad);
}

TEST_F(load, versions_are_told_apart)
{
	struct vt_state other = copy_of(&self->state, 0);
	struct mock_vfio_state_header *h = (void *)other.data;

	h->minor = htole16(99);
	seal_header(&other);
	EXPECT_TRUE(accepted(&self->dev, &other, self->crc, 1 << 20));
	h->major = htole16(MOCK_VFIO_STATE_MAJOR + 1);
	seal_header(&other);
	EXPECT_TRUE(refused(&self->dev, &other, -EPROTONOSUPPORT));
	vt_state_free(&other);
}

TEST_F(load, the_state_of_another_kind_of_device_is_refused)
{
	struct vt_state other = copy_of(&self->state, 0);
	struct mock_vfio_state_header *h = (void *)other.data;
	const struct mock_vfio_state_header good = *h;

	h->device = htole16(2);
	seal_header(&other);
	EXPECT_TRUE(refused(&self->dev, &other, -EXDEV));
	*h = good;
	h->mem_size = htole64(le64toh(h->mem_size) * 2);
	seal_header(&other);
	EXPECT_TRUE(refused(&self->dev, &other, -EXDEV));
	*h = good;
	h->vectors = htole32(le32toh(h->vectors) + 1);
	seal_header(&other);
	EXPECT_TRUE(refused(&self->dev, &other, -EXDEV));
	vt_state_free(&other);
}

/* A record of a type of its own between the registers and the memory. */
static struct vt_state with_unknown(const struct vt_state *state, uint32_t flags)
{
	const size_t at = record_at(state, 1);
	struct vt_state out = copy_of(state, RECORD + 16);
	struct mock_vfio_state_record *r = (void *)(out.data + at);
	struct mock_vfio_state_end *end;
	size_t pos, n;

	memmove(out.data + at + RECORD + 16, out.data + at, state->len - at);
	out.len += RECORD + 16;
	r->type = htole32(77);
	r->flags = htole32(flags);
	r->length = htole32(16);
	memset(r + 1, 0xab, 16);
	for (n = 1, pos = at; pos < out.len; pos = record_at(&out, ++n)) {
		r = (void *)(out.data + pos);
		r->seq = htole32(n);
		if (le32toh(r->type) == MOCK_VFIO_RECORD_END) {
			end = (void *)(r + 1);
			end->records = htole32(n);
			end->bytes = htole64(out.len);
		}
		seal_record(&out, pos);
	}
	return out;
}

TEST_F(load, unknown_records_are_refused_unless_optional)
{
	struct vt_state other = with_unknown(&self->state, MOCK_VFIO_RECORD_OPTIONAL);

	EXPECT_TRUE(accepted(&self->dev, &other, self->crc, 1 << 20));
	EXPECT_TRUE(accepted(&self->dev, &other, self->crc, 13));
	vt_state_free(&other);
	other = with_unknown(&self->state, 0);
	EXPECT_TRUE(refused(&self->dev, &other, -EPROTONOSUPPORT));
	vt_state_free(&other);
}

/* Well-formed, with right checksums, but not what a device can have. */
TEST_F(load, impossible_contents_are_refused)
{
	struct vt_state bad = copy_of(&self->state, 0);
	const size_t regs_at = record_of(&bad, MOCK_VFIO_RECORD_REGS);
	const size_t mem_at = record_of(&bad, MOCK_VFIO_RECORD_MEM);
	const uint64_t mem_offset = *(uint64_t *)(bad.data + mem_at + RECORD);
	struct mock_vfio_state_regs *regs = (void *)(bad.data + regs_at + RECORD);
	struct mock_vfio_state_mem *mem = (void *)(bad.data + mem_at + RECORD);

	regs->dma_size = htole32(3);
	seal_record(&bad, regs_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	regs->dma_size = 0;
	regs->traffic_stride = htole32(17);
	seal_record(&bad, regs_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	regs->traffic_stride = 0;
	regs->mem_aperture = htole64(VT_PAGE);
	seal_record(&bad, regs_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	regs->mem_aperture = 0;
	regs->pending_words = htole32(2);
	seal_record(&bad, regs_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	regs->pending_words = htole32(1);
	seal_record(&bad, regs_at);

	mem->offset = htole64(self->dev.mem_size);
	seal_record(&bad, mem_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	mem->offset = htole64(~0xfffull);
	seal_record(&bad, mem_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	mem->offset = htole64(8);
	seal_record(&bad, mem_at);
	EXPECT_TRUE(refused(&self->dev, &bad, -EBADMSG));
	mem->offset = mem_offset;
	seal_record(&bad, mem_at);
	EXPECT_TRUE(accepted(&self->dev, &bad, self->crc, 1 << 20));
	vt_state_free(&bad);
}

/* Of a device that does not use all bits of the word. */
TEST(vectors_that_the_device_lacks_are_refused)
{
	struct vfm_mock_conf conf = { .msi = 4, .msix = 16 };
	struct mock_vfio_state_regs *regs;
	struct vt_state state;
	struct vt_dev dev;
	size_t regs_at;
	char bdf[32];

	conf.given = 1u << MOCK_VFIO_PCI_A_FUNCTION_MSI_VECTORS |
		     1u << MOCK_VFIO_PCI_A_FUNCTION_MSIX_VECTORS;
	vt_fn_new(&conf, bdf);
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	vt_save(&dev, &state);
	ASSERT_EQ(0, vt_reset(&dev));
	regs_at = record_of(&state, MOCK_VFIO_RECORD_REGS);
	regs = (void *)(state.data + regs_at + RECORD);
	regs->pending[0] = htole32(1u << 16);
	seal_record(&state, regs_at);
	EXPECT_TRUE(refused(&dev, &state, -EBADMSG));
	regs->pending[0] = htole32(1u << 15);
	seal_record(&state, regs_at);
	EXPECT_EQ(0, vt_load(&dev, &state));
	vt_state_free(&state);
	vt_close(&dev);
	vt_fn_del(bdf);
}

/* Whatever its length, no more of a stream is kept than a record of it. */
TEST_F(load, garbage_is_refused_before_it_piles_up)
{
	static uint8_t zeros[1 << 16];
	size_t sent = 0;
	int fd, ret = 0;

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	ASSERT_EQ(0, vt_write_all(fd, self->state.data, HEADER, HEADER));
	while (!ret && sent < self->dev.mem_size * 4) {
		ret = vt_write_all(fd, zeros, sizeof(zeros), sizeof(zeros));
		sent += sizeof(zeros);
	}
	EXPECT_EQ(-EBADMSG, ret);
	EXPECT_EQ(sizeof(zeros), sent);
	close(fd);
}

/* As a pre-copy of a busy device: many times the memory, in valid records. */
TEST_F(load, a_stream_longer_than_memory_is_taken)
{
	struct vt_state one = copy_of(&self->state, 1 << 17);
	struct mock_vfio_state_record *r = (void *)(one.data + HEADER);
	struct mock_vfio_state_mem *mem = (void *)(r + 1);
	const uint32_t len = sizeof(*mem) + 8 * VT_PAGE;
	uint32_t seq;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	ASSERT_EQ(0, vt_write_all(fd, one.data, HEADER, HEADER));
	for (seq = 0; seq < 200; seq++) {
		*r = (struct mock_vfio_state_record) {
			.magic = htole32(MOCK_VFIO_RECORD_MAGIC),
			.type = htole32(MOCK_VFIO_RECORD_MEM),
			.seq = htole32(seq), .length = htole32(len),
		};
		mem->offset = htole64(seq % 4 * VT_PAGE);
		memset(mem + 1, seq, 8 * VT_PAGE);
		seal_record(&one, HEADER);
		ASSERT_EQ(0, vt_write_all(fd, r, RECORD + len, 1 << 20));
	}
	EXPECT_EQ(-ENODATA, vt_set_state(&self->dev, STOP, NULL));
	EXPECT_EQ(0, self->dev.mem[0]);
	close(fd);
	vt_state_free(&one);
}

TEST_HARNESS_MAIN
