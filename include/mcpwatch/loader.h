/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * loader.h - what the kernel programs and their loader share beside the events: tags, counters, arguments
 *
 * The kernel side includes vmlinux.h first.
 */
#ifndef MCPWATCH_LOADER_H
#define MCPWATCH_LOADER_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define MW_N_TAGS 4194304 /* PID_MAX_LIMIT of a 64-bit kernel */
#define MW_TAG_CANDIDATE 1
#define MW_TAG_OBSERVED 2

/* The counters of one cpu. */
struct mw_cpu {
	__u64 seq;	   /* next sequence number */
	__u64 emitting;	   /* process context is between taking a number and the output */
	__u64 lost_ring;   /* outputs that failed */
	__u64 lost_table;  /* entries that found no room */
	__u64 faults;	   /* user bytes that could not be read */
};

enum mw_verdict { MW_VERDICT_NONE = 0, MW_VERDICT_KEEP = 1, MW_VERDICT_DROP = 2 };

/* Argument of the program mw_chan_decide. */
struct mw_decide {
	__u64 chan, gen; /* as in the events */
	__u32 verdict;	 /* enum mw_verdict */
	__u32 pad;
};

/* Argument of the program mw_init: what the kernel says of the caller. */
struct mw_init_arg {
	__u32 tgid; /* in the initial pid namespace */
	__u32 pad;
};

/* What the iterator mw_task_iter writes for a thread group leader. */
struct mw_task_info {
	__u64 start_ns, parent_start_ns;
	__u64 dev, ino; /* of the executable */
	__u64 cgroup;
	__u32 tgid, parent_tgid;
	__u32 uid, gid;
	__u32 loginuid, audit_session;
};

#endif
