/* SPDX-License-Identifier: Apache-2.0 */
/* The folders that a server was started with or its clients declare: in its record, and for rules
 */
#include "engine_policy_fx.h"

#define OUTSIDE                                                                                    \
	"rules:\n  - id: out\n    title: out\n    severity: medium\n    on: effect\n"              \
	"    when: effect.outside_roots\n"

/* The server asks for roots, and its client names these. */
static void list(struct fx *f, const char *const *uris, size_t n)
{
	char line[8192] = "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"result\":{\"roots\":[";

	answer(f, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}");
	for (size_t i = 0; i < n; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s{\"uri\":\"%s\"}",
			 i ? "," : "", uris[i]);
	snprintf(line + strlen(line), sizeof(line) - strlen(line), "]}}");
	ask(f, line);
}

static void started_with(struct fx *f, const char *argv)
{
	world(f);
	tape_proc(&f->t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/db",
				     .argv = argv,
				     .cwd = "/home/ann",
				     .uid = 1000,
				     .parent = CLIENT });
	hello(f);
}

static void told_once_and_again(void **state)
{
	static const char *const one[] = { "file:///srv/my%20docs/", "file:///srv/data/a",
					   "https://host/x", "file:///srv/data" };
	static const char *const two[] = { "file:///srv/b" };
	struct mw_rules *r;
	struct fx f;

	r = begin_rules(&f, OUTSIDE);
	started_with(&f, "db /srv/data");
	list(&f, one, 4);
	list(&f, one, 4);
	list(&f, two, 1);
	tape_exit(&f.t, SERVER, 0);
	finish(&f);
	assert_count(&f, "\"event\":\"seen\"", 1);
	/* its name, and twice more: not for what is known */
	assert_count(&f, "\"event\":\"changed\"", 3);
	assert_count(&f, "\"roots\":[\"/srv/data\"]}", 2);
	assert_count(&f, "\"roots\":[\"/srv/data\",\"/srv/my docs\",\"/srv/data/a\"]}", 1);
	/* another client's list may be another: what one has named stays; and with its end */
	assert_count(&f, "\"roots\":[\"/srv/data\",\"/srv/my docs\",\"/srv/data/a\",\"/srv/b\"]}",
		     2);
	end_rules(&f, r);

	r = begin_rules(&f, OUTSIDE);
	started_with(&f, "db");
	list(&f, NULL, 0);
	finish(&f);
	assert_count(&f, "\"event\":\"changed\"", 1);
	assert_int_equal(count(&f, "\"roots\":[\"/"), 0);
	end_rules(&f, r);
}

static void not_where_content_is_not_kept(void **state)
{
	static const struct mw_content_rule rules[] = { { "*", MW_CONTENT_HASH } };
	static const char *const roots[] = { "file:///srv/b" };
	struct mw_rules *r = rules_of(OUTSIDE);
	struct fx f;

	begin_with(&f, (struct mw_engine_config){ .mac = fx_mac,
						  .redact = mw_rules_redact(r),
						  .policy = mw_rules_policy(r),
						  .content = rules,
						  .n_content = 1 });
	started_with(&f, "db");
	list(&f, roots, 1);
	tape_open(&f.t, SERVER, "/srv/c", O_RDONLY, 3);
	finish(&f);
	assert_int_equal(count(&f, "/srv/b"), 0);
	assert_alerts(&f, "out", 1);
	end_rules(&f, r);
}

/* More of them than are kept: nothing can be said to be outside. */
static void more_than_are_kept(void **state)
{
	static char text[33][32];
	const char *roots[33];
	struct mw_rules *r;
	struct fx f;

	for (size_t i = 0; i < 33; i++) {
		snprintf(text[i], sizeof(text[i]), "file:///srv/r%zu", i);
		roots[i] = text[i];
	}
	for (size_t n = 32; n <= 33; n++) {
		r = begin_rules(&f, OUTSIDE);
		started_with(&f, "db");
		list(&f, roots, n);
		tape_open(&f.t, SERVER, "/srv/other", O_RDONLY, 3);
		finish(&f);
		assert_alerts(&f, "out", n == 32 ? 1 : 0);
		assert_true(count(&f, "\"/srv/r31\"]") > 0);
		end_rules(&f, r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_once_and_again),
		cmocka_unit_test(not_where_content_is_not_kept),
		cmocka_unit_test(more_than_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
