"""The monitor of stacks: each violation is refuted, the rest has a witness, and dumber checkers agree."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from checker.check import check
from checker.models import find
from checker.monitors.nesting import Crossing, Nested, nest
from checker.monitors.stack import by_values
from checker.verify import verify
from tests.checker.containers import Row, container, long_history

REFUTED: list[tuple[str, tuple[Row, ...]]] = [
    ("phantom-value", (("pop", 1, 0, 1),)),
    ("duplicate-value", (("push", 1, 0, 1), ("pop", 1, 2, 3), ("pop", 1, 4, 5))),
    ("value-from-the-future", (("pop", 1, 0, 1), ("push", 1, 2, 3))),
    ("wrongly-empty", (("push", 1, 0, 1), ("pop", None, 2, 3), ("pop", 1, 4, 5))),
    ("out-of-order", (("push", 1, 0, 1), ("push", 2, 2, 3), ("pop", 1, 4, 5))),
    ("out-of-order", (("push", 1, 0, 1), ("push", 2, 2, 3), ("pop", 1, 4, 5), ("pop", 2, 6, 7))),
    (  # 2 overlaps both others, and may reach to the end of neither
        "out-of-order",
        (
            ("push", 1, 0, 1),
            ("push", 2, 1, 3),
            ("pop", 1, 4, 5),
            ("push", 3, 4, 5),
            ("pop", 2, 6, 7),
            ("pop", 3, 8, 9),
        ),
    ),
]


@pytest.mark.parametrize(("kind", "rows"), REFUTED)
def test_each_violation_is_refuted_with_a_proof(kind: str, rows: tuple[Row, ...]) -> None:
    whole = container("push", *rows)
    verdict = check(whole, "stack")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert verdict.worst.explanation is not None
    assert verdict.worst.explanation.kind == kind
    assert verify(whole, find("stack"), verdict) == []


def test_a_slow_push_may_have_gone_below_one_that_began_later() -> None:
    rows: tuple[Row, ...] = (("push", 1, 0, 5), ("push", 2, 2, 3), ("pop", 2, 6, 9), ("pop", 1, 6, 7))
    decision = by_values(container("push", *rows))
    assert decision is not None
    assert decision.outcome == "valid"


def test_a_pending_pop_may_have_taken_what_lay_above_but_only_one_value() -> None:
    rows: tuple[Row, ...] = (("push", 1, 0, 1), ("push", 2, 2, 3), ("pop", None, 4, None), ("pop", 1, 5, 6))
    verdict = check(container("push", *rows), "stack")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    whole = container("push", *rows, ("push", 3, 2, 3))
    verdict = check(whole, "stack")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verify(whole, find("stack"), verdict) == []


def test_a_guess_that_leaves_no_instant_for_an_empty_pop_is_no_witness() -> None:
    """The first pending pop is needed for 1, the second comes for 2 only when 3 is inside already."""
    rows: list[Row] = [("push", 1, 0, 2), ("pop", None, 2, None), ("pop", None, 3, 6), ("push", 2, 6, 7)]
    rows += [("pop", None, 8, 16), ("push", 3, 10, 12), ("pop", None, 14, None), ("pop", 3, 18, 20)]
    whole = container("push", *rows)
    assert by_values(whole) is None
    assert check(whole, "stack").outcome == "invalid"


def test_values_pushed_twice_are_left_to_the_search() -> None:
    assert by_values(container("push", ("push", 1, 0, 1), ("push", 1, 2, 3))) is None


def _outermost_first(spans: dict[int, tuple[int, int, int, int]]) -> bool:
    """Whether spans (first, in_by, out_from, last) can be nested, as the theory in stack.py says it, in n squared."""
    if not spans:
        return True
    for instant in sorted({end for _, _, end, _ in spans.values()}):
        left = {i: span for i, span in spans.items() if span[2] <= instant}
        right = {i: span for i, span in spans.items() if span[1] >= instant}
        if left and right and len(left) + len(right) == len(spans):
            return _outermost_first(left) and _outermost_first(right)
    begin, end = min(span[1] for span in spans.values()), max(span[2] for span in spans.values())
    rest = {i: span for i, span in spans.items() if span[0] > begin or span[3] < end}
    return len(rest) < len(spans) and _outermost_first(rest)


def _spans(rng: Random, count: int) -> list[tuple[int, int, int, int]]:
    """Nested spans, each end of them given some room; then perhaps one is spoilt."""
    size = 4 * count
    instants = sorted(rng.sample(range(size), 2 * count))
    opened: list[int] = []
    spans = []
    left = count
    for instant in instants:
        if opened and (not left or rng.random() < 0.5):
            begin, room = opened.pop(), rng.choice((0, 1, 3, size))
            early, late = sorted(rng.randint(begin - room, begin + room // 2) for _ in range(2))
            soon, end = sorted(rng.randint(instant - room // 2, instant + room) for _ in range(2))
            spans.append((min(early, begin), max(late, begin), min(soon, instant), max(end, instant)))
        else:
            opened.append(instant)
            left -= 1
    if rng.random() < 0.5:
        i = rng.randrange(len(spans))
        first, in_by, out_from, _ = spans[i]
        spans[i] = (in_by if rng.random() < 0.5 else first, in_by, out_from, out_from)
    return [span for span in spans if span[1] < span[2]]


def _is_nested(spans: list[tuple[int, int, int, int]], found: Nested) -> bool:
    """Walks the instants: pops (inner first), then pushes (outer first); who is popped must be on top."""
    events = []
    for i, (first, in_by, out_from, last) in enumerate(spans):
        put, take, place = int(found.put[i]), int(found.take[i]), int(found.place[i])
        assert first <= put <= in_by
        assert out_from <= take <= last
        events += [(put, 1, place, i), (take, 0, -place, i)]
    stack: list[int] = []
    for _, pushes, _, i in sorted(events):
        if pushes:
            stack.append(i)
        elif stack.pop() != i:
            return False
    return True


@pytest.mark.slow
def test_nesting_agrees_with_the_theory_on_many_spans() -> None:
    outcomes = set()
    for number in range(1500):
        rng = Random(f"nesting {number}")
        spans = _spans(rng, rng.randint(1, 40))
        columns = np.array(spans, dtype=np.int64).reshape(len(spans), 4).T
        found = nest(*columns)
        expected = _outermost_first(dict(enumerate(spans)))
        outcomes.add(expected)
        assert isinstance(found, Nested) == expected, spans
        if isinstance(found, Crossing):
            assert not _outermost_first({i: spans[i] for i in found.chain}), spans
        else:
            assert _is_nested(spans, found), spans
    assert outcomes == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("clients", [1, 4, 30])
def test_a_long_legal_history_has_a_witness_and_one_swap_is_found(clients: int) -> None:
    model = find("stack")
    legal = long_history("push", 3000, clients, seed=1)
    verdict = check(legal, "stack")
    assert (verdict.outcome, verdict.method) == ("valid", "values in and out")
    assert verify(legal, model, verdict) == []
    swapped = long_history("push", 3000, clients, seed=1, swap=True)
    verdict = check(swapped, "stack")
    assert (verdict.outcome, verdict.method) == ("invalid", "values in and out")
    assert verdict.worst is not None
    assert len(verdict.worst.counterexample) <= 6
    assert verify(swapped, model, verdict) == []
