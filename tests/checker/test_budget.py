"""Each limit must end a search, and say which one it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker import budget
from checker.budget import SAMPLE_STEPS, Budget, Meter, OutOfBudget


def test_steps_end_exactly_at_their_limit() -> None:
    meter = Meter(Budget(steps=10_000))
    for _ in range(10_000):
        meter.spend()
    with pytest.raises(OutOfBudget, match=r"out of steps \(10,000\)"):
        meter.spend()


def test_time_is_looked_at_now_and_then() -> None:
    meter = Meter(Budget(steps=None, seconds=0))
    meter.spend(SAMPLE_STEPS)
    with pytest.raises(OutOfBudget, match=r"out of time \(0 s\)"):
        meter.spend()


def test_memory_counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "_resident_mb", lambda: 500.0)
    meter = Meter(Budget(memory_mb=100))
    meter.spend(SAMPLE_STEPS + 1)
    monkeypatch.setattr(budget, "_resident_mb", lambda: 601.0)
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
