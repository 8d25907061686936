/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - the only door out: one finished JSON line
 *
 * A record is written key by key in the contract's order. What comes from the observed world passes
 * through the redaction here and nowhere else: mw_emit_text, mw_emit_json, mw_emit_argv. What is
 * longer than its place is cut with a mark that says how long it was: "[CUT:<bytes>]".
 */
#ifndef MW_CORE_RECORD_H
#define MW_CORE_RECORD_H

#include <mcpwatch/record.h>

#include "base/buf.h"
#include "core/redact.h"
#include "core/types.h"

/* Most bytes one text, one argv and one JSON value take in a record, as written; less where a
 * record has little room left (mw_emit_room): a text half of it, so that all of them together
 * always fit. */
#define MW_EMIT_TEXT_MAX  12288
#define MW_EMIT_VALUE_MAX 20480
/* Kept free for what has no length worth speaking of: numbers, names of ours, marks of cuts. */
#define MW_EMIT_RESERVE 8192
/* Of a content's redacted text, kept in body records. */
#define MW_EMIT_BODY_MAX (1u << 20)
/* Of a body record's text, as written. */
#define MW_EMIT_PART_MAX 60000

/* What every record's head needs; changes with META and CLOCK events. */
struct mw_emit_head {
	uint64_t seq;	     /* of the next record */
	int64_t realtime_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	struct mw_slice host;
	struct mw_redact *redact; /* borrowed; NULL: by name alone (redact.h) */
};

struct mw_emit {
	struct mw_buf *out;
	struct mw_buf *scratch;
	struct mw_redact *redact;
	size_t start; /* where this record begins in out */
	int error;    /* the first one; everything after it is passed over */
	bool urgent, seal; /* mw_record's, set by who builds it */
	unsigned int alert;
	bool lossy;
};

/* Begins a record at the end of out; scratch is for redaction. Takes the next seq. */
void mw_emit_begin(struct mw_emit *r, struct mw_buf *out, struct mw_buf *scratch,
		   struct mw_emit_head *head, const char *type, uint64_t boot_ns);
/* Ends it. 0; or the first error, and then out is as before begin, and the seq is not taken:
 * -E2BIG, -ENOMEM, -EBADMSG (a value that is no JSON). */
int mw_emit_end(struct mw_emit *r, struct mw_emit_head *head);

/* key NULL: inside an array. An empty value is left out, except numbers and bools. */
void mw_emit_open(struct mw_emit *r, const char *key, char bracket); /* '{' or '[' */
void mw_emit_close(struct mw_emit *r, char bracket);		     /* '}' or ']' */
/* Text of ours: without what a JSON string would have to escape. */
void mw_emit_ours(struct mw_emit *r, const char *key, struct mw_slice ours);
static inline void mw_emit_str(struct mw_emit *r, const char *key, const char *ours)
{
	if (ours)
		mw_emit_ours(r, key, mw_slice(ours, strlen(ours)));
}
void mw_emit_u64(struct mw_emit *r, const char *key, uint64_t v);
void mw_emit_i64(struct mw_emit *r, const char *key, int64_t v);
void mw_emit_true(struct mw_emit *r, const char *key, bool v);	  /* only written if true */
void mw_emit_bool(struct mw_emit *r, const char *key, bool v);
void mw_emit_ms(struct mw_emit *r, const char *key, uint64_t ns); /* milliseconds, three decimals */
void mw_emit_hex(struct mw_emit *r, const char *key, const void *p, size_t n);
void mw_emit_id(struct mw_emit *r, const char *key, char kind, uint32_t run, uint64_t n);
void mw_emit_time(struct mw_emit *r, const char *key, const struct mw_emit_head *head,
		  uint64_t boot_ns);
/* Bytes of the observed world, redacted as text. */
void mw_emit_text(struct mw_emit *r, const char *key, struct mw_slice text);
/* At most max bytes as written, without its mark. */
void mw_emit_text_max(struct mw_emit *r, const char *key, struct mw_slice text, size_t max);
/* Likewise, of what says who somebody is: mw_redact_claim. */
void mw_emit_claim(struct mw_emit *r, const char *key, struct mw_slice text, size_t max);
/* Of a text of n bytes all, or its beginning. */
void mw_emit_text_of(struct mw_emit *r, const char *key, struct mw_slice text, size_t n);
/* The target of an HTTP request, redacted as such. */
void mw_emit_target(struct mw_emit *r, const char *key, struct mw_slice target, size_t max);
void mw_emit_argv(struct mw_emit *r, const char *key, struct mw_slice argv);
/* How many bytes of content fit this record yet. */
size_t mw_emit_room(const struct mw_emit *r);
/* Only the mark, for n bytes that found no room. */
void mw_emit_cut(struct mw_emit *r, const char *key, size_t n);
/* A raw JSON value, redacted. If it is longer than max or than the room: not written, and false. */
bool mw_emit_json(struct mw_emit *r, const char *key, struct mw_slice value, size_t max);
/* A raw JSON string's decoded bytes, redacted as text. */
void mw_emit_json_str(struct mw_emit *r, const char *key, struct mw_slice raw);
void mw_emit_json_str_max(struct mw_emit *r, const char *key, struct mw_slice raw, size_t max);
/* A raw JSON string as mw_emit_claim. */
void mw_emit_claim_json(struct mw_emit *r, const char *key, struct mw_slice raw, size_t max);

/* A member, key and value, as it was written before. */
void mw_emit_again(struct mw_emit *r, struct mw_slice member);
/* Takes the bracket back that closed what was written last: more follows in it. */
void mw_emit_reopen(struct mw_emit *r);
/* A part of a text that mw_emit_body made. */
void mw_emit_escaped(struct mw_emit *r, const char *key, struct mw_slice escaped);

/* How many body records a value takes: its redacted text, cut at MW_EMIT_BODY_MAX. Fills `text`
 * with it, escaped, for mw_emit_body_part. 0 or negative errno. */
int mw_emit_body(struct mw_redact *redact, struct mw_buf *text, struct mw_buf *scratch,
		 struct mw_slice value, bool *lossy, size_t *ret_parts);
/* Part i (from 0) of such a text; empty beyond the last. */
struct mw_slice mw_emit_body_part(struct mw_slice text, size_t i);

/* "2026-11-21T09:00:00.123456789Z" of ns since 1970. */
#define MW_TIME_LEN 30
void mw_time_print(int64_t realtime_ns, char ret[MW_TIME_LEN + 1]);

#endif
