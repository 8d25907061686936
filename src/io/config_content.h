/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_content.h - `content:` of the configuration file (config.h): from text to what the engine
 *takes
 *
 *	server: GLOB	over a server's configured name or key
 *	keep: WORD	full, args or hash (engine.h)
 */
#ifndef MW_IO_CONFIG_CONTENT_H
#define MW_IO_CONFIG_CONTENT_H

#include <cyaml/cyaml.h>

#include <mcpwatch/engine.h>

/* An entry as the file has it. */
struct mw_config_keep {
	char *server, *keep;
};

extern const cyaml_schema_value_t mw_config_content_value;

struct mw_config_content {
	struct mw_content_rule *rule; /* with their globs owned here */
	size_t n;
};

/* Takes the globs over, each to be freed with *ret. 0, -ENOMEM; -EINVAL: *ret_word is no word for
 * `keep`. */
int mw_config_content_take(struct mw_config_keep *v, size_t n, struct mw_config_content *ret,
			   const char **ret_word);
void mw_config_content_done(struct mw_config_content *c);
/* Frees what the file had. Takes NULL. */
void mw_config_keep_free(struct mw_config_keep *v, size_t n);

#endif
