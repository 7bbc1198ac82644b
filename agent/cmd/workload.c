// SPDX-License-Identifier: GPL-2.0-or-later
/* The guest that drives a mock function before and after a migration. */
#include <errno.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "crc32.h"
#include "number.h"
#include "stream.h"
#include "workload.h"

#define BAR_WINDOW	0xc0000000U
#define SCRATCH_SEED	2

static int bad_spec(const char *spec, struct vfm_error *e)
{
	return vfm_fail(e, EINVAL, "--workload %s: traffic[,seed=N][,period=US][,ticks=N][,slots=N][,stride=N] or continue[,ticks=N] expected",
			spec);
}

static int set_key(struct workload *w, const char *key, size_t name, uint64_t v)
{
	if (name == 5 && !strncmp(key, "ticks", 5))
		w->ticks = v;
	else if (w->goes_on)
		return -EINVAL;
	else if (name == 4 && !strncmp(key, "seed", 4))
		w->seed = v;
	else if (name == 6 && !strncmp(key, "period", 6))
		w->period = v;
	else if (name == 5 && !strncmp(key, "slots", 5))
		w->slots = v;
	else if (name == 6 && !strncmp(key, "stride", 6))
		w->stride = v;
	else
		return -EINVAL;
	return 0;
}

static bool sensible(const struct workload *w)
{
	return w->period >= MOCK_VFIO_TRAFFIC_PERIOD_MIN && w->slots >= 2 &&
		w->stride >= 16 && w->stride <= 4096 && !(w->stride & 15) &&
		(uint64_t)w->slots * w->stride <= WL_WINDOW_MAX && w->ticks;
}

int workload_parse(struct workload *w, const char *spec, struct vfm_error *e)
{
	const char *word = spec, *eq;
	size_t n = strcspn(word, ",");
	uint64_t v;

	memset(w, 0, sizeof(*w));
	w->seed = 1;
	w->period = 1000;
	w->ticks = 100;
	w->slots = 1024;
	w->stride = 64;
	w->goes_on = n == 8 && !strncmp(word, "continue", n);
	if (!w->goes_on && (n != 7 || strncmp(word, "traffic", n)))
		return bad_spec(spec, e);
	for (word += n; *word; word += n) {
		n = strcspn(++word, ",");
		eq = memchr(word, '=', n);
		if (!eq || vfm_parse_size(eq + 1, word + n - eq - 1, &v) ||
		    v > UINT32_MAX || set_key(w, word, eq - word, v))
			return bad_spec(spec, e);
	}
	return sensible(w) ? 0 : bad_spec(spec, e);
}

/* A well-mixed 64-bit number for each 8 bytes. */
void workload_pattern(uint64_t seed, uint8_t *to, uint64_t n)
{
	uint64_t i, z;

	for (i = 0; i + 8 <= n; i += 8) {
		z = (seed << 32) + i * 0x9e3779b97f4a7c15ULL;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		*(volatile uint64_t *)(to + i) = z ^ z >> 31;
	}
}

uint32_t workload_rest_crc(const struct workload *w)
{
	uint64_t behind = w->mem_window + (uint64_t)w->slots * w->stride;
	uint64_t end = w->m.mem_size < WL_MEM_SPAN ? w->m.mem_size :
		WL_MEM_SPAN;
	uint32_t crc = vfm_crc32(0, w->m.mem, w->mem_window);

	return vfm_crc32(crc, w->m.mem + behind, end - behind);
}

int workload_irq(struct workload *w, unsigned int vector, uint64_t *n,
		 struct vfm_error *e)
{
	struct vfm_io io = {
		vfm_pci_irq_fd(w->m.pci, vector, e), w->cancel_fd,
		w->timeout_ms, 0,
	};
	int ret = io.fd < 0 ? io.fd : vfm_io_wait(&io, POLLIN, e);

	if (ret == -ETIMEDOUT)
		return vfm_fail(e, ETIMEDOUT, "no interrupt of vector %u for %d seconds",
				vector, io.timeout_ms / 1000);
	if (ret)
		return ret;
	if (read(io.fd, n, sizeof(*n)) != sizeof(*n))
		*n = 0;
	return 0;
}

/* As firmware would: each BAR to an address of its own. */
static int place_bars(struct vfm_pci *p, struct vfm_error *e)
{
	uint64_t at = BAR_WINDOW;
	struct vfm_region r;
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i <= VFIO_PCI_BAR5_REGION_INDEX; i++) {
		ret = vfm_region_get(p->dev, i, &r, e);
		if (ret || !r.size)
			continue;
		at = (at + r.size - 1) & ~(r.size - 1);
		ret = vfm_pci_write(p, PCI_BASE_ADDRESS_0 + 4 * i, 4, at, e);
		at += r.size;
	}
	return ret;
}

static int enable_msix(struct vfm_pci *p, struct vfm_error *e)
{
	uint8_t cap = vfm_pci_find_cap(p->state.config, PCI_CAP_ID_MSIX);
	unsigned int v;

	if (!cap || p->state.vectors <= WL_VECTOR_TRIGGER + 1) {
		vfm_fail(e, ENODEV, "the workload needs %d MSI-X vectors, there are %u",
			 WL_VECTOR_TRIGGER + 2, p->state.vectors);
		return vfm_error_kind(e, VFM_INCOMPATIBLE);
	}
	/* The last one stays masked, so that there is a difference to see. */
	for (v = 0; v < p->state.vectors; v++)
		vfm_pci_msix_entry(p, v, 0xfee00000U | v << 12, 0x4020 + v,
				   v == p->state.vectors - 1U);
	return vfm_pci_write(p, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE,
			     e);
}

static int set_up_pci(struct vfm_pci *p, struct vfm_error *e)
{
	int ret = place_bars(p, e);

	if (!ret)
		ret = vfm_pci_write(p, PCI_CACHE_LINE_SIZE, 1, 16, e);
	if (!ret)
		ret = vfm_pci_write(p, PCI_INTERRUPT_LINE, 1, 11, e);
	if (!ret)
		ret = vfm_pci_write(p, PCI_COMMAND, 2,
				    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, e);
	return ret ? ret : enable_msix(p, e);
}

static int use_registers(struct workload *w, struct vfm_error *e)
{
	uint64_t scratch[MOCK_VFIO_NR_SCRATCH / 2], n;
	unsigned int i;
	int ret = 0;

	workload_pattern(w->seed + SCRATCH_SEED, (uint8_t *)scratch,
			 sizeof(scratch));
	for (i = 0; !ret && i < MOCK_VFIO_NR_SCRATCH / 2; i++)
		ret = mock_put(&w->m, MOCK_VFIO_REG_SCRATCH + 8 * i, 8,
			       scratch[i], e);
	if (!ret)
		ret = mock_put(&w->m, MOCK_VFIO_REG_CONTROL, 4,
			       MOCK_VFIO_CONTROL_ENABLE, e);
	if (!ret)
		ret = mock_put(&w->m, MOCK_VFIO_REG_IRQ_TRIGGER, 4,
			       WL_VECTOR_TRIGGER, e);
	return ret ? ret : workload_irq(w, WL_VECTOR_TRIGGER, &n, e);
}

static int open_mock(struct workload *w, struct vfm_pci *p,
		     struct vfm_error *e)
{
	int ret = mock_open(&w->m, p, e);

	if (ret)
		return ret;
	w->mem_window = (w->m.mem_size < WL_MEM_SPAN ? w->m.mem_size :
			 WL_MEM_SPAN) / 2;
	if (w->m.mem_size >= WL_MEM_MIN)
		return 0;
	return vfm_fail(e, ENOSPC, "the workload needs %u bytes of device memory, there are %" PRIu64,
			WL_MEM_MIN, w->m.mem_size);
}

static int begin(struct workload *w, struct vfm_pci *p, struct vfm_error *e)
{
	int ret = set_up_pci(p, e);

	if (!ret)
		ret = open_mock(w, p, e);
	if (!ret)
		ret = use_registers(w, e);
	if (ret)
		return ret;
	workload_pattern(w->seed, w->m.mem, 2 * w->mem_window);
	ret = dma_start(w, e);
	if (!ret)
		ret = dma_all(w, e);
	if (!ret)
		ret = traffic_start(w, e);
	if (ret)
		return ret;
	w->running = true;
	w->rest_crc = workload_rest_crc(w);
	return traffic_wait(w, w->base + w->ticks, e);
}

int workload_start(struct workload *w, struct vfm_pci *p, struct ram *ram,
		   struct vfm_error *e)
{
	w->ram = ram;
	w->m.pci = p;
	if (!p || !mock_is_one(p)) {
		vfm_fail(e, ENODEV, "--workload works with mock_vfio_pci functions only");
		return vfm_error_kind(e, VFM_INCOMPATIBLE);
	}
	if (!ram->va || ram->size < WL_RAM_MIN) {
		vfm_fail(e, EINVAL, "--workload needs guest RAM of %d KiB",
			 WL_RAM_MIN / 1024);
		return vfm_error_hint(e, "give it --ram 1M");
	}
	return w->goes_on ? 0 : begin(w, p, e);
}

/* At the destination: the state is here, the device does not run yet. */
static int take_over(struct workload *w, struct vfm_error *e)
{
	struct vfm_pci *p = w->m.pci;
	int ret;

	if (!(p->state.config[PCI_COMMAND] & PCI_COMMAND_MEMORY) ||
	    !vfm_pci_msix_enabled(p))
		return vfm_fail(e, EINVAL, "the source's guest did not use the device: there is nothing to continue");
	ret = open_mock(w, p, e);
	if (!ret)
		ret = traffic_adopt(w, e);
	if (ret)
		return ret;
	w->rest_crc = workload_rest_crc(w);
	w->running = true;
	return traffic_exact(w, e);
}

int workload_quiescent(struct workload *w, struct vfm_error *e)
{
	int ret;

	if (w->goes_on)
		return take_over(w, e);
	ret = traffic_exact(w, e);
	w->proved = !ret;
	return ret;
}

/* Nothing but the traffic window may have changed meanwhile. */
static int check_rest(struct workload *w, struct vfm_error *e)
{
	if (workload_rest_crc(w) == w->rest_crc)
		return 0;
	return vfm_fail(e, EBADMSG, "device memory changed outside of the traffic window");
}

static int check_first(struct workload *w, struct vfm_error *e)
{
	if (w->first == w->base + 1)
		return 0;
	return vfm_fail(e, EBADMSG, "the first tick here is %" PRIu64 ", %" PRIu64 " expected",
			w->first, w->base + 1);
}

int workload_finish(struct workload *w, struct vfm_error *e)
{
	int ret;

	if (!w->running)
		return 0;
	w->proved = false;
	ret = traffic_wait(w, w->seq + w->ticks, e);
	if (!ret)
		ret = traffic_stop(w, e);
	if (!ret)
		ret = traffic_exact(w, e);
	if (!ret)
		ret = check_first(w, e);
	if (!ret)
		ret = check_rest(w, e);
	if (!ret)
		ret = dma_all(w, e);
	w->proved = !ret;
	return ret;
}

void workload_report(const struct workload *w, struct out *out)
{
	out_object(out, "workload");
	out_u64(out, "last_tick_before", w->base);
	out_u64(out, "first_tick", w->first);
	out_u64(out, "last_tick", w->seq);
	out_u64(out, "interrupts", w->interrupts);
	out_u64(out, "dma_descriptors", w->dma);
	out_bool(out, "proved", w->proved);
	out_end(out);
}

void workload_close(struct workload *w)
{
	mock_close(&w->m);
}
