// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers with and without a suffix. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

int vfm_parse_number(const char *text, size_t n, int base, uint64_t *v)
{
	char buf[32], *end;

	/* What strtoull() would forgive: a sign, leading space. */
	if (!n || n >= sizeof(buf) || !isxdigit((unsigned char)*text))
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = 0;
	errno = 0;
	*v = strtoull(buf, &end, base);
	return errno || end != buf + n ? -EINVAL : 0;
}

int vfm_parse_size(const char *text, size_t n, uint64_t *v)
{
	static const char units[] = "KMG";
	const char *unit = n ? strchr(units, toupper((unsigned char)text[n - 1])) :
		NULL;
	int shift = 0;

	if (unit && *unit) {
		shift = 10 * (unit - units + 1);
		n--;
	}
	if (vfm_parse_number(text, n, 0, v) || *v > UINT64_MAX >> shift)
		return -EINVAL;
	*v <<= shift;
	return 0;
}
