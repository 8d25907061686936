/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_priv.h - the parts of verify.h among themselves
 *
 *	verify.c	lines, and what was sealed of them
 *	verify_head.c	what a line says at its beginning
 *	verify_keys.c	the folder: its name, its keys, the enrolled ones, anchors
 *	verify_seal.c	seals.jsonl and the checkpoint
 *	verify_ahead.c	the identity's signatures of the seals that come
 *	verify_find.c	which record, and what was done to it
 *	verify_folder.c	all of a folder
 *	verify_state.c	all that is known between two segments, as bytes
 *	bundle_verify.c	all of a bundle
 */
#ifndef MW_IO_VERIFY_PRIV_H
#define MW_IO_VERIFY_PRIV_H

#include "base/buf.h"
#include "io/file.h"
#include "io/segment.h"
#include "io/verify.h"

#define MW_VERIFY_SEALS "seals.jsonl"
/* Of one line of it. */
#define MW_VERIFY_SEAL_MAX (4 * MW_NOTE_MAX)
/* Records that tell something of the log itself and wait for their seal. */
#define MW_VERIFY_MARKS 4096

/* --- verify_head.c --- */

enum mw_line_kind { MW_LINE_OTHER, MW_LINE_SEAL, MW_LINE_DAEMON };

/* Borrowed from the line. */
struct mw_line_head {
	bool has_seq;
	uint64_t seq;
	struct mw_slice time; /* as it stands between the quotes; empty: none */
	enum mw_line_kind kind;
};
void mw_line_head(const char *line, size_t n, struct mw_line_head *ret);

/* What a record says that is needed once it is sealed. */
struct mw_line_mark {
	uint64_t seq;
	enum mw_line_kind kind;
	int64_t time_ns;   /* 0: not known */
	bool stop;	   /* DAEMON: the log's writer ended */
	bool damaged;	   /* DAEMON: an older generation was found damaged */
	uint64_t prune_to; /* PRUNE: so many oldest records may be gone */
	/* SEAL */
	bool good; /* it has both */
	uint64_t epoch;
	struct mw_vkey next;
};
/* `head` of the same line. */
void mw_line_mark(const char *line, size_t n, const struct mw_line_head *head,
		  struct mw_line_mark *ret);

/* --- the object --- */

struct mw_verify_seal {
	uint64_t epoch, size;
	struct mw_hash root;
	uint64_t line_no; /* in seals.jsonl */
	struct mw_vkey key;
};

struct mw_verify_anchor {
	struct mw_checkpoint c;
	char name[MW_NOTE_NAME_MAX + 16]; /* who holds it, in words */
};

/* Where the log's files are, if not in a folder. */
struct mw_verify_store {
	/* As mw_vf_file. */
	int (*file)(void *ctx, const char *name, size_t max, char **ret, size_t *ret_n);
	/* As read(2), of seals.jsonl; negative errno. */
	ssize_t (*seals)(void *ctx, void *p, size_t n);
	void *ctx;
};

/* A file that is read line by line as it grows. */
struct mw_verify_lines {
	int fd; /* -1: there is none */
	char *buf;
	size_t at, len;
	uint64_t line_no;
};

struct mw_verify {
	int dir_fd;
	struct mw_verify_store store; /* of a bundle; {0}: dir_fd */
	int error;
	bool stop; /* nothing is looked at any more: there is a finding, or an error */
	struct mw_verify_report rep;
	/* beside the records: the first such finding */
	enum mw_finding soft;
	char soft_text[MW_VERIFY_TEXT];
	/* keys */
	char origin[MW_NOTE_NAME_MAX];
	struct mw_vkey identity, key; /* `key`: of the next epoch, if have_key */
	bool have_key;
	uint64_t epoch; /* of the next seal */
	struct mw_vkey *witness;
	size_t n_witness;
	/* seals */
	struct mw_verify_lines seals, kept;
	struct mw_buf text;
	unsigned int ahead_in;	   /* so many seals from now `ahead` begins; 0: never */
	struct mw_vf_ahead *ahead; /* NULL: none */
	bool have_next;
	struct mw_verify_seal next, last, before; /* last, before: n_seals says whether */
	uint64_t n_seals;
	/* leaves: `tree` are those sealed, `wait` those behind them */
	struct mw_tlog_tree tree;
	struct mw_hash *wait;
	size_t n_wait, cap_wait;
	struct mw_hash tile[MW_TILE_LEVELS][MW_TILE_WIDTH]; /* the last one of each level */
	unsigned int tile_seen[MW_TILE_LEVELS]; /* so many hashes of it were looked at */
	uint64_t from_tiles;			/* so many leaves have no line any more */
	struct mw_line_mark *mark;
	size_t n_mark;
	/* what sealed records said */
	uint64_t prune_to;
	bool stopped, says_damaged;
	/* where lines stand */
	struct mw_verify_segment {
		uint64_t first;
		char file[MW_SEGMENT_FILE_MAX];
	} * segs;
	size_t n_segs;
	/* the first line whose number is not its place, of those that wait */
	bool odd;
	uint64_t odd_at, odd_seq;
	/* the clock */
	int64_t last_ns; /* of the last record that says something of the log itself */
	uint64_t back_at, n_back;
	/* anchors, by size */
	struct mw_verify_anchor *anchor;
	size_t n_anchors, next_anchor;
	const struct mw_verify_anchor *bad_anchor;
	int64_t now_ns;
};

/* One past the last leaf there is. */
static inline uint64_t mw_vf_end(const struct mw_verify *v)
{
	return v->tree.n + v->n_wait;
}

/* The finding, at a record; the first one stays. */
void mw_vf_found(struct mw_verify *v, enum mw_finding f, uint64_t seq, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* At a place in another file; of no record if seq is UINT64_MAX. */
void mw_vf_found_in(struct mw_verify *v, enum mw_finding f, uint64_t seq, const char *file,
		    uint64_t line, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void mw_vf_soft(struct mw_verify *v, enum mw_finding f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mw_vf_notice(struct mw_verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mw_vf_error(struct mw_verify *v, int r);

/* A file of the folder, whole: *ret is for free(), NUL behind n. 0, -ENOENT, -EFBIG, others. */
int mw_vf_file(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_n);
/* The same of the log that is verified, wherever it is. */
int mw_vf_text(const struct mw_verify *v, const char *name, size_t max, char **ret, size_t *ret_n);

/* --- verify.c, for who brings the records in another way --- */

/* v->next is proved, v->tree is its tree: what its record says counts from now on. */
void mw_vf_sealed(struct mw_verify *v, const struct mw_line_mark *seal);
/* What a sealed record of the daemon says of the log. */
void mw_vf_told(struct mw_verify *v, const struct mw_line_mark *mark);
/* The anchors that saw as many records as v->tree has: v->bad_anchor. */
void mw_vf_anchors_here(struct mw_verify *v);
void mw_vf_bad_anchor(struct mw_verify *v);
/* At the end: an anchor that saw more; a newest seal that is stale. */
void mw_vf_early(struct mw_verify *v);
void mw_vf_age(struct mw_verify *v);

/* --- verify_keys.c --- */

/* 1, 0 (an unsealed log), negative errno with err. */
int mw_vf_keys(struct mw_verify *v, const struct mw_verify_config *config, char *err,
	       size_t err_len);
int mw_vf_anchors(struct mw_verify *v, const struct mw_verify_config *config, char *err,
		  size_t err_len);

/* --- verify_seal.c --- */

/* Opens seals.jsonl where it is not open; its end is no fault. 0, -ENOMEM, others. */
int mw_vf_seals_open(struct mw_verify *v);
/* Makes the next seal v->next: true. false: there is none, or a finding. */
bool mw_vf_seal_next(struct mw_verify *v);
/* The record of the seal whose leaf is `leaf`, from what is kept of deleted segments: false: not
 * there. */
bool mw_vf_seal_kept(struct mw_verify *v, uint64_t seq, const struct mw_hash *leaf,
		     struct mw_line_mark *ret);
/* At the end: the checkpoint, and half a line of seals. */
void mw_vf_checkpoint(struct mw_verify *v);

/* --- verify_ahead.c --- */

/* Begins with the bytes of fd (borrowed) from `off` on, behind its line `line_no`. NULL: no memory
 * or no thread. */
struct mw_vf_ahead *mw_vf_ahead_new(int fd, off_t off, uint64_t line_no,
				    const struct mw_vkey *identity);
/* What mw_note_verify says of the note `text`, of that line, and of the identity; false: not known
 * (yet). Lines are asked for in their order. */
bool mw_vf_ahead_get(struct mw_vf_ahead *a, uint64_t line_no, struct mw_slice text, int *ret);
/* Takes NULL. */
void mw_vf_ahead_free(struct mw_vf_ahead *a);

/* --- verify_find.c --- */

enum mw_trouble {
	MW_TROUBLE_ROOT, /* the seal is of another tree */
	MW_TROUBLE_NEXT, /* the next segment does not begin here but at `at` */
	MW_TROUBLE_END,	 /* there are no more lines */
};
void mw_vf_find(struct mw_verify *v, enum mw_trouble why, uint64_t at);

#endif
