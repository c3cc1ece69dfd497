"""What a run cost: the latency of operations, the time until all nodes showed a value, the number of messages.

As in Maelstrom's results, a `stable` latency lasts from when a value was known to be stored (its acknowledgement, or
the first read that showed it) until no later read lacked it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from checker.history import Operation
from checker.values import freeze

QUANTILES = (0.5, 0.95, 0.99, 1.0)

SHOWN_MAX = 10_000_000
"""Values in all reads together, at most: for more it would take seconds, so stable latencies are not computed."""

Quantiles = dict[str, float]
"""By quantile ("0.5" ... "1.0"), ms."""


def quantiles(values_ns: Sequence[int]) -> Quantiles:
    """The quantiles (ms) of durations in ns; empty if there are none."""
    ordered = sorted(values_ns)
    last = len(ordered) - 1
    return {f"{q:g}": round(ordered[round(q * last)] / 1e6, 3) for q in QUANTILES} if ordered else {}


def latencies(operations: Sequence[Operation]) -> Quantiles:
    """How long the successful operations took."""
    return quantiles([op.ret - op.call for op in operations if op.status == "ok"])


def stable_latencies(operations: Sequence[Operation]) -> Quantiles:
    """The time from when a value was stored until every read showed it, without values that the last reads lack.
    Empty if there are too many values."""
    reads = [op for op in operations if op.f == "read" and op.status == "ok"]
    if sum(len(op.output or ()) for op in reads) > SHOWN_MAX:
        return {}
    known: dict[Any, int] = {}
    for op in operations:
        if op.f in ("add", "broadcast") and op.status == "ok":
            known[freeze(op.input)] = op.ret
    for op in reads:
        for value in freeze(op.output or ()):
            if value in known and op.ret < known[value]:
                known[value] = op.ret
    waiting = set(known)
    found: list[int] = []
    last = True
    for op in sorted(reads, key=lambda op: -op.call):
        lacking = waiting.difference(freeze(op.output or ()))
        if not last:
            found += [max(0, op.call - known[value]) for value in lacking]
        waiting -= lacking
        last = False
        if not waiting:
            break
    return quantiles([*found, *[0] * len(waiting)])


@dataclass(frozen=True)
class Costs:
    """The costs, for verdict.json and the report. Empty and None mean not known."""

    latency_ms: Quantiles = field(default_factory=dict)
    stable_latency_ms: Quantiles = field(default_factory=dict)
    operations: int = 0
    between_nodes: int | None = None
    """Messages between nodes, and to and from services, if the harness sees them."""

    def as_json(self) -> dict[str, Any]:
        """Without what is not known."""
        found: dict[str, Any] = {"latency_ms": self.latency_ms, "stable_latency_ms": self.stable_latency_ms}
        if self.between_nodes is not None:
            found["messages"] = {"between_nodes": self.between_nodes, "per_operation": round(self._each(), 3)}
        return {name: value for name, value in found.items() if value}

    def facts(self) -> list[tuple[str, str]]:
        """Rows of the report."""
        rows = [("latency", _shown(self.latency_ms)), ("visible", _shown(self.stable_latency_ms))]
        if self.between_nodes:
            text = f"{self.between_nodes} between nodes and services, {self._each():.1f} per operation"
            rows.append(("messages", text))
        return [(name, text) for name, text in rows if text]

    def _each(self) -> float:
        return (self.between_nodes or 0) / max(1, self.operations)


def costs(operations: Sequence[Operation], model: str, between_nodes: int | None) -> Costs:
    """The costs of the operations that ended."""
    stable = stable_latencies(operations) if model in ("broadcast", "g-set") else {}
    return Costs(latencies(operations), stable, len(operations), between_nodes)


def _shown(values: Quantiles) -> str:
    names = {"0.5": "median", "0.95": "95 %", "0.99": "99 %", "1": "longest"}
    return " · ".join(f"{names[q]} {value:g} ms" for q, value in values.items())
