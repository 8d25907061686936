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

/* Names are compared without separators and in lower case. */
enum match {
	NONE,	/* the end of the list */
	ENDING, /* of a name */
	WORD,	/* its last word is this ("db_pass", "dbPwd"; not "bypass") */
	WHOLE,	/* the name is this */
	EXEMPT, /* a name that ends in this is the protocol's own, and no secret: before all others
		 */
};

struct secret {
	struct mw_slice text;
	enum match match;
};

#define S(match, s)                                                                                \
	{                                                                                          \
		{ (const uint8_t *)(s), sizeof(s) - 1 }, match                                     \
	}

/* What names a secret, by the last letter. */
static const struct secret secrets[26][24] = {
	['d' - 'a'] = { S(ENDING, "password"), S(ENDING, "passwd"), S(ENDING, "mcpsessionid"),
			S(ENDING, "phpsessid"), S(ENDING, "jsessionid"), S(WORD, "pwd") },
	['e' - 'a'] = { S(ENDING, "passphrase"), S(ENDING, "passcode"), S(ENDING, "tokenvalue"),
			S(ENDING, "secretvalue"), S(ENDING, "cookie"), S(ENDING, "amzsignature"),
			S(ENDING, "googsignature") },
	['g' - 'a'] = { S(WHOLE, "sig") },
	['h' - 'a'] = { S(ENDING, "passwordhash"), S(WHOLE, "auth") },
	['l' - 'a'] = { S(ENDING, "credential") },
	['n' - 'a'] = { S(EXEMPT, "progresstoken"), S(ENDING, "token"),
			S(ENDING, "authorization") },
	['p' - 'a'] = { S(WORD, "otp") },
	['r' - 'a'] = { S(WORD, "bearer") },
	['s' -
	    'a'] = { S(ENDING, "passwords"),  S(ENDING, "authtokens"),	S(ENDING, "accesstokens"),
		     S(ENDING, "apitokens"),  S(ENDING, "secrets"),	S(ENDING, "apikeys"),
		     S(ENDING, "secretkeys"), S(ENDING, "privatekeys"), S(ENDING, "credentials"),
		     S(ENDING, "cookies"),    S(ENDING, "sqlpass"),	S(ENDING, "dbpass"),
		     S(ENDING, "userpass"),   S(ENDING, "rootpass"),	S(ENDING, "adminpass"),
		     S(ENDING, "smtppass"),   S(ENDING, "mailpass"),	S(ENDING, "loginpass"),
		     S(WORD, "pass"),	      S(WORD, "creds") },
	['t' - 'a'] = { S(ENDING, "secret"), S(WORD, "jwt") },
	['v' - 'a'] = { S(WHOLE, "cvv") },
	['w' - 'a'] = { S(WORD, "pw") },
	['y' - 'a'] = { S(ENDING, "apikey"), S(ENDING, "authkey"), S(ENDING, "accountkey"),
			S(ENDING, "accesskey"), S(ENDING, "secretkey"), S(ENDING, "privatekey"),
			S(ENDING, "signingkey"), S(ENDING, "encryptionkey"), S(ENDING, "masterkey"),
			S(ENDING, "hmackey"), S(ENDING, "sshkey"), S(ENDING, "passkey") },
};

static bool is_sep(uint8_t c)
{
	return c == '-' || c == '_' || c == '.' || c == ' ' || c == '[' || c == ']';
}

bool mw_redact_name(struct mw_slice name)
{
	uint8_t norm[MW_REDACT_NAME_N];
	size_t at = sizeof(norm), word = 0, i;
	const struct secret *x;
	struct mw_slice s, w;

	/* "password2" is a password, "X-Token:" has no colon here */
	while (name.n > 0 && (mw_is_digit(name.p[name.n - 1]) || is_sep(name.p[name.n - 1])))
		name.n--;
	if (name.n == 0 || !mw_is_lower(mw_lower(name.p[name.n - 1])))
		return false;
	x = secrets[mw_lower(name.p[name.n - 1]) - 'a'];
	while (x->match != NONE && x->text.n > name.n)
		x++;
	if (x->match == NONE)
		return false;
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
	if (word == 0)
		word = at;
	s = mw_slice(norm + at, sizeof(norm) - at);
	w = mw_slice(norm + word, sizeof(norm) - word);

	for (; x->match != NONE; x++)
		if (x->match == WORD	? mw_slice_eq(w, x->text)
		    : x->match == WHOLE ? mw_slice_eq(s, x->text)
					: mw_slice_ends(s, x->text))
			return x->match != EXEMPT;
	return false;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

/* A pass over one JSON text that copies it, secrets out, and stops at strings. What stays as it is,
 * is copied in runs as long as they come. */
struct walk {
	struct mw_json j;
	const uint8_t *from, *prev; /* copied up to here; looked at up to here */
	const uint8_t *end;
	bool keep_space, cut; /* cut: a string was longer than stop */
	size_t stop;	      /* no string is looked at further than this */
	size_t out_stop;      /* when there is more than this, it is enough */
	struct mw_slice text; /* the string stopped at, decoded; or a name */
	struct mw_buf str;    /* its bytes, if it had to be decoded */
};

static void walk_init(struct walk *w, struct mw_slice text, bool keep_space,
		      const struct mw_buf *out)
{
	mw_json_init(&w->j, text, MW_JSON_DEPTH_MAX);
	w->from = w->prev = text.p;
	w->end = text.p + text.n;
	w->keep_space = keep_space;
	w->cut = false;
	w->stop = SIZE_MAX;
	w->out_stop = SIZE_MAX;
	/* decoding makes at most three bytes of one */
	mw_buf_init(&w->str, out->a, text.n < SIZE_MAX / 4 ? 3 * text.n + 16 : SIZE_MAX / 2);
}

static int walk_copy(struct walk *w, struct mw_buf *out, const uint8_t *to)
{
	int r = mw_buf_append(out, w->from, (size_t)(to - w->from));

	w->from = to;
	return r;
}

/* Between two items stand only commas, colons and white space. */
static int walk_gap(struct walk *w, struct mw_buf *out, const uint8_t *to)
{
	int r = 0;

	for (; w->prev < to && r == 0; w->prev++)
		if (!w->keep_space && mw_is_space(*w->prev)) {
			r = walk_copy(w, out, w->prev);
			w->from = w->prev + 1;
		}
	return r;
}

/* Whether a string stays as it is, also as the text of a JSON value: one that is easily seen to. */
static bool stays(const struct walk *w, const struct mw_json_item *it)
{
	return it->flags == 0 && it->raw.n - 2 <= w->stop && mw_redact_is_quiet(w->text);
}

static int walk_decode(struct walk *w, const struct mw_json_item *it, bool *lossy)
{
	size_t n;
	int r;

	if (it->flags & (MW_JSON_BAD_UTF8 | MW_JSON_LONE))
		*lossy = true;
	if (!(it->flags & (MW_JSON_ESCAPED | MW_JSON_BAD_UTF8)) && it->raw.n - 2 <= w->stop) {
		w->text = mw_slice(it->raw.p + 1, it->raw.n - 2);
		return 0;
	}
	mw_buf_reset(&w->str, 65536);
	r = mw_json_str_decode_head(it->raw, w->stop, &w->str);
	w->text = mw_buf_slice(&w->str);
	if (r != 1)
		return r;
	/* half a URL does not show any more that what stands in it is a password */
	w->cut = true;
	for (n = w->text.n; n > 0 && !mw_is_space(w->text.p[n - 1]); n--)
		if (n >= 3 && memcmp(w->text.p + n - 3, "://", 3) == 0)
			w->text.n = n;
	return 0;
}

static int put_as_text(struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	int r;

	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_redact_put_text(out, text, lossy);
	return r < 0 ? r : mw_buf_append_byte(out, '"');
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
	if (r == 0)
		r = walk_copy(w, out, value.p);
	if (r < 0)
		return r;
	w->from = w->prev = value.p + value.n;
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

static int walk_key(struct walk *w, struct mw_buf *out, const struct mw_json_item *it, bool *lossy)
{
	int r = walk_decode(w, it, lossy);

	if (r == 0 && !stays(w, it)) {
		r = walk_copy(w, out, it->raw.p);
		if (r == 0)
			r = put_as_text(out, w->text, lossy);
		w->from = w->prev;
	}
	if (r == 0 && mw_redact_name(w->text))
		r = walk_secret(w, out, it);
	return r;
}

/* 1: a string value; w->text is its text, and the caller appends what it is to be. 0: the end, or
 * out is longer than w->out_stop, or a string was cut. */
static int walk_next(struct walk *w, struct mw_buf *out, bool *lossy)
{
	struct mw_json_item it;
	int r = 0;

	while (out->len + (size_t)(w->prev - w->from) <= w->out_stop && !w->cut) {
		r = mw_json_next(&w->j, &it);
		if (r < 0)
			return r;
		if (r == 0) {
			r = walk_gap(w, out, w->end);
			break;
		}
		r = walk_gap(w, out, it.raw.p);
		if (r < 0)
			return r;
		w->prev = it.raw.p + it.raw.n;
		if (it.tok == MW_JSON_KEY)
			r = walk_key(w, out, &it, lossy);
		else if (it.tok == MW_JSON_STRING)
			r = walk_decode(w, &it, lossy);
		if (r < 0)
			return r;
		if (it.tok != MW_JSON_STRING || stays(w, &it))
			continue;
		r = walk_copy(w, out, it.raw.p);
		w->from = w->prev;
		return r < 0 ? r : 1;
	}
	return r < 0 ? r : walk_copy(w, out, w->prev);
}

/* The text of a JSON value inside a string, its strings redacted as text only. -EBADMSG: none. */
static int put_inner_json(struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	struct walk w;
	int r;

	walk_init(&w, text, true, out);
	while ((r = walk_next(&w, out, lossy)) == 1) {
		r = put_as_text(out, w.text, lossy);
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

	while (t.n > 0 && mw_is_space(t.p[0]))
		t = mw_slice(t.p + 1, t.n - 1);
	if (t.n < 2 || (t.p[0] != '{' && t.p[0] != '['))
		return put_as_text(out, text, lossy);

	len = out->len;
	r = mw_buf_append_byte(out, '"');
	if (r < 0)
		return r;
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
	return put_as_text(out, text, lossy);
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
		r = put_string(out, w.text, &bad);
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
