/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - the address that a text names, without asking anyone */
#ifndef MW_CORE_HOST_H
#define MW_CORE_HOST_H

#include <mcpwatch/event.h>

#include "base/slice.h"

/*
 * "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80", "localhost", "localhost:80": all of s. A
 * port in s outranks `port`; 0 is any. "localhost" gives family AF_UNSPEC. False: names no address;
 * *ret is untouched.
 */
bool mw_host_parse(struct mw_slice s, unsigned int port, struct mw_addr *ret);
/* The same of scheme://[user@]host[:port][/...]; without a port that of the scheme, where known. */
bool mw_host_url(struct mw_slice url, struct mw_addr *ret);
/* "host:port" of scheme://[user@]host[:port][/...]; *ret_port that of the scheme, or 0. Empty: it
 * has none. Part of url. */
struct mw_slice mw_host_authority(struct mw_slice url, unsigned int *ret_port);
/* Whether s is want (in lower case), whatever the case of its ASCII letters. */
bool mw_slice_lower_eq(struct mw_slice s, const char *want);

#endif
