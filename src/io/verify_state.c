/* SPDX-License-Identifier: Apache-2.0 */
/* verify_state.c - what a verifier knows between two segments, as bytes */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/verify_priv.h"
#include "io/walk.h"

/* Changes with any of the structures below. */
#define MAGIC "mcpwatch verify 1"

static void flag(struct mw_walk *w, bool *p)
{
	uint8_t c = w->out ? *p : 0;

	mw_walk_raw(w, &c, 1);
	if (!w->out)
		*p = c != 0;
}

/* So many things in memory of their own, with room for `room`, or the next power of two. */
static size_t array(struct mw_walk *w, void **p, size_t *n, size_t size, size_t room, size_t max)
{
	uint64_t count = *n;
	void *fresh;

	mw_walk_raw(w, &count, sizeof(count));
	if (w->r < 0)
		return 0;
	if (!w->out) {
		if (count > max || count > w->in.n / size) {
			w->r = -EBADMSG;
			return 0;
		}
		while (room < count)
			room *= 2;
		fresh = reallocarray(*p, room, size);
		if (!fresh) {
			w->r = -ENOMEM;
			return 0;
		}
		*p = fresh;
		*n = (size_t)count;
	}
	mw_walk_raw(w, *p, *n * size);
	return room;
}

/* A byte that is no bool must never be looked at as one. */
static bool as_bool(const bool *p)
{
	return *(const unsigned char *)p != 0;
}

static void end_name(struct mw_vkey *key)
{
	key->name[sizeof(key->name) - 1] = '\0';
}

/* Whoever wrote the bytes: nothing is read out of bounds for them. */
static void make_sane(struct mw_verify *v)
{
	size_t i;

	end_name(&v->key);
	end_name(&v->next.key);
	end_name(&v->last.key);
	end_name(&v->before.key);
	for (i = 0; i < v->n_segs; i++)
		v->segs[i].file[sizeof(v->segs[i].file) - 1] = '\0';
	for (i = 0; i < v->n_mark; i++) {
		struct mw_line_mark *m = &v->mark[i];

		m->stop = as_bool(&m->stop);
		m->damaged = as_bool(&m->damaged);
		m->good = as_bool(&m->good);
		end_name(&m->next);
	}
}

#define ITEM(w, x) mw_walk_raw(w, &(x), sizeof(x))

static void walk(struct mw_walk *w, struct mw_verify *v, uint64_t *seals_len)
{
	unsigned int i;
	size_t room;

	ITEM(w, v->key);
	flag(w, &v->have_key);
	ITEM(w, v->epoch);
	ITEM(w, *seals_len);
	ITEM(w, v->seals.line_no);
	flag(w, &v->have_next);
	ITEM(w, v->next);
	ITEM(w, v->last);
	ITEM(w, v->before);
	ITEM(w, v->n_seals);
	ITEM(w, v->tree);
	if (w->r == 0 && v->tree.n_stack > sizeof(v->tree.stack) / sizeof(v->tree.stack[0]))
		w->r = -EBADMSG;
	room = array(w, (void **)&v->wait, &v->n_wait, sizeof(*v->wait), 1024, MW_VERIFY_WAIT_MAX);
	if (!w->out && w->r == 0)
		v->cap_wait = room;
	for (i = 0; i < MW_TILE_LEVELS; i++)
		mw_walk_raw(w, v->tile[i],
			    (v->tree.n >> (8 * i)) % MW_TILE_WIDTH * sizeof(v->tile[i][0]));
	ITEM(w, v->tile_seen);
	ITEM(w, v->from_tiles);
	array(w, (void **)&v->mark, &v->n_mark, sizeof(*v->mark), MW_VERIFY_MARKS, MW_VERIFY_MARKS);
	ITEM(w, v->prune_to);
	flag(w, &v->stopped);
	flag(w, &v->says_damaged);
	array(w, (void **)&v->segs, &v->n_segs, sizeof(*v->segs), 1, 1 << 24);
	ITEM(w, v->last_ns);
	ITEM(w, v->back_at);
	ITEM(w, v->n_back);
	ITEM(w, v->rep.sealed);
	ITEM(w, v->rep.seals);
	ITEM(w, v->rep.sealed_ns);
	ITEM(w, v->rep.read_len);
}

/* What it must be of. */
struct head {
	char magic[sizeof(MAGIC)];
	uint32_t size;
	char origin[MW_NOTE_NAME_MAX];
	uint8_t identity[MW_KEY_LEN];
};

static void make_head(const struct mw_verify *v, struct head *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->magic, MAGIC, sizeof(MAGIC));
	ret->size = sizeof(*v);
	snprintf(ret->origin, sizeof(ret->origin), "%s", v->origin);
	memcpy(ret->identity, v->identity.public_key, sizeof(ret->identity));
}

int mw_verify_save(const struct mw_verify *v, struct mw_buf *out, struct mw_verify_place *ret)
{
	/* it is only read */
	struct mw_verify *whole = (struct mw_verify *)(uintptr_t)v;
	struct mw_walk w = { .out = out };
	uint64_t seals_len = 0;
	struct head head;
	off_t at;

	if (v->stop || v->error || v->soft || v->odd || v->bad_anchor || v->rep.finding)
		return -EINVAL;
	if (v->seals.fd >= 0) {
		at = lseek(v->seals.fd, 0, SEEK_CUR);
		if (at < 0)
			return -errno;
		seals_len = (uint64_t)at - (v->seals.len - v->seals.at);
	}
	make_head(v, &head);
	ITEM(&w, head);
	walk(&w, whole, &seals_len);
	if (w.r == 0)
		*ret = (struct mw_verify_place){ v->tree.n, seals_len };
	return w.r;
}

int mw_verify_restore(struct mw_verify *v, const void *p, size_t n)
{
	struct mw_walk w = { .in = mw_slice(p, n) };
	struct head head, want;
	uint64_t seals_len = 0;
	int r;

	make_head(v, &want);
	ITEM(&w, head);
	if (w.r < 0 || memcmp(&head, &want, sizeof(head)) != 0)
		return -EBADMSG;
	walk(&w, v, &seals_len);
	if (w.r < 0)
		return w.r;
	if (w.in.n || seals_len > INT64_MAX)
		return -EBADMSG;
	make_sane(v);
	r = mw_vf_seals_open(v);
	if (r == 0 && v->seals.fd >= 0 && lseek(v->seals.fd, (off_t)seals_len, SEEK_SET) < 0)
		r = -errno;
	return r;
}

/* --- beside the records -------------------------------------------------------------------------
 */

static int add_tile(EVP_MD_CTX *ctx, int dir_fd, uint64_t size, unsigned int level, uint64_t index)
{
	char name[MW_TILE_NAME_MAX];
	struct stat st;

	mw_tile_name(size, level, index, name);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	{
		const uint64_t what[] = {
			level,
			index,
			(uint64_t)st.st_dev,
			(uint64_t)st.st_ino,
			(uint64_t)st.st_size,
			(uint64_t)st.st_mtim.tv_sec,
			(uint64_t)st.st_mtim.tv_nsec,
			(uint64_t)st.st_ctim.tv_sec,
			(uint64_t)st.st_ctim.tv_nsec,
		};

		return EVP_DigestUpdate(ctx, what, sizeof(what)) ? 0 : -ENOMEM;
	}
}

static int add_seals(EVP_MD_CTX *ctx, int dir_fd, uint64_t from, uint64_t to)
{
	_cleanup_(mw_close) int fd = -1;
	char buf[16384];
	ssize_t n;

	if (from >= to)
		return from == to ? 0 : -EBADMSG;
	fd = openat(dir_fd, MW_VERIFY_SEALS, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	for (; from < to; from += (uint64_t)n) {
		n = pread(fd, buf, to - from < sizeof(buf) ? (size_t)(to - from) : sizeof(buf),
			  (off_t)from);
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		if (!EVP_DigestUpdate(ctx, buf, (size_t)n))
			return -ENOMEM;
	}
	return 0;
}

int mw_verify_beside(int dir_fd, const struct mw_verify_place *from,
		     const struct mw_verify_place *to, uint8_t ret[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned int level;
	uint64_t i;
	int r = 0;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		r = -ENOMEM;
	for (level = 0; level + 1 < MW_TILE_LEVELS && r == 0; level++)
		for (i = from->sealed >> (8 * (level + 1));
		     i < to->sealed >> (8 * (level + 1)) && r == 0; i++)
			r = add_tile(ctx, dir_fd, to->sealed, level, i);
	if (r == 0)
		r = add_seals(ctx, dir_fd, from->seals_len, to->seals_len);
	if (r == 0 && !EVP_DigestFinal_ex(ctx, ret, NULL))
		r = -ENOMEM;
	EVP_MD_CTX_free(ctx);
	return r;
}
