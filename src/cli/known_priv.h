/* SPDX-License-Identifier: Apache-2.0 */
/* known_priv.h - between known.c and known_names.c. Without memory all of it ends the process
 * with a line. */
#ifndef MW_CLI_KNOWN_PRIV_H
#define MW_CLI_KNOWN_PRIV_H

#include "cli/known.h"

/* p, which is not NULL. */
void *mw_known_must(void *p);
/* A copy in place of what was there; nothing for NULL or n 0. */
void mw_known_set(char **to, const char *s);
void mw_known_set_raw(char **to, struct mw_slice raw);

/* A member of a raw object; n 0: it has none. */
struct mw_slice mw_known_member(struct mw_slice object, const char *name);
/* A raw string's text, for free(); NULL: it is no string. */
char *mw_known_text(struct mw_slice raw);
double mw_known_number(struct mw_slice raw, double otherwise);

/* Counts a name n times; `certain`: by a tie that is. */
void mw_known_name_count(struct mw_known_names *l, struct mw_slice name, uint64_t n, bool certain);
void mw_known_raw_count(struct mw_known_names *l, struct mw_slice raw, uint64_t n, bool certain);
/* Once; nothing for NULL. */
void mw_known_str_count(struct mw_known_names *l, const char *s);
void mw_known_names_done(struct mw_known_names *l);

#endif
