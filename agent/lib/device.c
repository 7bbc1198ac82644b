// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be asked of an open VFIO device. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "device.h"

/* A kernel that wants more than this for a region's capabilities is wrong. */
#define REGION_INFO_MAX	(64U << 10)

static const char * const state_names[] = {
	"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING", "RUNNING_P2P",
	"PRE_COPY", "PRE_COPY_P2P",
};

const char *vfm_state_name(uint32_t state)
{
	return state < sizeof(state_names) / sizeof(*state_names) ?
		state_names[state] : "unknown";
}

bool vfm_is_pci(const struct vfm_device *d)
{
	return d->flags & VFIO_DEVICE_FLAGS_PCI;
}

static int failed(struct vfm_device *d, struct vfm_error *e)
{
	return vfm_error_where(e, "%s", d->name);
}

static void sparse_cap(const struct vfio_info_cap_header *h, size_t room,
		       struct vfm_region *r)
{
	const struct vfio_region_info_cap_sparse_mmap *s = (const void *)h;
	size_t max = sizeof(r->sparse) / sizeof(*r->sparse), i;

	if (room < sizeof(*s) ||
	    (room - sizeof(*s)) / sizeof(*s->areas) < s->nr_areas)
		return;
	for (i = 0; i < s->nr_areas && i < max; i++) {
		r->sparse[i].offset = s->areas[i].offset;
		r->sparse[i].size = s->areas[i].size;
	}
	r->nr_sparse = i;
}

static void type_cap(const struct vfio_info_cap_header *h, size_t room,
		     struct vfm_region *r)
{
	const struct vfio_region_info_cap_type *t = (const void *)h;

	if (room < sizeof(*t))
		return;
	r->type = t->type;
	r->subtype = t->subtype;
}

static void region_caps(const struct vfio_region_info *info, size_t n,
			struct vfm_region *r)
{
	const struct vfio_info_cap_header *h;
	size_t at = info->cap_offset;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return;
	while (at >= sizeof(*info) && at + sizeof(*h) <= n && !(at & 3)) {
		h = (const void *)((const char *)info + at);
		if (h->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			sparse_cap(h, n - at, r);
		if (h->id == VFIO_REGION_INFO_CAP_TYPE)
			type_cap(h, n - at, r);
		/* Only forward, so that the chain ends. */
		if (h->next <= at)
			return;
		at = h->next;
	}
}

/* Ask once for the size of the answer and once for the answer. */
static struct vfio_region_info *region_info(struct vfm_device *d,
					    uint32_t index,
					    struct vfm_error *e)
{
	struct vfio_region_info small = {
		.argsz = sizeof(small), .index = index,
	};
	struct vfio_region_info *info;
	uint32_t n;

	if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &small)) {
		vfm_fail_errno(e, "cannot get region %u", index);
		return NULL;
	}
	n = small.argsz < sizeof(small) ? sizeof(small) : small.argsz;
	info = n > REGION_INFO_MAX ? NULL : calloc(1, n);
	if (!info) {
		vfm_fail(e, ENOMEM, "region %u has %u bytes of information",
			 index, n);
		return NULL;
	}
	info->argsz = n;
	info->index = index;
	if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info)) {
		vfm_fail_errno(e, "cannot get region %u", index);
		free(info);
		return NULL;
	}
	info->argsz = n;
	return info;
}

int vfm_region_get(struct vfm_device *d, uint32_t index, struct vfm_region *r,
		   struct vfm_error *e)
{
	struct vfio_region_info *info = region_info(d, index, e);

	memset(r, 0, sizeof(*r));
	if (!info)
		return failed(d, e);
	r->index = index;
	r->flags = info->flags;
	r->size = info->size;
	r->offset = info->offset;
	region_caps(info, info->argsz, r);
	free(info);
	return 0;
}

static int region_io_failed(struct vfm_device *d, const struct vfm_region *r,
			    uint64_t at, ssize_t n, const char *what,
			    struct vfm_error *e)
{
	if (n < 0)
		vfm_fail_errno(e, "cannot %s region %u at 0x%" PRIx64, what,
			       r->index, at);
	else
		vfm_fail(e, EIO, "cannot %s region %u at 0x%" PRIx64 ": end of region",
			 what, r->index, at);
	return failed(d, e);
}

int vfm_region_read(struct vfm_device *d, const struct vfm_region *r,
		    uint64_t at, void *to, size_t n, struct vfm_error *e)
{
	ssize_t got;

	while (n) {
		got = pread(d->fd, to, n, r->offset + at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return region_io_failed(d, r, at, got, "read", e);
		to = (char *)to + got;
		at += got;
		n -= got;
	}
	return 0;
}

int vfm_region_write(struct vfm_device *d, const struct vfm_region *r,
		     uint64_t at, const void *from, size_t n,
		     struct vfm_error *e)
{
	ssize_t done;

	while (n) {
		done = pwrite(d->fd, from, n, r->offset + at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return region_io_failed(d, r, at, done, "write", e);
		from = (const char *)from + done;
		at += done;
		n -= done;
	}
	return 0;
}

void *vfm_region_map(struct vfm_device *d, const struct vfm_region *r,
		     struct vfm_error *e)
{
	void *p = MAP_FAILED;

	errno = EOPNOTSUPP;
	if (r->flags & VFIO_REGION_INFO_FLAG_MMAP)
		p = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 d->fd, r->offset);
	if (p != MAP_FAILED)
		return p;
	vfm_fail_errno(e, "cannot map region %u", r->index);
	failed(d, e);
	return NULL;
}

int vfm_irq_get(struct vfm_device *d, uint32_t index,
		struct vfio_irq_info *info, struct vfm_error *e)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->index = index;
	if (!ioctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, info))
		return 0;
	vfm_fail_errno(e, "cannot get interrupt type %u", index);
	return failed(d, e);
}

int vfm_irq_enable(struct vfm_device *d, uint32_t index, const int *fds,
		   uint32_t n, struct vfm_error *e)
{
	size_t size = sizeof(struct vfio_irq_set) + n * sizeof(*fds);
	struct vfio_irq_set *set = calloc(1, size);
	int ret = 0;

	if (!set)
		return vfm_fail(e, ENOMEM, "no memory for interrupts");
	set->argsz = size;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = n;
	memcpy(set->data, fds, n * sizeof(*fds));
	if (ioctl(d->fd, VFIO_DEVICE_SET_IRQS, set)) {
		vfm_fail_errno(e, "cannot enable %u interrupts of type %u", n,
			       index);
		ret = failed(d, e);
	}
	free(set);
	return ret;
}

int vfm_irq_disable(struct vfm_device *d, uint32_t index,
		    struct vfm_error *e)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
	};

	if (!ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &set))
		return 0;
	vfm_fail_errno(e, "cannot disable the interrupts of type %u", index);
	return failed(d, e);
}

struct state_feature {
	struct vfio_device_feature h;
	struct vfio_device_feature_mig_state s;
};

static int query_state(struct vfm_device *d)
{
	struct state_feature f = {
		.h.argsz = sizeof(f),
		.h.flags = VFIO_DEVICE_FEATURE_GET |
			   VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
	};

	if (ioctl(d->fd, VFIO_DEVICE_FEATURE, &f))
		return -errno;
	d->state = f.s.device_state;
	return 0;
}

int vfm_get_state(struct vfm_device *d, struct vfm_error *e)
{
	if (!query_state(d))
		return 0;
	vfm_fail_errno(e, "cannot get the migration state");
	return failed(d, e);
}

static int request_state(struct vfm_device *d, uint32_t state, int *data_fd)
{
	struct state_feature f = {
		.h.argsz = sizeof(f),
		.h.flags = VFIO_DEVICE_FEATURE_SET |
			   VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		.s.device_state = state,
		.s.data_fd = -1,
	};
	int ret;

	do {
		ret = ioctl(d->fd, VFIO_DEVICE_FEATURE, &f);
	} while (ret && errno == EINTR);
	*data_fd = ret ? -1 : f.s.data_fd;
	return ret ? -errno : 0;
}

static void record_step(struct vfm_device *d, const struct vfm_step *s)
{
	if (d->nr_steps < VFM_NR_STEPS)
		d->steps[d->nr_steps++] = *s;
}

/* The errnos with which a driver says what is wrong with its state. */
static void explain(struct vfm_error *e, uint32_t to)
{
	if (to != VFIO_DEVICE_STATE_STOP)
		return;
	if (e->code == ENODATA)
		vfm_error_hint(e, "the device state is truncated");
	else if (e->code == EBADMSG)
		vfm_error_hint(e, "the device state is damaged");
}

int vfm_set_state(struct vfm_device *d, uint32_t state, int *data_fd,
		  struct vfm_error *e)
{
	struct vfm_step s = {
		.from = d->state, .to = state, .begin_ns = vfm_now_ns(),
	};
	int fd, ret;

	ret = request_state(d, state, &fd);
	s.end_ns = vfm_now_ns();
	s.failed = -ret;
	record_step(d, &s);
	if (data_fd)
		*data_fd = fd;
	else if (fd >= 0)
		close(fd);
	if (!ret) {
		d->state = state;
		return 0;
	}
	query_state(d);
	errno = -ret;
	vfm_fail_errno(e, "cannot go from %s to %s, it is in %s now",
		       vfm_state_name(s.from), vfm_state_name(state),
		       vfm_state_name(d->state));
	explain(e, state);
	return failed(d, e);
}

int vfm_data_size(struct vfm_device *d, uint64_t *bytes, struct vfm_error *e)
{
	struct {
		struct vfio_device_feature h;
		uint64_t length;
	} f = {
		.h.argsz = sizeof(f),
		.h.flags = VFIO_DEVICE_FEATURE_GET | VFM_FEATURE_MIG_DATA_SIZE,
	};

	if (ioctl(d->fd, VFIO_DEVICE_FEATURE, &f)) {
		vfm_fail_errno(e, "cannot get the size of its state");
		return failed(d, e);
	}
	*bytes = f.length;
	return 0;
}

bool vfm_has_feature(struct vfm_device *d, uint32_t n)
{
	struct vfio_device_feature f = {
		.argsz = sizeof(f), .flags = VFIO_DEVICE_FEATURE_PROBE | n,
	};

	return !ioctl(d->fd, VFIO_DEVICE_FEATURE, &f);
}

int vfm_reset(struct vfm_device *d, struct vfm_error *e)
{
	if (ioctl(d->fd, VFIO_DEVICE_RESET)) {
		vfm_fail_errno(e, "cannot reset");
		return failed(d, e);
	}
	if (d->mig_flags)
		return vfm_get_state(d, e);
	return 0;
}
