/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rules_default.c - each default rule on both sides: what it is to fire on, and its near
 *misses
 *
 * A story is facts, with " ; " between them:
 *	[N*] KIND [FIELD=VALUE | FLAG | +SECONDS]...
 * What is not said is as in `usual`; what is said holds for that fact alone. In a value "@" is a
 * blank, "#" the number of the repetition and "," stands between the texts of a list.
 */
#include "policy_fx.h"
#include "rules_stories.h"

#include <ctype.h>

static struct mw_rules *rules;

/* --- facts of a text ----------------------------------------------------------------------------
 */

enum type { T_TEXT, T_TEXTS, T_BOOL, T_U64, T_U32, T_CONF, T_LINK, T_MODE, T_ADDR, T_FAIL, T_BITS };

struct world {
	struct fx *x;
	struct mw_fact_notice notice;
	struct mw_fact_anomaly anomaly;
	struct mw_fact_gap gap;
	struct mw_slice texts[16][4];
	size_t n_texts;
	char pool[16384];
	size_t used;
	bool no_call;
};

static struct mw_slice keep(struct world *w, const char *s, size_t n, unsigned int round)
{
	char *start = w->pool + w->used, *p = start;

	assert_true(w->used + n + 16 < sizeof(w->pool));
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '#')
			p += sprintf(p, "%u", round);
		else
			*p++ = s[i] == '@' ? ' ' : s[i];
	}
	w->used += (size_t)(p - start) + 1;
	*p = 0;
	return mw_slice(start, (size_t)(p - start));
}

static struct mw_texts keep_list(struct world *w, struct mw_slice s)
{
	struct mw_slice *v = w->texts[w->n_texts++];
	size_t n = 0;

	assert_true(w->n_texts <= 16);
	while (s.n && n < 4) {
		const uint8_t *comma = memchr(s.p, ',', s.n);
		size_t len = comma ? (size_t)(comma - s.p) : s.n;

		v[n++] = mw_slice(s.p, len);
		s = mw_slice(s.p + len + (comma != NULL), s.n - len - (comma != NULL));
	}
	return (struct mw_texts){ v, n };
}

static void set(struct world *w, struct mw_slice name, struct mw_slice value)
{
	struct fx *x = w->x;
	const struct {
		const char *name;
		enum type type;
		void *at;
	} to[] = {
		{ "target", T_TEXT, &x->act.target },
		{ "target2", T_TEXT, &x->act.target2 },
		{ "asked", T_TEXT, &x->act.asked },
		{ "mode", T_MODE, x->act.mode },
		{ "name", T_TEXT, &x->act.name },
		{ "verb", T_TEXT, &x->act.verb },
		{ "object", T_TEXT, &x->act.object },
		{ "addr", T_ADDR, &x->act.peer },
		{ "port", T_U64, &x->act.chan },
		{ "bytes_w", T_U64, &x->act.bytes_w },
		{ "uid", T_U32, &x->act.uid },
		{ "is_dir", T_BOOL, &x->act.is_dir },
		{ "failed", T_FAIL, &x->act.ret },
		{ "exe", T_TEXT, &x->effect.exe },
		{ "argv", T_TEXTS, &x->effect.argv },
		{ "write", T_BOOL, &x->effect.write },
		{ "link", T_LINK, &x->effect.link },
		{ "confidence", T_CONF, &x->effect.confidence },
		{ "after", T_BOOL, &x->effect.after },
		{ "background", T_BOOL, &x->effect.background },
		{ "startup", T_BOOL, &x->effect.startup },
		{ "launch", T_BOOL, &x->effect.launch },
		{ "leads", T_BOOL, &x->effect.leads },
		{ "asked_changed", T_BOOL, &x->act.asked_changed },
		{ "named", T_BOOL, &x->effect.named },
		{ "named_near", T_BOOL, &x->effect.named_near },
		{ "own", T_BOOL, &x->effect.own },
		{ "own_child", T_BOOL, &x->effect.own_child },
		{ "outside_roots", T_BOOL, &x->effect.outside_roots },
		{ "injected", T_BOOL, &x->effect.injected },
		{ "sql_no_where", T_BOOL, &x->effect.sql_no_where },
		{ "other_uid", T_BOOL, &x->effect.other_uid },
		{ "memfd", T_BOOL, &x->effect.memfd },
		{ "habit", T_BOOL, &x->effect.habit },
		{ "call.id", T_U64, &x->call.id },
		{ "call.session", T_U64, &x->call.session },
		{ "call.method", T_TEXT, &x->call.method },
		{ "call.tool", T_TEXT, &x->call.tool },
		{ "call.s2c", T_BOOL, &x->call.s2c },
		{ "call.args", T_TEXT, &x->call.args },
		{ "call.args_bytes", T_U64, &x->call.args_bytes },
		{ "call.status", T_TEXT, &x->call.status },
		{ "call.result_bytes", T_U64, &x->call.result_bytes },
		{ "call.has_result", T_BOOL, &x->call.has_result },
		{ "call.annotated", T_BOOL, &x->call.annotated },
		{ "call.readonly", T_BOOL, &x->call.readonly },
		{ "call.known_tool", T_BOOL, &x->call.known_tool },
		{ "call.unexpected", T_TEXTS, &x->call.unexpected },
		{ "call.new_shape", T_BOOL, &x->call.new_shape },
		{ "call.arg_secrets", T_TEXTS, &x->call.arg_secrets },
		{ "call.result_secrets", T_TEXTS, &x->call.result_secrets },
		{ "call.verb_acts", T_BOOL, &x->call.verb_acts },
		{ "call.verb_deletes", T_BOOL, &x->call.verb_deletes },
		{ "call.verb_sends", T_BOOL, &x->call.verb_sends },
		{ "call.poison_result", T_BOOL, &x->call.poison_result },
		{ "call.effects", T_U64, &x->call.effects },
		{ "call.acts", T_U64, &x->call.acts },
		{ "call.remote", T_BOOL, &x->call.remote },
		{ "call.credential", T_BOOL, &x->call.credential },
		{ "call.http_session", T_TEXT, &x->call.http_session },
		{ "call.evidence", T_TEXT, &x->call.evidence },
		{ "call.overlapped", T_BOOL, &x->call.overlapped },
		{ "call.observed", T_BITS, &x->call.observed },
		{ "server.key", T_TEXT, &x->server.key },
		{ "server.client", T_U64, &x->server.client },
		{ "server.remote", T_BOOL, &x->server.remote },
		{ "principal.uid", T_U32, &x->principal.uid },
		{ "principal.address", T_TEXT, &x->principal.address },
		{ "principal.token_expired", T_BOOL, &x->principal.token_expired },
		{ "principal.token_back", T_BOOL, &x->principal.token_back },
		{ "principal.sub", T_TEXT, &x->principal.sub },
		{ "tool.what", T_TEXT, &x->tool.what },
		{ "tool.name", T_TEXT, &x->tool.name },
		{ "tool.changed", T_BOOL, &x->tool.changed },
		{ "tool.in_session", T_BOOL, &x->tool.in_session },
		{ "tool.new", T_BOOL, &x->tool.new_tool },
		{ "tool.shadows", T_TEXT, &x->tool.shadows },
		{ "tool.shadows_alike", T_BOOL, &x->tool.shadows_alike },
		{ "tool.shadows_copied", T_BOOL, &x->tool.shadows_copied },
		{ "tool.definition", T_TEXT, &x->tool.definition },
		{ "tool.poison", T_TEXTS, &x->tool.poison },
		{ "tool.poison_score", T_U64, &x->tool.poison_score },
		{ "anomaly.what", T_TEXT, &w->anomaly.what },
		{ "gap.reason", T_TEXT, &w->gap.reason },
	};
	const char *text = (const char *)value.p;
	size_t i = 0;

	if (mw_slice_eq_str(name, "nocall")) {
		w->no_call = true;
		return;
	}
	while (i < sizeof(to) / sizeof(*to) && !mw_slice_eq_str(name, to[i].name))
		i++;
	if (i == sizeof(to) / sizeof(*to))
		fail_msg("no field '%.*s'", (int)name.n, (const char *)name.p);
	switch (to[i].type) {
	case T_TEXT:
		*(struct mw_slice *)to[i].at = value;
		break;
	case T_TEXTS:
		*(struct mw_texts *)to[i].at = keep_list(w, value);
		break;
	case T_BOOL:
		*(bool *)to[i].at = value.n == 0 || value.p[0] != '0';
		break;
	case T_U64:
		*(uint64_t *)to[i].at = strtoull(text, NULL, 10);
		break;
	case T_U32:
	case T_BITS:
		*(uint32_t *)to[i].at = (uint32_t)strtoul(text, NULL, 10);
		break;
	case T_CONF:
		x->effect.confidence = value.p[0] == 'c' ? MW_CONF_CERTAIN : MW_CONF_SHARED;
		break;
	case T_LINK:
		x->effect.link = value.p[0] == 'l'   ? MW_LINK_LINEAGE
				 : value.p[1] == 'h' ? MW_LINK_SHARED
						     : MW_LINK_NONE;
		break;
	case T_MODE:
		snprintf(x->act.mode, sizeof(x->act.mode), "%s", text);
		break;
	case T_ADDR:
		fx_addr(x, text);
		x->act.target = value;
		break;
	case T_FAIL:
		x->act.ret = -1;
		x->effect.ok = false;
		break;
	}
}

/* What is the same in all stories that do not say otherwise. */
static void usual(struct world *w)
{
	const uint64_t call = w->x->call.id;

	fx_defaults(w->x);
	w->x->call.id = call;
	w->x->call.status = S("ok");
	w->x->call.evidence = S("complete");
	w->no_call = false;
	w->n_texts = w->used = 0;
	memset(&w->anomaly, 0, sizeof(w->anomaly));
	memset(&w->gap, 0, sizeof(w->gap));
}

static enum mw_fact_kind kind_of(struct world *w, struct mw_slice s)
{
	static const char *const kinds[] = {
		[MW_FACT_REQUEST] = "request", [MW_FACT_CALL] = "call", [MW_FACT_TOOL] = "tool",
		[MW_FACT_ANOMALY] = "anomaly", [MW_FACT_GAP] = "gap",
	};
	const uint32_t field = (uint32_t)mw_fact_field_find(S("effect.kind"));

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i] && mw_slice_eq_str(s, kinds[i]))
			return i;
	for (unsigned int i = 0; i < 64; i++) {
		if (mw_fact_enum_name(field, i) &&
		    mw_slice_eq_str(s, mw_fact_enum_name(field, i))) {
			w->x->act.kind = i;
			return MW_FACT_EFFECT;
		}
	}
	fail_msg("no kind '%.*s'", (int)s.n, (const char *)s.p);
	return 0;
}

static void push(struct world *w, enum mw_fact_kind kind)
{
	struct fx *x = w->x;
	const bool called = !w->no_call && kind != MW_FACT_TOOL && kind != MW_FACT_GAP;

	if (x->act.chan)
		x->act.peer.port = (uint16_t)x->act.chan;
	x->act.has_bytes = x->act.bytes_w > 0;
	x->call.has_result |= x->call.result_bytes > 0;
	x->f = (struct mw_fact){
		.server = &x->server,
		.call = called ? &x->call : NULL,
		.principal = called ? &x->principal : NULL,
		.effect = kind == MW_FACT_EFFECT ? &x->effect : NULL,
		.tool = kind == MW_FACT_TOOL ? &x->tool : NULL,
		.anomaly = kind == MW_FACT_ANOMALY ? &w->anomaly : NULL,
		.gap = kind == MW_FACT_GAP ? &w->gap : NULL,
	};
	fx_push_fact(x, kind, MW_PHASE_BOTH);
}

static void one_fact(struct world *w, const char *s, size_t n, unsigned int round)
{
	enum mw_fact_kind kind = 0;

	usual(w);
	while (n) {
		size_t len = 0, eq = 0;
		struct mw_slice name, value;

		for (; n && *s == ' '; n--)
			s++;
		while (len < n && s[len] != ' ')
			len++;
		if (len == 0)
			break;
		while (eq < len && s[eq] != '=')
			eq++;
		name = mw_slice(s, eq);
		value = keep(w, s + eq + (eq < len), len - eq - (eq < len), round);
		if (s[0] == '+')
			w->x->ts_ns += strtoull(s + 1, NULL, 10) * SEC;
		else if (kind == 0)
			kind = kind_of(w, name);
		else
			set(w, name, value);
		s += len;
		n -= len;
	}
	push(w, kind);
}

static void tell(struct world *w, const char *s)
{
	while (*s) {
		const char *end = strstr(s, " ; ");
		const size_t n = end ? (size_t)(end - s) : strlen(s);
		unsigned int times = 1;
		char *star;

		if (isdigit((unsigned char)s[0])) {
			times = (unsigned int)strtoul(s, &star, 10);
			assert_int_equal(*star, '*');
			for (unsigned int i = 0; i < times; i++)
				one_fact(w, star + 1, n - (size_t)(star + 1 - s), i);
		} else {
			one_fact(w, s, n, 0);
		}
		s += n + (end ? 3 : 0);
	}
}

/* --- the stories --------------------------------------------------------------------------------
 */

#define N_STORIES (sizeof(stories) / sizeof(*stories))

static bool tells(const struct mw_policy_rules *all, const struct story *s)
{
	static struct world w;
	struct mw_policy_error e;
	static struct fx x;
	char want[80];
	bool fired;

	memset(&x, 0, sizeof(x));
	memset(&w, 0, sizeof(w));
	x.ts_ns = 1000 * SEC;
	x.call.id = 11;
	w.x = &x;
	assert_int_equal(mw_policy_new(&test_alloc, all, &e, &x.p), 0);
	tell(&w, s->text);
	snprintf(want, sizeof(want), "%s:", s->rule);
	fired = strncmp(x.got, want, strlen(want)) == 0;
	snprintf(want, sizeof(want), " %s:", s->rule);
	fired |= strstr(x.got, want) != NULL;
	mw_policy_free(x.p);
	return fired;
}

static struct mw_rules *defaults(const char *more)
{
	char text[512] = "";
	const struct mw_yaml_err err = { text, sizeof(text) };
	struct mw_rules *r;

	assert_int_equal(mw_rules_new(&r), 0);
	if (mw_rules_add_default(r, err) < 0 ||
	    (more && mw_rules_add_text(r, "more", more, strlen(more), err) < 0) ||
	    mw_rules_finish(r, true, err) < 0)
		fail_msg("%s", text);
	return r;
}

static void test_stories(void **state)
{
	unsigned int n_bad = 0;

	(void)state;
	for (size_t i = 0; i < N_STORIES; i++) {
		if (tells(mw_rules_policy(rules), &stories[i]) == stories[i].fires)
			continue;
		print_error("%s %s: %s\n", stories[i].rule,
			    stories[i].fires ? "does not fire" : "fires", stories[i].text);
		n_bad++;
	}
	assert_int_equal(n_bad, 0);
}

/* Its list is empty by default. */
static void test_egress(void **state)
{
	static const struct story to[] = {
		{ "net.egress", true, OUT },
		{ "net.egress", false, OUT "name=api.example.com" },
		{ "net.egress", false, "net.connect addr=203.0.113.9" },
	};
	struct mw_rules *with = defaults("lists:\n"
					 "  - {id: egress_hosts, items: [example.com]}\n"
					 "  - {id: egress_networks, items: [203.0.113.0/24]}\n");

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(tells(mw_rules_policy(with), &to[i]), to[i].fires);
	assert_false(tells(mw_rules_policy(rules), &to[0]));
	mw_rules_free(with);
}

/* No default rule without both, no story without its rule. */
static void test_both_sides(void **state)
{
	const struct mw_policy_rules *all = mw_rules_policy(rules);
	unsigned int n_bad = 0;

	(void)state;
	assert_true(all->n >= 50);
	for (size_t i = 0; i < all->n; i++) {
		bool sides[2] = { false, false };

		for (size_t k = 0; k < N_STORIES; k++)
			if (strcmp(stories[k].rule, all->rule[i].id) == 0)
				sides[stories[k].fires] = true;
		if ((sides[0] && sides[1]) || strcmp(all->rule[i].id, "net.egress") == 0)
			continue;
		print_error("%s: %s\n", all->rule[i].id,
			    sides[1] ? "no near miss" : "nothing it fires on");
		n_bad++;
	}
	for (size_t k = 0; k < N_STORIES; k++) {
		size_t i = 0;

		while (i < all->n && strcmp(stories[k].rule, all->rule[i].id))
			i++;
		if (i < all->n)
			continue;
		print_error("%s: there is no such rule\n", stories[k].rule);
		n_bad++;
	}
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides),
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_egress),
	};
	int r;

	rules = defaults(NULL);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	mw_rules_free(rules);
	return r;
}
