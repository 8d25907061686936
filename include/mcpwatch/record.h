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

#endif
