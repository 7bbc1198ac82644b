/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio_mig: tracepoints.  A session has a number, for it outlives its device's
 * interest in it; times are in nanoseconds, sizes in bytes, errors negative.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_mig

#if !defined(VFIO_MIG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIO_MIG_TRACE_H

#include <linux/tracepoint.h>
#include <linux/vfio.h>

#define vfio_mig_state_names				\
	{ VFIO_DEVICE_STATE_ERROR, "ERROR" },		\
	{ VFIO_DEVICE_STATE_STOP, "STOP" },		\
	{ VFIO_DEVICE_STATE_RUNNING, "RUNNING" },	\
	{ VFIO_DEVICE_STATE_STOP_COPY, "STOP_COPY" },	\
	{ VFIO_DEVICE_STATE_RESUMING, "RESUMING" },	\
	{ VFIO_DEVICE_STATE_RUNNING_P2P, "RUNNING_P2P" }, \
	{ VFIO_DEVICE_STATE_PRE_COPY, "PRE_COPY" },	\
	{ VFIO_DEVICE_STATE_PRE_COPY_P2P, "PRE_COPY_P2P" }

TRACE_EVENT(vfio_mig_arc,
	TP_PROTO(struct vfio_device *vdev, u32 from, u32 to, int ret, u64 ns),
	TP_ARGS(vdev, from, to, ret, ns),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u32, from)
		__field(u32, to)
		__field(int, ret)
		__field(u64, ns)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->from = from;
		__entry->to = to;
		__entry->ret = ret;
		__entry->ns = ns;
	),
	TP_printk("%s %s -> %s ret=%d ns=%llu", __get_str(dev),
		  __print_symbolic(__entry->from, vfio_mig_state_names),
		  __print_symbolic(__entry->to, vfio_mig_state_names),
		  __entry->ret, __entry->ns)
);

TRACE_EVENT(vfio_mig_session_open,
	TP_PROTO(struct vfio_device *vdev, u64 session, u32 state),
	TP_ARGS(vdev, session, state),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u64, session)
		__field(u32, state)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->session = session;
		__entry->state = state;
	),
	TP_printk("%s session=%llu for %s", __get_str(dev), __entry->session,
		  __print_symbolic(__entry->state, vfio_mig_state_names))
);

TRACE_EVENT(vfio_mig_session_end,
	TP_PROTO(struct vfio_device *vdev, u64 session, u64 bytes, int err),
	TP_ARGS(vdev, session, bytes, err),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u64, session)
		__field(u64, bytes)
		__field(int, err)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->session = session;
		__entry->bytes = bytes;
		__entry->err = err;
	),
	TP_printk("%s session=%llu bytes=%llu err=%d", __get_str(dev),
		  __entry->session, __entry->bytes, __entry->err)
);

DECLARE_EVENT_CLASS(vfio_mig_transfer,
	TP_PROTO(u64 session, u64 pos, ssize_t ret),
	TP_ARGS(session, pos, ret),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, pos)
		__field(ssize_t, ret)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->pos = pos;
		__entry->ret = ret;
	),
	TP_printk("session=%llu pos=%llu ret=%zd", __entry->session,
		  __entry->pos, __entry->ret)
);

DEFINE_EVENT(vfio_mig_transfer, vfio_mig_read,
	TP_PROTO(u64 session, u64 pos, ssize_t ret), TP_ARGS(session, pos, ret));
DEFINE_EVENT(vfio_mig_transfer, vfio_mig_splice,
	TP_PROTO(u64 session, u64 pos, ssize_t ret), TP_ARGS(session, pos, ret));
DEFINE_EVENT(vfio_mig_transfer, vfio_mig_write,
	TP_PROTO(u64 session, u64 pos, ssize_t ret), TP_ARGS(session, pos, ret));

TRACE_EVENT(vfio_mig_precopy_info,
	TP_PROTO(u64 session, u64 initial, u64 dirty, u32 flags, int ret),
	TP_ARGS(session, initial, dirty, flags, ret),
	TP_STRUCT__entry(
		__field(u64, session)
		__field(u64, initial)
		__field(u64, dirty)
		__field(u32, flags)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->session = session;
		__entry->initial = initial;
		__entry->dirty = dirty;
		__entry->flags = flags;
		__entry->ret = ret;
	),
	TP_printk("session=%llu initial=%llu dirty=%llu flags=%#x ret=%d",
		  __entry->session, __entry->initial, __entry->dirty,
		  __entry->flags, __entry->ret)
);

TRACE_EVENT(vfio_mig_reset,
	TP_PROTO(struct vfio_device *vdev, u32 state),
	TP_ARGS(vdev, state),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u32, state)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->state = state;
	),
	TP_printk("%s in %s", __get_str(dev),
		  __print_symbolic(__entry->state, vfio_mig_state_names))
);

TRACE_EVENT(vfio_mig_dirty_report,
	TP_PROTO(struct vfio_device *vdev, u64 iova, u64 length, u64 dirty,
		 int ret),
	TP_ARGS(vdev, iova, length, dirty, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u64, iova)
		__field(u64, length)
		__field(u64, dirty)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->iova = iova;
		__entry->length = length;
		__entry->dirty = dirty;
		__entry->ret = ret;
	),
	TP_printk("%s iova=%#llx length=%llu dirty=%llu ret=%d", __get_str(dev),
		  __entry->iova, __entry->length, __entry->dirty, __entry->ret)
);

TRACE_EVENT(vfio_mig_fault,
	TP_PROTO(struct vfio_device *vdev, u32 point, int ret),
	TP_ARGS(vdev, point, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(vdev->dev))
		__field(u32, point)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->point = point;
		__entry->ret = ret;
	),
	TP_printk("%s %s ret=%d", __get_str(dev),
		  __print_symbolic(__entry->point,
				   { VFIO_MIG_FAULT_ARC, "arc" },
				   { VFIO_MIG_FAULT_READ, "read" },
				   { VFIO_MIG_FAULT_WRITE, "write" },
				   { VFIO_MIG_FAULT_PRECOPY_INFO, "precopy_info" }),
		  __entry->ret)
);

#endif /* VFIO_MIG_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
