/* SPDX-License-Identifier: Apache-2.0 */
/* sink_alert_out.c - one alert to one outlet; in the outlet's thread, which may wait */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "io/alert_text.h"
#include "io/command_helper.h"
#include "io/net_helper.h"
#include "io/sink_alert_priv.h"
#include "io/sink_screen.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELDS_MAX     64
/* Beyond the time that a helper gives its peer or command. */
#define HELPER_MORE_MS 3000
/* A reader of stderr takes a line within it. */
#define STDERR_MS 2000
/* What a pipe takes at once when it says that it takes something: PIPE_BUF. */
#define PIECE 4096

static int __attribute__((format(printf, 4, 5)))
why(struct mw_alert_out *o, bool for_good, int e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
	o->for_good = for_good;
	return e;
}

/* --- this host ----------------------------------------------------------------------------------
 */

/* Not blocked by a reader that does not read: nobody else's descriptor is changed for it. */
static int write_stderr(struct mw_alert_out *o, const char *p, size_t n)
{
	int64_t deadline = mw_alert_now_ns() / 1000000 + STDERR_MS, left;
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t k;

	while (n) {
		left = deadline - mw_alert_now_ns() / 1000000;
		k = poll(&fd, 1, left > 0 ? (int)left : 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k == 0)
			return why(o, false, -EAGAIN, "nobody reads it");
		k = write(STDERR_FILENO, p, n < PIECE ? n : PIECE);
		if (k < 0 && errno != EINTR && errno != EAGAIN)
			return why(o, true, -errno, "%s", strerror(errno));
		if (k > 0) {
			p += k;
			n -= (size_t)k;
			o->torn = n > 0;
		}
	}
	return 0;
}

static int to_stderr(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
		     const cJSON *rec, char *buf)
{
	size_t n;
	int r;

	if (o->cfg->json) {
		r = mw_alert_json(item->json, item->len, more, buf, &n);
		if (r == 0)
			buf[n++] = '\n';
	} else {
		r = mw_alert_line(rec, more, mw_screen_colour(stderr), true, buf, &n);
	}
	if (r < 0)
		return why(o, true, r, "no line can be made of it: %s", strerror(-r));
	/* a line that was begun before ends here */
	if (o->torn)
		r = write_stderr(o, "\n", 1);
	return r < 0 ? r : write_stderr(o, buf, n);
}

static int to_journal(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
		      const cJSON *rec)
{
	struct iovec field[FIELDS_MAX];
	int n, r;

	/* libsystemd says nothing where there is no journal */
	if (access(JOURNAL_SOCKET, W_OK) < 0)
		return why(o, false, -errno, "no journal takes entries (%s: %s)", JOURNAL_SOCKET,
			   strerror(errno));
	n = mw_alert_journal(rec, more, item->json, item->len, field, FIELDS_MAX);
	if (n < 0)
		return why(o, true, n, "no entry can be made of it: %s", strerror(-n));
	r = sd_journal_sendv(field, n);
	mw_alert_fields_done(field, (size_t)n);
	return r < 0 ? why(o, false, r, "%s", strerror(-r)) : 0;
}

/* --- through a helper ---------------------------------------------------------------------------
 */

static int ask(struct mw_alert_out *o, const char *body, size_t n, void *answer, size_t n_answer)
{
	int r;

	r = mw_helper_ask(&o->helper, body, n, answer, n_answer,
			  o->cfg->timeout_ms + HELPER_MORE_MS);
	if (r < 0)
		return why(o, false, r, "%s",
			   r == -ETIMEDOUT ? "no answer in time" : "its helper has ended");
	return 0;
}

static int no_helper(struct mw_alert_out *o, int r)
{
	return why(o, false, r, "its helper cannot be started: %s", strerror(-r));
}

static int start_net(struct mw_alert_out *o)
{
	struct mw_net_hello h = { .type = o->cfg->type == MW_ALERT_SYSLOG ? MW_NET_SYSLOG
									  : MW_NET_WEBHOOK,
				  .timeout_ms = o->cfg->timeout_ms,
				  .hmac_key_len = (uint32_t)o->cfg->hmac_key_len };
	int r;

	snprintf(h.address, sizeof(h.address), "%s", o->cfg->address);
	snprintf(h.header, sizeof(h.header), "%s", o->cfg->header ? o->cfg->header : "");
	snprintf(h.ca_file, sizeof(h.ca_file), "%s", o->cfg->ca_file ? o->cfg->ca_file : "");
	if (o->cfg->hmac_key_len)
		memcpy(h.hmac_key, o->cfg->hmac_key, o->cfg->hmac_key_len);
	r = mw_helper_start(&o->helper, MW_NET_VERB, &h, sizeof(h));
	explicit_bzero(&h, sizeof(h));
	return r;
}

static int ask_net(struct mw_alert_out *o, const char *body, size_t n, struct mw_net_answer *ret)
{
	int r;

	r = o->helper.fd < 0 ? start_net(o) : 0;
	if (r < 0)
		return no_helper(o, r);
	r = ask(o, body, n, ret, sizeof(*ret));
	if (r < 0)
		return r;
	ret->why[sizeof(ret->why) - 1] = '\0';
	if (ret->error >= 0)
		return 0;
	return why(o, ret->error == -EMSGSIZE, ret->error, "%s", ret->why);
}

static int to_syslog(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
		     const cJSON *rec, char *buf)
{
	struct mw_net_answer answer;
	char host[256] = "";
	size_t n;
	int r;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	r = mw_alert_syslog(rec, more, o->cfg->json ? item->json : NULL, item->len, host, buf, &n);
	if (r < 0)
		return why(o, true, r, "no line can be made of it: %s", strerror(-r));
	return ask_net(o, buf, n, &answer);
}

static int to_webhook(struct mw_alert_out *o, const char *body, size_t n)
{
	struct mw_net_answer answer;
	int r;

	r = ask_net(o, body, n, &answer);
	if (r < 0 || (answer.status >= 200 && answer.status < 300))
		return r;
	/* it is busy or out of order; what it says of the alert itself it says again */
	return why(o, answer.status < 500 && answer.status != 408 && answer.status != 429, -EIO,
		   "it answers with %u", answer.status);
}

static int start_command(struct mw_alert_out *o)
{
	static const struct mw_command_hello empty;
	struct mw_command_hello *h = malloc(sizeof(*h));
	size_t i, n = 0;
	int r;

	if (!h)
		return -ENOMEM;
	*h = empty;
	h->uid = o->cfg->uid;
	h->gid = o->cfg->gid;
	h->timeout_ms = o->cfg->timeout_ms;
	h->n_args = (uint32_t)o->cfg->n_argv;
	/* the configuration has made sure that they fit */
	for (i = 0; i < o->cfg->n_argv; i++)
		n += (size_t)snprintf(h->args + n, sizeof(h->args) - n, "%s", o->cfg->argv[i]) + 1;
	r = mw_helper_start(&o->helper, MW_COMMAND_VERB, h, sizeof(*h));
	free(h);
	return r;
}

static int to_command(struct mw_alert_out *o, const char *body, size_t n)
{
	struct mw_command_answer answer;
	int r;

	r = o->helper.fd < 0 ? start_command(o) : 0;
	if (r < 0)
		return no_helper(o, r);
	r = ask(o, body, n, &answer, sizeof(answer));
	if (r < 0) {
		o->for_good = true; /* it may have done its work */
		return r;
	}
	if (answer.error == -ETIMEDOUT)
		return why(o, true, -ETIMEDOUT, "killed after %u s", o->cfg->timeout_ms / 1000);
	if (answer.error < 0)
		return why(o, true, answer.error, "it cannot be run: %s", strerror(-answer.error));
	if (WIFSIGNALED(answer.status))
		return why(o, true, -EIO, "ended by signal %d", WTERMSIG(answer.status));
	if (answer.status)
		return why(o, true, -EIO, "exit status %d", WEXITSTATUS(answer.status));
	return 0;
}

/* --- one alert ----------------------------------------------------------------------------------
 */

static int deliver_json(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
			char *buf)
{
	size_t n;
	int r;

	r = mw_alert_json(item->json, item->len, more, buf, &n);
	if (r < 0)
		return why(o, true, r, "it is no record: %s", strerror(-r));
	buf[n++] = '\n';
	return o->cfg->type == MW_ALERT_COMMAND ? to_command(o, buf, n) : to_webhook(o, buf, n);
}

int mw_alert_deliver(struct mw_alert_out *o, const struct mw_alert_item *item, uint64_t more,
		     char *buf)
{
	cJSON *rec;
	int r;

	if (o->cfg->type == MW_ALERT_COMMAND || o->cfg->type == MW_ALERT_WEBHOOK)
		return deliver_json(o, item, more, buf);
	rec = cJSON_ParseWithLength(item->json, item->len);
	if (!rec)
		return why(o, true, -EBADMSG, "it is too deep to read");
	if (o->cfg->type == MW_ALERT_STDERR)
		r = to_stderr(o, item, more, rec, buf);
	else if (o->cfg->type == MW_ALERT_JOURNAL)
		r = to_journal(o, item, more, rec);
	else
		r = to_syslog(o, item, more, rec, buf);
	cJSON_Delete(rec);
	return r;
}
