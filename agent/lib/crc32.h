/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFM_CRC32_H
#define VFM_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in zlib and PNG; start with @crc 0, go on with the last result. */
uint32_t vfm_crc32(uint32_t crc, const void *p, size_t n);

#endif
