/* SPDX-License-Identifier: Apache-2.0 */
/* known_count.c - what passed the filter, counted for its server and tool */
#include <stdlib.h>

#include "base/json.h"
#include "base/table.h"
#include "cli/known_priv.h"

static void count_strings(struct mw_known_names *l, struct mw_slice array)
{
	struct mw_json_item it;
	struct mw_json j;

	if (array.n == 0 || array.p[0] != '[')
		return;
	mw_json_init(&j, array, MW_JSON_DEPTH_MAX);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING)
			mw_known_raw_count(l, it.raw, 1, true);
}

static bool holds(struct mw_slice array, struct mw_slice string)
{
	struct mw_json_item it;
	struct mw_json j;

	mw_json_init(&j, array, MW_JSON_DEPTH_MAX);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING && mw_slice_eq(it.raw, string))
			return true;
	return false;
}

/* Each call by what was declared then. */
static void count_power(struct mw_known_tool *t, struct mw_slice declared, struct mw_slice observed)
{
	struct mw_json_item it;
	struct mw_json j;

	count_strings(&t->declared, declared);
	count_strings(&t->observed, observed);
	if (!declared.n || !observed.n || holds(declared, MW_SLICE_LIT("\"undeclared\"")))
		return;
	mw_json_init(&j, observed, MW_JSON_DEPTH_MAX);
	while (mw_json_next(&j, &it) == 1)
		if (it.tok == MW_JSON_STRING && !holds(declared, it.raw)) {
			t->exceeded++;
			return;
		}
}

static void count_time(struct mw_known_tool *t, double ms)
{
	if (ms > t->max_ms)
		t->max_ms = ms;
	if (t->n_timed++ % t->stride)
		return;
	if (!t->times)
		t->times = mw_known_must(calloc(MW_KNOWN_TIMES_MAX, sizeof(*t->times)));
	if (t->n_times == MW_KNOWN_TIMES_MAX) {
		for (size_t i = 0; i < MW_KNOWN_TIMES_MAX / 2; i++)
			t->times[i] = t->times[2 * i];
		t->n_times /= 2;
		t->stride *= 2;
	}
	t->times[t->n_times++] = ms;
}

static int by_ms(const void *pa, const void *pb)
{
	const double *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

bool mw_known_median(struct mw_known_tool *t, double *ret_ms)
{
	if (!t->n_times)
		return false;
	qsort(t->times, t->n_times, sizeof(*t->times), by_ms);
	*ret_ms = t->n_times % 2 ? t->times[t->n_times / 2]
				 : (t->times[t->n_times / 2 - 1] + t->times[t->n_times / 2]) / 2;
	return true;
}

static void touch(struct mw_known_tool *t, int64_t ns)
{
	t->matched = true;
	if (!t->first_ns || ns < t->first_ns)
		t->first_ns = ns;
	if (ns > t->last_ns)
		t->last_ns = ns;
}

static void count_call(struct mw_known *s, const struct mw_logrec *rec, struct mw_known_server *v)
{
	const struct mw_slice status = mw_logrec_get(rec, "status");
	const struct mw_slice power = mw_logrec_get(rec, "power");
	const bool ok = mw_json_str_eq(status, "ok");
	const struct mw_slice principal = mw_logrec_get(rec, "principal");
	const double ms = mw_known_number(mw_logrec_get(rec, "elapsed_ms"), -1);
	struct mw_known_tool *t = mw_known_tool_at(s, v, mw_logrec_get(rec, "tool"));

	v->calls++;
	v->failed += !ok;
	mw_known_raw_count(&v->statuses, status, 1, true);
	mw_known_raw_count(&v->clients, mw_known_member(mw_logrec_get(rec, "client"), "name"), 1,
			   true);
	mw_known_raw_count(&v->principals, mw_known_member(principal, "user"), 1, true);
	mw_known_raw_count(&v->transports, mw_logrec_get(rec, "transport"), 1, true);
	if (!t)
		return;
	touch(t, rec->time_ns);
	t->calls++;
	t->failed += !ok;
	mw_known_raw_count(&t->statuses, status, 1, true);
	count_power(t, mw_known_member(power, "declared"), mw_known_member(power, "observed"));
	if (ms >= 0)
		count_time(t, ms);
}

/* "1.2.3.4" of "1.2.3.4:80", "::1" of "[::1]:80"; the name, where there is one. */
static void count_host(struct mw_known_tool *t, const struct mw_logrec *rec, bool certain)
{
	char *name = mw_known_text(mw_logrec_get(rec, "name")), *target, *end;

	target = name ? NULL : mw_known_text(mw_logrec_get(rec, "target"));
	if (target && *target == '[' && (end = strchr(target, ']')))
		mw_known_name_count(&t->hosts, mw_slice(target + 1, (size_t)(end - target - 1)), 1,
				    certain);
	else if (target)
		mw_known_name_count(&t->hosts,
				    mw_slice(target, strncmp(target, "unix:", 5) == 0
							 ? strlen(target)
							 : strcspn(target, ":")),
				    1, certain);
	if (name)
		mw_known_name_count(&t->hosts, mw_slice_str(name), 1, certain);
	free(name);
	free(target);
}

/* Whether it changes what its target names. */
static bool writes(const struct mw_logrec *rec)
{
	static const char *const kinds[] = { "file.delete", "file.rename",  "file.truncate",
					     "file.chmod",  "file.chown",   "file.link",
					     "file.mkdir",  "file.symlink", "file.rmdir",
					     "file.mknod",  "file.xattr",   "file.mount" };
	const struct mw_slice kind = mw_logrec_get(rec, "kind"), mode = mw_logrec_get(rec, "mode");

	if (mw_json_str_eq(kind, "file.open"))
		return mode.n > 2 && (memchr(mode.p, 'w', mode.n) || memchr(mode.p, '+', mode.n) ||
				      mode.p[1] == 'a');
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (mw_json_str_eq(kind, kinds[i]))
			return true;
	return false;
}

static void count_effect(struct mw_known *s, const struct mw_joined *item,
			 struct mw_known_server *v)
{
	static const char *const nets[] = { "net.connect", "net.send", "net.http" };
	const struct mw_slice kind = mw_logrec_get(&item->rec, "kind");
	const double n = mw_known_number(mw_logrec_get(&item->rec, "n"), 1);
	const bool certain = strcmp(item->confidence, "certain") == 0;
	struct mw_known_tool *t;

	v->effects += (uint64_t)n;
	if ((!certain && strcmp(item->confidence, "likely") != 0) || item->tie == MW_TIE_UNDONE ||
	    !item->facts.call.n)
		return;
	t = mw_known_tool_at(s, v, item->facts.tool);
	if (!t)
		return;
	touch(t, item->rec.time_ns);
	t->n_effects += (uint64_t)n;
	mw_known_raw_count(&t->kinds, kind, (uint64_t)n, certain);
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (mw_json_str_eq(kind, nets[i])) {
			count_host(t, &item->rec, certain);
			break;
		}
	if (writes(&item->rec))
		mw_known_raw_count(&t->written, mw_logrec_get(&item->rec, "target"), 1, certain);
}

static void count_alert(struct mw_known *s, const struct mw_logrec *rec, struct mw_known_server *v)
{
	static const char *const names[] = { "low", "medium", "high", "critical" };
	const struct mw_slice severity = mw_logrec_get(rec, "severity");
	struct mw_known_tool *t = mw_known_tool_at(s, v, mw_logrec_get(rec, "tool"));

	for (size_t i = 0; i < 4; i++)
		if (mw_json_str_eq(severity, names[i])) {
			v->alerts[i]++;
			if (t)
				t->alerts[i]++;
		}
	if (t)
		touch(t, rec->time_ns);
}

void mw_known_count(struct mw_known *s, const struct mw_joined *item)
{
	const struct mw_logrec *rec = &item->rec;
	struct mw_known_run *run = mw_known_run_of(s, rec);
	struct mw_known_server *v;
	struct mw_known_tool *t;
	char *name;

	if (!run)
		return;
	v = run->server;
	v->matched = true;
	if (!v->first_ns || rec->time_ns < v->first_ns)
		v->first_ns = rec->time_ns;
	if (rec->time_ns > v->last_ns)
		v->last_ns = rec->time_ns;
	if (!v->name) {
		name = mw_known_text(mw_known_member(mw_logrec_get(rec, "server"), "name"));
		mw_known_set(&v->name, name);
		free(name);
	}
	if (strcmp(rec->type, "call") == 0)
		count_call(s, rec, v);
	else if (strcmp(rec->type, "effect") == 0)
		count_effect(s, item, v);
	else if (strcmp(rec->type, "alert") == 0)
		count_alert(s, rec, v);
	else if (strcmp(rec->type, "tool") == 0 &&
		 (t = mw_known_tool_at(s, v, mw_logrec_get(rec, "tool"))))
		touch(t, rec->time_ns);
	else if (strcmp(rec->type, "gap") == 0)
		v->gaps++;
	else if (strcmp(rec->type, "anomaly") == 0)
		v->anomalies++;
}
