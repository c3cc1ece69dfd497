"""Findings: errors of a system besides the order of its operations. It does not recover, or a node dies or hangs.

A finding makes a verdict invalid. Each names the nodes and how they ended.
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
"""By kind of finding: the method named in the verdict; in order of precedence."""

HEADLINES = {
    "invariant": "✗ INVARIANT BROKEN",
    "liveness": "✗ NOT LIVE",
    "node died": "✗ NODE DIED",
    "node hung": "✗ NODE HUNG",
}
"""By method."""


class Finding(msgspec.Struct, frozen=True):
    """A finding, its time (ms since the start of the run), and a sentence about it."""

    kind: Kind
    at_ms: float
    sentence: str
    node: NodeId | None = None


def with_findings(verdict: Verdict, findings: Sequence[Finding]) -> Verdict:
    """The verdict with the findings: invalid because of the gravest one, unless it was invalid already."""
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
