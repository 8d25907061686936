/* SPDX-License-Identifier: Apache-2.0 */
/* schema_priv.h - a schema compiled: nodes that name each other by number */
#ifndef MW_CORE_SCHEMA_PRIV_H
#define MW_CORE_SCHEMA_PRIV_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/schema.h"

/* Beyond: a schema allows everything from there on. */
#define MW_SCHEMA_BYTES_MAX    (1u << 20)
#define MW_SCHEMA_DEPTH_MAX    48
#define MW_SCHEMA_PROPS_MAX    16384u
#define MW_SCHEMA_ENUMS_MAX    65536u
#define MW_SCHEMA_PATTERNS_MAX 64u
#define MW_SCHEMA_PATTERN_MAX  1024u
/* What resolving references may read, in bytes. */
#define MW_SCHEMA_WALK_MAX (32u << 20)
/* Of one check: nodes visited; bytes that patterns are tried on in all, and of one text. */
#define MW_SCHEMA_STEPS_MAX    100000u
#define MW_SCHEMA_SUBJECT_MAX  4096u
#define MW_SCHEMA_SUBJECTS_MAX 16384u
#define MW_SCHEMA_MATCH_MAX    1000u

/* Types, as bits. */
enum {
	MW_IS_NULL = 1,
	MW_IS_BOOL = 2,
	MW_IS_NUMBER = 4,
	MW_IS_INTEGER = 8,
	MW_IS_STRING = 16,
	MW_IS_ARRAY = 32,
	MW_IS_OBJECT = 64,
};

#define MW_NODE_ANY 0u /* allows everything */
#define MW_NONE	    UINT32_MAX

enum mw_schema_has {
	MW_HAS_ENUM = 1,
	MW_HAS_MIN = 2,
	MW_HAS_MAX = 4,
	MW_HAS_OVER = 8,   /* exclusiveMinimum */
	MW_HAS_UNDER = 16, /* exclusiveMaximum */
	MW_HAS_PROPS = 32,
	MW_HAS_MORE = 64,   /* additionalProperties is said */
	MW_HAS_NEVER = 128, /* `false`: allows nothing */
	MW_HAS_SIZE = 256,
};

enum mw_schema_list { MW_ALL_OF, MW_ANY_OF, MW_ONE_OF, MW_PREFIX, MW_LISTS };

struct mw_schema_node {
	size_t at; /* its place in the text, by which references find it */
	uint32_t types, has;
	uint32_t enums, n_enums;	  /* in `enums` */
	size_t enum_max;		  /* the longest as it is written */
	uint32_t first_prop, first_match; /* lists through next */
	uint32_t items, more, not, ref;	  /* nodes, or MW_NONE */
	uint32_t list[MW_LISTS];	  /* first of `links`, or MW_NONE */
	uint32_t pattern;		  /* or MW_NONE */
	double min, max, over, under;
	/* lengths of strings, numbers of items and members */
	uint64_t len_min, len_max, items_min, items_max, props_min, props_max;
};

struct mw_schema_prop {
	uint32_t of;   /* the node that has it */
	uint32_t node; /* its own, or MW_NONE: only required */
	uint32_t next, name, name_len;
	uint64_t seen; /* the visit that saw it last */
	bool required;
};

struct mw_schema_match { /* patternProperties */
	uint32_t pattern, node, next;
};

struct mw_schema_link {
	uint32_t node, next;
};

struct mw_schema {
	const struct mw_alloc *a;
	struct mw_buf text;
	struct mw_buf names; /* decoded names of properties */
	struct mw_buf work;  /* a decoded or canonical text */
	/* arrays in buffers, by their types above; uint64_t hashes of enums */
	struct mw_buf nodes, props, matches, links, enums;
	uint32_t *slots; /* 1 + property, by node and name */
	size_t n_slots;
	size_t walked;
	pcre2_general_context *general;
	pcre2_compile_context *compile;
	pcre2_match_context *match;
	pcre2_match_data *data;
	pcre2_code *pattern[MW_SCHEMA_PATTERNS_MAX];
	uint32_t n_patterns;
	uint64_t visit;
	uint32_t root;
	unsigned int depth; /* of what is being compiled, references too */
};

static inline struct mw_schema_node *mw_schema_node(const struct mw_schema *s, uint32_t i)
{
	return (struct mw_schema_node *)(void *)s->nodes.p + i;
}

static inline struct mw_schema_prop *mw_schema_prop(const struct mw_schema *s, uint32_t i)
{
	return (struct mw_schema_prop *)(void *)s->props.p + i;
}

static inline struct mw_schema_match *mw_schema_match(const struct mw_schema *s, uint32_t i)
{
	return (struct mw_schema_match *)(void *)s->matches.p + i;
}

static inline struct mw_schema_link *mw_schema_link(const struct mw_schema *s, uint32_t i)
{
	return (struct mw_schema_link *)(void *)s->links.p + i;
}

/* The hash of a value by its canonical form: 0, -EINVAL (it has none), -ENOMEM, -E2BIG. */
int mw_schema_hash(struct mw_schema *s, struct mw_slice value, uint64_t *ret);
/* A property's decoded name. Valid until the next one is added. */
struct mw_slice mw_schema_name(const struct mw_schema *s, const struct mw_schema_prop *p);
/* The property of that (decoded) name, or MW_NONE. */
uint32_t mw_schema_find(const struct mw_schema *s, uint32_t node, struct mw_slice name);
/* The property of a raw name, made if it is not there; *ret stays where no more are taken. 0,
 * -ENOMEM.
 */
int mw_schema_prop_of(struct mw_schema *s, uint32_t node, struct mw_slice raw, uint32_t *ret);
/* The type of a raw JSON value, as bits. */
unsigned int mw_schema_type(struct mw_slice value);
/* A number of a raw JSON value, in the C locale whatever the program's. */
double mw_schema_number(struct mw_slice raw);

#endif
