/* SPDX-License-Identifier: Apache-2.0 */
#include "io/trail_target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/host.h"
#include "core/path.h"

static const struct mw_slice localhost[] = { { (const uint8_t *)"localhost", 9 },
					     { (const uint8_t *)"127.0.0.1", 9 },
					     { (const uint8_t *)"[::1]", 5 } };

static int hex(uint8_t c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* The path of a file: URL, percent signs resolved. */
static int file_path(struct mw_slice s, struct mw_buf *out, struct mw_slice *ret)
{
	const size_t at = out->len;
	int r = 0;

	for (size_t i = 0; i < s.n && r == 0; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			r = mw_buf_append_byte(out,
					       (uint8_t)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2])));
			i += 2;
		} else {
			r = mw_buf_append_byte(out, s.p[i]);
		}
	}
	*ret = mw_slice(out->p + at, out->len - at);
	return r;
}

static int lower(struct mw_buf *out, struct mw_slice s)
{
	int r = 0;

	for (size_t i = 0; i < s.n && r == 0; i++)
		r = mw_buf_append_byte(out, (uint8_t)tolower(s.p[i]));
	return r;
}

/* Without the port, which is told from an IPv6 address by its bracket. */
static struct mw_slice host_of(struct mw_slice authority, bool *ret_port)
{
	const uint8_t *colon = authority.n ? memrchr(authority.p, ':', authority.n) : NULL;

	*ret_port = false;
	if (!colon || memchr(colon, ']', authority.n - (size_t)(colon - authority.p)))
		return authority;
	*ret_port = true;
	return mw_slice(authority.p, (size_t)(colon - authority.p));
}

static bool numeric(struct mw_slice authority)
{
	struct mw_addr addr;

	return mw_host_parse(authority, 0, &addr);
}

/*
 * host:port in lower case. The offsets stay good when the buffer moves; the slices are made at the
 * end.
 */
static int put_authority(struct mw_slice a, unsigned int port, struct mw_buf *out, bool *ret_port)
{
	char text[16];
	int r = lower(out, a);

	(void)host_of(a, ret_port);
	if (r == 0 && !*ret_port && port) {
		snprintf(text, sizeof(text), ":%u", port);
		r = mw_buf_append_str(out, text);
		*ret_port = true;
	}
	return r;
}

static int parse_url(struct mw_slice s, size_t scheme, struct mw_buf *out, struct mw_target *ret)
{
	const size_t at = out->len;
	unsigned int port = 0;
	struct mw_slice a = mw_host_authority(s, &port);
	size_t from, host_at, host_n, n;
	struct mw_slice rest;
	bool has_port;
	int r;

	if (a.n == 0) /* nothing that could be asked for */
		return 0;
	r = lower(out, mw_slice(s.p, scheme));
	if (r == 0)
		r = mw_buf_append_str(out, "://");
	host_at = out->len;
	if (r == 0)
		r = put_authority(a, port, out, &has_port);
	if (r < 0)
		return r;
	host_n = out->len - host_at;
	from = (size_t)(a.p + a.n - s.p);
	rest = mw_slice_from(s, from);
	for (n = 0; n < rest.n && rest.p[n] != '?' && rest.p[n] != '#'; n++)
		;
	while (n > 0 && rest.p[n - 1] == '/')
		n--;
	r = mw_buf_append(out, rest.p, n);
	if (r < 0)
		return r;
	*ret = (struct mw_target){ .form = MW_TARGET_URL,
				   .text = mw_slice(out->p + at, out->len - at),
				   .authority = mw_slice(out->p + host_at, host_n) };
	return 0;
}

int mw_target_parse(struct mw_slice text, struct mw_buf *out, struct mw_target *ret)
{
	struct mw_target t = { .text = text };
	const size_t at = out->len;
	size_t scheme = 0, n;
	struct mw_slice path;
	bool has_port;
	int r;

	/* so that what is appended never moves what was */
	r = mw_buf_reserve(out, 3 * text.n + 64);
	if (r < 0)
		return r;
	while (scheme < text.n && (isalnum(text.p[scheme]) || memchr("+-.", text.p[scheme], 3)))
		scheme++;
	if (scheme > 1 && text.n > scheme + 3 && memcmp(text.p + scheme, "://", 3) == 0) {
		if (scheme == 4 && strncasecmp((const char *)text.p, "file", 4) == 0) {
			n = scheme + 3;
			while (n < text.n && text.p[n] != '/')
				n++;
			r = file_path(mw_slice_from(text, n), out, &path);
			if (r < 0)
				return r;
			text = path;
		} else {
			r = parse_url(text, scheme, out, &t);
			if (r < 0)
				return r;
		}
	}
	if (t.form == MW_TARGET_NAME && text.n && text.p[0] == '/') {
		const size_t from = out->len;

		r = mw_path_join(out, mw_slice(NULL, 0), text);
		if (r < 0)
			return r;
		t.form = MW_TARGET_PATH;
		t.text = mw_slice(out->p + from, out->len - from);
	} else if (t.form == MW_TARGET_NAME && numeric(text)) {
		(void)host_of(text, &has_port);
		if (has_port) {
			r = put_authority(text, 0, out, &has_port);
			if (r < 0)
				return r;
			t.form = MW_TARGET_ADDR;
			t.text = t.authority = mw_slice(out->p + at, out->len - at);
		}
	}
	if (t.authority.n) {
		t.host = host_of(t.authority, &has_port);
		t.numeric = numeric(t.authority);
	}
	*ret = t;
	return 0;
}

bool mw_target_ends(struct mw_slice path, struct mw_slice name)
{
	while (name.n > 1 && name.p[0] == '.' && name.p[1] == '/')
		name = mw_slice_from(name, 2);
	return name.n && mw_slice_ends(path, name) &&
	       (path.n == name.n || path.p[path.n - name.n - 1] == '/');
}

bool mw_target_within(struct mw_slice path, struct mw_slice dir)
{
	return mw_slice_starts(path, dir) &&
	       (path.n == dir.n || dir.n == 1 || path.p[dir.n] == '/');
}

/* The port with its colon where the host is this one itself. */
static bool local_port(struct mw_slice a, struct mw_slice *ret)
{
	for (size_t i = 0; i < sizeof(localhost) / sizeof(localhost[0]); i++)
		if (mw_slice_starts(a, localhost[i])) {
			*ret = mw_slice_from(a, localhost[i].n);
			return ret->n == 0 || ret->p[0] == ':';
		}
	return false;
}

bool mw_target_same_authority(struct mw_slice a, struct mw_slice b)
{
	struct mw_slice x, y;

	return mw_slice_eq(a, b) || (local_port(a, &x) && local_port(b, &y) && mw_slice_eq(x, y));
}
