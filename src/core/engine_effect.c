/* SPDX-License-Identifier: Apache-2.0 */
/* engine_effect.c - actions become effects: tied and written */
#include <errno.h>
#include <stdio.h>

#include "core/engine_priv.h"
#include "core/sql.h"

/* --- effects -------------------------------------------------------------------------------------
 */

static void put_candidates(struct mw_engine *e, struct mw_emit *r, const struct mw_tie *tie)
{
	size_t i;

	if (tie->link != MW_LINK_SHARED)
		return;
	mw_emit_open(r, "candidates", '[');
	for (i = 0; i < tie->n_candidates && i < MW_CANDIDATES_MAX; i++)
		mw_emit_id(r, NULL, 'c', e->run, tie->candidates[i]);
	mw_emit_close(r, ']');
}

/* Of what was only read an overlay does not say where it lies. */
static bool is_written(const struct mw_action *act)
{
	switch (act->kind) {
	case MW_EFFECT_FILE_OPEN:
		return act->ret >= 0 && act->mode[0] && strcmp(act->mode, "r") != 0;
	case MW_EFFECT_FILE_CLOSE:
		return act->bytes_w != 0;
	case MW_EFFECT_PROC_EXEC:
		return false;
	default:
		return act->ret >= 0;
	}
}

static void put_host_target(struct mw_engine *e, struct mw_emit *r, const struct mw_action *act)
{
	struct mw_buf path;
	int err;

	if (!act->mntns || act->target.n == 0 || act->target.p[0] != '/')
		return;
	mw_buf_init(&path, e->a, MW_PATH_MAX * 4);
	err = mw_mounts_host(e->mounts, act->mntns, act->target, is_written(act), &path);
	if (err == 1)
		mw_emit_text(r, "host_target", mw_buf_slice(&path));
	else
		mw_eng_note_error(e, err);
	mw_buf_done(&path);
}

static void put_asked(struct mw_engine *e, struct mw_emit *r, const struct mw_action *act)
{
	struct mw_buf text;
	int err;

	if (act->kind != MW_EFFECT_DB_STATEMENT) {
		mw_emit_text(r, "asked", act->asked);
		return;
	}
	mw_buf_init(&text, e->a, 2 * MW_WIRE_TEXT_MAX);
	err = mw_sql_redact(e->head.redact, &text, act->asked,
			    mw_slice_starts(act->target, MW_SLICE_LIT("mysql:")) ? MW_SQL_MYSQL
										 : MW_SQL_POSTGRES);
	if (err == 0)
		mw_emit_text_of(r, "asked", mw_buf_slice(&text),
				act->asked_n ? act->asked_n : text.len);
	else if (err == -E2BIG)
		mw_emit_cut(r, "asked", act->asked.n);
	else if (!r->error)
		r->error = err;
	mw_buf_done(&text);
}

static const struct mw_server *server_of(struct mw_engine *e, struct mw_prockey proc)
{
	return mw_prockey_none(proc) ? NULL : mw_session_server(e->session, proc);
}

/* What is not to wait for the next seal: who did it may soon reach the log itself. */
static bool urgent(unsigned int kind)
{
	return kind == MW_EFFECT_PROC_EXEC || kind == MW_EFFECT_FILE_DELETE ||
	       kind == MW_EFFECT_FILE_RMDIR;
}

void mw_eng_say_effect(struct mw_engine *e, const struct mw_action *act, const struct mw_tie *tie,
		       const char *summary)
{
	const bool one = !summary;
	const struct mw_proc *p = mw_procs_get(e->procs, act->proc);
	struct mw_emit r = mw_eng_begin(e, "effect", act->ts_ns);
	const uint64_t seq = e->head.seq;
	char dev[24], name[16];
	int err;

	mw_emit_str(&r, "kind", mw_effect_kind_name(act->kind));
	mw_emit_text(&r, "target", act->target);
	if (act->target.n)
		mw_emit_str(&r, "target_from", act->from_kernel ? "kernel" : "string");
	put_asked(e, &r, act);
	if (act->asked_changed)
		mw_emit_bool(&r, "asked_changed", true);
	mw_emit_text(&r, "target2", act->target2);
	mw_emit_str(&r, "mode", act->mode);
	if (act->has_bytes) {
		mw_emit_u64(&r, "bytes_r", act->bytes_r);
		mw_emit_u64(&r, "bytes_w", act->bytes_w);
	}
	mw_emit_text(&r, "name", act->name);
	mw_emit_text(&r, "verb", act->verb);
	if (act->kind == MW_EFFECT_NET_HTTP)
		mw_emit_target(&r, "object", act->object, MW_EMIT_TEXT_MAX);
	else
		mw_emit_text(&r, "object", act->object);
	if (act->kind == MW_EFFECT_PROC_EXIT && act->signal)
		mw_emit_u64(&r, "signal", (uint64_t)act->signal);
	else if (act->kind == MW_EFFECT_PROC_EXIT)
		mw_emit_i64(&r, "code", act->code);
	if (one)
		mw_emit_str(&r, "result", mw_errno_name(act->ret, name));
	mw_emit_u64(&r, "pid", act->proc.tgid);
	mw_emit_u64(&r, "tid", act->tid);
	if (p)
		mw_emit_text(&r, "exe", p->exe);
	mw_emit_argv(&r, "argv", act->argv);
	put_host_target(e, &r, act);
	if (act->ino) {
		snprintf(dev, sizeof(dev), "%u:%u", (unsigned int)(act->dev >> 32),
			 (unsigned int)act->dev);
		mw_emit_str(&r, "dev", dev);
		mw_emit_u64(&r, "ino", act->ino);
	}
	if (act->n > 1)
		mw_emit_u64(&r, "n", act->n);
	mw_emit_str(&r, "summary", summary);
	mw_eng_server_ref(e, &r, server_of(e, tie->server));
	if (tie->call)
		mw_emit_id(&r, "call", 'c', e->run, tie->call);
	mw_emit_str(&r, "link", mw_link_name(tie->link));
	mw_emit_str(&r, "confidence", mw_confidence_name(tie->confidence));
	mw_emit_str(&r, "basis", tie->by_runtime ? "runtime" : "kernel");
	put_candidates(e, &r, tie);
	mw_emit_true(&r, "after", tie->after);
	mw_emit_str(&r, "why", tie->why);
	r.urgent = urgent(act->kind);
	mw_eng_end(e, &r);
	e->stats.effects++;
	e->since_seal.effects++;
	if (e->head.seq == seq || (!tie->call && !tie->sent && !tie->pending && !tie->excluded))
		return;
	err = mw_correlate_note(e->correlate, act, tie, mw_eng_seq_keep(e, seq));
	mw_eng_note_error(e, err == -ENOENT ? 0 : err);
}

void mw_eng_on_action(struct mw_engine *e, struct mw_action *act)
{
	const struct mw_proc *p = mw_procs_get(e->procs, act->proc);
	struct mw_tie tie;
	uint64_t seq;
	int r;

	if (act->kind == MW_EFFECT_PROC_EXIT && p) {
		act->target = p->exe;
		act->from_kernel = true;
	}
	if (!mw_prockey_none(act->other) && act->object.n == 0) {
		p = mw_procs_get(e->procs, act->other);
		if (p)
			act->object = p->exe;
	}
	mw_eng_name(e, act);
	r = mw_correlate_act(e->correlate, act, &tie);
	mw_eng_note_error(e, r);
	/* of others it is only learned who they are */
	if (act->candidate && mw_prockey_none(tie.server))
		return;
	if (mw_eng_fold(e, act, &tie))
		return;
	seq = e->head.seq;
	mw_eng_say_effect(e, act, &tie, NULL);
	mw_eng_policy_effect(e, act, &tie, mw_eng_seq_of(e, seq));
}
