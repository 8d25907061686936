/* SPDX-License-Identifier: Apache-2.0 */
#include "io/source_memory.h"

#include <errno.h>

#include <mcpwatch/event.h>

struct memory {
	struct mw_source source;
	struct mw_source_stats stats;
	const uint8_t *p, *end;
	struct mw_control *controls;
	size_t n_controls;
};

static int memory_next(struct mw_source *source, int timeout_ms, const void **ret)
{
	struct memory *s = (struct memory *)source;
	const struct mw_event_hdr *h = (const void *)s->p;
	size_t left = (size_t)(s->end - s->p);

	(void)timeout_ms;
	if (left == 0)
		return -ENODATA;
	if (left < sizeof(*h) || h->len < sizeof(*h) || h->len > left || h->len > MW_EVENT_MAX)
		return -EBADMSG;
	s->p += h->len;
	s->stats.events++;
	s->stats.bytes += h->len;
	*ret = h;
	return (int)h->len;
}

static int memory_control(struct mw_source *source, const struct mw_control *c)
{
	struct memory *s = (struct memory *)source;
	struct mw_control *p = reallocarray(s->controls, s->n_controls + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	s->controls = p;
	p[s->n_controls++] = *c;
	return 0;
}

static void memory_stats(struct mw_source *source, struct mw_source_stats *ret)
{
	*ret = ((struct memory *)source)->stats;
}

static void memory_free(struct mw_source *source)
{
	struct memory *s = (struct memory *)source;

	free(s->controls);
	free(s);
}

static const struct mw_source_ops memory_ops = {
	.next = memory_next,
	.control = memory_control,
	.stats = memory_stats,
	.free = memory_free,
};

int mw_source_memory_new(const void *p, size_t n, struct mw_source **ret)
{
	struct memory *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->source.ops = &memory_ops;
	s->p = p;
	s->end = s->p + n;
	*ret = &s->source;
	return 0;
}

const struct mw_control *mw_source_memory_controls(const struct mw_source *source, size_t *ret_n)
{
	const struct memory *s = (const struct memory *)source;

	*ret_n = s->n_controls;
	return s->controls;
}
