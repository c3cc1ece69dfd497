"""How large a page is, how long it takes to make, and how soon and smoothly a browser shows it. Judges nothing.

    python -m tests.benchmarks.page

Without Chromium only the first half is printed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from checker.history import History, Operation
from checker.verdict import Verdict
from naysayer.page.render import render
from naysayer.page.source import Source
from naysayer.report.report import Report
from tests.naysayer.browser import chromium

SIZES = (10_000, 100_000, 1_000_000)
CLIENTS = 10
US = 1_000

STEPS = ("clock.zoom(0.8)", "clock.pan(0.1)", "clock.zoom(1.25)")
"""Zooming in from the whole run, panning, and back."""

FRAMES = 30
"""Of each."""


def operations(count: int) -> Iterator[Operation]:
    """Half of them writes of unique values, by clients that rest between two operations."""
    random, now, value = Random(1), [0] * CLIENTS, 0
    for index in range(count):
        client = min(range(CLIENTS), key=now.__getitem__)
        call = now[client] + random.randint(100, 8_000) * US
        now[client] = call + random.randint(500, 20_000) * US
        writes = random.random() < 0.5
        value += writes
        asked, answered = (value, None) if writes else (None, value)
        key, node = f"k{random.randint(0, 4)}", f"n{client % 3 + 1}"
        f = "write" if writes else "read"
        yield Operation(index, client, f, key, asked, answered, call, now[client], "ok", node)


def main() -> None:
    """Print a row for each size."""
    with tempfile.TemporaryDirectory(prefix="naysayer-page-") as folder:
        files = [_made(count, Path(folder) / f"{count}.html") for count in SIZES]
        try:
            with chromium() as browser:
                for file in files:
                    page = browser.new_page(viewport={"width": 1280, "height": 720})
                    page.goto(f"file://{file}", timeout=120_000)
                    page.wait_for_selector("html[data-ready]", timeout=120_000)
                    first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
                    ready = page.evaluate("performance.now()")
                    frame = _frame_ms(page)
                    page.close()
                    said = f"verdict after {first:5.0f} ms, all after {ready:6.0f} ms, frame p95 {frame:5.1f} CPU ms"
                    print(f"  {int(file.stem):>9} operations: {said}")
        except pytest.skip.Exception as reason:
            print(f"  not shown: {reason}")


def _frame_ms(page: Any) -> float:
    """The 95th percentile of the CPU time of the page's thread for a frame: script, style, layout and painting."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")

    page.evaluate("naysayer.clock.whole()")
    took = []
    for step in STEPS:
        for _ in range(FRAMES):
            began = spent()
            drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            page.evaluate(f"(naysayer.{step}, {drawn})")
            took.append(spent() - began)
    return sorted(took)[len(took) * 95 // 100] * 1000


def _made(count: int, file: Path) -> Path:
    history = History.of(operations(count))
    verdict = Verdict("valid", "register", "zones", count, (), 0.0)
    began = time.process_time()
    page = render(Source(report=Report(verdict, "a benchmark"), history=history))
    took = time.process_time() - began
    print(f"  {count:>9} operations: {len(page) / 1e6:.2f} MB, made in {took:.2f} CPU s")
    file.write_bytes(page)
    return file


if __name__ == "__main__":
    main()
