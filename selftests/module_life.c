// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of the modules and of the binding: what is in use stays, what is
 * not in use goes, and descriptors that outlive their device only say so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define DRIVER	"/sys/bus/pci/drivers/mock_vfio_pci/"

static unsigned int count_functions(void)
{
	DIR *dir = opendir(DRIVER);
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)) != NULL)
		n += strchr(entry->d_name, ':') != NULL;
	if (dir)
		closedir(dir);
	return n;
}

static bool reload(unsigned int functions)
{
	if (vt_module_loaded("mock_vfio_pci") && vt_rmmod("mock_vfio_pci"))
		return false;
	if (vt_module_loaded("vfio_mig") && vt_rmmod("vfio_mig"))
		return false;
	return vt_insmod(functions);
}

FIXTURE(module) {};
FIXTURE_SETUP(module) {}
FIXTURE_TEARDOWN(module) {}

TEST_F_TIMEOUT(module, can_be_reloaded_a_hundred_times, 300)
{
	int i;

	for (i = 0; i < 100; i++) {
		const unsigned int functions = i % 10 ? 1 : 3;

		ASSERT_TRUE(reload(functions));
		ASSERT_EQ(functions, count_functions());
	}
	ASSERT_TRUE(reload(2));
}

TEST_F(module, any_number_of_functions_up_to_the_limit_can_be_asked_for)
{
	ASSERT_TRUE(reload(0));
	EXPECT_EQ(0, count_functions());
	ASSERT_TRUE(reload(65));
	EXPECT_EQ(65, count_functions());
	EXPECT_FALSE(reload(1025));
	EXPECT_FALSE(vt_module_loaded("mock_vfio_pci"));
	ASSERT_TRUE(reload(2));
}

TEST_F(module, stays_while_the_device_is_open)
{
	struct vt_dev dev;

	vt_open(&dev, 0, VT_LEGACY);
	EXPECT_NE(0, vt_rmmod("mock_vfio_pci"));
	EXPECT_NE(0, vt_rmmod("vfio_mig"));
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&dev, MOCK_VFIO_REG_MAGIC));
	vt_close(&dev);
}

/* The code behind the descriptor is the scaffold's, the device is gone. */
TEST_F(module, a_data_fd_outlives_the_driver_but_keeps_the_scaffold)
{
	struct vt_dev dev;
	char byte;
	int fd;

	vt_open(&dev, 0, VT_LEGACY);
	ASSERT_EQ(0, vt_set_state(&dev, VFIO_DEVICE_STATE_STOP_COPY, &fd));
	vt_close(&dev);
	EXPECT_EQ(0, vt_rmmod("mock_vfio_pci"));
	EXPECT_NE(0, vt_rmmod("vfio_mig"));
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
	EXPECT_EQ(0, vt_rmmod("vfio_mig"));
	ASSERT_TRUE(vt_insmod(2));
}

/* By another program: a mere child would hold the device open too. */
static pid_t unbind_in_background(const char *bdf)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("sh", "sh", "-c", "echo $0 >" DRIVER "unbind", bdf, NULL);
		_exit(127);
	}
	return pid;
}

/* Also the surprise removal of a device in the middle of a migration. */
TEST_F(module, unbind_waits_for_the_user_and_ends_the_session)
{
	struct vt_dev dev;
	int fd, status;
	char bdf[32];
	pid_t pid;

	vt_bdf(0, bdf);
	vt_open(&dev, 0, VT_LEGACY);
	vt_traffic_start(&dev, MOCK_VFIO_TRAFFIC_DMA | MOCK_VFIO_TRAFFIC_MEM, 100);
	ASSERT_EQ(0, vt_set_state(&dev, VFIO_DEVICE_STATE_RESUMING, &fd));
	ASSERT_EQ(0, vt_set_state(&dev, VFIO_DEVICE_STATE_RESUMING, NULL));
	pid = unbind_in_background(bdf);
	usleep(200000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(1, write(fd, "", 1));
	vt_close(&dev);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, write(fd, "", 1));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
	vt_write_file(DRIVER "bind", bdf);
	vt_open(&dev, 0, VT_LEGACY);
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&dev));
	vt_close(&dev);
}

TEST_F(module, unbind_and_bind_while_traffic_was_running)
{
	struct vt_dev dev;
	char bdf[32];
	int i;

	vt_bdf(1, bdf);
	for (i = 0; i < 10; i++) {
		vt_open(&dev, 1, VT_LEGACY);
		vt_traffic_start(&dev, MOCK_VFIO_TRAFFIC_DMA, 50);
		vt_close(&dev);
		vt_write_file(DRIVER "unbind", bdf);
		vt_write_file(DRIVER "bind", bdf);
	}
}

TEST_F(module, a_removed_function_comes_back_by_a_rescan)
{
	char bdf[32], path[128];
	struct vt_dev dev;

	vt_bdf(1, bdf);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	vt_write_file(path, "1");
	EXPECT_EQ(1, count_functions());
	vt_write_file("/sys/bus/pci/rescan", "1");
	EXPECT_EQ(2, count_functions());
	vt_open(&dev, 1, VT_LEGACY);
	EXPECT_EQ(MOCK_VFIO_MAGIC, vt_read32(&dev, MOCK_VFIO_REG_MAGIC));
	vt_close(&dev);
}

TEST_HARNESS_MAIN
