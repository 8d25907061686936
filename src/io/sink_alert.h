/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_alert.h - alert records to the outlets of a configuration (alert.h)
 *
 * Each outlet has a thread of its own and a bounded queue, so that nothing an outlet does makes the
 * loop wait. What goes over a network or runs a command is a helper process's (net_helper.h,
 * command_helper.h).
 *
 * An alert goes into the queue if the outlet's severity and its rate allow. Beyond its rate, and
 * when the queue is full, alerts fold: the first of the most severe is held and goes as soon as the
 * rate allows, the others are counted, and the next message that goes tells how many ("12 more
 * alerts not sent", not_sent). What fails for now (nobody listens, 5xx, 408, 429) is tried again
 * with growing pauses, for MW_ALERT_KEEP_MS; what fails for good (another status, a command's exit
 * status) is not.
 *
 * All alerts that an outlet was given and did not deliver are counted, and told to the core as
 * MW_EV_OUTLET: at once, then at most once in MW_ALERT_TELL_MS and outlet, and at the end. An alert
 * may come twice where it is not known whether it arrived; by TCP and UDP "delivered" is "sent".
 */
#ifndef MW_IO_SINK_ALERT_H
#define MW_IO_SINK_ALERT_H

#include <mcpwatch/sink.h>

#include "io/alert.h"

#define MW_ALERT_QUEUE_MAX   256
#define MW_ALERT_QUEUE_BYTES (4u << 20)
#define MW_ALERT_KEEP_MS     300000
#define MW_ALERT_TELL_MS     60000
/* For the last alerts, at the end and after a change. */
#define MW_ALERT_STOP_MS 5000

struct mw_alert_stats {
	uint64_t sent, failed; /* tries */
	uint64_t not_sent;     /* alerts */
	uint64_t waiting;      /* in queues now */
	uint64_t outlets;      /* that there are */
};

/*
 * Starts the threads; takes the list over, also one without outlets (not on failure). `say` (may be
 * NULL) gets a line, from any thread, when an outlet begins to fail, fails otherwise, or works
 * again; not more than one a minute and outlet. 0, -ENOMEM and others. Asked with UINT64_MAX it
 * stops: what waits is tried once more, for MW_ALERT_STOP_MS at most, and what hangs longer is left
 * behind.
 */
int mw_sink_alert_new(struct mw_alert_list *list, void (*say)(void *ctx, const char *line),
		      void *ctx, struct mw_sink **ret);
/*
 * Other outlets for the sink that mw_sink_alert_new made, in two steps, so that what changes with
 * them may fail in between. prepare starts them; takes the list over, not on failure. 0; -EBUSY:
 * those of an earlier change have not ended; -ENOMEM and others. commit: alerts are theirs from now
 * on; those before get MW_ALERT_STOP_MS for what waits, and nobody waits for them. cancel: they are
 * gone again, and nothing has changed. Both do nothing where nothing is prepared.
 */
int mw_sink_alert_prepare(struct mw_sink *s, struct mw_alert_list *list);
void mw_sink_alert_commit(struct mw_sink *s);
void mw_sink_alert_cancel(struct mw_sink *s);
/* Whether its outlets have the header and keys that `list` has: files may hold others meanwhile, of
 * the same configuration. */
bool mw_sink_alert_has(const struct mw_sink *s, const struct mw_alert_list *list);
/* Of all outlets so far. */
void mw_sink_alert_stats(struct mw_sink *s, struct mw_alert_stats *ret);

#endif
