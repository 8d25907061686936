/* SPDX-License-Identifier: Apache-2.0 */
/* engine_fx.h - an engine fed from a tape; its records as one text */
#ifndef MW_TESTS_ENGINE_FX_H
#define MW_TESTS_ENGINE_FX_H

#include "support.h"

#include <errno.h>
#include <fcntl.h>

#include <mcpwatch/engine.h>

#include "base/json.h"
#include "core/record.h"
#include "io/heap.h"
#include "support_tape.h"

#define MS 1000000ull

enum { SHELL = 100, CLIENT = 200, SERVER = 300 };

struct fx {
	struct mw_engine *e;
	struct tape t;
	size_t pos;
	struct tape_chan up, down;
	char *text; /* all records, a line each */
	size_t len, cap, n, longest;
	uint64_t first_seq;
	size_t n_raw, n_control;
};

static inline void pull(struct fx *f)
{
	struct mw_out out;
	char head[64];

	while (mw_engine_next(f->e, &out) == 1) {
		if (out.kind == MW_OUT_RAW)
			f->n_raw++;
		if (out.kind == MW_OUT_CONTROL)
			f->n_control++;
		if (out.kind != MW_OUT_RECORD)
			continue;
		snprintf(head, sizeof(head), "{\"v\":1,\"seq\":%llu,\"time\":\"",
			 (unsigned long long)(f->first_seq + f->n++));
		assert_true(out.len > strlen(head) && out.len <= MW_RECORD_MAX);
		assert_memory_equal(out.bytes, head, strlen(head));
		assert_int_equal(mw_json_check(mw_slice(out.bytes, out.len), 64, NULL, NULL), 0);
		if (out.len > f->longest)
			f->longest = out.len;
		if (f->len + out.len + 2 > f->cap) {
			f->cap = (f->len + out.len + 2) * 2;
			f->text = realloc(f->text, f->cap);
		}
		memcpy(f->text + f->len, out.bytes, out.len);
		f->len += out.len;
		f->text[f->len++] = '\n';
		f->text[f->len] = '\0';
	}
}

static inline void go(struct fx *f)
{
	const struct mw_event_hdr *h;

	while ((h = tape_next(&f->t, &f->pos))) {
		assert_int_equal(mw_engine_push(f->e, h, h->len), 0);
		pull(f);
	}
}

/* A keyed hash as good as any: of `use` and the bytes. */
static inline void fx_mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	uint8_t *all = malloc(n + 1);

	(void)ctx;
	assert_non_null(all);
	all[0] = (uint8_t)use;
	memcpy(all + 1, p, n);
	mw_sha256(all, n + 1, out);
	free(all);
}

static inline void begin_with(struct fx *f, struct mw_engine_config cfg)
{
	memset(f, 0, sizeof(*f));
	cfg.sha256 = mw_sha256;
	if (!cfg.alloc)
		cfg.alloc = &test_alloc;
	f->first_seq = cfg.first_seq;
	assert_int_equal(mw_engine_new(&cfg, &f->e), 0);
	f->text = calloc(1, f->cap = 4096);
	tape_init(&f->t);
}

static inline void world(struct fx *f)
{
	tape_meta(&f->t, 0x1122334455667788ull);
	tape_user(&f->t, 1000, "alice");
	tape_proc(&f->t, MW_EV_PROC, SHELL, (struct tape_exe){ .exe = "/usr/bin/bash", .uid = 1000 });
	tape_proc(&f->t, MW_EV_PROC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent", .uid = 1000, .parent = SHELL });
	tape_proc(&f->t, MW_EV_PROC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/server", .uid = 1000, .parent = CLIENT });
	f->up = tape_chan(&f->t, MW_CHAN_PIPE);
	f->down = tape_chan(&f->t, MW_CHAN_PIPE);
}

static inline void begin(struct fx *f)
{
	begin_with(f, (struct mw_engine_config){ 0 });
	world(f);
}

static inline void finish(struct fx *f)
{
	go(f);
	mw_engine_finish(f->e);
	pull(f);
	mw_engine_finish(f->e); /* once is enough */
	pull(f);
}

static inline void end(struct fx *f)
{
	mw_engine_free(f->e);
	tape_done(&f->t);
	free(f->text);
	assert_int_equal(test_alloc_live(), 0);
}

static inline void ask(struct fx *f, const char *s)
{
	tape_line(&f->t, &f->up, CLIENT, SERVER, s);
}

static inline void answer(struct fx *f, const char *s)
{
	tape_line(&f->t, &f->down, SERVER, CLIENT, s);
}

static inline void call(struct fx *f)
{
	ask(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}");
}

static inline void result(struct fx *f)
{
	answer(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
}

static inline size_t count(const struct fx *f, const char *s)
{
	const char *p = f->text;
	size_t n = 0;

	for (; (p = strstr(p, s)); p++)
		n++;
	return n;
}

#define assert_count(f, s, want)                                                       \
	do {                                                                           \
		if (count(f, s) != (want))                                             \
			fail_msg("%zu times, not %zu: %s\n%.4000s", count(f, s), (size_t)(want), s, (f)->text); \
	} while (0)

/* The keys of the first record that has `sign` come in this order (each once, others between). */
static inline void assert_keys(const struct fx *f, const char *sign, const char *const keys[])
{
	const char *line = strstr(f->text, sign), *stop, *at;
	char want[64];

	assert_non_null(line);
	while (line > f->text && line[-1] != '\n')
		line--;
	stop = strchr(line, '\n');
	at = line;
	for (; *keys; keys++) {
		snprintf(want, sizeof(want), "\"%s\":", *keys);
		at = memmem(at, (size_t)(stop - at), want, strlen(want));
		if (!at)
			fail_msg("no %s in its place: %.*s", want, (int)(stop - line), line);
		at += strlen(want);
	}
}

#endif
