// SPDX-License-Identifier: GPL-2.0-or-later
/* The requests of the netlink family mock-vfio-pci. */
#include <ctype.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "mock_ctl.h"
#include "mock_nl.h"

#define POLL_MS		10
/* How often a dump that others keep changing is tried. */
#define DUMP_TRIES	100

const struct vfm_mnl_family vfm_mock_family = {
	.name = MOCK_VFIO_PCI_FAMILY_NAME,
	.version = MOCK_VFIO_PCI_FAMILY_VERSION,
	.missing = "load the module mock_vfio_pci (make insmod)",
	.attr_name = vfm_mock_attr_word,
};

/* As in f000:01:00.0. */
static bool is_address(const char *text)
{
	static const char form[] = "xxxx:xx:xx.x";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) :
		    text[i] != form[i])
			return false;
	return !text[i];
}

int vfm_mock_put_which(struct vfm_mnl *m, struct nlmsghdr *n, const char *which,
		       struct vfm_error *e)
{
	uint16_t attr = is_address(which) ? MOCK_VFIO_PCI_A_FUNCTION_ADDRESS :
		MOCK_VFIO_PCI_A_FUNCTION_NAME;

	if (mnl_attr_put_strz_check(n, sizeof(m->request), attr, which))
		return 0;
	return vfm_fail(e, EMSGSIZE, "such a name is too long");
}

static int on_function(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	return vfm_mock_conf_get(ctx, n, e);
}

int vfm_mock_about(const char *which, int ret, struct vfm_error *e)
{
	if (!ret)
		return 0;
	if (which[0])
		vfm_error_where(e, "%s", which);
	if (ret == -ENOENT && !e->hint[0])
		vfm_error_hint(e, "see vfio-agent mock show");
	return ret;
}

int vfm_mock_new(const struct vfm_mock_conf *conf, struct vfm_mock_conf *made,
		 struct vfm_error *e)
{
	const char *name = conf->given & VFM_MOCK_NAME ? conf->name : "";
	struct vfm_mock_conf reply = { 0 };
	struct nlmsghdr *n;
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	n = vfm_mnl_begin(&m, MOCK_VFIO_PCI_CMD_FUNCTION_NEW, NLM_F_ACK);
	ret = vfm_mock_conf_put(conf, n, sizeof(m.request), e);
	if (!ret)
		ret = vfm_mnl_talk(&m, on_function, &reply, e);
	if (!ret && !(reply.given & VFM_MOCK_ADDRESS))
		ret = vfm_fail(e, EPROTO, "the kernel does not say where the function is");
	vfm_mnl_close(&m);
	ret = vfm_mock_about(name, ret, e);
	if (!ret)
		*made = reply;
	return ret;
}

static int get(struct vfm_mnl *m, const char *which, struct vfm_mock_conf *conf,
	       struct vfm_error *e)
{
	struct nlmsghdr *n = vfm_mnl_begin(m, MOCK_VFIO_PCI_CMD_FUNCTION_GET,
					   NLM_F_ACK);
	struct vfm_mock_conf reply = { 0 };
	int ret = vfm_mock_put_which(m, n, which, e);

	if (!ret)
		ret = vfm_mnl_talk(m, on_function, &reply, e);
	if (!ret)
		*conf = reply;
	return ret;
}

int vfm_mock_get(const char *which, struct vfm_mock_conf *conf,
		 struct vfm_error *e)
{
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	ret = get(&m, which, conf, e);
	vfm_mnl_close(&m);
	return vfm_mock_about(which, ret, e);
}

static int begin_removal(struct vfm_mnl *m, const char *which, bool surprise,
			 struct vfm_error *e)
{
	struct nlmsghdr *n = vfm_mnl_begin(m, MOCK_VFIO_PCI_CMD_FUNCTION_DEL,
					   NLM_F_ACK);
	int ret = vfm_mock_put_which(m, n, which, e);

	if (ret)
		return ret;
	if (surprise)
		mnl_attr_put(n, MOCK_VFIO_PCI_A_FUNCTION_SURPRISE, 0, NULL);
	return vfm_mnl_talk(m, NULL, NULL, e);
}

/* Wait a little; an error if there is no more time or no more will. */
static int have_patience(const struct vfm_patience *wait, uint64_t start,
			 struct vfm_error *e)
{
	struct pollfd stop = { .fd = wait->cancel_fd, .events = POLLIN };

	if (wait->timeout_ms >= 0 &&
	    vfm_now_ns() - start >= wait->timeout_ms * 1000000ULL) {
		vfm_fail(e, ETIMEDOUT, "still in use after %d ms, removal is pending",
			 wait->timeout_ms);
		return vfm_error_hint(e, "it goes when its user closes it");
	}
	if (poll(&stop, 1, POLL_MS) > 0)
		return vfm_fail(e, ECANCELED, "cancelled, removal is pending");
	return 0;
}

static int await_end(struct vfm_mnl *m, const char *which,
		     const struct vfm_patience *wait, struct vfm_error *e)
{
	uint64_t start = vfm_now_ns();
	struct vfm_mock_conf conf;
	int ret;

	for (;;) {
		ret = get(m, which, &conf, e);
		if (ret == -ENOENT)
			return 0;
		if (!ret)
			ret = have_patience(wait, start, e);
		if (ret)
			return ret;
	}
}

int vfm_mock_del(const char *which, bool surprise,
		 const struct vfm_patience *wait, struct vfm_error *e)
{
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	ret = begin_removal(&m, which, surprise, e);
	if (!ret && wait)
		ret = await_end(&m, which, wait, e);
	vfm_mnl_close(&m);
	return vfm_mock_about(which, ret, e);
}

/**
 * struct list - functions so far
 * @all: they
 * @n: how many
 */
struct list {
	struct vfm_mock_conf *all;
	unsigned int n;
};

static int append(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	struct list *l = ctx;
	struct vfm_mock_conf *more;

	more = realloc(l->all, (l->n + 1) * sizeof(*more));
	if (!more)
		return vfm_fail(e, ENOMEM, "no memory for the list of functions");
	l->all = more;
	return vfm_mock_conf_get(&more[l->n++], n, e);
}

static int dump(struct list *l, struct vfm_error *e)
{
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	l->n = 0;
	vfm_mnl_begin(&m, MOCK_VFIO_PCI_CMD_FUNCTION_GET, NLM_F_DUMP);
	ret = vfm_mnl_talk(&m, append, l, e);
	vfm_mnl_close(&m);
	return ret;
}

static int by_address(const void *a, const void *b)
{
	const struct vfm_mock_conf *x = a, *y = b;

	return strcmp(x->address, y->address);
}

int vfm_mock_list(struct vfm_mock_conf **all, unsigned int *n,
		  struct vfm_error *e)
{
	int ret, tries = DUMP_TRIES;
	struct list l = { 0 };

	do
		ret = dump(&l, e);
	while (ret == -EINTR && --tries);
	if (ret) {
		free(l.all);
		return ret;
	}
	if (l.n)
		qsort(l.all, l.n, sizeof(*l.all), by_address);
	*all = l.all;
	*n = l.n;
	return 0;
}
