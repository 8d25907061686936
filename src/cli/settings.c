/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/rules.h"
#include "io/file.h"
#include "io/rules_hash.h"

#define TRIES 3

struct hashes {
	uint8_t rules[32], config[32];
};

static int hash_rules(struct mw_rules_hash *h, const struct mw_cli_list *rules,
		      struct mw_yaml_err err)
{
	size_t i;
	int r = 0;

	mw_rules_hash_default(h);
	for (i = 0; r == 0 && i < rules->n; i++)
		r = mw_rules_hash_path(h, rules->p[i], false, err);
	return r == 0 && !rules->n ? mw_rules_hash_path(h, MW_RULES_DIR, true, err) : r;
}

/* config: NULL if there is none. */
static int hash_all(const char *config, const struct mw_cli_list *rules, struct mw_yaml_err err,
		    struct hashes *ret)
{
	_cleanup_(mw_rules_hash_freep) struct mw_rules_hash *of_rules = NULL, *of_config = NULL;
	struct hashes x = { 0 };
	int r;

	snprintf(err.text, err.len, "no memory");
	r = mw_rules_hash_new(&of_rules);
	if (r == 0)
		r = mw_rules_hash_new(&of_config);
	if (r == 0)
		r = hash_rules(of_rules, rules, err);
	if (r == 0 && config)
		r = mw_rules_hash_path(of_config, config, false, err);
	if (r < 0)
		return r;
	mw_rules_hash_done(of_rules, x.rules);
	if (config)
		mw_rules_hash_done(of_config, x.config);
	*ret = x;
	return 0;
}

/* The file that is meant; NULL: there is none. */
static const char *config_file(const char *config)
{
	return config || access(MW_DEFAULT_CONFIG, F_OK) < 0 ? config : MW_DEFAULT_CONFIG;
}

int mw_settings_hash(const char *config, const struct mw_cli_list *rules, struct mw_yaml_err err,
		     uint8_t ret_rules[32], uint8_t ret_config[32])
{
	struct hashes x;
	int r = hash_all(config_file(config), rules, err, &x);

	if (r < 0)
		return r;
	memcpy(ret_rules, x.rules, sizeof(x.rules));
	memcpy(ret_config, x.config, sizeof(x.config));
	return 0;
}

static int load_config(const char *config, struct mw_yaml_err err, struct mw_config **ret)
{
	int r;

	if (!config) {
		r = mw_config_default(ret);
		if (r < 0)
			snprintf(err.text, err.len, "no memory");
		return r;
	}
	r = mw_config_load(config, err.text, err.len, ret);
	if (r == 0 && !(*ret)->watch.n && !(*ret)->discover) {
		snprintf(err.text, err.len,
			 "%s: nothing to watch: 'discover' is off and 'watch' names no process",
			 config);
		r = -EINVAL;
	}
	return r;
}

static int load_once(const char *config, const struct mw_cli_list *rules, struct mw_yaml_err err,
		     struct mw_settings **ret)
{
	_cleanup_(mw_settings_freep) struct mw_settings *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		snprintf(err.text, err.len, "no memory");
		return -ENOMEM;
	}
	r = load_config(config, err, &s->config);
	if (r == 0)
		r = mw_cli_rules_read(rules, true, config, err, &s->rules);
	if (r == 0 && config)
		r = mw_anchor_list_load(config, err, &s->anchors);
	if (r == 0)
		r = mw_alert_list_load(config, err, &s->outlets);
	if (r < 0)
		return r;
	*ret = MW_TAKE(s);
	return 0;
}

int mw_settings_load(const char *config, const struct mw_cli_list *rules, char *err, size_t err_len,
		     struct mw_settings **ret)
{
	const struct mw_yaml_err e = { err, err_len };
	struct mw_settings *s = NULL;
	struct hashes before, after;
	int r, i;

	config = config_file(config);
	for (i = 0; i < TRIES; i++) {
		r = hash_all(config, rules, e, &before);
		if (r == 0)
			r = load_once(config, rules, e, &s);
		if (r < 0)
			return r;
		r = hash_all(config, rules, e, &after);
		if (r == 0 && memcmp(&before, &after, sizeof(before)) == 0) {
			memcpy(s->rules_hash, after.rules, sizeof(s->rules_hash));
			memcpy(s->config_hash, after.config, sizeof(s->config_hash));
			*ret = s;
			return 0;
		}
		mw_settings_free(s);
	}
	if (r == 0)
		snprintf(err, err_len, "the rules or the configuration change while they are read");
	return r < 0 ? r : -EAGAIN;
}

void mw_settings_free(struct mw_settings *s)
{
	if (!s)
		return;
	mw_config_free(s->config);
	mw_rules_free(s->rules);
	mw_anchor_list_done(&s->anchors);
	mw_alert_list_free(s->outlets);
	free(s);
}
