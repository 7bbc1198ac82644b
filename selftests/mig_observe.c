// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the scaffold lets be seen of a migration: counters in debugfs, and
 * tracepoints.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define TRACEFS		"/sys/kernel/tracing"
#define DEBUGFS		"/sys/kernel/debug"
#define TEXT_MAX	(256 * 1024)

FIXTURE(observe) {
	struct vt_dev dev;
	char counters[PATH_MAX];
	char arcs[PATH_MAX];
	char *text;
};

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Beside vfio's own files where it has some. */
static void find_files(FIXTURE_DATA(observe) *self, const char *bdf)
{
	char dir[PATH_MAX / 2];

	snprintf(dir, sizeof(dir), DEBUGFS "/vfio/%s/vfio_mig", bdf);
	if (!exists(DEBUGFS "/vfio"))
		snprintf(dir, sizeof(dir), DEBUGFS "/vfio_mig/%s", bdf);
	snprintf(self->counters, PATH_MAX, "%s/counters", dir);
	snprintf(self->arcs, PATH_MAX, "%s/arcs", dir);
}

static void mount_once(const char *type, const char *path, const char *probe)
{
	if (!exists(probe) && mount(type, path, type, 0, NULL))
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
}

FIXTURE_SETUP(observe)
{
	char bdf[32];

	mount_once("debugfs", DEBUGFS, DEBUGFS "/bdi");
	mount_once("tracefs", TRACEFS, TRACEFS "/trace");
	self->text = malloc(TEXT_MAX);
	ASSERT_NE(NULL, self->text);
	vt_open(&self->dev, 0, VT_LEGACY);
	vt_bdf(0, bdf);
	find_files(self, bdf);
	vt_write_file(TRACEFS "/trace", "");
	vt_write_file(TRACEFS "/events/vfio_mig/enable", "1");
}

FIXTURE_TEARDOWN(observe)
{
	vt_write_file(TRACEFS "/events/vfio_mig/enable", "0");
	vt_close(&self->dev);
	free(self->text);
}

/* The whole of a file; Return: its text. */
static const char *slurp(FIXTURE_DATA(observe) *self, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	self->text[0] = '\0';
	if (fd < 0)
		return self->text;
	while ((n = read(fd, self->text + len, TEXT_MAX - 1 - len)) > 0)
		len += n;
	close(fd);
	self->text[len] = '\0';
	return self->text;
}

static long long counter(FIXTURE_DATA(observe) *self, const char *name)
{
	const char *line = slurp(self, self->counters);
	const size_t len = strlen(name);

	for (; line; line = strchr(line, '\n'), line += line ? 1 : 0)
		if (!strncmp(line, name, len) && line[len] == ' ')
			return strtoll(line + len, NULL, 10);
	return -1;
}

/* Return: of an arc's line, the number in that column after the names. */
static long long arc(FIXTURE_DATA(observe) *self, const char *name, int column)
{
	const char *p = strstr(slurp(self, self->arcs), name);
	char *end;
	long long val = -1;

	for (p = p ? p + strlen(name) : NULL; p && column >= 0; column--, p = end)
		val = strtoll(p, &end, 10);
	return val;
}

static bool traced(FIXTURE_DATA(observe) *self, const char *what)
{
	return strstr(slurp(self, TRACEFS "/trace"), what);
}

TEST_F(observe, counters_tell_what_was_done)
{
	const long long sessions = counter(self, "sessions");
	const long long resets = counter(self, "resets");
	const long long refused = counter(self, "refused");
	const long long bytes = counter(self, "bytes_read");
	const long long written = counter(self, "bytes_written");
	const long long taken = arc(self, "\nSTOP STOP_COPY ", 0);
	struct vt_state state;

	ASSERT_LE(0, sessions);
	vt_save(&self->dev, &state);
	EXPECT_EQ(sessions + 1, counter(self, "sessions"));
	EXPECT_EQ(bytes + (long long)state.len, counter(self, "bytes_read"));
	EXPECT_EQ(taken + 1, arc(self, "\nSTOP STOP_COPY ", 0));
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(resets + 1, counter(self, "resets"));
	ASSERT_EQ(0, vt_load(&self->dev, &state));
	EXPECT_EQ(written + (long long)state.len, counter(self, "bytes_written"));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, 0, NULL));
	EXPECT_EQ(refused + 1, counter(self, "refused"));
	EXPECT_EQ(0, counter(self, "session_open"));
	vt_state_free(&state);
}

TEST_F(observe, arcs_tell_what_failed_and_how_long_they_took)
{
	const long long failed = arc(self, "\nRESUMING STOP ", 1);
	int fd;

	ASSERT_LE(0, failed);
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_RESUMING, &fd));
	EXPECT_EQ(1, counter(self, "session_open"));
	EXPECT_EQ(-ENODATA, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	EXPECT_EQ(failed + 1, arc(self, "\nRESUMING STOP ", 1));
	EXPECT_LT(0, arc(self, "\nSTOP RESUMING ", 2));
	EXPECT_LT(0, arc(self, "\nSTOP RESUMING ", 3));
	EXPECT_LE(arc(self, "\nSTOP RESUMING ", 3), arc(self, "\nSTOP RESUMING ", 2));
	close(fd);
}

TEST_F(observe, tracepoints_tell_the_story_of_a_migration)
{
	struct vfm_precopy_info info = { .argsz = sizeof(info) };
	struct vt_state state;
	char bdf[32], line[128];
	int fd;

	vt_bdf(0, bdf);
	ASSERT_EQ(0, vt_set_state(&self->dev, VFM_STATE_PRE_COPY, &fd));
	ASSERT_EQ(0, ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info));
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP_COPY, NULL));
	ASSERT_EQ(0, vt_read_all(fd, &state));
	close(fd);
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vt_load(&self->dev, &state));

	snprintf(line, sizeof(line), "vfio_mig_arc: %s RUNNING -> PRE_COPY ret=0", bdf);
	EXPECT_TRUE(traced(self, line));
	EXPECT_TRUE(traced(self, "PRE_COPY_P2P -> STOP_COPY ret=0"));
	snprintf(line, sizeof(line), "vfio_mig_session_open: %s", bdf);
	EXPECT_TRUE(traced(self, line));
	snprintf(line, sizeof(line), "bytes=%zu err=0", state.len);
	EXPECT_TRUE(traced(self, line));
	snprintf(line, sizeof(line), "initial=%llu dirty=0 flags=0x0 ret=0",
		 (unsigned long long)info.initial_bytes);
	EXPECT_TRUE(traced(self, line));
	EXPECT_TRUE(traced(self, "vfio_mig_read:"));
	EXPECT_TRUE(traced(self, "vfio_mig_write:"));
	snprintf(line, sizeof(line), "vfio_mig_reset: %s in STOP_COPY", bdf);
	EXPECT_TRUE(traced(self, line));
	vt_state_free(&state);
}

/* Make the next one fail; Return: false if this kernel cannot. */
static bool arm(FIXTURE_DATA(observe) *self, const char *point)
{
	char path[PATH_MAX + 64];
	const int dir = strlen(self->counters) - strlen("counters");

	snprintf(path, sizeof(path), "%.*sfail_%s/times", dir, self->counters, point);
	if (!exists(path))
		return false;
	vt_write_file(path, "1");
	snprintf(path, sizeof(path), "%.*sfail_%s/probability", dir,
		 self->counters, point);
	vt_write_file(path, "100");
	return true;
}

#define NO_FAULTS "this kernel has no fault injection"

TEST_F(observe, an_arc_can_be_made_to_fail)
{
	char bdf[32], line[128];

	if (!arm(self, "arc"))
		SKIP(return, NO_FAULTS);
	EXPECT_EQ(-EIO, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&self->dev));
	EXPECT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	vt_bdf(0, bdf);
	snprintf(line, sizeof(line), "vfio_mig_fault: %s arc ret=-5", bdf);
	EXPECT_TRUE(traced(self, line));
}

TEST_F(observe, a_read_can_be_made_to_fail_and_stays_so)
{
	char buf[16];
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP_COPY, &fd));
	EXPECT_EQ(16, read(fd, buf, sizeof(buf)));
	if (!arm(self, "read")) {
		close(fd);
		SKIP(return, NO_FAULTS);
	}
	EXPECT_EQ(-1, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(EIO, errno);
	close(fd);
	EXPECT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_RUNNING, NULL));
	EXPECT_TRUE(vt_works(&self->dev));
}

TEST_F(observe, a_write_can_be_made_to_fail_and_the_load_with_it)
{
	struct vt_state state;
	int fd;

	vt_save(&self->dev, &state);
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_RESUMING, &fd));
	if (!arm(self, "write")) {
		close(fd);
		vt_state_free(&state);
		SKIP(return, NO_FAULTS);
	}
	EXPECT_EQ(-EIO, vt_write_all(fd, state.data, state.len, 64));
	EXPECT_EQ(-EIO, vt_write_all(fd, state.data, state.len, 64));
	EXPECT_EQ(-EIO, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	EXPECT_EQ(VFIO_DEVICE_STATE_RESUMING, vt_get_state(&self->dev));
	close(fd);
	vt_state_free(&state);
}

TEST_F(observe, a_query_can_be_made_to_fail)
{
	struct vfm_precopy_info info = { .argsz = sizeof(info) };
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, VFM_STATE_PRE_COPY, &fd));
	if (!arm(self, "precopy_info")) {
		close(fd);
		SKIP(return, NO_FAULTS);
	}
	EXPECT_EQ(-1, ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(0, ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info));
	close(fd);
}

/* The files go with the driver, whoever has them open. */
TEST_F(observe, counters_go_with_the_driver)
{
	char bdf[32], unbind[] = "/sys/bus/pci/drivers/mock_vfio_pci/unbind";
	char buf[16];
	int fd;

	vt_bdf(0, bdf);
	fd = open(self->counters, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	vt_close(&self->dev);
	vt_write_file(unbind, bdf);
	EXPECT_FALSE(exists(self->counters));
	EXPECT_EQ(-1, pread(fd, buf, sizeof(buf), 0));
	close(fd);
	vt_write_file("/sys/bus/pci/drivers/mock_vfio_pci/bind", bdf);
	EXPECT_TRUE(exists(self->counters));
	vt_open(&self->dev, 0, VT_LEGACY);
}

TEST_HARNESS_MAIN
