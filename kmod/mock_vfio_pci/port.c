// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the bridges that the functions sit below, and the slots there.
 *
 * VFIO's hot reset needs a bus with a bridge above it.  A slot of a bridge holds
 * a device of up to eight functions and can be reset by itself, so functions in
 * different slots do not share that fate; the bridge's own secondary bus reset
 * hits them all.
 *
 * The bridge decodes subtractively, i.e. has no windows: its functions' BARs
 * may be anywhere.  It is the upstream port of a PCI Express switch, the one
 * kind of bridge below which Linux looks both for more than one device and at
 * extended configuration space.
 */
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "mock.h"

#define MOCK_PORT_DEVICE_ID	0x0010
#define MOCK_PORT_CAP_EXP	0x40

static u8 mock_port_mask(int where)
{
	switch (where) {
	case PCI_COMMAND:
		return PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		       PCI_COMMAND_PARITY;
	case PCI_COMMAND + 1:
		return PCI_COMMAND_SERR >> 8;
	case PCI_CACHE_LINE_SIZE:
	case PCI_INTERRUPT_LINE:
		return 0xff;
	case PCI_BRIDGE_CONTROL:
		return PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
		       PCI_BRIDGE_CTL_MASTER_ABORT | PCI_BRIDGE_CTL_BUS_RESET;
	}
	return 0;
}

static void mock_port_init_exp(u8 *cap)
{
	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_EXP;
	put_unaligned_le16(PCI_EXP_TYPE_UPSTREAM << 4 | 2, cap + PCI_EXP_FLAGS);
	put_unaligned_le32(PCI_EXP_DEVCAP_RBER, cap + PCI_EXP_DEVCAP);
	put_unaligned_le32(PCI_EXP_LNKCAP_SLS_2_5GB | 16 << 4,
			   cap + PCI_EXP_LNKCAP);
	put_unaligned_le16(PCI_EXP_LNKSTA_CLS_2_5GB | 16 << 4,
			   cap + PCI_EXP_LNKSTA);
	put_unaligned_le32(PCI_EXP_LNKCAP2_SLS_2_5GB, cap + PCI_EXP_LNKCAP2);
}

static void mock_port_init_space(struct mock_port *port)
{
	u8 *space = port->space;

	put_unaligned_le16(MOCK_VFIO_VENDOR_ID, space + PCI_VENDOR_ID);
	put_unaligned_le16(MOCK_PORT_DEVICE_ID, space + PCI_DEVICE_ID);
	put_unaligned_le16(PCI_CLASS_BRIDGE_PCI, space + PCI_CLASS_DEVICE);
	space[PCI_CLASS_PROG] = 1;	/* subtractive decode */
	space[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	space[PCI_SECONDARY_BUS] = port->nr + 1;
	space[PCI_SUBORDINATE_BUS] = port->nr + 1;
	/* Bases above their limits: windows with nothing in them. */
	space[PCI_IO_BASE] = 0xf0;
	put_unaligned_le16(0xfff0, space + PCI_MEMORY_BASE);
	put_unaligned_le16(0xfff0, space + PCI_PREF_MEMORY_BASE);
	put_unaligned_le16(PCI_STATUS_CAP_LIST, space + PCI_STATUS);
	space[PCI_CAPABILITY_LIST] = MOCK_PORT_CAP_EXP;
	mock_port_init_exp(space + MOCK_PORT_CAP_EXP);
}

/**
 * mock_port_read - configuration read cycle
 * @port: the bridge
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4
 * @val: result
 *
 * Return: a PCIBIOS code.
 */
int mock_port_read(struct mock_port *port, int where, int size, u32 *val)
{
	int i;

	*val = 0;
	for (i = 0; i < size && where + i < MOCK_PORT_SPACE; i++)
		*val |= (u32)port->space[where + i] << (8 * i);
	return PCIBIOS_SUCCESSFUL;
}

static void mock_port_reset_bus(struct mock_port *port)
{
	struct mock_fn *fn;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < MOCK_PORT_FNS; i++) {
		fn = rcu_dereference(port->fns[i]);
		if (fn)
			mock_cfg_reset(fn);
	}
	rcu_read_unlock();
}

/**
 * mock_port_write - configuration write cycle
 * @port: the bridge
 * @where: offset, aligned to @size
 * @size: 1, 2 or 4
 * @val: new value
 *
 * Context: any; called with the PCI core's raw spinlock held.
 * Return: a PCIBIOS code.
 */
int mock_port_write(struct mock_port *port, int where, int size, u32 val)
{
	unsigned long flags;
	bool reset;
	u8 mask;
	int i;

	raw_spin_lock_irqsave(&port->lock, flags);
	reset = port->space[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET;
	for (i = 0; i < size && where + i < MOCK_PORT_SPACE; i++) {
		mask = mock_port_mask(where + i);
		port->space[where + i] &= ~mask;
		port->space[where + i] |= (val >> (8 * i)) & mask;
	}
	reset = !reset &&
		(port->space[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET);
	raw_spin_unlock_irqrestore(&port->lock, flags);
	if (reset)
		mock_port_reset_bus(port);
	return PCIBIOS_SUCCESSFUL;
}

/*
 * All addresses, once more for this bus alone.  The PCI core looks here before
 * it looks at what the bridge passes on by subtraction; the lists of BARs that it
 * goes through stay short, however many functions there are elsewhere.  A window
 * without a parent would be one that it has still to find addresses for.
 */
static int mock_port_init_window(struct mock_port *port)
{
	port->space_root = (struct resource) {
		.name = "mock_vfio_pci", .end = iomem_resource.end,
		.flags = IORESOURCE_MEM | IORESOURCE_MEM_64,
	};
	port->window = port->space_root;
	return request_resource(&port->space_root, &port->window);
}

/* The PCI core finds the bridge, and below it an empty bus. */
static int mock_port_scan(struct mock_port *port)
{
	struct pci_bus *root = port->host->bridge->bus;
	struct pci_dev *pdev;
	int ret = -ENODEV;

	pci_lock_rescan_remove();
	pdev = pci_scan_single_device(root, PCI_DEVFN(port->nr, 0));
	if (pdev)
		pci_scan_bridge(root, pdev, root->number, 0);
	if (pdev && pdev->subordinate) {
		pdev->subordinate->resource[PCI_BRIDGE_RESOURCE_NUM - 1] =
			&port->window;
		pci_bus_add_device(pdev);
		ret = 0;
	} else if (pdev) {
		pci_stop_and_remove_bus_device(pdev);
	}
	pci_unlock_rescan_remove();
	return ret;
}

/**
 * mock_port_destroy - opposite of mock_port_create()
 * @port: the bridge, which the PCI core has forgotten and no function is below
 */
void mock_port_destroy(struct mock_port *port)
{
	RCU_INIT_POINTER(port->host->ports[port->nr], NULL);
	kfree_rcu(port, rcu);
}

/**
 * mock_port_create - add a bridge
 * @host: the host bridge, its lock held
 * @nr: the device number, which is free
 *
 * Return: 0 or an error.
 */
int mock_port_create(struct mock_host *host, unsigned int nr)
{
	struct mock_port *port = kzalloc(sizeof(*port), GFP_KERNEL);
	int ret;

	if (!port)
		return -ENOMEM;
	port->host = host;
	port->nr = nr;
	raw_spin_lock_init(&port->lock);
	mock_port_init_space(port);
	rcu_assign_pointer(host->ports[nr], port);
	ret = mock_port_init_window(port);
	if (!ret)
		ret = mock_port_scan(port);
	if (!ret)
		return 0;
	mock_port_destroy(port);
	return ret;
}

/*
 * Resets one slot.  The drivers of its functions, which are locked, wait for
 * the device model in their reset_done().
 */
static int mock_slot_reset(struct hotplug_slot *hotplug, bool probe)
{
	struct pci_slot *slot = hotplug->pci_slot;
	struct mock_host *host = container_of(slot->bus->sysdata,
					      struct mock_host, sysdata);
	struct mock_port *port;
	struct mock_fn *fn;
	unsigned int i;

	if (probe)
		return 0;
	rcu_read_lock();
	port = rcu_dereference(host->ports[slot->bus->number - 1]);
	for (i = 0; i < MOCK_SLOT_FNS; i++) {
		fn = rcu_dereference(port->fns[PCI_DEVFN(slot->number, i)]);
		if (fn)
			mock_cfg_reset(fn);
	}
	rcu_read_unlock();
	return 0;
}

static const struct hotplug_slot_ops mock_slot_ops = {
	.reset_slot = mock_slot_reset,
};

/**
 * mock_slot_get - one more function is in a slot
 * @port: the bridge; the host bridge's lock is held
 * @device: the device number
 *
 * Return: 0 or an error.
 */
int mock_slot_get(struct mock_port *port, unsigned int device)
{
	struct mock_slot *slot = port->slots[device];
	char name[32];
	int ret;

	if (slot) {
		slot->fns++;
		return 0;
	}
	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	slot->hotplug.ops = &mock_slot_ops;
	slot->fns = 1;
	snprintf(name, sizeof(name), "mock-%x-%02x-%02x",
		 port->host->sysdata.domain, port->nr + 1, device);
	ret = pci_hp_register(&slot->hotplug, port->pdev->subordinate, device,
			      name);
	if (ret) {
		kfree(slot);
		return ret;
	}
	port->slots[device] = slot;
	return 0;
}

/**
 * mock_slot_put - opposite of mock_slot_get()
 * @port: the bridge; the host bridge's lock is held
 * @device: the device number
 */
void mock_slot_put(struct mock_port *port, unsigned int device)
{
	struct mock_slot *slot = port->slots[device];

	if (!slot || --slot->fns)
		return;
	port->slots[device] = NULL;
	pci_hp_deregister(&slot->hotplug);
	kfree(slot);
}

/**
 * mock_slots_remove - opposite of all mock_slot_get(), before the bus goes
 * @port: the bridge; the host bridge's lock is held
 */
void mock_slots_remove(struct mock_port *port)
{
	unsigned int i;

	for (i = 0; i < MOCK_PORT_SLOTS; i++) {
		if (!port->slots[i])
			continue;
		port->slots[i]->fns = 1;
		mock_slot_put(port, i);
	}
}
