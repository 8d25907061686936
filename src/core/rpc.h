/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc.h - one JSON-RPC 2.0 message, exact bytes kept
 *
 * Source: jsonrpc.org/specification; MCP schema 2024-11-05 to 2026-07-28. Of equal keys the last
 * one counts, as in the servers; that there were several is in json_flags.
 */
#ifndef MW_CORE_RPC_H
#define MW_CORE_RPC_H

#include "base/json.h"

enum mw_rpc_kind {
	MW_RPC_REQUEST = 1,
	MW_RPC_NOTIFICATION = 2,
	MW_RPC_RESPONSE = 3, /* result or error */
};

/* All slices are raw JSON inside the text, strings with their quotes; n == 0: not there. */
struct mw_rpc {
	enum mw_rpc_kind kind;
	struct mw_slice whole; /* the object, without white space around it */
	struct mw_slice id;
	struct mw_slice method;
	struct mw_slice params;
	struct mw_slice result, error;
	/* of params */
	struct mw_slice name;	    /* params.name (tools/call, prompts/get) */
	struct mw_slice uri;	    /* params.uri (resources/ *) */
	struct mw_slice arguments;  /* params.arguments */
	struct mw_slice meta;	    /* params._meta; of a response result._meta */
	struct mw_slice request_id; /* params.requestId (notifications/cancelled) */
	/* of params, or of result: of a response */
	struct mw_slice state;	 /* requestState (2026-07-28: input_required and its repeat) */
	struct mw_slice task_id; /* taskId (tasks/ *); of a result also task.taskId */
	struct mw_slice status;	 /* status; of a result also task.status */
	bool mcp_meta;		 /* meta has a key that begins with io.modelcontextprotocol/ */
	/* of result */
	bool is_error; /* result.isError is true */
	bool is_task;  /* it has a taskId, in result.task or beside resultType "task" */
	struct mw_slice result_type; /* result.resultType */
	unsigned int json_flags;     /* MW_JSON_* of the whole text; MW_JSON_DUP for any object */
};

/*
 * One message, one object. 0 and *ret; -EBADMSG not JSON and -E2BIG too deep (ret_off: where, may
 * be NULL); -EPROTO JSON but not a JSON-RPC 2.0 message: no object (an array: see
 * mw_rpc_batch_next), no "jsonrpc":"2.0", a method that is no string, an id that is no string,
 * number or null, a method together with a result or an error, neither a method nor a result nor an
 * error, a result without an id. A request may have the id null (MCP forbids it, JSON-RPC does
 * not), an error no id (n == 0), a response a result and an error both.
 */
int mw_rpc_parse(struct mw_slice text, struct mw_rpc *ret, size_t *ret_off);

/* Whether the text begins, after white space, with '['. */
bool mw_rpc_is_batch(struct mw_slice text);
/* The elements of a batch (2025-03-26 only) one by one; *pos starts at 0. 1 and the element's
 * bytes, 0 the end, -EBADMSG. The text was checked whole before (mw_json_check); of one that was
 * not, the elements are somewhere inside it. */
int mw_rpc_batch_next(struct mw_slice text, size_t *pos, struct mw_slice *ret);

/* Who may send this method in any revision: raw method string with quotes. */
enum mw_rpc_sender {
	MW_RPC_SENDER_UNKNOWN = 0, /* not of MCP */
	MW_RPC_SENDER_CLIENT = 1,
	MW_RPC_SENDER_SERVER = 2,
	MW_RPC_SENDER_EITHER =
	    3, /* ping, notifications/cancelled, notifications/progress, tasks/ * */
};
enum mw_rpc_sender mw_rpc_method_sender(struct mw_slice method);

#endif
