/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - whether a sealed log is what was written, and if not, which record is the first that
 *is not
 *
 * Works on the folder alone (sink_log.h), a copy too, without secret keys and without root. What is
 * proved, and against whom: whoever broke in at some time has the identity's key and the one-time
 *key of the epoch of that time. So each seal must bear the signature of its own epoch, whose key
 *stands in the record of the seal before it, back to that of epoch 0, which was enrolled elsewhere.
 *Everything sealed before the break-in is held by keys that are gone.
 *
 *	mw_verify_open() once; then what the segments hold, in order: mw_verify_segment(), then
 *	mw_verify_line() for each line; mw_verify_poll() at the end of what is there now;
 *	mw_verify_end() where nothing more comes. mw_verify_folder() does all of that.
 *
 * Lines are hashed as they come and held against their seal as soon as it is known; nothing is read
 * twice. Memory: 32 bytes a record for those that wait for their seal, at most MW_VERIFY_WAIT_MAX.
 *The first finding ends the check of the records: what comes after is taken and not looked at.
 */
#ifndef MW_IO_VERIFY_H
#define MW_IO_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/note.h"

/* A sealed log has never so many records between two seals. */
#define MW_VERIFY_WAIT_MAX (1u << 21)
/* Older than this, the newest seal is stale where the log does not end with a stop. */
#define MW_VERIFY_STALE_NS (120 * 1000000000ll)

enum mw_verdict {
	MW_LOG_WHOLE = 0,
	MW_LOG_SHORT,	 /* intact, but it ends early, is stale, or its end is not sealed */
	MW_LOG_TAMPERED, /* tampered or forged */
};

enum mw_finding {
	MW_FOUND_NONE = 0,
	/* records */
	MW_FOUND_EDITED,
	MW_FOUND_DELETED,
	MW_FOUND_INSERTED,
	MW_FOUND_MOVED,
	MW_FOUND_CUT,	  /* missing at the end */
	MW_FOUND_CHANGED, /* somewhere in a range, and the tiles with it */
	MW_FOUND_DAMAGED, /* what is compressed cannot be read */
	/* seals */
	MW_FOUND_SEAL_MISSING,
	MW_FOUND_SEAL_FORGED,
	MW_FOUND_SEAL_DAMAGED,
	MW_FOUND_CHECKPOINT,
	MW_FOUND_REPLACED, /* another log, or its keys are not the enrolled ones */
	MW_FOUND_ANCHOR,   /* the anchor saw another log */
	/* beside the records, which are whole */
	MW_FOUND_TILE,
	MW_FOUND_GENERATION, /* an older generation was found damaged */
	/* MW_LOG_SHORT */
	MW_FOUND_UNSEALED,
	MW_FOUND_STALE,
	MW_FOUND_EARLY,	     /* an anchor has seen more */
	MW_FOUND_NOT_SEALED, /* a folder without any seal */
};
/* As in --json: "edited", "seal_missing", ... */
const char *mw_finding_name(enum mw_finding f);

#define MW_VERIFY_NOTICES 16
#define MW_VERIFY_TEXT	  512

struct mw_verify_report {
	enum mw_verdict verdict;
	enum mw_finding finding;
	char text[MW_VERIFY_TEXT]; /* what is wrong, in words; without the place */
	/* The first bad record and where it stands or should; file "" and line 0: not known. */
	bool has_seq;
	uint64_t seq;
	char file[MW_VERIFY_TEXT / 4]; /* in the folder */
	uint64_t line;		       /* from 1 */
	/* What is proved. */
	char origin[MW_NOTE_NAME_MAX];
	uint64_t sealed; /* records */
	uint64_t seals;
	uint64_t deleted;  /* of the sealed: so many oldest ones, as sealed records say */
	uint64_t tail;	   /* whole lines behind the last seal */
	int64_t sealed_ns; /* when the last seal was made; 0: not known */
	uint64_t read_len; /* bytes of records that were hashed */
	bool identity_enrolled, epoch_enrolled, writer;
	/* What is worth saying and no fault. */
	char notice[MW_VERIFY_NOTICES][MW_VERIFY_TEXT];
	unsigned int n_notices, more_notices;
};

struct mw_verify_config {
	const struct mw_vkey *vkeys; /* enrolled: of the identity, of epoch 0, of witnesses */
	size_t n_vkeys;
	/* Checkpoints of this log that were kept elsewhere: signed notes, NUL-terminated. */
	const char *const *anchors;
	size_t n_anchors;
	int64_t now_ns; /* since 1970: for what is stale; 0: the log is not asked its age */
};

struct mw_verify;

/*
 * Opens a log folder; config is borrowed for the call. 1; 0: it was never sealed, an old log of
 * segments alone, *ret untouched; negative errno: err holds one line. -EINVAL: an anchor cannot be
 * used. What is found already (keys that are not the enrolled ones) is in the report.
 */
int mw_verify_open(const char *dir, const struct mw_verify_config *config, char *err,
		   size_t err_len, struct mw_verify **ret);
/*
 * Behind mw_verify_open, for who means to bring many records: the identity's signatures of the
 * seals that come are checked ahead, in a thread of its own. What is found stays the same.
 */
void mw_verify_ahead(struct mw_verify *v);
void mw_verify_free(struct mw_verify *v);

static inline void mw_verify_freep(struct mw_verify **v)
{
	mw_verify_free(*v);
}

/* The next lines are of this segment, whose name says `first`; `file`: its name in seg/. */
void mw_verify_segment(struct mw_verify *v, uint64_t first, const char *file);
/* The next line, without its newline. */
void mw_verify_line(struct mw_verify *v, const char *line, size_t n);
/* What follows in this segment is no line: bytes that cannot be read. */
void mw_verify_broken(struct mw_verify *v, const char *why);
/* Takes the seals that there are by now. Whether lines of the last of them are still to come: then
 * they are on disk already. */
bool mw_verify_poll(struct mw_verify *v);
/* Nothing more comes; `torn`: bytes behind the last newline. Call after mw_verify_poll. */
void mw_verify_end(struct mw_verify *v, uint64_t torn);
/* Owned by v; final after mw_verify_end. */
const struct mw_verify_report *mw_verify_report(const struct mw_verify *v);
/* 0, or why it could not be checked to the end: -ENOMEM, -EIO and others. */
int mw_verify_error(const struct mw_verify *v);

/*
 * Between segments: all that is known of those that were given, to go on from there another time
 * (index.h). It proves nothing by itself: who keeps it answers for it, and for what is not read
 * again.
 */
struct mw_buf;
struct mw_verify_place {
	uint64_t sealed;    /* records */
	uint64_t seals_len; /* bytes of seals.jsonl that were read */
};
/* 0; -EINVAL: there is a finding, or lines that are not in their place; -ENOMEM, -E2BIG. */
int mw_verify_save(const struct mw_verify *v, struct mw_buf *out, struct mw_verify_place *ret);
/* Into one that was opened and given nothing. 0; -EBADMSG: it is no such state, or of another log,
 * -ENOMEM; then v is of no use any more. */
int mw_verify_restore(struct mw_verify *v, const void *p, size_t n);
/* A hash over what lies beside the records, from one such place to a later one: the full tiles by inode,
 * size and times, the seals by their bytes. 0, -ENOENT, -EBADMSG (there is less), others. */
int mw_verify_beside(int dir_fd, const struct mw_verify_place *from,
		     const struct mw_verify_place *to, uint8_t ret[32]);

/* All of a folder. 0 and the report; negative errno and one line in err. */
int mw_verify_folder(const char *dir, const struct mw_verify_config *config, char *err,
		     size_t err_len, struct mw_verify_report *ret);

#endif
