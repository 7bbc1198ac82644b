// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the tests: run a command as a user without any capability.
 *
 *	as_nobody COMMAND ARGUMENT...
 */
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

#define NOBODY	65534

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("as_nobody: COMMAND... expected\n", stderr);
		return 127;
	}
	if (!setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY))
		execvp(argv[1], argv + 1);
	perror("as_nobody");
	return 127;
}
