# SPDX-License-Identifier: Apache-2.0
"""The hostile cases. A case's docstring names the published description that its server was written from."""

from . import acts, reach, words, world  # noqa: F401
