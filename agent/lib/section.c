// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bodies of a vfio section.
 *
 *	START	SETUP EOS
 *	PART	DATA* (EOS | INIT_DATA_SENT)
 *	END	DATA* EOS
 *	FULL	CONFIG <PCI state> EOS
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "section.h"

static const char * const tag_names[] = {
	"unknown", "END_OF_STATE", "DEV_CONFIG_STATE", "DEV_SETUP_STATE",
	"DEV_DATA_STATE", "DEV_INIT_DATA_SENT", "DEV_CONFIG_LOAD_READY",
};

static const char * const section_names[] = {
	"", "START", "PART", "END", "FULL",
};

static const char *tag_name(uint64_t tag)
{
	uint64_t n = tag ^ VFM_TAG(0);

	return n < sizeof(tag_names) / sizeof(*tag_names) ? tag_names[n] :
		tag_names[0];
}

int vfm_put_tag(struct vfm_writer *w, uint64_t tag, struct vfm_error *e)
{
	return vfm_write_be(w, tag, 8, e);
}

int vfm_put_data(struct vfm_writer *w, const void *p, uint32_t n,
		 struct vfm_error *e)
{
	int ret = vfm_put_tag(w, VFM_TAG_DATA, e);

	if (!ret)
		ret = vfm_write_be(w, n, 8, e);
	return ret ? ret : vfm_write(w, p, n, e);
}

static int get_tag(struct vfm_reader *r, struct vfm_load *l, uint64_t *tag,
		   struct vfm_error *e)
{
	l->bytes.tags += 8;
	return vfm_read_be64(r, tag, "the tag of a vfio record", e);
}

/* @r stands behind the tag. */
static int bad_tag(struct vfm_reader *r, enum vfm_section_type type,
		   uint64_t tag, const char *expected, struct vfm_error *e)
{
	return vfm_fail_at(e, EINVAL, r->offset - 8,
			   "record tag 0x%016" PRIx64 " (%s) in a %s section, %s expected",
			   tag, tag_name(tag), section_names[type], expected);
}

static int want_eos(struct vfm_reader *r, struct vfm_load *l,
		    enum vfm_section_type type, struct vfm_error *e)
{
	uint64_t tag;
	int ret = get_tag(r, l, &tag, e);

	if (ret || tag == VFM_TAG_EOS)
		return ret;
	return bad_tag(r, type, tag, "END_OF_STATE", e);
}

static int give_data(struct vfm_reader *r, struct vfm_load *l, uint64_t n,
		     struct vfm_error *e)
{
	const void *p;
	ssize_t got;
	int ret;

	while (n) {
		got = vfm_borrow(r, &p, n, e);
		if (got < 0)
			return got;
		if (!got)
			return vfm_fail_at(e, ENODATA, r->offset,
					   "the stream ends inside a DATA record (%" PRIu64 " more bytes expected)",
					   n);
		ret = l->ops->data ? l->ops->data(l->ctx, p, got, e) : 0;
		if (ret) {
			e->has_offset = true;
			e->offset = r->offset;
			return ret;
		}
		vfm_consume(r, got);
		l->bytes.data += got;
		n -= got;
	}
	return 0;
}

static int data_record(struct vfm_reader *r, struct vfm_load *l,
		       struct vfm_error *e)
{
	uint64_t n;
	int ret = vfm_read_be64(r, &n, "the length of a DATA record", e);

	if (ret)
		return ret;
	if (n > VFM_DATA_MAX)
		return vfm_fail_at(e, EMSGSIZE, r->offset - 8,
				   "DATA record of %" PRIu64 " bytes, at most %u expected",
				   n, VFM_DATA_MAX);
	l->bytes.tags += 8;
	l->bytes.data_records++;
	return give_data(r, l, n, e);
}

static int init_sent(struct vfm_reader *r, struct vfm_load *l,
		     enum vfm_section_type type, struct vfm_error *e)
{
	if (type != VFM_SECTION_PART)
		return bad_tag(r, type, VFM_TAG_INIT_SENT, "DATA or END_OF_STATE",
			       e);
	if (l->switchover_ack)
		return 0;
	vfm_fail_at(e, EINVAL, r->offset - 8,
		    "DEV_INIT_DATA_SENT, but switchover-ack is not in use");
	return vfm_error_hint(e, "turn capability switchover-ack off at the source");
}

static int data_body(struct vfm_reader *r, struct vfm_load *l,
		     enum vfm_section_type type, struct vfm_error *e)
{
	uint64_t tag;
	int ret;

	for (;;) {
		ret = get_tag(r, l, &tag, e);
		if (ret || tag == VFM_TAG_EOS)
			return ret;
		if (tag == VFM_TAG_INIT_SENT)
			return init_sent(r, l, type, e);
		if (tag != VFM_TAG_DATA)
			return bad_tag(r, type, tag, "DATA or END_OF_STATE", e);
		ret = data_record(r, l, e);
		if (ret)
			return ret;
	}
}

static int start_body(struct vfm_reader *r, struct vfm_load *l,
		      struct vfm_error *e)
{
	uint64_t tag;
	int ret = get_tag(r, l, &tag, e);

	if (ret)
		return ret;
	if (tag != VFM_TAG_SETUP)
		return bad_tag(r, VFM_SECTION_START, tag, "DEV_SETUP_STATE", e);
	ret = want_eos(r, l, VFM_SECTION_START, e);
	if (ret || !l->ops->start)
		return ret;
	return l->ops->start(l->ctx, e);
}

static int no_config(struct vfm_reader *r, uint64_t tag, struct vfm_error *e)
{
	bad_tag(r, VFM_SECTION_FULL, tag, "DEV_CONFIG_STATE", e);
	if (tag == VFM_TAG_EOS || tag == VFM_TAG_LOAD_READY)
		vfm_error_hint(e, "the source transfers device state by multifd: turn x-migration-multifd-transfer off there");
	return -e->code;
}

static int full_body(struct vfm_reader *r, struct vfm_load *l,
		     struct vfm_error *e)
{
	uint64_t tag, at = r->offset;
	int ret = get_tag(r, l, &tag, e);

	if (ret)
		return ret;
	if (tag != VFM_TAG_CONFIG)
		return no_config(r, tag, e);
	ret = vfm_pci_get(r, l->state, l->config_size, l->pci, l->masks, e);
	if (ret)
		return ret;
	l->bytes.config += vfm_pci_state_bytes(l->state);
	ret = want_eos(r, l, VFM_SECTION_FULL, e);
	l->full_size = r->offset - at;
	return ret;
}

int vfm_section_body(struct vfm_reader *r, struct vfm_load *l,
		     enum vfm_section_type type, struct vfm_error *e)
{
	if (type == VFM_SECTION_START)
		return start_body(r, l, e);
	if (type == VFM_SECTION_FULL)
		return full_body(r, l, e);
	return data_body(r, l, type, e);
}
