/* SPDX-License-Identifier: Apache-2.0 */
/* scope_find.c - servers, their clients, and what the configuration says of a process */
#include <errno.h>

#include "io/discover.h"
#include "io/scope_priv.h"

#define DEPTH_MAX   64
#define HOLDERS_MAX 16
#define ASK_STEP_NS 100000000ull

/* --- STREAM tags ---------------------------------------------------------------------------------
 */

void mw_stream_ref(struct mw_scope *s, uint32_t tgid)
{
	struct mw_stream_tag *t = mw_table_get(s->streams, &tgid);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t || mw_table_put(s->streams, &tgid, t) < 0) {
			free(t);
			mw_scope_refuse(s);
			return;
		}
		t->tgid = tgid;
	}
	t->refs++;
	t->idle_ns = 0;
	if (!(s->ops->tag_of(s->ctx, tgid) & MW_TAG_OBSERVED))
		(void)mw_scope_tag(s, tgid, MW_TAG_STREAM, 0);
}

/* A shell starts one pipeline after the other: the tag goes only when none has come for a while. */
void mw_stream_unref(struct mw_scope *s, uint32_t tgid)
{
	struct mw_stream_tag *t = mw_table_get(s->streams, &tgid);

	if (t && t->refs && --t->refs == 0)
		t->idle_ns = s->ops->now(s->ctx);
}

static void streams_tick(struct mw_scope *s, uint64_t ts_ns)
{
	struct mw_stream_tag *t;
	size_t pos = 0;

	while ((t = mw_table_next(s->streams, &pos))) {
		if (t->refs || t->idle_ns + MW_SCOPE_LINGER_NS >= ts_ns)
			continue;
		(void)mw_scope_tag(s, t->tgid, 0, MW_TAG_STREAM);
		(void)mw_table_remove(s->streams, &t->tgid);
		free(t);
	}
}

/* --- channels nobody is to be seen on ------------------------------------------------------------
 */

void mw_scope_unhide(struct mw_scope *s, uint64_t chan)
{
	if (mw_table_count(s->hidden))
		free(mw_table_remove(s->hidden, &chan));
}

bool mw_scope_is_hidden(const struct mw_scope *s, uint64_t chan)
{
	return mw_table_count(s->hidden) && mw_table_get(s->hidden, &chan);
}

static void hide_chan(struct mw_scope *s, uint64_t chan)
{
	struct mw_control drop = { .kind = MW_CONTROL_CHAN_DROP, .chan = chan };
	struct mw_hidden *h, *old;

	(void)s->ops->control(s->ctx, &drop);
	mw_scope_unhide(s, chan);
	h = malloc(sizeof(*h));
	if (!h) {
		mw_scope_refuse(s);
		return;
	}
	*h = (struct mw_hidden){ chan, s->ops->now(s->ctx) + MW_SCOPE_LINGER_NS };
	if (mw_table_count(s->hidden) == MW_SCOPE_HIDDEN_MAX) {
		old = mw_table_oldest(s->hidden);
		mw_scope_unhide(s, old->chan);
	}
	if (mw_table_put(s->hidden, &chan, h) < 0) {
		free(h);
		mw_scope_refuse(s);
	}
}

void mw_scope_hide(struct mw_scope *s, const struct mw_tree *t)
{
	/* who is to be watched is seen on all its channels */
	if (s->ops->tag_of(s->ctx, (uint32_t)t->parent.tgid) & MW_TAG_OBSERVED)
		return;
	hide_chan(s, t->chan_in);
	hide_chan(s, t->chan_out);
}

static void hidden_tick(struct mw_scope *s, uint64_t ts_ns)
{
	struct mw_hidden *h;

	while ((h = mw_table_oldest(s->hidden)) && h->due_ns < ts_ns)
		mw_scope_unhide(s, h->chan);
}

/* --- what the configuration says -----------------------------------------------------------------
 */

bool mw_scope_has_lists(const struct mw_scope *s)
{
	return s->config->watch.n || s->config->ignore.n;
}

enum mw_verdict_of mw_scope_judge(const struct mw_scope *s, const struct mw_config_who *who)
{
	if (mw_config_match(&s->config->watch, who))
		return MW_WATCHED;
	return mw_config_match(&s->config->ignore, who) ? MW_IGNORED : MW_FREE;
}

static enum mw_verdict_of judge_pid(struct mw_scope *s, uint32_t pid, uint32_t *ret_ppid)
{
	struct mw_config_who who;

	*ret_ppid = 0;
	if (s->ops->look(s->ctx, pid, &s->look) < 0)
		return MW_FREE;
	*ret_ppid = s->look.ppid;
	who = (struct mw_config_who){ s->look.exe, s->look.argv, s->look.cgroup, s->look.uid };
	return mw_scope_judge(s, &who);
}

enum mw_verdict_of mw_scope_verdict(struct mw_scope *s, uint32_t pid)
{
	enum mw_verdict_of v = MW_FREE;

	if (!mw_scope_has_lists(s))
		return MW_FREE;
	for (int i = 0; pid && v == MW_FREE && i < DEPTH_MAX; i++)
		v = judge_pid(s, pid, &pid);
	return v;
}

/* --- a process that runs already becomes observed ------------------------------------------------
 */

static void observe_one(struct mw_scope *s, uint32_t tgid)
{
	struct mw_member *m;
	size_t pos = 0;

	/* a candidate that is below brings its tree, with what was held of it */
	while ((m = mw_table_next(s->members, &pos)))
		if (m->key.tgid == tgid && !m->ended && m->tree->state == MW_TREE_HELD) {
			mw_tree_promote(s, m->tree);
			break;
		}
	(void)mw_scope_tag(s, tgid, MW_TAG_OBSERVED, MW_TAG_CANDIDATE | MW_TAG_STREAM);
	/* it ended meanwhile: then the pid must not keep the tag for whoever gets it next */
	if (s->ops->snapshot(s->ctx, tgid) == -ESRCH)
		(void)mw_scope_tag(s, tgid, 0, MW_TAG_OBSERVED);
}

static bool has(const uint32_t *list, size_t n, uint32_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == pid)
			return true;
	return false;
}

#define BELOW_MAX 1024

void mw_scope_observe(struct mw_scope *s, uint32_t tgid)
{
	uint32_t *pids = NULL, *parents, below[BELOW_MAX];
	size_t n = 0, n_below = 1, before, i;

	observe_one(s, tgid);
	if (s->ops->pids(s->ctx, &pids, &n) < 0)
		return;
	parents = calloc(n + 1, sizeof(*parents));
	for (i = 0; parents && i < n; i++)
		parents[i] = s->ops->parent(s->ctx, pids[i]);
	below[0] = tgid;
	do {
		before = n_below;
		for (i = 0; parents && i < n && n_below < BELOW_MAX; i++)
			if (parents[i] && has(below, n_below, parents[i]) &&
			    !has(below, n_below, pids[i]))
				below[n_below++] = pids[i];
	} while (n_below != before && n_below < BELOW_MAX);
	if (n_below == BELOW_MAX)
		mw_scope_refuse(s);
	for (i = 1; i < n_below; i++)
		observe_one(s, below[i]);
	free(parents);
	free(pids);
}

/* --- servers -------------------------------------------------------------------------------------
 */

static struct mw_found_server *server_of(struct mw_scope *s, struct mw_prockey key)
{
	struct mw_found_server *v = mw_table_get(s->servers, &key);

	if (v)
		return v;
	v = calloc(1, sizeof(*v));
	if (!v || mw_table_put(s->servers, &key, v) < 0) {
		free(v);
		mw_scope_refuse(s);
		return NULL;
	}
	v->key = key;
	return v;
}

static bool port_is_served(const struct mw_scope *s, uint16_t port)
{
	const struct mw_found_server *v;
	size_t pos = 0;

	while ((v = mw_table_next(s->servers, &pos)))
		if (v->port == port)
			return true;
	return false;
}

static void forget_server(struct mw_scope *s, struct mw_found_server *v)
{
	(void)mw_table_remove(s->servers, &v->key);
	if (v->port && !port_is_served(s, v->port))
		s->ops->mcp_port(s->ctx, v->port, false);
	while (v->n_clients)
		mw_stream_unref(s, v->clients[--v->n_clients]);
	free(v);
}

void mw_scope_ended(struct mw_scope *s, struct mw_prockey key)
{
	const uint32_t tgid = (uint32_t)key.tgid;
	struct mw_found_server *v = mw_table_get(s->servers, &key);

	if (v)
		forget_server(s, v);
	free(mw_table_remove(s->streams, &tgid));
}

static void on_server(struct mw_scope *s, const struct mw_control *c)
{
	struct mw_prockey key = { c->start_ns, c->tgid };
	struct mw_member *m = mw_member_get(s, key);
	struct mw_found_server *v = server_of(s, key);
	struct mw_tree *t = NULL;

	if (mw_scope_has_lists(s) && mw_scope_verdict(s, c->tgid) == MW_IGNORED)
		return;
	if (m && m->tree->state == MW_TREE_HELD)
		/* what wraps a stdio server holds its channels; what started one of HTTP need not
		 * belong to it */
		t = c->addr.family ? mw_tree_split(s, m) : m->tree;
	if (t)
		mw_tree_promote(s, t);
	else if (!(m && m->ended) && !(s->ops->tag_of(s->ctx, c->tgid) & MW_TAG_OBSERVED))
		mw_scope_observe(s, c->tgid);
	if (v && c->addr.family && v->port != c->addr.port) {
		v->port = c->addr.port;
		s->ops->mcp_port(s->ctx, v->port, true);
	}
	/* last: it reads files, and meanwhile what the server does is to be seen already */
	if (v && !v->named)
		v->named = mw_scope_name(s, c, 0);
}

/* --- clients -------------------------------------------------------------------------------------
 */

static void on_client(struct mw_scope *s, const struct mw_fd_info *files, size_t n,
		      const struct mw_control *c)
{
	struct mw_found_server *v = server_of(s, (struct mw_prockey){ c->start_ns, c->tgid });
	uint32_t who[HOLDERS_MAX];
	size_t k = mw_discover_holders(files, n, c, who, HOLDERS_MAX), i;

	for (i = 0; v && i < k; i++) {
		if (who[i] == s->self || s->ops->tag_of(s->ctx, who[i]) & MW_TAG_OBSERVED ||
		    has(v->clients, v->n_clients, who[i]) ||
		    mw_scope_verdict(s, who[i]) == MW_IGNORED)
			continue;
		if (v->n_clients == MW_SCOPE_CLIENTS_EACH)
			mw_stream_unref(s, v->clients[--v->n_clients]);
		v->clients[v->n_clients++] = who[i];
		mw_stream_ref(s, who[i]);
		(void)s->ops->snapshot(s->ctx, who[i]);
		if (!v->named)
			v->named = mw_scope_name(s, c, who[i]);
	}
}

/* One look at all open files answers all questions so far. */
static void find_clients(struct mw_scope *s)
{
	struct mw_fd_info *files = NULL;
	size_t n = 0, i;

	if (!s->n_clients)
		return;
	if (s->ops->files(s->ctx, &files, &n) == 0)
		for (i = 0; i < s->n_clients; i++)
			on_client(s, files, n, &s->clients[i]);
	free(files);
	s->n_clients = 0;
	s->asked_ns = s->ops->now(s->ctx);
}

static void ask_client(struct mw_scope *s, const struct mw_control *c)
{
	if (s->n_clients == MW_SCOPE_CLIENTS_MAX) {
		s->stats.refused++; /* its conversation is one-sided, and says so */
		return;
	}
	s->clients[s->n_clients++] = *c;
	if (s->ops->now(s->ctx) > s->asked_ns + ASK_STEP_NS)
		find_clients(s);
}

/* --- channels that turned out to be none of MCP --------------------------------------------------
 */

static void on_drop(struct mw_scope *s, uint64_t chan)
{
	struct mw_found_pair *p = mw_table_remove(s->pairs, &chan);
	struct mw_tree *t, *next;

	if (p) {
		mw_stream_unref(s, p->a);
		mw_stream_unref(s, p->b);
		free(p);
	}
	for (t = s->trees; t; t = next) {
		next = t->next;
		if (t->state == MW_TREE_HELD && (t->chan_in == chan || t->chan_out == chan))
			mw_tree_let_go(s, t);
	}
}

void mw_scope_control(void *scope, const struct mw_control *c)
{
	struct mw_scope *s = scope;

	switch (c->kind) {
	case MW_CONTROL_SERVER:
		on_server(s, c);
		break;
	case MW_CONTROL_CLIENT:
		ask_client(s, c);
		break;
	case MW_CONTROL_CHAN_DROP:
		on_drop(s, c->chan);
		(void)s->ops->control(s->ctx, c);
		break;
	case MW_CONTROL_CHAN_KEEP:
	case MW_CONTROL_ENV:
		/* an entry that is gone already needs no verdict */
		(void)s->ops->control(s->ctx, c);
		break;
	}
}

void mw_scope_find_tick(struct mw_scope *s, uint64_t ts_ns)
{
	find_clients(s);
	streams_tick(s, ts_ns);
	hidden_tick(s, ts_ns);
}

/* --- what runs already ---------------------------------------------------------------------------
 */

/* Several processes may hold one listening socket. */
static bool is_first(const struct mw_fd_info *files, const struct mw_fd_info *f)
{
	for (; files < f; files++)
		if (files->is == MW_FD_LISTEN && files->chan == f->chan)
			return false;
	return true;
}

static void add_listeners(struct mw_scope *s, const struct mw_fd_info *files, size_t n,
			  struct mw_scope_found *found)
{
	for (const struct mw_fd_info *f = files; f < files + n; f++) {
		if (f->is != MW_FD_LISTEN)
			continue;
		/* a count of sockets, which the kernel side keeps up from now on */
		if (!s->scanned && is_first(files, f))
			s->ops->listen_port(s->ctx, f->local.port, true);
		if (f->tgid == s->self || s->ops->tag_of(s->ctx, f->tgid) & MW_TAG_LISTENER ||
		    mw_scope_verdict(s, f->tgid) == MW_IGNORED)
			continue;
		(void)mw_scope_tag(s, f->tgid, MW_TAG_LISTENER, 0);
		if (s->ops->snapshot(s->ctx, f->tgid) == -ESRCH)
			(void)mw_scope_tag(s, f->tgid, 0, MW_TAG_LISTENER);
		else
			found->listeners++;
	}
}

static void add_pair(struct mw_scope *s, const struct mw_pair *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct mw_found_pair *c;

		if (mw_table_get(s->pairs, &p->chans[i].chan))
			continue;
		c = calloc(1, sizeof(*c));
		if (!c)
			return;
		*c = (struct mw_found_pair){ p->chans[i].chan, p->a, p->b };
		if (mw_table_put(s->pairs, &c->chan, c) < 0) {
			free(c);
			mw_scope_refuse(s);
			return;
		}
		if (s->ops->watch(s->ctx, p->chans[i].chan, p->chans[i].ino) < 0) {
			free(mw_table_remove(s->pairs, &p->chans[i].chan));
			continue;
		}
		mw_stream_ref(s, p->a);
		mw_stream_ref(s, p->b);
	}
	(void)s->ops->snapshot(s->ctx, p->a);
	(void)s->ops->snapshot(s->ctx, p->b);
}

static int discover(struct mw_scope *s, struct mw_scope_found *found)
{
	struct mw_fd_info *files = NULL;
	struct mw_pair *pairs = NULL;
	size_t n = 0, n_pairs = 0, i;
	int r = s->ops->files(s->ctx, &files, &n);

	if (r < 0)
		return r;
	add_listeners(s, files, n, found);
	s->scanned = true;
	r = mw_discover_pairs(files, n, s->self, MW_SCOPE_PAIRS_MAX, &pairs, &n_pairs);
	for (i = 0; r == 0 && i < n_pairs; i++) {
		if (mw_scope_verdict(s, pairs[i].a) == MW_IGNORED ||
		    mw_scope_verdict(s, pairs[i].b) == MW_IGNORED)
			continue;
		add_pair(s, &pairs[i]);
		found->pairs++;
	}
	free(pairs);
	free(files);
	return r;
}

/* Leaves a process alone that was looked at so far. */
static void drop_process(struct mw_scope *s, uint32_t tgid, unsigned int tag)
{
	struct mw_found_server *v;
	struct mw_prockey key;
	size_t pos = 0;

	(void)mw_scope_tag(s, tgid, 0, tag);
	while ((v = mw_table_next(s->servers, &pos)))
		if (v->key.tgid == tgid) {
			key = v->key;
			forget_server(s, v);
			mw_scope_say_gone(s, key);
			return;
		}
}

/* Holds every process against the lists: first what is to be watched, as it brings what is below.
 */
static int apply_lists(struct mw_scope *s, struct mw_scope_found *found)
{
	uint32_t *pids = NULL, ppid;
	enum mw_verdict_of own;
	unsigned int tag;
	size_t n = 0, i;
	int r;

	if (!mw_scope_has_lists(s))
		return 0;
	r = s->ops->pids(s->ctx, &pids, &n);
	for (i = 0; r == 0 && i < n; i++) {
		if (pids[i] == s->self || judge_pid(s, pids[i], &ppid) != MW_WATCHED)
			continue;
		if (!(s->ops->tag_of(s->ctx, pids[i]) & MW_TAG_OBSERVED))
			mw_scope_observe(s, pids[i]);
		found->watched++;
	}
	for (i = 0; r == 0 && i < n && s->config->ignore.n; i++) {
		tag = s->ops->tag_of(s->ctx, pids[i]);
		if (!tag || pids[i] == s->self)
			continue;
		own = judge_pid(s, pids[i], &ppid);
		if (own == MW_IGNORED ||
		    (own == MW_FREE && mw_scope_verdict(s, ppid) == MW_IGNORED))
			drop_process(s, pids[i], tag);
	}
	free(pids);
	return r;
}

int mw_scope_scan(struct mw_scope *s, struct mw_scope_found *ret, int *ret_files)
{
	struct mw_scope_found found = { 0 };
	int r = apply_lists(s, &found);

	if (r < 0)
		return r;
	*ret_files = s->config->discover ? discover(s, &found) : 0;
	*ret = found;
	return 0;
}

int mw_scope_reload(struct mw_scope *s, const struct mw_config *config)
{
	struct mw_scope_found found;
	struct mw_tree *t, *next;
	int files;

	s->config = config;
	memset(s->known, 0, sizeof(s->known));
	/* undecided trees are decided by the new lists where they are asked next: at their next
	 * EXEC; what is to be ignored now goes at once */
	for (t = s->trees; t; t = next) {
		next = t->next;
		if (t->state != MW_TREE_HELD ||
		    (config->discover && mw_scope_verdict(s, (uint32_t)t->root.tgid) != MW_IGNORED))
			continue;
		mw_scope_hide(s, t);
		mw_tree_let_go(s, t);
	}
	return mw_scope_scan(s, &found, &files);
}

void mw_scope_find_free(struct mw_scope *s)
{
	struct mw_found_server *v;
	size_t pos = 0;
	void *p;

	while (s->servers && (v = mw_table_next(s->servers, &pos)))
		free(v);
	pos = 0;
	while (s->streams && (p = mw_table_next(s->streams, &pos)))
		free(p);
	pos = 0;
	while (s->pairs && (p = mw_table_next(s->pairs, &pos)))
		free(p);
	pos = 0;
	while (s->hidden && (p = mw_table_next(s->hidden, &pos)))
		free(p);
	mw_table_free(s->hidden);
	mw_table_free(s->servers);
	mw_table_free(s->streams);
	mw_table_free(s->pairs);
}
