// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that a program makes for itself: each is what it was asked to be,
 * is opened by its address, and what several make at once do not get mixed up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

FIXTURE(function) {
	char bdf[32];
};

FIXTURE_VARIANT(function) {
	enum vt_backend backend;
};

FIXTURE_VARIANT_ADD(function, legacy) { .backend = VT_LEGACY };
FIXTURE_VARIANT_ADD(function, iommufd) { .backend = VT_IOMMUFD };

FIXTURE_SETUP(function)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE | VFM_MOCK_MEM_SIZE |
			 VFM_MOCK_BAR_SIZE | VFM_MOCK_MIGRATION,
		.profile = "nic-like",
		.mem_size = 2 << 20, .bar_size = 2 << 20,
		.migration = MOCK_VFIO_PCI_MIGRATION_STOP_COPY,
	};

	if (!vt_has_backend(variant->backend))
		SKIP(return, "no iommufd");
	vt_fn_new(&conf, self->bdf);
}

static bool is_gone(void *bdf)
{
	return !vt_fn_exists(bdf);
}

FIXTURE_TEARDOWN(function)
{
	if (self->bdf[0] && vt_fn_exists(self->bdf))
		vt_fn_del(self->bdf);
}

TEST_F(function, is_opened_by_its_address)
{
	struct vt_dev dev;

	vt_open_bdf(&dev, self->bdf, variant->backend);
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&dev, MOCK_VFIO_REG_MAGIC));
	EXPECT_EQ(2u << 20, vt_read64(&dev, MOCK_VFIO_REG_MEM_SIZE));
	EXPECT_EQ(2u << 20, dev.mem_size);
	EXPECT_EQ(64, vt_read32(&dev, MOCK_VFIO_REG_VECTORS));
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY, vt_migration_flags(&dev));
	vt_close(&dev);
}

TEST_F(function, is_gone_once_it_was_removed)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", self->bdf);
	EXPECT_EQ(0, access(path, F_OK));
	vt_fn_del(self->bdf);
	EXPECT_FALSE(vt_fn_exists(self->bdf));
	EXPECT_NE(0, access(path, F_OK));
}

TEST_F(function, is_not_removed_before_its_user_closes_it)
{
	const struct vfm_patience wait = { 300, -1 };
	struct vfm_error e;
	struct vt_dev dev;

	vt_open_bdf(&dev, self->bdf, variant->backend);
	EXPECT_EQ(-ETIMEDOUT, vfm_mock_del(self->bdf, false, &wait, &e));
	EXPECT_TRUE(vt_fn_exists(self->bdf));
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&dev, MOCK_VFIO_REG_MAGIC));
	vt_close(&dev);
	EXPECT_TRUE(vt_wait_until(is_gone, self->bdf, 10000));
}

#define MAKERS	4
#define ROUNDS	5

/* Functions of this name, -1 if the kernel does not say. */
static int count(const char *name)
{
	struct vfm_mock_conf *all;
	struct vfm_error e;
	unsigned int n, i;
	int found = 0;

	if (vfm_mock_list(&all, &n, &e))
		return -1;
	for (i = 0; i < n; i++)
		found += !strcmp(all[i].name, name);
	free(all);
	return found;
}

/* All want the same name; whoever gets it gives it back. */
static int fight_for_a_name(void)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_NAME | VFM_MOCK_PROFILE,
		.name = "prize", .profile = "tiny",
	};
	struct vfm_mock_conf made;
	struct vfm_error e;
	int i, ret;

	for (i = 0; i < ROUNDS;) {
		ret = vfm_mock_new(&conf, &made, &e);
		if (ret == -EEXIST)
			continue;
		if (ret || count("prize") != 1)
			return 1;
		vt_fn_del(made.address);
		i++;
	}
	return 0;
}

FIXTURE(name) {};
FIXTURE_SETUP(name) {}
FIXTURE_TEARDOWN(name) {}

/* Without KVM, under KASAN and lockdep, a round takes two to three seconds. */
TEST_F_TIMEOUT(name, belongs_to_one_at_a_time, 150)
{
	pid_t pids[MAKERS];
	int i, status;

	for (i = 0; i < MAKERS; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(fight_for_a_name());
	}
	for (i = 0; i < MAKERS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, count("prize"));
}

TEST_HARNESS_MAIN
