/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - a filter's options; filter_match.c holds records against them */
#include "cli/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli/filter_priv.h"
#include "cli/options.h"
#include "core/act.h"
#include "io/heap.h"
#include "io/when.h"

const char *const mw_filter_types[] = { "call",	  "effect", "alert",   "gap",	 "anomaly",
					"server", "tool",   "request", "notice", "daemon",
					"ties",	  "body",   "seal",    NULL };
static const char *const statuses[] = { "ok",	       "tool_error", "rpc_error", "cancelled",
					"no_response", "lost",	     NULL };
const char *const mw_filter_severities[] = { "low", "medium", "high", "critical", NULL };

static const struct {
	int option;
	const char *name;
} names[] = {
	{ MW_FILTER_SINCE, "since" },	  { MW_FILTER_UNTIL, "until" },
	{ MW_FILTER_SERVER, "server" },	  { MW_FILTER_TOOL, "tool" },
	{ MW_FILTER_TYPE, "type" },	  { MW_FILTER_KIND, "kind" },
	{ MW_FILTER_TARGET, "target" },	  { MW_FILTER_PRINCIPAL, "principal" },
	{ MW_FILTER_ALERT, "alert" },	  { MW_FILTER_SEVERITY, "severity" },
	{ MW_FILTER_STATUS, "status" },	  { MW_FILTER_CALL, "call" },
	{ MW_FILTER_SESSION, "session" }, { MW_FILTER_HOST, "host" },
	{ MW_FILTER_PID, "pid" },	  { MW_FILTER_GREP, "grep" },
};

static const char *name_of(int option)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].option == option)
			return names[i].name;
	return "";
}

/* --- words there are ----------------------------------------------------------------------------
 */

static const char *kind_at(size_t i)
{
	return i < MW_EFFECT_KERNEL_MODULE ? mw_effect_kind_name((enum mw_effect_kind)(i + 1))
					   : NULL;
}

static const char *status_at(size_t i)
{
	return statuses[i];
}

static const char *type_at(size_t i)
{
	return mw_filter_types[i];
}

static const char *severity_at(size_t i)
{
	return mw_filter_severities[i];
}

/* More than there are of any. */
#define NO_SUCH_MAX 64

static int no_such(const char *verb, const char *option, const char *what, const char *value,
		   const char *(*at)(size_t i), const char *there)
{
	const char *words[NO_SUCH_MAX] = { NULL }, *near;

	for (size_t i = 0; i + 1 < NO_SUCH_MAX && (words[i] = at(i)); i++)
		;
	near = mw_options_nearest(value, words);
	if (near)
		return mw_cli_usage(verb, "--%s: no %s '%s', did you mean '%s'?", option, what,
				    value, near);
	return mw_cli_usage(verb, "--%s: no %s '%s'; there are %s", option, what, value, there);
}

/* Whether it matches any of the words that there are. */
static bool is_any(const char *value, const char *(*at)(size_t i))
{
	const char *word;

	value += *value == '!';
	for (size_t i = 0; (word = at(i)); i++)
		if (strcmp(word, value) == 0 ||
		    mw_pattern_glob(mw_slice_str(value), mw_slice_str(word), false))
			return true;
	return false;
}

/* --- each option --------------------------------------------------------------------------------
 */

static int parse_time(const char *verb, const char *option, const char *value, int64_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mw_when_parse(value, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, ret) < 0)
		return mw_cli_usage(verb,
				    "--%s: '%s' is no time, try '2 hours ago', 'yesterday 14:00', "
				    "10:30 or 2026-01-31",
				    option, value);
	return 0;
}

/* "A..B" as both; either may be left out. */
static int parse_since(struct mw_filter *f, const char *verb, const char *value)
{
	const char *dots = strstr(value, "..");
	char *from;
	int r = 0;

	if (!dots) {
		r = parse_time(verb, "since", value, &f->since_ns);
		f->have_since = r == 0;
		return r;
	}
	from = strndup(value, (size_t)(dots - value));
	if (!from)
		exit(mw_cli_fail("not enough memory"));
	if (*from) {
		r = parse_time(verb, "since", from, &f->since_ns);
		f->have_since = r == 0;
	}
	free(from);
	if (r == 0 && dots[2]) {
		r = parse_time(verb, "since", dots + 2, &f->until_ns);
		f->have_until = r == 0;
	}
	return r;
}

static int parse_type(struct mw_filter *f, const char *verb, const char *word)
{
	bool no = *word == '!';
	size_t i;

	word += no;
	if (!no && strcmp(word, "all") == 0) {
		f->all_types = true;
		return 0;
	}
	for (i = 0; mw_filter_types[i]; i++)
		if (strcmp(mw_filter_types[i], word) == 0)
			break;
	if (!mw_filter_types[i])
		return no_such(verb, "type", "type of record", word, type_at,
			       "call, effect, alert, gap, anomaly and others, see --help");
	if (no)
		f->not_types |= 1u << i;
	else
		f->types |= 1u << i;
	f->have_types |= !no;
	return 0;
}

static int parse_types(struct mw_filter *f, const char *verb, const char *value)
{
	char *copy = strdup(value), *p, *next;
	int r = 0;

	if (!copy)
		exit(mw_cli_fail("not enough memory"));
	for (p = copy; p && r == 0; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		r = parse_type(f, verb, p);
	}
	free(copy);
	return r;
}

static int parse_severity(struct mw_filter *f, const char *verb, const char *value)
{
	for (unsigned int i = 0; mw_filter_severities[i]; i++)
		if (strcmp(mw_filter_severities[i], value) == 0) {
			f->severity = i + 1;
			return 0;
		}
	return no_such(verb, "severity", "severity", value, severity_at,
		       "low, medium, high and critical");
}

/* Behind a bracket expression, p at its [. */
static const char *skip_set(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++)
		/* [:alpha:], [.x.], [=x=] */
		if (*p == '[' && strchr(":.=", p[1]) && p[1]) {
			const char end[] = { p[1], ']', '\0' }, *q = strstr(p + 2, end);

			p = q ? q + 1 : p;
		}
	return *p ? p + 1 : p;
}

/* Behind a group, p at its (. */
static const char *skip_group(const char *p)
{
	unsigned int depth = 0;

	while (*p) {
		if (*p == '[') {
			p = skip_set(p);
			continue;
		}
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
		p++;
	}
	return p;
}

struct mw_slice mw_filter_part(const char *ere)
{
	struct mw_slice best = mw_slice(NULL, 0);
	const char *p, *from = ere;

	/* either side of it need not be there */
	if (strchr(ere, '|'))
		return best;
	for (p = ere;; p++) {
		const bool plain = *p && !strchr("\\^$.[]()*+?{}", *p);
		/* a character that need not be there; x+? is (x+)? */
		const char after = plain ? p[1 + strspn(p + 1, "+")] : '\0';
		const bool maybe = after && strchr("*?{", after);

		if (plain && !maybe)
			continue;
		if ((size_t)(p - from) > best.n)
			best = mw_slice(from, (size_t)(p - from));
		if (!*p)
			return best;
		if (*p == '[')
			p = skip_set(p) - 1;
		else if (*p == '(')
			p = skip_group(p) - 1;
		else if (*p == '{')
			p += strcspn(p, "}");
		else if (*p == '\\' && p[1])
			p++;
		if (!*p)
			return best;
		from = p + 1;
	}
}

static int parse_grep(struct mw_filter *f, const char *verb, const char *value)
{
	char why[128];
	int r;

	if (f->have_grep)
		regfree(&f->grep);
	f->have_grep = false;
	r = regcomp(&f->grep, value, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		regerror(r, &f->grep, why, sizeof(why));
		return mw_cli_usage(verb, "--grep: '%s': %s", value, why);
	}
	f->have_grep = true;
	f->grep_text = strpbrk(value, "\\^$.[]|()*+?{}") ? NULL : value;
	f->grep_part = mw_filter_part(value);
	return 0;
}

static int add_name(struct mw_patterns *l, const char *verb, const char *option, const char *value)
{
	int r = mw_patterns_add_name(l, value);

	if (r == -ENOMEM)
		exit(mw_cli_fail("not enough memory"));
	return r == 0 ? 0 : mw_cli_usage(verb, "--%s: '%s' says nothing", option, value);
}

static int add_target(struct mw_filter *f, const char *verb, const char *value)
{
	int r = mw_patterns_add_target(&f->targets, value);

	if (r == -ENOMEM)
		exit(mw_cli_fail("not enough memory"));
	if (r == 0)
		return 0;
	return mw_cli_usage(verb, "--target: '%s' %s", value,
			    *value && strcmp(value, "!") != 0
				? "is an address with a network or port that there cannot be"
				: "says nothing");
}

static int take(struct mw_filter *f, const char *verb, int option, const char *value)
{
	const char *number;
	int r;

	switch (option) {
	case MW_FILTER_SINCE:
		return parse_since(f, verb, value);
	case MW_FILTER_UNTIL:
		r = parse_time(verb, "until", value, &f->until_ns);
		f->have_until = r == 0;
		return r;
	case MW_FILTER_SERVER:
		return add_name(&f->servers, verb, "server", value);
	case MW_FILTER_TOOL:
		return add_name(&f->tools, verb, "tool", value);
	case MW_FILTER_TYPE:
		return parse_types(f, verb, value);
	case MW_FILTER_KIND:
		if (!is_any(value, kind_at))
			return no_such(verb, "kind", "kind of effect", value + (*value == '!'),
				       kind_at, "file.*, proc.*, net.*, db.statement, kernel.*");
		return add_name(&f->kinds, verb, "kind", value);
	case MW_FILTER_TARGET:
		return add_target(f, verb, value);
	case MW_FILTER_PRINCIPAL:
		return add_name(&f->principals, verb, "principal", value);
	case MW_FILTER_ALERT:
		return add_name(&f->alerts, verb, "alert", value);
	case MW_FILTER_SEVERITY:
		return parse_severity(f, verb, value);
	case MW_FILTER_STATUS:
		if (!is_any(value, status_at))
			return no_such(
			    verb, "status", "status", value + (*value == '!'), status_at,
			    "ok, tool_error, rpc_error, cancelled, no_response and lost");
		return add_name(&f->statuses, verb, "status", value);
	case MW_FILTER_CALL:
		return add_name(&f->calls, verb, "call", value);
	case MW_FILTER_SESSION:
		return add_name(&f->sessions, verb, "session", value);
	case MW_FILTER_HOST:
		return add_name(&f->hosts, verb, "host", value);
	case MW_FILTER_PID:
		number = value + (*value == '!');
		if (!*number || strspn(number, "0123456789") != strlen(number))
			return mw_cli_usage(verb, "--pid: '%s' is no process id", number);
		return add_name(&f->pids, verb, "pid", value);
	case MW_FILTER_GREP:
		return parse_grep(f, verb, value);
	default:
		return mw_cli_usage(verb, "no such option");
	}
}

/* As a shell takes it. */
static int put_word(struct mw_buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./:,@%+=";
	int r = 0;

	if (*s && strspn(s, plain) == strlen(s))
		return mw_buf_append_str(b, s);
	r = mw_buf_append_byte(b, '\'');
	for (; *s && r == 0; s++)
		r = *s == '\'' ? mw_buf_append_str(b, "'\\''") : mw_buf_append_byte(b, (uint8_t)*s);
	return r < 0 ? r : mw_buf_append_byte(b, '\'');
}

int mw_filter_option(struct mw_filter *f, const char *verb, int option, const char *value)
{
	int r = take(f, verb, option, value);

	if (r != 0)
		return r;
	if (f->have_since && f->have_until && f->since_ns > f->until_ns)
		return mw_cli_usage(verb,
				    "--%s: '%s' makes --since later than --until, so there is "
				    "nothing between them",
				    name_of(option), value);
	if (!f->init)
		mw_buf_init(&f->text, &mw_heap, 1 << 20);
	f->init = true;
	if (f->text.len)
		f->text.len--; /* the NUL */
	if ((f->text.len && mw_buf_append_byte(&f->text, ' ') < 0) ||
	    mw_buf_append_str(&f->text, "--") < 0 ||
	    mw_buf_append_str(&f->text, name_of(option)) < 0 ||
	    mw_buf_append_byte(&f->text, ' ') < 0 || put_word(&f->text, value) < 0 ||
	    mw_buf_append_byte(&f->text, '\0') < 0)
		exit(mw_cli_fail("not enough memory"));
	return 0;
}

const char *mw_filter_text(const struct mw_filter *f)
{
	return f->text.len ? (const char *)f->text.p : "";
}

void mw_filter_done(struct mw_filter *f)
{
	struct mw_patterns *const lists[] = { &f->servers,  &f->tools,	&f->kinds,
					      &f->targets,  &f->alerts, &f->principals,
					      &f->statuses, &f->calls,	&f->sessions,
					      &f->hosts,    &f->pids };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		mw_patterns_done(lists[i]);
	if (f->init)
		mw_buf_done(&f->text);
	if (f->have_grep)
		regfree(&f->grep);
	mw_filter_servers_free(f->known);
	*f = (struct mw_filter){ 0 };
}
