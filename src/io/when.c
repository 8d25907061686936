/* SPDX-License-Identifier: Apache-2.0 */
#include "io/when.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
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

/* Days since 1970 of a date as parse_date leaves it: of the proleptic Gregorian calendar, as
 * timegm(3), which asks what a time zone is at each call. */
static int64_t days_of(const struct tm *tm)
{
	/* years begin in March: the day that is there or not is their last */
	const int64_t month = (tm->tm_mon + 10) % 12, year = tm->tm_year + 1900 - (month >= 10),
		      era_days = year * 365 + year / 4 - year / 100 + year / 400;

	return era_days + (153 * month + 2) / 5 + tm->tm_mday - 1 - 719468;
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
	*ret_ns =
	    (days_of(&tm) * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec - zone) * NS +
	    frac;
	return 0;
}

static int64_t local_ns(struct tm *tm)
{
	tm->tm_isdst = -1;
	return (int64_t)mktime(tm) * NS;
}

/* --- what people type ---------------------------------------------------------------------------
 */

#define WORD_MAX 16

/* The next word, in small letters: letters alone, or digits alone, or what is between. Its length;
 * 0 at the end or where it is too long. */
static size_t word(const char **p, char ret[WORD_MAX])
{
	const char *s = *p;
	size_t n = 0;
	int (*is)(int c);

	while (*s == ' ')
		s++;
	is = isalpha((unsigned char)*s) ? isalpha : isdigit;
	while (*s && n < WORD_MAX - 1 && is((unsigned char)*s))
		ret[n++] = (char)tolower((unsigned char)*s++);
	ret[n] = '\0';
	if (n == WORD_MAX - 1)
		return 0;
	*p = s;
	return n;
}

static bool at_end(const char *s)
{
	return !s[strspn(s, " ")];
}

struct unit {
	const char *name; /* its plural has an s behind it, but for one letter */
	int64_t seconds;  /* 0: months */
	int months;
};

static const struct unit *unit_of(const char *name)
{
	static const struct unit units[] = {
		{ "s", 1, 0 },	       { "sec", 1, 0 },	    { "second", 1, 0 },	 { "m", 60, 0 },
		{ "min", 60, 0 },      { "minute", 60, 0 }, { "h", 3600, 0 },	 { "hr", 3600, 0 },
		{ "hour", 3600, 0 },   { "d", 86400, 0 },   { "day", 86400, 0 }, { "w", 604800, 0 },
		{ "week", 604800, 0 }, { "month", 0, 1 },   { "y", 0, 12 },	 { "year", 0, 12 },
	};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(units[i].name, name, len) == 0 &&
		    (n == len || (len > 1 && n == len + 1 && name[len] == 's')))
			return &units[i];
	}
	return NULL;
}

/* So many of it before *ns. */
static int back(int64_t *ns, int64_t v, const struct unit *u)
{
	time_t t = (time_t)(*ns / NS);
	struct tm tm;

	if (u->seconds) {
		if (v > *ns / NS / u->seconds)
			return -EINVAL;
		*ns -= v * u->seconds * NS;
		return 0;
	}
	if (v > 300 || !localtime_r(&t, &tm))
		return -EINVAL;
	tm.tm_mon -= (int)v * u->months;
	if (tm.tm_year * 12 + tm.tm_mon < 70 * 12)
		return -EINVAL;
	*ns = local_ns(&tm) + *ns % NS;
	return 0;
}

/* "2 hours", "1 day 6 hours", "1h30m", "an hour", "a week and 2 days"; *p behind it. */
static int parse_span(const char **p, int64_t *ns)
{
	const char *s = *p, *next;
	const struct unit *u;
	char w[WORD_MAX];
	bool any = false;
	int64_t v;

	for (;; any = true, s = next) {
		next = s;
		if (!word(&next, w))
			break;
		if (any && strcmp(w, "and") == 0 && !word(&next, w))
			return -EINVAL;
		if (strcmp(w, "a") == 0 || strcmp(w, "an") == 0)
			v = 1;
		else if (isdigit((unsigned char)*w) && strlen(w) < 10)
			v = strtoll(w, NULL, 10);
		else
			break;
		if (!word(&next, w) || !(u = unit_of(w)) || back(ns, v, u) < 0)
			return -EINVAL;
	}
	*p = s;
	return any ? 0 : -EINVAL;
}

/* "2 hours ago", "-15m", "last hour" */
static int parse_ago(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	int64_t ns = now_ns;
	const struct unit *u;
	char w[WORD_MAX];
	int r;

	if (*s == '-') {
		s++;
		r = isdigit((unsigned char)*s) ? parse_span(&s, &ns) : -EINVAL;
		if (r < 0 || !at_end(s))
			return -EINVAL;
		*ret_ns = ns;
		return 0;
	}
	if (parse_span(&s, &ns) == 0) {
		if (!word(&s, w) || strcmp(w, "ago") != 0 || !at_end(s))
			return -EINVAL;
		*ret_ns = ns;
		return 0;
	}
	if (!word(&s, w) || strcmp(w, "last") != 0 || !word(&s, w) || !(u = unit_of(w)) ||
	    strlen(w) < 3 || !at_end(s) || back(&ns, 1, u) < 0)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

/* The name of a day, whole or its first three letters: 0 sunday; -1 none. */
static int weekday(const char *w)
{
	static const char *const days[] = { "sunday",	"monday", "tuesday", "wednesday",
					    "thursday", "friday", "saturday" };

	for (int i = 0; i < 7; i++)
		if (strcmp(w, days[i]) == 0 || (strlen(w) == 3 && strncmp(w, days[i], 3) == 0))
			return i;
	return -1;
}

/* "today", "yesterday", "monday", "last monday": that day in tm; *p behind it. */
static int parse_day(const char **p, struct tm *tm)
{
	bool last = false;
	const char *s = *p;
	char w[WORD_MAX];
	int day;

	if (!word(&s, w))
		return -EINVAL;
	if (strcmp(w, "last") == 0) {
		last = true;
		if (!word(&s, w))
			return -EINVAL;
	}
	day = weekday(w);
	if (day >= 0) {
		day = (tm->tm_wday - day + 7) % 7;
		if (last && day == 0)
			day = 7;
		tm->tm_mday -= day;
	} else if (last) {
		return -EINVAL;
	} else if (strcmp(w, "yesterday") == 0) {
		tm->tm_mday--;
	} else if (strcmp(w, "tomorrow") == 0) {
		tm->tm_mday++;
	} else if (strcmp(w, "today") != 0) {
		return -EINVAL;
	}
	*p = s;
	return 0;
}

/* A time of the day, or its name. */
static int parse_time_of_day(const char *s, struct tm *tm, int64_t *ret_frac)
{
	const char *end = s + strlen(s);
	const char *name = s;
	char w[WORD_MAX];
	bool seconds;

	if (word(&name, w) && at_end(name)) {
		tm->tm_hour = strcmp(w, "noon") == 0 ? 12 : 0;
		return strcmp(w, "noon") == 0 || strcmp(w, "midnight") == 0 ? 0 : -EINVAL;
	}
	return parse_clock(&s, end, tm, ret_frac, &seconds) < 0 || s != end ? -EINVAL : 0;
}

static int parse_local(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	const char *end = s + strlen(s), *after;
	time_t now = (time_t)(now_ns / NS);
	bool have_day = false, at;
	char w[WORD_MAX];
	int64_t frac = 0;
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return -EINVAL;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (strchr(s, '-')) {
		if (parse_date(&s, end, &tm) < 0)
			return -EINVAL;
		have_day = true;
		if (s < end && *s != 'T' && *s != 't' && *s != ' ')
			return -EINVAL;
		s += s < end;
	} else if (parse_day(&s, &tm) == 0) {
		have_day = true;
	}
	s += strspn(s, " ");
	after = s;
	at = have_day && word(&after, w) && strcmp(w, "at") == 0;
	if (at)
		s = after + strspn(after, " ");
	if ((*s || at || !have_day) && parse_time_of_day(s, &tm, &frac) < 0)
		return -EINVAL;
	*ret_ns = local_ns(&tm) + frac;
	return 0;
}

int mw_when_parse(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	if (mw_when_rfc3339(s, strlen(s), ret_ns) == 0)
		return 0;
	if (strcasecmp(s, "now") == 0) {
		*ret_ns = now_ns;
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
