/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - secrets out, before a record is built
 *
 * A first redaction, by name: the value of a JSON member, KEY=VALUE word, --flag value pair, or URL
 * part whose name is that of a secret (password, token, api_key, authorization, ...) is replaced by
 * [REDACTED:key:<length in bytes>]. Whole values go, also numbers, objects and arrays. Names are
 * compared decoded, in lower case, with '-', '_', '.' and ' ' taken out, by whole word or ending
 * ("X-Api-Key", "githubToken", "db_password"; not "max_tokens", "tokenizer").
 */
#ifndef MW_CORE_REDACT_H
#define MW_CORE_REDACT_H

#include "base/buf.h"

/* Whether a (decoded) name is a secret's. */
bool mw_redact_name(struct mw_slice name);
/* Appends one valid JSON value, redacted, without white space between tokens, its numbers as they
 * were written, bytes that are not UTF-8 as \ufffd. JSON objects and arrays inside strings are
 * redacted too (one level). *lossy is set, never cleared. 0, -EBADMSG, -E2BIG, -ENOMEM (out as
 * before). */
int mw_redact_json(struct mw_buf *out, struct mw_slice value, bool *lossy);
/* As mw_redact_json, but no more than is needed for the first `stop` bytes: 1 if there is more;
 * what was appended then is the beginning of the redacted text, and no whole JSON. 0 if it is
 * whole. The time is bounded by `stop`, but for passing over the string that it cuts. */
int mw_redact_json_head(struct mw_buf *out, struct mw_slice value, size_t stop, bool *lossy);
/* Appends free text as the inside of a JSON string: KEY=VALUE words, --flag=value, URL user info
 * and query values redacted. 0, -E2BIG, -ENOMEM. */
int mw_redact_text(struct mw_buf *out, struct mw_slice text, bool *lossy);
/* As mw_redact_text, of a request's target (RFC 9112, section 3.2): of its query also the ids of
 * sessions, which are credentials there ("session_id", "sessionId"). 0, -E2BIG, -ENOMEM. */
int mw_redact_target(struct mw_buf *out, struct mw_slice target, bool *lossy);
/* Appends an argv (NUL after each argument) as a JSON array; "--token" redacts the next argument. */
int mw_redact_argv(struct mw_buf *out, struct mw_slice argv, bool *lossy);

#endif
