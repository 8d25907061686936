/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_anchor.c - a line of syslog holds a checkpoint or not; what is found is the same again from a line
 * of ours */
#include "fuzz.h"

#include "io/anchor_text.h"
#include "io/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char note[MW_NOTE_MAX + 1], again[MW_NOTE_MAX + 1], line[MW_ANCHOR_LINE_MAX];
	size_t len, n_line, n_again;
	struct mw_note parts;

	if (mw_anchor_syslog_read((const char *)data, n, note, &len) != 1)
		return 0;
	FUZZ_CHECK(len <= MW_NOTE_MAX && note[len] == '\0');
	FUZZ_CHECK(mw_note_parse(note, len, &parts) == 0);
	if (mw_anchor_syslog(note, len, "h", 1, 0, line, &n_line) < 0)
		return 0;
	FUZZ_CHECK(mw_anchor_syslog_read(line, n_line, again, &n_again) == 1);
	FUZZ_CHECK(n_again == len && memcmp(again, note, len) == 0);
	return 0;
}
