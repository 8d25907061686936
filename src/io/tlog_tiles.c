/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlog_tiles.c - tiles of height 8: tile n of level l holds the roots of 256 subtrees of 256^l
 * leaves each; a full one's own root is a hash of level l + 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/tlog.h"

#define WIDTH	 MW_TILE_WIDTH
#define LEVELS	 MW_TILE_LEVELS /* 256^8 leaves are more than any size */
#define PATH_LEN MW_TILE_NAME_MAX
#define NEW_NAME "tile/.new"
/* More full tiles than that at once are synced with their file system, not each by itself. */
#define SYNC_EACH_MAX 2

/* --- names --------------------------------------------------------------------------------------
 */

/* width 0 or WIDTH: the full tile */
static void tile_path(unsigned int level, uint64_t index, unsigned int width, char ret[PATH_LEN])
{
	unsigned int part[7], n = 0, len;

	do
		part[n++] = index % 1000;
	while (index /= 1000);
	len = (unsigned int)snprintf(ret, PATH_LEN, "tile/%u", level);
	while (n-- > 0)
		len += (unsigned int)snprintf(ret + len, PATH_LEN - len, n ? "/x%03u" : "/%03u",
					      part[n]);
	if (width % WIDTH)
		snprintf(ret + len, PATH_LEN - len, ".p/%u", width);
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* The first `want` hashes of a file that must hold `have`. */
static int read_file(int dir_fd, const char *path, unsigned int have, unsigned int want,
		     struct mw_hash *ret)
{
	_cleanup_(mw_close) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = (size_t)want * MW_HASH_LEN, at = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)have * MW_HASH_LEN)
		return -EBADMSG;
	while (at < len) {
		n = read(fd, (char *)ret + at, len - at);
		if (n == 0)
			return -EBADMSG;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			at += (size_t)n;
	}
	return 0;
}

static unsigned int tile_width(uint64_t size, unsigned int level, uint64_t index)
{
	uint64_t n = (size >> (8 * level)) - index * WIDTH;

	return n < WIDTH ? (unsigned int)n : WIDTH;
}

void mw_tile_name(uint64_t size, unsigned int level, uint64_t index, char ret[MW_TILE_NAME_MAX])
{
	tile_path(level, index, tile_width(size, level, index), ret);
}

int mw_tiles_read(int dir_fd, uint64_t size, unsigned int level, uint64_t index,
		  struct mw_hash ret[WIDTH], unsigned int *ret_n)
{
	unsigned int width = tile_width(size, level, index);
	char path[PATH_LEN];
	int r;

	tile_path(level, index, width, path);
	r = read_file(dir_fd, path, width, width, ret);
	if (r == -ENOENT && width < WIDTH) {
		/* the log has grown since */
		tile_path(level, index, WIDTH, path);
		r = read_file(dir_fd, path, WIDTH, width, ret);
	}
	if (r == 0)
		*ret_n = width;
	return r;
}

/* The root of n hashes, n a power of two; h is used up. */
static void fold(struct mw_hash *h, unsigned int n, struct mw_hash *ret)
{
	unsigned int i;

	for (; n > 1; n /= 2)
		for (i = 0; i < n / 2; i++)
			mw_tlog_node(&h[2 * i], &h[2 * i + 1], &h[i]);
	*ret = h[0];
}

int mw_tiles_leaves(int dir_fd, uint64_t size, uint64_t from, size_t n, struct mw_hash *ret)
{
	struct mw_hash tile[WIDTH];
	unsigned int have, at, k;
	int r;

	if (from > size || n > size - from)
		return -EINVAL;
	while (n > 0) {
		r = mw_tiles_read(dir_fd, size, 0, from / WIDTH, tile, &have);
		if (r < 0)
			return r;
		at = (unsigned int)(from % WIDTH);
		k = have - at < n ? have - at : (unsigned int)n;
		memcpy(ret, tile + at, k * sizeof(*ret));
		ret += k;
		from += k;
		n -= k;
	}
	return 0;
}

int mw_tiles_tree(int dir_fd, uint64_t size, struct mw_tlog_tree *ret)
{
	struct mw_tlog_tree t = { .n = size };
	struct mw_hash tile[WIDTH];
	unsigned int level, n, at, k;
	int r;

	for (level = LEVELS; level-- > 0;) {
		uint64_t all = size >> (8 * level);

		if (all % WIDTH == 0)
			continue;
		r = mw_tiles_read(dir_fd, size, level, all / WIDTH, tile, &n);
		if (r < 0)
			return r;
		for (at = 0, k = WIDTH / 2; k > 0; k /= 2) {
			if (!(n & k))
				continue;
			fold(tile + at, k, &t.stack[t.n_stack++]);
			at += k;
		}
	}
	*ret = t;
	return 0;
}

/* --- proofs -------------------------------------------------------------------------------------
 */

struct prover {
	int dir_fd;
	uint64_t size;
	struct mw_hash *ret;
	size_t n;
};

/* The root of [from, from + 2^k), from a multiple of 2^k. */
static int subtree(const struct prover *p, uint64_t from, unsigned int k, struct mw_hash *ret)
{
	unsigned int level = k / 8, have, at, n = 1u << (k % 8);
	uint64_t first = from >> (8 * level);
	struct mw_hash tile[WIDTH];
	int r;

	r = mw_tiles_read(p->dir_fd, p->size, level, first / WIDTH, tile, &have);
	if (r < 0)
		return r;
	at = (unsigned int)(first % WIDTH);
	if (at + n > have)
		return -EBADMSG;
	fold(tile + at, n, ret);
	return 0;
}

static unsigned int log2_floor(uint64_t n)
{
	return 63 - (unsigned int)__builtin_clzll(n);
}

/* MTH(D[from:to]) of section 2.1, from aligned as a node of the tree is. */
static int range_root(const struct prover *p, uint64_t from, uint64_t to, struct mw_hash *ret)
{
	struct mw_tlog_tree t = { .n = to - from };
	unsigned int k;
	int r;

	for (; from < to; from += 1ull << k) {
		k = log2_floor(to - from);
		r = subtree(p, from, k, &t.stack[t.n_stack++]);
		if (r < 0)
			return r;
	}
	mw_tlog_root(&t, ret);
	return 0;
}

static int put_range(struct prover *p, uint64_t from, uint64_t to)
{
	int r = range_root(p, from, to, &p->ret[p->n]);

	if (r == 0)
		p->n++;
	return r;
}

/* Found from the root down; wanted from the leaf up. */
static void turn_round(struct prover *p)
{
	size_t i;

	for (i = 0; i < p->n / 2; i++) {
		struct mw_hash h = p->ret[i];

		p->ret[i] = p->ret[p->n - 1 - i];
		p->ret[p->n - 1 - i] = h;
	}
}

/* A step from the subtree [from, to) down to its side that has the leaf; the other side's hash goes into
 * the proof. */
static int descend(struct prover *p, uint64_t leaf, uint64_t *from, uint64_t *to)
{
	const uint64_t mid = *from + (1ull << log2_floor(*to - *from - 1));
	int r;

	if (leaf < mid) {
		r = put_range(p, mid, *to);
		*to = mid;
	} else {
		r = put_range(p, *from, mid);
		*from = mid;
	}
	return r;
}

int mw_tiles_prove(int dir_fd, uint64_t size, uint64_t leaf, struct mw_hash ret[MW_PROOF_MAX],
		   size_t *ret_n)
{
	struct mw_hash out[MW_PROOF_MAX];
	struct prover p = { .dir_fd = dir_fd, .size = size, .ret = out };
	uint64_t from = 0, to = size;
	int r;

	if (leaf >= size)
		return -EINVAL;
	while (to - from > 1) {
		r = descend(&p, leaf, &from, &to);
		if (r < 0)
			return r;
	}
	turn_round(&p);
	memcpy(ret, out, p.n * sizeof(*out));
	*ret_n = p.n;
	return 0;
}

int mw_tiles_consistency(int dir_fd, uint64_t old_size, uint64_t size,
			 struct mw_hash ret[MW_PROOF_MAX], size_t *ret_n)
{
	struct mw_hash out[MW_PROOF_MAX];
	struct prover p = { .dir_fd = dir_fd, .size = size, .ret = out };
	uint64_t from = 0, to = size;
	int r = 0;

	if (old_size == 0 || old_size > size)
		return -EINVAL;
	/* SUBPROOF: old_size lies in (from, to] */
	while (to > old_size) {
		r = descend(&p, old_size - 1, &from, &to);
		if (r < 0)
			return r;
	}
	/* the old tree itself is known to who asks */
	if (from > 0)
		r = put_range(&p, from, to);
	if (r < 0)
		return r;
	turn_round(&p);
	memcpy(ret, out, p.n * sizeof(*out));
	*ret_n = p.n;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* Hashes of one level: those from the tile on that is not written whole. */
struct level {
	struct mw_hash *p;
	size_t n, cap;
	uint64_t first;	  /* tile of p[0] */
	unsigned int out; /* hashes of that tile in its file */
};

struct mw_tiles {
	int dir_fd;
	struct mw_tlog_tree tree;
	struct level level[LEVELS];
	bool unsynced; /* some that were written may not be on disk yet */
};

static int reserve(struct level *l, size_t n)
{
	size_t cap = l->cap ? l->cap : WIDTH;
	struct mw_hash *p;

	if (__builtin_add_overflow(l->n, n, &n))
		return -ENOMEM;
	if (n <= l->cap)
		return 0;
	while (cap < n)
		if (__builtin_mul_overflow(cap, 2, &cap))
			return -ENOMEM;
	p = reallocarray(l->p, cap, sizeof(*p));
	if (!p)
		return -ENOMEM;
	l->p = p;
	l->cap = cap;
	return 0;
}

/* The last full tile of a level makes the last hash of the one above. */
static int check_above(const struct mw_tiles *t, unsigned int level)
{
	uint64_t above = t->tree.n >> (8 * (level + 1));
	struct mw_hash tile[WIDTH], up[WIDTH], root;
	unsigned int n, n_up;
	int r;

	if (above == 0)
		return 0;
	r = mw_tiles_read(t->dir_fd, t->tree.n, level, above - 1, tile, &n);
	if (r == 0)
		r = mw_tiles_read(t->dir_fd, t->tree.n, level + 1, (above - 1) / WIDTH, up, &n_up);
	if (r < 0)
		return r;
	fold(tile, WIDTH, &root);
	return memcmp(&root, &up[(above - 1) % WIDTH], sizeof(root)) == 0 ? 0 : -EBADMSG;
}

static int load(struct mw_tiles *t)
{
	unsigned int i, n;
	int r;

	r = mw_tiles_tree(t->dir_fd, t->tree.n, &t->tree);
	for (i = 0; r == 0 && i < LEVELS; i++) {
		struct level *l = &t->level[i];
		uint64_t all = t->tree.n >> (8 * i);

		r = reserve(l, WIDTH);
		if (r < 0)
			return r;
		l->first = all / WIDTH;
		if (all % WIDTH) {
			r = mw_tiles_read(t->dir_fd, t->tree.n, i, l->first, l->p, &n);
			if (r < 0)
				return r;
			l->n = l->out = n;
		}
		if (i + 1 < LEVELS)
			r = check_above(t, i);
	}
	return r;
}

int mw_tiles_open(int dir_fd, uint64_t size, struct mw_tiles **ret)
{
	struct mw_tiles *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->dir_fd = dir_fd;
	t->tree.n = size;
	r = load(t);
	if (r < 0) {
		mw_tiles_close(t);
		return r == -ENOENT ? -EBADMSG : r;
	}
	*ret = t;
	return 0;
}

int mw_tiles_add(struct mw_tiles *t, const struct mw_hash *leaf, size_t n)
{
	unsigned int i;
	int r;

	for (i = 0; i < LEVELS; i++) {
		r = reserve(&t->level[i], (n >> (8 * i)) + 1);
		if (r < 0)
			return r;
	}
	for (; n > 0; n--, leaf++) {
		struct mw_hash tile[LEVELS];
		unsigned int done = mw_tlog_add_tiles(&t->tree, leaf, tile);

		t->level[0].p[t->level[0].n++] = *leaf;
		for (i = 0; i < done; i++)
			t->level[i + 1].p[t->level[i + 1].n++] = tile[i];
	}
	return 0;
}

void mw_tiles_root(const struct mw_tiles *t, struct mw_hash *ret)
{
	mw_tlog_root(&t->tree, ret);
}

uint64_t mw_tiles_size(const struct mw_tiles *t)
{
	return t->tree.n;
}

/* The folders of a path. */
static int make_parents(int dir_fd, const char *path)
{
	char dir[PATH_LEN];
	size_t i;

	for (i = 0; path[i]; i++) {
		if (path[i] == '/') {
			dir[i] = '\0';
			if (mkdirat(dir_fd, dir, 0700) < 0 && errno != EEXIST)
				return -errno;
		}
		dir[i] = path[i];
	}
	return 0;
}

static int write_tile(int dir_fd, const char *path, const struct mw_hash *h, unsigned int n,
		      bool sync)
{
	_cleanup_(mw_close) int fd = -1;
	int r;

	r = make_parents(dir_fd, path);
	if (r < 0)
		return r;
	fd = openat(dir_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = mw_file_write(fd, h, n * sizeof(*h), NULL);
	if (r < 0)
		return r;
	/* unsynced, a loss of power leaves an empty file under the name */
	if ((sync && fsync(fd) < 0) || renameat(dir_fd, NEW_NAME, dir_fd, path) < 0)
		return -errno;
	return 0;
}

/* The partial ones of a tile that is full: only what is named like one. */
static void remove_partial(int dir_fd, unsigned int level, uint64_t index)
{
	char path[PATH_LEN], *slash;
	struct dirent *e;
	DIR *d;
	int fd;

	tile_path(level, index, 1, path);
	slash = strrchr(path, '/');
	*slash = '\0';
	fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			unlinkat(fd, e->d_name, 0);
	closedir(d);
	unlinkat(dir_fd, path, AT_REMOVEDIR);
}

static int write_level(struct mw_tiles *t, unsigned int level)
{
	struct level *l = &t->level[level];
	char path[PATH_LEN];
	size_t at = 0;
	int r = 0;

	for (; l->n - at >= WIDTH; at += WIDTH) {
		tile_path(level, l->first, WIDTH, path);
		r = write_tile(t->dir_fd, path, l->p + at, WIDTH, !t->unsynced);
		if (r < 0)
			break;
		if (l->out)
			remove_partial(t->dir_fd, level, l->first);
		l->first++;
		l->out = 0;
	}
	if (at) {
		memmove(l->p, l->p + at, (l->n - at) * sizeof(*l->p));
		l->n -= at;
	}
	if (r < 0 || l->n == l->out)
		return r;
	tile_path(level, l->first, (unsigned int)l->n, path);
	r = write_tile(t->dir_fd, path, l->p, (unsigned int)l->n, !t->unsynced);
	if (r == 0)
		l->out = (unsigned int)l->n;
	return r;
}

int mw_tiles_write(struct mw_tiles *t)
{
	unsigned int i;
	size_t n = 0;
	int r = 0;

	for (i = 0; i < LEVELS; i++)
		n += t->level[i].n / WIDTH;
	t->unsynced |= n > SYNC_EACH_MAX;
	for (i = 0; r == 0 && i < LEVELS; i++)
		r = write_level(t, i);
	if (r == 0 && t->unsynced) {
		if (syncfs(t->dir_fd) < 0)
			return -errno;
		t->unsynced = false;
	}
	return r;
}

void mw_tiles_close(struct mw_tiles *t)
{
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < LEVELS; i++)
		free(t->level[i].p);
	free(t);
}
