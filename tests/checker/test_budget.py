"""Each limit must end a search, and say which one it was."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from checker import Inconsistent, Model, Operation, budget, check
from checker.alarm import ended_in_time
from checker.budget import SAMPLE_STEPS, Budget, Meter, OutOfBudget
from checker.model import State

pytestmark = pytest.mark.slow


def test_steps_end_exactly_at_their_limit() -> None:
    meter = Meter(Budget(steps=10_000))
    for _ in range(10_000):
        meter.spend()
    with pytest.raises(OutOfBudget, match=r"out of steps \(10,000\)"):
        meter.spend()


def test_the_clock_is_looked_at_by_time_however_slow_steps_are(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    looked = []

    def monotonic() -> float:
        looked.append(now[0])
        return now[0]

    monkeypatch.setattr(budget.time, "monotonic", monotonic)
    for step_s, late_s in ((0.000_001, 0.1), (0.001, 0.1), (1.0, 2.0)):
        now[0] = 0.0
        looked.clear()
        meter = Meter(Budget(steps=None, seconds=10, memory_mb=None))
        size = 100 if step_s < 0.001 else 1

        def work(meter: Meter = meter, size: int = size, step_s: float = step_s) -> None:
            for _ in range(100_000_000):
                meter.spend(size)
                now[0] += step_s * size

        with pytest.raises(OutOfBudget, match=r"out of time \(10 s\)") as out:
            work()
        assert out.value.bound == "seconds"
        assert now[0] <= 10 + late_s
        assert len(looked) <= 3000, "and not at every step that takes a microsecond"


class Stuck(Model):
    """A write of 3 never ends, unless something ends it."""

    name = "stuck"
    summary = ""
    operations = frozenset({"read", "write"})

    def initial(self) -> State:
        return None

    def step(self, state: State, op: Operation) -> State | Inconsistent:
        while op.f == "write" and op.input == 3:
            pass
        return state if op.f == "read" else op.input  # type: ignore[no-any-return]


def test_a_step_that_takes_longer_than_the_seconds_left_is_ended() -> None:
    before = signal.getsignal(signal.SIGALRM)
    ops = [Operation(i, 0, "write", None, i, None, 10 * i, 10 * i + 5) for i in range(5)]
    part = check(ops, Stuck, budget=Budget(seconds=0.3)).worst
    assert part is not None
    assert (part.outcome, part.bound) == ("unknown", "seconds")
    assert part.reason is not None
    assert part.reason.startswith("out of time (0.3 s): ")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_cheap_keys_are_judged_before_expensive_ones() -> None:
    hard = [Operation(i, 0, "write", "hard", 3, None, i, i) for i in range(3)]
    easy = [Operation(10 + i, 0, "write", f"easy{i}", 1, None, 10 + i, 10 + i) for i in range(20)]
    judged: list[int] = []
    budget = Budget(seconds=1)
    verdict = check([*hard, *easy], Stuck, budget=budget, progress=lambda done, total: judged.append(done))
    assert verdict.parts[0].key == "hard", "parts stay in the order of the history"
    assert [part.outcome for part in verdict.parts] == ["unknown", *["valid"] * 20]
    assert judged[19] == 20, "all the others were decided before it"


def test_what_the_time_was_not_enough_for_is_unknown_and_says_so() -> None:
    ops = [Operation(i, 0, "write", f"k{i}", 1, None, i, i) for i in range(3)]
    verdict = check(ops, "kv", budget=Budget(seconds=1e-9))
    assert {part.outcome for part in verdict.parts} == {"unknown"}
    assert {part.bound for part in verdict.parts} == {"seconds"}
    assert all("before this key was started" in str(part.reason) for part in verdict.parts)


def test_memory_counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "resident_mb", lambda: 500.0)
    meter = Meter(Budget(memory_mb=100))
    meter.spend(SAMPLE_STEPS + 1)
    monkeypatch.setattr(budget, "resident_mb", lambda: 601.0)
    with pytest.raises(OutOfBudget, match=r"out of memory \(100 MiB\)"):
        meter.spend(SAMPLE_STEPS + 1)


def test_where_memory_cannot_be_measured_the_other_limits_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(budget, "_STATM", tmp_path / "none")
    assert budget.memory_is_measured()  # by getrusage
    monkeypatch.setattr(budget, "resource", None)
    assert not budget.memory_is_measured()
    meter = Meter(Budget(steps=10_000, memory_mb=1))
    meter.spend(10_000)
    with pytest.raises(OutOfBudget, match="out of steps"):
        meter.spend()


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_a_budget_beyond_what_a_timer_counts_is_no_bound(seconds: float) -> None:
    ops = [Operation(0, 0, "write", None, 1, None, 0, 1), Operation(1, 1, "read", None, None, 1, 2, 3)]
    assert check(ops, "register", budget=Budget(seconds=seconds)).outcome == "valid"


def test_a_step_that_is_in_a_destructor_at_its_deadline_is_ended_after_it() -> None:
    class Slow:
        def __del__(self) -> None:
            end = time.monotonic() + 0.05
            while time.monotonic() < end:
                pass

    def step() -> None:
        Slow()
        while True:
            pass

    with pytest.raises(OutOfBudget), ended_in_time(Budget(seconds=0.02).begun()):
        step()
