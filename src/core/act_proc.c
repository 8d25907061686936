/* SPDX-License-Identifier: Apache-2.0 */
/* act_proc.c - what is done to processes, to their ids and namespaces, and to the kernel */
#include <errno.h>
#include <stdio.h>

#include "core/act_priv.h"
#include "core/event.h"
#include "core/opnames.h"

#define UNCHANGED   0xffffffffu
#define UNCHANGED16 0xffffu

/* Behind it nothing that was printed before may be used: `text` may have moved. */
static int print(struct mw_act *a, const char *text, struct mw_slice *ret)
{
	const size_t off = a->text.len;
	int r = mw_buf_append_str(&a->text, text);

	if (r == 0)
		*ret = mw_act_text(a, off, a->text.len);
	return r;
}

static struct mw_action begin(enum mw_effect_kind kind, const struct mw_ev_act *ev)
{
	struct mw_action act = mw_act_begin(kind, &ev->hdr);

	act.ret = ev->ret;
	return act;
}

/*
 * The process it was done to: as the kernel found it, with what the program said beside it where
 * that is another word; or what it said alone.
 */
static int on_process(struct mw_act *a, struct mw_action *act, uint64_t tgid, uint64_t start_ns,
		      const char *said)
{
	char text[32];
	int r;

	snprintf(text, sizeof(text), "pid:%llu", (unsigned long long)tgid);
	if (tgid && start_ns)
		act->other = (struct mw_prockey){ start_ns, tgid };
	act->from_kernel = tgid != 0;
	/* room first, so that the target stays where it is */
	r = mw_buf_reserve(&a->text, sizeof(text) + strlen(said));
	if (r == 0)
		r = print(a, tgid ? text : said, &act->target);
	if (r == 0 && tgid && !mw_slice_eq_str(act->target, said))
		r = print(a, said, &act->asked);
	return r < 0 ? r : mw_act_give(a, act);
}

/* n0 as an int: the kernel side extends its sign. */
static int on_kill(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_KILL, ev);
	const long long pid = (long long)(int64_t)ev->num[0];
	char said[32], group[32];
	int r;

	if (ev->num[1] == 0)
		snprintf(act.mode, sizeof(act.mode), "0 (asks only)");
	else
		mw_signal_name(ev->num[1], act.mode, sizeof(act.mode));
	if (ev->fd != -1) {
		snprintf(said, sizeof(said), "pidfd:%d", ev->fd);
		return on_process(a, &act, ev->num[2], ev->num[3], said);
	}
	if (pid > 0) {
		snprintf(said, sizeof(said), "pid:%lld", pid);
		return on_process(a, &act, ev->num[2], ev->num[3], said);
	}
	snprintf(said, sizeof(said), "pid:%lld", pid); /* as kill(2) has it: -1 all, -N group N */
	snprintf(group, sizeof(group), "pgid:%llu", (unsigned long long)ev->num[2]);
	act.from_kernel = ev->num[2] != 0;
	if (ev->num[2] && ev->num[3])
		act.other = (struct mw_prockey){ ev->num[3], (uint32_t)ev->num[2] };
	r = mw_buf_reserve(&a->text, sizeof(said) + sizeof(group));
	if (r == 0)
		r = print(a, ev->num[2] ? group : said, &act.target);
	if (r == 0 && ev->num[2])
		r = print(a, said, &act.asked);
	return r < 0 ? r : mw_act_give(a, &act);
}

static int on_ptrace(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_PTRACE, ev);
	char said[32];

	mw_ptrace_name(ev->num[0], act.mode, sizeof(act.mode));
	snprintf(said, sizeof(said), "pid:%lld", (long long)ev->num[1]);
	if (ev->num[0] == 0) /* TRACEME names nobody */
		snprintf(said, sizeof(said), "pid:%llu", (unsigned long long)ev->num[2]);
	return on_process(a, &act, ev->num[2], ev->num[3], said);
}

static int on_vm(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_VM_ACCESS, ev);
	char said[32];

	snprintf(act.mode, sizeof(act.mode), "%s",
		 ev->flags & 1 ? "process_vm_writev" : "process_vm_readv");
	act.has_bytes = ev->ret >= 0;
	if (ev->ret > 0 && ev->flags & 1)
		act.bytes_w = (uint64_t)ev->ret;
	else if (ev->ret > 0)
		act.bytes_r = (uint64_t)ev->ret;
	snprintf(said, sizeof(said), "pid:%lld", (long long)ev->num[1]);
	return on_process(a, &act, ev->num[2], ev->num[3], said);
}

/* --- ids --- */

static size_t put_id(char *out, size_t size, const char *name, uint64_t id, bool is16)
{
	const uint32_t none = is16 ? UNCHANGED16 : UNCHANGED;
	const uint32_t v = (uint32_t)(is16 ? id & UNCHANGED16 : id);

	return v == none ? (size_t)snprintf(out, size, " %s=-1", name)
			 : (size_t)snprintf(out, size, " %s=%u", name, v);
}

static void groups_mode(const struct mw_ev_act *ev, char *out, size_t size)
{
	const long long n = (long long)(int64_t)ev->num[0];
	size_t len = (size_t)snprintf(out, size, "setgroups %lld [", n);

	for (int i = 0; i < 3 && i < n; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%llu", i ? "," : "",
					(unsigned long long)ev->num[i + 1]);
	snprintf(out + len, size - len, n > 3 ? ",...]" : "]");
}

static void setid_mode(const struct mw_ev_act *ev, char *out, size_t size)
{
	bool is16 = false;
	const struct mw_setid_call *c =
	    mw_setid_call(ev->sysno, ev->hdr.flags & MW_EVF_COMPAT, &is16);
	size_t len;

	if (ev->flags & 1) {
		snprintf(out, size, "no_new_privs");
	} else if (!c) {
		snprintf(out, size, "%u", ev->sysno);
	} else if (c->groups) {
		groups_mode(ev, out, size);
	} else if (c->caps) {
		snprintf(out, size, "capset eff=%llx perm=%llx inh=%llx",
			 (unsigned long long)ev->num[0], (unsigned long long)ev->num[1],
			 (unsigned long long)ev->num[2]);
	} else {
		len = (size_t)snprintf(out, size, "%s", c->name);
		for (int i = 0; i < 3 && c->arg[i]; i++)
			len += put_id(out + len, size - len, c->arg[i], ev->num[i], is16);
	}
}

static int on_setid(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_SETID, ev);

	setid_mode(ev, act.mode, sizeof(act.mode));
	return mw_act_give(a, &act);
}

/* --- namespaces --- */

/* The number of setns; all else that makes namespaces says so by their flags. */
static bool is_setns(const struct mw_ev_act *ev)
{
	return ev->sysno == (ev->hdr.flags & MW_EVF_COMPAT ? 346 : 308);
}

static bool is_unshare(const struct mw_ev_act *ev)
{
	return ev->sysno == (ev->hdr.flags & MW_EVF_COMPAT ? 310 : 272);
}

static int on_ns(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_PROC_NS, ev);
	const char *type = mw_ns_type(ev->num[2]);
	char text[48];
	int r;

	if (!is_setns(ev)) {
		mw_ns_names(is_unshare(ev) ? "unshare" : "clone", ev->num[0], act.mode,
			    sizeof(act.mode));
		if (is_unshare(ev) || ev->ret <= 0)
			return mw_act_give(a, &act);
		/* the child by its number in the namespace of its parent */
		snprintf(text, sizeof(text), "pid:%lld", (long long)ev->ret);
		r = print(a, text, &act.target);
		return r < 0 ? r : mw_act_give(a, &act);
	}
	mw_ns_names("setns", ev->num[0] ? ev->num[0] : ev->num[2], act.mode, sizeof(act.mode));
	if (ev->num[1])
		snprintf(text, sizeof(text), "%s:[%llu]", type ? type : "ns",
			 (unsigned long long)ev->num[1]);
	else if (ev->num[3])
		snprintf(text, sizeof(text), "pid:%llu", (unsigned long long)ev->num[3]);
	else
		snprintf(text, sizeof(text), "fd:%d", ev->fd);
	act.from_kernel = ev->num[1] || ev->num[3];
	r = print(a, text, &act.target);
	return r < 0 ? r : mw_act_give(a, &act);
}

/* --- files of no path, and of others --- */

static int on_memfd(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(MW_EFFECT_PROC_MEMFD, ev);
	int r;

	mw_memfd_names(ev->flags, act.mode, sizeof(act.mode));
	act.dev = ev->dev;
	act.ino = ev->ino;
	act.file = ev->file;
	if (s.path.n) {
		act.from_kernel = true;
		act.target = s.path;
		return mw_act_give(a, &act);
	}
	r = mw_buf_append_str(&a->text, "memfd:");
	if (r == 0)
		r = mw_buf_append(&a->text, s.asked.p, s.asked.n);
	if (r < 0)
		return r;
	act.target = mw_act_text(a, 0, a->text.len);
	return mw_act_give(a, &act);
}

static int on_pidfd_getfd(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(MW_EFFECT_PROC_PIDFD_GETFD, ev);

	snprintf(act.mode, sizeof(act.mode), "fd=%lld", (long long)ev->num[1]);
	act.object = s.path;
	act.dev = ev->dev;
	act.ino = ev->ino;
	act.file = ev->file;
	if (!ev->num[0])
		return mw_act_give(a, &act);
	return on_process(a, &act, ev->num[0], ev->num[3], "");
}

/* --- the kernel --- */

static int on_bpf(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_action act = begin(MW_EFFECT_KERNEL_BPF, ev);

	mw_bpf_name(ev->num[0], act.mode, sizeof(act.mode));
	return mw_act_give(a, &act);
}

static int on_uring(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(MW_EFFECT_KERNEL_IO_URING, ev);
	size_t off = 0;
	int r = 0;

	if (ev->op == MW_OP_URING_SETUP) {
		snprintf(act.mode, sizeof(act.mode), "io_uring_setup");
		return mw_act_give(a, &act);
	}
	mw_uring_name(ev->num[0], act.mode, sizeof(act.mode));
	act.n = ev->num[1];
	if (ev->peer.family) {
		r = mw_act_addr(a, ev, &ev->peer, &act);
		return r < 0 ? r : mw_act_give(a, &act);
	}
	if (s.asked.n)
		r = mw_path_join(&a->text,
				 mw_act_base_usable(ev->base_state) ? s.base : mw_slice(NULL, 0),
				 s.asked);
	off = a->text.len;
	if (r == 0 && s.asked2.n)
		r = mw_path_join(&a->text,
				 mw_act_base_usable(ev->base2_state) ? s.base2 : mw_slice(NULL, 0),
				 s.asked2);
	if (r < 0)
		return r;
	act.target = mw_act_text(a, 0, off);
	act.target2 = mw_act_text(a, off, a->text.len);
	if (!mw_slice_eq(s.asked, act.target))
		act.asked = s.asked;
	return mw_act_give(a, &act);
}

static int on_module(struct mw_act *a, const struct mw_ev_act *ev)
{
	struct mw_event_act_strings s = mw_event_act_strings(ev);
	struct mw_action act = begin(MW_EFFECT_KERNEL_MODULE, ev);

	act.target = s.path.n ? s.path : s.asked;
	act.from_kernel = s.path.n != 0;
	act.dev = ev->dev;
	act.ino = ev->ino;
	snprintf(act.mode, sizeof(act.mode), "%s",
		 ev->flags & 1	? "delete_module"
		 : ev->fd != -1 ? "finit_module"
				: "init_module");
	return mw_act_give(a, &act);
}

int mw_act_on_proc(struct mw_act *a, const struct mw_ev_act *ev)
{
	mw_buf_reset(&a->text, MW_ACT_TEXT_KEEP);
	switch (ev->op) {
	case MW_OP_KILL:
		return on_kill(a, ev);
	case MW_OP_PTRACE:
		return on_ptrace(a, ev);
	case MW_OP_VM:
		return on_vm(a, ev);
	case MW_OP_SETID:
		return on_setid(a, ev);
	case MW_OP_NS:
		return on_ns(a, ev);
	case MW_OP_MEMFD:
		return on_memfd(a, ev);
	case MW_OP_PIDFD_GETFD:
		return on_pidfd_getfd(a, ev);
	case MW_OP_BPF:
		return on_bpf(a, ev);
	case MW_OP_URING_SETUP:
	case MW_OP_URING:
		return on_uring(a, ev);
	case MW_OP_MODULE:
		return on_module(a, ev);
	}
	return 0;
}
