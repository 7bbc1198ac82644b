// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest RAM: a memfd, or a file that both sides map. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "number.h"
#include "ram.h"

static int bad(const char *spec, struct vfm_error *e)
{
	return vfm_fail(e, EINVAL, "--ram %s: SIZE[,path=FILE][,iova=N] expected, multiples of 4096",
			spec);
}

static int parse(struct ram *r, const char *spec, char *path,
		 struct vfm_error *e)
{
	const char *word = spec;
	size_t n = strcspn(word, ",");

	if (vfm_parse_size(word, n, &r->size) || !r->size || r->size & 4095)
		return bad(spec, e);
	for (word += n; *word; word += n) {
		n = strcspn(++word, ",");
		if (!strncmp(word, "path=", 5) && n > 5 && n - 5 < PATH_MAX) {
			memcpy(path, word + 5, n - 5);
			path[n - 5] = 0;
		} else if (strncmp(word, "iova=", 5) ||
			   vfm_parse_size(word + 5, n - 5, &r->iova) ||
			   r->iova & 4095) {
			return bad(spec, e);
		}
	}
	return 0;
}

static int open_memory(struct ram *r, const char *path)
{
	struct stat st;
	int fd;

	if (!*path)
		fd = memfd_create("guest-ram", MFD_CLOEXEC);
	else
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && ((uint64_t)st.st_size >= r->size ||
				!ftruncate(fd, r->size)))
		return fd;
	close(fd);
	return -1;
}

int ram_open(struct ram *r, const char *spec, struct vfm_error *e)
{
	char path[PATH_MAX] = "";
	int fd, ret;

	memset(r, 0, sizeof(*r));
	ret = parse(r, spec, path, e);
	if (ret)
		return ret;
	r->shared = *path;
	fd = open_memory(r, path);
	if (fd < 0)
		return vfm_fail_errno(e, "cannot make guest RAM");
	r->va = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (r->va != MAP_FAILED)
		return 0;
	r->va = NULL;
	return vfm_fail_errno(e, "cannot map guest RAM");
}

void ram_close(struct ram *r)
{
	if (r->va)
		munmap(r->va, r->size);
	r->va = NULL;
}
