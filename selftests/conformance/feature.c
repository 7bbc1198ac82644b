// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VFIO_DEVICE_FEATURE, by the comment at struct vfio_device_feature and
 * vfio_check_feature(): what the core refuses, no driver needs to look at.  A
 * driver that answers a feature in its own device_feature op has to.
 */
#include <errno.h>
#include <string.h>

#include "mc.h"

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define HEAD	sizeof(struct vfio_device_feature)
#define DATA	32

/**
 * struct mc_feature_desc - a feature
 * @name: in the uAPI
 * @nr: its number
 * @ops: GET and SET, what there is
 * @len: bytes of its data
 * @needs: MC_HAS_*
 */
static const struct mc_feature_desc {
	const char *name;
	uint32_t nr;
	uint32_t ops;
	uint32_t len;
	unsigned int needs;
} features[] = {
	{ "MIGRATION", VFIO_DEVICE_FEATURE_MIGRATION, GET, 8 },
	{ "MIG_DEVICE_STATE", VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, GET | SET, 8 },
	{ "MIG_DATA_SIZE", VFM_FEATURE_MIG_DATA_SIZE, GET, 8 },
	{ "DMA_LOGGING_START", VFIO_DEVICE_FEATURE_DMA_LOGGING_START, SET, 24,
	  MC_HAS_LOGGING },
	{ "DMA_LOGGING_STOP", VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, SET, 0,
	  MC_HAS_LOGGING },
	{ "DMA_LOGGING_REPORT", VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, GET, 32,
	  MC_HAS_LOGGING },
	{ "MIG_PRECOPY_INFOv2", MC_FEATURE_PRECOPY_INFO_V2, SET, 0,
	  MC_HAS_PRECOPY_V2 },
};

static int ask(struct mc *mc, uint32_t flags)
{
	uint8_t data[DATA] = {};

	return mc_feature(mc, HEAD + DATA, flags, data, DATA);
}

static void refuses_short_argsz(struct mc *mc, const struct mc_rule *rule)
{
	uint8_t data[DATA] = {};
	uint32_t argsz;

	for (argsz = 0; argsz < HEAD; argsz++)
		mc_is(mc, MC_MUST, "argsz below 8", -EINVAL,
		      mc_feature(mc, argsz, PROBE | VFIO_DEVICE_FEATURE_MIGRATION,
				 data, DATA));
}

static void refuses_unknown_flags(struct mc *mc, const struct mc_rule *rule)
{
	unsigned int bit;

	for (bit = 19; bit < 32; bit++)
		mc_is(mc, MC_MUST, "flag that does not exist", -EINVAL,
		      ask(mc, GET | VFIO_DEVICE_FEATURE_MIGRATION | 1u << bit));
}

static void refuses_get_with_set(struct mc *mc, const struct mc_rule *rule)
{
	mc_is(mc, MC_MUST, "GET|SET", -EINVAL,
	      ask(mc, GET | SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE));
	mc_is(mc, MC_MUST, "state", MC_RUNNING, vt_get_state(&mc->dev));
	mc_is(mc, MC_MUST, "PROBE|GET|SET", 0,
	      ask(mc, PROBE | GET | SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE));
}

static void refuses_unknown_features(struct mc *mc, const struct mc_rule *rule)
{
	mc_is(mc, MC_MUST, "PROBE of feature 65535", -ENOTTY, ask(mc, PROBE | 0xffff));
	mc_is(mc, MC_MUST, "GET of feature 65535", -ENOTTY, ask(mc, GET | 0xffff));
}

/* "The data portion is not required for probing." */
static void can_be_probed(struct mc *mc, const struct mc_rule *rule)
{
	const struct mc_feature_desc *f = &features[rule->a];
	uint8_t data[DATA], before[DATA];

	memset(data, 0xa5, DATA);
	memcpy(before, data, DATA);
	mc_is(mc, MC_MUST, "PROBE without data", 0,
	      mc_feature(mc, HEAD, PROBE | f->nr, data, 0));
	mc_is(mc, MC_MUST, "PROBE", 0,
	      mc_feature(mc, HEAD + DATA, PROBE | f->nr, data, DATA));
	mc_is(mc, MC_MUST, "PROBE with what it has", 0,
	      mc_feature(mc, HEAD + DATA, PROBE | f->ops | f->nr, data, DATA));
	mc_ok(mc, MC_MUST, !memcmp(data, before, DATA), "PROBE wrote data");
}

static void refuses_other_operations(struct mc *mc, const struct mc_rule *rule)
{
	const struct mc_feature_desc *f = &features[rule->a];
	const uint32_t lacks = (GET | SET) & ~f->ops;

	mc_is(mc, MC_MUST, "neither GET, SET nor PROBE", -EINVAL, ask(mc, f->nr));
	if (!lacks)
		return;
	mc_is(mc, MC_MUST, lacks == GET ? "GET" : "SET", -EINVAL,
	      ask(mc, lacks | f->nr));
	mc_is(mc, MC_MUST, lacks == GET ? "PROBE|GET" : "PROBE|SET", -EINVAL,
	      ask(mc, PROBE | lacks | f->nr));
}

static void refuses_short_data(struct mc *mc, const struct mc_rule *rule)
{
	const struct mc_feature_desc *f = &features[rule->a];
	uint8_t data[DATA] = {};
	uint32_t op, len;

	for (op = GET; op <= SET; op <<= 1)
		for (len = 0; len < f->len && (f->ops & op); len++)
			mc_is(mc, MC_MUST, op == GET ? "GET" : "SET", -EINVAL,
			      mc_feature(mc, HEAD + len, op | f->nr, data, DATA));
}

/* "Other combinations of flags have behavior to be defined in the future." */
static void flags_are_defined(struct mc *mc, const struct mc_rule *rule)
{
	mc_ok(mc, MC_MUST, (mc->flags & VFIO_MIGRATION_STOP_COPY) &&
	      !(mc->flags & ~7ull), "flags 0x%llx", (unsigned long long)mc->flags);
}

static const struct mc_rule rules[] = {
	{ "the flags of MIGRATION are 1, 3, 5 or 7", flags_are_defined },
	{ "an argsz below 8 fails with EINVAL", refuses_short_argsz },
	{ "a flag that does not exist fails with EINVAL", refuses_unknown_flags },
	{ "GET with SET fails with EINVAL, but for PROBE", refuses_get_with_set },
	{ "a feature that does not exist fails with ENOTTY",
	  refuses_unknown_features },
};

void mc_add_feature_rules(struct mc *mc)
{
	struct mc_rule rule;
	size_t i;

	mc_add_table(mc, rules, sizeof(rules) / sizeof(*rules));
	for (i = 0; i < sizeof(features) / sizeof(*features); i++) {
		rule = (struct mc_rule) { .needs = features[i].needs, .a = i };
		rule.run = can_be_probed;
		mc_add(mc, &rule, "PROBE of %s succeeds and touches nothing",
		       features[i].name);
		rule.run = refuses_other_operations;
		mc_add(mc, &rule, "%s without an operation it has fails with EINVAL",
		       features[i].name);
		rule.run = refuses_short_data;
		if (features[i].len)
			mc_add(mc, &rule, "%s with short data fails with EINVAL",
			       features[i].name);
	}
}
