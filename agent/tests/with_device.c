// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the tests: be a VMM that opens a device and hands it to an agent.
 *
 *	with_device DEV COMMAND ARGUMENT...	the device is descriptor 10
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"

int main(int argc, char **argv)
{
	struct vfm_device d;
	struct vfm_error e;
	int status;
	pid_t pid;

	if (argc < 3 || vfm_open(&d, argv[1], VFM_BACKEND_AUTO, &e)) {
		fprintf(stderr, "with_device: %s\n", argc < 3 ?
			"DEV COMMAND... expected" : e.text);
		return 1;
	}
	pid = fork();
	if (!pid) {
		dup2(d.fd, 10);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	vfm_close(&d);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
