/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_rules.c - a rule file is read, or refused with one line; what was read is in bounds, and a
 * condition that is printed reads back as the same */
#include "fuzz.h"

#include "io/heap.h"
#include "io/rules.h"

static const struct mw_buf *printed(struct mw_buf *out, const struct mw_when *when)
{
	mw_buf_init(out, &mw_heap, 1u << 20);
	return mw_rules_print(out, when) == 0 ? out : NULL;
}

/* Conditions of one test each, printed, make a file again. */
static void check_when(const struct mw_policy_rule *rule)
{
	static const char head[] =
	    "rules:\n- id: x\n  title: t\n  severity: low\n  on: effect\n  when: |\n    ";
	char text[512] = "";
	struct mw_yaml_err err = { text, sizeof(text) };
	struct mw_buf out, again, yaml;
	struct mw_rules *rules;
	size_t i;

	for (i = 0; i < rule->when.n; i++) {
		const struct mw_cond *c = &rule->when.cond[i];

		FUZZ_CHECK(c->op >= MW_COND_AND && c->op <= MW_COND_SAME);
		if (c->op > MW_COND_NOT)
			FUZZ_CHECK(mw_fact_field_at(c->field) != NULL);
		else
			FUZZ_CHECK(c->left < i && (c->op == MW_COND_NOT || c->right < i));
	}
	if (rule->on != MW_FACT_EFFECT || !rule->when.n)
		return;
	mw_buf_init(&yaml, &mw_heap, 2u << 20);
	mw_buf_init(&again, &mw_heap, 0);
	/* a value with a newline or a tab is not what a block scalar gives back */
	if (printed(&out, &rule->when) && !memchr(out.p, '\n', out.len) &&
	    mw_buf_append(&yaml, head, sizeof(head) - 1) == 0 &&
	    mw_buf_append(&yaml, out.p, out.len) == 0 && mw_buf_append_byte(&yaml, '\n') == 0) {
		FUZZ_CHECK(mw_rules_new(&rules) == 0);
		if (mw_rules_add_text(rules, "p", (const char *)yaml.p, yaml.len, err) == 0) {
			if (mw_rules_finish(rules, true, err) < 0)
				fprintf(stderr, "%s\n%.*s\n", text, (int)yaml.len,
					(const char *)yaml.p);
			FUZZ_CHECK(mw_rules_policy(rules)->n == 1);
			FUZZ_CHECK(printed(&again, &mw_rules_policy(rules)->rule[0].when) != NULL);
			FUZZ_CHECK(again.len == out.len && memcmp(again.p, out.p, out.len) == 0);
		}
		mw_rules_free(rules);
	}
	mw_buf_done(&again);
	mw_buf_done(&yaml);
	mw_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[512] = "";
	struct mw_yaml_err err = { text, sizeof(text) };
	const struct mw_redact_rules *x;
	struct mw_rules *rules;
	size_t i;
	int r;

	FUZZ_CHECK(mw_rules_new(&rules) == 0);
	r = mw_rules_add_text(rules, "f", (const char *)data, n, err);
	if (r == 0)
		r = mw_rules_finish(rules, true, err);
	if (r == 0)
		(void)mw_rules_prove(rules, NULL, err);
	if (r < 0) {
		FUZZ_CHECK(text[0] && !strchr(text, '\n'));
	} else {
		x = mw_rules_redact(rules);
		for (i = 0; i < x->n; i++) {
			FUZZ_CHECK(x->rule[i].id[0] && strlen(x->rule[i].id) <= 48);
			FUZZ_CHECK(x->rule[i].pattern[0] && x->rule[i].entropy <= 8000);
		}
		for (i = 0; i < x->n_names; i++)
			FUZZ_CHECK(x->names[i][0]);
		for (i = 0; i < mw_rules_policy(rules)->n; i++)
			check_when(&mw_rules_policy(rules)->rule[i]);
	}
	mw_rules_free(rules);
	return 0;
}
