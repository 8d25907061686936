/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_fx.h - a scope over a host that is made up: tags, processes, open files
 *
 * The pump is played by fx_push: what goes on to the core is noted, in order.
 */
#ifndef MW_TESTS_SCOPE_FX_H
#define MW_TESTS_SCOPE_FX_H

#include "support_event.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/config.h"
#include "io/scope.h"

#define FX_PIDS 4096
#define FX_SEC	1000000000ull
#define C	MW_EVF_CANDIDATE
#define S	MW_EVF_STREAM

struct fx_proc {
	const char *exe, *argv, *cgroup, *cwd, *root;
	size_t argv_len;
	uint32_t uid, ppid;
	bool there;
};

/* What the core got. */
struct fx_got {
	uint16_t type, flags;
	uint32_t tgid, cpu;
	uint64_t ts, count;
};

struct fx {
	struct mw_scope *scope;
	struct mw_config *config;
	uint8_t tag[FX_PIDS];
	struct fx_proc proc[FX_PIDS];
	struct mw_fd_info files[1024];
	size_t n_files;
	int files_error, n_asked_files;
	uint32_t snapshots[256];
	size_t n_snapshots;
	uint64_t watched[256];
	size_t n_watched;
	int listen[65536];
	bool mcp[65536];
	struct mw_control controls[64];
	size_t n_controls;
	char name[256], file[512];
	uint32_t named;
	struct fx_got got[8192];
	size_t n_got;
	uint64_t now;
};

static int fx_tag_change(void *ctx, uint32_t tgid, unsigned int set, unsigned int clear)
{
	struct fx *f = ctx;

	assert_in_range(tgid, 1, FX_PIDS - 1);
	f->tag[tgid] = (uint8_t)((f->tag[tgid] & ~clear) | set);
	return 0;
}

static unsigned int fx_tag_of(void *ctx, uint32_t tgid)
{
	return tgid < FX_PIDS ? ((struct fx *)ctx)->tag[tgid] : 0;
}

static int fx_snapshot(void *ctx, uint32_t tgid)
{
	struct fx *f = ctx;

	if (tgid >= FX_PIDS || !f->proc[tgid].there)
		return -ESRCH;
	assert_true(f->n_snapshots < 256);
	f->snapshots[f->n_snapshots++] = tgid;
	return 0;
}

static int fx_watch(void *ctx, uint64_t chan, uint64_t ino)
{
	struct fx *f = ctx;

	assert_true(f->n_watched < 256);
	assert_int_equal(ino, chan + 1000);
	f->watched[f->n_watched++] = chan;
	return 0;
}

static inline void fx_listen_port(void *ctx, uint16_t port, bool on)
{
	((struct fx *)ctx)->listen[port] += on ? 1 : -1;
}

static inline void fx_mcp_port(void *ctx, uint16_t port, bool on)
{
	((struct fx *)ctx)->mcp[port] = on;
}

static int fx_files(void *ctx, struct mw_fd_info **ret, size_t *ret_n)
{
	struct fx *f = ctx;

	f->n_asked_files++;
	if (f->files_error)
		return f->files_error;
	*ret = malloc(sizeof(f->files));
	memcpy(*ret, f->files, sizeof(f->files));
	*ret_n = f->n_files;
	return 0;
}

static int fx_name(void *ctx, uint32_t tgid, uint64_t start_ns, const char *name, const char *file)
{
	struct fx *f = ctx;

	assert_int_equal(start_ns, tp(tgid).start_ns);
	f->named = tgid;
	snprintf(f->name, sizeof(f->name), "%s", name);
	snprintf(f->file, sizeof(f->file), "%s", file);
	return 0;
}

static int fx_control(void *ctx, const struct mw_control *c)
{
	struct fx *f = ctx;

	assert_true(c->kind == MW_CONTROL_CHAN_KEEP || c->kind == MW_CONTROL_CHAN_DROP);
	assert_true(f->n_controls < 64);
	f->controls[f->n_controls++] = *c;
	return 0;
}

static int fx_look(void *ctx, uint32_t pid, struct mw_look *ret)
{
	const struct fx_proc *p = &((struct fx *)ctx)->proc[pid];

	if (pid >= FX_PIDS)
		return mw_look(pid, ret);
	if (!p->there)
		return -ESRCH;
	ret->pid = pid;
	snprintf(ret->root, sizeof(ret->root), "%s", p->root ? p->root : "/");
	ret->ppid = p->ppid;
	ret->uid = p->uid;
	ret->exe = mw_slice_str(p->exe);
	ret->argv = mw_slice(p->argv, p->argv_len);
	ret->cgroup = mw_slice_str(p->cgroup);
	ret->cwd = mw_slice_str(p->cwd);
	return 0;
}

static uint32_t fx_parent(void *ctx, uint32_t pid)
{
	return pid < FX_PIDS ? ((struct fx *)ctx)->proc[pid].ppid : 0;
}

static int fx_pids(void *ctx, uint32_t **ret, size_t *ret_n)
{
	struct fx *f = ctx;
	uint32_t *v = calloc(FX_PIDS, sizeof(*v));

	*ret_n = 0;
	for (uint32_t i = 1; i < FX_PIDS; i++)
		if (f->proc[i].there)
			v[(*ret_n)++] = i;
	*ret = v;
	return 0;
}

static uint64_t fx_now(void *ctx)
{
	return ((struct fx *)ctx)->now;
}

static const struct mw_scope_ops fx_ops = {
	.tag_change = fx_tag_change,
	.tag_of = fx_tag_of,
	.snapshot = fx_snapshot,
	.watch = fx_watch,
	.listen_port = fx_listen_port,
	.mcp_port = fx_mcp_port,
	.files = fx_files,
	.name = fx_name,
	.control = fx_control,
	.look = fx_look,
	.parent = fx_parent,
	.pids = fx_pids,
	.now = fx_now,
};

static inline struct mw_config *fx_config(const char *text)
{
	struct mw_config *c = NULL;
	char err[512] = "";

	if (mw_config_parse("f", text, strlen(text), err, sizeof(err), &c) < 0)
		fail_msg("%s", err);
	return c;
}

static inline struct fx *fx_new(const char *config)
{
	struct fx *f = calloc(1, sizeof(*f));

	f->config = fx_config(config);
	f->now = 100 * FX_SEC;
	assert_int_equal(mw_scope_new(f->config, &fx_ops, f, &f->scope), 0);
	return f;
}

static inline void fx_free(struct fx *f)
{
	struct mw_scope_stats st;

	mw_scope_stats(f->scope, &st);
	mw_scope_free(f->scope);
	mw_config_free(f->config);
	free(f);
}

/* --- the pump ------------------------------------------------------------------------------------
 */

static inline void fx_give(struct fx *f, const struct mw_event_hdr *h)
{
	struct fx_got *g = &f->got[f->n_got++];

	assert_true(f->n_got <= 8192);
	assert_int_equal(mw_event_check(h, h->len), h->len);
	*g = (struct fx_got){
		.type = h->type, .flags = h->flags, .tgid = h->tgid, .cpu = h->cpu, .ts = h->ts_ns
	};
	if (h->type == MW_EV_LOST) {
		g->count = ((const struct mw_ev_lost *)h)->count;
		assert_int_equal(((const struct mw_ev_lost *)h)->reason, MW_LOST_TABLE);
	}
}

static inline void fx_held(struct fx *f)
{
	const struct mw_event_hdr *h;

	while ((h = mw_scope_held(f->scope))) {
		assert_int_equal(h->cpu, MW_CPU_NONE);
		assert_int_equal(h->seq, 0);
		fx_give(f, h);
	}
}

/* Whether it went on as it is. */
static inline bool fx_push(struct fx *f, const struct mw_event_hdr *h)
{
	bool pass = mw_scope_event(f->scope, h);

	fx_held(f);
	if (pass)
		fx_give(f, h);
	return pass;
}

static inline void fx_control_do(struct fx *f, const struct mw_control *c)
{
	mw_scope_control(f->scope, c);
	fx_held(f);
}

/* What the core got since the last time is forgotten. */
static inline void fx_forget(struct fx *f)
{
	f->n_got = 0;
}

static inline size_t fx_count(const struct fx *f, uint16_t type, uint32_t tgid, int flags)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_got; i++)
		n += f->got[i].type == type && f->got[i].tgid == tgid &&
		     (flags < 0 || f->got[i].flags == flags);
	return n;
}

/* --- events --------------------------------------------------------------------------------------
 */

static inline const struct mw_event_hdr *fx_flag(const struct mw_event_hdr *h, uint16_t flags)
{
	struct mw_event_hdr *w = (struct mw_event_hdr *)(uintptr_t)h; /* support_event's memory */

	w->flags = flags;
	w->cpu = 1;
	w->seq = 77;
	return h;
}

static inline struct fx_proc *fx_proc(struct fx *f, uint32_t pid, uint32_t ppid, const char *exe)
{
	struct fx_proc *p = &f->proc[pid];

	*p = (struct fx_proc){
		.exe = exe, .cgroup = "/", .cwd = "/nowhere", .ppid = ppid, .there = true
	};
	p->argv = exe;
	p->argv_len = strlen(exe) + 1;
	return p;
}

/* The kernel side: a program starts on channels; chan 0: none. */
static inline bool fx_exec(struct fx *f, uint32_t pid, uint32_t ppid, const char *exe, uint64_t in,
			   uint64_t out)
{
	const struct mw_event_hdr *h;
	char argv[256];
	size_t n = (size_t)snprintf(argv, sizeof(argv), "%s", exe) + 1;

	fx_proc(f, pid, ppid, exe);
	if (in && out && !(f->tag[pid] & MW_TAG_OBSERVED))
		f->tag[pid] |= MW_TAG_CANDIDATE;
	h = tev_proc((struct tev_proc){ .proc = tp(pid),
					.parent = tp(ppid),
					.ts = f->now,
					.exe = exe,
					.argv = argv,
					.argv_len = n });
	((struct mw_ev_proc *)(uintptr_t)h)->chan_in = in;
	((struct mw_ev_proc *)(uintptr_t)h)->chan_out = out;
	return fx_push(f, fx_flag(h, f->tag[pid] & MW_TAG_OBSERVED ? 0 : C));
}

static inline bool fx_facts(struct fx *f, uint32_t pid, const char *cgroup)
{
	struct fx_proc *p = &f->proc[pid];

	p->cgroup = cgroup;
	return fx_push(f, fx_flag(tev_proc((struct tev_proc){ .type = MW_EV_PROC,
							      .proc = tp(pid),
							      .parent = tp(p->ppid),
							      .ts = f->now,
							      .uid = p->uid,
							      .exe = p->exe,
							      .argv = p->argv,
							      .argv_len = p->argv_len,
							      .cgroup = cgroup }),
				  f->tag[pid] & MW_TAG_OBSERVED ? 0 : C));
}

static inline bool fx_fork(struct fx *f, uint32_t pid, uint32_t child)
{
	f->tag[child] = f->tag[pid] & ~MW_TAG_STREAM;
	fx_proc(f, child, pid, f->proc[pid].exe);
	return fx_push(f, fx_flag(tev_fork(tp(pid), tp(child), f->now),
				  f->tag[pid] & MW_TAG_OBSERVED ? 0 : C));
}

static inline bool fx_exit(struct fx *f, uint32_t pid)
{
	uint16_t flags = f->tag[pid] & MW_TAG_OBSERVED ? 0 : f->tag[pid] & MW_TAG_CANDIDATE ? C : S;

	f->tag[pid] = 0;
	f->proc[pid].there = false;
	return fx_push(f, fx_flag(tev_exit(tp(pid), 0, f->now), flags));
}

/* An open of some file, as the kernel side flagged it. */
static inline bool fx_act(struct fx *f, uint32_t pid, uint16_t flags)
{
	return fx_push(
	    f,
	    fx_flag(tev_act((struct tev_act){
			.op = MW_OP_OPEN, .proc = tp(pid), .ts = f->now, .ret = 3, .path = "/f" }),
		    flags));
}

static inline bool fx_io(struct fx *f, uint32_t pid, uint64_t chan, uint16_t flags)
{
	static struct mw_ev_io io;

	io = (struct mw_ev_io){ .hdr = { .len = sizeof(io),
					 .type = MW_EV_IO,
					 .flags = flags,
					 .tgid = pid,
					 .start_ns = tp(pid).start_ns,
					 .ts_ns = f->now,
					 .cpu = 1,
					 .seq = 5 },
				.chan = chan,
				.moved = 10,
				.kind = MW_CHAN_PIPE };
	return fx_push(f, &io.hdr);
}

static inline void fx_tick(struct fx *f, uint64_t ns)
{
	static uint64_t room[64];
	struct mw_event_hdr *h = (struct mw_event_hdr *)(void *)room;

	f->now += ns;
	*h = (struct mw_event_hdr){
		.len = sizeof(*h), .type = MW_EV_TICK, .ts_ns = f->now, .cpu = MW_CPU_NONE
	};
	assert_true(fx_push(f, h));
	f->n_got--; /* of no interest */
}

static inline void fx_server(struct fx *f, uint32_t pid, uint16_t port)
{
	struct mw_control c = { .kind = MW_CONTROL_SERVER,
				.tgid = pid,
				.start_ns = tp(pid).start_ns };

	if (port)
		c.addr = t_addr4("127.0.0.1", port);
	fx_control_do(f, &c);
}

static inline void fx_drop(struct fx *f, uint64_t chan)
{
	struct mw_control c = { .kind = MW_CONTROL_CHAN_DROP, .chan = chan };

	fx_control_do(f, &c);
}

static inline void fx_client(struct fx *f, uint32_t pid, uint64_t chan, uint32_t kind)
{
	struct mw_control c = { .kind = MW_CONTROL_CLIENT,
				.tgid = pid,
				.start_ns = tp(pid).start_ns,
				.chan = chan,
				.chan_kind = kind };

	fx_control_do(f, &c);
}

/* --- open files ----------------------------------------------------------------------------------
 */

static inline struct mw_fd_info *fx_file(struct fx *f, uint32_t pid, uint8_t is, uint64_t chan)
{
	struct mw_fd_info *i = &f->files[f->n_files++];

	assert_true(f->n_files <= 1024);
	*i = (struct mw_fd_info){ .tgid = pid, .is = is, .chan = chan, .ino = chan + 1000 };
	return i;
}

static inline void fx_pipe(struct fx *f, uint32_t writer, uint32_t reader, uint64_t chan)
{
	fx_file(f, writer, MW_FD_PIPE, chan)->writable = 1;
	fx_file(f, reader, MW_FD_PIPE, chan)->readable = 1;
}

static inline void fx_unix(struct fx *f, uint32_t a, uint32_t b, uint64_t chan)
{
	fx_file(f, a, MW_FD_UNIX, chan)->other = chan + 1;
	fx_file(f, b, MW_FD_UNIX, chan + 1)->other = chan;
}

static inline void fx_tcp(struct fx *f, uint32_t server, uint32_t client, uint16_t port,
			  uint16_t from, uint64_t chan)
{
	struct mw_fd_info *i = fx_file(f, server, MW_FD_TCP, chan);

	i->local = t_addr6("::ffff:127.0.0.1", port);
	i->peer = t_addr6("::ffff:127.0.0.1", from);
	i = fx_file(f, client, MW_FD_TCP, chan + 1);
	i->local = t_addr4("127.0.0.1", from);
	i->peer = t_addr4("127.0.0.1", port);
}

static inline void fx_listen(struct fx *f, uint32_t pid, uint16_t port, uint64_t chan)
{
	fx_file(f, pid, MW_FD_LISTEN, chan)->local = t_addr4("0.0.0.0", port);
}

#endif
