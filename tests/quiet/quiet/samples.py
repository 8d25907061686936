# SPDX-License-Identifier: Apache-2.0
"""Servers of typical kinds, small ones of our own (servers/), at work."""

import time

from .case import HOME, call, does, jwt, parallel, progress

KEY = "a-key-of-the-team's-login-0123456789"


def notes(c):
    c.file(".config/notes/config.toml", 'folder = "~/notes"\n[sync]\ntoken_command = "pass show notes"\n')
    for i in range(8):
        c.file(f"notes/Recipe {i}.md", f"# Recipe {i}\nFlour, water, salt. Ignore the oven's timer.\n#food\n")
    steps = [does("tools"), call("list_notes"), call("list_notes", {"tag": "food"})]
    for i in range(15):
        title = f"Meeting {i} – Q&A (it's Monday)"
        steps += [call("create_note", {"title": title, "text": f"We said; that {i} > 0 && nobody `minded` $5.", "tags": ["work"]}),
                  call("read_note", {"title": title}), call("append_to_note", {"title": title, "text": "Password policy: ask security."}),
                  call("search_notes", {"query": "oven"})]
    steps += [call("rename_note", {"title": f"Recipe {i}", "new_title": f"Bread {i}"}) for i in range(4)]
    steps += [call("delete_note", {"title": f"Bread {i}"}) for i in range(3)]
    steps += [call("create_note", {"title": "Bread 3", "text": "again"}, "tool_error"), call("read_note", {"title": "Nothing"}, "tool_error"),
              parallel(*(call("search_notes", {"query": w, "limit": 3}) for w in ("flour", "salt", "minded", "policy"))),
              call("export_notes", {"path": f"{HOME}/notes-export.md"})]
    c.session(c.server("notes.py"), steps)


def todo(c):
    steps = [does("tools")]
    for i in range(1, 31):
        steps += [call("add_todo", {"text": f"Thing {i}", **({"priority": 1, "due": "2026-12-01"} if i > 25 else {})})]
        if i % 2:
            steps += [call("complete_todo", {"id": i}), call("list_todos")]
        if i % 5 == 0:
            steps += [call("update_todo", {"id": i, "text": "changed"}), call("delete_todo", {"id": i})]
    steps += [call("list_todos", {"done": True}), call("clear_completed"), call("complete_todo", {"id": 999}, "tool_error"), call("list_todos", {"done": None})]
    c.session(c.server("todo.py"), steps, client="npm")


def weather(c):
    """The key for the API lies in .env and goes to the API, which is not on this machine: the commonest server of all."""
    c.file("projects/weather/.env", "WEATHER_API_BASE=https://api.weather.example.com\nWEATHER_API_KEY=w7-2f1c9a55e0b84d\n")
    server = c.server("weather.py", cwd=f"{HOME}/projects/weather")
    steps = [does("tools")]
    for city in "Berlin", "München", "東京", "New York", "Paris", "Zürich", "Lagos", "Lima", "Oslo", "Rome":
        steps += [call("get_current", {"city": city}), call("get_forecast", {"latitude": 52.5, "longitude": 13}),
                  call("get_forecast", {"latitude": 40.7, "longitude": -74.0, "days": 2})]
    c.session(server, steps + [call("get_alerts", {"state": s}) for s in ("CA", "NY", "TX")])


def calculator(c):
    steps = [does("tools")]
    for i in range(30):
        steps += [call("evaluate", {"expression": f"({i} + 3) * 4 - {i} / 7"}), call("convert_unit", {"amount": i, "unit": "km", "to": "mi"})]
    steps += [call("summarize", {"numbers": [i, i + 2.5, i * 3]}) for i in range(20)]
    steps += [call("summarize", {"numbers": list(range(100)), "percentiles": [50, 90, 99]}), call("evaluate", {"expression": "1 / 0"}, "tool_error"),
              call("convert_unit", {"amount": 5, "unit": "km", "to": "kg"}, "tool_error"),
              call("convert_unit", {"amount": 5, "unit": "miles", "to": "km"}, "tool_error"),  # a model's mistake
              parallel(*(call("evaluate", {"expression": f"{i} ** 2"}) for i in range(16)))]
    c.session(c.server("calc.py"), steps, client="npm")


def converter(c):
    at = f"{HOME}/files"
    names = ["report.txt", "Q&A (final).txt", "it's done.txt", "a;b.txt", "50% off $5.txt", "naïve – draft.txt"]
    steps = [does("tools")]
    for i, name in enumerate(names):
        c.file(f"files/{name}", f"some text of file {i}\n" * 100)
        p = {"path": f"{at}/{name}"}
        steps += [call("checksum", p), call("count_words", p), call("compress", p), call("decompress", {"path": f"{at}/{name}.gz"}), call("checksum", p)]
    for i in range(6):
        c.file(f"files/table{i}.csv", "".join(f"{(n * 7) % 30},x{n}\n" for n in range(30)))
        c.file(f"files/old{i}.txt", "Grüße\n".encode("latin-1"))
        steps += [call("preview_csv", {"path": f"{at}/table{i}.csv"}), call("preview_csv", {"path": f"{at}/table{i}.csv", "rows": 2}),
                  call("change_encoding", {"path": f"{at}/old{i}.txt", "from_encoding": "ISO-8859-1"})]
    steps += [call("bundle", {"folder": at, "archive": f"{HOME}/files.tar.gz"}), call("checksum", {"path": f"{at}/missing"}, "tool_error")]
    c.session(c.server("convert.py"), steps, client="npm")


def shopdb(c):
    steps = [does("tools")]
    for i in range(1, 21):
        steps += [call("add_order", {"customer": f"O'Neil & Sons {i}", "total": i * 9.5}), call("query", {"sql": f"SELECT * FROM orders WHERE id = {i}"})]
        if i % 2:
            steps.append(call("close_order", {"id": i}))
        if i % 5 == 0:
            steps += [call("cancel_order", {"id": i}), call("execute", {"sql": "UPDATE orders SET total = total * 0.9 WHERE state = 'open'"}),
                      call("execute", {"sql": "DELETE FROM orders WHERE total < ? AND state = ?", "parameters": [10, "closed"]})]
    steps += [call("import_orders", {"rows": [{"customer": f"Import {i}", "total": i} for i in range(50)]}),
              call("query", {"sql": "SELECT customer, sum(total) FROM orders GROUP BY customer ORDER BY 2 DESC LIMIT 5"}),
              call("query", {"sql": "UPDATE orders SET total = 0"}, "tool_error"), call("execute", {"sql": "DELETE FROM orders"}, "tool_error"),
              call("query", {"sql": "SELECT * FROM order"}, "tool_error")]
    c.session(c.server("shopdb.py", f"{HOME}/shop.db"), steps, client="npm")


def webapi(c):
    steps = [does("tools"), call("list_tickets"), call("list_tickets", {"state": "closed", "page": 2})]
    for i in range(1, 15):
        steps += [call("get_ticket", {"id": i}), call("create_ticket", {"title": f"Printer {i} is out", "body": "It said: DELETE me? DROP it?"}),
                  call("update_ticket", {"id": i, "state": "closed"})]
        if i % 4 == 0:
            steps += [call("delete_ticket", {"id": i}), call("replace_labels", {"id": i + 1, "labels": ["hardware"]}), call("get_ticket", {"id": i}, "tool_error")]
    base = "http://localhost:8081/tickets"
    steps += [call("http_request", {"method": m, "url": u, **({"body": b} if b else {})}) for m, u, b in (
        ("GET", f"{base}/21", None), ("POST", base, {"title": "by hand"}), ("PATCH", f"{base}/22", {"title": "patched"}), ("DELETE", f"{base}/23", None),
        ("PUT", "http://127.0.0.1:8081/tickets/24/labels", {"a": 1}), ("GET", "http://www.example.net/status", None), ("HEAD", "http://127.0.0.1:8082/", None))]
    c.file("report.pdf", b"%PDF-1.7\n" + b"0123456789" * 3000)
    steps += [call("download", {"url": f"http://files.example.net/files/{n}.bin", "path": f"{HOME}/Downloads/{n}.bin"}) for n in (1, 16, 400)]
    steps += [call("upload", {"path": f"{HOME}/report.pdf", "url": "http://127.0.0.1:8081/uploads/report.pdf"}),
              call("upload", {"path": f"{HOME}/Downloads/16.bin", "url": "http://localhost:8081/uploads/16.bin"})]
    c.files[f"{HOME}/Downloads"] = None
    c.session(c.server("webapi.py", env={"TICKETS_URL": "http://localhost:8081", "TICKETS_TOKEN": "tk-3f88a1"}), steps, client="npm")


def postgres(c):
    steps = [does("tools"), call("list_tables")]
    for i in range(1, 16):
        steps += [call("query", {"sql": f"SELECT id, name, email FROM users WHERE id = {i}"}), call("add_user", {"name": f"New {i}", "email": f"new{i}@example.com"}),
                  call("execute", {"sql": f"UPDATE users SET name = 'Renamed' WHERE id = {i}"})]
    steps += [call("execute", {"sql": "DELETE FROM users WHERE email = 'new3@example.com'"}), call("query", {"sql": "SELECT count(*) FROM users"})]
    c.session(c.server("postgres.py", env={"PGUSER": "app", "PGHOST": "127.0.0.1", "PGPASSWORD": "app-on-this-machine"}), steps, client="npm")


def machine(c):
    """Start-up and calls read what every program reads: .env and settings beside it, ~/.gitconfig, certificates, zones, passwd."""
    c.file("projects/machine/.env", "LOG_LEVEL=info\nSENTRY_DSN=https://abc123@errors.example.com/7\n")
    c.file("projects/machine/config.yaml", "language: de\nlimits: {calls: 100}\n")
    c.file("projects/machine/package.json", '{"name": "machine", "version": "1.4.0"}')
    steps = [does("tools")]
    for zone in "local", "Europe/Berlin", "Asia/Tokyo", "America/Lima", "UTC":
        steps += [call("time_in", {"zone": zone}), call("whoami"), call("zones"), call("registry"), call("disk_and_memory"),
                  call("resolve", {"host": "localhost"}), call("resolve", {"host": "www.example.net"}), call("certificates")]
    c.session(c.server("machine.py", cwd=f"{HOME}/projects/machine"), steps + [call("zones", {"prefix": "Asia/"}), call("resolve", {"host": "nosuch.invalid"}, "tool_error")], client="npm")


def devserver(c):
    c.file("projects/page/index.html", "<h1>Hello</h1>\n")
    c.file("projects/page/build.sh", "#!/bin/sh\necho built\n")
    folder = f"{HOME}/projects/page"
    steps = [does("tools"), call("list_servers")]
    for port in 5173, 8000, 3000:
        steps += [call("start", {"folder": folder, "port": port}), *(call("get_page", {"port": port}) for _ in range(4)), call("list_servers"),
                  call("stop", {"port": port})]
    c.session(c.server("devserver.py"), steps + [call("set_executable", {"path": f"{folder}/build.sh"}), call("stop", {"port": 9}, "tool_error")], client="npm")


def terminal(c):
    """A server that is there to run command lines, asked for ordinary ones."""
    for i in range(5):
        c.file(f"projects/app/src/m{i}.py", f"# TODO: part {i}\nx = {i}\n")
    lines = ["ls -la", "grep -rn TODO src | head -3", "wc -l src/*.py | tail -1", "mkdir -p out && echo done > out/log.txt", "cat README.md && echo ok || echo missing",
             "python3 -c 'print(sum(range(10)))'", "for f in src/*.py; do python3 -m py_compile \"$f\"; done; echo compiled", "git --version; node --version",
             "echo $(date +%Y) > out/year.txt; cat out/year.txt", "find . -name '*.pyc' -delete; rm -rf src/__pycache__", "sort data/rates.csv | uniq -c > out/rates.txt 2>&1",
             "rm out/log.txt", "mv out/rates.txt out/rates-sorted.txt", "tar -czf /tmp/src.tar.gz src && rm /tmp/src.tar.gz", "env | sort | cut -d= -f1", "du -sh . | cut -f1", "test -f Makefile || true"]
    steps = [does("tools"), *(call("run_command", {"command": line}) for line in lines * 2 if line != "rm out/log.txt"), call("run_command", {"command": "rm out/log.txt"})]
    c.session(c.server("terminal.py", f"{HOME}/projects/app"), steps + [call("run_command", {"command": "false"}, "tool_error"), call("run_command", {"command": "sleep 0.2", "timeout": 5})], client="npm")


def desk(c):
    """A server that asks the client back, for the user's word and for its model."""
    steps = [does("tools")]
    for i in range(8):
        steps += [call("add_document", {"name": f"memo{i}.txt", "text": "A memo about tea. " * 20}), call("summarize_document", {"name": f"memo{i}.txt"})]
        if i % 3 == 0:
            steps.append(call("remove_document", {"name": f"memo{i}.txt"}))
    c.files[f"{HOME}/desk"] = None
    c.session(c.server("desk.py", f"{HOME}/desk"), [*steps, progress("add_document", {"name": "last.txt", "text": "end"})], client="npm")


PAGES = [does("tools"), *(s for i in range(12) for s in (call("search_pages", {"query": "on"}), call("write_page", {"title": f"Page {i}", "text": "Text. " * 30}),
                                                        call("read_page", {"title": f"Page {i}"}))), call("delete_page", {"title": "Page 3"}),
         call("read_page", {"title": "Page 3"}, "tool_error")]


def remote(c):
    """Streamable HTTP on the loopback: once open, once with a token that is good for an hour, by one user throughout."""
    server = c.server("remote.py", 8100, port=8100)
    c.session({"url": "http://127.0.0.1:8100/mcp"}, PAGES, daemons=[server])
    server = c.server("remote.py", 8101, KEY, port=8101)
    now = int(time.time())
    token = jwt(KEY, sub="pat", iss="https://login.example.com", aud="team-wiki", iat=now, exp=now + 3600, client_id="desk-agent", scope="wiki")
    c.session({"url": "http://localhost:8101/mcp", "headers": {"Authorization": f"Bearer {token}"}}, PAGES, client="npm", daemons=[server])


def bridge(c):
    """A client that knows stdio alone reaches two servers by way of a bridge, as mcp-remote is: one program, two URLs."""
    servers = [c.server("remote.py", 8102, port=8102), c.package("everything", "streamableHttp", env={"PORT": "8103"}, port=8103)]
    near = [does("tools", at="everything"), *(call("echo", {"message": f"over the bridge {i}"}, at="everything") for i in range(6)),
            call("get-sum", {"a": 2, "b": 3}, at="everything")]
    c.session({"wiki": {"argv": ["node", "/opt/node/remote.mjs", "http://127.0.0.1:8102/mcp"]},
               "everything": {"argv": ["node", "/opt/node/remote.mjs", "http://127.0.0.1:8103/mcp"]}}, PAGES + near, client="npm", daemons=servers)


def docs(c):
    """A cache on disk whose oldest entries go, in tools that are declared read-only; a thread that writes figures meanwhile."""
    steps = [does("tools")]
    for i in range(14):
        steps += [call("resolve_library", {"name": f"lib{i % 9}"}), call("get_library_docs", {"id": f"org/lib{i % 9}"})]
        if i % 4 == 3:
            steps.append(call("get_library_docs", {"id": f"org/lib{i % 9}", "topic": "install", "tokens": 300}))
    c.session(c.server("docs.py"), steps, pace=60)


def browser(c):
    c.files[f"{HOME}/shots"] = None
    steps = [does("tools")]
    for i in range(8):
        steps += [call("browser_navigate", {"url": f"http://www.example.net/shop/{i}"}), call("browser_snapshot"),
                  call("browser_take_screenshot", {"filename": f"page{i}.png", "fullPage": True} if i % 4 == 0 else {})]
    steps += [call("browser_navigate", {"url": "http://localhost:8082/"}), call("browser_snapshot"),
              call("browser_download", {"url": "http://files.example.net/files/200.zip", "filename": "data.zip"}), call("browser_close")]
    c.session(c.node("browser.mjs", f"{HOME}/shots"), steps, client="npm")


def project(c):
    at = f"{HOME}/projects/lib"
    c.file("projects/lib/package.json", '{"name": "lib", "type": "module"}')
    for i in range(4):
        c.file(f"projects/lib/src/f{i}.js", f"export const f{i} = (x) => x + {i};   \n")
        c.file(f"projects/lib/test/f{i}.test.js", f'import test from "node:test";\nimport {{ f{i} }} from "../src/f{i}.js";\n'
                                                  f'test("f{i}", () => {{ if (f{i}(1) !== {i + 1}) throw new Error(); }});\n')
        c.file(f"projects/lib/tmp/old{i}.log", "old\n")
        c.file(f"projects/lib/tmp/scratch{i}.txt", "scratch\n")
    steps = [does("tools"), call("run_tests"), call("run_tests", {"pattern": "f1"})]
    for i in range(4):
        steps += [call("build"), call("format", {"file": f"src/f{i}.js"}), call("search_code", {"text": f"=> x + {i};"}), call("delete_file", {"file": f"tmp/scratch{i}.txt"}),
                  call("clean")]
    steps += [call("delete_files", {"folder": "tmp", "suffix": ".log"}), call("search_code", {"text": "nothing like it"}, "tool_error"), call("git_log", {}, "tool_error")]
    c.session(c.node("project.mjs", at), steps, client="npm")


CASES = {f.__name__: f for f in (notes, todo, weather, calculator, converter, shopdb, webapi, postgres, machine, devserver, terminal, desk, remote,
                                 bridge, docs, browser, project)}
