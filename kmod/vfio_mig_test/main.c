// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_mig_test: VFIO devices for the selftests of vfio_mig.  Their hardware is
 * whatever a test program wants, failures included; there is no other use.
 *
 * What lives here is the module, its platform devices and their driver.
 */
#include <linux/module.h>
#include <linux/platform_device.h>

#include "test.h"

static int mig_test_probe(struct platform_device *pdev)
{
	struct mig_test *t;
	int ret;

	t = vfio_alloc_device(mig_test, vdev, &pdev->dev, &mig_test_vfio_ops);
	if (IS_ERR(t))
		return PTR_ERR(t);
	platform_set_drvdata(pdev, t);
	ret = vfio_register_emulated_iommu_dev(&t->vdev);
	if (ret)
		vfio_put_device(&t->vdev);
	return ret;
}

static void mig_test_remove(struct platform_device *pdev)
{
	struct mig_test *t = platform_get_drvdata(pdev);

	vfio_unregister_group_dev(&t->vdev);
	vfio_put_device(&t->vdev);
}

static const struct platform_device_id mig_test_ids[] = {
	{ VFIO_MIG_TEST_NAME, (kernel_ulong_t)&mig_test_kind },
	{ VFIO_MIG_TEST_QUEUE, (kernel_ulong_t)&mig_test_queue_kind },
	{ VFIO_MIG_TEST_DIRECT, (kernel_ulong_t)&mig_test_direct_kind },
	{ VFIO_MIG_TEST_LEGACY, (kernel_ulong_t)&mig_test_legacy_kind },
	{}
};

static struct platform_driver mig_test_driver = {
	.driver.name = VFIO_MIG_TEST_NAME,
	.id_table = mig_test_ids,
	.probe = mig_test_probe,
	.remove = mig_test_remove,
};

/* The number of a device, where it has one, is its migration flags. */
static const struct {
	const char *name;
	int id;
} mig_test_devices[] = {
	{ VFIO_MIG_TEST_NAME, VFIO_MIGRATION_STOP_COPY },
	{ VFIO_MIG_TEST_NAME, VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P },
	{ VFIO_MIG_TEST_NAME, VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_PRE_COPY },
	{ VFIO_MIG_TEST_NAME, VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
			      VFIO_MIGRATION_PRE_COPY },
	{ VFIO_MIG_TEST_QUEUE, PLATFORM_DEVID_NONE },
	{ VFIO_MIG_TEST_DIRECT, PLATFORM_DEVID_NONE },
	{ VFIO_MIG_TEST_LEGACY, PLATFORM_DEVID_NONE },
};

static struct platform_device *mig_test_pdevs[ARRAY_SIZE(mig_test_devices)];

static void mig_test_unregister_devices(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mig_test_pdevs) && mig_test_pdevs[i]; i++)
		platform_device_unregister(mig_test_pdevs[i]);
}

static int __init mig_test_register_devices(void)
{
	struct platform_device *pdev;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mig_test_devices); i++) {
		pdev = platform_device_register_simple(mig_test_devices[i].name,
						       mig_test_devices[i].id,
						       NULL, 0);
		if (IS_ERR(pdev)) {
			mig_test_unregister_devices();
			return PTR_ERR(pdev);
		}
		mig_test_pdevs[i] = pdev;
	}
	return 0;
}

static int __init mig_test_init(void)
{
	int ret;

	ret = platform_driver_register(&mig_test_driver);
	if (ret)
		return ret;
	ret = mig_test_register_devices();
	if (ret)
		platform_driver_unregister(&mig_test_driver);
	return ret;
}

static void __exit mig_test_exit(void)
{
	mig_test_unregister_devices();
	platform_driver_unregister(&mig_test_driver);
}

module_init(mig_test_init);
module_exit(mig_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO devices for the selftests of vfio_mig");
