/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the table of verbs */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "io/command_helper.h"
#include "io/heap.h"
#include "io/net_helper.h"

static const struct verb {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "exec", cmd_exec, "run a command and show what its MCP servers do" },
	{ "run", cmd_run, "the daemon, in the foreground" },
	{ "init", cmd_init, "make the keys, print what to keep off the host" },
	{ "log", cmd_log, "list calls, effects and alerts, newest last" },
	{ "show", cmd_show, "one call with everything known about it" },
	{ "index", cmd_index, "make log and show answer at once on a large log" },
	{ "servers", cmd_servers, "servers seen: who used them, calls, failures, alerts" },
	{ "tools", cmd_tools, "tools seen: declared against observed" },
	{ "timeline", cmd_timeline, "the log as a page, a table or a trace" },
	{ "bundle", cmd_bundle, "one archive to hand over, with its proofs" },
	{ "verify", cmd_verify, "prove a log whole, or name the first bad record" },
	{ "compare", cmd_compare, "a server's own audit trail against what the host saw" },
	{ "export", cmd_export, "one record with its proof, to be checked alone" },
	{ "record", cmd_record, "raw kernel events to a capture file" },
	{ "replay", cmd_replay, "the whole pipeline over a capture file" },
	{ "rules", cmd_rules, "check rule files, list the rules in force" },
	{ "status", cmd_status, "how the running daemon is" },
	{ "metrics", cmd_metrics, "its counters, as Prometheus text" },
	{ "top", cmd_top, "a live view of servers, calls and alerts" },
	{ "doctor", cmd_doctor, "what this kernel allows, and what stays unseen" },
	{ "version", cmd_version, "version and build options" },
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *f)
{
	size_t i;

	fputs("Usage: mcpwatch VERB [OPTION...]\n", f);
	for (i = 0; i < N_VERBS; i++)
		fprintf(f, "  %-9s %s\n", verbs[i].name, verbs[i].what);
	fputs("'mcpwatch VERB --help' says more, mcpwatch(1) all. Exit status: 0 done, 1 could\n"
	      "not, 2 wrong usage, 3 a log is not whole, 4 (verify) it is, but not to its end.\n",
	      f);
}

static int no_verb(const char *given)
{
	const char *names[N_VERBS + 1] = { NULL }, *found;
	size_t i;

	for (i = 0; i < N_VERBS; i++)
		names[i] = verbs[i].name;
	found = mw_options_nearest(given, names);
	if (found)
		mw_cli_fail("no verb '%s' (did you mean '%s'?); 'mcpwatch --help' lists the verbs",
			    given, found);
	else
		mw_cli_fail("no %s '%s'; 'mcpwatch --help' lists the verbs",
			    given[0] == '-' ? "option" : "verb", given);
	return MW_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static char help[] = "--help";
	size_t i;

	mw_heap_init();
	if (argc < 2) {
		usage(stderr);
		return MW_EXIT_USAGE;
	}
	/* the daemon starts them: no verbs for people */
	if (strcmp(argv[1], MW_NET_VERB) == 0)
		_exit(mw_net_helper());
	if (strcmp(argv[1], MW_COMMAND_VERB) == 0)
		_exit(mw_command_helper());
	/* of a verb, as git does */
	if (strcmp(argv[1], "help") == 0 && argc > 2) {
		argv[1] = argv[2];
		argv[2] = help;
		argc = 3;
	} else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		   strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return mw_cli_stdout_done();
	}
	if (strcmp(argv[1], "--version") == 0) {
		argv[1] = (char[]){ "version" };
		return cmd_version(1, argv + 1);
	}
	for (i = 0; i < N_VERBS; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].fn(argc - 1, argv + 1);
	return no_verb(argv[1]);
}
