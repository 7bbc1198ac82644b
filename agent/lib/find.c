// SPDX-License-Identifier: GPL-2.0-or-later
/* Looking up VFIO devices in sysfs; nothing here opens a device. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "find.h"

#define CLASS_DIR	"/sys/class/vfio-dev"
#define PCI_DIR		"/sys/bus/pci/devices"

static void link_base(const char *dir, const char *name, char *to, size_t n)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t len;

	to[0] = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = 0;
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (strlen(base) < n)
		strcpy(to, base);
}

static unsigned int hex_file(const char *dir, const char *name)
{
	char path[PATH_MAX];
	unsigned int v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%x", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

/* The device's folder has one vfio-dev/vfioN while a VFIO driver owns it. */
static bool find_cdev(struct vfm_found *f)
{
	char path[PATH_MAX];
	struct dirent *d;
	bool bound = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/vfio-dev", f->sysfs);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "vfio", 4))
			continue;
		bound = true;
		snprintf(f->cdev, sizeof(f->cdev), "/dev/vfio/devices/%.40s",
			 d->d_name);
	}
	closedir(dir);
	if (access(f->cdev, F_OK))
		f->cdev[0] = 0;
	return bound;
}

/* @dir is the device's folder; false if no VFIO driver has it. */
static bool describe(const char *dir, struct vfm_found *f)
{
	char group[32], real[PATH_MAX];
	const char *base;

	memset(f, 0, sizeof(*f));
	if (!realpath(dir, real) || strlen(real) >= sizeof(f->sysfs))
		return false;
	strcpy(f->sysfs, real);
	base = strrchr(f->sysfs, '/');
	snprintf(f->name, sizeof(f->name), "%.63s", base + 1);
	link_base(f->sysfs, "driver", f->driver, sizeof(f->driver));
	link_base(f->sysfs, "iommu_group", group, sizeof(group));
	f->group = isdigit((unsigned char)group[0]) ? atoi(group) : -1;
	f->vendor = hex_file(f->sysfs, "vendor");
	f->device = hex_file(f->sysfs, "device");
	return find_cdev(f);
}

static void sysfs_dir(const char *spec, char *dir, size_t n)
{
	const char *base = strrchr(spec, '/');

	if (!strncmp(spec, "/dev/vfio/devices/", 18))
		snprintf(dir, n, CLASS_DIR "/%s/device", base + 1);
	else if (base)
		snprintf(dir, n, "%s", spec);
	else
		snprintf(dir, n, PCI_DIR "/%s", spec);
}

int vfm_find(const char *spec, struct vfm_found *f, struct vfm_error *e)
{
	char dir[PATH_MAX];

	sysfs_dir(spec, dir, sizeof(dir));
	if (access(dir, F_OK)) {
		vfm_fail(e, ENODEV, "no such device");
		vfm_error_where(e, "%s", spec);
		return vfm_error_hint(e, "see vfio-agent device list");
	}
	if (describe(dir, f))
		return 0;
	vfm_fail(e, ENODEV, "its driver is %s, which is no VFIO driver",
		 f->driver[0] ? f->driver : "none");
	vfm_error_where(e, "%s", spec);
	return vfm_error_hint(e, "bind it to vfio-pci or to its vendor's VFIO driver");
}

static int by_name(const void *a, const void *b)
{
	const struct vfm_found *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int append(struct vfm_found **all, unsigned int *n, const char *name,
		  struct vfm_error *e)
{
	struct vfm_found *more;
	char dir[PATH_MAX];

	more = realloc(*all, (*n + 1) * sizeof(**all));
	if (!more)
		return vfm_fail(e, ENOMEM, "no memory for the device list");
	*all = more;
	snprintf(dir, sizeof(dir), CLASS_DIR "/%s/device", name);
	if (describe(dir, &more[*n]))
		(*n)++;
	return 0;
}

int vfm_find_all(struct vfm_found **f, unsigned int *n, struct vfm_error *e)
{
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	*f = NULL;
	*n = 0;
	dir = opendir(CLASS_DIR);
	/* No class: the VFIO core is not there, hence no device. */
	if (!dir)
		return 0;
	while (!ret && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			ret = append(f, n, d->d_name, e);
	closedir(dir);
	if (*n)
		qsort(*f, *n, sizeof(**f), by_name);
	return ret;
}

static bool process_has(const char *pid, const char *group, const char *cdev)
{
	char path[64], target[PATH_MAX], fd[PATH_MAX];
	struct dirent *d;
	bool hit = false;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!hit && (d = readdir(dir))) {
		snprintf(fd, sizeof(fd), "%s/%s", path, d->d_name);
		len = readlink(fd, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		hit = !strcmp(target, group) || !strcmp(target, cdev);
	}
	closedir(dir);
	return hit;
}

bool vfm_in_use(const struct vfm_found *f)
{
	struct dirent *d;
	bool hit = false;
	char group[40];
	DIR *dir;

	snprintf(group, sizeof(group), "/dev/vfio/%d", f->group);
	dir = opendir("/proc");
	if (!dir)
		return false;
	while (!hit && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			hit = process_has(d->d_name, group, f->cdev);
	closedir(dir);
	return hit;
}
