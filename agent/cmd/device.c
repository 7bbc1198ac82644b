// SPDX-License-Identifier: GPL-2.0-or-later
/* device list | info | state | reset */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "options.h"
#include "out.h"
#include "pci_state.h"

static void list_one(struct out *out, const struct vfm_found *f)
{
	out_line(out, NULL);
	out_text(out, "device", f->name);
	if (f->vendor)
		out_textf(out, "ids", "%04x:%04x", f->vendor, f->device);
	out_text(out, "driver", f->driver[0] ? f->driver : "-");
	if (f->group >= 0)
		out_u64(out, "group", f->group);
	out_text(out, "cdev", f->cdev[0] ? f->cdev : "-");
	out_bool(out, "in_use", vfm_in_use(f));
	out_end(out);
}

int cmd_device_list(const struct options *o)
{
	struct vfm_found *all;
	struct vfm_error e;
	unsigned int n, i;
	struct out out;

	if (vfm_find_all(&all, &n, &e))
		return command_failed(o, "device list", &e);
	out_init(&out, stdout, o->json);
	out_array(&out, NULL);
	for (i = 0; i < n; i++)
		list_one(&out, &all[i]);
	out_end(&out);
	free(all);
	return EXIT_DONE;
}

static const char *region_name(const struct vfm_device *d, uint32_t index,
			       char *buf, size_t n)
{
	if (!vfm_is_pci(d) || index >= VFIO_PCI_NUM_REGIONS)
		snprintf(buf, n, "region%u", index);
	else if (index <= VFIO_PCI_BAR5_REGION_INDEX)
		snprintf(buf, n, "bar%u", index);
	else
		snprintf(buf, n, "%s", index == VFIO_PCI_ROM_REGION_INDEX ?
			 "rom" : index == VFIO_PCI_CONFIG_REGION_INDEX ?
			 "config" : "vga");
	return buf;
}

static void print_region(struct out *out, struct vfm_device *d,
			 const struct vfm_region *r)
{
	char name[24];

	out_line(out, NULL);
	out_text(out, "region", region_name(d, r->index, name, sizeof(name)));
	out_u64(out, "size", r->size);
	out_textf(out, "access", "%s%s%s",
		  r->flags & VFIO_REGION_INFO_FLAG_READ ? "r" : "-",
		  r->flags & VFIO_REGION_INFO_FLAG_WRITE ? "w" : "-",
		  r->flags & VFIO_REGION_INFO_FLAG_MMAP ? "m" : "-");
	if (r->nr_sparse)
		out_u64(out, "mmap_areas", r->nr_sparse);
	if (r->type)
		out_textf(out, "type", "%x.%x", r->type, r->subtype);
	out_end(out);
}

static void print_regions(struct out *out, struct vfm_device *d)
{
	struct vfm_error ignored;
	struct vfm_region r;
	uint32_t i;

	out_array(out, "regions");
	for (i = 0; i < d->nr_regions; i++)
		if (!vfm_region_get(d, i, &r, &ignored) && r.size)
			print_region(out, d, &r);
	out_end(out);
}

static void print_irqs(struct out *out, struct vfm_device *d)
{
	static const char * const names[] = {
		"intx", "msi", "msix", "err", "req",
	};
	struct vfio_irq_info info;
	struct vfm_error ignored;
	uint32_t i;

	out_array(out, "interrupts");
	for (i = 0; i < d->nr_irqs; i++) {
		if (vfm_irq_get(d, i, &info, &ignored) || !info.count)
			continue;
		out_line(out, NULL);
		out_text(out, "type", vfm_is_pci(d) && i < 5 ? names[i] :
			 "other");
		out_u64(out, "vectors", info.count);
		out_bool(out, "maskable", info.flags & VFIO_IRQ_INFO_MASKABLE);
		out_end(out);
	}
	out_end(out);
}

static void print_caps(struct out *out, struct vfm_device *d)
{
	uint8_t config[VFM_PCI_CONFIG_SMALL];
	struct vfm_error ignored;
	struct vfm_region r;
	uint8_t at;
	int hops;

	if (!vfm_is_pci(d) ||
	    vfm_region_get(d, VFIO_PCI_CONFIG_REGION_INDEX, &r, &ignored) ||
	    vfm_region_read(d, &r, 0, config, sizeof(config), &ignored))
		return;
	out_textf(out, "ids", "%02x%02x:%02x%02x", config[1], config[0],
		  config[3], config[2]);
	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	out_array(out, "capabilities");
	at = config[PCI_CAPABILITY_LIST] & ~3;
	for (hops = 0; at >= PCI_STD_HEADER_SIZEOF && hops < 48; hops++) {
		out_textf(out, NULL, "0x%02x at 0x%02x", config[at], at);
		at = config[at + 1] & ~3;
	}
	out_end(out);
}

static void print_migration(struct out *out, struct vfm_device *d)
{
	struct vfm_error ignored;
	uint64_t size;

	out_object(out, "migration");
	out_bool(out, "supported", d->mig_flags);
	if (d->mig_flags) {
		out_bool(out, "stop_copy",
			 d->mig_flags & VFIO_MIGRATION_STOP_COPY);
		out_bool(out, "p2p", d->mig_flags & VFIO_MIGRATION_P2P);
		out_bool(out, "pre_copy",
			 d->mig_flags & VFM_MIGRATION_PRE_COPY);
		out_text(out, "state", vfm_state_name(d->state));
		if (!vfm_data_size(d, &size, &ignored))
			out_u64(out, "state_bytes", size);
	}
	out_bool(out, "dma_logging",
		 vfm_has_feature(d, VFIO_DEVICE_FEATURE_DMA_LOGGING_START));
	out_end(out);
}

static void print_info(struct out *out, struct vfm_device *d)
{
	out_bool(out, "reset", d->flags & VFIO_DEVICE_FLAGS_RESET);
	print_caps(out, d);
	print_regions(out, d);
	print_irqs(out, d);
	print_migration(out, d);
}

static int no_migration(struct vfm_device *d, struct vfm_error *e)
{
	vfm_fail(e, ENOTTY, "its driver does not support migration");
	vfm_error_where(e, "%s", d->name);
	return vfm_error_kind(e, VFM_INCOMPATIBLE);
}

/* Everything about a device that is open, and what @act does to it. */
static int with_device(const struct options *o, const char *command,
		       int (*act)(struct vfm_device *d, struct vfm_error *e),
		       void (*print)(struct out *out, struct vfm_device *d))
{
	struct vfm_device d;
	struct vfm_error e;
	struct out out;
	int ret = vfm_open(&d, o->args[0], o->backend, &e);

	if (ret)
		return command_failed(o, command, &e);
	ret = act ? act(&d, &e) : 0;
	if (ret) {
		vfm_close(&d);
		return command_failed(o, command, &e);
	}
	out_init(&out, stdout, o->json);
	out_object(&out, NULL);
	out_text(&out, "device", d.name);
	out_text(&out, "backend", vfm_backend_names[d.backend]);
	print(&out, &d);
	out_end(&out);
	ret = d.mig_flags && d.state == VFIO_DEVICE_STATE_ERROR ?
		EXIT_DEVICE_ERROR : EXIT_DONE;
	vfm_close(&d);
	return ret;
}

int cmd_device_info(const struct options *o)
{
	return with_device(o, "device info", NULL, print_info);
}

static int need_migration(struct vfm_device *d, struct vfm_error *e)
{
	return d->mig_flags ? 0 : no_migration(d, e);
}

static void print_state(struct out *out, struct vfm_device *d)
{
	out_text(out, "state", d->mig_flags ? vfm_state_name(d->state) : "-");
}

int cmd_device_state(const struct options *o)
{
	return with_device(o, "device state", need_migration, print_state);
}

int cmd_device_reset(const struct options *o)
{
	return with_device(o, "device reset", vfm_reset, print_state);
}
