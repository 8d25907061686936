/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_engine - the whole core: events in, records out
 *
 * The first byte chooses: raw, where the input is events as they stand but for their lengths; or
 * made, where each byte is one thing that happens on a small host (four processes, four channels,
 * messages that are MCP and messages that are not), in any order, with holes and with memory failing.
 * With rules or without; they may be given again.
 * Whatever comes in, each record is JSON, of at most MW_RECORD_MAX bytes, and its seq is the next.
 */
#include "fuzz.h"

#include <errno.h>

#include <mcpwatch/engine.h>

#include "../unit/support_tape.c"
#include "base/hash.h"
#include "base/json.h"
#include "core/record.h"
#include "io/rules.h"

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t take(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static struct mw_slice take_bytes(struct input *in, size_t n)
{
	struct mw_slice s = mw_slice(in->p, n < in->n ? n : in->n);

	in->p += s.n;
	in->n -= s.n;
	return s;
}

/* --- memory that fails when the input says so ------------------------------------------------------ */

static size_t live, fail_in;

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	if (n && fail_in && --fail_in == 0)
		return NULL;
	live += n - old;
	return fuzz_resize(NULL, p, old, n);
}

static const struct mw_alloc failing = { .resize = resize };

/* Good enough a hash for what is asserted here. */
static void sha256(const void *p, size_t n, uint8_t out[32])
{
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t h = mw_hash64(mw_slice(p, n), i);

		memcpy(out + 8 * i, &h, sizeof(h));
	}
}

static void mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	(void)ctx;
	sha256(p, n, out);
	out[0] = (uint8_t)use;
}

/* --- out ------------------------------------------------------------------------------------------ */

static uint64_t seq;

static void pull(struct mw_engine *e)
{
	struct mw_out out;
	char head[48];

	while (mw_engine_next(e, &out) == 1) {
		if (out.kind != MW_OUT_RECORD)
			continue;
		FUZZ_CHECK(out.len <= MW_RECORD_MAX);
		FUZZ_CHECK(memchr(out.bytes, '\n', out.len) == NULL);
		unsigned int flags;
		FUZZ_CHECK(mw_json_check(mw_slice(out.bytes, out.len), MW_JSON_DEPTH_MAX, &flags, NULL) == 0);
		FUZZ_CHECK((flags & MW_JSON_BAD_UTF8) == 0);
		snprintf(head, sizeof(head), "{\"v\":1,\"seq\":%llu,", (unsigned long long)seq);
		FUZZ_CHECK(out.len > strlen(head) && memcmp(out.bytes, head, strlen(head)) == 0);
		seq++;
	}
}

/* --- raw ------------------------------------------------------------------------------------------ */

static void raw(struct mw_engine *e, struct input *in)
{
	static uint64_t one[MW_EVENT_MAX / 8];
	struct mw_event_hdr *h = (struct mw_event_hdr *)one;

	while (in->n >= 2) {
		size_t n = take(in);
		struct mw_slice s;

		n |= (size_t)take(in) << 8;
		s = take_bytes(in, n % (MW_EVENT_MAX - 8));
		n = (s.n + 7) / 8 * 8;
		if (n < sizeof(*h))
			continue;
		memset(one, 0, n);
		memcpy(one, s.p, s.n);
		h->len = (uint32_t)n;
		if (mw_engine_push(e, one, n) == 0)
			pull(e);
	}
}

/* --- made ----------------------------------------------------------------------------------------- */

static const char *const messages[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
	"\"2025-06-18\",\"clientInfo\":{\"name\":\"c\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\",\"serverInfo\":"
	"{\"name\":\"s\",\"version\":\"1\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"arguments\":"
	"{\"path\":\"/tmp/a\",\"token\":\"x\"},\"_meta\":{\"traceparent\":\"00-1\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"tools\\/call\",\"params\":{\"name\":\"t\"}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],\"isError\":true}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"m\\u0000\\ud800\"}}",
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}",
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\",\"x\":1,"
	"\"annotations\":{\"readOnlyHint\":true}},3,{\"x\":{}}]}}",
	"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"tools\":[{\"name\":\"a\",\"name\":\"c\"},{\"name\":\"b\"}]}}",
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}",
	"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
	"\"ping\"},{}]",
	"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"x\",\"params\":{\"_meta\":{"
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}",
	"\xff\xfe{",
	"",
};

#define N(x) (sizeof(x) / sizeof(*(x)))

struct host {
	struct tape t;
	struct tape_chan chan[4];
	struct mw_engine *e;
};

static const uint32_t pids[4] = { 100, 200, 300, 301 };
static const char *const paths[4] = { "/tmp/a", "/usr/lib/x.so", "/home/\x01\xff", "/proc/self/exe" };

/* A message, or bytes of the input, or a long line. */
static struct mw_slice text_of(struct input *in, uint8_t *room, size_t max)
{
	uint8_t how = take(in);
	struct mw_slice s;
	size_t i, n;

	if (how < 192) {
		const char *m = messages[how % N(messages)];

		s = mw_slice(m, strlen(m));
	} else if (how < 250) {
		s = take_bytes(in, how - 191u);
	} else {
		n = 20000u * (how - 249u);
		memset(room, how & 1 ? 'x' : '\\', n);
		return mw_slice(room, n);
	}
	FUZZ_CHECK(s.n + 1 < max);
	if (s.n)
		memcpy(room, s.p, s.n);
	for (i = 0; how >= 128 && i < 2 && s.n; i++) { /* a byte or two of it are others */
		n = take(in) % s.n;
		room[n] = take(in);
	}
	room[s.n] = '\n';
	return mw_slice(room, s.n + 1);
}

static void io(struct host *h, struct input *in, uint8_t op)
{
	static uint8_t room[140000];
	struct tape_chan *c = &h->chan[op & 3];
	uint8_t how = take(in);
	struct mw_slice s = text_of(in, room, sizeof(room));
	uint32_t w = pids[how & 3], r = pids[how >> 2 & 3];
	size_t half = how & 64 ? s.n / 2 : s.n;

	if (s.n > MW_IO_CHUNK && half == s.n && how & 128)
		half = MW_IO_CHUNK;
	switch (op >> 2 & 3) {
	case 0: /* both ends */
		tape_io(&h->t, c, MW_END_WRITE, w, s.p, half);
		if (half < s.n)
			tape_io(&h->t, c, MW_END_WRITE, w, s.p + half, s.n - half);
		tape_io(&h->t, c, MW_END_READ, r, s.p, s.n);
		break;
	case 1:
		tape_io(&h->t, c, MW_END_WRITE, w, s.p, s.n);
		break;
	case 2:
		tape_io(&h->t, c, MW_END_READ, r, s.p, s.n);
		break;
	default:
		half = half < MW_IO_CHUNK ? half : MW_IO_CHUNK;
		if (how & 128)
			c->off[how & 1] += take(in);
		tape_io_miss(&h->t, c, how & 1, w, s.p, half, (uint32_t)half + take(in), how & 2);
	}
}

static void happen(struct host *h, struct input *in)
{
	uint8_t op = take(in), x = op < 128 ? 0 : take(in);
	uint32_t pid = pids[x & 3], other = pids[x >> 2 & 3];
	struct tape *t = &h->t;

	if (op < 128) {
		io(h, in, op);
		return;
	}
	switch (op % 20) {
	case 0:
		tape_tick(t);
		break;
	case 1:
		tape_wait(t, 1000000ull * x);
		break;
	case 2:
		t->ts_ns += 100000000ull * x;
		tape_tick(t);
		break;
	case 3:
		tape_fork(t, pid, other);
		break;
	case 4:
		tape_proc(t, x & 16 ? MW_EV_EXEC : MW_EV_PROC, pid,
			  (struct tape_exe){ .exe = "/usr/bin/python3", .argv = "python3 s.py --token k",
					     .cwd = "/\xff", .cgroup = "/a.service", .parent = other });
		break;
	case 5:
		tape_exit(t, pid, x);
		break;
	case 6:
		tape_open(t, pid, paths[x >> 2 & 3], x >> 4, x & 128 ? -ENOENT : 3);
		break;
	case 7:
		tape_unlink(t, pid, paths[x >> 2 & 3], 0);
		break;
	case 8:
		tape_rename(t, pid, paths[x >> 2 & 3], paths[x >> 4 & 3]);
		break;
	case 9:
		tape_connect4(t, pid, "192.0.2.1", x, x & 64 ? -EINPROGRESS : 0);
		break;
	case 10:
		tape_hole(t, x);
		break;
	case 11:
		tape_lost(t, x & 3, x);
		break;
	case 12:
		tape_meta(t, x);
		break;
	case 13:
		t->cpu = x % TAPE_CPUS;
		break;
	case 14:
		fail_in = x;
		break;
	case 15:
		h->chan[x & 3].gen[0]++;
		h->chan[x & 3].gen[1]++;
		h->chan[x & 3].off[0] = h->chan[x & 3].off[1] = 0;
		break;
	case 16:
		tape_clock(t, (int64_t)((uint64_t)x << 56));
		break;
	case 17:
		if (x >> 4 == 15) {
			const struct mw_slice env = take_bytes(in, 64);

			tape_env(t, pid, (const char *)env.p, env.n);
		} else {
			tape_user(t, 1000, paths[x & 3]);
		}
		break;
	case 18: /* time goes back: events overtake each other between cpus */
		t->ts_ns -= 1000ull * x;
		break;
	default:
		h->chan[x & 3].off[x >> 2 & 1] -= h->chan[x & 3].off[x >> 2 & 1] % (x | 1u);
		break;
	}
}

static void made(struct mw_engine *e, struct input *in)
{
	struct host h = { .e = e };
	const struct mw_event_hdr *ev;
	size_t pos;

	tape_init(&h.t);
	h.chan[0] = tape_chan(&h.t, MW_CHAN_PIPE);
	h.chan[1] = tape_chan(&h.t, MW_CHAN_UNIX);
	h.chan[2] = tape_chan(&h.t, MW_CHAN_TCP4);
	h.chan[3] = tape_chan_back(&h.chan[2]);
	while (in->n) {
		h.t.len = 0;
		happen(&h, in);
		for (pos = 0; (ev = tape_next(&h.t, &pos));) {
			FUZZ_CHECK(mw_engine_push(e, ev, ev->len) == 0);
			pull(e);
		}
	}
	tape_done(&h.t);
}

/* A rule of each kind that asks for all that costs: those of the program take longer to compile than
 * what is fuzzed takes. */
static const char some_rules[] =
    "rules:\n"
    "  - {id: e, title: t, severity: low, on: effect, when: effect.ok and not effect.own}\n"
    "  - {id: f, title: t, severity: low, on: effect, when: effect.named or effect.habit or"
    " effect.outside_roots or effect.host_target or effect.injected or effect.argv,"
    " detail: [effect.target, effect.argv]}\n"
    "  - {id: g, title: t, severity: low, on: effect, when: call.tool and effect.background}\n"
    "  - {id: r, title: t, severity: low, on: request, when: call.arg_secrets or call.unexpected or"
    " call.arg_hosts or principal.uid = 1000 or call.verb_acts}\n"
    "  - {id: c, title: t, severity: low, on: call, when: call.result_secrets or call.new_shape or"
    " call.status = ok}\n"
    "  - {id: t, title: t, severity: low, on: tool, when: tool.changed or tool.shadows}\n"
    "  - {id: s, title: t, severity: low, on: server, when: server.key}\n"
    "  - {id: n, title: t, severity: low, on: notice, when: notice.method}\n"
    "  - {id: a, title: t, severity: low, on: anomaly, when: anomaly.what}\n"
    "  - {id: p, title: t, severity: low, on: gap, when: gap.reason}\n"
    "  - {id: k, title: t, severity: low, on: effect, when: effect.ok,"
    " count: {by: [server], over: 60s, at_least: 3, distinct: effect.target}}\n"
    "  - {id: q, title: t, severity: low, sequence: {by: [session], over: 60s},"
    " steps: [{on: effect, when: effect.ok}, {on: call, when: call.status = ok}]}\n";

static const struct mw_policy_rules *rules(void)
{
	static struct mw_rules *r;
	char text[256] = "";
	const struct mw_yaml_err err = { text, sizeof(text) };

	if (r)
		return mw_rules_policy(r);
	FUZZ_CHECK(mw_rules_new(&r) == 0);
	FUZZ_CHECK(mw_rules_add_text(r, "some", some_rules, sizeof(some_rules) - 1, err) == 0);
	FUZZ_CHECK(mw_rules_finish(r, true, err) == 0);
	return mw_rules_policy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct mw_engine_config cfg = { .alloc = &failing, .sha256 = sha256, .message_max = 1 };
	struct input in = { data, n };
	struct mw_engine *e;
	uint8_t mode = take(&in);
	/* what an earlier run left: a request as the log has it, or anything */
	static const char request[] = "{\"call\":\"c1\",\"dir\":\"c2s\",\"method\":\"m\",\"args\":{}}";
	struct mw_engine_open open[] = { { request, sizeof(request) - 1 },
					 { (const char *)data, n < 4096 ? n : 4096 } };
	struct mw_engine_resume resume = { .last_ns = INT64_MAX, .boot_id = "b", .open = open,
					   .n_open = 2, .n_dropped = mode };

	seq = fail_in = 0;
	cfg.raw = mode & 2;
	cfg.mac = mode & 8 ? mac : NULL;
	if (mode & 4)
		cfg.resume = &resume;
	if (mode & 16)
		cfg.policy = rules();
	FUZZ_CHECK(mw_engine_new(&cfg, &e) == 0);
	if (mode & 1)
		made(e, &in);
	else
		raw(e, &in);
	if (mode & 32 && cfg.policy) {
		FUZZ_CHECK(mw_engine_rules(e, NULL, cfg.policy, NULL, NULL) <= 0);
		pull(e);
	}
	mw_engine_finish(e);
	pull(e);
	mw_engine_free(e);
	FUZZ_CHECK(live == 0);
	return 0;
}
