"""Faults as records show them: the nemesis' events become spans on the clock of the history.

Jepsen's nemesis writes each of its operations twice, when it begins and when it is done, both as :info. Which of them
begin a fault and which end it is clear from their names: `start-partition` and `stop-partition`, `kill` and `start`,
`pause` and `resume`, `bump-clock` and `reset-clock`. Any other is drawn from its first event to its second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from checker.formats.columns import Span
from checker.values import Map, Set, Token

LABEL_MAX = 36

_BEGINS = re.compile(
    r"start|kill|pause|crash|cut|partition|isolate|split|bump|strobe|skew|slow|drop|flaky|degrade|hold|suspend|corrupt"
)
_HEALS = re.compile(r"stop|restart|resume|reset|recover|release|heal|fast|end")
_ENDED_BY = {
    "kill": ("start", "restart"),
    "crash": ("start", "restart", "recover"),
    "pause": ("resume", "restart", "start"),
    "suspend": ("resume",),
    "cut": ("heal",),
    "partition": ("heal",),
    "isolate": ("heal",),
    "split": ("heal",),
    "degrade": ("heal",),
    "slow": ("fast", "heal", "reset"),
    "drop": ("heal",),
    "flaky": ("fast", "heal", "reset"),
    "hold": ("release", "heal"),
    "bump": ("reset",),
    "strobe": ("reset",),
    "skew": ("reset",),
}
"""By the first word of a fault's name: the first words of what ends it, beside stop-NAME and reset-NAME."""


When = tuple[int | None, int]
"""A time in ns, None if it is not known, and the number of client events before it."""


@dataclass
class _Fault:
    name: str
    value: Any
    begin: When
    end: When | None = None
    ended_by: str | None = None


class Nemesis:
    """Gathers the nemesis' events in their order. `twice`: each is written when it begins and when it is done."""

    def __init__(self, *, twice: bool = True) -> None:
        self._twice = twice
        self._events: list[tuple[str, Any, When]] = []

    def add(self, name: str, value: Any, time: Any, position: int) -> None:
        """An event at a time (ns, None if not known) that follows so many client events."""
        self._events.append((name, value, (time if type(time) is int else None, position)))

    def spans(self, *, ordered: bool, times: Any) -> tuple[Span, ...]:
        """The faults on the history's clock; `times`: those of the client events, for a fault without a time."""

        def when(at: When) -> int:
            if ordered:
                return at[1]
            return at[0] if at[0] is not None else int(times[min(at[1], len(times) - 1)])

        return tuple(
            Span(_label(fault), when(fault.begin), None if fault.end is None else when(fault.end))
            for fault in self._faults()
        )

    def _faults(self) -> list[_Fault]:
        # Where nodes are killed or paused, a bare `start` starts them; elsewhere it begins the fault that `stop` ends.
        starts_nodes = any(name.split("-")[0] in ("kill", "crash", "pause") for name, _, _ in self._events)
        faults: list[_Fault] = []
        last = ""
        for name, value, at in self._events:
            if self._twice and name == last:
                last = ""
                _complete(faults, name, value, at)
                continue
            last = name
            ending = [fault for fault in faults if fault.end is None and _ends(name, fault.name)]
            for fault in ending:
                fault.end, fault.ended_by = at, name
            if _HEALS.match(name) or (name == "start" and starts_nodes):
                continue
            lasting = _BEGINS.match(name) is not None or self._twice
            faults.append(_Fault(name, value, at, None if lasting else at))
        return faults


def _complete(faults: list[_Fault], name: str, value: Any, at: When) -> None:
    """What was begun is done: ended faults end now, and the value says what a begun one did."""
    for fault in faults:
        if fault.ended_by == name:
            fault.end, fault.ended_by = at, None
    if faults and faults[-1].name == name:
        fault = faults[-1]
        if fault.value is None or _map_in(value) is not None:
            fault.value = value
        if _BEGINS.match(name) is None:
            fault.end = at


def _ends(name: str, fault: str) -> bool:
    """Whether an event of this name ends a fault of that one."""
    word, _, what = name.partition("-")
    first, _, of = fault.partition("-")
    if name == fault:
        return False
    if word in ("stop", "reset", "heal", "end") and what and what in (fault, of):
        return True
    if name == "stop":
        return first == "start"
    same = what == of or not what or (not of and word != "start")
    return same and word in _ENDED_BY.get(of if first == "start" and of in _ENDED_BY else first, ())


def _label(fault: _Fault) -> str:
    detail = _detail(fault.value)
    name = "" if fault.name == "start" and detail else fault.name.removeprefix("start-")
    text = f"{name} {detail}".strip()
    return text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 1]}…"


def _map_in(value: Any) -> Map | None:
    """The map that a value is or holds, as [:isolated {...}]."""
    if isinstance(value, Map):
        return value
    return next((item for item in value if isinstance(item, Map)), None) if type(value) is tuple else None


def _detail(value: Any) -> str:
    """What a nemesis' value says of the fault, in few words."""
    found = _map_in(value)
    if found is not None:
        return _sides(found) or " ".join(sorted(_word(key) for key, _ in found))
    if isinstance(value, Set):
        return " ".join(_detail(item) for item in value.in_order())
    if isinstance(value, tuple):
        return " ".join(_detail(item) for item in value)
    return "" if value is None else _word(value)


def _sides(cut: Map) -> str:
    """The sides of a partition, given for each node the set of those that it does not reach; "" if it has none."""
    if not all(isinstance(lost, Set) for _, lost in cut):
        return ""
    sides: dict[Set, list[str]] = {}
    for node, lost in cut:
        sides.setdefault(lost, []).append(_word(node))
    nodes = {_word(node) for node, _ in cut}
    clean = all({_word(node) for node in lost} == nodes - set(side) for lost, side in sides.items())
    return " | ".join(sorted(" ".join(sorted(side)) for side in sides.values())) if clean else ""


def _word(value: Any) -> str:
    return value.name if isinstance(value, Token) else str(value)
