/* SPDX-License-Identifier: Apache-2.0 */
/* how a call came: transport, http, hops, rounds, addresses, tokens; calls made by hand */
#include "engine_policy_fx.h"

#include <sys/socket.h>

#include "core/engine_priv.h"
#include "support_event.h"

enum { RELAY = 400 };

static const char fields[] = "Authorization: Bearer s3cr3t-t0ken\r\n"
			     "X-Api-Key: k-123456\r\n"
			     "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n"
			     "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
			     "User-Agent: x\r\n";

struct made {
	struct mw_server server;
	struct mw_call call;
	struct mw_sess_event ev;
};

static void make(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->server = (struct mw_server){ .id = 7,
					.proc = tape_pid(SERVER),
					.name = MW_SLICE_LIT("billing"),
					.client_name = MW_SLICE_LIT("agent"),
					.client_version = MW_SLICE_LIT("2"),
					.client = tape_pid(CLIENT),
					.transport = MW_TRANSPORT_HTTP,
					.chan_kind = MW_CHAN_TCP4,
					.addr = t_addr4("127.0.0.1", 8000),
					.said = true };
	m->call = (struct mw_call){ .id = 3,
				    .session = 2,
				    .server = &m->server,
				    .client = tape_pid(CLIENT),
				    .chan_kind = MW_CHAN_TCP4,
				    .transport = MW_TRANSPORT_HTTP,
				    .rpc_id = MW_SLICE_LIT("1"),
				    .method = MW_SLICE_LIT("\"tools/call\""),
				    .name = MW_SLICE_LIT("\"t\""),
				    .begin_ns = 100000000000ull,
				    .end_ns = 100001000000ull,
				    .status = MW_CALL_OK };
	m->ev = (struct mw_sess_event){ .server = &m->server,
					.call = &m->call,
					.args = MW_SLICE_LIT("{\"a\":1}"),
					.ts_ns = 100002000000ull };
}

static void http_of(struct made *m)
{
	m->call.http = (struct mw_call_http){ .method = MW_SLICE_LIT("POST"),
					      .path = MW_SLICE_LIT("/mcp?session_id=s-77&b=2"),
					      .fields = MW_SLICE_LIT(fields),
					      .status = 200 };
}

static void say(struct fx *f, struct made *m, enum mw_sess_kind kind)
{
	m->ev.kind = kind;
	mw_eng_on_session(f->e, &m->ev);
	pull(f);
	/* the session frees only what is kept of its own calls */
	assert_int_equal(mw_session_keep(f->e->session, &m->call, mw_slice(NULL, 0)), 0);
	memset(&m->call.kept, 0, sizeof(m->call.kept));
}

/* Forgets what was said so far. */
static void clear(struct fx *f)
{
	f->len = 0;
	f->text[0] = '\0';
}

static void start(struct fx *f, struct made *m)
{
	begin(f);
	tape_proc(&f->t, MW_EV_PROC, RELAY,
		  (struct tape_exe){ .exe = "/usr/bin/relay", .uid = 1000, .parent = CLIENT });
	go(f);
	clear(f);
	make(m);
}

#define KEYS(...) (const char *const[]){ "v", "seq", "time", "boot_ns", "host", "type", __VA_ARGS__, NULL }

static void keys_in_order(void **state)
{
	struct made m;
	struct fx f;

	start(&f, &m);
	http_of(&m);
	m.call.hops[0] = (struct mw_hop){ tape_pid(RELAY), MW_TRANSPORT_STDIO };
	m.call.n_hops = 1;
	m.call.rounds[0] = (struct mw_round){ MW_SLICE_LIT("1"), 100000000000ull, 100000500000ull };
	m.call.rounds[1] = (struct mw_round){ MW_SLICE_LIT("\"2\""), 100000600000ull, 0 };
	m.call.n_rounds = 2;
	m.call.task = MW_SLICE_LIT("\"t-9\"");
	say(&f, &m, MW_SESS_REQUEST);
	say(&f, &m, MW_SESS_CALL);
	assert_keys(&f, "\"type\":\"request\"",
		    KEYS("call", "dir", "server", "id", "key", "name", "pid", "addr", "client", "name",
			 "pid", "exe", "forwarded_for", "session", "transport", "http", "method", "path", "status",
			 "hops", "rounds", "task", "rpc_id", "method", "tool", "args", "begin",
			 "principal", "uid", "parents", "tokens", "kind", "where", "verified"));
	assert_keys(&f, "\"type\":\"call\"",
		    KEYS("call", "dir", "server", "client", "forwarded_for", "principal", "tokens",
			 "session", "transport", "http", "hops", "pid", "exe", "transport", "rounds",
			 "rpc_id", "begin", "end", "task", "rpc_id", "method", "tool", "status", "begin",
			 "end", "elapsed_ms", "effects_n", "evidence", "trace"));
	assert_count(&f, "\"transport\":\"http\",\"http\":{\"method\":\"POST\",\"path\":"
			 "\"/mcp?session_id=[REDACTED:key:4]&b=2\",\"status\":200}", 2);
	assert_count(&f, "\"hops\":[{\"pid\":400,\"exe\":\"/usr/bin/relay\",\"transport\":\"stdio\"}]", 2);
	assert_count(&f, "\"rounds\":[{\"rpc_id\":\"1\",\"begin\":\"", 2);
	assert_count(&f, "{\"rpc_id\":\"\\\"2\\\"\",\"begin\":\"", 2);
	assert_count(&f, "\"task\":\"t-9\"", 2);
	assert_count(&f, "\"addr\":\"127.0.0.1:8000\"", 2);
	assert_count(&f, "\"forwarded_for\":\"203.0.113.9, 10.0.0.1\"", 2);
	assert_count(&f, "\"trace\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"", 1);
	assert_count(&f, "_n\":1", 0); /* all hops and rounds are there */
	assert_count(&f, "s3cr3t", 0);
	assert_count(&f, "k-123456", 0);
	assert_count(&f, "s-77", 0);
	end(&f);
}

/* Of a header, the tokens that are written. */
static void tokens(void **state)
{
#define T(kind, where) "{\"kind\":\"" kind "\",\"where\":\"http." where "\",\"verified\":false}"
#define JWT "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
#define J(where) "{\"kind\":\"jwt\",\"where\":\"http." where "\",\"sub\":\"x\",\"verified\":false}"
	static const struct {
		const char *fields, *want;
	} cases[] = {
		{ "Authorization: Bearer abc\r\n", "[" T("bearer", "authorization") "]" },
		{ "authorization:  bearer   abc\r\n", "[" T("bearer", "authorization") "]" },
		{ "Authorization: Bearer " JWT "c2ln\r\n", "[" J("authorization") "]" },
		{ "Authorization: DPoP " JWT "\r\n", "[" J("authorization") "]" },
		{ "Authorization: Bearer eyJ.a.b.c\r\n", "[" T("bearer", "authorization") "]" },
		{ "Authorization: Bearer eyJ..b\r\n", "[" T("bearer", "authorization") "]" },
		{ "Authorization: Bearer eyJh.a\r\n", "[" T("bearer", "authorization") "]" },
		{ "Authorization: Bearer eyJh.a b.c\r\n", "[" T("bearer", "authorization") "]" },
		{ "Authorization: Basic dTpw\r\n", "[" T("basic", "authorization") "]" },
		{ "Authorization: sk-1234\r\n", "[" T("api_key", "authorization") "]" },
		{ "Authorization: Digest username=\"u\"\r\n", NULL },
		{ "Authorization: \r\nX-Api-Key:\r\n", NULL },
		{ "Mcp-Method: tools/call\r\n", NULL },
		{ "x-api-key: a\r\nAuthorization: Bearer b\r\nX-API-KEY: c\r\n",
		  "[" T("api_key", "x-api-key") "," T("bearer", "authorization") "," T("api_key",
										       "x-api-key") "]" },
	};
	struct made m;
	struct fx f;
	size_t i;

	start(&f, &m);
	http_of(&m);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char want[512];

		clear(&f);
		m.call.http.fields = mw_slice_str(cases[i].fields);
		say(&f, &m, MW_SESS_REQUEST);
		assert_count(&f, "\"type\":\"request\"", 1);
		assert_count(&f, "\"tokens\"", cases[i].want ? 1 : 0);
		if (!cases[i].want)
			continue;
		snprintf(want, sizeof(want), "],\"tokens\":%s}", cases[i].want);
		assert_count(&f, want, 1);
	}
	/* what is kept of the process has nobody's tokens: the next call bore none */
	clear(&f);
	m.call.http.fields = mw_slice(NULL, 0);
	say(&f, &m, MW_SESS_REQUEST);
	assert_count(&f, "\"principal\":{\"uid\":1000", 1);
	assert_count(&f, "tokens", 0);
	end(&f);
}

/* A client on another host: its address, and no process's principal. */
static void client_elsewhere(void **state)
{
	struct made m;
	struct fx f;

	start(&f, &m);
	http_of(&m);
	m.call.client = (struct mw_prockey){ 0, 0 };
	m.call.client_addr = t_addr6("2001:db8::5", 40000);
	m.call.http.fields = MW_SLICE_LIT("Forwarded: for=192.0.2.60;proto=http\r\n"
					  "Forwarded: for=\"[::1]\"\r\nAuthorization: Bearer x\r\n");
	say(&f, &m, MW_SESS_REQUEST);
	assert_count(&f, "\"client\":{\"name\":\"agent\",\"addr\":\"[2001:db8::5]:40000\",\"forwarded_for\":"
			 "\"for=192.0.2.60;proto=http, for=\\\"[::1]\\\"\"}", 1);
	assert_count(&f, "\"principal\":{\"tokens\":[{\"kind\":\"bearer\"", 1);
	assert_count(&f, "\"uid\"", 0);
	clear(&f);
	/* and of one here, whose server is elsewhere, its end of the connection */
	m.call.client_addr.family = 0;
	m.call.client_end = t_addr6("2001:db8::6", 40001);
	say(&f, &m, MW_SESS_REQUEST);
	assert_count(&f, "2001:db8::6", 0);
	clear(&f);
	m.server.proc = m.call.client;
	say(&f, &m, MW_SESS_REQUEST);
	assert_count(&f, "\"client\":{\"name\":\"agent\",\"addr\":\"[2001:db8::6]:40001\"", 1);
	m.call.client_end.family = 0;
	clear(&f);
	m.call.http.fields = MW_SLICE_LIT("Origin: http://x\r\n");
	m.server.client_name = mw_slice(NULL, 0);
	m.call.client_addr.family = 0;
	m.server.proc = m.call.client;
	m.server.name = mw_slice(NULL, 0);
	say(&f, &m, MW_SESS_SERVER); /* what was kept of it goes */
	clear(&f);
	say(&f, &m, MW_SESS_REQUEST);
	assert_count(&f, "\"client\"", 0);
	assert_count(&f, "\"principal\"", 0);
	assert_count(&f, "\"type\":\"request\"", 1);
	end(&f);
}

static void transports(void **state)
{
	static const char *const names[] = { "stream", "stdio", "stream", "http", "sse", "websocket" };
	struct made m;
	struct fx f;
	char want[64];
	unsigned int i;

	start(&f, &m);
	for (i = 0; i < 6; i++) {
		clear(&f);
		m.call.transport = m.server.transport = (enum mw_transport)i;
		say(&f, &m, MW_SESS_CALL);
		say(&f, &m, MW_SESS_SERVER);
		snprintf(want, sizeof(want), "\"transport\":\"%s\"", names[i]);
		assert_count(&f, want, 2);
		assert_count(&f, "\"http\":", 0);
	}
	clear(&f);
	m.call.transport = m.server.transport = 0;
	m.call.chan_kind = m.server.chan_kind = MW_CHAN_UNIX;
	say(&f, &m, MW_SESS_CALL);
	assert_count(&f, "\"transport\":\"stdio\"", 1);
	/* a task of another type than a string, and a call that has no effects yet */
	m.call.task = MW_SLICE_LIT("{\"a\":1}");
	say(&f, &m, MW_SESS_CALL);
	assert_count(&f, "\"task\":\"{\\\"a\\\":1}\"", 1);
	end(&f);
}

/* From bytes on a connection to the record, with what the observed world sends. */
static void over_http(void **state)
{
	static const char body[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{"
				   "\"name\":\"t\",\"arguments\":{}}}";
	static const char result[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}";
	struct tape_chan up, down;
	char text[1024];
	struct fx f;

	begin(&f);
	up = tape_chan(&f.t, MW_CHAN_TCP4);
	down = tape_chan_back(&up);
	snprintf(text, sizeof(text),
		 "POST /mcp?sessionId=top-secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer top-secret\r\n"
		 "X-Api-Key: top-secret\r\nX-Forwarded-For: 203.0.113.9\r\n"
		 "Mcp-Session-Id: top-secret\r\nMcp-Protocol-Version: 2025-06-18\r\n"
		 "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 sizeof(body) - 1, body);
	tape_write(&f.t, &up, CLIENT, text);
	tape_read(&f.t, &up, SERVER, text);
	tape_unlink(&f.t, SERVER, "/x", 0);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: top-secret\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 sizeof(result) - 1, result);
	tape_write(&f.t, &down, SERVER, text);
	tape_read(&f.t, &down, CLIENT, text);
	tape_wait(&f.t, 500 * MS);
	finish(&f);
	assert_count(&f, "\"type\":\"call\"", 1);
	assert_keys(&f, "\"type\":\"call\"",
		    KEYS("call", "dir", "server", "client", "pid", "exe", "forwarded_for", "principal", "uid",
			 "tokens", "session", "transport", "http", "method", "path", "status", "rpc_id",
			 "method", "tool", "args", "status", "begin", "end", "effects", "evidence"));
	assert_count(&f, "\"transport\":\"http\",\"http\":{\"method\":\"POST\",\"path\":"
			 "\"/mcp?sessionId=[REDACTED:key:10]\",\"status\":200}", 1);
	assert_count(&f, "\"tokens\":[{\"kind\":\"bearer\",\"where\":\"http.authorization\",\"verified\":false},"
			 "{\"kind\":\"api_key\",\"where\":\"http.x-api-key\",\"verified\":false}]", 2);
	assert_count(&f, "\"addr\":\"", 4); /* of the server: in its record, the effect, request, call */
	assert_count(&f, "top-secret", 0);
	end(&f);
}

/* --- servers --- */

static void servers(void **state)
{
	struct made m;
	struct fx f;

	start(&f, &m);
	say(&f, &m, MW_SESS_SERVER);
	assert_keys(&f, "\"type\":\"server\"",
		    KEYS("event", "server", "id", "key", "name", "pid", "start_ns", "exe", "uid", "addr",
			 "client", "name", "version", "principal", "transport", "tier"));
	assert_count(&f, "\"key\":\"/usr/bin/server uid=1000\"", 1);
	clear(&f);
	/* on another host: nothing but its address is known */
	m.server.proc = (struct mw_prockey){ 0, 0 };
	m.server.addr = t_addr6("2001:db8::1", 443);
	say(&f, &m, MW_SESS_SERVER);
	say(&f, &m, MW_SESS_CALL);
	assert_count(&f, "\"key\":\"http://[2001:db8::1]:443\"", 2);
	assert_count(&f, "\"addr\":\"[2001:db8::1]:443\"", 2);
	clear(&f);
	m.server.transport = MW_TRANSPORT_WEBSOCKET;
	say(&f, &m, MW_SESS_SERVER);
	m.server.transport = MW_TRANSPORT_STREAM;
	say(&f, &m, MW_SESS_SERVER);
	m.server.transport = MW_TRANSPORT_SSE;
	say(&f, &m, MW_SESS_SERVER);
	assert_count(&f, "\"key\":\"ws://[2001:db8::1]:443\"", 1);
	assert_count(&f, "\"key\":\"tcp://[2001:db8::1]:443\"", 1);
	assert_count(&f, "\"key\":\"http://[2001:db8::1]:443\"", 1);
	clear(&f);
	m.server.addr.family = 0;
	say(&f, &m, MW_SESS_SERVER);
	assert_count(&f, "\"key\"", 0);
	assert_count(&f, "\"addr\"", 0);
	end(&f);
}

/* The name of a wrapper is its server's; it comes after the server was said. */
static void configured_names(void **state)
{
	struct fx f;

	begin(&f);
	call(&f);
	result(&f);
	go(&f);
	assert_count(&f, "\"event\":\"seen\"", 1);
	assert_count(&f, "configured_name", 0);
	tape_name(&f.t, CLIENT, "not-this-one"); /* the client, itself a server of another agent's */
	tape_name(&f.t, SHELL, "nor-this");
	go(&f);
	assert_count(&f, "\"event\":\"changed\"", 0);
	tape_name(&f.t, SERVER, "billing");
	go(&f);
	assert_count(&f, "\"event\":\"changed\"", 1);
	assert_keys(&f, "\"event\":\"changed\"",
		    (const char *const[]){ "event", "server", "id", "key", "configured_name", "pid", NULL });
	assert_count(&f, "\"key\":\"billing uid=1000\",\"configured_name\":\"billing\"", 1);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
	go(&f);
	assert_count(&f, "\"key\":\"billing uid=1000\",\"configured_name\":\"billing\"", 2);
	assert_count(&f, "not-this-one", 0);
	end(&f);
}

static void name_of_a_wrapper(void **state)
{
	enum { NPX = 210, SH = 220 };
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ 0 });
	tape_meta(&f.t, 1);
	tape_proc(&f.t, MW_EV_PROC, CLIENT, (struct tape_exe){ .exe = "/usr/bin/agent", .uid = 1000 });
	tape_fork(&f.t, CLIENT, NPX);
	tape_name(&f.t, NPX, "files");
	tape_fork(&f.t, NPX, SH);
	tape_fork(&f.t, SH, SERVER);
	tape_proc(&f.t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/node", .uid = 1000, .parent = SH });
	f.up = tape_chan(&f.t, MW_CHAN_PIPE);
	f.down = tape_chan(&f.t, MW_CHAN_PIPE);
	call(&f);
	result(&f);
	go(&f);
	assert_count(&f, "\"event\":\"seen\",\"server\":{\"id\":\"s", 1);
	assert_true(count(&f, "\"key\":\"files uid=1000\",\"configured_name\":\"files\"") >= 2);
	tape_name(&f.t, NPX, "files2");
	go(&f);
	assert_count(&f, "\"event\":\"changed\"", 1);
	end(&f);
}

/* --- bounds --- */

/* Everything as long as it can be, of every kind of byte: no record is lost for its size. */
static void worst_of_all(void **state)
{
	static const uint8_t fill[] = { 0x01, 0xff, '\\', '"', '&', 'a', '=' };
	const size_t n = 65536;
	char *text = malloc(n + 1), *path = malloc(4097), *lines = malloc(2 * n);
	struct made m;
	struct fx f;
	size_t i, k;

	for (i = 0; i < sizeof(fill); i++) {
		memset(text, fill[i], n);
		memset(path, fill[i], 4096);
		path[0] = '/';
		path[4096] = '\0';
		start(&f, &m);
		for (k = 0; k < MW_CALL_HOPS_MAX; k++) {
			uint32_t pid = (uint32_t)(500 + k);

			tape_proc(&f.t, MW_EV_PROC, pid, (struct tape_exe){ .exe = path, .uid = 1000 });
			m.call.hops[k] = (struct mw_hop){ tape_pid(pid), MW_TRANSPORT_WEBSOCKET };
		}
		tape_proc(&f.t, MW_EV_EXEC, CLIENT,
			  (struct tape_exe){ .exe = path, .cwd = path, .cgroup = path, .uid = 1000 });
		tape_name(&f.t, SERVER, path);
		go(&f);
		clear(&f);
		for (k = 0; k < MW_CALL_ROUNDS_MAX; k++)
			m.call.rounds[k] = (struct mw_round){ mw_slice(text, n), 5, UINT64_MAX };
		m.call.n_hops = m.call.n_rounds = SIZE_MAX;
		m.call.rpc_id = mw_slice(text, n);
		/* of a task, what is no JSON does not come this far */
		m.call.task = fill[i] == '"' ? MW_SLICE_LIT("\"t\"") : mw_slice(text, n);
		m.call.client_addr = t_addr6("2001:db8:1111:2222:3333:4444:5555:6666", 65535);
		m.server.name = m.server.version = m.server.client_name = mw_slice(text, n);
		memcpy(lines, "X-Forwarded-For: ", 17);
		memset(lines + 17, fill[i], n);
		memcpy(lines + 17 + n, "\r\ntraceparent: ", 15);
		memset(lines + 32 + n, fill[i], 20000);
		memcpy(lines + 20032 + n, "\r\n", 2);
		m.call.http = (struct mw_call_http){ mw_slice(text, n), mw_slice(text, n),
						     mw_slice(lines, 20034 + n), ~0u };
		m.call.status = MW_CALL_TOOL_ERROR;
		say(&f, &m, MW_SESS_REQUEST);
		say(&f, &m, MW_SESS_CALL);
		say(&f, &m, MW_SESS_SERVER);
		assert_count(&f, "\"type\":\"request\"", 1);
		assert_count(&f, "\"type\":\"call\"", 1);
		assert_count(&f, "\"type\":\"server\"", 1);
		/* what stands behind them still has room */
		assert_count(&f, "\"method\":\"tools/call\",\"tool\":\"t\"", 2);
		assert_count(&f, "\"args\":{\"a\":1}", 1);
		assert_count(&f, "\"hops_n\":18446744073709551615", 2);
		assert_count(&f, "\"rounds_n\":18446744073709551615", 2);
		assert_count(&f, "\"forwarded_for\":", 2);
		assert_count(&f, "\"status\":4294967295", 2);
		assert_int_equal(f.e->stats.alloc_failed, 0);
		end(&f);
	}
	free(text);
	free(path);
	free(lines);
}

/* Memory that fails anywhere: a record is whole or not there. */
static void no_memory(void **state)
{
	TEST_EACH_FAILURE(n)
	{
		struct mw_engine_config cfg = { .alloc = &test_alloc_failing, .sha256 = mw_sha256 };
		const struct mw_event_hdr *h;
		struct mw_engine *e;
		struct mw_out out;
		struct made m;
		struct tape t;
		size_t pos = 0;

		make(&m);
		http_of(&m);
		m.call.n_rounds = m.call.n_hops = 2;
		m.ev.kind = MW_SESS_CALL;
		if (mw_engine_new(&cfg, &e) < 0)
			continue;
		tape_init(&t);
		tape_meta(&t, 1);
		h = tape_next(&t, &pos);
		assert_int_equal(mw_engine_push(e, h, h->len), 0);
		tape_done(&t);
		if (e->session) {
			mw_eng_on_session(e, &m.ev);
			assert_int_equal(mw_session_keep(e->session, &m.call, mw_slice(NULL, 0)), 0);
		}
		while (mw_engine_next(e, &out) == 1)
			assert_int_equal(mw_json_check(mw_slice(out.bytes, out.len), 64, NULL, NULL), 0);
		assert_int_equal(e->stats.records + e->stats.alloc_failed > 0, 1);
		mw_engine_free(e);
	}
}

/* --- rounds --- */

static void a_call_acts_again(void **state)
{
	struct made m;
	struct fx f;

	start(&f, &m);
	m.call.transport = MW_TRANSPORT_STDIO;
	m.ev.ts_ns = f.t.ts_ns;
	m.call.begin_ns = f.t.ts_ns;
	say(&f, &m, MW_SESS_OPEN);
	tape_unlink(&f.t, SERVER, "/a", 0);
	go(&f);
	m.call.end_ns = f.t.ts_ns;
	say(&f, &m, MW_SESS_ANSWERED);
	f.t.ts_ns += 1000;
	tape_unlink(&f.t, SERVER, "/b", 0);
	go(&f);
	m.ev.ts_ns = f.t.ts_ns;
	say(&f, &m, MW_SESS_REOPENED);
	tape_unlink(&f.t, SERVER, "/c", 0);
	go(&f);
	m.server.proc = tape_pid(RELAY); /* it is passed on */
	m.ev.ts_ns = f.t.ts_ns;
	say(&f, &m, MW_SESS_REOPENED);
	tape_unlink(&f.t, RELAY, "/d", 0);
	go(&f);
	assert_count(&f, "\"target\":\"/a\"", 1);
	assert_count(&f, "\"link\":\"sole\"", 3);
	assert_count(&f, "\"link\":\"none\"", 1);
	m.call.end_ns = f.t.ts_ns;
	say(&f, &m, MW_SESS_CALL);
	assert_count(&f, "\"effects_n\":3", 1);
	end(&f);
}

/* Who speaks from this host is not on another because its process is not known. */
static void remote_for_rules(void **state)
{
	const struct {
		struct mw_addr from, to;
		size_t remote;
	} cases[] = {
		{ t_addr4("192.0.2.9", 40000), t_addr4("192.0.2.1", 8000), 1 },
		{ t_addr4("127.0.0.2", 40000), t_addr4("127.0.0.1", 8000), 0 },
		{ t_addr6("::1", 40000), t_addr6("::1", 8000), 0 },
		{ t_addr6("::ffff:127.0.0.1", 40000), t_addr6("::ffff:127.0.0.1", 8000), 0 },
		{ t_addr4("192.0.2.1", 40000), t_addr6("::ffff:192.0.2.1", 8000), 0 },
		{ t_addr4("192.0.2.9", 40000), t_addr4("127.0.0.1", 8000), 0 },
		{ t_addr6("::2", 40000), t_addr6("2001:db8::1", 8000), 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_rules *r;
		struct made m;
		struct fx f;

		r = begin_rules(&f, "rules:\n  - id: far\n    title: t\n    severity: low\n"
				    "    on: call\n    when: call.remote\n");
		world(&f);
		go(&f);
		make(&m);
		http_of(&m);
		m.call.client = (struct mw_prockey){ 0, 0 };
		m.server.addr = cases[i].to;
		m.call.client_addr = cases[i].from;
		say(&f, &m, MW_SESS_REQUEST);
		say(&f, &m, MW_SESS_CALL);
		finish(&f);
		if (alerts_of(&f, "far") != cases[i].remote)
			fail_msg("case %zu: %zu alerts", i, alerts_of(&f, "far"));
		end_rules(&f, r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_in_order),
		cmocka_unit_test(tokens),
		cmocka_unit_test(client_elsewhere),
		cmocka_unit_test(remote_for_rules),
		cmocka_unit_test(transports),
		cmocka_unit_test(over_http),
		cmocka_unit_test(servers),
		cmocka_unit_test(configured_names),
		cmocka_unit_test(name_of_a_wrapper),
		cmocka_unit_test(worst_of_all),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(a_call_acts_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
