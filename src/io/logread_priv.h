/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logread_priv.h - the parts of logread.h among themselves
 *
 *	logread.c	all inputs: opening, merging, what is said of them
 *	logread_line.c	one line: whether it is a record, its head and members
 *	logread_input.c	one input: segments, blocks of bytes, lines
 *	logread_part.c	only what an index says, and what it does not know
 *	logread_servers.c	the records of servers, before all others
 *	logread_prove.c	the thread that verifies what is read
 *
 * Bytes come into blocks, whose whole lines the reader and the verifying thread look at at the same
 * time: nobody changes them any more. A block is filled anew when both are done with it.
 */
#ifndef MW_IO_LOGREAD_PRIV_H
#define MW_IO_LOGREAD_PRIV_H

#include <xxhash.h>

#include <mcpwatch/record.h>

#include "io/file.h"
#include "io/index.h"
#include "io/logread.h"
#include "io/verify.h"

/* More than a record has, so that what is left of one always fits the next block. */
#define MW_LR_BLOCK_LEN (256u << 10)
#define MW_LR_BLOCKS	8

struct mw_lr_block {
	char *buf;     /* MW_LR_BLOCK_LEN */
	uint32_t *end; /* where each line ends: a NUL stands there for its newline */
	size_t n_lines;
	size_t len;	   /* bytes in it */
	unsigned int held; /* by the verifying thread; under its lock */
};

static inline char *mw_lr_line(const struct mw_lr_block *b, size_t i, size_t *ret_n)
{
	const size_t from = i ? b->end[i - 1] + 1 : 0;

	*ret_n = b->end[i] - from;
	return b->buf + from;
}

/* --- logread_prove.c --- */

struct mw_lr_prove;

/* Takes v. Without a thread to be had, it does the work itself. NULL: no memory, v is freed. */
struct mw_lr_prove *mw_lr_prove_new(struct mw_verify *v);
/* The lines [from, to) of a block come next. Waits where the thread is far behind. */
void mw_lr_prove_lines(struct mw_lr_prove *p, struct mw_lr_block *b, size_t from, size_t to);
/* Waits until the thread is done with the block. */
void mw_lr_prove_release(struct mw_lr_prove *p, const struct mw_lr_block *b);
/* Waits until all that came is looked at: the object itself, the caller's until more lines come. */
struct mw_verify *mw_lr_prove_wait(struct mw_lr_prove *p);
/* To be called after that object was used, for the next one. */
void mw_lr_prove_look(struct mw_lr_prove *p);
/* The report if by now it says that the log is tampered, which it says for ever; else NULL. */
const struct mw_verify_report *mw_lr_prove_tampered(const struct mw_lr_prove *p);
/* Takes NULL. */
void mw_lr_prove_free(struct mw_lr_prove *p);

/* --- one input --- */

/* Whole lines that were read at a time, for reading them again. */
struct mw_lr_seen {
	XXH128_hash_t hash;
	size_t len;
	uint64_t first; /* of the segment; 0 in a single file */
};

struct mw_lr_input {
	const char *path; /* as named */
	char *file;	  /* the one being read */
	struct mw_lr_block block[MW_LR_BLOCKS];
	size_t cur;	/* the block being read */
	size_t next;	/* of its lines, the one to give next */
	int fd;		/* a single file; else -1 */
	int seg_dir_fd; /* a folder; else -1 */
	struct mw_segread *segment;
	struct mw_lr_prove *prove; /* NULL: nothing proves this input */
	struct mw_segment *segs;   /* by first */
	size_t n_segs;
	uint64_t first; /* of the segment being read */
	uint64_t line_no, next_seq;
	bool excerpt; /* its first line says that it was exported: numbers may be missing */
	bool any;     /* a record was read: next_seq is what must follow */
	bool done;    /* and nothing more will come */
	bool have;    /* rec is read and not given yet */
	/* with an index */
	uint64_t from; /* segments before this one are not read, but for what it says */
	struct mw_index_plan *plan; /* NULL: none, or all of it is read */
	uint64_t seq;		    /* by it, of the next line; -1: that is not known */
	/* the first reading, for another */
	struct mw_lr_seen *seen;
	size_t n_seen, at_seen;
	bool again;
	struct mw_logrec rec;
	struct mw_logrec_member members[MW_LOGREC_MEMBERS_MAX];
	char type[32];
};

/* To be called where one segment is read to its end and before that which begins at `next` is
 * opened. v: the verifier, NULL: there is none. 0; > 0: it ends here; negative errno: it fails so.
 */
struct mw_lr_hook {
	int (*fn)(void *arg, struct mw_verify *v, uint64_t next);
	void *arg;
};

struct mw_logread {
	const struct mw_lr_hook *hook;
	struct mw_lr_input *inputs;
	size_t n;
	bool follow;
	int failed;
	char err[MW_ERR_MAX];
	char hole[MW_ERR_MAX];
	char tampered[2 * MW_ERR_MAX];
	uint8_t secret[XXH3_SECRET_SIZE_MIN]; /* of this reader: nobody can aim at it */
};

/* The error; it stays. `line_no` 0: of the file as a whole. Returns r. */
int mw_lr_fail(struct mw_logread *l, int r, const char *file, uint64_t line_no, const char *what);

/* --- logread_line.c --- */

/* Checks the line and takes its head and members into in->rec. NULL, or what is wrong. */
const char *mw_lr_check(struct mw_lr_input *in, const char *line, size_t n);
/* The same of a line that passed mw_lr_check before, without checking it again. */
const char *mw_lr_known(struct mw_lr_input *in, const char *line, size_t n);

/* --- logread_part.c --- */

/* The lines of the next range. 1, 0 there are no more (in->plan is gone), negative errno. */
int mw_lr_part(struct mw_logread *l, struct mw_lr_input *in);
/* Whether the line at in->next is to be left out; counts it. */
bool mw_lr_part_skips(struct mw_lr_input *in);
/* For who makes an index of one log folder, behind mw_logread_new: goes on at the segment that
 * begins with `from`, with what the verifier knew there (n 0: nothing). 0, -EBADMSG, -ENOMEM. */
int mw_lr_build(struct mw_logread *l, uint64_t from, struct mw_slice state,
		const struct mw_lr_hook *hook);

/* --- logread_input.c --- */

/* Opens a segment's file and nothing else. 0, negative errno. */
int mw_lr_open_file(struct mw_logread *l, struct mw_lr_input *in, struct mw_segment *s);
/* Finds where lines end, from `at` on. */
void mw_lr_find_lines(struct mw_lr_block *b, size_t at);

int mw_lr_open(struct mw_logread *l, struct mw_lr_input *in, const char *path);
/* Reads one record into in->rec. 1, 0 not now or the end, negative errno. */
int mw_lr_next(struct mw_logread *l, struct mw_lr_input *in);
/* From the beginning, what was seen and no more. 0, negative errno. */
int mw_lr_again(struct mw_logread *l, struct mw_lr_input *in);
void mw_lr_close(struct mw_lr_input *in);

#endif
