// SPDX-License-Identifier: GPL-2.0-or-later
/* CRC-32, polynomial 0xedb88320 reflected. */
#include "crc32.h"

static uint32_t table[256];

static void make_table(void)
{
	uint32_t c;
	int n, k;

	for (n = 0; n < 256; n++) {
		c = n;
		for (k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320U ^ c >> 1 : c >> 1;
		table[n] = c;
	}
}

uint32_t vfm_crc32(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	if (!table[1])
		make_table();
	crc = ~crc;
	while (n--)
		crc = table[(crc ^ *b++) & 0xff] ^ crc >> 8;
	return ~crc;
}
