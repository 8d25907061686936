/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a signed note, a checkpoint or a verifier key: whatever it is, each reads it. */
#include "fuzz.h"

#include "io/note.h"

/* What was read and is printed again is what it was. */
static void vkey(const char *text, size_t n)
{
	char again[MW_VKEY_MAX];
	struct mw_vkey k;

	if (mw_vkey_parse(text, n, &k) < 0)
		return;
	mw_vkey_print(&k, again);
	FUZZ_CHECK(strlen(again) == n && memcmp(again, text, n) == 0);
}

static void checkpoint(const char *text, size_t n)
{
	char again[MW_NOTE_MAX];
	struct mw_checkpoint c;
	size_t k;

	if (mw_checkpoint_parse(text, n, &c) < 0)
		return;
	FUZZ_CHECK(mw_checkpoint_print(&c, again, sizeof(again), &k) == 0);
	FUZZ_CHECK(k == n && memcmp(again, text, n) == 0);
}

/* Nobody has signed it with this key; with that of another kind it does not even look like it. */
static void note(const char *text, size_t n)
{
	struct mw_skey key;
	struct mw_note note;
	char *more;
	size_t len;

	if (mw_note_parse(text, n, &note) < 0)
		return;
	FUZZ_CHECK(note.body == text && note.body_len > 0 && note.body[note.body_len - 1] == '\n');
	FUZZ_CHECK(note.sigs + note.sigs_len == text + n);
	FUZZ_CHECK(mw_skey_of("fuzz", (const uint8_t *)"0123456789abcdef0123456789abcdef", &key) ==
		   0);
	FUZZ_CHECK(mw_note_verify(&note, &key.pub, NULL) <= 0);
	/* and signed with it, it is signed */
	more = malloc(n + 512);
	memcpy(more, text, n);
	len = n;
	if (mw_note_verify(&note, &key.pub, NULL) == 0 &&
	    mw_note_sign(more, n + 512, &len, note.body_len, &key) == 0 &&
	    mw_note_parse(more, len, &note) == 0)
		FUZZ_CHECK(mw_note_verify(&note, &key.pub, NULL) == 1);
	free(more);
	key.pub.alg = MW_NOTE_COSIGNATURE;
	FUZZ_CHECK(mw_note_parse(text, n, &note) == 0);
	(void)mw_note_verify(&note, &key.pub, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* a copy that ends where it ends */
	char *text = malloc(n ? n : 1);

	memcpy(text, data, n);
	vkey(text, n);
	checkpoint(text, n);
	note(text, n);
	free(text);
	return 0;
}
