// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The traffic generator: rates and working sets as asked for, and numbers by
 * which a checker tells an effect that is lost, repeated or out of order.
 */
#include <endian.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define ALL	(MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM | \
		 MOCK_VFIO_TRAFFIC_IRQ)
#define SLOTS	64u
#define STRIDE	64u
#define VECTORS	16

FIXTURE(traffic) {
	struct vt_dev dev;
	int fds[VECTORS];
};

FIXTURE_SETUP(traffic)
{
	int i;

	vt_open(&self->dev, 0, VT_LEGACY);
	for (i = 0; i < VECTORS; i++)
		self->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, vt_irq_eventfds(&self->dev, VFIO_PCI_MSIX_IRQ_INDEX, VECTORS,
				     self->fds));
}

FIXTURE_TEARDOWN(traffic)
{
	int i;

	for (i = 0; i < VECTORS; i++)
		close(self->fds[i]);
	vt_close(&self->dev);
}

/*
 * The window holds the last writes up to tick @seq, one each @every ticks, each
 * in its slot.  Return: the number of the first slot with another tick, or -1.
 */
static int check_window(const void *base, uint64_t seq, uint32_t every)
{
	uint64_t nr = seq / every;
	const uint64_t oldest = nr > SLOTS ? nr - SLOTS : 0;
	const struct mock_vfio_slot *slot;
	uint32_t at;

	for (; nr > oldest; nr--) {
		at = (nr - 1) % SLOTS;
		slot = base + at * STRIDE;
		if (le64toh(slot->seq) != nr * every ||
		    le64toh(slot->check) != ~(nr * every))
			return at;
	}
	return -1;
}

static const uint8_t *guest_window(struct vt_dev *dev)
{
	return dev->ram + (1 << 20);
}

static const uint8_t *device_window(struct vt_dev *dev)
{
	return dev->mem + dev->mem_size / 4 * 3;
}

/* Until a number of ticks has been, and then no more.  Return: how many. */
static uint64_t run(struct vt_dev *dev, uint32_t control, uint64_t ticks)
{
	vt_traffic_start(dev, control, 100);
	while (vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ) < ticks)
		usleep(1000);
	vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
	return vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
}

static void set_rates(struct vt_dev *dev, uint32_t dma, uint32_t mem, uint32_t irq)
{
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_DMA_EVERY, dma);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_MEM_EVERY, mem);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_IRQ_EVERY, irq);
}

static uint64_t events(int fd)
{
	uint64_t n = 0, more;

	while ((more = vt_event_count(fd, 20)) > 0)
		n += more;
	return n;
}

TEST_F(traffic, each_effect_has_its_own_rate)
{
	struct vt_dev *dev = &self->dev;
	uint64_t seq, bytes;

	set_rates(dev, 3, 5, 7);
	seq = run(dev, ALL, 600);
	EXPECT_EQ(-1, check_window(guest_window(dev), seq, 3));
	EXPECT_EQ(-1, check_window(device_window(dev), seq, 5));
	EXPECT_EQ(seq / 7, events(self->fds[0]));
	bytes = vt_read64(dev, MOCK_VFIO_REG_DMA_BYTES);
	EXPECT_EQ(seq / 3 * sizeof(struct mock_vfio_slot), bytes);
}

TEST_F(traffic, nought_and_one_are_each_tick)
{
	struct vt_dev *dev = &self->dev;
	uint64_t seq;
	uint32_t every;

	for (every = 0; every < 2; every++) {
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
		set_rates(dev, every, every, every);
		seq = run(dev, ALL, 200);
		EXPECT_EQ(-1, check_window(guest_window(dev), seq, 1));
		EXPECT_EQ(-1, check_window(device_window(dev), seq, 1));
		EXPECT_EQ(seq, events(self->fds[0]));
	}
}

/* As many slots as ticks between writes: each slot has its turn all the same. */
TEST_F(traffic, the_working_set_does_not_depend_on_the_rate)
{
	struct vt_dev *dev = &self->dev;
	uint64_t seq;

	set_rates(dev, SLOTS, 1, SLOTS);
	seq = run(dev, MOCK_VFIO_TRAFFIC_DMA, SLOTS * 5);
	EXPECT_EQ(-1, check_window(guest_window(dev), seq, SLOTS));
	EXPECT_EQ(0, *(uint64_t *)(guest_window(dev) + seq / SLOTS * STRIDE));
}

TEST_F(traffic, vectors_take_turns)
{
	struct vt_dev *dev = &self->dev;
	uint64_t seq, nr;
	unsigned int v;

	set_rates(dev, 1, 1, 3);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_VECTOR, 4);
	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_VECTORS, 5);
	seq = run(dev, MOCK_VFIO_TRAFFIC_IRQ, 300);
	nr = seq / 3;
	for (v = 0; v < VECTORS; v++)
		EXPECT_EQ(v < 4 || v > 8 ? 0 : nr / 5 + (v - 4 < nr % 5),
			  events(self->fds[v])) TH_LOG("vector %u", v);
}

/* A few at a time: of each vector there are as many as have had their turn. */
TEST_F(traffic, interrupts_come_in_order)
{
	struct vt_dev *dev = &self->dev;
	unsigned int round, v;
	uint64_t nr = 0, seq, n;

	vt_write32(dev, MOCK_VFIO_REG_TRAFFIC_VECTORS, 3);
	vt_traffic_start(dev, MOCK_VFIO_TRAFFIC_IRQ, 5000);
	for (round = 0; round < 30; round++) {
		n = vt_event_count(self->fds[nr % 3], 5000);
		ASSERT_LT(0, n);
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, 0);
		seq = vt_read64(dev, MOCK_VFIO_REG_TRAFFIC_SEQ);
		n += events(self->fds[nr % 3]);
		EXPECT_EQ((seq - nr + 2) / 3, n);
		for (v = 1; v < 3; v++)
			EXPECT_EQ((seq - nr + 2 - v) / 3,
				  events(self->fds[(nr + v) % 3]));
		nr = seq;
		vt_write32(dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE);
	}
}

TEST_F(traffic, the_checker_tells_lost_repeated_reordered_and_torn)
{
	struct vt_dev *dev = &self->dev;
	struct mock_vfio_slot *window, kept, *slot;
	uint64_t seq;

	set_rates(dev, 4, 1, 1);
	seq = run(dev, MOCK_VFIO_TRAFFIC_DMA, 4 * SLOTS + 20);
	window = (void *)guest_window(dev);
	ASSERT_EQ(-1, check_window(window, seq, 4));
	slot = (void *)window + 7 * STRIDE;
	kept = *slot;
	slot->seq = htole64(le64toh(kept.seq) - 4 * SLOTS);	/* lost */
	slot->check = ~slot->seq;
	EXPECT_EQ(7, check_window(window, seq, 4));
	*slot = *(struct mock_vfio_slot *)((void *)slot - STRIDE);	/* repeated */
	EXPECT_EQ(7, check_window(window, seq, 4));
	*slot = kept;
	slot->check ^= 1;					/* torn */
	EXPECT_EQ(7, check_window(window, seq, 4));
	*slot = kept;
	EXPECT_EQ(-1, check_window(window, seq, 4));
	EXPECT_NE(-1, check_window(window, seq + 4, 4));	/* not there yet */
	EXPECT_NE(-1, check_window(window, seq, 1));
}

/* Rates, vectors and where it was in their turns go with the state. */
TEST_F(traffic, goes_on_where_it_was_after_a_migration)
{
	static const uint32_t regs[] = {
		MOCK_VFIO_REG_TRAFFIC_DMA_EVERY, MOCK_VFIO_REG_TRAFFIC_MEM_EVERY,
		MOCK_VFIO_REG_TRAFFIC_IRQ_EVERY, MOCK_VFIO_REG_TRAFFIC_VECTORS,
	};
	struct vt_state state;
	struct vt_dev b;
	uint64_t seq, n = 0;
	unsigned int i;

	set_rates(&self->dev, 2, 3, 5);
	vt_write32(&self->dev, MOCK_VFIO_REG_TRAFFIC_VECTORS, VECTORS);
	run(&self->dev, ALL, 100);
	for (i = 0; i < VECTORS; i++)
		n += events(self->fds[i]);
	vt_save(&self->dev, &state);
	vt_open(&b, 1, VT_LEGACY);
	ASSERT_EQ(0, vt_irq_eventfds(&b, VFIO_PCI_MSIX_IRQ_INDEX, VECTORS,
				     self->fds));
	memcpy(b.ram, self->dev.ram, VT_RAM_SIZE);
	ASSERT_EQ(0, vt_load(&b, &state));
	ASSERT_EQ(0, vt_set_state(&b, VFIO_DEVICE_STATE_RUNNING, NULL));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(vt_read32(&self->dev, regs[i]), vt_read32(&b, regs[i]));
	seq = run(&b, ALL, 150);
	EXPECT_EQ(-1, check_window(guest_window(&b), seq, 2));
	EXPECT_EQ(-1, check_window(device_window(&b), seq, 3));
	for (i = 0; i < VECTORS; i++)
		n += events(self->fds[i]);
	EXPECT_EQ(seq / 5, n);
	vt_write32(&b, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, vt_read32(&b, regs[i]));
	vt_close(&b);
	vt_state_free(&state);
}

TEST_HARNESS_MAIN
