// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mock functions of a test's own, beside those that the module was loaded with.
 * What is to be refused is asked for with vfm_mock_new() and vfm_mock_del().
 */
#include <stdio.h>
#include <stdlib.h>

#include "vt.h"

/* For a user that does not close the function, which is a fault of the test. */
#define VT_DEL_MS	20000

static void vt_fn_die(const struct vfm_error *e)
{
	fprintf(stderr, "# %s%s%s\n", e->where, e->where[0] ? ": " : "", e->text);
	exit(1);
}

/* Make a function; it is bound and can be opened as soon as this returns. */
void vt_fn_new(const struct vfm_mock_conf *conf, char bdf[32])
{
	struct vfm_mock_conf made;
	struct vfm_error e;

	if (vfm_mock_new(conf, &made, &e))
		vt_fn_die(&e);
	snprintf(bdf, 32, "%s", made.address);
}

/* Remove it, and wait until it is gone. */
void vt_fn_del(const char *bdf)
{
	const struct vfm_patience wait = { VT_DEL_MS, -1 };
	struct vfm_error e;

	if (vfm_mock_del(bdf, false, &wait, &e))
		vt_fn_die(&e);
}

bool vt_fn_exists(const char *bdf)
{
	struct vfm_mock_conf conf;
	struct vfm_error e;

	return vfm_mock_get(bdf, &conf, &e) == 0;
}

static bool vt_fn_is_gone(void *bdf)
{
	return !vt_fn_exists(bdf);
}

/* For a removal that has begun: does it end? */
bool vt_fn_goes(const char *bdf)
{
	return vt_wait_until(vt_fn_is_gone, (void *)bdf, VT_DEL_MS);
}
