/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log.h - the sealed log: a folder, one writer
 *
 *	DIR/			0700 (made with what is missing above it); files 0600
 *	DIR/origin		"<host>/mcpwatch/<uuid>": the log's name, with a newline
 *	DIR/vkeys		verifier keys, a line each: of the identity, of epoch 0
 *	DIR/seg/<first seq, 20 digits>.jsonl	the records, a line each; one write call a record
 *	DIR/seg/<...>.jsonl.zst	the same compressed, of a segment that is followed by two others
 *	DIR/tile/...		the Merkle tree over the lines (tlog.h)
 *	DIR/seals.jsonl		a line a seal: {"epoch":N,"checkpoint":"<signed note>"}
 *	DIR/pruned.jsonl	seal records of segments that were deleted (segment.h)
 *	DIR/checkpoint		the newest signed note; written aside, synced, renamed
 *	DIR/quarantine/		what a crash left behind the last seal and is no whole record
 *	DIR/damaged/<uuid>/	a generation of this log that was found damaged, as it was found;
 *				`why` says what was wrong
 *	DIR/damaged/next	exists from that finding until the generation that follows is sealed
 *	DIR/reserve		room for the last words on a full disk; only while there is a writer
 *
 * A record is written at once: it survives the death of this process, and that of the machine from
 * the next seal on. A seal signs a tree whose last leaf is the seal record of that very seal;
 *signing is the work of a thread of its own, so that no record ever waits for a disk. A segment
 *ends behind a seal record, or where a crash ended the writing of a tree that was signed later.
 *
 * Order of a seal (each step can be done again; keys.h):
 *	seal line appended (the loop) | fdatasync of the segment | the plan {size, root} into the
 *	epoch file | tiles | the signed note appended to seals.jsonl, fdatasync | checkpoint beside,
 *	fsync, rename | the epoch file: next key, a fresh one behind it
 *
 * A DIR has one writer: an flock on the folder itself, held until free.
 */
#ifndef MW_IO_SINK_LOG_H
#define MW_IO_SINK_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/sink.h>

#include "io/keys.h"
#include "io/note.h"

/* Steps of a seal, in their order. */
enum mw_log_step {
	MW_LOG_SYNC = 1, /* the segment is on disk */
	MW_LOG_PLAN,	 /* the epoch file says what will be signed */
	MW_LOG_SIGN,
	MW_LOG_TILES,
	MW_LOG_SEALS,
	MW_LOG_CHECKPOINT,
	MW_LOG_ADVANCE, /* the old key is gone */
	MW_LOG_SEALED,	/* all done */
};

/* 0 stands for the default everywhere. */
struct mw_sink_log_config {
	const char *dir;      /* borrowed for the call */
	struct mw_keys *keys; /* borrowed for the sink's life */
	uint64_t
	    segment_max;  /* bytes; a segment that has so many is followed by a new one: 64 MiB */
	uint64_t seal_ns; /* most that a record waits to be sealed: 1 s */
	uint64_t seal_idle_ns;	 /* a sign of life when nothing waits: 30 s */
	uint64_t seal_urgent_ns; /* least time from one urgent seal to the next: 20 ms */
	uint64_t retry_ns;	 /* from one try of a disk that takes nothing to the next: 1 s */
	uint64_t seal_records;	 /* so many unsealed records are sealed at once: 16384 */
	bool compress;		 /* finished segments, with zstd */
	bool append_only; /* chattr +a on segments and seals.jsonl, where the file system can */
	/* Finished segments beyond these are deleted, oldest first, but none whose last record is
	 * younger than keep_ns. */
	uint64_t retention_ns;	/* 90 days */
	uint64_t retention_len; /* 10 GiB */
	uint64_t keep_ns;	/* 7 days */
	/* Called in the sealing thread for each new checkpoint when all of it is on disk. May be
	 * NULL. */
	void (*sealed)(void *ctx, const char *checkpoint, size_t n, uint64_t size);
	void *sealed_ctx;
	/* For tests: called before each step of a seal; a negative errno makes the step fail with
	 * it. NULL: not. */
	int (*before)(void *ctx, enum mw_log_step step);
	void *before_ctx;
};

/* What was there. */
struct mw_sink_log_found {
	uint64_t next_seq; /* one more than the last whole record's; 0 for a new log */
	uint64_t unsealed; /* whole records behind the last seal, which are kept */
	/* What followed them was moved out of the log, and where. */
	bool torn;
	uint64_t torn_n; /* its bytes */
	char torn_path[512];
	/* An earlier generation was damaged and moved away; this one is new, or was not sealed yet.
	 */
	bool damaged;
	char damaged_origin[MW_NOTE_NAME_MAX];	/* may be "": not known */
	uint64_t damaged_size;			/* of its last checkpoint; 0: none */
	char damaged_root[2 * MW_HASH_LEN + 1]; /* likewise, in hex */
	char damaged_why[256];
};

/*
 * Opens or makes a log. 0; on failure err holds one line and nothing was changed but what a
 * repeated start does again: -ENOTDIR (dir is a file), -EBUSY (another writer), -EINVAL (the keys
 * lie in it), -EBADMSG and others.
 */
int mw_sink_log_new(const struct mw_sink_log_config *cfg, char *err, size_t err_len,
		    struct mw_sink_log_found *ret_found, struct mw_sink **ret);
struct mw_sink_log_stats {
	uint64_t records; /* in the log: one more than the last one's number */
	uint64_t sealed;  /* of them so many, from the first on, are under a seal on disk */
	uint64_t sealed_ns; /* boot time of the last seal of this run; 0: none yet */
	uint64_t seals;	    /* of this run */
	uint64_t bytes;	    /* of lines, written by this run */
	int error; /* negative errno: records are not taken now, or not sealed; 0: all is well */
};
/* Of the sink that mw_sink_log_new made. */
void mw_sink_log_stats(const struct mw_sink *s, struct mw_sink_log_stats *ret);
/* What a log is called, and its verifier keys, a line each; both NUL-terminated. */
struct mw_sink_log_names {
	char origin[MW_NOTE_NAME_MAX];
	char vkeys[2 * MW_VKEY_MAX];
};
/* Reads them from a log folder, also while it is being written. 0; -ENOENT: there is no log;
 * others: on failure err holds one line. */
int mw_sink_log_names(const char *dir, char *err, size_t err_len, struct mw_sink_log_names *ret);

#endif
