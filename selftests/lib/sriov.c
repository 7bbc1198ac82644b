// SPDX-License-Identifier: GPL-2.0-or-later
/* Physical and virtual functions, and what sysfs says of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sriov.h"
#include "vt.h"

#define DEVICES	"/sys/bus/pci/devices"

static void vt_pci_path(const char *bdf, const char *attr, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, DEVICES "/%s/%s", bdf, attr);
}

static void vt_pci_die(const char *path)
{
	fprintf(stderr, "# %s: %s\n", path, strerror(errno));
	exit(1);
}

static void vt_pci_read(const char *bdf, const char *attr, char *text,
			size_t size)
{
	char path[PATH_MAX];
	ssize_t n = -1;
	int fd;

	vt_pci_path(bdf, attr, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, size - 1);
	if (n < 0)
		vt_pci_die(path);
	close(fd);
	text[n] = '\0';
}

/* The last part of what a link points to. */
static bool vt_pci_link(const char *bdf, const char *attr, char name[256])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	vt_pci_path(bdf, attr, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	snprintf(name, 256, "%s", strrchr(target, '/') + 1);
	return true;
}

void vt_pf_new(char bdf[32])
{
	const struct vfm_mock_conf conf = {
		.given = VFM_MOCK_PROFILE, .profile = "sriov",
	};

	vt_fn_new(&conf, bdf);
}

int vt_set_numvfs(const char *pf, unsigned int n)
{
	char path[PATH_MAX], text[16];

	vt_pci_path(pf, "sriov_numvfs", path);
	snprintf(text, sizeof(text), "%u", n);
	return vt_try_write_file(path, text);
}

void vt_vf_bdf(const char *pf, unsigned int nr, char bdf[32])
{
	char link[32], name[256];

	snprintf(link, sizeof(link), "virtfn%u", nr);
	if (!vt_pci_link(pf, link, name))
		vt_pci_die(link);
	snprintf(bdf, 32, "%.31s", name);
}

void vt_open_vf(struct vt_dev *dev, const char *pf, unsigned int nr)
{
	char bdf[32];

	vt_vf_bdf(pf, nr, bdf);
	vt_open_bdf(dev, bdf, VT_LEGACY);
}

bool vt_pci_has(const char *bdf, const char *attr)
{
	char path[PATH_MAX];

	vt_pci_path(bdf, attr, path);
	return access(path, F_OK) == 0;
}

bool vt_pci_is(const char *bdf, const char *attr, const char *text)
{
	char found[256];

	vt_pci_read(bdf, attr, found, sizeof(found));
	found[strcspn(found, "\n")] = '\0';
	return strcmp(found, text) == 0;
}

bool vt_pci_links_to(const char *bdf, const char *attr, const char *name)
{
	char found[256];

	return vt_pci_link(bdf, attr, found) && !strcmp(found, name);
}

long vt_pci_number(const char *bdf, const char *attr)
{
	char text[64];

	vt_pci_read(bdf, attr, text, sizeof(text));
	return strtol(text, NULL, 0);
}

int vt_pci_group(const char *bdf)
{
	char name[256];

	if (!vt_pci_link(bdf, "iommu_group", name))
		vt_pci_die("iommu_group");
	return atoi(name);
}

void vt_pci_config(const char *bdf, void *data, size_t len)
{
	char path[PATH_MAX];
	int fd;

	vt_pci_path(bdf, "config", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, data, len, 0) != (ssize_t)len)
		vt_pci_die(path);
	close(fd);
}

void vt_pci_resource(const char *bdf, unsigned int row, struct vt_resource *res)
{
	char path[PATH_MAX];
	unsigned int i;
	FILE *file;

	vt_pci_path(bdf, "resource", path);
	file = fopen(path, "re");
	if (!file)
		vt_pci_die(path);
	for (i = 0; i <= row; i++)
		if (fscanf(file, "%lx %lx %*x", &res->start, &res->end) != 2)
			vt_pci_die(path);
	fclose(file);
}

void vt_pci_write(const char *bdf, const char *attr, const char *text)
{
	char path[PATH_MAX];

	vt_pci_path(bdf, attr, path);
	vt_write_file(path, text);
}

/* A mere child would hold open what the caller has open. */
pid_t vt_pci_write_in_background(const char *bdf, const char *attr,
				 const char *text)
{
	char path[PATH_MAX];
	pid_t pid;

	vt_pci_path(bdf, attr, path);
	pid = fork();
	if (pid == 0) {
		execlp("sh", "sh", "-c", "echo $1 >$0", path, text, NULL);
		_exit(127);
	}
	return pid;
}

void vt_pci_vfio_dev(const char *bdf, char path[64])
{
	char dir[PATH_MAX];
	struct dirent *entry;
	DIR *found;

	vt_pci_path(bdf, "vfio-dev", dir);
	found = opendir(dir);
	if (!found)
		vt_pci_die(dir);
	while ((entry = readdir(found)) != NULL)
		if (!strncmp(entry->d_name, "vfio", 4))
			snprintf(path, 64, "/dev/vfio/devices/%.32s",
				 entry->d_name);
	closedir(found);
}

int vt_pci_count(void)
{
	struct dirent *entry;
	DIR *dir = opendir(DEVICES);
	int n = 0;

	if (!dir)
		vt_pci_die(DEVICES);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}
