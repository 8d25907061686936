/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_json.h - JSON objects written member by member, for the formats of the timeline
 *
 * Keys are ours; values are ours, or what a record says. Nothing that a record holds becomes a key,
 * so a reader's tables of names stay as small as this program makes them.
 */
#ifndef MW_IO_EXPORT_JSON_H
#define MW_IO_EXPORT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/slice.h"

struct mw_ejson {
	struct mw_outbuf *o;
	bool comma; /* something stands before what comes next */
	/* Bytes of a text that are written at most, 0: all. What is longer ends in "[CUT:<bytes>]",
	 * as in records. */
	size_t text_max;
};

/* `key` NULL: inside an array, or outermost. */
void mw_ejson_key(struct mw_ejson *j, const char *key);
void mw_ejson_open(struct mw_ejson *j, const char *key, char bracket); /* '{' or '[' */
void mw_ejson_close(struct mw_ejson *j, char bracket);		       /* '}' or ']' */
void mw_ejson_str(struct mw_ejson *j, const char *key, const char *ours);
void mw_ejson_u64(struct mw_ejson *j, const char *key, uint64_t v);
void mw_ejson_i64(struct mw_ejson *j, const char *key, int64_t v);
void mw_ejson_bool(struct mw_ejson *j, const char *key, bool v);

/* Text as a string: `text` is the text itself. */
void mw_ejson_text(struct mw_ejson *j, const char *key, struct mw_slice text);

/*
 * A raw value as it stands in a record (mw_logrec_get); n 0: nothing is written. It stays the same
 * JSON, but for what trips readers of lines and strict ones: white space between its tokens is a
 * blank, U+0085, U+2028 and U+2029 are escaped, bytes that are not UTF-8 and lone surrogates become
 * U+FFFD.
 */
void mw_ejson_raw(struct mw_ejson *j, const char *key, struct mw_slice raw);
/* A raw value, if it is a string or a number; as a string, whatever it is. Keeps to text_max. */
void mw_ejson_raw_str(struct mw_ejson *j, const char *key, struct mw_slice raw);
/* A raw value, if it is a number without fraction, exponent or sign that fits 63 bits. */
void mw_ejson_raw_int(struct mw_ejson *j, const char *key, struct mw_slice raw);
/* A raw value as the text of a string: {"a":1} becomes "{\"a\":1}", and "x" stays "x". Keeps to
 * text_max. */
void mw_ejson_raw_text(struct mw_ejson *j, const char *key, struct mw_slice raw);

/* At most max bytes of a UTF-8 text, cut between two characters. */
struct mw_slice mw_ejson_head(struct mw_slice text, size_t max);
/* How deep a raw value's brackets go, counted up to `max`; 0 for a string or number. */
unsigned int mw_ejson_depth(struct mw_slice raw, unsigned int max);

#endif
