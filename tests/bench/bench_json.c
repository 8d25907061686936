/* SPDX-License-Identifier: Apache-2.0 */
/* bench_json.c - how many megabytes a second the JSON scanner takes: best and worst of several runs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n)
		return realloc(p, n);
	free(p);
	return NULL;
}

static const struct mw_alloc heap = { .resize = resize };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static size_t run_next(struct mw_slice text)
{
	struct mw_json_item it;
	struct mw_json j;
	size_t n = 0;

	mw_json_init(&j, text, 64);
	while (mw_json_next(&j, &it) > 0)
		n++;
	return n;
}

static size_t run_check(struct mw_slice text)
{
	unsigned int flags = 0;

	return mw_json_check(text, 64, &flags, NULL) == 0;
}

static size_t run_skip(struct mw_slice text)
{
	struct mw_json_item it;
	struct mw_slice all;
	struct mw_json j;

	mw_json_init(&j, text, 64);
	return mw_json_next(&j, &it) > 0 && mw_json_skip(&j, &it, &all) == 0;
}

static size_t run_canonical(struct mw_slice text)
{
	struct mw_buf out;
	int r;

	mw_buf_init(&out, &heap, 64u << 20);
	r = mw_json_canonical(text, &out);
	mw_buf_done(&out);
	return r == 0;
}

static void show(const char *name, struct mw_slice text, size_t (*run)(struct mw_slice))
{
	double fastest = 1e9, slowest = 0;

	for (int i = 0; i < 7; i++) {
		double t = now();

		for (int k = 0; k < 8; k++)
			if (run(text) == 0)
				exit(1);
		t = (now() - t) / 8;
		if (t < fastest)
			fastest = t;
		if (t > slowest)
			slowest = t;
	}
	printf("  %s %5.0f (%5.0f)", name, (double)text.n / fastest / 1e6,
	       (double)text.n / slowest / 1e6);
}

static void line(const char *name, struct mw_slice text)
{
	printf("%-22s %8zu bytes", name, text.n);
	show("next", text, run_next);
	show("check", text, run_check);
	show("skip", text, run_skip);
	show("canonical", text, run_canonical);
	printf(" MB/s\n");
}

/* `unit` again and again between `open` and `close`; %u in it is a running number. */
static struct mw_slice repeat(const char *open, const char *unit, const char *close, size_t want)
{
	char *p = malloc(want + 4096);
	size_t n = (size_t)sprintf(p, "%s", open);

	for (unsigned int i = 0; n < want; i++)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		n += (size_t)snprintf(p + n, 2048, unit, i);
#pragma GCC diagnostic pop
	n += (size_t)sprintf(p + n, "%s", close);
	return mw_slice(p, n);
}

int main(void)
{
	size_t mib = 1 << 20;

	line("string, ASCII", repeat("\"", "the quick brown fox jumps ", "\"", mib));
	line("string, 3-byte UTF-8", repeat("\"", "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E", "\"", mib));
	line("string, German", repeat("\"", "Gr\xC3\xBC\xC3\x9F" "e aus K\xC3\xB6ln, sch\xC3\xB6n ", "\"",
				      mib));
	line("string, \\n each 40", repeat("\"", "int main(void) { return 0; } /* aaaaa */\\n", "\"", mib));
	line("tokens, dense",
	     repeat("[0", ",{\"id\":%u,\"m\":\"tools/call\",\"ok\":true,\"v\":[1,2.5,null]}", "]", mib));
	line("tokens, JSON-RPC",
	     repeat("[0",
		    ",{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":"
		    "\"read_file\",\"arguments\":{\"path\":\"/home/user/project/src/main.c\",\"limit\""
		    ":100},\"_meta\":{\"progressToken\":17}}}",
		    "]", mib));
	line("numbers", repeat("[0", ",%u", "]", mib));
	line("pretty printed",
	     repeat("[0", ",\n        {\n            \"id\": %u,\n            \"name\": \"x\"\n        }",
		    "\n]", mib));
	return 0;
}
