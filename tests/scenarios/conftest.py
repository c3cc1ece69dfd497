"""`python -m pytest tests/scenarios --rewrite` writes the golden output anew: read the difference before committing."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="rewrite the golden output of the scenarios")
