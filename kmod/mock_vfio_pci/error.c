// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: errors that a function reports.
 *
 * On hardware the root port tells the kernel, whose error recovery asks the
 * function's driver, in a thread and with the device locked.  Here a work does
 * both.  There is nothing to be recovered.
 */
#include "mock.h"

/* Each that is there is asked as pcie_do_recovery() would, the device locked. */
static void mock_err_recover(struct pci_dev *pdev)
{
	const struct pci_error_handlers *handlers = pdev->driver->err_handler;

	if (!handlers || !handlers->error_detected)
		return;
	handlers->error_detected(pdev, pci_channel_io_normal);
	if (handlers->mmio_enabled)
		handlers->mmio_enabled(pdev);
	if (handlers->resume)
		handlers->resume(pdev);
}

/* By its address: the function may have been forgotten by the PCI core. */
static struct pci_dev *mock_err_pdev(const struct mock_fn *fn)
{
	return pci_get_domain_bus_and_slot(fn->port->host->sysdata.domain,
					   fn->port->nr + 1, fn->devfn);
}

static void mock_err_work(struct work_struct *work)
{
	struct mock_fn *fn = container_of(work, struct mock_fn, err_work);
	struct pci_dev *pdev = mock_err_pdev(fn);

	if (!pdev)
		return;
	device_lock(&pdev->dev);
	/* As long as it is bound the PCI core has it, and it has its place. */
	if (pdev->driver && mock_fn_of(pdev) == fn)
		mock_err_recover(pdev);
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
}

/**
 * mock_err_report - the function reports an uncorrectable, non-fatal error
 * @fn: the function
 *
 * Errors that come before the driver has heard of the first are one.
 *
 * Context: any.
 */
void mock_err_report(struct mock_fn *fn)
{
	queue_work(mock_del_wq, &fn->err_work);
}

/**
 * mock_err_pulled_out - a function is there no more, say so before it is removed
 * @pdev: the function
 *
 * Context: may sleep.
 */
void mock_err_pulled_out(struct pci_dev *pdev)
{
	const struct pci_error_handlers *handlers;

	device_lock(&pdev->dev);
	pdev->error_state = pci_channel_io_perm_failure;
	handlers = pdev->driver ? pdev->driver->err_handler : NULL;
	if (handlers && handlers->error_detected)
		handlers->error_detected(pdev, pci_channel_io_perm_failure);
	device_unlock(&pdev->dev);
}

/**
 * mock_err_init - error reporting of a new function
 * @fn: the function
 */
void mock_err_init(struct mock_fn *fn)
{
	INIT_WORK(&fn->err_work, mock_err_work);
}

/**
 * mock_err_exit - opposite of mock_err_init()
 * @fn: the function, of which the PCI core knows no more
 */
void mock_err_exit(struct mock_fn *fn)
{
	cancel_work_sync(&fn->err_work);
}
