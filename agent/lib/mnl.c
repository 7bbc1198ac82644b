// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests, answers and refusals of a generic netlink family. */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <string.h>

#include "mnl.h"

/* What the kernel makes dump messages for at most. */
#define ANSWER_MAX	32768
#define ATTRS_AT	(NLMSG_HDRLEN + GENL_HDRLEN)

/**
 * struct refusal - what an extended ack says
 * @text: the kernel's words, or NULL
 * @at: where in the request the attribute is that it is about, or 0
 * @missing: type of an attribute that should have been there, or 0
 * @has_max: @max is known
 * @min: least value that the attribute takes
 * @max: greatest value
 */
struct refusal {
	const char *text;
	uint32_t at;
	uint32_t missing;
	bool has_max;
	uint64_t min;
	uint64_t max;
};

static bool is_number(const struct nlattr *a, size_t bytes)
{
	return mnl_attr_get_payload_len(a) == bytes;
}

static int range_attr(const struct nlattr *a, void *data)
{
	struct refusal *r = data;

	if (!is_number(a, 8))
		return MNL_CB_OK;
	switch (mnl_attr_get_type(a)) {
	case NL_POLICY_TYPE_ATTR_MIN_VALUE_U:
		r->min = mnl_attr_get_u64(a);
		break;
	case NL_POLICY_TYPE_ATTR_MAX_VALUE_U:
		r->max = mnl_attr_get_u64(a);
		r->has_max = true;
		break;
	}
	return MNL_CB_OK;
}

static int refusal_attr(const struct nlattr *a, void *data)
{
	struct refusal *r = data;

	switch (mnl_attr_get_type(a)) {
	case NLMSGERR_ATTR_MSG:
		if (!mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			r->text = mnl_attr_get_str(a);
		break;
	case NLMSGERR_ATTR_OFFS:
		if (is_number(a, 4))
			r->at = mnl_attr_get_u32(a);
		break;
	case NLMSGERR_ATTR_MISS_TYPE:
		if (is_number(a, 4))
			r->missing = mnl_attr_get_u32(a);
		break;
	case NLMSGERR_ATTR_POLICY:
		mnl_attr_parse_nested(a, range_attr, r);
		break;
	}
	return MNL_CB_OK;
}

/* Where the attributes of an extended ack begin; 0 if there are none. */
static size_t refusal_attrs(const struct nlmsghdr *n)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(n);
	size_t at = sizeof(*err);

	if (!(n->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (n->nlmsg_type == NLMSG_DONE)
		return sizeof(int);
	if (!(n->nlmsg_flags & NLM_F_CAPPED))
		at += MNL_ALIGN(err->msg.nlmsg_len) - NLMSG_HDRLEN;
	return at < mnl_nlmsg_get_payload_len(n) ? at : 0;
}

/* Type of the attribute at @at of the request, 0 if there is none. */
static unsigned int attr_at(const struct nlmsghdr *request, uint32_t at)
{
	struct nlattr a;

	if (at < ATTRS_AT || at > request->nlmsg_len ||
	    request->nlmsg_len - at < sizeof(a))
		return 0;
	memcpy(&a, (const char *)request + at, sizeof(a));
	return a.nla_type & NLA_TYPE_MASK;
}

static void say_refusal(const struct refusal *r, const char *attr, int code,
			struct vfm_error *e)
{
	const char *text = r->text ? r->text : strerror(code);

	if (r->missing)
		vfm_fail(e, code, "%s is missing%s%s", attr ? attr : "something",
			 r->text ? ": " : "", r->text ? r->text : "");
	else
		vfm_fail(e, code, "%s%s%s", attr ? attr : "", attr ? ": " : "",
			 text);
	if (r->has_max)
		vfm_error_hint(e, "from %" PRIu64 " to %" PRIu64 " is possible",
			       r->min, r->max);
	else if (code == EPERM)
		vfm_error_hint(e, "it takes CAP_NET_ADMIN in the initial user namespace, as root has");
}

static int refusal_code(const struct nlmsghdr *n)
{
	int code;

	/* In both kinds of messages it comes first. */
	memcpy(&code, mnl_nlmsg_get_payload(n), sizeof(code));
	return code < 0 && code > -4096 ? -code : EPROTO;
}

int vfm_mnl_explain(const struct vfm_mnl_family *family,
		    const struct nlmsghdr *request,
		    const struct nlmsghdr *refusal, struct vfm_error *e)
{
	size_t at = refusal_attrs(refusal);
	struct refusal r = { 0 };
	unsigned int type;

	if (at)
		mnl_attr_parse(refusal, at, refusal_attr, &r);
	type = r.missing ? r.missing : attr_at(request, r.at);
	say_refusal(&r, type ? family->attr_name(type) : NULL,
		    refusal_code(refusal), e);
	return -e->code;
}

/**
 * struct talk - one request under way
 * @m: the socket
 * @call: for what comes
 * @ctx: for @call
 * @e: what went wrong
 * @ret: negative if @e is filled in
 */
struct talk {
	struct vfm_mnl *m;
	vfm_mnl_answer call;
	void *ctx;
	struct vfm_error *e;
	int ret;
};

static int on_data(const struct nlmsghdr *n, void *data)
{
	struct talk *t = data;

	if (mnl_nlmsg_get_payload_len(n) < GENL_HDRLEN)
		t->ret = vfm_fail(t->e, EPROTO, "the kernel's answer is too short");
	else if (t->call)
		t->ret = t->call(t->ctx, n, t->e);
	return t->ret ? MNL_CB_ERROR : MNL_CB_OK;
}

/* NLMSG_ERROR and NLMSG_DONE: with code 0 they are good news. */
static int on_end(const struct nlmsghdr *n, void *data)
{
	size_t least = n->nlmsg_type == NLMSG_DONE ? sizeof(int) :
		sizeof(struct nlmsgerr);
	struct talk *t = data;
	int code;

	if (mnl_nlmsg_get_payload_len(n) < least) {
		t->ret = vfm_fail(t->e, EPROTO, "the kernel's answer is too short");
		return MNL_CB_ERROR;
	}
	memcpy(&code, mnl_nlmsg_get_payload(n), sizeof(code));
	if (code >= 0)
		return MNL_CB_STOP;
	t->ret = vfm_mnl_explain(t->m->family, &t->m->request.header, n, t->e);
	return MNL_CB_ERROR;
}

static ssize_t receive(struct vfm_mnl *m, void *buf, size_t n)
{
	ssize_t got;

	/* The answer is there already or on its way: no need to be cancelled. */
	do
		got = mnl_socket_recvfrom(m->nl, buf, n);
	while (got < 0 && errno == EINTR);
	return got;
}

int vfm_mnl_talk(struct vfm_mnl *m, vfm_mnl_answer call, void *ctx,
		 struct vfm_error *e)
{
	mnl_cb_t ends[NLMSG_MIN_TYPE] = {
		[NLMSG_ERROR] = on_end, [NLMSG_DONE] = on_end,
	};
	struct talk t = { .m = m, .call = call, .ctx = ctx, .e = e };
	unsigned int port = mnl_socket_get_portid(m->nl);
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	ssize_t n;
	int more;

	if (mnl_socket_sendto(m->nl, &m->request,
			      m->request.header.nlmsg_len) < 0)
		return vfm_fail_errno(e, "cannot ask the kernel");
	do {
		n = receive(m, buf, sizeof(buf));
		if (n < 0)
			return vfm_fail_errno(e, "no answer from the kernel");
		more = mnl_cb_run2(buf, n, m->seq, port, on_data, &t, ends,
				   NLMSG_MIN_TYPE);
	} while (more > 0);
	if (more < 0 && !t.ret)
		return vfm_fail_errno(e, "the kernel's answer is of no use");
	return t.ret;
}

struct nlmsghdr *vfm_mnl_begin(struct vfm_mnl *m, uint8_t command,
			       uint16_t flags)
{
	struct nlmsghdr *n = mnl_nlmsg_put_header(&m->request);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(n, sizeof(*g));

	n->nlmsg_type = m->id;
	n->nlmsg_flags = NLM_F_REQUEST | flags;
	n->nlmsg_seq = ++m->seq;
	g->cmd = command;
	g->version = m->family->version;
	return n;
}

static int family_attr(const struct nlattr *a, void *data)
{
	uint16_t *id = data;

	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID && is_number(a, 2))
		*id = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

int vfm_mnl_number(const struct nlattr *a, uint64_t *v)
{
	switch (mnl_attr_get_payload_len(a)) {
	case 1:
		*v = mnl_attr_get_u8(a);
		return 0;
	case 2:
		*v = mnl_attr_get_u16(a);
		return 0;
	case 4:
		*v = mnl_attr_get_u32(a);
		return 0;
	case 8:
		*v = mnl_attr_get_u64(a);
		return 0;
	}
	return -EINVAL;
}

static int on_family(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	struct vfm_mnl *m = ctx;
	uint16_t id = 0;

	mnl_attr_parse(n, GENL_HDRLEN, family_attr, &id);
	if (!id)
		return vfm_fail(e, EPROTO, "the kernel says no number of netlink family %s",
				m->family->name);
	m->id = id;
	return 0;
}

/* What the kernel says of the family. */
static int ask_family(struct vfm_mnl *m, vfm_mnl_answer call, void *ctx,
		      struct vfm_error *e)
{
	const uint16_t id = m->id;
	struct nlmsghdr *n;
	int ret;

	m->id = GENL_ID_CTRL;
	n = vfm_mnl_begin(m, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	m->id = id;
	mnl_attr_put_strz(n, CTRL_ATTR_FAMILY_NAME, m->family->name);
	ret = vfm_mnl_talk(m, call, ctx, e);
	if (ret != -ENOENT)
		return ret;
	vfm_fail(e, ENOENT, "this kernel has no netlink family %s",
		 m->family->name);
	return vfm_error_hint(e, "%s", m->family->missing);
}

/**
 * struct group - a group that is looked for
 * @name: its name
 * @id: its number, 0 until it is found
 */
struct group {
	const char *name;
	uint32_t id;
};

static int group_attr(const struct nlattr *a, void *data)
{
	const struct nlattr **group = data;

	if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME &&
	    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
		group[0] = a;
	if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID && is_number(a, 4))
		group[1] = a;
	return MNL_CB_OK;
}

static int each_group(const struct nlattr *a, void *data)
{
	const struct nlattr *found[2] = { NULL };
	struct group *wanted = data;

	mnl_attr_parse_nested(a, group_attr, found);
	if (found[0] && found[1] &&
	    !strcmp(mnl_attr_get_str(found[0]), wanted->name))
		wanted->id = mnl_attr_get_u32(found[1]);
	return MNL_CB_OK;
}

static int groups_attr(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GROUPS)
		mnl_attr_parse_nested(a, each_group, data);
	return MNL_CB_OK;
}

static int on_groups(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	(void)e;
	mnl_attr_parse(n, GENL_HDRLEN, groups_attr, ctx);
	return 0;
}

int vfm_mnl_join(struct vfm_mnl *m, const char *group, struct vfm_error *e)
{
	struct group wanted = { .name = group };
	int id, ret = ask_family(m, on_groups, &wanted, e);

	if (ret)
		return ret;
	if (!wanted.id)
		return vfm_fail(e, ENOENT, "the netlink family %s has no group %s",
				m->family->name, group);
	id = wanted.id;
	if (mnl_socket_setsockopt(m->nl, NETLINK_ADD_MEMBERSHIP, &id, sizeof(id)))
		return vfm_fail_errno(e, "cannot join the group %s", group);
	return 0;
}

int vfm_mnl_open(struct vfm_mnl *m, const struct vfm_mnl_family *family,
		 struct vfm_error *e)
{
	int one = 1, ret;

	memset(m, 0, sizeof(*m));
	m->family = family;
	m->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!m->nl)
		return vfm_fail_errno(e, "cannot open a netlink socket");
	if (mnl_socket_bind(m->nl, 0, MNL_SOCKET_AUTOPID)) {
		ret = vfm_fail_errno(e, "cannot bind a netlink socket");
		goto err_close;
	}
	/* Without it a refusal is a bare errno, which is no reason to give up. */
	mnl_socket_setsockopt(m->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	ret = ask_family(m, on_family, m, e);
	if (ret)
		goto err_close;
	return 0;

err_close:
	vfm_mnl_close(m);
	return ret;
}

void vfm_mnl_close(struct vfm_mnl *m)
{
	mnl_socket_close(m->nl);
	m->nl = NULL;
}
