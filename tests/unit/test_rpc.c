/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>

#include "core/rpc.h"

/*
 * A case is written with ' for ", and what is read out of it as "kind field=raw ..." in a fixed
 * order, or as the errno.
 */
static char *quoted(const char *s)
{
	char *copy = malloc(strlen(s) + 1), *p;

	memcpy(copy, s, strlen(s) + 1);
	for (p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

static void field(struct mw_buf *out, struct mw_slice whole, const char *name, struct mw_slice v)
{
	if (v.n == 0)
		return;
	assert_true(v.p >= whole.p && v.n <= (size_t)(whole.p + whole.n - v.p));
	mw_buf_append_str(out, name);
	mw_buf_append(out, v.p, v.n);
}

static void describe(struct mw_slice text, struct mw_buf *out)
{
	static const char *const kinds[] = { "", "request", "notification", "response" };
	size_t off = SIZE_MAX;
	struct mw_rpc m;
	int r;

	memset(&m, 0xAA, sizeof(m));
	r = mw_rpc_parse(text, &m, &off);
	mw_buf_reset(out, 1 << 12);
	mw_buf_reserve(out, 1);
	if (r < 0) {
		for (size_t i = 0; i < sizeof(m); i++)
			assert_int_equal(((uint8_t *)&m)[i], 0xAA);
		mw_buf_append_str(out, r == -EBADMSG  ? "EBADMSG"
				       : r == -EPROTO ? "EPROTO"
				       : r == -E2BIG  ? "E2BIG"
						      : "?");
		if (r != -EPROTO)
			assert_in_range(off, 0, text.n);
		return;
	}
	assert_int_equal(r, 0);
	assert_true(m.whole.p >= text.p && m.whole.p + m.whole.n <= text.p + text.n);
	assert_int_equal(m.whole.p[0], '{');
	assert_int_equal(m.whole.p[m.whole.n - 1], '}');
	mw_buf_append_str(out, kinds[m.kind]);
	field(out, text, " id=", m.id);
	field(out, text, " method=", m.method);
	field(out, text, " params=", m.params);
	field(out, text, " result=", m.result);
	field(out, text, " error=", m.error);
	field(out, text, " name=", m.name);
	field(out, text, " uri=", m.uri);
	field(out, text, " arguments=", m.arguments);
	field(out, text, " meta=", m.meta);
	field(out, text, " requestId=", m.request_id);
	field(out, text, " state=", m.state);
	field(out, text, " taskId=", m.task_id);
	field(out, text, " status=", m.status);
	field(out, text, " type=", m.result_type);
	if (m.is_task)
		mw_buf_append_str(out, " task");
	if (m.mcp_meta)
		mw_buf_append_str(out, " mcp");
	if (m.is_error)
		mw_buf_append_str(out, " isError");
	if (m.json_flags & MW_JSON_DUP)
		mw_buf_append_str(out, " dup");
	if (m.json_flags & MW_JSON_NUL)
		mw_buf_append_str(out, " nul");
}

static const struct {
	const char *in, *out;
} cases[] = {
	/* kinds, in every order of keys */
	{ "{'jsonrpc':'2.0','id':1,'method':'ping'}", "request id=1 method='ping'" },
	{ "{'method':'tools/list','params':{},'jsonrpc':'2.0','id':0}",
	  "request id=0 method='tools/list' params={}" },
	{ "{'result':{'tools':[]},'jsonrpc':'2.0','id':7}", "response id=7 result={'tools':[]}" },
	{ "{'jsonrpc':'2.0','method':'notifications/initialized'}",
	  "notification method='notifications/initialized'" },
	{ "{'jsonrpc':'2.0','id':'a','error':{'code':-32601,'message':'no'}}",
	  "response id='a' error={'code':-32601,'message':'no'}" },
	{ "{'jsonrpc':'2.0','error':{'code':-32700}}", "response error={'code':-32700}" },
	{ "{'jsonrpc':'2.0','id':null,'error':{}}", "response id=null error={}" },
	{ "{'jsonrpc':'2.0','id':1,'result':null}", "response id=1 result=null" },
	{ "{'jsonrpc':'2.0','id':1,'result':5,'error':6}", "response id=1 result=5 error=6" },
	/* white space, kept where it is inside a value; a CR before the LF that ended the line */
	{ " \t{ 'jsonrpc' : '2.0' ,\n'id' : 1 , 'method' : 'm' , 'params' : [ 1 , {} ] } \r",
	  "request id=1 method='m' params=[ 1 , {} ]" },
	/* ids: exact bytes */
	{ "{'jsonrpc':'2.0','id':9007199254740993,'method':'m'}",
	  "request id=9007199254740993 method='m'" },
	{ "{'jsonrpc':'2.0','id':-1.50e+3,'method':'m'}", "request id=-1.50e+3 method='m'" },
	{ "{'jsonrpc':'2.0','id':'\\u0061','method':'m'}", "request id='\\u0061' method='m'" },
	{ "{'jsonrpc':'2.0','id':'','method':'m'}", "request id='' method='m'" },
	{ "{'jsonrpc':'2.0','id':null,'method':'m'}", "request id=null method='m'" },
	{ "{'jsonrpc':'2.0','id':true,'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':false,'result':1}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':{},'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':[1],'result':1}", "EPROTO" },
	/* rounds and tasks */
	{ "{'jsonrpc':'2.0','id':1,'method':'m','params':{'requestState':'x','taskId':'t','status':'s'}}",
	  "request id=1 method='m' params={'requestState':'x','taskId':'t','status':'s'} state='x' "
	  "taskId='t' status='s'" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'resultType':'input_required','requestState':'x'}}",
	  "response id=1 result={'resultType':'input_required','requestState':'x'} state='x' "
	  "type='input_required'" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'task':{'status':'working','taskId':'t'}}}",
	  "response id=1 result={'task':{'status':'working','taskId':'t'}} taskId='t' status='working' "
	  "task" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'taskId':'t','resultType':'task'}}",
	  "response id=1 result={'taskId':'t','resultType':'task'} taskId='t' type='task' task" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'taskId':'t','status':'s'}}",
	  "response id=1 result={'taskId':'t','status':'s'} taskId='t' status='s'" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'task':{'taskId':7}}}",
	  "response id=1 result={'task':{'taskId':7}} taskId=7" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'task':5,'status':{}}}",
	  "response id=1 result={'task':5,'status':{}} status={}" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'task':{'taskId':'t'},'requestState':'x'},'result':1}",
	  "response id=1 result=1 dup" },
	/* params and what is in them */
	{ "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'read_file',"
	  "'arguments':{'path':'/etc/passwd','name':'x'},'_meta':{'progressToken':1}}}",
	  "request id=1 method='tools/call' params={'name':'read_file','arguments':{'path':"
	  "'/etc/passwd','name':'x'},'_meta':{'progressToken':1}} name='read_file' "
	  "arguments={'path':'/etc/passwd','name':'x'} meta={'progressToken':1}" },
	{ "{'jsonrpc':'2.0','id':1,'method':'resources/read','params':{'uri':'file:///a'}}",
	  "request id=1 method='resources/read' params={'uri':'file:///a'} uri='file:///a'" },
	{ "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':'7',"
	  "'reason':'}'}}",
	  "notification method='notifications/cancelled' params={'requestId':'7','reason':'}'} "
	  "requestId='7'" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','params':{'_meta':"
	  "{'io.modelcontextprotocol/protocolVersion':'2026-07-28'}}}",
	  "request id=1 method='m' params={'_meta':{'io.modelcontextprotocol/protocolVersion':"
	  "'2026-07-28'}} meta={'io.modelcontextprotocol/protocolVersion':'2026-07-28'} mcp" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'_meta':{'io\\u002emodelcontextprotocol\\/x':{}}}}",
	  "response id=1 result={'_meta':{'io\\u002emodelcontextprotocol\\/x':{}}} "
	  "meta={'io\\u002emodelcontextprotocol\\/x':{}} mcp" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'_meta':{'io.modelcontextprotocol':1,"
	  "'io.modelcontext\\u0070rotocoL/':2,'x':{'io.modelcontextprotocol/x':3}}}}",
	  "response id=1 result={'_meta':{'io.modelcontextprotocol':1,"
	  "'io.modelcontext\\u0070rotocoL/':2,'x':{'io.modelcontextprotocol/x':3}}} "
	  "meta={'io.modelcontextprotocol':1,'io.modelcontext\\u0070rotocoL/':2,'x':"
	  "{'io.modelcontextprotocol/x':3}}" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','params':'name'}",
	  "request id=1 method='m' params='name'" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','params':{'_meta':[{'io.modelcontextprotocol/"
	  "':1}]}}",
	  "request id=1 method='m' params={'_meta':[{'io.modelcontextprotocol/':1}]} "
	  "meta=[{'io.modelcontextprotocol/':1}]" },
	/* results */
	{ "{'jsonrpc':'2.0','id':1,'result':{'content':[{'isError':true}],'isError':true}}",
	  "response id=1 result={'content':[{'isError':true}],'isError':true} isError" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'isError':false,'content':[]}}",
	  "response id=1 result={'isError':false,'content':[]}" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'isError':'true'}}",
	  "response id=1 result={'isError':'true'}" },
	{ "{'jsonrpc':'2.0','id':1,'result':[true]}", "response id=1 result=[true]" },
	/* a response's _meta is the result's, whatever else it brings */
	{ "{'jsonrpc':'2.0','id':1,'result':{'_meta':{'a':1}},'params':{'_meta':{'b':2}}}",
	  "response id=1 params={'_meta':{'b':2}} result={'_meta':{'a':1}} meta={'a':1}" },
	/* of equal keys the last counts, with all in it */
	{ "{'jsonrpc':'2.0','id':1,'id':2,'method':'a','method':'b'}",
	  "request id=2 method='b' dup" },
	{ "{'jsonrpc':'1.0','jsonrpc':'2.0','id':1,'method':'a'}", "request id=1 method='a' dup" },
	{ "{'jsonrpc':'2.0','jsonrpc':'1.0','id':1,'method':'a'}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'a','arguments':{},"
	  "'_meta':{'io.modelcontextprotocol/x':1}},'params':{'uri':'u','uri':'v'}}",
	  "request id=1 method='tools/call' params={'uri':'u','uri':'v'} uri='v' dup" },
	{ "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'a','n\\u0061me':'b'}}",
	  "request id=1 method='tools/call' params={'name':'a','n\\u0061me':'b'} name='b' dup" },
	{ "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'a'},'p\\u0061rams':5}",
	  "request id=1 method='tools/call' params=5 dup" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'isError':true,'_meta':{}},'result':{}}",
	  "response id=1 result={} dup" },
	{ "{'jsonrpc':'2.0','id':1,'result':{'isError':true,'isError':0}}",
	  "response id=1 result={'isError':true,'isError':0} dup" },
	/* keys that only look like ours */
	{ "{'jsonrpc':'2.0','id':1,'method':'m','Params':{'name':'a'},'param':1,'paramss':2}",
	  "request id=1 method='m'" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','params':{'name\\u0000':'a'}}",
	  "request id=1 method='m' params={'name\\u0000':'a'} nul" },
	/* strings that hold what ends things */
	{ "{'jsonrpc':'2.0','id':'\\\\','method':'a\\'b','params':{'x':'\\\\\\'}]','name':'"
	  "\\\\\\\\'}}",
	  "request id='\\\\' method='a\\'b' params={'x':'\\\\\\'}]','name':'\\\\\\\\'} "
	  "name='\\\\\\\\'" },
	{ "{'a':'{[','jsonrpc':'2.0','b':[']}',{'c':[[]]}],'id':1,'method':'m'}",
	  "request id=1 method='m'" },
	/* escapes do not hide the protocol */
	{ "{'\\u006asonrpc':'2\\u002e0','\\u0069d':1,'m\\u0065thod':'m'}",
	  "request id=1 method='m'" },
	/* JSON that is no message */
	{ "{}", "EPROTO" },
	{ "5", "EPROTO" },
	{ "'{}'", "EPROTO" },
	{ "[{'jsonrpc':'2.0','id':1,'method':'m'}]", "EPROTO" },
	{ "{'id':1,'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':2.0,'id':1,'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':'2','id':1,'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':'2.00','id':1,'method':'m'}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':1}", "EPROTO" },
	{ "{'jsonrpc':'2.0','result':{}}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':1,'method':5}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','result':1}", "EPROTO" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','error':{}}", "EPROTO" },
	/* no JSON */
	{ "", "EBADMSG" },
	{ "   ", "EBADMSG" },
	{ "Content-Length: 5", "EBADMSG" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m'", "EBADMSG" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m'}x", "EBADMSG" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m',}", "EBADMSG" },
	{ "{'jsonrpc':'2.0','id':1,'method':'m','x':[}]}", "EBADMSG" },
	{ "{'jsonrpc':'2.0','id':01,'method':'m'}", "EBADMSG" },
	{ "\xef\xbb\xbf{'jsonrpc':'2.0','id':1,'method':'m'}", "EBADMSG" },
};

static void messages(void **state)
{
	struct test_guard g;
	struct mw_buf out;

	test_guard_init(&g, 4096);
	mw_buf_init(&out, &test_alloc, 1 << 16);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *in = quoted(cases[i].in), *want = quoted(cases[i].out);
		struct mw_slice text = mw_slice_str(in);

		describe(test_guard_copy(&g, text), &out);
		assert_buf_equal(&out, want);
		/* cut anywhere it is no message, and nothing beyond the cut is read */
		if (strncmp(want, "E", 1) != 0)
			for (size_t n = 0; n <= (size_t)(strrchr(in, '}') - in); n++) {
				describe(test_guard_copy(&g, mw_slice(text.p, n)), &out);
				assert_buf_equal(&out, "EBADMSG");
			}
		/* any byte changed: whatever it is then, nothing is read outside */
		for (size_t n = 0; n < text.n; n++) {
			static const char put[] = "\"\\{}[],:\0 1";

			for (size_t k = 0; k < sizeof(put) - 1; k++) {
				char was = in[n];

				in[n] = put[k];
				describe(test_guard_copy(&g, text), &out);
				in[n] = was;
			}
		}
		free(in);
		free(want);
	}
	mw_buf_done(&out);
	test_guard_done(&g);
	assert_int_equal(test_alloc_live(), 0);
}

static void too_deep(void **state)
{
	char text[2 * MW_JSON_DEPTH_MAX + 100];
	struct mw_rpc m;
	size_t off = 0;

	for (size_t n = MW_JSON_DEPTH_MAX - 2; n <= MW_JSON_DEPTH_MAX; n++) {
		char open[MW_JSON_DEPTH_MAX + 1], shut[MW_JSON_DEPTH_MAX + 1];
		int r;

		memset(open, '[', n);
		memset(shut, ']', n);
		open[n] = shut[n] = 0;
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s%s}", open,
			 shut);
		r = mw_rpc_parse(mw_slice_str(text), &m, &off);
		if (n < MW_JSON_DEPTH_MAX)
			assert_int_equal(r, 0);
		else
			assert_int_equal(r, -E2BIG);
	}
	assert_int_equal(off, strlen("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":") +
				  MW_JSON_DEPTH_MAX - 1);
	assert_int_equal(mw_rpc_parse(mw_slice(NULL, 0), &m, NULL), -EBADMSG);
}

/* --- batches --------------------------------------------------------------------------- */

static void batch(const char *in, const char *want)
{
	struct mw_slice text, el;
	struct mw_buf out;
	struct test_guard g;
	size_t pos = 0;
	int r;

	test_guard_init(&g, 4096);
	mw_buf_init(&out, &test_alloc, 4096);
	mw_buf_reserve(&out, 1);
	text = test_guard_copy(&g, mw_slice_str(in));
	while ((r = mw_rpc_batch_next(text, &pos, &el)) == 1) {
		assert_true(el.p > text.p && el.p + el.n <= text.p + text.n);
		mw_buf_append_byte(&out, '|');
		mw_buf_append(&out, el.p, el.n);
	}
	assert_int_equal(mw_rpc_batch_next(text, &pos, &el), r);
	mw_buf_append_str(&out, r == 0 ? "." : r == -EBADMSG ? "!" : "?");
	assert_buf_equal(&out, want);
	mw_buf_done(&out);
	test_guard_done(&g);
}

static void batches(void **state)
{
	batch("[]", ".");
	batch(" [ \n] ", ".");
	batch("[1]", "|1.");
	batch("[ {\"a\":[1,2]} , {\"b\":\"],[\"} ,3, \"x\\\"\" ]",
	      "|{\"a\":[1,2]}|{\"b\":\"],[\"}|3|\"x\\\"\".");
	batch("[[],[[]],null,true]", "|[]|[[]]|null|true.");
	batch("", "!");
	batch("  ", "!");
	batch("{}", "!");
	batch("[", "!");
	batch("[1", "|1!");
	batch("[,", "!");
	batch("[1,", "|1!");
	batch("[1,]", "|1!");
	batch("[1 2]", "|1!");
	batch("[{\"a\":", "!");
	batch("[\"a", "!");
	batch("[\"a\\\"", "!");
	batch("[}", "!");
	assert_true(mw_rpc_is_batch(MW_SLICE_LIT(" \r\n\t[")));
	assert_false(mw_rpc_is_batch(MW_SLICE_LIT(" {[")));
	assert_false(mw_rpc_is_batch(MW_SLICE_LIT("  ")));
	assert_false(mw_rpc_is_batch(mw_slice(NULL, 0)));
}

/* --- methods --------------------------------------------------------------------------- */

static void senders(void **state)
{
	static const char *const client[] = {
		"initialize",
		"notifications/initialized",
		"tools/list",
		"tools/call",
		"resources/list",
		"resources/read",
		"resources/templates/list",
		"resources/subscribe",
		"resources/unsubscribe",
		"prompts/list",
		"prompts/get",
		"completion/complete",
		"logging/setLevel",
		"notifications/roots/list_changed",
		"server/discover",
		"subscriptions/listen",
	};
	static const char *const server[] = {
		"roots/list",
		"sampling/createMessage",
		"elicitation/create",
		"notifications/message",
		"notifications/tools/list_changed",
		"notifications/prompts/list_changed",
		"notifications/resources/list_changed",
		"notifications/resources/updated",
		"notifications/elicitation/complete",
		"notifications/subscriptions/acknowledged",
	};
	static const char *const either[] = {
		"ping",
		"notifications/cancelled",
		"notifications/progress",
		"tasks/get",
		"tasks/result",
		"tasks/list",
		"tasks/cancel",
		"tasks/update",
		"notifications/tasks/status",
	};
	static const char *const unknown[] = {
		"",
		"x",
		"Initialize",
		"tools",
		"tools/",
		"tools/callx",
		"tool/call",
		"textDocument/hover",
		"notifications/",
		"rpc.discover",
	};
	static const struct {
		const char *const *names;
		size_t n;
		enum mw_rpc_sender sender;
	} all[] = {
		{ client, sizeof(client) / sizeof(*client), MW_RPC_SENDER_CLIENT },
		{ server, sizeof(server) / sizeof(*server), MW_RPC_SENDER_SERVER },
		{ either, sizeof(either) / sizeof(*either), MW_RPC_SENDER_EITHER },
		{ unknown, sizeof(unknown) / sizeof(*unknown), MW_RPC_SENDER_UNKNOWN },
	};
	char raw[128];

	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < all[k].n; i++) {
			snprintf(raw, sizeof(raw), "\"%s\"", all[k].names[i]);
			assert_int_equal(mw_rpc_method_sender(mw_slice_str(raw)), all[k].sender);
		}
	/* PHP escapes slashes */
	assert_int_equal(mw_rpc_method_sender(MW_SLICE_LIT("\"tools\\/call\"")),
			 MW_RPC_SENDER_CLIENT);
	assert_int_equal(mw_rpc_method_sender(MW_SLICE_LIT("\"\\u0070\\u0069\\u006E\\u0067\"")),
			 MW_RPC_SENDER_EITHER);
	assert_int_equal(mw_rpc_method_sender(MW_SLICE_LIT("\"\\u0070ingg\"")),
			 MW_RPC_SENDER_UNKNOWN);
	assert_int_equal(mw_rpc_method_sender(mw_slice(NULL, 0)), MW_RPC_SENDER_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(batches),
		cmocka_unit_test(senders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
