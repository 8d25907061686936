/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mac.h - keyed hashes for the core (engine.h, cfg.mac): HMAC-SHA-256
 *
 * Each use has a key of its own, HMAC-SHA-256(master, "mcpwatch mac" || number of the use): what is
 * known of one use says nothing of another.
 */
#ifndef MW_IO_MAC_H
#define MW_IO_MAC_H

#include <stddef.h>
#include <stdint.h>

#include <mcpwatch/engine.h>

#define MW_MAC_KEY_LEN 32

struct mw_mac;

/* From a master key, which is not kept. 0, -ENOMEM. */
int mw_mac_new(const uint8_t master[MW_MAC_KEY_LEN], struct mw_mac **ret);
/* From a key nobody knows: equal values are seen as equal within this run and in no other. 0, -ENOMEM,
 * -EIO (no randomness). */
int mw_mac_new_random(struct mw_mac **ret);
/*
 * Takes the key of a capture instead, made of its run_id: so every replay of a capture gives the same
 * records. It is no secret, and need not be: who has the capture has all that is hashed. 0, -ENOMEM.
 */
int mw_mac_set_run(struct mw_mac *m, uint64_t run_id);
/* For mw_engine_config.mac, with the struct as ctx. One thread at a time. */
void mw_mac_run(void *m, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32]);
/* Overwrites the keys. Takes NULL. */
void mw_mac_free(struct mw_mac *m);

static inline void mw_mac_freep(struct mw_mac **m)
{
	mw_mac_free(*m);
}

#endif
