/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tgz.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "io/file.h"

#define BLOCK	 512
#define BUF_LEN	 (64u << 10)
#define LEVEL	 2 /* records are many, and hashes do not get smaller */
#define GZIP	 (16 + MAX_WBITS) /* zlib's way to ask for RFC 1952 */
#define HEAD_LEN 10

/* RFC 1952, section 2.3: no name, no time; as zlib writes it on Unix. */
static const uint8_t gzip_head[HEAD_LEN] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };

/* offset, size: name 0 100, mode 100 8, uid 108 8, gid 116 8, size 124 12, mtime 136 12, chksum 148
 * 8, typeflag 156 1, magic 257 6, version 263 2 */
static void tar_head(const char *name, uint64_t size, char ret[BLOCK])
{
	unsigned int sum = 0, i;

	memset(ret, 0, BLOCK);
	memcpy(ret, name, strlen(name));
	memcpy(ret + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000",
	       24);
	snprintf(ret + 124, 12, "%011" PRIo64, size);
	memcpy(ret + 136, "00000000000", 12);
	memset(ret + 148, ' ', 8);
	ret[156] = '0';
	memcpy(ret + 257,
	       "ustar\0"
	       "00",
	       8);
	for (i = 0; i < BLOCK; i++)
		sum += (uint8_t)ret[i];
	snprintf(ret + 148, 7, "%06o", sum);
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* Puts n bytes through z, and to the file what comes out. */
static int put(z_stream *z, int fd, const void *p, size_t n, int flush)
{
	uint8_t out[16384];
	int r, z_r;

	z->next_in = (uint8_t *)(uintptr_t)p; /* zlib reads only */
	z->avail_in = (unsigned int)n;
	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		z_r = deflate(z, flush);
		if (z_r == Z_STREAM_ERROR)
			return -EIO;
		r = mw_file_write(fd, out, sizeof(out) - z->avail_out, NULL);
		if (r < 0)
			return r;
	} while (z->avail_out == 0);
	return 0;
}

static int copy(z_stream *z, int to_fd, int from_fd, uint64_t size, EVP_MD_CTX *sha)
{
	_cleanup_(mw_freep) char *buf = malloc(BUF_LEN);
	uint64_t at = 0;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while (r == 0 && at < size) {
		size_t want = size - at < BUF_LEN ? (size_t)(size - at) : BUF_LEN;
		ssize_t n = pread(from_fd, buf, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		if (!EVP_DigestUpdate(sha, buf, (size_t)n))
			return -ENOMEM;
		r = put(z, to_fd, buf, (size_t)n, Z_NO_FLUSH);
		at += (uint64_t)n;
	}
	return r;
}

int mw_tgz_add(int to_fd, const char *name, int from_fd, uint64_t size,
	       uint8_t ret_sha256[MW_SHA256_LEN])
{
	static const char zeros[BLOCK];
	char head[BLOCK];
	z_stream z = { 0 };
	EVP_MD_CTX *sha;
	int r;

	if (!*name || strlen(name) >= MW_TGZ_NAME_MAX)
		return -EINVAL;
	if (size > MW_TGZ_FILE_MAX)
		return -EFBIG;
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	sha = EVP_MD_CTX_new();
	r = sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) ? 0 : -ENOMEM;
	tar_head(name, size, head);
	if (r == 0)
		r = put(&z, to_fd, head, BLOCK, Z_NO_FLUSH);
	if (r == 0)
		r = copy(&z, to_fd, from_fd, size, sha);
	if (r == 0)
		r = put(&z, to_fd, zeros, (size_t)(-size % BLOCK), Z_FINISH);
	if (r == 0 && !EVP_DigestFinal_ex(sha, ret_sha256, NULL))
		r = -ENOMEM;
	EVP_MD_CTX_free(sha);
	deflateEnd(&z);
	return r;
}

int mw_tgz_finish(int to_fd)
{
	static const char zeros[2 * BLOCK];
	z_stream z = { 0 };
	int r;

	if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	r = put(&z, to_fd, zeros, sizeof(zeros), Z_FINISH);
	deflateEnd(&z);
	return r;
}

/* --- reading ------------------------------------------------------------------------------------
 */

struct mw_tgz {
	int fd;
	uint64_t at;	/* in the file, of what follows the buffer */
	z_stream z;	/* its input is what is left of the buffer */
	bool in_member; /* of gzip */
	bool ended;	/* the archive */
	bool any;
	uint64_t left; /* of the file */
	size_t pad;    /* behind it */
	int failed;
	const char *why;
	uint8_t buf[BUF_LEN];
};

static int bad(struct mw_tgz *t, const char *why)
{
	t->why = why;
	return t->failed = -EBADMSG;
}

/* It may be sound, but is packed otherwise. */
static int other(struct mw_tgz *t, const char *why)
{
	t->why = why;
	return t->failed = -EILSEQ;
}

/* Until the buffer holds `want` bytes or there are no more. 0 or negative errno. */
static int fill(struct mw_tgz *t, size_t want)
{
	ssize_t n;

	if (t->z.avail_in >= want)
		return 0;
	memmove(t->buf, t->z.next_in, t->z.avail_in);
	t->z.next_in = t->buf;
	while (t->z.avail_in < want) {
		n = pread(t->fd, t->buf + t->z.avail_in, BUF_LEN - t->z.avail_in, (off_t)t->at);
		if (n < 0 && errno != EINTR)
			return t->failed = -errno;
		if (n == 0)
			return 0;
		if (n > 0) {
			t->at += (uint64_t)n;
			t->z.avail_in += (unsigned int)n;
		}
	}
	return 0;
}

/* Up to n bytes of this gzip member; 0 at its end. */
static ssize_t expand(struct mw_tgz *t, void *p, size_t n)
{
	int r, z_r;

	t->z.next_out = p;
	t->z.avail_out = (unsigned int)n;
	while (t->in_member && t->z.avail_out == n) {
		r = fill(t, 1);
		if (r < 0)
			return r;
		if (t->z.avail_in == 0)
			return bad(t, "cut off");
		z_r = inflate(&t->z, Z_NO_FLUSH);
		if (z_r == Z_MEM_ERROR)
			return t->failed = -ENOMEM;
		if (z_r == Z_STREAM_END)
			t->in_member = false;
		else if (z_r != Z_OK)
			return bad(t, "damaged: what is compressed cannot be expanded");
	}
	return (ssize_t)(n - t->z.avail_out);
}

static int expand_all(struct mw_tgz *t, void *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t k = expand(t, (char *)p + at, n - at);

		if (k < 0)
			return (int)k;
		if (k == 0)
			return bad(t, "damaged: a file in it is shorter than its header says");
		at += (size_t)k;
	}
	return 0;
}

static int end_member(struct mw_tgz *t)
{
	char more;
	ssize_t k = expand(t, &more, 1);

	return k > 0 ? bad(t, "damaged: a file in it is longer than its header says") : (int)k;
}

static bool all_zero(const char *p, size_t n)
{
	return n == 0 || (*p == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int mw_tgz_open(int fd, uint64_t at, struct mw_tgz **ret)
{
	struct mw_tgz *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (inflateInit2(&t->z, GZIP) != Z_OK) {
		free(t);
		return -ENOMEM;
	}
	t->fd = fd;
	t->at = at;
	t->why = "";
	t->z.next_in = t->buf;
	*ret = t;
	return 0;
}

/* What is left of the file, and the zeros behind it. */
static int skip(struct mw_tgz *t)
{
	char buf[16384];
	ssize_t k;
	int r;

	while (t->left > 0) {
		k = mw_tgz_read(t, buf, sizeof(buf));
		if (k < 0)
			return (int)k;
	}
	r = expand_all(t, buf, t->pad);
	if (r == 0 && !all_zero(buf, t->pad))
		r = bad(t, "damaged: something stands between two files in it");
	t->pad = 0;
	return r == 0 ? end_member(t) : r;
}

static int end_archive(struct mw_tgz *t)
{
	char zeros[BLOCK];
	int r = expand_all(t, zeros, BLOCK);

	if (r == 0)
		r = all_zero(zeros, BLOCK) ? end_member(t) : bad(t, "damaged: it has no right end");
	if (r == 0)
		r = fill(t, 1);
	if (r == 0 && t->z.avail_in)
		r = bad(t, "something follows its end");
	t->ended = r == 0;
	return r;
}

static bool parse_octal(const char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (; n; n--, p++) {
		if (*p < '0' || *p > '7')
			return false;
		v = v * 8 + (uint64_t)(*p - '0');
	}
	*ret = v;
	return true;
}

/* A header that is written so, or none. */
static bool parse_head(const char head[BLOCK], struct mw_tgz_entry *e)
{
	const size_t n = strnlen(head, MW_TGZ_NAME_MAX - 1);
	char again[BLOCK];

	memcpy(e->name, head, n);
	e->name[n] = '\0';
	if (n == 0 || !parse_octal(head + 124, 11, &e->size))
		return false;
	tar_head(e->name, e->size, again);
	return memcmp(head, again, BLOCK) == 0;
}

int mw_tgz_next(struct mw_tgz *t, struct mw_tgz_entry *ret)
{
	struct mw_tgz_entry e;
	char head[BLOCK];
	int r;

	if (t->failed || t->ended)
		return t->failed;
	r = t->any ? skip(t) : 0;
	if (r == 0)
		r = fill(t, HEAD_LEN);
	if (r < 0)
		return r;
	if (t->z.avail_in < HEAD_LEN)
		return bad(t, "cut off");
	if (memcmp(t->z.next_in, gzip_head, HEAD_LEN) != 0)
		return other(t, "no archive that mcpwatch wrote");
	e.at = t->at - t->z.avail_in;
	inflateReset(&t->z);
	t->in_member = true;
	r = expand_all(t, head, BLOCK);
	if (r < 0)
		return r;
	if (all_zero(head, BLOCK))
		return end_archive(t);
	if (!parse_head(head, &e))
		return other(t, "it holds something that is no plain file as mcpwatch writes "
				"them");
	t->left = e.size;
	t->pad = (size_t)(-e.size % BLOCK);
	t->any = true;
	*ret = e;
	return 1;
}

ssize_t mw_tgz_read(struct mw_tgz *t, void *p, size_t n)
{
	ssize_t k;

	if (t->failed)
		return t->failed;
	if (n > t->left)
		n = (size_t)t->left;
	if (n == 0)
		return 0;
	if (n > INT32_MAX)
		n = INT32_MAX;
	k = expand(t, p, n);
	if (k == 0)
		return bad(t, "damaged: a file in it is shorter than its header says");
	if (k > 0)
		t->left -= (uint64_t)k;
	return k;
}

const char *mw_tgz_why(const struct mw_tgz *t)
{
	return t->failed == -EBADMSG || t->failed == -EILSEQ ? t->why : strerror(-t->failed);
}

int mw_tgz_first(int fd, char ret[MW_TGZ_NAME_MAX])
{
	_cleanup_(mw_tgz_freep) struct mw_tgz *t = NULL;
	char head[BLOCK];
	int r;

	r = mw_tgz_open(fd, 0, &t);
	if (r < 0)
		return r;
	t->in_member = true;
	r = expand_all(t, head, BLOCK);
	if (r < 0)
		return r;
	memcpy(ret, head, MW_TGZ_NAME_MAX - 1);
	ret[MW_TGZ_NAME_MAX - 1] = '\0';
	return 0;
}

void mw_tgz_free(struct mw_tgz *t)
{
	if (!t)
		return;
	inflateEnd(&t->z);
	free(t);
}
