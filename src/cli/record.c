/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - mcpwatch record: raw kernel events to a capture file */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/observe.h"
#include "cli/options.h"
#include "cli/state.h"
#include "io/file.h"
#include "io/heap.h"

struct record_opts {
	const char *output, *user, *state;
	uint32_t ring;
};

#define AT(member) offsetof(struct record_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("output", 'o', "FILE", AT(output), "the capture file (\"-\": stdout)"),
	MW_OPTION_TEXT("user", 0, "USER", AT(user), "run COMMAND as USER"),
	MW_OPTION_TEXT("state", 0, "DIR", AT(state),
		       "what earlier runs of exec and run learned goes into the capture, too "
		       "(default " MW_DEFAULT_STATE "; none: nothing)"),
	MW_OPTION_U32("ring", 0, "BYTES", AT(ring),
		      "size of the ring buffer, a power of two (default 33554432)"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "record -o FILE [OPTION...] -- COMMAND [ARG...]",
	.what = "Runs COMMAND as exec does, and writes what the kernel saw to a capture file\n"
		"(0600): raw conversations, secrets included. 'mcpwatch replay FILE' makes the\n"
		"records of it.\n",
	.table = table,
	.after = "The exit status is COMMAND's, as with exec.\n",
	.command = true,
};

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
	struct record_opts opts = { 0 };
	_cleanup_(mw_capture_freep) struct mw_capture *capture = NULL;
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	struct mw_pump pump = { .raw_fd = -1, .control = ask, .scope_ctx = &pump };
	struct mw_observe o = { .pump = &pump };
	_cleanup_(mw_cli_state_closep) struct mw_state_dir *state = NULL;
	char err[MW_ERR_MAX];
	int r;

	r = mw_options_parse(&options, argc, argv, &opts);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (!opts.output)
		return mw_cli_usage("record", "no capture file: -o FILE");
	if (optind == argc)
		return mw_cli_usage("record",
				    "no command: mcpwatch record -o FILE -- COMMAND [ARG...]");
	o.argv = argv + optind;
	o.user = opts.user;
	o.ring_len = opts.ring;
	r = mw_capture_new(opts.output, err, sizeof(err), &capture);
	if (r < 0)
		return mw_cli_fail("%s", err);
	if (mw_cli_state_open(opts.state, false, &state))
		return MW_EXIT_FAIL;
	r = mw_engine_new(&cfg, &pump.engine);
	if (r < 0)
		return mw_cli_fail("%s", strerror(-r));
	pump.capture = capture;
	pump.state = state;
	r = mw_observe_run(&o);
	mw_engine_free(pump.engine);
	if (pump.sink_error)
		fprintf(stderr, "mcpwatch: %s: %s: the capture is not complete\n", opts.output,
			strerror(-pump.sink_error));
	return r;
}
