/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - what the live tests share: run one thing in a watched child, look at its events
 *
 * live_run() forks a child that stops itself, tags it, lets it run `fn` and collects every event
 * until the child's EXIT has come. Each test asks about known calls of the child only: what the test
 * program itself does is not watched.
 */
#ifndef LIVE_H
#define LIVE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mcpwatch/event.h>
#include <mcpwatch/source.h>

#include "io/source_bpf.h"

#define LIVE_N 23 /* a prime: a count that is right by chance is unlikely */

struct live {
	struct mw_source *source;
	struct mw_event_hdr **ev; /* of the present test, in order */
	size_t n_ev, cap_ev;
	pid_t pid;	     /* the child of the present test */
	uint64_t start_ticks; /* of it, from /proc */
	unsigned int tag;    /* to give it; MW_SOURCE_OBSERVED by default */
	int status;	     /* of wait */
	uid_t other_uid;     /* 0, or one that the child is at times */
	bool other_mntns;    /* the child is in a mount namespace of its own */
	/* called when the child has stopped itself again (live_stop) */
	void (*on_stop)(void);
	uint64_t next_seq[1024];
	char dir[64]; /* a scratch directory, the test's cwd */
	/* shared with the child: results of its calls */
	struct live_shared {
		int64_t v[64];
		char text[8192];
	} *sh;
};

extern struct live live;

/* Runs fn(arg) in a watched child; its return value is its exit code. */
void live_run(int (*fn)(void *), void *arg);
/* In the child: stop until the events so far are collected. */
void live_stop(void);
/* Collects what there is. */
void live_drain(void);
/* Keeps every channel seen so far in this test. */
void live_keep_all(void);

/* The n-th event of a type by the child (any process for pid 0), or NULL. */
const void *live_nth(uint16_t type, pid_t pid, size_t n);
size_t live_count(uint16_t type, pid_t pid);
/* The n-th MW_EV_ACT with this op by the child, and its five strings. */
struct live_act {
	const struct mw_ev_act *e;
	char *path, *base, *asked, *base2, *asked2;
};
struct live_act live_act(uint16_t op, size_t n);
size_t live_count_act(uint16_t op);
void live_act_done(struct live_act *a);

void live_check_hdr(const struct mw_event_hdr *h);

/* Whether this kernel lets us see the dentry of an unlink or rename. */
bool live_hooks(void);
/*
 * The path is `want`. In a mount namespace of the child's own it ends so: where the test's root is
 * no root of its namespace, that one's mounts are others, and the walk goes on above it.
 */
void live_check_path(const char *path, const char *want);
/* Path, numbers and identity of the event are the kernel's own: of the open file or dentry. */
void live_check_object(const struct live_act *a, const char *path, int path_state);
/* It has no object, as the call failed before there was one, or only the string names it. */
void live_check_no_object(const struct live_act *a);

/* The strings of a MW_EV_EXEC or MW_EV_PROC, each terminated (argv keeps its NULs). */
struct live_proc {
	const struct mw_ev_proc *e;
	char *exe, *argv, *cwd, *cgroup;
};
struct live_proc live_proc(const void *ev);
void live_proc_done(struct live_proc *p);

/*
 * dev and ino are those of `path`, as stat says them. Not on overlayfs: there stat makes up numbers
 * per layer that no inode has; then they are only not 0.
 */
void live_check_ino(uint64_t dev, uint64_t ino, const char *path);

/* Whether the test's directory is on overlayfs. */
bool live_overlay(void);

/* Bytes with a pattern that tells their offset. */
uint8_t live_byte(uint64_t off);
void live_fill(uint8_t *p, size_t n, uint64_t off);
/*
 * All I/O events of `pid` in direction `dir` on `chan` (0: the first one met) are the bytes from 0 to
 * `total` without a hole, with the pattern. Returns the channel's first event.
 */
const struct mw_ev_io *live_check_stream(pid_t pid, int dir, uint64_t chan, uint64_t total);
const struct mw_ev_io *live_io(pid_t pid, int dir, size_t n);

#define LIVE_TESTS(name)                       \
	extern const struct CMUnitTest name[]; \
	extern const size_t n_##name;
LIVE_TESTS(live_io_tests)
LIVE_TESTS(live_chan_tests)
LIVE_TESTS(live_file_tests)
LIVE_TESTS(live_fileop_tests)
LIVE_TESTS(live_filefd_tests)
LIVE_TESTS(live_filebytes_tests)
LIVE_TESTS(live_proc_tests)
LIVE_TESTS(live_procop_tests)
LIVE_TESTS(live_net_tests)
LIVE_TESTS(live_netop_tests)
LIVE_TESTS(live_kernelop_tests)
LIVE_TESTS(live_bound_tests)
LIVE_TESTS(live_uring_tests)
LIVE_TESTS(live_tag_tests)
LIVE_TESTS(live_close_tests)
LIVE_TESTS(live_ask_tests)
LIVE_TESTS(live_runtime_go_tests)
LIVE_TESTS(live_runtime_python_tests)
LIVE_TESTS(live_runtime_node_tests)

#endif
