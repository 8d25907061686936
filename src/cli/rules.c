/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - mcpwatch rules: checks rule files, lists the rules in force */
#include "cli/rules.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/options.h"
#include "io/escape.h"
#include "io/file.h"

struct rules_opts {
	struct mw_cli_list paths;
	struct mw_rules_list_opts list;
};

#define AT(member) offsetof(struct rules_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_LIST("rules", 0, "PATH", AT(paths),
		       "a file, or a folder of *.yaml (default " MW_RULES_DIR ")"),
	MW_OPTION_TEXT("config", 0, "FILE", AT(list.config),
		       "whose rules count too (default " MW_DEFAULT_CONFIG ")"),
	MW_OPTION_TEXT("show", 0, "ID", AT(list.show),
		       "that one as it is in force: macros and lists written out, overrides in it"),
	MW_OPTION_FLAG("fields", 0, AT(list.fields),
		       "what conditions may name, and of what it is known"),
	MW_OPTION_FLAG("json", 0, AT(list.json), "one JSON object a line"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "rules check FILE...\n"
		 "rules list [OPTION...]",
	.what = "check: reads rule files as exec and run do, together with the built-in ones, and\n"
		"holds each rule of redaction against its own examples. One line a file on\n"
		"stdout, or on stderr what is wrong and where.\n"
		"list: the rules in force, with the file each comes from.\n",
	.table = table,
	.after = "The keys of a rule file are described in " MW_RULES_DIR "/README.\n",
};

static int add_path(struct mw_rules *rules, const char *path, struct mw_yaml_err err)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return mw_rules_add_dir(rules, path, err);
	return mw_rules_add_file(rules, path, err);
}

int mw_cli_rules_read(const struct mw_cli_list *paths, bool host, const char *config,
		      struct mw_yaml_err err, struct mw_rules **ret)
{
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	size_t i;
	int r;

	snprintf(err.text, err.len, "not enough memory");
	if (host && !config && access(MW_DEFAULT_CONFIG, F_OK) == 0)
		config = MW_DEFAULT_CONFIG;
	r = mw_rules_new(&rules);
	if (r == 0)
		r = mw_rules_add_default(rules, err);
	for (i = 0; r == 0 && paths && i < paths->n; i++)
		r = add_path(rules, paths->p[i], err);
	if (r == 0 && host && !(paths && paths->n))
		r = mw_rules_add_dir(rules, MW_RULES_DIR, err);
	if (r == 0 && config)
		r = mw_rules_add_config(rules, config, err);
	if (r == 0)
		r = mw_rules_finish(rules, true, err);
	if (r < 0)
		return r;
	*ret = MW_TAKE(rules);
	return 0;
}

int mw_cli_rules(const struct mw_cli_list *paths, bool host, const char *config,
		 struct mw_rules **ret)
{
	char text[MW_ERR_MAX];
	struct mw_yaml_err err = { text, sizeof(text) };
	int r = mw_cli_rules_read(paths, host, config, err, ret);

	if (r < 0)
		mw_cli_fail("%s", text);
	return r;
}

/* One file by itself: what it says, what it compiles to, its examples. */
static int check_one(const char *path, size_t *ret_n, struct mw_yaml_err err)
{
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	int r;

	r = mw_rules_new(&rules);
	if (r == 0)
		r = mw_rules_add_default(rules, err);
	if (r == 0)
		r = mw_rules_add_file(rules, path, err);
	if (r == 0)
		r = mw_rules_finish(rules, false, err);
	if (r == 0)
		r = mw_rules_prove(rules, path, err);
	if (r == 0)
		*ret_n = mw_rules_count(rules, path);
	return r;
}

static int check(char **path, size_t n)
{
	_cleanup_(mw_rules_freep) struct mw_rules *all = NULL;
	struct mw_cli_list paths = { 0 };
	char text[MW_ERR_MAX];
	struct mw_yaml_err err = { text, sizeof(text) };
	int status = MW_EXIT_OK;
	size_t i, n_rules = 0;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s: not enough memory", path[i]);
		if (check_one(path[i], &n_rules, err) < 0) {
			/* as compilers say it, for editors */
			mw_escape_print(stderr, text, strlen(text));
			fputc('\n', stderr);
			status = MW_EXIT_FAIL;
			continue;
		}
		mw_escape_print(stdout, path[i], strlen(path[i]));
		printf(": %zu rule%s, no fault found\n", n_rules, n_rules == 1 ? "" : "s");
		mw_cli_list_add(&paths, path[i]);
	}
	/* what one says of another: the same id, a rule that is disabled */
	if (status == MW_EXIT_OK && mw_cli_rules(&paths, false, NULL, &all) < 0)
		status = MW_EXIT_FAIL;
	mw_cli_list_done(&paths);
	i = (size_t)mw_cli_stdout_done();
	return status ? status : (int)i;
}

int cmd_rules(int argc, char **argv)
{
	struct rules_opts o = { 0 };
	struct mw_rules_list_opts *l = &o.list;
	const char *what;
	int status;

	status = mw_options_parse(&options, argc, argv, &o);
	if (status != MW_OPTIONS_GO_ON)
		return status;
	what = optind < argc ? argv[optind++] : "";
	if (strcmp(what, "check") == 0 &&
	    (l->json || l->config || l->show || l->fields || o.paths.n))
		status = mw_cli_usage("rules", "check takes files alone");
	else if (strcmp(what, "check") == 0 && optind < argc)
		status = check(argv + optind, (size_t)(argc - optind));
	else if (strcmp(what, "check") == 0)
		status = mw_cli_usage("rules", "no rule file");
	else if (strcmp(what, "list") == 0 && l->show && (l->fields || l->json))
		status = mw_cli_usage("rules", "--show goes with neither --fields nor --json");
	else if (strcmp(what, "list") == 0 && optind == argc)
		status = mw_cli_rules_list(&o.paths, l);
	else if (strcmp(what, "list") == 0)
		status = mw_cli_usage("rules", "unexpected '%s'", argv[optind]);
	else
		status = mw_cli_usage("rules", "'%s' is neither check nor list", what);
	mw_cli_list_done(&o.paths);
	return status;
}
