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

#include <mcpwatch/event.h>

#define MW_N_TAGS 4194304 /* PID_MAX_LIMIT of a 64-bit kernel */
/*
 * What is watched of a process; bits of its byte.
 *   CANDIDATE  all of it, marked MW_EVF_CANDIDATE, and at most candidate_max bytes of a channel that
 *              nobody has decided on
 *   OBSERVED   all of it
 *   LISTENER   bytes on TCP sockets whose local port is listened on (listen_ports), as CANDIDATE;
 *              nothing else
 *   STREAM     bytes on channels that have an entry already and were not let go, and on TCP sockets
 *              whose peer's port is one of mcp_ports, marked MW_EVF_STREAM; and its end,
 *              likewise; nothing else
 * A child inherits all but STREAM. exec clears LISTENER where none of the first fds is a listening
 * socket.
 */
#define MW_TAG_CANDIDATE 1
#define MW_TAG_OBSERVED 2
#define MW_TAG_LISTENER 4
#define MW_TAG_STREAM 8

/* The counters of one cpu. */
struct mw_cpu {
	__u64 seq;	   /* next sequence number */
	__u64 emitting;	   /* process context is between taking a number and the output */
	__u64 lost_ring;   /* outputs that failed */
	__u64 lost_table;  /* entries that found no room */
	__u64 unchecked;   /* bytes sent since this cpu looked how full the ring is */
	__u64 faults;	   /* user bytes that could not be read */
};

enum mw_verdict { MW_VERDICT_NONE = 0, MW_VERDICT_KEEP = 1, MW_VERDICT_DROP = 2 };

/* Argument of the program mw_chan_decide. */
struct mw_decide {
	__u64 chan, gen; /* as in the events; gen 0: whatever it is now */
	__u32 verdict;	 /* enum mw_verdict */
	__u32 pad;
};

/* Argument of the program mw_init: what the kernel says of the caller. */
struct mw_init_arg {
	__u32 tgid; /* in the initial pid namespace */
	__u32 pad;
};

/* Argument of the program mw_chan_watch: makes the channel's entry, if there is none. */
struct mw_watch {
	__u64 chan, ino;
};

/* What the iterator mw_file_iter writes: an open file that is a pipe's or stream socket's end. */
enum mw_fd_is {
	MW_FD_PIPE = 1,	  /* chan */
	MW_FD_UNIX = 2,	  /* chan: what it writes, other: what it reads (0: not connected) */
	MW_FD_TCP = 3,	  /* chan; local, peer */
	MW_FD_LISTEN = 4, /* TCP, listening; local */
};

struct mw_fd_info {
	__u64 chan, other, ino, netns;
	struct mw_addr local, peer;
	__u32 tgid;
	__s32 fd;
	__u8 is; /* enum mw_fd_is */
	__u8 readable, writable;
	__u8 pad[5];
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
