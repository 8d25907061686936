# SPDX-License-Identifier: Apache-2.0
"""What is true of one run: planned by the case, seen by the client.

A server's files lie in a folder of its own, and a file of its Nth call is named cNNNN-something: so a
path tells whose effect an action on it is.
"""

import collections
import dataclasses
import json
import re
from pathlib import Path


@dataclasses.dataclass
class Effect:
    """One effect a call must have. Targets are fnmatch patterns."""

    kind: str
    target: str
    target2: str | None = None
    result: str = "ok"
    mode: str | None = None


@dataclasses.dataclass
class Call:
    tool: str
    arguments: dict
    effects: list = dataclasses.field(default_factory=list)
    status: str = "ok"


@dataclasses.dataclass
class Request:
    """One request as the bytes at the client's end show it."""

    rpc_id: str  # raw JSON
    method: str
    arguments: dict | None
    arguments_len: int | None
    tool: str | None = None
    status: str = "no_response"
    result: object = None
    result_len: int | None = None
    call: Call | None = None  # the planned call, for tools/call
    index: int | None = None


class Server:
    """One server of a run: what it is on the host, and the calls made to it."""

    def __init__(self, argv, exe, marks, folder):
        self.argv = argv  # what the client starts
        self.exe = exe  # base name of the program that really reads and writes
        self.marks = marks  # parts of its command line; with ! in front: an argument only a wrapper has
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = {}  # members of arguments that may stand in no record
        self.calls = []
        self.requests = []
        self.lines = {}  # direction -> what passed the client's end, line by line, exact

    def path(self, name, text=None):
        """A file of the call that is added next; with text it is made now."""
        p = self.folder / f"c{len(self.calls):04}-{name}"
        if text is not None:
            p.write_text(text)
        return str(p)

    def add(self, tool, arguments, *effects, status="ok"):
        self.calls.append(Call(tool, arguments, list(effects), status))

    def owner(self, target):
        """The index of the call that an action on this target is of, or None."""
        found = re.match(re.escape(str(self.folder)) + r"/c(\d{4})-", target)
        return int(found[1]) if found else None

    def is_record(self, server):
        """Whether a server record's `server` is this process."""
        argv = server.get("argv", [])
        return (server.get("exe", "").rsplit("/", 1)[-1] == self.exe
                and all(m[1:] not in argv if m[0] == "!" else m in " ".join(argv) for m in self.marks))

    def load(self, stem):
        """Reads what passed the client's end: STEM.c2s and STEM.s2c."""
        for d in "c2s", "s2c":
            self.lines[d] = Path(f"{stem}.{d}").read_bytes().split(b"\n")[:-1]
        by_id, planned = {}, collections.defaultdict(collections.deque)
        for i, c in enumerate(self.calls):
            planned[same_call(c.tool, c.arguments)].append(i)
        for line, m in messages(self.lines["c2s"]):
            if "method" not in m or "id" not in m:
                continue
            params = m.get("params") or {}
            arguments = params.get("arguments")
            r = Request(json.dumps(m["id"]), m["method"], arguments, member_len(line, "params", "arguments"),
                        tool=params.get("name"))
            by_id[r.rpc_id] = r
            self.requests.append(r)
            if r.method == "tools/call":
                if left := planned[same_call(r.tool, arguments)]:
                    r.index = left.popleft()
                    r.call = self.calls[r.index]
        for line, m in messages(self.lines["s2c"]):
            r = by_id.get(json.dumps(m.get("id")))
            if r and ("result" in m or "error" in m):
                r.status = ("rpc_error" if "error" in m else
                            "tool_error" if isinstance(m["result"], dict) and m["result"].get("isError") else "ok")
                r.result, r.result_len = m.get("result"), member_len(line, "result")


class Truth:
    """A run: the client to start and its servers. `demand`: type of record -> how many there must be
    ("any": do not count). hostile: effects may be tied to nothing, and messages settle out of order."""

    def __init__(self, argv, out, servers, demand=None, sequential=True, hostile=False):
        self.argv, self.out, self.servers = argv, out, servers
        self.demand = {"gap": 0, "anomaly": 0} | (demand or {})
        self.sequential = sequential
        self.hostile = hostile

    def load(self):
        """Problems of the client's own run; the tool has no part in them."""
        problems = []
        for i, s in enumerate(self.servers):
            s.load(f"{self.out}.{i}")
            seen = [r for r in s.requests if r.method == "tools/call"]
            if len(seen) != len(s.calls) or any(r.call is None for r in seen):
                problems.append(f"client: {len(seen)} calls on the wire, {len(s.calls)} planned")
            problems += [f"client: {r.tool} id {r.rpc_id} is {r.status}, planned {r.call.status}"
                         for r in seen if r.call and r.status != r.call.status]
        results = Path(f"{self.out}.json")
        if results.exists():  # the SDK clients' own view
            for i, (call, r) in enumerate(zip(self.servers[0].calls, json.loads(results.read_bytes()), strict=True)):
                if r["status"] != call.status:
                    problems.append(f"client: call {i} {call.tool} returned {r}, planned {call.status}")
        return problems


def same_call(tool, arguments):
    return tool, json.dumps(arguments, sort_keys=True)


def messages(lines):
    """(line, message) of those lines that are JSON objects."""
    for line in lines:
        try:
            m = json.loads(line)
        except ValueError:
            continue
        if isinstance(m, dict):
            yield line, m


def member_len(line, *names):
    """Bytes of the raw JSON of a member, as it stands in the line; None if it is not there."""
    text = line.decode()
    decode = json.JSONDecoder().raw_decode
    for name in names:
        i, found = 1, None
        while found is None and text[i:i + 1] != "}":
            i = re.compile(r"[\s,]*").match(text, i).end()
            if text[i] == "}":
                break
            key, i = decode(text, i)
            i = re.compile(r"\s*:\s*").match(text, i).end()
            _, end = decode(text, i)
            if key == name:
                found = text[i:end]
            i = end
        if found is None:
            return None
        text = found
    return len(text.encode())
