/* SPDX-License-Identifier: Apache-2.0 */
#include "io/trail_map.h"

#include "base/json.h"

/*
 * The names that servers in the field use. Names of Python's LogRecord that mean something else
 * (filename, pathname, args, name) are not among them.
 */
#define NAMES(...)                                                                                 \
	{                                                                                          \
		(const char *const[]){ __VA_ARGS__ },                                              \
		    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)                  \
	}

#define USUAL                                                                                      \
	[MW_TRAIL_ID] = NAMES("request_id", "requestId", "rpc_id", "mcp.request.id",               \
			      "jsonrpc.request.id", "req.id", "reqId", "extra.request_id",         \
			      "extra.requestId", "message.request_id", "message.id", "id"),        \
	[MW_TRAIL_TOOL] = NAMES("tool", "tool_name", "toolName", "mcp.tool.name",                  \
				"gen_ai.tool.name", "extra.tool", "extra.tool_name",               \
				"message.tool", "message.tool_name", "params.name"),               \
	[MW_TRAIL_ARGS] =                                                                          \
	    NAMES("arguments", "tool_args", "args", "input", "parameters", "params.arguments",     \
		  "extra.arguments", "extra.args", "message.arguments", "message.args"),           \
	[MW_TRAIL_TARGET] = NAMES("target", "targets", "target_path", "file_path", "path", "url",  \
				  "uri", "extra.target", "extra.path", "message.target"),          \
	[MW_TRAIL_OUTCOME] = NAMES("outcome", "status", "result", "success", "extra.outcome",      \
				   "extra.status", "message.outcome", "message.status"),           \
	[MW_TRAIL_FAILED] = NAMES("error", "err", "is_error", "isError", "exc_info", "exception",  \
				  "extra.error", "message.error"),                                 \
	[MW_TRAIL_USER] = NAMES("user", "user_id", "userId", "sub", "client_id", "principal",      \
				"extra.user", "message.user")

#define TIMES                                                                                      \
	[MW_TRAIL_TIME] =                                                                          \
	    NAMES("timestamp", "time", "asctime", "ts", "@timestamp", "datetime", "created", "t")

static const struct mw_trail_map presets[] = {
	{ .name = "python-json", .field = { USUAL, TIMES } },
	{ .name = "json", .field = { USUAL, TIMES } },
	{ .name = "pino", .field = { USUAL, [MW_TRAIL_TIME] = NAMES("time") } },
	{ .name = "logfmt", .logfmt = true, .field = { USUAL, TIMES } },
	{ .name = "mcpwatch",
	  .records = true,
	  .field = { [MW_TRAIL_ID] = NAMES("rpc_id"),
		     [MW_TRAIL_TOOL] = NAMES("tool"),
		     [MW_TRAIL_ARGS] = NAMES("args"),
		     [MW_TRAIL_TARGET] = NAMES("effects[].target"),
		     [MW_TRAIL_OUTCOME] = NAMES("status"),
		     [MW_TRAIL_TIME] = NAMES("begin"),
		     [MW_TRAIL_USER] = NAMES("principal.user") },
	  .only = (const struct mw_trail_only[]){ { "type", "call" },
						  { "dir", "c2s" },
						  { "method", "tools/call" } },
	  .n_only = 3 },
};

const struct mw_trail_map *mw_trail_preset(const char *name)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

static bool has(struct mw_slice line, const char *name, uint8_t first_lo, uint8_t first_hi)
{
	struct mw_slice v;

	return mw_json_member(line, name, &v, NULL) == 0 && v.n > 0 && v.p[0] >= first_lo &&
	       v.p[0] <= first_hi;
}

/* key=value, or key="..." at the front */
static bool looks_logfmt(struct mw_slice s)
{
	size_t i;

	for (i = 0; i < s.n && i < 128 && s.p[i] > ' ' && s.p[i] < 0x7f; i++)
		if (s.p[i] == '=')
			return i > 0;
		else if (s.p[i] == '"' || s.p[i] == '{')
			return false;
	return false;
}

const struct mw_trail_map *mw_trail_guess(struct mw_slice line)
{
	if (line.n == 0 || line.p[0] != '{')
		return looks_logfmt(line) ? mw_trail_preset("logfmt") : NULL;
	if (has(line, "v", '1', '9') && has(line, "seq", '0', '9') &&
	    has(line, "boot_ns", '0', '9'))
		return mw_trail_preset("mcpwatch");
	if (has(line, "level", '0', '9') && has(line, "time", '0', '9') &&
	    has(line, "pid", '0', '9'))
		return mw_trail_preset("pino");
	return mw_trail_preset("python-json");
}
