// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the variant driver of vfio-pci, its life cycle and resets.
 */
#include <linux/module.h>
#include <linux/wait_bit.h>

#include "../compat.h"
#include "vfio.h"

/* Protects the member vfio of all functions. */
static DEFINE_SPINLOCK(mock_vfio_lock);

/**
 * mock_vfio_get - the VFIO device of a function
 * @fn: the function
 *
 * Until mock_vfio_put() the driver stays bound to it, and so the function there.
 *
 * Context: under rcu_read_lock(), or where the function cannot go.
 * Return: the device, NULL if the function is not bound to our driver.
 */
struct mock_vfio *mock_vfio_get(struct mock_fn *fn)
{
	struct mock_vfio *mv;

	spin_lock(&mock_vfio_lock);
	mv = fn->vfio;
	if (mv)
		atomic_inc(&mv->users);
	spin_unlock(&mock_vfio_lock);
	return mv;
}

/**
 * mock_vfio_put - opposite of mock_vfio_get()
 * @mv: the device, which may be gone now
 */
void mock_vfio_put(struct mock_vfio *mv)
{
	if (atomic_dec_and_test(&mv->users))
		wake_up_var(&mv->users);
}

static void mock_vfio_show(struct mock_vfio *mv)
{
	spin_lock(&mock_vfio_lock);
	mv->fn->vfio = mv;
	spin_unlock(&mock_vfio_lock);
	if (mv->fn->conf.mig)
		vfio_mig_debugfs_add(&mv->mig);
}

static void mock_vfio_hide(struct mock_vfio *mv)
{
	if (mv->fn->conf.mig)
		vfio_mig_debugfs_remove(&mv->mig);
	spin_lock(&mock_vfio_lock);
	mv->fn->vfio = NULL;
	spin_unlock(&mock_vfio_lock);
	wait_var_event(&mv->users, !atomic_read(&mv->users));
}

static int mock_vfio_init_dev(struct vfio_device *vdev)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);
	int ret;

	mv->fn = mock_fn_of(to_pci_dev(vdev->dev));
	if (mv->fn->conf.mig) {
		ret = mock_migration_init(mv);
		if (ret)
			return ret;
	}
	if (mv->fn->conf.dirty_log) {
		ret = mock_log_init(mv);
		if (ret)
			return ret;
	}
	return vfio_pci_core_init_dev(vdev);
}

static void mock_vfio_release_dev(struct vfio_device *vdev)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);

	/* Not by the function's properties: it may be gone already. */
	if (vdev->mig_ops)
		vfio_mig_destroy(&mv->mig);
	if (vdev->log_ops)
		vfio_mig_log_destroy(&mv->log);
	vfio_pci_core_release_dev(vdev);
}

static int mock_vfio_open(struct vfio_device *vdev)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);
	int ret;

	ret = vfio_pci_core_enable(&mv->core);
	if (ret)
		return ret;
	if (mv->fn->conf.mig)
		vfio_mig_open(&mv->mig);
	vfio_pci_core_finish_enable(&mv->core);
	return 0;
}

static void mock_vfio_close(struct vfio_device *vdev)
{
	struct mock_vfio *mv = to_mock_vfio(vdev);

	if (mv->fn->conf.mig)
		vfio_mig_close(&mv->mig);
	if (mv->fn->conf.dirty_log)
		vfio_mig_log_close(&mv->log);
	vfio_pci_core_close_device(vdev);
}

static const struct vfio_device_ops mock_vfio_ops = {
	.name = "mock-vfio-pci",
	.init = mock_vfio_init_dev,
	.release = mock_vfio_release_dev,
	.open_device = mock_vfio_open,
	.close_device = mock_vfio_close,
#ifdef COMPAT_HAS_REGION_INFO_CAPS
	.ioctl = vfio_pci_core_ioctl,
	.get_region_info_caps = mock_bar_region_info,
#else
	.ioctl = mock_bar_ioctl,
#endif
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = mock_bar_read,
	.write = mock_bar_write,
	.mmap = mock_bar_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
#ifdef COMPAT_HAS_MATCH_TOKEN_UUID
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

/* Set in probe and unset in remove, so the function has its driver. */
static void mock_vfio_zap(struct mock_mem *mem)
{
	struct mock_fn *fn = container_of(mem, struct mock_fn, dev.mem);
	struct vfio_pci_core_device *core = dev_get_drvdata(&fn->pdev->dev);

	mock_bar_zap(to_mock_vfio(&core->vdev));
}

static int mock_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct mock_vfio *mv;
	int ret;

	if (!mock_fn_of(pdev))
		return -ENODEV;
	mv = vfio_alloc_device(mock_vfio, core.vdev, &pdev->dev, &mock_vfio_ops);
	if (IS_ERR(mv))
		return PTR_ERR(mv);
	dev_set_drvdata(&pdev->dev, &mv->core);
	mock_aperture_watch(&mv->fn->dev.mem, mock_vfio_zap);
	ret = vfio_pci_core_register_device(&mv->core);
	if (ret) {
		mock_aperture_watch(&mv->fn->dev.mem, NULL);
		vfio_put_device(&mv->core.vdev);
		return ret;
	}
	mock_vfio_show(mv);
	return 0;
}

static void mock_vfio_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);
	struct mock_vfio *mv = to_mock_vfio(&core->vdev);

	mock_vfio_hide(mv);
	vfio_pci_core_unregister_device(core);
	mock_aperture_watch(&mv->fn->dev.mem, NULL);
	vfio_put_device(&core->vdev);
}

/*
 * The hardware resets the device model by a work; do it here instead, after the
 * PCI core has had its last word, and whatever was going on meanwhile.
 */
static void mock_vfio_reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);
	struct mock_vfio *mv = container_of(core, struct mock_vfio, core);

	cancel_work_sync(&mv->fn->flr_work);
	mock_dev_reset(mv->fn);
	if (mv->fn->conf.mig)
		vfio_mig_reset_done(&mv->mig);
}

/*
 * A device that was pulled out does not answer through mappings either.  Faults
 * that saw it answer have ended once the lock was ours.
 */
static pci_ers_result_t mock_vfio_error_detected(struct pci_dev *pdev,
						 pci_channel_state_t state)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	if (state == pci_channel_io_perm_failure) {
		down_write(&core->memory_lock);
		up_write(&core->memory_lock);
		mock_bar_unmap(container_of(core, struct mock_vfio, core));
	}
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static const struct pci_error_handlers mock_vfio_err_handlers = {
	.error_detected = mock_vfio_error_detected,
	.reset_done = mock_vfio_reset_done,
};

/*
 * Our functions are VFIO devices from the start, so the driver binds like any
 * other; the entries with an override are how management software finds variant drivers.
 */
static const struct pci_device_id mock_vfio_ids[] = {
	{ PCI_DEVICE(MOCK_VFIO_VENDOR_ID, MOCK_VFIO_DEVICE_ID) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(MOCK_VFIO_VENDOR_ID,
					  MOCK_VFIO_DEVICE_ID) },
	{ PCI_DEVICE(MOCK_VFIO_VENDOR_ID, MOCK_VFIO_VF_DEVICE_ID) },
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(MOCK_VFIO_VENDOR_ID,
					  MOCK_VFIO_VF_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, mock_vfio_ids);

static struct pci_driver mock_vfio_driver = {
	.name = KBUILD_MODNAME,
	.id_table = mock_vfio_ids,
	.probe = mock_vfio_probe,
	.remove = mock_vfio_remove,
	.err_handler = &mock_vfio_err_handlers,
	.driver_managed_dma = true,
};

/**
 * mock_vfio_register - register the variant driver
 *
 * Return: 0 or an error.
 */
int mock_vfio_register(void)
{
	return pci_register_driver(&mock_vfio_driver);
}

/**
 * mock_vfio_unregister - opposite of mock_vfio_register()
 */
void mock_vfio_unregister(void)
{
	pci_unregister_driver(&mock_vfio_driver);
}
