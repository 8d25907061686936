/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - numbers on the command line */
#ifndef MW_CLI_NUMBER_H
#define MW_CLI_NUMBER_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* A whole decimal number from 1 to 2^32-1 and nothing else. 0, -EINVAL. */
static inline int mw_parse_u32(const char *s, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || *end || v == 0 || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* A whole decimal number from 0 to 2^64-1 and nothing else. 0, -EINVAL. */
static inline int mw_parse_u64(const char *s, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

#endif
