/* SPDX-License-Identifier: Apache-2.0 */
/* test_verbs.c - verbs of names, hosts of arguments */
#include "support.h"

#include "core/verbs.h"

static void test_verbs(void **state)
{
	static const struct {
		const char *name;
		unsigned int want;
	} names[] = {
		{ "delete_file", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "deleteFile", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "delete-file", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "files.delete", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "file_delete", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "mcp__files__remove", MW_VERB_ACTS | MW_VERB_DELETES },
		{ "git_push", MW_VERB_ACTS | MW_VERB_SENDS },
		{ "sendEmail", MW_VERB_ACTS | MW_VERB_SENDS },
		{ "chat.postMessage", MW_VERB_ACTS | MW_VERB_SENDS },
		{ "HTTPPost", MW_VERB_ACTS | MW_VERB_SENDS },
		{ "write_file", MW_VERB_ACTS },
		{ "run", MW_VERB_ACTS },
		{ "github_create_issue", MW_VERB_ACTS },
		{ "get_deleted_files", MW_VERB_READS },
		{ "list_sent_mails", MW_VERB_READS },
		{ "can_delete", MW_VERB_READS },
		{ "validate_delete", MW_VERB_READS },
		{ "blog_post_list", MW_VERB_READS },
		{ "read_file", MW_VERB_READS },
		{ "weather", 0 },
		{ "add", 0 },
		{ "add_numbers", 0 },
		{ "add_label", MW_VERB_ACTS },
		{ "settings", 0 },
		{ "git_set_working_dir", MW_VERB_KEEPS },
		{ "register_project_tool", MW_VERB_KEEPS },
		{ "clear_cache", MW_VERB_KEEPS | MW_VERB_DELETES },
		{ "", 0 },
		{ "____", 0 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mw_verbs(mw_slice_str(names[i].name), mw_slice(NULL, 0)) != names[i].want)
			fail_msg("%s: %u", names[i].name,
				 mw_verbs(mw_slice_str(names[i].name), mw_slice(NULL, 0)));
	assert_int_equal(mw_verbs(mw_slice_str("t1"), mw_slice_str("Delete a file")),
			 MW_VERB_ACTS | MW_VERB_DELETES);
	assert_int_equal(mw_verbs(mw_slice_str("list_x"), mw_slice_str("Delete a file")),
			 MW_VERB_READS);
}

static const char *hosts(const char *json)
{
	static char out[1024];
	struct mw_slice v[8];
	struct mw_buf text;
	size_t n = 0;
	int r;

	mw_buf_init(&text, &test_alloc, 4096);
	r = mw_arg_hosts(&test_alloc, mw_slice_str(json), &text, v, 8);
	assert_true(r >= 0);
	out[0] = '\0';
	for (int i = 0; i < r; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s", i ? " " : "", (int)v[i].n,
				      (const char *)v[i].p);
	mw_buf_done(&text);
	return out;
}

static void test_hosts(void **state)
{
	assert_string_equal(
	    hosts("{\"url\":\"https://User:x@WWW.Example.com:8080/a?b=http://c.d/\"}"),
	    "www.example.com c.d");
	assert_string_equal(
	    hosts("{\"t\":\"see http://a.example, (https://b.example/x) and more\"}"),
	    "a.example b.example");
	assert_string_equal(hosts("[\"http://[fd00:ec2::254]/x\",\"[::1]:80\",\"fe80::1%eth0\"]"),
			    "fd00:ec2::254 ::1 fe80::1%eth0");
	assert_string_equal(
	    hosts("[\"169.254.169.254\",\"10.0.0.1:22\",\"1.2.3\",\"1.2.3.4.5\",\"1.2.3.999\"]"),
	    "169.254.169.254 10.0.0.1");
	assert_string_equal(hosts("[\"example.com\",\"Example.COM\",\"db:5432\",\"git@host:a/"
				  "b.git\",\"me@mail.example\"]"),
			    "example.com db host mail.example");
	assert_string_equal(hosts("[\"report.txt\",\"main.py\",\"a "
				  "b.com\",\"/etc/hosts\",\"x\",\"v1.2\",\"12:30\",\"a.b\"]"),
			    "");
	assert_string_equal(
	    hosts("[\"http://m\\u00fcller.example/\",\"localhost\",\"http://2852039166/\"]"),
	    "m\xc3\xbcller.example localhost 2852039166");
	assert_string_equal(hosts(""), "");
	assert_string_equal(hosts("{\"a\":"), "");
	/* no more than there is room for */
	assert_string_equal(hosts("[\"a.aa\",\"b.aa\",\"c.aa\",\"d.aa\",\"e.aa\",\"f.aa\",\"g.aa\","
				  "\"h.aa\",\"i.aa\"]"),
			    "a.aa b.aa c.aa d.aa e.aa f.aa g.aa h.aa");
}

static void test_memory(void **state)
{
	struct mw_slice v[8];
	struct mw_buf text;

	TEST_EACH_FAILURE(n)
	{
		mw_buf_init(&text, &test_alloc_failing, 4096);
		(void)mw_arg_hosts(&test_alloc_failing, MW_SLICE_LIT("[\"a.aa\",\"http://b/\"]"),
				   &text, v, 8);
		mw_buf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
