/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - mcpwatch replay: the whole pipeline over a capture file, without root or kernel */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/number.h"
#include "cli/rules.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/mac.h"
#include "io/pump.h"
#include "io/sink_file.h"
#include "io/source_lossy.h"
#include "io/source_replay.h"

static const char help[] =
    "usage: mcpwatch replay FILE [OPTION...]\n"
    "\n"
    "Makes the records of a capture file (\"-\": stdin), as JSON lines on stdout.\n"
    "\n"
    "  --output FILE       write the records to FILE instead\n"
    "  --rules PATH        rules beside the built-in ones: a file, or *.yaml of a folder\n"
    "  --raw FILE          write each message's exact bytes to FILE, a line each, unredacted\n"
    "  --simulate-loss N   drop every Nth kernel event, for tests\n"
    "  --help\n";

struct replay_opts {
	const char *file, *output, *raw;
	struct mw_cli_list rules;
	uint32_t simulate_loss;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct replay_opts *o)
{
	enum { OUTPUT = 1, RAW, RULES, LOSS, HELP };
	static const struct option options[] = {
		{ "output", required_argument, NULL, OUTPUT },
		{ "raw", required_argument, NULL, RAW },
		{ "rules", required_argument, NULL, RULES },
		{ "simulate-loss", required_argument, NULL, LOSS },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1)
		switch (c) {
		case OUTPUT:
			o->output = optarg;
			break;
		case RAW:
			o->raw = optarg;
			break;
		case RULES:
			mw_cli_list_add(&o->rules, optarg);
			break;
		case LOSS:
			if (mw_parse_u32(optarg, &o->simulate_loss) < 0)
				return mw_cli_usage("replay", "--simulate-loss %s: not a number",
						    optarg);
			break;
		case HELP:
			fputs(help, stdout);
			return MW_EXIT_OK;
		default:
			return mw_cli_bad_option(argv, c);
		}
	if (optind != argc - 1)
		return mw_cli_usage("replay",
				    optind == argc ? "no capture file" : "one capture file");
	o->file = argv[optind];
	return -1;
}

/* The capture's key is made before the core sees its first event. */
static bool take_run(void *mac, const struct mw_event_hdr *ev)
{
	if (ev->type == MW_EV_META && ev->len >= sizeof(struct mw_ev_meta) &&
	    mw_mac_set_run(mac, ((const struct mw_ev_meta *)(const void *)ev)->run_id) < 0)
		abort(); /* no memory for a few hundred bytes */
	return true;
}

int cmd_replay(int argc, char **argv)
{
	_cleanup_(mw_source_freep) struct mw_source *source = NULL;
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	_cleanup_(mw_sink_freep) struct mw_sink *out = NULL;
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256, .mac = mw_mac_run };
	_cleanup_(mw_mac_freep) struct mw_mac *mac = NULL;
	struct mw_source *file = NULL;
	struct replay_opts o = { 0 };
	_cleanup_(mw_close) int raw = -1;
	struct mw_pump pump = { 0 };
	char err[MW_ERR_MAX] = "no memory";
	int r, end;

	r = parse(argc, argv, &o);
	end = r < 0 ? mw_cli_rules(&o.rules, false, NULL, &rules) : 0;
	mw_cli_list_done(&o.rules);
	if (r >= 0)
		return r;
	if (end < 0)
		return MW_EXIT_FAIL;
	cfg.redact = mw_rules_redact(rules);
	cfg.policy = mw_rules_policy(rules);
	r = mw_source_replay_new(o.file, err, sizeof(err), &file);
	source = file;
	if (r == 0 && o.simulate_loss) {
		source = NULL;
		r = mw_source_lossy_new(file, o.simulate_loss, &source);
	}
	if (r == 0)
		r = mw_sink_file_new(o.output ? o.output : "-", err, sizeof(err), &out);
	if (r == 0 && o.raw)
		r = raw = mw_file_create(o.raw, err, sizeof(err));
	if (r >= 0)
		r = mw_mac_new_random(&mac); /* for what comes before META, which is nothing */
	cfg.mac_ctx = mac;
	cfg.raw = o.raw;
	if (r >= 0)
		r = mw_engine_new(&cfg, &pump.engine);
	if (r < 0)
		return mw_cli_fail("%s", err);
	pump.source = source;
	pump.sinks[pump.n_sinks++] = out;
	pump.raw_fd = raw;
	pump.scope = take_run;
	pump.scope_ctx = mac;
	do
		end = mw_pump_step(&pump, 0);
	while (end >= 0 && !pump.sink_error);
	r = mw_pump_finish(&pump);
	mw_engine_free(pump.engine);
	if (end < 0 && end != -ENODATA)
		return mw_cli_fail("%s: the records up to here are whole, more was to come",
				   *mw_source_replay_error(file) ? mw_source_replay_error(file)
								 : strerror(-end));
	if (r == -EPIPE && !o.output)
		return 0; /* who reads it has seen enough */
	if (r < 0)
		return mw_cli_fail("%s: %s: %llu records were not written",
				   pump.failed == pump.n_sinks ? o.raw
				   : o.output		       ? o.output
							       : "stdout",
				   strerror(-r), (unsigned long long)pump.unwritten);
	return MW_EXIT_OK;
}
