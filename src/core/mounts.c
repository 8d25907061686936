/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mounts.h"

#include <errno.h>

#include "base/table.h"
#include "core/event.h"

struct mount {
	uint64_t dev;			    /* (major << 32) | minor */
	struct mw_slice root, point, upper; /* in the list's text; upper empty: no overlay */
};

struct list {
	uint8_t *text; /* the unescaped fields */
	size_t n_text, text_cap;
	struct mount *at;
	size_t n, cap;
};

struct ns {
	uint64_t id;
	struct list own, host;
};

struct mw_mounts {
	const struct mw_alloc *a;
	struct mw_table *table;
};

int mw_mounts_new(const struct mw_alloc *a, struct mw_mounts **ret)
{
	struct mw_mounts *m = mw_alloc_zero(a, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->a = a;
	r = mw_table_new(a, sizeof(uint64_t), MW_MOUNTS_NS_MAX, &m->table);
	if (r < 0) {
		mw_mounts_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static void list_done(const struct mw_alloc *a, struct list *l)
{
	mw_alloc_free(a, l->text, l->text_cap);
	mw_alloc_free(a, l->at, l->cap * sizeof(*l->at));
}

static void ns_free(const struct mw_alloc *a, struct ns *ns)
{
	if (!ns)
		return;
	list_done(a, &ns->own);
	list_done(a, &ns->host);
	mw_alloc_free(a, ns, sizeof(*ns));
}

void mw_mounts_free(struct mw_mounts *m)
{
	struct ns *ns;
	size_t pos = 0;

	if (!m)
		return;
	while (m->table && (ns = mw_table_next(m->table, &pos)))
		ns_free(m->a, ns);
	mw_table_free(m->table);
	mw_alloc_free(m->a, m, sizeof(*m));
}

/* --- a line of mountinfo --- */

/* Cuts off what stands before the next `by`; all, if there is none. */
static struct mw_slice cut(struct mw_slice *s, uint8_t by)
{
	const uint8_t *end = s->n ? memchr(s->p, by, s->n) : NULL;
	struct mw_slice field = { s->p, end ? (size_t)(end - s->p) : s->n };
	const size_t used = field.n + (end ? 1 : 0);

	s->p += used;
	s->n -= used;
	return field;
}

static bool number(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 9)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	*ret = v;
	return true;
}

static bool device(struct mw_slice s, uint64_t *ret)
{
	uint64_t major, minor;

	if (!number(cut(&s, ':'), &major) || !number(s, &minor))
		return false;
	*ret = major << 32 | minor;
	return true;
}

static bool is_octal(const uint8_t *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* The kernel writes space, tab, line feed, backslash and # as \ooo. Never longer than it was. */
static struct mw_slice unescape(struct list *l, struct mw_slice s)
{
	uint8_t *to = l->text + l->n_text;
	size_t n = 0;

	for (size_t i = 0; i < s.n; n++) {
		if (s.p[i] == '\\' && s.n - i >= 4 && is_octal(s.p + i + 1)) {
			to[n] = (uint8_t)((s.p[i + 1] - '0') << 6 | (s.p[i + 2] - '0') << 3 |
					  (s.p[i + 3] - '0'));
			i += 4;
		} else {
			to[n] = s.p[i++];
		}
	}
	l->n_text += n;
	return mw_slice(to, n);
}

/* The value of an option "upperdir=..."; commas in it are escaped with a backslash. */
static struct mw_slice upper_of(struct mw_slice options)
{
	const struct mw_slice name = MW_SLICE_LIT("upperdir=");

	while (options.n) {
		struct mw_slice option = cut(&options, ',');

		if (mw_slice_starts(option, name))
			return mw_slice_from(option, name.n);
	}
	return mw_slice(NULL, 0);
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS */
static bool parse_line(struct list *l, struct mw_slice line, struct mount *ret)
{
	struct mw_slice root, point, tag, type, upper;

	cut(&line, ' ');
	cut(&line, ' ');
	if (!device(cut(&line, ' '), &ret->dev))
		return false;
	root = cut(&line, ' ');
	point = cut(&line, ' ');
	cut(&line, ' ');
	do
		tag = cut(&line, ' ');
	while (line.n && !mw_slice_eq_str(tag, "-"));
	type = cut(&line, ' ');
	cut(&line, ' ');
	if (root.n == 0 || root.p[0] != '/' || point.n == 0 || point.p[0] != '/')
		return false;
	upper = mw_slice_eq_str(type, "overlay") ? upper_of(line) : mw_slice(NULL, 0);
	if (upper.n && upper.p[0] != '/')
		upper.n = 0;
	ret->root = unescape(l, root);
	ret->point = unescape(l, point);
	ret->upper = unescape(l, upper);
	return true;
}

static int parse(const struct mw_alloc *a, struct mw_slice text, struct list *ret)
{
	struct mw_slice rest = text;
	struct list l = { 0 };

	while (rest.n && l.cap < MW_MOUNTS_MAX) {
		cut(&rest, '\n');
		l.cap++;
	}
	if (l.cap == 0)
		return 0;
	l.text_cap = text.n;
	l.text = mw_alloc_zero(a, l.text_cap);
	l.at = mw_alloc_zero(a, l.cap * sizeof(*l.at));
	if (!l.text || !l.at) {
		list_done(a, &l);
		return -ENOMEM;
	}
	for (size_t i = 0; i < l.cap; i++)
		l.n += parse_line(&l, cut(&text, '\n'), &l.at[l.n]);
	*ret = l;
	return 0;
}

int mw_mounts_push(struct mw_mounts *m, const struct mw_ev_mounts *ev)
{
	const uint8_t *p = (const uint8_t *)(ev + 1);
	struct ns *ns = mw_alloc_zero(m->a, sizeof(*ns));
	int r;

	ns_free(m->a, mw_table_remove(m->table, &ev->mntns));
	if (!ns)
		return -ENOMEM;
	ns->id = ev->mntns;
	r = parse(m->a, mw_slice(p, ev->host_len), &ns->host);
	if (r == 0)
		r = parse(m->a, mw_slice(p + ev->host_len, ev->ns_len), &ns->own);
	if (r == 0 && mw_table_count(m->table) == MW_MOUNTS_NS_MAX) {
		struct ns *old = mw_table_oldest(m->table);

		mw_table_remove(m->table, &old->id);
		ns_free(m->a, old);
	}
	if (r == 0)
		r = mw_table_put(m->table, &ns->id, ns);
	if (r < 0)
		ns_free(m->a, ns);
	return r;
}

/* --- from one to the other --- */

/* Whether `path` is `dir` or below it; what is left of it then begins with a slash or is empty. */
static bool below(struct mw_slice path, struct mw_slice dir, struct mw_slice *ret)
{
	if (dir.n == 1)
		dir.n = 0; /* the root: every absolute path */
	if (!mw_slice_starts(path, dir) || (path.n > dir.n && path.p[dir.n] != '/'))
		return false;
	*ret = mw_slice_from(path, dir.n);
	return true;
}

/* The mount that a path lies on; of several at one place the last one covers the others. */
static const struct mount *mount_of(const struct list *l, struct mw_slice path,
				    struct mw_slice *ret_rest)
{
	const struct mount *best = NULL;
	struct mw_slice rest;

	for (size_t i = 0; i < l->n; i++) {
		if ((best && l->at[i].point.n < best->point.n) ||
		    !below(path, l->at[i].point, &rest))
			continue;
		best = &l->at[i];
		*ret_rest = rest;
	}
	return best;
}

static int append(struct mw_buf *out, struct mw_slice dir, struct mw_slice rest)
{
	const size_t start = out->len;
	int r = mw_buf_reserve(out, dir.n + rest.n + 1);

	if (r < 0)
		return r;
	if (dir.n > 1) /* a root's slash stands only if nothing else does */
		r = mw_buf_append(out, dir.p, dir.n);
	if (r == 0 && rest.n > 1)
		r = mw_buf_append(out, rest.p, rest.n);
	if (r == 0 && out->len == start)
		r = mw_buf_append_byte(out, '/');
	return r;
}

/* The host's mount that shows this path of a file system, the closest one. */
static const struct mount *host_mount(const struct list *host, uint64_t dev, struct mw_slice inside,
				      struct mw_slice *ret_rest)
{
	const struct mount *best = NULL;
	struct mw_slice rest;

	for (size_t i = 0; i < host->n; i++) {
		const struct mount *h = &host->at[i];

		if (h->dev != dev || (best && h->root.n < best->root.n) ||
		    !below(inside, h->root, &rest))
			continue;
		best = h;
		*ret_rest = rest;
	}
	return best;
}

/* Writes the host's path behind `out`, whose last n bytes are the path inside its file system. */
static int on_host(const struct ns *ns, const struct mount *at, bool written, size_t n,
		   struct mw_buf *out)
{
	struct mw_slice inside = mw_slice(out->p + out->len - n, n), rest;
	const struct mount *h = host_mount(&ns->host, at->dev, inside, &rest);
	const struct mw_slice dir = h ? h->point : at->upper;
	int r;

	if (!h && !(at->upper.n && written))
		return 0;
	if (!h)
		rest = inside;
	n -= (size_t)(rest.p - inside.p);
	r = mw_buf_reserve(out, dir.n + n + 1);
	if (r < 0)
		return r;
	r = append(out, dir, mw_slice(out->p + out->len - n, n));
	return r < 0 ? r : 1;
}

int mw_mounts_host(const struct mw_mounts *m, uint64_t mntns, struct mw_slice path, bool written,
		   struct mw_buf *out)
{
	const struct ns *ns = mntns ? mw_table_get(m->table, &mntns) : NULL;
	const size_t start = out->len;
	const struct mount *at;
	struct mw_slice rest;
	size_t n;
	int r;

	if (!ns || path.n == 0 || path.p[0] != '/')
		return 0;
	at = mount_of(&ns->own, path, &rest);
	if (!at)
		return 0;
	r = append(out, at->root, rest);
	n = out->len - start;
	if (r == 0)
		r = on_host(ns, at, written, n, out);
	if (r <= 0) {
		out->len = start;
		return r;
	}
	memmove(out->p + start, out->p + start + n, out->len - start - n);
	out->len -= n;
	if (!mw_slice_eq(mw_slice(out->p + start, out->len - start), path))
		return 1;
	out->len = start;
	return 0;
}
