// SPDX-License-Identifier: GPL-2.0-or-later
/* Asking mock functions for what they have done. */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "mock_nl.h"
#include "mock_stats.h"

#define STATS(name)	MOCK_VFIO_PCI_A_STATS_##name

const struct vfm_mock_counter vfm_mock_counters[] = {
	{ "sessions", STATS(SESSIONS) },
	{ "sessions_open", STATS(SESSIONS_OPEN) },
	{ "reads", STATS(READS) },
	{ "bytes_read", STATS(BYTES_READ) },
	{ "writes", STATS(WRITES) },
	{ "bytes_written", STATS(BYTES_WRITTEN) },
	{ "precopy_queries", STATS(PRECOPY_QUERIES) },
	{ "pages_resent", STATS(PAGES_RESENT) },
	{ "refused", STATS(REFUSED) },
	{ "resets", STATS(RESETS) },
	{ "bus_resets", STATS(BUS_RESETS) },
	{ "register_resets", STATS(REGISTER_RESETS) },
	{ "dma_bytes_read", STATS(DMA_BYTES_READ) },
	{ "dma_bytes_written", STATS(DMA_BYTES_WRITTEN) },
	{ "dma_descriptors", STATS(DMA_DESCRIPTORS) },
	{ "dma_faults", STATS(DMA_FAULTS) },
	{ "interrupts", STATS(INTERRUPTS) },
	{ "intx", STATS(INTX) },
};

const unsigned int vfm_mock_nr_counters =
	sizeof(vfm_mock_counters) / sizeof(*vfm_mock_counters);

static int malformed(struct vfm_error *e)
{
	return vfm_fail(e, EPROTO, "the kernel's answer has malformed statistics");
}

/* --- messages --------------------------------------------------------- */

static int arc_attr(const struct nlattr *a, void *data)
{
	struct vfm_mock_arc *arc = data;
	uint64_t v;

	if (vfm_mnl_number(a, &v))
		return MNL_CB_ERROR;
	switch (mnl_attr_get_type(a)) {
	case MOCK_VFIO_PCI_A_ARC_FROM:
		arc->from = v;
		break;
	case MOCK_VFIO_PCI_A_ARC_TO:
		arc->to = v;
		break;
	case MOCK_VFIO_PCI_A_ARC_TAKEN:
		arc->taken = v;
		break;
	case MOCK_VFIO_PCI_A_ARC_FAILED:
		arc->failed = v;
		break;
	case MOCK_VFIO_PCI_A_ARC_NS:
		arc->ns = v;
		break;
	case MOCK_VFIO_PCI_A_ARC_MAX_NS:
		arc->max_ns = v;
		break;
	}
	return MNL_CB_OK;
}

static int stats_attr(const struct nlattr *a, void *data)
{
	const uint16_t type = mnl_attr_get_type(a);
	struct vfm_mock_stats *s = data;

	/* A kernel may know more than we do. */
	if (!type || type > MOCK_VFIO_PCI_A_STATS_MAX)
		return MNL_CB_OK;
	if (type == STATS(ARC))
		return s->nr_arcs == VFM_MOCK_ARCS ? MNL_CB_OK :
			mnl_attr_parse_nested(a, arc_attr,
					      &s->arcs[s->nr_arcs++]);
	if (vfm_mnl_number(a, &s->values[type]))
		return MNL_CB_ERROR;
	s->given |= 1U << type;
	return MNL_CB_OK;
}

static int text_of(const struct nlattr *a, char text[MOCK_VFIO_PCI_NAME_MAX + 1])
{
	if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) ||
	    strlen(mnl_attr_get_str(a)) > MOCK_VFIO_PCI_NAME_MAX)
		return MNL_CB_ERROR;
	strcpy(text, mnl_attr_get_str(a));
	return MNL_CB_OK;
}

static int function_attr(const struct nlattr *a, void *data)
{
	struct vfm_mock_stats *s = data;

	switch (mnl_attr_get_type(a)) {
	case MOCK_VFIO_PCI_A_FUNCTION_NAME:
		return text_of(a, s->name);
	case MOCK_VFIO_PCI_A_FUNCTION_ADDRESS:
		return text_of(a, s->address);
	case MOCK_VFIO_PCI_A_FUNCTION_STATS:
		return mnl_attr_parse_nested(a, stats_attr, s);
	}
	return MNL_CB_OK;
}

static int on_stats(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	memset(ctx, 0, sizeof(struct vfm_mock_stats));
	return mnl_attr_parse(n, GENL_HDRLEN, function_attr, ctx) < 0 ?
		malformed(e) : 0;
}

/* --- one function ----------------------------------------------------- */

static int ask(const char *which, uint8_t command, struct vfm_mock_stats *s,
	       struct vfm_error *e)
{
	struct nlmsghdr *n;
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	n = vfm_mnl_begin(&m, command, NLM_F_ACK);
	ret = vfm_mock_put_which(&m, n, which, e);
	if (!ret)
		ret = vfm_mnl_talk(&m, on_stats, s, e);
	vfm_mnl_close(&m);
	return vfm_mock_about(which, ret, e);
}

int vfm_mock_stats(const char *which, struct vfm_mock_stats *s,
		   struct vfm_error *e)
{
	return ask(which, MOCK_VFIO_PCI_CMD_STATS_GET, s, e);
}

int vfm_mock_stats_zero(const char *which, struct vfm_mock_stats *s,
			struct vfm_error *e)
{
	return ask(which, MOCK_VFIO_PCI_CMD_STATS_ZERO, s, e);
}

/* --- all functions ---------------------------------------------------- */

/**
 * struct list - statistics so far
 * @all: they
 * @n: how many
 */
struct list {
	struct vfm_mock_stats *all;
	unsigned int n;
};

static int append(void *ctx, const struct nlmsghdr *n, struct vfm_error *e)
{
	struct list *l = ctx;
	struct vfm_mock_stats *more;

	more = realloc(l->all, (l->n + 1) * sizeof(*more));
	if (!more)
		return vfm_fail(e, ENOMEM, "no memory for the statistics");
	l->all = more;
	return on_stats(&more[l->n++], n, e);
}

static int by_address(const void *a, const void *b)
{
	const struct vfm_mock_stats *x = a, *y = b;

	return strcmp(x->address, y->address);
}

int vfm_mock_stats_list(struct vfm_mock_stats **all, unsigned int *n,
			struct vfm_error *e)
{
	struct list l = { 0 };
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	vfm_mnl_begin(&m, MOCK_VFIO_PCI_CMD_STATS_GET, NLM_F_DUMP);
	ret = vfm_mnl_talk(&m, append, &l, e);
	vfm_mnl_close(&m);
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

/* --- vectors ---------------------------------------------------------- */

/**
 * struct vectors - vectors so far
 * @all: they
 * @n: how many
 */
struct vectors {
	struct vfm_mock_vector *all;
	unsigned int n;
};

static int vector_attr(const struct nlattr *a, void *data)
{
	struct vfm_mock_vector *v = data;
	uint64_t number;

	if (vfm_mnl_number(a, &number))
		return MNL_CB_ERROR;
	if (mnl_attr_get_type(a) == MOCK_VFIO_PCI_A_VECTOR_NUMBER)
		v->number = number;
	else if (mnl_attr_get_type(a) == MOCK_VFIO_PCI_A_VECTOR_INTERRUPTS)
		v->interrupts = number;
	return MNL_CB_OK;
}

static int vector_function_attr(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) != MOCK_VFIO_PCI_A_FUNCTION_VECTOR)
		return MNL_CB_OK;
	return mnl_attr_parse_nested(a, vector_attr, data);
}

static int append_vector(void *ctx, const struct nlmsghdr *n,
			 struct vfm_error *e)
{
	struct vectors *l = ctx;
	struct vfm_mock_vector *more, *v;

	more = realloc(l->all, (l->n + 1) * sizeof(*more));
	if (!more)
		return vfm_fail(e, ENOMEM, "no memory for the vectors");
	l->all = more;
	v = &more[l->n++];
	memset(v, 0, sizeof(*v));
	return mnl_attr_parse(n, GENL_HDRLEN, vector_function_attr, v) < 0 ?
		malformed(e) : 0;
}

int vfm_mock_vectors(const char *which, struct vfm_mock_vector **all,
		     unsigned int *n, struct vfm_error *e)
{
	struct vectors l = { 0 };
	struct nlmsghdr *request;
	struct vfm_mnl m;
	int ret = vfm_mnl_open(&m, &vfm_mock_family, e);

	if (ret)
		return ret;
	request = vfm_mnl_begin(&m, MOCK_VFIO_PCI_CMD_VECTOR_GET, NLM_F_DUMP);
	ret = vfm_mock_put_which(&m, request, which, e);
	if (!ret)
		ret = vfm_mnl_talk(&m, append_vector, &l, e);
	vfm_mnl_close(&m);
	if (ret) {
		free(l.all);
		return vfm_mock_about(which, ret, e);
	}
	*all = l.all;
	*n = l.n;
	return 0;
}
