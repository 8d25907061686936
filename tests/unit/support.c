/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t live, n_calls, countdown;
static bool failed;

static void *counted(void *p, size_t old, size_t n)
{
	size_t *head = p ? (size_t *)p - 2 : NULL; /* two: keeps malloc's alignment */

	if (p && head[0] != old) {
		fprintf(stderr, "resize: block of %zu bytes given as %zu\n", head[0], old);
		abort();
	}
	if (!p && old)
		abort();
	if (n == 0) {
		live -= old;
		free(head);
		return NULL;
	}
	head = realloc(head, n + 2 * sizeof(*head));
	if (!head)
		abort();
	head[0] = n;
	if (n > old)
		memset((uint8_t *)(head + 2) + old, 0xA5, n - old);
	live += n - old;
	n_calls++;
	return head + 2;
}

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	return counted(p, old, n);
}

static void *resize_failing(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	if (n && countdown && --countdown == 0) {
		failed = true;
		return NULL;
	}
	return counted(p, old, n);
}

const struct mw_alloc test_alloc = { .resize = resize };
const struct mw_alloc test_alloc_failing = { .resize = resize_failing };

size_t test_alloc_live(void)
{
	return live;
}

size_t test_alloc_calls(void)
{
	return n_calls;
}

void test_alloc_fail_at(size_t nth)
{
	countdown = nth;
	failed = false;
}

bool test_alloc_failed(void)
{
	return failed;
}

void test_guard_init(struct test_guard *g, size_t max)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	g->max = (max + page - 1) / page * page;
	g->map_len = g->max + page;
	g->map = mmap(NULL, g->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->map == MAP_FAILED)
		abort();
	if (mprotect(g->map + g->max, page, PROT_NONE) < 0)
		abort();
}

void test_guard_done(struct test_guard *g)
{
	munmap(g->map, g->map_len);
}

struct mw_slice test_guard_copy(struct test_guard *g, struct mw_slice s)
{
	uint8_t *at;

	if (s.n > g->max)
		abort();
	at = g->map + g->max - s.n;
	if (s.n)
		memcpy(at, s.p, s.n);
	return mw_slice(at, s.n);
}
