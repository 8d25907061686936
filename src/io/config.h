/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - the configuration file (YAML), compiled to plain structs
 *
 *	discover: yes|no	whether MCP is looked for beyond what watch: names; yes
 *	watch:			what to watch whether it is MCP or not; an entry's
 *	  - exe: GLOB		conditions must all hold, one entry must
 *	    argv: GLOB		over the arguments joined by spaces
 *	    user: NAME|UID
 *	    cgroup: GLOB	over the path below /sys/fs/cgroup
 *	    container: GLOB	over the id or name of its container; none: no match
 *	ignore:			what to leave alone, with all it starts: likewise
 *	log:			the sealed log: see config_log.h
 *	  dir: DIR
 *	content:		how much of what is said is written; the first entry that
 *	  - server: GLOB	fits a server's configured name or key holds
 *	    keep: full|args|hash
 *	ring: SIZE		of the kernel's ring buffer: 32MiB
 *	message_max: SIZE	the longest message kept whole: 32MiB
 *	state: DIR		what lasts from run to run (state.h); none: nothing is kept
 *	control: PATH		the control socket (control_sock.h); none: there is none
 *	metrics_file: PATH	the metrics as a file (metrics_file.h), below an absolute path
 *	metrics_every: TIME	how often it is written, 1s to 1h: 15s
 *	redact:, lists:, macros:, rules:, overrides:, power:	read by mw_rules_add_config
 *(rules.h) anchors:		read by mw_anchor_list_load (anchor.h)
 *	alerts:			read by mw_alert_list_load (alert.h)
 *
 * A glob's * matches slashes and spaces too. SIZE is bytes or has KiB, MiB or GiB behind it. Every
 * key is optional; one that is not known, or is there twice, is an error.
 */
#ifndef MW_IO_CONFIG_H
#define MW_IO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "io/config_content.h"
#include "io/sink_log.h"

struct mw_config_rule {
	char *exe, *argv, *user, *cgroup, *container; /* NULL: no condition */
	uint32_t uid;				      /* of user */
};

struct mw_config_rules {
	struct mw_config_rule *rule;
	size_t n;
};

struct mw_config {
	struct mw_config_rules watch, ignore;
	bool discover;
	struct mw_config_content content;
	/* As `log:` has it; what is not given is zero, but for compress. Its dir is owned here. */
	struct mw_sink_log_config log;
	char *keys_dir;	      /* NULL: not given */
	char *state_dir;      /* NULL: not given */
	char *control;	      /* NULL: not given */
	char *metrics_file;   /* NULL: none */
	uint64_t metrics_ns;  /* from one writing to the next */
	uint32_t ring_len;    /* bytes, a power of two; 0: not given */
	uint64_t message_max; /* bytes; 0: not given */
};

/* No file is longer. */
#define MW_CONFIG_MAX (1u << 20)

/*
 * Reads a file. 0; -EINVAL: its content; another negative errno: it cannot be read (-ENOENT and so
 * on). On failure err holds one line that names the file, and the line in it.
 */
int mw_config_load(const char *path, char *err, size_t err_len, struct mw_config **ret);
/* As mw_config_load, of text; `name` stands for the file in messages. */
int mw_config_parse(const char *name, const char *text, size_t n, char *err, size_t err_len,
		    struct mw_config **ret);
/* What holds where there is no file. 0, -ENOMEM. */
int mw_config_default(struct mw_config **ret);
void mw_config_free(struct mw_config *c);

static inline void mw_config_freep(struct mw_config **c)
{
	mw_config_free(*c);
}

/* What the rules are held against. */
struct mw_config_who {
	struct mw_slice exe, argv, cgroup; /* path; a NUL after each argument; path */
	uint32_t uid;
};

/* Whether a process is one of those a list names. */
bool mw_config_match(const struct mw_config_rules *rules, const struct mw_config_who *who);

/* "8MiB" and so on to bytes. 0, -EINVAL. */
int mw_size_parse(const char *s, uint64_t *ret);

#endif
