/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what a record is
 *
 * One JSON object on one line, UTF-8, keys in the order the contract gives, at most MW_RECORD_MAX
 * bytes without its newline. Fields that do not apply are left out, never null or "". Redacted before
 * it is built; never changed after it was written. The JSON Schema is src/dist/record.schema.json.
 */
#ifndef MCPWATCH_RECORD_H
#define MCPWATCH_RECORD_H

#define MW_RECORD_VERSION 1
#define MW_RECORD_MAX 65535

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A finished record, lent by whoever gives it. */
struct mw_record {
	const char *json; /* one line of len bytes without its newline */
	size_t len;
	uint64_t seq;
	bool urgent; /* an alert, an exec or a deletion: to be sealed at once */
	bool seal;   /* a seal record: what MW_EV_SEAL asked for */
	unsigned int alert; /* an alert record: its severity, enum mw_severity (core/policy.h); else 0 */
};

#endif
