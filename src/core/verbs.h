/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what a tool's name says that it does; the hosts that arguments name */
#ifndef MW_CORE_VERBS_H
#define MW_CORE_VERBS_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/slice.h"

/* Of a name, as bits. */
enum mw_verb {
	MW_VERB_ACTS = 1,    /* it must change or send something, or run a program */
	MW_VERB_DELETES = 2, /* ... or MW_VERB_KEEPS: take something away */
	MW_VERB_SENDS = 4,   /* ... give something to others */
	MW_VERB_READS = 8,   /* it only looks: get, list, search */
	/* it changes something, which may be in the server's memory only: set_working_dir */
	MW_VERB_KEEPS = 16,
};

/*
 * By the words of the name (snake, camel, kebab, dotted; a server's prefix such as "mcp__files__"
 * may stand before) and of the title: a verb at the beginning or, for names such as "file_delete",
 * at the end. A name that begins with a word of looking ("get_deleted_files", "list_sent") or of
 * checking
 * ("validate_", "preview_", "can_delete") acts not. Both are decoded; either may be empty, and the
 * name outranks the title. 0: it says nothing.
 */
unsigned int mw_verbs(struct mw_slice name, struct mw_slice title);

/*
 * The hosts that the strings of raw JSON arguments name, each once, in lower case, without port and
 * brackets: of URLs anywhere in a text, and strings that are a host, host:port or an address (also
 * user@host). A word with a dot is a host only if it has the form of one and no file's ending
 * ("report.txt"). Names in other scripts stay as they are. At most max into ret, which borrow from
 * `text`. How many were taken, or -ENOMEM.
 */
int mw_arg_hosts(const struct mw_alloc *a, struct mw_slice args, struct mw_buf *text,
		 struct mw_slice *ret, size_t max);

#endif
