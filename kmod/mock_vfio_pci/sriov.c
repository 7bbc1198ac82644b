// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: SR-IOV, the hardware side: virtual functions.
 *
 * A virtual function is a function like any other, with a configuration space,
 * interrupts and a device model of its own.  It differs in what it has of its
 * physical function: its life, its BARs, memory decoding, and whether it is
 * there at all, which the SR-IOV capability of the physical function says.
 * Whoever writes to that may hold a raw spinlock, so the virtual functions are
 * all made beforehand.
 *
 * Their BARs lie one after the other: device memory and then registers behind
 * those of the physical function, MSI-X tables in memory.
 */
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "mock.h"

static u16 mock_sriov_word(const struct mock_fn *pf, int where)
{
	return mock_cfg_word(pf, MOCK_CAP_SRIOV + where);
}

/*
 * The same as the physical function was asked to be, but for what a virtual one
 * cannot have, or has not as a rule: an interrupt pin, MSI, virtual functions.
 */
static struct mock_conf mock_vf_conf(const struct mock_conf *pf)
{
	struct mock_conf conf = *pf;

	/* For our own ids this is MOCK_VFIO_VF_DEVICE_ID. */
	conf.device++;
	conf.intx = false;
	conf.msi = 0;
	conf.vfs = 0;
	return conf;
}

/**
 * mock_vf_msix_bar - the MSI-X BAR of a virtual function
 * @vf: the function
 */
void *mock_vf_msix_bar(const struct mock_fn *vf)
{
	return vf->pf->sriov->bars + vf->vf * mock_irq_bar_size(&vf->conf);
}

/**
 * mock_sriov_exit - opposite of mock_sriov_init()
 * @pf: a function of any kind, of which the PCI core knows no more
 */
void mock_sriov_exit(struct mock_fn *pf)
{
	struct mock_sriov *sriov = pf->sriov;
	unsigned int i;

	if (!sriov)
		return;
	for (i = 0; i < pf->conf.vfs && sriov->vfs[i]; i++)
		mock_fn_destroy(sriov->vfs[i]);
	mock_irq_free_pages(sriov->bars, sriov->bars_size);
	pf->sriov = NULL;
	kfree(sriov);
}

/**
 * mock_sriov_init - make the virtual functions of a function, if it has any
 * @pf: the function, its properties set
 *
 * A physical function cannot be migrated, its virtual ones can.
 *
 * Return: 0 or an error.
 */
int mock_sriov_init(struct mock_fn *pf)
{
	struct mock_sriov *sriov;
	struct mock_fn *vf;
	unsigned int i;

	if (!pf->conf.vfs)
		return 0;
	sriov = kzalloc(struct_size(sriov, vfs, pf->conf.vfs), GFP_KERNEL);
	if (!sriov)
		return -ENOMEM;
	sriov->conf = mock_vf_conf(&pf->conf);
	sriov->bars_size = pf->conf.vfs * mock_irq_bar_size(&sriov->conf);
	sriov->bars = mock_irq_alloc_pages(sriov->bars_size);
	if (!sriov->bars) {
		kfree(sriov);
		return -ENOMEM;
	}
	pf->conf.mig = 0;
	pf->sriov = sriov;
	for (i = 0; i < pf->conf.vfs; i++) {
		vf = mock_vf_create(pf, i);
		if (IS_ERR(vf)) {
			mock_sriov_exit(pf);
			return PTR_ERR(vf);
		}
		sriov->vfs[i] = vf;
	}
	return 0;
}

/**
 * mock_sriov_window_size - addresses for the BARs of the virtual functions
 * @pf: a function of any kind
 *
 * Return: bytes, behind what the function needs for itself.
 */
u64 mock_sriov_window_size(const struct mock_fn *pf)
{
	return pf->conf.vfs * (pf->conf.bar_size + MOCK_VFIO_REGS_SIZE);
}

static void mock_sriov_init_bars(struct mock_fn *pf)
{
	const int bars = MOCK_CAP_SRIOV + PCI_SRIOV_BAR;
	const u64 size = pf->conf.bar_size;
	const u64 start = pf->window.start + 2 * size;

	mock_cfg_init_bar(pf, bars + 4 * MOCK_VFIO_BAR_MEM, start, size);
	mock_cfg_init_bar(pf, bars + 4 * MOCK_VFIO_BAR_REGS,
			  start + pf->conf.vfs * size, MOCK_VFIO_REGS_SIZE);
	if (pf->conf.msix)
		mock_cfg_init_bar(pf, bars + 4 * MOCK_VFIO_BAR_MSIX,
				  virt_to_phys(pf->sriov->bars),
				  mock_irq_bar_size(&pf->sriov->conf));
}

/**
 * mock_sriov_init_cfg - the SR-IOV capability
 * @pf: the physical function; its addresses are known, its place is not
 *
 * It is the last one in the list of extended capabilities.
 */
void mock_sriov_init_cfg(struct mock_fn *pf)
{
	u8 *cap = pf->cfg.space + MOCK_CAP_SRIOV;
	u8 *wmask = pf->cfg.wmask + MOCK_CAP_SRIOV;

	put_unaligned_le32(PCI_EXT_CAP_ID_SRIOV | 1 << 16, cap);
	put_unaligned_le16(PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE,
			   wmask + PCI_SRIOV_CTRL);
	put_unaligned_le16(pf->conf.vfs, cap + PCI_SRIOV_INITIAL_VF);
	put_unaligned_le16(pf->conf.vfs, cap + PCI_SRIOV_TOTAL_VF);
	put_unaligned_le16(0xffff, wmask + PCI_SRIOV_NUM_VF);
	put_unaligned_le16(1, cap + PCI_SRIOV_VF_STRIDE);
	put_unaligned_le16(pf->sriov->conf.device, cap + PCI_SRIOV_VF_DID);
	put_unaligned_le32(SZ_4K >> 12, cap + PCI_SRIOV_SUP_PGSIZE);
	put_unaligned_le32(SZ_4K >> 12, cap + PCI_SRIOV_SYS_PGSIZE);
	mock_sriov_init_bars(pf);
}

/**
 * mock_sriov_settle - say where the virtual functions are
 * @pf: the physical function, in its place
 * @devfn: of the first one, behind @pf; the others follow
 */
void mock_sriov_settle(struct mock_fn *pf, unsigned int devfn)
{
	u8 *cap = pf->cfg.space + MOCK_CAP_SRIOV;
	unsigned int i;

	put_unaligned_le16(devfn - pf->devfn, cap + PCI_SRIOV_VF_OFFSET);
	/* It depends on itself, i.e. on none. */
	cap[PCI_SRIOV_FUNC_LINK] = pf->devfn;
	for (i = 0; i < pf->conf.vfs; i++) {
		pf->sriov->vfs[i]->port = pf->port;
		pf->sriov->vfs[i]->devfn = devfn + i;
	}
}

/**
 * mock_sriov_enabled - has a function virtual functions that are there?
 * @pf: a function of any kind
 */
bool mock_sriov_enabled(const struct mock_fn *pf)
{
	return pf->sriov &&
	       (mock_sriov_word(pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_VFE);
}

/**
 * mock_fn_answers - is a function there for configuration cycles?
 * @fn: a function of any kind
 */
bool mock_fn_answers(const struct mock_fn *fn)
{
	if (!fn->pf)
		return !READ_ONCE(fn->gone);
	return !READ_ONCE(fn->pf->gone) && mock_sriov_enabled(fn->pf) &&
	       fn->vf < mock_sriov_word(fn->pf, PCI_SRIOV_NUM_VF);
}

/**
 * mock_vf_decodes_memory - is a virtual function there for memory cycles?
 * @vf: the function
 */
bool mock_vf_decodes_memory(const struct mock_fn *vf)
{
	return mock_sriov_word(vf->pf, PCI_SRIOV_CTRL) & PCI_SRIOV_CTRL_MSE;
}

/**
 * mock_sriov_reset - reset all virtual functions
 * @pf: the physical function, which has been reset or has disabled them
 *
 * Context: any; under no lock of a configuration space.
 */
void mock_sriov_reset(struct mock_fn *pf)
{
	unsigned int i;

	for (i = 0; i < pf->conf.vfs; i++)
		mock_cfg_reset(pf->sriov->vfs[i]);
}

/* Its user may take his time, during which no lock is held. */
static void mock_vf_release(struct mock_fn *vf)
{
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	pdev = pci_dev_get(vf->pdev);
	pci_unlock_rescan_remove();
	if (!pdev)
		return;
	if (READ_ONCE(vf->pf->gone))
		mock_err_pulled_out(pdev);
	device_release_driver(&pdev->dev);
	pci_dev_put(pdev);
}

/*
 * Both locks, in any order with regard to others: the PCI core takes them in
 * one order when sriov_numvfs is written, and in the other when a device is removed.
 */
static void mock_sriov_lock(struct pci_dev *pdev)
{
	pci_lock_rescan_remove();
	while (!device_trylock(&pdev->dev)) {
		pci_unlock_rescan_remove();
		msleep(10);
		pci_lock_rescan_remove();
	}
}

static void mock_sriov_unlock(struct pci_dev *pdev)
{
	device_unlock(&pdev->dev);
	pci_unlock_rescan_remove();
}

/*
 * As if 0 were written to sriov_numvfs.  Drivers do it themselves when they are
 * unbound; but then without a lock that the PCI core wants, or not at all.
 */
static void mock_sriov_disable(struct pci_dev *pdev)
{
	mock_sriov_lock(pdev);
	if (pci_num_vf(pdev) && pdev->driver && pdev->driver->sriov_configure)
		pdev->driver->sriov_configure(pdev, 0);
	pci_disable_sriov(pdev);
	mock_sriov_unlock(pdev);
}

/**
 * mock_sriov_unplug - have the PCI core forget all virtual functions
 * @pf: the physical function, to be removed
 *
 * Context: may sleep, until users have let go of the virtual functions.
 */
void mock_sriov_unplug(struct mock_fn *pf)
{
	struct pci_dev *pdev;
	unsigned int i;

	for (i = 0; i < pf->conf.vfs; i++)
		mock_vf_release(pf->sriov->vfs[i]);
	pci_lock_rescan_remove();
	pdev = pci_dev_get(pf->pdev);
	pci_unlock_rescan_remove();
	if (pdev)
		mock_sriov_disable(pdev);
	pci_dev_put(pdev);
}
