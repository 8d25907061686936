/* SPDX-License-Identifier: Apache-2.0 */
#include "core/path.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

/* Room for what follows was reserved: appending cannot fail. */
static void component(struct mw_buf *out, size_t start, bool absolute, struct mw_slice c)
{
	size_t last;

	if (c.n == 0 || (c.n == 1 && c.p[0] == '.'))
		return;
	if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.') {
		for (last = out->len; last > start && out->p[last - 1] != '/';)
			last--;
		/* out ends in [last, len), a component of its own or nothing */
		if (out->len > last &&
		    !(out->len - last == 2 && out->p[last] == '.' && out->p[last + 1] == '.')) {
			out->len = last > start + absolute ? last - 1 : last;
			return;
		}
		if (absolute)
			return;
	}
	if (out->len > start + absolute)
		out->p[out->len++] = '/';
	memcpy(out->p + out->len, c.p, c.n);
	out->len += c.n;
}

static void components(struct mw_buf *out, size_t start, bool absolute, struct mw_slice s)
{
	size_t i, from = 0;

	for (i = 0; i <= s.n; i++)
		if (i == s.n || s.p[i] == '/') {
			component(out, start, absolute, mw_slice(s.p + from, i - from));
			from = i + 1;
		}
}

int mw_path_join(struct mw_buf *out, struct mw_slice base, struct mw_slice asked)
{
	const size_t start = out->len;
	bool absolute;
	int r;

	if (asked.n && asked.p[0] == '/')
		base.n = 0;
	absolute = base.n ? base.p[0] == '/' : asked.n && asked.p[0] == '/';
	r = mw_buf_reserve(out, base.n + asked.n + 2);
	if (r < 0)
		return r;
	if (absolute)
		out->p[out->len++] = '/';
	if (base.n)
		components(out, start, absolute, base);
	if (asked.n)
		components(out, start, absolute, asked);
	if (out->len == start)
		out->p[out->len++] = '.';
	return 0;
}

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool mw_addr_normal(const struct mw_addr *addr, struct mw_addr *ret)
{
	struct mw_addr n = { .port = addr->port, .family = addr->family };

	if (addr->port == 0)
		return false;
	if (addr->family == AF_INET) {
		memcpy(n.ip, addr->ip, 4);
	} else if (addr->family == AF_INET6 && memcmp(addr->ip, mapped, sizeof(mapped)) == 0) {
		n.family = AF_INET;
		memcpy(n.ip, addr->ip + sizeof(mapped), 4);
	} else if (addr->family == AF_INET6) {
		memcpy(n.ip, addr->ip, 16);
	} else {
		return false;
	}
	*ret = n;
	return true;
}

bool mw_addr_same(const struct mw_addr *a, const struct mw_addr *b)
{
	struct mw_addr x, y;

	return mw_addr_normal(a, &x) && mw_addr_normal(b, &y) && x.family == y.family &&
	       x.port == y.port && memcmp(x.ip, y.ip, sizeof(x.ip)) == 0;
}

bool mw_addr_v4(const struct mw_addr *addr, uint32_t *ret)
{
	const uint8_t *p = addr->ip;

	if (addr->family == AF_INET6 && memcmp(p, mapped, sizeof(mapped)) == 0)
		p += sizeof(mapped);
	else if (addr->family != AF_INET)
		return false;
	*ret = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return true;
}

static size_t print_v6(char *out, size_t size, const uint8_t ip[16])
{
	int i, run, best = -1, best_n = 1; /* one group of zeros is not shortened */
	unsigned int g[8];
	size_t n = 0;

	for (i = 0; i < 8; i++)
		g[i] = (unsigned int)ip[2 * i] << 8 | ip[2 * i + 1];
	for (i = 0; i < 8; i += run ? run : 1) {
		for (run = 0; i + run < 8 && g[i + run] == 0;)
			run++;
		if (run > best_n) {
			best = i;
			best_n = run;
		}
	}
	for (i = 0; i < 8; i++) {
		if (i == best) {
			n += (size_t)snprintf(out + n, size - n, "::");
			i += best_n - 1;
			continue;
		}
		n += (size_t)snprintf(out + n, size - n, "%s%x",
				      i && i != best + best_n ? ":" : "", g[i]);
	}
	return n;
}

int mw_addr_print(struct mw_buf *out, const struct mw_addr *addr, struct mw_slice unix_path)
{
	const size_t start = out->len;
	char text[64];
	uint32_t v4, cid, port;
	size_t n;
	int r;

	if (addr->family == AF_UNIX) {
		r = mw_buf_append_str(out, "unix:");
		if (r == 0 && unix_path.n && unix_path.p[0] == '\0') {
			r = mw_buf_append_byte(out, '@');
			unix_path.p++;
			unix_path.n--;
		}
		if (r == 0)
			r = mw_buf_append(out, unix_path.p, unix_path.n);
		if (r < 0)
			out->len = start;
		return r;
	}
	if (mw_addr_v4(addr, &v4)) {
		n = (size_t)snprintf(text, sizeof(text), "%u.%u.%u.%u:%u", v4 >> 24, v4 >> 16 & 255,
				     v4 >> 8 & 255, v4 & 255, addr->port);
	} else if (addr->family == AF_INET6) {
		text[0] = '[';
		n = 1 + print_v6(text + 1, sizeof(text) - 1, addr->ip);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "]:%u", addr->port);
	} else if (addr->family == AF_VSOCK) {
		memcpy(&cid, addr->ip, sizeof(cid));
		memcpy(&port, addr->ip + sizeof(cid), sizeof(port));
		n = (size_t)snprintf(text, sizeof(text), "vsock:%u:%u", cid, port);
	} else {
		return -EINVAL;
	}
	return mw_buf_append(out, text, n);
}

bool mw_addr_loopback(const struct mw_addr *addr)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	uint32_t v4;

	if (mw_addr_v4(addr, &v4))
		return v4 >> 24 == 127;
	return addr->family == AF_INET6 && memcmp(addr->ip, loopback6, sizeof(loopback6)) == 0;
}

bool mw_addr_one_host(const struct mw_addr *a, const struct mw_addr *b)
{
	struct mw_addr x = *a, y = *b;

	x.port = y.port = 1;
	return mw_addr_loopback(a) || mw_addr_loopback(b) || mw_addr_same(&x, &y);
}
