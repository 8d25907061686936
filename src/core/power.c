/* SPDX-License-Identifier: Apache-2.0 */
#include "core/power.h"

#include <sys/socket.h>

#include "base/json.h"

const char *mw_power_name(unsigned int i)
{
	static const char *const names[MW_POWERS] = { "read_low",   "read_high",   "write_low",
						      "write_high", "destructive", "execute",
						      "open_world", "undeclared" };

	return i < MW_POWERS ? names[i] : "";
}

static bool has_any(struct mw_slice s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (memmem(s.p, s.n, list[i], strlen(list[i])))
			return true;
	return false;
}

static bool ends_any(struct mw_slice s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mw_slice_ends(s, mw_slice_str(list[i])))
			return true;
	return false;
}

static bool starts_any(struct mw_slice s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (mw_slice_starts(s, mw_slice_str(list[i])))
			return true;
	return false;
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool is_secret(struct mw_slice path)
{
	static const char *const inside[] = { "/.ssh/",
					      "/.aws/",
					      "/.gnupg/",
					      "/.kube/",
					      "/.config/gcloud/",
					      "/secrets/",
					      "/etc/ssl/private/",
					      "/etc/sudoers",
					      "credentials",
					      "/.docker/config.json" };
	static const char *const tails[] = { "/etc/shadow",
					     "/etc/gshadow",
					     "/.netrc",
					     "/.pgpass",
					     "/.npmrc",
					     "/.pypirc",
					     "/.git-credentials",
					     "/.env",
					     ".pem",
					     ".key",
					     ".p12",
					     ".pfx",
					     ".kdbx",
					     "/environ",
					     "/.my.cnf" };

	return path.n && (has_any(path, inside, N(inside)) || ends_any(path, tails, N(tails)));
}

/* What programs and logins obey. */
static bool is_obeyed(struct mw_slice path)
{
	static const char *const below[] = { "/etc/",	"/usr/",    "/bin/",
					     "/sbin/",	"/lib",	    "/boot/",
					     "/root/",	"/opt/",    "/var/spool/cron/",
					     "/sys/",	"/proc/",   "/dev/mem",
					     "/dev/sd", "/dev/nvme" };
	static const char *const tails[] = { "/.bashrc", "/.bash_profile", "/.profile",
					     "/.zshrc",	 "/.gitconfig",	   "/.mcp.json" };
	static const char *const inside[] = { "/.config/systemd/", "/.config/autostart/",
					      "/.git/hooks/" };

	return path.n && (starts_any(path, below, N(below)) || ends_any(path, tails, N(tails)) ||
			  has_any(path, inside, N(inside)));
}

static unsigned int read_of(const struct mw_action *act)
{
	return is_secret(act->target) ? MW_POWER_READ_HIGH : MW_POWER_READ_LOW;
}

static unsigned int write_of(const struct mw_action *act)
{
	return is_secret(act->target) || is_obeyed(act->target) || is_secret(act->target2) ||
		       is_obeyed(act->target2)
		   ? MW_POWER_WRITE_HIGH
		   : MW_POWER_WRITE_LOW;
}

static unsigned int open_of(const struct mw_action *act)
{
	const struct mw_slice mode = mw_slice_str(act->mode);
	const bool creates = has_any(mode, (const char *const[]){ "+create" }, 1);
	const bool cuts = has_any(mode, (const char *const[]){ "+trunc" }, 1);
	unsigned int bits = 0;

	if (!mode.n)
		return 0;
	if (mode.p[0] == 'r')
		bits |= read_of(act);
	if (mode.p[0] == 'w' || mode.p[0] == 'a' || (mode.n > 1 && mode.p[1] == 'w') || creates)
		bits |= write_of(act);
	if (cuts && !creates)
		bits |= MW_POWER_DESTRUCTIVE;
	return bits;
}

static bool is_one_of(struct mw_slice word, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mw_slice w = mw_slice_str(list[i]);

		if (word.n == w.n && mw_slice_starts(word, w))
			return true;
	}
	return false;
}

static unsigned int verb_of(const struct mw_action *act)
{
	static const char *const destroys[] = { "DELETE", "DROP", "TRUNCATE", "ALTER" };
	static const char *const writes[] = { "INSERT", "UPDATE",  "POST",  "PUT", "PATCH",
					      "CREATE", "REPLACE", "MERGE", "COPY" };
	static const char *const reads[] = { "SELECT", "GET", "HEAD" };

	if (is_one_of(act->verb, destroys, N(destroys)))
		return MW_POWER_DESTRUCTIVE;
	if (is_one_of(act->verb, writes, N(writes)))
		return MW_POWER_WRITE_LOW;
	return is_one_of(act->verb, reads, N(reads)) ? MW_POWER_READ_LOW : 0;
}

static bool is_outside(const struct mw_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t zero[16];

	if (a->family == AF_INET)
		return a->ip[0] != 127 && memcmp(a->ip, zero, 4) != 0;
	if (a->family != AF_INET6 || memcmp(a->ip, zero, 15) == 0)
		return false;
	return memcmp(a->ip, mapped, sizeof(mapped)) != 0 || a->ip[12] != 127;
}

static unsigned int world_of(const struct mw_action *act)
{
	return is_outside(&act->peer) ? MW_POWER_OPEN_WORLD : 0;
}

unsigned int mw_power_observed(const struct mw_action *act)
{
	if (act->ret < 0)
		return 0;
	switch (act->kind) {
	case MW_EFFECT_FILE_OPEN:
		return open_of(act);
	case MW_EFFECT_FILE_DELETE:
	case MW_EFFECT_FILE_RMDIR:
	case MW_EFFECT_FILE_TRUNCATE:
		return MW_POWER_DESTRUCTIVE;
	case MW_EFFECT_FILE_RENAME:
	case MW_EFFECT_FILE_LINK:
	case MW_EFFECT_FILE_SYMLINK:
	case MW_EFFECT_FILE_MKDIR:
	case MW_EFFECT_FILE_UTIMES:
	case MW_EFFECT_FILE_XATTR:
		return write_of(act);
	case MW_EFFECT_FILE_CHMOD:
	case MW_EFFECT_FILE_CHOWN:
	case MW_EFFECT_FILE_MKNOD:
	case MW_EFFECT_FILE_MOUNT:
	case MW_EFFECT_FILE_UMOUNT:
	case MW_EFFECT_PROC_KILL:
	case MW_EFFECT_PROC_SETID:
	case MW_EFFECT_PROC_NS:
	case MW_EFFECT_KERNEL_BPF:
	case MW_EFFECT_KERNEL_MODULE:
		return MW_POWER_WRITE_HIGH;
	case MW_EFFECT_PROC_PTRACE:
	case MW_EFFECT_PROC_VM_ACCESS:
	case MW_EFFECT_PROC_PIDFD_GETFD:
		return MW_POWER_READ_HIGH | MW_POWER_WRITE_HIGH;
	case MW_EFFECT_PROC_EXEC:
		return MW_POWER_EXECUTE;
	case MW_EFFECT_NET_CONNECT:
	case MW_EFFECT_NET_SEND:
		return world_of(act);
	case MW_EFFECT_NET_HTTP:
		return world_of(act) | verb_of(act);
	case MW_EFFECT_DB_STATEMENT:
		return verb_of(act);
	case MW_EFFECT_FILE_CLOSE:
	case MW_EFFECT_PROC_EXIT:
	case MW_EFFECT_PROC_MEMFD:
	case MW_EFFECT_NET_BIND:
	case MW_EFFECT_NET_LISTEN:
	case MW_EFFECT_NET_ACCEPT:
	case MW_EFFECT_NET_CLOSE:
	case MW_EFFECT_NET_DNS:
	case MW_EFFECT_KERNEL_IO_URING:
		break;
	}
	return 0;
}

/* 1 true, 0 false, -1 not there. */
static int hint(struct mw_slice annotations, const char *name)
{
	struct mw_slice v;

	if (mw_json_member(annotations, name, &v, NULL) < 0)
		return -1;
	return mw_slice_eq_str(v, "true") ? 1 : mw_slice_eq_str(v, "false") ? 0 : -1;
}

unsigned int mw_power_declared(struct mw_slice annotations)
{
	const unsigned int reads = MW_POWER_READ_LOW | MW_POWER_READ_HIGH;
	const unsigned int writes = reads | MW_POWER_WRITE_LOW | MW_POWER_WRITE_HIGH;
	int read_only, destructive;
	unsigned int bits = 0;

	if (!annotations.n || annotations.p[0] != '{')
		return MW_POWER_UNDECLARED;
	read_only = hint(annotations, "readOnlyHint");
	destructive = hint(annotations, "destructiveHint");
	if (read_only == 1)
		bits = reads;
	else if (read_only == 0 || destructive >= 0)
		bits = writes | (destructive == 0 ? 0 : MW_POWER_DESTRUCTIVE);
	if (hint(annotations, "openWorldHint") == 1)
		bits |= MW_POWER_OPEN_WORLD;
	return bits ? bits : MW_POWER_UNDECLARED;
}
