/* SPDX-License-Identifier: Apache-2.0 */
/* anchors.h - the anchors of a configuration, as run has them */
#ifndef MW_CLI_ANCHORS_H
#define MW_CLI_ANCHORS_H

#include <pthread.h>

#include "io/anchor.h"
#include "io/sink_log.h"

struct mw_cli_anchors {
	pthread_mutex_t lock; /* of set: the log's sealing thread looks at it */
	struct mw_cli_anchor_set *set;
	struct mw_cli_anchor_set *next; /* prepared */
	char *dir; /* the log's */
};

/* Starts those of the list, which is taken over (not on failure), and has the log hand its
 * checkpoints to them. The log is to be freed before *x. 0, or a negative errno after a line. */
int mw_cli_anchors_start(struct mw_cli_anchors *x, struct mw_anchor_list *list,
			 struct mw_sink_log_config *log);
/* Others, in two steps as outlets (sink_alert.h). prepare: 0, or a negative errno, and the list is
 * still the caller's. commit: from now on; those before end by themselves, within 5 s. cancel: none
 * of it. Both do nothing where nothing is prepared. */
int mw_cli_anchors_prepare(struct mw_cli_anchors *x, struct mw_anchor_list *list);
void mw_cli_anchors_commit(struct mw_cli_anchors *x);
void mw_cli_anchors_cancel(struct mw_cli_anchors *x);
/* Of those that run; n: how many there are. */
void mw_cli_anchors_stats(struct mw_cli_anchors *x, struct mw_anchors_stats *ret, size_t *ret_n);
/* Sends the last checkpoint, for 5 s at most; says where it did not get. */
void mw_cli_anchors_done(struct mw_cli_anchors *x);

#endif
