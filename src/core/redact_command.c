/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact_command.c - secrets without a name: options of commands (curl -u user:x, mysql -px), the
 * words of a .netrc, and string constants of SQL behind PASSWORD and IDENTIFIED BY
 *
 * The options are those of the programs' manual pages.
 */
#include "core/redact_num.h"
#include "core/sql.h"

/* What a word is. */
enum {
	PLAIN,
	SECRET,
	USER_SECRET, /* user:secret, or what the program has for ':' */
};

struct option {
	const char *flag;
	bool apart, joined; /* the value is the next word; stands in the same */
	unsigned int what;
	char colon;
};

struct program {
	const char *name;
	bool login; /* only behind that verb */
	struct option option[5];
};

static const struct program programs[] = {
	{ "curl",
	  false,
	  { { "-u", true, true, USER_SECRET, ':' },
	    { "-U", true, true, USER_SECRET, ':' },
	    { "--user", true, false, USER_SECRET, ':' },
	    { "--proxy-user", true, false, USER_SECRET, ':' } } },
	{ "sshpass", false, { { "-p", true, true, SECRET, 0 } } },
	{ "mysql", false, { { "-p", false, true, SECRET, 0 } } },
	{ "mysqldump", false, { { "-p", false, true, SECRET, 0 } } },
	{ "mysqladmin", false, { { "-p", false, true, SECRET, 0 } } },
	{ "mariadb", false, { { "-p", false, true, SECRET, 0 } } },
	{ "mariadb-dump", false, { { "-p", false, true, SECRET, 0 } } },
	{ "mongo", false, { { "-p", true, true, SECRET, 0 } } },
	{ "mongosh", false, { { "-p", true, true, SECRET, 0 } } },
	{ "mongodump", false, { { "-p", true, true, SECRET, 0 } } },
	{ "redis-cli", false, { { "-a", true, false, SECRET, 0 } } },
	{ "docker", true, { { "-p", true, true, SECRET, 0 } } },
	{ "podman", true, { { "-p", true, true, SECRET, 0 } } },
	{ "helm", true, { { "-p", true, false, SECRET, 0 } } },
	{ "ldapsearch", false, { { "-w", true, true, SECRET, 0 } } },
	{ "ldapadd", false, { { "-w", true, true, SECRET, 0 } } },
	{ "ldapmodify", false, { { "-w", true, true, SECRET, 0 } } },
	{ "smbclient", false, { { "-U", true, true, USER_SECRET, '%' } } },
	{ "sqlcmd", false, { { "-P", true, true, SECRET, 0 } } },
	{ "cqlsh", false, { { "-p", true, false, SECRET, 0 } } },
	{ "mosquitto_pub", false, { { "-P", true, false, SECRET, 0 } } },
	{ "mosquitto_sub", false, { { "-P", true, false, SECRET, 0 } } },
	{ "ssh-keygen",
	  false,
	  { { "-N", true, false, SECRET, 0 }, { "-P", true, false, SECRET, 0 } } },
	{ "zip", false, { { "-P", true, true, SECRET, 0 } } },
	{ "unzip", false, { { "-P", true, true, SECRET, 0 } } },
	{ "lftp", false, { { "-u", true, false, USER_SECRET, ',' } } },
};

static const struct program *program_of(struct mw_slice word)
{
	word = mw_slice_name(word);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (mw_slice_eq_str(word, programs[i].name))
			return &programs[i];
	return NULL;
}

static bool secret_at(struct mw_slice word, size_t at, unsigned int what, char colon, size_t *ret)
{
	const uint8_t *p;

	if (what == USER_SECRET) {
		p = at < word.n ? memchr(word.p + at, colon, word.n - at) : NULL;
		if (!p)
			return false;
		at = (size_t)(p - word.p) + 1;
	}
	*ret = at;
	return at < word.n;
}

bool mw_command_word(struct mw_command *c, struct mw_slice word, size_t *ret_from)
{
	const struct program *p = program_of(word);
	const unsigned int next = c->next;
	const struct option *o;

	c->next = 0;
	if (next && c->program) {
		o = &((const struct program *)c->program)->option[next - 1];
		return secret_at(word, 0, o->what, o->colon, ret_from);
	}
	if (p) {
		*c = (struct mw_command){ .program = p };
		return false;
	}
	p = c->program;
	if (!p)
		return false;
	c->login |= mw_slice_eq_str(word, "login");
	if (p->login && !c->login)
		return false;
	for (o = p->option; o->flag; o++) {
		const struct mw_slice flag = mw_slice_str(o->flag);

		if (!mw_slice_starts(word, flag))
			continue;
		if (word.n == flag.n && o->apart)
			c->next = 1 + (unsigned int)(o - p->option);
		else if (word.n > flag.n && o->joined && word.p[1] != '-')
			return secret_at(word, flag.n, o->what, o->colon, ret_from);
	}
	return false;
}

/* --- in a text ----------------------------------------------------------------------------------
 */

static bool ends_command(uint8_t c)
{
	return c == '\n' || c == ';' || c == '|' || c == '&';
}

/* The next word at or behind *at, as a shell parts them, without its quotes. */
static bool word_next(struct mw_slice t, size_t *at, struct mw_slice *ret)
{
	uint8_t quote = 0;
	size_t i = *at;

	while (i < t.n && mw_is_space(t.p[i]) && t.p[i] != '\n')
		i++;
	*at = i;
	if (i == t.n || ends_command(t.p[i]))
		return false;
	if (t.p[i] == '\'' || t.p[i] == '"')
		quote = t.p[i++];
	*at = i;
	while (i < t.n && t.p[i] != '\n' &&
	       (quote ? t.p[i] != quote
		      : !mw_is_space(t.p[i]) && !ends_command(t.p[i]) && t.p[i] != '\'' &&
			    t.p[i] != '"' && t.p[i] != '`'))
		i++;
	*ret = mw_slice(t.p + *at, i - *at);
	*at = i + (i < t.n && (t.p[i] == '\'' || t.p[i] == '"' || t.p[i] == '`'));
	return true;
}

/* A command that begins with its program at `at`. */
static int look_command(struct mw_slice t, size_t at, size_t *done, struct mw_cuts *ret)
{
	struct mw_command c = { 0 };
	struct mw_slice word;
	size_t from;
	int r;

	for (; word_next(t, &at, &word); *done = at) {
		if (!mw_command_word(&c, word, &from))
			continue;
		from += (size_t)(word.p - t.p);
		r = mw_cuts_add(ret, from, (size_t)(word.p - t.p) + word.n, "key", MW_RANK_NAME);
		if (r)
			return r;
	}
	return 0;
}

/* machine HOST login USER password SECRET; the word begins at `at`. */
static int look_netrc(const struct mw_look *k, size_t at, size_t n, struct mw_cuts *ret)
{
	static const char *const before[] = { "login ", "machine ", "login\t", "login\n", NULL };
	const struct mw_look here = { .text = k->text };
	const struct mw_slice t = k->text;
	size_t from = at + n, to;

	if (at == 0 || !mw_is_space(t.p[at - 1]) || from == t.n || !mw_is_space(t.p[from]) ||
	    !mw_num_near(&here, at, before, 128))
		return 0;
	while (from < t.n && mw_is_space(t.p[from]))
		from++;
	if (from < t.n && mw_is_in(t.p[from], "=:'\""))
		return 0;
	for (to = from; to < t.n && !mw_is_space(t.p[to]); to++)
		;
	return mw_cuts_add(ret, from, to, "key", MW_RANK_NAME);
}

/* Of a text that is no SQL there is no end to be found: so far a string is looked for. */
#define SQL_LOOK 512

static int look_sql(struct mw_slice t, size_t at, struct mw_cuts *ret)
{
	const size_t n = t.n - at < SQL_LOOK ? t.n - at : SQL_LOOK;
	struct mw_slice s;
	size_t from, to;

	if (!mw_sql_secret(mw_slice(t.p + at, n), MW_SQL_ANY, &s) || mw_redact_is_mark(s))
		return 0;
	from = (size_t)(s.p - t.p);
	to = from + s.n;
	return mw_cuts_add(ret, from, to == at + SQL_LOOK ? t.n : to, "key", MW_RANK_NAME);
}

static const char *const words[] = { "password", "passwd", "identified" };
#define N_WORDS	   (sizeof(words) / sizeof(words[0]))
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const char *mw_command_keyword(size_t i)
{
	if (i < N_WORDS)
		return words[i];
	return i - N_WORDS < N_PROGRAMS ? programs[i - N_WORDS].name : NULL;
}

int mw_command_look(const struct mw_look *k, size_t i, size_t at, size_t *done, struct mw_cuts *ret)
{
	const struct mw_slice t = k->text;
	const size_t n = strlen(mw_command_keyword(i));
	int r;

	if (at > 0 && (mw_is_alnum(t.p[at - 1]) || t.p[at - 1] == '_'))
		return 0;
	if (i >= N_WORDS) {
		if (at < *done || at + n >= t.n || t.p[at + n] != ' ')
			return 0;
		return look_command(t, at, done, ret);
	}
	r = look_netrc(k, at, n, ret);
	return r ? r : look_sql(t, at, ret);
}
