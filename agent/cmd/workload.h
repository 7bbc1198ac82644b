/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest does with a mock function while it migrates, and the proof
 * that nothing was lost: DMA, device memory, registers, interrupts.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "mock_driver.h"
#include "out.h"
#include "ram.h"

/* Where things are in guest RAM ... */
#define WL_RING		0x00000		/* descriptors */
#define WL_RING_SIZE	256
#define WL_SLOTS	0x10000		/* traffic window */
#define WL_BUF_A	0x20000
#define WL_BUF_B	0x30000
#define WL_BUF_SIZE	0x10000
#define WL_RAM_MIN	0x40000
/* ... and in device memory: a quarter is free for DMA, then a quarter traffic */
#define WL_MEM_MIN	0x80000
#define WL_MEM_SPAN	(16ULL << 20)	/* filled with the pattern at most */
#define WL_WINDOW_MAX	0x10000

#define WL_VECTOR_TRAFFIC	0
#define WL_VECTOR_DMA		1
#define WL_VECTOR_TRIGGER	2

/**
 * struct workload - a guest driver at work
 * @goes_on: continue the source's work instead of starting
 * @seed: of the patterns
 * @period: microseconds a tick
 * @ticks: to wait for
 * @slots: of both traffic windows
 * @stride: bytes from slot to slot
 * @m: the device
 * @ram: guest RAM
 * @cancel_fd: readable when the user wants to stop
 * @timeout_ms: longest wait for the device
 * @mem_window: offset of the traffic window in device memory
 * @seq: last tick known
 * @base: last tick before this side took part
 * @first: first tick seen by this side
 * @ram_base: last tick before this side's guest RAM took part
 * @interrupts: of traffic, counted
 * @dma: descriptors done and checked
 * @rest_crc: of device memory without the traffic window
 * @running: it has started
 * @proved: everything was checked in the end
 */
struct workload {
	bool goes_on;
	uint64_t seed;
	uint32_t period;
	uint64_t ticks;
	uint32_t slots;
	uint32_t stride;
	struct mock m;
	struct ram *ram;
	int cancel_fd;
	int timeout_ms;
	uint64_t mem_window;
	uint64_t seq;
	uint64_t base;
	uint64_t first;
	uint64_t ram_base;
	uint64_t interrupts;
	uint64_t dma;
	uint32_t rest_crc;
	bool running;
	bool proved;
};

/* @spec: traffic[,KEY=N]... or continue[,KEY=N]... */
int workload_parse(struct workload *w, const char *spec, struct vfm_error *e);
/* Before the migration; only checks the device if the source is elsewhere. */
int workload_start(struct workload *w, struct vfm_pci *p, struct ram *ram,
		   struct vfm_error *e);
/* While the device is in STOP, on either side: everything must be exact. */
int workload_quiescent(struct workload *w, struct vfm_error *e);
/* The device runs (again, or here): more ticks, then stop and check all. */
int workload_finish(struct workload *w, struct vfm_error *e);
void workload_report(const struct workload *w, struct out *out);
void workload_close(struct workload *w);

/* traffic.c */
int traffic_start(struct workload *w, struct vfm_error *e);
/* What the registers of a migrated device say about the traffic. */
int traffic_adopt(struct workload *w, struct vfm_error *e);
int traffic_wait(struct workload *w, uint64_t seq, struct vfm_error *e);
int traffic_stop(struct workload *w, struct vfm_error *e);
/* All slots and the interrupts against the stopped device's sequence number. */
int traffic_exact(struct workload *w, struct vfm_error *e);

/* dma.c */
int dma_start(struct workload *w, struct vfm_error *e);
int dma_all(struct workload *w, struct vfm_error *e);

/* Wait for the eventfd of @vector; @n gets the number of interrupts. */
int workload_irq(struct workload *w, unsigned int vector, uint64_t *n,
		 struct vfm_error *e);
void workload_pattern(uint64_t seed, uint8_t *to, uint64_t n);
/* CRC of device memory without the traffic window. */
uint32_t workload_rest_crc(const struct workload *w);

#endif
