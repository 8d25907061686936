/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - the verb `show`: one call with everything known about it */
#include "cli/show.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/filter_options.h"
#include "cli/narrow.h"
#include "cli/number.h"
#include "cli/pager.h"
#include "io/index.h"
#include "io/logread.h"
#include "io/render.h"

struct show_opts {
	struct mw_cli_list logs;
	struct mw_pager out;
	const char *index;
	bool why, json;
};

#define AT(member) offsetof(struct show_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_FLAG("why", 0, AT(why),
		       "the evidence: what the call's bytes are known by, and each tie"),
	MW_LOG_ROW(AT(logs)),
	MW_INDEX_ROW(AT(index)),
	MW_OPTION_FLAG("json", 0, AT(json), "one JSON object that holds the records"),
	MW_PAGER_ROWS(AT(out)),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "show CALL|SEQ [OPTION...]",
	.what = "Shows one call: who called, arguments, result, each effect with how it was tied\n"
		"to the call and how far to trust that, effects it may have caused, and what is\n"
		"missing. CALL is the id that 'mcpwatch log' shows behind the time, or as much of\n"
		"it as is no other call's. SEQ is the number of a record, as in [653]: an effect\n"
		"is shown with the call that it turned out to be of, an alert with its calls and\n"
		"effects.\n",
	.table = table,
};

void mw_kept_add(struct mw_kept_list *l, const struct mw_logrec *rec, cJSON *json)
{
	struct mw_kept *p = reallocarray(l->p, l->n + 1, sizeof(*p));
	char *line = strdup(rec->line);

	if (!p || !line)
		exit(mw_cli_fail("not enough memory"));
	l->p = p;
	p[l->n++] = (struct mw_kept){ line, rec->len, rec->input, rec->seq, json };
}

static void kept_done_one(struct mw_kept *k)
{
	free(k->line);
	cJSON_Delete(k->json);
}

static void kept_done(struct mw_kept_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		kept_done_one(&l->p[i]);
	free(l->p);
}

/* They are of one log, in its order. */
static void drop(struct mw_kept_list *l, uint64_t seq)
{
	size_t lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (l->p[mid].seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == l->n || l->p[lo].seq != seq)
		return;
	kept_done_one(&l->p[lo]);
	memmove(&l->p[lo], &l->p[lo + 1], (l->n - lo - 1) * sizeof(*l->p));
	l->n--;
}

static bool names(const cJSON *array, const char *id)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, array)
	{
		const char *s = cJSON_GetStringValue(e);

		if (s && strcmp(s, id) == 0)
			return true;
	}
	return false;
}

static void *grown(void *p, size_t n, size_t size)
{
	/* in powers of two */
	if (n & (n - 1))
		return p;
	p = reallocarray(p, n ? 2 * n : 1, size);
	if (!p)
		exit(mw_cli_fail("not enough memory"));
	return p;
}

void mw_shown_add_ties(struct mw_shown *s, const cJSON *rec)
{
	const cJSON *e, *seq, *n;

	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(rec, "effects"))
	{
		size_t named = 0;

		cJSON_ArrayForEach(seq, cJSON_GetObjectItemCaseSensitive(e, "seqs"))
		{
			named++;
			if (!cJSON_IsNumber(seq) || seq->valuedouble < 0)
				continue;
			s->by_seq = grown(s->by_seq, s->n_by_seq, sizeof(*s->by_seq));
			s->by_seq[s->n_by_seq++] =
			    (struct mw_shown_seq){ (uint64_t)seq->valuedouble, e };
		}
		n = cJSON_GetObjectItemCaseSensitive(e, "n");
		if (!cJSON_IsNumber(n) || n->valuedouble <= (double)named)
			continue;
		s->folded = grown(s->folded, s->n_folded, sizeof(*s->folded));
		s->folded[s->n_folded++] = e;
	}
}

static int compare_seq(const void *pa, const void *pb)
{
	const struct mw_shown_seq *a = pa, *b = pb;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

void mw_shown_sort_ties(struct mw_shown *s)
{
	if (s->n_by_seq)
		qsort(s->by_seq, s->n_by_seq, sizeof(*s->by_seq), compare_seq);
}

/* After the first pass. */
static void index_all(struct mw_shown *s)
{
	for (size_t i = 0; i < s->ties.n; i++)
		mw_shown_add_ties(s, s->ties.p[i].json);
	if (s->call.n)
		mw_shown_add_ties(s, s->call.p[0].json);
	mw_shown_sort_ties(s);
}

const cJSON *mw_shown_tie(const struct mw_shown *s, uint64_t seq)
{
	const struct mw_shown_seq key = { .seq = seq }, *found = NULL;

	if (s->n_by_seq)
		found = bsearch(&key, s->by_seq, s->n_by_seq, sizeof(key), compare_seq);
	return found ? found->tie : NULL;
}

static struct mw_kept_list *place_of_call(struct mw_shown *s, const char *type)
{
	if (strcmp(type, "call") == 0)
		return &s->call;
	if (strcmp(type, "request") == 0)
		return &s->request;
	if (strcmp(type, "body") == 0)
		return &s->bodies;
	if (strcmp(type, "ties") == 0)
		return &s->ties;
	return NULL;
}

/* An id that begins with what was asked for. */
static void note_id(struct mw_shown *s, const char *id)
{
	for (size_t i = 0; i < s->n_ids; i++)
		if (strcmp(s->ids[i], id) == 0)
			return;
	if (s->n_ids == MW_SHOWN_IDS_MAX) {
		s->more_ids = true;
		return;
	}
	s->ids[s->n_ids] = strdup(id);
	if (!s->ids[s->n_ids])
		exit(mw_cli_fail("not enough memory"));
	s->n_ids++;
}

/* Of several ids that begin so only the exact one counts. */
static void keep_exact(struct mw_shown *s, struct mw_kept_list *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		const char *call = mw_rec_call(l->p[i].json);

		if (call && strcmp(call, s->id) == 0)
			l->p[n++] = l->p[i];
		else
			kept_done_one(&l->p[i]);
	}
	l->n = n;
}

/* First pass: the call itself, or the first whose id begins so. */
static void gather_call(struct mw_shown *s, const struct mw_logrec *rec)
{
	struct mw_kept_list *l = place_of_call(s, rec->type);
	const size_t n_ids = s->n_ids;
	const char *call;
	cJSON *json;
	bool mine;

	if (!l || !strstr(rec->line, s->id))
		return;
	json = mw_logread_json(rec);
	call = mw_rec_call(json);
	if (call && strncmp(call, s->id, strlen(s->id)) == 0)
		note_id(s, call);
	if (n_ids == 1 && s->n_ids == 2) {
		keep_exact(s, &s->call);
		keep_exact(s, &s->request);
		keep_exact(s, &s->bodies);
		keep_exact(s, &s->ties);
	}
	mine =
	    call && (strcmp(call, s->id) == 0 || (s->n_ids == 1 && strcmp(call, s->ids[0]) == 0));
	if (!mine || ((l == &s->call || l == &s->request) && l->n)) {
		cJSON_Delete(json);
		return;
	}
	mw_kept_add(l, rec, json);
}

/* Whether the settled ties name many effects by fewer numbers than there are: then the effect's own
 * word stands for those that are not named. */
static bool all_named(const struct mw_shown *s, const cJSON *json)
{
	const char *kind = mw_rec_str(json, "kind"), *target = mw_rec_str(json, "target");

	for (size_t i = 0; i < s->n_folded; i++) {
		const char *k = mw_rec_str(s->folded[i], "kind");
		const char *t = mw_rec_str(s->folded[i], "target");

		if (k && kind && strcmp(k, kind) == 0 &&
		    strcmp(t ? t : "", target ? target : "") == 0)
			return false;
	}
	return true;
}

/* Whether the call's record says which effects are its own. That of one in flight when the daemon
 * ended does not: nobody was there to settle them. */
static bool settles(const struct mw_shown *s)
{
	return s->call.n && cJSON_GetObjectItemCaseSensitive(s->call.p[0].json, "effects_n");
}

/* Numbers are of one log only. */
static bool settled_here(const struct mw_shown *s, const struct mw_logrec *rec)
{
	return s->call.n && rec->input == s->call.p[0].input && mw_shown_tie(s, rec->seq);
}

static struct mw_kept_list *place_of_effect(struct mw_shown *s, const struct mw_logrec *rec,
					    const cJSON *json)
{
	const char *call = mw_rec_call(json), *link = mw_rec_str(json, "link");
	bool mine = call && strcmp(call, s->id) == 0;

	if (settled_here(s, rec))
		return &s->effects;
	if (mine && link && strcmp(link, "shared") == 0)
		return &s->shared;
	/* what came later was settled by nobody */
	if (mine && settles(s) && rec->seq < s->call.p[0].seq && all_named(s, json))
		return &s->undone;
	if (mine)
		return &s->effects;
	return names(cJSON_GetObjectItemCaseSensitive(json, "candidates"), s->id) ? &s->shared
										  : NULL;
}

/* What another call's record says is its own was not this one's. */
static void settled_elsewhere(struct mw_shown *s, const struct mw_logrec *rec)
{
	const struct mw_slice call = mw_logrec_get(rec, "call");
	const cJSON *e, *seq;
	cJSON *json;

	if (!s->shared.n || rec->input != s->shared.p[0].input || mw_json_str_eq(call, s->id) ||
	    !mw_logrec_get(rec, "effects").n)
		return;
	json = mw_logread_json(rec);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(json, "effects"))
	{
		cJSON_ArrayForEach(seq, cJSON_GetObjectItemCaseSensitive(e, "seqs"))
		{
			if (cJSON_IsNumber(seq) && seq->valuedouble >= 0)
				drop(&s->shared, (uint64_t)seq->valuedouble);
		}
	}
	cJSON_Delete(json);
}

/* Second pass: what speaks of it. */
static void gather_rest(struct mw_shown *s, const struct mw_logrec *rec)
{
	struct mw_kept_list *l = NULL;
	const char *call;
	cJSON *json;

	if (strcmp(rec->type, "call") == 0 || strcmp(rec->type, "ties") == 0)
		settled_elsewhere(s, rec);
	if (strcmp(rec->type, "effect") != 0 && strcmp(rec->type, "gap") != 0 &&
	    strcmp(rec->type, "anomaly") != 0 && strcmp(rec->type, "alert") != 0)
		return;
	/* no tree for what cannot be of it */
	if (!strstr(rec->line, s->id) && !settled_here(s, rec))
		return;
	json = mw_logread_json(rec);
	call = mw_rec_call(json);
	if (strcmp(rec->type, "effect") == 0)
		l = place_of_effect(s, rec, json);
	else if ((call && strcmp(call, s->id) == 0) ||
		 names(cJSON_GetObjectItemCaseSensitive(json, "calls"), s->id))
		l = rec->type[0] == 'g'	  ? &s->gaps
		    : rec->type[1] == 'n' ? &s->anomalies
					  : &s->alerts;
	if (l)
		mw_kept_add(l, rec, json);
	else
		cJSON_Delete(json);
}

static bool of_call(const void *arg, enum mw_index_field field, struct mw_slice value)
{
	const struct mw_shown *s = arg;

	(void)field;
	return mw_slice_starts(value, mw_slice_str(s->id));
}

static struct mw_logread *open_logs(const struct mw_shown *s, const struct mw_cli_list *logs)
{
	const struct mw_index_query of_id = { .asked = 1u << MW_INDEX_CALL,
					      .match = of_call,
					      .arg = s };
	const struct mw_index_query of_seqs = { .seqs = s->seqs, .n_seqs = s->n_seqs };

	return mw_cli_open_narrow(logs, false, s->by_id ? &of_id : &of_seqs, s->index);
}

/* What can be read only once is not shown by half. */
static bool can_read_again(const struct mw_cli_list *logs)
{
	struct stat st;
	size_t i;

	for (i = 0; i < logs->n; i++) {
		if (stat(logs->p[i], &st) < 0 || S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
			continue;
		mw_cli_fail("cannot read %s: it is no file, and a log is read twice; save it as "
			    "one first",
			    logs->p[i]);
		return false;
	}
	return true;
}

/* The logs from their beginning; *ret_room: how many records there are at most. */
static int rewind_logs(struct mw_shown *s, const struct mw_cli_list *logs, uint64_t *ret_room)
{
	const int r = s->log ? mw_logread_again(s->log) : -EINVAL;

	*ret_room = r == 0 ? s->n_read : UINT64_MAX;
	if (r == 0)
		return MW_EXIT_OK;
	if (r != -EINVAL)
		return mw_cli_fail("%s", mw_logread_error(s->log));
	/* the first time; or by an index, which is asked for other records now */
	mw_logread_free(s->log);
	s->log = NULL;
	if (!can_read_again(logs))
		return MW_EXIT_FAIL;
	s->log = open_logs(s, logs);
	return s->log ? MW_EXIT_OK : MW_EXIT_FAIL;
}

static int close_logs(struct mw_shown *s, int *ret_whole)
{
	int status = mw_cli_close_logs(s->log, s->failed, false);

	s->log = NULL;
	if (status == MW_EXIT_TAMPERED) {
		*ret_whole = status;
		return MW_EXIT_OK;
	}
	return status;
}

int mw_shown_read(const struct mw_cli_list *logs, bool last, int *ret_whole,
		  void (*take)(struct mw_shown *s, const struct mw_logrec *rec), struct mw_shown *s)
{
	struct mw_logrec rec;
	uint64_t room, left;
	int r = 1, status = rewind_logs(s, logs, &room);

	if (status != MW_EXIT_OK)
		return status;
	/* where the first reading failed, another stops before it */
	for (left = room; left > 0 && (r = mw_logread_next(s->log, &rec)) == 1; left--)
		take(s, &rec);
	s->n_read = room - left;
	if (r != 1)
		s->failed = r;
	/* what is wrong is said once, at the end */
	if (!last && (s->failed == -ENODATA || mw_logread_tampered(s->log)))
		return MW_EXIT_OK;
	return close_logs(s, ret_whole);
}

static int no_call(const struct mw_shown *s, const char *where)
{
	char ids[256] = "";
	size_t n = 0;

	if (!s->n_ids)
		return mw_cli_fail("no call '%s' in %s; 'mcpwatch log --type call' lists them",
				   s->id, where);
	for (size_t i = 0; i < s->n_ids && n < sizeof(ids); i++)
		n += (size_t)snprintf(ids + n, sizeof(ids) - n, "%s%s", i ? ", " : "", s->ids[i]);
	return mw_cli_fail("'%s' begins the ids of several calls: %s%s", s->id, ids,
			   s->more_ids ? " and others" : "");
}

static bool is_exact(const struct mw_shown *s)
{
	for (size_t i = 0; i < s->n_ids; i++)
		if (strcmp(s->ids[i], s->id) == 0)
			return true;
	return false;
}

/* The call of that id, or the only one whose id begins so. */
static int find_call(struct mw_shown *s, const struct mw_cli_list *logs, int *ret_whole)
{
	int status = mw_shown_read(logs, false, ret_whole, gather_call, s);

	if (status != MW_EXIT_OK || is_exact(s))
		return status;
	if (s->n_ids != 1)
		return no_call(s, logs->n ? logs->p[0] : MW_DEFAULT_LOG);
	s->id = s->ids[0];
	return MW_EXIT_OK;
}

static int show_call(struct mw_shown *s, const struct mw_cli_list *logs, int *ret_whole)
{
	int status;

	s->by_id = true;
	status = find_call(s, logs, ret_whole);

	if (status != MW_EXIT_OK)
		return status;
	index_all(s);
	return mw_shown_read(logs, true, ret_whole, gather_rest, s);
}

static void shown_done(struct mw_shown *s)
{
	struct mw_kept_list *const lists[] = { &s->call,      &s->request, &s->bodies, &s->ties,
					       &s->effects,   &s->shared,  &s->undone, &s->gaps,
					       &s->anomalies, &s->alerts,  &s->record, &s->calls };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		kept_done(lists[i]);
	for (size_t i = 0; i < s->n_ids; i++)
		free(s->ids[i]);
	free(s->by_seq);
	free(s->folded);
	free(s->seqs);
}

static int show(const char *what, const struct mw_cli_list *logs, const char *index,
		struct mw_pager *out, bool why, bool json)
{
	struct mw_shown s = { .id = what, .index = index };
	int status = MW_EXIT_OK, whole = MW_EXIT_OK;
	uint64_t seq;

	if (mw_parse_u64(what, &seq) == 0)
		status = mw_shown_find_record(&s, seq, logs, &whole);
	/* a record of a call's own is that call */
	if (status == MW_EXIT_OK && !s.record.n)
		status = show_call(&s, logs, &whole);
	if (status == MW_EXIT_OK) {
		mw_pager_open(out, !json);
		if (json)
			mw_shown_print_json(&s);
		else if (s.record.n)
			mw_shown_print_record(&s, why);
		else
			mw_shown_print(&s, why);
		/* once more behind it, where it is not overlooked */
		if (whole != MW_EXIT_OK) {
			fflush(stdout);
			mw_cli_fail(
			    "the log is not what was written, see above: do not rely on this");
		}
		status = mw_pager_done(out);
	}
	/* what was not found may be missing for what is wrong with the log */
	if (s.log && close_logs(&s, &whole) == MW_EXIT_OK && whole != MW_EXIT_OK)
		status = whole;
	shown_done(&s);
	return status == MW_EXIT_OK ? whole : status;
}

int cmd_show(int argc, char **argv)
{
	struct show_opts o = { 0 };
	int status;

	status = mw_options_parse(&options, argc, argv, &o);
	if (status == MW_OPTIONS_GO_ON && optind == argc)
		status = mw_cli_usage(argv[0], "which call, or which record?");
	else if (status == MW_OPTIONS_GO_ON && optind + 1 < argc)
		status = mw_cli_usage(argv[0], "unexpected '%s'", argv[optind + 1]);
	else if (status == MW_OPTIONS_GO_ON)
		status = show(argv[optind], &o.logs, o.index, &o.out, o.why, o.json);
	mw_cli_list_done(&o.logs);
	return status;
}
