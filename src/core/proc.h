/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h - who is whose child, and what each process is
 *
 * Fed by FORK, EXEC, EXIT, PROC, USER and NAME events. A process that ended stays for the sake of
 * its children's ancestry until the table needs its place or its strings' memory; the oldest ended
 * go first, and if none has ended the oldest goes and is counted.
 *
 * What the kernel said (EXEC) is kept over what /proc says (PROC): a PROC event fills what is
 * missing and brings what may have changed since (cwd, cgroup). Parents are learned once and never
 * change: a chain of parents may be a cycle in a hostile capture, so whoever walks it bounds the
 * walk.
 */
#ifndef MW_CORE_PROC_H
#define MW_CORE_PROC_H

#include "base/alloc.h"
#include "core/types.h"

struct mw_proc {
	struct mw_prockey key, parent;
	uint64_t since_ns; /* first seen */
	uint64_t exec_ns;  /* last exec seen, 0 none */
	uint64_t cgroup_id;
	uint64_t dev, ino; /* of the executable */
	uint32_t uid, gid, loginuid, audit_session; /* gid: ~0 unknown; the last two: ~0 not set */
	struct mw_slice exe, argv, cwd, cgroup; /* of the table; argv NUL after each argument */
	bool argv_cut;
	bool known; /* EXEC or PROC was seen; else all but keys is inherited from the parent */
	bool exited;
	int32_t code;	 /* wait status, if exited */
	uint64_t exit_ns;
};

struct mw_procs;

/* Strings of all processes together take at most 2 KiB a process of max (shared ones once). */
int mw_procs_new(const struct mw_alloc *a, size_t max, struct mw_procs **ret);
void mw_procs_free(struct mw_procs *p);
/* One checked event of the types above; others are ignored, except that a process never seen before
 * (uid, cgroup, start of any header) is noted and its uid kept up. 0 or -ENOMEM: then what could
 * not be kept is empty, never stale. */
int mw_procs_push(struct mw_procs *p, const struct mw_event_hdr *ev);
/* Borrowed until the next push; NULL unknown. */
const struct mw_proc *mw_procs_get(const struct mw_procs *p, struct mw_prockey key);
/* The name of a uid, or an empty slice. Borrowed until the next push. */
struct mw_slice mw_procs_user(const struct mw_procs *p, uint32_t uid);
/* The home directory of a uid, likewise. */
struct mw_slice mw_procs_home(const struct mw_procs *p, uint32_t uid);
/* Longest name that is kept; of a longer one the beginning. */
#define MW_PROC_NAME_MAX 256
/* How an agent's configuration calls what this very process runs (MW_EV_NAME), or an empty slice.
 * Borrowed until the next push. */
struct mw_slice mw_procs_name(const struct mw_procs *p, struct mw_prockey key);
/* The process whose name goes for this one: itself, or its nearest ancestor that has one; none at
 * `stop` and above it, nor more than 64 above. {0, 0}: none has. */
struct mw_prockey mw_procs_named(const struct mw_procs *p, struct mw_prockey key,
				 struct mw_prockey stop);
/* All processes in the order of first sight; *pos starts at 0; NULL at the end. */
const struct mw_proc *mw_procs_next(const struct mw_procs *p, size_t *pos);
/* Argument i of an argv, or an empty slice with p NULL. */
struct mw_slice mw_argv_at(struct mw_slice argv, size_t i);
/* The container id in a cgroup path (docker-<64 hex>.scope, /docker/<id>, cri-containerd-<id>,
 * libpod-<id>, kubepods..., lxc.payload.<name>), the innermost, or empty. Part of cgroup. */
struct mw_slice mw_cgroup_container(struct mw_slice cgroup);
/* The innermost systemd unit (x.service, x.scope) in a cgroup path, or empty. Part of cgroup. */
struct mw_slice mw_cgroup_unit(struct mw_slice cgroup);
/* How many living processes were given up for lack of room. */
uint64_t mw_procs_evicted(const struct mw_procs *p);
/* How many are known. */
size_t mw_procs_count(const struct mw_procs *p);

#endif
