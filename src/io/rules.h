/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - rule files (YAML): what is a secret, what is worth an alert
 *
 *	redact:			to struct mw_redact_rules: a secret, beside what its name says
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
 * rule's holding is enough. `all`: both a pattern and a word must hold.
 *
 *	lists:			to struct mw_policy_rules (core/policy.h), with all that follows
 *	  - id: NAME		a-z, 0-9, '-', '_'; at most 64 bytes
 *	    items: [TEXT, ...]	one without quotes that is a list's id stands for its items
 *	    append: yes|no	to that of an earlier file; without it, in its place
 *	macros:
 *	  - id: NAME
 *	    when: CONDITION	in the place of an earlier file's
 *	rules:
 *	  - id: ID		as NAME, and '.'
 *	    title: TEXT
 *	    severity: low|medium|high|critical
 *	    on: KIND		request call effect tool server notice anomaly gap; not of a
 *sequence when: CONDITION	without it, always except: [{when: CONDITION}, ...]	one that
 *holds is enough raise: [{to: SEVERITY, when: CONDITION}, ...]	the highest that holds count: {by:
 *[KEY, ...], over: TIME, at_least: N, distinct: FIELD or sum: FIELD} sequence: {by: [KEY, ...],
 *over: TIME} steps: [{on: KIND or alert, when: CONDITION}, ...] suppress: {by: [KEY, ...], for:
 *TIME} detail: [FIELD, ...] tags: [TAG, ...] disabled: yes|no
 *	overrides:		of rules of any file; later ones win, conditions are added
 *	  - id: ID		title, severity, except, raise, count, suppress, detail, tags,
 *disabled
 *
 * KEY is server tool principal session call client target http_session; TIME 500ms 60s 5m 1h 7d;
 * FIELD one of fact_field.c. CONDITION is in rules_cond.c. In mcpwatch.yaml the same keys stand
 * beside the others.
 */
#ifndef MW_IO_RULES_H
#define MW_IO_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/policy.h"
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
/* The i-th file of rules compiled into the program (src/dist/rules); false beyond the last. */
bool mw_rules_default(size_t i, const char **ret_name, struct mw_slice *ret_text);
/* All of them. */
int mw_rules_add_default(struct mw_rules *r, struct mw_yaml_err err);
int mw_rules_add_file(struct mw_rules *r, const char *path, struct mw_yaml_err err);
/* A configuration: other keys than `redact` are not looked at. */
int mw_rules_add_config(struct mw_rules *r, const char *path, struct mw_yaml_err err);
/* As of scandir(3): whether a folder's entry is a file of rules. */
struct dirent;
int mw_rules_is_file(const struct dirent *d);
/* Every *.yaml of a folder, by name. A folder that is not there is an empty one. */
int mw_rules_add_dir(struct mw_rules *r, const char *dir, struct mw_yaml_err err);
/* `name` stands for the file. */
int mw_rules_add_text(struct mw_rules *r, const char *name, const char *text, size_t n,
		      struct mw_yaml_err err);

/*
 * All is there: takes away what is disabled, and compiles the rest once (mw_redact_new) to know
 * that it can be; likewise those that alert (mw_policy_new). `whole`: all files are there, so what
 * is disabled or overridden must be too. 0; -EINVAL: an id twice, one disabled that is not there, a
 * pattern that does not compile, a condition that says nothing; -ENOMEM.
 */
int mw_rules_finish(struct mw_rules *r, bool whole, struct mw_yaml_err err);
/* After finish; as long as r. */
const struct mw_redact_rules *mw_rules_redact(const struct mw_rules *r);
const struct mw_policy_rules *mw_rules_policy(const struct mw_rules *r);

/* Holds the rules of one file, or of all (NULL), against their examples. 0; -EINVAL: the first
 * example that does not hold, with its line. */
int mw_rules_prove(const struct mw_rules *r, const char *file, struct mw_yaml_err err);

struct mw_rules_info {
	const char *id, *description; /* "" without; of one that alerts its title */
	const char *file;	      /* "built in: NAME" for those of the program */
	unsigned int line;
	bool disabled;
	/* of a rule that alerts, else NULL; its conditions after finish */
	const struct mw_policy_rule *alert;
};

/* How many rules there are, disabled ones too; of one file, or of all (NULL). */
size_t mw_rules_count(const struct mw_rules *r, const char *file);
/* By order of files: those of redaction, then those that alert. */
void mw_rules_info(const struct mw_rules *r, size_t i, struct mw_rules_info *ret);
/* A condition as text that reads back as the same, macros and lists written out. 0, -ENOMEM. */
int mw_rules_print(struct mw_buf *out, const struct mw_when *when);

#endif
