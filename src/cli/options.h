/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the options of a verb, declared once
 *
 * A verb has a struct that its options fill, and a static table that says of each option what it is
 * called, what it takes, where that goes and what it is for. Parsing, the lines about wrong usage
 * and
 * --help come from that table; man page and completions are held against --help (tests/docs).
 */
#ifndef MW_CLI_OPTIONS_H
#define MW_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define MW_OPTIONS_MAX	 48 /* of a verb, groups counted out */
#define MW_OPTIONS_GO_ON (-1)

struct mw_option;

/* Takes a value (NULL for a flag) to `at`. 0; or an exit status after a line on stderr. */
typedef int (*mw_option_fn)(void *at, const char *verb, const struct mw_option *o,
			    const char *value);

enum mw_option_kind {
	MW_OPT_END,	/* ends a table; a row of zeros */
	MW_OPT_FLAG,	/* bool */
	MW_OPT_TEXT,	/* const char *: the last one given counts; borrowed from argv */
	MW_OPT_LIST,	/* struct mw_cli_list: each that is given */
	MW_OPT_U32,	/* uint32_t, from 1 */
	MW_OPT_FN,	/* `fn` takes it */
	MW_OPT_GROUP,	/* the options of the table `group`, whose struct stands at `at` */
	MW_OPT_HEADING, /* a line of --help, before the options that follow */
};

struct mw_option {
	const char *name; /* without dashes; of a heading the line */
	char letter;	  /* 0: none */
	const char *arg;  /* what it takes, as --help names it; NULL: nothing */
	enum mw_option_kind kind;
	size_t at;	  /* offset in the verb's struct */
	/* One sentence without a full stop, wrapped by --help; ASCII. NULL: another spelling, which
	 * --help leaves out. */
	const char *help;
	mw_option_fn fn;
	const struct mw_option *group;
	int id; /* for fn */
};

/* Rows. `at_` is an offset: most tables have an AT(member) for that. */
#define MW_OPTION(kind_, name_, letter_, arg_, at_, help_)                                         \
	.name = (name_), .letter = (letter_), .arg = (arg_), .kind = (kind_), .at = (at_),         \
	.help = (help_)
#define MW_OPTION_FLAG(name, letter, at, help)                                                     \
	{                                                                                          \
		MW_OPTION(MW_OPT_FLAG, name, letter, NULL, at, help)                               \
	}
#define MW_OPTION_TEXT(name, letter, arg, at, help)                                                \
	{                                                                                          \
		MW_OPTION(MW_OPT_TEXT, name, letter, arg, at, help)                                \
	}
#define MW_OPTION_LIST(name, letter, arg, at, help)                                                \
	{                                                                                          \
		MW_OPTION(MW_OPT_LIST, name, letter, arg, at, help)                                \
	}
#define MW_OPTION_U32(name, letter, arg, at, help)                                                 \
	{                                                                                          \
		MW_OPTION(MW_OPT_U32, name, letter, arg, at, help)                                 \
	}
#define MW_OPTION_FN(name, letter, arg, at, fn_, id_, help)                                        \
	{                                                                                          \
		MW_OPTION(MW_OPT_FN, name, letter, arg, at, help), .fn = (fn_), .id = (id_)        \
	}
#define MW_OPTION_GROUP(table_, at_)                                                               \
	{                                                                                          \
		.kind = MW_OPT_GROUP, .group = (table_), .at = (at_)                               \
	}
#define MW_OPTION_HEADING(line)                                                                    \
	{                                                                                          \
		.kind = MW_OPT_HEADING, .name = (line)                                             \
	}

struct mw_options {
	const char *usage; /* what follows "mcpwatch ": each line is a form of its own */
	const char *what;  /* below it, in lines of at most 80 columns; each ends with a newline */
	const struct mw_option *table;
	const char *after; /* below the options, likewise; or NULL */
	bool command; /* the first argument ends the options: it is a command line of its own */
};

/*
 * Takes the options of argv (argv[0] is the verb's name) into the struct `into`; optind is then the
 * first argument. --help and -h are each verb's. MW_OPTIONS_GO_ON; else the exit status: --help was
 * printed, or one line on stderr says what is wrong.
 */
int mw_options_parse(const struct mw_options *v, int argc, char **argv, void *into);

/*
 * The name most like `given`, of a NULL-terminated list, if it is likely meant: two letters off at
 * most (one wrong, missing, too many, or two swapped), and no more than half of them. Else NULL.
 */
const char *mw_options_nearest(const char *given, const char *const *names);

#endif
