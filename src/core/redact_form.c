/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_form.c - secrets by their form: JWT (RFC 7519), private keys in PEM (RFC 7468) and DER
 * (RFC 5208, 5958), what base64 hides, and what only looks like chance
 */
#include "core/redact_num.h"

#include <errno.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/utf8.h"

#define RUN_MIN 16
/* No block is shorter. */
#define PEM_MIN 64
/* "mktemp x.XXXXXXXXXX" makes ten; a key has at least 20. */
#define TEMPORARY_MAX 16
/* Of a JWT's header, so much is looked into. */
#define HEADER_MAX 4096

/* --- base64 (RFC 4648), of both alphabets -------------------------------------------------------
 */

static bool is_text(uint8_t c)
{
	return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r';
}

static bool is_utf8(struct mw_slice s)
{
	unsigned int n;

	for (size_t i = 0; i < s.n; i += n) {
		n = s.p[i] < 0x80 ? 1 : mw_utf8_len(s.p + i, s.p + s.n);
		if (n == 0)
			return false;
	}
	return true;
}

/* Appends what base64 (of either alphabet, padding or none) stands for; 0, -EBADMSG, -ENOMEM,
 * -E2BIG. With text_only also -EBADMSG as soon as it shows to be no text. */
static int decode_base64(struct mw_buf *out, struct mw_slice s, bool text_only)
{
	const size_t len = out->len;
	uint32_t bits = 0;
	unsigned int n = 0;
	int r;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	if (s.n % 4 == 1)
		return -EBADMSG;
	r = mw_buf_reserve(out, s.n / 4 * 3 + 3);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n; i++) {
		const int v = mw_base64_digit(s.p[i]);

		if (v < 0)
			goto bad;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		out->p[out->len] = (uint8_t)(bits >> n);
		if (text_only && !is_text(out->p[out->len]))
			goto bad;
		out->len++;
	}
	if (!text_only || is_utf8(mw_slice(out->p + len, out->len - len)))
		return 0;
bad:
	out->len = len;
	return -EBADMSG;
}

/* --- PEM ----------------------------------------------------------------------------------------
 */

static size_t find(struct mw_slice t, size_t at, const char *what, size_t within)
{
	const size_t n = t.n - at < within ? t.n - at : within;
	const uint8_t *p = n ? memmem(t.p + at, n, what, strlen(what)) : NULL;

	return p ? (size_t)(p - t.p) : SIZE_MAX;
}

/* What a block is made of when its end is missing: base64, its headers, white space as it is or
 * escaped. */
static bool is_pem_byte(uint8_t c)
{
	return mw_is_token_byte(c) || mw_is_space(c) || c == '\\' || c == ':' || c == ',' ||
	       c == '"' || c == '\'';
}

/* The end of the PEM block of a private key that begins at `at` ("-----BEGIN "); *ret_private
 * false: it is another block, and no secret. 0: none. */
static size_t pem_end(struct mw_slice t, size_t at, bool *ret_private)
{
	const size_t label = at + sizeof("-----BEGIN ") - 1;
	size_t head, end;

	head = find(t, label, "-----", 64);
	if (head == SIZE_MAX)
		return 0;
	*ret_private = find(t, label, "PRIVATE KEY", head - label) != SIZE_MAX;
	head += 5;
	/* a block has no such dashes in it; so no text is passed over twice */
	end = find(t, head, "-----", SIZE_MAX);
	if (end != SIZE_MAX && mw_slice_starts(mw_slice_from(t, end), MW_SLICE_LIT("-----END "))) {
		head = find(t, end + 9, "-----", 64);
		return head == SIZE_MAX ? t.n : head + 5;
	}
	if (!*ret_private)
		return 0;
	for (end = head; end < t.n && is_pem_byte(t.p[end]); end++)
		;
	return end - head >= 40 ? end : 0;
}

/* --- one run of token bytes ---------------------------------------------------------------------
 */

struct run {
	struct mw_redact *x;
	const struct mw_look *k;
	struct mw_cuts *ret;
	struct mw_slice text;
};

static int cut(const struct run *u, struct mw_slice s, const char *rule)
{
	const size_t from = (size_t)(s.p - u->text.p);

	return mw_cuts_add(u->ret, from, from + s.n, rule, MW_RANK_FORM);
}

/* The header of a JWT: an object that says its algorithm. Longer than is looked into: it counts. */
static int is_jwt_header(const struct run *u, struct mw_slice s)
{
	struct mw_slice alg;
	struct mw_buf b;
	int r;

	if (s.n > HEADER_MAX)
		return 1;
	mw_buf_init(&b, u->x->a, HEADER_MAX);
	r = decode_base64(&b, s, false);
	if (r == 0)
		r = mw_json_check(mw_buf_slice(&b), 16, NULL, NULL);
	if (r == 0)
		r = mw_json_member(mw_buf_slice(&b), "alg", &alg, NULL);
	mw_buf_done(&b);
	return r == 0 ? 1 : r == -ENOMEM ? r : 0;
}

static size_t segment(struct mw_slice s, size_t at)
{
	while (at < s.n && (mw_is_alnum(s.p[at]) || s.p[at] == '-' || s.p[at] == '_'))
		at++;
	return at;
}

/* A JWT at the start of s, in its compact form, signed or encrypted: how long, 0 none. */
static int jwt_len(const struct run *u, struct mw_slice s, size_t *ret)
{
	size_t head, end, last;
	int r;

	*ret = 0;
	/* of '{' and what may follow it */
	if (s.n < 12 || s.p[0] != 'e' || (s.p[1] != 'y' && s.p[1] != 'w'))
		return 0;
	head = segment(s, 0);
	if (head < 10 || head >= s.n || s.p[head] != '.')
		return 0;
	r = is_jwt_header(u, mw_slice(s.p, head));
	if (r != 1)
		return r;
	end = segment(s, head + 1);
	if (end < s.n && s.p[end] == '.')
		end = segment(s, end + 1);
	/* five parts: it is encrypted; three and a full stop are three */
	last = end < s.n && s.p[end] == '.' ? segment(s, end + 1) : s.n;
	if (last < s.n && s.p[last] == '.' && segment(s, last + 1) > last + 1)
		end = segment(s, last + 1);
	while (end < s.n && s.p[end] == '=')
		end++;
	*ret = end > head + 1 ? end : 0;
	return 0;
}

static int find_jwts(const struct run *u, struct mw_slice s)
{
	size_t at, n;
	int r;

	for (at = 0; at + 12 <= s.n; at++) {
		const uint8_t *p = memchr(s.p + at, 'e', s.n - at);

		if (!p)
			break;
		at = (size_t)(p - s.p);
		if (at && mw_is_alnum(s.p[at - 1]))
			continue;
		r = jwt_len(u, mw_slice(p, s.n - at), &n);
		if (r == 0 && n)
			r = cut(u, mw_slice(p, n), "jwt");
		if (r)
			return r;
		at += n;
	}
	return 0;
}

/* A private key in DER: SEQUENCE, of more than 127 bytes, that begins with its version, 0 or 1. */
static bool is_der_key(struct mw_slice s)
{
	uint8_t b[8];
	size_t n = 0;
	uint32_t bits = 0;

	if (s.n < 64 || s.p[0] != 'M' || s.p[1] != 'I')
		return false;
	for (size_t i = 0; i < 12; i += 4) {
		bits = 0;
		for (size_t k = 0; k < 4; k++) {
			const int v = mw_base64_digit(s.p[i + k]);

			if (v < 0)
				return false;
			bits = bits << 6 | (uint32_t)v;
		}
		for (int shift = 16; shift >= 0 && n < sizeof(b); shift -= 8)
			b[n++] = (uint8_t)(bits >> shift);
	}
	n = b[1] == 0x82 ? 4 : b[1] == 0x81 ? 3 : 0;
	return b[0] == 0x30 && n && b[n] == 2 && b[n + 1] == 1 && b[n + 2] <= 1;
}

/* The first bytes of what is no text, and whose bytes are no secret: images, sounds, archives. */
static bool is_media(struct mw_slice s)
{
	static const char *const heads[] = {
		"iVBORw0KGgo", "/9j/",	 "R0lGOD",  "UklGR",  "JVBERi0", "UEsDB",   "H4sI",
		"T2dnUw",      "SUQz",	 "AGFzbQ",  "d09GR",  "AAEAAAAP", "AAAAGGZ0eX", "AAAAIGZ0eX",
		"Qk0",	       "AAABAA", "//uQ",    "GkXfo",  "f0VMRg",   "KLUv/",
	};

	for (size_t i = 0; s.n >= 64 && i < sizeof(heads) / sizeof(heads[0]); i++)
		if (mw_slice_starts(s, mw_slice_str(heads[i])))
			return true;
	return false;
}

/* A secret in what the run stands for takes the run. 1: it is text; whether or not. */
static int look_inside(const struct run *u, struct mw_slice s, bool *ret_text)
{
	struct mw_redact *x = u->x;
	struct mw_look in = { .decoded = true, .claim = u->k->claim };
	int r;

	*ret_text = false;
	if (u->k->decoded || s.n < RUN_MIN)
		return 0;
	x->decoded.len = 0;
	r = decode_base64(&x->decoded, s, true);
	if (r == -EBADMSG)
		return 0;
	if (r < 0)
		return r == -E2BIG ? MW_REDACT_UNSCANNED : r;
	*ret_text = true;
	in.text = mw_buf_slice(&x->decoded);
	in.show = in.text.n;
	x->inner.n = 0;
	r = mw_find(x, &in, &x->inner);
	if (r || x->inner.n == 0)
		return r;
	mw_cuts_merge(&x->inner);
	return cut(u, s, x->inner.e[0].rule);
}

/* Digests with the name of their algorithm, and what else is no secret by what stands before it. */
static bool is_named_before(const struct run *u, struct mw_slice s)
{
	static const char *const names[] = {
		"SHA256:",    "sha256:", "sha384:", "sha512:", "SHA1:", "MD5:", "h1:",
		"/nix/store", "sha256-", "sha384-", "sha512-", "sha1-", "W/\"",
	};
	static const char *const words[] = { "etag", "if-none-match", NULL };
	size_t from = (size_t)(s.p - u->text.p);
	struct mw_slice before;

	if (from && u->text.p[from - 1] == '/')
		from--;
	before = mw_slice(u->text.p, from);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mw_slice_ends(before, mw_slice_str(names[i])))
			return true;
	return mw_num_near(u->k, (size_t)(s.p - u->text.p), words, 24);
}

/* Behind "data:image/png;base64,": bytes of some medium. Of a text's the text is looked at. */
static bool is_data_uri(const struct run *u, struct mw_slice s)
{
	const size_t from = (size_t)(s.p - u->text.p);
	const struct mw_slice before = mw_slice(u->text.p, from);

	return mw_slice_ends(before, MW_SLICE_LIT(";base64,"));
}

/* s is all of the run `whole`, or a part. */
static int try_random(const struct run *u, struct mw_slice s, struct mw_slice whole)
{
	if (u->x->rules->no_entropy || u->k->claim || !mw_redact_is_random(s))
		return 0;
	if (mw_redact_is_known(whole) || is_named_before(u, whole) || is_named_before(u, s))
		return 0;
	return cut(u, s, "entropy");
}

/* It begins as a path does: with '/', or a word before one. */
static bool is_path(struct mw_slice s)
{
	size_t n = 0;

	while (n < s.n && mw_is_lower(s.p[n]))
		n++;
	return n < s.n && s.p[n] == '/' && (n == 0 || n >= 3);
}

/*
 * Behind a dot in a path: the name that mktemp made of its X, and what is below it. Such a name is as
 * random as a key, but too short for one: so this goes on being a path.
 */
static bool is_below_temporary(struct mw_slice s)
{
	size_t n = 0;

	while (n < s.n && mw_is_alnum(s.p[n]))
		n++;
	return n > 0 && n <= TEMPORARY_MAX && n < s.n && s.p[n] == '/';
}

/* A run between dots and '=': what may be one token, or a path. `inside`: of one that began. */
static int look_piece(const struct run *u, struct mw_slice s, bool inside)
{
	size_t from = 0, i;
	bool text = false;
	int r;

	if (s.n < RUN_MIN || is_media(s))
		return 0;
	if (is_der_key(s))
		return cut(u, s, "private-key");
	r = look_inside(u, s, &text);
	if (r || text || is_data_uri(u, s))
		return r;
	i = u->ret->n;
	r = is_path(s) || (inside && is_below_temporary(s)) ? 0 : try_random(u, s, s);
	if (r || u->ret->n > i || mw_redact_is_data(s))
		return r;
	for (i = 0; i <= s.n && r == 0; i++) {
		struct mw_slice part;

		if (i < s.n && s.p[i] != '/')
			continue;
		part = mw_slice(s.p + from, i - from);
		from = i + 1;
		if (part.n == s.n || part.n < RUN_MIN)
			continue;
		r = look_inside(u, part, &text);
		if (r == 0 && !text)
			r = try_random(u, part, s);
	}
	return r;
}

static int look_run(const struct run *u, struct mw_slice s)
{
	const bool path = is_path(s);
	size_t from = 0, i, end;
	int r;

	r = find_jwts(u, s);
	for (i = 0; i <= s.n && r == 0; i++) {
		if (i < s.n && s.p[i] != '.' && s.p[i] != '=')
			continue;
		/* padding is the token's */
		for (end = i; end < s.n && s.p[end] == '=' && end < i + 2; end++)
			;
		r = look_piece(u, mw_slice(s.p + from, (end < s.n ? i : end) - from),
			       path && from);
		from = i + 1;
	}
	return r;
}

/* --- all runs -----------------------------------------------------------------------------------
 */

/* The next run of RUN_MIN token bytes at or behind *at; n 0: none. In steps of RUN_MIN only one of
 * a run's first bytes is sure to be hit. */
static struct mw_slice run_next(struct mw_slice t, size_t *at)
{
	size_t i = *at, from, to;

	while (t.n - i >= RUN_MIN) {
		if (!mw_is_token_byte(t.p[i + RUN_MIN - 1])) {
			i += RUN_MIN;
			continue;
		}
		for (from = i + RUN_MIN - 1; from > *at && mw_is_token_byte(t.p[from - 1]); from--)
			;
		for (to = i + RUN_MIN; to < t.n && mw_is_token_byte(t.p[to]); to++)
			;
		*at = to;
		if (to - from >= RUN_MIN)
			return mw_slice(t.p + from, to - from);
		i = to;
	}
	*at = t.n;
	return mw_slice(NULL, 0);
}

int mw_find_forms(struct mw_redact *x, const struct mw_look *k, struct mw_cuts *ret)
{
	const struct run u = { x, k, ret, k->text };
	size_t pem, at = 0, end = 0;
	bool private = false;
	struct mw_slice s;
	int r = 0;

	pem = k->text.n < PEM_MIN ? SIZE_MAX : find(k->text, 0, "-----BEGIN ", SIZE_MAX);
	while (r == 0) {
		s = run_next(k->text, &at);
		/* blocks that begin before this run ends */
		while (r == 0 && pem < at) {
			end = pem_end(k->text, pem, &private);
			if (end && private)
				r = mw_cuts_add(ret, pem, end, "private-key", MW_RANK_FORM);
			if (end > at) {
				at = end;
				s.n = 0;
			}
			pem = find(k->text, end > pem ? end : pem + 1, "-----BEGIN ", SIZE_MAX);
		}
		if (s.n && (size_t)(s.p - k->text.p) >= end && r == 0)
			r = look_run(&u, s);
		if (at >= k->text.n)
			break;
	}
	return r;
}
