/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_str.h"

#include <errno.h>

#define XXH_STATIC_LINKING_ONLY /* for a hash state on the stack */
#include <xxhash.h>

#include "base/hash.h"

unsigned int mw_json_escape_get(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp,
				unsigned int *flags)
{
	int unit, low;

	if (p == end)
		return 0;
	switch (*p) {
	case '"':
	case '\\':
	case '/':
		*ret_cp = *p;
		return 1;
	case 'b':
		*ret_cp = '\b';
		return 1;
	case 'f':
		*ret_cp = '\f';
		return 1;
	case 'n':
		*ret_cp = '\n';
		return 1;
	case 'r':
		*ret_cp = '\r';
		return 1;
	case 't':
		*ret_cp = '\t';
		return 1;
	case 'u':
		break;
	default:
		return 0;
	}
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

bool mw_json_str_eq_slice(struct mw_slice raw, struct mw_slice want)
{
	unsigned int flags = 0, n;
	struct mw_slice s, run;
	uint8_t utf8[4];
	uint32_t cp;

	if (!mw_json_inside(raw, &s))
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
	struct mw_slice s, run;
	uint8_t utf8[4];
	bool more = false;
	uint32_t cp;
	int r = 0;

	if (!mw_json_inside(raw, &s))
		return -EINVAL;
	while (s.n) {
		run = mw_json_take_plain(&s);
		if (run.n >= stop - (out->len - len)) {
			size_t n = stop - (out->len - len);

			while (n < run.n && (run.p[n] & 0xc0) == 0x80)
				n++;
			more = n < run.n || s.n > 0;
			run.n = n;
		}
		r = mw_buf_append(out, run.p, run.n);
		if (r < 0 || more || s.n == 0)
			break;
		r = mw_json_char(&s, &cp, &flags);
		if (r < 0)
			break;
		r = mw_buf_append(out, utf8, mw_utf8_put(cp, utf8));
		if (r < 0)
			break;
		if (out->len - len >= stop) {
			more = s.n > 0;
			break;
		}
	}
	if (r < 0) {
		out->len = len;
		return r;
	}
	return more;
}

int mw_json_str_decode(struct mw_slice raw, struct mw_buf *out)
{
	return mw_json_str_decode_head(raw, SIZE_MAX, out);
}

unsigned int mw_json_escape_put(uint8_t c, uint8_t out[6])
{
	static const char digits[] = "0123456789abcdef";
	static const char letters[0x20] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
					    ['\f'] = 'f', ['\r'] = 'r' };

	out[0] = '\\';
	if (c >= 0x20 || letters[c]) {
		out[1] = c >= 0x20 ? c : (uint8_t)letters[c];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = (uint8_t)digits[c >> 4];
	out[5] = (uint8_t)digits[c & 15];
	return 6;
}

int mw_json_escape(struct mw_buf *out, struct mw_slice bytes, bool *lossy)
{
	size_t len = out->len;
	bool lost = false;
	int r = 0;

	while (bytes.n) {
		struct mw_slice run = mw_json_take_plain(&bytes);
		const uint8_t *what = bytes.p;
		unsigned int n = 1, n_what;
		uint8_t esc[6];

		r = mw_buf_append(out, run.p, run.n);
		if (r < 0 || bytes.n == 0)
			break;
		if (*bytes.p < 0x80) {
			n_what = mw_json_escape_put(*bytes.p, esc);
			what = esc;
		} else {
			n_what = n = mw_utf8_len(bytes.p, bytes.p + bytes.n);
			if (n == 0) {
				what = (const uint8_t *)"\\ufffd";
				n_what = 6;
				n = 1;
				lost = true;
			} else if (n == 3 && memcmp(what, "\xE2\x80", 2) == 0 &&
				   (what[2] == 0xA8 || what[2] == 0xA9)) {
				what = (const uint8_t *)(what[2] == 0xA8 ? "\\u2028" : "\\u2029");
				n_what = 6;
			}
		}
		r = mw_buf_append(out, what, n_what);
		if (r < 0)
			break;
		bytes.p += n;
		bytes.n -= n;
	}
	if (r < 0) {
		out->len = len;
		return r;
	}
	if (lost && lossy)
		*lossy = true;
	return 0;
}
