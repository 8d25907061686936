/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tlog.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

/*
 * A digest is fetched once and a context is made once a thread: with OpenSSL 3 finding the digest
 * costs as much as hashing a line.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ctx_key;
static EVP_MD *sha256;

static void free_ctx(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256 || pthread_key_create(&ctx_key, free_ctx) != 0)
		abort();
}

static EVP_MD_CTX *new_ctx(void)
{
	EVP_MD_CTX *ctx;

	pthread_once(&once, fetch);
	ctx = EVP_MD_CTX_new();
	if (!ctx || !EVP_DigestInit_ex2(ctx, sha256, NULL) ||
	    pthread_setspecific(ctx_key, ctx) != 0)
		abort();
	return ctx;
}

static EVP_MD_CTX *begin(void)
{
	static _Thread_local EVP_MD_CTX *ctx;

	/* with no digest named it only sets the state back */
	if (!ctx)
		ctx = new_ctx();
	else if (!EVP_DigestInit_ex2(ctx, NULL, NULL))
		abort();
	return ctx;
}

static void end(EVP_MD_CTX *ctx, struct mw_hash *ret)
{
	if (!EVP_DigestFinal_ex(ctx, ret->p, NULL))
		abort();
}

void mw_tlog_leaf(const void *line, size_t n, struct mw_hash *ret)
{
	EVP_MD_CTX *ctx = begin();

	EVP_DigestUpdate(ctx, "\0", 1);
	EVP_DigestUpdate(ctx, line, n);
	end(ctx, ret);
}

void mw_tlog_node(const struct mw_hash *left, const struct mw_hash *right, struct mw_hash *ret)
{
	uint8_t buf[1 + 2 * MW_HASH_LEN];
	EVP_MD_CTX *ctx = begin();

	buf[0] = 1;
	memcpy(buf + 1, left->p, MW_HASH_LEN);
	memcpy(buf + 1 + MW_HASH_LEN, right->p, MW_HASH_LEN);
	EVP_DigestUpdate(ctx, buf, sizeof(buf));
	end(ctx, ret);
}

/* --- a tree that grows --------------------------------------------------------------------------
 */

unsigned int mw_tlog_add_tiles(struct mw_tlog_tree *t, const struct mw_hash *leaf,
			       struct mw_hash tile[MW_TILE_LEVELS])
{
	struct mw_hash h = *leaf;
	unsigned int k = 0;
	uint64_t n;

	/* each bit set at the end of n is a full subtree as wide as what stands left of it */
	for (n = t->n; n & 1; n >>= 1) {
		mw_tlog_node(&t->stack[--t->n_stack], &h, &h);
		if (++k % 8 == 0)
			tile[k / 8 - 1] = h;
	}
	t->stack[t->n_stack++] = h;
	t->n++;
	return k / 8;
}

void mw_tlog_add(struct mw_tlog_tree *t, const struct mw_hash *leaf)
{
	struct mw_hash tile[MW_TILE_LEVELS];

	mw_tlog_add_tiles(t, leaf, tile);
}

void mw_tlog_root(const struct mw_tlog_tree *t, struct mw_hash *ret)
{
	unsigned int i = t->n_stack;
	struct mw_hash h;

	if (i == 0) {
		end(begin(), ret);
		return;
	}
	h = t->stack[--i];
	while (i > 0)
		mw_tlog_node(&t->stack[--i], &h, &h);
	*ret = h;
}

/* --- proofs -------------------------------------------------------------------------------------
 */

/* RFC 9162, section 2.1.3.2: the proof of RFC 6962, checked from the leaf up */
int mw_tlog_proof_root(uint64_t size, uint64_t leaf, const struct mw_hash *hash,
		       const struct mw_hash *proof, size_t n, struct mw_hash *ret)
{
	uint64_t fn = leaf, sn = size - 1;
	struct mw_hash h = *hash;
	size_t i;

	if (leaf >= size)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		if (sn == 0)
			return -EBADMSG;
		if ((fn & 1) || fn == sn) {
			mw_tlog_node(&proof[i], &h, &h);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			mw_tlog_node(&h, &proof[i], &h);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0)
		return -EBADMSG;
	*ret = h;
	return 0;
}
