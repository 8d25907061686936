/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_note.c - signed notes: the key, text and signature that golang.org/x/mod/sumdb/note is
 * tested with, and each way of spoiling them
 */
#include "support.h"

#include <errno.h>
#include <openssl/evp.h>

#include "io/note.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define TEXT                                                                                       \
	"If you think cryptography is the answer to your problem,\n"                               \
	"then you don't know what your problem is.\n"
#define SIG                                                                                        \
	"\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"   \
	"SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
/* the seed of "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz" */
static const uint8_t peter_seed[MW_KEY_LEN] = {
	0x81, 0x0a, 0x14, 0x02, 0xd5, 0x14, 0x6c, 0x8d, 0x84, 0xf2, 0x44,
	0x33, 0x30, 0xf5, 0x40, 0x80, 0xeb, 0xf9, 0x8e, 0xe1, 0x7d, 0x9c,
	0x74, 0xf6, 0x25, 0x2f, 0xc5, 0xd5, 0xc7, 0x28, 0x31, 0x73,
};

static int parse_key(const char *text, struct mw_vkey *ret)
{
	return mw_vkey_parse(text, strlen(text), ret);
}

static void test_peter(void **state)
{
	char text[MW_NOTE_MAX] = TEXT, vkey[MW_VKEY_MAX];
	size_t n = strlen(TEXT);
	struct mw_note note;
	struct mw_skey key;
	struct mw_vkey k;

	assert_int_equal(mw_skey_of("PeterNeumann", peter_seed, &key), 0);
	mw_vkey_print(&key.pub, vkey);
	assert_string_equal(vkey, PETER);
	assert_int_equal(mw_note_sign(text, sizeof(text), &n, strlen(TEXT), &key), 0);
	assert_string_equal(text, TEXT "\n" SIG);
	assert_int_equal(n, strlen(text));

	assert_int_equal(parse_key(PETER, &k), 0);
	assert_int_equal(k.id, 0xc74f20a3);
	assert_int_equal(mw_note_parse(text, n, &note), 0);
	assert_slice_equal(mw_slice(note.body, note.body_len), TEXT);
	assert_int_equal(mw_note_verify(&note, &k, NULL), 1);
	mw_skey_done(&key);
	assert_int_equal(key.seed[0] | key.seed[31], 0);
}

static void test_vkey_spoilt(void **state)
{
	const size_t n = strlen(PETER);
	struct mw_vkey k;
	char text[128];
	size_t i, j;

	memcpy(text, PETER, n);
	for (i = 0; i < n; i++)
		for (j = i; j <= n; j++)
			if (i != 0 || j != n)
				assert_int_equal(mw_vkey_parse(text + i, j - i, &k), -EINVAL);
	for (i = 0; i < n; i++) {
		text[i]++;
		assert_int_equal(mw_vkey_parse(text, n, &k), -EINVAL);
		text[i]--;
	}
	/* the wrong length, and an unknown algorithm, each with the id that fits it */
	assert_int_equal(
	    parse_key("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
		      "BADKEY==",
		      &k),
	    -EINVAL);
	assert_int_equal(
	    parse_key("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", &k),
	    -EINVAL);
	assert_int_equal(parse_key(PETER "\n", &k), -EINVAL);
	assert_int_equal(parse_key("", &k), -EINVAL);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "",	   "a b",	    "a+b",	 "a\tb",
					   "a\nb", "a\x7f",	    "a\xc2\xa0", "\xe2\x80\x89",
					   "\xff", "\xe3\x80\x80x", "\xc2\x85" };
	char name[MW_NOTE_NAME_MAX + 1];
	struct mw_skey key;
	struct mw_vkey k;
	char vkey[MW_VKEY_MAX];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mw_skey_of(bad[i], peter_seed, &key), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[MW_NOTE_NAME_MAX] = '\0';
	assert_int_equal(mw_skey_of(name, peter_seed, &key), -EINVAL);
	name[MW_NOTE_NAME_MAX - 1] = '\0';
	assert_int_equal(mw_skey_of(name, peter_seed, &key), 0);
	mw_vkey_print(&key.pub, vkey);
	assert_int_equal(parse_key(vkey, &k), 0);
	assert_memory_equal(&k, &key.pub, sizeof(k));
	assert_int_equal(mw_skey_of("h\xc3\xb6st/mcpwatch/1", peter_seed, &key), 0);
	mw_epoch_name("host/mcpwatch/u", 18446744073709551615ull, name);
	assert_string_equal(name, "host/mcpwatch/u/fs/18446744073709551615");
}

static void test_new_keys_differ(void **state)
{
	struct mw_skey a, b;

	assert_int_equal(mw_skey_new("n", &a), 0);
	assert_int_equal(mw_skey_new("n", &b), 0);
	assert_memory_not_equal(a.seed, b.seed, MW_KEY_LEN);
	assert_int_equal(mw_skey_new("n n", &a), -EINVAL);
}

/* 1, 0 or -EBADMSG of mw_note_verify, or 9 if it does not even parse. */
static int open_note(const char *text, size_t n, const struct mw_vkey *k)
{
	struct mw_note note;

	return mw_note_parse(text, n, &note) < 0 ? 9 : mw_note_verify(&note, k, NULL);
}

static void test_each_byte(void **state)
{
	char text[] = TEXT "\n" SIG;
	const size_t n = strlen(text);
	struct mw_vkey k;
	size_t i;
	int bit;

	assert_int_equal(parse_key(PETER, &k), 0);
	assert_int_equal(open_note(text, n, &k), 1);
	for (i = 0; i < n; i++) {
		assert_int_not_equal(open_note(text, i, &k), 1);
		for (bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			assert_int_not_equal(open_note(text, n, &k), 1);
			text[i] ^= (char)(1 << bit);
		}
	}
	text[3] = 'X';
	assert_int_equal(open_note(text, n, &k), -EBADMSG);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"\n\n\n",
		TEXT,
		TEXT "\n",
		SIG,
		"\n" SIG,
		TEXT SIG,
		TEXT "\n" SIG "x",
		TEXT "\n" SIG "\n",
		TEXT "\n\x01\n" SIG,
		TEXT "\n" SIG "\xff\n",
		TEXT "\n\xe2\x80\x94 a AAAA\n",
		TEXT "\n\xe2\x80\x94 a AAAAA===\n",
		TEXT "\n\xe2\x80\x94 a AAAAA\n",
		TEXT "\n\xe2\x80\x94 AAAAAAAA\n",
		TEXT "\n\xe2\x80\x94 a+b AAAAAAAA\n",
		TEXT "\n\xe2\x80\x94  AAAAAAAA\n",
		TEXT "\n\xe2\x80\x94 a AAAA AAA\n",
		TEXT "\n\xe2\x80\x94\n",
		TEXT "\n- a AAAAAAAA\n",
		TEXT "\n\xe2\x80\x94 a AAAAAAAA",
		"a\tb\n\n" SIG,
	};
	char big[MW_NOTE_MAX + 256];
	struct mw_note note = { .body_len = 5 };
	size_t i, n;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mw_note_parse(bad[i], strlen(bad[i]), &note), -EBADMSG);
	assert_int_equal(mw_note_parse(TEXT "\0\n" SIG, sizeof(TEXT "\0\n" SIG) - 1, &note),
			 -EBADMSG);
	n = MW_NOTE_MAX - strlen("\n" SIG);
	memset(big, 'x', sizeof(big));
	big[n - 1] = '\n';
	memcpy(big + n, "\n" SIG, sizeof("\n" SIG));
	assert_int_equal(note.body_len, 5);
	assert_int_equal(mw_note_parse(big, MW_NOTE_MAX, &note), 0);
	memmove(big + 1, big, MW_NOTE_MAX);
	assert_int_equal(mw_note_parse(big, MW_NOTE_MAX + 1, &note), -EBADMSG);
}

/* Several signatures: others' are passed over, a bad one of ours spoils it all. */
static void test_several(void **state)
{
	char text[MW_NOTE_MAX] = TEXT;
	size_t n = strlen(TEXT), at;
	struct mw_skey a, b, other;
	struct mw_note note;
	char *sig;

	assert_int_equal(mw_skey_new("a", &a), 0);
	assert_int_equal(mw_skey_new("b", &b), 0);
	assert_int_equal(mw_skey_new("a", &other), 0);
	assert_int_equal(mw_note_sign(text, sizeof(text), &n, strlen(TEXT), &a), 0);
	at = n;
	assert_int_equal(mw_note_sign(text, sizeof(text), &n, strlen(TEXT), &b), 0);
	assert_int_equal(mw_note_parse(text, n, &note), 0);
	assert_int_equal(mw_note_verify(&note, &a.pub, NULL), 1);
	assert_int_equal(mw_note_verify(&note, &b.pub, NULL), 1);
	assert_int_equal(mw_note_verify(&note, &other.pub, NULL), 0);
	/* in the last 16 characters of b's */
	sig = text + n - 16;
	*sig = *sig == 'A' ? 'B' : 'A';
	assert_int_equal(mw_note_verify(&note, &a.pub, NULL), 1);
	assert_int_equal(mw_note_verify(&note, &b.pub, NULL), -EBADMSG);
	/* no room */
	n = at;
	assert_int_equal(mw_note_sign(text, at + 20, &n, strlen(TEXT), &b), -ENOBUFS);
	assert_int_equal(n, at);
	/* one that says to be ours, with a length that cannot be */
	n = (size_t)snprintf(text, sizeof(text),
			     TEXT "\n\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/\n");
	assert_int_equal(parse_key(PETER, &a.pub), 0);
	assert_int_equal(open_note(text, n, &a.pub), -EBADMSG);
}

/* tlog-cosignature: the time is signed with the note. */
static void test_cosignature(void **state)
{
	static const char msg[] = "cosignature/v1\ntime 1679315147\n" TEXT;
	uint8_t raw[4 + 8 + MW_SIG_LEN], b64[128];
	char text[1024], vkey[MW_VKEY_MAX];
	size_t n, len = MW_SIG_LEN;
	uint64_t when = 0;
	struct mw_note note;
	struct mw_skey key;
	struct mw_vkey k;
	EVP_MD_CTX *ctx;
	EVP_PKEY *pkey;
	uint8_t id[64], md[32];
	int i;

	assert_int_equal(mw_skey_of("witness.example/w1", peter_seed, &key), 0);
	k = key.pub;
	k.alg = MW_NOTE_COSIGNATURE;
	n = (size_t)snprintf((char *)id, sizeof(id), "witness.example/w1\n\x04");
	memcpy(id + n, k.public_key, MW_KEY_LEN);
	EVP_Digest(id, n + MW_KEY_LEN, md, NULL, EVP_sha256(), NULL);
	k.id = (uint32_t)md[0] << 24 | (uint32_t)md[1] << 16 | (uint32_t)md[2] << 8 | md[3];
	mw_vkey_print(&k, vkey);
	assert_int_equal(parse_key(vkey, &k), 0);
	assert_int_equal(k.alg, MW_NOTE_COSIGNATURE);

	for (i = 0; i < 4; i++)
		raw[i] = md[i];
	for (i = 0; i < 8; i++)
		raw[4 + i] = (uint8_t)(1679315147ull >> (8 * (7 - i)));
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, peter_seed, MW_KEY_LEN);
	ctx = EVP_MD_CTX_new();
	assert_true(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey));
	assert_true(EVP_DigestSign(ctx, raw + 12, &len, (const uint8_t *)msg, strlen(msg)));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	EVP_EncodeBlock(b64, raw, sizeof(raw));
	n = (size_t)snprintf(text, sizeof(text),
			     TEXT "\n" SIG "\xe2\x80\x94 witness.example/w1 %s\n", (char *)b64);
	assert_int_equal(mw_note_parse(text, n, &note), 0);
	assert_int_equal(mw_note_verify(&note, &k, &when), 1);
	assert_int_equal(when, 1679315147);
	assert_int_equal(mw_note_verify(&note, &k, NULL), 1);
	/* the same signature is none of the log's own kind, and another time spoils it */
	assert_int_equal(mw_note_verify(&note, &key.pub, NULL), 0);
	raw[11]++;
	EVP_EncodeBlock(b64, raw, sizeof(raw));
	n = (size_t)snprintf(text, sizeof(text), TEXT "\n\xe2\x80\x94 witness.example/w1 %s\n",
			     (char *)b64);
	assert_int_equal(open_note(text, n, &k), -EBADMSG);
	/* a time beyond all time */
	memset(raw + 4, 0xff, 8);
	EVP_EncodeBlock(b64, raw, sizeof(raw));
	n = (size_t)snprintf(text, sizeof(text), TEXT "\n\xe2\x80\x94 witness.example/w1 %s\n",
			     (char *)b64);
	assert_int_equal(open_note(text, n, &k), -EBADMSG);
}

#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="

static void test_checkpoint(void **state)
{
	static const char good[] = "example.com/behind-the-sofa\n20852163\n" ROOT "\n";
	static const char *const bad[] = {
		"",
		"\n\n\n",
		"a\n1\n" ROOT,
		"a\n01\n" ROOT "\n",
		"a\n-1\n" ROOT "\n",
		"a\n\n" ROOT "\n",
		"a\n18446744073709551616\n" ROOT "\n",
		"a\n1 \n" ROOT "\n",
		"a b\n1\n" ROOT "\n",
		"a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
		"a\n1\nAAAA\n",
		"a\n1\n\n",
		"a\n1\n" ROOT "\nmore\n",
		"a\n1\n" ROOT "\n\n",
		"\n1\n" ROOT "\n",
		"a\n0x1\n" ROOT "\n",
	};
	struct mw_checkpoint c = { .size = 7 };
	char text[256];
	size_t i, n = 0;

	assert_int_equal(mw_checkpoint_parse(good, strlen(good), &c), 0);
	assert_string_equal(c.origin, "example.com/behind-the-sofa");
	assert_int_equal(c.size, 20852163);
	assert_int_equal(c.root.p[0], 0x0a);
	assert_int_equal(mw_checkpoint_print(&c, text, sizeof(text), &n), 0);
	assert_string_equal(text, good);
	assert_int_equal(n, strlen(good));
	assert_int_equal(mw_checkpoint_print(&c, text, strlen(good), &n), -ENOBUFS);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(mw_checkpoint_parse(bad[i], strlen(bad[i]), &c), -EBADMSG);
	assert_int_equal(c.size, 20852163);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peter),	   cmocka_unit_test(test_vkey_spoilt),
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_new_keys_differ),
		cmocka_unit_test(test_each_byte),  cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_several),	   cmocka_unit_test(test_cosignature),
		cmocka_unit_test(test_checkpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
