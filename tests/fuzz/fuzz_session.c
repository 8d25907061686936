/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_session - random messages, heads, ends, closes and gaps with small ids, in any order, on channels
 * of every kind
 *
 * Held: each call is opened once, settled at most once, answered before its end, ended exactly once
 * (MW_SESS_CALL or MW_SESS_WITHDRAWN) and never spoken of after that; a server is said before it is
 * named by a request or a call, and once; after the end nothing is open; memory stays bounded.
 */
#include "fuzz.h"

#include <sys/socket.h>

#include "core/session.h"

#define N_CHANS	  10
#define MAX_CALLS 4096
#define MS	  1000000ull
#define LIVE_MAX  (48u << 20)

struct known {
	bool opened, settled, answered, ended, withdrawn;
};

struct run {
	const uint8_t *p, *end;
	struct mw_ends *ends;
	struct mw_session *s;
	struct mw_chan chan[N_CHANS];
	void *slot[N_CHANS][8];
	struct mw_msg first[N_CHANS][8]; /* those that are not settled yet */
	char *text[N_CHANS][8];
	uint64_t off[N_CHANS], n_http[N_CHANS], now;
	struct known calls[MAX_CALLS];
	bool said[MAX_CALLS];
};

static size_t live;

static void *counted(void *ctx, void *p, size_t old, size_t n)
{
	live += n - old;
	FUZZ_CHECK(live < LIVE_MAX);
	return fuzz_resize(ctx, p, old, n);
}

static const struct mw_alloc counting = { .resize = counted };

static uint8_t fuzz_u8(struct run *r)
{
	return r->p < r->end ? *r->p++ : 0;
}

static void forget(struct run *r, uint64_t c)
{
	for (unsigned int i = 0; i < 8; i++) {
		r->slot[c][i] = NULL;
		r->first[c][i].state = 0;
	}
}

static void note(struct run *r, const struct mw_sess_event *ev)
{
	struct known *k = ev->call && ev->call->id < MAX_CALLS ? &r->calls[ev->call->id] : NULL;
	bool *said = ev->server && ev->server->id < MAX_CALLS ? &r->said[ev->server->id] : NULL;

	/* why a call was withdrawn comes after it */
	FUZZ_CHECK(!k || !k->ended || (k->withdrawn && ev->kind == MW_SESS_ANOMALY));
	switch (ev->kind) {
	case MW_SESS_SERVER:
		FUZZ_CHECK(!said || *said == ev->changed);
		if (said)
			*said = true;
		break;
	case MW_SESS_SERVER_GONE:
		FUZZ_CHECK(!said || *said);
		break;
	case MW_SESS_OPEN:
		FUZZ_CHECK(!k || !k->opened);
		if (k)
			k->opened = true;
		break;
	case MW_SESS_READ:
	case MW_SESS_CONFIRMED:
	case MW_SESS_MOVED:
		FUZZ_CHECK(!k || k->opened);
		break;
	case MW_SESS_REQUEST:
		FUZZ_CHECK(!k || (k->opened && !k->settled));
		FUZZ_CHECK(!said || *said);
		if (k)
			k->settled = true;
		break;
	case MW_SESS_ANSWERED:
		FUZZ_CHECK(!k || !k->answered);
		if (k)
			k->answered = true;
		break;
	case MW_SESS_REOPENED:
		FUZZ_CHECK(!k || (k->opened && k->answered));
		if (k)
			k->answered = false;
		break;
	case MW_SESS_CALL:
		FUZZ_CHECK(!k || (k->opened && k->settled && k->answered));
		FUZZ_CHECK(!said || *said);
		FUZZ_CHECK(ev->call->status > MW_CALL_OPEN && ev->call->status <= MW_CALL_LOST);
		if (k)
			k->ended = true;
		break;
	case MW_SESS_WITHDRAWN:
		FUZZ_CHECK(!k || !k->settled);
		if (k)
			k->ended = k->withdrawn = true;
		break;
	case MW_SESS_CONTROL:
		if (ev->control.kind == MW_CONTROL_CHAN_DROP) /* its messages are forgotten */
			forget(r, ev->control.chan - 100);
		break;
	case MW_SESS_NOTICE:
	case MW_SESS_TOOLS:
	case MW_SESS_ANOMALY:
	case MW_SESS_GAP:
	case MW_SESS_RAW:
		break;
	}
}

static void pull(struct run *r)
{
	struct mw_sess_event ev;

	while (mw_session_next(r->s, &ev) == 1)
		note(r, &ev);
	}

static void push(struct run *r, const struct mw_msg *m)
{
	FUZZ_CHECK(mw_session_push(r->s, m) == 0);
	pull(r);
}

/* --- texts ----------------------------------------------------------------------------------------- */

static const char *const methods[] = { "tools/call",	   "initialize",	    "ping",
				       "tools/list",	   "sampling/createMessage", "tasks/get",
				       "tasks/result",	   "vendor/x",		    "prompts/get" };
static const char *const notices[] = { "notifications/cancelled", "notifications/tasks/status",
				       "notifications/initialized", "notifications/message" };

static void json(struct run *r, char *out, size_t n)
{
	unsigned int kind = fuzz_u8(r), id = fuzz_u8(r) % 4, pick = fuzz_u8(r);

	switch (kind % 10) {
	case 0:
	case 1:
	case 2:
		snprintf(out, n,
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{\"name\":\"%c\","
			 "\"taskId\":\"%c\",\"_meta\":{\"n\":%u}}}",
			 id, methods[pick % 9], 'a' + (pick & 1), 'a' + (pick & 1), kind);
		break;
	case 3:
		snprintf(out, n,
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{\"name\":\"%c\","
			 "\"requestState\":\"%c\"}}",
			 id, methods[pick % 2 * 8], 'a' + (pick & 2) / 2, 'a' + (pick & 4) / 4);
		break;
	case 4:
		snprintf(out, n,
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"resultType\":\"input_required\","
			 "\"requestState\":\"%c\"}}",
			 id, 'a' + (pick & 1));
		break;
	case 5:
		snprintf(out, n,
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{\"task\":{\"taskId\":\"%c\"},"
			 "\"status\":\"%s\"}}",
			 id, 'a' + (pick & 1), pick & 2 ? "working" : "completed");
		break;
	case 6:
		snprintf(out, n, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":1}}",
			 pick & 1 ? "null" : "1");
		break;
	case 7:
		snprintf(out, n,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"requestId\":%u,"
			 "\"taskId\":\"%c\",\"status\":\"failed\"}}",
			 notices[pick % 4], id, 'a' + (pick & 1));
		break;
	case 8:
		snprintf(out, n,
			 "[{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\"},"
			 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}]",
			 id, pick % 4);
		break;
	default:
		snprintf(out, n, pick & 1 ? "/messages?s=%u" : "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}",
			 id);
	}
}

static void head(struct run *r, bool response, char *out, size_t n)
{
	static const int status[] = { 200, 202, 404, 100, 101, 204 };
	static const char *const lines[] = { "POST /mcp", "GET /sse", "POST /messages?s=1",
					     "DELETE /mcp" };
	unsigned int pick = fuzz_u8(r), more = fuzz_u8(r);
	char session[40] = "";

	if (more & 1)
		snprintf(session, sizeof(session), "Mcp-Session-Id: %u\r\n", more >> 1 & 1);
	if (response)
		snprintf(out, n, "HTTP/1.1 %d X\r\n%s%s\r\n", status[pick % 6], session,
			 more & 4 ? "Content-Type: text/event-stream\r\n" : "");
	else
		snprintf(out, n, "%s HTTP/1.1\r\n%s%s%s\r\n", lines[pick % 4], session,
			 more & 4 ? "MCP-Protocol-Version: 2026-07-28\r\n" : "",
			 more & 8 ? "Mcp-Method: tools/call\r\n" : "");
}

/* --- steps ----------------------------------------------------------------------------------------- */

static struct mw_prockey proc(unsigned int i)
{
	return (struct mw_prockey){ 1000 + i, 100 + i };
}

static void see(struct run *r, struct mw_msg *m, unsigned int c, enum mw_end end)
{
	unsigned int to_server = c % 2 == 0;
	/* the server of one pair of channels is the client of the next: relays */
	unsigned int who = c / 2 + ((end == MW_END_READ) == to_server);

	m->seen[end] = (struct mw_sight){ .seen = true, .begin_ns = r->now, .end_ns = r->now,
					  .off = r->off[c], .proc = proc(who), .tid = 1 };
	r->chan[c].last[end] = proc(who);
}

static void first(struct run *r, unsigned int c, unsigned int i)
{
	bool http = c >= 4 && c < 8;
	struct mw_msg *m = &r->first[c][i];
	char text[400];
	uint8_t how = fuzz_u8(r);

	*m = (struct mw_msg){ .state = MW_MSG_FIRST, .chan = &r->chan[c], .end = how & 1,
			      .user = &r->slot[c][i] };
	if (http) {
		m->response = c % 2;
		m->kind = (how >> 1) % 4;
		m->kind = m->kind == 3 ? MW_FRAME_IS_MESSAGE : m->kind;
		m->carrier = how & 16 ? MW_CARRIER_SSE : MW_CARRIER_BODY;
		r->n_http[c] += m->kind == MW_FRAME_IS_HEAD;
		m->xchg = how & 32 ? r->n_http[c] : fuzz_u8(r) % 4;
		m->partial = how & 64;
		if (how & 128)
			m->event = MW_SLICE_LIT("endpoint");
	} else if (c >= 8) {
		m->carrier = MW_CARRIER_WS;
	}
	text[0] = '\0';
	if (m->kind == MW_FRAME_IS_HEAD)
		head(r, m->response, text, sizeof(text));
	else if (m->kind == MW_FRAME_IS_MESSAGE)
		json(r, text, sizeof(text));
	free(r->text[c][i]);
	r->text[c][i] = strdup(text);
	m->bytes = mw_slice_str(r->text[c][i]);
	m->len = m->bytes.n;
	see(r, m, c, m->end);
	r->off[c] += m->len + 1;
	push(r, m);
	if (r->slot[c][i])
		return;
	m->state = 0; /* it is not followed */
}

static void second(struct run *r, unsigned int c, unsigned int i)
{
	struct mw_msg *m = &r->first[c][i];
	uint8_t how = fuzz_u8(r);

	if (!m->state)
		return;
	if (how % 8 == 0) {
		m->state = MW_MSG_DENIED;
	} else {
		m->state = MW_MSG_SETTLED;
		if (how % 8 < 6)
			see(r, m, c, !m->end);
		else
			m->one_sided = how & 64;
		m->differs = how & 128 && !m->one_sided;
	}
	push(r, m);
	FUZZ_CHECK(!r->slot[c][i]);
	m->state = 0;
}

static void drop_chan(struct run *r, unsigned int c)
{
	struct mw_msg m = { .state = MW_MSG_EVICTED, .chan = &r->chan[c] };
	unsigned int i;

	for (i = 0; i < 8; i++) /* as mw_ends does: none is left behind */
		if (r->first[c][i].state) {
			r->first[c][i].state = MW_MSG_SETTLED;
			r->first[c][i].one_sided = true;
			push(r, &r->first[c][i]);
			r->first[c][i].state = 0;
		}
	push(r, &m);
	FUZZ_CHECK(!r->chan[c].session);
}

static void step(struct run *r)
{
	uint8_t op = fuzz_u8(r);
	unsigned int c = fuzz_u8(r) % N_CHANS, i = fuzz_u8(r) % 8;
	struct mw_msg m = { .chan = &r->chan[c], .end = i & 1 };

	r->now += op & 0x80 ? 30 * MS : MS / 10;
	switch (op % 16) {
	default:
		second(r, c, i);
		first(r, c, i);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		second(r, c, i);
		break;
	case 11:
		m.state = MW_MSG_GAP;
		m.gap_bytes = i + 1;
		m.reason = 1 + i % 6;
		see(r, &m, c, m.end);
		push(r, &m);
		break;
	case 12:
		m.state = MW_MSG_CLOSED;
		m.seen[m.end].end_ns = r->now;
		push(r, &m);
		break;
	case 13:
		if (i == 0)
			drop_chan(r, c);
		else if (i < 3)
			mw_session_exit(r->s, proc(c / 2 + i % 2), r->now);
		break;
	case 14:
	case 15:
		r->now += i * 100 * MS;
		FUZZ_CHECK(mw_session_tick(r->s, r->now) == 0);
		pull(r);
		break;
	}
}

static void chans(struct run *r)
{
	unsigned int c;

	for (c = 0; c < N_CHANS; c++) {
		struct mw_chan *one = &r->chan[c];

		one->id = c + 1;
		one->chan = 100 + c;
		one->kind = c < 4 ? MW_CHAN_PIPE : c < 6 || c >= 8 ? MW_CHAN_TCP4 : MW_CHAN_UNIX;
		if (c >= 4)
			one->back = &r->chan[c ^ 1];
		if (one->kind != MW_CHAN_TCP4)
			continue;
		one->src = (struct mw_addr){ .family = AF_INET, .port = c % 2 ? 80 : 1000 };
		one->dst = (struct mw_addr){ .family = AF_INET, .port = c % 2 ? 1000 : 80 };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mw_session_config cfg = { .alloc = &counting, .servers_max = 8, .raw = true };
	struct run *r = calloc(1, sizeof(*r));
	unsigned int c, i;

	r->p = data;
	r->end = data + size;
	r->now = 1000 * MS;
	cfg.calls_max = 2 + fuzz_u8(r) % 40;
	FUZZ_CHECK(mw_ends_new(&counting, 1, 42, &r->ends) == 0);
	cfg.ends = r->ends;
	FUZZ_CHECK(mw_session_new(&cfg, &r->s) == 0);
	chans(r);
	while (r->p < r->end)
		step(r);
	for (c = 0; c < N_CHANS; c++)
		if (size % 2)
			drop_chan(r, c);
	FUZZ_CHECK(mw_session_finish(r->s, r->now) == 0);
	pull(r);
	FUZZ_CHECK(mw_session_open_calls(r->s, NULL, NULL, 0) == 0);
	for (i = 0; i < MAX_CALLS; i++)
		FUZZ_CHECK(r->calls[i].ended || !r->calls[i].opened);
	mw_session_free(r->s);
	mw_ends_free(r->ends);
	FUZZ_CHECK(live == 0);
	for (c = 0; c < N_CHANS; c++)
		for (i = 0; i < 8; i++)
			free(r->text[c][i]);
	free(r);
	return 0;
}
