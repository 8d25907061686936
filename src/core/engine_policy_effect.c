/* SPDX-License-Identifier: Apache-2.0 */
/* engine_policy_effect.c - what rules may ask of an action */
#include "core/engine_policy.h"

#include <errno.h>

#include "core/power.h"
#include "core/sql.h"

#define ANCESTORS_MAX 64
#define HOST_PATH_MAX (4u * MW_PATH_MAX)

static bool is_file(enum mw_effect_kind k)
{
	return k >= MW_EFFECT_FILE_OPEN && k <= MW_EFFECT_FILE_UMOUNT;
}

static bool has(const char *mode, const char *what)
{
	return memmem(mode, strlen(mode), what, strlen(what)) != NULL;
}

static bool writes_verb(struct mw_slice verb)
{
	static const char *const reads[] = { "GET",	"HEAD",	  "OPTIONS", "SELECT",
					     "SHOW",	"USE",	  "SET",     "DESCRIBE",
					     "DESC",	"BEGIN",  "COMMIT",  "ROLLBACK",
					     "EXPLAIN", "VALUES", "START",   "TRACE" };

	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++)
		if (mw_slice_eq_str(verb, reads[i]))
			return false;
	return verb.n != 0;
}

/* Whether it would change what lies there, done or refused. */
static bool is_writing(const struct mw_action *act)
{
	switch (act->kind) {
	case MW_EFFECT_FILE_OPEN:
		return act->mode[0] == 'w' || act->mode[0] == 'a' || has(act->mode, "rw") ||
		       has(act->mode, "+create") || has(act->mode, "+trunc");
	case MW_EFFECT_FILE_CLOSE:
		return act->bytes_w != 0;
	case MW_EFFECT_NET_HTTP:
	case MW_EFFECT_DB_STATEMENT:
		return writes_verb(act->verb);
	default:
		return is_file(act->kind);
	}
}

static bool is_memfd(const struct mw_action *act)
{
	return act->kind == MW_EFFECT_PROC_EXEC && act->ret >= 0 &&
	       (mw_slice_starts(act->target, MW_SLICE_LIT("memfd:")) ||
		mw_slice_starts(act->target, MW_SLICE_LIT("/memfd:")) ||
		mw_slice_ends(act->target, MW_SLICE_LIT(" (deleted)")) ||
		has(act->mode, "deleted"));
}

static bool is_sql_no_where(const struct mw_action *act)
{
	const enum mw_sql_dialect d =
	    mw_slice_starts(act->target, MW_SLICE_LIT("mysql:")) ? MW_SQL_MYSQL : MW_SQL_POSTGRES;
	struct mw_sql q;
	size_t pos = 0;

	if (act->kind != MW_EFFECT_DB_STATEMENT || act->asked_n > act->asked.n ||
	    !(mw_slice_eq_str(act->verb, "UPDATE") || mw_slice_eq_str(act->verb, "DELETE")))
		return false;
	while (mw_sql_next(act->asked, d, &pos, &q) == 1)
		if (mw_slice_eq_str(act->verb, q.verb) && !q.where)
			return true;
	return false;
}

/* Of the server's tree, but not the server itself; or the one that does it. */
static bool is_own_child(struct mw_engine *e, const struct pol_server *ps,
			 const struct mw_action *act)
{
	struct mw_prockey key = act->other;
	const struct mw_proc *p;

	if (mw_prockey_none(key))
		return false;
	if (mw_prockey_eq(key, act->proc))
		return true;
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		p = mw_procs_get(e->procs, key);
		if (!p || mw_prockey_none(p->parent))
			return false;
		key = p->parent;
		if (mw_prockey_eq(key, ps->sv->proc))
			return true;
	}
	return false;
}

static bool is_other_uid(struct mw_engine *e, const struct mw_action *act)
{
	const struct mw_proc *p =
	    mw_prockey_none(act->other) ? NULL : mw_procs_get(e->procs, act->other);

	return p && p->uid != act->uid;
}

/* A root opened by its own name shows what its path is without links. */
static bool is_outside(struct mw_engine *e, struct pol_server *ps, const struct mw_action *act)
{
	const struct mw_slice t = act->target;

	if (!is_file(act->kind) || !act->from_kernel || !t.n || t.p[0] != '/')
		return false;
	if (mw_pol_in_roots(ps, t))
		return false;
	if (!act->is_dir || !act->asked.n)
		return true;
	for (size_t i = 0; i < ps->f.roots.n; i++)
		if (mw_slice_eq(ps->f.roots.v[i], act->asked)) {
			mw_pol_root_is(e, ps, t);
			return false;
		}
	return true;
}

/* What is known of the action itself, and of its server. `argv` has room for MW_POL_ARGV_MAX. */
static void fill(struct mw_engine *e, struct mw_fact_effect *f, const struct mw_action *act,
		 const struct mw_tie *tie, struct pol_server *ps, struct mw_slice *argv)
{
	const struct mw_proc *p = mw_procs_get(e->procs, act->proc);
	struct mw_slice rest = act->argv;

	f->act = act;
	f->exe = p ? p->exe : mw_slice(NULL, 0);
	f->home = mw_procs_home(e->procs, act->uid);
	f->argv = (struct mw_texts){ argv, 0 };
	if (e->policy->wants.argv)
		while (rest.n && f->argv.n < MW_POL_ARGV_MAX) {
			const struct mw_slice one = mw_argv_at(rest, 0);

			argv[f->argv.n++] = one;
			rest = one.n < rest.n ? mw_slice_from(rest, one.n + 1) : mw_slice(NULL, 0);
		}
	f->ok = act->ret >= 0 || (act->kind == MW_EFFECT_NET_CONNECT && act->ret == -EINPROGRESS);
	f->write = is_writing(act);
	f->link = tie->link;
	f->confidence = tie->confidence;
	f->by_runtime = tie->by_runtime;
	f->after = tie->after;
	f->background = !tie->call && tie->link == MW_LINK_NONE;
	f->memfd = is_memfd(act);
	f->other_uid = is_other_uid(e, act);
	f->sql_no_where = is_sql_no_where(act);
	if (!ps)
		return;
	f->startup = !ps->ready_ns || act->ts_ns <= ps->ready_ns;
	f->own_child = is_own_child(e, ps, act);
	if (e->policy->wants.roots)
		f->outside_roots = is_outside(e, ps, act);
	if (e->policy->wants.own)
		f->own = mw_pol_made(e, ps, act);
	if (e->policy->wants.habit)
		f->habit = mw_pol_habit(e, ps, act, tie);
}

/* Of what was only read an overlay does not say where it lies. 1 and the path in text, or 0. */
static int host_target(struct mw_engine *e, const struct mw_fact_effect *f, struct mw_buf *text)
{
	const struct mw_action *act = f->act;
	int r;

	if (!e->policy->wants.host_target || !act->mntns || !act->target.n ||
	    act->target.p[0] != '/')
		return 0;
	r = mw_mounts_host(e->mounts, act->mntns, act->target,
			   f->write && act->kind != MW_EFFECT_FILE_CLOSE, text);
	mw_eng_note_error(e, r == -ENOMEM ? r : 0);
	return r == 1;
}

/* Who asks for a command names by a word of it what the command takes away. */
static bool is_mentioned(const struct mw_args *args, const struct mw_action *act)
{
	switch (act->kind) {
	case MW_EFFECT_FILE_DELETE:
	case MW_EFFECT_FILE_RMDIR:
	case MW_EFFECT_FILE_RENAME:
	case MW_EFFECT_FILE_TRUNCATE:
		return mw_args_mention(args, act->target);
	default:
		return false;
	}
}

void mw_pol_effect_of(struct mw_engine *e, struct mw_fact_effect *f, const struct pol_call *pc)
{
	const struct mw_args *args = pc ? mw_pol_args(e, pc) : NULL;
	struct mw_args_query query;
	enum mw_args_hit hit = MW_ARGS_NONE;

	f->named = f->named_near = f->injected = false;
	if (!pc)
		return;
	if (e->policy->wants.named) {
		if (args) {
			mw_args_query_init(&query, f->act);
			hit = mw_args_match(args, &query);
		}
		f->named = hit == MW_ARGS_EXACT;
		/* what is not known whole may name anything */
		f->named_near = hit != MW_ARGS_NONE || !args || !mw_args_whole(args) ||
				is_mentioned(args, f->act);
	}
	if (e->policy->wants.injected && args && f->act->kind == MW_EFFECT_PROC_EXEC)
		f->injected = mw_inject_find(f->act->target, f->act->argv, args) != MW_INJECT_NONE;
}

void mw_pol_push_effect(struct mw_engine *e, struct mw_fact_effect *f, enum mw_fact_phase phase,
			uint64_t seq, struct pol_server *ps, struct pol_call *pc)
{
	struct mw_fact fact = { .kind = MW_FACT_EFFECT,
				.phase = phase,
				.ts_ns = f->act->ts_ns,
				.seq = seq,
				.effect = f };

	if (phase & MW_PHASE_TIED)
		mw_pol_effect_of(e, f, pc);
	if (pc)
		fact.call = mw_pol_call_fact(pc);
	mw_pol_push(e, &fact, ps, pc);
}

/* Nothing more will be known of it. */
static void push_shared(struct mw_engine *e, struct mw_fact_effect *f, const struct mw_tie *tie,
			uint64_t seq, struct pol_server *ps)
{
	const bool all = tie->n_candidates <= MW_CANDIDATES_MAX;

	mw_pol_push_effect(e, f, MW_PHASE_SEEN, seq, ps, NULL);
	mw_pol_push_shared(e, f, seq, ps, tie->candidates,
			   all ? tie->n_candidates : MW_CANDIDATES_MAX, all);
}

static void push_effect(struct mw_engine *e, struct mw_fact_effect *f, const struct mw_tie *tie,
			uint64_t seq, struct pol_server *ps)
{
	struct pol_server *launched = ps ? NULL : mw_pol_launched(e, f->act->proc);

	if (launched) {
		mw_pol_launch(e, f, launched);
		mw_pol_push_effect(e, f, MW_PHASE_BOTH, seq, launched, NULL);
	} else if (!ps) {
		mw_pol_wait_early(e, f, seq);
	} else if (mw_pol_wait(e, f, tie, seq, ps)) {
		mw_pol_push_effect(e, f, MW_PHASE_SEEN, seq, ps, NULL);
	} else if (tie->link == MW_LINK_SHARED) {
		push_shared(e, f, tie, seq, ps);
	} else {
		mw_pol_push_effect(e, f, MW_PHASE_BOTH, seq, ps,
				   mw_pol_call_by_id(e, tie->pending ? 0 : tie->call));
	}
}

void mw_eng_policy_effect(struct mw_engine *e, const struct mw_action *act,
			  const struct mw_tie *tie, uint64_t seq)
{
	struct mw_slice argv[MW_POL_ARGV_MAX];
	struct mw_fact_effect f = { 0 };
	struct pol_server *ps;
	struct mw_buf text;

	if (!e->policy)
		return;
	ps = mw_prockey_none(tie->server)
		 ? NULL
		 : mw_pol_server(e, mw_session_server(e->session, tie->server));
	fill(e, &f, act, tie, ps, argv);
	mw_buf_init(&text, e->a, HOST_PATH_MAX);
	if (host_target(e, &f, &text))
		f.host_target = mw_buf_slice(&text);
	push_effect(e, &f, tie, seq, ps);
	mw_buf_done(&text);
}
