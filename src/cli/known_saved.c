/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_saved.c - what is known as bytes, for an index to keep, and back
 *
 * One description serves both ways (walk.h). Numbers are LEB128, texts have their length + 1 before
 * them (0: there is none). It is read as somebody else's file: lengths are checked, numbers of
 * things bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "cli/known_priv.h"
#include "io/walk.h"

#define FORM	 1
#define TEXT_MAX (1u << 20)
#define SAVE_MAX (64u << 20)

/* An index has no more room for it. */
static void raw(struct mw_walk *w, void *p, size_t n)
{
	if (w->r == 0 && w->out && w->out->len + n > SAVE_MAX)
		w->r = -E2BIG;
	mw_walk_raw(w, p, n);
}

static void u64(struct mw_walk *w, uint64_t *v)
{
	uint64_t left = *v, got = 0;
	unsigned int shift = 0;
	uint8_t c;

	do {
		c = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		raw(w, &c, 1);
		got |= (uint64_t)(c & 0x7f) << shift;
		left >>= 7;
		shift += 7;
	} while (w->r == 0 && c & 0x80 && shift < 64);
	if (w->r == 0 && !w->out)
		*v = got;
}

static void i64(struct mw_walk *w, int64_t *v)
{
	raw(w, v, sizeof(*v));
}

static void flag(struct mw_walk *w, bool *v)
{
	uint64_t n = *v;

	u64(w, &n);
	*v = n != 0;
}

/* How many there are of something. */
static void count(struct mw_walk *w, size_t *n, size_t max)
{
	uint64_t v = *n;

	u64(w, &v);
	if (w->r == 0 && v > max)
		w->r = -EBADMSG;
	*n = w->r == 0 ? (size_t)v : 0;
}

static void text(struct mw_walk *w, char **p)
{
	size_t n = *p && w->out ? strlen(*p) + 1 : 0;

	count(w, &n, TEXT_MAX);
	if (n && !w->out && w->r == 0) {
		if (n - 1 > w->in.n) {
			w->r = -EBADMSG;
			return;
		}
		*p = mw_known_must(calloc(n, 1));
	}
	if (n)
		raw(w, *p, n - 1);
	if (w->r == 0 && n && !w->out && memchr(*p, '\0', n - 1))
		w->r = -EBADMSG;
}

static void names(struct mw_walk *w, struct mw_known_names *l)
{
	size_t n = l->n;

	count(w, &n, MW_KNOWN_NAMES_MAX);
	if (n && !w->out)
		l->p = mw_known_must(calloc(MW_KNOWN_NAMES_MAX, sizeof(*l->p)));
	for (size_t i = 0; i < n && w->r == 0; i++) {
		text(w, &l->p[i].name);
		if (w->r == 0 && !l->p[i].name)
			w->r = -EBADMSG;
		if (w->r < 0 && !w->out) {
			free(l->p[i].name);
			return;
		}
		if (!w->out)
			l->n = i + 1;
		u64(w, &l->p[i].n);
		u64(w, &l->p[i].certain);
	}
	u64(w, &l->more);
}

static void server(struct mw_walk *w, struct mw_known_server *v)
{
	char **const texts[] = { &v->key,      &v->host, &v->name,    &v->version,
				 &v->exe,      &v->cwd,	 &v->addr,    &v->container,
				 &v->protocol, &v->argv, &v->tier_raw };
	struct mw_known_names *const sets[] = { &v->clients, &v->principals, &v->transports,
						&v->tiers, &v->statuses };
	uint64_t *const numbers[] = { &v->runs,	  &v->running, &v->unwatched, &v->calls,
				      &v->failed, &v->effects, &v->gaps,      &v->anomalies };
	size_t i;

	raw(w, v->id, sizeof(v->id));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		text(w, texts[i]);
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		names(w, sets[i]);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		u64(w, numbers[i]);
	for (i = 0; i < 4; i++)
		u64(w, &v->alerts[i]);
	i64(w, &v->first_ns);
	i64(w, &v->last_ns);
	flag(w, &v->matched);
	if (w->r == 0 && (!v->key || !v->host))
		w->r = -EBADMSG;
}

static void times(struct mw_walk *w, struct mw_known_tool *t)
{
	size_t n = t->n_times;

	count(w, &n, MW_KNOWN_TIMES_MAX);
	if (n && !w->out)
		t->times = mw_known_must(calloc(MW_KNOWN_TIMES_MAX, sizeof(*t->times)));
	if (n)
		raw(w, t->times, n * sizeof(*t->times));
	t->n_times = w->r == 0 ? n : 0;
	u64(w, &t->stride);
	u64(w, &t->n_timed);
	raw(w, &t->max_ms, sizeof(t->max_ms));
	if (w->r == 0 && !t->stride)
		w->r = -EBADMSG;
}

static void tool(struct mw_walk *w, struct mw_known_tool *t)
{
	char **const texts[] = { &t->name, &t->hash, &t->was, &t->definition, &t->annotations };
	struct mw_known_names *const sets[] = { &t->statuses, &t->kinds,    &t->hosts,
						&t->written,  &t->declared, &t->observed };
	uint64_t *const numbers[] = { &t->changes, &t->calls, &t->failed, &t->n_effects,
				      &t->exceeded };
	size_t i;

	raw(w, t->id, sizeof(t->id));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		text(w, texts[i]);
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		names(w, sets[i]);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		u64(w, numbers[i]);
	for (i = 0; i < 4; i++)
		u64(w, &t->alerts[i]);
	i64(w, &t->changed_ns);
	i64(w, &t->first_ns);
	i64(w, &t->last_ns);
	flag(w, &t->pinned);
	flag(w, &t->matched);
	times(w, t);
	if (w->r == 0 && !t->name)
		w->r = -EBADMSG;
}

/* The place of a server in the list. */
static void place(struct mw_walk *w, const struct mw_known *s, const struct mw_known_server **v)
{
	size_t at = 0;

	while (w->out && s->servers[at] != *v)
		at++;
	count(w, &at, s->n_servers ? s->n_servers - 1 : 0);
	if (w->r == 0 && at >= s->n_servers)
		w->r = -EBADMSG;
	if (w->r == 0)
		*v = s->servers[at];
}

static void servers(struct mw_walk *w, struct mw_known *s)
{
	size_t n = s->n_servers;

	count(w, &n, MW_KNOWN_SERVERS_MAX);
	if (!w->out && n)
		s->servers = mw_known_must(calloc(n, sizeof(struct mw_known_server *)));
	for (size_t i = 0; i < n && w->r == 0; i++) {
		if (!w->out)
			s->servers[s->n_servers++] =
			    mw_known_must(calloc(1, sizeof(struct mw_known_server)));
		server(w, s->servers[i]);
		if (!w->out && w->r == 0)
			w->r = mw_table_put(s->by_server, s->servers[i]->id, s->servers[i]);
	}
}

static void tools(struct mw_walk *w, struct mw_known *s)
{
	size_t n = s->n_tools;

	count(w, &n, MW_KNOWN_TOOLS_MAX);
	if (!w->out && n)
		s->tools = mw_known_must(calloc(n, sizeof(struct mw_known_tool *)));
	for (size_t i = 0; i < n && w->r == 0; i++) {
		if (!w->out)
			s->tools[s->n_tools++] =
			    mw_known_must(calloc(1, sizeof(struct mw_known_tool)));
		place(w, s, &s->tools[i]->server);
		tool(w, s->tools[i]);
		if (!w->out && w->r == 0)
			w->r = mw_table_put(s->by_tool, s->tools[i]->id, s->tools[i]);
	}
}

static void run(struct mw_walk *w, const struct mw_known *s, struct mw_known_run *run)
{
	const struct mw_known_server *v = run->server;
	uint64_t state = (uint64_t)run->state;

	raw(w, run->key, sizeof(run->key));
	place(w, s, &v);
	u64(w, &state);
	if (w->r == 0 && state > MW_KNOWN_UNWATCHED)
		w->r = -EBADMSG;
	if (w->out || w->r < 0)
		return;
	run->server = (struct mw_known_server *)v;
	run->state = (enum mw_known_state)state;
}

static void runs(struct mw_walk *w, struct mw_known *s)
{
	size_t n = mw_table_count(s->by_run), pos = 0;
	struct mw_known_run *v;

	count(w, &n, MW_KNOWN_RUNS_MAX);
	while (w->out && w->r == 0 && (v = mw_table_next(s->by_run, &pos)))
		run(w, s, v);
	for (; !w->out && n > 0 && w->r == 0; n--) {
		v = mw_known_must(calloc(1, sizeof(*v)));
		run(w, s, v);
		if (w->r == 0)
			w->r = mw_table_put(s->by_run, v->key, v);
		if (w->r < 0)
			free(v);
	}
}

static int all(struct mw_walk *w, struct mw_known *s, uint64_t *from)
{
	uint64_t form = FORM;

	u64(w, &form);
	if (w->r == 0 && form != FORM)
		return -EBADMSG;
	u64(w, from);
	u64(w, &s->more_servers);
	u64(w, &s->more_tools);
	servers(w, s);
	tools(w, s);
	runs(w, s);
	if (w->r == 0 && w->in.n)
		return -EBADMSG;
	return w->r == -EEXIST || w->r == -ENOSPC ? -EBADMSG : w->r;
}

int mw_known_save(struct mw_known *s, uint64_t from, struct mw_buf *out)
{
	struct mw_walk w = { .out = out };

	return all(&w, s, &from);
}

int mw_known_load(struct mw_known *s, struct mw_slice in, uint64_t *ret_from)
{
	struct mw_walk w = { .in = in };
	uint64_t from = 0;
	int r = all(&w, s, &from);

	if (r == 0)
		*ret_from = from;
	return r;
}
