/* SPDX-License-Identifier: Apache-2.0 */
#include "io/bundle_tree.h"

#include <errno.h>

void mw_range_init(struct mw_range *r, uint64_t from)
{
	r->from = r->to = from;
	r->n = 0;
}

void mw_range_add(struct mw_range *r, const struct mw_hash *leaf)
{
	const uint64_t end = ++r->to;
	uint64_t width;

	r->hash[r->n++] = *leaf;
	/* two halves of a node are that node */
	for (width = 2; end % width == 0 && end - r->from >= width; width *= 2) {
		mw_tlog_node(&r->hash[r->n - 2], &r->hash[r->n - 1], &r->hash[r->n - 2]);
		r->n--;
	}
}

/* log2 of the width of the first subtree that tiles [from, to). */
static unsigned int first_height(uint64_t from, uint64_t to)
{
	const unsigned int widest = 63 - (unsigned int)__builtin_clzll(to - from);
	const unsigned int aligned = from ? (unsigned int)__builtin_ctzll(from) : 63;

	return aligned < widest ? aligned : widest;
}

static unsigned int count(uint64_t from, uint64_t to)
{
	unsigned int n = 0;

	for (; from < to; n++)
		from += 1ull << first_height(from, to);
	return n;
}

/* A full subtree of 2^height leaves behind t->n, a multiple of that. */
static void append(struct mw_tlog_tree *t, unsigned int height, const struct mw_hash *root)
{
	struct mw_hash h = *root;
	uint64_t n;

	for (n = t->n >> height; n & 1; n >>= 1)
		mw_tlog_node(&t->stack[--t->n_stack], &h, &h);
	t->stack[t->n_stack++] = h;
	t->n += 1ull << height;
}

int mw_range_append(struct mw_tlog_tree *t, const struct mw_range *r)
{
	unsigned int i, height;

	/* beyond 2^63 are no records, and no stack for them */
	if (r->from != t->n || r->to < r->from || r->to > INT64_MAX ||
	    count(r->from, r->to) != r->n)
		return -EBADMSG;
	for (i = 0; i < r->n; i++) {
		height = first_height(t->n, r->to);
		append(t, height, &r->hash[i]);
	}
	return 0;
}

/* --- as text ------------------------------------------------------------------------------------
 */

int mw_range_print(const struct mw_range *r, bool record, struct mw_buf *out)
{
	const size_t before = out->len;
	unsigned int i;
	int rc;

	rc = mw_buf_append_str(out, record ? "record " : "left-out ");
	if (rc == 0)
		rc = mw_buf_append_u64(out, r->from);
	if (rc == 0 && !record)
		rc = mw_buf_append_byte(out, ' ');
	if (rc == 0 && !record)
		rc = mw_buf_append_u64(out, r->to);
	for (i = 0; rc == 0 && i < r->n; i++) {
		rc = mw_buf_append_byte(out, ' ');
		if (rc == 0)
			rc = mw_buf_append_hex(out, r->hash[i].p, MW_HASH_LEN);
	}
	if (rc == 0)
		rc = mw_buf_append_byte(out, '\n');
	if (rc < 0)
		out->len = before;
	return rc;
}

static bool eat(struct mw_slice *s, const char *text)
{
	const size_t n = strlen(text);

	if (s->n < n || memcmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static bool eat_u64(struct mw_slice *s, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s->p[i] - '0'), &v))
			return false;
	if (i == 0 || (i > 1 && s->p[0] == '0'))
		return false;
	s->p += i;
	s->n -= i;
	*ret = v;
	return true;
}

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool eat_hash(struct mw_slice *s, struct mw_hash *ret)
{
	size_t i;

	if (s->n < 1 + 2 * MW_HASH_LEN || s->p[0] != ' ')
		return false;
	for (i = 0; i < MW_HASH_LEN; i++) {
		const int hi = hex_digit(s->p[1 + 2 * i]), lo = hex_digit(s->p[2 + 2 * i]);

		if (hi < 0 || lo < 0)
			return false;
		ret->p[i] = (uint8_t)(hi << 4 | lo);
	}
	s->p += 1 + 2 * MW_HASH_LEN;
	s->n -= 1 + 2 * MW_HASH_LEN;
	return true;
}

int mw_range_parse(struct mw_slice line, struct mw_range *ret, bool *ret_record)
{
	const bool record = eat(&line, "record ");
	struct mw_range r = { 0 };

	if (!record && !eat(&line, "left-out "))
		return -EBADMSG;
	if (!eat_u64(&line, &r.from) || r.from >= INT64_MAX)
		return -EBADMSG;
	r.to = r.from + 1;
	if (!record && (!eat(&line, " ") || !eat_u64(&line, &r.to)))
		return -EBADMSG;
	if (r.to <= r.from || r.to > INT64_MAX)
		return -EBADMSG;
	while (line.n > 0)
		if (r.n == MW_RANGE_MAX || !eat_hash(&line, &r.hash[r.n++]))
			return -EBADMSG;
	if (r.n != count(r.from, r.to))
		return -EBADMSG;
	*ret = r;
	*ret_record = record;
	return 0;
}
