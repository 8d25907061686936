/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support_http.h - what a parser of HTTP gave, as text: one line an event, the pieces of a body
 * joined
 */
#ifndef MW_TESTS_SUPPORT_HTTP_H
#define MW_TESTS_SUPPORT_HTTP_H

#include "support.h"

#include "core/http.h"

struct http_run {
	struct mw_http h;
	struct test_guard g;
	struct mw_buf out, body;
	size_t n_nomem;
	bool stopped; /* UPGRADED or BROKEN */
};

static inline void http_run_init(struct http_run *r, const struct mw_alloc *a)
{
	memset(r, 0, sizeof(*r));
	mw_http_init(&r->h, a);
	test_guard_init(&r->g, 1 << 18);
	mw_buf_init(&r->out, &test_alloc, 1 << 25);
	mw_buf_init(&r->body, &test_alloc, 1 << 25);
	mw_buf_reserve(&r->out, 1);
}

static inline void http_run_done(struct http_run *r)
{
	mw_http_done(&r->h);
	test_guard_done(&r->g);
	mw_buf_done(&r->out);
	mw_buf_done(&r->body);
}

static inline void http_put(struct http_run *r, const char *s)
{
	mw_buf_append_str(&r->out, s);
}

static inline void http_put_slice(struct http_run *r, struct mw_slice s)
{
	mw_buf_append(&r->out, s.p, s.n);
}

static inline void http_note(struct http_run *r, const struct mw_http_event *e)
{
	char line[128];

	if (e->kind == MW_HTTP_BODY) {
		assert_true(e->bytes.n > 0);
		assert_null(e->odd);
		mw_buf_append(&r->body, e->bytes.p, e->bytes.n);
		return;
	}
	if (r->body.len) {
		http_put(r, "body ");
		http_put_slice(r, mw_buf_slice(&r->body));
		http_put(r, "\n");
		r->body.len = 0;
	}
	switch (e->kind) {
	case MW_HTTP_HEAD:
		assert_true(e->bytes.n > 0);
		if (e->head.response) {
			snprintf(line, sizeof(line), "%llu answer %u 1.%u",
				 (unsigned long long)e->n, e->head.status, e->head.minor);
			http_put(r, line);
		} else {
			snprintf(line, sizeof(line), "%llu ", (unsigned long long)e->n);
			http_put(r, line);
			http_put_slice(r, e->head.method);
			http_put(r, " ");
			http_put_slice(r, e->head.target);
			snprintf(line, sizeof(line), " 1.%u", e->head.minor);
			http_put(r, line);
		}
		break;
	case MW_HTTP_END:
		snprintf(line, sizeof(line), "%llu end %llu%s", (unsigned long long)e->n,
			 (unsigned long long)e->wire, e->partial ? " partial" : "");
		http_put(r, line);
		break;
	case MW_HTTP_UPGRADED:
		http_put(r, "upgraded");
		break;
	default:
		assert_int_equal(e->kind, MW_HTTP_BROKEN);
		assert_non_null(e->odd);
		http_put(r, "broken");
	}
	if (e->odd) {
		http_put(r, " ");
		http_put(r, e->odd);
	}
	http_put(r, "\n");
}

/* One piece of the stream, its end at the end of what may be read. How many bytes were used. */
static inline size_t http_feed(struct http_run *r, struct mw_slice bytes)
{
	struct mw_slice s = test_guard_copy(&r->g, bytes);
	struct mw_http_event e;
	size_t done = 0, used;
	int k;

	while (!r->stopped) {
		k = mw_http_next(&r->h, mw_slice(s.p + done, s.n - done), &used, &e);
		assert_true(used <= s.n - done);
		done += used;
		if (k == MW_HTTP_NEED)
			break;
		if (k < 0) {
			r->n_nomem++;
			continue;
		}
		assert_int_equal(k, e.kind);
		http_note(r, &e);
		r->stopped = k == MW_HTTP_UPGRADED || k == MW_HTTP_BROKEN;
		if (r->stopped) { /* it stays so */
			assert_int_equal(mw_http_next(&r->h, s, &used, &e), k);
			assert_int_equal(used, 0);
		}
	}
	if (!r->stopped)
		assert_int_equal(done, s.n);
	return done;
}

static inline void http_gap(struct http_run *r, uint64_t n)
{
	if (!mw_http_gap(&r->h, n))
		http_feed(r, mw_slice(NULL, 0));
}

static inline void http_close(struct http_run *r)
{
	struct mw_http_event e;

	if (mw_http_close(&r->h, &e))
		http_note(r, &e);
	assert_int_equal(mw_http_close(&r->h, &e), 0);
}

#endif
