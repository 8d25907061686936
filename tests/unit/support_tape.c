/* SPDX-License-Identifier: Apache-2.0 */
#include "support_tape.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"

#define CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "tape: %s\n", #x), abort()))

void tape_init(struct tape *t)
{
	*t = (struct tape){ .ts_ns = 100000000000ull };
}

void tape_done(struct tape *t)
{
	free(t->p);
	*t = (struct tape){ 0 };
}

const struct mw_event_hdr *tape_next(const struct tape *t, size_t *pos)
{
	const struct mw_event_hdr *h;

	if (*pos >= t->len)
		return NULL;
	h = (const struct mw_event_hdr *)(const void *)(t->p + *pos);
	*pos += h->len;
	return h;
}

static uint8_t *room(struct tape *t, size_t n)
{
	if (t->len + n > t->cap) {
		t->cap = (t->len + n) * 2;
		t->p = realloc(t->p, t->cap);
		CHECK(t->p);
	}
	memset(t->p + t->len, 0, n);
	return t->p + t->len;
}

void tape_copy(struct tape *t, const struct mw_event_hdr *h)
{
	memcpy(room(t, h->len), h, h->len);
	t->len += h->len;
	t->n_events++;
}

struct mw_event_hdr *tape_last(struct tape *t)
{
	size_t pos = 0, at = 0;

	while (pos < t->len) {
		at = pos;
		(void)tape_next(t, &pos);
	}
	return (struct mw_event_hdr *)(void *)(t->p + at);
}

/* body: begins with a header, of which type and process are set. */
static void add(struct tape *t, void *body, size_t body_len, bool kernel, const struct mw_slice *s,
		size_t n_s)
{
	struct mw_event_hdr *h = body;
	size_t n = body_len, i;
	uint8_t *p;

	for (i = 0; i < n_s; i++)
		n += s[i].n;
	n = (n + 7) / 8 * 8;
	CHECK(n <= MW_EVENT_MAX);
	h->len = (uint32_t)n;
	h->ts_ns = t->ts_ns;
	h->cpu = kernel ? t->cpu : MW_CPU_NONE;
	if (h->type == MW_EV_IO || h->type == MW_EV_ACT || h->type == MW_EV_FORK) {
		h->task = t->task.id;
		h->task_of = t->task.of;
		h->flags |= t->task.flags;
	}
	h->seq = kernel ? t->seq[t->cpu]++ : 0;
	t->ts_ns += TAPE_STEP_NS;
	p = room(t, n);
	memcpy(p, body, body_len);
	n = body_len;
	for (i = 0; i < n_s; i++) {
		if (s[i].n)
			memcpy(p + n, s[i].p, s[i].n);
		n += s[i].n;
	}
	CHECK(mw_event_check(p, h->len) == (int)h->len);
	t->len += h->len;
	t->n_events++;
}

static struct mw_event_hdr of(uint16_t type, uint32_t pid)
{
	struct mw_prockey k = tape_pid(pid);

	return (struct mw_event_hdr){ .type = type, .start_ns = k.start_ns, .tgid = pid,
				      .tid = pid, .uid = pid ? 1000 : 0, .cgroup = pid ? 7 : 0 };
}

/* --- of the source -------------------------------------------------------------------------------- */

void tape_meta_from(struct tape *t, uint64_t run_id, struct mw_slice sources)
{
	struct mw_slice s[5] = { MW_SLICE_LIT("host.example"), MW_SLICE_LIT("6.1.0-test"),
				 MW_SLICE_LIT("00000000-0000-4000-8000-000000000000"),
				 MW_SLICE_LIT("0.1.0"), sources };
	struct mw_ev_meta ev = { .hdr = of(MW_EV_META, 0),
				 .run_id = run_id,
				 .realtime_ns = 1795251600000000000, /* 2026-11-21T09:00:00Z */
				 .version = MW_EVENT_VERSION,
				 .host_len = (uint16_t)s[0].n,
				 .kernel_len = (uint16_t)s[1].n,
				 .boot_id_len = (uint16_t)s[2].n,
				 .mcpwatch_len = (uint16_t)s[3].n,
				 .sources_len = (uint16_t)s[4].n };

	add(t, &ev, sizeof(ev), false, s, 5);
}

void tape_meta(struct tape *t, uint64_t run_id)
{
	tape_meta_from(t, run_id, mw_slice(NULL, 0));
}

void tape_tick(struct tape *t)
{
	struct mw_event_hdr h = of(MW_EV_TICK, 0);

	add(t, &h, sizeof(h), false, NULL, 0);
}

void tape_wait(struct tape *t, uint64_t ns)
{
	uint64_t end = t->ts_ns + ns;

	while (t->ts_ns < end) {
		t->ts_ns += end - t->ts_ns < 10000000 ? end - t->ts_ns : 10000000;
		tape_tick(t);
	}
}

void tape_lost(struct tape *t, uint32_t reason, uint64_t count)
{
	struct mw_ev_lost ev = { .hdr = of(MW_EV_LOST, 0), .count = count, .reason = reason,
				 .cpu = reason == MW_LOST_SEQ ? t->cpu : MW_CPU_NONE };

	add(t, &ev, sizeof(ev), false, NULL, 0);
}

void tape_clock(struct tape *t, int64_t realtime_ns)
{
	struct mw_ev_clock ev = { .hdr = of(MW_EV_CLOCK, 0), .realtime_ns = realtime_ns };

	add(t, &ev, sizeof(ev), false, NULL, 0);
}

void tape_user(struct tape *t, uint32_t uid, const char *name)
{
	struct mw_slice s = mw_slice_str(name);
	struct mw_ev_user ev = { .hdr = of(MW_EV_USER, 0), .id = uid, .name_len = (uint16_t)s.n };

	add(t, &ev, sizeof(ev), false, &s, 1);
}

void tape_name(struct tape *t, uint32_t pid, const char *name)
{
	struct mw_slice s[2] = { mw_slice_str(name), MW_SLICE_LIT("/home/alice/.mcp.json") };
	struct mw_ev_name ev = { .hdr = of(MW_EV_NAME, pid),
				 .name_len = (uint16_t)s[0].n,
				 .file_len = (uint16_t)s[1].n };

	add(t, &ev, sizeof(ev), false, s, 2);
}

void tape_env(struct tape *t, uint32_t pid, const char *env, size_t n)
{
	struct mw_slice s = mw_slice(env, n);
	struct mw_ev_env ev = { .hdr = of(MW_EV_ENV, pid), .env_len = (uint32_t)n };

	add(t, &ev, sizeof(ev), false, &s, 1);
}

void tape_state(struct tape *t, uint32_t kind, const char *text)
{
	struct mw_slice s = mw_slice_str(text);
	struct mw_ev_state ev = { .hdr = of(MW_EV_STATE, 0), .len = (uint32_t)s.n, .kind = kind };

	add(t, &ev, sizeof(ev), false, &s, 1);
}

void tape_hole(struct tape *t, uint64_t n)
{
	t->seq[t->cpu] += n;
}

/* --- of processes --------------------------------------------------------------------------------- */

struct mw_prockey tape_pid(uint32_t pid)
{
	return pid ? (struct mw_prockey){ 1000000000ull + pid, pid } : (struct mw_prockey){ 0, 0 };
}

void tape_proc(struct tape *t, uint16_t type, uint32_t pid, struct tape_exe x)
{
	struct mw_slice s[4] = { mw_slice_str(x.exe), mw_slice_str(x.argv), mw_slice_str(x.cwd),
				 mw_slice_str(x.cgroup) };
	struct mw_ev_proc ev = { .hdr = of(type, pid), .parent_tgid = x.parent,
				 .parent_start_ns = tape_pid(x.parent).start_ns, .gid = x.uid,
				 .loginuid = x.uid, .audit_session = 3, .dev = 1, .ino = 100 + pid,
				 .exe_len = (uint16_t)s[0].n, .cwd_len = (uint16_t)s[2].n,
				 .cgroup_len = (uint16_t)s[3].n, .exe_state = MW_PATH_FULL,
				 .cwd_state = MW_PATH_FULL };
	char argv[MW_ARGV_MAX];
	size_t i;

	ev.hdr.uid = x.uid;
	if (s[1].n) {
		CHECK(s[1].n < sizeof(argv));
		for (i = 0; i <= s[1].n; i++) /* its NUL too */
			argv[i] = (char)(x.argv[i] == ' ' ? 0 : x.argv[i]);
		s[1] = mw_slice(argv, s[1].n + 1);
		ev.argv_len = (uint16_t)s[1].n;
	}
	add(t, &ev, sizeof(ev), type == MW_EV_EXEC, s, 4);
}

void tape_fork(struct tape *t, uint32_t parent, uint32_t child)
{
	struct mw_ev_fork ev = { .hdr = of(MW_EV_FORK, parent), .child_tgid = child,
				 .child_start_ns = tape_pid(child).start_ns };

	add(t, &ev, sizeof(ev), true, NULL, 0);
}

void tape_exit(struct tape *t, uint32_t pid, int32_t status)
{
	struct mw_ev_exit ev = { .hdr = of(MW_EV_EXIT, pid), .code = status };

	add(t, &ev, sizeof(ev), true, NULL, 0);
}

void tape_act(struct tape *t, uint32_t pid, struct mw_ev_act a, const struct mw_slice s[5])
{
	a.hdr = of(MW_EV_ACT, pid);
	a.path_len = (uint16_t)s[0].n;
	a.base_len = (uint16_t)s[1].n;
	a.asked_len = (uint16_t)s[2].n;
	a.base2_len = (uint16_t)s[3].n;
	a.asked2_len = (uint16_t)s[4].n;
	a.path_state = s[0].n ? MW_PATH_FULL : MW_PATH_NONE;
	a.base_state = s[1].n ? MW_PATH_FULL : MW_PATH_NONE;
	a.base2_state = s[3].n ? MW_PATH_FULL : MW_PATH_NONE;
	add(t, &a, sizeof(a), true, s, 5);
}

void tape_open(struct tape *t, uint32_t pid, const char *path, uint32_t flags, int64_t ret)
{
	struct mw_slice s[5] = { { 0 } };
	struct mw_ev_act a = { .op = MW_OP_OPEN, .flags = flags, .ret = ret, .mode = 0100644,
			       .fd = (int32_t)ret };

	s[2] = mw_slice_str(path);
	if (ret >= 0) {
		s[0] = s[2];
		a.dev = 8ull << 32 | 1;
		a.ino = 77;
	}
	tape_act(t, pid, a, s);
}

void tape_unlink(struct tape *t, uint32_t pid, const char *path, int64_t ret)
{
	struct mw_slice s[5] = { { 0 }, { 0 }, mw_slice_str(path), { 0 }, { 0 } };
	struct mw_ev_act a = { .op = MW_OP_UNLINK, .ret = ret };

	tape_act(t, pid, a, s);
}

void tape_rename(struct tape *t, uint32_t pid, const char *from, const char *to)
{
	struct mw_slice s[5] = { { 0 }, { 0 }, mw_slice_str(from), { 0 }, mw_slice_str(to) };
	struct mw_ev_act a = { .op = MW_OP_RENAME };

	tape_act(t, pid, a, s);
}

void tape_connect4(struct tape *t, uint32_t pid, const char *ip, uint16_t port, int64_t ret)
{
	struct mw_slice s[5] = { { 0 } };
	struct mw_ev_act a = { .op = MW_OP_CONNECT, .ret = ret, .chan = ++t->last_chan,
			       .gen = t->ts_ns, .fd = 9, .peer_from = 1,
			       .peer = { .family = AF_INET, .port = port } };

	CHECK(inet_pton(AF_INET, ip, a.peer.ip) == 1);
	tape_act(t, pid, a, s);
}

void tape_runtime(struct tape *t, uint32_t pid, uint32_t kind, const char *version)
{
	struct mw_slice s[2] = { mw_slice_str(version), { 0 } };
	struct mw_ev_runtime ev = { .hdr = of(MW_EV_RUNTIME, pid),
				    .kind = kind,
				    .reads = 1,
				    .exact = 1,
				    .version_len = (uint16_t)s[0].n };

	add(t, &ev, sizeof(ev), false, s, 2);
}

void tape_edge(struct tape *t, uint32_t pid, uint64_t parent, uint64_t child, uint32_t kind)
{
	struct mw_ev_task ev = { .hdr = of(MW_EV_TASK, pid), .child = child, .kind = kind };

	ev.hdr.task = parent;
	add(t, &ev, sizeof(ev), true, NULL, 0);
}

/* --- of channels ---------------------------------------------------------------------------------- */

struct tape_chan tape_chan(struct tape *t, uint8_t kind)
{
	uint64_t id = 0xffff888000000000ull + (++t->last_chan << 8);
	struct tape_chan c = { .kind = kind, .chan = { id, id }, .gen = { t->ts_ns, t->ts_ns } };

	if (kind == MW_CHAN_TCP4 || kind == MW_CHAN_TCP6) {
		c.chan[MW_END_READ] = id + 8;
		c.gen[MW_END_READ]++;
		c.src = (struct mw_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 },
					  .port = (uint16_t)(40000 + t->last_chan) };
		c.dst = (struct mw_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 },
					  .port = 8080 };
	}
	return c;
}

struct tape_chan tape_chan_back(const struct tape_chan *c)
{
	return (struct tape_chan){ .kind = c->kind, .chan = { c->chan[1], c->chan[0] },
				   .gen = { c->gen[1], c->gen[0] }, .src = c->dst, .dst = c->src };
}

static struct mw_ev_io io_of(struct tape_chan *c, enum mw_end end, uint32_t pid)
{
	bool w = end == MW_END_WRITE;
	struct mw_ev_io ev = { .hdr = of(MW_EV_IO, pid), .chan = c->chan[end], .gen = c->gen[end],
			       .ino = c->chan[end] & 0xffffff, .off = c->off[end],
			       .local = w ? c->src : c->dst, .peer = w ? c->dst : c->src,
			       .netns = c->src.family ? 4026531840u : 0, .fd = !!w, .sysno = !!w,
			       .dir = (uint8_t)end, .kind = c->kind };

	return ev;
}

void tape_io(struct tape *t, struct tape_chan *c, enum mw_end end, uint32_t pid, const void *p,
	     size_t n)
{
	uint64_t ts = t->ts_ns;
	size_t at = 0;

	do {
		size_t take = n - at < MW_IO_CHUNK ? n - at : MW_IO_CHUNK;
		struct mw_slice s = mw_slice((const uint8_t *)p + at, take);
		struct mw_ev_io ev = io_of(c, end, pid);

		ev.moved = ev.captured = (uint32_t)take;
		ev.call_len = (uint32_t)n;
		ev.call_off = (uint32_t)at;
		t->ts_ns = ts; /* the pieces of a call have its time */
		add(t, &ev, sizeof(ev), true, &s, 1);
		c->off[end] += take;
		at += take;
	} while (at < n);
}

void tape_io_miss(struct tape *t, struct tape_chan *c, enum mw_end end, uint32_t pid, const void *p,
		  size_t n, uint32_t moved, uint8_t miss)
{
	struct mw_slice s = mw_slice(p, n);
	struct mw_ev_io ev = io_of(c, end, pid);

	ev.moved = ev.call_len = moved;
	ev.captured = (uint32_t)n;
	ev.miss = miss;
	add(t, &ev, sizeof(ev), true, &s, 1);
	c->off[end] += moved;
}

static void line_at(struct tape *t, struct tape_chan *c, enum mw_end end, uint32_t pid,
		    const char *s)
{
	size_t n = strlen(s);
	char *copy = malloc(n + 1);

	CHECK(copy);
	memcpy(copy, s, n);
	copy[n] = '\n';
	tape_io(t, c, end, pid, copy, n + 1);
	free(copy);
}

void tape_write(struct tape *t, struct tape_chan *c, uint32_t pid, const char *s)
{
	line_at(t, c, MW_END_WRITE, pid, s);
}

void tape_read(struct tape *t, struct tape_chan *c, uint32_t pid, const char *s)
{
	line_at(t, c, MW_END_READ, pid, s);
}

void tape_line(struct tape *t, struct tape_chan *c, uint32_t writer, uint32_t reader, const char *s)
{
	tape_write(t, c, writer, s);
	tape_read(t, c, reader, s);
}
