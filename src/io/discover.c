/* SPDX-License-Identifier: Apache-2.0 */
#include "io/discover.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "core/path.h"
#include "io/file.h"

#define EDGES_MAX 262144

/* A process's end of a channel. */
struct hold {
	uint64_t chan, ino;
	uint32_t tgid;
	bool writes;
};

/* `w` writes what `r` reads. */
struct edge {
	uint32_t w, r;
	uint64_t chan, ino;
};

#define ORDER(a, b)                                                                                \
	do {                                                                                       \
		if ((a) != (b))                                                                    \
			return (a) < (b) ? -1 : 1;                                                 \
	} while (0)

static int by_chan(const void *pa, const void *pb)
{
	const struct hold *a = pa, *b = pb;

	ORDER(a->chan, b->chan);
	ORDER(b->writes, a->writes); /* writers first */
	ORDER(a->tgid, b->tgid);
	ORDER(b->ino, a->ino);
	return 0;
}

static int by_processes(const void *pa, const void *pb)
{
	const struct edge *a = pa, *b = pb;

	ORDER(a->w, b->w);
	ORDER(a->r, b->r);
	ORDER(a->chan, b->chan);
	return 0;
}

static size_t list_holds(const struct mw_fd_info *f, size_t n, uint32_t self, struct hold *out)
{
	size_t k = 0;

	for (const struct mw_fd_info *end = f + n; f < end; f++) {
		if (f->tgid == self)
			continue;
		if (f->is == MW_FD_PIPE) {
			if (f->writable)
				out[k++] = (struct hold){ f->chan, f->ino, f->tgid, true };
			if (f->readable)
				out[k++] = (struct hold){ f->chan, f->ino, f->tgid, false };
		} else if (f->is == MW_FD_UNIX && f->other) {
			out[k++] = (struct hold){ f->chan, f->ino, f->tgid, true };
			out[k++] = (struct hold){ f->other, 0, f->tgid, false };
		}
	}
	return k;
}

/* The holders of one channel, without doubles, writers first: all edges between them. */
static size_t add_edges(struct hold *h, size_t n, struct edge *out, size_t room)
{
	size_t n_w = 0, i, k, uniq = 0, made = 0;

	for (i = 0; i < n; i++)
		if (!uniq || h[uniq - 1].tgid != h[i].tgid || h[uniq - 1].writes != h[i].writes)
			h[uniq++] = h[i];
	while (n_w < uniq && h[n_w].writes)
		n_w++;
	if (n_w * (uniq - n_w) > MW_DISCOVER_HOLDERS)
		return 0;
	for (i = 0; i < n_w; i++)
		for (k = n_w; k < uniq && made < room; k++)
			if (h[i].tgid != h[k].tgid)
				out[made++] =
				    (struct edge){ h[i].tgid, h[k].tgid, h[i].chan, h[i].ino };
	return made;
}

static bool same_pair(const struct edge *a, const struct edge *b)
{
	return a->w == b->w && a->r == b->r;
}

/* The first edge that is not before one of w to r, or n. */
static size_t seek_edge(const struct edge *e, size_t n, uint32_t w, uint32_t r)
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (e[mid].w < w || (e[mid].w == w && e[mid].r < r))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The first edge of w to r, or n. */
static size_t find_edge(const struct edge *e, size_t n, uint32_t w, uint32_t r)
{
	size_t at = seek_edge(e, n, w, r);

	return at < n && e[at].w == w && e[at].r == r ? at : n;
}

/* Whether more than MW_DISCOVER_HUB read what it writes. A bus writes to all it talks to. */
static bool is_hub(const struct edge *e, size_t n, uint32_t tgid)
{
	size_t at = seek_edge(e, n, tgid, 0), peers = 0;

	for (; at < n && e[at].w == tgid && peers <= MW_DISCOVER_HUB; at++)
		peers += at + 1 == n || !same_pair(&e[at], &e[at + 1]);
	return peers > MW_DISCOVER_HUB;
}

static void add_chans(struct mw_pair *p, const struct edge *e, size_t n, size_t at)
{
	const struct edge *first = &e[at];
	/* each direction has its share */
	size_t until = p->n + MW_PAIR_CHANS / 2;

	for (; at < n && same_pair(first, &e[at]) && p->n < until; at++) {
		p->chans[p->n].chan = e[at].chan;
		p->chans[p->n++].ino = e[at].ino;
	}
}

int mw_discover_pairs(const struct mw_fd_info *files, size_t n, uint32_t self, size_t max,
		      struct mw_pair **ret, size_t *ret_n)
{
	_cleanup_(mw_freep) struct hold *holds = calloc(2 * n + 1, sizeof(*holds));
	_cleanup_(mw_freep) struct edge *edges = NULL;
	_cleanup_(mw_freep) struct mw_pair *pairs = calloc(max, sizeof(*pairs));
	size_t n_holds, n_edges = 0, n_pairs = 0, room, i, k, back;

	if (!holds || !pairs)
		return -ENOMEM;
	n_holds = list_holds(files, n, self, holds);
	qsort(holds, n_holds, sizeof(*holds), by_chan);
	room = n_holds * MW_DISCOVER_HOLDERS + 1;
	if (room > EDGES_MAX)
		room = EDGES_MAX;
	edges = calloc(room, sizeof(*edges));
	if (!edges)
		return -ENOMEM;
	for (i = 0; i < n_holds; i = k) {
		for (k = i + 1; k < n_holds && holds[k].chan == holds[i].chan; k++)
			;
		n_edges += add_edges(&holds[i], k - i, &edges[n_edges], room - n_edges);
	}
	qsort(edges, n_edges, sizeof(*edges), by_processes);
	for (i = 0; i < n_edges && n_pairs < max; i++) {
		struct mw_pair p = { .a = edges[i].w, .b = edges[i].r };

		if (edges[i].w > edges[i].r || (i && same_pair(&edges[i - 1], &edges[i])))
			continue;
		back = find_edge(edges, n_edges, p.b, p.a);
		if (back == n_edges || is_hub(edges, n_edges, p.a) || is_hub(edges, n_edges, p.b))
			continue;
		add_chans(&p, edges, n_edges, i);
		add_chans(&p, edges, n_edges, back);
		pairs[n_pairs++] = p;
	}
	*ret = MW_TAKE(pairs);
	*ret_n = n_pairs;
	return 0;
}

/* --- the other end of one channel ----------------------------------------------------------------
 */

static bool reads(const struct mw_fd_info *f, uint64_t chan)
{
	return f->is == MW_FD_PIPE ? f->chan == chan && f->readable
				   : f->is == MW_FD_UNIX && f->other == chan;
}

static bool writes(const struct mw_fd_info *f, uint64_t chan)
{
	return f->chan == chan && (f->is == MW_FD_PIPE ? f->writable : f->is == MW_FD_UNIX);
}

static bool other_end(const struct mw_fd_info *f, const struct mw_fd_info *own,
		      const struct mw_control *c, bool server_reads)
{
	if (own) /* TCP */
		return f->is == MW_FD_TCP && mw_addr_same(&f->local, &own->peer) &&
		       mw_addr_same(&f->peer, &own->local);
	if (!c->tgid) /* which end is the server's is not known yet */
		return writes(f, c->chan) || reads(f, c->chan);
	return server_reads ? writes(f, c->chan) : reads(f, c->chan);
}

static size_t add_once(uint32_t *ret, size_t n, size_t max, uint32_t tgid)
{
	for (size_t i = 0; i < n; i++)
		if (ret[i] == tgid)
			return n;
	if (n < max)
		ret[n++] = tgid;
	return n;
}

size_t mw_discover_holders(const struct mw_fd_info *files, size_t n, const struct mw_control *c,
			   uint32_t *ret, size_t max)
{
	const bool tcp = c->chan_kind == MW_CHAN_TCP4 || c->chan_kind == MW_CHAN_TCP6;
	const struct mw_fd_info *f, *end = files + n, *own = NULL;
	bool server_reads = false;
	size_t found = 0;

	for (f = files; f < end; f++) {
		if (tcp && f->is == MW_FD_TCP && f->chan == c->chan)
			own = f;
		else if (!tcp && f->tgid == c->tgid && reads(f, c->chan))
			server_reads = true;
	}
	if (tcp && !own)
		return 0;
	for (f = files; f < end; f++)
		if (f->tgid != c->tgid && other_end(f, own, c, server_reads))
			found = add_once(ret, found, max, f->tgid);
	return found;
}
