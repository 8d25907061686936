/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a hash table with a hard limit, in insertion order
 *
 * Maps a key of fixed length to a pointer the caller owns. Open addressing over an array of entries
 * that keeps the order of insertion, so that iteration is the same in every run. It never grows
 * beyond `max` entries: a full table refuses, and the caller evicts (mw_table_oldest), counts and
 * says so.
 */
#ifndef MW_BASE_TABLE_H
#define MW_BASE_TABLE_H

#include "base/alloc.h"
#include "base/slice.h"

struct mw_table;

/* key_len 1..64 bytes, max >= 1. 0, -EINVAL, -ENOMEM. `a` is borrowed. */
int mw_table_new(const struct mw_alloc *a, size_t key_len, size_t max, struct mw_table **ret);
/* Frees the table, not the values; takes NULL. */
void mw_table_free(struct mw_table *t);
/* The value, or NULL. */
void *mw_table_get(const struct mw_table *t, const void *key);
/* Adds. 0, -EEXIST (nothing changed), -ENOSPC (full), -ENOMEM. `value` is not NULL. */
int mw_table_put(struct mw_table *t, const void *key, void *value);
/* Takes out; its value, or NULL if it was not there. */
void *mw_table_remove(struct mw_table *t, const void *key);
/* As remove and put again: from now on it is the newest. Its value, or NULL: there is none. */
void *mw_table_renew(struct mw_table *t, const void *key);
/* The value that was put longest ago, or NULL if empty. */
void *mw_table_oldest(const struct mw_table *t);
size_t mw_table_count(const struct mw_table *t);
/*
 * Iterates in insertion order: `*pos` starts at 0; NULL at the end. Removing the entry just
 * returned is allowed; adding is not.
 */
void *mw_table_next(const struct mw_table *t, size_t *pos);

#endif
