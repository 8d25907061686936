/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "io/config.h"
#include "io/control_ask.h"
#include "io/control_sock.h"
#include "io/file.h"
#include "io/heap.h"

#define TIMEOUT_MS 5000

char *mw_cli_control_path(const char *given)
{
	_cleanup_(mw_config_freep) struct mw_config *config = NULL;
	const char *path = given;
	char err[MW_ERR_MAX], *copy;

	/* one that cannot be read says nothing of the daemon that runs */
	if (!path && mw_config_load(MW_DEFAULT_CONFIG, err, sizeof(err), &config) == 0)
		path = config->control;
	if (path && strcmp(path, "none") == 0) {
		mw_cli_fail(given ? "--control none: there is nobody to ask"
				  : "'control: none' in " MW_DEFAULT_CONFIG
				    ": the daemon cannot be asked; take it out and start it anew");
		return NULL;
	}
	copy = strdup(path ? path : MW_DEFAULT_CONTROL);
	if (!copy)
		mw_cli_fail("not enough memory");
	return copy;
}

/* Asks, and reads the whole answer into *out (initialised here, for mw_buf_done in any case). 0, or
 * MW_EXIT_FAIL after a line on stderr. */
static int ask(const char *given, const char *request, struct mw_buf *out)
{
	_cleanup_(mw_freep) char *path = NULL;
	_cleanup_(mw_close) int fd = -1;
	char err[MW_ERR_MAX];

	mw_buf_init(out, &mw_heap, MW_CONTROL_ANSWER_MAX);
	path = mw_cli_control_path(given);
	if (!path)
		return MW_EXIT_FAIL;
	fd = mw_control_ask(path, request, err, sizeof(err));
	if (fd < 0 || mw_control_answer(fd, TIMEOUT_MS, out, err, sizeof(err)) < 0)
		return mw_cli_fail("%s", err);
	return 0;
}

int mw_cli_control_verb(const struct mw_options *options, int argc, char **argv, void *opts,
			const char *const *control, const char *request,
			int (*show)(const struct mw_buf *answer, const void *opts))
{
	struct mw_buf answer;
	int status;

	status = mw_options_parse(options, argc, argv, opts);
	if (status != MW_OPTIONS_GO_ON)
		return status;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	status = ask(*control, request, &answer);
	if (status == 0)
		status = show(&answer, opts);
	mw_buf_done(&answer);
	return status;
}
