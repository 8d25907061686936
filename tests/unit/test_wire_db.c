/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL and MySQL, as their clients and servers speak. The lengths are put in here. */
#include "support_wire.h"

static uint8_t arena[1 << 16];
static size_t arena_at;

static struct say put(int what, const uint8_t *head, size_t n_head, const char *p, size_t n)
{
	uint8_t *at = arena + arena_at;

	assert_true(n_head + n <= sizeof(arena) - arena_at);
	memcpy(at, head, n_head);
	memcpy(at + n_head, p, n);
	arena_at += n_head + n;
	return (struct say){ what, at, n_head + n };
}

/* A message of PostgreSQL; type 0: a start-up message. */
static struct say pg_put(int what, uint8_t type, const char *p, size_t n)
{
	const uint8_t len = (uint8_t)(n + 4);
	const uint8_t head[] = { type, 0, 0, 0, len };

	assert_true(n + 4 < 256);
	return put(what, head + (type == 0), sizeof(head) - (type == 0), p, n);
}
#define C(type, s) pg_put(SAY_OUT, type, s, sizeof(s) - 1)
#define S(type, s) pg_put(SAY_IN, type, s, sizeof(s) - 1)

/* A packet of MySQL. */
static struct say my_put(int what, uint8_t number, const char *p, size_t n)
{
	const uint8_t head[] = { (uint8_t)n, 0, 0, number };

	assert_true(n < 256);
	return put(what, head, sizeof(head), p, n);
}
#define MC(number, s) my_put(SAY_OUT, number, s, sizeof(s) - 1)
#define MS(number, s) my_put(SAY_IN, number, s, sizeof(s) - 1)

/* --- PostgreSQL --- */

#define START  "\0\3\0\0user\0bob\0database\0shop\0\0"
#define READY  S('Z', "I")
#define LET_IN S('R', "\0\0\0\0"), S('S', "a\0b\0"), READY
#define PG     C(0, START), LET_IN
#define URL    "postgresql://10.0.0.0:8080/shop"

static void pg_simple(void **state)
{
	CASE("DELETE t|" URL "||ok|DELETE FROM t WHERE id=1\n", PG,
	     C('Q', "DELETE FROM t WHERE id=1;\0"), S('C', "DELETE 1\0"), READY);
}

static void pg_several(void **state)
{
	CASE("INSERT a|" URL "||ok|INSERT INTO a VALUES(1)\n"
	     "DROP b|" URL "|42P01|EREMOTEIO|DROP TABLE b\n"
	     "TRUNCATE c|" URL "||ECANCELED|TRUNCATE c\n",
	     PG, C('Q', "INSERT INTO a VALUES(1); DROP TABLE b; /* x */ TRUNCATE c\0"),
	     S('C', "INSERT 0 1\0"), S('E', "SERROR\0C42P01\0Mno table\0\0"), READY);
}

#define BIND(name) C('B', "\0" name "\0\0\0\0\0\0\0")
#define EXECUTE	   C('E', "\0\0\0\0\0")
#define SYNC	   C('S', "")
#define DONE	   S('1', ""), S('2', "")

static void pg_extended(void **state)
{
	CASE("UPDATE s.t|" URL "||ok|UPDATE s.t SET a=$1\n"
	     "UPDATE s.t|" URL "|23505|EREMOTEIO|UPDATE s.t SET a=$1\n"
	     "SELECT |" URL "||ok|SELECT 1\n",
	     PG, C('P', "s1\0UPDATE s.t SET a=$1\0\0\0"), BIND("s1"), EXECUTE, SYNC, DONE,
	     S('C', "UPDATE 1\0"), READY, BIND("s1"), EXECUTE, SYNC, S('E', "C23505\0\0"), READY,
	     C('P', "\0SELECT 1\0\0\0"), BIND(""), C('D', "P\0"), EXECUTE, SYNC, DONE,
	     S('T', "\0\0"), S('D', "\0\0"), S('C', "SELECT 1\0"), READY);
}

/* Several executions before one Sync: behind the error nothing was run; behind the Sync it is. */
static void pg_pipeline(void **state)
{
	CASE("DELETE t|" URL "||ok|DELETE FROM t\n"
	     "DELETE t|" URL "|40001|EREMOTEIO|DELETE FROM t\n"
	     "DELETE t|" URL "||ECANCELED|DELETE FROM t\n"
	     "DELETE t|" URL "||ok|DELETE FROM t\n",
	     PG, C('P', "\0DELETE FROM t\0\0\0"), BIND(""), EXECUTE, BIND(""), EXECUTE, BIND(""),
	     EXECUTE, SYNC, BIND(""), EXECUTE, SYNC, DONE, S('C', "DELETE 1\0"), S('2', ""),
	     S('E', "C40001\0\0"), READY, S('2', ""), S('C', "DELETE 1\0"), READY);
	/* what cannot be parsed is not run, and what was asked with it neither */
	CASE("DELETE t|" URL "|42601|EREMOTEIO|DELETE FROM t WHERE\n", PG,
	     C('P', "\0DELETE FROM t WHERE\0\0\0"), BIND(""), EXECUTE, SYNC, S('E', "C42601\0\0"),
	     READY);
	CASE("", PG, C('P', "x\0DELETE FROM t\0\0\0"), SYNC, S('1', ""), READY);
}

/* A statement that was prepared before we looked: what the server says it was. */
static void pg_unknown_text(void **state)
{
	CASE("DELETE |" URL "||ok|\n", PG, BIND("zz"), EXECUTE, SYNC, S('2', ""),
	     S('C', "DELETE 9\0"), READY);
	CASE(" |" URL "||ok|\n", PG, C('P', "x\0DELETE FROM t\0\0\0"), C('C', "Sx\0"), BIND("x"),
	     EXECUTE, SYNC, S('2', ""), S('s', ""), READY);
}

static void pg_encrypted(void **state)
{
	CASE("drop\n", C(0, "\x04\xd2\x16\x2f"), IN("S"), OUT("\x16\x03\x01\0\0"));
	CASE("DELETE |postgresql://10.0.0.0:8080/bob||EINPROGRESS|DELETE\n",
	     C(0, "\x04\xd2\x16\x2f"), IN("N"), C(0, "\0\3\0\0user\0bob\0\0"), LET_IN,
	     C('Q', "DELETE\0"));
}

static void pg_is_not(void **state)
{
	/* no user; a length that cannot be; a statement before it was let in */
	CASE("drop\n", C(0, "\0\3\0\0ab\0c\0\0"), C('Q', "DELETE\0"));
	CASE("", OUT("\0\0\0\4\0\3\0\0"), C('Q', "DELETE\0"));
	CASE("drop\n", C(0, START), C('Q', "DELETE\0"));
	CASE("drop\n", PG, OUT("Q\0\0\0\3"), C('Q', "DELETE\0"));
}

static void pg_gaps(void **state)
{
	/* inside of a row, of a statement; between two messages */
	CASE("SELECT |" URL "||ok|SELECT 1\n"
	     "DROP |" URL "||ok|\n"
	     "drop\n",
	     PG, C('Q', "SELECT 1\0"), IN("D\0\0\1\0x"), GAP_IN(251), S('C', "SELECT 1\0"), READY,
	     OUT("Q\0\0\1\0SELECT"), GAP_OUT(246), S('C', "DROP TABLE\0"), READY, GAP_OUT(5),
	     C('Q', "DELETE\0"));
}

/* --- MySQL --- */

/* Of the server all capabilities but COMPRESS and SSL, with or without DEPRECATE_EOF; of the client
 * PROTOCOL_41, SECURE, WITH_DB, PLUGIN_AUTH_LENENC and `low`, `high`. */
#define ZEROS23 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREET(high)                                                                                \
	MS(0, "\x0a"                                                                               \
	      "8.4.0\0"                                                                            \
	      "\1\0\0\0"                                                                           \
	      "abcdefgh"                                                                           \
	      "\0"                                                                                 \
	      "\xff\xff"                                                                           \
	      "\x08"                                                                               \
	      "\2\0" high "\x15"                                                                   \
	      "\0\0\0\0\0\0\0\0\0\0"                                                               \
	      "ijklmnopqrst\0"                                                                     \
	      "plug\0")
#define LOGIN(low, high)                                                                           \
	MC(1, low high "\0\0\0\1"                                                                  \
		       "\x08" ZEROS23 "bob\0"                                                      \
		       "\2xy"                                                                      \
		       "shop\0")
#define MY_OK	     "\0\0\0\2\0\0\0"
#define MY_MORE	     "\0\1\0\x0a\0\0\0"
#define MYSQL	     GREET("\xff\0"), LOGIN("\x08\x82", "\x20\0"), MS(2, MY_OK)
#define MYSQL_NO_EOF GREET("\xff\1"), LOGIN("\x08\x82", "\x20\1"), MS(2, MY_OK)
#define MURL	     "mysql://10.0.0.0:8080/shop"

static void my_query(void **state)
{
	CASE("DELETE t|" MURL "||ok|DELETE FROM t\n"
	     "DROP x|" MURL "|1051|EREMOTEIO|drop table `x`\n",
	     MYSQL, MC(0, "\3DELETE FROM t"), MS(1, MY_OK), MC(0, "\3drop table `x`"),
	     MS(1, "\xff\x1b\4#42S02no"));
	/* more of the login between; another database; a ping */
	CASE("DELETE t|mysql://10.0.0.0:8080/b||ok|DELETE FROM t\n", GREET("\xff\0"),
	     LOGIN("\x08\x82", "\x20\0"),
	     MS(2, "\xfe"
		   "x\0y"),
	     MC(3, "secret"), MS(4, MY_OK), MC(0, "\2b"), MS(1, MY_OK), MC(0, "\x0e"), MS(1, MY_OK),
	     MC(0, "\3DELETE FROM t"), MS(1, MY_OK));
}

/* Several results of one text: OK, rows, OK; an error. */
static void my_several(void **state)
{
	CASE("INSERT a|" MURL "||ok|INSERT a VALUES(1)\n"
	     "SELECT t|" MURL "||ok|SELECT x FROM t\n"
	     "UPDATE b|" MURL "||ok|UPDATE b SET c=1\n"
	     "SELECT |" MURL "|1064|EREMOTEIO|SELECT\n"
	     "DROP c|" MURL "||ECANCELED|DROP TABLE c\n",
	     MYSQL, MC(0, "\3INSERT a VALUES(1);SELECT x FROM t;UPDATE b SET c=1; # x"),
	     MS(1, MY_MORE), MS(2, "\1"), MS(3, "\3def"), MS(4, "\xfe\0\0\2\0"), MS(5, "\1a"),
	     MS(6, "\xfe\0\0\x0a\0"), MS(7, MY_OK), MC(0, "\3SELECT; DROP TABLE c"),
	     MS(1, "\xff\x28\4"));
}

static void my_prepared(void **state)
{
	CASE("UPDATE b|" MURL "||ok|UPDATE b SET c=?\n"
	     "UPDATE b|" MURL "|1205|EREMOTEIO|UPDATE b SET c=?\n"
	     "SELECT b|" MURL "||ok|SELECT * FROM b\n"
	     " |" MURL "||ok|\n",
	     MYSQL_NO_EOF, MC(0, "\x16UPDATE b SET c=?"), MS(1, "\0\5\0\0\0\0\0\1\0\0\0\0"),
	     MS(2, "\3def"), MC(0, "\x17\5\0\0\0\0\1\0\0\0"), MS(1, MY_OK),
	     MC(0, "\x17\5\0\0\0\0\1\0\0\0"), MS(1, "\xff\xb5\4"), MC(0, "\3SELECT * FROM b"),
	     MS(1, "\1"), MS(2, "\3def"), MS(3, "\1a"), MS(4, "\xfe\0\0\2\0\0\0"),
	     MC(0, "\x17\6\0\0\0\0\1\0\0\0"), MS(1, MY_OK));
}

static void my_encrypted(void **state)
{
	CASE("drop\n", GREET("\xff\0"),
	     MC(1, "\x08\x8a\x20\0"
		   "\0\0\0\1"
		   "\x08" ZEROS23),
	     OUT("\x16\3\1\0\0"));
	/* compressed from the OK on */
	CASE("drop\n", GREET("\xff\0"), LOGIN("\x28\x82", "\x20\0"), MS(2, MY_OK),
	     MC(0, "\3DELETE FROM t"));
	/* not let in */
	CASE("drop\n", GREET("\xff\0"), LOGIN("\x08\x82", "\x20\0"), MS(2, "\xff\x15\4"),
	     MC(0, "\3DELETE FROM t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pg_simple),	   cmocka_unit_test(pg_several),
		cmocka_unit_test(pg_extended),	   cmocka_unit_test(pg_pipeline),
		cmocka_unit_test(pg_unknown_text), cmocka_unit_test(pg_encrypted),
		cmocka_unit_test(pg_is_not),	   cmocka_unit_test(pg_gaps),
		cmocka_unit_test(my_query),	   cmocka_unit_test(my_several),
		cmocka_unit_test(my_prepared),	   cmocka_unit_test(my_encrypted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
