"""The faults of a run as the page lists them: when each was in force, and what shows that it took effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from checker.formats.columns import Span
from naysayer.fault_spans import end_ms
from targets.protocol.fault import Evidence, Fault

CLOCKS_DIFFER_MS = 100.0
"""Times of events and of evidence differ by less, where both are of the same injection."""


class FaultRow(NamedTuple):
    """A fault: its kind, and what it was, in short and in full. Times are ms since the start of the run; `to_ms` None:
    to the end. `shown`: whether it had an observable effect, None where that is not known."""

    kind: str
    label: str
    in_full: str
    from_ms: float
    to_ms: float | None
    shown: bool | None = None
    detail: str = ""


def fault_rows(events: Sequence[tuple[float, Fault]], evidence: Sequence[Evidence]) -> list[FaultRow]:
    """The faults among the nemesis' events (time in ms, fault), without those that only end others."""
    left = list(evidence)
    rows = []
    for number, (at_ms, fault) in enumerate(events):
        if fault.only_ends:
            continue
        mine = [one for one in left if one.fault == fault and abs(one.from_ms - at_ms) <= CLOCKS_DIFFER_MS]
        nearest = min((abs(one.from_ms - at_ms) for one in mine), default=0.0)
        mine = [one for one in mine if abs(one.from_ms - at_ms) == nearest]
        left = [one for one in left if not any(one is other for other in mine)]
        to_ms = at_ms if fault.momentary or not fault.begins() else end_ms(fault, events[number + 1 :])
        shown = any(one.shown for one in mine) if mine else None
        detail = "; ".join(dict.fromkeys(one.detail for one in mine))
        kind = fault.tag.removesuffix("-messages")
        rows.append(FaultRow(kind, fault.label(), fault.in_full(), at_ms, to_ms, shown, detail))
    return rows


def recorded_faults(spans: Sequence[Span]) -> list[FaultRow]:
    """The faults that a history shows, with the first word of each as its kind."""
    return [
        FaultRow(_kind(one.label), one.label, one.label, one.begin / 1e6, None if one.end is None else one.end / 1e6)
        for one in spans
    ]


def _kind(label: str) -> str:
    words = label.split()
    return words[0] if words else "fault"
