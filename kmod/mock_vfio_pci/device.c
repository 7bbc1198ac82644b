// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the device model: when it runs, and what a reset does.
 *
 * Everything that the device does by itself is a step of its work, done whole
 * under the device's lock.  So whoever lowers the level under that lock knows
 * that nothing is going on once the lock is free again.
 */
#include "mock.h"

static bool mock_dev_may_run(struct mock_fn *fn)
{
	return fn->dev.level == MOCK_RUNNING &&
	       (fn->dev.regs.control & MOCK_VFIO_CONTROL_ENABLE) &&
	       mock_cfg_can_dma(fn);
}

/* Return: true if there is more to do right now. */
static bool mock_dev_step(struct mock_fn *fn)
{
	if (!mock_dev_may_run(fn))
		return false;
	if (mock_traffic_active(fn)) {
		if (atomic_xchg(&fn->dev.ticks, 0))
			mock_traffic_tick(fn);
		mock_traffic_arm(fn);
	}
	if (mock_dma_pending(fn))
		mock_dma_run_one(fn);
	return mock_dma_pending(fn);
}

static void mock_dev_work(struct work_struct *work)
{
	struct mock_fn *fn = container_of(work, struct mock_fn, dev.work);
	bool more;

	do {
		mutex_lock(&fn->dev.lock);
		more = mock_dev_step(fn);
		mutex_unlock(&fn->dev.lock);
		cond_resched();
	} while (more);
}

/**
 * mock_dev_kick - something has changed that may set the device to work
 * @fn: the function
 *
 * Context: any.
 */
void mock_dev_kick(struct mock_fn *fn)
{
	if (READ_ONCE(fn->dev.regs.control) & MOCK_VFIO_CONTROL_ENABLE)
		queue_work(mock_wq, &fn->dev.work);
}

/**
 * mock_dev_update_intx - drive the pin by causes and enables
 * @fn: the function, its device lock held
 */
void mock_dev_update_intx(struct mock_fn *fn)
{
	mock_irq_set_level(fn, fn->dev.regs.irq_status & fn->dev.regs.irq_enable);
}

/**
 * mock_dev_cause - note a cause of an interrupt
 * @fn: the function, its device lock held
 * @cause: MOCK_VFIO_IRQ_*
 */
void mock_dev_cause(struct mock_fn *fn, u32 cause)
{
	fn->dev.regs.irq_status |= cause;
	mock_dev_update_intx(fn);
}

/**
 * mock_dev_set_level - let the device run, or stop it
 * @fn: the function
 * @level: how much of it may run
 *
 * When this returns, what must not run any more has ended.
 *
 * Context: may sleep.
 */
void mock_dev_set_level(struct mock_fn *fn, enum mock_level level)
{
	mutex_lock(&fn->dev.lock);
	WRITE_ONCE(fn->dev.level, level);
	mock_irq_gate(fn, level == MOCK_STOPPED);
	mutex_unlock(&fn->dev.lock);
	if (level == MOCK_STOPPED)
		mock_peer_sync();
	mock_dev_kick(fn);
}

/**
 * mock_dev_reset_locked - registers and memory are zero again
 * @fn: the function, its device lock held
 *
 * The level is not the device's own and stays.
 */
void mock_dev_reset_locked(struct mock_fn *fn)
{
	memset(&fn->dev.regs, 0, sizeof(fn->dev.regs));
	mock_mem_clear(&fn->dev.mem, NULL);
	mock_aperture_move(&fn->dev.mem, 0);
	bitmap_zero(mock_irq_pending(fn), fn->irq.vectors);
	atomic_set(&fn->dev.ticks, 0);
	mock_dev_update_intx(fn);
}

/**
 * mock_dev_reset - a reset has reached the device
 * @fn: the function
 *
 * Context: may sleep.
 */
void mock_dev_reset(struct mock_fn *fn)
{
	mutex_lock(&fn->dev.lock);
	fn->dev.resets++;
	mock_dev_reset_locked(fn);
	mutex_unlock(&fn->dev.lock);
}

/**
 * mock_dev_init - the device model of a new function
 * @fn: the function, its properties set
 *
 * Return: 0.
 */
int mock_dev_init(struct mock_fn *fn)
{
	mutex_init(&fn->dev.lock);
	mock_mem_init(&fn->dev.mem, fn->conf.mem_size);
	mock_aperture_init(&fn->dev.mem, fn->conf.bar_size);
	mock_traffic_init(fn);
	INIT_WORK(&fn->dev.work, mock_dev_work);
	fn->dev.level = MOCK_RUNNING;
	return 0;
}

/**
 * mock_dev_exit - opposite of mock_dev_init()
 * @fn: the function, which nobody uses any more
 */
void mock_dev_exit(struct mock_fn *fn)
{
	mock_dev_reset(fn);
	mock_traffic_exit(fn);
	cancel_work_sync(&fn->dev.work);
	mock_mem_destroy(&fn->dev.mem);
	mutex_destroy(&fn->dev.lock);
}
