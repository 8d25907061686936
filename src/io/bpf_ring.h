/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_ring.h - reads a BPF ring buffer in place
 *
 * libbpf's reader pushes every record into a callback; a source is pulled. So this reads the mapped
 * ring itself: one record is lent at a time and stays in the ring until it is released.
 * Format: include/uapi/linux/bpf.h (BPF_RINGBUF_*) and kernel/bpf/ringbuf.c.
 */
#ifndef MW_IO_BPF_RING_H
#define MW_IO_BPF_RING_H

#include <stddef.h>
#include <stdint.h>

struct mw_bpf_ring {
	unsigned long *consumer;       /* our page, writable */
	const unsigned long *producer; /* the kernel's page, the data twice behind it */
	const uint8_t *data;
	size_t len; /* of the ring, a power of two */
};

/* Maps the ring of `map_fd`. 0 or negative errno. */
int mw_bpf_ring_init(struct mw_bpf_ring *r, int map_fd, size_t len);
void mw_bpf_ring_done(struct mw_bpf_ring *r);

/* The oldest record and its length, or 0 if there is none. It stays until it is released. */
size_t mw_bpf_ring_peek(struct mw_bpf_ring *r, const void **ret);

/* Gives the oldest record's room back. Only after a peek that returned one. */
void mw_bpf_ring_release(struct mw_bpf_ring *r);

#endif
