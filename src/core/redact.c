/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.c - secrets out, by name
 *
 * Held by tests/unit/test_redact.c:
 *  1. A value whose name is a secret's never reaches the output, whatever its type.
 *  2. What is appended to `out` is always the inside of a valid JSON text, or nothing.
 *  3. In doubt more is taken away: an unquoted value ends at white space only.
 */
#include "core/redact_priv.h"

#include <errno.h>

#include "base/json.h"

#define W(s)                                                                                       \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

/* Names are compared without separators and in lower case. A name that ends in one of these ... */
static const struct mw_slice endings[] = {
	W("password"),	    W("passwords"),	W("passwd"),	    W("passphrase"),
	W("passcode"),	    W("passwordhash"),	W("token"),	    W("authtokens"),
	W("accesstokens"),  W("apitokens"),	W("tokenvalue"),    W("secret"),
	W("secrets"),	    W("secretvalue"),	W("apikey"),	    W("apikeys"),
	W("authkey"),	    W("accountkey"),	W("accesskey"),	    W("secretkey"),
	W("secretkeys"),    W("privatekey"),	W("privatekeys"),   W("signingkey"),
	W("encryptionkey"), W("masterkey"),	W("hmackey"),	    W("sshkey"),
	W("passkey"),	    W("authorization"), W("credential"),    W("credentials"),
	W("cookie"),	    W("cookies"),	W("mcpsessionid"),  W("phpsessid"),
	W("jsessionid"),    W("amzsignature"),	W("googsignature"), W("sqlpass"),
	W("dbpass"),	    W("userpass"),	W("rootpass"),	    W("adminpass"),
	W("smtppass"),	    W("mailpass"),	W("loginpass"),
};

/* ... or whose last word is one of these ("db_pass", "dbPwd"; not "bypass") ... */
static const struct mw_slice words[] = { W("pass"),   W("pwd"),	  W("pw"), W("jwt"),
					 W("bearer"), W("creds"), W("otp") };

/* ... or that is one of these as a whole, is a secret's; */
static const struct mw_slice wholes[] = { W("auth"), W("sig"), W("cvv") };

/* but not one that ends in these: the protocol's own, and no secret. */
static const struct mw_slice exempt[] = { W("progresstoken") };

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static bool is_sep(uint8_t c)
{
	return c == '-' || c == '_' || c == '.' || c == ' ' || c == '[' || c == ']';
}

static bool ends_in(struct mw_slice name, struct mw_slice end)
{
	/* most differ in their last byte */
	return name.n >= end.n && name.p[name.n - 1] == end.p[end.n - 1] &&
	       memcmp(name.p + name.n - end.n, end.p, end.n) == 0;
}

bool mw_redact_name(struct mw_slice name)
{
	uint8_t norm[MW_REDACT_NAME_N];
	size_t at = sizeof(norm), word = 0, i;
	struct mw_slice s, w;

	/* "password2" is a password, "X-Token:" has no colon here */
	while (name.n > 0 && (mw_is_digit(name.p[name.n - 1]) || is_sep(name.p[name.n - 1])))
		name.n--;
	for (i = name.n; i > 0 && at > 0; i--) {
		uint8_t c = name.p[i - 1];

		if (is_sep(c)) {
			if (word == 0)
				word = at;
			continue;
		}
		norm[--at] = mw_lower(c);
		if (word == 0 && mw_is_upper(c) && i > 1 && mw_is_lower(name.p[i - 2]))
			word = at;
	}
	if (at == sizeof(norm))
		return false;
	if (word == 0)
		word = at;
	s = mw_slice(norm + at, sizeof(norm) - at);
	w = mw_slice(norm + word, sizeof(norm) - word);

	for (i = 0; i < N_OF(exempt); i++)
		if (ends_in(s, exempt[i]))
			return false;
	for (i = 0; i < N_OF(endings); i++)
		if (ends_in(s, endings[i]))
			return true;
	for (i = 0; i < N_OF(words); i++)
		if (mw_slice_eq(w, words[i]))
			return true;
	for (i = 0; i < N_OF(wholes); i++)
		if (mw_slice_eq(s, wholes[i]))
			return true;
	return false;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* A pass over one JSON text that copies it, secrets out, and stops at each string. */
struct walk {
	struct mw_json j;
	const uint8_t *prev; /* everything before it has been copied */
	const uint8_t *end;
	bool keep_space, cut; /* cut: a string was longer than stop */
	size_t stop;	   /* no string is looked at further than this */
	size_t out_stop;   /* when there is more than this, it is enough */
	struct mw_buf str; /* the string stopped at, decoded; or a name */
};

static void walk_init(struct walk *w, struct mw_slice text, bool keep_space,
		      const struct mw_buf *out)
{
	mw_json_init(&w->j, text, MW_JSON_DEPTH_MAX);
	w->prev = text.p;
	w->end = text.p + text.n;
	w->keep_space = keep_space;
	w->cut = false;
	w->stop = SIZE_MAX;
	w->out_stop = SIZE_MAX;
	/* decoding makes at most three bytes of one */
	mw_buf_init(&w->str, out->a, text.n < SIZE_MAX / 4 ? 3 * text.n + 16 : SIZE_MAX / 2);
}

/* Between two items stand only commas, colons and white space. */
static int walk_gap(struct walk *w, struct mw_buf *out, const uint8_t *to)
{
	int r = 0;

	if (w->keep_space)
		r = mw_buf_append(out, w->prev, (size_t)(to - w->prev));
	else
		for (; w->prev < to && r == 0; w->prev++)
			if (!mw_is_space(*w->prev))
				r = mw_buf_append_byte(out, *w->prev);
	w->prev = to;
	return r;
}

static int walk_decode(struct walk *w, const struct mw_json_item *it, bool *lossy)
{
	size_t n;
	int r;

	mw_buf_reset(&w->str, 65536);
	if (it->flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE))
		*lossy = true;
	r = mw_json_str_decode_head(it->raw, w->stop, &w->str);
	if (r != 1)
		return r;
	/* half a URL does not show any more that what stands in it is a password */
	w->cut = true;
	for (n = w->str.len; n > 0 && !mw_is_space(w->str.p[n - 1]); n--)
		if (n >= 3 && memcmp(w->str.p + n - 3, "://", 3) == 0)
			w->str.len = n;
	return 0;
}

/* The value of a secret's name: gone, whatever it is. */
static int walk_secret(struct walk *w, struct mw_buf *out, const struct mw_json_item *key)
{
	struct mw_slice value;
	size_t n;
	int r;

	r = mw_json_skip(&w->j, key, &value);
	if (r < 0)
		return r;
	r = walk_gap(w, out, value.p);
	if (r < 0)
		return r;
	w->prev = value.p + value.n;
	n = value.n;
	if (value.n > 1 && value.p[0] == '"') {
		mw_buf_reset(&w->str, 65536);
		r = mw_json_str_decode(value, &w->str);
		if (r < 0)
			return r;
		n = w->str.len;
	}
	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_redact_put_mark(out, n);
	if (r == 0)
		r = mw_buf_append_byte(out, '"');
	return r;
}

/* 1: a string value; w->str is its text, and the caller appends what it is to be. 0: the end, or out is
 * longer than w->out_stop, or a string was cut. */
static int walk_next(struct walk *w, struct mw_buf *out, bool *lossy)
{
	struct mw_json_item it;
	int r;

	while (out->len <= w->out_stop && !w->cut) {
		r = mw_json_next(&w->j, &it);
		if (r < 0)
			return r;
		if (r == 0)
			return w->keep_space ? walk_gap(w, out, w->end) : 0;
		r = walk_gap(w, out, it.raw.p);
		if (r < 0)
			return r;
		switch (it.tok) {
		case MW_JSON_OBJECT:
		case MW_JSON_OBJECT_END:
		case MW_JSON_ARRAY:
		case MW_JSON_ARRAY_END:
			w->prev = it.raw.p + 1;
			r = mw_buf_append_byte(out, it.raw.p[0]);
			break;
		case MW_JSON_KEY:
			w->prev = it.raw.p + it.raw.n;
			r = walk_decode(w, &it, lossy);
			if (r == 0)
				r = mw_buf_append_byte(out, '"');
			if (r == 0)
				r = mw_redact_put_text(out, mw_buf_slice(&w->str), lossy);
			if (r == 0)
				r = mw_buf_append_byte(out, '"');
			if (r == 0 && mw_redact_name(mw_buf_slice(&w->str)))
				r = walk_secret(w, out, &it);
			break;
		case MW_JSON_STRING:
			w->prev = it.raw.p + it.raw.n;
			r = walk_decode(w, &it, lossy);
			return r < 0 ? r : 1;
		default:
			w->prev = it.raw.p + it.raw.n;
			r = mw_buf_append(out, it.raw.p, it.raw.n);
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* The text of a JSON value inside a string, its strings redacted as text only. -EBADMSG: none. */
static int put_inner_json(struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	struct walk w;
	int r;

	walk_init(&w, text, true, out);
	while ((r = walk_next(&w, out, lossy)) == 1) {
		r = mw_buf_append_byte(out, '"');
		if (r == 0)
			r = mw_redact_put_text(out, mw_buf_slice(&w.str), lossy);
		if (r == 0)
			r = mw_buf_append_byte(out, '"');
		if (r < 0)
			break;
	}
	mw_buf_done(&w.str);
	return r;
}

/* A string with its quotes: its text, or the JSON text it holds, redacted. */
static int put_string(struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	struct mw_slice t = text;
	bool bad = *lossy;
	struct mw_buf inner;
	size_t len;
	int r;

	r = mw_buf_append_byte(out, '"');
	if (r < 0)
		return r;
	len = out->len;
	while (t.n > 0 && mw_is_space(t.p[0]))
		t = mw_slice(t.p + 1, t.n - 1);
	if (t.n < 2 || (t.p[0] != '{' && t.p[0] != '['))
		goto plain;

	mw_buf_init(&inner, out->a, out->max);
	r = put_inner_json(&inner, text, &bad);
	if (r == 0)
		r = mw_json_escape(out, mw_buf_slice(&inner), &bad);
	mw_buf_done(&inner);
	if (r == 0) {
		*lossy = bad;
		return mw_buf_append_byte(out, '"');
	}
	if (r == -ENOMEM)
		return r;
	/* no JSON, or too deep or long for it: its pairs are looked for all the same */
	out->len = len;
plain:
	r = mw_redact_put_text(out, text, lossy);
	if (r < 0)
		return r;
	return mw_buf_append_byte(out, '"');
}

int mw_redact_json_head(struct mw_buf *out, struct mw_slice value, size_t stop, bool *lossy)
{
	size_t len = out->len;
	bool bad = false;
	struct walk w;
	int r;

	walk_init(&w, value, false, out);
	if (stop < SIZE_MAX - len) {
		w.stop = stop + 1;
		w.out_stop = len + stop;
	}
	while ((r = walk_next(&w, out, &bad)) == 1) {
		r = put_string(out, mw_buf_slice(&w.str), &bad);
		if (r < 0)
			break;
	}
	mw_buf_done(&w.str);
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return out->len > w.out_stop || w.cut;
}

int mw_redact_json(struct mw_buf *out, struct mw_slice value, bool *lossy)
{
	return mw_redact_json_head(out, value, SIZE_MAX, lossy);
}

/* --- argv ---------------------------------------------------------------------------------------
 */

/* NAME=... or NAME: ... at the start of an argument: all that follows is the value. */
static size_t arg_value(struct mw_slice arg)
{
	size_t n = 0, at;

	while (n < arg.n && mw_is_name_byte(arg.p[n]))
		n++;
	if (n == 0 || n == arg.n || (arg.p[n] != '=' && arg.p[n] != ':'))
		return 0;
	if (!mw_redact_text_name(mw_slice(arg.p, n)))
		return 0;
	at = n + 1;
	while (at < arg.n && mw_is_space(arg.p[at]))
		at++;
	return at < arg.n ? at : 0;
}

static int put_arg(struct mw_buf *out, struct mw_slice arg, bool secret, bool *lossy)
{
	size_t at = secret ? 0 : arg_value(arg);
	int r;

	if (!secret && !at)
		return put_string(out, arg, lossy);
	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_json_escape(out, mw_slice(arg.p, at), lossy);
	if (r == 0)
		r = mw_redact_put_mark(out, arg.n - at);
	if (r == 0)
		r = mw_buf_append_byte(out, '"');
	return r;
}

/* "--token", whose value is the next argument. */
static bool is_secret_flag(struct mw_slice arg)
{
	size_t i;

	if (arg.n < 3 || arg.p[0] != '-')
		return false;
	for (i = 0; i < arg.n; i++)
		if (!mw_is_name_byte(arg.p[i]))
			return false;
	return mw_redact_name(arg);
}

int mw_redact_argv(struct mw_buf *out, struct mw_slice argv, bool *lossy)
{
	size_t len = out->len, at = 0;
	bool bad = false, secret = false;
	int r;

	r = mw_buf_append_byte(out, '[');
	while (r == 0 && at < argv.n) {
		const uint8_t *nul = memchr(argv.p + at, 0, argv.n - at);
		size_t n = nul ? (size_t)(nul - argv.p) - at : argv.n - at;
		struct mw_slice arg = mw_slice(argv.p + at, n);

		if (at > 0)
			r = mw_buf_append_byte(out, ',');
		if (r == 0)
			r = put_arg(out, arg, secret, &bad);
		secret = !secret && is_secret_flag(arg);
		at += n + 1;
	}
	if (r == 0)
		r = mw_buf_append_byte(out, ']');
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return 0;
}
