// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The modules.  If they are loaded they are used as they are.  Otherwise a test
 * program loads them at its start, from $VFIO_MIG_MODULES, from beside itself
 * (../modules) or as installed, and unloads them at its end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vt.h"

#define VT_DRIVER	"/sys/bus/pci/drivers/mock_vfio_pci"

static pid_t vt_loader;
static pid_t vt_test_loader;

int vt_run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool vt_module_loaded(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

static const char *vt_module_dir(void)
{
	static char dir[PATH_MAX];
	const char *env = getenv("VFIO_MIG_MODULES");
	ssize_t n;

	if (env)
		return env;
	n = readlink("/proc/self/exe", dir, sizeof(dir) - 32);
	if (n < 0)
		return NULL;
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	strcat(dir, "/../modules");
	return access(dir, F_OK) ? NULL : dir;
}

static bool vt_load_one(const char *name, const char *arg, const char *arg2)
{
	char path[PATH_MAX + 64];
	const char *dir = vt_module_dir();
	const char *const insmod[] = { "insmod", path, arg, arg2, NULL };
	const char *const modprobe[] = { "modprobe", name, arg, arg2, NULL };

	if (vt_module_loaded(name))
		return true;
	if (!dir)
		return vt_run(modprobe) == 0;
	snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
	return vt_run(insmod) == 0;
}

/* Any of our modules that takes no parameter. */
bool vt_insmod_plain(const char *name)
{
	return vt_load_one(name, NULL, NULL);
}

bool vt_insmod_profile(unsigned int functions, const char *profile)
{
	char arg[32], arg2[64];

	snprintf(arg, sizeof(arg), "functions=%u", functions);
	snprintf(arg2, sizeof(arg2), "profile=%s", profile);
	return vt_load_one("vfio_mig", NULL, NULL) &&
	       vt_load_one("mock_vfio_pci", arg, arg2);
}

bool vt_insmod(unsigned int functions)
{
	return vt_insmod_profile(functions, "default");
}

/* The devices for tests of the library; kept until the program ends. */
bool vt_insmod_test(void)
{
	if (vt_module_loaded("vfio_mig_test"))
		return true;
	vt_test_loader = getpid();
	return vt_load_one("vfio_mig", NULL, NULL) &&
	       vt_load_one("vfio_mig_test", NULL, NULL);
}

int vt_rmmod(const char *name)
{
	const char *const argv[] = { "rmmod", name, NULL };

	return vt_run(argv);
}

/* BDF of the nr-th function bound to the driver, in ascending order. */
void vt_bdf(unsigned int nr, char bdf[32])
{
	struct dirent **list;
	int i, n = scandir(VT_DRIVER, &list, NULL, alphasort);

	bdf[0] = '\0';
	for (i = 0; i < n; i++) {
		if (strchr(list[i]->d_name, ':') && nr-- == 0)
			snprintf(bdf, 32, "%.31s", list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (!bdf[0]) {
		fprintf(stderr, "# no such mock function: is it bound?\n");
		exit(1);
	}
}

int vt_try_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int ret = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return ret;
}

void vt_write_file(const char *path, const char *text)
{
	int ret = vt_try_write_file(path, text);

	if (!ret)
		return;
	fprintf(stderr, "# %s: %s\n", path, strerror(-ret));
	exit(1);
}

/* A program that may be run on other devices has its own. */
__attribute__((weak)) bool vt_wants_mock(int argc, char **argv)
{
	return true;
}

/* Before the constructors of a test program, and after its destructors. */
static __attribute__((constructor(200))) void vt_setup(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (vt_module_loaded("mock_vfio_pci") || !vt_wants_mock(argc, argv))
		return;
	if (!vt_insmod(2)) {
		printf("Bail out! cannot load the modules\n");
		exit(1);
	}
	vt_loader = getpid();
}

/* Tests run in children of the program, which must not unload anything. */
static __attribute__((destructor(200))) void vt_teardown(void)
{
	if (vt_test_loader == getpid() && vt_module_loaded("vfio_mig_test") &&
	    vt_rmmod("vfio_mig_test"))
		_exit(1);
	if (vt_loader != getpid())
		return;
	if (vt_module_loaded("mock_vfio_pci") && vt_rmmod("mock_vfio_pci"))
		_exit(1);
	if (vt_module_loaded("vfio_mig") && vt_rmmod("vfio_mig"))
		_exit(1);
}
