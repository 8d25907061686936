/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - what a filter's value matches: names, paths, addresses
 *
 * A pattern that begins with ! leaves out what the rest of it matches ("\!x" is a name that
 * begins so). A value equal to the pattern always matches. In globs ? is one character, * any
 * number, [a-c] and [!a] one of a set, \ takes the next as it is.
 *
 * Names (tools, users, rules): * matches anything.
 *
 * Targets, as in .gitignore (a blank behind a slash is only to keep this a comment):
 *	/etc/ *.conf	with a slash: the whole path; * and ? stay within one part of it
 *	/etc/ **	** crosses parts; as a part of its own it may be none: /a/ ** /b matches
 *			/a/b
 *	/etc/ssh/	a slash at the end: the folder and all below it
 *	ssh/id_rsa	not from the root: wherever a path ends with it
 *	id_rsa, *.key	without a slash: the last part of a path, or all of what is no path
 *	10.0.0.0/8, fd00::/8, 192.0.2.7, [::1]:443, 192.0.2.7:443, :443
 *			addresses, networks and ports; an IPv4 address mapped to IPv6 is that of
 *			IPv4
 */
#ifndef MW_CLI_PATTERN_H
#define MW_CLI_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct mw_pattern {
	struct mw_slice text; /* without its !; borrowed */
	bool no;	      /* it had one */
	/* of a target */
	bool has_addr, has_port;
	uint8_t addr[16]; /* IPv6, or IPv4 mapped to it */
	unsigned int bits;
	uint16_t port;
};

/* Several for one option. Zeroed: none. */
struct mw_patterns {
	struct mw_pattern *p;
	size_t n, n_yes; /* n_yes: those without ! */
};

/* Both borrow s. 0; -EINVAL: it is empty, or an address with a network or port that there cannot
 * be; -ENOMEM. */
int mw_patterns_add_name(struct mw_patterns *l, const char *s);
int mw_patterns_add_target(struct mw_patterns *l, const char *s);
void mw_patterns_done(struct mw_patterns *l);

/* What was matched by the values of one record. Zeroed at first. */
struct mw_matched {
	bool yes, no;
};

/* One value; an empty slice is none. */
void mw_patterns_name(const struct mw_patterns *l, struct mw_slice value, struct mw_matched *m);
void mw_patterns_target(const struct mw_patterns *l, struct mw_slice value, struct mw_matched *m);

/* Whether a record with such values passes: no ! matched, and another did where there is one. */
static inline bool mw_patterns_pass(const struct mw_patterns *l, struct mw_matched m)
{
	return !m.no && (m.yes || l->n_yes == 0);
}

/* Whether a glob matches all of s; `path`: * and ? stop at slashes, ** does not. */
bool mw_pattern_glob(struct mw_slice glob, struct mw_slice s, bool path);

#endif
