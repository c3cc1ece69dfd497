"""A stream must report a violation at the event that proves it: not one later, and never without one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from msgspec import structs

from checker.errors import HistoryError, UsageError
from checker.history import PENDING, Operation
from checker.models import find
from checker.streaming import Event, Stream
from tests.checker.brute import linearizable
from tests.checker.generate import AUTHORS
from tests.checker.strategies import histories
from tests.checker.test_check import FAST
from tests.checker.test_repeated_values import Mine

Timed = tuple[int, int, Operation]


def events_of(ops: list[Operation]) -> list[Timed]:
    """(time, whether it ends, operation) in the order of a record."""
    calls = [(op.call, 0, op) for op in ops]
    ends = [(op.ret, 1, op) for op in ops if op.ret != PENDING]
    return sorted(calls + ends, key=lambda event: event[:2])


def seen_until(ops: list[Operation], time: int) -> list[Operation]:
    """What is known at a moment: what had not ended by then is pending."""
    known = [op for op in ops if op.call <= time]
    return [op if op.ret <= time else structs.replace(op, status="info", ret=PENDING, output=None) for op in known]


@pytest.mark.slow
@pytest.mark.parametrize("name", AUTHORS)
def test_a_violation_is_reported_at_the_first_moment_that_proves_it(name: str) -> None:
    model = find(name)

    @FAST
    @given(histories(name, 6))
    def holds(ops: list[Operation]) -> None:
        expected = None
        for time in sorted({time for time, _, _ in events_of(ops)}):
            if not linearizable(model, seen_until(ops, time)):
                expected = time
                break
        stream, seldom = Stream(name), Stream(name, eager=False)
        reported = None
        for time, group in itertools.groupby(events_of(ops), key=lambda event: event[0]):
            for _, ends, op in group:
                kind = "invoke" if not ends else op.status
                event = Event(kind, op.process, op.f, op.key, op.output if ends else op.input, time)
                stream.feed(event)
                assert seldom.feed(event) == []
            if time % 3 == 0:
                assert bool(seldom.judge()) <= (expected is not None and time > expected)
            if stream.flush() and reported is None:
                reported = time
        assert reported == expected
        seldom.flush()
        assert stream.outcome == seldom.outcome == ("valid" if expected is None else "invalid")

    holds()


def run(stream: Stream, *events: tuple[object, ...]) -> list[str]:
    return [v.explanation.sentence for event in events for v in stream.feed(Event(*event))]  # type: ignore[arg-type]


def test_without_times_a_stale_read_is_reported_when_it_returns() -> None:
    stream = Stream("register")
    assert run(stream, ("invoke", 0, "write", "x", 1), ("ok", 0), ("invoke", 9, "write", "x", 5)) == []
    assert run(stream, ("invoke", 1, "read", "x"), ("invoke", 2, "read", "y"), ("ok", 2, "read", "y", None)) == []
    said = run(stream, ("ok", 1, "read", "x", None))
    assert len(said) == 1
    assert said == ["Stale read: #2 returned nothing, though #0 had already written 1 and finished."]
    assert [v.key for v in stream.violations] == ["x"]
    assert run(stream, ("invoke", 1, "read", "x"), ("ok", 1, "read", "x", 77)) == []


@pytest.mark.slow
def test_memory_holds_the_live_window_and_not_the_history() -> None:
    stream = Stream(Mine)  # what is not of ours is searched
    for i in range(12_000):
        assert run(stream, ("invoke", i % 3, "write" if i % 2 else "read", None, i if i % 2 else None)) == []
        assert run(stream, ("ok", i % 3, "", None, None if i % 2 or i == 0 else i - 1)) == []
    key = stream._keys[None]
    assert key is not None
    assert len(key.ops) <= 1
    assert len(key.settled.steps.kinds) <= 5000
    assert sum(map(len, key.settled.configurations.values())) == 1


def test_a_record_may_begin_before_time_zero() -> None:
    stream = Stream("register")
    assert run(stream, ("invoke", 0, "write", None, 1, -9), ("ok", 0, "write", None, None, -8)) == []
    said = run(stream, ("invoke", 1, "read", None, None, -7), ("ok", 1, "read", None, None, -6))
    assert said == [], "a call at the same time may still come"
    assert len(stream.flush()) == 1


def test_what_makes_no_sense_is_refused() -> None:
    for events, message in (
        ([("ok", 0)], "had not invoked"),
        ([("invoke", 0, "read"), ("invoke", 0, "read")], "before its operation had ended"),
        ([("invoke", 0, "read", None, None, 9), ("ok", 0, "read", None, None, 8)], "ran backwards"),
    ):
        with pytest.raises(HistoryError, match=message):
            run(Stream("register"), *events)
    with pytest.raises(UsageError, match="the model register has no 'pop'"):
        run(Stream("register"), ("invoke", 0, "pop"))
