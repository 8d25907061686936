/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - a call's arguments against its tool's inputSchema, and their shape */
#ifndef MW_CORE_SCHEMA_H
#define MW_CORE_SCHEMA_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

struct mw_schema;

/*
 * Compiles the part of JSON Schema (2020-12 and draft-07) that tools use: type, enum, const,
 * required, properties, additionalProperties, patternProperties, items, prefixItems, anyOf, oneOf,
 * allOf, not, $ref within the document, minimum.., minLength.., pattern. What it does not know
 * allows everything. Bounded: MW_SCHEMA_NODES_MAX nodes; what lies beyond allows everything. 0,
 * -ENOMEM, -EINVAL: it is no object.
 */
#define MW_SCHEMA_NODES_MAX 4096u
int mw_schema_new(const struct mw_alloc *a, struct mw_slice json, struct mw_schema **ret);
void mw_schema_free(struct mw_schema *s);
/*
 * What in args (raw JSON; empty: no arguments) the schema does not allow, one text each:
 * "unknown:NAME", "missing:NAME", "type:PATH", "enum:PATH", "pattern:PATH", "range:PATH". An
 * argument that the schema does not name is unknown unless it says additionalProperties itself
 * (servers of most SDKs drop or refuse them, models seldom send them). At most max texts into ret,
 * which borrow from `text`; how many in all, or -ENOMEM.
 */
int mw_schema_check(struct mw_schema *s, struct mw_slice args, struct mw_buf *text,
		    struct mw_slice *ret, size_t max);

/* The shape of arguments: names and types at all depths up to 8, array items' types as a set, order
 * of names of no matter; strings by a coarse class (empty, number, path, URL, host, e-mail, words,
 * with shell metacharacters, long). A hash; equal shapes have equal ones. */
uint64_t mw_shape(struct mw_slice args, uint64_t seed);

#endif
