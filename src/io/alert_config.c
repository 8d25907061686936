/* SPDX-License-Identifier: Apache-2.0 */
/* alert_config.c - `alerts:` from text to what sink_alert.c takes */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/policy.h"
#include "io/alert.h"
#include "io/command_helper.h"
#include "io/file.h"
#include "io/net_helper.h"
#include "io/sandbox.h"
#include "io/syslog.h"

#define TIMEOUT_MAX  60 /* seconds */
#define RATE_MAX     6000
#define KEY_MIN	     16
#define NAME_MAX_LEN 256

static const char *const type_names[] = {
	[MW_ALERT_STDERR] = "stderr",	[MW_ALERT_SYSLOG] = "syslog",
	[MW_ALERT_JOURNAL] = "journal", [MW_ALERT_COMMAND] = "command",
	[MW_ALERT_WEBHOOK] = "webhook",
};

/* One entry, and its keys, for what can be said only when all of it is read. */
struct one {
	struct mw_alert_outlet o;
	const struct mw_yaml_node *severity, *address, *format, *argv, *user, *timeout, *header,
	    *key, *ca;
};

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* The place of a text in a list whose first is at 1; 0: it is none of them. */
static unsigned int find(const struct mw_yaml_node *v, const char *const *names, size_t n)
{
	size_t i;

	for (i = 1; v->kind == MW_YAML_TEXT && i < n; i++)
		if (strcmp(v->text, names[i]) == 0)
			return (unsigned int)i;
	return 0;
}

static int on_type(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;

	x->o.type = (enum mw_alert_type)find(v, type_names, N_OF(type_names));
	if (x->o.type)
		return 0;
	return mw_yaml_fail(r, v, "'type' must be stderr, syslog, journal, command or webhook");
}

static int on_severity(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	unsigned int i;

	x->severity = v;
	for (i = MW_SEVERITY_LOW; v->kind == MW_YAML_TEXT && mw_severity_name(i); i++)
		if (strcmp(v->text, mw_severity_name(i)) == 0) {
			x->o.severity = i;
			return 0;
		}
	return mw_yaml_fail(r, v, "'severity' must be low, medium, high or critical");
}

static int on_format(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	static const char *const names[] = { "", "text", "json" };
	unsigned int i = find(v, names, N_OF(names));
	struct one *x = p;

	x->format = v;
	x->o.json = i == 2;
	return i ? 0 : mw_yaml_fail(r, v, "'format' must be text or json");
}

static int on_rate(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return mw_yaml_positive(r, v, RATE_MAX, &((struct one *)p)->o.rate);
}

static int on_burst(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	return mw_yaml_positive(r, v, RATE_MAX, &((struct one *)p)->o.burst);
}

static int on_timeout(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	int e;

	x->timeout = v;
	e = mw_yaml_positive(r, v, TIMEOUT_MAX, &x->o.timeout_ms);
	x->o.timeout_ms *= 1000;
	return e;
}

static int on_address(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;

	x->address = v;
	return mw_yaml_text(r, v, MW_NET_ADDRESS_MAX - 1, &x->o.address);
}

static int on_argv(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	size_t i, n = 0;
	int e;

	x->argv = v;
	e = mw_yaml_texts(r, v, MW_COMMAND_ARGS_LEN, &x->o.argv, &x->o.n_argv);
	if (e < 0)
		return e;
	for (i = 0; i < x->o.n_argv; i++)
		n += strlen(x->o.argv[i]) + 1;
	if (!x->o.n_argv || x->o.n_argv > MW_COMMAND_ARGS_MAX || n > MW_COMMAND_ARGS_LEN)
		return mw_yaml_fail(r, v, "'argv' must be 1 to %u texts of %u bytes in all",
				    MW_COMMAND_ARGS_MAX, MW_COMMAND_ARGS_LEN);
	if (x->o.argv[0][0] != '/')
		return mw_yaml_fail(r, v->first, "the program must be a path from the root");
	/* root's own access is not asked for: it may execute what its user may not */
	if (access(x->o.argv[0], X_OK) < 0)
		return mw_yaml_fail(r, v->first, "'%s' cannot be executed: %s", x->o.argv[0],
				    strerror(errno));
	return 0;
}

static int on_user(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	struct passwd *pw;
	const char *name;
	uint64_t uid;
	int e;

	x->user = v;
	e = mw_yaml_text(r, v, 256, &name);
	if (e < 0)
		return e;
	if (isdigit((unsigned char)*name)) {
		e = mw_yaml_number(r, v, UINT32_MAX - 1, &uid);
		if (e < 0)
			return e;
		pw = getpwuid((uid_t)uid);
	} else {
		pw = getpwnam(name);
	}
	if (!pw)
		return mw_yaml_fail(r, v, "there is no user '%s'", name);
	if (!pw->pw_uid)
		return mw_yaml_fail(r, v,
				    "'user' must not be root: an alert holds texts of those "
				    "it warns of");
	x->o.uid = pw->pw_uid;
	x->o.gid = pw->pw_gid;
	return 0;
}

/* A file that nobody else may read: its bytes without a newline at the end, in the tree's memory.
 */
static int secret(const struct mw_yaml_read *r, const struct mw_yaml_node *v, size_t max,
		  const char **ret, size_t *ret_n)
{
	_cleanup_(mw_close) int fd = -1;
	const char *path;
	struct stat st;
	ssize_t n;
	char *p;
	int e;

	e = mw_yaml_text(r, v, MW_NET_PATH_MAX - 1, &path);
	if (e < 0)
		return e;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return mw_yaml_fail(r, v, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid()))
		return mw_yaml_fail(r, v, "'%s' must be a file of root's and of mode 0600", path);
	p = mw_yaml_alloc(r->y, max + 3, 1);
	if (!p)
		return mw_yaml_no_memory(r);
	n = read(fd, p, max + 2);
	if (n < 0)
		return mw_yaml_fail(r, v, "cannot read '%s': %s", path, strerror(errno));
	if (n && p[n - 1] == '\n')
		p[--n] = '\0';
	if (!n || (size_t)n > max)
		return mw_yaml_fail(r, v, "'%s' must hold 1 to %zu bytes", path, max);
	*ret = p;
	*ret_n = (size_t)n;
	return 0;
}

static int on_header(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	const char *s = NULL;
	size_t n = 0, i, name;
	int e;

	x->header = v;
	e = secret(r, v, MW_NET_HEADER_MAX - 1, &s, &n);
	if (e < 0)
		return e;
	/* RFC 9110, section 5: a token, a colon, and what is visible; no second line */
	for (name = 0; name < n && (isalnum((unsigned char)s[name]) || s[name] == '-'); name++)
		;
	for (i = 0; i < n && s[i] >= ' ' && s[i] <= '~'; i++)
		;
	if (i < n || !name || name + 2 >= n || s[name] != ':' || s[name + 1] != ' ')
		return mw_yaml_fail(r, v, "'%s' must hold one line, 'Name: value'", v->text);
	x->o.header = s;
	return 0;
}

static int on_key(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	const char *s = NULL;
	struct one *x = p;
	int e;

	x->key = v;
	e = secret(r, v, MW_NET_KEY_MAX, &s, &x->o.hmac_key_len);
	if (e < 0)
		return e;
	if (x->o.hmac_key_len < KEY_MIN)
		return mw_yaml_fail(r, v, "a key of less than %u bytes", KEY_MIN);
	x->o.hmac_key = (const uint8_t *)s;
	return 0;
}

static int on_ca(const struct mw_yaml_read *r, const struct mw_yaml_node *v, void *p)
{
	struct one *x = p;
	int e;

	x->ca = v;
	e = mw_yaml_text(r, v, MW_NET_PATH_MAX - 1, &x->o.ca_file);
	if (e == 0 && access(x->o.ca_file, R_OK) < 0)
		return mw_yaml_fail(r, v, "cannot read '%s': %s", x->o.ca_file, strerror(errno));
	return e;
}

/* The host and port of a URL; NULL: it is none for us. What names a user may be a secret. */
static const char *authority(const char *url, size_t *ret_n)
{
	size_t n = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;

	if (!n || strcspn(url, " \t\r\n") != strlen(url))
		return NULL;
	*ret_n = strcspn(url + n, "/?#");
	return *ret_n && !memchr(url + n, '@', *ret_n) ? url + n : NULL;
}

/* What a key is for; where it stands in an entry of another type is a fault. */
static int check_keys(const struct mw_yaml_read *r, const struct one *x)
{
#define T(t) (1u << MW_ALERT_##t)
	const struct {
		const struct mw_yaml_node *v;
		unsigned int types;
	} keys[] = {
		{ x->address, T(SYSLOG) | T(WEBHOOK) },
		{ x->format, T(STDERR) | T(SYSLOG) },
		{ x->argv, T(COMMAND) },
		{ x->user, T(COMMAND) },
		{ x->timeout, T(COMMAND) | T(WEBHOOK) },
		{ x->header, T(WEBHOOK) },
		{ x->key, T(WEBHOOK) },
		{ x->ca, T(WEBHOOK) },
	};
#undef T
	size_t i;

	for (i = 0; i < N_OF(keys); i++)
		if (keys[i].v && !(keys[i].types & 1u << x->o.type))
			return mw_yaml_fail(r, keys[i].v->key, "'%s' is not for type %s",
					    keys[i].v->key->text, type_names[x->o.type]);
	return 0;
}

static int check(const struct mw_yaml_read *r, const struct mw_yaml_node *at, struct one *x)
{
	const char *what = x->o.address;
	size_t n = what ? strlen(what) : 0;
	char *name;
	int e;

	e = check_keys(r, x);
	if (e < 0)
		return e;
	if (x->o.type == MW_ALERT_SYSLOG && !what)
		x->o.address = what = "unix:/dev/log", n = strlen(what);
	if (x->o.type == MW_ALERT_SYSLOG && !mw_syslog_address(what))
		return mw_yaml_fail(r, x->address,
				    "'address' must be udp://HOST[:PORT], tcp://HOST[:PORT] or "
				    "unix:/PATH");
	if (x->o.type == MW_ALERT_WEBHOOK) {
		if (!what)
			return mw_yaml_fail(r, at, "'address' is missing");
		what = authority(what, &n);
		if (!what)
			return mw_yaml_fail(r, x->address,
					    "'address' must be an http or https URL without a "
					    "user's name ('header_file' is for credentials)");
		/* with its scheme */
		n += (size_t)(what - x->o.address);
		what = x->o.address;
	}
	if (x->o.type == MW_ALERT_COMMAND) {
		if (!x->argv)
			return mw_yaml_fail(r, at, "'argv' is missing");
		what = x->o.argv[0];
		n = strlen(what);
	}
	if (!x->severity)
		x->o.severity = x->o.type == MW_ALERT_COMMAND || x->o.type == MW_ALERT_WEBHOOK
				    ? MW_SEVERITY_MEDIUM
				    : MW_SEVERITY_LOW;
	n = n < NAME_MAX_LEN ? n : NAME_MAX_LEN;
	name = mw_yaml_alloc(r->y, NAME_MAX_LEN + 16, 1);
	if (!name)
		return mw_yaml_no_memory(r);
	snprintf(name, NAME_MAX_LEN + 16, "%s%s%.*s", type_names[x->o.type], n ? " " : "", (int)n,
		 n ? what : "");
	x->o.name = name;
	return 0;
}

static int read_list(const struct mw_yaml_read *r, const struct mw_yaml_node *list,
		     struct mw_alert_list *ret)
{
	static const struct mw_yaml_field fields[] = {
		{ "type", on_type, true },	    { "severity", on_severity, false },
		{ "address", on_address, false },   { "format", on_format, false },
		{ "rate", on_rate, false },	    { "burst", on_burst, false },
		{ "timeout", on_timeout, false },   { "argv", on_argv, false },
		{ "user", on_user, false },	    { "header_file", on_header, false },
		{ "hmac_key_file", on_key, false }, { "ca_file", on_ca, false },
	};
	const struct mw_yaml_node *v;
	int e;

	/* "alerts:" with all below it commented out */
	if (list->kind == MW_YAML_TEXT && !list->n)
		return 0;
	e = mw_yaml_list(r, list);
	for (v = e == 0 ? list->first : NULL; v; v = v->next) {
		struct one x = { .o = { .rate = 60,
					.burst = 20,
					.timeout_ms = 10000,
					.uid = MW_NOBODY,
					.gid = MW_NOBODY } };

		e = mw_yaml_fields(r, v, fields, N_OF(fields), &x);
		if (e == 0)
			e = check(r, v, &x);
		if (e < 0)
			return e;
		if (ret->n == MW_ALERT_OUTLETS_MAX)
			return mw_yaml_fail(r, v, "more than %u outlets", MW_ALERT_OUTLETS_MAX);
		ret->outlet[ret->n++] = x.o;
	}
	return e;
}

int mw_alert_list_load(const char *path, struct mw_yaml_err err, struct mw_alert_list **ret)
{
	_cleanup_(mw_alert_list_freep) struct mw_alert_list *l = calloc(1, sizeof(*l));
	const struct mw_yaml_node *root = NULL, *v;
	struct mw_yaml_read r = { .err = err };
	int e = 0;

	if (!l) {
		snprintf(err.text, err.len, "not enough memory");
		return -ENOMEM;
	}
	if (path)
		e = mw_yaml_load(path, err, &l->y, &root);
	r.y = l->y;
	for (v = e == 0 && root && root->kind == MW_YAML_MAP ? root->first : NULL; v; v = v->next)
		if (strcmp(v->key->text, "alerts") == 0)
			e = read_list(&r, v, l);
	if (e < 0)
		return e;
	*ret = MW_TAKE(l);
	return 0;
}

void mw_alert_list_free(struct mw_alert_list *l)
{
	struct mw_alert_outlet *o;
	size_t i;

	if (!l)
		return;
	for (i = 0; i < l->n; i++) {
		o = &l->outlet[i];
		if (o->header)
			explicit_bzero((char *)o->header, strlen(o->header));
		if (o->hmac_key)
			explicit_bzero((uint8_t *)o->hmac_key, o->hmac_key_len);
	}
	mw_yaml_free(l->y);
	free(l);
}
