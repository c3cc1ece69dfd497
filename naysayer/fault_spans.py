"""From when to when each fault was in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from targets.protocol.fault_base import Fault


@dataclass(frozen=True)
class FaultSpan:
    """A fault in force, in ms since the start of the run; `to_ms` None if it lasted to the end."""

    label: str
    from_ms: float
    to_ms: float | None


def fault_spans(events: Sequence[tuple[float, Fault]]) -> list[FaultSpan]:
    """Each fault that lasts, of the nemesis' events (time in ms, fault), until later events had ended it wholly."""
    return [
        FaultSpan(fault.label(), at_ms, end_ms(fault, events[number + 1 :]))
        for number, (at_ms, fault) in enumerate(events)
        if fault.begins() and not fault.momentary
    ]


def end_ms(fault: Fault, later: Sequence[tuple[float, Fault]]) -> float | None:
    """When later events had ended a fault wholly; None if none did."""
    left = fault.begins()
    for at_ms, event in later:
        left -= event.ends()
        if not left:
            return at_ms
    return None
