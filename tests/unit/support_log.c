/* SPDX-License-Identifier: Apache-2.0 */
#include "support_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <mcpwatch/event.h>

#include "base/json.h"
#include "core/event.h"
#include "io/logread.h"
#include "io/note.h"
#include "io/tlog.h"

void logw_init(struct logw *w, const char *base)
{
	*w = (struct logw){ .now_ns = 1000000000ull };
	snprintf(w->dir, sizeof(w->dir), "%s/log", base);
	snprintf(w->keys_dir, sizeof(w->keys_dir), "%s/keys", base);
	w->cfg.dir = w->dir;
}

int logw_init_tmp(struct logw *w, char dir[LOGW_TMP_LEN])
{
	snprintf(dir, LOGW_TMP_LEN, "/dev/shm/mw-log-XXXXXX");
	if (!mkdtemp(dir)) {
		snprintf(dir, LOGW_TMP_LEN, "/tmp/mw-log-XXXXXX");
		if (!mkdtemp(dir))
			return -1;
	}
	logw_init(w, dir);
	return 0;
}

int logw_open(struct logw *w)
{
	int r;

	w->err[0] = '\0';
	if (!w->keys) {
		r = mw_keys_open(w->keys_dir, w->err, sizeof(w->err), &w->keys);
		if (r < 0)
			return r;
	}
	w->cfg.dir = w->dir;
	w->cfg.keys = w->keys;
	r = mw_sink_log_new(&w->cfg, w->err, sizeof(w->err), &w->found, &w->sink);
	if (r < 0)
		return r;
	w->seq = w->found.next_seq;
	w->stopped = false;
	return 0;
}

static int put(struct logw *w, const char *type, const char *rest, size_t len, bool urgent,
	       bool seal)
{
	static char line[65536];
	struct mw_record rec = { .json = line, .seq = w->seq, .urgent = urgent, .seal = seal };
	size_t n;
	int r;

	if (w->stopped) {
		w->unwritten++;
		return 0;
	}
	n = (size_t)snprintf(line, sizeof(line),
			     "{\"v\":1,\"seq\":%" PRIu64
			     ",\"time\":\"2026-11-21T10:00:00.000000000Z\",\"type\":\"%s\"%s",
			     w->seq, type, rest);
	if (n + 9 < len) {
		memcpy(line + n, ",\"pad\":\"", 8);
		memset(line + n + 8, 'x', len - n - 10);
		memcpy(line + len - 2, "\"}", 3);
		n = len;
	} else {
		memcpy(line + n, "}", 2);
		n++;
	}
	rec.len = n;
	w->seq++;
	r = mw_sink_write(w->sink, &rec);
	w->refused += r < 0;
	return r;
}

static void on_seal(struct logw *w, const struct mw_ev_seal *ev)
{
	const struct mw_slice vkey = mw_event_seal_vkey(ev);
	char rest[600];

	snprintf(rest, sizeof(rest), ",\"epoch\":%" PRIu64 ",\"next_vkey\":\"%.*s\"",
		 (uint64_t)ev->epoch, (int)vkey.n, (const char *)vkey.p);
	w->seals++;
	w->last_reason = ev->reason;
	put(w, "seal", rest, 0, false, true);
}

static void on_store(struct logw *w, const struct mw_ev_store *ev)
{
	char rest[100];

	if (ev->state == MW_STORE_STOPPED) {
		w->stops++;
		w->unwritten = w->seq - ev->seq;
		w->stopped = true;
		w->seq = ev->seq;
	} else if (ev->state == MW_STORE_RESUMED) {
		assert_true(w->stopped);
		w->stopped = false;
		w->seq = ev->seq;
		w->gaps++;
		snprintf(rest, sizeof(rest), ",\"records\":%" PRIu64, w->unwritten);
		w->missing += w->unwritten;
		put(w, "gap", rest, 0, false, false);
	} else {
		assert_int_equal(ev->state, MW_STORE_PRUNE);
		snprintf(rest, sizeof(rest), ",\"from_seq\":%" PRIu64 ",\"to_seq\":%" PRIu64,
			 (uint64_t)ev->first, (uint64_t)ev->seq);
		w->prunes++;
		put(w, "daemon", rest, 0, false, false);
	}
}

void logw_ask(struct logw *w, uint64_t now_ns)
{
	const struct mw_event_hdr *h;
	size_t n = 0;

	w->now_ns = now_ns == UINT64_MAX ? w->now_ns : now_ns;
	while ((h = mw_sink_ask(w->sink, now_ns))) {
		assert_int_equal(mw_event_check(h, h->len), h->len);
		assert_true(n++ < 100);
		if (h->type == MW_EV_SEAL)
			on_seal(w, (const void *)h);
		else if (h->type == MW_EV_STORE)
			on_store(w, (const void *)h);
		else
			fail_msg("asked for an event %u", h->type);
	}
}

int logw_write(struct logw *w, size_t len, bool urgent)
{
	int r = put(w, "effect", "", len, urgent, false);

	logw_ask(w, w->now_ns);
	return r;
}

void logw_until_sealed(struct logw *w, uint64_t seals)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; w->seals < seals || mw_sink_flush(w->sink) < 0; i++) {
		assert_true(i < 60000);
		nanosleep(&ms, NULL);
		logw_ask(w, w->now_ns + 1000000);
	}
	logw_ask(w, w->now_ns);
}

int logw_stop(struct logw *w)
{
	int r;

	logw_ask(w, UINT64_MAX);
	r = mw_sink_flush(w->sink);
	logw_close(w);
	return r;
}

void logw_close(struct logw *w)
{
	mw_sink_free(w->sink);
	w->sink = NULL;
}

void logw_done(struct logw *w)
{
	logw_close(w);
	mw_keys_free(w->keys);
	w->keys = NULL;
}

/* --- looking at it --- */

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "r");
	char *p;
	long n;

	*ret_n = 0;
	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	p = malloc((size_t)n + 1);
	assert_int_equal(fread(p, 1, (size_t)n, f), n);
	p[n] = '\0';
	fclose(f);
	*ret_n = (size_t)n;
	return p;
}

size_t logw_lines(const char *base, const char *name)
{
	char path[512], *p, *at;
	size_t n, lines = 0;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	p = slurp(path, &n);
	for (at = p; at && (at = strchr(at, '\n')); at++)
		lines++;
	free(p);
	return lines;
}

/* All lines of the plain segments. */
static char *all_lines(const struct logw *w)
{
	struct dirent **names;
	char path[800], *all = calloc(1, 1), *p;
	size_t len = 0, n;
	uint64_t first;
	int i, count;

	snprintf(path, sizeof(path), "%s/seg", w->dir);
	count = scandir(path, &names, NULL, alphasort);
	assert_true(count >= 0);
	for (i = 0; i < count; free(names[i++])) {
		if (!mw_segment_name_parse(names[i]->d_name, &first))
			continue;
		snprintf(path, sizeof(path), "%s/seg/%s", w->dir, names[i]->d_name);
		p = slurp(path, &n);
		all = realloc(all, len + n + 1);
		memcpy(all + len, p, n + 1);
		len += n;
		free(p);
	}
	free(names);
	return all;
}

static uint64_t member_u64(struct mw_slice line, const char *name)
{
	struct mw_slice v;

	if (mw_json_member(line, name, &v, NULL) < 0)
		return UINT64_MAX;
	return strtoull((const char *)v.p, NULL, 10);
}

/* The checkpoint of a line of seals.jsonl, over `tree`; the epoch key it must be signed with. */
static void check_seal(struct mw_slice line, uint64_t epoch, const struct mw_vkey *id,
		       const struct mw_vkey *key, const struct mw_tlog_tree *tree)
{
	struct mw_checkpoint c;
	struct mw_hash root;
	struct mw_note note;
	struct mw_slice v;
	struct mw_buf b;

	assert_int_equal(member_u64(line, "epoch"), epoch);
	assert_int_equal(mw_json_member(line, "checkpoint", &v, NULL), 0);
	mw_buf_init(&b, &test_alloc, 1 << 20);
	assert_int_equal(mw_json_str_decode(v, &b), 0);
	assert_int_equal(mw_note_parse((const char *)b.p, b.len, &note), 0);
	assert_int_equal(mw_note_verify(&note, id, NULL), 1);
	assert_int_equal(mw_note_verify(&note, key, NULL), 1);
	assert_int_equal(mw_checkpoint_parse(note.body, note.body_len, &c), 0);
	mw_tlog_root(tree, &root);
	assert_int_equal(c.size, tree->n);
	assert_memory_equal(&c.root, &root, sizeof(root));
	mw_buf_done(&b);
}

size_t logw_check(const struct logw *w)
{
	char path[512], err[512], *lines = all_lines(w), *seals, *at, *seal, *nl, *end;
	struct mw_sink_log_names names;
	struct mw_tlog_tree tree = { 0 };
	struct mw_vkey id, key;
	struct mw_hash leaf;
	size_t n, done = 0;
	bool open_end = false;

	assert_int_equal(mw_sink_log_names(w->dir, err, sizeof(err), &names), 0);
	nl = strchr(names.vkeys, '\n');
	assert_int_equal(mw_vkey_parse(names.vkeys, (size_t)(nl - names.vkeys), &id), 0);
	assert_int_equal(mw_vkey_parse(nl + 1, strcspn(nl + 1, "\n"), &key), 0);
	snprintf(path, sizeof(path), "%s/seals.jsonl", w->dir);
	seal = seals = slurp(path, &n);
	for (at = lines; (nl = strchr(at, '\n')); at = nl + 1) {
		const struct mw_slice line = mw_slice(at, (size_t)(nl - at));
		struct mw_slice v;

		assert_int_equal(member_u64(line, "seq"), tree.n);
		mw_tlog_leaf(line.p, line.n, &leaf);
		mw_tlog_add(&tree, &leaf);
		assert_int_equal(mw_json_member(line, "type", &v, NULL), 0);
		if (!mw_slice_eq_str(v, "\"seal\""))
			continue;
		assert_false(open_end); /* the seal before this one was not finished */
		end = seal ? strchr(seal, '\n') : NULL;
		if (!end) {
			open_end = true;
			continue;
		}
		check_seal(mw_slice(seal, (size_t)(end - seal)), done++, &id, &key, &tree);
		seal = end + 1;
		assert_int_equal(mw_json_member(line, "next_vkey", &v, NULL), 0);
		assert_int_equal(mw_vkey_parse((const char *)v.p + 1, v.n - 2, &key), 0);
	}
	assert_true(!seal || !strchr(seal, '\n')); /* a seal of what is not there */
	free(seals);
	free(lines);
	return done;
}
