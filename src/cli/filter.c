/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter.h"

#include <cjson/cJSON.h>
#include <fnmatch.h>
#include <time.h>

#include "io/logread.h"
#include "io/render.h"
#include "io/when.h"

static int parse_time(const char *verb, const char *option, const char *value, int64_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mw_when_parse(value, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, ret) < 0)
		return mw_cli_usage(verb, "--%s: '%s' is no time", option, value);
	return 0;
}

static int parse_types(struct mw_filter *f, const char *verb, const char *value)
{
	static const char *const known[] = { "call",   "effect", "alert",   "gap",    "anomaly",
					     "server", "tool",	 "request", "notice", "daemon",
					     "ties",   "body",	 "seal",    "all" };
	char *copy = strdup(value), *p, *next;
	size_t i;

	if (!copy)
		return mw_cli_usage(verb, "not enough memory");
	for (p = copy; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(p, known[i]) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0])) {
			mw_cli_usage(verb, "--type: there are no records of type '%s'", p);
			free(copy);
			return MW_EXIT_USAGE;
		}
		mw_cli_list_add(&f->types, known[i]);
	}
	free(copy);
	return 0;
}

int mw_filter_option(struct mw_filter *f, const char *verb, int option, const char *value)
{
	char why[128];
	int r;

	switch (option) {
	case MW_FILTER_SINCE:
		f->have_since = true;
		return parse_time(verb, "since", value, &f->since_ns);
	case MW_FILTER_UNTIL:
		f->have_until = true;
		return parse_time(verb, "until", value, &f->until_ns);
	case MW_FILTER_SERVER:
		mw_cli_list_add(&f->servers, value);
		return 0;
	case MW_FILTER_TOOL:
		mw_cli_list_add(&f->tools, value);
		return 0;
	case MW_FILTER_TYPE:
		return parse_types(f, verb, value);
	case MW_FILTER_KIND:
		mw_cli_list_add(&f->kinds, value);
		return 0;
	case MW_FILTER_TARGET:
		mw_cli_list_add(&f->targets, value);
		return 0;
	case MW_FILTER_PRINCIPAL:
		mw_cli_list_add(&f->principals, value);
		return 0;
	case MW_FILTER_ALERT:
		mw_cli_list_add(&f->alerts, value);
		return 0;
	case MW_FILTER_CALL:
		mw_cli_list_add(&f->calls, value);
		return 0;
	case MW_FILTER_GREP:
		if (f->have_grep)
			regfree(&f->grep);
		f->have_grep = false;
		r = regcomp(&f->grep, value, REG_EXTENDED | REG_NOSUB);
		if (r != 0) {
			regerror(r, &f->grep, why, sizeof(why));
			return mw_cli_usage(verb, "--grep: '%s': %s", value, why);
		}
		f->have_grep = true;
		return 0;
	default:
		return mw_cli_usage(verb, "no such option");
	}
}

static bool match(const struct mw_cli_list *l, const char *s)
{
	size_t i;

	for (i = 0; s && i < l->n; i++)
		if (fnmatch(l->p[i], s, 0) == 0 || strcmp(l->p[i], s) == 0)
			return true;
	return false;
}

static bool match_array(const struct mw_cli_list *l, const cJSON *array, const char *member)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, array) if (match(l, member ? mw_rec_str(e, member)
							 : cJSON_GetStringValue(e))) return true;
	return false;
}

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

bool mw_filter_head(const struct mw_filter *f, const struct mw_logrec *rec,
		    const char *const *types)
{
	bool wanted = false;
	size_t i;

	if (f->have_since && rec->time_ns < f->since_ns)
		return false;
	if (f->have_until && rec->time_ns >= f->until_ns)
		return false;
	for (i = 0; i < f->types.n && !wanted; i++)
		wanted = strcmp(f->types.p[i], "all") == 0 || strcmp(f->types.p[i], rec->type) == 0;
	for (i = 0; f->types.n == 0 && types[i] && !wanted; i++)
		wanted = strcmp(types[i], rec->type) == 0;
	if (!wanted)
		return false;
	return !f->have_grep || regexec(&f->grep, rec->line, 0, NULL, 0) == 0;
}

bool mw_filter_needs_tree(const struct mw_filter *f)
{
	return f->servers.n || f->tools.n || f->kinds.n || f->targets.n || f->principals.n ||
	       f->alerts.n || f->calls.n || f->n_args_hmac;
}

static bool match_args(const struct mw_filter *f, const cJSON *json)
{
	const char *hmac = mw_rec_str(json, "args_hmac");
	unsigned int i;

	for (i = 0; hmac && i < f->n_args_hmac; i++)
		if (strcmp(hmac, f->args_hmac[i]) == 0)
			return true;
	return false;
}

static bool match_server(const struct mw_filter *f, const cJSON *json)
{
	static const char *const names[] = { "name", "configured_name", "key", "id" };
	size_t i;

	if (match(&f->servers, mw_rec_str(json, "server")))
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (match(&f->servers, mw_rec_str2(json, "server", names[i])))
			return true;
	return false;
}

static bool match_principal(const struct mw_filter *f, const cJSON *json)
{
	static const char *const names[] = { "user", "unit", "container", "cgroup" };
	static const char *const claims[] = { "sub", "client_id", "azp", "fingerprint" };
	const cJSON *p = get(json, "principal"), *uid = get(p, "uid"), *t;
	char text[24];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (match(&f->principals, mw_rec_str(p, names[i])))
			return true;
	if (cJSON_IsNumber(uid)) {
		snprintf(text, sizeof(text), "%.0f", uid->valuedouble);
		if (match(&f->principals, text))
			return true;
	}
	cJSON_ArrayForEach(
	    t, get(p, "tokens")) for (i = 0; i < sizeof(claims) / sizeof(claims[0]);
				      i++) if (match(&f->principals,
						     mw_rec_str(t, claims[i]))) return true;
	return false;
}

static bool match_target(const struct mw_filter *f, const cJSON *json)
{
	static const char *const names[] = { "target", "target2", "asked", "name", "host_target" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (match(&f->targets, mw_rec_str(json, names[i])))
			return true;
	return match_array(&f->targets, get(json, "effects"), "target") ||
	       match_array(&f->targets, get(json, "effects"), "target2") ||
	       match_array(&f->targets, get(json, "targets"), NULL);
}

static bool match_call(const struct mw_filter *f, const struct mw_logrec *rec, const cJSON *json)
{
	size_t i;

	if (match(&f->calls, mw_rec_call(json)) ||
	    match_array(&f->calls, get(json, "candidates"), NULL) ||
	    match_array(&f->calls, get(json, "calls"), NULL))
		return true;
	for (i = 0; i < f->n_seqs; i++)
		if (f->seqs[i].seq == rec->seq && f->seqs[i].input == rec->input)
			return true;
	return false;
}

bool mw_filter_tree(const struct mw_filter *f, const struct mw_logrec *rec, const cJSON *json)
{
	if (f->servers.n && !match_server(f, json))
		return false;
	if (f->tools.n && !match(&f->tools, mw_rec_str(json, "tool")))
		return false;
	if (f->kinds.n && !match(&f->kinds, mw_rec_str(json, "kind")) &&
	    !match_array(&f->kinds, get(json, "effects"), "kind"))
		return false;
	if (f->targets.n && !match_target(f, json))
		return false;
	if (f->principals.n && !match_principal(f, json))
		return false;
	if (f->alerts.n && !match(&f->alerts, mw_rec_str(json, "rule")) &&
	    !match_array(&f->alerts, get(json, "alerts"), NULL))
		return false;
	if (f->n_args_hmac && !match_args(f, json))
		return false;
	return !f->calls.n || match_call(f, rec, json);
}

bool mw_filter_wants_learning(const struct mw_filter *f)
{
	return f->calls.n > 0;
}

void mw_filter_learn(struct mw_filter *f, const struct mw_logrec *rec)
{
	struct mw_filter_seq *p;
	const cJSON *e, *seq;
	cJSON *json;

	if (strcmp(rec->type, "call") != 0 && strcmp(rec->type, "ties") != 0)
		return;
	json = mw_logread_json(rec);
	if (!match(&f->calls, mw_rec_call(json))) {
		cJSON_Delete(json);
		return;
	}
	cJSON_ArrayForEach(e, get(json, "effects")) cJSON_ArrayForEach(seq, get(e, "seqs"))
	{
		p = reallocarray(f->seqs, f->n_seqs + 1, sizeof(*p));
		if (!p)
			exit(mw_cli_fail("not enough memory"));
		f->seqs = p;
		p[f->n_seqs++] = (struct mw_filter_seq){ rec->input, (uint64_t)seq->valuedouble };
	}
	cJSON_Delete(json);
}

void mw_filter_done(struct mw_filter *f)
{
	mw_cli_list_done(&f->servers);
	mw_cli_list_done(&f->tools);
	mw_cli_list_done(&f->types);
	mw_cli_list_done(&f->kinds);
	mw_cli_list_done(&f->targets);
	mw_cli_list_done(&f->principals);
	mw_cli_list_done(&f->alerts);
	mw_cli_list_done(&f->calls);
	free(f->seqs);
	if (f->have_grep)
		regfree(&f->grep);
}
