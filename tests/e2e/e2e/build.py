# SPDX-License-Identifier: Apache-2.0
"""Builds the pinned servers and clients once, into a cache keyed by their sources and lock files."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent  # tests/e2e
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("MCPWATCH_CACHE", ROOT / "build/e2e-cache")).resolve()
PYTHON = "/usr/bin/python3"
PAUSES = 5, 30  # seconds, from one try to the next


def build_py(src, dst):
    yield [PYTHON, "-m", "venv", dst]
    yield [f"{dst}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", src / "requirements.txt"]


def build_npm(src, dst):
    yield ["cp", src / "package.json", src / "package-lock.json", src / ".npmrc", *src.glob("*.mjs"), dst]
    yield ["npm", "ci", "--silent", "--no-audit", "--prefix", dst]


def build_go(src, dst):
    yield [src / "build", dst]


def build_rust(src, dst):
    yield ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", src / "Cargo.toml",
           "--target-dir", f"{dst}/target"]
    programs = " ".join(f'"$0"/target/release/{f.stem}' for f in src.glob("src/bin/*.rs"))
    yield ["sh", "-c", f'mv {programs} "$0" && rm -r "$0"/target', dst]


def build_raw(src, dst):
    for name in "server", "hostile", "burst", "sizes", "storm":
        yield ["gcc", "-O1", "-Wall", "-pthread", "-o", f"{dst}/{name}", src / f"{name}.c"]
    yield ["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", f"{dst}/forge.so", src / "forge.c"]
    yield ["ln", f"{dst}/server", f"{dst}/mcpwatch"]


def build_tap(src, dst):
    yield ["gcc", "-O1", "-Wall", "-shared", "-fPIC", "-o", f"{dst}/tap.so", src / "tap.c", "-ldl"]


# What is built: how, which files its key covers, and the toolchain (program, least version) it needs.
KITS = {
    "py": (build_py, ["requirements.txt"], (PYTHON, (3, 10))),
    "py1": (build_py, ["requirements.txt"], (PYTHON, (3, 10))),
    "npm": (build_npm, ["*"], ("npm", (8,))),
    "npm2": (build_npm, ["*"], ("npm", (8,))),
    "go": (build_go, ["build", "go.mod", "go.sum", "*/*.go"], ("go", (1, 13))),
    "rust": (build_rust, ["Cargo.*", "src/bin/*"], ("cargo", (1, 85))),
    "tap": (build_tap, ["tap.c"], ("gcc", (8,))),
    "raw": (build_raw, ["*.c"], ("gcc", (8,))),
    "logcheck": (build_go, ["build", "go.mod", "go.sum", "*/*.go"], ("go", (1, 13))),
    "exports": (build_py, ["requirements.txt"], (PYTHON, (3, 10))),
}


def source(kit):
    return {"logcheck": HERE.parent / "log/go", "exports": HERE.parent / "exports"}.get(kit, HERE / kit)


class Missing(Exception):
    """The machine lacks the toolchain."""


def toolchain(program, least):
    if not shutil.which(program):
        raise Missing(f"{program} is not installed")
    argv = [program, "version" if program == "go" else "--version"]
    out = subprocess.run(argv, capture_output=True, text=True, cwd="/").stdout
    found = re.search(r"\d+(\.\d+)+", out)
    if not found or tuple(int(n) for n in found[0].split(".")) < least:
        raise Missing(f"{program} {found and found[0]} is older than {'.'.join(map(str, least))}")


def folder(kit):
    """Where a kit is, or will be."""
    _, patterns, _ = KITS[kit]
    key = hashlib.sha256()
    for f in sorted(f for p in patterns for f in source(kit).glob(p) if f.is_file()):
        key.update(f.name.encode() + f.read_bytes())
    return CACHE / f"{kit}-{key.hexdigest()[:12]}"


def prepare(kit):
    """Builds a kit if it is not there. Its folder; Missing or CalledProcessError. What is fetched for it comes from
    registries that may fail for a moment: so not at the first failure."""
    how, _, need = KITS[kit]
    dst = folder(kit)
    if (dst / ".complete").exists():
        return dst
    toolchain(*need)
    for pause in *PAUSES, None:
        shutil.rmtree(dst, ignore_errors=True)
        dst.mkdir(parents=True)
        try:
            for argv in how(source(kit), dst):
                subprocess.run(argv, check=True, capture_output=True, text=True)
            break
        except subprocess.CalledProcessError:
            if pause is None:
                raise
            time.sleep(pause)
    (dst / ".complete").touch()
    return dst


def main():
    failed = 0
    for kit in KITS:
        begin = time.monotonic()
        try:
            what = str(prepare(kit))
        except Missing as e:
            what = f"skipped: {e}"
        except subprocess.CalledProcessError as e:
            what = f"FAILED: {' '.join(map(str, e.cmd))}: {(e.stderr or e.stdout).strip()[-2000:]}"
            failed = 1
        print(f"{kit:5} {time.monotonic() - begin:6.1f} s  {what}", flush=True)
    return failed
