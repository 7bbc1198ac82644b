/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of vfio_mig.ko share. */
#ifndef VFIO_MIG_INTERNAL_H
#define VFIO_MIG_INTERNAL_H

#include "vfio_mig.h"

struct file;
struct page;

static inline struct vfio_mig *vfio_mig_of(struct vfio_device *vdev)
{
	return container_of(vdev->mig_ops, struct vfio_mig, core_ops);
}

/* main.c */
void vfio_mig_end_session(struct vfio_mig *mig);
void vfio_mig_lock(struct vfio_mig *mig);
void vfio_mig_unlock(struct vfio_mig *mig);

/* fsm.c */
struct file *vfio_mig_set_state(struct vfio_device *vdev,
				enum vfio_device_mig_state new_state);

/* session.c */
struct file *vfio_mig_session_new_save(struct vfio_mig *mig);
struct file *vfio_mig_session_new_precopy(struct vfio_mig *mig);
int vfio_mig_session_finish_precopy(struct vfio_mig_session *session);
void vfio_mig_session_wake(struct vfio_mig_session *session);
struct file *vfio_mig_session_new_load(struct vfio_mig *mig);
int vfio_mig_session_commit(struct vfio_mig_session *session);
void vfio_mig_session_end(struct vfio_mig_session *session);

/* buffer.c */
void vfio_mig_buf_init(struct vfio_mig_buf *buf, u64 max);
void vfio_mig_buf_destroy(struct vfio_mig_buf *buf);
size_t vfio_mig_buf_tail_room(const struct vfio_mig_buf *buf);
int vfio_mig_buf_add_page(struct vfio_mig_buf *buf, struct page *page,
			  size_t len);
struct page *vfio_mig_buf_get_page(const struct vfio_mig_buf *buf, u64 offset);

#endif /* VFIO_MIG_INTERNAL_H */
