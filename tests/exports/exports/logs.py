# SPDX-License-Identifier: Apache-2.0
"""The logs that are exported: a file of records with all kinds of calls, hostile ones, a sealed log, a tampered one."""

import functools
import json
import os
import shutil
import subprocess

HOST = "host.example"
T0 = 1795259847_000000000  # 2026-11-21T11:17:27Z


class Skip(Exception):
    """What the case needs is not here."""


def stamp(ns):
    import datetime

    second = datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


class Records:
    """Lines of records, as the daemon writes them; what is raw stays as it is."""

    def __init__(self):
        self.lines = []

    def add(self, at, type_, /, raw="", **members):
        """`at`: ns behind T0. Its seq."""
        seq = len(self.lines)
        head = {"v": 1, "seq": seq, "time": stamp(T0 + at), "boot_ns": at, "host": HOST, "type": type_}
        line = json.dumps(head | members, ensure_ascii=False, separators=(",", ":"))
        if isinstance(raw, str):
            raw = raw.encode()
        self.lines.append(line.encode()[:-1] + (b"," + raw if raw else b"") + b"}")
        return seq


def server(i, name=None, pid=None):
    return {"id": f"s1-{i}", "key": f"/usr/bin/server{i} uid=0", **({"name": name} if name else {}),
            "pid": pid or 3000 + i}


CLIENT = {"name": "agent", "pid": 200, "exe": "/usr/bin/agent"}
PRINCIPAL = {"uid": 1000, "gid": 1000, "user": "alice"}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

# Texts that somebody may have put where a reader of an export meets them.
HOSTILE = [
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\u202egnp.exe",
    "a\u2028b\u2029c\u0085d", "a\x00b\x1b[31mc\r\nd\te", "\x0b\x0c\x1c\x1d\x1e", "\\\"}],{\"message\":\"x\"}", "\U0001f600\uffff",
    "x" * 5000, "\u00e9" * 1500, "",
]


def file_records():
    """Overlapping calls of two servers of one pid, all kinds of effects, alerts, gaps, a call with its context."""
    r = Records()
    a, b = server(1, "files"), server(2, "web", pid=3001)
    r.add(0, "daemon", event="start", version="0.1.0")
    r.add(1, "server", event="seen", server=server(1), client=CLIENT, principal=PRINCIPAL, transport="stdio")
    for i, s in enumerate([a, b]):
        r.add(10 + i, "effect", kind="file.open", target=f"/etc/start{i}", target_from="kernel", mode="r", result="ok",
              pid=s["pid"], tid=s["pid"], exe="/usr/bin/x", server=s, link="none", confidence="none", basis="kernel")
    # overlap that no stack can hold: 0 [100, 400], 1 [200, 500], 2 [300, 350], 3 behind them
    spans = [(100, 400), (200, 500), (300, 350), (600, 700)]
    kinds = [("file.open", "/data/in", "r", {}), ("file.delete", "/data/old", None, {}),
             ("proc.exec", "/bin/gzip", None, {"argv": ["gzip", "-f", "x"]}),
             ("net.connect", "192.0.2.7:443", None, {"name": "api.example"}),
             ("net.connect", "[2001:db8::1]:8080", None, {}), ("file.rename", "/data/a", None, {"target2": "/data/b"}),
             ("net.http", "192.0.2.7:443", None, {"verb": "GET", "object": "https://api.example/x"}),
             ("db.statement", "pg:127.0.0.1:5432", None, {"verb": "select", "object": "users"}),
             ("net.dns", "api.example", None, {"verb": "A", "object": "192.0.2.7"}), ("proc.exit", "/bin/gzip", None, {"code": 3}),
             ("file.mkdir", "/data/new", None, {}), ("net.listen", "0.0.0.0:80", None, {}), ("kernel.bpf", None, None, {}),
             ("net.accept", "198.51.100.3:5000", None, {}), ("file.chmod", "/data/x", None, {"mode": "0777"}),
             ("file.close", "/data/in", None, {"bytes_r": 5, "bytes_w": 0})]
    events = sorted([(b_, 0, i) for i, (b_, _) in enumerate(spans)] + [(e, 2, i) for i, (_, e) in enumerate(spans)] +
                    [(spans[i % 4][0] + 1 + i % 7, 1, (i % 4, k)) for i, k in enumerate(kinds)], key=lambda x: x[:2])
    seqs = {i: [] for i in range(4)}
    for at, what, which in events:
        at *= 1000_000
        i = which[0] if what == 1 else which
        s = b if i == 1 else a
        if what == 0:
            args = {"path": f"/data/{i}"} | ({"_meta": {"traceparent": TRACEPARENT}} if i == 3 else {})
            r.add(at, "request", call=f"c1-{i}", dir="c2s", server=s, client=CLIENT, session="x1-1", transport="stdio",
                  rpc_id=f'"r{i}"' if i else "7", method="tools/call", tool=f"tool{i}", args=args, begin=stamp(T0 + at),
                  principal=PRINCIPAL)
        elif what == 1:
            kind, target, mode, more = which[1]
            seqs[i].append(r.add(at, "effect", kind=kind, **({"target": target, "target_from": "kernel"} if target else {}),
                                 **({"mode": mode} if mode else {}), result="ENOENT" if kind == "file.delete" else "ok",
                                 pid=3001, tid=3002, exe="/usr/bin/python3.11", dev="8:1", ino=77, **more, server=s,
                                 call=f"c1-{i}", link="sole", confidence="likely", basis="kernel", why="it was the only one"))
        else:
            status = ["ok", "tool_error", "rpc_error", "ok"][i]
            error = {"error": {"code": -32602, "message": "no such \u2028thing"}} if i == 2 else {}
            r.add(at, "call", call=f"c1-{i}", dir="c2s", server=s, client=CLIENT, principal=PRINCIPAL, session="x1-1",
                  transport="http" if i == 1 else "stdio", **({"http": {"method": "POST", "path": "/mcp", "status": 200}} if i == 1 else {}),
                  rpc_id=f'"r{i}"' if i else "7", method="tools/call", tool=f"tool{i}",
                  args={"path": f"/data/{i}"} | ({"_meta": {"traceparent": TRACEPARENT}} if i == 3 else {}), args_bytes=17,
                  status=status, **error, result={"content": [{"type": "text", "text": "done"}]}, result_bytes=40,
                  begin=stamp(T0 + spans[i][0] * 1000_000), end=stamp(T0 + at), elapsed_ms=(at - spans[i][0] * 1000_000) / 1e6,
                  effects=[{"kind": "file.open", "seqs": seqs[i], "n": len(seqs[i]), "link": "sole", "confidence": "likely"}],
                  effects_n=len(seqs[i]), evidence="complete", **({"trace": TRACEPARENT} if i == 3 else {}))
    at = 800_000_000
    r.add(at, "alert", rule="secret-read", severity="high", title="a key was read", calls=["c1-0", "c1-3"], effects=seqs[0],
          server=a, tool="tool0", principal=PRINCIPAL, targets=["/data/in"], count=2, tags=["exfiltration"])
    r.add(at + 1, "alert", rule="burst", severity="critical")
    r.add(at + 2, "gap", reason="events_lost", where="ring", events=3, **{"from": stamp(T0 + 150_000_000)},
          to=stamp(T0 + 450_000_000), server=a)
    r.add(at + 3, "gap", reason="no_memory", **{"from": stamp(T0 + 200_000_000)}, to=stamp(T0 + 900_000_000), server=a)
    r.add(at + 4, "anomaly", what="bad bytes", where="stdout", server=b, call="c1-1")
    r.add(at + 5, "notice", server=a, dir="s2c", method="notifications/progress", params={"progress": 1})
    r.add(at + 6, "tool", server=a, tool="tool0", definition={"name": "tool0"}, hash="0" * 64)
    r.add(at + 7, "body", call="c1-0", what="args", part=1, of=1, text="x" * 40000)
    r.add(at + 8, "ties", call="c1-0", part=1, of=1, effects=[])
    r.add(at + 9, "seal", epoch=1, next_vkey="k", counts={}, reason="time")
    r.add(at + 10, "later_kind", note="of a later version")
    return r


def hostile_records():
    r = Records()
    for i, text in enumerate(HOSTILE):
        s = {"id": f"s9-{i}", "name": text or "empty", "key": text or "k", "pid": 4000 + i}
        at = i * 1000_000
        seq = r.add(at + 2, "effect", kind="file.open", target=text or "/", target_from="string", mode="r", result="ok", pid=9,
                    exe=text or "/x", argv=[text], server=s, call=f"c9-{i}", link="sole", confidence="likely", why=text or "w")
        r.add(at + 10, "call", call=f"c9-{i}", dir="c2s", server=s, client={"name": text or "c"}, session="x9", rpc_id='"' + "a" * 300 + '"',
              method="tools/call", tool=text or "t", args={"k": text, text: [text]}, status="tool_error", error={"code": text, "message": text},
              result=[text], begin=stamp(T0 + at), end=stamp(T0 + at + 5), effects=[{"kind": "file.open", "seqs": [seq, -1, "x", 2**70]}],
              effects_n=2**60, evidence="complete", trace=text or "t", elapsed_ms=1)
        r.add(at + 20, "alert", rule=text or "r", severity=text or "s", title=text or "t", calls=[text], targets=[text], effects=[seq])
        r.add(at + 30, "notice", server=s, dir="c2s", method=text or "m", params={"x": text})
    deep = "[" * 500 + "]" * 500
    r.add(99_000_000, "call", raw=f'"call":"c9-deep","dir":"c2s","method":"tools/call","status":"ok","evidence":"complete","args":{deep},'
          '"result":"\\ud800 lone \\udc00\\ud83d\\ude00","tool":"\\ud800"')
    # of the wrong kinds
    r.add(99_000_001, "call", call=5, dir=[], server=[], client=7, method={}, status=None, begin="not a time", end={}, effects={"seqs": 1}, args=1)
    r.add(99_000_002, "effect", kind=7, target={}, server="x", pid="y", call=[], link=3, candidates={})
    r.add(99_000_003, "alert", rule=[], severity={}, calls="x", effects=7)
    r.add(99_000_004, "gap", **{"from": stamp(T0 + 5), "to": stamp(T0)}, reason=7)
    return r


class Logs:
    def __init__(self, binary, top):
        self.binary, self.top = binary, top

    def write(self, name, records):
        path = self.top / name
        path.write_bytes(b"".join(line + b"\n" for line in records.lines))
        return path

    @functools.cached_property
    def plain(self):
        return self.write("plain.records", file_records())

    @functools.cached_property
    def hostile(self):
        return self.write("hostile.records", hostile_records())

    @functools.cached_property
    def empty(self):
        return self.write("empty.records", Records())

    @functools.cached_property
    def sealed(self):
        make, log = self.binary.parent / "log/make_log", self.top / "sealed"
        if not make.exists():
            raise Skip("no make_log: make log-build")
        subprocess.run([make, log, self.top / "keys", "400", "7", "stop", "0"], check=True, capture_output=True)
        return log

    @functools.cached_property
    def tampered(self):
        log = self.top / "tampered"
        shutil.copytree(self.sealed, log)
        segment = next((log / "seg").iterdir())
        data = segment.read_bytes()
        at = data.index(b"file-1.c")
        segment.write_bytes(data[:at] + b"file-9.c" + data[at + 8:])
        return log

    def export(self, form, log, *options, want=0, suffix=".jsonl"):
        """The file, and what was said."""
        out = self.top / f"{log.name}-{form}-{len(options)}{suffix}"
        run = subprocess.run([self.binary, "timeline", "--format", form, "--log", log, "-o", out, *options],
                             capture_output=True, text=True, env=os.environ | {"TZ": "UTC"})
        assert run.returncode == want, f"exit status {run.returncode}, not {want}: {run.stderr}"
        return out
