// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: PCI functions that exist only in software, and the VFIO
 * variant driver that makes them migratable.
 *
 * What lives here is the module itself and the life of a function.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "mock.h"

static unsigned int functions = 2;
module_param(functions, uint, 0444);
MODULE_PARM_DESC(functions, "Number of functions to create, 0 to 1024 (2)");

static char *profile = "default";
module_param(profile, charp, 0444);
MODULE_PARM_DESC(profile, "What kind of devices these are (default)");

struct workqueue_struct *mock_wq;
struct workqueue_struct *mock_del_wq;
static struct mock_host *mock_host;

static void mock_fn_flr(struct work_struct *work)
{
	mock_dev_reset(container_of(work, struct mock_fn, flr_work));
}

/* A function or, with @pf, its virtual function number @nr. */
static struct mock_fn *mock_fn_make(const struct mock_conf *conf,
				    struct mock_fn *pf, unsigned int nr)
{
	struct mock_fn *fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	int ret;

	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->conf = *conf;
	fn->pf = pf;
	fn->vf = nr;
	init_rwsem(&fn->domain_lock);
	INIT_WORK(&fn->flr_work, mock_fn_flr);
	mock_err_init(fn);

	ret = mock_irq_init(fn);
	if (ret)
		goto err_free;
	ret = mock_dev_init(fn);
	if (ret)
		goto err_irq;
	ret = mock_sriov_init(fn);
	if (ret)
		goto err_dev;
	ret = mock_cfg_init(fn);
	if (ret)
		goto err_sriov;
	return fn;

err_sriov:
	mock_sriov_exit(fn);
err_dev:
	mock_dev_exit(fn);
err_irq:
	mock_irq_exit(fn);
err_free:
	kfree(fn);
	return ERR_PTR(ret);
}

/**
 * mock_fn_create - a function, not yet in its place
 * @conf: what it shall be, nothing wrong with it
 *
 * Return: the function, or an error pointer.
 */
struct mock_fn *mock_fn_create(const struct mock_conf *conf)
{
	return mock_fn_make(conf, NULL, 0);
}

/**
 * mock_vf_create - a virtual function
 * @pf: its physical function
 * @nr: its number, from 0
 *
 * Return: the function, or an error pointer.
 */
struct mock_fn *mock_vf_create(struct mock_fn *pf, unsigned int nr)
{
	return mock_fn_make(&pf->sriov->conf, pf, nr);
}

/**
 * mock_fn_destroy - opposite of mock_fn_create() and mock_vf_create()
 * @fn: the function; the PCI core must have forgotten it
 */
void mock_fn_destroy(struct mock_fn *fn)
{
	mock_sriov_exit(fn);
	mock_err_exit(fn);
	cancel_work_sync(&fn->flr_work);
	mock_dev_exit(fn);
	mock_irq_exit(fn);
	if (fn->window.parent)
		release_resource(&fn->window);
	kfree(fn);
}

static int __init mock_add_one(const struct mock_conf *conf, const char *name)
{
	struct mock_fn *fn = mock_fn_create(conf);
	int place;

	if (IS_ERR(fn))
		return PTR_ERR(fn);
	fn->profile = name;
	place = mock_fn_add(mock_host, fn, MOCK_ANY, MOCK_ANY);
	return min(place, 0);
}

/* What the module's parameters ask for. */
static int __init mock_add_functions(void)
{
	const struct mock_conf *conf;
	const char *name;
	unsigned int i;
	int ret = 0;

	conf = mock_profile_find(profile, &name);
	if (!conf) {
		pr_err("mock_vfio_pci: there is no profile %s\n", profile);
		return -EINVAL;
	}
	for (i = 0; i < functions && !ret; i++)
		ret = mock_add_one(conf, name);
	return ret;
}

static int __init mock_init_host(void)
{
	int ret;

	mock_host = mock_host_create();
	if (IS_ERR(mock_host))
		return PTR_ERR(mock_host);
	ret = mock_add_functions();
	if (ret)
		goto err_host;
	ret = mock_nl_init(mock_host);
	if (ret)
		goto err_host;
	return 0;

err_host:
	mock_host_destroy(mock_host);
	return ret;
}

static int __init mock_init_queues(void)
{
	mock_wq = alloc_workqueue("mock_vfio_pci", WQ_UNBOUND, 0);
	if (!mock_wq)
		return -ENOMEM;
	/* For what may wait for the user of a function, however many there are. */
	mock_del_wq = alloc_workqueue("mock_vfio_pci_del", WQ_UNBOUND,
				      WQ_MAX_ACTIVE);
	if (!mock_del_wq) {
		destroy_workqueue(mock_wq);
		return -ENOMEM;
	}
	return 0;
}

static void mock_exit_queues(void)
{
	destroy_workqueue(mock_del_wq);
	destroy_workqueue(mock_wq);
}

static int __init mock_init(void)
{
	int ret;

	if (functions > MOCK_FUNCTIONS_MAX) {
		pr_err("mock_vfio_pci: functions=%u: at most %u\n", functions,
		       MOCK_FUNCTIONS_MAX);
		return -EINVAL;
	}
	ret = mock_init_queues();
	if (ret)
		return ret;
	ret = mock_iommu_init();
	if (ret)
		goto err_queues;
	ret = mock_bus_init();
	if (ret)
		goto err_iommu;
	ret = mock_vfio_register();
	if (ret)
		goto err_bus;
	ret = mock_pf_register();
	if (ret)
		goto err_vfio;
	ret = mock_init_host();
	if (ret)
		goto err_pf;
	return 0;

err_pf:
	mock_pf_unregister();
err_vfio:
	mock_vfio_unregister();
err_bus:
	mock_bus_exit();
err_iommu:
	mock_iommu_exit();
err_queues:
	mock_exit_queues();
	return ret;
}

/* The bus goes first: its devices must be gone before the driver and the IOMMU. */
static void __exit mock_exit(void)
{
	mock_nl_exit();
	flush_workqueue(mock_del_wq);
	mock_host_destroy(mock_host);
	mock_pf_unregister();
	mock_vfio_unregister();
	mock_bus_exit();
	mock_iommu_exit();
	mock_exit_queues();
}

module_init(mock_init);
module_exit(mock_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Software PCI functions with VFIO migration");
