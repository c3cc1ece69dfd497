"""A check that is interrupted keeps what it had decided, and says of nothing more than that."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing import active_children
from typing import Any

import pytest
from msgspec.structs import replace

from checker import judging, search
from checker.budget import Interrupted
from checker.check import check
from checker.history import History, Operation
from checker.models import find
from checker.verdict import Verdict
from checker.verify import verify
from tests.checker.test_parallel import crowded


def registers(found: list[int]) -> History:
    """A key each: 1 is written, then a read finds that value."""
    rows = [(key, n, f) for key, n in enumerate(found) for f in ("write", "read")]
    return History.of(
        Operation(i, 0, f, key, 1 if f == "write" else None, None if f == "write" else n, 10 * i, 10 * i + 5)
        for i, (key, n, f) in enumerate(rows)
    )


def after(keys: int) -> Callable[[int, int], None]:
    """As progress: interrupts, as a signal handler would, when so many keys are decided."""

    def explanation(done: int, total: int) -> None:
        if done == keys:
            raise Interrupted

    return explanation


def outcomes(verdict: Verdict) -> list[str]:
    return [part.outcome for part in verdict.parts]


def test_keys_that_were_decided_stay_decided_and_the_others_are_unknown() -> None:
    history = registers([1, 1, 1])
    verdict = check(history, "kv", progress=after(2))
    assert (verdict.outcome, verdict.interrupted) == ("unknown", True)
    assert outcomes(verdict) == ["valid", "valid", "unknown"]
    assert verdict.worst is not None
    assert verdict.worst.reason == "interrupted while judging: 2 of 3 keys decided"
    assert verify(history, find("kv"), verdict) == []
    assert not check(history, "kv").interrupted


def test_a_violation_that_was_found_stays_one() -> None:
    history = registers([1, 7, 1])
    verdict = check(history, "kv", progress=after(2))
    assert outcomes(verdict) == ["valid", "invalid", "unknown"]
    assert verdict.outcome == "invalid"
    assert verify(history, find("kv"), verdict) == []


@pytest.mark.parametrize("stage", ["shrink", "_explain"])
def test_a_violation_stays_one_though_its_counterexample_is_not_made_small(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise Interrupted

    history = crowded(4, writers=3)
    monkeypatch.setattr(judging, stage, interrupted)
    verdict = check(history, "counter")
    assert verdict.interrupted
    assert outcomes(verdict) == ["valid", "invalid", "unknown", "unknown"]
    explanation = verdict.parts[1].explanation
    assert explanation is not None
    assert explanation.kind == "no-order"
    assert verify(history, find("counter"), verdict) == []


@pytest.mark.slow
def test_worker_processes_end_at_once_and_what_they_had_decided_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    short_rounds(monkeypatch)
    history = History.of([*crowded(2, writers=7), *hopeless(key=2, first=100), *hopeless(key=3, first=200)])
    verdict = check(history, "counter", engine="processes", progress=after(2), all_keys=True)
    assert sorted(outcomes(verdict)) == ["invalid", "unknown", "unknown", "valid"]
    assert [part.key for part in verdict.parts] == [0, 1, 2, 3]
    assert active_children() == []


def hopeless(key: int, first: int) -> list[Operation]:
    """A key whose search ends only when its budget does."""
    ops = [op for op in crowded(2, writers=22) if op.key == 1]
    return [replace(op, index=first + op.index, process=first + op.index, key=key) for op in ops]


def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what needs no search is decided in this process."""
    monkeypatch.setattr(search, "FIRST", 8)
    monkeypatch.setattr(search, "FIRST_EACH", 0)


class Keeping(Executor):
    """A user's executor that never gets to anything but the first task."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.futures.append(Future())
        if len(self.futures) == 1:
            self.futures[0].set_result(fn(*args, **kwargs))
        return self.futures[-1]


def test_what_waits_in_somebody_elses_executor_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    short_rounds(monkeypatch)
    executor = Keeping()
    verdict = check(crowded(6, writers=7), "counter", engine=executor, progress=after(4), all_keys=True)
    assert sorted(outcomes(verdict)) == ["invalid", "unknown", "unknown", "valid", "valid", "valid"]
    assert [future.cancelled() for future in executor.futures] == [False, True, True]
