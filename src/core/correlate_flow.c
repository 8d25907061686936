/* SPDX-License-Identifier: Apache-2.0 */
/*
 * correlate_flow.c - what is done on one file, connection or path belongs together
 *
 * Invariant: a group without members that wait keeps the tie it was decided with; `torn` ones say
 * nothing any more.
 *
 * What is opened in one call may serve others: a pool of connections, a database that is opened at
 * its first use. So only the close of a file, while the call is open, is as certain as the opening;
 * of the requests on a connection only the first is tied by it; and nothing is after the call's
 * end.
 */
#include "core/correlate_priv.h"

#include <errno.h>

#include "base/hash.h"

/* How long after its opening a path still stands for what was done on it. */
#define PATH_NS 10000000000ull

static const char why_file[] = "done on the file that an effect of this call opened";
static const char why_socket[] = "done on the connection that an effect of this call made";
static const char why_unconfirmed[] =
    "done on what an effect of this call opened, which only the server's own end shows";
static const char why_nobody[] = "done on the file that was opened for no open call";
static const char why_path[] =
    "done on the path that an effect of this call had opened or made shortly before";

static const char *why_of(const struct mw_corr_group *g)
{
	return g->key.kind == MW_SAME_FILE     ? why_file
	       : g->key.kind == MW_SAME_SOCKET ? why_socket
					       : why_path;
}

static bool object_key(const struct mw_action *act, struct mw_corr_group_key *ret)
{
	if (act->file)
		*ret = (struct mw_corr_group_key){ MW_SAME_FILE, act->file, 0 };
	else if (act->chan || act->gen)
		*ret = (struct mw_corr_group_key){ MW_SAME_SOCKET, act->chan, act->gen };
	else
		return false;
	return true;
}

static bool is_path(struct mw_slice s)
{
	return s.n > 1 && s.p[0] == '/';
}

static struct mw_corr_group_key path_key(const struct mw_kin_server *s, struct mw_slice path)
{
	const uint64_t seed = s->key.start_ns ^ s->key.tgid << 40;

	return (struct mw_corr_group_key){ MW_SAME_PATH, mw_hash64(path, seed),
					   mw_hash64(path, ~seed) };
}

/* Opens and makes something there. */
static bool begins(const struct mw_action *act)
{
	switch (act->kind) {
	case MW_EFFECT_FILE_OPEN:
	case MW_EFFECT_FILE_MKDIR:
	case MW_EFFECT_FILE_MKNOD:
	case MW_EFFECT_NET_CONNECT:
		return true;
	default:
		return false;
	}
}

/* One of several that a connection may carry for different calls. */
static bool is_request(enum mw_effect_kind kind)
{
	return kind == MW_EFFECT_NET_HTTP || kind == MW_EFFECT_DB_STATEMENT;
}

/* Is done to a path that something made or opened. */
static bool follows(const struct mw_action *act)
{
	switch (act->kind) {
	case MW_EFFECT_FILE_DELETE:
	case MW_EFFECT_FILE_RENAME:
	case MW_EFFECT_FILE_TRUNCATE:
	case MW_EFFECT_FILE_CHMOD:
	case MW_EFFECT_FILE_CHOWN:
	case MW_EFFECT_FILE_LINK:
	case MW_EFFECT_FILE_RMDIR:
	case MW_EFFECT_FILE_UTIMES:
	case MW_EFFECT_FILE_XATTR:
	case MW_EFFECT_FILE_CLOSE:
		return true;
	default:
		return false;
	}
}

/* Who only reads a file, as many may, says nothing of who acts on its path. */
static bool makes_path(const struct mw_action *act)
{
	const bool writes = act->mode[0] && strcmp(act->mode, "r") != 0;

	return act->ret >= 0 && is_path(act->target) && begins(act) &&
	       (act->kind != MW_EFFECT_FILE_OPEN || writes) && !act->is_dir;
}

/* --- groups --------------------------------------------------------------------------------------
 */

void mw_corr_flow_leave(struct mw_claim *cl)
{
	for (int i = 0; i < MW_GROUPS; i++) {
		struct mw_corr_group *g = cl->group[i];

		if (!g)
			continue;
		*(cl->group_prev[i] ? &cl->group_prev[i]->group_next[i] : &g->members) =
		    cl->group_next[i];
		if (cl->group_next[i])
			cl->group_next[i]->group_prev[i] = cl->group_prev[i];
		cl->group[i] = NULL;
		cl->group_prev[i] = cl->group_next[i] = NULL;
		if (g->detached && !g->members)
			mw_alloc_free(cl->mind->a, g, sizeof(*g));
	}
}

static int index_of(const struct mw_corr_group *g)
{
	return g->key.kind == MW_SAME_PATH ? MW_GROUP_PATH : MW_GROUP_OBJECT;
}

static void join(struct mw_corr_group *g, struct mw_claim *cl)
{
	const int i = index_of(g);

	if (cl->group[i])
		return;
	cl->group[i] = g;
	cl->group_next[i] = g->members;
	if (g->members)
		g->members->group_prev[i] = cl;
	g->members = cl;
}

/* Nothing joins it any more. */
static void let_go(struct mw_correlate *c, struct mw_corr_group *g)
{
	mw_table_remove(c->groups, &g->key);
	g->detached = true;
	if (!g->members)
		mw_alloc_free(c->a, g, sizeof(*g));
}

void mw_corr_flow_free(struct mw_correlate *c)
{
	struct mw_corr_group *g;

	while (c->groups && (g = mw_table_oldest(c->groups)))
		let_go(c, g);
	mw_table_free(c->groups);
	c->groups = NULL;
}

static struct mw_corr_group *find(const struct mw_correlate *c, const struct mw_corr_group_key *key,
				  const struct mw_kin_node *n)
{
	struct mw_corr_group *g = mw_table_get(c->groups, key);

	return g && mw_prockey_eq(g->server, n->server->key) ? g : NULL;
}

/* A new one in the place of what was known by this key. NULL: no memory. */
static struct mw_corr_group *begin(struct mw_correlate *c, const struct mw_corr_group_key *key,
				   const struct mw_kin_node *n, uint64_t ts_ns)
{
	struct mw_corr_group *g = mw_table_get(c->groups, key);
	int r;

	if (g)
		let_go(c, g);
	g = mw_alloc_zero(c->a, sizeof(*g));
	if (!g)
		return NULL;
	g->key = *key;
	g->server = n->server->key;
	g->ts_ns = ts_ns;
	while ((r = mw_table_put(c->groups, &g->key, g)) == -ENOSPC) {
		let_go(c, mw_table_oldest(c->groups));
		c->stats.flows_evicted++;
	}
	if (r == 0)
		return g;
	mw_alloc_free(c->a, g, sizeof(*g));
	return NULL;
}

/* Its tie, as far as a path can be trusted; the members that wait follow. */
static void decide(struct mw_corr_group *g, struct mw_corr_call *call, bool certain,
		   bool by_runtime, const struct mw_claim *but)
{
	const int i = index_of(g);
	struct mw_claim *cl, *next;

	certain &= g->key.kind == MW_SAME_FILE;
	if (g->torn || (g->call == call->id && (g->certain || !certain)))
		return;
	if (g->call && g->call != call->id && g->certain == certain)
		g->torn = true;
	else if (g->call && g->call != call->id && g->certain)
		return;
	g->call = g->torn ? 0 : call->id;
	g->certain = certain;
	g->by_runtime = by_runtime;
	for (cl = g->members; cl; cl = next) {
		next = cl->group_next[i];
		if (cl == but || cl->proven || cl->torn)
			continue;
		if (g->torn && cl->link == MW_LINK_FLOW)
			mw_claim_lean(cl, NULL, MW_LINK_SHARED, MW_CONF_SHARED, false, cl->why);
		else if (!g->torn && (!cl->lean || cl->link == MW_LINK_FLOW || certain) &&
			 mw_claim_could_be(cl, call, g->server))
			mw_claim_lean(cl, call, MW_LINK_FLOW,
				      certain && cl->kind == MW_EFFECT_FILE_CLOSE ? MW_CONF_CERTAIN
										  : MW_CONF_LIKELY,
				      by_runtime, why_of(g));
	}
}

void mw_corr_flow_decided(struct mw_claim *cl)
{
	for (int i = 0; i < MW_GROUPS; i++)
		if (cl->group[i] && cl->lean)
			decide(cl->group[i], cl->lean, cl->confidence == MW_CONF_CERTAIN,
			       cl->by_runtime, cl);
}

/* --- one effect ----------------------------------------------------------------------------------
 */

static bool put_flow(const struct mw_correlate *c, const struct mw_corr_group *g, bool certain,
		     struct mw_tie *tie)
{
	if (mw_corr_call(c, g->call)->unconfirmed) {
		mw_corr_put_shared(tie, why_unconfirmed);
		tie->candidates[0] = g->call;
		tie->n_candidates = 1;
		tie->sent = g->call;
		tie->later = MW_LINK_FLOW;
		return true;
	}
	mw_corr_put_one(tie, MW_LINK_FLOW, g->call, why_of(g));
	if (certain)
		tie->confidence = MW_CONF_CERTAIN;
	tie->by_runtime = g->by_runtime;
	return true;
}

bool mw_corr_by_flow(struct mw_correlate *c, const struct mw_kin_node *n,
		     const struct mw_action *act, bool certain, struct mw_tie *tie)
{
	struct mw_corr_group_key key;
	const struct mw_corr_group *g;

	if (!begins(act) && object_key(act, &key)) {
		g = find(c, &key, n);
		if (g && g->nobody && act->kind == MW_EFFECT_FILE_CLOSE) {
			tie->why = why_nobody;
			return true;
		}
		if (g && g->late && act->kind == MW_EFFECT_FILE_CLOSE) {
			mw_corr_put_one(tie, MW_LINK_FLOW, g->late, why_of(g));
			tie->by_runtime = tie->after = true;
			return true;
		}
		if (g && g->call && !(is_request(act->kind) && g->requested) &&
		    certain == (g->certain && act->kind == MW_EFFECT_FILE_CLOSE) &&
		    !mw_corr_had_ended(c, g->call, act->ts_ns))
			return put_flow(c, g, certain, tie);
	}
	if (certain || !follows(act) || !is_path(act->target))
		return false;
	key = path_key(n->server, act->target);
	g = find(c, &key, n);
	if (!g || !g->call || act->ts_ns - g->ts_ns > PATH_NS ||
	    mw_corr_had_ended(c, g->call, act->ts_ns))
		return false;
	return put_flow(c, g, false, tie);
}

static int note_group(struct mw_correlate *c, const struct mw_kin_node *n,
		      const struct mw_action *act, const struct mw_tie *tie, struct mw_claim *cl,
		      const struct mw_corr_group_key *key, bool begin_it)
{
	/* also of one that the client has not confirmed yet, if its task says so */
	const uint64_t id = tie->call					? tie->call
			    : tie->sent && tie->later == MW_LINK_CAUSAL ? tie->sent
									: 0;
	struct mw_corr_call *call = id ? mw_corr_call(c, id) : NULL;
	struct mw_corr_group *g = begin_it ? begin(c, key, n, act->ts_ns) : find(c, key, n);

	if (!g)
		return begin_it ? -ENOMEM : 0;
	if (is_request(act->kind)) {
		if (g->requested)
			return 0;
		g->requested = true;
	}
	if (begin_it) {
		g->nobody = tie->excluded || (n->is_server && tie->after && !tie->call);
		g->late = n->is_server && tie->after ? tie->call : 0;
	}
	if (cl && (begin_it || !g->call || cl->link != MW_LINK_FLOW))
		join(g, cl);
	if (call && (begin_it || (tie->link != MW_LINK_SOLE && tie->link != MW_LINK_FLOW)))
		decide(g, call, tie->confidence == MW_CONF_CERTAIN, tie->by_runtime, cl);
	return 0;
}

int mw_corr_flow_note(struct mw_correlate *c, const struct mw_kin_node *n,
		      const struct mw_action *act, const struct mw_tie *tie, struct mw_claim *cl)
{
	const bool object_begins = begins(act) && act->ret >= 0;
	struct mw_corr_group_key key;
	int r = 0;

	if (object_key(act, &key) && (object_begins || !begins(act)))
		r = note_group(c, n, act, tie, cl, &key, object_begins);
	if (r == 0 && (makes_path(act) || (follows(act) && is_path(act->target)))) {
		key = path_key(n->server, act->target);
		r = note_group(c, n, act, tie, cl, &key, makes_path(act));
	}
	return r;
}
