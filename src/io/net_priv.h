/* SPDX-License-Identifier: Apache-2.0 */
/* net_priv.h - inside of the helper: serving (net_helper.c), and what is said by HTTP
 * (net_witness.c, net_webhook.c) */
#ifndef MW_IO_NET_PRIV_H
#define MW_IO_NET_PRIV_H

#include <curl/curl.h>
#include <stddef.h>

#include "io/net_helper.h"

/* A request to url: POST by HTTP or HTTPS alone, no proxy, no redirection. NULL: no memory. */
CURL *mw_net_curl(const struct mw_net_hello *h, const char *url);
/* Sends body; what curl said of it. The status goes into the answer, a failure as its error. */
CURLcode mw_net_perform(CURL *c, struct curl_slist *headers, const char *body, size_t n,
			struct mw_net_answer *answer);
/* An error with its reason, of which only what is printable stays. */
void mw_net_say(struct mw_net_answer *answer, int error, const char *why);

/* Each serves messages to the end of file. The exit status. */
int mw_net_serve_witness(const struct mw_net_hello *h);
int mw_net_serve_webhook(const struct mw_net_hello *h);

/* One message from the daemon: its length, 0 at the end, or -1. */
ssize_t mw_net_next(char body[MW_NET_BODY_MAX + 1]);
/* False: the daemon is gone. */
bool mw_net_answer(const struct mw_net_answer *answer);

#endif
