/* SPDX-License-Identifier: Apache-2.0 */
#include "anchor_fx.h"

/* --- collectors
 * ----------------------------------------------------------------------------------- */

static void test_udp(void **state)
{
	char note[MW_NOTE_MAX + 1], address[64];
	struct mw_anchor_list l;
	struct mw_anchors *a;
	unsigned int port = 0;
	int fd = listener(SOCK_DGRAM, &port);

	snprintf(address, sizeof(address), "udp://127.0.0.1:%u", port);
	a = start(&l, MW_ANCHOR_SYSLOG, address);
	mw_anchors_push(a, note, grow(8, note), 8);
	recv_line(fd, 8);
	mw_anchors_push(a, note, grow(9, note), 9);
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	recv_line(fd, 9);
	close(fd);
}

static void test_unix(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char note[MW_NOTE_MAX + 1], address[128];
	struct mw_anchor_list l;
	struct mw_anchors *a;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* who sends is nobody */
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/log", dir);
	snprintf(address, sizeof(address), "unix:%s/log", dir);
	a = start(&l, MW_ANCHOR_SYSLOG, address);
	mw_anchors_push(a, note, grow(10, note), 10);
	wait_for(a, 0, 1);
	assert_true(was_said(": No such file or directory: the checkpoint of 10 records"));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(chmod(un.sun_path, 0666), 0);
	recv_line(fd, 10); /* by itself, after a while */
	wait_for(a, 1, 1);
	assert_true(was_said("works again"));
	assert_int_equal(mw_anchors_stop(a, 60000), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	close(fd);
}

/* Octet counting, and a collector that ends and comes back. */
static void test_tcp(void **state)
{
	char note[MW_NOTE_MAX + 1], address[64], got[8192], *end;
	struct mw_anchor_list l;
	struct mw_anchors *a;
	unsigned int port = 0, round;
	int fd = listener(SOCK_STREAM, &port), c;
	size_t n, len;
	ssize_t k;

	snprintf(address, sizeof(address), "tcp://localhost:%u", port);
	a = start(&l, MW_ANCHOR_SYSLOG, address);
	for (round = 0; round < 2; round++) {
		mw_anchors_push(a, note, grow(11 + round, note), 11 + round);
		c = accept(fd, NULL, NULL);
		assert_true(c >= 0);
		for (n = 0, len = 1; n < len && n < sizeof(got) - 1; n += (size_t)k) {
			k = recv(c, got + n, sizeof(got) - 1 - n, 0);
			assert_true(k > 0);
			got[n + (size_t)k] = '\0';
			end = strchr(got, ' ');
			len = end ? strtoul(got, NULL, 10) + (size_t)(end - got) + 1 : n + 2;
		}
		assert_int_equal(n, len);
		check_line(strchr(got, ' ') + 1, n - (size_t)(strchr(got, ' ') + 1 - got),
			   11 + round);
		wait_for(a, round + 1, 0);
		close(c);
	}
	close(fd);
	mw_anchors_push(a, note, grow(13, note), 13);
	assert_int_equal(mw_anchors_stop(a, 5000), 1);
	assert_true(was_said("Connection refused"));
}

/* --- a witness
 * ------------------------------------------------------------------------------------ */

/* What the next request is answered with; its body is in `body`. */
struct web {
	int fd;
	pthread_t thread;
	enum { SIGN, STATUS, GARBAGE, HUGE_ANSWER, HANG, CLOSE, FOREIGN, NO_KEY } how;
	unsigned int status;
	_Atomic bool stop; /* of HANG */
	uint64_t seen;	   /* how much it has cosigned */
	unsigned int n;	   /* requests */
	char body[32768], head[4096];
};

static void cosign(const char *body, size_t n, const struct mw_skey *key, char *ret, size_t len)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->seed, 32);
	uint8_t raw[76], text[128];
	char message[4096], vkey[MW_VKEY_MAX];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct mw_vkey pub;
	size_t m, s = 64;
	int i;

	witness_vkey(&pub, vkey);
	m = (size_t)snprintf(message, sizeof(message), "cosignature/v1\ntime 1700000000\n%.*s",
			     (int)n, body);
	for (i = 0; i < 4; i++)
		raw[i] = (uint8_t)(pub.id >> (24 - 8 * i));
	for (i = 0; i < 8; i++)
		raw[4 + i] = (uint8_t)(1700000000ull >> (56 - 8 * i));
	assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, k), 1);
	assert_int_equal(EVP_DigestSign(c, raw + 12, &s, (uint8_t *)message, m), 1);
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	EVP_EncodeBlock(text, raw, sizeof(raw));
	snprintf(ret, len, "\xe2\x80\x94 other.example/w9 %s\n\xe2\x80\x94 %s %s\n", (char *)text,
		 pub.name, (char *)text);
}

static void answer(struct web *w, int c)
{
	char body[8192] = "", head[256];
	unsigned int status = 200;
	unsigned long long old = strtoull(w->body + 4, NULL, 10), size;
	const char *note = strstr(w->body, "\n\n"), *end;

	assert_non_null(note);
	note += 2;
	end = strstr(note, "\n\n");
	assert_non_null(end);
	size = strtoull(strchr(note, '\n') + 1, NULL, 10);
	switch (w->how) {
	case SIGN:
	case FOREIGN:
		if (old != w->seen) {
			status = 409;
			snprintf(body, sizeof(body), "%llu\n", (unsigned long long)w->seen);
			break;
		}
		cosign(note, (size_t)(end - note) + 1, w->how == SIGN ? &witness : &identity, body,
		       sizeof(body));
		if (w->how == SIGN)
			w->seen = size;
		break;
	case NO_KEY:
		snprintf(body, sizeof(body), "\xe2\x80\x94 other.example/w9 AAAA\n");
		break;
	case STATUS:
		status = w->status;
		snprintf(body, sizeof(body), "no\n");
		break;
	case GARBAGE:
		(void)!write(c, "\x00\x01\xff garbage\n\n", 13);
		return;
	case HUGE_ANSWER:
		(void)!write(c, "HTTP/1.1 200 OK\r\n\r\n", 19);
		memset(body, 'x', sizeof(body));
		for (int i = 0; i < 100; i++)
			if (send(c, body, sizeof(body), MSG_NOSIGNAL) < 0)
				return;
		return;
	case HANG:
		while (!w->stop)
			usleep(10000);
		return;
	case CLOSE:
		return;
	}
	snprintf(head, sizeof(head),
		 "HTTP/1.1 %u X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
		 strlen(body));
	(void)!write(c, head, strlen(head));
	(void)!write(c, body, strlen(body));
}

static void *serve(void *p)
{
	struct web *w = p;
	char got[40000], *end;
	size_t n, len;
	ssize_t k;
	int c;

	while ((c = accept(w->fd, NULL, NULL)) >= 0) {
		for (n = 0, len = SIZE_MAX, end = NULL; n < len; n += (size_t)k) {
			k = recv(c, got + n, sizeof(got) - 1 - n, 0);
			if (k <= 0)
				break;
			got[n + (size_t)k] = '\0';
			end = end ? end : strstr(got, "\r\n\r\n");
			if (end && len == SIZE_MAX) {
				const char *l = strcasestr(got, "content-length:");

				len = (size_t)(end + 4 - got) + (l ? strtoul(l + 15, NULL, 10) : 0);
			}
		}
		if (end) {
			snprintf(w->head, sizeof(w->head), "%.*s", (int)(end - got), got);
			snprintf(w->body, sizeof(w->body), "%s", end + 4);
			w->n++;
			answer(w, c);
		}
		close(c);
	}
	return NULL;
}

static void web_start(struct web *w, char address[64])
{
	unsigned int port = 0;

	*w = (struct web){ 0 };
	w->fd = listener(SOCK_STREAM, &port);
	snprintf(address, 64, "http://127.0.0.1:%u/w/", port);
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
}

static void web_stop(struct web *w)
{
	w->stop = true;
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	close(w->fd);
}

static void test_witness(void **state)
{
	char note[MW_NOTE_MAX + 1], address[64], path[128], err[512], name[32], vkey[MW_VKEY_MAX];
	struct mw_anchor_list l;
	struct got g = { 0 };
	struct mw_anchors *a;
	struct mw_vkey k;
	struct web w;

	web_start(&w, address);
	a = start(&l, MW_ANCHOR_WITNESS, address);
	mw_anchors_push(a, note, grow(300, note), 300);
	wait_for(a, 1, 0);
	assert_memory_equal(w.head, "POST /w/add-checkpoint HTTP/1.1\r\n", 33);
	assert_memory_equal(w.body, "old 0\n\n" ORIGIN "\n300\n", 7 + strlen(ORIGIN) + 5);
	assert_string_equal(w.body + 7, note);
	mw_anchors_push(a, note, grow(301, note), 301);
	wait_for(a, 2, 0);
	assert_memory_equal(w.body, "old 300\n", 8);
	assert_true(w.body[8] != '\n'); /* a proof */
	assert_int_equal(w.n, 2);
	assert_int_equal(mw_anchors_stop(a, 60000), 0);

	/* a new start does not know what the witness has seen: it asks */
	w.n = 0;
	a = start(&l, MW_ANCHOR_WITNESS, address);
	mw_anchors_push(a, note, grow(302, note), 302);
	wait_for(a, 1, 0);
	assert_int_equal(w.n, 2);
	assert_memory_equal(w.body, "old 301\n", 8);
	assert_int_equal(mw_anchors_stop(a, 60000), 0);

	/* what it signed is kept: a checkpoint as any other, with its line */
	witness_vkey(&k, vkey);
	snprintf(name, sizeof(name), "%08x", k.id);
	snprintf(path, sizeof(path), "%s/cosigned/%s", dir, name);
	assert_int_equal(mw_anchor_file_read(path, on_found, &g, NULL, NULL, err, 512), 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.size[0], 302);

	/* the log set back */
	w.seen = 5000;
	a = start(&l, MW_ANCHOR_WITNESS, address);
	mw_anchors_push(a, note, grow(303, note), 303);
	wait_for(a, 0, 1);
	assert_true(was_said("it has seen 5000 records of this log: was the log set back?"));
	assert_int_equal(mw_anchors_stop(a, 5000), 1);
	web_stop(&w);
}

static void test_witness_bad(void **state)
{
	static const struct {
		int how;
		unsigned int status;
		const char *want;
	} cases[] = {
		{ STATUS, 403, "it knows none of the log's keys (403)" },
		{ STATUS, 404, "it does not know this log (404)" },
		{ STATUS, 409, "it has seen another log of 0 records under this name (409)" },
		{ STATUS, 422, "to it this is not the log that it has seen (422)" },
		{ STATUS, 500, "it answers with 500" },
		{ STATUS, 302, "it answers with 302" },
		{ STATUS, 200, "it answers without a cosignature of its key" },
		{ NO_KEY, 0, "it answers without a cosignature of its key" },
		{ FOREIGN, 0, "its cosignature is not good" },
		{ GARBAGE, 0, "HTTP" },
		{ HUGE_ANSWER, 0, "its answer is too long" },
		{ CLOSE, 0, "mpty reply" },
		{ HANG, 0, "timed out" },
	};
	char note[MW_NOTE_MAX + 1], address[64];
	struct mw_anchor_list l;
	struct mw_anchors *a;
	struct web w;
	size_t i;

	web_start(&w, address);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.how = cases[i].how;
		w.status = cases[i].status;
		timeout_ms = w.how == HANG ? 4000 : 30000;
		a = start(&l, MW_ANCHOR_WITNESS, address);
		mw_anchors_push(a, note, grow(400, note), 400);
		wait_for(a, 0, 1);
		if (!was_said(cases[i].want))
			fail_msg("case %zu: %s", i, said);
		if (cases[i].how == HANG)
			break;
		assert_int_equal(mw_anchors_stop(a, 5000), 1);
	}
	/* the last one hangs again: the end does not wait for it longer than it was told */
	{
		int64_t begin = mw_anchor_now_ms();

		mw_anchors_push(a, note, grow(401, note), 401);
		assert_int_equal(mw_anchors_stop(a, 300), 1);
		assert_in_range(mw_anchor_now_ms() - begin, 0, 3500);
	}
	web_stop(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),	    cmocka_unit_test(test_unix),
		cmocka_unit_test(test_tcp),	    cmocka_unit_test(test_witness),
		cmocka_unit_test(test_witness_bad),
	};

	/* the helper is this program anew */
	if (argc == 2 && strcmp(argv[1], MW_NET_VERB) == 0)
		_exit(mw_net_helper());
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
