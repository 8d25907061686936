/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fx.h"

/* An open and the close of what it opened, with bytes read. */
static void open_close(struct fx *f, const char *path, uint64_t file)
{
	struct mw_slice s[5] = { mw_slice_str(path), { 0 }, mw_slice_str(path) },
			none[5] = { { 0 } };

	tape_act(&f->t, SERVER,
		 (struct mw_ev_act){ .op = MW_OP_OPEN,
				     .mode = 0100644,
				     .file = file,
				     .fd = 5,
				     .ret = 5,
				     .dev = 1,
				     .ino = file },
		 s);
	tape_act(&f->t, SERVER,
		 (struct mw_ev_act){ .op = MW_OP_CLOSE, .file = file, .fd = 5, .bytes_r = 832 },
		 none);
}

static void a_close_goes_with_its_open(void **state)
{
	struct fx f;

	begin(&f);
	/* before any call: what the system gives, and what it does not */
	open_close(&f, "/usr/share/zoneinfo/UTC", 1);
	open_close(&f, "/usr/lib/x86_64-linux-gnu/libc.so.6", 2);
	open_close(&f, "/home/alice/notes.txt", 3);
	call(&f);
	/* within one only code is folded */
	open_close(&f, "/usr/share/doc/secrets", 4);
	open_close(&f, "/opt/venv/lib/python3.11/site-packages/x/y.pyc", 5);
	open_close(&f, "/home/alice/more.txt", 6);
	result(&f);
	finish(&f);
	assert_int_equal(count(&f, "\"kind\":\"file.close\",\"target\":\"/home/alice/notes.txt\""),
			 1);
	assert_int_equal(count(&f, "\"kind\":\"file.close\",\"target\":\"/usr/share/doc/secrets\","
				   "\"target_from\":\"kernel\",\"mode\":\"r\",\"bytes_r\":832,"
				   "\"bytes_w\":0"),
			 1);
	assert_true(count(&f, "\"kind\":\"file.close\",\"target\":\"/home/alice/more.txt\"") >= 1);
	assert_int_equal(count(&f, "zoneinfo"), 0);
	assert_int_equal(count(&f, "libc.so"), 0);
	assert_int_equal(count(&f, "y.pyc"), 0);
	/* counted once each, as opens */
	assert_int_equal(count(&f, "loading: 2 files opened for reading, 0 tries failed"), 1);
	assert_int_equal(count(&f, "loading: 1 files opened for reading, 0 tries failed"), 1);
	end(&f);
}

/* An open that is folded before a call, and closed within one: that is no effect of the call. */
static void folded_across_a_call(void **state)
{
	struct mw_slice s[5] = { MW_SLICE_LIT("/usr/share/x"),
				 { 0 },
				 MW_SLICE_LIT("/usr/share/x") };
	struct mw_slice none[5] = { { 0 } };
	struct fx f;

	begin(&f);
	tape_act(&f.t, SERVER,
		 (struct mw_ev_act){ .op = MW_OP_OPEN, .mode = 0100644, .file = 9, .ret = 5 }, s);
	call(&f);
	tape_act(&f.t, SERVER, (struct mw_ev_act){ .op = MW_OP_CLOSE, .file = 9, .bytes_r = 1 },
		 none);
	result(&f);
	finish(&f);
	assert_int_equal(count(&f, "file.close"), 0);
	end(&f);
}

/* What is named like a library and lies where anybody may write is none. */
static void only_libraries_are_libraries(void **state)
{
	static const char *const not [] = {
		"/home/alice/id_rsa.so.txt",
		"/tmp/a.so.6",
		"/usr/lib/x.so.6/secret",
		"/usr/lib/db.so.dump",
	};
	static const char *const are[] = {
		"/usr/lib/libm.so.6",
		"/lib/x86_64-linux-gnu/libz.so.1.2.13",
		"/opt/venv/lib/python3.11/site-packages/n.libs/libq.so.0",
		"/etc/ld.so.cache",
	};
	struct fx f;

	begin(&f);
	call(&f);
	for (size_t i = 0; i < sizeof(not ) / sizeof(*not ); i++)
		open_close(&f, not [i], 100 + i);
	for (size_t i = 0; i < sizeof(are) / sizeof(*are); i++)
		open_close(&f, are[i], 200 + i);
	result(&f);
	finish(&f);
	assert_int_equal(count(&f, "\"type\":\"effect\",\"kind\":\"file.close\""), 4);
	assert_int_equal(count(&f, "\"type\":\"effect\",\"kind\":\"file.open\""), 4 + 1);
	assert_int_equal(count(&f, "loading: 4 files"), 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_close_goes_with_its_open),
		cmocka_unit_test(folded_across_a_call),
		cmocka_unit_test(only_libraries_are_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
