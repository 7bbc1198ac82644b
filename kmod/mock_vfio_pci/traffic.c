// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the traffic generator.
 *
 * Every tick has a number, and whatever a tick does carries it, so that an
 * effect that is lost, repeated or out of order shows; in an interrupt it is the
 * vector, for vectors that take turns.  The clock is armed
 * anew after each tick: one that is late delays the next, none is dropped.
 */
#include "../compat.h"
#include "mock.h"

static enum hrtimer_restart mock_traffic_timer(struct hrtimer *timer)
{
	struct mock_fn *fn = container_of(timer, struct mock_fn, dev.tick);

	atomic_set(&fn->dev.ticks, 1);
	queue_work(mock_wq, &fn->dev.work);
	return HRTIMER_NORESTART;
}

/**
 * mock_traffic_init - the clock of a new function
 * @fn: the function
 */
void mock_traffic_init(struct mock_fn *fn)
{
	compat_hrtimer_setup(&fn->dev.tick, mock_traffic_timer, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL);
}

/**
 * mock_traffic_exit - stop the clock for good
 * @fn: the function, reset
 */
void mock_traffic_exit(struct mock_fn *fn)
{
	hrtimer_cancel(&fn->dev.tick);
}

/**
 * mock_traffic_active - has a driver asked for traffic?
 * @fn: the function
 */
bool mock_traffic_active(const struct mock_fn *fn)
{
	return fn->dev.regs.traffic_control & MOCK_VFIO_TRAFFIC_ENABLE;
}

/**
 * mock_traffic_arm - see to it that a tick comes
 * @fn: the function, its device lock held
 */
void mock_traffic_arm(struct mock_fn *fn)
{
	const u64 ns = NSEC_PER_USEC * (u64)max(fn->dev.regs.traffic_period,
						MOCK_VFIO_TRAFFIC_PERIOD_MIN);

	/* Not hrtimer_active(): the callback may still run that has woken us. */
	if (!hrtimer_is_queued(&fn->dev.tick) && !atomic_read(&fn->dev.ticks))
		hrtimer_start(&fn->dev.tick, ns_to_ktime(ns),
			      HRTIMER_MODE_REL);
}

static bool mock_traffic_due(const struct mock_regs *regs, u32 flag, u32 every)
{
	u32 rest;

	if (!(regs->traffic_control & flag))
		return false;
	div_u64_rem(regs->traffic_seq, max(every, 1U), &rest);
	return !rest;
}

/* Which of a number of places is next, if every so manieth tick takes one. */
static u32 mock_traffic_turn(const struct mock_regs *regs, u32 every, u32 places)
{
	u32 place;

	div_u64_rem(div_u64(regs->traffic_seq, max(every, 1U)) - 1, places, &place);
	return place;
}

static void mock_traffic_dma(struct mock_fn *fn, struct mock_vfio_slot *slot)
{
	const struct mock_regs *regs = &fn->dev.regs;
	const u64 turn = mock_traffic_turn(regs, regs->traffic_dma_every,
					   regs->traffic_slots);

	mock_dma_access(fn, regs->traffic_iova + turn * regs->traffic_stride,
			slot, sizeof(*slot), true);
}

static void mock_traffic_mem(struct mock_fn *fn, struct mock_vfio_slot *slot)
{
	const struct mock_regs *regs = &fn->dev.regs;
	const u64 turn = mock_traffic_turn(regs, regs->traffic_mem_every,
					   regs->traffic_mem_slots);
	const u64 offset = regs->traffic_mem + turn * regs->traffic_stride;

	if (mock_mem_has(&fn->dev.mem, offset, sizeof(*slot)))
		mock_mem_write(&fn->dev.mem, offset, slot, sizeof(*slot));
}

static void mock_traffic_irq(struct mock_fn *fn)
{
	const struct mock_regs *regs = &fn->dev.regs;
	const u32 turn = mock_traffic_turn(regs, regs->traffic_irq_every,
					   max(regs->traffic_vectors, 1U));

	mock_dev_cause(fn, MOCK_VFIO_IRQ_TRAFFIC);
	mock_irq_raise(fn, regs->traffic_vector + turn);
}

/**
 * mock_traffic_tick - one tick
 * @fn: the function, its device lock held
 */
void mock_traffic_tick(struct mock_fn *fn)
{
	struct mock_regs *regs = &fn->dev.regs;
	struct mock_vfio_slot slot;

	regs->traffic_seq++;
	slot.seq = cpu_to_le64(regs->traffic_seq);
	slot.check = ~slot.seq;

	if (mock_traffic_due(regs, MOCK_VFIO_TRAFFIC_DMA, regs->traffic_dma_every) &&
	    regs->traffic_slots)
		mock_traffic_dma(fn, &slot);
	if (mock_traffic_due(regs, MOCK_VFIO_TRAFFIC_MEM, regs->traffic_mem_every) &&
	    regs->traffic_mem_slots)
		mock_traffic_mem(fn, &slot);
	if (mock_traffic_due(regs, MOCK_VFIO_TRAFFIC_IRQ, regs->traffic_irq_every))
		mock_traffic_irq(fn);
}
