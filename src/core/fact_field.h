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
/* ENUM: the name of value i < 64, or NULL if no value has that number. */
const char *mw_fact_enum_name(uint32_t field, unsigned int i);

/* "127.0.0.1", "::1", "unix" is not one: false for what is no address. */
bool mw_fact_addr(const struct mw_addr *a, uint8_t ret[16]);
/* A value as text, for keys and details; a number is written to buf of 64 bytes. Of a list the
 * first. Empty: not known. */
struct mw_slice mw_value_text(uint32_t field, const struct mw_value *v, char buf[64]);

#endif
