// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resets of all kinds at the same time as everything else that a user can do to
 * a device.  Any answer will do while they are at it; what must not happen is a
 * hang, a crash, a complaint of lockdep, or a device that does not work
 * afterwards.  The seed is printed; VT_SEED repeats a run as far as threads do.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define SECONDS		5
#define PATIENCE	60
#define LOADS		40

struct race {
	struct vt_dev *dev;
	char bdf[32];
	unsigned int seed;
	volatile bool stop;
	pthread_mutex_t lock;
	pthread_mutex_t irq_lock;
	int fd;
	int eventfds[8];
	unsigned int done[8];
};

struct racer {
	const char *name;
	bool (*act)(struct race *r, unsigned int *seed);
};

/*
 * Not while interrupts are being set up: nothing in Linux (6.12 to 7.3) keeps the
 * reset's restoring of MSI from vectors that vfio-pci is about to free; that
 * is an oops with any device.  The resets of vfio-pci itself have a lock.
 */
static bool reset_by_sysfs(struct race *r)
{
	char path[96];
	bool done;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", r->bdf);
	pthread_mutex_lock(&r->irq_lock);
	done = vt_try_write_file(path, "1") == 0;
	pthread_mutex_unlock(&r->irq_lock);
	return done;
}

static bool do_reset(struct race *r, unsigned int *seed)
{
	usleep(rand_r(seed) % 20000);
	switch (rand_r(seed) % 4) {
	case 0:
		return vt_flr(r->dev) == 0;
	case 1:
		return vt_hot_reset_alone(r->dev) == 0;
	case 2:
		return reset_by_sysfs(r);
	default:
		return vt_reset(r->dev) == 0;
	}
}

static void set_fd(struct race *r, int fd)
{
	int old;

	pthread_mutex_lock(&r->lock);
	old = r->fd;
	r->fd = fd;
	pthread_mutex_unlock(&r->lock);
	if (old >= 0)
		close(old);
}

static bool do_state(struct race *r, unsigned int *seed)
{
	int fd = -1, ret;

	usleep(rand_r(seed) % 3000);
	ret = vt_set_state(r->dev, 1 + rand_r(seed) % 7, &fd);

	if (fd >= 0)
		set_fd(r, fd);
	return ret == 0;
}

/* Half of the time with the device's own memory as the user's. */
static bool do_transfer(struct race *r, unsigned int *seed)
{
	uint8_t data[9000] = {}, *where = rand_r(seed) % 2 ? data : r->dev->mem;
	bool done;
	int fd;

	pthread_mutex_lock(&r->lock);
	fd = r->fd < 0 ? -1 : dup(r->fd);
	pthread_mutex_unlock(&r->lock);
	if (fd < 0)
		return false;
	done = read(fd, where, sizeof(data)) > 0 ||
	       write(fd, where, sizeof(data)) > 0;
	close(fd);
	return done;
}

static bool do_touch(struct race *r, unsigned int *seed)
{
	return vt_touch(r->dev->mem + rand_r(seed) % r->dev->mem_size);
}

/* With errors that vt_write32() would not take. */
static void poke(struct race *r, uint32_t reg, uint64_t val, size_t len)
{
	if (pwrite(r->dev->fd, &val, len, reg) < 0)
		return;
}

static bool do_registers(struct race *r, unsigned int *seed)
{
	uint8_t data[256];

	poke(r, MOCK_VFIO_REG_SCRATCH + 4 * (rand_r(seed) % 16), rand_r(seed), 4);
	poke(r, MOCK_VFIO_REG_IRQ_TRIGGER, rand_r(seed) % 20, 4);
	poke(r, MOCK_VFIO_REG_IRQ_ENABLE, rand_r(seed) % 16, 4);
	poke(r, MOCK_VFIO_REG_IRQ_ACK, rand_r(seed) % 16, 4);
	if (rand_r(seed) % 16 == 0)
		poke(r, MOCK_VFIO_REG_ERROR_TRIGGER, 1, 4);
	return pread(r->dev->fd, data, sizeof(data), rand_r(seed) % 4096) > 0;
}

static bool do_dma(struct race *r, unsigned int *seed)
{
	const uint16_t on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vt_dev *dev = r->dev;
	uint32_t i;

	vt_cfg_write(dev, PCI_COMMAND, on, 2);
	for (i = 0; i < 16; i++) {
		struct mock_vfio_desc *desc = vt_desc(dev, i);

		desc->op = rand_r(seed) % MOCK_VFIO_NR_OPS;
		desc->length = rand_r(seed) % 40000;
		desc->flags = MOCK_VFIO_DESC_IRQ;
		desc->src = rand_r(seed) % 2 ? VT_RAM_IOVA : 0;
		desc->dst = desc->src;
	}
	poke(r, MOCK_VFIO_REG_DMA_RING, VT_RAM_IOVA, 8);
	poke(r, MOCK_VFIO_REG_DMA_SIZE, 16, 4);
	poke(r, MOCK_VFIO_REG_TRAFFIC_IOVA, VT_RAM_IOVA + (1 << 20), 8);
	poke(r, MOCK_VFIO_REG_TRAFFIC_SLOTS, 64, 4);
	poke(r, MOCK_VFIO_REG_TRAFFIC_STRIDE, 64, 4);
	poke(r, MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS, 64, 4);
	poke(r, MOCK_VFIO_REG_TRAFFIC_CONTROL, 15, 4);
	poke(r, MOCK_VFIO_REG_CONTROL, MOCK_VFIO_CONTROL_ENABLE, 4);
	poke(r, MOCK_VFIO_REG_DMA_TAIL, 16, 4);
	usleep(rand_r(seed) % 3000);
	return vt_answers(dev);
}

static bool do_interrupts(struct race *r, unsigned int *seed)
{
	const unsigned int kind = rand_r(seed) % 3;
	bool done;

	pthread_mutex_lock(&r->irq_lock);
	done = !vt_irq_eventfds(r->dev, kind, kind ? 1 + rand_r(seed) % 8 : 1,
				r->eventfds);
	vt_irq_one(r->dev, VFIO_PCI_MSIX_IRQ_INDEX, rand_r(seed) % 8, -1);
	vt_irq_action(r->dev, 0, VFIO_IRQ_SET_ACTION_UNMASK);
	pthread_mutex_unlock(&r->irq_lock);
	usleep(rand_r(seed) % 5000);
	pthread_mutex_lock(&r->irq_lock);
	vt_irq_off(r->dev, kind);
	pthread_mutex_unlock(&r->irq_lock);
	return done;
}

static bool do_sleep(struct race *r, unsigned int *seed)
{
	const bool d3hot = rand_r(seed) % 2;
	int ret = d3hot ? vt_set_power(r->dev, 3) : vt_low_power(r->dev, -1);

	usleep(rand_r(seed) % 5000);
	vt_set_power(r->dev, 0);
	vt_low_power_exit(r->dev);
	usleep(rand_r(seed) % 30000);
	return ret == 0;
}

static const struct racer racers[] = {
	{ "resets", do_reset },
	{ "states", do_state },
	{ "transfers", do_transfer },
	{ "touches", do_touch },
	{ "registers", do_registers },
	{ "dma", do_dma },
	{ "interrupts", do_interrupts },
	{ "sleeps", do_sleep },
};

#define NR_RACERS	(sizeof(racers) / sizeof(*racers))

struct thread {
	struct race *race;
	unsigned int nr;
	pthread_t id;
};

static void *run(void *arg)
{
	struct thread *t = arg;
	struct race *r = t->race;
	unsigned int seed = r->seed + 7919 * t->nr;

	while (!r->stop)
		r->done[t->nr] += racers[t->nr].act(r, &seed);
	return NULL;
}

static bool all_have_had_their_part(void *arg)
{
	const struct race *r = arg;
	size_t i;

	for (i = 0; i < NR_RACERS; i++)
		if (!*(volatile const unsigned int *)&r->done[i])
			return false;
	return true;
}

static unsigned int choose_seed(void)
{
	const char *env = getenv("VT_SEED");

	return env ? strtoul(env, NULL, 0) : (unsigned int)time(NULL);
}

FIXTURE(race) {
	struct vt_dev dev;
	struct race race;
};

FIXTURE_VARIANT(race) {
	enum vt_backend backend;
};

FIXTURE_VARIANT_ADD(race, group) { .backend = VT_LEGACY };
FIXTURE_VARIANT_ADD(race, iommufd) { .backend = VT_IOMMUFD };

FIXTURE_SETUP(race)
{
	struct race *r = &self->race;
	size_t i;

	if (!vt_has_backend(variant->backend))
		SKIP(return, "no iommufd in this kernel");
	*r = (struct race) {
		.dev = &self->dev, .fd = -1, .seed = choose_seed(),
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.irq_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	vt_bdf(0, r->bdf);
	vt_open_bdf(r->dev, r->bdf, variant->backend);
	for (i = 0; i < 8; i++)
		r->eventfds[i] = vt_eventfd();
}

FIXTURE_TEARDOWN(race)
{
	vt_close(&self->dev);
}

TEST_F_TIMEOUT(race, everybody_at_once_and_it_works_afterwards, 120)
{
	struct race *r = &self->race;
	struct thread threads[NR_RACERS];
	struct vt_state state;
	size_t i;
	int err;

	err = vt_eventfd();
	ASSERT_EQ(0, vt_irq_eventfds(r->dev, VFIO_PCI_ERR_IRQ_INDEX, 1, &err));
	TH_LOG("VT_SEED=%u", r->seed);
	for (i = 0; i < NR_RACERS; i++) {
		threads[i] = (struct thread) { .race = r, .nr = i };
		ASSERT_EQ(0, pthread_create(&threads[i].id, NULL, run, &threads[i]));
	}
	sleep(SECONDS);
	vt_wait_until(all_have_had_their_part, r, PATIENCE * 1000);
	r->stop = true;
	for (i = 0; i < NR_RACERS; i++) {
		pthread_join(threads[i].id, NULL);
		TH_LOG("%u %s", r->done[i], racers[i].name);
		EXPECT_LT(0, r->done[i]);
	}
	set_fd(r, -1);
	ASSERT_EQ(0, vt_set_power(r->dev, 0));
	vt_low_power_exit(r->dev);
	ASSERT_EQ(0, vt_reset(r->dev));
	vt_enable(r->dev, true);
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(r->dev));
	EXPECT_TRUE(vt_works(r->dev));
	vt_pattern(r->dev, 3);
	vt_save(r->dev, &state);
	ASSERT_EQ(0, vt_reset(r->dev));
	EXPECT_EQ(0, vt_load(r->dev, &state));
	vt_state_free(&state);
	close(err);
}

struct loader {
	struct vt_dev *dev;
	unsigned int delay;
	pthread_barrier_t begin;
};

static void *finish_load(void *arg)
{
	struct loader *l = arg;

	pthread_barrier_wait(&l->begin);
	usleep(l->delay);
	vt_set_state(l->dev, VFIO_DEVICE_STATE_STOP, NULL);
	return NULL;
}

/*
 * Whichever of the two comes first, the reset is complete when it returns, or a
 * load that was there before it has been swept away.
 */
TEST_F_TIMEOUT(race, a_load_is_never_applied_on_top_of_a_reset, 120)
{
	struct vt_dev *dev = self->race.dev;
	struct loader l = { .dev = dev };
	unsigned int seed = self->race.seed, i;
	struct vt_state state;
	pthread_t thread;
	int fd;

	TH_LOG("VT_SEED=%u", seed);
	vt_pattern(dev, 7);
	vt_save(dev, &state);
	pthread_barrier_init(&l.begin, NULL, 2);
	for (i = 0; i < LOADS; i++) {
		ASSERT_EQ(0, vt_reset(dev));
		ASSERT_EQ(0, vt_set_state(dev, VFIO_DEVICE_STATE_RESUMING, &fd));
		ASSERT_EQ(0, vt_write_all(fd, state.data, state.len, state.len));
		l.delay = rand_r(&seed) % 2 ? 0 : rand_r(&seed) % 1000;
		ASSERT_EQ(0, pthread_create(&thread, NULL, finish_load, &l));
		pthread_barrier_wait(&l.begin);
		usleep(rand_r(&seed) % 2 ? 0 : rand_r(&seed) % 1000);
		ASSERT_EQ(0, vt_reset(dev));
		pthread_join(thread, NULL);
		close(fd);
		ASSERT_EQ(0, vt_read32(dev, MOCK_VFIO_REG_SCRATCH))
			TH_LOG("round %u", i);
		ASSERT_EQ(0, dev->mem[VT_PAGE * 4 + 5]);
		vt_get_state(dev);
	}
	vt_state_free(&state);
}

TEST_HARNESS_MAIN
