// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a data_fd costs beside the copy: read and write against a memfd with as
 * many bytes in it, splice against read.  The device of vfio_mig_test has its
 * whole state ready, and does not look at what it gets, so it is the library that
 * is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "lib/mig_test.h"

#define TOTAL	(32ul << 20)
#define RUNS	7
#define PIPE	(1 << 20)

static char *buf;
static struct vt_dev dev;

/* A pass through a file; Return: nanoseconds. */
typedef uint64_t (*pass_fn)(int fd, size_t chunk);

static void die(const char *what)
{
	fprintf(stderr, "# data_fd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t pass_read(int fd, size_t chunk)
{
	const uint64_t begin = bench_now();
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, buf, chunk)) > 0)
		done += n;
	if (n < 0 || done < TOTAL)
		die("read");
	return bench_now() - begin;
}

static uint64_t pass_write(int fd, size_t chunk)
{
	const uint64_t begin = bench_now();
	size_t done;
	ssize_t n;

	for (done = 0; done < TOTAL; done += n) {
		n = write(fd, buf, chunk);
		if (n <= 0)
			die("write");
	}
	return bench_now() - begin;
}

static uint64_t pass_splice(int fd, size_t chunk)
{
	static int null = -1, pipes[2] = { -1, -1 };
	uint64_t begin;
	ssize_t n, out;

	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0 || pipe2(pipes, O_CLOEXEC) ||
		    fcntl(pipes[1], F_SETPIPE_SZ, PIPE) < 0)
			die("pipe");
	}
	begin = bench_now();
	while ((n = splice(fd, NULL, pipes[1], NULL, chunk, 0)) > 0)
		for (; n; n -= out) {
			out = splice(pipes[0], NULL, null, NULL, n, 0);
			if (out <= 0)
				die("splice out");
		}
	if (n < 0)
		die("splice");
	return bench_now() - begin;
}

static int memfd(bool filled)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0)
		die("memfd_create");
	if (filled)
		pass_write(fd, 1 << 20);
	return fd;
}

static uint64_t time_memfd(pass_fn pass, size_t chunk)
{
	static int filled = -1;
	uint64_t ns;
	int fd;

	if (pass == pass_write) {
		fd = memfd(false);
		ns = pass(fd, chunk);
		close(fd);
		return ns;
	}
	if (filled < 0)
		filled = memfd(true);
	if (lseek(filled, 0, SEEK_SET))
		die("lseek");
	return pass(filled, chunk);
}

static uint64_t time_data_fd(pass_fn pass, size_t chunk)
{
	const uint32_t state = pass == pass_write ? VFIO_DEVICE_STATE_RESUMING :
						    VFIO_DEVICE_STATE_STOP_COPY;
	uint64_t ns;
	int fd;

	errno = -vt_set_state(&dev, state, &fd);
	if (errno)
		die("no session");
	ns = pass(fd, chunk);
	close(fd);
	if (vt_reset(&dev))
		die("reset");
	return ns;
}

static uint64_t time_splice(pass_fn pass, size_t chunk)
{
	return time_data_fd(pass_splice, chunk);
}

/* Turn by turn; Return: how many times as fast as the first the second is. */
static double compare(uint64_t (*first)(pass_fn, size_t),
		      uint64_t (*second)(pass_fn, size_t), pass_fn pass,
		      size_t chunk)
{
	uint64_t a[RUNS], b[RUNS];
	unsigned int i;

	for (i = 0; i < RUNS; i++) {
		a[i] = first(pass, chunk);
		b[i] = second(pass, chunk);
	}
	return (double)bench_median(a, RUNS) / bench_median(b, RUNS);
}

int main(void)
{
	static const size_t chunks[] = { 64 << 10, 256 << 10, 1 << 20, 8 << 20 };
	struct vfio_mig_test_control control;
	unsigned int i;

	buf = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (buf == MAP_FAILED)
		die("mmap");
	memset(buf, 0x5a, 8 << 20);
	mt_load();
	mt_open(&dev, MT_ALL);
	mt_get(&dev, &control);
	control.size = TOTAL;
	control.load_max = TOTAL;
	control.buffer = VFIO_MIG_TEST_FLAT;
	control.flags = VFIO_MIG_TEST_ACCUMULATE;
	mt_set(&dev, &control);
	for (i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		printf("bench data_fd %.3f of memfd's throughput, read of %zu KiB\n",
		       compare(time_memfd, time_data_fd, pass_read, chunks[i]),
		       chunks[i] >> 10);
		printf("bench data_fd %.3f of memfd's throughput, write of %zu KiB\n",
		       compare(time_memfd, time_data_fd, pass_write, chunks[i]),
		       chunks[i] >> 10);
		printf("bench data_fd %.3f of read's throughput, splice of %zu KiB\n",
		       compare(time_data_fd, time_splice, pass_read, chunks[i]),
		       chunks[i] >> 10);
	}
	vt_close(&dev);
	return 0;
}
