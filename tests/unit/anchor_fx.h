/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_fx.h - a small log to make checkpoints of, anchors to push them to, and who listens */
#ifndef ANCHOR_FX_H
#define ANCHOR_FX_H

#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/anchor_priv.h"
#include "io/anchor_read.h"
#include "io/anchor_text.h"
#include "io/net_helper.h"
#include "io/tlog.h"

#define ORIGIN "host.example/mcpwatch/0a1b"

static struct mw_skey identity, witness;
static char dir[] = "/tmp/mw-anchor-XXXXXX";
static struct mw_tiles *tiles;
static int dir_fd;
/* of an anchor: long, but where something hangs */
static unsigned int timeout_ms = 30000;

/* The signed checkpoint of the log when it has grown to a size. */
static __attribute__((unused)) size_t grow(uint64_t size, char note[MW_NOTE_MAX + 1])
{
	struct mw_checkpoint c = { .origin = ORIGIN, .size = size };
	struct mw_hash leaf;
	size_t n, body;

	while (mw_tiles_size(tiles) < size) {
		uint64_t i = mw_tiles_size(tiles);

		mw_tlog_leaf(&i, sizeof(i), &leaf);
		assert_int_equal(mw_tiles_add(tiles, &leaf, 1), 0);
	}
	assert_int_equal(mw_tiles_write(tiles), 0);
	mw_tiles_root(tiles, &c.root);
	assert_int_equal(mw_checkpoint_print(&c, note, MW_NOTE_MAX, &n), 0);
	body = n;
	assert_int_equal(mw_note_sign(note, MW_NOTE_MAX, &n, body, &identity), 0);
	return n;
}

static __attribute__((unused)) int set_up(void **state)
{
	uint8_t seed[MW_KEY_LEN] = { 1 };

	assert_int_equal(mw_skey_of(ORIGIN, seed, &identity), 0);
	seed[0] = 2;
	assert_int_equal(mw_skey_of("witness.example/w1", seed, &witness), 0);
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dir_fd >= 0);
	return mw_tiles_open(dir_fd, 0, &tiles);
}

static __attribute__((unused)) int tear_down(void **state)
{
	char command[64];

	mw_tiles_close(tiles);
	close(dir_fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* The verifier key of the witness: as a cosigner's (algorithm 4). */
static __attribute__((unused)) void witness_vkey(struct mw_vkey *k, char text[MW_VKEY_MAX])
{
	uint8_t hash[32], alg = MW_NOTE_COSIGNATURE;
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	*k = witness.pub;
	k->alg = alg;
	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	EVP_DigestUpdate(c, k->name, strlen(k->name));
	EVP_DigestUpdate(c, "\n", 1);
	EVP_DigestUpdate(c, &alg, 1);
	EVP_DigestUpdate(c, k->public_key, MW_KEY_LEN);
	EVP_DigestFinal_ex(c, hash, NULL);
	EVP_MD_CTX_free(c);
	k->id =
	    (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
	mw_vkey_print(k, text);
}

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[8192];

static __attribute__((unused)) void on_say(void *ctx, const char *line)
{
	size_t n;

	pthread_mutex_lock(&said_lock);
	n = strlen(said);
	snprintf(said + n, sizeof(said) - n, "%s\n", line);
	pthread_mutex_unlock(&said_lock);
}

static __attribute__((unused)) bool was_said(const char *what)
{
	bool yes;

	pthread_mutex_lock(&said_lock);
	yes = strstr(said, what);
	pthread_mutex_unlock(&said_lock);
	return yes;
}

static __attribute__((unused)) struct mw_anchors *
start(struct mw_anchor_list *l, enum mw_anchor_type type, const char *address)
{
	struct mw_anchors *a = NULL;
	char vkey[MW_VKEY_MAX];

	said[0] = '\0';
	*l = (struct mw_anchor_list){ .n = 1 };
	l->anchor[0] = (struct mw_anchor_config){
		.type = type, .address = address, .every_ms = 50, .timeout_ms = timeout_ms
	};
	witness_vkey(&l->anchor[0].vkey, vkey);
	assert_int_equal(mw_anchors_new(l, dir, on_say, NULL, &a), 0);
	return a;
}

static __attribute__((unused)) void wait_for(struct mw_anchors *a, uint64_t sent, uint64_t failed)
{
	struct mw_anchors_stats s = { 0 };
	int i;

	for (i = 0; i < 6000; i++) {
		mw_anchors_stats(a, &s);
		if (s.sent >= sent && s.failed >= failed)
			return;
		usleep(10000);
	}
	fail_msg("sent %llu, failed %llu; said: %s", (unsigned long long)s.sent,
		 (unsigned long long)s.failed, said);
}

struct got {
	uint64_t size[64];
	unsigned int n;
};

static __attribute__((unused)) int on_found(void *ctx, const struct mw_anchor_found *found)
{
	struct got *g = ctx;
	struct mw_note note;

	assert_int_equal(mw_note_parse(found->note, found->n, &note), 0);
	assert_int_equal(mw_note_verify(&note, &identity.pub, NULL), 1);
	assert_true(g->n < 64);
	g->size[g->n++] = found->checkpoint.size;
	return 0;
}

static __attribute__((unused)) int listener(int type, unsigned int *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (*ret_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	in.sin_port = htons((uint16_t)*ret_port);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static __attribute__((unused)) void check_line(const char *line, size_t n, uint64_t size)
{
	char note[MW_NOTE_MAX + 1];
	struct mw_checkpoint c;
	struct mw_note parts;
	size_t k;

	assert_memory_equal(line, "<109>1 ", 7);
	assert_int_equal(mw_anchor_syslog_read(line, n, note, &k), 1);
	assert_int_equal(mw_note_parse(note, k, &parts), 0);
	assert_int_equal(mw_note_verify(&parts, &identity.pub, NULL), 1);
	assert_int_equal(mw_checkpoint_parse(parts.body, parts.body_len, &c), 0);
	assert_int_equal(c.size, size);
}

static __attribute__((unused)) void recv_line(int fd, uint64_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char line[8192];
	ssize_t n;

	assert_int_equal(poll(&p, 1, 60000), 1);
	n = recv(fd, line, sizeof(line), 0);
	assert_true(n > 0);
	check_line(line, (size_t)n, size);
}

#endif
