/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_facts.h - the events a kernel source makes itself, and the queue they wait in
 *
 * These functions ask the world (clock, /proc, user data base) and write the answer as an event of
 * event.h. They know nothing of BPF: what only the kernel can say comes in as an argument.
 */
#ifndef MW_IO_BPF_FACTS_H
#define MW_IO_BPF_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/event.h>

/* Events, back to back. */
struct mw_evq {
	uint8_t *buf;
	size_t head, tail, cap;
};

void mw_evq_done(struct mw_evq *q);
/* A zeroed event of `body` bytes with room for `n_data` behind; hdr is filled. NULL: no memory. */
void *mw_evq_add(struct mw_evq *q, uint16_t type, size_t body, size_t n_data);
/* The oldest event, or NULL; pop lets go of it, its bytes stay until the next add. */
const struct mw_event_hdr *mw_evq_peek(const struct mw_evq *q);
void mw_evq_pop(struct mw_evq *q);

/* A set of numbers with a limit; when it is full it starts anew. 0 is not a member. */
struct mw_u64set {
	uint64_t *slot;
	size_t n, cap;
};

int mw_u64set_init(struct mw_u64set *s, size_t cap); /* cap: a power of two */
void mw_u64set_done(struct mw_u64set *s);
/* True if it was not there. */
bool mw_u64set_add(struct mw_u64set *s, uint64_t v);

uint64_t mw_boot_ns(void);
/* Whether the pid is still the process that began then: as exact as /proc, to a clock tick. */
bool mw_facts_is_alive(uint32_t tgid, uint64_t start_ns);
/* CLOCK_REALTIME minus CLOCK_BOOTTIME, ns. */
int64_t mw_realtime_offset(void);

/* 0, or -ENOMEM or the errno of what failed; nothing is queued then. sources: what the events will
 * come from, short texts. */
int mw_facts_meta(struct mw_evq *q, int64_t realtime_ns, const char *const *sources,
		  size_t n_sources);
/*
 * realtime_ns: what mw_realtime_offset says now; *known_ns: what the last META or CLOCK event said.
 * Further apart than this, either way: the clock was stepped (or slewed that far), which becomes an
 * event and *known_ns.
 */
#define MW_CLOCK_STEP_NS 50000000ll
int mw_facts_clock(struct mw_evq *q, int64_t realtime_ns, int64_t *known_ns);
int mw_facts_user(struct mw_evq *q, uint32_t uid);
int mw_facts_lost(struct mw_evq *q, uint32_t reason, uint32_t cpu, uint64_t count);

/* The name that the configuration in `file` gives to a process. -E2BIG: one of them is too long. */
int mw_facts_name(struct mw_evq *q, uint32_t tgid, uint64_t start_ns, const char *name,
		  const char *file);

/* A process's runtime. Of `of`: tgid, start_ns, flags, and from when on it holds (ts_ns). */
struct mw_runtime_found;
int mw_facts_runtime(struct mw_evq *q, const struct mw_event_hdr *of,
		     const struct mw_runtime_found *found);

/*
 * A process: the head and the numbers are taken from `from` (its strings are not looked at), exe,
 * argv, cwd and cgroup from /proc. -ESRCH: the pid is gone, or another process has it now.
 */
int mw_facts_proc(struct mw_evq *q, const struct mw_ev_proc *from);

/* A process's environment, as MW_EV_ENV has it. 0; -ESRCH: the pid is gone, or another process has
 * it; another errno: it cannot be read. May block for as long as that process likes (looker.h). */
struct mw_environ {
	uint32_t n;
	bool cut;
	char p[MW_ENV_MAX];
};
int mw_facts_environ(uint32_t tgid, uint64_t start_ns, struct mw_environ *ret);
int mw_facts_env(struct mw_evq *q, uint32_t tgid, uint64_t start_ns, const struct mw_environ *env);

/*
 * What is mounted where a process is, if that is another mount namespace than ours, unless the same
 * was told before (told). 0, -ENOMEM, or the errno of what could not be read.
 */
int mw_facts_mounts(struct mw_evq *q, uint32_t tgid, struct mw_u64set *told);

#endif
