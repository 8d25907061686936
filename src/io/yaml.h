/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - a YAML file as a tree whose every node knows its line and column
 *
 * For files whose shape libcyaml's schemas cannot say, or whose faults must be named to the column.
 * One document, no anchors, aliases or tags, no key twice; depth and size are bounded, so a hostile
 * file costs no more than a large one. Faults are one line: "FILE:LINE:COLUMN: what".
 */
#ifndef MW_IO_YAML_H
#define MW_IO_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MW_YAML_FILE_MAX (8u << 20) /* bytes */

struct mw_yaml;

enum mw_yaml_kind { MW_YAML_TEXT, MW_YAML_LIST, MW_YAML_MAP };

struct mw_yaml_node {
	enum mw_yaml_kind kind;
	uint32_t line, column; /* from 1 */
	const char *text;      /* TEXT: without an inner NUL, NUL-terminated, valid UTF-8 */
	size_t n;	       /* TEXT: its bytes; LIST, MAP: how many children */
	bool plain;	       /* TEXT: written without quotes */
	char style;	       /* TEXT: how: ' " | > or 0 for plain */
	/* LIST: the items; MAP: the values, each with its key */
	struct mw_yaml_node *first, *next;
	struct mw_yaml_node *key;
};

/* Where the line about a fault goes, and the file it is about. */
struct mw_yaml_err {
	char *text;
	size_t len;
};

/*
 * `name` stands for the file in faults. 0: *ret_root is the document, or NULL for an empty one, and
 * lives as long as *ret, to be freed. -EINVAL: its content; -ENOMEM. The text is copied.
 */
int mw_yaml_parse(const char *name, const char *text, size_t n, struct mw_yaml_err err,
		  struct mw_yaml **ret, const struct mw_yaml_node **ret_root);
/* Of a file: as mw_yaml_parse, also -ENOENT and others (err then has "cannot read FILE: ..."). */
int mw_yaml_load(const char *path, struct mw_yaml_err err, struct mw_yaml **ret,
		 const struct mw_yaml_node **ret_root);
void mw_yaml_free(struct mw_yaml *y);
/* The file's name, for as long as y. */
const char *mw_yaml_name(const struct mw_yaml *y);

static inline void mw_yaml_freep(struct mw_yaml **y)
{
	mw_yaml_free(*y);
}

/* Memory that lives as long as the tree, zeroed, for what is made of it; NULL: none. */
void *mw_yaml_alloc(struct mw_yaml *y, size_t n, size_t size);

/* What reading a tree needs; `at` functions get it. */
struct mw_yaml_read {
	struct mw_yaml *y;
	struct mw_yaml_err err;
};

/* Says what is wrong with a node (NULL: the file). -EINVAL. */
int mw_yaml_fail(const struct mw_yaml_read *r, const struct mw_yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* At byte `offset` of a text (its length: behind it): the place in the file where that byte is
 * written, whatever quotes, escapes, folds and indents stand between. */
int mw_yaml_fail_in(const struct mw_yaml_read *r, const struct mw_yaml_node *text, size_t offset,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* -ENOMEM, with its line. */
int mw_yaml_no_memory(const struct mw_yaml_read *r);

/* One key that a mapping may have. */
struct mw_yaml_field {
	const char *key;
	/* 0, or a negative errno after mw_yaml_fail; `into` as given to mw_yaml_fields. */
	int (*fn)(const struct mw_yaml_read *r, const struct mw_yaml_node *value, void *into);
	bool required;
};

/* Hands each value of a mapping to its key's function. A key that is none of them is a fault that
 * says which are known. */
int mw_yaml_fields(const struct mw_yaml_read *r, const struct mw_yaml_node *map,
		   const struct mw_yaml_field *field, size_t n, void *into);

/* A text that is not empty, of at most max bytes. */
int mw_yaml_text(const struct mw_yaml_read *r, const struct mw_yaml_node *node, size_t max,
		 const char **ret);
int mw_yaml_bool(const struct mw_yaml_read *r, const struct mw_yaml_node *node, bool *ret);
/* Digits alone. */
int mw_yaml_number(const struct mw_yaml_read *r, const struct mw_yaml_node *node, uint64_t max,
		   uint64_t *ret);
/* Digits alone, from 1 on; max fits. */
int mw_yaml_positive(const struct mw_yaml_read *r, const struct mw_yaml_node *node, uint64_t max,
		     uint32_t *ret);
/* A list of texts, each as mw_yaml_text; the array lives as long as the tree. */
int mw_yaml_texts(const struct mw_yaml_read *r, const struct mw_yaml_node *node, size_t max,
		  const char ***ret, size_t *ret_n);
/* That it is a list. */
int mw_yaml_list(const struct mw_yaml_read *r, const struct mw_yaml_node *node);

#endif
