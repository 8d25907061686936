/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_forge.h - a sealed log made by hand, step by step, so that each step can be left out or
 * forged
 *
 * Lines, seals and the checkpoint are kept in memory and written by fx_write; tiles are written as
 * each seal is made, as the sealed lines gave them.
 */
#ifndef MW_TESTS_SUPPORT_FORGE_H
#define MW_TESTS_SUPPORT_FORGE_H

#include "support.h"

#include <inttypes.h>

#include "io/note.h"
#include "io/verify.h"

#define FX_ORIGIN "host.example/mcpwatch/6f1c2a3e-0000-4000-8000-000000000001"
#define FX_EPOCHS 512
#define FX_LINES  4096
/* 2026-11-21T10:00:00Z; record n is made n ms later */
#define FX_TIME_NS 1795255200000000000ll

struct fx {
	char dir[32];
	int dir_fd;
	struct mw_skey identity, epoch[FX_EPOCHS];
	char *line[FX_LINES];
	size_t n;
	char *seal[FX_EPOCHS]; /* lines of seals.jsonl; a NULL is left out */
	char *note[FX_EPOCHS];
	uint64_t size[FX_EPOCHS];
	size_t n_seals;
	size_t seg[64]; /* first records of segments, ascending */
	size_t n_segs;
	struct mw_tiles *tiles;
	const char *checkpoint; /* NULL: none */
	bool no_tiles;		/* fx_seal leaves them as they are */
	struct mw_verify_report rep;
};

/* A new log in a folder of its own; keys are made of the seed. */
void fx_new(struct fx *f, uint8_t seed);
void fx_done(struct fx *f);
/* A record at the end: its fields behind "type" as printf makes them, with a comma before. Its
 * number. */
uint64_t fx_record(struct fx *f, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* n calls. */
void fx_calls(struct fx *f, unsigned int n);
/* One of three segments, with 923 records: seals after 12, 16, 317, 320, 921 and all; segments
 * begin with 0, 16, 320. */
void fx_make(struct fx *f);
/* The seal record of the next epoch, and its seal. */
void fx_seal(struct fx *f);
/* Its two halves: the record, and the signature of the tree of all lines by these keys (NULL: not).
 */
void fx_seal_record(struct fx *f, uint64_t epoch, const struct mw_skey *next);
void fx_seal_sign(struct fx *f, uint64_t epoch, const struct mw_skey *identity,
		  const struct mw_skey *key);
/* The next record begins a segment. */
void fx_segment(struct fx *f);
/* Replaces, removes, inserts a line. The segments keep the records they had by their place. */
void fx_set(struct fx *f, size_t i, const char *line);
void fx_remove(struct fx *f, size_t i);
void fx_insert(struct fx *f, size_t i, const char *line);
/* All files. */
void fx_write(struct fx *f);
/* One of them. */
void fx_put(struct fx *f, const char *name, const char *text, size_t n);
/* The name of a segment. */
const char *fx_seg_name(struct fx *f, size_t i);
/* Verifies with these keys enrolled (NULL: none) at a time so many seconds after the last record.
 */
void fx_verify(struct fx *f, const struct mw_verify_config *config);
struct mw_verify_config fx_config(struct fx *f, struct mw_vkey keys[2], int64_t after_s);

#define fx_expect(f, want_verdict, want_finding, want_seq)                                         \
	do {                                                                                       \
		if ((f)->rep.verdict != (want_verdict) || (f)->rep.finding != (want_finding) ||    \
		    ((want_seq) >= 0 &&                                                            \
		     (!(f)->rep.has_seq || (int64_t)(f)->rep.seq != (int64_t)(want_seq))))         \
			fail_msg("verdict %d, %s at %" PRId64 " (%s: %" PRIu64 "): %s",            \
				 (int)(f)->rep.verdict, mw_finding_name((f)->rep.finding),         \
				 (f)->rep.has_seq ? (int64_t)(f)->rep.seq : -1, (f)->rep.file,     \
				 (f)->rep.line, (f)->rep.text);                                    \
	} while (0)

#endif
