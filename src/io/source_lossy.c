/* SPDX-License-Identifier: Apache-2.0 */
#include "io/source_lossy.h"

#include <errno.h>
#include <stdlib.h>

#include <mcpwatch/event.h>

struct lossy {
	struct mw_source source;
	struct mw_source *from;
	uint32_t n, count;
};

static int lossy_next(struct mw_source *s, int timeout_ms, const void **ret)
{
	struct lossy *l = (struct lossy *)s;
	const struct mw_event_hdr *h;
	int r;

	for (;;) {
		r = mw_source_next(l->from, timeout_ms, ret);
		if (r <= 0)
			return r;
		h = *ret;
		if (h->cpu == MW_CPU_NONE || ++l->count < l->n)
			return r;
		l->count = 0;
	}
}

static int lossy_control(struct mw_source *s, const struct mw_control *c)
{
	return mw_source_control(((struct lossy *)s)->from, c);
}

static void lossy_stats(struct mw_source *s, struct mw_source_stats *ret)
{
	mw_source_stats(((struct lossy *)s)->from, ret);
}

static int lossy_fd(struct mw_source *s)
{
	return mw_source_fd(((struct lossy *)s)->from);
}

static void lossy_free(struct mw_source *s)
{
	mw_source_free(((struct lossy *)s)->from);
	free(s);
}

static const struct mw_source_ops ops = {
	.next = lossy_next, .control = lossy_control, .stats = lossy_stats,
	.fd = lossy_fd, .free = lossy_free,
};

int mw_source_lossy_new(struct mw_source *from, uint32_t n, struct mw_source **ret)
{
	struct lossy *l = calloc(1, sizeof(*l));

	if (!l) {
		mw_source_free(from);
		return -ENOMEM;
	}
	l->source.ops = &ops;
	l->from = from;
	l->n = n;
	*ret = &l->source;
	return 0;
}
