/* SPDX-License-Identifier: Apache-2.0 */
/* http_priv.h - between http.c and http_head.c */
#ifndef MW_CORE_HTTP_PRIV_H
#define MW_CORE_HTTP_PRIV_H

#include "core/http.h"
#include "core/inflate.h"

/* Feeds one byte of what may be a start line to a matcher that begins zeroed. */
enum mw_sniff mw_http_start_feed(struct mw_http_start *s, uint8_t c);

/* What a head says about the body behind it (RFC 9112 section 6.3), a request with HEAD or CONNECT
 * not reckoned with. */
enum mw_http_body {
	MW_HTTP_BODY_NONE = 0,
	MW_HTTP_BODY_LENGTH,
	MW_HTTP_BODY_CHUNKED,
	MW_HTTP_BODY_CLOSE, /* until the connection ends */
};

struct mw_http_framing {
	enum mw_http_body body;
	uint64_t length;
	enum mw_coding coding;
	const char *odd;
	bool upgrade; /* a request for another protocol */
};

/* Takes a whole head apart and judges every field. 0, or -EBADMSG and *ret_odd. */
int mw_http_head_check(struct mw_slice bytes, struct mw_http_head *ret,
		       struct mw_http_framing *ret_framing, const char **ret_odd);
/* The same for the lines of a trailer: 0, -EBADMSG. *ret_odd also with 0, or NULL. */
int mw_http_trailer_check(struct mw_slice bytes, const char **ret_odd);
/* Whether c may stand in a token (RFC 9110 section 5.6.2). */
bool mw_http_tchar(uint8_t c);

#endif
