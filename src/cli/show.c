/* SPDX-License-Identifier: Apache-2.0 */
/* show.c - the verb `show`: one call with everything known about it */
#include "cli/show.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "cli/cli.h"
#include "io/logread.h"
#include "io/render.h"

static const char help[] =
    "Usage: mcpwatch show CALL [--why] [--json] [--log DIR|FILE]...\n"
    "\n"
    "Shows one call: who called, arguments, result, each effect with how it was tied to the call\n"
    "and how far to trust that, effects it may have caused, and what is missing. CALL is the\n"
    "id that 'mcpwatch log' shows behind the time.\n"
    "\n"
    "  --why                 the evidence of each tie\n"
    "  --log DIR|FILE        a log folder, or a file of 'exec --output'; repeatable (default\n"
    "                        " MW_DEFAULT_LOG ")\n"
    "  --json                one JSON object that holds the records\n"
    "  --help                this text\n";

static void keep(struct mw_kept_list *l, const struct mw_logrec *rec, cJSON *json)
{
	struct mw_kept *p = reallocarray(l->p, l->n + 1, sizeof(*p));
	char *line = strdup(rec->line);

	if (!p || !line)
		exit(mw_cli_fail("not enough memory"));
	l->p = p;
	p[l->n++] = (struct mw_kept){ line, rec->len, rec->input, rec->seq, json };
}

static void kept_done(struct mw_kept_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->p[i].line);
		cJSON_Delete(l->p[i].json);
	}
	free(l->p);
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

static void index_ties(struct mw_shown *s, const cJSON *rec)
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

/* After the first pass. */
static void index_all(struct mw_shown *s)
{
	for (size_t i = 0; i < s->ties.n; i++)
		index_ties(s, s->ties.p[i].json);
	if (s->call.n)
		index_ties(s, s->call.p[0].json);
	if (s->n_by_seq)
		qsort(s->by_seq, s->n_by_seq, sizeof(*s->by_seq), compare_seq);
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

/* First pass: the call itself. */
static void gather_call(struct mw_shown *s, const struct mw_logrec *rec)
{
	struct mw_kept_list *l = place_of_call(s, rec->type);
	const char *call;
	cJSON *json;

	if (!l || !strstr(rec->line, s->id))
		return;
	json = mw_logread_json(rec);
	call = mw_rec_call(json);
	if (!call || strcmp(call, s->id) != 0 || ((l == &s->call || l == &s->request) && l->n)) {
		cJSON_Delete(json);
		return;
	}
	keep(l, rec, json);
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

static struct mw_kept_list *place_of_effect(struct mw_shown *s, const struct mw_logrec *rec,
					    const cJSON *json)
{
	const char *call = mw_rec_call(json), *link = mw_rec_str(json, "link");
	bool mine = call && strcmp(call, s->id) == 0;

	/* numbers are of one log only */
	if (s->call.n && rec->input == s->call.p[0].input && mw_shown_tie(s, rec->seq))
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

/* Second pass: what speaks of it. */
static void gather_rest(struct mw_shown *s, const struct mw_logrec *rec)
{
	struct mw_kept_list *l = NULL;
	const char *call;
	cJSON *json;

	if (strcmp(rec->type, "effect") != 0 && strcmp(rec->type, "gap") != 0 &&
	    strcmp(rec->type, "anomaly") != 0 && strcmp(rec->type, "alert") != 0)
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
		keep(l, rec, json);
	else
		cJSON_Delete(json);
}

/* Reads all of the log. The exit status; *ret_tampered: it is not whole, and that was said. */
static int read_all(struct mw_shown *s, const struct mw_cli_list *logs, bool second, int *ret_whole)
{
	struct mw_logread *l = mw_cli_open_logs(logs, false);
	struct mw_logrec rec;
	int r, status;

	if (!l)
		return MW_EXIT_FAIL;
	while ((r = mw_logread_next(l, &rec)) == 1)
		if (second)
			gather_rest(s, &rec);
		else
			gather_call(s, &rec);
	/* a hole is said once, at the end */
	if (!second && r == -ENODATA) {
		mw_logread_free(l);
		return MW_EXIT_OK;
	}
	status = mw_cli_close_logs(l, r, false);
	if (status == MW_EXIT_TAMPERED) {
		*ret_whole = status;
		return MW_EXIT_OK;
	}
	return status;
}

static int show(const char *id, const struct mw_cli_list *logs, bool why, bool json)
{
	struct mw_shown s = { .id = id };
	int status, whole = MW_EXIT_OK;

	status = read_all(&s, logs, false, &whole);
	if (status == MW_EXIT_OK && !s.call.n && !s.request.n)
		status = mw_cli_fail("no call '%s' in %s; 'mcpwatch log --type call' lists them",
				     id, logs->n ? logs->p[0] : MW_DEFAULT_LOG);
	else if (status == MW_EXIT_OK) {
		index_all(&s);
		status = read_all(&s, logs, true, &whole);
	}
	if (status == MW_EXIT_OK) {
		if (json)
			mw_shown_print_json(&s);
		else
			mw_shown_print(&s, why);
		status = mw_cli_stdout_done();
		/* once more behind it, where it is not overlooked */
		if (whole != MW_EXIT_OK)
			mw_cli_fail("the log is not what was written, see above: do not rely on this");
	}
	free(s.by_seq);
	free(s.folded);
	kept_done(&s.call);
	kept_done(&s.request);
	kept_done(&s.bodies);
	kept_done(&s.ties);
	kept_done(&s.effects);
	kept_done(&s.shared);
	kept_done(&s.undone);
	kept_done(&s.gaps);
	kept_done(&s.anomalies);
	kept_done(&s.alerts);
	return status == MW_EXIT_OK ? whole : status;
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = { { "log", required_argument, NULL, 'l' },
						 { "why", no_argument, NULL, 'w' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	bool why = false, json = false;
	struct mw_cli_list logs = { 0 };
	int c, status = MW_EXIT_OK;

	while (status == MW_EXIT_OK && (c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			mw_cli_list_add(&logs, optarg);
			break;
		case 'w':
			why = true;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(help, stdout);
			mw_cli_list_done(&logs);
			return mw_cli_stdout_done();
		default:
			status = mw_cli_bad_option(argv, c);
			break;
		}
	}
	if (status == MW_EXIT_OK && optind == argc)
		status = mw_cli_usage(argv[0], "which call?");
	if (status == MW_EXIT_OK && optind + 1 < argc)
		status = mw_cli_usage(argv[0], "unexpected '%s'", argv[optind + 1]);
	if (status == MW_EXIT_OK)
		status = show(argv[optind], &logs, why, json);
	mw_cli_list_done(&logs);
	return status;
}
