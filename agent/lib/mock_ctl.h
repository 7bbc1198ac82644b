/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making, looking at and removing functions of the mock_vfio_pci module. */
#ifndef VFM_MOCK_CTL_H
#define VFM_MOCK_CTL_H

#include <stdbool.h>

#include "mock_conf.h"
#include "transport.h"

/*
 * A function is named by its name or, if it looks like one, by its PCI address
 * with domain.  Errors say in the kernel's words what it did not like; of note
 * are ENOENT (no such function, or no module), EEXIST (the name or the place is
 * taken) and EPERM (making and removing takes CAP_NET_ADMIN).
 */

/* Make one; @made, which may be @conf, gets all that there is to know of it. */
int vfm_mock_new(const struct vfm_mock_conf *conf, struct vfm_mock_conf *made,
		 struct vfm_error *e);

/*
 * Remove one; with @surprise as if it was pulled out.  The kernel only begins
 * that: whoever has the function open is asked to let it go.  Unless @wait is
 * NULL the call returns when the function is gone.  ETIMEDOUT: it is not yet,
 * but will be.  ECANCELED: the user did not want to wait.
 */
int vfm_mock_del(const char *which, bool surprise,
		 const struct vfm_patience *wait, struct vfm_error *e);

/* @conf is left alone if there is none. */
int vfm_mock_get(const char *which, struct vfm_mock_conf *conf,
		 struct vfm_error *e);

/* All of them, in the order of their addresses; @all is the caller's to free. */
int vfm_mock_list(struct vfm_mock_conf **all, unsigned int *n,
		  struct vfm_error *e);

#endif
