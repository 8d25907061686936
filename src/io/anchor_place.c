/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_place.c - anchors of this host: a file, the journal */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/anchor_priv.h"
#include "io/file.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
/* of entries that hold a checkpoint (journalctl MESSAGE_ID=...) */
#define MESSAGE_ID "8d1c4e2a6f0b4f0c9f5a7f6c2b3d1e07"

/*
 * Opened anew each time: the file may have been moved away, or its file system mounted, meanwhile.
 * No link is followed anywhere in the path (openat2, Linux 5.6).
 */
int mw_anchor_to_file(struct mw_anchor *a)
{
	struct open_how how = { .flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
					 O_NONBLOCK,
				.mode = 0600,
				.resolve = RESOLVE_NO_SYMLINKS };
	char text[MW_NOTE_MAX + 2];
	_cleanup_(mw_close) int fd = -1;
	struct stat st;
	ssize_t n;

	fd = (int)syscall(SYS_openat2, AT_FDCWD, a->cfg->address, &how, sizeof(how));
	if (fd < 0)
		return errno == ELOOP
			   ? mw_anchor_why(a, -ELOOP, "there is a symbolic link in its path")
			   : mw_anchor_why(a, -errno, "%s", strerror(errno));
	if (fstat(fd, &st) < 0)
		return mw_anchor_why(a, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return mw_anchor_why(a, -EINVAL, "it is no regular file");
	/* an empty line before it: what a full disk may have cut off before ends there */
	text[0] = '\n';
	memcpy(text + 1, a->note, a->n);
	n = write(fd, text, a->n + 1);
	if (n >= 0 && (size_t)n < a->n + 1)
		return mw_anchor_why(a, -ENOSPC, "written in part only");
	if (n < 0 || fdatasync(fd) < 0)
		return mw_anchor_why(a, -errno, "%s", strerror(errno));
	return 0;
}

int mw_anchor_to_journal(struct mw_anchor *a)
{
	char origin[MW_NOTE_NAME_MAX + 32], size[64], message[MW_NOTE_NAME_MAX + 64], root[128];
	char note[MW_NOTE_MAX + 32], base64[64] = "";
	struct iovec field[7];
	struct mw_checkpoint c;
	const char *p, *end;
	size_t i = 0, k;
	int n, r;

	p = strstr(a->note, "\n\n");
	if (!p || mw_checkpoint_parse(a->note, (size_t)(p - a->note) + 1, &c) < 0)
		return mw_anchor_why(a, -EBADMSG, "no checkpoint");
	/* the third line, as it stands */
	end = p;
	while (p > a->note && p[-1] != '\n')
		p--;
	k = (size_t)(end - p);
	if (k < sizeof(base64))
		memcpy(base64, p, k);
	/* libsystemd says nothing where there is no journal */
	if (access(JOURNAL_SOCKET, W_OK) < 0)
		return mw_anchor_why(a, -errno, "no journal takes entries (%s: %s)", JOURNAL_SOCKET,
				     strerror(errno));
#define FIELD(buf, ...)                                                                            \
	n = snprintf(buf, sizeof(buf), __VA_ARGS__);                                               \
	field[i++] = (struct iovec){ buf, n < 0 || (size_t)n >= sizeof(buf) ? 0 : (size_t)n }
	FIELD(message, "MESSAGE=checkpoint of %" PRIu64 " records of %s", c.size, c.origin);
	FIELD(origin, "MCPWATCH_ORIGIN=%s", c.origin);
	FIELD(size, "MCPWATCH_SIZE=%" PRIu64, c.size);
	FIELD(root, "MCPWATCH_ROOT=%s", base64);
	FIELD(note, "MCPWATCH_CHECKPOINT=%s", a->note);
#undef FIELD
	field[i++] = (struct iovec){ "PRIORITY=5", 10 };
	field[i++] = (struct iovec){ "MESSAGE_ID=" MESSAGE_ID, 43 };
	r = sd_journal_sendv(field, (int)i);
	return r < 0 ? mw_anchor_why(a, r, "%s", strerror(-r)) : 0;
}
