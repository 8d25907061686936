/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fact_field.h - what a field of a fact is, for the policy alone (policy.h has what rules see)
 */
#ifndef MW_CORE_FACT_FIELD_H
#define MW_CORE_FACT_FIELD_H

#include "core/policy.h"

/* What a field says. Borrowed from the fact, or from here (buf): it does not move. */
struct mw_value {
	bool known;
	bool truth;	       /* BOOL */
	int64_t number;	       /* NUMBER; beyond INT64_MAX that */
	unsigned int ord;      /* ENUM: its number, below 64; POWER: the bits */
	struct mw_slice text;  /* TEXT; ENUM: its name */
	struct mw_texts texts; /* TEXTS */
	uint8_t addr[16];      /* ADDR: v4 mapped to v6 */
	char buf[16];
};

/* Of a field that mw_fact_field_at has. `kind`: what the fact is, or of an alert what it fired on.
 */
void mw_fact_get(const struct mw_fact *f, enum mw_fact_kind kind, uint32_t field,
		 struct mw_value *ret);
/* A field that lies open in its struct: whether a fact lacks it is seen without asking what it
 * says. */
struct mw_fact_plain {
	uint16_t part; /* where mw_fact has the struct */
	uint16_t at;   /* in that: a bool, or of a text or list how long it is */
	bool is_bool;
};
/* Whether this field is one; of a bool only that it is true counts as having it. */
bool mw_fact_plain(uint32_t field, struct mw_fact_plain *ret);
/* The fact has nothing there: each test of the field is false, but of a bool whether it is false.
 */
static inline bool mw_fact_lacks(const struct mw_fact *f, struct mw_fact_plain x)
{
	const uint8_t *part;
	size_t n;

	memcpy(&part, (const uint8_t *)f + x.part, sizeof(part));
	if (!part)
		return true;
	if (x.is_bool)
		return part[x.at] == 0;
	memcpy(&n, part + x.at, sizeof(n));
	return n == 0;
}

/* ENUM: the name of value i < 64, or NULL if no value has that number. */
const char *mw_fact_enum_name(uint32_t field, unsigned int i);

/* "127.0.0.1", "::1", "unix" is not one: false for what is no address. */
bool mw_fact_addr(const struct mw_addr *a, uint8_t ret[16]);
/* A value as text, for keys and details; a number is written to buf of 64 bytes. Of a list the
 * first. Empty: not known. */
struct mw_slice mw_value_text(uint32_t field, const struct mw_value *v, char buf[64]);

#endif
