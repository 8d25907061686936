/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <sys/socket.h>

#include "core/session.h"

#define MS 1000000ull
#define R MW_END_READ
#define W MW_END_WRITE
#define CALL(id, name) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"
#define ANSWER(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"r\":" id "}}"

enum { CLIENT = 200, SERVER = 300, SERVER2 = 301 };

/*
 * Everything that comes out is written down as words:
 *	server 1 | changed 1 | gone 1 | open 1 | request 1 {"a":1} | answered 1 | call 1 ok {...}
 *	| withdrawn 1 | notice "x" | tools 1 | anomaly what 1 | gap 5 | keep | drop
 * where the number is the call's or the server's. keep and raw only if asked for.
 */
struct fx {
	struct mw_ends *ends;
	struct mw_session *s;
	struct mw_chan chan[6]; /* 0 up, 1 down; 2 up, 3 down of a second; ... */
	uint64_t off[6][2];
	uint64_t now;
	char log[1 << 16];
	size_t len;
	size_t n_kind[16];
	bool controls, quiet, no_junk;
	size_t live;
};

static struct mw_prockey proc(uint32_t pid)
{
	return pid ? (struct mw_prockey){ pid + 1000, pid } : (struct mw_prockey){ 0, 0 };
}

static void say(struct fx *f, const char *fmt, ...)
{
	va_list ap;

	if (f->quiet)
		return;
	va_start(ap, fmt);
	f->len += (size_t)vsnprintf(f->log + f->len, sizeof(f->log) - f->len, fmt, ap);
	va_end(ap);
	assert_true(f->len < sizeof(f->log));
}

static const char *status(enum mw_call_status s)
{
	static const char *const names[] = { "open", "ok", "tool_error", "rpc_error", "cancelled",
					     "no_response", "lost" };

	return names[s];
}

#define P(sl) (int)(sl).n, (sl).n ? (const char *)(sl).p : ""

static void note(struct fx *f, const struct mw_sess_event *ev)
{
	const struct mw_call *c = ev->call;

	f->n_kind[ev->kind]++;
	switch (ev->kind) {
	case MW_SESS_SERVER:
		say(f, "%s %d | ", ev->changed ? "changed" : "server", (int)ev->server->id);
		break;
	case MW_SESS_SERVER_GONE:
		say(f, "gone %d | ", (int)ev->server->id);
		break;
	case MW_SESS_OPEN:
		say(f, "open %d | ", (int)c->id);
		break;
	case MW_SESS_READ:
	case MW_SESS_CONFIRMED:
		break; /* nearly every call has one or the other: see read_and_confirmed */
	case MW_SESS_REQUEST:
		say(f, "request %d%s %.*s %.*s | ", (int)c->id, c->s2c ? " s2c" : "", P(c->method),
		    P(ev->args));
		break;
	case MW_SESS_ANSWERED:
		say(f, "answered %d | ", (int)c->id);
		break;
	case MW_SESS_CALL:
		say(f, "call %d %s%s%s%s%s%s%.*s%.*s | ", (int)c->id, status(c->status),
		    c->incomplete ? " incomplete" : "", c->one_sided ? " one_sided" : "",
		    c->differs ? " differs" : "", c->id_reused ? " id_reused" : "",
		    ev->result.n || ev->error.n ? " " : "", P(ev->result), P(ev->error));
		assert_true(c->settled && c->opened && c->answered);
		break;
	case MW_SESS_WITHDRAWN:
		say(f, "withdrawn %d | ", (int)c->id);
		break;
	case MW_SESS_NOTICE:
		say(f, "notice%s %.*s | ", ev->s2c ? " s2c" : "", P(ev->rpc.method));
		break;
	case MW_SESS_TOOLS:
		say(f, "tools %d | ", (int)c->id);
		break;
	case MW_SESS_ANOMALY:
		if (f->no_junk && strcmp(ev->what, "not_json") == 0)
			break;
		say(f, "anomaly %s%s", ev->what, c ? " " : " | ");
		if (c)
			say(f, "%d | ", (int)c->id);
		break;
	case MW_SESS_GAP:
		say(f, "gap %d | ", (int)ev->gap_bytes);
		break;
	case MW_SESS_CONTROL:
		if (f->controls)
			say(f, "%s | ", ev->control.kind == MW_CONTROL_CHAN_KEEP ? "keep" : "drop");
		break;
	case MW_SESS_RAW:
		break;
	}
}

static int pull(struct fx *f)
{
	struct mw_sess_event ev;
	struct mw_msg m;
	int r = 0, first = 0;

	while (mw_ends_next(f->ends, &m) == 1) {
		r = mw_session_push(f->s, &m);
		first = first ? first : r;
		while (mw_session_next(f->s, &ev) == 1)
			note(f, &ev);
	}
	while (mw_session_next(f->s, &ev) == 1)
		note(f, &ev);
	return first;
}

static int begin_with(struct fx *f, const struct mw_alloc *a, size_t calls_max, size_t servers_max)
{
	struct mw_session_config cfg = { .alloc = a, .calls_max = calls_max,
					 .servers_max = servers_max, .seed = 7 };
	size_t i;
	int r;

	memset(f, 0, sizeof(*f));
	f->live = test_alloc_live();
	f->now = 1000 * MS;
	for (i = 0; i < 6; i++)
		f->chan[i] = (struct mw_chan){ .id = i + 1, .kind = MW_CHAN_PIPE, .chan = 100 + i };
	r = mw_ends_new(a, 1, 42, &f->ends);
	if (r < 0)
		return r;
	cfg.ends = f->ends;
	r = mw_session_new(&cfg, &f->s);
	if (r < 0) {
		mw_ends_free(f->ends);
		f->ends = NULL;
	}
	return r;
}

static void begin(struct fx *f)
{
	assert_int_equal(begin_with(f, &test_alloc, 4096, 64), 0);
}

static void end(struct fx *f)
{
	mw_session_free(f->s);
	mw_ends_free(f->ends);
	assert_int_equal(test_alloc_live(), f->live);
}

static int put_n(struct fx *f, int chan, enum mw_end end, uint32_t pid, const void *p, size_t n)
{
	struct mw_chunk c = { .chan = &f->chan[chan], .end = end, .off = f->off[chan][end],
			      .bytes = mw_slice(p, n), .ts_ns = f->now, .proc = proc(pid) };
	int r;

	f->chan[chan].last[end] = proc(pid);
	r = mw_ends_push(f->ends, &c);
	f->off[chan][end] += n;
	f->now += MS / 10;
	pull(f);
	return r;
}

static void put(struct fx *f, int chan, enum mw_end end, uint32_t pid, const char *s)
{
	size_t n = strlen(s);
	char *line = malloc(n + 1);

	memcpy(line, s, n);
	line[n] = '\n';
	put_n(f, chan, end, pid, line, n + 1);
	free(line);
}

/* Channels 0, 2, 4 go to the server, 1, 3, 5 come from it. */
static void send_by(struct fx *f, int chan, uint32_t server, const char *s)
{
	put(f, chan, W, chan % 2 ? server : CLIENT, s);
	put(f, chan, R, chan % 2 ? CLIENT : server, s);
}

static void ask(struct fx *f, const char *s)
{
	send_by(f, 0, SERVER, s);
}

static void answer(struct fx *f, const char *s)
{
	send_by(f, 1, SERVER, s);
}

static void wait_ns(struct fx *f, uint64_t ns)
{
	uint64_t end = f->now + ns;

	while (f->now < end) {
		f->now += 25 * MS;
		mw_ends_tick(f->ends, f->now);
		pull(f);
		(void)mw_session_tick(f->s, f->now);
		pull(f);
	}
}

static void finish(struct fx *f)
{
	mw_ends_finish(f->ends);
	pull(f);
	(void)mw_session_finish(f->s, f->now);
	pull(f);
}

static void gap(struct fx *f, int chan, enum mw_end end, uint64_t n)
{
	struct mw_chunk c = { .chan = &f->chan[chan], .end = end, .off = f->off[chan][end], .gap = n,
			      .reason = MW_GAP_LOST, .ts_ns = f->now };

	assert_int_equal(mw_ends_push(f->ends, &c), 0);
	f->off[chan][end] += n;
	pull(f);
}

static void evict(struct fx *f, int chan)
{
	struct mw_chunk c = { .chan = &f->chan[chan], .evicted = true };

	assert_int_equal(mw_ends_push(f->ends, &c), 0);
	pull(f);
	assert_null(f->chan[chan].session);
	f->off[chan][0] = f->off[chan][1] = 0;
}

static void forget(struct fx *f)
{
	f->len = 0;
	f->log[0] = '\0';
}

static void expect(struct fx *f, const char *want)
{
	if (strcmp(f->log, want) != 0)
		fail_msg("got  '%s'\n       want '%s'", f->log, want);
	forget(f);
}

static void expect_part(struct fx *f, const char *want)
{
	if (!strstr(f->log, want))
		fail_msg("'%s' is not in '%s'", want, f->log);
}

/* --- recognition ---------------------------------------------------------------------------------- */

static void by_initialize(void **state)
{
	struct fx f;

	begin(&f);
	f.controls = true;
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"clientInfo\":"
		"{\"name\":\"c\"}}}");
	expect(&f, "keep | server 1 | open 1 | request 1 \"initialize\" {\"clientInfo\":{\"name\":\"c\"}} | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"s\"}}}");
	expect(&f, "keep | answered 1 | changed 1 | call 1 ok {\"serverInfo\":{\"name\":\"s\"}} | ");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->name, "s");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->client_name, "c");
	assert_null(mw_session_server(f.s, proc(CLIENT)));
	end(&f);
}

static void in_the_middle(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("5", "t"));
	expect(&f, "server 1 | open 1 | request 1 \"tools/call\" {\"name\":\"t\"} | ");
	answer(&f, ANSWER("5"));
	expect(&f, "answered 1 | call 1 ok {\"r\":5} | ");
	end(&f);
}

static void by_escaped_method(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools\\/\\u0063all\",\"params\":{}}");
	expect(&f, "server 1 | open 1 | request 1 \"tools\\/\\u0063all\" {} | ");
	end(&f);
}

static void by_meta_keys(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"vendor/new\",\"params\":{\"_meta\":{"
		"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\"},"
		"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}");
	expect_part(&f, "server 1 | open 1 | request 1 ");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->client_name, "c");
	assert_slice_equal(mw_session_server(f.s, proc(SERVER))->protocol, "2026-07-28");
	end(&f);
}

static void only_answers_are_seen(void **state)
{
	struct fx f;

	begin(&f);
	answer(&f, ANSWER("1")); /* of nothing we know */
	expect(&f, "");
	ask(&f, CALL("1", "t"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void by_what_a_server_says(void **state)
{
	struct fx f;

	begin(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	expect(&f, "server 1 | notice s2c \"notifications/tools/list_changed\" | ");
	ask(&f, CALL("1", "t"));
	answer(&f, ANSWER("1"));
	expect(&f, "open 1 | request 1 \"tools/call\" {\"name\":\"t\"} | answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void other_protocols_are_none(void **state)
{
	char junk[1024];
	struct fx f;
	int i;

	begin(&f);
	f.controls = true;
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"textDocument/hover\",\"params\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
	ask(&f, "{\"id\":1,\"method\":\"tools/call\"}");
	ask(&f, "GET / HTTP/1.1");
	expect(&f, "");
	memset(junk, 'j', sizeof(junk));
	junk[sizeof(junk) - 1] = '\n';
	for (i = 0; i < 16; i++)
		put_n(&f, 0, W, CLIENT, junk, sizeof(junk));
	expect(&f, "drop | ");
	ask(&f, CALL("1", "t"));
	wait_ns(&f, 3000 * MS);
	finish(&f);
	expect(&f, "");
	end(&f);
}

/* One socket: the requests one way, the answers the other. */
static void over_tcp(void **state)
{
	struct mw_addr a = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 1000 };
	struct mw_addr b = { .family = AF_INET, .ip = { 127, 0, 0, 1 }, .port = 80 };
	struct mw_addr c = a;
	struct fx f;
	int i;

	/* two connections between the same two processes, the ids equal, the second answered first */
	begin(&f);
	c.port++;
	for (i = 0; i < 4; i++) {
		f.chan[i].kind = MW_CHAN_TCP4;
		f.chan[i].src = i % 2 ? b : i < 2 ? a : c;
		f.chan[i].dst = i % 2 ? i < 2 ? a : c : b;
		f.chan[i].chan2 = 200 + (uint64_t)i;
	}
	send_by(&f, 0, SERVER, CALL("1", "a"));
	send_by(&f, 2, SERVER, CALL("1", "b"));
	forget(&f);
	f.controls = true;
	send_by(&f, 1, SERVER, ANSWER("1"));
	expect(&f, "keep | keep | answered 1 | call 1 ok {\"r\":1} | ");
	send_by(&f, 3, SERVER, ANSWER("1"));
	expect(&f, "keep | keep | answered 2 | call 2 ok {\"r\":1} | ");
	end(&f);
}

/* --- pairing -------------------------------------------------------------------------------------- */

static void two_servers_with_equal_ids(void **state)
{
	struct fx f;

	begin(&f);
	send_by(&f, 0, SERVER, CALL("1", "a"));
	send_by(&f, 2, SERVER2, CALL("1", "b"));
	expect(&f, "server 1 | open 1 | request 1 \"tools/call\" {\"name\":\"a\"} | "
		   "server 2 | open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | ");
	/* the client's ends of both come first: whose they are is clear with the other end only */
	put(&f, 1, R, CLIENT, ANSWER("1"));
	put(&f, 3, R, CLIENT, ANSWER("1"));
	expect(&f, "");
	put(&f, 3, W, SERVER2, ANSWER("1"));
	expect(&f, "answered 2 | call 2 ok {\"r\":1} | ");
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void many_in_flight(void **state)
{
	static char text[2000 * 80];
	struct fx f;
	char *p = text;
	int i;

	begin(&f);
	for (i = 0; i < 2000; i++)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\"}\n", i);
	f.quiet = true;
	put_n(&f, 0, W, CLIENT, text, (size_t)(p - text));
	put_n(&f, 0, R, SERVER, text, (size_t)(p - text));
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 2000);
	assert_int_equal(mw_session_open_calls(f.s, mw_session_server(f.s, proc(SERVER)), NULL, 0), 2000);
	p = text;
	for (i = 1999; i >= 0; i--)
		p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n", i);
	put_n(&f, 1, W, SERVER, text, (size_t)(p - text));
	put_n(&f, 1, R, CLIENT, text, (size_t)(p - text));
	assert_int_equal(f.n_kind[MW_SESS_CALL], 2000);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 0);
	end(&f);
}

static void batches(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "[" CALL("1", "a") "," CALL("2", "b") ",{\"jsonrpc\":\"2.0\",\"method\":"
		"\"notifications/initialized\"}]");
	expect(&f, "server 1 | open 1 | request 1 \"tools/call\" {\"name\":\"a\"} | open 2 | "
		   "request 2 \"tools/call\" {\"name\":\"b\"} | notice \"notifications/initialized\" | ");
	answer(&f, "[" ANSWER("2") "," ANSWER("1") "]");
	expect(&f, "answered 2 | answered 1 | call 2 ok {\"r\":2} | call 1 ok {\"r\":1} | ");
	ask(&f, "[]");
	ask(&f, "[1]");
	ask(&f, "[" CALL("3", "c"));
	expect_part(&f, "anomaly not_jsonrpc | ");
	expect_part(&f, "anomaly not_json | ");
	end(&f);
}

static void ids_are_raw(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("\"1\"", "b"));
	ask(&f, CALL("1.0", "c"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"result\":{}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	expect(&f, "answered 2 | call 2 ok {} | answered 3 | call 3 ok {} | answered 1 | call 1 ok {} | ");
	end(&f);
}

static void equal_ids_in_flight(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("1", "b"));
	expect_part(&f, "request 2 \"tools/call\" {\"name\":\"b\"} | anomaly id.reused 2 | ");
	forget(&f);
	answer(&f, ANSWER("1"));
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | answered 2 | call 2 ok id_reused {\"r\":1} | ");
	answer(&f, ANSWER("1"));
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	expect(&f, "anomaly answer.unmatched | ");
	ask(&f, CALL("1", "c")); /* used again in turn: no reuse */
	answer(&f, ANSWER("1"));
	expect(&f, "open 3 | request 3 \"tools/call\" {\"name\":\"c\"} | answered 3 | call 3 ok {\"r\":1} | ");
	end(&f);
}

/* An answer whose request is seen only later, and answers to nothing that outlive their conversation. */
static void early_answers(void **state)
{
	struct fx f;
	char text[100];
	int i;

	begin(&f);
	ask(&f, CALL("0", "t"));
	answer(&f, ANSWER("0"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "");
	ask(&f, CALL("1", "t"));
	expect_part(&f, "call 2 ok");
	assert_null(strstr(f.log, "unmatched"));
	forget(&f);
	for (i = 100; i < 200; i++) { /* so many are kept */
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		answer(&f, text);
	}
	evict(&f, 0);
	evict(&f, 1);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 100);
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	finish(&f);
	assert_int_equal(f.n_kind[MW_SESS_ANOMALY], 100);
	end(&f);
}

static void requests_of_the_server(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "t"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}");
	expect(&f, "open 2 | request 2 s2c \"sampling/createMessage\" {} | ");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"role\":\"x\"}}");
	expect(&f, "answered 2 | call 2 ok {\"role\":\"x\"} | ");
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok {\"r\":1} | ");
	end(&f);
}

static void what_an_answer_says(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\"}");
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-1}}");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[]}}");
	expect(&f, "answered 1 | call 1 tool_error {\"isError\":true} | answered 2 | "
		   "call 2 rpc_error {\"code\":-1} | answered 3 | tools 3 | call 3 ok {\"tools\":[]} | ");
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700}}");
	wait_ns(&f, MW_SESSION_EARLY_NS + 50 * MS);
	expect(&f, "anomaly answer.unmatched | ");
	end(&f);
}

/* --- ends of calls -------------------------------------------------------------------------------- */

static void cancelled(void **state)
{
#define CANCEL(id) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" id "}}"
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	ask(&f, CALL("3", "c"));
	ask(&f, CANCEL("1"));
	ask(&f, CANCEL("2"));
	ask(&f, CANCEL("3"));
	ask(&f, CANCEL("99"));
	forget(&f);
	answer(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32800}}");
	answer(&f, ANSWER("3")); /* it was done all the same */
	expect(&f, "answered 2 | call 2 cancelled {\"code\":-32800} | answered 3 | call 3 ok {\"r\":3} | ");
	wait_ns(&f, MW_SESSION_CANCEL_NS - 100 * MS);
	expect(&f, "");
	wait_ns(&f, 200 * MS);
	expect(&f, "answered 1 | call 1 cancelled | ");
	end(&f);
}

static void server_exits(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	forget(&f);
	put(&f, 1, W, SERVER, ANSWER("2"));
	mw_session_exit(f.s, proc(SERVER), f.now);
	put(&f, 1, R, CLIENT, ANSWER("2")); /* what was written is read after the end */
	expect(&f, "answered 2 | call 2 ok {\"r\":2} | ");
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect(&f, "answered 1 | call 1 no_response | gone 1 | ");
	wait_ns(&f, 1000 * MS);
	finish(&f);
	expect(&f, "");
	end(&f);
}

static void client_exits(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	mw_session_exit(f.s, proc(CLIENT), f.now);
	wait_ns(&f, MW_SESSION_EXIT_NS + 50 * MS);
	expect(&f, "answered 1 | call 1 no_response | ");
	end(&f);
}

static void the_end(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	put(&f, 0, W, CLIENT, CALL("2", "b")); /* never read */
	forget(&f);
	finish(&f);
	expect(&f, "request 2 \"tools/call\" {\"name\":\"b\"} | answered 1 | call 1 lost | "
		   "answered 2 | call 2 lost one_sided | ");
	end(&f);
}

static void too_many_calls(void **state)
{
	struct fx f;

	assert_int_equal(begin_with(&f, &test_alloc, 2, 64), 0);
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	forget(&f);
	ask(&f, CALL("3", "c"));
	expect(&f, "gap 0 | answered 1 | call 1 lost incomplete | open 3 | "
		   "request 3 \"tools/call\" {\"name\":\"c\"} | ");
	end(&f);
}

static void channel_is_given_up(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	evict(&f, 0);
	expect(&f, "answered 1 | call 1 lost incomplete | ");
	evict(&f, 1);
	ask(&f, CALL("1", "b"));
	answer(&f, ANSWER("1"));
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | answered 2 | call 2 ok {\"r\":1} | ");
	end(&f);
}

/* Conversations and servers come and go for ever: what is over takes no room. */
static void churn(void **state)
{
	size_t live = 0;
	struct fx f;
	uint32_t i;

	assert_int_equal(begin_with(&f, &test_alloc, 64, 8), 0);
	f.quiet = true;
	for (i = 0; i < 500; i++) {
		send_by(&f, 0, 1000 + i, CALL("1", "a"));
		send_by(&f, 1, 1000 + i, ANSWER("1"));
		mw_session_exit(f.s, proc(1000 + i), f.now);
		wait_ns(&f, 250 * MS);
		evict(&f, 0);
		evict(&f, 1);
		if (i == 50)
			live = test_alloc_live();
	}
	assert_int_equal(f.n_kind[MW_SESS_SERVER], 500);
	assert_int_equal(f.n_kind[MW_SESS_SERVER_GONE], 500);
	assert_int_equal(f.n_kind[MW_SESS_CALL], 500);
	assert_true(test_alloc_live() <= live + 1000);
	end(&f);
}

/* --- what the two ends say ------------------------------------------------------------------------ */

/* The server's copy came first, with another name and other arguments. */
static void client_copy_counts(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	forget(&f);
	put(&f, 0, R, SERVER, CALL("1", "harmless"));
	put(&f, 0, W, CLIENT, CALL("1", "harmful!"));
	expect(&f, "open 1 | ");
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "anomaly ends.differ 1 | request 1 \"tools/call\" {\"name\":\"harmful!\"} | ");
	assert_null(strstr(f.log, "withdrawn"));
	forget(&f);
	answer(&f, ANSWER("1"));
	expect(&f, "answered 1 | call 1 ok differs {\"r\":1} | ");
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 1);
	end(&f);
}

static void client_copy_came_first(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	forget(&f);
	put(&f, 0, W, CLIENT, CALL("1", "harmful!"));
	put(&f, 0, R, SERVER, CALL("1", "harmless"));
	put(&f, 0, R, SERVER, CALL("9", "not sent"));
	put(&f, 0, W, CLIENT, CALL("2", "also sent"));
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "withdrawn 2 | anomaly ends.differ 2 | ");
	expect_part(&f, "withdrawn 3 | anomaly ends.differ 3 | ");
	expect_part(&f, "request 1 \"tools/call\" {\"name\":\"harmful!\"} | ");
	forget(&f);
	answer(&f, ANSWER("1"));
	answer(&f, ANSWER("2"));
	expect_part(&f, "request 4 \"tools/call\" {\"name\":\"also sent\"} | ");
	expect_part(&f, "call 1 ok differs {\"r\":1} | ");
	expect_part(&f, "call 4 ok");
	assert_int_equal(f.n_kind[MW_SESS_REQUEST], 2);
	end(&f);
}

/* The answer the server showed is not the one the client got. */
static void client_answer_counts(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	forget(&f);
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}");
	put(&f, 1, R, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"b\":2}}");
	expect(&f, "answered 1 | ");
	wait_ns(&f, MW_ENDS_WAIT_NS + 50 * MS);
	expect_part(&f, "call 1 ok differs {\"b\":2} | ");
	expect_part(&f, "anomaly ends.differ");
	assert_null(strstr(f.log, "unmatched"));
	end(&f);
}

/* What is sent to a server that reads counts as begun: it cannot act unseen by spoiling our view of what
 * it reads. Before its first read it is only starting. */
static void read_and_confirmed(void **state)
{
	struct fx f;

	begin(&f);
	put(&f, 0, W, CLIENT, CALL("0", "z"));
	expect(&f, "");
	put(&f, 0, R, SERVER, CALL("0", "z"));
	expect(&f, "server 1 | open 1 | request 1 \"tools/call\" {\"name\":\"z\"} | ");
	put(&f, 0, W, CLIENT, CALL("1", "a"));
	expect(&f, "open 2 | ");
	assert_int_equal(f.n_kind[MW_SESS_READ], 0);
	put(&f, 0, R, SERVER, CALL("1", "a"));
	assert_int_equal(f.n_kind[MW_SESS_READ], 1);
	assert_int_equal(f.n_kind[MW_SESS_CONFIRMED], 0);
	put(&f, 0, R, SERVER, CALL("2", "b"));
	put(&f, 0, W, CLIENT, CALL("2", "b"));
	assert_int_equal(f.n_kind[MW_SESS_CONFIRMED], 1);
	forget(&f);
	put(&f, 0, W, CLIENT, CALL("3", "c"));
	put(&f, 0, R, SERVER, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	expect(&f, "open 4 | ");
	end(&f);
}

static void one_end_only(void **state)
{
	struct fx f;

	/* the server's: the client is on another host */
	begin(&f);
	put(&f, 0, R, SERVER, CALL("1", "a"));
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect(&f, "open 1 | answered 1 | ");
	wait_ns(&f, MW_ENDS_GRACE_NS + 25 * MS);
	expect(&f, "server 1 | request 1 \"tools/call\" {\"name\":\"a\"} | call 1 ok one_sided {\"r\":1} | ");
	put(&f, 0, R, SERVER, CALL("2", "b"));
	put(&f, 1, W, SERVER, ANSWER("2")); /* it is known now: at once */
	expect(&f, "open 2 | request 2 \"tools/call\" {\"name\":\"b\"} | answered 2 | "
		   "call 2 ok one_sided {\"r\":2} | ");
	end(&f);

	/* the client's: the server is on another host */
	begin(&f);
	put(&f, 0, W, CLIENT, CALL("1", "a"));
	put(&f, 1, R, CLIENT, ANSWER("1"));
	wait_ns(&f, MW_ENDS_GRACE_NS + 25 * MS);
	expect_part(&f, "request 1 \"tools/call\" {\"name\":\"a\"} | ");
	expect_part(&f, "call 1 ok one_sided {\"r\":1} | ");
	end(&f);
}

/* --- odd bytes ------------------------------------------------------------------------------------ */

static void odd_lines(void **state)
{
	struct fx f;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	ask(&f, "nonsense");
	ask(&f, "{}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"x\":1,\"x\":2}");
	ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"x\":\"\\u0000\\ud800\xff\"}");
	expect(&f, "anomaly not_json | anomaly not_jsonrpc | open 2 | anomaly json.equal_keys 2 | "
		   "request 2 \"ping\"  | open 3 | anomaly json.nul 3 | anomaly json.not_utf8 3 | "
		   "anomaly json.lone_surrogate 3 | request 3 \"ping\"  | ");
	end(&f);
}

static void holes(void **state)
{
	struct fx f;

	begin(&f);
	gap(&f, 0, R, 100); /* before anything is known of it */
	put(&f, 0, R, SERVER, "the rest of a line");
	ask(&f, CALL("1", "a"));
	expect_part(&f, "gap 100 | ");
	forget(&f);
	gap(&f, 1, R, 7);
	put(&f, 1, W, SERVER, ANSWER("1"));
	expect_part(&f, "answered 1 | ");
	forget(&f);
	finish(&f);
	expect_part(&f, "call 1 ok incomplete");
	end(&f);
}

/* A line beyond what is kept: no request is made of a part of one. */
static void too_long(void **state)
{
	size_t n = MW_FRAME_HEAD + MW_FRAME_TAIL + 100;
	char *p = malloc(n + 1);
	struct fx f;
	int head;

	begin(&f);
	ask(&f, CALL("1", "a"));
	forget(&f);
	memset(p, ' ', n);
	head = sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"params\":{}");
	p[head] = ' ';
	p[n - 1] = '}';
	p[n] = '\n';
	put_n(&f, 0, W, CLIENT, p, n + 1);
	put_n(&f, 0, R, SERVER, p, n + 1);
	expect(&f, "anomaly too_long | ");
	free(p);
	end(&f);
}

/* Arguments beyond what a call keeps: their text is there when the request settles, their length after. */
static void long_arguments(void **state)
{
	size_t n = MW_SESSION_ARGS_MAX + 100;
	char *p = malloc(n + 200);
	struct mw_sess_event ev;
	struct mw_msg m;
	struct fx f;
	int i, seen = 0;

	begin(&f);
	mw_ends_free(f.ends);
	mw_session_free(f.s);
	assert_int_equal(mw_ends_new(&test_alloc, 4u << 20, 42, &f.ends), 0);
	struct mw_session_config cfg = { .alloc = &test_alloc, .ends = f.ends, .calls_max = 8,
					 .servers_max = 8 };
	assert_int_equal(mw_session_new(&cfg, &f.s), 0);
	i = sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"arguments\":\"");
	memset(p + i, 'x', n);
	strcpy(p + (size_t)i + n, "\"}}\n");
	for (i = 0; i < 2; i++) {
		struct mw_chunk c = { .chan = &f.chan[0], .end = i ? R : W, .ts_ns = f.now,
				      .bytes = mw_slice_str(p), .proc = proc(i ? SERVER : CLIENT) };

		assert_int_equal(mw_ends_push(f.ends, &c), 0);
		while (mw_ends_next(f.ends, &m) == 1) {
			assert_int_equal(mw_session_push(f.s, &m), 0);
			while (mw_session_next(f.s, &ev) == 1)
				if (ev.kind == MW_SESS_REQUEST) {
					assert_int_equal(ev.args.n, n + 2);
					assert_int_equal(ev.call->args.n, 0);
					assert_int_equal(ev.call->args_bytes, n + 2);
					seen++;
				}
		}
	}
	assert_int_equal(seen, 1);
	free(p);
	end(&f);
}

/* --- memory --------------------------------------------------------------------------------------- */

/* There was no room to hold the first copies: what a message is is known, its text is not. */
static void copies_that_could_not_be_held(void **state)
{
	static const size_t sizes[] = { 60000, 5000, 500, 50, 10 };
	char *p = malloc(sizes[0] + 1);
	uint64_t nomem;
	uint32_t k = 0;
	struct fx f;
	size_t i;

	begin(&f);
	ask(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	ask(&f, CALL("1", "a"));
	ask(&f, CALL("2", "b"));
	answer(&f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
	forget(&f);
	f.quiet = true;
	memset(p, 'x', sizes[0]);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p[sizes[i]] = '\n';
		for (nomem = mw_ends_nomem(f.ends); mw_ends_nomem(f.ends) == nomem; k++) {
			snprintf(p, 9, "%08x", k);
			p[8] = 'x';
			put_n(&f, 0, W, CLIENT, p, sizes[i] + 1);
		}
	}
	put(&f, 0, W, CLIENT, CALL("3", "c"));
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"isError\":true}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}");
	put(&f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}");
	f.quiet = false;
	f.no_junk = true;
	finish(&f);
	expect_part(&f, "request 3 \"tools/call\" {\"name\":\"c\"} | ");
	expect_part(&f, "call 1 rpc_error incomplete one_sided | ");
	expect_part(&f, "call 2 tool_error incomplete one_sided | ");
	expect_part(&f, "call 3 lost incomplete one_sided | ");
	expect_part(&f, "anomaly answer.unmatched | ");
	free(p);
	end(&f);
}

static void conversation(struct fx *f)
{
	put(f, 0, W, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			     "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}");
	put(f, 0, R, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
			     "\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}");
	answer(f, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"s\"}}}");
	ask(f, "[" CALL("1", "a") "," CALL("1", "b") "]");
	put(f, 0, R, SERVER, CALL("2", "fake"));
	put(f, 0, W, CLIENT, CALL("2", "true"));
	answer(f, ANSWER("1"));
	put(f, 1, W, SERVER, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}");
	put(f, 1, R, CLIENT, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"b\":2}}");
	ask(f, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	wait_ns(f, MW_ENDS_WAIT_NS + 50 * MS);
	gap(f, 1, R, 3);
	mw_session_exit(f->s, proc(SERVER), f->now);
	wait_ns(f, MW_SESSION_EXIT_NS + 50 * MS);
	finish(f);
	evict(f, 0);
	evict(f, 1);
}

static void memory_fails(void **state)
{
	static struct fx f;

	TEST_EACH_FAILURE(n)
	{
		if (begin_with(&f, &test_alloc_failing, 64, 8) < 0)
			continue;
		conversation(&f);
		assert_int_equal(mw_session_open_calls(f.s, NULL, NULL, 0), 0);
		mw_session_free(f.s);
		mw_ends_free(f.ends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_initialize),
		cmocka_unit_test(in_the_middle),
		cmocka_unit_test(by_escaped_method),
		cmocka_unit_test(by_meta_keys),
		cmocka_unit_test(only_answers_are_seen),
		cmocka_unit_test(by_what_a_server_says),
		cmocka_unit_test(other_protocols_are_none),
		cmocka_unit_test(over_tcp),
		cmocka_unit_test(two_servers_with_equal_ids),
		cmocka_unit_test(many_in_flight),
		cmocka_unit_test(batches),
		cmocka_unit_test(ids_are_raw),
		cmocka_unit_test(equal_ids_in_flight),
		cmocka_unit_test(early_answers),
		cmocka_unit_test(requests_of_the_server),
		cmocka_unit_test(what_an_answer_says),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(server_exits),
		cmocka_unit_test(client_exits),
		cmocka_unit_test(the_end),
		cmocka_unit_test(too_many_calls),
		cmocka_unit_test(channel_is_given_up),
		cmocka_unit_test(churn),
		cmocka_unit_test(client_copy_counts),
		cmocka_unit_test(client_copy_came_first),
		cmocka_unit_test(client_answer_counts),
		cmocka_unit_test(read_and_confirmed),
		cmocka_unit_test(one_end_only),
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(holes),
		cmocka_unit_test(too_long),
		cmocka_unit_test(long_arguments),
		cmocka_unit_test(copies_that_could_not_be_held),
		cmocka_unit_test(memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
