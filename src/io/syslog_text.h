/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog_text.h - a line of syslog, RFC 5424, put together piece by piece
 *
 *	<PRI>1 TIME HOST mcpwatch PID MSGID [ID@32473 NAME="VALUE" ...] MESSAGE
 *
 * 32473 is the number RFC 5612 keeps for those who have none.
 */
#ifndef MW_IO_SYSLOG_TEXT_H
#define MW_IO_SYSLOG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The element of a checkpoint (anchor_text.h), and that of an alert (alert_text.h). */
#define MW_SYSLOG_SD	   "[mcpwatch@32473"
#define MW_SYSLOG_SD_ALERT "[mcpwatchAlert@32473"
/* What every receiver should take (section 6.1). */
#define MW_SYSLOG_ALL_TAKE 2048

/* Bounded; what does not fit makes it full, and it stays so. NUL-terminated. */
struct mw_syslog_text {
	char *p;
	size_t n, max;
	bool full;
};

void mw_syslog_put(struct mw_syslog_text *t, const char *p, size_t n);
void mw_syslog_puts(struct mw_syslog_text *t, const char *s);
/* Up to and with the space behind MSGID. `host` and `msgid` may be any text: what is not printable
 * ASCII is left out of them. time_ns: since 1970; negative counts as 0. */
void mw_syslog_head(struct mw_syslog_text *t, unsigned int pri, int64_t time_ns, const char *host,
		    pid_t pid, const char *msgid);
/* Of the element: a space and NAME="VALUE", escaped (section 6.3.3). */
void mw_syslog_param(struct mw_syslog_text *t, const char *name, const char *p, size_t n);

#endif
