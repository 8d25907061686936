/* SPDX-License-Identifier: Apache-2.0 */
#include "support_forge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/logread.h"

void fx_new(struct fx *f, uint8_t seed)
{
	uint8_t s[MW_KEY_LEN];
	char name[MW_NOTE_NAME_MAX];
	uint64_t i;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/mw-verify-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY);
	assert_true(f->dir_fd >= 0);
	memset(s, seed, sizeof(s));
	assert_int_equal(mw_skey_of(FX_ORIGIN, s, &f->identity), 0);
	for (i = 0; i < FX_EPOCHS; i++) {
		s[0] = (uint8_t)i;
		s[1] = (uint8_t)(i >> 8);
		s[2] = 1;
		mw_epoch_name(FX_ORIGIN, i, name);
		assert_int_equal(mw_skey_of(name, s, &f->epoch[i]), 0);
	}
	assert_int_equal(mw_tiles_open(f->dir_fd, 0, &f->tiles), 0);
	fx_segment(f);
}

void fx_done(struct fx *f)
{
	char cmd[64];
	size_t i;

	for (i = 0; i < FX_LINES; i++)
		free(f->line[i]);
	for (i = 0; i < FX_EPOCHS; i++) {
		free(f->seal[i]);
		free(f->note[i]);
	}
	mw_tiles_close(f->tiles);
	close(f->dir_fd);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
}

uint64_t fx_record(struct fx *f, const char *type, const char *fmt, ...)
{
	char rest[2048];
	va_list ap;

	assert_true(f->n < FX_LINES);
	va_start(ap, fmt);
	vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	assert_true(
	    asprintf(&f->line[f->n],
		     "{\"v\":1,\"seq\":%zu,\"time\":\"2026-11-21T10:%02zu:%02zu.%03zu000000Z\","
		     "\"boot_ns\":%zu000000,\"host\":\"host.example\",\"type\":\"%s\"%s}",
		     f->n, f->n / 60000, f->n / 1000 % 60, f->n % 1000, f->n + 5000, type,
		     rest) > 0);
	return f->n++;
}

void fx_calls(struct fx *f, unsigned int n)
{
	for (; n; n--)
		fx_record(f, "call", ",\"call\":\"c%zu\",\"tool\":\"t\",\"status\":\"ok\"", f->n);
}

void fx_seal_record(struct fx *f, uint64_t epoch, const struct mw_skey *next)
{
	char vkey[MW_VKEY_MAX];

	mw_vkey_print(&next->pub, vkey);
	fx_record(f, "seal", ",\"epoch\":%" PRIu64 ",\"next_vkey\":\"%s\",\"reason\":\"time\"",
		  epoch, vkey);
}

void fx_seal_sign(struct fx *f, uint64_t epoch, const struct mw_skey *identity,
		  const struct mw_skey *key)
{
	struct mw_checkpoint c = { .origin = FX_ORIGIN, .size = f->n };
	char note[MW_NOTE_MAX], line[2 * MW_NOTE_MAX];
	struct mw_tlog_tree t = { 0 };
	struct mw_hash leaf;
	size_t body, n, i, k;

	for (i = 0; i < f->n; i++) {
		mw_tlog_leaf(f->line[i], strlen(f->line[i]), &leaf);
		mw_tlog_add(&t, &leaf);
		if (!f->no_tiles && i >= mw_tiles_size(f->tiles))
			assert_int_equal(mw_tiles_add(f->tiles, &leaf, 1), 0);
	}
	if (!f->no_tiles)
		assert_int_equal(mw_tiles_write(f->tiles), 0);
	mw_tlog_root(&t, &c.root);
	assert_int_equal(mw_checkpoint_print(&c, note, sizeof(note), &body), 0);
	n = body;
	if (identity)
		assert_int_equal(mw_note_sign(note, sizeof(note), &n, body, identity), 0);
	if (key)
		assert_int_equal(mw_note_sign(note, sizeof(note), &n, body, key), 0);
	k = (size_t)snprintf(line, sizeof(line), "{\"epoch\":%" PRIu64 ",\"checkpoint\":\"", epoch);
	for (i = 0; i < n; i++)
		if (note[i] == '\n')
			k += (size_t)snprintf(line + k, 3, "\\n");
		else
			line[k++] = note[i];
	snprintf(line + k, 3, "\"}");
	free(f->seal[f->n_seals]);
	free(f->note[f->n_seals]);
	f->seal[f->n_seals] = strdup(line);
	f->note[f->n_seals] = strdup(note);
	f->size[f->n_seals] = f->n;
	f->checkpoint = f->note[f->n_seals++];
}

void fx_seal(struct fx *f)
{
	const uint64_t e = f->n_seals;

	fx_seal_record(f, e, &f->epoch[e + 1]);
	fx_seal_sign(f, e, &f->identity, &f->epoch[e]);
}

void fx_segment(struct fx *f)
{
	f->seg[f->n_segs++] = f->n;
}

void fx_set(struct fx *f, size_t i, const char *line)
{
	char *copy = strdup(line);

	free(f->line[i]);
	f->line[i] = copy;
}

void fx_remove(struct fx *f, size_t i)
{
	free(f->line[i]);
	memmove(&f->line[i], &f->line[i + 1], (--f->n - i) * sizeof(f->line[0]));
	f->line[f->n] = NULL;
}

void fx_insert(struct fx *f, size_t i, const char *line)
{
	memmove(&f->line[i + 1], &f->line[i], (f->n++ - i) * sizeof(f->line[0]));
	f->line[i] = strdup(line);
}

void fx_put(struct fx *f, const char *name, const char *text, size_t n)
{
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

const char *fx_seg_name(struct fx *f, size_t i)
{
	static char name[64];

	snprintf(name, sizeof(name), "seg/" MW_SEGMENT_NAME_FMT, (uint64_t)f->seg[i]);
	return name;
}

void fx_write(struct fx *f)
{
	char identity[MW_VKEY_MAX], first[MW_VKEY_MAX], text[2 * MW_VKEY_MAX];
	size_t i, k, end;
	int fd;

	fx_put(f, "origin", FX_ORIGIN "\n", sizeof(FX_ORIGIN));
	mw_vkey_print(&f->identity.pub, identity);
	mw_vkey_print(&f->epoch[0].pub, first);
	fx_put(f, "vkeys", text, (size_t)snprintf(text, sizeof(text), "%s\n%s\n", identity, first));
	assert_true(mkdirat(f->dir_fd, "seg", 0700) == 0 || errno == EEXIST);
	for (i = 0; i < f->n_segs; i++) {
		end = i + 1 < f->n_segs && f->seg[i + 1] < f->n ? f->seg[i + 1] : f->n;
		fd = openat(f->dir_fd, fx_seg_name(f, i), O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(fd >= 0);
		for (k = f->seg[i]; k < end; k++) {
			assert_int_equal(write(fd, f->line[k], strlen(f->line[k])),
					 strlen(f->line[k]));
			assert_int_equal(write(fd, "\n", 1), 1);
		}
		close(fd);
	}
	fd = openat(f->dir_fd, "seals.jsonl", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (i = 0; i < f->n_seals; i++)
		if (f->seal[i]) {
			assert_int_equal(write(fd, f->seal[i], strlen(f->seal[i])),
					 strlen(f->seal[i]));
			assert_int_equal(write(fd, "\n", 1), 1);
		}
	close(fd);
	if (f->checkpoint)
		fx_put(f, "checkpoint", f->checkpoint, strlen(f->checkpoint));
	else
		unlinkat(f->dir_fd, "checkpoint", 0);
}

struct mw_verify_config fx_config(struct fx *f, struct mw_vkey keys[2], int64_t after_s)
{
	keys[0] = f->identity.pub;
	keys[1] = f->epoch[0].pub;
	return (struct mw_verify_config){ .vkeys = keys,
					  .n_vkeys = 2,
					  .now_ns = FX_TIME_NS + (int64_t)f->n * 1000000 +
						    after_s * 1000000000 };
}

void fx_verify(struct fx *f, const struct mw_verify_config *config)
{
	struct mw_verify_config c;
	struct mw_vkey keys[2];
	char err[512] = "";
	int r;

	if (!config) {
		c = fx_config(f, keys, 1);
		config = &c;
	}
	r = mw_verify_folder(f->dir, config, err, sizeof(err), &f->rep);
	if (r != 0)
		fail_msg("%d: %s", r, err);
}

void fx_make(struct fx *f)
{
	fx_new(f, 7);
	fx_record(f, "daemon", ",\"event\":\"start\"");
	fx_calls(f, 10);
	fx_seal(f);
	fx_calls(f, 3);
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 300);
	fx_seal(f);
	fx_calls(f, 2);
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 600);
	fx_seal(f);
	fx_record(f, "daemon", ",\"event\":\"stop\"");
	fx_seal(f);
}
