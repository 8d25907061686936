/* SPDX-License-Identifier: Apache-2.0 */
/* alerts as records, and what each fact says (engine_policy*.c) */
#include "engine_policy_fx.h"

#define RULE(id, on, when)                                                                         \
	"  - id: " id "\n    title: " id " happened\n    severity: medium\n    on: " on              \
	"\n    when: " when "\n"
#define RULES "rules:\n"

/* --- records ------------------------------------------------------------------------------------ */

static void record_of_an_alert(void **state)
{
	static const char *const keys[] = { "type",    "rule",	"severity",  "title", "calls", "effects",
					    "server",  "tool",	"principal", "session", "rpc_id",
					    "targets", "outcome", "count",  "detail",  "tags",  NULL };
	struct mw_engine_stats stats;
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, "rules:\n  - id: secret.read\n    title: a \"key\" was read\n"
			    "    severity: high\n    on: effect\n"
			    "    when: effect.target endswith .key and call.tool = read\n"
			    "    detail: [effect.target]\n    tags: [attack.t1552]\n"
			    "  - id: done\n    title: t\n    severity: low\n    on: call\n"
			    "    when: call.status = ok and call.method = tools/call\n");
	world(&f);
	hello(&f);
	ask_tool(&f, 7, "read", "{\"path\":\"/srv/a.key\"}");
	tape_open(&f.t, SERVER, "/srv/a.key", O_RDONLY, 3);
	answer_tool(&f, 7, "x");
	finish(&f);
	assert_alerts(&f, "secret.read", 1);
	assert_alerts(&f, "done", 1);
	assert_keys(&f, "\"rule\":\"secret.read\"", keys);
	assert_count(&f, "\"title\":\"a \\\"key\\\" was read\"", 1);
	assert_count(&f, "\"alerts\":[\"secret.read\",\"done\"]", 1);
	assert_count(&f, "\"rpc_id\":\"7\",\"targets\":[\"/srv/a.key\"],\"outcome\":\"ok\"", 1);
	/* behind what it is about: the effect's record, the call's record */
	assert_true(strstr(f.text, "\"type\":\"effect\",\"kind\":\"file.open\",\"target\":\"/srv/a.key\"") <
		    strstr(f.text, "\"rule\":\"secret.read\""));
	assert_true(strstr(f.text, "\"alerts\":[") < strstr(f.text, "\"rule\":\"done\""));
	mw_engine_stats(f.e, &stats);
	assert_int_equal(stats.alerts, 2);
	end_rules(&f, r);
}

static void urgent_with_its_severity(void **state)
{
	struct mw_rules *r;
	struct mw_out out;
	size_t n = 0, pos = 0;
	const struct mw_event_hdr *h;
	struct fx f;

	r = begin_rules(&f, RULES RULE("t", "effect", "effect.kind = file.delete"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "rm", "{}");
	tape_unlink(&f.t, SERVER, "/srv/a", 0);
	while ((h = tape_next(&f.t, &pos))) {
		assert_int_equal(mw_engine_push(f.e, h, h->len), 0);
		while (mw_engine_next(f.e, &out) == 1) {
			const bool alert = out.kind == MW_OUT_RECORD &&
					   memmem(out.bytes, out.len, "\"type\":\"alert\"", 14);

			assert_int_equal(out.kind == MW_OUT_RECORD ? out.record.alert : 0,
					 alert ? MW_SEVERITY_MEDIUM : 0);
			assert_true(!alert || out.record.urgent);
			n += alert;
		}
	}
	assert_int_equal(n, 1);
	end_rules(&f, r);
}

/* What it tells is redacted as all else is. */
static void nothing_unredacted(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, "rules:\n  - id: t\n    title: t\n    severity: low\n    on: request\n"
			    "    when: call.tool = send\n    detail: [call.args]\n");
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "send", "{\"password\":\"hunter2hunter2\"}");
	finish(&f);
	assert_alerts(&f, "t", 1);
	assert_count(&f, "hunter2", 0);
	end_rules(&f, r);
}

/* --- ties --------------------------------------------------------------------------------------- */

static void looked_at_twice(void **state)
{
	struct mw_rules *r;
	struct fx f;
	const char *seen, *tied;

	r = begin_rules(&f, RULES RULE("seen", "effect", "effect.target endswith .key")
			    RULE("tied", "effect", "effect.target endswith .key and call.tool = read")
			    RULE("other", "effect", "effect.target endswith .key and call.tool = list"));
	world(&f);
	hello(&f);
	/* two are open, and nothing decides */
	ask_tool(&f, 1, "read", "{\"path\":\"/x/1\"}");
	ask_tool(&f, 2, "read", "{\"path\":\"/x/2\"}");
	tape_open(&f.t, SERVER, "/srv/a.key", O_RDONLY, 3);
	go(&f);
	assert_alerts(&f, "seen", 1);
	assert_alerts(&f, "tied", 0);
	answer_tool(&f, 1, "x");
	answer_tool(&f, 2, "x");
	finish(&f);
	assert_alerts(&f, "seen", 1);
	/* it is of one of two calls of this tool, whichever */
	assert_alerts(&f, "tied", 1);
	assert_alerts(&f, "other", 0);
	seen = strstr(f.text, "\"rule\":\"seen\"");
	tied = strstr(f.text, "\"rule\":\"tied\"");
	assert_true(seen < tied);
	end_rules(&f, r);
}

/* It may be of either: nothing is claimed of the tool of one. */
static void never_of_a_call_that_is_not_its(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("tied", "effect", "effect.target endswith .key and call.tool = read")
			    RULE("none", "effect", "effect.target endswith .key and effect.background")
			    RULE("shared", "effect",
				 "effect.target endswith .key and effect.confidence = shared"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "read", "{\"path\":\"/x/1\"}");
	ask_tool(&f, 2, "list", "{\"path\":\"/x/2\"}");
	tape_open(&f.t, SERVER, "/srv/a.key", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	answer_tool(&f, 2, "x");
	tape_wait(&f.t, 300 * MS);
	finish(&f);
	assert_alerts(&f, "tied", 0);
	assert_alerts(&f, "none", 0);
	assert_alerts(&f, "shared", 1);
	end_rules(&f, r);
}

static void background(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("none", "effect", "effect.background and not effect.startup"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "read", "{\"path\":\"/x/1\"}");
	tape_open(&f.t, SERVER, "/x/1", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	go(&f);
	assert_alerts(&f, "none", 0);
	tape_wait(&f.t, 300 * MS);
	tape_open(&f.t, SERVER, "/srv/later", O_RDONLY, 3);
	finish(&f);
	assert_alerts(&f, "none", 1);
	end_rules(&f, r);
}

/* --- effects ------------------------------------------------------------------------------------ */

static void before_it_was_a_server(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("start", "effect", "effect.startup and effect.target endswith .key")
			    RULE("later", "effect", "not effect.startup and effect.target endswith .key"));
	world(&f);
	tape_open(&f.t, SERVER, "/srv/1.key", O_RDONLY, 3);
	tape_open(&f.t, CLIENT, "/srv/client.key", O_RDONLY, 3);
	go(&f);
	assert_alerts(&f, "start", 0);
	hello(&f);
	tape_wait(&f.t, 300 * MS);
	ask_tool(&f, 1, "read", "{}");
	tape_open(&f.t, SERVER, "/srv/2.key", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	finish(&f);
	assert_alerts(&f, "start", 1);
	assert_alerts(&f, "later", 1);
	/* with the server's name on it; the client's own is none of a server's */
	assert_count(&f, "\"targets\":[\"/srv/1.key\"]", 1);
	assert_count(&f, "\"targets\":[\"/srv/client.key\"]", 0);
	end_rules(&f, r);
}

static void what_arguments_name(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("named", "effect", "effect.named and effect.target startswith /srv")
			    RULE("near", "effect",
				 "effect.named_near and not effect.named and effect.target startswith /srv")
			    RULE("unnamed", "effect",
				 "not effect.named_near and effect.target startswith /srv"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "read", "{\"path\":\"/srv/docs/a.txt\",\"in\":\"/srv/pics/all\"}");
	tape_open(&f.t, SERVER, "/srv/docs/a.txt", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/srv/pics/all/x.png", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/srv/secret", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	finish(&f);
	assert_count(&f, "\"rule\":\"named\"", 1);
	assert_count(&f, "\"rule\":\"near\"", 1);
	assert_count(&f, "\"rule\":\"unnamed\"", 1);
	assert_count(&f, "\"targets\":[\"/srv/secret\"]", 1);
	end_rules(&f, r);
}

static void what_it_made_itself(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("own", "effect", "effect.kind = file.delete and effect.own")
			    RULE("others", "effect", "effect.kind = file.delete and not effect.own"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "work", "{}");
	tape_open(&f.t, SERVER, "/srv/mine", O_WRONLY | O_CREAT | O_TRUNC, 3);
	tape_unlink(&f.t, SERVER, "/srv/mine", 0);
	tape_open(&f.t, SERVER, "/srv/there", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/srv/there", O_WRONLY | O_CREAT | O_TRUNC, 3);
	tape_unlink(&f.t, SERVER, "/srv/there", 0);
	tape_unlink(&f.t, SERVER, "/srv/theirs", 0);
	tape_unlink(&f.t, SERVER, "/srv/mine", 0); /* it is gone: another's now */
	answer_tool(&f, 1, "x");
	finish(&f);
	assert_count(&f, "\"rule\":\"own\"", 1);
	assert_count(&f, "\"rule\":\"others\"", 3);
	end_rules(&f, r);
}

static void what_it_does_anyway(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("again", "effect", "effect.habit and effect.target = /srv/cache")
			    RULE("first", "effect", "not effect.habit and effect.target = /srv/cache"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "a", "{}");
	tape_open(&f.t, SERVER, "/srv/cache", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/srv/cache", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	go(&f);
	assert_alerts(&f, "again", 0);
	ask_tool(&f, 2, "b", "{}");
	tape_open(&f.t, SERVER, "/srv/cache", O_RDONLY, 3);
	answer_tool(&f, 2, "x");
	finish(&f);
	assert_alerts(&f, "again", 1);
	end_rules(&f, r);
}

static void roots_of_the_command_line(void **state)
{
	static const struct {
		const char *exe, *argv, *target;
		size_t want;
	} v[] = {
		{ "/usr/bin/node", "node /opt/fs/index.js /srv/docs", "/srv/docs/a", 0 },
		{ "/usr/bin/node", "node /opt/fs/index.js /srv/docs", "/srv/docsx", 1 },
		{ "/usr/bin/node", "node /opt/fs/index.js /srv/docs /srv/a.db", "/srv/a.db", 0 },
		{ "/usr/bin/node", "node /opt/fs/index.js .", "/home/ann/x", 0 },
		{ "/usr/bin/node", "node /opt/fs/index.js .", "/etc/passwd", 1 },
		/* no roots: nothing is outside */
		{ "/usr/bin/node", "node /opt/fs/index.js", "/etc/passwd", 0 },
		{ "/usr/bin/node", "node /opt/fs/index.js --db /srv/docs", "/etc/passwd", 0 },
		{ "/usr/bin/db", "db /srv/a.db", "/etc/passwd", 0 },
		{ "/usr/bin/db", "db /srv/data", "/etc/passwd", 1 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct mw_rules *r;
		struct fx f;

		r = begin_rules(&f, RULES RULE("out", "effect", "effect.outside_roots"));
		world(&f);
		tape_proc(&f.t, MW_EV_EXEC, SERVER,
			  (struct tape_exe){ .exe = v[i].exe, .argv = v[i].argv,
					     .cwd = "/home/ann", .uid = 1000, .parent = CLIENT });
		hello(&f);
		ask_tool(&f, 1, "read", "{}");
		tape_open(&f.t, SERVER, v[i].target, O_RDONLY, 3);
		answer_tool(&f, 1, "x");
		finish(&f);
		if (count(&f, "\"rule\":\"out\"") != v[i].want)
			fail_msg("%s: %s", v[i].argv, v[i].target);
		end_rules(&f, r);
	}
}

static void roots_that_the_client_declares(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("out", "effect", "effect.outside_roots"));
	world(&f);
	hello(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"result\":{\"roots\":[{\"uri\":"
		"\"file:///srv/my%20docs/\",\"name\":\"d\"}]}}");
	ask_tool(&f, 1, "read", "{}");
	tape_open(&f.t, SERVER, "/srv/my docs/a", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/srv/my", O_RDONLY, 3);
	answer_tool(&f, 1, "x");
	finish(&f);
	assert_alerts(&f, "out", 1);
	assert_count(&f, "\"targets\":[\"/srv/my\"]", 1);
	end_rules(&f, r);
}

/* --- calls and definitions ---------------------------------------------------------------------- */

static void secrets(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("in", "request", "call.arg_secrets = key")
			    RULE("out", "call", "call.result_secrets = private-key")
			    RULE("mail", "call", "call.result_secrets = email"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "a", "{\"api_key\":\"0123456789abcdef\"}");
	answer_tool(&f, 1, "ann@example.org -----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq"
			   "hkiG9w0BAQEFAASCBKcwggSj\\n-----END PRIVATE KEY-----");
	ask_tool(&f, 2, "a", "{}");
	answer_tool(&f, 2, "nothing");
	finish(&f);
	assert_alerts(&f, "in", 1);
	assert_alerts(&f, "out", 1);
	assert_alerts(&f, "mail", 0);
	end_rules(&f, r);
}

static void list_tools(struct fx *f, unsigned int id, const char *tools)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/list\"}", id);
	ask(f, text);
	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"tools\":[%s]}}", id,
		 tools);
	answer(f, text);
}

/* What a definition says is no result of a tool's. */
static void secrets_of_definitions(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("out", "call", "call.result_secrets"));
	world(&f);
	hello(&f);
	list_tools(&f, 1, "{\"name\":\"t\",\"x\":{\"password\":\"hunter2hunter2\"}}");
	go(&f);
	assert_alerts(&f, "out", 0);
	ask_tool(&f, 2, "t", "{}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"password\":\"hunter2hunter2\"}}");
	finish(&f);
	assert_alerts(&f, "out", 1);
	end_rules(&f, r);
}

/* "~" is also what the server's environment has as HOME. */
static void home_of_the_environment(void **state)
{
	static const char env[] = "PATH=/bin\0HOME=/tmp/jail/agent\0LANG=C";
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("key", "effect", "effect.target under ~/.ssh"));
	world(&f);
	hello(&f);
	tape_open(&f.t, SERVER, "/tmp/jail/agent/.ssh/a", O_RDONLY, 3);
	go(&f);
	assert_alerts(&f, "key", 0);
	tape_env(&f.t, SERVER, env, sizeof(env));
	tape_open(&f.t, SERVER, "/tmp/jail/agent/.ssh/b", O_RDONLY, 3);
	tape_open(&f.t, SERVER, "/tmp/jail/agents/.ssh/c", O_RDONLY, 3);
	finish(&f);
	assert_alerts(&f, "key", 1);
	end_rules(&f, r);
}

static void definitions(void **state)
{
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("changed", "tool", "tool.changed and tool.in_session")
			    RULE("hides", "call", "call.readonly and call.known_tool")
			    RULE("wrong", "request", "call.unexpected = unknown:b"));
	world(&f);
	hello(&f);
	list_tools(&f, 90, "{\"name\":\"t\",\"annotations\":{\"readOnlyHint\":true},\"inputSchema\":"
			   "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}");
	ask_tool(&f, 1, "t", "{\"a\":\"x\"}");
	answer_tool(&f, 1, "x");
	go(&f);
	assert_alerts(&f, "changed", 0);
	assert_alerts(&f, "hides", 1);
	assert_alerts(&f, "wrong", 0);
	ask_tool(&f, 2, "t", "{\"a\":\"x\",\"b\":1}");
	answer_tool(&f, 2, "x");
	list_tools(&f, 91, "{\"name\":\"t\",\"description\":\"another\"}");
	finish(&f);
	assert_alerts(&f, "wrong", 1);
	assert_alerts(&f, "changed", 1);
	end_rules(&f, r);
}

/* Pinned in one run, another in the next. */
static void pinned_across_runs(void **state)
{
	static const char yaml[] = RULES RULE("changed", "tool", "tool.changed and not tool.in_session");
	struct mw_engine_config cfg = { 0 };
	const struct mw_event_hdr *h;
	struct mw_rules *r = rules_of(yaml);
	char lines[4][MW_STATE_LINE_MAX];
	struct mw_out out;
	size_t n = 0, pos = 0;
	struct fx f;

	cfg.policy = mw_rules_policy(r);
	begin_with(&f, cfg);
	world(&f);
	hello(&f);
	list_tools(&f, 1, "{\"name\":\"t\",\"description\":\"one\"}");
	while ((h = tape_next(&f.t, &pos))) {
		assert_int_equal(mw_engine_push(f.e, h, h->len), 0);
		while (mw_engine_next(f.e, &out) == 1)
			if (out.kind == MW_OUT_STATE && n < 4)
				snprintf(lines[n++], sizeof(lines[0]), "%.*s", (int)out.len, out.bytes);
	}
	assert_true(n > 0);
	end(&f);
	begin_with(&f, cfg);
	world(&f);
	for (size_t i = 0; i < n; i++)
		tape_state(&f.t, MW_STATE_LINE, lines[i]);
	hello(&f);
	list_tools(&f, 1, "{\"name\":\"t\",\"description\":\"two\"}");
	finish(&f);
	assert_alerts(&f, "changed", 1);
	assert_count(&f, "\"was\":\"", 1);
	assert_count(&f, "\"pinned\":true", 1);
	end_rules(&f, r);
}

/* --- other rules -------------------------------------------------------------------------------- */

static void reload(void **state)
{
	static const uint8_t hash[32] = { 0xab, 0xcd };
	struct mw_policy_rule bad = { .id = "x", .title = "x", .severity = 1, .on = MW_FACT_CALL };
	struct mw_cond_value value = { .text = MW_SLICE_LIT("(") };
	struct mw_cond cond = { .op = MW_COND_REGEX, .values = &value, .n_values = 1 };
	const struct mw_policy_rules bad_rules = { &bad, 1 };
	struct mw_rules *one, *two;
	struct fx f;

	cond.field = (uint32_t)mw_fact_field_find(MW_SLICE_LIT("call.tool"));
	bad.when = (struct mw_when){ &cond, 1 };
	one = begin_rules(&f, RULES RULE("one", "call", "call.tool"));
	two = rules_of(RULES RULE("two", "call", "call.tool"));
	world(&f);
	hello(&f);
	ask_tool(&f, 1, "a", "{}");
	answer_tool(&f, 1, "x");
	go(&f);
	assert_alerts(&f, "one", 1);
	/* none of it counts if one does not compile */
	assert_int_equal(mw_engine_rules(f.e, NULL, &bad_rules, hash, NULL), -EINVAL);
	mw_engine_rules_failed(f.e, "a rule has a fault");
	pull(&f);
	assert_count(&f, "\"event\":\"reload_failed\"", 1);
	assert_int_equal(mw_engine_rules(f.e, mw_rules_redact(two), mw_rules_policy(two), hash, hash), 0);
	mw_rules_free(one);
	pull(&f);
	assert_count(&f, "\"event\":\"reload\",\"config_hash\":\"abcd", 1);
	ask_tool(&f, 2, "b", "{\"password\":\"hunter2hunter2\"}");
	answer_tool(&f, 2, "x");
	go(&f);
	assert_alerts(&f, "one", 1);
	assert_alerts(&f, "two", 1);
	assert_count(&f, "hunter2", 0);
	/* and none at all */
	assert_int_equal(mw_engine_rules(f.e, NULL, NULL, NULL, NULL), 0);
	ask_tool(&f, 3, "c", "{}");
	answer_tool(&f, 3, "x");
	finish(&f);
	assert_alerts(&f, "two", 1);
	end_rules(&f, two);
}

static void outlets_that_lost_some(void **state)
{
	struct {
		struct mw_ev_outlet ev;
		char name[8];
	} o = { .ev = { .hdr = { .len = sizeof(o), .type = MW_EV_OUTLET, .cpu = MW_CPU_NONE },
			.alerts = 3, .error = -EPIPE, .name_len = 6 },
		.name = "syslog" };
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, RULES RULE("lost", "gap", "gap.reason = alerts_unsent and gap.events >= 3"));
	world(&f);
	tape_copy(&f.t, &o.ev.hdr);
	finish(&f);
	assert_count(&f, "\"type\":\"gap\",\"reason\":\"alerts_unsent\",\"where\":\"syslog\",\"events\":3,"
			 "\"error\":\"EPIPE\"", 1);
	assert_alerts(&f, "lost", 1);
	end_rules(&f, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_of_an_alert),
		cmocka_unit_test(urgent_with_its_severity),
		cmocka_unit_test(nothing_unredacted),
		cmocka_unit_test(looked_at_twice),
		cmocka_unit_test(never_of_a_call_that_is_not_its),
		cmocka_unit_test(background),
		cmocka_unit_test(before_it_was_a_server),
		cmocka_unit_test(what_arguments_name),
		cmocka_unit_test(what_it_made_itself),
		cmocka_unit_test(what_it_does_anyway),
		cmocka_unit_test(roots_of_the_command_line),
		cmocka_unit_test(roots_that_the_client_declares),
		cmocka_unit_test(secrets),
		cmocka_unit_test(secrets_of_definitions),
		cmocka_unit_test(home_of_the_environment),
		cmocka_unit_test(definitions),
		cmocka_unit_test(pinned_across_runs),
		cmocka_unit_test(reload),
		cmocka_unit_test(outlets_that_lost_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
