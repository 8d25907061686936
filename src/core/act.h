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
 * Not actions, and nothing comes out: connect without an address that has a printed form (AF_UNSPEC
 * undoes a connect), and the calls by which an event loop asks how its connect is getting on
 * (EALREADY while it is held; 0, EISCONN or the same error for the same peer once after its result
 * was given).
 */
#ifndef MW_CORE_ACT_H
#define MW_CORE_ACT_H

#include "base/buf.h"
#include "core/errname.h"
#include "core/path.h"
#include "core/types.h"

#define MW_ACT_CONNECT_WAIT_NS 130000000000ull /* tcp_syn_retries 6: 127 s */

/* The contract's kinds that exist so far; mw_effect_kind_name gives "file.open". */
enum mw_effect_kind {
	MW_EFFECT_FILE_OPEN = 1,
	MW_EFFECT_FILE_DELETE,
	MW_EFFECT_FILE_RENAME,
	MW_EFFECT_FILE_RMDIR,
	MW_EFFECT_PROC_EXEC,
	MW_EFFECT_PROC_EXIT,
	MW_EFFECT_NET_CONNECT,
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
	struct mw_slice target2; /* rename: the new path */
	struct mw_slice asked;	 /* what the program asked for, where it differs from target */
	char mode[24];	 /* file.open: "r", "w", "rw", "a" and +create, +trunc; else empty */
	int64_t ret;	 /* >= 0 ok, else negated errno */
	uint64_t dev, ino; /* 0 unknown */
	bool is_dir;	 /* file.open of a directory */
	int32_t code;	 /* proc.exit: exit code, or -1 if by signal */
	int32_t signal;	 /* proc.exit: signal number, or 0 */
	struct mw_slice argv; /* proc.exec: NUL after each argument */
	struct mw_addr peer;  /* net.connect */
	uint64_t n; /* how many equal ones it stands for, where they are several; else 0 */
};

struct mw_act;

/* connect_max: most connects held. 0, -ENOMEM. */
int mw_act_new(const struct mw_alloc *a, size_t connect_max, struct mw_act **ret);
void mw_act_free(struct mw_act *a);
/* One checked event; types without an action are ignored. 0 or -ENOMEM: its action is lost. The
 * event is borrowed until next says 0: pull until then after each push. */
int mw_act_push(struct mw_act *a, const struct mw_event_hdr *ev);
/* Gives up connects that waited too long. Pull afterwards; so after finish, which gives up all. */
void mw_act_tick(struct mw_act *a, uint64_t now_ns);
void mw_act_finish(struct mw_act *a);
/* 1 an action (borrowed until the next call), 0 none. */
int mw_act_next(struct mw_act *a, struct mw_action *ret);

#endif
