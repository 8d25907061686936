/* SPDX-License-Identifier: Apache-2.0 */
/* export_ocsf_effect.c - effects as file, process and network activities of OCSF */
#include <arpa/inet.h>

#include "io/export_ocsf.h"

#define CAPTION_FILE "File System Activity"
#define CAPTION_PROC "Process Activity"
#define CAPTION_NET  "Network Activity"

static const struct mw_ocsf_class file_class = { 1001, 1, CAPTION_FILE, "System Activity" },
				  proc_class = { 1007, 1, CAPTION_PROC, "System Activity" },
				  net_class = { 4001, 4, CAPTION_NET, "Network Activity" };

/* What the schema calls each; those that it has no word for are "Other", with their own name. */
static const struct {
	const char *kind;
	const struct mw_ocsf_class *cl;
	unsigned int activity;
	const char *name;
} activities[] = {
	{ "file.open", &file_class, 14, "Open" },
	{ "file.close", &file_class, 0, NULL },
	{ "file.delete", &file_class, 4, "Delete" },
	{ "file.rename", &file_class, 5, "Rename" },
	{ "file.truncate", &file_class, 3, "Update" },
	{ "file.chmod", &file_class, 7, "Set Security" },
	{ "file.chown", &file_class, 7, "Set Security" },
	{ "file.link", &file_class, 1, "Create" },
	{ "file.symlink", &file_class, 1, "Create" },
	{ "file.mkdir", &file_class, 1, "Create" },
	{ "file.rmdir", &file_class, 4, "Delete" },
	{ "file.mknod", &file_class, 1, "Create" },
	{ "file.utimes", &file_class, 6, "Set Attributes" },
	{ "file.xattr", &file_class, 6, "Set Attributes" },
	{ "file.mount", &file_class, 12, "Mount" },
	{ "file.umount", &file_class, 13, "Unmount" },
	{ "proc.exec", &proc_class, 1, "Launch" },
	{ "proc.exit", &proc_class, 2, "Terminate" },
	{ "proc.ptrace", &proc_class, 3, "Open" },
	{ "proc.vm_access", &proc_class, 3, "Open" },
	{ "proc.setid", &proc_class, 5, "Set User ID" },
	{ "net.connect", &net_class, 1, "Open" },
	{ "net.accept", &net_class, 1, "Open" },
	{ "net.bind", &net_class, 0, NULL },
	{ "net.listen", &net_class, 7, "Listen" },
	{ "net.send", &net_class, 6, "Traffic" },
	{ "net.close", &net_class, 2, "Close" },
	{ "net.dns", &net_class, 6, "Traffic" },
	{ "net.http", &net_class, 6, "Traffic" },
	{ "db.statement", &net_class, 6, "Traffic" },
};

/* What an action of a process is on, for kinds that are not in the table: proc.*, kernel.*. */
static void classify(struct mw_slice kind, const struct mw_ocsf_class **cl, unsigned int *activity,
		     const char **name)
{
	*cl = mw_slice_starts(kind, MW_SLICE_LIT("\"file."))  ? &file_class
	      : mw_slice_starts(kind, MW_SLICE_LIT("\"net.")) ? &net_class
							      : &proc_class;
	*activity = MW_OCSF_OTHER;
	*name = NULL;
	for (size_t i = 0; i < sizeof(activities) / sizeof(*activities); i++) {
		if (!mw_etext_is(kind, activities[i].kind))
			continue;
		*cl = activities[i].cl;
		if (activities[i].activity) {
			*activity = activities[i].activity;
			*name = activities[i].name;
		}
	}
}

/* An open that makes, reads or writes is that; the schema's plain Open is for none of them. */
static void classify_open(const struct mw_logrec *rec, unsigned int *activity, const char **name)
{
	struct mw_slice mode = mw_logrec_get(rec, "mode");

	if (mode.n == 0)
		return;
	if (memmem(mode.p, mode.n, "+create", 7)) {
		*activity = 1;
		*name = "Create";
	} else if (memchr(mode.p, 'w', mode.n) || memchr(mode.p, 'a', mode.n)) {
		*activity = 3;
		*name = "Update";
	} else {
		*activity = 2;
		*name = "Read";
	}
}

static void put_process(struct mw_ocsf *s, const char *key, const struct mw_logrec *rec)
{
	struct mw_slice exe = mw_logrec_get(rec, "exe");
	struct mw_ejson *j = &s->j;
	struct mw_slice text;
	uint64_t pid;

	mw_ejson_open(j, key, '{');
	if (mw_out_number(mw_logrec_get(rec, "pid"), &pid) == 0 && pid <= INT32_MAX)
		mw_ejson_u64(j, "pid", pid);
	else
		/* one of these must be there */
		mw_ejson_str(j, "uid", "unknown");
	mw_ejson_raw_int(j, "tid", mw_logrec_get(rec, "tid"));
	if (exe.n && mw_out_text(exe, &s->tmp, &text) == 0) {
		mw_ejson_text(j, "name", mw_ocsf_base(text));
		mw_ejson_open(j, "file", '{');
		mw_ejson_text(j, "name", mw_ocsf_base(text));
		mw_ejson_text(j, "path", text);
		mw_ejson_u64(j, "type_id", 1);
		mw_ejson_close(j, '}');
	}
	if (mw_logrec_get(rec, "argv").n && strcmp(key, "process") == 0)
		mw_ejson_raw_text(j, "cmd_line", mw_logrec_get(rec, "argv"));
	mw_ejson_close(j, '}');
}

static void put_actor(struct mw_ocsf *s, const struct mw_logrec *rec)
{
	struct mw_slice server = mw_logrec_get(rec, "server");
	struct mw_ejson *j = &s->j;

	mw_ejson_open(j, "actor", '{');
	put_process(s, "process", rec);
	if (server.n) {
		mw_ejson_raw_text(j, "app_name", mw_etext_name(server));
		mw_ejson_raw_text(j, "app_uid", mw_out_get(server, "id"));
	}
	mw_ejson_close(j, '}');
}

static void put_file(struct mw_ocsf *s, const char *key, struct mw_slice raw, bool folder,
		     const struct mw_logrec *rec)
{
	struct mw_ejson *j = &s->j;
	struct mw_slice text;

	mw_ejson_open(j, key, '{');
	if (raw.n && mw_out_text(raw, &s->tmp, &text) == 0 && text.n) {
		mw_ejson_text(j, "name", mw_ocsf_base(text));
		mw_ejson_text(j, "path", text);
	} else {
		mw_ejson_str(j, "name", "unknown");
	}
	mw_ejson_u64(j, "type_id", folder ? 2 : 0);
	if (rec && mw_logrec_get(rec, "ino").n && mw_logrec_get(rec, "dev").n) {
		struct mw_slice ino = mw_logrec_get(rec, "ino");

		mw_ejson_key(j, "uid");
		mw_out_char(j->o, '"');
		if (mw_out_text(mw_logrec_get(rec, "dev"), &s->tmp, &text) == 0)
			mw_out_json_inside(j->o, text);
		mw_out_char(j->o, '/');
		if (mw_out_text(ino, &s->tmp, &text) == 0)
			mw_out_json_inside(j->o, text);
		mw_out_char(j->o, '"');
	}
	mw_ejson_close(j, '}');
}

/* "192.0.2.7:443", "[2001:db8::1]:443", or what is neither: a socket's path, a name. */
static void put_endpoint(struct mw_ocsf *s, const char *key, struct mw_slice raw,
			 struct mw_slice name)
{
	char host[INET6_ADDRSTRLEN];
	struct mw_ejson *j = &s->j;
	struct mw_slice text = { 0 }, ip;
	unsigned char addr[16];
	uint64_t port = 0;
	size_t colon;

	mw_ejson_open(j, key, '{');
	if (raw.n == 0 || mw_out_text(raw, &s->tmp, &text) < 0)
		text = mw_slice(NULL, 0);
	for (colon = text.n; colon > 0 && text.p[colon - 1] != ':'; colon--)
		;
	ip = colon ? mw_slice(text.p, colon - 1) : text;
	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = mw_slice_inside(ip);
	if (colon && ip.n < sizeof(host) && mw_out_number(mw_slice_from(text, colon), &port) == 0 &&
	    port <= 65535) {
		memcpy(host, ip.p, ip.n);
		host[ip.n] = '\0';
		if (inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1) {
			mw_ejson_str(j, "ip", host);
			mw_ejson_u64(j, "port", port);
		} else {
			port = 65536;
		}
	} else {
		port = 65536;
	}
	if (port > 65535) {
		if (text.n)
			mw_ejson_text(j, "name", text);
		else
			mw_ejson_str(j, "name", "unknown");
	}
	if (name.n)
		mw_ejson_raw_text(j, "svc_name", name);
	mw_ejson_close(j, '}');
}

static void put_net(struct mw_ocsf *s, const struct mw_logrec *rec)
{
	struct mw_slice kind = mw_logrec_get(rec, "kind"), target = mw_logrec_get(rec, "target");
	bool in = mw_etext_is(kind, "net.accept") || mw_etext_is(kind, "net.listen") ||
		  mw_etext_is(kind, "net.bind");
	struct mw_ejson *j = &s->j;
	uint64_t r = 0, w = 0;

	/* an accepted peer is the source; where one listens, one is the destination oneself */
	put_endpoint(s, mw_etext_is(kind, "net.accept") ? "src_endpoint" : "dst_endpoint", target,
		     mw_logrec_get(rec, "name"));
	mw_ejson_open(j, "connection_info", '{');
	mw_ejson_u64(j, "direction_id", in ? 1 : 2);
	mw_ejson_str(j, "direction", in ? "Inbound" : "Outbound");
	mw_ejson_close(j, '}');
	if (mw_out_number(mw_logrec_get(rec, "bytes_r"), &r) == 0 ||
	    mw_out_number(mw_logrec_get(rec, "bytes_w"), &w) == 0) {
		mw_ejson_open(j, "traffic", '{');
		mw_ejson_raw_int(j, "bytes_in", mw_logrec_get(rec, "bytes_r"));
		mw_ejson_raw_int(j, "bytes_out", mw_logrec_get(rec, "bytes_w"));
		mw_ejson_close(j, '}');
	}
}

/* Of a process that was started or ended the process itself is the record's, and so is who did it.
 */
static void put_proc(struct mw_ocsf *s, const struct mw_logrec *rec)
{
	struct mw_ejson *j = &s->j;

	put_process(s, "process", rec);
	if (mw_etext_is(mw_logrec_get(rec, "kind"), "proc.exit"))
		mw_ejson_raw_int(j, "exit_code", mw_logrec_get(rec, "code"));
}

/* What has no place of its own. */
static void put_unmapped(struct mw_ocsf *s, const struct mw_export_item *item)
{
	static const char *const texts[] = { "kind",	"target",      "target_from", "asked",
					     "target2", "host_target", "mode",	      "name",
					     "verb",	"object",      "basis",	      "why" };
	const struct mw_logrec *rec = item->rec;
	struct mw_ejson *j = &s->j;

	mw_ejson_open(j, "unmapped", '{');
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		mw_ejson_raw_str(j, texts[i], mw_logrec_get(rec, texts[i]));
	mw_ejson_raw_int(j, "n", mw_logrec_get(rec, "n"));
	mw_ejson_raw_int(j, "signal", mw_logrec_get(rec, "signal"));
	mw_ejson_raw(j, "candidates", mw_logrec_get(rec, "candidates"));
	if (item->tie.call[0])
		mw_ejson_text(j, "call", mw_slice_str(item->tie.call));
	mw_ejson_text(j, "link", mw_slice_str(item->tie.link));
	mw_ejson_text(j, "confidence", mw_slice_str(item->tie.confidence));
	mw_ejson_close(j, '}');
}

int mw_ocsf_effect(struct mw_ocsf *s, const struct mw_export_item *item)
{
	const struct mw_logrec *rec = item->rec;
	struct mw_slice kind = mw_logrec_get(rec, "kind"), target = mw_logrec_get(rec, "target"),
			result = mw_logrec_get(rec, "result");
	const struct mw_ocsf_class *cl;
	unsigned int activity;
	const char *name;
	int r = mw_etext_line(item, &s->line);

	if (r < 0)
		return r;
	classify(kind, &cl, &activity, &name);
	if (mw_etext_is(kind, "file.open"))
		classify_open(rec, &activity, &name);
	mw_ocsf_open(s, cl, activity, name, MW_OCSF_INFO, rec->time_ns, item);
	mw_ocsf_status(s,
		       result.n == 0		   ? MW_OCSF_OTHER_STATUS
		       : mw_etext_is(result, "ok") ? MW_OCSF_SUCCESS
						   : MW_OCSF_FAILURE,
		       result);
	put_actor(s, rec);
	if (cl == &file_class) {
		put_file(s, "file", target,
			 mw_etext_is(kind, "file.mkdir") || mw_etext_is(kind, "file.rmdir"), rec);
		if (mw_etext_is(kind, "file.rename") && mw_logrec_get(rec, "target2").n)
			put_file(s, "file_result", mw_logrec_get(rec, "target2"), false, NULL);
	} else if (cl == &net_class) {
		put_net(s, rec);
	} else {
		put_proc(s, rec);
	}
	put_unmapped(s, item);
	mw_ocsf_close(s);
	return 0;
}
