"""The search that counts operations of unknown outcome where that matters."""

from __future__ import annotations

import pytest

from checker.budget import Budget, Meter
from checker.counting import Counting
from checker.history import PENDING, History, Operation
from checker.judging import effective
from checker.models import find
from checker.slots import Slots
from checker.steps import Steps
from tests.benchmarks.lies import lie


def searched(part: History) -> Counting:
    steps = Steps(find("cas-register"))
    return Counting(Slots(part.call, part.ret, steps.kinds_of(part)), steps, Meter(Budget(steps=None)))


def history(*ended: tuple[str, object, object], pending: tuple[int, ...]) -> History:
    """Operations one after the other, and writes of unknown outcome before them."""
    unknown = [Operation(i, i, "write", None, value, None, i, PENDING, "info") for i, value in enumerate(pending)]
    return History.of(
        unknown
        + [
            Operation(i, 0, f, None, given, output, 10 * i, 10 * i + 5)
            for i, (f, given, output) in enumerate(ended, len(pending))
        ]
    )


READS = (("read", None, 1), ("write", 2, None), ("read", None, 1))


def test_only_the_kind_that_happened_too_often_is_counted() -> None:
    search = searched(history(*READS, pending=(1, 3, 4)))
    assert search.run() == "invalid"
    assert [search.slots.kinds[search.slots.pending[kind][1][0]] for kind in search.counted] == [0]
    assert search.number == 2, "the last read"


def test_an_order_in_which_nothing_happened_too_often_is_a_witness() -> None:
    search = searched(history(*READS, pending=(1, 1, 3)))
    assert search.run() == "valid"
    assert not search.counted
    assert search.witness() == [0, 3, 4, 1, 5]


@pytest.mark.slow
def test_a_lie_among_unknown_outcomes_takes_few_configurations() -> None:
    """Depth first it takes 1.5 million; here, two of eleven kinds are counted."""
    search = searched(effective(lie(10, 20, 6), find("cas-register")))
    assert search.run(200_000) == "invalid"
    assert len(search.counted) <= 4
