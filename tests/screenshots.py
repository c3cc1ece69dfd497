"""The pictures of pages in docs/, as Chromium shows them: python -m tests.screenshots docs (make screenshots)."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from tests.naysayer.browser import chromium
from tests.naysayer.serve.conftest import start
from tests.naysayer.serve.runs import FAILING, make_run

RUN = ("quorum-kv/no-read-repair", 8, 200)
SIZES = {"1280": (1280, 720), "390": (390, 844)}


def main(docs: Path) -> None:
    """The explorer at the violation of a store without read repair, with its healthy twin; wide and on a phone."""
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        root = Path(place) / "results"
        make_run(root, FAILING, *RUN)
        server = start(root)
        try:
            server.json(f"api/explore/twin/{FAILING}", {})
            for name, (width, height) in SIZES.items():
                for scheme in ("light", "dark"):
                    context = browser.new_context(
                        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
                    )
                    page = context.new_page()
                    page.goto(f"{server.address}explore/{FAILING}")
                    page.wait_for_selector("html[data-event]")
                    page.wait_for_load_state("networkidle")
                    page.locator("#forward").hover()
                    page.screenshot(path=docs / f"explorer-{name}-{scheme}.png")
                    context.close()
        finally:
            server.process.send_signal(signal.SIGINT)
            server.process.wait(30)
            if server.process.stdout is not None:
                server.process.stdout.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
