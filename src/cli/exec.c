/* SPDX-License-Identifier: Apache-2.0 */
/* exec.c - mcpwatch exec: run a command and observe it and everything below it */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/observe.h"
#include "cli/options.h"
#include "cli/rules.h"
#include "cli/sealed.h"
#include "cli/settings.h"
#include "cli/state.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/sink_file.h"
#include "io/sink_screen.h"

struct exec_opts {
	struct mw_observe observe;
	const char *output, *log, *keys, *state;
	struct mw_cli_list rules;
	bool quiet, json;
};

#define AT(member) offsetof(struct exec_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("user", 0, "USER", AT(observe.user), "run COMMAND as USER"),
	MW_OPTION_TEXT("output", 'o', "FILE", AT(output),
		       "write every record to FILE as JSON lines"),
	MW_OPTION_TEXT("log", 0, "DIR", AT(log),
		       "write every record to the sealed log in folder DIR"),
	MW_OPTION_TEXT("keys", 0, "DIR", AT(keys),
		       "keys of that log (default " MW_DEFAULT_KEYS "), made if missing"),
	MW_OPTION_TEXT("state", 0, "DIR", AT(state),
		       "what lasts from run to run, such as pinned definitions of tools "
		       "(default " MW_DEFAULT_STATE "; none: nothing is kept)"),
	MW_OPTION_LIST(
	    "rules", 0, "PATH", AT(rules),
	    "rules beside the built-in ones: a file, or *.yaml of a folder (default " MW_RULES_DIR
	    ")"),
	MW_OPTION_FLAG("quiet", 0, AT(quiet), "no lines on stderr"),
	MW_OPTION_FLAG("json", 0, AT(json),
		       "records as JSON lines on stderr instead of lines for people"),
	MW_OPTION_U32("ring", 0, "BYTES", AT(observe.ring_len),
		      "size of the ring buffer, a power of two (default 33554432)"),
	MW_OPTION_U32("simulate-loss", 0, "N", AT(observe.simulate_loss),
		      "drop every Nth kernel event, for tests"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "exec [OPTION...] -- COMMAND [ARG...]",
	.what = "Runs COMMAND (an agent, an MCP client or a server itself) with its stdio\n"
		"untouched, and observes it and everything below it. One line a call on stderr.\n",
	.table = table,
	.after =
	    "The exit status is COMMAND's, 128 + N if signal N ended it, 127 if it was not\n"
	    "found, 126 if it could not be executed, 1 if it could not be observed (it is not\n"
	    "run then).\n",
	.command = true,
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(int argc, char **argv, struct exec_opts *o)
{
	int r;

	r = mw_options_parse(&options, argc, argv, o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind == argc)
		return mw_cli_usage("exec",
				    "no command: mcpwatch exec [OPTION...] -- COMMAND [ARG...]");
	if (o->keys && !o->log)
		return mw_cli_usage("exec", "--keys without --log: there is nothing to sign");
	o->observe.argv = argv + optind;
	return MW_OPTIONS_GO_ON;
}

/* The sinks are in the order they are opened in: their names for the message. */
struct sinks {
	struct mw_pump *pump;
	const char *names[MW_PUMP_SINKS];
};

static void add(struct sinks *s, struct mw_sink *sink, const char *name)
{
	s->names[s->pump->n_sinks] = name;
	s->pump->sinks[s->pump->n_sinks++] = sink;
}

static void free_sinks(struct sinks *s)
{
	size_t i;

	for (i = 0; i < s->pump->n_sinks; i++)
		mw_sink_free(s->pump->sinks[i]);
}

/* 0, or it was said what went wrong. */
static int open_log(const struct exec_opts *o, struct sinks *s, struct mw_sealed *sealed,
		    struct mw_engine_config *engine)
{
	/* not append-only: what a user has made by hand, a user may move and remove by hand */
	const struct mw_sink_log_config cfg = { .dir = o->log, .compress = true };
	struct mw_sink *sink;
	int r;

	if (!o->log)
		return mw_sealed_none(sealed, engine);
	r = mw_sealed_open(sealed, &cfg, o->keys, engine, &sink);
	if (r == 0)
		add(s, sink, o->log);
	return r;
}

static int open_sinks(const struct exec_opts *o, struct sinks *s)
{
	struct mw_sink *sink;
	char err[MW_ERR_MAX];
	int r;

	if (o->output) {
		r = mw_sink_file_new(o->output, err, sizeof(err), &sink);
		if (r < 0)
			goto failed;
		add(s, sink, o->output);
	}
	if (o->quiet)
		return 0;
	r = o->json ? mw_sink_file_new_fd(STDERR_FILENO, false, &sink)
		    : mw_sink_screen_new(stderr, &sink);
	if (r < 0) {
		snprintf(err, sizeof(err), "no memory");
		goto failed;
	}
	add(s, sink, "stderr");
	return 0;
failed:
	fprintf(stderr, "mcpwatch: %s\n", err);
	return r;
}

static int hash_rules(const struct mw_cli_list *rules, struct mw_engine_config *cfg)
{
	char text[MW_ERR_MAX];
	struct mw_yaml_err err = { text, sizeof(text) };
	int r;

	r = mw_settings_hash(NULL, rules, err, cfg->rules_hash, cfg->config_hash);
	if (r < 0)
		mw_cli_fail("%s", text);
	return r;
}

int cmd_exec(int argc, char **argv)
{
	struct exec_opts o = { 0 };
	struct mw_pump pump = { .raw_fd = -1 };
	_cleanup_(mw_sealed_done) struct mw_sealed sealed = { 0 };
	_cleanup_(mw_rules_freep) struct mw_rules *rules = NULL;
	_cleanup_(free_sinks) struct sinks sinks = { .pump = &pump };
	struct mw_engine_config cfg = { .alloc = &mw_heap, .sha256 = mw_sha256 };
	_cleanup_(mw_cli_state_closep) struct mw_state_dir *state = NULL;
	struct mw_engine_stats stats;
	struct mw_engine *engine;
	int r, e;

	r = parse(argc, argv, &o);
	e = r < 0 ? mw_cli_rules(&o.rules, true, NULL, &rules) : 0;
	if (r < 0 && e == 0)
		e = hash_rules(&o.rules, &cfg);
	mw_cli_list_done(&o.rules);
	if (r >= 0)
		return r;
	if (e < 0)
		return MW_EXIT_FAIL;
	cfg.redact = mw_rules_redact(rules);
	cfg.policy = mw_rules_policy(rules);
	r = open_log(&o, &sinks, &sealed, &cfg);
	if (r == 0)
		r = open_sinks(&o, &sinks);
	if (r == 0)
		r = mw_cli_state_open(o.state, true, &state);
	if (r != 0)
		return MW_EXIT_FAIL;
	r = mw_engine_new(&cfg, &engine);
	if (r < 0)
		return mw_cli_fail("no memory");
	pump.engine = engine;
	pump.state = state;
	o.observe.pump = &pump;
	r = mw_observe_run(&o.observe);
	mw_engine_stats(engine, &stats);
	mw_engine_free(engine);
	if (pump.sink_error)
		fprintf(stderr, "mcpwatch: %s: %s: %llu records were not written\n",
			sinks.names[pump.failed], strerror(-pump.sink_error),
			(unsigned long long)(stats.unwritten > pump.unwritten ? stats.unwritten
									      : pump.unwritten));
	return r;
}
