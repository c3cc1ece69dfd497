"""Latencies as quantiles, stable latencies as Maelstrom counts them, messages per operation."""

from __future__ import annotations

from typing import Any

import pytest

from checker.history import Operation
from naysayer.performance import costs, quantiles, stable_latencies

MS = 1_000_000


def op(index: int, f: str, given: Any, output: Any, call_ms: float, ret_ms: float) -> Operation:
    return Operation(index, index, f, None, given, output, int(call_ms * MS), int(ret_ms * MS), "ok", "n0")


def test_quantiles_are_values_that_occurred() -> None:
    assert quantiles([]) == {}
    assert quantiles([3 * MS]) == {"0.5": 3.0, "0.95": 3.0, "0.99": 3.0, "1": 3.0}
    assert quantiles([n * MS for n in range(101)]) == {"0.5": 50.0, "0.95": 95.0, "0.99": 99.0, "1": 100.0}


def test_a_value_is_stable_once_no_later_read_lacks_it() -> None:
    operations = [
        op(0, "broadcast", 1, None, 0, 10),
        op(1, "broadcast", 2, None, 0, 20),
        op(2, "broadcast", 3, None, 0, 100),
        op(3, "broadcast", 4, None, 0, 100),
        op(4, "read", None, [1], 30, 31),
        op(5, "read", None, [1, 3], 40, 41),  # 3 is known from here on, before its acknowledgement
        op(6, "read", None, [1], 70, 71),
        op(7, "read", "final", [1, 2, 3], 200, 201),  # 4 is lost
    ]
    # 1 at once; 2 known at 20 and lacking at 70; 3 known at 41 and lacking at 70
    assert stable_latencies(operations) == {"0.5": 29.0, "0.95": 50.0, "0.99": 50.0, "1": 50.0}


def test_too_many_values_to_look_at_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("naysayer.performance.SHOWN_MAX", 2)
    assert stable_latencies([op(0, "broadcast", 1, None, 0, 1), op(1, "read", None, [1, 2, 3], 2, 3)]) == {}


def test_what_is_not_known_is_not_reported() -> None:
    operations = [op(0, "echo", "x", "x", 0, 2), op(1, "echo", "y", "y", 0, 4)]
    known = costs(operations, "echo", 3)
    assert known.as_json() == {
        "latency_ms": {"0.5": 2.0, "0.95": 4.0, "0.99": 4.0, "1": 4.0},
        "messages": {"between_nodes": 3, "per_operation": 1.5},
    }
    assert known.facts() == [
        ("latency", "median 2 ms · 95 % 4 ms · 99 % 4 ms · longest 4 ms"),
        ("messages", "3 between nodes and services, 1.5 per operation"),
    ]
    assert costs([], "echo", None).facts() == []
