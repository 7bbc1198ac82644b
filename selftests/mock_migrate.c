// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One function's state in another: everything that a guest can see is equal,
 * and what was going on goes on, with nothing lost, repeated or out of order.
 */
#include <endian.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P

FIXTURE(migrate) {
	struct vt_dev a, b;
	struct vt_state state;
};

/* Both see the same guest memory, as in a migration with shared memory. */
FIXTURE_SETUP(migrate)
{
	vt_open(&self->a, 0, VT_LEGACY);
	vt_open(&self->b, 1, VT_LEGACY);
	ASSERT_EQ(0, vt_unmap(&self->b, VT_RAM_IOVA, VT_RAM_SIZE));
	ASSERT_EQ(0, vt_map(&self->b, self->a.ram, VT_RAM_IOVA, VT_RAM_SIZE, true));
}

FIXTURE_TEARDOWN(migrate)
{
	vt_state_free(&self->state);
	vt_close(&self->b);
	vt_close(&self->a);
}

/* All registers but STATUS, whose RUNNING bit differs by design. */
static bool same_registers(struct vt_dev *a, struct vt_dev *b)
{
	uint32_t reg;

	for (reg = 0; reg < MOCK_VFIO_REGS_SIZE; reg += 4) {
		if (vt_read32(a, reg) == vt_read32(b, reg))
			continue;
		printf("# register 0x%x: 0x%x and 0x%x\n", reg,
		       vt_read32(a, reg), vt_read32(b, reg));
		return false;
	}
	return true;
}

static bool same_device(struct vt_dev *a, struct vt_dev *b)
{
	return same_registers(a, b) && a->mem_size == b->mem_size &&
	       !memcmp(a->mem, b->mem, a->mem_size);
}

TEST_F(migrate, a_fresh_device_equals_a_fresh_device)
{
	vt_save(&self->a, &self->state);
	EXPECT_GT(4096, self->state.len);
	ASSERT_EQ(0, vt_load(&self->b, &self->state));
	EXPECT_TRUE(same_device(&self->a, &self->b));
}

TEST_F(migrate, all_that_a_guest_can_see_is_equal)
{
	struct vt_state again;
	uint32_t reg;

	vt_pattern(&self->a, 11);
	for (reg = 0x80; reg < 0x130; reg += 4)
		vt_write32(&self->a, reg, 0x40 + reg);
	vt_write32(&self->a, MOCK_VFIO_REG_DMA_SIZE, 64);
	vt_write32(&self->a, MOCK_VFIO_REG_TRAFFIC_CONTROL, 0);
	vt_write32(&self->a, MOCK_VFIO_REG_IRQ_ENABLE, MOCK_VFIO_IRQ_DMA);
	vt_write32(&self->a, MOCK_VFIO_REG_IRQ_TRIGGER, 1);
	vt_save(&self->a, &self->state);
	ASSERT_EQ(0, vt_load(&self->b, &self->state));
	EXPECT_TRUE(same_device(&self->a, &self->b));
	vt_save(&self->b, &again);
	EXPECT_EQ(self->state.len, again.len);
	EXPECT_EQ(0, memcmp(self->state.data, again.data, again.len));
	vt_state_free(&again);
}

TEST_F(migrate, old_contents_of_the_destination_are_gone)
{
	vt_pattern(&self->b, 5);
	vt_pattern(&self->a, 7);
	vt_save(&self->a, &self->state);
	ASSERT_EQ(0, vt_load(&self->b, &self->state));
	EXPECT_TRUE(same_device(&self->a, &self->b));
}

/* The descriptors that the source had not come to are run by the destination. */
TEST_F(migrate, pending_descriptors_are_run_once)
{
	struct vt_dev *a = &self->a, *b = &self->b;
	struct mock_vfio_desc *desc;
	uint32_t i;

	vt_ring_start(a, 64);
	for (i = 0; i < 32; i++) {
		desc = vt_desc(a, i);
		desc->op = htole32(MOCK_VFIO_OP_FILL_DEVICE);
		desc->length = htole32(64);
		desc->dst = htole64(i * 64);
		desc->pattern = htole64(i + 1);
	}
	vt_submit(a, 10);
	ASSERT_EQ(0, vt_set_state(a, STOP, NULL));
	vt_write32(a, MOCK_VFIO_REG_DMA_TAIL, 32);
	vt_save(a, &self->state);
	ASSERT_EQ(0, vt_load(b, &self->state));
	EXPECT_EQ(10, vt_read32(b, MOCK_VFIO_REG_DMA_HEAD));
	ASSERT_EQ(0, vt_set_state(b, RUNNING, NULL));
	vt_submit(b, 0);
	desc = (struct mock_vfio_desc *)a->ram + 31;
	EXPECT_EQ(MOCK_VFIO_DMA_OK, le32toh(desc->status));
	EXPECT_EQ(32, vt_read64(b, MOCK_VFIO_REG_DMA_DONE));
	for (i = 0; i < 32; i++)
		EXPECT_EQ(i + 1, le64toh(*(uint64_t *)(b->mem + i * 64)));
}

/* Raised at the source, not delivered there: delivered once at the destination. */
TEST_F(migrate, a_pending_interrupt_arrives_at_the_destination)
{
	int a = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int b = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ASSERT_EQ(0, vt_irq_eventfds(&self->a, VFIO_PCI_MSIX_IRQ_INDEX, 1, &a));
	ASSERT_EQ(0, vt_set_state(&self->a, STOP, NULL));
	vt_write32(&self->a, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	vt_save(&self->a, &self->state);
	EXPECT_EQ(0, vt_event_count(a, 20));

	ASSERT_EQ(0, vt_load(&self->b, &self->state));
	ASSERT_EQ(0, vt_irq_eventfds(&self->b, VFIO_PCI_MSIX_IRQ_INDEX, 1, &b));
	EXPECT_EQ(0, vt_event_count(b, 20));
	ASSERT_EQ(0, vt_set_state(&self->b, RUNNING, NULL));
	EXPECT_EQ(1, vt_event_count(b, 5000));
	EXPECT_EQ(0, vt_event_count(b, 20));
	close(a);
	close(b);
}

static bool slots_end_with(const uint8_t *base, uint64_t seq)
{
	const struct mock_vfio_slot *slot;
	uint64_t s;

	for (s = seq; s && s > seq - 64; s--) {
		slot = (void *)(base + (s - 1) % 64 * 64);
		if (le64toh(slot->seq) != s || le64toh(slot->check) != ~s)
			return false;
	}
	return true;
}

/* There and back again under traffic, counting every interrupt. */
TEST_F(migrate, traffic_goes_on_without_a_gap)
{
	struct vt_dev *from = &self->a, *to = &self->b, *tmp;
	uint64_t events = 0, seq = 0;
	int fds[2], round, n;

	fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, vt_irq_eventfds(from, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fds[0]));
	vt_traffic_start(from, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM |
			 MOCK_VFIO_TRAFFIC_IRQ, 200);
	for (round = 0; round < 10; round++) {
		uint64_t want = seq + 100;

		while (events < want)
			events += vt_event_count(fds[round & 1], 5000);
		ASSERT_EQ(0, vt_set_state(from, RUNNING_P2P, NULL));
		vt_save(from, &self->state);
		while ((n = vt_event_count(fds[round & 1], 20)) > 0)
			events += n;
		ASSERT_EQ(0, vt_load(to, &self->state));
		vt_state_free(&self->state);
		ASSERT_TRUE(same_device(from, to));
		seq = vt_read64(to, MOCK_VFIO_REG_TRAFFIC_SEQ);
		ASSERT_EQ(seq, events);
		ASSERT_TRUE(slots_end_with(self->a.ram + (1 << 20), seq));
		ASSERT_TRUE(slots_end_with(to->mem + to->mem_size / 4 * 3, seq));
		ASSERT_EQ(0, vt_irq_eventfds(to, VFIO_PCI_MSIX_IRQ_INDEX, 1,
					     &fds[!(round & 1)]));
		ASSERT_EQ(0, vt_set_state(to, RUNNING_P2P, NULL));
		ASSERT_EQ(0, vt_set_state(to, RUNNING, NULL));
		tmp = from;
		from = to;
		to = tmp;
	}
	EXPECT_LE(1000, seq);
	close(fds[0]);
	close(fds[1]);
}

TEST_HARNESS_MAIN
