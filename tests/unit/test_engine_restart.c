/* SPDX-License-Identifier: Apache-2.0 */
/* a server's second start at the same client, as the session tells it from the first */
#include "engine_fx.h"

enum { SECOND = 301 };

#define HELLO                                                                                      \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"                     \
	"\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{}}}"
#define HELLO_BACK                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","            \
	"\"capabilities\":{},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}"

/* The kernel gives a new channel the address of the one that the first start had; its client
 * writes at once, and the server takes its time to read. */
static void an_address_is_used_again(void **state)
{
	struct tape_chan up, down;
	struct fx f;

	begin(&f);
	ask(&f, HELLO);
	answer(&f, HELLO_BACK);
	tape_exit(&f.t, SERVER, 0);
	tape_proc(&f.t, MW_EV_PROC, SECOND,
		  (struct tape_exe){ .exe = "/usr/bin/server", .uid = 1000, .parent = CLIENT });
	up = tape_chan(&f.t, MW_CHAN_PIPE);
	up.chan[0] = up.chan[1] = f.up.chan[0];
	down = tape_chan(&f.t, MW_CHAN_PIPE);
	tape_write(&f.t, &up, CLIENT, HELLO "\n");
	for (int i = 0; i < 4; i++) {
		f.t.ts_ns += 100 * MS;
		tape_tick(&f.t);
	}
	tape_read(&f.t, &up, SECOND, HELLO "\n");
	tape_line(&f.t, &down, SECOND, CLIENT, HELLO_BACK);
	finish(&f);
	assert_count(&f, "\"event\":\"seen\"", 2);
	assert_count(&f, "\"type\":\"call\"", 2);
	assert_count(&f, "\"status\":\"ok\"", 2);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
