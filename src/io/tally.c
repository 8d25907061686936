/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

/* Deeper than the core lets values be. */
#define DEPTH_MAX  MW_JSON_DEPTH_MAX
#define NUMBER_MAX 64
#define MINUTE_NS  60000000000ull

const char *const mw_tally_severity[MW_TALLY_SEVERITIES] = { "low", "medium", "high", "critical" };

const char *const mw_tally_tie[MW_TALLY_TIES] = { "certain", "likely", "shared", "none" };

/* --- what a record says -------------------------------------------------------------------------
 */

enum field {
	TYPE = 1,
	BOOT_NS,
	SERVER,
	STATUS,
	METHOD,
	ELAPSED,
	KIND,
	CONFIDENCE,
	SEVERITY,
	RULE,
	REASON,
	EVENTS,
	BYTES,
	WHAT,
	EVENT,
	TRANSPORT,
	PROTOCOL,
	TIER,
	N_FIELDS,
};

#define FIELD(name, field)                                                                         \
	{                                                                                          \
		name, sizeof(name) - 1, field                                                      \
	}
static const struct {
	const char *name;
	size_t n;
	enum field field;
} fields[] = {
	FIELD("type", TYPE),	     FIELD("boot_ns", BOOT_NS),
	FIELD("server", SERVER),     FIELD("status", STATUS),
	FIELD("method", METHOD),     FIELD("elapsed_ms", ELAPSED),
	FIELD("kind", KIND),	     FIELD("confidence", CONFIDENCE),
	FIELD("severity", SEVERITY), FIELD("rule", RULE),
	FIELD("reason", REASON),     FIELD("events", EVENTS),
	FIELD("bytes", BYTES),	     FIELD("what", WHAT),
	FIELD("event", EVENT),	     FIELD("transport", TRANSPORT),
	FIELD("protocol", PROTOCOL), FIELD("tier", TIER),
};

#define BIT(f) (1u << (f))

/* What is counted of each type: once all of it is there the rest is not read. */
static const struct type {
	const char *name;
	uint32_t wants;
} types[] = {
	{ "effect", BIT(KIND) | BIT(SERVER) | BIT(CONFIDENCE) },
	{ "request", BIT(SERVER) },
	{ "call", BIT(SERVER) | BIT(METHOD) | BIT(STATUS) | BIT(ELAPSED) },
	{ "server", BIT(EVENT) | BIT(SERVER) | BIT(TRANSPORT) | BIT(PROTOCOL) | BIT(TIER) },
	{ "alert", BIT(RULE) | BIT(SEVERITY) | BIT(SERVER) },
	{ "gap", BIT(REASON) | BIT(EVENTS) | BIT(BYTES) | BIT(SERVER) },
	{ "anomaly", BIT(WHAT) | BIT(SERVER) },
};

struct said {
	struct mw_slice v[N_FIELDS]; /* raw; n 0: it is not there */
	const struct type *type;     /* NULL: nothing more is counted of it */
};

/* A raw string's inside; the words of the contract have no escapes. */
static struct mw_slice inside(struct mw_slice raw)
{
	if (raw.n < 2 || raw.p[0] != '"')
		return mw_slice(NULL, 0);
	return mw_slice_inside(raw);
}

static enum field field_of(struct mw_slice key)
{
	const struct mw_slice name = inside(key);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (name.n == fields[i].n && name.p[0] == (uint8_t)fields[i].name[0] &&
		    memcmp(name.p, fields[i].name, name.n) == 0)
			return fields[i].field;
	return 0;
}

static const struct type *type_of(struct mw_slice raw)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (mw_slice_eq_str(inside(raw), types[i].name))
			return &types[i];
	return NULL;
}

/* 0, or negative: it is no record. */
static int read_record(const char *json, size_t n, struct said *ret)
{
	struct said s = { 0 };
	struct mw_json_item it;
	struct mw_slice value;
	struct mw_json j;
	uint32_t wanted = BIT(TYPE);
	enum field f;

	mw_json_init(&j, mw_slice(json, n), DEPTH_MAX);
	if (mw_json_next(&j, &it) != 1 || it.tok != MW_JSON_OBJECT)
		return -EBADMSG;
	while (wanted && mw_json_next(&j, &it) == 1 && it.tok == MW_JSON_KEY) {
		f = field_of(it.raw);
		if (mw_json_skip(&j, &it, &value) < 0)
			break;
		if (!f)
			continue;
		s.v[f] = value;
		wanted &= ~BIT(f);
		if (f == TYPE) {
			s.type = type_of(value);
			wanted = s.type ? s.type->wants : 0;
		}
	}
	if (!s.v[TYPE].n)
		return -EBADMSG;
	*ret = s;
	return 0;
}

static double number(struct mw_slice raw)
{
	char text[NUMBER_MAX];
	double v;

	if (raw.n == 0 || raw.n >= sizeof(text))
		return 0;
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	v = strtod(text, NULL);
	return v > 0 && v < 1e15 ? v : 0;
}

/* Whole numbers without sign, fraction or exponent, as records have them. */
static uint64_t whole(struct mw_slice raw)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < raw.n && raw.p[i] >= '0' && raw.p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(raw.p[i] - '0'), &v))
			return UINT64_MAX;
	return v;
}

/* Never in the middle of a character. */
static void set_text(char *to, size_t room, const uint8_t *p, size_t n)
{
	if (n >= room) {
		n = room - 1;
		while (n && (p[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(to, p, n);
	to[n] = '\0';
}

static void set_word(char *to, size_t room, struct mw_slice raw)
{
	const struct mw_slice s = inside(raw);

	if (s.n)
		set_text(to, room, s.p, s.n);
}

static void *stack_resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)old;
	(void)p;
	return n && n <= 4 * MW_TALLY_NAME_LEN ? ctx : NULL;
}

/* A raw string of the observed world's, decoded and cut. False: there is none. */
static bool set_name(char *to, size_t room, struct mw_slice raw)
{
	char text[4 * MW_TALLY_NAME_LEN];
	const struct mw_alloc a = { .resize = stack_resize, .ctx = text };
	struct mw_buf b;

	mw_buf_init(&b, &a, sizeof(text));
	if (raw.n <= 2 || mw_buf_reserve(&b, sizeof(text)) < 0 ||
	    mw_json_str_decode_head(raw, room, &b) < 0 || b.len == 0)
		return false;
	set_text(to, room, b.p, b.len);
	return true;
}

/* --- words --------------------------------------------------------------------------------------
 */

static struct mw_tally_word *word_of(struct mw_tally_words *words, struct mw_slice raw)
{
	struct mw_slice name = inside(raw);
	struct mw_tally_word *w;
	size_t i;

	if (name.n == 0 || name.n >= MW_TALLY_WORD_LEN)
		name = MW_SLICE_LIT("other");
	for (i = 0; i < words->n; i++)
		if (mw_slice_eq_str(name, words->w[i].name))
			return &words->w[i];
	if (words->n == MW_TALLY_WORDS_MAX)
		return &words->w[MW_TALLY_WORDS_MAX - 1];
	if (words->n == MW_TALLY_WORDS_MAX - 1)
		name = MW_SLICE_LIT("other");
	w = &words->w[words->n++];
	set_text(w->name, sizeof(w->name), name.p, name.n);
	return w;
}

uint64_t mw_tally_of(const struct mw_tally_words *words, const char *name)
{
	size_t i;

	for (i = 0; i < words->n; i++)
		if (strcmp(words->w[i].name, name) == 0)
			return words->w[i].n;
	return 0;
}

/* --- servers ------------------------------------------------------------------------------------
 */

static struct mw_tally_count *count_of(struct mw_tally *t, const char *name)
{
	struct mw_tally_name *x;
	size_t i;

	for (i = 0; i < t->n_names; i++)
		if (strcmp(t->names[i].name, name) == 0)
			return &t->names[i].c;
	if (t->n_names == MW_TALLY_NAMES_MAX)
		return &t->names[MW_TALLY_NAMES_MAX - 1].c;
	if (t->n_names == MW_TALLY_NAMES_MAX - 1)
		name = "other";
	x = &t->names[t->n_names++];
	set_text(x->name, sizeof(x->name), (const uint8_t *)name, strlen(name));
	return &x->c;
}

static struct mw_tally_server *find_server(struct mw_tally *t, struct mw_slice id)
{
	size_t i;

	if (t->last < t->n_servers && mw_slice_eq_str(id, t->servers[t->last].id))
		return &t->servers[t->last];
	for (i = 0; i < t->n_servers; i++)
		if (mw_slice_eq_str(id, t->servers[i].id)) {
			t->last = i;
			return &t->servers[i];
		}
	return NULL;
}

/* A place for one more: that of the one which has ended longest ago, if there is no other. */
static struct mw_tally_server *new_server(struct mw_tally *t)
{
	struct mw_tally_server *s = NULL;
	size_t i;

	if (t->n_servers < MW_TALLY_SERVERS_MAX)
		s = &t->servers[t->n_servers++];
	for (i = 0; !s && i < t->n_servers; i++)
		if (t->servers[i].gone)
			s = &t->servers[i];
	if (!s) {
		t->refused++;
		return NULL;
	}
	for (i = 0; s->gone && i < t->n_servers; i++)
		if (t->servers[i].gone && t->servers[i].last_ns < s->last_ns)
			s = &t->servers[i];
	*s = (struct mw_tally_server){ 0 };
	t->last = (size_t)(s - t->servers);
	return s;
}

/* The first record of a server may be its `server` record or a request; a later one may know its
 * name where an earlier did not. */
static void learn_server(struct mw_tally_server *s, struct mw_slice ref)
{
	struct mw_slice id, key, name, configured, pid;
	char text[MW_TALLY_NAME_LEN];

	id = key = name = configured = pid = mw_slice(NULL, 0);
	(void)mw_json_member(ref, "id", &id, NULL);
	(void)mw_json_member(ref, "key", &key, NULL);
	(void)mw_json_member(ref, "name", &name, NULL);
	(void)mw_json_member(ref, "configured_name", &configured, NULL);
	(void)mw_json_member(ref, "pid", &pid, NULL);
	set_word(s->id, sizeof(s->id), id);
	if (set_name(text, sizeof(text), key))
		memcpy(s->key, text, sizeof(text));
	if (set_name(text, sizeof(text), configured) || set_name(text, sizeof(text), name) ||
	    set_name(text, sizeof(text), key))
		memcpy(s->name, text, sizeof(text));
	if (!s->name[0])
		set_text(s->name, sizeof(s->name), (const uint8_t *)s->id, strlen(s->id));
	if (pid.n)
		s->pid = (uint32_t)whole(pid);
}

/* NULL: the record names none, or there is no room. */
static struct mw_tally_server *server_of(struct mw_tally *t, struct mw_slice ref, bool learn)
{
	struct mw_tally_server *s;
	struct mw_slice id;

	if (!ref.n || mw_json_member(ref, "id", &id, NULL) < 0 || id.n <= 2)
		return NULL;
	s = find_server(t, inside(id));
	if (!s) {
		/* one that has ended is not made anew by what comes after it */
		s = new_server(t);
		learn = s;
	}
	if (learn)
		learn_server(s, ref);
	return s;
}

static void put_links(struct mw_tally_server *s, struct mw_slice links)
{
	struct mw_json_item it;
	struct mw_json j;
	char word[16];
	size_t n = 0;

	s->link[0] = '\0';
	mw_json_init(&j, links, 2);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING) {
			word[0] = '\0';
			set_word(word, sizeof(word), it.raw);
			n += (size_t)snprintf(s->link + n, sizeof(s->link) - n, "%s%s",
					      n ? "," : "", word);
			if (n >= sizeof(s->link))
				return;
		}
}

static void on_server(struct mw_tally_server *s, const struct said *r)
{
	struct mw_slice v;

	if (!s)
		return;
	s->gone = mw_slice_eq_str(inside(r->v[EVENT]), "gone");
	if (s->gone)
		s->in_flight = 0;
	set_word(s->transport, sizeof(s->transport), r->v[TRANSPORT]);
	(void)set_name(s->protocol, sizeof(s->protocol), r->v[PROTOCOL]);
	if (!r->v[TIER].n)
		return;
	if (mw_json_member(r->v[TIER], "io", &v, NULL) == 0)
		set_word(s->io, sizeof(s->io), v);
	if (mw_json_member(r->v[TIER], "link", &v, NULL) == 0)
		put_links(s, v);
	else
		s->link[0] = '\0';
}

/* --- records ------------------------------------------------------------------------------------
 */

static void on_call(struct mw_tally *t, const struct said *r, struct mw_tally_server *s)
{
	const bool failed = !mw_slice_eq_str(inside(r->v[STATUS]), "ok");
	const bool tool = mw_slice_eq_str(inside(r->v[METHOD]), "tools/call");
	const double seconds = number(r->v[ELAPSED]) / 1000;
	struct mw_tally_count *of[2];
	size_t i;

	word_of(&t->status, r->v[STATUS])->n++;
	of[0] = s ? &s->c : NULL;
	of[1] = count_of(t, s ? s->name : "other");
	for (i = 0; i < 2; i++)
		if (of[i]) {
			of[i]->calls++;
			of[i]->tool_calls += tool;
			of[i]->failed += failed;
			of[i]->call_seconds += seconds;
		}
	if (s && s->in_flight)
		s->in_flight--;
}

static void on_alert(struct mw_tally *t, const struct said *r, struct mw_tally_server *s)
{
	const uint64_t minute = whole(r->v[BOOT_NS]) / MINUTE_NS;
	const size_t at = (size_t)(minute % MW_TALLY_MINUTES);
	size_t i;

	word_of(&t->rules, r->v[RULE])->n++;
	if (s) {
		s->c.alerts++;
		count_of(t, s->name)->alerts++;
	}
	if (t->hour[at].minute != minute) {
		memset(&t->hour[at], 0, sizeof(t->hour[at]));
		t->hour[at].minute = minute;
	}
	for (i = 0; i < MW_TALLY_SEVERITIES; i++)
		if (mw_slice_eq_str(inside(r->v[SEVERITY]), mw_tally_severity[i])) {
			t->alerts[i]++;
			t->hour[at].n[i]++;
		}
}

static void on_gap(struct mw_tally *t, const struct said *r)
{
	struct mw_tally_word *w = word_of(&t->reasons, r->v[REASON]);

	w->n++;
	w->events += whole(r->v[EVENTS]);
	w->bytes += whole(r->v[BYTES]);
}

static void on_effect(struct mw_tally *t, const struct said *r, struct mw_tally_server *s)
{
	struct mw_tally_count *of;
	size_t i;

	word_of(&t->kinds, r->v[KIND])->n++;
	word_of(&t->sure, r->v[CONFIDENCE])->n++;
	if (!s)
		return;
	s->c.effects++;
	of = count_of(t, s->name);
	of->effects++;
	for (i = 0; i < MW_TALLY_TIES; i++)
		if (mw_slice_eq_str(inside(r->v[CONFIDENCE]), mw_tally_tie[i])) {
			s->c.ties[i]++;
			of->ties[i]++;
		}
}

void mw_tally_add(struct mw_tally *t, const char *json, size_t n)
{
	struct mw_tally_server *s;
	struct said r;

	t->records++;
	if (read_record(json, n, &r) < 0) {
		t->unread++;
		return;
	}
	word_of(&t->types, r.v[TYPE])->n++;
	if (!r.type)
		return;
	/* a name is learned late: at the answer to a handshake */
	s = server_of(t, r.v[SERVER], r.type->wants & (BIT(TIER) | BIT(STATUS)));
	if (s)
		s->last_ns = whole(r.v[BOOT_NS]);
	if (r.type->wants & BIT(KIND)) {
		on_effect(t, &r, s);
	} else if (r.type->wants & BIT(STATUS)) {
		on_call(t, &r, s);
	} else if (r.type->wants & BIT(TIER)) {
		on_server(s, &r);
	} else if (r.type->wants & BIT(RULE)) {
		on_alert(t, &r, s);
	} else if (r.type->wants & BIT(REASON)) {
		on_gap(t, &r);
		if (s) {
			s->c.gaps++;
			count_of(t, s->name)->gaps++;
		}
	} else if (r.type->wants & BIT(WHAT)) {
		word_of(&t->anomalies, r.v[WHAT])->n++;
		if (s) {
			s->c.anomalies++;
			count_of(t, s->name)->anomalies++;
		}
	} else if (s && !s->gone) {
		s->in_flight++;
	}
}

void mw_tally_hour(const struct mw_tally *t, uint64_t boot_ns, uint64_t ret[MW_TALLY_SEVERITIES])
{
	const uint64_t now = boot_ns / MINUTE_NS;
	size_t i, k;

	memset(ret, 0, MW_TALLY_SEVERITIES * sizeof(*ret));
	for (i = 0; i < MW_TALLY_MINUTES; i++)
		if (t->hour[i].minute <= now && now - t->hour[i].minute < MW_TALLY_MINUTES)
			for (k = 0; k < MW_TALLY_SEVERITIES; k++)
				ret[k] += t->hour[i].n[k];
}

size_t mw_tally_alive(const struct mw_tally *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->n_servers; i++)
		n += !t->servers[i].gone;
	return n;
}
