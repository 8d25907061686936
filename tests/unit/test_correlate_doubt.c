/* SPDX-License-Identifier: Apache-2.0 */
/* What is claimed where it is not sure which calls are open: sent and not read, shown by the server's end
 * alone, or after a loss. */
#include "support_correlate.h"

#define SRV 10

static void sent(uint64_t id, const char *args, uint64_t ts)
{
	assert_int_equal(mw_correlate_send(corr, id, tp(SRV), mw_slice_str(args), T + ts), 0);
}

static void unconfirmed(uint64_t id, const char *args, uint64_t ts)
{
	assert_int_equal(mw_correlate_open_unconfirmed(corr, id, tp(SRV), mw_slice_str(args), T + ts),
			 0);
}

/* An open of target, tied and listed. */
static struct mw_tie done(const char *target, uint64_t ts, uint64_t seq)
{
	struct mw_action a = action(SRV, target, ts);
	struct mw_tie tie = act(SRV, target, ts);
	int r = mw_correlate_note(corr, &a, &tie, seq);

	assert_true(r == 0 || (r == -ENOENT && !tie.call && !tie.sent));
	return tie;
}

/* "sole /a, argument /b, " as the call's record would say it. */
static const char *listed(uint64_t id)
{
	static char text[256];
	struct mw_call_effect ef;
	size_t pos = 0, len = 0;

	text[0] = 0;
	while (mw_correlate_effects(corr, id, &pos, &ef) == 1) {
		assert_int_equal(ef.confidence, MW_CONF_LIKELY);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %.*s, ",
					mw_link_name(ef.link), (int)ef.target.n,
					(const char *)ef.target.p);
	}
	return text;
}

/* A server that hides what it reads: what it does while one call is sent is that call's, once it is
 * answered. */
static void sent_and_never_read(void **state)
{
	sent(1, "{}", 10);
	expect(act(SRV, "/before", 5), "none", 0);
	expect_shared(done("/a", 20, 100), 1, 1, 1);
	end(1, 30);
	expect(act(SRV, "/after", 40), "none", 0);
	assert_string_equal(listed(1), "sole /a, ");
}

/* A server that was only slow: what it did before it read is not the call's. */
static void sent_and_read_later(void **state)
{
	sent(1, "{}", 10);
	expect_shared(done("/a", 20, 100), 1, 1, 1);
	assert_int_equal(mw_correlate_read(corr, 1, T + 25), 0);
	assert_int_equal(mw_correlate_read(corr, 1, T + 25), -ENOENT);
	expect(done("/b", 30, 101), "sole", 1);
	assert_string_equal(listed(1), "sole /b, ");
	assert_int_equal(mw_correlate_read(corr, 99, T), -ENOENT);
}

/* What was read counts before what was only sent. */
static void read_before_sent(void **state)
{
	call(1, SRV, "{}", 10);
	sent(2, "{}", 11);
	expect(done("/a", 20, 100), "sole", 1);
	end(1, 30);
	sent(3, "{}", 31);
	expect_shared(done("/b", 40, 101), 2, 2, 3);
	assert_string_equal(listed(2), "");
	assert_string_equal(listed(3), "");
}

/* A request that the server's end alone shows may be forged. */
static void unconfirmed_then_confirmed(void **state)
{
	unconfirmed(1, "{\"p\":\"/named\"}", 10);
	expect_shared(done("/a", 20, 100), 1, 1, 1);
	expect_shared(done("/named", 21, 101), 1, 1, 1);
	mw_correlate_confirm(corr, 1);
	expect(done("/b", 30, 102), "sole", 1);
	expect(done("/named", 31, 103), "argument", 1);
	assert_string_equal(listed(1), "sole /a, argument /named, sole /b, ");
}

/* A forged one takes nothing from a true one but its certainty. */
static void unconfirmed_beside_a_true_one(void **state)
{
	call(1, SRV, "{}", 10);
	unconfirmed(2, "{\"p\":\"/named\"}", 11);
	expect_shared(done("/a", 20, 100), 2, 1, 2);
	expect_shared(done("/named", 21, 101), 2, 1, 2);
	mw_correlate_forget(corr, 2);
	expect(done("/b", 30, 102), "sole", 1);
	assert_string_equal(listed(1), "sole /b, ");
}

/* After a loss nothing is said of one call of those that were open; of later ones it is. */
static void doubt(void **state)
{
	call(1, SRV, "{\"p\":\"/named\"}", 10);
	expect(done("/a", 20, 100), "sole", 1);
	mw_correlate_doubt(corr);
	expect_shared(done("/b", 30, 101), 1, 1, 1);
	expect_shared(done("/named", 31, 102), 1, 1, 1);
	fork_(SRV, 20, 32);
	expect_shared(act(20, "/c", 33), 1, 1, 1);
	end(1, 40);
	call(2, SRV, "{}", 50);
	expect(done("/d", 60, 103), "sole", 2);
	assert_string_equal(listed(1), "sole /a, ");
}

/* What was to be claimed later is not, if the call may have ended meanwhile. */
static void doubt_of_a_sent_one(void **state)
{
	sent(1, "{}", 10);
	expect_shared(done("/a", 20, 100), 1, 1, 1);
	mw_correlate_doubt(corr);
	expect_shared(done("/b", 30, 101), 1, 1, 1);
	end(1, 40);
	assert_string_equal(listed(1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sent_and_never_read),	  CASE(sent_and_read_later),
		CASE(read_before_sent),		  CASE(unconfirmed_then_confirmed),
		CASE(unconfirmed_beside_a_true_one), CASE(doubt),
		CASE(doubt_of_a_sent_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
