/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - the counters as Prometheus text (exposition format 0.0.4)
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/: families with HELP and TYPE, label
 * values with \\, \" and \n escaped, the rest UTF-8. Every name begins with mcpwatch_; what only
 * grows since the start ends in _total. Labels are words of the contract's, rules, tables, and the
 * names of servers, at most MW_TALLY_NAMES_MAX of them: the rest is under "other". The last line is
 * the comment "# EOF", so that who reads it sees that it is whole.
 */
#ifndef MW_IO_METRICS_H
#define MW_IO_METRICS_H

#include "base/buf.h"
#include "io/health.h"

/* More than it ever is. */
#define MW_METRICS_MAX (1u << 20)

/* Appends. 0, -ENOMEM, -E2BIG. */
int mw_metrics_print(const struct mw_health *h, struct mw_buf *out);

#endif
