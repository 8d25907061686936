/* SPDX-License-Identifier: Apache-2.0 */
#include "io/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "io/file.h"

/* A line, its newline, and one byte more, so that one that is too long shows. */
#define BUF_LEN (2 * (size_t)(MW_TRAIL_LINE_MAX + 1))

struct mw_trail {
	char *path;
	int fd;
	const struct mw_trail_map *map;
	struct mw_trail_parser *parser;
	uint64_t size; /* when it was opened */
	uint64_t got;  /* in this pass */
	uint64_t line_no;
	struct mw_slice line; /* given last */
	char *buf;
	size_t at, len;
	XXH3_state_t *hash; /* of this pass */
	XXH64_hash_t first; /* of the first one */
	bool passed;	    /* there was a first one */
	bool at_end;
	char err[MW_ERR_MAX];
};

static int __attribute__((format(printf, 3, 4)))
fail(struct mw_trail *t, int r, const char *fmt, ...)
{
	char what[MW_ERR_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(t->err, sizeof(t->err), "%.200s: %s", t->path, what);
	return r;
}

/* At most n more bytes of the file: how many, 0 at its end, negative errno. */
static ssize_t get(struct mw_trail *t, void *p, size_t n)
{
	ssize_t r;

	if (n > t->size - t->got)
		n = (size_t)(t->size - t->got);
	if (n == 0)
		return 0;
	do
		r = pread(t->fd, p, n, (off_t)t->got);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return fail(t, -errno, "cannot be read: %s", strerror(errno));
	if (r == 0)
		return fail(t, -ESTALE, "was cut while it was read");
	(void)XXH3_64bits_update(t->hash, p, (size_t)r);
	t->got += (uint64_t)r;
	return r;
}

/* The pass is over: it must have seen what the first one saw. */
static int end_pass(struct mw_trail *t)
{
	const XXH64_hash_t h = XXH3_64bits_digest(t->hash);

	if (t->at_end)
		return 0;
	t->at_end = true;
	if (t->passed && h != t->first)
		return fail(t, -ESTALE, "was changed while it was read");
	t->first = h;
	t->passed = true;
	return 0;
}

int mw_trail_rewind(struct mw_trail *t)
{
	t->got = t->line_no = 0;
	t->at = t->len = 0;
	t->at_end = false;
	(void)XXH3_64bits_reset(t->hash);
	return 0;
}

static ssize_t refill(struct mw_trail *t)
{
	ssize_t n;

	memmove(t->buf, t->buf + t->at, t->len - t->at);
	t->len -= t->at;
	t->at = 0;
	n = get(t, t->buf + t->len, BUF_LEN - t->len);
	if (n > 0)
		t->len += (size_t)n;
	return n;
}

static bool blank(struct mw_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	return true;
}

int mw_trail_line(struct mw_trail *t, struct mw_slice *ret, uint64_t *ret_no)
{
	struct mw_slice s;
	ssize_t n;
	char *nl;

	for (;;) {
		size_t looked = 0;

		while (!(nl = memchr(t->buf + t->at + looked, '\n', t->len - t->at - looked))) {
			if (t->len - t->at > MW_TRAIL_LINE_MAX)
				return fail(t, -E2BIG,
					    "line %" PRIu64
					    ": longer than %u bytes; no trail has such "
					    "lines",
					    t->line_no + 1, MW_TRAIL_LINE_MAX);
			looked = t->len - t->at;
			n = refill(t);
			if (n < 0)
				return (int)n;
			if (n > 0)
				continue;
			if (looked == 0)
				return end_pass(t);
			break;
		}
		s = mw_slice(t->buf + t->at, nl ? (size_t)(nl - t->buf) - t->at : t->len - t->at);
		t->at += s.n + (nl != NULL);
		t->line_no++;
		if (s.n > MW_TRAIL_LINE_MAX)
			return fail(t, -E2BIG,
				    "line %" PRIu64
				    ": longer than %u bytes; no trail has such lines",
				    t->line_no, MW_TRAIL_LINE_MAX);
		if (!nl && t->map && t->map->logfmt)
			return fail(t, -EBADMSG, "line %" PRIu64 ": cut off: it has no end",
				    t->line_no);
		if (s.n && s.p[s.n - 1] == '\r')
			s.n--;
		if (!blank(s))
			break;
	}
	t->line = *ret = s;
	*ret_no = t->line_no;
	return 1;
}

int mw_trail_entry(struct mw_trail *t, struct mw_trail_entry *ret)
{
	struct mw_trail_entry e;
	const char *why;
	size_t at;
	int r;

	r = mw_trail_parse(t->parser, t->line, &why, &at, &e);
	if (r < 0)
		return fail(t, r, "line %" PRIu64 ", byte %zu: %s%s", t->line_no, at + 1, why,
			    t->at == t->len && t->got == t->size && r == -EBADMSG
				? " (the last line: cut off, or still being written?)"
				: "");
	e.line = t->line_no;
	*ret = e;
	return 0;
}

int mw_trail_feed(struct mw_trail *t, int (*fn)(void *ctx, const void *p, size_t n), void *ctx)
{
	ssize_t n;
	int r;

	r = mw_trail_rewind(t);
	while (r == 0 && (n = get(t, t->buf, BUF_LEN)) != 0)
		r = n < 0 ? (int)n : fn(ctx, t->buf, (size_t)n);
	return r < 0 ? r : end_pass(t);
}

struct slurp {
	uint8_t *p;
	size_t n;
};

static int slurp_some(void *ctx, const void *p, size_t n)
{
	struct slurp *s = ctx;

	memcpy(s->p + s->n, p, n); /* never more than the size it was made for */
	s->n += n;
	return 0;
}

int mw_trail_slurp(struct mw_trail *t, size_t max, uint8_t **ret, size_t *ret_n)
{
	struct slurp s = { NULL, 0 };
	int r;

	if (t->size > max)
		return fail(t, -EFBIG, "too long to be read at once");
	s.p = malloc((size_t)t->size + 1);
	if (!s.p)
		return fail(t, -ENOMEM, "not enough memory");
	r = mw_trail_feed(t, slurp_some, &s);
	if (r < 0) {
		free(s.p);
		return r;
	}
	*ret = s.p;
	*ret_n = s.n;
	return 0;
}

const char *mw_trail_path(const struct mw_trail *t)
{
	return t->path;
}

const struct mw_trail_map *mw_trail_map(const struct mw_trail *t)
{
	return t->map;
}

const char *mw_trail_error(const struct mw_trail *t)
{
	return t->err;
}

static int open_file(struct mw_trail *t, const char *path)
{
	struct stat st;

	/* a pipe or terminal would keep us waiting, and is not read twice */
	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		return fail(t, -errno, "cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(t, -EINVAL,
			    "not a file; a trail is read more than once, so save it to one");
	t->size = (uint64_t)st.st_size;
	return 0;
}

static int guess(struct mw_trail *t)
{
	struct mw_slice line;
	uint64_t no;
	int r;

	r = mw_trail_line(t, &line, &no);
	if (r < 0)
		return r;
	t->map = r ? mw_trail_guess(line) : mw_trail_preset("json");
	if (!t->map)
		return fail(t, -EINVAL,
			    "line %" PRIu64
			    ": neither a JSON object nor logfmt (key=value); say what "
			    "the lines are with --format or --map",
			    no);
	return 0;
}

int mw_trail_open(const char *path, const struct mw_trail_map *map, char *err, size_t err_len,
		  struct mw_trail **ret)
{
	_cleanup_(mw_trail_closep) struct mw_trail *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	if (t) {
		t->fd = -1;
		t->map = map;
		t->path = strdup(path);
		t->buf = malloc(BUF_LEN);
		t->hash = XXH3_createState();
	}
	if (!t || !t->path || !t->buf || !t->hash) {
		snprintf(err, err_len, "%s: not enough memory", path);
		return r;
	}
	r = open_file(t, path);
	if (r == 0)
		r = mw_trail_rewind(t);
	if (r == 0 && !t->map)
		r = guess(t);
	if (r == 0)
		r = mw_trail_rewind(t);
	if (r == 0) {
		r = mw_trail_parser_new(t->map, &t->parser);
		if (r < 0)
			fail(t, r, "not enough memory");
	}
	if (r < 0) {
		snprintf(err, err_len, "%s", t->err);
		return r;
	}
	*ret = MW_TAKE(t);
	return 0;
}

void mw_trail_close(struct mw_trail *t)
{
	if (!t)
		return;
	mw_close(&t->fd);
	mw_trail_parser_free(t->parser);
	XXH3_freeState(t->hash);
	free(t->buf);
	free(t->path);
	free(t);
}
