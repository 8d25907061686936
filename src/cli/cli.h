/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - what the verbs share
 *
 * A verb is `int cmd_x(int argc, char **argv)` in a file of its own, entered in main.c's table; argv[0]
 * is the verb's name, and what it returns is the exit status. Results go to stdout, everything else
 * to stderr.
 */
#ifndef MW_CLI_CLI_H
#define MW_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses. */
enum {
	MW_EXIT_OK = 0,
	MW_EXIT_FAIL = 1,     /* could not do it */
	MW_EXIT_USAGE = 2,    /* wrong usage */
	MW_EXIT_TAMPERED = 3, /* the log is not whole; compare: the trails disagree */
	MW_EXIT_SHORT = 4,    /* it is, but ends early, is stale or unsealed at its end */
	MW_EXIT_NOT_EXECUTABLE = 126,
	MW_EXIT_NOT_FOUND = 127,
};

#define MW_DEFAULT_LOG "/var/lib/mcpwatch/log"
#define MW_DEFAULT_CONFIG "/etc/mcpwatch/mcpwatch.yaml"

int cmd_bundle(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_index(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_rules(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_servers(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_timeline(int argc, char **argv);
int cmd_tools(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* One line on stderr: "mcpwatch: ...". Returns MW_EXIT_FAIL. */
int mw_cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line of a thread's on stderr, whole and escaped: what a peer answered may be in it. */
void mw_cli_say(void *unused, const char *line);
/* One line on stderr: "mcpwatch VERB: ...; see 'mcpwatch VERB --help'". Returns MW_EXIT_USAGE. */
int mw_cli_usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Flushes stdout: MW_EXIT_OK, or MW_EXIT_FAIL and a line if what was printed did not all get out. */
int mw_cli_stdout_done(void);

/* Names given by a repeatable option; borrowed strings. */
struct mw_cli_list {
	const char **p;
	size_t n;
};
/* Appends; without memory it ends the process with a line. */
void mw_cli_list_add(struct mw_cli_list *l, const char *s);
void mw_cli_list_done(struct mw_cli_list *l);

struct mw_logread;
/* Opens the logs named, or the default one: NULL after a line on stderr. */
struct mw_logread *mw_cli_open_logs(const struct mw_cli_list *logs, bool follow);
/* To be called between records by who prints them as they are read: says once, as soon as it is known,
 * that a log is not what was written. *said: false at first. */
void mw_cli_watch_logs(struct mw_logread *l, bool *said);
/* What reading ended with: `r` is mw_logread_next's last answer. Says what is wrong; the exit status.
 * `said`: mw_cli_watch_logs said that it is tampered, and nothing was shown since. */
int mw_cli_close_logs(struct mw_logread *l, int r, bool said);

#endif
