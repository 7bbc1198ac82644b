// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: interrupts.
 *
 * The INTx pin is the one interrupt of a small domain.  For MSI and MSI-X each
 * function has a parent domain, from which the PCI core makes the device's
 * own; a "message" is the number of the vector and never leaves the module,
 * which is why the domain may honestly say that it isolates messages.
 *
 * A vector that cannot be delivered now waits in the pending bits, which lie
 * in the MSI-X BAR where a driver sees them, whatever the kind of interrupt.
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/msi.h>

#include "mock.h"

#define MOCK_MSG_ADDRESS	0xfee00000U

static unsigned int mock_irq_vectors(const struct mock_conf *conf)
{
	return max3(conf->msi, conf->msix, 1U);
}

/**
 * mock_irq_bar_size - bytes of the MSI-X BAR
 * @conf: what the function is
 *
 * Return: a power of two, at least PAGE_SIZE.
 */
size_t mock_irq_bar_size(const struct mock_conf *conf)
{
	return max_t(size_t, PAGE_SIZE,
		     roundup_pow_of_two(2 * PCI_MSIX_ENTRY_SIZE *
					mock_irq_vectors(conf)));
}

/**
 * mock_irq_pending - the pending bits, one a vector
 * @fn: the function
 */
unsigned long *mock_irq_pending(const struct mock_fn *fn)
{
	return fn->irq.bar + fn->irq.bar_size / 2;
}

/* INTx */

static bool mock_intx_fires(const struct mock_fn *fn)
{
	return READ_ONCE(fn->irq.intx_level) && !READ_ONCE(fn->irq.gated) &&
	       mock_cfg_intx_enabled(fn);
}

static void mock_intx_mask(struct irq_data *data)
{
}

/* The line may have been asserted all the time. */
static void mock_intx_unmask(struct irq_data *data)
{
	struct mock_fn *fn = irq_data_get_irq_chip_data(data);

	if (mock_intx_fires(fn))
		irq_work_queue(&fn->irq.intx_work);
}

static struct irq_chip mock_intx_chip = {
	.name = "mock-intx",
	.irq_mask = mock_intx_mask,
	.irq_unmask = mock_intx_unmask,
};

static int mock_intx_map(struct irq_domain *domain, unsigned int virq,
			 irq_hw_number_t hwirq)
{
	irq_set_chip_data(virq, domain->host_data);
	irq_set_chip_and_handler(virq, &mock_intx_chip, handle_level_irq);
	irq_set_status_flags(virq, IRQ_LEVEL);
	return 0;
}

static const struct irq_domain_ops mock_intx_ops = {
	.map = mock_intx_map,
};

static void mock_intx_work(struct irq_work *work)
{
	struct mock_fn *fn = container_of(work, struct mock_fn, irq.intx_work);

	if (mock_intx_fires(fn))
		generic_handle_domain_irq_safe(fn->irq.intx_domain, 0);
}

static int mock_intx_init(struct mock_fn *fn, struct fwnode_handle *fwnode)
{
	struct irq_domain_info info = {
		.fwnode = fwnode, .size = 1, .hwirq_max = 1,
		.ops = &mock_intx_ops, .host_data = fn,
	};

	fn->irq.intx_domain = irq_domain_instantiate(&info);
	if (IS_ERR(fn->irq.intx_domain))
		return PTR_ERR(fn->irq.intx_domain);
	fn->irq.intx_virq = irq_create_mapping(fn->irq.intx_domain, 0);
	if (!fn->irq.intx_virq) {
		irq_domain_remove(fn->irq.intx_domain);
		return -ENOMEM;
	}
	return 0;
}

static void mock_intx_exit(struct mock_fn *fn)
{
	struct fwnode_handle *fwnode;

	if (!fn->conf.intx)
		return;
	fwnode = fn->irq.intx_domain->fwnode;
	irq_dispose_mapping(fn->irq.intx_virq);
	irq_domain_remove(fn->irq.intx_domain);
	irq_domain_free_fwnode(fwnode);
}

/* MSI and MSI-X */

static void mock_msi_ack(struct irq_data *data)
{
}

static void mock_msi_mask(struct irq_data *data)
{
}

/* What came while the vector was masked or had no handler is due now. */
static void mock_msi_unmask(struct irq_data *data)
{
	struct mock_fn *fn = irq_data_get_irq_chip_data(data);

	irq_work_queue(&fn->irq.flush_work);
}

static void mock_msi_compose(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = MOCK_MSG_ADDRESS;
	msg->data = data->hwirq;
}

static int mock_msi_affinity(struct irq_data *data, const struct cpumask *mask,
			     bool force)
{
	irq_data_update_effective_affinity(data, mask);
	return IRQ_SET_MASK_OK_DONE;
}

static struct irq_chip mock_msi_chip = {
	.name = "mock-msi",
	.irq_ack = mock_msi_ack,
	.irq_mask = mock_msi_mask,
	.irq_unmask = mock_msi_unmask,
	.irq_compose_msi_msg = mock_msi_compose,
	.irq_set_affinity = mock_msi_affinity,
};

static int mock_msi_alloc(struct irq_domain *domain, unsigned int virq,
			  unsigned int count, void *arg)
{
	msi_alloc_info_t *info = arg;
	unsigned int i;

	for (i = 0; i < count; i++)
		irq_domain_set_info(domain, virq + i, info->hwirq + i,
				    &mock_msi_chip, domain->host_data,
				    handle_edge_irq, NULL, NULL);
	return 0;
}

static const struct irq_domain_ops mock_msi_ops = {
	.alloc = mock_msi_alloc,
	.free = irq_domain_free_irqs_common,
};

static bool mock_msi_init_info(struct device *dev, struct irq_domain *domain,
			       struct irq_domain *parent,
			       struct msi_domain_info *info)
{
	const struct msi_parent_ops *ops = parent->msi_parent_ops;

	if (info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSI &&
	    info->bus_token != DOMAIN_BUS_PCI_DEVICE_MSIX)
		return false;
	info->flags &= ops->supported_flags;
	info->flags |= ops->required_flags;
	info->chip->irq_ack = irq_chip_ack_parent;
	info->chip->irq_set_affinity = irq_chip_set_affinity_parent;
	info->chip->flags |= IRQCHIP_SKIP_SET_WAKE;
	info->handler = handle_edge_irq;
	info->handler_name = "edge";
	return true;
}

static const struct msi_parent_ops mock_msi_parent_ops = {
	.supported_flags = MSI_GENERIC_FLAGS_MASK | MSI_FLAG_PCI_MSIX |
			   MSI_FLAG_MULTI_PCI_MSI | MSI_FLAG_PCI_MSIX_ALLOC_DYN,
	.required_flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS |
			  MSI_FLAG_PCI_MSI_MASK_PARENT,
	.prefix = "mock-",
	.init_dev_msi_info = mock_msi_init_info,
};

static int mock_msi_init(struct mock_fn *fn, struct fwnode_handle *fwnode)
{
	struct irq_domain_info info = {
		.fwnode = fwnode, .size = fn->irq.vectors,
		.hwirq_max = fn->irq.vectors,
		.domain_flags = IRQ_DOMAIN_FLAG_MSI_PARENT |
				IRQ_DOMAIN_FLAG_ISOLATED_MSI,
		.bus_token = DOMAIN_BUS_NEXUS,
		.ops = &mock_msi_ops, .host_data = fn,
	};

	fn->irq.msi_domain = irq_domain_instantiate(&info);
	if (IS_ERR(fn->irq.msi_domain))
		return PTR_ERR(fn->irq.msi_domain);
	fn->irq.msi_domain->msi_parent_ops = &mock_msi_parent_ops;
	return 0;
}

static void mock_msi_exit(struct mock_fn *fn)
{
	struct fwnode_handle *fwnode = fn->irq.msi_domain->fwnode;

	irq_domain_remove(fn->irq.msi_domain);
	irq_domain_free_fwnode(fwnode);
}

/* The message of a vector.  Return: false if it cannot be sent now. */
static bool mock_msi_message(struct mock_fn *fn, unsigned int vector, u32 *data)
{
	const __le32 *entry = fn->irq.bar + vector * PCI_MSIX_ENTRY_SIZE;

	if (!mock_cfg_msix_enabled(fn))
		return mock_cfg_msi_vector(fn, vector, data);
	if (mock_cfg_msix_masked(fn) ||
	    (le32_to_cpu(READ_ONCE(entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4])) &
	     PCI_MSIX_ENTRY_CTRL_MASKBIT))
		return false;
	*data = le32_to_cpu(READ_ONCE(entry[PCI_MSIX_ENTRY_DATA / 4]));
	return true;
}

/* Counted first: whoever has got it finds it counted. */
static void mock_msi_deliver(struct mock_fn *fn, unsigned int vector, u32 data)
{
	mock_count(fn, MOCK_INTERRUPTS, 1);
	atomic64_inc(&fn->irq.counts[vector]);
	generic_handle_domain_irq_safe(fn->irq.msi_domain, data);
}

/* Deliver what waits and can be delivered. */
static void mock_irq_flush(struct mock_fn *fn)
{
	unsigned long *pending = mock_irq_pending(fn);
	unsigned int vector;
	u32 data;

	if (READ_ONCE(fn->irq.gated))
		return;
	for_each_set_bit(vector, pending, fn->irq.vectors)
		if (mock_msi_message(fn, vector, &data) &&
		    test_and_clear_bit(vector, pending))
			mock_msi_deliver(fn, vector, data);
}

static void mock_irq_flush_work(struct irq_work *work)
{
	mock_irq_flush(container_of(work, struct mock_fn, irq.flush_work));
}

/**
 * mock_irq_raise - the device signals a vector
 * @fn: the function
 * @vector: which; ignored if the function has no such vector
 *
 * With neither MSI nor MSI-X enabled this does nothing: then a driver listens
 * to the pin.  A vector that is masked stays pending.
 *
 * Context: process.
 */
void mock_irq_raise(struct mock_fn *fn, unsigned int vector)
{
	if (vector >= fn->irq.vectors)
		return;
	if (mock_cfg_msix_enabled(fn) ? vector >= fn->conf.msix :
	    !mock_cfg_msi_enabled(fn))
		return;
	set_bit(vector, mock_irq_pending(fn));
	mock_irq_flush(fn);
}

/**
 * mock_irq_set_level - the device drives its INTx pin
 * @fn: the function
 * @asserted: the level
 *
 * Context: any.
 */
void mock_irq_set_level(struct mock_fn *fn, bool asserted)
{
	if (!fn->conf.intx || fn->irq.intx_level == asserted)
		return;
	if (asserted)
		mock_count(fn, MOCK_INTX, 1);
	WRITE_ONCE(fn->irq.intx_level, asserted);
	mock_cfg_set_intx(fn, asserted);
	if (mock_intx_fires(fn))
		irq_work_queue(&fn->irq.intx_work);
}

/**
 * mock_irq_gate - hold interrupts back, or let them out
 * @fn: the function
 * @gated: true while the device is stopped for migration
 *
 * When this returns with @gated set, nothing is being delivered any more.
 *
 * Context: may sleep; nobody raises a vector meanwhile.
 */
void mock_irq_gate(struct mock_fn *fn, bool gated)
{
	WRITE_ONCE(fn->irq.gated, gated);
	if (!gated) {
		mock_irq_config_changed(fn);
		return;
	}
	irq_work_sync(&fn->irq.intx_work);
	irq_work_sync(&fn->irq.flush_work);
}

/**
 * mock_irq_config_changed - what was held back may be deliverable now
 * @fn: the function
 *
 * Context: any; the PCI core's lock may be held, hence the works.
 */
void mock_irq_config_changed(struct mock_fn *fn)
{
	if (mock_intx_fires(fn))
		irq_work_queue(&fn->irq.intx_work);
	if (!bitmap_empty(mock_irq_pending(fn), fn->irq.vectors))
		irq_work_queue(&fn->irq.flush_work);
}

/**
 * mock_irq_reset_table - the MSI-X table as after a reset: all masked
 * @fn: the function
 *
 * Context: any.
 */
void mock_irq_reset_table(struct mock_fn *fn)
{
	__le32 *entry = fn->irq.bar;
	unsigned int i;

	memset(fn->irq.bar, 0, fn->irq.bar_size);
	for (i = 0; i < fn->conf.msix; i++)
		entry[4 * i + PCI_MSIX_ENTRY_VECTOR_CTRL / 4] =
			cpu_to_le32(PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

/**
 * mock_irq_attach - give the PCI core's view of a function its interrupts
 * @fn: the function
 * @pdev: the same, just added
 *
 * The pin's number in config space is 1, but pdev->pin stays 0: else ACPI
 * would look for a route that does not exist.
 */
void mock_irq_attach(struct mock_fn *fn, struct pci_dev *pdev)
{
	pdev->pin = 0;
	pdev->irq = fn->conf.intx ? fn->irq.intx_virq : 0;
	dev_set_msi_domain(&pdev->dev, fn->irq.msi_domain);
}

/**
 * mock_irq_alloc_pages - memory for MSI-X BARs
 * @size: bytes
 *
 * The PCI core maps the table with ioremap(), which takes reserved pages only.
 *
 * Return: zeroed memory, aligned to the next power of two; NULL if there is none.
 */
void *mock_irq_alloc_pages(size_t size)
{
	void *pages = alloc_pages_exact(size, GFP_KERNEL | __GFP_ZERO |
					__GFP_NOWARN);
	size_t i;

	for (i = 0; pages && i < size; i += PAGE_SIZE)
		SetPageReserved(virt_to_page(pages + i));
	return pages;
}

/**
 * mock_irq_free_pages - opposite of mock_irq_alloc_pages()
 * @pages: the memory
 * @size: bytes
 */
void mock_irq_free_pages(void *pages, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += PAGE_SIZE)
		ClearPageReserved(virt_to_page(pages + i));
	free_pages_exact(pages, size);
}

static int mock_irq_alloc_bar(struct mock_fn *fn)
{
	fn->irq.bar_size = mock_irq_bar_size(&fn->conf);
	fn->irq.bar = fn->pf ? mock_vf_msix_bar(fn) :
		      mock_irq_alloc_pages(fn->irq.bar_size);
	if (!fn->irq.bar)
		return -ENOMEM;
	mock_irq_reset_table(fn);
	return 0;
}

static void mock_irq_free_bar(struct mock_fn *fn)
{
	if (!fn->pf)
		mock_irq_free_pages(fn->irq.bar, fn->irq.bar_size);
}

static int mock_irq_init_domain(struct mock_fn *fn, const char *name,
				int (*init)(struct mock_fn *fn,
					    struct fwnode_handle *fwnode))
{
	static atomic_t next_id;
	struct fwnode_handle *fwnode;
	int ret;

	fwnode = irq_domain_alloc_named_id_fwnode(name,
						  atomic_inc_return(&next_id));
	if (!fwnode)
		return -ENOMEM;
	ret = init(fn, fwnode);
	if (ret)
		irq_domain_free_fwnode(fwnode);
	return ret;
}

/**
 * mock_irq_init - interrupts of a new function
 * @fn: the function, its properties set
 *
 * Return: 0 or an error.
 */
int mock_irq_init(struct mock_fn *fn)
{
	int ret;

	fn->irq.vectors = mock_irq_vectors(&fn->conf);
	fn->irq.intx_work = IRQ_WORK_INIT_HARD(mock_intx_work);
	fn->irq.flush_work = IRQ_WORK_INIT_HARD(mock_irq_flush_work);
	fn->irq.counts = kvcalloc(fn->irq.vectors, sizeof(*fn->irq.counts),
				  GFP_KERNEL);
	if (!fn->irq.counts)
		return -ENOMEM;
	ret = mock_irq_alloc_bar(fn);
	if (ret)
		goto err_counts;
	if (fn->conf.intx)
		ret = mock_irq_init_domain(fn, "mock-intx", mock_intx_init);
	if (ret)
		goto err_bar;
	ret = mock_irq_init_domain(fn, "mock-msi", mock_msi_init);
	if (ret)
		goto err_intx;
	return 0;

err_intx:
	mock_intx_exit(fn);
err_bar:
	mock_irq_free_bar(fn);
err_counts:
	kvfree(fn->irq.counts);
	return ret;
}

/**
 * mock_irq_exit - opposite of mock_irq_init()
 * @fn: the function, of which the PCI core knows no more
 */
void mock_irq_exit(struct mock_fn *fn)
{
	irq_work_sync(&fn->irq.intx_work);
	irq_work_sync(&fn->irq.flush_work);
	mock_msi_exit(fn);
	mock_intx_exit(fn);
	mock_irq_free_bar(fn);
	kvfree(fn->irq.counts);
}
