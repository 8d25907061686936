/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <errno.h>

#include "base/json.h"

#define DEPTH 32

/* The text under test: its flags once it is known to be valid. */
static unsigned int flags_all;

/* Decoded, escaped and decoded again, a string is what it was. */
static void string(const struct mw_json_item *it)
{
	struct mw_buf plain, raw, again;
	bool lossy = false;

	mw_buf_init(&plain, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&raw, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&again, &fuzz_alloc, SIZE_MAX);
	FUZZ_CHECK(mw_json_str_decode(it->raw, &plain) == 0);
	FUZZ_CHECK(mw_json_str_eq_slice(it->raw, mw_buf_slice(&plain)));
	FUZZ_CHECK(mw_buf_append_byte(&raw, '"') == 0);
	FUZZ_CHECK(mw_json_escape(&raw, mw_buf_slice(&plain), &lossy) == 0 && !lossy);
	FUZZ_CHECK(mw_buf_append_byte(&raw, '"') == 0);
	FUZZ_CHECK(mw_json_str_decode(mw_buf_slice(&raw), &again) == 0);
	FUZZ_CHECK(mw_slice_eq(mw_buf_slice(&plain), mw_buf_slice(&again)));
	/* what needed nothing is its own decoding */
	if (!(it->flags & (MW_JSON_ESCAPED | MW_JSON_BAD_UTF8)))
		FUZZ_CHECK(mw_slice_eq(mw_slice(it->raw.p + 1, it->raw.n - 2), mw_buf_slice(&plain)));
	mw_buf_done(&plain);
	mw_buf_done(&raw);
	mw_buf_done(&again);
}

/* The canonical number is the same double, and no longer than any other way to write it. */
static void number(const struct mw_json_item *it)
{
	char a[64], b[512];
	struct mw_buf out;
	double v;

	if (it->raw.n >= sizeof(b))
		return;
	memcpy(b, it->raw.p, it->raw.n);
	b[it->raw.n] = 0;
	v = strtod(b, NULL);
	mw_buf_init(&out, &fuzz_alloc, sizeof(a) - 1);
	if (mw_json_canonical(it->raw, &out) < 0) {
		FUZZ_CHECK(__builtin_isinf(v) && (it->flags & MW_JSON_BIGNUM));
		mw_buf_done(&out);
		return;
	}
	memcpy(a, out.p, out.len);
	a[out.len] = 0;
	FUZZ_CHECK(strtod(a, NULL) == v);
	mw_buf_done(&out);
}

/* Pulls every item; the result and the flags. */
static int pull(struct mw_slice text, unsigned int *ret_flags)
{
	const uint8_t *last = text.p;
	struct mw_json_item it;
	struct mw_json j;
	int r;

	mw_json_init(&j, text, DEPTH);
	while ((r = mw_json_next(&j, &it)) > 0) {
		FUZZ_CHECK(it.raw.n > 0 && it.raw.p >= last && it.raw.p + it.raw.n <= text.p + text.n);
		FUZZ_CHECK(it.depth < DEPTH || (it.depth == DEPTH && it.tok != MW_JSON_ARRAY &&
						it.tok != MW_JSON_OBJECT));
		last = it.raw.p + it.raw.n;
		if (it.tok == MW_JSON_STRING || it.tok == MW_JSON_KEY)
			string(&it);
		else if (it.tok == MW_JSON_NUMBER)
			number(&it);
	}
	*ret_flags = j.flags;
	FUZZ_CHECK(mw_json_next(&j, &it) == r);
	return r;
}

/* The children of a container, skipped one by one, lie in order, are valid texts of their own, and
 * nothing but punctuation lies between them. */
static void children(struct mw_slice text)
{
	const uint8_t *last;
	struct mw_json_item it;
	struct mw_slice v;
	struct mw_json j;

	mw_json_init(&j, text, DEPTH);
	FUZZ_CHECK(mw_json_next(&j, &it) == 1);
	last = it.raw.p + it.raw.n;
	if (it.tok != MW_JSON_ARRAY && it.tok != MW_JSON_OBJECT)
		return;
	while (mw_json_next(&j, &it) > 0) {
		for (; last < it.raw.p; last++)
			FUZZ_CHECK(memchr(" \t\r\n,", *last, 5));
		if (it.tok == MW_JSON_ARRAY_END || it.tok == MW_JSON_OBJECT_END)
			break;
		if (it.tok == MW_JSON_KEY)
			last = it.raw.p + it.raw.n;
		FUZZ_CHECK(mw_json_skip(&j, &it, &v) == 0);
		for (; last < v.p; last++)
			FUZZ_CHECK(memchr(" \t\r\n:", *last, 5));
		FUZZ_CHECK(mw_json_check(v, DEPTH, NULL, NULL) == 0);
		last = v.p + v.n;
	}
	FUZZ_CHECK(it.depth == 0 && mw_json_next(&j, &it) == 0);
}

static void canonical(struct mw_slice text)
{
	struct mw_buf a, b;
	unsigned int flags;
	int r;

	mw_buf_init(&a, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&b, &fuzz_alloc, SIZE_MAX);
	r = mw_json_canonical(text, &a);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	if (flags_all & (MW_JSON_DUP | MW_JSON_LONE | MW_JSON_BAD_UTF8))
		FUZZ_CHECK(r == -EINVAL);
	else if (!(flags_all & (MW_JSON_BIGNUM | MW_JSON_UNSURE)))
		FUZZ_CHECK(r == 0);
	if (r == 0) {
		FUZZ_CHECK(mw_json_check(mw_buf_slice(&a), DEPTH, &flags, NULL) == 0);
		FUZZ_CHECK(!(flags & MW_JSON_DUP));
		FUZZ_CHECK(mw_json_canonical(mw_buf_slice(&a), &b) == 0);
		FUZZ_CHECK(mw_slice_eq(mw_buf_slice(&a), mw_buf_slice(&b)));
	}
	mw_buf_done(&a);
	mw_buf_done(&b);
}

/* Any bytes at all, escaped, are a string that is UTF-8. */
static void any_bytes(struct mw_slice bytes)
{
	struct mw_buf raw, plain;
	unsigned int flags;
	bool lossy = false;

	mw_buf_init(&raw, &fuzz_alloc, SIZE_MAX);
	mw_buf_init(&plain, &fuzz_alloc, SIZE_MAX);
	FUZZ_CHECK(mw_buf_append_byte(&raw, '"') == 0);
	FUZZ_CHECK(mw_json_escape(&raw, bytes, &lossy) == 0);
	FUZZ_CHECK(mw_buf_append_byte(&raw, '"') == 0);
	FUZZ_CHECK(mw_json_check(mw_buf_slice(&raw), 1, &flags, NULL) == 0);
	FUZZ_CHECK(!(flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE)));
	FUZZ_CHECK(mw_json_str_decode(mw_buf_slice(&raw), &plain) == 0);
	FUZZ_CHECK(lossy != mw_slice_eq(mw_buf_slice(&plain), bytes));
	mw_buf_done(&raw);
	mw_buf_done(&plain);
	/* whatever it is, asking is safe */
	mw_json_str_eq(bytes, "x");
	if (mw_json_str_decode(bytes, &plain) == 0)
		FUZZ_CHECK(mw_json_str_eq_slice(bytes, mw_buf_slice(&plain)));
	mw_buf_done(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_slice text = mw_slice(data, n), v;
	unsigned int flags, n_same = 0;
	size_t off = SIZE_MAX;
	int r;

	flags_all = 0;
	r = mw_json_check(text, DEPTH, &flags_all, &off);
	FUZZ_CHECK(r == 0 || ((r == -EBADMSG || r == -E2BIG) && off <= n));
	FUZZ_CHECK(pull(text, &flags) == r);
	any_bytes(text);
	if (r == 0) {
		FUZZ_CHECK(flags == (flags_all & ~(unsigned int)(MW_JSON_DUP | MW_JSON_UNSURE)));
		children(text);
		canonical(text);
		r = mw_json_member(text, "a", &v, &n_same);
		FUZZ_CHECK(r == 0 || r == -ENOENT);
		if (r == 0) {
			FUZZ_CHECK(mw_json_check(v, DEPTH, NULL, NULL) == 0);
			FUZZ_CHECK(n_same == 1 || (flags_all & (MW_JSON_DUP | MW_JSON_UNSURE)));
		}
	}
	return 0;
}
