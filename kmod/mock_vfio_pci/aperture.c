// SPDX-License-Identifier: GPL-2.0-only
/*
 * mock_vfio_pci: the aperture, that part of device memory which the BAR shows.
 *
 * One lock, @map_lock, is between those who map what the BAR shows and those
 * who take mappings away: the place of the aperture is looked at and the page
 * mapped with the lock held for reading; the aperture moves and all mappings go
 * with it held for writing.  So nobody maps a page of the old place after they
 * have gone, and who has moved the aperture sees nothing but the new place.
 *
 * Order: memory_lock of vfio-pci-core, the device's lock, @map_lock, and then
 * what the memory management takes to change page tables.
 */
#include "mock.h"

/**
 * mock_aperture_init - the aperture of new device memory, at its begin
 * @mem: device memory
 * @size: bytes that the BAR shows, up to the size of the memory
 */
void mock_aperture_init(struct mock_mem *mem, u64 size)
{
	init_rwsem(&mem->map_lock);
	mem->base = 0;
	mem->window = size;
	mem->zap = NULL;
}

/**
 * mock_aperture_watch - say how mappings of the BAR are taken away
 * @mem: device memory
 * @zap: see struct mock_mem; NULL if there can be no mappings any more
 */
void mock_aperture_watch(struct mock_mem *mem, void (*zap)(struct mock_mem *mem))
{
	down_write(&mem->map_lock);
	mem->zap = zap;
	up_write(&mem->map_lock);
}

/**
 * mock_aperture_fits - may the aperture begin here?
 * @mem: device memory
 * @base: offset in it
 */
bool mock_aperture_fits(const struct mock_mem *mem, u64 base)
{
	return IS_ALIGNED(base, SZ_4K) && base <= mem->size - mem->window;
}

/**
 * mock_aperture_move - show another part
 * @mem: device memory, the lock of its device held
 * @base: where the aperture begins from now on; it fits
 *
 * When this returns, no mapping of the BAR shows what was there before.
 *
 * Context: may sleep.
 */
void mock_aperture_move(struct mock_mem *mem, u64 base)
{
	down_write(&mem->map_lock);
	if (mem->base != base) {
		WRITE_ONCE(mem->base, base);
		if (mem->zap)
			mem->zap(mem);
	}
	up_write(&mem->map_lock);
}
