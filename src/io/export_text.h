/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_text.h - what a record tells, as one line of text, and names out of it, for the formats of
 * the timeline
 *
 * Text is decoded and not escaped: who writes it escapes it for his format.
 */
#ifndef MW_IO_EXPORT_TEXT_H
#define MW_IO_EXPORT_TEXT_H

#include "base/buf.h"
#include "base/slice.h"
#include "io/exporter.h"

/* A line is never longer, nor one of the texts in it. */
#define MW_ETEXT_MAX	  1024
#define MW_ETEXT_PART_MAX 400

/* What a record tells, in a line for people: "billing get_invoice: ok, 6.562 ms, 2 effects".
 * `out`'s old content goes. 0, -ENOMEM. */
int mw_etext_line(const struct mw_export_item *item, struct mw_buf *out);

/* What a server or client is called: the raw value of its configured name, else its own, else its
 * key, else its id; n 0: it has none. */
struct mw_slice mw_etext_name(struct mw_slice server);

/* The value of an `effect`'s or a `call`'s member that says whether it came off: "ok", or else. */
static inline bool mw_etext_is(struct mw_slice raw, const char *want)
{
	size_t n = strlen(want);

	return raw.n == n + 2 && memcmp(raw.p + 1, want, n) == 0;
}

/* What is wrong, or that nothing is, and what the export holds, in one line, into `out` (its old
 * content goes). 0, -ENOMEM. */
int mw_etext_about(const struct mw_export_about *about, struct mw_buf *out);

#endif
