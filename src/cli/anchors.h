/* SPDX-License-Identifier: Apache-2.0 */
/* anchors.h - the anchors of a configuration, as run has them */
#ifndef MW_CLI_ANCHORS_H
#define MW_CLI_ANCHORS_H

#include "io/anchor.h"
#include "io/sink_log.h"

struct mw_cli_anchors {
	struct mw_anchor_list list;
	struct mw_anchors *running; /* NULL: there are none */
};

/* Reads `config` (NULL: the default file, if it is there). 0, or a negative errno after a line on
 * stderr. */
int mw_cli_anchors_load(struct mw_cli_anchors *x, const char *config);
/* Starts them, and has the log hand its checkpoints to them. The log is to be freed first. 0, or a
 * negative errno after a line. */
int mw_cli_anchors_start(struct mw_cli_anchors *x, struct mw_sink_log_config *log);
/* Sends the last checkpoint, for 5 s at most; says where it did not get. */
void mw_cli_anchors_done(struct mw_cli_anchors *x);

#endif
