/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <time.h>

#include "io/heap.h"
#include "io/rules.h"

static char text[512];
static const struct mw_yaml_err err = { text, sizeof(text) };

static int add(struct mw_rules *r, const char *name, const char *yaml)
{
	return mw_rules_add_text(r, name, yaml, strlen(yaml), err);
}

/* Of two files; the second may be NULL. */
static struct mw_rules *rules_of(const char *one, const char *two)
{
	struct mw_rules *r;

	assert_int_equal(mw_rules_new(&r), 0);
	if (add(r, "f", one) < 0 || (two && add(r, "g", two) < 0) ||
	    mw_rules_finish(r, true, err) < 0)
		fail_msg("refused: %s", text);
	return r;
}

static int try(const char *one, const char *two, bool whole)
{
	struct mw_rules *r;
	int e;

	text[0] = '\0';
	assert_int_equal(mw_rules_new(&r), 0);
	e = add(r, "f", one);
	if (e == 0 && two)
		e = add(r, "g", two);
	if (e == 0)
		e = mw_rules_finish(r, whole, err);
	mw_rules_free(r);
	return e;
}

static void check_refused(const char *one, const char *two, const char *want)
{
	assert_int_equal(try(one, two, true), -EINVAL);
	assert_string_equal(text, want);
}

static void check_when(const struct mw_when *when, const char *want)
{
	struct mw_buf out;

	mw_buf_init(&out, &mw_heap, 1 << 20);
	assert_int_equal(mw_rules_print(&out, when), 0);
	assert_int_equal(mw_buf_append_byte(&out, 0), 0);
	assert_string_equal((const char *)out.p, want);
	mw_buf_done(&out);
}

/* A rule of one condition, in a block scalar, in which it begins at line 7, column 7. */
#define RULE(on, when)                                                                             \
	"rules:\n"                                                                                 \
	"  - id: x\n"                                                                              \
	"    title: t\n"                                                                           \
	"    severity: low\n"                                                                      \
	"    on: " on "\n"                                                                         \
	"    when: >\n"                                                                            \
	"      " when "\n"

static void test_all(void **state)
{
	struct mw_rules *r = rules_of("lists:\n"
				      "  - {id: inner, items: [/b, \"inner\"]}\n"
				      "  - {id: paths, items: [/a, inner]}\n"
				      "macros:\n"
				      "  - {id: opened, when: effect.kind = file.open}\n"
				      "rules:\n"
				      "  - id: a.b\n"
				      "    title: T\n"
				      "    severity: medium\n"
				      "    on: effect\n"
				      "    when: opened and effect.target endswith paths\n"
				      "    except: [{when: effect.ok}]\n"
				      "    raise: [{to: high, when: effect.startup}]\n"
				      "    count: {by: [server, tool], over: 90s, at_least: 2KiB,\n"
				      "            sum: effect.bytes_w}\n"
				      "    suppress: {by: [target], for: 2m}\n"
				      "    detail: [effect.target, call.tool]\n"
				      "    tags: [attack.t1005, x]\n"
				      "  - id: s\n"
				      "    title: S\n"
				      "    severity: critical\n"
				      "    sequence: {by: [session], over: 500ms}\n"
				      "    steps:\n"
				      "    - {on: alert, when: alert.rule = a.b}\n"
				      "    - {on: request, when: call.tool same}\n",
				      NULL);
	const struct mw_policy_rules *x = mw_rules_policy(r);
	const struct mw_policy_rule *a = &x->rule[0], *s = &x->rule[1];
	struct mw_rules_info info;

	assert_int_equal(x->n, 2);
	assert_string_equal(a->id, "a.b");
	assert_string_equal(a->title, "T");
	assert_int_equal(a->severity, MW_SEVERITY_MEDIUM);
	assert_int_equal(a->on, MW_FACT_EFFECT);
	check_when(&a->when, "effect.kind = 'file.open' and effect.target endswith ('/a', '/b', "
			     "'inner')");
	assert_int_equal(a->n_except, 1);
	check_when(&a->except[0], "effect.ok");
	assert_int_equal(a->n_raise, 1);
	assert_int_equal(a->raise[0].to, MW_SEVERITY_HIGH);
	check_when(&a->raise[0].when, "effect.startup");
	assert_int_equal(a->by, MW_KEY_SERVER | MW_KEY_TOOL);
	assert_int_equal(a->over_ns, 90000000000);
	assert_int_equal(a->at_least, 2048);
	assert_int_equal(a->distinct, 0);
	assert_string_equal(mw_fact_field_at(a->sum - 1)->name, "effect.bytes_w");
	assert_int_equal(a->suppress_by, MW_KEY_TARGET);
	assert_int_equal(a->suppress_ns, 120000000000);
	assert_int_equal(a->n_detail, 2);
	assert_string_equal(mw_fact_field_at(a->detail[1])->name, "call.tool");
	assert_int_equal(a->n_tags, 2);
	assert_string_equal(a->tags[0], "attack.t1005");

	assert_int_equal(s->n_steps, 2);
	assert_int_equal(s->on, MW_FACT_REQUEST);
	assert_int_equal(s->steps[0].on, MW_FACT_ALERT);
	assert_int_equal(s->steps[1].on, MW_FACT_REQUEST);
	check_when(&s->steps[1].when, "call.tool same");
	assert_int_equal(s->over_ns, 500000000);
	assert_int_equal(s->by, MW_KEY_SESSION);

	assert_int_equal(mw_rules_count(r, "f"), 2);
	mw_rules_info(r, 1, &info);
	assert_string_equal(info.id, "s");
	assert_string_equal(info.description, "S");
	assert_int_equal(info.line, 19);
	assert_ptr_equal(info.alert->steps, s->steps);
	mw_rules_free(r);
}

static void test_conditions(void **state)
{
	static const struct {
		const char *on, *when, *want;
	} cases[] = {
		{ "effect", "effect.ok", "effect.ok" },
		{ "effect", "effect.ok = no", "not effect.ok" },
		{ "effect", "effect.ok != false", "effect.ok" },
		{ "effect", "not not effect.ok", "effect.ok" },
		{ "effect", "effect.ok or effect.own and effect.write",
		  "effect.ok or effect.own and effect.write" },
		{ "effect", "(effect.ok or effect.own) and not (effect.write or effect.habit)",
		  "(effect.ok or effect.own) and not (effect.write or effect.habit)" },
		{ "effect", "effect.port != 80", "effect.port and not effect.port = '80'" },
		{ "effect", "effect.port in (80,443)", "effect.port in ('80', '443')" },
		{ "effect", "effect.bytes_w>=10MiB", "effect.bytes_w >= '10MiB'" },
		{ "effect", "effect.target = 'it''s, (so)'", "effect.target = 'it''s, (so)'" },
		{ "effect", "effect.target = \"a 'b' \"\"c\"\"\"",
		  "effect.target = 'a ''b'' \"c\"'" },
		{ "effect", "effect.addr cidr (10.0.0.0/8, fd00::/8, ::1)",
		  "effect.addr cidr ('10.0.0.0/8', 'fd00::/8', '::1')" },
		{ "effect", "effect.target under (~/.ssh/, /etc/shadow)",
		  "effect.target under ('~/.ssh', '/etc/shadow')" },
		{ "effect", "effect.name host EXAMPLE.com", "effect.name host 'example.com'" },
		{ "effect", "effect.confidence in (likely, certain)",
		  "effect.confidence in ('likely', 'certain')" },
		{ "call", "call.elapsed_ms > 2m", "call.elapsed_ms > '2m'" },
		{ "call", "call.observed = (execute, destructive)",
		  "call.observed in ('execute', 'destructive')" },
		{ "call", "call.unexpected contains unknown",
		  "call.unexpected contains 'unknown'" },
		{ "anomaly", "anomaly.what regex '^json\\.'", "anomaly.what regex '^json\\.'" },
	};
	char yaml[512];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_rules *r;

		snprintf(yaml, sizeof(yaml), RULE("%s", "%s"), cases[i].on, cases[i].when);
		r = rules_of(yaml, NULL);
		check_when(&mw_rules_policy(r)->rule[0].when, cases[i].want);
		/* and what is printed reads back as the same */
		snprintf(yaml, sizeof(yaml), RULE("%s", "%s"), cases[i].on, cases[i].want);
		mw_rules_free(r);
		r = rules_of(yaml, NULL);
		check_when(&mw_rules_policy(r)->rule[0].when, cases[i].want);
		mw_rules_free(r);
	}
}

static void test_bad_conditions(void **state)
{
	static const struct {
		const char *on, *when, *want;
	} cases[] = {
		{ "effect", "effect.targt = x",
		  "f:7:7: no field 'effect.targt'; did you mean "
		  "'effect.target'?" },
		{ "effect", "nonsense", "f:7:7: no field or macro 'nonsense'" },
		{ "effect", "effect.ok and",
		  "f:7:20: expected a field, a macro, 'not' or '(', not "
		  "the end" },
		{ "effect", "effect.ok effect.own",
		  "f:7:17: expected 'and', 'or' or the end, not 'effect.own'" },
		{ "effect", "(effect.ok", "f:7:17: expected 'and', 'or' or ')', not the end" },
		{ "effect", "effect.ok)", "f:7:16: expected 'and', 'or' or the end, not ')'" },
		{ "effect", "effect.target =", "f:7:22: expected a value, not the end" },
		{ "effect", "effect.target = and", "f:7:23: expected a value, not 'and'" },
		{ "effect", "effect.target in (a, )", "f:7:28: expected a value, not ')'" },
		{ "effect", "effect.target in (a b)", "f:7:27: expected ',' or ')', not 'b'" },
		{ "effect", "effect.target = 'x", "f:7:23: this quote has no end" },
		{ "effect", "effect.target = ''",
		  "f:7:23: '' is nothing, which no test is true of" },
		{ "effect", "effect.port = http", "f:7:21: 'http' is no number" },
		{ "effect", "effect.port < effect.uid", "f:7:21: 'effect.uid' is no number" },
		{ "effect", "effect.bytes_r > 3kb",
		  "f:7:24: '3kb' is no number of bytes; 4096, 64KiB and 10MiB are" },
		{ "call", "call.elapsed_ms > 3min",
		  "f:7:25: '3min' is no number of milliseconds; 1500, 5s and 2m are" },
		{ "effect", "effect.target > 3",
		  "f:7:21: 'effect.target' cannot be tested with '>': it is a text" },
		{ "effect", "effect.ok contains yes",
		  "f:7:17: 'effect.ok' cannot be tested with 'contains': it is yes or no" },
		{ "effect", "effect.ok = perhaps", "f:7:19: expected yes or no, not 'perhaps'" },
		{ "effect", "effect.addr cidr 10.0.0.0/33",
		  "f:7:24: '10.0.0.0/33' is a network whose length is not from 0 to 32" },
		{ "effect", "effect.addr cidr fd00::/129",
		  "f:7:24: 'fd00::/129' is a network whose length is not from 0 to 128" },
		{ "effect", "effect.addr cidr 10.0.0.1/8",
		  "f:7:24: '10.0.0.1/8' is a network with bits set beyond its length" },
		{ "effect", "effect.addr cidr (::1, localhost)",
		  "f:7:30: 'localhost' is no network; one is 10.0.0.0/8 or fd00::/8" },
		{ "effect", "effect.target under etc",
		  "f:7:27: 'etc' is no absolute path; one begins with '/' or with '~/'" },
		{ "effect", "effect.target under /a/../b",
		  "f:7:27: '/a/../b' is a path with an empty, '.' or '..' part, which no target "
		  "has" },
		{ "effect", "effect.name host *.x",
		  "f:7:24: '*.x' is no host name; 'example.com' "
		  "is it and all below it" },
		{ "effect", "effect.kind = file.opened",
		  "f:7:21: 'file.opened' is never a value of it" },
		{ "call", "call.declared = nothing", "f:7:23: 'nothing' is never a value of it" },
		{ "effect", "call.status = ok",
		  "f:7:7: 'call.status' is never known of an effect" },
		{ "gap", "effect.ok", "f:7:7: 'effect.ok' is never known of a gap" },
		{ "effect", "effect.target same", "f:7:21: 'same' needs a step before this one" },
		{ "effect", "effect.target regex '(a'",
		  "f:7:27: regex, at byte 2: a pattern does not compile" },
	};
	char yaml[512];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(yaml, sizeof(yaml), RULE("%s", "%s"), cases[i].on, cases[i].when);
		check_refused(yaml, NULL, cases[i].want);
	}
}

/* The place of a fault in texts of all kinds, folded, escaped, with letters of several bytes. */
static void test_places(void **state)
{
	static const struct {
		const char *when, *want;
	} cases[] = {
		{ "when: effect.ok and zzz\n", "f:6:25: " },
		{ "when: 'effect.target = ''ü'' and zzz'\n", "f:6:38: " },
		{ "when: \"effect.target = '\\x41\\u00fc\\\\ \\\n      b' and zzz\"\n",
		  "f:7:14: " },
		{ "when: |\n      effect.ok\n\n        and zzz\n", "f:9:13: " },
		{ "when: >-  # why\n      effect.ok\n      and\n      zzz\n", "f:9:7: " },
		{ "when: effect.ok\n      and\n      zzz\n", "f:8:7: " },
	};
	char yaml[512];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(
		    yaml, sizeof(yaml),
		    "rules:\n  - id: x\n    title: t\n    severity: low\n    on: effect\n    %s",
		    cases[i].when);
		assert_int_equal(try(yaml, NULL, true), -EINVAL);
		if (strncmp(text, cases[i].want, strlen(cases[i].want)) != 0)
			fail_msg("%zu: %s, not %s", i, text, cases[i].want);
	}
}

static void test_bad_rules(void **state)
{
	static const struct {
		const char *yaml, *want;
	} cases[] = {
		{ "rules: {}\n", "f:1:8: 'rules' must be a list, not a mapping (key: value)" },
		{ "rules: [{title: t, severity: low, on: gap}]\n", "f:1:9: 'id' is missing" },
		{ "rules: [{id: X, title: t, severity: low, on: gap}]\n",
		  "f:1:14: 'id' may hold a-z, 0-9, '-', '_' and '.' alone" },
		{ "rules: [{id: a, title: t, severity: bad, on: gap}]\n",
		  "f:1:37: 'severity' must be low, medium, high or critical" },
		{ "rules: [{id: a, title: t, severity: low}]\n", "f:1:9: 'on' is missing" },
		{ "rules: [{id: a, title: t, severity: low, on: gaps}]\n",
		  "f:1:46: 'on' must be request, call, effect, tool, server, notice, anomaly, gap, "
		  "or alert in a sequence's step" },
		{ "rules: [{id: a, title: t, severity: low, on: alert}]\n",
		  "f:1:9: 'on: alert' may stand in a sequence's step alone" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, wen: x}]\n",
		  "f:1:51: unknown key 'wen'; known are: id, title, severity, on, when, except, "
		  "raise, count, sequence, steps, suppress, detail, tags, disabled" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {over: 1s, at_least: "
		  "2}}]\n",
		  "f:1:58: 'count' without 'by'" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [], over: 1s}}]\n",
		  "f:1:63: 'by' is empty" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [host], over: "
		  "1s}}]\n",
		  "f:1:64: 'by' may hold server, tool, principal, session, call, client, target, "
		  "http_session alone" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [server], over: "
		  "1}}]\n",
		  "f:1:79: 'over' must be a time as 500ms, 60s, 5m, 1h, at most 7d" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [server], over: "
		  "8d}}]\n",
		  "f:1:79: 'over' must be a time as 500ms, 60s, 5m, 1h, at most 7d" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [tool], over: 1s, "
		  "at_least: 2}}]\n",
		  "f:1:9: rule 'a': a count by tool, which is never known of kind 'gap'" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, count: {by: [server], over: "
		  "1s, at_least: 2, sum: gap.reason}}]\n",
		  "f:1:101: 'gap.reason' is no number, and has no sum" },
		{ "rules: [{id: a, title: t, severity: low, on: gap, detail: [gap.resaon]}]\n",
		  "f:1:60: no field 'gap.resaon'; did you mean 'gap.reason'?" },
		{ "rules: [{id: a, title: t, severity: low, sequence: {over: 1s}, steps: []}]\n",
		  "f:1:52: 'by' is missing" },
		{ "rules: [{id: a, title: t, severity: low, sequence: {by: [server], over: 1s}}]\n",
		  "f:1:9: 'sequence' without 'steps'" },
		{ "rules: [{id: a, title: t, severity: low, sequence: {by: [server], over: 1s}, "
		  "steps: [{on: gap}]}]\n",
		  "f:1:85: a sequence has two steps or more" },
		{ "rules: [{id: a, title: t, severity: low, on: gap}, {id: a, title: t, severity: "
		  "low, on: gap}]\n",
		  "f:1:52: a rule 'a' is already in line 1" },
		{ "macros: [{id: m, when: n}, {id: n, when: not m}]\n",
		  "f:1:46: macro 'm' is made of itself" },
		{ "macros: [{id: m, when: effect.ok}, {id: m, when: effect.ok}]\n",
		  "f:1:36: a macro 'm' is already in line 1" },
		{ "lists: [{id: l, items: [m]}, {id: m, items: [l]}]\n"
		  "macros: [{id: x, when: effect.target in l}]\n",
		  "f:1:46: list 'l' has itself in it" },
		{ "lists: [{id: nets, items: [10.0.0.0/8, 10.0.0.0/40]}]\n"
		  "macros: [{id: x, when: effect.addr cidr nets}]\n",
		  "f:1:40: '10.0.0.0/40' is a network whose length is not from 0 to 32: "
		  "'effect.addr' in line 2 of f tests it" },
		{ "lists: [{id: my_nets, items: [10.0.0.0/8]}]\n"
		  "macros: [{id: x, when: effect.target = my_net}]\n",
		  "f:2:40: there is no list 'my_net'; did you mean 'my_nets'? (a text is put in "
		  "quotes)" },
		{ "macros: [{id: m, when: effect.ok}]\n"
		  "rules: [{id: a, title: t, severity: low, on: gap, when: not m}]\n",
		  "f:2:61: macro 'm': 'effect.ok' is never known of a gap" },
		{ "overrides: [{id: a, disabled: yes}]\n",
		  "f:1:18: there is no rule 'a' to override" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refused(cases[i].yaml, NULL, cases[i].want);
	/* a file by itself may speak of others' rules */
	assert_int_equal(try("overrides: [{id: a, disabled: yes}]\n", NULL, false), 0);
}

static void test_later_files(void **state)
{
	static const char first[] = "lists: [{id: l, items: [a]}]\n"
				    "macros: [{id: m, when: effect.target in l}]\n"
				    "rules:\n"
				    "- {id: x, title: t, severity: low, on: effect, when: m,\n"
				    "   except: [{when: effect.own}],\n"
				    "   count: {by: [server], over: 60s, at_least: 5}}\n"
				    "- {id: y, title: t, severity: low, on: gap}\n";
	struct mw_rules *r;

	r = rules_of(first, "lists: [{id: l, append: yes, items: [b]}]\n"
			    "overrides:\n"
			    "- {id: x, severity: high, except: [{when: effect.habit}],\n"
			    "   count: {at_least: 7}}\n"
			    "- {id: y, disabled: yes}\n");
	assert_int_equal(mw_rules_policy(r)->n, 1);
	check_when(&mw_rules_policy(r)->rule[0].when, "effect.target in ('a', 'b')");
	assert_int_equal(mw_rules_policy(r)->rule[0].severity, MW_SEVERITY_HIGH);
	assert_int_equal(mw_rules_policy(r)->rule[0].n_except, 2);
	assert_int_equal(mw_rules_policy(r)->rule[0].over_ns, 60000000000);
	assert_int_equal(mw_rules_policy(r)->rule[0].at_least, 7);
	mw_rules_free(r);

	r = rules_of(first, "lists: [{id: l, items: [c]}]\n");
	check_when(&mw_rules_policy(r)->rule[0].when, "effect.target = 'c'");
	mw_rules_free(r);

	r = rules_of(first, "macros: [{id: m, when: effect.ok}]\n");
	check_when(&mw_rules_policy(r)->rule[0].when, "effect.ok");
	mw_rules_free(r);

	check_refused(first, "rules: [{id: x, title: t, severity: low, on: gap}]\n",
		      "g:1:9: a rule 'x' is already in f:4; 'overrides' changes it");
}

/* A list without items is true of nothing, and says whether it has some. */
static void test_empty_list(void **state)
{
	struct mw_rules *r = rules_of("lists: [{id: none, items: []}, {id: one, items: [a]}]\n"
				      "rules:\n"
				      "- {id: x, title: t, severity: low, on: effect,\n"
				      "   when: not effect.target in none and (none or one)}\n",
				      NULL);

	check_when(&mw_rules_policy(r)->rule[0].when,
		   "not (effect.target and not effect.target) and (server.key and not server.key "
		   "or not (server.key and not server.key))");
	mw_rules_free(r);
}

/* Each macro is twice the one before: 2^n tests. */
static void test_explosion(void **state)
{
	static char yaml[8192];
	size_t n = 0, i;

	n += (size_t)snprintf(yaml + n, sizeof(yaml) - n, "macros:\n- {id: m0, when: effect.ok}\n");
	for (i = 1; i < 30; i++)
		n += (size_t)snprintf(yaml + n, sizeof(yaml) - n,
				      "- {id: m%zu, when: m%zu and m%zu}\n", i, i - 1, i - 1);
	assert_int_equal(try(yaml, NULL, true), -EINVAL);
	assert_non_null(strstr(text, "the condition has more than 4096 tests and operators"));
	n = (size_t)snprintf(yaml, sizeof(yaml), "lists:\n- {id: l0, items: [a]}\n");
	for (i = 1; i < 30; i++)
		n += (size_t)snprintf(yaml + n, sizeof(yaml) - n,
				      "- {id: l%zu, items: [l%zu, l%zu]}\n", i, i - 1, i - 1);
	snprintf(yaml + n, sizeof(yaml) - n, "macros: [{id: m, when: effect.target in l29}]\n");
	assert_int_equal(try(yaml, NULL, true), -EINVAL);
	assert_non_null(strstr(text, "all lists have more than 1000000 items"));
	n = (size_t)snprintf(yaml, sizeof(yaml), "macros:\n- {id: m99, when: effect.ok}\n");
	for (i = 0; i < 99; i++)
		n += (size_t)snprintf(yaml + n, sizeof(yaml) - n, "- {id: m%02zu, when: m%02zu}\n",
				      i, i + 1);
	assert_int_equal(try(yaml, NULL, true), -EINVAL);
	assert_non_null(strstr(text, "more than 32 macros within each other"));
	memset(yaml, '(', sizeof(yaml) - 1);
	memcpy(yaml, "macros: [{id: m, when: \"", 24);
	memcpy(yaml + sizeof(yaml) - 8, "\"}]\n\0\0\0", 8);
	assert_int_equal(try(yaml, NULL, true), -EINVAL);
	assert_string_equal(text, "f:1:89: more than 64 open '('");
}

static void test_many(void **state)
{
	const size_t room = 4 << 20;
	char *yaml = malloc(room);
	struct timespec t0, t1;
	struct mw_rules *r;
	size_t n, i;
	double s;

	assert_non_null(yaml);
	n = (size_t)snprintf(yaml, room, "lists: [{id: l, items: [/a, /b, /c]}]\nrules:\n");
	for (i = 0; i < 10000; i++)
		n += (size_t)snprintf(
		    yaml + n, room - n,
		    "- id: rule.n%zu\n  title: rule %zu\n  severity: medium\n  on: effect\n"
		    "  when: effect.kind = file.open and effect.target under (l, /n/%zu) and not "
		    "effect.exe endswith /p%zu\n  tags: [attack.t1005]\n",
		    i, i, i, i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	assert_int_equal(mw_rules_new(&r), 0);
	if (mw_rules_add_text(r, "f", yaml, n, err) < 0 || mw_rules_finish(r, true, err) < 0)
		fail_msg("refused: %s", text);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	assert_int_equal(mw_rules_policy(r)->n, 10000);
	s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	print_message("10000 rules: %.3f s of CPU\n", s);
	assert_true(s < 10); /* sanitizers and busy machines; a second alone */
	mw_rules_free(r);
	free(yaml);
}

/* What is built in is whole, and each rule says what it is of. */
static void test_default(void **state)
{
	struct mw_rules *r;
	size_t i, n = 0;

	assert_int_equal(mw_rules_new(&r), 0);
	if (mw_rules_add_default(r, err) < 0 || mw_rules_finish(r, true, err) < 0)
		fail_msg("refused: %s", text);
	for (i = 0; i < mw_rules_policy(r)->n; i++) {
		const struct mw_policy_rule *rule = &mw_rules_policy(r)->rule[i];

		n++;
		assert_true(rule->n_tags > 0);
		assert_true(rule->suppress_ns > 0);
	}
	assert_true(n > 40);
	mw_rules_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_bad_conditions),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bad_rules),
		cmocka_unit_test(test_later_files),
		cmocka_unit_test(test_empty_list),
		cmocka_unit_test(test_explosion),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
