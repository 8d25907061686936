/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - what is a secret beside what its name says: YAML files to struct mw_redact_rules
 *
 *	redact:
 *	  pii: yes|no		e-mail, telephone, card and account numbers, national ids; yes
 *	  entropy: yes|no	what is only random-looking; yes
 *	  countries: [us, ...]	whose national ids: us gb de fr es it nl pl in br; none
 *	  names: [NAME, ...]	further secrets' names: endings, in any case and with any of '-_. '
 *	  disable: [ID, ...]	rules, of any file, that are not to be
 *	  allow: [ALLOW, ...]	what is no secret, whichever rule found it
 *	  rules:
 *	    - id: ID		a-z, 0-9, '-', '_'; at most 48 bytes
 *	      description: TEXT
 *	      pattern: REGEX	PCRE2
 *	      keywords: [WORD, ...]	only texts that hold one of them, in any case, are looked at
 *	      group: N		which group is the secret; without it the first, else all
 *	      entropy: N.N	of the secret, at least: bits a byte
 *	      allow: [ALLOW, ...]
 *	      tests:		proven by mw_rules_prove
 *	        match: [TEXT, ...]	the rule finds a secret in each
 *	        pass: [TEXT, ...]	and none in these
 *
 * ALLOW is {patterns: [REGEX], words: [WORD], target: secret|match|line, all: yes|no}; one of a
 * rule's holding is enough. `all`: both a pattern and a word must hold. In mcpwatch.yaml the same
 * `redact:` stands beside the other keys.
 */
#ifndef MW_IO_RULES_H
#define MW_IO_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/redact.h"
#include "io/yaml.h"

#define MW_RULES_DIR "/etc/mcpwatch/rules.d"

struct mw_rules;

int mw_rules_new(struct mw_rules **ret);
void mw_rules_free(struct mw_rules *r);

static inline void mw_rules_freep(struct mw_rules **r)
{
	mw_rules_free(*r);
}

/*
 * Each adds what a file has, in memory; later files' switches win, lists add up. 0; -EINVAL (what
 * is wrong with it), -ENOENT and others (cannot be read), -ENOMEM, with one line in err.
 */
/* The rules compiled into the program: src/dist/rules. */
int mw_rules_add_default(struct mw_rules *r, struct mw_yaml_err err);
int mw_rules_add_file(struct mw_rules *r, const char *path, struct mw_yaml_err err);
/* A configuration: other keys than `redact` are not looked at. */
int mw_rules_add_config(struct mw_rules *r, const char *path, struct mw_yaml_err err);
/* Every *.yaml of a folder, by name. A folder that is not there is an empty one. */
int mw_rules_add_dir(struct mw_rules *r, const char *dir, struct mw_yaml_err err);
/* `name` stands for the file. */
int mw_rules_add_text(struct mw_rules *r, const char *name, const char *text, size_t n,
		      struct mw_yaml_err err);

/*
 * All is there: takes away what is disabled, and compiles the rest once (mw_redact_new) to know
 * that it can be. `whole`: all files are there, so what is disabled must be too. 0; -EINVAL: an id
 * twice, one disabled that is not there, a pattern that does not compile; -ENOMEM.
 */
int mw_rules_finish(struct mw_rules *r, bool whole, struct mw_yaml_err err);
/* After finish; as long as r. */
const struct mw_redact_rules *mw_rules_redact(const struct mw_rules *r);

/* Holds the rules of one file, or of all (NULL), against their examples. 0; -EINVAL: the first
 * example that does not hold, with its line. */
int mw_rules_prove(const struct mw_rules *r, const char *file, struct mw_yaml_err err);

struct mw_rules_info {
	const char *id, *description; /* "" without */
	const char *file;	      /* "built in: NAME" for those of the program */
	unsigned int line;
	bool disabled;
};

/* How many rules there are, disabled ones too; of one file, or of all (NULL). */
size_t mw_rules_count(const struct mw_rules *r, const char *file);
/* By order of files. */
void mw_rules_info(const struct mw_rules *r, size_t i, struct mw_rules_info *ret);

#endif
