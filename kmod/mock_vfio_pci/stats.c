// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the counters of a function over netlink.
 *
 * Those of the device model and of the interrupts are atomic and counted where
 * things happen; those of migration are the library's.  A message has all but
 * the vectors: their number is up to the user, and each has its own.
 */
#include "nl.h"
#include "vfio.h"

#define STATS_A(_name)	MOCK_VFIO_PCI_A_STATS_##_name
#define ARC_A(_name)	MOCK_VFIO_PCI_A_ARC_##_name
#define VECTOR_A(_name)	MOCK_VFIO_PCI_A_VECTOR_##_name

/**
 * struct mock_snap - the counters of a function
 * @name: its name
 * @address: its PCI address
 * @counters: of the device model
 * @migratable: it has a VFIO device that is; then:
 * @mig: counters of migration
 */
struct mock_snap {
	char name[MOCK_NAME_SIZE];
	char address[MOCK_ADDRESS_SIZE];
	u64 counters[MOCK_NR_COUNTERS];
	bool migratable;
	struct vfio_mig_stats_now mig;
};

static const u16 mock_counter_attrs[MOCK_NR_COUNTERS] = {
	[MOCK_DMA_BYTES_READ] = STATS_A(DMA_BYTES_READ),
	[MOCK_DMA_BYTES_WRITTEN] = STATS_A(DMA_BYTES_WRITTEN),
	[MOCK_DMA_DESCRIPTORS] = STATS_A(DMA_DESCRIPTORS),
	[MOCK_DMA_FAULTS] = STATS_A(DMA_FAULTS),
	[MOCK_INTERRUPTS] = STATS_A(INTERRUPTS),
	[MOCK_INTX] = STATS_A(INTX),
	[MOCK_PAGES_RESENT] = STATS_A(PAGES_RESENT),
	[MOCK_BUS_RESETS] = STATS_A(BUS_RESETS),
	[MOCK_REGISTER_RESETS] = STATS_A(REGISTER_RESETS),
};

/* A function, or a virtual one while it is enabled.  Context: as mock_fn_at(). */
static struct mock_fn *mock_stats_fn_at(struct mock_host *host,
					unsigned int place)
{
	struct mock_fn *fn = mock_fn_or_vf_at(host, place);

	return fn && fn->pf && !mock_fn_answers(fn) ? NULL : fn;
}

/* Context: under rcu_read_lock(). */
static void mock_snap_model(struct mock_snap *snap, struct mock_fn *fn, bool zero)
{
	unsigned int i;

	strscpy(snap->name, fn->name);
	mock_nl_address(fn, snap->address);
	for (i = 0; i < MOCK_NR_COUNTERS; i++)
		snap->counters[i] = zero ? atomic64_xchg(&fn->counters[i], 0) :
					   atomic64_read(&fn->counters[i]);
	for (i = 0; zero && i < fn->irq.vectors; i++)
		atomic64_set(&fn->irq.counts[i], 0);
}

static void mock_snap_mig(struct mock_snap *snap, struct mock_vfio *mv, bool zero)
{
	snap->migratable = true;
	if (zero)
		vfio_mig_stats_zero(&mv->mig, &snap->mig);
	else
		vfio_mig_stats_get(&mv->mig, &snap->mig);
}

/* Of what is at a place.  Migration is asked without RCU, for that may wait. */
static int mock_snap_take(struct mock_snap *snap, unsigned int place, bool zero)
{
	struct mock_vfio *mv = NULL;
	struct mock_fn *fn;

	snap->migratable = false;
	rcu_read_lock();
	fn = mock_stats_fn_at(mock_nl_host, place);
	if (fn) {
		mock_snap_model(snap, fn, zero);
		mv = mock_vfio_get(fn);
	}
	rcu_read_unlock();
	if (!fn)
		return -ENOENT;
	if (!mv)
		return 0;
	if (mv->fn->conf.mig)
		mock_snap_mig(snap, mv, zero);
	mock_vfio_put(mv);
	return 0;
}

static int mock_stats_put_arc(struct sk_buff *msg, unsigned int nr,
			      const struct vfio_mig_arc_stats *arc)
{
	enum vfio_device_mig_state from, to;
	struct nlattr *nest;

	if (!arc->taken && !arc->failed)
		return 0;
	nest = nla_nest_start(msg, STATS_A(ARC));
	if (!nest)
		return -EMSGSIZE;
	vfio_mig_arc_ends(nr, &from, &to);
	if (nla_put_u32(msg, ARC_A(FROM), from) ||
	    nla_put_u32(msg, ARC_A(TO), to) ||
	    nla_put_uint(msg, ARC_A(TAKEN), arc->taken) ||
	    nla_put_uint(msg, ARC_A(FAILED), arc->failed) ||
	    nla_put_uint(msg, ARC_A(NS), arc->ns) ||
	    nla_put_uint(msg, ARC_A(MAX_NS), arc->max_ns))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int mock_stats_put_mig(struct sk_buff *msg,
			      const struct vfio_mig_stats_now *now)
{
	const struct vfio_mig_stats *stats = &now->stats;
	unsigned int i;

	for (i = 0; i < VFIO_MIG_NR_ARCS; i++)
		if (mock_stats_put_arc(msg, i, &stats->arcs[i]))
			return -EMSGSIZE;
	if (nla_put_u32(msg, STATS_A(STATE), now->state) ||
	    nla_put_uint(msg, STATS_A(SESSIONS), stats->sessions) ||
	    nla_put_u32(msg, STATS_A(SESSIONS_OPEN), now->open) ||
	    nla_put_uint(msg, STATS_A(READS), stats->reads) ||
	    nla_put_uint(msg, STATS_A(BYTES_READ), stats->bytes_read) ||
	    nla_put_uint(msg, STATS_A(WRITES), stats->writes) ||
	    nla_put_uint(msg, STATS_A(BYTES_WRITTEN), stats->bytes_written) ||
	    nla_put_uint(msg, STATS_A(RESETS), stats->resets) ||
	    nla_put_uint(msg, STATS_A(REFUSED), stats->refused) ||
	    nla_put_uint(msg, STATS_A(PRECOPY_QUERIES), stats->precopy_queries))
		return -EMSGSIZE;
	return 0;
}

static int mock_stats_put(struct sk_buff *msg, const struct mock_snap *snap)
{
	struct nlattr *nest = nla_nest_start(msg, FN_A(STATS));
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	if (snap->migratable && mock_stats_put_mig(msg, &snap->mig))
		return -EMSGSIZE;
	for (i = 0; i < MOCK_NR_COUNTERS; i++)
		if (nla_put_uint(msg, mock_counter_attrs[i], snap->counters[i]))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int mock_stats_put_who(struct sk_buff *msg, const char *name,
			      const char *address)
{
	if (name[0] && nla_put_string(msg, FN_A(NAME), name))
		return -EMSGSIZE;
	return nla_put_string(msg, FN_A(ADDRESS), address);
}

static int mock_stats_fill(struct sk_buff *msg, void *hdr,
			   const struct mock_snap *snap)
{
	if (!hdr)
		return -EMSGSIZE;
	if (mock_stats_put_who(msg, snap->name, snap->address) ||
	    mock_stats_put(msg, snap)) {
		genlmsg_cancel(msg, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return 0;
}

static int mock_stats_place(const struct genl_info *info)
{
	struct mock_fn *fn;
	int place;

	rcu_read_lock();
	fn = mock_nl_find(info, mock_stats_fn_at);
	place = IS_ERR(fn) ? PTR_ERR(fn) : mock_fn_place(fn);
	rcu_read_unlock();
	return place;
}

static int mock_stats_reply(struct genl_info *info, bool zero)
{
	const int place = mock_stats_place(info);
	struct mock_snap snap;
	struct sk_buff *msg;
	void *hdr;
	int ret;

	if (place < 0)
		return place;
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &mock_vfio_pci_nl_family, 0,
				info->genlhdr->cmd);
	ret = mock_snap_take(&snap, place, zero);
	if (!ret)
		ret = mock_stats_fill(msg, hdr, &snap);
	if (!ret)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return ret;
}

/**
 * mock_vfio_pci_nl_stats_get_doit - say what a function has done
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or an error.
 */
int mock_vfio_pci_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mock_stats_reply(info, false);
}

/**
 * mock_vfio_pci_nl_stats_zero_doit - count anew, and say what there was
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or an error.
 */
int mock_vfio_pci_nl_stats_zero_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mock_stats_reply(info, true);
}

/* The header of a message of a dump. */
static void *mock_stats_dump_put(struct sk_buff *skb, struct netlink_callback *cb,
				 u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &mock_vfio_pci_nl_family, NLM_F_MULTI, cmd);
}

/**
 * mock_vfio_pci_nl_stats_get_dumpit - the same of all functions
 * @skb: to be filled
 * @cb: where to go on
 *
 * Return: bytes in @skb, or an error.
 */
int mock_vfio_pci_nl_stats_get_dumpit(struct sk_buff *skb,
				      struct netlink_callback *cb)
{
	struct mock_snap snap;
	void *hdr;
	int ret = 0;

	for (; cb->args[0] < MOCK_EACH_PLACE; cb->args[0]++) {
		if (mock_snap_take(&snap, cb->args[0], false))
			continue;
		hdr = mock_stats_dump_put(skb, cb, MOCK_VFIO_PCI_CMD_STATS_GET);
		ret = mock_stats_fill(skb, hdr, &snap);
		if (ret)
			break;
	}
	return skb->len ? skb->len : ret;
}

static int mock_vector_put(struct sk_buff *msg, const struct mock_fn *fn,
			   unsigned int vector, u64 count)
{
	char address[MOCK_ADDRESS_SIZE];
	struct nlattr *nest;

	mock_nl_address(fn, address);
	if (mock_stats_put_who(msg, fn->name, address))
		return -EMSGSIZE;
	nest = nla_nest_start(msg, FN_A(VECTOR));
	if (!nest || nla_put_u32(msg, VECTOR_A(NUMBER), vector) ||
	    nla_put_uint(msg, VECTOR_A(INTERRUPTS), count))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int mock_vector_fill(struct sk_buff *skb, struct netlink_callback *cb,
			    const struct mock_fn *fn, unsigned int vector)
{
	const u64 count = atomic64_read(&fn->irq.counts[vector]);
	void *hdr;

	if (!count)
		return 0;
	hdr = mock_stats_dump_put(skb, cb, MOCK_VFIO_PCI_CMD_VECTOR_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (mock_vector_put(skb, fn, vector, count)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* From the vector on that is next.  Context: under rcu_read_lock(). */
static int mock_vectors_fill(struct sk_buff *skb, struct netlink_callback *cb,
			     const struct mock_fn *fn)
{
	int ret;

	for (; cb->args[1] < fn->irq.vectors; cb->args[1]++) {
		ret = mock_vector_fill(skb, cb, fn, cb->args[1]);
		if (ret)
			return ret;
	}
	cb->args[1] = 0;
	return 0;
}

static int mock_vectors_fill_all(struct sk_buff *skb, struct netlink_callback *cb,
				 unsigned int end)
{
	struct mock_fn *fn;
	int ret;

	for (; cb->args[0] < end; cb->args[0]++) {
		fn = mock_stats_fn_at(mock_nl_host, cb->args[0]);
		ret = fn ? mock_vectors_fill(skb, cb, fn) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * mock_vfio_pci_nl_vector_get_dumpit - the vectors of a function or of all
 * @skb: to be filled
 * @cb: where to go on: in @args the place, the vector, and the place of the end
 *
 * Return: bytes in @skb, or an error.
 */
int mock_vfio_pci_nl_vector_get_dumpit(struct sk_buff *skb,
				       struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	int ret;

	if (!cb->args[2]) {
		cb->args[2] = MOCK_EACH_PLACE;
		if (info->attrs[FN_A(NAME)] || info->attrs[FN_A(ADDRESS)]) {
			ret = mock_stats_place(info);
			if (ret < 0)
				return ret;
			cb->args[0] = ret;
			cb->args[2] = ret + 1;
		}
	}
	rcu_read_lock();
	ret = mock_vectors_fill_all(skb, cb, cb->args[2]);
	rcu_read_unlock();
	return skb->len ? skb->len : ret;
}
