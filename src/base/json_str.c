/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_str.h"

#include <errno.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/hash.h"

const uint8_t mw_json_short_escape[256] = {
	['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
	['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

unsigned int mw_json_escape_get(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp,
				unsigned int *flags)
{
	int unit, low;

	if (p == end)
		return 0;
	if (mw_json_short_escape[*p]) {
		*ret_cp = mw_json_short_escape[*p];
		return 1;
	}
	if (*p != 'u')
		return 0;
	unit = mw_json_hex4(p + 1, end);
	if (unit < 0)
		return 0;
	*ret_cp = (uint32_t)unit;
	if (unit == 0)
		*flags |= MW_JSON_NUL;
	if (unit < 0xD800 || unit > 0xDFFF)
		return 5;
	if (unit < 0xDC00 && end - p >= 7 && p[5] == '\\' && p[6] == 'u') {
		low = mw_json_hex4(p + 7, end);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			*ret_cp = 0x10000u + ((uint32_t)(unit - 0xD800) << 10) +
				  (uint32_t)(low - 0xDC00);
			return 11;
		}
	}
	*ret_cp = MW_UTF8_REPLACEMENT;
	*flags |= MW_JSON_LONE;
	return 5;
}

int mw_json_char(struct mw_slice *s, uint32_t *ret_cp, unsigned int *flags)
{
	unsigned int n;

	if (s->n == 0)
		return 0;
	if (*s->p == '\\') {
		n = mw_json_escape_get(s->p + 1, s->p + s->n, ret_cp, flags);
		if (n == 0)
			return -EINVAL;
		n++;
	} else if (*s->p < 0x20 || *s->p == '"') {
		return -EINVAL;
	} else {
		n = mw_utf8_len(s->p, s->p + s->n);
		if (n) {
			*ret_cp = mw_utf8_get(s->p, n);
		} else {
			*ret_cp = MW_UTF8_REPLACEMENT;
			*flags |= MW_JSON_BAD_UTF8;
			n = 1;
		}
	}
	s->p += n;
	s->n -= n;
	return 1;
}

bool mw_json_str_plain(struct mw_slice raw, struct mw_slice *ret)
{
	struct mw_slice s;

	if (!mw_json_inside(raw, &s) || mw_json_plain_end(s.p, s.p + s.n) != s.p + s.n)
		return false;
	*ret = s;
	return true;
}

bool mw_json_str_eq_slice(struct mw_slice raw, struct mw_slice want)
{
	unsigned int flags = 0, n;
	struct mw_slice s, run;
	uint8_t utf8[4];
	uint32_t cp;

	if (!mw_json_inside(raw, &s))
		return false;
	/* most differ at once */
	if (s.n && mw_json_is_plain(s.p[0]) && (want.n == 0 || want.p[0] != s.p[0]))
		return false;
	while (s.n) {
		run = mw_json_take_plain(&s);
		if (!mw_slice_starts(want, run))
			return false;
		if (run.n) {
			want.p += run.n;
			want.n -= run.n;
		}
		if (s.n == 0)
			break;
		if (mw_json_char(&s, &cp, &flags) < 0)
			return false;
		n = mw_utf8_put(cp, utf8);
		if (!mw_slice_starts(want, mw_slice(utf8, n)))
			return false;
		want.p += n;
		want.n -= n;
	}
	return want.n == 0;
}

bool mw_json_str_eq(struct mw_slice raw, const char *want)
{
	return mw_json_str_eq_slice(raw, mw_slice_str(want));
}

/* The code points at the first difference in *a and *b (or both 0 if there is none); an end is less
 * than any character. */
static int first_difference(struct mw_slice raw_a, struct mw_slice raw_b, uint32_t *a, uint32_t *b)
{
	unsigned int flags = 0;
	struct mw_slice sa, sb;
	int ra, rb;

	if (!mw_json_inside(raw_a, &sa) || !mw_json_inside(raw_b, &sb))
		return -EINVAL;
	do {
		/* +1: 0 stands for the end */
		ra = mw_json_char(&sa, a, &flags);
		*a = ra > 0 ? *a + 1 : 0;
		rb = mw_json_char(&sb, b, &flags);
		*b = rb > 0 ? *b + 1 : 0;
		if (ra < 0 || rb < 0)
			return -EINVAL;
	} while (ra && rb && *a == *b);
	return 0;
}

bool mw_json_str_same(struct mw_slice raw_a, struct mw_slice raw_b)
{
	uint32_t a, b;

	return mw_slice_eq(raw_a, raw_b) || (first_difference(raw_a, raw_b, &a, &b) == 0 && a == b);
}

int mw_json_str_cmp_utf16(struct mw_slice raw_a, struct mw_slice raw_b)
{
	uint32_t a, b;

	if (first_difference(raw_a, raw_b, &a, &b) < 0 || a == b)
		return 0;
	/* the units of what is above U+FFFF are D800..DFFF: below U+E000..U+FFFF */
	if (a > 0xE000 && a <= 0x10000)
		a += 0x110000;
	if (b > 0xE000 && b <= 0x10000)
		b += 0x110000;
	return a < b ? -1 : 1;
}

uint64_t mw_json_str_hash(struct mw_slice raw, unsigned int flags, uint64_t seed)
{
	XXH3_state_t state;
	uint8_t chunk[256];
	struct mw_slice s;
	unsigned int n = 0;
	uint32_t cp;

	if (!mw_json_inside(raw, &s))
		return 0;
	if (!(flags & (MW_JSON_ESCAPED | MW_JSON_BAD_UTF8)))
		return mw_hash64(s, seed);
	XXH3_64bits_reset_withSeed(&state, seed);
	while (mw_json_char(&s, &cp, &flags) > 0) {
		n += mw_utf8_put(cp, chunk + n);
		if (n > sizeof(chunk) - 4) {
			XXH3_64bits_update(&state, chunk, n);
			n = 0;
		}
	}
	XXH3_64bits_update(&state, chunk, n);
	return XXH3_64bits_digest(&state);
}

int mw_json_str_decode_head(struct mw_slice raw, size_t stop, struct mw_buf *out)
{
	size_t len = out->len;
	unsigned int flags = 0;
	struct mw_slice s;
	uint8_t utf8[4];
	uint32_t cp;
	int r = 0;

	if (!mw_json_inside(raw, &s))
		return -EINVAL;
	while (s.n && out->len - len < stop) {
		size_t left = stop - (out->len - len), n = s.n < left ? s.n : left;

		/* never more than that much, and `max` may be less than all that is left */
		if (n > out->max - out->len)
			n = out->max - out->len;
		r = mw_buf_reserve(out, n);
		if (r < 0)
			break;
		n = (size_t)(mw_json_plain_copy(s.p, s.p + n, out->p + out->len) - s.p);
		out->len += n;
		s = mw_slice_from(s, n);
		if (s.n == 0 || n == left)
			break;
		if (s.n > 1 && *s.p == '\\' && mw_json_short_escape[s.p[1]]) {
			r = mw_buf_append(out, &mw_json_short_escape[s.p[1]], 1);
			s = mw_slice_from(s, 2);
		} else {
			r = mw_json_char(&s, &cp, &flags);
			if (r == 1)
				r = mw_buf_append(out, utf8, mw_utf8_put(cp, utf8));
		}
		if (r < 0)
			break;
	}
	if (r < 0) {
		out->len = len;
		return r;
	}
	return s.n > 0;
}

int mw_json_str_decode(struct mw_slice raw, struct mw_buf *out)
{
	return mw_json_str_decode_head(raw, SIZE_MAX, out);
}

/* The other way round: the letter of an ASCII byte's short escape, or 0. */
static const uint8_t letters[0x80] = { ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\t'] = 't',
				       ['\n'] = 'n', ['\f'] = 'f',  ['\r'] = 'r' };

unsigned int mw_json_escape_put(uint8_t c, uint8_t out[6])
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	if (letters[c]) {
		out[1] = letters[c];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = (uint8_t)digits[c >> 4];
	out[5] = (uint8_t)digits[c & 15];
	return 6;
}

/* The character at the front of *s, which is not plain, as it stands in a string. */
static int escape_one(struct mw_buf *out, struct mw_slice *s, bool *lost)
{
	const uint8_t *p = s->p;
	unsigned int n, n_what;
	uint8_t esc[6];

	if (*p < 0x80) {
		n = 1;
		n_what = mw_json_escape_put(*p, esc);
		p = esc;
	} else {
		n_what = n = mw_utf8_len(p, p + s->n);
		if (n == 0) {
			p = (const uint8_t *)"\\ufffd";
			n_what = 6;
			n = 1;
			*lost = true;
		} else if (n == 3 && memcmp(p, "\xE2\x80", 2) == 0 &&
			   (p[2] == 0xA8 || p[2] == 0xA9)) {
			p = (const uint8_t *)(p[2] == 0xA8 ? "\\u2028" : "\\u2029");
			n_what = 6;
		}
	}
	*s = mw_slice_from(*s, n);
	return mw_buf_append(out, p, n_what);
}

int mw_json_escape(struct mw_buf *out, struct mw_slice bytes, bool *lossy)
{
	size_t len = out->len;
	bool lost = false;
	int r;

	do {
		const uint8_t *end;

		r = mw_buf_reserve(out, bytes.n); /* nothing becomes shorter */
		if (r < 0 || bytes.n == 0)
			break;
		end = mw_json_plain_copy(bytes.p, bytes.p + bytes.n, out->p + out->len);
		out->len += (size_t)(end - bytes.p);
		bytes = mw_slice(end, bytes.n - (size_t)(end - bytes.p));
		if (bytes.n && *end < 0x80 && letters[*end]) {
			r = mw_buf_append(out, (const uint8_t[]){ '\\', letters[*end] }, 2);
			bytes = mw_slice(end + 1, bytes.n - 1);
		} else if (bytes.n) {
			r = escape_one(out, &bytes, &lost);
		}
	} while (r == 0);
	if (r < 0) {
		out->len = len;
		return r;
	}
	if (lost && lossy)
		*lossy = true;
	return 0;
}
