/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.h - what a path of a mount namespace is on the host
 *
 * MW_EV_MOUNTS brings /proc/PID/mountinfo (proc_pid_mountinfo(5)) of a process in another mount
 * namespace, and the host's. A path there lies on the mount with the longest mount point above it;
 * the same file system is looked for among the host's mounts, by device number and by the part of
 * the file system that is mounted. An overlay that the host has not mounted is known by its upper
 * directory, where all that is written lies; what is only read may lie in a lower one, and is not
 * known. The directories in an overlay's options are paths of the namespace that mounted it: the
 * host's, as container runtimes do it.
 */
#ifndef MW_CORE_MOUNTS_H
#define MW_CORE_MOUNTS_H

#include "base/buf.h"
#include "core/types.h"

/* Namespaces known at once; beyond, the one told longest ago is forgotten: its paths have no
 * host's. */
#define MW_MOUNTS_NS_MAX 256
/* Mounts taken of one text. */
#define MW_MOUNTS_MAX 4096

struct mw_mounts;

/* 0, -ENOMEM. */
int mw_mounts_new(const struct mw_alloc *a, struct mw_mounts **ret);
/* Takes NULL. */
void mw_mounts_free(struct mw_mounts *m);
/* One checked event; it replaces what was known of its namespace. Lines that are none are passed
 * over. 0; -ENOMEM: nothing is known of this namespace now. */
int mw_mounts_push(struct mw_mounts *m, const struct mw_ev_mounts *ev);
/*
 * Appends the host's path of an absolute path in `mntns`; `written`: the path was written, made, or
 * removed there, not only read. 1; 0: not known, or the same path; -E2BIG, -ENOMEM: out is as it
 * was.
 */
int mw_mounts_host(const struct mw_mounts *m, uint64_t mntns, struct mw_slice path, bool written,
		   struct mw_buf *out);

#endif
