/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - mcpwatch run: the daemon, in the foreground */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/anchors.h"
#include "cli/cli.h"
#include "cli/number.h"
#include "cli/observe.h"
#include "cli/rules.h"
#include "cli/sealed.h"
#include "io/config.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/notify.h"
#include "io/scope.h"
#include "io/source_bpf.h"

#define POLL_MS 10

static const char help[] =
    "usage: mcpwatch run [--config FILE] [--log DIR] [--keys DIR] [--check]\n"
    "\n"
    "The daemon, in the foreground: finds the MCP servers of this host, running ones and those "
    "still\n"
    "to be started, observes them and what the configuration names, and writes the log.\n"
    "\n"
    "  --config FILE       default " MW_DEFAULT_CONFIG ", which need not be there\n"
    "  --log DIR           the log folder; default: the configuration's, else " MW_DEFAULT_LOG "\n"
    "  --keys DIR          its keys; default: the configuration's, else " MW_DEFAULT_KEYS "\n"
    "  --rules PATH        redaction rules beside the built-in ones: a file, or *.yaml of a folder\n"
    "                      (default " MW_RULES_DIR ")\n"
    "  --check             only check the configuration and the rules\n"
    "  --simulate-loss N   drop every Nth kernel event, for tests\n"
    "  --help\n"
    "\n"
    "SIGTERM and SIGINT drain and end it, SIGHUP reads the configuration anew,\n"
    "but for log, ring, message_max, redact and anchors, which hold from the next start on.\n"
    "Under systemd: Type=notify.\n";

struct run_opts {
	const char *config, *log, *keys; /* NULL: not given */
	struct mw_cli_list rules;
	bool check;
	uint32_t simulate_loss;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct run_opts *o)
{
	enum { CONFIG = 1, LOG, KEYS, RULES, CHECK, LOSS, HELP };
	static const struct option options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "log", required_argument, NULL, LOG },
		{ "keys", required_argument, NULL, KEYS },
		{ "rules", required_argument, NULL, RULES },
		{ "check", no_argument, NULL, CHECK },
		{ "simulate-loss", required_argument, NULL, LOSS },
		{ "help", no_argument, NULL, HELP },
		{ 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1)
		switch (c) {
		case CONFIG:
			o->config = optarg;
			break;
		case LOG:
			o->log = optarg;
			break;
		case KEYS:
			o->keys = optarg;
			break;
		case RULES:
			mw_cli_list_add(&o->rules, optarg);
			break;
		case CHECK:
			o->check = true;
			break;
		case LOSS:
			if (mw_parse_u32(optarg, &o->simulate_loss) < 0)
				return mw_cli_usage("run", "--simulate-loss %s: not a number",
						    optarg);
			break;
		case HELP:
			fputs(help, stdout);
			return MW_EXIT_OK;
		default:
			return mw_cli_bad_option(argv, c);
		}
	if (optind < argc)
		return mw_cli_usage("run", "%s: run takes no arguments", argv[optind]);
	return -1;
}

/* Without a name, the default file, if it is there. */
static int load(const char *path, struct mw_config **ret)
{
	_cleanup_(mw_config_freep) struct mw_config *config = NULL;
	const char *file = path ? path : MW_DEFAULT_CONFIG;
	char err[MW_ERR_MAX];
	int r;

	r = mw_config_load(file, err, sizeof(err), &config);
	if (r == -ENOENT && !path) {
		r = mw_config_default(&config);
		if (r < 0)
			snprintf(err, sizeof(err), "no memory");
	}
	if (r < 0) {
		mw_cli_fail("%s", err);
		return r;
	}
	if (!config->watch.n && !config->discover) {
		mw_cli_fail("%s: nothing to watch: 'discover' is off and 'watch' names no process",
			    file);
		return -EINVAL;
	}
	*ret = MW_TAKE(config);
	return 0;
}

/* All or nothing: a configuration that is not sound changes nothing. */
static void reload(const char *path, struct mw_scope *scope, struct mw_config **config)
{
	struct mw_config *fresh;
	int r;

	(void)mw_notify("RELOADING=1");
	if (load(path, &fresh) < 0) {
		fprintf(stderr, "mcpwatch: the configuration stays as it was\n");
	} else {
		r = mw_scope_reload(scope, fresh);
		mw_config_free(*config);
		*config = fresh;
		if (r < 0)
			fprintf(stderr,
				"mcpwatch: cannot look at the running processes: %s: the new "
				"configuration holds for those still to be started\n",
				strerror(-r));
	}
	(void)mw_notify("READY=1");
}

static int loop(struct mw_pump *pump, const char *path, struct mw_scope *scope,
		struct mw_config **config)
{
	int r, sig;

	for (;;) {
		r = mw_pump_step(pump, POLL_MS);
		if (r < 0 && r != -EINTR)
			return r;
		while ((sig = mw_signal_next()))
			if (sig == SIGHUP)
				reload(path, scope, config);
			else
				return 0;
	}
}

/* What the log did not take, told of it or not. */
static uint64_t unwritten(const struct mw_pump *pump)
{
	struct mw_engine_stats stats;

	mw_engine_stats(pump->engine, &stats);
	return stats.unwritten > pump->unwritten ? stats.unwritten : pump->unwritten;
}

static int observe(const struct run_opts *o, struct mw_pump *pump, struct mw_config **config)
{
	_cleanup_(mw_source_freep) struct mw_source *source = NULL;
	_cleanup_(mw_scope_freep) struct mw_scope *scope = NULL;
	char err[MW_ERR_MAX];
	struct mw_source_bpf_config cfg = { .ring_len = (*config)->ring_len,
					    .simulate_loss = o->simulate_loss,
					    .watch_execs = true,
					    .err = err,
					    .err_len = sizeof(err) };
	struct mw_scope_found found;
	int r, files = 0;

	mw_signals_take();
	r = mw_source_bpf_new(&cfg, &source);
	if (r < 0)
		return mw_cli_fail("%s", err);
	r = mw_scope_new(*config, &mw_scope_bpf_ops, source, &scope);
	if (r == 0)
		r = mw_scope_scan(scope, &found, &files);
	if (r < 0)
		return mw_cli_fail("cannot look at the running processes: %s", strerror(-r));
	if (files < 0)
		fprintf(stderr,
			"mcpwatch: cannot list open files (%s): servers that run already are not "
			"found\n",
			strerror(-files));
	mw_observe_hurry();
	pump->source = source;
	pump->scope = mw_scope_event;
	pump->control = mw_scope_control;
	pump->held = mw_scope_held;
	pump->scope_ctx = scope;
	fprintf(stderr,
		"mcpwatch: watching: of the running processes the configuration names %zu, %zu "
		"listen on TCP, %zu pairs share channels\n",
		found.watched, found.listeners, found.pairs);
	(void)mw_notify("READY=1");
	r = loop(pump, o->config, scope, config);
	(void)mw_notify("STOPPING=1");
	if (r == 0)
		r = mw_observe_drain(pump);
	if (r < 0) {
		pump->cut = true;
		mw_cli_fail("observing failed: %s: the records end early", strerror(-r));
	}
	if (mw_pump_finish(pump) < 0)
		return mw_cli_fail("the log: %s: %llu records were not written",
				   strerror(-pump->sink_error),
				   (unsigned long long)unwritten(pump));
	return r < 0 ? MW_EXIT_FAIL : MW_EXIT_OK;
}

int cmd_run(int argc, char **argv)
{
	_cleanup_(mw_config_freep) struct mw_config *config = NULL;
	_cleanup_(mw_cli_anchors_done) struct mw_cli_anchors anchors = { 0 };
	_cleanup_(mw_sealed_done) struct mw_sealed sealed = { 0 };
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	_cleanup_(mw_sink_freep) struct mw_sink *log = NULL;
	struct run_opts o = { 0 };
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	struct mw_pump pump = { .raw_fd = -1 };
	struct mw_sink_log_config log_cfg;
	int r, e;

	r = parse(argc, argv, &o);
	e = r < 0 ? load(o.config, &config) : 0;
	if (r < 0 && e == 0)
		e = mw_cli_rules(&o.rules, true, o.config, &rules);
	if (r < 0 && e == 0)
		e = mw_cli_anchors_load(&anchors, o.config);
	mw_cli_list_done(&o.rules);
	if (r >= 0)
		return r;
	if (e < 0)
		return MW_EXIT_FAIL;
	if (o.check) {
		if (!o.config && access(MW_DEFAULT_CONFIG, F_OK) < 0)
			fprintf(stderr, "mcpwatch: there is no %s: the defaults hold\n",
				MW_DEFAULT_CONFIG);
		else
			fprintf(stderr, "mcpwatch: %s: no fault found\n",
				o.config ? o.config : MW_DEFAULT_CONFIG);
		return MW_EXIT_OK;
	}
	log_cfg = config->log;
	log_cfg.dir = o.log ? o.log : log_cfg.dir ? log_cfg.dir : MW_DEFAULT_LOG;
	if (mw_cli_anchors_start(&anchors, &log_cfg) < 0)
		return MW_EXIT_FAIL;
	if (mw_sealed_open(&sealed, &log_cfg, o.keys ? o.keys : config->keys_dir, &cfg, &log))
		return MW_EXIT_FAIL;
	cfg.message_max = config->message_max;
	cfg.redact = mw_rules_redact(rules);
	r = mw_engine_new(&cfg, &pump.engine);
	if (r < 0)
		return mw_cli_fail("no memory");
	pump.sinks[pump.n_sinks++] = log;
	r = observe(&o, &pump, &config);
	mw_engine_free(pump.engine);
	return r;
}
