/* SPDX-License-Identifier: Apache-2.0 */
#include "io/config_content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 8192

static const cyaml_schema_field_t fields[] = {
	CYAML_FIELD_STRING_PTR("server", CYAML_FLAG_POINTER, struct mw_config_keep, server, 1,
			       TEXT_MAX),
	CYAML_FIELD_STRING_PTR("keep", CYAML_FLAG_POINTER, struct mw_config_keep, keep, 1,
			       TEXT_MAX),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t mw_config_content_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mw_config_keep, fields),
};

static int parse(const char *word, enum mw_content *ret)
{
	static const char *const words[] = {
		[MW_CONTENT_FULL] = "full", [MW_CONTENT_ARGS] = "args", [MW_CONTENT_HASH] = "hash"
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum mw_content)i;
			return 0;
		}
	return -EINVAL;
}

int mw_config_content_take(struct mw_config_keep *v, size_t n, struct mw_config_content *ret,
			   const char **ret_word)
{
	enum mw_content keep;
	size_t i;

	for (i = 0; i < n; i++)
		if (parse(v[i].keep, &keep) < 0) {
			*ret_word = v[i].keep;
			return -EINVAL;
		}
	if (n == 0)
		return 0;
	ret->rule = calloc(n, sizeof(*ret->rule));
	if (!ret->rule)
		return -ENOMEM;
	ret->n = n;
	for (i = 0; i < n; i++) {
		(void)parse(v[i].keep, &ret->rule[i].keep);
		ret->rule[i].server = v[i].server;
		v[i].server = NULL;
	}
	return 0;
}

void mw_config_content_done(struct mw_config_content *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free((char *)c->rule[i].server);
	free(c->rule);
	*c = (struct mw_config_content){ 0 };
}

void mw_config_keep_free(struct mw_config_keep *v, size_t n)
{
	size_t i;

	for (i = 0; v && i < n; i++) {
		free(v[i].server);
		free(v[i].keep);
	}
	free(v);
}
