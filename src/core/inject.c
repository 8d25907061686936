/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inject.c - a string of the arguments as a shell, an interpreter or an option parser reads it
 *
 * An argument that is the command (a tool that runs commands has one) stands where a command may
 * begin: that is its use and no injection. One that stands among a command's words and starts
 * another command is.
 */
#include "core/inject.h"

#include "core/args_priv.h"
#include "core/redact_priv.h"

/* Less is found by accident. */
#define WORD_MIN     3
#define NEST_MAX     32
#define ELEMENTS_MAX 1024

static bool is_in(struct mw_slice s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mw_slice_eq_str(s, list[i]))
			return true;
	return false;
}

#define IS_IN(s, list) is_in(s, list, sizeof(list) / sizeof((list)[0]))

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- how a shell reads a text (POSIX.1-2024, XCU 2.2 and 2.3) ------------------------------------
 */

enum quote { BARE, SINGLE, DOUBLE };

struct shell {
	struct mw_slice text;
	size_t at;
	enum quote quote;
	enum quote under[NEST_MAX]; /* what each open "(" stands in */
	unsigned int n_under;
	size_t token; /* where the present word begins, or SIZE_MAX */
	bool command; /* a command may begin here, or has just begun */
	bool active;  /* what was read last means something to the shell */
};

/* What may stand before a command's name. */
static bool is_prefix(struct mw_slice token)
{
	static const char *const words[] = {
		"sudo",	   "exec",   "time", "nohup",  "nice",	   "timeout", "env",   "command",
		"builtin", "then",   "do",   "else",   "if",	   "while",   "until", "!",
		"{",	   "setsid", "eval", "stdbuf", "xvfb-run", "doas",
	};
	size_t i = 0;

	if (token.n == 0 || token.p[0] == '-' || IS_IN(mw_slice_name(token), words))
		return true;
	while (i < token.n && (mw_is_alnum(token.p[i]) || token.p[i] == '_'))
		i++;
	if (i > 0 && i < token.n && token.p[i] == '=') /* an assignment */
		return true;
	/* timeout's */
	for (i = 0; i < token.n && (mw_is_digit(token.p[i]) || token.p[i] == '.'); i++)
		;
	return i > 0 && i + 1 >= token.n && (i == token.n || mw_is_alnum(token.p[i]));
}

static void token_end(struct shell *s)
{
	if (s->token == SIZE_MAX)
		return;
	if (s->command && !is_prefix(mw_slice(s->text.p + s->token, s->at - s->token)))
		s->command = false;
	s->token = SIZE_MAX;
}

static void open_paren(struct shell *s)
{
	if (s->n_under < NEST_MAX)
		s->under[s->n_under++] = s->quote;
	s->quote = BARE;
	s->token = SIZE_MAX;
	s->command = true;
}

/* "$(", "${", "$x"; at it->at the '$'. */
static bool is_expansion(const struct shell *s)
{
	const uint8_t c = s->at + 1 < s->text.n ? s->text.p[s->at + 1] : 0;

	return c == '(' || c == '{' || c == '_' || mw_is_alnum(c) || c == '\'';
}

static void read_bare(struct shell *s, uint8_t c)
{
	switch (c) {
	case '\'':
		s->quote = SINGLE;
		break;
	case '"':
		s->quote = DOUBLE;
		break;
	case '\\':
		s->at++;
		break;
	case ';':
	case '&':
	case '|':
	case '\n':
		token_end(s);
		s->command = true;
		s->active = true;
		return;
	case '(':
		token_end(s);
		open_paren(s);
		s->active = true;
		return;
	case ')':
		token_end(s);
		if (s->n_under)
			s->quote = s->under[--s->n_under];
		s->active = true;
		return;
	case '`':
	case '<':
	case '>':
		s->active = true;
		break;
	case '$':
		s->active = is_expansion(s);
		break;
	default:
		break;
	}
	if (is_space(c))
		token_end(s);
	else if (s->token == SIZE_MAX)
		s->token = s->at;
}

static void read_double(struct shell *s, uint8_t c)
{
	switch (c) {
	case '"':
		s->quote = BARE;
		break;
	case '\\':
		s->at++;
		break;
	case '`':
		s->active = true;
		break;
	case '$':
		s->active = is_expansion(s);
		if (s->active && s->text.p[s->at + 1] == '(') {
			s->at++;
			open_paren(s);
		}
		break;
	default:
		break;
	}
}

/* Reads one character, with what it escapes. */
static void shell_step(struct shell *s)
{
	const uint8_t c = s->text.p[s->at];

	s->active = false;
	if (s->quote == BARE)
		read_bare(s, c);
	else if (s->quote == DOUBLE)
		read_double(s, c);
	else if (c == '\'')
		s->quote = BARE;
	s->at++;
}

/* Whether `word`, which stands at `at` in the text, is taken apart there. s is before or at it. */
static bool is_taken_apart(struct shell *s, size_t at, size_t n)
{
	struct shell x;

	while (s->at < at)
		shell_step(s);
	if (s->at > at) /* its first character is escaped */
		return false;
	if (s->quote == BARE && s->command && s->token == SIZE_MAX)
		return false; /* it is the command */
	for (x = *s; x.at < at + n;) {
		shell_step(&x);
		if (x.active)
			return true;
	}
	return false;
}

static bool has_meta(struct mw_slice w)
{
	static const char meta[] = ";&|`$<>\n()";

	for (size_t i = 0; i < w.n; i++)
		if (memchr(meta, w.p[i], sizeof(meta) - 1))
			return true;
	return false;
}

static struct mw_slice trim(struct mw_slice w)
{
	while (w.n && is_space(w.p[0]))
		w = mw_slice_from(w, 1);
	while (w.n && is_space(w.p[w.n - 1]))
		w.n--;
	return w;
}

/* The whole command stands in quotes in an argument: that was code, and was evaluated. */
static bool is_quoted_in(struct mw_slice text, struct mw_slice word)
{
	const uint8_t *p = word.p, *end = word.p + word.n;

	if (text.n < WORD_MIN || !has_meta(word))
		return false;
	while ((p = memmem(p, (size_t)(end - p), text.p, text.n))) {
		const uint8_t *behind = p + text.n;

		if (p > word.p && behind < end && p[-1] == *behind &&
		    (*behind == '\'' || *behind == '"' || *behind == '`'))
			return true;
		p++;
	}
	return false;
}

static bool in_shell_text(struct mw_slice text, struct mw_slice word)
{
	struct shell s = { .text = text, .token = SIZE_MAX, .command = true };
	const uint8_t *p = text.p, *end = text.p + text.n;

	word = trim(word);
	if (is_quoted_in(text, word))
		return true;
	if (word.n < WORD_MIN || !has_meta(word))
		return false;
	while ((p = memmem(p, (size_t)(end - p), word.p, word.n))) {
		if (is_taken_apart(&s, (size_t)(p - text.p), word.n))
			return true;
		p += word.n;
	}
	return false;
}

/* --- how an interpreter reads a text -------------------------------------------------------------
 */

/* Whether the word leaves the quotes that the code puts around it. Code that stands outside of
 * quotes is what the tool is for. */
static bool in_code_text(struct mw_slice text, struct mw_slice word)
{
	const uint8_t *p = text.p, *end = text.p + text.n;
	uint8_t quote = 0;
	size_t at = 0;

	word = trim(word);
	if (word.n < WORD_MIN)
		return false;
	while ((p = memmem(p, (size_t)(end - p), word.p, word.n))) {
		const size_t to = (size_t)(p - text.p);

		for (; at < to; at++) {
			const uint8_t c = text.p[at];

			if (c == '\\')
				at++;
			else if (quote)
				quote = c == quote || (c == '\n' && quote != '`') ? 0 : quote;
			else if (c == '"' || c == '\'' || c == '`')
				quote = c;
		}
		for (size_t i = to; quote && at == to && i < to + word.n; i++) {
			if (text.p[i] == '\\')
				i++;
			else if (text.p[i] == quote || (text.p[i] == '$' && quote == '`'))
				return true;
		}
		p += word.n;
	}
	return false;
}

/* --- programs ------------------------------------------------------------------------------------
 */

static bool is_shell(struct mw_slice name)
{
	static const char *const shells[] = { "sh",   "bash", "dash",  "zsh",	"ksh",	  "ash",
					      "mksh", "fish", "rbash", "ksh93", "busybox" };

	if (name.n > 1 && name.p[0] == '-') /* of a login */
		name = mw_slice_from(name, 1);
	return IS_IN(name, shells);
}

/* Whose next word is code: "python3.11 -c". */
static bool is_code_option(struct mw_slice name, struct mw_slice opt)
{
	static const struct {
		const char *name;
		const char *opts[4];
	} runs[] = {
		{ "python", { "-c" } },
		{ "pypy", { "-c" } },
		{ "node", { "-e", "--eval", "-p", "--print" } },
		{ "bun", { "-e", "--eval" } },
		{ "deno", { "eval" } },
		{ "perl", { "-e", "-E" } },
		{ "ruby", { "-e" } },
		{ "php", { "-r" } },
		{ "lua", { "-e" } },
		{ "Rscript", { "-e" } },
		{ "osascript", { "-e" } },
		{ "pwsh", { "-c", "-Command" } },
		{ "powershell", { "-c", "-Command" } },
	};

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		if (!mw_slice_starts(name, mw_slice_str(runs[i].name)))
			continue;
		for (size_t k = 0; k < 4 && runs[i].opts[k]; k++)
			if (mw_slice_eq_str(opt, runs[i].opts[k]))
				return true;
	}
	return false;
}

/* Options that make a program run, write or send something else; as they begin. */
static bool is_risky(struct mw_slice name, struct mw_slice opt)
{
	static const struct {
		const char *name;
		const char *opts[14];
	} risky[] = {
		{ "git",
		  { "--upload-pack", "--receive-pack", "--exec", "--output", "--config", "-c",
		    "--open-files-in-pager", "-O", "--ext-diff", "--textconv", "--template",
		    "ext::", "-u", "--no-index" } },
		{ "tar",
		  { "--checkpoint-action", "--to-command", "--use-compress-program", "-I",
		    "--rsh-command", "--info-script", "--new-volume-script", "-F", "-P",
		    "--absolute-names", "-C", "--directory" } },
		{ "ssh", { "-o", "-F", "-L", "-R", "-D", "-J", "-w", "-i", "-E" } },
		{ "scp", { "-o", "-S", "-F", "-J", "-D" } },
		{ "sftp", { "-o", "-S", "-F", "-J", "-D", "-b" } },
		{ "rsync", { "-e", "--rsh", "--rsync-path", "--files-from", "--log-file", "-M" } },
		{ "curl",
		  { "-o", "--output", "-O", "-K", "--config", "-T", "--upload-file", "-d", "--data",
		    "-F", "--form", "-x", "--proxy", "--unix-socket" } },
		{ "wget",
		  { "-O", "--output-document", "--post-file", "--body-file", "--use-askpass", "-i",
		    "--input-file", "-e", "--execute", "-P", "-o", "--config" } },
		{ "find", { "-exec", "-ok", "-delete", "-fprint", "-fls", "-files0-from" } },
		{ "fd", { "-x", "--exec", "-X" } },
		{ "rg", { "--pre", "--hostname-bin", "-f", "--search-zip" } },
		{ "grep", { "-f", "--file" } },
		{ "sed", { "-i", "--in-place", "-e", "-f" } },
		{ "awk", { "-f", "-e", "-i" } },
		{ "sort", { "-o", "--output", "--compress-program" } },
		{ "zip", { "-T", "-TT", "--unzip-command" } },
		{ "tcpdump", { "-z", "-w" } },
		{ "nmap", { "--script", "-oN", "-oA", "-oX", "-iL" } },
		{ "psql", { "-c", "-f", "--command", "--file", "-o", "--set" } },
		{ "mysql", { "-e", "--execute", "--init-command" } },
		{ "sqlite3", { "-cmd", "-init", "-A" } },
		{ "docker",
		  { "-v", "--volume", "--privileged", "--mount", "--pid", "--net", "--cap-add",
		    "--device" } },
		{ "kubectl", { "--kubeconfig", "--server", "-s", "--token", "--as" } },
		{ "make", { "-f", "--eval", "--file", "-C" } },
		{ "npm", { "--prefix", "--script-shell", "--node-options", "--registry" } },
		{ "pip", { "-i", "--index-url", "--extra-index-url", "-r", "--target", "-t" } },
		{ "man", { "-P", "-H" } },
		{ "ffmpeg", { "-i", "-f", "-y" } },
		{ "chrome", { "--gpu-launcher", "--utility-cmd-prefix", "--renderer-cmd-prefix" } },
		{ "chromium",
		  { "--gpu-launcher", "--utility-cmd-prefix", "--renderer-cmd-prefix" } },
		{ "gs", { "-s", "-dNOSAFER" } },
		{ "convert", { "-write" } },
		{ "7z", { "-o", "-si" } },
		{ "xargs", { "-I", "-a" } },
		{ "env", { "-S", "--split-string" } },
		{ "systemctl", { "-H", "--host" } },
		{ "svn", { "--config-option", "--editor-cmd" } },
		{ "hg", { "--config" } },
	};

	for (size_t i = 0; i < sizeof(risky) / sizeof(risky[0]); i++) {
		if (!mw_slice_eq_str(name, risky[i].name))
			continue;
		for (size_t k = 0; k < 14 && risky[i].opts[k]; k++) {
			const struct mw_slice o = mw_slice_str(risky[i].opts[k]);

			if (!mw_slice_starts(opt, o))
				continue;
			/* a long one with its value or alone; of a short one the value is joined */
			if (o.n == 2 || opt.n == o.n || opt.p[o.n] == '=' || o.p[o.n - 1] == ':' ||
			    o.p[1] != '-')
				return true;
		}
	}
	return false;
}

/* --- argv ----------------------------------------------------------------------------------------
 */

struct found {
	const struct mw_args *args;
	struct mw_slice v[ELEMENTS_MAX];
	size_t n;
};

static void split(struct found *f, struct mw_slice argv)
{
	while (argv.n && f->n < ELEMENTS_MAX) {
		const uint8_t *nul = memchr(argv.p, '\0', argv.n);
		const size_t n = nul ? (size_t)(nul - argv.p) : argv.n;

		f->v[f->n++] = mw_slice(argv.p, n);
		argv = nul ? mw_slice(nul + 1, argv.n - n - 1) : mw_slice(NULL, 0);
	}
}

static bool is_arg(const struct found *f, struct mw_slice s)
{
	for (size_t i = 0; i < f->args->n_words; i++)
		if (mw_slice_eq(word_text(f->args, &f->args->words[i]), s))
			return true;
	return false;
}

static bool any_word(const struct found *f, struct mw_slice text,
		     bool (*in)(struct mw_slice text, struct mw_slice word))
{
	for (size_t i = 0; i < f->args->n_words; i++)
		if (in(text, word_text(f->args, &f->args->words[i])))
			return true;
	return false;
}

/* The element that is the command text of the shell at `at`; n: none. */
static size_t command_text(const struct found *f, size_t at)
{
	bool found = false;

	for (size_t i = at + 1; i < f->n; i++) {
		const struct mw_slice s = f->v[i];

		if (s.n < 2 || (s.p[0] != '-' && s.p[0] != '+') || mw_slice_eq_str(s, "--"))
			return found ? i : f->n;
		if (s.p[1] == '-')
			continue;
		found |= memchr(s.p, 'c', s.n) != NULL;
		i += memchr(s.p, 'o', s.n) != NULL; /* "-o pipefail" */
	}
	return f->n;
}

static bool in_shells(const struct found *f, struct mw_slice exe)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t at;

		if (!is_shell(mw_slice_name(f->v[i])) && !(i == 0 && is_shell(mw_slice_name(exe))))
			continue;
		at = command_text(f, i);
		if (at < f->n && any_word(f, f->v[at], in_shell_text))
			return true;
	}
	return false;
}

/* What stands behind ssh's host is a command line for the shell there (ssh(1)); su, script and
 * others take one with -c. */
static bool in_runners(const struct found *f, struct mw_slice name)
{
	static const char *const with_c[] = { "su",	 "script", "flock",
					      "runuser", "watch",  "parallel" };
	static const char takes[] = "BbcDEeFIiJLlmOopQRSWw";
	size_t i = 1;

	if (IS_IN(name, with_c)) {
		for (; i < f->n; i++)
			if ((mw_slice_eq_str(f->v[i - 1], "-c") ||
			     mw_slice_eq_str(f->v[i - 1], "--command") ||
			     mw_slice_eq_str(name, "watch")) &&
			    any_word(f, f->v[i], in_shell_text))
				return true;
		return false;
	}
	if (!mw_slice_eq_str(name, "ssh"))
		return false;
	for (; i < f->n && f->v[i].n > 1 && f->v[i].p[0] == '-'; i++)
		i += f->v[i].n == 2 && memchr(takes, f->v[i].p[1], sizeof(takes) - 1);
	for (i++; i < f->n; i++)
		if (any_word(f, f->v[i], in_shell_text))
			return true;
	return false;
}

static bool in_code(const struct found *f, struct mw_slice name)
{
	for (size_t i = 1; i + 1 < f->n; i++)
		if (is_code_option(name, f->v[i]))
			return any_word(f, f->v[i + 1], in_code_text);
	return false;
}

static bool is_option(const struct found *f, struct mw_slice name)
{
	/* the program itself was asked for: so were its options */
	if (f->n && (is_arg(f, f->v[0]) || is_arg(f, name)))
		return false;
	for (size_t i = 1; i < f->n && !mw_slice_eq_str(f->v[i], "--"); i++)
		if (f->v[i].n > 1 && is_risky(name, f->v[i]) && is_arg(f, f->v[i]))
			return true;
	return false;
}

enum mw_inject mw_inject_find(struct mw_slice exe, struct mw_slice argv, const struct mw_args *args)
{
	struct found f = { .args = args };
	struct mw_slice name;

	split(&f, argv);
	if (f.n == 0 || args->n_words == 0)
		return MW_INJECT_NONE;
	name = mw_slice_name(exe.n ? exe : f.v[0]);
	if (in_shells(&f, exe) || in_runners(&f, name) || in_code(&f, name))
		return MW_INJECT_SHELL;
	return is_option(&f, name) || is_option(&f, mw_slice_name(f.v[0])) ? MW_INJECT_OPTION
									   : MW_INJECT_NONE;
}
