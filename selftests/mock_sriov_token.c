// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A physical function in the hands of a user, by vfio-pci: who opens one of its
 * virtual functions must show the VF token that the PF's user has set.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/types.h>

#include "kselftest_harness.h"
#include "lib/sriov.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define VFIO_PCI	"/sys/bus/pci/drivers/vfio-pci/"
#define RIGHT		"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define WRONG		"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f1"

/* What linux/vfio.h of before 6.18 does not have. */
struct bind_token {
	struct vfm_bind_iommufd bind;
	__aligned_u64 token_uuid_ptr;
};

#define BIND_FLAG_TOKEN	(1u << 0)

/* An open function, or what was open before that was refused. */
struct handle {
	int container;
	int group;
	int fd;
};

static void handle_close(struct handle *h)
{
	if (h->fd >= 0)
		close(h->fd);
	if (h->group >= 0)
		close(h->group);
	if (h->container >= 0)
		close(h->container);
}

/* By its group.  Return: 0 or an error, after which it is to be closed as well. */
static int handle_open(struct handle *h, const char *bdf, const char *token)
{
	char path[64], name[128];

	snprintf(path, sizeof(path), "/dev/vfio/%d", vt_pci_group(bdf));
	*h = (struct handle) { -1, -1, -1 };
	h->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	h->group = open(path, O_RDWR | O_CLOEXEC);
	if (h->container < 0 || h->group < 0 ||
	    ioctl(h->group, VFIO_GROUP_SET_CONTAINER, &h->container) ||
	    ioctl(h->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		exit(1);
	snprintf(name, sizeof(name), "%s%s%s", bdf, token ? " vf_token=" : "",
		 token ? token : "");
	h->fd = ioctl(h->group, VFIO_GROUP_GET_DEVICE_FD, name);
	return h->fd < 0 ? -errno : 0;
}

static int try_open(const char *bdf, const char *token)
{
	struct handle h;
	int ret = handle_open(&h, bdf, token);

	handle_close(&h);
	return ret;
}

static void uuid_parse(const char *text, uint8_t uuid[16])
{
	int i;

	for (i = 0; i < 16; i++) {
		if (*text == '-')
			text++;
		sscanf(text, "%2hhx", &uuid[i]);
		text += 2;
	}
}

static int set_token(int fd, const char *token)
{
	uint64_t buf[4] = {};
	struct vfio_device_feature *feature = (void *)buf;

	feature->argsz = sizeof(*feature) + 16;
	feature->flags = VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_PCI_VF_TOKEN;
	uuid_parse(token, feature->data);
	return ioctl(fd, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
}

static void give_to(const char *bdf, const char *driver)
{
	char bind[128];

	vt_pci_write(bdf, "driver_override", driver);
	if (vt_pci_has(bdf, "driver"))
		vt_pci_write(bdf, "driver/unbind", bdf);
	snprintf(bind, sizeof(bind), "/sys/bus/pci/drivers/%s/bind", driver);
	vt_write_file(bind, bdf);
}

FIXTURE(token) {
	char pf[32];
	char vf[32];
	struct handle h;
};

/* The PF is open, has a token, and one VF, which the variant driver drives. */
FIXTURE_SETUP(token)
{
	static const char *const modprobe[] = { "modprobe", "vfio-pci", NULL };

	ASSERT_EQ(0, vt_run(modprobe));
	vt_write_file("/sys/module/vfio_pci/parameters/enable_sriov", "Y");
	vt_pf_new(self->pf);
	give_to(self->pf, "vfio-pci");
	ASSERT_EQ(0, handle_open(&self->h, self->pf, NULL));
	ASSERT_EQ(0, set_token(self->h.fd, RIGHT));
	ASSERT_EQ(0, vt_set_numvfs(self->pf, 1));
	vt_vf_bdf(self->pf, 0, self->vf);
	/* vfio-pci has taken it for itself. */
	EXPECT_TRUE(vt_pci_links_to(self->vf, "driver", "vfio-pci"));
	give_to(self->vf, "mock_vfio_pci");
}

FIXTURE_TEARDOWN(token)
{
	handle_close(&self->h);
	vt_fn_del(self->pf);
}

TEST_F(token, is_needed_to_open_a_vf)
{
	EXPECT_EQ(-EACCES, try_open(self->vf, NULL));
	EXPECT_EQ(-EACCES, try_open(self->vf, WRONG));
	EXPECT_EQ(-EINVAL, try_open(self->vf, "x"));
	EXPECT_EQ(0, try_open(self->vf, RIGHT));
}

TEST_F(token, is_needed_with_vfio_pci_on_the_vf_too)
{
	give_to(self->vf, "vfio-pci");
	EXPECT_EQ(-EACCES, try_open(self->vf, NULL));
	EXPECT_EQ(-EACCES, try_open(self->vf, WRONG));
	EXPECT_EQ(0, try_open(self->vf, RIGHT));
}

TEST_F(token, stays_when_the_pf_is_closed)
{
	handle_close(&self->h);
	EXPECT_EQ(-EACCES, try_open(self->vf, NULL));
	EXPECT_EQ(0, try_open(self->vf, RIGHT));
	ASSERT_EQ(0, handle_open(&self->h, self->pf, NULL));
}

TEST_F(token, can_be_replaced)
{
	ASSERT_EQ(0, set_token(self->h.fd, WRONG));
	EXPECT_EQ(-EACCES, try_open(self->vf, RIGHT));
	EXPECT_EQ(0, try_open(self->vf, WRONG));
}

/* Nobody gets hold of the PF below a VF in use without knowing the token. */
TEST_F(token, is_needed_to_open_the_pf_of_a_vf_in_use)
{
	struct handle vf;

	handle_close(&self->h);
	ASSERT_EQ(0, handle_open(&vf, self->vf, RIGHT));
	EXPECT_EQ(-EACCES, try_open(self->pf, NULL));
	EXPECT_EQ(-EACCES, try_open(self->pf, WRONG));
	EXPECT_EQ(0, try_open(self->pf, RIGHT));
	handle_close(&vf);
	ASSERT_EQ(0, handle_open(&self->h, self->pf, NULL));
}

TEST_F(token, of_a_vf_whose_pf_is_not_in_the_hands_of_a_user_is_refused)
{
	char pf[32], vf[32];

	vt_pf_new(pf);
	ASSERT_EQ(0, vt_set_numvfs(pf, 1));
	vt_vf_bdf(pf, 0, vf);
	EXPECT_EQ(-EINVAL, try_open(vf, RIGHT));
	EXPECT_EQ(0, try_open(vf, NULL));
	vt_fn_del(pf);
}

static uint32_t reg(struct handle *h, uint32_t where)
{
	uint32_t val = 0;

	if (pread(h->fd, &val, 4, where) != 4)
		exit(1);
	return val;
}

/* The only reset of more than a VF that a user can ask for; VFs are not in it. */
static int hot_reset(struct handle *pf)
{
	uint64_t buf[4] = {};
	struct vfio_pci_hot_reset *reset = (void *)buf;

	reset->argsz = sizeof(*reset) + 4;
	reset->count = 1;
	reset->group_fds[0] = pf->group;
	return ioctl(pf->fd, VFIO_DEVICE_PCI_HOT_RESET, reset) ? -errno : 0;
}

TEST_F(token, a_vf_outlives_resets_by_the_user_of_the_pf)
{
	const uint32_t val = 7;
	struct handle vf;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, handle_open(&vf, self->vf, RIGHT));
		ASSERT_EQ(4, pwrite(vf.fd, &val, 4, MOCK_VFIO_REG_SCRATCH));
		EXPECT_EQ(7, reg(&vf, MOCK_VFIO_REG_SCRATCH));
		ASSERT_EQ(0, i ? hot_reset(&self->h) :
				 ioctl(self->h.fd, VFIO_DEVICE_RESET));
		/* vfio-pci does not know about the works that reset ours. */
		usleep(100000);
		EXPECT_EQ(MOCK_VFIO_MAGIC, reg(&vf, MOCK_VFIO_REG_MAGIC));
		EXPECT_EQ(0, reg(&vf, MOCK_VFIO_REG_SCRATCH));
		handle_close(&vf);
	}
}

static int bind_token(const char *bdf, const char *token)
{
	struct bind_token b = {};
	uint8_t uuid[16];
	char dev[64];
	int fd, ret;

	vt_pci_vfio_dev(bdf, dev);
	fd = open(dev, O_RDWR | O_CLOEXEC);
	b.bind.argsz = sizeof(b);
	b.bind.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (fd < 0 || b.bind.iommufd < 0)
		exit(1);
	if (token) {
		uuid_parse(token, uuid);
		b.bind.flags = BIND_FLAG_TOKEN;
		b.token_uuid_ptr = (uintptr_t)uuid;
	}
	ret = ioctl(fd, VFM_DEVICE_BIND_IOMMUFD, &b) ? -errno : 0;
	close(fd);
	close(b.bind.iommufd);
	return ret;
}

TEST_F(token, is_needed_to_bind_a_vf_to_an_iommufd)
{
	if (!vt_has_backend(VT_IOMMUFD))
		SKIP(return, "no iommufd");
	EXPECT_EQ(-EACCES, bind_token(self->vf, NULL));
	EXPECT_EQ(-EACCES, bind_token(self->vf, WRONG));
	EXPECT_EQ(0, bind_token(self->vf, RIGHT));
}

TEST_HARNESS_MAIN
