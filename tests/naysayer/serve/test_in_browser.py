"""The index and the explorer in a browser, as a person uses them: with the keyboard, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from naysayer.explorer import Explorer
from naysayer.play import notation, timed
from tests.naysayer.browser import accessibility, chromium
from tests.naysayer.serve.conftest import Server
from tests.naysayer.serve.runs import FAILING, VALID, make_run

pytestmark = pytest.mark.systems
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


class Tab:
    """A page, with everything that it complains of."""

    def __init__(self, browser: Any, server: Server, **context: Any) -> None:
        self.server = server
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._context = browser.new_context(viewport={"width": 1280, "height": 720}, **context)
        self.page = self._context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: str) -> Any:
        self.page.goto(self.server.address + path)
        self.page.wait_for_selector("html[data-ready]")
        if path.startswith("explore"):
            self.page.wait_for_selector("html[data-event]")
        return self.page

    def at(self, event: int) -> None:
        """Wait until the state after this event is shown."""
        self.page.wait_for_selector(f'html[data-event="{event}"]')

    def close(self) -> None:
        self._context.close()
        assert self.complaints == []
        assert all(url.startswith(self.server.address) for url in self.requests)


@pytest.fixture
def tab(browser: Any, server: Server) -> Iterator[Tab]:
    found = Tab(browser, server)
    yield found
    found.close()


def test_the_index_filters_sorts_and_follows_what_is_written(tab: Tab) -> None:
    page = tab.open("")
    rows = page.locator("#runs tbody tr")
    assert rows.count() == 2
    assert "raft-log" in rows.nth(0).inner_text()
    page.locator("th button", has_text="operations").press("Enter")
    assert "quorum-kv/no-read-repair" in rows.nth(0).inner_text()
    page.locator("#filter").fill("stale read seed 8")
    assert rows.count() == 1
    page.locator("#filter").fill("nothing of that kind")
    assert page.locator("#runs").inner_text() == "No run fits this filter."
    page.locator("#filter").fill("")
    folder = make_run(tab.server.root, "wal-kv/20260102T030407", "wal-kv", 1, 10)
    page.wait_for_selector("#runs tbody tr:nth-child(3)")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.parent.rmdir()
    page.wait_for_selector("#runs tbody tr:nth-child(3)", state="detached")
    page.locator("a", has_text="quorum-kv/no-read-repair").press("Enter")
    page.wait_for_selector("html[data-ready] h1")
    assert "Stale read" in page.locator("h1").inner_text()


def test_the_page_shows_the_state_of_the_python_api_at_any_event(tab: Tab) -> None:
    page = tab.open(f"explore/{FAILING}")
    explorer = Explorer.open(tab.server.root / FAILING)
    recorded = explorer.recorded
    assert page.locator("#where").inner_text().startswith(f"event {recorded.starts_at:,} of {len(recorded.events):,}")
    for event in (1, len(recorded.events) // 3, recorded.starts_at - 7):
        page.evaluate(f"location.hash = 'branch=0&event={event}'")
        page.reload()
        tab.at(event)
        state = explorer.state(recorded, event)
        assert page.locator("#sentence").inner_text() == state.sentence
        for node in state.nodes:
            shown = page.locator(f'[aria-label="Node {node.name}"]').text_content()
            assert all(field.text in shown for field in node.fields)
            assert all(message.text in shown for message in node.arriving)


TEXTS = """() => {
  const draw = CanvasRenderingContext2D.prototype.fillText;
  globalThis.written = {};
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    if (text === "event" || text === "ms") globalThis.written = {};
    globalThis.written[text] = x;
    return draw.call(this, text, x, y);
  };
}"""
"""Keeps the texts of the last drawing of the clock, which begins with its axis, and where each stands."""


def test_everything_is_done_with_the_keyboard_alone(tab: Tab, tmp_path: Path) -> None:
    tab.page.add_init_script(f"({TEXTS})()")
    page = tab.open(f"explore/{FAILING}")
    recorded = Explorer.open(tab.server.root / FAILING).recorded
    start = recorded.starts_at
    page.keyboard.press("ArrowLeft")
    tab.at(start - 1)
    page.keyboard.press("v")
    tab.at(start)
    page.keyboard.press("M")
    message = recorded.stepping.find(start, "previous", recorded.stepping.of_operation(178))
    assert message is not None
    tab.at(message)
    page.keyboard.press("Home")
    tab.at(1)
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    tab.at(start)
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    tab.at(start - 7)
    page.locator('[aria-label="Node n1"] button', has_text="hold").first.press("Enter")
    page.wait_for_selector('[data-branch="1"][aria-current="true"]')
    tab.at(start - 6)
    label = page.locator('[data-branch="1"] .label').inner_text()
    assert "hold " in label
    page.locator("summary", has_text="Invoke an operation").press("Enter")
    page.locator('input[name="key"]').fill("mine")
    page.locator('input[name="input"]').fill("4711")
    page.locator('select[name="f"]').select_option("write")
    page.locator("details[open] form button").press("Enter")
    page.wait_for_selector('[data-branch="2"][aria-current="true"]')
    with page.expect_download() as download:
        page.locator("#export").press("Enter")
    place = tmp_path / "branch.txt"
    download.value.save_as(place)
    assert "4711" in place.read_text()
    outcome = page.locator('[data-branch="2"] .came').inner_text()
    verdict = timed.play(notation.read(place), weaker=False)[1]
    assert outcome.startswith({"valid": "✓", "invalid": "✗", "unknown": "?"}[verdict.outcome])
    page.keyboard.press("b")
    page.locator("button", has_text="healthy twin").press("Enter")
    page.wait_for_selector('[data-branch="3"][aria-current="true"]')
    twin = tab.server.json(f"api/explore/run/{FAILING}")["branches"][3]
    tab.at(twin["differs"])
    page.wait_for_function("'first difference' in written && 'still to come' in written")
    first, later = page.evaluate("[written['first difference'], written['still to come']]")
    assert later - first == pytest.approx(3, abs=0.1), "the line of the first difference is where the play head is"
    page.locator("#futures").select_option("8")
    page.locator('[data-branch="0"]').press("Enter")
    page.wait_for_selector('[data-branch="0"][aria-current="true"]')
    page.wait_for_function("!('first difference' in written)")
    page.locator("#likely").press("Enter")
    page.wait_for_selector("#likely:not([disabled])")
    page.locator("summary", has_text="The same as a table").press("Enter")
    assert page.locator("#likely-table tbody tr").count() > 3


def test_a_script_is_gone_through_step_by_step(tab: Tab) -> None:
    page = tab.open("")
    page.locator("summary", has_text="Scenarios that come with Naysayer").press("Enter")
    page.locator('a[href$="shipped/read-repair"]').press("Enter")
    before = page.wait_for_selector("html[data-event]").get_attribute("data-event")
    page.locator("#steps button", has_text="alice reads x").press("Enter")
    page.wait_for_function("event => document.documentElement.dataset.event !== event", arg=before)
    steps = tab.server.json("api/explore/clock/shipped/read-repair")["steps"]
    began = next(ms for ms, text in steps if "alice" in text)
    assert float(page.locator("#where").inner_text().partition(" at ")[2].removesuffix(" ms")) <= began + 0.1
    page.locator("button", has_text="Run the twin").press("Enter")
    page.wait_for_selector('[data-branch="1"][aria-current="true"]')
    assert "async-read-repair" in page.locator('[data-branch="1"] .label').inner_text()
    assert "✗ stale read" in page.locator('[data-branch="1"] .came').inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, server: Server, scheme: str) -> None:
    found = Tab(browser, server, color_scheme=scheme, bypass_csp=True)
    for path in ("", f"explore/{FAILING}", f"explore/{VALID}", "explore/shipped/figure-8", f"run/{FAILING}/files"):
        if path.endswith("files"):
            found.page.goto(server.address + path)
        else:
            found.open(path)
        assert accessibility(found.page) == [], path
    found.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser: Any, server: Server, width: int) -> None:
    found = Tab(browser, server)
    found.page.set_viewport_size({"width": width, "height": 844})
    for path in ("", f"explore/{FAILING}", f"explore/{VALID}", "explore/shipped/figure-8"):
        page = found.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    found.close()
