/* SPDX-License-Identifier: Apache-2.0 */
#include "io/trail_sig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/note.h"

#define SIG_LEN	 64u
#define FILE_MAX 65536u

static void pkey_freep(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void md_freep(EVP_MD_CTX **p)
{
	EVP_MD_CTX_free(*p);
}

static void bio_freep(BIO **p)
{
	BIO_free(*p);
}

/* --- base64, of either alphabet, with its padding or without; white space is passed over --- */

/* How many bytes of ret[0..max), or -EINVAL. */
static ssize_t b64(struct mw_slice s, uint8_t *ret, size_t max)
{
	unsigned int bits = 0, have = 0;
	size_t n = 0, i = 0;

	for (; i < s.n && s.p[i] != '='; i++) {
		const int v = mw_base64_digit(s.p[i]);

		if (s.p[i] == '\n' || s.p[i] == '\r')
			continue;
		if (v < 0)
			return -EINVAL;
		bits = bits << 6 | (unsigned int)v;
		have += 6;
		if (have < 8)
			continue;
		if (n == max)
			return -EINVAL;
		have -= 8;
		ret[n++] = (uint8_t)(bits >> have);
		bits &= (1u << have) - 1;
	}
	for (; i < s.n; i++)
		if (s.p[i] != '=' && s.p[i] != '\n' && s.p[i] != '\r')
			return -EINVAL;
	/* one text, one meaning: what is left over is nothing */
	return have >= 6 || bits ? -EINVAL : (ssize_t)n;
}

/* --- keys --- */

static int key_pem(const char *text, size_t n, uint8_t *ret)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(text, (int)n);
	_cleanup_(pkey_freep) EVP_PKEY *pkey = NULL;
	size_t len = MW_TRAIL_KEY_LEN;

	if (bio)
		pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (!pkey || EVP_PKEY_id(pkey) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pkey, ret, &len) != 1 || len != MW_TRAIL_KEY_LEN)
		return -EINVAL;
	return 0;
}

/* A length in four bytes and so many bytes. */
static int ssh_string(struct mw_slice *s, struct mw_slice *ret)
{
	size_t n;

	if (s->n < 4)
		return -EINVAL;
	n = (size_t)s->p[0] << 24 | (size_t)s->p[1] << 16 | (size_t)s->p[2] << 8 | s->p[3];
	if (n > s->n - 4)
		return -EINVAL;
	*ret = mw_slice(s->p + 4, n);
	*s = mw_slice_from(*s, 4 + n);
	return 0;
}

/* "ssh-ed25519" and what it names. */
static int ssh_pair(struct mw_slice s, size_t len, uint8_t *ret)
{
	struct mw_slice type, value;

	if (ssh_string(&s, &type) < 0 || !mw_slice_eq_str(type, "ssh-ed25519") ||
	    ssh_string(&s, &value) < 0 || value.n != len || s.n)
		return -EINVAL;
	memcpy(ret, value.p, len);
	return 0;
}

static int key_text(struct mw_slice s, uint8_t *ret)
{
	struct mw_vkey vkey;
	uint8_t blob[256];
	size_t word;
	ssize_t n;

	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
		s.n--;
	if (mw_slice_starts(s, MW_SLICE_LIT("-----BEGIN")))
		return key_pem((const char *)s.p, s.n, ret);
	if (mw_slice_starts(s, MW_SLICE_LIT("ssh-ed25519 "))) {
		s = mw_slice_from(s, 12);
		for (word = 0; word < s.n && s.p[word] != ' '; word++)
			;
		n = b64(mw_slice(s.p, word), blob, sizeof(blob));
		return n < 0 ? -EINVAL : ssh_pair(mw_slice(blob, (size_t)n), MW_TRAIL_KEY_LEN, ret);
	}
	if (mw_vkey_parse((const char *)s.p, s.n, &vkey) == 0) {
		if (vkey.alg != MW_NOTE_ED25519)
			return -EINVAL;
		memcpy(ret, vkey.public_key, MW_TRAIL_KEY_LEN);
		return 0;
	}
	n = b64(s, blob, sizeof(blob));
	if (n != MW_TRAIL_KEY_LEN)
		return -EINVAL;
	memcpy(ret, blob, MW_TRAIL_KEY_LEN);
	return 0;
}

/* A small file. How many bytes, or negative errno. */
static ssize_t read_small(const char *path, uint8_t *p, size_t max)
{
	_cleanup_(mw_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t n = 0;
	ssize_t r;

	if (fd < 0)
		return -errno;
	while (n < max && (r = read(fd, p + n, max - n)) != 0) {
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		n += (size_t)r;
	}
	return n == max ? -EFBIG : (ssize_t)n;
}

int mw_trail_key_load(const char *text, char *err, size_t err_len, uint8_t ret[MW_TRAIL_KEY_LEN])
{
	_cleanup_(mw_freep) uint8_t *file = malloc(FILE_MAX);
	uint8_t key[MW_TRAIL_KEY_LEN];
	struct mw_slice s = mw_slice_str(text);
	ssize_t n;

	if (!file) {
		snprintf(err, err_len, "not enough memory");
		return -ENOMEM;
	}
	if (key_text(s, key) == 0) {
		memcpy(ret, key, sizeof(key));
		return 0;
	}
	n = read_small(text, file, FILE_MAX);
	if (n < 0) {
		snprintf(err, err_len, "%s: neither a key nor a file that holds one: %s", text,
			 strerror((int)-n));
		return (int)n;
	}
	if (key_text(mw_slice(file, (size_t)n), key) < 0) {
		snprintf(
		    err, err_len,
		    "%s: holds no Ed25519 public key (PEM, base64, a verifier key, or ssh-ed25519)",
		    text);
		return -EINVAL;
	}
	memcpy(ret, key, sizeof(key));
	return 0;
}

/* --- signatures --- */

struct verifier {
	EVP_PKEY *pkey;
	EVP_MD_CTX *ctx;
};

static bool good(const struct verifier *v, struct mw_slice text, const uint8_t sig[SIG_LEN])
{
	return EVP_MD_CTX_reset(v->ctx) == 1 &&
	       EVP_DigestVerifyInit(v->ctx, NULL, NULL, NULL, v->pkey) == 1 &&
	       EVP_DigestVerify(v->ctx, sig, SIG_LEN, text.p, text.n) == 1;
}

/* From the end to before the character that `any` does not hold. */
static size_t back_over(struct mw_slice s, size_t at, const char *any)
{
	while (at > 0 && s.p[at - 1] != '\0' && strchr(any, s.p[at - 1]))
		at--;
	return at;
}

static const char b64_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

static bool ends(struct mw_slice s, size_t *at, const char *with)
{
	const size_t n = strlen(with);

	if (*at < n || memcmp(s.p + *at - n, with, n) != 0)
		return false;
	*at -= n;
	return true;
}

int mw_trail_sig_split(struct mw_slice line, bool logfmt, struct mw_buf *out, uint8_t ret[64])
{
	size_t at = back_over(line, line.n, " \t"), to, from;
	uint8_t sig[SIG_LEN];
	int r;

	if (!logfmt && !ends(line, &at, "}"))
		return -ENODATA;
	at = logfmt ? at : back_over(line, at, " \t");
	(void)ends(line, &at, "\"");
	to = at;
	from = at = back_over(line, back_over(line, at, "="), b64_chars);
	if (logfmt) {
		(void)ends(line, &at, "\"");
		if (!ends(line, &at, "sig=") || at == 0 || !strchr(" \t", line.p[at - 1]))
			return -ENODATA;
		at = back_over(line, at, " \t");
	} else {
		if (!ends(line, &at, "\""))
			return -ENODATA;
		at = back_over(line, at, " \t");
		if (!ends(line, &at, ":"))
			return -ENODATA;
		at = back_over(line, at, " \t");
		if (!ends(line, &at, "\"sig\""))
			return -ENODATA;
		at = back_over(line, at, " \t");
		if (!ends(line, &at, ","))
			return -ENODATA;
	}
	if (b64(mw_slice(line.p + from, to - from), sig, sizeof(sig)) != SIG_LEN)
		return -ENODATA;
	out->len = 0;
	r = mw_buf_append(out, line.p, at);
	if (r == 0 && !logfmt)
		r = mw_buf_append_byte(out, '}');
	if (r < 0)
		return r;
	memcpy(ret, sig, SIG_LEN);
	return 0;
}

static int check_lines(struct mw_trail *t, const struct verifier *v, struct mw_buf *out, char *err,
		       size_t err_len)
{
	const bool logfmt = mw_trail_map(t)->logfmt;
	uint8_t sig[SIG_LEN];
	struct mw_slice line;
	uint64_t no;
	int r;

	r = mw_trail_rewind(t);
	while (r == 0 && (r = mw_trail_line(t, &line, &no)) == 1) {
		r = mw_trail_sig_split(line, logfmt, out, sig);
		if (r == 0 && good(v, mw_buf_slice(out), sig))
			continue;
		if (r < 0 && r != -ENODATA)
			break;
		snprintf(err, err_len, "%s: line %" PRIu64 ": %s", mw_trail_path(t), no,
			 r == 0 ? "its signature is wrong"
				: "it bears no signature (and there is no .sig beside the file)");
		return -EKEYREJECTED;
	}
	if (r < 0)
		snprintf(err, err_len, "%s",
			 r == -ENOMEM ? "not enough memory" : mw_trail_error(t));
	return r;
}

static int digest_some(void *ctx, const void *p, size_t n)
{
	return EVP_DigestUpdate(ctx, p, n) == 1 ? 0 : -EIO;
}

static int put_string(struct mw_buf *b, struct mw_slice s)
{
	const uint8_t n[4] = { (uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16), (uint8_t)(s.n >> 8),
			       (uint8_t)s.n };
	int r = mw_buf_append(b, n, sizeof(n));

	return r < 0 ? r : mw_buf_append(b, s.p, s.n);
}

/* PROTOCOL.sshsig: the blob is "SSHSIG", a version, key, namespace, reserved, hash, signature;
 * signed is "SSHSIG", namespace, reserved, hash, digest. 1 good, 0 wrong, negative errno. */
static int check_ssh(struct mw_trail *t, const struct verifier *v, struct mw_slice blob,
		     struct mw_buf *out)
{
	_cleanup_(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct mw_slice key, ns, reserved, hash, value;
	uint8_t digest[EVP_MAX_MD_SIZE], sig[SIG_LEN];
	unsigned int n;
	int r;

	if (!md)
		return -ENOMEM;
	if (blob.n < 10 || memcmp(blob.p, "SSHSIG\0\0\0\1", 10) != 0)
		return -EINVAL;
	blob = mw_slice_from(blob, 10);
	if (ssh_string(&blob, &key) < 0 || ssh_string(&blob, &ns) < 0 ||
	    ssh_string(&blob, &reserved) < 0 || ssh_string(&blob, &hash) < 0 ||
	    ssh_string(&blob, &value) < 0 || blob.n || !mw_slice_eq_str(ns, "file") ||
	    ssh_pair(value, SIG_LEN, sig) < 0 ||
	    (!mw_slice_eq_str(hash, "sha512") && !mw_slice_eq_str(hash, "sha256")))
		return -EINVAL;
	if (EVP_DigestInit_ex(md, hash.p[3] == '5' ? EVP_sha512() : EVP_sha256(), NULL) != 1)
		return -EIO;
	r = mw_trail_feed(t, digest_some, md);
	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(md, digest, &n) != 1)
		return -EIO;
	out->len = 0;
	r = mw_buf_append(out, "SSHSIG", 6);
	if (r == 0)
		r = put_string(out, ns);
	if (r == 0)
		r = put_string(out, reserved);
	if (r == 0)
		r = put_string(out, hash);
	if (r == 0)
		r = put_string(out, mw_slice(digest, n));
	return r < 0 ? r : good(v, mw_buf_slice(out), sig);
}

static int check_plain(struct mw_trail *t, const struct verifier *v, const uint8_t sig[SIG_LEN])
{
	_cleanup_(mw_freep) uint8_t *p = NULL;
	size_t n;
	int r = mw_trail_slurp(t, MW_TRAIL_SIGNED_MAX, &p, &n);

	return r < 0 ? r : good(v, mw_slice(p, n), sig);
}

static int check_file(struct mw_trail *t, const struct verifier *v, struct mw_slice s,
		      const char *path, struct mw_buf *out, char *err, size_t err_len)
{
	static const char begin[] = "-----BEGIN SSH SIGNATURE-----",
			  end[] = "-----END SSH SIGNATURE-----";
	uint8_t blob[1024];
	const uint8_t *to;
	ssize_t n;
	int r = -EINVAL;

	if (mw_slice_starts(s, mw_slice_str(begin))) {
		s = mw_slice_from(s, strlen(begin));
		to = memmem(s.p, s.n, end, strlen(end));
		n = to ? b64(mw_slice(s.p, (size_t)(to - s.p)), blob, sizeof(blob)) : -EINVAL;
		if (n >= 0)
			r = check_ssh(t, v, mw_slice(blob, (size_t)n), out);
	} else if (s.n == SIG_LEN) {
		r = check_plain(t, v, s.p);
	} else if (b64(s, blob, SIG_LEN) == SIG_LEN) {
		r = check_plain(t, v, blob);
	}
	if (r == 1)
		return 0;
	if (r == 0) {
		snprintf(err, err_len, "%s: the signature in %s is wrong", mw_trail_path(t), path);
		return -EKEYREJECTED;
	}
	if (r == -EINVAL)
		snprintf(err, err_len,
			 "%s: no signature (64 bytes, their base64, or one of 'ssh-keygen -Y sign "
			 "-n file')",
			 path);
	else
		snprintf(err, err_len, "%s%s",
			 r == -ENOMEM || r == -EIO ? strerror(-r) : mw_trail_error(t),
			 r == -EFBIG ? "; sign each line, or with 'ssh-keygen -Y sign'" : "");
	return r;
}

int mw_trail_sig_check(struct mw_trail *t, const uint8_t key[MW_TRAIL_KEY_LEN], char *err,
		       size_t err_len, bool *ret_lines)
{
	_cleanup_(pkey_freep) EVP_PKEY *pkey =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, MW_TRAIL_KEY_LEN);
	_cleanup_(md_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_(mw_freep) uint8_t *sig = malloc(FILE_MAX);
	_cleanup_(mw_freep) char *path = NULL;
	_cleanup_(mw_buf_done) struct mw_buf out;
	const struct verifier v = { pkey, ctx };
	ssize_t n;
	int r;

	mw_buf_init(&out, &mw_heap, 2 * (size_t)MW_TRAIL_LINE_MAX);
	if (asprintf(&path, "%s.sig", mw_trail_path(t)) < 0)
		path = NULL;
	if (!pkey || !ctx || !sig || !path) {
		snprintf(err, err_len, "not enough memory, or no usable key");
		return -ENOMEM;
	}
	n = read_small(path, sig, FILE_MAX);
	if (n < 0 && n != -ENOENT) {
		snprintf(err, err_len, "%s: cannot be read: %s", path, strerror((int)-n));
		return (int)n;
	}
	r = n < 0 ? check_lines(t, &v, &out, err, err_len)
		  : check_file(t, &v, mw_slice(sig, (size_t)n), path, &out, err, err_len);
	if (r < 0)
		return r;
	*ret_lines = n < 0;
	return mw_trail_rewind(t);
}
