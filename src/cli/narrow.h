/* SPDX-License-Identifier: Apache-2.0 */
/* narrow.h - opening logs for a question, by their indexes where they have one (io/index.h) */
#ifndef MW_CLI_NARROW_H
#define MW_CLI_NARROW_H

#include "cli/cli.h"

struct mw_filter;
struct mw_index_query;

/*
 * As mw_cli_open_logs. What is read may be less than the log: all that passes the filter, and what
 * mw_join must know of it; the filter has learnt the servers (mw_filter_learn). `types` as for
 * mw_filter_match. `index`: NULL, a file for the one log, or "none". Where an index cannot be used,
 * a line on stderr says so and the log is read whole.
 */
struct mw_logread *mw_cli_open_filtered(const struct mw_cli_list *logs, bool follow,
					struct mw_filter *f, const char *const *types,
					const char *index);
/* Likewise, with all records of tools and of the daemon besides. */
struct mw_logread *mw_cli_open_known(const struct mw_cli_list *logs, struct mw_filter *f,
				     const char *index);
/* Likewise for a question of one's own. */
struct mw_logread *mw_cli_open_narrow(const struct mw_cli_list *logs, bool follow,
				      const struct mw_index_query *q, const char *index);

/* A row of a table of options, beside MW_LOG_ROW. */
#define MW_INDEX_ROW(at)                                                                           \
	MW_OPTION_TEXT("index", 0, "FILE|none", at,                                                \
		       "the log's index, where it is not in the log's folder (mcpwatch index); "   \
		       "none: do without")

#endif
