/* SPDX-License-Identifier: Apache-2.0 */
/* test_bundle_attack.c - every change to a bundle is noticed */
#include "bundle_fx.h"

static struct bx *small(struct arc *a)
{
	struct bx *b = calloc(1, sizeof(*b));

	fx_new(&b->f, 4);
	fx_calls(&b->f, 4);
	fx_seal(&b->f);
	fx_calls(&b->f, 5);
	fx_seal(&b->f);
	fx_write(&b->f);
	b->keep[1] = b->keep[7] = true;
	assert_int_equal(make(b), 0);
	expect_whole(b);
	arc_read(a, b->path);
	return b;
}

/* Bits of a file, one at a time: each `step`th, an odd number, so that each of a byte's eight comes
 * in turn. `sums`: SHA256SUMS is made to fit. */
static void flip_bits(struct bx *b, struct arc *a, const char *name, bool sums, size_t step)
{
	struct arc_file *f = arc_find(a, name);
	size_t i;

	assert_non_null(f);
	for (i = 0; i < 8 * f->n; i += step) {
		f->p[i / 8] ^= (char)(1 << i % 8);
		if (sums)
			arc_sums(a);
		arc_write(a, b->path);
		/* a manifest that is none any more is no bundle */
		if (verify(b) == 0 && b->rep->verdict != MW_LOG_TAMPERED)
			fail_msg("%s: bit %zu is not noticed", name, i);
		f->p[i / 8] ^= (char)(1 << i % 8);
	}
	arc_sums(a);
}

static void test_bits(void **state)
{
	static const char *const all[] = { "README.txt",       "manifest.json",
					   "log-1/origin",     "log-1/vkeys",
					   "log-1/checkpoint", "log-1/seals.jsonl",
					   "log-1/tree",       "log-1/records.jsonl",
					   "SHA256SUMS" };
	struct arc a;
	struct bx *b = small(&a);
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		flip_bits(b, &a, all[i], false, 17);
	arc_done(&a);
	done(b);
}

/* Who changes it can also make the sums fit: then the seals say so. */
static void test_bits_with_sums(void **state)
{
	static const char *const proved[] = { "log-1/origin", "log-1/checkpoint",
					      "log-1/seals.jsonl", "log-1/tree",
					      "log-1/records.jsonl" };
	struct arc a;
	struct bx *b = small(&a);
	size_t i;

	for (i = 0; i < sizeof(proved) / sizeof(*proved); i++)
		flip_bits(b, &a, proved[i], true, 7);
	arc_write(&a, b->path);
	expect_whole(b);
	arc_done(&a);
	done(b);
}

/* Sets the text of a file, sums made to fit. */
static void set(struct bx *b, struct arc *a, const char *name, const char *text, size_t n)
{
	struct arc_file *f = arc_find(a, name);
	char *p = malloc(n + 1);

	memcpy(p, text, n);
	p[n] = '\0';
	free(f->p);
	f->p = p;
	f->n = n;
	arc_sums(a);
	arc_write(a, b->path);
}

static void expect(struct bx *b, enum mw_finding finding, int64_t seq)
{
	const struct mw_verify_report *r;

	if (verify(b) != 0)
		fail_msg("%s", b->err);
	r = &b->rep->logs[0].report;
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	if (r->finding != finding || r->seq != (uint64_t)seq)
		fail_msg("%s at %" PRIu64 ": %s", mw_finding_name(r->finding), r->seq, r->text);
}

static char *nth_line(char *p, unsigned int n)
{
	while (n--)
		p = strchr(p, '\n') + 1;
	return p;
}

/* Records changed, dropped, doubled, moved, put in; the sums fit. The records are 1, 4, 7, 10. */
static void test_records(void **state)
{
	char text[4096], line[4][512], one[512];
	struct arc_file *f;
	struct arc a;
	struct bx *b = small(&a);
	size_t i, n;

	f = arc_find(&a, "log-1/records.jsonl");
	for (i = 0; i < 4; i++) {
		const char *p = nth_line(f->p, (unsigned int)i);

		snprintf(line[i], sizeof(line[i]), "%.*s\n", (int)strcspn(p, "\n"), p);
	}
#define SET(...)                                                                                   \
	do {                                                                                       \
		n = (size_t)snprintf(text, sizeof(text), __VA_ARGS__);                             \
		set(b, &a, "log-1/records.jsonl", text, n);                                        \
	} while (0)
	SET("%s%s%s%s", line[0], line[1], line[2], line[3]);
	expect_whole(b);
	/* another status, the same length */
	snprintf(one, sizeof(one), "%s", line[2]);
	memcpy(strstr(one, "\"ok\""), "\"no\"", 4);
	SET("%s%s%s%s", line[0], line[1], one, line[3]);
	expect(b, MW_FOUND_EDITED, 7);
	SET("%s%s%s", line[0], line[1], line[3]);
	expect(b, MW_FOUND_DELETED, 7);
	SET("%s%s%s", line[0], line[2], line[3]);
	expect(b, MW_FOUND_DELETED, 4);
	SET("%s%s%s", line[0], line[1], line[2]);
	expect(b, MW_FOUND_DELETED, 10);
	SET("%s", "");
	expect(b, MW_FOUND_DELETED, 1);
	SET("%s%s%s%s", line[0], line[2], line[1], line[3]);
	expect(b, MW_FOUND_DELETED, 4);
	SET("%s%s%s%s%s", line[0], line[0], line[1], line[2], line[3]);
	expect(b, MW_FOUND_INSERTED, 1);
	/* one that was left out, as it was: no line of the tree has it */
	SET("%s%s%s\n%s%s", line[0], line[1], b->f.line[5], line[2], line[3]);
	expect(b, MW_FOUND_INSERTED, 5);
	SET("%s%s%s%s%s", line[0], line[1], line[2], line[3], line[1]);
	expect(b, MW_FOUND_INSERTED, 4);
	SET("%s%s%s%.*s", line[0], line[1], line[2], (int)strlen(line[3]) - 1, line[3]);
	expect(b, MW_FOUND_CUT, 10);
	SET("%s%s{}\n%s", line[0], line[1], line[3]);
	expect(b, MW_FOUND_EDITED, 5);
	arc_done(&a);
	done(b);
}

/* Seals dropped, doubled, of another chain; the checkpoint of the seal before. */
static void test_seals(void **state)
{
	char text[8192];
	struct arc_file *f;
	struct arc a;
	struct bx *b = small(&a);
	size_t first, n;

	f = arc_find(&a, "log-1/seals.jsonl");
	first = (size_t)(nth_line(f->p, 1) - f->p);
	n = f->n;
	memcpy(text, f->p, n);
	set(b, &a, "log-1/seals.jsonl", text + first, n - first);
	expect(b, MW_FOUND_SEAL_MISSING, 0);
	set(b, &a, "log-1/seals.jsonl", text, first);
	assert_int_equal(verify(b), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	set(b, &a, "log-1/seals.jsonl", "", 0);
	expect(b, MW_FOUND_SEAL_MISSING, 0);
	memcpy(text + n, text, first);
	set(b, &a, "log-1/seals.jsonl", text, n + first);
	expect(b, MW_FOUND_SEAL_MISSING, 11);
	set(b, &a, "log-1/seals.jsonl", text, n + 20);
	assert_int_equal(verify(b), 0);
	assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
	set(b, &a, "log-1/seals.jsonl", text, n);
	expect_whole(b);
	set(b, &a, "log-1/checkpoint", b->f.note[0], strlen(b->f.note[0]));
	expect(b, MW_FOUND_CHECKPOINT, 0);
	arc_done(&a);
	done(b);
}

/*
 * The strongest attack: with the identity and the key of the newest epoch a new tree is signed, in
 * which an old record is another. Its seal's key is gone, and that seal's root is of the old tree.
 */
static void test_stolen_key(void **state)
{
	char *text = NULL;
	struct arc a;
	struct bx *b = small(&a);
	uint64_t i;

	memcpy(strstr(b->f.line[1], "\"ok\""), "\"no\"", 4);
	b->f.no_tiles = true;
	b->f.n_seals = 1;
	fx_seal_sign(&b->f, 1, &b->f.identity, &b->f.epoch[1]);
	assert_true(asprintf(&text, "%s\n%s\n", b->f.seal[0], b->f.seal[1]) > 0);
	set(b, &a, "log-1/seals.jsonl", text, strlen(text));
	free(text);
	set(b, &a, "log-1/checkpoint", b->f.note[1], strlen(b->f.note[1]));
	/* its tree has every record's leaf, and so has the archive every record */
	text = calloc(1, 8192);
	for (i = 0; i < b->f.n; i++) {
		snprintf(text + strlen(text), 8192 - strlen(text), "%s\n", b->f.line[i]);
	}
	set(b, &a, "log-1/records.jsonl", text, strlen(text));
	*text = '\0';
	for (i = 0; i < b->f.n; i++) {
		struct mw_hash leaf;
		size_t k;

		mw_tlog_leaf(b->f.line[i], strlen(b->f.line[i]), &leaf);
		snprintf(text + strlen(text), 8192 - strlen(text), "record %" PRIu64 " ", i);
		for (k = 0; k < MW_HASH_LEN; k++)
			snprintf(text + strlen(text), 8192 - strlen(text), "%02x", leaf.p[k]);
		snprintf(text + strlen(text), 8192 - strlen(text), "\n");
	}
	set(b, &a, "log-1/tree", text, strlen(text));
	expect(b, MW_FOUND_CHANGED, 0);
	free(text);
	arc_done(&a);
	done(b);
}

/* --- the archive --------------------------------------------------------------------------------
 */

static void swap(struct arc *a, size_t i, size_t k)
{
	const struct arc_file f = a->file[i];

	a->file[i] = a->file[k];
	a->file[k] = f;
}

static void refused(struct bx *b, const struct arc *a, const char *what)
{
	int r;

	arc_write(a, b->path);
	r = verify(b);
	if (r != -EBADMSG && r != -EILSEQ)
		fail_msg("taken: %s", what);
	assert_null(strchr(b->err, '\n'));
}

static void test_names(void **state)
{
	static const char *const odd[] = {
		"/etc/passwd",
		"../x",
		"mcpwatch-bundle/../x",
		"mcpwatch-bundle/log-1/../../x",
		"mcpwatch-bundle/log-1",
		"mcpwatch-bundle/log-0/origin",
		"mcpwatch-bundle/log-01/origin",
		"mcpwatch-bundle/log-2/origin",
		"mcpwatch-bundle/log-65/origin",
		"mcpwatch-bundle/log-18446744073709551617/origin",
		"mcpwatch-bundle/log-1/README.txt",
		"mcpwatch-bundle/origin",
		"mcpwatch-bundle/log-1/cosigned/../../../x",
		"mcpwatch-bundle/log-1/cosigned/1234567",
		"mcpwatch-bundle/log-1/cosigned/1234567G",
		"mcpwatch-bundle/log-1/cosigned/",
		"mcpwatch-bundle/log-1/keys",
		"mcpwatch-bundle/records.jsonl",
		"other/README.txt",
		"README.txt",
	};
	char name[MW_TGZ_NAME_MAX];
	struct arc a, copy;
	struct bx *b = small(&a);
	size_t i, k;

	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		for (k = 0; k < a.n; k++) {
			memcpy(name, a.file[k].name, sizeof(name));
			snprintf(a.file[k].name, sizeof(name), "%s", odd[i]);
			refused(b, &a, odd[i]);
			memcpy(a.file[k].name, name, sizeof(name));
		}
	/* each twice, each missing, each in the place of another */
	for (i = 0; i < a.n; i++) {
		for (k = i + 1; k < a.n; k++) {
			swap(&a, i, k);
			refused(b, &a, "two that are swapped");
			swap(&a, i, k);
		}
		copy = a;
		memmove(&copy.file[i + 1], &copy.file[i], (a.n - i) * sizeof(*a.file));
		copy.n++;
		refused(b, &copy, "one that is there twice");
		copy = a;
		memmove(&copy.file[i], &copy.file[i + 1], (a.n - i - 1) * sizeof(*a.file));
		copy.n--;
		refused(b, &copy, "one that is missing");
	}
	arc_write(&a, b->path);
	expect_whole(b);
	arc_done(&a);
	done(b);
}

static void test_manifest(void **state)
{
	static const struct {
		const char *from, *to;
		int r;
	} odd[] = {
		{ "\"bundle\":\t1", "\"bundle\":\t2", -EPROTONOSUPPORT },
		{ "\"bundle\":\t1", "\"bundle\":\t0", -EBADMSG },
		{ "\"bundle\":\t1", "\"bundle\":\"1\"", -EBADMSG },
		{ "\"made\":\t\"2", "\"made\":\t\"x", -EBADMSG },
		{ "\"log-1\"", "\"log-2\"", -EBADMSG },
		{ "\"logs\"", "\"Logs\"", -EBADMSG },
		{ "\"left_out\":\t7", "\"left_out\":\t-7", -EBADMSG },
		{ "\"left_out\":\t7", "\"left_out\":\t7.5", -EBADMSG },
		{ "\"left_out\":\t7", "\"left_out\":\t1e99", -EBADMSG },
		{ "\"left_out\":\t7", "\"left_out\":\t8", 0 },
		{ "\"sealed\":\t11", "\"sealed\":\t12", 0 },
		{ "\"seals\":\t2", "\"seals\":\t1", 0 },
		{ "\"records\":\t4", "\"records\":\t3", 0 },
		{ "\"unproved\":\t0", "\"unproved\":\t1", 0 },
		{ "host.example", "host.Example", 0 },
	};
	char *whole, *text = NULL, *at;
	struct arc a;
	struct bx *b = small(&a);
	size_t i;

	whole = strdup(arc_find(&a, "manifest.json")->p);
	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		at = strstr(whole, odd[i].from);
		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - whole), whole, odd[i].to,
				     at + strlen(odd[i].from)) > 0);
		set(b, &a, "manifest.json", text, strlen(text));
		assert_int_equal(verify(b), odd[i].r);
		if (odd[i].r == 0) {
			assert_int_equal(b->rep->verdict, MW_LOG_TAMPERED);
			assert_string_equal(b->rep->logs[0].report.file, "manifest.json");
		}
		free(text);
	}
	set(b, &a, "manifest.json", "{", 1);
	assert_int_equal(verify(b), -EBADMSG);
	/* deeper than it is parsed */
	text = malloc(100000);
	memset(text, '[', 100000);
	set(b, &a, "manifest.json", text, 100000);
	assert_int_equal(verify(b), -EBADMSG);
	free(text);
	free(whole);
	arc_done(&a);
	done(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits),	   cmocka_unit_test(test_bits_with_sums),
		cmocka_unit_test(test_records),	   cmocka_unit_test(test_seals),
		cmocka_unit_test(test_stolen_key), cmocka_unit_test(test_names),
		cmocka_unit_test(test_manifest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
