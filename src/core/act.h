/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.h - one OS action, resolved
 *
 * Kernel events of one action in (ACT, EXEC, EXIT, SOCK), one finished action out: the target an
 * absolute path or address, what was asked where it differs, the result a number with a name
 * (errname.h). A connect in progress is held until its MW_EV_SOCK (which may come before it), until
 * MW_ACT_CONNECT_WAIT_NS passed, its process ended, too many are held, or the end; then it comes
 * out with the final result, or EINPROGRESS.
 *
 * A file.close is of an open file that was named before: what it is, is kept from then on (target,
 * mode, dev, ino, mntns) for the MW_ACT_FILES_MAX last ones, in MW_ACT_FILES_BYTES. Of one that is
 * not known any more it comes out without them.
 *
 * A TCP connection that was made or accepted has its end, net.close, once: when the process that
 * made it is done with it both ways, or ends. Its bytes are those of the connection.
 *
 * That an argument was changed under its call is known in two ways: the string was another one
 * each time it was read, or its last component is not the object's name where that must be so: of
 * what was deleted or renamed (from_kernel), and of what was opened without following a link there
 * (O_NOFOLLOW, O_EXCL). What stands before the last component says nothing: links, mounts, ".." and
 * roots of processes change it. Names that some file systems take for one (case, short names, other
 * than ASCII) are not told apart. Who changes it once, at the right moment, to the same last
 * component, is not found.
 *
 * Targets that are no paths and no addresses are `from_kernel` if the kernel side found them; what
 * the program said stands beside them as `asked` where that is another word:
 *
 *   proc.kill, ptrace, vm_access, pidfd_getfd: "pid:1234", the process in the initial namespace;
 * not found: as the program said it, "pid:7", "pidfd:5". `object`: the program it runs, if known;
 *     of pidfd_getfd the file it took
 *   proc.kill of a group: "pgid:1234" (asked "pid:0", "pid:-1234"); of all: "pid:-1"
 *   proc.ns: setns "net:[4026531840]", or "pid:1234" by a pidfd; clone "pid:" and the child as its
 *     parent knows it; unshare none
 *   proc.memfd: "memfd:name"
 *   kernel.module: the file of finit_module, the name of delete_module; init_module none
 *   kernel.io_uring: the name or address that the operation was submitted with. Its result is not
 *     followed: "ok" says that it was submitted
 *   proc.setid, kernel.bpf: none, `mode` says all
 *   net.accept: of an AF_UNIX socket the name it was reached by, as its peer has none
 *
 * Not actions, and nothing comes out: an open file's name (MW_OP_FILE), connect without an address
 * that has a printed form (AF_UNSPEC undoes a connect), and the calls by which an event loop asks
 * how its connect is getting on (EALREADY while it is held; 0, EISCONN or the same error for the
 * same peer once after its result was given).
 */
#ifndef MW_CORE_ACT_H
#define MW_CORE_ACT_H

#include "base/buf.h"
#include "core/errname.h"
#include "core/path.h"
#include "core/types.h"

#define MW_ACT_NAMES_MAX       4
#define MW_ACT_CONNECT_WAIT_NS 130000000000ull /* tcp_syn_retries 6: 127 s */
#define MW_ACT_FILES_MAX       16384
#define MW_ACT_FILES_BYTES     (8u << 20)

/* The contract's kinds; mw_effect_kind_name gives "file.open". Kept in the log by name only. */
enum mw_effect_kind {
	MW_EFFECT_FILE_OPEN = 1,
	MW_EFFECT_FILE_CLOSE,
	MW_EFFECT_FILE_DELETE,
	MW_EFFECT_FILE_RENAME,
	MW_EFFECT_FILE_TRUNCATE,
	MW_EFFECT_FILE_CHMOD,
	MW_EFFECT_FILE_CHOWN,
	MW_EFFECT_FILE_LINK,
	MW_EFFECT_FILE_SYMLINK,
	MW_EFFECT_FILE_MKDIR,
	MW_EFFECT_FILE_RMDIR,
	MW_EFFECT_FILE_MKNOD,
	MW_EFFECT_FILE_UTIMES,
	MW_EFFECT_FILE_XATTR,
	MW_EFFECT_FILE_MOUNT,
	MW_EFFECT_FILE_UMOUNT,
	MW_EFFECT_PROC_EXEC,
	MW_EFFECT_PROC_EXIT,
	MW_EFFECT_PROC_KILL,
	MW_EFFECT_PROC_PTRACE,
	MW_EFFECT_PROC_VM_ACCESS,
	MW_EFFECT_PROC_SETID,
	MW_EFFECT_PROC_NS,
	MW_EFFECT_PROC_MEMFD,
	MW_EFFECT_PROC_PIDFD_GETFD,
	MW_EFFECT_NET_CONNECT,
	MW_EFFECT_NET_BIND,
	MW_EFFECT_NET_LISTEN,
	MW_EFFECT_NET_ACCEPT,
	MW_EFFECT_NET_SEND,
	MW_EFFECT_NET_CLOSE,
	MW_EFFECT_NET_DNS,
	MW_EFFECT_NET_HTTP,
	MW_EFFECT_DB_STATEMENT,
	MW_EFFECT_KERNEL_BPF,
	MW_EFFECT_KERNEL_IO_URING,
	MW_EFFECT_KERNEL_MODULE,
};
const char *mw_effect_kind_name(enum mw_effect_kind k);

struct mw_action {
	enum mw_effect_kind kind;
	uint64_t ts_ns;	 /* when the host did it (not when its result came) */
	struct mw_prockey proc;
	uint32_t tid, uid;
	bool candidate; /* the process was only a candidate */
	bool from_kernel; /* target_from: kernel, else string */
	/* "/abs/path", "127.0.0.1:80", "[::1]:80", "unix:/path", exe path; "pipe:[1]", "memfd:x"
	 * for what has no path; the last part of a path too long to walk. Empty: not known (an
	 * argument that could not be read; the exe of proc.exit and of an exec without one, which
	 * proc.h may know) */
	struct mw_slice target;
	struct mw_slice target2; /* rename, link: the new path; symlink: what it says, as given */
	struct mw_slice asked;	 /* what the program asked for, where it differs from target */
	bool asked_changed; /* another thread wrote over what was asked while the kernel used it */
	uint64_t asked_n; /* how long it is in all, where that is only its beginning; else 0 */
	/* In short words, else empty; whole, never cut.
	 *   file.open      "r", "w", "rw", "a" and +create, +trunc; file.close: how it was open
	 *   chmod, mkdir   "0644", as asked for; mknod "fifo 0644", "chr 1:3 0600"
	 *   chown          "uid=0 gid=0", without what stays
	 *   truncate       "length=0"; fallocate "punch offset=0 length=4096" (or allocate,
	 *                  collapse, zero, insert, unshare)
	 *   xattr          "set", "remove"; object has the attribute's name
	 *   mount          "ro+bind", ...; object has the source as given. umount "detach", ...
	 *   other kinds    "SIGKILL", "uid=0", "no_new_privs", "CLONE_NEWNS"
	 * +deleted: its name was gone already when the kernel told the path. */
	char mode[128];
	int64_t ret;	 /* >= 0 ok, else negated errno */
	uint64_t dev, ino; /* 0 unknown */
	bool is_dir;	 /* file.open of a directory */
	int32_t code;	 /* proc.exit: exit code, or -1 if by signal */
	int32_t signal;	 /* proc.exit: signal number, or 0 */
	struct mw_slice argv; /* proc.exec: NUL after each argument */
	/* proc.*: the process it was done to, or its group's leader, if it is known */
	struct mw_prockey other;
	struct mw_addr peer;	 /* net.*: the other side; of bind and listen the own address */
	struct mw_slice
	    name; /* net.*: the DNS name of the address, where one was seen: the latest */
	struct mw_slice names[MW_ACT_NAMES_MAX]; /* and all, for what arguments name (args.h) */
	size_t n_names;
	struct mw_slice verb, object; /* net.http: method and URL; db.statement: verb and table;
				       * net.dns: the type asked for, and the answers; object
				       * alone: file.xattr, file.mount (see mode) */
	bool has_bytes; /* bytes_r, bytes_w are known: file.close, net.close, net.send */
	uint64_t bytes_r, bytes_w;
	uint64_t file; /* the open file (mw_ev_act.file): equal for what was done on it; 0 none */
	bool folded;   /* file.close: mw_act_fold was called for its open */
	uint64_t chan, gen; /* the socket, likewise; 0 none */
	uint64_t mntns;	    /* mount namespace of the process; 0 unknown */
	struct mw_task task;
	uint64_t n; /* how many equal ones it stands for, where they are several; else 0 */
};

struct mw_act;

/* connect_max: most connects held. 0, -ENOMEM. */
int mw_act_new(const struct mw_alloc *a, size_t connect_max, struct mw_act **ret);
void mw_act_free(struct mw_act *a);
/* One checked event; types without an action are ignored. 0 or -ENOMEM: its action is lost, or
 * what a later one is to say. The event is borrowed until next says 0: pull until then after each
 * push. */
int mw_act_push(struct mw_act *a, const struct mw_event_hdr *ev);
/* Gives up connects that waited too long. Pull afterwards; so after finish, which gives up all. */
void mw_act_tick(struct mw_act *a, uint64_t now_ns);
void mw_act_finish(struct mw_act *a);
/* 1 an action (borrowed until the next call), 0 none. */
int mw_act_next(struct mw_act *a, struct mw_action *ret);
/* Connections that found no room: their net.close does not come. */
uint64_t mw_act_conns_lost(const struct mw_act *a);
/* The open of this file was folded into others: its close will say so. */
void mw_act_fold(struct mw_act *a, uint64_t file);
/* How many closes came of files that had been forgotten for others' room. */
uint64_t mw_act_files_lost(const struct mw_act *a);

#endif
