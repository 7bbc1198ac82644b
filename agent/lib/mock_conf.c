// SPDX-License-Identifier: GPL-2.0-or-later
/* Properties of a mock function: one table, and what is done along it. */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mnl.h"
#include "mock_conf.h"
#include "number.h"

/* In the order in which they are printed. */
const struct vfm_mock_prop vfm_mock_props[] = {
	{ "name", "name", MOCK_VFIO_PCI_A_FUNCTION_NAME, VFM_MOCK_TEXT, 0,
	  offsetof(struct vfm_mock_conf, name) },
	{ "address", "address", MOCK_VFIO_PCI_A_FUNCTION_ADDRESS, VFM_MOCK_TEXT,
	  0, offsetof(struct vfm_mock_conf, address) },
	{ "profile", "profile", MOCK_VFIO_PCI_A_FUNCTION_PROFILE, VFM_MOCK_TEXT,
	  0, offsetof(struct vfm_mock_conf, profile) },
	{ "slot", "slot", MOCK_VFIO_PCI_A_FUNCTION_SLOT, VFM_MOCK_COUNT, 4,
	  offsetof(struct vfm_mock_conf, slot) },
	{ "number", "number", MOCK_VFIO_PCI_A_FUNCTION_NUMBER, VFM_MOCK_COUNT, 4,
	  offsetof(struct vfm_mock_conf, number) },
	{ "vendor", "vendor-id", MOCK_VFIO_PCI_A_FUNCTION_VENDOR_ID,
	  VFM_MOCK_HEX, 2, offsetof(struct vfm_mock_conf, vendor) },
	{ "device", "device-id", MOCK_VFIO_PCI_A_FUNCTION_DEVICE_ID,
	  VFM_MOCK_HEX, 2, offsetof(struct vfm_mock_conf, device) },
	{ "subvendor", "subsystem-vendor-id",
	  MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_VENDOR_ID, VFM_MOCK_HEX, 2,
	  offsetof(struct vfm_mock_conf, subvendor) },
	{ "subdevice", "subsystem-id", MOCK_VFIO_PCI_A_FUNCTION_SUBSYSTEM_ID,
	  VFM_MOCK_HEX, 2, offsetof(struct vfm_mock_conf, subdevice) },
	{ "class", "class", MOCK_VFIO_PCI_A_FUNCTION_CLASS, VFM_MOCK_HEX, 4,
	  offsetof(struct vfm_mock_conf, class) },
	{ "revision", "revision", MOCK_VFIO_PCI_A_FUNCTION_REVISION,
	  VFM_MOCK_HEX, 1, offsetof(struct vfm_mock_conf, revision) },
	{ "memory", "mem-size", MOCK_VFIO_PCI_A_FUNCTION_MEM_SIZE,
	  VFM_MOCK_BYTES, 8, offsetof(struct vfm_mock_conf, mem_size) },
	{ "bar", "bar-size", MOCK_VFIO_PCI_A_FUNCTION_BAR_SIZE, VFM_MOCK_BYTES,
	  8, offsetof(struct vfm_mock_conf, bar_size) },
	{ "msi", "msi-vectors", MOCK_VFIO_PCI_A_FUNCTION_MSI_VECTORS,
	  VFM_MOCK_COUNT, 4, offsetof(struct vfm_mock_conf, msi) },
	{ "msix", "msix-vectors", MOCK_VFIO_PCI_A_FUNCTION_MSIX_VECTORS,
	  VFM_MOCK_COUNT, 4, offsetof(struct vfm_mock_conf, msix) },
	{ "intx", "intx", MOCK_VFIO_PCI_A_FUNCTION_INTX, VFM_MOCK_SWITCH, 1,
	  offsetof(struct vfm_mock_conf, intx) },
	{ "migration", "migration", MOCK_VFIO_PCI_A_FUNCTION_MIGRATION,
	  VFM_MOCK_CAPS, 4, offsetof(struct vfm_mock_conf, migration) },
	{ "vfs", "total-vfs", MOCK_VFIO_PCI_A_FUNCTION_TOTAL_VFS,
	  VFM_MOCK_COUNT, 4, offsetof(struct vfm_mock_conf, total_vfs) },
	{ "dirty-log", "dirty-log", MOCK_VFIO_PCI_A_FUNCTION_DIRTY_LOG,
	  VFM_MOCK_SWITCH, 1, offsetof(struct vfm_mock_conf, dirty_log) },
};

const unsigned int vfm_mock_nr_props =
	sizeof(vfm_mock_props) / sizeof(*vfm_mock_props);

/* By bit of enum mock_vfio_pci_migration. */
static const char * const caps[] = { "stop-copy", "p2p", "pre-copy" };

#define NR_CAPS	(sizeof(caps) / sizeof(*caps))

const char *vfm_mock_text(const struct vfm_mock_conf *c,
			  const struct vfm_mock_prop *p)
{
	return (const char *)c + p->offset;
}

uint64_t vfm_mock_number(const struct vfm_mock_conf *c,
			 const struct vfm_mock_prop *p)
{
	return *(const uint64_t *)((const char *)c + p->offset);
}

static void set_number(struct vfm_mock_conf *c, const struct vfm_mock_prop *p,
		       uint64_t v)
{
	*(uint64_t *)((char *)c + p->offset) = v;
	c->given |= 1U << p->attr;
}

static int set_text(struct vfm_mock_conf *c, const struct vfm_mock_prop *p,
		    const char *text)
{
	size_t n = strlen(text);

	if (!n || n > MOCK_VFIO_PCI_NAME_MAX)
		return -EINVAL;
	memcpy((char *)c + p->offset, text, n + 1);
	c->given |= 1U << p->attr;
	return 0;
}

const char *vfm_mock_caps_text(uint64_t migration, char *buf, size_t n)
{
	size_t i, used = 0;

	snprintf(buf, n, "none");
	for (i = 0; i < NR_CAPS; i++)
		if (migration & 1U << i && used < n)
			used += snprintf(buf + used, n - used, "%s%s",
					 used ? "," : "", caps[i]);
	return buf;
}

const char *vfm_mock_attr_word(unsigned int type)
{
	unsigned int i;

	for (i = 0; i < vfm_mock_nr_props; i++)
		if (vfm_mock_props[i].attr == type)
			return vfm_mock_props[i].word;
	return NULL;
}

/* --- words ------------------------------------------------------------ */

static const struct vfm_mock_prop *find(const char *word)
{
	unsigned int i;

	for (i = 0; i < vfm_mock_nr_props; i++)
		if (vfm_mock_props[i].attr != MOCK_VFIO_PCI_A_FUNCTION_ADDRESS &&
		    (!strcmp(vfm_mock_props[i].word, word) ||
		     !strcmp(vfm_mock_props[i].name, word)))
			return &vfm_mock_props[i];
	return NULL;
}

static int no_property(const char *word, struct vfm_error *e)
{
	size_t used, n = sizeof(e->hint);
	unsigned int i;

	vfm_fail(e, EINVAL, "%s: no such property", word);
	used = snprintf(e->hint, n, "there are");
	for (i = 0; i < vfm_mock_nr_props; i++)
		if (find(vfm_mock_props[i].word) && used < n)
			used += snprintf(e->hint + used, n - used, " %s",
					 vfm_mock_props[i].word);
	return -e->code;
}

static int parse_switch(const char *text, uint64_t *v)
{
	*v = !strcmp(text, "on");
	return *v || !strcmp(text, "off") ? 0 : -EINVAL;
}

static int parse_caps(const char *text, uint64_t *v)
{
	size_t i, n;

	*v = 0;
	if (!strcmp(text, "none"))
		return 0;
	for (;; text += n + 1) {
		n = strcspn(text, ",");
		for (i = 0; i < NR_CAPS; i++)
			if (n == strlen(caps[i]) && !memcmp(text, caps[i], n))
				break;
		if (i == NR_CAPS)
			return -EINVAL;
		*v |= 1U << i;
		if (!text[n])
			return 0;
	}
}

static int parse_value(const struct vfm_mock_prop *p, const char *text,
		       uint64_t *v)
{
	int ret = -EINVAL;

	switch (p->kind) {
	case VFM_MOCK_TEXT:
		break;
	case VFM_MOCK_COUNT:
		ret = vfm_parse_number(text, strlen(text), 0, v);
		break;
	case VFM_MOCK_HEX:
		ret = vfm_parse_number(text, strlen(text), 16, v);
		break;
	case VFM_MOCK_BYTES:
		ret = vfm_parse_size(text, strlen(text), v);
		break;
	case VFM_MOCK_SWITCH:
		ret = parse_switch(text, v);
		break;
	case VFM_MOCK_CAPS:
		ret = parse_caps(text, v);
		break;
	}
	if (!ret && p->bytes < 8 && *v >> (8 * p->bytes))
		ret = -ERANGE;
	return ret;
}

static int bad_value(const struct vfm_mock_prop *p, const char *text, int ret,
		     struct vfm_error *e)
{
	static const char * const expected[] = {
		[VFM_MOCK_TEXT] = "1 to 31 characters expected",
		[VFM_MOCK_COUNT] = "a number expected",
		[VFM_MOCK_HEX] = "a hexadecimal number expected",
		[VFM_MOCK_BYTES] = "bytes expected, with K, M or G behind or without",
		[VFM_MOCK_SWITCH] = "on or off expected",
		[VFM_MOCK_CAPS] = "none, or some of stop-copy,p2p,pre-copy expected",
	};

	if (ret == -ERANGE)
		return vfm_fail(e, ERANGE, "%s %s: at most %u bits expected",
				p->word, text, 8 * p->bytes);
	return vfm_fail(e, EINVAL, "%s \"%s\": %s", p->word, text,
			expected[p->kind]);
}

static int set_pair(struct vfm_mock_conf *c, const char *word,
		    const char *text, struct vfm_error *e)
{
	const struct vfm_mock_prop *p = find(word);
	uint64_t v;
	int ret;

	if (!p)
		return no_property(word, e);
	if (c->given & 1U << p->attr)
		return vfm_fail(e, EINVAL, "%s is given twice", p->word);
	if (p->kind == VFM_MOCK_TEXT) {
		ret = set_text(c, p, text);
	} else {
		ret = parse_value(p, text, &v);
		if (!ret)
			set_number(c, p, v);
	}
	return ret ? bad_value(p, text, ret, e) : 0;
}

int vfm_mock_conf_words(struct vfm_mock_conf *c, int n, char *const *words,
			struct vfm_error *e)
{
	int i = 0, ret = 0;

	memset(c, 0, sizeof(*c));
	/* Every property has one value, so an odd word is the name. */
	if (n % 2) {
		if (find(words[n - 1]) && (n == 1 || find(words[0])))
			return vfm_fail(e, EINVAL, "%s: its value is missing",
					words[n - 1]);
		ret = set_pair(c, "name", words[i++], e);
	}
	for (; !ret && i < n; i += 2)
		ret = set_pair(c, words[i], words[i + 1], e);
	return ret;
}

/* --- messages --------------------------------------------------------- */

static bool put_number(struct nlmsghdr *n, size_t size,
		       const struct vfm_mock_prop *p, uint64_t v)
{
	switch (p->bytes) {
	case 1:
		return mnl_attr_put_u8_check(n, size, p->attr, v);
	case 2:
		return mnl_attr_put_u16_check(n, size, p->attr, v);
	case 4:
		return mnl_attr_put_u32_check(n, size, p->attr, v);
	}
	/* What the spec calls a uint is as short as its value allows. */
	return v > UINT32_MAX ? mnl_attr_put_u64_check(n, size, p->attr, v) :
		mnl_attr_put_u32_check(n, size, p->attr, v);
}

int vfm_mock_conf_put(const struct vfm_mock_conf *c, struct nlmsghdr *n,
		      size_t size, struct vfm_error *e)
{
	const struct vfm_mock_prop *p = vfm_mock_props;
	uint64_t v;
	bool put;

	for (; p < vfm_mock_props + vfm_mock_nr_props; p++) {
		if (!(c->given & 1U << p->attr))
			continue;
		if (p->kind == VFM_MOCK_TEXT) {
			put = mnl_attr_put_strz_check(n, size, p->attr,
						      vfm_mock_text(c, p));
		} else {
			v = vfm_mock_number(c, p);
			if (p->bytes < 8 && v >> (8 * p->bytes))
				return vfm_fail(e, ERANGE, "%s %" PRIu64 ": at most %u bits expected",
						p->word, v, 8 * p->bytes);
			put = put_number(n, size, p, v);
		}
		if (!put)
			return vfm_fail(e, EMSGSIZE, "the request is too long");
	}
	return 0;
}

static int take(struct vfm_mock_conf *c, const struct vfm_mock_prop *p,
		const struct nlattr *a)
{
	uint64_t v;

	if (p->kind == VFM_MOCK_TEXT)
		return mnl_attr_validate(a, MNL_TYPE_NUL_STRING) ? -EINVAL :
			set_text(c, p, mnl_attr_get_str(a));
	if (vfm_mnl_number(a, &v))
		return -EINVAL;
	set_number(c, p, v);
	return 0;
}

int vfm_mock_conf_get(struct vfm_mock_conf *c, const struct nlmsghdr *n,
		      struct vfm_error *e)
{
	const struct nlattr *a;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	mnl_attr_for_each(a, n, GENL_HDRLEN) {
		for (i = 0; i < vfm_mock_nr_props; i++)
			if (vfm_mock_props[i].attr == mnl_attr_get_type(a))
				break;
		if (i < vfm_mock_nr_props && take(c, &vfm_mock_props[i], a))
			return vfm_fail(e, EPROTO, "the kernel's answer has a malformed %s",
					vfm_mock_props[i].name);
	}
	return 0;
}
