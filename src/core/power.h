/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.h - what a tool says that it may do, and what was seen of it
 *
 * Observed, of what succeeded and is tied to the call:
 *   read_low, read_high    a file opened to read, a SELECT; high: what holds secrets (keys, tokens,
 *                          shadow, .env, another process's memory)
 *   write_low, write_high  a file opened to write, made, renamed, linked, its times changed; an
 *                          INSERT or UPDATE; HTTP POST, PUT, PATCH; high: what programs or logins
 *                          obey (system folders, start-up files, keys), owners and modes, mounts,
 *                          other processes, the kernel
 *   destructive            deleted, truncated, rmdir; DELETE, DROP, TRUNCATE, ALTER; HTTP DELETE
 *   execute                a program was run
 *   open_world             a connection or datagram to another host
 * Opening for writing with truncation is writing where it may create the file, else destructive.
 *
 * Declared, of the tool's annotations alone (MCP, ToolAnnotations), as far as they are written
 * there: readOnlyHint true      read_low, read_high readOnlyHint false     these, write_low,
 * write_high, and destructive unless destructiveHint is false (its default is true) destructiveHint
 * without readOnlyHint likewise, as readOnlyHint's default is false openWorldHint true open_world
 * None of them: undeclared. No annotation speaks of executing programs.
 */
#ifndef MW_CORE_POWER_H
#define MW_CORE_POWER_H

#include "core/act.h"

enum mw_power {
	MW_POWER_READ_LOW = 1,
	MW_POWER_READ_HIGH = 2,
	MW_POWER_WRITE_LOW = 4,
	MW_POWER_WRITE_HIGH = 8,
	MW_POWER_DESTRUCTIVE = 16,
	MW_POWER_EXECUTE = 32,
	MW_POWER_OPEN_WORLD = 64,
	MW_POWER_UNDECLARED = 128,
};
#define MW_POWERS 8

/* The name of bit i. */
const char *mw_power_name(unsigned int i);
/* Bits of one action; 0 of what failed. */
unsigned int mw_power_observed(const struct mw_action *act);
/* Bits of a raw JSON object of annotations, or of an empty text. */
unsigned int mw_power_declared(struct mw_slice annotations);

#endif
