/* SPDX-License-Identifier: Apache-2.0 */
/* scope_bpf.c - the running kernel and /proc as scope.h wants them */
#include "io/bpf_facts.h"
#include "io/scope.h"
#include "io/source_bpf.h"

static int tag_change(void *ctx, uint32_t tgid, unsigned int set, unsigned int clear)
{
	return mw_source_bpf_tag_change(ctx, tgid, set, clear);
}

static unsigned int tag_of(void *ctx, uint32_t tgid)
{
	return mw_source_bpf_tag_of(ctx, tgid);
}

static int snapshot(void *ctx, uint32_t tgid)
{
	return mw_source_bpf_snapshot(ctx, tgid);
}

static int watch(void *ctx, uint64_t chan, uint64_t ino)
{
	return mw_source_bpf_watch(ctx, chan, ino);
}

static void listen_port(void *ctx, uint16_t port, bool on)
{
	mw_source_bpf_listen_port(ctx, port, on);
}

static void mcp_port(void *ctx, uint16_t port, bool on)
{
	mw_source_bpf_mcp_port(ctx, port, on);
}

static int files(void *ctx, struct mw_fd_info **ret, size_t *ret_n)
{
	return mw_source_bpf_files(ctx, ret, ret_n);
}

static int name(void *ctx, uint32_t tgid, uint64_t start_ns, const char *text, const char *file)
{
	return mw_source_bpf_name(ctx, tgid, start_ns, text, file);
}

static int control(void *ctx, const struct mw_control *c)
{
	return mw_source_control(ctx, c);
}

static int look(void *ctx, uint32_t pid, struct mw_look *ret)
{
	(void)ctx;
	return mw_look(pid, ret);
}

static uint32_t parent(void *ctx, uint32_t pid)
{
	(void)ctx;
	return mw_look_parent(pid);
}

static int pids(void *ctx, uint32_t **ret, size_t *ret_n)
{
	(void)ctx;
	return mw_look_pids(ret, ret_n);
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return mw_boot_ns();
}

const struct mw_scope_ops mw_scope_bpf_ops = {
	.tag_change = tag_change,
	.tag_of = tag_of,
	.snapshot = snapshot,
	.watch = watch,
	.listen_port = listen_port,
	.mcp_port = mcp_port,
	.files = files,
	.name = name,
	.control = control,
	.look = look,
	.parent = parent,
	.pids = pids,
	.now = now,
};
