/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_proc.h - what /proc says of a process that is to be probed
 *
 * Who is asked may lie on a file system of user space, which answers when it likes: nothing here
 * asks one.
 */
#ifndef MW_IO_UV_PROC_H
#define MW_IO_UV_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include <mcpwatch/loader.h>

/*
 * Whether it is a copy of its parent still, or gone. node makes such only to run another program in
 * it, which has no use for probes.
 */
bool mw_uv_is_copy(uint32_t pid);

/* Whether it runs this program now. */
bool mw_uv_runs(uint32_t pid, const struct mw_rt_node *node);

/*
 * Opens the mapped file that the code at `addr` of the process is in, and says where in it. It must
 * lie on a block device or where the program does (program_dev, as st_dev). The descriptor; -ENOENT
 * there is no such file; or another negative errno.
 */
int mw_uv_code_at(uint32_t pid, uint64_t program_dev, uint64_t addr, uint64_t *ret_off);

/*
 * Whether a probe at a function's return would end this process: with a seccomp filter from
 * Linux 6.11 until 6.14, where the system call that such a return became is not let pass (commit
 * cf6cb56ef244).
 */
bool mw_uv_refused(uint32_t pid);

#endif
