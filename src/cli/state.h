/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the folder of state, for the verbs that observe */
#ifndef MW_CLI_STATE_H
#define MW_CLI_STATE_H

#include "io/state.h"

/*
 * Opens the folder (NULL: the default one; "none": none, *ret becomes NULL). One that cannot be
 * used is said on stderr and does not hold anything up: *ret tells the core so. 0, or MW_EXIT_FAIL.
 */
int mw_cli_state_open(const char *dir, bool write, struct mw_state_dir **ret);
/* Closes it and says what was not kept; takes what points to NULL. */
void mw_cli_state_closep(struct mw_state_dir **d);

#endif
