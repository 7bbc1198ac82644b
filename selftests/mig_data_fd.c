// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data_fd: a stream that belongs to one session, any segmentation gives
 * the same bytes, and that answers ENODEV once its session has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vt.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING

FIXTURE(data_fd) {
	struct vt_dev dev;
	struct vt_state state;
};

/* The state of a device with something in it; the device is in STOP. */
FIXTURE_SETUP(data_fd)
{
	vt_open(&self->dev, 0, VT_LEGACY);
	vt_pattern(&self->dev, 7);
	vt_save(&self->dev, &self->state);
}

FIXTURE_TEARDOWN(data_fd)
{
	vt_state_free(&self->state);
	vt_close(&self->dev);
}

TEST_F(data_fd, has_no_position)
{
	char byte;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	close(fd);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	close(fd);
}

TEST_F(data_fd, goes_one_way_and_closes_on_exec)
{
	char byte = 0;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	close(fd);
	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	close(fd);
}

TEST_F(data_fd, end_of_stream_is_permanent_and_readable)
{
	struct pollfd pfd = { .events = POLLIN };
	struct vt_state state;
	char byte;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &pfd.fd));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	ASSERT_EQ(0, vt_read_all(pfd.fd, &state));
	EXPECT_EQ(0, read(pfd.fd, &byte, 1));
	EXPECT_EQ(0, read(pfd.fd, &byte, 1));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLIN, pfd.revents);
	vt_state_free(&state);
	close(pfd.fd);
}

TEST_F(data_fd, reads_of_any_size_give_the_same_bytes)
{
	static const size_t sizes[] = { 1, 7, 4095, 4097, 65536 };
	uint8_t *data = malloc(self->state.len + 65536);
	size_t i, len;
	ssize_t n;
	int fd;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
		for (len = 0; (n = read(fd, data + len, sizes[i])) > 0; len += n)
			if (sizes[i] == 1 && len == 5000)
				break;
		if (sizes[i] > 1)
			EXPECT_EQ(self->state.len, len);
		EXPECT_EQ(0, memcmp(data, self->state.data, len));
		close(fd);
		ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	}
	free(data);
}

TEST_F(data_fd, nonblocking_reads_and_zero_lengths_work)
{
	char byte;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, read(fd, &byte, 0));
	EXPECT_EQ(1, read(fd, &byte, 1));
	EXPECT_EQ((char)self->state.data[0], byte);
	close(fd);
}

TEST_F(data_fd, copies_stop_short_at_bad_memory_and_lose_nothing)
{
	uint8_t *two = mmap(NULL, 2 * VT_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t rest[100];
	int fd;

	ASSERT_EQ(0, munmap(two + VT_PAGE, VT_PAGE));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_EQ(10, read(fd, two + VT_PAGE - 10, 100));
	EXPECT_EQ(0, memcmp(two + VT_PAGE - 10, self->state.data, 10));
	EXPECT_EQ(-1, read(fd, two + VT_PAGE, 100));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(100, read(fd, rest, 100));
	EXPECT_EQ(0, memcmp(rest, self->state.data + 10, 100));
	close(fd);

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	memcpy(two + VT_PAGE - 10, self->state.data, 10);
	EXPECT_EQ(10, write(fd, two + VT_PAGE - 10, 100));
	EXPECT_EQ(-1, write(fd, two + VT_PAGE, 100));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, vt_write_all(fd, self->state.data + 10,
				  self->state.len - 10, 5000));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	close(fd);
	munmap(two, VT_PAGE);
}

/* Every way a session can end, for both directions. */
static int end_session(struct vt_dev *dev, int how, const struct vt_state *state,
		       int fd)
{
	switch (how) {
	case 0:
		return vt_reset(dev);
	case 1:
		if (fcntl(fd, F_GETFL) & O_WRONLY)
			vt_write_all(fd, state->data, state->len, 1 << 20);
		return vt_set_state(dev, STOP, NULL);
	default:
		vt_close(dev);
		return 0;
	}
}

TEST_F(data_fd, answers_enodev_after_the_end_of_its_session)
{
	struct pollfd pfd = { .events = POLLIN | POLLOUT };
	char byte = 0;
	int how, dir;

	for (how = 0; how < 3; how++) {
		for (dir = 0; dir < 2; dir++) {
			ASSERT_EQ(0, vt_set_state(&self->dev, dir ? RESUMING :
						  STOP_COPY, &pfd.fd));
			if (!dir)
				EXPECT_EQ(1, read(pfd.fd, &byte, 1));
			ASSERT_EQ(0, end_session(&self->dev, how, &self->state,
						 pfd.fd));
			EXPECT_EQ(-1, dir ? write(pfd.fd, &byte, 1) :
				  read(pfd.fd, &byte, 1));
			EXPECT_EQ(ENODEV, errno);
			EXPECT_EQ(1, poll(&pfd, 1, 0));
			EXPECT_TRUE(pfd.revents & POLLERR);
			close(pfd.fd);
			if (how == 2)
				vt_open(&self->dev, 0, VT_LEGACY);
		}
	}
}

TEST_F(data_fd, of_an_old_session_does_not_reach_the_new_one)
{
	char byte;
	int old, new;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &old));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &new));
	EXPECT_EQ(-1, read(old, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(1, read(new, &byte, 1));
	close(old);
	close(new);
}

TEST_F(data_fd, is_shared_by_dup_and_fork)
{
	uint8_t data[30];
	int fd, copy, status;
	pid_t pid;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	copy = dup(fd);
	ASSERT_EQ(10, read(fd, data, 10));
	pid = fork();
	if (pid == 0)
		_exit(read(copy, data + 10, 10) == 10 &&
		      !memcmp(data + 10, self->state.data + 10, 10) ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
	ASSERT_EQ(10, read(copy, data + 20, 10));
	EXPECT_EQ(0, memcmp(data + 20, self->state.data + 20, 10));
	close(copy);
}

struct reader {
	int fd;
	size_t bytes;
	uint64_t sum;
};

static void *read_some(void *arg)
{
	struct reader *r = arg;
	uint8_t data[333];
	ssize_t n, i;

	while ((n = read(r->fd, data, sizeof(data))) > 0) {
		r->bytes += n;
		for (i = 0; i < n; i++)
			r->sum += data[i];
	}
	return NULL;
}

TEST_F(data_fd, concurrent_readers_share_the_stream_byte_for_byte)
{
	struct reader r[4] = {};
	pthread_t threads[4];
	size_t i, bytes = 0;
	uint64_t sum = 0, want = 0;
	int fd;

	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	for (i = 0; i < 4; i++) {
		r[i].fd = fd;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_some, &r[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		bytes += r[i].bytes;
		sum += r[i].sum;
	}
	for (i = 0; i < self->state.len; i++)
		want += self->state.data[i];
	EXPECT_EQ(self->state.len, bytes);
	EXPECT_EQ(want, sum);
	close(fd);
}

/* The arc has happened when the descriptor cannot be handed out. */
TEST_F(data_fd, a_full_descriptor_table_leaves_a_usable_device)
{
	struct rlimit old, none;
	int fd;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 0;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, vt_set_state(&self->dev, STOP_COPY, &fd));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(STOP_COPY, vt_get_state(&self->dev));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(data_fd, can_be_spliced)
{
	uint8_t data[4096];
	int fd, pipes[2];
	ssize_t n;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, vt_set_state(&self->dev, STOP_COPY, &fd));
	n = splice(fd, NULL, pipes[1], NULL, sizeof(data), 0);
	ASSERT_LT(0, n);
	ASSERT_EQ(n, read(pipes[0], data, sizeof(data)));
	EXPECT_EQ(0, memcmp(data, self->state.data, n));
	close(fd);

	ASSERT_EQ(0, vt_set_state(&self->dev, RESUMING, &fd));
	ASSERT_EQ(n, write(pipes[1], data, n));
	ASSERT_EQ(n, splice(pipes[0], NULL, fd, NULL, n, 0));
	ASSERT_EQ(0, vt_write_all(fd, self->state.data + n,
				  self->state.len - n, 1 << 20));
	EXPECT_EQ(0, vt_set_state(&self->dev, STOP, NULL));
	close(fd);
}

struct resetter {
	struct vt_dev *dev;
	volatile bool stop;
};

static void *reset_loop(void *arg)
{
	struct resetter *r = arg;

	while (!r->stop)
		vt_reset(r->dev);
	return NULL;
}

/*
 * A reset holds the lock that the fault handler of a mapped BAR takes, and ends
 * the session; so a transfer whose user memory is that BAR must not hold what
 * the end of a session needs.  With a lock too many this deadlocks.
 */
TEST_F(data_fd, transfers_from_and_to_a_mapped_bar_survive_resets)
{
	struct resetter r = { .dev = &self->dev };
	pthread_t thread;
	int fd, i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, reset_loop, &r));
	for (i = 0; i < 300; i++) {
		uint32_t to = i % 2 ? RESUMING : STOP_COPY;

		if (vt_set_state(&self->dev, to, &fd) || fd < 0)
			continue;
		if (i % 2)
			i += write(fd, self->dev.mem, 65536) == -2;
		else
			i += read(fd, self->dev.mem, 65536) == -2;
		close(fd);
	}
	r.stop = true;
	pthread_join(thread, NULL);
	ASSERT_EQ(0, vt_reset(&self->dev));
	EXPECT_EQ(RUNNING, vt_get_state(&self->dev));
}

TEST_HARNESS_MAIN
