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
	__u64 task_faults; /* acts whose runtime's memory could not */
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

/*
 * How a process's runtime is read at the end of a system call: an entry of the map `runtimes`, by
 * tgid. User space finds the numbers (src/io/runtime.h); the kernel side only follows them.
 * Offsets are in bytes; what is read is the process's own memory, so every value may be a lie.
 */
struct mw_rt_go {
	__u32 goid, parent; /* in runtime.g; 0 not known */
	/* While C runs: g stands at `tls` of the thread's memory, g.m at m, m.curg and m.incgo
	 * there. */
	__s32 tls; /* 0 not known */
	__u32 m, curg, incgo;
};

/*
 * A context variable that the MCP SDKs keep a request in, and what its value is like. `var` is its
 * address, 0 not met yet; `type` that of the value's class, whose attributes stand in the places
 * `at`.
 */
enum mw_py_attr { MW_PY_REQUEST_ID = 0, MW_PY_SESSION, MW_PY_HTTP, MW_N_PY_ATTRS };

struct mw_py_var {
	__u64 var, hash;
	__u64 type;
	__u16 at[MW_N_PY_ATTRS];
	__u16 dict;   /* 3.10: where in an instance its dict is */
	__u8 inlined; /* 3.13: the class keeps attributes in the instance */
	__u8 pad[7];
};

/* The SDKs' variables: "request_ctx", "fastmcp_request_ctx" and "request_clock" of mcp 2.x (no
 * request) */
enum mw_py_which { MW_PY_MCP1 = 0, MW_PY_FASTMCP4, MW_PY_CLOCK, MW_N_PY_VARS };

#define MW_N_PY_SEEN 8 /* a power of 2 */

struct mw_rt_python {
	/* addresses of PyContext_Type and so on */
	__u64 context_type, var_type, int_type, str_type, none;
	__u64 bitmap_type, array_type; /* of the nodes of a mapping of variables */
	__u32 minor;		  /* 11 for 3.11 */
	__u32 tls;		  /* from a thread's fsbase to its PyThreadState's address */
	__u16 thread_id, context; /* in PyThreadState; context - thread_id is at most 80 */
	__u16 cached_keys;	  /* in PyHeapTypeObject */
	__u16 str_data;		  /* from a string object to its characters */
	/* what the kernel side learns on the way; 0 at first */
	struct mw_py_var var[MW_N_PY_VARS];
	__u64 session;		  /* the one that is not of HTTP, of mcp 1.x */
	__u64 many;		  /* there is more than one */
	__u64 seen[MW_N_PY_SEEN]; /* mappings that were looked through: what they have is known */
};

struct mw_rt_node {
	/* its program, as stat says; the kernel side knows all it must by its probes, below */
	__u64 dev, ino;
};

/*
 * What a probe on one of libuv's functions is told (its BPF cookie). Arguments are numbered from
 * 0; 6 is the first one on the stack.
 *
 * mw_uv_call, at the entry of a function that submits or registers:
 *   bits 0-3    which argument is the request or handle that is to be called back on
 *   bits 4-7    which one is a handle that is written to by it
 *   bits 8-11   which one is the callback; MW_UV_OPTIONS: argument 2 points to it
 *   bits 12-15  which one is a function to be run by a worker thread with the request
 *   bits 16-19  enum mw_task_kind of what is born
 *   bits 20-23  enum mw_uv_begin of the callback
 *   bits 24-27  enum mw_uv_call
 *   bits 32-63  where struct uv__work stands in the request; 0 no worker, or no need to look
 *
 * mw_uv_begin, at the entry of a callback or of a worker's function:
 *   bits 0-3    enum mw_uv_begin
 *   bits 32-63  its first argument is so many bytes behind the start of the request
 */
#define MW_UV_NONE    15u
#define MW_UV_OPTIONS 14u

enum mw_uv_call {
	MW_UV_SUBMIT = 0,   /* a request: called back once */
	MW_UV_REGISTER = 1, /* a handle: called back again, for who registered or wrote last */
	MW_UV_CLOSING = 2,  /* a handle: called back once, for who closed it */
	MW_UV_OUTSIDE = 3,  /* a handle that others speak first on: it reads for nobody here */
};

enum mw_uv_begin {
	MW_UV_DONE = 0, /* of a request, on the loop's thread */
	MW_UV_WORK = 1, /* of a request, in a worker thread */
	MW_UV_READ = 2, /* of a handle: (handle, length, buffer) */
	MW_UV_EXIT = 3,
	MW_UV_CLOSED = 4,
	MW_UV_ACCEPT = 5, /* of a handle that listens */
};

/*
 * A callback was registered that has no probe yet. In the ring as an event, never numbered, and
 * taken out of it by the source: no part of event.h. Its type is above all others.
 */
#define MW_EV_UV 0xfff0
struct mw_uv_learn {
	struct mw_event_hdr hdr;
	__u64 addr;   /* in the process's memory */
	__u64 cookie; /* for mw_uv_begin */
};

struct mw_runtime {
	__u64 start_ns; /* the process's: of another one the entry does not hold */
	__u32 kind;	/* enum mw_runtime_kind */
	__u32 pad;
	union {
		struct mw_rt_go go;
		struct mw_rt_python python;
		struct mw_rt_node node;
	};
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
