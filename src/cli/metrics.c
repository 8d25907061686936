/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - mcpwatch metrics: the running daemon's counters as Prometheus text */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/control.h"
#include "cli/options.h"
#include "io/control_sock.h"

struct metrics_opts {
	const char *control;
};

static const struct mw_option table[] = {
	MW_OPTION_TEXT("control", 0, "PATH", offsetof(struct metrics_opts, control),
		       "the daemon's socket (default: the configuration's, else " MW_DEFAULT_CONTROL
		       ")"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "metrics [--control PATH]",
	.what = "Prints the running daemon's counters in Prometheus' text format: of each stage,\n"
		"each loss, each server. As a file for node_exporter: 'metrics_file' in the\n"
		"configuration.\n",
	.table = table,
	.after = "Exit status: 0; 1 no daemon answers.\n",
};

/* Prints an answer that is whole: its last line says so. */
static int print(const struct mw_buf *text, const void *unused)
{
	static const char end[] = "\n# EOF\n";
	const size_t n = sizeof(end) - 1;

	(void)unused;
	if (text->len < n || memcmp(text->p + text->len - n, end, n) != 0)
		return mw_cli_fail("the daemon's answer ends early: is it another version?");
	fwrite(text->p, 1, text->len, stdout);
	return mw_cli_stdout_done();
}

int cmd_metrics(int argc, char **argv)
{
	struct metrics_opts o = { 0 };

	return mw_cli_control_verb(&options, argc, argv, &o, &o.control, "metrics", print);
}
