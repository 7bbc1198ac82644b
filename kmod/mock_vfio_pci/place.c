// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: functions come and go, in any order, while others run.
 *
 * A place is a bridge, a device number and a function number.  What the bus's
 * configuration cycles find there they find under RCU; so a function that has
 * left its place is freed a grace period later.
 */
#include <linux/slab.h>

#include "mock.h"

static struct mock_port *mock_port_of(struct mock_host *host, unsigned int nr)
{
	return rcu_dereference_protected(host->ports[nr],
					 lockdep_is_held(&host->lock));
}

/**
 * mock_fn_or_vf_at - the function of any kind at a place
 * @host: the host bridge
 * @place: 0 to MOCK_EACH_PLACE - 1
 *
 * Context: under rcu_read_lock(), or where the function cannot go.
 * Return: the function or NULL.
 */
struct mock_fn *mock_fn_or_vf_at(struct mock_host *host, unsigned int place)
{
	struct mock_port *port =
		rcu_dereference_check(host->ports[place / MOCK_PORT_FNS],
				      lockdep_is_held(&host->lock));

	if (!port)
		return NULL;
	return rcu_dereference_check(port->fns[place % MOCK_PORT_FNS],
				     lockdep_is_held(&host->lock));
}

/**
 * mock_fn_at - the function at a place
 * @host: the host bridge
 * @place: 0 to MOCK_EACH_PLACE - 1
 *
 * Virtual functions are part of their physical one and not found by this.
 *
 * Context: under rcu_read_lock(), or where the function cannot go.
 * Return: the function or NULL.
 */
struct mock_fn *mock_fn_at(struct mock_host *host, unsigned int place)
{
	struct mock_fn *fn = mock_fn_or_vf_at(host, place);

	return fn && fn->pf ? NULL : fn;
}

/**
 * mock_fn_place - where a function is
 * @fn: the function
 *
 * Return: a number that mock_fn_at() takes.
 */
unsigned int mock_fn_place(const struct mock_fn *fn)
{
	return fn->port->nr * MOCK_PORT_FNS + fn->devfn;
}

/**
 * mock_fn_find - the function of a name
 * @host: the host bridge
 * @name: its name
 *
 * Context: as mock_fn_at().
 * Return: the function or NULL.
 */
struct mock_fn *mock_fn_find(struct mock_host *host, const char *name)
{
	struct mock_fn *fn;
	unsigned int i;

	for (i = 0; i < MOCK_EACH_PLACE; i++) {
		fn = mock_fn_at(host, i);
		if (fn && !strcmp(fn->name, name))
			return fn;
	}
	return NULL;
}

static bool mock_place_is_free(struct mock_host *host, unsigned int slot,
			       unsigned int number)
{
	struct mock_port *port = mock_port_of(host, slot / MOCK_PORT_SLOTS);

	return !port || !test_bit(PCI_DEVFN(slot % MOCK_PORT_SLOTS, number),
				  port->used);
}

/*
 * Where the virtual functions of a physical function in a slot can be: behind
 * it, below the same bridge, in slots that are theirs alone; for these have
 * nothing that could be reset together.  Return: a devfn, MOCK_ANY if nowhere.
 */
static unsigned int mock_place_vfs(struct mock_host *host, unsigned int slot,
				   unsigned int vfs)
{
	struct mock_port *port = mock_port_of(host, slot / MOCK_PORT_SLOTS);
	const unsigned int count = round_up(vfs, MOCK_SLOT_FNS);
	unsigned int devfn = PCI_DEVFN(slot % MOCK_PORT_SLOTS, 0) + MOCK_SLOT_FNS;

	if (port)
		devfn = bitmap_find_next_zero_area(port->used, MOCK_PORT_FNS,
						   devfn, count,
						   MOCK_SLOT_FNS - 1);
	return devfn + count <= MOCK_PORT_FNS ? devfn : MOCK_ANY;
}

static bool mock_place_has_room(struct mock_host *host, unsigned int slot,
				unsigned int number, unsigned int vfs)
{
	if (!mock_place_is_free(host, slot, number))
		return false;
	return !vfs || mock_place_vfs(host, slot, vfs) != MOCK_ANY;
}

/*
 * The first free place with what is asked for.  Each function gets a slot of
 * its own as long as there are any: then a hot reset concerns it alone.
 */
static int mock_place_choose(struct mock_host *host, unsigned int vfs,
			     unsigned int *slot, unsigned int *number)
{
	const unsigned int slots = MOCK_PORTS * MOCK_PORT_SLOTS;
	const unsigned int slot0 = *slot == MOCK_ANY ? 0 : *slot;
	const unsigned int slot1 = *slot == MOCK_ANY ? slots : *slot + 1;
	const unsigned int nr0 = *number == MOCK_ANY ? 0 : *number;
	const unsigned int nr1 = *number == MOCK_ANY ? MOCK_SLOT_FNS : *number + 1;
	unsigned int s, n;

	for (n = nr0; n < nr1; n++) {
		for (s = slot0; s < slot1; s++) {
			if (!mock_place_has_room(host, s, n, vfs))
				continue;
			*slot = s;
			*number = n;
			return 0;
		}
	}
	return nr1 - nr0 == 1 && slot1 - slot0 == 1 &&
	       !mock_place_is_free(host, slot0, nr0) ? -EBUSY : -ENOSPC;
}

/* Have the PCI core find the function, and drivers bind to it. */
static int mock_fn_scan(struct mock_fn *fn)
{
	struct pci_dev *pdev = NULL;
	int ret = 0;

	pci_lock_rescan_remove();
	if (fn->port->pdev)
		pdev = pci_scan_single_device(fn->port->pdev->subordinate,
					      fn->devfn);
	if (fn->pdev)
		pci_bus_add_device(pdev);
	else
		ret = -ENODEV;
	if (pdev && ret)
		pci_stop_and_remove_bus_device(pdev);
	pci_unlock_rescan_remove();
	return ret;
}

static void mock_fn_free_work(struct work_struct *work)
{
	mock_fn_destroy(container_of(to_rcu_work(work), struct mock_fn,
				     free_work));
}

static void mock_vfs_leave(struct mock_fn *pf)
{
	struct mock_fn **vfs = pf->sriov->vfs;
	struct mock_port *port = pf->port;
	unsigned int i;

	for (i = 0; i < pf->conf.vfs; i++)
		RCU_INIT_POINTER(port->fns[vfs[i]->devfn], NULL);
	bitmap_clear(port->used, vfs[0]->devfn,
		     round_up(pf->conf.vfs, MOCK_SLOT_FNS));
}

/* The PCI core knows it no more; its place is free, itself a little later. */
static void mock_fn_leave(struct mock_fn *fn)
{
	struct mock_port *port = fn->port;

	if (fn->sriov)
		mock_vfs_leave(fn);
	RCU_INIT_POINTER(port->fns[fn->devfn], NULL);
	mock_slot_put(port, PCI_SLOT(fn->devfn));
	clear_bit(fn->devfn, port->used);
	if (fn->announced)
		mock_event_removed(fn);
	INIT_RCU_WORK(&fn->free_work, mock_fn_free_work);
	queue_rcu_work(mock_wq, &fn->free_work);
}

/* On return the lock of the host is held. */
static void mock_fn_unplug(struct mock_fn *fn)
{
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	pdev = pci_dev_get(fn->pdev);
	pci_unlock_rescan_remove();

	if (pdev && fn->gone)
		mock_err_pulled_out(pdev);
	/* Its user may take his time; nobody else shall wait for that. */
	if (fn->sriov)
		mock_sriov_unplug(fn);
	if (pdev)
		device_release_driver(&pdev->dev);
	pci_dev_put(pdev);

	mutex_lock(&fn->port->host->lock);
	pci_lock_rescan_remove();
	if (fn->pdev)
		pci_stop_and_remove_bus_device(fn->pdev);
	pci_unlock_rescan_remove();
}

static void mock_fn_del_work(struct work_struct *work)
{
	struct mock_fn *fn = container_of(work, struct mock_fn, del_work);
	struct mock_host *host = fn->port->host;

	mock_fn_unplug(fn);
	mock_fn_leave(fn);
	mutex_unlock(&host->lock);
}

static void mock_vfs_settle(struct mock_fn *pf, unsigned int devfn)
{
	struct mock_port *port = pf->port;
	unsigned int i;

	mock_sriov_settle(pf, devfn);
	bitmap_set(port->used, devfn, round_up(pf->conf.vfs, MOCK_SLOT_FNS));
	for (i = 0; i < pf->conf.vfs; i++)
		rcu_assign_pointer(port->fns[devfn + i], pf->sriov->vfs[i]);
}

static int mock_fn_settle(struct mock_host *host, struct mock_fn *fn,
			  unsigned int slot, unsigned int number)
{
	const unsigned int nr = slot / MOCK_PORT_SLOTS;
	const unsigned int device = slot % MOCK_PORT_SLOTS;
	struct mock_port *port;
	int ret = 0;

	if (!mock_port_of(host, nr))
		ret = mock_port_create(host, nr);
	if (ret)
		return ret;
	port = mock_port_of(host, nr);
	ret = port->pdev ? mock_slot_get(port, device) : -ENODEV;
	if (ret)
		return ret;
	fn->port = port;
	fn->devfn = PCI_DEVFN(device, number);
	if (!fn->name[0])
		snprintf(fn->name, sizeof(fn->name), "fn-%02x-%02x-%x", nr + 1,
			 device, number);
	INIT_WORK(&fn->del_work, mock_fn_del_work);
	set_bit(fn->devfn, port->used);
	if (fn->sriov)
		mock_vfs_settle(fn, mock_place_vfs(host, slot, fn->conf.vfs));
	rcu_assign_pointer(port->fns[fn->devfn], fn);
	return 0;
}

/* Return: its place. */
static unsigned int mock_fn_announce(struct mock_fn *fn)
{
	fn->announced = true;
	mock_event_added(fn);
	return mock_fn_place(fn);
}

/**
 * mock_fn_add - put a function in a place
 * @host: the host bridge
 * @fn: a new function, with a name or without; freed if this fails
 * @slot: bridge * 32 + device number, or MOCK_ANY
 * @number: function number, or MOCK_ANY
 *
 * When this returns the PCI core has found it, and drivers were asked.
 *
 * Context: may sleep.
 * Return: its place (from now on it may be removed by others), or an error:
 * -EEXIST if the name is in use, -EBUSY if the place is, -ENOSPC if there is
 * none, -ENODEV if the PCI core did not take it.
 */
int mock_fn_add(struct mock_host *host, struct mock_fn *fn, unsigned int slot,
		unsigned int number)
{
	int ret = -EEXIST;

	mutex_lock(&host->lock);
	if (!fn->name[0] || !mock_fn_find(host, fn->name))
		ret = mock_place_choose(host, fn->conf.vfs, &slot, &number);
	if (!ret)
		ret = mock_fn_settle(host, fn, slot, number);
	if (ret) {
		mock_fn_destroy(fn);
		goto out;
	}
	ret = mock_fn_scan(fn);
	if (!ret)
		ret = mock_fn_announce(fn);
	else if (!test_and_set_bit(0, &fn->leaving))
		mock_fn_leave(fn);
out:
	mutex_unlock(&host->lock);
	return ret;
}

/**
 * mock_fn_remove - begin to remove a function
 * @fn: the function
 * @surprise: it answers nothing any more, from now on
 *
 * It leaves when its user has let it go.
 *
 * Context: under rcu_read_lock(), or where the function cannot go.
 */
void mock_fn_remove(struct mock_fn *fn, bool surprise)
{
	if (surprise)
		WRITE_ONCE(fn->gone, true);
	if (!test_and_set_bit(0, &fn->leaving))
		queue_work(mock_del_wq, &fn->del_work);
}

/**
 * mock_fn_disable_vfs - remove all virtual functions
 * @host: the host bridge, to which nothing is added any more
 *
 * The PCI core does not survive the removal of a physical function that still
 * has them, which is what some drivers leave behind.
 */
void mock_fn_disable_vfs(struct mock_host *host)
{
	struct mock_fn *fn;
	unsigned int i;

	mutex_lock(&host->lock);
	for (i = 0; i < MOCK_EACH_PLACE; i++) {
		fn = mock_fn_at(host, i);
		if (fn && fn->sriov)
			mock_sriov_unplug(fn);
	}
	mutex_unlock(&host->lock);
}

/**
 * mock_fn_remove_all - free all functions and bridges
 * @host: the host bridge, about which the PCI core knows nothing any more
 */
void mock_fn_remove_all(struct mock_host *host)
{
	struct mock_port *port;
	struct mock_fn *fn;
	unsigned int i;

	mutex_lock(&host->lock);
	for (i = 0; i < MOCK_EACH_PLACE; i++) {
		fn = mock_fn_at(host, i);
		if (fn)
			mock_fn_leave(fn);
	}
	for (i = 0; i < MOCK_PORTS; i++) {
		port = mock_port_of(host, i);
		if (port)
			mock_port_destroy(port);
	}
	mutex_unlock(&host->lock);
	rcu_barrier();
	flush_workqueue(mock_wq);
}
