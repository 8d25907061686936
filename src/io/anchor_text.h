/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor_text.h - a signed checkpoint as a line of syslog, and back
 *
 * RFC 5424, octet for octet what a collector keeps:
 *
 *	<109>1 TIME HOST mcpwatch PID checkpoint [mcpwatch@32473 origin="..." size="..." root="..."
 *	epoch="..." sig="NAME BASE64" sig="NAME BASE64"] checkpoint of SIZE records: [the same
 *again]
 *
 * 109 is facility 13 (log audit), severity 5 (notice). 32473 is the number RFC 5612 keeps for those
 *who have none. The element stands in the message too, because many collectors keep only that;
 *where the line would go beyond 2,048 bytes, which every receiver must take (section 6.1), it does
 *not.
 */
#ifndef MW_IO_ANCHOR_TEXT_H
#define MW_IO_ANCHOR_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MW_ANCHOR_LINE_MAX 8192

/* Of a note (note.h) at a time (ns since 1970). No newline; NUL-terminated. `host` may be any text.
 * 0, -EBADMSG (it is no checkpoint), -ENOBUFS. */
int mw_anchor_syslog(const char *note, size_t n, const char *host, pid_t pid, int64_t time_ns,
		     char ret[MW_ANCHOR_LINE_MAX], size_t *ret_n);

/* The note that a line holds, wherever in it, with a NUL behind it. 1; 0: it holds none; -EBADMSG:
 * what it holds is none. ret has room for MW_NOTE_MAX + 1 bytes. */
int mw_anchor_syslog_read(const char *line, size_t n, char *ret, size_t *ret_n);

#endif
