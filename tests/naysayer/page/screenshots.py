"""Pictures of report.html for docs/: `python -m tests.naysayer.page.screenshots docs` (make screenshots)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from naysayer.cli import run
from naysayer.results import open_folder
from tests.naysayer.browser import chromium

TARGET = "quorum-kv/no-read-repair"
PICTURES = (
    ("page-1280.png", {"width": 1280, "height": 720}, "light"),
    ("page-390.png", {"width": 390, "height": 844}, "dark"),
)


def main(place: Path) -> None:
    """Run the demo's broken store, and take pictures of its page."""
    with tempfile.TemporaryDirectory(prefix="naysayer-pictures-") as results:
        run(["test", TARGET, "--seed", "1", "--results", results])
        file = open_folder(Path(results) / "quorum-kv" / "no-read-repair") / "report.html"
        with chromium() as browser:
            for name, viewport, scheme in PICTURES:
                page = browser.new_page(viewport=viewport, color_scheme=scheme)
                page.goto(f"file://{file.resolve()}")
                page.wait_for_selector("html[data-ready]")
                page.screenshot(path=str(place / name))
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
