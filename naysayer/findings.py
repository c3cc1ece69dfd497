"""What is wrong with a system beside the order of its operations: it does not come back to life, a node dies or hangs.

A finding makes a verdict invalid unless the history is worse. Each names the nodes, and how they ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec

from checker.verdict import Explanation, Part, Verdict
from targets.protocol.node import NodeId

Kind = Literal["invariant", "not-live", "node-died", "node-hung"]

METHODS: dict[Kind, str] = {
    "invariant": "invariant",
    "not-live": "liveness",
    "node-died": "node died",
    "node-hung": "node hung",
}
"""What decided, in verdicts, by the kind of finding; in the order of precedence."""

HEADLINES = {
    "invariant": "✗ INVARIANT BROKEN",
    "liveness": "✗ NOT LIVE",
    "node died": "✗ NODE DIED",
    "node hung": "✗ NODE HUNG",
}
"""By method."""


class Finding(msgspec.Struct, frozen=True):
    """One of them: when it was found (ms since the start of the run), and in one sentence what it is."""

    kind: Kind
    at_ms: float
    sentence: str
    node: NodeId | None = None


def with_findings(verdict: Verdict, findings: Sequence[Finding]) -> Verdict:
    """The verdict with what was found beside the history: invalid, by the gravest finding, unless it was already."""
    if not findings:
        return verdict
    kinds = list(METHODS)
    parts = tuple(
        Part(None, "invalid", METHODS[one.kind], verdict.operations, explanation=Explanation(one.kind, one.sentence))
        for one in sorted(findings, key=lambda one: (kinds.index(one.kind), one.at_ms))
    )
    if verdict.outcome == "invalid":
        return replace(verdict, parts=(*verdict.parts, *parts))
    return replace(verdict, outcome="invalid", method=parts[0].method, parts=(*parts, *verdict.parts))
