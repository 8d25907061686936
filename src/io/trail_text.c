/* SPDX-License-Identifier: Apache-2.0 */
/* trail_text.c - the two small grammars of trail_line.h: logfmt, and times */
#include <ctype.h>
#include <errno.h>
#include <time.h>

#include "base/json.h"
#include "base/json_str.h"
#include "io/trail_line.h"

#define NS 1000000000ll

/* --- logfmt --- */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* "...": its inside appended as that of a JSON string. p is behind the opening quote and is left
 * behind the closing one. */
static int quoted(const uint8_t **p, const uint8_t *end, struct mw_buf *out)
{
	const uint8_t *from = *p;
	int r = 0;

	while (*p < end && **p != '"' && r == 0) {
		if (**p != '\\') {
			(*p)++;
			continue;
		}
		r = mw_json_escape(out, mw_slice(from, (size_t)(*p - from)), NULL);
		if (r == 0 && end - *p < 2)
			r = -EBADMSG;
		if (r < 0)
			return r;
		/* \xNN and \a and the like are Go's alone, and nothing that is looked for holds one
		 */
		if (memchr("\"\\bfnrt", (*p)[1], 7)) {
			r = mw_buf_append(out, *p, 2);
			*p += 2;
		} else if ((*p)[1] == 'u' && mw_json_hex4(*p + 2, end) >= 0) {
			r = mw_buf_append(out, *p, 6);
			*p += 6;
		} else {
			r = mw_json_escape(out, mw_slice(*p, 2), NULL);
			*p += 2;
		}
		from = *p;
	}
	if (r == 0 && *p == end)
		return -EBADMSG;
	if (r == 0)
		r = mw_json_escape(out, mw_slice(from, (size_t)(*p - from)), NULL);
	(*p)++;
	return r;
}

static int pair(const uint8_t **p, const uint8_t *end, struct mw_buf *out)
{
	const uint8_t *from = *p;
	int r;

	while (*p < end && !is_space(**p) && **p != '=' && **p != '"')
		(*p)++;
	if (*p == from || (*p < end && **p == '"'))
		return -EBADMSG;
	r = mw_buf_append_byte(out, '"');
	if (r == 0)
		r = mw_json_escape(out, mw_slice(from, (size_t)(*p - from)), NULL);
	if (r == 0)
		r = mw_buf_append_str(out, "\":\"");
	if (r < 0)
		return r;
	if (*p == end || **p != '=') /* a key alone is a flag that is set */
		return mw_buf_append_str(out, "true\"");
	(*p)++;
	if (*p < end && **p == '"') {
		(*p)++;
		r = quoted(p, end, out);
		if (r == 0 && *p < end && !is_space(**p))
			r = -EBADMSG;
	} else {
		from = *p;
		while (*p < end && !is_space(**p) && **p != '"')
			(*p)++;
		r = *p < end && **p == '"'
			? -EBADMSG
			: mw_json_escape(out, mw_slice(from, (size_t)(*p - from)), NULL);
	}
	return r < 0 ? r : mw_buf_append_byte(out, '"');
}

int mw_trail_logfmt(struct mw_slice line, struct mw_buf *out, size_t *ret_at)
{
	const uint8_t *p = line.p, *end = line.p + line.n;
	const size_t len = out->len;
	bool first = true;
	int r;

	r = mw_buf_append_byte(out, '{');
	while (r == 0 && p < end) {
		if (is_space(*p)) {
			p++;
			continue;
		}
		if (!first)
			r = mw_buf_append_byte(out, ',');
		first = false;
		if (r == 0)
			r = pair(&p, end, out);
	}
	if (r == 0)
		r = mw_buf_append_byte(out, '}');
	if (r < 0) {
		*ret_at = (size_t)(p - line.p);
		out->len = len;
	}
	return r;
}

/* --- times --- */

static int digits(const char **p, const char *end, int n, int *ret)
{
	int v = 0;

	for (; n > 0; n--, (*p)++) {
		if (*p == end || !isdigit((unsigned char)**p))
			return -EINVAL;
		v = 10 * v + (**p - '0');
	}
	*ret = v;
	return 0;
}

static bool take(const char **p, const char *end, const char *any)
{
	if (*p == end || **p == '\0' || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

/* What stands behind the time: Z, UTC, GMT, +HH, +HHMM, +HH:MM. 1: nothing does. */
static int zone_of(const char **p, const char *end, int64_t *ret)
{
	int hours, minutes = 0, sign;

	while (*p < end && **p == ' ')
		(*p)++;
	if (*p == end)
		return 1;
	if (end - *p == 3 && (memcmp(*p, "UTC", 3) == 0 || memcmp(*p, "GMT", 3) == 0)) {
		*p = end;
		*ret = 0;
		return 0;
	}
	if (take(p, end, "Zz")) {
		*ret = 0;
		return 0;
	}
	sign = **p == '-' ? -1 : 1;
	if (!take(p, end, "+-") || digits(p, end, 2, &hours) < 0)
		return -EINVAL;
	(void)take(p, end, ":");
	if (*p < end && digits(p, end, 2, &minutes) < 0)
		return -EINVAL;
	if (hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int calendar(const struct mw_trail_map *map, const char *p, const char *end, int64_t *ret)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t frac = 0, zone = map->zone_s, scale = NS / 10, s;
	struct tm tm = { .tm_isdst = -1 };
	int r;

	if (digits(&p, end, 4, &tm.tm_year) < 0 || !take(&p, end, "-/") ||
	    digits(&p, end, 2, &tm.tm_mon) < 0 || !take(&p, end, "-/") ||
	    digits(&p, end, 2, &tm.tm_mday) < 0 || !take(&p, end, "Tt ") ||
	    digits(&p, end, 2, &tm.tm_hour) < 0 || !take(&p, end, ":") ||
	    digits(&p, end, 2, &tm.tm_min) < 0 || !take(&p, end, ":") ||
	    digits(&p, end, 2, &tm.tm_sec) < 0)
		return -EINVAL;
	if (tm.tm_year < 1970 || tm.tm_year > 2261 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > days[tm.tm_mon - 1] || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (take(&p, end, ".,")) {
		if (p == end || !isdigit((unsigned char)*p))
			return -EINVAL;
		for (; p < end && isdigit((unsigned char)*p); p++, scale /= 10)
			frac += (*p - '0') * scale;
	}
	r = zone_of(&p, end, &zone);
	if (r < 0 || p != end)
		return -EINVAL;
	s = r == 1 && !map->zoned ? (int64_t)mktime(&tm) : (int64_t)timegm(&tm) - zone;
	*ret = s * NS + frac;
	return 0;
}

/* A decimal number of units, without an exponent. */
static int number(int64_t unit, const char *p, const char *end, int64_t *ret)
{
	int64_t v = 0, frac = 0, scale;

	for (; p < end && isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return -EINVAL;
	if (!unit)
		unit = v < 100000000000		? NS
		       : v < 100000000000000	? 1000000
		       : v < 100000000000000000 ? 1000
						: 1;
	scale = unit;
	if (p < end && *p == '.') {
		for (p++; p < end && isdigit((unsigned char)*p); p++) {
			scale /= 10;
			frac += (*p - '0') * scale;
		}
	}
	if (p != end || __builtin_mul_overflow(v, unit, &v) || __builtin_add_overflow(v, frac, &v))
		return -EINVAL;
	*ret = v;
	return 0;
}

int mw_trail_time(const struct mw_trail_map *map, struct mw_slice text, int64_t *ret_ns)
{
	const char *p = (const char *)text.p, *end = p + text.n;

	if (text.n < 5 || text.n > 64 || !isdigit((unsigned char)*p))
		return -EINVAL;
	if (p[4] == '-' || p[4] == '/')
		return calendar(map, p, end, ret_ns);
	return number(map->unit_ns, p, end, ret_ns);
}
