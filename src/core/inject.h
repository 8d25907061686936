/* SPDX-License-Identifier: Apache-2.0 */
/* inject.h - whether a shell's command line holds an argument that the shell takes apart */
#ifndef MW_CORE_INJECT_H
#define MW_CORE_INJECT_H

#include "base/slice.h"
#include "core/args.h"

/* Program `exe` with argv (NUL after each argument) is a shell (sh, bash, dash, zsh, ksh, busybox
 * sh, cmd-like runners, `env sh`, ssh HOST COMMAND, eval of interpreters: python -c, node -e, perl
 * -e, ...) whose command text holds a string of the call's arguments, and in that string, outside
 * of the quotes that the command text puts around it, a metacharacter that starts another command,
 * substitution or redirection; or whose whole command stands in quotes
 * in an argument, which was code that the server evaluated; or an argument that begins with '-'
 * became an option of a program (argument injection) where it stands as a whole element. */
enum mw_inject { MW_INJECT_NONE = 0, MW_INJECT_OPTION, MW_INJECT_SHELL };
enum mw_inject mw_inject_find(struct mw_slice exe, struct mw_slice argv,
			      const struct mw_args *args);

#endif
