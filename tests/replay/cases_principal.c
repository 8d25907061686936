/* SPDX-License-Identifier: Apache-2.0 */
/* cases_principal.c - one host, on which it is to be said who called */
#include <stdio.h>

#include "cases.h"

#define MS 1000000ull

enum { SSHD = 80, LOGIN = 90, SHELL = 100, SUDO = 150, CLIENT = 200, SERVER = 300, SERVER2 = 301 };

/* One call over HTTP, by the same client, with the token in its header. */
static void http_call(struct tape *t, const char *jwt)
{
	static const char body[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{"
				   "\"name\":\"get_invoice\",\"arguments\":{\"number\":8}}}";
	static const char result[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}";
	struct tape_chan up = tape_chan(t, MW_CHAN_TCP4), down = tape_chan_back(&up);
	char text[2048];

	snprintf(text, sizeof(text),
		 "POST /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-API-Key: k-1\r\n"
		 "Mcp-Protocol-Version: 2025-06-18\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 jwt, sizeof(body) - 1, body);
	tape_write(t, &up, CLIENT, text);
	tape_read(t, &up, SERVER2, text);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		 sizeof(result) - 1, result);
	tape_write(t, &down, SERVER2, text);
	tape_read(t, &down, CLIENT, text);
	tape_wait(t, 300 * MS);
}

/* Who called: a process below sudo, with a JWT in the arguments, a header's token, a server's
 * environment and command line. */
void replay_principal(struct tape *t)
{
	static const char env[] = "HOME=/root\0INVOICE_API_KEY=k-9f8e7d6c5b4a\0PWD=/srv\0";
	static const char jwt[] =
	    "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ."
	    "eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLyIsInN1YiI6ImFsaWNlQGV4YW1wbGUuY29tIiwiYXVkIjpbImludm"
	    "9pY2VzIiwiYmlsbGluZyJdLCJjbGllbnRfaWQiOiJhZ2VudC03IiwiYXpwIjoiYWdlbnQtNyIsInNjb3BlIjoicmVh"
	    "ZDppbnZvaWNlIiwiZXhwIjoxNzY3MjI1NjAwfQ.c2lnbmF0dXJl";
	const struct mw_event_hdr *h;
	struct tape_chan up, down;
	char text[2048];

	tape_meta(t, 0x1122334455667788ull);
	tape_user(t, 0, "root");
	tape_user(t, 1000, "alice");
	tape_proc(t, MW_EV_PROC, SSHD,
		  (struct tape_exe){ .exe = "/usr/sbin/sshd", .cgroup = "/system.slice/ssh.service", .parent = 1 });
	((struct mw_ev_proc *)(void *)tape_last(t))->audit_session = UINT32_MAX;
	((struct mw_ev_proc *)(void *)tape_last(t))->loginuid = UINT32_MAX;
	tape_proc(t, MW_EV_PROC, LOGIN,
		  (struct tape_exe){ .exe = "/usr/sbin/sshd", .cgroup = "/user.slice/user-1000.slice/session-3.scope",
				     .parent = SSHD });
	tape_proc(t, MW_EV_PROC, SHELL,
		  (struct tape_exe){ .exe = "/usr/bin/bash", .cgroup = "/user.slice/user-1000.slice/session-3.scope",
				     .uid = 1000, .parent = LOGIN });
	tape_proc(t, MW_EV_PROC, SUDO,
		  (struct tape_exe){ .exe = "/usr/bin/sudo", .cgroup = "/user.slice/user-1000.slice/session-3.scope",
				     .parent = SHELL });
	tape_proc(t, MW_EV_EXEC, CLIENT,
		  (struct tape_exe){ .exe = "/usr/bin/agent", .argv = "agent",
				     .cgroup = "/user.slice/user-1000.slice/session-3.scope", .parent = SUDO });
	tape_proc(t, MW_EV_EXEC, SERVER,
		  (struct tape_exe){ .exe = "/usr/bin/python3.11", .argv = "python3 invoices.py --db-password hunter2",
				     .cwd = "/srv", .parent = CLIENT });
	tape_proc(t, MW_EV_EXEC, SERVER2, (struct tape_exe){ .exe = "/usr/bin/httpd", .argv = "httpd" });
	up = tape_chan(t, MW_CHAN_PIPE);
	down = tape_chan(t, MW_CHAN_PIPE);
	tape_line(t, &up, CLIENT, SERVER,
		  "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}");
	tape_env(t, SERVER, env, sizeof(env) - 1);
	tape_line(t, &down, SERVER, CLIENT,
		  "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"serverInfo\":{\"name\":\"invoices\"}}}");
	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":"
		 "\"get_invoice\",\"arguments\":{\"token\":\"%s\",\"number\":7,\"note\":\"{\\\"via\\\":\\\"%s\\\"}\"}}}",
		 jwt, jwt);
	tape_line(t, &up, CLIENT, SERVER, text);
	tape_line(t, &down, SERVER, CLIENT,
		  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[],\"isError\":false}}");
	tape_wait(t, 300 * MS);
	http_call(t, jwt);
	tape_exit(t, SERVER, 0);
	tape_wait(t, 400 * MS);
	/* whatever it does, it does as root */
	for (size_t pos = 0; (h = tape_next(t, &pos));)
		if (h->tgid == CLIENT || h->tgid == SERVER)
			((struct mw_event_hdr *)(uintptr_t)h)->uid = 0;
}
