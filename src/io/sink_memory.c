/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sink_memory.h"

#include <errno.h>

struct memory {
	struct mw_sink sink;
	char **records;
	size_t n, n_writes, fail_at;
};

static int memory_write(struct mw_sink *sink, const struct mw_record *record)
{
	const char *json = record->json;
	const size_t len = record->len;
	struct memory *s = (struct memory *)sink;
	char **records;

	if (s->fail_at && ++s->n_writes >= s->fail_at)
		return -ENOSPC;
	records = reallocarray(s->records, s->n + 1, sizeof(*records));
	if (!records)
		return -ENOMEM;
	s->records = records;
	records[s->n] = strndup(json, len);
	if (!records[s->n])
		return -ENOMEM;
	s->n++;
	return 0;
}

static int memory_flush(struct mw_sink *sink)
{
	(void)sink;
	return 0;
}

static void memory_free(struct mw_sink *sink)
{
	struct memory *s = (struct memory *)sink;
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->records[i]);
	free(s->records);
	free(s);
}

static const struct mw_sink_ops memory_ops = {
	.write = memory_write,
	.flush = memory_flush,
	.free = memory_free,
};

int mw_sink_memory_new(size_t fail_at, struct mw_sink **ret)
{
	struct memory *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &memory_ops;
	s->fail_at = fail_at;
	*ret = &s->sink;
	return 0;
}

size_t mw_sink_memory_count(const struct mw_sink *sink)
{
	return ((const struct memory *)sink)->n;
}

const char *mw_sink_memory_get(const struct mw_sink *sink, size_t i)
{
	const struct memory *s = (const struct memory *)sink;

	return i < s->n ? s->records[i] : NULL;
}
