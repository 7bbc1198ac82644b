/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the SR-IOV suites share: a PCI function in sysfs, named by its address.
 * Attributes are file names in its directory; errors are as in vt.h.
 */
#ifndef VT_SRIOV_H
#define VT_SRIOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vt.h"

/**
 * struct vt_resource - a row of the attribute "resource"
 * @start: first address
 * @end: last address
 */
struct vt_resource {
	uint64_t start;
	uint64_t end;
};

/* A physical function of the profile "sriov". */
void vt_pf_new(char bdf[32]);
int vt_set_numvfs(const char *pf, unsigned int n);
void vt_vf_bdf(const char *pf, unsigned int nr, char bdf[32]);
void vt_open_vf(struct vt_dev *dev, const char *pf, unsigned int nr);

bool vt_pci_has(const char *bdf, const char *attr);
bool vt_pci_is(const char *bdf, const char *attr, const char *text);
/* Is this the last part of what the link points to? */
bool vt_pci_links_to(const char *bdf, const char *attr, const char *name);
long vt_pci_number(const char *bdf, const char *attr);
int vt_pci_group(const char *bdf);
void vt_pci_config(const char *bdf, void *data, size_t len);
void vt_pci_resource(const char *bdf, unsigned int row, struct vt_resource *res);
void vt_pci_write(const char *bdf, const char *attr, const char *text);
/* By another program, which exits with 0 if that succeeds. */
pid_t vt_pci_write_in_background(const char *bdf, const char *attr,
				 const char *text);
/* The character device of a function that is bound to a vfio driver. */
void vt_pci_vfio_dev(const char *bdf, char path[64]);
/* How many PCI functions there are, of any kind. */
int vt_pci_count(void);

#endif /* VT_SRIOV_H */
