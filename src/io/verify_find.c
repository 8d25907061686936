/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_find.c - which record is the first that is not what was sealed, and what was done to it
 *
 * The tiles have the hash of each sealed record. Nothing makes them trustworthy by themselves; but
 * where they give the root that the seal signs, they are the sealed hashes, and show each line's
 * place.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/cleanup.h"
#include "io/verify_priv.h"

/* The sealed hashes from tree.n to the next seal's size; NULL: the tiles do not have them. */
static struct mw_hash *sealed_hashes(const struct mw_verify *v)
{
	const size_t n = (size_t)(v->next.size - v->tree.n);
	struct mw_hash *h = reallocarray(NULL, n, sizeof(*h)), root;
	struct mw_tlog_tree t = v->tree;
	size_t i;

	if (!h)
		return NULL;
	if (mw_tiles_leaves(v->dir_fd, v->next.size, t.n, n, h) == 0) {
		for (i = 0; i < n; i++)
			mw_tlog_add(&t, &h[i]);
		mw_tlog_root(&t, &root);
		if (memcmp(&root, &v->next.root, sizeof(root)) == 0)
			return h;
	}
	free(h);
	return NULL;
}

/* Where `what` stands in h[from, n); n: nowhere. */
static size_t find(const struct mw_hash *h, size_t from, size_t n, const struct mw_hash *what)
{
	while (from < n && memcmp(&h[from], what, sizeof(*what)) != 0)
		from++;
	return from;
}

/* By the lines' own numbers, where nothing better is left. */
static void tell_by_number(struct mw_verify *v)
{
	if (v->odd_seq == UINT64_MAX)
		mw_vf_found(v, MW_FOUND_EDITED, v->odd_at, "is no record any more");
	else if (v->odd_seq > v->odd_at)
		mw_vf_found(v, MW_FOUND_DELETED, v->odd_at,
			    "is missing: number %" PRIu64 " stands in its place", v->odd_seq);
	else
		mw_vf_found(v, MW_FOUND_INSERTED, v->odd_at,
			    "was put here: its line says number %" PRIu64, v->odd_seq);
}

/* At i, the lines part from what was sealed. */
static void tell(struct mw_verify *v, const struct mw_hash *sealed, size_t n, size_t i)
{
	const size_t m = v->n_wait, both = m < n ? m : n;
	/* the line that stands here was sealed as another; the one that was sealed stands elsewhere
	 */
	const size_t was = find(sealed, i + 1, n, &v->wait[i]);
	const size_t now = find(v->wait, i + 1, m, &sealed[i]);
	const bool copy =
	    find(sealed, 0, i, &v->wait[i]) < i || find(v->wait, i + 1, m, &v->wait[i]) < m;
	const uint64_t base = v->tree.n, at = base + i;
	size_t k, wrong = 0;

	for (k = i; k < both; k++)
		wrong += memcmp(&v->wait[k], &sealed[k], sizeof(*sealed)) != 0;
	if (was < n && now < m && !copy)
		mw_vf_found(v, MW_FOUND_MOVED, at,
			    "is not in its place: the line here was sealed as record %" PRIu64
			    "; records were reordered",
			    base + was);
	else if (now < m)
		mw_vf_found(v, MW_FOUND_INSERTED, at,
			    "%s inserted: what was sealed here stands %zu line%s further down",
			    copy ? "is a copy of another record," : "was", now - i,
			    now - i == 1 ? "" : "s");
	else if (copy)
		mw_vf_found(v, MW_FOUND_EDITED, at,
			    "was overwritten: its line is a copy of another record's");
	else if (was < n && was - i == 1)
		mw_vf_found(v, MW_FOUND_DELETED, at,
			    "was deleted: the line in its place was sealed as record %" PRIu64,
			    base + was);
	else if (was < n)
		mw_vf_found(v, MW_FOUND_DELETED, at,
			    "and those to %" PRIu64
			    " were deleted: the line in its place was sealed as record %" PRIu64,
			    base + was - 1, base + was);
	else if (v->odd && v->odd_at == at && v->odd_seq != UINT64_MAX)
		tell_by_number(v);
	else if (wrong > 1 && wrong == both - i)
		mw_vf_found(v, MW_FOUND_EDITED, at,
			    "is not what was sealed, nor is any of the %zu behind it to its seal "
			    "(epoch %" PRIu64
			    "): it was edited, or one was deleted or inserted here and the others "
			    "numbered anew",
			    wrong - 1, v->next.epoch);
	else
		mw_vf_found(v, MW_FOUND_EDITED, at,
			    "was edited: its line is not the one that was sealed (epoch %" PRIu64
			    ")",
			    v->next.epoch);
}

/* All that is there is as it was sealed, or there is nothing to hold it against. */
static void tell_missing(struct mw_verify *v, enum mw_trouble why, uint64_t at)
{
	const uint64_t end = mw_vf_end(v);

	if (why == MW_TROUBLE_END)
		mw_vf_found(v, MW_FOUND_CUT, end,
			    "is missing: the log was cut off here; seal %" PRIu64 " is of %" PRIu64
			    " more",
			    v->next.epoch, v->next.size - end);
	else if (at > end)
		/* a loss of power takes what was not sealed, of an older segment too */
		mw_vf_found(v, v->have_next ? MW_FOUND_DELETED : MW_FOUND_UNSEALED, end,
			    "%s missing: the next segment begins with record %" PRIu64,
			    at - end > 1 ? "and those behind it are" : "is", at);
	else
		mw_vf_found(
		    v, MW_FOUND_INSERTED, at,
		    "begins a segment by its name, and more lines than that stand before it");
}

void mw_vf_find(struct mw_verify *v, enum mw_trouble why, uint64_t at)
{
	const uint64_t base = v->tree.n;
	_cleanup_(mw_freep) struct mw_hash *sealed = v->have_next ? sealed_hashes(v) : NULL;
	size_t n = sealed ? (size_t)(v->next.size - base) : 0, i;

	n = n < v->n_wait ? n : v->n_wait;
	for (i = 0; i < n && memcmp(&v->wait[i], &sealed[i], sizeof(*sealed)) == 0; i++)
		;
	if (i < n)
		tell(v, sealed, (size_t)(v->next.size - base), i);
	else if (!sealed && v->odd)
		tell_by_number(v);
	else if (why != MW_TROUBLE_ROOT)
		tell_missing(v, why, at);
	else
		mw_vf_found(v, MW_FOUND_CHANGED, base,
			    "or another to %" PRIu64
			    " was changed, and the tiles with it: seal %" PRIu64
			    " was made of other records",
			    v->next.size - 1, v->next.epoch);
}
