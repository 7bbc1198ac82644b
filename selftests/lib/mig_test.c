// SPDX-License-Identifier: GPL-2.0-or-later
/* The devices of vfio_mig_test.ko. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mig_test.h"

static void mt_die(const char *what)
{
	fprintf(stderr, "# %s: %s\n", what, strerror(errno));
	exit(1);
}

/* From a constructor of the test program, so that it is unloaded at the end. */
void mt_load(void)
{
	if (vt_insmod_test())
		return;
	printf("Bail out! cannot load vfio_mig_test\n");
	exit(1);
}

static void mt_name(unsigned int which, char name[32])
{
	switch (which) {
	case MT_LEGACY:
		snprintf(name, 32, VFIO_MIG_TEST_LEGACY);
		break;
	case MT_QUEUE:
		snprintf(name, 32, VFIO_MIG_TEST_QUEUE);
		break;
	case MT_DIRECT:
		snprintf(name, 32, VFIO_MIG_TEST_DIRECT);
		break;
	default:
		snprintf(name, 32, VFIO_MIG_TEST_NAME ".%u", which);
	}
}

/* The device as it is found, with the default control. */
void mt_open(struct vt_dev *dev, unsigned int which)
{
	char name[32];

	mt_name(which, name);
	vt_open_bare(dev, name, VT_LEGACY);
	dev->mem_size = VFIO_MIG_TEST_MEM_SIZE;
	dev->mem = mmap(NULL, dev->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			dev->fd, VFIO_MIG_TEST_MEM);
	if (dev->mem == MAP_FAILED)
		mt_die("mmap of the device's memory");
	mt_defaults(dev);
}

void mt_get(struct vt_dev *dev, struct vfio_mig_test_control *control)
{
	if (pread(dev->fd, control, sizeof(*control), VFIO_MIG_TEST_CONTROL) !=
	    sizeof(*control))
		mt_die("reading the control region");
}

void mt_set(struct vt_dev *dev, const struct vfio_mig_test_control *control)
{
	if (pwrite(dev->fd, control, sizeof(*control), VFIO_MIG_TEST_CONTROL) !=
	    sizeof(*control))
		mt_die("writing the control region");
}

/* A state of a few pages, half of it for pre-copy, and nothing that fails. */
void mt_defaults(struct vt_dev *dev)
{
	const struct vfio_mig_test_control control = {
		.seed = 7, .size = 20000, .data_size = 20032,
		.load_max = 1 << 20, .initial = 8000, .dirty = 2000,
		.piece = 4096,
	};

	mt_set(dev, &control);
}

/* The @at-th call of @op from now on fails, or none. */
void mt_fail(struct vt_dev *dev, uint32_t op, uint32_t at, int err,
	     uint32_t flags)
{
	struct vfio_mig_test_control control;

	mt_get(dev, &control);
	control.fail_op = op;
	control.fail_at = at;
	control.fail_times = 1;
	control.fail_errno = err;
	control.flags = flags;
	mt_set(dev, &control);
}

void mt_status(struct vt_dev *dev, struct vfio_mig_test_status *status)
{
	if (pread(dev->fd, status, sizeof(*status), VFIO_MIG_TEST_STATUS) !=
	    sizeof(*status))
		mt_die("reading the status region");
}

/* Nothing is open, nothing was called out of order, and the hardware runs. */
bool mt_is_clean(struct vt_dev *dev)
{
	struct vfio_mig_test_status s;
	bool clean;

	mt_status(dev, &s);
	clean = s.level == VFIO_MIG_TEST_RUNNING && !s.misuse &&
		s.saves_begun == s.saves_ended && s.loads_begun == s.loads_ended;
	if (!clean)
		printf("# level %u, misuse %u, saves %u/%u, loads %u/%u\n",
		       s.level, s.misuse, s.saves_begun, s.saves_ended,
		       s.loads_begun, s.loads_ended);
	return clean;
}

const char *mt_op_name(unsigned int op)
{
	static const char *const names[] = {
		"any", "step", "p2p_begin", "p2p_end", "stop", "start",
		"precopy_begin", "precopy_end", "precopy_fill", "save",
		"save_fill", "save_end", "load_begin", "load_check", "load",
		"load_end", "reset",
	};

	return op < sizeof(names) / sizeof(names[0]) ? names[op] : "?";
}

/* What a device with this state would send. */
void mt_stream(struct vt_state *state, uint32_t seed, uint64_t size)
{
	const uint64_t n = vfio_mig_test_words(size);
	__u64 *words = malloc(n * sizeof(*words));
	__u64 sum = 0;
	uint64_t i;

	for (i = 0; i < n - 1; i++) {
		words[i] = vfio_mig_test_word(seed, size, i);
		sum = vfio_mig_test_sum(sum, words[i]);
	}
	words[i] = sum;
	state->data = (uint8_t *)words;
	state->len = n * sizeof(*words);
}

bool mt_is_stream(const struct vt_state *state, uint32_t seed, uint64_t size)
{
	struct vt_state want;
	bool same;

	mt_stream(&want, seed, size);
	same = state->len == want.len &&
	       memcmp(state->data, want.data, want.len) == 0;
	vt_state_free(&want);
	return same;
}

/*
 * From RUNNING to a state, by way of a reset.  A loading session gets all of a
 * state, so that every way out of it is open.
 */
int mt_enter(struct vt_dev *dev, uint32_t state, int *fd)
{
	struct vt_state stream;
	int ret = vt_reset(dev);

	*fd = -1;
	if (!ret && state != VFIO_DEVICE_STATE_RUNNING)
		ret = vt_set_state(dev, state, fd);
	if (ret || state != VFIO_DEVICE_STATE_RESUMING)
		return ret;
	mt_stream(&stream, 7, 20000);
	ret = vt_write_all(*fd, stream.data, stream.len, stream.len);
	vt_state_free(&stream);
	return ret;
}
