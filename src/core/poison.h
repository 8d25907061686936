/* SPDX-License-Identifier: Apache-2.0 */
/* poison.h - instructions to the model, or hidden text, in what a server says of its tools */
#ifndef MW_CORE_POISON_H
#define MW_CORE_POISON_H

#include "base/alloc.h"
#include "base/slice.h"

/* What was found, as bits; mw_poison_name gives the word that facts have. */
enum mw_poison {
	MW_POISON_HIDDEN = 1,	   /* zero-width, invisible, terminal escapes, long runs of space */
	MW_POISON_BIDI = 2,	   /* bidirectional controls */
	MW_POISON_TAGS = 4,	   /* tag characters, variation selectors that carry bytes */
	MW_POISON_IMPERATIVE = 8,  /* orders to the model about other things than this tool's use */
	MW_POISON_SECRET = 16,	   /* refers to keys, passwords, their files */
	MW_POISON_OTHER_TOOL = 32, /* speaks of another tool's use, by name */
	MW_POISON_CONCEAL = 64,	   /* not to tell the user */
	MW_POISON_SEND = 128,	   /* to send, post, append data somewhere */
};
const char *mw_poison_name(unsigned int bit);

struct mw_poison_found {
	unsigned int bits;
	unsigned int score; /* 0..100: how sure; one sign alone means little (poison_rule.c) */
	size_t n_strings;
	struct mw_slice at; /* the path in the definition of the worst string, such as
			     * "inputSchema.properties.x.description"; static or borrowed from the
			     * scanner until its next use */
};

struct mw_poison_scan;
/* Compiles the patterns once. 0, -ENOMEM. */
int mw_poison_new(const struct mw_alloc *a, struct mw_poison_scan **ret);
void mw_poison_free(struct mw_poison_scan *p);
/*
 * Looks at every string (keys too) of a raw JSON value of any size and depth that json.h takes,
 * whole, in time linear in its length: a score from MW_POISON_ALERT on is for an alert; one weak
 * sign alone ("must", "requires an API key", "first call X") stays far below. `name`: the tool's
 * own (decoded), `others`: names of tools of the same client's other servers, not of its own, which
 * it may well speak of; a word of a language counts only in quotes. All are borrowed for the call.
 * 0, -ENOMEM. A text that is not JSON gives what stands before the fault.
 */
int mw_poison_scan(struct mw_poison_scan *p, struct mw_slice json, struct mw_slice name,
		   const struct mw_slice *others, size_t n_others, struct mw_poison_found *ret);
/* The same of data: a call's arguments or result, a resource's contents. People write about
 * prompts, tools and passwords there, so most signs count less, and a quoted one nothing. 0,
 * -ENOMEM. */
int mw_poison_scan_data(struct mw_poison_scan *p, struct mw_slice json,
			struct mw_poison_found *ret);
#define MW_POISON_ALERT 50 /* a score from here on is for an alert */

#endif
