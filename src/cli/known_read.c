/* SPDX-License-Identifier: Apache-2.0 */
/* known_read.c - reads logs for what is known, or goes on from what an index saved of that */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/known_priv.h"
#include "cli/narrow.h"
#include "io/file.h"
#include "io/index.h"
#include "io/logread.h"

/* A reading, of which some records may be counted already. */
struct feed {
	struct mw_known *s;
	struct mw_join *join;
	uint64_t learn_from, count_from; /* the first that is to be */
	/* what an index has, until it is known to be used */
	struct mw_known *saved;
	uint64_t saved_rest, saved_from;
};

static void count_all(struct feed *f)
{
	struct mw_joined item;

	while (mw_join_next(f->join, &item))
		if (item.rec.seq >= f->count_from)
			mw_known_count(f->s, &item);
}

static void feed(struct feed *f, const struct mw_logrec *rec)
{
	if (rec->seq >= f->learn_from)
		mw_known_learn(f->s, rec);
	if (mw_join_push(f->join, rec) < 0)
		mw_known_must(NULL);
	count_all(f);
}

static int begin(const void *arg, struct mw_slice saved, uint64_t rest, uint64_t *ret_from)
{
	struct feed *f = *(struct feed *const *)arg;
	int r;

	if (!saved.n)
		return -ENOENT;
	r = mw_known_new(&f->saved);
	if (r == 0)
		r = mw_known_load(f->saved, saved, &f->saved_from);
	f->saved_rest = rest;
	*ret_from = f->saved_from;
	return r;
}

/* s knows nothing yet. */
static void take_saved(struct feed *f, const struct mw_logread *l)
{
	struct mw_known empty = *f->s;

	if (f->saved && mw_logread_narrowed(l, 0)) {
		*f->s = *f->saved;
		*f->saved = empty;
		f->learn_from = f->saved_rest;
		f->count_from = f->saved_from;
	}
	mw_known_free(f->saved);
	f->saved = NULL;
}

/* --- the verbs' ---------------------------------------------------------------------------------
 */

/* Whether all of one log is counted, which an index may have done. */
static bool is_whole(const struct mw_filter *f, const struct mw_cli_list *logs, const char *index)
{
	return !*mw_filter_text(f) && logs->n <= 1 && (!index || strcmp(index, "none") != 0);
}

static struct mw_logread *open_logs(struct feed *f, struct mw_filter *filter,
				    const struct mw_cli_list *logs, const char *index)
{
	struct feed *const *arg = &f;
	const struct mw_index_query q = { .saved = begin, .all_tools = true, .arg = arg };

	return is_whole(filter, logs, index) ? mw_cli_open_narrow(logs, false, &q, index)
					     : mw_cli_open_known(logs, filter, index);
}

int mw_known_read(struct mw_known *s, struct mw_filter *f, const struct mw_cli_list *logs,
		  const char *index, int *ret_whole)
{
	struct feed to = { .s = s };
	struct mw_logread *l;
	struct mw_logrec rec;
	int r;

	if (mw_join_new(f, NULL, &to.join) < 0)
		return mw_cli_fail("not enough memory");
	l = open_logs(&to, f, logs, index);
	if (l)
		take_saved(&to, l);
	if (!l) {
		mw_known_free(to.saved);
		mw_join_free(to.join);
		return MW_EXIT_FAIL;
	}
	while ((r = mw_logread_next(l, &rec)) == 1)
		feed(&to, &rec);
	mw_join_flush(to.join);
	count_all(&to);
	mw_join_free(to.join);
	*ret_whole = mw_cli_close_logs(l, r, false);
	return *ret_whole == MW_EXIT_TAMPERED ? MW_EXIT_OK : *ret_whole;
}

/* --- while an index is made ---------------------------------------------------------------------
 */

struct mw_known_tally {
	struct mw_index_tally ops;
	const char *dir, *file;
	struct mw_known *s;
	struct mw_filter all;
	struct feed to;
	bool off; /* there was too much to be saved */
};

/* Once more what may wait for what comes. */
static int catch_up(struct mw_known_tally *t, uint64_t next)
{
	_cleanup_(mw_logread_freep) struct mw_logread *l = NULL;
	const struct mw_index_query q = { .from = t->to.count_from, .all_tools = true };
	struct mw_index_plan *plan;
	char err[MW_ERR_MAX];
	struct mw_logrec rec;
	int r;

	r = mw_logread_new(&t->dir, 1, false, err, sizeof(err), &l);
	if (r == 0)
		r = mw_index_ask(t->dir, t->file, &q, err, sizeof(err), &plan);
	if (r <= 0)
		return r < 0 ? r : -ESTALE;
	r = mw_logread_narrow(l, 0, plan);
	while (r == 0 && (r = mw_logread_next(l, &rec)) == 1 && rec.seq < next) {
		feed(&t->to, &rec);
		r = 0;
	}
	return r == -ENODATA || r == 1 ? 0 : r;
}

static int tally_begin(void *arg, struct mw_slice saved, uint64_t next)
{
	struct mw_known_tally *t = arg;
	int r;

	t->off = next && !saved.n;
	if (t->off || !next)
		return 0;
	r = mw_known_load(t->s, saved, &t->to.count_from);
	t->to.learn_from = next;
	return r < 0 ? r : catch_up(t, next);
}

static int tally_record(void *arg, const struct mw_logrec *rec)
{
	struct mw_known_tally *t = arg;

	if (!t->off)
		feed(&t->to, rec);
	return 0;
}

static int tally_save(void *arg, uint64_t next, struct mw_buf *out)
{
	struct mw_known_tally *t = arg;
	const uint64_t waits = mw_join_waits(t->to.join);
	int r;

	if (t->off)
		return 0;
	r = mw_known_save(t->s, waits < next ? waits : next, out);
	if (r == -E2BIG) {
		t->off = true;
		out->len = 0;
		r = 0;
	}
	return r;
}

int mw_known_tally_new(const char *dir, const char *file, struct mw_known_tally **ret)
{
	struct mw_known_tally *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ops = (struct mw_index_tally){ tally_begin, tally_record, tally_save, t };
	t->dir = dir;
	t->file = file;
	if (mw_known_new(&t->s) < 0 || mw_join_new(&t->all, NULL, &t->to.join) < 0) {
		mw_known_tally_free(t);
		return -ENOMEM;
	}
	t->to.s = t->s;
	*ret = t;
	return 0;
}

const struct mw_index_tally *mw_known_tally(struct mw_known_tally *t)
{
	return &t->ops;
}

void mw_known_tally_free(struct mw_known_tally *t)
{
	if (!t)
		return;
	mw_join_free(t->to.join);
	mw_known_free(t->s);
	free(t);
}
