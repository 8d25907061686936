# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/exports/run, under the Python that has the consumers' packages."""

import argparse
import fnmatch
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from exports import logs, ocsf, otlp, timesketch, trace

ROOT = Path(__file__).resolve().parent.parent.parent


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--keep", action="store_true")
    args.add_argument("--bin", default=ROOT / "build/mcpwatch", type=Path)
    args.add_argument("cases", nargs="*", default=["*"])
    args = args.parse_args()
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    top = Path(tempfile.mkdtemp(prefix="mcpwatch-exports-"))
    made = logs.Logs(args.bin.resolve(), top)
    for part in timesketch, trace, ocsf, otlp:
        for name, case in part.CASES.items():
            if not any(fnmatch.fnmatchcase(name, p) for p in args.cases):
                continue
            begin = time.monotonic()
            try:
                state, what = "ok", case(made) or ""
            except logs.Skip as e:
                state, what = "skip", e
            except Exception as e:  # noqa: BLE001: whatever it is, it is this case's
                where = traceback.extract_tb(e.__traceback__)[-1]
                state, what = "FAIL", f"{type(e).__name__}: {str(e)[:2000]} ({where.name}:{where.lineno})"
            count[state] += 1
            print(f"{state:4} {name:28} {time.monotonic() - begin:5.1f} s  {what}", flush=True)
    if args.keep:
        print(f"kept: {top}")
    else:
        shutil.rmtree(top)
    print(f"{count['ok']} passed, {count['FAIL']} failed, {count['skip']} skipped")
    return 1 if count["FAIL"] or not any(count.values()) else 0


sys.exit(main())
