// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library against a hand-written driver: the same calls on a device of
 * vfio_mig_test and on the kernel's mtty, with a state as large as mtty's.
 *
 *	mtty UUID		of an mdev of mtty
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "lib/anydev.h"
#include "lib/mig_test.h"

#define CYCLES	300
#define CALL	64	/* bytes that a call transfers */

/**
 * struct target - a device, and what was measured of it
 * @dev: open
 * @state: a state that it has saved
 * @cycle: nanoseconds of whole cycles through the states
 * @read: of a read
 * @write: of a write
 */
struct target {
	struct vt_dev dev;
	struct vt_state state;
	uint64_t cycle[CYCLES];
	uint64_t read[CYCLES];
	uint64_t write[CYCLES];
};

static struct target mtty, ours;

static void die(const char *what, int err)
{
	fprintf(stderr, "# mtty: %s: %s\n", what, strerror(err));
	exit(1);
}

static int enter(struct target *t, uint32_t state)
{
	int fd = -1;
	int ret = vt_set_state(&t->dev, state, &fd);

	if (ret)
		die("a state was refused", -ret);
	return fd;
}

/* Return: nanoseconds a call. */
static uint64_t read_all(int fd)
{
	const uint64_t begin = bench_now();
	unsigned int calls = 0;
	char buf[CALL];
	ssize_t n;

	do {
		n = read(fd, buf, sizeof(buf));
		calls++;
	} while (n > 0);
	if (n < 0)
		die("read", errno);
	return (bench_now() - begin) / calls;
}

static uint64_t write_all(int fd, const struct vt_state *state)
{
	const uint64_t begin = bench_now();
	unsigned int calls = 0;
	size_t done;
	ssize_t n;

	for (done = 0; done < state->len; done += n, calls++) {
		n = write(fd, state->data + done,
			  state->len - done < CALL ? state->len - done : CALL);
		if (n <= 0)
			die("write", errno);
	}
	return (bench_now() - begin) / calls;
}

/* RUNNING to STOP_COPY, out with it; to RESUMING, in with it; RUNNING. */
static void cycle(struct target *t, unsigned int i)
{
	const uint64_t begin = bench_now();
	int fd;

	fd = enter(t, VFIO_DEVICE_STATE_STOP_COPY);
	t->read[i] = read_all(fd);
	close(fd);
	fd = enter(t, VFIO_DEVICE_STATE_RESUMING);
	t->write[i] = write_all(fd, &t->state);
	close(fd);
	enter(t, VFIO_DEVICE_STATE_RUNNING);
	t->cycle[i] = bench_now() - begin;
}

static void save(struct target *t)
{
	int fd = enter(t, VFIO_DEVICE_STATE_STOP_COPY);

	if (vt_read_all(fd, &t->state))
		die("saving", errno);
	close(fd);
	enter(t, VFIO_DEVICE_STATE_RUNNING);
}

static void open_mtty(const char *uuid)
{
	struct vt_any any;

	if (vt_any_find(uuid, &any) || vt_any_open(&any, VT_LEGACY, &mtty.dev))
		exit(1);
	save(&mtty);
}

static void open_ours(void)
{
	struct vfio_mig_test_control control;

	mt_load();
	mt_open(&ours.dev, MT_ALL);
	mt_get(&ours.dev, &control);
	control.size = (mtty.state.len - 8 * VFIO_MIG_TEST_EXTRA) & ~7ul;
	mt_set(&ours.dev, &control);
	save(&ours);
}

static void report(const char *what, uint64_t *a, uint64_t *b)
{
	printf("bench mtty %.3f of mtty's time, %s\n",
	       (double)bench_median(a, CYCLES) / bench_median(b, CYCLES), what);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 2) {
		fprintf(stderr, "usage: mtty UUID\n");
		return 1;
	}
	open_mtty(argv[1]);
	open_ours();
	printf("# mtty: states of %zu and %zu bytes\n", mtty.state.len,
	       ours.state.len);
	for (i = 0; i < CYCLES; i++) {
		cycle(&mtty, i);
		cycle(&ours, i);
	}
	report("a read of 64 bytes", ours.read, mtty.read);
	report("a write of 64 bytes", ours.write, mtty.write);
	report("a cycle through STOP_COPY and RESUMING with the state",
	       ours.cycle, mtty.cycle);
	vt_close(&ours.dev);
	vt_any_close(&mtty.dev);
	return 0;
}
