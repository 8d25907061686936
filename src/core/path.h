/* SPDX-License-Identifier: Apache-2.0 */
/* path.h - file names and socket addresses as the targets of effects. Bytes, not characters. */
#ifndef MW_CORE_PATH_H
#define MW_CORE_PATH_H

#include <mcpwatch/event.h>

#include "base/buf.h"

/*
 * Appends base and asked joined, without ".", "//" and a trailing "/"; ".." goes lexically, so that
 * the result is a string's word and not the kernel's. asked absolute: base is not used; asked
 * empty: base alone. Without an absolute part the result is relative ("." if nothing is left of
 * it). 0, -E2BIG, -ENOMEM; on failure out is as it was.
 */
int mw_path_join(struct mw_buf *out, struct mw_slice base, struct mw_slice asked);

/*
 * Appends an address: "1.2.3.4:80", "[::1]:80" (RFC 5952; a v4-mapped address as its IPv4 one),
 * "unix:/path", "unix:@name" for an abstract name (unix_path begins with NUL), "vsock:CID:PORT".
 * unix_path is sun_path, used for AF_UNIX only. 0, -EINVAL (no family that has a printed form),
 * -E2BIG, -ENOMEM; on failure out is as it was.
 */
int mw_addr_print(struct mw_buf *out, const struct mw_addr *addr, struct mw_slice unix_path);

/* The address as it is compared: a v4-mapped one as its IPv4 one, nothing behind the address
 * proper. False: neither IPv4 nor IPv6, or port 0; *ret is untouched. */
bool mw_addr_normal(const struct mw_addr *addr, struct mw_addr *ret);
/* Whether both are the same once they are normal. */
bool mw_addr_same(const struct mw_addr *a, const struct mw_addr *b);

/* The IPv4 address in addr, v4-mapped included: true and host order in *ret. */
bool mw_addr_v4(const struct mw_addr *addr, uint32_t *ret);
/* 127.0.0.0/8, v4-mapped included, or ::1: an end on this host, whose process may not be known. */
bool mw_addr_loopback(const struct mw_addr *addr);
/* Whether a connection between them stays on one host: one end is loopback, or both have the same
 * address, whatever the ports. */
bool mw_addr_one_host(const struct mw_addr *a, const struct mw_addr *b);

#endif
