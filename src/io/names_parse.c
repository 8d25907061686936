/* SPDX-License-Identifier: Apache-2.0 */
/* names_parse.c - agents' configuration files as JSON: names.h */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>

#include "io/names.h"

/*
 * Makes strict JSON of what VS Code and Zed take: comments and commas before a closing bracket
 * become spaces. -EBADMSG: nested too deeply, or a comment or string without end.
 */
static int clean(char *p, size_t n)
{
	size_t i = 0, comma = SIZE_MAX, depth = 0;

	while (i < n) {
		const char c = p[i];

		if (c == '"') {
			for (i++; i < n && p[i] != '"'; i++)
				if (p[i] == '\\')
					i++;
			if (i >= n)
				return -EBADMSG;
			comma = SIZE_MAX;
		} else if (c == '/' && i + 1 < n && p[i + 1] == '/') {
			while (i < n && p[i] != '\n')
				p[i++] = ' ';
			continue;
		} else if (c == '/' && i + 1 < n && p[i + 1] == '*') {
			p[i] = p[i + 1] = ' ';
			for (i += 2; i + 1 < n && !(p[i] == '*' && p[i + 1] == '/'); i++)
				p[i] = ' ';
			if (i + 1 >= n)
				return -EBADMSG;
			p[i] = p[i + 1] = ' ';
			i++;
		} else if (c == ',') {
			comma = i;
		} else if (c == '{' || c == '[') {
			if (++depth > MW_NAMES_DEPTH_MAX)
				return -EBADMSG;
			comma = SIZE_MAX;
		} else if (c == '}' || c == ']') {
			if (comma != SIZE_MAX)
				p[comma] = ' ';
			comma = SIZE_MAX;
			depth -= depth > 0;
		} else if (!isspace((unsigned char)c)) {
			comma = SIZE_MAX;
		}
		i++;
	}
	return 0;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return s && *s && strlen(s) <= MW_NAMES_TEXT_MAX ? s : NULL;
}

/* All of them, or none where one is no string or they are too long: a part would match too much. */
static int take_args(const cJSON *args, struct mw_name *e)
{
	const cJSON *it;
	size_t n = 0, len;

	cJSON_ArrayForEach(it, args)
	{
		const char *s = cJSON_GetStringValue(it);

		if (!s)
			return -EBADMSG;
		n += strlen(s) + 1;
		if (n > MW_NAMES_TEXT_MAX)
			return -E2BIG;
	}
	e->args = malloc(n + 1);
	if (!e->args)
		return -ENOMEM;
	cJSON_ArrayForEach(it, args)
	{
		len = strlen(cJSON_GetStringValue(it)) + 1;
		memcpy(e->args + e->args_len, cJSON_GetStringValue(it), len);
		e->args_len += len;
	}
	return 0;
}

static int copy(const char *s, char **ret)
{
	if (!s)
		return 0;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

static const char *url_of(const cJSON *server)
{
	const char *url = text_of(server, "url");

	if (!url)
		url = text_of(server, "httpUrl");	 /* Gemini */
	return url ? url : text_of(server, "serverUrl"); /* Windsurf */
}

static int add(struct mw_name_list *l, const cJSON *server, const char *dir)
{
	const cJSON *command = cJSON_GetObjectItemCaseSensitive(server, "command");
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(server, "args");
	const char *name = server->string, *run = text_of(server, "command");
	struct mw_name *e;
	int r;

	if (cJSON_IsObject(command)) { /* Zed */
		run = text_of(command, "path");
		args = cJSON_GetObjectItemCaseSensitive(command, "args");
	}
	if (!name || !*name || strlen(name) > MW_NAMES_LEN_MAX || (!run && !url_of(server)))
		return 0;
	e = &l->v[l->n++];
	*e = (struct mw_name){ 0 };
	r = copy(name, &e->name);
	if (r == 0)
		r = copy(url_of(server), &e->url);
	if (r == 0)
		r = copy(dir, &e->dir);
	if (r == 0)
		r = take_args(args, e);
	if (r == -EBADMSG || r == -E2BIG)
		return 0;
	if (r == 0)
		r = copy(run, &e->command);
	return r;
}

static int add_all(struct mw_name_list *l, const cJSON *servers, const char *dir)
{
	const cJSON *server;
	int r = 0;

	if (!cJSON_IsObject(servers))
		return 0;
	cJSON_ArrayForEach(server, servers)
	{
		if (l->n == MW_NAMES_SERVERS_MAX)
			break;
		if (cJSON_IsObject(server))
			r = add(l, server, dir);
		if (r < 0)
			break;
	}
	return r;
}

static int take(struct mw_name_list *l, const cJSON *root)
{
	static const char *const keys[] = { "mcpServers", "servers", "context_servers" };
	const cJSON *projects = cJSON_GetObjectItemCaseSensitive(root, "projects"), *p;
	int r = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && r == 0; i++)
		r = add_all(l, cJSON_GetObjectItemCaseSensitive(root, keys[i]), NULL);
	if (!cJSON_IsObject(projects)) /* of .claude.json */
		return r;
	cJSON_ArrayForEach(p, projects)
	{
		if (r == 0 && p->string && p->string[0] == '/')
			r = add_all(l, cJSON_GetObjectItemCaseSensitive(p, "mcpServers"),
				    p->string);
	}
	return r;
}

int mw_names_parse_json(const char *text, size_t n, struct mw_name_list *ret)
{
	struct mw_name_list l = { .v = calloc(MW_NAMES_SERVERS_MAX, sizeof(*l.v)) };
	char *own = malloc(n + 1);
	cJSON *root = NULL;
	int r = -ENOMEM;

	if (!l.v || !own)
		goto done;
	memcpy(own, text, n);
	own[n] = '\0';
	r = clean(own, n);
	if (r < 0)
		goto done;
	root = cJSON_ParseWithLength(own, n);
	r = cJSON_IsObject(root) ? take(&l, root) : -EBADMSG;
	if (r == 0) {
		*ret = l;
		l = (struct mw_name_list){ 0 };
	}
done:
	cJSON_Delete(root);
	free(own);
	mw_name_list_done(&l);
	return r;
}
