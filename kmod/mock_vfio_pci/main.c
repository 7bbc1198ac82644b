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
MODULE_PARM_DESC(functions, "Number of functions to create, 0 to 256 (2)");

struct workqueue_struct *mock_wq;
static struct mock_host *mock_host;

static void mock_fn_flr(struct work_struct *work)
{
	mock_dev_reset(container_of(work, struct mock_fn, flr_work));
}

/**
 * mock_fn_create - a function, not yet seen by the PCI core
 * @host: the bridge that it will sit below
 * @devfn: slot and function number
 *
 * Return: the function, or an error pointer.
 */
struct mock_fn *mock_fn_create(struct mock_host *host, unsigned int devfn)
{
	struct mock_fn *fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	int ret;

	if (!fn)
		return ERR_PTR(-ENOMEM);
	fn->host = host;
	fn->devfn = devfn;
	init_rwsem(&fn->domain_lock);
	INIT_WORK(&fn->flr_work, mock_fn_flr);

	ret = mock_irq_init(fn, MOCK_VECTORS_DEFAULT);
	if (ret)
		goto err_free;
	ret = mock_dev_init(fn, MOCK_MEM_SIZE_DEFAULT);
	if (ret)
		goto err_irq;
	ret = mock_cfg_init(fn);
	if (ret)
		goto err_dev;
	return fn;

err_dev:
	mock_dev_exit(fn);
err_irq:
	mock_irq_exit(fn);
err_free:
	kfree(fn);
	return ERR_PTR(ret);
}

/**
 * mock_fn_destroy - opposite of mock_fn_create()
 * @fn: the function; the PCI core must have forgotten it
 */
void mock_fn_destroy(struct mock_fn *fn)
{
	cancel_work_sync(&fn->flr_work);
	mock_dev_exit(fn);
	mock_irq_exit(fn);
	if (fn->window.parent)
		release_resource(&fn->window);
	kfree(fn);
}

static int __init mock_init(void)
{
	int ret;

	if (functions > MOCK_FUNCTIONS_MAX) {
		pr_err("mock_vfio_pci: functions=%u: at most %u\n", functions,
		       MOCK_FUNCTIONS_MAX);
		return -EINVAL;
	}
	mock_wq = alloc_workqueue("mock_vfio_pci", WQ_UNBOUND, 0);
	if (!mock_wq)
		return -ENOMEM;
	ret = mock_iommu_init();
	if (ret)
		goto err_wq;
	ret = mock_bus_init();
	if (ret)
		goto err_iommu;
	ret = mock_vfio_register();
	if (ret)
		goto err_bus;
	mock_host = mock_host_create(functions);
	if (IS_ERR(mock_host)) {
		ret = PTR_ERR(mock_host);
		goto err_vfio;
	}
	return 0;

err_vfio:
	mock_vfio_unregister();
err_bus:
	mock_bus_exit();
err_iommu:
	mock_iommu_exit();
err_wq:
	destroy_workqueue(mock_wq);
	return ret;
}

/* The bus goes first: its devices must be gone before the driver and the IOMMU. */
static void __exit mock_exit(void)
{
	mock_host_destroy(mock_host);
	mock_vfio_unregister();
	mock_bus_exit();
	mock_iommu_exit();
	destroy_workqueue(mock_wq);
}

module_init(mock_init);
module_exit(mock_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Software PCI functions with VFIO migration");
