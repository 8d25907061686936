/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the table of verbs, and what they share (cli.h) */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/command_helper.h"
#include "io/escape.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/logread.h"
#include "io/net_helper.h"

static const struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *args, *what;
} verbs[] = {
	{ "exec", cmd_exec, "[OPTION...] -- CMD [ARG...]",
	  "run a command and show what its MCP servers do" },
	{ "run", cmd_run, "[--config F] [--check]", "the daemon, in the foreground" },
	{ "init", cmd_init, "[--log DIR] [--keys DIR]",
	  "make the keys, print what to keep off the host" },
	{ "log", cmd_log, "[FILTER...] [-f]", "list calls, effects and alerts, newest last" },
	{ "show", cmd_show, "CALL [--why]", "one call with everything known about it" },
	{ "verify", cmd_verify, "[--vkey K] [--anchor F] [DIR]",
	  "prove a log whole, or name the first bad record" },
	{ "compare", cmd_compare, "TRAIL", "a server's own audit trail against what the host saw" },
	{ "export", cmd_export, "--proof SEQ", "one record with its proof, to be checked alone" },
	{ "record", cmd_record, "-o F", "raw kernel events to a capture file" },
	{ "replay", cmd_replay, "F", "the whole pipeline over a capture file" },
	{ "rules", cmd_rules, "check F... | list", "check rule files, list the rules in force" },
	{ "doctor", cmd_doctor, "[--live]", "what this kernel allows, and what stays unseen" },
	{ "version", cmd_version, "", "version and build options" },
};

/* Named in the interface's description and not there yet. */
static const char *const later[] = { "timeline", "bundle",  "servers", "tools",
				     "status",	 "metrics", "top" };

static void usage(FILE *f)
{
	char head[80];
	size_t i;

	fputs(
	    "Usage: mcpwatch VERB [OPTION...]\n"
	    "\n"
	    "Sees every call to the MCP servers of this host, and what each call did to the host.\n"
	    "\n",
	    f);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		snprintf(head, sizeof(head), "%s %s", verbs[i].name, verbs[i].args);
		fprintf(f, "  %-34s %s\n", head, verbs[i].what);
	}
	fputs(
	    "\n'mcpwatch VERB --help' says more. Exit status: 0 done, 1 could not, 2 wrong usage,\n"
	    "3 the log read is tampered or forged, 4 (verify) it is intact but not to its end.\n",
	    f);
}

/* The observed world's text may be in a message: no control characters reach the terminal. */
static void say(const char *verb, const char *fmt, va_list ap, const char *tail)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "mcpwatch%s%s: ", verb ? " " : "", verb ? verb : "");
	mw_escape_print(stderr, text, strlen(text));
	fprintf(stderr, "%s\n", tail);
}

int mw_cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NULL, fmt, ap, "");
	va_end(ap);
	return MW_EXIT_FAIL;
}

void mw_cli_say(void *unused, const char *line)
{
	(void)unused;
	flockfile(stderr);
	fputs("mcpwatch: ", stderr);
	mw_escape_print(stderr, line, strlen(line));
	fputc('\n', stderr);
	funlockfile(stderr);
}

int mw_cli_usage(const char *verb, const char *fmt, ...)
{
	char tail[80];
	va_list ap;

	snprintf(tail, sizeof(tail), "; see 'mcpwatch %s --help'", verb);
	va_start(ap, fmt);
	say(verb, fmt, ap, tail);
	va_end(ap);
	return MW_EXIT_USAGE;
}

int mw_cli_bad_option(char **argv, int answer)
{
	const char *arg = optind > 0 && argv[optind - 1] ? argv[optind - 1] : "";

	/* a long option is named as it was typed, a short one by its letter */
	if (answer == ':') {
		if (strncmp(arg, "--", 2) == 0)
			return mw_cli_usage(argv[0], "option '%s' needs a value", arg);
		return mw_cli_usage(argv[0], "option '-%c' needs a value", optopt);
	}
	if (strncmp(arg, "--", 2) == 0)
		return mw_cli_usage(argv[0], "no option '%s'", arg);
	return mw_cli_usage(argv[0], "no option '-%c'", optopt);
}

int mw_cli_stdout_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return MW_EXIT_OK;
	return mw_cli_fail("cannot write the output: %s", strerror(errno ? errno : EIO));
}

void mw_cli_list_add(struct mw_cli_list *l, const char *s)
{
	const char **p = reallocarray(l->p, l->n + 1, sizeof(*p));

	if (!p)
		exit(mw_cli_fail("not enough memory"));
	l->p = p;
	p[l->n++] = s;
}

void mw_cli_list_done(struct mw_cli_list *l)
{
	free(l->p);
	*l = (struct mw_cli_list){ 0 };
}

struct mw_logread *mw_cli_open_logs(const struct mw_cli_list *logs, bool follow)
{
	static const char *const fallback[] = { MW_DEFAULT_LOG };
	struct mw_logread *l;
	char err[MW_ERR_MAX];
	int r;

	r = mw_logread_new(logs->n ? logs->p : fallback, logs->n ? logs->n : 1, follow, err,
			   sizeof(err), &l);
	if (r < 0) {
		mw_cli_fail("%s", err);
		return NULL;
	}
	return l;
}

void mw_cli_watch_logs(struct mw_logread *l, bool *said)
{
	if (*said || !mw_logread_tampered(l))
		return;
	*said = true;
	fflush(stdout);
	mw_cli_fail("THE LOG IS TAMPERED OR FORGED: %s", mw_logread_tampered(l));
}

int mw_cli_close_logs(struct mw_logread *l, int r, bool said)
{
	const bool failed = r < 0 && r != -ENODATA;
	const char *tampered = mw_logread_tampered(l);
	int status = MW_EXIT_OK;

	fflush(stdout);
	if (tampered) {
		if (failed)
			mw_cli_fail("%s. THE LOG IS TAMPERED OR FORGED: %s", mw_logread_error(l),
				    tampered);
		else if (!said)
			mw_cli_fail(
			    "THE LOG IS TAMPERED OR FORGED, do not rely on what is shown: %s",
			    tampered);
		status = MW_EXIT_TAMPERED;
	} else if (failed) {
		status = mw_cli_fail("%s", mw_logread_error(l));
	} else if (mw_logread_hole(l)) {
		mw_cli_fail("the log is not whole, what is shown is incomplete: %s",
			    mw_logread_hole(l));
		status = MW_EXIT_TAMPERED;
	}
	mw_logread_free(l);
	return status;
}

int main(int argc, char **argv)
{
	size_t i;

	mw_heap_init();
	opterr = 0;
	if (argc < 2) {
		usage(stderr);
		return MW_EXIT_USAGE;
	}
	/* the daemon starts them: no verbs for people */
	if (strcmp(argv[1], MW_NET_VERB) == 0)
		_exit(mw_net_helper());
	if (strcmp(argv[1], MW_COMMAND_VERB) == 0)
		_exit(mw_command_helper());
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return mw_cli_stdout_done();
	}
	if (strcmp(argv[1], "--version") == 0) {
		argv[1] = (char[]){ "version" };
		return cmd_version(1, argv + 1);
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].fn(argc - 1, argv + 1);
	for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(argv[1], later[i]) == 0) {
			mw_cli_fail("'%s' is not in this version; 'mcpwatch --help' lists what is",
				    argv[1]);
			return MW_EXIT_USAGE;
		}
	mw_cli_fail("no %s '%s'; 'mcpwatch --help' lists the verbs",
		    argv[1][0] == '-' ? "option" : "verb", argv[1]);
	return MW_EXIT_USAGE;
}
