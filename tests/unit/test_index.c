/* SPDX-License-Identifier: Apache-2.0 */
/* test_index.c - an index against its log: what it leaves, when it is used, columns that are not
 * ours */
#include "support_forge.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/heap.h"
#include "io/index.h"
#include "io/index_priv.h"
#include "io/logread.h"
#include "io/verify.h"

static void make(struct fx *f)
{
	fx_new(f, 3);
	fx_record(f, "daemon", ",\"event\":\"start\"");
	fx_calls(f, 200);
	fx_record(f, "call",
		  ",\"call\":\"c1\",\"tool\":\"one\",\"effects\":[{\"kind\":\"file.open\","
		  "\"target\":\"/a\",\"seqs\":[7]}]");
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 200);
	fx_record(f, "effect", ",\"kind\":\"file.open\",\"target\":\"/b\\u0041\",\"call\":\"c1\"");
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 20);
	fx_record(f, "effect", ",\"kind\":\"file.open\",\"target\":\"/c\"");
	fx_seal(f);
	fx_write(f);
}

static bool is(const void *arg, enum mw_index_field field, struct mw_slice value)
{
	(void)field;
	return mw_slice_eq_str(value, arg);
}

static int ask(struct fx *f, enum mw_index_field field, const char *value,
	       struct mw_index_plan **ret, char err[512])
{
	const struct mw_index_query q = { .asked = 1u << field, .match = is, .arg = value };

	err[0] = '\0';
	return mw_index_ask(f->dir, NULL, &q, err, 512, ret);
}

static void build(struct fx *f, uint64_t added)
{
	struct mw_index_built b;
	char err[512] = "";
	int r = mw_index_build(f->dir, NULL, NULL, err, sizeof(err), &b);

	if (r < 0)
		fail_msg("%s", err);
	assert_int_equal(b.added, added);
	assert_int_equal(b.segments, 2);
}

/* The numbers of the records that are read, up to the end; what it ended with. */
static int read_narrow(struct fx *f, struct mw_index_plan *plan, uint64_t *seq, size_t *n,
		       bool *tampered)
{
	const char *path = f->dir;
	struct mw_logread *l;
	struct mw_logrec rec;
	char err[512];
	int r;

	assert_int_equal(mw_logread_new(&path, 1, false, err, sizeof(err), &l), 0);
	r = mw_logread_narrow(l, 0, plan);
	for (*n = 0; r == 0 && (r = mw_logread_next(l, &rec)) == 1; r = 0) {
		/* by a plan it is the very line */
		assert_string_equal(rec.line, f->line[rec.seq]);
		seq[(*n)++] = rec.seq;
	}
	*tampered = mw_logread_tampered(l) != NULL;
	assert_int_equal(mw_logread_again(l), -EINVAL);
	mw_logread_free(l);
	return r;
}

static bool has(const uint64_t *seq, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (seq[i] == v)
			return true;
	return false;
}

static void test_narrow(void **state)
{
	struct mw_index_plan *plan;
	uint64_t seq[1024];
	bool tampered;
	char err[512];
	struct fx f;
	size_t n;

	make(&f);
	assert_int_equal(ask(&f, MW_INDEX_TARGET, "/a", &plan, err), 0);
	assert_string_equal(err, "");
	build(&f, f.seg[2]);
	build(&f, 0);
	/* of the call that names it, the effect by its number, and what the index does not know */
	assert_int_equal(ask(&f, MW_INDEX_TARGET, "/a", &plan, err), 1);
	assert_int_equal(mw_index_rest(plan), f.seg[2]);
	assert_int_equal(read_narrow(&f, plan, seq, &n, &tampered), -ENODATA);
	assert_false(tampered);
	assert_true(has(seq, n, 201) && has(seq, n, 7));
	assert_true(n < 60);
	/* decoded, and with its call, of another segment */
	assert_int_equal(ask(&f, MW_INDEX_TARGET, "/bA", &plan, err), 1);
	assert_int_equal(read_narrow(&f, plan, seq, &n, &tampered), -ENODATA);
	assert_true(has(seq, n, f.seg[2] - 2) && has(seq, n, 201));
	fx_done(&f);
}

/* What was changed since is read and verified as always; what cannot be used is said. */
static void test_changed(void **state)
{
	struct mw_index_plan *plan;
	uint64_t seq[1024];
	struct mw_index_built b;
	bool tampered;
	char err[512];
	struct fx f;
	size_t n;

	make(&f);
	build(&f, f.seg[2]);
	usleep(30000);
	f.line[300][60] ^= 1;
	fx_write(&f);
	/* all files were written anew */
	assert_int_equal(ask(&f, MW_INDEX_TARGET, "/a", &plan, err), 0);
	assert_non_null(strstr(err, "does not fit"));
	assert_int_equal(mw_index_build(f.dir, NULL, NULL, err, sizeof(err), &b), -EUCLEAN);
	assert_non_null(strstr(err, "record 300"));
	/* the first segment is whole: it is in it, and the second is found out */
	assert_int_equal(ask(&f, MW_INDEX_TARGET, "/a", &plan, err), 1);
	assert_int_equal(mw_index_rest(plan), f.seg[1]);
	(void)read_narrow(&f, plan, seq, &n, &tampered);
	assert_true(tampered);
	fx_done(&f);
}

static void test_state(void **state)
{
	const struct mw_verify_config config = { 0 };
	struct mw_verify_place place;
	uint8_t bytes[8192];
	struct mw_verify *v;
	struct mw_buf buf;
	char err[512];
	struct fx f;
	size_t i;

	make(&f);
	assert_int_equal(mw_verify_open(f.dir, &config, err, sizeof(err), &v), 1);
	mw_buf_init(&buf, &mw_heap, 1 << 20);
	assert_int_equal(mw_verify_save(v, &buf, &place), 0);
	assert_int_equal(place.sealed, 0);
	assert_true(buf.len < sizeof(bytes));
	/* any byte of it another, or fewer of them: taken or refused, never more than that */
	for (i = 0; i < buf.len; i += 3) {
		struct mw_verify *w;

		assert_int_equal(mw_verify_open(f.dir, &config, err, sizeof(err), &w), 1);
		memcpy(bytes, buf.p, buf.len);
		bytes[i] ^= 0xa5;
		if (mw_verify_restore(w, bytes, buf.len) == 0) {
			mw_verify_segment(w, 0, "x");
			mw_verify_line(w, f.line[0], strlen(f.line[0]));
			mw_verify_end(w, 0);
		}
		mw_verify_free(w);
		assert_int_equal(mw_verify_open(f.dir, &config, err, sizeof(err), &w), 1);
		assert_int_not_equal(mw_verify_restore(w, bytes, i), 0);
		mw_verify_free(w);
	}
	mw_buf_done(&buf);
	mw_verify_free(v);
	fx_done(&f);
}

static void test_column(void **state)
{
	struct mw_index_maker m;
	struct mw_index_column c;
	uint8_t bytes[4096];
	char text[32];
	uint64_t k = 0, id = 0;
	size_t n, i;
	void *p;

	mw_index_maker_init(&m);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "value %zu", i % 300);
		assert_int_equal(mw_index_maker_term(&m, mw_slice_str(text)), 0);
		if (i % 7 == 0)
			assert_int_equal(mw_index_maker_term(&m, mw_slice_str("")), 0);
		assert_int_equal(mw_index_maker_row(&m, true), 0);
	}
	assert_int_equal(mw_index_maker_take(&m, &p, &n), 0);
	mw_index_maker_done(&m);
	assert_int_equal(mw_index_column_open(p, n, &c), 0);
	assert_int_equal(c.n_terms, 301);
	for (i = 0; i < 1000; i++) {
		assert_true(mw_index_number(&c.rows, &k));
		assert_int_equal(k, i % 7 == 0 ? 2 : 1);
		assert_true(mw_index_number(&c.rows, &id));
		snprintf(text, sizeof(text), "value %zu", i % 300);
		assert_true(mw_slice_eq_str(c.term[id], text));
		if (k == 2)
			assert_true(mw_index_number(&c.rows, &id));
	}
	assert_false(mw_index_number(&c.rows, &k));
	mw_index_column_done(&c);
	assert_true(n < sizeof(bytes));
	for (i = 0; i < n; i++) {
		memcpy(bytes, p, n);
		bytes[i] ^= 0x11;
		if (mw_index_column_open(bytes, n, &c) == 0)
			mw_index_column_done(&c);
		assert_int_not_equal(mw_index_column_open(p, i, &c), 0);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
