/* SPDX-License-Identifier: Apache-2.0 */
/* bundle_text.c - what a bundle says of itself: nothing that proves anything */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/cleanup.h"
#include "io/bundle_priv.h"
#include "io/file.h"
#include "io/when.h"

static void format_utc(int64_t ns, char ret[40])
{
	const time_t s = (time_t)(ns / 1000000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(ret, 40, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* --- the manifest -------------------------------------------------------------------------------
 */

static bool add_log(cJSON *logs, size_t i, const struct mw_bundle_said *l)
{
	cJSON *o = cJSON_CreateObject(), *t;
	char folder[24];

	if (!o || !cJSON_AddItemToArray(logs, o)) {
		cJSON_Delete(o);
		return false;
	}
	snprintf(folder, sizeof(folder), "log-%u", (unsigned int)i + 1);
	if (!cJSON_AddStringToObject(o, "folder", folder) ||
	    !cJSON_AddStringToObject(o, "origin", l->origin) ||
	    !cJSON_AddNumberToObject(o, "sealed", (double)l->sealed) ||
	    !cJSON_AddNumberToObject(o, "seals", (double)l->seals) ||
	    !cJSON_AddNumberToObject(o, "records", (double)l->records) ||
	    !cJSON_AddNumberToObject(o, "left_out", (double)l->left_out) ||
	    !cJSON_AddNumberToObject(o, "unproved", (double)l->unproved))
		return false;
	if (!l->tampered)
		return true;
	t = cJSON_AddObjectToObject(o, "tampered");
	if (t && l->has_seq && !cJSON_AddNumberToObject(t, "seq", (double)l->seq))
		return false;
	return t && cJSON_AddStringToObject(t, "text", l->text);
}

int mw_bundle_manifest_print(const struct mw_bundle_manifest *m, struct mw_buf *out)
{
	cJSON *o = cJSON_CreateObject(), *logs;
	char *text = NULL, made[40];
	bool ok;
	size_t i;
	int r;

	format_utc(m->made_ns, made);
	ok = o && cJSON_AddNumberToObject(o, "bundle", MW_BUNDLE_VERSION) &&
	     cJSON_AddStringToObject(o, "mcpwatch", m->version) &&
	     cJSON_AddStringToObject(o, "made", made) &&
	     cJSON_AddStringToObject(o, "filter", m->filter);
	logs = ok ? cJSON_AddArrayToObject(o, "logs") : NULL;
	ok = ok && logs;
	for (i = 0; ok && i < m->n_logs; i++)
		ok = add_log(logs, i, &m->logs[i]);
	if (ok)
		text = cJSON_Print(o);
	r = text ? mw_buf_append_str(out, text) : -ENOMEM;
	if (r == 0)
		r = mw_buf_append_byte(out, '\n');
	cJSON_free(text);
	cJSON_Delete(o);
	return r;
}

static bool get_str(const cJSON *o, const char *name, char *ret, size_t max)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	if (!s || strlen(s) >= max)
		return false;
	memcpy(ret, s, strlen(s) + 1);
	return true;
}

/* Counts are far below what a double holds exactly. */
static bool get_count(const cJSON *o, const char *name, uint64_t *ret)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(o, name);

	if (!cJSON_IsNumber(n) || !(n->valuedouble >= 0) || n->valuedouble > 9e15 ||
	    (double)(uint64_t)n->valuedouble < n->valuedouble)
		return false;
	*ret = (uint64_t)n->valuedouble;
	return true;
}

static bool get_log(const cJSON *o, size_t i, struct mw_bundle_said *ret)
{
	char folder[24], want[24];
	const cJSON *t;

	snprintf(want, sizeof(want), "log-%u", (unsigned int)i + 1);
	if (!get_str(o, "folder", folder, sizeof(folder)) || strcmp(folder, want) != 0 ||
	    !get_str(o, "origin", ret->origin, sizeof(ret->origin)) ||
	    !get_count(o, "sealed", &ret->sealed) || !get_count(o, "seals", &ret->seals) ||
	    !get_count(o, "records", &ret->records) || !get_count(o, "left_out", &ret->left_out) ||
	    !get_count(o, "unproved", &ret->unproved))
		return false;
	t = cJSON_GetObjectItemCaseSensitive(o, "tampered");
	ret->tampered = t != NULL;
	ret->has_seq = t && cJSON_HasObjectItem(t, "seq");
	return !t || (get_str(t, "text", ret->text, sizeof(ret->text)) &&
		      (!ret->has_seq || get_count(t, "seq", &ret->seq)));
}

static int get_manifest(const cJSON *o, struct mw_bundle_manifest *m)
{
	const cJSON *logs = cJSON_GetObjectItemCaseSensitive(o, "logs");
	const int n = cJSON_IsArray(logs) ? cJSON_GetArraySize(logs) : 0;
	uint64_t version;
	const cJSON *l;
	char made[40];

	if (!get_count(o, "bundle", &version) || version == 0)
		return -EBADMSG;
	if (version > MW_BUNDLE_VERSION)
		return -EPROTONOSUPPORT;
	if (!get_str(o, "mcpwatch", m->version, sizeof(m->version)) ||
	    !get_str(o, "made", made, sizeof(made)) ||
	    mw_when_rfc3339(made, strlen(made), &m->made_ns) < 0 ||
	    !get_str(o, "filter", m->filter, sizeof(m->filter)) || n < 1 || n > MW_BUNDLE_LOGS_MAX)
		return -EBADMSG;
	m->logs = calloc((size_t)n, sizeof(*m->logs));
	if (!m->logs)
		return -ENOMEM;
	for (l = logs->child; l; l = l->next, m->n_logs++)
		if (!get_log(l, m->n_logs, &m->logs[m->n_logs]))
			return -EBADMSG;
	return 0;
}

int mw_bundle_manifest_parse(const char *text, size_t n, struct mw_bundle_manifest *ret)
{
	struct mw_bundle_manifest m = { 0 };
	cJSON *o = memchr(text, '\0', n) ? NULL : cJSON_ParseWithLength(text, n);
	int r;

	r = o ? get_manifest(o, &m) : -EBADMSG;
	cJSON_Delete(o);
	if (r < 0)
		free(m.logs);
	else
		*ret = m;
	return r;
}

/* --- sums, the README ---------------------------------------------------------------------------
 */

int mw_bundle_sum_print(const uint8_t sha256[MW_SHA256_LEN], const char *name, struct mw_buf *out)
{
	int r = mw_buf_append_hex(out, sha256, MW_SHA256_LEN);

	if (r == 0)
		r = mw_buf_append_str(out, "  ");
	if (r == 0)
		r = mw_buf_append_str(out, name);
	return r == 0 ? mw_buf_append_byte(out, '\n') : r;
}

static const char what_it_is[] =
    "Records of what the MCP servers of a host were asked to do and did, written by\n"
    "mcpwatch into a sealed log, and what proves that nobody has changed them since. All of\n"
    "it is plain text.\n"
    "\n"
    "  manifest.json        when this was made, with which filters, how many records\n"
    "%s"
    "  log-N/records.jsonl  the records, a JSON object a line, exactly as they were sealed\n"
    "  log-N/tree           the hashes of these records, and of those that are not in here\n"
    "  log-N/seals.jsonl    the signed seals of the log, from its first\n"
    "  log-N/vkeys          the log's verifier keys, by its own word\n"
    "  log-N/checkpoint     the newest seal\n"
    "  SHA256SUMS           sha256sum -c SHA256SUMS\n"
    "\n";

static const char page_line[] =
    "  timeline.html        the records as a page; open it in a browser\n";

static const char how_to_check[] =
    "Checking it, on any machine, not as root:\n"
    "\n"
    "  mcpwatch verify --vkey KEYS THE-ARCHIVE\n"
    "\n"
    "KEYS: the verifier keys of the log as they were written down, away from the host, when\n"
    "the log was new; ask for them. Without them log-N/vkeys is believed, and then the log\n"
    "proves only that it fits itself: whoever made all of it anew would not be found out.\n"
    "\n"
    "With other software (Ed25519, SHA-256; C2SP signed-note and tlog-checkpoint; RFC\n"
    "6962):\n"
    "\n"
    " 1. A record's leaf is SHA-256(0x00 || its line without the newline); a node of the\n"
    "    tree is SHA-256(0x01 || left || right).\n"
    " 2. Each line of log-N/tree is a stretch of the log: 'record SEQ HASH' is one record\n"
    "    in here, by its leaf; 'left-out FROM TO HASH...' the records from FROM to TO-1\n"
    "    that are not in here, by the roots of the widest subtrees that tile them (a\n"
    "    compact range, as in transparency-dev/merkle). Put together from the first line on\n"
    "    they give the root of the tree at any size where a line ends.\n"
    " 3. Each line of log-N/seals.jsonl is a seal: a checkpoint with a size and a root,\n"
    "    signed with the one-time key of its epoch. That of epoch 0 is in vkeys; the next\n"
    "    one stands in the last record before that size, in its field next_vkey. The roots\n"
    "    must be those of step 2.\n"
    " 4. The leaf of each line of log-N/records.jsonl must be the one that step 2 has for\n"
    "    its seq.\n"
    "\n"
    "What is proved: that each record was written before its seal was made and has not been\n"
    "changed since; where it stands in the log; how many others there are.\n"
    "\n"
    "What is not: that these are all the records that somebody should have chosen (those\n"
    "left out are counted, and whoever holds the log can be asked for them); this text, the\n"
    "manifest and the page, which are not signed. The page shows what is in the records:\n"
    "'mcpwatch timeline --format html --log mcpwatch-bundle/log-1/records.jsonl -o F' makes\n"
    "it anew from them (and says that records are missing: those left out). A record also\n"
    "tells only what was seen on a host that had not been taken over at that time.\n"
    "\n";

static int print_log(size_t i, const struct mw_bundle_said *l, struct mw_buf *out)
{
	char line[MW_NOTE_NAME_MAX + MW_VERIFY_TEXT + 512];
	int n;

	n = snprintf(line, sizeof(line),
		     "log-%u: %s\n  %" PRIu64 " of %" PRIu64 " sealed records are in here, %" PRIu64
		     " are left out; %" PRIu64 " seals\n",
		     (unsigned int)i + 1, l->origin, l->records, l->sealed, l->left_out, l->seals);
	if (l->unproved)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      "  %" PRIu64 " more are behind the last seal: nothing proves them\n",
			      l->unproved);
	if (l->tampered)
		n += snprintf(
		    line + n, sizeof(line) - (size_t)n,
		    "  THIS LOG WAS FOUND TAMPERED OR FORGED WHEN THE BUNDLE WAS MADE: %s\n",
		    l->text);
	return mw_buf_append(out, line, (size_t)n);
}

int mw_bundle_readme_print(const struct mw_bundle_manifest *m, bool page, struct mw_buf *out)
{
	char text[sizeof(what_it_is) + sizeof(page_line)];
	size_t i;
	int r = 0;

	snprintf(text, sizeof(text), what_it_is, page ? page_line : "");
	for (i = 0; i < m->n_logs && !m->logs[i].tampered; i++)
		;
	if (i < m->n_logs)
		r = mw_buf_append_str(out, "A LOG IN HERE IS TAMPERED OR FORGED: see the end.\n\n");
	if (r == 0)
		r = mw_buf_append_str(out, text);
	if (r == 0)
		r = mw_buf_append_str(out, how_to_check);
	for (i = 0; r == 0 && i < m->n_logs; i++)
		r = print_log(i, &m->logs[i], out);
	return r;
}
