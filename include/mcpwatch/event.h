/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * event.h - the contract between the kernel programs and user space
 *
 * One event is one contiguous run of bytes: a header, a body that depends on the type, and the
 * variable data behind it, padded with zero bytes to a multiple of 8. The bytes the ring buffer
 * carries are the bytes a capture file holds and the bytes the core reads. Everything is in host
 * byte order and of fixed width; there are no pointers and no implicit padding. Bodies grow only at
 * their end: a reader goes by `len` and takes what it knows.
 *
 * This file is compiled by both sides: the kernel side includes vmlinux.h first.
 */
#ifndef MCPWATCH_EVENT_H
#define MCPWATCH_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* The version of all that stands below; in a capture file's header and in MW_EV_META. */
#define MW_EVENT_VERSION 2

/* The most user bytes one I/O event carries; a longer system call becomes several events. */
#define MW_IO_CHUNK 32768
/* The most bytes of a path, of an argv and of a raw argument string. The rest is cut, and said. */
#define MW_PATH_MAX 4096
#define MW_ARGV_MAX 8192
/* No event is longer (len, padding included). */
#define MW_EVENT_MAX 65536

enum mw_event_type {
	/* from the kernel */
	MW_EV_IO = 1,	/* bytes moved on a pipe or stream socket: struct mw_ev_io */
	MW_EV_FORK = 2, /* a watched process made a process (not a thread): struct mw_ev_fork */
	MW_EV_EXEC = 3, /* a watched process runs a new program: struct mw_ev_proc */
	MW_EV_EXIT = 4, /* a watched process (its last thread) ended: struct mw_ev_exit */
	MW_EV_ACT = 5,	/* a system call that acts on the host: struct mw_ev_act */
	MW_EV_SOCK = 6, /* a TCP connect that was in progress has its end: struct mw_ev_sock */
	MW_EV_CLOSE = 7, /* a TCP connection with channels ends: struct mw_ev_close */
	/* from the source, in user space: what the core would otherwise have to ask the world */
	MW_EV_META = 64, /* first event of every stream: struct mw_ev_meta */
	MW_EV_TICK = 65, /* time passed: header only */
	MW_EV_LOST = 66, /* events or runs the kernel could not deliver: struct mw_ev_lost */
	MW_EV_PROC = 67, /* a process as /proc shows it: struct mw_ev_proc */
	MW_EV_CLOCK = 68, /* realtime against boottime was stepped: struct mw_ev_clock */
	MW_EV_USER = 69, /* the name of a uid: struct mw_ev_user */
	MW_EV_SKIP = 70, /* stands for an event of a process out of scope: header only, so that
			  * the numbers of its cpu have no hole */
	MW_EV_END = 71,	 /* last event of a capture file: header only. Without it the file is cut */
	MW_EV_NAME = 72, /* how an agent's configuration calls a server: struct mw_ev_name */
};

/* Every event begins with this. `tgid` 0: not of a process. */
struct mw_event_hdr {
	__u32 len;	/* of the whole event, padding included; a multiple of 8 */
	__u16 type;	/* enum mw_event_type */
	__u16 flags;	/* MW_EVF_* */
	__u64 ts_ns;	/* CLOCK_BOOTTIME */
	__u64 start_ns; /* the process's start (its group leader's start_boottime, ns); with
			 * tgid a key that survives reuse of the pid */
	__u64 cgroup;	/* cgroup v2 id */
	__u64 seq;	/* per cpu, from 0, no holes: a hole is a lost event. 0 when cpu is none */
	__u32 tgid;
	__u32 tid;
	__u32 uid; /* effective uid at the event */
	__u32 cpu; /* MW_CPU_NONE for events made by the source */
};
#define MW_CPU_NONE 0xffffffffu

/*
 * hdr.flags. Events with CANDIDATE or STREAM tell who a process is and carry its bytes; what it did is
 * not to be recorded. An EXIT with CANDIDATE: it ended, or was let go of: nothing more comes of it.
 */
#define MW_EVF_CANDIDATE 0x0001 /* the process was only a candidate when it did this */
#define MW_EVF_COMPAT 0x0002	/* a 32-bit system call */
#define MW_EVF_STREAM 0x0004	/* the process is seen on its MCP streams alone, not in what it does */

/* Kinds of channel an mw_ev_io speaks of. */
enum mw_chan_kind {
	MW_CHAN_PIPE = 1, /* pipe or FIFO: one channel */
	MW_CHAN_UNIX = 2, /* unix stream socket: one channel each way, named by its writing socket */
	MW_CHAN_TCP4 = 3, /* TCP: each socket has its own two; joined by the 4-tuple */
	MW_CHAN_TCP6 = 4,
};

enum mw_dir { MW_DIR_READ = 0, MW_DIR_WRITE = 1 };

/* Why an mw_ev_io carries fewer bytes than moved. */
enum mw_miss {
	MW_MISS_NONE = 0,
	MW_MISS_FAULT = 1, /* the page was not there when we looked (after the page-wise retry) */
	MW_MISS_LIMIT = 2, /* more than the kernel side takes of one call or undecided channel */
	MW_MISS_CARRIER = 3, /* moved by a call whose bytes cannot be read here (splice, ...) */
	MW_MISS_URING = 4, /* moved by io_uring */
};

/* An address of a socket. family: AF_INET, AF_INET6, AF_UNIX or 0 for none. */
struct mw_addr {
	__u8 ip[16]; /* IPv4 in the first four bytes, network order */
	__u16 port;  /* host order */
	__u16 family;
	__u32 pad;
};

/*
 * MW_EV_IO. `captured` bytes follow the body. Bytes that moved and were not captured are always
 * the last ones of the event: captured < moved with a reason, never a silent hole.
 *
 * A channel is bytes in one direction. For pipes and unix sockets `chan`/`gen` name the same
 * channel at its writing and its reading end, and `off` counts each end's bytes from that end's
 * first touch. For TCP `chan` names the socket, so both ends are joined by local and peer address,
 * and the sequence number, which both count alike, tells how their offsets differ.
 */
struct mw_ev_io {
	struct mw_event_hdr hdr;
	__u64 chan; /* opaque, unique among the living; what mw_control names */
	__u64 gen;  /* boot ns of the first touch: with chan, unique */
	__u64 ino;  /* inode number of the pipe or of the socket that is written; 0 unknown */
	__u64 off;  /* offset in the channel, at this end, of the first byte this event stands for */
	__u64 netns; /* inode number of the network namespace, TCP only */
	struct mw_addr local, peer; /* TCP only */
	__u32 moved;	/* bytes this event stands for */
	__u32 captured; /* bytes of them that follow */
	__u32 call_len; /* what the system call moved in all (sendmmsg, recvmmsg: of all messages) */
	__u32 call_off; /* where in that call this event begins */
	__s32 fd; /* -1: io_uring, which has forgotten it */
	__u16 sysno; /* io_uring: that of io_uring_enter, whoever did it */
	__u8 dir;  /* enum mw_dir */
	__u8 kind; /* enum mw_chan_kind */
	__u8 miss; /* enum mw_miss */
	__u8 has_seq;
	__u8 pad[2];
	__u32 tcp_seq; /* if has_seq: TCP sequence number of the first byte, as the socket had it at
			* the end of the call: of several threads on it maybe another's */
	__u64 other; /* the channel of the bytes the other way on the same connection: of a unix
		      * socket another one, of TCP `chan` itself, of a pipe 0 */
};

/* MW_EV_FORK. The header is the parent's. */
struct mw_ev_fork {
	struct mw_event_hdr hdr;
	__u64 child_start_ns;
	__u32 child_tgid;
	__u32 pad;
};

/*
 * MW_EV_EXEC and MW_EV_PROC: what a process is. Behind the body: exe, argv (NUL after each
 * argument), cwd, cgroup path; each of its length, one after the other, without terminator.
 * EXEC (kernel) leaves cgroup empty; PROC (source) may leave out anything it could not read.
 * EXEC: chan_in and chan_out are the channels that fd 0 reads and fd 1 writes, as `chan` of
 * mw_ev_io; 0: no pipe or stream socket.
 */
struct mw_ev_proc {
	struct mw_event_hdr hdr;
	__u64 parent_start_ns;
	__u64 dev, ino; /* of the executable; 0 unknown. dev as in mw_ev_act */
	__u32 parent_tgid;
	__u32 gid;
	__u32 loginuid;	     /* 0xffffffff: not set */
	__u32 audit_session; /* 0xffffffff: not set */
	__u16 exe_len, argv_len, cwd_len, cgroup_len;
	__u8 exe_state, cwd_state; /* enum mw_path_state */
	__u8 argv_cut;		   /* argv is longer than what follows */
	__u8 pad[5];
	__u64 chan_in, chan_out;
};

/* MW_EV_EXIT */
struct mw_ev_exit {
	struct mw_event_hdr hdr;
	__s32 code; /* as in wait(2)'s status: (exit code << 8) | signal */
	__u32 pad;
};

enum mw_op {
	MW_OP_OPEN = 1, /* open, openat, openat2, creat */
	MW_OP_UNLINK = 2, /* unlink, unlinkat without AT_REMOVEDIR */
	MW_OP_RMDIR = 3, /* rmdir, unlinkat with AT_REMOVEDIR */
	MW_OP_RENAME = 4, /* rename, renameat, renameat2 */
	MW_OP_CONNECT = 5, /* connect */
	MW_OP_EXEC = 6, /* execve, execveat that failed (success is MW_EV_EXEC) */
};

/* What a path is worth that the kernel side walked. */
enum mw_path_state {
	MW_PATH_NONE = 0, /* there is none, or it could not be read */
	MW_PATH_FULL = 1, /* absolute, in the mount namespace of the process */
	MW_PATH_CUT = 2,  /* longer or deeper than we walk: its last part */
	MW_PATH_NAME = 3, /* not below a mount (pipe, memfd, socket, anon inode): only its d_name */
	MW_PATH_DELETED = 4, /* as FULL, but the name was unlinked already */
};

/*
 * MW_EV_ACT. Behind the body, one after the other, each of its length:
 *   path    of the object itself, from the kernel (OPEN that succeeded)
 *   base    what `asked` is relative to, from the kernel; empty if asked is absolute
 *   asked   the string argument as it stood in user memory at exit
 *   base2, asked2   the second name (RENAME: the new one)
 * CONNECT: no strings, except asked = sun_path of an AF_UNIX peer (from the socket if it is
 * connected, path_state FULL; else from the argument).
 */
struct mw_ev_act {
	struct mw_event_hdr hdr;
	__s64 ret;   /* what the system call returned: < 0 a negated errno */
	__u64 dev;   /* of the object, as stat's st_dev: (major << 32) | minor; 0 unknown */
	__u64 ino;   /* OPEN: inode of the file; CONNECT: of the socket */
	__u64 gen;   /* CONNECT: joins MW_EV_SOCK, with chan */
	__u64 chan;  /* CONNECT: the socket */
	struct mw_addr local, peer; /* CONNECT */
	__u32 flags; /* OPEN: O_*; UNLINK: AT_*; RENAME: RENAME_* */
	__u32 mode;  /* OPEN: st_mode of the file opened */
	__s32 fd;    /* CONNECT: the socket; OPEN: the new fd */
	__u16 op;    /* enum mw_op */
	__u16 sysno;
	__u16 path_len, base_len, asked_len, base2_len, asked2_len;
	__u8 path_state, base_state, base2_state; /* enum mw_path_state */
	__u8 peer_from; /* CONNECT: 1 the socket itself, 0 the argument */
	__u8 asked_cut; /* asked or asked2 longer than MW_PATH_MAX, or not readable */
	__u8 pad;
};

/* MW_EV_SOCK: a connect of a watched process has its result. The header's process is 0. */
struct mw_ev_sock {
	struct mw_event_hdr hdr;
	__u64 chan, gen, ino; /* the socket, as in MW_EV_ACT */
	struct mw_addr local, peer;
	__s32 err; /* 0 established, else the errno (positive) */
	__u32 pad;
};

/*
 * MW_EV_CLOSE: one side of a TCP connection has ended its sending (FIN, shutdown) or all of it
 * (RST). Only of connections that bytes were seen on and that were not let go; each of them once.
 * The header's process is that of LOCAL if it is watched, else 0. Bytes that came before may be
 * read later: the offsets of mw_ev_io say which are missing.
 */
enum mw_close {
	MW_CLOSE_LOCAL = 1, /* this socket sends no more */
	MW_CLOSE_PEER = 2,  /* the other one sends no more */
	MW_CLOSE_BOTH = 3,  /* closed, reset, timed out */
};

struct mw_ev_close {
	struct mw_event_hdr hdr;
	__u64 chan, gen, ino, netns; /* as in mw_ev_io of this socket */
	struct mw_addr local, peer;
	__u32 how; /* enum mw_close */
	__u32 pad;
};

/*
 * MW_EV_NAME: the header's process runs a server that an agent's configuration file names. Behind
 * the body: the name, the file's path, each of its length.
 */
struct mw_ev_name {
	struct mw_event_hdr hdr;
	__u16 name_len, file_len;
	__u32 pad;
};

/* MW_EV_META: host, kernel release, boot id, mcpwatch version follow, each of its length. */
struct mw_ev_meta {
	struct mw_event_hdr hdr;
	__u64 run_id;	   /* random, one per start of a source: makes ids unique */
	__s64 realtime_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	__u32 version;	   /* MW_EVENT_VERSION */
	__u16 host_len, kernel_len, boot_id_len, mcpwatch_len;
	__u32 pad;
};

enum mw_lost_reason {
	MW_LOST_RING = 1,	/* the ring buffer was full: also seen as holes in seq */
	MW_LOST_MISSED_RUN = 2, /* a program did not run (recursion_misses): no hole in seq */
	MW_LOST_TABLE = 3,	/* a kernel table was full: a channel or connect is not followed */
	MW_LOST_SEQ = 4,	/* at the end: `count` is the next seq of `cpu`; shows a hole there */
};

/* MW_EV_LOST: `count` more since the last one of this reason. */
struct mw_ev_lost {
	struct mw_event_hdr hdr;
	__u64 count;
	__u32 reason; /* enum mw_lost_reason */
	__u32 cpu;    /* MW_LOST_SEQ; else MW_CPU_NONE */
};

/* MW_EV_CLOCK */
struct mw_ev_clock {
	struct mw_event_hdr hdr;
	__s64 realtime_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME from now on */
};

/* MW_EV_USER: `name_len` bytes of the user's name follow. */
struct mw_ev_user {
	struct mw_event_hdr hdr;
	__u32 id;
	__u16 name_len;
	__u16 pad;
};

/*
 * A capture file is this header and then events, back to back. The first one is MW_EV_META, the
 * last one MW_EV_END, and nothing follows it.   offset 0  8 bytes  magic "MCPWCAP\n"   offset 8
 * 4 bytes  version (MW_EVENT_VERSION), host byte order   offset 12 4 bytes  0
 */
#define MW_CAPTURE_MAGIC "MCPWCAP\n"
struct mw_capture_hdr {
	char magic[8];
	__u32 version;
	__u32 zero;
};

_Static_assert(sizeof(struct mw_event_hdr) == 56, "event header");
_Static_assert(sizeof(struct mw_addr) == 24, "address");
_Static_assert(sizeof(struct mw_ev_io) == 56 + 40 + 48 + 40, "io body");
_Static_assert(sizeof(struct mw_ev_fork) == 72, "fork body");
_Static_assert(sizeof(struct mw_ev_proc) == 56 + 72, "proc body");
_Static_assert(sizeof(struct mw_ev_exit) == 64, "exit body");
_Static_assert(sizeof(struct mw_ev_act) == 56 + 40 + 48 + 32, "act body");
_Static_assert(sizeof(struct mw_ev_sock) == 56 + 24 + 48 + 8, "sock body");
_Static_assert(sizeof(struct mw_ev_close) == 56 + 32 + 48 + 8, "close body");
_Static_assert(sizeof(struct mw_ev_name) == 64, "name body");
_Static_assert(sizeof(struct mw_ev_meta) == 88, "meta body");
_Static_assert(sizeof(struct mw_ev_lost) == 72, "lost body");
_Static_assert(sizeof(struct mw_ev_clock) == 64, "clock body");
_Static_assert(sizeof(struct mw_ev_user) == 64, "user body");
_Static_assert(sizeof(struct mw_capture_hdr) == 16, "capture header");

#endif
