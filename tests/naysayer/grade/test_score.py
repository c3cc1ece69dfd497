"""Points, and what they are handed out as."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec

from naysayer.grade import outputs
from naysayer.grade.pack import Assignment, Trial
from naysayer.grade.score import Grade, nothing, score
from naysayer.grade.trial import Outcome

ONE = Trial("late messages", 20, workloads=("register",), credit={"sequential": 0.4, "regular register": 0.3})
ASSIGNMENT = Assignment("Title", "About", (ONE,), name="a")


def outcome(came_to: str, seed: int = 1, **more: object) -> Outcome:
    given = {"hidden": False, "ok": 90, "operations": 100, **more}
    return msgspec.convert({"test": ONE.name, "seed": seed, "outcome": came_to, **given}, Outcome)


FAILED = outcome("invalid", 3, kind="stale read", sentence="Stale read: #1 returned 2.", holds=["sequential"])


def test_all_seeds_must_be_without_a_violation() -> None:
    assert score(ONE, [outcome("valid")] * 9).points == 20
    worse = score(ONE, [*[outcome("valid")] * 8, outcome("invalid", kind="stale read")])
    assert (worse.points, worse.failed, worse.why) == (0.0, 1, "1 of 9 seeds: stale read")


def test_there_is_credit_for_a_weaker_model_that_every_failure_satisfies() -> None:
    better = outcome("invalid", 4, kind="stale read", holds=["sequential", "regular register"])
    assert score(ONE, [FAILED, better]).points == 8.0
    assert score(ONE, [FAILED, better]).why.endswith("stale read, but sequential")
    assert score(ONE, [better, outcome("invalid", holds=["regular register"])]).points == 6.0
    assert score(ONE, [FAILED, outcome("invalid")]).points == 0.0


def test_what_could_not_be_judged_is_not_passed() -> None:
    blind = outcome("unknown", sentence="no write succeeded")
    assert score(ONE, [blind] * 6 + [outcome("valid")] * 4).points == 0.0
    assert "only 4 of 10 decided: no write succeeded" in score(ONE, [blind] * 6 + [outcome("valid")] * 4).why
    assert score(ONE, [blind] * 4 + [outcome("valid")] * 6).points == 20
    assert score(ONE, []).points == 0.0


def test_enough_operations_must_succeed_where_that_is_asked_for() -> None:
    one = msgspec.structs.replace(ONE, succeed=0.95)
    assert score(one, [outcome("valid")] * 3).why == "only 270 of 300 operations succeeded; 95% must"


def test_a_grade_is_handed_out_in_four_forms() -> None:
    grade = Grade("ann", "a", (score(ONE, [FAILED, outcome("valid")]),))
    built = outputs.gradescope(grade)
    assert (built["score"], built["tests"][0]["max_score"], built["tests"][0]["status"]) == (8.0, 20, "failed")
    assert "Stale read" in built["tests"][0]["output"]
    case = ElementTree.fromstring(outputs.junit([grade])).find(".//testcase/failure")
    assert case is not None
    assert case.get("message") == "8 of 20 points: 1 of 2 seeds: stale read, but sequential"
    assert "| ◐ | late messages | 8 / 20 | 1 of 2 seeds" in outputs.markdown(grade, "Title")


def test_a_submission_that_was_not_run_to_its_end_gets_nothing() -> None:
    grade = nothing(ASSIGNMENT, "ann", "it took more than 600 s")
    assert (grade.points, grade.of) == (0.0, 20)
    assert "600 s" in outputs.gradescope(grade)["output"]
    assert ElementTree.fromstring(outputs.junit([grade])).find(".//testcase/error") is not None
    assert "600 s" in outputs.markdown_class([grade], "Title")


def test_hidden_failures_are_not_shown() -> None:
    hidden = msgspec.structs.replace(FAILED, hidden=True, holds=())
    said = str(outputs.gradescope(Grade("ann", "a", (score(ONE, [hidden]),))))
    assert "returned 2" not in said
    assert "not shown" in said
