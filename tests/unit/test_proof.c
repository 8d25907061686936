/* SPDX-License-Identifier: Apache-2.0 */
/* test_proof.c - an exported record proves itself with nothing but its file and the log's key */
#include "support_forge.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "io/proof.h"

static void make(struct fx *f)
{
	fx_new(f, 5);
	fx_calls(f, 300);
	fx_seal(f);
	fx_segment(f);
	fx_calls(f, 40);
	fx_seal(f);
	fx_write(f);
}

static int export(struct fx *f, uint64_t seq, struct mw_buf *line, struct mw_buf *proof)
{
	char err[512] = "";
	int r;

	mw_buf_init(line, &test_alloc, MW_PROOF_TEXT_MAX);
	mw_buf_init(proof, &test_alloc, MW_PROOF_TEXT_MAX);
	r = mw_proof_export(f->dir, seq, line, proof, err, sizeof(err));
	assert_true(r == 0 ? !err[0] : err[0]);
	assert_true(r == 0 || !strchr(err, '\n'));
	return r;
}

/* The next line of a text. */
static char *next_line(char **text)
{
	char *line = *text, *nl = strchr(line, '\n');

	assert_non_null(nl);
	*nl = '\0';
	*text = nl + 1;
	return line;
}

/* As the specification says, from the text alone. */
static void check_alone(struct fx *f, uint64_t seq, char *text, const char *want_line)
{
	struct mw_hash leaf, root, hash[MW_PROOF_MAX];
	struct mw_checkpoint c;
	struct mw_note note;
	uint8_t buf[4096];
	char want[64], *p;
	size_t n = 0, len;

	assert_string_equal(next_line(&text), "c2sp.org/tlog-proof@v1");
	p = next_line(&text);
	assert_memory_equal(p, "extra ", 6);
	len = strlen(p + 6);
	assert_true(len / 4 * 3 < sizeof(buf));
	assert_true(EVP_DecodeBlock(buf, (uint8_t *)p + 6, (int)len) >= 0);
	len = len / 4 * 3 - (p[6 + len - 1] == '=') - (p[6 + len - 2] == '=');
	assert_int_equal(len, strlen(want_line));
	assert_memory_equal(buf, want_line, len);
	mw_tlog_leaf(buf, len, &leaf);
	snprintf(want, sizeof(want), "index %" PRIu64, seq);
	assert_string_equal(next_line(&text), want);
	while (*(p = next_line(&text))) {
		assert_int_equal(strlen(p), 44);
		assert_int_equal(EVP_DecodeBlock(buf, (uint8_t *)p, 44), 33);
		memcpy(&hash[n++], buf, sizeof(*hash));
	}
	assert_int_equal(mw_note_parse(text, strlen(text), &note), 0);
	assert_int_equal(mw_note_verify(&note, &f->identity.pub, NULL), 1);
	assert_int_equal(mw_checkpoint_parse(note.body, note.body_len, &c), 0);
	assert_int_equal(mw_tlog_proof_root(c.size, seq, &leaf, hash, n, &root), 0);
	assert_memory_equal(&root, &c.root, sizeof(root));
}

static void test_each(void **state)
{
	struct mw_buf line, proof;
	struct fx f;
	uint64_t i;

	make(&f);
	for (i = 0; i < f.n; i += i < 5 || i > 335 ? 1 : 29) {
		assert_int_equal(export(&f, i, &line, &proof), 0);
		assert_buf_equal(&line, f.line[i]);
		assert_int_equal(mw_buf_append_byte(&proof, 0), 0);
		check_alone(&f, i, (char *)proof.p, f.line[i]);
		mw_buf_done(&line);
		mw_buf_done(&proof);
	}
	fx_done(&f);
}

static void expect(struct fx *f, uint64_t seq, int want)
{
	struct mw_buf line, proof;

	assert_int_equal(export(f, seq, &line, &proof), want);
	assert_int_equal(proof.len, 0);
	mw_buf_done(&line);
	mw_buf_done(&proof);
}

static void test_not(void **state)
{
	struct fx f;

	make(&f);
	/* not sealed yet, and no record */
	fx_calls(&f, 3);
	fx_write(&f);
	expect(&f, 342, -ENODATA);
	expect(&f, UINT64_MAX, -ENODATA);
	/* not what was sealed */
	f.line[310][30] ^= 1;
	fx_write(&f);
	expect(&f, 310, -EBADMSG);
	f.line[310][30] ^= 1;
	fx_write(&f);
	/* tiles, keys, checkpoint */
	fx_put(&f, "tile/0/000", "x", 1);
	expect(&f, 3, -EBADMSG);
	fx_put(&f, "vkeys", "", 0);
	expect(&f, 310, -EBADMSG);
	fx_put(&f, "checkpoint", "x", 1);
	expect(&f, 310, -EBADMSG);
	unlinkat(f.dir_fd, "checkpoint", 0);
	expect(&f, 310, -ENODATA);
	fx_done(&f);
	/* deleted with its segment */
	make(&f);
	unlinkat(f.dir_fd, fx_seg_name(&f, 0), 0);
	expect(&f, 5, -ENODATA);
	/* lines that are gone */
	fx_remove(&f, f.n - 1);
	fx_remove(&f, f.n - 1);
	fx_write(&f);
	expect(&f, 341, -EBADMSG);
	fx_done(&f);
	snprintf(f.dir, sizeof(f.dir), "/nowhere");
	expect(&f, 0, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
