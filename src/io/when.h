/* SPDX-License-Identifier: Apache-2.0 */
/* when.h - points in time as people and records write them; ns since 1970 */
#ifndef MW_IO_WHEN_H
#define MW_IO_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 3339 with a zone, as records have it; 1970 to 2261. 0, -EINVAL. */
int mw_when_rfc3339(const char *s, size_t n, int64_t *ret_ns);
/*
 * What people type, against `now_ns`, in local time where no zone is given:
 *	RFC 3339, also without the zone, the time, or its seconds
 *	"10:30", "10:30:15" (today), "noon", "midnight"
 *	"now", "today", "yesterday", "tomorrow"; "monday", "mon": the last one, today too; "last
 *			monday": not today
 *	a day and a time: "yesterday 14:00", "last monday at noon", "2026-01-31 10:30"
 *	"2 hours ago", "90s ago", "an hour ago", "1 day 6 hours ago", "1h30m ago", "-15m", "-1h30m";
 *	"last hour", "last week" (so long ago); months and years by the calendar
 *	"@1700000000"
 * Letters may be capitals. 0, -EINVAL.
 */
int mw_when_parse(const char *s, int64_t now_ns, int64_t *ret_ns);
/* Local time with milliseconds: "12:00:01.234", or with the date before it. */
#define MW_WHEN_LEN 32
void mw_when_format(int64_t ns, bool date, char buf[MW_WHEN_LEN]);

#endif
