"""Marks for tests that need what not every machine has: foreign servers, compilers, namespaces, a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

import pytest

IN_CI = os.environ.get("CI") == "true"
"""CI installs everything: there nothing may be skipped."""


def without(*programs: str) -> list[str]:
    """Which of these programs are not on the PATH."""
    return [program for program in programs if shutil.which(program) is None]


def needs(lacking: Iterable[str]) -> list[pytest.MarkDecorator]:
    """The `pytestmark` of a module, or the marks of a test, that runs under `make test-systems` only.

    `lacking`: what this machine does not have; then the test is skipped with that reason, but never in CI.
    """
    names = ", ".join(lacking)
    return [
        pytest.mark.systems,
        pytest.mark.skipif(bool(names) and not IN_CI, reason=f"this machine lacks {names}"),
    ]
