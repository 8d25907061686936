/* SPDX-License-Identifier: Apache-2.0 */
/* poison_fold.c - a text as a reader takes it, and what no reader sees */
#include "core/poison_priv.h"

#include <utf8proc.h>

#include "base/utf8.h"

#define OUT_MAX (256u << 20)
/* No character becomes more in compatibility form (U+FDFA). */
#define DECOMPOSED_MAX 18

/* What becomes of an ASCII character: itself or what stands here. */
enum { DROP = 1, SPACE, LINE, STOP, CONTROL, ESCAPE, CODED };

static const uint8_t ascii[128] = {
	['\b'] = CONTROL, ['\t'] = SPACE,   ['\n'] = LINE,    ['\r'] = SPACE,	[0x00] = CONTROL,
	[0x01] = CONTROL, [0x02] = CONTROL, [0x03] = CONTROL, [0x04] = CONTROL, [0x05] = CONTROL,
	[0x06] = CONTROL, [0x07] = CONTROL, [0x0b] = SPACE,   [0x0c] = SPACE,	[0x0e] = CONTROL,
	[0x0f] = CONTROL, [0x10] = CONTROL, [0x11] = CONTROL, [0x12] = CONTROL, [0x13] = CONTROL,
	[0x14] = CONTROL, [0x15] = CONTROL, [0x16] = CONTROL, [0x17] = CONTROL, [0x18] = CONTROL,
	[0x19] = CONTROL, [0x1a] = CONTROL, [0x1b] = ESCAPE,  [0x1c] = CONTROL, [0x1d] = CONTROL,
	[0x1e] = CONTROL, [0x1f] = CONTROL, [0x7f] = CONTROL, [' '] = SPACE,	['_'] = SPACE,
	['-'] = SPACE,	  ['\''] = DROP,    ['*'] = DROP,     ['.'] = STOP,	['!'] = STOP,
	['?'] = STOP,	  [';'] = STOP,	    ['\\'] = CODED,   ['&'] = CODED,	['%'] = CODED,
};

void mw_fold_init(struct mw_fold *f, const struct mw_alloc *a)
{
	memset(f, 0, sizeof(*f));
	mw_buf_init(&f->out, a, OUT_MAX);
	mw_buf_init(&f->breaks, a, OUT_MAX);
	mw_buf_init(&f->hidden, a, OUT_MAX);
	mw_buf_init(&f->marks, a, OUT_MAX);
}

void mw_fold_done(struct mw_fold *f)
{
	mw_buf_done(&f->out);
	mw_buf_done(&f->breaks);
	mw_buf_done(&f->hidden);
	mw_buf_done(&f->marks);
}

/* What is kept of a large text's memory. */
#define KEEP (256u << 10)

static void fold_reset(struct mw_fold *f)
{
	const struct mw_fold was = *f;

	memset(f, 0, sizeof(*f));
	f->out = was.out;
	f->breaks = was.breaks;
	f->hidden = was.hidden;
	f->marks = was.marks;
	mw_buf_reset(&f->out, KEEP);
	mw_buf_reset(&f->breaks, KEEP);
	mw_buf_reset(&f->hidden, KEEP);
	mw_buf_reset(&f->marks, KEEP);
}

/* --- words ---------------------------------------------------------------------------------------
 */

/* Greek and Cyrillic letters that look like Latin ones, as Unicode's confusables.txt has them. */
static uint8_t latin_of(uint32_t c)
{
	static const struct {
		uint16_t c;
		char as;
	} alike[] = {
		{ 0x03b1, 'a' }, { 0x03b5, 'e' }, { 0x03b9, 'i' }, { 0x03ba, 'k' }, { 0x03bd, 'v' },
		{ 0x03bf, 'o' }, { 0x03c1, 'p' }, { 0x03c4, 't' }, { 0x03c5, 'u' }, { 0x03c7, 'x' },
		{ 0x03b3, 'y' }, { 0x03b7, 'n' }, { 0x0430, 'a' }, { 0x0432, 'b' }, { 0x0433, 'r' },
		{ 0x0435, 'e' }, { 0x043a, 'k' }, { 0x043c, 'm' }, { 0x043d, 'h' }, { 0x043e, 'o' },
		{ 0x0440, 'p' }, { 0x0441, 'c' }, { 0x0442, 't' }, { 0x0443, 'y' }, { 0x0445, 'x' },
		{ 0x0455, 's' }, { 0x0456, 'i' }, { 0x0458, 'j' }, { 0x0501, 'd' }, { 0x04bb, 'h' },
		{ 0x051b, 'q' }, { 0x051d, 'w' }, { 0x0461, 'w' }, { 0x04cf, 'l' }, { 0x0433, 'r' },
	};

	for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++)
		if (alike[i].c == c)
			return (uint8_t)alike[i].as;
	return 0;
}

/* A word of Latin letters and others that look like them: all become Latin. */
static void make_latin(struct mw_fold *f)
{
	const uint8_t *end = f->out.p + f->out.len;
	uint8_t *to = f->out.p + f->word;
	bool any = false;

	for (const uint8_t *p = to; p < end;) {
		const unsigned int n = mw_utf8_len(p, end);
		const uint8_t as = n == 2 ? latin_of(mw_utf8_get(p, n)) : 0;

		any |= as;
		if (as)
			*to++ = as;
		else
			for (unsigned int i = 0; i < (n ? n : 1); i++)
				*to++ = p[i];
		p += n ? n : 1;
	}
	f->n_mixed += any;
	f->out.len = (size_t)(to - f->out.p);
}

static void word_end(struct mw_fold *f)
{
	const size_t n = f->out.len - f->word;

	if (n == 0)
		return;
	if (f->latin && f->other)
		make_latin(f);
	if (f->latin && f->digit && n >= 3)
		f->n_leet++;
	f->run_letters = n == 1 ? f->run_letters + 1 : 0;
	if (f->run_letters > f->letters_run)
		f->letters_run = f->run_letters;
	f->latin = f->other = f->digit = false;
}

static void runs_end(struct mw_fold *f)
{
	if (f->run_space > f->space_run)
		f->space_run = f->run_space;
	if (f->run_line > f->line_run)
		f->line_run = f->run_line;
	f->run_space = f->run_line = 0;
}

static int put_space(struct mw_fold *f)
{
	int r = 0;

	word_end(f);
	if (f->out.len && f->out.p[f->out.len - 1] != ' ')
		r = mw_buf_append_byte(&f->out, ' ');
	f->word = f->out.len;
	return r;
}

static int put_break(struct mw_fold *f)
{
	const size_t at = f->out.len;

	return mw_buf_append(&f->breaks, &at, sizeof(at));
}

/* A mark that stands for itself. */
static int put_mark(struct mw_fold *f, uint8_t c)
{
	int r;

	word_end(f);
	runs_end(f);
	r = mw_buf_append_byte(&f->out, c);
	f->word = f->out.len;
	return r;
}

static int put_letter(struct mw_fold *f, uint32_t c)
{
	uint8_t b[4];

	runs_end(f);
	if (c < 0x80) {
		f->latin |= c >= 'a' && c <= 'z';
		f->digit |= (c >= '0' && c <= '9') || c == '@' || c == '$';
		return mw_buf_append_byte(&f->out, (uint8_t)c);
	}
	f->other |= c >= 0x370 && c < 0x530;
	return mw_buf_append(&f->out, b, mw_utf8_put(c, b));
}

/* --- characters ----------------------------------------------------------------------------------
 */

static int put_ascii(struct mw_fold *f, uint8_t c, bool stops)
{
	const uint8_t as = ascii[c];
	int r;

	switch (as) {
	case DROP:
		runs_end(f);
		/* opens a quotation, unless it stands in a word */
		if (c == '\'' && (f->out.len == 0 || f->out.p[f->out.len - 1] == ' '))
			return put_mark(f, '"');
		return 0;
	case LINE:
		f->run_line++;
		f->run_space++;
		r = f->last == '\n' ? put_break(f) : 0;
		return r < 0 ? r : put_space(f);
	case SPACE:
		f->run_space += c != '_' && c != '-';
		return put_space(f);
	case STOP:
		r = put_mark(f, c);
		return r == 0 && stops ? put_break(f) : r;
	case CONTROL:
		f->n_control++;
		return 0;
	case ESCAPE:
		f->n_escape++;
		return put_space(f);
	default:
		break;
	}
	if (mw_is_alnum(c) || c == '@' || c == '$')
		return put_letter(f, mw_lower(c));
	return put_mark(f, c == '`' ? '"' : c);
}

static bool is_zero(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x2065) ||
	       (c >= 0x206a && c <= 0x206f) || c == 0xfeff || c == 0xad || c == 0x34f ||
	       c == 0x180e || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
	       c == 0x3164 || c == 0xffa0 || (c >= 0xfff9 && c <= 0xfffb) || c == 0x1d159 ||
	       (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0080 && c <= 0xe00ff);
}

/* Joiners belong to emoji and to scripts that join their letters; a byte order mark to the
 * beginning; a soft hyphen may stand in any long word once. */
static bool is_zero_allowed(const struct mw_fold *f, uint32_t c)
{
	if (c == 0x200c || c == 0x200d)
		return (f->last >= 0x600 && f->last < 0x1100) || f->last >= 0x2190;
	return c == 0xfeff && f->last == 0;
}

static int put_zero(struct mw_fold *f, uint32_t c)
{
	if (is_zero_allowed(f, c))
		return 0;
	f->n_zero++;
	if (++f->run_zero > f->zero_run)
		f->zero_run = f->run_zero;
	return 0;
}

/* A byte a selector (published as a way to hide texts behind one emoji); one behind a character is
 * what selectors are for. */
static int put_selector(struct mw_fold *f, uint32_t c)
{
	const bool plain = c == 0xfe0e || c == 0xfe0f || f->last >= 0x2e80;

	if (f->run_vs++ == 0 && plain)
		return 0;
	f->n_vs++;
	return mw_buf_append_byte(&f->hidden,
				  (uint8_t)(c < 0xe0000 ? c - 0xfe00 : c - 0xe0100 + 16));
}

static int put_tag(struct mw_fold *f, uint32_t c)
{
	if (f->flag) { /* of a flag, such as Scotland's */
		f->flag = c != 0xe007f;
		return 0;
	}
	f->n_tags++;
	return c > 0xe001f && c < 0xe007f ? mw_buf_append_byte(&f->hidden, (uint8_t)(c - 0xe0000))
					  : 0;
}

static bool is_quote(uint32_t c)
{
	return (c >= 0x201c && c <= 0x201f) || c == 0xab || c == 0xbb ||
	       (c >= 0x300c && c <= 0x300f);
}

static int put_folded(struct mw_fold *f, uint32_t c)
{
	utf8proc_int32_t d[DECOMPOSED_MAX];
	utf8proc_ssize_t n;
	int last = UTF8PROC_BOUNDCLASS_START, r = 0;

	n = utf8proc_decompose_char(
	    (utf8proc_int32_t)c, d, DECOMPOSED_MAX,
	    UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK, &last);
	for (utf8proc_ssize_t i = 0; i < n && i < DECOMPOSED_MAX && r == 0; i++) {
		const utf8proc_category_t g = utf8proc_category(d[i]);

		if (d[i] < 0x80)
			r = put_ascii(f, (uint8_t)d[i], true);
		else if (g == UTF8PROC_CATEGORY_ZS || g == UTF8PROC_CATEGORY_ZL ||
			 g == UTF8PROC_CATEGORY_ZP || d[i] == 0x2800)
			f->run_space++, r = put_space(f);
		else
			r = put_letter(f, (uint32_t)d[i]);
	}
	return r;
}

static int put_wide(struct mw_fold *f, uint32_t c)
{
	int r;

	if (c == MW_UTF8_REPLACEMENT) { /* most of what was no text */
		f->run_zero = f->run_vs = 0;
		f->flag = false;
		runs_end(f);
		return mw_buf_append(&f->out, "\xef\xbf\xbd", 3);
	}
	if (is_zero(c))
		return put_zero(f, c);
	f->run_zero = 0;
	if ((c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef))
		return put_selector(f, c);
	f->run_vs = 0;
	if (c >= 0xe0000 && c <= 0xe007f)
		return put_tag(f, c);
	f->flag = c == 0x1f3f4;
	if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
		f->n_bidi++;
		f->n_bidi_override += c == 0x202d || c == 0x202e;
		return 0;
	}
	if (c == 0x200e || c == 0x200f || c == 0x61c)
		return 0;
	f->n_rtl += c >= 0x590 && c < 0x900;
	if (c == 0x9b) {
		f->n_escape++;
		return put_space(f);
	}
	if (c < 0xa0) {
		f->n_control++;
		return 0;
	}
	if (c == 0x2019 || c == 0x2018) /* an apostrophe */
		return 0;
	if (is_quote(c))
		return put_mark(f, '"');
	if (c >= 0x2010 && c <= 0x2015)
		return put_space(f);
	if (c == 0x3002 || c == 0xff0e || c == 0xff01 || c == 0xff1f || c == 0xff1b) {
		r = put_mark(f, '.');
		return r < 0 ? r : put_break(f);
	}
	if (c >= 0x4e00 && c <= 0x9fff)
		return put_letter(f, c); /* folds to itself */
	return put_folded(f, c);
}

/* --- characters written as codes -----------------------------------------------------------------
 */

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t hex_run(struct mw_slice t, size_t at, size_t max, uint32_t *ret)
{
	size_t n = 0;

	*ret = 0;
	for (int d; n < max && at + n < t.n && (d = hex_of(t.p[at + n])) >= 0; n++)
		*ret = *ret << 4 | (uint32_t)d;
	return n;
}

/* "\u0041", "\x41", "%41", "&#65;", "&#x41;" at `at`: how long it is and which character, or 0. */
static size_t coded(struct mw_slice t, size_t at, uint32_t *ret)
{
	const uint8_t c = t.p[at], d = at + 1 < t.n ? t.p[at + 1] : 0;
	size_t n, i;

	if (c == '%')
		return hex_run(t, at + 1, 2, ret) == 2 && *ret > 0x1f && *ret < 0x7f ? 3 : 0;
	if (c == '\\') {
		n = d == 'x' ? 2 : d == 'u' ? 4 : 0;
		return n && hex_run(t, at + 2, n, ret) == n && *ret >= 0x20 ? 2 + n : 0;
	}
	if (d != '#' || at + 2 >= t.n)
		return 0;
	if ((t.p[at + 2] | 0x20) == 'x') {
		n = hex_run(t, at + 3, 6, ret);
		i = at + 3 + n;
	} else {
		*ret = 0;
		for (i = at + 2, n = 0; i < t.n && n < 7 && t.p[i] >= '0' && t.p[i] <= '9';
		     i++, n++)
			*ret = *ret * 10 + (uint32_t)(t.p[i] - '0');
	}
	return n && i < t.n && t.p[i] == ';' && *ret >= 0x20 ? i + 1 - at : 0;
}

static int put_coded(struct mw_fold *f, struct mw_slice t, size_t *at)
{
	uint32_t c = 0;
	const size_t n = coded(t, *at, &c);

	if (n == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return put_mark(f, t.p[(*at)++]);
	*at += n;
	if (c < 0x80 && ascii[c] == CODED)
		return put_mark(f, (uint8_t)c);
	return c < 0x80 ? put_ascii(f, (uint8_t)c, true) : put_wide(f, c);
}

#define MARK_EVERY 64

size_t mw_fold_place(const struct mw_fold *f, size_t at)
{
	const size_t i = at / MARK_EVERY;
	size_t place;

	if (i >= f->marks.len / sizeof(place))
		return f->out.len;
	memcpy(&place, f->marks.p + i * sizeof(place), sizeof(place));
	return place + at % MARK_EVERY;
}

int mw_fold_text(struct mw_fold *f, struct mw_slice t)
{
	const uint8_t *end = t.n ? t.p + t.n : t.p;
	size_t marked = 0;
	int r = 0;

	fold_reset(f);
	for (size_t i = 0; i < t.n && r == 0;) {
		const uint8_t c = t.p[i];
		unsigned int n;
		uint32_t u;

		for (; marked <= i && r == 0; marked += MARK_EVERY)
			r = mw_buf_append(&f->marks, &f->out.len, sizeof(f->out.len));
		if (r < 0)
			break;
		if (mw_is_alnum(c)) {
			f->run_zero = f->run_vs = 0;
			r = put_letter(f, mw_lower(c));
			f->last = c;
			i++;
			continue;
		}
		if (c < 0x80 && ascii[c] == CODED) {
			r = put_coded(f, t, &i);
			f->last = c;
			continue;
		}
		if (c < 0x80) {
			f->run_zero = f->run_vs = 0;
			r = put_ascii(f, c, i + 1 == t.n || t.p[i + 1] <= ' ' || t.p[i + 1] == '"');
			f->last = c;
			i++;
			continue;
		}
		n = mw_utf8_len(t.p + i, end);
		u = n ? mw_utf8_get(t.p + i, n) : MW_UTF8_REPLACEMENT;
		i += n ? n : 1;
		r = put_wide(f, u);
		if (u == MW_UTF8_REPLACEMENT || !is_zero(u))
			f->last = u;
	}
	word_end(f);
	return r;
}

/* --- plain texts ---------------------------------------------------------------------------------
 */

/* The first three: bits of what a word is made of. */
enum { P_OTHER, P_LETTER = 1, P_DIGIT = 2, P_MIXED, P_SPACE, P_MARK, P_DROP, P_CODED };

/* What an ASCII character is in a word; what is not said here is for mw_fold_text. */
static const uint8_t plain[256] = {
	['a' ... 'z'] = P_LETTER, ['A' ... 'Z'] = P_LETTER, ['0' ... '9'] = P_DIGIT,
	['@'] = P_DIGIT,	  ['$'] = P_DIGIT,	    ['\t'] = P_SPACE,
	['\n'] = P_SPACE,	  ['\r'] = P_SPACE,	    [0x0b] = P_SPACE,
	[0x0c] = P_SPACE,	  [' '] = P_SPACE,	    ['_'] = P_SPACE,
	['-'] = P_SPACE,	  ['\''] = P_DROP,	    ['*'] = P_DROP,
	['\\'] = P_CODED,	  ['&'] = P_CODED,	    ['%'] = P_CODED,
	['!' ... '#'] = P_MARK,	  ['(' ... ')'] = P_MARK,   ['+' ... ','] = P_MARK,
	['.' ... '/'] = P_MARK,	  [':' ... '?'] = P_MARK,   ['['] = P_MARK,
	[']' ... '^'] = P_MARK,	  ['`'] = P_MARK,	    ['{' ... '~'] = P_MARK,
};

/* A longer run of space is measured by mw_fold_text. */
#define SPACES_MAX 24

struct plain_word {
	size_t from;
	unsigned int of;
};

static void plain_end(struct mw_fold *f, struct plain_word *w, size_t at)
{
	const size_t n = at - w->from;

	if (n == 0)
		return;
	f->n_leet += w->of == P_MIXED && n >= 3;
	f->run_letters = n == 1 ? f->run_letters + 1 : 0;
	if (f->run_letters > f->letters_run)
		f->letters_run = f->run_letters;
	*w = (struct plain_word){ .from = at };
}

int mw_fold_plain(struct mw_fold *f, struct mw_slice t)
{
	struct plain_word w = { 0 };
	size_t spaces = 0, n = 0;
	uint32_t u;
	uint8_t *o;
	int r;

	fold_reset(f);
	r = mw_buf_reserve(&f->out, t.n);
	if (r < 0)
		return r;
	o = f->out.p;
	for (size_t i = 0; i < t.n; i++) {
		uint8_t c = t.p[i], as = plain[c];

		if (as == P_LETTER || as == P_DIGIT) {
			unsigned int of = w.of;

			do { /* of letters 0x20 is the lower case, of digits it is not touched */
				of |= as;
				o[n++] = (uint8_t)(c | (as & P_LETTER) << 5);
				if (++i == t.n)
					break;
				c = t.p[i];
				as = plain[c];
			} while (as == P_LETTER || as == P_DIGIT);
			w.of = of;
			spaces = 0;
			if (i == t.n)
				break;
		}
		if (as == P_SPACE) {
			if (++spaces > SPACES_MAX)
				return 0;
			plain_end(f, &w, n);
			if (n && o[n - 1] != ' ')
				o[n++] = ' ';
			w.from = n;
			continue;
		}
		spaces = 0;
		if (as == P_OTHER || (as == P_CODED && coded(t, i, &u)))
			return 0;
		if (as == P_DROP) {
			if (c == '*' || (n && o[n - 1] != ' '))
				continue;
			c = '"';
		}
		plain_end(f, &w, n);
		o[n++] = c == '`' ? '"' : c;
		w.from = n;
	}
	plain_end(f, &w, n);
	f->out.len = n;
	return 1;
}
