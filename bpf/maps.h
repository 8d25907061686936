/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * maps.h - maps, settings and the memory the programs share
 *
 * Settings are `const volatile`: user space writes them before the load and the verifier sees
 * constants. Every table has a limit, and every failure on it a counter in struct mw_cpu.
 */
#ifndef MW_BPF_MAPS_H
#define MW_BPF_MAPS_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include <mcpwatch/event.h>

#include <mcpwatch/loader.h>

/* --- settings -------------------------------------------------------------------------------- */

const volatile __u64 cfg_secret;	/* chan = address of the kernel object ^ this */
const volatile __u64 cfg_ring_quarter;	/* from this much waiting data on, wake the reader */
const volatile __u64 cfg_ring_check; /* each cpu looks how full the ring is after so many bytes */
const volatile __u64 cfg_undecided_max; /* bytes taken of a channel nobody has decided on */
const volatile __u64 cfg_candidate_max; /* likewise, while no observed process has touched it */
const volatile __u32 cfg_own_tgid;	/* the daemon: the kernel side never tags it */
const volatile bool cfg_watch_execs;	/* servers are to be found: see source_bpf.h */
const volatile bool cfg_cast;		/* the kernel has bpf_rdonly_cast (6.2): see mw_load */
const volatile bool cfg_hooks;		/* hook.h is loaded */
const volatile bool cfg_uring_cqe;	/* io_uring_complete's third argument is a cqe (6.16) */

/*
 * A byte for each tgid that can be (PID_MAX_LIMIT): 0 or MW_TAG_*. It is the whole of .bss: an
 * array map's value must not be larger than 4 MiB (KMALLOC_MAX_SIZE, until 6.2), so all other
 * mutable data stands elsewhere. User space writes it through mmap, the fork program here.
 */
__u8 tags[MW_N_TAGS];

/*
 * What the end of a system call looks at first: threads known to have no tag, by where their kernel
 * stack stands (the address of the registers on it, mixed with the epoch). Asking who runs is a
 * call, which costs a quarter of all we add; this is two loads. Every tag that is set, and every
 * thread a tagged process makes (the stack may have been another's), begins a new epoch, and
 * nothing is known then. User space clears the table long before an epoch's bits reach those that
 * tell stacks of a slot apart.
 */
#define MW_N_STACKS    8192
#define MW_STACK_SHIFT 14
__u64 stacks[MW_N_STACKS] SEC(".data") = {};
__u64 epoch SEC(".data") = 1;

/* The daemon's own root directory, set by mw_init; see path.h. */
__u64 own_root_mnt SEC(".data") = 0;
__u64 own_root_dentry SEC(".data") = 0;
/* The process mw_task_iter is to tell about. */
__u32 wanted_tgid SEC(".data") = 0;

/* --- maps ------------------------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/*
 * By TCP port. User space writes them too, through mmap: where listeners and MCP servers were found
 * that had begun before us.
 */
struct mw_ports {
	__u32 listening[65536]; /* sockets in TCP_LISTEN: SO_REUSEPORT, v4 and v6 share a port */
	__u8 mcp[65536];	/* MCP is served here */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_ports);
} ports SEC(".maps");

/* What a system call was, taken once from the registers. */
struct mw_call {
	__s64 ret;
	__u64 arg[6];
	__u32 nr;
	__u32 class; /* enum mw_class */
	__u32 tag;
	__u8 compat; /* by the 32-bit entry */
	__u8 narrow; /* user structures have 32-bit pointers (compat or x32) */
	__u8 pad[2];
};

/* Where we are in the bytes of a call. At most one of `filled` and `missed` is not 0. */
struct mw_io_at {
	__u64 iov;     /* user address of the next element */
	__u64 base;    /* user address in the present buffer */
	__u64 rem;     /* bytes left of it */
	__u64 left;    /* bytes of the call not yet read */
	__u64 done;    /* bytes of the call that have their event */
	__u64 by_page; /* so many bytes are to be read page by page */
	__u64 msg;     /* sendmmsg, recvmmsg: user address of the next message, and */
	__u64 msg_left; /* bytes of the present one not yet read; else all ones */
	__u64 total;	/* bytes of all its messages */
	__u32 n_msg;	/* messages left */
	__u32 n_iov;   /* elements left */
	__u32 filled;  /* bytes that stand in the scratch, behind the body */
	__u32 missed;  /* bytes that could not be read, after which the next event begins */
	__u32 narrow;
};

/* What an open file is as a carrier of bytes; see chan.h. */
struct mw_end {
	__u64 key;   /* of the channel */
	__u64 other; /* key of the channel the other way; 0 none */
	__u64 ino;
	__u64 sk;   /* the own socket, 0 for a pipe */
	__u32 kind; /* enum mw_chan_kind, 0: not ours */
	__u32 family;
	__u64 inode; /* its address, */
	__u32 type;  /* and the type of file: S_IF* */
	__u32 dgram; /* a socket of datagrams, or raw: sk and family are its */
};

/* The task that the acts of the present call are of; see task.h. */
struct mw_who {
	__u64 task, task_of;
	__u16 flags; /* MW_EVF_ID_*, MW_EVF_NO_REQUEST */
	__u8 pad[6];
};

/* To whom a socket has sent. Of a unix peer `ip` is a hash of its name. */
struct mw_sent_key {
	__u64 sk, ino;
	__u8 ip[16];
	__u16 port, family;
	__u32 tgid;
};

/* One datagram that was sent or received; see dgram.h. Not on the stack: that is deep there. */
struct mw_dgram {
	struct mw_addr local, peer;
	struct mw_sent_key to;
	__u64 hash;
	__u64 name; /* user address of the peer's, 0: none */
	__s64 ret;
	__u32 name_len;
	__s32 fd;
	__u8 dir; /* enum mw_dir */
	__u8 pad[7];
};

/* Where a walk stands; see path.h. */
struct mw_walk {
	struct mount *mnt;
	struct dentry *dentry;
	__u32 pos;   /* the path so far stands in walk[pos] up to MW_PATH_MAX */
	__u32 state; /* enum mw_path_state */
};

/* Of openfile.h: an open file. */
struct mw_file {
	__u64 gen;	     /* boot ns of its open, or of when it was first met */
	__u64 inode, dentry; /* addresses: to notice that the address has got another file */
};

/* An fd that bytes were moved on. */
struct mw_fd {
	__u64 file; /* address */
	__u64 inode;
	__u64 id;
	__u64 bytes[2]; /* by enum mw_dir */
};

/* Of a process: how many entries it has in `fds`, and where they end. */
struct mw_fds {
	__u64 start_ns;
	__u32 n, top;
};

/* Which fds of a process are to be looked through. */
struct mw_fd_walk {
	__u32 tgid;
	__s32 first;
	__u32 why;   /* as flags of MW_OP_CLOSE */
	__u32 found; /* entries met */
};

/* Behind a body there is room for one offset below MW_DATA_MAX plus one piece of that length. */
#define MW_DATA_MAX 32768
#define MW_BODY_MAX 264
/* Where in str the name of a unix socket ends up. */
#define MW_NAME_AT 128

/* What is read of a Python thread; see task_python.h. */
#define MW_PY_DEPTH 8
struct mw_py_level {
	__u64 slot[64]; /* of a bitmap node: key and value by turns; of an array node: nodes */
	__u32 at, n;	/* the next slot, and how many there are */
	__u32 array;
	__u32 pad;
};

struct mw_py {
	struct mw_rt_python rt; /* what there is of its process's entry */
	__u64 span[11];		/* of the thread state */
	__u64 head[6];		/* of an object: reference count, type, and what follows */
	__u64 word[4];		/* of a string, rest 0 */
	__u64 before[6];	/* the 32 bytes before the value, and its first 16 */
	__u64 one;
	__u64 pair[2];
	__u64 root;		  /* of the mapping */
	__u64 var, value;	  /* found */
	__u64 clock, clock_value; /* likewise */
	__u64 kept;		  /* a value, over a search */
	__u64 keys, n_keys, key_len; /* of a dict: where its keys are, how many, and bytes of each */
	__u64 hash;
	__u64 attr[MW_N_PY_ATTRS];
	__u32 place[MW_N_PY_ATTRS];
	__u32 which;		 /* of MW_N_PY_VARS */
	__u32 learned;		 /* rt has changed */
	__u32 depth, whole, odd; /* of a search: where it is, all was seen, something was not */
	__u32 faults;		 /* reads that failed, of this event */
	__u8 id[MW_ID_MAX + 4];
	struct mw_py_level level[MW_PY_DEPTH];
};

/*
 * Where a program of process context builds its event: one per cpu, as such programs run with
 * preemption off and do not nest. Softirq does interrupt them: what runs there reserves in the
 * ring and stays away from this. Not a per-cpu map: those end at 32 KiB a value. What a bpf_loop
 * callback works on stands here too, not on the stack: the verifier follows values on the stack
 * from step to step and does not come to an end (6.6 and later), values in a map are just
 * unknown.
 */
struct mw_scratch {
	__u8 ev[MW_BODY_MAX + MW_DATA_MAX + MW_DATA_MAX + 8];
	__u8 walk[MW_PATH_MAX + 256]; /* path.h: a path grows from MW_PATH_MAX downwards */
	__u8 str[MW_PATH_MAX + 8];
	struct mw_call call;
	struct mw_io_at at;
	struct mw_end end;
	struct mw_dgram dgram;
	struct mw_who who;
	struct mw_walk w;
	struct mw_fd_walk fds;
	struct { /* entries that are made: the stack is short */
		struct mw_file file;
		struct mw_fd fd;
		struct mw_fds fds;
	} fresh;
	__u32 wake; /* the next event is to wake the reader */
	__u64 woken_ns; /* when one last did so for a message that was read */
	struct mw_py py;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* number of possible cpus, set at load */
	__type(key, __u32);
	__type(value, struct mw_scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mw_cpu);
} cpus SEC(".maps");

/* One entry per pipe, and per socket that writes; see chan.h. */
struct mw_chan {
	__u64 gen;    /* boot ns of the first touch */
	__u64 ino;    /* to notice that the address has got another object; 0 unknown */
	__u64 off[2]; /* next offset, by enum mw_dir */
	__u32 verdict;
	__u32 closed;  /* TCP: bits of enum mw_close that were told */
	__u8 observed; /* an observed process has touched it */
	__u8 woken;    /* its first event has woken the reader */
	__u8 pad[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64); /* address of the pipe_inode_info or sock */
	__type(value, struct mw_chan);
} chans SEC(".maps");

/* By tgid; written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct mw_runtime);
} runtimes SEC(".maps");

/*
 * TCP connects in progress of watched processes, and their connections, made or accepted: until
 * they are closed or their process ends.
 */
struct mw_connect {
	__u64 gen, ino;
	__u64 start_ns; /* of the process */
	__u32 tgid;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* address of the sock */
	__type(value, struct mw_connect);
} connects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* address of the sock */
	__type(value, struct mw_connect);
} conns SEC(".maps");

static __always_inline struct mw_scratch *mw_scratch_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&scratch, &cpu);
}

static __always_inline struct mw_cpu *mw_cpu_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cpus, &zero);
}

/* `field` of this cpu's counters; atomic, as softirq counts too. */
#define mw_count(field, n)                                          \
	({                                                          \
		struct mw_cpu *_c = mw_cpu_get();                   \
		if (_c)                                             \
			__sync_fetch_and_add(&_c->field, (__u64)(n)); \
	})

#endif
