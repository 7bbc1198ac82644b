// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Statistics of mock functions: what is counted is what was done, setting to zero
 * begins anew, and whoever asks for what there is not is told so.
 */
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/sriov.h"
#include "lib/vt.h"
#include "mock_nl.h"
#include "mock_stats.h"
#include "vfio_compat.h"

#define COMES		5000	/* milliseconds */
#define MANY		2048
#define FUNCTIONS	12
#define ROUNDS		8
#define DATA		(VT_RAM_IOVA + (2u << 20))
#define NOBODY		65534

FIXTURE(stats) {
	struct vt_dev dev;
	char bdf[32];
};

FIXTURE_SETUP(stats)
{
	struct vfm_mock_stats before;
	struct vfm_error e;

	vt_bdf(0, self->bdf);
	vt_open_bdf(&self->dev, self->bdf, VT_LEGACY);
	ASSERT_EQ(0, vfm_mock_stats_zero(self->bdf, &before, &e))
		TH_LOG("%s", e.text);
}

FIXTURE_TEARDOWN(stats)
{
	vt_close(&self->dev);
}

/* One counter, or all ones if the kernel does not say it. */
static uint64_t counter(const char *bdf, unsigned int attr)
{
	struct vfm_mock_stats s;
	struct vfm_error e;

	if (vfm_mock_stats(bdf, &s, &e)) {
		fprintf(stderr, "# %s\n", e.text);
		return ~0ull;
	}
	return s.given & 1u << attr ? s.values[attr] : ~0ull;
}

#define COUNT(name)	counter(self->bdf, MOCK_VFIO_PCI_A_STATS_##name)

static struct vfm_mock_arc arc(const char *bdf, uint32_t from, uint32_t to)
{
	struct vfm_mock_stats s;
	struct vfm_error e;
	unsigned int i;

	if (!vfm_mock_stats(bdf, &s, &e))
		for (i = 0; i < s.nr_arcs; i++)
			if (s.arcs[i].from == from && s.arcs[i].to == to)
				return s.arcs[i];
	return (struct vfm_mock_arc) { 0 };
}

/* --- DMA -------------------------------------------------------------- */

static void descriptor(struct vt_dev *dev, uint32_t n, uint32_t op, uint32_t len,
		       uint64_t src, uint64_t dst)
{
	struct mock_vfio_desc *desc = vt_desc(dev, n);

	desc->op = htole32(op);
	desc->length = htole32(len);
	desc->src = htole64(src);
	desc->dst = htole64(dst);
}

/* Beside the data a descriptor is read, and its result and status are written. */
TEST_F(stats, dma_is_counted_by_direction)
{
	struct vt_dev *dev = &self->dev;

	vt_ring_start(dev, 8);
	descriptor(dev, 0, MOCK_VFIO_OP_TO_DEVICE, 70000, DATA, 0);
	descriptor(dev, 1, MOCK_VFIO_OP_TO_GUEST, 300, 0, DATA);
	descriptor(dev, 2, MOCK_VFIO_OP_COPY, 5000, DATA, DATA + (1 << 20));
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(dev, 3));
	EXPECT_EQ(3 * 64 + 70000 + 5000, COUNT(DMA_BYTES_READ));
	EXPECT_EQ(3 * 12 + 300 + 5000, COUNT(DMA_BYTES_WRITTEN));
	EXPECT_EQ(3, COUNT(DMA_DESCRIPTORS));
	EXPECT_EQ(0, COUNT(DMA_FAULTS));
	EXPECT_EQ(vt_read64(dev, MOCK_VFIO_REG_DMA_BYTES),
		  COUNT(DMA_BYTES_READ) + COUNT(DMA_BYTES_WRITTEN));
}

TEST_F(stats, a_fault_is_counted_and_its_descriptor_is_done)
{
	struct vt_dev *dev = &self->dev;

	vt_ring_start(dev, 8);
	descriptor(dev, 0, MOCK_VFIO_OP_TO_GUEST, 64, 0, 1ull << 40);
	ASSERT_EQ(MOCK_VFIO_DMA_FAULT, vt_submit(dev, 1));
	EXPECT_EQ(1, COUNT(DMA_FAULTS));
	EXPECT_EQ(1, COUNT(DMA_DESCRIPTORS));
	EXPECT_EQ(12, COUNT(DMA_BYTES_WRITTEN));
}

/* --- interrupts ------------------------------------------------------- */

static void signalled(struct __test_metadata *_metadata, struct vt_dev *dev,
		      uint32_t vector, int fd)
{
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, vector);
	ASSERT_EQ(1, vt_event_count(fd, COMES));
}

TEST_F(stats, interrupts_are_counted_by_vector)
{
	struct vfm_mock_vector *v;
	struct vfm_error e;
	unsigned int n, i;
	int fds[16];

	for (i = 0; i < 16; i++)
		fds[i] = vt_eventfd();
	ASSERT_EQ(0, vt_irq_eventfds(&self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 16, fds));
	signalled(_metadata, &self->dev, 3, fds[3]);
	signalled(_metadata, &self->dev, 15, fds[15]);
	signalled(_metadata, &self->dev, 3, fds[3]);
	ASSERT_EQ(0, vfm_mock_vectors(self->bdf, &v, &n, &e));
	ASSERT_EQ(2, n);
	EXPECT_EQ(3, v[0].number);
	EXPECT_EQ(2, v[0].interrupts);
	EXPECT_EQ(15, v[1].number);
	EXPECT_EQ(1, v[1].interrupts);
	EXPECT_EQ(3, COUNT(INTERRUPTS));
	EXPECT_EQ(0, COUNT(INTX));
	free(v);
}

/* What nobody has enabled is not delivered, and so does not count. */
TEST_F(stats, a_vector_that_waits_is_counted_once_it_comes)
{
	int fds[2] = { vt_eventfd(), vt_eventfd() };
	struct vt_dev *dev = &self->dev;

	ASSERT_EQ(0, vt_irq_eventfds(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, fds));
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 1);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 1);
	EXPECT_EQ(0, COUNT(INTERRUPTS));
	ASSERT_EQ(0, vt_irq_one(dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, fds[1]));
	ASSERT_EQ(1, vt_event_count(fds[1], COMES));
	EXPECT_EQ(1, COUNT(INTERRUPTS));
}

TEST_F(stats, intx_is_counted_when_it_is_asserted)
{
	struct vt_dev *dev = &self->dev;

	vt_write32(dev, MOCK_VFIO_REG_IRQ_ENABLE, MOCK_VFIO_IRQ_TRIGGER);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	EXPECT_EQ(1, COUNT(INTX));
	vt_write32(dev, MOCK_VFIO_REG_IRQ_ACK, MOCK_VFIO_IRQ_ALL);
	vt_write32(dev, MOCK_VFIO_REG_IRQ_TRIGGER, 0);
	EXPECT_EQ(2, COUNT(INTX));
	EXPECT_EQ(0, COUNT(INTERRUPTS));
}

FIXTURE(many) {
	char bdf[32];
};

FIXTURE_SETUP(many)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_MSIX, .msix = MANY,
	};

	vt_fn_new(&conf, self->bdf);
}

FIXTURE_TEARDOWN(many)
{
	vt_fn_del(self->bdf);
}

static bool all_have_come(void *bdf)
{
	return counter(bdf, MOCK_VFIO_PCI_A_STATS_INTERRUPTS) == MANY;
}

/* Many more than go into one message, or into one piece of a dump. */
TEST_F_TIMEOUT(many, vectors_are_all_told, 120)
{
	int fd = vt_eventfd(), fds[MANY];
	struct vfm_mock_vector *v;
	struct vfm_error e;
	struct vt_dev dev;
	unsigned int n, i;

	vt_open_bdf(&dev, self->bdf, VT_LEGACY);
	for (i = 0; i < MANY; i++)
		fds[i] = fd;
	ASSERT_EQ(0, vt_irq_eventfds(&dev, VFIO_PCI_MSIX_IRQ_INDEX, MANY, fds));
	for (i = 0; i < MANY; i++)
		vt_write32(&dev, MOCK_VFIO_REG_IRQ_TRIGGER, i);
	EXPECT_TRUE(vt_wait_until(all_have_come, self->bdf, COMES));
	ASSERT_EQ(0, vfm_mock_vectors(self->bdf, &v, &n, &e)) TH_LOG("%s", e.text);
	ASSERT_EQ(MANY, n);
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(i, v[i].number);
		ASSERT_EQ(1, v[i].interrupts);
	}
	free(v);
	vt_close(&dev);
}

/* --- migration -------------------------------------------------------- */

TEST_F(stats, arcs_sessions_and_reads_of_a_save)
{
	struct vfm_mock_arc stop;
	struct vt_state state;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP_COPY, &fd));
	EXPECT_EQ(VFIO_DEVICE_STATE_STOP_COPY, COUNT(STATE));
	EXPECT_EQ(1, COUNT(SESSIONS_OPEN));
	ASSERT_EQ(0, vt_read_all(fd, &state));
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	close(fd);
	EXPECT_EQ(1, COUNT(SESSIONS));
	EXPECT_EQ(0, COUNT(SESSIONS_OPEN));
	EXPECT_EQ(state.len, COUNT(BYTES_READ));
	EXPECT_LE(2, COUNT(READS));
	EXPECT_EQ(0, COUNT(WRITES));
	stop = arc(self->bdf, VFIO_DEVICE_STATE_RUNNING_P2P, VFIO_DEVICE_STATE_STOP);
	EXPECT_EQ(1, stop.taken);
	EXPECT_EQ(0, stop.failed);
	EXPECT_LT(0, stop.ns);
	EXPECT_EQ(stop.ns, stop.max_ns);
	EXPECT_EQ(1, arc(self->bdf, VFIO_DEVICE_STATE_STOP,
			 VFIO_DEVICE_STATE_STOP_COPY).taken);
	EXPECT_EQ(1, arc(self->bdf, VFIO_DEVICE_STATE_STOP_COPY,
			 VFIO_DEVICE_STATE_STOP).taken);
	EXPECT_EQ(0, arc(self->bdf, VFIO_DEVICE_STATE_STOP,
			 VFIO_DEVICE_STATE_RESUMING).taken);
	vt_state_free(&state);
}

TEST_F(stats, a_load_that_fails)
{
	const char garbage[512] = "garbage";
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_RESUMING, &fd));
	EXPECT_EQ(-EBADMSG, vt_write_all(fd, garbage, sizeof(garbage), 512));
	EXPECT_EQ(-EBADMSG, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP, NULL));
	close(fd);
	EXPECT_EQ(1, COUNT(WRITES));
	EXPECT_EQ(1, arc(self->bdf, VFIO_DEVICE_STATE_RESUMING,
			 VFIO_DEVICE_STATE_STOP).failed);
	EXPECT_EQ(0, arc(self->bdf, VFIO_DEVICE_STATE_RESUMING,
			 VFIO_DEVICE_STATE_STOP).taken);
	EXPECT_EQ(VFIO_DEVICE_STATE_RESUMING, COUNT(STATE));
}

TEST_F(stats, a_load_by_pieces)
{
	struct vt_state state;

	vt_save(&self->dev, &state);
	ASSERT_EQ(0, vt_load(&self->dev, &state));
	EXPECT_EQ(state.len, COUNT(BYTES_WRITTEN));
	EXPECT_EQ((state.len + (1 << 20) - 1) >> 20, COUNT(WRITES));
	EXPECT_EQ(2, COUNT(SESSIONS));
	vt_state_free(&state);
}

TEST_F(stats, requests_without_a_way_are_counted)
{
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP_COPY, &fd));
	EXPECT_EQ(-EINVAL, vt_set_state(&self->dev, VFM_STATE_PRE_COPY, NULL));
	EXPECT_EQ(1, COUNT(REFUSED));
	close(fd);
}

static void read_until_enomsg(struct __test_metadata *_metadata, int fd)
{
	static char piece[1 << 16];
	ssize_t n;

	do
		n = read(fd, piece, sizeof(piece));
	while (n > 0);
	ASSERT_EQ(-1, n);
	ASSERT_EQ(ENOMSG, errno);
}

TEST_F(stats, pages_that_change_in_precopy_are_sent_again)
{
	struct vfm_precopy_info { uint32_t argsz, flags; uint64_t initial, dirty; }
		info = { .argsz = sizeof(info) };
	struct vt_state rest;
	unsigned int i;
	int fd;

	vt_pattern(&self->dev, 1);
	ASSERT_EQ(0, vt_set_state(&self->dev, VFM_STATE_PRE_COPY, &fd));
	read_until_enomsg(_metadata, fd);
	EXPECT_EQ(0, COUNT(PAGES_RESENT));
	for (i = 0; i < 7; i++)
		self->dev.mem[i * 3 * VT_PAGE] ^= 0xff;
	self->dev.mem[1] ^= 0xff;
	ASSERT_EQ(0, ioctl(fd, VFM_MIG_GET_PRECOPY_INFO, &info));
	read_until_enomsg(_metadata, fd);
	EXPECT_EQ(7, COUNT(PAGES_RESENT));
	self->dev.mem[0] ^= 0xff;
	ASSERT_EQ(0, vt_set_state(&self->dev, VFIO_DEVICE_STATE_STOP_COPY, NULL));
	ASSERT_EQ(0, vt_read_all(fd, &rest));
	EXPECT_EQ(8, COUNT(PAGES_RESENT));
	EXPECT_EQ(1, COUNT(PRECOPY_QUERIES));
	vt_state_free(&rest);
	close(fd);
}

TEST_F(stats, resets_are_counted_by_kind)
{
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(1, COUNT(RESETS));
	EXPECT_EQ(1, COUNT(BUS_RESETS));
	EXPECT_EQ(0, COUNT(REGISTER_RESETS));
	vt_write32(&self->dev, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_RESET);
	EXPECT_EQ(1, COUNT(REGISTER_RESETS));
	EXPECT_EQ(1, COUNT(BUS_RESETS));
}

/* --- zero ------------------------------------------------------------- */

TEST_F(stats, zero_says_what_there_was_and_begins_anew)
{
	struct vfm_mock_stats before, after;
	struct vfm_mock_vector *v;
	struct vfm_error e;
	unsigned int n, i;
	char piece[16];
	int fd;

	vt_ring_start(&self->dev, 8);
	descriptor(&self->dev, 0, MOCK_VFIO_OP_TO_DEVICE, 1000, DATA, 0);
	ASSERT_EQ(MOCK_VFIO_DMA_OK, vt_submit(&self->dev, 1));
	fd = vt_eventfd();
	ASSERT_EQ(0, vt_irq_eventfds(&self->dev, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd));
	signalled(_metadata, &self->dev, 0, fd);
	ASSERT_EQ(0, vt_set_state(&self->dev, VFM_STATE_PRE_COPY, &fd));
	ASSERT_EQ(16, read(fd, piece, 16));
	ASSERT_EQ(0, vfm_mock_stats_zero(self->bdf, &before, &e));
	EXPECT_EQ(16, before.values[MOCK_VFIO_PCI_A_STATS_BYTES_READ]);
	EXPECT_EQ(1, before.values[MOCK_VFIO_PCI_A_STATS_READS]);
	EXPECT_EQ(64 + 1000, before.values[MOCK_VFIO_PCI_A_STATS_DMA_BYTES_READ]);
	EXPECT_EQ(1, before.values[MOCK_VFIO_PCI_A_STATS_INTERRUPTS]);
	EXPECT_EQ(1, before.values[MOCK_VFIO_PCI_A_STATS_SESSIONS]);
	EXPECT_EQ(1, before.nr_arcs);

	ASSERT_EQ(0, vfm_mock_stats(self->bdf, &after, &e));
	EXPECT_EQ(before.given, after.given);
	EXPECT_EQ(0, after.nr_arcs);
	EXPECT_EQ(VFM_STATE_PRE_COPY, after.values[MOCK_VFIO_PCI_A_STATS_STATE]);
	EXPECT_EQ(1, after.values[MOCK_VFIO_PCI_A_STATS_SESSIONS_OPEN]);
	for (i = 0; i < vfm_mock_nr_counters; i++)
		if (vfm_mock_counters[i].attr != MOCK_VFIO_PCI_A_STATS_SESSIONS_OPEN)
			EXPECT_EQ(0, after.values[vfm_mock_counters[i].attr])
				TH_LOG("%s", vfm_mock_counters[i].word);
	ASSERT_EQ(0, vfm_mock_vectors(self->bdf, &v, &n, &e));
	EXPECT_EQ(0, n);
	free(v);

	ASSERT_EQ(8, read(fd, piece, 8));
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(8, COUNT(BYTES_READ));
	EXPECT_EQ(1, COUNT(READS));
	close(fd);
}

static int as_nobody(const char *bdf)
{
	struct vfm_mock_stats s;
	struct vfm_mock_vector *v;
	struct vfm_error e;
	unsigned int n;

	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	if (vfm_mock_stats(bdf, &s, &e) || vfm_mock_vectors(bdf, &v, &n, &e))
		return 2;
	if (vfm_mock_stats_zero(bdf, &s, &e) != -EPERM)
		return 3;
	return strstr(e.hint, "CAP_NET_ADMIN") ? 0 : 4;
}

TEST_F(stats, zero_needs_privilege_and_looking_does_not)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, vt_reset(&self->dev));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(as_nobody(self->bdf));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, COUNT(RESETS));
}

/* --- several functions ------------------------------------------------ */

FIXTURE(several) {
	char bdfs[FUNCTIONS][32];
};

FIXTURE_SETUP(several)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "tiny",
	};
	int i;

	for (i = 0; i < FUNCTIONS; i++)
		vt_fn_new(&conf, self->bdfs[i]);
}

FIXTURE_TEARDOWN(several)
{
	int i;

	for (i = 0; i < FUNCTIONS; i++)
		vt_fn_del(self->bdfs[i]);
}

static const struct vfm_mock_stats *
find(const struct vfm_mock_stats *all, unsigned int n, const char *bdf)
{
	for (; n; all++, n--)
		if (!strcmp(all->address, bdf))
			return all;
	return NULL;
}

/* The i-th is reset i times by its register. */
TEST_F_TIMEOUT(several, each_has_its_own, 90)
{
	const struct vfm_mock_stats *s;
	struct vfm_mock_stats *all;
	struct vfm_error e;
	struct vt_dev dev;
	unsigned int n, i, k;

	for (i = 0; i < FUNCTIONS; i++) {
		vt_open_bdf(&dev, self->bdfs[i], VT_LEGACY);
		for (k = 0; k < i; k++)
			vt_write32(&dev, MOCK_VFIO_REG_CONTROL,
				   MOCK_VFIO_CONTROL_RESET);
		vt_close(&dev);
	}
	ASSERT_EQ(0, vfm_mock_stats_list(&all, &n, &e)) TH_LOG("%s", e.text);
	EXPECT_LE(FUNCTIONS, n);
	for (i = 0; i < FUNCTIONS; i++) {
		s = find(all, n, self->bdfs[i]);
		ASSERT_NE(NULL, s);
		EXPECT_EQ(i, s->values[MOCK_VFIO_PCI_A_STATS_REGISTER_RESETS]);
		EXPECT_EQ(0, strncmp(s->name, "fn-", 3));
	}
	free(all);
}

TEST(a_function_that_cannot_migrate_has_no_migration_counters)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "non-migratable",
	};
	struct vfm_mock_stats s;
	struct vfm_error e;
	char bdf[32];

	vt_fn_new(&conf, bdf);
	EXPECT_EQ(0, vfm_mock_stats(bdf, &s, &e));
	EXPECT_EQ(0, s.given & 1u << MOCK_VFIO_PCI_A_STATS_SESSIONS);
	EXPECT_NE(0, s.given & 1u << MOCK_VFIO_PCI_A_STATS_DMA_FAULTS);
	vt_fn_del(bdf);
}

TEST(virtual_functions_are_counted_while_they_are_enabled)
{
	char pf[32], vf[32];
	struct vfm_mock_stats s;
	struct vfm_error e;
	struct vt_dev dev;

	vt_pf_new(pf);
	ASSERT_EQ(0, vt_set_numvfs(pf, 2));
	vt_vf_bdf(pf, 1, vf);
	vt_open_vf(&dev, pf, 1);
	EXPECT_EQ(0, vfm_mock_stats_zero(vf, &s, &e)) TH_LOG("%s", e.text);
	EXPECT_STREQ(vf, s.address);
	EXPECT_STREQ("", s.name);
	ASSERT_EQ(0, vt_reset(&dev));
	EXPECT_EQ(1, counter(vf, MOCK_VFIO_PCI_A_STATS_RESETS));
	EXPECT_EQ(~0ull, counter(pf, MOCK_VFIO_PCI_A_STATS_RESETS));
	vt_close(&dev);
	ASSERT_EQ(0, vt_set_numvfs(pf, 0));
	EXPECT_EQ(-ENOENT, vfm_mock_stats(vf, &s, &e));
	vt_fn_del(pf);
}

/* --- requests that make no sense -------------------------------------- */

/* With an attribute for each that is not NULL; what the kernel says is in e. */
static int request(uint8_t command, uint16_t flags, const char *name,
		   const char *address, struct vfm_error *e)
{
	struct nlmsghdr *n;
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	n = vfm_mnl_begin(&m, command, flags);
	if (name)
		mnl_attr_put_strz(n, MOCK_VFIO_PCI_A_FUNCTION_NAME, name);
	if (address)
		mnl_attr_put_strz(n, MOCK_VFIO_PCI_A_FUNCTION_ADDRESS, address);
	ret = vfm_mnl_talk(&m, NULL, NULL, e);
	vfm_mnl_close(&m);
	return ret;
}

FIXTURE(hostile) {};

FIXTURE_VARIANT(hostile) {
	uint8_t command;
	uint16_t flags;
	bool needs_one;
};

FIXTURE_VARIANT_ADD(hostile, get) {
	.command = MOCK_VFIO_PCI_CMD_STATS_GET, .flags = NLM_F_ACK,
	.needs_one = true,
};

FIXTURE_VARIANT_ADD(hostile, zero) {
	.command = MOCK_VFIO_PCI_CMD_STATS_ZERO, .flags = NLM_F_ACK,
	.needs_one = true,
};

FIXTURE_VARIANT_ADD(hostile, vectors) {
	.command = MOCK_VFIO_PCI_CMD_VECTOR_GET, .flags = NLM_F_DUMP,
};

FIXTURE_SETUP(hostile) {}
FIXTURE_TEARDOWN(hostile) {}

TEST_F(hostile, requests_are_refused_with_the_reason)
{
	const uint8_t command = variant->command;
	const uint16_t flags = variant->flags;
	char bdf[32], longer[64] = "";
	struct vfm_error e;

	vt_bdf(0, bdf);
	memset(longer, 'x', sizeof(longer) - 1);
	EXPECT_EQ(-EINVAL, request(command, flags, "fn-01-00-0", bdf, &e));
	EXPECT_NE(NULL, strstr(e.text, "one of them")) TH_LOG("%s", e.text);
	EXPECT_EQ(-ENOENT, request(command, flags, "nobody", NULL, &e));
	EXPECT_STREQ("name: there is no such function", e.text);
	EXPECT_EQ(-ENOENT, request(command, flags, NULL, "f0f0:00:00.0", &e));
	EXPECT_STREQ("address: there is no such function", e.text);
	EXPECT_EQ(-EINVAL, request(command, flags, longer, NULL, &e));
	EXPECT_EQ(-ENOENT, request(command, flags, "", NULL, &e));
	EXPECT_EQ(variant->needs_one ? -EINVAL : 0,
		  request(command, flags, NULL, NULL, &e));
}

/* --- while things change ---------------------------------------------- */

/* Ask all the time for whatever there is. */
static void ask_for_ever(void)
{
	struct vfm_mock_stats *all, s;
	struct vfm_mock_vector *v;
	struct vfm_error e;
	unsigned int n, k, i;

	for (;;) {
		if (vfm_mock_stats_list(&all, &n, &e))
			_exit(1);
		for (i = 0; i < n; i++) {
			vfm_mock_stats_zero(all[i].address, &s, &e);
			if (!vfm_mock_vectors(all[i].address, &v, &k, &e))
				free(v);
		}
		free(all);
	}
}

TEST_F_TIMEOUT(stats, asking_disturbs_nobody, 120)
{
	const struct vfm_mock_conf conf = { 0 };
	pid_t pid = fork();
	struct vt_dev dev;
	char bdf[32];
	int i, status;

	ASSERT_LE(0, pid);
	if (!pid)
		ask_for_ever();
	for (i = 0; i < ROUNDS; i++) {
		vt_fn_new(&conf, bdf);
		vt_open_bdf(&dev, bdf, VT_LEGACY);
		EXPECT_EQ(0, vt_set_state(&dev, VFM_STATE_PRE_COPY, NULL));
		EXPECT_EQ(0, vt_reset(&dev));
		EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&dev));
		vt_close(&dev);
		vt_fn_del(bdf);
	}
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

TEST_HARNESS_MAIN
