/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - the rules in force, for the verbs that make records */
#ifndef MW_CLI_RULES_H
#define MW_CLI_RULES_H

#include "cli/cli.h"
#include "io/rules.h"

/*
 * The built-in rules, then those of `paths` (files, or folders of *.yaml), then those of `config`
 * (may be NULL). `host`: where one of these is not given, the host's own, if they are there:
 * MW_RULES_DIR and MW_DEFAULT_CONFIG. 0, or a negative errno after a line on stderr.
 */
int mw_cli_rules(const struct mw_cli_list *paths, bool host, const char *config,
		 struct mw_rules **ret);
/* As mw_cli_rules; the line goes into err. */
int mw_cli_rules_read(const struct mw_cli_list *paths, bool host, const char *config,
		      struct mw_yaml_err err, struct mw_rules **ret);

struct mw_rules_list_opts {
	const char *config, *show; /* NULL: not given */
	bool fields, json;
};
/* rules list. An exit status. rules_list.c */
int mw_cli_rules_list(const struct mw_cli_list *paths, const struct mw_rules_list_opts *o);

#endif
