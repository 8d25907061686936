/* SPDX-License-Identifier: Apache-2.0 */
/* sealed.h - the sealed log as exec and run write it: keys, sink, and what an earlier run left */
#ifndef MW_CLI_SEALED_H
#define MW_CLI_SEALED_H

#include <mcpwatch/engine.h>

#include "io/keys.h"
#include "io/logresume.h"
#include "io/sink_log.h"

/* Zeroed where there is no log. */
struct mw_sealed {
	struct mw_keys *keys;
	struct mw_mac *mac; /* NULL: that of keys */
	struct mw_log_resume *resume;
	struct mw_sink_log_found found;
	struct mw_engine_found engine_found;
};

/*
 * Opens keys (NULL: the default folder) and log, reads what an earlier run left there, and sets all
 * of that in the engine's configuration, which borrows from *s. Says on stderr what was found, and
 * what went wrong. 0, or MW_EXIT_FAIL. *ret_sink is the caller's; to be freed before *s.
 */
int mw_sealed_open(struct mw_sealed *s, const struct mw_sink_log_config *log, const char *keys_dir,
		   struct mw_engine_config *engine, struct mw_sink **ret_sink);
/* Without a log: keyed hashes with a key of this run. 0, or MW_EXIT_FAIL. */
int mw_sealed_none(struct mw_sealed *s, struct mw_engine_config *engine);
void mw_sealed_done(struct mw_sealed *s);

#endif
