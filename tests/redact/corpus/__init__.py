# SPDX-License-Identifier: Apache-2.0
"""Labelled secrets and personal data inside the shapes of MCP, and what only looks like them.

Written from what vendors and standards publish, never from the rules that are measured with it. The same seed
gives the same corpus.
"""
