/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - how agents' configuration files call their servers
 *
 * Read are, in the folders from a client's working directory up to the root, nearest first:
 *	.mcp.json .cursor/mcp.json .vscode/mcp.json .gemini/settings.json .zed/settings.json
 *	.codex/config.toml
 * and then below the home of its user:
 *	.claude.json .config/Claude/claude_desktop_config.json .cursor/mcp.json
 *	.config/Code/User/mcp.json .codeium/windsurf/mcp_config.json .config/zed/settings.json
 *	.gemini/settings.json .codex/config.toml
 *	.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json
 *
 * They belong to whoever runs the agent and are hostile: opened below the client's own root without
 * following a last symbolic link or any of /proc's, only regular files of the client's user or of
 *root, at most 1 MiB, at most 256 servers each. What is not as expected is passed over.
 */
#ifndef MW_IO_NAMES_H
#define MW_IO_NAMES_H

#include <stdint.h>

#include <mcpwatch/event.h>

#include "base/slice.h"

#define MW_NAMES_FILE_MAX    (1u << 20)
#define MW_NAMES_SERVERS_MAX 256
#define MW_NAMES_LEN_MAX     256  /* of a name */
#define MW_NAMES_TEXT_MAX    8192 /* of a command, a url, all arguments of a server */
#define MW_NAMES_DEPTH_MAX   64	  /* of JSON */

struct mw_name {
	char *name;
	char *command, *url; /* NULL: none */
	char *dir;	     /* only for clients in this folder; NULL: for all */
	char *args;	     /* a NUL after each */
	size_t args_len;
};

struct mw_name_list {
	struct mw_name *v;
	size_t n;
};

void mw_name_done(struct mw_name *e);
void mw_name_list_done(struct mw_name_list *l);
/*
 * Parse a file's text, JSON (comments and last commas are taken, as VS Code and Zed do) or TOML,
 * into *ret. 0; -EBADMSG: it is neither; -ENOMEM. Of TOML exactly what such files need is read:
 * tables [mcp_servers.NAME] with the keys command, args and url, strings of one line, arrays of
 * those over several; other tables and keys are passed over, inline tables too.
 */
int mw_names_parse_json(const char *text, size_t n, struct mw_name_list *ret);
int mw_names_parse_toml(const char *text, size_t n, struct mw_name_list *ret);

/* Where to look. */
struct mw_names_place {
	const char *root;	/* a folder that stands for the root: /proc/PID/root */
	const char *home, *cwd; /* paths below it; NULL none */
	uint32_t uid;
};

struct mw_names_query {
	const struct mw_names_place *places; /* the first that has it decides */
	size_t n_places;
	const struct mw_slice
	    *argvs; /* of the server and of what wraps it; a NUL after each argument */
	size_t n_argvs;
	const struct mw_addr *addr; /* where it serves over HTTP, NULL: stdio */
};

struct mw_names;

/* 0, -ENOMEM. */
int mw_names_new(struct mw_names **ret);
void mw_names_free(struct mw_names *n);
/*
 * The name under which a server is configured: its command is the configured one (by path, or by
 * its last component) and the arguments are the last ones of an argv; or its url is on this host
 * and has its port. 1, and both strings are borrowed until the next call; 0: none, or two names in
 * one file.
 */
int mw_names_find(struct mw_names *n, const struct mw_names_query *q, const char **ret_name,
		  const char **ret_file);

#endif
