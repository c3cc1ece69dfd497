"""Nodes that did not answer in time though no fault was in force: the report names them."""

from __future__ import annotations

from collections.abc import Sequence

from checker.history import Operation
from naysayer.fault_spans import FaultSpan
from naysayer.harness.clients import TIMEOUT
from targets.protocol.node import NodeId

RECOVERY_MS = 2000.0
"""For this time after a fault a node may still be affected by it: an election, a restart."""


def slow_nodes(operations: Sequence[Operation], spans: Sequence[FaultSpan], timeout_s: float) -> dict[NodeId, str]:
    """By node, a sentence for each that never answered, or was too slow while no fault was in force."""
    found: dict[NodeId, str] = {}
    asked: dict[NodeId, list[Operation]] = {}
    for op in operations:
        if op.node is not None:
            asked.setdefault(op.node, []).append(op)
    for node, ops in sorted(asked.items()):
        late = [op for op in ops if op.error == TIMEOUT]
        unhindered = [op for op in late if not any(_hinders(span, op.call / 1e6, timeout_s * 1000) for span in spans)]
        within = f"had no answer within {timeout_s:g} s"
        if len(late) == len(ops):
            found[node] = f"never answered: all of its {len(ops)} operations {within}"
        elif unhindered:
            found[node] = (
                f"was slow: {len(unhindered)} of its {len(ops)} operations {within}, while no fault was in force"
            )
    return found


def _hinders(span: FaultSpan, call_ms: float, timeout_ms: float) -> bool:
    """Whether a fault, or the recovery from it, overlaps an operation."""
    return span.from_ms <= call_ms + timeout_ms and (span.to_ms is None or call_ms <= span.to_ms + RECOVERY_MS)
