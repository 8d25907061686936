/* SPDX-License-Identifier: Apache-2.0 */
/* redact_cut.c - what is to go, and the text without it */
#include "core/redact_priv.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>

#include "base/json.h"

int mw_cuts_add(struct mw_cuts *c, size_t from, size_t to, const char *rule, enum mw_rank rank)
{
	if (from >= to)
		return 0;
	if (c->n == MW_REDACT_CUTS_MAX)
		return MW_REDACT_UNSCANNED;
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		void *p = c->a->resize(c->a->ctx, c->e, c->cap * sizeof(*c->e),
				       cap * sizeof(*c->e));

		if (!p)
			return -ENOMEM;
		c->e = p;
		c->cap = cap;
	}
	c->e[c->n++] = (struct mw_cut){ from, to, rule, rank };
	return 0;
}

void mw_cuts_done(struct mw_cuts *c)
{
	mw_alloc_free(c->a, c->e, c->cap * sizeof(*c->e));
	*c = (struct mw_cuts){ .a = c->a };
}

/* The longer of two that begin together comes first. */
static bool before(const struct mw_cut *a, const struct mw_cut *b)
{
	if (a->from != b->from)
		return a->from < b->from;
	if (a->to != b->to)
		return a->to > b->to;
	return a->rank < b->rank;
}

static void sift(struct mw_cut *e, size_t root, size_t n)
{
	for (size_t kid = 2 * root + 1; kid < n; kid = 2 * root + 1) {
		struct mw_cut swap = e[root];

		if (kid + 1 < n && before(&e[kid], &e[kid + 1]))
			kid++;
		if (!before(&e[root], &e[kid]))
			return;
		e[root] = e[kid];
		e[kid] = swap;
		root = kid;
	}
}

/* Heap sort: no memory, and no text makes it slow. */
static void sort(struct mw_cut *e, size_t n)
{
	for (size_t i = n / 2; i > 0; i--)
		sift(e, i - 1, n);
	for (size_t i = n; i > 1; i--) {
		struct mw_cut swap = e[0];

		e[0] = e[i - 1];
		e[i - 1] = swap;
		sift(e, 0, i - 1);
	}
}

void mw_cuts_merge(struct mw_cuts *c)
{
	size_t i, n = 0;

	for (i = 1; i < c->n && before(&c->e[i - 1], &c->e[i]); i++)
		;
	if (i < c->n)
		sort(c->e, c->n);
	for (i = 0; i < c->n; i++) {
		if (n && c->e[i].from < c->e[n - 1].to) {
			if (c->e[i].to > c->e[n - 1].to)
				c->e[n - 1].to = c->e[i].to;
		} else {
			c->e[n++] = c->e[i];
		}
	}
	c->n = n;
}

/* --- marks --------------------------------------------------------------------------------------
 */

bool mw_redact_fingerprint(struct mw_redact *x, struct mw_slice secret,
			   char ret[MW_FINGERPRINT_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t mac[32];

	if (!x || !x->mac)
		return false;
	x->mac(x->mac_ctx, MW_MAC_FINGERPRINT, secret.p, secret.n, mac);
	for (size_t i = 0; i < MW_FINGERPRINT_LEN; i++)
		ret[i] = hex[mac[i / 2] >> (i % 2 ? 0 : 4) & 15];
	ret[MW_FINGERPRINT_LEN] = '\0';
	return true;
}

void mw_redact_watch(struct mw_redact *x, bool on)
{
	if (x)
		x->watched = on;
}

void mw_redact_seen_clear(struct mw_redact *x)
{
	if (x)
		x->n_seen = 0;
}

size_t mw_redact_seen(const struct mw_redact *x, const char *const **ret)
{
	*ret = x ? x->seen : NULL;
	return x ? x->n_seen : 0;
}

static bool is_personal(const char *rule)
{
	static const char *const names[] = { "card",	     "iban",	"phone",
					     "email",	     "us-ssn",	"gb-nhs",
					     "gb-nino",	     "fr-nir",	"de-steuer-id",
					     "es-dni",	     "nl-bsn",	"it-codice-fiscale",
					     "pl-pesel",     "br-cpf",	"in-aadhaar",
					     "unscanned" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(rule, names[i]) == 0)
			return true;
	return false;
}

#define KEY_SECRET_MIN 8u
#define KEY_WORD_MAX   20u

/* What stands behind a secret's name in prose ("password: leave it"), or is too little for one. */
static bool is_just_word(struct mw_slice s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] >= 'a' && s.p[i] <= 'z')
		i++;
	return s.n < KEY_SECRET_MIN || (i == s.n && s.n <= KEY_WORD_MAX);
}

static void note_seen(struct mw_redact *x, const char *rule, struct mw_slice secret)
{
	if (strcmp(rule, "key") == 0 && is_just_word(secret))
		return;
	for (size_t i = 0; i < x->n_seen; i++)
		if (x->seen[i] == rule || strcmp(x->seen[i], rule) == 0)
			return;
	if (x->n_seen < MW_REDACT_SEEN_MAX && !is_personal(rule))
		x->seen[x->n_seen++] = rule;
}

int mw_redact_put_mark(struct mw_redact *x, struct mw_buf *out, const char *rule,
		       struct mw_slice secret)
{
	char print[MW_FINGERPRINT_LEN + 1];
	int r;

	r = mw_buf_append_str(out, "[REDACTED:");
	if (r == 0)
		r = mw_buf_append_str(out, rule);
	if (r == 0)
		r = mw_buf_append_byte(out, ':');
	if (r == 0)
		r = mw_buf_append_u64(out, secret.n);
	if (r == 0 && mw_redact_fingerprint(x, secret, print)) {
		r = mw_buf_append_byte(out, ':');
		if (r == 0)
			r = mw_buf_append_str(out, print);
	}
	if (r < 0)
		return r;
	if (x) {
		x->stats.n++;
		if (x->watched)
			note_seen(x, rule, secret);
	}
	return mw_buf_append_byte(out, ']');
}

int mw_redact_put_key_mark(struct mw_redact *x, struct mw_buf *out, struct mw_slice secret)
{
	return mw_redact_put_mark(x, out, "key", secret);
}

void mw_redact_stats(const struct mw_redact *x, struct mw_redact_stats *ret)
{
	*ret = x->stats;
}

/* --- texts --------------------------------------------------------------------------------------
 */

static int write_text(struct mw_redact *x, struct mw_buf *out, const struct mw_look *k,
		      const struct mw_cuts *c, bool *lossy)
{
	size_t done = 0, i;
	int r;

	for (i = 0; i < c->n && c->e[i].from < k->show; i++) {
		const struct mw_cut *cut = &c->e[i];

		r = mw_json_escape(out, mw_slice(k->text.p + done, cut->from - done), lossy);
		if (r < 0)
			return r;
		r = mw_redact_put_mark(x, out, cut->rule,
				       mw_slice(k->text.p + cut->from, cut->to - cut->from));
		if (r < 0)
			return r;
		done = cut->to;
	}
	if (done >= k->show)
		return 0;
	return mw_json_escape(out, mw_slice(k->text.p + done, k->show - done), lossy);
}

/* Where it is remembered whether a text stays as it is; NULL: it is not. The seed is an address,
 * which the observed cannot know: so none can be made that is taken for another. */
static struct mw_redact_hash *clean_of(struct mw_redact *x, const struct mw_look *k,
				       struct mw_redact_hash *ret)
{
	uint64_t seed = (uint64_t)(uintptr_t)x;
	XXH128_hash_t h;

	if (!x || k->show != k->text.n || k->text.n > MW_REDACT_CLEAN_MAX)
		return NULL;
	seed ^= XXH3_64bits_withSeed(k->key.p, k->key.n,
				     seed + k->claim + 2u * k->decoded + 4u * k->number);
	h = XXH3_128bits_withSeed(k->text.p, k->text.n, seed);
	*ret = (struct mw_redact_hash){ h.low64, h.high64 };
	return &x->clean[h.low64 % MW_REDACT_CLEAN];
}

int mw_redact_put_text(struct mw_redact *x, struct mw_buf *out, const struct mw_look *k,
		       bool *lossy)
{
	struct mw_cuts mine = { .a = out->a };
	struct mw_cuts *c = x ? &x->cuts : &mine;
	struct mw_redact_hash hash, *clean;
	const size_t at = out->len;
	int r;

	if (mw_redact_is_quiet(x, k))
		return mw_buf_append(out, k->text.p, k->show);
	clean = clean_of(x, k, &hash);
	if (clean && clean->low == hash.low && clean->high == hash.high)
		return mw_buf_append(out, k->text.p, k->show);
	c->n = 0;
	r = mw_find(x, k, c);
	if (r == MW_REDACT_UNSCANNED) {
		if (x)
			x->stats.unscanned++;
		r = mw_redact_put_mark(x, out, "unscanned", k->text);
	} else if (r == 0) {
		mw_cuts_merge(c);
		r = write_text(x, out, k, c, lossy);
		if (clean && r == 0 && c->n == 0 && out->len - at == k->text.n &&
		    memcmp(out->p + at, k->text.p, k->text.n) == 0)
			*clean = hash;
	}
	if (!x)
		mw_cuts_done(&mine);
	return r;
}

static int put_whole(struct mw_redact *x, struct mw_buf *out, const struct mw_look *k,
		     bool *lossy)
{
	size_t len = out->len;
	bool bad = false;
	int r;

	r = mw_redact_put_text(x, out, k, &bad);
	if (r < 0) {
		out->len = len;
		return r;
	}
	*lossy |= bad;
	return 0;
}

int mw_redact_text(struct mw_redact *x, struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	const struct mw_look k = mw_look(text);

	return put_whole(x, out, &k, lossy);
}

int mw_redact_claim(struct mw_redact *x, struct mw_buf *out, struct mw_slice text, bool *lossy)
{
	struct mw_look k = mw_look(text);

	k.claim = true;
	return put_whole(x, out, &k, lossy);
}

int mw_redact_each(struct mw_redact *x, const struct mw_alloc *a, struct mw_slice text,
		   int (*found)(void *ctx, struct mw_slice secret), void *ctx)
{
	struct mw_look k = mw_look(text);
	struct mw_cuts c = { .a = a };
	int r;

	k.claim = true;
	r = mw_find(x, &k, &c);
	if (r == 0)
		mw_cuts_merge(&c);
	for (size_t i = 0; r == 0 && i < c.n; i++) {
		r = found(ctx, mw_slice(text.p + c.e[i].from, c.e[i].to - c.e[i].from));
		if (r > 0)
			r = 0;
	}
	mw_cuts_done(&c);
	return r == MW_REDACT_UNSCANNED ? 0 : r;
}
