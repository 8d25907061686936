# SPDX-License-Identifier: Apache-2.0
"""A short version of tests/bench/links for each of its servers: every effect is seen, and none is tied as certain
to a call that did not do it. How many are decided is the benchmark's."""

import sys

from . import build, check

sys.path.append(str(build.ROOT / "tests/bench/links"))

import drive  # noqa: E402
import score  # noqa: E402

CALLS, AT = 20, 8


def case(server, mode):
    def run(binary, d):
        r = drive.run(binary, server, d, 1, CALLS, AT, mode)
        s = score.score(r)
        problems = check.form(r.records)
        problems += [f"call {number}: {kind} of {target} ({what}) was not seen" for number, what, kind, target in s.unseen]
        problems += [text for text in score.evidence(r, [w for w in s.wrong if w[0] == "wrong_certain"])]
        if s.gaps:
            problems.append(f"{s.gaps} gap records")
        return problems
    return run


CASES = {f"links-{server}": case(server, "c") for server in drive.SERVERS}
