/* SPDX-License-Identifier: Apache-2.0 */
/* who called: tokens of calls and servers, keyed hashes, parents; all from events */
#include "engine_fx.h"

#include "core/engine_priv.h"

#define JWT "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9."

static void begin_keyed(struct fx *f)
{
	begin_with(f, (struct mw_engine_config){ .mac = fx_mac });
	world(f);
}

static void hex_of(enum mw_mac_use use, const char *s, size_t n, char ret[65])
{
	uint8_t mac[32];

	fx_mac(NULL, use, s, strlen(s), mac);
	for (size_t i = 0; i < n / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", mac[i]);
}

static void ask_with(struct fx *f, const char *args)
{
	char text[8192];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
				     "\"arguments\":%s}}", args);
	ask(f, text);
}

/* The very bytes, blanks and all; in the request's record and the call's. */
static void hashes_of_content(void **state)
{
	static const char args[] = "{ \"path\" : \"/a\",\t\"n\": 1.0 }";
	char want[128], hex[65];
	struct fx f;

	begin_keyed(&f);
	ask_with(&f, args);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\": {\"x\": [ ]} }");
	finish(&f);
	hex_of(MW_MAC_CONTENT, args, 64, hex);
	snprintf(want, sizeof(want), ",\"args_hmac\":\"%s\"", hex);
	assert_count(&f, want, 2);
	hex_of(MW_MAC_CONTENT, "{\"x\": [ ]}", 64, hex);
	snprintf(want, sizeof(want), "\"result_bytes\":10,\"result_hmac\":\"%s\"", hex);
	assert_count(&f, want, 1);
	end(&f);
	/* without a key there is none, and no fingerprint */
	begin(&f);
	ask_with(&f, "{\"token\":\"k\"}");
	result(&f);
	finish(&f);
	assert_count(&f, "_hmac", 0);
	assert_count(&f, "fingerprint", 0);
	assert_count(&f, "\"tokens\":[{\"kind\":\"api_key\",\"where\":\"args.token\",\"verified\":false}]", 2);
	end(&f);
}

/* Longer than what a call keeps: the hash and the tokens are kept though. */
static void long_arguments(void **state)
{
	const size_t n = MW_SESSION_ARGS_MAX + 1000;
	char *args = malloc(n + 200), *line = malloc(n + 400), hex[65], want[128];
	struct fx f;
	int len;

	assert_true(args && line);
	len = snprintf(args, n, "{\"token\":\"" JWT "\",\"x\":\"");
	memset(args + len, 'x', n - (size_t)len);
	memcpy(args + n, "\"}", 3);
	snprintf(line, n + 400, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
				"\"arguments\":%s}}", args);
	begin_keyed(&f);
	ask(&f, line);
	result(&f);
	finish(&f);
	hex_of(MW_MAC_CONTENT, args, 64, hex);
	snprintf(want, sizeof(want), "\"args_hmac\":\"%s\"", hex);
	assert_count(&f, want, 2);
	assert_count(&f, "{\"kind\":\"jwt\",\"where\":\"args.token\",\"sub\":\"alice\",\"fingerprint\":\"", 2);
	end(&f);
	free(args);
	free(line);
}

/* The same credential is the same everywhere, and another is another. */
static void fingerprints(void **state)
{
	char want[256], hex[65];
	struct fx f;

	begin_keyed(&f);
	ask_with(&f, "{\"a\":\"" JWT "\",\"b\":\"see " JWT " there\",\"headers\":{\"Authorization\":\"Bearer " JWT "\"},"
		     "\"secret\":\"other\"}");
	result(&f);
	finish(&f);
	hex_of(MW_MAC_FINGERPRINT, JWT, 12, hex);
	snprintf(want, sizeof(want), "\"sub\":\"alice\",\"fingerprint\":\"%.12s\",\"verified\":false}", hex);
	assert_count(&f, want, 6);
	hex_of(MW_MAC_FINGERPRINT, "other", 12, hex);
	snprintf(want, sizeof(want), "\"where\":\"args.secret\",\"fingerprint\":\"%.12s\"", hex);
	assert_count(&f, want, 2);
	end(&f);
}

static void more_than_are_written(void **state)
{
	char args[4096];
	size_t n = 0, i;
	struct fx f;

	n += (size_t)snprintf(args, sizeof(args), "{\"api_keys\":[");
	for (i = 0; i < 23; i++)
		n += (size_t)snprintf(args + n, sizeof(args) - n, "%s\"k%zu\"", i ? "," : "", i);
	snprintf(args + n, sizeof(args) - n, "]}");
	begin_keyed(&f);
	ask_with(&f, args);
	result(&f);
	finish(&f);
	assert_count(&f, "\"kind\":\"api_key\"", 16);
	assert_count(&f, "\"tokens_n\":23}", 2);
	end(&f);
}

/* Of a server: names and hashes, of whatever they hold; and its record is said again. */
static void environment(void **state)
{
	static const char env[] = "HOME=/x\0GITHUB_TOKEN=ghp_secret\0ANY=" JWT "\0PWD=/x\0";
	struct fx f;

	begin_keyed(&f);
	tape_proc(&f.t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/server", .argv = "server --api-key hush", .uid = 1000,
				     .parent = CLIENT });
	call(&f);
	result(&f);
	go(&f);
	assert_count(&f, "\"event\":\"seen\"", 1);
	assert_count(&f, "\"where\":\"argv.--api-key\"", 3); /* server, request, call */
	tape_env(&f.t, SERVER, env, sizeof(env) - 1);
	go(&f);
	assert_count(&f, "\"event\":\"changed\"", 1);
	assert_count(&f, "\"tokens\":[{\"kind\":\"api_key\",\"where\":\"argv.--api-key\",\"fingerprint\":\"", 4);
	assert_count(&f, "{\"kind\":\"jwt\",\"where\":\"env.ANY\",\"fingerprint\":\"", 1);
	ask_with(&f, "{\"pin\":1,\"token\":\"k\"}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	go(&f);
	assert_count(&f, "\"where\":\"env.GITHUB_TOKEN\"", 3);
	assert_count(&f, "\"tokens\":[{\"kind\":\"api_key\",\"where\":\"args.token\"", 2);
	/* another program has another environment */
	tape_proc(&f.t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/server", .argv = "server", .uid = 1000, .parent = CLIENT });
	f.n_control = 0;
	go(&f);
	assert_int_equal(f.n_control, 1);
	f.len = 0;
	f.text[0] = '\0';
	call(&f);
	result(&f);
	go(&f);
	assert_count(&f, "\"type\":\"call\"", 1);
	assert_count(&f, "tokens", 0);
	/* of one that nobody asked about nothing is kept */
	tape_env(&f.t, CLIENT, env, sizeof(env) - 1);
	finish(&f);
	assert_count(&f, "tokens", 0);
	assert_count(&f, "ghp_secret", 0);
	end(&f);
}

/* By rule, and by form: whatever the name is. */
static void environment_by_rule(void **state)
{
	static const char env[] = "X=see tk_123456\0DATABASE_URL=postgres://u:hunter2@h/db\0MAIL=alice@example.com\0"
				  "ID=0a1b2c3d-1111-4222-8333-444455556666\0MADE=[REDACTED:key:1:000000000000]\0";
	static const char *const words[] = { "tk_" };
	static const struct mw_redact_rule rule = { .id = "test-key", .pattern = "tk_[0-9]{6}", .keywords = words,
						    .n_keywords = 1 };
	static const struct mw_redact_rules rules = { .rule = &rule, .n = 1 };
	char want[160], hex[65];
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .mac = fx_mac, .redact = &rules });
	world(&f);
	call(&f);
	tape_env(&f.t, SERVER, env, sizeof(env) - 1);
	result(&f);
	finish(&f);
	hex_of(MW_MAC_FINGERPRINT, "tk_123456", 12, hex);
	snprintf(want, sizeof(want), "\"tokens\":[{\"kind\":\"api_key\",\"where\":\"env.X\",\"fingerprint\":\"%.12s\"", hex);
	assert_count(&f, want, 3);
	hex_of(MW_MAC_FINGERPRINT, "u:hunter2", 12, hex);
	snprintf(want, sizeof(want), "\"where\":\"env.DATABASE_URL\",\"fingerprint\":\"%.12s\"", hex);
	assert_count(&f, want, 3);
	assert_count(&f, "env.", 6);
	end(&f);
}

static void environment_cut(void **state)
{
	struct mw_ev_env *ev;
	struct fx f;

	begin_keyed(&f);
	call(&f);
	result(&f);
	tape_env(&f.t, SERVER, "A_TOKEN=x", 10);
	ev = (struct mw_ev_env *)(void *)tape_last(&f.t);
	ev->cut = 1;
	finish(&f);
	assert_count(&f, "\"type\":\"gap\",\"reason\":\"env_unread\",\"where\":\"environment\",\"server\":{", 1);
	assert_count(&f, "\"where\":\"env.A_TOKEN\"", 1); /* the server, changed */
	end(&f);
}

/* Kept while its calls may still end, and no longer. */
static void forgotten_after_exit(void **state)
{
	struct fx f;

	begin_keyed(&f);
	call(&f);
	tape_env(&f.t, SERVER, "A_TOKEN=x", 10);
	go(&f);
	tape_exit(&f.t, SERVER, 0);
	tape_wait(&f.t, 1000 * MS);
	go(&f);
	assert_count(&f, "\"status\":\"no_response\"", 1);
	assert_count(&f, "\"where\":\"env.A_TOKEN\"", 4); /* server, request, call, gone */
	assert_int_equal(mw_table_count(f.e->tokens), 1);
	tape_wait(&f.t, 10000 * MS);
	go(&f);
	assert_int_equal(mw_table_count(f.e->tokens), 0);
	assert_int_equal(f.e->tokens_ended, 0);
	finish(&f);
	end(&f);
}

/* --- parents --- */

static void session_of(struct fx *f, uint32_t session)
{
	((struct mw_ev_proc *)(void *)tape_last(&f->t))->audit_session = session;
}

static void person(struct fx *f, uint32_t pid, uint32_t parent, const char *cgroup, uint32_t session)
{
	tape_proc(&f->t, MW_EV_PROC, pid,
		  (struct tape_exe){ .exe = "/bin/p", .cgroup = cgroup, .uid = 1000, .parent = parent });
	session_of(f, session);
}

/* The pids of the parents, and what ended them. */
static void assert_parents(struct fx *f, const char *pids, const char *ended)
{
	char want[2048], *at = want;

	tape_proc(&f->t, MW_EV_PROC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/server", .uid = 1000, .parent = CLIENT });
	f->up = tape_chan(&f->t, MW_CHAN_PIPE);
	f->down = tape_chan(&f->t, MW_CHAN_PIPE);
	call(f);
	result(f);
	finish(f);
	if (*pids)
		at += snprintf(at, 256, "\"parents\":[");
	while (*pids) {
		at += snprintf(at, 128, "{\"pid\":%d,\"exe\":\"/bin/p\",\"uid\":1000}", atoi(pids));
		pids += strcspn(pids, " ");
		if (*pids == ' ') {
			pids++;
			*at++ = ',';
		} else {
			at += snprintf(at, 8, "]");
		}
	}
	if (ended)
		at += snprintf(at, 64, ",\"parents_end\":\"%s\"", ended);
	snprintf(at, 8, "}");
	assert_count(f, want, 2); /* server, request */
	assert_count(f, "\"parents_end\"", ended ? 2 : 0);
	end(f);
}

static void parents(void **state)
{
	const uint32_t none = UINT32_MAX;
	struct fx f;
	uint32_t i;

	/* of a login: up to where its session began, whatever scopes there are between */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	person(&f, 1, 0, "/init.scope", none);
	person(&f, 10, 1, "/system.slice/ssh.service", none);
	person(&f, 11, 10, "/user.slice/session-3.scope", 3);
	person(&f, 12, 11, "/user.slice/run-r1.scope", 3);
	person(&f, CLIENT, 12, "/user.slice/run-r2.scope", 3);
	assert_parents(&f, "12 11", "login");
	/* of a service */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	person(&f, 1, 0, "/init.scope", none);
	person(&f, 10, 1, "/system.slice/agent.service", none);
	person(&f, CLIENT, 10, "/system.slice/agent.service", none);
	assert_parents(&f, "10", "service");
	/* it is the service itself */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	person(&f, 1, 0, "/init.scope", none);
	person(&f, CLIENT, 1, "/system.slice/agent.service", none);
	assert_parents(&f, "", "service");
	/* no units at all */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	person(&f, 1, 0, "/", none);
	person(&f, 10, 1, "/", none);
	person(&f, CLIENT, 10, "/", none);
	assert_parents(&f, "10 1", "init");
	/* one of them is not known: nothing is said of what ended it */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	person(&f, 10, 9, "/", none);
	person(&f, CLIENT, 10, "/", none);
	assert_parents(&f, "10", NULL);
	/* very many */
	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	for (i = 10; i < 40; i++)
		person(&f, i, i - 1, "/", none);
	person(&f, CLIENT, 39, "/", none);
	assert_parents(&f, "39 38 37 36 35 34 33 32 31 30 29 28 27 26 25 24", "limit");
}

/* --- the clock --- */

static void clock_state(void **state)
{
	struct mw_ev_meta *meta;
	struct mw_ev_clock *step;
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	meta = (struct mw_ev_meta *)(void *)tape_last(&f.t);
	meta->clock = (struct mw_clock){ .state = MW_CLOCK_SYNCED, .offset_ns = -1234 };
	const int64_t was = meta->realtime_ns;

	tape_clock(&f.t, was - 3600000000000);
	step = (struct mw_ev_clock *)(void *)tape_last(&f.t);
	step->clock = (struct mw_clock){ .state = MW_CLOCK_FREE, .offset_ns = 5 };
	tape_clock(&f.t, was);
	finish(&f);
	assert_count(&f, "\"event\":\"start\",\"version\":", 1);
	assert_count(&f, ",\"clock\":{\"synchronised\":true,\"offset_ns\":-1234}}", 1);
	assert_count(&f, "\"event\":\"clock\",\"clock\":{\"synchronised\":false,\"offset_ns\":5,"
			 "\"step_ns\":-3600000000000}}", 1);
	assert_count(&f, "\"event\":\"clock\",\"clock\":{\"step_ns\":3600000000000}}", 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_of_content),	cmocka_unit_test(long_arguments),
		cmocka_unit_test(fingerprints),		cmocka_unit_test(more_than_are_written),
		cmocka_unit_test(environment),		cmocka_unit_test(environment_by_rule),
		cmocka_unit_test(environment_cut),
		cmocka_unit_test(forgotten_after_exit), cmocka_unit_test(parents),
		cmocka_unit_test(clock_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
