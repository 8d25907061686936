# SPDX-License-Identifier: Apache-2.0
"""Where secrets stand: texts that hold one, and the messages, command lines and URLs that hold the texts.

A text is made for a secret by itself (neutral: nothing near it says what it is), or under a name. A carrier makes
of a text a case: (how, in), how redact_filter is to read it.
"""

import base64
import json
import urllib.parse

from . import lookalike
from .tokens import WORDS, pick

NEUTRAL = ["text", "value", "input", "q", "query", "data", "note", "content", "message", "body", "payload", "line", "cell",
           "description", "command", "output", "item"]
TOOLS = ["read_file", "run_command", "send_message", "create_issue", "query", "fetch"]


# --- texts --------------------------------------------------------------------------------------------

def neutral(r, v):
    """A line with v in it."""
    w = lambda: r.choice(WORDS)  # noqa: E731
    return r.choice([
        lambda: v, lambda: v,
        lambda: f"please use {v} for the {w()} deployment",
        lambda: f"{w()} {w()}: {v}",
        lambda: f'const {w()} = "{v}";',
        lambda: f"{w()}('{v}')",
        lambda: f"| {w()} | `{v}` | {w()} |",
        lambda: f"2026-03-01T12:00:00Z INFO {w()} {v} done",
        lambda: f"{w()},{r.randrange(999)},{v},{w()}",
        lambda: f"INSERT INTO {w()} VALUES ({r.randrange(99)}, '{v}')",
        lambda: f"echo {v} | {w()} --stdin",
        lambda: f"# {w()}\n\n```\n{v}\n```\n",
        lambda: f"{w()}:\n  - {w()}\n  - {v}\n",
        lambda: f"<{w()}>{v}</{w()}>",
        lambda: f"X-{w().capitalize()}: {v}\r\nAccept: */*\r\n",
        lambda: f"{lookalike.sentence(r)}\n{v}\n{lookalike.sentence(r)}",
        lambda: f"({v})", lambda: f"'{v}',", lambda: f"{w()}={v}",
    ])()


def named(r, name, v):
    """A line that gives v its name."""
    flag = "--" + name.lower().replace("_", "-")
    return r.choice([
        lambda: f"{name}={v}", lambda: f"export {name}={v}", lambda: f"export {name}='{v}'", lambda: f'{name}="{v}"',
        lambda: f"{name}: {v}", lambda: f"{name}: '{v}'", lambda: f'"{name}": "{v}"', lambda: f"'{name}': '{v}',",
        lambda: f"{name} = {v}", lambda: f'{name} = "{v}"', lambda: f"{name} => '{v}'",
        lambda: f"deploy {flag} {v} {r.choice(WORDS)}", lambda: f"deploy {flag}={v}",
        lambda: f"[{r.choice(WORDS)}]\nregion = eu-west-1\n{name} = {v}\noutput = json\n",
        lambda: f"PATH=/usr/bin\nHOME=/root\n{name}={v}\nLANG=C.UTF-8\n",
        lambda: f"env:\n  - name: MODE\n    value: fast\n  {name}: {v}\n",
        lambda: f"docker run -e {name}={v} -p 8080:80 app:1.2",
    ])()


# --- carriers -----------------------------------------------------------------------------------------

def around(r, keep):
    """A member that has to stay."""
    kind = r.choice(["path", "uuid", "version", "time", "words", "host", "number"])
    text = lookalike.LOOKALIKES[kind](r)
    keep.append(text)
    return text


def some_object(r, member, keep, deep):
    o = {"path": around(r, keep)} if r.random() < 0.5 else {}
    o |= member
    if r.random() < 0.3:
        o["id"] = r.randrange(10**4)
    for _ in range(deep):
        o = r.choice([lambda: {r.choice(WORDS): o}, lambda: {"items": [o]}, lambda: {"options": o, "dry_run": False},
                      lambda: {"steps": [{"name": r.choice(WORDS)}, o]}])()
    return o


def dumps(r, value):
    return json.dumps(value, ensure_ascii=r.random() < 0.5, **r.choice([{}, {"separators": (",", ":")}, {"indent": 2}]))


def in_json(r, member, keep):
    """A member in arguments, results, errors, resources: (place, value)."""
    text = lambda: "\n".join(map(str, member.values()))  # noqa: E731
    inner = lambda: dumps(r, some_object(r, member, keep, r.randrange(2)))  # noqa: E731
    return r.choice([
        lambda: ("arguments", some_object(r, member, keep, 0)),
        lambda: ("arguments, nested", some_object(r, member, keep, r.randrange(1, 4))),
        lambda: ("array", {"rows": [[r.randrange(9), r.choice(WORDS)], some_object(r, member, keep, 0)]}),
        lambda: ("JSON in a string", {"name": r.choice(TOOLS), "payload": inner()}),
        lambda: ("structured result", {"content": [{"type": "text", "text": inner()}],
                                       "structuredContent": some_object(r, member, keep, 1), "isError": False}),
        lambda: ("result", {"content": [{"type": "text", "text": inner()}], "isError": False}),
        lambda: ("error", {"code": -32000, "message": "failed", "data": some_object(r, member, keep, 0)}),
        lambda: ("resource", {"contents": [{"uri": "file:///" + r.choice(WORDS), "mimeType": "application/json", "text": inner()}]}),
    ])()


def text_in_json(r, text, keep):
    return r.choice([
        lambda: in_json(r, {r.choice(NEUTRAL): text}, keep),
        lambda: ("result", {"content": [{"type": "text", "text": text}], "isError": False}),
        lambda: ("result", {"content": [{"type": "text", "text": around(r, keep)}, {"type": "text", "text": text}]}),
        lambda: ("error", {"code": -32603, "message": text}),
        lambda: ("resource", {"contents": [{"uri": f"file://{lookalike.path(r)}", "text": text}]}),
        lambda: ("array", {"args": [r.choice(WORDS), text, r.choice(WORDS)]}),
    ])()


def carry(r, text, keep):
    """(place, how, in) of a text."""
    pick_ = r.random()
    if pick_ < 0.12:
        return "text", "text", text
    if pick_ < 0.2 and "\0" not in text:
        return "argv", "argv", r.choice([lambda: ["sh", "-c", text], lambda: ["/usr/bin/tool", around(r, keep), text]])()
    place, value = text_in_json(r, text, keep)
    return place, "json", dumps(r, value)


def in_target(r, v, keep):
    """A request's target with v in its path, or in its query."""
    q = urllib.parse.quote(v, safe="")
    tail = f"{r.choice(WORDS)}={r.randrange(99)}"
    keep.append(tail)
    return "URL", "target", r.choice([f"/{r.choice(WORDS)}/{q}/{r.choice(WORDS)}?{tail}",
                                      f"/{r.choice(WORDS)}?{r.choice(WORDS)}={q}&{tail}"])


def encoded(r, v):
    """v behind one level of base64, alone or in a line: (text, what may not stay)."""
    raw = r.choice([v, f"{r.choice(WORDS)}: {v}", f"{v}\n"]).encode()
    b = base64.b64encode(raw).decode()
    return r.choice([b, f"echo {b} | base64 -d", f'{{"data": "{b}"}}'])


# --- texts of known programs, with a password each ---------------------------------------------------------

USERS = ["app", "admin", "deploy", "backup", "svc_report"]


def basic(r, p):
    pair = base64.b64encode(f"{r.choice(USERS)}:{p}".encode()).decode()
    return r.choice([f"Authorization: Basic {pair}", f"authorization: basic {pair}\r\nhost: example.com",
                     f"curl -H 'Authorization: Basic {pair}' https://example.com/x", f"Proxy-Authorization: Basic {pair}"]), [pair]


def bearer(r, p):
    p = pick(r, lookalike.ALNUM + "-._~+/", r.choice([20, 32, 64]))
    return r.choice([f"Authorization: Bearer {p}", f"curl -H 'Authorization: Bearer {p}' https://example.com/x",
                     f'{{"Authorization": "Bearer {p}"}}', f"requests.get(u, headers={{'Authorization': 'Bearer {p}'}})",
                     f"GET /x HTTP/1.1\r\nHost: a\r\nauthorization: bearer {p}\r\n\r\n"]), [p]


def database(r, p):
    q = urllib.parse.quote(p, safe="")
    scheme = r.choice(["postgresql", "postgres", "mysql", "mysql+pymysql", "mongodb", "mongodb+srv", "redis", "amqp", "mssql+pyodbc"])
    db = f"{r.choice(USERS)}:{q}@db-{r.randrange(9)}.internal:{r.randrange(1024, 65535)}/{r.choice(WORDS)}"
    return r.choice([f"{scheme}://{db}", f"DATABASE_URL={scheme}://{db}?sslmode=require", f"could not connect to {scheme}://{db}: timeout",
                     f"jdbc:postgresql://db-1:5432/app?user=app&password={q}", f"host=db-1 user=app password={q} dbname=app",
                     f"Server=db-1;Database=app;User Id=app;Password={q};Encrypt=true"]), [q]


def http_url(r, p):
    q = urllib.parse.quote(p, safe="")
    return r.choice([f"https://{r.choice(USERS)}:{q}@example.com/repo.git", f"git clone https://oauth2:{q}@gitlab.com/a/b.git",
                     f"https://api.example.com/v1?user=a&api_key={q}&page=2", f"wss://example.com/s?token={q}",
                     f"https://example.com/cb#access_token={q}&state=x", f"ftp://{r.choice(USERS)}:{q}@files.example.com/in"]), [q]


def netrc(r, p):
    return r.choice([f"machine api.example.com login {r.choice(USERS)} password {p}\n",
                     f"machine github.com\n  login {r.choice(USERS)}\n  password {p}\n"]), [p]


def docker_config(r, p):
    pair = base64.b64encode(f"{r.choice(USERS)}:{p}".encode()).decode()
    return json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": pair}}}, indent=r.choice([None, 4])), [pair]


def kubeconfig(r, p):
    data = base64.b64encode(("-----BEGIN RSA PRIVATE KEY-----\n" + pick(r, lookalike.ALNUM, 200)).encode()).decode()
    return r.choice([
        (f"apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    client-key-data: {data}\n", [data]),
        (f"users:\n- name: ci\n  user:\n    token: {(t := pick(r, lookalike.ALNUM, 40))}\ncurrent-context: prod\n", [t]),
        (f"users:\n- name: ci\n  user:\n    username: ci\n    password: {p}\n", [p]),
    ])


def sql(r, p):
    q = p.replace("'", "''")
    return r.choice([f"ALTER USER {r.choice(USERS)} WITH PASSWORD '{q}'", f"CREATE USER 'app'@'%' IDENTIFIED BY '{q}'",
                     f"CREATE ROLE reporting LOGIN PASSWORD '{q}' VALID UNTIL '2027-01-01'", f"SET PASSWORD FOR 'app'@'%' = '{q}'",
                     f"UPDATE users SET password = '{q}' WHERE id = 3", f"CREATE LOGIN app WITH PASSWORD = '{q}'",
                     f"ALTER USER 'root'@'localhost' IDENTIFIED WITH mysql_native_password BY '{q}'"]), [q]


def command(r, p):
    return r.choice([f"mysql -u root -p{p} inventory", f"sshpass -p {p} ssh build-3 uptime", f"curl -u {r.choice(USERS)}:{p} https://example.com/x",
                     f"PGPASSWORD={p} psql -h db-1", f"redis-cli -h db-1 -a {p} ping", f"mysqldump --password={p} app",
                     f"docker login -u app --password {p} registry.example.com",
                     f"openssl enc -aes-256-cbc -pass pass:{p} -in a", f"wget --http-password={p} https://example.com/",
                     f"unzip -P {p} a.zip", f"kubectl create secret generic db --from-literal=password={p}"]), [p]


def command_place(r, p):
    """Only its place after a program's other words makes it one."""
    return r.choice([f"echo {p} | docker login -u app --password-stdin", f"htpasswd -b f user {p}", f"net use z: /user:app {p}"]), [p]


PROGRAMS = {"basic-auth": basic, "bearer": bearer, "database-url": database, "http-url": http_url, "netrc": netrc,
            "docker-config": docker_config, "kubeconfig": kubeconfig, "sql": sql, "command": command, "command-place": command_place}
