# SPDX-License-Identifier: Apache-2.0
"""The published reference servers, at work: each case fills in a Case."""

from .case import HOME, PY, PY1, call, does, parallel, progress

SITE = f"{HOME}/projects/site"


def filesystem(c):
    """A project's folder is given as argument, as every guide shows it."""
    for i in range(12):
        c.file(f"projects/site/pages/page{i}.md", f"# Page {i}\n\nSome text about the {i}th thing.  TODO: write more.\n")
    c.file("projects/site/README.md", "# Site\nBuilt by hand. Pages are in pages/.\n")
    c.file("projects/site/logo.png", bytes(range(256)) * 40)
    steps = [does("tools"), call("list_allowed_directories"), call("list_directory", {"path": SITE}), call("directory_tree", {"path": SITE})]
    for i in range(12):
        page = f"{SITE}/pages/page{i}.md"
        steps += [call("read_text_file", {"path": page}),
                  call("edit_file", {"path": page, "edits": [{"oldText": "TODO: write more.", "newText": "More was written."}]}),
                  call("get_file_info", {"path": page})]
    for i in range(10):
        steps += [call("write_file", {"path": f"{SITE}/draft{i}.md", "content": f"# Draft {i}\n\nIt's new & \"quoted\"; 100% `code` $HOME\n"})]
    steps += [parallel(*(call("read_text_file", {"path": f"{SITE}/draft{i}.md", **({"head": 1} if i % 2 else {})}) for i in range(8))),
              call("create_directory", {"path": f"{SITE}/archive/2026"}), call("read_media_file", {"path": f"{SITE}/logo.png"})]
    steps += [call("move_file", {"source": f"{SITE}/draft{i}.md", "destination": f"{SITE}/archive/2026/draft{i}.md"}) for i in range(8)]
    steps += [call("search_files", {"path": SITE, "pattern": "**/*.md", "excludePatterns": ["archive"]}),
              call("read_multiple_files", {"paths": [f"{SITE}/README.md", f"{SITE}/archive/2026/draft1.md"]}),
              call("list_directory_with_sizes", {"path": SITE, "sortBy": "size"}),
              call("read_text_file", {"path": f"{SITE}/no-such-page.md"}, "tool_error"),
              call("edit_file", {"path": f"{SITE}/README.md", "edits": [{"oldText": "by hand", "newText": "with care"}], "dryRun": True})]
    c.session(c.package("filesystem", SITE), steps)


def filesystem_roots(c):
    """The client says which folders are open, by its roots; a second agent's run of the same server."""
    c.file("Documents/2026/budget.csv", "month,sum\n1,200\n2,180\n")
    docs = f"{HOME}/Documents"
    steps = [does("tools"), *(call("list_directory", {"path": f"{docs}/2026"}) for _ in range(3))]
    for i in range(20):
        steps += [call("write_file", {"path": f"{docs}/2026/week{i}.txt", "content": "Plan of the week.\n" * 3}),
                  call("read_text_file", {"path": f"{docs}/2026/week{i}.txt"})]
    steps += [call("read_text_file", {"path": f"{docs}/contract.txt", "tail": 3}), call("read_text_file", {"path": f"{docs}/2026/budget.csv"})]
    c.session(c.package("filesystem", docs), steps, client="npm", roots=[docs])
    c.again()
    c.session(c.package("filesystem", docs), steps[:8], client="npm", roots=[docs])


def memory(c):
    entity = lambda i: {"name": f"Person {i}", "entityType": "person", "observations": [f"Likes tea no. {i}", "Works from home"]}  # noqa: E731
    server = c.package("memory", env={"MEMORY_FILE_PATH": f"{HOME}/.local/share/memory.jsonl"})
    c.file(".local/share/.keep", "")
    steps = [does("tools"), call("read_graph")]
    for i in range(15):
        steps += [call("create_entities", {"entities": [entity(i)]}),
                  call("add_observations", {"observations": [{"entityName": f"Person {i}", "contents": [f"Met on day {i} 🙂", "Speaks français"]}]}),
                  call("search_nodes", {"query": f"tea no. {i}"})]
        if i:
            steps.append(call("create_relations", {"relations": [{"from": f"Person {i}", "to": f"Person {i - 1}", "relationType": "knows"}]}))
    steps += [call("open_nodes", {"names": ["Person 1", "Person 2"]}),
              call("delete_observations", {"deletions": [{"entityName": "Person 1", "observations": ["Works from home"]}]}),
              call("delete_relations", {"relations": [{"from": "Person 3", "to": "Person 2", "relationType": "knows"}]}),
              call("delete_entities", {"entityNames": ["Person 14"]}),
              parallel(*(call("search_nodes", {"query": f"Person {i}"}) for i in range(10))), call("read_graph")]
    c.session(server, steps, client="npm")
    c.again()  # the same server started anew, for another session
    c.session(server, [does("tools"), call("read_graph"), call("open_nodes", {"names": ["Person 5"]}),
                       call("delete_entities", {"entityNames": ["Person 13"]})], client="npm")


def thinking(c):
    steps = [does("tools")]
    for i in range(1, 26):
        steps.append(call("sequentialthinking", {
            "thought": f"Step {i}: always check the assumption first; if it does not hold, ignore the previous idea and begin again.",
            "thoughtNumber": i, "totalThoughts": 25, "nextThoughtNeeded": i < 25,
            **({"isRevision": True, "revisesThought": i - 3} if i % 9 == 0 else {})}))
    c.session(c.package("sequential-thinking"), steps, client="npm")


EVERYTHING = [does("tools"), *(call("echo", {"message": f"Hello {i}, grüße, 日本 🎉"}) for i in range(25)),
              *(call("get-sum", {"a": i, "b": i / 2}) for i in range(25)), call("get-tiny-image"),
              call("get-annotated-message", {"messageType": "error", "includeImage": True}), call("get-annotated-message", {"messageType": "success"}),
              call("get-structured-content", {"location": "Chicago"}), call("get-resource-links", {"count": 4}),
              call("get-resource-reference", {"resourceType": "Text", "resourceId": 2}),
              parallel(*(call("echo", {"message": f"side by side {i}"}) for i in range(12))), progress("trigger-long-running-operation", {"duration": 0.4, "steps": 4}),
              does("ping"), does("resources"), does("read", "demo://resource/dynamic/text/1"), does("prompts"),
              does("prompt", "args-prompt", {"city": "Zürich"})]


def everything(c):
    """What the protocol has, used as it is meant: sampling and elicitation by a client that offers them."""
    asked = [step for i in range(3) for step in (call("trigger-sampling-request", {"prompt": f"Write a line about lake {i}.", "maxTokens": 50}),
                                                 call("trigger-elicitation-request"))] + [call("get-roots-list")]
    c.session(c.package("everything", "stdio"), EVERYTHING + asked, client="npm", roots=[SITE])


def everything_http(c):
    """Streamable HTTP on the loopback, as the server starts by default: without a token."""
    daemon = c.package("everything", "streamableHttp", env={"PORT": "3001"}, port=3001)
    for client in "py", "npm":
        c.session({"url": "http://127.0.0.1:3001/mcp"}, EVERYTHING, client=client, daemons=[daemon])


def everything_sse(c):
    daemon = c.package("everything", "sse", env={"PORT": "3002"}, port=3002)
    c.session({"url": "http://localhost:3002/sse", "sse": True}, EVERYTHING[:40], client="npm", daemons=[daemon])


def git(c):
    """A day of commits in a small repository, with the settings of ~/.gitconfig."""
    repo = f"{HOME}/projects/tool"
    c.file("projects/tool/main.py", "print('hello')\n")
    c.file("projects/tool/.git/HEAD", "ref: refs/heads/main\n")
    c.file("projects/tool/.git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    for name in "objects", "refs/heads":
        c.files[f"{repo}/.git/{name}"] = None
    for i in range(6):
        c.file(f"projects/tool/mod{i}.py", f"def f{i}(x):\n    return x + {i}\n")
    at = {"repo_path": repo}
    steps = [does("tools"), call("git_status", at), call("git_add", at | {"files": ["main.py"]}), call("git_commit", at | {"message": "Begin"})]
    for i in range(6):
        steps += [call("git_add", at | {"files": [f"mod{i}.py"]}), call("git_diff_staged", at), call("git_status", at),
                  call("git_commit", at | {"message": f"Add module {i}\n\nIt's needed for \"step {i}\"; see the notes."}),
                  call("git_log", at | {"max_count": 3}), call("git_show", at | {"revision": "HEAD"})]
    steps += [call("git_create_branch", at | {"branch_name": "feature/tea"}), call("git_checkout", at | {"branch_name": "feature/tea"}),
              call("git_branch", at | {"branch_type": "local"}), call("git_diff", at | {"target": "main"}), call("git_checkout", at | {"branch_name": "main"}),
              call("git_diff_unstaged", at), call("git_reset", at), call("git_checkout", at | {"branch_name": "no-such-branch"}, "tool_error"),
              parallel(*(call("git_log", at) for _ in range(4)))]
    c.session({"argv": [PY, "-m", "mcp_server_git", "--repository", repo]}, steps)


def time(c):
    zones = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Africa/Nairobi", "Australia/Sydney", "America/Sao_Paulo", "Asia/Kolkata", "UTC"]
    steps = [does("tools")]
    for z in zones:
        steps += [call("get_current_time", {"timezone": z}), *(call("convert_time", {"source_timezone": z, "time": f"{h:02}:30", "target_timezone": "Europe/Paris"})
                                                                for h in (8, 12, 23))]
    c.session({"argv": [PY, "-m", "mcp_server_time", "--local-timezone=Europe/Berlin"]}, steps + [call("get_current_time", {"timezone": "Mars/Olympus"}, "tool_error")], client="npm")


def fetch(c):
    """URLs that stand in the arguments: of the wide net, and of a server that is being developed on this machine."""
    wide = [does("tools"), *(call("fetch", {"url": f"http://www.example.net/article/{i}"}) for i in range(10)),
            *(call("fetch", {"url": f"http://docs.example.org/guide/{i}", "max_length": 400, "raw": i % 2 == 0}) for i in range(10)),
            call("fetch", {"url": "http://www.example.net/article/1", "start_index": 200}), call("fetch", {"url": "http://www.example.net/gone"}, "tool_error"),
            does("prompt", "fetch", {"url": "http://www.example.net/article/2"})]
    # with node in its path it would try to install a parser of pages from the registry first
    path = {"PATH": "/opt/kits/py/bin"}
    c.session({"argv": [PY, "-m", "mcp_server_fetch"], "env": path}, wide)
    near = [does("tools"), *(call("fetch", {"url": f"http://{host}:8082/preview/{i}"}) for i in range(8) for host in ("localhost", "127.0.0.1"))]
    c.session({"argv": [PY, "-m", "mcp_server_fetch", "--allow-private-ips"], "env": path}, near, client="npm")


def sqlite(c):
    steps = [does("tools"), call("create_table", {"query": "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, stars INTEGER)"}),
             call("list_tables"), call("describe_table", {"table_name": "notes"})]
    for i in range(20):
        steps += [call("write_query", {"query": f"INSERT INTO notes (title, stars) VALUES ('It''s note {i}', {i % 5})"}),
                  call("read_query", {"query": f"SELECT * FROM notes WHERE id = {i + 1}"})]
    for i in range(6):
        steps += [call("write_query", {"query": f"UPDATE notes SET stars = 5 WHERE id = {i + 1}"}),
                  call("write_query", {"query": f"DELETE FROM notes WHERE id = {i + 10}"})]
    steps += [call("read_query", {"query": "SELECT stars, count(*) FROM notes GROUP BY stars ORDER BY 1"}), call("append_insight", {"insight": "Most notes are good."}),
              does("resources")]
    c.session({"argv": [PY1, "-c", "from mcp_server_sqlite import main; main()", "--db-path", f"{HOME}/notes.db"]}, steps, client="npm")


def files_of(c, folder):
    """Steps for the file tools that the servers of tests/e2e have in every language."""
    at = f"{HOME}/{folder}"
    steps = [does("tools")]
    for i in range(14):
        c.file(f"{folder}/in{i}.txt", f"line {i}\n" * 20)
        steps += [call("read_file", {"path": f"{at}/in{i}.txt"}), call("write_file", {"path": f"{at}/out{i}.txt", "text": "written\n" * 5}),
                  call("rename_file", {"src": f"{at}/out{i}.txt", "dst": f"{at}/done{i}.txt"})]
        if i % 3 == 0:
            steps += [call("delete_file", {"path": f"{at}/done{i}.txt"}), call("run", {"argv": ["sha256sum", f"{at}/in{i}.txt"]})]
    return steps + [call("big", {"n": 20000})]


def golang(c):
    c.session({"argv": ["/opt/kits/go/server"]}, files_of(c, "go"), client="go")


def rust(c):
    c.session({"argv": ["/opt/kits/rust/server"]}, files_of(c, "rs"), client="rust")


def launchers(c):
    """As people's settings start servers: npx, uv, a shell script that sets the environment, sh -c."""
    c.file("projects/tool/.env", "MEMORY_FILE_PATH=/home/agent/projects/tool/memory.jsonl\nLOG_LEVEL=info\n")
    script = c.file("bin/memory-server", "#!/bin/bash\nset -euo pipefail\nset -a; . \"$HOME/projects/tool/.env\"; set +a\n"
                    "exec node /opt/node/node_modules/@modelcontextprotocol/server-memory/dist/index.js \"$@\"\n")
    some = [does("tools"), call("create_entities", {"entities": [{"name": "Tea", "entityType": "drink", "observations": ["hot"]}]}),
            call("search_nodes", {"query": "hot"}), call("read_graph"), call("delete_entities", {"entityNames": ["Tea"]})]
    offline = {"npm_config_offline": "true", "npm_config_update_notifier": "false"}
    c.session({"argv": ["bash", script]}, some * 4, client="npm")
    c.session({"argv": ["npx", "-y", "mcp-server-memory"], "cwd": "/opt/node", "env": offline | {"MEMORY_FILE_PATH": f"{HOME}/npx-memory.jsonl"}}, some * 3, client="npm")
    clock = [does("tools"), *(call("get_current_time", {"timezone": z}) for z in ("Europe/Rome", "Asia/Seoul") * 5)]
    c.session({"argv": ["/opt/kits/py/bin/uv", "run", "--offline", "--no-project", "--python", PY, "-m", "mcp_server_time", "--local-timezone", "Europe/Oslo"]}, clock, client="npm")
    c.session({"argv": ["sh", "-c", f"cd {HOME} && exec {PY} -m mcp_server_time --local-timezone Europe/Oslo"]}, clock, client="npm")
    # which are not the server themselves: a shell that waits for it, npm with a step that builds it anew
    c.session({"argv": ["sh", "-c", f"export STARTED=$(date +%F); cd {HOME}; {PY} -m mcp_server_time --local-timezone Europe/Oslo; true"]}, clock, client="npm")
    c.file("projects/tool/src/start.js", "import('/opt/node/node_modules/@modelcontextprotocol/server-memory/dist/index.js')\n")
    c.file("projects/tool/dist/start.js", "// of yesterday\n")
    c.file("projects/tool/package.json", '{"name": "tool", "version": "1.0.0", "scripts": {"prestart": "rm -rf dist && mkdir dist && cp src/start.js dist/", '
           '"start": "node dist/start.js"}}\n')
    c.session({"argv": ["npm", "start", "--silent"], "cwd": f"{HOME}/projects/tool", "env": offline | {"MEMORY_FILE_PATH": f"{HOME}/npm-memory.jsonl"}}, some, client="npm")


CASES = {f.__name__.replace("_", "-"): f for f in (filesystem, filesystem_roots, memory, thinking, everything, everything_http, everything_sse,
                                                   git, time, fetch, sqlite, golang, rust, launchers)}
