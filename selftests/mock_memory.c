// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Large device memory: seen through an aperture that can be moved, and sparse,
 * in memory as well as in a migration.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define PRE_COPY	VFM_STATE_PRE_COPY

#define APERTURE	MOCK_VFIO_REG_MEM_APERTURE
#define MIB		(1ull << 20)
#define MEM_SIZE	(16ull << 30)
#define BAR_SIZE	(16 * MIB)
#define LAST_BASE	(MEM_SIZE - BAR_SIZE)
#define RECORD		sizeof(struct mock_vfio_state_record)
#define BAR_OFFSET	((uint64_t)MOCK_VFIO_BAR_MEM << 40)

FIXTURE(memory) {
	struct vt_dev a, b;
	char bdf_a[32], bdf_b[32];
};

static void open_new(struct vt_dev *dev, uint64_t mem, uint64_t bar, char bdf[32])
{
	struct vfm_mock_conf conf = { .mem_size = mem, .bar_size = bar };

	conf.given = 1u << MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE |
		     1u << MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE;
	vt_fn_new(&conf, bdf);
	vt_open_bdf(dev, bdf, VT_LEGACY);
}

FIXTURE_SETUP(memory)
{
	open_new(&self->a, MEM_SIZE, BAR_SIZE, self->bdf_a);
	open_new(&self->b, MEM_SIZE, BAR_SIZE, self->bdf_b);
}

FIXTURE_TEARDOWN(memory)
{
	vt_close(&self->b);
	vt_close(&self->a);
	vt_fn_del(self->bdf_b);
	vt_fn_del(self->bdf_a);
}

static void move(struct vt_dev *dev, uint64_t base)
{
	vt_write64(dev, APERTURE, base);
}

static volatile uint32_t *word_at(struct vt_dev *dev, uint64_t offset)
{
	return (volatile uint32_t *)(dev->mem + offset);
}

/* One descriptor; its status. */
static uint32_t dma(struct vt_dev *dev, uint32_t op, uint64_t src, uint64_t dst,
		    uint32_t length)
{
	struct mock_vfio_desc *desc;

	vt_ring_start(dev, 4);
	desc = vt_desc(dev, 0);
	desc->op = htole32(op);
	desc->length = htole32(length);
	desc->src = htole64(src);
	desc->dst = htole64(dst);
	return vt_submit(dev, 1);
}

#define GUEST		(VT_RAM_SIZE - VT_PAGE)

/* Device memory as the engine sees it, wherever the aperture is. */
static uint32_t peek(struct vt_dev *dev, uint64_t offset)
{
	uint32_t val;

	if (dma(dev, MOCK_VFIO_OP_TO_GUEST, offset, VT_RAM_IOVA + GUEST, 4) !=
	    MOCK_VFIO_DMA_OK)
		exit(1);
	memcpy(&val, dev->ram + GUEST, 4);
	return val;
}

static void poke(struct vt_dev *dev, uint64_t offset, uint32_t val)
{
	memcpy(dev->ram + GUEST, &val, 4);
	if (dma(dev, MOCK_VFIO_OP_TO_DEVICE, VT_RAM_IOVA + GUEST, offset, 4) !=
	    MOCK_VFIO_DMA_OK)
		exit(1);
}

static uint64_t digest(struct vt_dev *dev, uint64_t offset, uint32_t length)
{
	if (dma(dev, MOCK_VFIO_OP_DIGEST_DEVICE, offset, 0, length) !=
	    MOCK_VFIO_DMA_OK)
		exit(1);
	return le64toh(((struct mock_vfio_desc *)dev->ram)->result);
}

TEST_F(memory, the_bar_has_its_own_size)
{
	struct vfio_region_info info;

	vt_region(&self->a, MOCK_VFIO_BAR_MEM, &info);
	EXPECT_EQ(BAR_SIZE, info.size);
	EXPECT_EQ(MEM_SIZE, vt_read64(&self->a, MOCK_VFIO_REG_MEM_SIZE));
	EXPECT_TRUE(vt_read32(&self->a, MOCK_VFIO_REG_FEATURES) &
		    MOCK_VFIO_FEATURE_APERTURE);
	EXPECT_EQ(0, vt_read64(&self->a, APERTURE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, VT_PAGE, PROT_READ, MAP_SHARED,
				   self->a.fd, BAR_OFFSET + BAR_SIZE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * VT_PAGE, PROT_READ, MAP_SHARED,
				   self->a.fd, BAR_OFFSET + BAR_SIZE - VT_PAGE));
}

TEST_F(memory, the_bar_shows_what_the_aperture_says)
{
	static const uint64_t bases[] = {
		0, VT_PAGE, BAR_SIZE, 0xff000000, 0x100000000, 0x100001000,
		LAST_BASE - VT_PAGE, LAST_BASE,
	};
	struct vt_dev *dev = &self->a;
	uint32_t val, i;

	for (i = 0; i < 8; i++)
		poke(dev, bases[i] + 5 * VT_PAGE, i + 1);
	for (i = 0; i < 8; i++) {
		move(dev, bases[i]);
		EXPECT_EQ(bases[i], vt_read64(dev, APERTURE));
		EXPECT_EQ(i + 1, *word_at(dev, 5 * VT_PAGE));
		ASSERT_EQ(4, pread(dev->fd, &val, 4, BAR_OFFSET + 5 * VT_PAGE));
		EXPECT_EQ(i + 1, val);
		*word_at(dev, 5 * VT_PAGE) = i + 100;
		EXPECT_EQ(i + 100, peek(dev, bases[i] + 5 * VT_PAGE));
		val = i + 200;
		ASSERT_EQ(4, pwrite(dev->fd, &val, 4, BAR_OFFSET + 9 * VT_PAGE + 8));
		EXPECT_EQ(val, peek(dev, bases[i] + 9 * VT_PAGE + 8));
	}
}

TEST_F(memory, the_low_half_waits_for_the_high_half)
{
	struct vt_dev *dev = &self->a;

	move(dev, 0x380001000);
	vt_write32(dev, APERTURE, 0x2000);
	EXPECT_EQ(0x380001000, vt_read64(dev, APERTURE));
	vt_write32(dev, APERTURE + 4, 1);
	EXPECT_EQ(0x100002000, vt_read64(dev, APERTURE));
	vt_write32(dev, APERTURE + 4, 2);
	EXPECT_EQ(0x200002000, vt_read64(dev, APERTURE));
	/* An end to the wait that cannot be: nothing of it is left. */
	vt_write32(dev, APERTURE, 0x3000);
	vt_write32(dev, APERTURE + 4, 4);
	EXPECT_EQ(0x200002000, vt_read64(dev, APERTURE));
	vt_write32(dev, APERTURE + 4, 0);
	EXPECT_EQ(0x2000, vt_read64(dev, APERTURE));
	/* Between these two neither half goes with the other one's old value. */
	move(dev, LAST_BASE);
	move(dev, 0x2fffff000);
	EXPECT_EQ(0x2fffff000, vt_read64(dev, APERTURE));
}

TEST_F(memory, places_that_cannot_be_are_ignored)
{
	static const uint64_t bad[] = {
		1, 0x800, VT_PAGE - 1, LAST_BASE + 1, LAST_BASE + VT_PAGE, MEM_SIZE,
		MEM_SIZE + VT_PAGE, ~0ull, ~0ull << 12, 1ull << 63,
	};
	unsigned int i;

	move(&self->a, 7 * VT_PAGE);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		move(&self->a, bad[i]);
		EXPECT_EQ(7 * VT_PAGE, vt_read64(&self->a, APERTURE));
	}
}

TEST_F(memory, without_need_there_is_no_aperture)
{
	char bdf[32];
	struct vt_dev dev;

	open_new(&dev, 1 * MIB, 1 * MIB, bdf);
	EXPECT_FALSE(vt_read32(&dev, MOCK_VFIO_REG_FEATURES) &
		     MOCK_VFIO_FEATURE_APERTURE);
	move(&dev, VT_PAGE);
	EXPECT_EQ(0, vt_read64(&dev, APERTURE));
	vt_close(&dev);
	vt_fn_del(bdf);
}

/* Whatever moves the aperture takes mappings of the old place away. */
TEST_F(memory, mappings_follow_each_kind_of_move)
{
	struct vt_dev *dev = &self->a;
	struct vt_state state;

	move(dev, BAR_SIZE);
	*word_at(dev, 0) = 1;
	vt_save(dev, &state);
	ASSERT_EQ(0, vt_set_state(dev, RUNNING, NULL));
	EXPECT_EQ(1, *word_at(dev, 0));
	move(dev, 2 * BAR_SIZE);
	EXPECT_EQ(0, *word_at(dev, 0));
	*word_at(dev, 0) = 2;
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	EXPECT_EQ(0, vt_read64(dev, APERTURE));
	*word_at(dev, 0) = 3;
	EXPECT_EQ(3, peek(dev, 0));
	EXPECT_EQ(0, peek(dev, 2 * BAR_SIZE));
	move(dev, 2 * BAR_SIZE);
	*word_at(dev, 0) = 4;
	ASSERT_EQ(0, vt_load(dev, &state));
	EXPECT_EQ(BAR_SIZE, vt_read64(dev, APERTURE));
	EXPECT_EQ(1, *word_at(dev, 0));
	ASSERT_EQ(0, vt_reset(dev));
	vt_enable(dev, true);
	EXPECT_EQ(0, vt_read64(dev, APERTURE));
	*word_at(dev, 0) = 5;
	EXPECT_EQ(5, peek(dev, 0));
	vt_state_free(&state);
}

TEST_F(memory, the_last_byte_is_within_reach_and_no_more)
{
	struct vt_dev *dev = &self->a;
	uint8_t byte = 0x77;

	move(dev, LAST_BASE);
	ASSERT_EQ(1, pwrite(dev->fd, &byte, 1, BAR_OFFSET + BAR_SIZE - 1));
	EXPECT_EQ(0x77, dev->mem[BAR_SIZE - 1]);
	EXPECT_EQ(0x77000000, peek(dev, MEM_SIZE - 4));
	EXPECT_EQ(-1, pwrite(dev->fd, &byte, 1, BAR_OFFSET + BAR_SIZE));
	EXPECT_EQ(MOCK_VFIO_DMA_RANGE,
		  dma(dev, MOCK_VFIO_OP_TO_GUEST, MEM_SIZE - 3, VT_RAM_IOVA, 4));
	EXPECT_EQ(MOCK_VFIO_DMA_RANGE,
		  dma(dev, MOCK_VFIO_OP_TO_GUEST, MEM_SIZE, VT_RAM_IOVA, 1));
	EXPECT_EQ(0, peek(dev, (MEM_SIZE - 4) & 0xffffffff));
}

/* What the generator writes goes by the offset in memory. */
TEST_F(memory, traffic_reaches_all_of_it)
{
	struct vt_dev *dev = &self->a;

	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_MEM, 100);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS, 1);
	vt_write64(dev, MOCK_VFIO_REG_TRAFFIC_MEM, MEM_SIZE - 16);
	move(dev, LAST_BASE);
	usleep(100000);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	EXPECT_LT(0, vt_read32(dev, MOCK_VFIO_REG_TRAFFIC_SEQ));
	EXPECT_EQ(vt_read32(dev, MOCK_VFIO_REG_TRAFFIC_SEQ),
		  *word_at(dev, BAR_SIZE - 16));
}

/*
 * Who reads while no move is under way, and none was begun by the end of the
 * read, must see the place of the last move that has ended.
 */
#define PLACES		8
#define SPOTS		16

struct mover {
	struct vt_dev *dev;
	uint32_t generation;	/* odd while the aperture moves */
	uint32_t place;
	uint32_t checked;
	uint32_t wrong;
	bool stop;
};

static uint32_t mark_of(uint32_t place, uint32_t spot)
{
	return 0x5a000000 | place << 8 | spot;
}

static void *look_all_the_time(void *arg)
{
	struct mover *m = arg;
	uint32_t i, before, place, val, after;

	for (i = 0; !__atomic_load_n(&m->stop, __ATOMIC_SEQ_CST); i++) {
		before = __atomic_load_n(&m->generation, __ATOMIC_SEQ_CST);
		place = __atomic_load_n(&m->place, __ATOMIC_SEQ_CST);
		val = *word_at(m->dev, i % SPOTS * VT_PAGE);
		after = __atomic_load_n(&m->generation, __ATOMIC_SEQ_CST);
		if (before != after || before % 2)
			continue;
		m->checked++;
		if (val != mark_of(place, i % SPOTS))
			m->wrong++;
	}
	return NULL;
}

static void move_to(struct mover *m, uint32_t place)
{
	__atomic_fetch_add(&m->generation, 1, __ATOMIC_SEQ_CST);
	move(m->dev, place * BAR_SIZE * 31);
	__atomic_store_n(&m->place, place, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&m->generation, 1, __ATOMIC_SEQ_CST);
}

TEST_F_TIMEOUT(memory, nobody_sees_a_place_that_was_left, 120)
{
	struct mover m = { .dev = &self->a };
	pthread_t threads[2];
	uint32_t i, spot;

	for (i = 0; i < PLACES; i++) {
		move_to(&m, i);
		for (spot = 0; spot < SPOTS; spot++)
			*word_at(&self->a, spot * VT_PAGE) = mark_of(i, spot);
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, look_all_the_time, &m));
	for (i = 0; i < 1000; i++) {
		move_to(&m, i % PLACES);
		for (spot = 0; spot < i % 4; spot++) {
			if (*word_at(&self->a, spot * VT_PAGE) !=
			    mark_of(i % PLACES, spot))
				m.wrong++;
		}
		if (i % 16 == 0)
			usleep(500);
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_LT(100, m.checked);
	EXPECT_EQ(0, m.wrong);
}

/* KiB by a line of /proc/meminfo. */
static long meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name) + 1);
	fclose(f);
	return kib;
}

TEST_F(memory, untouched_memory_costs_nothing)
{
	const long before = meminfo("MemFree");
	struct vt_dev dev;
	char bdf[32];
	long cost;
	int i;

	open_new(&dev, MEM_SIZE, MEM_SIZE, bdf);
	for (i = 0; i < 16; i++)	/* a read of nothing makes nothing */
		ASSERT_EQ(4, pread(dev.fd, &cost, 4, BAR_OFFSET + i * (1ull << 30)));
	*word_at(&dev, 0) = 1;
	*word_at(&dev, MEM_SIZE / 2 + 12345 * 4) = 1;
	*word_at(&dev, MEM_SIZE - 4) = 1;
	cost = before - meminfo("MemFree");
	/* A pointer for each page would be 32 MiB. */
	EXPECT_GT(12 * 1024, cost);
	EXPECT_GT(4 * VT_PAGE, vt_data_size(&dev));
	EXPECT_LT(3 * VT_PAGE, vt_data_size(&dev));
	vt_close(&dev);
	vt_fn_del(bdf);
}

static const uint64_t touched[] = {
	0, 3 * VT_PAGE, 0xfffff000, 0x100000000, 0x280000000, MEM_SIZE - VT_PAGE,
};

#define TOUCHED		(sizeof(touched) / sizeof(*touched))

TEST_F(memory, a_sparse_state_is_small_and_complete)
{
	struct vt_state state;
	uint64_t size;
	uint32_t i;

	for (i = 0; i < TOUCHED; i++)
		poke(&self->a, touched[i] + 12, i + 1);
	move(&self->a, LAST_BASE - 5 * VT_PAGE);
	(void)*word_at(&self->a, 0);		/* there, but zero: not sent */
	vt_write32(&self->a, APERTURE, 0x280000000 & 0xffffffff);
	size = vt_data_size(&self->a);
	EXPECT_LT((TOUCHED + 1) * VT_PAGE, size);
	EXPECT_GT((TOUCHED + 2) * VT_PAGE, size);
	vt_save(&self->a, &state);
	EXPECT_LT(TOUCHED * VT_PAGE, state.len);
	EXPECT_GT((TOUCHED + 1) * VT_PAGE, state.len);
	ASSERT_EQ(0, vt_load(&self->b, &state));
	ASSERT_EQ(0, vt_set_state(&self->b, RUNNING, NULL));
	EXPECT_EQ(LAST_BASE - 5 * VT_PAGE, vt_read64(&self->b, APERTURE));
	vt_write32(&self->b, APERTURE + 4, 2);
	EXPECT_EQ(0x280000000, vt_read64(&self->b, APERTURE));
	EXPECT_EQ(5, *word_at(&self->b, 12));
	for (i = 0; i < TOUCHED; i++)
		EXPECT_EQ(i + 1, peek(&self->b, touched[i] + 12));
	vt_state_free(&state);
}

/* Where the destination has pages that the source has not, they become zero. */
TEST_F(memory, what_was_there_before_a_load_is_gone)
{
	struct vt_state state;

	poke(&self->a, 0, 1);
	poke(&self->a, 0x100000000, 2);
	vt_save(&self->a, &state);
	poke(&self->b, 0x100000000, 3);
	poke(&self->b, 0x200000000, 4);
	ASSERT_EQ(0, vt_load(&self->b, &state));
	ASSERT_EQ(0, vt_set_state(&self->b, RUNNING, NULL));
	EXPECT_EQ(1, peek(&self->b, 0));
	EXPECT_EQ(2, peek(&self->b, 0x100000000));
	EXPECT_EQ(0, peek(&self->b, 0x200000000));
	vt_state_free(&state);
}

TEST_F(memory, a_state_for_another_aperture_is_refused)
{
	struct vt_state state;
	struct vt_dev dev;
	char bdf[32];

	vt_save(&self->a, &state);
	open_new(&dev, MEM_SIZE, 2 * BAR_SIZE, bdf);
	EXPECT_EQ(-EXDEV, vt_load(&dev, &state));
	vt_close(&dev);
	vt_fn_del(bdf);
	vt_state_free(&state);
}

TEST_F(memory, a_state_with_a_place_that_cannot_be_is_refused)
{
	static const uint64_t bad[] = { 1, LAST_BASE + VT_PAGE, ~0ull << 12 };
	struct mock_vfio_state_record *r;
	struct mock_vfio_state_regs *regs;
	struct vt_state state;
	int i;

	vt_save(&self->a, &state);
	r = (void *)(state.data + sizeof(struct mock_vfio_state_header));
	regs = (void *)(r + 1);
	ASSERT_EQ(MOCK_VFIO_RECORD_REGS, le32toh(r->type));
	for (i = 0; i < 4; i++) {
		regs->mem_aperture = htole64(i < 3 ? bad[i] : LAST_BASE);
		r->payload_crc = htole32(vt_crc32(regs, le32toh(r->length)));
		r->crc = htole32(vt_crc32(r, offsetof(typeof(*r), crc)));
		EXPECT_EQ(i < 3 ? -EBADMSG : 0, vt_load(&self->b, &state));
		ASSERT_EQ(0, vt_reset(&self->b));
	}
	vt_state_free(&state);
}

/* Append what can be read.  Return: bytes. */
static size_t drain(int fd, struct vt_state *stream)
{
	const size_t before = stream->len;
	ssize_t n;

	while ((n = read(fd, stream->data + stream->len, 1 << 16)) > 0)
		stream->len += n;
	return stream->len - before;
}

TEST_F(memory, precopy_notes_writes_by_the_place_they_went_to)
{
	struct vt_state stream = { malloc(4 << 20), 0 };
	struct vt_dev *a = &self->a, *b = &self->b;
	int fd;

	*word_at(a, VT_PAGE) = 1;
	move(a, 2 * BAR_SIZE);
	*word_at(a, VT_PAGE) = 2;
	ASSERT_EQ(0, vt_set_state(a, PRE_COPY, &fd));
	EXPECT_LT(2 * VT_PAGE, drain(fd, &stream));
	EXPECT_EQ(0, drain(fd, &stream));
	*word_at(a, VT_PAGE) = 3;
	move(a, 0);
	EXPECT_EQ(VT_PAGE + RECORD + 8, drain(fd, &stream));
	*word_at(a, VT_PAGE) = 4;
	move(a, LAST_BASE);
	*word_at(a, VT_PAGE) = 5;
	EXPECT_EQ(2 * (VT_PAGE + RECORD + 8), drain(fd, &stream));
	*word_at(a, VT_PAGE) = 6;		/* sent, mapped, written again */
	EXPECT_EQ(VT_PAGE + RECORD + 8, drain(fd, &stream));
	move(a, 2 * BAR_SIZE);
	(void)*word_at(a, VT_PAGE);
	move(a, LAST_BASE);
	(void)*word_at(a, VT_PAGE);
	EXPECT_EQ(0, drain(fd, &stream));
	ASSERT_EQ(0, vt_set_state(a, STOP_COPY, NULL));
	drain(fd, &stream);
	close(fd);
	ASSERT_EQ(0, vt_load(b, &stream));
	ASSERT_EQ(0, vt_set_state(b, RUNNING, NULL));
	EXPECT_EQ(LAST_BASE, vt_read64(b, APERTURE));
	EXPECT_EQ(6, *word_at(b, VT_PAGE));
	EXPECT_EQ(3, peek(b, 2 * BAR_SIZE + VT_PAGE));
	EXPECT_EQ(4, peek(b, VT_PAGE));
	vt_state_free(&stream);
}

/* The aperture moves and its pages are written while they are read. */
static void *move_and_write(void *arg)
{
	struct mover *m = arg;
	uint32_t i;

	for (i = 1; !__atomic_load_n(&m->stop, __ATOMIC_SEQ_CST); i++) {
		move(m->dev, i % 3 * BAR_SIZE);
		*word_at(m->dev, i % 7 * VT_PAGE) = i;
		(void)*word_at(m->dev, i % 5 * VT_PAGE);
		*word_at(m->dev, i % 5 * VT_PAGE + 8) = i;
	}
	return NULL;
}

TEST_F_TIMEOUT(memory, no_write_slips_by_while_the_aperture_moves, 120)
{
	struct vt_state stream = { malloc(40 << 20), 0 };
	struct mover m = { .dev = &self->a };
	pthread_t thread;
	uint64_t place;
	int fd, reads;
	ssize_t n;

	ASSERT_EQ(0, vt_set_state(&self->a, PRE_COPY, &fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, move_and_write, &m));
	for (reads = 0; reads < 300; reads += n > 0) {
		n = read(fd, stream.data + stream.len, 1 << 16);
		stream.len += n > 0 ? n : 0;
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, NULL));
	drain(fd, &stream);
	close(fd);
	ASSERT_EQ(0, vt_load(&self->b, &stream));
	ASSERT_EQ(0, vt_set_state(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, vt_set_state(&self->b, RUNNING, NULL));
	for (place = 0; place < 3 * BAR_SIZE; place += BAR_SIZE)
		EXPECT_EQ(digest(&self->a, place, 8 * VT_PAGE),
			  digest(&self->b, place, 8 * VT_PAGE));
	vt_state_free(&stream);
}

/* Something in each page from here on, another thing every 64 KiB. */
static void fill(struct vt_dev *dev, uint64_t base, uint64_t bytes)
{
	struct mock_vfio_desc *desc;
	uint64_t at;

	vt_ring_start(dev, 4);
	for (at = base; at < base + bytes; at += 64 << 10) {
		desc = vt_desc(dev, vt_read32(dev, MOCK_VFIO_REG_DMA_TAIL) % 4);
		desc->op = htole32(MOCK_VFIO_OP_FILL_DEVICE);
		desc->length = htole32(64 << 10);
		desc->dst = htole64(at);
		desc->pattern = htole64(at * 0x9e3779b97f4a7c15ull | 1);
		if (vt_submit(dev, 1) != MOCK_VFIO_DMA_OK)
			exit(1);
	}
}

/* From one device to the other without the whole state in between. */
static int copy_stream(int from, int to, uint64_t *bytes)
{
	static uint8_t data[1 << 18];
	ssize_t n;
	int ret = 0;

	*bytes = 0;
	while (!ret && (n = read(from, data, sizeof(data))) > 0) {
		ret = vt_write_all(to, data, n, sizeof(data));
		*bytes += n;
	}
	return ret ? ret : n < 0 ? -errno : 0;
}

TEST_F_TIMEOUT(memory, saving_needs_no_memory_for_the_whole_state, 120)
{
	const uint64_t bytes = 96 * MIB, base = MEM_SIZE - bytes;
	uint64_t streamed, at;
	int from, to;
	long before;

	fill(&self->a, base, bytes);
	move(&self->a, LAST_BASE);
	EXPECT_LT(bytes, vt_data_size(&self->a));
	ASSERT_EQ(0, vt_set_state(&self->a, STOP, NULL));
	before = meminfo("MemFree");
	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, &from));
	ASSERT_EQ(1, read(from, &at, 1));
	EXPECT_GT(24 * 1024, before - meminfo("MemFree"));
	close(from);
	ASSERT_EQ(0, vt_set_state(&self->a, STOP, NULL));

	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, &from));
	ASSERT_EQ(0, vt_set_state(&self->b, RESUMING, &to));
	ASSERT_EQ(0, copy_stream(from, to, &streamed));
	EXPECT_LT(bytes, streamed);
	EXPECT_GT(bytes + bytes / 32, streamed);
	EXPECT_GT(bytes / 1024 + 48 * 1024, before - meminfo("MemFree"));
	ASSERT_EQ(0, vt_set_state(&self->b, STOP, NULL));
	EXPECT_GT(bytes / 1024 + 48 * 1024, before - meminfo("MemFree"));
	close(from);
	close(to);
	ASSERT_EQ(0, vt_set_state(&self->a, RUNNING, NULL));
	ASSERT_EQ(0, vt_set_state(&self->b, RUNNING, NULL));
	EXPECT_EQ(LAST_BASE, vt_read64(&self->b, APERTURE));
	for (at = base; at < MEM_SIZE; at += BAR_SIZE)
		EXPECT_EQ(digest(&self->a, at, BAR_SIZE),
			  digest(&self->b, at, BAR_SIZE));
}

/* More than one piece, so that something is still to be made. */
TEST_F(memory, a_half_read_state_ends_with_its_session)
{
	int how, fd;
	char byte;

	fill(&self->a, 0, BAR_SIZE);
	for (how = 0; how < 2; how++) {
		ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, &fd));
		ASSERT_EQ(1, read(fd, &byte, 1));
		ASSERT_EQ(0, how ? vt_reset(&self->a) :
			  vt_set_state(&self->a, STOP, NULL));
		EXPECT_EQ(-1, read(fd, &byte, 1));
		EXPECT_EQ(ENODEV, errno);
		close(fd);
	}
	EXPECT_EQ(RUNNING, vt_get_state(&self->a));
}

struct reader {
	int fd;
	struct vt_state stream;
	int err;
};

static void *read_it(void *arg)
{
	struct reader *r = arg;

	r->err = vt_read_all(r->fd, &r->stream);
	return NULL;
}

/* A stream that is cut short fails; one that has come to its end is whole. */
TEST_F(memory, a_session_that_ends_under_its_reader_delivers_no_less_than_all)
{
	struct mock_vfio_state_record *last;
	struct reader r;
	pthread_t thread;
	int i, whole = 0;

	for (i = 0; i < 30; i++) {
		fill(&self->a, 0, 3 * MIB);
		ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, &r.fd));
		ASSERT_EQ(0, pthread_create(&thread, NULL, read_it, &r));
		usleep(i * 8000);
		ASSERT_EQ(0, i % 2 ? vt_reset(&self->a) :
			  vt_set_state(&self->a, STOP, NULL));
		pthread_join(thread, NULL);
		last = (void *)(r.stream.data + r.stream.len - RECORD -
				sizeof(struct mock_vfio_state_end));
		if (r.err) {
			EXPECT_EQ(-ENODEV, r.err);
		} else {
			EXPECT_LT(3 * MIB, r.stream.len);
			EXPECT_EQ(MOCK_VFIO_RECORD_END, le32toh(last->type));
			whole++;
		}
		vt_state_free(&r.stream);
		close(r.fd);
		ASSERT_EQ(0, vt_set_state(&self->a, RUNNING, NULL));
		vt_enable(&self->a, true);
	}
	TH_LOG("%d of %d whole", whole, i);
}

/* A user that writes to a stopped device has no right to, but loses nothing. */
TEST_F(memory, what_is_written_while_the_state_is_read_is_in_it)
{
	struct vt_state state = { malloc(64 << 20), 0 };
	ssize_t n;
	int fd;

	fill(&self->a, 0, BAR_SIZE);
	ASSERT_EQ(0, vt_set_state(&self->a, STOP_COPY, &fd));
	n = read(fd, state.data, 3 << 20);
	ASSERT_LT(0, n);
	state.len = n;
	*word_at(&self->a, 64) = 0x1234567;
	drain(fd, &state);
	close(fd);
	ASSERT_EQ(0, vt_load(&self->b, &state));
	EXPECT_EQ(0x1234567, *word_at(&self->b, 64));
	vt_state_free(&state);
}

TEST_HARNESS_MAIN
