/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a driver or a test sees of a mock_vfio_pci function: its BARs, its
 * registers, the memory layouts it reads and writes by DMA, and the format of
 * its device state in a VFIO migration stream.
 *
 * Everything in registers, DMA memory and the state stream is little-endian.
 */
#ifndef _UAPI_LINUX_MOCK_VFIO_PCI_H
#define _UAPI_LINUX_MOCK_VFIO_PCI_H

#include <linux/types.h>

/* Default identity; not assigned to anyone in the PCI id database. */
#define MOCK_VFIO_VENDOR_ID		0x4d4f	/* "MO" */
#define MOCK_VFIO_DEVICE_ID		0x0001
#define MOCK_VFIO_PF_DEVICE_ID		0x0002	/* SR-IOV physical function */
#define MOCK_VFIO_VF_DEVICE_ID		0x0003	/* and its virtual ones */
/* The first PCI domain that the module's host bridge tries. */
#define MOCK_VFIO_DOMAIN_FIRST		0xf000

/**
 * enum mock_vfio_bar - the function's regions
 * @MOCK_VFIO_BAR_REGS: registers, 4 KiB, trapped (no mmap)
 * @MOCK_VFIO_BAR_MEM: device memory, mmapable as a whole; the part of it that
 *		      MEM_APERTURE says where the BAR is smaller
 * @MOCK_VFIO_BAR_MSIX: MSI-X table at offset 0, pending bits at half the BAR
 */
enum mock_vfio_bar {
	MOCK_VFIO_BAR_REGS	= 0,
	MOCK_VFIO_BAR_MEM	= 2,
	MOCK_VFIO_BAR_MSIX	= 4,
};

#define MOCK_VFIO_REGS_SIZE		0x1000

/*
 * Registers in MOCK_VFIO_BAR_REGS.
 *
 * Reads may have any size and alignment and have no side effects.  Writes must
 * be aligned and 4 or 8 bytes long (or a multiple of 4, taken as that many
 * 4-byte writes in ascending order); others fail with EINVAL.  Offsets with no
 * register read as 0 and ignore writes.  A 64-bit register is two 4-byte ones, low half
 * first.  "RO": writes are ignored.
 */
#define MOCK_VFIO_REG_MAGIC		0x000	/* RO, MOCK_VFIO_MAGIC */
#define MOCK_VFIO_REG_VERSION		0x004	/* RO, MOCK_VFIO_VERSION */
#define MOCK_VFIO_REG_FEATURES		0x008	/* RO, MOCK_VFIO_FEATURE_* */
#define MOCK_VFIO_REG_VECTORS		0x00c	/* RO, number of MSI-X vectors */
#define MOCK_VFIO_REG_MEM_SIZE		0x010	/* RO, 64 bit, bytes of device memory */
#define MOCK_VFIO_REG_CONTROL		0x018	/* MOCK_VFIO_CONTROL_* */
#define MOCK_VFIO_REG_STATUS		0x01c	/* RO, MOCK_VFIO_STATUS_* */
#define MOCK_VFIO_REG_IRQ_STATUS	0x020	/* RO, MOCK_VFIO_IRQ_*: causes seen */
#define MOCK_VFIO_REG_IRQ_ACK		0x024	/* WO, 1 clears a cause */
#define MOCK_VFIO_REG_IRQ_ENABLE	0x028	/* causes that assert INTx */
#define MOCK_VFIO_REG_IRQ_TRIGGER	0x02c	/* WO, raise this vector */
#define MOCK_VFIO_REG_ERROR_TRIGGER	0x030	/* WO, any write: report an uncorrectable,
						 * non-fatal error to the host, whose driver
						 * signals VFIO_PCI_ERR_IRQ_INDEX */
#define MOCK_VFIO_REG_MEM_APERTURE	0x038	/* 64 bit, offset in device memory of the
						 * BAR's first byte, see below */
#define MOCK_VFIO_REG_SCRATCH		0x040	/* 16 words that only keep their value */
#define MOCK_VFIO_NR_SCRATCH		16

/*
 * MEM_APERTURE: a multiple of 4096 with the whole BAR inside device memory; other
 * values are ignored.  The low half waits until the high half is written, which
 * moves the aperture to both of them; a high half alone is taken with the low
 * half in force.  Reads give what is in force.  The write that moves it ends when
 * no mapping shows the old place any more; accesses at the same time may go to
 * either.  The DMA engine and the traffic generator address all of device memory,
 * wherever the aperture is, and so does DMA to a BAR that was mapped for it: it
 * goes to what the BAR showed when it was mapped.
 */

/* The DMA engine: a ring of struct mock_vfio_desc in the guest's memory. */
#define MOCK_VFIO_REG_DMA_RING		0x080	/* 64 bit iova, multiple of 64 */
#define MOCK_VFIO_REG_DMA_SIZE		0x088	/* descriptors, power of two up to
						 * MOCK_VFIO_DMA_SIZE_MAX; 0 = off;
						 * a write sets HEAD and TAIL to 0 */
#define MOCK_VFIO_REG_DMA_HEAD		0x08c	/* RO, next one to run, free-running */
#define MOCK_VFIO_REG_DMA_TAIL		0x090	/* doorbell: one past the last one,
						 * free-running */
#define MOCK_VFIO_REG_DMA_DONE		0x098	/* RO, 64 bit, descriptors completed */
#define MOCK_VFIO_REG_DMA_BYTES		0x0a0	/* RO, 64 bit, bytes moved */
#define MOCK_VFIO_REG_DMA_FAULTS	0x0a8	/* RO, translations that failed */
#define MOCK_VFIO_REG_DMA_FAULT_IOVA	0x0b0	/* RO, 64 bit, the last such iova */

/*
 * The traffic generator.  Each tick adds one to SEQ and then, as CONTROL asks,
 * writes a struct mock_vfio_slot with it to a slot of the guest window and of the
 * device-memory window, and raises a vector, in that order.
 *
 * Each of the three happens at every n-th tick only, that is if SEQ is a multiple
 * of its EVERY (0 counts as 1).  Slots and vectors take turns: the slot is
 * (SEQ / EVERY - 1) % SLOTS, the vector VECTOR + (SEQ / EVERY - 1) % VECTORS.  So
 * from an old slot to the next one the number grows by EVERY, and the vectors
 * come in a known order; what is lost, repeated or reordered shows.
 */
#define MOCK_VFIO_REG_TRAFFIC_CONTROL	0x100	/* MOCK_VFIO_TRAFFIC_* */
#define MOCK_VFIO_REG_TRAFFIC_PERIOD	0x104	/* microseconds a tick, at least
						 * MOCK_VFIO_TRAFFIC_PERIOD_MIN */
#define MOCK_VFIO_REG_TRAFFIC_IOVA	0x108	/* 64 bit, guest window */
#define MOCK_VFIO_REG_TRAFFIC_SLOTS	0x110	/* slots in the guest window */
#define MOCK_VFIO_REG_TRAFFIC_STRIDE	0x114	/* bytes from slot to slot, multiple of 16,
						 * 16..4096, both windows; other
						 * values are ignored */
#define MOCK_VFIO_REG_TRAFFIC_MEM	0x118	/* 64 bit, offset in device memory */
#define MOCK_VFIO_REG_TRAFFIC_MEM_SLOTS	0x120	/* slots in the device-memory window */
#define MOCK_VFIO_REG_TRAFFIC_VECTOR	0x124	/* first vector raised by ticks */
#define MOCK_VFIO_REG_TRAFFIC_SEQ	0x128	/* RO, 64 bit, number of the last tick */
#define MOCK_VFIO_REG_TRAFFIC_DMA_EVERY	0x130	/* ticks from one write to guest memory
						 * to the next, 0 = 1 */
#define MOCK_VFIO_REG_TRAFFIC_MEM_EVERY	0x134	/* the same for device memory */
#define MOCK_VFIO_REG_TRAFFIC_IRQ_EVERY	0x138	/* the same for interrupts */
#define MOCK_VFIO_REG_TRAFFIC_VECTORS	0x13c	/* vectors that take turns, 0 = 1 */

#define MOCK_VFIO_MAGIC			0x4b434f4d	/* "MOCK" */
#define MOCK_VFIO_VERSION		0x00010001	/* major << 16 | minor */

#define MOCK_VFIO_FEATURE_DMA		(1U << 0)
#define MOCK_VFIO_FEATURE_TRAFFIC	(1U << 1)
#define MOCK_VFIO_FEATURE_APERTURE	(1U << 2)	/* the BAR does not show all of
							 * device memory at once */

#define MOCK_VFIO_CONTROL_ENABLE	(1U << 0)	/* DMA engine and traffic may run */
#define MOCK_VFIO_CONTROL_RESET		(1U << 1)	/* reset the function's registers
							 * and memory; reads as 0 */

#define MOCK_VFIO_STATUS_RUNNING	(1U << 0)	/* not stopped by migration */
#define MOCK_VFIO_STATUS_DMA_BUSY	(1U << 1)	/* HEAD != TAIL */
#define MOCK_VFIO_STATUS_TRAFFIC	(1U << 2)	/* ticks are due */
#define MOCK_VFIO_STATUS_DMA_ERROR	(1U << 3)	/* the engine stopped at HEAD: its
							 * descriptor cannot be read or has
							 * no valid place for the status;
							 * write DMA_SIZE to clear */

#define MOCK_VFIO_IRQ_DMA		(1U << 0)
#define MOCK_VFIO_IRQ_TRAFFIC		(1U << 1)
#define MOCK_VFIO_IRQ_TRIGGER		(1U << 2)
#define MOCK_VFIO_IRQ_ERROR		(1U << 3)
#define MOCK_VFIO_IRQ_ALL		0x0000000fU

#define MOCK_VFIO_TRAFFIC_ENABLE	(1U << 0)
#define MOCK_VFIO_TRAFFIC_DMA		(1U << 1)	/* write the guest window */
#define MOCK_VFIO_TRAFFIC_MEM		(1U << 2)	/* write device memory */
#define MOCK_VFIO_TRAFFIC_IRQ		(1U << 3)	/* raise the vector */

#define MOCK_VFIO_TRAFFIC_PERIOD_MIN	50
#define MOCK_VFIO_DMA_SIZE_MAX		65536
#define MOCK_VFIO_DMA_LENGTH_MAX	(16U << 20)

/**
 * enum mock_vfio_dma_op - what a descriptor asks for
 * @MOCK_VFIO_OP_NOP: nothing
 * @MOCK_VFIO_OP_TO_DEVICE: guest memory at src to device memory at dst
 * @MOCK_VFIO_OP_TO_GUEST: device memory at src to guest memory at dst
 * @MOCK_VFIO_OP_COPY: guest memory at src to guest memory at dst
 * @MOCK_VFIO_OP_FILL_DEVICE: pattern over device memory at dst
 * @MOCK_VFIO_OP_FILL_GUEST: pattern over guest memory at dst
 * @MOCK_VFIO_OP_DIGEST_DEVICE: CRC-32 (as zlib's crc32()) of device memory at src
 * @MOCK_VFIO_OP_DIGEST_GUEST: CRC-32 of guest memory at src
 * @MOCK_VFIO_NR_OPS: how many there are
 */
enum mock_vfio_dma_op {
	MOCK_VFIO_OP_NOP,
	MOCK_VFIO_OP_TO_DEVICE,
	MOCK_VFIO_OP_TO_GUEST,
	MOCK_VFIO_OP_COPY,
	MOCK_VFIO_OP_FILL_DEVICE,
	MOCK_VFIO_OP_FILL_GUEST,
	MOCK_VFIO_OP_DIGEST_DEVICE,
	MOCK_VFIO_OP_DIGEST_GUEST,
	MOCK_VFIO_NR_OPS,
};

/**
 * enum mock_vfio_dma_status - written to a descriptor when it is done
 * @MOCK_VFIO_DMA_PENDING: not done; the guest stores this before the doorbell
 * @MOCK_VFIO_DMA_OK: done
 * @MOCK_VFIO_DMA_FAULT: an iova has no mapping, or none for this direction
 * @MOCK_VFIO_DMA_RANGE: beyond device memory, or longer than the limit
 * @MOCK_VFIO_DMA_BAD_OP: no such operation
 */
enum mock_vfio_dma_status {
	MOCK_VFIO_DMA_PENDING,
	MOCK_VFIO_DMA_OK,
	MOCK_VFIO_DMA_FAULT,
	MOCK_VFIO_DMA_RANGE,
	MOCK_VFIO_DMA_BAD_OP,
};

#define MOCK_VFIO_DESC_IRQ		(1U << 0)	/* raise vector when done */

/**
 * struct mock_vfio_desc - a DMA descriptor, 64 bytes in the guest's ring
 * @op: enum mock_vfio_dma_op
 * @flags: MOCK_VFIO_DESC_*
 * @length: bytes, up to MOCK_VFIO_DMA_LENGTH_MAX
 * @vector: interrupt vector of MOCK_VFIO_DESC_IRQ
 * @src: source iova or offset in device memory
 * @dst: destination iova or offset in device memory
 * @pattern: for the FILL operations, repeated, low byte first
 * @result: written by the device: the digest
 * @status: written by the device, last: enum mock_vfio_dma_status
 * @reserved: 0
 * @cookie: the guest's own, not looked at
 */
struct mock_vfio_desc {
	__le32 op;
	__le32 flags;
	__le32 length;
	__le32 vector;
	__le64 src;
	__le64 dst;
	__le64 pattern;
	__le64 result;
	__le32 status;
	__le32 reserved;
	__le64 cookie;
};

/**
 * struct mock_vfio_slot - what a tick of the traffic generator writes
 * @seq: number of the tick, from 1
 * @check: ~seq, so that a torn or stray write shows
 */
struct mock_vfio_slot {
	__le64 seq;
	__le64 check;
};

/*
 * Device state, as read from and written to a VFIO migration data_fd.
 *
 *	stream := header record* end-record
 *	record := struct mock_vfio_state_record, payload[length]
 *
 * A reader refuses another major version, tolerates another minor one, refuses
 * a record type that it does not know unless the record says
 * MOCK_VFIO_RECORD_OPTIONAL, and applies nothing before all of it is verified:
 * each header and payload has a CRC-32 (as zlib's crc32()), records are numbered, and
 * the end record holds the count of records and bytes.  REGS comes exactly once.
 * A page of memory may come several times (in pre-copy it changes while it is
 * read), the last one counts; what no MEM record covers is zero.
 */
#define MOCK_VFIO_STATE_MAGIC		0x5453564dU	/* "MVST" */
#define MOCK_VFIO_STATE_MAJOR		2
#define MOCK_VFIO_STATE_MINOR		0
#define MOCK_VFIO_RECORD_MAGIC		0x4345524dU	/* "MREC" */

/**
 * struct mock_vfio_state_header - begin of the stream
 * @magic: MOCK_VFIO_STATE_MAGIC
 * @major: MOCK_VFIO_STATE_MAJOR
 * @minor: MOCK_VFIO_STATE_MINOR of the writer
 * @vendor: PCI vendor id of the source
 * @device: PCI device id of the source
 * @vectors: MSI-X vectors of the source
 * @mem_size: bytes of device memory of the source
 * @bar_size: bytes of the BAR that shows it
 * @reserved: 0
 * @crc: over all fields before it
 *
 * vendor, device, vectors, mem_size and bar_size must equal the destination's.
 */
struct mock_vfio_state_header {
	__le32 magic;
	__le16 major;
	__le16 minor;
	__le16 vendor;
	__le16 device;
	__le32 vectors;
	__le64 mem_size;
	__le64 bar_size;
	__le32 reserved;
	__le32 crc;
};

/**
 * enum mock_vfio_record_type - kinds of records
 * @MOCK_VFIO_RECORD_REGS: struct mock_vfio_state_regs
 * @MOCK_VFIO_RECORD_MEM: struct mock_vfio_state_mem, then that piece of memory
 * @MOCK_VFIO_RECORD_END: struct mock_vfio_state_end; nothing may follow
 */
enum mock_vfio_record_type {
	MOCK_VFIO_RECORD_REGS	= 1,
	MOCK_VFIO_RECORD_MEM	= 2,
	MOCK_VFIO_RECORD_END	= 3,
};

#define MOCK_VFIO_RECORD_OPTIONAL	(1U << 0)	/* may be skipped by a reader that
							 * does not know the type */
#define MOCK_VFIO_RECORD_LENGTH_MAX	(64U << 10)

/**
 * struct mock_vfio_state_record - header of each record
 * @magic: MOCK_VFIO_RECORD_MAGIC
 * @type: enum mock_vfio_record_type
 * @flags: MOCK_VFIO_RECORD_*
 * @seq: 0, 1, 2, ...
 * @length: bytes of payload, up to MOCK_VFIO_RECORD_LENGTH_MAX
 * @payload_crc: over the payload
 * @reserved: 0
 * @crc: over all fields before it
 */
struct mock_vfio_state_record {
	__le32 magic;
	__le32 type;
	__le32 flags;
	__le32 seq;
	__le32 length;
	__le32 payload_crc;
	__le32 reserved;
	__le32 crc;
};

/**
 * struct mock_vfio_state_regs - payload of MOCK_VFIO_RECORD_REGS
 * @control: register of that name, and so on
 * @irq_status: causes seen
 * @irq_enable: causes that assert INTx
 * @dma_error: 1 if the DMA engine stopped at an error
 * @scratch: the scratch words
 * @dma_ring: iova of the ring
 * @dma_size: descriptors in it
 * @dma_head: next to run
 * @dma_tail: one past the last
 * @dma_faults: translations that failed
 * @dma_fault_iova: the last of these
 * @dma_done: descriptors completed
 * @dma_bytes: bytes moved
 * @traffic_iova: guest window
 * @traffic_mem: device-memory window
 * @traffic_seq: number of the last tick
 * @mem_aperture: offset in device memory of the first byte of the BAR
 * @traffic_control: MOCK_VFIO_TRAFFIC_*
 * @traffic_period: microseconds a tick
 * @traffic_slots: slots in the guest window
 * @traffic_stride: bytes from slot to slot
 * @traffic_mem_slots: slots in the device-memory window
 * @traffic_vector: first vector raised by ticks
 * @traffic_dma_every: ticks from one write to guest memory to the next
 * @traffic_mem_every: the same for device memory
 * @traffic_irq_every: the same for interrupts
 * @traffic_vectors: vectors that take turns
 * @mem_aperture_low: low half of MEM_APERTURE, waiting for the high half
 * @pending_words: number of words of @pending, vectors / 32 rounded up
 * @pending: bit v % 32 of word v / 32: vector v is raised and not yet delivered
 */
struct mock_vfio_state_regs {
	__le32 control;
	__le32 irq_status;
	__le32 irq_enable;
	__le32 dma_error;
	__le32 scratch[MOCK_VFIO_NR_SCRATCH];
	__le64 dma_ring;
	__le32 dma_size;
	__le32 dma_head;
	__le32 dma_tail;
	__le32 dma_faults;
	__le64 dma_fault_iova;
	__le64 dma_done;
	__le64 dma_bytes;
	__le64 traffic_iova;
	__le64 traffic_mem;
	__le64 traffic_seq;
	__le64 mem_aperture;
	__le32 traffic_control;
	__le32 traffic_period;
	__le32 traffic_slots;
	__le32 traffic_stride;
	__le32 traffic_mem_slots;
	__le32 traffic_vector;
	__le32 traffic_dma_every;
	__le32 traffic_mem_every;
	__le32 traffic_irq_every;
	__le32 traffic_vectors;
	__le32 mem_aperture_low;
	__le32 pending_words;
	__le32 pending[];
};

/**
 * struct mock_vfio_state_mem - begin of the payload of MOCK_VFIO_RECORD_MEM
 * @offset: where in device memory, multiple of 4096; the rest of the payload,
 *	    a multiple of 4096 bytes, goes there
 */
struct mock_vfio_state_mem {
	__le64 offset;
};

/**
 * struct mock_vfio_state_end - payload of MOCK_VFIO_RECORD_END
 * @records: number of records before this one
 * @reserved: 0
 * @bytes: length of the stream up to the end of this record
 */
struct mock_vfio_state_end {
	__le32 records;
	__le32 reserved;
	__le64 bytes;
};

#endif /* _UAPI_LINUX_MOCK_VFIO_PCI_H */
