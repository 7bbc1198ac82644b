// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: configuration space.
 *
 * A PCI Express endpoint with power management and function level reset, and
 * MSI and MSI-X if it has any vectors.  The PCI core calls the accessors under a
 * raw spinlock with interrupts off, so whatever follows from a write and may
 * sleep or run interrupt handlers is handed to a work.
 */
#include <linux/log2.h>
#include <linux/unaligned.h>

#include "mock.h"

#define MOCK_CAP_PM	0x40
#define MOCK_CAP_MSI	0x50
#define MOCK_CAP_MSIX	0x70
#define MOCK_CAP_EXP	0x80
#define MOCK_CAP_VSEC	0x100

static void set16(struct mock_fn *fn, int where, u16 val)
{
	put_unaligned_le16(val, fn->cfg.space + where);
}

static void set32(struct mock_fn *fn, int where, u32 val)
{
	put_unaligned_le32(val, fn->cfg.space + where);
}

static void allow16(struct mock_fn *fn, int where, u16 mask)
{
	put_unaligned_le16(mask, fn->cfg.wmask + where);
}

static void allow32(struct mock_fn *fn, int where, u32 mask)
{
	put_unaligned_le32(mask, fn->cfg.wmask + where);
}

/**
 * mock_cfg_word - read two bytes
 * @fn: the function
 * @where: offset
 */
u16 mock_cfg_word(const struct mock_fn *fn, int where)
{
	return get_unaligned_le16(fn->cfg.space + where);
}

/**
 * mock_cfg_dword - read four bytes
 * @fn: the function
 * @where: offset
 */
u32 mock_cfg_dword(const struct mock_fn *fn, int where)
{
	return get_unaligned_le32(fn->cfg.space + where);
}

/*
 * What is of the physical function in a virtual one: ids, of which the PCI core
 * finds the rest in the SR-IOV capability, and memory decoding.
 */
static void mock_cfg_init_vf_header(struct mock_fn *fn)
{
	set16(fn, PCI_VENDOR_ID, 0xffff);
	set16(fn, PCI_DEVICE_ID, 0xffff);
	fn->cfg.space[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_NORMAL;
	allow16(fn, PCI_COMMAND, PCI_COMMAND_MASTER);
	fn->cfg.wmask[PCI_INTERRUPT_LINE] = 0;
	fn->cfg.wmask[PCI_CACHE_LINE_SIZE] = 0;
}

static void mock_cfg_init_header(struct mock_fn *fn)
{
	const struct mock_conf *conf = &fn->conf;

	set16(fn, PCI_VENDOR_ID, conf->vendor);
	set16(fn, PCI_DEVICE_ID, conf->device);
	set16(fn, PCI_SUBSYSTEM_VENDOR_ID, conf->subvendor);
	set16(fn, PCI_SUBSYSTEM_ID, conf->subdevice);
	set32(fn, PCI_CLASS_REVISION, conf->class << 8 | conf->revision);
	/* Immediate readiness: nobody has to wait after a reset. */
	set16(fn, PCI_STATUS, PCI_STATUS_CAP_LIST | PCI_STATUS_IMM_READY);
	fn->cfg.space[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_MFD;
	fn->cfg.space[PCI_INTERRUPT_PIN] = conf->intx;
	allow16(fn, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		(conf->intx ? PCI_COMMAND_INTX_DISABLE : 0));
	fn->cfg.wmask[PCI_INTERRUPT_LINE] = 0xff;
	fn->cfg.wmask[PCI_CACHE_LINE_SIZE] = 0xff;
	if (fn->pf)
		mock_cfg_init_vf_header(fn);
}

/* Append to the list of capabilities. */
static void mock_cfg_link(struct mock_fn *fn, u8 *last, u8 where, u8 id)
{
	fn->cfg.space[*last] = where;
	fn->cfg.space[where] = id;
	*last = where + PCI_CAP_LIST_NEXT;
}

/**
 * mock_cfg_init_bar - a 64-bit memory BAR
 * @fn: the function
 * @where: offset in configuration space
 * @addr: its value
 * @size: a power of two, of whatever one such BAR decodes
 */
void mock_cfg_init_bar(struct mock_fn *fn, int where, u64 addr, u64 size)
{
	set32(fn, where, lower_32_bits(addr) | PCI_BASE_ADDRESS_MEM_TYPE_64);
	set32(fn, where + 4, upper_32_bits(addr));
	allow32(fn, where, lower_32_bits(~(size - 1)) & PCI_BASE_ADDRESS_MEM_MASK);
	allow32(fn, where + 4, upper_32_bits(~(size - 1)));
}

static void mock_cfg_init_pm(struct mock_fn *fn)
{
	set16(fn, MOCK_CAP_PM + PCI_PM_PMC, 3);
	set16(fn, MOCK_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	allow16(fn, MOCK_CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
}

static void mock_cfg_init_msi(struct mock_fn *fn)
{
	set16(fn, MOCK_CAP_MSI + PCI_MSI_FLAGS,
	      PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT |
	      ilog2(fn->conf.msi) << 1);
	allow16(fn, MOCK_CAP_MSI + PCI_MSI_FLAGS,
		PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	allow32(fn, MOCK_CAP_MSI + PCI_MSI_ADDRESS_LO, ~3U);
	allow32(fn, MOCK_CAP_MSI + PCI_MSI_ADDRESS_HI, ~0U);
	allow16(fn, MOCK_CAP_MSI + PCI_MSI_DATA_64, 0xffff);
	allow32(fn, MOCK_CAP_MSI + PCI_MSI_MASK_64, ~0U);
}

static void mock_cfg_init_msix(struct mock_fn *fn)
{
	set16(fn, MOCK_CAP_MSIX + PCI_MSIX_FLAGS, fn->conf.msix - 1);
	set32(fn, MOCK_CAP_MSIX + PCI_MSIX_TABLE, MOCK_VFIO_BAR_MSIX);
	set32(fn, MOCK_CAP_MSIX + PCI_MSIX_PBA,
	      fn->irq.bar_size / 2 | MOCK_VFIO_BAR_MSIX);
	allow16(fn, MOCK_CAP_MSIX + PCI_MSIX_FLAGS,
		PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
}

static void mock_cfg_init_exp(struct mock_fn *fn)
{
	set16(fn, MOCK_CAP_EXP + PCI_EXP_FLAGS, PCI_EXP_TYPE_ENDPOINT << 4 | 2);
	set32(fn, MOCK_CAP_EXP + PCI_EXP_DEVCAP,
	      PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR);
	allow16(fn, MOCK_CAP_EXP + PCI_EXP_DEVCTL,
		PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |
		PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
		PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |
		PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ);
	set32(fn, MOCK_CAP_EXP + PCI_EXP_LNKCAP,
	      PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4);
	set16(fn, MOCK_CAP_EXP + PCI_EXP_LNKSTA,
	      PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1);
	set32(fn, MOCK_CAP_EXP + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB);
}

static void mock_cfg_init_caps(struct mock_fn *fn)
{
	u8 last = PCI_CAPABILITY_LIST;

	mock_cfg_link(fn, &last, MOCK_CAP_PM, PCI_CAP_ID_PM);
	mock_cfg_init_pm(fn);
	if (fn->conf.msi) {
		mock_cfg_link(fn, &last, MOCK_CAP_MSI, PCI_CAP_ID_MSI);
		mock_cfg_init_msi(fn);
	}
	if (fn->conf.msix) {
		mock_cfg_link(fn, &last, MOCK_CAP_MSIX, PCI_CAP_ID_MSIX);
		mock_cfg_init_msix(fn);
	}
	mock_cfg_link(fn, &last, MOCK_CAP_EXP, PCI_CAP_ID_EXP);
	mock_cfg_init_exp(fn);
}

/*
 * An extended capability with nothing in it that is the function's own, such as
 * a serial number: migration wants equal capabilities at both ends.
 */
static void mock_cfg_init_vsec(struct mock_fn *fn)
{
	set32(fn, MOCK_CAP_VSEC, PCI_EXT_CAP_ID_VNDR | 1 << 16 |
	      (fn->sriov ? MOCK_CAP_SRIOV << 20 : 0));
	set32(fn, MOCK_CAP_VSEC + PCI_VNDR_HEADER, 1 | 1 << 16 | 16 << 20);
	set32(fn, MOCK_CAP_VSEC + 8, MOCK_VFIO_MAGIC);
	set32(fn, MOCK_CAP_VSEC + 12, MOCK_VFIO_VERSION);
}

/* Device memory first: it is the larger one, and BARs are aligned to their size. */
static int mock_cfg_init_window(struct mock_fn *fn)
{
	const u64 size = fn->conf.bar_size;
	const u64 total = 2 * size + mock_sriov_window_size(fn);
	int ret;

	fn->window.name = "mock_vfio_pci";
	/* Busy: whoever wants to map the BARs is told that he cannot. */
	fn->window.flags = IORESOURCE_MEM | IORESOURCE_BUSY;
	/* Top half of the address space, clear of memory that is plugged in later. */
	ret = allocate_resource(&iomem_resource, &fn->window, total,
				iomem_resource.end / 2, iomem_resource.end,
				size, NULL, NULL);
	if (ret)
		ret = allocate_resource(&iomem_resource, &fn->window, total,
					SZ_4G, iomem_resource.end, size, NULL,
					NULL);
	return ret;
}

static void mock_cfg_init_bars(struct mock_fn *fn)
{
	const u64 start = fn->window.start;
	const u64 size = fn->conf.bar_size;

	mock_cfg_init_bar(fn, PCI_BASE_ADDRESS_0 + 4 * MOCK_VFIO_BAR_MEM, start,
			  size);
	mock_cfg_init_bar(fn, PCI_BASE_ADDRESS_0 + 4 * MOCK_VFIO_BAR_REGS,
			  start + size, MOCK_VFIO_REGS_SIZE);
	if (fn->conf.msix)
		mock_cfg_init_bar(fn, PCI_BASE_ADDRESS_0 + 4 * MOCK_VFIO_BAR_MSIX,
				  virt_to_phys(fn->irq.bar), fn->irq.bar_size);
}

/**
 * mock_cfg_init - build the configuration space of a function
 * @fn: its interrupts and device model are initialized
 *
 * Return: 0, or an error if there are no addresses for its BARs.
 */
int mock_cfg_init(struct mock_fn *fn)
{
	/* The BARs of virtual functions are in the physical function. */
	int ret = fn->pf ? 0 : mock_cfg_init_window(fn);

	if (ret)
		return ret;
	raw_spin_lock_init(&fn->cfg.lock);
	mock_cfg_init_header(fn);
	if (!fn->pf)
		mock_cfg_init_bars(fn);
	mock_cfg_init_caps(fn);
	mock_cfg_init_vsec(fn);
	if (fn->sriov)
		mock_sriov_init_cfg(fn);
	return 0;
}

/* The pending bits of MSI, which are kept where MSI-X has its own. */
static bool mock_cfg_read_pending(struct mock_fn *fn, int where, u32 *val)
{
	const int pending = MOCK_CAP_MSI + PCI_MSI_PENDING_64;

	if (!fn->conf.msi || where < pending || where >= pending + 4)
		return false;
	*val = 0;
	if (mock_cfg_msi_enabled(fn))
		*val = (u32)READ_ONCE(*mock_irq_pending(fn)) >>
		       8 * (where - pending);
	return true;
}

/**
 * mock_cfg_read - configuration read cycle
 * @fn: the function
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4
 * @val: result
 *
 * Return: a PCIBIOS code.
 */
int mock_cfg_read(struct mock_fn *fn, int where, int size, u32 *val)
{
	if (where < 0 || where + size > MOCK_CFG_SIZE)
		return PCIBIOS_BAD_REGISTER_NUMBER;
	if (mock_cfg_read_pending(fn, where, val)) {
		*val &= GENMASK(8 * size - 1, 0);
		return PCIBIOS_SUCCESSFUL;
	}
	switch (size) {
	case 1:
		*val = fn->cfg.space[where];
		break;
	case 2:
		*val = mock_cfg_word(fn, where);
		break;
	default:
		*val = mock_cfg_dword(fn, where);
	}
	return PCIBIOS_SUCCESSFUL;
}

static void mock_cfg_reset_locked(struct mock_fn *fn)
{
	int i;

	for (i = PCI_COMMAND; i < MOCK_CFG_SIZE; i++)
		fn->cfg.space[i] &= ~fn->cfg.wmask[i];
	mock_irq_reset_table(fn);
	mock_count(fn, MOCK_BUS_RESETS, 1);
	queue_work(mock_wq, &fn->flr_work);
}

/**
 * mock_cfg_reset - a reset of any kind reaches a function
 * @fn: the function
 *
 * The device model is reset a little later, by flr_work.  The virtual functions
 * of a physical function are reset with it.
 *
 * Context: any.
 */
void mock_cfg_reset(struct mock_fn *fn)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->cfg.lock, flags);
	mock_cfg_reset_locked(fn);
	raw_spin_unlock_irqrestore(&fn->cfg.lock, flags);
	if (fn->sriov)
		mock_sriov_reset(fn);
}

/**
 * mock_cfg_write - configuration write cycle
 * @fn: the function
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4
 * @val: new value
 *
 * Context: any; called with the PCI core's raw spinlock held.
 * Return: a PCIBIOS code.
 */
int mock_cfg_write(struct mock_fn *fn, int where, int size, u32 val)
{
	const int ctl = MOCK_CAP_EXP + PCI_EXP_DEVCTL;
	unsigned long flags;
	bool had_vfs;
	int i;

	if (where < 0 || where + size > MOCK_CFG_SIZE)
		return PCIBIOS_BAD_REGISTER_NUMBER;

	raw_spin_lock_irqsave(&fn->cfg.lock, flags);
	had_vfs = mock_sriov_enabled(fn);
	for (i = 0; i < size; i++) {
		const u8 mask = fn->cfg.wmask[where + i];
		const u8 byte = val >> (8 * i);

		fn->cfg.space[where + i] =
			(fn->cfg.space[where + i] & ~mask) | (byte & mask);
	}
	if (where == ctl && size >= 2 && (val & PCI_EXP_DEVCTL_BCR_FLR))
		mock_cfg_reset_locked(fn);
	had_vfs = had_vfs && !mock_sriov_enabled(fn);
	raw_spin_unlock_irqrestore(&fn->cfg.lock, flags);

	if (had_vfs)
		mock_sriov_reset(fn);
	mock_irq_config_changed(fn);
	mock_dev_kick(fn);
	return PCIBIOS_SUCCESSFUL;
}

/**
 * mock_cfg_set_intx - show the level of the INTx pin in the status register
 * @fn: the function
 * @asserted: the level
 */
void mock_cfg_set_intx(struct mock_fn *fn, bool asserted)
{
	unsigned long flags;
	u16 status;

	raw_spin_lock_irqsave(&fn->cfg.lock, flags);
	status = mock_cfg_word(fn, PCI_STATUS) & ~PCI_STATUS_INTERRUPT;
	set16(fn, PCI_STATUS, status | (asserted ? PCI_STATUS_INTERRUPT : 0));
	raw_spin_unlock_irqrestore(&fn->cfg.lock, flags);
}

static bool mock_cfg_in_d0(const struct mock_fn *fn)
{
	return mock_fn_answers(fn) &&
	       !(mock_cfg_word(fn, MOCK_CAP_PM + PCI_PM_CTRL) &
		 PCI_PM_CTRL_STATE_MASK);
}

static bool mock_cfg_command(const struct mock_fn *fn, u16 bits)
{
	return mock_cfg_in_d0(fn) &&
	       (mock_cfg_word(fn, PCI_COMMAND) & bits) == bits;
}

/**
 * mock_cfg_decodes_memory - do the BARs answer?
 * @fn: the function
 */
bool mock_cfg_decodes_memory(const struct mock_fn *fn)
{
	if (fn->pf)
		return mock_cfg_in_d0(fn) && mock_vf_decodes_memory(fn);
	return mock_cfg_command(fn, PCI_COMMAND_MEMORY);
}

/**
 * mock_cfg_can_dma - may the function master the bus?
 * @fn: the function
 */
bool mock_cfg_can_dma(const struct mock_fn *fn)
{
	return mock_cfg_command(fn, PCI_COMMAND_MASTER);
}

/**
 * mock_cfg_msi_enabled - is MSI the way interrupts go?
 * @fn: the function
 */
bool mock_cfg_msi_enabled(const struct mock_fn *fn)
{
	return mock_cfg_word(fn, MOCK_CAP_MSI + PCI_MSI_FLAGS) &
	       PCI_MSI_FLAGS_ENABLE;
}

/**
 * mock_cfg_intx_enabled - does the INTx pin work?
 * @fn: the function
 */
bool mock_cfg_intx_enabled(const struct mock_fn *fn)
{
	return mock_cfg_in_d0(fn) && !mock_cfg_msi_enabled(fn) &&
	       !mock_cfg_msix_enabled(fn) &&
	       !(mock_cfg_word(fn, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

/**
 * mock_cfg_msi_vector - the message of an MSI vector
 * @fn: the function
 * @vector: any; wraps at the number of enabled vectors
 * @data: the data to send
 *
 * Return: false if MSI is off or the vector masked.
 */
bool mock_cfg_msi_vector(const struct mock_fn *fn, unsigned int vector,
			 u32 *data)
{
	const u16 ctl = mock_cfg_word(fn, MOCK_CAP_MSI + PCI_MSI_FLAGS);
	const u32 mask = mock_cfg_dword(fn, MOCK_CAP_MSI + PCI_MSI_MASK_64);
	const unsigned int count = min(1U << ((ctl & PCI_MSI_FLAGS_QSIZE) >> 4),
				       fn->conf.msi);

	if (!(ctl & PCI_MSI_FLAGS_ENABLE) || !mock_cfg_can_dma(fn))
		return false;
	vector &= count - 1;
	*data = mock_cfg_word(fn, MOCK_CAP_MSI + PCI_MSI_DATA_64) | vector;
	return !(mask & BIT(vector));
}

/**
 * mock_cfg_msix_enabled - is MSI-X the way interrupts go?
 * @fn: the function
 */
bool mock_cfg_msix_enabled(const struct mock_fn *fn)
{
	return mock_cfg_word(fn, MOCK_CAP_MSIX + PCI_MSIX_FLAGS) &
	       PCI_MSIX_FLAGS_ENABLE;
}

/**
 * mock_cfg_msix_masked - are all vectors held back?
 * @fn: the function, MSI-X enabled
 */
bool mock_cfg_msix_masked(const struct mock_fn *fn)
{
	return !mock_cfg_can_dma(fn) ||
	       (mock_cfg_word(fn, MOCK_CAP_MSIX + PCI_MSIX_FLAGS) &
		PCI_MSIX_FLAGS_MASKALL);
}
