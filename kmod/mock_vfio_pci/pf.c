// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the driver of physical functions, which does what any such
 * driver does for its virtual functions, and nothing else.
 */
#include <linux/module.h>

#include "mock.h"

/* One that is about to go shall not get new ones. */
static int mock_pf_sriov_configure(struct pci_dev *pdev, int vfs)
{
	struct mock_fn *fn = mock_fn_of(pdev);

	if (vfs && test_bit(0, &fn->leaving))
		return -ENODEV;
	return pci_sriov_configure_simple(pdev, vfs);
}

static int mock_pf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mock_fn *fn = mock_fn_of(pdev);

	if (!fn || !fn->sriov)
		return -ENODEV;
	return pci_enable_device_mem(pdev);
}

static void mock_pf_remove(struct pci_dev *pdev)
{
	pci_disable_sriov(pdev);
	pci_disable_device(pdev);
}

/* The hardware resets the device models by works; the PCI core's word is final. */
static void mock_pf_reset_done(struct pci_dev *pdev)
{
	struct mock_fn *fn = mock_fn_of(pdev);
	unsigned int i;

	flush_work(&fn->flr_work);
	for (i = 0; i < fn->conf.vfs; i++)
		flush_work(&fn->sriov->vfs[i]->flr_work);
}

static const struct pci_error_handlers mock_pf_err_handlers = {
	.reset_done = mock_pf_reset_done,
};

static const struct pci_device_id mock_pf_ids[] = {
	{ PCI_DEVICE(MOCK_VFIO_VENDOR_ID, MOCK_VFIO_PF_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, mock_pf_ids);

static struct pci_driver mock_pf_driver = {
	.name = MOCK_PF_DRIVER,
	.id_table = mock_pf_ids,
	.probe = mock_pf_probe,
	.remove = mock_pf_remove,
	.sriov_configure = mock_pf_sriov_configure,
	.err_handler = &mock_pf_err_handlers,
};

/**
 * mock_pf_register - register the driver of physical functions
 *
 * Return: 0 or an error.
 */
int mock_pf_register(void)
{
	return pci_register_driver(&mock_pf_driver);
}

/**
 * mock_pf_unregister - opposite of mock_pf_register()
 */
void mock_pf_unregister(void)
{
	pci_unregister_driver(&mock_pf_driver);
}
