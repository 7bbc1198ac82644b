/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of mock_vfio_pci.ko share.
 *
 * Three layers, each knows only the ones before it:
 *   fake hardware  bus.c port.c place.c config.c iommu.c pgtable.c irq.c error.c
 *		    sriov.c
 *   device model   profile.c device.c regs.c dma.c mem.c aperture.c peer.c
 *		    traffic.c
 *   variant driver vfio.c bars.c migration.c state.c load.c log.c
 * and the control plane, netlink.c stats.c events.c, which has functions made and
 * removed and tells of them, and pf.c, the driver of physical functions.
 */
#ifndef MOCK_VFIO_PCI_H
#define MOCK_VFIO_PCI_H

#include <linux/hrtimer.h>
#include <linux/iommu.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci_hotplug.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/mock_vfio_pci.h>
#include <linux/mock_vfio_pci_nl.h>

#define MOCK_FUNCTIONS_MAX	1024
#define MOCK_MSI_VECTORS_MAX	32
#define MOCK_MSIX_VECTORS_MAX	2048
#define MOCK_MEM_SIZE_MIN	SZ_4K
#define MOCK_MEM_SIZE_MAX	SZ_16G
#define MOCK_VFS_MAX		128
#define MOCK_VF_BARS_MAX	SZ_4M
#define MOCK_CFG_SIZE		4096
#define MOCK_PORTS		8
#define MOCK_PORT_SLOTS		32
#define MOCK_SLOT_FNS		8
#define MOCK_PORT_FNS		(MOCK_PORT_SLOTS * MOCK_SLOT_FNS)
#define MOCK_PORT_SPACE		128
#define MOCK_NAME_SIZE		(MOCK_VFIO_PCI_NAME_MAX + 1)

struct irq_domain;
struct mock_fn;
struct mock_host;
struct mock_port;
struct mock_sriov;
struct mock_vfio;

/**
 * struct mock_conf - what kind of device a function is
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @subvendor: PCI subsystem vendor id
 * @subdevice: PCI subsystem id
 * @class: PCI class code, three bytes
 * @revision: PCI revision id
 * @intx: it has an interrupt pin
 * @msi: MSI vectors, 0 or a power of two
 * @msix: MSI-X vectors
 * @vfs: virtual functions, more than 0 for a physical function
 * @mig: VFIO_MIGRATION_*, 0 if it cannot be migrated; what is asked for with
 *	 @vfs is for these, a physical function cannot
 * @dirty_log: it can log what it writes by DMA
 * @mem_size: bytes of device memory
 * @bar_size: bytes of the BAR that shows it
 */
struct mock_conf {
	u16 vendor;
	u16 device;
	u16 subvendor;
	u16 subdevice;
	u32 class;
	u8 revision;
	bool intx;
	u32 msi;
	u32 msix;
	u32 vfs;
	u32 mig;
	bool dirty_log;
	u64 mem_size;
	u64 bar_size;
};

/**
 * struct mock_cfg - configuration space of a function
 * @space: what a read sees
 * @wmask: bits that a write changes
 * @lock: serializes writers against compound readers; innermost
 */
struct mock_cfg {
	u8 space[MOCK_CFG_SIZE];
	u8 wmask[MOCK_CFG_SIZE];
	raw_spinlock_t lock;
};

/**
 * struct mock_irq - interrupt side of a function
 * @intx_domain: one interrupt, the INTx pin, if there is one
 * @intx_virq: Linux interrupt of the pin
 * @msi_domain: parent of the domains that the PCI core makes for MSI and MSI-X
 * @vectors: most vectors that it can have raised, by MSI or MSI-X
 * @bar_size: bytes of the MSI-X BAR
 * @bar: the MSI-X BAR: table, and pending bits from the middle on
 * @intx_work: runs the INTx handlers, for places that cannot
 * @flush_work: delivers pending vectors, for places that cannot
 * @intx_level: the device model asserts the pin
 * @gated: nothing is delivered: the device is stopped for migration
 * @counts: how often each vector was delivered
 */
struct mock_irq {
	struct irq_domain *intx_domain;
	unsigned int intx_virq;
	struct irq_domain *msi_domain;
	unsigned int vectors;
	size_t bar_size;
	void *bar;
	struct irq_work intx_work;
	struct irq_work flush_work;
	bool intx_level;
	bool gated;
	atomic64_t *counts;
};

/**
 * struct mock_peers - device memory that an I/O page table holds
 * @pages: how often it maps a page, by frame number; marked while that is 0
 * @synced: pages that are marked are no longer used by DMA
 */
struct mock_peers {
	struct xarray pages;
	bool synced;
};

/**
 * struct mock_pt - an I/O page table, four levels of 512 entries
 * @lock: serializes those who change it
 * @dma: held for reading by DMA while it uses a translation
 * @top: the first level
 * @unlinked: table pages to be freed by the next mock_pt_sync(), under @lock
 * @peers: device memory that it maps
 * @track: writes by DMA are noted, under @dma
 */
struct mock_pt {
	struct mutex lock;
	struct rw_semaphore dma;
	u64 *top;
	struct list_head unlinked;
	struct mock_peers peers;
	bool track;
};

/**
 * struct mock_leaf - a translation
 * @pte: its entry in the table
 * @paddr: the physical address
 * @len: bytes from there to the end of the page
 * @peer: the page is device memory
 */
struct mock_leaf {
	u64 *pte;
	u64 paddr;
	u64 len;
	bool peer;
};

/**
 * struct mock_dma_watch - somebody who wants to know what DMA writes
 * @wrote: the function has written memory, before it tells its driver.  Context:
 *	   process, no waiting for DMA
 */
struct mock_dma_watch {
	void (*wrote)(struct mock_dma_watch *watch, u64 iova, u64 len);
};

struct mock_mem;

/**
 * struct mock_watch - somebody who wants to know what changes in device memory
 * @dirtied: there is a dirty page where there was none.  Context: process, no
 *	     sleeping
 * @protect: see to it that writes through mappings of this range are noticed
 */
struct mock_watch {
	void (*dirtied)(struct mock_mem *mem);
	void (*protect)(struct mock_mem *mem, u64 offset, u64 len);
};

/**
 * struct mock_mem - device memory, in pages that exist once touched
 * @pages: page n of device memory, marked while it is dirty
 * @size: bytes, multiple of PAGE_SIZE
 * @watch: set as long as changes are noted, under the lock of @pages
 * @dirty: number of dirty pages, likewise
 * @used: number of pages that were written since all of it was zero, likewise
 * @map_lock: held for reading while a page is marked dirty and mapped, for
 *	      writing while mappings are undone; see aperture.c
 * @base: where the aperture begins, under @map_lock
 * @window: bytes of the aperture, the size of the BAR
 * @zap: undoes all mappings of the BAR, under @map_lock.  Context: may sleep
 */
struct mock_mem {
	struct xarray pages;
	u64 size;
	const struct mock_watch *watch;
	unsigned long dirty;
	unsigned long used;
	struct rw_semaphore map_lock;
	u64 base;
	u64 window;
	void (*zap)(struct mock_mem *mem);
};

/**
 * enum mock_level - how much of the device runs
 * @MOCK_STOPPED: no DMA, no interrupt, no change of state by itself
 * @MOCK_P2P: starts no DMA, and so no traffic; answers
 * @MOCK_RUNNING: everything
 */
enum mock_level {
	MOCK_STOPPED,
	MOCK_P2P,
	MOCK_RUNNING,
};

/*
 * The registers of a function, in CPU byte order, named as in the uapi header,
 * where they are described; mem_aperture_low is the low half that waits for the
 * high one.  All zero after a reset.
 */
struct mock_regs {
	u32 control;
	u32 irq_status;
	u32 irq_enable;
	u32 scratch[MOCK_VFIO_NR_SCRATCH];
	u64 mem_aperture;
	u32 mem_aperture_low;
	u64 dma_ring;
	u32 dma_size;
	u32 dma_head;
	u32 dma_tail;
	u32 dma_error;
	u64 dma_done;
	u64 dma_bytes;
	u32 dma_faults;
	u64 dma_fault_iova;
	u32 traffic_control;
	u32 traffic_period;
	u64 traffic_iova;
	u32 traffic_slots;
	u32 traffic_stride;
	u64 traffic_mem;
	u32 traffic_mem_slots;
	u32 traffic_vector;
	u64 traffic_seq;
	u32 traffic_dma_every;
	u32 traffic_mem_every;
	u32 traffic_irq_every;
	u32 traffic_vectors;
};

/**
 * struct mock_dev - the device model of a function
 * @lock: protects @regs, @level and @resets
 * @regs: the registers
 * @level: set by migration
 * @mem: device memory
 * @tick: the traffic generator's clock
 * @ticks: 1 if a tick is due
 * @work: runs descriptors and ticks, one at a time
 * @resets: how often a reset has reached it
 */
struct mock_dev {
	struct mutex lock;
	struct mock_regs regs;
	enum mock_level level;
	struct mock_mem mem;
	struct hrtimer tick;
	atomic_t ticks;
	struct work_struct work;
	unsigned int resets;
};

/*
 * What is counted of a function, beside its vectors and its migration; described
 * in uapi/netlink/mock_vfio_pci.yaml.
 */
enum mock_counter {
	MOCK_DMA_BYTES_READ,
	MOCK_DMA_BYTES_WRITTEN,
	MOCK_DMA_DESCRIPTORS,
	MOCK_DMA_FAULTS,
	MOCK_INTERRUPTS,
	MOCK_INTX,
	MOCK_PAGES_RESENT,
	MOCK_BUS_RESETS,
	MOCK_REGISTER_RESETS,
	MOCK_NR_COUNTERS,
};

/**
 * struct mock_fn - one PCI function that exists only in software
 * @port: the bridge that it sits below
 * @devfn: its device and function number there
 * @name: what the control plane calls it
 * @profile: what it was made from
 * @conf: what it is
 * @pdev: the PCI core's view of it, as long as it has one; set and cleared
 *	  under pci_lock_rescan_remove()
 * @sriov: of a physical function: its virtual ones
 * @pf: of a virtual function: its physical one
 * @vf: of a virtual function: its number, from 0
 * @vfio: the VFIO device that it is, as long as it is bound; see mock_vfio_get()
 * @announced: there was an event that says that it is there
 * @gone: pulled out: it answers nothing
 * @leaving: its removal has begun
 * @del_work: removes it
 * @free_work: frees it, once nobody can have found it on the bus
 * @cfg: configuration space
 * @window: addresses of the BARs that no memory stands behind
 * @irq: interrupts
 * @domain_lock: protects @domain and @dma_watch; held for reading during DMA
 * @domain: the I/O page table in use, or NULL: all DMA faults
 * @dma_watch: set as long as writes by DMA are noted
 * @dev: the device model
 * @flr_work: does what a function level reset does to the device model
 * @err_work: tells the driver of an error
 * @counters: what it has done
 */
struct mock_fn {
	struct mock_port *port;
	unsigned int devfn;
	char name[MOCK_NAME_SIZE];
	const char *profile;
	struct mock_conf conf;
	struct pci_dev *pdev;
	struct mock_sriov *sriov;
	struct mock_fn *pf;
	unsigned int vf;
	struct mock_vfio *vfio;
	bool announced;
	bool gone;
	unsigned long leaving;
	struct work_struct del_work;
	struct rcu_work free_work;
	struct mock_cfg cfg;
	struct resource window;
	struct mock_irq irq;
	struct rw_semaphore domain_lock;
	struct mock_pt *domain;
	struct mock_dma_watch *dma_watch;
	struct mock_dev dev;
	struct work_struct flr_work;
	struct work_struct err_work;
	atomic64_t counters[MOCK_NR_COUNTERS];
};

/* Context: any. */
static inline void mock_count(struct mock_fn *fn, enum mock_counter counter, u64 n)
{
	atomic64_add(n, &fn->counters[counter]);
}

/**
 * struct mock_io - a function's access to memory, while translations are held
 * @fn: the function
 * @pt: what it goes through
 * @peers: device memory is held, too
 */
struct mock_io {
	struct mock_fn *fn;
	struct mock_pt *pt;
	bool peers;
};

/**
 * struct mock_span - memory that a function may access in one go
 * @data: where the CPU sees it
 * @len: bytes
 * @leaf: the translation
 * @mem: device memory of a function, if it is that
 * @offset: where in @mem
 */
struct mock_span {
	void *data;
	size_t len;
	struct mock_leaf leaf;
	struct mock_mem *mem;
	u64 offset;
};

extern struct workqueue_struct *mock_wq;
extern struct workqueue_struct *mock_del_wq;

/* main.c */
struct mock_fn *mock_fn_create(const struct mock_conf *conf);
struct mock_fn *mock_vf_create(struct mock_fn *pf, unsigned int nr);
void mock_fn_destroy(struct mock_fn *fn);

/* profile.c */
const struct mock_conf *mock_profile_find(const char *name,
					  const char **canonical);
const char *mock_conf_wrong(const struct mock_conf *conf, unsigned int *attr);
bool mock_conf_is_native(const struct mock_conf *conf);
void mock_conf_set_vfs(struct mock_conf *conf, u32 vfs);

/* bus.c */
/**
 * struct mock_host - a host bridge
 * @sysdata: what x86 wants to know of a root bus
 * @bridge: the PCI core's view of it
 * @busn: its bus numbers
 * @window: its addresses
 * @lock: held while functions come and go
 * @ports: bridges below it, each made when it is needed
 *
 * Lies in the memory of @bridge, for whoever still holds a reference to one of
 * the removed devices may look at the bus and its sysdata.
 */
struct mock_host {
	struct pci_sysdata sysdata;
	struct pci_host_bridge *bridge;
	struct resource busn;
	struct resource window;
	struct mutex lock;
	struct mock_port __rcu *ports[MOCK_PORTS];
};

struct mock_host *mock_host_create(void);
void mock_host_destroy(struct mock_host *host);
struct mock_fn *mock_fn_of(struct pci_dev *pdev);
int mock_bus_init(void);
void mock_bus_exit(void);

/* port.c */
/**
 * struct mock_slot - a place for a device of up to eight functions
 * @hotplug: how VFIO resets all of them at once
 * @fns: functions there
 */
struct mock_slot {
	struct hotplug_slot hotplug;
	unsigned int fns;
};

/**
 * struct mock_port - a PCI bridge with functions on its secondary bus
 * @host: the host bridge above it
 * @nr: its device number; the secondary bus is @nr + 1
 * @space: its configuration space, of which nothing lies behind
 * @lock: serializes writers of @space
 * @space_root: parent of @window
 * @window: addresses that BARs on the secondary bus may have
 * @pdev: the PCI core's view of it, as long as it has one; set and cleared
 *	  under pci_lock_rescan_remove()
 * @used: places that are taken, under the lock of @host
 * @slots: NULL where no function is, likewise
 * @fns: functions by devfn; changes under the lock of @host
 * @rcu: frees it
 */
struct mock_port {
	struct mock_host *host;
	unsigned int nr;
	u8 space[MOCK_PORT_SPACE];
	raw_spinlock_t lock;
	struct resource space_root;
	struct resource window;
	struct pci_dev *pdev;
	DECLARE_BITMAP(used, MOCK_PORT_FNS);
	struct mock_slot *slots[MOCK_PORT_SLOTS];
	struct mock_fn __rcu *fns[MOCK_PORT_FNS];
	struct rcu_head rcu;
};

int mock_port_create(struct mock_host *host, unsigned int nr);
void mock_port_destroy(struct mock_port *port);
int mock_port_read(struct mock_port *port, int where, int size, u32 *val);
int mock_port_write(struct mock_port *port, int where, int size, u32 val);
int mock_slot_get(struct mock_port *port, unsigned int device);
void mock_slot_put(struct mock_port *port, unsigned int device);
void mock_slots_remove(struct mock_port *port);

/* place.c */
#define MOCK_ANY	(~0U)
#define MOCK_EACH_PLACE	(MOCK_PORTS * MOCK_PORT_FNS)

struct mock_fn *mock_fn_or_vf_at(struct mock_host *host, unsigned int place);
struct mock_fn *mock_fn_at(struct mock_host *host, unsigned int place);
struct mock_fn *mock_fn_find(struct mock_host *host, const char *name);
unsigned int mock_fn_place(const struct mock_fn *fn);
int mock_fn_add(struct mock_host *host, struct mock_fn *fn, unsigned int slot,
		unsigned int number);
void mock_fn_remove(struct mock_fn *fn, bool surprise);
void mock_fn_disable_vfs(struct mock_host *host);
void mock_fn_remove_all(struct mock_host *host);

/* config.c */
int mock_cfg_init(struct mock_fn *fn);
int mock_cfg_read(struct mock_fn *fn, int where, int size, u32 *val);
int mock_cfg_write(struct mock_fn *fn, int where, int size, u32 val);
void mock_cfg_reset(struct mock_fn *fn);
void mock_cfg_init_bar(struct mock_fn *fn, int where, u64 addr, u64 size);
u16 mock_cfg_word(const struct mock_fn *fn, int where);
u32 mock_cfg_dword(const struct mock_fn *fn, int where);
void mock_cfg_set_intx(struct mock_fn *fn, bool asserted);
bool mock_cfg_decodes_memory(const struct mock_fn *fn);
bool mock_cfg_can_dma(const struct mock_fn *fn);
bool mock_cfg_intx_enabled(const struct mock_fn *fn);
bool mock_cfg_msi_enabled(const struct mock_fn *fn);
bool mock_cfg_msi_vector(const struct mock_fn *fn, unsigned int vector,
			 u32 *data);
bool mock_cfg_msix_enabled(const struct mock_fn *fn);
bool mock_cfg_msix_masked(const struct mock_fn *fn);

/* sriov.c */
#define MOCK_CAP_SRIOV	0x140

/**
 * struct mock_sriov - what a physical function has more than others
 * @conf: what its virtual functions are
 * @bars: their MSI-X BARs, one after the other
 * @bars_size: bytes
 * @vfs: the virtual functions; they live as long as the physical one and answer
 *	 while they are enabled
 */
struct mock_sriov {
	struct mock_conf conf;
	void *bars;
	size_t bars_size;
	struct mock_fn *vfs[] /* of conf.vfs of the physical function */;
};

int mock_sriov_init(struct mock_fn *pf);
void mock_sriov_exit(struct mock_fn *pf);
u64 mock_sriov_window_size(const struct mock_fn *pf);
void mock_sriov_init_cfg(struct mock_fn *pf);
void mock_sriov_settle(struct mock_fn *pf, unsigned int devfn);
bool mock_sriov_enabled(const struct mock_fn *pf);
void mock_sriov_reset(struct mock_fn *pf);
void mock_sriov_unplug(struct mock_fn *pf);
bool mock_fn_answers(const struct mock_fn *fn);
bool mock_vf_decodes_memory(const struct mock_fn *vf);
void *mock_vf_msix_bar(const struct mock_fn *vf);

/* irq.c */
int mock_irq_init(struct mock_fn *fn);
void mock_irq_exit(struct mock_fn *fn);
void mock_irq_attach(struct mock_fn *fn, struct pci_dev *pdev);
void mock_irq_raise(struct mock_fn *fn, unsigned int vector);
void mock_irq_set_level(struct mock_fn *fn, bool asserted);
void mock_irq_gate(struct mock_fn *fn, bool gated);
void mock_irq_config_changed(struct mock_fn *fn);
void mock_irq_reset_table(struct mock_fn *fn);
size_t mock_irq_bar_size(const struct mock_conf *conf);
void *mock_irq_alloc_pages(size_t size);
void mock_irq_free_pages(void *pages, size_t size);
unsigned long *mock_irq_pending(const struct mock_fn *fn);

/* error.c */
void mock_err_init(struct mock_fn *fn);
void mock_err_exit(struct mock_fn *fn);
void mock_err_report(struct mock_fn *fn);
void mock_err_pulled_out(struct pci_dev *pdev);

/* iommu.c */
int mock_iommu_init(void);
void mock_iommu_exit(void);
int mock_iommu_add(struct pci_dev *pdev);
int mock_io_begin(struct mock_io *io, struct mock_fn *fn);
void mock_io_end(struct mock_io *io);
int mock_io_map(struct mock_io *io, u64 iova, int prot, struct mock_span *span);
void mock_io_wrote(struct mock_io *io, const struct mock_span *span);

/* pgtable.c */
#define MOCK_PT_PGSIZES	(SZ_4K | SZ_2M | SZ_1G)
#define MOCK_PT_BITS	48
#define MOCK_PT_PEER	BIT(30)		/* beside IOMMU_READ and so on */

int mock_pt_init(struct mock_pt *pt);
void mock_pt_destroy(struct mock_pt *pt);
int mock_pt_map(struct mock_pt *pt, u64 iova, u64 paddr, size_t pgsize,
		size_t pgcount, int prot, gfp_t gfp, size_t *mapped);
size_t mock_pt_unmap(struct mock_pt *pt, u64 iova, u64 size);
void mock_pt_sync(struct mock_pt *pt);
int mock_pt_walk(const struct mock_pt *pt, u64 iova, int prot,
		 struct mock_leaf *leaf);
u64 mock_pt_phys(const struct mock_pt *pt, u64 iova);
void mock_pt_mark_dirty(const struct mock_leaf *leaf);
void mock_pt_track_dirty(struct mock_pt *pt, bool on);
void mock_pt_read_dirty(struct mock_pt *pt, u64 iova, u64 size, bool clear,
			struct iommu_dirty_bitmap *dirty);

/* peer.c */
int mock_peer_add(struct mock_mem *mem, unsigned long index, struct page *page);
void mock_peer_del(struct page *page);
void mock_peer_sync(void);
void mock_peer_begin(void);
void mock_peer_end(void);
struct mock_mem *mock_peer_find(u64 paddr, u64 *offset);
void mock_peers_init(struct mock_peers *peers);
void mock_peers_destroy(struct mock_peers *peers);
int mock_peers_get(struct mock_peers *peers, unsigned long pfn, gfp_t gfp);
void mock_peers_put(struct mock_peers *peers, unsigned long pfn);
void mock_peers_synced(struct mock_peers *peers);
void mock_peers_sweep(struct mock_peers *peers);

/* mem.c */
void mock_mem_init(struct mock_mem *mem, u64 size);
void mock_mem_destroy(struct mock_mem *mem);
struct page *mock_mem_page(struct mock_mem *mem, u64 offset, bool create);
int mock_mem_write(struct mock_mem *mem, u64 offset, const void *data,
		   size_t len);
int mock_mem_read(struct mock_mem *mem, u64 offset, void *data, size_t len);
bool mock_mem_has(const struct mock_mem *mem, u64 offset, u64 len);
void mock_mem_clear(struct mock_mem *mem, struct xarray *keep);
void mock_mem_watch(struct mock_mem *mem, const struct mock_watch *watch);
void mock_mem_unwatch(struct mock_mem *mem);
void mock_mem_dirty(struct mock_mem *mem, u64 offset);
bool mock_mem_clean(struct mock_mem *mem, unsigned long index);
struct page *mock_mem_next_dirty(struct mock_mem *mem, unsigned long *index);
int mock_mem_give(struct mock_mem *mem, unsigned long index, struct page *page);
struct page *mock_mem_next_used(struct mock_mem *mem, unsigned long *index);

/* aperture.c */
void mock_aperture_init(struct mock_mem *mem, u64 size);
void mock_aperture_watch(struct mock_mem *mem, void (*zap)(struct mock_mem *mem));
bool mock_aperture_fits(const struct mock_mem *mem, u64 base);
void mock_aperture_move(struct mock_mem *mem, u64 base);

/* device.c */
int mock_dev_init(struct mock_fn *fn);
void mock_dev_exit(struct mock_fn *fn);
void mock_dev_set_level(struct mock_fn *fn, enum mock_level level);
void mock_dev_reset(struct mock_fn *fn);
void mock_dev_reset_locked(struct mock_fn *fn);
void mock_dev_kick(struct mock_fn *fn);
void mock_dev_cause(struct mock_fn *fn, u32 cause);
void mock_dev_update_intx(struct mock_fn *fn);

/* regs.c */
void mock_reg_read(struct mock_fn *fn, u64 offset, void *data, size_t len);
int mock_reg_write(struct mock_fn *fn, u64 offset, const void *data,
		   size_t len);

/* dma.c */
bool mock_dma_pending(const struct mock_fn *fn);
void mock_dma_run_one(struct mock_fn *fn);
int mock_dma_access(struct mock_fn *fn, u64 iova, void *data, size_t len,
		    bool write);
void mock_dma_watch(struct mock_fn *fn, struct mock_dma_watch *watch);

/* traffic.c */
void mock_traffic_init(struct mock_fn *fn);
void mock_traffic_exit(struct mock_fn *fn);
bool mock_traffic_active(const struct mock_fn *fn);
void mock_traffic_arm(struct mock_fn *fn);
void mock_traffic_tick(struct mock_fn *fn);

/* vfio.c */
int mock_vfio_register(void);
void mock_vfio_unregister(void);

/* pf.c */
#define MOCK_PF_DRIVER	"mock_pf"

int mock_pf_register(void);
void mock_pf_unregister(void);

/* netlink.c */
int mock_nl_init(struct mock_host *host);
void mock_nl_exit(void);

/* events.c */
void mock_event_added(const struct mock_fn *fn);
void mock_event_removed(const struct mock_fn *fn);
void mock_events_offer(bool offered);

#endif /* MOCK_VFIO_PCI_H */
