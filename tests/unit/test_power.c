/* SPDX-License-Identifier: Apache-2.0 */
/* What a tool declares, and what its effects show. */
#include "support_event.h"

#include <errno.h>
#include <stdio.h>

#include "core/power.h"

static unsigned int of_file(enum mw_effect_kind kind, const char *path, const char *mode)
{
	struct mw_action a = { .kind = kind, .target = mw_slice_str(path) };

	snprintf(a.mode, sizeof(a.mode), "%s", mode);
	return mw_power_observed(&a);
}

static unsigned int opened(const char *path, const char *mode)
{
	return of_file(MW_EFFECT_FILE_OPEN, path, mode);
}

static void files(void **state)
{
	assert_int_equal(opened("/srv/a", "r"), MW_POWER_READ_LOW);
	assert_int_equal(opened("/home/a/.ssh/id_ed25519", "r"), MW_POWER_READ_HIGH);
	assert_int_equal(opened("/etc/shadow", "r"), MW_POWER_READ_HIGH);
	assert_int_equal(opened("/srv/shadow", "r"), MW_POWER_READ_LOW);
	assert_int_equal(opened("/srv/app/.env", "rw"), MW_POWER_READ_HIGH | MW_POWER_WRITE_HIGH);
	assert_int_equal(opened("/srv/a", "w+create+trunc"), MW_POWER_WRITE_LOW);
	assert_int_equal(opened("/srv/a", "w+trunc"), MW_POWER_WRITE_LOW | MW_POWER_DESTRUCTIVE);
	assert_int_equal(opened("/srv/a", "a"), MW_POWER_WRITE_LOW);
	assert_int_equal(opened("/etc/cron.d/x", "w+create"), MW_POWER_WRITE_HIGH);
	assert_int_equal(opened("/etc/hosts", "r"), MW_POWER_READ_LOW);
	assert_int_equal(opened("/srv/a", ""), 0);
	assert_int_equal(of_file(MW_EFFECT_FILE_DELETE, "/srv/a", ""), MW_POWER_DESTRUCTIVE);
	assert_int_equal(of_file(MW_EFFECT_FILE_RENAME, "/srv/a", ""), MW_POWER_WRITE_LOW);
	assert_int_equal(of_file(MW_EFFECT_FILE_CHMOD, "/srv/a", "0777"), MW_POWER_WRITE_HIGH);
	assert_int_equal(of_file(MW_EFFECT_FILE_CLOSE, "/srv/a", ""), 0);
	assert_int_equal(of_file(MW_EFFECT_PROC_EXEC, "/bin/sh", ""), MW_POWER_EXECUTE);
	struct mw_action failed = { .kind = MW_EFFECT_FILE_DELETE, .ret = -EACCES };
	assert_int_equal(mw_power_observed(&failed), 0);
}

static unsigned int to(struct mw_addr peer, enum mw_effect_kind kind, const char *verb)
{
	struct mw_action a = { .kind = kind, .peer = peer, .verb = mw_slice_str(verb) };

	return mw_power_observed(&a);
}

static void network(void **state)
{
	const enum mw_effect_kind c = MW_EFFECT_NET_CONNECT, h = MW_EFFECT_NET_HTTP;

	assert_int_equal(to(t_addr4("192.0.2.7", 443), c, ""), MW_POWER_OPEN_WORLD);
	assert_int_equal(to(t_addr4("127.8.0.1", 443), c, ""), 0);
	assert_int_equal(to(t_addr6("::1", 443), c, ""), 0);
	assert_int_equal(to(t_addr6("::ffff:127.0.0.1", 443), c, ""), 0);
	assert_int_equal(to(t_addr6("2001:db8::1", 443), c, ""), MW_POWER_OPEN_WORLD);
	assert_int_equal(to(t_addr4("127.0.0.1", 80), h, "DELETE"), MW_POWER_DESTRUCTIVE);
	assert_int_equal(to(t_addr4("192.0.2.7", 80), h, "GET"),
			 MW_POWER_OPEN_WORLD | MW_POWER_READ_LOW);
	assert_int_equal(to(t_addr4("127.0.0.1", 80), MW_EFFECT_DB_STATEMENT, "DROP"),
			 MW_POWER_DESTRUCTIVE);
	assert_int_equal(to(t_addr4("127.0.0.1", 80), MW_EFFECT_DB_STATEMENT, "SELECT"),
			 MW_POWER_READ_LOW);
}

static unsigned int says(const char *annotations)
{
	return mw_power_declared(mw_slice_str(annotations));
}

static void declared(void **state)
{
	const unsigned int r = MW_POWER_READ_LOW | MW_POWER_READ_HIGH;
	const unsigned int w = r | MW_POWER_WRITE_LOW | MW_POWER_WRITE_HIGH;

	assert_int_equal(says(""), MW_POWER_UNDECLARED);
	assert_int_equal(says("\"readOnlyHint\""), MW_POWER_UNDECLARED);
	assert_int_equal(says("{\"title\":\"reads only, trust me\"}"), MW_POWER_UNDECLARED);
	assert_int_equal(says("{\"readOnlyHint\":true}"), r);
	assert_int_equal(says("{\"readOnlyHint\":\"true\"}"), MW_POWER_UNDECLARED);
	assert_int_equal(says("{\"readOnlyHint\":true,\"openWorldHint\":true}"),
			 r | MW_POWER_OPEN_WORLD);
	assert_int_equal(says("{\"readOnlyHint\":false}"), w | MW_POWER_DESTRUCTIVE);
	assert_int_equal(says("{\"destructiveHint\":false}"), w);
	assert_int_equal(says("{\"destructiveHint\":true}"), w | MW_POWER_DESTRUCTIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(network),
		cmocka_unit_test(declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
