// SPDX-License-Identifier: GPL-2.0-or-later
/* The tests of bochs_migrate.c, on devices that were opened through iommufd. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/vt.h"

static __attribute__((constructor)) void need_iommufd(void)
{
	if (vt_has_backend(VT_IOMMUFD))
		return;
	printf("TAP version 13\n1..0 # SKIP this kernel is built without iommufd\n");
	exit(4);
}

#define BOCHS_BACKEND	VT_IOMMUFD
#include "bochs_migrate.c"
