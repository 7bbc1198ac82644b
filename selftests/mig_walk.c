// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A random walk through the states while others read, write and poll whatever
 * data_fd there is, reset the device, write its memory and registers, or take its
 * driver away.  Any answer will do; what must not happen is a hang, a crash, or a device that does
 * not work afterwards.  The seed is printed; VT_SEED repeats a walk.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"
#include "vfio_compat.h"

#define GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)
#define STEPS			1500

struct walk {
	struct vt_dev *dev;
	pthread_mutex_t lock;
	int fd;
	volatile bool stop;
	bool mem_goes;
	unsigned int seed;
	unsigned int moves;
	unsigned int transfers;
	unsigned int resets;
};

/* The current data_fd, to be closed by the caller; -1 if there is none. */
static int current_fd(struct walk *w)
{
	int fd;

	pthread_mutex_lock(&w->lock);
	fd = w->fd < 0 ? -1 : dup(w->fd);
	pthread_mutex_unlock(&w->lock);
	return fd;
}

static void set_current_fd(struct walk *w, int fd)
{
	int old;

	pthread_mutex_lock(&w->lock);
	old = w->fd;
	w->fd = fd;
	pthread_mutex_unlock(&w->lock);
	if (old >= 0)
		close(old);
}

static unsigned int thread_seed(struct walk *w)
{
	return __atomic_add_fetch(&w->seed, 7919, __ATOMIC_RELAXED);
}

static void use_fd(struct walk *w, int fd, unsigned int *seed)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	uint8_t data[70000] = {};
	uint32_t info[6] = { sizeof(info) };
	const size_t len = rand_r(seed) % sizeof(data);

	switch (rand_r(seed) % (w->mem_goes ? 4 : 5)) {
	case 0:
		poll(&pfd, 1, 1);
		break;
	case 1:
		ioctl(fd, GET_PRECOPY_INFO, info);
		break;
	case 4:
		/* a BAR as the user's memory */
		if (read(fd, w->dev->mem, len) > 0 || write(fd, w->dev->mem, len) > 0)
			w->transfers++;
		break;
	default:
		if (read(fd, data, len) > 0 || write(fd, data, len) > 0)
			w->transfers++;
	}
}

static void *transfer(void *arg)
{
	struct walk *w = arg;
	unsigned int seed = thread_seed(w);
	int fd;

	while (!w->stop) {
		fd = current_fd(w);
		if (fd < 0)
			continue;
		use_fd(w, fd, &seed);
		close(fd);
	}
	return NULL;
}

static void *disturb(void *arg)
{
	struct walk *w = arg;
	unsigned int seed = thread_seed(w);

	while (!w->stop) {
		w->dev->mem[rand_r(&seed) % w->dev->mem_size]++;
		vt_write32(w->dev, MOCK_VFIO_REG_IRQ_TRIGGER, rand_r(&seed) % 20);
		if (rand_r(&seed) % 200 == 0)
			w->resets += vt_reset(w->dev) == 0;
		if (rand_r(&seed) % 50 == 0)
			vt_traffic_start(w->dev, MOCK_VFIO_TRAFFIC_DMA |
					 MOCK_VFIO_TRAFFIC_MEM |
					 MOCK_VFIO_TRAFFIC_IRQ, 50);
	}
	return NULL;
}

static void step(struct walk *w, unsigned int *seed)
{
	const uint32_t state = 1 + rand_r(seed) % 7;
	int fd = -1;

	if (vt_set_state(w->dev, state, &fd) == 0)
		w->moves++;
	if (fd >= 0)
		set_current_fd(w, fd);
	if (rand_r(seed) % 3 == 0)
		usleep(rand_r(seed) % 2000);
}

static unsigned int choose_seed(void)
{
	const char *env = getenv("VT_SEED");

	return env ? strtoul(env, NULL, 0) : (unsigned int)time(NULL);
}

FIXTURE(walk) {
	struct vt_dev dev;
	struct walk walk;
};

FIXTURE_SETUP(walk)
{
	vt_open(&self->dev, 0, VT_LEGACY);
	self->walk = (struct walk) {
		.dev = &self->dev, .fd = -1, .seed = choose_seed(),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

FIXTURE_TEARDOWN(walk)
{
	vt_close(&self->dev);
}

TEST_F_TIMEOUT(walk, at_random_with_everybody_at_it, 200)
{
	void *(*const others[])(void *) = { transfer, transfer, disturb };
	struct walk *w = &self->walk;
	struct vt_state state;
	pthread_t threads[3];
	unsigned int seed;
	int i;

	TH_LOG("VT_SEED=%u", w->seed);
	seed = w->seed;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, others[i], w));
	/* until the others have had their part, on a slow machine too */
	for (i = 0; i < STEPS || (w->transfers < 20 && i < 20 * STEPS); i++)
		step(w, &seed);
	w->stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	set_current_fd(w, -1);
	TH_LOG("%u moves, %u transfers, %u resets", w->moves, w->transfers,
	       w->resets);
	EXPECT_LT(0, w->moves);
	EXPECT_LT(0, w->transfers);
	EXPECT_LT(0, w->resets);

	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&self->dev));
	vt_pattern(&self->dev, 5);
	vt_save(&self->dev, &state);
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(0, vt_load(&self->dev, &state));
	vt_state_free(&state);
}

#define DRIVER		"/sys/bus/pci/drivers/mock_vfio_pci/"
#define ROUNDS		8

/* Waits until the last user has closed the device. */
static void *unbind(void *bdf)
{
	vt_write_file(DRIVER "unbind", bdf);
	return NULL;
}

static bool is_dead(int fd)
{
	char byte = 0;

	return read(fd, &byte, 1) == -1 && (errno == ENODEV || errno == EBADF) &&
	       write(fd, &byte, 1) == -1 && (errno == ENODEV || errno == EBADF);
}

/*
 * A walk that ends with the driver taken off while the data_fd is in use.  Return:
 * whether a data_fd that was left is dead, and nothing else.
 */
static bool walk_to_the_end(struct walk *w, char *bdf, unsigned int *seed)
{
	const int steps = 20 + rand_r(seed) % 60;
	pthread_t threads[3];
	bool dead;
	int i;

	vt_open_bdf(w->dev, bdf, VT_LEGACY);
	w->stop = false;
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, transfer, w);
	for (i = 0; i < steps; i++) {
		step(w, seed);
		if (i == steps / 2)
			pthread_create(&threads[2], NULL, unbind, bdf);
	}
	vt_close(w->dev);
	pthread_join(threads[2], NULL);
	usleep(1000);
	w->stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	dead = w->fd < 0 || is_dead(w->fd);
	set_current_fd(w, -1);
	vt_write_file(DRIVER "bind", bdf);
	return dead;
}

TEST_F_TIMEOUT(walk, the_driver_goes_in_the_middle, 200)
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "default",
	};
	struct vt_dev dev;
	struct walk *w = &self->walk;
	unsigned int seed = w->seed;
	struct vt_state state;
	char bdf[32];
	int i;

	TH_LOG("VT_SEED=%u", w->seed);
	w->dev = &dev;
	w->mem_goes = true;
	vt_fn_new(&conf, bdf);
	for (i = 0; i < ROUNDS; i++)
		EXPECT_TRUE(walk_to_the_end(w, bdf, &seed));
	vt_open_bdf(&dev, bdf, VT_LEGACY);
	EXPECT_EQ(VFIO_DEVICE_STATE_RUNNING, vt_get_state(&dev));
	vt_save(&dev, &state);
	ASSERT_EQ(0, vt_reset(&dev));
	EXPECT_EQ(0, vt_load(&dev, &state));
	vt_state_free(&state);
	vt_close(&dev);
	vt_fn_del(bdf);
}

TEST_HARNESS_MAIN
