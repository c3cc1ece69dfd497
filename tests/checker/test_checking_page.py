"""docs/checking.md works an example; the checker must agree with it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from checker.check import check
from checker.history import History, Operation
from checker.models import find
from checker.verify import verify
from tests.checker.test_explain import history

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checking.md"


def test_the_worked_example_ends_as_the_page_says() -> None:
    example = history(
        (0, 10, "write", "a", None),
        (5, None, "write", "b", None),
        (12, 20, "read", None, "b"),
        (30, 40, "read", None, "a"),
    )
    verdict = check(example, "register")
    assert verdict.worst is not None
    explanation = verdict.worst.explanation
    assert explanation is not None
    page = PAGE.read_text(encoding="utf-8")
    assert explanation.sentence in page
    cycle = "".join(f"#{edge.before} ─{edge.why}→ " for edge in explanation.cycle) + f"#{explanation.cycle[0].before}"
    assert cycle in page
    assert verdict.method == "zones"
    assert verify(example, find("register"), verdict) == []


def _run(title: str, **given: Any) -> dict[str, Any]:
    """Executes the code in a section of the page; what it leaves."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    code = "\n".join(line for line in section.splitlines() if line.startswith("    ") or not line)
    exec(dedent(code), given)
    return given


def test_the_model_on_the_page_works() -> None:
    flip = Operation(0, 0, "flip", "hall", call=0, ret=1)
    reads = [Operation(i, i, "observe", key, output=True, call=2, ret=3) for i, key in ((1, "hall"), (2, "attic"))]
    left = _run("A model of your own", history=[flip, *reads])
    verdict = left["verdict"]
    assert [(part.key, part.outcome) for part in verdict.parts] == [("hall", "valid"), ("attic", "invalid")]
    assert "observed the light on, but it is off" in verdict.worst.explanation.sentence
    assert verify(History.of([flip, *reads]), left["Light"](), verdict) == []


def test_the_stream_on_the_page_works() -> None:
    left = _run("While the test runs")
    assert left["stream"].outcome == "invalid"
    assert left["found"][0].explanation.sentence.startswith("#1 returned 6, which cannot have been there: ")
