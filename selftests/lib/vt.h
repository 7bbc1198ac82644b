/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vt: what the test programs share: the modules, a mock function opened by
 * either back end, its registers and memory, and its migration state.
 *
 * Functions that set the scene exit with a message when they fail; those that
 * are under test return what the kernel said, errors as negative numbers.
 */
#ifndef VT_H
#define VT_H

#include <linux/mock_vfio_pci.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mock_ctl.h"

#define VT_RAM_SIZE	(4u << 20)
#define VT_RAM_IOVA	0x100000ull
#define VT_PAGE		4096u

enum vt_backend { VT_LEGACY, VT_IOMMUFD };

/**
 * struct vt_dev - an open function
 * @fd: device descriptor
 * @group: group descriptor, or -1
 * @container: container or iommufd
 * @ioas: address space of an iommufd
 * @devid: the device's number in an iommufd
 * @backend: how it was opened
 * @ram: VT_RAM_SIZE bytes that the device sees at VT_RAM_IOVA
 * @ram_shared: these are another one's
 * @mem: device memory, mmapped
 * @mem_size: bytes of it
 */
struct vt_dev {
	int fd;
	int group;
	int container;
	uint32_t ioas;
	uint32_t devid;
	enum vt_backend backend;
	uint8_t *ram;
	bool ram_shared;
	uint8_t *mem;
	size_t mem_size;
};

/**
 * struct vt_state - a device state
 * @data: bytes
 * @len: how many
 */
struct vt_state {
	uint8_t *data;
	size_t len;
};

/* modules.c */
int vt_run(const char *const argv[]);
bool vt_insmod(unsigned int functions);
bool vt_insmod_plain(const char *name);
bool vt_insmod_profile(unsigned int functions, const char *profile);
bool vt_insmod_test(void);
int vt_rmmod(const char *name);
bool vt_module_loaded(const char *name);
void vt_bdf(unsigned int nr, char bdf[32]);
void vt_write_file(const char *path, const char *text);
int vt_try_write_file(const char *path, const char *text);
bool vt_wants_mock(int argc, char **argv);

/* function.c */
void vt_fn_new(const struct vfm_mock_conf *conf, char bdf[32]);
void vt_fn_del(const char *bdf);
bool vt_fn_exists(const char *bdf);
bool vt_fn_goes(const char *bdf);

/* device.c */
bool vt_has_backend(enum vt_backend backend);
void vt_open(struct vt_dev *dev, unsigned int nr, enum vt_backend backend);
void vt_open_bdf(struct vt_dev *dev, const char *bdf, enum vt_backend backend);
void vt_open_bare(struct vt_dev *dev, const char *name, enum vt_backend backend);
void vt_open_beside(struct vt_dev *dev, const char *bdf,
		    const struct vt_dev *first);
void vt_close(struct vt_dev *dev);
void vt_enable(struct vt_dev *dev, bool master);
int vt_map(struct vt_dev *dev, void *va, uint64_t iova, size_t size, bool write);
int vt_unmap(struct vt_dev *dev, uint64_t iova, size_t size);
uint64_t vt_region(struct vt_dev *dev, unsigned int index,
		   struct vfio_region_info *info);
int vt_irq_eventfds(struct vt_dev *dev, unsigned int index, unsigned int count,
		    int *fds);
int vt_irq_action(struct vt_dev *dev, unsigned int index, uint32_t flags);

/* pci.c */
uint32_t vt_cfg_read(struct vt_dev *dev, unsigned int where, unsigned int size);
int vt_cfg_write(struct vt_dev *dev, unsigned int where, uint32_t val,
		 unsigned int size);
unsigned int vt_cfg_cap(struct vt_dev *dev, uint8_t id);
int vt_set_power(struct vt_dev *dev, unsigned int state);
int vt_low_power(struct vt_dev *dev, int wakeup);
int vt_low_power_exit(struct vt_dev *dev);
int vt_flr(struct vt_dev *dev);
int vt_hot_reset(struct vt_dev *dev, unsigned int count, const int *groups);
int vt_hot_reset_alone(struct vt_dev *dev);
int vt_set_irqs(struct vt_dev *dev, unsigned int index, unsigned int start,
		unsigned int count, uint32_t flags, const void *data, size_t len);
int vt_irq_one(struct vt_dev *dev, unsigned int index, unsigned int vector,
	       int fd);
int vt_irq_off(struct vt_dev *dev, unsigned int index);
int vt_irq_info(struct vt_dev *dev, unsigned int index,
		struct vfio_irq_info *info);
int vt_eventfd(void);
bool vt_touch(volatile uint8_t *mem);
bool vt_answers(struct vt_dev *dev);

/* mock.c */
uint32_t vt_read32(struct vt_dev *dev, uint32_t reg);
uint64_t vt_read64(struct vt_dev *dev, uint32_t reg);
void vt_write32(struct vt_dev *dev, uint32_t reg, uint32_t val);
void vt_write64(struct vt_dev *dev, uint32_t reg, uint64_t val);
void vt_ring_start(struct vt_dev *dev, uint32_t size);
struct mock_vfio_desc *vt_desc(struct vt_dev *dev, uint32_t n);
uint32_t vt_submit(struct vt_dev *dev, uint32_t n);
void vt_traffic_start(struct vt_dev *dev, uint32_t control, uint32_t period);
bool vt_works(struct vt_dev *dev);
void vt_pattern(struct vt_dev *dev, uint32_t seed);
uint32_t vt_crc32(const void *data, size_t len);
bool vt_wait_until(bool (*done)(void *arg), void *arg, int msec);
int vt_event_count(int fd, int msec);

/* migration.c */
const char *vt_state_name(uint32_t state);
int vt_get_state(struct vt_dev *dev);
int vt_set_state(struct vt_dev *dev, uint32_t state, int *data_fd);
int vt_migration_flags(struct vt_dev *dev);
int64_t vt_data_size(struct vt_dev *dev);
int vt_reset(struct vt_dev *dev);
void vt_save(struct vt_dev *dev, struct vt_state *state);
int vt_read_all(int fd, struct vt_state *state);
int vt_load(struct vt_dev *dev, const struct vt_state *state);
int vt_write_all(int fd, const void *data, size_t len, size_t chunk);
void vt_state_free(struct vt_state *state);

#endif /* VT_H */
