/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - which processes `run` watches: those the configuration names, and what they start
 *
 * The kernel makes a candidate of whatever is executed with a pipe or socket as fd 0 and fd 1; its
 * EXEC event decides. A process that is let go keeps nothing: its events are not in scope, and what
 * it had started meanwhile is let go as well.
 */
#ifndef MW_IO_SCOPE_H
#define MW_IO_SCOPE_H

#include "io/config.h"
#include "io/pump.h"

struct mw_scope;

/* config and source are borrowed; config may be replaced. 0, -ENOMEM. */
int mw_scope_new(const struct mw_config *config, struct mw_source *source, struct mw_scope **ret);
void mw_scope_free(struct mw_scope *s);
void mw_scope_set_config(struct mw_scope *s, const struct mw_config *config);
/* For mw_pump.scope: whether an event is in scope. */
bool mw_scope_event(void *scope, const struct mw_event_hdr *ev);
/* Tags what runs already and is named by the configuration. How many, or a negative errno. */
int mw_scope_scan(struct mw_scope *s);

static inline void mw_scope_freep(struct mw_scope **s)
{
	mw_scope_free(*s);
}

#endif
