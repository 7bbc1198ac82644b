// SPDX-License-Identifier: GPL-2.0-or-later
/* The DMA engine: every operation, with its result checked by the CPU. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bytes.h"
#include "crc32.h"
#include "workload.h"

#define FILL_SIZE	4096
#define FILL_PATTERN	0x0123456789abcdefULL

/* Offsets in device memory: behind the begin of the pattern. */
#define DEV_COPY	0x10000
#define DEV_FILL	0x20000

static uint8_t *ram_at(const struct workload *w, uint64_t at)
{
	return (uint8_t *)w->ram->va + at;
}

int dma_start(struct workload *w, struct vfm_error *e)
{
	int ret = mock_put(&w->m, MOCK_VFIO_REG_DMA_RING, 8,
			   w->ram->iova + WL_RING, e);

	if (!ret)
		ret = mock_put(&w->m, MOCK_VFIO_REG_DMA_SIZE, 4, WL_RING_SIZE,
			       e);
	return ret;
}

static int check_status(uint64_t op, uint32_t status, uint32_t expected,
			struct vfm_error *e)
{
	if (status == expected)
		return 0;
	return vfm_fail(e, EIO, "DMA operation %" PRIu64 " ended with status %u, %u expected",
			op, status, expected);
}

/* Put it into the ring, ring the bell, wait for its interrupt. */
static int run(struct workload *w, struct mock_vfio_desc *d,
	       uint32_t expected, struct vfm_error *e)
{
	struct mock_vfio_desc *slot;
	uint64_t tail, n;
	int ret = mock_get(&w->m, MOCK_VFIO_REG_DMA_TAIL, 4, &tail, e);

	if (ret)
		return ret;
	slot = (struct mock_vfio_desc *)ram_at(w, WL_RING) +
		tail % WL_RING_SIZE;
	d->flags = MOCK_VFIO_DESC_IRQ;
	d->vector = WL_VECTOR_DMA;
	d->cookie = tail;
	*slot = *d;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ret = mock_put(&w->m, MOCK_VFIO_REG_DMA_TAIL, 4, (uint32_t)tail + 1, e);
	if (!ret)
		ret = workload_irq(w, WL_VECTOR_DMA, &n, e);
	if (ret)
		return ret;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*d = *(volatile struct mock_vfio_desc *)slot;
	w->dma++;
	return check_status(d->op, d->status, expected, e);
}

static int compare(const char *what, const void *a, const void *b, size_t n,
		   struct vfm_error *e)
{
	if (!memcmp(a, b, n))
		return 0;
	return vfm_fail(e, EBADMSG, "DMA %s: the data differ", what);
}

static int to_device(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_TO_DEVICE,
		.length = WL_BUF_SIZE,
		.src = w->ram->iova + WL_BUF_A,
		.dst = DEV_COPY,
	};
	int ret;

	workload_pattern(w->seed + 1, ram_at(w, WL_BUF_A), WL_BUF_SIZE);
	ret = run(w, &d, MOCK_VFIO_DMA_OK, e);
	return ret ? ret : compare("to the device", ram_at(w, WL_BUF_A),
				   w->m.mem + DEV_COPY, WL_BUF_SIZE, e);
}

static int to_guest(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_TO_GUEST,
		.length = WL_BUF_SIZE,
		.src = 0,
		.dst = w->ram->iova + WL_BUF_B,
	};
	int ret;

	memset(ram_at(w, WL_BUF_B), 0, WL_BUF_SIZE);
	ret = run(w, &d, MOCK_VFIO_DMA_OK, e);
	return ret ? ret : compare("to the guest", w->m.mem,
				   ram_at(w, WL_BUF_B), WL_BUF_SIZE, e);
}

static int copy(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_COPY,
		.length = WL_BUF_SIZE,
		.src = w->ram->iova + WL_BUF_A,
		.dst = w->ram->iova + WL_BUF_B,
	};
	int ret = run(w, &d, MOCK_VFIO_DMA_OK, e);

	return ret ? ret : compare("from guest to guest", ram_at(w, WL_BUF_A),
				   ram_at(w, WL_BUF_B), WL_BUF_SIZE, e);
}

static int check_fill(const char *what, const uint8_t *p, struct vfm_error *e)
{
	size_t i;

	for (i = 0; i < FILL_SIZE; i += 8)
		if (vfm_get_le(p + i, 8) != FILL_PATTERN)
			return vfm_fail(e, EBADMSG, "DMA fill of %s: wrong at byte %zu",
					what, i);
	return 0;
}

static int fill_device(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_FILL_DEVICE,
		.length = FILL_SIZE,
		.dst = DEV_FILL,
		.pattern = FILL_PATTERN,
	};
	int ret = run(w, &d, MOCK_VFIO_DMA_OK, e);

	return ret ? ret : check_fill("device memory", w->m.mem + DEV_FILL, e);
}

static int fill_guest(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_FILL_GUEST,
		.length = FILL_SIZE,
		.dst = w->ram->iova + WL_BUF_B,
		.pattern = FILL_PATTERN,
	};
	int ret = run(w, &d, MOCK_VFIO_DMA_OK, e);

	return ret ? ret : check_fill("guest RAM", ram_at(w, WL_BUF_B), e);
}

static int digest(struct workload *w, bool device, struct vfm_error *e)
{
	const uint8_t *p = device ? w->m.mem : ram_at(w, WL_BUF_A);
	struct mock_vfio_desc d = {
		.op = device ? MOCK_VFIO_OP_DIGEST_DEVICE :
			MOCK_VFIO_OP_DIGEST_GUEST,
		.length = WL_BUF_SIZE,
		.src = device ? 0 : w->ram->iova + WL_BUF_A,
	};
	uint32_t own = vfm_crc32(0, p, WL_BUF_SIZE);
	int ret = run(w, &d, MOCK_VFIO_DMA_OK, e);

	if (ret || d.result == own)
		return ret;
	return vfm_fail(e, EBADMSG, "DMA digest of %s is 0x%llx, 0x%x expected",
			device ? "device memory" : "guest RAM",
			(unsigned long long)d.result, own);
}

static int digest_device(struct workload *w, struct vfm_error *e)
{
	return digest(w, true, e);
}

static int digest_guest(struct workload *w, struct vfm_error *e)
{
	return digest(w, false, e);
}

static int nop(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = { .op = MOCK_VFIO_OP_NOP };

	return run(w, &d, MOCK_VFIO_DMA_OK, e);
}

/* What cannot be done has to be refused, and the engine goes on. */
static int bad_op(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = { .op = MOCK_VFIO_NR_OPS };

	return run(w, &d, MOCK_VFIO_DMA_BAD_OP, e);
}

static int beyond(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_FILL_DEVICE,
		.length = FILL_SIZE,
		.dst = w->m.mem_size - FILL_SIZE + 1,
	};

	return run(w, &d, MOCK_VFIO_DMA_RANGE, e);
}

static int unmapped(struct workload *w, struct vfm_error *e)
{
	struct mock_vfio_desc d = {
		.op = MOCK_VFIO_OP_FILL_GUEST,
		.length = FILL_SIZE,
		.dst = w->ram->iova + w->ram->size,
	};

	return run(w, &d, MOCK_VFIO_DMA_FAULT, e);
}

int dma_all(struct workload *w, struct vfm_error *e)
{
	static int (* const ops[])(struct workload *w, struct vfm_error *e) = {
		nop, to_device, to_guest, copy, fill_device, fill_guest,
		digest_device, digest_guest, bad_op, beyond, unmapped, nop,
	};
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < sizeof(ops) / sizeof(*ops); i++)
		ret = ops[i](w, e);
	return ret;
}
