"""The pictures of pages in docs/, as Chromium shows them: python -m tests.screenshots docs (make screenshots)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from naysayer.cli import run
from naysayer.results import open_folder
from tests.naysayer.browser import chromium
from tests.naysayer.serve.conftest import serving
from tests.naysayer.serve.runs import FAILING, make_run

TARGET = "quorum-kv/no-read-repair"
EXPLORED = (TARGET, 8, 200)
SIZES = (("1280", {"width": 1280, "height": 720}, "light"), ("390", {"width": 390, "height": 844}, "dark"))


def main(docs: Path) -> None:
    """The page of the demo's broken store, and the explorer at such a violation; wide, and on a phone in dark."""
    with tempfile.TemporaryDirectory(prefix="naysayer-pictures-") as place, chromium() as browser:
        results, explored = Path(place) / "results", Path(place) / "explored"
        run(["test", TARGET, "--seed", "1", "--results", str(results)])
        page = open_folder(results / "quorum-kv" / "no-read-repair") / "report.html"
        take(browser, f"file://{page.resolve()}", "html[data-ready]", docs, "page")
        make_run(explored, FAILING, *EXPLORED)
        with serving(explored) as server:
            server.json(f"api/explore/twin/{FAILING}", {})
            take(browser, f"{server.address}explore/{FAILING}", "html[data-event]", docs, "explorer")


def take(browser: Any, address: str, ready: str, docs: Path, name: str) -> None:
    """A picture of each size."""
    for size, viewport, scheme in SIZES:
        page = browser.new_page(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
        page.goto(address)
        page.wait_for_selector(ready)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=docs / f"{name}-{size}.png")
        page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
