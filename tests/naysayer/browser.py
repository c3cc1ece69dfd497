"""A headless Chromium for tests of pages. Where there is none, tests are skipped with the reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
"""Where `npm install --no-save axe-core` puts it."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A playwright browser."""
    place = shutil.which("chromium")
    if place is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=place, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def accessibility(page: Any) -> list[str]:
    """What axe-core finds on a page: each rule that is violated, with the elements. The page must bypass its CSP."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm install --no-save axe-core")
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run()")
    return [f"{one['id']}: {' '.join(str(node['target']) for node in one['nodes'])}" for one in found["violations"]]
