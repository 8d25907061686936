/* SPDX-License-Identifier: Apache-2.0 */
#include "io/live.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/escape.h"
#include "io/render.h"
#include "io/when.h"

/* --- small readers ------------------------------------------------------------------------------
 */

static const cJSON *obj(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static double real(const cJSON *o, const char *name)
{
	const cJSON *v = obj(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

static uint64_t num(const cJSON *o, const char *name)
{
	const double v = real(o, name);

	return v > 0 && v < 9e18 ? (uint64_t)v : 0;
}

/* Cut at a character. */
static void copy(char *to, size_t room, const char *from)
{
	size_t n = from ? strlen(from) : 0;

	if (n >= room) {
		n = room - 1;
		while (n && ((unsigned char)from[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(to, from, n);
	to[n] = '\0';
}

/* --- the daemon's status ------------------------------------------------------------------------
 */

static struct mw_live_server *server_of(struct mw_live *l, const char *id)
{
	struct mw_live_server *s = NULL;
	size_t i;

	for (i = 0; i < l->n_servers; i++)
		if (strcmp(l->server[i].id, id) == 0)
			return &l->server[i];
	if (l->n_servers == MW_LIVE_SERVERS_MAX)
		return NULL;
	s = &l->server[l->n_servers++];
	*s = (struct mw_live_server){ 0 };
	copy(s->id, sizeof(s->id), id);
	return s;
}

/* What one look says of a server; dt: seconds since the look before, 0 for the first. */
static void set_counts(struct mw_live_server *s, uint64_t calls, uint64_t effects, double dt)
{
	s->rate = dt > 0 && calls >= s->calls ? (double)(calls - s->calls) / dt : 0;
	s->effects_rate = dt > 0 && effects >= s->effects ? (double)(effects - s->effects) / dt : 0;
	s->calls = calls;
	s->effects = effects;
	s->here = true;
}

static double begin_look(struct mw_live *l, int64_t now_ns)
{
	const double dt =
	    l->looked_ns && now_ns > l->looked_ns ? (double)(now_ns - l->looked_ns) / 1e9 : 0;
	size_t i;

	l->looked_ns = now_ns;
	l->last_calls = l->calls;
	l->last_effects = l->effects;
	for (i = 0; i < l->n_servers; i++)
		l->server[i].here = false;
	return dt;
}

static void end_look(struct mw_live *l, double dt)
{
	size_t i, n = 0;

	for (i = 0; i < l->n_servers; i++)
		if (l->server[i].here)
			l->server[n++] = l->server[i];
	l->n_servers = n;
	l->calls_rate = l->effects_rate = 0;
	if (dt > 0 && l->calls >= l->last_calls && l->effects >= l->last_effects) {
		l->calls_rate = (double)(l->calls - l->last_calls) / dt;
		l->effects_rate = (double)(l->effects - l->last_effects) / dt;
	}
}

static void on_status(struct mw_live *l, const cJSON *o, int64_t now_ns)
{
	const cJSON *alerts = obj(o, "alerts"), *log = obj(o, "log"), *gap, *x;
	const double dt = begin_look(l, now_ns);
	size_t i;

	l->at_ns = now_ns;
	l->healthy = cJSON_IsTrue(obj(o, "healthy"));
	copy(l->problem, sizeof(l->problem),
	     mw_rec_str(cJSON_GetArrayItem(obj(o, "problems"), 0), "what"));
	if (mw_rec_str(o, "host"))
		copy(l->source, sizeof(l->source), mw_rec_str(o, "host"));
	l->uptime = real(o, "uptime");
	l->seal_age = real(log, "seal_age");
	l->waiting = num(log, "records") - num(log, "sealed");
	l->lost_events = num(obj(o, "lost"), "events");
	l->open = num(obj(o, "calls"), "open");
	l->calls = num(obj(o, "calls"), "n");
	l->effects = num(obj(o, "effects"), "n");
	l->alerts = num(alerts, "n");
	l->gaps = 0;
	cJSON_ArrayForEach(gap, obj(o, "gaps")) l->gaps += num(gap, "n");
	for (i = 0; i < MW_TALLY_SEVERITIES; i++)
		l->hour[i] = num(obj(alerts, "last_hour"), mw_tally_severity[i]);
	cJSON_ArrayForEach(x, obj(o, "servers"))
	{
		const char *id = mw_rec_str(x, "id");
		struct mw_live_server *s = id ? server_of(l, id) : NULL;

		if (!s)
			continue;
		set_counts(s, num(x, "calls"), num(x, "effects"), dt);
		copy(s->name, sizeof(s->name), mw_rec_str(x, "name"));
		copy(s->transport, sizeof(s->transport), mw_rec_str(x, "transport"));
		copy(s->io, sizeof(s->io), mw_rec_str(x, "io"));
		copy(s->link, sizeof(s->link), mw_rec_str(x, "link"));
		copy(s->seen, sizeof(s->seen), mw_rec_str(x, "seen"));
		s->in_flight = num(x, "in_flight");
		s->failed = num(x, "failed");
		s->alerts = num(x, "alerts");
	}
	end_look(l, dt);
}

void mw_live_look(struct mw_live *l, int64_t now_ns)
{
	const struct mw_tally *t = l->tally;
	const double dt = begin_look(l, now_ns);
	size_t i;

	for (i = 0; t && i < t->n_servers; i++) {
		const struct mw_tally_server *x = &t->servers[i];
		/* of a log those that have ended are shown, too */
		struct mw_live_server *s = server_of(l, x->id);

		if (!s)
			continue;
		set_counts(s, x->c.calls, x->c.effects, dt);
		copy(s->name, sizeof(s->name), x->name);
		copy(s->transport, sizeof(s->transport), x->transport);
		copy(s->io, sizeof(s->io), x->io);
		copy(s->link, sizeof(s->link), x->link);
		s->in_flight = x->in_flight;
		s->failed = x->c.failed;
		s->alerts = x->c.alerts;
	}
	if (t) {
		l->calls = mw_tally_of(&t->types, "call");
		l->effects = mw_tally_of(&t->types, "effect");
		l->alerts = mw_tally_of(&t->types, "alert");
		l->gaps = mw_tally_of(&t->types, "gap");
		memcpy(l->hour, t->alerts, sizeof(l->hour));
		for (l->open = 0, i = 0; i < t->n_servers; i++)
			l->open += t->servers[i].in_flight;
	}
	end_look(l, dt);
}

/* --- records ------------------------------------------------------------------------------------
 */

static const char *tool_of(const cJSON *rec)
{
	const char *tool = mw_rec_str(rec, "tool");

	return tool ? tool : mw_rec_str(rec, "method");
}

static void on_request(struct mw_live *l, const cJSON *rec, int64_t now_ns)
{
	const char *id = mw_rec_call(rec), *time = mw_rec_str(rec, "time");
	struct mw_live_open *x = NULL, *oldest = l->in_flight;
	size_t i;

	for (i = 0; !x && i < MW_LIVE_OPEN_MAX; i++) {
		if (!l->in_flight[i].id[0])
			x = &l->in_flight[i];
		else if (l->in_flight[i].begin_ns < oldest->begin_ns)
			oldest = &l->in_flight[i];
	}
	x = x ? x : oldest;
	*x = (struct mw_live_open){ .begin_ns = now_ns };
	copy(x->id, sizeof(x->id), id);
	copy(x->server, sizeof(x->server), mw_rec_server(rec));
	copy(x->tool, sizeof(x->tool), tool_of(rec));
	if (time)
		(void)mw_when_rfc3339(time, strlen(time), &x->begin_ns);
}

static void ended(struct mw_live *l, const char *id)
{
	size_t i;

	for (i = 0; id && i < MW_LIVE_OPEN_MAX; i++)
		if (strcmp(l->in_flight[i].id, id) == 0)
			l->in_flight[i].id[0] = '\0';
}

static int add_line(struct mw_live_lines *to, const cJSON *rec, bool bad)
{
	struct mw_live_line *x = &to->line[to->next];
	struct mw_line line = { .max_cols = MW_LIVE_TEXT_MAX / 4 };
	int r = 0;

	if (mw_render_record(&line, rec, false) && line.p && !line.failed) {
		*x = (struct mw_live_line){ .bad = bad };
		copy(x->text, sizeof(x->text), line.p);
		copy(x->server, sizeof(x->server), mw_rec_server(rec));
		copy(x->tool, sizeof(x->tool), tool_of(rec));
		to->next = (to->next + 1) % MW_LIVE_LINES_MAX;
		to->n += to->n < MW_LIVE_LINES_MAX;
	} else if (line.failed) {
		r = -ENOMEM;
	}
	mw_line_done(&line);
	return r;
}

/* Records of which only numbers are shown need no tree. The head has no value that the observed
 * could have written. */
static bool is_counted_only(const char *line, size_t n)
{
	static const char *const types[] = { "effect\"", "seal\"",   "body\"",
					     "ties\"",	 "notice\"", "tool\"" };
	static const char key[] = "\"type\":\"";
	const char *p = memmem(line, n < 512 ? n : 512, key, sizeof(key) - 1);
	size_t i, left;

	if (!p)
		return false;
	p += sizeof(key) - 1;
	left = n - (size_t)(p - line);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (left >= strlen(types[i]) && memcmp(p, types[i], strlen(types[i])) == 0)
			return true;
	return false;
}

static int on_record(struct mw_live *l, const cJSON *o, const char *type, int64_t now_ns)
{
	const char *status = mw_rec_str(o, "status"), *event = mw_rec_str(o, "event");

	if (strcmp(type, "request") == 0) {
		on_request(l, o, now_ns);
	} else if (strcmp(type, "call") == 0) {
		ended(l, mw_rec_call(o));
		return add_line(&l->latest, o, !status || strcmp(status, "ok") != 0);
	} else if (strcmp(type, "alert") == 0) {
		return add_line(&l->alert_lines, o, true);
	} else if (strcmp(type, "gap") == 0 || strcmp(type, "anomaly") == 0) {
		return add_line(&l->alert_lines, o, false);
	} else if (strcmp(type, "daemon") == 0 && event && strcmp(event, "start") == 0) {
		/* what was open before has its end in the records behind it */
		memset(l->in_flight, 0, sizeof(l->in_flight));
	}
	return 0;
}

static int feed_tree(struct mw_live *l, const char *line, size_t n, int64_t now_ns)
{
	cJSON *o = cJSON_ParseWithLength(line, n);
	const char *type = mw_rec_str(o, "type");
	int r = 0;

	if (!type)
		r = -EBADMSG;
	else if (strcmp(type, "status") == 0)
		on_status(l, o, now_ns);
	else if (strcmp(type, "dropped") == 0)
		l->dropped += num(o, "n");
	else
		r = on_record(l, o, type, now_ns);
	cJSON_Delete(o);
	return r;
}

int mw_live_feed(struct mw_live *l, const char *line, size_t n, int64_t now_ns)
{
	static const char head[] = "{\"v\":1,\"seq\":";
	const bool is_record = n > sizeof(head) && memcmp(line, head, sizeof(head) - 1) == 0;
	int r = 0;

	if (is_record) {
		if (!l->tally)
			l->tally = calloc(1, sizeof(*l->tally));
		if (!l->tally)
			return -ENOMEM;
		mw_tally_add(l->tally, line, n);
		l->records++;
	}
	if (!is_record || !is_counted_only(line, n))
		r = feed_tree(l, line, n, now_ns);
	l->unread += r == -EBADMSG;
	return r;
}

void mw_live_done(struct mw_live *l)
{
	free(l->tally);
	l->tally = NULL;
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void put_u64(cJSON *o, const char *name, uint64_t v)
{
	cJSON_AddNumberToObject(o, name, (double)v);
}

static void put_lines(cJSON *o, const char *name, const struct mw_live_lines *lines)
{
	cJSON *list = cJSON_AddArrayToObject(o, name);
	size_t i, at;

	for (i = 0; list && i < lines->n; i++) {
		at = (lines->next + MW_LIVE_LINES_MAX - lines->n + i) % MW_LIVE_LINES_MAX;
		cJSON_AddItemToArray(list, cJSON_CreateString(lines->line[at].text));
	}
}

static void put_servers(cJSON *o, const struct mw_live *l)
{
	cJSON *list = cJSON_AddArrayToObject(o, "servers"), *x;
	size_t i;

	for (i = 0; list && i < l->n_servers; i++) {
		const struct mw_live_server *s = &l->server[i];

		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		cJSON_AddStringToObject(x, "id", s->id);
		cJSON_AddStringToObject(x, "name", s->name);
		cJSON_AddStringToObject(x, "io", s->io);
		cJSON_AddStringToObject(x, "link", s->link);
		cJSON_AddStringToObject(x, "seen", s->seen);
		put_u64(x, "calls", s->calls);
		put_u64(x, "in_flight", s->in_flight);
		put_u64(x, "failed", s->failed);
		put_u64(x, "effects", s->effects);
		put_u64(x, "alerts", s->alerts);
		cJSON_AddNumberToObject(x, "calls_per_second", s->rate);
	}
}

static void put_open(cJSON *o, const struct mw_live *l, int64_t now_ns)
{
	cJSON *list = cJSON_AddArrayToObject(o, "in_flight"), *x;
	size_t i;

	for (i = 0; list && i < MW_LIVE_OPEN_MAX; i++) {
		const struct mw_live_open *c = &l->in_flight[i];

		if (!c->id[0])
			continue;
		x = cJSON_CreateObject();
		if (!x || !cJSON_AddItemToArray(list, x))
			return;
		cJSON_AddStringToObject(x, "call", c->id);
		cJSON_AddStringToObject(x, "server", c->server);
		cJSON_AddStringToObject(x, "tool", c->tool);
		cJSON_AddNumberToObject(x, "age", (double)((now_ns - c->begin_ns) / 1000000) / 1e3);
	}
}

char *mw_live_json(const struct mw_live *l, int64_t now_ns)
{
	cJSON *o = cJSON_CreateObject(), *hour;
	char *text;
	size_t i;

	if (!o)
		return NULL;
	cJSON_AddStringToObject(o, "source", l->source);
	cJSON_AddBoolToObject(o, "verified", false);
	if (l->at_ns) {
		cJSON_AddBoolToObject(o, "healthy", l->healthy);
		cJSON_AddNumberToObject(o, "uptime", l->uptime);
		put_u64(o, "unsealed", l->waiting);
		put_u64(o, "lost_events", l->lost_events);
	}
	put_u64(o, "records_read", l->records);
	put_u64(o, "dropped", l->dropped);
	put_u64(o, "calls", l->calls);
	put_u64(o, "effects", l->effects);
	put_u64(o, "gaps", l->gaps);
	cJSON_AddNumberToObject(o, "calls_per_second", l->calls_rate);
	cJSON_AddNumberToObject(o, "effects_per_second", l->effects_rate);
	hour = cJSON_AddObjectToObject(o, "alerts");
	for (i = 0; hour && i < MW_TALLY_SEVERITIES; i++)
		put_u64(hour, mw_tally_severity[i], l->hour[i]);
	put_servers(o, l);
	put_open(o, l, now_ns);
	put_lines(o, "latest", &l->latest);
	put_lines(o, "alert_lines", &l->alert_lines);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}
