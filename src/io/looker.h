/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looker.h - looks at a process without ever waiting long for it
 *
 * Reading a process's program or memory may block for as long as that process likes: the file may
 * be on FUSE, the page behind userfaultfd. So it is done in threads of their own, and who asks
 * waits for a few milliseconds at most; a look takes a tenth of one. A thread that is stuck stays
 * with the one process it looks at: no other is begun for that, and there are only so many.
 */
#ifndef MW_IO_LOOKER_H
#define MW_IO_LOOKER_H

#include <stddef.h>
#include <stdint.h>

#define MW_LOOKER_THREADS 8

/* Fills the bytes at ret; 0 or negative errno. In another thread: nothing static. */
typedef int mw_look_fn(uint32_t pid, uint64_t start_ns, void *ret);

struct mw_looker;

/* fn fills `len` bytes. Begins no thread yet. 0, -ENOMEM. */
int mw_looker_new(mw_look_fn *fn, size_t len, struct mw_looker **ret);
/* Takes NULL. Threads that are stuck end when they come back: the last one frees what is shared. */
void mw_looker_free(struct mw_looker *l);

/*
 * What fn says of the process, if it says so within wait_ms. -EINPROGRESS: not yet; ask again
 * later, and that look's answer is given as soon as it is there, without another wait. -EBUSY: all
 * threads are with other processes. -ENOMEM, or what fn returned.
 */
int mw_looker_ask(struct mw_looker *l, uint32_t pid, uint64_t start_ns, int wait_ms, void *ret);
/* The process is gone, or runs another program: an answer that is still to come is of no use. */
void mw_looker_forget(struct mw_looker *l, uint32_t pid, uint64_t start_ns);

#endif
