/* SPDX-License-Identifier: Apache-2.0 */
/*
 * args.h - what a call's arguments name: files, programs, addresses
 *
 * The strings of the raw JSON arguments (values, not keys; a string that is itself a JSON object or
 * array is looked into, four levels deep) are taken out once, when the call opens, and kept so that
 * a question about one action costs a few table look-ups whatever the size of the arguments.
 *
 * A string names a path if it is
 *   - the path itself, or what the program asked for (asked), or a file: or unix: URL of it;
 *   - an absolute directory of at least two components that the path lies below;
 *   - relative, of at least 4 bytes, and the path ends with "/" and it ("./", "../" and "~/" in
 *     front are dropped).
 * It names an address if it is the address, address:port, or a URL with this host and port;
 * "localhost" is 127.0.0.0/8 and ::1; without a port (and scheme that implies one) any port. A host
 * by its name ("host.name", "name:port", or in a URL) names the addresses that have this name
 * (mw_action.names), and a question to the DNS for it. It names a program that was run if an
 * element of its argv equals it and it has at least 3 bytes and a "/", or at least 6 bytes.
 *
 * It names an HTTP request if it is its URL (scheme and host in any case, default port, fragment,
 * user and a '/' at the end do not matter; with the same query, or none), a URL that it lies below,
 * its path or an end of it as above. A host alone does not: it names the connection.
 *
 * It names a statement of SQL if it is that or has it among others, white space and ';' at its end
 * folded; loosely if a string constant of it of at least 6 bytes is the string, or a number of at
 * least 5 digits the string or number in the arguments.
 *
 * Of "--name=value" the value counts too.
 */
#ifndef MW_CORE_ARGS_H
#define MW_CORE_ARGS_H

#include "base/alloc.h"
#include "core/act.h"

/* The most strings taken from one call's arguments. */
#define MW_ARGS_STRINGS_MAX 1024

struct mw_args;

/* Takes the strings out of a raw JSON text, of at most max bytes of it. Copied. 0, -ENOMEM. A text
 * that is not JSON gives the strings before the fault. */
int mw_args_new(const struct mw_alloc *a, struct mw_slice json, size_t max, struct mw_args **ret);
void mw_args_free(struct mw_args *x);
/* Whether all strings are in: none was left out for a limit. */
bool mw_args_whole(const struct mw_args *x);

enum mw_args_hit {
	MW_ARGS_NONE = 0,
	MW_ARGS_LOOSE, /* a directory above the path, or a relative end of it */
	MW_ARGS_EXACT, /* the path, address or argument itself */
};

/* One action prepared to be looked for in several calls' arguments. Private; some 14 KiB, meant for
 * the stack. Borrows from the action. */
struct mw_args_query {
	struct mw_args_path {
		struct mw_slice s;
		uint64_t full;
		size_t n_above, n_end;
		struct {
			uint64_t hash;
			size_t n;
		} above[64], end[64];
	} path[3];
	struct {
		struct mw_slice s;
		uint64_t hash;
	} word[128];
	size_t n_path, n_word;
	bool addr; /* peer is one to look for */
	struct mw_addr peer;
	bool loose; /* words are only part of what was done */
	struct {
		struct mw_slice s;
		uint64_t hash;
	} host[MW_ACT_NAMES_MAX + 1];
	size_t n_host;
	unsigned int host_port;
	struct mw_slice statement; /* db.statement: its whole text */
	uint8_t urls[2][2048]; /* net.http: its URL in the usual form, with its query, without */
};
void mw_args_query_init(struct mw_args_query *q, const struct mw_action *act);
/* The best way in which the arguments name the action. */
enum mw_args_hit mw_args_match(const struct mw_args *x, const struct mw_args_query *q);
/* Whether the last component of a path, of at least 4 bytes, is a word within one of the strings:
 * "rm -f notes.txt". The first 64 KiB of them are looked at. */
bool mw_args_mention(const struct mw_args *x, struct mw_slice path);

#endif
