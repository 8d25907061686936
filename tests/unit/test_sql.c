/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/sql.h"

static const struct {
	enum mw_sql_dialect d;
	const char *text, *want; /* "VERB table;VERB table" */
} cases[] = {
	{ 0, "DELETE FROM t", "DELETE t" },
	{ 0, "delete from only \"My\".\"T\" where 1", "DELETE My.T" },
	{ 0, "/* a;b */ -- c;d\n  DELETE FROM t;;", "DELETE t" },
	{ 0, "WITH x AS (SELECT 1), y(a) AS (SELECT 2) DELETE FROM t USING x", "DELETE t" },
	{ 0, "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "DELETE t" },
	{ 0, "WITH RECURSIVE x AS (SELECT delete FROM u) SELECT * FROM x", "SELECT x" },
	{ 0, "WITH x AS (SELECT 1) UPDATE t SET a=(SELECT b FROM c)", "UPDATE t" },
	{ 0, "(SELECT a FROM b) UNION SELECT 1", "SELECT b" },
	{ 0, "SELECT (SELECT 1 FROM inner_t), 'x FROM y' FROM outer_t", "SELECT outer_t" },
	{ 0, "SELECT 1", "SELECT " },
	{ 0, "SELECT * FROM (SELECT 1) s", "SELECT " },
	{ 0, "EXPLAIN ANALYZE DELETE FROM t", "DELETE t" },
	{ 0, "EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a=1", "UPDATE t" },
	{ 0, "EXPLAIN DELETE FROM t", "EXPLAIN " },
	{ 0, "INSERT INTO a.b (c) VALUES (';'), ($$;$$), ($x$;$$;$x$)", "INSERT a.b" },
	{ 0, "INSERT INTO t VALUES (E'\\';');DROP TABLE u", "INSERT t;DROP u" },
	{ 0, "INSERT INTO t VALUES ('\\');DROP TABLE u", "INSERT t;DROP u" },
	{ 0, "DROP TABLE IF EXISTS a, b.c CASCADE", "DROP a,b.c" },
	{ 0, "DROP DATABASE prod", "DROP prod" },
	{ 0, "TRUNCATE TABLE ONLY a, b", "TRUNCATE a,b" },
	{ 0, "ALTER TABLE IF EXISTS ONLY s.t ADD c int", "ALTER s.t" },
	{ 0, "CREATE OR REPLACE TEMP VIEW v AS SELECT 1 FROM t", "CREATE v" },
	{ 0, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (c)", "CREATE t" },
	{ 0, "GRANT SELECT, INSERT ON TABLE t TO bob", "GRANT t" },
	{ 0, "REVOKE ALL ON SCHEMA s FROM bob", "REVOKE s" },
	{ 0, "MERGE INTO t USING u ON (a=b) WHEN MATCHED THEN DELETE", "MERGE t" },
	{ 0, "COPY t (a) FROM STDIN", "COPY t" },
	{ 0, "DO $$ BEGIN DELETE FROM t; END $$; COMMIT", "DO ;COMMIT " },
	{ 0, "/* a /* b */ ; DROP TABLE x */ SELECT 1", "SELECT " },
	{ 0, "'", "" },
	{ 0, "$x$ no end ; DROP TABLE t", "" },
	{ MW_SQL_MYSQL, "DELETE LOW_PRIORITY QUICK FROM `a b`.`c`", "DELETE a b.c" },
	{ MW_SQL_MYSQL, "DELETE t1 FROM t1 JOIN t2", "DELETE t1" },
	{ MW_SQL_MYSQL, "REPLACE INTO t VALUES (\"a;b\", 'c\\';d')", "REPLACE t" },
	{ MW_SQL_MYSQL, "UPDATE LOW_PRIORITY IGNORE t SET a=1 # ; x", "UPDATE t" },
	{ MW_SQL_MYSQL, "/*!50000 DROP */ TABLE t; SELECT 1", "DROP t;SELECT " },
	{ MW_SQL_MYSQL, "SELECT 1/*! ; DROP TABLE t */", "SELECT ;DROP t" },
	{ MW_SQL_MYSQL, "SELECT 5--3; DROP TABLE t", "SELECT ;DROP t" },
	{ MW_SQL_MYSQL, "LOAD DATA INFILE 'f' INTO TABLE s.t", "LOAD s.t" },
	{ MW_SQL_MYSQL, "/* /* */ DROP TABLE t", "DROP t" },
};

static void verbs(void **state)
{
	struct test_guard g;
	struct mw_sql q;

	test_guard_init(&g, 256);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mw_slice s = test_guard_copy(&g, mw_slice_str(cases[i].text));
		char out[512] = "";
		size_t pos = 0;

		while (mw_sql_next(s, cases[i].d, &pos, &q) == 1) {
			if (!q.verb[0])
				continue;
			snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s %s",
				 out[0] ? ";" : "", q.verb, q.table);
		}
		if (strcmp(out, cases[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", cases[i].text, out, cases[i].want);
	}
	test_guard_done(&g);
}

static void texts(void **state)
{
	struct mw_slice s = MW_SLICE_LIT(" a b ; \n c'; ;' ;; d -- e");
	struct mw_sql q;
	size_t pos = 0;

	assert_int_equal(mw_sql_next(s, 0, &pos, &q), 1);
	assert_slice_equal(q.text, "a b");
	assert_int_equal(mw_sql_next(s, 0, &pos, &q), 1);
	assert_slice_equal(q.text, "c'; ;'");
	assert_int_equal(mw_sql_next(s, 0, &pos, &q), 1);
	assert_slice_equal(q.text, "d");
	assert_int_equal(mw_sql_next(s, 0, &pos, &q), 0);
	assert_int_equal(mw_sql_next(s, 0, &pos, &q), 0);
}

static void redacts(void **state)
{
	static const struct {
		enum mw_sql_dialect d;
		const char *text, *want;
	} r[] = {
		{ 0, "ALTER USER bob PASSWORD 'hunter2'",
		  "ALTER USER bob PASSWORD '[REDACTED:key:7]'" },
		{ 0, "ALTER ROLE b WITH ENCRYPTED PASSWORD 'it''s' VALID UNTIL 'now'",
		  "ALTER ROLE b WITH ENCRYPTED PASSWORD '[REDACTED:key:5]' VALID UNTIL 'now'" },
		{ MW_SQL_MYSQL, "CREATE USER 'u'@'h' IDENTIFIED BY 'p\\'w' REQUIRE SSL",
		  "CREATE USER 'u'@'h' IDENTIFIED BY '[REDACTED:key:4]' REQUIRE SSL" },
		{ MW_SQL_MYSQL, "ALTER USER u IDENTIFIED WITH plug AS 'hash'",
		  "ALTER USER u IDENTIFIED WITH plug AS '[REDACTED:key:4]'" },
		{ MW_SQL_MYSQL, "SET PASSWORD FOR 'u'@'h' = 'pw'",
		  "SET PASSWORD FOR 'u'@'h' = '[REDACTED:key:2]'" },
		{ MW_SQL_MYSQL, "SET PASSWORD = PASSWORD(\"pw\")",
		  "SET PASSWORD = PASSWORD('[REDACTED:key:2]')" },
		{ 0, "UPDATE u SET password = 'x', name = 'y'",
		  "UPDATE u SET password = '[REDACTED:key:1]', name = 'y'" },
		{ 0, "SELECT 1 WHERE password IS NOT NULL AND name = 'y'",
		  "SELECT 1 WHERE password IS NOT NULL AND name = 'y'" },
	};
	struct mw_buf b;

	mw_buf_init(&b, &test_alloc, 4096);
	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		b.len = 0;
		assert_int_equal(mw_sql_redact(NULL, &b, mw_slice_str(r[i].text), r[i].d), 0);
		assert_buf_equal(&b, r[i].want);
	}
	mw_buf_done(&b);
	TEST_EACH_FAILURE(n)
	{
		mw_buf_init(&b, &test_alloc_failing, 4096);
		(void)mw_sql_redact(NULL, &b, mw_slice_str(r[0].text), 0);
		mw_buf_done(&b);
	}
	mw_buf_init(&b, &test_alloc, 8);
	assert_int_equal(mw_sql_redact(NULL, &b, mw_slice_str(r[0].text), 0), -E2BIG);
	assert_int_equal(b.len, 0);
	mw_buf_done(&b);
}

static void folds_and_constants(void **state)
{
	struct mw_slice s = MW_SLICE_LIT("SELECT 'ab''c', 42,E'x', n1 FROM $$d$$"), c;
	struct mw_buf b;
	size_t pos = 0;

	mw_buf_init(&b, &test_alloc, 4096);
	assert_int_equal(mw_sql_fold(&b, MW_SLICE_LIT(" \n SELECT\t\t 1\r\n ;\n; ")), 0);
	assert_buf_equal(&b, "SELECT 1");
	mw_buf_done(&b);
	assert_int_equal(mw_sql_constant(s, 0, &pos, &c), 1);
	assert_slice_equal(c, "ab''c");
	assert_int_equal(mw_sql_constant(s, 0, &pos, &c), 1);
	assert_slice_equal(c, "42");
	assert_int_equal(mw_sql_constant(s, 0, &pos, &c), 1);
	assert_slice_equal(c, "x");
	assert_int_equal(mw_sql_constant(s, 0, &pos, &c), 1);
	assert_slice_equal(c, "d");
	assert_int_equal(mw_sql_constant(s, 0, &pos, &c), 0);
	assert_true(mw_sql_looks(MW_SLICE_LIT("  -- x\n (select 1")));
	assert_false(mw_sql_looks(MW_SLICE_LIT("hello world")));
	assert_false(mw_sql_looks(MW_SLICE_LIT("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs),
		cmocka_unit_test(texts),
		cmocka_unit_test(redacts),
		cmocka_unit_test(folds_and_constants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
