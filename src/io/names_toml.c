/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names_toml.c - Codex's config.toml: names.h
 *
 * Debian 12 has no TOML library for C. So this reads the few forms that name a server, as TOML 1.0
 * defines them, and passes over lines it does not know: it cannot tell a broken file from one that
 * uses more of the language, and both only mean that a name is not found.
 */
#include <ctype.h>
#include <errno.h>

#include "io/names.h"

struct reader {
	const char *p, *end;
};

static void blanks(struct reader *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

/* Blanks, comments and line ends. */
static void space(struct reader *t)
{
	while (t->p < t->end) {
		if (isspace((unsigned char)*t->p)) {
			t->p++;
		} else if (*t->p == '#') {
			while (t->p < t->end && *t->p != '\n')
				t->p++;
		} else {
			return;
		}
	}
}

static void next_line(struct reader *t)
{
	while (t->p < t->end && *t->p != '\n')
		t->p++;
	if (t->p < t->end)
		t->p++;
}

static bool take(struct reader *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static size_t utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What stands behind a backslash; its bytes to out. How many, or 0. */
static size_t escape(struct reader *t, char *out)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	const char *at;
	uint32_t c = 0;
	int n;

	if (t->p == t->end)
		return 0;
	at = memchr(from, *t->p, sizeof(from) - 1);
	if (at) {
		t->p++;
		out[0] = to[at - from];
		return 1;
	}
	n = *t->p == 'u' ? 4 : *t->p == 'U' ? 8 : 0;
	if (!n || t->end - ++t->p < n)
		return 0;
	while (n--) {
		const char d = *t->p++;

		if (!isxdigit((unsigned char)d))
			return 0;
		c = c << 4 | (uint32_t)(isdigit((unsigned char)d) ? d - '0' : (d | 32) - 'a' + 10);
	}
	return c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : utf8(c, out);
}

/* "basic" or 'literal', of one line; at most max - 1 bytes and a NUL into out. */
static bool string(struct reader *t, char *out, size_t max)
{
	const char quote = t->p < t->end ? *t->p : 0;
	size_t n = 0, k;
	char u[4];

	if (quote != '"' && quote != '\'')
		return false;
	t->p++;
	while (t->p < t->end && *t->p != quote) {
		u[0] = *t->p++;
		k = 1;
		if (u[0] == '\n' || u[0] == '\0')
			return false;
		if (u[0] == '\\' && quote == '"')
			k = escape(t, u);
		if (!k || n + k >= max)
			return false;
		memcpy(out + n, u, k);
		n += k;
	}
	out[n] = '\0';
	return take(t, quote);
}

static bool bare(struct reader *t, char *out, size_t max)
{
	size_t n = 0;

	while (t->p < t->end && (isalnum((unsigned char)*t->p) || *t->p == '-' || *t->p == '_')) {
		if (n + 1 >= max)
			return false;
		out[n++] = *t->p++;
	}
	out[n] = '\0';
	return n > 0;
}

static bool key(struct reader *t, char *out, size_t max)
{
	blanks(t);
	if (!string(t, out, max) && !bare(t, out, max))
		return false;
	blanks(t);
	return true;
}

/* A table's head, behind its first bracket: whether it is [mcp_servers.NAME]. */
static bool is_server(struct reader *t, char *name, size_t max)
{
	char first[32];

	return key(t, first, sizeof(first)) && strcmp(first, "mcp_servers") == 0 && take(t, '.') &&
	       key(t, name, max) && *name && take(t, ']');
}

/* ["a", 'b']: a NUL after each. */
static bool array(struct reader *t, char *out, size_t max, size_t *ret_n)
{
	size_t n = 0;

	if (!take(t, '['))
		return false;
	for (;;) {
		space(t);
		if (take(t, ']'))
			break;
		if (n >= max || !string(t, out + n, max - n))
			return false;
		n += strlen(out + n) + 1;
		space(t);
		if (!take(t, ',') && (t->p == t->end || *t->p != ']'))
			return false;
	}
	*ret_n = n;
	return true;
}

struct value {
	char text[MW_NAMES_TEXT_MAX + 1];
	size_t n;
};

static int set(char **field, const struct value *v)
{
	free(*field);
	*field = malloc(v->n + 1);
	if (!*field)
		return -ENOMEM;
	memcpy(*field, v->text, v->n);
	(*field)[v->n] = '\0';
	return 0;
}

/* One line inside a server's table. 0, -ENOMEM. */
static int member(struct reader *t, struct mw_name *e, struct value *v, bool *broken)
{
	char k[32];
	bool ok;
	int r = 0;

	if (!key(t, k, sizeof(k)) || !take(t, '='))
		return 0;
	blanks(t);
	if (strcmp(k, "args") == 0) {
		ok = array(t, v->text, sizeof(v->text), &v->n);
		if (ok)
			r = set(&e->args, v);
		if (ok && r == 0)
			e->args_len = v->n;
	} else if (strcmp(k, "command") == 0 || strcmp(k, "url") == 0) {
		ok = string(t, v->text, sizeof(v->text)) && *v->text;
		v->n = ok ? strlen(v->text) : 0;
		if (ok)
			r = set(k[0] == 'u' ? &e->url : &e->command, v);
	} else {
		return 0;
	}
	*broken |= !ok; /* with a part of it too much would match */
	return r;
}

int mw_names_parse_toml(const char *text, size_t n, struct mw_name_list *ret)
{
	struct mw_name_list l = { .v = calloc(MW_NAMES_SERVERS_MAX, sizeof(*l.v)) };
	struct value *v = malloc(sizeof(*v));
	struct reader t = { text, text + n };
	char name[MW_NAMES_LEN_MAX + 1];
	bool inside = false, broken = false;
	int r = l.v && v ? 0 : -ENOMEM;

	for (; r == 0; next_line(&t)) {
		space(&t);
		if (t.p < t.end && *t.p != '[') {
			if (inside)
				r = member(&t, &l.v[l.n - 1], v, &broken);
			continue;
		}
		/* a new table, or the end: the one before is whole */
		if (inside && (broken || (!l.v[l.n - 1].command && !l.v[l.n - 1].url)))
			mw_name_done(&l.v[--l.n]);
		inside = broken = false;
		if (t.p == t.end || l.n == MW_NAMES_SERVERS_MAX)
			break;
		t.p++;
		if (!is_server(&t, name, sizeof(name)))
			continue;
		inside = true;
		l.v[l.n] = (struct mw_name){ .name = strdup(name), .args = strdup("") };
		if (!l.v[l.n].name || !l.v[l.n].args)
			r = -ENOMEM;
		l.n++;
	}
	free(v);
	if (r < 0)
		mw_name_list_done(&l);
	else
		*ret = l;
	return r;
}
