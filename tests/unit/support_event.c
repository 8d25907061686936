/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static uint64_t ring[8][MW_EVENT_MAX / 8];
static unsigned int at;

struct maker {
	uint8_t *p;
	size_t n;
};

static void add(struct maker *m, const void *p, size_t n)
{
	assert_true(m->n + n <= MW_EVENT_MAX);
	if (n)
		memcpy(m->p + m->n, p, n);
	m->n += n;
}

static struct maker begin(void *body, size_t n, uint16_t type, struct mw_prockey p, uint64_t ts)
{
	struct maker m = { .p = (uint8_t *)ring[at++ % 8] };
	struct mw_event_hdr *h = body;

	memset(m.p, 0, MW_EVENT_MAX);
	h->type = type;
	h->ts_ns = ts;
	h->start_ns = p.start_ns;
	h->tgid = h->tid = (uint32_t)p.tgid;
	add(&m, body, n);
	return m;
}

static const struct mw_event_hdr *end(struct maker *m)
{
	struct mw_event_hdr *h = (struct mw_event_hdr *)(void *)m->p;

	h->len = (uint32_t)((m->n + 7) / 8 * 8);
	assert_int_equal(mw_event_check(h, h->len), h->len);
	return h;
}

struct mw_prockey tp(uint32_t pid)
{
	return (struct mw_prockey){ 10 + pid, pid };
}

const struct mw_event_hdr *tev_fork(struct mw_prockey parent, struct mw_prockey child, uint64_t ts)
{
	struct mw_ev_fork ev = { .child_start_ns = child.start_ns,
				 .child_tgid = (uint32_t)child.tgid };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_FORK, parent, ts);

	return end(&m);
}

const struct mw_event_hdr *tev_exit(struct mw_prockey p, int32_t status, uint64_t ts)
{
	struct mw_ev_exit ev = { .code = status };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_EXIT, p, ts);

	return end(&m);
}

static size_t len(const char *s)
{
	return s ? strlen(s) : 0;
}

const struct mw_event_hdr *tev_proc(struct tev_proc p)
{
	struct mw_ev_proc ev = {
		.hdr = { .uid = p.uid, .cgroup = p.cgroup_id },
		.parent_start_ns = p.parent.start_ns,
		.parent_tgid = (uint32_t)p.parent.tgid,
		.dev = p.dev,
		.ino = p.ino,
		.gid = p.gid,
		.loginuid = p.loginuid,
		.audit_session = p.session,
		.exe_len = (uint16_t)len(p.exe),
		.argv_len = (uint16_t)p.argv_len,
		.cwd_len = (uint16_t)len(p.cwd),
		.cgroup_len = (uint16_t)len(p.cgroup),
		.exe_state = p.exe_state ? p.exe_state
			     : p.exe	 ? MW_PATH_FULL
					 : MW_PATH_NONE,
		.cwd_state = p.cwd ? MW_PATH_FULL : MW_PATH_NONE,
		.argv_cut = p.argv_cut,
	};
	struct maker m = begin(&ev, sizeof(ev), p.type ? p.type : MW_EV_EXEC, p.proc, p.ts);

	add(&m, p.exe, len(p.exe));
	add(&m, p.argv, p.argv_len);
	add(&m, p.cwd, len(p.cwd));
	add(&m, p.cgroup, len(p.cgroup));
	return end(&m);
}

static uint8_t state(uint8_t given, const char *s)
{
	return given ? given : s ? MW_PATH_FULL : MW_PATH_NONE;
}

const struct mw_event_hdr *tev_act(struct tev_act a)
{
	size_t asked_len = a.asked_len ? a.asked_len : len(a.asked);
	struct mw_ev_act ev = {
		.ret = a.ret,
		.dev = a.dev,
		.ino = a.ino,
		.gen = a.gen,
		.chan = a.chan,
		.local = a.local,
		.peer = a.peer,
		.fd = a.fd ? a.fd : -1,
		.sysno = (uint16_t)a.sysno,
		.flags = a.flags,
		.mode = a.mode,
		.op = a.op,
		.path_len = (uint16_t)len(a.path),
		.base_len = (uint16_t)len(a.base),
		.asked_len = (uint16_t)asked_len,
		.base2_len = (uint16_t)len(a.base2),
		.asked2_len = (uint16_t)len(a.asked2),
		.path_state = state(a.path_state, a.path),
		.base_state = state(a.base_state, a.base),
		.base2_state = state(a.base2_state, a.base2),
		.peer_from = a.peer_from,
		.path_from = a.path_from,
		.asked_cut = a.asked_cut,
		.num = { a.num[0], a.num[1], a.num[2], a.num[3] },
		.bytes_r = a.bytes_r,
		.bytes_w = a.bytes_w,
		.file = a.file,
		.mntns = a.mntns,
	};
	struct maker m = begin(&ev, sizeof(ev), MW_EV_ACT, a.proc, a.ts);

	if (a.compat)
		((struct mw_event_hdr *)m.p)->flags |= MW_EVF_COMPAT;

	add(&m, a.path, len(a.path));
	add(&m, a.base, len(a.base));
	add(&m, a.asked, asked_len);
	add(&m, a.base2, len(a.base2));
	add(&m, a.asked2, len(a.asked2));
	return end(&m);
}

const struct mw_event_hdr *tev_close(uint64_t chan, uint64_t gen, bool ended, uint64_t sent,
				     uint64_t received, uint64_t ts)
{
	struct mw_ev_close ev = { .chan = chan,
				  .gen = gen,
				  .how = MW_CLOSE_BOTH,
				  .ended = ended,
				  .sent = sent,
				  .received = received };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_CLOSE, (struct mw_prockey){ 0, 0 }, ts);

	return end(&m);
}

const struct mw_event_hdr *tev_sock(uint64_t chan, uint64_t gen, int err, uint64_t ts)
{
	struct mw_ev_sock ev = { .chan = chan, .gen = gen, .err = err };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_SOCK, (struct mw_prockey){ 0, 0 }, ts);

	return end(&m);
}

const struct mw_event_hdr *tev_home(uint32_t uid, const char *name, const char *home)
{
	struct mw_ev_user ev = { .id = uid,
				 .name_len = (uint16_t)len(name),
				 .home_len = (uint16_t)len(home) };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_USER, (struct mw_prockey){ 0, 0 }, 0);

	add(&m, name, len(name));
	add(&m, home, len(home));
	return end(&m);
}

const struct mw_event_hdr *tev_user(uint32_t uid, const char *name)
{
	struct mw_ev_user ev = { .id = uid, .name_len = (uint16_t)len(name) };
	struct maker m = begin(&ev, sizeof(ev), MW_EV_USER, (struct mw_prockey){ 0, 0 }, 0);

	add(&m, name, len(name));
	return end(&m);
}

struct mw_addr t_addr4(const char *ip, uint16_t port)
{
	struct mw_addr a = { .family = AF_INET, .port = port };

	assert_int_equal(inet_pton(AF_INET, ip, a.ip), 1);
	return a;
}

struct mw_addr t_addr6(const char *ip, uint16_t port)
{
	struct mw_addr a = { .family = AF_INET6, .port = port };

	assert_int_equal(inet_pton(AF_INET6, ip, a.ip), 1);
	return a;
}
