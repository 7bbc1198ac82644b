// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the host bridge, an own PCI domain, its configuration cycles,
 * and what happens when the PCI core finds something there.
 *
 * Addresses of BARs are of two kinds.  Registers and device memory are served
 * by the variant driver, so their addresses only have to be nobody else's:
 * each function takes a piece of the physical address space from
 * iomem_resource.  The MSI-X table is written by the PCI core through an
 * ioremap(), so it lies in pages of RAM.  Both are claimed in a bus window that
 * spans everything and is not part of iomem_resource.
 */
#include <linux/module.h>

#include "mock.h"
#include "../compat.h"

static struct mock_host *mock_host_of(struct pci_bus *bus)
{
	return container_of(bus->sysdata, struct mock_host, sysdata);
}

/* Bridges are on the root bus.  Context: under rcu_read_lock(). */
static struct mock_port *mock_bus_port(struct pci_bus *bus, unsigned int devfn)
{
	const unsigned int nr = PCI_SLOT(devfn);

	if (bus->number || PCI_FUNC(devfn) || nr >= MOCK_PORTS)
		return NULL;
	return rcu_dereference(mock_host_of(bus)->ports[nr]);
}

/* Functions are on the buses of the bridges.  Context: as above. */
static struct mock_fn *mock_bus_fn(struct pci_bus *bus, unsigned int devfn)
{
	const unsigned int nr = bus->number - 1;

	if (nr >= MOCK_PORTS)
		return NULL;
	return mock_fn_or_vf_at(mock_host_of(bus), nr * MOCK_PORT_FNS + devfn);
}

static int mock_bus_read(struct pci_bus *bus, unsigned int devfn, int where,
			 int size, u32 *val)
{
	int ret = PCIBIOS_DEVICE_NOT_FOUND;
	struct mock_port *port;
	struct mock_fn *fn;

	*val = ~0U;
	rcu_read_lock();
	port = mock_bus_port(bus, devfn);
	fn = mock_bus_fn(bus, devfn);
	if (port)
		ret = mock_port_read(port, where, size, val);
	else if (fn && mock_fn_answers(fn))
		ret = mock_cfg_read(fn, where, size, val);
	rcu_read_unlock();
	return ret;
}

static int mock_bus_write(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 val)
{
	int ret = PCIBIOS_DEVICE_NOT_FOUND;
	struct mock_port *port;
	struct mock_fn *fn;

	rcu_read_lock();
	port = mock_bus_port(bus, devfn);
	fn = mock_bus_fn(bus, devfn);
	if (port)
		ret = mock_port_write(port, where, size, val);
	else if (fn && mock_fn_answers(fn))
		ret = mock_cfg_write(fn, where, size, val);
	rcu_read_unlock();
	return ret;
}

static struct pci_ops mock_bus_ops = {
	.read = mock_bus_read,
	.write = mock_bus_write,
};

/**
 * mock_fn_of - the function behind a PCI device
 * @pdev: any PCI device that the PCI core has not forgotten
 *
 * Return: the function, NULL if the device is not one of ours.  It stays as
 * long as the PCI core has the device.
 */
struct mock_fn *mock_fn_of(struct pci_dev *pdev)
{
	struct mock_fn *fn;

	if (pdev->bus->ops != &mock_bus_ops)
		return NULL;
	rcu_read_lock();
	fn = mock_bus_fn(pdev->bus, pdev->devfn);
	rcu_read_unlock();
	return fn;
}

#ifdef CONFIG_PCI_IOV
#define MOCK_LAST_BAR	PCI_IOV_RESOURCE_END
#else
#define MOCK_LAST_BAR	PCI_STD_RESOURCE_END
#endif

/* Those of a virtual function are pieces of what the physical one has claimed. */
static int mock_bus_claim_bars(struct pci_dev *pdev)
{
	int i, ret;

	for (i = 0; i <= MOCK_LAST_BAR && !pdev->is_virtfn; i++) {
		if (!pci_resource_len(pdev, i))
			continue;
		ret = pci_claim_resource(pdev, i);
		if (ret)
			return ret;
	}
	return 0;
}

/* The last moment before the IOMMU core and the drivers look at the device. */
static int mock_bus_added_fn(struct pci_dev *pdev, struct mock_fn *fn)
{
	int ret;

	/* A virtual function has been here before, and was reset as it went. */
	flush_work(&fn->flr_work);
	ret = mock_bus_claim_bars(pdev);
	if (ret)
		return ret;
	ret = mock_iommu_add(pdev);
	if (ret)
		return ret;
	/* Whatever the ids say, no driver of such hardware can drive it. */
	if (!mock_conf_is_native(&fn->conf))
		ret = device_set_driver_override(&pdev->dev, fn->sriov ?
						 MOCK_PF_DRIVER : KBUILD_MODNAME);
	if (ret)
		return ret;
	compat_bars_not_mappable(pdev);
	pdev->d3hot_delay = 0;
	pdev->d3cold_delay = 0;
	fn->pdev = pdev;
	return 0;
}

static void mock_bus_added(struct pci_dev *pdev)
{
	struct mock_fn *fn = mock_fn_of(pdev);
	struct mock_port *port;
	int ret = 0;

	rcu_read_lock();
	port = mock_bus_port(pdev->bus, pdev->devfn);
	if (port)
		port->pdev = pdev;
	rcu_read_unlock();
	if (fn)
		ret = mock_bus_added_fn(pdev, fn);
	if (ret)
		pci_err(pdev, "mock function is not usable: %d\n", ret);
}

static void mock_bus_removed(struct pci_dev *pdev)
{
	struct mock_fn *fn = mock_fn_of(pdev);
	struct mock_port *port;

	rcu_read_lock();
	port = mock_bus_port(pdev->bus, pdev->devfn);
	if (port)
		port->pdev = NULL;
	rcu_read_unlock();
	if (fn)
		fn->pdev = NULL;
}

static int mock_bus_notify(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (pdev->bus->ops != &mock_bus_ops)
		return NOTIFY_DONE;
	if (action == BUS_NOTIFY_ADD_DEVICE)
		mock_bus_added(pdev);
	else if (action == BUS_NOTIFY_DEL_DEVICE)
		mock_bus_removed(pdev);
	return NOTIFY_DONE;
}

/* Above the IOMMU core's own notifier, which has the default priority. */
static struct notifier_block mock_bus_nb = {
	.notifier_call = mock_bus_notify,
	.priority = 100,
};

static int mock_bus_notify_late(struct notifier_block *nb, unsigned long action,
				void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct mock_fn *fn = mock_fn_of(pdev);

	if (fn && action == BUS_NOTIFY_ADD_DEVICE)
		mock_irq_attach(fn, pdev);
	return NOTIFY_DONE;
}

/*
 * Below Intel's interrupt remapping, which gives each virtual function of the
 * system the interrupt domain of its physical one.
 */
static struct notifier_block mock_bus_late_nb = {
	.notifier_call = mock_bus_notify_late,
	.priority = -100,
};

/**
 * mock_bus_init - watch for our functions to appear
 *
 * Return: 0 or an error.
 */
int mock_bus_init(void)
{
	int ret = bus_register_notifier(&pci_bus_type, &mock_bus_nb);

	if (ret)
		return ret;
	ret = bus_register_notifier(&pci_bus_type, &mock_bus_late_nb);
	if (ret)
		bus_unregister_notifier(&pci_bus_type, &mock_bus_nb);
	return ret;
}

/**
 * mock_bus_exit - opposite of mock_bus_init()
 */
void mock_bus_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &mock_bus_late_nb);
	bus_unregister_notifier(&pci_bus_type, &mock_bus_nb);
}

/* QEMU's host= takes domains up to 0xffff only. */
#ifdef COMPAT_HAS_EMUL_DOMAIN_NR
static int mock_domain_get(void)
{
	return pci_bus_find_emul_domain_nr(MOCK_VFIO_DOMAIN_FIRST,
					   MOCK_VFIO_DOMAIN_FIRST, 0xffff);
}

static void mock_domain_put(int domain)
{
	pci_bus_release_emul_domain_nr(domain);
}
#else
static int mock_domain_get(void)
{
	struct pci_bus *bus = NULL;
	int domain = MOCK_VFIO_DOMAIN_FIRST;

	while ((bus = pci_find_next_bus(bus)) != NULL)
		domain = max(domain, pci_domain_nr(bus) + 1);
	return domain <= 0xffff ? domain : -ENOSPC;
}

static void mock_domain_put(int domain)
{
}
#endif

static void mock_host_add_windows(struct mock_host *host)
{
	host->busn = (struct resource) {
		.name = "mock_vfio_pci", .start = 0, .end = MOCK_PORTS,
		.flags = IORESOURCE_BUS,
	};
	host->window = (struct resource) {
		.name = "mock_vfio_pci", .start = 0, .end = iomem_resource.end,
		.flags = IORESOURCE_MEM | IORESOURCE_MEM_64,
	};
	pci_add_resource(&host->bridge->windows, &host->busn);
	pci_add_resource(&host->bridge->windows, &host->window);
}

/*
 * If the bus cannot be registered the PCI core (7.3 at least) drops a reference
 * to the bridge too many, namely its creator's.  So hold one more meanwhile,
 * and where it was needed let it take the place of the one that is gone.
 */
static int mock_host_scan(struct mock_host *host)
{
	struct device *dev = get_device(&host->bridge->dev);
	int ret;

	pci_lock_rescan_remove();
	ret = pci_scan_root_bus_bridge(host->bridge);
	if (!ret)
		pci_bus_add_devices(host->bridge->bus);
	pci_unlock_rescan_remove();
	if (!ret || kref_read(&dev->kobj.kref) > 1)
		put_device(dev);
	return ret;
}

static struct mock_host *mock_host_alloc(int domain)
{
	struct pci_host_bridge *bridge;
	struct mock_host *host;

	bridge = pci_alloc_host_bridge(sizeof(*host));
	if (!bridge)
		return NULL;
	host = pci_host_bridge_priv(bridge);
	host->bridge = bridge;
	host->sysdata.domain = domain;
	host->sysdata.node = NUMA_NO_NODE;
	mutex_init(&host->lock);
	bridge->sysdata = &host->sysdata;
	bridge->ops = &mock_bus_ops;
	mock_host_add_windows(host);
	return host;
}

/**
 * mock_host_create - a host bridge with nothing below it
 *
 * Return: the bridge or an error pointer.
 */
struct mock_host *mock_host_create(void)
{
	const int domain = mock_domain_get();
	struct mock_host *host;
	int ret = -ENOMEM;

	if (domain < 0)
		return ERR_PTR(domain);
	host = mock_host_alloc(domain);
	if (!host)
		goto err_domain;
	ret = mock_host_scan(host);
	if (ret)
		goto err_host;
	return host;

err_host:
	pci_free_host_bridge(host->bridge);
err_domain:
	mock_domain_put(domain);
	return ERR_PTR(ret);
}

/* What hangs on the buses of the bridges, before these go. */
static void mock_host_remove_slots(struct mock_host *host)
{
	struct mock_port *port;
	unsigned int i;

	mutex_lock(&host->lock);
	for (i = 0; i < MOCK_PORTS; i++) {
		port = rcu_dereference_protected(host->ports[i],
						 lockdep_is_held(&host->lock));
		if (port)
			mock_slots_remove(port);
	}
	mutex_unlock(&host->lock);
}

/**
 * mock_host_destroy - remove a host bridge and all below it
 * @host: the bridge
 *
 * pci_remove_root_bus() leaves the reference to the bridge that its creator
 * has; drivers that use pci_create_root_bus() forget it and leak the bridge.
 */
void mock_host_destroy(struct mock_host *host)
{
	const int domain = host->sysdata.domain;

	mock_host_remove_slots(host);
	mock_fn_disable_vfs(host);
	pci_lock_rescan_remove();
	pci_stop_root_bus(host->bridge->bus);
	pci_remove_root_bus(host->bridge->bus);
	pci_unlock_rescan_remove();
	mock_fn_remove_all(host);
	mutex_destroy(&host->lock);
	pci_free_host_bridge(host->bridge);
	mock_domain_put(domain);
}
