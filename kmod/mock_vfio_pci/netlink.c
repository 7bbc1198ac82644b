// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the control plane, a generic netlink family; functions.  Their
 * counters are in stats.c, what is told of them in events.c.
 *
 * The protocol is described in uapi/netlink/mock_vfio_pci.yaml, from which
 * netlink-gen.c, with the policies and the table of commands, is made.
 */
#include <linux/vfio.h>

#include "nl.h"

struct mock_host *mock_nl_host;

/**
 * mock_nl_address - PCI address of a function, as text
 * @fn: the function
 * @address: gets it
 */
void mock_nl_address(const struct mock_fn *fn, char address[MOCK_ADDRESS_SIZE])
{
	snprintf(address, MOCK_ADDRESS_SIZE, "%04x:%02x:%02x.%d",
		 fn->port->host->sysdata.domain, fn->port->nr + 1,
		 PCI_SLOT(fn->devfn), PCI_FUNC(fn->devfn));
}

static int mock_nl_put_ids(struct sk_buff *msg, const struct mock_conf *conf)
{
	if (nla_put_u16(msg, FN_A(VENDOR_ID), conf->vendor) ||
	    nla_put_u16(msg, FN_A(DEVICE_ID), conf->device) ||
	    nla_put_u16(msg, FN_A(SUBSYSTEM_VENDOR_ID), conf->subvendor) ||
	    nla_put_u16(msg, FN_A(SUBSYSTEM_ID), conf->subdevice) ||
	    nla_put_u32(msg, FN_A(CLASS), conf->class) ||
	    nla_put_u8(msg, FN_A(REVISION), conf->revision))
		return -EMSGSIZE;
	return 0;
}

/* Of a physical function it is said what its virtual functions can. */
static u32 mock_nl_mig(const struct mock_fn *fn)
{
	return fn->sriov ? fn->sriov->conf.mig : fn->conf.mig;
}

static int mock_nl_put_conf(struct sk_buff *msg, const struct mock_fn *fn)
{
	const struct mock_conf *conf = &fn->conf;

	if (nla_put_uint(msg, FN_A(MEM_SIZE), conf->mem_size) ||
	    nla_put_uint(msg, FN_A(BAR_SIZE), conf->bar_size) ||
	    nla_put_u32(msg, FN_A(MSI_VECTORS), conf->msi) ||
	    nla_put_u32(msg, FN_A(MSIX_VECTORS), conf->msix) ||
	    nla_put_u8(msg, FN_A(INTX), conf->intx) ||
	    nla_put_u32(msg, FN_A(MIGRATION), mock_nl_mig(fn)) ||
	    nla_put_u32(msg, FN_A(TOTAL_VFS), conf->vfs) ||
	    nla_put_u8(msg, FN_A(DIRTY_LOG), conf->dirty_log))
		return -EMSGSIZE;
	return 0;
}

static int mock_nl_put_fn(struct sk_buff *msg, const struct mock_fn *fn)
{
	char address[MOCK_ADDRESS_SIZE];

	mock_nl_address(fn, address);
	if (nla_put_string(msg, FN_A(NAME), fn->name) ||
	    nla_put_string(msg, FN_A(PROFILE), fn->profile) ||
	    nla_put_string(msg, FN_A(ADDRESS), address) ||
	    nla_put_u32(msg, FN_A(SLOT), fn->port->nr * MOCK_PORT_SLOTS +
			PCI_SLOT(fn->devfn)) ||
	    nla_put_u32(msg, FN_A(NUMBER), PCI_FUNC(fn->devfn)) ||
	    mock_nl_put_ids(msg, &fn->conf))
		return -EMSGSIZE;
	return mock_nl_put_conf(msg, fn);
}

static int mock_nl_fill(struct sk_buff *msg, const struct mock_fn *fn, void *hdr)
{
	int ret = hdr ? mock_nl_put_fn(msg, fn) : -EMSGSIZE;

	if (ret && hdr)
		genlmsg_cancel(msg, hdr);
	else if (!ret)
		genlmsg_end(msg, hdr);
	return ret;
}

static struct mock_fn *
mock_nl_find_address(const char *wanted, struct mock_fn *(*at)(struct mock_host *host,
							       unsigned int place))
{
	char address[MOCK_ADDRESS_SIZE];
	struct mock_fn *fn;
	unsigned int i;

	for (i = 0; i < MOCK_EACH_PLACE; i++) {
		fn = at(mock_nl_host, i);
		if (!fn)
			continue;
		mock_nl_address(fn, address);
		if (!strcmp(address, wanted))
			return fn;
	}
	return NULL;
}

/**
 * mock_nl_find - the function that a request is about
 * @info: its attributes
 * @at: finds functions that can be meant by their addresses
 *
 * Context: under rcu_read_lock().
 * Return: the function, or an error pointer; then @info says why.
 */
struct mock_fn *mock_nl_find(const struct genl_info *info,
			     struct mock_fn *(*at)(struct mock_host *host,
						   unsigned int place))
{
	struct nlattr *name = info->attrs[FN_A(NAME)];
	struct nlattr *address = info->attrs[FN_A(ADDRESS)];
	struct mock_fn *fn;

	if (!name == !address) {
		GENL_SET_ERR_MSG(info, "give a name or an address, one of them");
		return ERR_PTR(-EINVAL);
	}
	if (name)
		fn = mock_fn_find(mock_nl_host, nla_data(name));
	else
		fn = mock_nl_find_address(nla_data(address), at);
	if (fn)
		return fn;
	NL_SET_ERR_MSG_ATTR(info->extack, name ? name : address,
			    "there is no such function");
	return ERR_PTR(-ENOENT);
}

/* About what is at a place; takes the message. */
static int mock_nl_reply(struct sk_buff *msg, struct genl_info *info,
			 unsigned int place)
{
	int ret = -ENOENT;
	struct mock_fn *fn;
	void *hdr;

	hdr = genlmsg_put_reply(msg, info, &mock_vfio_pci_nl_family, 0,
				info->genlhdr->cmd);
	rcu_read_lock();
	fn = mock_fn_at(mock_nl_host, place);
	if (fn)
		ret = mock_nl_fill(msg, fn, hdr);
	rcu_read_unlock();
	if (!ret)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return ret;
}

/**
 * mock_vfio_pci_nl_function_get_doit - say what there is to know of a function
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or an error.
 */
int mock_vfio_pci_nl_function_get_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	struct mock_fn *fn;
	int place;

	if (!msg)
		return -ENOMEM;
	rcu_read_lock();
	fn = mock_nl_find(info, mock_fn_at);
	place = IS_ERR(fn) ? PTR_ERR(fn) : mock_fn_place(fn);
	rcu_read_unlock();
	if (place >= 0)
		return mock_nl_reply(msg, info, place);
	nlmsg_free(msg);
	return place;
}

/**
 * mock_vfio_pci_nl_function_get_dumpit - the same of all functions
 * @skb: to be filled
 * @cb: where to go on
 *
 * Return: bytes in @skb, or an error.
 */
int mock_vfio_pci_nl_function_get_dumpit(struct sk_buff *skb,
					 struct netlink_callback *cb)
{
	struct mock_fn *fn;
	void *hdr;
	int ret = 0;

	rcu_read_lock();
	for (; cb->args[0] < MOCK_EACH_PLACE; cb->args[0]++) {
		fn = mock_fn_at(mock_nl_host, cb->args[0]);
		if (!fn)
			continue;
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, &mock_vfio_pci_nl_family,
				  NLM_F_MULTI, MOCK_VFIO_PCI_CMD_FUNCTION_GET);
		ret = mock_nl_fill(skb, fn, hdr);
		if (ret)
			break;
	}
	rcu_read_unlock();
	return skb->len ? skb->len : ret;
}

static void mock_nl_get_ids(struct nlattr **attrs, struct mock_conf *conf)
{
	if (attrs[FN_A(TOTAL_VFS)])
		mock_conf_set_vfs(conf, nla_get_u32(attrs[FN_A(TOTAL_VFS)]));
	if (attrs[FN_A(VENDOR_ID)])
		conf->vendor = nla_get_u16(attrs[FN_A(VENDOR_ID)]);
	if (attrs[FN_A(DEVICE_ID)])
		conf->device = nla_get_u16(attrs[FN_A(DEVICE_ID)]);
	conf->subvendor = conf->vendor;
	conf->subdevice = conf->device;
	if (attrs[FN_A(SUBSYSTEM_VENDOR_ID)])
		conf->subvendor = nla_get_u16(attrs[FN_A(SUBSYSTEM_VENDOR_ID)]);
	if (attrs[FN_A(SUBSYSTEM_ID)])
		conf->subdevice = nla_get_u16(attrs[FN_A(SUBSYSTEM_ID)]);
	if (attrs[FN_A(CLASS)])
		conf->class = nla_get_u32(attrs[FN_A(CLASS)]);
	if (attrs[FN_A(REVISION)])
		conf->revision = nla_get_u8(attrs[FN_A(REVISION)]);
}

static void mock_nl_get_conf(struct nlattr **attrs, struct mock_conf *conf)
{
	if (attrs[FN_A(MEM_SIZE)]) {
		conf->mem_size = nla_get_uint(attrs[FN_A(MEM_SIZE)]);
		conf->bar_size = conf->mem_size;
	}
	if (attrs[FN_A(BAR_SIZE)])
		conf->bar_size = nla_get_uint(attrs[FN_A(BAR_SIZE)]);
	if (attrs[FN_A(MSI_VECTORS)])
		conf->msi = nla_get_u32(attrs[FN_A(MSI_VECTORS)]);
	if (attrs[FN_A(MSIX_VECTORS)])
		conf->msix = nla_get_u32(attrs[FN_A(MSIX_VECTORS)]);
	if (attrs[FN_A(INTX)])
		conf->intx = nla_get_u8(attrs[FN_A(INTX)]);
	if (attrs[FN_A(MIGRATION)])
		conf->mig = nla_get_u32(attrs[FN_A(MIGRATION)]);
	if (attrs[FN_A(DIRTY_LOG)])
		conf->dirty_log = nla_get_u8(attrs[FN_A(DIRTY_LOG)]);
}

static int mock_nl_check_conf(struct genl_info *info,
			      const struct mock_conf *conf)
{
	unsigned int attr;
	const char *wrong = mock_conf_wrong(conf, &attr);

	if (!wrong)
		return 0;
	NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	NL_SET_ERR_MSG_FMT(info->extack, "%s", wrong);
	return -EINVAL;
}

static struct mock_fn *mock_nl_create(struct genl_info *info)
{
	struct nlattr *name = info->attrs[FN_A(NAME)];
	struct nlattr *profile = info->attrs[FN_A(PROFILE)];
	const struct mock_conf *base;
	const char *canonical;
	struct mock_conf conf;
	struct mock_fn *fn;
	int ret;

	base = mock_profile_find(profile ? nla_data(profile) : "default",
				 &canonical);
	if (!base) {
		NL_SET_ERR_MSG_ATTR(info->extack, profile, "no such profile");
		return ERR_PTR(-EINVAL);
	}
	conf = *base;
	mock_nl_get_ids(info->attrs, &conf);
	mock_nl_get_conf(info->attrs, &conf);
	ret = mock_nl_check_conf(info, &conf);
	if (ret)
		return ERR_PTR(ret);
	fn = mock_fn_create(&conf);
	if (IS_ERR(fn))
		return fn;
	fn->profile = canonical;
	if (name)
		nla_strscpy(fn->name, name, sizeof(fn->name));
	return fn;
}

static u32 mock_nl_u32_or_any(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : MOCK_ANY;
}

static void mock_nl_explain(struct genl_info *info, int error)
{
	switch (error) {
	case -EEXIST:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[FN_A(NAME)],
				    "there is a function of this name");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[FN_A(NUMBER)],
				    "there is a function at this place");
		break;
	case -ENOSPC:
		GENL_SET_ERR_MSG(info, "there is no place left");
		break;
	case -ENODEV:
		GENL_SET_ERR_MSG(info, "the PCI core does not take the function, see the kernel's log");
		break;
	}
}

/**
 * mock_vfio_pci_nl_function_new_doit - make a function
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or an error.
 */
int mock_vfio_pci_nl_function_new_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	struct mock_fn *fn = mock_nl_create(info);
	struct sk_buff *msg;
	int place;

	if (IS_ERR(fn))
		return PTR_ERR(fn);
	msg = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!msg) {
		mock_fn_destroy(fn);
		return -ENOMEM;
	}
	place = mock_fn_add(mock_nl_host, fn,
			    mock_nl_u32_or_any(info->attrs[FN_A(SLOT)]),
			    mock_nl_u32_or_any(info->attrs[FN_A(NUMBER)]));
	if (place >= 0)
		return mock_nl_reply(msg, info, place);
	mock_nl_explain(info, place);
	nlmsg_free(msg);
	return place;
}

/**
 * mock_vfio_pci_nl_function_del_doit - begin to take a function away
 * @skb: the request
 * @info: its attributes
 *
 * Return: 0 or an error.
 */
int mock_vfio_pci_nl_function_del_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	struct mock_fn *fn;
	int ret = 0;

	rcu_read_lock();
	fn = mock_nl_find(info, mock_fn_at);
	if (IS_ERR(fn))
		ret = PTR_ERR(fn);
	else
		mock_fn_remove(fn, info->attrs[FN_A(SURPRISE)]);
	rcu_read_unlock();
	return ret;
}

/**
 * mock_nl_init - offer the control plane
 * @host: the host bridge that it is about
 *
 * Return: 0 or an error.
 */
int mock_nl_init(struct mock_host *host)
{
	int ret;

	mock_nl_host = host;
	ret = genl_register_family(&mock_vfio_pci_nl_family);
	if (!ret)
		mock_events_offer(true);
	return ret;
}

/**
 * mock_nl_exit - opposite of mock_nl_init()
 */
void mock_nl_exit(void)
{
	mock_events_offer(false);
	genl_unregister_family(&mock_vfio_pci_nl_family);
}
