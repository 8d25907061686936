/* SPDX-License-Identifier: Apache-2.0 */
/* source_bpf_runtime.c - the kernel's map of runtimes, and which events change it */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "io/source_bpf_priv.h"

static int look(uint32_t pid, uint64_t start_ns, void *ret)
{
	return mw_runtime_look(pid, start_ns, ret);
}

static int put(void *ctx, uint32_t tgid, const struct mw_runtime *rt)
{
	struct mw_bpf_source *b = ctx;
	int fd = bpf_map__fd(b->skel->maps.runtimes);

	return bpf_map_update_elem(fd, &tgid, rt, BPF_ANY) < 0 ? -errno : 0;
}

static void drop(void *ctx, uint32_t tgid)
{
	struct mw_bpf_source *b = ctx;

	/* mostly the kernel side was first */
	(void)bpf_map_delete_elem(bpf_map__fd(b->skel->maps.runtimes), &tgid);
}

static void tell(void *ctx, const struct mw_event_hdr *of, const struct mw_runtime_found *found)
{
	struct mw_bpf_source *b = ctx;

	/* without memory its tasks are not understood: the core says less of them */
	(void)mw_facts_runtime(&b->queue, of, found);
}

static bool has_probes(const struct mw_runtime_found *found)
{
	return found->rt.kind == MW_RT_NODE && found->reads;
}

static void begin(void *ctx, uint32_t tgid, uint64_t start_ns, const struct mw_runtime_found *found)
{
	struct mw_bpf_source *b = ctx;

	if (has_probes(found))
		mw_uv_begin(b->uv, tgid, start_ns, &found->rt.node);
}

static void end(void *ctx, uint32_t tgid, uint64_t start_ns, const struct mw_runtime_found *found)
{
	struct mw_bpf_source *b = ctx;

	if (has_probes(found))
		mw_uv_end(b->uv, tgid, start_ns);
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return mw_boot_ns();
}

static bool is_alive(void *ctx, uint32_t tgid, uint64_t start_ns)
{
	(void)ctx;
	return mw_facts_is_alive(tgid, start_ns);
}

const struct mw_runtimes_ops mw_source_bpf_runtimes = {
	.look = look,
	.put = put,
	.drop = drop,
	.tell = tell,
	.begin = begin,
	.end = end,
	.now = now,
	.is_alive = is_alive,
};

void mw_source_bpf_note(struct mw_bpf_source *b, const struct mw_event_hdr *h)
{
	const struct mw_ev_fork *fork = (const void *)h;

	/* who is only seen on its streams is not asked what it did */
	if (h->flags & MW_EVF_STREAM)
		return;
	if (h->type == MW_EV_EXEC)
		mw_runtimes_exec(b->runtimes, h, !(h->flags & MW_EVF_CANDIDATE));
	else if (h->type == MW_EV_FORK)
		mw_runtimes_fork(b->runtimes, fork,
				 mw_source_bpf_tag_of(&b->source, fork->child_tgid) &
				     MW_TAG_OBSERVED);
	else if (h->type == MW_EV_EXIT)
		mw_runtimes_exit(b->runtimes, h->tgid, h->start_ns);
}
