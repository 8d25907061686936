/* SPDX-License-Identifier: Apache-2.0 */
/* look.h - a look at a running process: what /proc says of it now */
#ifndef MW_IO_LOOK_H
#define MW_IO_LOOK_H

#include <mcpwatch/event.h>

#include "base/slice.h"

struct mw_look {
	uint32_t pid, ppid;
	uint32_t uid;				/* effective; all ones if it cannot be read */
	struct mw_slice exe, argv, cgroup, cwd; /* in buf; argv has a NUL after each argument */
	char root[32];				/* a path to its root directory */
	char buf[3 * MW_PATH_MAX + MW_ARGV_MAX];
};

/* 0; -ESRCH: there is no such process, or it is one of the kernel. What cannot be read is empty. */
int mw_look(uint32_t pid, struct mw_look *ret);
/* The pid of its parent; 0: none, or gone. */
uint32_t mw_look_parent(uint32_t pid);
/* All processes there are, as an array for free(). 0, -ENOMEM, negative errno. */
int mw_look_pids(uint32_t **ret, size_t *ret_n);

#endif
