// SPDX-License-Identifier: GPL-2.0-only
/*
 * bochs_vfio_pci: a migratable variant of vfio-pci for QEMU's bochs-display.
 *
 * The device (1234:1111, class "other display") is a frame buffer in BAR 0 and,
 * in BAR 2, nine 16-bit mode registers and one for the byte order.  It never
 * starts DMA and has no interrupt, so it stands still as soon as its user does.
 * That is all of it, and all of it is migrated; the state is
 *
 *	struct bochs_state	what the registers hold, and the length of the memory
 *	BAR 0			as it is
 *	__le32			CRC-32 of all of that
 *
 * VGA adapters of QEMU have the same ids and registers, and a lot of state besides:
 * probe refuses them.
 */
#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/unaligned.h>
#include <linux/vfio_pci_core.h>

#include "../compat.h"
#include "vfio_mig.h"

#define BOCHS_VGA_INDEX		0x40e		/* of graphics registers; VGA only */
#define BOCHS_ID		0x500		/* reads as BOCHS_ID_VALUE */
#define BOCHS_ID_VALUE		0xb0c5
#define BOCHS_DISPI(n)		(0x502 + 2 * (n))
#define BOCHS_NR_DISPI		9
#define BOCHS_BYTEORDER		0x604
#define BOCHS_LITTLE_ENDIAN	0x1e1e1e1e
#define BOCHS_BIG_ENDIAN	0xbebebebe

#define BOCHS_STATE_MAGIC	0x48434f42	/* "BOCH" */
#define BOCHS_STATE_VERSION	1

struct bochs_state {
	__le32 magic;
	__le32 version;
	__le64 vram_size;
	__le16 dispi[BOCHS_NR_DISPI];
	__le16 reserved;
	__le32 byteorder;
};

struct bochs_vfio {
	struct vfio_pci_core_device core;
	struct vfio_mig mig;
	void __iomem *vram;
	u64 vram_size;
	void __iomem *mmio;
	u8 piece[SZ_4K];	/* on its way; there is one session at most */
	u32 crc;		/* of what was saved so far */
	struct mutex lock;	/* held by who touches the device */
	bool was_reset;		/* and the migration does not know yet */
	u16 command;		/* PCI_COMMAND as the user has it */
};

static struct bochs_vfio *mig_to_bochs(struct vfio_mig *mig)
{
	return container_of(mig, struct bochs_vfio, mig);
}

static u64 bochs_state_size(struct vfio_mig *mig)
{
	return sizeof(struct bochs_state) + mig_to_bochs(mig)->vram_size +
	       sizeof(__le32);
}

/* A user may have switched the BARs off; that is no reason not to migrate. */
static void bochs_decode_on(struct bochs_vfio *b)
{
	pci_read_config_word(b->core.pdev, PCI_COMMAND, &b->command);
	if (!(b->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(b->core.pdev, PCI_COMMAND,
				      b->command | PCI_COMMAND_MEMORY);
}

static void bochs_decode_restore(struct bochs_vfio *b)
{
	if (!(b->command & PCI_COMMAND_MEMORY))
		pci_write_config_word(b->core.pdev, PCI_COMMAND, b->command);
}

/*
 * From here to bochs_end() the device is ours.  A reset by VFIO holds memory_lock
 * and wants locks that our callers hold: waiting for it would be a deadlock.  Who
 * has it for writing resets the device or switches its BARs, and no user should
 * while a state is transferred.
 */
static int bochs_begin(struct bochs_vfio *b)
{
	mutex_lock(&b->lock);
	if (b->was_reset || !down_read_trylock(&b->core.memory_lock)) {
		mutex_unlock(&b->lock);
		return -EBUSY;
	}
	bochs_decode_on(b);
	return 0;
}

static void bochs_end(struct bochs_vfio *b)
{
	bochs_decode_restore(b);
	up_read(&b->core.memory_lock);
	mutex_unlock(&b->lock);
}

static void bochs_set_regs(struct bochs_vfio *b, const struct bochs_state *s)
{
	int i;

	for (i = 0; i < BOCHS_NR_DISPI; i++)
		writew(le16_to_cpu(s->dispi[i]), b->mmio + BOCHS_DISPI(i));
	writel(le32_to_cpu(s->byteorder), b->mmio + BOCHS_BYTEORDER);
}

static int bochs_save(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct bochs_vfio *b = mig_to_bochs(mig);
	struct bochs_state s = {
		.magic = cpu_to_le32(BOCHS_STATE_MAGIC),
		.version = cpu_to_le32(BOCHS_STATE_VERSION),
		.vram_size = cpu_to_le64(b->vram_size),
	};
	int i, ret;

	ret = bochs_begin(b);
	if (ret)
		return ret;
	for (i = 0; i < BOCHS_NR_DISPI; i++)
		s.dispi[i] = cpu_to_le16(readw(b->mmio + BOCHS_DISPI(i)));
	s.byteorder = cpu_to_le32(readl(b->mmio + BOCHS_BYTEORDER));
	bochs_end(b);
	b->crc = crc32_le(~0, (u8 *)&s, sizeof(s));
	return vfio_mig_buf_append(buf, &s, sizeof(s));
}

static int bochs_save_fill(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	struct bochs_vfio *b = mig_to_bochs(mig);
	const u64 offset = buf->len - sizeof(struct bochs_state);
	__le32 crc = cpu_to_le32(~b->crc);
	int ret;

	if (offset > b->vram_size)
		return 0;
	if (offset == b->vram_size)
		return vfio_mig_buf_append(buf, &crc, sizeof(crc));
	ret = bochs_begin(b);
	if (ret)
		return ret;
	memcpy_fromio(b->piece, b->vram + offset, sizeof(b->piece));
	bochs_end(b);
	b->crc = crc32_le(b->crc, b->piece, sizeof(b->piece));
	return vfio_mig_buf_append(buf, b->piece, sizeof(b->piece));
}

/* Called as data come in: what is no state for this device is not worth more. */
static int bochs_load_check(struct vfio_mig *mig, struct vfio_mig_buf *buf)
{
	const struct bochs_vfio *b = mig_to_bochs(mig);
	struct bochs_state s;

	if (vfio_mig_buf_read(buf, 0, &s, sizeof(s)))
		return 0;
	if (le32_to_cpu(s.magic) != BOCHS_STATE_MAGIC)
		return -EBADMSG;
	if (le32_to_cpu(s.version) != BOCHS_STATE_VERSION)
		return -EPROTONOSUPPORT;
	if (le64_to_cpu(s.vram_size) != b->vram_size)
		return -EXDEV;
	if (le32_to_cpu(s.byteorder) != BOCHS_LITTLE_ENDIAN &&
	    le32_to_cpu(s.byteorder) != BOCHS_BIG_ENDIAN)
		return -EBADMSG;
	return s.reserved ? -EBADMSG : 0;
}

/*
 * More than the whole cannot be there, because of load_max.  Nothing fails once
 * the device has got its first byte.
 */
static int bochs_load(struct vfio_mig *mig, const struct vfio_mig_buf *buf)
{
	struct bochs_vfio *b = mig_to_bochs(mig);
	const size_t size = bochs_state_size(mig);
	const size_t end = size - sizeof(__le32);
	u8 *state = vfio_mig_buf_map(buf, 0, size);
	int ret;

	if (IS_ERR(state))
		return PTR_ERR(state);
	ret = ~crc32_le(~0, state, end) == get_unaligned_le32(state + end) ?
	      bochs_begin(b) : -EBADMSG;
	if (!ret) {
		memcpy_toio(b->vram, state + sizeof(struct bochs_state),
			    b->vram_size);
		bochs_set_regs(b, (struct bochs_state *)state);
		bochs_end(b);
	}
	vfio_mig_buf_unmap(state);
	return ret;
}

static void bochs_mig_reset(struct vfio_mig *mig)
{
	mig_to_bochs(mig)->was_reset = false;
}

static const struct vfio_mig_ops bochs_mig_ops = {
	.save = bochs_save,
	.save_fill = bochs_save_fill,
	.load_check = bochs_load_check,
	.load = bochs_load,
	.reset = bochs_mig_reset,
	.data_size = bochs_state_size,
	.load_max = bochs_state_size,
};

/*
 * QEMU's reset of the device leaves registers and memory as they are; ours does
 * not.  A load that has begun before it must not write on top of this.
 */
static void bochs_clear(struct bochs_vfio *b)
{
	const struct bochs_state fresh = {
		.byteorder = cpu_to_le32(BOCHS_LITTLE_ENDIAN),
	};

	mutex_lock(&b->lock);
	bochs_decode_on(b);
	bochs_set_regs(b, &fresh);
	memset_io(b->vram, 0, b->vram_size);
	bochs_decode_restore(b);
	b->was_reset = true;
	mutex_unlock(&b->lock);
}

static struct bochs_vfio *pdev_to_bochs(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct bochs_vfio, core);
}

static struct bochs_vfio *vdev_to_bochs(struct vfio_device *vdev)
{
	return container_of(vdev, struct bochs_vfio, core.vdev);
}

/* It never starts DMA, so RUNNING_P2P is RUNNING, and offered at no cost. */
static int bochs_init_dev(struct vfio_device *vdev)
{
	struct bochs_vfio *b = vdev_to_bochs(vdev);
	int ret;

	mutex_init(&b->lock);
	ret = vfio_mig_init(&b->mig, vdev, &bochs_mig_ops,
			    VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P);
	return ret ? ret : vfio_pci_core_init_dev(vdev);
}

static void bochs_release_dev(struct vfio_device *vdev)
{
	vfio_mig_destroy(&vdev_to_bochs(vdev)->mig);
	vfio_pci_core_release_dev(vdev);
}

static int bochs_open_device(struct vfio_device *vdev)
{
	struct bochs_vfio *b = vdev_to_bochs(vdev);
	int ret = vfio_pci_core_enable(&b->core);

	if (ret)
		return ret;
	bochs_clear(b);
	vfio_mig_open(&b->mig);
	vfio_pci_core_finish_enable(&b->core);
	return 0;
}

static void bochs_close_device(struct vfio_device *vdev)
{
	vfio_mig_close(&vdev_to_bochs(vdev)->mig);
	vfio_pci_core_close_device(vdev);
}

static const struct vfio_device_ops bochs_vfio_ops = {
	.name = "bochs-vfio-pci",
	.init = bochs_init_dev,
	.release = bochs_release_dev,
	.open_device = bochs_open_device,
	.close_device = bochs_close_device,
	.ioctl = vfio_pci_core_ioctl,
#ifdef COMPAT_HAS_REGION_INFO_CAPS
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#endif
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
#ifdef COMPAT_HAS_MATCH_TOKEN_UUID
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#endif
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

static void bochs_reset_done(struct pci_dev *pdev)
{
	struct bochs_vfio *b = pdev_to_bochs(pdev);

	bochs_clear(b);
	vfio_mig_reset_done(&b->mig);
}

static const struct pci_error_handlers bochs_err_handlers = {
	.reset_done = bochs_reset_done,
	.error_detected = vfio_pci_core_aer_err_detected,
};

/* A secondary VGA adapter is an "other display" too, but has VGA's registers. */
static bool bochs_is_known(struct pci_dev *pdev, void __iomem *mmio)
{
	bool known;

	if (pdev->class >> 8 != PCI_CLASS_DISPLAY_OTHER ||
	    pci_enable_device(pdev))
		return false;
	writeb(5, mmio + BOCHS_VGA_INDEX);
	known = readb(mmio + BOCHS_VGA_INDEX) != 5 &&
		readw(mmio + BOCHS_ID) == BOCHS_ID_VALUE;
	pci_disable_device(pdev);
	return known;
}

static int bochs_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	void __iomem *vram = pcim_iomap(pdev, 0, 0);
	void __iomem *mmio = pcim_iomap(pdev, 2, 0);
	struct bochs_vfio *b;
	int ret;

	if (!vram || !mmio || !bochs_is_known(pdev, mmio))
		return -ENODEV;
	b = vfio_alloc_device(bochs_vfio, core.vdev, &pdev->dev, &bochs_vfio_ops);
	if (IS_ERR(b))
		return PTR_ERR(b);
	b->vram = vram;
	b->vram_size = pci_resource_len(pdev, 0);
	b->mmio = mmio;
	dev_set_drvdata(&pdev->dev, &b->core);
	ret = vfio_pci_core_register_device(&b->core);
	if (ret)
		vfio_put_device(&b->core.vdev);
	else
		vfio_mig_debugfs_add(&b->mig);
	return ret;
}

static void bochs_remove(struct pci_dev *pdev)
{
	struct bochs_vfio *b = pdev_to_bochs(pdev);

	vfio_mig_debugfs_remove(&b->mig);
	vfio_pci_core_unregister_device(&b->core);
	vfio_put_device(&b->core.vdev);
}

/* Taken by those who ask for it in driver_override, and by nobody else. */
static const struct pci_device_id bochs_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(0x1234, 0x1111) },
	{}
};
MODULE_DEVICE_TABLE(pci, bochs_ids);

static struct pci_driver bochs_driver = {
	.name = KBUILD_MODNAME,
	.id_table = bochs_ids,
	.probe = bochs_probe,
	.remove = bochs_remove,
	.err_handler = &bochs_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(bochs_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Migratable vfio-pci driver of QEMU's bochs-display");
