/* SPDX-License-Identifier: Apache-2.0 */
/* test_rules_power.c - `power` entries: which calls of whom are an alert */
#include "support.h"

#include <errno.h>

#include "core/policy.h"
#include "core/power.h"
#include "io/heap.h"
#include "io/rules.h"

static char text[512];
static const struct mw_yaml_err err = { text, sizeof(text) };

static int read_rules(const char *yaml, struct mw_rules **ret)
{
	int r;

	assert_int_equal(mw_rules_new(ret), 0);
	r = mw_rules_add_text(*ret, "f", yaml, strlen(yaml), err);
	return r == 0 ? mw_rules_finish(*ret, true, err) : r;
}

/* Who calls what, and what of it. */
struct case_of {
	unsigned int observed, declared;
	const char *user, *unit, *tool, *key, *configured;
};

static void push(struct mw_policy *p, const struct case_of *c, enum mw_fact_kind kind)
{
	static uint64_t id;
	const struct mw_fact_server server = { .key = mw_slice_str(c->key ? c->key : "k"),
					       .configured_name = mw_slice_str(c->configured) };
	const struct mw_fact_principal who = { .id = ++id, /* else one is folded into another */
					       .uid = 1,
					       .has_uid = true,
					       .user = mw_slice_str(c->user),
					       .unit = mw_slice_str(c->unit) };
	const struct mw_fact_call call = { .id = id,
					   .method = MW_SLICE_LIT("tools/call"),
					   .tool = mw_slice_str(c->tool),
					   .observed = c->observed,
					   .declared = c->declared };
	const struct mw_fact f = { .kind = kind,
				   .phase = MW_PHASE_BOTH,
				   .ts_ns = id,
				   .seq = UINT64_MAX,
				   .server = &server,
				   .principal = &who,
				   .call = &call };

	assert_int_equal(mw_policy_push(p, &f), 0);
}

/* The ids of the rules that fire, with a space behind each. */
static const char *fires(const char *yaml, struct case_of c)
{
	static char ids[256];
	struct mw_policy_error bad;
	struct mw_rules *rules;
	struct mw_policy *p;
	struct mw_alert a;

	if (read_rules(yaml, &rules) < 0)
		fail_msg("%s", text);
	assert_int_equal(mw_policy_new(&mw_heap, mw_rules_policy(rules), &bad, &p), 0);
	push(p, &c, MW_FACT_REQUEST);
	push(p, &c, MW_FACT_CALL);
	ids[0] = '\0';
	while (mw_policy_next(p, &a) == 1)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s:%s ", a.rule->id,
			 mw_severity_name(a.severity));
	mw_policy_free(p);
	mw_rules_free(rules);
	return ids;
}

static void by_the_order_of_powers(void **state)
{
	static const char *const above[] = { "read_low", "read_high", "write_low", "write_high" };
	static const struct {
		unsigned int bits, rank;
	} cases[] = {
		{ 0, 0 },
		{ MW_POWER_READ_LOW, 0 },
		{ MW_POWER_READ_HIGH, 1 },
		{ MW_POWER_WRITE_LOW, 2 },
		{ MW_POWER_WRITE_HIGH, 3 },
		{ MW_POWER_DESTRUCTIVE, 3 },
		{ MW_POWER_EXECUTE, 4 },
		{ MW_POWER_READ_LOW | MW_POWER_EXECUTE, 4 },
		{ MW_POWER_OPEN_WORLD, 0 },
		{ MW_POWER_UNDECLARED, 0 },
	};
	char yaml[128];
	size_t i, k;

	for (i = 0; i < 4; i++)
		for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			snprintf(yaml, sizeof(yaml),
				 "power: [{above: %s, needs: principal.user = x}]\n", above[i]);
			assert_string_equal(
			    fires(yaml, (struct case_of){ .observed = cases[k].bits }),
			    cases[k].rank > i ? "power.1:high " : "");
			assert_string_equal(
			    fires(yaml, (struct case_of){ .declared = cases[k].bits }),
			    cases[k].rank > i ? "power.1.declared:high " : "");
		}
	assert_string_equal(fires("power: [{above: destructive, needs: principal.user = x}]\n",
				  (struct case_of){ .observed = MW_POWER_WRITE_HIGH }),
			    "");
}

static void who_may(void **state)
{
	static const char yaml[] =
	    "power:\n"
	    "- above: write_low\n"
	    "  severity: critical\n"
	    "  needs: principal.unit = deploy.service or principal.user in (root)\n";
	const unsigned int x = MW_POWER_EXECUTE;

	assert_string_equal(fires(yaml, (struct case_of){ x, 0, .user = "root" }), "");
	assert_string_equal(fires(yaml, (struct case_of){ x, 0, .unit = "deploy.service" }), "");
	assert_string_equal(fires(yaml, (struct case_of){ x, 0, .user = "mallory" }),
			    "power.1:critical ");
	/* nothing is known of it: that is nobody who may */
	assert_string_equal(fires(yaml, (struct case_of){ .observed = x }), "power.1:critical ");
	assert_string_equal(fires(yaml, (struct case_of){ x, x, .user = "mallory" }),
			    "power.1.declared:critical power.1:critical ");
}

static void of_which_tools_and_servers(void **state)
{
	static const char yaml[] = "power:\n"
				   "- above: read_low\n"
				   "  needs: principal.user = root\n"
				   "  tools: ['db_*', \"it's\"]\n"
				   "- above: read_low\n"
				   "  needs: principal.user = root\n"
				   "  servers: [billing, '*/bill.py *']\n";
	const unsigned int x = MW_POWER_WRITE_LOW;

	assert_string_equal(fires(yaml, (struct case_of){ x, .tool = "other" }), "");
	assert_string_equal(fires(yaml, (struct case_of){ x, .tool = "db_put" }), "power.1:high ");
	assert_string_equal(fires(yaml, (struct case_of){ x, .tool = "it's" }), "power.1:high ");
	assert_string_equal(fires(yaml, (struct case_of){ x, .configured = "billing" }),
			    "power.2:high ");
	assert_string_equal(
	    fires(yaml, (struct case_of){ x, .key = "/usr/bin/python3 /opt/bill.py 0" }),
	    "power.2:high ");
	assert_string_equal(fires(yaml, (struct case_of){ x, .key = "/opt/bill.py" }), "");
}

/* They are rules like others: files number them on, macros serve them, overrides change them. */
static void are_rules_like_others(void **state)
{
	struct mw_rules *r;
	static const char one[] = "macros: [{id: may, when: principal.user = root}]\n"
				  "power: [{above: read_low, needs: may}]\n";
	static const char two[] = "power: [{above: write_low, needs: not may}]\n"
				  "overrides: [{id: power.1, disabled: yes}]\n";

	assert_int_equal(mw_rules_new(&r), 0);
	assert_int_equal(mw_rules_add_text(r, "a", one, strlen(one), err), 0);
	assert_int_equal(mw_rules_add_text(r, "b", two, strlen(two), err), 0);
	assert_int_equal(mw_rules_finish(r, true, err), 0);
	assert_int_equal(mw_rules_count(r, NULL), 4);
	assert_int_equal(mw_rules_policy(r)->n, 3);
	assert_string_equal(mw_rules_policy(r)->rule[0].id, "power.1.declared");
	assert_string_equal(mw_rules_policy(r)->rule[2].id, "power.2.declared");
	mw_rules_free(r);
	assert_int_equal(read_rules("power:\n", &r), 0);
	mw_rules_free(r);
}

static void faults_are_named(void **state)
{
	static const struct {
		const char *yaml, *fault;
	} cases[] = {
		{ "power: [{above: execute, needs: x}]\n", "f:1:17: no power is above 'execute'" },
		{ "power: [{above: all, needs: x}]\n",
		  "f:1:17: 'above' must be read_low, read_high, write_low, write_high or "
		  "destructive" },
		{ "power: [{above: read_low, needs: principal.user = }]\n", NULL },
		{ "power:\n- above: read_low\n  needs: principal.user = root and principal.usr = "
		  "x\n",
		  "f:3:36: " },
		{ "power: [{above: read_low, needs: tool.name = x}]\n", "f:1:34: " },
		{ "power: [{above: read_low, needs: principal.user = x, tools: []}]\n",
		  "f:1:61: 'tools' is empty" },
		{ "power: [{above: read_low, needs: principal.user = x, severity: bad}]\n",
		  "f:1:64: 'severity' must be low, medium, high or critical" },
		{ "power: [{above: read_low}]\n", "f:1:9: " },
		{ "power: [{needs: principal.user = x}]\n", "f:1:9: " },
		{ "power: {above: read_low}\n", "f:1:8: " },
		{ "power: [{above: read_low, needs: principal.user = x, what: x}]\n", "f:1:" },
		{ "rules: [{id: power.1, title: t, severity: low, on: call, when: "
		  "call.new_shape}]\n"
		  "power: [{above: read_low, needs: principal.user = x}]\n",
		  "f:2:9: a rule 'power.1' is already in line 1" },
	};
	struct mw_rules *r;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_rules(cases[i].yaml, &r), -EINVAL);
		if (cases[i].fault && strncmp(text, cases[i].fault, strlen(cases[i].fault)) != 0)
			fail_msg("%s\nwant %s\ngot  %s", cases[i].yaml, cases[i].fault, text);
		mw_rules_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_order_of_powers),
		cmocka_unit_test(who_may),
		cmocka_unit_test(of_which_tools_and_servers),
		cmocka_unit_test(are_rules_like_others),
		cmocka_unit_test(faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
