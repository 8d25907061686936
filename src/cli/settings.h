/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the configuration and all rules of run: read together, all or nothing */
#ifndef MW_CLI_SETTINGS_H
#define MW_CLI_SETTINGS_H

#include <stdint.h>

#include "cli/cli.h"
#include "io/anchor.h"
#include "io/config.h"
#include "io/rules.h"
#include "io/sink_alert.h"

struct mw_settings {
	struct mw_config *config;
	struct mw_rules *rules;
	struct mw_anchor_list anchors;
	struct mw_alert_list *outlets;
	uint8_t rules_hash[32], config_hash[32]; /* rules_hash.h; all zero: there is no file */
};

/*
 * Reads the configuration (NULL: the default file, if it is there) and the rules (paths as of
 * mw_cli_rules; none: the host's). What is read is of one moment: while somebody writes them, it is
 * read again. 0, or a negative errno and one line in err.
 */
int mw_settings_load(const char *config, const struct mw_cli_list *rules, char *err, size_t err_len,
		     struct mw_settings **ret);
void mw_settings_free(struct mw_settings *s);

static inline void mw_settings_freep(struct mw_settings **s)
{
	mw_settings_free(*s);
}

/* Those two alone. 0, or a negative errno and one line in err. */
int mw_settings_hash(const char *config, const struct mw_cli_list *rules, struct mw_yaml_err err,
		     uint8_t ret_rules[32], uint8_t ret_config[32]);

#endif
