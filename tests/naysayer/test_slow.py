"""Nodes that gave no answer in time are named, unless a fault explains it."""

from __future__ import annotations

from checker.history import PENDING, Operation
from naysayer.fault_spans import FaultSpan
from naysayer.slow import RECOVERY_MS, TIMEOUT, slow_nodes

MS = 1_000_000


def late(at_ms: int, node: str = "n1") -> Operation:
    return Operation(0, 0, "read", "x", call=at_ms * MS, ret=PENDING, status="info", node=node, error=TIMEOUT)


def answered(at_ms: int, node: str = "n1") -> Operation:
    return Operation(0, 0, "read", "x", call=at_ms * MS, ret=(at_ms + 1) * MS, node=node)


def test_a_node_that_answers_in_time_is_not_named() -> None:
    assert slow_nodes([answered(1), answered(2, "n2")], [], 1.0) == {}


def test_a_node_that_never_answered_is_named_whatever_was_in_force() -> None:
    found = slow_nodes([late(0), late(5), answered(1, "n2")], [FaultSpan("cut", 0.0, None)], 1.0)
    assert found == {"n1": "never answered: all of its 2 operations had no answer within 1 s"}


def test_a_slow_node_is_named_for_what_no_fault_explains() -> None:
    fault = FaultSpan("kill n2", 5_000.0, 6_000.0)
    after = 6_000 + int(RECOVERY_MS)
    ops = [answered(0), late(100), late(4_500), late(5_500), late(after - 1), late(after + 1)]
    sentence = "was slow: 2 of its 6 operations had no answer within 0.5 s, while no fault was in force"
    assert slow_nodes(ops, [fault], 0.4) == {"n1": sentence.replace("2 of", "3 of").replace("0.5 s", "0.4 s")}
    assert slow_nodes(ops, [fault], 0.5) == {"n1": sentence}
