/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_helper.h - the process that runs an administrator's command for each alert
 *
 * A helper process (helper.h): first comes struct mw_command_hello, then for each message of at
 * most MW_COMMAND_BODY_MAX bytes the command is run and one struct mw_command_answer goes back. So
 * one runs at a time, and nothing that a fork costs is the daemon's.
 *
 * The helper and the command are the user that the hello names: no supplementary groups, no
 * capabilities, no new privileges (so set-user-ID programs do not help it). The command has a
 * session of its own, the message as a file on its stdin, /dev/null as stdout and stderr and
 * nothing else open, PATH, LANG, HOME=/ and nothing more in its environment, / as its folder, a
 * umask of 077, and limits on CPU time, memory, files and their size and processes. When it ends,
 * or after its time limit, all that it has left behind is killed, also what has left its session.
 */
#ifndef MW_IO_COMMAND_HELPER_H
#define MW_IO_COMMAND_HELPER_H

#include <stdint.h>

#include <mcpwatch/record.h>

#define MW_COMMAND_VERB	    "command-helper"
#define MW_COMMAND_BODY_MAX (MW_RECORD_MAX + 4096)
#define MW_COMMAND_ARGS_MAX 32
#define MW_COMMAND_ARGS_LEN 8192

struct mw_command_hello {
	uint32_t uid, gid, timeout_ms, n_args;
	char args[MW_COMMAND_ARGS_LEN]; /* n_args texts, each with a NUL behind it */
};

struct mw_command_answer {
	int32_t
	    error; /* negative errno: it was not run; -ETIMEDOUT: it was killed after its time */
	int32_t status; /* without an error: as waitpid gives it */
};

/* The helper: gives up its privileges and serves to its end. The exit status. */
int mw_command_helper(void);

#endif
