/* SPDX-License-Identifier: Apache-2.0 */
/* engine_effect.c - actions become effects: tied and written */
#include <errno.h>
#include <stdio.h>

#include "core/engine_priv.h"

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

static const struct mw_server *server_of(struct mw_engine *e, struct mw_prockey proc)
{
	return mw_prockey_none(proc) ? NULL : mw_session_server(e->session, proc);
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
	mw_emit_text(&r, "asked", act->asked);
	mw_emit_text(&r, "target2", act->target2);
	mw_emit_str(&r, "mode", act->mode);
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
	mw_emit_str(&r, "basis", "kernel");
	put_candidates(e, &r, tie);
	mw_emit_true(&r, "after", tie->after);
	mw_emit_str(&r, "why", tie->why);
	mw_eng_end(e, &r);
	e->stats.effects++;
	if (e->head.seq == seq || (!tie->call && !tie->sent))
		return;
	err = mw_correlate_note(e->correlate, act, tie, seq);
	mw_eng_note_error(e, err == -ENOENT ? 0 : err);
}

void mw_eng_on_action(struct mw_engine *e, struct mw_action *act)
{
	const struct mw_proc *p = mw_procs_get(e->procs, act->proc);
	struct mw_tie tie;
	int r;

	if (act->kind == MW_EFFECT_PROC_EXIT && p) {
		act->target = p->exe;
		act->from_kernel = true;
	}
	r = mw_correlate_act(e->correlate, act, &tie);
	mw_eng_note_error(e, r);
	if (!mw_eng_fold(e, act, &tie))
		mw_eng_say_effect(e, act, &tie, NULL);
}
