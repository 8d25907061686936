/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_verify_seal.c - seals, keys, anchors and the end of a log: what an attacker can forge, and
 * cannot (test_verify.c has the records)
 */
#include "support_forge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHOLE = MW_LOG_WHOLE, SHORT = MW_LOG_SHORT, TAMPERED = MW_LOG_TAMPERED };

static void check(struct fx *f, int verdict, enum mw_finding finding, int64_t seq)
{
	fx_write(f);
	fx_verify(f, NULL);
	fx_expect(f, (enum mw_verdict)verdict, finding, seq);
	fx_done(f);
}

static void test_seals(void **state)
{
	struct fx f;
	char *keep;
	size_t i;

	/* one dropped */
	for (i = 0; i < 5; i++) {
		fx_make(&f);
		free(f.seal[i]);
		f.seal[i] = NULL;
		check(&f, TAMPERED, MW_FOUND_SEAL_MISSING, i ? (int64_t)f.size[i - 1] : 0);
	}
	/* the newest, but not its checkpoint */
	fx_make(&f);
	f.n_seals--;
	check(&f, TAMPERED, MW_FOUND_CHECKPOINT, -1);
	/* all */
	fx_make(&f);
	for (i = 0; i < 6; i++) {
		free(f.seal[i]);
		f.seal[i] = NULL;
	}
	check(&f, TAMPERED, MW_FOUND_SEAL_MISSING, 0);
	/* changed round */
	fx_make(&f);
	keep = f.seal[2];
	f.seal[2] = f.seal[3];
	f.seal[3] = keep;
	check(&f, TAMPERED, MW_FOUND_SEAL_MISSING, 16);
	/* no seal at all */
	fx_make(&f);
	f.seal[2][40] = 'X';
	fx_write(&f);
	fx_verify(&f, NULL);
	assert_int_equal(f.rep.verdict, TAMPERED);
	assert_int_equal(f.rep.seq, 16);
	assert_string_equal(f.rep.file, "seals.jsonl");
	assert_int_equal(f.rep.line, 3);
	fx_done(&f);
	fx_make(&f);
	f.seal[1][0] = '[';
	check(&f, TAMPERED, MW_FOUND_SEAL_DAMAGED, 12);
}

static void test_checkpoint(void **state)
{
	struct fx f;
	size_t i, n;

	/* an older one: by two seals it is no crash */
	fx_make(&f);
	f.checkpoint = f.note[3];
	check(&f, TAMPERED, MW_FOUND_CHECKPOINT, -1);
	fx_make(&f);
	f.checkpoint = f.note[4];
	fx_write(&f);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_int_equal(f.rep.n_notices, 1);
	fx_done(&f);
	fx_make(&f);
	f.checkpoint = NULL;
	check(&f, TAMPERED, MW_FOUND_CHECKPOINT, -1);
	/* each bit of it */
	fx_make(&f);
	fx_write(&f);
	n = strlen(f.checkpoint);
	for (i = 0; i < n; i += 3) {
		char text[MW_NOTE_MAX];

		snprintf(text, sizeof(text), "%s", f.checkpoint);
		text[i] ^= (char)(1 << i % 8);
		fx_put(&f, "checkpoint", text, n);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CHECKPOINT, -1);
		fx_put(&f, "checkpoint", f.checkpoint, i);
		fx_verify(&f, NULL);
		fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_CHECKPOINT, -1);
	}
	fx_done(&f);
}

/* Back to a seal, then on, with what was stolen. */
static void test_cut_and_continue(void **state)
{
	struct fx f;
	int how;

	for (how = 0; how < 4; how++) {
		fx_make(&f);
		while (f.n > f.size[2])
			fx_remove(&f, f.n - 1);
		f.n_seals = 3;
		f.no_tiles = true;
		fx_calls(&f, 4);
		fx_seal_record(&f, how == 0 ? 6 : 3, &f.epoch[7]);
		/* with its own epoch, as the one wanted, the identity alone, a key of one's own */
		if (how == 1)
			memcpy(f.epoch[6].pub.name, f.epoch[3].pub.name,
			       sizeof(f.epoch[6].pub.name));
		if (how == 3)
			assert_int_equal(mw_skey_new(f.epoch[3].pub.name, &f.epoch[6]), 0);
		fx_seal_sign(&f, how == 0 ? 6 : 3, &f.identity, how == 2 ? NULL : &f.epoch[6]);
		check(&f, TAMPERED, how == 0 ? MW_FOUND_SEAL_MISSING : MW_FOUND_SEAL_FORGED, 317);
	}
}

/* The epoch's key alone is not enough either. */
static void test_identity_missing(void **state)
{
	struct fx f;

	fx_make(&f);
	f.n_seals = 5;
	f.n--;
	fx_seal_sign(&f, 5, NULL, &f.epoch[5]);
	check(&f, TAMPERED, MW_FOUND_SEAL_FORGED, 921);
}

/* Of many seals one whose identity's signature is missing, another's or of another tree: whichever
 * thread looks at it (verify_ahead.c). */
static void test_identity_of_many(void **state)
{
	static const size_t bad[] = { 3, 15, 16, 17, 40, 58, 59 };
	struct mw_skey other;
	struct fx f;

	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++)
		for (int how = 0; how < 3; how++) {
			fx_new(&f, 7);
			f.no_tiles = true;
			assert_int_equal(mw_skey_new(f.identity.pub.name, &other), 0);
			for (size_t k = 0; k < 60; k++) {
				const bool this = i < sizeof(bad) / sizeof(bad[0]) && k == bad[i];

				fx_calls(&f, 2);
				fx_seal_record(&f, k, &f.epoch[k + 1]);
				fx_seal_sign(&f, k,
					     !this	? &f.identity
					     : how == 0 ? NULL
							: &other,
					     &f.epoch[k]);
				/* it names the key, too, and is still not signed by it */
				if (this && how == 2)
					f.seal[k][strlen(f.seal[k]) - 20] ^= 1;
			}
			fx_write(&f);
			fx_verify(&f, NULL);
			if (i == sizeof(bad) / sizeof(bad[0])) {
				assert_int_equal(f.rep.seals, 60);
			} else {
				assert_int_equal(f.rep.verdict, TAMPERED);
				assert_int_equal(f.rep.seals, bad[i]);
				assert_int_equal(f.rep.line, bad[i] + 1);
				assert_string_equal(f.rep.file, "seals.jsonl");
			}
			fx_done(&f);
		}
}

/* A record edited, all trees from there on signed anew. */
static void test_edit_and_reseal(void **state)
{
	struct fx f;

	/* with the running epoch's key: the old seals tell */
	fx_make(&f);
	f.no_tiles = true;
	fx_set(&f, 100, f.line[101]);
	fx_seal(&f);
	check(&f, TAMPERED, MW_FOUND_EDITED, 100);
	/* and the tiles: only the range is known */
	fx_make(&f);
	fx_set(&f, 100, f.line[100] + 0);
	f.line[100][20] ^= 1;
	mw_tiles_close(f.tiles);
	assert_int_equal(mw_tiles_open(f.dir_fd, 0, &f.tiles), 0);
	fx_seal(&f);
	check(&f, TAMPERED, MW_FOUND_CHANGED, 16);
	/* the old seals made anew, under the identity alone */
	fx_make(&f);
	fx_set(&f, 100, f.line[101]);
	f.no_tiles = true;
	{
		size_t n = f.n, i;

		for (i = 2; i < 6; i++) {
			f.n_seals = i;
			f.n = f.size[i];
			fx_seal_sign(&f, i, &f.identity, NULL);
		}
		assert_int_equal(f.n, n);
	}
	check(&f, TAMPERED, MW_FOUND_SEAL_FORGED, 16);
}

/* A seal record that is none, or whose key is another's. */
static void test_seal_records(void **state)
{
	struct fx f;

	fx_make(&f);
	fx_calls(&f, 2);
	fx_seal_sign(&f, 6, &f.identity, &f.epoch[6]);
	check(&f, TAMPERED, MW_FOUND_SEAL_FORGED, 924);
	fx_make(&f);
	fx_seal_record(&f, 7, &f.epoch[7]);
	fx_seal_sign(&f, 6, &f.identity, &f.epoch[6]);
	check(&f, TAMPERED, MW_FOUND_SEAL_FORGED, 923);
	fx_make(&f);
	fx_seal_record(&f, 6, &f.epoch[8]);
	fx_seal_sign(&f, 6, &f.identity, &f.epoch[6]);
	check(&f, TAMPERED, MW_FOUND_SEAL_FORGED, 923);
	/* a seal record that was not sealed then, and is by the next: a crash */
	fx_make(&f);
	fx_seal_record(&f, 6, &f.epoch[7]);
	fx_record(&f, "daemon", ",\"event\":\"stop\"");
	fx_seal_record(&f, 6, &f.epoch[7]);
	fx_seal_sign(&f, 6, &f.identity, &f.epoch[6]);
	check(&f, WHOLE, MW_FOUND_NONE, -1);
}

static void test_replaced(void **state)
{
	struct mw_verify_config c;
	struct mw_vkey keys[2];
	struct fx f, other;
	int own;

	for (own = 0; own < 2; own++) {
		fx_make(&f);
		c = fx_config(&f, keys, 1);
		fx_new(&other, 9);
		if (own)
			other.identity = f.identity;
		else
			other.epoch[0] = f.epoch[0];
		fx_calls(&other, 20);
		fx_record(&other, "daemon", ",\"event\":\"stop\"");
		fx_seal(&other);
		fx_write(&other);
		fx_verify(&other, NULL);
		fx_expect(&other, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
		fx_verify(&other, &c);
		fx_expect(&other, MW_LOG_TAMPERED, MW_FOUND_REPLACED, -1);
		fx_done(&other);
		fx_done(&f);
	}
	fx_make(&f);
	fx_write(&f);
	c = fx_config(&f, keys, 1);
	snprintf(keys[0].name, sizeof(keys[0].name), "another.example/mcpwatch/1");
	c.n_vkeys = 1;
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_REPLACED, -1);
	/* the log's own files of its name and keys */
	c.n_vkeys = 0;
	fx_put(&f, "origin", "x", 1);
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_REPLACED, -1);
	fx_write(&f);
	fx_put(&f, "vkeys", "", 0);
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_REPLACED, -1);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	fx_done(&f);
}

static void verify_with_anchors(struct fx *f, const char *const *anchors, size_t n)
{
	struct mw_verify_config c;
	struct mw_vkey keys[2];

	c = fx_config(f, keys, 1);
	c.anchors = anchors;
	c.n_anchors = n;
	fx_verify(f, &c);
}

static void test_anchors(void **state)
{
	struct mw_verify_config c = { 0 };
	const char *anchor[2];
	struct fx f, old;
	char err[512];
	size_t i;

	fx_make(&f);
	fx_write(&f);
	for (i = 0; i < 6; i++) {
		anchor[0] = f.note[i];
		anchor[1] = f.note[5 - i];
		verify_with_anchors(&f, anchor, 2);
		fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	}
	/* cut at a seal's boundary, all that belongs to it rolled back */
	fx_new(&old, 7);
	for (i = 0; i < f.size[3]; i++)
		old.line[old.n++] = strdup(f.line[i]);
	for (i = 0; i < 4; i++)
		old.seal[i] = strdup(f.seal[i]);
	old.n_seals = 4;
	old.checkpoint = f.note[3];
	for (i = 0; i < old.n; i++) {
		struct mw_hash leaf;

		mw_tlog_leaf(old.line[i], strlen(old.line[i]), &leaf);
		assert_int_equal(mw_tiles_add(old.tiles, &leaf, 1), 0);
		if (i + 1 == f.size[0] || i + 1 == f.size[1] || i + 1 == f.size[2] ||
		    i + 1 == f.size[3])
			assert_int_equal(mw_tiles_write(old.tiles), 0);
	}
	fx_write(&old);
	anchor[0] = f.note[5];
	verify_with_anchors(&old, anchor, 0);
	fx_expect(&old, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	verify_with_anchors(&old, anchor, 1);
	fx_expect(&old, MW_LOG_SHORT, MW_FOUND_EARLY, (int64_t)f.size[3]);
	/* and gone on with, by the keys of then */
	fx_calls(&old, 700);
	fx_record(&old, "daemon", ",\"event\":\"stop\"");
	fx_seal(&old);
	fx_write(&old);
	verify_with_anchors(&old, anchor, 0);
	fx_expect(&old, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	verify_with_anchors(&old, anchor, 1);
	fx_expect(&old, MW_LOG_TAMPERED, MW_FOUND_ANCHOR, -1);
	fx_done(&old);
	/* no anchor: not signed, or of another log */
	anchor[0] = "x\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
	c.anchors = anchor;
	c.n_anchors = 1;
	assert_int_equal(mw_verify_folder(f.dir, &c, err, sizeof(err), &f.rep), -EINVAL);
	fx_new(&old, 8);
	fx_calls(&old, 2000);
	fx_seal(&old);
	anchor[0] = old.note[0];
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_REPLACED, -1);
	c.vkeys = &f.identity.pub;
	c.n_vkeys = 1;
	assert_int_equal(mw_verify_folder(f.dir, &c, err, sizeof(err), &f.rep), -EINVAL);
	fx_done(&old);
	fx_done(&f);
}

/* Intact, but not to its end. */
static void test_short(void **state)
{
	struct fx f;
	int fd;

	/* not sealed */
	fx_make(&f);
	fx_calls(&f, 5);
	fx_write(&f);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_SHORT, MW_FOUND_UNSEALED, 923);
	assert_int_equal(f.rep.tail, 5);
	/* but somebody writes it */
	fd = open(f.dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_true(f.rep.writer);
	assert_int_equal(f.rep.tail, 5);
	close(fd);
	fx_done(&f);
	/* half a line */
	fx_make(&f);
	fx_write(&f);
	fd = openat(f.dir_fd, fx_seg_name(&f, 2), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "{\"v\":1", 6), 6);
	close(fd);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_SHORT, MW_FOUND_UNSEALED, 923);
	fx_done(&f);
}

static void test_stale(void **state)
{
	struct mw_verify_config c;
	struct mw_vkey keys[2];
	struct fx f;

	fx_make(&f);
	fx_write(&f);
	c = fx_config(&f, keys, 100000);
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	fx_record(&f, "daemon", ",\"event\":\"start\"");
	fx_seal(&f);
	fx_write(&f);
	c = fx_config(&f, keys, 119);
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	c = fx_config(&f, keys, 121);
	fx_verify(&f, &c);
	fx_expect(&f, MW_LOG_SHORT, MW_FOUND_STALE, (int64_t)f.n - 1);
	fx_done(&f);
	/* nothing at all */
	fx_new(&f, 1);
	fx_write(&f);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_SHORT, MW_FOUND_UNSEALED, -1);
	fx_done(&f);
}

static void test_not_sealed(void **state)
{
	struct mw_verify_config none = { 0 };
	struct fx f;

	fx_new(&f, 1);
	fx_calls(&f, 3);
	f.n_seals = 0;
	fx_write(&f);
	unlinkat(f.dir_fd, "origin", 0);
	unlinkat(f.dir_fd, "vkeys", 0);
	unlinkat(f.dir_fd, "seals.jsonl", 0);
	fx_verify(&f, &none);
	fx_expect(&f, MW_LOG_SHORT, MW_FOUND_NOT_SEALED, -1);
	/* who has enrolled it knows better */
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_NOT_SEALED, -1);
	fx_done(&f);
}

static void test_damaged_generation(void **state)
{
	struct fx f;

	fx_make(&f);
	fx_write(&f);
	assert_int_equal(mkdirat(f.dir_fd, "damaged", 0700), 0);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_WHOLE, MW_FOUND_NONE, -1);
	assert_int_equal(mkdirat(f.dir_fd, "damaged/1234", 0700), 0);
	fx_put(&f, "damaged/1234/why", "a bad tile\n", 11);
	fx_verify(&f, NULL);
	fx_expect(&f, MW_LOG_TAMPERED, MW_FOUND_GENERATION, -1);
	assert_non_null(strstr(f.rep.text, "1234: a bad tile"));
	fx_done(&f);
	/* it is gone, but was sealed */
	fx_new(&f, 1);
	fx_record(&f, "daemon", ",\"event\":\"start\",\"damaged\":{\"origin\":\"x\"}");
	fx_record(&f, "daemon", ",\"event\":\"stop\"");
	fx_seal(&f);
	check(&f, TAMPERED, MW_FOUND_GENERATION, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seals),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_cut_and_continue),
		cmocka_unit_test(test_identity_missing),
		cmocka_unit_test(test_identity_of_many),
		cmocka_unit_test(test_edit_and_reseal),
		cmocka_unit_test(test_seal_records),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_anchors),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_not_sealed),
		cmocka_unit_test(test_damaged_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
