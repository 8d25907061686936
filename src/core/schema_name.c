/* SPDX-License-Identifier: Apache-2.0 */
/* schema_name.c - a schema's properties by their names; what a value is */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/json_str.h"
#include "core/schema_priv.h"

/* --- values --------------------------------------------------------------------------------------
 */

double mw_schema_number(struct mw_slice raw)
{
	uint8_t digits[20];
	char text[64];
	int64_t exp10;
	const size_t n = mw_json_num_digits(raw, digits, sizeof(digits), &exp10);
	double v;

	if (n == 0)
		return 0;
	exp10 -= (int64_t)n; /* of 0.DIGITS */
	exp10 = exp10 < -9999 ? -9999 : exp10 > 9999 ? 9999 : exp10;
	/* no decimal point: no locale */
	(void)snprintf(text, sizeof(text), "%.*se%d", (int)n, (const char *)digits, (int)exp10);
	v = strtod(text, NULL);
	return raw.p[0] == '-' ? -v : v;
}

static bool is_integer(struct mw_slice raw)
{
	double v;

	if (!memchr(raw.p, '.', raw.n) && !memchr(raw.p, 'e', raw.n) && !memchr(raw.p, 'E', raw.n))
		return true;
	v = mw_schema_number(raw);
	return v > -9e15 && v < 9e15 && (double)(int64_t)v == v;
}

unsigned int mw_schema_type(struct mw_slice v)
{
	switch (v.n ? v.p[0] : 0) {
	case '{':
		return MW_IS_OBJECT;
	case '[':
		return MW_IS_ARRAY;
	case '"':
		return MW_IS_STRING;
	case 't':
	case 'f':
		return MW_IS_BOOL;
	case 'n':
		return MW_IS_NULL;
	default:
		return is_integer(v) ? MW_IS_NUMBER | MW_IS_INTEGER : MW_IS_NUMBER;
	}
}

int mw_schema_hash(struct mw_schema *s, struct mw_slice value, uint64_t *ret)
{
	int r;

	s->work.len = 0;
	r = mw_json_canonical(value, &s->work);
	if (r == 0)
		*ret = mw_hash64(mw_buf_slice(&s->work), 0);
	return r;
}

/* --- properties by name --------------------------------------------------------------------------
 */

static uint64_t name_hash(uint32_t node, struct mw_slice name)
{
	return mw_hash64(name, node);
}

struct mw_slice mw_schema_name(const struct mw_schema *s, const struct mw_schema_prop *p)
{
	/* where all names are empty there is no buffer */
	return p->name_len ? mw_slice(s->names.p + p->name, p->name_len) : mw_slice(NULL, 0);
}

uint32_t mw_schema_find(const struct mw_schema *s, uint32_t node, struct mw_slice name)
{
	const size_t mask = s->n_slots - 1;

	for (size_t i = name_hash(node, name) & mask; s->n_slots && s->slots[i];
	     i = (i + 1) & mask) {
		const struct mw_schema_prop *p = mw_schema_prop(s, s->slots[i] - 1);

		if (p->of == node && mw_slice_eq(mw_schema_name(s, p), name))
			return s->slots[i] - 1;
	}
	return MW_NONE;
}

static int grow_slots(struct mw_schema *s)
{
	const size_t n = s->n_slots ? 2 * s->n_slots : 64;
	const size_t n_props = s->props.len / sizeof(struct mw_schema_prop);
	uint32_t *slots = mw_alloc_zero(s->a, n * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t k = 0; k < n_props; k++) {
		const struct mw_schema_prop *p = mw_schema_prop(s, k);
		size_t i = name_hash(p->of, mw_schema_name(s, p)) & (n - 1);

		while (slots[i])
			i = (i + 1) & (n - 1);
		slots[i] = k + 1;
	}
	if (s->slots)
		mw_alloc_free(s->a, s->slots, s->n_slots * sizeof(*slots));
	s->slots = slots;
	s->n_slots = n;
	return 0;
}

int mw_schema_prop_of(struct mw_schema *s, uint32_t node, struct mw_slice raw, uint32_t *ret)
{
	struct mw_schema_prop p = { .of = node, .node = MW_NONE };
	const uint32_t n = (uint32_t)(s->props.len / sizeof(p));
	struct mw_slice name;
	int r;

	p.name = (uint32_t)s->names.len;
	r = mw_json_str_decode(raw, &s->names);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	p.name_len = (uint32_t)(s->names.len - p.name);
	name = mw_schema_name(s, &p);
	*ret = mw_schema_find(s, node, name);
	if (*ret != MW_NONE || n == MW_SCHEMA_PROPS_MAX) {
		s->names.len = p.name;
		return 0;
	}
	p.next = mw_schema_node(s, node)->first_prop;
	r = mw_buf_append(&s->props, &p, sizeof(p));
	if (r < 0)
		return r;
	mw_schema_node(s, node)->first_prop = n;
	*ret = n;
	if (2 * (n + 1) > s->n_slots)
		return grow_slots(s);
	for (size_t i = name_hash(node, name) & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1)) {
		if (s->slots[i])
			continue;
		s->slots[i] = n + 1;
		return 0;
	}
}
