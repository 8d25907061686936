/* SPDX-License-Identifier: Apache-2.0 */
/* filter_options.h - the filters, the pager's options and --log as rows of a verb's table
 * (options.h) */
#ifndef MW_CLI_FILTER_OPTIONS_H
#define MW_CLI_FILTER_OPTIONS_H

#include "cli/filter.h"
#include "cli/options.h"
#include "cli/pager.h"

/* For a struct mw_filter at offset `at`; a verb that keeps its filters otherwise names another
 * function. */
int mw_filter_take(void *at, const char *verb, const struct mw_option *o, const char *value);
/* For a struct mw_pager. */
int mw_pager_take(void *at, const char *verb, const struct mw_option *o, const char *value);

#define MW_FILTER_ROWS(at, fn)                                                                     \
	MW_OPTION_HEADING("Filters:"),                                                             \
	    MW_OPTION_FN("since", 0, "T", at, fn, MW_FILTER_SINCE,                                 \
			 "from T on: '2 hours ago', -15m, 10:30, yesterday, 'last monday 14:00', " \
			 "2026-01-31, RFC 3339; A..B: and before B"),                              \
	    MW_OPTION_FN("until", 0, "T", at, fn, MW_FILTER_UNTIL, "before T"),                    \
	    MW_OPTION_FN("server", 0, "NAME", at, fn, MW_FILTER_SERVER,                            \
			 "of this server: its name, key or id"),                                   \
	    MW_OPTION_FN("tool", 0, "NAME", at, fn, MW_FILTER_TOOL,                                \
			 "calls of this tool, and what is tied to them"),                          \
	    MW_OPTION_FN("type", 0, "TYPE,...", at, fn, MW_FILTER_TYPE,                            \
			 "call, effect, alert, gap, anomaly; server, tool, request, notice, "      \
			 "daemon, ties, body, seal; or all"),                                      \
	    MW_OPTION_FN("kind", 0, "KIND", at, fn, MW_FILTER_KIND,                                \
			 "effects such as file.delete or 'net.*', and calls with one"),            \
	    MW_OPTION_FN("target", 0, "WHAT", at, fn, MW_FILTER_TARGET,                            \
			 "effects on it, and calls and alerts with one: /etc/passwd, '*.key', "    \
			 "'/etc/**', /etc/ (all below; * stops at a slash, ** does not), "         \
			 "10.0.0.0/8, :443, 192.0.2.7:443, a host name"),                          \
	    MW_OPTION_FN("principal", 0, "WHO", at, fn, MW_FILTER_PRINCIPAL,                       \
			 "by this user, uid, unit, container or token subject"),                   \
	    MW_OPTION_FN("alert", 0, "RULE", at, fn, MW_FILTER_ALERT,                              \
			 "alerts of this rule, and calls that raised one"),                        \
	    MW_OPTION_FN("severity", 0, "LEVEL", at, fn, MW_FILTER_SEVERITY,                       \
			 "alerts this grave or more: low, medium, high, critical"),                \
	    MW_OPTION_FN("status", 0, "STATUS", at, fn, MW_FILTER_STATUS,                          \
			 "calls that ended so, and what is tied to them: ok, tool_error, "         \
			 "rpc_error, cancelled, no_response, lost"),                               \
	    MW_OPTION_FN("call", 0, "ID", at, fn, MW_FILTER_CALL,                                  \
			 "this call, its effects, and what names it"),                             \
	    MW_OPTION_FN("session", 0, "ID", at, fn, MW_FILTER_SESSION, "in this session"),        \
	    MW_OPTION_FN("host", 0, "NAME", at, fn, MW_FILTER_HOST, "of this host"),               \
	    MW_OPTION_FN("pid", 0, "N", at, fn, MW_FILTER_PID,                                     \
			 "done by this process, or of such a server or client"),                   \
	    MW_OPTION_FN("grep", 0, "REGEX", at, fn, MW_FILTER_GREP,                               \
			 "records whose text has a match (POSIX extended)")

/* Below them. */
#define MW_FILTER_AFTER                                                                            \
	"Values may be globs; '!VALUE' leaves out. An option given twice widens, another\n"        \
	"one narrows.\n"

#define MW_PAGER_ROWS(at)                                                                          \
	MW_OPTION_FN("color", 0, "WHEN", at, mw_pager_take, MW_PAGER_COLOUR,                       \
		     "auto (on a terminal, unless NO_COLOR is set), always, never"),               \
	    MW_OPTION_FN("colour", 0, "WHEN", at, mw_pager_take, MW_PAGER_COLOUR, NULL),           \
	    MW_OPTION_FN("no-pager", 0, NULL, at, mw_pager_take, MW_PAGER_NO_PAGER,                \
			 "no pager ($MCPWATCH_PAGER, $PAGER, less) on a terminal")

#define MW_LOG_ROW(at)                                                                             \
	MW_OPTION_LIST("log", 0, "DIR|FILE", at,                                                   \
		       "a log folder, or a file of 'exec --output'; repeatable: merged by time "   \
		       "(default " MW_DEFAULT_LOG ")")

#endif
