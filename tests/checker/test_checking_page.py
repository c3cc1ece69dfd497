"""docs/checking.md works an example; the checker must agree with it."""

from __future__ import annotations

from pathlib import Path

from checker.check import check
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
    told = verdict.worst.explanation
    assert told is not None
    page = PAGE.read_text(encoding="utf-8")
    assert told.sentence in page
    cycle = "".join(f"#{edge.before} ─{edge.why}→ " for edge in told.cycle) + f"#{told.cycle[0].before}"
    assert cycle in page
    assert verdict.method == "zones"
    assert verify(example, find("register"), verdict) == []
