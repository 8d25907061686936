/* SPDX-License-Identifier: Apache-2.0 */
#include "io/syslog_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void mw_syslog_put(struct mw_syslog_text *t, const char *p, size_t n)
{
	if (t->full || n >= t->max - t->n) {
		t->full = true;
		return;
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

void mw_syslog_puts(struct mw_syslog_text *t, const char *s)
{
	mw_syslog_put(t, s, strlen(s));
}

void mw_syslog_param(struct mw_syslog_text *t, const char *name, const char *p, size_t n)
{
	size_t i;

	mw_syslog_puts(t, " ");
	mw_syslog_puts(t, name);
	mw_syslog_puts(t, "=\"");
	for (i = 0; i < n; i++) {
		if (p[i] == '"' || p[i] == '\\' || p[i] == ']')
			mw_syslog_puts(t, "\\");
		mw_syslog_put(t, p + i, 1);
	}
	mw_syslog_puts(t, "\"");
}

/* Section 6: printable ASCII without spaces, "-" where there is none. */
static void put_word(struct mw_syslog_text *t, const char *s, size_t max)
{
	size_t i, from = t->n;

	for (i = 0; s[i] && i < max; i++)
		if (s[i] > ' ' && s[i] < 0x7f)
			mw_syslog_put(t, s + i, 1);
	if (t->n == from)
		mw_syslog_puts(t, "-");
}

void mw_syslog_head(struct mw_syslog_text *t, unsigned int pri, int64_t time_ns, const char *host,
		    pid_t pid, const char *msgid)
{
	time_t s = (time_t)(time_ns / 1000000000);
	char when[64], text[64];
	struct tm tm;
	size_t len;

	if (time_ns < 0 || !gmtime_r(&s, &tm))
		s = 0, gmtime_r(&s, &tm);
	len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%06uZ ",
		 (unsigned int)(time_ns < 0 ? 0 : time_ns / 1000 % 1000000));
	snprintf(text, sizeof(text), "<%u>1 ", pri);
	mw_syslog_puts(t, text);
	mw_syslog_puts(t, when);
	put_word(t, host, 255);
	snprintf(text, sizeof(text), " mcpwatch %ld ", (long)pid);
	mw_syslog_puts(t, text);
	put_word(t, msgid, 32);
	mw_syslog_puts(t, " ");
}
