/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - a process that will read what strangers send gives up what it does not need */
#ifndef MW_IO_SANDBOX_H
#define MW_IO_SANDBOX_H

/*
 * For good, of the calling process, which must have one thread: user and group `nobody` (if it is
 * root), no capabilities, no new privileges, no core dumps, no memory that others of that user may
 * look at, few files, no writing to files, an end with its parent; and a seccomp filter: no
 * programs, no children, no signals, no tracing, no namespaces, no kernel interfaces, no sockets
 * but IP, unix and netlink. Threads, sockets and files to read stay, for libcurl and name
 * resolution. 0, or a negative errno: then it must end.
 */
int mw_sandbox_enter(void);

#endif
