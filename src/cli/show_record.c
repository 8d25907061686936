/* SPDX-License-Identifier: Apache-2.0 */
/* show_record.c - `show SEQ`: one record, with the calls and effects that it names */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/show.h"
#include "io/escape.h"
#include "io/logread.h"
#include "io/render.h"

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static bool is(const struct mw_logrec *rec, const char *type)
{
	return strcmp(rec->type, type) == 0;
}

static bool numbers_hold(const cJSON *array, uint64_t seq)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, array)
	{
		if (cJSON_IsNumber(e) && e->valuedouble == (double)seq)
			return true;
	}
	return false;
}

/* Whether a call's record, or its ties, say that the effect is its own. */
static bool settles(const struct mw_logrec *rec, const cJSON *json, uint64_t seq)
{
	const cJSON *e;

	if (!is(rec, "call") && !is(rec, "ties"))
		return false;
	cJSON_ArrayForEach(e, get(json, "effects"))
	{
		if (numbers_hold(get(e, "seqs"), seq))
			return true;
	}
	return false;
}

/* The first reading: the record itself, and what settles it, which comes behind it. */
static void find(struct mw_shown *s, const struct mw_logrec *rec)
{
	char digits[24];
	cJSON *json;
	size_t n;

	if (rec->seq == s->seq) {
		json = mw_logread_json(rec);
		if (is(rec, "call") || is(rec, "request") || is(rec, "ties") || is(rec, "body")) {
			if (s->n_ids < MW_SHOWN_IDS_MAX && mw_rec_call(json) &&
			    (s->ids[s->n_ids] = strdup(mw_rec_call(json))))
				s->n_ids++;
			cJSON_Delete(json);
			return;
		}
		mw_kept_add(&s->record, rec, json);
		if (is(rec, "effect"))
			mw_kept_add(&s->effects, rec, mw_logread_json(rec));
		return;
	}
	if (!s->effects.n || rec->input != s->effects.p[0].input ||
	    (!is(rec, "call") && !is(rec, "ties")))
		return;
	n = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, s->seq);
	if (!memmem(rec->line, rec->len, digits, n))
		return;
	json = mw_logread_json(rec);
	if (settles(rec, json, s->seq))
		mw_kept_add(&s->calls, rec, json);
	else
		cJSON_Delete(json);
}

/* Whether a call's record is of one that the record names. */
static bool named(const cJSON *of, struct mw_slice call)
{
	const char *own = mw_rec_call(of);
	const cJSON *e;

	if (own && mw_json_str_eq(call, own))
		return true;
	cJSON_ArrayForEach(e, get(of, "calls"))
	{
		if (cJSON_IsString(e) && mw_json_str_eq(call, e->valuestring))
			return true;
	}
	return false;
}

static bool kept(const struct mw_kept_list *l, uint64_t seq)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->p[i].seq == seq)
			return true;
	return false;
}

/* The second: what it names. */
static void gather(struct mw_shown *s, const struct mw_logrec *rec)
{
	const cJSON *of = s->record.p[0].json;

	if (rec->input != s->record.p[0].input)
		return;
	if (is(rec, "effect") && numbers_hold(get(of, "effects"), rec->seq))
		mw_kept_add(&s->effects, rec, mw_logread_json(rec));
	else if ((is(rec, "call") || is(rec, "ties")) && named(of, mw_logrec_get(rec, "call")) &&
		 !kept(&s->calls, rec->seq))
		mw_kept_add(&s->calls, rec, mw_logread_json(rec));
}

/* The record, and the effects that it names (NULL: none). */
static void ask_for(struct mw_shown *s, const cJSON *json)
{
	const cJSON *effects = get(json, "effects"), *e;
	const int n = cJSON_IsArray(effects) ? cJSON_GetArraySize(effects) : 0;

	free(s->seqs);
	s->seqs = calloc((size_t)n + 1, sizeof(*s->seqs));
	if (!s->seqs)
		exit(mw_cli_fail("not enough memory"));
	s->seqs[0] = s->seq;
	s->n_seqs = 1;
	cJSON_ArrayForEach(e, effects)
	{
		if (cJSON_IsNumber(e) && e->valuedouble >= 0)
			s->seqs[s->n_seqs++] = (uint64_t)e->valuedouble;
	}
}

int mw_shown_find_record(struct mw_shown *s, uint64_t seq, const struct mw_cli_list *logs,
			 int *ret_whole)
{
	int status;

	s->seq = seq;
	ask_for(s, NULL);
	status = mw_shown_read(logs, false, ret_whole, find, s);
	if (status != MW_EXIT_OK)
		return status;
	if (s->record.n + s->n_ids > 1)
		return mw_cli_fail(
		    "several of the logs have a record %" PRIu64 "; name one with --log", seq);
	if (s->record.n + s->n_ids == 0)
		return mw_cli_fail("there is no record %" PRIu64 " in %s", seq,
				   logs->n ? logs->p[0] : MW_DEFAULT_LOG);
	if (!s->record.n) {
		s->id = s->ids[0];
		return MW_EXIT_OK;
	}
	ask_for(s, s->record.p[0].json);
	/* of an effect all is there but what is wrong with the log */
	status = mw_shown_read(logs, true, ret_whole, gather, s);
	for (size_t i = 0; i < s->calls.n; i++)
		mw_shown_add_ties(s, s->calls.p[i].json);
	mw_shown_sort_ties(s);
	return status;
}

static void strings(const cJSON *json, const char *name, const char *label)
{
	const cJSON *e;
	bool first = true;

	cJSON_ArrayForEach(e, get(json, name))
	{
		if (!cJSON_IsString(e))
			continue;
		mw_shown_field(first ? label : "", e->valuestring);
		first = false;
	}
}

static void alert(const cJSON *json)
{
	static const char *const fields[][2] = {
		{ "severity", "severity" }, { "title", "title" },     { "detail", "detail" },
		{ "tool", "tool" },	    { "outcome", "outcome" }, { "session", "session" },
		{ "rpc_id", "rpc id" }
	};
	char count[64];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		mw_shown_field(fields[i][1], mw_rec_str(json, fields[i][0]));
	strings(json, "targets", "targets");
	strings(json, "tags", "tags");
	if (cJSON_GetNumberValue(get(json, "count")) > 1) {
		snprintf(count, sizeof(count), "%.0f times",
			 cJSON_GetNumberValue(get(json, "count")));
		mw_shown_field("count", count);
	}
}

void mw_shown_print_record(const struct mw_shown *s, bool why)
{
	const struct mw_kept *k = &s->record.p[0];
	const char *type = mw_rec_str(k->json, "type"), *rule = mw_rec_str(k->json, "rule");
	const bool effect = type && strcmp(type, "effect") == 0;

	printf("record %" PRIu64 "  ", k->seq);
	mw_escape_print(stdout, type ? type : "?", type ? strlen(type) : 1);
	if (rule) {
		fputs("  ", stdout);
		mw_escape_print(stdout, rule, strlen(rule));
	}
	putchar('\n');
	mw_shown_time("time", mw_rec_str(k->json, "time"));
	mw_shown_who(k->json);
	if (rule)
		alert(k->json);
	mw_shown_effects(s, &s->effects, effect ? "effect" : "effects", why || effect);
	mw_shown_lines(&s->calls, effect ? "of the call" : "calls");
	puts("  the record itself");
	mw_shown_json_pretty(mw_slice(k->line, k->len));
}
