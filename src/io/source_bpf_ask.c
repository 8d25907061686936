/* SPDX-License-Identifier: Apache-2.0 */
/* source_bpf_ask.c - processes, tags, channels, ports: what is asked of the kernel side */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/source_bpf_priv.h"

int mw_source_bpf_call(struct bpf_program *prog, void *arg, uint32_t arg_len)
{
	/* a syscall program's context goes in and, whatever the name says, comes back */
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = arg, .ctx_size_in = arg_len);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) < 0)
		return -errno;
	return (int)opts.retval;
}

/* --- processes ------------------------------------------------------------------------------- */

static bool proc_is_new(struct mw_bpf_source *b, uint32_t tgid, uint64_t start_ns)
{
	return mw_u64set_add(&b->procs, (start_ns ^ (uint64_t)tgid << 40) | 1);
}

/* Asks the kernel for the exact start of a process and for its parent. */
static int ask_task(struct mw_bpf_source *b, uint32_t tgid, struct mw_ev_proc *ret)
{
	/* bpf_iter_link_info of 6.2 and later begins with task.tid; before, it is not looked at */
	uint32_t info[4] = { tgid };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = (void *)info,
			    .link_info_len = sizeof(info));
	struct bpf_link *link;
	struct mw_task_info t;
	ssize_t n;
	int fd;

	b->skel->data->wanted_tgid = tgid;
	link = bpf_program__attach_iter(b->skel->progs.mw_task_iter, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	n = fd < 0 ? -1 : read(fd, &t, sizeof(t));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (n != sizeof(t) || t.tgid != tgid)
		return -ESRCH;
	*ret = (struct mw_ev_proc){
		.hdr = { .tgid = tgid, .start_ns = t.start_ns, .cgroup = t.cgroup, .uid = t.uid },
		.parent_tgid = t.parent_tgid,
		.parent_start_ns = t.parent_start_ns,
		.dev = t.dev,
		.ino = t.ino,
		.gid = t.gid,
		.loginuid = t.loginuid,
		.audit_session = t.audit_session,
	};
	return 0;
}

/* The name of a uid goes before its first event. A uid without one is no error. */
void mw_source_bpf_tell_user(struct mw_bpf_source *b, const struct mw_event_hdr *h)
{
	if (h->tgid && mw_u64set_add(&b->uids, (uint64_t)h->uid + 1))
		mw_facts_user(&b->queue, h->uid);
}

static int tell_proc(struct mw_bpf_source *b, const struct mw_ev_proc *p)
{
	mw_source_bpf_tell_user(b, &p->hdr);
	/* who is gone by now has no mounts to tell; its paths stay those of its namespace */
	(void)mw_facts_mounts(&b->queue, p->hdr.tgid, &b->mounts);
	return mw_facts_proc(&b->queue, p);
}

/* The ancestors that were not reported yet, nearest first. Who is gone meanwhile ends the line. */
static void tell_ancestors(struct mw_bpf_source *b, const struct mw_ev_proc *of)
{
	uint32_t tgid = of->parent_tgid;
	uint64_t start_ns = of->parent_start_ns;
	struct mw_ev_proc p;

	while (tgid && proc_is_new(b, tgid, start_ns)) {
		if (ask_task(b, tgid, &p) || p.hdr.start_ns != start_ns || tell_proc(b, &p))
			return;
		tgid = p.parent_tgid;
		start_ns = p.parent_start_ns;
	}
}

void mw_source_bpf_tell_exec(struct mw_bpf_source *b, const struct mw_ev_proc *exec)
{
	proc_is_new(b, exec->hdr.tgid, exec->hdr.start_ns);
	tell_proc(b, exec);
	tell_ancestors(b, exec);
}

int mw_source_bpf_snapshot(struct mw_source *s, uint32_t tgid)
{
	struct mw_bpf_source *b = mw_bpf_source(s);
	struct mw_ev_proc p;
	unsigned int tag;
	int r = ask_task(b, tgid, &p);

	if (r < 0)
		return r;
	if (proc_is_new(b, tgid, p.hdr.start_ns)) {
		r = tell_proc(b, &p);
		if (r < 0)
			return r;
	}
	tell_ancestors(b, &p);
	tag = mw_source_bpf_tag_of(s, tgid);
	if (tag & ~(unsigned int)MW_TAG_STREAM)
		mw_runtimes_met(b->runtimes, &p.hdr, tag & MW_TAG_OBSERVED);
	return 0;
}

/* --- tags ------------------------------------------------------------------------------------ */

/* After a tag was set: see `stacks` in bpf/maps.h. */
static void tag_is(struct mw_source *s, uint32_t tgid, unsigned int tag)
{
	__atomic_fetch_add(&mw_bpf_source(s)->skel->data->epoch, 1, __ATOMIC_SEQ_CST);
	mw_runtimes_tag(mw_bpf_source(s)->runtimes, tgid, tag & ~(unsigned int)MW_TAG_STREAM,
			tag & MW_TAG_OBSERVED);
}

int mw_source_bpf_tag(struct mw_source *s, uint32_t tgid, unsigned int tag)
{
	if (tgid == 0 || tgid >= MW_N_TAGS)
		return -ERANGE;
	__atomic_store_n(&mw_bpf_source(s)->skel->bss->tags[tgid], (uint8_t)tag, __ATOMIC_SEQ_CST);
	tag_is(s, tgid, tag);
	return 0;
}

int mw_source_bpf_tag_change(struct mw_source *s, uint32_t tgid, unsigned int set,
			     unsigned int clear)
{
	uint8_t *tag, was, is;

	if (tgid == 0 || tgid >= MW_N_TAGS)
		return -ERANGE;
	tag = &mw_bpf_source(s)->skel->bss->tags[tgid];
	was = __atomic_load_n(tag, __ATOMIC_RELAXED);
	do
		is = (uint8_t)((was & ~clear) | set);
	while (
	    !__atomic_compare_exchange_n(tag, &was, is, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	tag_is(s, tgid, is);
	return 0;
}

unsigned int mw_source_bpf_tag_of(struct mw_source *s, uint32_t tgid)
{
	if (tgid >= MW_N_TAGS)
		return 0;
	return __atomic_load_n(&mw_bpf_source(s)->skel->bss->tags[tgid], __ATOMIC_ACQUIRE);
}

/* --- channels and ports ---------------------------------------------------------------------- */

int mw_source_bpf_watch(struct mw_source *s, uint64_t chan, uint64_t ino)
{
	struct mw_watch arg = { .chan = chan, .ino = ino };
	int r = mw_source_bpf_call(mw_bpf_source(s)->skel->progs.mw_chan_watch, &arg, sizeof(arg));

	return r > 0 ? -ENOSPC : r;
}

void mw_source_bpf_listen_port(struct mw_source *s, uint16_t port, bool on)
{
	uint32_t *n = &mw_bpf_source(s)->ports->listening[port];
	uint32_t was = __atomic_load_n(n, __ATOMIC_RELAXED);

	while ((on || was) && !__atomic_compare_exchange_n(n, &was, on ? was + 1 : was - 1, true,
							   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

void mw_source_bpf_mcp_port(struct mw_source *s, uint16_t port, bool on)
{
	__atomic_store_n(&mw_bpf_source(s)->ports->mcp[port], on, __ATOMIC_RELEASE);
}

#define FILES_STEP 65536

int mw_source_bpf_files(struct mw_source *s, struct mw_fd_info **ret, size_t *ret_n)
{
	struct bpf_link *link;
	uint8_t *buf = NULL, *p;
	size_t len = 0, cap = 0;
	ssize_t n = 0;
	int fd, r = 0;

	link = bpf_program__attach_iter(mw_bpf_source(s)->skel->progs.mw_file_iter, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		r = -errno;
	while (!r) {
		if (cap - len < FILES_STEP) {
			cap = 2 * cap + FILES_STEP;
			p = realloc(buf, cap);
			if (!p) {
				r = -ENOMEM;
				break;
			}
			buf = p;
		}
		n = read(fd, buf + len, cap - len);
		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			r = -errno;
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (r < 0) {
		free(buf);
		return r;
	}
	*ret = (struct mw_fd_info *)(void *)buf;
	*ret_n = len / sizeof(struct mw_fd_info);
	return 0;
}

int mw_source_bpf_name(struct mw_source *s, uint32_t tgid, uint64_t start_ns, const char *name,
		       const char *file)
{
	return mw_facts_name(&mw_bpf_source(s)->queue, tgid, start_ns, name, file);
}
