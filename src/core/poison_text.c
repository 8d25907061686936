/* SPDX-License-Identifier: Apache-2.0 */
/* poison_text.c - what one text says, in whatever spelling */
#include <errno.h>

#include "base/ascii.h"
#include "base/hash.h"
#include "core/poison_priv.h"

#define TERMS_TEXT_MAX (1u << 20)
/* A shorter one, without its borders, would be found in other words. */
#define SQUEEZED_MIN 6
/* Words of letters and digits mixed, single letters in a row: from here on looked at squeezed. */
#define LEET_MIN    3
#define LETTERS_MIN 8
#define TURNED_MIN  2
#define TOLD_MIN    12 /* what decoded text must count to be called hidden orders */
#define ORDERS_MIN  8  /* the same of what stands openly, with hidden characters about */

/* --- terms ---------------------------------------------------------------------------------------
 */

static bool is_cjk(const uint8_t *p)
{
	return p[0] >= 0xe2 && !(p[0] == 0xe2 && p[1] < 0xba); /* from U+2E80 on */
}

static bool is_word(uint8_t c)
{
	return mw_is_alnum(c) || c >= 0x80;
}

static int terms_init(struct mw_poison_terms *t, const struct mw_alloc *a, size_t n)
{
	mw_buf_init(&t->text, a, TERMS_TEXT_MAX);
	t->term = mw_alloc_zero(a, n * sizeof(*t->term));
	if (!t->term)
		return -ENOMEM;
	t->n = n;
	return mw_words_new(a, &t->words);
}

static void terms_done(struct mw_poison_terms *t, const struct mw_alloc *a)
{
	mw_words_free(t->words);
	if (t->term)
		mw_alloc_free(a, t->term, t->n * sizeof(*t->term));
	mw_buf_done(&t->text);
}

/* The folded term i, of a class. */
static int put_term(struct mw_poison_terms *t, uint32_t i, enum mw_term_class class, bool open,
		    struct mw_slice s)
{
	struct mw_poison_term *k = &t->term[i];
	int r;

	k->class = class;
	k->start = (is_word(s.p[0]) || s.p[0] == '.') && !is_cjk(s.p);
	k->end = !open && is_word(s.p[s.n - 1]) && !is_cjk(s.p);
	r = mw_buf_append(&t->text, s.p, s.n);
	return r < 0 ? r : mw_buf_append_byte(&t->text, 0);
}

/* The texts stand still only once all are there. */
static int index_terms(struct mw_poison_terms *t)
{
	const char *s = (const char *)t->text.p;
	int r = 0;

	for (uint32_t i = 0; i < t->n && r == 0; s += strlen(s) + 1, i++)
		if (strlen(s) > 1)
			r = mw_words_add(t->words, s, i);
	return r == -EINVAL ? 0 : r;
}

/* "### instruction" without its signs is a word that everybody uses. */
static bool is_words(struct mw_slice term)
{
	for (size_t i = 0; i < term.n; i++)
		if (!is_word(term.p[i]) && term.p[i] != ' ' && term.p[i] != '-' &&
		    term.p[i] != '\'')
			return false;
	return true;
}

static int put_both(struct mw_poison_scan *p, uint32_t i, enum mw_term_class class,
		    const char *term)
{
	struct mw_slice s = mw_slice_str(term);
	const bool open = s.p[s.n - 1] == '*';
	int r;

	s.n -= open;
	r = mw_fold_text(&p->fold, s);
	if (r == 0)
		r = put_term(&p->plain, i, class, open, mw_buf_slice(&p->fold.out));
	p->code.len = 0;
	if (r == 0)
		r = mw_code_squeeze(&p->code, mw_buf_slice(&p->fold.out));
	if (r < 0)
		return r;
	if (p->code.len < SQUEEZED_MIN || !is_words(mw_buf_slice(&p->fold.out)))
		p->code.len = 0;
	r = mw_buf_append_byte(&p->code, ' '); /* never found, where it is too short */
	if (r < 0)
		return r;
	s = mw_slice(p->code.p, p->code.len > 1 ? p->code.len - 1 : 1);
	r = put_term(&p->squeezed, i, class, true, s);
	p->squeezed.term[i].start = false;
	return r;
}

int mw_poison_terms_new(struct mw_poison_scan *p)
{
	size_t n_lists, n = 0;
	const struct mw_term_list *list = mw_term_lists(&n_lists);
	uint32_t i = 0;
	int r;

	for (size_t k = 0; k < n_lists; k++)
		n += list[k].n;
	r = terms_init(&p->plain, p->a, n);
	if (r == 0)
		r = terms_init(&p->squeezed, p->a, n);
	for (size_t k = 0; k < n_lists; k++)
		for (size_t j = 0; j < list[k].n && r == 0; j++)
			r = put_both(p, i++, list[k].class, list[k].v[j]);
	if (r == 0)
		r = index_terms(&p->plain);
	return r < 0 ? r : index_terms(&p->squeezed);
}

void mw_poison_terms_free(struct mw_poison_scan *p)
{
	terms_done(&p->plain, p->a);
	terms_done(&p->squeezed, p->a);
}

/* --- names of other tools ------------------------------------------------------------------------
 */

static bool is_name_byte(uint8_t c)
{
	return mw_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

/* "read_file", "sendMail": no word of a language; another one must be quoted. */
static bool is_distinct(struct mw_slice s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '_' || s.p[i] == '-' || s.p[i] == '.' ||
		    (mw_is_upper(s.p[i]) && !mw_is_upper(s.p[i - 1])))
			return true;
	return false;
}

/* The next place at or behind *at where another tool is named; false: none. */
static bool next_name(const struct mw_poison_names *x, struct mw_slice t, size_t *at, size_t *end)
{
	size_t i = *end;

	while (x->n && i < t.n) {
		struct mw_slice s;

		if (!is_name_byte(t.p[i])) {
			i++;
			continue;
		}
		*at = i;
		while (i < t.n && is_name_byte(t.p[i]))
			i++;
		*end = i;
		for (s = mw_slice(t.p + *at, i - *at); s.n && s.p[s.n - 1] == '.';)
			s.n--; /* a sentence's end */
		if (s.n < 3 || mw_slice_eq(s, x->own))
			continue;
		if (!is_distinct(s) &&
		    !(*at && (t.p[*at - 1] == '`' || t.p[*at - 1] == '\'' || t.p[*at - 1] == '"')))
			continue;
		for (size_t k = mw_hash64(s, 0) & (x->n - 1); x->v[k].n; k = (k + 1) & (x->n - 1))
			if (mw_slice_eq(x->v[k], s))
				return true;
	}
	*at = *end = t.n;
	return false;
}

/* --- terms in a folded text ----------------------------------------------------------------------
 */

static size_t break_at(const struct mw_fold *f, size_t i)
{
	size_t v = SIZE_MAX;

	if (f && i < f->breaks.len / sizeof(v))
		memcpy(&v, f->breaks.p + i * sizeof(v), sizeof(v));
	return v;
}

/* Which sentence a place is in; places come nearly in order. */
static size_t sentence_of(const struct mw_fold *f, size_t at, size_t was)
{
	while (break_at(f, was) <= at)
		was++;
	while (was && break_at(f, was - 1) > at)
		was--;
	return was;
}

static bool stands_free(const struct mw_poison_term *k, struct mw_slice t, size_t at, size_t n)
{
	if (k->start && at && is_word(t.p[at - 1]))
		return false;
	return !(k->end && at + n < t.n && is_word(t.p[at + n]));
}

/* Of a text about prompts, that quotes some. */
static bool is_example(struct mw_slice t, size_t at)
{
	static const char *const words[] = { "such as",	    "like",   "e.g.",
					     "for example", "detect", " wie " };
	const size_t from = at > 48 ? at - 48 : 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(t.p + from, at - from, words[i], strlen(words[i])))
			return true;
	return false;
}

/* fold: where `t` is its text, NULL of other spellings; raw: what it was made of. */
static void match(const struct mw_poison_scan *p, const struct mw_poison_terms *terms,
		  struct mw_slice t, const struct mw_fold *fold, struct mw_slice raw,
		  struct mw_rules_at *x)
{
	struct mw_words_pos pos = { .text = t };
	const struct mw_word *w;
	size_t sentence = 0, name = 0, name_end = 0, place, example = SIZE_MAX;
	bool named = fold && next_name(&p->others, raw, &name, &name_end);

	do {
		w = mw_words_next(terms->words, &pos);
		while (named && (place = mw_fold_place(fold, name)) <= (w ? pos.at : SIZE_MAX)) {
			sentence = sentence_of(fold, place, sentence);
			mw_rules_see(&p->rules, x, MW_TERM_OTHER, place, place, sentence);
			named = next_name(&p->others, raw, &name, &name_end);
		}
		if (!w || !stands_free(&terms->term[w->id], t, pos.at, w->text.n))
			continue;
		sentence = sentence_of(fold, pos.at, sentence);
		if (pos.at && t.p[pos.at - 1] == '"') {
			if (is_example(t, pos.at))
				example = sentence;
			if (p->data || example == sentence)
				continue;
		}
		mw_rules_see(&p->rules, x, terms->term[w->id].class, pos.at, pos.at + w->text.n,
			     sentence);
	} while (w);
}

static bool add_fired(struct mw_fired *to, const struct mw_fired *from)
{
	bool any = false;

	for (size_t i = 0; i < MW_POISON_RULES_MAX / 64; i++) {
		any |= (from->w[i] & ~to->w[i]) != 0;
		to->w[i] |= from->w[i];
	}
	return any;
}

/* --- other spellings -----------------------------------------------------------------------------
 */

/* What another spelling told beside what stands there openly: hidden orders. */
static unsigned int told(struct mw_poison_scan *p, const struct mw_rules_at *x,
			 struct mw_poison_text *ret)
{
	const unsigned int score = mw_rules_score(&x->fired, p->data);

	if (score < TOLD_MIN || !add_fired(&ret->fired, &x->fired))
		return 0;
	ret->bits |= MW_POISON_HIDDEN;
	return 30;
}

/* What the spelling that stands in p->code told. */
static void look_code(struct mw_poison_scan *p, const struct mw_poison_terms *terms,
		      struct mw_poison_text *ret)
{
	const struct mw_slice none = { 0 };
	struct mw_rules_at x = { 0 };

	match(p, terms, mw_buf_slice(&p->code), NULL, none, &x);
	ret->score += told(p, &x, ret);
}

static int look_turned(struct mw_poison_scan *p, const struct mw_rules_at *plain,
		       struct mw_poison_text *ret)
{
	const struct mw_slice t = mw_buf_slice(&p->fold.out);
	int r;

	if (p->fold.n_leet >= LEET_MIN || p->fold.letters_run >= LETTERS_MIN || p->fold.n_zero) {
		p->code.len = 0;
		r = mw_code_squeeze(&p->code, t);
		if (r < 0)
			return r;
		look_code(p, &p->squeezed, ret);
	}
	/* in definitions each word by itself, too */
	if (p->fold.letters_run >= MW_SPELLED_MIN && !p->data) {
		p->code.len = 0;
		r = mw_code_join(&p->code, t);
		if (r < 0)
			return r;
		look_code(p, &p->plain, ret);
	}
	for (int k = 0; k < 2; k++) {
		if (plain->n[k ? MW_TERM_BACK : MW_TERM_ROT] < TURNED_MIN)
			continue;
		p->code.len = 0;
		r = k ? mw_code_reverse(&p->code, t) : mw_code_rot13(&p->code, t);
		if (r < 0)
			return r;
		look_code(p, &p->plain, ret);
	}
	return 0;
}

static int look_inner(struct mw_poison_scan *p, struct mw_slice text, struct mw_poison_text *ret)
{
	struct mw_rules_at x = { 0 };
	int r = mw_fold_text(&p->inner, text);

	if (r < 0)
		return r;
	match(p, &p->plain, mw_buf_slice(&p->inner.out), &p->inner, text, &x);
	ret->score += told(p, &x, ret);
	return 0;
}

static int look_encoded(struct mw_poison_scan *p, struct mw_slice text, struct mw_poison_text *ret)
{
	size_t pos = 0;
	int r;

	for (;;) {
		p->code.len = 0;
		r = mw_code_next(text, &pos, &p->code);
		if (r <= 0)
			return r;
		r = look_inner(p, mw_buf_slice(&p->code), ret);
		if (r < 0)
			return r;
	}
}

/* "IgnoreAllRules", "pre-vious". Names are written so, too: it counts what it says. */
static int look_unjoined(struct mw_poison_scan *p, struct mw_slice text, struct mw_poison_text *ret)
{
	struct mw_rules_at x = { 0 };
	int r;

	p->code.len = 0;
	r = mw_code_unjoin(&p->code, text);
	if (r <= 0)
		return r;
	text = mw_buf_slice(&p->code);
	r = mw_fold_text(&p->inner, text);
	if (r < 0)
		return r;
	match(p, &p->plain, mw_buf_slice(&p->inner.out), &p->inner, text, &x);
	if (mw_rules_score(&x.fired, false) >= TOLD_MIN)
		add_fired(&ret->fired, &x.fired);
	return 0;
}

/* --- what no reader sees -------------------------------------------------------------------------
 */

static unsigned int hidden_score(const struct mw_poison_scan *p, bool orders,
				 struct mw_poison_text *ret)
{
	const struct mw_fold *f = &p->fold;
	unsigned int s = 0;

	if (f->n_tags > 2 || f->n_vs > 3) {
		ret->bits |= MW_POISON_TAGS;
		s += 60;
	}
	if (f->n_bidi) {
		ret->bits |= MW_POISON_BIDI;
		s += f->n_rtl ? 4 : f->n_bidi_override ? 50 : 15;
	}
	if (f->n_zero || f->n_escape || f->n_mixed || f->n_control)
		ret->bits |= MW_POISON_HIDDEN;
	s += f->zero_run > 7 ? 55 : f->n_zero > 7 ? 25 : f->n_zero ? 6 : 0;
	s += f->n_escape ? 50 : f->n_control > 3 ? 15 : 0;
	s += f->n_mixed > 2 ? 20 : f->n_mixed ? 8 : 0;
	if (f->space_run >= 160 || f->line_run >= 30) {
		ret->bits |= MW_POISON_HIDDEN;
		s += orders ? 40 : 20;
	}
	if (p->data)
		s = f->n_tags > 2 || f->n_vs > 3 ? s : s / 4;
	return s;
}

static size_t n_words(struct mw_slice folded)
{
	size_t n = 1;

	for (size_t i = 0; i < folded.n; i++)
		n += folded.p[i] == ' ';
	return n;
}

/* "sendTheFile": as "send the file"; only of what holds no space. */
static int split(struct mw_poison_scan *p, struct mw_slice *text)
{
	struct mw_buf *b = &p->split;
	int r;

	if (text->n > 512 || memchr(text->p, ' ', text->n))
		return 0;
	b->len = 0;
	r = mw_buf_reserve(b, 2 * text->n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < text->n; i++) {
		if (i && mw_is_upper(text->p[i]) && !mw_is_upper(text->p[i - 1]))
			b->p[b->len++] = ' ';
		b->p[b->len++] = text->p[i];
	}
	*text = mw_buf_slice(b);
	return 0;
}

int mw_poison_look(struct mw_poison_scan *p, struct mw_slice text, bool key, bool odd,
		   struct mw_poison_text *ret)
{
	struct mw_rules_at x = { 0 };
	struct mw_poison_text t = { 0 };
	unsigned int said;
	int r = key ? split(p, &text) : 0;

	if (r == 0)
		r = mw_fold_text(&p->fold, text);
	if (r < 0)
		return r;
	match(p, &p->plain, mw_buf_slice(&p->fold.out), &p->fold, text, &x);
	t.fired = x.fired;
	r = look_turned(p, &x, &t);
	if (r == 0 && !p->data)
		r = look_unjoined(p, text, &t);
	if (r == 0)
		r = look_encoded(p, text, &t);
	if (r == 0 && p->fold.hidden.len)
		r = look_inner(p, mw_buf_slice(&p->fold.hidden), &t);
	if (r < 0)
		return r;
	said = mw_rules_score(&t.fired, p->data);
	/* sentences where none belong */
	if (key && n_words(mw_buf_slice(&p->fold.out)) > 3)
		said *= 4;
	else if (odd)
		said += said / 2;
	t.score += said + hidden_score(p, said >= ORDERS_MIN, &t);
	t.bits |= mw_rules_bits(&t.fired);
	*ret = t;
	return 0;
}

/* --- what need not be looked at ------------------------------------------------------------------
 */

bool mw_poison_is_quiet(struct mw_poison_scan *p, struct mw_slice text, bool key)
{
	static const struct mw_slice none;
	const struct mw_fold *f = &p->fold;
	struct mw_poison_text inner = { 0 };
	struct mw_rules_at x;

	if ((key && split(p, &text) < 0) || mw_fold_plain(&p->fold, text) != 1)
		return false;
	if (f->n_leet >= LEET_MIN || f->letters_run >= LETTERS_MIN)
		return false;
	if (mw_code_may_be(text) && (look_encoded(p, text, &inner) < 0 || inner.score))
		return false;
	/* all of it as one sentence: what holds so is no less than what holds */
	memset(&x, 0, sizeof(x));
	match(p, &p->plain, mw_buf_slice(&f->out), NULL, none, &x);
	return x.n[MW_TERM_ROT] < TURNED_MIN && x.n[MW_TERM_BACK] < TURNED_MIN &&
	       mw_rules_score(&x.fired, true) == 0;
}
