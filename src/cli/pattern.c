/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* --- globs --------------------------------------------------------------------------------------
 */

/* [abc], [a-c], [!a] at g[*at], with *at on the bracket: whether c is in it, and *at behind it. One
 * that is not closed is a bracket and nothing else. */
static bool in_set(struct mw_slice g, size_t *at, uint8_t c)
{
	size_t i = *at + 1, first;
	bool not, in = false;

	not = i < g.n && (g.p[i] == '!' || g.p[i] == '^');
	i += not ;
	for (first = i; i < g.n && (g.p[i] != ']' || i == first); i++) {
		uint8_t lo = g.p[i], hi = lo;

		if (lo == '\\' && i + 1 < g.n)
			lo = hi = g.p[++i];
		if (i + 2 < g.n && g.p[i + 1] == '-' && g.p[i + 2] != ']') {
			hi = g.p[i + 2];
			i += 2;
		}
		in |= c >= lo && c <= hi;
	}
	if (i >= g.n) {
		*at += 1;
		return c == '[';
	}
	*at = i + 1;
	return in != not ;
}

/* One character of the pattern against c; *at behind it where it matches. */
static bool one(struct mw_slice g, size_t *at, uint8_t c, bool path)
{
	size_t next = *at;

	if (next >= g.n)
		return false;
	switch (g.p[next]) {
	case '?':
		if (path && c == '/')
			return false;
		next++;
		break;
	case '[':
		if (!in_set(g, &next, c) || (path && c == '/'))
			return false;
		break;
	case '\\':
		next += next + 1 < g.n;
		/* fall through */
	default:
		if (g.p[next++] != c)
			return false;
		break;
	}
	*at = next;
	return true;
}

bool mw_pattern_glob(struct mw_slice g, struct mw_slice s, bool path)
{
	/* where to go on after a mismatch: behind the last * and behind the last ** */
	size_t star = SIZE_MAX, star_from = 0, deep = SIZE_MAX, deep_from = 0;
	size_t p = 0, i = 0;
	bool parts = false; /* the last ** stands for whole parts */

	while (i < s.n || p < g.n) {
		if (p + 1 < g.n && path && g.p[p] == '*' && g.p[p + 1] == '*') {
			parts = (p == 0 || g.p[p - 1] == '/') && p + 2 < g.n && g.p[p + 2] == '/';
			for (p += parts ? 3 : 2; !parts && p < g.n && g.p[p] == '*'; p++)
				;
			deep = p;
			deep_from = i;
			star = SIZE_MAX;
			continue;
		}
		if (p < g.n && g.p[p] == '*') {
			star = ++p;
			star_from = i;
			continue;
		}
		if (i < s.n && one(g, &p, s.p[i], path)) {
			i++;
			continue;
		}
		if (star != SIZE_MAX && star_from < s.n && !(path && s.p[star_from] == '/')) {
			p = star;
			i = ++star_from;
			continue;
		}
		if (deep == SIZE_MAX || deep_from >= s.n)
			return false;
		/* to the next place where it may end */
		deep_from++;
		while (parts && deep_from < s.n && s.p[deep_from - 1] != '/')
			deep_from++;
		p = deep;
		i = deep_from;
		star = SIZE_MAX;
	}
	return true;
}

/* --- addresses ----------------------------------------------------------------------------------
 */

struct addr {
	uint8_t b[16];
	bool has_addr, has_port, v4;
	uint16_t port;
};

static bool digits(const char *s, unsigned int max, unsigned int *ret)
{
	unsigned int v = 0;

	if (!*s || strlen(s) > 5)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = 10 * v + (unsigned int)(*s - '0');
	}
	*ret = v;
	return v <= max;
}

static bool address(const char *s, struct addr *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, s, ret->b + 12) == 1) {
		memcpy(ret->b, mapped, sizeof(mapped));
		ret->v4 = true;
		return true;
	}
	if (inet_pton(AF_INET6, s, ret->b) != 1)
		return false;
	ret->v4 = memcmp(ret->b, mapped, sizeof(mapped)) == 0;
	return true;
}

#define ADDR_MAX 80

/* "192.0.2.7", "192.0.2.7:443", "::1", "[::1]", "[::1]:443" */
static bool parse_addr(struct mw_slice s, struct addr *ret)
{
	char buf[ADDR_MAX], *host = buf, *port = NULL, *end;
	unsigned int n;

	*ret = (struct addr){ 0 };
	if (s.n == 0 || s.n >= sizeof(buf) || !memchr("0123456789abcdefABCDEF:[", s.p[0], 24))
		return false;
	memcpy(buf, s.p, s.n);
	buf[s.n] = '\0';
	if (strlen(buf) != s.n)
		return false;
	if (*host == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else {
		end = strchr(host, ':');
		/* more than one: IPv6 without a port */
		if (end && !strchr(end + 1, ':')) {
			*end = '\0';
			port = end + 1;
		}
	}
	ret->has_addr = address(host, ret);
	if (!ret->has_addr)
		return false;
	if (port) {
		if (!digits(port, 65535, &n))
			return false;
		ret->has_port = true;
		ret->port = (uint16_t)n;
	}
	return true;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	const unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return !rest || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool match_addr(const struct mw_pattern *p, const struct addr *a)
{
	if (p->has_port && !(a->has_port && a->port == p->port))
		return false;
	return !p->has_addr || same_bits(p->addr, a->b, p->bits);
}

/* Whether it is one; -EINVAL: it is, with a network or port that there cannot be. */
static int target_addr(struct mw_pattern *p)
{
	char buf[ADDR_MAX];
	unsigned int bits, n;
	struct addr a;
	char *slash;

	if (p->text.n >= sizeof(buf))
		return 0;
	memcpy(buf, p->text.p, p->text.n);
	buf[p->text.n] = '\0';
	if (*buf == ':' && digits(buf + 1, UINT32_MAX, &n)) {
		p->has_port = true;
		p->port = (uint16_t)n;
		return n > 65535 ? -EINVAL : 1;
	}
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = '\0';
	if (!parse_addr(mw_slice_str(buf), &a)) {
		/* an address and a port that is none */
		slash = strrchr(buf, ':');
		if (slash && digits(slash + 1, UINT32_MAX, &n)) {
			*slash = '\0';
			if (parse_addr(mw_slice_str(buf), &a) && !a.has_port)
				return -EINVAL;
		}
		return 0;
	}
	bits = a.v4 ? 32 : 128;
	if (slash && (!digits(slash, bits, &bits) || a.has_port))
		return -EINVAL;
	p->has_addr = true;
	p->bits = bits + (a.v4 ? 96 : 0);
	memcpy(p->addr, a.b, sizeof(a.b));
	p->has_port = a.has_port;
	p->port = a.port;
	return 1;
}

/* --- lists --------------------------------------------------------------------------------------
 */

static int add(struct mw_patterns *l, const char *s, struct mw_pattern **ret)
{
	struct mw_pattern *p;

	p = reallocarray(l->p, l->n + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	l->p = p;
	p += l->n;
	*p = (struct mw_pattern){ .no = *s == '!' };
	p->text = mw_slice_str(s + p->no);
	if (p->text.n == 0)
		return -EINVAL;
	*ret = p;
	return 0;
}

static void added(struct mw_patterns *l, const struct mw_pattern *p)
{
	l->n++;
	l->n_yes += !p->no;
}

int mw_patterns_add_name(struct mw_patterns *l, const char *s)
{
	struct mw_pattern *p;
	int r = add(l, s, &p);

	if (r == 0)
		added(l, p);
	return r;
}

int mw_patterns_add_target(struct mw_patterns *l, const char *s)
{
	struct mw_pattern *p;
	int r = add(l, s, &p);

	if (r < 0)
		return r;
	r = target_addr(p);
	if (r < 0)
		return r;
	added(l, p);
	return 0;
}

void mw_patterns_done(struct mw_patterns *l)
{
	free(l->p);
	*l = (struct mw_patterns){ 0 };
}

static void matched(const struct mw_pattern *p, struct mw_matched *m)
{
	if (p->no)
		m->no = true;
	else
		m->yes = true;
}

void mw_patterns_name(const struct mw_patterns *l, struct mw_slice value, struct mw_matched *m)
{
	for (size_t i = 0; value.n && i < l->n; i++)
		if (mw_slice_eq(l->p[i].text, value) || mw_pattern_glob(l->p[i].text, value, false))
			matched(&l->p[i], m);
}

static bool match_text(struct mw_slice g, struct mw_slice value)
{
	struct mw_slice dir, name;
	const uint8_t *v;

	if (mw_slice_eq(g, value))
		return true;
	if (!memchr(g.p, '/', g.n)) {
		if (mw_pattern_glob(g, value, true))
			return true;
		name = mw_slice_name(value);
		return name.n < value.n && mw_pattern_glob(g, name, true);
	}
	if (g.p[g.n - 1] == '/' && g.n > 1) {
		dir = mw_slice(g.p, g.n - 1);
		/* the folder, or any above the target that is it */
		if (match_text(dir, value))
			return true;
		for (v = value.p; (v = memchr(v, '/', (size_t)(value.p + value.n - v))); v++)
			if (v > value.p &&
			    match_text(dir, mw_slice(value.p, (size_t)(v - value.p))))
				return true;
		return false;
	}
	if (mw_pattern_glob(g, value, true))
		return true;
	if (g.p[0] == '/' || g.p[0] == '*')
		return false;
	for (v = value.p; (v = memchr(v, '/', (size_t)(value.p + value.n - v)));) {
		v++;
		if (mw_pattern_glob(g, mw_slice(v, (size_t)(value.p + value.n - v)), true))
			return true;
	}
	return false;
}

void mw_patterns_target(const struct mw_patterns *l, struct mw_slice value, struct mw_matched *m)
{
	bool parsed = false, is_addr = false;
	struct addr a;

	for (size_t i = 0; value.n && i < l->n; i++) {
		const struct mw_pattern *p = &l->p[i];

		if (p->has_addr || p->has_port) {
			if (!parsed)
				is_addr = parse_addr(value, &a);
			parsed = true;
			if (is_addr && match_addr(p, &a))
				matched(p, m);
		} else if (match_text(p->text, value)) {
			matched(p, m);
		}
	}
}
