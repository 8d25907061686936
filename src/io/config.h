/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the configuration file (YAML), compiled to plain structs
 *
 *	watch:			what to watch besides what shows itself to be MCP; an entry's
 *	  - exe: GLOB		conditions must all hold, one entry must
 *	    argv: GLOB		over the arguments joined by spaces
 *	    user: NAME|UID
 *	    cgroup: GLOB	over the path below /sys/fs/cgroup
 *	log:
 *	  dir: DIR
 *	ring: SIZE		of the kernel's ring buffer: 32MiB
 *	message_max: SIZE	the longest message kept whole: 32MiB
 *
 * A glob's * matches slashes and spaces too. SIZE is bytes or has KiB, MiB or GiB behind it. Every key
 * is optional; one that is not known, or is there twice, is an error.
 */
#ifndef MW_IO_CONFIG_H
#define MW_IO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct mw_config_watch {
	char *exe, *argv, *user, *cgroup; /* NULL: no condition */
	uint32_t uid;			  /* of user */
};

struct mw_config {
	struct mw_config_watch *watch;
	size_t n_watch;
	char *log_dir;		/* NULL: not given */
	uint32_t ring_len;	/* bytes, a power of two; 0: not given */
	uint64_t message_max;	/* bytes; 0: not given */
};

/* No file is longer. */
#define MW_CONFIG_MAX (1u << 20)

/*
 * Reads a file. 0; -EINVAL: its content; another negative errno: it cannot be read (-ENOENT and so on).
 * On failure err holds one line that names the file, and the line in it.
 */
int mw_config_load(const char *path, char *err, size_t err_len, struct mw_config **ret);
/* As mw_config_load, of text; `name` stands for the file in messages. */
int mw_config_parse(const char *name, const char *text, size_t n, char *err, size_t err_len,
		    struct mw_config **ret);
void mw_config_free(struct mw_config *c);

static inline void mw_config_freep(struct mw_config **c)
{
	mw_config_free(*c);
}

/*
 * Whether a process is one of those to watch: its executable's path, its arguments (a NUL after each,
 * as in /proc and in events), its uid, its cgroup's path.
 */
bool mw_config_match(const struct mw_config *c, struct mw_slice exe, struct mw_slice argv, uint32_t uid,
		     struct mw_slice cgroup);

/* "8MiB" and so on to bytes. 0, -EINVAL. */
int mw_size_parse(const char *s, uint64_t *ret);

#endif
