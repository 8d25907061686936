/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/index_priv.h"

/* Of the bytes: u32 each of n_terms, length of the dictionary. */
#define HEAD_LEN 8

/* --- sums -----------------------------------------------------------------------------------------
 */

int64_t mw_index_sum(uint64_t first, unsigned int column, const void *p, size_t n)
{
	return (int64_t)XXH3_64bits_withSeed(p, n, first * 64 + column);
}

int64_t mw_index_row_sum(const struct mw_index_row *row)
{
	const uint64_t numbers[] = {
		row->first,	       row->n,
		row->stamp.dev,	       row->stamp.ino,
		row->stamp.size,       (uint64_t)row->stamp.mtime_ns,
		(uint64_t)row->stamp.ctime_ns, row->place.sealed,
		row->place.seals_len,  XXH3_64bits(row->beside, sizeof(row->beside)),
	};

	return (int64_t)XXH3_64bits_withSeed(row->state, row->n_state,
					     XXH3_64bits(numbers, sizeof(numbers)));
}

/* --- made ---------------------------------------------------------------------------------------
 */

void mw_index_maker_init(struct mw_index_maker *m)
{
	*m = (struct mw_index_maker){ 0 };
	mw_buf_init(&m->dict, &mw_heap, MW_INDEX_COLUMN_MAX);
	mw_buf_init(&m->rows, &mw_heap, MW_INDEX_COLUMN_MAX);
	mw_buf_init(&m->now, &mw_heap, MW_INDEX_COLUMN_MAX);
}

static int put_number(struct mw_buf *b, uint64_t v)
{
	uint8_t p[10];
	size_t n = 0;

	for (; v > 0x7f; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return mw_buf_append(b, p, n);
}

/* The value that begins at `at` of the dictionary. */
static struct mw_slice dict_at(const struct mw_index_maker *m, uint32_t at)
{
	struct mw_slice s = mw_slice(m->dict.p + at, m->dict.len - at);
	uint64_t n = 0;

	mw_index_number(&s, &n);
	return mw_slice(s.p, (size_t)n);
}

static size_t place(const struct mw_index_maker *m, struct mw_slice value)
{
	size_t i = XXH3_64bits(value.p, value.n) & (m->cap - 1);

	while (m->table[i] && !mw_slice_eq(dict_at(m, m->at[m->table[i] - 1]), value))
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int grow(struct mw_index_maker *m)
{
	const size_t cap = m->cap ? 2 * m->cap : 256;
	uint32_t *table = calloc(cap, sizeof(*table));
	uint32_t *at = reallocarray(m->at, cap / 2, sizeof(*at));
	uint32_t i;

	if (at)
		m->at = at;
	if (!table || !at) {
		free(table);
		return -ENOMEM;
	}
	free(m->table);
	m->table = table;
	m->cap = cap;
	for (i = 0; i < m->n_terms; i++)
		m->table[place(m, dict_at(m, m->at[i]))] = i + 1;
	return 0;
}

int mw_index_maker_number(struct mw_index_maker *m, uint64_t v)
{
	m->n_now++;
	return put_number(&m->now, v);
}

int mw_index_maker_term(struct mw_index_maker *m, struct mw_slice value)
{
	uint32_t at = (uint32_t)m->dict.len;
	size_t i;
	int r;

	if (m->n_terms >= m->cap / 2 && grow(m) < 0)
		return -ENOMEM;
	i = place(m, value);
	if (!m->table[i]) {
		r = put_number(&m->dict, value.n);
		if (r == 0)
			r = mw_buf_append(&m->dict, value.p, value.n);
		if (r < 0)
			return r;
		m->at[m->n_terms++] = at;
		m->table[i] = (uint32_t)m->n_terms;
	}
	return mw_index_maker_number(m, m->table[i] - 1);
}

int mw_index_maker_row(struct mw_index_maker *m, bool counted)
{
	int r = counted ? put_number(&m->rows, m->n_now) : 0;

	if (r == 0)
		r = mw_buf_append(&m->rows, m->now.p, m->now.len);
	mw_buf_reset(&m->now, 4096);
	m->n_now = 0;
	return r;
}

int mw_index_maker_take(struct mw_index_maker *m, void **ret, size_t *ret_n)
{
	const uint32_t head[2] = { (uint32_t)m->n_terms, (uint32_t)m->dict.len };
	const size_t n = HEAD_LEN + m->dict.len + m->rows.len;
	_cleanup_(mw_freep) char *raw = malloc(n), *out = malloc(ZSTD_compressBound(n));
	size_t z;

	if (!raw || !out)
		return -ENOMEM;
	memcpy(raw, head, HEAD_LEN);
	if (m->dict.len)
		memcpy(raw + HEAD_LEN, m->dict.p, m->dict.len);
	if (m->rows.len)
		memcpy(raw + HEAD_LEN + m->dict.len, m->rows.p, m->rows.len);
	z = ZSTD_compress(out, ZSTD_compressBound(n), raw, n, 1);
	if (ZSTD_isError(z))
		return -ENOMEM;
	m->dict.len = m->rows.len = 0;
	m->n_terms = 0;
	if (m->table)
		memset(m->table, 0, m->cap * sizeof(*m->table));
	*ret = MW_TAKE(out);
	*ret_n = z;
	return 0;
}

void mw_index_maker_done(struct mw_index_maker *m)
{
	mw_buf_done(&m->dict);
	mw_buf_done(&m->rows);
	mw_buf_done(&m->now);
	free(m->table);
	free(m->at);
}

/* --- read back ----------------------------------------------------------------------------------
 */

int mw_index_column_open(const void *p, size_t n, struct mw_index_column *ret)
{
	const unsigned long long len = ZSTD_getFrameContentSize(p, n);
	struct mw_index_column c = { 0 };
	struct mw_slice s;
	uint32_t head[2];
	uint64_t k;
	size_t i;

	/* also what zstd says instead of a size */
	if (len < HEAD_LEN || len > MW_INDEX_COLUMN_MAX)
		return -EBADMSG;
	c.raw = malloc((size_t)len);
	if (!c.raw)
		return -ENOMEM;
	if (ZSTD_decompress(c.raw, (size_t)len, p, n) != len)
		goto broken;
	memcpy(head, c.raw, HEAD_LEN);
	s = mw_slice((uint8_t *)c.raw + HEAD_LEN, (size_t)len - HEAD_LEN);
	if (head[1] > s.n || head[0] > head[1])
		goto broken;
	c.n_terms = head[0];
	c.rows = mw_slice_from(s, head[1]);
	s.n = head[1];
	c.term = calloc(c.n_terms + 1, sizeof(*c.term));
	if (!c.term) {
		mw_index_column_done(&c);
		return -ENOMEM;
	}
	for (i = 0; i < c.n_terms; i++) {
		if (!mw_index_number(&s, &k) || k > s.n)
			goto broken;
		c.term[i] = mw_slice(s.p, (size_t)k);
		s.p += k;
		s.n -= (size_t)k;
	}
	*ret = c;
	return 0;
broken:
	mw_index_column_done(&c);
	return -EBADMSG;
}

void mw_index_column_done(struct mw_index_column *c)
{
	free(c->raw);
	free(c->term);
	*c = (struct mw_index_column){ 0 };
}
