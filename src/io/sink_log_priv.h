/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_log_priv.h - the parts of the sealed log among themselves
 *
 *	sink_log.c	  the loop's side: records in, what it asks of the core
 *	sink_log_store.c  the loop's side of a disk that takes nothing
 *	sink_log_segment.c  segments: names, room, flags
 *	sink_log_seal.c	  the sealing thread
 *	sink_log_keep.c	  a second thread, of low priority: compression and deletion
 *	sink_log_open.c	  start: the folder, its name and its keys
 *	sink_log_check.c  start: seals, tiles and lines held against each other
 *	sink_log_damaged.c  start: a damaged generation goes away
 *
 * The loop and each thread share a queue of one place and nothing else. A place is handed over
 *under its lock; who has it owns all that it says.
 */
#ifndef MW_IO_SINK_LOG_PRIV_H
#define MW_IO_SINK_LOG_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include <mcpwatch/event.h>

#include "io/file.h"
#include "io/logread.h"
#include "io/sink_log.h"

#define MW_LOG_SECOND 1000000000ull
/* Most leaves that wait for a seal: if sealing takes that long, records are no longer taken. */
#define MW_LOG_LEAVES_MAX (1u << 20)
#define MW_LOG_ZST	  ".zst"
#define MW_LOG_NAME_MAX	  (MW_SEGMENT_NAME_LEN + 16)

/* Leaf hashes that wait to be sealed. */
struct mw_log_leaves {
	struct mw_hash *p;
	size_t n, cap;
};
/* 0, -ENOMEM, -ENOBUFS (there are MW_LOG_LEAVES_MAX). */
int mw_log_leaves_add(struct mw_log_leaves *l, const struct mw_hash *leaf);

/* --- sink_log_seal.c --- */

enum mw_log_queue { MW_LOG_IDLE, MW_LOG_READY, MW_LOG_FAILING, MW_LOG_DONE };

/* What a seal is of: the leaves since the last one. */
struct mw_log_job {
	struct mw_log_leaves leaves;
	uint64_t size; /* of the tree, its last leaf the seal record */
	int fd;	       /* the segment, owned by the job; -1: it is on disk already */
	uint64_t first; /* its name */
	uint64_t from,
	    to;	       /* the bytes of it that are to be on disk: the last lines of the leaves */
	bool new_name; /* the segment's name may not be on disk yet */
};

struct mw_log_sealer {
	/* set before the thread begins */
	int dir_fd, seg_dir_fd;
	int key_fd;
	int seals_fd;
	off_t seals_end; /* of its last whole line */
	bool append_only;
	char origin[MW_NOTE_NAME_MAX];
	struct mw_skey identity;
	const struct mw_sink_log_config *cfg;
	/* of the thread, and of who runs steps before it begins */
	struct mw_tiles *tiles;
	struct mw_epoch epoch;
	enum mw_log_step step; /* the next one */
	bool added;	       /* the job's leaves are in tiles */
	bool unsynced;	       /* a sync failed: what was to be written is written again */
	char note[MW_NOTE_MAX];
	size_t note_len;
	char line[2 * MW_NOTE_MAX + 64];
	/* the queue */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	_Atomic int state; /* enum mw_log_queue; may be looked at without the lock */
	bool quit;
	_Atomic bool full; /* the reserve was freed for a seal: records must not take its room */
	struct mw_log_job job;
	int error;		     /* FAILING: of the last try */
	uint64_t sealed;	     /* DONE: size of the tree */
	char next_vkey[MW_VKEY_MAX]; /* of the epoch behind the current one */
	uint64_t next_epoch;	     /* the current one: what the next seal record says */
};

void mw_log_sealer_init(struct mw_log_sealer *q, const struct mw_sink_log_config *cfg);
/* Runs what is left of the job, without the thread. 0 or negative errno: call again to go on. */
int mw_log_sealer_run(struct mw_log_sealer *q);
/* After the keys are known, and after each seal: next_epoch and next_vkey. 0, -ENOMEM, -EINVAL. */
int mw_log_sealer_name(struct mw_log_sealer *q);
/* Begins the thread. 0 or negative errno. */
int mw_log_sealer_begin(struct mw_log_sealer *q);
/* Hands a job over. The queue must be IDLE. */
void mw_log_sealer_push(struct mw_log_sealer *q, const struct mw_log_job *job);
/* Takes back the leaves' memory of a job that is DONE; then it is IDLE. */
void mw_log_sealer_take(struct mw_log_sealer *q, struct mw_log_leaves *ret);
/* Waits at most timeout_ns for the job. 0 or the error it fails with. */
int mw_log_sealer_wait(struct mw_log_sealer *q, uint64_t timeout_ns);
/* A thread that gets no signals. 0 or negative errno. */
int mw_log_thread(pthread_t *ret, void *(*fn)(void *), void *ctx);
/* Ends the thread, and frees. */
void mw_log_sealer_done(struct mw_log_sealer *q);

/* --- sink_log_keep.c --- */

struct mw_log_keeper {
	const struct mw_sink_log_config *cfg;
	int dir_fd, seg_dir_fd;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	bool quit, kicked;
	uint64_t sealed; /* what is before this leaf is sealed */
	uint64_t
	    delete_to;	   /* segments that end before this are deleted: that was said and sealed */
	uint64_t from, to; /* what it would delete */
	bool asked;	   /* the log has taken that over */
	_Atomic bool wants; /* it would; may be looked at without the lock */
};

void mw_log_keeper_init(struct mw_log_keeper *k, const struct mw_sink_log_config *cfg);
int mw_log_keeper_begin(struct mw_log_keeper *k);
/* So many leaves are sealed; and whether a segment has ended since. */
void mw_log_keeper_sealed(struct mw_log_keeper *k, uint64_t size, bool new_segment);
/* Whether something is to be deleted: then its range of records [from, to). Said once. */
bool mw_log_keeper_ask(struct mw_log_keeper *k, uint64_t *ret_from, uint64_t *ret_to);
/* It has been said and sealed: go on. */
void mw_log_keeper_delete(struct mw_log_keeper *k, uint64_t to);
void mw_log_keeper_done(struct mw_log_keeper *k);

/* --- the sink --- */

/* What the log does with records. */
enum mw_log_store {
	MW_LOG_TAKES,	/* them */
	MW_LOG_REFUSED, /* one was not taken: to be told */
	MW_LOG_OFF,	/* it was told: they are counted by the core */
	MW_LOG_TRIES,	/* it was told to go on: the gap record decides */
	MW_LOG_LAST,	/* the gap stands, now a seal, then off again */
};

struct mw_log {
	struct mw_sink sink;
	struct mw_sink_log_config cfg;
	char *dir;
	int dir_fd, seg_dir_fd;
	/* the segment */
	int fd;		  /* -1: the next record begins one */
	uint64_t first;	  /* its name */
	uint64_t from;	  /* what is before it is in a seal */
	uint64_t end;	  /* of the last whole record in fd */
	uint64_t room;	  /* so many bytes of it the file system has set aside */
	bool no_room;	  /* the file system cannot set aside */
	bool new_name;	  /* the folder has an entry that is not on disk yet */
	size_t n_segments;
	bool new_segment; /* the thread that keeps them was not told of this one */
	bool broken;	  /* half a line that could not be taken back: nothing may follow it */
	uint64_t next_seq;
	bool seal_last; /* the last record is a seal: a segment may end here */
	/* what waits */
	struct mw_log_leaves leaves, spare;
	uint64_t first_ns; /* since when the first of them waits; 0: not looked yet */
	bool urgent;
	/* seals */
	struct mw_log_sealer seal;
	bool asked; /* a seal record was asked for and did not come yet */
	bool begun; /* a record was written in this run */
	bool start_due;
	int sync_fd;		     /* what the one that is asked for has to sync; -1: none is */
	uint64_t seal_ns, urgent_ns; /* when one was last asked for */
	uint64_t again_ns;	     /* not before */
	bool stopped;		     /* the last one is asked for */
	/* a disk that takes nothing */
	enum mw_log_store store;
	int store_error;
	bool last_words; /* they are still to be said when the queue is idle */
	uint64_t retry_ns;
	bool last_try; /* the end had its chance */
	/* retention */
	struct mw_log_keeper keep;
	uint64_t prune_to, prune_seq; /* prune_to != 0: sealed once prune_seq is */
	bool prune_asked;
	bool damaged; /* an earlier generation is: to be said by the first seal */
	uint64_t n_bytes, n_seals, n_sealed, sealed_ns; /* for mw_sink_log_stats */
	/* what ask gives */
	union {
		struct mw_event_hdr hdr;
		struct mw_ev_store store;
		struct {
			struct mw_ev_seal seal;
			char vkey[MW_VKEY_MAX];
		};
	} ev;
	/* what was taken and is not written yet, and how many records that is */
	size_t out_len, n_out;
	char out[4 * (MW_RECORD_MAX + 1)];
};

/* Writes what waits. 0, or negative errno: what was not written is refused. */
int mw_log_out(struct mw_log *s);

/* Fills in ev's head and gives it. */
const struct mw_event_hdr *mw_log_event(struct mw_log *s, uint16_t type, size_t len);
const struct mw_event_hdr *mw_log_ask_seal(struct mw_log *s, enum mw_seal_reason reason,
					   uint64_t now_ns);

/* --- sink_log_segment.c --- */

/* Makes the next record's segment. 0 or negative errno. */
int mw_log_segment_next(struct mw_log *s);
/* Goes on in an existing one. */
int mw_log_segment_open(struct mw_log *s, uint64_t first, uint64_t end);
/* Sets room aside for `len` bytes more. 0, -ENOSPC; where the file system cannot it is no error. */
int mw_log_segment_room(struct mw_log *s, uint64_t len);
/* Gives back what was set aside and not used. */
void mw_log_segment_close(struct mw_log *s);
/* Cuts a file that may only be appended to. 0 or negative errno. */
int mw_log_cut(int fd, uint64_t len, bool append_only);
void mw_log_append_only(int fd, bool on);
void mw_log_segment_name(uint64_t first, char ret[MW_LOG_NAME_MAX]);
int mw_log_dir_at(int at, const char *name);

/* --- sink_log_store.c --- */

void mw_log_refuse(struct mw_log *s, int error);
/* What is to be told about it now, or NULL. */
const struct mw_event_hdr *mw_log_store_ask(struct mw_log *s, uint64_t now_ns);
/* The record after RESUMED was taken. */
void mw_log_store_taken(struct mw_log *s);
/* Makes the reserve, or frees it. */
int mw_log_reserve(int dir_fd);
void mw_log_reserve_free(int dir_fd);

/* --- start --- */

/* sink_log_open.c. As mw_sink_log_new. */
int mw_log_open(struct mw_log *s, struct mw_sink_log_found *found, char *err, size_t err_len);

/* What stands in the folder, as far as it was read. */
struct mw_log_start {
	struct mw_log *log;
	struct mw_sink_log_found *found;
	char *err;
	size_t err_len;
	/* of the last seal; size 0: none */
	uint64_t epoch, size;
	struct mw_hash root;
	char origin[MW_NOTE_NAME_MAX];
	uint8_t uuid[MW_UUID_LEN];
	char why[256]; /* what is damaged */
};

int __attribute__((format(printf, 3, 4)))
mw_log_start_fail(struct mw_log_start *st, int r, const char *fmt, ...);
/* Sealed data is not what was sealed: says why, for the record. Returns -EUCLEAN. */
int __attribute__((format(printf, 2, 3)))
mw_log_start_damaged(struct mw_log_start *st, const char *fmt, ...);

/* A whole file of at most max - 1 bytes. 0, -EFBIG, -EBADMSG (no plain file), -ELOOP, others. */
int mw_log_file_read(int at, const char *name, char *buf, size_t max, size_t *ret_n);
/* Beside, synced, renamed, the folder synced. */
int mw_log_file_write(int at, const char *name, const char *text, size_t n);

/* sink_log_check.c: the whole check of a generation, and what a crash left undone. 0; -EUCLEAN: it
 * is damaged (st->why); others: st->err says it. */
int mw_log_check(struct mw_log_start *st);
/* sink_log_tail.c: the lines of the last segment, and those behind the last seal. As above. */
int mw_log_check_lines(struct mw_log_start *st);
/* Adds the leaves of the lines up to st->size to a tree that has all before these segments. 0,
 * -EUCLEAN (they are not all there, or compressed), others. */
int mw_log_tiles_of_lines(struct mw_log_start *st, const struct mw_segment *all, size_t n,
			  struct mw_tiles *t);

/* sink_log_damaged.c: moves the generation away. 0; on failure st->err says it. */
int mw_log_damaged_move(struct mw_log_start *st);
/* Ends a move that was begun, and finds what is still to be said of one. As above. */
int mw_log_damaged_look(struct mw_log_start *st);
/* It was said, and that is sealed. */
void mw_log_damaged_said(int dir_fd);

#endif
