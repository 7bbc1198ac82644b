/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices of vfio_mig_test.ko, whose hardware does what the test wants; for
 * what they have in common with other devices see vt.h.
 */
#ifndef MIG_TEST_H
#define MIG_TEST_H

#include <vfio_mig_test.h>

#include "vt.h"

/* Devices by their migration flags, and those that have none in their name. */
#define MT_LEGACY	0
#define MT_ALL		7
#define MT_QUEUE	16
#define MT_DIRECT	17

void mt_load(void);
void mt_open(struct vt_dev *dev, unsigned int which);
void mt_get(struct vt_dev *dev, struct vfio_mig_test_control *control);
void mt_set(struct vt_dev *dev, const struct vfio_mig_test_control *control);
void mt_defaults(struct vt_dev *dev);
void mt_fail(struct vt_dev *dev, uint32_t op, uint32_t at, int err,
	     uint32_t flags);
void mt_status(struct vt_dev *dev, struct vfio_mig_test_status *status);
bool mt_is_clean(struct vt_dev *dev);
const char *mt_op_name(unsigned int op);
void mt_stream(struct vt_state *state, uint32_t seed, uint64_t size);
bool mt_is_stream(const struct vt_state *state, uint32_t seed, uint64_t size);
int mt_enter(struct vt_dev *dev, uint32_t state, int *fd);

#endif /* MIG_TEST_H */
