/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - mcpwatch record: raw kernel events to a capture file */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/number.h"
#include "cli/observe.h"
#include "cli/state.h"
#include "io/file.h"
#include "io/heap.h"

static const char help[] =
    "usage: mcpwatch record -o FILE [OPTION...] -- COMMAND [ARG...]\n"
    "\n"
    "Runs COMMAND as exec does, and writes what the kernel saw to a capture file (0600): raw\n"
    "conversations, secrets included. `mcpwatch replay FILE` makes the records of it.\n"
    "\n"
    "  -o, --output FILE   the capture file (\"-\": stdout)\n"
    "  --user USER         run COMMAND as USER\n"
    "  --state DIR         what earlier runs of exec and run learned goes into the capture, too\n"
    "                      (default " MW_DEFAULT_STATE "; none: nothing)\n"
    "  --ring BYTES        size of the ring buffer, a power of two (default 33554432)\n"
    "  --help\n"
    "\n"
    "The exit status is COMMAND's, as with exec.\n";

/* Of what the core asks only facts that a replay could not ask for any more: a capture holds the
 * bytes of all channels, whatever the core thinks of them. */
static void ask(void *ctx, const struct mw_control *c)
{
	const struct mw_pump *pump = ctx;

	if (c->kind == MW_CONTROL_ENV)
		(void)mw_source_control(pump->source, c);
}

int cmd_record(int argc, char **argv)
{
	enum { USER = 1, STATE, RING, HELP };
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "user", required_argument, NULL, USER },
		{ "state", required_argument, NULL, STATE },
		{ "ring", required_argument, NULL, RING },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	_cleanup_(mw_capture_freep) struct mw_capture *capture = NULL;
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	struct mw_pump pump = { .raw_fd = -1, .control = ask, .scope_ctx = &pump };
	struct mw_observe o = { .pump = &pump };
	_cleanup_(mw_cli_state_closep) struct mw_state_dir *state = NULL;
	const char *output = NULL, *dir = NULL;
	char err[MW_ERR_MAX];
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:o:", options, NULL)) != -1)
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case USER:
			o.user = optarg;
			break;
		case STATE:
			dir = optarg;
			break;
		case RING:
			if (mw_parse_u32(optarg, &o.ring_len) < 0)
				return mw_cli_usage("record", "--ring %s: not a number of bytes",
						    optarg);
			break;
		case HELP:
			fputs(help, stdout);
			return 0;
		default:
			return mw_cli_bad_option(argv, c);
		}
	if (!output)
		return mw_cli_usage("record", "no capture file: -o FILE");
	if (optind == argc)
		return mw_cli_usage("record",
				    "no command: mcpwatch record -o FILE -- COMMAND [ARG...]");
	o.argv = argv + optind;
	r = mw_capture_new(output, err, sizeof(err), &capture);
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (mw_cli_state_open(dir, false, &state))
		return MW_EXIT_FAIL;
	r = mw_engine_new(&cfg, &pump.engine);
	if (r < 0)
		return mw_cli_fail("%s", strerror(-r));
	pump.capture = capture;
	pump.state = state;
	r = mw_observe_run(&o);
	mw_engine_free(pump.engine);
	if (pump.sink_error)
		fprintf(stderr, "mcpwatch: %s: %s: the capture is not complete\n", output,
			strerror(-pump.sink_error));
	return r;
}
