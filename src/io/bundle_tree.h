/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_tree.h - a log's tree where most of its records are left out
 *
 * A stretch [from, to) of records stands for itself by the roots of the widest full subtrees that
 * tile it, from left to right: at p, the widest one that begins there as nodes of the tree do and
 *ends within (its compact range, as transparency-dev/merkle calls it; RFC 6962, section 2.1). One
 *record's is its leaf's hash. Stretches one after the other, from 0, give the root of every tree
 *that ends where one of them ends, and only one set of records gives these roots.
 *
 * As text, the member `tree` of a bundle, a line each, hashes in lower-case hex:
 *
 *	record <seq> <hash>
 *	left-out <from> <to> <hash>...
 */
#ifndef MW_IO_BUNDLE_TREE_H
#define MW_IO_BUNDLE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "io/tlog.h"

/* No stretch needs more: up to 2^63 and down again. */
#define MW_RANGE_MAX 128

struct mw_range {
	uint64_t from, to;
	struct mw_hash hash[MW_RANGE_MAX];
	unsigned int n;
};

/* An empty one. */
void mw_range_init(struct mw_range *r, uint64_t from);
/* The leaf at r->to joins it. */
void mw_range_add(struct mw_range *r, const struct mw_hash *leaf);
/* Puts it behind the records of a tree: 0; -EBADMSG, and the tree as it was: it does not begin
 * where they end, or has not as many hashes as it must. */
int mw_range_append(struct mw_tlog_tree *t, const struct mw_range *r);

/* A line of the text, with the newline that ends it. `record`: which of the two; it has one leaf.
 * 0, -E2BIG, -ENOMEM. */
int mw_range_print(const struct mw_range *r, bool record, struct mw_buf *out);
#define MW_RANGE_LINE_MAX (64 + MW_RANGE_MAX * (2 * MW_HASH_LEN + 1))
/* And back, without the newline: only what is printed so. 0, -EBADMSG. */
int mw_range_parse(struct mw_slice line, struct mw_range *ret, bool *ret_record);

#endif
