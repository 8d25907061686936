# SPDX-License-Identifier: Apache-2.0
"""What is no secret and no personal data, and has to stay as it is."""

import base64
import datetime
import struct
import zlib

from . import pii
from .tokens import ALNUM, DIGITS, HEX, LOWER, UPPER, WORDS, base64_of, pick, some_uuid, wrapped

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TLDS = ["com", "org", "net", "io", "dev", "internal", "local", "svc.cluster.local"]
EXTENSIONS = ["py", "txt", "json", "md", "c", "yaml", "log", "csv", "tar.gz", "png"]
PACKAGES = ("requests numpy left-pad lodash @types/node @modelcontextprotocol/sdk python-dateutil typing_extensions "
            "org.apache.commons:commons-lang3 github.com/gorilla/mux react-dom pytest-asyncio libssl-dev").split()
PROSE = """The quick brown fox jumps over the lazy dog.
Please summarise the attached report and send me the three most important findings.
Meeting notes: we agreed to move the launch to next Tuesday; nobody objected.
This token is only valid for one hour, and the password has to be changed every 90 days.
The secret of good soup is time. A key insight is that most keys are lost at home.
Authentication failed because the credentials were wrong; ask your administrator to reset them.
The bearer of good news arrived late, and basic questions were left open.
Tokens per second went up by 12 %, the tokenizer's vocabulary has 128256 entries.
Use the API key from the vault, never one from a chat.
Pass the salt, then pass the ball; passing tests are better than bypassing them.
Die Zugangsdaten liegen beim Empfang, bitte dort abholen.
Le mot de passe doit contenir au moins douze caractères.""".split("\n")
SOURCE = """if (password.length < 12) throw new Error("too short");
for token in tokenize(text): counts[token] += 1
public static final int MAX_PASSWORD_LENGTH = 64;
let secretSanta = pickRandom(names);
SELECT id, name, created_at FROM users WHERE active = true ORDER BY created_at DESC LIMIT 50
UPDATE orders SET status = 'shipped' WHERE id = 48213
#include <openssl/evp.h>
export function parseAuthorizationHeader(header) { return header.split(" "); }
assert tokens == ["a", "b", "c"]
key = lambda item: item.created_at
return new Promise((resolve) => setTimeout(resolve, 1000));
void mw_buf_done(struct mw_buf *b)
git commit -m "parser: move tokens into their own module"
SELECT password_hash IS NOT NULL AS has_password FROM accounts""".split("\n")
# Expressions behind a secret's name: what stands there goes, as it cannot be told from a value.
SOURCE_NAMES = """def get_token(self, name: str) -> Token: return self.tokens[name]
const token = await getToken(request);
password = getpass.getpass("Password: ")
api_key = os.environ["API_KEY"]
token := r.Header.Get("X-Request-Id")
git commit -m "auth: check the issuer's name\"""".split("\n")
LOGS = ["INFO  [main] o.s.b.w.embedded.tomcat.TomcatWebServer - Tomcat started on port(s): 8080 (http)",
        'level=info ts=2026-03-01T12:00:00.123Z caller=main.go:42 msg="Server is ready to receive web requests."',
        "kernel: [12345.678901] usb 1-1: new high-speed USB device number 5 using xhci_hcd",
        '172.17.0.4 - - [01/Mar/2026:12:00:00 +0000] "GET /api/v1/items?page=2 HTTP/1.1" 200 5316 "-" "curl/8.5.0"',
        "sshd[1234]: Server listening on 0.0.0.0 port 22.",
        "E0301 12:00:00.000000   12345 reflector.go:138] Failed to watch *v1.Pod: unknown"]
IDENTIFIERS = ("HttpServletRequestWrapper AbstractSingletonProxyFactoryBean getUserAuthenticationTokenProvider "
               "NSURLAuthenticationChallengeSender kCFStreamSSLCertificates org.springframework.security.core.Authentication "
               "MAX_TOKENS_PER_REQUEST is_token_expired useEffectAfterPaint InternalFrameInternalFrameTitlePane "
               "test_redact_keeps_what_is_no_secret XMLHttpRequestEventTargetUploadListener").split()


def sentence(r):
    return r.choice(PROSE)


def path(r):
    parts = [r.choice(["home", "srv", "var/lib", "usr/share", "opt", "tmp"]), *r.sample(WORDS, r.randrange(1, 4))]
    return "/" + "/".join(parts) + f"/{r.choice(WORDS)}_{r.randrange(100)}.{r.choice(EXTENSIONS)}"


def temporary(r):
    """In a folder that mktemp, mkdtemp, tempfile, Go or systemd made."""
    folder = r.choice([f"{r.choice(['tmp', 'tmp', r.choice(WORDS)])}.{pick(r, ALNUM, r.choice([6, 8, 10, 10, 12, 16]))}",
                       f"{r.choice(WORDS)}-{pick(r, ALNUM, 6)}", "tmp" + pick(r, LOWER + DIGITS + "_", 8),
                       f"go-build{pick(r, DIGITS, 10)}/b001",
                       f"systemd-private-{pick(r, HEX, 32)}-{r.choice(WORDS)}.service-{pick(r, ALNUM, 6)}/tmp"])
    return r.choice(["/tmp/", "/var/tmp/", "/run/user/1000/"]) + folder + r.choice([
        "", "/s0/records.jsonl", "/id_rsa", "/notes/Report_2.txt", f"/{r.choice(WORDS)}/{r.choice(WORDS)}.{r.choice(EXTENSIONS)}"])


def time_(r):
    t = datetime.datetime.fromtimestamp(r.randrange(946684800, 1893456000), datetime.timezone.utc)
    return r.choice([t.isoformat(), t.strftime("%Y-%m-%d"), t.strftime("%d.%m.%Y"), t.strftime("%H:%M:%S"), t.strftime(
        "%Y%m%dT%H%M%SZ"), t.strftime("%a, %d %b %Y %H:%M:%S GMT"), str(int(t.timestamp())),
        str(int(t.timestamp() * 1000)), t.strftime("%m/%d/%Y"), t.strftime("%Y-%m-%d %H:%M:%S.123456")])


def version(r):
    v = ".".join(str(r.randrange(40)) for _ in range(r.choice([2, 3, 4])))
    return r.choice([v, "v" + v, f"{v}-rc.{r.randrange(9)}", f"{v}+build.{r.randrange(9999)}", f"{v}-{r.randrange(9)}ubuntu1.2",
                     f"^{v}", f">={v}"])


def digest(r):
    return r.choice(["sha256:", "", "SHA256:" if r.random() < 0.2 else "sha256-"]) + pick(r, HEX, 64)


def integrity(r):
    """Subresource integrity, as npm's lock files have it."""
    algorithm, n = r.choice([("sha512", 64), ("sha384", 48), ("sha1", 20), ("sha256", 32)])
    return f"{algorithm}-{base64_of(r, n)}"


def png(r):
    """A PNG's first bytes and what could follow."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", r.randrange(1, 999), r.randrange(1, 999), 8, 6, 0, 0, 0)
    return base64.b64encode(head + zlib.compress(r.randbytes(r.choice([60, 300, 3000])))).decode()


def image(r):
    data = r.choice([png(r), "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD" + base64_of(r, r.choice([60, 600])),
                     "R0lGODlhAQABAIAAAP" + base64_of(r, 60)])
    return r.choice([data, f"data:image/png;base64,{data}"])


def order(r):
    """Numbers that are no card's: of other lengths, or with a wrong check digit."""
    while True:
        n = r.choice([5, 6, 7, 8, 12, 13, 15, 16, 16, 16, 19])
        s = pick(r, "123456789", 1) + pick(r, DIGITS, n - 1)
        if not pii.luhn(s) and not (n == 12 and pii.verhoeff(s)):
            return r.choice([s, s, f"ORD-{s}", pii.grouped(s, [4] * 3) if n == 16 else s])


def part(r):
    """Numbers of parts, tickets and invoices that have the look of a telephone's."""
    return r.choice([f"{r.randrange(100, 999)}-{r.randrange(1000, 9999)}-{pick(r, UPPER, 2)}",
                     f"PN {r.randrange(10, 99)}.{r.randrange(1000, 9999)}.{r.randrange(10, 99)}X",
                     f"INV-{r.randrange(2020, 2027)}-{r.randrange(10**5, 10**6)}", f"JIRA-{r.randrange(10**4)}",
                     f"ISBN 978-{r.randrange(10)}-{r.randrange(100, 999)}-{r.randrange(10**4, 10**5)}-{r.randrange(10)}",
                     f"{r.randrange(1, 99)}x{r.randrange(1, 99)}x{r.randrange(1, 99)} mm", f"lines {r.randrange(99)}-{r.randrange(100, 999)}",
                     f"RFC {r.randrange(1000, 9999)}", f"0x{pick(r, HEX, r.choice([8, 12, 16]))}",
                     f"{r.randrange(90)}.{r.randrange(10**5, 10**6)},{r.randrange(180)}.{r.randrange(10**5, 10**6)}"])


def ip(r):
    v4 = ".".join(str(r.randrange(1, 255)) for _ in range(4))
    return r.choice([v4, f"{v4}:{r.randrange(1, 65536)}", f"{v4}/24", "fe80::" + ":".join(pick(r, HEX, 4) for _ in range(4)),
                     "2001:db8:" + ":".join(pick(r, HEX, 4) for _ in range(6)), "::1"])


def host(r):
    return f"{r.choice(WORDS)}-{r.randrange(99)}.{r.choice(WORDS)}.{r.choice(TLDS)}"


def url(r):
    return r.choice([f"https://{host(r)}/{r.choice(WORDS)}/{r.randrange(999)}?page={r.randrange(9)}&sort=-created_at",
                     f"http://localhost:{r.randrange(1024, 65536)}/mcp", f"https://github.com/{r.choice(WORDS)}/{r.choice(WORDS)}/pull/{r.randrange(999)}",
                     f"file://{path(r)}", f"postgres://db.{host(r)}:5432/app?sslmode=require", f"redis://{host(r)}:6379/0"])


def at_word(r):
    """An at sign that is no address's."""
    return r.choice([f"git@github.com:{r.choice(WORDS)}/{r.choice(WORDS)}.git", f"actions/checkout@v{r.randrange(1, 6)}",
                     f"lodash@{version(r).lstrip('v^>=')}", f"@{r.choice(WORDS)}/{r.choice(WORDS)}", "@Override", "@property",
                     f"{r.choice(WORDS)}@{pick(r, HEX, 12)}", f"root@{r.choice(WORDS)}:~#", f"@{r.choice(WORDS)}{r.randrange(99)} thanks"])


def image_ref(r):
    return r.choice([f"ghcr.io/{r.choice(WORDS)}/{r.choice(WORDS)}@sha256:{pick(r, HEX, 64)}", f"python:3.{r.randrange(8, 14)}-slim",
                     f"registry.{host(r)}:5000/{r.choice(WORDS)}:{version(r)}", f"docker-{pick(r, HEX, 64)}.scope"])


def trace(r):
    return r.choice([f"00-{pick(r, HEX, 32)}-{pick(r, HEX, 16)}-01", f"Root=1-{pick(r, HEX, 8)}-{pick(r, HEX, 24)}", pick(r, HEX, 32), pick(r, HEX, 16),
                     f"req_{pick(r, ALNUM, 14)}", f"arn:aws:iam::{pick(r, DIGITS, 12)}:role/{r.choice(WORDS)}"])


def public_key(r):
    body = "\n".join(wrapped("MIIDdzCCAl+gAwIBAgIE" + pick(r, ALNUM + "+/", 780)))
    kind = r.choice(["CERTIFICATE", "PUBLIC KEY"])
    return r.choice([f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----", f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{pick(r, ALNUM + '+/', 43)} build-{r.randrange(9)}",
                     f"SHA256:{base64_of(r, 32).rstrip('=')}"])


def template(r):
    """Where a secret would stand and does not."""
    return r.choice(["use ${GITHUB_TOKEN} or {{ secrets.NPM_TOKEN }}", "curl https://api.example.com/v1/items -H 'Accept: application/json'",
                     "set the variable OPENAI_API_KEY first", "git remote add origin https://github.com/org/repo.git",
                     "ssh -i ~/.ssh/id_ed25519 build-3", "see /run/secrets/db_password", "AKIA is how such ids begin, sk- others",
                     "the header is called Authorization", "mysql -u app -h db-1 inventory", "docker login registry.example.com"])


def settings(r):
    """Names that hold a secret's name, and are none's: (name, value) of a member."""
    return r.choice([("max_tokens", r.choice([256, 1024, 4096])), ("tokenizer", r.choice(["cl100k_base", "sentencepiece"])),
                     ("total_tokens", r.randrange(9999)), ("prompt_tokens", r.randrange(9999)), ("progressToken", r.randrange(99)), ("passed", True),
                     ("author", "the build"), ("key", r.choice(WORDS)), ("keyboard", "de"), ("primaryKey", "id"), ("sortKey", "created_at"),
                     ("compass", 270), ("bypass_cache", False), ("nextCursor", "page-3"), ("passport_control", "open"), ("secretary", "front desk"),
                     ("foreign_key", "order_id"), ("tokenCount", r.randrange(9999)), ("cookiecutter", "template"), ("authorized", True), ("pin_version", True)])


# class -> what makes a text
LOOKALIKES = {
    "uuid": lambda r: r.choice([some_uuid(r), some_uuid(r).upper(), "{" + some_uuid(r) + "}", f"urn:uuid:{some_uuid(r)}"]),
    "git-sha": lambda r: r.choice([pick(r, HEX, 40), pick(r, HEX, 7), pick(r, HEX, 12), f"commit {pick(r, HEX, 40)}"]),
    "digest": digest,
    "md5": lambda r: pick(r, HEX, 32),
    "image-base64": image,
    "path": path,
    "temporary": temporary,
    "version": version,
    "time": time_,
    "order-number": order,
    "part-number": part,
    "words": lambda r: " ".join(r.sample(WORDS, r.randrange(1, 7))),
    "identifier": lambda r: r.choice(IDENTIFIERS),
    "npm-integrity": integrity,
    "etag": lambda r: r.choice([f'W/"{pick(r, HEX, 10)}-{base64_of(r, 20).rstrip("=")}"', f'"{pick(r, HEX, 32)}"', f'"{pick(r, HEX, 32)}-{r.randrange(99)}"']),
    "log-line": lambda r: r.choice(LOGS),
    "source": lambda r: r.choice(SOURCE),
    "source-names": lambda r: r.choice(SOURCE_NAMES),
    "prose": sentence,
    "ip": ip,
    "mac": lambda r: r.choice([":", "-"]).join(pick(r, HEX, 2) for _ in range(6)),
    "host": host,
    "url": url,
    "package": lambda r: f"{r.choice(PACKAGES)}{r.choice(['', '==', '@', ' '])}{version(r)}",
    "at-word": at_word,
    "image-ref": image_ref,
    "ulid": lambda r: "01" + pick(r, CROCKFORD, 24),
    "trace-id": trace,
    "public-key": public_key,
    "template": template,
    "number": lambda r: r.choice([str(r.randrange(10**6)), f"{r.random():.17f}", f"{r.randrange(10**6):,}", f"{r.randrange(100)}%", f"1e{r.randrange(30)}", str(-r.randrange(10**9))]),
    "lowercase-id": lambda r: r.choice([pick(r, LOWER + DIGITS, 12), f"{r.choice(WORDS)}-{pick(r, LOWER + DIGITS, 10)}-{pick(r, LOWER + DIGITS, 5)}", f"i-0{pick(r, HEX, 16)}", f"vpc-{pick(r, HEX, 17)}"]),
}
