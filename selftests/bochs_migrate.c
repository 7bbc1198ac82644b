// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bochs_vfio_pci, on devices of the (virtual) machine, behind its own IOMMU: what
 * was saved is what is there after the load, byte for byte; what is no state of
 * this device is refused and changes nothing; a reset leaves nothing behind.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "crc32.h"
#include "kselftest_harness.h"
#include "lib/vt.h"

#ifndef BOCHS_BACKEND
#define BOCHS_BACKEND	VT_LEGACY
#endif

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING

#define DRIVER		"/sys/bus/pci/drivers/bochs_vfio_pci/"
#define DEVICES		"/sys/bus/pci/devices/"
#define NR_DISPI	9
#define DISPI(n)	(0x502 + 2 * (n))
#define BYTEORDER	0x604
#define LITTLE		0x1e1e1e1eu
#define BIG		0xbebebebeu

/* The state's header, as the driver has it. */
struct header {
	uint32_t magic;
	uint32_t version;
	uint64_t vram_size;
	uint16_t dispi[NR_DISPI];
	uint16_t reserved;
	uint32_t byteorder;
};

/* Two of one size, one of another, one that is no bochs-display. */
static char bdfs[3][32], vga[32];
static pid_t loader;

static uint32_t attribute(const char *bdf, const char *name)
{
	char path[160], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "%s/%s", bdf, name);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(text, sizeof(text), file))
			text[0] = '\0';
		fclose(file);
	}
	return strtoul(text, NULL, 0);
}

/* Behind a port is what can be reset. */
static bool on_root_bus(const char *bdf)
{
	return !strncmp(bdf, "0000:00:", 8);
}

static unsigned int find_devices(void)
{
	struct dirent **list;
	int i, n = scandir(DEVICES, &list, NULL, alphasort);
	unsigned int found = 0;
	const char *bdf;

	for (i = 0; i < n; i++) {
		bdf = list[i]->d_name;
		if (attribute(bdf, "vendor") == 0x1234 &&
		    attribute(bdf, "device") == 0x1111) {
			if (on_root_bus(bdf))
				snprintf(vga, sizeof(vga), "%.31s", bdf);
			else if (found < 3)
				snprintf(bdfs[found++], 32, "%.31s", bdf);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found + !!vga[0];
}

static void set_override(const char *bdf, const char *driver)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "%s/driver_override", bdf);
	vt_write_file(path, driver);
}

/* Return: whether the driver has taken it. */
static bool offer(const char *bdf)
{
	char path[160];

	set_override(bdf, "bochs_vfio_pci");
	vt_try_write_file("/sys/bus/pci/drivers_probe", bdf);
	snprintf(path, sizeof(path), DRIVER "%s", bdf);
	return access(path, F_OK) == 0;
}

/* Tests run in children of the program, which must not unload anything. */
static void take_down(void)
{
	unsigned int i;

	if (loader != getpid())
		return;
	if (vt_module_loaded("bochs_vfio_pci") && vt_rmmod("bochs_vfio_pci"))
		_exit(1);
	for (i = 0; i < 3; i++)
		set_override(bdfs[i], "\n");
	set_override(vga, "\n");
}

static __attribute__((constructor)) void set_up(void)
{
	unsigned int i;

	if (find_devices() < 4 && !getenv("TEST_MACHINE")) {
		printf("TAP version 13\n1..0 # SKIP no devices of QEMU for it: see kernels.conf\n");
		exit(4);
	}
	if (!vt_module_loaded("bochs_vfio_pci")) {
		loader = getpid();
		atexit(take_down);
	}
	if (!vt_insmod_plain("vfio_mig") || !vt_insmod_plain("bochs_vfio_pci")) {
		printf("Bail out! cannot load the modules\n");
		exit(1);
	}
	for (i = 0; i < 3; i++) {
		if (offer(bdfs[i]))
			continue;
		printf("Bail out! %s does not get its driver\n", bdfs[i]);
		exit(1);
	}
}

static void open_device(struct vt_dev *dev, const char *bdf)
{
	struct vfio_region_info info;
	uint64_t offset;

	vt_open_bare(dev, bdf, BOCHS_BACKEND);
	offset = vt_region(dev, VFIO_PCI_BAR0_REGION_INDEX, &info);
	dev->mem_size = info.size;
	dev->mem = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
			dev->fd, offset);
	if (dev->mem == MAP_FAILED) {
		perror("# mmap of BAR 0");
		exit(1);
	}
	vt_enable(dev, false);
}

static uint64_t bar2(struct vt_dev *dev)
{
	struct vfio_region_info info;

	return vt_region(dev, VFIO_PCI_BAR2_REGION_INDEX, &info);
}

static uint32_t get(struct vt_dev *dev, uint32_t reg, size_t size)
{
	uint32_t val = 0;

	if (pread(dev->fd, &val, size, bar2(dev) + reg) == (ssize_t)size)
		return val;
	perror("# BAR 2");
	exit(1);
}

static void set(struct vt_dev *dev, uint32_t reg, uint32_t val, size_t size)
{
	if (pwrite(dev->fd, &val, size, bar2(dev) + reg) == (ssize_t)size)
		return;
	perror("# BAR 2");
	exit(1);
}

/* Something else in each word and register, by seed. */
static uint64_t word_of(uint64_t index, uint32_t seed)
{
	return (index + 1) * 0x9e3779b97f4a7c15ull ^ seed;
}

static void scribble(struct vt_dev *dev, uint32_t seed)
{
	uint64_t *mem = (uint64_t *)dev->mem;
	size_t i;

	for (i = 0; i < dev->mem_size / 8; i++)
		mem[i] = word_of(i, seed);
	for (i = 0; i < NR_DISPI; i++)
		set(dev, DISPI(i), seed * 16 + i, 2);
	set(dev, BYTEORDER, seed & 1 ? BIG : LITTLE, 4);
}

static bool has_regs(struct vt_dev *dev, uint32_t seed)
{
	unsigned int i;

	for (i = 0; i < NR_DISPI; i++)
		if (get(dev, DISPI(i), 2) != (seed ? seed * 16 + i : 0))
			return false;
	return get(dev, BYTEORDER, 4) == (seed & 1 ? BIG : LITTLE);
}

/* Does it hold what scribble() left?  With seed 0: what a new device has. */
static bool holds(struct vt_dev *dev, uint32_t seed)
{
	const uint64_t *mem = (uint64_t *)dev->mem;
	size_t i;

	for (i = 0; i < dev->mem_size / 8; i++) {
		if (mem[i] == (seed ? word_of(i, seed) : 0))
			continue;
		printf("# not at 0x%zx\n", i * 8);
		return false;
	}
	return has_regs(dev, seed);
}

static void seal(struct vt_state *state)
{
	const uint32_t crc = htole32(vfm_crc32(0, state->data, state->len - 4));

	memcpy(state->data + state->len - 4, &crc, 4);
}

FIXTURE(bochs) {
	struct vt_dev dev;
	struct vt_state state;
};

/* A state of seed 7; the device has seed 4 and runs. */
FIXTURE_SETUP(bochs)
{
	open_device(&self->dev, bdfs[0]);
	scribble(&self->dev, 7);
	vt_save(&self->dev, &self->state);
	ASSERT_EQ(0, vt_set_state(&self->dev, RUNNING, NULL));
	scribble(&self->dev, 4);
}

FIXTURE_TEARDOWN(bochs)
{
	vt_state_free(&self->state);
	vt_close(&self->dev);
}

TEST_F(bochs, is_what_it_says)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;

	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P,
		  vt_migration_flags(&self->dev));
	ASSERT_EQ(0, ioctl(self->dev.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	vt_region(&self->dev, VFIO_PCI_BAR0_REGION_INDEX, &region);
	EXPECT_TRUE(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT_EQ(self->state.len, vt_data_size(&self->dev));
	EXPECT_EQ(sizeof(struct header) + self->dev.mem_size + 4,
		  self->state.len);
}

TEST_F(bochs, what_was_saved_is_loaded)
{
	ASSERT_EQ(0, vt_reset(&self->dev));
	ASSERT_EQ(0, vt_load(&self->dev, &self->state));
	EXPECT_EQ(STOP, vt_get_state(&self->dev));
	EXPECT_TRUE(holds(&self->dev, 7));
	ASSERT_EQ(0, vt_set_state(&self->dev, RUNNING, NULL));
	EXPECT_TRUE(holds(&self->dev, 7));
}

TEST_F(bochs, another_device_gets_it_over_what_it_had)
{
	struct vt_state again;
	struct vt_dev other;

	open_device(&other, bdfs[1]);
	scribble(&other, 5);
	ASSERT_EQ(0, vt_load(&other, &self->state));
	EXPECT_TRUE(holds(&other, 7));
	vt_save(&other, &again);
	ASSERT_EQ(self->state.len, again.len);
	EXPECT_EQ(0, memcmp(self->state.data, again.data, again.len));
	EXPECT_TRUE(holds(&self->dev, 4));
	vt_state_free(&again);
	vt_close(&other);
}

static bool accepted(struct vt_dev *dev, const struct vt_state *state,
		     size_t chunk)
{
	int fd, ret;

	if (vt_set_state(dev, RESUMING, &fd))
		return false;
	ret = vt_write_all(fd, state->data, state->len, chunk);
	close(fd);
	return !ret && !vt_set_state(dev, STOP, NULL);
}

TEST_F(bochs, segmentation_does_not_matter)
{
	static const size_t chunks[] = { 1021, 4095, 4097, 1 << 17 };
	size_t i;

	for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		scribble(&self->dev, 4);
		EXPECT_TRUE(accepted(&self->dev, &self->state, chunks[i]));
		EXPECT_TRUE(holds(&self->dev, 7));
	}
}

/* Refused by a write or by the commit, for good, and nothing has changed. */
static bool refused(struct vt_dev *dev, const struct vt_state *state, int err)
{
	int fd, ret, again;
	bool ok;

	if (vt_set_state(dev, RESUMING, &fd))
		return false;
	ret = vt_write_all(fd, state->data, state->len, 1 << 20);
	again = vt_set_state(dev, STOP, NULL);
	if (!ret)
		ret = again;
	ok = ret == err && again == err && vt_get_state(dev) == RESUMING &&
	     holds(dev, 4);
	if (!ok)
		printf("# write or commit %d, commit %d, wanted %d\n", ret,
		       again, err);
	close(fd);
	if (vt_reset(dev) || vt_get_state(dev) != RUNNING)
		return false;
	scribble(dev, 4);
	return ok;
}

TEST_F_TIMEOUT(bochs, a_truncated_state_is_refused, 120)
{
	const size_t header = sizeof(struct header), len = self->state.len;
	const size_t ends[] = {
		0, 1, header - 1, header, header + 1, 4096, len / 2, len - 5,
		len - 4, len - 1,
	};
	struct vt_state cut = self->state;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		cut.len = ends[i];
		EXPECT_TRUE(refused(&self->dev, &cut, -ENODATA))
			TH_LOG("%zu bytes", cut.len);
	}
}

TEST_F(bochs, a_state_that_goes_on_is_refused)
{
	struct vt_state more = { malloc(self->state.len + 1) };

	memcpy(more.data, self->state.data, self->state.len);
	more.data[self->state.len] = 0;
	more.len = self->state.len + 1;
	EXPECT_TRUE(refused(&self->dev, &more, -EFBIG));
	vt_state_free(&more);
}

TEST_F_TIMEOUT(bochs, any_damage_is_found, 120)
{
	const size_t len = self->state.len;
	const struct { size_t pos; int err; } flips[] = {
		{ 0, -EBADMSG }, { 4, -EPROTONOSUPPORT }, { 7, -EPROTONOSUPPORT },
		{ 8, -EXDEV }, { 15, -EXDEV }, { 16, -EBADMSG }, { 33, -EBADMSG },
		{ 34, -EBADMSG }, { 36, -EBADMSG }, { 40, -EBADMSG },
		{ len / 2, -EBADMSG }, { len - 5, -EBADMSG }, { len - 4, -EBADMSG },
		{ len - 1, -EBADMSG },
	};
	size_t i;

	for (i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
		self->state.data[flips[i].pos] ^= 1 << i % 8;
		EXPECT_TRUE(refused(&self->dev, &self->state, flips[i].err))
			TH_LOG("byte %zu", flips[i].pos);
		self->state.data[flips[i].pos] ^= 1 << i % 8;
	}
	EXPECT_TRUE(accepted(&self->dev, &self->state, 1 << 20));
}

/* With a right checksum. */
TEST_F(bochs, what_the_device_cannot_have_is_refused)
{
	struct header *h = (void *)self->state.data;

	h->byteorder = htole32(0x1e1e1ebe);
	seal(&self->state);
	EXPECT_TRUE(refused(&self->dev, &self->state, -EBADMSG));
	h->byteorder = htole32(LITTLE);
	h->reserved = htole16(1);
	seal(&self->state);
	EXPECT_TRUE(refused(&self->dev, &self->state, -EBADMSG));
	h->reserved = 0;
	seal(&self->state);
	EXPECT_TRUE(accepted(&self->dev, &self->state, 1 << 20));
	EXPECT_EQ(LITTLE, get(&self->dev, BYTEORDER, 4));
}

/* By the write that has the header in it, whatever would follow. */
TEST_F(bochs, memory_of_another_size_is_refused_at_once)
{
	struct vt_dev other;
	int fd;

	open_device(&other, bdfs[2]);
	ASSERT_NE(self->dev.mem_size, other.mem_size);
	scribble(&other, 4);
	ASSERT_EQ(0, vt_set_state(&other, RESUMING, &fd));
	EXPECT_EQ(-EXDEV, vt_write_all(fd, self->state.data,
				       sizeof(struct header), 1 << 20));
	EXPECT_EQ(-EXDEV, vt_set_state(&other, STOP, NULL));
	EXPECT_TRUE(holds(&other, 4));
	close(fd);
	vt_close(&other);
}

TEST_F(bochs, memory_decoding_may_be_off)
{
	struct vt_dev *dev = &self->dev;
	struct vt_state state;

	ASSERT_EQ(0, vt_cfg_write(dev, PCI_COMMAND, 0, 2));
	vt_save(dev, &state);
	EXPECT_EQ(0, vt_cfg_read(dev, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	EXPECT_EQ(0, vt_load(dev, &self->state));
	EXPECT_EQ(0, vt_cfg_read(dev, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY);
	vt_enable(dev, false);
	EXPECT_TRUE(holds(dev, 7));
	EXPECT_EQ(0, vt_load(dev, &state));
	EXPECT_TRUE(holds(dev, 4));
	ASSERT_EQ(0, vt_cfg_write(dev, PCI_COMMAND, 0, 2));
	ASSERT_EQ(0, vt_reset(dev));
	vt_enable(dev, false);
	EXPECT_TRUE(holds(dev, 0));
	vt_state_free(&state);
}

static int reset_by_ioctl(struct vt_dev *dev)
{
	return vt_reset(dev);
}

static int reset_by_sysfs(struct vt_dev *dev)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "%s/reset", bdfs[0]);
	return vt_try_write_file(path, "1");
}

TEST_F(bochs, a_reset_ends_everything_and_leaves_nothing)
{
	static int (*const resets[])(struct vt_dev *dev) = {
		reset_by_ioctl, reset_by_sysfs, vt_hot_reset_alone,
	};
	static const uint32_t states[] = {
		RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P, STOP, STOP_COPY, RESUMING,
	};
	struct vt_dev *dev = &self->dev;
	size_t i, j;
	char byte;
	int fd;

	for (i = 0; i < sizeof(resets) / sizeof(resets[0]); i++)
		for (j = 0; j < sizeof(states) / sizeof(states[0]); j++) {
			scribble(dev, 4);
			ASSERT_EQ(0, vt_set_state(dev, states[j], &fd));
			ASSERT_EQ(0, resets[i](dev));
			EXPECT_EQ(RUNNING, vt_get_state(dev));
			EXPECT_TRUE(holds(dev, 0));
			if (fd < 0)
				continue;
			EXPECT_EQ(-1, states[j] == RESUMING ?
				  write(fd, "", 1) : read(fd, &byte, 1));
			EXPECT_EQ(ENODEV, errno);
			close(fd);
		}
}

TEST_F(bochs, the_next_user_finds_nothing)
{
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	vt_close(&self->dev);
	open_device(&self->dev, bdfs[0]);
	EXPECT_EQ(RUNNING, vt_get_state(&self->dev));
	EXPECT_TRUE(holds(&self->dev, 0));
}

/* Not by vfio: as a driver may have left it that had the device before. */
static bool write_behind(const char *bdf, uint64_t val)
{
	const uint16_t command = htole16(PCI_COMMAND_MEMORY);
	volatile uint64_t *mem;
	char path[160];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), DEVICES "%s/config", bdf);
	fd = open(path, O_RDWR);
	ok = pwrite(fd, &command, 2, PCI_COMMAND) == 2;
	close(fd);
	snprintf(path, sizeof(path), DEVICES "%s/resource0", bdf);
	fd = open(path, O_RDWR);
	mem = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (!ok || mem == MAP_FAILED)
		return false;
	*mem = val;
	ok = *mem == val;
	munmap((void *)mem, VT_PAGE);
	return ok;
}

/* Where there is no reset at all, as on a root bus. */
TEST_F(bochs, the_first_user_finds_nothing)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "%s/reset_method", bdfs[0]);
	vt_close(&self->dev);
	vt_write_file(path, "\n");
	ASSERT_TRUE(write_behind(bdfs[0], 0xdead));
	open_device(&self->dev, bdfs[0]);
	EXPECT_NE(0, vt_reset(&self->dev));
	EXPECT_TRUE(holds(&self->dev, 0));
	vt_write_file(path, "default\n");
}

TEST_F(bochs, a_data_fd_outlives_the_device_and_its_driver)
{
	char byte;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_NE(0, vt_rmmod("bochs_vfio_pci"));
	vt_close(&self->dev);
	vt_write_file(DRIVER "unbind", bdfs[0]);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(0, vt_rmmod("bochs_vfio_pci"));
	close(fd);
	ASSERT_TRUE(vt_insmod_plain("bochs_vfio_pci"));
	ASSERT_TRUE(offer(bdfs[0]) && offer(bdfs[1]) && offer(bdfs[2]));
	open_device(&self->dev, bdfs[0]);
	EXPECT_TRUE(holds(&self->dev, 0));
}

struct resetter {
	struct vt_dev *dev;
	unsigned int usec;
	int ret;
};

static void *reset_later(void *arg)
{
	struct resetter *r = arg;

	usleep(r->usec);
	r->ret = vt_reset(r->dev);
	return NULL;
}

/* Either the load is undone by the reset, or it is too late for it. */
TEST_F_TIMEOUT(bochs, a_load_is_never_on_top_of_a_reset, 240)
{
	struct resetter r = { .dev = &self->dev };
	pthread_t thread;
	int i, fd;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vt_set_state(r.dev, RESUMING, &fd));
		ASSERT_EQ(0, vt_write_all(fd, self->state.data, self->state.len,
					  1 << 20));
		r.usec = random() % 20000;
		ASSERT_EQ(0, pthread_create(&thread, NULL, reset_later, &r));
		usleep(random() % 20000);
		vt_set_state(r.dev, STOP, NULL);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, r.ret);
		EXPECT_TRUE(holds(r.dev, 0));
		ASSERT_EQ(0, vt_set_state(r.dev, RUNNING, NULL));
		close(fd);
		scribble(r.dev, 4);
	}
}

TEST(an_adapter_with_vga_registers_is_refused)
{
	EXPECT_FALSE(offer(vga));
	set_override(vga, "\n");
}

TEST_HARNESS_MAIN
