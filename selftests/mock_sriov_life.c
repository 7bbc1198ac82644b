// SPDX-License-Identifier: GPL-2.0-or-later
/* How virtual functions come and go, and what keeps them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/sriov.h"
#include "lib/vt.h"

#define VFS		8
#define PFS		5
#define ROUNDS		20

FIXTURE(vfs) {
	char pf[32];
};

FIXTURE_SETUP(vfs)
{
	vt_pf_new(self->pf);
}

FIXTURE_TEARDOWN(vfs)
{
	if (vt_fn_exists(self->pf))
		vt_fn_del(self->pf);
}

static int finished(pid_t pid, int msec)
{
	int status;

	for (; msec >= 0; msec -= 10) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		usleep(10000);
	}
	return -1;
}

TEST_F(vfs, disabling_waits_for_the_user_of_a_vf)
{
	struct vt_dev vf;
	pid_t pid;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_open_vf(&vf, self->pf, 1);
	pid = vt_pci_write_in_background(self->pf, "sriov_numvfs", "0");
	EXPECT_EQ(-1, finished(pid, 300));
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&vf, MOCK_VFIO_REG_MAGIC));
	vt_close(&vf);
	EXPECT_EQ(0, finished(pid, 20000));
	EXPECT_EQ(0, vt_pci_number(self->pf, "sriov_numvfs"));
	EXPECT_FALSE(vt_pci_has(self->pf, "virtfn0"));
}

static bool is_gone(void *bdf)
{
	return !vt_fn_exists(bdf);
}

TEST_F(vfs, removal_of_the_pf_waits_for_the_user_of_a_vf)
{
	struct vfm_error e;
	char bdf[32], other[32];
	struct vt_dev vf;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, VFS));
	vt_vf_bdf(self->pf, 6, bdf);
	vt_open_bdf(&vf, bdf, VT_LEGACY);
	ASSERT_EQ(0, vfm_mock_del(self->pf, false, NULL, &e));
	usleep(300000);
	EXPECT_TRUE(vt_fn_exists(self->pf));
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&vf, MOCK_VFIO_REG_MAGIC));
	/* Others come and go meanwhile. */
	vt_pf_new(other);
	vt_fn_del(other);
	vt_close(&vf);
	EXPECT_TRUE(vt_wait_until(is_gone, self->pf, 20000));
	EXPECT_FALSE(vt_pci_has(bdf, ""));
	EXPECT_FALSE(vt_pci_has(self->pf, ""));
}

TEST_F(vfs, a_pf_that_is_pulled_out_takes_its_vfs_along)
{
	struct vfm_error e;
	struct vt_dev vf;
	uint32_t val;
	char bdf[32];

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_vf_bdf(self->pf, 0, bdf);
	vt_open_bdf(&vf, bdf, VT_LEGACY);
	vt_traffic_start(&vf, MOCK_VFIO_TRAFFIC_DMA, 100);
	ASSERT_EQ(0, vfm_mock_del(self->pf, true, NULL, &e));
	EXPECT_EQ(-1, pread(vf.fd, &val, 4, MOCK_VFIO_REG_MAGIC));
	EXPECT_EQ(EIO, errno);
	usleep(20000);
	memset(vf.ram + (1 << 20), 0, VT_PAGE);
	usleep(20000);
	memcpy(&val, vf.ram + (1 << 20), 4);
	EXPECT_EQ(0, val);
	vt_close(&vf);
	EXPECT_TRUE(vt_wait_until(is_gone, self->pf, 20000));
	EXPECT_FALSE(vt_pci_has(bdf, ""));
}

/* To the PCI core the PF is a new one, which has no VFs. */
TEST_F(vfs, a_pf_with_vfs_is_removed_by_sysfs_and_comes_back)
{
	struct vt_dev vf;

	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_pci_write(self->pf, "remove", "1");
	EXPECT_FALSE(vt_pci_has(self->pf, ""));
	vt_write_file("/sys/bus/pci/rescan", "1");
	ASSERT_TRUE(vt_pci_has(self->pf, ""));
	EXPECT_EQ(0, vt_pci_number(self->pf, "sriov_numvfs"));
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_open_vf(&vf, self->pf, 1);
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&vf, MOCK_VFIO_REG_MAGIC));
	vt_close(&vf);
}

TEST_F(vfs, an_unbound_pf_has_no_vfs)
{
	/* The PCI core removes VFs then without a lock that it wants held. */
	if (access("/proc/lockdep", F_OK) == 0)
		SKIP(return, "lockdep complains about the PCI core");
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 2));
	vt_write_file("/sys/bus/pci/drivers/mock_pf/unbind", self->pf);
	EXPECT_FALSE(vt_pci_has(self->pf, "virtfn0"));
	EXPECT_EQ(-ENOENT, vt_set_numvfs(self->pf, 1));
	vt_write_file("/sys/bus/pci/drivers/mock_pf/bind", self->pf);
	EXPECT_EQ(0, vt_set_numvfs(self->pf, 1));
}

static int cycle(const char *pf)
{
	int i, ret = 0;

	for (i = 0; i < ROUNDS && !ret; i++) {
		ret = vt_set_numvfs(pf, 1 + i % VFS);
		if (!ret && !vt_pci_has(pf, "virtfn0"))
			ret = 1;
		if (!ret)
			ret = vt_set_numvfs(pf, 0);
	}
	return ret;
}

TEST_F_TIMEOUT(vfs, come_and_go_a_hundred_times, 400)
{
	char pf[PFS][32];
	pid_t pid[PFS];
	int i;

	for (i = 0; i < PFS; i++) {
		vt_pf_new(pf[i]);
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(cycle(pf[i]) != 0);
	}
	for (i = 0; i < PFS; i++) {
		EXPECT_EQ(0, finished(pid[i], 390000));
		vt_fn_del(pf[i]);
	}
}

/* At any moment of that, which is why it is done with some delays. */
TEST_F_TIMEOUT(vfs, a_pf_goes_while_its_vfs_come_and_go, 150)
{
	char pf[32];
	pid_t pid;
	int i;

	/* A device goes under the lock that writing sriov_numvfs takes, too. */
	if (access("/proc/lockdep", F_OK) == 0)
		SKIP(return, "lockdep complains about the PCI core");
	for (i = 0; i < 4; i++) {
		vt_pf_new(pf);
		pid = fork();
		if (pid == 0)
			_exit(cycle(pf) == 0);
		usleep(50000 + i * 300000);
		vt_fn_del(pf);
		EXPECT_EQ(0, finished(pid, 30000));
		EXPECT_FALSE(vt_pci_has(pf, ""));
	}
}

TEST_F(vfs, the_module_goes_with_vfs_and_all)
{
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 3));
	ASSERT_EQ(0, vt_rmmod("mock_vfio_pci"));
	EXPECT_FALSE(vt_pci_has(self->pf, ""));
	ASSERT_TRUE(vt_insmod(2));
}

TEST_HARNESS_MAIN
