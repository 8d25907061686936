/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog.h - one message to a syslog collector
 *
 * Addresses: "udp://HOST[:PORT]" (514), "tcp://HOST[:PORT]" (601; octet counting, RFC 6587 section
 * 3.4.1), "unix:/PATH" (a datagram socket). HOST may be an IPv6 address in brackets.
 */
#ifndef MW_IO_SYSLOG_H
#define MW_IO_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>

/* The connection, which is kept; {-1} at first. */
struct mw_syslog_to {
	int fd;
	bool stream;
};

/* Whether it is an address of one of these forms. */
bool mw_syslog_address(const char *address);

/*
 * Connects if need be and sends. A connection that has ended meanwhile is made anew once. 0;
 * negative errno: -ENOENT (no such host), -ETIMEDOUT and others, and the connection is closed. By
 * TCP and UDP 0 says that it was sent, not that it arrived.
 */
int mw_syslog_send(struct mw_syslog_to *to, const char *address, int timeout_ms, const char *msg,
		   size_t n);

#endif
