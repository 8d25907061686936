/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host.h"

#include <string.h>
#include <sys/socket.h>

#include "base/ascii.h"

#define HOST_MAX 300

static bool parse_uint(struct mw_slice s, size_t digits, unsigned int max, unsigned int *ret)
{
	unsigned int v = 0;

	if (s.n == 0 || s.n > digits)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

static size_t find(struct mw_slice s, uint8_t c)
{
	const uint8_t *p = s.n ? memchr(s.p, c, s.n) : NULL;

	return p ? (size_t)(p - s.p) : s.n;
}

static struct mw_slice from(struct mw_slice s, size_t i)
{
	return i < s.n ? mw_slice_from(s, i) : mw_slice(s.p, 0);
}

static bool parse_v4(struct mw_slice s, uint8_t out[4])
{
	unsigned int v;

	for (int i = 0; i < 4; i++) {
		size_t n = i < 3 ? find(s, '.') : s.n;

		if (!parse_uint(mw_slice(s.p, n), 3, 255, &v) || (i < 3 && n == s.n))
			return false;
		out[i] = (uint8_t)v;
		s = from(s, n + 1);
	}
	return true;
}

static bool parse_v6(struct mw_slice s, uint8_t out[16])
{
	size_t n = 0, gap = SIZE_MAX, digits;
	unsigned int v, d;

	s.n = find(s, '%');
	memset(out, 0, 16);
	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = 0;
		s = from(s, 2);
	}
	while (s.n) {
		if (n <= 12 && find(s, '.') < s.n && find(s, ':') == s.n) {
			if (!parse_v4(s, out + n))
				return false;
			n += 4;
			s.n = 0;
			break;
		}
		v = 0;
		for (digits = 0; digits < s.n && digits < 5 && s.p[digits] != ':'; digits++) {
			uint8_t c = s.p[digits];

			if (c >= '0' && c <= '9')
				d = c - (unsigned int)'0';
			else if ((c | 32) >= 'a' && (c | 32) <= 'f')
				d = (c | 32u) - 'a' + 10;
			else
				return false;
			v = v << 4 | d;
		}
		if (digits == 0 || digits > 4 || n > 14)
			return false;
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
		s = from(s, digits);
		if (s.n == 0)
			break;
		if (s.n == 1) /* a colon at the end */
			return false;
		if (s.p[1] == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			s = from(s, 2);
		} else {
			s = from(s, 1);
		}
	}
	if (gap == SIZE_MAX)
		return n == 16;
	if (n > 14)
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}

bool mw_slice_lower_eq(struct mw_slice s, const char *want)
{
	return mw_slice_eq_nocase(s, mw_slice_str(want));
}

static unsigned int scheme_port(struct mw_slice scheme)
{
	static const struct {
		const char *name;
		unsigned int port;
	} known[] = {
		{ "http", 80 },	     { "https", 443 },	    { "ws", 80 },
		{ "wss", 443 },	     { "ftp", 21 },	    { "ssh", 22 },
		{ "sftp", 22 },	     { "postgres", 5432 },  { "postgresql", 5432 },
		{ "mysql", 3306 },   { "redis", 6379 },	    { "mongodb", 27017 },
		{ "amqp", 5672 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (mw_slice_lower_eq(scheme, known[i].name))
			return known[i].port;
	return 0;
}

bool mw_host_parse(struct mw_slice s, unsigned int port, struct mw_addr *ret)
{
	struct mw_addr addr = { .family = AF_UNSPEC };
	struct mw_slice host = s, rest;
	size_t n;

	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	n = find(s, ':');
	if (s.p[0] == '[') {
		n = find(s, ']');
		if (n == s.n)
			return false;
		host = mw_slice(s.p + 1, n - 1);
		rest = from(s, n + 1);
	} else if (n < s.n && find(from(s, n + 1), ':') < s.n - n - 1) {
		rest = from(s, s.n); /* a bare IPv6 address has no port */
	} else {
		host = mw_slice(s.p, n);
		rest = from(s, n);
	}
	if (rest.n && (rest.p[0] != ':' || !parse_uint(from(rest, 1), 5, 65535, &port)))
		return false;
	if (parse_v4(host, addr.ip))
		addr.family = AF_INET;
	else if (parse_v6(host, addr.ip))
		addr.family = AF_INET6;
	else if (!mw_slice_lower_eq(host, "localhost"))
		return false;
	addr.port = (uint16_t)port;
	*ret = addr;
	return true;
}

struct mw_slice mw_host_authority(struct mw_slice url, unsigned int *ret_port)
{
	struct mw_slice scheme = mw_slice(url.p, find(url, ':')), s = from(url, scheme.n + 1);
	size_t n;

	*ret_port = scheme_port(scheme);
	if (scheme.n == url.n || !mw_slice_starts(s, MW_SLICE_LIT("//")))
		return mw_slice(url.p, 0);
	s = from(s, 2);
	for (n = 0; n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#';)
		n++;
	s.n = n;
	while (n > 0 && s.p[n - 1] != '@')
		n--;
	return from(s, n);
}

bool mw_host_url(struct mw_slice url, struct mw_addr *ret)
{
	unsigned int port;
	const struct mw_slice s = mw_host_authority(url, &port);

	return mw_host_parse(s, port, ret);
}
