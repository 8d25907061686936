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
#define MW_EVENT_VERSION 5

/* The most user bytes one I/O event carries; a longer system call becomes several events. */
#define MW_IO_CHUNK 32768
/* The most bytes of a path, of an argv and of a raw argument string. The rest is cut, and said. */
#define MW_PATH_MAX 4096
#define MW_ARGV_MAX 8192
/* No event is longer (len, padding included). */
#define MW_EVENT_MAX 65536

enum mw_event_type {
	/* from the kernel */
	MW_EV_IO = 1,	 /* bytes moved on a pipe or stream socket: struct mw_ev_io */
	MW_EV_FORK = 2,	 /* a watched process made a process (not a thread): struct mw_ev_fork */
	MW_EV_EXEC = 3,	 /* a watched process runs a new program: struct mw_ev_proc */
	MW_EV_EXIT = 4,	 /* a watched process (its last thread) ended: struct mw_ev_exit */
	MW_EV_ACT = 5,	 /* a system call that acts on the host: struct mw_ev_act */
	MW_EV_SOCK = 6,	 /* a TCP connect that was in progress has its end: struct mw_ev_sock */
	MW_EV_CLOSE = 7, /* a TCP connection with channels ends: struct mw_ev_close */
	MW_EV_TASK = 8,	 /* a runtime's task left another one behind: struct mw_ev_task */
	MW_EV_DGRAM = 9, /* a datagram to or from port 53: struct mw_ev_dgram */
	/* from the source, in user space: what the core would otherwise have to ask the world */
	MW_EV_META = 64,  /* first event of every stream: struct mw_ev_meta */
	MW_EV_TICK = 65,  /* time passed: header only */
	MW_EV_LOST = 66,  /* events or runs the kernel could not deliver: struct mw_ev_lost */
	MW_EV_PROC = 67,  /* a process as /proc shows it: struct mw_ev_proc */
	MW_EV_CLOCK = 68, /* realtime against boottime was stepped: struct mw_ev_clock */
	MW_EV_USER = 69,  /* the name and home of a uid: struct mw_ev_user */
	MW_EV_SKIP = 70,  /* stands for an event of a process out of scope: header only, so that
			   * the numbers of its cpu have no hole */
	MW_EV_END = 71,	 /* last event of a capture file: header only. Without it the file is cut */
	MW_EV_NAME = 72, /* how an agent's configuration calls a server: struct mw_ev_name */
	MW_EV_RUNTIME = 73, /* which runtime a process has: struct mw_ev_runtime */
	MW_EV_MOUNTS = 74,  /* what is mounted in a mount namespace: struct mw_ev_mounts */
	MW_EV_ENV = 75,	    /* the environment of a server's process: struct mw_ev_env */
	MW_EV_STATE = 78,   /* what an earlier run learned, right behind META: struct mw_ev_state */
	/* from the log (sink.h), never in a capture file */
	MW_EV_SEAL = 76,  /* the log is to be sealed here: struct mw_ev_seal */
	MW_EV_STORE = 77, /* the log takes no records, or takes them again: struct mw_ev_store */
	MW_EV_OUTLET = 79, /* alerts did not reach an outlet: struct mw_ev_outlet */
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
	/*
	 * On whose behalf the thread did it, in the runtime's own terms; from the process's own
	 * memory and registers, so on its word alone. 0 not known. By its runtime (MW_EV_RUNTIME):
	 *
	 * GO: goid of the goroutine, never used twice; task_of: of the one that started it. Where
	 * the place of goid is not known: address of its g, which is used again; task_of 0.
	 *
	 * PYTHON: address of the object that the request's context variable has; task_of: the
	 * request's id, see MW_EVF_ID_INT and MW_EVF_ID_STR. MW_EVF_NO_REQUEST: there is a context,
	 * and this variable is not in it.
	 *
	 * NODE: number of the libuv request or callback, never used twice on this host while we
	 * run; what it came of: MW_EV_TASK. A read and the callback that is told of it have the
	 * same one; the read comes first, then the number's MW_EV_TASK.
	 */
	__u64 task, task_of;
};
#define MW_CPU_NONE 0xffffffffu

/*
 * hdr.flags. Events with CANDIDATE or STREAM tell who a process is and carry its bytes; what it did is
 * not to be recorded. An EXIT with CANDIDATE: it ended, or was let go of: nothing more comes of it.
 */
#define MW_EVF_CANDIDATE 0x0001 /* the process was only a candidate when it did this */
#define MW_EVF_COMPAT 0x0002	/* a 32-bit system call */
#define MW_EVF_STREAM 0x0004	/* the process is seen on its MCP streams alone, not in what it does */
#define MW_EVF_ID_INT	  0x0008    /* task_of is an integer id of JSON-RPC */
#define MW_EVF_ID_STR	  0x0010    /* task_of is mw_id_hash of a string id's bytes */
#define MW_EVF_NO_REQUEST 0x0020    /* the task is known to be of no request */

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

/* An address of a socket. family: AF_INET, AF_INET6, AF_UNIX, AF_VSOCK or 0 for none. */
struct mw_addr {
	__u8 ip[16]; /* IPv4 in the first four bytes, network order; vsock: cid, port, of 32 bits */
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

/* FNV-1a, 64 bits, of a string id of at most MW_ID_MAX bytes: offset basis and prime. */
#define MW_ID_MAX	64
#define MW_ID_HASH_INIT 0xcbf29ce484222325ull
#define MW_ID_HASH_MUL	0x100000001b3ull

/*
 * What an action is. `num` holds what the call was told or gave beside names; n0 is num[0].
 */
enum mw_op {
	MW_OP_OPEN = 1,	   /* open, openat, openat2, creat */
	MW_OP_UNLINK = 2,  /* unlink, unlinkat without AT_REMOVEDIR */
	MW_OP_RMDIR = 3,   /* rmdir, unlinkat with AT_REMOVEDIR */
	MW_OP_RENAME = 4,  /* rename, renameat, renameat2 */
	MW_OP_CONNECT = 5, /* connect */
	MW_OP_EXEC = 6,	   /* execve, execveat that failed (success is MW_EV_EXEC) */
	/* files */
	MW_OP_TRUNCATE = 7, /* truncate, ftruncate: n0 the length. fallocate: n0 the length, n1 the
			     * offset, flags its mode, n2 1 */
	MW_OP_MKDIR = 8,    /* mode */
	MW_OP_MKNOD = 9,    /* mode, n0 the device as dev below */
	MW_OP_LINK = 10,    /* asked: the file, asked2: the new name */
	MW_OP_SYMLINK = 11, /* asked: what it points to, as given; asked2: the link itself */
	MW_OP_CHMOD = 12,   /* mode: the new one */
	MW_OP_CHOWN = 13,   /* n0 uid, n1 gid; 0xffffffff unchanged */
	MW_OP_UTIMES = 14,
	MW_OP_XATTR = 15, /* asked2: its name; flags: 0 set, 1 removed */
	MW_OP_MOUNT = 16, /* asked: the target; asked2: source, as given; n0 MS_*. move_mount: n1 1,
			   * flags MOVE_MOUNT_*, asked2 relative to base2 */
	MW_OP_UMOUNT = 17, /* flags MNT_*, UMOUNT_NOFOLLOW */
	MW_OP_CLOSE = 18,  /* an fd of a file that bytes were moved on: so many by this process on
			    * this  fd (bytes_r, bytes_w), not told before. flags: enum mw_closed.
			    * Only file,  fd and bytes say which */
	MW_OP_FILE = 19,   /* no action: an open file whose open was not seen is used first: path,
			    * dev,   ino, mode, and in flags how it is open (O_*) */
	/* processes */
	/*
	 * n2 and n3 are the target process in the initial pid namespace, its tgid and start; 0: not
	 * found (there is none, or no more when the call ended)
	 */
	/* n0 pid as given, n1 signal; n0 <= 0: n2 the group, n3 its leader's start. By pidfd: fd,
	 * n0
	 * 0 */
	MW_OP_KILL = 20,
	MW_OP_PTRACE = 21, /* n0 request, n1 pid as given; TRACEME: n2, n3 the parent */
	MW_OP_VM = 22,	   /* process_vm_readv (flags 0), writev (1): n1 pid as given; ret bytes */
	/*
	 * By sysno. setuid family: n0, n1, n2 its arguments. setgroups: n0 how many, n1 to n3 the
	 * first. capset: n0 effective, n1 permitted, n2 inheritable, n3 pid.
	 * prctl(PR_SET_NO_NEW_PRIVS): flags 1
	 */
	MW_OP_SETID = 23,
	/*
	 * unshare: n0 its CLONE_NEW*; clone, clone3: likewise, ret the child. setns: fd, n0 type as
	 * given, n1 inode number of the namespace, n2 its CLONE_NEW*, or n3 tgid of the pidfd's
	 * process
	 */
	MW_OP_NS = 24,
	MW_OP_MEMFD = 25,	/* asked: its name; fd, path; flags */
	MW_OP_PIDFD_GETFD = 26, /* n0 the tgid it takes from, n3 its start, n1 the fd there; fd,
				 * path: the new one */
	/*
	 * network: chan, gen, ino, local, peer as of CONNECT; n2 and n3, also of CONNECT, type
	 * (SOCK_*) and protocol of the socket; of an AF_UNIX socket asked is its name
	 */
	MW_OP_BIND = 27,   /* peer: the address asked for; local: the one it has, if it succeeded */
	MW_OP_LISTEN = 28, /* n0 backlog */
	MW_OP_ACCEPT = 29, /* of the new socket; if it failed, of the listening one */
	MW_OP_SEND = 30,   /* the first datagram to this peer from this socket, or the first with
			    * another result; ret bytes */
	/* kernel */
	MW_OP_BPF = 31,		/* n0 the command */
	MW_OP_URING_SETUP = 32, /* n0 entries; flags; fd */
	/*
	 * Operations were submitted: n0 opcode, n1 how many (those without a name are counted, of a
	 * process and opcode, for some ms); asked, asked2: the names it has; CONNECT: peer
	 */
	MW_OP_URING = 33,
	MW_OP_MODULE =
	    34, /* init_module, finit_module (fd; path), delete_module (asked; flags 1) */
};

/* What closed an fd. */
enum mw_closed {
	MW_CLOSED = 0,	    /* a call: close, close_range, dup2; or it was noticed later */
	MW_CLOSED_EXIT = 1, /* the process's end */
	MW_CLOSED_EXEC = 2, /* the process runs another program */
};

/* What a path is worth that the kernel side walked. */
enum mw_path_state {
	MW_PATH_NONE = 0, /* there is none, or it could not be read */
	MW_PATH_FULL = 1, /* absolute, in the mount namespace of the process */
	MW_PATH_CUT = 2,  /* longer or deeper than we walk: its last part */
	MW_PATH_NAME = 3, /* not below a mount (pipe, memfd, socket, anon inode): only its d_name */
	MW_PATH_DELETED = 4, /* as FULL, but the name was unlinked already */
};

/* What asked and asked2 are worth; bits. */
enum mw_asked {
	MW_ASKED_CUT = 1, /* one is longer than MW_PATH_MAX, or not readable */
	MW_ASKED_CHANGED = 2, /* one was read again while the call ended, and differed */
};

/*
 * MW_EV_ACT. Behind the body, one after the other, each of its length:
 *   path    of the object itself, from the kernel: OPEN that succeeded, calls on an fd, FILE; of
 *           UNLINK, RMDIR and RENAME the dentry, where the kernel allows to look (path_from)
 *   base    what `asked` is relative to, from the kernel; empty if asked is absolute
 *   asked   the string argument as it stood in user memory at exit
 *   base2, asked2   the second name (RENAME: the new one). RENAME with path_from: base2 is that
 *           name's own path, from the kernel, and not what asked2 is relative to
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
	__u32 flags;		    /* OPEN: O_*; UNLINK, LINK: AT_*; RENAME: RENAME_* */
	__u32 mode;  /* OPEN, FILE: st_mode of the file; UNLINK, RMDIR, RENAME, and calls on an fd
		      * that set none: likewise, where path_from */
	__s32 fd;    /* CONNECT: the socket; OPEN: the new fd; calls on an fd: that */
	__u16 op;    /* enum mw_op */
	__u16 sysno;
	__u16 path_len, base_len, asked_len, base2_len, asked2_len;
	__u8 path_state, base_state, base2_state; /* enum mw_path_state */
	__u8 peer_from; /* CONNECT: 1 the socket itself, 0 the argument */
	__u8 asked_cut; /* enum mw_asked */
	__u8 path_from; /* of path, dev and ino: 1 the open file or the dentry that was acted on */
	__u64 num[4];
	__u64 bytes_r, bytes_w; /* CLOSE */
	__u64 file; /* which open file: equal for all that dup, fork and passing on share; 0 none */
	__u64 mntns; /* inode number of the mount namespace of the process */
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
 * (RST). Only of connections that bytes were seen on and that were not let go, each of them once;
 * and of those a watched process made or accepted, when it is done with them (`ended`, once: closed
 * in both ways, or the process ends and has it still). The header's process is that of LOCAL if it
 * is watched, and of EXIT; else 0. Bytes that came before may be read later: the offsets of
 * mw_ev_io say which are missing.
 */
enum mw_close {
	MW_CLOSE_LOCAL = 1, /* this socket sends no more */
	MW_CLOSE_PEER = 2,  /* the other one sends no more */
	MW_CLOSE_BOTH = 3,  /* closed, reset, timed out */
	MW_CLOSE_EXIT = 4,  /* nothing of it: the process that made or accepted it ends */
};

struct mw_ev_close {
	struct mw_event_hdr hdr;
	__u64 chan, gen, ino, netns; /* as in mw_ev_io of this socket */
	struct mw_addr local, peer;
	__u32 how;   /* enum mw_close */
	__u32 ended; /* of a connection that a watched process made or accepted: this is its end */
	__u64 sent, received; /* bytes of the whole connection: given to TCP, and taken by it */
};

/*
 * MW_EV_TASK: hdr.task (0: none that is known) submitted work, or what is called back, under the
 * number `child`: what is done under that number comes of it. NODE only.
 */
struct mw_ev_task {
	struct mw_event_hdr hdr;
	__u64 child;
	__u32 kind; /* of the libuv function, for `why`: enum mw_task_kind */
	__u32 pad;
};
enum mw_task_kind {
	MW_TASK_OTHER = 0,
	MW_TASK_FS = 1,	   /* uv_fs_* */
	MW_TASK_WORK = 2,  /* uv_queue_work, uv_getaddrinfo, ... */
	MW_TASK_READ = 3,  /* a stream had something to read */
	MW_TASK_WRITE = 4, /* a write was done, a connection made */
	MW_TASK_EXIT = 5,  /* a child process ended */
	MW_TASK_CLOSE = 6, /* a handle is closed */
};

/* MW_EV_DGRAM: `captured` bytes of a datagram follow. */
struct mw_ev_dgram {
	struct mw_event_hdr hdr;
	__u64 chan, netns;
	struct mw_addr local, peer;
	__u32 len;	/* of the datagram */
	__u32 captured; /* at most 2048 */
	__u8 dir;	/* enum mw_dir */
	__u8 pad[7];
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

enum mw_runtime_kind { MW_RT_NONE = 0, MW_RT_GO = 1, MW_RT_PYTHON = 2, MW_RT_NODE = 3 };

/*
 * MW_EV_RUNTIME: from now on hdr.task of the header's process means what this says. Behind the
 * body: version ("go1.26.8"), note (why its tasks cannot be read, or less than all; one line), each
 * of its length. Later ones replace it; an exec ends it. What is older (ts_ns) has no task, or one
 * as the program before had them.
 */
struct mw_ev_runtime {
	struct mw_event_hdr hdr;
	__u32 kind; /* enum mw_runtime_kind */
	__u8 reads; /* its tasks are read */
	__u8 exact; /* GO: task is the goid, not the address of g */
	__u8 pad[2];
	__u16 version_len, note_len;
	__u32 pad2;
};

/*
 * MW_EV_MOUNTS: the text of /proc/PID/mountinfo of a process in mount namespace `mntns`, and before
 * it that of the host's (the daemon's own); each of its length, cut at a line's end.
 */
struct mw_ev_mounts {
	struct mw_event_hdr hdr;
	__u64 mntns;
	__u16 host_len, ns_len;
	__u32 pad;
};

/*
 * MW_EV_ENV: the environment of a process as /proc/PID/environ had it: NUL after each variable, at
 * most MW_ENV_MAX bytes. On the process's own word: it may have written over it. Asked for by
 * MW_CONTROL_ENV; none comes of a process that is gone, and of one that could not be read nothing
 * but `cut`.
 */
#define MW_ENV_MAX 32768
struct mw_ev_env {
	struct mw_event_hdr hdr;
	__u32 env_len;
	__u8 cut; /* there is more than what follows */
	__u8 pad[3];
};

enum mw_seal_reason {
	MW_SEAL_TIME = 1,   /* a record waited long enough */
	MW_SEAL_COUNT = 2,  /* many records wait */
	MW_SEAL_URGENT = 3, /* one of them must not wait (mw_record.urgent) */
	MW_SEAL_IDLE = 4,   /* nothing waits: a sign of life */
	MW_SEAL_START = 5,  /* what an earlier run left, and what this one says of it */
	MW_SEAL_STOP = 6,
	MW_SEAL_STORE = 7, /* the disk is full: the last one for now */
};

/*
 * MW_EV_SEAL: a `seal` record is wanted now, as the last leaf of the tree that `epoch` signs. Behind
 * the body: the next epoch's verifier key (note.h), of vkey_len bytes.
 */
struct mw_ev_seal {
	struct mw_event_hdr hdr;
	__u64 epoch;
	__u16 reason; /* enum mw_seal_reason */
	__u16 vkey_len;
	__u32 pad;
};

enum mw_store_state {
	MW_STORE_STOPPED = 1, /* record `seq` and all behind it were not taken: from now on records
			       * are counted and have no number */
	MW_STORE_RESUMED =
	    2, /* they are taken again, `seq` being the next: what is missing is said */
	MW_STORE_PRUNE = 3, /* records `first` to `seq` are too old: deleted once it is said */
};

/* MW_EV_STORE */
struct mw_ev_store {
	struct mw_event_hdr hdr;
	__u64 seq;
	__u32 state; /* enum mw_store_state */
	__s32 error; /* STOPPED: a negated errno */
	__u64 first; /* PRUNE */
};

enum mw_state_kind {
	MW_STATE_LINE = 0, /* a line of the state that lasts (core/state.h), without its newline */
	MW_STATE_LOST =
	    1, /* why it could not be read or kept, or not all of it: one line of text */
};

/* MW_EV_STATE: `len` bytes of what `kind` says follow. */
struct mw_ev_state {
	struct mw_event_hdr hdr;
	__u32 len;
	__u32 kind; /* enum mw_state_kind */
};

/* MW_EV_OUTLET: the outlet's name (such as "webhook https://...") follows. */
struct mw_ev_outlet {
	struct mw_event_hdr hdr;
	__u64 alerts; /* so many were not delivered, since the last such event */
	__s32 error;  /* a negated errno of the last one; 0: too many at once */
	__u32 name_len;
};

/* What the kernel says of CLOCK_REALTIME, adjtimex(2). */
enum mw_clock_state {
	MW_CLOCK_UNKNOWN = 0,
	MW_CLOCK_SYNCED = 1, /* somebody holds it to a time source */
	MW_CLOCK_FREE = 2,   /* nobody does (TIME_ERROR) */
};
struct mw_clock {
	__s64 offset_ns; /* what is still to be added to it, little by little */
	__u32 state;	 /* enum mw_clock_state */
	__u32 pad;
};

/* MW_EV_META: host, kernel release, boot id, mcpwatch version follow, each of its length; then what
 * the source's events come from (NUL after each): such as "raw_tp sys_exit". */
struct mw_ev_meta {
	struct mw_event_hdr hdr;
	__u64 run_id;	   /* random, one per start of a source: makes ids unique */
	__s64 realtime_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	__u32 version;	   /* MW_EVENT_VERSION */
	__u16 host_len, kernel_len, boot_id_len, mcpwatch_len;
	__u16 sources_len; /* 0: not known */
	__u16 pad;
	struct mw_clock clock;
};

enum mw_lost_reason {
	MW_LOST_RING = 1,	/* the ring buffer was full: also seen as holes in seq */
	MW_LOST_MISSED_RUN = 2, /* a program did not run (recursion_misses): no hole in seq */
	MW_LOST_TABLE = 3,	/* a kernel table was full: a channel or connect is not followed */
	MW_LOST_SEQ = 4,	/* at the end: `count` is the next seq of `cpu`; shows a hole there */
	MW_LOST_ARGV = 5,	/* processes that did not let their arguments be read */
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
	struct mw_clock clock;
};

/* MW_EV_USER: the user's name and home directory follow, each of its length. home_len 0: not known. */
struct mw_ev_user {
	struct mw_event_hdr hdr;
	__u32 id;
	__u16 name_len, home_len;
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

_Static_assert(sizeof(struct mw_event_hdr) == 72, "event header");
_Static_assert(sizeof(struct mw_addr) == 24, "address");
_Static_assert(sizeof(struct mw_ev_io) == 72 + 40 + 48 + 40, "io body");
_Static_assert(sizeof(struct mw_ev_fork) == 88, "fork body");
_Static_assert(sizeof(struct mw_ev_proc) == 72 + 72, "proc body");
_Static_assert(sizeof(struct mw_ev_exit) == 80, "exit body");
_Static_assert(sizeof(struct mw_ev_act) == 72 + 40 + 48 + 32 + 64, "act body");
_Static_assert(sizeof(struct mw_ev_sock) == 72 + 24 + 48 + 8, "sock body");
_Static_assert(sizeof(struct mw_ev_close) == 72 + 32 + 48 + 24, "close body");
_Static_assert(sizeof(struct mw_ev_name) == 80, "name body");
_Static_assert(sizeof(struct mw_ev_meta) == 120, "meta body");
_Static_assert(sizeof(struct mw_ev_lost) == 88, "lost body");
_Static_assert(sizeof(struct mw_ev_clock) == 96, "clock body");
_Static_assert(sizeof(struct mw_ev_user) == 80, "user body");
_Static_assert(sizeof(struct mw_ev_task) == 88, "task body");
_Static_assert(sizeof(struct mw_ev_dgram) == 72 + 16 + 48 + 16, "dgram body");
_Static_assert(sizeof(struct mw_ev_runtime) == 88, "runtime body");
_Static_assert(sizeof(struct mw_ev_mounts) == 88, "mounts body");
_Static_assert(sizeof(struct mw_ev_env) == 80, "env body");
_Static_assert(sizeof(struct mw_ev_seal) == 88, "seal body");
_Static_assert(sizeof(struct mw_ev_store) == 96, "store body");
_Static_assert(sizeof(struct mw_ev_state) == 80, "state body");
_Static_assert(sizeof(struct mw_ev_outlet) == 88, "outlet body");
_Static_assert(sizeof(struct mw_capture_hdr) == 16, "capture header");

#endif
