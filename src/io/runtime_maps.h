/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_maps.h - where the files lie that a process has mapped
 *
 * A name in /proc/PID/maps is whatever the process wants: it only says which mapping to look at.
 * The file is then opened through the mapping itself, so no other one can be.
 */
#ifndef MW_IO_RUNTIME_MAPS_H
#define MW_IO_RUNTIME_MAPS_H

#include <stdint.h>

#include "io/binary.h"

/* No more of a process's mappings are looked at. */
#define MW_MAPS_READ_MAX (4u << 20)

struct mw_mapping {
	uint64_t start, end;
};

/*
 * The first mapping from `from` on that begins a file (offset 0) whose name, without its folders,
 * begins with `prefix`. 0; -ENOENT none; -ESRCH; -EBADMSG not as /proc writes it; or errno.
 */
int mw_maps_find(uint32_t pid, const char *prefix, uint64_t from, struct mw_mapping *ret);
/* The file behind it; as mw_binary_open_path. */
int mw_maps_open(uint32_t pid, const struct mw_mapping *m, struct mw_binary *ret);

/* What is to be added to the file's addresses to have the process's. 0, -EBADMSG. */
int mw_maps_bias(const struct mw_mapping *m, const struct mw_binary *b, uint64_t *ret);
/* Of the program itself, as the kernel told it when it began. 0, -EBADMSG, -ESRCH, errno. */
int mw_maps_bias_exe(uint32_t pid, const struct mw_binary *exe, uint64_t *ret);

#endif
