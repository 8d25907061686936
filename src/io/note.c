/* SPDX-License-Identifier: Apache-2.0 */
#include "io/note.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/slice.h"
#include "base/utf8.h"

#define DASH	      "\xe2\x80\x94 "
#define ID_LEN	      4
#define TIME_LEN      8
#define BASE64_MAX    128 /* of what is short: a key, a hash, a cosignature */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* --- bytes as text ------------------------------------------------------------------------------
 */

/*
 * One way to write them only: what does not encode to the same text again is none. 0, -EBADMSG; no
 * more than max bytes.
 */
static int base64_decode(struct mw_slice text, uint8_t *ret, size_t max, size_t *ret_n)
{
	uint8_t raw[BASE64_MAX / 4 * 3], again[BASE64_MAX + 1];
	size_t n;
	int r;

	if (text.n == 0 || text.n % 4 || text.n > BASE64_MAX)
		return -EBADMSG;
	r = EVP_DecodeBlock(raw, text.p, (int)text.n);
	if (r < 0)
		return -EBADMSG;
	n = (size_t)r - (text.p[text.n - 1] == '=') - (text.p[text.n - 2] == '=');
	r = EVP_EncodeBlock(again, raw, (int)n);
	if (n > max || r < 0 || !mw_slice_eq(mw_slice(again, (size_t)r), text))
		return -EBADMSG;
	memcpy(ret, raw, n);
	*ret_n = n;
	return 0;
}

static int base64_exact(struct mw_slice text, uint8_t *ret, size_t want)
{
	uint8_t raw[BASE64_MAX];
	size_t n;

	if (base64_decode(text, raw, sizeof(raw), &n) < 0 || n != want)
		return -EBADMSG;
	memcpy(ret, raw, n);
	return 0;
}

/* Unicode's white space (PropList.txt) beyond ASCII. */
static bool is_wide_space(uint32_t cp)
{
	return cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
	       cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

static bool name_ok(struct mw_slice name)
{
	const uint8_t *p = name.p, *end = p + name.n;
	unsigned int n;

	for (; p < end; p += n) {
		n = mw_utf8_len(p, end);
		if (n == 0 || *p <= ' ' || *p == '+' || *p == 0x7f ||
		    is_wide_space(mw_utf8_get(p, n)))
			return false;
	}
	return name.n > 0;
}

/* UTF-8 without control characters but the newline. */
static bool text_ok(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;
	unsigned int n;

	for (; p < end; p += n) {
		n = mw_utf8_len(p, end);
		if (n == 0 || (*p < ' ' && *p != '\n'))
			return false;
	}
	return true;
}

static int parse_decimal(struct mw_slice s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return -EBADMSG;
	for (i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -EBADMSG;
	*ret = v;
	return 0;
}

/* --- keys ---------------------------------------------------------------------------------------
 */

static int key_id(const struct mw_vkey *k, uint32_t *ret)
{
	uint8_t text[MW_NOTE_NAME_MAX + 2 + MW_KEY_LEN], md[EVP_MAX_MD_SIZE];
	size_t n = strlen(k->name);

	memcpy(text, k->name, n);
	text[n++] = '\n';
	text[n++] = k->alg;
	memcpy(text + n, k->public_key, MW_KEY_LEN);
	if (!EVP_Digest(text, n + MW_KEY_LEN, md, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	*ret = (uint32_t)md[0] << 24 | (uint32_t)md[1] << 16 | (uint32_t)md[2] << 8 | md[3];
	return 0;
}

int mw_skey_of(const char *name, const uint8_t seed[MW_KEY_LEN], struct mw_skey *ret)
{
	struct mw_skey k = { .pub.alg = MW_NOTE_ED25519 };
	size_t n = strlen(name), len = MW_KEY_LEN;
	EVP_PKEY *pkey;
	int r;

	if (n >= sizeof(k.pub.name) || !name_ok(mw_slice(name, n)))
		return -EINVAL;
	memcpy(k.pub.name, name, n + 1);
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, MW_KEY_LEN);
	r = pkey && EVP_PKEY_get_raw_public_key(pkey, k.pub.public_key, &len) ? 0 : -ENOMEM;
	EVP_PKEY_free(pkey);
	if (r == 0)
		r = key_id(&k.pub, &k.pub.id);
	if (r < 0)
		return r;
	memcpy(k.seed, seed, MW_KEY_LEN);
	*ret = k;
	mw_skey_done(&k);
	return 0;
}

int mw_skey_new(const char *name, struct mw_skey *ret)
{
	uint8_t seed[MW_KEY_LEN];
	int r;

	if (RAND_priv_bytes(seed, sizeof(seed)) != 1)
		return -EIO;
	r = mw_skey_of(name, seed, ret);
	OPENSSL_cleanse(seed, sizeof(seed));
	return r;
}

void mw_skey_done(struct mw_skey *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

void mw_vkey_print(const struct mw_vkey *k, char ret[MW_VKEY_MAX])
{
	uint8_t raw[1 + MW_KEY_LEN], text[BASE64_LEN(sizeof(raw)) + 1];

	raw[0] = k->alg;
	memcpy(raw + 1, k->public_key, MW_KEY_LEN);
	EVP_EncodeBlock(text, raw, sizeof(raw));
	snprintf(ret, MW_VKEY_MAX, "%s+%08x+%s", k->name, k->id, (const char *)text);
}

int mw_vkey_parse(const char *text, size_t n, struct mw_vkey *ret)
{
	const char *id = memchr(text, '+', n), *key;
	uint8_t raw[1 + MW_KEY_LEN];
	struct mw_vkey k = { 0 };
	uint32_t fits;
	size_t i;

	if (!id)
		return -EINVAL;
	if (!name_ok(mw_slice(text, (size_t)(id - text))) || (size_t)(id - text) >= sizeof(k.name))
		return -EINVAL;
	memcpy(k.name, text, (size_t)(id - text));
	key = ++id + 8;
	if ((size_t)(key - text) >= n || *key++ != '+')
		return -EINVAL;
	for (i = 0; i < 8; i++) {
		if (!memchr("0123456789abcdef", id[i], 16))
			return -EINVAL;
		k.id = k.id << 4 | (uint32_t)(id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10);
	}
	if (base64_exact(mw_slice(key, n - (size_t)(key - text)), raw, sizeof(raw)) < 0)
		return -EINVAL;
	k.alg = raw[0];
	memcpy(k.public_key, raw + 1, MW_KEY_LEN);
	if ((k.alg != MW_NOTE_ED25519 && k.alg != MW_NOTE_COSIGNATURE) || key_id(&k, &fits) < 0 ||
	    fits != k.id)
		return -EINVAL;
	*ret = k;
	return 0;
}

/* --- notes --------------------------------------------------------------------------------------
 */

static int sign(const struct mw_skey *key, const void *p, size_t n, uint8_t ret[MW_SIG_LEN])
{
	size_t len = MW_SIG_LEN;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey;
	int r;

	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->seed, MW_KEY_LEN);
	r = ctx && pkey && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) &&
		    EVP_DigestSign(ctx, ret, &len, p, n)
		? 0
		: -ENOMEM;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

int mw_note_sign(char *text, size_t max, size_t *n, size_t body_len, const struct mw_skey *key)
{
	const char *gap = *n == body_len ? "\n" : "";
	uint8_t raw[ID_LEN + MW_SIG_LEN], b64[BASE64_LEN(sizeof(raw)) + 1];
	int r, len;

	raw[0] = (uint8_t)(key->pub.id >> 24);
	raw[1] = (uint8_t)(key->pub.id >> 16);
	raw[2] = (uint8_t)(key->pub.id >> 8);
	raw[3] = (uint8_t)key->pub.id;
	r = sign(key, text, body_len, raw + ID_LEN);
	if (r < 0)
		return r;
	EVP_EncodeBlock(b64, raw, sizeof(raw));
	len = snprintf(NULL, 0, "%s" DASH "%s %s\n", gap, key->pub.name, (const char *)b64);
	if ((size_t)len >= max - *n)
		return -ENOBUFS;
	snprintf(text + *n, max - *n, "%s" DASH "%s %s\n", gap, key->pub.name, (const char *)b64);
	*n += (size_t)len;
	return 0;
}

/* The next signature line of sigs: 1 and its name and base64, 0 the end, -EBADMSG. */
static int next_sig(struct mw_slice *sigs, struct mw_slice *ret_name, struct mw_slice *ret_sig)
{
	const uint8_t *nl, *space, *p = sigs->p;
	size_t n;

	if (sigs->n == 0)
		return 0;
	nl = memchr(p, '\n', sigs->n);
	if (!nl || !mw_slice_starts(*sigs, MW_SLICE_LIT(DASH)))
		return -EBADMSG;
	p += sizeof(DASH) - 1;
	n = (size_t)(nl - p);
	space = nl > p ? memchr(p, ' ', n) : NULL;
	if (!space)
		return -EBADMSG;
	*ret_name = mw_slice(p, (size_t)(space - p));
	*ret_sig = mw_slice(space + 1, (size_t)(nl - space) - 1);
	*sigs = mw_slice(nl + 1, sigs->n - (size_t)(nl + 1 - sigs->p));
	return 1;
}

/* Any kind of signature, of any length: whether it could be one. */
static bool sig_ok(struct mw_slice sig)
{
	size_t i, pad = 0;

	if (sig.n < 8 || sig.n % 4)
		return false;
	while (pad < 2 && sig.p[sig.n - 1 - pad] == '=')
		pad++;
	for (i = 0; i < sig.n - pad; i++) {
		const uint8_t c = sig.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '+' || c == '/'))
			return false;
	}
	return sig.n / 4 * 3 - pad > ID_LEN;
}

int mw_note_parse(const char *text, size_t n, struct mw_note *ret)
{
	struct mw_slice sigs, name, sig;
	struct mw_note note;
	size_t at;
	int r;

	if (n > MW_NOTE_MAX || n < 3 || !text_ok(text, n))
		return -EBADMSG;
	/* the last empty line; the text before it has its newline */
	for (at = n - 1; at > 1 && !(text[at] == '\n' && text[at - 1] == '\n'); at--)
		;
	if (at <= 1)
		return -EBADMSG;
	note.body = text;
	note.body_len = at;
	note.sigs = text + at + 1;
	note.sigs_len = n - at - 1;
	if (note.sigs_len == 0)
		return -EBADMSG;
	sigs = mw_slice(note.sigs, note.sigs_len);
	while ((r = next_sig(&sigs, &name, &sig)) == 1)
		if (!name_ok(name) || !sig_ok(sig))
			return -EBADMSG;
	if (r < 0)
		return r;
	*ret = note;
	return 0;
}

static int verify(const struct mw_vkey *key, const void *p, size_t n, const uint8_t sig[MW_SIG_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey;
	int r = -ENOMEM;

	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key, MW_KEY_LEN);
	if (ctx && pkey && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey))
		r = EVP_DigestVerify(ctx, sig, MW_SIG_LEN, p, n) == 1 ? 1 : -EBADMSG;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return r;
}

static int verify_cosignature(const struct mw_vkey *key, const struct mw_note *note,
			      const uint8_t *p, uint64_t *ret_time)
{
	char text[MW_NOTE_MAX + 64];
	uint64_t when = 0;
	int i, n, r;

	for (i = 0; i < TIME_LEN; i++)
		when = when << 8 | p[i];
	if (when > INT64_MAX)
		return -EBADMSG;
	n = snprintf(text, 64, "cosignature/v1\ntime %" PRIu64 "\n", when);
	memcpy(text + n, note->body, note->body_len);
	r = verify(key, text, (size_t)n + note->body_len, p + TIME_LEN);
	if (r == 1 && ret_time)
		*ret_time = when;
	return r;
}

int mw_note_verify(const struct mw_note *note, const struct mw_vkey *key, uint64_t *ret_time)
{
	struct mw_slice sigs = mw_slice(note->sigs, note->sigs_len), name, sig;
	size_t want = ID_LEN + MW_SIG_LEN + (key->alg == MW_NOTE_COSIGNATURE ? TIME_LEN : 0);
	uint8_t raw[BASE64_MAX];
	bool good = false;
	int r;

	while ((r = next_sig(&sigs, &name, &sig)) == 1) {
		uint8_t id[BASE64_MAX];
		size_t n;

		/* a line whose first bytes are another key's is another key's, whatever follows */
		if (!mw_slice_eq_str(name, key->name) || sig.n < 8 ||
		    EVP_DecodeBlock(id, sig.p, 8) < ID_LEN ||
		    ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 |
		     id[3]) != key->id)
			continue;
		if (base64_decode(sig, raw, sizeof(raw), &n) < 0 || n != want)
			return -EBADMSG;
		r = key->alg == MW_NOTE_COSIGNATURE
			? verify_cosignature(key, note, raw + ID_LEN, ret_time)
			: verify(key, note->body, note->body_len, raw + ID_LEN);
		if (r < 0)
			return r;
		good = true;
	}
	return r < 0 ? r : good;
}

/* --- checkpoints --------------------------------------------------------------------------------
 */

int mw_checkpoint_print(const struct mw_checkpoint *c, char *text, size_t max, size_t *ret_n)
{
	uint8_t b64[BASE64_LEN(MW_HASH_LEN) + 1];
	int n;

	EVP_EncodeBlock(b64, c->root.p, MW_HASH_LEN);
	n = snprintf(text, max, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, (const char *)b64);
	if ((size_t)n >= max)
		return -ENOBUFS;
	*ret_n = (size_t)n;
	return 0;
}

/* The next line, without its newline. */
static int next_line(struct mw_slice *text, struct mw_slice *ret)
{
	const uint8_t *nl = text->n ? memchr(text->p, '\n', text->n) : NULL;

	if (!nl)
		return -EBADMSG;
	*ret = mw_slice(text->p, (size_t)(nl - text->p));
	*text = mw_slice(nl + 1, text->n - ret->n - 1);
	return 0;
}

int mw_checkpoint_parse(const char *text, size_t n, struct mw_checkpoint *ret)
{
	struct mw_slice rest = mw_slice(text, n), origin, size, root;
	struct mw_checkpoint c = { 0 };

	if (next_line(&rest, &origin) < 0 || next_line(&rest, &size) < 0 ||
	    next_line(&rest, &root) < 0 || rest.n > 0)
		return -EBADMSG;
	if (!name_ok(origin) || origin.n >= sizeof(c.origin) || parse_decimal(size, &c.size) < 0 ||
	    base64_exact(root, c.root.p, MW_HASH_LEN) < 0)
		return -EBADMSG;
	memcpy(c.origin, origin.p, origin.n);
	*ret = c;
	return 0;
}

void mw_epoch_name(const char *origin, uint64_t epoch, char ret[MW_NOTE_NAME_MAX])
{
	snprintf(ret, MW_NOTE_NAME_MAX, "%s/fs/%" PRIu64, origin, epoch);
}
