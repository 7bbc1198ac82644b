// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The traffic generator: each tick has a number, which turns up in guest RAM,
 * in device memory and as an interrupt.  A lost or repeated one shows.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "workload.h"

/* A slot that the device may be writing right now is looked at again. */
#define TORN_RETRIES	1000

struct window {
	const char *name;
	const uint8_t *base;
	uint64_t first;		/* oldest tick that it can hold */
};

static int get_seq(struct workload *w, uint64_t *seq, struct vfm_error *e)
{
	return mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_SEQ, 8, seq, e);
}

static int put_all(struct workload *w, struct vfm_error *e)
{
	const struct { unsigned int reg, bytes; uint64_t v; } regs[] = {
		{ MOCK_VFIO_REG_TRAFFIC_PERIOD, 4, w->period },
		{ MOCK_VFIO_REG_TRAFFIC_IOVA, 8, w->ram->iova + WL_SLOTS },
		{ MOCK_VFIO_REG_TRAFFIC_SLOTS, 4, w->slots },
		{ MOCK_VFIO_REG_TRAFFIC_STRIDE, 4, w->stride },
		{ MOCK_VFIO_REG_TRAFFIC_MEM, 8, w->mem_window },
		{ MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS, 4, w->slots },
		{ MOCK_VFIO_REG_TRAFFIC_VECTOR, 4, WL_VECTOR_TRAFFIC },
		{ MOCK_VFIO_REG_TRAFFIC_CONTROL, 4,
		  MOCK_VFIO_TRAFFIC_ENABLE | MOCK_VFIO_TRAFFIC_DMA |
		  MOCK_VFIO_TRAFFIC_MEM | MOCK_VFIO_TRAFFIC_IRQ },
	};
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(regs) / sizeof(*regs); i++)
		ret = mock_put(&w->m, regs[i].reg, regs[i].bytes, regs[i].v, e);
	return ret;
}

int traffic_start(struct workload *w, struct vfm_error *e)
{
	int ret = get_seq(w, &w->base, e);

	memset((uint8_t *)w->ram->va + WL_SLOTS, 0, WL_WINDOW_MAX);
	w->seq = w->base;
	w->ram_base = w->base;
	return ret ? ret : put_all(w, e);
}

static int adopt_window(struct workload *w, struct vfm_error *e)
{
	uint64_t slots, mem_slots, stride, iova, mem;
	int ret = mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_SLOTS, 4, &slots, e);

	if (!ret)
		ret = mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS, 4,
			       &mem_slots, e);
	if (!ret)
		ret = mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_STRIDE, 4, &stride,
			       e);
	if (!ret)
		ret = mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_IOVA, 8, &iova, e);
	if (!ret)
		ret = mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_MEM, 8, &mem, e);
	if (ret)
		return ret;
	w->slots = slots;
	w->stride = stride;
	w->mem_window = mem;
	if (slots && slots == mem_slots && stride >= 16 &&
	    slots * stride <= WL_WINDOW_MAX &&
	    iova == w->ram->iova + WL_SLOTS &&
	    mem <= w->m.mem_size - slots * stride)
		return 0;
	vfm_fail(e, EINVAL, "the device does not do what --workload traffic asks of it");
	return vfm_error_hint(e, "give the source --workload traffic, and both sides the same --ram");
}

int traffic_adopt(struct workload *w, struct vfm_error *e)
{
	int ret = adopt_window(w, e);

	if (!ret)
		ret = get_seq(w, &w->base, e);
	w->seq = w->base;
	/* Another guest RAM has nothing of what the source's device wrote. */
	w->ram_base = w->ram->shared ? 0 : w->base;
	return ret;
}

static void windows(const struct workload *w, struct window out[2])
{
	out[0].name = "guest RAM";
	out[0].base = (const uint8_t *)w->ram->va + WL_SLOTS;
	out[0].first = w->ram_base + 1;
	out[1].name = "device memory";
	out[1].base = w->m.mem + w->mem_window;
	out[1].first = 1;
}

static void read_slot(const uint8_t *at, uint64_t *seq, uint64_t *check)
{
	const volatile uint64_t *p = (const volatile uint64_t *)at;

	*seq = p[0];
	*check = p[1];
}

static int bad_slot(const struct window *win, uint32_t slot, uint64_t seq,
		    uint64_t check, uint64_t expected, struct vfm_error *e)
{
	return vfm_fail(e, EBADMSG,
			"%s: slot %u holds tick %" PRIu64 " (check word %s), %" PRIu64 " expected",
			win->name, slot, seq, check == ~seq ? "good" : "bad",
			expected);
}

/* The slot of tick @seq, which nobody overwrites. */
static int exact_slot(const struct workload *w, const struct window *win,
		      uint64_t seq, struct vfm_error *e)
{
	uint32_t slot = (seq - 1) % w->slots;
	uint64_t found, check;

	read_slot(win->base + (uint64_t)slot * w->stride, &found, &check);
	if (found == seq && check == ~seq)
		return 0;
	return bad_slot(win, slot, found, check, seq, e);
}

static int exact_window(const struct workload *w, const struct window *win,
			uint64_t last, struct vfm_error *e)
{
	uint64_t seq = last > w->slots ? last - w->slots + 1 : 1;
	int ret = 0;

	if (seq < win->first)
		seq = win->first;
	for (; !ret && seq <= last; seq++)
		ret = exact_slot(w, win, seq, e);
	return ret;
}

/*
 * The slot of tick @seq of a running device: that tick, or one that came
 * @slots later, but not from the future.
 */
static int live_slot(struct workload *w, const struct window *win,
		     uint64_t seq, struct vfm_error *e)
{
	uint32_t slot = (seq - 1) % w->slots;
	const uint8_t *at = win->base + (uint64_t)slot * w->stride;
	uint64_t found, check, now;
	int tries, ret;

	for (tries = 0; tries < TORN_RETRIES; tries++) {
		read_slot(at, &found, &check);
		if (found == seq && check == ~seq)
			return 0;
		ret = get_seq(w, &now, e);
		if (ret)
			return ret;
		if (check == ~found && found > seq && found <= now &&
		    (found - seq) % w->slots == 0)
			return 0;
	}
	return bad_slot(win, slot, found, check, seq, e);
}

/* Every tick from the last one seen up to @now has to be there, in order. */
static int follow(struct workload *w, uint64_t now, struct vfm_error *e)
{
	struct window win[2];
	uint64_t seq;
	int ret = 0;

	if (now < w->seq)
		return vfm_fail(e, EBADMSG, "the sequence went back from %" PRIu64 " to %" PRIu64,
				w->seq, now);
	windows(w, win);
	for (seq = w->seq + 1; !ret && seq <= now; seq++) {
		ret = live_slot(w, &win[0], seq, e);
		if (!ret)
			ret = live_slot(w, &win[1], seq, e);
		if (!ret && !w->first)
			w->first = seq;
	}
	w->seq = now;
	return ret;
}

/* Add to a missing interrupt what the device thinks of it. */
static int no_interrupt(struct workload *w, struct vfm_error *e)
{
	uint64_t seq, control, status;
	struct vfm_error ignored;

	if (e->code != ETIMEDOUT || get_seq(w, &seq, &ignored) ||
	    mock_get(&w->m, MOCK_VFIO_REG_TRAFFIC_CONTROL, 4, &control,
		     &ignored) ||
	    mock_get(&w->m, MOCK_VFIO_REG_STATUS, 4, &status, &ignored))
		return -e->code;
	return vfm_error_hint(e, "the last tick seen is %" PRIu64 ", the device is at %" PRIu64 " with control 0x%x, status 0x%x",
			      w->seq, seq, (unsigned int)control,
			      (unsigned int)status);
}

int traffic_wait(struct workload *w, uint64_t seq, struct vfm_error *e)
{
	uint64_t n, now;
	int ret = 0;

	while (!ret && w->seq < seq) {
		ret = workload_irq(w, WL_VECTOR_TRAFFIC, &n, e);
		if (ret)
			return no_interrupt(w, e);
		w->interrupts += n;
		/*
		 * The number may be ahead of the slots by the tick under way,
		 * whose interrupt is still to come.
		 */
		ret = get_seq(w, &now, e);
		if (!ret && now)
			ret = follow(w, now - 1 > w->seq ? now - 1 : w->seq, e);
	}
	return ret;
}

int traffic_stop(struct workload *w, struct vfm_error *e)
{
	return mock_put(&w->m, MOCK_VFIO_REG_TRAFFIC_CONTROL, 4, 0, e);
}

static int count_interrupts(struct workload *w, struct vfm_error *e)
{
	int fd = vfm_pci_irq_fd(w->m.pci, WL_VECTOR_TRAFFIC, e);
	uint64_t n;

	if (fd < 0)
		return fd;
	if (read(fd, &n, sizeof(n)) == sizeof(n))
		w->interrupts += n;
	if (w->interrupts == w->seq - w->base)
		return 0;
	return vfm_fail(e, EBADMSG, "%" PRIu64 " interrupts for %" PRIu64 " ticks",
			w->interrupts, w->seq - w->base);
}

int traffic_exact(struct workload *w, struct vfm_error *e)
{
	struct window win[2];
	int ret, i;

	ret = get_seq(w, &w->seq, e);
	windows(w, win);
	for (i = 0; !ret && i < 2; i++)
		ret = exact_window(w, &win[i], w->seq, e);
	return ret ? ret : count_interrupts(w, e);
}
