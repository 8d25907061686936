/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "io/bpf_facts.h"
#include "io/file.h"
#include "io/heap.h"
#include "io/metrics.h"

#define AGAIN_NS 10000000000ull
#define END_US	 10000

static void fill(void *ctx, struct mw_health *h)
{
	struct mw_serve *s = ctx;
	const struct mw_settings *settings = *s->settings;
	int error;

	if (s->ending) {
		*h = s->last;
		mw_health_self(h);
		return;
	}
	mw_health_self(h);
	h->host = s->host;
	h->version = MW_VERSION;
	h->started_ns = s->started_ns;
	h->started_boot_ns = s->started_boot_ns;
	memcpy(h->config_hash, settings->config_hash, sizeof(h->config_hash));
	memcpy(h->rules_hash, settings->rules_hash, sizeof(h->rules_hash));
	h->reloads = s->reloads;
	h->reloads_failed = s->reloads_failed;
	mw_source_stats(s->pump->source, &h->source);
	mw_source_bpf_stats(s->pump->source, &h->bpf);
	mw_scope_stats(*s->scope, &h->scope);
	mw_engine_stats(s->pump->engine, &h->engine);
	h->n_opaque = mw_engine_opaque(s->pump->engine, h->opaque, MW_HEALTH_OPAQUE_MAX);
	h->stopping = s->stopping;
	h->n_tables = mw_engine_tables(s->pump->engine, h->tables);
	h->log_dir = s->log_dir;
	mw_sink_log_stats(s->log, &h->log);
	mw_cli_anchors_stats(s->anchors, &h->anchors, &h->n_anchors);
	mw_sink_alert_stats(s->outlets, &h->outlets);
	h->state_on = s->pump->state;
	h->state_unkept = s->pump->state ? mw_state_dir_unkept(s->pump->state, &error) : 0;
	if (s->file) {
		h->metrics_file = mw_metrics_file_path(s->file);
		h->metrics_failed = mw_metrics_file_failed(s->file, &error);
	}
	h->tally = s->tally;
}

/* --- the sink -----------------------------------------------------------------------------------
 */

struct serve_sink {
	struct mw_sink sink;
	struct mw_serve *s;
};

static int sink_write(struct mw_sink *sink, const struct mw_record *record)
{
	struct mw_serve *s = ((struct serve_sink *)sink)->s;

	if (s->ending)
		pthread_mutex_lock(&s->lock);
	mw_tally_add(s->tally, record->json, record->len);
	if (s->sock)
		mw_control_sock_record(s->sock, record->json, record->len);
	if (s->ending)
		pthread_mutex_unlock(&s->lock);
	return 0;
}

static int sink_flush(struct mw_sink *sink)
{
	(void)sink;
	return 0;
}

static void sink_free(struct mw_sink *sink)
{
	free(sink);
}

static const struct mw_sink_ops sink_ops = {
	.write = sink_write,
	.flush = sink_flush,
	.free = sink_free,
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void change_file(struct mw_serve *s, const char *path)
{
	int r = 0;

	if (s->file && path && strcmp(mw_metrics_file_path(s->file), path) == 0)
		return;
	mw_metrics_file_free(s->file);
	s->file = NULL;
	s->written_ns = 0;
	if (path)
		r = mw_metrics_file_new(path, &s->file);
	if (r < 0)
		mw_cli_fail("metrics file %s: %s: it is not written", path, strerror(-r));
}

static int open_socket(struct mw_serve *s, bool named)
{
	char err[MW_ERR_MAX];
	const bool again = s->tried_ns;
	int r;

	s->tried_ns = mw_boot_ns();
	r = mw_control_sock_new(s->path, &s->ops, err, sizeof(err), &s->sock);
	if (r < 0 && named)
		return mw_cli_fail("%s", err);
	if (r < 0 && !again)
		mw_cli_fail("%s; it goes on without, and tries again: status, metrics and top do "
			    "not work",
			    err);
	if (r == 0 && again)
		fprintf(stderr, "mcpwatch: control socket %s: it is there now\n", s->path);
	return 0;
}

int mw_serve_start(struct mw_serve *s, struct mw_sink **ret)
{
	const struct mw_config *config = (*s->settings)->config;
	const char *named = s->control ? s->control : config->control;
	struct serve_sink *sink = calloc(1, sizeof(*sink));
	struct mw_health now = { 0 };

	s->tally = calloc(1, sizeof(*s->tally));
	if (!sink || !s->tally) {
		free(sink);
		return mw_cli_fail("no memory");
	}
	mw_buf_init(&s->text, &mw_heap, MW_METRICS_MAX);
	mw_health_self(&now);
	s->started_ns = now.now_ns;
	s->started_boot_ns = now.boot_ns;
	if (gethostname(s->host, sizeof(s->host) - 1) < 0)
		s->host[0] = '\0';
	s->ops = (struct mw_control_ops){ .health = fill, .ctx = s };
	s->path = named ? named : MW_DEFAULT_CONTROL;
	if (strcmp(s->path, "none") == 0)
		s->path = NULL;
	/* it may be freed with the configuration */
	s->path = s->path ? strdup(s->path) : NULL;
	if (s->path && open_socket(s, named)) {
		free(sink);
		return MW_EXIT_FAIL;
	}
	change_file(s, config->metrics_file);
	sink->sink.ops = &sink_ops;
	sink->s = s;
	*ret = &sink->sink;
	return 0;
}

static void write_file(struct mw_serve *s, uint64_t now)
{
	struct mw_health h = { 0 };

	if (now - s->written_ns < (*s->settings)->config->metrics_ns ||
	    !mw_metrics_file_ready(s->file))
		return;
	s->written_ns = now;
	fill(s, &h);
	if (s->sock)
		mw_control_sock_stats(s->sock, &h.control);
	if (mw_metrics_print(&h, &s->text) == 0)
		mw_metrics_file_write(s->file, &s->text);
	mw_buf_reset(&s->text, 0);
}

void mw_serve_step(struct mw_serve *s)
{
	const uint64_t now = mw_boot_ns();

	if (s->sock)
		mw_control_sock_poll(s->sock, now);
	else if (s->path && now - s->tried_ns >= AGAIN_NS)
		(void)open_socket(s, false);
	if (s->file)
		write_file(s, now);
}

/* --- the end ------------------------------------------------------------------------------------
 */

void mw_serve_stopping(struct mw_serve *s)
{
	s->stopping = true;
}

static void *serve_end(void *arg)
{
	struct mw_serve *s = arg;

	while (!atomic_load(&s->ended)) {
		pthread_mutex_lock(&s->lock);
		mw_control_sock_poll(s->sock, mw_boot_ns());
		pthread_mutex_unlock(&s->lock);
		usleep(END_US);
	}
	return NULL;
}

void mw_serve_end(struct mw_serve *s)
{
	if (!s->sock)
		return;
	fill(s, &s->last);
	pthread_mutex_init(&s->lock, NULL);
	atomic_store(&s->ended, false);
	s->ending = true;
	if (pthread_create(&s->thread, NULL, serve_end, s) == 0)
		return;
	/* without it, who asks waits */
	s->ending = false;
	pthread_mutex_destroy(&s->lock);
}

void mw_serve_ended(struct mw_serve *s)
{
	if (!s->ending)
		return;
	atomic_store(&s->ended, true);
	pthread_join(s->thread, NULL);
	/* who watches gets the last records */
	mw_control_sock_poll(s->sock, mw_boot_ns());
	s->ending = false;
	pthread_mutex_destroy(&s->lock);
}

void mw_serve_reloaded(struct mw_serve *s, bool taken)
{
	s->reloads += taken;
	s->reloads_failed += !taken;
	if (taken)
		change_file(s, (*s->settings)->config->metrics_file);
}

void mw_serve_done(struct mw_serve *s)
{
	mw_control_sock_free(s->sock);
	mw_metrics_file_free(s->file);
	mw_buf_done(&s->text);
	free((char *)s->path);
	free(s->tally);
}
