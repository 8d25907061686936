/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uprobes.h - puts BPF programs on functions of one process
 *
 * From Linux 6.10 on as one link for all places of a file (BPF_TRACE_UPROBE_MULTI is of 6.6, but
 * until 6.10 its filter looks at one thread only: commit 46ba0e49b642), before that as one link for
 * each, which costs milliseconds to put there and a tenth of a second to take away. Nothing here
 * may be called where somebody waits.
 *
 * A place that is no instruction's beginning breaks the process, so the file must be the very one
 * the places were read in.
 */
#ifndef MW_IO_UPROBES_H
#define MW_IO_UPROBES_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The running kernel's version; 0: it says none. */
#define MW_UPROBES_KERNEL(major, minor) ((major) << 8 | (minor))
unsigned int mw_uprobes_kernel(void);

/* Programs must be loaded for the links that the kernel has: to be called before the load. */
void mw_uprobes_prepare(struct bpf_program *prog);

struct mw_uprobes {
	struct bpf_link **link; /* one for each place */
	int *fd;		/* one for many */
	size_t n_link, n_fd;
};

/*
 * Adds `prog` to `set`, at n places (offsets in the file of the descriptor `file`) of process pid,
 * all its threads; at their entry, or with `ret` at the return of the functions that begin there.
 * 0, -ESRCH it is gone, -ENOMEM or another errno: then none of them is there.
 */
int mw_uprobes_add(struct mw_uprobes *set, struct bpf_program *prog, uint32_t pid, int file,
		   const unsigned long *off, const uint64_t *cookie, size_t n, bool ret);

/* Writes the descriptors that keep them there, n_link + n_fd of them; how many. */
size_t mw_uprobes_fds(const struct mw_uprobes *set, int *ret);

/* Takes all away and leaves the set empty. Takes a zeroed one. */
void mw_uprobes_done(struct mw_uprobes *set);

#endif
