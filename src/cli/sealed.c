/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sealed.h"

#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "io/file.h"

static void say_found(const char *dir, const struct mw_sink_log_found *f)
{
	if (f->torn)
		fprintf(stderr, "mcpwatch: %s: a half-written last record was moved to %s\n", dir,
			f->torn_path);
	if (f->damaged)
		fprintf(stderr,
			"mcpwatch: %s: the log was damaged (%s): it was moved to %s/damaged, and a "
			"new one begins\n",
			dir, f->damaged_why, dir);
}

int mw_sealed_open(struct mw_sealed *s, const struct mw_sink_log_config *log, const char *keys_dir,
		   struct mw_engine_config *engine, struct mw_sink **ret_sink)
{
	struct mw_sink_log_config cfg = *log;
	struct mw_sink *sink;
	char err[MW_ERR_MAX];
	int r;

	keys_dir = keys_dir ? keys_dir : MW_DEFAULT_KEYS;
	if (mw_keys_in_log(keys_dir, log->dir))
		return mw_cli_fail(
		    "keys folder %s lies in the log's folder %s; name one outside of it", keys_dir,
		    log->dir);
	r = mw_keys_open(keys_dir, err, sizeof(err), &s->keys);
	if (r < 0)
		return mw_cli_fail("%s", err);
	cfg.keys = s->keys;
	r = mw_sink_log_new(&cfg, err, sizeof(err), &s->found, &sink);
	if (r < 0)
		return mw_cli_fail("%s", err);
	say_found(cfg.dir, &s->found);
	r = mw_log_resume(cfg.dir, err, sizeof(err), &s->resume);
	if (r < 0) {
		mw_sink_free(sink);
		return mw_cli_fail("%s", err);
	}
	s->engine_found =
	    (struct mw_engine_found){ .unsealed = s->found.unsealed, .torn_n = s->found.torn_n };
	if (s->found.damaged) {
		s->engine_found.damaged_why = s->found.damaged_why;
		s->engine_found.damaged_origin = s->found.damaged_origin;
		s->engine_found.damaged_root = s->found.damaged_root;
		s->engine_found.damaged_size = s->found.damaged_size;
	}
	engine->first_seq = s->found.next_seq;
	engine->resume = mw_log_resume_engine(s->resume);
	engine->found = &s->engine_found;
	engine->mac = mw_mac_run;
	engine->mac_ctx = mw_keys_mac(s->keys);
	*ret_sink = sink;
	return 0;
}

int mw_sealed_none(struct mw_sealed *s, struct mw_engine_config *engine)
{
	int r = mw_mac_new_random(&s->mac);

	if (r < 0)
		return mw_cli_fail(r == -ENOMEM ? "no memory" : "no randomness");
	engine->mac = mw_mac_run;
	engine->mac_ctx = s->mac;
	return 0;
}

void mw_sealed_done(struct mw_sealed *s)
{
	mw_log_resume_free(s->resume);
	mw_mac_free(s->mac);
	mw_keys_free(s->keys);
}
