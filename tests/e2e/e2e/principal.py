# SPDX-License-Identifier: Apache-2.0
"""Who called: what the kernel says of the client, and what the caller claims. Each case gets the binary and a folder
and returns problems."""

import base64
import contextlib
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from . import build, cases, matrix, secrets

TIMEOUT = 300
NOBODY = pwd.getpwnam("nobody")
CGROUP = Path("/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup")
N = 5
LOGIN = 4711  # of no user: a login id need not be one's


def part(data):
    data = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims, alg="HS256", key="k"):
    """claims: an object, or the payload's bytes. The signature is of the right form; nobody verifies it."""
    sig = "" if alg == "none" else part((key * 32).encode()[:32])
    return f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims)}.{sig}"


CLAIMS = {"iss": "https://login.example.com", "sub": "alice", "aud": "billing", "client_id": "assistant", "azp": "assistant-ui",
          "scope": "invoices:read profile", "exp": 1893456000, "iat": 1767225600, "jti": "not-of-interest"}


def told(claims):
    return {k: v for k, v in claims.items() if k in ("iss", "sub", "aud", "client_id", "azp", "scope", "exp")}


# --- a run ------------------------------------------------------------------------------------------------

def observe(binary, d, argv):
    """(problems, records) of argv and what is below it."""
    log, out, err = d / "log", d / "records.jsonl", d / "stderr"
    with open(err, "wb") as said:
        code = subprocess.run(list(map(str, [binary, "exec", "--state", "none", "--log", log, "--keys", d / "keys", "--output", out, "--", *argv])),
                              stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=TIMEOUT, cwd="/").returncode
    problems = [] if code == 0 else [f"exit status {code}: {err.read_text(errors='replace')[-400:]}"]
    return problems, [json.loads(line) for line in out.read_bytes().splitlines()]


def made(records, n, kind="call"):
    """The tool calls' records in their order, and whether there are n."""
    found = [r for r in records if r["type"] == kind and r["method"] == "tools/call"]
    return found, [] if len(found) == n else [f"{len(found)} {kind} records, {n} calls made"]


def run(binary, d, calls, args=(), env=None, headers=None):
    """A FastMCP client and server: the calls, one after the other, over HTTP once with each set of headers.
    (problems, all records, the calls' records)."""
    python, port = f"{build.prepare('py')}/bin/python", matrix.free_port()
    argv, plan = [python, str(build.HERE / "py/invoice_server.py")], {}
    if headers is not None:
        plan = {"url": f"http://127.0.0.1:{port}/mcp", "headers": headers, "port": port}
        argv += ["--port", str(port)]
    plan |= {"steps": [["call", "get_invoice", {"invoice_id": i} | c] for i, c in enumerate(calls)], "env": env, "argv": [*argv, *args]}
    (d / "plan.json").write_text(json.dumps(plan))
    problems, records = observe(binary, d, [python, build.HERE / "py/secrets_client.py", d / "plan.json"])
    found, more = made(records, len(calls) * len(headers or [0]))
    return problems + more, records, found


def never(d, *texts):
    """None of the credentials stands in what was written."""
    files = [f for f in (d / "log").rglob("*") if f.is_file()]
    return secrets.search([*files, d / "records.jsonl", d / "stderr"], {t: f"token {i}" for i, t in enumerate(texts)}, d)


def tokens(record):
    return record.get("principal", {}).get("tokens", [])


def differs(what, got, want):
    """want: what has to be; a value of None has to be missing."""
    wrong = {k: got.get(k) for k, v in want.items() if got.get(k) != v}
    return [f"{what}: {wrong}, expected {({k: want[k] for k in wrong})}"] if wrong else []


def one_token(record, where, kind, **want):
    found, what = tokens(record), f"call {record['rpc_id']}"
    if len(found) != 1:
        return [f"{what}: tokens {found}, expected one at {where}"]
    problems = differs(what, found[0], {"kind": kind, "where": where, "verified": False} | want)
    if len(found[0].get("fingerprint", "")) != 12:
        problems.append(f"{what}: no fingerprint: {found[0]}")
    return problems + [f"{what}: {k} of it" for k in found[0].keys() - want.keys() - {"kind", "where", "verified", "fingerprint"}]


# --- what is claimed --------------------------------------------------------------------------------------

def argument(binary, d):
    """A JWT in an argument of any name and depth; equal tokens are seen to be equal."""
    alice, bob = jwt(CLAIMS), jwt({"sub": "bob", "scope": "a"}, key="b")
    again = jwt(CLAIMS, key="other")  # the same claims, another token
    calls = [({"token": alice}, "args.token", alice), ({"token": bob}, "args.token", bob), ({"token": alice}, "args.token", alice),
             ({"more": {"auth": {"deep": [1, {"x": alice}]}}}, "args.more.auth.deep[1].x", alice),
             ({"more": [[[[bob]]]]}, "args.more[0][0][0][0]", bob), ({"more": {"payload": json.dumps({"t": alice})}}, None, alice),
             ({"more": {"note": f"as {alice} said"}}, None, alice), ({"token": f"Bearer {bob}"}, "args.token", bob),
             ({"token": again}, "args.token", again)]
    problems, _, found = run(binary, d, [c for c, _, _ in calls])
    prints = {}
    for r, (_, where, token) in zip(found, calls):
        claims = told(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))
        where = where or (tokens(r) or [{}])[0].get("where", "no place")  # how a place in a text is told is the record's own
        problems += one_token(r, where, "jwt", **claims)
        prints.setdefault(token, set()).update(t.get("fingerprint") for t in tokens(r))
    if any(len(p) != 1 for p in prints.values()) or len(set().union(*prints.values())) != len(prints):
        problems.append(f"fingerprints: {[sorted(map(str, p)) for p in prints.values()]}")
    return problems + never(d, alice, bob, again)


def no_token(binary, d):
    """What is none: three words with dots, a JWE's five parts, a host name, a version."""
    calls = [{"token": ""}, {"more": {"host": "a.b.c"}}, {"more": {"file": "eyJhbGciOiJub25lIn0.txt"}}, {"more": {"v": "1.22.333"}},
             {"more": {"page_token_count": 3, "max_tokens": 4096}}]
    problems, _, found = run(binary, d, calls)
    return problems + [f"call {r['rpc_id']}: tokens {tokens(r)}" for r in found if tokens(r)]


HEADERS = [  # a client's header, and what is to be told of it
    ({"Authorization": "Bearer opaque-7fK2mX9qLp4Zt8Yw"}, {"kind": "bearer", "where": "http.authorization"}),
    ({"Authorization": f"Bearer {jwt(CLAIMS)}"}, {"kind": "jwt", "where": "http.authorization"} | told(CLAIMS)),
    ({"X-API-Key": "7fK2mX9qLp4Zt8Yw3Nc"}, {"kind": "api_key", "where": "http.x-api-key"}),
    ({"Authorization": "Basic " + base64.b64encode(b"carol:Tr0ub4dor-and-3").decode()},
     {"kind": "basic", "where": "http.authorization", "sub": "carol"}),
    ({}, None),
]


def header(binary, d):
    """Over Streamable HTTP: Bearer, a key of one's own header, Basic, none."""
    problems, _, found = run(binary, d, [{}, {}], headers=[h for h, _ in HEADERS])
    prints = []
    for i, r in enumerate(found):
        want = HEADERS[i // 2][1]
        if want:
            problems += one_token(r, **want)
            prints.append(tokens(r)[0].get("fingerprint") if tokens(r) else None)
        elif tokens(r):
            problems.append(f"without a header: tokens {tokens(r)}")
    if prints[::2] != prints[1::2] or len(set(prints)) != len(HEADERS) - 1:
        problems.append(f"fingerprints of two calls with each header: {prints}")
    return problems + never(d, *(v.split(" ")[-1] for h, _ in HEADERS for v in h.values()))


def given(binary, d):
    """What the server was given, in its environment and on its command line: names and fingerprints."""
    key, flag, token = "q7Rk2vX9pLm4Zt8Yw3Nc", "Hs5Jd8Kf3Lg7Mn2Bv9Cx", jwt(CLAIMS, key="env")
    env = {"PATH": "/usr/bin:/bin", "BILLING_API_KEY": key, "SERVICE_JWT": token, "MODE": "fast", "MAX_TOKENS": "4096"}
    problems, records, found = run(binary, d, [{}, {}], env=env, args=["--api-key", flag, "--api-key-file", "/etc/key"])
    want = {"env.BILLING_API_KEY": "api_key", "env.SERVICE_JWT": "jwt", "argv.--api-key": "api_key"}
    servers = [r for r in records if r["type"] == "server" and r["event"] in ("seen", "changed")]
    for what, rs in ("calls", found), ("servers", servers[-1:]):
        for r in rs:
            got = {t["where"]: t["kind"] for t in tokens(r)}
            if got != want:
                problems.append(f"{what}: {got}, expected {want}")
            problems += [f"{what}: {t}: more than its name and fingerprint" for t in tokens(r)
                         if t.keys() - {"kind", "where", "fingerprint", "verified"} or "fingerprint" not in t]
    return problems + never(d, key, flag, token)


def hostile(binary, d):
    """Tokens that are none, or lie about what they say: the calls are recorded, and nothing is claimed for them."""
    deep = b'{"sub":' + b'{"a":' * 1000 + b"1" + b"}" * 1001
    bad = {
        "1 MiB": (jwt({"sub": "x" * (1 << 20)}), {"jwt"}), "alg none": (jwt({"sub": "mallory"}, "none"), {"jwt"}),
        "base64 broken": (jwt(CLAIMS).replace(".", ".*", 1), {"api_key"}), "padding": (f"{part({'alg': 'HS256'})}.{part(CLAIMS)}==.AAAA", {None, "jwt"}),
        "names twice": (jwt(b'{"sub":"alice","sub":"root"}'), {"jwt"}), "1000 deep": (jwt(deep), {"jwt"}),
        "not UTF-8": (jwt(b'{"sub":"al\xff\xfeice"}'), {"jwt"}), "no object": (jwt(b'["alice"]'), {"jwt"}),
        "sub a number": (jwt({"sub": 7, "iss": ["a"], "exp": "soon"}), {"jwt"}), "half JSON": (jwt(b'{"sub":"alice'), {"jwt"}),
        "escapes": (jwt(b'{"sub":"\\u001b[2J\\u0000root"}'), {"jwt"}),
    }
    # a broken one is known by its name alone
    problems, _, found = run(binary, d, [{"token": t} if kinds == {"api_key"} else {"more": {"x": t}} for t, kinds in bad.values()])
    for r, (name, (_, kinds)) in zip(found, bad.items()):
        got = {t["kind"] for t in tokens(r)} or {None}
        if not got <= kinds:
            problems.append(f"{name}: {got}, expected {kinds}")
        claims = {k for t in tokens(r) for k in t} - {"kind", "where", "fingerprint", "verified"}
        if claims and name not in ("alg none", "escapes"):
            problems.append(f"{name}: it claims {tokens(r)}")
        if r["status"] != "ok":
            problems.append(f"{name}: {r['status']}")
    return problems + never(d, *(t for t, _ in bad.values() if len(t) < 1 << 16))


# --- what the kernel says ---------------------------------------------------------------------------------

def host(before, want, parents=(), end=None):
    """before: what the client is started through; want: of its principal; parents: programs above it, from below, with
    others between them; end: what ends them."""
    def case(binary, d):
        if not shutil.which(before[0] if before else "sh"):
            raise build.Missing(f"no {before[0]}")
        d.chmod(0o777)  # for whoever the client runs as
        for name in "client.py", "server":  # where everybody can read them
            shutil.copy(build.HERE / "raw/client.py" if name == "client.py" else build.prepare("raw") / name, d / name)
        truth = cases.raw(d, [s := cases.server("raw", d / "s")], cases.one_by_one(s, ["echo"] * N))
        plan = json.loads((d / "plan.json").read_text()) | {"argvs": [[str(d / "server")]]}
        (d / "plan.json").write_text(json.dumps(plan))
        problems, records = observe(binary, d, [*before, build.PYTHON, d / "client.py", d / "plan.json", truth.out])
        for kind in "request", "call":
            found, more = made(records, N, kind)
            problems += more
            for r in found:
                problems += differs(f"{kind} {r['rpc_id']}", r["principal"], want)
        for p in (r["principal"] for r in made(records, N, "request")[0]):
            programs = [x.get("exe", "").rsplit("/", 1)[-1] for x in p.get("parents", [])]
            if [n for n in programs if n in parents] != list(parents):
                problems.append(f"parents {p.get('parents')}, expected {parents} among them")
            if end and p.get("parents_end") != end:
                problems.append(f"parents end with {p.get('parents_end')}, expected {end}: {p.get('parents')}")
        return problems
    return case


def as_login(binary, d):
    """Below a login: the login's id goes through sudo, and the parents end where it began."""
    try:
        subprocess.run(["sh", "-c", f"echo {LOGIN} >/proc/self/loginuid"], check=True, capture_output=True)
    except subprocess.CalledProcessError as e:
        raise build.Missing(f"the kernel sets no login id: {e.stderr.decode().strip()[-80:]}") from None
    login = ["sh", "-c", f'echo {LOGIN} >/proc/self/loginuid; sudo -n -u nobody "$@"; exit $?', "sh"]
    return host(login, {"uid": NOBODY.pw_uid, "user": "nobody", "loginuid": LOGIN}, ["sudo"], "login")(binary, d)


@contextlib.contextmanager
def cgroup(name):
    path = CGROUP / name
    try:
        path.mkdir(parents=True)
    except OSError as e:
        raise build.Missing(f"no cgroup can be made: {e.strerror}") from None
    try:
        yield path
    finally:
        while path != CGROUP:  # its processes may take a moment to go
            try:
                path.rmdir()
            except OSError:
                break
            path = path.parent


def in_cgroup(name, want, end, extra=()):
    def case(binary, d):
        with cgroup(name) as path:
            into = ["sh", "-c", f'echo $$ >{path}/cgroup.procs; "$@"; exit $?', "sh", *extra]
            return host(into, {"uid": 0, "user": "root", "cgroup": f"/{name}"} | want, end=end)(binary, d)
    return case


CONTAINER = "3f2a9c" + "0123456789abcdef" * 3 + "e1d7b58c24"
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY.pw_uid), "--regid", str(NOBODY.pw_gid), "--clear-groups"]
OF_NOBODY = {"uid": NOBODY.pw_uid, "gid": NOBODY.pw_gid, "user": "nobody"}

CASES = {
    "argument": argument,
    "no-token": no_token,
    "header": header,
    "given": given,
    "hostile": hostile,
    "root": host([], {"uid": 0, "gid": 0, "user": "root"}, ["mcpwatch"]),
    "user": host(AS_NOBODY, OF_NOBODY),
    "sudo": host(["sudo", "-n", "-u", "nobody"], OF_NOBODY, ["sudo"]),
    "su": host(["su", "-s", "/bin/sh", "nobody", "-c", 'exec "$0" "$@"', "--"], OF_NOBODY, ["su"]),
    "login": as_login,
    "user-namespace": host([*AS_NOBODY, "unshare", "-U", "-r"], OF_NOBODY),
    "service": in_cgroup("system.slice/e2e-billing.service", {"unit": "e2e-billing.service", "container": None}, "service"),
    "container": in_cgroup(f"docker-{CONTAINER}.scope", {"container": CONTAINER}, "service",
                           ["unshare", "-p", "-f", "-m", "--mount-proc", "-u", "-i"]),
}
CASES = {f"principal-{name}": f for name, f in CASES.items()}
