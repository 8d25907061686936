/* SPDX-License-Identifier: Apache-2.0 */
/* trail_map_load.c - the file of a map (trail_map.h) */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "io/trail_map.h"
#include "io/yaml.h"

#define TEXT_MAX 256u
#define ONLY_MAX 16u

struct mw_trail_map_file {
	struct mw_yaml *yaml; /* its texts are the map's */
	struct mw_trail_map map;
};

/* Names with dots between, each at most with [] behind it. */
static bool is_path(const char *s)
{
	unsigned int names = 1;
	size_t n = 0;

	for (; *s; s++) {
		if (*s == '.') {
			if (n == 0 || ++names > MW_TRAIL_NAMES_MAX)
				return false;
			n = 0;
		} else if (*s == '[') {
			if (n == 0 || s[1] != ']' || (s[2] != '\0' && s[2] != '.' && s[2] != '['))
				return false;
			s++;
		} else {
			n++;
		}
	}
	return n > 0;
}

static int words(const struct mw_yaml_read *r, const struct mw_yaml_node *v, size_t max,
		 struct mw_trail_words *ret)
{
	const char **list, *one;
	size_t n;
	int err;

	if (v->kind == MW_YAML_TEXT) {
		err = mw_yaml_text(r, v, TEXT_MAX, &one);
		if (err < 0)
			return err;
		list = mw_yaml_alloc(r->y, 1, sizeof(*list));
		if (!list)
			return mw_yaml_no_memory(r);
		list[0] = one;
		n = 1;
	} else {
		err = mw_yaml_texts(r, v, TEXT_MAX, &list, &n);
		if (err < 0)
			return err;
	}
	if (n == 0 || n > max)
		return mw_yaml_fail(r, v, "must name one to %zu", max);
	*ret = (struct mw_trail_words){ list, n };
	return 0;
}

static int paths(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into,
		 enum mw_trail_field f)
{
	struct mw_trail_map *map = into;
	struct mw_trail_words w;
	int err = words(r, v, MW_TRAIL_PATHS_MAX, &w);

	for (size_t i = 0; err == 0 && i < w.n; i++)
		if (!is_path(w.p[i]))
			err = mw_yaml_fail(r, v, "'%s' is no path (names with dots, at most %d)",
					   w.p[i], MW_TRAIL_NAMES_MAX);
	if (err == 0)
		map->field[f] = w;
	return err;
}

#define PATHS(name, field)                                                                         \
	static int get_##name(const struct mw_yaml_read *r, const struct mw_yaml_node *v,          \
			      void *into)                                                          \
	{                                                                                          \
		return paths(r, v, into, field);                                                   \
	}

PATHS(id, MW_TRAIL_ID)
PATHS(tool, MW_TRAIL_TOOL)
PATHS(args, MW_TRAIL_ARGS)
PATHS(target, MW_TRAIL_TARGET)
PATHS(outcome, MW_TRAIL_OUTCOME)
PATHS(failed, MW_TRAIL_FAILED)
PATHS(time, MW_TRAIL_TIME)
PATHS(user, MW_TRAIL_USER)

static int get_ok(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	return words(r, v, 64, &((struct mw_trail_map *)into)->ok);
}

static int get_error(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	return words(r, v, 64, &((struct mw_trail_map *)into)->error);
}

/* Taken before the others, since they replace what it gives. */
static int get_format(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	(void)r;
	(void)v;
	(void)into;
	return 0;
}

static int get_unit(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };
	struct mw_trail_map *map = into;
	const char *s;
	int err = mw_yaml_text(r, v, TEXT_MAX, &s);

	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].name, s) == 0) {
			map->unit_ns = units[i].ns;
			return 0;
		}
	return mw_yaml_fail(r, v, "'unit' must be s, ms, us or ns");
}

static int get_zone(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	struct mw_trail_map *map = into;
	const char *s;
	int err = mw_yaml_text(r, v, TEXT_MAX, &s);

	if (err < 0)
		return err;
	map->zoned = strcmp(s, "local") != 0;
	map->zone_s = 0;
	if (!map->zoned || strcmp(s, "UTC") == 0 || strcmp(s, "Z") == 0)
		return 0;
	if (strlen(s) != 6 || (s[0] != '+' && s[0] != '-') || !isdigit((unsigned char)s[1]) ||
	    !isdigit((unsigned char)s[2]) || s[3] != ':' || !isdigit((unsigned char)s[4]) ||
	    !isdigit((unsigned char)s[5]) || s[1] > '2' || s[4] > '5')
		return mw_yaml_fail(r, v, "'zone' must be local, UTC, or as +01:00");
	map->zone_s =
	    ((s[1] - '0') * 10 + s[2] - '0') * 3600 + ((s[4] - '0') * 10 + s[5] - '0') * 60;
	if (s[0] == '-')
		map->zone_s = -map->zone_s;
	return 0;
}

static int get_only(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *into)
{
	struct mw_trail_map *map = into;
	struct mw_trail_only *only;
	const struct mw_yaml_node *x;
	size_t n = 0;
	int err;

	if (v->kind != MW_YAML_MAP || v->n == 0 || v->n > ONLY_MAX)
		return mw_yaml_fail(r, v, "'only' must be a mapping of 1 to %u paths", ONLY_MAX);
	only = mw_yaml_alloc(r->y, v->n, sizeof(*only));
	if (!only)
		return mw_yaml_no_memory(r);
	for (x = v->first; x; x = x->next, n++) {
		if (!is_path(x->key->text))
			return mw_yaml_fail(r, x->key, "'%s' is no path", x->key->text);
		only[n].path = x->key->text;
		err = mw_yaml_text(r, x, TEXT_MAX, &only[n].glob);
		if (err < 0)
			return err;
	}
	map->only = only;
	map->n_only = n;
	return 0;
}

static const struct mw_yaml_field fields[] = {
	{ "format", get_format, false }, { "id", get_id, false },
	{ "tool", get_tool, true },	 { "args", get_args, false },
	{ "target", get_target, false }, { "outcome", get_outcome, false },
	{ "failed", get_failed, false }, { "time", get_time, false },
	{ "user", get_user, false },	 { "ok", get_ok, false },
	{ "error", get_error, false },	 { "unit", get_unit, false },
	{ "zone", get_zone, false },	 { "only", get_only, false },
};

static int preset(const struct mw_yaml_read *r, const struct mw_yaml_node *root,
		  struct mw_trail_map *ret)
{
	const struct mw_trail_map *of = mw_trail_preset("json");
	const struct mw_yaml_node *x;

	for (x = root->kind == MW_YAML_MAP ? root->first : NULL; x; x = x->next)
		if (strcmp(x->key->text, "format") == 0) {
			of = x->kind == MW_YAML_TEXT ? mw_trail_preset(x->text) : NULL;
			if (!of)
				return mw_yaml_fail(r, x,
						    "'format' must be json, logfmt, python-json, "
						    "pino or mcpwatch");
		}
	*ret = *of;
	return 0;
}

int mw_trail_map_load(const char *path, char *err, size_t err_len, struct mw_trail_map_file **ret)
{
	_cleanup_(mw_trail_map_freep) struct mw_trail_map_file *f = calloc(1, sizeof(*f));
	const struct mw_yaml_node *root;
	struct mw_yaml_read read = { .err = { err, err_len } };
	int r;

	if (!f) {
		snprintf(err, err_len, "%s: not enough memory", path);
		return -ENOMEM;
	}
	r = mw_yaml_load(path, read.err, &f->yaml, &root);
	if (r < 0)
		return r;
	read.y = f->yaml;
	if (!root)
		return mw_yaml_fail(&read, NULL,
				    "is empty; it must say at least where the tool stands");
	r = preset(&read, root, &f->map);
	if (r == 0)
		r = mw_yaml_fields(&read, root, fields, sizeof(fields) / sizeof(fields[0]),
				   &f->map);
	if (r < 0)
		return r;
	*ret = MW_TAKE(f);
	return 0;
}

const struct mw_trail_map *mw_trail_map_of(const struct mw_trail_map_file *f)
{
	return &f->map;
}

void mw_trail_map_free(struct mw_trail_map_file *f)
{
	if (!f)
		return;
	mw_yaml_free(f->yaml);
	free(f);
}
