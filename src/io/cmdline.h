/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmdline.h - /proc/PID/cmdline, without waiting long for a process that does not want to be read
 *
 * What stands there is read from the process's memory, under its mmap_lock. A process can hold that
 * for as long as it likes, without any right: a tracer of its looks at a page of a file on FUSE
 * (access_remote_vm waits for the page with the lock held), and a thread of its wants to change
 * mappings; who comes then waits behind that (mm/memory.c, fs/proc/base.c, get_mm_cmdline). So it
 * is read in threads of their own (looker.h).
 */
#ifndef MW_IO_CMDLINE_H
#define MW_IO_CMDLINE_H

#include <stdint.h>
#include <sys/types.h>

/* The first is waited for so long, those behind one that did not come so long. */
#define MW_CMDLINE_WAIT_MS  2000
#define MW_CMDLINE_AGAIN_MS 50

/*
 * Up to n bytes, at most MW_ARGV_MAX + 1, of the arguments, a NUL after each; how many. 0: it has
 * none, is gone, or does not let itself be read in time, which is counted. start_ns tells processes
 * with one pid apart; 0: not known. For one thread at a time.
 */
size_t mw_cmdline_read(uint32_t pid, uint64_t start_ns, char *buf, size_t n);
/* How often arguments could not be read in time, or for want of a thread or of memory. */
uint64_t mw_cmdline_unread(void);

#endif
