/* SPDX-License-Identifier: Apache-2.0 */
/* how much of what was said stands in the records (engine_content.c) */
#include "engine_fx.h"

#define CALL                                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"pay\","    \
	"\"arguments\":{\"to\":\"ASKED\"}}}"
#define BACK                                                                                       \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\","               \
	"\"text\":\"ANSWERED\"}]}}"
#define CALL2                                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/call\",\"params\":{\"name\":\"pay\","    \
	"\"arguments\":{\"to\":\"ASKED\"}}}"
#define BACK2 "{\"jsonrpc\":\"2.0\",\"id\":8,\"error\":{\"code\":-32000,\"message\":\"ANSWERED\"}}"
#define TOLD                                                                                       \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"                                         \
	"message\",\"params\":{\"data\":\"TOLD\"}}"

static void talk(struct fx *f, const struct mw_content_rule *rules, size_t n)
{
	begin_with(f, (struct mw_engine_config){ .content = rules, .n_content = n, .mac = fx_mac });
	world(f);
	ask(f, CALL);
	tape_line(&f->t, &f->down, SERVER, CLIENT, TOLD);
	answer(f, BACK);
	ask(f, CALL2);
	answer(f, BACK2);
	finish(f);
	assert_count(f, "\"args_hmac\"", 4);
	assert_count(f, "\"code\":-32000", 1);
}

static void everything_without_a_rule(void **state)
{
	const struct mw_content_rule other = { "other*", MW_CONTENT_HASH };
	struct fx f;

	talk(&f, &other, 1);
	assert_count(&f, "ASKED", 4);
	assert_count(&f, "ANSWERED", 2);
	assert_count(&f, "TOLD", 1);
	assert_count(&f, "\"content\":\"", 0);
	end(&f);
}

static void no_results(void **state)
{
	const struct mw_content_rule rules[] = { { "/usr/bin/server uid=*", MW_CONTENT_ARGS },
						 { "*", MW_CONTENT_HASH } };
	struct fx f;

	talk(&f, rules, 2);
	assert_count(&f, "ASKED", 4);
	assert_count(&f, "ANSWERED", 0);
	assert_count(&f, "TOLD", 0);
	assert_count(&f, "\"content\":\"args\"", 5);
	assert_count(&f, "\"result_bytes\"", 1);
	end(&f);
}

static void neither(void **state)
{
	const struct mw_content_rule rule = { "*server*", MW_CONTENT_HASH };
	struct fx f;

	talk(&f, &rule, 1);
	assert_count(&f, "ASKED", 0);
	assert_count(&f, "ANSWERED", 0);
	assert_count(&f, "TOLD", 0);
	assert_count(&f, "\"content\":\"hash\"", 5);
	assert_count(&f, "\"args_bytes\"", 2);
	assert_count(&f, "\"result_hmac\"", 1);
	end(&f);
}

/* Too long for its record: no body records either. */
static void nor_in_bodies(void **state)
{
	const struct mw_content_rule rule = { "*", MW_CONTENT_HASH };
	char *text = malloc(300000), *p = text;
	struct fx f;

	p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
			"\"name\":\"pay\",\"arguments\":{\"to\":\"");
	memset(p, 'x', 200000);
	strcpy(p + 200000, "\"}}}");
	begin_with(&f, (struct mw_engine_config){ .content = &rule, .n_content = 1 });
	world(&f);
	ask(&f, text);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}");
	finish(&f);
	assert_count(&f, "\"type\":\"body\"", 0);
	assert_count(&f, "xxxxxxxx", 0);
	assert_count(&f, "\"type\":\"call\"", 1);
	end(&f);
	free(text);
}

/* A server cannot hide by what it calls itself. */
static void not_by_its_own_word(void **state)
{
	const struct mw_content_rule rule = { "crm*", MW_CONTENT_HASH };
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .content = &rule, .n_content = 1 });
	world(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
		"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
		   "\"capabilities\":{},\"serverInfo\":{\"name\":\"crm\",\"version\":\"1\"}}}");
	ask(&f, CALL);
	answer(&f, BACK);
	finish(&f);
	assert_count(&f, "\"name\":\"crm\"", 5);
	assert_count(&f, "ANSWERED", 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_without_a_rule),
		cmocka_unit_test(no_results),
		cmocka_unit_test(neither),
		cmocka_unit_test(nor_in_bodies),
		cmocka_unit_test(not_by_its_own_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
