/* SPDX-License-Identifier: Apache-2.0 */
/* filter_priv.h - between filter.c, filter_match.c and filter_server.c */
#ifndef MW_CLI_FILTER_PRIV_H
#define MW_CLI_FILTER_PRIV_H

#include "cli/filter.h"

/* The types of records, in the order of the bits of mw_filter.types; NULL ends them. */
extern const char *const mw_filter_types[];
/* From low on. */
extern const char *const mw_filter_severities[];

/* The longest text without a special character that stands in whatever a POSIX extended expression
 * matches, as far as that is plain to see; n 0: none. In ere. */
struct mw_slice mw_filter_part(const char *ere);
/* The members of an object, by their names as they stand: ours have no escapes. Names end with
 * NULL. */
void mw_filter_members(struct mw_slice object, const char *const *want, struct mw_slice *ret);
/* A raw value as a name; what lines show of a raw key. */
void mw_filter_see_name(const struct mw_patterns *l, struct mw_slice raw, struct mw_matched *m);
void mw_filter_see_shown(const struct mw_patterns *l, struct mw_slice key, struct mw_matched *m);
/* What is known of the record's server by other records. */
void mw_filter_see_server(const struct mw_filter *f, const struct mw_logrec *rec,
			  struct mw_matched *m);
void mw_filter_servers_free(struct mw_filter_servers *s);

#endif
