/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_out.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "core/record.h"
#include "io/escape.h"
#include "io/known.h"

/* --- values -------------------------------------------------------------------------------------
 */

struct mw_slice mw_out_get(struct mw_slice object, const char *name)
{
	const struct mw_slice want = mw_slice_str(name);
	struct mw_known k = mw_known_members(object);
	struct mw_slice key, value, found = mw_slice(NULL, 0);
	int r;

	if (!object.n || object.p[0] != '{')
		return found;
	/* the last one of that name */
	while ((r = mw_known_next(&k, &key, &value)) == 1) {
		if (memchr(key.p, '\\', key.n))
			break;
		if (mw_slice_eq(mw_slice_inside(key), want))
			found = value;
	}
	if (r == 0)
		return found;
	return mw_json_member(object, name, &value, NULL) == 0 ? value : mw_slice(NULL, 0);
}

int mw_out_text(struct mw_slice raw, struct mw_buf *tmp, struct mw_slice *ret)
{
	int r;

	if (!mw_out_is_str(raw)) {
		*ret = raw;
		return 0;
	}
	if (!memchr(raw.p, '\\', raw.n)) {
		*ret = mw_slice_inside(raw);
		return 0;
	}
	mw_buf_reset(tmp, tmp->cap);
	r = mw_json_str_decode(raw, tmp);
	if (r < 0)
		return r;
	*ret = mw_buf_slice(tmp);
	return 0;
}

int mw_out_number(struct mw_slice raw, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (raw.n == 0)
		return -EINVAL;
	for (i = 0; i < raw.n; i++)
		if (raw.p[i] < '0' || raw.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(raw.p[i] - '0'), &v))
			return -EINVAL;
	*ret = v;
	return 0;
}

struct mw_slice mw_out_server(struct mw_slice raw)
{
	static const char *const names[] = { "name", "configured_name", "key", "id" };
	struct mw_slice v = mw_slice(NULL, 0);

	if (mw_out_is_str(raw))
		return raw;
	for (size_t i = 0; !v.n && i < sizeof(names) / sizeof(names[0]); i++)
		v = mw_out_get(raw, names[i]);
	return v;
}

/* Appends the decoded text of a string, or the raw text of another value. */
static int append_text(struct mw_buf *out, struct mw_slice raw)
{
	return mw_out_is_str(raw) ? mw_json_str_decode(raw, out) : mw_buf_append(out, raw.p, raw.n);
}

/* What the first of the tokens says that the caller is; raw. */
static struct mw_slice claimed(struct mw_slice tokens)
{
	static const char *const claims[] = { "sub", "client_id", "azp", "fingerprint" };
	struct mw_slice token, v = mw_slice(NULL, 0);
	struct mw_json_array a;

	if (!tokens.n)
		return v;
	mw_json_array_init(&a, tokens);
	if (mw_json_array_next(&a, &token))
		for (size_t i = 0; !v.n && i < sizeof(claims) / sizeof(claims[0]); i++)
			v = mw_out_get(token, claims[i]);
	return v;
}

int mw_out_principal(struct mw_slice raw, struct mw_buf *tmp, struct mw_slice *ret)
{
	struct mw_slice user = mw_out_get(raw, "user"), uid = mw_out_get(raw, "uid"), claim;
	int r = 0;

	claim = claimed(mw_out_get(raw, "tokens"));
	if (user.n && !claim.n)
		return mw_out_text(user, tmp, ret);
	mw_buf_reset(tmp, tmp->cap);
	if (user.n) {
		r = append_text(tmp, user);
	} else if (uid.n) {
		r = mw_buf_append_str(tmp, "uid ");
		if (r == 0)
			r = append_text(tmp, uid);
	}
	if (r == 0 && claim.n)
		r = mw_buf_append_str(tmp, tmp->len ? " (claims " : "(claims ");
	if (r == 0 && claim.n)
		r = append_text(tmp, claim);
	if (r == 0 && claim.n)
		r = mw_buf_append_byte(tmp, ')');
	if (r < 0)
		return r;
	*ret = mw_buf_slice(tmp);
	return 0;
}

/* --- text ---------------------------------------------------------------------------------------
 */

#define GROW_MIN 4096

void mw_out_done(struct mw_outbuf *o)
{
	free(o->p);
	*o = (struct mw_outbuf){ 0 };
}

bool mw_out_grow(struct mw_outbuf *o, size_t n)
{
	size_t want;
	void *p = NULL;

	if (o->r < 0)
		return false;
	/* what is doubled does not wrap where what was asked for does not */
	if (!__builtin_add_overflow(o->len, n, &want) && want < SIZE_MAX / 2) {
		want = want < GROW_MIN ? GROW_MIN : want < 2 * o->cap ? 2 * o->cap : want;
		p = realloc(o->p, want);
	}
	if (!p) {
		o->r = -ENOMEM;
		return false;
	}
	o->p = p;
	o->cap = want;
	return true;
}

void mw_out_u64(struct mw_outbuf *o, uint64_t v)
{
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	mw_out_slice(o, mw_slice(p, (size_t)(text + sizeof(text) - p)));
}

void mw_out_i64(struct mw_outbuf *o, int64_t v)
{
	if (v < 0)
		mw_out_char(o, '-');
	mw_out_u64(o, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void mw_out_time(struct mw_outbuf *o, int64_t ns)
{
	char text[MW_TIME_LEN + 1];

	mw_time_print(ns, text);
	mw_out_slice(o, mw_slice(text, MW_TIME_LEN));
}

const uint8_t *mw_out_run(struct mw_outbuf *o, const uint8_t *p, const uint8_t *end,
			  const char *stop)
{
	if (!mw_out_room(o, (size_t)(end - p)))
		return end;
#ifdef __SSE2__
	const __m128i a = _mm_set1_epi8(stop[0]), b = _mm_set1_epi8(stop[1]),
		      c = _mm_set1_epi8(stop[2]), del = _mm_set1_epi8(0x7f),
		      space = _mm_set1_epi8(' ');

	while (end - p >= 16) {
		const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* signed: below a space is a control or has the high bit */
		const __m128i hit = _mm_or_si128(
		    _mm_or_si128(_mm_cmplt_epi8(v, space), _mm_cmpeq_epi8(v, del)),
		    _mm_or_si128(_mm_cmpeq_epi8(v, a),
				 _mm_or_si128(_mm_cmpeq_epi8(v, b), _mm_cmpeq_epi8(v, c))));
		const unsigned int mask = (unsigned int)_mm_movemask_epi8(hit);
		const unsigned int n = mask ? (unsigned int)__builtin_ctz(mask) : 16;

		_mm_storeu_si128((__m128i *)(void *)(o->p + o->len), v);
		o->len += n;
		p += n;
		if (mask)
			return p;
	}
#endif
	while (p < end && *p >= ' ' && *p < 0x7f && *p != stop[0] && *p != stop[1] && *p != stop[2])
		o->p[o->len++] = *p++;
	return p;
}

static void json_unit(struct mw_outbuf *o, uint32_t unit)
{
	static const char digits[] = "0123456789abcdef";
	const char text[] = { '\\',
			      'u',
			      digits[unit >> 12 & 15],
			      digits[unit >> 8 & 15],
			      digits[unit >> 4 & 15],
			      digits[unit & 15] };

	mw_out_slice(o, mw_slice(text, sizeof(text)));
}

/* One character that is not plain; how many bytes it has. */
static size_t json_char(struct mw_outbuf *o, const uint8_t *p, const uint8_t *end)
{
	unsigned int len = mw_utf8_len(p, end);
	uint32_t c = len ? mw_utf8_get(p, len) : MW_UTF8_REPLACEMENT;

	if (c == '"' || c == '\\') {
		mw_out_char(o, '\\');
		mw_out_char(o, (char)c);
	} else if (c < 0xa0 || c == 0x2028 || c == 0x2029 || !len) {
		json_unit(o, c);
	} else {
		mw_out_slice(o, mw_slice(p, len));
	}
	return len ? len : 1;
}

void mw_out_json_inside(struct mw_outbuf *o, struct mw_slice text)
{
	const uint8_t *p = text.p, *end = text.n ? p + text.n : p;

	while (p < end) {
		p = mw_out_run(o, p, end, "\"\\<");
		if (p < end)
			p += json_char(o, p, end);
	}
}

void mw_out_json(struct mw_outbuf *o, struct mw_slice text)
{
	mw_out_char(o, '"');
	mw_out_json_inside(o, text);
	mw_out_char(o, '"');
}

void mw_out_json_str(struct mw_outbuf *o, const char *text)
{
	mw_out_json(o, mw_slice_str(text));
}

/* --- CSV ----------------------------------------------------------------------------------------
 */

/* Whether what stands here would be read as a formula at the beginning of a field. */
static bool is_formula(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p <= ' ')
		p++;
	if (p == end)
		return false;
	if (*p == '=' || *p == '+' || *p == '-' || *p == '@')
		return true;
	/* U+FF1D, U+FF0B, U+FF0D, U+FF20 */
	return end - p >= 3 && p[0] == 0xef && p[1] == 0xbc &&
	       (p[2] == 0x9d || p[2] == 0x8b || p[2] == 0x8d || p[2] == 0xa0);
}

/* One character that is not plain and no part of CSV, written visibly; how many bytes it has. */
static size_t csv_char(struct mw_outbuf *o, const uint8_t *p, const uint8_t *end, bool raw)
{
	unsigned int cols, len = mw_utf8_len(p, end);
	char esc[MW_ESCAPE_MAX];
	size_t used = mw_escape_next((const char *)p, (size_t)(end - p), esc, &cols);
	uint32_t c;

	if (!raw || !len || esc[0] != '\\') {
		mw_out_str(o, esc);
		return used;
	}
	/* in JSON it stays JSON */
	c = mw_utf8_get(p, len);
	if (c > 0xffff) {
		json_unit(o, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	json_unit(o, c);
	return used;
}

static void csv_field(struct mw_outbuf *o, struct mw_slice text, bool raw)
{
	const uint8_t *p = text.p, *end = text.n ? p + text.n : p;

	mw_out_char(o, '"');
	if (is_formula(p, end))
		mw_out_char(o, '\'');
	while (p < end) {
		p = mw_out_run(o, p, end, "\"\\;");
		if (p == end)
			break;
		if (*p == '"' || *p == ';') {
			mw_out_char(o, (char)*p);
			if (*p == '"')
				mw_out_char(o, '"');
			else if (is_formula(p + 1, end))
				mw_out_char(o, '\'');
			p++;
		} else if (raw && *p <= '\\') {
			/* the backslash is JSON's; below a blank is what JSON takes for one */
			mw_out_char(o, *p == '\\' ? '\\' : ' ');
			p++;
		} else {
			p += csv_char(o, p, end, raw);
		}
	}
	mw_out_char(o, '"');
}

void mw_out_csv(struct mw_outbuf *o, struct mw_slice text)
{
	csv_field(o, text, false);
}

void mw_out_csv_raw(struct mw_outbuf *o, struct mw_slice raw)
{
	csv_field(o, raw, true);
}
