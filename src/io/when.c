/* SPDX-License-Identifier: Apache-2.0 */
#include "io/when.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

#define NS 1000000000ll

/* Digits at *p: exactly n of them. */
static int number(const char **p, const char *end, int n, int *ret)
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

static bool literal(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* YYYY-MM-DD */
static int parse_date(const char **p, const char *end, struct tm *tm)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (number(p, end, 4, &tm->tm_year) < 0 || !literal(p, end, '-') ||
	    number(p, end, 2, &tm->tm_mon) < 0 || !literal(p, end, '-') ||
	    number(p, end, 2, &tm->tm_mday) < 0)
		return -EINVAL;
	if (tm->tm_year < 1970 || tm->tm_year > 2261 || tm->tm_mon < 1 || tm->tm_mon > 12 ||
	    tm->tm_mday < 1 || tm->tm_mday > days[tm->tm_mon - 1])
		return -EINVAL;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return 0;
}

/* HH:MM[:SS[.fraction]] */
static int parse_clock(const char **p, const char *end, struct tm *tm, int64_t *ret_frac,
		       bool *ret_seconds)
{
	int64_t scale = NS / 10;

	*ret_frac = 0;
	*ret_seconds = false;
	if (number(p, end, 2, &tm->tm_hour) < 0 || !literal(p, end, ':') ||
	    number(p, end, 2, &tm->tm_min) < 0)
		return -EINVAL;
	if (literal(p, end, ':')) {
		*ret_seconds = true;
		if (number(p, end, 2, &tm->tm_sec) < 0)
			return -EINVAL;
		if (literal(p, end, '.')) {
			if (*p == end || !isdigit((unsigned char)**p))
				return -EINVAL;
			for (; *p < end && isdigit((unsigned char)**p); (*p)++, scale /= 10)
				*ret_frac += (**p - '0') * scale;
		}
	}
	return tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60 ? -EINVAL : 0;
}

/* Z, +HH:MM or -HH:MM, as seconds east. */
static int parse_zone(const char **p, const char *end, int64_t *ret)
{
	int hours, minutes, sign;

	if (*p < end && (**p == 'Z' || **p == 'z')) {
		(*p)++;
		*ret = 0;
		return 0;
	}
	if (*p == end || (**p != '+' && **p != '-'))
		return -EINVAL;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (number(p, end, 2, &hours) < 0 || !literal(p, end, ':') ||
	    number(p, end, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int mw_when_rfc3339(const char *s, size_t n, int64_t *ret_ns)
{
	const char *p = s, *end = s + n;
	struct tm tm = { 0 };
	int64_t frac, zone;
	bool seconds;

	if (parse_date(&p, end, &tm) < 0 || p == end || (*p != 'T' && *p != 't' && *p != ' '))
		return -EINVAL;
	p++;
	if (parse_clock(&p, end, &tm, &frac, &seconds) < 0 || !seconds ||
	    parse_zone(&p, end, &zone) < 0 || p != end)
		return -EINVAL;
	*ret_ns = ((int64_t)timegm(&tm) - zone) * NS + frac;
	return 0;
}

static int64_t local_ns(struct tm *tm)
{
	tm->tm_isdst = -1;
	return (int64_t)mktime(tm) * NS;
}

static int64_t midnight(int64_t now_ns, int days_back)
{
	time_t now = (time_t)(now_ns / NS);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= days_back;
	return local_ns(&tm);
}

/* "2 hours ago", "-15m" */
static int parse_ago(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {
		{ "s", 1 },	   { "sec", 1 },       { "secs", 1 },	    { "second", 1 },
		{ "seconds", 1 },  { "m", 60 },	       { "min", 60 },	    { "mins", 60 },
		{ "minute", 60 },  { "minutes", 60 },  { "h", 3600 },	    { "hour", 3600 },
		{ "hours", 3600 }, { "d", 86400 },     { "day", 86400 },    { "days", 86400 },
		{ "w", 604800 },   { "week", 604800 }, { "weeks", 604800 },
	};
	bool minus = *s == '-';
	int64_t v = 0;
	size_t i, n;

	s += minus;
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++)
		if (v < 100000000)
			v = 10 * v + (*s - '0');
	while (*s == ' ')
		s++;
	n = strcspn(s, " ");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == n && strncmp(units[i].name, s, n) == 0)
			break;
	if (i == sizeof(units) / sizeof(units[0]))
		return -EINVAL;
	s += n;
	while (*s == ' ')
		s++;
	if (strcmp(s, minus ? "" : "ago") != 0 || v > now_ns / NS / units[i].seconds)
		return -EINVAL;
	*ret_ns = now_ns - v * units[i].seconds * NS;
	return 0;
}

static int parse_local(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	const char *p = s, *end = s + strlen(s);
	time_t now = (time_t)(now_ns / NS);
	int64_t frac = 0;
	struct tm tm;
	bool seconds;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (strchr(s, '-')) {
		if (parse_date(&p, end, &tm) < 0)
			return -EINVAL;
		if (p < end && *p != 'T' && *p != ' ')
			return -EINVAL;
		p += p < end;
	}
	if ((p < end || p == s) && parse_clock(&p, end, &tm, &frac, &seconds) < 0)
		return -EINVAL;
	if (p != end)
		return -EINVAL;
	*ret_ns = local_ns(&tm) + frac;
	return 0;
}

int mw_when_parse(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	if (mw_when_rfc3339(s, strlen(s), ret_ns) == 0)
		return 0;
	if (strcmp(s, "now") == 0) {
		*ret_ns = now_ns;
		return 0;
	}
	if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
		*ret_ns = midnight(now_ns, *s == 'y');
		return 0;
	}
	if (*s == '@' && isdigit((unsigned char)s[1])) {
		char *end;
		unsigned long long v;

		errno = 0;
		v = strtoull(s + 1, &end, 10);
		if (*end || errno || v > INT64_MAX / NS)
			return -EINVAL;
		*ret_ns = (int64_t)v * NS;
		return 0;
	}
	if (parse_ago(s, now_ns, ret_ns) == 0)
		return 0;
	return parse_local(s, now_ns, ret_ns);
}

void mw_when_format(int64_t ns, bool date, char buf[MW_WHEN_LEN])
{
	time_t t = (time_t)(ns / NS);
	char head[24] = "";
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(head, sizeof(head), date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
	snprintf(buf, MW_WHEN_LEN, "%s.%03d", head, (int)(ns % NS / 1000000));
}
