/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - mcpwatch run: the daemon, in the foreground */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/alerts.h"
#include "cli/anchors.h"
#include "cli/cli.h"
#include "cli/observe.h"
#include "cli/options.h"
#include "cli/sealed.h"
#include "cli/serve.h"
#include "cli/settings.h"
#include "cli/state.h"
#include "io/config.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/notify.h"
#include "io/scope.h"
#include "io/source_bpf.h"

#define POLL_MS 10

struct run_opts {
	const char *config, *log, *keys, *state, *control; /* NULL: not given */
	struct mw_cli_list rules;
	bool check;
	uint32_t simulate_loss;
};

#define AT(member) offsetof(struct run_opts, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("config", 0, "FILE", AT(config),
		       "default " MW_DEFAULT_CONFIG ", which need not be there"),
	MW_OPTION_TEXT("log", 0, "DIR", AT(log),
		       "the log folder; default: the configuration's, else " MW_DEFAULT_LOG),
	MW_OPTION_TEXT("keys", 0, "DIR", AT(keys),
		       "its keys; default: the configuration's, else " MW_DEFAULT_KEYS),
	MW_OPTION_TEXT(
	    "state", 0, "DIR", AT(state),
	    "what lasts from run to run, such as pinned definitions of tools; default: the "
	    "configuration's, else " MW_DEFAULT_STATE),
	MW_OPTION_TEXT("control", 0, "PATH", AT(control),
		       "the socket of status, metrics and top, or none; default: the "
		       "configuration's, else " MW_DEFAULT_CONTROL),
	MW_OPTION_LIST(
	    "rules", 0, "PATH", AT(rules),
	    "rules beside the built-in ones: a file, or *.yaml of a folder (default " MW_RULES_DIR
	    ")"),
	MW_OPTION_FLAG("check", 0, AT(check), "only check the configuration and the rules"),
	MW_OPTION_U32("simulate-loss", 0, "N", AT(simulate_loss),
		      "drop every Nth kernel event, for tests"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "run [--config FILE] [--log DIR] [--keys DIR] [--check]",
	.what = "The daemon, in the foreground: finds the MCP servers of this host, running ones\n"
		"and those still to be started, observes them and what the configuration names,\n"
		"and writes the log.\n",
	.table = table,
	.after = "SIGTERM and SIGINT drain and end it. SIGHUP reads the configuration and all\n"
		 "rules anew: if none has a fault all of it holds, but for log, state, control,\n"
		 "ring and message_max, which hold from the next start on; else nothing changes.\n"
		 "Under systemd: Type=notify.\n",
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(int argc, char **argv, struct run_opts *o)
{
	int r;

	r = mw_options_parse(&options, argc, argv, o);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	if (optind < argc)
		return mw_cli_usage("run", "%s: run takes no arguments", argv[optind]);
	return MW_OPTIONS_GO_ON;
}

struct daemon {
	const struct run_opts *o;
	struct mw_pump pump;
	struct mw_scope *scope;
	struct mw_settings *settings;
	struct mw_sink *outlets;
	struct mw_cli_anchors anchors;
	struct mw_serve serve;
};

/* What has threads of its own, ready to take over; only where its configuration may be another one.
 */
static int prepare_places(struct daemon *d, struct mw_settings *fresh, char err[MW_ERR_MAX])
{
	int r;

	if (memcmp(d->settings->config_hash, fresh->config_hash, sizeof(fresh->config_hash)) == 0 &&
	    mw_sink_alert_has(d->outlets, fresh->outlets))
		return 0;
	r = mw_sink_alert_prepare(d->outlets, fresh->outlets);
	if (r == 0)
		fresh->outlets = NULL;
	if (r == 0)
		r = mw_cli_anchors_prepare(&d->anchors, &fresh->anchors);
	if (r == -EBUSY)
		snprintf(err, MW_ERR_MAX, "outlets of an earlier change have not ended yet");
	else if (r < 0)
		snprintf(err, MW_ERR_MAX, "cannot start outlets and anchors: %s", strerror(-r));
	return r;
}

/* Nothing that can fail comes behind the engine's own change, which is the last that can. */
static int take(struct daemon *d, struct mw_settings **fresh, char err[MW_ERR_MAX])
{
	struct mw_settings *s = *fresh;
	int r;

	r = prepare_places(d, s, err);
	if (r == 0) {
		r = mw_engine_rules(d->pump.engine, mw_rules_redact(s->rules),
				    mw_rules_policy(s->rules), s->rules_hash, s->config_hash);
		if (r < 0)
			snprintf(err, MW_ERR_MAX, "no memory for other rules");
	}
	if (r < 0) {
		mw_sink_alert_cancel(d->outlets);
		mw_cli_anchors_cancel(&d->anchors);
		return r;
	}
	mw_sink_alert_commit(d->outlets);
	mw_cli_anchors_commit(&d->anchors);
	mw_engine_content(d->pump.engine, s->config->content.rule, s->config->content.n);
	r = mw_scope_reload(d->scope, s->config);
	if (r < 0)
		fprintf(stderr,
			"mcpwatch: cannot look at the running processes: %s: the new configuration "
			"holds for those still to be started\n",
			strerror(-r));
	mw_settings_free(d->settings);
	d->settings = MW_TAKE(*fresh);
	return 0;
}

/* sd_notify(3): RELOADING must come with the time. */
static void say_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	(void)mw_notify(text);
}

/* All or nothing: what has a fault changes nothing. */
static void reload(struct daemon *d)
{
	_cleanup_(mw_settings_freep) struct mw_settings *fresh = NULL;
	char err[MW_ERR_MAX];
	int r;

	say_reloading();
	r = mw_settings_load(d->o->config, &d->o->rules, err, sizeof(err), &fresh);
	if (r == 0)
		r = take(d, &fresh, err);
	if (r < 0) {
		mw_cli_fail("%s: the rules and the configuration stay as they were", err);
		mw_engine_rules_failed(d->pump.engine, err);
	}
	mw_serve_reloaded(&d->serve, r == 0);
	mw_pump_pull(&d->pump);
	(void)mw_notify("READY=1");
}

static int loop(struct daemon *d)
{
	int r, sig;

	for (;;) {
		r = mw_pump_step(&d->pump, POLL_MS);
		if (r < 0 && r != -EINTR)
			return r;
		mw_serve_step(&d->serve);
		while ((sig = mw_signal_next()))
			if (sig == SIGHUP)
				reload(d);
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

static void serve_step(void *serve)
{
	mw_serve_step(serve);
}

static int observe(struct daemon *d)
{
	const struct mw_config *config = d->settings->config;
	struct mw_pump *pump = &d->pump;
	_cleanup_(mw_source_freep) struct mw_source *source = NULL;
	_cleanup_(mw_scope_freep) struct mw_scope *scope = NULL;
	char err[MW_ERR_MAX];
	struct mw_source_bpf_config cfg = { .ring_len = config->ring_len,
					    .simulate_loss = d->o->simulate_loss,
					    .watch_execs = true,
					    .err = err,
					    .err_len = sizeof(err) };
	struct mw_scope_found found;
	int r, finished, files = 0;

	mw_signals_take();
	r = mw_source_bpf_new(&cfg, &source);
	if (r < 0)
		return mw_cli_fail("%s", err);
	r = mw_scope_new(config, &mw_scope_bpf_ops, source, &scope);
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
	d->scope = scope;
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
	r = loop(d);
	(void)mw_notify("STOPPING=1");
	mw_serve_stopping(&d->serve);
	if (r == 0)
		r = mw_observe_drain(pump, serve_step, &d->serve);
	if (r < 0) {
		pump->cut = true;
		mw_cli_fail("observing failed: %s: the records end early", strerror(-r));
	}
	mw_serve_end(&d->serve);
	finished = mw_pump_finish(pump);
	mw_serve_ended(&d->serve);
	if (finished < 0)
		return mw_cli_fail("the log: %s: %llu records were not written",
				   strerror(-pump->sink_error),
				   (unsigned long long)unwritten(pump));
	return r < 0 ? MW_EXIT_FAIL : MW_EXIT_OK;
}

static void say_checked(const char *config)
{
	if (!config && access(MW_DEFAULT_CONFIG, F_OK) < 0)
		fprintf(stderr, "mcpwatch: there is no %s: the defaults hold\n", MW_DEFAULT_CONFIG);
	else
		fprintf(stderr, "mcpwatch: %s: no fault found\n",
			config ? config : MW_DEFAULT_CONFIG);
}

static int start(struct daemon *d)
{
	const struct run_opts *o = d->o;
	struct mw_config *config = d->settings->config;
	_cleanup_(mw_sealed_done) struct mw_sealed sealed = { 0 };
	_cleanup_(mw_cli_state_closep) struct mw_state_dir *state = NULL;
	_cleanup_(mw_sink_freep) struct mw_sink *log = NULL, *alerts = NULL, *told = NULL;
	struct mw_sink_log_config log_cfg = config->log;
	struct mw_engine_config cfg = { .alloc = &mw_heap,
					.sha256 = mw_sha256,
					.redact = mw_rules_redact(d->settings->rules),
					.policy = mw_rules_policy(d->settings->rules),
					.content = config->content.rule,
					.n_content = config->content.n,
					.message_max = config->message_max };
	int r;

	memcpy(cfg.rules_hash, d->settings->rules_hash, sizeof(cfg.rules_hash));
	memcpy(cfg.config_hash, d->settings->config_hash, sizeof(cfg.config_hash));
	log_cfg.dir = o->log ? o->log : log_cfg.dir ? log_cfg.dir : MW_DEFAULT_LOG;
	if (mw_cli_anchors_start(&d->anchors, &d->settings->anchors, &log_cfg) < 0)
		return MW_EXIT_FAIL;
	if (mw_sealed_open(&sealed, &log_cfg, o->keys ? o->keys : config->keys_dir, &cfg, &log))
		return MW_EXIT_FAIL;
	if (mw_cli_state_open(o->state ? o->state : config->state_dir, true, &state))
		return MW_EXIT_FAIL;
	r = mw_engine_new(&cfg, &d->pump.engine);
	if (r < 0)
		return mw_cli_fail("no memory");
	if (mw_cli_alerts_start(&d->settings->outlets, &alerts) < 0) {
		mw_engine_free(d->pump.engine);
		return MW_EXIT_FAIL;
	}
	d->outlets = alerts;
	/* before the log: what they say at the end is to stand in it */
	d->pump.sinks[d->pump.n_sinks++] = alerts;
	d->pump.sinks[d->pump.n_sinks++] = log;
	d->pump.state = state;
	d->serve = (struct mw_serve){ .pump = &d->pump,
				      .settings = &d->settings,
				      .scope = &d->scope,
				      .anchors = &d->anchors,
				      .log = log,
				      .outlets = alerts,
				      .log_dir = log_cfg.dir,
				      .control = o->control };
	r = mw_serve_start(&d->serve, &told);
	if (r == 0) {
		d->pump.sinks[d->pump.n_sinks++] = told;
		r = observe(d);
	}
	mw_serve_done(&d->serve);
	mw_engine_free(d->pump.engine);
	return r;
}

int cmd_run(int argc, char **argv)
{
	struct run_opts o = { 0 };
	struct daemon d = { .o = &o, .pump = { .raw_fd = -1 } };
	char err[MW_ERR_MAX];
	int status;

	status = parse(argc, argv, &o);
	if (status < 0 && mw_settings_load(o.config, &o.rules, err, sizeof(err), &d.settings) < 0)
		status = mw_cli_fail("%s", err);
	if (status < 0 && o.check) {
		say_checked(o.config);
		status = MW_EXIT_OK;
	}
	if (status < 0)
		status = start(&d);
	mw_cli_anchors_done(&d.anchors);
	mw_settings_free(d.settings);
	mw_cli_list_done(&o.rules);
	return status;
}
