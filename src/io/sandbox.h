/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - a process that will read what strangers send gives up what it does not need */
#ifndef MW_IO_SANDBOX_H
#define MW_IO_SANDBOX_H

#include <stdint.h>

/* The user and group that own nothing. */
#define MW_NOBODY 65534u

/*
 * For good, of the calling process, which must have one thread: another user and group (if it is
 * root) without supplementary groups, no capabilities, no new privileges, no memory that others of
 * that user may look at, an end with its parent. 0, or a negative errno: then it must end.
 */
int mw_sandbox_drop(uint32_t uid, uint32_t gid);

/*
 * For good, of the calling process, which must have one thread: what mw_sandbox_drop does, as
 * nobody; no core dumps, few files, no writing to files; and a seccomp filter: no
 * programs, no children, no signals, no tracing, no namespaces, no kernel interfaces, no sockets
 * but IP, unix and netlink. Threads, sockets and files to read stay, for libcurl and name
 * resolution. 0, or a negative errno: then it must end.
 */
int mw_sandbox_enter(void);

#endif
