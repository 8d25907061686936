/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/bpf_ring.h"

#define RECORD_LEN(hdr) ((hdr) & ~(uint32_t)(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT))

static size_t record_room(uint32_t hdr)
{
	return ((size_t)RECORD_LEN(hdr) + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
}

int mw_bpf_ring_init(struct mw_bpf_ring *r, int map_fd, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *c, *p;

	c = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (c == MAP_FAILED)
		return -errno;
	p = mmap(NULL, page + 2 * len, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (p == MAP_FAILED) {
		int e = errno;

		munmap(c, page);
		return -e;
	}
	r->consumer = c;
	r->producer = p;
	r->data = (const uint8_t *)p + page;
	r->len = len;
	return 0;
}

void mw_bpf_ring_done(struct mw_bpf_ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!r->consumer)
		return;
	munmap(r->consumer, page);
	munmap((void *)(uintptr_t)r->producer, page + 2 * r->len);
	memset(r, 0, sizeof(*r));
}

size_t mw_bpf_ring_peek(struct mw_bpf_ring *r, const void **ret)
{
	for (;;) {
		unsigned long at = *r->consumer;
		const uint32_t *hdr;
		uint32_t h;

		if (at >= __atomic_load_n(r->producer, __ATOMIC_ACQUIRE))
			return 0;
		hdr = (const uint32_t *)(const void *)(r->data + (at & (r->len - 1)));
		h = __atomic_load_n(hdr, __ATOMIC_ACQUIRE);
		if (h & BPF_RINGBUF_BUSY_BIT)
			return 0;
		if (!(h & BPF_RINGBUF_DISCARD_BIT)) {
			*ret = (const uint8_t *)hdr + BPF_RINGBUF_HDR_SZ;
			return RECORD_LEN(h);
		}
		mw_bpf_ring_release(r);
	}
}

void mw_bpf_ring_release(struct mw_bpf_ring *r)
{
	unsigned long at = *r->consumer;
	uint32_t h = *(const uint32_t *)(const void *)(r->data + (at & (r->len - 1)));

	__atomic_store_n(r->consumer, at + record_room(h), __ATOMIC_RELEASE);
}
