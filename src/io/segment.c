/* SPDX-License-Identifier: Apache-2.0 */
#include "io/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/cleanup.h"
#include "io/file.h"

#define ZST ".zst"

/* What a frame may ask for, so that a made-up one does not take all memory: 128 MiB, as zstd's own
 * tool without --long. */
#define WINDOW_LOG_MAX 27

#define KEEP_LEN (256u << 10)

int mw_segments_open(int seg_dir_fd, DIR **ret)
{
	int r, fd = openat(seg_dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret = d;
	return 0;
}

bool mw_segment_name_parse(const char *name, uint64_t *ret_first_seq)
{
	uint64_t v = 0;
	size_t i;

	if (strlen(name) != MW_SEGMENT_NAME_LEN || strcmp(name + 20, ".jsonl") != 0)
		return false;
	for (i = 0; i < 20; i++) {
		if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(name[i] - '0'), &v))
			return false;
	}
	*ret_first_seq = v;
	return true;
}

static bool name_parse(const char *name, struct mw_segment *ret)
{
	char plain[MW_SEGMENT_NAME_LEN + 1];
	size_t n = strlen(name);

	ret->zst = n == MW_SEGMENT_NAME_LEN + 4 && strcmp(name + MW_SEGMENT_NAME_LEN, ZST) == 0;
	if (!ret->zst)
		return mw_segment_name_parse(name, &ret->first);
	memcpy(plain, name, MW_SEGMENT_NAME_LEN);
	plain[MW_SEGMENT_NAME_LEN] = '\0';
	return mw_segment_name_parse(plain, &ret->first);
}

static int compare(const void *pa, const void *pb)
{
	const struct mw_segment *a = pa, *b = pb;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->zst - b->zst;
}

int mw_segments_list(int seg_dir_fd, struct mw_segment **ret, size_t *ret_n)
{
	struct mw_segment *list = NULL, *p, s;
	size_t n = 0, i, out = 0;
	struct dirent *e;
	DIR *d;
	int r;

	r = mw_segments_open(seg_dir_fd, &d);
	if (r < 0)
		return r;
	while ((e = readdir(d)) != NULL) {
		if (!name_parse(e->d_name, &s))
			continue;
		if ((n & (n - 1)) == 0) {
			p = reallocarray(list, n ? 2 * n : 1, sizeof(*p));
			if (!p) {
				free(list);
				closedir(d);
				return -ENOMEM;
			}
			list = p;
		}
		list[n++] = s;
	}
	closedir(d);
	if (n)
		qsort(list, n, sizeof(*list), compare);
	for (i = 0; i < n; i++)
		if (out == 0 || list[out - 1].first != list[i].first)
			list[out++] = list[i];
	*ret = list;
	*ret_n = out;
	return 0;
}

void mw_segment_file(const struct mw_segment *s, char ret[MW_SEGMENT_FILE_MAX])
{
	snprintf(ret, MW_SEGMENT_FILE_MAX, MW_SEGMENT_NAME_FMT "%s", s->first, s->zst ? ZST : "");
}

struct mw_segread {
	int fd;
	ZSTD_DCtx *zstd; /* NULL: plain */
	char *buf;	 /* compressed */
	char *out;	 /* and not: what of a damaged one is given does not depend on who asks */
	size_t at, len;	 /* of out, what was not given yet */
	ZSTD_inBuffer in;
	bool open_frame; /* a frame has begun and not ended */
	uint64_t given;	 /* uncompressed bytes */
	int failed;	 /* what comes behind those in out */
};

int mw_segread_open(int seg_dir_fd, const struct mw_segment *s, struct mw_segread **ret)
{
	_cleanup_(mw_segread_freep) struct mw_segread *r = calloc(1, sizeof(*r));
	char name[MW_SEGMENT_FILE_MAX];
	struct stat st;

	if (!r)
		return -ENOMEM;
	r->fd = -1;
	mw_segment_file(s, name);
	/* not to wait for who writes into a pipe */
	r->fd = openat(seg_dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (s->zst) {
		r->zstd = ZSTD_createDCtx();
		r->buf = malloc(ZSTD_DStreamInSize());
		r->out = malloc(ZSTD_DStreamOutSize());
		if (!r->zstd || !r->buf || !r->out ||
		    ZSTD_isError(
			ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
			return -ENOMEM;
		r->in.src = r->buf;
	}
	*ret = MW_TAKE(r);
	return 0;
}

static ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t k;

	do
		k = read(fd, p, n);
	while (k < 0 && errno == EINTR);
	return k < 0 ? -errno : k;
}

/* More into out, which is empty: 1, 0 the end, negative errno. */
static int decompress(struct mw_segread *r)
{
	ZSTD_outBuffer out = { .dst = r->out, .size = ZSTD_DStreamOutSize() };
	ssize_t k;
	size_t z;

	while (out.pos == 0 && !r->failed) {
		if (r->in.pos == r->in.size) {
			k = read_some(r->fd, r->buf, ZSTD_DStreamInSize());
			if (k < 0)
				return (int)k;
			if (k == 0)
				return r->open_frame ? -EBADMSG : 0;
			r->in.size = (size_t)k;
			r->in.pos = 0;
		}
		z = ZSTD_decompressStream(r->zstd, &out, &r->in);
		if (ZSTD_isError(z))
			r->failed = ZSTD_getErrorCode(z) == ZSTD_error_memory_allocation ? -ENOMEM
											 : -EBADMSG;
		r->open_frame = z != 0;
	}
	r->at = 0;
	r->len = out.pos;
	return out.pos ? 1 : r->failed;
}

ssize_t mw_segread_read(struct mw_segread *r, void *p, size_t n)
{
	int k;

	if (!r->zstd)
		return read_some(r->fd, p, n);
	if (r->at == r->len) {
		k = decompress(r);
		if (k <= 0)
			return k;
	}
	if (n > r->len - r->at)
		n = r->len - r->at;
	memcpy(p, r->out + r->at, n);
	r->at += n;
	r->given += n;
	return (ssize_t)n;
}

int mw_segread_seek(struct mw_segread *r, uint64_t off)
{
	size_t n;
	int k;

	if (!r->zstd)
		return lseek(r->fd, (off_t)off, SEEK_SET) < 0 ? -errno : 0;
	if (off < r->given) {
		if (lseek(r->fd, 0, SEEK_SET) < 0)
			return -errno;
		ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
		r->in.pos = r->in.size = r->at = r->len = 0;
		r->given = 0;
		r->open_frame = false;
		r->failed = 0;
	}
	while (r->given < off) {
		if (r->at == r->len) {
			k = decompress(r);
			if (k <= 0)
				return k < 0 ? k : -EBADMSG;
		}
		n = r->len - r->at;
		if (n > off - r->given)
			n = (size_t)(off - r->given);
		r->at += n;
		r->given += n;
	}
	return 0;
}

void mw_segread_free(struct mw_segread *r)
{
	if (!r)
		return;
	mw_close(&r->fd);
	ZSTD_freeDCtx(r->zstd);
	free(r->buf);
	free(r->out);
	free(r);
}

/* --- what stays of a deleted one ----------------------------------------------------------------
 */

static bool is_seal(const char *line, size_t n)
{
	static const char type[] = ",\"type\":\"seal\",";
	/* nothing nested stands before the type, and in a string the quotes are escaped */
	const char *found = memmem(line, n, ",\"type\":\"", 9);

	return found && (size_t)(line + n - found) > sizeof(type) - 1 &&
	       memcmp(found, type, sizeof(type) - 1) == 0;
}

/* The seal records among the whole lines in p[0..*n); what is left of one moves to its beginning.
 */
static int keep_lines(int fd, char *p, size_t *n)
{
	size_t at = 0;
	char *nl;
	int r;

	while ((nl = memchr(p + at, '\n', *n - at)) != NULL) {
		const size_t len = (size_t)(nl - p) - at;

		r = is_seal(p + at, len) ? mw_file_write(fd, p + at, len + 1, NULL) : 0;
		if (r < 0)
			return r;
		at += len + 1;
	}
	memmove(p, p + at, *n - at);
	*n -= at;
	return 0;
}

int mw_segment_keep_seals(int dir_fd, int seg_dir_fd, const struct mw_segment *s)
{
	_cleanup_(mw_segread_freep) struct mw_segread *in = NULL;
	_cleanup_(mw_freep) char *buf = malloc(KEEP_LEN);
	_cleanup_(mw_close) int fd = -1;
	size_t n = 0;
	ssize_t k;
	off_t end;
	int r;

	if (!buf)
		return -ENOMEM;
	r = mw_segread_open(seg_dir_fd, s, &in);
	if (r < 0)
		return r;
	fd = openat(dir_fd, MW_SEGMENT_KEPT,
		    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	/* half a line, of a crash */
	if (end > 0 && (pread(fd, buf, 1, end - 1) != 1 || *buf != '\n'))
		r = mw_file_write(fd, "\n", 1, NULL);
	while (r == 0 && (k = mw_segread_read(in, buf + n, KEEP_LEN - n)) != 0) {
		if (k < 0)
			return (int)k;
		n += (size_t)k;
		r = keep_lines(fd, buf, &n);
		if (n == KEEP_LEN)
			return -EBADMSG;
	}
	if (r == 0 && (fdatasync(fd) < 0 || fsync(dir_fd) < 0))
		r = -errno;
	return r;
}
