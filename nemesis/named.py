"""Kinds of faults by the names that `--nemesis` takes: `kill`, `kill:majority`, `depose:relay`, `faults.py:STORM`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from checker.errors import UsageError, unknown_name
from nemesis.catalog import KINDS, running, undo
from nemesis.kind import FaultKind, Select
from nemesis.relay import Relay
from nemesis.schedule import Schedule
from nemesis.steady import Steady
from targets.protocol.own_code import is_own, own_part

SELECTIONS: dict[str, Select] = {
    "one": lambda situation: running(situation, 1),
    "minority": lambda situation: running(situation, (len(situation.nodes) - 1) // 2),
    "majority": lambda situation: running(situation, len(situation.nodes) // 2 + 1),
    "all": lambda situation: running(situation, len(situation.nodes)),
}
"""Which nodes a fault is injected on, by what is written after its name and a colon."""

RELAY = "relay"
"""What is written after the name and a colon for a fault that comes again and again, alone."""

STEADY = "steady"
"""What is written there for a fault that lasts as long as the run, alone."""

MINORITY_OF = 3
"""The least number of nodes that has a minority."""

ALIASES = {"crash": "kill", "skew": "clock", "one-way-partition": "one-way"}


def find(name: str) -> FaultKind:
    """The kind of that name, on the nodes that are named after a colon, if so: `kill`, `kill:majority`; or again and
    again, as `depose:relay`; or one in a file of the user's: `faults.py:STORM`. Raises UsageError with the names."""
    if is_own(name):
        return _own(name)
    plain, colon, selection = name.partition(":")
    kind = KINDS.get(ALIASES.get(plain, plain))
    if kind is None:
        raise unknown_name("fault", plain, [*KINDS, *ALIASES])
    return _on(kind, selection) if colon else kind


def _on(kind: FaultKind, selection: str) -> FaultKind:
    if selection == RELAY:
        return _relay(kind)
    if selection == STEADY:
        return replace(kind, name=f"{kind.name}:{STEADY}", schedule=Steady(kind))
    if kind.on is None:
        able = ", ".join(one.name for one in KINDS.values() if one.on is not None)
        raise UsageError(f"fault {kind.name} takes no selection of nodes such as :{selection}; these do: {able}")
    if selection not in SELECTIONS:
        raise unknown_name("selection of nodes", selection, SELECTIONS)
    least = MINORITY_OF if selection == "minority" else kind.nodes
    return replace(kind, name=f"{kind.name}:{selection}", begin=kind.on(SELECTIONS[selection]), nodes=least)


def _relay(kind: FaultKind) -> FaultKind:
    """The kind as a whole schedule (relay.py)."""
    if not kind.hold_ms:
        able = ", ".join(one.name for one in KINDS.values() if one.hold_ms)
        raise UsageError(f"fault {kind.name} has no relay; these do: {able}")
    return replace(kind, name=f"{kind.name}:{RELAY}", schedule=Relay(kind))


def _own(name: str) -> FaultKind:
    """A kind of fault in a user's file, or a whole schedule there."""
    found = own_part(name, "fault", _is_fault_or_schedule, "FaultKind or schedule {}")
    if isinstance(found, FaultKind):
        return replace(found, name=name)
    needs = frozenset(getattr(found, "needs", frozenset()))
    return FaultKind(name, "a schedule", needs, lambda situation: None, undo, name, schedule=found)


def _is_fault_or_schedule(found: Any) -> bool:
    return isinstance(found, FaultKind) or (not isinstance(found, type) and callable(getattr(found, "next", None)))


def schedule_of(names: Sequence[str]) -> Schedule | None:
    """The whole schedule that is named, if one is. Raises UsageError if it is not named alone."""
    for name in names:
        schedule = find(name).schedule
        if schedule is not None and len(names) > 1:
            raise UsageError(f"{name} is a whole schedule: no other fault can be added to it; it can name them itself")
        if schedule is not None:
            return schedule
    return None
