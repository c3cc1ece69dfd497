"""A register is judged by zones while events come: as the frontier of configurations does it, in bounded memory."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from checker import streaming
from checker.check import check
from checker.history import PENDING, History, Operation
from checker.online_register import RECENT_MAX, OnlineRegister
from checker.streaming import Event, Stream, Violation
from tests.checker.generate import AUTHORS
from tests.checker.generate import history as small


def longer(rng: Random, name: str) -> list[Operation]:
    """Some small histories one after the other, the values of each distinct from those of the others."""
    ops: list[Operation] = []
    start = 0
    for number in range(rng.randint(1, 4)):
        part = small(AUTHORS[name], rng, rng.choice(("legal", "legal", "mutated")), rng.randint(3, 8))
        first = min(op.call for op in part)
        for op in part:
            ret = op.ret if op.pending else op.ret - first + start
            moved = structs.replace(op, index=len(ops), process=len(ops), call=op.call - first + start, ret=ret)
            ops.append(_raised(moved, 100 * number))
        start = max(op.call if op.pending else op.ret for op in ops) + rng.randint(0, 2)
    return ops


def _raised(op: Operation, by: int) -> Operation:
    def up(value: object) -> object:
        return value + by if type(value) is int else tuple(map(up, value)) if isinstance(value, tuple) else value

    return structs.replace(op, input=up(op.input), output=up(op.output))


def violations(ops: list[Operation], model: str) -> list[tuple[int, Violation]]:
    """With the time of the event that was the last before each was reported."""
    stream = Stream(model)
    found = []
    ends = [(op.ret, 1, op) for op in ops if not op.pending]
    for time, ended, op in sorted([(op.call, 0, op) for op in ops] + ends, key=lambda event: event[:2]):
        kind, value = (op.status, op.output) if ended else ("invoke", op.input)
        event = Event(kind, op.index, op.f, None, value, time)  # type: ignore[arg-type]
        found += [(time, one) for one in stream.feed(event)]
    return found + [(PENDING, one) for one in stream.flush()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["register", "cas-register", "kv"])
def test_the_frontier_agrees_event_by_event_and_every_proof_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reported = proved = 0
    for seed in range(200):
        ops = longer(Random(f"{name} {seed}"), name)
        found = violations(ops, name)
        with monkeypatch.context() as patched:
            patched.setattr(streaming, "ONLINE", ())
            expected = violations(ops, name)
        assert [time for time, _ in found] == [time for time, _ in expected], ops
        for _, one in found:
            reported += 1
            proof = [*one.counterexample, *one.explanation.failed]
            if proof:
                proved += 1
                assert check(History.of(proof), name).outcome == "invalid", proof
    assert reported > 40
    assert proved > (40 if name == "register" else 1), "a cas or delete hands the key to the frontier"


def events(stream: Stream, *given: tuple[object, ...]) -> list[Violation]:
    return [found for event in given for found in stream.feed(Event(*event))] + stream.flush()  # type: ignore[arg-type]


def test_a_write_that_fails_after_its_value_was_read_is_reported_at_its_end() -> None:
    stream = Stream("kv")
    read = [("invoke", 0, "write", "x", 1), ("invoke", 1, "read", "x"), ("ok", 1, "", None, 1)]
    replaced = [("invoke", 2, "write", "x", 2), ("ok", 2), ("invoke", 1, "read", "x"), ("ok", 1, "", None, 2)]
    assert events(stream, *read, *replaced) == []
    assert events(stream, ("invoke", 3, "cas", "x", (2, 3)), ("ok", 3, "", None, True)) == []
    (found,) = events(stream, ("fail", 0))
    assert found.explanation.sentence == "#1 returned 1, but the write of that value (#0) failed."


def test_what_can_never_be_found_again_is_forgotten() -> None:
    stream = Stream("register")
    for value in range(3000):
        assert events(stream, ("invoke", 0, "write", None, value), ("ok", 0)) == []
        assert events(stream, ("invoke", 1, "read"), ("ok", 1, "", None, value)) == []
    (key,) = stream._keys.values()
    assert isinstance(key, OnlineRegister)
    assert len(key.values) + len(key.recent) + len(key.older) + len(key.latest) < 10


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "outcome"), [("ok", "unknown"), ("info", "valid")])
def test_a_read_that_never_ends_is_waited_for_only_so_long(answer: str, outcome: str) -> None:
    stream = Stream("register", eager=False)
    stream.feed(Event("invoke", "slow", "read"))
    for value in range(2 * RECENT_MAX):
        stream.feed(Event("invoke", 0, "write", None, value))
        stream.feed(Event("ok", 0))
    (key,) = stream._keys.values()
    assert isinstance(key, OnlineRegister)
    assert len(key.recent) <= RECENT_MAX + 1
    stream.feed(Event(answer, "slow", value=5))  # type: ignore[arg-type]
    stream.flush()
    assert stream.outcome == outcome
    assert all("read #0 was open while 10,000 values were written" in why for why in stream.undecided.values())
