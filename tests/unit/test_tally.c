/* SPDX-License-Identifier: Apache-2.0 */
/* counts of records: what is counted, what is bounded, what is no record */
#include "support.h"

#include "io/tally.h"

#define HEAD(type)                                                                                 \
	"{\"v\":1,\"seq\":1,\"time\":\"t\",\"boot_ns\":120000000000,\"host\":\"h\",\"type\":"      \
	"\"" type "\""
#define SRV                                                                                        \
	",\"server\":{\"id\":\"s1-1\",\"key\":\"/usr/bin/x uid=0\",\"name\":\"files\",\"pid\":7}"

static struct mw_tally *make(void)
{
	struct mw_tally *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	return t;
}

static void add(struct mw_tally *t, const char *line)
{
	mw_tally_add(t, line, strlen(line));
}

static const struct mw_tally_word *word(const struct mw_tally_words *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->w[i].name, name) == 0)
			return &w->w[i];
	fail_msg("no word %s", name);
	return NULL;
}

static void one_server(void **state)
{
	struct mw_tally *t = make();

	add(t, HEAD("server") ",\"event\":\"seen\",\"server\":{\"id\":\"s1-1\",\"key\":\"/usr/bin/"
			      "x uid=0\","
			      "\"pid\":7},\"transport\":\"stdio\",\"protocol\":\"2026-07-28\","
			      "\"tier\":{\"io\":\"clear\","
			      "\"link\":[\"go\",\"python\"]}}");
	assert_int_equal(t->n_servers, 1);
	assert_string_equal(t->servers[0].name, "/usr/bin/x uid=0");
	assert_string_equal(t->servers[0].transport, "stdio");
	assert_string_equal(t->servers[0].protocol, "2026-07-28");
	assert_string_equal(t->servers[0].io, "clear");
	assert_string_equal(t->servers[0].link, "go,python");
	assert_int_equal(t->servers[0].pid, 7);
	add(t, HEAD("request") ",\"call\":\"c1\"" SRV
			       ",\"method\":\"tools/call\",\"args\":{\"status\":\"x\"}}");
	add(t, HEAD("request") ",\"call\":\"c2\"" SRV ",\"method\":\"tools/list\"}");
	assert_int_equal(t->servers[0].in_flight, 2);
	add(t, HEAD("effect") ",\"kind\":\"file.open\",\"target\":\"/x\"" SRV
			      ",\"link\":\"sole\",\"confidence\":\"likely\"}");
	add(t, HEAD("effect") ",\"kind\":\"file.open\",\"link\":\"none\",\"confidence\":\"none\"}");
	add(t, HEAD("call") ",\"call\":\"c1\"" SRV
			    ",\"method\":\"tools/call\",\"args\":{\"status\":\"ok\"},"
			    "\"status\":\"tool_error\",\"elapsed_ms\":1500.5}");
	add(t, HEAD("call") ",\"call\":\"c2\"" SRV
			    ",\"method\":\"tools/list\",\"status\":\"ok\",\"elapsed_ms\":0.5}");
	assert_int_equal(t->servers[0].in_flight, 0);
	assert_string_equal(t->servers[0].name, "files"); /* learned at the answer */
	assert_int_equal(t->servers[0].c.calls, 2);
	assert_int_equal(t->servers[0].c.tool_calls, 1);
	assert_int_equal(t->servers[0].c.failed, 1);
	assert_int_equal(t->servers[0].c.effects, 1);
	assert_int_equal(t->servers[0].c.ties[1], 1);
	add(t, HEAD("gap") ",\"reason\":\"no_memory\"" SRV "}");
	add(t, HEAD("gap") ",\"reason\":\"no_memory\"}");
	add(t, HEAD("anomaly") ",\"what\":\"junk\"" SRV "}");
	assert_int_equal(t->servers[0].c.gaps, 1);
	assert_int_equal(t->servers[0].c.anomalies, 1);
	assert_true(t->servers[0].c.call_seconds > 1.500 && t->servers[0].c.call_seconds < 1.502);
	assert_int_equal(mw_tally_of(&t->status, "tool_error"), 1);
	assert_int_equal(mw_tally_of(&t->status, "ok"), 1);
	assert_int_equal(mw_tally_of(&t->status, "lost"), 0);
	assert_int_equal(mw_tally_of(&t->kinds, "file.open"), 2);
	assert_int_equal(mw_tally_of(&t->sure, "likely"), 1);
	assert_int_equal(mw_tally_alive(t), 1);
	add(t, HEAD("server") ",\"event\":\"gone\"" SRV "}");
	assert_int_equal(mw_tally_alive(t), 0);
	assert_int_equal(t->records, 11);
	assert_int_equal(t->unread, 0);
	free(t);
}

static void alerts_and_gaps(void **state)
{
	struct mw_tally *t = make();
	uint64_t hour[MW_TALLY_SEVERITIES];

	add(t, HEAD("alert") ",\"rule\":\"exec.shell\",\"severity\":\"high\",\"calls\":[\"c1\"]" SRV
			     "}");
	add(t, HEAD("alert") ",\"rule\":\"exec.shell\",\"severity\":\"low\"}");
	add(t, HEAD("gap") ",\"reason\":\"events_lost\",\"where\":\"kernel\",\"events\":12}");
	add(t, HEAD("gap") ",\"reason\":\"events_lost\",\"where\":\"kernel\",\"events\":3}");
	add(t, HEAD("gap") ",\"reason\":\"over_limit\",\"bytes\":18446744073709551615}");
	add(t, HEAD("anomaly") ",\"what\":\"bad_json\",\"where\":\"x\"}");
	assert_int_equal(t->alerts[2], 1);
	assert_int_equal(t->alerts[0], 1);
	assert_int_equal(t->servers[0].c.alerts, 1);
	assert_int_equal(mw_tally_of(&t->rules, "exec.shell"), 2);
	assert_int_equal(word(&t->reasons, "events_lost")->events, 15);
	assert_int_equal(word(&t->reasons, "events_lost")->n, 2);
	assert_int_equal(word(&t->reasons, "over_limit")->bytes, UINT64_MAX);
	assert_int_equal(mw_tally_of(&t->anomalies, "bad_json"), 1);
	/* they are of minute 2 */
	mw_tally_hour(t, 120000000000, hour);
	assert_int_equal(hour[2], 1);
	mw_tally_hour(t, 61 * 60000000000, hour);
	assert_int_equal(hour[2], 1);
	mw_tally_hour(t, 62 * 60000000000, hour);
	assert_int_equal(hour[2], 0);
	free(t);
}

static void bounded(void **state)
{
	struct mw_tally *t = make();
	uint64_t sum = 0, calls = 0;
	char line[512];
	size_t i;

	for (i = 0; i < 3 * MW_TALLY_SERVERS_MAX; i++) {
		snprintf(line, sizeof(line),
			 HEAD("call") ",\"server\":{\"id\":\"s1-%zu\",\"name\":\"n%zu\"},"
				      "\"method\":\"m\",\"status\":\"s%zu\","
				      "\"elapsed_ms\":1}",
			 i, i, i);
		add(t, line);
	}
	assert_int_equal(t->n_servers, MW_TALLY_SERVERS_MAX);
	assert_int_equal(t->refused, 2 * MW_TALLY_SERVERS_MAX);
	assert_int_equal(t->n_names, MW_TALLY_NAMES_MAX);
	assert_string_equal(t->names[MW_TALLY_NAMES_MAX - 1].name, "other");
	for (i = 0; i < t->n_names; i++)
		calls += t->names[i].c.calls;
	for (i = 0; i < t->status.n; i++)
		sum += t->status.w[i].n;
	assert_int_equal(calls, 3 * MW_TALLY_SERVERS_MAX);
	assert_int_equal(sum, 3 * MW_TALLY_SERVERS_MAX);
	/* one that has ended makes room */
	add(t, HEAD("server") ",\"event\":\"gone\",\"server\":{\"id\":\"s1-5\"},\"tier\":{\"io\":"
			      "\"clear\"}}");
	add(t, HEAD("request") ",\"server\":{\"id\":\"s2-1\",\"name\":\"late\"}}");
	assert_int_equal(t->refused, 2 * MW_TALLY_SERVERS_MAX);
	assert_string_equal(t->servers[5].name, "late");
	free(t);
}

/* A word of a rule or a name as long as they come does not run over, and none is cut in a
 * character. */
static void long_and_hostile(void **state)
{
	struct mw_tally *t = make();
	char line[4096], name[1024];
	size_t i;

	for (i = 0; i + 2 < sizeof(name); i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	snprintf(line, sizeof(line),
		 HEAD("call") ",\"server\":{\"id\":\"s1-1\",\"name\":\"%s\"},\"method\":\"m\","
			      "\"status\":\"%s\",\"elapsed_ms\":%s}",
		 name, name, "1e400");
	add(t, line);
	assert_true(strlen(t->servers[0].name) < MW_TALLY_NAME_LEN);
	assert_int_equal(strlen(t->servers[0].name) % 2, 0);
	assert_string_equal(t->status.w[0].name, "other");
	assert_true(t->servers[0].c.call_seconds == 0);
	for (i = 0; i < strlen(line); i++)
		mw_tally_add(t, line, i);
	add(t, "");
	add(t, "[]");
	add(t, "{}");
	add(t, "{\"type\":7}");
	add(t, "{\"type\":\"call\"}");
	add(t, "{\"type\":\"call\",\"server\":3,\"status\":{},\"elapsed_ms\":[]}");
	assert_true(t->unread > 0);
	assert_int_equal(t->records, strlen(line) + 7);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_server),
		cmocka_unit_test(alerts_and_gaps),
		cmocka_unit_test(bounded),
		cmocka_unit_test(long_and_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
