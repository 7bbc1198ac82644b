// SPDX-License-Identifier: GPL-2.0-or-later
/* mock stats: what functions of the module mock_vfio_pci have done. */
#include <errno.h>
#include <stdlib.h>

#include "device.h"
#include "mock_stats.h"
#include "options.h"
#include "out.h"

/**
 * struct vectors - of one function
 * @all: they
 * @n: how many
 */
struct vectors {
	struct vfm_mock_vector *all;
	unsigned int n;
};

static void print_counters(struct out *out, const struct vfm_mock_stats *s)
{
	const struct vfm_mock_counter *c = vfm_mock_counters;

	if (s->given & 1U << MOCK_VFIO_PCI_A_STATS_STATE)
		out_text(out, "state",
			 vfm_state_name(s->values[MOCK_VFIO_PCI_A_STATS_STATE]));
	for (; c < vfm_mock_counters + vfm_mock_nr_counters; c++)
		if (s->given & 1U << c->attr)
			out_u64(out, c->word, s->values[c->attr]);
}

static void print_arcs(struct out *out, const struct vfm_mock_stats *s)
{
	const struct vfm_mock_arc *arc = s->arcs;

	out_array(out, "arcs");
	for (; arc < s->arcs + s->nr_arcs; arc++) {
		out_line(out, NULL);
		out_text(out, "from", vfm_state_name(arc->from));
		out_text(out, "to", vfm_state_name(arc->to));
		out_u64(out, "taken", arc->taken);
		out_u64(out, "failed", arc->failed);
		out_ns(out, out->json ? "ns" : "together", arc->ns);
		out_ns(out, out->json ? "max_ns" : "longest", arc->max_ns);
		out_end(out);
	}
	out_end(out);
}

static void print_vectors(struct out *out, const struct vectors *v)
{
	unsigned int i;

	out_array(out, "vectors");
	for (i = 0; i < v->n; i++) {
		out_line(out, NULL);
		out_u64(out, "vector", v->all[i].number);
		out_u64(out, "interrupts", v->all[i].interrupts);
		out_end(out);
	}
	out_end(out);
}

static void print_stats(struct out *out, const struct vfm_mock_stats *s,
			const struct vectors *v)
{
	out_object(out, NULL);
	if (s->name[0])
		out_text(out, "name", s->name);
	out_text(out, "address", s->address);
	print_counters(out, s);
	if (out->json || s->nr_arcs)
		print_arcs(out, s);
	if (out->json || v->n)
		print_vectors(out, v);
	out_end(out);
}

/* The vectors first: setting to zero is for them as well. */
static int stats_one(const struct options *o, const char *which, struct out *out,
		     struct vfm_error *e)
{
	struct vfm_mock_stats s;
	struct vectors v;
	int ret = vfm_mock_vectors(which, &v.all, &v.n, e);

	if (ret)
		return ret;
	ret = o->zero ? vfm_mock_stats_zero(which, &s, e) :
		vfm_mock_stats(which, &s, e);
	if (!ret)
		print_stats(out, &s, &v);
	free(v.all);
	return ret;
}

/* Functions that go meanwhile are left out. */
static int stats_each(const struct options *o, struct out *out,
		      const struct vfm_mock_stats *all, unsigned int n,
		      struct vfm_error *e)
{
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		if (!o->json && i)
			fputc('\n', stdout);
		ret = stats_one(o, all[i].address, out, e);
		if (ret && ret != -ENOENT)
			return ret;
	}
	return 0;
}

static int stats_all(const struct options *o)
{
	struct vfm_mock_stats *all;
	struct vfm_error e;
	struct out out;
	unsigned int n;
	int ret;

	ret = vfm_mock_stats_list(&all, &n, &e);
	if (ret)
		return command_failed(o, "mock stats", &e);
	out_init(&out, stdout, o->json);
	if (o->json)
		out_array(&out, NULL);
	ret = stats_each(o, &out, all, n, &e);
	if (o->json)
		out_end(&out);
	free(all);
	return ret ? command_failed(o, "mock stats", &e) : EXIT_DONE;
}

int cmd_mock_stats(const struct options *o)
{
	struct vfm_error e;
	struct out out;

	if (!o->nr_args)
		return stats_all(o);
	out_init(&out, stdout, o->json);
	if (stats_one(o, o->args[0], &out, &e))
		return command_failed(o, "mock stats", &e);
	return EXIT_DONE;
}
