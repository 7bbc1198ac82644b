/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One generic netlink family, asked one question at a time, over libmnl. */
#ifndef VFM_MNL_H
#define VFM_MNL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "error.h"

/* Bytes of a request. */
#define VFM_MNL_REQUEST	1024

/**
 * struct vfm_mnl_family - a family, and how to speak of it
 * @name: its name
 * @version: that we know
 * @missing: what to do where the kernel does not have it
 * @attr_name: what people call an attribute; NULL if it is not known
 */
struct vfm_mnl_family {
	const char *name;
	uint8_t version;
	const char *missing;
	const char *(*attr_name)(unsigned int type);
};

/**
 * struct vfm_mnl - a socket
 * @family: that it speaks to
 * @nl: the socket
 * @id: the family's number in this kernel
 * @seq: number of the last request
 * @request: the request
 */
struct vfm_mnl {
	const struct vfm_mnl_family *family;
	struct mnl_socket *nl;
	uint16_t id;
	uint32_t seq;
	union {
		struct nlmsghdr header;
		char bytes[VFM_MNL_REQUEST];
	} request;
};

/* Called for each message of an answer; a result other than 0 ends it. */
typedef int (*vfm_mnl_answer)(void *ctx, const struct nlmsghdr *answer,
			      struct vfm_error *e);

/* ENOENT: the kernel does not have the family. */
int vfm_mnl_open(struct vfm_mnl *m, const struct vfm_mnl_family *family,
		 struct vfm_error *e);
void vfm_mnl_close(struct vfm_mnl *m);

/*
 * Begin a request, which lies in @m->request; @flags are NLM_F_ACK or
 * NLM_F_DUMP.  Attributes are added with mnl_attr_put_*_check().
 */
struct nlmsghdr *vfm_mnl_begin(struct vfm_mnl *m, uint8_t command,
			       uint16_t flags);
/*
 * Send the request and wait for all of its answer.  What the kernel refuses
 * comes back in its own words.  EINTR: a dump that is not consistent.  After a
 * dump that did not come to its end the socket is of no more use.
 */
int vfm_mnl_talk(struct vfm_mnl *m, vfm_mnl_answer call, void *ctx,
		 struct vfm_error *e);

/* Receive what the family sends to a group of that name. */
int vfm_mnl_join(struct vfm_mnl *m, const char *group, struct vfm_error *e);

/* A number of any width that numbers have; 0 or -EINVAL. */
int vfm_mnl_number(const struct nlattr *a, uint64_t *v);

/* What a refusal of @request says: NLMSG_ERROR, or NLMSG_DONE with an error. */
int vfm_mnl_explain(const struct vfm_mnl_family *family,
		    const struct nlmsghdr *request,
		    const struct nlmsghdr *refusal, struct vfm_error *e);

#endif
