/* SPDX-License-Identifier: Apache-2.0 */
#include "io/alert_text.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/escape.h"
#include "io/render.h"
#include "io/syslog_text.h"
#include "io/when.h"

#define AUTHPRIV 10

int mw_alert_json(const char *json, size_t len, uint64_t more, char ret[MW_ALERT_TEXT_MAX],
		  size_t *ret_n)
{
	int n;

	if (len < 3 || json[0] != '{' || json[len - 1] != '}')
		return -EBADMSG;
	if (len + 64 > MW_ALERT_TEXT_MAX)
		return -ENOBUFS;
	memcpy(ret, json, len);
	ret[len] = '\0';
	*ret_n = len;
	if (!more)
		return 0;
	n = snprintf(ret + len - 1, 64, ",\"not_sent\":%" PRIu64 "}", more);
	*ret_n = len - 1 + (size_t)n;
	return 0;
}

static const cJSON *get(const cJSON *rec, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(rec, name);
}

/* RFC 5424, table 2. What is no severity we know is not made little of. */
static unsigned int severity_of(const cJSON *rec)
{
	const char *s = mw_rec_str(rec, "severity");

	if (s && strcmp(s, "low") == 0)
		return 5;
	if (s && strcmp(s, "medium") == 0)
		return 4;
	return s && strcmp(s, "critical") == 0 ? 2 : 3;
}

static bool is_alert(const cJSON *rec)
{
	const char *type = mw_rec_str(rec, "type");

	return type && strcmp(type, "alert") == 0 && mw_rec_str(rec, "rule");
}

static int put_line(struct mw_line *l, const cJSON *rec, uint64_t more)
{
	if (!is_alert(rec) || !mw_render_record(l, rec, true))
		return -EBADMSG;
	l->max_cols += 40; /* this stands there in any case */
	l->full = false;
	if (more)
		mw_line_printf(l, NULL, "  (%" PRIu64 " more alerts not sent)", more);
	return l->failed ? -ENOMEM : 0;
}

int mw_alert_line(const cJSON *rec, uint64_t more, bool colour, bool time,
		  char ret[MW_ALERT_TEXT_MAX], size_t *ret_n)
{
	struct mw_line l = { .max_cols = MW_ALERT_LINE_COLS, .colour = colour };
	const char *p;
	size_t n;
	int r;

	r = put_line(&l, rec, more);
	if (r == 0) {
		/* the date and time are one piece; two spaces part it from the next */
		p = time ? l.p : strstr(l.p, "  ");
		p = !time && p ? p + 2 : l.p;
		n = l.len - (size_t)(p - l.p);
		if (n + 2 > MW_ALERT_TEXT_MAX) {
			r = -ENOBUFS;
		} else {
			memcpy(ret, p, n);
			memcpy(ret + n, "\n", 2);
			*ret_n = n + 1;
		}
	}
	mw_line_done(&l);
	return r;
}

/* --- syslog -------------------------------------------------------------------------------------
 */

/* A value, escaped and cut; left out, whole, where the element becomes too long. */
static void param(struct mw_syslog_text *t, const char *name, const char *value)
{
	struct mw_line l = { .max_cols = MW_ALERT_VALUE_COLS };
	const struct mw_syslog_text before = *t;

	if (!value || !*value)
		return;
	mw_line_puts(&l, NULL, value);
	if (l.p && !l.failed)
		mw_syslog_param(t, name, l.p, l.len);
	mw_line_done(&l);
	if (t->n > MW_ALERT_SD_MAX) {
		*t = before;
		t->p[t->n] = '\0';
	}
}

static void param_number(struct mw_syslog_text *t, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	param(t, name, text);
}

static void params(struct mw_syslog_text *t, const char *name, const cJSON *list)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, list) param(t, name, cJSON_GetStringValue(e));
}

static uint64_t number(const cJSON *rec, const char *name)
{
	const cJSON *v = get(rec, name);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 1e18
		   ? (uint64_t)v->valuedouble
		   : 0;
}

static void element(struct mw_syslog_text *t, const cJSON *rec, uint64_t more)
{
	mw_syslog_puts(t, MW_SYSLOG_SD_ALERT);
	param(t, "rule", mw_rec_str(rec, "rule"));
	param(t, "severity", mw_rec_str(rec, "severity"));
	param_number(t, "seq", number(rec, "seq"));
	param(t, "title", mw_rec_str(rec, "title"));
	if (more)
		param_number(t, "notSent", more);
	if (number(rec, "count") > 1)
		param_number(t, "count", number(rec, "count"));
	param(t, "server", mw_rec_server(rec));
	param(t, "tool", mw_rec_str(rec, "tool"));
	param(t, "user", mw_rec_str2(rec, "principal", "user"));
	param(t, "outcome", mw_rec_str(rec, "outcome"));
	params(t, "call", get(rec, "calls"));
	params(t, "target", get(rec, "targets"));
	params(t, "tag", get(rec, "tags"));
	mw_syslog_puts(t, "]");
}

/* A collector's file is searched for checkpoints: nobody is to slip one in through an alert. */
static void blunt(char *p, size_t n)
{
	char *at;

	while ((at = memmem(p, n, MW_SYSLOG_SD, sizeof(MW_SYSLOG_SD) - 1))) {
		*at = '(';
		n -= (size_t)(at - p);
		p = at;
	}
}

/* What is of no width counts as no column: cut at a character. */
static void cut(struct mw_syslog_text *t, size_t max)
{
	if (t->n <= max)
		return;
	for (t->n = max; t->n && ((unsigned char)t->p[t->n] & 0xc0) == 0x80; t->n--)
		;
	t->p[t->n] = '\0';
}

int mw_alert_syslog(const cJSON *rec, uint64_t more, const char *json, size_t json_len,
		    const char *host, char ret[MW_ALERT_TEXT_MAX], size_t *ret_n)
{
	struct mw_syslog_text t = { .p = ret, .max = MW_ALERT_TEXT_MAX };
	const char *time = mw_rec_str(rec, "time");
	struct mw_line l = { 0 };
	const char *p;
	int64_t ns;
	int r = 0;

	if (!time || !is_alert(rec) || mw_when_rfc3339(time, strlen(time), &ns) < 0)
		return -EBADMSG;
	mw_syslog_head(&t, AUTHPRIV * 8 + severity_of(rec), ns, host, getpid(),
		       mw_rec_str(rec, "rule"));
	element(&t, rec, more);
	mw_syslog_puts(&t, " ");
	if (json && json_len <= MW_ALERT_SYSLOG_JSON_MAX) {
		mw_syslog_put(&t, json, json_len);
	} else {
		/* at most four bytes a column */
		l.max_cols = (unsigned int)((MW_SYSLOG_ALL_TAKE - t.n) / 4) - 40;
		r = put_line(&l, rec, more);
		p = r == 0 ? strstr(l.p, "  ") : NULL;
		if (p)
			mw_syslog_puts(&t, p + 2);
		cut(&t, MW_SYSLOG_ALL_TAKE);
	}
	mw_line_done(&l);
	if (t.full)
		r = -ENOBUFS;
	if (r < 0)
		return r;
	blunt(t.p, t.n);
	*ret_n = t.n;
	return 0;
}

/* --- the journal --------------------------------------------------------------------------------
 */

struct fields {
	struct iovec *v;
	size_t n, max;
	bool failed;
};

static void field_n(struct fields *f, const char *name, const char *value, size_t n)
{
	size_t k = strlen(name);
	char *p;

	if (!value || f->n == f->max)
		return;
	p = malloc(k + 1 + n);
	if (!p) {
		f->failed = true;
		return;
	}
	memcpy(p, name, k);
	p[k] = '=';
	memcpy(p + k + 1, value, n);
	f->v[f->n++] = (struct iovec){ p, k + 1 + n };
}

static void field(struct fields *f, const char *name, const char *value)
{
	field_n(f, name, value, value ? strlen(value) : 0);
}

static void field_number(struct fields *f, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	field(f, name, text);
}

static void fields_of(struct fields *f, const char *name, const cJSON *list)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, list) field(f, name, cJSON_GetStringValue(e));
}

int mw_alert_journal(const cJSON *rec, uint64_t more, const char *json, size_t len,
		     struct iovec *ret, size_t max)
{
	struct fields f = { .v = ret, .max = max };
	char *line = malloc(MW_ALERT_TEXT_MAX);
	size_t n = 0;
	int r;

	r = line ? mw_alert_line(rec, more, false, false, line, &n) : -ENOMEM;
	if (r < 0) {
		free(line);
		return r;
	}
	field_n(&f, "MESSAGE", line, n - 1);
	free(line);
	field_number(&f, "PRIORITY", severity_of(rec));
	field(&f, "MESSAGE_ID", MW_ALERT_MESSAGE_ID);
	field(&f, "SYSLOG_IDENTIFIER", "mcpwatch");
	field_number(&f, "SYSLOG_FACILITY", AUTHPRIV);
	field(&f, "MCPWATCH_RULE", mw_rec_str(rec, "rule"));
	field(&f, "MCPWATCH_SEVERITY", mw_rec_str(rec, "severity"));
	field(&f, "MCPWATCH_TITLE", mw_rec_str(rec, "title"));
	field_number(&f, "MCPWATCH_SEQ", number(rec, "seq"));
	field(&f, "MCPWATCH_SERVER", mw_rec_server(rec));
	field(&f, "MCPWATCH_TOOL", mw_rec_str(rec, "tool"));
	field(&f, "MCPWATCH_USER", mw_rec_str2(rec, "principal", "user"));
	field(&f, "MCPWATCH_OUTCOME", mw_rec_str(rec, "outcome"));
	if (number(rec, "count") > 1)
		field_number(&f, "MCPWATCH_COUNT", number(rec, "count"));
	if (more)
		field_number(&f, "MCPWATCH_NOT_SENT", more);
	field_n(&f, "MCPWATCH_ALERT", json, len);
	fields_of(&f, "MCPWATCH_CALL", get(rec, "calls"));
	fields_of(&f, "MCPWATCH_TARGET", get(rec, "targets"));
	fields_of(&f, "MCPWATCH_TAG", get(rec, "tags"));
	if (!f.failed)
		return (int)f.n;
	mw_alert_fields_done(ret, f.n);
	return -ENOMEM;
}

void mw_alert_fields_done(struct iovec *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(v[i].iov_base);
}
