/* SPDX-License-Identifier: Apache-2.0 */
/* filter_server.c - which server a record is of, where it does not say its name itself */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/table.h"
#include "cli/filter.h"
#include "cli/filter_priv.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/render.h"

/* Servers, and processes of theirs. */
#define SERVERS_MAX 65536
#define ID_LEN	    44
/* Between two records of one process the clock may be set back by less. */
#define CLOCK_SLACK_NS 2000000000ll

struct id_key {
	char id[ID_LEN];
	uint32_t input;
};

struct pid_key {
	uint64_t pid, input;
};

struct server {
	struct id_key key;
	struct mw_matched called; /* by any of its names, its key, its id */
	struct mw_matched shown;  /* by what lines show of one without a name */
	bool named;
};

/* What was the process before it was known to be a server. */
struct process {
	struct pid_key key;
	struct process *before; /* another that had the number */
	const struct server *server;
	uint64_t start_ns, seen_ns; /* CLOCK_BOOTTIME */
	int64_t began_ns;	    /* since 1970 */
};

struct mw_filter_servers {
	struct mw_table *by_id, *by_pid;
	size_t n_processes;
	uint64_t missed;
};

static uint64_t number(struct mw_slice raw)
{
	uint64_t v = 0;

	for (size_t i = 0; i < raw.n; i++)
		if (raw.p[i] < '0' || raw.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(raw.p[i] - '0'), &v))
			return 0;
	return v;
}

static struct mw_slice member(struct mw_slice object, const char *name)
{
	struct mw_slice v = mw_slice(NULL, 0);

	if (object.n && object.p[0] == '{' && mw_json_member(object, name, &v, NULL) < 0)
		v = mw_slice(NULL, 0);
	return v;
}

/* Ids are our own words, without escapes; one that is longer is not ours. */
static bool id_of(const struct mw_logrec *rec, struct id_key *ret)
{
	const struct mw_slice server = mw_logrec_get(rec, "server");
	const struct mw_slice id = server.n && server.p[0] == '{' ? member(server, "id") : server;

	*ret = (struct id_key){ .input = (uint32_t)rec->input };
	if (id.n < 3 || id.p[0] != '"' || id.n - 2 >= ID_LEN)
		return false;
	memcpy(ret->id, id.p + 1, id.n - 2);
	return true;
}

static int servers_new(struct mw_filter_servers **ret)
{
	struct mw_filter_servers *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (mw_table_new(&mw_heap, sizeof(struct id_key), SERVERS_MAX, &s->by_id) < 0 ||
	    mw_table_new(&mw_heap, sizeof(struct pid_key), SERVERS_MAX, &s->by_pid) < 0) {
		mw_table_free(s->by_id);
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

/* *ret NULL: there is no room for it. */
static int server_at(struct mw_filter_servers *s, const struct id_key *key, struct server **ret)
{
	struct server *v = mw_table_get(s->by_id, key);
	int r;

	*ret = v;
	if (v)
		return 0;
	if (mw_table_count(s->by_id) == SERVERS_MAX) {
		s->missed++;
		return 0;
	}
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->key = *key;
	r = mw_table_put(s->by_id, &v->key, v);
	if (r < 0) {
		free(v);
		return r;
	}
	*ret = v;
	return 0;
}

/* Of its first record the time counts: from then on its effects name it. */
static int learn_process(struct mw_filter_servers *s, const struct server *v,
			 const struct mw_logrec *rec)
{
	const struct mw_slice server = mw_logrec_get(rec, "server");
	struct process now = { .key = { number(member(server, "pid")), rec->input },
			       .server = v,
			       .start_ns = number(member(server, "start_ns")),
			       .seen_ns = number(mw_logrec_get(rec, "boot_ns")) };
	struct process *p, *first = mw_table_get(s->by_pid, &now.key);
	int r = 0;

	for (p = first; p; p = p->before)
		if (p->server == v)
			return 0;
	if (!now.key.pid || !now.start_ns || now.seen_ns < now.start_ns ||
	    now.seen_ns > INT64_MAX ||
	    __builtin_sub_overflow(rec->time_ns, (int64_t)(now.seen_ns - now.start_ns),
				   &now.began_ns))
		return 0;
	if (s->n_processes == SERVERS_MAX) {
		s->missed++;
		return 0;
	}
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = now;
	if (first) {
		p->before = first->before;
		first->before = p;
	} else {
		r = mw_table_put(s->by_pid, &p->key, p);
	}
	if (r < 0)
		free(p);
	else
		s->n_processes++;
	return r;
}

int mw_filter_learn(struct mw_filter *f, const struct mw_logrec *rec)
{
	static const char *const want[] = { "name", "configured_name", "key", "id", NULL };
	const struct mw_slice server = mw_logrec_get(rec, "server");
	struct mw_slice v[4];
	struct id_key key;
	struct server *s;
	int r;

	if (!f->servers.n || strcmp(rec->type, "server") != 0 || !id_of(rec, &key))
		return 0;
	if (!f->known) {
		r = servers_new(&f->known);
		if (r < 0)
			return r;
	}
	r = server_at(f->known, &key, &s);
	if (r < 0 || !s)
		return r;
	mw_filter_members(server, want, v);
	for (size_t i = 0; i < 4; i++)
		mw_filter_see_name(&f->servers, v[i], &s->called);
	s->named |= v[0].n || v[1].n;
	mw_filter_see_shown(&f->servers, v[2], &s->shown);
	return learn_process(f->known, s, rec);
}

uint64_t mw_filter_missed(const struct mw_filter *f)
{
	return f->known ? f->known->missed : 0;
}

/* The one whose process did that before it was known to be a server. */
static const struct server *of_process(const struct mw_filter_servers *s,
				       const struct mw_logrec *rec)
{
	const struct pid_key key = { number(mw_logrec_get(rec, "pid")), rec->input };
	const uint64_t ns = number(mw_logrec_get(rec, "boot_ns"));
	const struct process *p = key.pid ? mw_table_get(s->by_pid, &key) : NULL;

	for (; p; p = p->before)
		if (ns >= p->start_ns && ns <= p->seen_ns &&
		    rec->time_ns >= p->began_ns - CLOCK_SLACK_NS)
			return p->server;
	return NULL;
}

void mw_filter_see_server(const struct mw_filter *f, const struct mw_logrec *rec,
			  struct mw_matched *m)
{
	const struct server *s = NULL;
	struct id_key key;

	if (!f->known)
		return;
	if (id_of(rec, &key))
		s = mw_table_get(f->known->by_id, &key);
	else if (!mw_logrec_get(rec, "server").n)
		s = of_process(f->known, rec);
	if (!s)
		return;
	m->yes |= s->called.yes || (!s->named && s->shown.yes);
	m->no |= s->called.no || (!s->named && s->shown.no);
}

void mw_filter_servers_free(struct mw_filter_servers *s)
{
	struct process *p, *before;
	struct server *v;
	size_t pos = 0;

	if (!s)
		return;
	while ((p = mw_table_next(s->by_pid, &pos)))
		for (; p; p = before) {
			before = p->before;
			free(p);
		}
	pos = 0;
	while ((v = mw_table_next(s->by_id, &pos)))
		free(v);
	mw_table_free(s->by_pid);
	mw_table_free(s->by_id);
	free(s);
}
