// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: the control and status regions; what the hardware was asked
 * for, and whether that shall fail.
 */
#include <linux/cleanup.h>
#include <linux/uaccess.h>

#include "test.h"

/**
 * mig_test_control_init - what a device is before anybody has said anything
 * @t: the device
 */
void mig_test_control_init(struct mig_test *t)
{
	mutex_init(&t->lock);
	t->control = (struct vfio_mig_test_control) {
		.seed = 1, .size = 4096, .data_size = 4096,
		.load_max = 2 * VFIO_MIG_TEST_SIZE_MAX, .piece = 65536,
	};
}

/**
 * mig_test_control_read - a user reads the control region
 * @t: the device
 * @buf: where to
 * @len: all of it
 *
 * Return: @len, or an error.
 */
ssize_t mig_test_control_read(struct mig_test *t, char __user *buf, size_t len)
{
	struct vfio_mig_test_control control;

	if (len != sizeof(control))
		return -EINVAL;
	scoped_guard(mutex, &t->lock)
		control = t->control;
	return copy_to_user(buf, &control, len) ? -EFAULT : len;
}

static bool mig_test_control_valid(const struct vfio_mig_test_control *c)
{
	return c->size <= VFIO_MIG_TEST_SIZE_MAX && c->size % 8 == 0 &&
	       c->initial % 8 == 0 && c->dirty % 8 == 0 &&
	       c->initial <= VFIO_MIG_TEST_SIZE_MAX &&
	       c->dirty <= VFIO_MIG_TEST_SIZE_MAX &&
	       c->piece >= 8 && c->piece % 8 == 0 &&
	       c->fail_errno <= MAX_ERRNO && c->end_errno <= MAX_ERRNO &&
	       c->buffer <= VFIO_MIG_TEST_FLAT && !c->reserved;
}

/**
 * mig_test_control_write - a user writes the control region
 * @t: the device
 * @buf: where from
 * @len: all of it
 *
 * Return: @len, or an error.
 */
ssize_t mig_test_control_write(struct mig_test *t, const char __user *buf,
			       size_t len)
{
	struct vfio_mig_test_control control;

	if (len != sizeof(control))
		return -EINVAL;
	if (copy_from_user(&control, buf, len))
		return -EFAULT;
	if (!mig_test_control_valid(&control))
		return -EINVAL;
	scoped_guard(mutex, &t->lock) {
		t->control = control;
		t->status.failed = 0;
		t->status.calls = 0;
		t->matched = 0;
	}
	t->kind->changed(t);
	return len;
}

/**
 * mig_test_status_read - a user reads the status region
 * @t: the device
 * @buf: where to
 * @len: all of it
 *
 * Return: @len, or an error.
 */
ssize_t mig_test_status_read(struct mig_test *t, char __user *buf, size_t len)
{
	if (len != sizeof(t->status))
		return -EINVAL;
	struct vfio_mig_test_status *status __free(kfree) =
		kmalloc(len, GFP_KERNEL);

	if (!status)
		return -ENOMEM;
	scoped_guard(mutex, &t->lock)
		*status = t->status;
	return copy_to_user(buf, status, len) ? -EFAULT : len;
}

static bool mig_test_shall_fail(struct mig_test *t, enum vfio_mig_test_op op)
{
	const struct vfio_mig_test_control *c = &t->control;

	if (!c->fail_at || (c->fail_op != VFIO_MIG_TEST_ANY && c->fail_op != op))
		return false;
	t->matched++;
	return t->matched >= c->fail_at &&
	       t->matched - c->fail_at < c->fail_times;
}

static void mig_test_log(struct mig_test *t, struct vfio_mig_test_call call)
{
	struct vfio_mig_test_status *s = &t->status;

	if (s->calls < VFIO_MIG_TEST_LOG_MAX)
		s->log[s->calls] = call;
	s->calls++;
	s->failed += call.failed;
}

static int mig_test_decide(struct mig_test *t, struct vfio_mig_test_call call)
{
	guard(mutex)(&t->lock);
	call.failed = mig_test_shall_fail(t, call.op);
	mig_test_log(t, call);
	if (!call.failed)
		return 0;
	if (t->control.flags & VFIO_MIG_TEST_SET_ERROR)
		vfio_mig_set_error(&t->mig);
	return -t->control.fail_errno;
}

/**
 * mig_test_call - a callback that can fail is called
 * @t: the device
 * @op: which one
 *
 * Return: 0, or the error that the user wants.
 */
int mig_test_call(struct mig_test *t, enum vfio_mig_test_op op)
{
	return mig_test_decide(t, (struct vfio_mig_test_call) { .op = op });
}

/**
 * mig_test_step - the device goes from one state to another
 * @t: the device
 * @from: the state left
 * @to: the state entered
 *
 * Return: 0, or the error that the user wants.
 */
int mig_test_step(struct mig_test *t, enum vfio_device_mig_state from,
		  enum vfio_device_mig_state to)
{
	return mig_test_decide(t, (struct vfio_mig_test_call) {
		.op = VFIO_MIG_TEST_STEP, .from = from, .to = to,
	});
}

/**
 * mig_test_note - a callback that cannot fail is called
 * @t: the device, locked
 * @op: which one
 */
void mig_test_note(struct mig_test *t, enum vfio_mig_test_op op)
{
	lockdep_assert_held(&t->lock);
	mig_test_log(t, (struct vfio_mig_test_call) { .op = op });
}

/**
 * mig_test_level - the hardware shall run in another way
 * @t: the device
 * @level: VFIO_MIG_TEST_RUNNING, _P2P or _STOPPED
 */
void mig_test_level(struct mig_test *t, u32 level)
{
	guard(mutex)(&t->lock);
	t->status.misuse += t->status.level == level;
	t->status.level = level;
}
