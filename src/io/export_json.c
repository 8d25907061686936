/* SPDX-License-Identifier: Apache-2.0 */
#include "io/export_json.h"

#include "base/utf8.h"
#include "io/export_out.h"
#include "io/heap.h"

#define MARK_FMT_LEN 32 /* "[CUT:" and a number */

void mw_ejson_key(struct mw_ejson *j, const char *key)
{
	if (j->comma)
		mw_out_char(j->o, ',');
	j->comma = true;
	if (!key)
		return;
	mw_out_char(j->o, '"');
	mw_out_str(j->o, key);
	mw_out_slice(j->o, MW_SLICE_LIT("\":"));
}

void mw_ejson_open(struct mw_ejson *j, const char *key, char bracket)
{
	mw_ejson_key(j, key);
	mw_out_char(j->o, bracket);
	j->comma = false;
}

void mw_ejson_close(struct mw_ejson *j, char bracket)
{
	mw_out_char(j->o, bracket);
	j->comma = true;
}

void mw_ejson_str(struct mw_ejson *j, const char *key, const char *ours)
{
	mw_ejson_key(j, key);
	mw_out_json_str(j->o, ours);
}

void mw_ejson_u64(struct mw_ejson *j, const char *key, uint64_t v)
{
	mw_ejson_key(j, key);
	mw_out_u64(j->o, v);
}

void mw_ejson_i64(struct mw_ejson *j, const char *key, int64_t v)
{
	mw_ejson_key(j, key);
	mw_out_i64(j->o, v);
}

void mw_ejson_bool(struct mw_ejson *j, const char *key, bool v)
{
	mw_ejson_key(j, key);
	mw_out_str(j->o, v ? "true" : "false");
}

struct mw_slice mw_ejson_head(struct mw_slice text, size_t max)
{
	if (text.n <= max)
		return text;
	while (max > 0 && (text.p[max] & 0xc0) == 0x80)
		max--;
	return mw_slice(text.p, max);
}

void mw_ejson_text(struct mw_ejson *j, const char *key, struct mw_slice text)
{
	struct mw_slice head = text;

	mw_ejson_key(j, key);
	if (j->text_max && text.n > j->text_max)
		head = mw_ejson_head(text, j->text_max - MARK_FMT_LEN);
	if (head.n == text.n) {
		mw_out_json(j->o, text);
		return;
	}
	mw_out_char(j->o, '"');
	mw_out_json_inside(j->o, head);
	mw_out_slice(j->o, MW_SLICE_LIT("[CUT:"));
	mw_out_u64(j->o, text.n);
	mw_out_slice(j->o, MW_SLICE_LIT("]\""));
}

static bool is_hex(const uint8_t *p, const char *set)
{
	return *p && strchr(set, *p);
}

/* A backslash at p: how many bytes the escape has, and what to write instead; NULL: itself. */
static size_t escape_len(const uint8_t *p, const uint8_t *end, const char **ret)
{
	*ret = NULL;
	if (end - p < 6 || p[1] != 'u')
		return 2;
	if (!is_hex(p + 2, "dD") || !is_hex(p + 3, "89abcdefABCDEF"))
		return 6;
	if (is_hex(p + 3, "89abAB") && end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
	    is_hex(p + 8, "dD") && is_hex(p + 9, "cdefCDEF"))
		return 12;
	*ret = "\\ufffd";
	return 6;
}

/* A byte at p that is not plain: how many belong together, and what to write instead. */
static size_t odd_len(const uint8_t *p, const uint8_t *end, const char **ret)
{
	unsigned int len;
	uint32_t c;

	if (*p == '\\')
		return escape_len(p, end, ret);
	*ret = " ";
	if (*p < ' ')
		return 1;
	len = mw_utf8_len(p, end);
	*ret = "\xef\xbf\xbd";
	if (!len)
		return 1;
	c = mw_utf8_get(p, len);
	*ret = c == 0x85 ? "\\u0085" : c == 0x2028 ? "\\u2028" : c == 0x2029 ? "\\u2029" : NULL;
	return len;
}

void mw_ejson_raw(struct mw_ejson *j, const char *key, struct mw_slice raw)
{
	const uint8_t *p = raw.p, *end = raw.n ? p + raw.n : p;
	const char *instead;
	size_t n;

	if (raw.n == 0)
		return;
	mw_ejson_key(j, key);
	while (p < end) {
		p = mw_out_run(j->o, p, end, "\\\\\\");
		if (p == end)
			break;
		n = odd_len(p, end, &instead);
		if (n > (size_t)(end - p))
			n = (size_t)(end - p);
		if (instead)
			mw_out_str(j->o, instead);
		else
			mw_out_slice(j->o, mw_slice(p, n));
		p += n;
	}
}

void mw_ejson_raw_text(struct mw_ejson *j, const char *key, struct mw_slice raw)
{
	struct mw_slice text = raw;
	struct mw_buf tmp;

	if (raw.n == 0)
		return;
	mw_buf_init(&tmp, &mw_heap, raw.n * 3 + 16);
	/* without memory its raw text is as true */
	(void)mw_out_text(raw, &tmp, &text);
	mw_ejson_text(j, key, text);
	mw_buf_done(&tmp);
}

void mw_ejson_raw_str(struct mw_ejson *j, const char *key, struct mw_slice raw)
{
	if (mw_out_is_str(raw) && (!j->text_max || raw.n <= j->text_max))
		mw_ejson_raw(j, key, raw);
	else if (raw.n &&
		 (mw_out_is_str(raw) || raw.p[0] == '-' || (raw.p[0] >= '0' && raw.p[0] <= '9')))
		mw_ejson_raw_text(j, key, raw);
}

void mw_ejson_raw_int(struct mw_ejson *j, const char *key, struct mw_slice raw)
{
	uint64_t v;

	if (mw_out_number(raw, &v) == 0 && v <= INT64_MAX)
		mw_ejson_u64(j, key, v);
}

unsigned int mw_ejson_depth(struct mw_slice raw, unsigned int max)
{
	unsigned int depth = 0, most = 0;
	bool in_str = false;
	size_t i;

	for (i = 0; i < raw.n && most < max; i++) {
		uint8_t c = raw.p[i];

		if (in_str) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_str = false;
		} else if (c == '"') {
			in_str = true;
		} else if (c == '{' || c == '[') {
			if (++depth > most)
				most = depth;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return most;
}
