/* SPDX-License-Identifier: Apache-2.0 */
/* filter_match.c - a record's raw members against a filter */
#include <stdlib.h>

#include "base/json.h"
#include "cli/filter.h"
#include "cli/filter_priv.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/render.h"

/* --- raw values ---------------------------------------------------------------------------------
 */

/* A string's bytes, or a number's text. Most have no escapes and are looked at in place. */
struct text {
	struct mw_slice s;
	struct mw_buf buf;
};

static struct mw_slice open_text(struct text *t, struct mw_slice raw)
{
	mw_buf_init(&t->buf, &mw_heap, 1 << 20);
	t->s = raw;
	if (raw.n < 2 || raw.p[0] != '"')
		return t->s;
	t->s = mw_slice_inside(raw);
	/* without memory it is compared as it is written */
	if (memchr(t->s.p, '\\', t->s.n) && mw_json_str_decode(raw, &t->buf) == 0)
		t->s = mw_buf_slice(&t->buf);
	return t->s;
}

static void close_text(struct text *t)
{
	mw_buf_done(&t->buf);
}

static bool is_scalar(struct mw_slice raw)
{
	return raw.n && raw.p[0] != '{' && raw.p[0] != '[';
}

typedef void see_fn(const struct mw_patterns *l, struct mw_slice value, struct mw_matched *m);

static void see(const struct mw_patterns *l, struct mw_slice raw, see_fn *fn, struct mw_matched *m)
{
	struct text t;

	if (!is_scalar(raw))
		return;
	fn(l, open_text(&t, raw), m);
	close_text(&t);
}

static void see_each(const struct mw_patterns *l, struct mw_slice array, see_fn *fn,
		     struct mw_matched *m)
{
	struct mw_json_array a;
	struct mw_slice v;

	mw_json_array_init(&a, array);
	while (mw_json_array_next(&a, &v))
		see(l, v, fn, m);
}

void mw_filter_members(struct mw_slice object, const char *const *want, struct mw_slice *ret)
{
	struct mw_json_object o;
	struct mw_slice name, v;
	size_t i;

	for (i = 0; want[i]; i++)
		ret[i] = mw_slice(NULL, 0);
	mw_json_object_init(&o, object);
	while (mw_json_object_next(&o, &name, &v))
		for (i = 0; want[i]; i++)
			if (mw_slice_eq_str(mw_slice_inside(name), want[i]))
				ret[i] = v;
}

/* --- what each option asks ----------------------------------------------------------------------
 */

void mw_filter_see_name(const struct mw_patterns *l, struct mw_slice raw, struct mw_matched *m)
{
	see(l, raw, mw_patterns_name, m);
}

void mw_filter_see_shown(const struct mw_patterns *l, struct mw_slice key, struct mw_matched *m)
{
	struct text t;

	if (!key.n)
		return;
	mw_patterns_name(l, mw_render_key(open_text(&t, key)), m);
	close_text(&t);
}

static bool server_passes(const struct mw_filter *f, const struct mw_logrec *rec)
{
	static const char *const want[] = { "name", "configured_name", "key", "id", NULL };
	const struct mw_slice server = mw_logrec_get(rec, "server");
	struct mw_matched m = { 0 };
	struct mw_slice v[4];

	see(&f->servers, server, mw_patterns_name, &m);
	mw_filter_members(server, want, v);
	for (size_t i = 0; i < 4; i++)
		see(&f->servers, v[i], mw_patterns_name, &m);
	if (!v[0].n && !v[1].n)
		mw_filter_see_shown(&f->servers, v[2], &m);
	mw_filter_see_server(f, rec, &m);
	return mw_patterns_pass(&f->servers, m);
}

static void see_tokens(const struct mw_patterns *l, struct mw_slice tokens, struct mw_matched *m)
{
	static const char *const want[] = { "sub", "client_id", "azp", "fingerprint", NULL };
	struct mw_slice v[4], one;
	struct mw_json_array a;

	mw_json_array_init(&a, tokens);
	while (mw_json_array_next(&a, &one)) {
		mw_filter_members(one, want, v);
		for (size_t i = 0; i < 4; i++)
			see(l, v[i], mw_patterns_name, m);
	}
}

static bool principal_passes(const struct mw_filter *f, struct mw_slice principal)
{
	static const char *const want[] = { "user",   "uid",	"unit", "container",
					    "cgroup", "tokens", NULL };
	struct mw_matched m = { 0 };
	struct mw_slice v[6];

	mw_filter_members(principal, want, v);
	for (size_t i = 0; i < 5; i++)
		see(&f->principals, v[i], mw_patterns_name, &m);
	see_tokens(&f->principals, v[5], &m);
	return principal.n && mw_patterns_pass(&f->principals, m);
}

static bool pid_passes(const struct mw_filter *f, const struct mw_logrec *rec)
{
	static const char *const parties[] = { "server", "client" };
	static const char *const want[] = { "pid", NULL };
	struct mw_matched m = { 0 };
	struct mw_slice v;

	see(&f->pids, mw_logrec_get(rec, "pid"), mw_patterns_name, &m);
	see(&f->pids, mw_logrec_get(rec, "tid"), mw_patterns_name, &m);
	for (size_t i = 0; i < 2; i++) {
		/* an effect is its own process's, not the server's */
		if (mw_logrec_get(rec, "pid").n)
			break;
		mw_filter_members(mw_logrec_get(rec, parties[i]), want, &v);
		see(&f->pids, v, mw_patterns_name, &m);
	}
	return mw_patterns_pass(&f->pids, m);
}

static bool severe(const struct mw_filter *f, const struct mw_logrec *rec)
{
	const struct mw_slice v = mw_logrec_get(rec, "severity");

	for (unsigned int i = f->severity - 1; mw_filter_severities[i]; i++)
		if (mw_json_str_eq(v, mw_filter_severities[i]))
			return true;
	return false;
}

static bool args_pass(const struct mw_filter *f, const struct mw_logrec *rec)
{
	const struct mw_slice v = mw_logrec_get(rec, "args_hmac");

	for (unsigned int i = 0; v.n && i < f->n_args_hmac; i++)
		if (mw_json_str_eq(v, f->args_hmac[i]))
			return true;
	return false;
}

/* Of one action: its kind, and the targets. */
static bool effect_passes(const struct mw_filter *f, struct mw_slice kind,
			  const struct mw_slice *targets, size_t n)
{
	struct mw_matched m = { 0 }, t = { 0 };

	if (f->kinds.n) {
		see(&f->kinds, kind, mw_patterns_name, &m);
		if (!mw_patterns_pass(&f->kinds, m))
			return false;
	}
	if (!f->targets.n)
		return true;
	for (size_t i = 0; i < n; i++)
		see(&f->targets, targets[i], mw_patterns_target, &t);
	return mw_patterns_pass(&f->targets, t);
}

bool mw_filter_effect(const struct mw_filter *f, struct mw_slice entry)
{
	static const char *const want[] = { "kind", "target", "target2", NULL };
	struct mw_slice v[3];

	mw_filter_members(entry, want, v);
	return effect_passes(f, v[0], v + 1, 2);
}

/* A call's own list: whether one passes; there being none, what leaves out leaves it in. */
static bool entries_pass(const struct mw_filter *f, struct mw_slice effects)
{
	struct mw_json_array a;
	struct mw_slice one;
	bool any = false;

	mw_json_array_init(&a, effects);
	while (mw_json_array_next(&a, &one)) {
		any = true;
		if (mw_filter_effect(f, one))
			return true;
	}
	return !any && f->kinds.n_yes == 0 && f->targets.n_yes == 0;
}

static bool effects_pass(const struct mw_filter *f, const struct mw_logrec *rec,
			 const struct mw_filter_facts *facts)
{
	static const char *const names[] = { "target", "target2",     "asked",
					     "name",   "host_target", "object" };
	const struct mw_slice effects = mw_logrec_get(rec, "effects");
	struct mw_matched m = { 0 };
	struct mw_slice v[6];

	if (strcmp(rec->type, "call") == 0 || strcmp(rec->type, "ties") == 0)
		return (facts && facts->matched) || entries_pass(f, effects);
	if (strcmp(rec->type, "alert") == 0) {
		if (f->kinds.n_yes)
			return false;
		see_each(&f->targets, mw_logrec_get(rec, "targets"), mw_patterns_target, &m);
		return mw_patterns_pass(&f->targets, m);
	}
	for (size_t i = 0; i < 6; i++)
		v[i] = mw_logrec_get(rec, names[i]);
	return effect_passes(f, mw_logrec_get(rec, "kind"), v, 6);
}

static bool alerts_pass(const struct mw_filter *f, const struct mw_logrec *rec)
{
	struct mw_matched m = { 0 };

	see(&f->alerts, mw_logrec_get(rec, "rule"), mw_patterns_name, &m);
	see_each(&f->alerts, mw_logrec_get(rec, "alerts"), mw_patterns_name, &m);
	return mw_patterns_pass(&f->alerts, m);
}

static bool calls_pass(const struct mw_filter *f, const struct mw_logrec *rec,
		       const struct mw_filter_facts *facts)
{
	const bool known = facts && facts->call.n;
	struct mw_matched m = { 0 };

	if (known)
		mw_patterns_name(&f->calls, facts->call, &m);
	else
		see(&f->calls, mw_logrec_get(rec, "call"), mw_patterns_name, &m);
	if (!known || strcmp(rec->type, "effect") != 0)
		see_each(&f->calls, mw_logrec_get(rec, "candidates"), mw_patterns_name, &m);
	see_each(&f->calls, mw_logrec_get(rec, "calls"), mw_patterns_name, &m);
	return mw_patterns_pass(&f->calls, m);
}

/* The record's own member, or what its call says. */
static struct mw_slice of_call(const struct mw_logrec *rec, const char *name, struct mw_slice fact)
{
	const struct mw_slice own = mw_logrec_get(rec, name);

	return own.n ? own : fact;
}

/* What is no call's has no such value, and is not what is asked for, whatever is left out. */
static bool of_call_passes(const struct mw_patterns *l, struct mw_slice raw)
{
	struct mw_matched m = { 0 };

	see(l, raw, mw_patterns_name, &m);
	return raw.n && mw_patterns_pass(l, m);
}

static bool one_passes(const struct mw_patterns *l, struct mw_slice raw)
{
	struct mw_matched m = { 0 };

	see(l, raw, mw_patterns_name, &m);
	return mw_patterns_pass(l, m);
}

static bool grep_passes(const struct mw_filter *f, const struct mw_logrec *rec)
{
	if (f->grep_text)
		return memmem(rec->line, rec->len, f->grep_text, strlen(f->grep_text)) != NULL;
	return regexec(&f->grep, rec->line, 0, NULL, 0) == 0;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static bool type_wanted(const struct mw_filter *f, const char *type, const char *const *types)
{
	size_t i;

	for (i = 0; mw_filter_types[i]; i++)
		if (strcmp(mw_filter_types[i], type) == 0)
			break;
	/* a type of a later version has no bit */
	if (mw_filter_types[i] && f->not_types & (1u << i))
		return false;
	if (f->all_types)
		return true;
	if (f->have_types)
		return mw_filter_types[i] && f->types & (1u << i);
	if (!types)
		return true;
	for (i = 0; types[i]; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

bool mw_filter_head(const struct mw_filter *f, const struct mw_logrec *rec,
		    const char *const *types)
{
	if (f->have_since && rec->time_ns < f->since_ns)
		return false;
	if (f->have_until && rec->time_ns >= f->until_ns)
		return false;
	return type_wanted(f, rec->type, types);
}

bool mw_filter_asks_effects(const struct mw_filter *f)
{
	return f->kinds.n || f->targets.n;
}

bool mw_filter_asks_call(const struct mw_filter *f)
{
	return f->tools.n || f->principals.n || f->sessions.n || f->statuses.n || f->calls.n;
}

bool mw_filter_own(const struct mw_filter *f, const struct mw_logrec *rec,
		   const struct mw_filter_facts *facts)
{
	if (f->severity && !severe(f, rec))
		return false;
	if (f->n_args_hmac && !args_pass(f, rec))
		return false;
	if (f->alerts.n && !alerts_pass(f, rec))
		return false;
	if (f->servers.n && !server_passes(f, rec))
		return false;
	if (f->hosts.n && !one_passes(&f->hosts, mw_logrec_get(rec, "host")))
		return false;
	if (f->pids.n && !pid_passes(f, rec))
		return false;
	if (mw_filter_asks_effects(f) && !effects_pass(f, rec, facts))
		return false;
	return !f->have_grep || grep_passes(f, rec);
}

bool mw_filter_call(const struct mw_filter *f, const struct mw_logrec *rec,
		    const struct mw_filter_facts *facts)
{
	static const struct mw_filter_facts nothing;

	if (f->calls.n && !calls_pass(f, rec, facts))
		return false;
	facts = facts ? facts : &nothing;
	if (f->tools.n && !of_call_passes(&f->tools, of_call(rec, "tool", facts->tool)))
		return false;
	if (f->sessions.n && !of_call_passes(&f->sessions, of_call(rec, "session", facts->session)))
		return false;
	if (f->statuses.n && !of_call_passes(&f->statuses, of_call(rec, "status", facts->status)))
		return false;
	return !f->principals.n || principal_passes(f, of_call(rec, "principal", facts->principal));
}

bool mw_filter_match(const struct mw_filter *f, const struct mw_logrec *rec,
		     const char *const *types, const struct mw_filter_facts *facts)
{
	return mw_filter_head(f, rec, types) && mw_filter_own(f, rec, facts) &&
	       mw_filter_call(f, rec, facts);
}
