"""The page in a browser, from a file and offline, as a person uses it. The numbers are those of ../shared/page.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from checker.history import PENDING, Operation
from naysayer.cli import run
from naysayer.results import open_folder
from naysayer.views import held
from tests.naysayer.browser import accessibility, chromium
from tests.naysayer.page.test_data import HOSTILE
from tests.naysayer.page.unpacked import page_of

pytestmark = pytest.mark.systems
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    assert run(["test", "quorum-kv/no-read-repair", "--ops", "600", "--seed", "1", "--results", str(results)]) == 1
    return open_folder(results / "quorum-kv" / "no-read-repair")


class Opener:
    """Opens pages, and fails the test if one complains or asks for anything but itself."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.contexts: list[Any] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def __call__(self, file: Path, place: str = "", **context: Any) -> Any:
        opened = self.browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 720}, **context})
        self.contexts.append(opened)
        page = opened.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(f"file://{file}{place}")
        page.wait_for_selector("html[data-ready]")
        return page


@pytest.fixture
def opened(browser: Any) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    for context in opener.contexts:
        context.close()
    assert opener.complaints == []
    assert all(url.startswith("file:") for url in opener.requests)
    assert len(opener.requests) == len(opener.contexts), "one request for each page: the page"


def report(folder: Path) -> Path:
    return folder / "report.html"


def written(tmp_path: Path, operations: list[Operation], model: str = "register") -> Path:
    file = tmp_path / "page.html"
    file.write_bytes(page_of(operations, model))
    return file


def ok(index: int, process: int, f: str, value: Any, call: int, ret: int, key: Any = "x") -> Operation:
    asked, answered = (value, None) if f == "write" else (None, value)
    return Operation(index, process, f, key, asked, answered, call, ret)


STALE = [
    ok(0, 0, "write", 1, 0, 10),
    ok(1, 0, "write", 2, 20, 30),
    ok(2, 1, "read", 2, 35, 40),
    ok(3, 1, "read", 1, 50, 60),
]


def test_a_page_is_complete_without_a_network(folder: Path, opened: Opener) -> None:  # 1, 2, 5
    page = opened(report(folder))
    lines = (folder / "report.txt").read_text().splitlines()
    assert page.inner_text(".word") in lines[0]
    said = " ".join(" ".join(lines[1:6]).split())
    assert " ".join(page.inner_text("h1").split()) in said
    operations = page.evaluate("naysayer.run.n")
    assert report(folder).stat().st_size <= 130 * 1024 + 30 * operations


def test_what_matters_is_in_the_first_viewport(folder: Path, opened: Opener) -> None:  # 6
    page = opened(report(folder))
    for row in page.query_selector_all("#proof tbody tr"):
        box = row.bounding_box()
        assert box["y"] + box["height"] <= 720
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone = opened(report(folder), viewport={"width": 390, "height": 844})
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_address_selects_an_operation_and_announces_it(folder: Path, opened: Opener) -> None:  # 7
    page = opened(report(folder), "#op-20")
    assert page.evaluate("naysayer.run.number(naysayer.state.selected)") == 20
    assert "#20" in page.inner_text(".selected-title")
    assert page.text_content("#announce").startswith("#20 ")
    low, high = page.evaluate("[naysayer.clock.from, naysayer.clock.to]")
    assert low <= page.evaluate("naysayer.run.call[20]") <= high
    page.keyboard.press("j")
    page.wait_for_url("**#op-21*")
    later = opened(report(folder), "#t=100-200")
    assert later.evaluate("[naysayer.clock.from, naysayer.clock.to].map(x => Math.round(x / 1000))") == [100, 200]


VIEW = "[naysayer.clock.from, naysayer.clock.to]"


def test_two_fingers_zoom_where_they_are_and_one_finger_pans(folder: Path, opened: Opener) -> None:
    page = opened(report(folder), viewport={"width": 390, "height": 844}, has_touch=True)
    page.locator("#clock canvas:not(.mini)").scroll_into_view_if_needed()
    box = page.locator("#clock canvas:not(.mini)").bounding_box()
    y, fingers = box["y"] + box["height"] / 2, page.context.new_cdp_session(page)

    def touch(kind: str, *places: float) -> None:
        points = [{"x": x, "y": y, "id": number} for number, x in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = page.evaluate(VIEW)
    between = page.evaluate(f"naysayer.clock.frame.at(200 - {box['x']})")
    touch("touchStart", 180, 220)
    for wide in range(22, 61, 2):
        touch("touchMove", 200 - wide, 200 + wide)
    touch("touchEnd")
    after = page.evaluate(VIEW)
    assert after[1] - after[0] < 0.6 * (before[1] - before[0])
    assert after[0] < between < after[1]
    at = page.evaluate(f"naysayer.clock.frame.x({between})") + box["x"]
    assert abs(at - 200) < 8, "what was between the fingers still is"
    touch("touchStart", 150)
    for x in range(160, 231, 10):
        touch("touchMove", x)
    touch("touchEnd")
    moved = page.evaluate(VIEW)
    assert moved[0] < after[0], "what is earlier comes into view"
    assert moved[1] - moved[0] == pytest.approx(after[1] - after[0])


def test_the_wheel_zooms_at_the_pointer_and_shift_measures(folder: Path, opened: Opener) -> None:
    page = opened(report(folder))
    box = page.locator("#clock canvas:not(.mini)").bounding_box()
    x, y = box["x"] + 300, box["y"] + 100
    before, tick = page.evaluate(VIEW), page.evaluate("naysayer.clock.frame.at(300)")
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    assert page.evaluate(VIEW) == before, "the page scrolls, not the clock"
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function(f"naysayer.clock.to - naysayer.clock.from < 0.7 * {before[1] - before[0]}")
    page.evaluate("naysayer.clock.paint()")
    assert page.evaluate(f"naysayer.clock.frame.x({tick})") == pytest.approx(300, abs=1)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(x + 120, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.evaluate(
        "(([a, b]) => Math.abs(b - a) * naysayer.clock.frame.scale)(naysayer.clock.measured)"
    ) == pytest.approx(120, abs=2)


def test_every_operation_of_the_proof_is_reached_by_keyboard(folder: Path, opened: Opener) -> None:  # 8
    page = opened(report(folder))
    wanted = set(page.evaluate("naysayer.run.proof.ops"))
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        row = page.evaluate("document.activeElement.closest('#proof') && document.activeElement.dataset.op")
        if row is not None:
            page.keyboard.press("Enter")
            assert page.evaluate("naysayer.run.number(naysayer.state.selected)") == int(row)
            reached.add(int(row))
    assert reached == wanted


def test_the_slider_goes_through_the_order(folder: Path, opened: Opener) -> None:  # 9: states, see test_data.py
    page = opened(report(folder))
    steps = page.evaluate("naysayer.run.proof.order.steps.length")
    assert "No operation can be next" in page.inner_text("#state")
    for step in range(steps, 0, -1):
        after = page.evaluate(f"naysayer.run.proof.order.steps[{step - 1}][2]")
        assert f"is {after}" in " ".join(page.inner_text("#state").split())
        page.keyboard.press("p")
    assert "At the beginning" in page.inner_text("#state")


def test_filters_change_what_is_counted(folder: Path, opened: Opener) -> None:  # 10
    page = opened(report(folder))
    page.keyboard.press("0")
    total = page.evaluate("naysayer.run.n")
    counted = page.locator("#count")
    counted.filter(has_text=f"{total} operations").wait_for()
    reads = page.evaluate("Array.from(naysayer.run.f).filter(f => naysayer.run.header.f[f] === 'read').length")
    chip = page.locator("[data-filter^='f:']").filter(has_text="read")
    chip.click()
    counted.filter(has_text=f"hidden: {reads} operations").wait_for()
    assert chip.get_attribute("aria-pressed") == "false"
    page.keyboard.press("s")  # the focused one alone
    counted.filter(has_text=f"hidden: {total - reads} operations").wait_for()
    page.get_by_text("Show all").click()
    counted.filter(has_not_text="hidden").wait_for()


@pytest.mark.parametrize("kind", ["number", "key", "value", "node"])
def test_search_finds(folder: Path, opened: Opener, kind: str) -> None:  # 11
    page = opened(report(folder))
    row = page.evaluate("naysayer.run.culprit")
    word = page.evaluate(
        "([kind, i]) => { const r = naysayer.run; return { number: `#${r.number(i)}`, key: r.keyName(r.key[i]),"
        " value: r.value(r.output[i]), node: r.header.node[r.node[i]] }[kind]; }",
        [kind, row],
    )
    if kind == "key":
        page.click("#search-button")
    else:
        page.keyboard.press("/")
    page.fill("#search-text", word)
    found = page.locator("#search-found button")
    assert found.count() > 0
    if kind == "number":
        page.keyboard.press("Enter")
        assert page.evaluate("naysayer.state.selected") == row
    else:
        page.keyboard.press("Escape")
        assert not page.is_visible("#search")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_anybody_out(folder: Path, opened: Opener, scheme: str) -> None:  # 12
    page = opened(report(folder), color_scheme=scheme, bypass_csp=True)
    for details in page.query_selector_all("details"):
        details.evaluate("one => one.open = true")
    assert accessibility(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_do_pages_of_scripts_and_of_explorations(tmp_path: Path, browser: Any, scheme: str) -> None:  # 12
    assert run(["play", "non-monotonic-read", "--html", str(tmp_path / "story.html")]) == 0
    arguments = ["--crashes", "1", "--timers", "1", "--results", str(tmp_path)]
    assert run(["explore", "wal-kv", *arguments]) == 0
    for file in (tmp_path / "story.html", *(tmp_path / "wal-kv").glob("2*/report.html")):
        for width in (390, 1280):
            size = {"width": width, "height": 844}
            opened = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True, offline=True)
            page = opened.new_page()
            page.goto(f"file://{file}")
            assert accessibility(page) == [], file
            assert page.evaluate("document.documentElement.scrollWidth") <= width, file
            drawn = "Array.from(document.querySelectorAll('svg > *, svg path'), (one) => getComputedStyle(one).display)"
            assert "none" not in page.evaluate(drawn), "no style of the page hides what the picture has"
            opened.close()


def test_hostile_values_are_shown_literally(tmp_path: Path, opened: Opener) -> None:  # 13
    operations = [ok(i, 0, "write", value, 10 * i, 10 * i + 5, key=value) for i, value in enumerate(HOSTILE)]
    operations.append(ok(len(HOSTILE), 1, "read", "<img src=x onerror=alert(1)>", 990, 999, key="</script><b>"))
    page = opened(written(tmp_path, operations))
    assert page.evaluate("document.querySelectorAll('img, b i, main script').length") == 0
    texts = page.evaluate("Array.from({length: naysayer.run.n}, (_, i) => naysayer.run.text(i))")
    assert texts[0] == 'write "<script>alert(1)</script>"'
    assert texts[2] == 'write "\\u2028"', "shown as an escape"
    assert texts[5] == "write 9223372036854775807"
    assert texts[6] == "write nan"
    assert "<img src=x onerror=alert(1)>" in page.inner_text("h1")
    page.evaluate("location.hash = '#op-4'")
    page.wait_for_selector(".whole")
    assert page.text_content(".whole").count("x") >= 20_000, "key and value, whole"


def test_pending_operations_are_open_and_touching_ones_overlap(tmp_path: Path, opened: Opener) -> None:  # 14, 15
    pending = Operation(4, 2, "write", "x", 9, None, 5, PENDING, "info")
    touching = [ok(5, 3, "write", 7, 100, 200), ok(6, 4, "write", 8, 200, 300)]
    page = opened(written(tmp_path, [*STALE, pending, *touching]))
    texts = page.evaluate(
        """() => { const found = [], g = naysayer.clock.frame.g, fill = g.fillText;
        g.fillText = function (text, ...rest) { found.push(text); return fill.call(this, text, ...rest); };
        naysayer.clock.paint(); g.fillText = fill; return found; }"""
    )
    assert "?" in texts
    page.keyboard.press("0")
    row = page.evaluate("i => naysayer.run.rowOf(i)", 5)
    page.evaluate("naysayer.clock.paint()")
    ends = page.evaluate("i => naysayer.clients.extent(naysayer.clock.frame, i)", row)
    begins = page.evaluate("i => naysayer.clients.extent(naysayer.clock.frame, i)", row + 1)
    assert ends[1] - begins[0] >= 1


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_histories_of_any_size_open(tmp_path: Path, opened: Opener, count: int) -> None:  # 16
    operations = [ok(i, i, "write", i, 10 * i, 10 * i + 15, key=f"k{i}") for i in range(count)]
    page = opened(written(tmp_path, operations))
    assert page.evaluate("naysayer.run.n") == count
    assert page.evaluate("naysayer.run.clients.length") == count
    assert (
        f"{count:,} operation" in page.inner_text("#count")
        if count
        else "There are no operations." in page.inner_text("main + aside")
    )


DRAWN = """() => {
  let crosses = 0;
  const { clock, messages, state, traffic } = naysayer, frames = Object.getPrototypeOf(clock.frame);
  const cross = frames.cross;
  frames.cross = function (...rest) { crosses++; return cross.apply(this, rest); };
  clock.paint();
  frames.cross = cross;
  const inView = (m) => traffic.sent[m] <= clock.to && traffic.end(m) >= clock.from;
  const wanted = (m) => !traffic.ofClient(m) || traffic.op[m] === state.selected;
  const shown = Array.from(traffic.sent.keys()).filter((m) => inView(m) && wanted(m));
  const lost = shown.filter((m) => traffic.came[m] < 0 && traffic.came[m] !== -2);
  return { crosses, shown: shown.length, drawn: messages.drawn, lost: lost.length };
}"""


def test_every_message_of_the_window_is_drawn_and_lost_ones_are_crossed(folder: Path, opened: Opener) -> None:  # 17
    seen = opened(report(folder)).evaluate(DRAWN)
    assert seen["drawn"] == seen["shown"] > 50
    assert seen["crosses"] == seen["lost"] > 0


STATES = """() => {
  const { run, states } = naysayer, i = run.culprit;
  const text = (node) => states.at(states.held(node, run.key[i]), run.call[i]).text;
  return Object.fromEntries(states.nodes.map((node) => [node, text(node)]));
}"""


def test_the_states_of_the_nodes_are_those_of_verdict_json(folder: Path, opened: Opener) -> None:  # 18
    views = json.loads((folder / "verdict.json").read_text())["views"]
    page = opened(report(folder))
    key = json.loads(page.evaluate("naysayer.run.keyName(naysayer.run.key[naysayer.run.culprit])"))
    assert page.evaluate(STATES) == {node: held(view, key) for node, view in views.items()}


DOWNS = """() => {
  const { states } = naysayer, lists = (node) => [...states.changes].filter(([name]) => name.startsWith(`${node} `));
  return states.nodes.map((node) => lists(node).map(([, list]) => list.map((one) => one.down)));
}"""


def test_a_valid_and_an_unknown_verdict_have_pages_too(tmp_path: Path, opened: Opener) -> None:  # 19
    valid = opened(written(tmp_path, STALE[:3]))
    assert valid.inner_text(".word") == "LINEARIZABLE"
    assert valid.inner_text("#why-title") == "An order that works"
    for _ in range(3):
        valid.keyboard.press("n")
    assert "The order is complete" in valid.inner_text("#state")
    only_pending = [Operation(0, 0, "write", "x", 1, None, 0, PENDING, "info")]
    unknown = opened(written(tmp_path, only_pending))
    assert unknown.inner_text(".word") == "UNKNOWN"
    assert "Not decided" in unknown.inner_text("h1")


def test_the_time_of_a_broken_invariant_is_marked_and_in_view(tmp_path: Path, opened: Opener) -> None:
    target, where = "raft-log/truncate-on-any-append", ["--results", str(tmp_path)]
    assert run(["test", target, "--seed", "960891", "--ops", "120", *where]) == 1
    page = opened(report(open_folder(tmp_path / "raft-log.truncate-on-any-append")))
    wrong = page.evaluate("naysayer.run.header.wrong")
    from_, to = page.evaluate(VIEW)
    assert from_ < wrong < to
    assert f"{wrong / 1000:.1f} ms" in page.inner_text("h1"), "the clock of the page is that of the report"
    downs = [one for lists in page.evaluate(DOWNS) for one in lists]
    assert any(True in one for one in downs)
    assert not any(one[-1] for one in downs), "nodes that have started again are not down, whatever they lost"


def test_a_record_of_some_microseconds_has_times_in_microseconds(tmp_path: Path, opened: Opener) -> None:
    page = opened(written(tmp_path, [replace(one, call=1000 * one.call, ret=1000 * one.ret) for one in STALE]))
    assert page.inner_text("#proof th:nth-child(5)") == "ended, µs"
    assert "0–60 µs" in page.inner_text("#count")
    page.evaluate("location.hash = '#op-3'")
    page.wait_for_url("**#op-3*")
    assert "60.000 µs, took 10.000 µs" in page.inner_text("#inspector")


def test_the_history_that_a_page_hands_out_is_judged_alike(tmp_path: Path, opened: Opener, folder: Path) -> None:
    page = opened(report(folder), accept_downloads=True)
    with page.expect_download() as download:
        page.click("#save")
    file = tmp_path / "history.jsonl"
    download.value.save_as(file)
    assert run(["check", str(file), "--model", "register"]) == 1


def test_print_shows_the_verdict_and_the_failing_window_in_light(folder: Path, opened: Opener) -> None:
    page = opened(report(folder), color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.is_visible("#plots")
    assert page.is_visible("#proof")
    assert page.is_visible("#clock canvas:not(.mini)")
