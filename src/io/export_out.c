/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_out.h"

#include "base/utf8.h"
#include "core/record.h"
#include "io/escape.h"

/* --- values -------------------------------------------------------------------------------------
 */

struct mw_slice mw_out_get(struct mw_slice object, const char *name)
{
	struct mw_slice v;

	return object.n && mw_json_member(object, name, &v, NULL) == 0 ? v : mw_slice(NULL, 0);
}

int mw_out_text(struct mw_slice raw, struct mw_buf *tmp, struct mw_slice *ret)
{
	int r;

	if (!mw_out_is_str(raw)) {
		*ret = raw;
		return 0;
	}
	if (!memchr(raw.p, '\\', raw.n)) {
		*ret = mw_slice(raw.p + 1, raw.n - 2);
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

void mw_out_u64(FILE *f, uint64_t v)
{
	char text[20], *p = text + sizeof(text);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	fwrite_unlocked(p, 1, (size_t)(text + sizeof(text) - p), f);
}

void mw_out_i64(FILE *f, int64_t v)
{
	if (v < 0)
		putc_unlocked('-', f);
	mw_out_u64(f, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void mw_out_time(FILE *f, int64_t ns)
{
	char text[MW_TIME_LEN + 1];

	mw_time_print(ns, text);
	fwrite_unlocked(text, 1, MW_TIME_LEN, f);
}

static bool json_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<';
}

static void json_unit(FILE *f, uint32_t unit)
{
	char text[8];

	snprintf(text, sizeof(text), "\\u%04x", unit & 0xffff);
	fputs_unlocked(text, f);
}

/* One character that is not plain; how many bytes it has. */
static size_t json_char(FILE *f, const uint8_t *p, const uint8_t *end)
{
	unsigned int len = mw_utf8_len(p, end);
	uint32_t c = len ? mw_utf8_get(p, len) : MW_UTF8_REPLACEMENT;

	if (c == '"' || c == '\\') {
		putc_unlocked('\\', f);
		putc_unlocked((int)c, f);
	} else if (c < 0xa0 || c == 0x2028 || c == 0x2029 || !len) {
		json_unit(f, c);
	} else {
		fwrite_unlocked(p, 1, len, f);
	}
	return len ? len : 1;
}

void mw_out_json_inside(FILE *f, struct mw_slice text)
{
	const uint8_t *p = text.p, *end = text.n ? p + text.n : p, *from;

	while (p < end) {
		for (from = p; p < end && json_plain(*p); p++)
			;
		mw_out_slice(f, mw_slice(from, (size_t)(p - from)));
		if (p < end)
			p += json_char(f, p, end);
	}
}

void mw_out_json(FILE *f, struct mw_slice text)
{
	putc_unlocked('"', f);
	mw_out_json_inside(f, text);
	putc_unlocked('"', f);
}

void mw_out_json_str(FILE *f, const char *text)
{
	mw_out_json(f, mw_slice_str(text));
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

static bool csv_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != ';';
}

/* One character that is not plain and no part of CSV, written visibly; how many bytes it has. */
static size_t csv_char(FILE *f, const uint8_t *p, const uint8_t *end, bool raw)
{
	unsigned int cols, len = mw_utf8_len(p, end);
	char esc[MW_ESCAPE_MAX];
	size_t used = mw_escape_next((const char *)p, (size_t)(end - p), esc, &cols);
	uint32_t c;

	if (!raw || !len || esc[0] != '\\') {
		fputs_unlocked(esc, f);
		return used;
	}
	/* in JSON it stays JSON */
	c = mw_utf8_get(p, len);
	if (c > 0xffff) {
		json_unit(f, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	json_unit(f, c);
	return used;
}

static void csv_field(FILE *f, struct mw_slice text, bool raw)
{
	const uint8_t *p = text.p, *end = text.n ? p + text.n : p, *from;

	putc_unlocked('"', f);
	if (is_formula(p, end))
		putc_unlocked('\'', f);
	while (p < end) {
		for (from = p; p < end && csv_plain(*p); p++)
			;
		mw_out_slice(f, mw_slice(from, (size_t)(p - from)));
		if (p == end)
			break;
		if (*p == '"' || *p == ';') {
			putc_unlocked(*p, f);
			if (*p == '"')
				putc_unlocked('"', f);
			else if (is_formula(p + 1, end))
				putc_unlocked('\'', f);
			p++;
		} else if (raw && *p <= '\\') {
			/* the backslash is JSON's; below a blank is what JSON takes for one */
			putc_unlocked(*p == '\\' ? '\\' : ' ', f);
			p++;
		} else {
			p += csv_char(f, p, end, raw);
		}
	}
	putc_unlocked('"', f);
}

void mw_out_csv(FILE *f, struct mw_slice text)
{
	csv_field(f, text, false);
}

void mw_out_csv_raw(FILE *f, struct mw_slice raw)
{
	csv_field(f, raw, true);
}
