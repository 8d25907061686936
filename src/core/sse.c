/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sse.h"

#include <errno.h>

#include "core/keep.h"

/* Memory kept between two events. */
#define KEEP	  4096u
#define FIELD_MAX 5u /* of a field's name that has a meaning: "event" */

enum {
	AT_LINE = 0, /* at the beginning of one */
	AT_NAME,
	AT_VALUE_FIRST, /* one space behind the colon is no part of the value */
	AT_VALUE,
	AT_IGNORED, /* a comment, or a field without a meaning */
};

enum field { FIELD_NONE = 0, FIELD_DATA, FIELD_EVENT, FIELD_ID };

struct text {
	uint8_t p[MW_SSE_NAME_MAX];
	size_t n;
};

struct mw_sse {
	const struct mw_alloc *a;
	struct mw_keep data;
	struct text type, id, id_new;
	uint64_t off, from; /* bytes so far; where the event in progress begins */
	unsigned int state;
	enum field field;
	uint8_t name[FIELD_MAX];
	size_t n_name;
	bool lf_waits; /* the last line ended with a CR: an LF belongs to it */
	bool has_line, has_data, id_nul;
	bool broken, no_memory, lent;
};

int mw_sse_new(const struct mw_alloc *a, size_t data_max, size_t head, size_t tail,
	       struct mw_sse **ret)
{
	struct mw_sse *s = mw_alloc_zero(a, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->a = a;
	mw_keep_init(&s->data, a, data_max, head, tail);
	*ret = s;
	return 0;
}

void mw_sse_free(struct mw_sse *s)
{
	if (!s)
		return;
	mw_keep_done(&s->data);
	mw_alloc_free(s->a, s, sizeof(*s));
}

static void event_reset(struct mw_sse *s)
{
	mw_keep_reset(&s->data, KEEP);
	s->type.n = 0;
	s->has_line = s->has_data = s->broken = s->no_memory = s->lent = false;
}

static void give(struct mw_sse *s, bool whole, struct mw_sse_event *ret)
{
	*ret = (struct mw_sse_event){ .data = mw_keep_slice(&s->data),
				      .store = &s->data.buf,
				      .type = mw_slice(s->type.p, s->type.n),
				      .id = mw_slice(s->id.p, s->id.n),
				      .len = s->data.len,
				      .from = s->from,
				      .to = s->off,
				      .cut = s->data.cut,
				      .broken = s->broken || !whole };
	s->lent = true;
}

static void text_add(struct text *t, const uint8_t *p, size_t n)
{
	if (n > sizeof(t->p) - t->n)
		n = sizeof(t->p) - t->n;
	if (n)
		memcpy(t->p + t->n, p, n);
	t->n += n;
}

static int data_add(struct mw_sse *s, const uint8_t *p, size_t n)
{
	if (s->no_memory || n == 0)
		return 0;
	if (mw_keep_add(&s->data, p, n) == 0)
		return 0;
	s->no_memory = s->broken = true;
	return -ENOMEM;
}

static int field_begin(struct mw_sse *s)
{
	static const struct {
		const char *name;
		enum field field;
	} fields[] = { { "data", FIELD_DATA }, { "event", FIELD_EVENT }, { "id", FIELD_ID } };
	int r = 0;

	s->field = FIELD_NONE;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (mw_slice_eq_str(mw_slice(s->name, s->n_name), fields[i].name))
			s->field = fields[i].field;
	switch (s->field) {
	case FIELD_DATA:
		if (s->has_data)
			r = data_add(s, (const uint8_t *)"\n", 1);
		s->has_data = true;
		break;
	case FIELD_EVENT: /* the last one counts */
		s->type.n = 0;
		break;
	case FIELD_ID:
		s->id_new.n = 0;
		s->id_nul = false;
		break;
	default:
		break;
	}
	return r;
}

/* The end of a line with something in it. */
static int line_end(struct mw_sse *s)
{
	int r = 0;

	if (s->state == AT_NAME) /* no colon: the line is the name of a field with an empty value */
		r = field_begin(s);
	if (s->state != AT_IGNORED && s->field == FIELD_ID && !s->id_nul)
		s->id = s->id_new;
	s->state = AT_LINE;
	return r;
}

static int value_add(struct mw_sse *s, const uint8_t *p, size_t n)
{
	switch (s->field) {
	case FIELD_DATA:
		return data_add(s, p, n);
	case FIELD_EVENT:
		text_add(&s->type, p, n);
		return 0;
	case FIELD_ID:
		s->id_nul |= n && memchr(p, 0, n);
		text_add(&s->id_new, p, n);
		return 0;
	default:
		return 0;
	}
}

/* A byte order mark at the very beginning, also a part of one, is no part of the name. */
static bool in_mark(const struct mw_sse *s, uint8_t c)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };

	return s->off < sizeof(mark) && s->n_name == s->off && c == mark[s->off] &&
	       memcmp(s->name, mark, s->off) == 0;
}

static int name_add(struct mw_sse *s, uint8_t c)
{
	if (s->state == AT_LINE && c == ':') {
		s->state = AT_IGNORED;
		return 0;
	}
	if (s->state == AT_LINE)
		s->n_name = 0;
	s->state = AT_NAME;
	if (c == ':') {
		s->state = AT_VALUE_FIRST;
		return field_begin(s);
	}
	if (s->n_name == FIELD_MAX) /* no name that has a meaning */
		s->state = AT_IGNORED;
	else
		s->name[s->n_name++] = c;
	return 0;
}

/* How many bytes there are before the end of the line, as far as they are taken in one go. */
static size_t line_rest(const struct mw_sse *s, const uint8_t *p, size_t n)
{
	const uint8_t *end, *cr;

	if (s->state < AT_VALUE)
		return *p != '\n' && *p != '\r';
	end = memchr(p, '\n', n);

	if (end)
		n = (size_t)(end - p);
	cr = n ? memchr(p, '\r', n) : NULL;
	return cr ? (size_t)(cr - p) : n;
}

/* Takes at least one of n bytes, none of which ends the line. */
static int line_take(struct mw_sse *s, const uint8_t *p, size_t n, size_t *took)
{
	bool mark = in_mark(s, *p);

	if (!s->has_line && s->state == AT_LINE)
		s->from = s->off;
	s->has_line = true;
	*took = 1;
	switch (s->state) {
	case AT_LINE:
	case AT_NAME:
		if (mark && s->off == 2) { /* the mark is whole: as if nothing had been */
			s->state = AT_LINE;
			s->has_line = false;
			return 0;
		}
		return name_add(s, *p);
	case AT_VALUE_FIRST:
		s->state = AT_VALUE;
		if (*p == ' ')
			return 0;
		/* fall through */
	case AT_VALUE:
		*took = n;
		return value_add(s, p, n);
	default:
		*took = n;
		return 0;
	}
}

int mw_sse_next(struct mw_sse *s, struct mw_slice bytes, size_t *used, struct mw_sse_event *ret)
{
	int r = 0;

	*used = 0;
	if (s->lent)
		event_reset(s);
	while (r == 0 && *used < bytes.n) {
		const uint8_t *p = bytes.p + *used;
		size_t n = line_rest(s, p, bytes.n - *used);

		if (n) {
			r = line_take(s, p, n, &n);
			s->lf_waits = false;
			*used += n;
			s->off += n;
			continue;
		}
		++*used;
		s->off++;
		if (*p == '\n' && s->lf_waits) {
			s->lf_waits = false;
			continue;
		}
		s->lf_waits = *p == '\r';
		if (s->state != AT_LINE) {
			r = line_end(s);
			continue;
		}
		if (s->has_data || s->broken) {
			give(s, true, ret);
			return 1;
		}
		event_reset(s);
	}
	return r;
}

void mw_sse_gap(struct mw_sse *s)
{
	if (s->lent)
		event_reset(s);
	if (!s->has_line)
		s->from = s->off;
	s->has_line = s->broken = true;
	s->lf_waits = false;
}

int mw_sse_finish(struct mw_sse *s, struct mw_sse_event *ret)
{
	if (s->lent)
		event_reset(s);
	s->state = AT_LINE;
	if (!s->has_data && !s->broken) {
		event_reset(s);
		return 0;
	}
	give(s, false, ret);
	return 1;
}

bool mw_sse_open(const struct mw_sse *s, uint64_t *ret_from)
{
	*ret_from = s->from;
	return s->has_line && !s->lent;
}

bool mw_sse_looks(struct mw_slice bytes)
{
	static const char *const names[] = { ":", "data:", "event:", "id:", "retry:" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (mw_slice_starts(bytes, mw_slice_str(names[i])))
			return true;
	return false;
}
