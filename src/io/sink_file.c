/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sink_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mcpwatch/record.h>

#include "base/cleanup.h"
#include "io/file.h"

struct file {
	struct mw_sink sink;
	int fd;
	bool owned, regular;
	off_t end; /* regular: where the last whole record ends */
	char line[MW_RECORD_MAX + 1];
};

static int file_write(struct mw_sink *sink, const struct mw_record *record)
{
	const char *json = record->json;
	const size_t len = record->len;
	struct file *s = (struct file *)sink;
	size_t n = 0;
	int r;

	if (len > MW_RECORD_MAX)
		return -E2BIG;
	memcpy(s->line, json, len);
	s->line[len] = '\n';
	r = mw_file_write(s->fd, s->line, len + 1, &n);
	/* half a line would make every later one unreadable */
	if (r < 0 && n > 0 && s->regular && ftruncate(s->fd, s->end) == 0)
		lseek(s->fd, s->end, SEEK_SET);
	if (r == 0)
		s->end += (off_t)len + 1;
	return r;
}

static int file_flush(struct mw_sink *sink)
{
	struct file *s = (struct file *)sink;

	return s->regular && fdatasync(s->fd) < 0 ? -errno : 0;
}

static void file_free(struct mw_sink *sink)
{
	struct file *s = (struct file *)sink;

	if (s->owned)
		mw_close(&s->fd);
	free(s);
}

static const struct mw_sink_ops file_ops = {
	.write = file_write,
	.flush = file_flush,
	.free = file_free,
};

int mw_sink_file_new_fd(int fd, bool owned, struct mw_sink **ret)
{
	struct file *s = malloc(sizeof(*s));
	struct stat st;

	if (!s)
		return -ENOMEM;
	s->sink.ops = &file_ops;
	s->fd = fd;
	s->owned = owned;
	s->end = lseek(fd, 0, SEEK_CUR);
	s->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && s->end >= 0;
	*ret = &s->sink;
	return 0;
}

int mw_sink_file_new(const char *path, char *err, size_t err_len, struct mw_sink **ret)
{
	_cleanup_(mw_close) int fd = -1;
	int r;

	fd = mw_file_create(path, err, err_len);
	if (fd < 0)
		return fd;
	r = mw_sink_file_new_fd(fd, true, ret);
	if (r < 0) {
		snprintf(err, err_len, "cannot write %s: not enough memory", path);
		return r;
	}
	fd = -1;
	return 0;
}
