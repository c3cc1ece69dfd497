"""From what the seeds came to, to points. Pure: the same outcomes give the same score."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from naysayer.grade.pack import Assignment, Trial
from naysayer.grade.trial import Outcome

DECIDED_MIN = 0.5
"""At least so large a fraction of the seeds of a test must be valid: if nothing could be judged, it is not passed."""


class TestScore(msgspec.Struct, frozen=True):
    """What a test gave. `first`: the first seed that failed."""

    name: str
    points: float
    of: float
    seeds: int
    failed: int
    why: str = ""
    """Why there are not all points."""
    first: Outcome | None = None
    holds: str | None = None
    """The strongest weaker model that every failing seed satisfies and that there is credit for."""
    hints: tuple[str, ...] = ()
    page: str | None = None
    """The folder of the report on its first failure."""

    @property
    def passed(self) -> bool:
        """Whether it gave all its points."""
        return self.points == self.of


class Grade(msgspec.Struct, frozen=True):
    """What a submission gets. `broke`: the limit that it broke, or why it was not run at all; then it gets nothing."""

    submission: str
    assignment: str
    tests: tuple[TestScore, ...]
    broke: str | None = None
    reproducible: bool = True
    hidden: bool = False
    """The teacher's hidden seeds are among those tried."""

    @property
    def points(self) -> float:
        """The sum."""
        return 0.0 if self.broke is not None else round(sum(one.points for one in self.tests), 1)

    @property
    def of(self) -> float:
        """All points that there are."""
        return sum(one.of for one in self.tests)


def score(one: Trial, outcomes: Sequence[Outcome]) -> TestScore:
    """The points of one test, from the outcomes of all its seeds."""
    failed = [found for found in outcomes if found.outcome in ("invalid", "error")]
    scored = TestScore(one.name, one.points, one.points, len(outcomes), len(failed))
    if failed:
        share, weaker = _credit(one, failed)
        first = failed[0]
        why = f"{len(failed)} of {len(outcomes)} seeds: {first.kind}" + (f", but {weaker}" if weaker else "")
        if one.scenario is not None:
            why = first.kind
        points = round(share * one.points, 1)
        return msgspec.structs.replace(scored, points=points, why=why, first=first, holds=weaker)
    valid = sum(found.outcome == "valid" for found in outcomes)
    if valid < DECIDED_MIN * len(outcomes) or not valid:
        reasons = [found.sentence for found in outcomes if found.outcome == "unknown"]
        reason = reasons[0] if reasons else "nothing was run"
        return msgspec.structs.replace(scored, points=0.0, why=f"only {valid} of {len(outcomes)} decided: {reason}")
    ok, every = sum(found.ok for found in outcomes), sum(found.operations for found in outcomes)
    if ok < one.succeed * every:
        why = f"only {ok} of {every} operations succeeded; {one.succeed:.0%} must"
        return msgspec.structs.replace(scored, points=0.0, why=why)
    return scored


def _credit(one: Trial, failed: Sequence[Outcome]) -> tuple[float, str | None]:
    """The share of the points that the strongest model is worth that all failures satisfy, and its name."""
    common = [name for name in one.credit if all(name in found.holds for found in failed)]
    best = max(common, key=lambda name: one.credit[name], default=None)
    return (0.0, None) if best is None else (one.credit[best], best)


def nothing(assignment: Assignment, submission: str, why: str) -> Grade:
    """The grade of a submission that was not run to its end."""
    tests = tuple(TestScore(one.name, 0.0, one.points, 0, 0, why="not run") for one in assignment.test)
    return Grade(submission, assignment.name, tests, broke=why)
