/* SPDX-License-Identifier: Apache-2.0 */
#include "io/mac.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "io/heap.h"

/* enum mw_mac_use goes from 1 */
#define USES 8

struct mw_mac {
	EVP_MAC_CTX *ctx[USES];
};

static const char label[] = "mcpwatch mac";

static void done(struct mw_mac *m)
{
	size_t i;

	for (i = 0; i < USES; i++) {
		EVP_MAC_CTX_free(m->ctx[i]);
		m->ctx[i] = NULL;
	}
}

static EVP_MAC_CTX *keyed(EVP_MAC *mac, const uint8_t key[MW_MAC_KEY_LEN])
{
	OSSL_PARAM digest[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);

	if (c && EVP_MAC_init(c, key, MW_MAC_KEY_LEN, digest) == 1)
		return c;
	EVP_MAC_CTX_free(c);
	return NULL;
}

static int hash(EVP_MAC_CTX *c, const void *p, size_t n, uint8_t out[32])
{
	size_t len;

	/* without a key it begins anew with the one it has */
	return EVP_MAC_init(c, NULL, 0, NULL) == 1 && EVP_MAC_update(c, p, n) == 1 &&
		       EVP_MAC_final(c, out, &len, 32) == 1 && len == 32
		   ? 0
		   : -ENOMEM;
}

static int set(struct mw_mac *m, const uint8_t master[MW_MAC_KEY_LEN])
{
	uint8_t text[sizeof(label)], key[MW_MAC_KEY_LEN];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *from = mac ? keyed(mac, master) : NULL;
	int r = from ? 0 : -ENOMEM;
	uint8_t i;

	done(m);
	memcpy(text, label, sizeof(label));
	for (i = 0; r == 0 && i < USES; i++) {
		text[sizeof(label) - 1] = i;
		r = hash(from, text, sizeof(text), key);
		if (r == 0)
			m->ctx[i] = keyed(mac, key);
		if (!m->ctx[i])
			r = -ENOMEM;
	}
	OPENSSL_cleanse(key, sizeof(key));
	EVP_MAC_CTX_free(from);
	EVP_MAC_free(mac);
	return r;
}

int mw_mac_new(const uint8_t master[MW_MAC_KEY_LEN], struct mw_mac **ret)
{
	struct mw_mac *m = calloc(1, sizeof(*m));
	int r = m ? set(m, master) : -ENOMEM;

	if (r < 0) {
		mw_mac_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

int mw_mac_new_random(struct mw_mac **ret)
{
	uint8_t master[MW_MAC_KEY_LEN];
	int r;

	if (getrandom(master, sizeof(master), 0) != sizeof(master))
		return -EIO;
	r = mw_mac_new(master, ret);
	OPENSSL_cleanse(master, sizeof(master));
	return r;
}

int mw_mac_set_run(struct mw_mac *m, uint64_t run_id)
{
	static const char what[] = "mcpwatch run";
	uint8_t text[sizeof(what) + 8], master[MW_MAC_KEY_LEN];
	size_t i;

	memcpy(text, what, sizeof(what));
	for (i = 0; i < 8; i++)
		text[sizeof(what) + i] = (uint8_t)(run_id >> 8 * i);
	mw_sha256(text, sizeof(text), master);
	return set(m, master);
}

void mw_mac_run(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	struct mw_mac *m = ctx;

	/* The contexts have all they need since they were made: what is left to fail is a broken
	 * library, and a wrong hash would be worse than an end. */
	if ((unsigned int)use >= USES || hash(m->ctx[use], p, n, out) < 0)
		abort();
}

void mw_mac_free(struct mw_mac *m)
{
	if (!m)
		return;
	done(m);
	free(m);
}
