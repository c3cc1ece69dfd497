"""Pictures of messages: scenarios as SVG and HTML, and the diagram of a hunt."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from checker.errors import UsageError
from naysayer.commands.play import play
from naysayer.hunt.diagram import Ending, diagram
from naysayer.hunt.picture import picture
from naysayer.play.notation import text
from naysayer.play.timed import Scenario, TimedOperation
from targets.backends.simulator.network import MS, Sent
from targets.protocol.node import Reply, Request

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def count(svg: str, kind: str) -> int:
    return sum(one.get("class") == kind for one in ElementTree.fromstring(svg).iter(f"{SVG}path"))


TRACE = [
    Sent(1 * MS, 3 * MS, "c0", "n1", Request("r1", "c0", "write", "x", "<b>&\u202e</b>")),
    Sent(4 * MS, None, "n1", "n2", Reply("r9", "ok", 1)),
    Sent(5 * MS, 6 * MS, "n1", "c0", Reply("r1", "fail", None, "no majority")),
]


def test_every_message_is_a_row_lost_ones_end_in_a_cross_and_values_are_text() -> None:
    ending = Ending(6.0, "✗ NOT LINEARIZABLE: it is so", {"n1": {"role": "leader"}, "n2": {"role": "down"}})
    drawn = picture("A <title>", TRACE, [(2.0, "cut n1 - n2")], (), ending, names={"n1": "S1"}, more="7 others")
    shown = texts(drawn)
    assert [name for name in shown if name in ("c0", "S1", "n2")][:3] == ["c0", "S1", "n2"]
    assert "write x <b>&\\u202e</b>" in shown
    assert {"cut n1 - n2", "ok: 1", "fail: no majority", "… 7 others", "✗ NOT LINEARIZABLE: it is so"} <= set(shown)
    assert count(drawn, "lost") == 1
    assert count(drawn, "arrow") == 3
    assert ["n2", "down"][0] in " ".join(shown)
    assert "<b>" not in drawn


def test_it_has_the_rows_of_the_diagram_in_text() -> None:
    rows = [line for line in diagram(TRACE).splitlines()[1:] if line.strip()]
    shown = texts(picture("t", TRACE))
    for line, sent in zip(rows, sorted(TRACE, key=lambda one: one.delivered_ns or one.sent_ns), strict=True):
        assert line.split()[0] in shown
        assert f"{(sent.delivered_ns or sent.sent_ns) / MS:.1f}" == line.split()[0]


def test_of_a_long_run_the_end_is_drawn() -> None:
    trace = [Sent(at * MS, at * MS, "c0", "n1", Request(f"r{at}", "c0", "write", "x", at)) for at in range(500)]
    shown = texts(picture("t", trace))
    assert "… 100 rows before" in shown
    assert "write x 99" not in shown
    assert "write x 499" in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", ["figure-8", "read-repair"])
def test_a_story_is_drawn_with_its_steps_and_under_its_names(name: str, tmp_path: Path) -> None:
    svg, html = tmp_path / "story.svg", tmp_path / "story.html"
    assert play((name,), rewrite=False, svg=svg, html=html).code == 0
    shown = texts(svg.read_text())
    lanes = shown[: shown.index("ms")]
    assert len(lanes) == len(set(lanes)) > 3
    assert "alice" in lanes
    assert ("S1" in lanes) == (name == "figure-8")
    page = unescape(html.read_text())
    assert "<svg" in page
    assert "alice" in page
    assert "http-equiv" in page
    assert "src=" not in page
    assert "@import" not in page


def test_a_timed_scenario_has_the_page_of_a_run(tmp_path: Path) -> None:
    ask = TimedOperation(1.0, 0, "write", "n1", "x", 1)
    file, svg, html = tmp_path / "scenario.txt", tmp_path / "p.svg", tmp_path / "p.html"
    file.write_text(text(Scenario("quorum-kv", "register", 3, 1, (ask,), ())))
    play((str(file),), rewrite=False, svg=svg, html=html)
    assert "write x 1" in texts(svg.read_text())
    assert 'id="data"' in html.read_text()


def test_where_it_cannot_be_drawn_nothing_is_played(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is for one scenario, and 2 are to be played"):
        play(("figure-8", "fencing"), rewrite=False, svg=tmp_path / "a.svg")
    with pytest.raises(UsageError, match=r"--svg .*: there is no folder"):
        play(("figure-8",), rewrite=False, svg=tmp_path / "no" / "a.svg")
