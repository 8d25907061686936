/* SPDX-License-Identifier: Apache-2.0 */
#include "io/known.h"

#include <errno.h>

/* Records nest less. */
#define DEPTH_MAX 64

/* Behind a string's closing quote, p behind its opening one. NULL: not before `end`. */
static const uint8_t *string_end(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *const begin = p;
	const uint8_t *q;
	size_t n;

	for (; (q = memchr(p, '"', (size_t)(end - p))); p = q + 1) {
		for (n = 0; q - n > begin && q[-1 - (ptrdiff_t)n] == '\\'; n++)
			;
		if (n % 2 == 0)
			return q + 1;
	}
	return NULL;
}

/* Behind a value without white space around it. NULL: it is none. */
static const uint8_t *value_end(const uint8_t *p, const uint8_t *end)
{
	unsigned int depth = 0;

	if (*p == '"')
		return string_end(p + 1, end);
	if (*p != '{' && *p != '[') {
		for (; p < end && *p != ',' && *p != '}'; p++)
			if (*p <= ' ')
				return NULL;
		return p;
	}
	while (p < end) {
		switch (*p++) {
		case '"':
			p = string_end(p, end);
			if (!p)
				return NULL;
			break;
		case '{':
		case '[':
			if (++depth > DEPTH_MAX)
				return NULL;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return p;
			break;
		default:
			break;
		}
	}
	return NULL;
}

int mw_known_next(struct mw_known *k, struct mw_slice *ret_key, struct mw_slice *ret_value)
{
	const uint8_t *const end = k->end, *key, *value, *behind;

	if (k->p == end)
		return -EINVAL;
	/* a bracket or a comma stands before each member */
	if (*k->p == '}')
		return k->p + 1 == end ? 0 : -EINVAL;
	key = k->p + 1;
	if ((*k->p != '{' && *k->p != ',') || key == end || *key != '"')
		return -EINVAL;
	value = string_end(key + 1, end);
	if (!value || end - value < 2 || *value != ':')
		return -EINVAL;
	*ret_key = mw_slice(key, (size_t)(value - key));
	value++;
	behind = value_end(value, end);
	if (!behind || behind == value || behind == end)
		return -EINVAL;
	*ret_value = mw_slice(value, (size_t)(behind - value));
	k->p = behind;
	return 1;
}
