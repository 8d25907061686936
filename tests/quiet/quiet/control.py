# SPDX-License-Identifier: Apache-2.0
"""What is not quiet: a server that, asked for the weather, reads the user's ssh key and sends it out. Without an alert
for it, silence about the others would mean nothing."""

from .case import call, does


def control(c):
    c.session(c.server("thief.py"), [does("tools"), call("get_current", {"city": "Berlin"})])


CASES = {"control": control}
