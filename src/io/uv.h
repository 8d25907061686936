/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv.h - the probes in processes that run on libuv (node)
 *
 * bpf/uv.h says what they tell. To put them there and to take them away costs milliseconds, under
 * old kernels seconds, so it is done by a thread of its own, in the order it is asked. That a
 * process is not probed yet, or that there was no room, costs its tasks and nothing else: what is
 * told is true.
 *
 * Callbacks are learned: the kernel side says once for each process which functions it was asked to
 * call back, and those that have no probe get one. They are remembered with the program they are
 * in, for other processes of it.
 */
#ifndef MW_IO_UV_H
#define MW_IO_UV_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/loader.h>

#define MW_UV_PROCS_MAX	   1024
#define MW_UV_PROGRAMS_MAX 32  /* remembered */
#define MW_UV_LEARNED_MAX  128 /* callbacks of one process, in one program */
#define MW_UV_QUEUE_MAX	   4096

struct mw_uv_progs {
	struct bpf_program *call, *begin, *end;
};

struct mw_uv_stats {
	uint64_t begun, learned;       /* processes, callbacks */
	uint64_t failed, refused;      /* could not be put there; no room */
	uint64_t attach_ns, detach_ns; /* the longest one */
};

struct mw_uv;

/* The programs are borrowed, loaded after mw_uprobes_prepare. Begins no thread yet. 0, -ENOMEM. */
int mw_uv_new(const struct mw_uv_progs *progs, struct mw_uv **ret);
/*
 * Takes NULL. Waits for what is being done just now, for some seconds at most: a thread that is
 * stuck is left to itself, with what it uses. To take the probes away is slow: another process does
 * it after this returns.
 */
void mw_uv_free(struct mw_uv *u);

/*
 * A process with libuv is observed, whose program is `node`; it is no more, or has ended. Another
 * program is not opened: it may lie where that blocks.
 */
void mw_uv_begin(struct mw_uv *u, uint32_t pid, uint64_t start_ns, const struct mw_rt_node *node);
void mw_uv_end(struct mw_uv *u, uint32_t pid, uint64_t start_ns);
/* What the kernel side sent. */
void mw_uv_learn(struct mw_uv *u, const struct mw_uv_learn *l);

/* Waits until all that was asked is done. */
void mw_uv_settle(struct mw_uv *u);
void mw_uv_stats(struct mw_uv *u, struct mw_uv_stats *ret);

#endif
