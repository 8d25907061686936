/* SPDX-License-Identifier: Apache-2.0 */
/* engine_policy_fx.h - an engine with rules of a text, and its alerts */
#ifndef MW_TESTS_ENGINE_POLICY_FX_H
#define MW_TESTS_ENGINE_POLICY_FX_H

#include "engine_fx.h"

#include "core/state.h"
#include "io/rules.h"

static inline struct mw_rules *rules_of(const char *yaml)
{
	struct mw_rules *r;
	char text[512] = "";
	const struct mw_yaml_err err = { text, sizeof(text) };

	assert_int_equal(mw_rules_new(&r), 0);
	if (mw_rules_add_text(r, "test", yaml, strlen(yaml), err) < 0)
		fail_msg("%s", text);
	if (mw_rules_finish(r, true, err) < 0)
		fail_msg("%s", text);
	return r;
}

/* The rules outlive the engine. */
static inline struct mw_rules *begin_rules(struct fx *f, const char *yaml)
{
	struct mw_rules *r = rules_of(yaml);
	struct mw_engine_config cfg = { .mac = fx_mac,
					.redact = mw_rules_redact(r),
					.policy = mw_rules_policy(r) };

	begin_with(f, cfg);
	return r;
}

static inline void end_rules(struct fx *f, struct mw_rules *r)
{
	mw_engine_free(f->e);
	tape_done(&f->t);
	free(f->text);
	mw_rules_free(r);
	assert_int_equal(test_alloc_live(), 0);
}

static inline void hello(struct fx *f)
{
	ask(f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	       "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
	       "\"clientInfo\":{\"name\":\"agent\",\"version\":\"1.2\"}}}");
	answer(f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
		  "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"files\","
		  "\"version\":\"0.9\"}}}");
}

static inline void ask_tool(struct fx *f, unsigned int id, const char *tool, const char *args)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":"
		 "\"%s\",\"arguments\":%s}}",
		 id, tool, args);
	ask(f, text);
}

static inline void answer_tool(struct fx *f, unsigned int id, const char *text)
{
	char line[4096];

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"content\":[{\"type\":\"text\","
		 "\"text\":\"%s\"}]}}",
		 id, text);
	answer(f, line);
}

/* How many alerts of this rule there are. */
static inline size_t alerts_of(const struct fx *f, const char *rule)
{
	char want[128];

	snprintf(want, sizeof(want), "\"type\":\"alert\",\"rule\":\"%s\"", rule);
	return count(f, want);
}

#define assert_alerts(f, rule, want)                                                               \
	do {                                                                                       \
		if (alerts_of(f, rule) != (want))                                                  \
			fail_msg("%zu alerts of %s, not %zu\n%.6000s", alerts_of(f, rule), rule,   \
				 (size_t)(want), (f)->text);                                       \
	} while (0)

#endif
