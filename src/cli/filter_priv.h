/* SPDX-License-Identifier: Apache-2.0 */
/* filter_priv.h - between filter.c and filter_match.c */
#ifndef MW_CLI_FILTER_PRIV_H
#define MW_CLI_FILTER_PRIV_H

/* The types of records, in the order of the bits of mw_filter.types; NULL ends them. */
extern const char *const mw_filter_types[];
/* From low on. */
extern const char *const mw_filter_severities[];

#endif
