/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_test - the replay cases and the three properties that hold over each
 *
 *	replay_test list			names, a line each
 *	replay_test records CASE|FILE		the records of a case or of a capture file
 *	replay_test capture CASE FILE		the case as a capture file
 *	replay_test check CASE			the case's own check, if it has one instead of a golden file
 *	replay_test same|split|memory CASE|FILE	a property: two runs are equal; any chunk split anywhere
 *						gives the same records; any allocation may fail
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/hmac.h>

#include <mcpwatch/engine.h>

#include "base/json.h"
#include "cases.h"
#include "core/event.h"
#include "core/record.h"
#include "io/heap.h"
#include "io/rules.h"

/* Runs of one property a case: enough to hit each kind of place, few enough for seconds. */
#define SPLITS_MAX 300
#define SECONDS_MAX 3

static void die(const char *what)
{
	fprintf(stderr, "replay_test: %s\n", what);
	exit(2);
}

/* --- memory --------------------------------------------------------------------------------------- */

static size_t live, n_allocs, fail_at;

static void *counted(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	if (n && ++n_allocs == fail_at)
		return NULL;
	live += n - old;
	if (n)
		return realloc(p, n);
	free(p);
	return NULL;
}

static const struct mw_alloc counting = { .resize = counted };

/* --- one run -------------------------------------------------------------------------------------- */

static void got_add(struct got *g, const char *p, size_t n)
{
	if (g->len + n + 2 > g->cap) {
		g->cap = (g->len + n + 2) * 2;
		g->json = realloc(g->json, g->cap);
		if (!g->json)
			die("no memory");
	}
	memcpy(g->json + g->len, p, n);
	g->json[g->len + n] = '\n'; /* and a NUL behind it */
	g->json[g->len + n + 1] = '\0';
	g->len += n + 1;
	g->n++;
}

static void pull(struct mw_engine *e, struct got *g)
{
	struct mw_out out;
	char seq[48];

	while (mw_engine_next(e, &out) == 1) {
		if (out.kind != MW_OUT_RECORD)
			continue;
		snprintf(seq, sizeof(seq), "{\"v\":1,\"seq\":%zu,", g->n);
		if (out.len > MW_RECORD_MAX)
			die("a record is too long");
		if (out.len < strlen(seq) || memcmp(out.bytes, seq, strlen(seq)) != 0)
			die("a record's seq is not the next");
		if (mw_json_check(mw_slice(out.bytes, out.len), 64, NULL, NULL) < 0)
			die("a record is no JSON");
		got_add(g, out.bytes, out.len);
	}
}

/* A key of all zero bytes but its first: what it is for. */
static void mac(void *ctx, enum mw_mac_use use, const void *p, size_t n, uint8_t out[32])
{
	const uint8_t key[32] = { (uint8_t)use };
	unsigned int len = 32;

	(void)ctx;
	if (!HMAC(EVP_sha256(), key, sizeof(key), p, n, out, &len))
		die("no HMAC");
}

static const struct mw_policy_rules *policy; /* of the case; NULL none */

static struct mw_rules *take_rules(const char *yaml)
{
	char text[256] = "";
	const struct mw_yaml_err err = { text, sizeof(text) };
	struct mw_rules *r;

	if (mw_rules_new(&r) < 0)
		die("no memory");
	if (mw_rules_add_text(r, "rules", yaml, strlen(yaml), err) < 0 || mw_rules_finish(r, true, err) < 0)
		die(text);
	policy = mw_rules_policy(r);
	return r;
}

/* False: no engine for lack of memory. */
static bool run(const struct tape *t, struct got *g)
{
	struct mw_engine_config cfg = { .alloc = &counting, .sha256 = mw_sha256, .mac = mac,
					.policy = policy };
	const struct mw_event_hdr *h;
	struct mw_engine_stats stats;
	struct mw_engine *e;
	size_t pos = 0;

	g->len = g->n = 0;
	if (mw_engine_new(&cfg, &e) < 0)
		return false;
	while ((h = tape_next(t, &pos))) {
		(void)mw_engine_push(e, h, h->len);
		pull(e, g);
	}
	mw_engine_finish(e);
	pull(e, g);
	mw_engine_stats(e, &stats);
	g->alloc_failed = stats.alloc_failed;
	mw_engine_free(e);
	if (live)
		die("memory is left over");
	return true;
}

static bool same(const struct got *a, const struct got *b)
{
	return a->len == b->len && memcmp(a->json, b->json, a->len) == 0;
}

static int say_difference(const struct got *want, const struct got *got, const char *what, size_t at)
{
	size_t i = 0, line = 0;

	while (i < want->len && i < got->len && want->json[i] == got->json[i])
		if (want->json[i++] == '\n')
			line = i;
	fprintf(stderr, "%s %zu: first difference\n- %.*s\n+ %.*s\n", what, at,
		(int)strcspn(want->json + line, "\n"), want->json + line,
		(int)strcspn(got->json + line, "\n"), got->json + line);
	return 1;
}

/* --- properties ----------------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int prop_same(const struct tape *t)
{
	struct got a = { 0 }, b = { 0 };

	int r;

	run(t, &a);
	run(t, &b);
	r = same(&a, &b) ? 0 : say_difference(&a, &b, "run", 2);
	free(a.json);
	free(b.json);
	return r;
}

/* The event, its bytes cut in two at `at`. */
static void put_split(struct tape *out, const struct mw_ev_io *ev, uint32_t at)
{
	struct mw_slice bytes = mw_event_io_bytes(ev);
	uint64_t one[MW_EVENT_MAX / 8];
	struct mw_ev_io half = *ev;
	int i;

	for (i = 0; i < 2; i++) {
		uint32_t n = i ? ev->captured - at : at;

		half.captured = n;
		half.moved = i ? ev->moved - at : at;
		half.miss = i ? ev->miss : MW_MISS_NONE;
		half.off = ev->off + (i ? at : 0);
		half.call_off = ev->call_off + (i ? at : 0);
		half.hdr.seq = ev->hdr.seq + (unsigned int)i;
		half.hdr.len = (uint32_t)((sizeof(half) + n + 7) / 8 * 8);
		memset(one, 0, half.hdr.len);
		memcpy(one, &half, sizeof(half));
		memcpy((uint8_t *)one + sizeof(half), bytes.p + (i ? at : 0), n);
		tape_copy(out, (struct mw_event_hdr *)one);
	}
}

/* The tape with chunk number `which` split; the numbers behind it on its cpu move up by one. */
static bool split(const struct tape *t, size_t which, uint32_t where, struct tape *out)
{
	const struct mw_event_hdr *h;
	uint32_t cpu = MW_CPU_NONE;
	size_t pos = 0, n = 0;

	out->len = 0;
	while ((h = tape_next(t, &pos))) {
		const struct mw_ev_io *ev = (const struct mw_ev_io *)(const void *)h;

		if (h->type == MW_EV_IO && ev->captured > 1 && n++ == which) {
			put_split(out, ev, 1 + where % (ev->captured - 1));
			cpu = h->cpu;
			continue;
		}
		tape_copy(out, h);
		if (cpu == MW_CPU_NONE)
			continue;
		struct mw_event_hdr *copy = (struct mw_event_hdr *)(void *)(out->p + out->len - h->len);
		struct mw_ev_lost *lost = (struct mw_ev_lost *)(void *)copy;

		if (h->cpu == cpu)
			copy->seq++;
		if (h->type == MW_EV_LOST && lost->reason == MW_LOST_SEQ && lost->cpu == cpu)
			lost->count++;
	}
	return cpu != MW_CPU_NONE;
}

static size_t n_chunks(const struct tape *t)
{
	const struct mw_event_hdr *h;
	size_t pos = 0, n = 0;

	while ((h = tape_next(t, &pos)))
		if (h->type == MW_EV_IO && ((const struct mw_ev_io *)(const void *)h)->captured > 1)
			n++;
	return n;
}

static int prop_split(const struct tape *t)
{
	struct got want = { 0 }, got = { 0 };
	size_t chunks = n_chunks(t), i;
	struct tape cut = { 0 };
	double end = now() + SECONDS_MAX;
	uint32_t where = 12345;
	int r = 0;

	run(t, &want);
	for (i = 0; chunks && i < SPLITS_MAX && now() < end && r == 0; i++) {
		where = where * 1664525u + 1013904223u;
		/* each chunk in turn: at its first place, at its last, then anywhere */
		if (!split(t, i % chunks, i < chunks ? 0 : i < 2 * chunks ? UINT32_MAX / 2 : where >> 8,
			   &cut))
			die("no chunk to split");
		run(&cut, &got);
		if (!same(&want, &got))
			r = say_difference(&want, &got, "split", i);
	}
	tape_done(&cut);
	free(want.json);
	free(got.json);
	printf("split: %zu\n", i);
	return r;
}

/* What is not as it was has a gap record that says so, if only by its times. */
static bool is_said(const struct got *want, const struct got *got)
{
	static const char *const signs[] = { "\"reason\":\"no_memory\"", "\"type\":\"gap\"",
					     "\"evidence\":\"incomplete\"" };
	size_t i, line = 0;

	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (got_count(got, signs[i]) > got_count(want, signs[i]))
			return true;
	for (i = 0; i < want->len && i < got->len && want->json[i] == got->json[i]; i++)
		if (want->json[i] == '\n')
			line = i + 1;
	if (i == want->len && i == got->len)
		return true;
	i = strcspn(got->json + line, "\n");
	return line < got->len && memmem(got->json + line, i, signs[1], strlen(signs[1])) != NULL;
}

/*
 * With the Nth allocation failing nothing crashes and nothing is left over (run dies of it), and what
 * is not as it was is said: by a gap record.
 */
static int prop_memory(const struct tape *t)
{
	struct got want = { 0 }, got = { 0 };
	double end = now() + SECONDS_MAX;
	size_t total, nth, step = 1, n = 0, silent = 0;

	run(t, &want);
	n_allocs = 0;
	run(t, &want);
	total = n_allocs;
	for (nth = 1; nth <= total && now() < end; nth += step, n++) {
		n_allocs = 0;
		fail_at = nth;
		if (run(t, &got) && !is_said(&want, &got)) {
			if (!silent++)
				say_difference(&want, &got, "allocation", nth);
		}
		/* the first ones each, then ever fewer */
		if (nth > 300)
			step = 1 + nth / 40;
	}
	fail_at = 0;
	free(want.json);
	free(got.json);
	printf("memory: %zu of %zu allocations, %zu silent\n", n, total, silent);
	return silent ? 1 : 0;
}

/* --- main ----------------------------------------------------------------------------------------- */

static void load_file(const char *path, struct tape *t)
{
	struct mw_capture_hdr head;
	FILE *f = fopen(path, "rb");
	static uint64_t one[MW_EVENT_MAX / 8];
	struct mw_event_hdr *h = (struct mw_event_hdr *)one;

	if (!f || fread(&head, sizeof(head), 1, f) != 1 ||
	    memcmp(head.magic, MW_CAPTURE_MAGIC, sizeof(head.magic)) != 0)
		die("no capture file");
	while (fread(h, sizeof(*h), 1, f) == 1) {
		if (h->len < sizeof(*h) || h->len > MW_EVENT_MAX || h->len % 8)
			die("a bad event");
		if (h->len > sizeof(*h) && fread(h + 1, h->len - sizeof(*h), 1, f) != 1)
			die("cut short");
		tape_copy(t, h);
	}
	fclose(f);
}

static const struct replay_case *find(const char *name)
{
	size_t i;

	for (i = 0; i < n_replay_cases; i++)
		if (strcmp(replay_cases[i].name, name) == 0)
			return &replay_cases[i];
	return NULL;
}

static int write_capture(const struct tape *t, const char *path)
{
	struct mw_capture_hdr head = { .version = MW_EVENT_VERSION };
	FILE *f = fopen(path, "wb");

	memcpy(head.magic, MW_CAPTURE_MAGIC, sizeof(head.magic));
	if (!f || fwrite(&head, sizeof(head), 1, f) != 1 || fwrite(t->p, t->len, 1, f) != 1 || fclose(f))
		die("cannot write");
	return 0;
}

static int check(const struct replay_case *c, const struct tape *t)
{
	struct got g = { 0 };
	const char *wrong;

	run(t, &g);
	wrong = c && c->check ? c->check(&g) : NULL;
	if (wrong)
		fprintf(stderr, "%s: wrong: %s\n", c->name, wrong);
	free(g.json);
	return wrong ? 1 : 0;
}

static int records(const struct tape *t)
{
	struct got g = { 0 };
	int r;

	run(t, &g);
	r = fwrite(g.json, 1, g.len, stdout) == g.len ? 0 : 1;
	free(g.json);
	return r;
}

static int list(void)
{
	size_t i;

	for (i = 0; i < n_replay_cases; i++)
		printf("%s%s\n", replay_cases[i].name, replay_cases[i].check ? " check" : "");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct tape *t);
	} verbs[] = { { "records", records }, { "same", prop_same }, { "split", prop_split },
		      { "memory", prop_memory } };
	const struct replay_case *c;
	struct mw_rules *rules = NULL;
	struct tape t;
	size_t i;
	int r = 2;

	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc < 3)
		die("list | records|check|same|split|memory CASE | capture CASE FILE");
	tape_init(&t);
	c = find(argv[2]);
	if (c)
		c->make(&t);
	if (c && c->rules)
		rules = take_rules(c->rules);
	if (!c)
		load_file(argv[2], &t);
	if (strcmp(argv[1], "capture") == 0 && argc == 4)
		r = write_capture(&t, argv[3]);
	else if (strcmp(argv[1], "check") == 0)
		r = check(c, &t);
	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			r = verbs[i].run(&t);
	tape_done(&t);
	mw_rules_free(rules);
	return r;
}
