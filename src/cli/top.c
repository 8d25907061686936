/* SPDX-License-Identifier: Apache-2.0 */
/* top.c - mcpwatch top: a live view of servers, calls in flight, effects and alerts */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/number.h"
#include "cli/top_feed.h"
#include "cli/top_screen.h"
#include "io/control_sock.h"
#include "io/file.h"

#define SECOND_NS 1000000000ll
#define REDRAW_NS (SECOND_NS / 4)
#define POLL_MS	  100
#define ONCE_COLS 100
#define ONCE_ROWS 45

struct top {
	const char *control, *log;
	bool once, json;
	uint32_t delay;
	struct mw_live_view view;
	struct mw_live live;
	struct mw_live_grid grid;
	struct mw_top_feed *feed;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

/* --- one picture --------------------------------------------------------------------------------
 */

static void print_grid(const struct mw_live_grid *g)
{
	unsigned int row, col, last = 0, blanks;

	for (row = 0; row < g->rows; row++)
		for (col = 0; col < g->cols; col++)
			if (g->cell[(size_t)row * g->cols + col].text[0])
				last = row;
	for (row = 0; row <= last; row++) {
		for (col = blanks = 0; col < g->cols; col++) {
			const struct mw_live_cell *c = &g->cell[(size_t)row * g->cols + col];

			if (c->second)
				continue;
			if (!c->text[0] || strcmp(c->text, " ") == 0) {
				blanks++;
				continue;
			}
			for (; blanks; blanks--)
				putchar(' ');
			fputs(c->text, stdout);
		}
		putchar('\n');
	}
}

static unsigned int from_env(const char *name, unsigned int otherwise)
{
	const char *s = getenv(name);
	uint32_t v;

	return s && mw_parse_u32(s, &v) == 0 && v >= 1 && v <= 1000 ? v : otherwise;
}

static int print_once(struct top *t)
{
	_cleanup_(mw_freep) char *json = NULL;

	if (t->json) {
		json = mw_live_json(&t->live, now_ns());
		if (!json)
			return mw_cli_fail("not enough memory");
		puts(json);
		return mw_cli_stdout_done();
	}
	if (mw_live_grid_size(&t->grid, from_env("LINES", ONCE_ROWS),
			      from_env("COLUMNS", ONCE_COLS)) < 0)
		return mw_cli_fail("not enough memory");
	t->view.plain = true;
	mw_live_draw(&t->live, &t->view, now_ns(), &t->grid);
	print_grid(&t->grid);
	return mw_cli_stdout_done();
}

static int once(struct top *t)
{
	const int64_t until = now_ns() + t->delay * SECOND_NS;
	struct pollfd p = { .fd = mw_top_feed_fd(t->feed), .events = POLLIN };
	const char *why;
	int r;

	for (;;) {
		r = mw_top_feed_pull(t->feed, &t->live, now_ns(), &why);
		if (r < 0)
			return mw_cli_fail("%s", why);
		/* a log is read as far as it goes: what is there is wanted, however long that takes
		 */
		if (r == 0 && now_ns() >= until)
			break;
		if (p.fd >= 0 && now_ns() >= until + t->delay * SECOND_NS)
			break;
		if (r == 0)
			(void)poll(&p, p.fd >= 0, POLL_MS);
		if (stop)
			return MW_EXIT_FAIL;
	}
	if (t->log)
		mw_live_look(&t->live, now_ns());
	return print_once(t);
}

/* --- the screen ---------------------------------------------------------------------------------
 */

static void type_filter(struct mw_live_view *v, int key)
{
	const size_t n = strlen(v->filter);

	if (key == MW_TOP_KEY_ENTER) {
		v->typing = false;
	} else if (key == MW_TOP_KEY_ESCAPE) {
		v->typing = false;
		v->filter[0] = '\0';
	} else if (key == MW_TOP_KEY_BACKSPACE) {
		if (n)
			v->filter[n - 1] = '\0';
	} else if (key >= 0x20 && key < 0x7f && n + 1 < sizeof(v->filter)) {
		v->filter[n] = (char)key;
		v->filter[n + 1] = '\0';
	}
}

/* False: it is to end. */
static bool on_key(struct mw_live_view *v, int key, size_t n_servers)
{
	if (key == MW_TOP_KEY_RESIZE)
		return true;
	if (v->typing) {
		type_filter(v, key);
		return true;
	}
	if (v->help) {
		v->help = false;
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'h':
	case '?':
		v->help = true;
		break;
	case 's':
		v->sort = (v->sort + 1) % MW_LIVE_SORTS;
		break;
	case 'S':
		v->sort = (v->sort + MW_LIVE_SORTS - 1) % MW_LIVE_SORTS;
		break;
	case '/':
		v->typing = true;
		break;
	case 'p':
	case ' ':
		v->paused = !v->paused;
		break;
	case 'j':
	case MW_TOP_KEY_DOWN:
		v->skip += v->skip + 1 < n_servers;
		break;
	case 'k':
	case MW_TOP_KEY_UP:
		v->skip -= v->skip > 0;
		break;
	case MW_TOP_KEY_ESCAPE:
		v->filter[0] = '\0';
		v->skip = 0;
		break;
	default:
		break;
	}
	return true;
}

static int draw(struct top *t)
{
	unsigned int rows, cols;

	mw_top_screen_size(&rows, &cols);
	if (t->grid.rows != rows || t->grid.cols != cols) {
		const int r = mw_live_grid_size(&t->grid, rows, cols);

		if (r < 0)
			return r;
	}
	mw_live_draw(&t->live, &t->view, now_ns(), &t->grid);
	mw_top_screen_show(&t->grid);
	return 0;
}

/* 0: the user ended it; else a line in *ret_why. */
static int loop(struct top *t, const char **ret_why)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = mw_top_feed_fd(t->feed), .events = POLLIN } };
	int64_t drawn = 0, looked = 0, now;
	bool dirty = true;
	int r, key;

	while (!stop) {
		now = now_ns();
		r = mw_top_feed_pull(t->feed, &t->live, now, ret_why);
		if (r < 0)
			return r;
		if (t->log && llabs(now - looked) >= SECOND_NS) {
			mw_live_look(&t->live, now);
			looked = now;
		}
		while ((key = mw_top_screen_key()) != -1) {
			if (!on_key(&t->view, key, t->live.n_servers))
				return 0;
			dirty = true;
		}
		if (dirty || (!t->view.paused && llabs(now - drawn) >= REDRAW_NS)) {
			*ret_why = "not enough memory";
			r = draw(t);
			if (r < 0)
				return r;
			drawn = now;
			dirty = false;
		}
		if (poll(p, 1, POLL_MS) > 0 && (p[0].revents & (POLLHUP | POLLERR | POLLNVAL))) {
			*ret_why = "the terminal is gone";
			return -EIO;
		}
	}
	return 0;
}

static int watch(struct top *t)
{
	const char *why = "";
	int r;

	r = mw_top_screen_begin();
	if (r)
		return r;
	r = loop(t, &why);
	mw_top_screen_end();
	if (r < 0)
		return mw_cli_fail("%s", why);
	return stop && stop != SIGINT ? 128 + stop : MW_EXIT_OK;
}

/* --- options ------------------------------------------------------------------------------------
 */


/* -1: go on; else the exit status. */

static int take_sort(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	static const char *const names[MW_LIVE_SORTS] = { "calls",  "rate",   "effects",
							  "failed", "alerts", "name" };
	struct mw_live_view *v = at;
	int i;

	for (i = 0; i < MW_LIVE_SORTS; i++)
		if (strcmp(names[i], value) == 0) {
			v->sort = i;
			return 0;
		}
	return mw_cli_usage(verb, "--%s %s: calls, rate, effects, failed, alerts or name", o->name,
			    value);
}

static int take_filter(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	struct mw_live_view *v = at;

	if (strlen(value) >= sizeof(v->filter))
		return mw_cli_usage(verb, "--%s: at most %zu bytes", o->name,
				    sizeof(v->filter) - 1);
	memcpy(v->filter, value, strlen(value) + 1);
	return 0;
}

static int take_delay(void *at, const char *verb, const struct mw_option *o, const char *value)
{
	uint32_t n;

	if (mw_parse_u32(value, &n) < 0 || n > 60)
		return mw_cli_usage(verb, "--%s %s: 1 to 60 seconds", o->name, value);
	*(uint32_t *)at = n;
	return 0;
}

#define AT(member) offsetof(struct top, member)

static const struct mw_option table[] = {
	MW_OPTION_TEXT("control", 0, "PATH", AT(control),
		       "the daemon's socket (default: the configuration's, else " MW_DEFAULT_CONTROL
		       ")"),
	MW_OPTION_TEXT("log", 0, "DIR|FILE", AT(log),
		       "follows a log instead, of a folder from its last segment on; nothing of it "
		       "is verified"),
	MW_OPTION_FN("sort", 0, "KEY", AT(view), take_sort, 0,
		     "calls (default), rate, effects, failed, alerts, name"),
	MW_OPTION_FN("filter", 0, "TEXT", AT(view), take_filter, 0,
		     "only what has TEXT in the name of its server or tool"),
	MW_OPTION_FLAG("once", 0, AT(once), "one picture on stdout after --delay, then it ends"),
	MW_OPTION_FN("delay", 0, "SECONDS", AT(delay), take_delay, 0, "1 to 60 (default 1)"),
	MW_OPTION_FLAG("json", 0, AT(json), "as --once, as one JSON object"),
	{ 0 },
};

static const struct mw_options options = {
	.usage = "top [OPTION...]",
	.what = "A live view: servers with their calls, rates and tiers, calls in flight, the\n"
		"latest calls with their effects, alerts. In it: q quits, h tells the keys.\n",
	.table = table,
	.after = "Exit status: 0; 1 no daemon answers, it has ended, or there is no terminal.\n",
};

/* MW_OPTIONS_GO_ON; else the exit status. */
static int parse(int argc, char **argv, struct top *t)
{
	int r;

	r = mw_options_parse(&options, argc, argv, t);
	if (r != MW_OPTIONS_GO_ON)
		return r;
	t->once |= t->json;
	if (optind < argc)
		return mw_cli_usage(argv[0], "unexpected '%s'", argv[optind]);
	if (t->log && t->control)
		return mw_cli_usage(argv[0], "--log and --control: one of them");
	return MW_OPTIONS_GO_ON;
}

int cmd_top(int argc, char **argv)
{
	const struct sigaction act = { .sa_handler = on_signal };
	struct top *t = calloc(1, sizeof(*t));
	int status;

	if (!t)
		return mw_cli_fail("not enough memory");
	t->delay = 1;
	status = parse(argc, argv, t);
	if (status < 0) {
		/* before ncurses, which leaves ours alone */
		sigaction(SIGTERM, &act, NULL);
		sigaction(SIGINT, &act, NULL);
		sigaction(SIGHUP, &act, NULL);
		status = mw_top_feed_open(t->log, t->control, &t->feed);
		if (t->log)
			snprintf(t->live.source, sizeof(t->live.source), "%s", t->log);
		t->live.is_log = t->log;
	}
	if (status == 0 && t->feed)
		status = t->once ? once(t) : watch(t);
	mw_top_feed_close(t->feed);
	mw_live_grid_done(&t->grid);
	mw_live_done(&t->live);
	free(t);
	return status;
}
