/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert_text.h - an alert record as text for an outlet
 *
 * `more`: so many alerts before this one did not reach this outlet; 0: none. Texts of the observed
 * world are escaped (escape.h) where they go into a line.
 *
 * A line of syslog, RFC 5424, facility 10 (authpriv); severity: critical 2, high 3, medium 4, low
 *5:
 *
 *	<PRI>1 TIME HOST mcpwatch PID RULE [mcpwatchAlert@32473 rule="..." severity="..." seq="..."
 *	title="..." notSent="N" count="N" server="..." tool="..." user="..." outcome="..."
 *call="..." target="..." tag="..."] MESSAGE
 *
 * call, target and tag are there as often as there are some, but none beyond MW_ALERT_SD_MAX bytes
 * of line; values are cut to MW_ALERT_VALUE_COLS columns. MESSAGE is the line of stderr without its
 * time, or the JSON, which may make the line longer than MW_SYSLOG_ALL_TAKE. Nothing in it reads as
 * a checkpoint (anchor_text.h).
 */
#ifndef MW_IO_ALERT_TEXT_H
#define MW_IO_ALERT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <mcpwatch/record.h>

#define MW_ALERT_SD_MAX	    1400
#define MW_ALERT_VALUE_COLS 160
/* of any text made of an alert */
#define MW_ALERT_TEXT_MAX  (MW_RECORD_MAX + 4096)
#define MW_ALERT_LINE_COLS 1000
/* What a datagram takes; an alert whose JSON is longer goes as text. */
#define MW_ALERT_SYSLOG_JSON_MAX 32768
#define MW_ALERT_MESSAGE_ID	 "5b6f0c6e6f0d4d3f9a3a5d1c7e0b8f42"

struct cJSON;

/* The record, with `"not_sent":N` as its last member if there is more. -EBADMSG: it is no object;
 * -ENOBUFS. */
int mw_alert_json(const char *json, size_t len, uint64_t more, char ret[MW_ALERT_TEXT_MAX],
		  size_t *ret_n);
/* A line for people, with its newline; with colours of a terminal, with the date and time. -EBADMSG
 * (it is no alert), -ENOMEM, -ENOBUFS. */
int mw_alert_line(const struct cJSON *rec, uint64_t more, bool colour, bool time,
		  char ret[MW_ALERT_TEXT_MAX], size_t *ret_n);
/* json NULL: text. As above. */
int mw_alert_syslog(const struct cJSON *rec, uint64_t more, const char *json, size_t json_len,
		    const char *host, char ret[MW_ALERT_TEXT_MAX], size_t *ret_n);
/*
 * Fields of the journal, each "NAME=value": MESSAGE, PRIORITY, MESSAGE_ID (MW_ALERT_MESSAGE_ID),
 * SYSLOG_IDENTIFIER, SYSLOG_FACILITY, MCPWATCH_RULE, _SEVERITY, _TITLE, _SEQ, _SERVER, _TOOL,
 * _USER, _OUTCOME, _COUNT, _NOT_SENT, _CALL, _TARGET, _TAG and MCPWATCH_ALERT, the JSON. Texts
 * stand in them as they are. How many, at most max; each to be freed with mw_alert_fields_done.
 */
int mw_alert_journal(const struct cJSON *rec, uint64_t more, const char *json, size_t len,
		     struct iovec *ret, size_t max);
void mw_alert_fields_done(struct iovec *field, size_t n);

#endif
