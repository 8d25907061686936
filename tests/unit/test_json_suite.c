/* SPDX-License-Identifier: Apache-2.0 */
/* Every case of JSONTestSuite (json_suite/cases.txt), whole and cut at every byte, against a guard
 * page. */
#include "support.h"

#include <errno.h>

#include "base/json.h"

#define LINE_MAX_LEN 8192
#define TEXT_MAX 300000

static struct test_guard guard;
static uint8_t text[TEXT_MAX];
static size_t n_text;

static unsigned int flag_named(const char *name)
{
	static const struct {
		const char *name;
		unsigned int flag;
	} flags[] = {
		{ "escaped", MW_JSON_ESCAPED }, { "nul", MW_JSON_NUL },
		{ "bad_utf8", MW_JSON_BAD_UTF8 }, { "lone", MW_JSON_LONE },
		{ "dup", MW_JSON_DUP }, { "bignum", MW_JSON_BIGNUM },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].flag;
	fail_msg("no flag %s", name);
	return 0;
}

/* COUNT*BYTES, appended to text. */
static void add_part(const char *part)
{
	char *bytes;
	unsigned long count = strtoul(part, &bytes, 10);
	size_t start = n_text, n;

	assert_true(*bytes == '*');
	for (bytes++; *bytes; bytes++) {
		if (*bytes != '\\') {
			text[n_text++] = (uint8_t)*bytes;
		} else if (bytes[1] == '\\') {
			text[n_text++] = '\\';
			bytes++;
		} else {
			char hex[3] = { bytes[2], bytes[3], 0 };

			assert_true(bytes[1] == 'x');
			text[n_text++] = (uint8_t)strtoul(hex, NULL, 16);
			bytes += 3;
		}
	}
	for (n = n_text - start; count > 1; count--) {
		memcpy(text + n_text, text + start, n);
		n_text += n;
	}
}

/* The result of pulling all items; the flags they bring. */
static int pull(struct mw_slice s, unsigned int *ret_flags)
{
	struct mw_json_item it;
	unsigned int flags = 0;
	struct mw_json j;
	int r;

	mw_json_init(&j, s, MW_JSON_DEPTH_MAX);
	while ((r = mw_json_next(&j, &it)) > 0) {
		assert_true(it.raw.n > 0 && it.raw.p >= s.p && it.raw.p + it.raw.n <= s.p + s.n);
		flags |= it.flags;
	}
	assert_int_equal(mw_json_next(&j, &it), r);
	assert_int_equal(flags & ~j.flags, 0);
	*ret_flags = flags;
	return r;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void cut_everywhere(const char *name, bool valid)
{
	size_t first = 0, last = n_text;

	while (last && is_space(text[last - 1]))
		last--;
	while (first < last && is_space(text[first]))
		first++;
	for (size_t n = 0; n < n_text; n++) {
		int r = mw_json_check(test_guard_copy(&guard, mw_slice(text, n)), MW_JSON_DEPTH_MAX,
				      NULL, NULL);

		/* the front of a number is a number; otherwise the front of a text is none */
		if (!valid || text[first] == '-' || (text[first] >= '0' && text[first] <= '9'))
			continue;
		if (r != (n >= last ? 0 : -EBADMSG))
			fail_msg("%s cut after %zu: %d", name, n, r);
	}
}

static void run_case(const char *verdict, const char *name)
{
	unsigned int want_flags = 0, flags = 0, pulled;
	struct mw_slice s = test_guard_copy(&guard, mw_slice(text, n_text));
	char words[128], *word, *save;
	size_t off = SIZE_MAX;
	int want, r;

	snprintf(words, sizeof(words), "%s", verdict);
	word = strtok_r(words, "+", &save);
	want = strcmp(word, "ok") == 0 ? 0 : strcmp(word, "deep") == 0 ? -E2BIG : -EBADMSG;
	while ((word = strtok_r(NULL, "+", &save)))
		want_flags |= flag_named(word);

	r = mw_json_check(s, MW_JSON_DEPTH_MAX, &flags, &off);
	if (r != want || flags != want_flags)
		fail_msg("%s: %d, flags %#x; want %d, %#x", name, r, flags, want, want_flags);
	if (r < 0)
		assert_true(off <= n_text);
	assert_int_equal(pull(s, &pulled), want);
	if (want == 0)
		assert_int_equal(pulled, want_flags & ~(unsigned int)MW_JSON_DUP);
	if (n_text < 2000)
		cut_everywhere(name, want == 0);
}

static void all_cases(void **state)
{
	static char line[LINE_MAX_LEN];
	unsigned int n_y = 0, n_n = 0, n_i = 0;
	FILE *f = fopen("json_suite/cases.txt", "re");

	if (!f)
		f = fopen("tests/unit/json_suite/cases.txt", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *save, *verdict, *name, *part;

		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		verdict = strtok_r(line, "\t", &save);
		name = strtok_r(NULL, "\t", &save);
		n_text = 0;
		while ((part = strtok_r(NULL, "\t", &save)))
			add_part(part);
		run_case(verdict, name);
		n_y += name[0] == 'y';
		n_n += name[0] == 'n';
		n_i += name[0] == 'i';
		/* what the suite itself demands */
		if (name[0] == 'y')
			assert_true(strncmp(verdict, "ok", 2) == 0);
		if (name[0] == 'n')
			assert_true(strncmp(verdict, "ok", 2) != 0);
	}
	fclose(f);
	assert_int_equal(n_y, 95);
	assert_int_equal(n_n, 188);
	assert_int_equal(n_i, 35);
}

static int setup(void **state)
{
	test_guard_init(&guard, TEXT_MAX);
	return 0;
}

static int teardown(void **state)
{
	test_guard_done(&guard);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_cases, setup, teardown),
	};

	return cmocka_run_group_tests_name("json_suite", tests, NULL, NULL);
}
