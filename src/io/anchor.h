/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor.h - checkpoints to places that who has this host has not
 *
 *	anchors:
 *	  - type: syslog	one RFC 5424 line (anchor_text.h) to a collector
 *	    address: udp://HOST[:PORT] | tcp://HOST[:PORT] | unix:/PATH
 *	  - type: journal	an entry with MCPWATCH_CHECKPOINT and others
 *	  - type: file		appended to a file elsewhere (0600, never through a symbolic link)
 *	    address: /PATH
 *	  - type: witness	a C2SP tlog-witness, by its submission prefix
 *	    address: http[s]://...
 *	    vkey: NAME+ID+KEY	whose cosignature is wanted
 *	    every: SECONDS	at most one in so many: 1
 *	    timeout: SECONDS	10
 *
 * Each has a thread of its own that takes the newest checkpoint when it is ready for one: what came
 * between is left out, since a checkpoint stands for all before it. So nothing here ever makes the
 * log wait. Network and what comes from it are a helper process's (net_helper.h). A witness's
 * cosignature is checked with its key and kept in DIR/cosigned/<key id>: the newest checkpoint that
 *it signed, with its line.
 */
#ifndef MW_IO_ANCHOR_H
#define MW_IO_ANCHOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/note.h"
#include "io/yaml.h"

#define MW_ANCHORS_MAX 16

enum mw_anchor_type {
	MW_ANCHOR_SYSLOG = 1,
	MW_ANCHOR_JOURNAL,
	MW_ANCHOR_FILE,
	MW_ANCHOR_WITNESS,
};

struct mw_anchor_config {
	enum mw_anchor_type type;
	const char *address; /* "journal" for a journal */
	struct mw_vkey vkey; /* WITNESS */
	uint32_t every_ms, timeout_ms;
};

struct mw_anchor_list {
	struct mw_anchor_config anchor[MW_ANCHORS_MAX];
	size_t n;
	struct mw_yaml *y; /* the texts lie in it */
};

/* The `anchors` of a configuration; its other keys are not looked at. 0 (without the key: none);
 * -EINVAL, -ENOENT and others with one line in err. mw_anchor_list_done also after a failure. */
int mw_anchor_list_load(const char *path, struct mw_yaml_err err, struct mw_anchor_list *ret);
void mw_anchor_list_done(struct mw_anchor_list *l);

struct mw_anchors;

struct mw_anchors_stats {
	uint64_t sent, failed; /* of all anchors */
};

/*
 * Starts the threads. `list` is borrowed for its life; `dir` is the log folder, for proofs from its
 * tiles and for what is kept; it need not be there before the first push. `say` (may be NULL) gets a line, from any thread, when an anchor
 * begins to fail, fails otherwise, or works again; not more than one a minute and anchor. 0,
 * -ENOMEM and others.
 */
int mw_anchors_new(const struct mw_anchor_list *list, const char *dir,
		   void (*say)(void *ctx, const char *line), void *ctx, struct mw_anchors **ret);
/* A checkpoint that is on disk; from any thread, never waits. One longer than MW_NOTE_MAX is none.
 */
void mw_anchors_push(struct mw_anchors *a, const char *checkpoint, size_t n, uint64_t size);
void mw_anchors_stats(const struct mw_anchors *a, struct mw_anchors_stats *ret);
/*
 * The newest checkpoint goes out, tried once, and all ends, within timeout_ms; frees. Takes NULL.
 * What hangs longer (a file on a dead server) is left behind. How many anchors do not have the
 * newest one.
 */
size_t mw_anchors_stop(struct mw_anchors *a, unsigned int timeout_ms);

#endif
