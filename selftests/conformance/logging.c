// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA logging, by the comments at struct vfio_device_feature_dma_logging_control
 * and _report.  Ranges are small, for trackers that have little room, and far
 * apart; that there is nothing mapped there does not matter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mc.h"

#define PAGE	4096ull
#define IOVA	0x10000000ull

/*
 * "The core kernel code guarantees to support by minimum num_ranges that fit
 * into a single kernel page."
 */
#define MAX_RANGES	(sysconf(_SC_PAGESIZE) / sizeof(struct range))

struct range {
	uint64_t iova;
	uint64_t length;
};

static int start(struct mc *mc, const struct range *ranges, uint32_t n,
		 uint64_t *page_size)
{
	struct vfio_device_feature_dma_logging_control c = {
		.page_size = *page_size, .num_ranges = n,
		.ranges = (uintptr_t)ranges,
	};
	const int ret = mc_feature(mc, 8 + sizeof(c), VFIO_DEVICE_FEATURE_SET |
				   VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
				   &c, sizeof(c));

	*page_size = c.page_size;
	return ret;
}

static int start_ranges(struct mc *mc, const struct range *ranges, uint32_t n)
{
	uint64_t page_size = PAGE;

	return start(mc, ranges, n, &page_size);
}

static int start_one(struct mc *mc, uint64_t iova, uint64_t length)
{
	const struct range range = { iova, length };

	return start_ranges(mc, &range, 1);
}

static int stop(struct mc *mc)
{
	char none;

	return mc_feature(mc, 8, VFIO_DEVICE_FEATURE_SET |
			  VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, &none, 0);
}

static int report(struct mc *mc, uint64_t iova, uint64_t length,
		  uint64_t page_size, uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report r = {
		.iova = iova, .length = length, .page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return mc_feature(mc, 8 + sizeof(r), VFIO_DEVICE_FEATURE_GET |
			  VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, &r, sizeof(r));
}

static bool started(struct mc *mc)
{
	return mc_is(mc, MC_MUST, "START", 0, start_one(mc, IOVA, 16 * PAGE));
}

static void start_refuses(struct mc *mc, const struct mc_rule *rule)
{
	static const struct range overlap[] = {
		{ IOVA, 2 * PAGE }, { IOVA + PAGE, 2 * PAGE },
	};

	mc_is(mc, MC_MUST, "no range", -EINVAL, start_ranges(mc, overlap, 0));
	mc_is(mc, MC_MUST, "unaligned iova", -EINVAL,
	      start_one(mc, IOVA + 8, PAGE));
	mc_is(mc, MC_MUST, "unaligned length", -EINVAL,
	      start_one(mc, IOVA, PAGE + 8));
	mc_is(mc, MC_MUST, "range beyond the end", -EOVERFLOW,
	      start_one(mc, -PAGE, 2 * PAGE));
	mc_is(mc, MC_MUST, "ranges that overlap", -EINVAL,
	      start_ranges(mc, overlap, 2));
}

static struct range *many_ranges(size_t n)
{
	struct range *ranges = calloc(n, sizeof(*ranges));
	size_t i;

	for (i = 0; i < n; i++)
		ranges[i] = (struct range) { IOVA + 2 * i * PAGE, PAGE };
	return ranges;
}

/* "User space can try higher values but should give up": E2BIG by the core. */
static void takes_a_page_of_ranges(struct mc *mc, const struct mc_rule *rule)
{
	struct range *ranges = many_ranges(MAX_RANGES + 1);

	mc_is(mc, MC_MUST, "as many as fit into a page", 0,
	      start_ranges(mc, ranges, MAX_RANGES));
	stop(mc);
	mc_is(mc, MC_SHOULD, "one more", -E2BIG,
	      start_ranges(mc, ranges, MAX_RANGES + 1));
	free(ranges);
}

/* "On output the device will return the page size it selected." */
static void tells_its_page_size(struct mc *mc, const struct mc_rule *rule)
{
	const struct range range = { IOVA, 16 * PAGE };
	uint64_t page_size = PAGE;

	mc_is(mc, MC_MUST, "START", 0, start(mc, &range, 1, &page_size));
	mc_ok(mc, MC_MUST, page_size && !(page_size & (page_size - 1)),
	      "0x%llx is no page size", (unsigned long long)page_size);
}

/* "Another start is not allowed in the meantime." */
static void refuses_second_start(struct mc *mc, const struct mc_rule *rule)
{
	if (!started(mc))
		return;
	mc_ok(mc, MC_MUST, start_one(mc, IOVA, 16 * PAGE) < 0, "it succeeds");
	mc_is(mc, MC_MUST, "STOP", 0, stop(mc));
	started(mc);
}

/* The core keeps no account, and whoever cleans up may not either. */
static void tolerates_stop(struct mc *mc, const struct mc_rule *rule)
{
	if (!started(mc))
		return;
	mc_is(mc, MC_MUST, "STOP", 0, stop(mc));
	mc_is(mc, MC_SHOULD, "STOP again", 0, stop(mc));
}

/* "If DMA logging is not enabled, an error will be returned." */
static void refuses_report(struct mc *mc, const struct mc_rule *rule)
{
	uint64_t bitmap = 0;

	mc_ok(mc, MC_MUST, report(mc, IOVA, 16 * PAGE, PAGE, &bitmap) < 0,
	      "REPORT before START succeeds");
	if (!started(mc))
		return;
	stop(mc);
	mc_ok(mc, MC_MUST, report(mc, IOVA, 16 * PAGE, PAGE, &bitmap) < 0,
	      "REPORT after STOP succeeds");
}

static void report_refuses(struct mc *mc, const struct mc_rule *rule)
{
	static const uint64_t wrong[] = { 0, 1, 2048, 3 * PAGE, PAGE + 1 };
	uint64_t bitmap = 0;
	size_t i;

	if (!started(mc))
		return;
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		mc_is(mc, MC_MUST, "page_size", -EINVAL,
		      report(mc, IOVA, 16 * PAGE, wrong[i], &bitmap));
	mc_is(mc, MC_MUST, "range beyond the end", -EOVERFLOW,
	      report(mc, -PAGE, 2 * PAGE, PAGE, &bitmap));
}

/* "The input page_size can be any power of two value and does not have to match" */
static void report_takes_other_sizes(struct mc *mc, const struct mc_rule *rule)
{
	uint64_t bitmap = 0, size;

	if (!started(mc))
		return;
	for (size = PAGE; size <= 16 * PAGE; size <<= 1)
		mc_ok(mc, MC_MUST, !report(mc, IOVA, 16 * PAGE, size, &bitmap),
		      "page_size 0x%llx is refused", (unsigned long long)size);
}

/* "will only set bits in the bitmap and never clear", nor go beyond it. */
static void report_only_sets_bits(struct mc *mc, const struct mc_rule *rule)
{
	uint64_t bitmap[3] = { 0, ~0ull, 0 };

	if (!started(mc))
		return;
	mc_is(mc, MC_MUST, "REPORT", 0,
	      report(mc, IOVA, 16 * PAGE, PAGE, &bitmap[1]));
	mc_ok(mc, MC_MUST, bitmap[1] == ~0ull, "bits were cleared");
	mc_ok(mc, MC_MUST, !bitmap[0] && !bitmap[2], "other memory was written");
}

#define LOG	MC_HAS_LOGGING

static const struct mc_rule rules[] = {
	{ "DMA_LOGGING_START refuses ranges that cannot be", start_refuses, LOG },
	{ "DMA_LOGGING_START takes a page of ranges", takes_a_page_of_ranges, LOG },
	{ "DMA_LOGGING_START tells its page size", tells_its_page_size, LOG },
	{ "a second DMA_LOGGING_START is refused", refuses_second_start, LOG },
	{ "DMA_LOGGING_STOP twice does no harm", tolerates_stop, LOG },
	{ "DMA_LOGGING_REPORT without START fails", refuses_report, LOG },
	{ "DMA_LOGGING_REPORT refuses what cannot be", report_refuses, LOG },
	{ "DMA_LOGGING_REPORT takes any page size", report_takes_other_sizes, LOG },
	{ "DMA_LOGGING_REPORT only sets bits", report_only_sets_bits, LOG },
};

void mc_add_logging_rules(struct mc *mc)
{
	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
}
