/* SPDX-License-Identifier: Apache-2.0 */
/* control.h - what the verbs share that ask the running daemon */
#ifndef MW_CLI_CONTROL_H
#define MW_CLI_CONTROL_H

#include "base/buf.h"

/*
 * Where the daemon's socket is: `given` (--control; may be NULL), else what the default
 * configuration names, if there is one that can be read, else the default. For free(). NULL after a
 * line on stderr: the configuration says that there is none.
 */
char *mw_cli_control_path(const char *given);
/*
 * A verb that asks once: its options into `opts` (*control is the one of --control), no arguments,
 * and what `show` makes of the whole answer. The exit status.
 */
struct mw_options;
int mw_cli_control_verb(const struct mw_options *options, int argc, char **argv, void *opts,
			const char *const *control, const char *request,
			int (*show)(const struct mw_buf *answer, const void *opts));

#endif
