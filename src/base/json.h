/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - a strict JSON scanner for bytes that may be hostile (RFC 8259)
 *
 * Pull items out of one JSON text in one pass, without memory: every item is a span of the input,
 * so exact bytes are kept (a raw id, raw arguments). Strict: no trailing bytes but white space, no
 * comments, no leading zeros, no control characters in strings, no lone commas, depth bounded. Two
 * things RFC 8259 leaves open are accepted and noted, because real peers accept them: bytes that
 * are not UTF-8 inside strings and lone surrogate escapes. What hides things is noted too: \u0000 and
 * equal keys.
 */
#ifndef MW_BASE_JSON_H
#define MW_BASE_JSON_H

#include "base/buf.h"
#include "base/slice.h"

#define MW_JSON_DEPTH_MAX 1024

enum mw_json_tok {
	MW_JSON_OBJECT = 1, /* { */
	MW_JSON_OBJECT_END,
	MW_JSON_ARRAY, /* [ */
	MW_JSON_ARRAY_END,
	MW_JSON_KEY, /* a member's name; its value comes next */
	MW_JSON_STRING,
	MW_JSON_NUMBER,
	MW_JSON_TRUE,
	MW_JSON_FALSE,
	MW_JSON_NULL,
};

/* What was noticed, in an item (its own string) and or-ed up in struct mw_json. */
#define MW_JSON_ESCAPED 0x01  /* holds backslash escapes */
#define MW_JSON_NUL 0x02      /* holds \u0000 */
#define MW_JSON_BAD_UTF8 0x04 /* holds bytes that are not UTF-8 */
#define MW_JSON_LONE 0x08     /* holds a lone surrogate escape */
#define MW_JSON_DUP	 0x10	  /* an object has a key twice (see mw_json_watch_keys) */
#define MW_JSON_BIGNUM 0x20   /* a number that a double does not hold: an integer (written without
			       * fraction and exponent) of magnitude above 2^53, or any number
			       * that double takes for infinite, or for zero when it is not */
#define MW_JSON_UNSURE 0x40   /* too many keys to look for equal ones everywhere */

struct mw_json_item {
	enum mw_json_tok tok;
	struct mw_slice raw; /* the exact bytes; strings and keys with their quotes */
	unsigned int depth;  /* 0 for the outermost value and its end */
	unsigned int flags;
};

struct mw_json_keys; /* private */

struct mw_json {
	const uint8_t *p, *start, *end;
	unsigned int depth, depth_max, flags;
	struct mw_json_keys *keys;	      /* NULL, or see mw_json_watch_keys */
	uint8_t state;			      /* private */
	uint8_t stack[MW_JSON_DEPTH_MAX / 8]; /* private: a bit a level, object or array */
};

/*
 * Equal keys are looked for by their decoded bytes: each key is compared with the first
 * MW_JSON_KEYS_OBJECT different keys of its object, as long as the objects open at that point have
 * at most MW_JSON_KEYS_OPEN such keys in all; where a bound cut that short, MW_JSON_UNSURE says so.
 */
#define MW_JSON_KEYS_OBJECT 256
#define MW_JSON_KEYS_OPEN   1024

struct mw_json_keys { /* all of it private */
	uint64_t seed;
	unsigned int n;
	bool ready; /* the seed and the heads are set: before the first key */
	uint16_t head[MW_JSON_KEYS_OPEN];
	uint16_t base[MW_JSON_DEPTH_MAX + 1]; /* of the object whose members have that depth */
	struct {
		struct mw_slice raw;
		uint32_t hash;
		uint16_t next;
	} e[MW_JSON_KEYS_OPEN];
};

/* depth_max 1..MW_JSON_DEPTH_MAX. */
void mw_json_init(struct mw_json *j, struct mw_slice text, unsigned int depth_max);
/* From now on j->flags gets MW_JSON_DUP and MW_JSON_UNSURE; called between init and the first item.
 * `k` is borrowed for j's life; 30 KiB, for the stack. */
void mw_json_watch_keys(struct mw_json *j, struct mw_json_keys *k);
/* 1 an item, 0 the end (whole text valid), -EBADMSG not JSON, -E2BIG too deep. On an error j->p is
 * where, and the same error comes for ever. A byte order mark is not JSON. */
int mw_json_next(struct mw_json *j, struct mw_json_item *ret);
/* After an item that begins a value (or a KEY): the whole value that follows or is being begun,
 * skipped and checked; its exact bytes in *ret. After a KEY: that member's value. After OBJECT or
 * ARRAY: the whole container. After a scalar: that scalar. `it` is what mw_json_next gave last, and
 * not an END. 0, -EBADMSG, -E2BIG. */
int mw_json_skip(struct mw_json *j, const struct mw_json_item *it, struct mw_slice *ret);

/* Goes through the elements of an array's text: init, then next until it is false, at its end or where it
 * is no JSON. What is no array has none. */
struct mw_json_array {
	struct mw_json json;
};
void mw_json_array_init(struct mw_json_array *a, struct mw_slice text);
bool mw_json_array_next(struct mw_json_array *a, struct mw_slice *ret);

/* Likewise the members of an object's text: the name as it is written, quotes and all, and the
 * value. */
struct mw_json_object {
	struct mw_json json;
};
void mw_json_object_init(struct mw_json_object *o, struct mw_slice text);
bool mw_json_object_next(struct mw_json_object *o, struct mw_slice *ret_name,
			 struct mw_slice *ret_value);

/* Checks a whole text, equal keys too, in one pass and time proportional to its length. 0 and
 * flags, -EBADMSG or -E2BIG and the offset of the fault. Outputs may be NULL. Takes about 30 KiB of
 * stack. */
int mw_json_check(struct mw_slice text, unsigned int depth_max, unsigned int *ret_flags,
		  size_t *ret_off);

/* Whether a raw string (with quotes) decodes to exactly these bytes; false for no string. */
bool mw_json_str_eq(struct mw_slice raw, const char *want);
bool mw_json_str_eq_slice(struct mw_slice raw, struct mw_slice want);
/* Whether the bytes of a raw string stand for themselves, ASCII without an escape; then *ret is
 * what lies between its quotes, else it is untouched. */
bool mw_json_str_plain(struct mw_slice raw, struct mw_slice *ret);
/* Appends the decoded bytes of a raw string: escapes resolved, lone surrogates and bytes that are
 * not UTF-8 as U+FFFD each. 0, -E2BIG, -ENOMEM, -EINVAL (not a string); then out is unchanged. */
int mw_json_str_decode(struct mw_slice raw, struct mw_buf *out);
/* As mw_json_str_decode, but no more than the characters that begin in its first `stop` bytes: 1 if
 * there are more, 0 if that was all. */
int mw_json_str_decode_head(struct mw_slice raw, size_t stop, struct mw_buf *out);

/* The value of the last member of that (decoded) name in an object text; n_same (may be NULL)
 * counts them. 0, -ENOENT (none, or not an object), -EBADMSG, -E2BIG (beyond MW_JSON_DEPTH_MAX). */
int mw_json_member(struct mw_slice object, const char *name, struct mw_slice *ret,
		   unsigned int *ret_n_same);
/* As mw_json_member along a path: "params", "_meta", NULL. */
int mw_json_path(struct mw_slice object, struct mw_slice *ret, ...) __attribute__((sentinel));

/* Appends bytes as the inside of a JSON string (no quotes): ", \, controls and U+2028/2029 escaped,
 * bytes that are not UTF-8 as \ufffd each and *lossy (may be NULL) set, never cleared. 0, -E2BIG,
 * -ENOMEM; then out is unchanged. */
int mw_json_escape(struct mw_buf *out, struct mw_slice bytes, bool *lossy);

/* Appends the RFC 8785 canonical form of a text. -EINVAL where it has none (equal keys, lone
 * surrogates, not UTF-8, numbers double takes for infinite), -E2BIG (beyond MW_JSON_DEPTH_MAX,
 * out->max or 4 GiB), -ENOMEM, -EBADMSG; then out is unchanged. As the RFC says, numbers become
 * doubles: integers above 2^53 are rounded, see MW_JSON_BIGNUM. Takes up to 32 bytes of memory a
 * value from out's allocator meanwhile, and time n log n. */
int mw_json_canonical(struct mw_slice text, struct mw_buf *out);

#endif
