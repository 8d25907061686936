/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_rules.c - a rule file is read, or refused with one line; what was read is in bounds */
#include "fuzz.h"

#include "io/rules.h"

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
	}
	mw_rules_free(rules);
	return 0;
}
