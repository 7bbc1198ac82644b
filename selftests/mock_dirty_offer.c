// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which functions offer DMA logging: those that are made to, on kernels where
 * the log can be reported.
 */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/log.h"
#include "mock_ctl.h"

FIXTURE(offer) {
	char bdf[32];
};

FIXTURE_VARIANT(offer) {
	const char *profile;
	const char *words;
	bool offers;
};

#define OFFER(_id, _profile, _words, _offers)				\
	FIXTURE_VARIANT_ADD(offer, _id) {				\
		.profile = _profile, .words = _words, .offers = _offers, \
	}

OFFER(default_, "default", NULL, true);
OFFER(nic_like, "nic-like", NULL, true);
OFFER(no_precopy, "no-precopy", NULL, true);
OFFER(gpu_like, "gpu-like", NULL, false);
OFFER(stop_copy_only, "stop-copy-only", NULL, false);
OFFER(non_migratable, "non-migratable", NULL, false);
OFFER(taken_away, "default", "off", false);
OFFER(given, "non-migratable", "on", true);

FIXTURE_SETUP(offer)
{
	char *words[] = {
		"profile", (char *)variant->profile,
		"dirty-log", (char *)variant->words,
	};
	struct vfm_mock_conf conf;
	struct vfm_error e;

	ASSERT_EQ(0, vfm_mock_conf_words(&conf, variant->words ? 4 : 2, words, &e));
	vt_fn_new(&conf, self->bdf);
}

FIXTURE_TEARDOWN(offer)
{
	vt_fn_del(self->bdf);
}

TEST_F(offer, is_what_was_asked_for_and_can_be_reported)
{
	const int expected = variant->offers && log_possible() ? 0 : -ENOTTY;
	struct vfm_mock_conf conf;
	struct vfm_error e;
	struct vt_dev dev;

	ASSERT_EQ(0, vfm_mock_get(self->bdf, &conf, &e));
	EXPECT_EQ(variant->offers, conf.dirty_log);
	vt_open_bdf(&dev, self->bdf, VT_LEGACY);
	EXPECT_EQ(expected, log_probe(&dev, VFIO_DEVICE_FEATURE_DMA_LOGGING_START));
	EXPECT_EQ(expected, log_probe(&dev, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP));
	EXPECT_EQ(expected, log_probe(&dev, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT));
	EXPECT_EQ(expected, log_start_one(&dev, VT_PAGE, VT_RAM_IOVA, VT_RAM_SIZE));
	EXPECT_EQ(expected, log_stop(&dev));
	vt_close(&dev);
}

TEST_HARNESS_MAIN
