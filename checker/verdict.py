"""A verdict and its proof: valid with a witness order, invalid with a counterexample, unknown with what ran out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from checker.budget import Bound
from checker.history import Operation
from checker.model import State

Outcome = Literal["valid", "invalid", "unknown"]


@dataclass(frozen=True)
class Edge:
    """`before` must precede `after` in any linearization, for this reason.

    `why` is one of: "written by", "read by", "real time", "overwritten by", "read older than", or a model's own.
    """

    before: int
    """Index of an operation."""
    after: int
    why: str


@dataclass(frozen=True)
class Explanation:
    """Why no order works: a stable `kind` (stale-read, phantom-value, lost-write, ...), one plain sentence that names
    operations as #index, and the shortest cycle of edges where one exists (edge i ends where edge i+1 begins)."""

    kind: str
    sentence: str
    cycle: tuple[Edge, ...] = ()
    culprit: int | None = None
    """The operation whose result cannot be explained, if one can be named."""
    notes: dict[int, str] = field(default_factory=dict)
    """Per operation of the counterexample: what a reader must know about it ("must read 1: ...")."""
    steps: tuple[str, ...] = ()
    """Of transactions: for each edge of the cycle a clause that says why."""
    failed: tuple[Operation, ...] = ()
    """Operations that the sentence names though they failed: no part of the proof, but what it is about."""


@dataclass(frozen=True)
class Start:
    """What a system may look like at an instant: its state, and which of the operations then under way (by index) have
    taken effect in it."""

    state: State
    done: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Decision:
    """What a monitor or the search says of one part, in row numbers of that part; check() makes a Part of it."""

    outcome: Outcome
    method: str
    witness: Sequence[int] | NDArray[np.int64] | None = None
    """valid: rows in linearization order."""
    counterexample: tuple[int, ...] = ()
    """invalid: rows which alone cannot be ordered."""
    explanation: Explanation | None = None
    steps: int = 0
    reason: str | None = None
    """unknown: what ran out and how far it got."""
    bound: Bound | None = None
    """unknown: the limit that ended the search, if one did."""
    until: int | None = None
    """invalid, by the search: when the operation returns that no order gets past."""
    counted: tuple[int, ...] = ()
    """invalid, by the search: the rows of unknown outcome that it had to count."""
    since: int | None = None
    starts: tuple[Start, ...] | None = None
    """invalid: both as in Part."""


@dataclass(frozen=True)
class Anomaly:
    """One kind of anomaly of transactions: how often it was found, and the smallest example in a sentence."""

    kind: str
    count: int
    sentence: str
    operations: tuple[int, ...]
    """Indices of the transactions of the example."""


@dataclass(frozen=True)
class Part:
    """The verdict on one key (key None: the whole history).

    valid: `witness` holds the row-independent indices of the operations in linearization order (pending operations
    that took no effect are left out). invalid: `counterexample` holds operations which alone cannot be ordered.
    unknown: `reason` says what ran out and how far it got.
    """

    key: Any
    outcome: Outcome
    method: str
    """What decided: "zones", "search", ... ."""
    operations: int
    steps: int = 0
    seconds: float = 0.0
    witness: Sequence[int] | NDArray[np.int64] | None = None
    counterexample: tuple[Operation, ...] = ()
    explanation: Explanation | None = None
    reason: str | None = None
    bound: Bound | None = None
    """unknown: the limit that ended the search, if one did."""
    since: int | None = None
    """invalid: if given, the counterexample is a *window*. What ended before this instant is not needed: in whatever
    state it left the system, the operations since have no order. Those called by then may have happened before it."""
    starts: tuple[Start, ...] | None = None
    """invalid: if given with `since`, the window needs the past for this: what the system may look like at that instant
    (possible.py), as far as the counterexample has the operations then under way. None: anything."""
    proof: Any = None
    """invalid, of transactions: the cycle, and what it rests on (checker.transactions.proof)."""


@dataclass(frozen=True)
class Rung:
    """One weaker property beside the verdict: whether it holds (None: not decided), and a short detail."""

    name: str
    holds: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a history: invalid if any part is, else unknown if any part is, else valid."""

    outcome: Outcome
    model: str
    method: str
    """The methods of its parts, joined: "zones", "zones+search"."""
    operations: int
    parts: tuple[Part, ...]
    seconds: float
    warnings: tuple[str, ...] = ()
    ladder: tuple[Rung, ...] = ()
    interrupted: bool = False
    """The check was ended early: what it had not decided by then is unknown, and a proof may be larger than need be."""
    anomalies: tuple[Anomaly, ...] = ()
    """Of transactions: all kinds that were found, whatever the level that was asked for."""
    data: str | None = None
    """Of transactions: their data type, as readers name it; `model` is then a level of isolation."""

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from checker.notebook import html_of

        return html_of(self)

    @property
    def worst(self) -> Part | None:
        """The part to show: the first invalid one, else the first unknown one, else None."""
        for outcome in ("invalid", "unknown"):
            for part in self.parts:
                if part.outcome == outcome:
                    return part
        return None
