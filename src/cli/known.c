/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/known.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/table.h"
#include "cli/known_priv.h"
#include "io/heap.h"
#include "io/render.h"

static const cJSON *get(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* --- servers ------------------------------------------------------------------------------------
 */

static void hash2(uint8_t ret[32], const void *a, size_t a_n, const void *b, size_t b_n)
{
	char *both = mw_known_must(malloc(a_n + b_n + 1));

	memcpy(both, a, a_n);
	both[a_n] = '\0';
	memcpy(both + a_n + 1, b, b_n);
	mw_sha256(both, a_n + 1 + b_n, ret);
	free(both);
}

static struct mw_known_server *server_at(struct mw_known *s, const char *host, const char *key)
{
	struct mw_known_server *v, **p;
	uint8_t id[32];

	hash2(id, host, strlen(host), key, strlen(key));
	v = mw_table_get(s->by_server, id);
	if (v)
		return v;
	if (s->n_servers == MW_KNOWN_SERVERS_MAX) {
		s->more_servers++;
		return NULL;
	}
	v = mw_known_must(calloc(1, sizeof(*v)));
	memcpy(v->id, id, sizeof(id));
	mw_known_set(&v->key, key);
	mw_known_set(&v->host, host);
	if (mw_table_put(s->by_server, v->id, v) < 0)
		mw_known_must(NULL);
	p = mw_known_must(reallocarray(s->servers, s->n_servers + 1, sizeof(*p)));
	s->servers = p;
	p[s->n_servers++] = v;
	return v;
}

static void run_key(char ret[MW_KNOWN_RUN_KEY], struct mw_slice id, size_t input)
{
	memset(ret, 0, MW_KNOWN_RUN_KEY);
	if (id.n > 2 && id.n - 2 < MW_KNOWN_RUN_KEY - sizeof(uint32_t)) {
		const uint32_t in = (uint32_t)input;

		memcpy(ret, id.p + 1, id.n - 2);
		memcpy(ret + MW_KNOWN_RUN_KEY - sizeof(in), &in, sizeof(in));
	}
}

struct mw_known_run *mw_known_run_of(struct mw_known *s, const struct mw_logrec *rec)
{
	const struct mw_slice server = mw_logrec_get(rec, "server");
	char key[MW_KNOWN_RUN_KEY], *name, *host;
	struct mw_known_server *v = NULL;
	struct mw_known_run *run;

	if (!server.n)
		return NULL;
	run_key(key, server.p[0] == '{' ? mw_known_member(server, "id") : server, rec->input);
	run = key[0] ? mw_table_get(s->by_run, key) : NULL;
	if (run || !key[0])
		return run;
	name = mw_known_text(mw_known_member(server, "key"));
	host = mw_known_text(mw_logrec_get(rec, "host"));
	if (name)
		v = server_at(s, host ? host : "", name);
	free(name);
	free(host);
	if (!v)
		return NULL;
	if (mw_table_count(s->by_run) == MW_KNOWN_RUNS_MAX) {
		run = mw_table_oldest(s->by_run);
		mw_table_remove(s->by_run, run->key);
		free(run);
	}
	run = mw_known_must(calloc(1, sizeof(*run)));
	memcpy(run->key, key, sizeof(key));
	run->server = v;
	v->runs++;
	v->running++;
	if (mw_table_put(s->by_run, run->key, run) < 0)
		mw_known_must(NULL);
	return run;
}

static void set_state(struct mw_known_run *run, enum mw_known_state state)
{
	struct mw_known_server *v = run->server;

	v->running -= run->state == MW_KNOWN_RUNNING;
	v->unwatched -= run->state == MW_KNOWN_UNWATCHED;
	run->state = state;
	v->running += state == MW_KNOWN_RUNNING;
	v->unwatched += state == MW_KNOWN_UNWATCHED;
}

static void seen_client(struct mw_known_server *v, const cJSON *client)
{
	const char *name = mw_rec_str(client, "name"), *exe = mw_rec_str(client, "exe");

	if (!name && exe)
		name = strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe;
	mw_known_str_count(&v->clients, name ? name : mw_rec_str(client, "addr"));
}

static void seen_principal(struct mw_known_server *v, const cJSON *p)
{
	const char *user = mw_rec_str(p, "user");
	const cJSON *uid = get(p, "uid"), *t;
	char text[32];

	if (!user && cJSON_IsNumber(uid)) {
		snprintf(text, sizeof(text), "uid %.0f", uid->valuedouble);
		user = text;
	}
	mw_known_str_count(&v->principals, user);
	cJSON_ArrayForEach(t, get(p, "tokens"))
	    mw_known_str_count(&v->principals, mw_rec_str(t, "sub"));
}

static void learn_server(struct mw_known *s, const struct mw_logrec *rec)
{
	struct mw_known_run *run = mw_known_run_of(s, rec);
	cJSON *json = run ? mw_logread_json(rec) : NULL;
	const cJSON *server = get(json, "server"), *e;
	const char *event = mw_rec_str(json, "event");
	struct mw_known_server *v;

	if (!json)
		return;
	v = run->server;
	mw_known_set(&v->name, mw_rec_str(server, "name") ? mw_rec_str(server, "name")
							  : mw_rec_str(server, "configured_name"));
	mw_known_set(&v->version, mw_rec_str(server, "version"));
	mw_known_set(&v->exe, mw_rec_str(server, "exe"));
	mw_known_set(&v->cwd, mw_rec_str(server, "cwd"));
	mw_known_set(&v->addr, mw_rec_str(server, "addr"));
	mw_known_set(&v->container, mw_rec_str(server, "container"));
	mw_known_set(&v->protocol, mw_rec_str(json, "protocol"));
	mw_known_set_raw(&v->argv, mw_known_member(mw_logrec_get(rec, "server"), "argv"));
	mw_known_set_raw(&v->tier_raw, mw_logrec_get(rec, "tier"));
	mw_known_str_count(&v->transports, mw_rec_str(json, "transport"));
	mw_known_str_count(&v->tiers, mw_rec_str2(json, "tier", "io"));
	cJSON_ArrayForEach(e, get(get(json, "tier"), "link"))
	    mw_known_str_count(&v->tiers, cJSON_GetStringValue(e));
	seen_client(v, get(json, "client"));
	seen_principal(v, get(json, "principal"));
	set_state(run, event && strcmp(event, "gone") == 0 ? MW_KNOWN_GONE : MW_KNOWN_RUNNING);
	cJSON_Delete(json);
}

/* What was running is seen no more until it is seen again. */
static void learn_daemon(struct mw_known *s, const struct mw_logrec *rec)
{
	const struct mw_slice event = mw_logrec_get(rec, "event");
	const uint32_t in = (uint32_t)rec->input;
	struct mw_known_run *run;
	size_t pos = 0;

	if (!mw_json_str_eq(event, "stop") && !mw_json_str_eq(event, "start"))
		return;
	while ((run = mw_table_next(s->by_run, &pos)))
		if (memcmp(run->key + MW_KNOWN_RUN_KEY - sizeof(in), &in, sizeof(in)) == 0 &&
		    run->state == MW_KNOWN_RUNNING)
			set_state(run, MW_KNOWN_UNWATCHED);
}

enum mw_known_state mw_known_state(const struct mw_known_server *s)
{
	if (s->running)
		return MW_KNOWN_RUNNING;
	return s->unwatched ? MW_KNOWN_UNWATCHED : MW_KNOWN_GONE;
}

/* --- tools --------------------------------------------------------------------------------------
 */

struct mw_known_tool *mw_known_tool_at(struct mw_known *s, const struct mw_known_server *v,
				       struct mw_slice raw)
{
	struct mw_known_tool *t, **p;
	uint8_t id[32];
	char *name;

	if (raw.n < 3 || raw.p[0] != '"')
		return NULL;
	hash2(id, v->id, sizeof(v->id), raw.p, raw.n);
	t = mw_table_get(s->by_tool, id);
	if (t)
		return t;
	if (s->n_tools == MW_KNOWN_TOOLS_MAX) {
		s->more_tools++;
		return NULL;
	}
	name = mw_known_text(raw);
	if (!name)
		return NULL;
	t = mw_known_must(calloc(1, sizeof(*t)));
	memcpy(t->id, id, sizeof(id));
	t->server = v;
	t->name = name;
	t->stride = 1;
	if (mw_table_put(s->by_tool, t->id, t) < 0)
		mw_known_must(NULL);
	p = mw_known_must(reallocarray(s->tools, s->n_tools + 1, sizeof(*p)));
	s->tools = p;
	p[s->n_tools++] = t;
	return t;
}

static void learn_tool(struct mw_known *s, const struct mw_logrec *rec)
{
	const struct mw_known_run *run = mw_known_run_of(s, rec);
	struct mw_known_tool *t;
	char *hash, *was;

	t = run ? mw_known_tool_at(s, run->server, mw_logrec_get(rec, "tool")) : NULL;
	if (!t)
		return;
	hash = mw_known_text(mw_logrec_get(rec, "hash"));
	was = mw_known_text(mw_logrec_get(rec, "was"));
	if (was || (hash && t->hash && strcmp(hash, t->hash) != 0)) {
		mw_known_set(&t->was, was ? was : t->hash);
		t->changed_ns = rec->time_ns;
		t->changes++;
	}
	mw_known_set(&t->hash, hash);
	mw_known_set_raw(&t->definition, mw_logrec_get(rec, "definition"));
	free(t->annotations);
	t->annotations = NULL;
	mw_known_set_raw(&t->annotations, mw_logrec_get(rec, "annotations"));
	t->pinned = mw_slice_eq_str(mw_logrec_get(rec, "pinned"), "true");
	free(hash);
	free(was);
}

void mw_known_learn(struct mw_known *s, const struct mw_logrec *rec)
{
	if (strcmp(rec->type, "server") == 0)
		learn_server(s, rec);
	else if (strcmp(rec->type, "tool") == 0)
		learn_tool(s, rec);
	else if (strcmp(rec->type, "daemon") == 0)
		learn_daemon(s, rec);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

int mw_known_new(struct mw_known **ret)
{
	struct mw_known *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (mw_table_new(&mw_heap, MW_KNOWN_RUN_KEY, MW_KNOWN_RUNS_MAX, &s->by_run) < 0 ||
	    mw_table_new(&mw_heap, 32, MW_KNOWN_SERVERS_MAX, &s->by_server) < 0 ||
	    mw_table_new(&mw_heap, 32, MW_KNOWN_TOOLS_MAX, &s->by_tool) < 0) {
		mw_known_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

static void server_free(struct mw_known_server *v)
{
	char *const texts[] = { v->key,	 v->name,      v->version,  v->host, v->exe,	 v->cwd,
				v->addr, v->container, v->protocol, v->argv, v->tier_raw };
	struct mw_known_names *const sets[] = { &v->clients, &v->principals, &v->transports,
						&v->tiers, &v->statuses };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		mw_known_names_done(sets[i]);
	free(v);
}

static void tool_free(struct mw_known_tool *t)
{
	char *const texts[] = { t->name, t->hash, t->was, t->definition, t->annotations };
	struct mw_known_names *const sets[] = { &t->statuses, &t->kinds,    &t->hosts,
						&t->written,  &t->declared, &t->observed };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		mw_known_names_done(sets[i]);
	free(t->times);
	free(t);
}

void mw_known_free(struct mw_known *s)
{
	struct mw_known_run *run;
	size_t pos = 0;

	if (!s)
		return;
	while (s->by_run && (run = mw_table_next(s->by_run, &pos)))
		free(run);
	for (size_t i = 0; i < s->n_servers; i++)
		server_free(s->servers[i]);
	for (size_t i = 0; i < s->n_tools; i++)
		tool_free(s->tools[i]);
	free(s->servers);
	free(s->tools);
	mw_table_free(s->by_run);
	mw_table_free(s->by_server);
	mw_table_free(s->by_tool);
	free(s);
}
