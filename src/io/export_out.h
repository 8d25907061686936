/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_out.h - what the formats of the timeline share: values out of a record, text into a file
 *
 * What writes, appends to a text in memory; who owns that takes it away in time (exporter.h). A
 * failure stays in it and is asked for once, at the end (mw_out_error).
 */
#ifndef MW_IO_EXPORT_OUT_H
#define MW_IO_EXPORT_OUT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/slice.h"

/* --- values
 * --------------------------------------------------------------------------------------- Raw
 * values are exact bytes of a record that logread has checked (mw_logrec_get); n 0 is none. */

/* The value of a member of a raw object, itself raw; n 0: it has none, or is no object. */
struct mw_slice mw_out_get(struct mw_slice object, const char *name);

static inline bool mw_out_is_str(struct mw_slice raw)
{
	return raw.n >= 2 && raw.p[0] == '"';
}

/*
 * What a raw value says: of a string its decoded text, which is UTF-8, may hold any character, NUL
 * too, and lies in the record itself or in tmp (whose old content goes); of another value its raw
 * text. 0, -ENOMEM, -E2BIG (tmp->max).
 */
int mw_out_text(struct mw_slice raw, struct mw_buf *tmp, struct mw_slice *ret);
/* A raw number without sign, fraction and exponent: 0, -EINVAL. */
int mw_out_number(struct mw_slice raw, uint64_t *ret);

/*
 * What to call the server or client of a record (the raw value of its member): its name, configured
 * name, key or id; raw, n 0: it has none.
 */
struct mw_slice mw_out_server(struct mw_slice raw);
/* Who a raw `principal` is: "alice" or "uid 1000", and behind it what its first token claims:
 * "alice (claims bob)". As mw_out_text; n 0: not known. */
int mw_out_principal(struct mw_slice raw, struct mw_buf *tmp, struct mw_slice *ret);

/* --- text
 * -----------------------------------------------------------------------------------------
 */

/* All zero: empty. */
struct mw_outbuf {
	uint8_t *p;
	size_t len, cap;
	int r; /* 0, or what failed first */
};

/* Frees what it holds; it is empty then. */
void mw_out_done(struct mw_outbuf *o);
/* Room for n more bytes behind len: false, and it has failed with -ENOMEM. */
bool mw_out_grow(struct mw_outbuf *o, size_t n);

static inline bool mw_out_room(struct mw_outbuf *o, size_t n)
{
	return n <= o->cap - o->len || mw_out_grow(o, n);
}

static inline void mw_out_slice(struct mw_outbuf *o, struct mw_slice s)
{
	if (!s.n || !mw_out_room(o, s.n))
		return;
	memcpy(o->p + o->len, s.p, s.n);
	o->len += s.n;
}

/* A string that is ours, as it is. */
static inline void mw_out_str(struct mw_outbuf *o, const char *s)
{
	mw_out_slice(o, mw_slice_str(s));
}

static inline void mw_out_char(struct mw_outbuf *o, char c)
{
	if (mw_out_room(o, 1))
		o->p[o->len++] = (uint8_t)c;
}

/* What of [p, end) stands before the first control character, DEL, byte outside of ASCII or one of
 * the three of `stop`; where that is, or end. */
const uint8_t *mw_out_run(struct mw_outbuf *o, const uint8_t *p, const uint8_t *end,
			  const char *stop);

void mw_out_u64(struct mw_outbuf *o, uint64_t v);
void mw_out_i64(struct mw_outbuf *o, int64_t v);
/* RFC 3339, UTC, nine digits of the second, as records have it; no quotes. */
void mw_out_time(struct mw_outbuf *o, int64_t ns);

/* Text as a JSON string, quotes included. ", \, control characters (C1 too: some readers of lines
 * end one at U+0085), U+2028 and U+2029, and < (for JSON in a page) are escaped; bytes that are not
 * UTF-8 become U+FFFD. */
void mw_out_json(struct mw_outbuf *o, struct mw_slice text);
/* The same without the quotes. */
void mw_out_json_inside(struct mw_outbuf *o, struct mw_slice text);
void mw_out_json_str(struct mw_outbuf *o, const char *text);

/*
 * Text as one field of CSV (RFC 4180), always in quotes, that no spreadsheet takes for a formula
 * (OWASP, "CSV Injection"): a field that begins with = + - @ or their full-width forms, blanks
 * before them or not, gets a ' before it, and so does one of these behind a ; which some take for
 * what parts fields. Control characters, what reorders or hides text, and backslashes are written
 * visibly, as on a terminal (escape.h): so a field has no line break, and a record is a line.
 */
void mw_out_csv(struct mw_outbuf *o, struct mw_slice text);
/* The same for a raw JSON value: as JSON, so nothing is escaped twice; raw tabs become blanks. */
void mw_out_csv_raw(struct mw_outbuf *o, struct mw_slice raw);

/* 0, or what failed first of what was written so far: -ENOMEM. */
static inline int mw_out_error(const struct mw_outbuf *o)
{
	return o->r;
}

#endif
