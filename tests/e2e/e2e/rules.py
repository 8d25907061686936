# SPDX-License-Identifier: Apache-2.0
"""Own rules of redaction: checked, listed, in force. Each case gets the binary and a folder and returns problems."""

import json
import subprocess
import sys

from . import sealed

TOKEN = "acme_7f3c9a52e1b04d68f7a2c9350e4d81b6"
RULE = f"""redact:
  rules:
    - id: acme-token
      pattern: 'acme_([0-9a-f]{{32}})'
      keywords: [acme_]
      tests:
        match: ['key {TOKEN}']
        pass: [acme_tools]
"""


def own(binary, d):
    problems = []
    good, bad, binary_file = d / "good.yaml", d / "bad.yaml", d / "binary.yaml"
    good.write_text(RULE)
    bad.write_text(RULE.replace("([0-9a-f]", "([0-9a-f"))
    binary_file.write_bytes(bytes(range(256)))

    def rules(*args):
        p = subprocess.run([binary, "rules", *args], capture_output=True, text=True, timeout=180)
        return p.returncode, p.stdout, p.stderr

    if rules("check", good) != (0, f"{good}: 1 rule, no fault found\n", ""):
        problems.append(f"check of a good file: {rules('check', good)}")
    code, out, err = rules("check", bad, good, binary_file, d / "none.yaml")
    lines = err.split("\n")
    if (code, out.count("\n"), len(lines)) != (1, 1, 4) or not lines[0].startswith(f"{bad}:4:16: rule 'acme-token': "):
        problems.append(f"check of bad files: {code}, {out}, {err}")
    code, out, err = rules("list", "--json", "--rules", good)
    found = {r["id"]: r["file"] for r in map(json.loads, out.splitlines())}
    if code != 0 or found.get("acme-token") != str(good) or len(found) < 200:
        problems.append(f"list: {code}, {len(found)} rules, {err}")

    (d / "server.py").write_text(sealed.SERVER)
    (d / "client.py").write_text(sealed.CLIENT)
    ran = d / "ran"
    argv = [sys.executable, d / "client.py", d / "server.py", f"open('{ran}', 'w').write('{TOKEN}')"]

    def observe(name, *args):
        ran.unlink(missing_ok=True)
        p = subprocess.run([binary, "exec", "--state", "none", "--quiet", "--output", d / name, *args, "--", *argv], capture_output=True,
                           timeout=180)
        return p.returncode, (d / name).read_text() if (d / name).exists() else ""

    code, with_rule = observe("with", "--rules", good)
    if code != 0 or not ran.exists() or TOKEN[5:] in with_rule or "acme_[REDACTED:acme-token:32:" not in with_rule:
        problems.append(f"exec with the rule: {code}, {'the token is there' if TOKEN[5:] in with_rule else 'no mark'}")
    if observe("bad", "--rules", bad) != (1, "") or ran.exists():
        problems.append("exec runs its command with a rule that has a fault")
    return problems


CASES = {"rules-own": own}
