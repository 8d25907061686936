/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_hash.h - by which rules and which configuration records were made
 *
 * SHA-256 over, of each file in the order it is read: its name, a NUL, how many bytes it has (8
 * bytes, little-endian), and these. Of what is no plain file only the name counts.
 */
#ifndef MW_IO_RULES_HASH_H
#define MW_IO_RULES_HASH_H

#include <stdint.h>

#include "io/yaml.h"

struct mw_rules_hash;

/* 0, -ENOMEM. */
int mw_rules_hash_new(struct mw_rules_hash **ret);
void mw_rules_hash_free(struct mw_rules_hash *h);

static inline void mw_rules_hash_freep(struct mw_rules_hash **h)
{
	mw_rules_hash_free(*h);
}

/* The rules compiled into the program. */
void mw_rules_hash_default(struct mw_rules_hash *h);
/* A file, or of a folder the rule files in it, as mw_rules_add_dir takes them. 0 (also where there
 * is no such folder and `missing_ok`), or a negative errno and one line in err. */
int mw_rules_hash_path(struct mw_rules_hash *h, const char *path, bool missing_ok,
		       struct mw_yaml_err err);
void mw_rules_hash_done(struct mw_rules_hash *h, uint8_t ret[32]);

#endif
