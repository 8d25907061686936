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
#include "cli/options.h"
#include "cli/rules.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/mac.h"
#include "io/pump.h"
#include "io/sink_file.h"
#include "io/source_lossy.h"
#include "io/source_replay.h"

struct replay_opts {
	const char *file, *output, *raw;
	struct mw_cli_list rules;
	uint32_t simulate_loss;
};

#define AT(member) offsetof(struct replay_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("output", 'o', "FILE", AT(output), "write the records to FILE instead"),
	MW_OPTION_LIST("rules", 0, "PATH", AT(rules),
		       "rules beside the built-in ones: a file, or *.yaml of a folder"),
	MW_OPTION_TEXT("raw", 0, "FILE", AT(raw),
		       "write each message's exact bytes to FILE, a line each, unredacted"),
	MW_OPTION_U32("simulate-loss", 0, "N", AT(simulate_loss),
		      "drop every Nth kernel event, for tests"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "replay FILE [OPTION...]",
	.what = "Makes the records of a capture file (\"-\": stdin), as JSON lines on stdout.\n",
	.table = table,
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(int argc, char **argv, struct replay_opts *o)
{
	int r;

	r = mw_options_parse(&options, argc, argv, o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind != argc - 1)
		return mw_cli_usage("replay",
				    optind == argc ? "no capture file" : "one capture file");
	o->file = argv[optind];
	return MW_OPTIONS_GO_ON;
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
