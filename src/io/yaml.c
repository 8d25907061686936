/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.c
 *
 * libyaml's events, not its documents: those resolve aliases and look through all anchors for each
 * new one. Nodes, texts and what is made of them lie in chunks that are freed together.
 */
#include "io/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "io/file.h"
#include "io/yaml_priv.h"

#define DEPTH_MAX 32
#define NODES_MAX 400000u
#define KEYS_MAX  256u
#define CHUNK	  (64u << 10)

struct chunk {
	struct chunk *next;
	size_t used, len;
	max_align_t p[];
};

struct mw_yaml {
	struct chunk *chunks;
	char *name, *source; /* source: to say where in it a text's byte stands */
	size_t source_len;
	unsigned int n_nodes;
};

void *mw_yaml_alloc(struct mw_yaml *y, size_t n, size_t size)
{
	struct chunk *c = y->chunks;
	size_t len, room;
	void *p;

	if (__builtin_mul_overflow(n, size, &len) || len > SIZE_MAX / 2)
		return NULL;
	len = (len + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!c || c->len - c->used < len) {
		room = len > CHUNK ? len : CHUNK;
		c = calloc(1, sizeof(*c) + room);
		if (!c)
			return NULL;
		c->len = room;
		c->next = y->chunks;
		y->chunks = c;
	}
	p = (char *)c->p + c->used;
	c->used += len;
	return p;
}

void mw_yaml_free(struct mw_yaml *y)
{
	if (!y)
		return;
	while (y->chunks) {
		struct chunk *next = y->chunks->next;

		free(y->chunks);
		y->chunks = next;
	}
	free(y->name);
	free(y->source);
	free(y);
}

const char *mw_yaml_name(const struct mw_yaml *y)
{
	return y->name;
}

static void say(const struct mw_yaml_read *r, size_t line, size_t column, const char *fmt,
		va_list ap)
{
	char what[384], *p;

	vsnprintf(what, sizeof(what), fmt, ap);
	/* what the file has may hold newlines: a fault is one line */
	for (p = what; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (column)
		snprintf(r->err.text, r->err.len, "%s:%zu:%zu: %s", r->y->name, line, column, what);
	else if (line)
		snprintf(r->err.text, r->err.len, "%s:%zu: %s", r->y->name, line, what);
	else
		snprintf(r->err.text, r->err.len, "%s: %s", r->y->name, what);
}

int mw_yaml_fail(const struct mw_yaml_read *r, const struct mw_yaml_node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, at ? at->line : 0, at ? at->column : 0, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int mw_yaml_no_memory(const struct mw_yaml_read *r)
{
	snprintf(r->err.text, r->err.len, "%s: not enough memory", r->y->name);
	return -ENOMEM;
}

static int __attribute__((format(printf, 4, 5)))
fail_at(const struct mw_yaml_read *r, size_t line, size_t column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, line, column, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int mw_yaml_fail_in(const struct mw_yaml_read *r, const struct mw_yaml_node *text, size_t offset,
		    const char *fmt, ...)
{
	size_t line, column;
	va_list ap;

	mw_yaml_where(mw_slice(r->y->source, r->y->source_len), text, offset, &line, &column);
	va_start(ap, fmt);
	say(r, line, column, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* --- the tree ------------------------------------------------------------------------------ */

struct build {
	struct mw_yaml_read r;
	struct mw_yaml_node *root;
	/* the open lists and mappings, and their last children */
	struct mw_yaml_node *open[DEPTH_MAX], *last[DEPTH_MAX];
	struct mw_yaml_node *key; /* of the innermost mapping, read and without its value yet */
	unsigned int depth, n_documents;
};

/* libyaml's own fault. Of bytes it cannot read it knows the offset only. */
static int fail_yaml(const struct mw_yaml_read *r, const yaml_parser_t *p, const char *text,
		     size_t n)
{
	size_t line = p->problem_mark.line + 1, column = p->problem_mark.column + 1;
	const char *problem = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_MEMORY_ERROR)
		return mw_yaml_no_memory(r);
	if (p->error == YAML_READER_ERROR) {
		line = 1;
		column = 0;
		for (size_t i = 0; i < p->problem_offset && i < n; i++)
			line += text[i] == '\n';
	}
	return fail_at(r, line, column, "not valid YAML: %s", problem);
}

static int check_twice(struct build *b, const struct mw_yaml_node *map,
		       const struct mw_yaml_node *key)
{
	const struct mw_yaml_node *v;

	if (map->n >= KEYS_MAX)
		return mw_yaml_fail(&b->r, key, "more than %u keys", KEYS_MAX);
	for (v = map->first; v; v = v->next)
		if (v->key->n == key->n && memcmp(v->key->text, key->text, key->n) == 0)
			return mw_yaml_fail(&b->r, key, "key '%.64s' is there twice (line %u)",
					    key->text, v->key->line);
	return 0;
}

/* Puts a node where the document is at. */
static int place(struct build *b, struct mw_yaml_node *node)
{
	struct mw_yaml_node *in;
	int r;

	if (!b->depth) {
		b->root = node;
		return 0;
	}
	in = b->open[b->depth - 1];
	if (in->kind == MW_YAML_MAP && !b->key) {
		if (node->kind != MW_YAML_TEXT)
			return mw_yaml_fail(&b->r, node, "a key must be a single value");
		r = check_twice(b, in, node);
		if (r == 0)
			b->key = node;
		return r;
	}
	if (in->kind == MW_YAML_MAP)
		node->key = MW_TAKE(b->key);
	if (in->first)
		b->last[b->depth - 1]->next = node;
	else
		in->first = node;
	b->last[b->depth - 1] = node;
	in->n++;
	return 0;
}

static int add(struct build *b, enum mw_yaml_kind kind, const yaml_mark_t *mark, const char *text,
	       size_t n, struct mw_yaml_node **ret)
{
	struct mw_yaml_node *node;
	char *copy;

	if (b->r.y->n_nodes++ >= NODES_MAX)
		return fail_at(&b->r, mark->line + 1, mark->column + 1,
			       "more than %u values in one file", NODES_MAX);
	node = mw_yaml_alloc(b->r.y, 1, sizeof(*node));
	copy = text ? mw_yaml_alloc(b->r.y, n + 1, 1) : NULL;
	if (!node || (text && !copy))
		return mw_yaml_no_memory(&b->r);
	node->kind = kind;
	node->line = (uint32_t)mark->line + 1;
	node->column = (uint32_t)mark->column + 1;
	if (text) {
		if (memchr(text, '\0', n))
			return mw_yaml_fail(&b->r, node, "a text with a NUL byte");
		memcpy(copy, text, n);
		node->text = copy;
		node->n = n;
	}
	*ret = node;
	return place(b, node);
}

static int open_node(struct build *b, enum mw_yaml_kind kind, const yaml_mark_t *mark)
{
	struct mw_yaml_node *node;
	int r;

	if (b->depth == DEPTH_MAX)
		return fail_at(&b->r, mark->line + 1, mark->column + 1, "nested too deeply");
	r = add(b, kind, mark, NULL, 0, &node);
	if (r < 0)
		return r;
	b->open[b->depth++] = node;
	return 0;
}

static char style_char(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return '\'';
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return '"';
	case YAML_LITERAL_SCALAR_STYLE:
		return '|';
	case YAML_FOLDED_SCALAR_STYLE:
		return '>';
	default:
		return 0;
	}
}

static int take(struct build *b, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1, column = e->start_mark.column + 1;
	const yaml_char_t *anchor = NULL, *tag = NULL;
	struct mw_yaml_node *node;
	int r;

	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (anchor || e->type == YAML_ALIAS_EVENT)
		return fail_at(&b->r, line, column,
			       "anchors and aliases (&name, *name) are not taken; write the value "
			       "out, or put it in quotes");
	if (tag)
		return fail_at(&b->r, line, column,
			       "tags (!name) are not taken; put the value in quotes");
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++b->n_documents > 1)
			return fail_at(&b->r, line, column,
				       "a second document; the file may hold one");
		return 0;
	case YAML_SCALAR_EVENT:
		r = add(b, MW_YAML_TEXT, &e->start_mark, (const char *)e->data.scalar.value,
			e->data.scalar.length, &node);
		if (r == 0) {
			node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
			node->style = style_char(e->data.scalar.style);
		}
		return r;
	case YAML_SEQUENCE_START_EVENT:
		return open_node(b, MW_YAML_LIST, &e->start_mark);
	case YAML_MAPPING_START_EVENT:
		return open_node(b, MW_YAML_MAP, &e->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

int mw_yaml_parse(const char *name, const char *text, size_t n, struct mw_yaml_err err,
		  struct mw_yaml **ret, const struct mw_yaml_node **ret_root)
{
	_cleanup_(mw_yaml_freep) struct mw_yaml *y = calloc(1, sizeof(*y));
	yaml_event_type_t type = YAML_NO_EVENT;
	struct build b = { .r = { y, err } };
	yaml_parser_t parser;
	yaml_event_t e;
	int r = 0;

	if (y) {
		y->name = strdup(name);
		y->source = malloc(n + 1);
	}
	if (!y || !y->name || !y->source || !yaml_parser_initialize(&parser)) {
		snprintf(err.text, err.len, "%s: not enough memory", name);
		return -ENOMEM;
	}
	if (n)
		memcpy(y->source, text, n);
	y->source_len = n;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	while (r == 0 && type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(&parser, &e)) {
			r = fail_yaml(&b.r, &parser, text, n);
			break;
		}
		type = e.type;
		r = take(&b, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	/* "---" and nothing more is an empty text */
	if (b.root && b.root->kind == MW_YAML_TEXT && b.root->n == 0)
		b.root = NULL;
	*ret_root = b.root;
	*ret = MW_TAKE(y);
	return 0;
}

int mw_yaml_load(const char *path, struct mw_yaml_err err, struct mw_yaml **ret,
		 const struct mw_yaml_node **ret_root)
{
	_cleanup_(mw_freep) char *text = malloc(MW_YAML_FILE_MAX + 1);
	_cleanup_(mw_close) int fd = -1;
	size_t n = 0;
	ssize_t k;
	int r;

	if (!text) {
		snprintf(err.text, err.len, "%s: not enough memory", path);
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	k = fd < 0 ? -1 : 1;
	while (k > 0 && n <= MW_YAML_FILE_MAX) {
		do
			k = read(fd, text + n, MW_YAML_FILE_MAX + 1 - n);
		while (k < 0 && errno == EINTR);
		n += k > 0 ? (size_t)k : 0;
	}
	if (k < 0) {
		r = -errno;
		snprintf(err.text, err.len, "cannot read %s: %s", path, strerror(-r));
		return r;
	}
	if (n > MW_YAML_FILE_MAX) {
		snprintf(err.text, err.len, "%s: longer than %u MiB", path, MW_YAML_FILE_MAX >> 20);
		return -EINVAL;
	}
	return mw_yaml_parse(path, text, n, err, ret, ret_root);
}

/* --- reading it ---------------------------------------------------------------------------- */

static const char *kind_name(const struct mw_yaml_node *node)
{
	static const char *const names[] = {
		[MW_YAML_TEXT] = "a single value",
		[MW_YAML_LIST] = "a list",
		[MW_YAML_MAP] = "a mapping (key: value)",
	};

	return node->kind == MW_YAML_TEXT && !node->n ? "nothing" : names[node->kind];
}

/* The node in words: its key, if it has one. */
static const char *called(const struct mw_yaml_node *node, char *buf, size_t len)
{
	if (!node->key)
		return "it";
	snprintf(buf, len, "'%.64s'", node->key->text);
	return buf;
}

static int want(const struct mw_yaml_read *r, const struct mw_yaml_node *node,
		enum mw_yaml_kind kind)
{
	struct mw_yaml_node like = { .kind = kind, .n = 1 };
	char name[80];

	if (node->kind == kind)
		return 0;
	return mw_yaml_fail(r, node, "%s must be %s, not %s", called(node, name, sizeof(name)),
			    kind_name(&like), kind_name(node));
}

int mw_yaml_list(const struct mw_yaml_read *r, const struct mw_yaml_node *node)
{
	return want(r, node, MW_YAML_LIST);
}

int mw_yaml_fields(const struct mw_yaml_read *r, const struct mw_yaml_node *map,
		   const struct mw_yaml_field *field, size_t n, void *into)
{
	const struct mw_yaml_node *v;
	char known[256] = "";
	size_t i, k = 0;
	int e;

	e = want(r, map, MW_YAML_MAP);
	for (v = e == 0 ? map->first : NULL; v; v = v->next) {
		for (i = 0; i < n; i++)
			if (strcmp(v->key->text, field[i].key) == 0)
				break;
		if (i < n) {
			e = field[i].fn(r, v, into);
			if (e < 0)
				return e;
			continue;
		}
		for (i = 0; i < n && k < sizeof(known); i++)
			k += (size_t)snprintf(known + k, sizeof(known) - k, "%s%s", i ? ", " : "",
					      field[i].key);
		return mw_yaml_fail(r, v->key, "unknown key '%.64s'; known are: %s", v->key->text,
				    known);
	}
	for (i = 0; e == 0 && i < n; i++) {
		for (v = map->first; v && strcmp(v->key->text, field[i].key) != 0; v = v->next)
			;
		if (field[i].required && !v)
			return mw_yaml_fail(r, map, "'%s' is missing", field[i].key);
	}
	return e;
}

int mw_yaml_text(const struct mw_yaml_read *r, const struct mw_yaml_node *node, size_t max,
		 const char **ret)
{
	char name[80];
	int e;

	e = want(r, node, MW_YAML_TEXT);
	if (e < 0)
		return e;
	if (!node->n)
		return mw_yaml_fail(r, node, "%s has no value", called(node, name, sizeof(name)));
	if (node->n > max)
		return mw_yaml_fail(r, node, "%s is longer than %zu bytes",
				    called(node, name, sizeof(name)), max);
	*ret = node->text;
	return 0;
}

int mw_yaml_bool(const struct mw_yaml_read *r, const struct mw_yaml_node *node, bool *ret)
{
	char name[80];
	bool yes;

	if (node->kind == MW_YAML_TEXT) {
		yes = strcasecmp(node->text, "yes") == 0 || strcasecmp(node->text, "true") == 0;
		if (yes || strcasecmp(node->text, "no") == 0 ||
		    strcasecmp(node->text, "false") == 0) {
			*ret = yes;
			return 0;
		}
	}
	return mw_yaml_fail(r, node, "%s must be yes or no", called(node, name, sizeof(name)));
}

int mw_yaml_number(const struct mw_yaml_read *r, const struct mw_yaml_node *node, uint64_t max,
		   uint64_t *ret)
{
	uint64_t v = 0;
	char name[80];
	size_t i;

	for (i = 0; node->kind == MW_YAML_TEXT && i < node->n; i++) {
		char c = node->text[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(c - '0'), &v) || v > max)
			break;
	}
	if (node->kind != MW_YAML_TEXT || !i || i < node->n)
		return mw_yaml_fail(r, node, "%s must be a number from 0 to %llu",
				    called(node, name, sizeof(name)), (unsigned long long)max);
	*ret = v;
	return 0;
}

int mw_yaml_positive(const struct mw_yaml_read *r, const struct mw_yaml_node *node, uint64_t max,
		     uint32_t *ret)
{
	uint64_t n;
	int e;

	e = mw_yaml_number(r, node, max, &n);
	if (e < 0)
		return e;
	if (!n)
		return mw_yaml_fail(r, node, "'%s' must be at least 1", node->key->text);
	*ret = (uint32_t)n;
	return 0;
}

int mw_yaml_texts(const struct mw_yaml_read *r, const struct mw_yaml_node *node, size_t max,
		  const char ***ret, size_t *ret_n)
{
	const struct mw_yaml_node *v;
	const char **texts;
	size_t n = 0;
	int e;

	e = want(r, node, MW_YAML_LIST);
	if (e < 0)
		return e;
	texts = mw_yaml_alloc(r->y, node->n ? node->n : 1, sizeof(*texts));
	if (!texts)
		return mw_yaml_no_memory(r);
	for (v = node->first; v; v = v->next) {
		e = mw_yaml_text(r, v, max, &texts[n++]);
		if (e < 0)
			return e;
	}
	*ret = texts;
	*ret_n = n;
	return 0;
}
