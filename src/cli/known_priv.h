/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_priv.h - the parts of known.h among themselves; without memory they end the process with a
 * line, where they do not say otherwise
 *
 *	known.c		servers, their runs, tools
 *	known_count.c	what passed the filter
 *	known_names.c	raw values, and words by how often they were seen
 *	known_saved.c	all of it as bytes, and back
 *	known_read.c	the reading
 */
#ifndef MW_CLI_KNOWN_PRIV_H
#define MW_CLI_KNOWN_PRIV_H

#include "base/buf.h"
#include "cli/known.h"

#define MW_KNOWN_RUN_KEY 48

/* One process of a server. */
struct mw_known_run {
	char key[MW_KNOWN_RUN_KEY];
	struct mw_known_server *server;
	enum mw_known_state state;
};

/* The run that a record's server names; NULL: none, or no room for it. */
struct mw_known_run *mw_known_run_of(struct mw_known *s, const struct mw_logrec *rec);
/* A server's tool by its raw name; NULL likewise. */
struct mw_known_tool *mw_known_tool_at(struct mw_known *s, const struct mw_known_server *v,
				       struct mw_slice raw);

/* --- known_saved.c --- */

/* All that is known so far, and `from`, the first record that is not counted. 0, -E2BIG: it is too
 * much to be saved; -ENOMEM. */
int mw_known_save(struct mw_known *s, uint64_t from, struct mw_buf *out);
/* Into one that knows nothing. 0; -EBADMSG: it is of no use any more; -ENOMEM. */
int mw_known_load(struct mw_known *s, struct mw_slice in, uint64_t *ret_from);

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
