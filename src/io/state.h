/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the folder of what lasts from run to run: pins and shapes (core/state.h)
 *
 *	DIR/			0700, owned by who runs this; locked (flock) by who writes
 *	DIR/state.jsonl		0600; first {"mcpwatch_state":1}, then one line each. Appended to
 *	DIR/damaged-<seconds>	what it was when it could not be read, or not all of it
 *
 * When it is opened, what later lines replace is dropped: the rest is written beside, synced and
 * renamed. That is done again when the file has grown by MW_STATE_DIR_GROW since, so it never
 * becomes longer than MW_STATE_DIR_MAX. What is appended is synced by close, and by nothing before:
 * the loop does not wait for a disk. A loss of power may take the last lines.
 *
 * Who finds the folder locked reads it and writes nothing.
 */
#ifndef MW_IO_STATE_H
#define MW_IO_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/event.h>

#include "base/slice.h"

#define MW_DEFAULT_STATE "/var/lib/mcpwatch/state"

#define MW_STATE_DIR_MAX  (384u << 20)
#define MW_STATE_DIR_GROW (64u << 20)

struct mw_state_dir;

/*
 * Opens the folder, makes it if it is not there, and reads the file. 0; note holds one line of what
 * is to be said (damage, another one writes), or "". A negative errno: it cannot be used, note says
 * why in one line: -EPERM (owner or mode), -ELOOP, -EPROTONOSUPPORT (of a newer version: left as it
 * is), -EROFS and others. `write`: false reads only, and makes nothing.
 */
int mw_state_dir_open(const char *dir, bool write, char *note, size_t note_len,
		      struct mw_state_dir **ret);
/* One that has nothing and keeps nothing, but tells the core `why`. 0, -ENOMEM. */
int mw_state_dir_none(const char *why, struct mw_state_dir **ret);
/* The next thing the core is to be told, valid until the next call; NULL: nothing for now. At first
 * all that was kept (to be given right behind META), later a failure to write. */
const struct mw_event_hdr *mw_state_dir_next(struct mw_state_dir *d);
/* Keeps a line. From the first failure on nothing is kept, and the lines are counted. */
void mw_state_dir_write(struct mw_state_dir *d, struct mw_slice line);
/* Lines that were not kept; *ret_error (may be NULL): the first failure, 0 none. Those that
 * somebody else's lock kept out are not meant. */
uint64_t mw_state_dir_unkept(const struct mw_state_dir *d, int *ret_error);
/* Syncs and frees; takes NULL. */
void mw_state_dir_close(struct mw_state_dir *d);

static inline void mw_state_dir_closep(struct mw_state_dir **d)
{
	mw_state_dir_close(*d);
}

#endif
