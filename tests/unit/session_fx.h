/* SPDX-License-Identifier: Apache-2.0 */
/* session_fx.h - a session with its ends, fed by hand; what comes out, in words */
#ifndef MW_TESTS_SESSION_FX_H
#define MW_TESTS_SESSION_FX_H

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
 *	| moved 1 to 300 | reopened 1 | withdrawn 1 | notice "x" | tools 1 | anomaly what 1 | gap 5 | keep | drop
 *	| watch 300:80 | seek client of 300
 * where the number is the call's or the server's. keep and raw only if asked for.
 */
struct fx {
	struct mw_ends *ends;
	struct mw_session *s;
	struct mw_chan chan[12]; /* 0 up, 1 down; 2 up, 3 down of a second; ... */
	uint64_t off[12][2];
	uint64_t now;
	char log[1 << 16];
	size_t len;
	size_t n_kind[24];
	bool controls, quiet, no_junk, may_fail;
	struct mw_call last; /* as it ended; its slices are gone */
	struct mw_server last_server;
	char last_path[64]; /* its method, path and status */
	char last_rounds[64]; /* their ids */
	uint64_t first_session, anomaly_server;
	size_t live;
};

static inline struct mw_prockey proc(uint32_t pid)
{
	return pid ? (struct mw_prockey){ pid + 1000, pid } : (struct mw_prockey){ 0, 0 };
}

static inline void say(struct fx *f, const char *fmt, ...)
{
	va_list ap;

	if (f->quiet)
		return;
	va_start(ap, fmt);
	f->len += (size_t)vsnprintf(f->log + f->len, sizeof(f->log) - f->len, fmt, ap);
	va_end(ap);
	assert_true(f->len < sizeof(f->log));
}

static inline const char *status(enum mw_call_status s)
{
	static const char *const names[] = { "open", "ok", "tool_error", "rpc_error", "cancelled",
					     "no_response", "lost" };

	return names[s];
}

static inline void say_control(struct fx *f, const struct mw_control *c)
{
	static const char *const names[] = { "", "keep", "drop", "watch", "seek client of" };

	say(f, "%s", names[c->kind]);
	if (c->kind == MW_CONTROL_SERVER || c->kind == MW_CONTROL_CLIENT)
		say(f, " %d", (int)c->tgid);
	if (c->addr.family && c->kind == MW_CONTROL_SERVER)
		say(f, ":%d", c->addr.port);
	say(f, " | ");
}

#define P(sl) (int)(sl).n, (sl).n ? (const char *)(sl).p : ""

static inline void note(struct fx *f, const struct mw_sess_event *ev)
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
	case MW_SESS_REOPENED:
		say(f, "reopened %d | ", (int)c->id);
		break;
	case MW_SESS_MOVED:
		say(f, "moved %d to %d | ", (int)c->id, (int)c->server->proc.tgid);
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
		f->last = *c;
		if (c->server)
			f->last_server = *c->server;
		snprintf(f->last_path, sizeof(f->last_path), "%.*s %.*s %u", P(c->http.method),
			 P(c->http.path), c->http.status);
		f->last_rounds[0] = '\0';
		for (size_t i = 0; i < c->n_rounds && i < MW_CALL_ROUNDS_MAX; i++)
			snprintf(f->last_rounds + strlen(f->last_rounds),
				 sizeof(f->last_rounds) - strlen(f->last_rounds), "%s%.*s", i ? " " : "",
				 P(c->rounds[i].rpc_id));
		if (!f->first_session)
			f->first_session = c->session;
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
		f->anomaly_server = ev->server ? ev->server->id : 0;
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
			say_control(f, &ev->control);
		break;
	case MW_SESS_RAW:
		break;
	}
}

static inline int pull(struct fx *f)
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

static inline int begin_with(struct fx *f, const struct mw_alloc *a, size_t calls_max, size_t servers_max)
{
	struct mw_session_config cfg = { .alloc = a, .calls_max = calls_max,
					 .servers_max = servers_max, .seed = 7 };
	size_t i;
	int r;

	memset(f, 0, sizeof(*f));
	f->live = test_alloc_live();
	f->now = 1000 * MS;
	for (i = 0; i < 12; i++)
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

static inline void begin(struct fx *f)
{
	assert_int_equal(begin_with(f, &test_alloc, 4096, 64), 0);
}

static inline void end(struct fx *f)
{
	mw_session_free(f->s);
	mw_ends_free(f->ends);
	assert_int_equal(test_alloc_live(), f->live);
}

static inline int put_n(struct fx *f, int chan, enum mw_end end, uint32_t pid, const void *p, size_t n)
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

static inline void put(struct fx *f, int chan, enum mw_end end, uint32_t pid, const char *s)
{
	size_t n = strlen(s);
	char *line = malloc(n + 1);

	memcpy(line, s, n);
	line[n] = '\n';
	put_n(f, chan, end, pid, line, n + 1);
	free(line);
}

/* Channels 0, 2, 4 go to the server, 1, 3, 5 come from it. */
static inline void send_by(struct fx *f, int chan, uint32_t server, const char *s)
{
	put(f, chan, W, chan % 2 ? server : CLIENT, s);
	put(f, chan, R, chan % 2 ? CLIENT : server, s);
}

static inline void wait_ns(struct fx *f, uint64_t ns)
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

/* What a server is asked first is kept back for a while: see session_hold.c, test_session_relay.c. */
static inline void ask_of(struct fx *f, int chan, uint32_t server, const char *text)
{
	const struct mw_server *sv;

	send_by(f, chan, server, text);
	sv = mw_session_server(f->s, proc(server));
	if (sv && !sv->said)
		wait_ns(f, MW_SESSION_HOLD_NS + 50 * MS);
}

static inline void ask(struct fx *f, const char *s)
{
	ask_of(f, 0, SERVER, s);
}

static inline void answer(struct fx *f, const char *s)
{
	send_by(f, 1, SERVER, s);
}

static inline void finish(struct fx *f)
{
	mw_ends_finish(f->ends);
	pull(f);
	(void)mw_session_finish(f->s, f->now);
	pull(f);
}

static inline void gap(struct fx *f, int chan, enum mw_end end, uint64_t n)
{
	struct mw_chunk c = { .chan = &f->chan[chan], .end = end, .off = f->off[chan][end], .gap = n,
			      .reason = MW_GAP_LOST, .ts_ns = f->now };

	if (mw_ends_push(f->ends, &c) < 0)
		assert_true(f->may_fail);
	f->off[chan][end] += n;
	pull(f);
}

static inline void evict(struct fx *f, int chan)
{
	struct mw_chunk c = { .chan = &f->chan[chan], .evicted = true };

	assert_int_equal(mw_ends_push(f->ends, &c), 0);
	pull(f);
	assert_null(f->chan[chan].session);
	f->off[chan][0] = f->off[chan][1] = 0;
}

static inline void forget(struct fx *f)
{
	f->len = 0;
	f->log[0] = '\0';
}

static inline void expect(struct fx *f, const char *want)
{
	if (strcmp(f->log, want) != 0)
		fail_msg("got  '%s'\n       want '%s'", f->log, want);
	forget(f);
}

static inline void expect_part(struct fx *f, const char *want)
{
	if (!strstr(f->log, want))
		fail_msg("'%s' is not in '%s'", want, f->log);
}

#endif
