/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_fold.c - what a program loads to run, folded into one effect
 *
 * Interpreters open hundreds of files at their start and at the first call of a tool. Read-only
 * opens of program code, and outside of calls of the system's own files, are folded, a process and
 * a call each, into one effect with their number: never by count, and never anything else. What
 * arguments name is not folded. A close goes the way of its open: folded, or by itself.
 */
#include <errno.h>
#include <stdio.h>

#include "core/engine_priv.h"

static bool is_inside(struct mw_slice s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

static bool is_in_package(struct mw_slice path)
{
	static const char *const packages[] = { "/site-packages/", "/dist-packages/",
						"/node_modules/",  "/__pycache__/",
						"/lib/python3",	   "/.pyenv/" };
	size_t i;

	for (i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (is_inside(path, packages[i]))
			return true;
	return false;
}

/* "libc.so.6", "ld-2.36.so": in the last part of a path, and only numbers behind. */
static bool is_library(struct mw_slice path)
{
	const uint8_t *so = memmem(path.p, path.n, ".so.", 4);
	size_t i;

	if (!so || !(mw_slice_starts(path, MW_SLICE_LIT("/usr/")) ||
		     mw_slice_starts(path, MW_SLICE_LIT("/lib")) ||
		     mw_slice_starts(path, MW_SLICE_LIT("/opt/")) || is_in_package(path)))
		return false;
	for (i = (size_t)(so - path.p) + 4; i < path.n; i++)
		if (path.p[i] != '.' && (path.p[i] < '0' || path.p[i] > '9'))
			return false;
	return true;
}

/* Program code, by its place and its name: a package's data, though it lies beside it, is not. */
static bool is_code(const struct mw_action *act)
{
	static const char *const tails[] = { ".py",	      ".pyc",	    ".so",   ".js",
					     ".mjs",	      ".cjs",	    ".node", ".wasm",
					     "/package.json", "/pyvenv.cfg" };
	const struct mw_slice t = act->target;
	size_t i;

	if (is_in_package(t)) {
		if (act->is_dir)
			return true;
		for (i = 0; i < sizeof(tails) / sizeof(*tails); i++)
			if (mw_slice_ends(t, mw_slice_str(tails[i])))
				return true;
	}
	return is_library(t) || mw_slice_starts(t, MW_SLICE_LIT("/etc/ld.so."));
}

/* What the system gives every program that starts. */
static bool is_system(const struct mw_action *act)
{
	static const char *const below[] = { "/usr/",	"/lib/",	   "/lib32/",
					     "/lib64/", "/sys/fs/cgroup/", "/sys/devices/system/" };
	static const char *const exact[] = { "/dev/null",     "/dev/urandom",  "/dev/random",
					     "/proc/meminfo", "/proc/cpuinfo", "/proc/stat" };
	size_t i;

	for (i = 0; i < sizeof(below) / sizeof(*below); i++)
		if (mw_slice_starts(act->target, mw_slice_str(below[i])))
			return true;
	for (i = 0; i < sizeof(exact) / sizeof(*exact); i++)
		if (mw_slice_eq_str(act->target, exact[i]))
			return true;
	return false;
}

/* While a call is open only code counts: whatever else is read may be what the call is about. */
static bool is_loading(const struct mw_action *act, const struct mw_tie *tie)
{
	if (act->kind != MW_EFFECT_FILE_OPEN || strcmp(act->mode, "r") != 0)
		return false;
	return is_code(act) || (!tie->call && is_system(act));
}

static void say(struct mw_engine *e, struct fold *f)
{
	struct mw_action act = { .kind = MW_EFFECT_FILE_OPEN,
				 .mode = "r",
				 .ts_ns = f->last_ns,
				 .proc = f->key.proc,
				 .tid = f->tid,
				 .n = f->n_ok + f->n_failed };
	char text[128];

	snprintf(text, sizeof(text), "loading: %llu files opened for reading, %llu tries failed",
		 (unsigned long long)f->n_ok, (unsigned long long)f->n_failed);
	mw_eng_say_effect(e, &act, &f->tie, text);
	(void)mw_table_remove(e->folds, &f->key);
	mw_alloc_free(e->a, f, sizeof(*f));
}

void mw_eng_unfold(struct mw_engine *e, struct mw_prockey proc)
{
	struct fold *f;
	size_t pos = 0;

	while ((f = mw_table_next(e->folds, &pos)))
		if (mw_prockey_eq(f->key.proc, proc))
			say(e, f);
}

void mw_eng_unfold_call(struct mw_engine *e, uint64_t call)
{
	struct fold *f;
	size_t pos = 0;

	while ((f = mw_table_next(e->folds, &pos)))
		if (f->key.call == call)
			say(e, f);
}

void mw_eng_unfold_all(struct mw_engine *e)
{
	struct fold *f;

	while ((f = mw_table_oldest(e->folds)))
		say(e, f);
}

static struct fold *fold_new(struct mw_engine *e, const struct fold_key *key)
{
	struct fold *f = mw_alloc_zero(e->a, sizeof(*f));

	if (!f)
		return NULL;
	f->key = *key;
	if (mw_table_count(e->folds) == MW_ENG_FOLDS_MAX)
		say(e, mw_table_oldest(e->folds));
	if (mw_table_put(e->folds, &f->key, f) == 0)
		return f;
	mw_alloc_free(e->a, f, sizeof(*f));
	return NULL;
}

bool mw_eng_fold(struct mw_engine *e, const struct mw_action *act, const struct mw_tie *tie)
{
	struct fold_key key = { .proc = act->proc, .call = tie->call };
	struct fold *f;

	if (act->kind == MW_EFFECT_FILE_CLOSE && act->folded)
		return true;
	if (tie->link == MW_LINK_SHARED || tie->link == MW_LINK_ARGUMENT || !is_loading(act, tie))
		return false;
	f = mw_table_get(e->folds, &key);
	if (!f)
		f = fold_new(e, &key);
	if (!f) {
		mw_eng_note_error(e, -ENOMEM);
		return false;
	}
	f->tie = *tie;
	f->tie.pending = false; /* they are one effect, of several tasks */
	f->tid = act->tid;
	f->last_ns = act->ts_ns;
	if (act->ret >= 0)
		f->n_ok++;
	else
		f->n_failed++;
	mw_act_fold(e->act, act->file);
	return true;
}
