/* SPDX-License-Identifier: Apache-2.0 */
/* engine_effect.c - actions become effects: tied, written, or folded where they are start-up noise */
#include <errno.h>
#include <stdio.h>

#include "core/engine_priv.h"

/* --- start-up reads ------------------------------------------------------------------------------ */

static bool contains(struct mw_slice s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static bool ends_with(struct mw_slice s, const char *tail)
{
	size_t n = strlen(tail);

	return s.n >= n && memcmp(s.p + s.n - n, tail, n) == 0;
}

/*
 * What a program loads to run: code and the system's own files, never anything else. A start-up that
 * reads a key, a history or a configuration is written out, each file by itself.
 */
static bool is_loading(const struct mw_action *act)
{
	static const char *const below[] = { "/usr/", "/lib/", "/lib32/", "/lib64/", "/proc/", "/sys/",
					     "/dev/", "/etc/ld.so." };
	static const char *const inside[] = { "/site-packages/", "/dist-packages/", "/node_modules/",
					      "/__pycache__/", "/.pyenv/", "/lib/python3" };
	static const char *const tails[] = { ".py", ".pyc", ".so", ".js", ".mjs", ".cjs", ".node",
					     "/package.json", "/pyvenv.cfg", "/package-lock.json" };
	size_t i;

	if (act->kind != MW_EFFECT_FILE_OPEN || strcmp(act->mode, "r") != 0)
		return false;
	for (i = 0; i < sizeof(below) / sizeof(*below); i++)
		if (mw_slice_starts(act->target, mw_slice_str(below[i])))
			return true;
	for (i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		if (contains(act->target, inside[i]))
			return true;
	for (i = 0; i < sizeof(tails) / sizeof(*tails); i++)
		if (ends_with(act->target, tails[i]))
			return true;
	return contains(act->target, ".so.");
}

static void say_fold(struct mw_engine *e, const struct fold *f)
{
	const struct mw_proc *p = mw_procs_get(e->procs, f->proc);
	struct mw_line r = mw_eng_begin(e, "effect", f->last_ns);
	char text[128];

	snprintf(text, sizeof(text), "loading: %llu files opened for reading, %llu tries failed",
		 (unsigned long long)f->n_ok, (unsigned long long)f->n_failed);
	mw_line_str(&r, "kind", mw_effect_kind_name(MW_EFFECT_FILE_OPEN));
	mw_line_str(&r, "mode", "r");
	mw_line_u64(&r, "pid", f->proc.tgid);
	mw_line_u64(&r, "tid", f->tid);
	if (p)
		mw_line_text(&r, "exe", p->exe);
	mw_line_u64(&r, "n", f->n_ok + f->n_failed);
	mw_line_str(&r, "summary", text);
	mw_line_str(&r, "link", mw_link_name(MW_LINK_NONE));
	mw_line_str(&r, "confidence", mw_confidence_name(MW_CONF_NONE));
	mw_eng_end(e, &r);
	e->stats.effects++;
}

void mw_eng_unfold(struct mw_engine *e, struct mw_prockey proc)
{
	struct fold *f = mw_table_remove(e->folds, &proc);

	if (!f)
		return;
	say_fold(e, f);
	mw_alloc_free(e->a, f, sizeof(*f));
}

void mw_eng_unfold_all(struct mw_engine *e)
{
	struct fold *f;

	while ((f = mw_table_oldest(e->folds)))
		mw_eng_unfold(e, f->proc);
}

static bool fold(struct mw_engine *e, const struct mw_action *act)
{
	struct fold *f = mw_table_get(e->folds, &act->proc);

	if (!f) {
		f = mw_alloc_zero(e->a, sizeof(*f));
		if (!f) {
			mw_eng_note_error(e, -ENOMEM);
			return false;
		}
		f->proc = act->proc;
		f->tid = act->tid;
		f->first_ns = act->ts_ns;
		if (mw_table_put(e->folds, &act->proc, f) == -ENOSPC) {
			mw_eng_unfold(e, ((struct fold *)mw_table_oldest(e->folds))->proc);
			(void)mw_table_put(e->folds, &act->proc, f);
		}
		if (mw_table_get(e->folds, &act->proc) != f) {
			mw_alloc_free(e->a, f, sizeof(*f));
			mw_eng_note_error(e, -ENOMEM);
			return false;
		}
	}
	f->last_ns = act->ts_ns;
	if (act->ret >= 0)
		f->n_ok++;
	else
		f->n_failed++;
	return true;
}

/* --- effects ------------------------------------------------------------------------------------- */

static void put_candidates(struct mw_engine *e, struct mw_line *r, const struct mw_tie *tie)
{
	size_t i;

	if (tie->link != MW_LINK_SHARED)
		return;
	mw_line_open(r, "candidates", '[');
	for (i = 0; i < tie->n_candidates && i < MW_CANDIDATES_MAX; i++)
		mw_line_id(r, NULL, 'c', e->run, tie->candidates[i]);
	mw_line_close(r, ']');
}

static const struct mw_server *server_of(struct mw_engine *e, struct mw_prockey proc)
{
	return mw_prockey_none(proc) ? NULL : mw_session_server(e->session, proc);
}

static void say_effect(struct mw_engine *e, const struct mw_action *act, const struct mw_tie *tie)
{
	const struct mw_proc *p = mw_procs_get(e->procs, act->proc);
	struct mw_line r = mw_eng_begin(e, "effect", act->ts_ns);
	char dev[24], name[16];

	mw_line_str(&r, "kind", mw_effect_kind_name(act->kind));
	mw_line_text(&r, "target", act->target);
	if (act->target.n)
		mw_line_str(&r, "target_from", act->from_kernel ? "kernel" : "string");
	mw_line_text(&r, "asked", act->asked);
	mw_line_text(&r, "target2", act->target2);
	mw_line_str(&r, "mode", act->mode);
	if (act->kind == MW_EFFECT_PROC_EXIT && act->signal)
		mw_line_u64(&r, "signal", (uint64_t)act->signal);
	else if (act->kind == MW_EFFECT_PROC_EXIT)
		mw_line_i64(&r, "code", act->code);
	mw_line_str(&r, "result", mw_errno_name(act->ret, name));
	mw_line_u64(&r, "pid", act->proc.tgid);
	mw_line_u64(&r, "tid", act->tid);
	if (p)
		mw_line_text(&r, "exe", p->exe);
	mw_line_argv(&r, "argv", act->argv);
	if (act->ino) {
		snprintf(dev, sizeof(dev), "%u:%u", (unsigned int)(act->dev >> 32),
			 (unsigned int)act->dev);
		mw_line_str(&r, "dev", dev);
		mw_line_u64(&r, "ino", act->ino);
	}
	mw_eng_server_ref(e, &r, server_of(e, tie->server));
	if (tie->call)
		mw_line_id(&r, "call", 'c', e->run, tie->call);
	mw_line_str(&r, "link", mw_link_name(tie->link));
	mw_line_str(&r, "confidence", mw_confidence_name(tie->confidence));
	mw_line_str(&r, "basis", "kernel");
	put_candidates(e, &r, tie);
	mw_line_true(&r, "after", tie->after);
	mw_line_str(&r, "why", tie->why);
	mw_eng_end(e, &r);
	e->stats.effects++;
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
	r = mw_correlate_act(e->correlate, act, &tie);
	mw_eng_note_error(e, r);
	if (tie.link == MW_LINK_NONE && mw_prockey_none(tie.server) && is_loading(act) &&
	    fold(e, act))
		return;
	seq = e->head.seq;
	say_effect(e, act, &tie);
	if (!tie.call || tie.link == MW_LINK_SHARED || e->head.seq != seq + 1)
		return;
	r = mw_correlate_note(e->correlate, act, &tie, seq);
	mw_eng_note_error(e, r == -ENOENT ? 0 : r);
}
