/* SPDX-License-Identifier: Apache-2.0 */
/* whose session it is, and whose tool (engine_policy_who.c, engine_policy_tool.c) */
#include "engine_policy_fx.h"

#define RULE(id, on, when)                                                                         \
	"  - id: " id "\n    title: " id " happened\n    severity: medium\n    on: " on              \
	"\n    when: " when "\n"
#define RULES "rules:\n"

/* --- tokens of a session ------------------------------------------------------------------------ */

struct http {
	struct fx f;
	struct tape_chan up, down;
	unsigned int id;
};

/* A call with this token, answered. */
static void post(struct http *h, const char *session, const char *token)
{
	char body[256], text[1024];

	h->id++;
	snprintf(body, sizeof(body),
		 "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"tools/call\",\"params\":{\"name\":\"t\","
		 "\"arguments\":{}}}", h->id);
	snprintf(text, sizeof(text),
		 "POST /mcp HTTP/1.1\r\nHost: x\r\n%s%s%s%s%sMcp-Protocol-Version: 2025-06-18\r\n"
		 "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\nMcp-Session-Id: " : "Mcp-Session-Id: ",
		 session, "\r\n", strlen(body), body);
	tape_write(&h->f.t, &h->up, CLIENT, text);
	tape_read(&h->f.t, &h->up, SERVER, text);
	snprintf(body, sizeof(body), "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\":{}}", h->id);
	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	tape_write(&h->f.t, &h->down, SERVER, text);
	tape_read(&h->f.t, &h->down, CLIENT, text);
	tape_wait(&h->f.t, 1 * MS);
}

static struct mw_rules *begin_http(struct http *h)
{
	struct mw_rules *r = begin_rules(&h->f, RULES RULE("back", "request", "principal.token_back"));

	world(&h->f);
	h->up = tape_chan(&h->f.t, MW_CHAN_TCP4);
	h->down = tape_chan_back(&h->up);
	h->id = 0;
	return r;
}

#define ONE   "Zk3v9Qw8Lr5Tn2Xc7Bm4Yh6"
#define TWO   "Pd1s8Fg7Hj6Kl5Qw4Er3Ty2"
#define THREE "Nb6v5Cx4Zl3Kj2Hg1Fd9Sa8"

static void tokens_in_turns(void **state)
{
	struct http h;
	struct mw_rules *r = begin_http(&h);

	post(&h, "s1", ONE);
	post(&h, "s1", TWO);
	tape_wait(&h.f.t, 2500 * MS);
	post(&h, "s1", ONE); /* back */
	post(&h, "s1", TWO);
	post(&h, "s1", ONE); /* and again */
	finish(&h.f);
	assert_count(&h.f, "\"rule\":\"back\"", 2);
	end_rules(&h.f, r);
}

/* Who renews his token goes on with the new one, but for what was under way. */
static void tokens_that_are_renewed(void **state)
{
	struct http h;
	struct mw_rules *r = begin_http(&h);

	post(&h, "s1", ONE);
	post(&h, "s1", ONE);
	post(&h, "s1", TWO);
	post(&h, "s1", ONE); /* was under way */
	tape_wait(&h.f.t, 2500 * MS);
	post(&h, "s1", TWO);
	post(&h, "s1", NULL); /* a probe that bears none */
	post(&h, "s2", ONE);  /* another session */
	tape_wait(&h.f.t, 2500 * MS);
	post(&h, "s1", THREE);
	post(&h, "s1", THREE);
	finish(&h.f);
	assert_count(&h.f, "\"type\":\"call\"", 9);
	assert_count(&h.f, "\"rule\":\"back\"", 0);
	end_rules(&h.f, r);
}

/* --- tools of two servers ----------------------------------------------------------------------- */

enum { OTHER = 310 };

#define HELLO                                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"     \
	"\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"a\",\"version\":\"1\"}}}"
#define WELCOME                                                                                    \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}," \
	"\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"

struct definition {
	const char *description, *params[3];
};

static void list(struct fx *f, struct tape_chan *up, struct tape_chan *down, uint32_t server,
		 const struct definition *d)
{
	char text[1024];
	int n;

	tape_line(&f->t, up, CLIENT, server, HELLO);
	tape_line(&f->t, down, server, CLIENT, WELCOME);
	tape_line(&f->t, up, CLIENT, server, LIST);
	n = snprintf(text, sizeof(text),
		     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{\"name\":\"find\",\"description\":"
		     "\"%s\",\"inputSchema\":{\"type\":\"object\",\"properties\":{", d->description);
	for (size_t i = 0; i < 3 && d->params[i]; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s\"%s\":{\"type\":\"string\"}",
			      i ? "," : "", d->params[i]);
	snprintf(text + n, sizeof(text) - (size_t)n, "}}}]}}");
	tape_line(&f->t, down, server, CLIENT, text);
}

static void names_of_two_servers(void **state)
{
	static const struct definition first = { "Finds a person by number.", { "id" } };
	static const struct {
		struct definition second;
		size_t copied, alike;
	} v[] = {
		{ { "Finds a person.", { "id" } }, 1, 1 },
		{ { "FINDS a Person,\\nby number; quickly", { "id" } }, 1, 1 },
		{ { "Finds a person by number.", { "who", "where", "when" } }, 0, 0 },
		{ { "Looks for documents.", { "id" } }, 0, 1 },
		{ { "Find.", { "id" } }, 0, 1 },
		{ { "", { "id" } }, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct mw_rules *r;
		struct tape_chan up, down;
		struct fx f;

		r = begin_rules(&f, RULES RULE("copied", "tool", "tool.shadows and tool.shadows_copied")
				    RULE("alike", "tool", "tool.shadows_alike"));
		world(&f);
		tape_proc(&f.t, MW_EV_PROC, OTHER,
			  (struct tape_exe){ .exe = "/opt/other", .uid = 1000, .parent = CLIENT });
		up = tape_chan(&f.t, MW_CHAN_PIPE);
		down = tape_chan(&f.t, MW_CHAN_PIPE);
		list(&f, &f.up, &f.down, SERVER, &first);
		list(&f, &up, &down, OTHER, &v[i].second);
		finish(&f);
		if (count(&f, "\"rule\":\"copied\"") != v[i].copied ||
		    count(&f, "\"rule\":\"alike\"") != v[i].alike)
			fail_msg("%zu: %s\n%s", i, v[i].second.description, f.text);
		end_rules(&f, r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_in_turns),
		cmocka_unit_test(tokens_that_are_renewed),
		cmocka_unit_test(names_of_two_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
