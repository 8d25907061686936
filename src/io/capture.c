/* SPDX-License-Identifier: Apache-2.0 */
#include "io/capture.h"

#include <errno.h>

#include <mcpwatch/event.h>

#include "base/cleanup.h"
#include "io/file.h"

#define BUF_LEN (256 * 1024)

struct mw_capture {
	int fd;
	int failed; /* the first error, which stays */
	size_t len;
	char buf[BUF_LEN];
};

int mw_capture_new(const char *path, char *err, size_t err_len, struct mw_capture **ret)
{
	_cleanup_(mw_capture_freep) struct mw_capture *c = malloc(sizeof(*c));
	struct mw_capture_hdr hdr = { .version = MW_EVENT_VERSION };
	int r;

	if (!c) {
		snprintf(err, err_len, "cannot write %s: not enough memory", path);
		return -ENOMEM;
	}
	c->failed = 0;
	c->len = 0;
	c->fd = mw_file_create(path, err, err_len);
	if (c->fd < 0)
		return c->fd;
	memcpy(hdr.magic, MW_CAPTURE_MAGIC, sizeof(hdr.magic));
	r = mw_capture_write(c, &hdr, sizeof(hdr));
	if (r < 0)
		return r;
	*ret = MW_TAKE(c);
	return 0;
}

int mw_capture_flush(struct mw_capture *c)
{
	if (!c->failed && c->len > 0)
		c->failed = mw_file_write(c->fd, c->buf, c->len, NULL);
	c->len = 0;
	return c->failed;
}

int mw_capture_write(struct mw_capture *c, const void *event, size_t len)
{
	int r;

	if (c->failed)
		return c->failed;
	if (len > sizeof(c->buf))
		return -EINVAL;
	if (len > sizeof(c->buf) - c->len) {
		r = mw_capture_flush(c);
		if (r < 0)
			return r;
	}
	memcpy(c->buf + c->len, event, len);
	c->len += len;
	return 0;
}

int mw_capture_end(struct mw_capture *c)
{
	struct mw_event_hdr end = { .len = sizeof(end), .type = MW_EV_END, .cpu = MW_CPU_NONE };
	int r = mw_capture_write(c, &end, sizeof(end));

	return r < 0 ? r : mw_capture_flush(c);
}

void mw_capture_free(struct mw_capture *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		mw_capture_flush(c);
	mw_close(&c->fd);
	free(c);
}
