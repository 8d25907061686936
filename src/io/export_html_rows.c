/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "io/export_html.h"
#include "io/heap.h"

#define DICT_SLOTS (2 * MW_HTML_DICT_MAX) /* a power of two */
#define NAME_MAX_N ((size_t)128 << 10)
#define NONE	   0
#define NO_ROOM	   1
#define FIRST	   2

struct name {
	uint64_t hash;
	uint32_t off, len;
};

struct mw_html_rows {
	struct mw_html_pack *pack;
	struct mw_html_row *rows; /* of this block */
	uint32_t n;
	uint64_t n_all, dropped;
	struct mw_buf text;  /* of this block */
	struct mw_buf lines; /* the records of chunk number `chunk` */
	struct mw_buf block;
	uint32_t chunk;
	/* All names, one behind the other; those from `told` on are in no block yet. */
	struct mw_buf dict;
	struct name *names;
	uint32_t *slots; /* the number of a name, or 0 */
	uint32_t n_names, told;
	uint64_t seed;
};

int mw_html_rows_new(struct mw_html_pack *pack, struct mw_html_rows **ret)
{
	struct mw_html_rows *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->pack = pack;
	mw_buf_init(&h->text, &mw_heap, MW_HTML_BLOCK_MAX);
	mw_buf_init(&h->lines, &mw_heap, MW_HTML_BLOCK_MAX);
	mw_buf_init(&h->block, &mw_heap, MW_HTML_BLOCK_MAX);
	mw_buf_init(&h->dict, &mw_heap, MW_HTML_DICT_BYTES);
	h->rows = calloc(MW_HTML_ROWS_MAX, sizeof(*h->rows));
	h->names = calloc(MW_HTML_DICT_MAX, sizeof(*h->names));
	h->slots = calloc(DICT_SLOTS, sizeof(*h->slots));
	if (!h->rows || !h->names || !h->slots ||
	    RAND_bytes((unsigned char *)&h->seed, sizeof(h->seed)) != 1) {
		mw_html_rows_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void mw_html_rows_free(struct mw_html_rows *h)
{
	if (!h)
		return;
	mw_buf_done(&h->text);
	mw_buf_done(&h->lines);
	mw_buf_done(&h->block);
	mw_buf_done(&h->dict);
	free(h->rows);
	free(h->names);
	free(h->slots);
	free(h);
}

int mw_html_rows_name(struct mw_html_rows *h, struct mw_slice raw, uint32_t *ret)
{
	uint64_t hash;
	uint32_t at;
	int r;

	if (raw.n == 0) {
		*ret = NONE;
		return 0;
	}
	hash = mw_hash64(raw, h->seed);
	for (at = (uint32_t)hash & (DICT_SLOTS - 1); h->slots[at];
	     at = (at + 1) & (DICT_SLOTS - 1)) {
		const struct name *n = &h->names[h->slots[at] - FIRST];

		if (n->hash == hash && mw_slice_eq(mw_slice(h->dict.p + n->off, n->len), raw)) {
			*ret = h->slots[at];
			return 0;
		}
	}
	r = h->n_names == MW_HTML_DICT_MAX || raw.n > NAME_MAX_N
		? -E2BIG
		: mw_buf_append(&h->dict, raw.p, raw.n);
	if (r == -E2BIG) {
		h->dropped++;
		*ret = NO_ROOM;
		return 0;
	}
	if (r < 0)
		return r;
	h->names[h->n_names] =
	    (struct name){ hash, (uint32_t)(h->dict.len - raw.n), (uint32_t)raw.n };
	h->slots[at] = FIRST + h->n_names++;
	*ret = h->slots[at];
	return 0;
}

/* How many of the id's last bytes are "-123", its closing quote not counted; 0: it has no such end.
 */
static size_t number_end(struct mw_slice id, uint32_t *ret)
{
	size_t i = id.n - 1, n = 0;
	uint64_t v = 0, unit = 1;

	while (i > 1 && n < 9 && id.p[i - 1] >= '0' && id.p[i - 1] <= '9') {
		v += (uint64_t)(id.p[i - 1] - '0') * unit;
		unit *= 10;
		i--;
		n++;
	}
	if (n == 0 || i <= 2 || id.p[i - 1] != '-' || (id.p[i] == '0' && n > 1))
		return 0;
	*ret = (uint32_t)v;
	return n + 1;
}

int mw_html_rows_call(struct mw_html_rows *h, struct mw_slice raw, struct mw_html_row *row)
{
	char head[64];
	size_t end;
	uint32_t v;

	if (raw.n == 0)
		return 0;
	row->calln = UINT32_MAX;
	if (raw.n > sizeof(head) || raw.n < 4 || raw.p[0] != '"' ||
	    (end = number_end(raw, &v)) == 0)
		return mw_html_rows_name(h, raw, &row->callp);
	memcpy(head, raw.p, raw.n - end - 1);
	head[raw.n - end - 1] = '"';
	row->calln = v;
	return mw_html_rows_name(h, mw_slice(head, raw.n - end), &row->callp);
}

/* --- blocks --- */

#define PUT_COLUMN(type, convert, member)                                                          \
	do {                                                                                       \
		for (i = 0; i < h->n; i++) {                                                       \
			type v_ = convert(h->rows[i].member);                                      \
			memcpy(b->p + b->len, &v_, sizeof(v_));                                    \
			b->len += sizeof(v_);                                                      \
		}                                                                                  \
	} while (0)

static uint64_t le_double(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	return htole64(v);
}

static uint8_t as_is(uint8_t v)
{
	return v;
}

static void put_columns(const struct mw_html_rows *h, struct mw_buf *b)
{
	uint32_t i;

	PUT_COLUMN(uint64_t, le_double, t);
	PUT_COLUMN(uint64_t, le_double, d);
	PUT_COLUMN(uint64_t, le_double, seq);
	PUT_COLUMN(uint32_t, htole32, server);
	PUT_COLUMN(uint32_t, htole32, session);
	PUT_COLUMN(uint32_t, htole32, name);
	PUT_COLUMN(uint32_t, htole32, aux);
	PUT_COLUMN(uint32_t, htole32, who);
	PUT_COLUMN(uint32_t, htole32, callp);
	PUT_COLUMN(uint32_t, htole32, calln);
	PUT_COLUMN(uint32_t, htole32, chunk);
	PUT_COLUMN(uint32_t, htole32, off);
	PUT_COLUMN(uint8_t, as_is, type);
	PUT_COLUMN(uint8_t, as_is, status);
	PUT_COLUMN(uint8_t, as_is, conf);
	PUT_COLUMN(uint8_t, as_is, flags);
	PUT_COLUMN(uint8_t, as_is, input);
}

/* The rows so far become a block. */
static int flush_rows(struct mw_html_rows *h)
{
	struct mw_buf *b = &h->block;
	int r;

	if (h->n == 0)
		return 0;
	r = mw_buf_append_str(b, "{\"n\":");
	r = r < 0 ? r : mw_buf_append_u64(b, h->n);
	r = r < 0 ? r : mw_buf_append_str(b, ",\"from\":");
	r = r < 0 ? r : mw_buf_append_u64(b, FIRST + h->told);
	r = r < 0 ? r : mw_buf_append_str(b, ",\"dict\":[");
	for (; r == 0 && h->told < h->n_names; h->told++) {
		const struct name *n = &h->names[h->told];

		r = mw_buf_append(b, h->dict.p + n->off, n->len);
		if (r == 0 && h->told + 1 < h->n_names)
			r = mw_buf_append_byte(b, ',');
	}
	r = r < 0 ? r : mw_buf_append_str(b, "],\"text\":[");
	r = r < 0 ? r : mw_buf_append(b, h->text.p, h->text.len);
	r = r < 0 ? r : mw_buf_append_str(b, "]}\n");
	r = r < 0 ? r : mw_buf_reserve(b, h->n * sizeof(struct mw_html_row));
	if (r < 0)
		return r;
	put_columns(h, b);
	h->n = 0;
	mw_buf_reset(&h->text, h->text.cap);
	return mw_html_pack_push(h->pack, 'i', b);
}

static int flush_lines(struct mw_html_rows *h)
{
	int r;

	if (h->lines.len == 0)
		return 0;
	r = mw_html_pack_push(h->pack, 'r', &h->lines);
	h->chunk += r == 0;
	return r;
}

static uint32_t untold(const struct mw_html_rows *h)
{
	return h->told < h->n_names ? (uint32_t)h->dict.len - h->names[h->told].off : 0;
}

int mw_html_rows_push(struct mw_html_rows *h, struct mw_html_row *row, struct mw_slice text,
		      struct mw_slice line)
{
	int r = 0;

	if (h->n == MW_HTML_ROWS_MAX || h->text.len + text.n > MW_HTML_TEXT_MAX ||
	    untold(h) > MW_HTML_TEXT_MAX)
		r = flush_rows(h);
	if (r == 0 && h->lines.len + line.n > MW_HTML_CHUNK_MAX)
		r = flush_lines(h);
	if (r == 0 && h->n > 0)
		r = mw_buf_append_byte(&h->text, ',');
	if (r == 0)
		r = text.n ? mw_buf_append(&h->text, text.p, text.n)
			   : mw_buf_append_byte(&h->text, '0');
	if (r < 0)
		return r;
	row->chunk = h->chunk;
	row->off = (uint32_t)h->lines.len;
	r = mw_buf_append(&h->lines, line.p, line.n);
	r = r < 0 ? r : mw_buf_append_byte(&h->lines, '\n');
	if (r < 0)
		return r;
	h->rows[h->n++] = *row;
	h->n_all++;
	return 0;
}

int mw_html_rows_end(struct mw_html_rows *h)
{
	int r = flush_rows(h);

	return r < 0 ? r : flush_lines(h);
}

uint64_t mw_html_rows_n(const struct mw_html_rows *h)
{
	return h->n_all;
}

uint64_t mw_html_rows_dropped(const struct mw_html_rows *h)
{
	return h->dropped;
}
