/* SPDX-License-Identifier: Apache-2.0 */
#include "io/source_replay.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/event.h"
#include "io/file.h"

/* Two of the longest events: at most one is moved when the next is read. */
#define BUF_LEN (2 * MW_EVENT_MAX)

struct replay {
	struct mw_source source;
	struct mw_source_stats stats;
	char *path;
	uint64_t *buf;	/* BUF_LEN bytes, 8-aligned */
	size_t at, len; /* what was read and not given lies at [at, len) */
	uint64_t off;	/* in the file, of `at` */
	int fd;
	int failed; /* a negative errno that stays */
	bool eof, ended; /* at the file's end; MW_EV_END was read */
	char err[MW_ERR_MAX];
};

static int fail(struct replay *s, int r, const char *what)
{
	snprintf(s->err, sizeof(s->err), "%s: at byte %llu: %s", s->path,
		 (unsigned long long)s->off, what);
	s->failed = r;
	return r;
}

/* More bytes behind what there is. 0 (also at the end), or negative errno. */
static int fill(struct replay *s)
{
	ssize_t n;

	if (s->at > 0) {
		memmove(s->buf, (char *)s->buf + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
	}
	do
		n = read(s->fd, (char *)s->buf + s->len, BUF_LEN - s->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	s->len += (size_t)n;
	s->eof = n == 0;
	return 0;
}

static int replay_next(struct mw_source *source, int timeout_ms, const void **ret)
{
	struct replay *s = (struct replay *)source;
	int r, n;

	(void)timeout_ms;
	if (s->failed)
		return s->failed;
	for (;;) {
		const struct mw_event_hdr *h = (const void *)((char *)s->buf + s->at);

		n = s->at < s->len ? mw_event_check(h, s->len - s->at) : 0;
		if (n < 0)
			return fail(s, -EBADMSG, "no valid event; the file is damaged");
		if (n > 0 && s->stats.events == 0 && h->type != MW_EV_META)
			return fail(s, -EBADMSG,
				    "the first event does not say where it is from; "
				    "the file is damaged");
		if (n > 0 && s->ended)
			return fail(s, -EBADMSG, "bytes after the end mark; the file is damaged");
		if (n > 0 && h->type == MW_EV_END) {
			s->ended = true;
			s->at += (size_t)n;
			s->off += (uint64_t)n;
			continue;
		}
		if (n > 0) {
			s->at += (size_t)n;
			s->off += (uint64_t)n;
			s->stats.events++;
			s->stats.bytes += (uint64_t)n;
			*ret = h;
			return n;
		}
		if (s->eof)
			break;
		r = fill(s);
		if (r < 0)
			return fail(s, r, strerror(-r));
	}
	if (s->at < s->len)
		return fail(s, -EBADMSG, "the file ends inside an event; it is cut off");
	if (s->stats.events == 0)
		return fail(s, -EBADMSG, "the file ends before the first event; it is cut off");
	if (!s->ended)
		return fail(s, -EBADMSG, "the file has no end mark; it is cut off");
	s->failed = -ENODATA;
	return -ENODATA;
}

static void replay_stats(struct mw_source *source, struct mw_source_stats *ret)
{
	*ret = ((struct replay *)source)->stats;
}

static void replay_free(struct mw_source *source)
{
	struct replay *s = (struct replay *)source;

	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->path);
	free(s->buf);
	free(s);
}

static const struct mw_source_ops replay_ops = {
	.next = replay_next,
	.stats = replay_stats,
	.free = replay_free,
};

static int read_header(struct replay *s)
{
	struct mw_capture_hdr hdr;
	char what[160];
	int r;

	while (s->len < sizeof(hdr) && !s->eof) {
		r = fill(s);
		if (r < 0)
			return fail(s, r, strerror(-r));
	}
	memset(&hdr, 0, sizeof(hdr));
	memcpy(&hdr, s->buf, s->len < sizeof(hdr) ? s->len : sizeof(hdr));
	if (memcmp(hdr.magic, MW_CAPTURE_MAGIC, s->len < 8 ? s->len : 8) != 0 || s->len == 0)
		return fail(s, -EBADMSG, "not a capture file; name one made by 'mcpwatch record'");
	if (s->len < sizeof(hdr))
		return fail(s, -EBADMSG, "the file ends inside its header; it is cut off");
	s->off = 8;
	if (hdr.version > MW_EVENT_VERSION && __builtin_bswap32(hdr.version) <= MW_EVENT_VERSION)
		return fail(s, -EBADMSG,
			    "made on a machine of another byte order; replay it there");
	if (hdr.version > MW_EVENT_VERSION) {
		snprintf(what, sizeof(what),
			 "capture version %u, this mcpwatch reads up to %d; use a newer one",
			 hdr.version, MW_EVENT_VERSION);
		return fail(s, -EBADMSG, what);
	}
	if (hdr.version == 0 || hdr.zero != 0)
		return fail(s, -EBADMSG, "no valid header; the file is damaged");
	s->at = sizeof(hdr);
	s->off = sizeof(hdr);
	return 0;
}

int mw_source_replay_new(const char *path, char *err, size_t err_len, struct mw_source **ret)
{
	_cleanup_(mw_source_freep) struct mw_source *source = NULL;
	struct replay *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s) {
		snprintf(err, err_len, "%s: not enough memory", path);
		return -ENOMEM;
	}
	s->source.ops = &replay_ops;
	s->fd = -1;
	source = &s->source;
	s->path = strdup(strcmp(path, "-") == 0 ? "stdin" : path);
	s->buf = aligned_alloc(8, BUF_LEN);
	if (!s->path || !s->buf) {
		snprintf(err, err_len, "%s: not enough memory", path);
		return -ENOMEM;
	}
	s->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0) {
		r = -errno;
		snprintf(err, err_len, "cannot read %s: %s", path, strerror(-r));
		return r;
	}
	r = read_header(s);
	if (r < 0) {
		snprintf(err, err_len, "%s", s->err);
		return r;
	}
	*ret = MW_TAKE(source);
	return 0;
}

const char *mw_source_replay_error(const struct mw_source *source)
{
	return ((const struct replay *)source)->err;
}
