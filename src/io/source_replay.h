/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_replay.h - events from a capture file (event.h says its format)
 *
 * Read in one pass, so a pipe will do. What it gives has passed mw_event_check and begins with
 * MW_EV_META; a file without MW_EV_END at its end is cut off, and -EBADMSG says so there. `next` never waits for more than the file itself does.
 */
#ifndef MW_IO_SOURCE_REPLAY_H
#define MW_IO_SOURCE_REPLAY_H

#include <mcpwatch/source.h>

/*
 * Opens a capture file ("-": stdin) and reads its header. 0; -EBADMSG: no capture file, or of a newer
 * version; another negative errno: it cannot be read. On failure err holds one line that names the
 * file (and byte).
 */
int mw_source_replay_new(const char *path, char *err, size_t err_len, struct mw_source **ret);

/* The line for what `next` failed with (-EBADMSG and others): file, byte offset, what. "" if it has
 * not failed. Owned by the source. */
const char *mw_source_replay_error(const struct mw_source *s);

#endif
