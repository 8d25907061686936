/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlog.h - the Merkle tree over the log's lines: hashes, roots, tiles, proofs
 *
 * RFC 6962, section 2.1 (SHA-256; a leaf is SHA-256(0x00 || line without its newline), a node
 * SHA-256(0x01 || left || right)); tiles as C2SP tlog-tiles has them, height 8: tile/<level>/<index>
 * and for partial ones tile/<level>/<index>.p/<width>, index as x001/x234/067.
 *
 * Any number of threads may hash at once: each has a context of its own, made at its first hash. Where
 * there is not even the memory for that, the process ends (abort): nothing can be proved then.
 */
#ifndef MW_IO_TLOG_H
#define MW_IO_TLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_HASH_LEN 32

struct mw_hash {
	uint8_t p[MW_HASH_LEN];
};

/* Of the exact bytes of a line. */
void mw_tlog_leaf(const void *line, size_t n, struct mw_hash *ret);
void mw_tlog_node(const struct mw_hash *left, const struct mw_hash *right, struct mw_hash *ret);

/* A tree that only grows: the roots of its full subtrees, widest first. {0} is the empty tree. */
struct mw_tlog_tree {
	uint64_t n;
	struct mw_hash stack[64];
	unsigned int n_stack;
};
void mw_tlog_add(struct mw_tlog_tree *t, const struct mw_hash *leaf);
/*
 * As mw_tlog_add, and hands out what the leaf completes: the roots of full tiles, that of level 0 in
 * tile[0], and so on. How many: 0 to MW_TILE_LEVELS - 1.
 */
#define MW_TILE_WIDTH  256
#define MW_TILE_LEVELS 8
unsigned int mw_tlog_add_tiles(struct mw_tlog_tree *t, const struct mw_hash *leaf,
			       struct mw_hash tile[MW_TILE_LEVELS]);
/* Of the empty tree: SHA-256 of nothing. */
void mw_tlog_root(const struct mw_tlog_tree *t, struct mw_hash *ret);

/*
 * Tiles in a folder (the log's, or a copy). The writer appends leaf hashes and makes the tiles of all
 * levels that hold them; a full tile is written once, a partial one under its width, and the partial
 * ones of smaller widths are removed when the tile is full.
 */
struct mw_tiles;
/* dir_fd: the log folder, borrowed for its life; `size`: leaves it holds already, whose tiles must be
 * there. 0, -EBADMSG (they are not, or do not fit each other), -ENOMEM, and others. */
int mw_tiles_open(int dir_fd, uint64_t size, struct mw_tiles **ret);
/* Appends n leaves in memory. 0, -ENOMEM. */
int mw_tiles_add(struct mw_tiles *t, const struct mw_hash *leaf, size_t n);
/* Root of all that was added. */
void mw_tiles_root(const struct mw_tiles *t, struct mw_hash *ret);
uint64_t mw_tiles_size(const struct mw_tiles *t);
/* Writes what is new to files (each whole, beside, synced, then renamed). 0 or negative errno;
 * it can be repeated. */
int mw_tiles_write(struct mw_tiles *t);
void mw_tiles_close(struct mw_tiles *t);

/*
 * Reading tiles of a tree of `size` leaves, each tile checked to have its length. Where a partial tile
 * is gone because the log has grown since, the full one is read.
 */
/* All of one tile: what is in it, in hashes. 0, -ENOENT, -EBADMSG, and others. */
int mw_tiles_read(int dir_fd, uint64_t size, unsigned int level, uint64_t index,
		  struct mw_hash ret[MW_TILE_WIDTH], unsigned int *ret_n);
/* Its name in the folder. */
#define MW_TILE_NAME_MAX 64
void mw_tile_name(uint64_t size, unsigned int level, uint64_t index, char ret[MW_TILE_NAME_MAX]);
/* Leaf hashes [from, from + n). 0, -EINVAL (beyond size), -ENOENT, -EBADMSG. */
int mw_tiles_leaves(int dir_fd, uint64_t size, uint64_t from, size_t n, struct mw_hash *ret);
/* The tree of the first `size` leaves, from the tiles. 0, -ENOENT, -EBADMSG. */
int mw_tiles_tree(int dir_fd, uint64_t size, struct mw_tlog_tree *ret);
/* Inclusion proof of a leaf in the tree of `size` leaves (RFC 6962, section 2.1.1). 0, -EINVAL,
 * -ENOENT, -EBADMSG. */
#define MW_PROOF_MAX 64
int mw_tiles_prove(int dir_fd, uint64_t size, uint64_t leaf, struct mw_hash ret[MW_PROOF_MAX],
		   size_t *ret_n);
/* The root that a proof leads to. 0, -EBADMSG: it has not the length it must have. */
int mw_tlog_proof_root(uint64_t size, uint64_t leaf, const struct mw_hash *hash,
		       const struct mw_hash *proof, size_t n, struct mw_hash *ret);
/*
 * For who knows the tree of the first old_size >= 1 leaves: that the one of `size` begins with it
 * (section 2.1.2). 0, -EINVAL, -ENOENT, -EBADMSG.
 */
int mw_tiles_consistency(int dir_fd, uint64_t old_size, uint64_t size,
			 struct mw_hash ret[MW_PROOF_MAX], size_t *ret_n);

#endif
