/* SPDX-License-Identifier: Apache-2.0 */
/* token.c - what a credential is, and what a JWT claims; where they stand: token_scan.c */
#include "core/token.h"

#include <errno.h>

#include "base/base64.h"
#include "base/json.h"
#include "core/host.h"

/* Of seconds since 1970 that are written: more digits are none of this age. */
#define EXP_DIGITS 15

const char *mw_token_kind_name(enum mw_token_kind kind)
{
	static const char *const names[] = { [MW_TOKEN_JWT] = "jwt",
					     [MW_TOKEN_BEARER] = "bearer",
					     [MW_TOKEN_BASIC] = "basic",
					     [MW_TOKEN_API_KEY] = "api_key" };

	return names[kind];
}

/* --- base64 --------------------------------------------------------------------------------------
 */

/* The value of a digit, base64url's or with `url` false base64's; negative: none. */
static int digit64(uint8_t c, bool url)
{
	if (c == (url ? '+' : '-') || c == (url ? '/' : '_'))
		return -1;
	return mw_base64_digit(c);
}

/* RFC 4648 without padding, strict. How many bytes it stands for; out NULL: only that, and whether
 * it is sound. -EBADMSG, -E2BIG: more than max. */
static ptrdiff_t decode64(struct mw_slice s, bool url, uint8_t *out, size_t max)
{
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t n = 0;

	if (s.n % 4 == 1)
		return -EBADMSG;
	if (s.n / 4 * 3 > max)
		return -E2BIG;
	for (size_t i = 0; i < s.n; i++) {
		int d = digit64(s.p[i], url);

		if (d < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)d;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (n == max)
			return -E2BIG;
		if (out)
			out[n] = (uint8_t)(bits >> n_bits);
		n++;
	}
	if (bits & ((1u << n_bits) - 1))
		return -EBADMSG;
	return (ptrdiff_t)n;
}

static bool is_digit64(uint8_t c)
{
	return digit64(c, true) >= 0;
}

/* --- JWT -----------------------------------------------------------------------------------------
 */

/* header.payload.signature */
struct parts {
	struct mw_slice part[3];
};

/* The run of base64url at the front of text[at..). */
static size_t run_end(struct mw_slice text, size_t at)
{
	while (at < text.n && is_digit64(text.p[at]))
		at++;
	return at;
}

/* {" is "ey", { and white space "ey" or "ew". */
static bool may_begin(struct mw_slice s)
{
	return s.n >= 4 && s.p[0] == 'e' && (s.p[1] == 'y' || s.p[1] == 'w');
}

static bool is_object(struct mw_slice header)
{
	uint8_t text[MW_JWT_HEADER_MAX];
	struct mw_json_item it;
	struct mw_json j;
	ptrdiff_t n = decode64(header, true, text, sizeof(text));
	bool object;
	int r;

	if (n < 0)
		return false;
	mw_json_init(&j, mw_slice(text, (size_t)n), MW_JWT_DEPTH_MAX);
	object = mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_OBJECT;
	while (object && (r = mw_json_next(&j, &it)) != 0)
		object = r == 1;
	return object;
}

/* A JWT whose header begins at `from` and ends with the dot at `dot`; where it ends. 0: none. */
static size_t jwt_at(struct mw_slice text, size_t from, size_t dot, struct parts *ret)
{
	struct mw_slice header = mw_slice(text.p + from, dot - from);
	size_t second = dot + 1, third, end;

	if (!may_begin(header))
		return 0;
	third = run_end(text, second);
	if (third == second || third == text.n || text.p[third] != '.')
		return 0;
	end = run_end(text, third + 1);
	/* a dot with more behind it: some other thing of several parts */
	if (end + 1 < text.n && text.p[end] == '.' && is_digit64(text.p[end + 1]))
		return 0;
	if (!is_object(header))
		return 0;
	ret->part[0] = header;
	ret->part[1] = mw_slice(text.p + second, third - second);
	ret->part[2] = mw_slice(text.p + third + 1, end - third - 1);
	return end;
}

bool mw_jwt_find(struct mw_slice text, size_t *pos, struct mw_slice *ret)
{
	size_t at = *pos, least = *pos, from, dot, end;
	struct parts parts;
	const uint8_t *p;

	while (at < text.n && (p = memchr(text.p + at, '.', text.n - at))) {
		dot = (size_t)(p - text.p);
		at = dot + 1;
		for (from = dot; from > least && is_digit64(text.p[from - 1]);)
			from--;
		least = at;
		end = jwt_at(text, from, dot, &parts);
		if (!end)
			continue;
		*ret = mw_slice(text.p + from, end - from);
		*pos = end;
		return true;
	}
	*pos = text.n;
	return false;
}

static bool jwt_whole(struct mw_slice s, struct parts *ret)
{
	const uint8_t *dot = s.n ? memchr(s.p, '.', s.n) : NULL;
	size_t n = dot ? (size_t)(dot - s.p) : 0;

	return dot && run_end(s, 0) == n && jwt_at(s, 0, n, ret) == s.n;
}

bool mw_jwt_is(struct mw_slice s)
{
	struct parts parts;

	return jwt_whole(s, &parts);
}

/* --- claims --------------------------------------------------------------------------------------
 */

/* An object whose members mean one thing to every reader. 0, -EBADMSG, -E2BIG. */
static int is_plain_object(struct mw_slice json)
{
	const unsigned int odd =
	    MW_JSON_DUP | MW_JSON_UNSURE | MW_JSON_BAD_UTF8 | MW_JSON_LONE | MW_JSON_NUL;
	unsigned int flags;
	int r;

	r = mw_json_check(json, MW_JWT_DEPTH_MAX, &flags, NULL);
	if (r < 0)
		return r;
	return flags & odd ? -EBADMSG : 0;
}

static bool is_string(struct mw_slice raw)
{
	return raw.n > 2 && raw.p[0] == '"';
}

/* A string, or an array of strings and nothing else. */
static bool is_strings(struct mw_slice raw)
{
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	if (is_string(raw))
		return true;
	if (!raw.n || raw.p[0] != '[')
		return false;
	mw_json_init(&j, raw, 2);
	while (mw_json_next(&j, &it) == 1) {
		if (it.depth == 0)
			continue;
		if (it.tok != MW_JSON_STRING)
			return false;
		n++;
	}
	return n > 0;
}

/* NumericDate: a number of seconds, in digits. */
static bool seconds(struct mw_slice raw, int64_t *ret)
{
	bool minus = raw.n && raw.p[0] == '-';
	int64_t v = 0;
	size_t i = minus, n = 0;

	for (; i < raw.n && raw.p[i] >= '0' && raw.p[i] <= '9'; i++) {
		if (++n > EXP_DIGITS)
			return false;
		v = v * 10 + (raw.p[i] - '0');
	}
	if (!n || (i < raw.n && raw.p[i] != '.'))
		return false;
	for (i++; i < raw.n; i++)
		if (raw.p[i] < '0' || raw.p[i] > '9')
			return false;
	*ret = minus ? -v : v;
	return true;
}

static void take_claim(struct mw_claims *c, struct mw_slice name, struct mw_slice value,
		       struct mw_slice *scp)
{
	const struct {
		const char *name;
		struct mw_slice *to;
		bool several;
	} known[] = {
		{ "sub", &c->sub, false }, { "iss", &c->iss, false },
		{ "aud", &c->aud, true },  { "client_id", &c->client_id, false },
		{ "azp", &c->azp, false }, { "scope", &c->scope, true },
		{ "scp", scp, true },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (mw_json_str_eq(name, known[i].name) &&
		    (known[i].several ? is_strings(value) : is_string(value)))
			*known[i].to = value;
	if (mw_json_str_eq(name, "exp"))
		c->has_exp = seconds(value, &c->exp);
}

/* Of the text of a checked object. */
static void take_claims(struct mw_slice json, struct mw_claims *ret)
{
	struct mw_slice name, value, scp = { NULL, 0 };
	struct mw_json_object o;

	*ret = (struct mw_claims){ .has_exp = false };
	mw_json_object_init(&o, json);
	while (mw_json_object_next(&o, &name, &value))
		take_claim(ret, name, value, &scp);
	if (!ret->scope.n)
		ret->scope = scp;
}

/* The header must say how it is signed (RFC 7515, section 4.1.1), be it "none". */
static int check_header(struct mw_slice part)
{
	uint8_t text[MW_JWT_HEADER_MAX];
	struct mw_slice json, alg;
	ptrdiff_t n = decode64(part, true, text, sizeof(text));
	int r;

	if (n < 0)
		return (int)n;
	json = mw_slice(text, (size_t)n);
	r = is_plain_object(json);
	if (r < 0)
		return r;
	return mw_json_member(json, "alg", &alg, NULL) == 0 && is_string(alg) ? 0 : -EBADMSG;
}

int mw_jwt_claims(struct mw_slice jwt, struct mw_buf *text, struct mw_claims *ret)
{
	struct parts parts;
	struct mw_slice json;
	ptrdiff_t n;
	int r;

	if (jwt.n > MW_JWT_MAX)
		return -E2BIG;
	if (!jwt_whole(jwt, &parts))
		return -EBADMSG;
	r = check_header(parts.part[0]);
	if (r < 0)
		return r;
	n = decode64(parts.part[2], true, NULL, MW_JWT_MAX);
	if (n < 0)
		return (int)n;
	text->len = 0;
	r = mw_buf_reserve(text, parts.part[1].n);
	if (r < 0)
		return r;
	n = decode64(parts.part[1], true, text->p, text->cap);
	if (n < 0)
		return (int)n;
	text->len = (size_t)n;
	json = mw_buf_slice(text);
	if (!json.n || json.p[0] != '{')
		return -EBADMSG;
	r = is_plain_object(json);
	if (r < 0)
		return r;
	take_claims(json, ret);
	return 0;
}

/* --- schemes -------------------------------------------------------------------------------------
 */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct mw_slice trim(struct mw_slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = mw_slice_from(s, 1);
	while (s.n && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

/* What is behind a scheme. False: not by itself a credential (Digest, Negotiate). */
static bool behind(struct mw_slice scheme, struct mw_slice rest, struct mw_token *ret)
{
	static const char *const keys[] = { "token", "apikey", "api-key", "key", "bot", "jwt" };

	ret->bytes = rest;
	ret->kind = MW_TOKEN_JWT;
	if (mw_jwt_is(rest))
		return true;
	ret->kind = MW_TOKEN_BASIC;
	if (mw_slice_lower_eq(scheme, "basic"))
		return true;
	ret->kind = MW_TOKEN_BEARER;
	if (mw_slice_lower_eq(scheme, "bearer"))
		return true;
	ret->kind = MW_TOKEN_API_KEY;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (mw_slice_lower_eq(scheme, keys[i]))
			return true;
	return false;
}

bool mw_token_of(struct mw_slice value, bool known, struct mw_token *ret)
{
	size_t n = 0;

	value = trim(value);
	if (!value.n)
		return false;
	while (n < value.n && !is_blank(value.p[n]))
		n++;
	if (n < value.n && behind(mw_slice(value.p, n), trim(mw_slice_from(value, n)), ret))
		return true;
	if (n < value.n && known)
		return false;
	ret->kind = mw_jwt_is(value) ? MW_TOKEN_JWT : MW_TOKEN_API_KEY;
	ret->bytes = value;
	return true;
}

int mw_basic_user(struct mw_slice credentials, struct mw_buf *text)
{
	const size_t at = text->len;
	struct mw_slice user, password;
	const uint8_t *colon;
	ptrdiff_t n;
	int r;

	for (int pad = 0; pad < 2 && credentials.n && credentials.p[credentials.n - 1] == '=';
	     pad++)
		credentials.n--;
	r = mw_buf_reserve(text, credentials.n + 1);
	if (r < 0)
		return r == -E2BIG ? 0 : r;
	n = decode64(credentials, false, text->p + at, text->cap - at);
	if (n <= 0)
		return 0;
	colon = memchr(text->p + at, ':', (size_t)n);
	if (!colon)
		return 0;
	user = mw_slice(text->p + at, (size_t)(colon - text->p) - at);
	password = mw_slice(colon + 1, (size_t)n - user.n - 1);
	/* "key:", "key:x", "key:x-oauth-basic": the key is the user */
	if (!user.n || password.n < 2 || mw_slice_eq_str(password, "x-oauth-basic"))
		return 0;
	text->len = at + user.n;
	return 1;
}
