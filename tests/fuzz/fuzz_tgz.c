/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive's reader. Input: gzip members, each ended by "\xff\xfe", their first byte says what
 *they are made of:
 *
 *	f NAME\n BYTES	a file, as it is written
 *	t BYTES		tar's bytes as they are: headers of any kind, sizes, links
 *	s SIZE\n NAME\n BYTES	a file whose header says another size
 *	z N		N times 64 KiB of zeros
 *	g BYTES		no gzip
 *	e		the end
 *
 * What is taken expands to no more than its headers said, and is what the writer would write of the
 *same files, byte for byte. Any entry can be read alone.
 */
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "fuzz.h"

#include "io/tgz.h"

#define BLOCK	  512
#define FILES_MAX 64
#define READ_MAX  (8u << 20)

static int archive = -1, again = -1, content = -1;

static void put(int fd, const void *p, size_t n)
{
	FUZZ_CHECK(write(fd, p, n) == (ssize_t)n);
}

/* One member of these bytes, as the writer compresses. */
static void member(const void *p, size_t n, unsigned int times)
{
	static uint8_t out[1u << 20];
	z_stream z = { 0 };

	FUZZ_CHECK(deflateInit2(&z, 2, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_out = out;
	z.avail_out = sizeof(out);
	for (; times; times--) {
		z.next_in = (uint8_t *)(uintptr_t)p;
		z.avail_in = (unsigned int)n;
		FUZZ_CHECK(deflate(&z, times > 1 ? Z_NO_FLUSH : Z_FINISH) >= 0 && z.avail_in == 0);
	}
	put(archive, out, sizeof(out) - z.avail_out);
	deflateEnd(&z);
}

static void file(const char *name, uint64_t size, const uint8_t *p, size_t n)
{
	char *tar = calloc(1, BLOCK + n + BLOCK);
	unsigned int sum = 0;

	memcpy(tar, name, strlen(name));
	memcpy(tar + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000",
	       24);
	snprintf(tar + 124, 12, "%011" PRIo64, size);
	memcpy(tar + 136, "00000000000", 12);
	memset(tar + 148, ' ', 8);
	tar[156] = '0';
	memcpy(tar + 257,
	       "ustar\0"
	       "00",
	       8);
	for (int i = 0; i < BLOCK; i++)
		sum += (uint8_t)tar[i];
	snprintf(tar + 148, 7, "%06o", sum);
	if (n)
		memcpy(tar + BLOCK, p, n);
	member(tar, BLOCK + n + (size_t)(-n % BLOCK), 1);
	free(tar);
}

/* Up to a newline; what is behind it. */
static size_t word(const uint8_t *p, size_t n, char *ret, size_t max)
{
	const uint8_t *nl = memchr(p, '\n', n);
	const size_t len = nl ? (size_t)(nl - p) : n;
	const size_t take = len < max - 1 ? len : max - 1;

	memcpy(ret, p, take);
	ret[take] = '\0';
	return len + (nl != NULL);
}

static void make(const uint8_t *p, size_t n)
{
	static const uint8_t zeros[1u << 16];
	char name[MW_TGZ_NAME_MAX], size[24];
	size_t k, l;

	if (n == 0)
		return;
	switch (*p) {
	case 'f':
		k = 1 + word(p + 1, n - 1, name, sizeof(name));
		file(name, n - k, p + k, n - k);
		break;
	case 's':
		k = 1 + word(p + 1, n - 1, size, sizeof(size));
		l = k + word(p + k, n - k, name, sizeof(name));
		file(name, strtoull(size, NULL, 8) & MW_TGZ_FILE_MAX, p + l, n - l);
		break;
	case 't':
		member(p + 1, n - 1, 1);
		break;
	case 'z':
		member(zeros, sizeof(zeros), n > 1 ? p[1] + 1u : 1);
		break;
	case 'e':
		member(zeros, 2 * BLOCK, 1);
		break;
	default:
		put(archive, p + 1, n - 1);
		break;
	}
}

static void empty(int fd)
{
	FUZZ_CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

static uint8_t *expand(int fd, size_t *ret)
{
	const size_t len = (size_t)lseek(fd, 0, SEEK_END), max = 32u << 20;
	uint8_t *in = malloc(len + 1), *out = malloc(max);
	z_stream z = { 0 };
	int r;

	FUZZ_CHECK(pread(fd, in, len, 0) == (ssize_t)len);
	FUZZ_CHECK(inflateInit2(&z, 16 + MAX_WBITS) == Z_OK);
	z.next_in = in;
	z.avail_in = (unsigned int)len;
	z.next_out = out;
	z.avail_out = (unsigned int)max;
	while ((r = inflate(&z, Z_NO_FLUSH)) == Z_STREAM_END && z.avail_in)
		FUZZ_CHECK(inflateReset(&z) == Z_OK);
	FUZZ_CHECK(r == Z_STREAM_END);
	*ret = max - z.avail_out;
	inflateEnd(&z);
	free(in);
	return out;
}

static void same_as_written(void)
{
	size_t n_a, n_b;
	uint8_t *a = expand(archive, &n_a), *b = expand(again, &n_b);

	FUZZ_CHECK(n_a == n_b && memcmp(a, b, n_a) == 0);
	free(a);
	free(b);
}

static void read_alone(const struct mw_tgz_entry *e)
{
	struct mw_tgz_entry x;
	struct mw_tgz *t;

	FUZZ_CHECK(mw_tgz_open(archive, e->at, &t) == 0);
	FUZZ_CHECK(mw_tgz_next(t, &x) == 1 && x.size == e->size && strcmp(x.name, e->name) == 0);
	mw_tgz_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t buf[1u << 16];
	struct mw_tgz_entry e;
	const uint8_t *end;
	uint8_t sha[MW_SHA256_LEN];
	size_t all = 0, files = 0;
	struct mw_tgz *t;
	uint64_t got;
	ssize_t k;
	int r;

	if (archive < 0) {
		archive = memfd_create("archive", MFD_CLOEXEC);
		again = memfd_create("again", MFD_CLOEXEC);
		content = memfd_create("content", MFD_CLOEXEC);
	}
	empty(archive);
	empty(again);
	for (; n; data = end + 2) {
		end = memmem(data, n, "\xff\xfe", 2);
		make(data, end ? (size_t)(end - data) : n);
		if (!end)
			break;
		n -= (size_t)(end + 2 - data);
	}
	FUZZ_CHECK(mw_tgz_open(archive, 0, &t) == 0);
	while ((r = mw_tgz_next(t, &e)) == 1 && ++files < FILES_MAX && all < READ_MAX) {
		FUZZ_CHECK(*e.name && strlen(e.name) < MW_TGZ_NAME_MAX &&
			   e.size <= MW_TGZ_FILE_MAX);
		read_alone(&e);
		empty(content);
		for (got = 0; all < READ_MAX && (k = mw_tgz_read(t, buf, sizeof(buf))) > 0;
		     got += (uint64_t)k) {
			all += (size_t)k;
			put(content, buf, (size_t)k);
		}
		FUZZ_CHECK(got <= e.size);
		if (got == e.size)
			FUZZ_CHECK(mw_tgz_add(again, e.name, content, e.size, sha) == 0);
	}
	FUZZ_CHECK(r >= 0 || *mw_tgz_why(t));
	if (r == 0) {
		FUZZ_CHECK(mw_tgz_finish(again) == 0);
		same_as_written();
	}
	mw_tgz_free(t);
	return 0;
}
